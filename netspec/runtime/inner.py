"""Values inside a network, by the names that a summary and a spec have for them."""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Advice, near
from ..ir.graph import Graph
from ..views.reading.steps import steps
from .misuse import misuse


def meant(graph: Graph, names: Sequence[str]) -> dict[str, str]:
    """The values that are meant, by these names; without any, of every step.

        conv1        the last of what the step `conv 16 3x3 bn relu` makes, as @conv1 in a spec; so is a label
        conv1.raw    what the convolution itself makes
        conv1.bn     one of the others
        stage2       what a scope hands on
        aux          an output

    Errors: a name that is none of these.
    """
    known = named(graph)
    found = {}
    for name in names or [step.name for step in steps(graph)]:
        if not isinstance(name, str):
            raise misuse("wrong-type", f"a value of the network has a name, a text, and this is a {type(name).__name__}",
                         hint='net.activations(x, "conv1")')
        asked = name.removeprefix("@")
        if asked not in known:
            alike = near(asked, known)
            raise misuse("unknown-name", f"nothing in this network is called `{name}`",
                         hint=f"did you mean `{alike}`?" if alike
                         else Advice(f"net.summary() has the names, some of which are: {', '.join(list(known)[:6])}"))
        found[name] = known[asked]
    return found


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
