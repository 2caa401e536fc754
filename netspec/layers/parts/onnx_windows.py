"""Sliding windows as ONNX's attributes, and read from them in the fewest words."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words.onnx import OnnxNode, Unsized
from .windows import Pads, pads

SAME = ("same_upper", "same_lower")


def attributes(window: tuple[int, ...], stride: tuple[int, ...], pad: Pads, dilation: tuple[int, ...]) -> dict[str, Any]:
    """What Conv, MaxPool and their kin call the four. Pools know no dilation in older opsets: it is left out where it is 1."""
    said: dict[str, Any] = {"kernel_shape": list(window), "strides": list(stride), "pads": [a for a, _ in pad] + [z for _, z in pad]}
    return said | (
        {"dilations": list(dilation)} if set(dilation) != {1} else {})


def in_onnx(x: TensorType, said: Any, window: tuple[int, ...], stride: tuple[int, ...], pad: Pads,
            dilation: tuple[int, ...]) -> dict[str, Any]:
    """The same of a layer whose padding is `said`. What depends on sizes, or differs between the ends, is left to `auto_pad`;
    beside a dilation runtimes know none, and the numbers are written for the size there is."""
    if said not in SAME or (set(stride) == {1} and all(a == z for a, z in pad)):
        return attributes(window, stride, pad, dilation)
    if set(dilation) != {1}:
        if not x.known and set(stride) != {1}:
            raise Unsized(f"{said} beside a dilation depends on the size of the image")
        return attributes(window, stride, pad, dilation)
    return {"kernel_shape": list(window), "strides": list(stride), "auto_pad": said.upper()}


def fields(n: OnnxNode, window: tuple[int, ...], usual: str, more: Pads | None = None) -> dict[str, Any]:
    """stride, pad and dilation of a node with a window, as a layer whose padding is `usual` unless given would have them
    written. `more` is padding that a node before it adds. `auto_pad` stays a word where it depends on the size."""
    rank = len(window)
    stride, dilation = (tuple(n.attributes.get(k) or (1,) * rank) for k in ("strides", "dilations"))
    around = _around(n, window, stride, dilation)
    auto = str(n.attributes.get("auto_pad") or "").lower()
    if auto in SAME and more is None and (set(stride) != {1} or any(a != z for a, z in around)):
        return {"stride": fewest(stride), "pad": auto, "dilation": fewest(dilation)}
    around = around if more is None else tuple((a + b, z + y) for (a, z), (b, y) in zip(around, more))
    return {"stride": fewest(stride), "pad": shortest(around, window, dilation, usual), "dilation": fewest(dilation)}


def _around(n: OnnxNode, window: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Pads:
    """Its padding: as it is given, or what `auto_pad` comes to for the size of its input."""
    rank, auto = len(window), n.attributes.get("auto_pad") or "NOTSET"
    given = n.attributes.get("pads") or [0] * 2 * rank
    x = n.type(0)
    if not str(auto).startswith("SAME") or x is None:
        return tuple(zip(given[:rank], given[rank:])) if auto == "NOTSET" else ((0, 0),) * rank
    return pads(str(auto).lower(), window, dilation, stride, x.spatial)


def rounding(n: OnnxNode) -> str:
    """How a pool rounds a size that does not divide; by steps of one every size divides."""
    return "ceil" if n.attributes.get("ceil_mode") and set(n.attributes.get("strides") or (1,)) != {1} else "floor"


def shortest(around: Pads, window: tuple[int, ...], dilation: tuple[int, ...], usual: str) -> Any:
    """Padding as a spec has it: `same`, `valid`, a number, or (before, after) pairs."""
    same = pads("same", window, dilation)
    odd = all((d * (k - 1)) % 2 == 0 for k, d in zip(window, dilation))
    if not any(map(any, around)):
        return "same" if usual == "same" and not any(map(any, same)) and odd else "valid"
    if around == same and odd:
        return "same"
    return fewest_pads(around)


def fewest(sizes: tuple[int, ...]) -> Any:
    """One number where all are the same."""
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def written(sizes: tuple[int, ...]) -> Any:
    """A window of a convolution, `3x3`; of one axis, `3`."""
    return sizes[0] if len(sizes) == 1 else tuple(sizes)


def fewest_pads(around: Pads) -> Any:
    """One number where all are the same, else pairs."""
    flat = {p for pair in around for p in pair}
    return flat.pop() if len(flat) == 1 else around
