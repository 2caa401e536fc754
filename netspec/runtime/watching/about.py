"""What the statistics of a run are of: its layers, what its loss can come to, and what `check` warns of."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import NetspecError
from ...elaborate.model.files import Library
from ...elaborate.one_net import elaborated
from ...ir.graph import Graph
from ...layers import Layer
from ...syntax import tree
from ..feeding.feed import Examples
from ..state import State
from .probe import Probe, layers
from .tiles import FILTERS, NUMBERS

Array = NDArray[Any]
KINDS = ("weight", "length", "slope")  # of parameters that are counted as a layer's weights
SPOIL = ("not-logits", "not-probabilities", "not-log-probabilities", "unconnected")  # warnings of what spoils a training


def about(state: State, graph: Graph, probe: Probe | None) -> dict[str, Any]:
    """All of it, as JSON has it."""
    return {"layers": [s.data() for s in layers(graph)], **guess(state, graph), **reachable(state, graph, probe),
            "frozen": frozen(state, graph), "noise": noise(graph), "narrow": narrowest(graph), "first": first_filters(state, graph),
            "augment": ", ".join(map(str, state.recipe.augmentation))}


def guess(state: State, graph: Graph) -> dict[str, Any]:
    """What answers cost that prefer nothing, and how many classes there are."""
    types = [graph.values[graph.public[t.output]].type for t in state.recipe.terms]
    costs = [t.loss.uninformed(type_) for t, type_ in zip(state.recipe.terms, types)]
    labelled = next((type_.channels for t, type_ in zip(state.recipe.terms, types) if t.target != "input"
                     and t.loss.target(type_).element == "int"), None)
    cost = None if not costs or any(c is None for c in costs) else sum(t.weight * (c or 0.0) for t,
                                                                       c in zip(state.recipe.terms, costs))
    return {"guess": cost, "classes": labelled}


def reachable(state: State, graph: Graph, probe: Probe | None) -> dict[str, Any]:
    """Of the probe's targets: the least that the loss can be (`floor`), what the best answer costs that is the same to all of
    them (`constant`), what the first loss reads, and of numbers that it judges the mean, the deviation, and whether they are few
    whole ones."""
    found: dict[str, Any] = {}
    if probe is None or not state.recipe.terms:
        return found
    terms = [(t, graph.values[graph.public[t.output]].type, _targets(t.source, graph, probe.batches)) for t in state.recipe.terms]
    for name, alike in (("floor", False), ("constant", True)):
        costs = [None if a is None else t.loss.least(type_, a, alike) for t, type_, a in terms]
        if all(c is not None for c in costs):
            found[name] = sum(t.weight * (c or 0.0) for (t, _, _), c in zip(terms, costs))
    term, _, first = terms[0]
    found["reads"] = term.loss.reads
    if first is not None and term.target != "input" and first.dtype.kind == "f" and term.loss.reads == "numbers":
        values = np.unique(first[:, :1]) if first[0].size == 1 else np.empty(0)
        found["targets"] = {"mean": float(first.mean()), "std": float(first.std()), "low": float(first.min()),
                            "whole": bool(2 <= len(values) <= len(first) // 4 and (values == np.round(values)).all())}
    return found


def _targets(source: str, graph: Graph, batches: Sequence[Examples]) -> Array | None:
    """What a loss compares with, of all these examples."""
    own = next((n.name for n in graph.inputs), "") if source == "input" else source
    parts = [b.targets[source] if source in b.targets else b.inputs.get(own) for b in batches]
    return None if any(p is None for p in parts) else np.concatenate([np.asarray(p) for p in parts])


def frozen(state: State, graph: Graph) -> dict[str, Any]:
    """The layers whose weights do not move, and their share of all weights."""
    moves = {name for factors, names in state.rates.groups.items() if dict(factors).get("lr", 1.0) for name in names}
    weights = [p for p in graph.parameters if p.kind in KINDS]
    held = [p for p in weights if p.name not in moves]
    names = dict.fromkeys(n.name for n in graph.nodes if any(p in held for p in n.parameters)
                          and not any(p.name in moves for p in n.parameters))
    return {"layers": list(names), "share": sum(p.size for p in held) / max(1, sum(p.size for p in weights))}


def noise(graph: Graph) -> list[dict[str, Any]]:
    """The layers that drop numbers in training, and with which probability."""
    return [{"name": n.name, "step": str(n.op), "rate": float(getattr(n.op, "rate", 0.0))} for n in graph.nodes
            if isinstance(n.op, Layer) and n.op.category == "noise"]


def narrowest(graph: Graph) -> dict[str, Any]:
    """Where the fewest numbers pass from the input to the output, of one example: which step hands them on, and how many. Of the
    places between two steps that one at which the values that are still read afterwards are smallest together."""
    until = {v: k for k, n in enumerate(graph.nodes) for v in n.inputs}
    last = {v for _, v in graph.outputs}
    live: dict[str, int] = {}
    best: tuple[int, str] | None = None
    for k, n in enumerate(graph.nodes):
        if any(v.name in last for v in n.results):
            break
        live = {v: size for v, size in {**live, **{v.name: v.type.size for v in n.results}}.items() if until.get(v, -1) > k}
        if live and isinstance(n.op, Layer) and (best is None or sum(live.values()) < best[0]):
            best = sum(live.values()), n.name
    return {} if best is None else {"name": best[1], "numbers": best[0]}


def warned(module: tree.Module | None, net: str) -> list[dict[str, str]]:
    """What `check` warns of in a net, of what spoils its training."""
    if module is None:
        return []
    try:
        library = Library()
        file = library.add(module)
        found = elaborated(library, file, file.definitions[net], {}, None)[0].findings.all
    except (NetspecError, KeyError):
        return []
    return [{"code": d.code, "title": d.title, "said": "; ".join(d.notes), "advice": str(d.hint or "")} for d in found
            if d.severity == "warning" and d.code in SPOIL]


def first_filters(state: State, graph: Graph) -> dict[str, Any]:
    """The weights of the first layer that has filters, few enough to be looked at."""
    for s in layers(graph):
        for p in s.weights[:1]:
            w = state.store.get(p)
            if w.ndim >= 4 and min(w.shape[2:]) > 1:
                w = w[:FILTERS]
                return {} if w.size > NUMBERS else {"layer": s.name, "weight": p, "shape": list(w.shape), "half": packed(w)}
    return {}


def packed(a: Array) -> str:
    """Numbers as text, in half precision."""
    return base64.b64encode(a.astype("<f2").tobytes()).decode()


def unpacked(text: str, shape: Any) -> Array:
    return np.frombuffer(base64.b64decode(text), "<f2").reshape(shape).astype(np.float64)
