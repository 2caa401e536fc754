"""Arithmetic of sliding windows, one axis at a time: out = floor((W - F + P0 + P1) / S) + 1, F = dilation*(window-1)+1.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016 (arXiv:1603.07285).
"""

from __future__ import annotations

from typing import Any

from ...ir.types import Size, shape_text
from ...words import WordError, spelled
from ...words.layer import OUT, WINDOW, names

Pads = tuple[tuple[int, int], ...]
Windows = tuple[tuple[int, ...], tuple[int, ...], Pads, tuple[int, ...]]  # size, step, zeros around, distance of taps


def per_axis(what: str, v: Any, rank: int) -> tuple[int, ...]:
    """One number for every axis, or the numbers given; refuses a wrong number of them."""
    if isinstance(v, int):
        return (v,) * rank
    if len(v) != rank:
        raise WordError(f"{what} has {len(v)} numbers and the input has {rank} spatial ax{'is' if rank == 1 else 'es'}",
                        label=f"{what} {spelled(tuple(v))}",
                        advice=f"one number for all axes, or {rank}: {shape_text((v[0],) * rank)}",
                        swap=swaps(v, (v[0],) * rank, what), code="wrong-rank")
    return tuple(v)


def pads(pad: Any, window: tuple[int, ...], dilation: tuple[int, ...], stride: tuple[int, ...] = (),
         space: tuple[Size, ...] = ()) -> Pads:
    """(before, after) for each axis. `same` is (F-1)//2 on both sides, `valid` nothing. `same_upper` and `same_lower` are what
    ceil(W/S) windows need around W, the odd one after or before; where W is not known, as if S divided it."""
    rank = len(window)
    if pad in ("same_upper", "same_lower"):
        return tuple(halves(d * (k - 1) + 1 - ((w or 0) % s or s), pad)
                     for k, d, s, w in zip(window, dilation, stride or (1,) * rank, space or (None,) * rank))
    if pad == "same":
        return tuple(((d * (k - 1)) // 2,) * 2 for k, d in zip(window, dilation))
    if pad == "valid":
        return ((0, 0),) * rank
    if isinstance(pad, int):
        return ((pad, pad),) * rank
    pad = tuple(pad)
    if len(pad) != rank:
        raise WordError(f"pad has {len(pad)} entries and the input has {rank} spatial ax{'is' if rank == 1 else 'es'}",
                        label=f"pad={spelled(pad)}",
                        hint="one number, or one (before, after) pair per axis:  pad=[" + ", ".join(["(1, 1)"] * rank) + "]",
                        swap=swaps(pad, (1,) * rank, "pad"), code="wrong-rank")
    return tuple((p, p) if isinstance(p, int) else (p[0], p[1]) for p in pad)


def halves(room: int, pad: str) -> tuple[int, int]:
    """So many zeros before and after; none where there are less than none."""
    less, more = max(room, 0) // 2, (max(room, 0) + 1) // 2
    return (less, more) if pad == "same_upper" else (more, less)


def out_sizes(x: tuple[Size, ...], window: tuple[int, ...], stride: tuple[int, ...], pad: Pads, dilation: tuple[int, ...],
              ceil: bool = False) -> tuple[Size, ...]:
    """The size of each axis of a sliding window's result; refuses a window larger than what it slides over."""
    out: list[Size] = []
    for w, k, s, (a, b), d in zip(x, window, stride, pad, dilation):
        if w is None:
            out.append(None)
            continue
        f = d * (k - 1) + 1
        room = w + a + b - f
        if room < 0:
            most = max(1, min((v + sum(p) - 1) // e + 1 for v, p, e in zip(x, pad, dilation) if v is not None))
            extent = f"{d}*({k} - 1) + 1 = {f}" if d > 1 else str(k)
            total = f"{a} + {b}" if a != b else f"2*{a}" if a else "0"
            raise WordError(
                "the window is larger than what it slides over",
                f"out = (in + 2*pad - window)/stride + 1 = ({w} + {total.replace('2*', '2*') if total != '0' else 0} - {f})/{s} + 1 = {room // s + 1 if room % s == 0 else _decimal(room / s + 1)}",
                label=f"window {extent}, input {'x'.join('?' if v is None else str(v) for v in x)}" + (f", pad {a}" if a else ""),
                advice=f"the input has shrunk to {shape_text(x)} here; remove a pooling above, use a window of at most {most}, or start from a larger input",
                swap=(*swaps(window, tuple(min(n, most) for n in window)), (str(k), str(most))),
                code="window-too-large")
        n = -(-room // s) if ceil else room // s
        if ceil and n * s >= w + a:  # a last window that would start in the padding after is dropped, as PyTorch and Caffe do
            n -= 1
        out.append(n + 1)
    return tuple(out)


def swaps(written: Any, instead: tuple[int, ...], option: str = "") -> tuple[tuple[str, str], ...]:
    """The ways in which sizes may be written, and others in their place, for `WordError.swap`."""
    old, new = tuple(written), shape_text(instead)
    ways = [(shape_text(old), new), (f"({', '.join(map(str, old))})", new), (f"/{shape_text(old)}", f"/{new}")]
    return (*((f"{option}={a}", f"{option}={b}") for a, b in ways if option),
            *ways) if all(isinstance(n, int) for n in old) else ()


def _decimal(v: float) -> str:
    return f"{v:.2f}".rstrip("0").rstrip(".")


def lost(x: tuple[Size, ...], window: tuple[int, ...], stride: tuple[int, ...], pad: Pads,
         dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Pixels at the end of each axis that no window reaches: (W - F + P0 + P1) mod S."""
    return tuple(0 if w is None else (w + a + b - d * (k - 1) - 1) % s
                 for w, k, s, (a, b), d in zip(x, window, stride, pad, dilation))


def slide(stride: tuple[int, ...], pad: Pads, dilation: tuple[int, ...]) -> str:
    """The subscripts of a sliding read: `2*p+u-1,2*q+v-1`."""
    rank = len(stride)
    return ",".join(f"{_times(s, p)}+{_times(d, u)}{-a:+d}" if a else f"{_times(s, p)}+{_times(d, u)}"
                    for p, u, s, d, (a, _) in zip(names(OUT, rank), names(WINDOW, rank), stride, dilation, pad))


def _times(k: int, i: str) -> str:
    return i if k == 1 else f"{k}*{i}"


def need_image(layer: str, shape: tuple[Size, ...]) -> int:
    """The number of spatial axes, which must be 1, 2 or 3."""
    rank = len(shape) - 1
    if not 1 <= rank <= 3:
        raise WordError(f"{layer} slides over an image, and this has no height or width" if rank < 1
                        else f"{layer} works on 1, 2 or 3 spatial axes, and this has {rank}",
                        label=f"the input is {shape_text(shape)}",
                        advice=f"put {layer} before the fc layers, or use fc here" if rank < 1 else "", code="wrong-rank")
    return rank


def pool_pads(layer: str, pad: Any, window: tuple[int, ...], dilation: tuple[int, ...], stride: tuple[int, ...],
              space: tuple[Size, ...]) -> Pads:
    """The padding of a pool: less than its window."""
    out = pads(pad, window, dilation, stride, space)
    for k, (a, b), d in zip(window, out, dilation):
        extent = d * (k - 1) + 1
        if max(a, b) >= extent:
            raise WordError(f"{layer} pads by less than its window, or a window could hold nothing but padding",
                            label=f"pad {max(a, b)}, window {extent}", hint=f"pad={extent // 2}", code="bad-value")
    return out
