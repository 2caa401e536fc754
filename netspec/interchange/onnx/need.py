"""The library onnx, which is asked for only where a file is read or written."""

from __future__ import annotations

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


def trouble(code: str, title: str, *notes: str, hint: str | None = None) -> NetspecError:
    """The error to raise."""
    return NetspecError(Diagnostic(code, title, notes=notes, hint=hint))
