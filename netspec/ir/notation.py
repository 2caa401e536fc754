"""What a formula may say, looked at where a layer writes it: a slip is told there, with the formula, and not by a backend.

`fault` reads the text alone; `misfit` holds it against what it reads.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeGuard

from .formula import Access, Formula, access
from .functions import FORMS, FUNCTIONS
from .types import TensorType

ARITY = {**{name: f.arity for name, f in FUNCTIONS.items()}, **FORMS}
_MIN = re.compile(r"\]\s*min=(?!=)")
_BATCH_ALONE = re.compile(r"\[[^\[\],]*\bn\b[^\[\],]*\]")
_WHOLE = re.compile(r"\s*(.+?)\s*(\+=|max=|=)(?!=)\s*(.+)$", re.DOTALL)


@lru_cache(maxsize=16384)
def fault(text: str) -> str | None:
    """What is wrong with a formula, whatever it reads; None where nothing is."""
    m = _WHOLE.match(text)
    if _MIN.search(text):
        return "there is no `min=`: the smallest of x is minus the largest of -x,  t[...] max= -x[...]"
    if m is None or m[1].rstrip()[-1] in "*-/%":
        return "a formula is  y[n,c] = expression,  with =, += or max="
    try:
        left, right = (ast.parse(part, mode="eval").body for part in (m[1], m[3]))
        targets = [access(t) for t in (left.elts if isinstance(left, ast.Tuple) else [left]) if _plain(t)]
        count = len(left.elts) if isinstance(left, ast.Tuple) else 1
        for s in ast.walk(right):
            if _plain(s):
                access(s)
    except SyntaxError as e:
        return f"it is no expression: {e.msg}"
    except ValueError as e:
        return f"subscripts are sums of indices times whole numbers, and one is {e}"
    if len(targets) != count or not targets:
        return "what stands on the left is written with subscripts:  y[n,c]"
    f = Formula(text)
    if count > 1 and (f.how != "max=" or count > 2 or len({t.axes for t in targets}) > 1):
        return "two values come from max= alone, the largest and its place, under the same subscripts"
    if f.how == "=" and f.reduced:
        return f"`{f.reduced[0]}` is on the right alone: `=` sums nothing, += or max= do"
    for a in (*targets, *f.reads):
        if any(i == "n" for x in a.axes[1:] for i, _ in x.terms):
            return f"`n` counts images and stands first, and {a} has it elsewhere"
    return next(_odd(right, frozenset(f.indices)), None)


def _plain(s: ast.AST) -> TypeGuard[ast.Subscript]:
    return isinstance(s, ast.Subscript) and isinstance(s.value, ast.Name)


def _odd(e: ast.AST, indices: frozenset[str]) -> Iterator[str]:
    """What an expression holds that is none of the language's."""
    match e:
        case ast.Subscript(ast.Name()):
            return
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return
        case ast.Name(name):
            if name not in indices and name != "N":
                yield f"`{name}` is no index of it: values are read with subscripts, {name}[...]"
        case ast.UnaryOp(ast.USub(), x):
            yield from _odd(x, indices)
        case ast.BinOp(a, ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), b):
            yield from _odd(a, indices)
            yield from _odd(b, indices)
        case ast.Call(ast.Name("where"), [ast.Compare(a, [_], [b]), *rest], []) if len(rest) == 2:
            for x in (a, b, *rest):
                yield from _odd(x, indices)
        case ast.Call(ast.Name(name), arguments, []):
            if name not in ARITY:
                yield f"there is no function `{name}`; there are {', '.join(sorted(ARITY))}"
            elif len(arguments) != ARITY[name] or name == "where":
                yield ("where takes a comparison and two values:  where(x[n,c] > 0.0, a, b)" if name == "where"
                       else f"{name} takes {ARITY[name]} value{'s' * (ARITY[name] > 1)}")
            for x in arguments:
                yield from _odd(x, indices)
        case _:
            yield f"`{ast.unparse(e)}` is nothing a formula can say: it has + - * /, functions, and where(a > b, x, y)"


@lru_cache(maxsize=16384)
def misfit(f: Formula, types: tuple[TensorType, ...], out: tuple[int, ...] | None) -> str | None:
    """What does not fit between a formula, the values it reads and the shape of its result, where that is given; None where
    all does."""
    operands = dict(zip(f.operands, types))
    for r in f.reads:
        t = operands[r.name]
        first = bool(r.axes) and any(i == "n" for i, _ in r.axes[0].terms)
        if first != (t.batch > 0):
            return f"`{r.name}` is {t}: it is read " + ("with the image first, [n,...]" if t.batch else "without `n`")
        if len(r.axes) != t.rank:
            return f"`{r.name}` is {t}: it is read under {t.rank} subscript{'s' * (t.rank != 1)}, not {len(r.axes)}"
    try:
        sizes = f.extents(types, ())
    except ValueError as e:
        return str(e)
    if out is not None:
        own = f.target.axes[len(f.target.axes) - len(out):]
        if len(own) != len(out):
            return f"the result has {len(out)} axes, and {f.target} has {len(f.target.axes)} subscripts"
        sizes |= {a.bare: n for a, n in zip(own, out) if a.bare and a.bare not in sizes}
    loose = next((i for i in f.indices if i != "n" and i not in sizes), None)
    return None if loose is None else f"how far `{loose}` goes is said by no bare subscript: give over={{{loose!r}: size}}"


def with_channels(text: str, operands: Mapping[str, TensorType]) -> str:
    """Every batched value has a channel axis: one that has none by its formula has one channel. `t[n] += x[n,c]` becomes
    `t[n,0] += x[n,c]`, and a read of such a value as t[n] is t[n,0]."""
    if not _BATCH_ALONE.search(text):
        return text
    f = Formula(text)
    bare = {a.name for a in f.targets if _of_batch_alone(a)} | {r.name for r in f.reads if _of_batch_alone(r)
                                                                and r.name in operands and operands[r.name].shape == (1,)
                                                                and operands[r.name].batch}
    return re.sub(r"\b([A-Za-z_]\w*)\[([^\[\],]*)\]", lambda m: f"{m[1]}[{m[2]},0]" if m[1] in bare else m[0], text)


def _of_batch_alone(a: Access) -> bool:
    return len(a.axes) == 1 and any(i == "n" for i, _ in a.axes[0].terms)
