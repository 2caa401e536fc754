"""Weights whose filters are each scaled before they are used, as weight_norm does: w[o,c,u,v] = v[o,c,u,v] * k[o].

Filters are the first axis of a weight. Where they lie in the lanes of the order that contractions store it in, the parameter v,
the weight w and their gradients share that order, and what is computed along filters need not leave it:

    s[o] += v[o,c] * v[o,c]              a sum over each filter
    w[o,c] = v[o,c] * k[o]               element for element, with numbers a filter
    d_k[o] += d_w[o,c] * v[o,c]
    d_v[o,c] = d_w[o,c] * k[o]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from math import prod

from .contraction import gradient_of
from .formula import Formula
from .types import TensorType


def goes_along(f: Formula, bound: Mapping[str, str], stored: Collection[str]) -> bool:
    """Whether a formula is a sum over each filter, or a map of its elements, of values in that order and of numbers a filter."""
    every = (f.target, *f.reads)
    whole = {a.axes for a in every if len(a.axes) > 1}
    return (f.how != "max=" and len(f.targets) == 1 and not f.numbers and not f.is_random and len(whole) == 1
            and not any(a.compound or a.axes[:1] != f.target.axes[:1] for a in every)
            and any(len(r.axes) > 1 for r in f.reads) and all(bound[r.name] in stored for r in f.reads if len(r.axes) > 1)
            and (f.how == "+=" or len(f.target.axes) > 1))


@lru_cache(maxsize=1024)
def in_lanes(f: object, operands: tuple[TensorType, ...], result: TensorType) -> bool:
    """Whether a formula is a contraction whose filters, the first axis of its weight, lie in the lanes of the order in which that
    is stored: the one its gradient is written in."""
    try:
        c = gradient_of(f, operands, (result,)) if isinstance(f, Formula) and len(operands) == 2 else None
    except ValueError:
        return False
    each = 0 if c is None else prod(c.shape[1:])
    return c is not None and c.base == 0 and (c.groups == 1 or c.strides[0] == c.outs * each) and (
        c.outs == 1 or c.strides[1] == each)
