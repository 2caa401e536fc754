"""The state of one elaboration: the nodes made so far, the way in, what was found wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any

from ..diagnostics import Advice, Diagnostic, Label, Severity
from ..ir.graph import Input, Node, Parameter, Value
from ..ir.types import TensorType
from ..limits import EDGES, MISTAKES, NODES, PATH, STEPS, VALUE
from ..source import Span
from ..syntax import tree
from ..words import WordError
from ..words.layer import Layer
from .bind import refused
from .files import Context, File, Library
from .scopes import Scope
from .stated import Stated
from .values import Fatal, Flow, Mistake, Silent

_UNBOUND = Layer.bound


class Stop(Exception):
    """`upto` has reached its node."""

    def __init__(self, flow: Flow):
        super().__init__()
        self.flow = flow


class Elaborator:
    """Statements and steps work on this; see `statements.py` and `steps.py`."""

    def __init__(self, library: Library, inputs: dict[str, Any]):
        self.library, self.wanted = library, inputs
        self.nodes: list[Node] = []
        self.found: list[Diagnostic] = []
        self.depths: list[list[tuple[str, str, Span]]] = []  # the calls around each finding reported here
        self.parameters: dict[str, Parameter] = {}
        self.root = Scope("", None, None, wall=True)
        self.outputs: dict[str, tuple[Flow, Span]] = {}
        self.inputs: dict[str, Span] = {}
        self.ends_with_output = False
        self.nets = 0  # nets around this point, the outermost not counted
        self.binding: list[list[Flow]] = []  # values for the `input` lines of called nets, innermost last
        self.calls: list[tuple[str, str, Span]] = []  # block calls around this point: name, path, span
        self.call_spans: tuple[Span, ...] = ()
        self.frozen = 0
        self.stated: Stated | None = None  # what the step being placed says of its parameters
        self.shared: list[tuple[str, str]] = []  # `reuse`: path here, path of the original; innermost last
        self.weights: list[tuple[str, str | None]] = []  # `weights=`: path of the call, the file
        self.initialise = False  # --set weights=none
        self.stop: str | None = None
        self.side: set[str] = set()  # nodes of side branches of called nets: kept only where something reads them
        self.in_side = 0
        self.read: set[str] = set()  # values something reads
        # values that calls gave back: the path of the outermost, and where it stands
        self.results: dict[str, tuple[str, Span]] = {}
        self.errors = 0
        self.looking = False  # at what no net runs: one turn of a loop is enough, and no call goes round in a circle
        self.cut = False  # whether turns were left out
        self.given: dict[str, Any] = {}  # the parameters of the net that is run
        self.site: Span | None = None  # where the net that is run was asked for
        self.taken: set[int] = set()  # bodies that a condition let run
        self.over: dict[int, tuple[Any, Context]] = {}  # bodies that one passed over
        self.muted = 0  # above 0 while a line is read otherwise than it is written: nothing is said of it
        self.guessing = 0  # above 0 inside bodies of which nobody knows whether they would run
        self.lines: dict[tuple[int, int], str] = {}
        self.said: set[tuple[str, Span | None]] = set()
        self.maker: dict[str, Node] = {}
        self.seen_axes: set[str] = set()
        self.bound_steps: dict[Any, Any] = {}  # layers by the way their steps are written
        # what a layer, which it holds on to, makes of types
        self.known: dict[Any, tuple[Any, TensorType, tuple[Parameter, ...]]] = {}
        # layers, held on to, of which there is nothing to say on an input of this type
        self.unremarkable: dict[tuple[int, TensorType], Any] = {}
        self.entered: set[int] = set()  # definitions whose body was run
        self.maybe: set[str] = set()  # names that lines which could not be read, or decided, may have defined

    # ---------------------------------------------------------------- mistakes
    def report(self, d: Diagnostic) -> None:
        if self.muted:
            return
        at = (d.code, d.span)
        if d.severity != "error":
            if at in self.said:
                return  # once a line, however often a block is called
            self.said.add(at)
        if d.code == "too-large" and self.calls:
            name, _, span = self.calls[-1]
            if sum(n == name for n, _, _ in self.calls) > 8:  # numbers that grow from call to call
                self.forget(name)
                raise self.fatal("endless-recursion", f"`{name}` calls itself without end", span,
                                 f"{len(self.calls)} levels deep, and its numbers keep growing",
                                 Advice("guard the inner call with  if depth > 0:"))
        site = self.call_spans[-1] if self.call_spans else self.site
        # in an imported file
        if site is not None and d.severity == "error" and d.span is not None and d.span.source != site.source:
            d = replace(d, labels=(Label(site, "as it is used here"), *d.labels))
        self.found.append(d if d.trail else replace(d, trail=self.trail()))
        self.depths.append(self.calls[:])
        self.errors += d.severity == "error"
        if self.errors == MISTAKES:
            raise self.fatal("too-many-mistakes", f"{MISTAKES} mistakes: the rest was not looked at", d.labels[0].span)

    def turns(self, count: int) -> int:
        """How many turns of a loop are run."""
        if not self.looking or count < 2:
            return count
        self.cut = True
        return 1

    def passed_over(self, body: Any, c: Context) -> None:
        """Remember a body, or a condition, that did not run: `check` looks at those that never do."""
        if body is not None:
            self.over.setdefault(id(body), (body, c))

    def forget(self, name: str) -> None:
        """Of an endless recursion, what went wrong further down is no mistake of its own."""
        kept = [(d, calls) for d, calls in zip(self.found[len(self.found) - len(self.depths) :], self.depths)
                if sum(n == name for n, _, _ in calls) < 2]
        first = self.found[: len(self.found) - len(self.depths)]
        self.found[:] = [*first, *(d for d, _ in kept)]
        self.depths = [calls for _, calls in kept]

    def say(self, severity: Severity, code: str, title: str, span: Span, label: str = "", notes: tuple[str, ...] = (),
            hint: str | None = None) -> None:
        self.report(Diagnostic(code, title, (Label(span, label),), notes, hint, severity))

    def fatal(self, code: str, title: str, span: Span, label: str = "", hint: str | None = None) -> Fatal:
        """A mistake that ends the elaboration, with the way in as it is now."""
        made = Fatal(code, title, span, label, hint=hint)
        made.diagnostic = replace(made.diagnostic, trail=self.trail())
        return made

    def trail(self) -> tuple[str, ...]:
        """The calls around this point, innermost first, recursion collapsed."""
        out: list[str] = []
        k = len(self.calls)
        while k > 0:
            name, path, span = self.calls[k - 1]
            same = k - 1
            while same > 0 and self.calls[same - 1][0] == name:
                same -= 1
            count = k - same
            line = span.source.line(span.line).strip()
            if count > 2:
                shown = self.calls[same][1].rsplit(".", 1)[-1]
                out.append(f"in {shown} ... ({count} calls), from line {span.line}: {line}")
                k = same
            else:
                out.append(f"in {path}, from line {span.line}: {line}")
                k -= 1
        return tuple(out[:8])

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Report a mistake and go on behind it."""
        try:
            yield
        except Fatal:
            raise
        except Mistake as m:
            self.report(m.diagnostic)
        except Silent:
            pass

    def tick(self, span: Span) -> None:
        self.library.spent.steps += 1
        if self.library.spent.steps > STEPS:
            raise self.too_many("take", f"more than {STEPS} steps to elaborate", span)

    def too_many(self, verb: str, what: str, span: Span) -> Fatal:
        """A limit that all nets of a file share."""
        alone = self.library.nets < 2
        return self.fatal("too-many-steps", f"this net {verb}s {what}" if alone else f"the nets of this file {verb} {what}", span,
                          hint=Advice("check the counts of `repeat` and `for`" + ("" if alone else ", or give each net a file")))

    # ---------------------------------------------------------------- nodes
    def add_input(self, name: str, type_: TensorType, span: Span, scope: Scope) -> Flow:
        made = scope.claim(name, span)
        node = Node(made.path, Input("input"), (), (Value(made.path, type_),), spans=(span, *self.call_spans),
                    notes=(self.line(span),), scope=scope.path)
        self._append(node)
        flow = made.value = Flow(made.path, type_)
        return flow

    def add(self, name: str, op: Any, inputs: list[Flow], span: Span, scope: str) -> Flow:
        """One node of a layer: its shape rule, its parameters. Raises Mistake."""
        self.library.spent.edges += len(inputs)
        if self.library.spent.edges > EDGES:
            raise self.too_many("join", f"more than {EDGES} values", span)
        if len(name) > PATH:
            raise self.fatal("too-long", f"the full name of this node has {len(name):,} letters", span, f"the limit is {PATH:,}",
                             hint=Advice("give blocks and labels shorter names"))
        types = [f.type for f in inputs]
        sure = True
        for f in inputs:
            sure = sure and f.sure
        try:
            if op.binds and sure:
                op, inputs, types = self.bound(op, inputs)
            key = (id(op), sure, *types)
            known = self.known.get(key)
            if known is None:
                known = self.known[key] = self._made(op, types, sure, span)
            _, result, parameters = known
        except WordError as e:
            if not sure and (e.code == "unknown-size" or (e.code == "wrong-rank" and not all(f.ranked for f in inputs))
                             or any(len(t.shape) != len(types[0].shape) for t in types)):
                raise Silent from None
            raise refused(e, span) from None
        except (TypeError, AssertionError):
            if sure and all(t.known for t in types):
                raise
            if sure:  # a rule that computes with a size it was not given
                raise Mistake("unknown-size", f"{op.name} needs to know the size of its input", span, f"the input is {types[0]}",
                              hint="bind it:  --input 3x224x224") from None
            raise Silent from None
        if not sure:
            return Flow("", result, False, (), self.bounded(op, inputs, span), all(f.ranked for f in inputs))
        attrs: tuple[tuple[str, Any], ...] = ()
        if parameters:
            parameters = self.own(name, parameters, span)
            if any(not p.trainable for p in parameters if p.kind != "buffer"):
                attrs = (("frozen", True),)
        elif self.frozen and not self.shared:
            attrs = (("frozen", True),)
        node = Node(name, op, tuple([f.value for f in inputs]), (Value(name, result),), tuple(parameters), None,
                    (span, *self.call_spans) if self.call_spans else (span,), (self.line(span),), scope, attrs)
        self._append(node)
        self.read.update(node.inputs)
        return Flow(name, result)

    def _made(self, op: Any, types: list[TensorType], sure: bool, span: Span) -> tuple[Any, TensorType, tuple[Parameter, ...]]:
        """What a layer makes of inputs of these types: itself, its result, what it learns."""
        result: TensorType = op.shape(*types)
        parameters: tuple[Parameter, ...] = op.parameters(*types) if sure else ()
        if sure and len({t.batch for t in types}) > 1:
            raise Mistake("shape-mismatch", "a value inside `each` meets one outside", span,
                          "inside, a sample has many images; outside it has one",
                          hint=Advice("close the `each` before joining them"))
        if sure and prod([n or 0 for n in result.shape]) > VALUE:
            raise Mistake("too-large", "this value is too large for any machine", span,
                          f"{result}: {result.size:.3g} numbers for one image")
        if sum(p.size for p in parameters) > VALUE:
            raise Mistake("too-large", "these weights are too large for any machine", span,
                          f"{sum(p.size for p in parameters):.3g} numbers")
        return op, result, parameters

    def bounded(self, op: Any, inputs: list[Flow], span: Span) -> tuple[int | None, ...] | None:
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

    def bound(self, op: Any, inputs: list[Flow]) -> tuple[Any, list[Flow], list[TensorType]]:
        """What a layer makes of the nodes it reads: `unpool` reads what the pool it undoes read."""
        makers = tuple(self.maker[f.value] for f in inputs)
        op, values = op.bound(makers, tuple(f.value for f in inputs))
        flows = [next((f for f in inputs if f.value == v), None) or Flow(v, self.maker[v].type) for v in values]
        return op, flows, [f.type for f in flows]

    def _append(self, node: Node) -> None:
        self.nodes.append(node)
        self.maker[node.name] = node
        if self.in_side:
            self.side.add(node.name)
        self.library.spent.nodes += 1
        if self.library.spent.nodes > NODES:
            raise self.too_many("make", f"more than {NODES} nodes", node.spans[0])

    def own(self, name: str, parameters: tuple[Parameter, ...], span: Span) -> tuple[Parameter, ...]:
        """A layer's parameters under their full names; under `reuse` those of the original."""
        if self.shared:
            original = name
            for here, there in reversed(self.shared):
                if original == here or original.startswith(here + "."):
                    original = there + original[len(here) :]
            return tuple(self._original(f"{original}.{p.name}", p, span) for p in parameters)
        file, within = None, ""
        for path, f in self.weights:
            if name == path or name.startswith(path + ".") or not path:
                file, within = f, path
        out = []
        for p in parameters:
            made = Parameter(f"{name}.{p.name}", p.shape, p.kind, p.init, p.fan_in, p.fan_out, p.trainable and not self.frozen,
                             p.values, p.factors, file, within)
            if self.stated is not None:
                made = self.stated.of(made)
            self.parameters[made.name] = made
            out.append(made)
        return tuple(out)

    def _original(self, name: str, p: Parameter, span: Span) -> Parameter:
        first = self.parameters.get(name)
        if first is None:
            raise Silent  # the original was in error
        if first.shape != p.shape:
            raise Mistake("shape-mismatch", "`reuse` runs the same weights again, and here they do not fit", span,
                          f"{name} is {'x'.join(map(str, first.shape))}, and this input would need {'x'.join(map(str, p.shape))}",
                          hint=Advice("bring the flow to the shape that the first use has"))
        return first

    def line(self, span: Span) -> str:
        key = (id(span.source), span.line)
        if key not in self.lines:
            self.lines[key] = span.source.line(span.line).strip()[:200]
        return self.lines[key]

    # ---------------------------------------------------------------- places
    def done(self, scope: Scope, flow: Flow) -> Flow:
        """A name has its final value; `upto` may have been waiting for it."""
        scope.value = flow
        if self.stop is not None and scope.path == self.stop:
            raise Stop(flow)
        return flow


def single_call(body: Any) -> tree.Call | None:
    """The one call a label stands for: alone, behind references that only move the flow, or alone in a suite."""
    while True:
        if body.__class__ is tree.Call:
            found: tree.Call = body
            return found
        if body.__class__ is tree.Suite and len(body.statements) == 1:
            body = body.statements[0]
        elif body.__class__ is tree.Steps:
            calls = [x for x in body.items if x.__class__ is not tree.Reference]
            if len(calls) != 1 or body.items[-1].__class__ is tree.Reference:
                return None
            body = calls[0]
        else:
            return None


__all__ = ["Elaborator", "File", "Stop", "single_call"]
