"""Products of two values of one image, summed: what a Gram matrix and its gradient are."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from ....ir.formula import Access, Formula
from ....ir.types import TensorType


@lru_cache(maxsize=4096)
def pairing(f: Formula, operands: tuple[TensorType, ...], result: TensorType) -> tuple[Literal["correlate", "spread"], Access,
                                                                                       Access] | None:
    """The form, the read that has the result's channel, and the other one:

    correlate   g[n,a,b] += x[n,a,h,w] * y[n,b,h,w]
    spread      u[n,a,h,w] += d[n,a,b] * y[n,b,h,w]
    """
    types = dict(zip(f.operands, operands))
    t = f.target
    if not f.is_product or not result.batch or len(f.reads) != 2 or len(t.axes) < 3:
        return None
    if any(types[r.name].batch != result.batch or r.compound or r.bare[0] != "n" or len(r.axes) < 3
           for r in f.reads) or t.compound or t.bare[0] != "n":
        return None
    lane, other = f.reads if f.reads[0].bare[1] == t.bare[1] else f.reads[::-1]
    a, b, places = lane.bare[1], other.bare[1], other.bare[2:]
    if a != t.bare[1] or a == b or b in places or a in places or len(set(places)) != len(places):
        return None
    if t.bare[2:] == (b,) and lane.bare[2:] == places:
        return "correlate", lane, other
    if t.bare[2:] == places and lane.bare[2:] == (b,):
        return "spread", lane, other
    return None
