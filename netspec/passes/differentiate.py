"""Program -> program with gradients, by the chain rule on formulas, in reverse order.

    y[n,o,p] += x[n,c,p+u] * w[o,c,u]   and a cotangent dy give
    dx[n,c,p+u] += dy[n,o,p] * w[o,c,u]   and   dw[o,c,u] += dy[n,o,p] * x[n,c,p+u].

Layers that state their own backward rule (closed forms: batch norm, softmax, max-pooling) are stepped over by it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from ..ir.formula import Formula, Pieces, access
from ..ir.graph import Graph, Input, Node, Parameter, Region, Value
from ..ir.types import TensorType
from .lower import Program, Writer, places

Cotangent = str | float  # a value, or a number where it is the same everywhere


@dataclass(frozen=True)
class differentiate:
    """Append the gradients of what `seeds` weigh: (value, its cotangent) pairs. Without seeds, every output gets an
    Input of role `cotangent` named d.OUTPUT. `inputs` asks for gradients to the network's inputs as well."""

    seeds: tuple[tuple[str, Cotangent], ...] = ()
    inputs: bool = False

    def __call__(self, graph: Graph) -> Graph:
        p = Program.of(graph)
        seeds: dict[str, Cotangent] = dict(self.seeds)
        if not seeds:
            for public, v in graph.outputs:
                name = f"d.{public}"
                p.append(Node(name, Input("cotangent"), (), (Value(name, p.types[v]),)))
                seeds[v] = name
        wanted = [n.name for n in graph.nodes if (isinstance(n.op, Parameter) and n.op.trainable)
                  or (self.inputs and isinstance(n.op, Input) and n.op.role == "input")]
        back = _Backward(p, graph, set(wanted))
        for v, d in seeds.items():
            back.parts.setdefault(v, []).append(d)
        back.run()
        gradients = tuple((w, back.total(w)) for w in wanted)
        return replace(graph, nodes=tuple(p.nodes), regions=(), gradients=tuple((w, g) for w, g in gradients if isinstance(g, str)))


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
        if all(o is None for o in outs) or not any(i in self.needed for i in (*region.inputs, *(p for _, p in region.parameters))):
            return
        w = Writer(self.p, f"d.{region.name}", node)
        inputs, parameters = region.layer.backward(w, outs[0], *region.inputs, saved=dict(region.saved), **dict(region.parameters))
        for name, g in zip(region.inputs, inputs):
            if g is not None and name in self.needed:
                self.parts.setdefault(name, []).append(g)
        full = dict(region.parameters)
        for local, g in parameters.items():
            if full[local] in self.needed:
                self.parts.setdefault(full[local], []).append(g)

    def formula(self, node: Node, f: Formula, inputs: tuple[str, ...], results: tuple[TensorType, ...]) -> None:
        assert f.how != "max=", f"%{node.name}: a maximum has no derivative as a formula; its layer states one"
        dy = self.total(node.name)
        if dy is None:
            return
        bound = dict(zip(f.operands, inputs))
        target = f.target
        extents = f.extents(tuple(self.p.types[i] for i in inputs), results)
        for sub, read in zip(f.subscripts, f.reads):
            source = bound[read.name]
            if source not in self.needed:
                continue
            d = derivative(f.right, sub, str(target))
            if d == "0":
                continue
            t = self.p.types[source]
            if d == "1" and read.axes == target.axes and not f.reduced and results:
                self.parts.setdefault(source, []).append(dy)  # the same value: no operation
                continue
            right = _product("dy" + str(target)[len(target.name):] if isinstance(dy, str) else repr(dy), d)
            g = Formula(f"d_{read.name}{str(read)[len(read.name):]} = {right}")
            summed = [i for i in g.indices if i not in read.indices]
            how = "+=" if summed or read.compound or (f.is_product) else "="
            text = f"d_{read.name}{str(read)[len(read.name):]} {how} {right}"
            env = bound | {target.name: node.name} | ({"dy": dy} if isinstance(dy, str) else {})
            known = Formula(text)
            bare = {a.bare for r in (known.target, *(known.reads if results else ())) for a in r.axes if a.bare}
            over = {i: e for i, e in extents.items() if i in known.indices and i not in bare}
            self.parts.setdefault(source, []).append(self._emit(source, text, {k: env[k] for k in known.operands}, t, over, node))

    def _emit(self, source: str, text: str, operands: dict[str, str], t: TensorType, over: dict[str, int] | None = None, node: Node | None = None) -> str:
        w = Writer(self.p, "", node or self.graph.maker.get(source))
        f = Formula(text)
        name = "d." + source
        k = 2
        while name in self.p.types:
            name, k = f"d.{source}~{k}", k + 1
        made = Node(name, Formula(text, tuple((over or {}).items())), tuple(operands[o] for o in f.operands), (Value(name, t),),
                    spans=w.node.spans if w.node else (), notes=w.node.notes if w.node else (), scope=w.node.scope or w.node.name if w.node else "")
        self.p.append(made)
        return name


def _index(t: TensorType) -> str:
    if t.batch:
        return ",".join(("n", *places(len(t.shape))))
    return ",".join(f"i{k}" for k in range(len(t.shape)))


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
            return _sum(_product(d(left), f"(1.0 / ({u(right)}))"), _product(d(right), f"(-({u(left)}) / (({u(right)}) * ({u(right)})))"))
        case ast.Call(ast.Name("max"), [a, ast.Constant(0.0)]):
            return _product(f"where({y} > 0.0, 1.0, 0.0)", d(a))  # from the result: 0 at 0, as PyTorch
        case ast.Call(ast.Name("max"), [a, b]):
            return _sum(_product(d(a), f"where({u(a)} >= {u(b)}, 1.0, 0.0)"), _product(d(b), f"where({u(a)} < {u(b)}, 1.0, 0.0)"))
        case ast.Call(ast.Name("min"), [a, b]):
            return _sum(_product(d(a), f"where({u(a)} <= {u(b)}, 1.0, 0.0)"), _product(d(b), f"where({u(a)} > {u(b)}, 1.0, 0.0)"))
        case ast.Call(ast.Name("where"), [test, a, b]):
            da, db = d(a), d(b)
            return "0" if da == db == "0" else da if da == db else f"where({u(test)}, {_number(da)}, {_number(db)})"
        case ast.Call(ast.Name("exp"), [x]):
            return _product(d(x), y)
        case ast.Call(ast.Name("log"), [x]):
            return _product(d(x), f"(1.0 / ({u(x)}))")
        case ast.Call(ast.Name("log1p"), [x]):
            return _product(d(x), f"(1.0 / (1.0 + ({u(x)})))")
        case ast.Call(ast.Name("expm1"), [x]):
            return _product(d(x), f"({y} + 1.0)")
        case ast.Call(ast.Name("sqrt"), [x]):
            return _product(d(x), f"(0.5 / {y})")
        case ast.Call(ast.Name("tanh"), [x]):
            return _product(d(x), f"(1.0 - {y} * {y})")
        case ast.Call(ast.Name("sigmoid"), [x]):
            return _product(d(x), f"({y} * (1.0 - {y}))")
        case ast.Call(ast.Name("erf"), [x]):
            return _product(d(x), f"(1.1283791670955126 * exp(-({u(x)}) * ({u(x)})))")
        case ast.Call(ast.Name("abs"), [x]):
            return _product(d(x), f"where({u(x)} > 0.0, 1.0, where({u(x)} < 0.0, -1.0, 0.0))")
        case ast.Call(ast.Name("floor" | "random"), _):
            return "0"
    raise ValueError(f"no derivative of {u(e)}")


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

