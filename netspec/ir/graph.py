"""The graph: typed, ordered, immutable nodes. Layers and lowered programs are the same class with other operations.

A node makes one or more named values (`results`), the first of which has the node's own name. Inputs are names of
values. Order is topological and is part of the meaning: effects happen in it. `Graph.nx` is the same graph as a frozen
networkx MultiDiGraph, for everything networkx is good at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from ..source import Span
from .filters import goes_along, in_lanes
from .formula import Formula, Pieces
from .initialisers import FITTING
from .operation import Operation
from .precision import DEFAULT
from .types import TensorType

if TYPE_CHECKING:
    import networkx

    from .layout import Layout, MemoryPlan

Role = Literal["input", "target", "cotangent", "scalar", "prepared"]


@dataclass(frozen=True, slots=True)
class Input(Operation):
    """A value from outside. `input` and `target` come with the data, `cotangent` is the gradient of an output that an
    outside loss gives, `scalar` is memory the runtime sets (learning rate, step count, random key)."""

    role: Role = "input"

    def __str__(self) -> str:
        return self.role


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """What `weights=` of a call names: a file, and where that holds several sets of weights the key of the one that is meant."""

    path: str
    part: str | None = None
    span: Span | None = field(default=None, compare=False)  # where it is named


@dataclass(frozen=True, slots=True)
class Parameter(Operation):
    """A named array that belongs to the network and outlives a run.

    `kind` is what it is to optimiser and initialiser: weight, length (of the filters of a weight that is kept as
    directions; it begins as the length that those begin with, which are of the shape `of`), bias, norm (a scale or shift of a
    normalisation), slope, buffer (no gradient ever: running statistics, fixed kernels). `init` is the initialiser's name or a
    number; `values` are given numbers, flat in row-major order, where the spec states them.
    """

    name: str
    shape: tuple[int, ...]
    kind: Literal["weight", "length", "bias", "norm", "slope", "buffer"] = "weight"
    init: str | float = FITTING
    fan_in: int = 1
    fan_out: int = 1
    trainable: bool = True
    values: tuple[float, ...] | None = None
    factors: tuple[tuple[str, float], ...] = ()  # per-parameter factors the spec states: ("lr", 0.1)
    file: WeightsFile | None = None  # weights="..." of the call that made it
    within: str = ""  # path of that call: the file names its arrays by their paths below it
    of: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        n = 1
        for s in self.shape:
            n *= s
        return n

    @property
    def type(self) -> TensorType:
        return _unbatched(self.shape)

    def __str__(self) -> str:
        return f"{'parameter' if self.trainable else 'buffer' if self.kind == 'buffer' else 'frozen parameter'}"


@lru_cache(maxsize=4096)
def _unbatched(shape: tuple[int, ...]) -> TensorType:
    """One object for all that have a shape: whoever asks about types again and again tells them by their identity first."""
    return TensorType(shape, batch=0)


@dataclass(frozen=True, slots=True)
class Value:
    """One result of a node. `layout` is how a backend stores it, None until `assign_layouts` has run."""

    name: str
    type: TensorType
    layout: Layout | None = None

    def __str__(self) -> str:
        return f"%{self.name}: {self.type}" + ("" if self.layout is None else f" @ {self.layout}")


@dataclass(frozen=True, slots=True, repr=False)
class Node:
    """One operation: a Layer, an Input, a Parameter, a Formula, or a fused Step of formulas."""

    name: str
    op: Operation
    inputs: tuple[str, ...] = ()
    results: tuple[Value, ...] = ()
    parameters: tuple[Parameter, ...] = ()  # layers only: what the layer's rule asked for, shared ones included
    effect: str | None = None  # the parameter or buffer that the (first) result overwrites
    spans: tuple[Span, ...] = ()  # innermost first: the step, then each enclosing block call
    notes: tuple[str, ...] = ()  # what a reader of the emitted code should know: the spec line
    scope: str = ""  # path of the enclosing named scope, for diagrams
    attrs: tuple[tuple[str, Any], ...] = ()  # facts the language stated that are no argument: ("frozen", True)

    def __repr__(self) -> str:
        """One line, cut where it is long; `print` shows the node as a program has it."""
        line = " ".join(f"Node {self.name}: {self.op} of {', '.join(self.inputs) or 'nothing'}".split())
        return line if len(line) <= 200 else line[:197] + "..."

    @property
    def type(self) -> TensorType:
        return self.results[0].type

    @property
    def formula(self) -> Formula:
        """The operation of a node that is known to be a formula."""
        assert isinstance(self.op, Formula), self.name
        return self.op

    @property
    def pieces(self) -> Pieces:
        """The operation of a node that is known to put pieces together."""
        assert isinstance(self.op, Pieces), self.name
        return self.op

    @property
    def written(self) -> Formula | Pieces:
        """The operation of a node that is known to be written as a formula, or as several."""
        assert isinstance(self.op, Formula | Pieces), self.name
        return self.op

    @property
    def formulas(self) -> list[tuple[Formula, tuple[str, ...]]]:
        """The formulas of a node that is known to have some, each with the values it reads."""
        return self.op.bind(self.inputs) if isinstance(self.op, Pieces) else [(self.formula, self.inputs)]

    def giving(self, results: tuple[Value, ...], op: Operation | None = None) -> Node:
        """The same with other results, and another operation if one is given: `replace`, without a walk over all fields."""
        return Node(self.name, self.op if op is None else op, self.inputs, results, self.parameters, self.effect, self.spans,
                    self.notes, self.scope, self.attrs)

    def __str__(self) -> str:
        if isinstance(self.op, Formula | Pieces):
            names = dict(zip(self.op.operands, self.inputs)) | {t.name: r.name for t, r in zip(self.op.targets, self.results)}
            what = self.op.renamed(names)
            kinds = ", ".join(map(str, self.results))
            return f"{kinds}    {what}" + (f"    -> %{self.effect}" if self.effect else "")
        args = ", ".join("%" + i for i in self.inputs)
        inside = getattr(self.op, "nodes", ())  # a fused step shows its formulas
        return (f"{', '.join(map(str, self.results))} = {self.op}({args})" + (f"    -> %{self.effect}" if self.effect else "")
                + "".join(f"\n      {n}" for n in inside))


@dataclass(frozen=True)
class Region:
    """The nodes one layer lowered to, for the layers that state their own backward rule."""

    layer: Any
    name: str
    nodes: frozenset[str]
    inputs: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]  # local name -> parameter name
    outputs: tuple[str, ...]
    saved: tuple[tuple[str, str], ...]  # local name -> value the backward rule reads


@dataclass(frozen=True)
class Lowered:
    """What a program was lowered from, and which of its values is each of the network's. Losses ask: does the network end in
    the softmax that a loss computes itself?"""

    network: Graph
    values: Mapping[str, str]
    training: bool


@dataclass(frozen=True)
class Graph:
    """A network or a program. `outputs` are (public name, value name)."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, str], ...]
    regions: tuple[Region, ...] = ()
    training: Any = None  # the elaborated `train` section, where the spec has one
    warnings: tuple[Any, ...] = field(default=(), compare=False)  # diagnostics that are no errors
    calls: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # what made a scope: `bottleneck 64 /2`
    gradients: tuple[tuple[str, str], ...] = ()  # after differentiate: (parameter or input, value of its gradient)
    precision: str = DEFAULT  # every program made of a network has the network's
    lowered: Lowered | None = field(default=None, compare=False, repr=False)  # after lower, until its values change
    prepared: Graph | None = None  # after prepare: the program of what depends on parameters alone, whose outputs this one reads
    memory: MemoryPlan | None = None  # after plan_memory

    def __str__(self) -> str:
        body = "\n".join(f"  {n}" for n in self.nodes)
        outs = ", ".join(f"{k}=%{v}" if k != v else f"%{v}" for k, v in self.outputs)
        grads = "".join(f"\n  gradient of %{p}: %{g}" for p, g in self.gradients)
        return f"graph {self.name} {{\n{body}\n  return {outs}{grads}\n}}"

    def __repr__(self) -> str:
        """One line; `print` shows the nodes."""
        return f"Graph {self.name}: {len(self.nodes)} nodes, {', '.join(n.name for n in self.inputs)} -> {', '.join(self.public)}"

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {n.name: n for n in self.nodes}

    @cached_property
    def values(self) -> dict[str, Value]:
        return {v.name: v for n in self.nodes for v in n.results}

    @cached_property
    def maker(self) -> dict[str, Node]:
        """The node that makes each value."""
        return {v.name: n for n in self.nodes for v in n.results}

    @cached_property
    def readers(self) -> Mapping[str, Sequence[Node]]:
        """The nodes that read each value, in order."""
        read: dict[str, list[Node]] = {v.name: [] for n in self.nodes for v in n.results}
        for n in self.nodes:
            for i in n.inputs if len(n.inputs) < 2 else set(n.inputs):
                read[i].append(n)
        return read

    @cached_property
    def inputs(self) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if isinstance(n.op, Input) and n.op.role == "input")

    @cached_property
    def public(self) -> dict[str, str]:
        """The value of each output, by its public name."""
        return dict(self.outputs)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every parameter once, in order of first use, shared ones included once."""
        found: dict[str, Parameter] = {}
        for n in self.nodes:
            for p in (n.op,) if isinstance(n.op, Parameter) else n.parameters:
                found.setdefault(p.name, p)
        return tuple(found.values())

    @cached_property
    def scaled_weights(self) -> Mapping[str, str]:
        """Value -> parameter, for every weight of contractions that is one with its filters scaled (filters.py)."""
        parameters = {p.name for p in self.parameters}
        out: dict[str, str] = {}
        for n in self.nodes:
            scaled = n.op.scaled if isinstance(n.op, Formula) and not n.type.batch else None
            v = dict(zip(n.formula.operands, n.inputs))[scaled.name] if scaled is not None else ""
            readers = [r for r in self.readers[n.name] if r.type.batch] if v in parameters else []
            if readers and all(in_lanes(r.op, tuple([self.values[i].type for i in r.inputs]), r.type) for r in readers):
                out[n.name] = v
        return out

    @cached_property
    def along_filters(self) -> frozenset[str]:
        """The nodes that read, or write, elements of such weights and of their gradients, filter by filter."""
        made = set(self.scaled_weights.values())
        stored = {*self.scaled_weights, *made, *(d for d, v in self.gradient_parts.items() if v in made)}
        out = set()
        for n in self.nodes if made else ():
            if isinstance(n.op, Formula) and not n.type.batch and goes_along(n.op, dict(zip(n.op.operands, n.inputs)), stored):
                out.add(n.name)
                if len(n.type.shape) > 1:
                    stored.add(n.name)
        return frozenset(out)

    @cached_property
    def gradient_parts(self) -> dict[str, str]:
        """Value -> parameter, for every gradient and every value that is only summed into one. The gradient of a scaled weight
        counts as that of the parameter it is made of."""
        out: dict[str, str] = {}
        stack = [(v, p) for p, v in self.gradients]
        made = set(self.scaled_weights.values())
        for n in self.nodes if made else ():  # the gradient of a scaled weight is multiplied with the parameter
            if isinstance(n.op, Formula) and n.op.is_product and len(n.inputs) == 2 and not n.type.batch:
                stack += [(d, v) for d, v in (n.inputs, n.inputs[::-1]) if v in made and d not in made
                          and self.values[d].type == self.values[v].type]
        while stack:
            value, parameter = stack.pop()
            out[value] = parameter
            op = self.maker[value].op
            if isinstance(op, Formula) and op.how == "=" and len(op.reads) > 1 and all(r.axes == op.target.axes
                                                                                       for r in op.reads):
                stack += [(i, parameter) for i in self.maker[value].inputs if len(self.readers[i]) == 1]
        return out

    @property
    def roots(self) -> tuple[str, ...]:
        """Values that must be computed: outputs, gradients, and effects."""
        return (*(v for _, v in self.outputs), *(g for _, g in self.gradients),
                *(n.results[0].name for n in self.nodes if n.effect))

    @cached_property
    def nx(self) -> networkx.MultiDiGraph[str]:
        import networkx

        g: networkx.MultiDiGraph[str] = networkx.MultiDiGraph(name=self.name)
        for n in self.nodes:
            g.add_node(n.name, node=n)
        for n in self.nodes:
            for argument, i in enumerate(n.inputs):
                m = self.maker[i]
                g.add_edge(m.name, n.name, argument=argument, result=[v.name for v in m.results].index(i))
        frozen: networkx.MultiDiGraph[str] = networkx.freeze(g)
        return frozen

    def ancestors(self, value: str) -> frozenset[str]:
        """The nodes that a value is made from, its maker apart."""
        import networkx

        return frozenset(networkx.ancestors(self.nx, self.maker[value].name))

    def descendants(self, value: str) -> frozenset[str]:
        """The nodes that are made from a value, its maker apart."""
        import networkx

        return frozenset(networkx.descendants(self.nx, self.maker[value].name))

    def dominators(self, value: str) -> dict[str, str]:
        """Of each node that is made from a value: the last node that every way from the value to it goes through. Of a join
        it is where the branches part: what a skip jumps over lies between."""
        import networkx

        start = self.maker[value].name
        found: dict[str, str] = networkx.immediate_dominators(self.nx, start)
        return {node: d for node, d in found.items() if node != start}

    def with_nodes(self, nodes: tuple[Node, ...] | list[Node], **changes: Any) -> Graph:
        return replace(self, nodes=tuple(nodes), lowered=None, **changes)

    def verify(self) -> Graph:
        """Check every invariant; returns the graph itself, so that passes can be chained. Raises AssertionError. A pass that
        finds nothing to do returns the graph it was given, which is checked once."""
        assert self._holds
        return self

    @cached_property
    def _holds(self) -> bool:
        types: dict[str, TensorType] = {}
        # a formula, what it reads and makes: in a deep network the same objects over and over
        agreed: set[tuple[int, ...]] = set()
        for n in self.nodes:
            op, results = n.op, n.results
            assert results and results[0].name == n.name, f"the first result of %{n.name} must have its name"
            try:
                reads = [types[i] for i in n.inputs]
            except KeyError as i:
                raise AssertionError(f"%{n.name} reads %{i.args[0]}, which is not defined above it") from None
            for v in results:
                assert v.name not in types, f"%{v.name} is defined twice"
                types[v.name] = v.type
            assert n.effect is None or n.effect in types or n.effect in {p.name
                                                                         for p in self.parameters}, f"%{n.name} overwrites %{n.effect}, which does not exist"
            if isinstance(op, Formula):
                same = (id(op), *map(id, reads), *[id(v.type) for v in results])
                if same not in agreed:
                    op.agrees(tuple(reads), tuple([v.type for v in results]))
                    agreed.add(same)
            elif isinstance(op, Pieces):
                for f, inputs in op.bind(n.inputs):
                    f.agrees(tuple([types[i] for i in inputs]), ())
        for _, out in (*self.outputs, *self.gradients):
            assert out in types, f"output %{out} does not exist"
        return self.prepared is None or self.prepared._holds


def images_of(n: Node, types: Mapping[str, TensorType]) -> int:
    """How many times a sample the index n of a formula runs: the batch of whatever it indexes alone."""
    bound = dict(zip(n.written.operands, n.inputs)) | {t.name: r.name for t, r in zip(n.written.targets, n.results)}
    for f, _ in n.formulas:
        for a in (f.target, *f.reads):
            if a.axes[0].bare == "n":
                return types[bound.get(a.name, n.name)].batch
    return n.type.batch
