"""Specs that stand alone: a module with every file that it imports at hand, and as plain values that a checkpoint holds.

A file is read once, when the network is made; what a checkpoint holds is what was elaborated, whatever becomes of the files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..limits import FILES, FILES_BYTES
from ..source import Source
from ..syntax import tree
from ..syntax.load import decoded
from .model.files import Library
from .tree_to_graph import read_module


def alone(module: tree.Module) -> tree.Module:
    """The module with all its imports at hand. One whose imports are not right is given back: elaborating it says why."""
    if module.imports is not None:
        return module
    library = Library()
    library.add(module)
    if library.found:
        return module
    at_hand: dict[str, dict[str, tree.Module]] = {key: {} for key in library.files}
    made = {key: replace(f.module, imports=at_hand[key]) for key, f in library.files.items()}
    for key, f in library.files.items():
        at_hand[key] |= {path: made[other.key] for path, other in f.found.items()}
    return next(iter(made.values()))


def texts(module: tree.Module) -> list[dict[str, Any]]:
    """The files of a module that stands alone, itself the first: {"name", "text", "imports": {path as written: its place in
    the list}}."""
    order, place = [module], {id(module): 0}
    for m in order:  # grows while it is gone through
        for other in (m.imports or {}).values():
            if id(other) not in place:
                place[id(other)] = len(order)
                order.append(other)
    return [{"name": os.path.basename(m.source.name), "text": m.source.text,
             "imports": {path: place[id(other)] for path, other in (m.imports or {}).items()}} for m in order]


def fit(files: Any) -> bool:
    """Whether a value is what `texts` gives."""
    return (isinstance(files, list) and 0 < len(files) <= FILES + 1
            and all(isinstance(f, dict) and isinstance(f.get("name"), str) and isinstance(f.get("text"), str)
                    and isinstance(f.get("imports"), dict)
                    and all(type(k) is int and 0 <= k < len(files) for k in f["imports"].values()) for f in files)
            and sum(len(f["text"]) for f in files) <= FILES_BYTES)


def module_of(files: list[Mapping[str, Any]], holder: str, folder: str | None) -> tree.Module:
    """The module of such texts. `holder` is the file that holds them: messages name them as if they lay in it. Data are looked
    for from `folder`. Raises SpecError and MissingFileError, as for files."""
    at_hand: list[dict[str, tree.Module]] = [{} for _ in files]
    made = []
    for f, imports in zip(files, at_hand):
        name = os.path.join(holder, f["name"])
        made.append(replace(read_module(Source(name, decoded(f["text"].encode(errors="replace"), name), folder)), imports=imports))
    for f, imports in zip(files, at_hand):
        imports |= {path: made[k] for path, k in f["imports"].items()}
    return made[0]
