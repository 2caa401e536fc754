"""Every loss: its number and its gradient against PyTorch or the definition, by finite differences, and at extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netspec.backends.reference.interpret import run
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType
from netspec.losses import LOSSES
from netspec.passes.differentiate import training_program
from netspec.passes.objective import Term
from small import Net, sequence, word

SAMPLES = 4
CASES = [
    ("cross_entropy", (5,)), ("cross_entropy", (3, 2, 4)), ("cross_entropy ignore=1", (3, 2, 4)),
    ("cross_entropy weights=[1,2,0.5,3,1]", (5,)),
    ("cross_entropy smoothing=0.1", (5,)), ("cross_entropy smoothing=0.2 weights=[1,2,0.5] ignore=2", (3, 2, 4)),
    ("cross_entropy ignore=-100", (4, 3)), ("nll", (5,)), ("nll", (3, 2, 4)), ("nll weights=[1,2,0.5] ignore=2", (3, 2, 4)),
    ("bce", (1,)), ("bce", (2, 3, 2)), ("hinge", (5,)), ("hinge margin=0.5 mean", (3, 2, 2)), ("mse", (3, 2)), ("l1", (3, 2)),
    ("huber", (3, 2, 2)), ("huber 0.3", (4,)), ("content", (2, 3, 2)), ("gram", (3, 4, 2)), ("gram matrix", (3, 4, 2)),
]


def program_of(spec: str, shape: tuple[int, ...], *steps: str, weight: float = 1.0) -> Graph:
    graph = sequence(list(steps), x=shape) if steps else Net({"x": shape}).graph(out="x")
    loss, _ = word(LOSSES, spec)
    loss.check_output(TensorType(shape))
    return training_program(graph, (Term(loss, "out", weight),), inputs=True).verify()


def values_of(spec: str, shape: tuple[int, ...], seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((SAMPLES, *shape)) * 2
    target: Any = rng.standard_normal((SAMPLES, *shape))
    if spec.startswith(("cross_entropy", "nll", "hinge")):
        target = rng.integers(0, shape[0], (SAMPLES, 1, *shape[1:])).astype(float)
        if "ignore=-100" in spec:
            target[0] = -100
    elif spec == "bce":
        target = rng.random((SAMPLES, *shape))
    elif spec == "gram matrix":
        f = rng.standard_normal((SAMPLES, shape[0], 9))
        target = f @ f.transpose(0, 2, 1)
    return {"x": x, "target.out": target}


def loss_and_gradient(program: Graph, values: dict[str, Any]) -> tuple[float, Any]:
    env = run(program, values, len(values["x"]))
    return float(env[dict(program.outputs)["loss.0"]][0]), env[dict(program.gradients)["x"]]


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_gradient_by_finite_differences(spec: str, shape: tuple[int, ...]) -> None:
    program, values = program_of(spec, shape, weight=0.7), values_of(spec, shape)
    _, g = loss_and_gradient(program, values)
    d = np.random.default_rng(1).standard_normal(values["x"].shape)
    h = 1e-6
    slope = (loss_and_gradient(program, values | {"x": values["x"] + h * d})[0]
             - loss_and_gradient(program, values | {"x": values["x"] - h * d})[0]) / (2 * h)
    assert slope * 0.7 == pytest.approx(float((g * d).sum()), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_against_pytorch(spec: str, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    import torch.nn.functional as F

    loss: Any = word(LOSSES, spec)[0]
    values = values_of(spec, shape)
    z = torch.tensor(values["x"], requires_grad=True)
    t = torch.tensor(values["target.out"])
    if loss.name in ("cross_entropy", "nll", "hinge"):
        t = t[:, 0].long()
    weights = torch.tensor(loss.weights, dtype=torch.float64) if getattr(loss, "weights", None) else None
    match loss.name:
        case "cross_entropy":
            want = F.cross_entropy(z, t, weights, ignore_index=-100 if loss.ignore is None else loss.ignore,
                                   label_smoothing=loss.smoothing)
        case "nll":
            want = F.nll_loss(z, t, weights, ignore_index=-100 if loss.ignore is None else loss.ignore)
        case "hinge":
            rows, labels = z.movedim(1, -1).reshape(-1, shape[0]), t.reshape(-1)
            want = F.multi_margin_loss(rows, labels, margin=loss.margin) * (1 if loss.mean else shape[0])
        case "bce":
            want = F.binary_cross_entropy_with_logits(z, t)
        case "huber":
            want = F.huber_loss(z, t, delta=loss.delta)
        case "content":
            want = ((z - t) ** 2).sum() / 2 / SAMPLES
        case "gram":
            flat = z.flatten(2)
            g, a = flat @ flat.mT, t if loss.matrix else t.flatten(2) @ t.flatten(2).mT
            want = ((g - a) ** 2).sum() / (4 * shape[0] ** 2 * flat.shape[2] ** 2) / SAMPLES
        case _:
            want = {"mse": F.mse_loss, "l1": F.l1_loss}[loss.name](z, t)
    torch.autograd.backward(want)
    got, gradient = loss_and_gradient(program_of(spec, shape), values)
    assert got == pytest.approx(want.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("seed", range(40))
def test_labels_at_random_against_pytorch(seed: int) -> None:
    """Weights, labels that do not count (perhaps all) and smoothing together, from a vector to three axes, at scores of any
    size."""
    torch = pytest.importorskip("torch")
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    c, samples = int(rng.integers(2, 7)), int(rng.integers(1, 5))
    shape = (c, *map(int, rng.integers(1, 4, rng.integers(0, 4))))
    x, labels = rng.standard_normal((samples, *shape)) * rng.choice([1.0, 1e3, 1e8,
                                                                     1e-6]), rng.integers(0, c, (samples, 1, *shape[1:]))
    weights = [round(float(w), 3) for w in rng.random(c) + 0.1] if rng.random() < 0.5 else None
    ignored = int(rng.choice([0, 255, -1, -100])) if rng.random() < 0.6 else None
    if ignored is not None:
        labels = np.where(rng.random(labels.shape) < rng.choice([0.3, 1.0]), ignored, labels)
    smoothing = float(rng.choice([0.0, 0.1, 1.0]))
    options = (f" weights={weights}" if weights else "") + (f" ignore={ignored}" if ignored is not None else "")
    w = torch.tensor(weights, dtype=torch.float64) if weights else None
    for spec in (f"cross_entropy{options} smoothing={smoothing}", f"nll{options}"):
        z, t, skipped = torch.tensor(x, requires_grad=True), torch.tensor(labels[:, 0]), -100 if ignored is None else ignored
        want = F.cross_entropy(z, t, w, ignore_index=skipped,
                               label_smoothing=smoothing) if spec.startswith("cross") else F.nll_loss(z, t, w,
                                       ignore_index=skipped)
        torch.autograd.backward(want)
        got, gradient = loss_and_gradient(program_of(spec, shape), {"x": x, "target.out": labels.astype(float)})
        assert got == pytest.approx(want.item(), rel=1e-10, nan_ok=True), spec
        # where no place counts nothing is learned
        np.testing.assert_allclose(gradient, z.grad.nan_to_num(0.0).numpy(), rtol=1e-8, atol=1e-12, err_msg=spec)


@pytest.mark.parametrize(("spec", "end"), [("cross_entropy", "softmax"), ("bce", "sigmoid")])
def test_a_loss_reads_the_logits_behind_probabilities(spec: str, end: str) -> None:
    values = values_of(spec, (4,))
    assert loss_and_gradient(program_of(spec, (4,), end),
                             values)[0] == pytest.approx(loss_and_gradient(program_of(spec, (4,)), values)[0], rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, 1e30, 1e-30])
@pytest.mark.parametrize("spec", ["cross_entropy", "cross_entropy smoothing=0.1", "hinge", "bce"])
def test_huge_and_tiny_scores(spec: str, size: float, dtype: Any) -> None:
    program = program_of(spec, (3,))
    x = np.array([[1.0, -1.0, 0.5], [-1.0, 1.0, 1.0]]) * size
    t = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]) if spec == "bce" else np.array([[1.0], [0.0]])
    env = run(program, {"x": x.astype(dtype), "target.out": t.astype(dtype)}, 2, dtype)
    assert np.isfinite(env[dict(program.outputs)["loss.0"]]).all()
    assert np.isfinite(env[dict(program.gradients)["x"]]).all()


def test_first_loss_of_ten_classes() -> None:
    """ln 10 for the softmax, 9 for the hinge, at scores that are all the same (CS231n, lecture 5)."""
    values = {"x": np.zeros((SAMPLES, 10)), "target.out": np.arange(SAMPLES, dtype=float)[:, None]}
    assert loss_and_gradient(program_of("cross_entropy", (10,)), values)[0] == pytest.approx(2.302585092994046, rel=1e-14)
    assert loss_and_gradient(program_of("hinge", (10,)), values)[0] == pytest.approx(9.0)


@pytest.mark.parametrize("other", ["cross_entropy", "nll", "mse"])
def test_two_losses_of_one_output_add_their_gradients(other: str) -> None:
    """Each gives the output a cotangent of its own, in closed form or by its formulas."""
    rng = np.random.default_rng(1)
    graph = sequence(["fc 3", "log_softmax"], x=(4,))
    terms = Term(LOSSES["cross_entropy"](), "out", 1.0, "t"), Term(LOSSES[other](), "out", 0.5, "t" if other != "mse" else "u")
    given = {"x": rng.standard_normal((5, 4)), "t": np.array([0, 1, 2, 0, 1]), "u": rng.standard_normal((5, 3))}

    def gradient(terms: tuple[Term, ...]) -> Any:
        program = training_program(graph, terms).verify()
        values = given | {p.name: np.random.default_rng(2).standard_normal(p.shape) for p in program.parameters}
        return run(program, values, 5)[dict(program.gradients)["fc1.weight"]]

    np.testing.assert_allclose(gradient(terms), gradient(terms[:1]) + gradient(terms[1:]), rtol=1e-12)
