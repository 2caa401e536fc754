"""Everything wrong with a page, and the graphs of its nets: what `netspec check` says of a file, said of a text."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from ..diagnostics import Diagnostic, NetspecError, told
from ..elaborate.check import check_module
from ..ir.graph import Graph
from ..runtime.check.foretold import foretold
from ..source import Source
from ..syntax.load import decoded
from ..syntax.parser import parse_recovering
from ..syntax.tree import Module


@dataclass(frozen=True)
class Findings:
    """What was found, in the order of the page, and the graphs of the nets that are well; of the others what there is."""

    source: Source
    found: tuple[Diagnostic, ...]
    graphs: dict[str, Graph]
    parts: dict[str, Graph]
    looked: float = 0.0  # seconds that looking at files took
    module: Module | None = None  # its tree; None of what is no text


def findings(source: Source, files: bool = True) -> Findings:
    """Check a text. Without `files` nobody looks whether data and weights fit."""
    graphs: dict[str, Graph] = {}
    parts: dict[str, Graph] = {}
    looked = 0.0
    module = None

    def each(graph: Graph) -> list[Diagnostic]:
        nonlocal looked
        graphs[graph.name] = graph
        if not files:
            return []
        began = perf_counter()
        refused = foretold(graph)
        looked += perf_counter() - began
        return refused

    try:
        decoded(source.text.encode("utf-8", "surrogatepass"), source.name)
        module, mistakes = parse_recovering(source)
        found = check_module(module, mistakes, also=each, partly=lambda graph: parts.update({graph.name: graph}))
    except NetspecError as e:  # no text, or a word of a user's whose code is wrong
        found = list(e.diagnostics)
    return Findings(source, told(found), graphs, parts, looked, module)
