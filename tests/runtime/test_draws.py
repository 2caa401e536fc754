"""What dropout draws: anew at each call and example, the same for the same seed, call and example, wherever and however it
runs."""

from __future__ import annotations

import importlib.util
import threading
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from emulated import EmulatedDevice
from netspec.runtime.network import Network
from netspec.runtime.standalone.emit import standalone

MC = "net a:\n  input 6x2x3\n  dropout 0.4 mc\n"
BOTH = "net a:\n  input 6x2x3\n  dropout 0.4 mc\n  dropout 0.3 spatial mc\n  flatten\n  dropout 0.5 mc\n"
TRAINED = "net a:\n  input 6x2x3\n  conv 4 1x1 relu\n  dropout 0.5\n  fc 3\ntrain a:\n  loss mse\n  sgd lr=0.05\n  batch 4\n"
PATH = "net a:\n  input 6x2x3\n  drop_path 0.4\n"
DEVICES = ("reference", "cpu", "cuda")


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", lambda: EmulatedDevice(False))


def made(text: str = MC, device: str = "cpu", seed: int = 1, dtype: str = "float32") -> Network:
    return netspec.compile(text=text, device=device, seed=seed, dtype=dtype)


def ones(n: int) -> Any:
    return np.ones((n, 6, 2, 3), np.float32)


def kept(net: Network, n: int = 40, **more: Any) -> Any:
    return net.predict(ones(n), **more) != 0


def near(part: float, expected: float, of: int) -> None:
    """Within five standard deviations of a mean of so many coins."""
    assert abs(part - expected) < 5 * sqrt(expected * (1 - expected) / of)


def test_masks_are_fair_and_know_nothing_of_each_other() -> None:
    net, rate, n = made(), 0.4, 1500
    a, b = kept(net, n), kept(net, n)
    near(a.mean(), 1 - rate, a.size)
    values = net.predict(ones(n))
    assert values.mean() == pytest.approx(1, abs=0.03)
    assert values.var() == pytest.approx(rate / (1 - rate), abs=0.03)
    same = (1 - rate) ** 2 + rate**2
    for one, other in ((a, b), (a[1:], a[:-1]), (a[256:], a[:-256]), (a[:, 1:], a[:, :-1]), (a[..., 1:], a[..., :-1]),
                       (a, kept(made(seed=2), n))):
        near((one == other).mean(), same, one.size)
    assert len(np.unique(a.reshape(n, -1), axis=0)) > n - 5, "2**36 masks: hardly one comes twice"
    by_example = a.reshape(n, -1).mean(1)
    assert by_example.var() == pytest.approx(rate * (1 - rate) / 36, rel=0.2)
    layers = netspec.compile(text="net a:\n  input 6x2x3\n  dropout 0.4 mc\n  output one: relu\n  dropout 0.4 mc\n", seed=1)
    out = layers.predict(ones(400))
    first, second = out["one"] != 0, next(v for k, v in out.items() if k != "one") != 0
    near(second[first].mean(), 1 - rate, int(first.sum()))


@pytest.mark.parametrize("text", [MC, BOTH])
def test_the_same_bits_wherever_and_however_it_runs(text: str) -> None:
    nets = [made(text, device) for device in DEVICES]
    first = nets[0].predict(ones(11))
    for net in nets[1:]:
        assert np.array_equal(net.predict(ones(11)) != 0, first != 0)
    cpu = nets[1]
    whole = cpu.predict(ones(300), draw=3)
    assert np.array_equal(whole, made(text, dtype="float64").predict(ones(300), draw=3).astype(np.float32)) or text == BOTH
    for size in (1, 7, 256, 300):
        assert np.array_equal(cpu.predict(ones(300), batch=size, draw=3), whole)
    assert np.array_equal(cpu.predict(ones(5), draw=3), whole[:5])
    assert np.array_equal(nets[2].predict(ones(9), batch=4, draw=3) != 0, whole[:9] != 0)
    assert np.array_equal(nets[0].predict(ones(9), batch=4, draw=3) != 0, whole[:9] != 0)
    assert np.array_equal(made(text, "reference").predict(ones(11)), first), "a new network begins anew"


