"""The pipeline. Read top to bottom: this is the compiler between a checked network and a backend.

A pass is a function from graph to graph in a file of its name; one with options is a frozen dataclass with `__call__`. What
is valid stays valid: `run` verifies after each.

A pipeline is a tuple of passes. Where a pass needs to know what is being made (the losses, the device), the tuple holds its
class, and `given` gives it the options that its fields name. A pass that is put into a tuple shows in `netspec show program
--after`, and in the tests that execute both of its sides, without another line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any

from ..ir.graph import Graph
from .absorb_moves import absorb_moves
from .common_subexpressions import common_subexpressions
from .differentiate import differentiate
from .drop_dead import drop_dead
from .infer_shapes import infer_shapes
from .lower import lower

Pass = Callable[[Graph], Graph]
Pipeline = tuple[Pass | type[Any], ...]
Watch = Callable[[str, Graph], None]

INFERENCE: Pipeline = (infer_shapes(), lower(training=False))
TRAINING: Pipeline = (infer_shapes(), lower(training=True), differentiate)
SIMPLIFY: Pipeline = (common_subexpressions, drop_dead, absorb_moves)  # what every backend begins with


def run(graph: Graph, passes: Iterable[Pass], after: Watch = lambda name, graph: None) -> Graph:
    """Apply each pass in turn; `after` sees the graph each leaves behind."""
    for p in passes:
        graph = p(graph).verify()
        after(name_of(p), graph)
    return graph


def given(pipeline: Pipeline, **options: Any) -> Iterator[Pass]:
    """The passes of a pipeline, with those options that their fields name."""
    for p in pipeline:
        yield p(**{f.name: options[f.name] for f in fields(p) if f.name in options}) if isinstance(p, type) else p


def name_of(p: Any) -> str:
    return str(getattr(p, "__name__", type(p).__name__))


def names_of(*pipelines: Pipeline) -> list[str]:
    """Every pass once, in the order of the pipelines; what only a later one has stands right after what comes before it there."""
    names: list[str] = []
    for pipeline in pipelines:
        at = 0
        for name in dict.fromkeys(map(name_of, pipeline)):
            if name not in names:
                names.insert(at, name)
            at = names.index(name) + 1
    return names
