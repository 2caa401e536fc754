"""A derivative is a chain of factors; what it is as a number, `test_differentiate.py` and `test_functions.py` ask."""

from __future__ import annotations

import pytest

from netspec.ir.derivatives import factor, product, tree
from netspec.ir.formula import Access, Formula, written

DY = Access.at("dy", "n", "c").tree


def gradient(text: str, k: int) -> str:
    d = factor(Formula(text), k)
    return "0" if d is None else written(tree(product((DY,), d)))


@pytest.mark.parametrize(("text", "want"), [
    ("y[n,c] = x[n,c]", "dy[n,c]"),
    ("y[n,c] = x[n,c] * a[n,c] * b[n,c]", "dy[n,c] * a[n,c] * b[n,c]"),  # one chain, from the left
    ("y[n,c] = a[n,c] * (b[n,c] * x[n,c])", "dy[n,c] * a[n,c] * b[n,c]"),
    ("y[n,c] = (x[n,c] + a[n,c]) * b[n,c]", "dy[n,c] * b[n,c]"),
    ("y[n,c] = x[n,c] * (a[n,c] * b[n,c])", "dy[n,c] * (a[n,c] * b[n,c])"),  # what stood in brackets stays one factor
    ("y[n,c] = a[n,c] - x[n,c]", "dy[n,c] * -1.0"),
    ("y[n,c] = a[n,c] / x[n,c]", "dy[n,c] * (-a[n,c] / (x[n,c] * x[n,c]))"),
    ("y[n,c] = max(x[n,c], 0.0)", "where(y[n,c] > 0.0, dy[n,c], 0.0)"),  # a mask is a choice
    ("y[n,c] = tanh(x[n,c])", "dy[n,c] * (1.0 - y[n,c] * y[n,c])"),
    ("y[n,c] += tanh(x[n,c,h])", "dy[n,c] * (1.0 - tanh(x[n,c,h]) * tanh(x[n,c,h]))"),  # a sum is not the value of its terms
    ("y[n,c] = where(x[n,c] > 0.0, a[n,c], b[n,c])", "0"),
    ("y[n,c] = floor(x[n,c])", "0"),
])
def test_factors_in_their_order(text: str, want: str) -> None:
    x = next(k for k, r in enumerate(Formula(text).reads) if r.name == "x")
    assert gradient(text, x) == want
