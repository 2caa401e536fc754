"""Where values lie on the device: flat spaces, one array each, in row-major order of the canonical shapes.

    arena        values with a batch axis, elements a sample: a value of at = 120 begins at element 120 * N
    weights      every parameter and buffer
    gradients    in the same order
    vectors      values without a batch axis: per-channel sums, parts of gradients
    keys         64-bit integers that the runtime sets: the key of random numbers

Every kernel is given all five, N, and the beginnings of the values it touches. So no plan depends on the batch, and two
layers of one kind and shape are one kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...ir.formula import Access, Axis, spell
from ...ir.types import TensorType

SPACES = ("arena", "weights", "gradients", "vectors", "keys")
ALIGNED = 64  # elements: values begin at a multiple of it


@dataclass(frozen=True, slots=True)
class Place:
    space: str
    at: int


def number_of(a: Access, t: TensorType, names: Mapping[str, str]) -> str:
    """The row-major number of the element that an access means, for the names that its indices have in a kernel."""
    terms: dict[str, int] = {}
    const, stride = 0, 1
    for axis, size in zip(a.axes[::-1], (*((None,) if t.batch else ()), *t.shape)[::-1]):
        for i, c in axis.terms:
            terms[i] = terms.get(i, 0) + c * stride
        const += axis.const * stride
        stride *= size or 1
    return spell(Axis(tuple((i, c) for i, c in terms.items() if c), const), names)
