"""Weights that a file holds as a direction and a length for each filter, as PyTorch's weight_norm keeps them while it trains:
they are read as the weights that they make, w = v * g / |v|.

    conv.weight_g, conv.weight_v                                                          torch.nn.utils.weight_norm
    conv.parametrizations.weight.original0, conv.parametrizations.weight.original1        torch.nn.utils.parametrizations

Paper: Salimans and Kingma, "Weight Normalization", 2016 (arXiv:1602.07868)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from .source import FLOATS, About, Array, Source

_LENGTH = re.compile(r"(.*?)(?:weight_g|parametrizations\.weight\.original0)", re.DOTALL)
_OTHERS = {"weight_g": "weight_v", "original0": "original1"}


class Lengths(Source):
    """The tensors of a file with those weights in the place of their parts."""

    def __init__(self, source: Source, parts: Mapping[str, tuple[str, str]]):
        self.source, self.parts = source, parts
        for k in ("kind", "ordered", "channels_last", "eps", "epsilon", "apart", "left", "path"):
            setattr(self, k, getattr(source, k))

    @property
    def about(self) -> Mapping[str, About]:
        weights = {v: name for name, (_, v) in self.parts.items()}
        lengths = {g for g, _ in self.parts.values()}
        return {weights.get(k, k): about for k, about in self.source.about.items() if k not in lengths}

    def raw(self, name: str) -> Array:
        return self.source.raw(name)

    def __getitem__(self, name: str) -> Array:
        if name not in self.parts:
            return self.source[name]
        g, v = (self.source[part].astype(np.float64) for part in self.parts[name])
        # a length is of all axes along which there is one; where it is 0, so is the weight, which has no direction then
        axes = tuple(k for k, n in enumerate(g.shape) if n == 1) if g.ndim == v.ndim else tuple(range(v.ndim))
        length = np.sqrt((v * v).sum(axes, keepdims=True))
        out: Array = v * (g / np.where(length == 0, 1.0, length))
        return out


def with_weights(source: Source) -> Source:
    """The file as it is where no weight of it is in two parts that fit each other."""
    about = source.about
    parts = {}
    for g, of in about.items():
        m = _LENGTH.fullmatch(g)
        v = re.sub("weight_g$|original0$", lambda end: _OTHERS[end[0]], g) if m else ""
        if m and v in about and _fit(of, about[v]) and f"{m[1]}weight" not in about:
            parts[f"{m[1]}weight"] = g, v
    return Lengths(source, parts) if parts else source


def _fit(g: About, v: About) -> bool:
    """Whether one is a length for parts of the other, or for all of it."""
    return g.dtype in FLOATS and v.dtype in FLOATS and (
        g.shape in ((), (1,)) or (len(g.shape) == len(v.shape) and all(a in (1, b) for a, b in zip(g.shape, v.shape))))
