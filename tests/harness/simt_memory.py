"""Memory of the emulator of CUDA kernels, and who touched each word of it: races."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simt_values import MANY, MEMORY_KINDS, Value


class Log:
    """Who wrote and who last read each word, by lane counted from 1, and in which turn between barriers. np.zeros leaves
    untouched pages to the system, so only touched words cost."""

    def __init__(self, size: int, shared: bool) -> None:
        self.shared = shared  # all lanes that come here are of one block
        self.writer, self.written_at, self.reader, self.read_at, self.reading_block = (np.zeros(size, np.int32) for _ in range(5))

    def _raced(self, words: Value, lanes: Value, blocks: Value, turns: Value, threads: int) -> tuple[Value, Value]:
        writer = self.writer[words]
        bad = (writer != 0) & (writer != lanes)
        if bad.any():  # only another thread of the block, before a barrier, is no race
            late = self.written_at[words] >= turns
            bad &= late if self.shared else late | ((writer - 1) // threads != blocks - 1)
        return bad, writer

    def read(self, words: Value, lanes: Value, blocks: Value, turns: Value, threads: int) -> tuple[str, int, int] | None:
        bad, writer = self._raced(words, lanes, blocks, turns, threads)
        if bad.any():
            return "a read-write race: read what another thread writes", (at := int(bad.argmax())), int(writer[at]) - 1
        if self.shared and not writer.all():
            return "read a word that was never written", int((writer == 0).argmax()), -1
        reader = np.where(self.read_at[words] == turns, self.reader[words], 0)  # a reader before the last barrier is forgotten
        self.reader[words], self.read_at[words] = lanes, turns
        many = (self.reader[words] != lanes) | ((reader != lanes) & (reader != 0))
        if many.any():
            self.reader[words[many]] = MANY
        if not self.shared:
            block = self.reading_block[words]
            self.reading_block[words] = blocks
            far = (self.reading_block[words] != blocks) | ((block != blocks) & (block != 0))
            if far.any():  # no barrier orders blocks: this stays
                self.reader[words[far]] = self.reading_block[words[far]] = MANY
        return None

    def write(self, words: Value, lanes: Value, blocks: Value, turns: Value, threads: int) -> tuple[str, int, int] | None:
        bad, writer = self._raced(words, lanes, blocks, turns, threads)
        if not bad.any():
            self.writer[words], self.written_at[words] = lanes, turns
            writer = self.writer[words]
            bad = writer != lanes
        if bad.any():
            return "a write-write race: wrote what another thread writes", (at := int(bad.argmax())), int(writer[at]) - 1
        reader = self.reader[words]
        bad = (reader != 0) & (reader != lanes)
        if bad.any():
            late = self.read_at[words] >= turns
            bad &= late if self.shared else late | (self.reading_block[words] != blocks)
            if bad.any():
                return "a read-write race: wrote what another thread reads", (at := int(bad.argmax())), max(int(reader[at]) - 1,
                        MANY)
        return None


@dataclass
class Memory:
    """Words that an index reaches: word = index * stride + base."""

    data: NDArray[Any]
    size: int
    base: Value = 0
    stride: int = 1
    log: Log | None = None
    offset: int = 0  # of the first word in the log, which arrays that overlap share
    written: NDArray[np.bool_] | None = None  # of a local array, which no other thread reaches

    def __post_init__(self) -> None:
        self.kind = MEMORY_KINDS[self.data.dtype.str[1:]]
