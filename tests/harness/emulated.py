"""A CUDA device in NumPy, for machines without one: kernels run under the emulator of `simt.py`, which finds races and stray
addresses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backends.cuda.device import Device
from simt import launch


class EmulatedDevice(Device):
    """`checks=False` only runs. `launched` counts."""

    def __init__(self, checks: bool = True):
        self.checks, self.launched = checks, 0

    def empty(self, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.full(max(1, count), np.nan if dtype.kind == "f" else -1, dtype)  # what nothing writes must not be read

    def write(self, array: NDArray[Any], start: int, values: NDArray[Any]) -> None:
        array[start : start + values.size] = values.reshape(-1)

    def read(self, array: NDArray[Any], start: int, count: int) -> NDArray[Any]:
        return array[start : start + count].copy()

    def launch(self, text: str, name: str, dtype: np.dtype[Any], blocks: int, threads: int, arguments: tuple[Any, ...]) -> None:
        self.launched += 1
        if blocks:
            launch(text, name, blocks, threads, arguments, {"F": dtype.type, "float64": np.float64}, checks=self.checks)
