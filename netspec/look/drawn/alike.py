"""The kinds that lay pictures out by what a network takes for alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice
from ...runtime.misuse import misuse
from ...runtime.network import Network
from ...views.look import tiles
from ...views.look.plate import Panel, Plate, in_rows
from ...views.pictures import Tile
from ..features import features, last_features, nearest, plane
from .options import Options, Source, some

Array = NDArray[Any]


def of_neighbours(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = o.layer or last_features(net)
    names, small, rows = _held(net, source, layer)
    if len(rows) < 2:
        raise misuse("empty-batch", "neighbours are looked for of the first picture among the others, and there is one alone",
                     hint=Advice("netspec look RUN cat.jpg photos/ --what neighbours"))
    order, far = nearest(rows[:1], rows[1:], top=o.top)
    found = [Panel(small[k + 1], (names[k + 1], f"distance {d:.4g}")) for k, d in zip(order[0], far[0])]
    yield Plate(f"{net.graph.name}: nearest by {layer}", f"The first picture, and which of the {len(rows) - 1:,} others lie nearest to it in the "
                f"{rows.shape[1]:,} numbers of {layer}.", ((Panel(small[0], (names[0], "asked about")),), *in_rows(found, 9)))


def of_map(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = o.layer or last_features(net)
    _, small, rows = _held(net, source, layer)
    places = plane(rows, by=o.by, seed=o.seed)
    side = int(np.clip(960 / (2.2 * len(rows) ** 0.5), 16, 96))
    laid = tiles.scattered([tiles.thumbnail(t, side) for t in small], places)
    how = {"pca": "by the two directions in which they vary most (PCA)", "tsne": "by t-SNE", "umap": "by UMAP"}[o.by]
    yield Plate(f"{net.graph.name}: a map by {layer}", f"{len(rows):,} pictures, laid out by the {rows.shape[1]:,} numbers of {layer}, {how}: what the "
                "network takes for alike lies together.", ((Panel(laid),),))


def _held(net: Network, source: Source, layer: str) -> tuple[list[str], list[Tile], Array]:
    """All examples: their names, small tiles of them, and their features."""
    names, small, rows = list[str](), list[Tile](), list[Array]()
    for named, x in some(source):
        names += named
        small += [tiles.thumbnail(tiles.example(one), 112) for one in x]
        rows.append(features(net, x, layer=layer))
    return names, small, np.concatenate(rows)