@pytest.mark.parametrize("device", DEVICES)
def test_a_path_is_dropped_for_a_whole_example(device: str) -> None:
    """y = x noise, dx = dy noise, where noise is 0 or 1/keep for each example: what torchvision.ops.stochastic_depth computes of
    its own noise, in its mode "row"."""
    from netspec.ir.randomness import CALL, random_key, uniform

    net, n = made(PATH, device), 40
    x = np.random.default_rng(0).standard_normal((n, 6, 2, 3)).astype(np.float32)
    kept = uniform(random_key(1, CALL, 3), (1 << 40) + np.arange(n)) >= 0.4
    noise = (kept / 0.6).astype(np.float32).reshape(n, 1, 1, 1)
    assert 0 < kept.sum() < n
    assert np.allclose(net.forward(x, mode="train", draw=3), x * noise, rtol=1e-6, atol=0)
    assert np.allclose(net.backward(x, x, mode="train", draw=3)["input"], x * noise, rtol=1e-6, atol=0)
    assert np.array_equal(net.forward(x[:5], mode="train", draw=3), net.forward(x, mode="train", draw=3)[:5])
    assert np.array_equal(net.predict(x), x)
    assert np.array_equal(net.forward(x, mode="eval"), x)


def test_paths_are_dropped_at_the_rate_and_each_by_itself() -> None:
    net, n = made(PATH + "  output one: relu\n  drop_path 0.4\n"), 2000
    out = net.forward(ones(n), mode="train")
    one, both = (out[k].reshape(n, -1)[:, 0] > 0 for k in ("one", next(k for k in out if k != "one")))
    near(one.mean(), 0.6, n)
    near(both[one].mean(), 0.6, int(one.sum()))
    near((one[1:] == one[:-1]).mean(), 0.6**2 + 0.4**2, n)


