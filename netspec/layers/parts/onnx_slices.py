"""ONNX's Slice as what it keeps of each axis."""

from __future__ import annotations

from ...words.onnx import OnnxNode


def slices(n: OnnxNode) -> dict[int, tuple[int, int]] | None:
    """Of each axis that is cut, the first that stays and the first that does not; None for steps, and for what is not constant.
    The batch is axis 0."""
    x, starts, ends = n.type(0), n.array(1), n.array(2)
    if x is None or starts is None or ends is None or not x.known:
        return None
    axes, steps = n.array(3), n.array(4)
    sizes = (None, *x.shape)
    found = {}
    for k, (a, z) in enumerate(zip(starts.reshape(-1).tolist(), ends.reshape(-1).tolist())):
        axis = k if axes is None else int(axes.reshape(-1)[k])
        axis += len(sizes) if axis < 0 else 0
        size = sizes[axis]
        if size is None or (steps is not None and int(steps.reshape(-1)[k]) != 1):
            return None
        a, z = (min(max(v + size if v < 0 else v, 0), size) for v in (a, z))
        if (a, z) != (0, size):
            found[axis] = (a, z)
    return found
