"""How long netspec takes to read and check a spec: seconds of processor time, median of several.

    python benchmarks/reading.py

Each is read and elaborated from its text with a warm grammar cache, as `netspec check` does after it has started.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from netspec import compiler

SPECS = Path(__file__).resolve().parents[1] / "specs"
REPEATS = 7


def long(line: str, n: int) -> Callable[[], object]:
    text = "net long:\n  input 8x32x32\n" + "".join(line.format(k) + "\n" for k in range(n))
    return lambda: compiler.load_graph(text=text)


CASES: dict[str, Callable[[], object]] = {
    "ResNet-152": lambda: compiler.load_graph(SPECS / "resnet.net", "resnet152"),
    "DenseNet-201": lambda: compiler.load_graph(SPECS / "densenet.net", "densenet201"),
    "5,000 lines of three steps": long("  conv 8 3x3 bn -> relu -> conv 8 1x1", 5_000),
    "10,000 lines of one step": long("  conv 8 3x3", 10_000),
    "10,000 labelled lines": long("  layer{}: conv 8 3x3", 10_000),
    "10,000 lines of three steps": long("  conv 8 3x3 bn -> relu -> conv 8 1x1", 10_000),
}


def main() -> None:
    for name, read in CASES.items():
        read()
        seconds = []
        for _ in range(REPEATS):
            started = time.process_time()
            read()
            seconds.append(time.process_time() - started)
        print(f"{name:<30}{statistics.median(seconds):8.3f} s   (fastest {min(seconds):.3f}, slowest {max(seconds):.3f})")


if __name__ == "__main__":
    main()
