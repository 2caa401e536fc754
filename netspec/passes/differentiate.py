"""Program -> program with gradients, by the chain rule on formulas, in reverse order.

    y[n,o,p] += x[n,c,p+u] * w[o,c,u]   and a cotangent dy give
    dx[n,c,p+u] += dy[n,o,p] * w[o,c,u]   and   dw[o,c,u] += dy[n,o,p] * x[n,c,p+u].

Layers that state their own backward rule (closed forms: batch norm, softmax, max-pooling) are stepped over by it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..diagnostics import UsageError, at_line
from ..ir.derivatives import ONE, derivative, factor, product, tree
from ..ir.expressions import compared, number, plus, times, where
from ..ir.formula import Access, Formula, Pieces, in_bounds
from ..ir.graph import Graph, Input, Node, Parameter, Region, Value
from ..ir.types import TensorType
from .lower import Program, Writer, lower, places
from .objective import Cotangent, Term, with_losses
from .said import Ends


@dataclass(frozen=True)
class differentiate:
    """Append losses and the gradients of their sum to a program as `lower` leaves it. Without losses, every output gets an
    Input of role `cotangent` named d.OUTPUT. `inputs` asks for gradients to the network's inputs as well, or to them alone, or
    to some of them by name; `inner` names values of the program whose gradients are wanted too, where they have any."""

    terms: tuple[Term, ...] = ()
    inputs: bool | tuple[str, ...] = False
    parameters: bool = True
    inner: tuple[str, ...] = ()

    def __call__(self, graph: Graph) -> Graph:
        graph, seeds = with_losses(graph, self.terms) if self.terms else (graph, ())
        p = Program.of(graph)
        if not seeds:
            for public, v in graph.outputs:
                name = f"d.{public}"
                p.append(Node(name, Input("cotangent"), (), (Value(name, p.types[v]),)))
                seeds = (*seeds, (v, name))
        wanted = [n.name for n in graph.nodes if (self.parameters and isinstance(n.op, Parameter) and n.op.trainable)
                  or (isinstance(n.op, Input) and n.op.role == "input" and self._asked(n.name))]
        back = _Backward(p, graph, {*wanted, *self.inner})
        for v, d in seeds:
            back.parts.setdefault(v, []).append(d)
        back.run()
        reached = [v for v in self.inner if v not in wanted and v in back.parts]
        gradients = tuple((w, back.total(w)) for w in (*wanted, *reached))
        return replace(graph, nodes=tuple(p.nodes), regions=(), lowered=None,
                       gradients=tuple((w, g) for w, g in gradients if isinstance(g, str)))

    def _asked(self, name: str) -> bool:
        return self.inputs if isinstance(self.inputs, bool) else name in self.inputs


def training_program(graph: Graph, terms: tuple[Term, ...], *, training: bool = True, inputs: bool = False) -> Graph:
    """Losses and gradients. Outputs: the network's, then loss.0, loss.1, ... of shape (1,)."""
    return differentiate(terms, inputs)(lower(training)(graph))


def cotangent_program(graph: Graph, *, training: bool, inputs: bool) -> Graph:
    """Gradients for cotangents of the outputs that come from outside, named d.OUTPUT."""
    return differentiate((), inputs)(lower(training)(graph))


def input_program(graph: Graph, terms: tuple[Term, ...] = ()) -> Graph:
    """Gradients to the inputs alone, in evaluation mode: of losses, or for cotangents d.OUTPUT where there are none."""
    return differentiate(terms, inputs=True, parameters=False)(lower(training=False)(graph))


