"""Weights of ONNX files, by the layers that read them, in the order in which they are computed. Needs the package onnx.

The graph is not looked at further: what a file computes is read by `netspec import`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...diagnostics import NetspecError
from ...reading import opened
from ..onnx.load import tensor
from ..onnx.need import onnx
from .source import About, Array, Damaged, Source, sized

_FLOATS = {1: "F32", 10: "F16", 11: "F64", 16: "BF16"}
_BOTH = ("weight", "bias")
_ROLES = {"BatchNormalization": (*_BOTH, "mean", "var"), "Conv": _BOTH, "ConvTranspose": _BOTH, "Gemm": _BOTH,
          "MatMul": ("weight",), "PRelu": ("weight",), "InstanceNormalization": _BOTH, "LayerNormalization": _BOTH,
          "GroupNormalization": _BOTH}  # of the inputs from the second on


class Held(NamedTuple):
    """A tensor, and whether its axes are the other way round here."""

    tensor: Any
    shape: tuple[int, ...]
    turned: bool


class Onnx(Source):
    """The weights of a file by layer, as `LAYER.weight`, `.bias`, `.mean` and `.var`."""

    kind = "an ONNX file"
    ordered = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        graph = _graph(path)
        tensors = _tensors(graph)
        said: dict[str, float] = {}
        self.held: dict[str, Held] = {}
        for layer, n, named in _layers(graph.node, tensors):
            turned = n.op_type == "MatMul" or (n.op_type == "Gemm" and not _whole(n, "transB"))
            if n.op_type == "BatchNormalization":
                said[layer] = float(np.round(next((a.f for a in n.attribute if a.name == "epsilon"), 1e-5), 12))
            for role, t in named.items():
                shape = sized(t.name, tuple(t.dims))
                flip = turned and role == "weight" and len(shape) == 2
                self.held[f"{layer}.{role}"] = Held(t, shape[::-1] if flip else shape, flip)
        self.eps = said

    @cached_property
    def about(self) -> Mapping[str, About]:
        return {name: About(h.shape, _FLOATS.get(h.tensor.data_type, f"type {h.tensor.data_type}"))
                for name, h in self.held.items()}

    def raw(self, name: str) -> Array:
        h = self.held[name]
        try:
            a: Array = np.asarray(tensor(h.tensor, Path(self.path).parent))
        except NetspecError as e:
            raise Damaged(e.diagnostics[0].title[:200]) from None
        if a.dtype.name == "bfloat16":
            a = a.view(np.uint16)
        return np.ascontiguousarray(a.T) if h.turned else a


def _graph(path: str | os.PathLike[str]) -> Any:
    with opened(path) as f:
        data = f.read()
    library = onnx()
    try:
        return library.load_model_from_string(data).graph
    except Exception as e:  # whatever the library of protocol buffers says
        raise Damaged(f"it is no ONNX file: {' '.join(str(e).split())[:100]}") from None


def _tensors(graph: Any) -> dict[str, Any]:
    """What stands in the file by the names that nodes read it by: Constant and Identity give their own."""
    found = {t.name: t for t in graph.initializer}
    for n in graph.node:
        value = next((a.t for a in n.attribute if a.name == "value"), None) if n.op_type == "Constant" else None
        if value is not None:
            found[n.output[0]] = value
        elif n.op_type == "Identity" and n.input[0] in found:
            found[n.output[0]] = found[n.input[0]]
    return found


def _whole(n: Any, name: str) -> int:
    """An attribute that is a whole number, 0 where it is not said."""
    return next((int(a.i) for a in n.attribute if a.name == name), 0)


def _layers(nodes: Any, tensors: Mapping[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The nodes that read weights, each with a name and its tensors by their roles. What is read twice is one layer's."""
    seen: set[str] = set()
    for k, n in enumerate(nodes):
        named = {role: tensors[i] for role, i in zip(_ROLES.get(n.op_type, ()), n.input[1:]) if i in tensors}
        if "weight" not in named or n.input[1] in seen:
            continue
        seen.add(n.input[1])
        for after in nodes[k + 1 : k + 2] if n.op_type == "MatMul" else ():
            bias = next((tensors[i] for i in after.input if i in tensors and len(tensors[i].dims) == 1), None)
            if after.op_type == "Add" and n.output[0] in after.input and bias is not None:
                named["bias"] = bias
        own = n.input[1].removesuffix(".weight").removesuffix("_W").replace("/", ".")
        yield own if own != n.input[1] else n.name.strip("/").replace("/", ".") or n.input[1], n, named
