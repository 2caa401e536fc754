"""Gradients of values inside a network to its inputs and to others: `net.derivatives`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import netspec
from emulated import EmulatedDevice
from netspec.backends.reference.interpret import run
from netspec.diagnostics import NetspecError
from netspec.ir.graph import Input, Parameter
from netspec.passes.drop_dead import drop_dead
from netspec.passes.lower import lower
from netspec.runtime import drawing, inner

TEXT = ("net a:\n  input 2x4x4\n  conv 4 3x3 bn relu\n  p: maxpool 2\n  residual:\n    conv 4 3x3 elu\n  dropout 0.5 mc\n"
        "  flatten\n  fc 7 relu\n  fc 3 softmax\n")
PAIR = "net a:\n  input left 3\n  input right 3\n  @left -> mul @right -> fc 2\n"
INSIDE = ("conv1", "p", "add1", "flatten1", "fc1", "input")
RANDOM = np.random.default_rng(0)


def made(text: str = TEXT, device: str = "reference", **more: Any) -> Any:
    return netspec.compile(text=text, device=device, seed=2, **more)


def test_are_finite_differences() -> None:
    """To every value on the way: what is changed inside is a bias that is put there."""
    net, x, factors = made(dtype="float64"), RANDOM.normal(size=(3, 2, 4, 4)), RANDOM.normal(size=(3, 3))
    found = net.derivatives(x, {"fc2": factors}, to=INSIDE, draw=4)
    assert list(found) == list(INSIDE)
    size = 1e-6
    for name, g in found.items():
        values, after = net.activations(x, name, draw=4), _after(net, x, name)
        assert g.shape == values.shape
        for place in [tuple(RANDOM.integers(n) for n in g.shape) for _ in range(3)]:
            ends = []
            for by in (size, -size):
                moved = values.copy()
                moved[place] += by
                ends.append((factors * after(moved)).sum())
            assert g[place] == pytest.approx((ends[0] - ends[1]) / (2 * size), abs=1e-8), (name, place)


def _after(net: Any, x: Any, name: str) -> Callable[[Any], Any]:
    """What the network answers where a value inside is another: the formulas after it, by the interpreter."""
    v = inner.meant(net.graph, [name])[name]
    given = [replace(n, op=Input("input"), inputs=(), parameters=()) if n.name == v else n for n in net.graph.nodes]
    cut = drop_dead(lower(False)(net.graph.with_nodes(given)))
    key = drawing.of_call(net.state, 4)
    env: dict[str, Any] = {n.name: np.asarray(net.state.store.get(n.name)) for n in cut if isinstance(n.op, Parameter)}
    env |= {n.name: np.array([key if n.name == "random_key" else 0]) for n in cut
            if isinstance(n.op, Input) and n.op.role == "scalar"}
    return lambda values: run(cut, env | {"input": x, v: values}, len(x))[dict(cut.outputs)["out"]]


def test_batches_backends_and_several_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", lambda: EmulatedDevice(False))
    x, factors = RANDOM.normal(size=(3, 2, 4, 4)), RANDOM.normal(size=(3, 3))
    of = {"fc2.raw": factors, "conv1": 0.1, "p": RANDOM.normal(size=(4, 2, 2))}
    net = made(dtype="float64")
    whole = net.derivatives(x, of, to=INSIDE, draw=0)
    for guided in (False, True):
        once = net.derivatives(x, of, draw=0, guided=guided)
        apart = [net.derivatives(x, {k: v}, draw=0) for k, v in of.items()]
        if not guided:  # sums go back as the sum of what goes back
            assert once == pytest.approx(sum(apart), abs=1e-12) and once == pytest.approx(whole["input"], abs=1e-12)
        assert net.derivatives(x, of, draw=0, guided=guided, batch=2) == pytest.approx(once, abs=1e-15)
        got = made(device="cpu").derivatives(x, of, to=("p", "input"), draw=0, guided=guided)
        assert got["input"] == pytest.approx(once, abs=2e-5)
        assert got["p"] == pytest.approx(net.derivatives(x, of, to="p", draw=0, guided=guided), abs=2e-5)
    small = "net a:\n  input 1x3x3\n  conv 4 3x3 relu\n  fc 8 relu\n  fc 2\n"
    every = [made(small, device).derivatives(x[:, :1, 1:, 1:], {"fc2": [1, -1]}, to=("conv1", "input"), guided=True)
             for device in ("reference", "cuda")]
    assert every[0]["conv1"] == pytest.approx(every[1]["conv1"], abs=1e-6) and every[0]["input"].any()
    assert every[0]["input"] == pytest.approx(every[1]["input"], abs=1e-6)
    assert not net.derivatives(x, {"conv1": 1.0}, to="fc1").any()  # nothing of conv1 is made from fc1
    assert net.derivatives(x, {"fc2": factors}, to="fc2") == pytest.approx(factors)
    held = net.state.numbers()
    assert all((held[k] == v).all() for k, v in made(dtype="float64").state.numbers().items())


def test_several_inputs() -> None:
    net, x = made(PAIR, dtype="float64"), {k: RANDOM.normal(size=(2, 3)) for k in ("left", "right")}
    w, found = net.parameters["fc1.weight"], net.derivatives(x, {"fc1": np.eye(2)[1]})
    assert found["left"] == pytest.approx(w[1] * x["right"]) and found["right"] == pytest.approx(w[1] * x["left"])
    assert net.derivatives(x, {"fc1": 1}, to="right") == pytest.approx(w.sum(0) * x["left"])


def test_guided_goes_back_through_what_is_above_zero_alone() -> None:
    """By hand: a rectifier's gradient is that from above, where that and its input are above zero."""
    net = made("net a:\n  input 4\n  fc 5 relu\n  fc 6 relu\n  fc 2\n", dtype="float64")
    x = RANDOM.normal(size=(3, 4))
    values = net.activations(x, "fc1.raw", "fc2.raw")
    g = np.broadcast_to(net.parameters["fc3.weight"][1], (3, 6))
    for name in ("fc2", "fc1"):
        g = np.where(values[f"{name}.raw"] > 0, np.maximum(g, 0), 0) @ net.parameters[f"{name}.weight"]
    assert net.derivatives(x, {"fc3": [0, 1]}, guided=True) == pytest.approx(g, abs=1e-14)
    assert abs(net.derivatives(x, {"fc3": [0, 1]}) - g).max() > 0.01


