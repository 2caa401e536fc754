"""Formulas that a layer of one's own may write: the same on every backend and held against finite differences, or refused by
name where they are written. `random_formulas.py --seconds` draws them without end."""

from __future__ import annotations

import re

import numpy as np
import pytest

import netspec
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.catalogue import CATALOGUE
from random_formulas import BACKENDS, drawn, failures, graph_of, ran
from sweeps import the_first

SEEDS = (1, 3)
WRITTEN = {
    "a value of the batch alone": ("both[n] += x[n,c,h,w] * v[c]", "y[n,c,h,w] = tanh(x[n,c,h,w] * 0.1 - both[n])"),
    "a maximum of the batch alone": ("t[n] max= x[n,c,h]", "y[n,c,h] = x[n,c,h] * sigmoid(t[n])"),
    "places without channels": ("t[n,w] max= x[n,c,h,w]", "u[n] += t[n,w] * t[n,w]",
                                "y[n,c,h,w] = x[n,c,h,w] * sigmoid(t[n,w]) + tanh(u[n])"),
    "a maximum over images": ("t[c] max= x[n,c,h]", "s[0] max= t[c]", "y[n,c,h] = x[n,c,h] - t[c] + s[0]"),
    "a maximum of two reads": ("t[n,d] max= x[n,c] - m[c,d]", "y[n,c] = x[n,c] * sigmoid(t[n,c])"),
    "a maximum whose reads know some indices": ("t[n,w] max= v[c] - x[n,c,h,w]", "y[n,c,h,w] = x[n,c,h,w] * sigmoid(t[n,w])"),
    "a maximum of parameters": ("t[0] max= exp(-abs(v[c]))", "y[n,c] = x[n,c] + tanh(t[0])"),
    "a maximum of nothing left out": ("t[n,c] max= x[n,c] * x[n,c]", "y[n,c] = tanh(t[n,c])"),
    "a diagonal": ("t[n,h,d,c] = m[c,d] + x[n,c,h]", "y[n,c,h] = tanh(x[n,c,h] - t[n,h,c,c])"),
    "a sum of functions": ("t[n,h] += max(x[n,c,h], 0.0)", "u[n,h] += tanh(x[n,c,h])", "y[n,c,h] = x[n,c,h] + t[n,h] * u[n,h]"),
    "a term that is added several times": ("t[n,c] += v[c] - x[n,c,h]", "y[n,c,h] = x[n,c,h] * sigmoid(t[n,c])"),
    "a term that is added where another is in bounds": ("t[n,c,h] = v[c] - x[n,c,h+1]",
                                                        "y[n,c,h] = x[n,c,h] * sigmoid(t[n,c,h])"),
}


@pytest.mark.parametrize("name", the_first(4, WRITTEN))
def test_formulas(name: str) -> None:
    assert failures(WRITTEN[name], backends=("cpu float64", "cuda float64")) == []


@pytest.mark.sweep
@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_formulas(seed: int) -> None:
    assert failures(drawn(seed), seed) == []


def test_the_first_of_equals_has_the_gradient() -> None:
    lines = ("t[n,c] max= x[n,c,h]", "y[n,c,h] = x[n,c,h] * 0.0 + t[n,c]")
    for net in (ReferenceExecutor(graph_of(lines)), BACKENDS["cpu float64"](graph_of(lines))):
        x = np.ones((1, 5, 4))
        dx = net.backward({"input": x}, {"out": x}, inputs_too=True).input_gradients["input"]
        assert (dx[0, :, 0] == 4).all() and (dx[0, :, 1:] == 0).all()


@pytest.mark.parametrize(("formula", "says"), [
    ("t[n,c] min= x[n,c,h]", "max= -x"),
    ("t[n,c] *= x[n,c,h]", "=, += or max="),
    ("t[n,c] += x[n,c,h", "no expression"),
    ("t[n,c] = x[n,c,h]", "`h` is on the right alone"),
    ("t[n,c,h] = x[n,c]", "3 subscripts"),
    ("t[n,c,h] = x[n,c,h] + v[c,h]", "1 subscript"),
    ("t[n,c,h] = x[n,c,h] + m[n,c]", "without `n`"),
    ("t[c,h] += x[0,c,h]", "image first"),
    ("t[c,n,h] = x[n,c,h]", "stands first"),
    ("t[n,c,h] = x[n,c,h] + v[h]", "`h`"),
    ("t[n,c,h] = log2(x[n,c,h])", "no function `log2`"),
    ("t[n,c,h] = exp(x[n,c,h], 2.0)", "exp takes 1"),
    ("t[n,c,h] = x[n,c,h] ** 2", "+ - * /"),
    ("t[n,c,h] = where(x[n,c,h], 1.0, 2.0)", "a comparison"),
    ("t[n,c,h] = x[n,c,h] + v", "`v` is no index"),
    ("t[n,c,k] = x[n,c,0]", "over={'k'"),
    ("t[n,c,h] = x[n,c,h*h]", "whole numbers"),
    ("t[n,c], u[n,c] += x[n,c,h]", "max= alone"),
    ("t += x[n,c,h]", "subscripts"),
    ("t[n,c,h] = q[n,c,h]", "`q` is not given"),
])
def test_what_is_refused(formula: str, says: str) -> None:
    graph = graph_of((formula, "y[n,c,h] = x[n,c,h]"))
    with pytest.raises(netspec.NetspecError) as e:
        ran(ReferenceExecutor(graph), 0)
    assert says in str(e.value)
    assert formula in str(e.value)


def test_the_example_of_the_catalogue() -> None:
    wrong, right = re.findall(r'b\("(.*?)"', CATALOGUE["bad-formula"])
    rest = "y[n,c,h] = x[n,c,h] + t[n,c]"
    with pytest.raises(netspec.NetspecError) as e:
        ran(ReferenceExecutor(graph_of((wrong, rest))), 0)
    assert "bad-formula" in str(e.value)
    ran(ReferenceExecutor(graph_of((right, rest))), 0)
