"""What a trained network says of an example, as people read it: classes with their probabilities, numbers, or maps.

What an output holds is said by its loss: cross_entropy reads logits, whose softmax is taken; bce reads logits of several yes
or no, whose sigmoid is taken; the output of a softmax is as it is; the rest are numbers. Of several networks the
probabilities, or the numbers, are averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import UsageError
from ..measuring.tallies import judged, probability
from ..network import Network

Array = NDArray[Any]
Kind = Literal["classes", "marks", "numbers"]


@dataclass(frozen=True)
class Speaker:
    """How the outputs of a network, or of several, are read."""

    nets: tuple[Network, ...]
    output: str  # the one that answers; the others are kept as they are
    kind: Kind
    classes: tuple[str, ...]  # by number, where they have names

    def outputs(self, inputs: Sequence[dict[str, Array]], batch: int, ten_crop: bool = False,
                flip: bool = False) -> dict[str, Array]:
        """All outputs by name, that which answers as probabilities where it holds some; `inputs` are those of each network, of
        which several views may be taken (means/views.py)."""
        many = [self._of(net, net.predict(x, batch=batch, ten_crop=ten_crop, flip=flip)) for net, x in zip(self.nets, inputs)]
        return many[0] if len(many) == 1 else {k: np.mean([m[k] for m in many], axis=0) for k in many[0]}

    def _of(self, net: Network, found: Any) -> dict[str, Array]:
        named = found if isinstance(found, dict) else {next(k for k, _ in net.graph.outputs): found}
        return {k: _probable(net, k, v) for k, v in named.items()}

    def called(self, number: int) -> str | int:
        """A class by its name, or its number where it has none."""
        return self.classes[number] if number < len(self.classes) else number


def speaker(nets: Sequence[Network]) -> Speaker:
    """Errors: networks that answer otherwise than each other."""
    first = nets[0]
    output = _answering(first)
    kind, shape = _kind(first, output), _shape(first, output)
    for net in nets[1:]:
        other = _answering(net)
        if (other, _kind(net, other), _shape(net, other), net.classes) != (output, kind, shape, first.classes):
            raise UsageError("several networks answer together where they answer the same question",
                             f"{first.graph.name}: {output}, {kind}, {shape}, classes {', '.join(first.classes) or 'without names'}",
                             f"{net.graph.name}: {other}, {_kind(net, other)}, {_shape(net, other)}, classes {', '.join(net.classes) or 'without names'}")
    return Speaker(tuple(nets), output, kind, first.classes)


def _answering(net: Network) -> str:
    names = [name for name, _ in net.graph.outputs]
    judged_too = judged(net.graph, net.recipe.terms)
    return "out" if "out" in names else next((n for n in names if n in judged_too), names[-1])


def _shape(net: Network, output: str) -> tuple[int | None, ...]:
    return net.graph.values[dict(net.graph.outputs)[output]].type.shape


def _kind(net: Network, output: str) -> Kind:
    found = judged(net.graph, net.recipe.terms).get(output)
    if found:
        return next((m.kind for m in found if m.kind != "numbers"), "numbers")
    node = net.graph.maker[dict(net.graph.outputs)[output]]
    return "classes" if getattr(node.op, "gives", "") in ("probabilities", "log-probabilities") else "numbers"


def _probable(net: Network, output: str, values: Array) -> Array:
    """Probabilities, where the output holds what they are made of."""
    for meant in judged(net.graph, net.recipe.terms).get(output, ()):
        if meant.kind != "numbers":
            make = probability(meant.kind, meant.gives)
            return values if make is None else make(values.astype(np.float64))
    return values


@dataclass(frozen=True)
class Answer:
    """What is said of one example."""

    file: str
    predictions: tuple[tuple[str | int, float], ...] = ()  # classes and their probabilities, the likeliest first
    values: Array | None = None  # numbers; a map where it has places
    shares: tuple[tuple[str | int, float], ...] = ()  # of a map of classes, how much each covers

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        out: dict[str, Any] = {"file": self.file}
        if self.predictions:
            return out | {"predictions": [{"class": c, "probability": p} for c, p in self.predictions]}
        if self.shares and self.values is not None:
            return out | {"shape": list(self.values.shape), "classes": [{"class": c, "share": s} for c, s in self.shares]}
        assert self.values is not None
        return out | ({"values": self.values.tolist()} if self.values.size <= FEW else {"shape": list(self.values.shape)})


FEW = 1024  # numbers of an answer that are printed


def answers(by: Speaker, names: Sequence[str], values: Array, top: int) -> Iterator[Answer]:
    """An answer for each example, of what the answering output gave."""
    for name, v in zip(names, values):
        v = v.reshape(v.shape[0]) if v.ndim > 1 and v.size == v.shape[0] else v
        if by.kind == "numbers":
            yield Answer(name, values=v)
        elif v.ndim > 1:
            yield _map(by, name, v, top)
        elif len(v) == 1 and by.kind == "marks":  # one yes or no
            p = float(v[0])
            both = [(by.called(1), p), (by.called(0), 1 - p)]
            yield Answer(name, tuple(sorted(both, key=lambda cp: -cp[1])[:top]))
        else:
            order = np.argsort(-v, kind="stable")[:top]
            yield Answer(name, tuple((by.called(int(k)), float(v[k])) for k in order))


def _map(by: Speaker, name: str, v: Array, top: int) -> Answer:
    """A class for each place; of yes or no for each class and place, how many are yes."""
    if by.kind == "marks":
        shares = [(k, float((v[k] > 0.5).mean())) for k in range(len(v))]
        return Answer(name, values=v, shares=tuple((by.called(k), s) for k, s in sorted(shares, key=lambda ks: -ks[1])[:top]))
    chosen = v.argmax(0)
    counts = np.bincount(chosen.reshape(-1), minlength=len(v)) / chosen.size
    order = [int(k) for k in np.argsort(-counts, kind="stable")[:top] if counts[k] > 0]
    return Answer(name, values=chosen.astype(np.uint8 if len(v) <= 256 else np.int32),
                  shares=tuple((by.called(k), float(counts[k])) for k in order))