@dataclass
class _Backward:
    p: Program
    graph: Graph
    wanted: set[str]
    parts: dict[str, list[Cotangent]] = field(default_factory=dict)

    def run(self) -> None:
        needed = set(self.wanted)  # values that a wanted one feeds: only these carry gradients
        for n in self.graph.nodes:
            if any(i in needed for i in n.inputs):
                needed |= {v.name for v in n.results}
        self.needed = needed
        inside = {name: r for r in self.graph.regions for name in r.nodes}
        done: set[str] = set()
        for node in reversed(self.graph.nodes):
            region = inside.get(node.name)
            if region is not None:
                if region.name not in done:
                    done.add(region.name)
                    self.region(region, node)
            elif node.effect is None and node.name in self.parts and node.name in needed:
                if isinstance(node.op, Formula):
                    self.formula(node, node.op, node.inputs, tuple(v.type for v in node.results))
                elif isinstance(node.op, Pieces):
                    for f, inputs in node.op.bind(node.inputs):
                        self.formula(node, f, inputs, ())

    def total(self, value: str) -> Cotangent | None:
        """The sum of the cotangents that reached a value; a gradient that is one number becomes a formula."""
        parts = self.parts.get(value, [])
        if not parts and value not in self.wanted:
            return None
        t, more = self.p.types[value], float(sum(x for x in parts if isinstance(x, float)))
        named = [x for x in parts if isinstance(x, str)]
        if not named:
            return self._emit(value, Formula.of(_whole("d", t), right=number(more)), {}) if value in self.wanted else more
        out = named[0]
        for k, other in enumerate(named[1:], 2):
            out = self._emit(value, _sum(t, more if k == len(named) else 0.0), {"a": out, "b": other})
        if more and len(named) == 1:
            out = self._emit(value, Formula.of(_whole("d", t), right=plus(_whole("a", t).tree, number(more))), {"a": out})
        self.parts[value] = [out]
        return out

    def region(self, region: Region, node: Node) -> None:
        outs = [self.total(o) for o in region.outputs]
        if all(o is None for o in outs) or not any(i in self.needed
                                                   for i in (*region.inputs, *(p for _, p in region.parameters))):
            return
        w = Writer(self.p, f"d.{region.name}", node)
        layer, dy, saved, parameters = region.layer, outs[0], dict(region.saved), dict(region.parameters)
        numbers = list(map(str, range(len(region.inputs))))

        def backward() -> Ends:
            inputs, learned = layer.backward(w, dy, *region.inputs, saved=saved, **parameters)
            return {**dict(zip(numbers, inputs)), **learned}

        given = (*((dy,) if isinstance(dy, str) else ()), *region.inputs, *saved.values(), *parameters.values())
        what = "backward", type(layer), repr(layer), None if isinstance(dy, str) else repr(dy), *saved, "", *parameters
        with at_line(*node.spans):
            gradients = self.p.once(what, w, given, backward)
        for end, g in gradients.items():
            name = region.inputs[int(end)] if end in numbers else parameters[end]
            if g is not None and name in self.needed:
                self.parts.setdefault(name, []).append(g)

    def formula(self, node: Node, f: Formula, inputs: tuple[str, ...], results: tuple[TensorType, ...]) -> None:
        dy = self.total(node.name)
        if dy is None:
            return
        if f.how == "max=" and f.reduced:
            self.maximum(node, f, dy)
            return
        bound = dict(zip(f.operands, inputs))
        env = bound | {f.target.name: node.name} | _known(f, dy)
        types = tuple([self.p.types[i] for i in inputs])
        for k, read in enumerate(f.reads):
            source = bound[read.name]
            if source in self.needed:
                g = _gradient(f, k, types, results, None if isinstance(dy, str) else dy)
                if g is not None:  # the same value needs no operation
                    self.parts.setdefault(source, []).append(dy if g is SAME else self._emit(source, g, env, node))

    def maximum(self, node: Node, f: Formula, dy: Cotangent) -> None:
        """The gradient goes to the place that won, the first one among equals. The formula that finds the largest finds its
        place as well:

            y[n,c] max= x[n,c,h]   becomes   y[n,c], i[n,c] max= x[n,c,h]   and   dx[n,c,h] += where(i[n,c] == h, dy[n,c], 0)
        """
        bound = dict(zip(f.operands, node.inputs))
        extents = f.extents(tuple(self.p.types[i] for i in node.inputs), tuple(v.type for v in node.results))
        place = f.target.called(_local("place", f))
        env = bound | {place.name: self.place(node, f)} | _known(f, dy)
        at = compared(place.tree, ast.Eq(), _row_major(f.reduced, extents))
        dz, zero = _arriving(f, None if isinstance(dy, str) else dy), number(0.0)
        apart = None  # what arrives at each place of the maximum, where a read does not know all of its indices
        for sub, read in zip(f.subscripts, f.reads):
            source = bound[read.name]
            d = derivative(f.right, sub)
            if source not in self.needed or d is None:
                continue
            if set(f.reduced) <= set(read.indices):
                right = where(at, tree(product((dz,), d)), zero)
            else:
                places = sorted(f.indices, key=lambda i: i != "n")
                won = Access.at(_local("won", f), *places)
                batch = max((self.p.types[bound[r.name]].batch for r in f.reads if "n" in r.indices), default=0)
                t = TensorType(tuple(extents[i] for i in places if i != "n"), batch)
                g = Formula.of(won, right=where(at, dz, zero), over=((i, extents[i]) for i in places if i != "n"))
                apart = apart or self._emit(node.name, g, env, node, t)
                env |= {won.name: apart}
                right = tree(product((won.tree,), d))
            new = Formula.of(read.called(_local(f"d_{read.name}", f)), how="+=", right=right)
            new = _with_extents(new, extents, {i for r in (new.target, *new.reads) for i in r.bare if i})
            self.parts.setdefault(source, []).append(self._emit(source, new, env, node))

    def place(self, node: Node, f: Formula) -> str:
        """The value that holds the place of a maximum; made where the formula has not got it yet."""
        if len(node.results) > 1:
            return node.results[1].name
        name = f"{node.name}.place"
        k = next(k for k, m in enumerate(self.p.nodes) if m.name == node.name)
        both = f.writing(f.target, f.target.called(_local("i", f)))
        self.p.nodes[k] = replace(node, op=both, results=(*node.results, Value(name, node.type)))
        self.p.types[name] = node.type
        return name

    def _emit(self, source: str, g: Formula, env: dict[str, str], node: Node | None = None, t: TensorType | None = None) -> str:
        """Append a formula, whose result is of a value's own type unless given."""
        like = node or self.graph.maker.get(source)
        name, k = f"d.{source}", 2
        while name in self.p.types:
            name, k = f"d.{source}~{k}", k + 1
        self.p.append(Node(name, g, tuple(env[o] for o in g.operands), (Value(name, t or self.p.types[source]),),
                           spans=like.spans if like else (), notes=like.notes if like else (),
                           scope=like.scope or like.name if like else ""))
        return name


