"""What crosses the border of a program: the arrays that come in, and the values that go out."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import Graph, Input, Value


@dataclass(frozen=True)
class Result:
    """What goes out: under what name, and in the shape of the network's own input or output of this name, if there is one; of
    its value NAME, where the name is `@NAME`."""

    public: str
    value: Value
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Border:
    """`feeds` are the names of what comes in, and whether it is an input of the network."""

    feeds: tuple[tuple[str, bool], ...]
    losses: tuple[Result, ...]
    outputs: tuple[Result, ...]
    input_gradients: tuple[Result, ...]


def border(program: Graph, network: Graph) -> Border:
    """Of a lowered program of a network."""
    shapes = {n.name: n.type.shape for n in network.inputs} | {k: network.values[v].type.shape for k, v in network.outputs}
    shapes |= {k: network.values[k[1:]].type.shape for k, _ in program.outputs if k[0] == "@"}
    parameters = {p.name for p in network.parameters}

    def result(public: str, name: str) -> Result:
        value = program.values[name]
        return Result(public, value, tuple(s or 0 for s in shapes.get(public, value.type.shape)))

    feeds = tuple((n.name, n.op.role == "input") for n in program.nodes
                  if isinstance(n.op, Input) and n.op.role in ("input", "target", "cotangent"))
    outputs = [result(*out) for out in program.outputs]
    losses = tuple(out for out in outputs if out.public.startswith("loss."))
    return Border(feeds, losses, tuple(out for out in outputs if out not in losses),
                  tuple(result(name, g) for name, g in program.gradients if name not in parameters))
