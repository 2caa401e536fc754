"""What exporters write with several operators that layers have no form for, in the operators that layers know.

A rule is a text of the kind in which layers say themselves (patterns.py) and what stands in its place. The new nodes make the
same value, to the last places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from .newest import constant, reduced
from .patterns import Call, called, matched

CERTAIN = 15.0  # from here on softplus is its input, within float32
Made = list[Any] | str | None  # nodes, the value that it only copies, or nothing


def rewritten(g: Any) -> None:
    """Apply the rules to a graph (plain.Plain) that knows who reads what."""
    for n in list(g.nodes):
        for text, rule in RULES:
            seen = dict[str, Any]()
            there = n.op == text if "(" not in text else n.op == (call := _read(text)).op and matched(call, n, seen)
            if there and (made := rule(n, seen)) is not None:
                at = g.nodes.index(n)
                nodes = [replace(n, op="Identity", inputs=(made,), attributes={})] if isinstance(made, str) else made
                g.nodes[at:at + 1] = nodes
                g.maker |= {m.outputs[0]: m for m in nodes}
                break
    copies = {n.outputs[0]: n for n in g.nodes if n.op == "Identity"}
    g.nodes = [n for n in g.nodes if n.op != "Identity"]
    g.alias |= {v: n.inputs[0] for v, n in copies.items()}
    for n in g.nodes:
        n.inputs = tuple(map(g.root, n.inputs))
    g.outputs = [(public, g.root(v)) for public, v in g.outputs]


@cache
def _read(text: str) -> Call:
    return called(text)


def _chain(n: Any, x: str, *steps: tuple[str, dict[str, Any], tuple[float, ...]]) -> Iterator[Any]:
    """One operator behind the other on a value, with numbers beside it; the last makes what n makes."""
    for k, (op, attributes, numbers) in enumerate(steps):
        y = n.outputs[0] if k == len(steps) - 1 else f"{n.outputs[0]}:{k}"
        named = replace(n, name=n.name if k == len(steps) - 1 else f"{n.name}:{k}", op=op, outputs=(y,), attributes=attributes)
        named.inputs = (x, *(constant(named, f"number{j}", np.float32(v)) if not math.isnan(v) else "" for j, v in enumerate(numbers)))
        _known(n, y, n.graph.shapes[n.outputs[0]])
        yield named
        x = y


def _known(n: Any, value: str, shape: tuple[int, ...]) -> None:
    n.graph.shapes[value] = shape
    n.graph.kinds[value] = n.graph.kinds.get(n.outputs[0], 1)


def _softplus(n: Any, seen: dict[str, Any]) -> Made:
    """x from 20 on, softplus below: PyTorch's."""
    if seen["t"] < CERTAIN:
        return None
    before, same = n.graph.maker.get(seen["x"]), n.source(2)
    if seen["y"] != seen["x"] and (before is None or before.op != "Mul" or seen["y"] not in before.inputs):
        return None
    while same is not None and same.op in ("Div", "Mul"):
        same = same.source(0)
    return str(n.inputs[2]) if same is not None and same.op == "Softplus" and same.inputs[0] == seen["x"] else None


def _hard(n: Any, seen: dict[str, Any]) -> Made:
    """x outside of -t to t, 0 inside: what is above t, less what is above t of -x."""
    t = seen["t"]
    if t < 0 or not math.isclose(seen.get("u", -t), -t, rel_tol=1e-6):
        return None
    y, shape = n.outputs[0], n.graph.shapes[n.outputs[0]]
    parts = []
    for k, op, limit in (("above", "Greater", t), ("below", "Less", -t)):
        is_ = replace(n, name=f"{n.name}:is_{k}", op=op, outputs=(f"{y}:is_{k}",), attributes={})
        is_.inputs = (seen["x"], constant(is_, "limit", np.float32(limit)))
        part = replace(n, name=f"{n.name}:{k}", op="Where", outputs=(f"{y}:{k}",), attributes={})
        part.inputs = (*is_.outputs, seen["x"], constant(part, "zero", np.float32(0)))
        for m in (is_, part):
            _known(n, m.outputs[0], shape)
        parts += [is_, part]
    return [*parts, replace(n, op="Add", inputs=(f"{y}:above", f"{y}:below"), attributes={})]


def _soft(n: Any, seen: dict[str, Any]) -> Made:
    """x, but nearer to 0 by t: x less itself between -t and t."""
    t = seen["t"]
    if t < 0 or not math.isclose(seen.get("u", -t), -t, rel_tol=1e-6):
        return None
    part = replace(n, outputs=(f"{n.outputs[0]}:near",), name=f"{n.name}:near")
    _known(n, part.outputs[0], n.graph.shapes[n.outputs[0]])
    return [*_chain(part, seen["x"], ("Clip", {}, (-t, t))), replace(n, op="Sub", inputs=(seen["x"], *part.outputs), attributes={})]


def _shrink(n: Any, seen: dict[str, Any]) -> Made:
    t, bias = n.attributes["lambd"], n.attributes["bias"]
    return _hard(n, {"x": seen["x"], "t": t}) if bias == 0 else _soft(n, {"x": seen["x"], "t": t}) if bias == t else None


