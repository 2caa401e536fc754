"""`netspec verify`: right nets pass, and a backend or a gradient that is wrong is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends.cpu.values import Port
from netspec.cli import main
from netspec.ir.graph import Graph
from netspec.runtime.check import verify as verifying
from netspec.runtime.check.convolutions import convolutions
from netspec.runtime.check.verify import examples, verify
from netspec.runtime.network import Network

TEXT = "net a:\n  input 2x9x9\n  conv 6 3x3 bn relu\n  residual: conv 6 3x3\n  maxpool 2 -> dropout 0.3 -> fc 4\n"


def graph(text: str = TEXT) -> Graph:
    return netspec.load_graph(text=text).graph


@pytest.mark.sweep  # the command below runs it
def test_a_right_net_is_right() -> None:
    found = list(verify(graph()))
    assert len(found) == 10
    assert all(f.right for f in found), [str(f) for f in found]
    assert all(f.worst > 0 for f in found if "float32" in f.what)


def test_one_sample_without_statistics_is_run_in_evaluation_alone() -> None:
    found = list(verify(graph("net a:\n  input 3\n  fc 4 bn\n"), batch=1))
    assert [f.what.split()[2].rstrip(",") for f in found] == ["evaluation"] * 5


def test_several_inputs_and_outputs() -> None:
    text = (
        "net a:\n  input l 1x8x8\n  input r 1x8x8\n  f: conv 4 3x3 relu\n  @l -> reuse @f -> sub @f\n  output aux: fc 3\n  conv 2 3x3\n")
    assert all(f.right for f in verify(graph(text)))


@pytest.mark.sweep
def test_a_wrong_backend_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Port.read
    monkeypatch.setattr(Port, "read", lambda *a: read(*a) * (1 + 1e-6))
    found = {f.what: f.right for f in verify(graph())}
    assert not found["outputs in evaluation, float64"]
    assert found["outputs in evaluation, float32"]


@pytest.mark.sweep
def test_a_gradient_that_both_backends_have_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    backward = Network.backward

    def wrong(self: Network, *args: Any, **named: Any) -> dict[str, Any]:
        out = backward(self, *args, **named)
        return out | {"fc1.weight": out["fc1.weight"] * 1.001}

    monkeypatch.setattr(Network, "backward", wrong)
    found = {f.what: f for f in verify(graph())}
    assert found["gradients in evaluation, float64"].right
    assert not found["gradients in evaluation, finite differences"].right
    assert found["gradients in evaluation, finite differences"].where == "fc1.weight"


def test_what_is_no_number_is_wrong() -> None:
    assert not verifying._compared("", {"a": np.array([np.nan])}, {"a": np.ones(1)}, 1e-9, verifying._largest).right


def test_the_command(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "a.net"
    spec.write_text(TEXT)
    assert main(["verify", str(spec)]) == 0
    assert capsys.readouterr().out.count("\nok ") == 10
    spec.write_text("net a:\n  input 3x?x?\n  conv 4 3x3\n")
    assert main(["verify", str(spec)]) == 1
    assert "must be known" in capsys.readouterr().err
    assert main(["verify", str(spec), "--input", "3x6x6", "--batch", "1"]) == 0


def test_convolutions_on_the_users_own_data(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The form of each, and the error on the examples with the largest numbers; `exact` has none but the direct form's."""
    text = "net a:\n  input 8x12x12\n  conv 8 3x3 relu\n  conv 8 3x3\n  avgpool global\n  fc 3\n"
    train = 'train a:\n  data "mine.npz"\n  loss cross_entropy\n  sgd lr=0.1\n'
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 8, 12, 12)).astype(np.float32)
    x[7, 3, 5, 5], x[9, 0, 0, 0] = -9999, np.nan
    np.savez(tmp_path / "mine.npz", x=x, y=rng.integers(0, 3, 20))
    spec = tmp_path / "a.net"
    spec.write_text(text + train)
    assert main(["verify", str(spec), "--batch", "2"]) == 0
    head, *lines = capsys.readouterr().out.partition("convolutions ")[2].splitlines()
    found = {line[:41]: line[41:] for line in lines}
    assert "float32, on the 2 widest examples of mine.npz, from -9999 to" in head
    assert "1 with numbers that are not finite" in head
    forms = {k.split(None, 1)[0] + k[24:40].strip(): v.split()[0] for k, v in found.items()}
    assert forms == {"conv1output": "direct", "conv1weight gradient": "direct", "conv2output": "winograd",
                     "conv2weight gradient": "winograd"}
    second = next(v for k, v in found.items() if k.startswith("conv2") and "output" in k)
    error, direct = (float(second.split(mark)[1].split()[0]) for mark in ("winograd ", "direct "))
    assert error > 2 * direct > 0
    exact = netspec.load_graph(spec, "a").graph
    exact = replace(exact, precision="exact")
    x2, said, trains = examples(exact, str(tmp_path / "mine.npz"), 2)
    assert "mine.npz" in said and trains
    assert {m.form for m in convolutions(exact, x2, training=trains)} == {"direct"}
    assert "2 examples of Gaussian numbers" in examples(netspec.load_graph(text=text).graph, None, 2)[1]
    spec.write_text(text + train.replace("mine", "gone"))
    assert "there is no data file" in examples(netspec.load_graph(spec).graph, None, 2)[1]
    with pytest.raises(netspec.NetspecError):
        examples(exact, str(tmp_path / "gone.npz"), 2)
