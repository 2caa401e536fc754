"""Constants of ONNX that meet a value element by element: one number, or one a channel."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType


def one_or_channels(numbers: Any, x: TensorType) -> Any:
    """A float, or an array of a number for each channel; None where the constant is neither."""
    if numbers.size == 1 and numbers.ndim <= len(x.shape) + 1:
        return float(str(numbers.reshape(-1)[0]))
    shape = (x.channels, *(1,) * len(x.spatial))
    return numbers.reshape(-1) if tuple(numbers.shape) in (shape, (1, *shape)) else None
