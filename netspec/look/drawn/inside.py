"""The kinds that show a network's own numbers: its filters, and what its layers make of a picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...ir.graph import Input
from ...runtime.network import Network
from ...views.look import tiles
from ...views.look.plate import Panel, Plate
from ...views.pictures import enlarged, filter_tiles, grid, heat
from ...views.reading.steps import steps
from ..asked import number
from ..filters import filters
from .options import Options, Source, answers_of, some


def of_filters(net: Network, source: Source, o: Options) -> Iterator[Plate]:
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


def of_activations(net: Network, source: Source, o: Options) -> Iterator[Plate]:
    graph = net.graph
    named = [o.layer] if o.layer else [s.name for s in steps(graph) if not isinstance(s.head.op, Input)
                                       and getattr(s.head.op, "category", "") not in ("move", "noise")]
    for names, x in some(source):
        found = net.activations(x, *named)
        found = found if isinstance(found, dict) else {named[0]: found}
        for k, name in enumerate(names):
            rows = [(Panel(tiles.example(x[k]), (name, *answers_of(net, [name], x[k:k + 1])[0])),)]
            for layer, a in found.items():
                v = a[k] if o.unit is None else a[k][number(net, o.unit, layer)][None]
                dead = int((np.abs(v.reshape(len(v), -1)).max(1) == 0).sum()) if v.ndim > 1 else int((v == 0).sum())
                said = f"{layer}: {'x'.join(map(str, a.shape[1:]))}" + (f", {min(len(v), tiles.CHANNELS)} shown" if v.ndim > 2 and len(v)
                                                                        > tiles.CHANNELS else "")
                rows.append((Panel(tiles.channels(v), (said, f"from {v.min():.3g} to {v.max():.3g}" + (f"; {dead} of {len(v)} are zero" if dead else ""))),))
            yield Plate(f"{graph.name}: what the layers make of {name}", "A tile for each channel, one scale for a layer: from dark to light, or blue below zero and red above.",
                        tuple(rows))
