"""The CPU backend: programs become tables of kernels over one parameter store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.graph import Graph, Input, Parameter
from ...ir.layout import Image, Packed, Vector, round_up
from ...passes.plan_memory import MemoryPlan
from ..executor import Array, Check, Executor, Outcome
from ..reference.interpret import run as interpret
from .cache import postponed
from .engine import Table
from .machine import Recorder
from .memory import aligned
from .module import functions
from .plan import plan, stored, target_and_store
from .processes import compile_all
from .schedule import Schedule, inputs_of
from .update import Update
from .values import pack, read_image, unpack, write_image
from .workers import ready

Words = NDArray[Any]


@dataclass
class Entry:
    """One program of a network: planned once, bound to each number of samples."""

    program: Graph
    schedule: Schedule
    memory: MemoryPlan
    first: Graph | None  # the program of prepared values
    vectors: Words
    workspace: Words
    functions: tuple[Callable[[Recorder], None], ...]  # prepare, main, effects
    feeds: tuple[tuple[str, bool, Image], ...]  # what comes from outside: name, whether it is a network input, where it goes
    tables: dict[int, Bound] = field(default_factory=dict)
    version: int = -1  # of the parameters that prepared values were made from


@dataclass
class Bound:
    """An entry's table for one number of samples."""

    table: Table
    marks: tuple[int, int, int]  # rows before main, before effects, in all
    base: int  # address of the arena it was made for


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
        self.scalars = aligned(16, np.int64)
        self.arena = aligned(64, np.uint8)
        self.entries: dict[Any, Entry] = {}
        self.updates: dict[Any, Update] = {}
        self.version = 0

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

    def vectors(self, what: str) -> list[Array]:
        held = self.weights if what == "weights" else self.grads if what == "gradients" else self.slot(what)
        return [held[: self.trainable]]

    def set_vectors(self, what: str, values: list[Array]) -> None:
        self.vectors(what)[0][...] = values[0]
        if what == "weights":
            self.version += 1

    def slot(self, name: str) -> Words:
        """The vector of one of the optimiser's states, in the order of the store."""
        if name not in self.slots:
            self.slots[name] = aligned(len(self.weights), self.dtype)
        return self.slots[name]

    def set_scalar(self, name: str, value: float) -> None:
        assert name == "random_key", name
        self.scalars[0] = int(value)

    def _pack(self, into: Words, name: str, value: Array) -> None:
        pack(into, self.store[name], np.asarray(value, self.dtype).reshape(self.parameters[name].shape))

    def _unpack(self, source: Words, name: str) -> Array:
        return unpack(source, self.store[name], self.parameters[name].shape)

    # ---- entries ------------------------------------------------------------------------------------------------------------------
    def run(self, key: Any, make: Callable[[], Graph], inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False) -> Outcome:
        entry = self.entry(key, make, fold=evaluation)
        values, after = self._run(entry, inputs, others)
        losses = tuple(float(v[0]) for k, v in values.items() if k.startswith("loss."))
        if check is not None:
            check(losses)
        if effects:
            after()
        outputs = {k: v for k, v in values.items() if not k.startswith("loss.")}
        asked = {name: g for name, g in entry.program.gradients if name not in self.parameters}
        return Outcome(losses, outputs, {name: self.read(entry, g, self.samples(inputs), name) for name, g in asked.items()})

    def update(self, optimiser: Any, settings: Mapping[str, Mapping[str, float]]) -> None:
        key = (optimiser, tuple(settings), "l1" in next(iter(settings.values()), {}))
        if key not in self.updates:
            self.updates[key] = Update(self, optimiser)
        self.updates[key].run(settings)
        self.version += 1

    def entry(self, key: Any, make: Callable[[], Graph], fold: bool = False) -> Entry:
        """The plan of an entry, made at its first use."""
        if key not in self.entries:
            self.entries[key] = self.plan(make(), fold=fold)
        return self.entries[key]

    def plan(self, program: Graph, fold: bool) -> Entry:
        """Plan a lowered program, and make room for what it needs whatever the batch."""
        p = plan(program, self.target, self.store, fold=fold, share=self.share)
        return Entry(p.program, p.schedule, p.memory, p.first, aligned(p.vectors, self.dtype), aligned(p.scratch, np.uint8),
                     functions(p.text, p.kind, program.name), _feeds(p.program))

    def bind(self, entry: Entry, samples: int) -> Bound:
        """The table for a number of samples; made again when the arena had to grow."""
        need = samples * entry.memory.arena
        if need > self.arena.nbytes:
            self.arena = aligned(need, np.uint8)
        base = self.arena.ctypes.data
        bound = entry.tables.get(samples)
        if bound is None or bound.base != base:
            spaces = {"arena": base, "parameters": self.weights, "gradients": self.grads, "vectors": entry.vectors, "workspace": entry.workspace,
                      "scalars": self.scalars}
            s = entry.schedule

            def record() -> tuple[Recorder, list[int]]:
                m = Recorder(samples, spaces, s.layouts, s.kernels, s.derived, self.dtype.name, self.target.lanes)
                marks = []
                for function in entry.functions:
                    function(m)
                    m.barrier()
                    marks.append(len(m))
                return m, marks

            with postponed() as missing:
                ready()
                m, marks = record()
            if missing:
                compile_all(missing)
                m, marks = record()
            bound = entry.tables[samples] = Bound(m.table(), (marks[0], marks[1], marks[2]), base)
        return bound

    def _run(self, entry: Entry, inputs: Mapping[str, Array], others: Mapping[str, Array]) -> tuple[dict[str, Array], Callable[[], None]]:
        """What the program's outputs are, and the call that changes buffers after it."""
        samples = self.samples(inputs)
        bound = self.bind(entry, samples)
        for name, is_input, layout in entry.feeds:
            write_image(self.arena, layout, (inputs if is_input else others)[name], samples)
        if entry.first is not None and entry.version != self.version:
            self._prepare(entry)
            bound.table.run(first=0, last=bound.marks[0])
            entry.version = self.version
        bound.table.run(first=0 if entry.first is None else bound.marks[0], last=bound.marks[1])
        return self._outputs(entry, samples), lambda: bound.table.run(first=bound.marks[1], last=bound.marks[2])

    def _outputs(self, entry: Entry, samples: int) -> dict[str, Array]:
        return {public: self.read(entry, v, samples, public) for public, v in entry.program.outputs}

    def _prepare(self, entry: Entry) -> None:
        """Values that depend on parameters alone, in float64 by the definition of their formulas."""
        first = entry.first
        assert first is not None
        values = {n.name: self.get(n.name).astype(np.float64) for n in first.nodes if isinstance(n.op, Parameter)}
        env = interpret(first, values, 1)
        for node in inputs_of(entry.program, "prepared"):
            layout = entry.schedule.layouts[node.name]
            assert isinstance(layout, Vector | Packed)
            pack(entry.vectors, layout, env[node.name].astype(self.dtype))

    # ---- values -------------------------------------------------------------------------------------------------------------------
    def write(self, entry: Entry, value: str, data: Array, samples: int) -> None:
        layout = entry.schedule.layouts[value]
        assert isinstance(layout, Image)
        write_image(self.arena, layout, data, samples)

    def read(self, entry: Entry, value: str, samples: int, public: str = "") -> Array:
        """A canonical copy of a value, in the shape of the network's input or output `public`, if it is one."""
        v = entry.program.values[value]
        sizes = tuple(s or 0 for s in self.shapes.get(public, v.type.shape))
        if isinstance(v.layout, Image):
            return read_image(self.arena, v.layout, samples, self.dtype, sizes)
        assert v.layout is not None
        return unpack({"vectors": entry.vectors, "gradients": self.grads, "parameters": self.weights}[v.layout.space], v.layout, sizes)

    def memory(self, entry: Any, batch: int) -> int:
        """Bytes of the arena that an entry needs for a batch, exactly what is allocated for it."""
        return int(batch * self.entries[entry].memory.arena)


def _feeds(program: Graph) -> tuple[tuple[str, bool, Image], ...]:
    out = []
    for n in program.nodes:
        if isinstance(n.op, Input) and n.op.role in ("input", "target", "cotangent"):
            layout = n.results[0].layout
            assert isinstance(layout, Image)
            out.append((n.name, n.op.role == "input", layout))
    return tuple(out)
