"""An optimiser's update rule over the flat store: one fused loop for each run of parameters with equal settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...ir.formula import Formula
from ...ir.graph import Node, Value
from ...ir.layout import Packed, Vector, round_up
from ...passes.objective import update_program
from .contract.calls import Kernel
from .emit.channel import emit_flat
from .emit.lanes import Emitted
from .engine.machine import Recorder
from .engine.memory import aligned
from .engine.table import Table
from .families.step import Step

if TYPE_CHECKING:
    from .executor import CpuExecutor

_SLOTS = 64  # numbers a group of parameters can have


class Update:
    """The table of one rule. Groups are made anew when parameters no longer share settings as before."""

    def __init__(self, optimiser: Any):
        self.optimiser = optimiser
        self.groups: tuple[tuple[str, ...], ...] | None = None
        self.table: Table | None = None

    def run(self, o: CpuExecutor, settings: Mapping[str, Mapping[str, float]]) -> None:
        equal: dict[tuple[tuple[str, float], ...], list[str]] = {}
        # parameters of a group usually share one dict
        keys = {id(s): tuple(s.items()) for s in {id(s): s for s in settings.values()}.values()}
        if len(keys) == 1:
            equal[next(iter(keys.values()))] = list(settings)
        else:
            for name, s in settings.items():
                equal.setdefault(keys[id(s)], []).append(name)
        groups = tuple(tuple(v) for v in equal.values())
        if groups != self.groups:
            self._build(o, groups, next(iter(settings.values())))
        for k, values in enumerate(equal):
            for j, (_, v) in enumerate(values):
                self.scalars[k, j] = v
        assert self.table is not None
        self.table.run()

    def _build(self, o: CpuExecutor, groups: tuple[tuple[str, ...], ...], names: Mapping[str, float]) -> None:
        rule = update_kernel(self.optimiser, names, o.dtype.name, o.target.lanes)
        e, public = rule.emitted, rule.public
        scalars = aligned(_SLOTS * max(1, len(groups)), o.dtype).reshape(-1, _SLOTS)
        order = list(names)
        spaces = {"weights": o.weights, "gradients": o.grads, "numbers": scalars, **{s: o.slot(s) for s in self.optimiser.state}}
        m = Recorder(1, spaces, {}, {e.name: e.text}, {}, o.dtype.name, o.target.lanes)
        for k, group in enumerate(groups):
            for start, size in stretches([o.store[n] for n in group]):
                values: dict[str, Vector] = {}
                for v in e.operands:
                    if v in names:
                        values[v] = Vector(1, "numbers", k * _SLOTS + order.index(v))
                    else:
                        values[v] = Vector(size, public.get(v, v), start)
                m.values = values
                m.do(Kernel(f"update.{k}", e.name, e.operands, (), channels=size, images=0, chunk=4096))
        self.scalars, self.groups, self.table = scalars, groups, m.table()


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


def stretches(layouts: Iterable[Vector | Packed]) -> list[tuple[int, int]]:
    """Stretches of the store, as start and size, that hold these and nothing else."""
    out: list[tuple[int, int]] = []
    for layout in sorted(layouts, key=lambda v: v.at):
        size = round_up(layout.size, 16)
        if out and out[-1][0] + out[-1][1] == layout.at:
            out[-1] = (out[-1][0], out[-1][1] + size)
        else:
            out.append((layout.at, size))
    return out
