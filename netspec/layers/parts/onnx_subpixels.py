"""Pixels and channels that change places, where ONNX's DepthToSpace and SpaceToDepth do not do: as axes of their own."""

from __future__ import annotations

from ...words.layer import known_channels, sizes
from ...words.onnx import OnnxNode, OnnxWriter
from .onnx_extents import extents, reshaped


def channels_to_pixels(o: OnnxWriter, x: str, order: str, r: int) -> str:
    """Every r x r channels become the pixels of one."""
    t = o.type(x)
    c, rank = known_channels(t), len(t.spatial)
    own, taps = [c // r**rank], [r] * rank
    apart = reshaped(o, x, [0, *(own + taps if order == "crd" else taps + own), *extents(t)])
    channel, first = (1, 2) if order == "crd" else (rank + 1, 1)
    turns = [a for k in range(rank) for a in (rank + 2 + k, first + k)]
    turned = o("Transpose", apart, perm=[0, channel, *turns])
    return reshaped(o, turned, [0, c // r**rank, *extents(t, times=r)], like=x)


def pixels_to_channels(o: OnnxWriter, x: str, order: str, r: int) -> str:
    """The inverse."""
    t = o.type(x)
    c, rank = known_channels(t), len(t.spatial)
    apart = reshaped(o, x, [0, c, *(n for w in extents(t, over=r) for n in (w, r))])
    blocks, taps = [2 + 2 * k for k in range(rank)], [3 + 2 * k for k in range(rank)]
    turned = o("Transpose", apart, perm=[0, *([1, *taps] if order == "crd" else [*taps, 1]), *blocks])
    return reshaped(o, turned, [0, c * r**rank, *extents(t, over=r)], like=x)


def turned_axes(n: OnnxNode) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...], str] | None:
    """Of a Reshape, Transpose, Reshape: the shape before, apart, the order of the axes, the shape after, and the value read."""
    turned = n.before(0) if n.op == "Reshape" else None
    apart = turned.before(0) if turned is not None and turned.op == "Transpose" else None
    if turned is None or apart is None or apart.op != "Reshape":
        return None
    x, between, out = apart.type(0), apart.out, n.out
    if x is None or between is None or out is None or not (x.known and between.known and out.known):
        return None
    return sizes(x), sizes(between), tuple(turned.attributes["perm"]), sizes(out), apart.inputs[0]
