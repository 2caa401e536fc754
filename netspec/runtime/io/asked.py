"""What a network asks of its data: sizes of pictures, a sort of targets, and as many classes as it can answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...diagnostics import Advice, NetspecError
from ...ir.graph import Graph
from ...passes.objective import Term, target_types
from ...words.dataset import Data, DataError, Request, Wants


def request(graph: Graph, terms: tuple[Term, ...], seed: int = 0) -> Request:
    """For a network with these losses; where there are none, nobody says what targets are wanted."""
    kinds = {t.element == "int" for t in target_types(graph, terms).values()}
    wants: Wants | None = None if not terms or len(
        kinds) > 1 else "classes" if True in kinds else "numbers" if kinds else "nothing"
    return Request(inputs={n.name: n.type.shape for n in graph.inputs}, seed=seed, wants=wants)


def as_many_classes(graph: Graph, terms: tuple[Term, ...], data: Data) -> None:
    """Refuse data whose classes have names, and are more or fewer than the channels of an output that is judged by them. One
    number may stand for two classes: 0 for the first, 1 for the second."""
    outputs, sources, many = dict(graph.outputs), target_types(graph, terms), len(data.classes)
    for t in terms if many else ():
        channels = graph.values[outputs[t.output]].type.channels if t.source in sources else None
        if channels in (None, many) or (channels == 1 and many == 2 and sources[t.source].element != "int"):
            continue
        raise DataError(
            f"{data.name} has {many:,} classes, and output `{t.output}` has {channels:,} channel{'s' * (channels != 1)}",
                        f"the classes are: {', '.join(data.classes[:8])}{', ...' * (many > 8)}", "there is a channel for each",
                        hint=_last(graph, outputs[t.output], many), code="class-count")


@contextmanager
def said_of(name: str | None) -> Iterator[None]:
    """What is refused of a data set's arrays is said with its name; other arrays have none."""
    try:
        yield
    except NetspecError as e:
        if name is not None:
            e.diagnostics = tuple(replace(d, notes=(*d.notes, f"the data are {name}")) for d in e.diagnostics)
        raise


def _last(graph: Graph, value: str, classes: int) -> str:
    """The last step that learns something, with so many channels."""
    node = graph.maker[value]
    while True:
        op: Any = node.op
        for field in ("units", "filters"):
            if hasattr(op, field):
                return str(replace(op, **{field: classes}))
        if not node.inputs:
            return Advice(f"the last step makes {classes} channels")
        node = graph.maker[node.inputs[0]]
