"""Devices by name. A backend is imported when a network is put on it, not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from ..backends.executor import Executor
from ..diagnostics import Advice, near
from ..ir.graph import Graph
from ..ir.precision import refusal
from .misuse import misuse

DEVICES = {  # name -> module, class, dtype where none is asked for
    "cpu": ("netspec.backends.cpu.executor", "CpuExecutor", "float32"),
    "cuda": ("netspec.backends.cuda.executor", "CudaExecutor", "float32"),
    "reference": ("netspec.backends.reference.executor", "ReferenceExecutor", "float64"),
}
DTYPES = ("float32", "float64")


def default_dtype(device: str) -> str:
    """The dtype a network has on a device where none is asked for. Raises for a device that does not exist."""
    if not isinstance(device, str) or device not in DEVICES:
        device = named(device)
        meant = "cuda" if device.lower() in ("gpu", "nvidia") or device.lower().startswith("cuda") else near(device, DEVICES)
        raise misuse("unknown-device", f"there is no device `{device}`", hint=f"did you mean {meant}?" if meant
                     else Advice(f"one of {', '.join(DEVICES)}"))
    return DEVICES[device][2]


def checked_dtype(dtype: Any, device: str) -> str:
    """The name of a dtype; that of the device where none is asked for. Raises for one that no kernel is made for."""
    usual = default_dtype(device)
    if dtype is None:
        return usual
    try:
        name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    except (TypeError, ValueError, AttributeError):
        name = named(dtype)
    if name not in DTYPES:
        raise misuse("bad-value", f"there is no dtype `{name}`", hint=Advice(f"one of {', '.join(DTYPES)}"))
    return name


def at_precision(graph: Graph, asked: Any) -> Graph:
    """The network at the precision asked for: at its own, that of its train section, for None. Raises for one that does
    not exist."""
    if asked is None:
        return graph
    refused = refusal(named(asked))
    if refused or not isinstance(asked, str):
        title, hint = refused or (f"a precision is a text, not a {type(asked).__name__}", "precision float32")
        word, _, value = hint.partition(" ")
        raise misuse("bad-value", title, hint=f'{word}="{value}"')
    return replace(graph, precision=asked)


def named(value: object) -> str:
    """Something that is no name, in a message."""
    return value if isinstance(value, str) else " ".join(repr(value).split())[:60]


def executor(graph: Graph, device: str = "cpu", dtype: str | None = None) -> Executor:
    """A network on a device, at the precision it carries, its parameters all zero.

    Errors: a device or dtype that does not exist.
    """
    dtype = checked_dtype(dtype, device)
    where, name, _ = DEVICES[device]
    made: Callable[[Graph, str], Executor] = getattr(import_module(where), name)
    return made(graph, dtype)
