"""Pooling that splits an image unevenly, as PyTorch's newer exporter writes it: every place of every window is gathered, what is
outside of a window is masked, the rest is summed and divided by how many there are. Where nothing is masked it ends in a mean.
That is known by what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...layers.parts.adaptive import equation, matrix
from .newest import constant

Array = NDArray[Any]
CLOSE = 1e-5


def gathered(g: Any) -> None:
    """Put a product with a matrix of means for each axis, which `avgpool to=` reads, in its place in a graph (plain.Plain)."""
    for gather in [n for n in g.nodes if n.op == "GatherND"]:
        turn = gather.source(0)
        if turn is None or turn.op != "Transpose" or gather.array(1) is None:
            continue
        between = list(_behind(g, turn))
        end = next((n for n in between if n.op in ("Div", "ReduceMean") and n.array(1) is not None and n.out is not None
                    and len(n.out.shape) == len(g.shapes[turn.inputs[0]]) - 1), None)
        if end is None or not _is_mean(g, turn, between, end):
            continue
        old, new = g.shapes[turn.inputs[0]][2:], g.shapes[end.outputs[0]][2:]
        means = (constant(end, f"means{k}", np.array(matrix(w, o), np.float32)) for k, (w, o) in enumerate(zip(old, new)))
        g.nodes[g.nodes.index(end)] = replace(end, op="Einsum", inputs=(turn.inputs[0], *means),
                                              attributes={"equation": equation(len(new))})


def _behind(g: Any, turn: Any) -> Iterator[Any]:
    """The nodes that read nothing but constants and what comes from this one, itself included, in order."""
    known = set(turn.outputs)
    yield turn
    for n in g.nodes:
        computed = [i for i in n.inputs if i and i not in g.constants]
        if computed and all(i in known for i in computed):
            known.update(n.outputs)
            yield n


def _is_mean(g: Any, turn: Any, between: list[Any], end: Any) -> bool:
    """Whether what leads to the end gives the means of windows, for numbers at random."""
    x = np.random.default_rng(0).standard_normal(g.shapes[turn.inputs[0]])
    values: dict[str, Array] = {turn.inputs[0]: x}
    for n in between[:between.index(end) + 1]:
        if n.op not in MEANING:
            return False
        arrays = [g.constants[i] if i in g.constants else values[i] for i in n.inputs if i]
        try:
            values[n.outputs[0]] = MEANING[n.op](n, *arrays)
        except (IndexError, ValueError):
            return False
    got: Array = values[end.outputs[0]]
    want = x
    for k, o in enumerate(got.shape[2:]):
        want = np.moveaxis(np.moveaxis(want, k + 2, -1) @ np.array(matrix(x.shape[k + 2], o)).T, -1, k + 2)
    return got.shape == want.shape and bool(np.abs(got - want).max() < CLOSE)


def _slice(n: Any, x: Array, starts: Array, ends: Array, axes: Array) -> Array:
    where = [slice(None)] * x.ndim
    for a, b, axis in zip(starts.tolist(), ends.tolist(), axes.tolist()):
        where[axis] = slice(a, b)
    return x[tuple(where)]


MEANING: dict[str, Callable[..., Array]] = {
    "Transpose": lambda n, x: x.transpose(n.attributes["perm"]),
    "GatherND": lambda n, x, at: x[tuple(np.moveaxis(at, -1, 0))],
    "Gather": lambda n, x, at: np.take(x, at, n.attributes["axis"]),
    "Where": lambda n, *a: np.where(*a),
    "Slice": _slice,
    "Reshape": lambda n, x, *_: x.reshape(n.graph.shapes[n.outputs[0]]),
    "Add": lambda n, x, y: x + y,
    "ReduceMean": lambda n, x, axes: x.mean(tuple(axes.reshape(-1).tolist()), keepdims=bool(n.attributes.get("keepdims", 1))),
    "Div": lambda n, x, y: x / y,
}
