"""Windows that lie as Keras's `same` puts them: against the formula written out here, and against Keras where it is installed.

As TensorFlow says it: a picture of n numbers has ceil(n/s) windows of k numbers, s apart; of the zeros that they need beyond it,
half lie before it, and one more behind. Means and largest numbers are of what lies inside the picture.
"""

from __future__ import annotations

import os
from itertools import product
from typing import Any

import numpy as np
import pytest

import netspec

SIZES = [(7, 9), (8, 5), (6, 11)]
WINDOWS = [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (5, 2), (1, 2)]  # each with its stride
STEPS = {"conv": "conv 3 {k}x{k} /{s} same_upper bias=no", "depthwise": "conv 2 {k}x{k} /{s} same_upper groups=2 bias=no",
         "maxpool": "maxpool {k} /{s} same_upper", "avgpool": "avgpool {k} /{s} same_upper count_pad=no"}


def written_out(kind: str, x: Any, weight: Any, k: int, s: int) -> Any:
    """The layer by its formula, window by window; numbers outside of the picture are not there."""
    _, _, height, width = x.shape
    before = [max((-(-n // s) - 1) * s + k - n, 0) // 2 for n in (height, width)]
    rows = []
    for i, j in product(range(-(-height // s)), range(-(-width // s))):
        top, left = i * s - before[0], j * s - before[1]
        own = slice(max(top, 0), min(top + k, height)), slice(max(left, 0), min(left + k, width))
        part = x[:, :, own[0], own[1]]
        if kind in ("maxpool", "avgpool"):
            rows.append(part.max((2, 3)) if kind == "maxpool" else part.mean((2, 3)))
            continue
        taps = weight[:, :, own[0].start - top : own[0].stop - top, own[1].start - left : own[1].stop - left]
        rows.append(np.einsum("ncuv,ocuv->no", part, taps) if kind == "conv" else np.einsum("ncuv,cuv->nc", part, taps[:, 0]))
    return np.stack(rows, 2).reshape(len(x), -1, -(-height // s), -(-width // s))


def ours(kind: str, size: tuple[int, int], k: int, s: int) -> tuple[Any, Any, Any]:
    """An input, the weight, and what netspec makes of them."""
    random = np.random.default_rng(7 * k + s)
    text = f"net a:\n  input 2x{size[0]}x{size[1]}\n  {STEPS[kind].format(k=k, s=s)}\n"
    net = netspec.compile(text=text, device="reference", dtype="float64")
    for name, a in net.parameters.items():
        net.parameters[name] = random.standard_normal(a.shape)
    x = random.standard_normal((2, 2, *size))
    return x, next(iter(net.parameters.values()), None), net.predict(x)


@pytest.mark.parametrize("kind", STEPS)
def test_windows_lie_as_the_formula_says(kind: str) -> None:
    for size, (k, s) in product(SIZES, WINDOWS):
        x, weight, y = ours(kind, size, k, s)
        np.testing.assert_allclose(y, written_out(kind, x, weight, k, s), rtol=1e-12, atol=1e-12, err_msg=f"{size} {k} /{s}")


@pytest.mark.parametrize("kind", STEPS)
def test_windows_lie_as_those_of_keras(kind: str) -> None:
    """On JAX: on PyTorch, Keras 3.15 repeats the edge of a picture where a mean needs zeros at one side alone."""
    pytest.importorskip("jax")
    os.environ["KERAS_BACKEND"] = "jax"
    keras = pytest.importorskip("keras")
    for size, (k, s) in product(SIZES, WINDOWS):
        x, weight, y = ours(kind, size, k, s)
        how: dict[str, Any] = {"strides": s, "padding": "same"}
        if kind in ("maxpool", "avgpool"):
            layer = (keras.layers.MaxPooling2D if kind == "maxpool" else keras.layers.AveragePooling2D)(k, **how)
        else:
            how["use_bias"] = False
            layer = keras.layers.Conv2D(3, k, **how) if kind == "conv" else keras.layers.DepthwiseConv2D(k, **how)
        picture = np.moveaxis(x, 1, -1)
        layer.build(picture.shape)
        if weight is not None:
            layer.set_weights([weight.transpose((2, 3, 1, 0) if kind == "conv" else (2, 3, 0, 1))])
        theirs = np.moveaxis(np.asarray(layer(picture)), -1, 1)
        np.testing.assert_allclose(y, theirs, rtol=2e-5, atol=2e-5, err_msg=f"{size} {k} /{s}")
