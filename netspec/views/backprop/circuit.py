"""A program taken apart into scalars: a gate for every operation on numbers, its value, and its slope by each of its inputs.

The formulas are unrolled index by index; the values of tensors are those that the reference backend has computed. A gradient is
then the chain rule alone: what arrives at a gate, times its slope, goes on to each of its inputs.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...ir.expressions import number
from ...ir.formula import Access, Axis, Formula, Pieces
from ...ir.functions import FUNCTIONS
from ...ir.graph import Graph, Input, Node, Parameter
from .letters import Letters

Array = NDArray[Any]
Ref = int | float  # a gate by its number, or a constant
Kind = Literal["input", "parameter", "target", "gate"]
MOST = 100  # scalars that can still be followed by eye


class TooMany(Exception):
    """There are more scalars than a drawing can show, or one that is drawn by chance."""


@dataclass(frozen=True)
class Gate:
    """A scalar: a number from outside, or an operation on others."""

    sign: str  # what stands in the circle; of a number from outside its short name
    value: float
    inputs: tuple[int, ...] = ()
    slopes: tuple[float, ...] = ()  # the derivative by each input, where it stands
    kind: Kind = "gate"
    name: str = ""  # the element of a tensor that it is: fc1.weight[0,1]


@dataclass(frozen=True)
class Circuit:
    """Gates in the order in which they are computed; the last is what gradients are of."""

    gates: tuple[Gate, ...]

    @cached_property
    def readers(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Of each gate, who reads it: gate and argument."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.gates]
        for k, g in enumerate(self.gates):
            for a, i in enumerate(g.inputs):
                found[i].append((k, a))
        return tuple(map(tuple, found))

    @cached_property
    def gradients(self) -> tuple[float, ...]:
        """d(last) / d(each), from the last to the first: the sum of what comes back over all its readers."""
        found = [0.0] * len(self.gates)
        found[-1] = 1.0
        for k in range(len(self.gates) - 1, -1, -1):
            for i, slope in zip(self.gates[k].inputs, self.gates[k].slopes):
                found[i] += found[k] * slope
        return tuple(found)

    def back(self, gate: int, argument: int) -> float:
        """What goes back from a gate to one of its inputs."""
        return self.gradients[gate] * self.gates[gate].slopes[argument]


def circuit(program: Graph, values: Mapping[str, Array], last: Sequence[tuple[str, float]], called: Mapping[str, str],
            most: int = MOST) -> Circuit:
    """The circuit of a program for one example.

    values  of its tensors, by name, as the reference backend has them
    last    values of one number each, and their weights: gradients are those of their weighted sum
    called  other names of tensors, for people

    Raises TooMany.
    """
    if sum(math.prod(_extents(f, inputs, n, program, values).values()) for n in program if isinstance(n.op, Formula | Pieces)
           for f, inputs in n.formulas) > 60 * most:
        raise TooMany
    build = _Unrolling(values, called, Letters(program))
    for n in program:
        build.node(n, program)
    terms = [build.times(build.elements[name].reshape(-1)[0], weight) for name, weight in last]
    end = build.sum(terms) if len(terms) > 1 else terms[0]
    if not isinstance(end, int):
        end = build.put(Gate(_short(end), end, kind="input"))
    made = _tidied(build.gates, end)
    if len(made.gates) > most:
        raise TooMany
    return made


def _extents(f: Formula, inputs: Sequence[str], n: Node, program: Graph, values: Mapping[str, Array]) -> dict[str, int]:
    """How far each index runs, that of examples as well."""
    results = () if isinstance(n.op, Pieces) else tuple(v.type for v in n.results)
    found = dict(f.extents(tuple(program.values[i].type for i in inputs), results))
    if "n" in f.indices:
        bound = dict(zip(f.operands, inputs)) | {f.target.name: n.name}
        found["n"] = next(values[bound[a.name]].shape[0] for a in (f.target, *f.reads) if a.axes and a.axes[0].bare == "n")
    return found


@dataclass
class _Unrolling:
    values: Mapping[str, Array]
    called: Mapping[str, str]
    letters: Letters
    gates: list[Gate] = field(default_factory=list)
    elements: dict[str, Array] = field(default_factory=dict)  # of each tensor its scalars, as Refs
    made: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)

    def put(self, gate: Gate) -> int:
        """A new gate; where there is one that does just that, that one."""
        if not gate.inputs:
            self.gates.append(gate)
            return len(self.gates) - 1
        k = self.made.setdefault((gate.sign, gate.inputs), len(self.gates))
        if k == len(self.gates):
            self.gates.append(gate)
        return k

    def value(self, ref: Ref) -> float:
        return self.gates[ref].value if isinstance(ref, int) else ref

    def node(self, n: Node, program: Graph) -> None:
        if isinstance(n.op, Formula | Pieces):
            for v in n.results:
                self.elements[v.name] = np.full(self.values[v.name].shape, 0.0, object)
            for f, inputs in n.formulas:
                self.formula(f, inputs, n, _extents(f, inputs, n, program, self.values))
            return
        for v in n.results:
            a, out = self.values[v.name], np.empty(self.values[v.name].shape, object)
            kind: Kind = "parameter" if isinstance(n.op, Parameter) else \
                "target" if isinstance(n.op, Input) and n.op.role == "target" else "input"
            for at in np.ndindex(a.shape):
                own, shape = at[1:], a.shape[1:]
                if isinstance(n.op, Parameter):  # a layer may look at it in another shape than its own
                    shape = n.op.shape
                    own = tuple(map(int, np.unravel_index(int(np.ravel_multi_index(at, a.shape)), shape)))
                sign = self.letters.of(v.name, own, shape)
                out[at] = self.put(Gate(sign, float(a[at]), (), (), kind, _element(v.name, own)))
            self.elements[v.name] = out

    def formula(self, f: Formula, inputs: Sequence[str], n: Node, extents: Mapping[str, int]) -> None:
        operands = {o: self.elements[i] for o, i in zip(f.operands, inputs)}
        terms: dict[tuple[int, ...], list[Ref]] = {}
        before = len(self.gates)
        for combo in itertools.product(*(range(extents[i]) for i in f.indices)):
            fixed = dict(zip(f.indices, combo))
            at = _place(f.target, fixed)
            reads = {id(s): _place(r, fixed) for s, r in zip(f.subscripts, f.reads)}
            if all(_inside(reads[id(s)], operands[r.name].shape) for s, r in zip(f.subscripts, f.reads)) \
                    and _inside(at, self.elements[n.name].shape):
                found = {id(s): operands[r.name][reads[id(s)]] for s, r in zip(f.subscripts, f.reads)}
                terms.setdefault(at, []).append(self.expression(f.right, fixed, found))
        for at, several in terms.items():
            made = self.largest(several) if f.how == "max=" else self.sum(several)
            if isinstance(made, int) and made >= before:  # the tensor's own number, as it was computed
                own = at if not n.type.batch else at[1:]
                name = _element(self.called.get(n.name, n.name), own)
                self.gates[made] = replace(self.gates[made], value=float(self.values[n.name][at]), name=name)
            there = self.elements[n.name][at]
            self.elements[n.name][at] = made if isinstance(there, float) and not there else self.sum([there, made])
        for v in n.results[1:]:  # where a maximum was found: of no slope
            self.elements[v.name] = self.values[v.name].astype(float).astype(object)

    # -- operations --------------------------------------------------------------------------------------------------
    def expression(self, e: ast.expr, fixed: Mapping[str, int], read: Mapping[int, Ref]) -> Ref:
        match e:
            case ast.Subscript():
                return read[id(e)]
            case ast.Constant(c):
                return float(c)  # type: ignore[arg-type]
            case ast.Name(i):
                return float(fixed.get(i, 1))  # N, the number of examples, is 1
            case ast.UnaryOp(ast.USub(), a):
                return self.times(self.expression(a, fixed, read), -1.0)
            case ast.BinOp(a, op, b):
                x, y = self.expression(a, fixed, read), self.expression(b, fixed, read)
                return _BINARY[type(op)](self, x, y)
            case ast.Call(ast.Name("where"), [test, a, b]):
                chosen = self.expression(a if self.holds(test, fixed, read) else b, fixed, read)
                return self.put(Gate("if", self.value(chosen), (chosen,), (1.0,))) if isinstance(chosen, int) else chosen
            case ast.Call(ast.Name(name), arguments) if name in FUNCTIONS:
                return self.function(name, [self.expression(a, fixed, read) for a in arguments])
        raise TooMany  # a number drawn by chance

    def holds(self, test: ast.expr, fixed: Mapping[str, int], read: Mapping[int, Ref]) -> bool:
        assert isinstance(test, ast.Compare)
        a, b = (self.value(self.expression(x, fixed, read)) for x in (test.left, test.comparators[0]))
        return _COMPARE[type(test.ops[0])](a, b)

    def function(self, name: str, given: Sequence[Ref]) -> Ref:
        f = FUNCTIONS[name]
        numbers = [self.value(g) for g in given]
        y = f.at(*numbers)
        if not any(isinstance(g, int) for g in given):
            return y
        slopes = [plain(f.derivative(k, [number(x) for x in numbers], number(y))) for k in range(len(given))]
        moving = {k: g for k, g in enumerate(given) if isinstance(g, int)}
        fixed = [_short(g) for g in given if isinstance(g, float)]
        return self.put(Gate(" ".join((name, *fixed)), y, tuple(moving.values()), tuple(slopes[k] for k in moving)))

    def sum(self, terms: Sequence[Ref]) -> Ref:
        moving = [t for t in terms if isinstance(t, int)]
        rest = math.fsum(t for t in terms if isinstance(t, float))
        if not moving:
            return rest
        made = moving[0]
        if len(moving) > 1:
            made = self.put(Gate("+", sum(self.value(t) for t in moving), tuple(moving), (1.0,) * len(moving)))
        return made if not rest else self.put(Gate(_signed(rest), self.value(made) + rest, (made,), (1.0,)))

    def largest(self, terms: Sequence[Ref]) -> Ref:
        """The first of the largest wins."""
        if len(terms) == 1 or not any(isinstance(t, int) for t in terms):
            return terms[0] if len(terms) == 1 else max(map(float, terms))
        best = max(range(len(terms)), key=lambda k: (self.value(terms[k]), -k))
        moving = [k for k, t in enumerate(terms) if isinstance(t, int)]
        return self.put(Gate("max", self.value(terms[best]), tuple(int(terms[k]) for k in moving),
                             tuple(float(k == best) for k in moving)))

    def less(self, a: Ref, b: Ref) -> Ref:
        if isinstance(b, float):
            return self.sum([a, -b])
        if isinstance(a, float):
            return self.put(Gate(f"{_short(a)}−", a - self.value(b), (b,), (-1.0,))) if a else self.times(b, -1.0)
        return self.put(Gate("−", self.value(a) - self.value(b), (a, b), (1.0, -1.0)))

    def times(self, a: Ref, b: Ref) -> Ref:
        if isinstance(a, float):
            a, b = b, a
        if isinstance(a, float):
            return a * self.value(b)
        x, y = self.value(a), self.value(b)
        if isinstance(b, float):
            return a if b == 1 else 0.0 if b == 0 else self.put(Gate(f"×{_short(b)}", x * b, (a,), (b,)))
        if a == b:
            return self.put(Gate("a²", x * x, (a,), (2 * x,)))
        return self.put(Gate("×", x * y, (a, b), (y, x)))

    def over(self, a: Ref, b: Ref) -> Ref:
        x, y = self.value(a), self.value(b)
        if isinstance(b, float):
            return x / y if isinstance(a, float) else a if b == 1 else self.put(Gate(f"÷{_short(b)}", x / y, (a,), (1 / y,)))
        if not isinstance(a, int):
            return self.put(Gate(f"{_short(a)}/a", x / y, (b,), (-x / (y * y),)))
        return self.put(Gate("÷", x / y, (a, b), (1 / y, -x / (y * y))))


_BINARY: dict[type[ast.operator], Callable[[_Unrolling, Ref, Ref], Ref]] = {
    ast.Add: lambda u, a, b: u.sum([a, b]), ast.Sub: _Unrolling.less, ast.Mult: _Unrolling.times, ast.Div: _Unrolling.over}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b, ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b,
    ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b}


def plain(e: ast.expr | None) -> float:
    """An expression of numbers alone; that of no slope is 0."""
    match e:
        case None:
            return 0.0
        case ast.Constant(c):
            return float(c)  # type: ignore[arg-type]
        case ast.UnaryOp(ast.USub(), a):
            return -plain(a)
        case ast.BinOp(a, op, b):
            x, y = plain(a), plain(b)
            return x + y if isinstance(op, ast.Add) else x - y if isinstance(op, ast.Sub) else x * y if isinstance(op, ast.Mult) \
                else x / y
        case ast.Call(ast.Name("where"), [ast.Compare(left, [test], [right]), a, b]):
            return plain(a if _COMPARE[type(test)](plain(left), plain(right)) else b)
        case ast.Call(ast.Name(name), arguments):
            return FUNCTIONS[name].at(*map(plain, arguments))
    raise ValueError(f"no number: {ast.unparse(e)}")


def _tidied(gates: Sequence[Gate], end: int) -> Circuit:
    """What the last gate is made of; a sum that only another sum reads is a part of it."""
    used = {end}
    for k in range(end, -1, -1):
        used |= set(gates[k].inputs) if k in used else set()
    readers: dict[int, list[int]] = {}
    for k in used:
        for i in gates[k].inputs:
            readers.setdefault(i, []).append(k)
    within = {k: readers[k][0] for k in used
              if gates[k].sign == "+" and len(readers.get(k, ())) == 1 and gates[readers[k][0]].sign == "+"}

    def parts(k: int) -> list[int]:
        return [j for i in gates[k].inputs for j in (parts(i) if i in within else [i])]

    kept = sorted(k for k in used if k not in within)
    new = {k: n for n, k in enumerate(kept)}
    made = []
    for k in kept:
        g = gates[k]
        own = parts(k) if g.sign == "+" else list(g.inputs)
        made.append(replace(g, inputs=tuple(new[i] for i in own), slopes=(1.0,) * len(own) if g.sign == "+" else g.slopes))
    return Circuit(tuple(made))


def _place(a: Access, fixed: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(_at(axis, fixed) for axis in a.axes)


def _at(axis: Axis, fixed: Mapping[str, int]) -> int:
    return axis.const + sum(c * fixed[i] for i, c in axis.terms)


def _inside(at: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(0 <= k < n for k, n in zip(at, shape))


def _element(name: str, at: Sequence[int]) -> str:
    return f"{name}[{','.join(map(str, at))}]" if at else name


def _short(x: float) -> str:
    return f"{x:.3g}".replace("-", "−")


def _signed(x: float) -> str:
    return ("+" if x > 0 else "") + _short(x)
