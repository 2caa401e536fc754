"""Program -> program with gradients, by the chain rule on formulas, in reverse order.

    y[n,o,p] += x[n,c,p+u] * w[o,c,u]   and a cotangent dy give
    dx[n,c,p+u] += dy[n,o,p] * w[o,c,u]   and   dw[o,c,u] += dy[n,o,p] * x[n,c,p+u].

Layers that state their own backward rule (closed forms: batch norm, softmax, max-pooling) are stepped over by it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce

from ..diagnostics import UsageError
from ..ir.formula import Access, Formula, Pieces, access, in_bounds
from ..ir.functions import FUNCTIONS
from ..ir.graph import Graph, Input, Node, Parameter, Region, Value
from ..ir.types import TensorType
from .lower import Program, Writer, lower, places
from .objective import Cotangent, Term, with_losses


@dataclass(frozen=True)
class differentiate:
    """Append losses and the gradients of their sum to a program as `lower` leaves it. Without losses, every output gets an
    Input of role `cotangent` named d.OUTPUT. `inputs` asks for gradients to the network's inputs as well."""

    terms: tuple[Term, ...] = ()
    inputs: bool = False

    def __call__(self, graph: Graph) -> Graph:
        graph, seeds = with_losses(graph, self.terms) if self.terms else (graph, ())
        p = Program.of(graph)
        if not seeds:
            for public, v in graph.outputs:
                name = f"d.{public}"
                p.append(Node(name, Input("cotangent"), (), (Value(name, p.types[v]),)))
                seeds = (*seeds, (v, name))
        wanted = [n.name for n in graph.nodes if (isinstance(n.op, Parameter) and n.op.trainable)
                  or (self.inputs and isinstance(n.op, Input) and n.op.role == "input")]
        back = _Backward(p, graph, set(wanted))
        for v, d in seeds:
            back.parts.setdefault(v, []).append(d)
        back.run()
        gradients = tuple((w, back.total(w)) for w in wanted)
        return replace(graph, nodes=tuple(p.nodes), regions=(), lowered=None,
                       gradients=tuple((w, g) for w, g in gradients if isinstance(g, str)))


def training_program(graph: Graph, terms: tuple[Term, ...], *, training: bool = True, inputs: bool = False) -> Graph:
    """Losses and gradients. Outputs: the network's, then loss.0, loss.1, ... of shape (1,)."""
    return differentiate(terms, inputs)(lower(training)(graph))


