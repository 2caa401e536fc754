"""The CPU backend: programs become tables of kernels over one parameter store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ...garbage import none_expected
from ...ir.graph import Graph, Parameter
from ...ir.layout import Image, MemoryPlan, Packed, Vector
from ..border import Border, Result, border
from ..executor import Check, Executor, Make, Outcome
from ..reference.interpret import run as interpret
from ..turns import Lanes
from ..vectors import GRADIENTS, WEIGHTS, Array
from .engine.gathered import gathered
from .engine.workers import cores, get_threads, ready
from .lane import Bound, Kept, Lane, Program
from .llvm.cache import Compiled, postponed
from .llvm.processes import compiled_beside
from .passes.shorten import shorten
from .plan import plan
from .schedule import Schedule, inputs_of
from .update import Update
from .values import pack, unpack
from .vectors import CpuVectors

MOST_LANES = 8
DEEP = 1000  # layers whose planning takes longer than finding out what kernels they will want


@dataclass(eq=False)
class Entry:
    """One program of a network, planned once."""

    program: Graph
    border: Border
    schedule: Schedule
    memory: MemoryPlan
    first: Graph | None  # the program of prepared values
    runs: Program
    scalars: tuple[tuple[str, int], ...]  # numbers that the runtime sets, and where
    kept: dict[str, Kept] = field(default_factory=dict)  # by the vector that the parameters are read from


class CpuExecutor(Executor):
    """Explicit-vector kernels on all cores. Results do not depend on the number of threads."""

    device = "cpu"
    share = True  # let values whose lives do not meet lie in the same memory
    numbers: CpuVectors

    def __init__(self, graph: Graph, dtype: str = "float32"):
        super().__init__(graph, CpuVectors(graph, dtype))
        self.target = self.numbers.target
        self.lanes = Lanes(partial(Lane, dtype=self.dtype.name, width=self.target.lanes), most_lanes())

    # ---- plans ----------------------------------------------------------------------------------------------------
    def planned(self, make: Make, samples: int, evaluation: bool) -> Entry:
        with compiled_beside(self.foreseen(make, samples, evaluation), get_threads() - 1), none_expected():
            return self.plan(make(self.graph), evaluation)

    def foreseen(self, make: Make, samples: int, fold: bool) -> list[Compiled]:
        """Kernels that a deep network will want and nobody has compiled, found by planning a short one like it. It only saves
        time: what is not foreseen is compiled when it is missing."""
        if get_threads() == 1 or len(self.graph.nodes) < DEEP:
            return []
        short = shorten(self.graph)
        if len(self.graph.nodes) - len(short.nodes) < DEEP:
            return []
        one = type(self)(short, self.dtype.name)
        entry = one.plan(make(short), fold)
        with postponed() as missing:
            ready()
            one.lanes.first.bind(one.kept(entry), samples, one.numbers[WEIGHTS], one.numbers[GRADIENTS])  # never run
        return missing

    def plan(self, program: Graph, fold: bool) -> Entry:
        """Plan a lowered program, with batch norm folded where it can be. Its memory is taken when it runs."""
        p = plan(program, self.target, self.numbers.places, fold=fold, share=self.share)
        runs = Program(p.schedule.functions, p.schedule.layouts, p.schedule.kernels, p.schedule.derived, p.memory.arena,
                       p.vectors, p.scratch, frozenset(n.name for n in inputs_of(p.program, "prepared")))
        return Entry(p.program, border(p.program, self.graph), p.schedule, p.memory, p.first, runs, _scalars(p.program))

    def rule(self, optimiser: Any) -> Update:
        return Update(optimiser, self.numbers)

    # ---- a call ---------------------------------------------------------------------------------------------------
    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        samples = self.samples(inputs)
        entry: Entry = self.entry(key, make, samples, evaluation)
        return self.lanes.lend(self._run, entry, self.kept(entry, weights), samples, inputs, others, effects, check, weights)

    def _run(self, lane: Lane, entry: Entry, kept: Kept, samples: int, inputs: Mapping[str, Array], others: Mapping[str, Array],
             effects: bool, check: Check | None, weights: str) -> Outcome:
        bound, begin, _alive = self._ready(lane, entry, kept, samples, inputs, others, weights)
        _, main, end = bound.marks
        bound.table.run(first=begin, last=main)
        move = partial(bound.table.run, first=main, last=end) if effects and main < end else None
        return self.outcome(entry.border, partial(self._read, lane, kept, bound), move, check)

    def _ready(self, lane: Lane, entry: Entry, kept: Kept, samples: int, inputs: Mapping[str, Array], others: Mapping[str, Array],
               weights: str) -> tuple[Bound, int, list[Any]]:
        """The table with all that it reads in place, its first row to run, and what has to live until it has."""
        self.numbers.complete(weights, self.version)
        bound = self.bind(lane, kept, samples, weights)
        alive = [bound.give(name, lane.arena, (inputs if is_input else others)[name]) for name, is_input in entry.border.feeds]
        for name, at in entry.scalars:
            lane.scalars[at] = self.scalar(name)
        if entry.first is not None:
            self._prepare(entry, entry.first, kept, weights, bound)
        return bound, 0 if entry.first is None else bound.marks[0], alive

    def profile(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, evaluation: bool = False,
                rounds: int = 5) -> list[tuple[str, float]]:
        """For each kernel of an entry the layer that it computes, and its best time in seconds, alone on all threads. A kernel of
        several layers counts for the one whose formula it begins with. Running statistics move, where it has some."""
        samples = self.samples(inputs)
        entry: Entry = self.entry(key, make, samples, evaluation)
        return self.lanes.lend(self._profile, entry, self.kept(entry), samples, inputs, others, rounds)

    def _profile(self, lane: Lane, entry: Entry, kept: Kept, samples: int, inputs: Mapping[str, Array],
                 others: Mapping[str, Array], rounds: int) -> list[tuple[str, float]]:
        bound, begin, _alive = self._ready(lane, entry, kept, samples, inputs, others, WEIGHTS)
        layer = entry.schedule.layers(self.graph.by_name)
        return [(layer(note), seconds) for note, _, seconds in bound.table.profile(rounds, first=begin)]

    def kept(self, entry: Entry, weights: str = WEIGHTS) -> Kept:
        """What an entry makes of these weights."""
        found = entry.kept.get(weights)
        if found is None:
            with self.planning.lock:
                found = entry.kept.setdefault(weights, Kept(entry.runs, self.dtype))
        return found

    def bind(self, lane: Lane, kept: Kept, samples: int, weights: str = WEIGHTS) -> Bound:
        """The table for a number of samples."""
        held = self.numbers.held
        return lane.bind(kept, samples, held[weights], held[GRADIENTS], gathered)

    def _prepare(self, entry: Entry, first: Graph, kept: Kept, weights: str, bound: Bound) -> None:
        """Values that depend on parameters alone, in float64 by the definition of their formulas; and other forms of weights."""
        with kept.turn.lock:
            if kept.version == self.version:
                return
            values = {n.name: self.numbers.read(weights, n.name).astype(np.float64)
                      for n in first.nodes if isinstance(n.op, Parameter)}
            env = interpret(first, values, 1)
            for node in inputs_of(entry.program, "prepared"):
                layout = entry.schedule.layouts[node.name]
                assert isinstance(layout, Vector | Packed)
                pack(kept.vectors, layout, env[node.name].astype(self.dtype))
            bound.table.run(first=0, last=bound.marks[0])
            kept.version = self.version

    def _read(self, lane: Lane, kept: Kept, bound: Bound, result: Result) -> Array:
        """A canonical copy."""
        layout = result.value.layout
        if isinstance(layout, Image):
            return bound.port(result.value.name).read(lane.arena, result.shape)
        assert isinstance(layout, Vector | Packed)
        if layout.space == "vectors":
            return unpack(lane.room(kept).vectors, layout, result.shape)
        return unpack(self.numbers[GRADIENTS if layout.space == "gradients" else WEIGHTS], layout, result.shape)

    def memory(self, entry: Any, batch: int) -> int:
        """Bytes of the arena that an entry needs for a batch, exactly what is allocated for it."""
        with self.planning.lock:
            found = self.entries.get(entry)
        assert found is not None, entry
        return int(batch * found.memory.arena)


def most_lanes() -> int:
    """Callers that run at once: as many as there are cores, at least two and at most MOST_LANES."""
    return max(2, min(cores(), MOST_LANES))


def _scalars(program: Graph) -> tuple[tuple[str, int], ...]:
    found = ((n.name, n.results[0].layout) for n in inputs_of(program, "scalar"))
    return tuple((name, layout.at) for name, layout in found if isinstance(layout, Vector))
