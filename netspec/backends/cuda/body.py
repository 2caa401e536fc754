"""The statements of a kernel that make one value at one place, from the formula of it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ...ir.formula import Access, Formula, Pieces, access, in_bounds
from ...ir.graph import Node, images_of
from ...ir.types import TensorType
from .places import SPACES, Place, number_of
from .solve import Extents, Solved, places_of, solve
from .spelling import Writer, floats

START = {"=": "F(0.0)", "+=": "F(0.0)", "max=": "F(-math.inf)"}


THREADS = 256  # of a block


@dataclass(frozen=True)
class Kernel:
    """One launch. There are a*N + b items for `items` = (a, b), `each` of them a block, times `layers`; `begins` are the last
    arguments."""

    name: str
    text: str
    items: tuple[int, int]
    each: int
    layers: int
    begins: tuple[int, ...]
    note: str = ""  # what it is for: the line of the spec

    def blocks(self, samples: int) -> int:
        return -(-(self.items[0] * samples + self.items[1]) // self.each) * self.layers


class Body(Writer):
    """Statements under way. `held` are values made here already, by the name they have in the kernel."""

    def __init__(self, types: Mapping[str, TensorType], places: Mapping[str, Place]):
        super().__init__()
        self.depth = 1
        self.types, self.places = types, places
        self.held: dict[str, str] = {}
        self.begins: list[Place] = []  # places whose beginnings are arguments of the kernel: at0, at1, ...

    # ---------------------------------------------------------------- extents and positions
    def extents(self, n: Node, f: Formula, inputs: tuple[str, ...], piece: bool) -> dict[str, int | str]:
        """The extent of every index; that of n is text."""
        found: dict[str,
                    int | str] = dict(f.extents(tuple(self.types[i] for i in inputs),
                                                () if piece else tuple(v.type for v in n.results)))
        return found | {"n": times_n(images_of(n, self.types))}

    def decode(self, number: str, places: tuple[str, ...], sizes: tuple[int | str, ...]) -> None:
        """Name the position on each axis of the place of this row-major number."""
        live = [(p, s) for p, s in zip(places, sizes) if p]
        below = 1
        for k, (place, size) in reversed(list(enumerate(live))):
            part = number if below == 1 else f"{number} // {below}"
            self.line(f"{place} = {part}" + (f" % {size}" if k else ""))
            below *= size if isinstance(size, int) else 1

    # ---------------------------------------------------------------- values
    def value(self, n: Node, names: dict[str, str] | None = None) -> tuple[str, ...]:
        """The statements of one node at the place that is named; returns what holds its results. `names` are the kernel's for
        the indices of a formula that goes along with another."""
        if isinstance(n.op, Pieces):
            self.line("acc = F(0.0)")
            for part, inputs in n.op.bind(n.inputs):
                self._piece(n, part, inputs)
            return ("acc",)
        f = n.formula
        if names is None:
            extents = self.extents(n, f, n.inputs, False)
            found = solve(f.target, sizes_of(n.type), extents)
            if f.how != "=" or found.loops or found.steps or checks(f, tuple(self.types[i] for i in n.inputs), extents):
                self._accumulate(n, f, extents, found)
                return ("acc",) if len(f.targets) == 1 else ("acc", "at")
        return (self.fresh(self.right(n, f, n.inputs, names or {})),)

    def _piece(self, n: Node, f: Formula, inputs: tuple[str, ...]) -> None:
        """One part of a concatenation: the others leave what it writes alone."""
        outer, sizes = self.depth, sizes_of(n.type)
        extents = self.extents(n, f, inputs, True)
        found = solve(f.target, sizes, extents)
        assert not found.loops, f"parts that overlap: {f.text}"
        for own, place in zip(found.places, place_names(n, sizes)):  # each part has indices of its own
            if own and own != place:
                self.line(f"{own} = {place or 0}")
        self.run(found.steps)
        self.line(f"acc = {self.right(n, f, inputs, {})}")
        self.depth = outer

    def _accumulate(self, n: Node, f: Formula, extents: Extents, found: Solved) -> None:
        """A sum or a maximum, by one thread."""
        outer, placed = self.depth, len(f.targets) > 1
        self.line(f"acc = {START[f.how]}")
        if placed:
            self.line("at = F(0.0)")
        for i in (*f.reduced, *found.loops):
            self.open(f"for {i} in range({extents[i]}):")
        self.run(found.steps)
        self.guard(f, n.inputs, extents)
        right = self.right(n, f, n.inputs, {})
        if f.how == "+=":
            self.line(f"acc += {right}")
        elif f.how == "=":
            self.line(f"acc = {right}")
        else:  # the first largest wins, and NaN is larger than everything
            x = self.fresh(right)
            self.open(f"if {x} > acc or ({x} != {x} and acc == acc):")
            self.line(f"acc = {x}")
            if placed:
                number = "0"
                for i in f.reduced:
                    number = i if number == "0" else f"({number}) * {extents[i]} + {i}"
                self.line(f"at = F({number})")
        self.depth = outer

    def run(self, steps: tuple[str, ...]) -> None:
        for s in steps:
            if s.startswith("if "):
                self.open(s)
            else:
                self.line(s)

    def guard(self, f: Formula, inputs: tuple[str, ...], extents: Extents) -> None:
        """Open a body for where every read is in bounds."""
        needed = checks(f, tuple(self.types[i] for i in inputs), extents)
        if needed:
            self.open(f"if {' and '.join(needed)}:")

    def right(self, n: Node, f: Formula, inputs: tuple[str, ...], names: dict[str, str]) -> str:
        """The right side, at the indices as the kernel names them."""
        bound = dict(zip(f.operands, inputs))

        def read(s: ast.Subscript) -> str:
            a = access(s)
            return self.element(bound[a.name], a, names)

        return floats(self, f.right, read, names)

    def element(self, value: str, a: Access, names: Mapping[str, str]) -> str:
        if value in self.held:
            return self.held[value]
        return self.at(self.places[value], number_of(a, self.types[value], names))

    def at(self, place: Place, number: str) -> str:
        """The element of that number of what begins at a place."""
        if place not in self.begins:
            self.begins.append(place)
        k = self.begins.index(place)
        return f"{place.space}[{'N * ' if place.space == 'arena' else ''}at{k} + {number}]"

    def store(self, value: str, number: str, source: str) -> None:
        self.line(f"{self.at(self.places[value], number)} = {source}")

    def kernel(self, kind: str, items: tuple[int, int], each: int, layers: int = 1) -> Kernel:
        """What the statements are, as a function of its own; kernels of equal text have equal names."""
        arguments = ", ".join((*SPACES, "N", *(f"at{k}" for k in range(len(self.begins)))))
        text = "\n".join(self.lines) + "\n"
        name = f"{kind}_{hashlib.sha256(f'{arguments}{text}'.encode()).hexdigest()[:12]}"
        return Kernel(name, f"def {name}({arguments}):\n{text}", items, each, layers, tuple(p.at for p in self.begins))


def checks(f: Formula, types: tuple[TensorType, ...], extents: Extents) -> list[str]:
    """Conditions that keep every read in bounds."""
    bound = dict(zip(f.operands, types))
    numbers = {i: e for i, e in extents.items() if isinstance(e, int)}
    axes = [(x, size) for a in f.reads for t in (bound[a.name],) for x, size in zip(a.axes[t.batch > 0 :], t.shape)]
    return in_bounds([(x, size) for x, size in axes if x.terms and all(i in numbers for i, _ in x.terms)], numbers, {}, str)


def times_n(images: int) -> str:
    return "N" if images == 1 else f"(N * {images})"


def sizes_of(t: TensorType) -> tuple[int | str, ...]:
    """The extents of a value's axes, its images first."""
    shape = tuple(s or 0 for s in t.shape)
    return (times_n(t.batch), *shape) if t.batch else shape


def place_names(n: Node, sizes: tuple[int | str, ...]) -> tuple[str, ...]:
    """What the kernel of a node calls the position on each axis of its result; the parts of a concatenation have indices of their
    own."""
    if isinstance(n.op, Pieces):
        return tuple("" if s == 1 else f"z{k}" for k, s in enumerate(sizes))
    return places_of(n.formula.target, sizes)


def followed(host: Node, n: Node) -> dict[str, str]:
    """The host's names for the indices of a map that goes along with it."""
    at = place_names(host, sizes_of(host.type))
    return {a.bare: p or "0" for a, p in zip(n.formula.target.axes, at) if a.bare}
