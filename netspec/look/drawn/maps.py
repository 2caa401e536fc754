"""The kinds that are a map of each picture: of what in it an answer is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...runtime.network import Network
from ...views.look import tiles
from ...views.look.plate import Panel, Plate
from ...views.pictures import Tile
from ..asked import input_of, scores
from ..gradcam import gradcam, last_maps
from ..integrated import integrated
from ..occlusion import begins, occlusion, sides
from ..saliency import guided, saliency
from .options import Options, Source, answers_of, classes_of, layer_asked, some, unit_asked

Array = NDArray[Any]


def of_saliency(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    unit = unit_asked(o)
    yield from _maps(net, source, f"{net.graph.name}: saliency", "The size of the gradient of the score at each pixel, the largest of its "
                     "channels, from dark to light (Simonyan, Vedaldi and Zisserman, 2014).", lambda x: saliency(net, x, unit, layer=layer_asked(o)),
                     lambda m, x, t: [Panel(tiles.mapped(m, t)), *_over(m, t)], lambda x: classes_of(net, x, o))


def of_guided(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    yield from _maps(net, source, f"{net.graph.name}: guided backpropagation", "The gradient of the score where rectifiers let nothing below "
                     "zero back, zero grey (Springenberg et al., 2015). It shows what was seen, and says little of what for.",
                     lambda x: guided(net, x, unit_asked(o), layer=layer_asked(o)), lambda g, x, t: [Panel(tiles.around(g))],
                     lambda x: classes_of(net, x, o))


def of_integrated(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    def draw(a: Array, x: Array, tile: Tile) -> list[Panel]:
        return [Panel(tiles.marked(a), (f"adds up to {a.sum():.4g}",))]

    yield from _maps(net, source, f"{net.graph.name}: integrated gradients", "What each pixel adds to the score (red) or takes from it (blue), "
                     "on the way from black to the picture; they add up to the score less that of black (Sundararajan et al., 2017).",
                     lambda x: integrated(net, x, unit_asked(o), layer=layer_asked(o), steps=o.steps or 50), draw,
                     lambda x: classes_of(net, x, o))


def of_gradcam(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    known = all(n.type.known for n in net.graph.inputs)
    layer = o.layer or (last_maps(net.graph, scores(net)) if known else None)
    of = layer or "the last convolution"
    yield from _maps(net, source, f"{net.graph.name}: Grad-CAM of {of}", f"Where {of} saw what speaks for the class: its maps, each weighed "
                     "with the mean gradient of the score to it, from dark to light (Selvaraju et al., 2017).",
                     lambda x: gradcam(net, x, o.class_, layer=layer),
                     lambda m, x, t: [Panel(tiles.mapped(m, t, 0)), *_over(m, t, 0)],
                     lambda x: classes_of(net, x, Options(class_=o.class_)))


def of_occlusion(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    size = input_of(net).type.spatial

    def draw(m: Array, x: Array, tile: Tile) -> list[Panel]:
        spread = _spread(m, x.shape[1:], o)
        return [Panel(tiles.mapped(spread, tile, 0), (f"falls by {max(0.0, float(m.max())):.3g} at most",)), *_over(spread, tile, 0)]

    said = f" {sides(tuple(s or 1 for s in size), o.window, o.stride)[0]} pixels wide" if None not in size and len(size) == 2 else ""
    yield from _maps(net, source, f"{net.graph.name}: occlusion", f"By how much the answer falls with a square{said} over each place, from dark "
                     "to light: the mean over all squares that hide a pixel (Zeiler and Fergus, 2014).",
                     lambda x: occlusion(net, x, o.class_, window=o.window, stride=o.stride, fill=o.fill), draw,
                     lambda x: classes_of(net, x, Options(class_=o.class_)))


def _maps(net: Network, source: Source, title: str, about: str, make: Callable[[Array], Array],
          draw: Callable[[Array, Array, Tile], list[Panel]], asked: Callable[[Array], list[str]]) -> Iterator[Plate]:
    """A row for each picture: itself, and what is drawn of its map."""
    rows = []
    for names, x in some(source):
        found, said, of = make(x), answers_of(net, names, x), asked(x)
        for k, name in enumerate(names):
            tile = tiles.example(x[k])
            first, *more = draw(found[k], x[k], tile)
            rows.append((Panel(tile, (name, *said[k])), Panel(first.tile, (f"for {of[k]}", *first.lines)), *more))
    yield Plate(title, about, tuple(rows))


def _spread(m: Array, size: tuple[int, ...], o: Options) -> Array:
    """A number for each pixel: the mean of those of all squares that hide it."""
    window, stride = sides(size, o.window, o.stride)
    total, times = np.zeros(size), np.zeros(size)
    for r, row in zip(begins(size[0], window, stride), m):
        for c, v in zip(begins(size[1], window, stride), row):
            total[r:r + window, c:c + window] += v
            times[r:r + window, c:c + window] += 1
    return np.asarray(total / np.maximum(times, 1))


def _over(m: Array, below: Tile, low: float | None = None) -> list[Panel]:
    return [Panel(tiles.over(m, below, low))] if m.ndim == 2 else []
