"""Weights that a file holds as a direction and a length for each filter, as PyTorch's weight_norm keeps them while it trains:
they are read as the weights that they make, w = v * g / |v|.

    conv.weight_g, conv.weight_v                                                          torch.nn.utils.weight_norm
    conv.parametrizations.weight.original0, conv.parametrizations.weight.original1        torch.nn.utils.parametrizations

A net whose text says weight_norm has such parts itself, and takes them as they are; its own files have weight_g with no
more axes than tell filters apart.

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
        return made_of(*(self.source[part] for part in self.parts[name]))

    def parts_of(self, name: str, filters: int) -> tuple[str, str] | None:
        if name not in self.parts:
            return None
        shapes = self.source.about
        g, v = self.parts[name]
        own = shapes[v].shape[:filters]
        return (g, v) if shapes[g].shape in (own, (*own, *(1,) * (len(shapes[v].shape) - filters))) else None


def made_of(g: Array, v: Array) -> Array:
    """The weight of a direction and its lengths, in float64. A length is of all axes along which there is one, and of those that
    it does not have; where a direction is of nothing but zeros, so is the weight."""
    g, v = g.astype(np.float64), v.astype(np.float64)
    g = g.reshape(*g.shape, *(1,) * (v.ndim - g.ndim)) if g.size > 1 else g.reshape((1,) * v.ndim)
    length = np.sqrt((v * v).sum(tuple(k for k, n in enumerate(g.shape) if n == 1), keepdims=True))
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
        g.shape in ((), (1,)) or g.shape == v.shape[: len(g.shape)] or (
            len(g.shape) == len(v.shape) and all(a in (1, b) for a, b in zip(g.shape, v.shape))))
