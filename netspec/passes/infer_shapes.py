"""Run the shape rule of every layer again: after a rewrite, or for another size of the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..ir.graph import Graph, Input, Value
from ..ir.types import Size, TensorType
from ..words import WordError
from ..words.layer import Layer


@dataclass(frozen=True)
class infer_shapes:  # noqa: N801
    """Types of a layer graph from the types of its inputs. `inputs` gives other shapes by name.

    Raises WordError where a rule refuses, and where a parameter would change its shape.
    """

    inputs: Mapping[str, tuple[Size, ...]] | None = None

    def __call__(self, graph: Graph) -> Graph:
        types: dict[str, TensorType] = {}
        nodes = []
        for n in graph.nodes:
            if isinstance(n.op, Input) and self.inputs and n.name in self.inputs:
                n = replace(n, results=(Value(n.name, n.type.of(*self.inputs[n.name])),))
            elif isinstance(n.op, Layer):
                given = tuple(types[i] for i in n.inputs)
                made = n.op.shape(*given)
                want = {p.name.rsplit(".", 1)[-1]: p.shape for p in n.op.parameters(*given)}
                for p in n.parameters:
                    local = p.name.rsplit(".", 1)[-1]
                    if local in want and want[local] != p.shape:
                        raise WordError(f"{n.name}: with this input, `{p.name}` would be {want[local]}, and it is {p.shape}",
                                        hint="put a global pool before the first fc, or use the size the network was made for",
                                        code="unknown-size")
                n = replace(n, results=(Value(n.results[0].name, made), *n.results[1:]))
            types |= {v.name: v.type for v in n.results}
            nodes.append(n)
        return graph.with_nodes(nodes)
