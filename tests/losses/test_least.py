"""The least that a loss can be for some targets, against the loss itself at the best answers, and at others near them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netspec.backends.reference.interpret import run
from netspec.ir.types import TensorType
from netspec.losses import LOSSES
from netspec.losses.cross_entropy import CrossEntropy
from netspec.passes.differentiate import training_program
from netspec.passes.objective import Term
from netspec.words.loss import Loss
from small import Net, word

R = np.random.default_rng(0)
LABELS = R.integers(0, 4, (40, 1, 3))
SHARES = R.dirichlet(np.ones(4), (40, 3)).transpose(0, 2, 1)
NUMBERS = R.standard_normal((40, 4, 3)) * 2
CHANCES = R.random((40, 4, 3))


def cost(loss: Loss, answers: Any, targets: Any) -> float:
    """What the loss's formulas say of these answers, in float64."""
    soft = loss.softened if targets.dtype.kind == "f" else None
    program = training_program(Net({"x": (4, 3)}).graph(out="x"), (Term(soft or loss, "out"),), inputs=True).verify()
    env = run(program, {"x": np.broadcast_to(answers, (40, 4, 3)), "target.out": targets.astype(float)}, 40)
    return float(env[dict(program.outputs)["loss.0"]][0])


def goals(loss: CrossEntropy, targets: Any) -> Any:
    share = np.eye(4)[targets[:, 0]].transpose(0, 2, 1) if targets.dtype.kind in "iu" else targets
    wanted = share * (1 - loss.smoothing) + loss.smoothing / 4
    return wanted * np.asarray(loss.weights or [1] * 4, float)[:, None]


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("targets", [LABELS, SHARES], ids=["labels", "shares"])
def test_of_classes(targets: Any, smoothing: float, weights: Any) -> None:
    loss = CrossEntropy(smoothing=smoothing, weights=weights)
    g = goals(loss, targets)
    for alike in (False, True):
        best = np.broadcast_to(g.sum((0, 2), keepdims=True), g.shape) if alike else g
        least = loss.least(TensorType((4, 3)), targets, alike)
        assert least == pytest.approx(cost(loss, np.log(np.maximum(best, 1e-40)), targets), abs=1e-9)
        assert cost(loss, np.log(np.maximum(best * [[1.1], [1], [0.95], [1]], 1e-40)), targets) >= least - 1e-12


@pytest.mark.parametrize(("loss", "targets"), [("bce", CHANCES), ("bce pos_weight=[1,3,0.5,2]", CHANCES), ("mse", NUMBERS),
                                               ("l1", NUMBERS), ("huber 0.7", NUMBERS)])
def test_of_numbers(loss: str, targets: Any) -> None:
    op, _ = word(LOSSES, loss)
    weight = np.asarray([1.0, 3.0, 0.5, 2.0])[:, None] if "pos" in loss else 1.0
    for alike in (False, True):
        wanted = targets.mean(0, keepdims=True) if alike else targets
        if loss == "l1" and alike:
            wanted = np.median(targets, 0, keepdims=True)
        best = np.log(weight * wanted / (1 - wanted)) if "bce" in loss else wanted
        if loss.startswith("huber") and alike:  # by descent: the loss is convex
            for _ in range(400):
                best = best + 0.5 * np.clip(targets - best, -0.7, 0.7).mean(0, keepdims=True)
        least = op.least(TensorType((4, 3)), targets, alike)
        assert least == pytest.approx(cost(op, best, targets), abs=1e-7)
        assert all(cost(op, best + off, targets) >= least - 1e-7 for off in (0.1, -0.1))
