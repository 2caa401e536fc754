"""The lines of a train section that say what becomes of its examples: `prepare` and `augment`. Both are of every input, or of
those they name: `prepare standardise @left`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...augmentations import AUGMENTATIONS
from ...diagnostics import near
from ...ir.graph import Graph, Input, Node, Value
from ...ir.types import TensorType
from ...preparations import PREPARATIONS, Preparation
from ...source import Span
from ...syntax import tree
from ...words import WordError
from ...words.faults import say_where
from ..binding.arguments import spot_name
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, refused
from .words import bound_word, class_named


def preparation_line(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None) -> Any:
    """`prepare standardise`: what these inputs can go through."""
    made, types = _word_of_inputs(PREPARATIONS, "preparation", e, s, c, graph)
    return _fitting(made, made.parameters, types, s)


def augmentation_line(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None) -> Any:
    """`augment crop pad=4`: a change of the training images that these images allow."""
    made, types = _word_of_inputs(AUGMENTATIONS, "augmentation", e, s, c, graph)
    return _fitting(made, made.check_input, types, s)


def _fitting(made: Any, ask: Callable[[TensorType], Any], types: list[TensorType], s: tree.Call) -> Any:
    """The word, unless it refuses one of these inputs when it is asked: then Mistake, at the line."""
    try:
        for t in types:
            ask(t)
    except WordError as w:
        raise refused(w, s.span) from None
    return made


def _word_of_inputs(registry: Any, sort: str, e: Elaborator, s: tree.Call, c: Context,
                    graph: Graph | None) -> tuple[Any, list[TensorType]]:
    """The word that a line names, with the names of the inputs it is of, and the types of these as far as they are known."""
    cls, rest = class_named(registry, sort, s, c)
    types = {n.name: n.type for n in (e.draft.nodes if graph is None else graph.nodes)
             if isinstance(n.op, Input) and n.op.role == "input"}
    certain = graph is not None or (bool(e.draft.inputs) and not e.coverage.maybe)
    names: list[str] = []
    for a in rest:
        if not isinstance(a, tree.Reference):
            continue
        name = ".".join(spot_name(x.name, x.index, c, None) for x in a.spots)
        if certain and name not in types and name not in e.draft.inputs:
            alike = near(name, types)
            raise Mistake("missing-reference", f"the net has no input @{name}", a.span, "not one of its inputs",
                          notes=("inputs: " + ", ".join(types),), hint=f"did you mean @{alike}?" if alike else None)
        if name in names:
            raise Mistake("duplicate-option", f"@{name} is given twice", a.span, "the second time")
        names.append(name)
    made = bound_word(cls, s, [a for a in rest if not isinstance(a, tree.Reference)], c)
    if names:
        made = replace(made, inputs=tuple(names))
        say_where(made, s.span)
    return made, [t for name, t in types.items() if not names or name in names]


def prepared(graph: Graph, lines: list[tuple[Any, Span]]) -> Graph:
    """The network with a node behind each input for every line that is of it, in order. Whatever reads the input reads the last
    of these instead; a loss whose target is the input reads the input.

        %input; %conv1 = conv(%input)      becomes      %input; %prepare1 = standardise(%input); %conv1 = conv(%prepare1)
    """
    taken = {n.name.split(".")[0] for n in graph.nodes}
    instead: dict[str, str] = {}  # what is read for each input
    nodes: list[Node] = []
    for n in graph.nodes:
        nodes.append(replace(n, inputs=tuple(instead.get(i, i) for i in n.inputs)) if instead.keys() & set(n.inputs) else n)
        if not (isinstance(n.op, Input) and n.op.role == "input"):
            continue
        for made, span in lines:
            if made.inputs and n.name not in made.inputs:
                continue
            name = next(f"prepare{k}" for k in range(1, len(taken) + 2) if f"prepare{k}" not in taken)
            taken.add(name)
            nodes.append(_node(name, replace(made, inputs=()), instead.get(n.name, n.name), n.type, span))
            instead[n.name] = name
    return replace(graph, nodes=tuple(nodes), outputs=tuple((public, instead.get(v, v)) for public, v in graph.outputs))


def _node(name: str, made: Preparation, reads: str, type_: TensorType, span: Span) -> Node:
    parameters = tuple(replace(p, name=f"{name}.{p.name}") for p in made.parameters(type_))
    return Node(name, made, (reads,), (Value(name, made.shape(type_)),), parameters, spans=(span,),
                notes=(span.source.line(span.line).strip()[:200],))
