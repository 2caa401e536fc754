"""What is amiss with a node by what ONNX says of its operator, where its library's checks let it through: settings out of their
range, numbers of another size than what they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...ir.types import shape_text

POSITIVE = ("group", "kernel_shape", "strides", "dilations", "blocksize", "num_groups", "size", "hidden_size")
ONE_OF = {
    "auto_pad": ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    "nearest_mode": ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    "coordinate_transformation_mode": ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                                       "tf_half_pixel_for_nn", "tf_crop_and_resize"),
    "approximate": ("none", "tanh"),
}
MODES = {"Pad": ("constant", "reflect", "edge", "wrap"), "Resize": ("nearest", "linear", "cubic"),
         "Upsample": ("nearest", "linear", "bilinear"), "DepthToSpace": ("DCR", "CRD")}
NORMALISATIONS = ("BatchNormalization", "InstanceNormalization")  # with numbers for each channel
CONVOLUTIONS = ("Conv", "ConvTranspose")
Shape = tuple[int, ...]


def setting(op: str, attributes: Mapping[str, Any]) -> str:
    """The setting of a node that is out of its range, in words; nothing where all are in theirs."""
    for k, v in attributes.items():
        numbers = v if isinstance(v, list) else [v]
        if k in POSITIVE and any(isinstance(w, int) and w < 1 for w in numbers):
            return f"its {k} is {' '.join(map(str, numbers))}, and must be at least 1"
        allowed = MODES.get(op) if k == "mode" else ONE_OF.get(k)
        if allowed and v not in allowed:
            return f"its {k} is {str(v)[:40]!r}, and ONNX has {', '.join(allowed)}"
    return ""


def sizes(op: str, attributes: Mapping[str, Any], shapes: list[Shape | None]) -> str:
    """What does not fit of the numbers that a node has beside its first input, in words; nothing where all fits."""
    x = shapes[0] if shapes else None
    if x is None or len(x) < 2:
        return ""
    if op in CONVOLUTIONS:
        return next(_convolution(op, attributes, x, shapes), "")
    return next(_normalisation(x, shapes), "") if op in NORMALISATIONS else ""


def _convolution(op: str, attributes: Mapping[str, Any], x: Shape, shapes: list[Shape | None]) -> Iterator[str]:
    w = shapes[1] if len(shapes) > 1 else None
    if w is None:
        return
    weight, groups, kernel = f"its weight is {shape_text(w)}", attributes.get("group", 1), attributes.get("kernel_shape")
    if len(w) != len(x):
        yield f"{weight}, and filters for it have {len(x)} axes"
        return
    channels = w[1] * groups if op == "Conv" else w[0]
    filters = w[0] if op == "Conv" else w[1] * groups
    if channels != x[1]:
        yield f"{weight}, for {channels} channels, and what it reads has {x[1]}"
    if (w[0] if op == "Conv" else x[1]) % groups:
        yield f"{weight}, which {groups} groups do not divide"
    if kernel and tuple(kernel) != w[2:]:
        yield f"its kernel_shape is {shape_text(tuple(kernel))}, and {weight}"
    bias = shapes[2] if len(shapes) > 2 else None
    if bias is not None and bias != (filters,):
        yield f"its bias is {shape_text(bias) or 'one number'}, for {filters} filters"


def _normalisation(x: Shape, shapes: list[Shape | None]) -> Iterator[str]:
    for k, s in enumerate(shapes[1:]):
        if s is not None and s != (x[1],):
            yield f"input {k + 2} is {shape_text(s) or 'one number'}, and what it normalises has {x[1]} channels"
