"""Values inside a network: `net.activations`, `net.predict(outputs=)`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from emulated import EmulatedDevice
from netspec.diagnostics import NetspecError

STEPS = ("  input 2x6x6\n", "  conv 4 3x3 bn relu\n", "  stage: repeat 2:\n    residual: conv 4 3x3 bn relu\n    relu\n",
         "  output aux: avgpool global -> fc 2\n", "  dropout 0.5 mc\n", "  fc 5 tanh\n", "  fc 3\n")
X = np.random.default_rng(0).normal(size=(7, 2, 6, 6))


def made(device: str = "reference", steps: int = len(STEPS), **more: Any) -> Any:
    net = netspec.compile(text="net a:\n" + "".join(STEPS[:steps]), device=device, seed=3, **more)
    for name in net.buffers:
        net.buffers[name] = np.linspace(0.5, 1.5, net.buffers[name].size).reshape(net.buffers[name].shape)
    return net


def test_a_value_inside_is_what_the_network_cut_there_gives() -> None:
    net = made(dtype="float64")
    assert np.array_equal(net.activations(X, "conv1"), made(steps=2, dtype="float64").predict(X))
    found = net.activations(X, "stage", "stage.relu2", "aux", "input", batch=3)
    assert list(found) == ["stage", "stage.relu2", "aux", "input"] and (found["stage"] == found["stage.relu2"]).all()
    assert found["stage"] == pytest.approx(made(steps=3, dtype="float64").predict(X), rel=1e-14) and (found["input"] == X).all()
    assert found["aux"] == pytest.approx(net.predict(X)["aux"], rel=1e-14)
    raw, bn, last = (net.activations(X, name) for name in ("conv1.raw", "conv1.bn", "conv1.relu"))
    p, b = net.parameters, net.buffers
    by_hand = (raw - b["conv1.bn.mean"].reshape(-1, 1, 1)) / np.sqrt(b["conv1.bn.var"].reshape(-1, 1, 1) + 1e-5)
    by_hand = by_hand * p["conv1.bn.weight"].reshape(-1, 1, 1) + p["conv1.bn.bias"].reshape(-1, 1, 1)
    assert bn == pytest.approx(by_hand, rel=1e-12, abs=1e-12) and (last == np.maximum(bn, 0)).all()
    assert list(net.activations(X)) == ["input", "conv1", *(f"stage.{n}" for n in ("conv1", "add1", "relu1", "conv2", "add2", "relu2")),
                                        "aux.avgpool1", "aux.fc1", "dropout1", "fc1", "fc2"]


def test_what_is_drawn_is_drawn_inside_too() -> None:
    """Masks are those of the whole network, whichever part of it runs and however it is cut."""
    net = made()
    inside = net.activations(X, "dropout1")
    whole = net.predict(X, draw=net.drawn)["out"]
    again = net.predict(X, outputs=["fc1", "fc2", "dropout1"], draw=net.drawn, batch=2)
    assert (again["dropout1"] == inside).all() and again["fc2"] == pytest.approx(whole, rel=1e-5, abs=1e-6)
    assert (net.activations(X, "dropout1") != inside).any()


def test_every_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", lambda: EmulatedDevice(False))
    names = ("input", "conv1.raw", "conv1", "stage.conv1.bn", "stage", "aux", "dropout1", "fc1.raw", "fc1", "out")
    want = made(dtype="float64").predict(X, outputs=names)
    for device in ("cpu", "cuda"):
        net = made(device)
        for name, value in net.predict(X[:3], outputs=names, draw=0).items():
            assert value == pytest.approx(want[name][:3], rel=1e-4, abs=1e-5), (device, name)
        one = net.predict(X[:1], outputs="conv1")
        held = one.copy()
        assert (net.activations(-X[:1], "conv1") != held).any() and (one == held).all()
    open_ = netspec.compile(text="net a:\n  input 1x?x?\n  conv 2 3x3 relu\n  conv 1 1x1\n", device="cpu")
    assert [open_.activations(np.zeros((1, 1, n, n)), "conv1").shape[2] for n in (4, 9)] == [4, 9]


def test_only_what_is_needed_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    import netspec.backends.reference.interpret as interpret
    ran: list[str] = []
    real = interpret.evaluate_node
    monkeypatch.setattr(interpret, "evaluate_node", lambda n, *rest: ran.append(n.name) or real(n, *rest))  # type: ignore[func-returns-value]
    made().activations(X, "conv1.raw")
    assert ran and all(name.startswith("conv1") for name in ran)


def test_names_that_nothing_has() -> None:
    net = made()
    for name, hint in (("conv11", "did you mean `conv1`?"), ("@stagee", "`stage`"), ("nothing like it", "net.summary() has the names")):
        with pytest.raises(NetspecError) as e:
            net.activations(X, "fc1", name)
        assert hint in str(e.value) and e.value.diagnostics[0].code == "unknown-name"
    with pytest.raises(NetspecError, match="has a name, a text"):
        net.predict(X, outputs=[3])
    with pytest.raises(NetspecError, match="wrong shape"):
        net.activations(X[:, :1], "fc1")
