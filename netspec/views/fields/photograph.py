"""A photograph however it is given: a file, a PIL image, or an array."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from PIL import Image

from ...diagnostics import UsageError


def file_of(picture: Any) -> Any:
    """The path of a picture as it is; of a PIL image, or an array, what a file of it would hold.

    An array is C x H x W or H x W x C with one or three channels, or H x W: bytes, or numbers from 0 to 1.
    Errors: anything else.
    """
    if isinstance(picture, (str, os.PathLike)):
        return picture
    out = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(_pixels(picture))
    (image if image.mode in ("L", "RGB") else image.convert("RGB")).save(out, "PNG")
    return out.getvalue()


def _pixels(given: Any) -> Any:
    """Height x width bytes, or height x width x 3."""
    try:
        a = np.asarray(given)
    except (TypeError, ValueError):
        a = np.asarray(None)
    a = a[0] if a.ndim == 4 and len(a) == 1 else a  # a batch of one
    if a.ndim == 3 and a.shape[0] in (1, 3) and a.shape[2] not in (1, 3):
        a = a.transpose(1, 2, 0)
    a = a[..., 0] if a.ndim == 3 and a.shape[2] == 1 else a
    whole = a.dtype.kind in "ui" and a.size and a.min() >= 0 and a.max() <= 255
    part = a.dtype.kind == "f" and a.size and a.min() >= 0 and a.max() <= 1
    if (a.ndim != 2 and not (a.ndim == 3 and a.shape[2] == 3)) or not (whole or part):
        said = f"an array of {'x'.join(map(str, a.shape))}, {a.dtype}" if a.ndim else f"a {type(given).__name__}"
        raise UsageError(f"a picture is a path, a PIL image, or an array of one or three channels, and not {said}",
                         "its numbers are whole ones from 0 to 255, or parts from 0 to 1", hint='picture="cat.jpg"')
    return np.ascontiguousarray(a if whole else np.rint(a * 255)).astype(np.uint8)
