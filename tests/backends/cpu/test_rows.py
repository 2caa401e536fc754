"""The words of an engine row: every word of a kind of row has one name, and no two names share a word."""

from __future__ import annotations

from itertools import combinations
from types import ModuleType

import pytest

from netspec.backends.cpu.contract import drivers, kernels
from netspec.backends.cpu.contract.winograd import drivers as winograd
from netspec.backends.cpu.engine import machine, workers
from netspec.backends.cpu.engine.table import FIRST_WORD

SPANS = {"G_VECTORS": drivers.G_MOST_VECTORS, "G_OPERANDS": 6 * drivers.G_MOST_OPERANDS, "P_KERNELS": 4, "X_KERNELS": 4}


def words(module: ModuleType, prefix: str) -> dict[str, range]:
    found = {k: v for k, v in vars(module).items() if k.startswith(prefix) and "_MOST_" not in k and isinstance(v, int)}
    return {k: range(v, v + SPANS.get(k, 1)) for k, v in found.items()}


KINDS = {
    "engine": ({k: range(getattr(workers, k), getattr(workers, k) + 1)
                for k in ("OPCODE", "COUNTER", "ITEMS", "DRIVER", "SAMPLES", "SCRATCH", "SCRATCH_BYTES")}, 0, FIRST_WORD),
    "gather": (words(drivers, "G_"), FIRST_WORD, workers.ROW),
    "phase": (words(drivers, "P_"), 0, drivers.PHASE),
    "edge": (words(drivers, "E_"), 0, drivers.EDGE),
    "winograd gather": (words(winograd, "W_"), FIRST_WORD, workers.ROW),
    "winograd's table": (words(winograd, "X_"), 0, winograd.X_WORDS),
    "winograd weights": (words(winograd, "Z_"), FIRST_WORD, workers.ROW),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_words_of_a_row_overlap(kind: str) -> None:
    named, first, end = KINDS[kind]
    named = {k: v for k, v in named.items() if k != "X_WORDS"}
    assert len(named) > 4
    for (a, x), (b, y) in combinations(named.items(), 2):
        assert not set(x) & set(y), f"{a} and {b} share a word"
    assert all(first <= w[0] and w[-1] < end for w in named.values()), (first, end, named)


def test_what_two_files_say_of_a_row_is_the_same() -> None:
    assert machine.EDGE == drivers.EDGE == len(words(drivers, "E_"))
    assert machine.NUMBERS < workers.ROW
    assert len({kernels.FRAME_MASK, kernels.FRAME_STRIDE, kernels.FRAME_SUMS, kernels.FRAME_OPERANDS}) == 4
    # a Winograd row has a gather's words too
    assert winograd.W_WEIGHTS not in {w for k, v in words(drivers, "G_").items() for w in v}
