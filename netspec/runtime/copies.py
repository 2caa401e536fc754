"""Independent copies of a network's state: `copy.deepcopy(net)`, and `pickle`, which is how one reaches another process.

A copy has the parameters and buffers, the optimiser's state, averages, counters, record and recipe, and memory of its own; it
trains on to the same bits. Gradients, plans and what the last `forward` saw are not copied. A pickle holds the graph and the
parsed spec with all that it imports, so it needs no file.

A copy may also differ in what training leaves alone: `net.freeze("stage1")` is what `frozen:` is in a text, and `net.unfreeze`
undoes either. Parameters of a frozen part do not move, and its batch norm uses and keeps the statistics that it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from ..diagnostics import Advice, near
from ..ir.graph import Graph, Node, Parameter
from .misuse import misuse
from .state import AVERAGE, State

Facts = dict[str, Any]
PARTS = ("course", "optimiser", "average", "draws", "learnt")


def facts(state: State) -> Facts:
    """All of a state as plain values and arrays that are nobody else's."""
    with state.gate.shared():
        slots = (*state.optimiser.slots, *((AVERAGE,) if state.average.taken else ()))
        return {"made of": (state.graph, state.device, str(state.dtype), state.seed, state.recipe, state.origin),
                "parts": {k: deepcopy(getattr(state, k)) for k in PARTS},
                "numbers": state.numbers(), "vectors": {slot: state.slot(slot) for slot in slots}}


def restored(held: Facts) -> State:
    """The state of such facts."""
    state = State(*held["made of"])
    vars(state).update(held["parts"])
    for name, value in held["numbers"].items():
        state.store.set(name, value)
    for slot, values in held["vectors"].items():
        state.fill(slot, values)
    return state


def marked(graph: Graph, marks: Iterable[tuple[str, bool]]) -> Graph:
    """The graph with these parts frozen (True) or not, each mark after the one before it. A part is a parameter, a layer, or what
    a scope or a label holds; an empty name is all.

    Errors: a name that nothing has.
    """
    for name, frozen in marks:
        names = {p.name for p in graph.parameters if _of(name, p.name)}
        nodes = {n.name for n in graph.nodes if _of(name, n.name)}
        if not names and not nodes:
            known = sorted({".".join(p.name.split(".")[:k]) for p in graph.parameters for k in range(1, p.name.count(".") + 2)})
            meant = near(name, known)
            some = Advice(f"some of them: {', '.join(dict.fromkeys(k.partition('.')[0] for k in known))}")
            raise misuse("unknown-name", f"there is no part `{name}` of {graph.name}",
                         hint=f"did you mean {meant}?" if meant else some)
        graph = graph.with_nodes([_changed(n, names, n.name in nodes, frozen) for n in graph.nodes])
    return graph


def _of(part: str, name: str) -> bool:
    return not part or name == part or name.startswith(part + ".")


def _changed(n: Node, names: set[str], inside: bool, frozen: bool) -> Node:
    def changed(p: Parameter) -> Parameter:
        return replace(p, trainable=not frozen) if p.name in names and p.kind != "buffer" else p

    parameters = tuple(map(changed, n.parameters))
    attrs = tuple(a for a in n.attrs if a[0] != "frozen") if inside else n.attrs
    return replace(n, parameters=parameters, op=changed(n.op) if isinstance(n.op, Parameter) else n.op,
                   attrs=(*attrs, ("frozen", True)) if inside and frozen else attrs)


def frozen(state: State, names: Iterable[str], yes: bool) -> State:
    """The network with these parts frozen or not: its numbers and how far it is are the same, the optimiser and the average of
    the parameters start anew."""
    marks = [(name, yes) for name in names]
    graph = marked(state.graph, marks)
    held = facts(state)
    _, *made = held["made of"]
    origin = replace(state.origin, marks=(*state.origin.marks, *marks)) if state.origin is not None else None
    new = restored(held | {"made of": (graph, *made[:-1], origin), "vectors": {}})
    new.average.taken = 0
    new.optimiser = type(new.optimiser)()
    return new
