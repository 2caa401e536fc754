"""The kinds of pictures that `netspec look` draws: a word for each, and what makes plates of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice, UsageError, near
from ..ir.graph import Input
from ..runtime.asking.answer import answers
from ..runtime.asking.answers import speaker
from ..runtime.misuse import misuse
from ..runtime.network import Network
from ..views.drawing.sheet import theme_of
from ..views.look import tiles
from ..views.look.plate import Panel, Plate, in_rows
from ..views.look.plates import Plates
from ..views.pictures import Tile, enlarged, filter_tiles, grid, heat
from ..views.reading.steps import steps
from .asked import chosen, examples, input_of, number, scores, value_of
from .exciting import Excited, exciting
from .features import features, last_features, nearest, plane
from .filters import filters
from .gradcam import gradcam, last_maps
from .integrated import integrated
from .maximise import maximise
from .occlusion import begins, occlusion, sides
from .saliency import guided, saliency

Array = NDArray[Any]
Named = tuple[Sequence[str], Array]  # some examples, and what each is called
UNITS = 8  # of a layer, whose favourites are shown where none is named


@dataclass(frozen=True)
class Options:
    """What may be said of a picture; what does not concern its kind changes nothing.

    layer, unit   a layer by its name, and one of its channels
    class_        a class, by its name or number; unless given the one that the network answers
    most          pictures in a row of the most exciting, or of the nearest
    window, stride, fill            of `occlusion`
    steps, l2, tv, blur, jitter     of `maximise`; `steps` of `integrated` as well
    by            how a map is laid out: pca, tsne, umap
    seed          of what begins at random
    """

    layer: str | None = None
    unit: int | None = None
    class_: int | str | None = None
    most: int = 9
    window: int | None = None
    stride: int | None = None
    fill: Any = None
    steps: int | None = None
    l2: float = 0.01
    tv: float = 0.001
    blur: float = 0.5
    jitter: int = 1
    by: str = "pca"
    seed: int = 0


Source = Callable[[], Iterable[Named]]  # the examples, from the first again at each call
Make = Callable[[Network, Source, Options], Iterator[Plate]]


def picture(net: Network, what: str | Sequence[str], x: Any = None, *, names: Sequence[str] = (), theme: str = "light",
            **options: Any) -> Plates:
    """What a network looks at, as pictures: `.save("look.png")` or .html, and a notebook shows them.

    what     a word of KINDS, or several
    x        examples; `names` are what they are called
    options  those of `Options`

    Errors: a word or an option that is none; no examples, where they are needed; those of the kinds.
    """
    try:
        said = Options(**{("class_" if k == "class" else k): v for k, v in options.items()})
    except TypeError:
        odd = next(k for k in options if k not in Options.__dataclass_fields__)
        raise UsageError(f"there is no option `{odd}` of pictures", hint=near(odd, Options.__dataclass_fields__), code="unknown-argument") from None
    found = None if x is None else examples(net, x)
    called = list(names) or [str(k) for k in range(0 if found is None else len(found))]
    source: Source = list if found is None else lambda: [(called, found)]
    return plates(net, [what] if isinstance(what, str) else what, source, said, theme)


def plates(net: Network, what: Sequence[str], source: Source, options: Options, theme: str = "light") -> Plates:
    """The plates of several kinds."""
    colours, found = theme_of(theme), list[Plate]()
    for word in what:
        if word not in KINDS:
            alike = near(str(word), KINDS)
            raise UsageError(f"there is no picture of `{word}`", f"there are {', '.join(KINDS)}", hint=alike or "")
        found += KINDS[word](net, source, options)
    return Plates(tuple(found), colours)


def _filters(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    found = filters(net, o.layer)
    w = found.weights
    many, reads = w.shape[:2]
    title = f"{net.graph.name}: filters of {found.layer}"
    if reads in (1, 3) and w.ndim == 4:
        about = (f"{many} filters of {w.shape[2]}x{w.shape[3]} as they are, zero grey; each has its own scale. In the first layer of a net "
                 "that has learnt well they are smooth: edges, blobs, colours.")
        yield Plate(title, about, ((Panel(grid([enlarged(t, 56) for t in filter_tiles(w)])),),))
        return
    shown = w[:tiles.CHANNELS]
    about = (f"{min(many, len(shown))} of {many} filters, each a tile with its {reads} channels, blue below zero and red above."
             if w.ndim < 4 or w[0].size > reads else f"{many} filters of one place: a row each, a column for each of {reads} channels.")
    if w.ndim > 2 and w[0, 0].size == 1:
        sheet = tiles.marked(w.reshape(many, reads))
    else:
        sheet = grid([enlarged(t, 64) for t in filter_tiles(shown[:, :64])])
    yield Plate(title, about, ((Panel(sheet),),))
    yield Plate(f"{title}, how strong", "The norm of each filter (a row) in each channel that it reads (a column), from dark to light.",
                ((Panel(enlarged(heat(found.norms, 0), 4 * tiles.SIDE)),),))


def _activations(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    graph = net.graph
    named = [o.layer] if o.layer else [s.name for s in steps(graph) if not isinstance(s.head.op, Input)
                                       and getattr(s.head.op, "category", "") not in ("move", "noise")]
    for names, x in _some(source):
        found = net.activations(x, *named)
        found = found if isinstance(found, dict) else {named[0]: found}
        for k, name in enumerate(names):
            rows = [(Panel(tiles.example(x[k]), (name, *_said(net, [name], x[k:k + 1])[0])),)]
            for layer, a in found.items():
                v = a[k] if o.unit is None else a[k][number(net, o.unit, layer)][None]
                dead = int((np.abs(v.reshape(len(v), -1)).max(1) == 0).sum()) if v.ndim > 1 else int((v == 0).sum())
                said = f"{layer}: {'x'.join(map(str, a.shape[1:]))}" + (f", {min(len(v), tiles.CHANNELS)} shown" if v.ndim > 2 and len(v)
                                                                        > tiles.CHANNELS else "")
                rows.append((Panel(tiles.channels(v), (said, f"from {v.min():.3g} to {v.max():.3g}" + (f"; {dead} of {len(v)} are zero" if dead else ""))),))
            yield Plate(f"{graph.name}: what the layers make of {name}", "A tile for each channel, one scale for a layer: from dark to light, or blue below zero and red above.",
                        tuple(rows))


def _maps(net: Network, source: Source, title: str, about: str, make: Callable[[Array], Array],
          draw: Callable[[Array, Array, Tile], list[Panel]], asked: Callable[[Array], list[str]]) -> Iterator[Plate]:
    """A row for each picture: itself, and what is drawn of its map."""
    rows = []
    for names, x in _some(source):
        found, said, of = make(x), _said(net, names, x), asked(x)
        for k, name in enumerate(names):
            tile = tiles.example(x[k])
            first, *more = draw(found[k], x[k], tile)
            rows.append((Panel(tile, (name, *said[k])), Panel(first.tile, (f"for {of[k]}", *first.lines)), *more))
    yield Plate(title, about, tuple(rows))


def _saliency(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    unit = _unit(o)
    yield from _maps(net, source, f"{net.graph.name}: saliency", "The size of the gradient of the score at each pixel, the largest of its "
                     "channels, from dark to light (Simonyan, Vedaldi and Zisserman, 2014).", lambda x: saliency(net, x, unit, layer=_layer(o)),
                     lambda m, x, t: [Panel(tiles.mapped(m, t)), *_over(m, t)], lambda x: _classes(net, x, o))


def _guided(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    yield from _maps(net, source, f"{net.graph.name}: guided backpropagation", "The gradient of the score where rectifiers let nothing below "
                     "zero back, zero grey (Springenberg et al., 2015). It shows what was seen, and says little of what for.",
                     lambda x: guided(net, x, _unit(o), layer=_layer(o)), lambda g, x, t: [Panel(tiles.around(g))],
                     lambda x: _classes(net, x, o))


def _integrated(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    def draw(a: Array, x: Array, tile: Tile) -> list[Panel]:
        return [Panel(tiles.marked(a), (f"adds up to {a.sum():.4g}",))]

    yield from _maps(net, source, f"{net.graph.name}: integrated gradients", "What each pixel adds to the score (red) or takes from it (blue), "
                     "on the way from black to the picture; they add up to the score less that of black (Sundararajan et al., 2017).",
                     lambda x: integrated(net, x, _unit(o), layer=_layer(o), steps=o.steps or 50), draw,
                     lambda x: _classes(net, x, o))


def _gradcam(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = o.layer or last_maps(net.graph, scores(net))
    yield from _maps(net, source, f"{net.graph.name}: Grad-CAM of {layer}", f"Where {layer} saw what speaks for the class: its maps, each weighed "
                     "with the mean gradient of the score to it, from dark to light (Selvaraju et al., 2017).",
                     lambda x: gradcam(net, x, o.class_, layer=layer),
                     lambda m, x, t: [Panel(tiles.mapped(m, t, 0)), *_over(m, t, 0)],
                     lambda x: _classes(net, x, Options(class_=o.class_)))


def _occlusion(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    size = input_of(net).type.spatial

    def draw(m: Array, x: Array, tile: Tile) -> list[Panel]:
        spread = _spread(m, x.shape[1:], o)
        return [Panel(tiles.mapped(spread, tile, 0), (f"falls by {max(0.0, float(m.max())):.3g} at most",)), *_over(spread, tile, 0)]

    said = f" {sides(tuple(s or 1 for s in size), o.window, o.stride)[0]} pixels wide" if None not in size and len(size) == 2 else ""
    yield from _maps(net, source, f"{net.graph.name}: occlusion", f"By how much the answer falls with a square{said} over each place, from dark "
                     "to light: the mean over all squares that hide a pixel (Zeiler and Fergus, 2014).",
                     lambda x: occlusion(net, x, o.class_, window=o.window, stride=o.stride, fill=o.fill), draw,
                     lambda x: _classes(net, x, Options(class_=o.class_)))


def _spread(m: Array, size: tuple[int, ...], o: Options) -> Array:
    """A number for each pixel: the mean of those of all squares that hide it."""
    window, stride = sides(size, o.window, o.stride)
    total, times = np.zeros(size), np.zeros(size)
    for r, row in zip(begins(size[0], window, stride), m):
        for c, v in zip(begins(size[1], window, stride), row):
            total[r:r + window, c:c + window] += v
            times[r:r + window, c:c + window] += 1
    return np.asarray(total / np.maximum(times, 1))


def _exciting(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = o.layer or (scores(net) if o.class_ is not None else last_maps(net.graph, scores(net)))
    units = _units(net, layer, o, UNITS)
    best: dict[int, list[tuple[float, Panel]]] = {u: [] for u in units}
    for names, x in _some(source):
        for u in units:
            e = exciting(net, x, layer, u, most=o.most)
            best[u] += [(float(v), _favourite(x[n], names[n], e, k)) for k, (n, v) in enumerate(zip(e.numbers, e.values))]
            best[u] = sorted(best[u], key=lambda found: -found[0])[:o.most]
    rows = [tuple(Panel(p.tile, (f"unit {u}: {v:.4g}" if layer != scores(net) else f"{_name(net, u)}: {v:.4g}", *p.lines)) for v, p in found)
            for u, found in best.items()]
    yield Plate(f"{net.graph.name}: what excites {layer} most", "A row for each unit: the pictures in which it says most, the most exciting "
                "first, and around the place where it does what it sees of the picture.", tuple(rows))


def _favourite(x: Array, name: str, e: Excited, k: int) -> Panel:
    tile, window = tiles.example(x), e.windows[k]
    if x.ndim == 3 and len(window) == 2 and window != tuple((0, s - 1) for s in x.shape[1:]):
        tile = tiles.framed(tile, (window[0], window[1]), (x.shape[1], x.shape[2]))
    return Panel(tile, (name,))


def _maximise(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = _layer(o) or scores(net)
    units = _units(net, layer, o, 2 * UNITS)
    x, said = maximise(net, units, layer=layer, steps=o.steps or 128, l2=o.l2, tv=o.tv, blur=o.blur, jitter=o.jitter, seed=o.seed)
    panels = [Panel(tiles.example(x[k]), (_name(net, u) if layer == scores(net) else f"unit {u}", f"from {said[0, k]:.3g} to {said[-1, k]:.3g}"))
              for k, u in enumerate(units)]
    yield Plate(f"{net.graph.name}: what excites {layer}", "Pictures made by going up the gradient, from grey with a little noise; small, smooth "
                "and steady numbers are asked for as well (Simonyan et al., 2014; Yosinski et al., 2015).", in_rows(panels, 8))


def _neighbours(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = o.layer or last_features(net)
    names, small, rows = _held(net, source, layer)
    if len(rows) < 2:
        raise misuse("empty-batch", "neighbours are looked for of the first picture among the others, and there is one alone",
                     hint=Advice("netspec look RUN cat.jpg photos/ --what neighbours"))
    order, far = nearest(rows[:1], rows[1:], most=o.most)
    found = [Panel(small[k + 1], (names[k + 1], f"distance {d:.4g}")) for k, d in zip(order[0], far[0])]
    yield Plate(f"{net.graph.name}: nearest by {layer}", f"The first picture, and which of the {len(rows) - 1:,} others lie nearest to it in the "
                f"{rows.shape[1]:,} numbers of {layer}.", ((Panel(small[0], (names[0], "asked about")),), *in_rows(found, 9)))


def _map(net: Network, source: Source, o: Options) -> Iterator[Plate]:
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
    for some, x in _some(source):
        names += some
        small += [tiles.thumbnail(tiles.example(one), 112) for one in x]
        rows.append(features(net, x, layer=layer))
    return names, small, np.concatenate(rows)


def _some(source: Source) -> Iterator[Named]:
    """The examples. Errors: there are none."""
    empty = True
    for names, x in source():
        empty = False
        yield names, x
    if empty:
        raise misuse("empty-batch", "this looks at pictures, and none is given", hint=Advice("netspec look RUN PICTURE..."))


def _layer(o: Options) -> str | None:
    """The layer whose unit is asked about, in the place of a class."""
    return o.layer if o.class_ is None else None


def _unit(o: Options) -> int | str | None:
    return o.class_ if o.class_ is not None else o.unit


def _units(net: Network, layer: str, o: Options, most: int) -> list[int]:
    said = _unit(o)
    if said is not None:
        return [number(net, said, layer)]
    channels = net.graph.values[value_of(net.graph, layer)].type.channels or 1
    return list(range(min(channels, most)))


def _over(m: Array, below: Tile, low: float | None = None) -> list[Panel]:
    return [Panel(tiles.over(m, below, low))] if m.ndim == 2 else []


def _name(net: Network, k: int) -> str:
    return net.classes[k] if k < len(net.classes) else f"class {k}"


def _classes(net: Network, x: Array, o: Options) -> list[str]:
    """What each map is of."""
    layer = _layer(o)
    if layer is not None:
        return [f"unit {k} of {layer}" for k in chosen(net, x, _unit(o), layer)]
    return [_name(net, int(k)) for k in chosen(net, x, _unit(o), scores(net))]


def _said(net: Network, names: Sequence[str], x: Array) -> list[tuple[str, ...]]:
    """What the network answers of each, where its answer is short."""
    by = speaker([net], [net.graph.name])
    out = by.outputs([{input_of(net).name: x}], 64)[by.output]
    return [tuple(a.said()[:1]) if a.predictions else () for a in answers(by.reading, names, out, 1)]


KINDS: dict[str, Make] = {
    "filters": _filters, "activations": _activations, "occlusion": _occlusion, "saliency": _saliency, "guided": _guided,
    "integrated": _integrated, "gradcam": _gradcam, "exciting": _exciting, "maximise": _maximise, "neighbours": _neighbours, "map": _map,
}
