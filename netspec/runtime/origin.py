"""Where a network comes from: its spec, and what was said of it. It can be elaborated again, for other sizes of its input, and
a checkpoint holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..elaborate.tree_to_graph import elaborate
from ..ir.graph import Graph
from ..reading import Told
from ..syntax.tree import Module
from .devices import at_precision
from .freezing import Marks, marked


@dataclass(frozen=True)
class Origin:
    """A spec, and which of its nets."""

    module: Module
    net: str | None = None
    parameters: Mapping[str, Any] | None = None
    sizes: Any = None  # of inputs: a shape, or shapes by name
    precision: str | None = None
    weights: bool = True  # whether the files of weights that the text names are read
    marks: Marks = ()  # what Python has frozen or not since

    def graph(self, sizes: Any = None) -> Graph:
        """The graph, of these sizes where they are given. Raises SpecError with everything that is wrong."""
        given = self.sizes if sizes is None else sizes
        graph = elaborate(self.module, self.net, dict(self.parameters or {}), given, self.weights)
        return marked(at_precision(graph, self.precision), self.marks)


def plain(value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return str(value) if isinstance(value, str) else value
    return plain(value.tolist())


def read(value: Any) -> Any:
    """Such a parameter, read from a file."""
    return [read(v) for v in value] if isinstance(value, list) else Told(value) if isinstance(value, str) else value
