"""The CPU backend: programs become tables of kernels over one parameter store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...garbage import none_expected
from ...ir.graph import Graph, Input, Parameter
from ...ir.layout import Image, Layout, MemoryPlan, Packed, Vector, round_up
from ..executor import ENTRIES, RULES, WEIGHTS, Array, Check, Executor, Make, Outcome
from ..reference.interpret import run as interpret
from ..turns import Lanes, Recent, Turn
from .engine.machine import Recorder
from .engine.memory import aligned
from .engine.workers import cores, get_threads, ready
from .lane import Bound, Kept, Lane, Marks, Program, Record
from .llvm.cache import Compiled, postponed
from .llvm.processes import compile_all, compiled_beside
from .passes.shorten import shorten
from .plan import plan, stored, target_and_store
from .schedule import Schedule, inputs_of
from .update import Update
from .values import pack, unpack

Words = NDArray[Any]
MOST_LANES = 8
DEEP = 1000  # layers whose planning takes longer than finding out what kernels they will want
_compiling = Turn()  # what is missing is compiled for one caller at a time: the next finds it


@dataclass(frozen=True)
class Result:
    """What comes out: under what name, and in the shape of the network's input or output of this name, if there is one."""

    public: str
    value: str
    layout: Layout
    shape: tuple[int, ...]


@dataclass(eq=False)
class Entry:
    """One program of a network, planned once."""

    program: Graph
    schedule: Schedule
    memory: MemoryPlan
    first: Graph | None  # the program of prepared values
    runs: Program
    feeds: tuple[tuple[str, bool], ...]  # what comes from outside: name, and whether it is a network input
    scalars: tuple[tuple[str, int], ...]  # numbers that the runtime sets, and where
    losses: tuple[Result, ...]
    outputs: tuple[Result, ...]
    input_gradients: tuple[Result, ...]
    kept: dict[str, Kept] = field(default_factory=dict)  # by the vector that the parameters are read from


