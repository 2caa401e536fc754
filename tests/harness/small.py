"""Small networks for tests, without the front end: a step as a user writes it -> a layer; steps -> a graph."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import netspec.layers  # noqa: F401  (fills the registry)
from netspec.ir.graph import Graph, Input, Node, Value
from netspec.ir.types import TensorType
from netspec.words import arguments
from netspec.words.layer import LAYERS, STRUCTURAL, Layer


def tokens_of(step: str) -> list[str]:
    """The words of a step: split at white space outside brackets."""
    depth, out = 0, [""]
    for ch in step:
        depth += (ch in "[(") - (ch in "])")
        if ch.isspace() and not depth:
            out.append("")
        else:
            out[-1] += ch
    return [t for t in out if t]


def tuples(v: Any) -> Any:
    return tuple(map(tuples, v)) if isinstance(v, (list, tuple)) else v


def literal(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    if re.fullmatch(r"\d+\.\.\d+", text):
        a, b = text.split("..")
        return tuple(range(int(a), int(b) + 1))
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(map(int, text.split("x")))
    if re.fullmatch(r"[-+\d.e,()\[\]\s]+", text):
        v = eval(text)
        return tuples(v)
    return text


def word(registry: dict[str, Any], text: str) -> tuple[Any, list[str]]:
    """The word a text writes, and the references it makes."""
    name, *tokens = tokens_of(text)
    cls = registry[name]
    args = arguments(cls)
    positional = sorted((a for a in args if a.position is not None), key=lambda a: a.position or 0)
    refs = [t[1:] for t in tokens if t.startswith("@")]
    fields: dict[str, Any] = {}
    at = 0
    for t in tokens:
        if t.startswith("@"):
            if at < len(positional) and positional[at].kind == "ref":
                fields[positional[at].field] = t[1:]
                at += 1
        elif t.startswith("/"):
            fields["stride"] = literal(t[1:])
        elif m := re.fullmatch(r"([a-z_0-9]+)=(.*)", t):
            fields[next(a.field for a in args if a.name == m[1])] = literal(m[2])
        elif words := [a for a in args if t in a.words]:
            fields[words[0].field] = True if words[0].kind == "flag" else t
        else:
            fields[positional[at].field] = literal(t)
            at += 1
    made = cls(**fields)
    made.check()
    return made, refs


class Net:
    """A graph under construction: `net = Net({"x": (3, 8, 8)}); net("conv 4 3x3"); net("add @x")`."""

    def __init__(self, inputs: dict[str, tuple[int, ...]], views: int = 1):
        self.nodes = [Node(k, Input(), (), (Value(k, TensorType(s, views)),)) for k, s in inputs.items()]
        self.flow = next(iter(inputs))
        self.kinds: dict[str, int] = {}

    def type(self, value: str) -> TensorType:
        return next(v.type for n in self.nodes for v in n.results if v.name == value)

    def __call__(self, step: str, label: str = "", parameters: str = "") -> str:
        """`parameters` names them; the node's own name unless given."""
        layer, refs = word({**LAYERS, **STRUCTURAL}, step)
        return self.place(layer, (self.flow, *refs), label, parameters)

    def place(self, layer: Layer, inputs: tuple[str, ...], label: str = "", parameters: str = "") -> str:
        makers = {v.name: n for n in self.nodes for v in n.results}
        if layer.binds:
            layer, inputs = layer.bound(tuple(makers[i] for i in inputs), inputs)
        types = tuple(self.type(i) for i in inputs)
        self.kinds[layer.name] = self.kinds.get(layer.name, 0) + 1
        name = label or f"{layer.name}{self.kinds[layer.name]}"
        result = Value(name, layer.shape(*types))
        made = tuple(replace(p, name=f"{parameters or name}.{p.name}") for p in layer.parameters(*types))
        self.nodes.append(Node(name, layer, inputs, (result,), made))
        self.flow = name
        return name

    def graph(self, **outputs: str) -> Graph:
        return Graph("test", tuple(self.nodes), tuple(outputs.items()) or (("out", self.flow),)).verify()


def sequence(steps: list[str], **inputs: tuple[int, ...]) -> Graph:
    net = Net(inputs)
    for s in steps:
        net(s)
    return net.graph()