def test_an_index_far_out_is_the_same_everywhere() -> None:
    """Past 2**32 numbers an index has high bits; the definition is NumPy's."""
    from netspec.ir.randomness import uniform

    nets = [made(device=device) for device in DEVICES]
    for net in nets:
        run = net.executor
        assert run is not None
        run.set_scalar("random_key", 99)
        run.set_scalar("random_first", (1 << 32) // 36 - 1)
        got = run.predict({"input": ones(4)})["out"] != 0
        index = (1 << 40) + ((1 << 32) // 36 - 1) * 36 + np.arange(4 * 36)
        assert np.array_equal(got.reshape(-1), uniform(99, index) >= 0.4)


def test_a_draw_has_a_number_and_can_be_drawn_again() -> None:
    net = made()
    a, b = kept(net), kept(net)
    assert net.drawn == 1
    assert not np.array_equal(a, b)
    assert np.array_equal(kept(net, draw=0), a)
    assert net.drawn == 0
    assert np.array_equal(kept(net, draw=1), b)
    kept(net)
    assert net.drawn == 2, "an asked-for draw counts for none"
    with pytest.raises(netspec.NetspecError, match="draw"):
        net.predict(ones(1), draw=1.5)  # type: ignore[arg-type]
    net.initialise()
    assert np.array_equal(kept(net), a)


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_backward_sees_the_draw_of_its_forward(device: str) -> None:
    net = made(device=device)
    for call in (lambda: net.forward(ones(300)), lambda: net.predict(ones(300)), lambda: net.forward(ones(300), mode="eval"),
                 lambda: net.forward(ones(300), draw=7)):
        out = call()
        into = net.backward(np.ones_like(out))["input"]
        assert np.array_equal(into, out), "y = m x: what comes back for ones is the mask, as what came out for ones"
    assert not np.array_equal(net.forward(ones(30)), net.forward(ones(30)))
    assert np.array_equal(net.backward(ones(30), ones(30), draw=4)["input"], net.forward(ones(30), draw=4))


def test_loss_gradients_and_evaluation_draw_anew_and_again() -> None:
    net = made(TRAINED.replace("dropout 0.5", "dropout 0.5 mc"))
    x, y = np.random.default_rng(0).standard_normal((10, 6, 2, 3)), np.zeros((10, 3))
    losses, numbers = [], []
    for _ in range(4):
        losses.append(net.loss_and_gradients(x, y)[0])
        numbers.append(net.drawn)
    assert len(set(losses)) == 4
    assert numbers == [-1, 0, 1, 2], "the first step's, then calls of their own"
    assert [net.loss_and_gradients(x, y, draw=k)[0] for k in numbers] == losses
    assert net.train_step(x, y) == losses[0]
    found = [net.evaluate(x, y)["loss"] for _ in range(3)]
    assert len(set(found)) == 3
    assert net.evaluate(x, y, draw=net.drawn)["loss"] == found[-1]
    assert net.evaluate(x, y, draw=4, batch=3)["loss"] == pytest.approx(net.evaluate(x, y, draw=4, batch=10)["loss"], rel=1e-6)


def test_predictions_change_nothing_of_training() -> None:
    x, y = np.random.default_rng(0).standard_normal((12, 6, 2, 3)), np.zeros((12, 3))
    text = TRAINED.replace("dropout 0.5", "dropout 0.5 mc")
    alone, watched = made(text), made(text)
    a = alone.fit(x, y, epochs=3, validation=(x, y), verbose=0)
    b = []
    for _ in range(3):
        watched.predict(x)
        watched.evaluate(x, y)
        watched.loss_and_gradients(x, y)
        b.append(watched.fit(x, y, epochs=1, validation=(x, y), verbose=0).final)
    assert a["loss"] == [e["loss"] for e in b]
    assert a["val_loss"] == [e["val_loss"] for e in b]
    assert all(np.array_equal(alone.parameters[k], watched.parameters[k]) for k in alone.parameters)


@pytest.mark.parametrize("word", ["dropout", "drop_path"])
@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_parts_of_a_step_are_counted_through(device: str, word: str) -> None:
    """Four batches of three draw what one batch of twelve does."""
    x, y = np.random.default_rng(0).standard_normal((12, 6, 2, 3)), np.ones((12, 3))
    whole, parts = (made(TRAINED.replace("dropout", word), device, dtype="float64") for _ in range(2))
    a = whole.fit(x, y, epochs=2, batch=12, verbose=0)
    b = parts.fit(x, y, epochs=2, batch=3, accumulate=4, verbose=0)
    assert a["loss"] == pytest.approx(b["loss"], rel=1e-12)
    assert all(np.allclose(whole.parameters[k], parts.parameters[k], rtol=0, atol=1e-13) for k in whole.parameters)


def test_plain_training_keeps_its_bits() -> None:
    """The mask of a step is that of the key (seed, step), as it always was."""
    from netspec.ir.randomness import random_key, uniform

    net = made("net a:\n  input 5\n  dropout 0.5\n  fc 1 bias=no\ntrain a:\n  loss mse\n  sgd lr=1\n", seed=4)
    net.parameters["fc1.weight"] = np.zeros((1, 5))
    net.step = 3
    net.train_step(np.ones((1, 5)), [1.0])
    assert np.array_equal(net.parameters["fc1.weight"][0] != 0, uniform(random_key(4, 3), (1 << 40) + np.arange(5)) >= 0.5)


def test_every_thread_has_draws_of_its_own() -> None:
    net = made()
    found: list[tuple[int, Any]] = []

    def work() -> None:
        for _ in range(10):
            out = net.predict(ones(20))
            assert net.drawn is not None
            found.append((net.drawn, out))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(k for k, _ in found) == list(range(40))
    again = made()
    assert all(np.array_equal(again.predict(ones(20), draw=k), out) for k, out in found)


@pytest.mark.sweep
def test_the_emitted_file_draws_the_same(tmp_path: Path) -> None:
    text = TRAINED.replace("dropout 0.5", "dropout 0.5 mc")
    net = made(text, seed=5)
    (tmp_path / "alone.py").write_text(standalone(net.graph), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("alone", tmp_path / "alone.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    other = module.Network(seed=5)
    x, y = np.random.default_rng(0).standard_normal((6, 6, 2, 3)).astype(np.float32), np.zeros((6, 3), np.float32)
    for _ in range(3):
        assert np.allclose(net.predict(x), other.predict(x), rtol=1e-5, atol=1e-6)
    assert np.array_equal(other.predict(x, draw=1), other.predict(x, draw=1))
    assert net.loss_and_gradients(x, y)[0] == pytest.approx(other.gradients(x, y)[0], rel=1e-6)
    assert net.train_step(x, y) == pytest.approx(other.step(x, y), rel=1e-6)
