"""Weights from files: `weights="vgg16.safetensors"` of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...diagnostics import MissingFileError
from ...interchange.weights.opening import read
from ...interchange.weights.source import Damaged, Foreign, Source, Unusable
from ...ir.graph import Parameter
from ...reading import NotRegular
from ..misuse import misuse
from ..values import checked, fits


def load_weights(parameters: tuple[Parameter, ...], dtype: Any, put: Callable[[str, Any], None]) -> None:
    """Fill the parameters whose spec names a file, by their path below the call that named it.

    Errors: a file that is not there or holds no weights; a parameter the file does not have, or of another shape, or
    whose numbers are no weights, or none that are finite in the network's `dtype`.
    """
    files: dict[str, Source] = {}
    ready: dict[str, Any] = {}
    for p in parameters:
        if p.file is None:
            continue
        if p.file not in files:
            files[p.file] = read_tensors(p.file)
        held, parts = files[p.file], p.name.split(".")
        key = next((k for k in (".".join(parts[i:]) for i in range(len(parts))) if k in held), None)
        if key is None:
            raise misuse("weights-mismatch", f"{p.file} has no weights for {p.name}",
                         f"it has {', '.join(list(held)[:5]) or 'none'} ...")
        fits(p, held.about[key].shape, f" in {p.file}")
        try:
            ready[p.name] = checked(p, held[key], np.float64, f" in {p.file}")
        except (Unusable, Damaged) as e:
            raise misuse("bad-weights", f"{p.file} does not give {p.name} its weights", str(e)) from None
        with np.errstate(over="ignore"):
            if not np.isfinite(ready[p.name].astype(dtype)).all():
                raise misuse("bad-weights", f"{p.file} does not give {p.name} its weights",
                             f"{key} holds numbers that are not finite{'' if not np.isfinite(ready[p.name]).all() else f' in {np.dtype(dtype)}'}")
    for name, value in ready.items():
        put(name, value)


def read_tensors(path: str) -> Source:
    """The tensors of a weights file, by name."""
    try:
        return read(path)
    except FileNotFoundError:
        raise MissingFileError(f"there is no weights file {path}", "--set weights=none initialises instead",
                               "missing-weights") from None
    except NotRegular as e:
        raise misuse("bad-weights", f"the weights {path} are {e.strerror}, not a file") from None
    except (Foreign, Damaged, OSError) as e:
        raise misuse("bad-weights", f"{path} cannot be read as weights", getattr(e, "strerror", None) or str(e)) from None
