"""Gradient descent on an input: `net.optimise`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from emulated import EmulatedDevice
from netspec.diagnostics import NetspecError

LINEAR = "net a:\n  input 3\n  fc 2\ntrain a:\n  loss mse\n  sgd lr=0.5 momentum=0.9\n"
SMALL = "net a:\n  input 1x4x4\n  conv 3 3x3 tanh\n  output aux: avgpool global -> fc 2\n  conv 2 3x3 relu\n  dropout 0.5 mc\n  fc 3\n"
RANDOM = np.random.default_rng(0)


def made(text: str = SMALL, device: str = "reference", **more: Any) -> Any:
    return netspec.compile(text=text, device=device, seed=2, **more)


def test_steps_are_those_of_the_update_rule() -> None:
    """Of a linear network the gradient is known: 2/(N m) (W x + b - t) W, and v = 0.9 v + g, x -= lr v."""
    net = made(LINEAR, dtype="float64")
    x, t = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(4, 2))
    w, b = (net.parameters[f"fc1.{k}"] for k in ("weight", "bias"))
    got, history = net.optimise(inputs=x, targets=t, optimiser="sgd lr=0.5 momentum=0.9", steps=3)
    v, want = 0.0, x
    for loss in history["loss"][:-1]:
        off = want @ w.T + b - t
        assert loss == pytest.approx((off**2).mean(), rel=1e-12)
        v = 0.9 * v + 2 / off.size * off @ w
        want = want - 0.5 * v
    assert got == pytest.approx(want, rel=1e-12) and len(history["loss"]) == 4
    limited, _ = net.optimise(inputs=x, targets=t, optimiser="sgd lr=1 clip=0.01", steps=1)
    assert np.sqrt(((limited - x) ** 2).sum()) == pytest.approx(0.01)
    near, history = net.optimise(inputs=x, targets=t, optimiser="lbfgs search", steps=3)
    assert net.predict(near) == pytest.approx(t, abs=1e-5) and history["loss"][-1] < 1e-9
    assert len(net.optimise(inputs=near, targets=net.predict(near), steps=50)[1]["loss"]) < 5  # there is nowhere to go


def test_losses_and_functions_of_values_inside() -> None:
    """A loss of the language at a value inside, and a function that means the same, take the same way; weights stay."""
    net = made(dtype="float64")
    x, other = RANDOM.normal(size=(2, 2, 1, 4, 4))
    net.loss_and_gradients(x, {"aux": np.zeros((2, 2))}, loss="mse @aux")
    held = net.state.numbers(), [net.executor.gradient(k).copy() for k in net.parameters]
    wanted = net.activations(other, "conv1.raw")

    def content(values: Any) -> Any:
        z = values["conv1.raw"]
        return 0.5 * ((z - wanted) ** 2).sum() / 2, {"conv1.raw": (z - wanted) / 2}

    a, one = net.optimise(inputs=x, loss="content @conv1.raw", targets=wanted, steps=3, optimiser="adam lr=0.1")
    b, two = net.optimise(inputs=x, loss=content, outputs=["conv1.raw"], steps=3, optimiser="adam lr=0.1")
    assert a == pytest.approx(b, rel=1e-9) and one["loss"] == pytest.approx(two["loss"], rel=1e-9)
    assert one["loss"][-1] < 0.9 * one["loss"][0]
    c, several = net.optimise(inputs=x, loss=["content @conv1.raw", "mse @aux weight=0.5"], clip=(-0.25, 0.25), steps=4,
                              targets={"conv1.raw": wanted, "aux": np.zeros((2, 2))})
    assert abs(c).max() == 0.25 and several["loss"][1] == pytest.approx(several["conv1.raw.loss"][1] + 0.5 * several["aux.loss"][1])
    assert all((held[0][k] == v).all() for k, v in net.state.numbers().items())
    assert all((g == net.executor.gradient(k)).all() for g, k in zip(held[1], net.parameters))


def test_what_excites_a_unit_on_every_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """By finite differences of the function; what is drawn stays from step to step."""
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", lambda: EmulatedDevice(False))
    x = RANDOM.normal(size=(1, 1, 4, 4))

    def excited(values: Any) -> Any:
        return -values["conv2"][0, 1].sum() - values["out"][0, 2], {
            "conv2": -np.eye(2)[1].reshape(1, 2, 1, 1) * np.ones_like(values["conv2"]), "out": -np.eye(3)[[2]]}

    exact = made(dtype="float64")
    moved, history = exact.optimise(inputs=x, loss=excited, outputs=["conv2", "out"], optimiser="sgd lr=0.01", steps=1)
    draw = exact.drawn

    def value(at: Any) -> float:
        return float(excited(exact.predict(at, outputs=["conv2", "out"], draw=draw))[0])

    steps = np.eye(16).reshape(16, 1, 1, 4, 4) * 1e-6
    slope = np.array([(value(x + s) - value(x - s)) / 2e-6 for s in steps]).reshape(x.shape)
    assert moved == pytest.approx(x - 0.01 * slope, abs=1e-8) and history["loss"] == [value(x), value(moved)]
    for device in ("cpu", "cuda"):
        again, _ = made(device=device).optimise(inputs=x, loss=excited, outputs=["conv2", "out"], optimiser="sgd lr=0.01", steps=1)
        assert again == pytest.approx(moved, abs=1e-6), device


def test_what_cannot_be_optimised() -> None:
    net, x = made(), np.zeros((1, 1, 4, 4))
    for error, call in (
            ("clip=", lambda: net.optimise(inputs=x, loss="mse @aux", targets=np.zeros((1, 2)), clip=(1, 0))),
            ("gives a float, and no pair", lambda: net.optimise(inputs=x, loss=lambda values: 1.0)),
            ("gradient of `conv1` has the wrong shape", lambda: net.optimise(inputs=x, outputs="conv1", loss=lambda v: (0, x))),
            ("did you mean", lambda: net.optimise(inputs=x, loss="content @conv11")),
            ("no loss is stated", lambda: net.optimise(inputs=x)),
            ("loss of step 1 is not finite", lambda: net.optimise(inputs=x, outputs="conv1", loss=lambda v: (np.nan, v["conv1"])))):
        with pytest.raises(NetspecError) as e:
            call()
        assert error in str(e.value)


@pytest.mark.parametrize("value", [np.zeros(2), None, "a", [1.0]])
def test_a_function_gives_one_number(value: Any) -> None:
    with pytest.raises(NetspecError, match="and no number"):
        made(LINEAR).optimise(inputs=np.ones((1, 3)), loss=lambda found: (value, {}))
