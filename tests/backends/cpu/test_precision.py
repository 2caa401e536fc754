"""`precision`: where it can be said, that it arrives everywhere, and that data as they come are multiplied as the formula
says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends.cpu.families.step import Step
from netspec.backends.cpu.plan import plan_entry
from netspec.cli import main
from netspec.ir.graph import Graph
from netspec.runtime.sizes import bind
from netspec.runtime.train.recipe import recipe_of
from sweeps import the_first

SPIKES = (-9999.0, 65504.0, 1e6, 3e38, float("nan"))
TWO = "net a:\n  input 16x20x20\n  conv 16 3x3 bn relu\n  conv 16 3x3 bn relu\n  avgpool global\n  fc 5\n"
TRAIN = "train a:\n  loss cross_entropy\n  sgd lr=0.1\n"


def forms(graph: Graph, entry: str = "gradients", dtype: str = "float32") -> dict[str, str]:
    """The form of every contraction of a program."""
    planned, _ = plan_entry(graph, entry, recipe_of(graph).terms, dtype)
    return {n.op.nodes[0].name: n.op.form for n in planned.program.nodes if isinstance(n.op, Step)
            and n.op.kind in ("gather", "outer")}


def test_exact_trains_as_the_reference() -> None:
    """The sums of a batch norm are laid out in as many parts as the direct convolution writes."""
    text = "net a:\n  input 32x28x28\n  conv 32 3x3 bn relu\n  avgpool global\n  fc 5\n" + TRAIN
    x, y = np.random.default_rng(0).standard_normal((2, 32, 28, 28)), [0, 3]
    reference = netspec.compile(text=text, device="reference")
    want = [reference.train_step(x, y) for _ in range(2)]
    for precision in ("exact", "float32"):
        net = netspec.compile(text=text, precision=precision)
        assert [net.train_step(x, y) for _ in range(2)] == pytest.approx(want, rel=1e-5)
        for name, b in reference.buffers.items():
            np.testing.assert_allclose(net.buffers[name], b, rtol=1e-5, atol=1e-6, err_msg=f"{precision} {name}")
        for name, p in reference.parameters.items():
            assert abs(net.parameters[name] - p).max() < 1e-4, f"{precision} {name}"


def test_forms() -> None:
    found = forms(netspec.load_graph(text=TWO + TRAIN).graph)
    assert [found["conv1.y"], found["conv2.y"], found["d.conv1.weight"],
            found["d.conv2.weight"]] == ["direct", "winograd", "direct", "winograd"]
    assert set(forms(netspec.load_graph(text=TWO + TRAIN + "  precision exact\n").graph).values()) == {"direct"}
    assert set(forms(netspec.load_graph(text=TWO + TRAIN).graph, dtype="float64").values()) == {"direct"}
    assert forms(netspec.load_graph(text=TWO).graph, "predict")["conv1.y"] == "direct"


BEFORE = ["", "pad 1", "pad 1 reflect", "crop 1", "maxpool 3 /1 same", "avgpool 2 /1", "relu", "tanh", "dropout 0.1", "lrn 3",
          "bn", "scale", "reshape 8x16x32 -> reshape 16x16x16", "channels 0..15",
          "prelu", "concat: | skip | relu", "concat: | skip | @other", "residual: conv 16 3x3", "add @other",
          "unshuffle 2 -> shuffle 2", "conv 16 3x3 groups=16 values=[[0,1,0],[1,2,1],[0,1,0]]"]


@pytest.mark.parametrize("before", BEFORE)
def test_data_as_they_come_are_direct(before: str) -> None:
    """In the forward program and in the weight gradient, through whatever bounds nothing."""
    lines = before.replace(" | ", "\n    | ") if before.startswith("concat") else before
    try:
        graph = netspec.load_graph(
            text=f"net a:\n  input 16x16x16\n  input other 16x16x16\n  @input\n  {lines}\n  last: conv 16 3x3\n  next: conv 16 3x3\n".replace("  \n", "")).graph
    except netspec.NetspecError as e:
        pytest.fail(str(e))
    for entry in ("predict", "gradients"):
        found = forms(graph, entry)
        assert found["last.y"] == "direct", entry
        assert found["next.y"] == "winograd", entry
    assert found["d.last.weight"] == "direct"


@pytest.mark.parametrize("before", the_first(1, ["", "  pad 1\n", "  maxpool 2 /1\n"]))
def test_a_spike_stays_where_it_is_seen(before: str) -> None:
    """What PyTorch and the direct form do: nothing changes at places that do not see the pixel, and the rest rounds as a sum."""
    text = f"net a:\n  input 32x24x24\n{before}  conv 32 3x3\n"
    net, double = netspec.compile(text=text), netspec.compile(text=text, dtype="float64")
    x = np.random.default_rng(1).standard_normal((1, 32, 24, 24)).astype(np.float32)
    clean = net.predict(x)
    dy = np.random.default_rng(2).standard_normal(clean.shape).astype(np.float32)
    for spike in SPIKES:
        seen = x.copy()
        seen[0, 3, 9, 10] = spike
        y = net.predict(seen)
        changed = np.argwhere((y != clean).any(1)[0] | np.isnan(y).any(1)[0])
        reach = 1 + ("pool" in before)
        shift = "pad" in before
        assert (changed >= np.array([9, 10]) + shift - reach).all() and (changed <= np.array([9, 10]) + shift + 1).all(), spike
        if abs(spike) < 1e7:
            want = double.predict(seen)
            terms = net_of_sizes(double, seen)
            assert (abs(y - want) <= 5e-6 * terms).all(), spike
            net.forward(seen)
            double.forward(seen)
            got, exact = net.backward(dy)["conv1.weight"], double.backward(dy)["conv1.weight"]
            assert abs(got - exact)[:, [c for c in range(32) if c != 3]].max() <= 3e-6 * abs(exact).max(), spike


def net_of_sizes(net: netspec.Network, x: Any) -> Any:
    """What the sum of the sizes of all terms is at each place: rounding is a part of it."""
    kept = net.parameters["conv1.weight"]
    net.set_parameters({"conv1.weight": abs(kept)})
    y = net.predict(abs(x))
    net.set_parameters({"conv1.weight": kept})
    return y


# ---- where it is said ----------------------------------------------------------------------------------------------------------
def test_the_section_the_argument_and_the_default(tmp_path: Path) -> None:
    assert netspec.compile(text=TWO).precision == "float32"
    said = TWO + TRAIN + "  precision exact\n"
    assert netspec.compile(text=said).precision == "exact"
    assert netspec.compile(text=said, precision="float32").precision == "float32"
    spec = netspec.load_graph(text=said)
    assert spec.memory() == spec.memory(precision="exact") != spec.memory(precision="float32")
    open_sizes = netspec.compile(text=said.replace("16x20x20", "16x?x?"))
    assert bind(open_sizes.state, {"input": np.zeros((1, 16, 20, 20))}).target.precision == "exact"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("word", "says"), [("bf16", " yet"), ("tf32", " yet"), ("exakt", "float32 and exact"),
                                            ("", "float32 and exact"), (3, "`3`"), ("float16", "float32 and exact")])
def test_words_that_are_none(word: Any, says: str) -> None:
    for refused in (lambda: netspec.compile(text=TWO, precision=word),
                    lambda: netspec.load_graph(text=TWO).memory(precision=word)):
        with pytest.raises(netspec.NetspecError) as e:
            refused()
        assert says in str(e.value)
    with pytest.raises(netspec.NetspecError) as e:
        netspec.load_graph(text=TWO + TRAIN + f"  precision {word}\n")
    assert says in str(e.value) or "one word" in str(e.value)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "a.net"
    spec.write_text(TWO + TRAIN)
    for command in ("summary --memory", "show program --entry gradients", "show kernels", "emit"):
        name, *options = command.split()
        stage = [options.pop(0)] if name == "show" else []
        out = {}
        for precision in ("float32", "exact"):
            assert main([name, *stage, str(spec), *options, "--precision", precision]) == 0
            out[precision] = capsys.readouterr().out
        assert main([name, *stage, str(spec), *options]) == 0
        assert capsys.readouterr().out == out["float32"] != out["exact"], command
        assert ("inograd" in out["float32"], "inograd" in out["exact"]) == (name != "summary",
                                                                            ) * 2 if name == "emit" else (name != "summary",
                                                                                    False), command
    with pytest.raises(SystemExit) as e:
        main(["summary", str(spec), "--precision", "bf16"])
    assert e.value.code == 2
    assert " yet" in capsys.readouterr().err
    spec.write_text(TWO + TRAIN + "  precision exact\n")
    assert main(["show", "program", str(spec)]) == 0
    assert "winograd" not in capsys.readouterr().out
    assert main(["show", "program", str(spec), "--precision", "float32"]) == 0
    assert "by winograd" in capsys.readouterr().out
