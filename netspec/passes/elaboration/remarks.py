"""What is allowed and probably not meant: warnings of a step that went well."""

from __future__ import annotations

from typing import Any

from ...layers.windows import lost, pads, per_axis
from ...source import Span
from .elaborator import Elaborator
from .scopes import Scope
from .values import Flow


def remark(e: Elaborator, made: Any, place: Scope, inputs: list[Flow], span: Span) -> None:
    """Everything worth saying about one layer."""
    if made.centres:
        _dead_bias(e, made, inputs[0])
    key = id(made), inputs[0].type
    if key not in e.unremarkable and not _windows(e, made, inputs[0], span):
        e.unremarkable[key] = made


def _dead_bias(e: Elaborator, made: Any, x: Flow) -> None:
    """`conv 64 3x3 -> bn`: the normalisation subtracts what the bias adds."""
    maker = e.maker.get(x.value)
    if maker is None or getattr(maker.op, "category", "") not in ("convolution", "dense"):
        return
    bias = next((p for p in maker.parameters if p.name.endswith(".bias")), None)
    if bias is None or e.shared:
        return
    span = maker.spans[0]
    e.say("warning", "dead-bias", f"the bias of this {maker.op.name} does nothing: {made.name} subtracts it again", span,
          f"{bias.size} dead parameters", hint=f"write {made.name} as a switch of the same step, or  bias=no")


def _windows(e: Elaborator, made: Any, x: Flow, span: Span) -> bool:
    """Pixels that no window reaches, and even windows under `same`: whether there are any."""
    if made.category not in ("convolution", "pooling") or made.name == "deconv" or not (hasattr(made, "stride") and hasattr(made, "window")):
        return False
    if getattr(made, "whole", False) or getattr(made, "rounding", "floor") == "ceil":
        return False
    some = False
    sizes = x.type.spatial
    rank = len(sizes)
    window = per_axis("window", made.window, rank)
    stride = window if made.stride is None else per_axis("stride", made.stride, rank)
    dilation = per_axis("dilation", getattr(made, "dilation", 1), rank)
    pad = pads(made.pad, window, dilation)
    steady = all(s == 1 for s in stride)
    for axis, n in enumerate(() if steady else lost(sizes, window, stride, pad, dilation)):
        w = sizes[axis]
        if n and w is not None:
            a, b = pad[axis]
            f = dilation[axis] * (window[axis] - 1) + 1
            real = max(0, n - b - max(0, stride[axis] - f))  # a stride wider than its window leaves gaps anyway
            exact = (w + a + b - f) / stride[axis] + 1
            what = f"{real} pixel{'s' if real > 1 else ''} at the end of each line {'are' if real > 1 else 'is'} never seen" if real else "only padding is left out"
            pads_that_fit = (f"choose pad={p}, or " for p in range(window[axis]) if (w + 2 * p - f) % stride[axis] == 0)
            e.say("warning" if real else "note", "lost-pixels", "the stride does not divide what the window slides over", span, what,
                  (f"out = (in + 2*pad - window)/stride + 1 = ({w} + {a + b} - {f})/{stride[axis]} + 1 = {exact:g}, rounded down to {int(exact)}",),
                  next(pads_that_fit, "") + "round up with ceil" if made.category == "pooling" else None)
            some = True
            break
    even = [k for k, d in zip(window, dilation) if d * (k - 1) % 2] if steady and made.pad == "same" and made.category == "convolution" else []
    if even:
        k = even[0]
        e.say("warning", "even-window", f"`same` with a window of {k} makes the plane one smaller: an even window has no middle", span,
              f"{'x'.join(map(str, sizes))} becomes {'x'.join(str((w or 0) - (1 - k % 2)) for w, k in zip(sizes, window))}",
              hint=f"pad=[{', '.join(f'({(k - 1) // 2}, {k // 2})' for k in window)}] keeps the size; `valid` says that it is meant")
    return some or bool(even)
