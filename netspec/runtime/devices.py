"""Devices by name. A backend is imported when a network is put on it, not before."""

from __future__ import annotations

from importlib import import_module

from ..backends.executor import Executor
from ..diagnostics import near
from ..ir.graph import Graph
from .misuse import misuse

DEVICES = {  # name -> module, class, dtype where none is asked for
    "cpu": ("netspec.backends.cpu.executor", "CpuExecutor", "float32"),
    "reference": ("netspec.backends.reference.executor", "ReferenceExecutor", "float64"),
}
DTYPES = ("float32", "float64")
PRECISIONS = ("float32", "exact")


def default_dtype(device: str) -> str:
    """The dtype a network has on a device where none is asked for. Raises for a device that does not exist."""
    if device == "cuda":
        raise misuse("unknown-device", "this version of netspec has no kernels for CUDA", hint='device="cpu"')
    if device not in DEVICES:
        meant = near(device, DEVICES)
        raise misuse("unknown-device", f"there is no device `{device}`", hint=f"did you mean {meant}?" if meant else f"one of {', '.join(DEVICES)}")
    return DEVICES[device][2]


def executor(graph: Graph, device: str = "cpu", dtype: str | None = None, precision: str | None = None) -> Executor:
    """A network on a device, its parameters all zero.

    Errors: a device, dtype or precision that does not exist.
    """
    usual = default_dtype(device)
    dtype = dtype or usual
    if dtype not in DTYPES:
        raise misuse("bad-value", f"there is no dtype `{dtype}`", hint=f"one of {', '.join(DTYPES)}")
    if precision is not None and precision not in PRECISIONS:
        raise misuse("bad-value", f"there is no precision `{precision}`", hint=f"one of {', '.join(PRECISIONS)}")
    where, name, _ = DEVICES[device]
    made: type[Executor] = getattr(import_module(where), name)
    return made(graph, dtype) if precision is None else made(graph, dtype, precision)
