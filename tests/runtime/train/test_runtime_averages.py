"""Steps of several batches, running averages of the parameters, and what the first batch initialises."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_runtime_steps import DEVICES, close, plain, refused, some

import netspec
from sweeps import the_first

NORM = (
    "net norm:\n  input 2x6x5\n  conv 3 3x3 bn relu\n  dropout 0.5\n  fc 3\ntrain norm:\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9\n  batch 2\n")


# -- several batches a step ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimiser", the_first(1, ["sgd lr=0.1 momentum=0.9 clip=0.5", "adam lr=0.01"]))
def test_batches_a_step_are_one_large_batch(device: str, optimiser: str) -> None:
    """18 examples: 3 + 3 + 3 + 3, and then 3 + 3, which is the last step's, of fewer batches."""
    x, y = some(17)
    parts, whole = plain(device, "accumulate 4"), plain(device)
    a = parts.fit(x, y, epochs=2, batch=3, optimiser=optimiser, schedule="warmup 3", verbose=0)
    b = whole.fit(x, y, epochs=2, batch=12, optimiser=optimiser, schedule="warmup 3", verbose=0)
    assert close(parts, whole)
    assert parts.step == whole.step == 4
    assert a["lr"] == b["lr"]
    assert a["accuracy"] == b["accuracy"]
    assert np.allclose(a["loss"], b["loss"], atol=1e-12)
    other = plain(device)
    other.fit(x, y, epochs=2, batch=3, accumulate=4, optimiser=optimiser, schedule="warmup 3", verbose=0)
    assert close(other, parts, 0)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loss", the_first(1, ["cross_entropy ignore=255 weights=[1, 2, 0.5]", "cross_entropy ignore=255"]))
def test_batches_count_for_their_labels(device: str, loss: str) -> None:
    x, y = some(12)
    y[[0, 4, 5, 6, 7, 9]] = 255  # the second batch has no label at all
    parts, whole = plain(device), plain(device)
    a = parts.fit(x, y, epochs=1, batch=4, accumulate=3, loss=loss, shuffle=False, verbose=0)
    b = whole.fit(x, y, epochs=1, batch=12, loss=loss, shuffle=False, verbose=0)
    assert close(parts, whole)
    assert abs(a["loss"][0] - b["loss"][0]) < 1e-12


@pytest.mark.parametrize("device", DEVICES)
def test_batches_without_a_label_teach_nothing(device: str) -> None:
    x, y = some(8)
    y[4:] = 255
    with_them, without = plain(device), plain(device)
    a = with_them.fit(x, y, epochs=1, batch=4, loss="cross_entropy ignore=255", shuffle=False, verbose=0)
    b = without.fit(x[:4], y[:4], epochs=1, batch=4, loss="cross_entropy ignore=255", shuffle=False, verbose=0)
    assert close(with_them, without, 0)
    assert abs(a["loss"][0] - b["loss"][0]) < 1e-12
    assert np.isnan(plain(device).configure(loss="cross_entropy ignore=255").evaluate(x[4:], y[4:])["loss"])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_loss_without_a_label_leaves_the_others(device: str, accumulate: int) -> None:
    text = "net two:\n  input 4\n  fc 5 relu\n  output a: fc 3\n  output b: fc 3\n"
    random = np.random.default_rng(0)
    x, y = random.standard_normal((8, 4)), random.integers(0, 3, 8)
    nets = [netspec.compile(text=text, device=device, dtype="float64").configure(optimiser="sgd lr=0.1", batch=8)
            for _ in range(2)]
    losses = ["cross_entropy @a ignore=255", "cross_entropy @b"]
    both = nets[0].fit(x, {"a": np.full(8, 255), "b": y}, epochs=1, loss=losses, accumulate=accumulate, metrics="", verbose=0)
    nets[1].fit(x, y, epochs=1, loss=losses[1:], metrics="", verbose=0)
    assert close(nets[0], nets[1], 1e-15)
    assert np.isnan(both["loss"][0]), "a mean of nothing"


