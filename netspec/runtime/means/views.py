"""Predictions from several views of an example, and from several networks: the mean of what is said of it.

ten_crop  the four corners and the middle of a picture, each of the size of the network's input, and the mirror image of each, as
          in Krizhevsky, Sutskever and Hinton, 2012. A picture of the size of the input is enlarged to 256/224 of it first,
          rounded (bilinear); a larger one is cut as it is.
flip      the example and its mirror image, left to right

Means are taken of probabilities: where an output holds logits, or logarithms, it holds those of the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...augmentations.parts.sampling import stretched
from ...backends.executor import Outcome
from ...backends.reference.executor import ReferenceExecutor
from ...diagnostics import Advice
from ...ir.graph import Graph, Input, Node, Value
from ...ir.types import TensorType, shape_text
from ...passes.objective import Term
from ..io import arrays
from ..measuring.probabilities import sigmoid, softmax
from ..measuring.tallies import judged
from ..misuse import misuse

Array = NDArray[Any]
Inputs = Mapping[str, Array]
Said = Callable[[dict[str, Array]], dict[str, Array]]  # the outputs for a batch of inputs
TINY = 1e-300  # what a probability of 0 is in a logarithm


def larger(size: int) -> int:
    """The side of a picture of which ten crops of this size are taken."""
    return round(size * 256 / 224)


@dataclass(frozen=True)
class Views:
    """What a network is shown of each example."""

    graph: Graph
    ten_crop: bool = False
    flip: bool = False

    def __post_init__(self) -> None:
        if not self:
            return
        what = "ten_crop" if self.ten_crop else "flip"
        if not self.pictures:
            raise misuse("wrong-rank", f"{what} needs pictures, and {self.graph.name} has no input with a height and a width")
        for n in self.pictures if self.ten_crop else ():
            if not n.type.known:
                raise misuse("unknown-size", f"ten crops have the size of the input, and `{n.name}` is {shape_text(n.type.shape)}",
                             hint='compile(..., input=(3, 224, 224))')
        maps = [public for public, v in self.graph.outputs if self.ten_crop and _is_map(self.graph.values[v].type)]
        if maps:
            raise misuse("bad-value", f"the output `{maps[0]}` is a map, and ten crops show other places each", hint="flip=True")

    def __bool__(self) -> bool:
        return self.ten_crop or self.flip

    @property
    def pictures(self) -> tuple[Node, ...]:
        """The inputs of which there are views."""
        return tuple(n for n in self.graph.inputs if len(n.type.spatial) == 2)

    def inputs(self, x: Any) -> dict[str, Any]:
        """The inputs by name, checked; pictures may be larger than those of the network where crops are taken."""
        if not self.ten_crop:
            return arrays.inputs(self.graph, x)
        shown = {n.name for n in self.pictures}
        open_ = tuple(replace(n, results=(Value(n.name, n.type.of(n.type.channels, None, None)),)) if n.name in shown else n
                      for n in self.graph.inputs)
        found = arrays.inputs(replace(self.graph, nodes=open_, outputs=()), x)
        for n in self.pictures:
            given, least = found[n.name].shape[2:], tuple(s or 0 for s in n.type.spatial)
            if any(a < b for a, b in zip(given, least)):
                raise misuse("wrong-shape", f"input `{n.name}` is smaller than a crop", f"crops are {shape_text(least)}",
                             f"got {shape_text(given)}", hint=Advice(f"pictures of {' x '.join(str(larger(s)) for s in least)}"))
        return found

    def of(self, inputs: Inputs) -> Iterator[tuple[dict[str, Array], bool]]:
        """Each view of a batch, and whether it is mirrored."""
        shown = {n.name: tuple(s or 0 for s in n.type.spatial) for n in self.pictures}
        whole = {k: _enlarged(v, shown[k]) if self.ten_crop and k in shown else v for k, v in inputs.items()}
        for corner in ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1)) if self.ten_crop else (None,):
            view = {k: v if corner is None or k not in shown else _cut(v, corner, shown[k]) for k, v in whole.items()}
            yield {k: np.ascontiguousarray(v) for k, v in view.items()}, False
            yield {k: np.ascontiguousarray(v[..., ::-1] if k in shown else v) for k, v in view.items()}, True

    def said(self, inputs: dict[str, Array], predict: Said, terms: tuple[Term, ...] = ()) -> dict[str, Array]:
        """The outputs for a batch: what the network says, or the mean of what it says of each view."""
        if not self:
            return predict(inputs)
        mean = Mean()
        for view, mirrored in self.of(inputs):
            mean.add(self.graph, terms, predict(view), mirrored)
        return mean.outputs(self.graph, terms)


class Mean:
    """The mean of outputs, of one network or several, as probabilities where they have a meaning as such."""

    def __init__(self) -> None:
        self.sums: dict[str, Array] = {}
        self.count = 0
        self.dtype: Any = np.float32

    def add(self, graph: Graph, terms: tuple[Term, ...], outputs: Mapping[str, Array], mirrored: bool = False) -> None:
        """What a network of these losses says; maps are mirrored back."""
        self.count += 1
        for name, (forth, _) in meanings(graph, terms).items():
            self.dtype = outputs[name].dtype
            value = forth(outputs[name].astype(np.float64))
            if mirrored and _is_map(graph.values[graph.public[name]].type):
                value = value[..., ::-1]
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def outputs(self, graph: Graph, terms: tuple[Term, ...]) -> dict[str, Array]:
        """The mean, as this network would say it."""
        return {name: np.ascontiguousarray(back(self.sums[name] / self.count), self.dtype)
                for name, (_, back) in meanings(graph, terms).items()}


Way = Callable[[Array], Array]


def meanings(graph: Graph, terms: tuple[Term, ...]) -> dict[str, tuple[Way, Way]]:
    """For each output what makes probabilities of it, and what makes it of these; neither where it holds other numbers."""
    out, known = dict[str, tuple[Way, Way]](), judged(graph, terms)
    for public, value in graph.outputs:
        found = known.get(public)
        gives = found[0].gives if found else getattr(graph.maker[value].op, "gives", "")
        if gives == "logits" and found and found[0].kind == "classes":
            out[public] = softmax, _logarithm
        elif gives == "logits":
            out[public] = sigmoid, _odds
        elif gives == "log-probabilities":
            out[public] = np.exp, _logarithm
        else:
            out[public] = _same, _same
    return out


def outcome(graph: Graph, terms: tuple[Term, ...], outputs: Mapping[str, Array], targets: Mapping[str, Array]) -> Outcome:
    """The losses of outputs that no single run of the network has made.

    Errors: a loss against the network's own input.
    """
    names = {n.name for n in graph.inputs}
    own = next((t for t in terms if t.target == "input" or t.source in names), None)
    if own is not None:
        raise misuse("bad-value", f"loss {own.loss} compares with the input, and there are several views or networks here",
                     hint=Advice("predict, and compare as it fits"))
    nodes = tuple(Node(public, Input("input"), (), (Value(public, graph.values[v].type),)) for public, v in graph.outputs)
    given = dict(outputs)
    for t in terms:  # a loss that computes the last operation itself reads what goes into it
        if t.loss.after and getattr(graph.maker[graph.public[t.output]].op, "name", "") == t.loss.after:
            given[t.output] = (_logarithm if t.loss.after == "softmax" else _odds)(outputs[t.output].astype(np.float64))
    run = ReferenceExecutor(Graph(graph.name, nodes, tuple((n.name, n.name) for n in nodes)))
    return Outcome(run.losses(given, targets, terms).losses, dict(outputs))


def _same(values: Array) -> Array:
    return values


def _logarithm(p: Array) -> Array:
    return np.asarray(np.log(np.maximum(p, TINY)))


def _odds(p: Array) -> Array:
    return _logarithm(p) - _logarithm(1 - p)


def _is_map(t: TensorType) -> bool:
    return any(s != 1 for s in t.spatial)


def _enlarged(images: Array, size: tuple[int, ...]) -> Array:
    """Pictures of exactly this size made larger, others as they are."""
    if images.shape[2:] != size:
        return images
    return np.stack([stretched(image, larger(size[0]), larger(size[1])) for image in images])


def _cut(images: Array, corner: tuple[int, int], size: tuple[int, ...]) -> Array:
    """A part of this size: at the beginning (0), in the middle (1) or at the end (2) of each axis."""
    top, left = (at * (whole - part) // 2 for at, whole, part in zip(corner, images.shape[2:], size))
    return images[:, :, top:top + size[0], left:left + size[1]]
