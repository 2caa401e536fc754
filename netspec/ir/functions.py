"""The functions a formula may use: one record each, which is all that is said of a function outside of its vector code.

A new function is a record here and, beside it, `emit_NAME` in backends/cpu/llvm/vecmath.py. Arguments are called a and b in
every text below, the function's own value y.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .expressions import with_leaves


@dataclass(frozen=True)
class Function:
    """One function of one or two numbers."""

    name: str
    says: str
    derivatives: tuple[str, ...]  # by each argument, in the language of formulas; from y where that is cheaper or exact
    number: Callable[..., float]  # of plain numbers: what is known before anything runs, such as whether f(0) is 0
    numpy: Callable[..., Any]  # of NumPy itself, then of arrays
    cuda: tuple[str, ...]  # in the dialect of kernels: the value last, and before it what is used more than once, as t
    lanes: str = ""  # what vector code calls it, where that is not its name
    symmetric: bool = False  # whether f(a, b) is f(b, a)

    @property
    def arity(self) -> int:
        return len(self.derivatives)

    @property
    def vector(self) -> str:
        """Its name in vector code, whose emitter is called emit_NAME."""
        return self.lanes or self.name

    def at(self, *numbers: float) -> float:
        """The value at plain numbers; NaN where one is not known, or where there is none."""
        if any(math.isnan(x) for x in numbers):
            return math.nan
        try:
            return float(self.number(*numbers))
        except (ArithmeticError, ValueError):
            return math.nan

    def derivative(self, argument: int, arguments: Sequence[ast.expr], y: ast.expr) -> ast.expr | None:
        """The derivative by an argument, of these expressions; None where it is zero everywhere."""
        known = dict(zip("ab", arguments)) | {"y": y}

        text = self.derivatives[argument]
        return None if text == "0" else with_leaves(ast.parse(text, mode="eval").body,
                                                    lambda x: known[x.id] if isinstance(x, ast.Name) else x)


def _sigmoid(np: Any, a: Any) -> Any:
    """Through e to a negative number, which never overflows."""
    a = np.asarray(a)
    t = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + t), t / (1 + t))


def _erf(np: Any, a: Any) -> Any:
    return np.vectorize(math.erf, otypes=[np.result_type(a, np.float32)])(a)


FUNCTIONS: Mapping[str, Function] = {f.name: f for f in (
    Function("exp", "e to the a", ("y",), math.exp, lambda np, a: np.exp(a), ("math.exp(a)",)),
    Function("expm1", "e to the a, less 1", ("exp(a)",),  # and not from y: y + 1 has no digits left where y is near -1
             math.expm1, lambda np, a: np.expm1(a), ("math.expm1(a)",)),
    Function("log", "the natural logarithm", ("(1.0 / (a))",), math.log, lambda np, a: np.log(a), ("math.log(a)",)),
    Function("log1p", "the natural logarithm of 1 + a", ("(1.0 / (1.0 + (a)))",),
             math.log1p, lambda np, a: np.log1p(a), ("math.log1p(a)",)),
    Function("sqrt", "the square root", ("(0.5 / y)",), math.sqrt, lambda np, a: np.sqrt(a), ("math.sqrt(a)",)),
    Function("tanh", "the hyperbolic tangent", ("(1.0 - y * y)",), math.tanh, lambda np, a: np.tanh(a), ("math.tanh(a)",)),
    Function("sigmoid", "1 / (1 + exp(-a))", ("(y * (1.0 - y))",), lambda a: 1 / (1 + math.exp(-a)), _sigmoid,
             ("math.exp(-math.fabs(a))", "((F(1.0) if a >= F(0.0) else t) / (F(1.0) + t))")),
    Function("erf", "the error function", ("(1.1283791670955126 * exp(-(a) * (a)))",), math.erf, _erf, ("math.erf(a)",)),
    Function("abs", "the size", ("where(a > 0.0, 1.0, where(a < 0.0, -1.0, 0.0))",), abs, lambda np, a: np.abs(a),
             ("math.fabs(a)",)),
    Function("floor", "the largest whole number not above a", ("0",), math.floor, lambda np, a: np.floor(a), ("math.floor(a)",)),
    Function("max", "the larger; NaN if either is NaN", ("where(a >= b, 1.0, 0.0)", "where(a < b, 1.0, 0.0)"),
             max, lambda np, a, b: np.maximum(a, b), ("(a if a > b or a != a else b)",), "maximum", True),
    Function("min", "the smaller; NaN if either is NaN", ("where(a <= b, 1.0, 0.0)", "where(a > b, 1.0, 0.0)"),
             min, lambda np, a, b: np.minimum(a, b), ("(a if a < b or a != a else b)",), "minimum", True),
)}

# What is written as a call and is none: a choice between two values, and a number drawn for each place.
FORMS = {"where": 3, "random": 4}