@pytest.mark.parametrize("device", DEVICES)
def test_statistics_move_every_batch_and_dropout_differs(device: str) -> None:
    x, y = some(6)
    parts, single = (netspec.compile(text=NORM, device=device, dtype="float64") for _ in range(2))
    parts.fit(x, y, epochs=1, accumulate=3, shuffle=False, verbose=0)
    single.fit(x, y, epochs=1, optimiser="sgd lr=0", shuffle=False, verbose=0)
    assert parts.step == 1
    for k, v in single.buffers.items():
        assert np.allclose(parts.buffers[k], v, rtol=0, atol=1e-12), k
    same = np.concatenate([x[:2]] * 3), np.concatenate([y[:2]] * 3)
    thrice, once = (netspec.compile(text=NORM, device=device, dtype="float64") for _ in range(2))
    thrice.fit(*same, epochs=1, accumulate=3, shuffle=False, verbose=0)
    once.fit(x[:2], y[:2], epochs=1, shuffle=False, verbose=0)
    assert not close(thrice, once, 1e-6), "each batch draws its own mask"


def test_what_accumulate_refuses() -> None:
    x, y = some()
    assert "number of batches, is at least 1" in refused(lambda: plain().fit(x, y, accumulate=0, verbose=0))
    assert "one batch several times" in refused(lambda: plain().fit(x, y, accumulate=2, optimiser="lbfgs", verbose=0))
    assert "accumulate is at least 1" in refused(lambda: plain(lines="accumulate 0"))


# -- averages -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", DEVICES)
def test_the_average_is_pytorchs(device: str) -> None:
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    x, y = some()
    net, bare = plain(device, "average 0.9"), plain(device)
    average: Any = get_ema_multi_avg_fn(0.9)  # type: ignore[no-untyped-call]
    ema = {k: torch.tensor(v) for k, v in net.parameters.items()}
    for k in range(4):
        net.train_step(x, y)
        bare.train_step(x, y)
        now = {name: torch.tensor(v) for name, v in net.parameters.items()}
        if k:
            average(list(ema.values()), list(now.values()), torch.tensor(k))
        else:
            ema = {name: v.clone() for name, v in now.items()}
    assert close(net, bare, 0), "training goes on with the parameters themselves"
    assert all(np.allclose(net.averages[k], v.numpy(), rtol=0, atol=1e-14) for k, v in ema.items())
    other = plain(device)
    other.set_parameters(net.averages)
    assert (net.predict(x) == other.predict(x)).all()
    assert net.evaluate(x, y) == other.evaluate(x, y)
    assert net.loss_and_gradients(x, y, mode="eval")[0] == other.loss_and_gradients(x, y, mode="eval")[0]
    assert (net.forward(x) == bare.forward(x)).all()
    assert close(net, bare, 0)
    net.averaged = False
    assert (net.predict(x) == bare.predict(x)).all()
    net.averaged = True
    net.parameters["fc1.bias"] = np.ones(3)
    assert (net.averages["fc1.bias"] == 1).all(), "what is written by hand holds for both"
    net.configure(average=0)
    assert not net.averaged
    assert net.averages == {}


def test_validation_uses_the_average_and_early_stopping_puts_it_back() -> None:
    x, y = some(12)
    net, bare = plain(), plain()
    history = net.fit(x, y, average=0.99, validation=(x, y), epochs=3, verbose=0)
    assert history.final["val_loss"] == net.evaluate(x, y)["loss"]
    bare.fit(x, y, epochs=3, verbose=0)
    assert bare.evaluate(x, y)["loss"] != net.evaluate(x, y)["loss"]
    tired = plain()
    history = tired.fit(x, y, average=0.5, validation=(x, 2 - y), epochs=60, early_stopping=1, verbose=0)
    assert history.stopped is not None
    assert tired.evaluate(x, 2 - y)["loss"] == min(history["val_loss"])
    assert "less than 1" in refused(lambda: net.fit(x, y, average=1, verbose=0))
    assert "greater than 0" in refused(lambda: plain(lines="average 1.5"))


