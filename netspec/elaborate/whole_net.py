"""What only the whole net shows: lines that connect nothing, biases that do nothing, the train section."""

from __future__ import annotations

from collections import defaultdict

from ..diagnostics import bounded, in_order
from ..ir.graph import Graph, Node
from ..ir.precision import DEFAULT
from ..source import Span
from .model.elaborator import Elaborator
from .model.files import Macro
from .nets import callable_nets
from .training import elaborate_training


def whole_net(e: Elaborator, macro: Macro) -> Graph | None:
    """The graph, with what only its whole shows: lines that connect nothing, the train section."""
    if e.findings.mistakes or not e.draft.outputs or not all(flow.sure for flow, _ in e.draft.outputs.values()):
        elaborate_training(e, macro, None)
        return None
    outputs = tuple((name, flow.value) for name, (flow, _) in e.draft.outputs.items())
    nodes = e.draft.kept()
    several = (f"in the net `{macro.name}`",) if len(callable_nets(macro.file.module)) > 1 else ()
    for n in nodes:
        if n.name not in e.draft.read and not getattr(n.op, "role", None):
            name, span = e.draft.results.get(n.name, (n.name, n.spans[0]))
            e.say("warning", "unconnected", "this line connects nothing", span, f"nothing reads {name}", several,
                  hint="drop it, or read it:  @" + name)
        elif n.name not in e.draft.read:
            e.say("warning", "unconnected", f"nothing reads the input `{n.name}`", n.spans[0], notes=several)
    dead_biases(e, nodes, {v for _, v in outputs})
    graph = Graph(macro.name, tuple(nodes), outputs)
    training = elaborate_training(e, macro, graph)
    if e.findings.mistakes:
        return None
    return Graph(macro.name, tuple(nodes), outputs, training=training, warnings=bounded(in_order(e.findings.all)),
                 precision=(training and training.precision) or DEFAULT)


def dead_biases(e: Elaborator, nodes: list[Node], outputs: set[str]) -> None:
    """`conv 64 3x3 -> bn`: the normalisation subtracts what the bias adds. Only where nothing else reads the sum, in no
    use of that bias and in no other call of that line."""
    readers: dict[str, list[Node]] = defaultdict(list)
    for n in nodes:
        for value in n.inputs:
            readers[value].append(n)
    alive: set[Span] = set()
    # by line: node, its normalisation, size, of every bias
    uses: dict[Span, dict[str, tuple[Node, Node, int]]] = defaultdict(dict)
    spans: dict[str, Span] = {}  # where the first use of a bias stands
    for n in nodes:
        bias = next((p for p in n.parameters if p.name.endswith(".bias")),
                    None) if getattr(n.op, "category", "") in ("convolution", "dense") else None
        if bias is None:
            continue
        span = spans.setdefault(bias.name, n.spans[0])
        after = readers[n.name]
        # a step with the switch has a bias only where it says bias=yes
        asked = any(r.name == f"{n.name}.{r.op.name}" for r in after)
        if asked or n.name in outputs or bias.file is not None or not after or not all(map(_centres, after)):
            alive.add(span)
        else:
            uses[span].setdefault(bias.name, (n, after[0], bias.size))
    for span, biases in uses.items():
        if span not in alive:
            node, norm, _ = next(iter(biases.values()))
            places = f" in {len(biases)} places" if len(biases) > 1 else ""
            e.say("warning", "dead-bias", f"the bias of this {node.op.name} does nothing: {norm.op.name} subtracts it again",
                  span,
                  f"{sum(size for _, _, size in biases.values()):,} dead parameters{places}",
                  hint=f"{norm.op.name} as a switch of the same step, or:  bias=no")


def _centres(n: Node) -> bool:
    """Whether a node subtracts the mean of what it reads. A frozen bn subtracts a number that it was given."""
    given = dict(n.attrs).get("frozen") and any(p.kind == "buffer" for p in n.parameters)
    return getattr(n.op, "centres", False) and not given
