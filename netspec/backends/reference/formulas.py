"""A formula run by NumPy.

Slow and plain. Indices that share a subscript with another index (`2*p+u`) are split: one of them becomes a Python
loop, so that every read is a strided slice; what remains is a broadcast expression, or an einsum where it is a product.
A file that `netspec emit` writes carries this module with it.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.formula import Access, Axis, Formula
from ...ir.functions import FUNCTIONS
from ...ir.randomness import uniform

Array = NDArray[Any]


def evaluate(f: Formula, operands: Mapping[str, Array], extents: dict[str, int], shape: tuple[int, ...], samples: int,
             dtype: Any = np.float64) -> tuple[Array, ...]:
    """The values of a formula's targets."""
    target = f.target
    extents = dict(extents)
    first = target.axes[0] if target.axes else Axis(())
    if "n" in f.indices:
        extents["n"] = shape[0] if first.bare == "n" else _batch_extent(f, operands)
    looped = _looped(f)
    vector = [i for i in f.indices if i not in looped]
    fill = -math.inf if f.how == "max=" else 0.0
    out = np.full(shape, fill, dtype)
    place = np.zeros(shape, dtype) if len(f.targets) > 1 else None
    reduced_vector = [i for i in f.reduced if i in vector]
    for number, combo in enumerate(itertools.product(*(range(extents[i]) for i in looped))):
        fixed = dict(zip(looped, combo))
        bounds = _bounds(f, operands, shape, extents, fixed, vector)
        if bounds is None:
            continue
        if place is not None:
            _max_with_place(f, operands, out, place, fixed, bounds, vector, reduced_vector, extents, looped, samples, number)
            continue
        where = _slices(target, fixed, bounds)
        axes = [_index_of(a, fixed) for a in target.axes]
        got = _reduce(f, operands, fixed, bounds, vector, reduced_vector, samples, [a for a in axes if a], dtype)
        got = np.asarray(got, dtype).reshape(tuple(1 if a is None else bounds[a][1] - bounds[a][0] for a in axes))
        if f.how == "=":
            out[where] = got
        elif f.how == "+=":
            out[where] += got
        else:
            out[where] = np.where(np.isnan(got), got, np.maximum(out[where], got))
    return (out,) if place is None else (out, place)


def _batch_extent(f: Formula, operands: Mapping[str, Array]) -> int:
    """The extent of n where the result has no bare batch axis."""
    for r in f.reads:
        if r.axes and r.axes[0].bare == "n":
            return int(operands[r.name].shape[0])
    raise ValueError(f"no read gives the extent of n: {f.text}")


def _looped(f: Formula) -> list[str]:
    """Indices to loop over, so that every subscript holds at most one of the others: the fewest, windows first."""
    looped: list[str] = []
    for a in (f.target, *f.reads):
        for axis in a.axes:
            free = [i for i, _ in axis.terms if i not in looped]
            while len(free) > 1:
                bare_anywhere = {x.bare for acc in (f.target, *f.reads) for x in acc.axes if x.bare}
                i = min(free, key=lambda i: (i not in f.reduced and i in f.target.bare, i in "nc", i in bare_anywhere
                                             and i in f.target.bare))
                looped.append(i)
                free.remove(i)
        seen: set[str] = set()
        for axis in a.axes:  # the same index on two axes of one access: a diagonal
            for i, _ in axis.terms:
                if i in seen and i not in looped:
                    looped.append(i)
                seen.add(i)
    if len(f.targets) > 1:  # the place of a maximum counts the reduced indices in order
        looped += [i for i in f.reduced if i not in looped]
        looped.sort(key=lambda i: f.reduced.index(i) if i in f.reduced else -1)
    return looped


def _index_of(a: Axis, fixed: dict[str, int]) -> str | None:
    free = [i for i, _ in a.terms if i not in fixed]
    return free[0] if free else None


