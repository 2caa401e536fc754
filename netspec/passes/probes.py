"""Gradients of values inside a network to others inside it, in evaluation mode.

A value to whose gradient somebody asks gets zeros from outside added to it:

    %conv1 = conv 6 5x5(%input)      becomes      %conv1 = conv 6 5x5(%input);  %@conv1 = input;  %conv1.probed = %conv1 + %@conv1

and the gradient to those zeros is the one to the value, wherever its readers would have looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..ir.graph import Graph, Input, Node, Value
from ..ir.types import TensorType
from ..words.layer import Builder, Layer
from .differentiate import differentiate
from .lower import lower

Ends = tuple[tuple[str, str], ...]  # names, and the values that they mean


def derivative_program(graph: Graph, of: Ends, to: Ends, guided: bool = False) -> Graph:
    """Gradients of the values `of`, for what is given as d.NAME, to the inputs and values `to`. Each of these is an input of
    the program as well: the network's own of its name, or zeros by the name @VALUE.

    guided  no rectifier lets a gradient below zero through from above (guided backpropagation)
    """
    inputs = {n.name for n in graph.inputs}
    inner = {v for _, v in to if v not in inputs}
    graph = _inserted(replace(graph, outputs=of), lambda n: _probe(n) if n.results[0].name in inner else ())
    if guided:
        graph = _inserted(graph, lambda n: (Node(f"{n.name}.guided", Guide(), (n.name,), (Value(f"{n.name}.guided", n.type),)),)
                          if getattr(n.op, "rectifies", False) else ())
    return differentiate((), inputs=tuple(probe(v) if v in inner else v for _, v in to), parameters=False)(lower(False)(graph))


def probe(value: str) -> str:
    """The name of the zeros that are added to a value."""
    return f"@{value}"


class Probe(Layer, abstract=True):
    """The sum of a value and of zeros from outside."""

    arity = (2, 2)

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        return b.map("x + z", x=inputs[0], z=inputs[1])


class Guide(Layer, abstract=True):
    """A value as it is, whose gradient goes on where it is above zero.

    Paper: Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional Net", 2015
    """

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        return b.map("x", x=inputs[0])

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        return (b.map("max(dy, 0.0)", dy=dy),), {}


def _probe(n: Node) -> tuple[Node, ...]:
    name, zeros = f"{n.name}.probed", probe(n.name)
    return (Node(zeros, Input("input"), (), (Value(zeros, n.type),)),
            Node(name, Probe(), (n.name, zeros), (Value(name, n.type),)))


def _inserted(graph: Graph, after: Callable[[Node], tuple[Node, ...]]) -> Graph:
    """The graph with nodes put after some of its own, the last of which is read in the place of what it follows."""
    nodes: list[Node] = []
    instead: dict[str, str] = {}
    for n in graph.nodes:
        nodes.append(replace(n, inputs=tuple(instead.get(i, i) for i in n.inputs)))
        more = after(n)
        nodes += more
        if more:
            instead[n.results[0].name] = more[-1].name
    return graph.with_nodes(nodes, outputs=tuple((public, instead.get(v, v)) for public, v in graph.outputs))
