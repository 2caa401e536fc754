"""How long a deep network takes until its first step of training is done: seconds of processor time, by residual units.

    python benchmarks/first_step.py [units ...]

Each net is read, compiled and takes a step of four examples in a process of its own, first with an empty cache of kernels and
then with the one it left behind. Kernels are as many for ten units as for a thousand; what grows is planning, and it should
grow as the units do. The processor time of helper processes counts. Last comes the time on the clock, which other work on
the machine makes longer.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time

UNITS = 250, 500, 1000
NET = """net deep:
  input 16x16x16
  repeat {units}:
    residual:
      conv 16 3x3 bn relu
      conv 16 3x3 bn
  avgpool global
  fc 10

train deep:
  loss cross_entropy
  sgd lr=0.01 momentum=0.9
"""


def seconds() -> float:
    """Of processor time, of this process and of its helpers that have ended."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def first_step(units: int) -> None:
    import numpy as np

    import netspec

    imported, began = seconds(), time.perf_counter()
    net = netspec.compile(text=NET.format(units=units))
    compiled = seconds()
    net.train_step(np.random.default_rng(0).normal(size=(4, 16, 16, 16)).astype(np.float32), np.arange(4))
    print(
        f"{compiled - imported:9.2f} s{seconds() - compiled:12.2f} s{seconds() - imported:9.2f} s{time.perf_counter() - began:9.2f} s", flush=True)


def main(units: tuple[int, ...]) -> None:
    print(f"{'units':>6}{'kernels':>10}{'compile':>11}{'first step':>14}{'both':>11}{'clock':>11}")
    for n in units:
        with tempfile.TemporaryDirectory() as cache:
            for kernels in ("none", "kept"):
                print(f"{n:>6}{kernels:>10}", end="", flush=True)
                subprocess.run([sys.executable, __file__, "--one", str(n)], check=True,
                               env={**os.environ, "NETSPEC_CACHE": cache})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        first_step(int(sys.argv[2]))
    else:
        main(tuple(map(int, sys.argv[1:])) or UNITS)
