"""The library onnx, which is asked for only where a file is read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ...diagnostics import Diagnostic, NetspecError

OURS = "netspec"  # what files that are written here name as their producer


@cache
def onnx() -> Any:
    """The library. Raises NetspecError where it is not installed."""
    try:
        import onnx as library
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
        import onnx.shape_inference
    except ImportError:
        raise NetspecError(Diagnostic("missing-extra", "reading and writing ONNX needs the package onnx, which is not installed",
                                      hint="pip install 'netspec-nn[onnx]'")) from None
    return library


def sized(inputs: Mapping[str, Sequence[int | None]], sides: Sequence[int]) -> str:
    """The option that gives a size to every axis of inputs that is open: an example, by the shapes they have."""
    shapes = {}
    for name, shape in inputs.items():
        if None in shape:
            left = iter(sides)
            shapes[name] = "x".join(str(next(left, sides[-1]) if s is None else s) for s in shape)
    return " ".join(f"--input {f'{name}=' if len(inputs) > 1 else ''}{shape}" for name, shape in shapes.items())


def trouble(code: str, title: str, *notes: str, hint: str | None = None) -> NetspecError:
    """The error to raise."""
    return NetspecError(Diagnostic(code, title, notes=notes, hint=hint))
