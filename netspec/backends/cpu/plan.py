"""From a checked network to what one entry runs: the passes in order, then the calls. Nothing is compiled here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ...diagnostics import Advice, UsageError
from ...garbage import none_expected
from ...ir.graph import Graph
from ...ir.layout import MemoryPlan, Packed, Target, Vector, round_up
from ...passes import Watch, given, name_of, names_of, run
from ...passes.absorb_moves import absorb_moves
from ...passes.lower import lower
from ...passes.objective import Term
from .contract.schedule import sum_layouts
from .module import module_text
from .passes.assign_layouts import choose_block, store_layouts
from .pipeline import GRADIENTS, PREDICT, entries
from .schedule import Schedule, schedule

Store = Mapping[str, Vector | Packed]
ITEMS = {"float32": 4, "float64": 8}  # bytes


def nothing(name: str, graph: Graph) -> None:
    """Watch no pass."""


@dataclass(frozen=True)
class Planned:
    """One entry: its program, laid out and placed, and its calls."""

    program: Graph
    schedule: Schedule
    memory: MemoryPlan
    first: Graph | None  # the program of values that depend on parameters alone
    kind: str  # predict | gradients

    @property
    def vectors(self) -> int:
        """Elements between steps that do not grow with the batch; a last vector may be read whole."""
        return self.memory.vectors + 16

    @property
    def scratch(self) -> int:
        """Bytes of workspace."""
        return max(64, self.schedule.workspace)


@lru_cache(maxsize=1)
def host_vector() -> int:
    """Bytes of a vector register of this processor. NETSPEC_VECTOR=32 or 16 asks for narrower ones, so that a machine
    with wide registers gives the bits of one without."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    widest = 64 if features.get("avx512f") else 32 if features.get("avx2") and features.get("fma") else 16
    asked = os.environ.get("NETSPEC_VECTOR", "").strip()
    if not asked:
        return widest
    if asked not in ("16", "32", "64") or int(asked) > widest:
        raise UsageError(f"NETSPEC_VECTOR={asked}: no such vector registers here",
                         f"this processor has registers of up to {widest} bytes", hint=Advice("16, 32 or 64"))
    return int(asked)


@none_expected()
def target_and_store(graph: Graph, dtype: str) -> tuple[Target, dict[str, Vector | Packed]]:
    """How a network's values are stored and multiplied, and where its parameters lie: the same for every entry."""
    forward, training = (absorb_moves(lower(mode)(graph)).verify() for mode in (False, True))
    target = choose_block(forward, Target("cpu", host_vector(), ITEMS[dtype], precision=graph.precision))
    return target, store_layouts(forward, training, target)


def stored(store: Store) -> int:
    """Elements of a vector of all parameters: weights, gradients and every state of an optimiser are one each."""
    return max((p.at + round_up(p.size, 16) for p in store.values()), default=0) + 16


@none_expected()
def plan(program: Graph, target: Target, store: Store, *, fold: bool, share: bool = True, after: Watch = nothing) -> Planned:
    """A lowered program, made ready to run. `after` sees what each pass leaves behind."""
    passes = given(PREDICT if fold else GRADIENTS, target=target, store=store, sums=sum_layouts, share=share)
    return _planned(run(program, passes, after), target, "predict" if fold else "gradients")


def _planned(program: Graph, target: Target, kind: str) -> Planned:
    assert program.memory is not None
    return Planned(program, schedule(program, target), program.memory, program.prepared, kind)


@none_expected()
def plan_entry(graph: Graph, entry: str, terms: tuple[Term, ...], dtype: str, after: Watch = nothing) -> tuple[Planned, Target]:
    """Everything from the checked network on: "predict", or "gradients" of the losses (of the outputs, where there are
    none)."""
    target, store = target_and_store(graph, dtype)
    passes = given(entries()[entry], terms=terms, target=target, store=store, sums=sum_layouts)
    return _planned(run(graph, passes, after), target, entry), target


def program_after(graph: Graph, entry: str, terms: tuple[Term, ...], pass_name: str | None, dtype: str) -> Graph:
    """The program as a pass leaves it; the last one's where none is named."""
    known = entries()
    if pass_name is not None and pass_name not in names_of(*known.values()):
        raise UsageError(f"there is no pass called {pass_name}", "passes: " + ", ".join(names_of(*known.values())))
    seen: dict[str, Graph] = {}
    plan_entry(graph, entry, terms, dtype, after=seen.__setitem__)
    name = pass_name or name_of(known[entry][-1])
    if name not in seen:
        raise UsageError(f"the entry {entry} does not run {name}", "it runs: " + ", ".join(seen))
    return seen[name]


def emitted(graph: Graph, entry: str, terms: tuple[Term, ...], dtype: str) -> str:
    """The readable module of an entry, with its kernels."""
    planned, target = plan_entry(graph, entry, terms, dtype)
    return module_text(graph.name, planned.kind, planned.schedule, dtype=target.dtype, lanes=target.lanes,
                       arena=planned.memory.arena)
