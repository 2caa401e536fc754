"""Shapes of several values, and the order of the elements of one."""

from __future__ import annotations

from ...ir.types import Size, TensorType, shape_text
from ...words import WordError
from ...words.layer import plane


def same_shapes(layer: str, inputs: tuple[TensorType, ...]) -> TensorType:
    """The common shape of several inputs; refuses inputs that differ."""
    first = inputs[0]
    for k, other in enumerate(inputs[1:], 2):
        if other.shape != first.shape and not (len(other.shape) == len(first.shape)
                                               and all(a is None or b is None or a == b
                                                       for a, b in zip(first.shape, other.shape))):
            raise WordError(f"{layer} works element by element, so the shapes must be equal",
                            f"input 1: {shape_text(first.shape)}", f"input {k}: {shape_text(other.shape)}",
                            label=f"{shape_text(first.shape)} with {shape_text(other.shape)}", code="shape-mismatch")
    return first


def smallest(types: list[TensorType]) -> tuple[Size, ...]:
    """The smallest size of these images on each axis, where all are known."""
    return tuple(None if None in axis else min(w for w in axis if w is not None) for axis in zip(*(t.spatial for t in types)))


def row_major(shape: tuple[int, ...]) -> str:
    """The place of an element among all: `20*c+5*h+w` for 3x4x5."""
    terms, step = [], 1
    for i, s in reversed(list(zip(("c", *plane(shape)[1:].split(",")), shape))):
        terms.append(i if step == 1 else f"{step}*{i}")
        step *= s
    return "+".join(reversed(terms))