SAME = Formula("same[0] = dy[0]")  # stands for a cotangent as it is


@lru_cache(maxsize=16384)
def _gradient(f: Formula, k: int, operands: tuple[TensorType, ...], results: tuple[TensorType, ...],
              dy: float | None) -> Formula | None:
    """The gradient that reaches read number `k` of a formula, of a cotangent that is a value, or a number: None where none does,
    and SAME where it is the cotangent."""
    d, read, extents, types = factor(f, k), f.reads[k], f.extents(operands, results), dict(zip(f.operands, operands))
    if d is None:
        return None
    # the other reads that may be out of bounds, where the formula adds nothing
    limits = [r for r in f.reads if r is not read and r.compound
              and in_bounds(zip(r.axes[types[r.name].batch > 0:], types[r.name].shape), extents, {}, str)]
    if d == ONE and read.axes == f.target.axes and not f.reduced and results and not limits:
        return SAME
    to, factors = read.called(_local(f"d_{read.name}", f)), product((_arriving(f, dy),), d)
    g = Formula.of(to, right=tree(factors))
    for r in f.reads:  # what the term no longer reads still says how often it is added, and where
        if r is not read and r not in g.reads and (r in limits or any(i in f.reduced and i not in g.indices for i in r.indices)):
            factors = (*factors, where(compared(r.tree, ast.Gt(), number(0.0)), number(1.0), number(1.0)))
            g = Formula.of(to, right=tree(factors))
    if any(i not in read.indices for i in g.indices) or read.compound or f.is_product:
        g = g.writing(to, how="+=")
    return _with_extents(g, extents, {a.bare for r in (g.target, *(g.reads if results else ())) for a in r.axes if a.bare})


def _with_extents(g: Formula, extents: dict[str, int], bare: set[str]) -> Formula:
    """A gradient with the extents of those indices that no subscript gives it."""
    return Formula(g.text, tuple((i, e) for i, e in extents.items() if i in g.indices and i not in bare))


@lru_cache(maxsize=4096)
def _sum(t: TensorType, more: float) -> Formula:
    """The sum of two cotangents, and of a number where it is any."""
    both = plus(_whole("a", t).tree, _whole("b", t).tree)
    return Formula.of(_whole("d", t), right=plus(both, number(more)) if more else both)


def _local(name: str, f: Formula) -> str:
    """A name for a value beside those that a formula reads and writes: this one, or one like it where it is taken."""
    taken = {*f.operands, *(t.name for t in f.targets)}
    while name in taken:
        name += "_"
    return name


def _arriving(f: Formula, dy: float | None) -> ast.expr:
    """A cotangent where a gradient reads it: at the places of the formula's target, or the number that it is."""
    return f.target.called(_local("dy", f)).tree if dy is None else number(dy)


def _known(f: Formula, dy: Cotangent) -> dict[str, str]:
    """The local name of a cotangent that is a value; a number stands in a gradient as it is."""
    return {_local("dy", f): dy} if isinstance(dy, str) else {}


def _whole(name: str, t: TensorType) -> Access:
    """Every place of a value."""
    indices = ("n", *places(len(t.shape))) if t.batch else tuple(f"i{k}" for k in range(len(t.shape)))
    return Access.at(name, *indices)


def _row_major(indices: tuple[str, ...], extents: dict[str, int]) -> ast.expr:
    """The number of a place among the indices that a maximum goes over. Images may only be counted first: how many there are
    is known when it runs."""
    out: ast.expr = number(0)
    for k, i in enumerate(indices):
        if i == "n" and k:
            raise UsageError("a maximum over images is differentiated where `n` is the first index it goes over",
                             f"it goes over {', '.join(indices)}", code="bad-formula")
        out = plus(times(out, number(extents[i])), ast.Name(i)) if k else ast.Name(i)
    return out
