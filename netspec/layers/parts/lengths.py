"""Weights in two parts, a direction and a length for each filter: w = v * g / |v|, and both are trained.

Filters are the first axis of a weight, as for PyTorch's weight_norm: those of a transposed convolution are of a channel that it
reads. A filter of nothing but zeros has no direction, and stays zero.

Salimans and Kingma, "Weight Normalization", 2016 (arXiv:1602.07868).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...ir.graph import Parameter
from ...words.layer import Builder

INDICES = "oabcdefghijklm"


def in_parts(weight: Parameter, filters: int = 1) -> tuple[Parameter, ...]:
    """The direction, and the lengths, of a weight whose first so many axes tell its filters apart."""
    return (replace(weight, name="weight_v"),
            replace(weight, name="weight_g", shape=weight.shape[:filters], kind="length", of=weight.shape))


def weight_of(b: Builder, parameters: Mapping[str, str]) -> str:
    """The weight of a layer, which it has whole or in parts."""
    if "weight_v" not in parameters:
        return parameters["weight"]
    v, g = parameters["weight_v"], parameters["weight_g"]
    at = ",".join(INDICES[: len(b.type(v).shape)])
    square = b(f"square[o] += v[{at}] * v[{at}]", v=v)
    k = b("scale[o] = where(s[o] > 0.0, g[o] / sqrt(s[o]), 0.0)", s=square, g=g)
    return str(b(f"weight[{at}] = v[{at}] * k[o]", v=v, k=k))
