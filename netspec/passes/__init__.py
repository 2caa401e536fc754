"""The pipeline. Read top to bottom: this is the compiler between a checked network and a backend.

A pass is a function from graph to graph in a file of its name; one with options is a frozen dataclass with `__call__`.
Valid in, valid out: `run` verifies after each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..ir.graph import Graph

Pass = Callable[[Graph], Graph]
Watch = Callable[[str, Graph], None]


def run(graph: Graph, passes: Iterable[Pass], after: Watch = lambda name, graph: None) -> Graph:
    """Apply each pass in turn; `after` sees the graph each leaves behind."""
    for p in passes:
        graph = p(graph).verify()
        after(name_of(p), graph)
    return graph


def name_of(p: Any) -> str:
    return str(getattr(p, "__name__", type(p).__name__))
