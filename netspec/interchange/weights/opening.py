"""Which reader a weights file is for: its first bytes say so, whatever it is called."""

from __future__ import annotations

import os

from ...reading import opened
from .copies import meant
from .lengths import with_weights
from .shards import Shards, is_index
from .source import Foreign, Source
from .zipped import parts


def read(path: str | os.PathLike[str], part: str | None = None) -> Source:
    """The tensors of a weights file; of one that holds several sets of them, those under the key `part`. Weights that it has as
    lengths and directions are whole.

    Errors: OSError (reading.NotRegular among them), Foreign, Damaged (Twice where a model is there more than once, and no part
    says which); NetspecError where a package is needed to read it that is not installed.
    """
    with opened(path) as f:
        first = f.read(16)
    if not first:
        raise Foreign("it is empty")
    if is_index(first):
        return with_weights(meant(Shards(path, lambda file: _plain(file) if (saved := _pytorch(file, all_of_it=True)) is None
                                         else saved), part))
    found = _pytorch(path, part)
    return with_weights(meant(_plain(path), part) if found is None else found)


def _pytorch(path: str | os.PathLike[str], part: str | None = None, all_of_it: bool = False) -> Source | None:
    """A file of PyTorch, which holds whatever was saved, and says itself which of it are weights; None for another one."""
    with opened(path) as f:
        first = f.read(16)
    archive = first[:4] == b"PK\x03\x04" and any(n == "data.pkl" or n.endswith("/data.pkl") for n in parts(path))
    if not archive and not (first[:1] == b"\x80" and first[1:2] <= b"\x05" and first[8:9] != b"{"):
        return None
    from .pytorch import PyTorch

    return PyTorch(path, part, all_of_it)


def _plain(path: str | os.PathLike[str]) -> Source:
    """The tensors of a file that holds nothing but tensors by name."""
    with opened(path) as f:
        first = f.read(16)
    if first[:4] == b"PK\x03\x04":
        return _archive(path)
    if first[:4] == b"\x89HDF":
        from .keras import Keras

        return Keras(path)
    if first[:1] == b"\x08" and first[8:9] != b"{":
        from .onnx import Onnx

        return Onnx(path)
    from .safetensors import Tensors

    return Tensors(path)


def _archive(path: str | os.PathLike[str]) -> Source:
    names = parts(path)
    if "model.weights.h5" in names:
        from .keras import Keras

        return Keras(path)
    if any(n.endswith(".npy") for n in names):
        from .npz import Npz

        return Npz(path)
    if any(n.endswith("archive_format") for n in names):
        raise Foreign("it is a program of torch.export: save the state_dict of its model, or export it to ONNX")
    raise Foreign("it is a zip archive, and none of PyTorch, Keras or NumPy")
