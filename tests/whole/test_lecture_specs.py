"""The lectures' systems among the specs: fixed filters against NumPy, and the two linear classifiers against the numbers of the
lectures' slides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import netspec
from where import ROOT

FILTERS = ROOT / "specs" / "filters.net"
RIGHTWARDS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def said(net: str, x: Any) -> Any:
    h, w = np.shape(x)
    made = netspec.compile(FILTERS, net, device="reference", dtype="float64", input=(1, h, w))
    return made.predict(np.asarray(x, float)[None, None])


def correlated(x: Any, window: Any, mode: str | None) -> Any:
    """What a window makes of each of its places, the picture continued at its border."""
    window = np.asarray(window, float)
    if mode is not None:
        kind: Any = mode
        x = np.pad(x, [(n // 2, n // 2) for n in window.shape], kind)
    return np.einsum("hwuv,uv->hw", sliding_window_view(x, window.shape), window)


@pytest.fixture(scope="module")
def picture() -> Any:
    return np.random.default_rng(4).random((17, 23))


def test_nothing_of_them_is_learnt() -> None:
    for net in ("moving_average", "gaussian", "sobel", "edges", "pattern", "city_landscape"):
        graph = netspec.load_graph(FILTERS, net).graph
        assert graph.parameters or net == "moving_average"
        assert not any(p.trainable for p in graph.parameters)


def test_smoothing(picture: Any) -> None:
    assert np.allclose(said("moving_average", picture)[0, 0], correlated(picture, np.full((3, 3), 1 / 9), None), atol=1e-14)
    bell = np.array([1, 4, 6, 4, 1]) / 16
    smooth = said("gaussian", picture)[0, 0]
    assert np.allclose(smooth, correlated(picture, np.outer(bell, bell), "edge"), atol=1e-14)
    assert np.allclose(said("gaussian", np.full((9, 9), 0.7)), 0.7)  # a bell sums to 1
    assert smooth.var() < picture.var() / 4


def test_smoothing_and_edges_as_scipy_has_them(picture: Any) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    bell = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    assert np.allclose(said("gaussian", picture)[0, 0], ndimage.correlate(picture, bell, mode="nearest"))
    for k, axis in enumerate((1, 0)):
        assert np.allclose(said("sobel", picture)[0, k], ndimage.sobel(picture, axis, mode="nearest"))


def test_edges(picture: Any) -> None:
    both = said("sobel", picture)[0]
    assert np.allclose(both[0], correlated(picture, RIGHTWARDS, "edge"), atol=1e-13)
    assert np.allclose(both[1], correlated(picture, RIGHTWARDS.T, "edge"), atol=1e-13)
    assert np.allclose(said("edges", picture)[0, 0], np.hypot(*both), atol=1e-13)
    slope = np.add.outer(np.zeros(9), np.arange(9) * 0.5)  # lighter to the right, by half a pixel
    assert np.allclose(said("sobel", slope)[0, :, 2:-2, 2:-2], np.array([4.0, 0])[:, None, None])


def test_a_pattern_is_found_where_it_is_and_nowhere_else() -> None:
    rng = np.random.default_rng(1)
    x = (rng.random((20, 20)) < 0.4).astype(float)
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    x[4:7, 9:12] = cross
    places = np.zeros_like(x)
    places[1:-1, 1:-1] = (sliding_window_view(x, (3, 3)) == cross).all((2, 3))
    inner = said("pattern", x)[0, 0][1:-1, 1:-1]
    assert np.array_equal(inner, places[1:-1, 1:-1])
    assert inner[4, 9] == 1


def test_a_city_and_a_landscape() -> None:
    """Edges, then lines of edges, in NumPy; and that houses are a city and hills a landscape."""
    city, land = np.zeros((64, 64)), np.zeros((64, 64))
    for left, top in ((6, 10), (20, 25), (36, 5), (50, 30)):
        city[top:, left:left + 8] = 1
    land[40:] = 0.5
    land[52:] = 1.0
    for picture, class_ in ((city, 0), (land, 1)):
        strong = [np.maximum(np.abs(correlated(picture, w, "edge")) - 1, 0) for w in (RIGHTWARDS, RIGHTWARDS.T)]
        line = np.zeros((5, 5))
        line[:, 2] = 1
        lines = [np.maximum(correlated(s, w, "constant") - 4, 0).mean() for s, w in zip(strong, (line, line.T))]
        found = said("city_landscape", picture)
        assert np.allclose(found["lines"][0], lines, atol=1e-13)
        p = np.exp(np.array(lines) - max(lines))
        assert np.allclose(found["out"].reshape(2), p / p.sum(), atol=1e-13)
        assert found["out"].reshape(2).argmax() == class_


def test_the_losses_of_the_lectures() -> None:
    """CS231n 2016, lectures 2 and 3: scores of a cat, a car and a frog cost 2.9, 0 and 12.9 by the hinge loss, 5.27 on average;
    those of the cat alone cost -log(0.13) by softmax, and no preference costs 9 and log 10 of ten classes."""
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    right = np.array([0, 1, 2])
    likely = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    for net, losses in (("svm", [2.9, 0.0, 12.9]), ("softmax_regression", -np.log(likely[range(3), right]))):
        made = netspec.compile(ROOT / "specs" / "classifiers.net", net, device="reference", dtype="float64", classes=3)
        weights = np.zeros((3, 3 * 32 * 32))
        weights[:, :3] = scores.T  # a picture of one bright pixel each, whose weights are its scores
        made.set_parameters({"fc1.weight": weights})
        x = np.zeros((3, 3, 32, 32))
        x[range(3), 0, 0, range(3)] = 1
        assert np.allclose(made.predict(x), scores)
        for k, loss in enumerate(losses):
            assert made.evaluate(x[k:k + 1], right[k:k + 1])["loss"] == pytest.approx(loss, abs=1e-12)
        assert made.evaluate(x, right)["loss"] == pytest.approx(np.mean(losses))
    assert round(float(losses[0]), 2) == 2.04
    for net, loss in (("svm", 9.0), ("softmax_regression", np.log(10))):
        made = netspec.compile(ROOT / "specs" / "classifiers.net", net, device="reference", dtype="float64")
        made.set_parameters({"fc1.weight": np.zeros((10, 3072))})
        assert made.evaluate(np.ones((1, 3, 32, 32)), np.array([4]))["loss"] == pytest.approx(loss)
