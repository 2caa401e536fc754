"""What is allowed and probably not meant: warnings of a step that went well, and of biases that do nothing."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Node
from ...layers.parts.windows import lost
from ...source import Span
from ...words.layer import Layer
from ..model.elaborator import Elaborator
from ..model.values import Flow


def remark(e: Elaborator, made: Any, inputs: list[Flow], span: Span) -> None:
    """Everything worth saying about one layer."""
    key = id(made), inputs[0].type
    if key not in e.known.unremarkable and not _windows(e, made, inputs[0], span):
        e.known.unremarkable[key] = made


def _padded(maker: Node | None, axis: int) -> int:
    """What the step before has put behind the image."""
    return maker.op.puts_around(len(maker.type.spatial))[axis][1] if maker is not None and isinstance(maker.op, Layer) else 0


def _windows(e: Elaborator, made: Any, x: Flow, span: Span) -> bool:
    """Pixels that no window reaches, and even windows under `same`: whether there are any."""
    how = made.slides(x.type)
    if how is None:
        return False
    sizes, (window, stride, pad, dilation) = x.type.spatial, how
    steady = all(s == 1 for s in stride)
    over = () if steady else lost(sizes, window, stride, pad, dilation)
    found = [_left_over(made, w, n, k, s, d, p, _padded(e.draft.maker.get(x.value), axis))
             for axis, (w, n, k, s, d, p) in enumerate(zip(sizes, over, window, stride, dilation, pad)) if n and w is not None]
    if found:
        real, what, formula, hint = max(found, key=lambda f: f[0])
        e.say("warning" if real else "note", "lost-pixels", "the stride does not divide what the window slides over", span, what,
              (formula,), hint)
    even = [k for k, d in zip(window, dilation)
            if d * (k - 1) % 2] if steady and made.pad == "same" and made.category == "convolution" else []
    if even:
        k = even[0]
        e.say("warning", "even-window", f"`same` with a window of {k} makes the plane one smaller: an even window has no middle",
              span, f"{'x'.join(map(str, sizes))} becomes {'x'.join(str((w or 0) - (1 - k % 2)) for w, k in zip(sizes, window))}",
              hint=f"pad=[{', '.join(f'({(k - 1) // 2}, {k // 2})' for k in window)}]  keeps the size; `valid` says that it is meant")
    return bool(found or even)


def _left_over(made: Any, w: int, n: int, window: int, stride: int, dilation: int, pad: tuple[int, int],
               behind: int) -> tuple[int, str, str, str | None]:
    """Of `n` places at the end of an axis that no window reaches: how many are pixels, in words, the formula, and what to do."""
    f = dilation * (window - 1) + 1
    padding = pad[1] + behind
    real = max(0, n - padding - max(0, stride - f))  # a stride wider than its window leaves gaps anyway
    what = f"only {'padding' if n <= padding else 'what the stride steps over'} is left out"
    if real:
        what = f"{real} pixel{'s' if real > 1 else ''} at the end of each line {'are' if real > 1 else 'is'} never seen"
    exact = (w + sum(pad) - f) / stride + 1
    formula = (
        f"out = (in + 2*pad - window)/stride + 1 = ({w} + {sum(pad)} - {f})/{stride} + 1 = {exact:g}, rounded down to {int(exact)}")
    fits = next((f"pad={p}   or   " for p in range(window // 2 + 1) if (w + 2 * p - f) % stride == 0), "")
    return real, what, formula, f"{fits}round up:  ceil" if made.category == "pooling" else None
