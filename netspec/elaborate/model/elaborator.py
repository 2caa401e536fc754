"""One elaboration: statements and steps work on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from ...diagnostics import Advice, at_line
from ...interruptions import point
from ...ir.graph import Input, Node, Parameter, Value
from ...ir.types import TensorType
from ...limits import EDGES, NODES, PATH, STEPS, VALUE
from ...source import Span
from ...syntax import tree
from ...words import WordError, WordFault
from .coverage import Coverage
from .draft import Draft
from .files import Context, Library
from .findings import Findings
from .mistakes import Fatal, Mistake, Silent, refused
from .scopes import Scope
from .values import NOTHING, Flow
from .way import Way


class Stop(Exception):
    """`upto` has reached its node."""

    def __init__(self, flow: Flow):
        super().__init__()
        self.flow = flow


Stated = Callable[[Parameter], Parameter]  # a parameter as its step wants it
Statement = Callable[["Elaborator", Any, Flow | None, Scope, Context], Flow | None]
Step = Callable[["Elaborator", tree.Call, Flow | None, Scope, Context, str | None], Flow]


@dataclass(frozen=True)
class Rules:
    """What each kind of statement does, and what a step does that may have a label."""

    statements: Mapping[type, Statement]
    step: Step


@dataclass
class Asked:
    """What was said of the net from outside the file."""

    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)  # shapes that no `input` line has taken yet
    parameters: dict[str, Any] = field(default_factory=dict)  # of the net that is run, as they came to be
    initialise: bool = False  # weights=none: weights files are left alone


@dataclass
class Known:
    """What was worked out before, by all that it depends on: in a deep net the same steps come over and over."""

    steps: dict[Any, Any] = field(default_factory=dict)  # layers by the way their steps are written
    # what a layer, which it holds on to, makes of types
    results: dict[Any, tuple[Any, TensorType, tuple[Parameter, ...]]] = field(default_factory=dict)
    # layers, held on to, of which there is nothing to say on an input of this type
    unremarkable: dict[tuple[int, TensorType], Any] = field(default_factory=dict)


class Elaborator:
    """The parts of one elaboration, each of which owns its facts, and what needs several of them: running a body, making
    a node."""

    def __init__(self, library: Library, rules: Rules):
        self.library, self.rules = library, rules
        self.asked = Asked()
        self.draft = Draft()
        self.way = Way()
        self.findings = Findings(self.way)
        self.coverage = Coverage()
        self.known = Known()
        self.report, self.say, self.fatal = self.findings.report, self.findings.say, self.findings.fatal
        self.guarded = self.findings.guarded
        self._lines: dict[tuple[int, int], str] = {}

    # ---------------------------------------------------------------- running
    def run(self, s: Any, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
        """Run one statement. Mistakes are reported here, and the flow goes on as far as it is known."""
        point()
        try:
            return self.rules.statements[s.__class__](self, s, flow, scope, c)
        except Fatal:
            raise
        except Mistake as m:
            self.report(m.diagnostic)
        except Silent:
            pass
        return flow.unsure() if flow is not None else NOTHING

    def step(self, node: tree.Call, flow: Flow | None, scope: Scope, c: Context, label: str | None = None) -> Flow:
        """Run one step; `label` takes the place of its name."""
        return self.rules.step(self, node, flow, scope, c, label)

    def done(self, scope: Scope, flow: Flow) -> Flow:
        """A name has its final value; `upto` may have been waiting for it."""
        scope.value = flow
        if self.way.stop is not None and scope.path == self.way.stop:
            raise Stop(flow)
        return flow

    def tick(self, span: Span) -> None:
        """Count a step against the limit."""
        self.library.budget.steps += 1
        if self.library.budget.steps > STEPS:
            raise self._too_many("take", f"more than {STEPS} steps to elaborate", span)

    def _too_many(self, verb: str, what: str, span: Span) -> Fatal:
        """A limit that all nets of a file share."""
        alone = self.library.nets < 2
        return self.fatal("too-many-steps", f"this net {verb}s {what}" if alone else f"the nets of this file {verb} {what}", span,
                          hint=Advice("check the counts of `repeat` and `for`" + ("" if alone else ", or give each net a file")))

    # ---------------------------------------------------------------- nodes
    def add_input(self, name: str, type_: TensorType, span: Span, scope: Scope) -> Flow:
        made = scope.claim(name, span)
        node = Node(made.path, Input("input"), (), (Value(made.path, type_),), spans=(span, *self.way.spans),
                    notes=(self._line(span),), scope=scope.path)
        self._append(node)
        flow = made.value = Flow(made.path, type_)
        return flow

    def add(self, name: str, op: Any, inputs: list[Flow], span: Span, scope: str,
            stated: Stated | None = None) -> Flow:
        """One node of a layer: its shape rule, and its parameters with what the step states of them. Raises Mistake."""
        self.library.budget.edges += len(inputs)
        if self.library.budget.edges > EDGES:
            raise self._too_many("join", f"more than {EDGES} values", span)
        if len(name) > PATH:
            raise self.fatal("too-long", f"the full name of this node has {len(name):,} letters", span, f"the limit is {PATH:,}",
                             hint=Advice("give blocks and labels shorter names"))
        types = [f.type for f in inputs]
        sure = True
        for f in inputs:
            sure = sure and f.sure
        try:
            if op.binds and sure:
                with at_line(span):
                    op, inputs, types = self._bound(op, inputs)
            key = (id(op), sure, *types)
            known = self.known.results.get(key)
            if known is None:
                known = self.known.results[key] = self._made(op, types, sure, span)
            _, result, parameters = known
        except WordError as e:
            if not sure and (e.code == "unknown-size" or (e.code == "wrong-rank" and not all(f.ranked for f in inputs))
                             or any(len(t.shape) != len(types[0].shape) for t in types)):
                raise Silent from None
            raise refused(e, span) from None
        except WordFault as e:
            if not isinstance(e.__cause__, TypeError | AssertionError) or (sure and all(t.known for t in types)):
                raise
            if sure:  # a rule that computes with a size it was not given
                raise Mistake("unknown-size", f"{op.name} needs to know the size of its input", span, f"the input is {types[0]}",
                              hint="bind it:  --input 3x224x224") from None
            raise Silent from None
        if not sure:
            return Flow("", result, False, (), self._bounded(op, inputs, span), all(f.ranked for f in inputs))
        attrs: tuple[tuple[str, Any], ...] = ()
        if parameters:
            parameters = self._own(name, parameters, stated, span)
            if any(not p.trainable for p in parameters if p.kind != "buffer"):
                attrs = (("frozen", True),)
        elif self.way.frozen and not self.way.reused:
            attrs = (("frozen", True),)
        node = Node(name, op, tuple([f.value for f in inputs]), (Value(name, result),), tuple(parameters), None,
                    (span, *self.way.spans) if self.way.spans else (span,), (self._line(span),), scope, attrs)
        self._append(node)
        self.draft.read.update(node.inputs)
        return Flow(name, result)

    def _made(self, op: Any, types: list[TensorType], sure: bool, span: Span) -> tuple[Any, TensorType, tuple[Parameter, ...]]:
        """What a layer makes of inputs of these types: itself, its result, what it learns."""
        if sure and len({t.batch for t in types}) > 1:  # whatever their shapes are
            raise Mistake("shape-mismatch", "a value inside `each` meets one outside", span,
                          "inside, a sample has many images; outside it has one",
                          hint=Advice("close the `each` before joining them"))
        with at_line(span):
            result: TensorType = op.shape(*types)
            parameters: tuple[Parameter, ...] = op.parameters(*types) if sure else ()
        if sure and prod([n or 0 for n in result.shape]) > VALUE:
            raise Mistake("too-large", "this value is too large for any machine", span,
                          f"{result}: {result.size:.3g} numbers for one image")
        if sum(p.size for p in parameters) > VALUE:
            raise Mistake("too-large", "these weights are too large for any machine", span,
                          f"{sum(p.size for p in parameters):.3g} numbers")
        return op, result, parameters

    def _bounded(self, op: Any, inputs: list[Flow], span: Span) -> tuple[int | None, ...] | None:
        """The sizes that a result has at most, where the input's are not known for certain. What is too large even for
        them is a mistake of its own."""
        try:
            made: TensorType = op.shape(*(f.largest for f in inputs))
            return made.shape
        except WordError as e:
            if e.code == "window-too-large" and len(inputs) == 1 and inputs[0].ranked:
                raise refused(e, span) from None
        except Exception:  # whatever a rule makes of half a shape, nothing is known then
            pass
        return None

    def _bound(self, op: Any, inputs: list[Flow]) -> tuple[Any, list[Flow], list[TensorType]]:
        """What a layer makes of the nodes it reads: `unpool` reads what the pool it undoes read."""
        makers = tuple(self.draft.maker[f.value] for f in inputs)
        op, values = op.bound(makers, tuple(f.value for f in inputs))
        flows = [next((f for f in inputs if f.value == v), None) or Flow(v, self.draft.maker[v].type) for v in values]
        return op, flows, [f.type for f in flows]

    def _append(self, node: Node) -> None:
        self.draft.add(node, self.way.side > 0)
        self.library.budget.nodes += 1
        if self.library.budget.nodes > NODES:
            raise self._too_many("make", f"more than {NODES} nodes", node.spans[0])

    def _own(self, name: str, parameters: tuple[Parameter, ...], stated: Stated | None,
             span: Span) -> tuple[Parameter, ...]:
        """A layer's parameters under their full names; under `reuse` those of the original."""
        original = self.way.original(name)
        if original is not None:
            return tuple(self._original(f"{original}.{p.name}", p, span) for p in parameters)
        file, within = self.way.weights_of(name)
        out = []
        for p in parameters:
            made = Parameter(f"{name}.{p.name}", p.shape, p.kind, p.init, p.fan_in, p.fan_out,
                             p.trainable and not self.way.frozen, p.values, p.factors, file, within, p.of)
            if stated is not None:
                made = stated(made)
            self.draft.parameters[made.name] = made
            out.append(made)
        return tuple(out)

    def _original(self, name: str, p: Parameter, span: Span) -> Parameter:
        first = self.draft.parameters.get(name)
        if first is None:
            raise Silent  # the original was in error
        if first.shape != p.shape:
            raise Mistake("shape-mismatch", "`reuse` runs the same weights again, and here they do not fit", span,
                          f"{name} is {'x'.join(map(str, first.shape))}, and this input would need {'x'.join(map(str, p.shape))}",
                          hint=Advice("bring the flow to the shape that the first use has"))
        return first

    def _line(self, span: Span) -> str:
        """The text of a line, as a node's note."""
        key = (id(span.source), span.line)
        if key not in self._lines:
            self._lines[key] = span.source.line(span.line).strip()[:200]
        return self._lines[key]
