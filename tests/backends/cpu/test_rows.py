"""The words of an engine row: every word of a kind of row has one name, and no two names share a word."""

from __future__ import annotations

from itertools import combinations
from types import ModuleType

import pytest

from netspec.backends.cpu import row
from netspec.backends.cpu.contract import drivers, kernels
from netspec.backends.cpu.contract.winograd import drivers as winograd

SPANS = {"G_VECTORS": drivers.G_MOST_VECTORS, "G_OPERANDS": drivers.G_OPERAND * drivers.G_MOST_OPERANDS, "P_KERNELS": 4,
         "X_KERNELS": 4}


SIZES_OF_RECORDS = ("G_OPERAND",)  # named as words are


def named(*names: str) -> dict[str, range]:
    """Words of one kind of row, of the module that holds them all."""
    return {k: range(getattr(row, k), getattr(row, k) + (row.MOST_SIZES if k == "SIZES" else 1)) for k in names}


def words(module: ModuleType, prefix: str) -> dict[str, range]:
    found = {k: v for k, v in vars(module).items()
             if k.startswith(prefix) and "_MOST_" not in k and k not in SIZES_OF_RECORDS and isinstance(v, int)}
    return {k: range(v, v + SPANS.get(k, 1)) for k, v in found.items()}


KINDS = {
    "engine": (named("OPCODE", "COUNTER", "ITEMS", "DRIVER", "SAMPLES", "SCRATCH", "SCRATCH_BYTES"), 0, row.FIRST_WORD),
    "emitted kernel": (named("OPERANDS", "IMAGES", "BLOCKS", "CHUNK", "CLEARER", "EDGES", "EDGE_COUNT", "CHANNELS", "SIZES",
                             "NUMBERS"), row.FIRST_WORD, row.ROW),
    "move": (words(row, "M_"), row.FIRST_WORD, row.ROW),
    "operand": (named("O_ADDRESS", "O_IMAGE", "O_BLOCK", "O_PLANE", "O_ROW"), 0, row.OPERAND),
    "gather": (words(drivers, "G_"), row.FIRST_WORD, row.ROW),
    "phase": (words(drivers, "P_"), 0, drivers.PHASE),
    "edge": (words(row, "E_"), 0, row.EDGE),
    "winograd gather": (words(winograd, "W_"), row.FIRST_WORD, row.ROW),
    "winograd's table": (words(winograd, "X_"), 0, winograd.X_WORDS),
    "winograd weights": (words(winograd, "Z_"), row.FIRST_WORD, row.ROW),
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
    assert len(words(row, "E_")) == row.EDGE
    assert len({kernels.FRAME_MASK, kernels.FRAME_STRIDE, kernels.FRAME_SUMS, kernels.FRAME_OPERANDS}) == 4
    # a Winograd row has a gather's words too
    assert winograd.W_WEIGHTS not in {w for k, v in words(drivers, "G_").items() for w in v}
