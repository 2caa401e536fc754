"""A file in half precision, in float32: what it says without the rounding, which is what a text computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .need import onnx

Array = NDArray[Any]
TYPES = ("to", "dtype", "output_dtype", "stash_type")  # attributes that are a type of numbers


def _nodes(model: Any) -> Iterator[Any]:
    """All nodes, those of functions and of graphs in nodes too, and these graphs."""
    stack = [model.graph, *model.functions]
    while stack:
        graph = stack.pop()
        yield graph
        for n in graph.node:
            yield n
            for a in n.attribute:
                stack += [*([a.g] if a.HasField("g") else []), *a.graphs]


def in_float32(model: Any, beside: Mapping[str, Array]) -> tuple[Any, dict[str, Array]] | None:
    """A copy of a model and of the constants beside it in float32; None where nothing of it is in half precision."""
    library = onnx()
    whole, half = library.TensorProto.FLOAT, (library.TensorProto.FLOAT16, library.TensorProto.BFLOAT16)
    made, changed = library.ModelProto(), False
    made.CopyFrom(model)
    for part in _nodes(made):
        tensors, infos = list(getattr(part, "initializer", ())), []
        for a in getattr(part, "attribute", ()):
            tensors += [*([a.t] if a.HasField("t") else []), *a.tensors]
            if a.name in TYPES and a.i in half:
                a.i, changed = whole, True
        for k in ("input", "output", "value_info"):
            infos += [i for i in getattr(part, k, ()) if not isinstance(i, str)]
        for i in infos:
            if i.type.tensor_type.elem_type in half:
                i.type.tensor_type.elem_type, changed = whole, True
        for t in tensors:
            if t.data_type not in half:
                continue
            changed = True
            if t.data_location == library.TensorProto.EXTERNAL:
                t.data_type = whole
            else:
                t.CopyFrom(library.numpy_helper.from_array(library.numpy_helper.to_array(t).astype(np.float32), t.name))
    widened = {k: a.astype(np.float32) if a.dtype.itemsize == 2 and a.dtype.kind not in "iu" else a for k, a in beside.items()}
    return (made, widened) if changed else None
