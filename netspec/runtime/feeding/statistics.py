"""Batches too small for the statistics that layers take of them."""

from __future__ import annotations

from ...ir.graph import Graph
from ...ir.types import shape_text
from ..misuse import misuse


def check_statistics(graph: Graph, n: int, last_of: int = 0, batch: int = 0) -> None:
    """A layer that takes statistics of the batch needs more than one value a channel to have a variance. `last_of` are the
    examples of an epoch, in batches of `batch`, whose last one this is."""
    if n > 1:
        return  # every example has a value a channel at least
    for node in graph.nodes:
        if (called := getattr(node.op, "statistics", "")) and not dict(node.attrs).get("frozen"):
            t = node.type
            values = n * t.batch
            for s in t.spatial:
                values *= s or 0
            if values < 2:
                raise misuse("one-value", f"{called} `{node.name}` would see one value a channel, which has no variance",
                             f"the {'last ' if last_of else ''}batch has {n} example{'s' if n != 1 else ''}, and the plane there is {shape_text(t.spatial) or 'one place'}",
                             *([f"{last_of} examples in batches of {batch} leave {n} over; in a train section the line `drop_last` leaves them out"] if last_of else []),
                             hint="drop_last=True" if last_of
                             else "mode=\"eval\"  takes the running statistics; else train on batches of two or more")
