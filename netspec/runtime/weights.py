"""Weights from files: `weights="vgg16.safetensors"` of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..diagnostics import MissingFileError
from ..ir.graph import Parameter
from .misuse import misuse
from .values import checked


def load_weights(parameters: tuple[Parameter, ...], put: Callable[[str, Any], None]) -> None:
    """Fill the parameters whose spec names a file, by their path below the call that named it.

    Errors: a file that is not there or is no safetensors file; a parameter the file does not have, or of another shape.
    """
    files: dict[str, Mapping[str, Any]] = {}
    for p in parameters:
        if p.file is None:
            continue
        if p.file not in files:
            files[p.file] = read_tensors(p.file)
        held, parts = files[p.file], p.name.split(".")
        key = next((k for k in (".".join(parts[i:]) for i in range(len(parts))) if k in held), None)
        if key is None:
            raise misuse("weights-mismatch", f"{p.file} has no weights for {p.name}", f"it has {', '.join(list(held)[:5])} ...")
        put(p.name, checked(p, held[key]))


def read_tensors(path: str) -> Mapping[str, Any]:
    """Every array of a safetensors file by name."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except FileNotFoundError:
        raise MissingFileError(f"there is no weights file {path}", "--set weights=none initialises instead", "missing-weights") from None
    except (SafetensorError, OSError) as e:
        raise misuse("bad-weights", f"{path} cannot be read as safetensors", str(e)) from None
