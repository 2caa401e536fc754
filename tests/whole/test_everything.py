"""Nets that hold a bit of everything, trained for a few steps on the CPU backend and on the reference: the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from netspec.optimisers import OPTIMISERS
from sweeps import the_first

LAYERS = """
block normed:
  conv 4 3x3 -> group_norm 2 -> relu

net layers:
  input 3x16x16
  conv 4 3x3 instance_norm prelu
  p: maxpool 2
  normed
  conv 4 3x3 reflect swish
  conv 6 3x3 table=[[0], [1], [2], [3], [0, 1], [0, 1, 2, 3]]
  channels 0..3
  up 2 bilinear
  d: deconv 4 3x3 /2 same leaky
  maxpool 2 -> maxpool 2
  conv 4 1x1
  u: unpool @p
  pad 1 replicate
  @d -> crop @pad1 offset=2
  pad channels=4
  scale
  shuffle 2
  pad channels=2
  maxout 2
  e: up @u
  mul @e
  max:
    | conv 2 3x3 valid -> dropout 0.3 spatial
    | conv 2 3x3 valid elu -> dropout 0.3
  avgpool global
  reshape 2x1x1
  flatten
  dropout 0.1
  log_softmax

train layers:
  loss cross_entropy smoothing=0.1 ignore=3 weights=[1, 2]
  nadam lr=0.01
"""
VIEWS = """
net views:
  input (3, 2, 6, 6)
  each v:
    conv 4 3x3 bn relu
    maxpool 2
  max over=v
  fc 4

train views:
  loss hinge
  adamax lr=0.01
"""
LOSSES = """
net losses:
  input 4x6x6
  conv 5 3x3 tanh
  output map: conv 3 1x1
  output style: conv 4 1x1
  output mask: conv 1 1x1 -> sigmoid
  fc 4 tanh
  output a: fc 3
  output b: fc 3
  output c: fc 3
  output out: fc 3

train losses:
  loss cross_entropy @map ignore=1 weight=0.5
  loss gram @style weight=10
  loss bce @mask
  loss hinge margin=0.7 @a
  loss l1 @b
  loss huber 0.5 @c
  loss content @out weight=0.1
  rprop lr=0.01
"""


def pair(text: str) -> tuple[netspec.Network, netspec.Network]:
    """The same network on the CPU and on the reference backend."""
    ours, theirs = (netspec.compile(text=text, device=d, dtype="float64") for d in ("cpu", "reference"))
    theirs.set_parameters({**ours.parameters, **ours.buffers})
    return ours, theirs


def alike(text: str, x: Any, y: Any) -> None:
    ours, theirs = pair(text)
    a, b = (n.loss_and_gradients(x, y, inputs=True) for n in (ours, theirs))
    assert a[0] == pytest.approx(b[0], rel=1e-12)
    for got, want in ((a[1], b[1]), (a[2], b[2])):
        for k, g in want.items():
            np.testing.assert_allclose(got[k], g, rtol=1e-9, atol=1e-12, err_msg=k)
    for _ in range(3):
        assert ours.train_step(x, y) == pytest.approx(theirs.train_step(x, y), rel=1e-9)


@pytest.mark.sweep
def test_all_sorts_of_layers() -> None:
    rng = np.random.default_rng(0)
    alike(LAYERS, rng.standard_normal((5, 3, 16, 16)), rng.integers(0, 2, 5))


def test_views() -> None:
    rng = np.random.default_rng(0)
    alike(VIEWS, rng.standard_normal((5, 3, 2, 6, 6)), rng.integers(0, 4, 5))


@pytest.mark.sweep
def test_all_sorts_of_losses_at_once() -> None:
    rng = np.random.default_rng(0)
    n = 4
    y = {"map": rng.integers(0, 3, (n, 6, 6)), "style": rng.standard_normal((n, 4, 6, 6)), "mask": rng.random((n, 1, 6, 6)),
         "a": rng.integers(0, 3, n),
         "b": rng.standard_normal((n, 3)), "c": rng.standard_normal((n, 3)), "out": rng.standard_normal((n, 3))}
    alike(LOSSES, rng.standard_normal((n, 4, 6, 6)), y)


MORE = {"adam": " amsgrad clip_value=0.1", "sgd": " momentum=0.9 dampening=0.1 caffe", "rmsprop": " centered momentum=0.5 inside",
        "adagrad": " start=0.1 inside", "adamw": " keras"}


@pytest.mark.parametrize("name", [n for n, cls in OPTIMISERS.items() if not cls.host])
def test_every_optimiser(name: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    ours, theirs = (n.configure(loss="cross_entropy", optimiser=name + MORE.get(name, ""))
                    for n in pair("net n:\n  input 5\n  fc 7 tanh\n  fc 3\n"))
    for _ in range(4):
        assert ours.train_step(x, y) == pytest.approx(theirs.train_step(x, y), rel=1e-10)
    for k, v in theirs.parameters.items():
        np.testing.assert_allclose(ours.parameters[k], v, rtol=1e-10, atol=1e-12)


STEPS = ["relu", "relu6", "leaky", "elu", "selu", "gelu", "gelu tanh", "swish", "mish", "softplus", "softsign", "hardtanh",
         "hardsigmoid", "hardswish", "tanh", "sigmoid",
         "abs", "maxpool 2", "avgpool 2", "minpool 2", "maxpool global", "softmax", "log_softmax", "maxout 2", "max @input"]


@pytest.mark.parametrize("dtype", the_first(1, ["float64", "float32"]))
def test_nan_infinity_and_huge_numbers(dtype: str) -> None:
    """Where they come out, and where they do not, is the same on every backend."""
    text = "net n:\n  input 2x4x4\n" + "".join(f"  output o{k}: {s}\n" for k, s in enumerate(STEPS))
    x = np.random.default_rng(0).standard_normal((2, 2, 4, 4))
    x[0, 0, 1, 1], x[1, 1, 0, 0], x[1, 0, 0, 0], x[1, 0, 2, 2], x[1, 1, 2, 3] = np.nan, 1e30, -1e30, np.inf, -np.inf
    ours, theirs = (netspec.compile(text=text, device=d, dtype=dtype).predict(x) for d in ("cpu", "reference"))
    for k, step in enumerate(STEPS):
        np.testing.assert_allclose(ours[f"o{k}"], theirs[f"o{k}"], rtol=1e-5, atol=1e-6, err_msg=step)
