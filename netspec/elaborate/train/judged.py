"""The lines of a train section that read an output: losses and metrics."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

from ...diagnostics import Advice, near
from ...ir.graph import Graph, Node
from ...ir.training import LossUse, MetricUse
from ...layers import Layer
from ...losses import LOSSES, Loss
from ...metrics import METRICS
from ...syntax import tree
from ...words import WordError, arguments
from ..binding.arguments import spot_name
from ..binding.expressions import evaluate, number
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent, refused
from ..model.values import UNKNOWN_VALUE, described, plain
from .words import bound_word, class_named


def _used(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None, rest: Any) -> tuple[str, str | None, float, list[Any]]:
    """The output, target and weight of a loss or metric line, and its other arguments."""
    output = target = None
    weight = 1.0
    others = []
    for a in rest:
        if isinstance(a, tree.Reference):
            if output is not None:
                raise Mistake("contradiction", "a loss reads one output", a.span, "the second one")
            output = _output(a, c, graph, known_outputs(e))
        elif isinstance(a, tree.Option) and a.name == "weight" and s.name == "loss":
            v = number(a.value, c, None)
            if v < 0:
                raise Mistake("out-of-range", "the weight of a loss is at least 0", a.span, f"this is {v:g}")
            weight = float(v)
        elif isinstance(a, tree.Option) and a.name == "target":
            target = a.value.spots[0].name if isinstance(a.value, tree.Reference) else plain(evaluate(a.value, c, None))
            if target is UNKNOWN_VALUE:
                raise Silent
            if not isinstance(target, str):
                raise Mistake("wrong-argument", "target is `input` or a name", a.span, f"this is {described(target)}",
                              hint="target=input")
        else:
            others.append(a)
    if output is None:
        names = graph.public if graph is not None else {"out": ""}
        if not names:
            output = "out"
        elif "out" in names or len(names) == 1:
            output = "out" if "out" in names else next(iter(names))
        else:
            raise Mistake("missing-argument", f"this net has several outputs: say which one this {s.name} reads", s.span,
                          "no output is named", notes=("outputs: " + ", ".join(names),),
                          hint=f"{s.name} {tree.source_text(s.arguments[0])} @{next(iter(names))}" if s.arguments else None)
    return output, target, weight, others


def known_outputs(e: Elaborator) -> list[str] | None:
    """The outputs there are even if nothing else is certain; None where a line that could not be read may hold one."""
    return list(e.draft.outputs) if e.draft.outputs and not e.coverage.maybe else None


def _output(ref: tree.Reference, c: Context, graph: Graph | None, known: list[str] | None) -> str:
    name = ".".join(spot_name(x.name, x.index, c, None) for x in ref.spots)
    names: Collection[str] | None = graph.public if graph is not None else known
    if names is None:
        return name
    if name not in names:
        alike = near(name, names)
        raise Mistake("missing-reference", f"the net has no output @{name}", ref.span, "not one of its outputs",
                      notes=("outputs: " + ", ".join(names),),
                      hint=f"did you mean @{alike}?" if alike else Advice(f"make it one, in the net:  output {name}"))
    return name


def loss_line(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None) -> LossUse:
    cls, rest = class_named(LOSSES, "loss", s, c)
    output, target, weight, others = _used(e, s, c, graph, rest)
    op = bound_word(cls, s, others, c)
    if graph is not None:
        value = graph.public[output]
        node = graph.maker[value]
        type_ = node.type
        if cls.after and getattr(node.op, "name", "") == cls.after:
            e.say("note", "reads-logits",
                  f"{cls.name} reads the input of @{output}'s {cls.after}: it computes the {cls.after} itself, stably", s.span)
            type_ = graph.values[node.inputs[0]].type
        else:
            _check_read(e, cls, node, graph, s)
        _check_output(op, type_, s)
        _check_target(op, target, type_, graph, s)
    elif output in e.draft.outputs and e.draft.outputs[output][0].type.known:  # known for certain, whatever is wrong above
        _check_output(op, e.draft.outputs[output][0].type, s)
    return LossUse(op, output, target, weight, s.span)


def _check_read(e: Elaborator, cls: type[Loss], node: Node, graph: Graph, s: tree.Call) -> None:
    """Warn of a loss that reads logits, of an output that is a softmax or sigmoid already; of a loss of probabilities or
    their logarithms, of an output that holds none."""
    while getattr(node.op, "renames", False):
        node = graph.maker[node.inputs[0]]
    op = node.op
    if not isinstance(op, Layer):
        return
    last, made = op.name, (f"made by {node.name}",)
    article = "an" if last[0] in "aeiou" else "a"
    if cls.reads == "logits" and op.gives:
        drop = f"drop the {last}: {cls.name} reads logits" if last == cls.after or op.gives != "probabilities" else (
            f"drop the {last}, or use another loss")
        e.say("warning", "not-logits", f"{cls.name} " + (f"computes a {cls.after} of what it reads" if cls.after else "reads logits")
              + f", and this is {article} {last} already", s.span,
              "computed twice" if op.log_of and op.log_of == cls.after else "the net would learn badly", made,
              _instead(s, cls.instead.get(op.gives)) or Advice(drop))
    elif cls.reads in ("probabilities", "log-probabilities") and op.gives != cls.reads and op.category in ("activation", "dense",
                                                                                                    "convolution"):
        other = cls.instead.get("logits")
        logits = other is not None and (last == LOSSES[other].after or op.category != "activation")
        makers = "softmax or sigmoid" if cls.reads == "probabilities" else "log_softmax"
        e.say("warning", "not-probabilities" if cls.reads == "probabilities" else "not-log-probabilities",
              f"{cls.name} reads {cls.reads}, as {makers} makes them, and this is {article} {last}", s.span,
              "the loss would have no meaning",
              made if logits else (*made, f"{makers} belongs " + (f"in the place of the {last}" if op.category == "activation"
                                                                  else f"behind the {last}")), _instead(s, other) if logits else "")


def _instead(s: tree.Call, loss: str | None) -> str:
    """The line with another loss, of the same output; nothing where that loss has not all the arguments of this one."""
    if loss is None or not {a.name for a in s.arguments if isinstance(a, tree.Option)} <= {"weight", "target",
                                                                           *(a.name for a in arguments(LOSSES[loss]))}:
        return ""
    return " ".join((s.name, loss, *map(tree.source_text, s.arguments[1:])))


def _check_output(op: Any, type_: Any, s: tree.Call) -> None:
    try:
        op.check_output(type_)
    except WordError as w:
        raise refused(w, s.span) from None


def _check_target(op: Any, target: str | None, output: Any, graph: Graph, s: tree.Call) -> None:
    """A loss against the network's own input compares equal shapes."""
    names = {n.name: n for n in graph.inputs}
    alike = near(target, names) if target is not None and target not in names and len(target) > 3 else None
    if alike:
        raise Mistake("misleading-label", f"the target `{target}` looks like the input `{alike}`", s.span,
                      "read as an array of the data", hint=f"target={alike}")
    if target is None or (target != "input" and target not in names):
        return
    node = names.get(target) or graph.inputs[0]
    want = op.target(output)
    if want.element == "float" and want.known and node.type.known and want.shape != node.type.shape:
        same = prod(n or 0 for n in output.shape) == prod(n or 0 for n in node.type.shape)
        raise Mistake("shape-mismatch", "the target has another shape than the output", s.span,
                      f"output {'x'.join(map(str, output.shape))}, target {'x'.join(map(str, node.type.shape))}",
                      hint=Advice("give the output the shape of the target, at the end of the net:  "
                                  + ("reshape " if same else "expect ") + "x".join(map(str, node.type.shape))))


def metric_line(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None) -> MetricUse:
    cls, rest = class_named(METRICS, "metric", s, c)
    output, target, _, others = _used(e, s, c, graph, rest)
    return MetricUse(bound_word(cls, s, others, c), output, target, s.span)
