"""What is matched: the tensors of one layer together, on the side of a file and on the side of a net.

A file has them under names that end in what each is: `conv1.weight`, `bn1.running_mean`, `dense/kernel`. Two units can be each
other's where they are of one kind and their tensors have the same shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod

from ...ir.graph import Graph, Parameter
from .source import Source

COUNT = "num_batches_tracked"  # of a normalisation, and no weight
ROLES = {"weight": "weight", "kernel": "weight", "gamma": "weight", "w": "weight", "alpha": "weight", "scale": "weight",
         "layer_scale_parameter": "weight",
         "bias": "bias", "beta": "bias", "b": "bias", "offset": "bias",
         "running_mean": "mean", "moving_mean": "mean", "mean": "mean",
         "running_var": "var", "moving_variance": "var", "moving_var": "var", "variance": "var", "var": "var",
         COUNT: ""}  # what a tensor is by the end of its name; the last is a count that nothing needs
SLOPES = ("scale", "gamma", "alpha")  # of these there is one number for each channel, with axes of 1 to lie along pictures or not
_END = re.compile(rf"(?:(.*?)[./:_])?({'|'.join(sorted(ROLES, key=len, reverse=True))})", re.IGNORECASE | re.DOTALL)
_ASIDE = re.compile(r"(^|\.)shortcut\d*(\.|$)")
AROUND = ("module.", "_orig_mod.")  # what wrappers put before every name


@dataclass
class Unit:
    """A layer with what it learns: the names of its tensors and their shapes, each by its role."""

    name: str  # what it is called where both sides are compared: below the call that names the file
    names: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    aside: bool = False  # it lies on a shortcut
    eps: float | None = None  # what its normalisation adds to the variance, where that is known
    node: str = ""  # of the net, that it belongs to
    length: str = ""  # the parameter of the lengths, where the net has its weight as directions
    filters: int = 0  # how many axes of that tell filters apart
    stated: bool = False  # of the net, whose text gives its numbers

    @property
    def kind(self) -> str:
        """kernel, norm (with running statistics), affine (a factor and a shift for each channel), or slope."""
        weight = self.shapes.get("weight", ())
        if self.shapes.keys() & {"mean", "var"}:
            return "norm"
        return "kernel" if len(weight) > 1 else "affine" if self.shapes.keys() >= {"weight", "bias"} else "slope"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that tells one from another: of the weight, else of what there is."""
        return self.shapes.get("weight") or next(iter(self.shapes.values()))

    @property
    def signature(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """What decides whether it fits another."""
        return tuple(self.shapes.items())

    def __str__(self) -> str:
        return f"{self.name} {'x'.join(map(str, self.shape))}"


def given(source: Source) -> tuple[list[Unit], list[str]]:
    """The units of a file in the order of its names, and the tensors that belong to none."""
    units: dict[str, Unit] = {}
    odd = []
    for name, about in source.about.items():
        inner = name
        while any(inner.startswith(a) for a in AROUND):
            inner = next(inner.removeprefix(a) for a in AROUND if inner.startswith(a))
        m = _END.fullmatch(inner)
        role = ROLES[m[2].lower()] if m else "weight" if len(about.shape) > 1 else None
        if role == "" or name.startswith(source.apart):
            continue
        path = ((m[1] or "") if m else inner).replace("/", ".")
        unit = units.setdefault(path, Unit(path))
        if role is None or role in unit.names or not about.shape:
            odd.append(name)
            continue
        unit.names[role], unit.shapes[role] = name, _of_channels(about.shape) if m and m[2].lower() in SLOPES else about.shape
    return [u for u in units.values() if u.names], odd


def _of_channels(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if prod(shape) != max(shape) else (prod(shape),)


def wanted(graph: Graph, parameters: Iterable[Parameter], within: str = "") -> list[Unit]:
    """The units of a net, or of what a call in it makes, in the order in which it computes. Numbers that the text gives are not
    wanted."""
    units: dict[str, Unit] = {}
    for p in parameters:
        path, _, last = p.name.rpartition(".")
        if p.kind != "buffer" or last in ("mean", "var"):
            below = path.removeprefix(within).removeprefix(".") if within else path
            unit = units.setdefault(path, Unit(below, aside=_ASIDE.search(path) is not None, node=path, stated=True))
            unit.stated &= p.values is not None
            if p.of:
                unit.length, unit.filters = p.name, len(p.shape)
                continue
            last = "weight" if last == "weight_v" else last
            unit.names[last], unit.shapes[last] = p.name, p.shape
    for u in units.values():
        node = graph.by_name.get(u.node)
        eps = getattr(node.op, "eps", None) if node is not None else None
        u.eps = float(eps) if u.kind == "norm" and eps is not None else None
    return list(units.values())


def places(graph: Graph, unit: Unit) -> tuple[int, ...]:
    """The shape of what a layer that reads a flat value is given, before it was flattened: channels first."""
    node = graph.by_name.get(unit.node)
    if node is None or not node.inputs:
        return ()
    value = node.inputs[0]
    size = graph.values[value].type.size if graph.values[value].type.known else None
    while len(graph.values[value].type.shape) == 1:
        maker = graph.maker[value]
        if len(maker.inputs) != 1 or maker.parameters:
            return ()
        value = maker.inputs[0]
        if not graph.values[value].type.known or graph.values[value].type.size != size:
            return ()
    return tuple(n or 0 for n in graph.values[value].type.shape)


def fit(a: Unit, b: Unit) -> bool:
    """Whether what a file has for a layer (`a`) can be what a layer of the net needs (`b`)."""
    if a.kind != b.kind and {a.kind, b.kind} != {"norm", "affine"}:
        return False
    if a.kind != b.kind and b.kind == "norm":
        return False  # running statistics are never made up
    missing = b.shapes.keys() - a.shapes.keys()
    if missing and (b.kind != "norm" or missing & {"mean", "var"}):
        return False
    if a.shapes.keys() - b.shapes.keys() - {"bias", "mean", "var"} or (b.kind == "norm" and a.shapes.keys() - b.shapes.keys()):
        return False
    return all(_same(s, b.shapes[role], b.kind) for role, s in a.shapes.items() if role in b.shapes)


def _same(a: tuple[int, ...], b: tuple[int, ...], kind: str) -> bool:
    """Shapes are the same, or a fully connected layer was written as a convolution as large as its input, or the other way."""
    return a == b or (kind == "kernel" and 2 in (len(a), len(b)) and a[0] == b[0] and prod(a) == prod(b)) or (
        kind == "slope" and prod(a) == prod(b))
