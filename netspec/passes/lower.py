"""Checked graph -> program: every layer is replaced by its formulas.

    %conv1: N x 6x28x28 = conv 6 5x5 valid(%input)
becomes
    %conv1.weight: 6x1x5x5 = parameter()
    %conv1.y: N x 6x28x28    conv1.y[n,o,p,q] += input[n,c,p+u,q+v] * conv1.weight[o,c,u,v]
    %conv1.out: N x 6x28x28    conv1.out[n,c,h,w] = conv1.y[n,c,h,w] + conv1.bias[c]
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ..diagnostics import UsageError, at_line
from ..ir.formula import Formula, Pieces, written
from ..ir.graph import Graph, Input, Lowered, Node, Parameter, Region, Value
from ..ir.notation import fault, misfit, with_channels
from ..ir.types import TensorType
from ..words.layer import Layer
from .drop_dead import drop_dead
from .said import Ends, Said, said

VARIANTS = 4  # of what equal layers write, by the names that are taken already


@dataclass(frozen=True)
class lower:
    """Replace layers by formulas, for training (batch statistics, dropout) or for evaluation."""

    training: bool = False

    def __call__(self, graph: Graph) -> Graph:
        program = Program(self.training)
        for node in graph.nodes:
            with at_line(*node.spans):
                program.place(node)
        outputs = tuple((public, program.alias[v]) for public, v in graph.outputs)
        return replace(graph, nodes=tuple(program.nodes), outputs=outputs, regions=tuple(program.regions),
                       lowered=Lowered(graph, program.alias, self.training))


def value_program(graph: Graph, names: tuple[str, ...]) -> Graph:
    """What makes these values of the network in evaluation mode, and nothing more; the outputs are `@NAME`. It draws what the
    whole network does."""
    return drop_dead(lower(training=False)(replace(graph, outputs=tuple((f"@{name}", name) for name in names))))


@dataclass
class Program:
    """A program under construction: what `lower`, `differentiate` and the losses append formulas to."""

    training: bool
    nodes: list[Node] = field(default_factory=list)
    types: dict[str, TensorType] = field(default_factory=dict)
    regions: list[Region] = field(default_factory=list)
    alias: dict[str, str] = field(default_factory=dict)  # value of the layer graph -> value of the program
    same: dict[str, str] = field(default_factory=dict)  # a value -> one that holds the same numbers under another shape
    keys: int = 0
    said: dict[Hashable, list[Said]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph, training: bool = True) -> Program:
        """Continue a program that exists."""
        p = cls(training, list(graph.nodes), {k: v.type for k, v in graph.values.items()}, list(graph.regions))
        p.keys = sum(isinstance(n.op, Formula) and n.op.is_random for n in graph.nodes)
        return p

    def place(self, node: Node) -> None:
        """Append what one node of the layer graph means."""
        if not isinstance(node.op, Layer):
            self.append(replace(node, parameters=()))
            self.alias |= {v.name: v.name for v in node.results}
            return
        inputs = tuple(self.seen(node.op, self.alias[i]) for i in node.inputs)
        moved = self.unmoved(inputs[0]) if node.op.pointwise() and node.op.backward is None and len(inputs) == 1 else []
        if moved:
            inputs = (moved[-1].inputs[0],)
        parameters = {p.name.rsplit(".", 1)[-1]: self.parameter(p, node) for p in node.parameters}
        b = Writer(self, node.name, node, self.training and not (dict(node.attrs).get("frozen") and node.op.statistics))
        before = len(self.nodes)
        layer = node.op
        ends = self.once(("forward", type(layer), repr(layer), b.training, *parameters), b, (*inputs, *parameters.values()),
                         lambda: {"": layer.forward(b, *inputs, **parameters), **b.saved})
        out = ends.pop("")
        for m in reversed(moved):  # what reads the result may not need it
            out = self.again(m, out, node)
        assert self.types[out] == node.type, f"{node.name}: shape() says {node.type}, forward() makes {self.types[out]}"
        self.alias[node.results[0].name] = out
        if node.op.backward is not None and out not in inputs:
            made = frozenset(n.name for n in self.nodes[before:])
            self.regions.append(Region(node.op, node.name, made, inputs, tuple(parameters.items()), (out,),
                                       tuple(ends.items())))

    def once(self, what: Hashable, b: Writer, given: tuple[str, ...], write: Callable[[], Ends]) -> Ends:
        """What `write` returns, which appends formulas of the values `given` through `b`. A deep network says the same of one
        layer after another: for an equal `what` and values of equal types the formulas of before are appended again under other
        names (said.py)."""
        key = what, tuple([self.types[v] for v in given]), tuple(map(given.index, given))
        known = self.said.setdefault(key, [])
        for said_before in known:
            if again := said_before.again(given, b.prefix, self.types, b.node):
                for n in again[0]:
                    self.append(n)
                return again[1]
        before = len(self.nodes)
        ends = write()
        if b.plain and len(known) < VARIANTS and (new := said(given, b.prefix, self.nodes[before:], ends, b.avoided)):
            known.append(new)
        return ends

    def seen(self, layer: Layer, value: str) -> str:
        """What a layer reads for a value: what it was before a move, if that is as good."""
        while value in self.same and layer.sees(self.types[self.same[value]], self.types[value]):
            value = self.same[value]
        return value

    def unmoved(self, value: str) -> list[Node]:
        """The moves a value has come by, the last one first."""
        makers = {v.name: n for n in self.nodes for v in n.results} if value in self.same else {}
        out: list[Node] = []
        while value in self.same and makers[value].inputs == (self.same[value],):
            out.append(makers[value])
            value = self.same[value]
        return out

    def again(self, move: Node, value: str, node: Node) -> str:
        """The same move of another value."""
        if value == move.inputs[0]:
            return move.name
        b = Writer(self, node.name, node)
        f = move.formula
        new = b(f.text, out=tuple(s or 0 for s in move.type.shape), over=dict(f.over), batch=move.type.batch,
                **{f.operands[0]: value})
        b.same(str(new), value)
        return str(new)

    def parameter(self, p: Parameter, node: Node) -> str:
        if p.name not in self.types:
            self.append(Node(p.name, p, (), (Value(p.name, p.type),), spans=node.spans))
        return p.name

    def append(self, node: Node) -> None:
        for v in node.results:
            assert v.name not in self.types, f"%{v.name} is made twice"
            self.types[v.name] = v.type
        self.nodes.append(node)

    def scalar(self, name: str) -> str:
        if name not in self.types:
            self.nodes.insert(0, Node(name, Input("scalar"), (), (Value(name, TensorType((1,), 0)),)))
            self.types[name] = TensorType((1,), 0)
        return name


class Writer:
    """The `Builder` of layers, losses and update rules: appends formulas to a program under a prefix."""

    def __init__(self, program: Program, prefix: str, node: Node | None = None, training: bool | None = None):
        self.program, self.prefix, self.node = program, prefix, node
        self.training = program.training if training is None else training
        self.saved: dict[str, str] = {}
        self.plain = True  # what was written is decided by the types of the values it is about
        self.made: set[str] = set()
        self.avoided: list[str] = []  # names that others have

    def type(self, value: str) -> TensorType:
        return self.program.types[value]

    def save(self, **values: str) -> None:
        self.saved |= values

    def scalar(self, name: str) -> str:
        self.plain = False
        return self.program.scalar(name)

    def same(self, new: str, old: str) -> None:
        self.plain = False
        self.program.same[new] = old

    def key(self) -> int:
        self.plain = False
        self.program.keys += 1
        return self.program.keys

    def view(self, parameter: str, shape: tuple[int, ...]) -> str:
        self.plain = False
        have = self.program.types[parameter]
        want = have.of(*shape)
        assert want.size == have.size
        if have != want:
            k = next(k for k, n in enumerate(self.program.nodes) if n.name == parameter)
            self.program.nodes[k] = replace(self.program.nodes[k], results=(Value(parameter, want),))
            self.program.types[parameter] = want
        return parameter

    def __call__(self, text: str, /, *, out: tuple[int, ...] | None = None, over: dict[str, int] | None = None,
                 batch: int | None = None, effect: str | None = None, **operands: str | float) -> Any:
        literals = tuple([(k, repr(float(v))) for k, v in operands.items() if isinstance(v, float)])
        types = self.program.types
        known = tuple([(k, types[v]) for k, v in operands.items() if isinstance(v, str) and v in types])
        text, f, result, why = _meant(text, literals, known, tuple(over.items()) if over else (), out, batch)
        self.refuse(text, why)
        inputs = tuple([str(operands[o]) for o in f.operands])
        names = tuple(self._fresh(t.name) for t in f.targets)
        results = tuple(Value(n, result) for n in names)
        spans, notes = (self.node.spans, self.node.notes) if self.node else ((), ())
        self.program.append(Node(names[0], f, inputs, results, effect=effect, spans=spans, notes=notes,
                                 scope=self.node.name if self.node else ""))
        return names[0] if len(names) == 1 else names

    def refuse(self, text: str, why: str | None) -> None:
        """A formula that says what none can."""
        if why is not None:
            raise UsageError(f"{getattr(self.node.op, 'name', self.node.name) if self.node else 'a formula'}: {why}",
                             f"in the formula  {text}", code="bad-formula", hint="netspec/ir/formula.py has the whole notation")

    def pieces(self, *texts: str | tuple[str, dict[str, int]], out: tuple[int, ...], **operands: str) -> str:
        op = Pieces(tuple(Formula(t) if isinstance(t, str) else Formula(t[0], tuple(t[1].items())) for t in texts))
        name = self._fresh(op.targets[0].name)
        inputs = tuple(operands[o] for o in op.operands)
        result = Value(name, TensorType(out, self.type(inputs[0]).batch))
        spans, notes = (self.node.spans, self.node.notes) if self.node else ((), ())
        self.program.append(Node(name, op, inputs, (result,), spans=spans, notes=notes, scope=self.node.name if self.node
                                 else ""))
        return name

    def map(self, expression: str, **operands: str | float) -> str:
        types = {k: self.type(v) for k, v in operands.items() if isinstance(v, str)}
        wide = max(types.values(), key=lambda t: (t.batch > 0, len(t.shape)))
        ranks = tuple((k, _how_read(t, wide)) for k, t in types.items())
        text = _map_text(expression, tuple((k, v) for k, v in operands.items() if isinstance(v, float)), ranks, len(wide.shape),
                         wide.batch > 0)
        named: dict[str, Any] = {k: v for k, v in operands.items() if isinstance(v, str)}
        return str(self(text, **named))

    def _fresh(self, local: str) -> str:
        name = f"{self.prefix}.{local}" if self.prefix else local
        k = 2
        while name in self.program.types:
            if name not in self.made:
                self.avoided.append(name)
            name, k = f"{self.prefix}.{local}{k}", k + 1
        self.made.add(name)
        return name


def _how_read(t: TensorType, wide: TensorType) -> str:
    """full: at the element's place; channel: at its channel; one: a single number."""
    if t.batch == wide.batch and len(t.shape) == len(wide.shape):
        return "full"
    if t.batch and t.batch == wide.batch and t.shape == (1,) != wide.shape[:1]:
        return "alone"  # a number for each image
    if t.batch and t.batch == wide.batch and len(t.shape) == 1:
        return "image"  # a number for each image and channel
    assert t.batch == 0 and len(t.shape) == 1, f"a map reads {wide}, per-channel vectors and single numbers, not {t}"
    return "one" if t.shape == (1,) and wide.shape[0] != 1 else "channel"