class CpuExecutor(Executor):
    """Explicit-vector kernels on all cores. Results do not depend on the number of threads."""

    device = "cpu"
    share = True  # let values whose lives do not meet lie in the same memory

    def __init__(self, graph: Graph, dtype: str = "float32"):
        super().__init__(graph, dtype)
        self.target, self.store = target_and_store(graph, self.dtype.name)
        self.trainable = max((p.at + round_up(p.size, 16) for n, p in self.store.items() if self.parameters[n].trainable), default=0)
        self.weights, self.grads = aligned(stored(self.store), self.dtype), aligned(stored(self.store), self.dtype)
        self.shapes = {n.name: n.type.shape for n in graph.inputs} | {public: graph.values[v].type.shape for public, v in graph.outputs}
        self.slots: dict[str, Words] = {}
        self.lanes = Lanes(partial(Lane, dtype=self.dtype.name, width=self.target.lanes), most_lanes())
        self.entries: Recent[Any, Entry] = Recent(ENTRIES)
        self.updates: Recent[Any, Update] = Recent(RULES)
        self._others: dict[str, int] = {}  # slots that parameters are read from -> the version of what is not trained in them

    # ---- parameters ---------------------------------------------------------------------------------------------------------------
    def get(self, name: str) -> Array:
        return self._unpack(self.weights, name)

    def set(self, name: str, value: Array) -> None:
        self._pack(self.weights, name, value)
        self.version += 1

    def gradient(self, name: str) -> Array:
        return self._unpack(self.grads, name)

    def set_gradient(self, name: str, value: Array) -> None:
        self._pack(self.grads, name, value)

    def get_state(self, slot: str, name: str) -> Array:
        return self._unpack(self.slot(slot), name)

    def set_state(self, slot: str, name: str, value: Array) -> None:
        self._pack(self.slot(slot), name, value)
        self.version += 1

    def vectors(self, what: str) -> list[Array]:
        held = self.weights if what == "weights" else self.grads if what == "gradients" else self.slot(what)
        return [held[: self.trainable]]

    def set_vectors(self, what: str, values: list[Array]) -> None:
        self.vectors(what)[0][...] = values[0]
        self.version += what != "gradients"

    def slot(self, name: str) -> Words:
        """The vector of one of the optimiser's states, in the order of the store."""
        if name not in self.slots:
            self.slots[name] = aligned(len(self.weights), self.dtype)
        return self.slots[name]

    def _pack(self, into: Words, name: str, value: Array) -> None:
        pack(into, self.store[name], np.asarray(value, self.dtype).reshape(self.parameters[name].shape))

    def _unpack(self, source: Words, name: str) -> Array:
        return unpack(source, self.store[name], self.parameters[name].shape)

    # ---- entries ------------------------------------------------------------------------------------------------------------------
    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        samples = self.samples(inputs)
        entry = self.entry(key, make, samples, fold=evaluation)
        return self.lanes.lend(self._run, entry, self.kept(entry, weights), samples, inputs, others, effects, check, weights)

    def _run(self, lane: Lane, entry: Entry, kept: Kept, samples: int, inputs: Mapping[str, Array], others: Mapping[str, Array], effects: bool,
             check: Check | None, weights: str) -> Outcome:
        bound = self.bind(lane, kept, samples, weights)
        for name, is_input in entry.feeds:
            bound.port(name).write(lane.arena, (inputs if is_input else others)[name])
        for name, at in entry.scalars:
            lane.scalars[at] = self.scalar(name)
        self._provide(weights)
        if entry.first is not None:
            self._prepare(entry, entry.first, kept, weights, bound)
        bound.table.run(first=0 if entry.first is None else bound.marks[0], last=bound.marks[1])
        losses = tuple([float(self._read(r, lane, kept, bound)[0]) for r in entry.losses])
        outputs = {r.public: self._read(r, lane, kept, bound) for r in entry.outputs}
        if check is not None:
            check(losses)
        if effects and bound.marks[1] < bound.marks[2]:
            bound.table.run(first=bound.marks[1], last=bound.marks[2])
            self.version += 1
        return Outcome(losses, outputs, {r.public: self._read(r, lane, kept, bound) for r in entry.input_gradients})

    def update(self, optimiser: Any, settings: Mapping[str, Mapping[str, float]]) -> None:
        key = (optimiser, tuple(settings), "l1" in next(iter(settings.values()), {}))
        rule = self.updates.get(key) or self.updates.put(key, Update(optimiser))
        rule.run(self, settings)
        self.version += 1

    def entry(self, key: Any, make: Make, samples: int, fold: bool = False) -> Entry:
        """The plan of an entry, made at its first use: by one thread, while others that want one wait."""
        with self.planning.lock:
            found = self.entries.get(key)
            if found is None:
                with compiled_beside(self.foreseen(make, samples, fold), get_threads() - 1), none_expected():
                    found = self.entries.put(key, self.plan(make(self.graph), fold))
            return found

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
            one.lanes.first.bind(one.kept(entry), samples, one.weights, one.grads)  # never run
        return missing

    def plan(self, program: Graph, fold: bool) -> Entry:
        """Plan a lowered program. Its memory is taken when it runs."""
        p = plan(program, self.target, self.store, fold=fold, share=self.share)
        runs = Program(p.schedule.functions, p.schedule.layouts, p.schedule.kernels, p.schedule.derived, p.memory.arena, p.vectors, p.scratch,
                       frozenset(n.name for n in inputs_of(p.program, "prepared")))
        outputs = [self._result(p.program, *out) for out in p.program.outputs]
        losses = tuple(out for out in outputs if out.public.startswith("loss."))
        gradients = tuple(self._result(p.program, name, g) for name, g in p.program.gradients if name not in self.parameters)
        return Entry(p.program, p.schedule, p.memory, p.first, runs, _feeds(p.program), _scalars(p.program), losses,
                     tuple(out for out in outputs if out not in losses), gradients)

    def _result(self, program: Graph, public: str, value: str) -> Result:
        v = program.values[value]
        assert v.layout is not None
        return Result(public, value, v.layout, tuple(s or 0 for s in self.shapes.get(public, v.type.shape)))

    def kept(self, entry: Entry, weights: str = WEIGHTS) -> Kept:
        """What an entry makes of these weights."""
        found = entry.kept.get(weights)
        if found is None:
            with self.planning.lock:
                found = entry.kept.setdefault(weights, Kept(entry.runs, self.dtype))
        return found

    def bind(self, lane: Lane, kept: Kept, samples: int, weights: str = WEIGHTS) -> Bound:
        """The table for a number of samples."""
        return lane.bind(kept, samples, self._parameters(weights), self.grads, _gathered)

    def _parameters(self, weights: str) -> Words:
        return self.weights if weights == WEIGHTS else self.slot(weights)

    def _provide(self, weights: str) -> None:
        """A state that parameters are read from needs those that are not trained as well."""
        if weights == WEIGHTS:
            return
        with self.planning.lock:
            if self._others.get(weights) != self.version:
                self.slot(weights)[self.trainable :] = self.weights[self.trainable :]
                self._others[weights] = self.version

    def _prepare(self, entry: Entry, first: Graph, kept: Kept, weights: str, bound: Bound) -> None:
        """Values that depend on parameters alone, in float64 by the definition of their formulas; and other forms of weights."""
        with kept.turn.lock:
            if kept.version == self.version:
                return
            read = self._parameters(weights)
            values = {n.name: self._unpack(read, n.name).astype(np.float64) for n in first.nodes if isinstance(n.op, Parameter)}
            env = interpret(first, values, 1)
            for node in inputs_of(entry.program, "prepared"):
                layout = entry.schedule.layouts[node.name]
                assert isinstance(layout, Vector | Packed)
                pack(kept.vectors, layout, env[node.name].astype(self.dtype))
            bound.table.run(first=0, last=bound.marks[0])
            kept.version = self.version

    # ---- values -------------------------------------------------------------------------------------------------------------------
    def _read(self, result: Result, lane: Lane, kept: Kept, bound: Bound) -> Array:
        """A canonical copy."""
        layout = result.layout
        if isinstance(layout, Image):
            return bound.port(result.value).read(lane.arena, result.shape)
        return unpack({"vectors": lane.room(kept).vectors, "gradients": self.grads, "parameters": self.weights}[layout.space], layout, result.shape)

    def memory(self, entry: Any, batch: int) -> int:
        """Bytes of the arena that an entry needs for a batch, exactly what is allocated for it."""
        with self.planning.lock:
            found = self.entries.get(entry)
        assert found is not None, entry
        return int(batch * found.memory.arena)


def most_lanes() -> int:
    """Callers that run at once: as many as there are cores, at least two and at most MOST_LANES."""
    return max(2, min(cores(), MOST_LANES))


def _gathered(record: Record) -> tuple[Recorder, Marks]:
    """Record with everything compiled that is missing, by several processes where it is much."""
    with postponed() as missing, none_expected():
        ready()
        made = record()
    if missing:
        with _compiling.lock:
            compile_all(missing, get_threads())
        with none_expected():
            made = record()
    return made


def _feeds(program: Graph) -> tuple[tuple[str, bool], ...]:
    return tuple((n.name, n.op.role == "input") for n in program.nodes if isinstance(n.op, Input) and n.op.role in ("input", "target", "cotangent"))


def _scalars(program: Graph) -> tuple[tuple[str, int], ...]:
    found = ((n.name, n.results[0].layout) for n in inputs_of(program, "scalar"))
    return tuple((name, layout.at) for name, layout in found if isinstance(layout, Vector))
