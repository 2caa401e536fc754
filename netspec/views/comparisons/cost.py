"""What one network costs."""

from __future__ import annotations

from dataclasses import dataclass

from ...diagnostics import UsageError
from ...ir.graph import Graph
from ...ir.types import shape_text
from ..numbers.counts import count
from ..reading.steps import steps
from ..tables.rows import bytes_of


@dataclass(frozen=True)
class Cost:
    """A network in numbers. `memory` is the bytes of what all its steps give, for one sample in float32; `accuracy` is in
    percent, where one is known."""

    name: str
    file: str
    input: str
    parameters: int
    macs: int
    memory: int
    steps: int
    accuracy: float | None = None


def cost(graph: Graph, file: str) -> Cost:
    """Errors: an input whose size is not known."""
    unknown = next((n for n in graph.inputs if not n.type.known), None)
    if unknown is not None:
        shape = shape_text(unknown.type.shape)
        raise UsageError(f"what {graph.name} costs depends on the size of its input, and `{unknown.name}` is {shape}",
                         hint=f"--input {'x'.join(str(n or 224) for n in unknown.type.shape)}", code="unknown-size")
    totals, each = count(graph).totals, [*steps(graph)]
    inputs = ", ".join(shape_text(n.type.shape) for n in graph.inputs)
    memory = sum(bytes_of(s.last) or 0 for s in each)
    return Cost(graph.name, file, inputs, totals.parameters, totals.macs or 0, memory, len(each))
