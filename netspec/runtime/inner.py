"""Values inside a network, by the names that a summary and a spec have for them."""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Advice, near
from ..ir.graph import Graph
from ..views.reading.names import named
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
