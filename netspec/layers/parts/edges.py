"""What stands around an image that is padded with more than zeros: its mirror image, its edge, its other side."""

from __future__ import annotations

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder, plane, sizes
from .windows import Pads


def check_edges(layer: str, x: TensorType, around: Pads, mode: str) -> None:
    """Refuse padding that would need more of the image than there is."""
    for w, (a, z) in zip(x.spatial, around):
        if w is not None and mode == "reflect" and max(a, z) >= w:
            raise WordError("a mirror image is narrower than what it mirrors, as the edge is not repeated",
                            label=f"pad {max(a, z)}, input {shape_text(x.shape)}",
                            advice=f"pad at most {w - 1}, or use `replicate`", swap=(("reflect", "replicate"),), code="bad-value")
        if w is not None and mode == "circular" and max(a, z) > w:
            raise WordError("circular padding goes round once at most", label=f"pad {max(a, z)}, input {shape_text(x.shape)}",
                            advice=f"pad at most {w}, or use `replicate`", swap=(("circular", "replicate"),), code="bad-value")


def pad_edges(b: Builder, x: str, around: Pads, mode: str) -> str:
    """Formulas for all modes but `constant`, an axis at a time: before, the image, after."""
    for k, (before, after) in enumerate(around):
        if not before and not after:
            continue
        shape = list(sizes(b.type(x)))
        indices = ["c", *plane(shape)[1:].split(",")]
        i, w = indices[k + 1], shape[k + 1]

        def at(place: str, k: int = k, indices: list[str] = indices) -> str:
            return ",".join(place if j == k + 1 else name for j, name in enumerate(indices))

        parts: list[tuple[str, dict[str, int]]] = []
        first = {"reflect": f"{before}-{i}", "circular": f"{i}+{w - before}", "replicate": "0"}[mode]
        last = {"reflect": f"{w - 2}-{i}", "circular": f"{i}+0", "replicate": str(w - 1)}[mode]
        if before:
            parts.append((f"y[n,{at(f'{i}+0')}] = x[n,{at(first)}]", {i: before}))
        parts.append((f"y[n,{at(f'{i}+{before}')}] = x[n,{at(i)}]", {}))
        if after:
            parts.append((f"y[n,{at(f'{i}+{before + w}')}] = x[n,{at(last)}]", {i: after}))
        shape[k + 1] += before + after
        x = b.pieces(*parts, out=tuple(shape), x=x)
    return x
