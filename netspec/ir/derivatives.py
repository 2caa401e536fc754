"""The derivative of an expression by one of its reads: a product of factors, multiplied from left to right.

Factors are kept apart so that a gradient, which is multiplied by them, is one chain of products from its first to its last;
no factor is 1, and None says that the derivative is 0.
"""

from __future__ import annotations

import ast
from functools import lru_cache, reduce

from .expressions import compared, negative, number, over, plus, times, where
from .formula import Formula
from .functions import FUNCTIONS

Factors = tuple[ast.expr, ...]
ONE: Factors = ()
MINUS: Factors = (number(-1.0),)


@lru_cache(maxsize=16384)
def factor(f: Formula, k: int) -> Factors | None:
    """What the gradient of a formula is multiplied by on its way to read number `k`."""
    value = f.target.tree if f.how == "=" else None  # a sum is not the value of its terms
    return derivative(f.right, f.subscripts[k], value)


def derivative(e: ast.expr, wrt: ast.Subscript, result: ast.expr | None = None) -> Factors | None:
    """d(e)/d(wrt). `result` is e's own value where that is at hand: the derivatives of relu, tanh, sigmoid and exp are cheaper
    from it."""

    def d(x: ast.expr) -> Factors | None:
        return derivative(x, wrt)

    y = result or e
    match e:
        case ast.Subscript():
            return ONE if e is wrt else None
        case ast.Constant() | ast.Name() | ast.Compare():
            return None
        case ast.UnaryOp(ast.USub(), x):
            return _times(MINUS, d(x))
        case ast.BinOp(left, ast.Add(), right):
            return _plus(d(left), d(right))
        case ast.BinOp(left, ast.Sub(), right):
            return _plus(d(left), _times(MINUS, d(right)))
        case ast.BinOp(left, ast.Mult(), right):
            return _plus(_times(d(left), (right,)), _times((left,), d(right)))
        case ast.BinOp(left, ast.Div(), right):
            return _plus(_times(d(left), (over(number(1.0), right),)),
                         _times(d(right), (over(negative(left), times(right, right)),)))
        case ast.Call(ast.Name("max"), [a, ast.Constant(0.0)]):
            positive = compared(y, ast.Gt(), number(0.0))
            return _times((where(positive, number(1.0), number(0.0)),), d(a))  # from the result: 0 at 0, as PyTorch
        case ast.Call(ast.Name("where"), [test, a, b]):
            da, db = d(a), d(b)
            return None if da is None and db is None else (where(test, tree(da), tree(db)),)
        case ast.Call(ast.Name("random"), _):
            return None
        case ast.Call(ast.Name(name), arguments) if name in FUNCTIONS:
            outer = (FUNCTIONS[name].derivative(k, arguments, y) for k in range(len(arguments)))
            return reduce(_plus, (_times(d(x), None if o is None else (o,)) for x, o in zip(arguments, outer)))
    raise ValueError(f"no derivative of {ast.unparse(e)}")


def product(a: Factors, b: Factors) -> Factors:
    """a * b, with the mask of a relu written as a choice: where(test, b, 0)."""
    for x, y in ((a, b), (b, a)):
        match x:
            case [ast.Call(ast.Name("where"), [test, ast.Constant(1.0), ast.Constant(0.0)])] if y:
                return (where(test, tree(y), number(0.0)),)
    return (*a, *b)


def tree(factors: Factors | None) -> ast.expr:
    """The product, as an expression."""
    if factors is None:
        return number(0.0)
    return reduce(times, factors) if factors else number(1.0)


def _times(a: Factors | None, b: Factors | None) -> Factors | None:
    return None if a is None or b is None else product(a, b)


def _plus(a: Factors | None, b: Factors | None) -> Factors | None:
    return b if a is None else a if b is None else (plus(tree(a), tree(b)),)
