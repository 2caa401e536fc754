"""The weighted losses that training makes small, appended to a lowered network.

    %out: N x 10 = ...        becomes        %out: N x 10 = ...;  %loss.0: 1    loss.0[0] += ...;  return %out, loss.0=%loss.0

A loss that computes the network's last softmax or sigmoid itself, stably, reads what that layer reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..diagnostics import Advice, UsageError, at_line
from ..ir.formula import Formula, written
from ..ir.graph import Graph, Input, Node, Value
from ..ir.types import TensorType
from ..words.layer import plane
from ..words.loss import Loss
from .lower import Program, Writer, lower

Cotangent = str | float  # a value, or a number where it is the same everywhere


@dataclass(frozen=True)
class Term:
    """One weighted loss at one output. `target` is the name of its target: an array that comes with the data, or
    `input` for the network's own (first) input."""

    loss: Loss
    output: str
    weight: float = 1.0
    target: str | None = None
    by_example: bool = False  # whether each example has a weight, which comes with the targets: see `example_weights`

    @property
    def source(self) -> str:
        """The name of the value that holds the target."""
        return self.target if self.target is not None else f"target.{self.output}"


def as_given(terms: tuple[Term, ...], targets: Mapping[str, Any]) -> tuple[Term, ...]:
    """The losses in the form that reads the targets at hand: numbers for several channels, in the place of class numbers, are
    shares of all classes."""
    forms = [t.loss.softened if t.source in targets and _shares(targets[t.source]) else None for t in terms]
    return tuple(t if form is None else replace(t, loss=form) for t, form in zip(terms, forms)) if any(forms) else terms


def _shares(target: Any) -> bool:
    """Whether a target has a number for each class."""
    return bool(target.dtype.kind == "f" and target.shape[1] > 1)


def example_weights(k: int) -> str:
    """The name of the weights of the examples for the k-th loss: N x 1, 1 in the mean of what counts."""
    return f"weights.{k}"


def target_types(graph: Graph, terms: tuple[Term, ...]) -> dict[str, TensorType]:
    """The targets that come with the data: name -> type."""
    outputs = {public: graph.values[v].type for public, v in graph.outputs}
    inputs = {n.name for n in graph.inputs}
    return {t.source: t.loss.target(outputs[t.output]) for t in terms if t.source not in inputs and t.target != "input"}


def with_losses(program: Graph, terms: tuple[Term, ...],
                backward: bool = True) -> tuple[Graph, tuple[tuple[str, Cotangent], ...]]:
    """The program with its losses, outputs loss.0, loss.1, ... of shape (1,) after its own; and the cotangents that they give
    its values, by pairs, where they are wanted (`backward`)."""
    assert program.lowered is not None, "losses are appended to a program as `lower` leaves it"
    network, meant, outputs = program.lowered.network, program.lowered.values, program.lowered.network.public
    p = Program.of(program, program.lowered.training)
    losses: list[tuple[str, str]] = []
    seeds: list[tuple[str, Cotangent]] = []
    by_hand: list[tuple[str, Cotangent]] = []
    for k, t in enumerate(terms):
        last = network.maker[outputs[t.output]]
        stable = bool(t.loss.after) and getattr(last.op, "name", "") == t.loss.after
        z = meant[last.inputs[0] if stable else outputs[t.output]]
        source = network.inputs[0].name if t.target == "input" else t.source
        if source not in p.types:
            p.append(Node(source, Input("target"), (), (Value(source, t.loss.target(p.types[z])),)))
        at = Node(f"loss.{k}", t.loss, notes=(f"loss {t.loss} @{t.output}" + (f" weight={t.weight:g}" if t.weight != 1 else ""),))
        w = Writer(p, f"loss.{k}", at)
        with at_line(t.loss.said_at):
            losses.append((f"loss.{k}", t.loss.forward(w, z, source)))
        weights = example_weights(k)
        if t.by_example:
            p.append(Node(weights, Input("target"), (), (Value(weights, TensorType((1,), p.types[z].batch)),)))
            _weigh(p, losses[-1][1], weights, t)
        if t.loss.backward is None:
            seeds.append((losses[-1][1], t.weight))
        elif backward:
            d = Writer(p, f"d.loss.{k}", at)
            with at_line(t.loss.said_at):
                dz = t.loss.backward(d, t.weight, z, source, dict(w.saved))
            if t.by_example:
                ix = f"n,c{plane(p.types[z].shape)}"
                dz = d(f"dz[{ix}] = d[{ix}] * weights[n,0]", d=dz, weights=weights)
            by_hand.append((z, str(dz)))
    return replace(program, nodes=tuple(p.nodes), outputs=(*program.outputs, *losses)), (*seeds, *by_hand)


def _weigh(p: Program, loss: str, weights: str, term: Term) -> None:
    """Multiply what a loss sums over the examples by their weights."""
    k = next(k for k, n in enumerate(p.nodes) if n.name == loss)
    node = p.nodes[k]
    f = node.op
    if not isinstance(f, Formula) or f.how != "+=" or "n" not in f.reduced:
        raise UsageError(f"loss {term.loss} cannot weigh its examples", "its last formula is no sum over them: loss[0] += ...",
                         code="not-yet", hint=Advice("leave the weights out"))
    weighed = Formula(f"{f.target} += ({written(f.right)}) * weights_of_examples[n,0]", f.over)
    known = dict(zip(f.operands, node.inputs)) | {"weights_of_examples": weights}
    here = p.nodes.pop()  # the weights themselves, which stand behind it
    p.nodes[k:k] = [here]
    p.nodes[k + 1] = replace(node, op=weighed, inputs=tuple(known[o] for o in weighed.operands))


def loss_program(graph: Graph, terms: tuple[Term, ...]) -> Graph:
    """Losses in evaluation mode, without gradients. Outputs as `training_program` has them."""
    return replace(with_losses(lower(training=False)(graph), terms, backward=False)[0], regions=(), lowered=None)


def update_program(optimiser: Any, size: int, l1: bool = False) -> tuple[Graph, dict[str, str]]:
    """An update rule over flat vectors of `size` elements: inputs `weights`, `gradients`, the state, and scalars; the
    outputs are the new ones under the same names.

    With `l1` the rule reads g + l1 * sign(w) instead of the gradient g, where sign(0) = 0: L1 regularisation. Like weight
    decay it comes after the limit `clip_value`.
    """
    p, said_at = Program(True), optimiser.said_at
    flat = TensorType((size,), 0)
    for name in ("weights", "gradients", *optimiser.state):
        p.append(Node(name, Input("input"), (), (Value(name, flat),)))
    b, g = Writer(p, "", Node("update", optimiser, notes=(str(optimiser),))), "gradients"
    if l1:
        limited, optimiser = optimiser.limited(b, g), replace(optimiser, clip_value=0.0)
        g = b("penalised[i] = g[i] + l1[0] * where(w[i] > 0.0, 1.0, where(w[i] < 0.0, -1.0, 0.0))", g=limited, w="weights",
              l1=b.scalar("l1"))
    with at_line(said_at):
        new, state = optimiser.update(b, "weights", g, **{s: s for s in optimiser.state})
    outs = (("weights", new), *state.items())
    return Graph("update", tuple(p.nodes), outs).verify(), dict(outs)