def _quotient(n: Any, seen: dict[str, Any]) -> Made:
    """A number over a value."""
    return list(_chain(n, seen["x"], ("Reciprocal", {}, ()), ("Mul", {}, (seen["c"],)))) if seen["c"] != 1 else list(
        _chain(n, seen["x"], ("Reciprocal", {}, ())))


def _capped(n: Any, seen: dict[str, Any]) -> Made:
    """The smaller of a value and a number."""
    return [replace(n, op="Min", inputs=(n.inputs[0], n.inputs[2]), attributes={})] if len(n.inputs) > 2 and not n.inputs[1] else None


def _sum(n: Any, seen: dict[str, Any]) -> Made:
    """A sum over axes: the mean, so many times."""
    axes, shape = n.array(1), n.graph.shapes.get(n.inputs[0])
    if axes is None or not shape or n.attributes.get("noop_with_empty_axes"):
        return None
    many = math.prod(shape[int(a)] for a in axes.reshape(-1))
    mean = replace(n, op="ReduceMean", outputs=(f"{n.outputs[0]}:mean",), name=f"{n.name}:mean")
    _known(n, mean.outputs[0], n.graph.shapes[n.outputs[0]])
    return [*reduced(mean), *_chain(n, mean.outputs[0], ("Mul", {}, (float(many),)))]


def _smaller(n: Any, seen: dict[str, Any]) -> Made:
    """Half the size between two places is the mean of both; the nearest of every so many places is a pool of one."""
    x, out, a, scales = n.type(0), n.out, n.attributes, n.array(2)
    if x is None or out is None or x.channels != out.channels or not x.spatial or a.get("axes"):
        return None
    if scales is not None and scales.size and any(s * w != o for s, w, o in zip(scales[2:], _sizes(n, 0), _sizes(n, 1))):
        return None  # what is said to be 0.6 and rounds to a half
    steps = [w // o if w % o == 0 else 0 for w, o in zip(_sizes(n, 0), _sizes(n, 1))]
    halves = a.get("mode") == "linear" and set(steps) == {2} and "half_pixel" in a.get("coordinate_transformation_mode", "half_pixel")
    nearest = (a.get("mode", "nearest") == "nearest" and all(steps) and max(steps) > 1 and a.get("nearest_mode") == "floor"
               and a.get("coordinate_transformation_mode") == "asymmetric")
    if not (halves or nearest) or a.get("antialias"):
        return None
    return [_pool(n, "AveragePool" if halves else "MaxPool", n.inputs[0], [2] * len(steps) if halves else [1] * len(steps), steps)]


def _sizes(n: Any, k: int) -> tuple[int, ...]:
    return tuple(n.graph.shapes[(n.inputs[0], n.outputs[0])[k]][2:])


def _pool(n: Any, op: str, x: str, window: list[int], steps: list[int]) -> Any:
    return replace(n, op=op, inputs=(x,), attributes={"kernel_shape": window, "strides": steps, "pads": [0] * 2 * len(steps)})


def _every(n: Any, seen: dict[str, Any]) -> Made:
    """Every so many places of an image: what is cut off, and a pool of one."""
    starts, ends, axes, steps = (n.array(k) for k in (1, 2, 3, 4))
    shape = n.graph.shapes.get(n.inputs[0])
    if n.type(0) is None or axes is None or steps is None or starts is None or ends is None or not shape or (steps < 1).any() or (
            (steps == 1).all()):
        return None
    of = axes.reshape(-1) % len(shape)
    if (of < 2).any():
        return None
    first, last, by = [0] * len(shape), list(shape), [1] * len(shape)
    for axis, a, z, s in zip(of.tolist(), starts.reshape(-1).tolist(), ends.reshape(-1).tolist(), steps.reshape(-1).tolist()):
        first[axis], last[axis], _ = slice(a, z).indices(shape[axis])
        by[axis] = s
    part, x, made = [z - a for a, z in zip(first, last)], n.inputs[0], []
    if any(first) or last != list(shape):
        cut = replace(n, name=f"{n.name}:part", outputs=(f"{n.outputs[0]}:part",))
        cut.inputs = (x, *(constant(cut, k, np.array(v, np.int64))
                           for k, v in (("from", first[2:]), ("to", last[2:]), ("axes", range(2, len(shape))))))
        _known(n, cut.outputs[0], tuple(part))
        made, x = [cut], cut.outputs[0]
    return [*made, _pool(n, "MaxPool", x, [1] * (len(shape) - 2), by[2:])]


RULES: list[tuple[str, Callable[[Any, dict[str, Any]], Made]]] = [
    ("Where(Greater(x, t), y, z)", _softplus),
    ("Where(LessOrEqual(Abs(x), t), 0, x)", _hard),
    ("Where(Or(Greater(x, t), Less(x, u)), x, 0)", _hard),
    ("Where(Greater(Abs(x), t), Sub(x, Mul(Sign(x), t)), Mul(x, 0))", _soft),
    ("Add(Where(Greater(x, t), Sub(x, t), 0), Where(Less(x, u), Add(x, t), 0))", _soft),
    ("Shrink(x, lambd=l, bias=b)", _shrink),
    ("Div(c, x)", _quotient),
    ("Clip", _capped),
    ("Mul(Sign(x), Relu(Abs(x)))", lambda n, seen: str(seen["x"])),
    ("ReduceSum", _sum),
    ("Resize", _smaller),
    ("Slice", _every),
]
