"""A step whose loss or gradient is not finite changes nothing, on every device and by every way in, and says where it comes
from."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from emulated import EmulatedDevice
from netspec.diagnostics import NetspecError
from netspec.optimisers.parts.line_search import strong_wolfe
from netspec.runtime.network import Network
from netspec.runtime.standalone.emit import standalone
from sweeps import the_first

TEXT = """\
net a:
  input 2x5x5
  conv 4 3x3 bn relu
  dropout 0.2
  fc 3

train a:
  loss mse
  sgd lr=0.1 momentum=0.9
  average 0.9
  batch 4
"""
DEVICES = ("reference", "cpu", "cuda")


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", lambda: EmulatedDevice(False))


def made(device: str = "cpu", text: str = TEXT, **more: Any) -> Network:
    return netspec.compile(text=text, device=device, dtype="float32", seed=1).configure(**more)


def data(n: int = 12) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    return random.standard_normal((n, 2, 5, 5)).astype(np.float32), random.standard_normal((n, 3)).astype(np.float32)


def state(net: Network) -> dict[str, Any]:
    slots = {f"{s}/{k}": net.state.store.get_state(s, k).tobytes() for s in net.state.optimiser.slots for k in net.parameters}
    numbers = {k: np.asarray(v).tobytes()
               for k, v in {**net.parameters, **net.buffers, **{f"a/{k}": v for k, v in net.averages.items()}}.items()}
    kept = net.state.optimiser
    memory = (len(kept.memory.moves), kept.memory.iterations, kept.memory.scale)
    return slots | numbers | {"at": (net.step, kept.updates, net.epoch, net.state.average.taken, len(net.record), memory)}


def unchanged(net: Network, call: Callable[[], Any]) -> str:
    before = state(net)
    with pytest.raises(NetspecError) as e:
        call()
    assert state(net) == before
    assert e.value.diagnostics[0].code == "loss-exploded"
    return str(e.value)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_a_batch_that_is_not_finite_changes_nothing(device: str, bad: float) -> None:
    x, y = data()
    net = made(device)
    net.train_step(x[:4], y[:4])
    x[6, 1, 2, 3] = bad
    said = unchanged(net, lambda: net.train_step(x[4:8], y[4:8]))
    assert "at step 2" in said
    if bad != 3e38:
        assert f"input `input` of this batch holds {bad}, in example 2" in said
    assert np.isfinite(net.train_step(x[:4], y[:4]))
    assert np.isfinite(net.predict(x[:4])).all()


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_alone_and_weights_are_found(device: str) -> None:
    net = made(device, "net a:\n  input 1\n  fc 1\ntrain a:\n  loss mse\n  sgd lr=0.1\n")
    x, y = np.full((3, 1), 1e30), np.full((3, 1), 1e10)
    net.parameters["fc1.weight"] = [[1e-30]]
    said = unchanged(net, lambda: net.train_step(x, y))
    assert "gradient of fc1.weight is not finite" in said
    assert np.isfinite(net.train_step(x / 1e30, y / 1e10))
    net.parameters["fc1.weight"] = [[np.nan]]
    assert "fc1.weight" in unchanged(net, lambda: net.train_step(x / 1e30, y / 1e10))
    net.parameters["fc1.weight"] = [[1.0]]
    net.loss_and_gradients(x / 1e30, y / 1e10)
    assert "no step" in unchanged(net, lambda: net.update({"fc1.bias": [np.inf]}))


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_the_first_layer_line_and_example_are_named(device: str) -> None:
    """Weights of 1e20 twice: finite after the first layer, and in the second only where an example is not zero."""
    text = "net a:\n  input 3\n  fc 2 bias=no\n  relu\n  fc 2 bias=no\n  fc 1\ntrain a:\n  loss mse\n  sgd lr=0.1\n"
    net = made(device, text)
    net.parameters["fc1.weight"], net.parameters["fc2.weight"] = np.full((2, 3), 1e20), np.full((2, 2), 1e20)
    x = np.zeros((5, 3))
    x[3] = 1
    said = unchanged(net, lambda: net.train_step(x, np.zeros(5)))
    assert "forward of `fc 2 bias=no`, <text>:5:" in said
    assert "it is of example 3" in said
    normed = made(device, text.replace("fc 1\n", "fc 2 bn\n  fc 1\n"))
    normed.parameters["fc1.weight"], normed.parameters["fc2.weight"] = np.full((2, 3), 1e20), np.full((2, 2), 1e20)
    said = unchanged(normed, lambda: normed.fit(x, np.zeros(5), shuffle=False, epochs=1, verbose=0))
    assert "<text>:5:" in said, "before batch norm, which would spread it to all examples"
    assert "example 3 (example 3 of the data)" in said
    only = made(device, "net a:\n  input 1\n  fc 1 bias=no\ntrain a:\n  loss mse\n  sgd lr=0.1\n")
    only.parameters["fc1.weight"] = [[1e-30]]
    x, y = np.array([[0.0], [1e30], [1.0]]), np.array([[0.0], [1e10], [0.0]])
    said = unchanged(only, lambda: only.train_step(x, y))
    assert "in the gradient of `fc 1 bias=no`, <text>:3:" in said
    assert "it is of example 1" in said


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_fit_names_epoch_batch_and_the_example_of_the_data(device: str) -> None:
    x, y = data()
    net = made(device)
    net.fit(x, y, epochs=1, verbose=0)
    x[7, 0, 0, 0] = np.nan
    with pytest.raises(NetspecError) as e:
        net.fit(x, y, epochs=1, verbose=0)
    said = str(e.value)
    assert "epoch 2, batch" in said
    assert "(example 7 of the data)" in said
    assert all(np.isfinite(v).all() for v in {**net.parameters, **net.buffers, **net.averages}.values())


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("part", the_first(1, range(3)))
def test_all_parts_of_a_step_come_to_nothing(device: str, part: int) -> None:
    x, y = data()
    net = made(device, accumulate=3)
    net.fit(x, y, epochs=1, shuffle=False, verbose=0)
    x[4 * part] = np.inf
    said = unchanged(net, lambda: net.fit(x, y, epochs=1, shuffle=False, verbose=0))
    assert f"batch {part + 1}" in said
    assert f"(example {4 * part} of the data)" in said
    good = data()[0]
    other = made(device, accumulate=3)
    other.fit(good, y, epochs=1, shuffle=False, verbose=0)
    assert net.fit(good, y, epochs=1, shuffle=False, verbose=0)["loss"] == other.fit(good, y, epochs=1, shuffle=False,
                                                                                     verbose=0)["loss"]


def test_labels_that_are_all_ignored_do_not_hide_it() -> None:
    net = made(text=TEXT.replace("loss mse", "loss cross_entropy ignore=255"))
    x, _ = data(4)
    assert np.isnan(net.train_step(x, np.full(4, 255))), "no loss, no step"
    x[1] = np.nan
    assert "running statistic" in unchanged(net, lambda: net.train_step(x, np.full(4, 255)))


@pytest.mark.parametrize("optimiser", ["lbfgs lr=0.1 iterations=3", "lbfgs lr=0.1 iterations=3 search"])
def test_an_optimiser_of_the_host_changes_nothing_either(optimiser: str) -> None:
    x, y = data(8)
    net = made("reference", optimiser=optimiser, batch=8)
    net.fit(x, y, epochs=2, verbose=0)
    x[3] = np.nan
    unchanged(net, lambda: net.train_step(x, y))


def test_a_step_too_far_is_undone_and_a_search_goes_back() -> None:
    """Lengths of 1e9 lead out of float32: a fixed length comes to nothing, a search finds a way between."""
    text = "net a:\n  input 1\n  fc 1 bias=no\ntrain a:\n  loss mse\n"
    x, y = np.full((2, 1), 1e10), np.full((2, 1), 1e10)
    net = made("reference", text, optimiser="lbfgs lr=1e9 iterations=8")
    net.parameters["fc1.weight"] = [[3.0]]
    unchanged(net, lambda: net.train_step(x, y))
    net.configure(optimiser="lbfgs lr=1e9 iterations=8 search")
    before = net.loss_and_gradients(x, y)[0]
    net.train_step(x, y)
    assert net.loss_and_gradients(x, y)[0] < before / 2


@pytest.mark.parametrize("beyond", [np.nan, np.inf])
def test_a_line_search_takes_what_is_not_finite_for_too_far(beyond: float) -> None:
    def along(t: float) -> tuple[float, Any]:
        return ((t - 0.3) ** 2, np.array([2 * (t - 0.3)])) if t < 1 else (beyond, np.array([np.nan]))

    loss, _, t, _ = strong_wolfe(along, 64.0, np.array([1.0]), 0.09, np.array([-0.6]), -0.6)
    assert 0 < t < 0.6
    assert loss < 0.09


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_refused_first(bad: float) -> None:
    (x, y), net = data(), made()
    y[5, 1] = bad
    calls: list[Callable[[], Any]] = [lambda: net.fit(x, y, verbose=0), lambda: net.train_step(x, y), lambda: net.evaluate(x, y)]
    for call in calls:
        with pytest.raises(NetspecError, match="example 5"):
            call()
    assert net.step == 0


@pytest.mark.sweep
def test_the_emitted_file_stops_before_it_changes(tmp_path: Path) -> None:
    text = TEXT.replace("  average 0.9\n", "").replace("  conv 4 3x3 bn relu\n", "  bn\n")  # its kernels are compiled for it alone
    (tmp_path / "alone.py").write_text(standalone(netspec.load_graph(text=text).graph), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("alone", tmp_path / "alone.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net = module.Network(seed=1)
    x, y = data(4)
    net.step(x, y)
    before = {k: v.copy() for k, v in net.parameters.items()} | {k: v.copy() for k, v in net.state.items()}
    bad = x.copy()
    bad[2] = np.inf
    with pytest.raises(FloatingPointError, match="input"):
        net.step(bad, y)
    assert all(np.array_equal(before[k], v) for k, v in {**dict(net.parameters), **net.state}.items())
    assert net.steps == 1
    assert np.isfinite(net.step(x, y))
    net.save(tmp_path / "a.npz")
    written = (tmp_path / "a.npz").read_bytes()
    net.parameters["fc1.weight"] = np.full_like(net.parameters["fc1.weight"], np.inf)
    with pytest.raises(FloatingPointError, match=r"fc1\.weight"):
        net.save(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == written


LINEAR = """\
net a:
  input 2
  {}fc 1

