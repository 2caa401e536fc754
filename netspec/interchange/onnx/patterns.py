"""Operators as layers state them, `Mul(x, Sigmoid(Mul(x, beta)))`: read, written, and found in a graph."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ...words.onnx import Onnx, OnnxNode, OnnxWriter, Read
from ...words.word import arguments

VALUES = ("x", "y", "z")  # what a layer reads, in order
EITHER_WAY = ("Add", "Mul", "Max", "Min", "Sum")
CLOSE = 1e-6  # two constants are the same within this share: files hold float32


@dataclass(frozen=True)
class Call:
    """An operator on values; `every` says that it takes all that the layer reads."""

    op: str
    inputs: tuple[Call | str | float, ...]
    attributes: tuple[tuple[str, str | float], ...]
    every: bool = False

    def ops(self) -> Iterator[str]:
        yield self.op
        for i in self.inputs:
            if isinstance(i, Call):
                yield from i.ops()


@dataclass(frozen=True)
class Pattern:
    """One way to say a layer: `fields` are what it means beside what its text says."""

    call: Call
    fields: tuple[tuple[str, Any], ...]

    @property
    def size(self) -> int:
        return len(list(self.call.ops()))


@cache
def patterns(cls: Any) -> tuple[Pattern, ...]:
    """All ways in which a layer says itself, in its order."""
    said = cls.onnx if isinstance(cls.onnx, tuple) else (cls.onnx,)
    return tuple(Pattern(called(o.text), tuple(o.fields.items())) if isinstance(o, Onnx) else Pattern(called(o), ())
                 for o in said)


def called(text: str) -> Call:
    """Operators, as a text says them."""
    return _call(ast.parse(text, mode="eval").body)


def _call(e: ast.expr) -> Call:
    assert isinstance(e, ast.Call) and isinstance(e.func, ast.Name), ast.dump(e)
    if len(e.args) == 1 and isinstance(e.args[0], ast.Starred):
        inputs: tuple[Call | str | float, ...] = ()
        every = True
    else:
        inputs, every = tuple(_call(a) if isinstance(a, ast.Call) else _plain(a) for a in e.args), False
    return Call(e.func.id, inputs, tuple((str(k.arg), _plain(k.value)) for k in e.keywords), every)


def _plain(e: ast.expr) -> str | float:
    """A name as `$name`, so that no text is taken for one; a number or a text as it is."""
    if isinstance(e, ast.Name):
        return f"${e.id}"
    value = ast.literal_eval(e)
    assert isinstance(value, (int, float, str))
    return value


def stated(o: OnnxWriter, layer: Any, inputs: tuple[str, ...]) -> str | None:
    """Write a layer as the first of its patterns that says all of it; None where none does."""
    kind: Any = type(layer)
    for p in patterns(kind):
        if _says(p, layer, len(inputs)) and all(map(o.has, p.call.ops())):
            return _written(p.call, o, layer, inputs)
    return None


def _says(p: Pattern, layer: Any, many: int) -> bool:
    """Whether a pattern says every field that is not as usual, and takes so many inputs."""
    names = {name[1:] for name in _names(p.call)}
    named, slots = names.difference(VALUES), len(names.intersection(VALUES))
    if any(getattr(layer, n) is None for n in named) or not (p.call.every or many == slots or _chains(p.call)):
        return False
    given = dict(p.fields)
    return all(getattr(layer, a.field) == given.get(a.field, a.default) for a in arguments(type(layer)) if a.field not in named)


def _chains(c: Call) -> bool:
    """Whether it is an operator on two values that takes any number of them one after the other."""
    return c.op in ("Mul", "Sub") and c.inputs == ("$x", "$y")


def _names(c: Call) -> Iterator[str]:
    for part in (*c.inputs, *(v for _, v in c.attributes)):
        if isinstance(part, Call):
            yield from _names(part)
        elif isinstance(part, str) and part.startswith("$"):
            yield part


def _written(c: Call, o: OnnxWriter, layer: Any, inputs: tuple[str, ...]) -> str:
    def known(v: str | float) -> Any:
        return getattr(layer, v[1:]) if isinstance(v, str) and v.startswith("$") else v

    said = {k: known(v) for k, v in c.attributes}
    if c.every:
        return o(c.op, *inputs, **said)
    if len(inputs) != len(c.inputs) and _chains(c):  # ((a op b) op c)
        y = inputs[0]
        for x in inputs[1:]:
            y = o(c.op, y, x, **said)
        return y
    values = []
    for i in c.inputs:
        if isinstance(i, Call):
            values.append(_written(i, o, layer, inputs))
        elif isinstance(i, str) and i[1:] in VALUES:
            values.append(inputs[VALUES.index(i[1:])])
        else:
            values.append(o.numbers(float(known(i))))
    return o(c.op, *values, **said)


def found(cls: Any, n: OnnxNode) -> Read | None:
    """The layer that ends in a node, by the first of its patterns that is there."""
    for p in patterns(cls):
        seen: dict[str, Any] = {}
        if matched(p.call, n, seen):
            values = seen.pop("*", None) or [seen[v] for v in VALUES if v in seen]
            fields = {k: v for k, v in seen.items() if k not in VALUES}
            return Read(cls(**{a.field: _usual(a.default, fields[a.field]) for a in arguments(cls) if a.field in fields},
                            **dict(p.fields)), tuple(values))
    return None


def _usual(default: Any, value: float) -> float:
    """The usual number, where the file holds it in float32."""
    return default if isinstance(default, float) and math.isclose(default, value, rel_tol=CLOSE) else value


def matched(c: Call, n: OnnxNode, seen: dict[str, Any]) -> bool:
    """Whether operators end in a node; `seen` gets what the names in them stand for."""
    if n.op != c.op or any(n.outputs[1:]) or not _attributes(c, n, seen):
        return False
    if c.every:
        seen["*"] = n.inputs
        return all(n.array(k) is None for k in range(len(n.inputs)))
    given = [k for k, i in enumerate(n.inputs) if i]
    if given != list(range(len(c.inputs))):  # one that is left out between others moves no other to its place
        return False
    orders = [given, given[::-1]] if c.op in EITHER_WAY and len(given) == 2 else [given]
    for order in orders:
        trial = dict(seen)
        if all(_input(part, n, k, trial) for part, k in zip(c.inputs, order)):
            seen.update(trial)
            return True
    return False


def _attributes(c: Call, n: OnnxNode, seen: dict[str, Any]) -> bool:
    """Whether a node has the attributes stated, and of the others the usual values."""
    said = dict(c.attributes)
    for name, value in n.attributes.items():
        want = said.get(name, _default(n, name))
        if isinstance(want, str) and want.startswith("$"):
            if not _noted(want[1:], value, seen):
                return False
        elif name not in said and value == want:
            continue
        elif isinstance(want, (int, float)) and isinstance(value, (int, float)):
            if not math.isclose(want, value, rel_tol=CLOSE):
                return False
        elif want != value:
            return False
    return True


def _default(n: OnnxNode, name: str) -> Any:
    return getattr(n, "usual", {}).get(name)


def _input(part: Call | str | float, n: OnnxNode, k: int, seen: dict[str, Any]) -> bool:
    if isinstance(part, Call):
        inner = n.before(k)
        return inner is not None and matched(part, inner, seen)
    if isinstance(part, str) and part[1:] in VALUES:
        return n.array(k) is None and _noted(part[1:], n.inputs[k], seen)
    a = n.array(k)
    if a is None or a.size != 1:
        return False
    number = float(str(a.reshape(-1)[0]))  # of float32 the shortest: 0.1 stays 0.1
    if isinstance(part, str):
        return _noted(part[1:], number, seen)
    return math.isclose(float(part), number, rel_tol=CLOSE, abs_tol=1e-12)


def _noted(name: str, value: Any, seen: dict[str, Any]) -> bool:
    """Whether a name may stand for this: for the same wherever it stands."""
    before: Mapping[str, Any] = seen
    if name in before:
        return bool(before[name] == value)
    seen[name] = value
    return True
