"""A normalisation that an ONNX file takes apart."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.onnx import OnnxNode


def moments(n: OnnxNode) -> tuple[str, TensorType, list[int], float] | None:
    """Of (x - m) / sqrt(v + eps), with the mean and the variance of x over some axes: x, its type, the axes (the batch is axis
    0), and eps."""
    d, root = n.source(0), n.before(1)
    if d is None or d.op != "Sub" or root is None or root.op != "Sqrt":
        return None
    raised = root.before(0)
    k = 1 if raised is not None and raised.array(0) is not None else 0
    eps = None if raised is None or raised.op != "Add" else raised.array(1 - k)
    mean, variance = d.source(1), None if raised is None else raised.before(k)
    if mean is None or variance is None or eps is None or eps.size != 1 or mean.inputs[0] != d.inputs[0]:
        return None
    t, square = d.type(0), variance.before(0)
    axes = [_axes(m, t) for m in (mean, variance)]
    if t is None or axes[0] is None or axes[0] != axes[1] or square is None or set(square.inputs[:1]) != {n.inputs[0]}:
        return None
    power = square.array(1)
    squared = square.inputs == (n.inputs[0],) * 2 if square.op == "Mul" else square.op == "Pow" and power is not None and (
        power.size == 1 and float(power.reshape(-1)[0]) == 2)
    return (d.inputs[0], t, axes[0], float(str(eps.reshape(-1)[0]))) if squared else None


def _axes(n: OnnxNode, t: TensorType | None) -> list[int] | None:
    """The axes of a mean that keeps them as ones."""
    given = n.array(1)
    if n.op != "ReduceMean" or given is None or t is None or not n.attributes.get("keepdims", 1):
        return None
    return sorted(int(a) % (len(t.shape) + 1) for a in given.reshape(-1))