def places(rank: int) -> tuple[str, ...]:
    """Canonical indices of a shape with `rank` axes: c; c,w; c,h,w; c,d,h,w."""
    return ((), ("c",), ("c", "w"), ("c", "h", "w"), ("c", "d", "h", "w"))[rank]


@lru_cache(maxsize=4096)
def _map_text(expression: str, literals: tuple[tuple[str, float], ...], reads: tuple[tuple[str, str], ...], rank: int,
              batched: bool) -> str:
    place = places(rank)
    full = ",".join((("n",) if batched else ()) + place)
    how = {"full": full, "image": "n,c", "alone": "n,0", "channel": "c", "one": "0"}
    spelled = {k: f"{k}[{how[h]}]" for k, h in reads} | {k: repr(v) for k, v in literals}
    # all at once: `d` may be an index, too
    expression = re.sub(r"\b[A-Za-z_]\w*\b(?!\[)", lambda m: spelled.get(m[0], m[0]), expression)
    return f"out[{full}] = {written(ast.parse(expression, mode='eval').body)}"


def _literals(text: str, literals: tuple[tuple[str, str], ...]) -> str:
    for k, v in literals:
        text = re.sub(rf"\b{k}\[[^\]]*\]", v, text)
    return text


@lru_cache(maxsize=16384)
def _meant(text: str, literals: tuple[tuple[str, str], ...], known: tuple[tuple[str, TensorType], ...],
           over: tuple[tuple[str, int], ...], out: tuple[int, ...] | None,
           batch: int | None) -> tuple[str, Formula, TensorType, str | None]:
    """What a layer writes, the formula it is, the type of its result; and what is wrong with it, where something is."""
    text, types = _literals(text, literals), dict(known)
    f, none = Formula(text), TensorType(())
    if why := fault(text):
        return text, f, none, why
    f = Formula(with_channels(text, types), over)
    if missing := next((o for o in f.operands if o not in types), None):
        return text, f, none, f"`{missing}` is not given: b(..., {missing}=value)"
    reads = tuple([types[o] for o in f.operands])
    out = out if out is None or f.text == text else (*out, 1)[: len(f.target.axes) - 1]
    if why := misfit(f, reads, out):
        return text, f, none, why
    return text, f, _result_type(f, reads, out, batch), None


@lru_cache(maxsize=16384)
def _result_type(f: Formula, types: tuple[TensorType, ...], out: tuple[int, ...] | None, batch: int | None) -> TensorType:
    """From the bare indices of the reads, the given extents, and `out` where neither says."""
    known: dict[str, int | None] = dict(f.over)
    batches = [0]
    by_name = dict(zip(f.operands, types))
    for r in f.reads:
        t = by_name[r.name]
        axes = r.axes[1:] if t.batch else r.axes
        if t.batch:
            batches.append(t.batch)
        for a, extent in zip(axes, t.shape):
            if a.bare:
                known.setdefault(a.bare, extent)
    batched = bool(f.target.axes) and f.target.axes[0].terms and any(i == "n" for i, _ in f.target.axes[0].terms)
    shape: tuple[int | None, ...]
    if out is not None:
        shape = out
    else:
        axes = f.target.axes[1:] if batched else f.target.axes
        shape = tuple(a.const + 1 if not a.terms else known[a.bare or ""] for a in axes)
    return TensorType(shape, (batch if batch is not None else max(batches)) if batched else 0)
