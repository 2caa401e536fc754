"""One line of a train section, said from Python."""

from __future__ import annotations

from ..diagnostics import SpecError, in_order
from ..ir.graph import Graph
from ..ir.training import Training
from ..source import Source
from ..syntax.parser import parse
from .model.elaborator import Elaborator
from .model.files import Library
from .statements.table import RULES
from .train.section import elaborate_training


def train_line(line: str, graph: Graph, name: str = "<python>") -> Training:
    """What one line of a train section means for this graph. `name` is where it was said. Raises SpecError with the line and a
    caret."""
    library = Library()
    file = library.add(parse(Source(name, f"net {graph.name}: input 1\ntrain {graph.name}:\n  {line}\n")))
    e = Elaborator(library, RULES)
    training = elaborate_training(e, file.definitions[graph.name], graph)
    if e.findings.mistakes or training is None:
        raise SpecError(*in_order(e.findings.mistakes))
    return training
