"""Where the weights of a file that stands alone are: in its own text, or in a file."""

from __future__ import annotations

import json
import zlib
from base64 import b85decode, b85encode
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
WIDTH = 128  # characters a line


def packed(arrays: Mapping[str, Array]) -> str:
    """Arrays of float32 as text, one after the other: of all numbers the first bytes, then the second, ..., which makes like
    stand beside like; squeezed by zlib, in base 85."""
    numbers = np.concatenate([np.asarray(a, "<f4").reshape(-1) for a in arrays.values()]) if arrays else np.zeros(0, "<f4")
    text = b85encode(zlib.compress(np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, 4).T).tobytes(), 6)).decode()
    return "\n".join(text[k : k + WIDTH] for k in range(0, len(text), WIDTH))


def unpacked(text: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """The arrays that `packed` has made a text of, by name."""
    data = np.frombuffer(zlib.decompress(b85decode(text.replace("\n", ""))), np.uint8).reshape(4, -1)
    numbers, out, at = np.ascontiguousarray(data.T).view("<f4").reshape(-1), dict[str, Array](), 0
    for name, shape in shapes.items():
        out[name] = numbers[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    return out


def read_arrays(path: Path) -> Mapping[str, Any]:
    """Every array of an .npz or .safetensors file by name. Raises ValueError for what is neither."""
    if path.suffix == ".npz":
        with np.load(path) as held:
            return dict(held)
    try:
        return _tensors(path.read_bytes())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ValueError(f"{path} is no safetensors file, or a damaged one ({type(e).__name__})") from None


def _tensors(data: bytes) -> dict[str, Array]:
    """What a safetensors file holds; tensors that are no floats are left out."""
    size = int.from_bytes(data[:8], "little")
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    out: dict[str, Array] = {}
    for name, about in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__" and about["dtype"] in kinds:
            start, end = about["data_offsets"]
            a = np.frombuffer(data[8 + size + start : 8 + size + end], kinds[about["dtype"]]).reshape(about["shape"])
            out[name] = (a.astype("<u4") << 16).view("<f4") if about["dtype"] == "BF16" else a  # the upper half of a float32
    return out