def test_what_is_no_derivative() -> None:
    net, x = made(), np.zeros((1, 2, 4, 4))
    for error, call in (("did you mean `conv1`", lambda: net.derivatives(x, {"cnv1": 1})),
                        ("did you mean `conv1`", lambda: net.derivatives(x, {"fc2": 1}, to="conv11")),
                        ("factors of `fc2` do not fit", lambda: net.derivatives(x, {"fc2": np.ones((2, 3))})),
                        ("factors of `fc2` do not fit", lambda: net.derivatives(x, {"fc2": "one"})),
                        ("nothing is named", lambda: net.derivatives(x, {})),
                        ("values by name", lambda: net.derivatives(x, "fc2")),
                        ("wrong shape", lambda: net.derivatives(x[0], {"fc2": 1}))):
        with pytest.raises(NetspecError) as e:
            call()
        assert error in str(e.value)


@pytest.mark.torch
def test_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    net = made(TEXT.replace("  dropout 0.5 mc\n", ""), dtype="float64")
    p = {k: torch.tensor(np.array(v)) for k, v in {**net.parameters, **net.buffers}.items()}
    f = torch.nn.functional

    class Guided(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(c: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(c: Any, g: Any) -> Any:
            return g.clamp(min=0)

    x, factors = RANDOM.normal(size=(3, 2, 4, 4)), RANDOM.normal(size=(3, 3))
    for guided in (False, True):
        through = Guided.apply if guided else (lambda x: x)
        t = torch.tensor(x, requires_grad=True)
        z = f.conv2d(t, p["conv1.weight"], padding=1)
        z = f.batch_norm(z, p["conv1.bn.mean"], p["conv1.bn.var"], p["conv1.bn.weight"], p["conv1.bn.bias"])
        conv1 = through(torch.relu(z))
        z = f.max_pool2d(conv1, 2)
        add1 = z + through(f.elu(f.conv2d(z, p["conv2.weight"], p["conv2.bias"], padding=1)))
        z = through(torch.relu(f.linear(add1.flatten(1), p["fc1.weight"], p["fc1.bias"])))
        out = f.linear(z, p["fc2.weight"], p["fc2.bias"])
        want = torch.autograd.grad((out.softmax(1) * torch.tensor(factors)).sum(), (t, conv1, add1))
        got = net.derivatives(x, {"fc2": factors}, to=("input", "conv1", "add1"), guided=guided)
        for a, b in zip(got.values(), want):
            assert a == pytest.approx(b.numpy(), abs=1e-13)
