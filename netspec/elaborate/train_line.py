"""Lines of a train section, said from Python or on a command line."""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import Diagnostic, Label, SpecError, in_order
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
    try:
        file = library.add(parse(Source(name, f"net {graph.name}: input 1\ntrain {graph.name}:\n"
                                        + "".join(f"  {one}\n" for one in lines))))
        e = Elaborator(library, RULES)
        training = elaborate_training(e, file.definitions[graph.name], graph)
        if e.findings.mistakes or training is None:
            raise SpecError(*in_order(e.findings.mistakes))
    except SpecError as e:
        e.diagnostics = tuple(_as_said(d, said) for d in e.diagnostics)
        raise
    return training


def _as_said(d: Diagnostic, said: Source) -> Diagnostic:
    """A finding at the lines as they were said."""
    def moved(span: Span) -> Span:
        line, column, end_line, end_column = (max(1, n - HEAD) for n in span[1:])
        return Span(said, line, column, end_line, end_column)

    return replace(d, labels=tuple(Label(moved(label.span), label.text) if label.span.source.name == said.name else label
                                   for label in d.labels))
