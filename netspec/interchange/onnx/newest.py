"""Nodes in the one form in which layers know them: that of the newest opset, without what changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...layers.noise.drop_path import NOTE
from .need import trouble
from .views import apart

RESHAPES = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")
REDUCED = ("ReduceMean", "ReduceMax")
FLOATING = {1, 10, 11, 16}  # types of numbers that a text has alike: float32, float16, float64, bfloat16
MERGES = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean")


def newest(n: Any, version: int) -> Iterator[Any]:
    """The nodes that say the same (plain.Seen); or the name of the value that it only copies."""
    _inputs_of_attributes(n, version)
    _axis(n, version)
    g, x, y = n.graph, n.inputs[0], n.outputs[0]
    same, turned = g.shapes.get(x) == g.shapes.get(y), any(i in g.turned for i in n.inputs)
    if same and _copies(n):
        yield x
    elif n.op in RESHAPES and not g.ours and g.type(y) is not None and (before := maker(n, x)) is not None and (
            before.op in RESHAPES and not _rearranges(before)):
        yield from apart(replace(n, op="Reshape", inputs=(before.inputs[0], *n.inputs[1:]), attributes={}))
    elif n.op in RESHAPES and g.views:
        yield from apart(n)
    elif n.op == "Gather" and (value := _strides(n)) is not None:
        yield value
    elif n.op == "Gather" and (ends := _neighbours(n)) is not None:
        yield from _picked(n, *ends)
    elif n.op == "Concat" and (around := _circular(n)) is not None:
        yield from _joined(replace(n, op="Pad", inputs=(around[0], constant(n, "pads", around[1])), attributes={"mode": "wrap"}))
    elif n.op == "Pad":
        yield from _joined(n)
    elif n.op in REDUCED and not turned:
        yield from reduced(n)
    elif n.op == "Split":
        yield from _split(n)
    elif n.op == "Upsample":
        yield replace(n, op="Resize", inputs=(x, "", n.inputs[1]), attributes=_upsampling(n.attributes.get("mode", "nearest")))
    elif n.op == "Resize" and version < 11:
        yield replace(n, inputs=(x, "", n.inputs[1]), attributes=_upsampling(n.attributes.get("mode", "nearest")))
    elif n.op in ("Softmax", "LogSoftmax") and version < 13 and not _by_itself(n):
        yield replace(n, op=f"{n.op} of several axes")
    elif n.op == "Sub" and len(n.inputs) == 2 and n.array(0) is not None and g.shapes.get(n.inputs[1]) == g.shapes.get(y):
        yield from _from_numbers(n)
    elif n.op in MERGES and not turned:
        yield from spread(n)
    else:
        yield n


def constant(n: Any, name: str, value: Any) -> str:
    """A new constant beside a node."""
    whole = f"{n.outputs[0]}:{name}"
    n.graph.constants[whole] = np.asarray(value)
    return whole


def _inputs_of_attributes(n: Any, version: int) -> None:
    """What older opsets gave as attributes and newer ones give as inputs."""
    a = n.attributes
    if n.op == "Clip" and version < 11:
        low, high = a.pop("min", None), a.pop("max", None)
        limits = [None if v is None or (-v if k == "min" else v) > 3e38 else constant(n, k, np.float32(v)) for k, v in (("min", low), ("max", high))]
        n.inputs = (n.inputs[0], *(v or "" for v in limits))
    elif n.op == "Pad" and version < 11:
        pads = a.pop("pads", None) or a.pop("paddings", [])
        n.inputs = (n.inputs[0], constant(n, "pads", np.array(pads, np.int64)),
                    constant(n, "value", np.float32(a.pop("value", 0.0))))
    elif n.op == "Slice" and version < 10:
        axes = a.pop("axes", None) or list(range(len(a["starts"])))
        n.inputs = (n.inputs[0], *(constant(n, k, np.array(v, np.int64))
                                   for k, v in (("starts", a.pop("starts")), ("ends", a.pop("ends")), ("axes", axes))))
    elif n.op == "Dropout" and version < 12:
        n.inputs = (n.inputs[0], constant(n, "ratio", np.float32(a.pop("ratio", 0.5))))
    elif n.op in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSum") and "axes" in a:
        n.inputs = (n.inputs[0], constant(n, "axes", np.array(a.pop("axes"), np.int64)))
    elif n.op == "Upsample" and version < 9:
        n.inputs = (n.inputs[0], constant(n, "scales", np.array(a.pop("scales"), np.float32)))
    elif n.op == "BatchNormalization" and version < 9:
        a.pop("spatial", None)
    if n.op == "Clip":
        kept = [i if k == 0 or n.array(k) is None or not (-1 if k == 1 else 1) * float(n.array(k).reshape(-1)[0]) > 3e38 else ""
                for k, i in enumerate(n.inputs)]
        while kept and not kept[-1]:
            kept.pop()
        n.inputs = tuple(kept)
    for k in [k for k, v in a.items() if k in ("consumed_inputs", "storage_order") or (k == "broadcast" and v)]:
        del a[k]


def _axis(n: Any, version: int) -> None:
    """Axes are counted from the front."""
    rank = len(n.graph.shapes.get(n.inputs[0]) or ())
    if n.op == "Transpose" and not n.attributes.get("perm"):
        n.attributes["perm"] = list(range(rank))[::-1]
    if n.op == "Transpose" and sorted(n.attributes["perm"]) != list(range(rank)):
        raise trouble("bad-onnx", f"the node {n.name or n.op} is none of its operator's", f"{n.attributes['perm']} is no order of {rank} axes")
    if n.op in ("Softmax", "LogSoftmax") and "axis" not in n.attributes:
        n.attributes["axis"] = -1 if version >= 13 else 1
    if isinstance(n.attributes.get("axis"), int) and n.attributes["axis"] < 0 and n.op != "LayerNormalization":
        n.attributes["axis"] += rank


def _copies(n: Any) -> bool:
    """Whether a node whose result has the shape of its input gives the same numbers."""
    a = n.attributes
    if n.op in ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile", "CastLike"):
        return True
    if n.op in ("Slice", "Pad"):  # no step back, and nothing cut off that is put on at the other end
        numbers = n.array(4 if n.op == "Slice" else 1)
        return bool((n.op == "Slice" and len(n.inputs) < 5) or (numbers is not None and (numbers >= 0).all()))
    if n.op == "Concat":
        return sum(bool(i) for i in n.inputs) == 1
    if n.op == "Cast":
        kinds = {n.graph.kinds.get(n.inputs[0]), n.graph.kinds.get(n.outputs[0])}
        return len(kinds) == 1 or kinds <= FLOATING
    if n.op == "Transpose":
        return list(a.get("perm", ())) == sorted(a.get("perm", (1, 0)))
    if n.op in ("MaxPool", "AveragePool"):
        return set(a.get("kernel_shape", (0,))) == {1} and set(a.get("strides") or (1,)) == {1} and not any(n.outputs[1:])
    if n.op == "Pow":
        return n.array(1) is not None and n.array(1).size == 1 and float(n.array(1).reshape(-1)[0]) == 1
    if n.op == "Dropout":
        return n.array(1) is not None and float(n.array(1)) == 0 and n.note != NOTE
    if n.op == "Resize":
        scales = n.array(2) if len(n.inputs) > 2 and n.inputs[2] else None
        return a.get("coordinate_transformation_mode") != "tf_crop_and_resize" and (scales is None or set(scales.tolist()) <= {1.0})
    return n.op in ("Sum", "Max", "Min", "Mean") and len(n.inputs) == 1


def reduced(n: Any) -> Iterator[Any]:
    """A reduction over all places is a global pool, and, where it drops them, a flattening."""
    x, g = n.type(0), n.graph
    rank = 0 if x is None else len(x.shape) + 1
    axes = None if n.array(1) is None else sorted(int(a) % rank if rank else 0 for a in n.array(1).reshape(-1))
    op = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}[n.op]
    if x is None or rank < 3 or axes != list(range(2, rank)):
        yield n
    elif n.attributes.get("keepdims", 1):
        yield replace(n, op=op, inputs=n.inputs[:1], attributes={})
    else:
        kept = f"{n.outputs[0]}:kept"
        g.shapes[kept] = (*g.shapes[n.inputs[0]][:2], *(1,) * (rank - 2))
        yield replace(n, op=op, inputs=n.inputs[:1], attributes={}, outputs=(kept,))
        yield replace(n, name=f"{n.name}:flatten", op="Flatten", inputs=(kept,), attributes={})


def _split(n: Any) -> Iterator[Any]:
    """Each part is a slice."""
    axis, at = n.attributes.get("axis", 0), 0
    for k, o in enumerate(n.outputs):
        size = n.graph.shapes[o][axis]
        ends = [constant(replace(n, outputs=(o,)), w, np.array([v], np.int64))
                for w, v in (("from", at), ("to", at + size), ("axis", axis))]
        at += size
        yield replace(n, name=f"{n.name}:{k}", op="Slice", inputs=(n.inputs[0], *ends), outputs=(o,), attributes={})


def _upsampling(mode: str) -> dict[str, Any]:
    """What opsets before 11 meant by a mode."""
    return {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def _by_itself(n: Any) -> bool:
    """Whether softmax over all axes from one on, as it once was, is that over one axis."""
    shape, axis = n.graph.shapes.get(n.inputs[0]) or (), n.attributes.get("axis", 1)
    return all(s == 1 for s in shape[axis + 1:])


def maker(n: Any, value: str) -> Any:
    """The node that makes a value, of those that are there already."""
    return next((m for m in reversed(n.graph.nodes) if value in m.outputs), None)


def _rearranges(n: Any) -> bool:
    """Whether it is the last of a reshaping, a transposition and a reshaping, which a layer may be: a shuffle of channels or
    pixels."""
    turned = maker(n, n.inputs[0])
    apart = None if turned is None or turned.op != "Transpose" else maker(n, turned.inputs[0])
    return apart is not None and apart.op in RESHAPES and n.graph.type(n.outputs[0]) is not None


def _from_numbers(n: Any) -> Iterator[Any]:
    """Numbers from which a value is taken: its negative, with them added."""
    g, (numbers, x) = n.graph, n.inputs
    negative = f"{n.outputs[0]}:negative"
    g.shapes[negative], g.kinds[negative] = g.shapes[x], g.kinds.get(x, 1)
    yield replace(n, name=f"{n.name}:negative", op="Neg", inputs=(x,), outputs=(negative,))
    yield replace(n, op="Add", inputs=(negative, numbers))


def _strides(n: Any) -> str | None:
    """The value whose numbers are picked out one after the other from a list of all of them (PyTorch's as_strided)."""
    made = maker(n, n.inputs[0])
    shape, at = n.graph.shapes.get(n.outputs[0]), n.array(1)
    if made is None or made.op != "Reshape" or at is None or n.graph.shapes.get(made.inputs[0]) != shape:
        return None
    return str(made.inputs[0]) if np.array_equal(at.reshape(-1), np.arange(at.size)) else None


def _neighbours(n: Any) -> tuple[int, int] | None:
    """From where to where a Gather picks neighbours along an axis, one after the other; None for any others."""
    at, shape, axis = n.array(1), n.graph.shapes.get(n.inputs[0]), n.attributes.get("axis", 0)
    if at is None or not shape or at.ndim > 1 or not at.size or axis == 0:
        return None
    places = at.reshape(-1) % shape[axis]
    first = int(places[0])
    return (first, first + at.size) if np.array_equal(places, np.arange(first, first + at.size)) else None


def _picked(n: Any, first: int, last: int) -> Iterator[Any]:
    """Neighbours along an axis as a slice; one by itself without the axis."""
    g, axis, ends = n.graph, n.attributes.get("axis", 0), {"from": first, "to": last}
    inputs = (n.inputs[0], *(constant(n, k, np.array([v], np.int64)) for k, v in (*ends.items(), ("axis", axis))))
    if n.array(1).ndim:
        yield replace(n, op="Slice", inputs=inputs, attributes={})
        return
    part = f"{n.outputs[0]}:part"
    shape = g.shapes[n.inputs[0]]
    g.shapes[part], g.kinds[part] = (*shape[:axis], 1, *shape[axis + 1:]), g.kinds.get(n.inputs[0], 1)
    yield replace(n, op="Slice", inputs=inputs, outputs=(part,), attributes={})
    yield replace(n, name=f"{n.name}:reshape", op="Reshape", inputs=(part,), attributes={})


def _circular(n: Any) -> tuple[str, Any] | None:
    """A value and how much is put around it, where its end stands before it and its beginning behind it along an axis."""
    g, axis, parts = n.graph, n.attributes["axis"], list(n.inputs)
    shape = g.shapes.get(n.outputs[0])
    ends = [_end(n, i, axis) for i in parts]
    whole = next((v for v in (e[0] for e in ends if e) if v in parts), None)
    if whole is None or not shape or axis < 2 or parts.count(whole) != 1:
        return None
    size, k = g.shapes[whole][axis], parts.index(whole)
    before, after = ends[:k], ends[k + 1:]
    if len(before) > 1 or len(after) > 1 or any(e is None or e[0] != whole for e in (*before, *after)):
        return None
    if any(e and e[2] != size for e in before) or any(e and e[1] != 0 for e in after):
        return None
    pads = np.zeros(2 * len(shape), np.int64)
    pads[axis] = sum(e[2] - e[1] for e in before if e)
    pads[len(shape) + axis] = sum(e[2] - e[1] for e in after if e)
    return whole, pads


def _end(n: Any, value: str, axis: int) -> tuple[str, int, int] | None:
    """What a value is a slice of along one axis, from where to where."""
    made = maker(n, value)
    if made is None or made.op != "Slice":
        return None
    start, stop, axes, steps = (made.array(k) for k in (1, 2, 3, 4))
    size = n.graph.shapes[made.inputs[0]][axis]
    if start is None or stop is None or axes is None or start.size != 1 or int(axes.reshape(-1)[0]) != axis or (
            steps is not None and int(steps.reshape(-1)[0]) != 1):
        return None
    a, z = (min(max(int(v.reshape(-1)[0]) + (size if int(v.reshape(-1)[0]) < 0 else 0), 0), size) for v in (start, stop))
    return made.inputs[0], a, z


def _joined(n: Any) -> Iterator[Any]:
    """Two paddings of one kind, one behind the other, along other axes are one."""
    before = maker(n, n.inputs[0])
    rank = len(n.graph.shapes.get(n.inputs[0]) or ())
    amounts = [m.array(1) for m in (n, before) if m is not None and m.op == "Pad" and not any(m.inputs[2:])]
    if before is None or [a is not None and a.size == 2 * rank for a in amounts] != [True, True] or (
            before.attributes.get("mode", "constant") != n.attributes.get("mode", "constant")):
        yield n
        return
    one, other = (a.reshape(2, -1) for a in amounts)
    if np.any(one.any(axis=0) & other.any(axis=0)):
        yield n
        return
    yield replace(n, inputs=(before.inputs[0], constant(n, "both", (one + other).reshape(-1))))


def spread(n: Any) -> Iterator[Any]:
    """A value of one place that meets an image is spread over its places by a node of its own: over those of the image, also
    where the file has them in numbers."""
    g = n.graph
    whole: tuple[int, ...] = g.shapes[n.outputs[0]]
    inputs = [_unspread(n, i) for i in n.inputs]
    shapes = [None if i in g.constants else g.shapes.get(i) for i in inputs]
    large = next((i for i, s in zip(inputs, shapes) if s == whole), None)
    if large is None:
        inputs = list(n.inputs)
    for k, s in enumerate(shapes):
        fits = s is not None and large is not None and s != whole and len(s) == len(whole) and s[:2] == whole[:2]
        if fits and s is not None and set(s[2:]) == {1}:
            to = constant(n, f"places{k}", np.array(whole, np.int64))
            g.origins[to] = {large}
            spread = f"{n.outputs[0]}:spread{k}"
            g.shapes[spread] = whole
            yield replace(n, name=f"{n.name}:spread", op="Expand", inputs=(inputs[k], to), outputs=(spread,), attributes={})
            inputs[k] = spread
    yield replace(n, inputs=tuple(inputs))


def _unspread(n: Any, value: str) -> str:
    """What a value is that is one of a place, spread over many; else itself."""
    made = maker(n, value)
    if made is None or made.op != "Expand":
        return value
    one, many = n.graph.shapes.get(made.inputs[0]), n.graph.shapes[value]
    return str(made.inputs[0]) if one and len(one) == len(many) and one[:2] == many[:2] and set(one[2:]) == {1} else value
