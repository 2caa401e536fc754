"""Training from JPEG files beside training from memory, and PyTorch's DataLoader with torchvision's decoder where it is there.

    python benchmarks/pictures.py [EXAMPLES]

The pictures are made here: noise on a ramp, 32x32 and 96x96. An epoch from each takes turns with one from the others, and the
figures are medians of the ratios of neighbours: epochs a second, of that from memory.

    decoding    CPU seconds that reading the pictures takes on one core, over the seconds of an epoch from memory
    could be    what is left for training where decoding takes its part of all cores:  1 / (1 + decoding / cores)
    first       the first epoch from files, in which every picture is decoded, as in all epochs those that 512 MB do not hold
    later       an epoch of pictures that have been decoded before
    DataLoader  torchvision's decode_jpeg in two processes, whose batches netspec trains on

Steps run on all cores, and so does decoding: what takes D seconds of one core takes D / cores of an epoch at the least.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

import netspec
from netspec.datasets import Data
from netspec.datasets.parts.decoded import Pictures

ROUNDS = 7
NETS = ((32, 32), (32, 64), (96, 32), (96, 64))  # size of the pictures, channels of the first convolutions
TEXT = """net a:
  input 3x{0}x{0}
  conv {1} 3x3 relu
  conv {1} 3x3 relu
  maxpool 2
  conv 64 3x3 relu
  avgpool global
  fc 10

train a:
  loss cross_entropy
  sgd lr=0.01 momentum=0.9
  batch 32
"""


def written(folder: Path, size: int, n: int) -> list[str]:
    """Pictures of this size, as files."""
    rng, ramp = np.random.default_rng(0), np.linspace(0, 120, size)[:, None, None]
    files = []
    for k in range(n):
        files.append(str(folder / f"{size}-{k}.jpg"))
        Image.fromarray((rng.integers(0, 120, (size, size, 3)) + ramp).astype(np.uint8)).save(files[-1], quality=90)
    return files


def loader(files: list[str], y: Any) -> Any:
    """The same batches from PyTorch; None where it is not there."""
    try:
        import torch
        from torchvision.io import decode_jpeg, read_file
    except (ImportError, RuntimeError):  # the latter: a torchvision of another torch
        return None

    class Files(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, k: int) -> Any:
            return decode_jpeg(read_file(files[k])), int(y[k])

    return torch.utils.data.DataLoader(Files(), batch_size=32, shuffle=True, num_workers=2, persistent_workers=True)


def took(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    call()
    return clock() - began


def compared(folder: Path, size: int, channels: int, n: int) -> str:
    """A row of the table."""
    files, y = written(folder, size, n), np.arange(n) % 10
    fresh: Callable[[], Pictures] = lambda: Pictures(files, (3, size, size), "cover", False)  # noqa: E731
    known, others = fresh(), loader(files, y)
    memory = known[:]
    net = netspec.compile(text=TEXT.format(size, channels), seed=0)
    given: list[Callable[[], Any]] = [lambda: Data("memory", (memory, y)), lambda: Data("files", (fresh(), y)),
                                      lambda: Data("known", (known, y)), *([lambda: others] if others is not None else [])]

    def epoch(k: int) -> float:
        data = given[k]()
        return took(lambda: net.fit(data, epochs=1, verbose=0))

    for k in range(len(given)):
        epoch(k)
    rounds = [[epoch(k) for k in range(len(given))] for _ in range(ROUNDS)]
    decoding = took(lambda: fresh()[:], time.thread_time) / statistics.median(r[0] for r in rounds)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ratios = [f"{statistics.median(r[0] / r[k] for r in rounds):7.2f}" for k in range(1, len(given))]
    return f"{size:4}  {channels:8}  {decoding:8.2f}  {1 / (1 + decoding / cores):8.2f}  {'  '.join(ratios)}"


def main() -> None:
    """Print the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    print("size  channels  decoding  could be    first    later  DataLoader")
    for size, channels in NETS:
        with TemporaryDirectory() as folder:
            print(compared(Path(folder), size, channels, n), flush=True)


if __name__ == "__main__":
    main()