train a:
  loss mse
  {}
  batch 4
"""
FINITE = [  # what a step of finite gradients leaves: layer, optimiser, size of the inputs, of the targets, and what overflows
    ("bn -> ", "sgd lr=1e-9", 1e20, 0.0, "bn1.var"),
    ("", "sgd lr=1e9", 1e13, 1e18, "fc1.weight"),
    ("", "adam lr=1e-3", 1e3, 1e17, "square of fc1.weight"),
    ("", "sgd lr=1e-30 momentum=0.9", 1.0, 1e19, ""),
]


@pytest.mark.parametrize(("device", "layer", "optimiser", "size", "far", "what"),
                         [("cpu", *FINITE[0]), *((device, *case) for device in ("reference", "cpu") for case in FINITE[1:])])
def test_numbers_that_overflow_behind_a_finite_loss_end_training(
        device: str, layer: str, optimiser: str, size: float, far: float, what: str, tmp_path: Path) -> None:
    """The step itself is fine; what it leaves must be finite numbers, and no others are ever written. (What the reference
    makes of such a variance is NaN already in the step.)"""
    net = made(device, LINEAR.format(layer, optimiser))
    path = tmp_path / "a.safetensors"
    net.save(str(path))
    before = path.read_bytes()
    random = np.random.default_rng(3)
    x = (size * random.standard_normal((4, 2))).astype(np.float32)
    y = np.full((4, 1), far, np.float32)

    def fit() -> Any:
        with np.errstate(all="ignore"):
            return net.fit(x, y, epochs=1, verbose=0, checkpoint=str(path))

    if not what:
        fit()
        made(device, LINEAR.format(layer, optimiser)).load(str(path))
        return
    with pytest.raises(NetspecError) as e:
        fit()
    [d] = e.value.diagnostics
    assert d.code == "loss-exploded" and f"diverged: {what} holds" in d.title and "after step 1" in d.title
    assert net.step == 1 and not net.epoch and path.read_bytes() == before
    with pytest.raises(NetspecError, match="diverged"):
        net.save(str(path))
    assert path.read_bytes() == before
    net.load(str(path))
    assert np.isfinite(net.predict(x / size)).all()
