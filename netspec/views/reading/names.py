"""What a value of a network can be asked for by: the names that a summary and a spec have for it."""

from __future__ import annotations

from ...ir.graph import Graph
from .steps import steps


def named(graph: Graph) -> dict[str, str]:
    """Every name that a value can be asked for by, and the value; those of steps come first, in their order."""
    out = {step.name: step.last.name for step in steps(graph)}
    out |= {f"{step.name}.raw": step.head.name for step in steps(graph) if len(step.nodes) > 1}
    out |= {v: v for v in graph.values if v not in out}
    for scope, value in _scopes(graph).items():
        out.setdefault(scope, value)
    for public, value in graph.outputs:
        out.setdefault(public, value)
    return out


def _scopes(graph: Graph) -> dict[str, str]:
    """What each scope hands on: the last of its values that something outside reads, or that is an output."""
    inside: dict[str, list[str]] = {}
    for node in graph.nodes:
        parts = node.name.split(".")
        for k in range(1, len(parts)):
            inside.setdefault(".".join(parts[:k]), []).append(node.name)
    outputs = {v for _, v in graph.outputs}
    read = {v: {n.name for n in readers} for v, readers in graph.readers.items()}

    def handed(scope: str, values: list[str]) -> str:
        outwards = [v for v in values if any(not r.startswith(scope + ".") for r in read[v])]
        return (outwards or [v for v in values if v in outputs] or values)[-1]

    return {scope: handed(scope, values) for scope, values in inside.items()}
