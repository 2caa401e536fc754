"""What the executor asks of a GPU. `NumbaDevice` is one; the tests give an emulator instead."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import warnings
from abc import ABC, abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...cache_folder import place, prune_once, read_plain, write_whole
from ...diagnostics import Advice, UsageError
from .kept import Kept

Array = NDArray[Any]


class Device(ABC):
    """Memory and launches, in order."""

    @abstractmethod
    def empty(self, count: int, dtype: np.dtype[Any]) -> Any:
        """An array of the device, whatever is in it."""

    def zeros(self, count: int, dtype: np.dtype[Any]) -> Any:
        """An array of zeros."""
        made = self.empty(count, dtype)
        self.write(made, 0, np.zeros(count, dtype))
        return made

    @abstractmethod
    def write(self, array: Any, start: int, values: Array) -> None:
        """Host to device, flat."""

    @abstractmethod
    def read(self, array: Any, start: int, count: int) -> Array:
        """Device to host, a copy."""

    @abstractmethod
    def launch(self, text: str, name: str, dtype: np.dtype[Any], blocks: int, threads: int, arguments: tuple[Any, ...]) -> None:
        """Run a kernel; compiled at its first use. Launches run one after another."""


    def missing(self, text: str, dtype: np.dtype[Any]) -> bool:
        """Whether a kernel would have to be compiled, where this process has not launched it yet."""
        return False


class NumbaDevice(Device):
    """The current CUDA device, through Numba."""

    def __init__(self) -> None:
        self.cuda = numba_cuda()
        if not self.cuda.is_available():
            raise UsageError("there is no CUDA device here", "Numba finds no driver, or no GPU", hint='device="cpu"',
                             code="unknown-device")

    def empty(self, count: int, dtype: np.dtype[Any]) -> Any:
        try:
            return self.cuda.device_array(max(1, count), dtype)
        except Exception as e:  # the driver's own error, of a class that only its bindings know
            raise UsageError(f"the GPU has no room for {count * dtype.itemsize / 1e9:.3g} GB more",
                             " ".join(str(e).split())[:200],
                             hint=Advice("a smaller batch; --memory chooses one that fits"), code="out-of-memory") from e

    def write(self, array: Any, start: int, values: Array) -> None:
        flat = np.ascontiguousarray(values, array.dtype).reshape(-1)
        if len(flat):
            array[start : start + len(flat)].copy_to_device(flat)

    def read(self, array: Any, start: int, count: int) -> Array:
        return np.asarray(array[start : start + count].copy_to_host()) if count else np.empty(0, array.dtype)

    def missing(self, text: str, dtype: np.dtype[Any]) -> bool:
        path = file_of(f"# {dtype.name}\n{text}")
        return path is None or not any(path.parent.glob(f"{path.stem}.*.kernel"))

    def launch(self, text: str, name: str, dtype: np.dtype[Any], blocks: int, threads: int, arguments: tuple[Any, ...]) -> None:
        if blocks:
            ready(text, name, dtype.name, blocks, threads)(*arguments)


@lru_cache(maxsize=16384)
def ready(text: str, name: str, dtype: str, blocks: int, threads: int) -> Any:
    """A kernel and its grid. Numba warns of small grids; a small net has nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Grid size")
        return compiled(text, name, dtype)[blocks, threads]


@lru_cache(maxsize=4096)
def compiled(text: str, name: str, dtype: str) -> Any:
    """A kernel of this text for arrays of this dtype. Numba caches functions that lie in files only, so the text lies in the
    cache folder; it is run from memory all the same."""
    whole = f"# {dtype}\n{text}"
    path = file_of(whole)
    if path is None or _simulated():
        return numba_cuda().jit(function_of(text, name, dtype))
    if read_plain(path, len(whole.encode())) != whole.encode():
        write_whole(path, whole.encode())
        prune_once()
    function = function_of(whole, name, dtype, str(path))
    if not path.exists():  # a disk that refuses
        return numba_cuda().jit(function)
    made = numba_cuda().jit(function, cache=True)
    made._cache._cache_file = Kept(path)
    return made


def file_of(whole: str) -> Path | None:
    """Where the text of a kernel lies in the cache folder, beside what was compiled of it."""
    folder = place().path
    return None if folder is None else folder / "cuda" / f"{hashlib.sha256(whole.encode()).hexdigest()[:20]}.py"


def function_of(text: str, name: str, dtype: str, file: str = "<kernel>") -> Any:
    """The Python function of a kernel's text, before it is compiled."""
    from numba import float32, float64, uint64

    cuda = numba_cuda()
    names: dict[str, Any] = {"cuda": cuda, "math": math, "F": {"float32": float32, "float64": float64}[dtype], "float64": float64,
                             "uint64": uint64}
    exec(compile(text, file, "exec"), names)
    return names[name]


def _simulated() -> bool:
    """Whether Numba runs kernels in Python: its own means against bugs."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def numba_cuda() -> Any:
    """Numba's package for CUDA. Raises where it is not installed."""
    if importlib.util.find_spec("numba_cuda") is None and not _simulated():
        raise UsageError("kernels for CUDA need the package numba-cuda", hint="pip install 'netspec-nn[cuda]'",
                         code="unknown-device")
    from numba import cuda

    return cuda
