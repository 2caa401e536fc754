"""Training: order, partial batches, schedules, early stopping, exploding losses, checkpoints and sessions."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.metrics import METRICS
from netspec.runtime.io.checkpoint import ResumeWarning
from netspec.runtime.network import Network
from netspec.runtime.train.recipe import Rates
from sweeps import the_first

SPEC = """
net small(width=4):
  input 2x6x5
  conv width 3x3 bn relu
  maxpool 2
  dropout 0.25
  fc 3

train small:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  batch 4
  epochs 2
"""
SOFT = "net soft:\n  input 4\n  fc 3 softmax\n"
LINE = "net line:\n  input 2\n  fc 1\ntrain line:\n  loss mse\n  sgd lr=0.1\n"
OPTIMISERS = ("sgd lr=0.1", "sgd lr=0.1 momentum=0.9 nesterov decay=0.01 clip=0.5", "adam lr=0.01",
              "lbfgs lr=0.1 iterations=3 search")


def some(n: int = 10, seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.standard_normal((n, 2, 6, 5)), random.integers(0, 3, n)


def small(device: str = "reference", dtype: str = "float64", **more: Any) -> Network:
    return netspec.compile(text=SPEC, device=device, dtype=dtype, **more)


def values(net: Network) -> dict[str, Any]:
    return {**net.parameters, **net.buffers}


def same(a: Network, b: Network) -> bool:
    return all((v == values(b)[k]).all() for k, v in values(a).items())


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(NetspecError) as e:
        call()
    return str(e.value)


# -- fit -------------------------------------------------------------------------------------------------------------------
def test_fit_is_steps_over_batches_the_last_one_smaller() -> None:
    x, y = some()
    a, b = small(), small()
    history = a.fit(x, y, epochs=1, shuffle=False, verbose=0)
    losses = [(b.train_step(x[k : k + 4], y[k : k + 4]), len(y[k : k + 4])) for k in (0, 4, 8)]
    assert same(a, b)
    assert (a.step, a.epoch) == (3, 1)
    assert abs(history["loss"][0] - sum(v * n for v, n in losses) / 10) < 1e-12


def test_the_order_is_decided_by_seed_and_epoch() -> None:
    x, y = some()
    a, b, c, d = small(), small(), small(), small()
    a.fit(x, y, epochs=2, verbose=0)
    b.fit(x, y, epochs=1, verbose=0)
    b.fit(x, y, epochs=1, verbose=0)
    assert same(a, b), "two epochs are one epoch and another"
    c.fit(x, y, epochs=2, seed=1, verbose=0)
    d.fit(x, y, epochs=2, shuffle=False, verbose=0)
    assert not same(a, c)
    assert not same(a, d)


def test_memory_mapped_data_train_as_arrays_do(tmp_path: Path) -> None:
    x, y = some()
    np.save(tmp_path / "x.npy", x)
    a, b = small(), small()
    a.fit(x, y, verbose=0)
    b.fit(np.load(tmp_path / "x.npy", mmap_mode="r"), y, verbose=0)
    assert same(a, b)


def test_validation_metrics_and_history() -> None:
    x, y = some(12)
    net = small()
    history = net.fit(x, y, validation=(x[:5], y[:5]), metrics="accuracy top5", verbose=0)
    assert list(history) == ["loss", "accuracy", "top5", "val_loss", "val_accuracy", "val_top5", "lr", "seconds"]
    assert history.epochs == [1, 2]
    assert history["top5"] == [1, 1], "of three classes"
    final = net.evaluate(x[:5], y[:5])
    assert {k: history.final[f"val_{k}"] for k in final} == final
    p = net.predict(x[:5])
    assert final["accuracy"] == (p.argmax(1) == y[:5]).mean()
    assert "val_accuracy" in repr(history)
    assert len(repr(history).splitlines()) == 3
    assert "no metric" in refused(lambda: net.fit(x, y, metrics="acuracy", verbose=0))


def test_evaluation_does_not_depend_on_the_batch() -> None:
    x, y = some(10)
    net = small()
    want = net.evaluate(x, y, batch=10)
    for batch in (1, 3, 4):
        got = net.evaluate(x, y, batch=batch)
        assert got["accuracy"] == want["accuracy"]
        assert abs(got["loss"] - want["loss"]) < 1e-12
    assert abs(net.loss_and_gradients(x, y, mode="eval")[0] - want["loss"]) < 1e-12


def test_a_loss_after_softmax_is_that_of_the_logits() -> None:
    net = netspec.compile(text=SOFT, device="reference").configure(loss="cross_entropy")
    net.parameters["fc1.weight"] = np.array([[900.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    x = np.array([[1.0, 0, 0, 0]])
    assert net.predict(x).tolist() == [[1, 0, 0]]
    assert abs(net.evaluate(x, [1])["loss"] - 900) < 1e-9, "the probability has underflown; the loss has not"


MAP = "net map:\n  input 2x4x5\n  conv 3 3x3 bn relu\n  conv 3 1x1\n"


@pytest.mark.parametrize("device", the_first(1, ["cpu", "reference"]))
@pytest.mark.parametrize("loss", the_first(1, ["cross_entropy ignore=255 weights=[1, 2, 0.5]", "cross_entropy",
                                              "cross_entropy ignore=255"]))
def test_a_class_for_every_place(device: str, loss: str) -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((7, 2, 4, 5)), random.integers(0, 3, (7, 4, 5))
    net = netspec.compile(text=MAP, device=device, dtype="float64").configure(loss=loss, optimiser="sgd lr=0.1")
    if "ignore" in loss:
        y[1], y[2, :2], y[6] = 255, 255, 255
    else:
        y2 = y.copy()
        y2[3, 1, 2] = 255
        assert "label 255" in refused(lambda: net.train_step(x, y2))
    z = np.moveaxis(net.predict(x), 1, -1)
    p = np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, np.where(y == 255, 0, y)[..., None], -1)[..., 0]
    w = np.where(y == 255, 0, np.array([1, 2, 0.5] if "weights" in loss else [1, 1, 1])[np.where(y == 255, 0, y)])
    for batch in (7, 3, 1):
        got = net.evaluate(x, y, batch=batch)
        assert abs(got["loss"] - (p * w).sum() / w.sum()) < 1e-12
        assert abs(got["accuracy"] - (z.argmax(-1) == y)[y != 255].mean()) < 1e-12
    assert abs(net.loss_and_gradients(x, y, mode="eval")[0] - (p * w).sum() / w.sum()) < 1e-12
    history = net.fit(x[[0, 2, 3, 4, 5]], y[[0, 2, 3, 4, 5]], epochs=5, batch=2, verbose=0)
    assert history["loss"][-1] < history["loss"][0]
    assert history["accuracy"][-1] > 0.3


def test_probabilities_for_bce() -> None:
    net = netspec.compile(text="net b:\n  input 3\n  fc 1 sigmoid\n",
                          device="reference").configure(loss="bce", optimiser="sgd lr=0.5")
    x = np.random.default_rng(0).standard_normal((20, 3))
    y = (x[:, 0] > 0).astype(int)
    history = net.fit(x, y, epochs=30, batch=5, verbose=0)
    assert list(history) == ["loss", "lr", "seconds"]
    assert history["loss"][-1] < 0.3
    assert abs(net.evaluate(x, y)["loss"] - np.mean(-np.log(np.where(y, net.predict(x)[:, 0], 1 - net.predict(x)[:, 0])))) < 1e-12
    assert "no probability" in refused(lambda: net.train_step(x, y * 3))


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_what_is_frozen_stays(device: str) -> None:
    text = SPEC.replace("  conv width 3x3 bn relu\n", "  frozen: conv width 3x3 bn relu\n")
    net = netspec.compile(text=text, device=device, dtype="float64")
    x, y = some()
    before = values(net)
    assert set(net.loss_and_gradients(x, y)[1]) == {"fc1.weight", "fc1.bias"}
    net.fit(x, y, epochs=2, verbose=0)
    after = values(net)
    assert {k for k in before if (before[k] != after[k]).any()} == {"fc1.weight", "fc1.bias"}
    assert "frozen" in repr(net.parameters)


def test_what_a_train_section_says_is_carried_out_or_refused() -> None:
    def compiled(line: str) -> Network:
        return netspec.compile(text=SPEC + f"  {line}\n", device="reference")

    x, y = some()
    l2, decay = compiled("regularise l2 0.01"), small()
    decay.configure(optimiser="sgd lr=0.1 momentum=0.9 decay=0.01")
    l2.fit(x, y, verbose=0)
    decay.fit(x, y, verbose=0)
    assert same(l2, decay)
    spared = compiled("regularise l2 0.01 weights")
    rates = spared.rates.at(1, 0, 0, 1, 1)
    assert (rates["conv1.weight"]["decay"], rates["conv1.bn.weight"]["decay"], rates["fc1.bias"]["decay"]) == (0.01, 0, 0)
    assert "adds to the gradient" in refused(lambda: compiled("regularise l2 0.01").fit(x, y, optimiser="adamw lr=0.01",
                                                                                        verbose=0))


def test_metrics_count_ties_and_places() -> None:
    scores = np.array([[1.0, 1, 0], [0, 2, 3], [np.nan, 0, 0]])
    assert METRICS["accuracy"]().holds(scores, np.array([[0], [1], [0]])).tolist() == [True, False, False]
    assert METRICS["accuracy"]().holds(scores, np.array([[1], [2], [1]])).tolist() == [False, True, True]
    places = np.moveaxis(np.array([[[0.1, 0.9], [0.8, 0.2]]]), -1, 1)
    assert METRICS["accuracy"]().holds(places, np.array([[[1, 1]]])).tolist() == [[True, False]]
    many = np.arange(10.0)[None]
    assert [bool(METRICS["top5"]().holds(many, np.array([[k]]))[0]) for k in range(10)] == [False] * 5 + [True] * 5


def test_what_is_wrong_with_data_is_said_before_training() -> None:
    x, y = some()
    net = small()
    y2 = y.copy()
    y2[9] = 3
    assert "example 9" in refused(lambda: net.fit(x, y2, verbose=0))
    assert "pair" in refused(lambda: net.fit(x, y, validation=x, verbose=0))
    assert "label 3" in refused(lambda: net.fit(x, y, validation=(x, y2), verbose=0))
    assert "number of epochs, is at least 0" in refused(lambda: net.fit(x, y, epochs=-1, verbose=0))
    assert "number of examples, is at least 1" in refused(lambda: net.fit(x, y, batch=0, verbose=0))
    assert "`agam`" in refused(lambda: net.fit(x, y, optimiser="agam lr=1", verbose=0))
    assert "lr" in refused(lambda: net.fit(x, y, optimiser="sgd lr=-1", verbose=0))
    assert "rate" in refused(lambda: net.fit(x, y, optimiser="sgd rate=1", verbose=0))
    assert "`momentum`" in refused(lambda: net.fit(x, y, optimiser="adam", schedule="cosine of=momentum", verbose=0))
    assert net.step == 0
    assert len(net.configure(optimiser="sgd lr=0.1", schedule="none").fit(x, y, epochs=0, verbose=0).epochs) == 0


def test_schedules_steer_the_rate_and_go_on() -> None:
    x, y = some()
    net = small()
    assert net.fit(x, y, epochs=4, schedule="step every=2 factor=0.5", verbose=0)["lr"] == [0.1, 0.1, 0.05, 0.05]
    assert net.fit(x, y, epochs=1, verbose=0)["lr"] == [0.025]
    twice = small().fit(x, y, epochs=2, schedule=["step 1 factor=0.5", "cosine"], verbose=0)["lr"]
    assert np.allclose(twice, [0.1, 0.1 * 0.5 * 0.5])


def test_decay_and_factors_by_parameter() -> None:
    from netspec.ir.graph import Parameter
    from netspec.optimisers import OPTIMISERS as KNOWN
    from netspec.runtime.train.recipe import Recipe

    ps = (Parameter("w", (2,), "weight"), Parameter("b", (2,), "bias", factors=(("lr", 2.0),)), Parameter("n", (2,), "norm"),
          Parameter("f", (2,), "weight", trainable=False), Parameter("m", (2,), "buffer", trainable=False))
    sgd = KNOWN["sgd"](lr=0.1, decay=0.01)  # type: ignore[call-arg]
    got = Rates(Recipe(optimiser=sgd, decay_all=False), ps).at(1, 0, 0, 1, 1)
    assert {k: (v["lr"], v["decay"]) for k, v in got.items()} == {"w": (0.1, 0.01), "b": (0.2, 0.0), "n": (0.1, 0.0)}
    got = Rates(Recipe(optimiser=sgd), ps).at(1, 0, 0, 1, 1)
    assert got["w"] is got["n"], "equal numbers, one pass"
    assert got["b"]["decay"] == 0.01
    assert "no parameter" in refused(lambda: Rates(Recipe(optimiser=sgd), ps[3:]))


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_clip_limits_the_norm_of_the_whole_gradient(device: str) -> None:
    x, y = some()
    net = small(device)
    _, grads = net.loss_and_gradients(x, y)
    norm = sum(float((g**2).sum()) for g in grads.values()) ** 0.5
    before = values(net)
    net.configure(optimiser=f"sgd lr=1 clip={norm / 4}").train_step(x, y)
    for k, g in grads.items():
        assert np.allclose(before[k] - net.parameters[k], g / 4, atol=1e-12), k
    other = small(device).configure(optimiser=f"sgd lr=1 clip={norm * 2}")
    other.loss_and_gradients(x, y)
    other.update()
    for k, g in grads.items():
        assert np.allclose(before[k] - other.parameters[k], g, atol=1e-12), k


def test_plateau_watches_what_epochs_measured(tmp_path: Path) -> None:
    net = netspec.compile(text=LINE, device="reference")
    x = np.zeros((4, 2))  # nothing can be learned but the bias, and its target is reached at once
    rates = net.fit(x, np.zeros(4), epochs=6, schedule="plateau patience=1 factor=0.5", verbose=0)["lr"]
    assert rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]
    net.save(str(tmp_path / "c"))
    again = netspec.compile(text=LINE,
                            device="reference").configure(schedule="plateau patience=1 factor=0.5").load(str(tmp_path / "c"))
    assert again.fit(x, np.zeros(4), epochs=2, verbose=0)["lr"] == net.fit(x, np.zeros(4), epochs=2,
                                                                           verbose=0)["lr"] == [0.025, 0.0125]


def test_lbfgs_solves_a_quadratic_in_a_few_steps() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((30, 2))
    net = netspec.compile(text=LINE, device="reference")
    history = net.fit(x, x @ [3.0, -2] + 1, epochs=3, batch=30, optimiser="lbfgs search", verbose=0)
    assert history["loss"][-1] < 1e-12
    assert np.allclose(net.parameters["fc1.weight"], [[3, -2]])
    assert "several times a step" in refused(lambda: net.update())


def test_early_stopping_puts_the_best_weights_back() -> None:
    net = netspec.compile(text=LINE, device="reference")
    random = np.random.default_rng(0)
    x = random.standard_normal((8, 2))
    y = x @ [1.0, -1] + 0.1 * random.standard_normal(8)
    xv, yv = random.standard_normal((50, 2)), random.standard_normal(50)  # noise: fitting x soon makes this worse
    history = net.fit(x, y, epochs=200, validation=(xv, yv), early_stopping=3, verbose=0)
    assert history.stopped is not None
    assert len(history.epochs) < 200
    best = min(history["val_loss"])
    assert history["val_loss"].index(best) == len(history.epochs) - 4
    assert abs(net.evaluate(xv, yv)["loss"] - best) < 1e-12
    assert history.stopped in repr(history)


def test_a_loss_that_explodes_names_the_step() -> None:
    x, y = some()
    net = small()
    with np.errstate(all="ignore"):
        text = refused(lambda: net.fit(x, y, epochs=50, optimiser="sgd lr=1e9 decay=1e9", verbose=0))
    assert "the loss became" in text
    assert f"at step {net.step}" in text
    assert "sgd lr=1e+08" in text
    x[7] = np.inf
    with np.errstate(all="ignore"):
        text = refused(lambda: small().fit(x, y, epochs=1, shuffle=False, verbose=0))
    assert "at step 2" in text
    assert "input `input` of this batch" in text


def test_a_line_an_epoch_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = some()
    small().fit(x, y, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["epoch", "loss", "accuracy", "samples/s", "time", "left"]
    assert lines[2].split()[0] == "2/2"
    small().fit(x, y, epochs=1, verbose=0)
    assert capsys.readouterr().out == ""


# -- checkpoints -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("device", "dtype", "optimiser"), [*the_first(2, [("reference", "float64", o) for o in OPTIMISERS]),
                                                            *the_first(1, [("cpu", "float32", o) for o in OPTIMISERS])])
def test_training_goes_on_to_the_last_bit(device: str, dtype: str, optimiser: str, tmp_path: Path) -> None:
    x, y = some(14)
    file = str(tmp_path / "c.safetensors")
    straight = small(device, dtype, seed=5).configure(epochs=4)
    whole = straight.fit(x, y, optimiser=optimiser, schedule="cosine", verbose=0)
    broken = small(device, dtype, seed=5).configure(epochs=4)

    class Stop(Exception):
        pass

    def save_then_stop(path: str) -> None:
        Network.save(broken, path)
        if broken.epoch == 2:
            raise Stop

    broken.save = save_then_stop  # type: ignore[method-assign]
    with pytest.raises(Stop):
        broken.fit(x, y, optimiser=optimiser, schedule="cosine", checkpoint=file, verbose=0)
    resumed = small(device, dtype, seed=77)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResumeWarning)
        resumed.configure(optimiser=optimiser, schedule="cosine", epochs=4).load(file)
    rest = resumed.fit(x, y, verbose=0)
    assert same(straight, resumed)
    assert whole["loss"][2:] == rest["loss"]
    assert (resumed.step, resumed.epoch, resumed.seed) == (16, 4, 5)


def test_resuming_needs_no_train_section(tmp_path: Path) -> None:
    x, y = some()
    text = SPEC.split("\ntrain")[0]
    recipe: dict[str, Any] = {"loss": "cross_entropy", "optimiser": "adam lr=0.01", "batch": 4, "verbose": 0}
    a = netspec.compile(text=text, device="reference")
    a.fit(x, y, epochs=1, **recipe)
    a.save(str(tmp_path / "a"))
    b = netspec.compile(text=text, device="reference").load(str(tmp_path / "a"))
    a.fit(x, y, epochs=1, **recipe)
    b.fit(x, y, epochs=1, **recipe)
    assert same(a, b)
    c = netspec.compile(text=text, device="reference").load(str(tmp_path / "a"))
    c.fit(x, y, epochs=1, **(recipe | {"optimiser": "sgd lr=0.1 momentum=0.9"}))
    assert (c.state.optimiser.name, c.state.optimiser.slots) == ("sgd", ("velocity",))
    with pytest.warns(ResumeWarning, match="starts anew"):
        small().load(str(tmp_path / "a"))


def test_damaged_and_foreign_files_are_refused_and_change_nothing(tmp_path: Path) -> None:
    x, y = some()
    net = small()
    net.fit(x, y, epochs=1, verbose=0)
    good = tmp_path / "good"
    net.save(str(good))
    data = good.read_bytes()
    fresh = small(seed=9)
    before = values(fresh)
    bad = tmp_path / "bad"

    def load(content: bytes) -> str:
        bad.write_bytes(content)
        text = refused(lambda: fresh.load(str(bad)))
        assert all((v == before[k]).all() for k, v in values(fresh).items())
        assert fresh.step == 0
        return text

    for n in (0, 1, 7, 8, 9, 50, len(data) // 2, len(data) - 1):
        assert "damaged" in (text := load(data[:n])) or "cut short" in text or "no checkpoint" in text
    for k in range(16, len(data), max(1, len(data) // 40)):
        load(data[:k] + bytes([data[k] ^ 0x10]) + data[k + 1 :])
    assert "zip" in load(b"PK\x03\x04" + bytes(30))
    assert "pickle" in load(b"\x80\x02" + bytes(30))
    assert "no checkpoint" in load(b"hello, this is a text")
    from safetensors.numpy import save as encode

    assert "did not write" in load(encode({"fc1.bias": np.zeros(3)}))
    assert "there is no checkpoint" in refused(lambda: fresh.load(str(tmp_path / "none")))
    assert "cannot be read" in refused(lambda: fresh.load(str(tmp_path)))
    assert fresh.load(str(good)).step == net.step


def test_a_checkpoint_of_another_network_says_what_differs(tmp_path: Path) -> None:
    small().save(str(tmp_path / "a"))
    text = refused(lambda: small(width=5).load(str(tmp_path / "a")))
    assert "conv1.weight: 4x2x3x3 in the file, 5x2x3x3 here" in text
    text = refused(lambda: netspec.compile(text=SOFT, device="reference").load(str(tmp_path / "a")))
    assert "conv1.weight is in the file only" in text
    net = small()
    net.train_step(*some())
    net.save(str(tmp_path / "b"))
    with pytest.warns(ResumeWarning, match="float64"):
        small(dtype="float32").load(str(tmp_path / "b"))


def test_saving_replaces_a_file_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = small()
    file = tmp_path / "c"
    net.save(str(file))
    old = file.read_bytes()
    net.train_step(*some())

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as m:
            m.setattr(os, call, full)
            assert "No space left" in refused(lambda: net.save(str(file)))
        assert file.read_bytes() == old
        assert os.listdir(tmp_path) == ["c"], "nothing is left behind"
    assert "cannot be written" in refused(lambda: net.save(str(tmp_path / "no" / "c")))
    net.save(str(file))
    assert file.read_bytes() != old


def test_weights_files_fill_what_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = small()
    monkeypatch.chdir(tmp_path)
    net.save("w.safetensors")
    text = 'net a:\n  input 2x6x5\n  trunk: part weights="w.safetensors"\n  fc 2\nblock part:\n  conv 4 3x3 bn relu\n'
    made = netspec.compile(text=text, device="reference", seed=3)
    for k in ("weight", "bn.weight", "bn.bias"):
        assert (made.parameters[f"trunk.conv1.{k}"] == net.parameters[f"conv1.{k}"]).all()
    assert "there is no" in refused(lambda: netspec.compile(text=text.replace("w.safe", "v.safe"), device="reference"))
    assert "4x2x3x3" in refused(lambda: netspec.compile(text=text.replace("conv 4 3x3", "conv 5 3x3"), device="reference"))


# -- data and sessions -----------------------------------------------------------------------------------------------------
def test_digits_come_along() -> None:
    (x, y), (xt, yt) = netspec.data.digits()
    assert x.shape == (1437, 1, 8, 8)
    assert xt.shape == (360, 1, 8, 8)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)
    assert sorted(set(y)) == sorted(set(yt)) == list(range(10))


def test_data_from_files(tmp_path: Path) -> None:
    x, y = some()
    np.savez(tmp_path / "a.npz", x=x, y=y, x_test=x[:3], y_test=y[:3])
    got = netspec.data.load("a.npz", str(tmp_path))
    assert (got.train[0] == x).all()
    assert got.test is not None
    assert len(got.test[1]) == 3
    (tmp_path / "d").mkdir()
    np.save(tmp_path / "d" / "x.npy", x)
    np.save(tmp_path / "d" / "y.npy", y[:-1])
    assert "different numbers" in refused(lambda: netspec.data.load("d", str(tmp_path)))
    np.save(tmp_path / "d" / "y.npy", y)
    held = netspec.data.load("d", str(tmp_path), test="a.npz")
    assert isinstance(held.train[0], np.memmap)
    assert held.test is not None
    assert len(held.test[0]) == 10
    assert "did you mean digits" in refused(lambda: netspec.data.load("digit"))
    assert "no data file" in refused(lambda: netspec.data.load("b.npz", str(tmp_path)))
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04broken")
    assert "cannot be read" in refused(lambda: netspec.data.load("c.npz", str(tmp_path)))
    np.savez(tmp_path / "e.npz", z=x)
    assert "has no array x" in refused(lambda: netspec.data.load("e.npz", str(tmp_path)))
    (tmp_path / "f.csv").write_text("1,2", encoding="utf-8")
    assert "no data that netspec reads" in refused(lambda: netspec.data.load("f.csv", str(tmp_path)))


def test_a_session_trains_tests_saves_and_says_what_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from netspec.runtime.train.session import train

    x, y = some(12)
    np.savez(tmp_path / "a.npz", x=x, y=y, x_test=x[:5], y_test=y[:5])
    (tmp_path / "s.net").write_text(SPEC + '  data "a.npz"\n', encoding="utf-8")

    def net() -> Network:
        return netspec.compile(tmp_path / "s.net", device="reference", dtype="float64")

    out = tmp_path / "w.safetensors"
    whole = train(net(), epochs=3, out=tmp_path / "v.safetensors", quiet=True)
    assert capsys.readouterr().out == ""
    done = train(net(), epochs=1, out=out)
    said = capsys.readouterr().out
    assert "\n  1/1 " in said
    assert "accuracy" in said
    assert str(out) in said
    assert done.test is not None
    assert done.test == done.network.evaluate(x[:5], y[:5])
    again = train(net(), epochs=3, out=out, resume=out, quiet=True)
    assert again.history.epochs == [2, 3]
    assert same(again.network, whole.network)
    assert same(net().load(str(out)), whole.network)
    capsys.readouterr()
    train(net(), epochs=3, out=out, resume=out)
    assert "3 epochs are behind it" in capsys.readouterr().out
    stopped = net()
    save = stopped.save

    def interrupted(path: str) -> None:
        save(path)
        raise KeyboardInterrupt

    stopped.save = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        train(stopped, epochs=3, out=out, spec="s.net")
    assert re.search(rf"\n  netspec train --resume {out} .*--out {out}\n", capsys.readouterr().out)
    assert same(train(net(), epochs=3, out=out, resume=out, quiet=True).network, whole.network)
    assert "no folder" in refused(lambda: train(net(), out=tmp_path / "no" / "w.safetensors"))
    assert "names no data" in refused(lambda: train(small()))
    assert "no train section" in refused(lambda: train(netspec.compile(text=SOFT, device="reference")))
