"""Lines of a train section, said from Python or on a command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..diagnostics import Label, SpecError, in_order
from ..ir.graph import Graph
from ..ir.training import Training
from ..source import Source, Span
from ..syntax.parser import parse
from .model.elaborator import Elaborator
from .model.files import Library
from .statements.table import RULES
from .train.section import elaborate_training

HEAD = 2  # lines before those that are said, and blanks before each


def train_line(line: str, graph: Graph, name: str = "<python>") -> Training:
    """What one line of a train section, or several of them, mean together for this graph. `name` is where they were said. Raises
    SpecError with the line, by its number among these, and a caret."""
    library = Library()
    lines = line.split("\n")
    said = Source(name, "\n".join(lines))
    whole = Source(name, f"net {graph.name}: input 1\ntrain {graph.name}:\n" + "".join(f"  {one}\n" for one in lines))

    def moved(span: Span) -> Span:
        """A place as it was said: without the lines before, and the blanks before each."""
        return Span(said, *(max(1, n - HEAD) for n in span[1:])) if span.source is whole else span

    try:
        module = parse(whole)
        file = library.add(replace(module, items=_with_spans(module.items, moved)))
        e = Elaborator(library, RULES)
        training = elaborate_training(e, file.definitions[graph.name], graph)
        if e.findings.mistakes or training is None:
            raise SpecError(*in_order(e.findings.mistakes))
    except SpecError as e:
        e.diagnostics = tuple(replace(d, labels=tuple(Label(moved(label.span), label.text) for label in d.labels))
                              for d in e.diagnostics)
        raise
    return training


def _with_spans(part: Any, moved: Callable[[Span], Span]) -> Any:
    """A part of a tree, its places moved."""
    if isinstance(part, Span):
        return moved(part)
    if isinstance(part, tuple):
        return tuple(_with_spans(one, moved) for one in part)
    if hasattr(part, "__dataclass_fields__") and hasattr(part, "span"):
        return replace(part, **{f.name: _with_spans(getattr(part, f.name), moved) for f in fields(part)})
    return part