@pytest.mark.parametrize(("device", "dtype"), [("reference", "float64"), ("cpu", "float32")])
def test_averages_and_steps_of_batches_resume_to_the_last_bit(device: str, dtype: str, tmp_path: Path) -> None:
    x, y = some(14)
    lines, file = "average 0.95;accumulate 3;regularise l1 0.001", str(tmp_path / "c.safetensors")
    straight, first, rest = (plain(device, lines, dtype, seed=s) for s in (5, 5, 77))
    whole = straight.fit(x, y, epochs=4, validation=(x, y), verbose=0)
    first.fit(x, y, epochs=2, checkpoint=file, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rest.load(file)
    assert (rest.predict(x) == first.predict(x)).all()
    assert rest.fit(x, y, epochs=2, validation=(x, y), verbose=0)["val_loss"] == whole["val_loss"][2:]
    assert close(straight, rest, 0)
    assert all((v == rest.averages[k]).all() for k, v in straight.averages.items())


@pytest.mark.parametrize("device", DEVICES)
def test_averages_follow_where_sizes_are_open(device: str) -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((4, 2, 6, 5)), random.standard_normal((4, 2, 7, 7))
    net = netspec.compile(text="net open:\n  input 2x?x?\n  conv 3 3x3 relu\n  avgpool global\n  fc 3\n", device=device,
                          dtype="float64")
    net.configure(loss="cross_entropy", optimiser="adam lr=0.01", average=0.5).initialise("lsuv", a)
    seen = []
    for x in (a, b, a):
        net.train_step(x, [0, 1, 2, 0])
        seen.append(net.parameters["fc1.weight"])
    want = 0.5 * (0.5 * seen[0] + 0.5 * seen[1]) + 0.5 * seen[2]
    assert np.allclose(net.averages["fc1.weight"], want, rtol=0, atol=1e-15)
    net.predict(b)
    assert np.allclose(net.averages["fc1.weight"], want, rtol=0, atol=1e-15)
    assert (net.parameters["fc1.weight"] == seen[2]).all()


# -- the first batch initialises ------------------------------------------------------------------------------------------------
DEEP = (
    "net deep:\n  input 2x9x8\n  conv 6 3x3 relu\n  conv 8 3x3 bn relu\n  a: conv 8 1x1 tanh\n  add @conv2\n  deconv 4 2x2 /2\n  frozen: conv 3 3x3\n  fc 12 sigmoid\n  dropout 0.5\n  fc 5\n")


@pytest.mark.parametrize(("device", "dtype"), [("reference", "float64"), ("cpu", "float32")])
def test_lsuv_makes_every_output_vary_by_one(device: str, dtype: str) -> None:
    x = 3 + 5 * np.random.default_rng(0).standard_normal((32, 2, 9, 8))
    net, again, other = (netspec.compile(text=DEEP, device=device, dtype=dtype, seed=s) for s in (0, 0, 1))
    kept = net.parameters["conv4.weight"]
    for n in (net, again, other):
        n.initialise("lsuv", x)
    assert all((v == again.parameters[k]).all() for k, v in net.parameters.items())
    assert (net.parameters["conv1.weight"] != other.parameters["conv1.weight"]).any()
    assert (net.parameters["conv4.weight"] == kept).all(), "frozen weights stay"
    w = net.parameters["fc1.weight"]
    gram = w @ w.T
    assert np.allclose(gram, gram[0, 0] * np.eye(12), atol=1e-4 * gram[0, 0]), "rows are orthogonal, and of one length"
    outputs = "".join(f"  output o{k}: @{name}\n"
                      for k, name in enumerate(("conv1.raw", "conv2.raw", "a.raw", "deconv1", "fc1.raw")))
    probe = netspec.compile(text=DEEP + outputs, device=device, dtype=dtype)
    probe.set_parameters(net.parameters)
    for name, out in probe.predict(x).items():
        assert abs(out.astype(np.float64).var() - 1) <= 0.1, name


def test_lsuv_by_the_train_section() -> None:
    x, y = some(10)
    net, by_hand = plain(lines="initialise lsuv"), plain()
    net.fit(x, y, epochs=1, shuffle=False, optimiser="sgd lr=0", verbose=0)
    by_hand.initialise("lsuv", x[:4])
    assert close(net, by_hand, 0)
    net.fit(x, y, epochs=1, verbose=0)
    by_hand.fit(x, y, epochs=2, verbose=0)
    assert not close(net, by_hand, 1e-9)
    net.initialise(3)
    assert net.seed == 3
    assert "needs a batch" in refused(lambda: net.initialise("lsuv"))
    assert "no way to initialise" in refused(lambda: net.initialise("he", x))
    assert "does not vary" in refused(lambda: net.initialise("lsuv", np.zeros((4, 2, 6, 5))))
    assert "did you mean `lsuv`" in refused(lambda: plain(lines="initialise lsvu"))
    assert plain(lines="initialise lsuv").configure(initialise="none").recipe.initialise == ""


