"""Training from JPEG files beside training from memory, and PyTorch's DataLoader with torchvision's decoder where it is there.

    python benchmarks/pictures.py [EXAMPLES]

The pictures are made here (32x32 and 96x96, noise on a ramp). One epoch from each takes turns with one from the others; figures
are medians of the ratios of neighbours. `decoding` is what one core takes to read the pictures, over what the steps of an epoch
from memory take: below 1, training from files is to be at least 0.9 as fast.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

import netspec
from netspec.datasets import Data, Lazy

ROUNDS = 5
TEXT = """net a:
  input 3x{0}x{0}
  conv 32 3x3 relu
  conv 32 3x3 relu
  maxpool 2
  conv 64 3x3 relu
  avgpool global
  fc 10

train a:
  loss cross_entropy
  sgd lr=0.01 momentum=0.9
  batch 32
"""


class Pictures(Lazy):
    """Files, decoded as they are asked for."""

    def __init__(self, files: list[Path], size: int):
        self.files, self.shape, self.dtype = files, (len(files), 3, size, size), np.dtype(np.uint8)

    def example(self, number: int) -> Any:
        return np.asarray(Image.open(io.BytesIO(self.files[number].read_bytes()))).transpose(2, 0, 1)


def written(folder: Path, size: int, n: int) -> list[Path]:
    """Pictures of this size, as files."""
    rng, ramp = np.random.default_rng(0), np.linspace(0, 120, size)[:, None, None]
    files = []
    for k in range(n):
        files.append(folder / f"{size}-{k}.jpg")
        Image.fromarray((rng.integers(0, 120, (size, size, 3)) + ramp).astype(np.uint8)).save(files[-1], quality=90)
    return files


def loader(pictures: Pictures, y: Any) -> Any:
    """The same batches from PyTorch; None where it is not there."""
    try:
        import torch
        from torchvision.io import decode_jpeg, read_file
    except ImportError:
        return None

    class Files(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return len(pictures)

        def __getitem__(self, k: int) -> Any:
            return decode_jpeg(read_file(str(pictures.files[k]))), int(y[k])

    return torch.utils.data.DataLoader(Files(), batch_size=32, shuffle=True, num_workers=2)


def took(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compared(folder: Path, size: int, n: int) -> str:
    """A row of the table."""
    pictures, y = Pictures(written(folder, size, n), size), np.arange(n) % 10
    memory, others = pictures[:], loader(pictures, y)
    net = netspec.compile(text=TEXT.format(size), seed=0)
    given = [Data("memory", (memory, y)), Data("files", (pictures, y)), *([others] if others is not None else [])]
    ways = [partial(net.fit, one, epochs=1, verbose=0) for one in given]
    ways[0]()
    rounds = [[took(way) for way in ways] for _ in range(ROUNDS)]
    decoding = took(lambda: pictures[:]) / statistics.median(r[0] for r in rounds)
    ratios = [f"{statistics.median(r[0] / r[k] for r in rounds):10.2f}" for k in range(1, len(ways))]
    return f"{size:4}  {decoding:8.2f}  {'  '.join(ratios)}"


def main() -> None:
    """Print the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    print("size  decoding  from files  DataLoader    (epochs a second, of that from memory)")
    for size in (32, 96):
        with TemporaryDirectory() as folder:
            print(compared(Path(folder), size, n), flush=True)


if __name__ == "__main__":
    main()