def cotangent_program(graph: Graph, *, training: bool, inputs: bool) -> Graph:
    """Gradients for cotangents of the outputs that come from outside, named d.OUTPUT."""
    return differentiate((), inputs)(lower(training)(graph))


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
        parts = self.parts.get(value)
        if not parts:
            if value in self.wanted:  # reached by nothing: its gradient is zero
                t = self.p.types[value]
                return self._emit(value, f"d[{_index(t)}] = 0.0", {}, t)
            return None
        numbers = [x for x in parts if isinstance(x, float)]
        named = [x for x in parts if isinstance(x, str)]
        if not named:
            return sum(numbers)
        t = self.p.types[value]
        out = named[0]
        for k, other in enumerate(named[1:]):
            extra = f" + {sum(numbers)!r}" if numbers and k == len(named) - 2 else ""
            out = self._emit(value, f"d[{_index(t)}] = a[{_index(t)}] + b[{_index(t)}]{extra}", {"a": out, "b": other}, t)
        self.parts[value] = [out]
        return out

    def region(self, region: Region, node: Node) -> None:
        outs = [self.total(o) for o in region.outputs]
        if all(o is None for o in outs) or not any(i in self.needed
                                                   for i in (*region.inputs, *(p for _, p in region.parameters))):
            return
        w = Writer(self.p, f"d.{region.name}", node)
        inputs, parameters = region.layer.backward(w, outs[0], *region.inputs, saved=dict(region.saved),
                                                   **dict(region.parameters))
        for name, g in zip(region.inputs, inputs):
            if g is not None and name in self.needed:
                self.parts.setdefault(name, []).append(g)
        full = dict(region.parameters)
        for local, g in parameters.items():
            if full[local] in self.needed:
                self.parts.setdefault(full[local], []).append(g)

    def formula(self, node: Node, f: Formula, inputs: tuple[str, ...], results: tuple[TensorType, ...]) -> None:
        dy = self.total(node.name)
        if dy is None:
            return
        if f.how == "max=" and f.reduced:
            self.maximum(node, f, dy)
            return
        bound = dict(zip(f.operands, inputs))
        target = f.target
        extents = f.extents(tuple(self.p.types[i] for i in inputs), results)
        for k, read in enumerate(f.reads):
            source = bound[read.name]
            if source not in self.needed:
                continue
            d = _factor(f, k)
            if d == "0":
                continue
            t = self.p.types[source]
            limits = self.limits(f, read, bound, extents)
            if d == "1" and read.axes == target.axes and not f.reduced and results and not limits:
                self.parts.setdefault(source, []).append(dy)  # the same value: no operation
                continue
            right = _product("dy" + str(target)[len(target.name):] if isinstance(dy, str) else repr(dy), d)
            g = Formula(f"d_{read.name}{str(read)[len(read.name):]} = {right}")
            for r in f.reads:  # what the term no longer reads still says how often it is added, and where
                if r is not read and r not in g.reads and (r in limits
                                                           or any(i in f.reduced and i not in g.indices for i in r.indices)):
                    right = f"({right}) * where({r} > 0.0, 1.0, 1.0)"
                    g = Formula(f"d_{read.name}{str(read)[len(read.name):]} = {right}")
            summed = [i for i in g.indices if i not in read.indices]
            how = "+=" if summed or read.compound or (f.is_product) else "="
            text = f"d_{read.name}{str(read)[len(read.name):]} {how} {right}"
            env = bound | {target.name: node.name} | ({"dy": dy} if isinstance(dy, str) else {})
            known = Formula(text)
            bare = {a.bare for r in (known.target, *(known.reads if results else ())) for a in r.axes if a.bare}
            over = {i: e for i, e in extents.items() if i in known.indices and i not in bare}
            self.parts.setdefault(source, []).append(self._emit(source, text, {k: env[k] for k in known.operands}, t, over, node))

    def limits(self, f: Formula, read: Access, bound: dict[str, str], extents: dict[str, int]) -> list[Access]:
        """The other reads that may be out of bounds, where the formula adds nothing."""
        return [r for r in f.reads if r is not read and r.compound
                and in_bounds(zip(r.axes[self.p.types[bound[r.name]].batch > 0:], self.p.types[bound[r.name]].shape), extents, {},
                              str)]

    def maximum(self, node: Node, f: Formula, dy: Cotangent) -> None:
        """The gradient goes to the place that won, the first one among equals. The formula that finds the largest finds its
        place as well:

            y[n,c] max= x[n,c,h]   becomes   y[n,c], i[n,c] max= x[n,c,h]   and   dx[n,c,h] += where(i[n,c] == h, dy[n,c], 0)
        """
        bound = dict(zip(f.operands, node.inputs))
        extents = f.extents(tuple(self.p.types[i] for i in node.inputs), tuple(v.type for v in node.results))
        place, number = self.place(node, f), _row_major(f.reduced, extents)
        at = str(f.target)[len(f.target.name):]
        given, known = ("dy" + at, {"dy": dy}) if isinstance(dy, str) else (repr(dy), {})
        won = f"where(place{at} == {number}, {given}, 0.0)"
        apart = ""  # what arrives at each place of the maximum, where a read does not know all of its indices
        for sub, read in zip(f.subscripts, f.reads):
            source = bound[read.name]
            d = derivative(f.right, sub, "")
            if source not in self.needed or d == "0":
                continue
            to, env = f"d_{read.name}{str(read)[len(read.name):]}", bound | {"place": place, **known}
            if set(f.reduced) <= set(read.indices):
                text = f"{to} += where(place{at} == {number}, {_product(given, d)}, 0.0)"
            else:
                places = sorted(f.indices, key=lambda i: i != "n")
                batch = max((self.p.types[bound[r.name]].batch for r in f.reads if "n" in r.indices), default=0)
                t = TensorType(tuple(extents[i] for i in places if i != "n"), batch)
                apart = apart or self._emit(node.name, f"won[{','.join(places)}] = {won}", {"place": place, **known}, t,
                                            {i: extents[i] for i in places if i != "n"}, node)
                text, env = f"{to} += " + _product(f"won[{','.join(places)}]", d), bound | {"won": apart}
            new = Formula(text)
            bare = {i for r in (new.target, *new.reads) for i in r.bare if i}
            over = {i: e for i, e in extents.items() if i in new.indices and i not in bare}
            self.parts.setdefault(source, []).append(self._emit(source, text, {k: env[k] for k in new.operands},
                                                                self.p.types[source], over, node))

    def place(self, node: Node, f: Formula) -> str:
        """The value that holds the place of a maximum; made where the formula has not got it yet."""
        if len(node.results) > 1:
            return node.results[1].name
        name = f"{node.name}.place"
        k = next(k for k, m in enumerate(self.p.nodes) if m.name == node.name)
        taken = {f.target.name, *f.operands}
        local = next(x for x in ("i", "place", "place_") if x not in taken)
        both = f.writing(f.target, Access(local, f.target.axes))
        self.p.nodes[k] = replace(node, op=both, results=(*node.results, Value(name, node.type)))
        self.p.types[name] = node.type
        return name

    def _emit(self, source: str, text: str, operands: dict[str, str], t: TensorType, over: dict[str, int] | None = None,
              node: Node | None = None) -> str:
        w = Writer(self.p, "", node or self.graph.maker.get(source))
        f = Formula(text)
        name = "d." + source
        k = 2
        while name in self.p.types:
            name, k = f"d.{source}~{k}", k + 1
        made = Node(name, Formula(text, tuple((over or {}).items())), tuple(operands[o] for o in f.operands), (Value(name, t),),
                    spans=w.node.spans if w.node else (), notes=w.node.notes if w.node else (), scope=w.node.scope or w.node.name
                    if w.node else "")
        self.p.append(made)
        return name


