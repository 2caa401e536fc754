"""The text of a kernel that is being written: its operands and sizes, each named once, and its lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..row import CLEARER, EDGE, EDGES, NUMBERS, O_ADDRESS, OPERAND, SAMPLES, SIZES


def row_word(k: int) -> str:
    """A word of the row, as a text reads it."""
    return f"at(row, {k})"


def operand_word(k: int, which: int = O_ADDRESS) -> str:
    """A word of the k-th operand, as a text reads it."""
    return f"at(args, {OPERAND * k + which})"


def told(**words: int | str) -> str:
    """The line that reads words of the row into names of their own: `args, images = at(row, 8), at(row, 9)`."""
    return f"{', '.join(words)} = {', '.join(row_word(w) if isinstance(w, int) else w for w in words.values())}"


def told_sizes(names: Iterable[str]) -> list[str]:
    """The lines that read the row's own numbers, in their order."""
    return [f"{name} = {row_word(SIZES + k)}" for k, name in enumerate(names)]


SAMPLE_COUNT = f"float({row_word(SAMPLES)})"  # N, the number of samples
LANE_NUMBERS = f"load({row_word(NUMBERS)})"  # 0, 1, 2, ... in the lanes


def clear_edge(edge: int | str) -> str:
    """Clear the halo of one output, image `n` and block `b` of it: the number of the output, or the name of that number."""
    offset = f"{8 * EDGE * edge}" if isinstance(edge, int) else f"{8 * EDGE} * {edge}"
    return f"call({row_word(CLEARER)}, {row_word(EDGES)} + {offset}, n, b)"


@dataclass
class Text:
    """A kernel under construction."""

    dtype: str
    lanes: int
    operands: dict[tuple[str, int], int] = field(default_factory=dict)  # value, and the block of it where b = 0 lies
    sizes: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)  # once an item
    image_head: list[str] = field(default_factory=list)  # once an image
    locals: dict[str, str] = field(default_factory=dict)  # value -> name of the register that holds it
    fresh: int = 0

    @property
    def item(self) -> int:
        return 8 if self.dtype == "float64" else 4

    @property
    def bytes(self) -> int:
        return self.lanes * self.item

    def operand(self, value: str, shift: int = 0) -> int:
        return self.operands.setdefault((value, shift), len(self.operands))

    def size(self, extent: int) -> str:
        """An extent, as the row tells it."""
        if extent not in self.sizes:
            self.sizes.append(extent)
        return f"z{self.sizes.index(extent)}"

    def name(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"
