"""How weights begin whose step does not say it."""

from __future__ import annotations

import re
from math import sqrt

import numpy as np
import pytest

import netspec
from sweeps import the_first
from where import ROOT

HE, LECUN = 2.0, 1.0  # times 1 / fan_in


def begins(body: str, name: str, head: str = "input 8x12x12") -> float:
    """The variance of a weight times its fan-in."""
    text = f"net a:\n  {head}\n" + "".join(f"  {line}\n" for line in body.split("\n"))
    net = netspec.compile(text=text, device="reference")
    w = net.parameters[f"{name}.weight"]
    fan = next(p.fan_in for p in net.graph.parameters if p.name == f"{name}.weight")
    assert abs(w.mean()) < 4 * w.std() / sqrt(w.size)
    assert not net.parameters.get(f"{name}.bias", np.zeros(1)).any()  # whatever the weight begins with
    return float(w.var() * fan)


@pytest.mark.parametrize(("body", "want"), [
    ("conv 64 3x3 relu", HE), ("conv 64 3x3 leaky", HE), ("conv 64 3x3 prelu", HE), ("conv 64 3x3 gelu", HE), ("conv 64 3x3 swish", HE),
    ("conv 64 3x3 bn relu", HE), ("conv 64 3x3 bn", HE), ("conv 64 3x3 -> maxpool 2 -> relu", HE), ("conv 64 3x3 -> pad 1 -> dropout 0.1 -> relu", HE),
    ("conv 64 3x3", LECUN), ("conv 64 3x3 tanh", LECUN), ("conv 64 3x3 selu", LECUN), ("conv 64 3x3 abs", LECUN),
    ("conv 64 3x3 -> softmax", LECUN), ("conv 64 3x3 -> conv 8 3x3 relu", LECUN), ("conv 64 3x3 -> fc 10", LECUN),
    ("conv 64 3x3 init=he -> fc 10", HE), ("conv 64 3x3 init=lecun relu", LECUN),
    ("residual: conv 8 3x3 relu -> conv 8 3x3 -> conv 8 1x1\nrelu", HE),
    ("default conv init=lecun\nconv 64 3x3 relu", LECUN), ("default conv init=lecun\nconv 64 3x3 relu init=he", HE),
    ("default conv init=lecun\ndefault conv relu\nconv 64 3x3", LECUN)])
def test_by_what_reads_the_step(body: str, want: float) -> None:
    assert begins(body, "conv1") == pytest.approx(want, rel=0.12)


def test_before_an_addition_that_is_rectified() -> None:
    assert begins("a: conv 64 3x3\nb: conv 64 3x3\nadd @a -> relu", "a") == pytest.approx(HE, rel=0.12)


def test_the_scores_of_classes_begin_with_lecuns() -> None:
    assert begins("fc 200 relu\nfc 100", "fc2", "input 300") == pytest.approx(LECUN, rel=0.1)
    assert begins("fc 200 relu\nfc 100", "fc1", "input 300") == pytest.approx(HE, rel=0.1)


def test_shared_weights_are_those_of_the_use_that_is_rectified() -> None:
    assert begins("a: fc 300\nb: reuse @a -> relu", "a", "input 300") == pytest.approx(HE, rel=0.1)


def test_a_default_says_how_all_that_its_steps_learn_is_treated() -> None:
    graph = netspec.load_graph(text="""net a:
  input 4
  default fc init="gaussian 0.5" bias_init=2 lr=0.1 decay=0
  fc 3
  fc 3 init=0 decay=1
""").graph
    said = {p.name: (p.init, dict(p.factors)) for p in graph.parameters}
    assert said == {"fc1.weight": ("gaussian 0.5", {"lr": 0.1, "decay": 0.0}), "fc1.bias": (2.0, {"lr": 0.1, "decay": 0.0}),
                    "fc2.weight": (0.0, {"lr": 0.1, "decay": 1.0}), "fc2.bias": (2.0, {"lr": 0.1, "decay": 1.0})}


def test_a_default_of_a_normalisation_holds_where_it_is_a_switch() -> None:
    graph = netspec.load_graph(text="net a:\n  input 4x6x6\n  default bn lr=0.5\n  conv 3 3x3 bn\n  conv 3 3x3 bn lr=2\n").graph
    assert {p.name: dict(p.factors) for p in graph.parameters if p.kind != "buffer"} == {
        "conv1.weight": {}, "conv1.bn.weight": {"lr": 0.5}, "conv1.bn.bias": {"lr": 0.5},
        "conv2.weight": {"lr": 2.0}, "conv2.bn.weight": {"lr": 2.0}, "conv2.bn.bias": {"lr": 2.0}}


@pytest.mark.sweep  # every spec there is
def test_every_shipped_classifier_begins_near_even_answers_and_learns() -> None:
    """What benchmarks/first_loss.py found; its small nets are measured again below."""
    rows = table()
    import first_loss

    assert {name for name, _ in rows} == {f"{path.stem}:{name}" for path, name, _, _ in first_loss.classifiers()}
    for (name, output), (expected, first, learnt) in rows.items():
        assert abs(first - expected) <= 0.7, (name, output)
        if learnt is not None:
            assert learnt[1] <= learnt[0], name
    assert sum(learnt is not None for *_, learnt in rows.values()) > 30


@pytest.mark.sweep  # it trains what the table has
@pytest.mark.parametrize("asked", the_first(1, ["linear:mlp", "lenet:lenet5"]))
def test_the_table_is_measured(asked: str) -> None:
    import first_loss

    path, name, spec, _ = next(c for c in first_loss.classifiers() if f"{c[0].stem}:{c[1]}" == asked)
    row, = first_loss.measured(path, name, spec, learns=True)
    expected, first, learnt = table()[asked, "out"]
    assert (expected, first) == (pytest.approx(np.log(10), abs=0.006), pytest.approx(row.loss, abs=0.006))
    assert learnt == (pytest.approx(row.learnt[0], abs=0.006), pytest.approx(row.learnt[1], abs=0.05))


def table() -> dict[tuple[str, str], tuple[float, float, tuple[float, float] | None]]:
    out = {}
    for line in (ROOT / "docs" / "first_loss.md").read_text(encoding="utf-8").splitlines():
        if re.match(r"\| \w+:", line):
            net, output, expected, first, _, learnt = (c.strip() for c in line.strip("|").split("|"))
            before, _, after = learnt.partition(" -> ")
            out[net, output] = float(expected), float(first), (float(before), float(after)) if after else None
    return out
