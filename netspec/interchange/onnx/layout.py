"""Axes in other orders: what a file computes with channels last, as ConvNeXt does in its blocks and TensorFlow everywhere, is
said with channels first.

A Transpose is not written down but remembered: its result *is* another value with its axes in another order. What reads it is
written for that other value, with its numbers and axes turned; only what cannot be is given a real Transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .newest import MERGES, REDUCED, RESHAPES, constant, maker, reduced, spread

Perm = tuple[int, ...]  # axis k of a turned value is axis perm[k] of the value that it is

ALONE = ("Abs", "Cast", "Celu", "Clip", "Dropout", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log",
         "Mish", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh",
         "ThresholdedRelu")
TOGETHER = ("Add", "Div", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum")
ALONG = ("Concat", "LogSoftmax", "Softmax")  # an axis


def unturned(n: Any) -> Iterator[Any]:
    """The nodes that stand for one (plain.Seen) whose inputs may be turned."""
    g, result = n.graph, n.outputs[0]
    if n.op == "Transpose":
        value, before = g.turned.get(n.inputs[0], (n.inputs[0], tuple(range(len(n.attributes["perm"])))))
        perm = tuple(before[a] for a in n.attributes["perm"])
        if perm == tuple(sorted(perm)):
            g.alias[result] = value
            maker = next((m for m in reversed(g.nodes) if value in m.outputs), None)
            if maker is not None and n.note:
                maker.note = n.note
        else:
            g.turned[result] = value, perm
        return
    perms = {g.turned[i][1] for i in n.inputs if i in g.turned}
    if len(perms) == 1:
        made = _said(n, perms.pop())
        if made is not None:
            yield from made
            return
    for i in dict.fromkeys(n.inputs):
        yield from really(g, i)
    yield from spread(n) if perms and n.op in MERGES else reduced(n) if perms and n.op in REDUCED else (n,)


def really(g: Any, value: str) -> Iterator[Any]:
    """The Transpose that makes a turned value, where one is needed after all: the node of the file that `turns` has for it."""
    if value in g.turned:
        of, perm = g.turned.pop(value)
        alike = renames(g.shapes[of], perm) and not g.ours  # where a permute stands in the text, too
        yield replace(g.turns[value], op="Reshape" if alike else "Transpose", inputs=(of,), outputs=(value,),
                      attributes={} if alike else {"perm": list(perm)}, note="")


def renames(shape: tuple[int, ...] | None, perm: Perm) -> bool:
    """Whether a transposition only moves axes of one."""
    large = [p for p in perm if shape and shape[p] != 1]
    return bool(shape) and perm[0] == 0 and large == sorted(large)


def flattened(g: Any) -> None:
    """A picture that is flattened channels last, for fully connected layers alone, is flattened channels first, and their columns
    are turned. To be asked when the graph (plain.Plain) knows who reads what."""
    for turn in [n for n in g.nodes if n.op == "Transpose" and getattr(n.source(0), "op", "") != "LayerNormalization"]:
        flat = next((n for n in g.nodes if n.inputs[:1] == turn.outputs and n.op in ("Reshape", "Flatten")), None)
        out = None if flat is None else flat.out
        perm = turn.attributes["perm"]
        if flat is None or out is None or len(out.shape) != 1 or perm[0] != 0 or g.readers[turn.outputs[0]] > 1:
            continue
        dense = _dense(g, flat.outputs[0])
        if dense is None:
            continue
        shape = g.shapes[turn.outputs[0]][1:]
        order = np.arange(out.shape[0]).reshape(shape).transpose([perm.index(k) - 1 for k in range(1, len(perm))])
        for n in dense:
            w = n.array(1)
            kept = w[:, order.reshape(-1)] if n.attributes.get("transB") else w[order.reshape(-1)]
            n.inputs = (n.inputs[0], constant(n, "columns", kept), *n.inputs[2:])
        flat.inputs = (turn.inputs[0], *flat.inputs[1:])
        g.nodes.remove(turn)


def _dense(g: Any, value: str) -> list[Any] | None:
    """The fully connected layers that read a value, perhaps behind an activation; None where anything else does."""
    out: list[Any] = []
    waiting = [value]
    while waiting:
        v = waiting.pop()
        readers = [n for n in g.nodes if v in n.inputs]
        if v in {o for _, o in g.outputs} or not readers:
            return None
        for n in readers:
            w = n.array(1)
            dense = n.op in ("Gemm", "MatMul") and w is not None and w.ndim == 2 and not n.attributes.get("transA")
            if dense and n.inputs[0] == v:
                out.append(n)
            elif n.op in ALONE and n.inputs[0] == v:
                waiting.append(n.outputs[0])
            else:
                return None
    return out


def _said(n: Any, perm: Perm) -> list[Any] | None:
    """The nodes that say the same of the values that its inputs are, or None."""
    rules: dict[str, Callable[[Any, Perm], list[Any] | None]] = {
        **dict.fromkeys(ALONE, _alone), **dict.fromkeys(TOGETHER, _together), **dict.fromkeys(ALONG, _along),
        **dict.fromkeys(REDUCED, _reduced), "LayerNormalization": _normal, "MatMul": _pointwise, "Slice": _slice, "Pad": _pad,
        "Resize": _resized, "Expand": _expanded, **dict.fromkeys(("Reshape", "Flatten", "Squeeze"), _reshaped)}
    rule = rules.get(n.op)
    same = n.op in (*REDUCED, *RESHAPES) or len(n.graph.shapes.get(n.outputs[0]) or ()) == len(perm)
    return rule(n, perm) if rule is not None and same and not any(n.outputs[1:]) else None


def _result(n: Any, perm: Perm) -> str:
    """The value of which a node's result is the turned form."""
    g, y = n.graph, n.outputs[0]
    made = f"{y}:first"
    shape = g.shapes[y]
    g.shapes[made] = tuple(shape[perm.index(a)] for a in range(len(perm)))
    g.kinds[made] = g.kinds.get(y, 1)
    g.turned[y] = made, perm
    return made


