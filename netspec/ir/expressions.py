"""The right side of a formula as a tree: Python's own, with numbers, indices, reads, + - * /, comparisons and calls alone.

Trees are shared by whoever asks for them, so nobody changes one in place: an edit builds what is new and keeps the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Callable


def with_leaves(e: ast.expr, leaf: Callable[[ast.expr], ast.expr]) -> ast.expr:
    """The same expression with what `leaf` gives for each number, index and read."""
    match e:
        case ast.UnaryOp(op, a):
            return ast.UnaryOp(op, with_leaves(a, leaf))
        case ast.BinOp(a, op, b):
            return ast.BinOp(with_leaves(a, leaf), op, with_leaves(b, leaf))
        case ast.Compare(a, ops, others):
            return ast.Compare(with_leaves(a, leaf), ops, [with_leaves(b, leaf) for b in others])
        case ast.Call(function, arguments):
            return ast.Call(function, [with_leaves(a, leaf) for a in arguments], [])
    return leaf(e)


def number(value: float) -> ast.expr:
    return ast.Constant(value)


def plus(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.Add(), b)


def minus(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.Sub(), b)


def times(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.Mult(), b)


def over(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BinOp(a, ast.Div(), b)


def negative(a: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), a)


def compared(a: ast.expr, op: ast.cmpop, b: ast.expr) -> ast.expr:
    return ast.Compare(a, [op], [b])


def where(test: ast.expr, a: ast.expr, b: ast.expr) -> ast.expr:
    """a where the test holds, b elsewhere."""
    return ast.Call(ast.Name("where"), [test, a, b], [])
