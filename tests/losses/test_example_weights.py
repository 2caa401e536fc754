"""Weights of examples: the loss of a batch is sum(w l) / sum(w), its gradient with it, and what is measured too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from netspec import NetspecError

RNG = np.random.default_rng(8)
X = RNG.standard_normal((9, 3, 2, 2))
W = RNG.uniform(0, 3, 9)
W[4] = 0
NET = "net a:\n  input 3x2x2\n  {}\ntrain a:\n  loss {}\n  sgd lr=0.5\n  batch 9\n"
CLASSES, SIZES, MAP = "fc 4", "fc 3", "conv 4 1x1"
LABELS, PLACES = RNG.integers(0, 4, 9), RNG.integers(0, 4, (9, 2, 2))
NUMBERS, PARTS = RNG.standard_normal((9, 3)), RNG.uniform(0, 1, (9, 3))
CASES = {  # loss, net, targets, PyTorch's loss of each example and what it counts
    "cross_entropy": (CLASSES, LABELS), "cross_entropy smoothing=0.2": (CLASSES, LABELS), "cross_entropy ignore=1": (CLASSES, LABELS),
    "cross_entropy weights=[1, 2, 0.5, 3]": (CLASSES, LABELS), "cross_entropy ignore=2 ": (MAP, PLACES), "cross_entropy ": (MAP, PLACES),
    "mse": (SIZES, NUMBERS), "l1": (SIZES, NUMBERS), "huber 0.7": (SIZES, NUMBERS), "bce": (SIZES, PARTS), "hinge": (CLASSES, LABELS),
}


def made(loss: str, body: str, **options: Any) -> netspec.Network:
    return netspec.compile(text=NET.format(body, loss), device="reference", seed=1, **options)


@pytest.mark.parametrize("loss", CASES)
def test_whole_weights_are_copies_of_examples(loss: str) -> None:
    """An example of weight 3 counts as three of it, in a step, in steps of several batches, in tests and in metrics."""
    body, y = CASES[loss]
    times = np.array([1, 0, 2, 3, 1, 0, 1, 2, 1])
    many = np.repeat(np.arange(9), times)
    for options in ({}, {"accumulate": 2, "batch": 5}):
        weighed, copied = made(loss, body), made(loss, body)
        a = weighed.fit(X, y, epochs=1, shuffle=False, sample_weight=times * 0.3, verbose=0, **options)
        b = copied.fit(X[many], y[many], epochs=1, shuffle=False, verbose=0,
                       **({"accumulate": 2, "batch": int(times[:5].sum())} if options else {"batch": 11}))
        for name in weighed.parameters:
            assert np.allclose(weighed.parameters[name], copied.parameters[name], rtol=1e-12, atol=1e-12), (name, options)
        assert np.isclose(a["loss"][0], b["loss"][0], rtol=1e-12)
        assert ("accuracy" in a) == ("accuracy" in b)
        for key in a.keys() & {"accuracy"}:
            assert np.isclose(a[key][0], b[key][0], rtol=1e-12)
        one, two = weighed.evaluate(X, y, batch=4, sample_weight=times), weighed.evaluate(X[many], y[many])
        assert one.keys() == two.keys() and all(np.isclose(one[k], two[k], rtol=1e-12) for k in one)


@pytest.mark.torch
@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy weights=[1, 2, 0.5, 3]", "mse", "bce", "huber 0.7", "l1"])
def test_as_pytorch_weighs_them(loss: str) -> None:
    torch = pytest.importorskip("torch")
    body, y = CASES[loss]
    net = made(loss, body)
    functional, before = torch.nn.functional, {k: v.copy() for k, v in net.parameters.items()}
    w, b = (torch.tensor(net.parameters[k], requires_grad=True) for k in net.parameters)
    z = torch.tensor(X.reshape(9, -1)) @ w.reshape(w.shape[0], -1).T + b
    t, weights = torch.tensor(y), torch.tensor(W)
    if loss.startswith("cross_entropy"):
        classes = torch.tensor([1, 2, 0.5, 3], dtype=torch.float64) if "weights" in loss else torch.ones(4, dtype=torch.float64)
        each, counts = functional.cross_entropy(z, t, weight=classes, reduction="none"), classes[t]
    else:
        of = {"mse": functional.mse_loss, "bce": functional.binary_cross_entropy_with_logits, "l1": functional.l1_loss,
              "huber 0.7": lambda z, t, reduction: functional.huber_loss(z, t, reduction=reduction, delta=0.7)}[loss]
        each, counts = of(z, t, reduction="none").mean(1), torch.ones(9, dtype=torch.float64)
    wanted = (weights * each).sum() / (weights * counts).sum()
    wanted.backward()
    history = net.fit(X, y, epochs=1, shuffle=False, sample_weight=W, verbose=0)
    assert np.isclose(history["loss"][0], wanted.item(), rtol=1e-12)
    for (name, old), p in zip(before.items(), (w, b)):
        assert np.allclose((old - net.parameters[name]) / 0.5, p.grad.numpy(), rtol=1e-10, atol=1e-12), name


def test_equal_weights_change_nothing_and_none_learns_nothing() -> None:
    plain, ones, none = (made("cross_entropy", CLASSES) for _ in range(3))
    plain.fit(X, LABELS, epochs=2, batch=4, verbose=0)
    ones.fit(X, LABELS, epochs=2, batch=4, sample_weight=np.full(9, 0.25), verbose=0)
    assert all(np.allclose(plain.parameters[k], ones.parameters[k], rtol=1e-13) for k in plain.parameters)
    last = np.r_[np.ones(8), 0]
    none.fit(X, LABELS, epochs=1, batch=4, shuffle=False, sample_weight=last, verbose=0)
    assert none.step == 2  # the last batch, whose examples count nothing, makes no step
    history = none.fit(X, LABELS, epochs=1, batch=4, validation=(X, LABELS, last), verbose=0)
    assert history["val_loss"][0] == pytest.approx(none.evaluate(X[:8], LABELS[:8])["loss"])


def test_weights_that_are_none() -> None:
    net = made("cross_entropy", CLASSES)
    for wrong in (np.ones(8), np.ones((9, 2)), -np.ones(9), np.zeros(9), np.full(9, np.nan), np.array(["a"] * 9), 1.0):
        with pytest.raises(NetspecError):
            net.fit(X, LABELS, sample_weight=wrong, epochs=1)
        with pytest.raises(NetspecError):
            net.evaluate(X, LABELS, sample_weight=wrong)
    assert net.step == 0


@pytest.mark.parametrize("line", ["mixup 0.7", "cutmix"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_mixed_examples_have_mixed_weights(line: str, loss: str) -> None:
    """An own loop: the batch, its targets and its weights mixed with those of another order, then the step's formulas."""
    from netspec.runtime.initialisers import generator

    body, y = CASES[loss]
    net, mixing = made(loss, body), netspec.compile(text=NET.format(body, loss), device="reference", seed=1).configure(augment=line)
    history = mixing.fit(X, y, epochs=2, shuffle=False, sample_weight=W, verbose=0)
    made_of, losses = mixing.recipe.augmentation[0], list[float]()
    for epoch in range(2):
        def drawn() -> Any:
            return generator(1, f"augment 0 epoch {epoch} batch 0")  # noqa: B023  # called in this turn

        other, share = made_of.shares(X, drawn())
        targets = np.eye(4)[y] if loss == "cross_entropy" else y
        targets = share[:, None] * targets + (1 - share)[:, None] * targets[other]
        weights = share * W + (1 - share) * W[other]
        x = made_of.apply(X, drawn())
        z = x.reshape(9, -1) @ net.parameters["fc1.weight"].reshape(-1, 12).T + net.parameters["fc1.bias"]
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        each = -(targets * np.log(p)).sum(1) if loss == "cross_entropy" else ((z - targets) ** 2).mean(1)
        slope = (p - targets if loss == "cross_entropy" else 2 * (z - targets) / 3) * (weights / weights.sum())[:, None]
        losses.append(float((weights * each).sum() / weights.sum()))
        net.update({"fc1.weight": (slope.T @ x.reshape(9, -1)).reshape(net.parameters["fc1.weight"].shape), "fc1.bias": slope.sum(0)})
    assert np.allclose(history["loss"], losses, rtol=1e-10)
    assert all(np.allclose(net.parameters[k], mixing.parameters[k], rtol=1e-9, atol=1e-12) for k in net.parameters)