def _index(t: TensorType) -> str:
    if t.batch:
        return ",".join(("n", *places(len(t.shape))))
    return ",".join(f"i{k}" for k in range(len(t.shape)))


def _row_major(indices: tuple[str, ...], extents: dict[str, int]) -> str:
    """The number of a place among the indices that a maximum goes over. Images may only be counted first: how many there are
    is known when it runs."""
    out = "0"
    for i in indices:
        if i == "n" and out != "0":
            raise UsageError("a maximum over images is differentiated where `n` is the first index it goes over",
                             f"it goes over {', '.join(indices)}", code="bad-formula")
        out = i if out == "0" else f"({out})*{extents[i]}+{i}"
    return out


def derivative(e: ast.expr, wrt: ast.Subscript, result: str) -> str:
    """d(e)/d(wrt) as text; "0" and "1" where it is one. `result` is the text of e's own value where that is at hand: the
    derivatives of relu, tanh, sigmoid and exp are cheaper from it."""

    def d(x: ast.expr) -> str:
        return derivative(x, wrt, "")

    def u(x: ast.expr) -> str:
        return str(access(x)) if isinstance(x, ast.Subscript) else ast.unparse(x)

    def group(x: ast.expr) -> str:
        return u(x) if isinstance(x, ast.Subscript | ast.Name | ast.Constant | ast.Call) else f"({u(x)})"

    y = result or u(e)
    match e:
        case ast.Subscript():
            return "1" if e is wrt else "0"
        case ast.Constant() | ast.Name() | ast.Compare():
            return "0"
        case ast.UnaryOp(ast.USub(), x):
            return _product("-1.0", d(x))
        case ast.BinOp(left, ast.Add(), right):
            return _sum(d(left), d(right))
        case ast.BinOp(left, ast.Sub(), right):
            return _sum(d(left), _product("-1.0", d(right)))
        case ast.BinOp(left, ast.Mult(), right):
            return _sum(_product(d(left), group(right)), _product(group(left), d(right)))
        case ast.BinOp(left, ast.Div(), right):
            return _sum(_product(d(left), f"(1.0 / ({u(right)}))"),
                        _product(d(right), f"(-({u(left)}) / (({u(right)}) * ({u(right)})))"))
        case ast.Call(ast.Name("max"), [a, ast.Constant(0.0)]):
            return _product(f"where({y} > 0.0, 1.0, 0.0)", d(a))  # from the result: 0 at 0, as PyTorch
        case ast.Call(ast.Name("where"), [test, a, b]):
            da, db = d(a), d(b)
            return "0" if da == db == "0" else da if da == db else f"where({u(test)}, {_number(da)}, {_number(db)})"
        case ast.Call(ast.Name("random"), _):
            return "0"
        case ast.Call(ast.Name(name), arguments) if name in FUNCTIONS:
            texts = tuple(map(u, arguments))
            parts = (_product(d(x), FUNCTIONS[name].derivative(k, texts, y)) for k, x in enumerate(arguments))
            return reduce(_sum, parts)
    raise ValueError(f"no derivative of {u(e)}")


@lru_cache(maxsize=16384)
def _factor(f: Formula, k: int) -> str:
    """What the gradient of a formula is multiplied by on its way to read number `k`."""
    return derivative(f.right, f.subscripts[k], str(f.target) if f.how == "=" else "")  # a sum is not the value of its terms


def _number(d: str) -> str:
    return f"{d}.0" if d in ("0", "1") else d


def _sum(a: str, b: str) -> str:
    return b if a == "0" else a if b == "0" else f"({_number(a)} + {_number(b)})"


def _product(a: str, b: str) -> str:
    """a * b, with the mask of a relu written as a select: where(test, b, 0)."""
    if "0" in (a, b):
        return "0"
    if a == "1":
        return b
    if b == "1":
        return a
    for x, y in ((a, b), (b, a)):
        if x.startswith("where(") and x.endswith(", 1.0, 0.0)") and x.count("where(") == 1:
            return f"where({x[6:-11]}, {y}, 0.0)"
    return f"{a} * {b}"

