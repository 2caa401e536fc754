"""How much more two threads predict with one network than one does: answers a second, as a ratio.

    python benchmarks/threads.py [SPEC[:NET][@BATCH] ...]

One engine thread each (`set_threads(1)`), so that the second caller needs the second core. One and two callers take turns in one
run; figures are medians of the ratios of neighbours; 2.0 is all that two cores have.

by the clock   what it says. On a machine where others work too, two threads get hardly more of it than one: the first row, which
               hashes bytes and shares nothing, shows how far that goes.
on free cores  what it would say if a thread ran whenever it could: the time that threads run or wait for a core (Linux counts
               both), over what an answer costs. Waiting for each other, or for the interpreter's lock, counts against it.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import netspec
from netspec.backends.cpu.engine.workers import set_threads

SPECS = Path(__file__).resolve().parents[1] / "specs"
CASES = ("digits.net@64", "lenet.net@64", "resnet_cifar.net:resnet20@16", "mobilenet.net@1")
ROUNDS, SECONDS = 11, 0.3


def wanted() -> tuple[float, float]:
    """Seconds that this thread has run, and that it has waited for a core."""
    try:
        ran, waited, _ = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()
    except (OSError, ValueError):
        return time.thread_time(), 0.0
    return int(ran) / 1e9, int(waited) / 1e9


def answers(callers: int, once: Callable[[], object]) -> tuple[float, float]:
    """Answers a second of so many threads: by the clock, and on free cores."""
    done, ran, waited = 0, 0.0, 0.0
    lock, start, end = threading.Lock(), threading.Barrier(callers + 1), time.perf_counter() + 3600

    def run() -> None:
        nonlocal done, ran, waited
        start.wait()
        mine, (ran_before, waited_before) = 0, wanted()
        while time.perf_counter() < end:
            once()
            mine += 1
        ran_after, waited_after = wanted()
        with lock:
            done, ran, waited = done + mine, ran + ran_after - ran_before, waited + waited_after - waited_before

    threads = [threading.Thread(target=run) for _ in range(callers)]
    for t in threads:
        t.start()
    begun = time.perf_counter()
    end = begun + SECONDS
    start.wait()
    for t in threads:
        t.join()
    clock = time.perf_counter() - begun
    return done / clock, min(callers, (ran + waited) / clock) * done / ran


def ratios(once: Callable[[], object]) -> str:
    once()
    answers(2, once)  # the second lane is made
    pairs = [(answers(1, once), answers(2, once)) for _ in range(ROUNDS)]
    found = [statistics.median(two[k] / one[k] for one, two in pairs) for k in range(2)]
    return f"{found[0]:12.2f}{found[1]:15.2f}   one thread: {statistics.median(one[1] for one, _ in pairs):,.1f} a second"


def main(cases: tuple[str, ...]) -> None:
    set_threads(1)
    block = bytes(1 << 20)
    print(f"{'':<30}by the clock  on free cores")
    print(f"{'hashing, no network':<30}{ratios(lambda: hashlib.sha256(block).digest())}")
    for case in cases:
        spec, _, batch = case.partition("@")
        file, _, name = spec.partition(":")
        path = SPECS / file
        net = netspec.compile(path if path.exists() else file, name or None)
        shape = net.graph.inputs[0].type.shape
        x = np.random.default_rng(0).standard_normal((int(batch or 16), *(s or 64 for s in shape))).astype(np.float32)
        print(f"{case:<30}{ratios(partial(net.predict, x))}", flush=True)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or CASES)
