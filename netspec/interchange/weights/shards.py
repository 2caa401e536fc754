"""Weights of one model in several files, and the index that names them, as Hugging Face's libraries lay large ones:

    model.safetensors.index.json       {"weight_map": {"conv1.weight": "model-00001-of-00002.safetensors", ...}}
    pytorch_model.bin.index.json       the same, of files of PyTorch

The files lie beside the index; an index that is a link, as in their cache, has them beside what it leads to as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ...reading import Outside, opened, placed
from .families import natural
from .safetensors import parsed
from .source import About, Array, Damaged, Foreign, Source

BYTES, FILES = 100_000_000, 10_000  # of an index, and that one names, at most


class Shards(Source):
    """The tensors of all files that an index names; each has to be where the index says."""

    kind = "an index of files"

    def __init__(self, path: str | os.PathLike[str], read: Callable[[Path], Source]) -> None:
        self.path = path
        names = _named(path)
        files = {file: read(_beside(file, Path(path))) for file in sorted(set(names.values()), key=natural)}
        for name, file in names.items():
            if name not in files[file]:
                raise Damaged(f"it has {name[:100]} in {file}, where there is none of the name")
        self.files = {name: files[file] for file in files for name in files[file] if names.get(name) == file}
        self.ordered = all(f.ordered for f in files.values())
        self.left = tuple(k for f in files.values() for k in f.left)

    @cached_property
    def about(self) -> Mapping[str, About]:
        return {name: file.about[name] for name, file in self.files.items()}

    def raw(self, name: str) -> Array:
        return self.files[name].raw(name)


def is_index(first: bytes) -> bool:
    """Whether a file that begins so is JSON; one of safetensors, which may begin with a brace, has zeros behind it."""
    return first.lstrip()[:1] == b"{" and 0 not in first


def _named(path: str | os.PathLike[str]) -> dict[str, str]:
    """The file of each tensor."""
    with opened(path) as f:
        text = f.read(BYTES + 1)
    try:
        whole: Any = parsed(text) if len(text) <= BYTES else None
    except ValueError as e:
        raise Damaged(f"it is no JSON: {e}"[:200]) from None
    names = whole.get("weight_map") if isinstance(whole, dict) else None
    if not isinstance(names, dict) or not names:
        raise Foreign("it is a text, and no index of weights: it has no weight_map")
    if not all(isinstance(v, str) and v for v in names.values()) or len(set(names.values())) > FILES:
        raise Damaged("its weight_map has no file for each tensor")
    return names


def _beside(name: str, index: Path) -> Path:
    """A file in the folder of the index, or beside what the index is a link to. Raises Damaged for any other."""
    if Path(name).name == name:
        try:
            return placed(name, index.parent)
        except Outside:
            found = (index.parent / name).resolve()
            if index.is_symlink() and found.parent == index.resolve().parent:
                return found
    raise Damaged(f"it names the file {name[:100]!r}, which is not beside it")
