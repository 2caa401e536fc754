"""Metrics of numbers, masks and rankings, weights of examples, functions of one's own; by hand, and beside scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.ir.types import TensorType
from netspec.metrics import METRICS
from netspec.runtime.train.recipe import measures

TEXT = "net a:\n  input {shape}\n  {step}\ntrain a:\n  loss {loss}\n{metrics}  sgd lr=0.1\n"


def net_of(loss: str, *metrics: str, shape: str = "3", step: str = "scale 1") -> Any:
    """A network whose output is its input, times one."""
    return netspec.compile(text=TEXT.format(shape=shape, step=step, loss=loss,
                                            metrics="".join(f"  metric {m}\n" for m in metrics)),
                           device="reference", dtype="float64")


def counted(metric: Any, scores: Any, labels: Any, weights: Any = None, parts: int = 3) -> Any:
    state = metric.start(TensorType(scores.shape[1:]))
    for some in np.array_split(np.arange(len(labels)), parts):
        state = metric.add(state, scores[some], labels[some], None if weights is None else weights[some])
    return metric.value(state)


def test_errors_by_hand() -> None:
    """Two channels: off by 1, 0, 2 and by 0, 3, 0; targets 0, 1, 5 (mean 2, squares 14) and 1, 1, 4 (mean 2, squares 6)."""
    t = np.array([[0.0, 1], [1, 1], [5, 4]])
    z = t + np.array([[1, 0], [0, 3], [-2, 0]])
    got = net_of("mse", "mae", "rmse", "r2", shape="2").evaluate(z, t, batch=2)
    assert got["mae"] == pytest.approx((1 + 1) / 2) and got["rmse"] == pytest.approx((np.sqrt(5 / 3) + np.sqrt(3)) / 2)
    assert got["r2"] == pytest.approx(((1 - 5 / 14) + (1 - 9 / 6)) / 2) and got["loss"] == pytest.approx(14 / 6)
    # far from zero nothing cancels; targets that are all equal; one example has no r2
    assert counted(METRICS["r2"](), z + 1e9, t + 1e9) == pytest.approx(got["r2"], rel=1e-6)
    same = np.full((4, 1), 0.1)
    assert counted(METRICS["r2"](), same, same) == 1 and counted(METRICS["r2"](), same + 1, same) == 0
    assert np.isnan(counted(METRICS["r2"](), same[:1], same[:1], parts=1))
    assert all(np.isnan(METRICS[m]().value(METRICS[m]().start(TensorType((2,))))) for m in ("mae", "rmse", "r2", "auc", "iou"))


def test_masks_by_hand() -> None:
    """Logits of two masks of four places: the first is answered 1100 of 1010, the second 0001 of 0011."""
    z = np.array([[[[5.0, 1], [-1, -3]], [[-2, -1], [-4, 2]]]])
    t = np.array([[[[1.0, 0], [1, 0]], [[0, 0], [1, 1]]]])
    net = net_of("bce", "iou", "iou micro", "iou by_class", "dice", "multilabel_accuracy", "multilabel_accuracy subset",
                 "multilabel_accuracy threshold=0.99", "auc by_class", shape="2x2x2")
    got = net.evaluate(z, t)
    assert got["iou"] == pytest.approx((1 / 3 + 1 / 2) / 2) and got["iou micro"] == 2 / 5
    assert got["iou by_class"].tolist() == pytest.approx([1 / 3, 1 / 2]) and got["dice"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert got["multilabel_accuracy"] == 5 / 8 and got["multilabel_accuracy subset"] == 2 / 4  # of the places
    assert got["multilabel_accuracy threshold=0.99"] == 5 / 8
    assert got["auc"].tolist() == pytest.approx([3 / 4, 2 / 4])
    # the same of a net that ends in the sigmoid, whatever the loss reads of it; of plain numbers there are no masks
    for loss in ("bce", "mse"):
        ends = net_of(loss, "iou", "multilabel_accuracy", "auc", "f1 micro", shape="2x2x2", step="scale 1 -> sigmoid")
        again = ends.evaluate(z, t)
        assert {k: again[k] for k in ("iou", "multilabel_accuracy")} == {k: got[k] for k in ("iou", "multilabel_accuracy")}
        assert again["auc"] == pytest.approx(5 / 8) and again["f1"] == pytest.approx(4 / 7)
    for metric in ("iou", "multilabel_accuracy", "auc"):
        with pytest.raises(NetspecError, match="labels of several classes, and the loss of output `out` has none"):
            net_of("mse", metric, shape="2x2x2").evaluate(z, t)
    assert METRICS["iou"](average="by_class").report(got["iou by_class"], ("cat", "dog")).splitlines() == [
        "iou by_class:", "0 cat  33.33%", "1 dog  50.00%"]


def test_the_probabilities_that_the_loss_makes() -> None:
    """Ranks across examples depend on the softmax: for class 0 the logits say 3 > 2, the probabilities 1/2 < 0.8."""
    z = np.array([[3.0, 3, -9], [2, 0.6, -9], [0, 1, 2]])
    y = np.array([1, 0, 2])
    assert net_of("cross_entropy", "auc by_class").evaluate(z, y)["auc"][0] == 1
    assert net_of("nll", "auc by_class", step="log_softmax").evaluate(z, y)["auc"][0] == 1
    assert net_of("hinge", "auc by_class").evaluate(z, y)["auc"][0] == 0.5  # which makes no probabilities: scores as they are
    # two classes: that of the second; a class that nothing is of has no area, and others have theirs
    assert net_of("cross_entropy", "auc", shape="2").evaluate(np.array([[0, 1.0], [0, 2], [0, 2]]), np.array([0, 1, 0]))[
        "auc"] == 0.75
    assert net_of("cross_entropy", "auc").evaluate(z[:2], y[:2])["auc"] == 1
    assert np.isnan(net_of("cross_entropy", "auc").evaluate(z[:1], y[:1])["auc"])


def test_an_area_is_exact_however_many_scores_there_are() -> None:
    random = np.random.default_rng(0)
    scores, right = random.integers(0, 900, (6000, 1)) / 900, random.integers(0, 2, (6000, 1)).astype(float)
    of, others = scores[right == 1], scores[right == 0]
    pairs = (of[:, None] > others).sum() + (of[:, None] == others).sum() / 2
    assert counted(METRICS["auc"](), scores, right, parts=70) == pairs / (len(of) * len(others))


def test_the_right_class_among_the_first() -> None:
    random = np.random.default_rng(1)
    z, y = random.normal(size=(40, 7)), random.integers(0, 7, 40)
    ranks = (z > z[np.arange(40), y][:, None]).sum(1)
    got = net_of("cross_entropy", "topk 1", "topk 3", "top5", shape="7").evaluate(z, y, batch=9)
    assert got == {"loss": got["loss"], "topk 1": (ranks < 1).mean(), "topk 3": (ranks < 3).mean(), "top5": (ranks < 5).mean()}


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_is_so_many_examples(name: str) -> None:
    """What weighs 3 counts as if it were there three times, and what weighs nothing as if it were not there."""
    random = np.random.default_rng(2)
    for kind in METRICS[name]().reads:
        scores = random.uniform(size=(12, 4, 2))
        labels = {"classes": random.integers(0, 4, (12, 1, 2)), "marks": random.integers(0, 2, scores.shape).astype(float),
                  "numbers": random.normal(size=scores.shape)}[kind]
        weights = random.integers(0, 4, 12).astype(float)
        many = np.repeat(np.arange(12), weights.astype(int))
        want = counted(METRICS[name](), scores[many], labels[many])
        assert counted(METRICS[name](), scores, labels, weights) == pytest.approx(want, rel=1e-12)
        assert METRICS[name]().shown(counted(METRICS[name](), scores, labels, weights / 3))


def test_a_function_of_ones_own() -> None:
    """It sees the whole set once, targets as they were given, in training as in tests; one that takes weights gets them."""
    seen = []

    def agreement(scores: Any, targets: Any) -> float:
        seen.append((scores.shape, targets.shape))
        return float((scores.argmax(1) == targets).mean())

    def of_each(scores: Any, targets: Any, weights: Any = None) -> Any:
        return np.bincount(targets, weights, 3)

    random = np.random.default_rng(3)
    x, y = random.normal(size=(10, 3)), random.integers(0, 3, 10)
    two: Any = METRICS["topk"]
    net = net_of("cross_entropy").configure(metrics=[agreement, "accuracy", two(k=2), of_each])
    got = net.evaluate(x, y, batch=4)
    assert got["agreement"] == got["accuracy"] and seen == [((10, 3), (10,))]
    assert got["of_each"].tolist() == np.bincount(y, minlength=3).tolist() and list(got)[-1] == "of_each"
    trained = net_of("cross_entropy", step="fc 3")
    history = trained.fit(x, y, epochs=2, batch=3, metrics=[agreement, "accuracy"], verbose=0)
    assert history["agreement"] == history["accuracy"] and seen[1:] == [((10, 3), (10,))] * 2
    assert "agreement" in repr(history)
    numbers = net_of("mse").configure(metrics=agreement_of_numbers)
    assert numbers.evaluate(x, x, batch=4)["agreement_of_numbers"] == 0
    with pytest.raises(NetspecError, match="gives <U2, and a metric is a number"):
        net.configure(metrics=says_so).evaluate(x, y)
    with pytest.raises(NetspecError, match="without a name"):
        net.configure(metrics=lambda scores, targets: 1)
    from netspec.runtime.measuring.tallies import tallies
    (tally,) = tallies(net.graph, net.configure(metrics=agreement).recipe.terms, net.recipe.metrics)
    with pytest.raises(NetspecError, match="does not say what an example with a weight counts"):
        tally.add({"out": x}, {"target.out": y[:, None]}, np.ones(10))


def agreement_of_numbers(scores: Any, targets: Any) -> float:
    return float(abs(scores - targets).max())


def says_so(scores: Any, targets: Any) -> str:
    return "ok"


def test_metrics_in_one_text() -> None:
    assert measures("accuracy top5") == measures("accuracy, top5") == ["accuracy", "top5"]
    assert measures("f1 micro") == ["f1 micro"] and measures("topk 3, f1 average=by_class,confusion") == [
        "topk 3", "f1 average=by_class", "confusion"]
    assert measures("") == []
    assert list(net_of("cross_entropy").configure(metrics="topk 2").evaluate(np.eye(3), np.arange(3))) == ["loss", "topk"]


def test_each_output_has_its_own_loss() -> None:
    """Beside the weighted sum; one that is alone has none of its own, and two of an output are told apart by their words."""
    text = (
        "net a:\n  input 3\n  output age: fc 2\n  output sort: fc 2\ntrain a:\n  loss mse @age weight=0.5\n  loss cross_entropy "
            "@sort\n{}  sgd lr=0.01\n  schedule plateau 1 higher\n")
    random = np.random.default_rng(4)
    x, y = random.normal(size=(7, 3)), {"age": random.normal(size=(7, 2)), "sort": random.integers(0, 2, 7)}
    net = netspec.compile(text=text.format(""), device="reference", dtype="float64")
    got, z = net.evaluate(x, y, batch=3), net.predict(x)
    assert got["age.loss"] == pytest.approx(((z["age"] - y["age"]) ** 2).mean())
    assert got["loss"] == pytest.approx(0.5 * got["age.loss"] + got["sort.loss"])
    assert got["sort.loss"] == pytest.approx(net.evaluate(x, y["sort"], loss="cross_entropy @sort")["loss"], rel=1e-14)
    assert list(net.evaluate(x, y["sort"], loss="cross_entropy @sort")) == ["loss", "accuracy"]
    history = net.fit(x, y, epochs=2, batch=3, validation=(x, y), verbose=0)
    assert list(history)[:4] == ["loss", "age.loss", "sort.loss", "accuracy"] and "val_age.loss" in history
    more = netspec.compile(text=text.format("  loss l1 @age\n"), device="reference", dtype="float64").evaluate(x, y)
    assert list(more)[1:4] == ["age.mse", "sort.loss", "age.l1"]


@pytest.mark.parametrize("weighted", [False, True])
def test_as_scikit_learn(weighted: bool) -> None:
    """Every number that it has too, of logits that pass the loss's own softmax or sigmoid, with and without weights."""
    sk = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(5)
    n, classes = 301, 4
    z, y = random.normal(size=(n, classes)) * 2, random.integers(0, classes, n)
    marks, numbers = random.integers(0, 2, (n, classes)), random.normal(size=(n, classes)) + z
    weights = random.uniform(0, 3, n) if weighted else None
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    answers, yes, named = z.argmax(1), z > 0, {"sample_weight": weights}

    def mine(name: str, labels: Any, scores: Any = z, **arguments: Any) -> Any:
        return counted(METRICS[name](**arguments), scores, labels, weights, 5)

    close = {"rel": 1e-10, "abs": 1e-12}
    for name, theirs in (("f1", sk.f1_score), ("precision", sk.precision_score), ("recall", sk.recall_score),
                         ("iou", sk.jaccard_score)):
        for average in ("macro", "micro", "weighted", "by_class"):
            told = {"average": None if average == "by_class" else average, **named}
            assert mine(name, y[:, None], average=average) == pytest.approx(theirs(y, answers, **told), **close)
            assert mine(name, marks, 1 / (1 + np.exp(-z)), average=average) == pytest.approx(theirs(marks, yes, **told), **close)
    assert mine("dice", y[:, None]) == mine("f1", y[:, None])
    assert mine("accuracy", y[:, None]) == pytest.approx(sk.accuracy_score(y, answers, **named), **close)
    assert mine("confusion", y[:, None]) == pytest.approx(sk.confusion_matrix(y, answers, **named), **close)
    assert mine("topk", y[:, None], k=2) == pytest.approx(sk.top_k_accuracy_score(y, z, k=2, **named), **close)
    assert mine("multilabel_accuracy", marks, 1 / (1 + np.exp(-z)), subset=True) == pytest.approx(
        sk.accuracy_score(marks, yes, **named), **close)
    assert mine("multilabel_accuracy", marks, 1 / (1 + np.exp(-z))) == pytest.approx(1 - sk.hamming_loss(marks, yes, **named),
                                                                                     **close)
    for name, theirs in (("mae", sk.mean_absolute_error), ("rmse", sk.root_mean_squared_error), ("r2", sk.r2_score)):
        assert mine(name, numbers) == pytest.approx(theirs(numbers, z, **named), **close)
    for average in ("macro", "weighted"):
        assert mine("auc", y[:, None], p, average=average) == pytest.approx(
            sk.roc_auc_score(y, p, average=average, multi_class="ovr", **named), **close)
        assert mine("auc", marks, z.round(1), average=average) == pytest.approx(
            sk.roc_auc_score(marks, z.round(1), average=average, **named), **close)
    assert mine("auc", y[:, None] % 2, p[:, :2]) == pytest.approx(sk.roc_auc_score(y % 2, p[:, 1], **named), **close)