def _back(a: Any, perm: Perm) -> Any:
    """A constant that meets a turned value, as it meets the value itself."""
    if a.size == 1:
        return a
    whole = a.reshape((1,) * (len(perm) - a.ndim) + a.shape)
    return whole.transpose([perm.index(k) for k in range(len(perm))])


def _plain(n: Any, i: str) -> str:
    return n.graph.turned[i][0] if i in n.graph.turned else i


def _alone(n: Any, perm: Perm) -> list[Any] | None:
    if n.inputs[0] not in n.graph.turned or n.graph.shapes[n.inputs[0]] != n.graph.shapes[n.outputs[0]]:
        return None
    return [replace(n, inputs=(_plain(n, n.inputs[0]), *n.inputs[1:]), outputs=(_result(n, perm),))]


def _together(n: Any, perm: Perm) -> list[Any] | None:
    """Constants are turned, and values that have more than one number along one axis at most are renamed."""
    g, inputs, out = n.graph, [], list[Any]()
    for k, i in enumerate(n.inputs):
        a, shape = g.constants.get(i), g.shapes.get(i)
        if a is not None:
            if a.ndim > len(perm):
                return None
            inputs.append(constant(n, f"turned{k}", _back(a, perm)) if a.size > 1 else i)
        elif i in g.turned or not i:
            inputs.append(_plain(n, i))
        elif shape is not None and len(shape) == len(perm) and sum(s > 1 for s in shape[1:]) <= 1:
            name, before = f"{n.outputs[0]}:turned{k}", maker(n, i)
            i = before.inputs[0] if before is not None and before.op in RESHAPES else i
            g.shapes[name] = tuple(shape[perm.index(a)] for a in range(len(perm)))
            out.append(replace(n, name=f"{n.name}:turned{k}", op="Reshape", attributes={}, outputs=(name,),
                               inputs=(i, constant(n, f"shape{k}", np.array(g.shapes[name], np.int64)))))
            inputs.append(name)
        else:
            return None
    return [*out, *spread(replace(n, inputs=tuple(inputs), outputs=(_result(n, perm),)))]


def _along(n: Any, perm: Perm) -> list[Any] | None:
    if not all(i in n.graph.turned for i in n.inputs if i):
        return None
    axis = n.attributes.get("axis", -1)
    attributes = {**n.attributes, "axis": perm[axis]}
    return [replace(n, inputs=tuple(_plain(n, i) for i in n.inputs), attributes=attributes, outputs=(_result(n, perm),))]


def _reduced(n: Any, perm: Perm) -> list[Any] | None:
    """Where axes are dropped, those that are left must be in order."""
    axes = n.array(1)
    if axes is None or n.inputs[0] not in n.graph.turned:
        return None
    of = sorted(perm[int(a)] for a in axes.reshape(-1))
    kept = [p for p in perm if p not in of]
    whole = bool(n.attributes.get("keepdims", 1))
    if not whole and kept != sorted(kept):
        return None
    inputs = (_plain(n, n.inputs[0]), constant(n, "axes", np.array(of, np.int64)))
    return list(reduced(replace(n, inputs=inputs, outputs=(_result(n, perm),) if whole else n.outputs)))


