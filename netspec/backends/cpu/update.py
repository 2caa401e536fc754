"""An optimiser's update rule over the flat store: one fused loop for each run of parameters with equal settings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ...ir.formula import Formula
from ...ir.graph import Node, Value
from ...ir.layout import Packed, Vector, round_up
from ...passes.objective import update_program
from ..vectors import GRADIENTS, WEIGHTS, Groups, stretches
from .contract.calls import Kernel
from .emit.channel import emit_flat
from .emit.lanes import Emitted
from .engine.gathered import gathered
from .engine.machine import Recorder
from .engine.memory import aligned
from .engine.table import Table
from .families.step import Step
from .vectors import CpuVectors

_SLOTS = 64  # numbers a group of parameters can have


class Update:
    """The table of one rule. Groups are made anew when parameters no longer share settings as before."""

    def __init__(self, optimiser: Any, numbers: CpuVectors):
        self.optimiser, self.numbers = optimiser, numbers
        self.groups: tuple[tuple[str, ...], ...] | None = None
        self.table: Table | None = None

    def run(self, groups: Groups) -> None:
        names = tuple(tuple(v) for v in groups.values())
        if names != self.groups:
            self._build(names, [name for name, _ in next(iter(groups))])
        for k, values in enumerate(groups):
            for j, (_, v) in enumerate(values):
                self.scalars[k, j] = v
        assert self.table is not None
        self.table.run()

    def _build(self, groups: tuple[tuple[str, ...], ...], order: list[str]) -> None:
        numbers = self.numbers
        dtype, lanes = numbers.dtype.name, numbers.target.lanes
        rule = update_kernel(self.optimiser, order, dtype, lanes)
        e, public = rule.emitted, rule.public
        scalars = aligned(_SLOTS * max(1, len(groups)), numbers.dtype).reshape(-1, _SLOTS)
        spaces = {"numbers": scalars, **{v: numbers[v] for v in (WEIGHTS, GRADIENTS, *self.optimiser.state)}}

        def record() -> Recorder:
            m = Recorder(1, spaces, {}, {e.name: e.text}, {}, dtype, lanes)
            for k, group in enumerate(groups):
                for start, size in stretches(span(numbers.places[n]) for n in group):
                    values: dict[str, Vector] = {}
                    for v in e.operands:
                        if v in order:
                            values[v] = Vector(1, "numbers", k * _SLOTS + order.index(v))
                        else:
                            values[v] = Vector(size, public.get(v, v), start)
                    m.values = values
                    m.do(Kernel(f"update.{k}", e.name, e.operands, (), channels=size, images=0, chunk=4096))
            return m

        self.scalars, self.groups, self.table = scalars, groups, gathered(record).table()


@dataclass(frozen=True)
class UpdateKernel:
    """An update rule as a kernel. `public` says of what vector a new value is the value: weights, velocity ..."""

    node: Node
    emitted: Emitted
    public: dict[str, str]


def update_kernel(optimiser: Any, numbers: Collection[str], dtype: str, lanes: int) -> UpdateKernel:
    """The rule's formulas in one loop; `numbers` are read from memory, and with `l1` among them the penalty is added."""
    program, outs = update_program(optimiser, 16, "l1" in numbers)
    steps = tuple(n for n in program.nodes if isinstance(n.op, Formula))
    node = Node("update", Step("flat", steps), (), tuple(Value(v, program.values[v].type) for v in outs.values()))
    return UpdateKernel(node, emit_flat(node, program.values, dtype, lanes, frozenset(numbers)), {v: k for k, v in outs.items()})


def span(layout: Vector | Packed) -> tuple[int, int]:
    """Where a parameter lies in a vector, and its size with padding."""
    return layout.at, round_up(layout.size, 16)
