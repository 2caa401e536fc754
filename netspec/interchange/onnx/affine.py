"""Numbers for each channel that a file multiplies or adds behind a convolution are its own: a normalisation that was folded, or a
bias apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

CONVOLUTIONS = ("Conv", "ConvTranspose")


def absorbed(g: Any) -> None:
    """Put them into the convolutions of a graph (plain.Plain), wherever nothing else reads what is between."""
    for n in list(g.nodes):
        if n.op not in ("Add", "Sub") or (shift := _shift(n)) is None:
            continue
        before, factor = n.before(shift[0]), None
        if before is not None and before.op in ("Mul", "Div") and (scale := _factor(before)) is not None:
            before, factor = before.before(scale[0]), scale[1]
        if before is None or before.op not in CONVOLUTIONS or any(i not in g.constants for i in before.inputs[1:] if i):
            continue
        conv = _with(g, before, n, factor, shift[1], minus=n.op == "Sub")
        if conv is not None:
            g.nodes[g.nodes.index(n)] = conv
            g.maker[n.outputs[0]] = conv


def _channelwise(n: Any) -> tuple[int, Any] | None:
    """Which input is computed, and the numbers of the other, one for each channel or one for all."""
    k = 1 if n.array(0) is not None else 0
    x, a = n.type(k), n.array(1 - k)
    if len(n.inputs) != 2 or x is None or a is None or x.channels is None or a.ndim > len(x.shape) + 1 or a.dtype.kind != "f":
        return None
    shape = a.reshape((1,) * (len(x.shape) + 1 - a.ndim) + a.shape).shape
    if a.size not in (1, x.channels) or (a.size > 1 and shape[1] != x.channels):
        return None
    return k, np.broadcast_to(a.reshape(-1), (x.channels,))


def _shift(n: Any) -> tuple[int, Any] | None:
    found = _channelwise(n)
    return None if found is None or (n.op == "Sub" and found[0] == 1) else found


def _factor(n: Any) -> tuple[int, Any] | None:
    found = _channelwise(n)
    if found is None or (n.op == "Div" and (found[0] == 1 or not np.all(found[1]))):
        return None
    return found[0], 1 / found[1] if n.op == "Div" else found[1]


def _with(g: Any, conv: Any, last: Any, factor: Any, shift: Any, minus: bool) -> Any:
    """The convolution with the numbers in it; None where it has a bias, and no factor tells that a normalisation was folded."""
    w, bias = conv.array(1), conv.array(2)
    if factor is None and bias is not None:
        return None
    axis, groups = (0, 1) if conv.op == "Conv" else (1, conv.attributes.get("group", 1))
    if factor is not None:
        share = factor.reshape(groups, -1)
        w = w * factor.reshape(-1, *(1,) * (w.ndim - 1)) if axis == 0 else (
            w.reshape(groups, -1, *w.shape[1:]) * share[:, None, :, *(None,) * (w.ndim - 2)]).reshape(w.shape)
    whole = (-shift if minus else shift) + (0 if bias is None else bias * factor)
    names = tuple(f"{last.outputs[0]}:{k}" for k in ("weight", "bias"))
    kept = conv.inputs[1] if factor is None else names[0]
    if factor is not None:
        g.constants[names[0]] = np.ascontiguousarray(w)
    g.constants[names[1]] = np.ascontiguousarray(whole)
    return replace(conv, inputs=(conv.inputs[0], kept, names[1]), outputs=last.outputs)