def _normal(n: Any, perm: Perm) -> list[Any] | None:
    """Over the channels of each place: between two transpositions, which is how a layer says it."""
    last = len(perm) - 1
    if n.inputs[0] not in n.graph.turned or n.attributes.get("axis", -1) not in (-1, last) or perm != (0, *range(2, last + 1), 1):
        return None
    g, x, y = n.graph, f"{n.outputs[0]}:from", f"{n.outputs[0]}:normal"
    g.shapes[x] = g.shapes[n.inputs[0]]
    g.shapes[y] = g.shapes[n.outputs[0]]
    return [replace(n, name=f"{n.name}:from", op="Transpose", inputs=(_plain(n, n.inputs[0]),), outputs=(x,),
                    attributes={"perm": list(perm)}),
            replace(n, inputs=(x, *n.inputs[1:]), outputs=(y,)),
            replace(n, name=f"{n.name}:to", op="Transpose", inputs=(y,), outputs=(_result(n, perm),),
                    attributes={"perm": [0, last, *range(1, last)]})]


def _pointwise(n: Any, perm: Perm) -> list[Any] | None:
    """A product along the channels, which stand last, is a convolution of one place."""
    w, last = n.array(1), len(perm) - 1
    if w is None or w.ndim != 2 or n.inputs[0] not in n.graph.turned or perm[last] != 1:
        return None
    weight = constant(n, "weight", np.ascontiguousarray(w.T).reshape(*w.T.shape, *(1,) * (last - 1)))
    return [replace(n, op="Conv", inputs=(_plain(n, n.inputs[0]), weight), outputs=(_result(n, perm),), attributes={})]


def _reshaped(n: Any, perm: Perm) -> list[Any] | None:
    """Where the transposition only moves axes of one, the numbers lie the same way."""
    of = _plain(n, n.inputs[0])
    return [replace(n, op="Reshape", inputs=(of, *n.inputs[1:]), attributes={})] if (
        renames(n.graph.shapes[of], perm) and not n.graph.ours) else None


def _slice(n: Any, perm: Perm) -> list[Any] | None:
    starts, axes = n.array(1), n.array(3)
    if starts is None or n.inputs[0] not in n.graph.turned:
        return None
    axes = np.arange(starts.size) if axes is None else axes.reshape(-1) % len(perm)
    turned = constant(n, "axes", np.array([perm[int(a)] for a in axes], np.int64))
    inputs = (_plain(n, n.inputs[0]), n.inputs[1], n.inputs[2], turned, *n.inputs[4:])
    return [replace(n, inputs=inputs, outputs=(_result(n, perm),))]


def _pad(n: Any, perm: Perm) -> list[Any] | None:
    pads, rank = n.array(1), len(perm)
    if pads is None or pads.size != 2 * rank or n.inputs[0] not in n.graph.turned or any(n.inputs[3:4]):
        return None
    back = [perm.index(k) for k in range(rank)]
    turned = pads.reshape(2, rank)[:, back].reshape(-1)
    return [replace(n, inputs=(_plain(n, n.inputs[0]), constant(n, "pads", turned), *n.inputs[2:]), outputs=(_result(n, perm),))]


def _resized(n: Any, perm: Perm) -> list[Any] | None:
    if n.inputs[0] not in n.graph.turned or n.attributes.get("axes"):
        return None
    back, inputs = [perm.index(k) for k in range(len(perm))], [_plain(n, n.inputs[0]), ""]
    for k in range(2, len(n.inputs)):
        a = n.array(k)
        if n.inputs[k] and (a is None or a.size != len(perm)):
            return None
        turned = constant(n, f"sizes{k}", a[back]) if a is not None else ""
        if a is not None:
            n.graph.origins[turned] = {_plain(n, v) for v in n.graph.origins.get(n.inputs[k], ())}
        inputs.append(turned)
    return [replace(n, inputs=tuple(inputs), outputs=(_result(n, perm),))]


def _expanded(n: Any, perm: Perm) -> list[Any] | None:
    to = n.array(1)
    if to is None or to.size != len(perm) or n.inputs[0] not in n.graph.turned:
        return None
    turned = constant(n, "places", to[[perm.index(k) for k in range(len(perm))]])
    n.graph.origins[turned] = {_plain(n, v) for v in n.graph.origins.get(n.inputs[1], ())}
    return [replace(n, inputs=(_plain(n, n.inputs[0]), turned), outputs=(_result(n, perm),))]
