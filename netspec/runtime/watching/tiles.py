"""Examples as small pictures for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...views.pictures import address, enlarged, filter_tiles, grid, of_image

Array = NDArray[Any]
SIDE = 96  # pixels of the longer side, about
FILTERS, NUMBERS = 64, 1 << 18  # filters of a layer that are shown, and numbers of them


def tile(inputs: Mapping[str, Array], k: int) -> str:
    """The address of the first input that is a picture, of example k; empty where none is."""
    for a in inputs.values():
        if a.ndim == 4 and min(a.shape[2:]) > 1 and len(a) > k:
            return address(enlarged(_small(shown(a[k])), SIDE))
    return ""


def shown(a: Array) -> NDArray[np.uint8]:
    """One picture of any number of channels: three are colours, of others the first is shown. Numbers from 0 to 1 are as they
    are, others from the least to the largest of them."""
    a = np.nan_to_num(np.asarray(a[:3] if len(a) >= 3 else a[:1], np.float64))
    low, high = (0.0, 1.0) if a.min() >= 0 and a.max() <= 1 else (float(a.min()), float(a.max()))
    return of_image(a, low, high)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    k = -(-max(picture.shape[:2]) // (2 * SIDE))
    if k <= 1:
        return picture
    h, w = picture.shape[0] // k * k, picture.shape[1] // k * k
    mean: NDArray[np.uint8] = picture[:h, :w].reshape(h // k, k, w // k, k, 3).mean((1, 3)).astype(np.uint8)
    return mean if mean.size else picture[:: k, :: k]


def filters(weight: Array, most: float | None = None) -> str:
    """The address of a picture of a layer's filters; empty where it has none that are pictures."""
    if weight.ndim < 3 or min(weight.shape[2:]) < 2 or not np.isfinite(weight).all():
        return ""
    some = weight[:FILTERS]
    if some.size > NUMBERS:
        return ""
    tiles = [enlarged(t, 40) for t in filter_tiles(some, most)]
    return address(grid(tiles, columns=min(8, len(tiles)), gap=6))