def _bounds(f: Formula, operands: Mapping[str, Array], shape: tuple[int, ...], extents: dict[str, int], fixed: dict[str, int],
            vector: list[str]) -> dict[str, tuple[int, int]] | None:
    """The range of each vector index in which every access is in bounds; None where there is none."""
    bounds = {i: (0, extents[i]) for i in vector}
    for a in (*f.reads, f.target):
        size = operands[a.name].shape if a is not f.target else shape
        for axis, extent in zip(a.axes, size):
            base = axis.const + sum(c * fixed[i] for i, c in axis.terms if i in fixed)
            i = _index_of(axis, fixed)
            if i is None:
                if not 0 <= base < extent:
                    return None
                continue
            c = axis.coefficient(i)
            lo, hi = bounds[i]
            if c > 0:
                lo, hi = max(lo, -(base // c)), min(hi, (extent - 1 - base) // c + 1)
            else:
                lo, hi = max(lo, -((extent - 1 - base) // -c)), min(hi, base // -c + 1)
            if lo >= hi:
                return None
            bounds[i] = (lo, hi)
    return bounds


def _slices(a: Access, fixed: dict[str, int], bounds: dict[str, tuple[int, int]]) -> tuple[slice, ...]:
    out = []
    for axis in a.axes:
        base = axis.const + sum(c * fixed[i] for i, c in axis.terms if i in fixed)
        i = _index_of(axis, fixed)
        if i is None:
            out.append(slice(base, base + 1))
            continue
        c = axis.coefficient(i)
        lo, hi = bounds[i]
        start, stop = base + c * lo, base + c * (hi - 1)
        out.append(slice(start, stop + 1, c) if c > 0 else slice(start, stop - 1 if stop > 0 else None, c))
    return tuple(out)


def _reduce(f: Formula, operands: Mapping[str, Array], fixed: dict[str, int], bounds: dict[str, tuple[int, int]],
            vector: list[str], reduced: list[str], samples: int, order: list[str], dtype: Any) -> Array:
    reads = {id(s): (operands[a.name][_slices(a, fixed, bounds)], [_index_of(x, fixed) for x in a.axes])
             for s, a in zip(f.subscripts, f.reads)}
    if f.is_product and f.how == "+=":
        letters = {i: chr(97 + k) for k, i in enumerate(vector)}
        arrays, subs = [], []
        for s in f.subscripts:
            a, ix = reads[id(s)]
            arrays.append(a.reshape(tuple(n for n, i in zip(a.shape, ix) if i)))
            subs.append("".join(letters[i] for i in ix if i))
        missing = math.prod(bounds[i][1] - bounds[i][0] for i in reduced if letters[i] not in "".join(subs))
        have = [i for i in order if letters[i] in "".join(subs)]
        got = np.einsum(",".join(subs) + "->" + "".join(letters[i] for i in have), *arrays, optimize=len(subs) > 1)
        got = got * missing
        if len(have) < len(order):
            got = np.broadcast_to(got.reshape(tuple(bounds[i][1] - bounds[i][0] if i in have else 1 for i in order)),
                                  tuple(bounds[i][1] - bounds[i][0] for i in order))
        return np.asarray(got)
    wide = [*order, *(i for i in reduced if i not in order)]

    def spread(a: Array, ix: list[str | None]) -> Array:
        live = [(n, i) for n, i in zip(a.shape, ix) if i]
        a = a.reshape(tuple(n for n, _ in live))
        a = a.transpose([k for k, _ in sorted(enumerate(live), key=lambda t: wide.index(t[1][1]))])
        have = {i for _, i in live}
        return a.reshape(tuple(bounds[i][1] - bounds[i][0] if i in have else 1 for i in wide))

    got = expression(f.right, {k: spread(a, ix) for k, (a, ix) in reads.items()}, fixed, bounds, wide, samples, dtype)
    full = tuple(bounds[i][1] - bounds[i][0] for i in wide)
    if reduced:
        got = np.broadcast_to(got, full)
        last = tuple(range(len(order), len(wide)))
        return np.asarray(got.sum(axis=last) if f.how == "+=" else got.max(axis=last))
    return np.broadcast_to(got, full)


def _max_with_place(f: Formula, operands: Mapping[str, Array], out: Array, place: Array, fixed: dict[str, int],
                    bounds: dict[str, tuple[int, int]],
                    vector: list[str], reduced: list[str], extents: dict[str, int], looped: list[str], samples: int,
                    number: int) -> None:
    """The first largest wins; NaN is larger than everything, as in PyTorch."""
    assert not reduced, "every reduced index of a maximum with its place is looped over"
    where = _slices(f.target, fixed, bounds)
    order = [i for i in (_index_of(a, fixed) for a in f.target.axes) if i]
    got = _reduce(f, operands, fixed, bounds, vector, [], samples, order, out.dtype.type).reshape(out[where].shape)
    k = 0
    for i in f.reduced:
        k = k * extents[i] + fixed[i]
    old = out[where]
    better = (got > old) | (np.isnan(got) & ~np.isnan(old))
    out[where] = np.where(better, got, old)
    place[where] = np.where(better, k, place[where])


_BINARY = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide}
_COMPARE = {ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Lt: np.less, ast.LtE: np.less_equal, ast.Eq: np.equal,
            ast.NotEq: np.not_equal}


def expression(e: ast.expr, reads: Mapping[int, Array], fixed: Mapping[str, int], bounds: Mapping[str, tuple[int, int]],
               wide: list[str], samples: int, dtype: Any) -> Any:
    """The right side of a formula, its reads given as arrays that broadcast."""

    def go(x: ast.expr) -> Any:
        match x:
            case ast.Subscript():
                return reads[id(x)]
            case ast.Constant(c):
                return dtype(c) if isinstance(c, float) else c
            case ast.Name("N"):
                return dtype(samples)
            case ast.Name(i) if i in fixed:
                return fixed[i]
            case ast.Name(i):
                lo, hi = bounds[i]
                return np.arange(lo, hi).reshape(tuple(-1 if j == i else 1 for j in wide))
            case ast.UnaryOp(ast.USub(), a):
                return -go(a)
            case ast.BinOp(a, op, b):
                return _BINARY[type(op)](go(a), go(b))
            case ast.Compare(a, [op], [b]):
                return _COMPARE[type(op)](go(a), go(b))
            case ast.Call(ast.Name("random"), [key, index, first, example]):
                return uniform(int(np.ravel(go(key))[0]), go(index) + int(np.ravel(go(first))[0]) * go(example)).astype(dtype)
            case ast.Call(ast.Name("where"), [test, a, b]):
                return np.where(go(test), go(a), go(b))
            case ast.Call(ast.Name(name), args) if name in FUNCTIONS:
                return FUNCTIONS[name].numpy(np, *map(go, args))
        raise ValueError(f"not an expression of the formula language: {ast.unparse(x)}")

    with np.errstate(all="ignore"):
        return go(e)
