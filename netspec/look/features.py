"""Examples by what a network makes of them: features, the nearest to others, and a map in two dimensions.

Papers: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 6.1
(nearest pictures); van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008; McInnes, Healy and Melville, "UMAP", 2018
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice, UsageError
from ..ir.graph import Input
from ..runtime.misuse import misuse, whole
from ..runtime.network import Network
from ..waiting import wait
from .asked import called, examples, scores, value_of

Array = NDArray[Any]
FEW = 5  # examples that UMAP needs


def features(net: Network, x: Any, *, layer: str | None = None) -> Array:
    """N x features: the numbers of a layer, its places one after the other; unless one is named what the scores are made of."""
    found = net.activations(examples(net, x), layer or last_features(net))
    return np.asarray(found.reshape(len(found), -1))


def last_features(net: Network) -> str:
    """The name of the value that the layer of the scores reads; behind moves, which change no number."""
    graph = net.graph
    node = graph.maker[value_of(graph, scores(net))]
    while not node.parameters and node.inputs:
        node = graph.maker[node.inputs[0]]
    value = node.inputs[0] if node.inputs else node.results[0].name
    while getattr(graph.maker[value].op, "renames", False) and graph.maker[value].inputs:
        value = graph.maker[value].inputs[0]
    if isinstance(graph.maker[value].op, Input):
        value = graph.maker[value_of(graph, scores(net))].results[0].name
    return called(graph, value)


def nearest(of: Array, among: Array, *, top: int = 5) -> tuple[Array, Array]:
    """Of each row of one array the nearest rows of another, M x top: their numbers and their distances (the root of the sum of
    squares), the nearest first."""
    of, among = np.asarray(of, np.float64), np.asarray(among, np.float64)
    top = min(whole("top", top, 1), len(among))
    if of.ndim != 2 or among.ndim != 2 or of.shape[1] != among.shape[1]:
        raise misuse("wrong-shape", f"features are N x F, of one F, and these are {of.shape} and {among.shape}")
    order, distances = np.empty((len(of), top), np.int64), np.empty((len(of), top))
    for k, row in enumerate(of):
        far = np.sqrt(np.square(among - row).sum(1))
        order[k] = np.argsort(far, kind="stable")[:top]
        distances[k] = far[order[k]]
    return order, distances


def plane(rows: Any, *, by: str = "pca", seed: int = 0) -> Array:
    """N x 2: features laid out in a plane.

    by  "pca": the two directions in which they vary most, each with its largest weight above zero; "tsne" needs scikit-learn,
        "umap" umap-learn, and both begin by the seed

    Errors: fewer than two rows; another word; a package that is not installed.
    """
    a = np.asarray(rows, np.float64)
    if a.ndim != 2 or len(a) < 2:
        raise misuse("wrong-shape", f"a map is of two examples or more, N x features, and this is {a.shape}")
    if not isinstance(by, str) or by not in WAYS:
        raise misuse("bad-value", f"there is no map by `{by}`", hint=", ".join(WAYS))
    with wait("laying out a map"):
        return WAYS[by](a, seed)


def _pca(a: Array, seed: int) -> Array:
    _, _, directions = np.linalg.svd(a - a.mean(0), full_matrices=False)
    two = directions[:2] if len(directions) > 1 else np.vstack([directions, np.zeros_like(directions)])
    signs = np.sign(two[np.arange(2), np.abs(two).argmax(1)])
    return np.asarray((a - a.mean(0)) @ (two * np.where(signs == 0, 1, signs)[:, None]).T)


def _tsne(a: Array, seed: int) -> Array:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise _missing("t-SNE", "scikit-learn") from None
    made: Any = TSNE(n_components=2, perplexity=min(30.0, max(1.0, (len(a) - 1) / 3)), init="pca", random_state=seed)
    return np.asarray(made.fit_transform(a), np.float64)


def _umap(a: Array, seed: int) -> Array:
    try:
        from umap import UMAP
    except ImportError:
        raise _missing("UMAP", "umap-learn") from None
    if len(a) < FEW:
        raise misuse("bad-value", f"UMAP lays out {FEW} examples or more, and these are {len(a)}", hint=Advice("by pca"))
    made: Any = UMAP(n_components=2, n_neighbors=min(15, len(a) - 1), random_state=seed)
    return np.asarray(made.fit_transform(a), np.float64)


def _missing(what: str, package: str) -> UsageError:
    return UsageError(f"{what} needs {package}, which is not installed", hint=f"pip install {package}   or   by pca, which needs nothing",
                      code="missing-extra")


WAYS: dict[str, Callable[[Array, int], Array]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
