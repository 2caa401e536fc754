"""The table of functions of a formula: every record has everything, and all it says agrees."""

from __future__ import annotations

import ast
import inspect
import math
from typing import Any

import numpy as np
import pytest

from netspec.backends.cpu.contract.kernels import FUNCTIONS as IN_EPILOGUES
from netspec.backends.cpu.emit.expressions import keeps_zero
from netspec.backends.cpu.llvm import lanes, vecmath
from netspec.backends.cuda.spelling import Writer, called, floats
from netspec.backends.reference.interpret import run
from netspec.ir.formula import Formula
from netspec.ir.functions import FORMS, FUNCTIONS
from netspec.ir.notation import fault
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import Program, lower
from netspec.passes.lower import Writer as Build
from small import sequence

POSITIVE = ("log", "sqrt")
POINTS = ((-2.3, 0.7), (-0.4, -1.1), (0.3, 0.31), (1.7, 0.2), (4.1, 5.5))


def points(name: str) -> list[tuple[float, ...]]:
    arity = FUNCTIONS[name].arity
    return [tuple(abs(x) if name in POSITIVE or (name == "log1p" and x < -0.9) else x for x in p[:arity]) for p in POINTS]


def text(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(arguments)})"


def plain(expression: str, **names: Any) -> float:
    """A formula's expression of plain numbers, by Python."""
    given = {n: f.number for n, f in FUNCTIONS.items()} | {"where": lambda test, a, b: a if test else b}
    return float(eval(expression, {"__builtins__": {}}, given | names))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_record_has_everything(name: str) -> None:
    f = FUNCTIONS[name]
    assert f.name == name and f.says and f.arity in (1, 2) and all(f.derivatives) and f.cuda
    assert fault(f"y[n,c] = {text(name, *('x[n,c]', 'z[n,c]')[:f.arity])}") is None
    assert (fault(f"y[n,c] = {text(name, *['x[n,c]'] * (f.arity + 1))}") or "").startswith(f"{name} takes {f.arity} value")
    assert callable(getattr(vecmath, f"emit_{f.vector}")) and IN_EPILOGUES[name]
    assert name == "abs" or (hasattr(lanes, f.vector) and f.vector in lanes.__all__)
    assert len(inspect.signature(f.numpy).parameters) == 1 + f.arity


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_spelling_says_the_same(name: str) -> None:
    f = FUNCTIONS[name]
    for at in points(name):
        want = getattr(math, name)(*at) if hasattr(math, name) else {"abs": abs, "max": max, "min": min,
                                                                   "sigmoid": lambda a: 0.5 + 0.5 * math.tanh(a / 2)}[name](*at)
        assert f.at(*at) == pytest.approx(want, rel=1e-15, abs=1e-16)
        assert float(f.numpy(np, *map(np.float64, at))) == pytest.approx(want, rel=1e-14, abs=1e-16)
        w = Writer()
        value = called(w, f, [repr(x) for x in at])
        scope: dict[str, Any] = {"math": math, "F": float}
        exec("\n".join([*w.lines, f"value = {value}"]), scope)
        assert scope["value"] == pytest.approx(want, rel=1e-14, abs=1e-16)
    assert math.isnan(f.at(math.nan, *[0.0] * (f.arity - 1)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_by_finite_differences(name: str) -> None:
    f, h = FUNCTIONS[name], 1e-6
    for at in points(name):
        for k in range(f.arity):
            up, down = ([x + s * h * (j == k) for j, x in enumerate(at)] for s in (1, -1))
            d = f.derivative(k, [ast.Name("a"), ast.Name("b")][:f.arity], ast.Name("y"))
            got = 0.0 if d is None else plain(ast.unparse(d), **dict(zip("ab", at)), y=f.at(*at))
            assert got == pytest.approx((f.at(*up) - f.at(*down)) / (2 * h), rel=1e-7, abs=1e-8), (name, at)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_chain_rule_goes_through_every_function(name: str) -> None:
    """Of an argument that is no single read, by the program that `differentiate` makes."""
    f = FUNCTIONS[name]
    p = Program.of(lower(True)(sequence([], x=(3,))))
    shift = 6.0 if name in POSITIVE or name == "log1p" else 0.1
    inner = f"(x[n,c] * x[n,c] + {shift})", "(0.7 * x[n,c])"
    y = Build(p, "t")(f"y[n,c] = {text(name, *inner[:f.arity])}", x="x")
    graph = lower(True)(sequence([], x=(3,)))
    graph = graph.with_nodes(p.nodes, outputs=(("out", y),))
    program = differentiate(inputs=True)(graph).verify()
    x = np.random.default_rng(0).standard_normal((4, 3))
    dy = np.random.default_rng(1).standard_normal((4, 3))
    got = run(program, {"x": x, "d.out": dy}, 4)[dict(program.gradients)["x"]]

    def at(x: Any) -> Any:
        return run(graph, {"x": x}, 4)[y]

    np.testing.assert_allclose(got, dy * (at(x + 1e-6) - at(x - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_zero_is_kept_where_the_function_keeps_it(name: str) -> None:
    f = FUNCTIONS[name]
    formula = Formula(f"y[n,c] = {text(name, *('x[n,c]', 'z[n,c]')[:f.arity])}")
    zeros = [np.zeros(1)] * f.arity
    with np.errstate(all="ignore"):
        assert keeps_zero(formula.right) == (float(f.numpy(np, *zeros)[0]) == 0.0)


def test_an_unknown_number_is_not_taken_for_zero() -> None:
    from netspec.backends.cpu.contract.schedule import keeps_zero as of_epilogue

    for f in ("max(0.0, c0)", "max(c0, 0.0)", "max(acc, c0)", "min(0.0, c0)", "log(1.0 + c0)"):
        assert not of_epilogue((("let", "t", f), ("store", 0, "t"))), f
    assert of_epilogue((("let", "t", "max(acc, 0.0)"), ("store", 0, "t")))


def test_a_choice_and_a_random_number_are_no_functions() -> None:
    assert not set(FORMS) & set(FUNCTIONS)
    assert (fault("y[n,c] = where(x[n,c])") or "").startswith("where takes a comparison")
    assert "there is no function `sinh`" in (fault("y[n,c] = sinh(x[n,c])") or "")
    e = Formula("y[n,c] = where(x[n,c] > 0.0, max(x[n,c], 1.0), 0.5)").right
    assert floats(Writer(), e, lambda s: "x", {}).startswith("(")
