"""A lane: the memory that one caller at a time runs programs in, and the tables that are bound to it.

What a program is and the weights it reads are shared by all lanes, and so is what it makes of the weights alone (`Kept`):
folded batch norms, the forms of weights that transformed convolutions read. A lane has what a run writes: the arena, sums of
channels, workspace, the numbers that formulas read. The first lane lies in the memory of `Kept` itself, so that a single thread
needs not a byte more than one lane; a further one takes an arena of the largest batch it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.layout import Image, Layout, Outside
from ..turns import Recent, Turn
from .engine.machine import Recorder
from .engine.memory import aligned
from .engine.table import Table
from .row import O_ADDRESS
from .values import Port

Words = NDArray[Any]
Marks = tuple[int, ...]
Record = Callable[[], tuple[Recorder, Marks]]
TABLES = 32  # of a program in a lane, one a number of samples: those used last


@dataclass(frozen=True, eq=False)
class Program:
    """What runs, whoever runs it."""

    functions: tuple[Callable[[Recorder], None], ...]  # prepare, main, and what else changes state
    values: Mapping[str, Layout]
    kernels: Mapping[str, str | FunctionType]
    derived: Mapping[str, int]  # workspaces: name -> byte
    arena: int  # bytes a sample
    vectors: int  # elements
    workspace: int  # bytes
    prepared: frozenset[str] = frozenset()  # values that are made of weights alone before it runs


@dataclass
class Bound:
    """A program's table for one number of samples."""

    table: Table
    marks: Marks  # rows before main, before what follows, in all
    grown: int  # which arena it was made for
    values: Mapping[str, Layout]
    samples: int
    given: Mapping[str, NDArray[np.int64]]  # the word that says where an array lies which comes from outside
    ports: dict[str, Port] = field(default_factory=dict)

    def give(self, value: str, arena: Words, data: NDArray[Any]) -> NDArray[Any] | None:
        """An array from outside: into its image, or told where it lies. What comes back has to live until the table has run."""
        if value not in self.given:
            self.port(value).write(arena, data)
            return None
        layout = self.values[value]
        assert isinstance(layout, Outside)
        there = np.require(data, f"f{layout.item}", ["C", "A"]).reshape(self.samples * layout.images, *layout.shape)
        self.given[value][O_ADDRESS] = there.ctypes.data
        return there

    def port(self, value: str) -> Port:
        """The way into an image and out of it."""
        found = self.ports.get(value)
        if found is None:
            layout = self.values[value]
            assert isinstance(layout, Image)
            found = self.ports[value] = Port(layout, self.samples)
        return found


@dataclass
class Room:
    """What a lane has for one program."""

    vectors: Words
    workspace: Words
    tables: Recent[int, Bound] = field(default_factory=lambda: Recent(TABLES))


class Kept:
    """What a program makes of the weights, and of which version of them. Made by whoever finds it old; others wait."""

    def __init__(self, program: Program, dtype: Any) -> None:
        self.program = program
        self.vectors, self.workspace = aligned(program.vectors, dtype), aligned(program.workspace, np.uint8)
        self.version = -1
        self.turn = Turn()
        self.rooms: dict[int, Room] = {}  # what the lanes have for it, by their numbers


class Lane:
    """`number` 0 is the first. Kernels are of `dtype`, `width` channels a vector."""

    def __init__(self, number: int, dtype: str, width: int) -> None:
        self.number, self.dtype, self.width = number, dtype, width
        self.grown = 0  # how often the arena was replaced by a larger one
        self.arena, self.scalars = aligned(64, np.uint8), aligned(16, np.int64)

    def room(self, kept: Kept) -> Room:
        room = kept.rooms.get(self.number)
        if room is None:
            own = self.number and (aligned(kept.program.vectors, self.dtype), aligned(kept.program.workspace, np.uint8))
            room = kept.rooms[self.number] = Room(*(own or (kept.vectors, kept.workspace)))
        return room

    def bind(self, kept: Kept, samples: int, parameters: Words, gradients: Words,
             gathered: Callable[[Record], tuple[Recorder, Marks]] | None = None) -> Bound:
        """The table for a number of samples; made again when the arena had to grow. `gathered` may record more than once, to
        compile everything that is missing at once."""
        program, room = kept.program, self.room(kept)
        need = samples * program.arena
        if need > self.arena.nbytes:
            self.arena = aligned(need, np.uint8)
            self.grown += 1
        bound = room.tables.get(samples)
        if bound is None or bound.grown != self.grown:
            base = int(self.arena.ctypes.data)
            spaces = {"arena": base, "parameters": parameters, "gradients": gradients, "vectors": room.vectors,
                      "workspace": room.workspace, "scalars": self.scalars,
                      "kept vectors": kept.vectors, "kept workspace": kept.workspace}

            def record() -> tuple[Recorder, Marks]:
                m = Recorder(samples, spaces, program.values, program.kernels, program.derived, self.dtype, self.width,
                             program.prepared)
                marks = []
                for k, function in enumerate(program.functions):
                    m.preparing = k == 0
                    function(m)
                    m.barrier()
                    marks.append(len(m))
                return m, tuple(marks)

            m, marks = (gathered or _at_once)(record)
            bound = room.tables.put(samples, Bound(m.table(), marks, self.grown, program.values, samples, m.given))
        return bound


def _at_once(record: Record) -> tuple[Recorder, Marks]:
    return record()
