"""What only the whole net shows: lines that connect nothing, biases that do nothing, the train section.

A line can only refer to lines above it, so that a net has no circles, and every node has a way from an input. What is
left to find is what has no way to an output, and of that only its ends are lines to mend: nodes that nothing reads. The
graph knows the readers of each value without networkx, whose import takes half as long as all of `check`
(`Graph.nx` is the same graph; a test asks it the same question).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from ..diagnostics import Advice, bounded, in_order
from ..interruptions import point
from ..ir.graph import Graph, Node
from ..ir.precision import DEFAULT
from ..source import Span
from ..words.layer import Layer
from .first_weights import with_first_weights
from .model.elaborator import Elaborator
from .model.files import Macro
from .nets import callable_nets
from .train.examples import prepared
from .train.section import elaborate_training


def whole_net(e: Elaborator, macro: Macro) -> Graph | None:
    """The graph, with everything that was found; None where a mistake stands in its way."""
    if e.findings.mistakes or not e.draft.outputs or not all(flow.sure for flow, _ in e.draft.outputs.values()):
        elaborate_training(e, macro, None)
        return None
    graph = Graph(macro.name, tuple(e.draft.kept()), tuple((name, flow.value) for name, (flow, _) in e.draft.outputs.items()),
                  calls=e.draft.calls)
    _unconnected(e, macro, graph)
    _dead_biases(e, graph)
    training = elaborate_training(e, macro, graph)
    if e.findings.mistakes:
        return None
    if training is not None and training.preparation:
        graph = prepared(graph, list(zip(training.preparation, training.preparation_spans)))
    return replace(with_first_weights(graph), training=training, warnings=bounded(in_order(e.findings.all)),
                   precision=(training and training.precision) or DEFAULT)


def _unconnected(e: Elaborator, macro: Macro, graph: Graph) -> None:
    """Lines whose value nothing reads. A line that is run again by `reuse` counts as read."""
    several = (f"in the net `{macro.name}`",) if len(callable_nets(macro.file.module)) > 1 else ()
    for n in graph.nodes:
        point()
        if n.name in e.draft.read:
            continue
        if getattr(n.op, "role", None):
            e.say("warning", "unconnected", f"nothing reads the input `{n.name}`", n.spans[0], notes=several)
        else:
            name, span = e.draft.results.get(n.name, (n.name, n.spans[0]))
            left = (f"the last line of the net is an output, and the flow that goes on beside it, {name}, is none",)
            ends = bool(e.draft.left) and e.draft.maker[e.draft.left] is n
            e.say("warning", "unconnected", "this line connects nothing", span, f"nothing reads {name}",
                  (*several, *(left if ends else ())), hint=_main_output(span) if ends else "drop it, or read it:  @" + name)


def _main_output(span: Span) -> str:
    """How the flow becomes an output: where it ends with a line of one step, by that having a name."""
    line = span.source.line(span.line).partition("#")[0].strip()
    whole = span.end_line == span.line and span.end_column - span.column == len(line)
    return f"output main: {line}" if whole else Advice("a line  output main  below it makes it one")


def _dead_biases(e: Elaborator, graph: Graph) -> None:
    """`conv 64 3x3 -> bn`: the normalisation subtracts what the bias adds. Only where nothing else reads the sum, in no
    use of that bias and in no other call of that line."""
    outputs = {value for _, value in graph.outputs}
    alive: set[Span] = set()
    # by line: node, its normalisation, size, of every bias
    uses: dict[Span, dict[str, tuple[Node, Node, int]]] = defaultdict(dict)
    spans: dict[str, Span] = {}  # where the first use of a bias stands
    for n in graph.nodes:
        point()
        bias = next((p for p in n.parameters if p.name.endswith(".bias")), None)
        if bias is None or getattr(n.op, "category", "") not in ("convolution", "dense"):
            continue
        span = spans.setdefault(bias.name, n.spans[0])
        after = graph.readers[n.name]
        # a step with the switch has a bias only where it says bias=yes
        asked = any(isinstance(r.op, Layer) and r.name == f"{n.name}.{r.op.name}" for r in after)
        if asked or n.name in outputs or bias.file is not None or not after or not all(map(_centres, after)):
            alive.add(span)
        else:
            uses[span].setdefault(bias.name, (n, after[0], bias.size))
    for span, biases in uses.items():
        if span not in alive:
            node, norm, _ = next(iter(biases.values()))
            assert isinstance(node.op, Layer) and isinstance(norm.op, Layer)
            places = f" in {len(biases)} places" if len(biases) > 1 else ""
            e.say("warning", "dead-bias", f"the bias of this {node.op.name} does nothing: {norm.op.name} subtracts it again",
                  span,
                  f"{sum(size for _, _, size in biases.values()):,} dead parameters{places}",
                  hint=f"{norm.op.name} as a switch of the same step, or:  bias=no")


def _centres(n: Node) -> bool:
    """Whether a node subtracts the mean of what it reads. A frozen bn subtracts a number that it was given."""
    given = dict(n.attrs).get("frozen") and any(p.kind == "buffer" for p in n.parameters)
    return getattr(n.op, "centres", False) and not given
