"""Gradients by the chain rule, of formulas as a user may write them: against finite differences, in float64."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from netspec.backends.reference.interpret import run
from netspec.ir.graph import Graph
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import Program, Writer, lower
from netspec.passes.objective import Term
from netspec.words.loss import Loss
from small import sequence


def program(*formulas: str, **operands: str) -> Graph:
    """Formulas after an input x of three channels: each reads what stands before it by its name, `t.` apart; the last one is
    the output. `operands` says what other names mean."""
    graph = lower(True)(sequence([], x=(3,)))
    p = Program.of(graph)
    b, made = Writer(p, "t"), {"x": "x"}
    for text in formulas:
        known = made | {local: made[v] for local, v in operands.items() if v in made}
        made[text.partition("[")[0]] = out = str(b(text, **known))
    return graph.with_nodes(p.nodes, outputs=(("out", out),))


def agrees(graph: Graph) -> None:
    x = np.random.default_rng(0).standard_normal((4, 3)) + 0.05
    made = differentiate(inputs=True)(graph).verify()
    out = graph.outputs[0][1]
    dy = np.random.default_rng(1).standard_normal(np.shape(run(graph, {"x": x}, 4)[out]))
    got = run(made, {"x": x, "d.out": dy}, 4)[dict(made.gradients)["x"]]
    want = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = 1e-6
        up, down = (run(graph, {"x": x + s * step}, 4)[out] for s in (1, -1))
        want[at] = np.sum(dy * (up - down)) / 2e-6
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("text", "names"), [
    ("y[n,c] = dy[n,c] * dy[n,c] * d_dy[n,c]", ("dy", "d_dy")),
    ("dy[n,c] = exp(x[n,c])", ("x",)),
    ("y[n,c] = d_x[n,c] * x[n,c] * d_x[n,c]", ("d_x",)),
    ("y[n,0] max= place[n,c] * won[n,c] * dy[n,c]", ("place", "won", "dy")),
    ("y[n,0] max= i[n,c] * place_[n,c]", ("i", "place_")),
    ("y[n,0] max= won[n,c] * dy[n,0]", ("won", "dy")),
])
def test_a_formula_may_call_its_values_what_it_likes(text: str, names: tuple[str, ...]) -> None:
    agrees(program("s[n,c] = sigmoid(x[n,c])" if "dy[n,0]" not in text else "s[n,c] = 1.5 * x[n,c]",
                   *(["t[n,0] += x[n,c]"] if "dy[n,0]" in text else []), text,
                   **{k: "t" if k == "dy" and "dy[n,0]" in text else "s" for k in names}))


@pytest.mark.parametrize("text", [
    "y[n,c] = x[n,c] * (x[n,c] * s[n,c])", "y[n,c] = x[n,c] - (s[n,c] - x[n,c])", "y[n,c] = x[n,c] / (s[n,c] / x[n,c])",
    "y[n,c] = -(x[n,c] - s[n,c]) / -(2.0 + s[n,c] * x[n,c])", "y[n,c] = max(x[n,c] * s[n,c], 0.0) * max(x[n,c], 0.0)",
    "y[n,c] = where(x[n,c] > s[n,c], x[n,c] * s[n,c], s[n,c])", "y[n,c] = max(where(x[n,c] > 0.3, x[n,c], -s[n,c]), 0.0) * s[n,c]",
    "y[n,0] += max(x[n,c], s[n,c]) * min(x[n,c], 0.1)", "y[n,c] = exp(-x[n,c]) * log(2.0 + s[n,c]) * tanh(x[n,c] * s[n,c])",
])
def test_rules_of_products_sums_and_choices(text: str) -> None:
    agrees(program("s[n,c] = sigmoid(x[n,c])", text))


@pytest.mark.parametrize("text", ["y[c] max= x[n,c]", "y[c] max= x[n,c] * t[c]", "y[0] max= x[n,c] * t[c]"])
def test_a_maximum_may_go_over_the_images(text: str) -> None:
    """Where a factor is the same for all of them, too."""
    agrees(program("t[c] += x[n,c] * x[n,c]", text))


def test_a_number_and_a_value_may_both_reach_a_gradient() -> None:
    """Of a loss l[0] = m[0] + exp(m[0]), whose first term hands on the number 1 and the second a value."""
    class Bent(Loss, abstract=True):
        """A mean, and e to it."""

        name: ClassVar[str] = "bent"

        def forward(self, b: Any, z: str, t: str) -> str:
            mean = b("m[0] += z[n,c] * t[n,c] / (N * 3)", z=z, t=t)
            return str(b("l[0] = m[0] + exp(m[0])", m=mean))

    graph = lower(True)(sequence(["tanh"], x=(3,)))
    x, t = np.random.default_rng(2).standard_normal((2, 4, 3))
    terms = (Term(Bent(), "out"),)
    made = differentiate(terms, inputs=True)(graph).verify()
    got = run(made, {"x": x, "target.out": t}, 4)[dict(made.gradients)["x"]]
    m = np.mean(np.tanh(x) * t)
    np.testing.assert_allclose(got, (1 + np.exp(m)) * t * (1 - np.tanh(x) ** 2) / 12, rtol=1e-12)
