"""The collector's pause leaves nothing behind: what becomes garbage later is found."""

from __future__ import annotations

import gc
import subprocess
import sys

from netspec import garbage
from where import ROOT

CYCLES = """
import gc, weakref
from netspec import garbage

class Node:
    def __init__(self):
        self.itself = self

garbage.MANY = 5_000
with garbage.none_expected():
    assert not gc.isenabled()
    kept = [Node() for _ in range(100)]
    gone = [weakref.ref(n) for n in kept]
assert gc.isenabled()
del kept
for _ in range(3):
    with garbage.none_expected():
        held = [[k] for k in range(4_000)]
    del held
with garbage.none_expected():
    held = [[k] for k in range(6_000)]
assert not any(ref() for ref in gone)
"""


def test_cycles_made_in_a_pause_are_collected_in_time() -> None:
    """In a process with little in it: a collection walks through all that other tests have left."""
    subprocess.run([sys.executable, "-c", CYCLES], cwd=ROOT, check=True, timeout=60)


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with garbage.none_expected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
