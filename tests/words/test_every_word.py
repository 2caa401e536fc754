"""What every word keeps to, whoever wrote it: tests that a new loss, metric, schedule or data set has by lying in its folder.
Layers have theirs in test_layers.py, optimisers in test_optimisers.py and test_runtime_steps.py, augmentations in
test_augmentations.py."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.datasets import DATASETS
from netspec.diagnostics import NetspecError
from netspec.ir.types import TensorType, shape_text
from netspec.losses import LOSSES
from netspec.metrics import METRICS
from netspec.optimisers import OPTIMISERS
from netspec.schedules import SCHEDULES
from netspec.views.words.explain import formulas, page, registries, usage
from netspec.words import REQUIRED, WordError, arguments
from netspec.words.dataset import without_arguments
from netspec.words.layer import LAYERS

SHAPES = ((4, 3, 2), (3,), (1,))
REQUIRE = {"count": "2", "number": "0.5", "size": "2", "rate": "0.5", "text": '"x"', "list": "[1, 2]", "value": "1"}


def written(cls: Any) -> str:
    """The word with what it requires."""
    return " ".join((cls.name, *(REQUIRE[a.kind] if a.position is not None else f"{a.name}={REQUIRE[a.kind]}"
                                 for a in arguments(cls) if a.default is REQUIRED)))


@pytest.mark.parametrize(("sort", "name"), [(r.sort, name) for r in registries() for name in r])
def test_a_word_says_what_it_is(sort: str, name: str) -> None:
    cls = next(r for r in registries() if r.sort == sort)[name]
    assert inspect.getdoc(cls) and cls.__doc__ and len(cls.__doc__.split()) > 3, "a word has a docstring"
    assert all(a.doc and not a.doc.endswith(".") for a in arguments(cls)), "an argument says what it is"
    assert page(cls, sort).startswith(f"{name}: a")


def judged(loss: str) -> Any:
    """A net whose outputs the loss judges, of the first shape that it takes."""
    for shape in SHAPES:
        try:
            return netspec.compile(text=f"net a:\n  input {shape_text(shape)}\n  scale\ntrain a:\n  loss {loss}\n  sgd\n",
                                   device="reference", dtype="float64"), shape
        except NetspecError as e:
            if e.diagnostics[0].code not in ("loss-shape", "wrong-rank"):
                raise
    raise AssertionError(f"no output for {loss}")


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_the_gradient_and_the_share_that_it_says(name: str) -> None:
    """Its gradient is that of finite differences, and the mean over batches, each counting its share, is the loss of all."""
    net, shape = judged(written(LOSSES[name]))
    loss: Any = net.recipe.terms[0].loss
    random = np.random.default_rng(5)
    x, target = random.normal(size=(7, *shape)), loss.target(TensorType(shape))
    y = random.integers(0, shape[0],
                        (7, *target.spatial)) if target.element == "int" else random.uniform(0.05, 0.95, (7, *target.shape))
    _, gradients = net.loss_and_gradients(x, y)[:2]
    ways = []
    for step in (1e-6, -1e-6):
        net.parameters["scale1.weight"] = np.ones(shape[0]) + step * np.eye(1, shape[0])[0]
        ways.append(net.loss_and_gradients(x, y)[0])
    assert gradients["scale1.weight"][0] == pytest.approx((ways[0] - ways[1]) / 2e-6, rel=1e-4, abs=1e-7)
    net.parameters["scale1.weight"] = np.ones(shape[0])
    parts = [(net.loss_and_gradients(x[k], y[k])[0], loss.share(y[k][:, None] if target.element == "int" else y[k], len(x[k])))
             for k in (slice(0, 2), slice(2, 7))]
    assert sum(a * share for a, share in parts) / sum(share
                                                      for _, share in parts) == pytest.approx(net.loss_and_gradients(x, y)[0],
                                                              rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_does_not_depend_on_the_batches(name: str) -> None:
    metric: Any = METRICS[name]()
    random = np.random.default_rng(6)
    for shape in ((6,), (4, 3, 2)):
        scores = random.normal(size=(9, *shape))
        labels = random.integers(0, shape[0], (9, 1, *shape[1:])) if "classes" in metric.reads else random.normal(size=scores.shape)
        values = []
        for cuts in ([], [1, 4], range(1, 9)):
            state = metric.start(TensorType(shape))
            for s, t in zip(np.split(scores, list(cuts)), np.split(labels, list(cuts))):
                state = metric.add(state, s, t)
            values.append(metric.value(state))
        same = np.array_equal if "classes" in metric.reads else np.allclose  # sums of whole numbers, or of rounded ones
        assert all(same(values[0], v) for v in values)
        assert "\n" not in metric.shown(values[0]) and metric.shown(values[0]) and isinstance(metric.report(values[0]), str)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_gives_factors(name: str) -> None:
    s: Any = SCHEDULES[name](**{a.field: {"count": 2, "number": 0.5, "list": (1, 2)}[a.kind] for a in arguments(SCHEDULES[name])
                                if a.default is REQUIRED})
    try:
        s.check()
    except WordError:
        pytest.fail("its own defaults")
    factors = [s.factor(k // 4, k, 5, 4) for k in range(20)]
    assert np.isfinite(factors).all() and min(factors) >= 0 and s.seen([1.0, 0.5]) >= 0


@pytest.mark.parametrize("name", without_arguments())
def test_a_data_set_is_the_same_each_time(name: str) -> None:
    first, second = (DATASETS[name]().load(None) for _ in range(2))
    for a, b in zip(first, second):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert len(a[0]) == len(a[1]) and all(np.array_equal(u, v) for u, v in zip(a, b))


def test_every_layer_shows_its_formulas() -> None:
    """Of its first example; where there are none in evaluation or in training, its page says so."""
    for layer in LAYERS.values():
        text_of = page(layer, "layer")
        plain, training = formulas(layer)
        assert training and all(text in text_of for text in (*plain, *training)), layer.name
        assert plain or "goes through unchanged" in text_of, layer.name


def test_a_usage_line_tells_what_lies_between_two_bounds() -> None:
    assert usage(LAYERS["dropout"]).startswith("dropout [RATE:0..1] ")
    assert " [momentum=0..1] " in usage(OPTIMISERS["sgd"])
    for registry in registries():
        for word in registry.values():
            line = usage(word)
            for a in arguments(word):
                most = a.below if a.most is None else a.most
                if a.least is not None and most is not None and not a.words:
                    assert f"{a.least:g}..{most:g}" in line, (word.name, a.name)
