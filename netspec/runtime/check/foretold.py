"""What training would refuse, where there is something to look at; what looks loads NumPy."""

from __future__ import annotations

from ...diagnostics import Diagnostic
from ...ir.graph import Graph


def foretold(graph: Graph) -> list[Diagnostic]:
    """Refusals of the train section, and of files of weights; what reads no files and changes no images loads nothing for it."""
    t = graph.training
    looks = t is not None and (t.augmentation or (t.data is not None and t.data.op.foretold))
    if not looks and not any(p.file for p in graph.parameters):
        return []
    from .rehearsal import refusals

    return refusals(graph)
