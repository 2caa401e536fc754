"""The kinds that are about units: pictures that excite one, found or made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from ...runtime.network import Network
from ...views.look import tiles
from ...views.look.plate import Panel, Plate, in_rows
from ..asked import scores
from ..exciting import Excited, exciting
from ..gradcam import last_maps
from ..maximise import maximise
from .options import Options, Source, layer_asked, name_of, some, units_asked

Array = NDArray[Any]
UNITS = 8  # of a layer, whose favourites are shown where none is named


def of_exciting(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = o.layer or (scores(net) if o.class_ is not None else last_maps(net.graph, scores(net)))
    units = units_asked(net, layer, o, UNITS)
    best: dict[int, list[tuple[float, Panel]]] = {u: [] for u in units}
    for names, x in some(source):
        for u in units:
            e = exciting(net, x, layer, u, top=o.top)
            best[u] += [(float(v), _favourite(x[n], names[n], e, k)) for k, (n, v) in enumerate(zip(e.numbers, e.values))]
            best[u] = sorted(best[u], key=lambda found: -found[0])[:o.top]
    rows = [tuple(Panel(p.tile, (f"unit {u}: {v:.4g}" if layer != scores(net) else f"{name_of(net, u)}: {v:.4g}", *p.lines)) for v, p in found)
            for u, found in best.items()]
    yield Plate(f"{net.graph.name}: what excites {layer} most", "A row for each unit: the pictures in which it says most, the most exciting "
                "first, and around the place where it does what it sees of the picture.", tuple(rows))


def of_maximise(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    layer = layer_asked(o) or scores(net)
    units = units_asked(net, layer, o, 2 * UNITS)
    x, said = maximise(net, units, layer=layer, steps=o.steps or 128, l2=o.l2, tv=o.tv, blur=o.blur, jitter=o.jitter, seed=o.seed)
    panels = [Panel(tiles.example(x[k]), (name_of(net, u) if layer == scores(net) else f"unit {u}", f"from {said[0, k]:.3g} to {said[-1, k]:.3g}"))
              for k, u in enumerate(units)]
    yield Plate(f"{net.graph.name}: what excites {layer}", "Pictures made by going up the gradient, from grey with a little noise; small, smooth "
                "and steady numbers are asked for as well (Simonyan et al., 2014; Yosinski et al., 2015).", in_rows(panels, 8))


def _favourite(x: Array, name: str, e: Excited, k: int) -> Panel:
    tile, window = tiles.example(x), e.windows[k]
    if x.ndim == 3 and len(window) == 2 and window != tuple((0, s - 1) for s in x.shape[1:]):
        tile = tiles.framed(tile, (window[0], window[1]), (x.shape[1], x.shape[2]))
    return Panel(tile, (name,))
