"""Padding as ONNX's Pad, and read from it."""

from __future__ import annotations

from ...words.onnx import OnnxNode, OnnxWriter
from .onnx_extents import plane_of
from .windows import Pads

MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # any other: a number


def onnx_edges(o: OnnxWriter, x: str, around: Pads, mode: str, value: float = 0.0, channels: int = 0) -> str:
    """The operator, with so many channels more at the end."""
    if mode == "circular":
        o.need(19, "circular padding")
    amounts = o.numbers([0, 0, *(a for a, _ in around), 0, channels, *(z for _, z in around)], whole=True)
    return o("Pad", x, amounts, *([o.numbers(value)] if value else []), mode=MODES.get(mode, "constant"))


def edges_to(o: OnnxWriter, x: str, like: str, mode: str, value: float, channels: int) -> str:
    """The operator that makes `x` as large as another value, whatever their sizes: the odd place is put after it."""
    return _computed(o, x, o("Sub", plane_of(o, like), plane_of(o, x)), "same_upper", mode, value, channels)


def edges_for(o: OnnxWriter, x: str, pad: str, reach: tuple[int, ...], stride: tuple[int, ...], mode: str) -> str:
    """The operator that puts around `x` what ceil(W/S) windows need (`same_upper`, `same_lower`), whatever W is. `reach` is how
    far from its first tap a window's last one is."""
    over = o("Mod", o("Sub", plane_of(o, x), o.numbers([1], whole=True)), o.numbers(stride, whole=True))
    room = o("Max", o("Sub", o.numbers(reach, whole=True), over), o.numbers([0], whole=True))
    return _computed(o, x, room, pad, mode)


def _computed(o: OnnxWriter, x: str, room: str, pad: str, mode: str, value: float = 0.0,
              channels: int = 0) -> str:
    """So many places around an image, half before and half after; an odd one where `pad` says."""
    if mode == "circular":
        o.need(19, "circular padding")
    less = o("Div", room, o.numbers([2], whole=True))
    more = o("Sub", room, less)
    before, after = (less, more) if pad == "same_upper" else (more, less)
    amounts = o("Concat", o.numbers([0, 0], whole=True), before, o.numbers([0, channels], whole=True), after, axis=0)
    return o("Pad", x, amounts, *([o.numbers(value)] if value else []), mode=MODES.get(mode, "constant"))


def padding_of(n: OnnxNode) -> tuple[Pads, str] | None:
    """What a Pad puts around an image, and what stands there (`zeros` for 0), if it does nothing else."""
    found = amounts_of(n)
    if found is None or found[1] or found[3]:
        return None
    return found[0], "zeros" if found[2] == "constant" else found[2]


def amounts_of(n: OnnxNode) -> tuple[Pads, int, str, float] | None:
    """What a Pad puts around an image, how many channels after the last, what stands there, and the number where it is one."""
    x, given = n.type(0), n.array(1)
    if n.op != "Pad" or x is None or given is None or (len(n.inputs) > 2 and n.inputs[2] and n.array(2) is None):
        return None
    rank, axes = len(x.shape) + 1, n.array(3)
    amounts = [0] * 2 * rank
    for k, axis in enumerate(range(rank) if axes is None else [int(a) % rank for a in axes]):
        amounts[axis], amounts[rank + axis] = int(given[k]), int(given[k + len(given) // 2])
    mode = {v: k for k, v in MODES.items()}.get(n.attributes.get("mode", "constant"), "constant")
    value = 0.0 if n.array(2) is None else float(n.array(2).reshape(-1)[0])
    if amounts[0] or amounts[rank] or amounts[1] or min(amounts) < 0 or (amounts[rank + 1] and (value or mode != "constant")):
        return None
    return tuple(zip(amounts[2:rank], amounts[rank + 2:])), amounts[rank + 1], mode, value
