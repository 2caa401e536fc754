"""The right side of a formula as source on lanes or on numbers."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ....ir.formula import Random, random_of
from ....ir.functions import FUNCTIONS


def source(e: ast.expr, read: Callable[[ast.Subscript], str], number: Callable[[str], str], random: Callable[[Random], str],
           splat: str = "splat") -> str:
    """The expression with every read, index and random number as the caller spells it; products fuse into sums. `splat`
    is what makes lanes of a number, empty where everything is a number."""

    def wide(x: ast.expr) -> bool:
        """Whether it differs from lane to lane."""
        return any(isinstance(y, ast.Subscript) or (isinstance(y, ast.Name) and number(y.id) == "channel") for y in ast.walk(x))

    def go(x: ast.expr) -> ast.expr:
        match x:
            case ast.Subscript():
                return _name(read(x))
            case ast.Name(i):
                return _name(number(i))
            case ast.Constant():
                return x
            case ast.UnaryOp(op, a):
                return ast.UnaryOp(op, go(a))
            case ast.BinOp(a, ast.Add(), ast.BinOp(b, ast.Mult(), c)) if _reads(b) or _reads(c):
                return _call("fma", go(b), go(c), go(a))
            case ast.BinOp(ast.BinOp(b, ast.Mult(), c), ast.Add(), a) if _reads(b) or _reads(c):
                return _call("fma", go(b), go(c), go(a))
            case ast.BinOp(a, op, b):
                return ast.BinOp(go(a), op, go(b))
            case ast.Compare(a, ops, [b]):
                return ast.Compare(go(a), ops, [go(b)])
            case ast.Call(ast.Name("random")):
                return _name(random(random_of(x)))
            case ast.Call(ast.Name("where"), [test, a, b]) if splat and wide(test) and not wide(a) and not wide(b):
                return _call("where", go(test), _call(splat, go(a)), go(b))
            case ast.Call(ast.Name("where"), args):
                return _call("where", *map(go, args))
            case ast.Call(ast.Name(f), args) if f in FUNCTIONS:
                return _call(FUNCTIONS[f].vector, *map(go, args))
        raise ValueError(f"not an expression of the formula language: {ast.unparse(x)}")

    return ast.unparse(ast.fix_missing_locations(go(e)))


def _reads(e: ast.expr) -> bool:
    return any(isinstance(x, ast.Subscript) for x in ast.walk(e))


@lru_cache(maxsize=4096)
def _name(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _call(f: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(f), list(args), [])


def keeps_zero(e: ast.expr, zero: Callable[[ast.Subscript], bool] = lambda s: True) -> bool:
    """Whether the expression of zeros is zero: then padded lanes, which hold zeros, need no mask. `zero` tells which
    operands hold zeros there."""
    nan = math.nan

    def go(x: ast.expr) -> Any:
        match x:
            case ast.Subscript():
                return 0.0 if zero(x) else nan
            case ast.Name():
                return nan
            case ast.Constant(c):
                return c
            case ast.UnaryOp(_, a):
                return -go(a)
            case ast.BinOp(a, op, b):
                left, right = go(a), go(b)
                if isinstance(op, ast.Div):
                    # a division by a number that only the run knows (N) still keeps a zero
                    return 0.0 if left == 0 and (math.isnan(right) and not _reads(b)) else left / right if right else nan
                if isinstance(op, ast.Mult) and ((left == 0 and not _reads(b)) or (right == 0 and not _reads(a))):
                    return 0.0
                return {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}[type(op)]
            case ast.Compare(a, [op], [b]):
                left, right = go(a), go(b)
                if math.isnan(left) or math.isnan(right):
                    return None
                return {ast.Gt: left > right, ast.GtE: left >= right, ast.Lt: left < right, ast.LtE: left <= right,
                        ast.Eq: left == right, ast.NotEq: left != right}[type(op)]
            case ast.Call(ast.Name("where"), [t, a, b]):
                test, left, right = go(t), go(a), go(b)
                return (left if left == right else nan) if test is None else left if test else right
            case ast.Call(ast.Name(f), args) if f in FUNCTIONS:
                return FUNCTIONS[f].at(*map(go, args))
        return nan

    try:
        return bool(go(e) == 0)
    except (ArithmeticError, ValueError):
        return False
