"""What a network is asked, as far as others have to be asked the same to answer together with it."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.graph import Graph
from ...ir.types import Shape, shape_text
from ...passes.objective import Term
from ...words.metric import Targets
from ..measuring.tallies import judged, last_step
from ..state import State

SHOWN = 8  # names of classes in a message


@dataclass(frozen=True)
class Question:
    """What one output answers: which of some classes, yes or no to each of some labels, or numbers; of each place, where it is a
    map. `names` are those of the classes, or of the numbers, where they have some."""

    output: str
    kind: Targets
    shape: Shape
    names: tuple[str, ...]

    def same(self, other: Question) -> bool:
        """Whether another one asks the same; names that only one of them has do not count."""
        return (self.output, self.kind, self.shape) == (other.output, other.kind, other.shape) and (
            not self.names or not other.names or self.names == other.names)

    def __str__(self) -> str:
        many, *places = self.shape or (None,)
        names = ", ".join(self.names[:SHOWN]) + ", ..." * (len(self.names) > SHOWN)
        what = {"classes": f"which of {many} classes", "marks": f"yes or no to {many} labels", "numbers": f"{many} numbers"}[self.kind]
        where = f", for each of {shape_text(tuple(places))} places" if any(p != 1 for p in places) else ""
        return what + where + (f": {names}" if names else "")


def question(state: State, output: str) -> Question:
    """What an output of a network answers; its losses say it, or its last step."""
    graph, learnt, kind = state.graph, state.learnt, kind_of(state.graph, state.recipe.terms, output)
    names = learnt.columns if kind == "numbers" else learnt.classes
    return Question(output, kind, graph.values[graph.public[output]].type.shape, names)


def kind_of(graph: Graph, terms: tuple[Term, ...], output: str) -> Targets:
    """What the numbers of an output are read as."""
    found = judged(graph, terms).get(output)
    if found:
        return next((m.kind for m in found if m.kind != "numbers"), "numbers")
    last = last_step(graph, output)
    if not getattr(last, "gives", ""):
        return "numbers"
    return "classes" if (last.log_of or last.name) == "softmax" else "marks"  # a sigmoid says yes or no to each by itself


def apart(one: Question, other: Question) -> tuple[str, str]:
    """Two of them in words that tell them apart."""
    if str(one) != str(other):
        return str(one), str(other)
    if one.output != other.output:
        return f"output {one.output}, {one}", f"output {other.output}, {other}"
    return f"{one} ({len(one.names)} names)", f"{other} ({len(other.names)} names)"
