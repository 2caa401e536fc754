"""Which reader a weights file is for: its first bytes say so, whatever it is called."""

from __future__ import annotations

import os

from ...reading import opened
from .lengths import with_weights
from .shards import Shards, is_index
from .source import Foreign, Source


def read(path: str | os.PathLike[str], part: str | None = None) -> Source:
    """The tensors of a weights file; of one of PyTorch that holds several sets of them, those under the key `part`. Weights that
    it has as lengths and directions are whole.

    Errors: OSError (reading.NotRegular among them), Foreign, Damaged; NetspecError where a package is needed to read it that is
    not installed.
    """
    return with_weights(_stored(path, part))


def _stored(path: str | os.PathLike[str], part: str | None) -> Source:
    with opened(path) as f:
        first = f.read(16)
    if not first:
        raise Foreign("it is empty")
    if is_index(first):
        return Shards(path, lambda file: _one(file, part))
    return _one(path, part)


def _one(path: str | os.PathLike[str], part: str | None) -> Source:
    """The tensors of a file that holds its numbers itself."""
    with opened(path) as f:
        first = f.read(16)
    if first[:4] == b"PK\x03\x04":
        return _archive(path, part)
    if first[:1] == b"\x80" and first[1:2] <= b"\x05" and first[8:9] != b"{":
        from .pytorch import PyTorch

        return PyTorch(path, part)
    if part is not None:
        raise Foreign(f"it is no file of PyTorch, and has no part {part[:60]!r}")
    if first[:4] == b"\x89HDF":
        from .keras import Keras

        return Keras(path)
    if first[:1] == b"\x08" and first[8:9] != b"{":
        from .onnx import Onnx

        return Onnx(path)
    from .safetensors import Tensors

    return Tensors(path)


def _archive(path: str | os.PathLike[str], part: str | None) -> Source:
    from .zipped import parts

    names = parts(path)
    if any(n == "data.pkl" or n.endswith("/data.pkl") for n in names):
        from .pytorch import PyTorch

        return PyTorch(path, part)
    if part is not None:
        raise Foreign(f"it is no file of PyTorch, and has no part {part[:60]!r}")
    if "model.weights.h5" in names:
        from .keras import Keras

        return Keras(path)
    if any(n.endswith(".npy") for n in names):
        from .npz import Npz

        return Npz(path)
    if any(n.endswith("archive_format") for n in names):
        raise Foreign("it is a program of torch.export: save the state_dict of its model, or export it to ONNX")
    raise Foreign("it is a zip archive, and none of PyTorch, Keras or NumPy")
