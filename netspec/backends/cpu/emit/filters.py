"""Source of a `filters` step: what is computed along the filters of a weight, in the order in which that is stored.

An item is a block of filters, which lie in the lanes. The elements are gone through in turns, as often as sums need: what a turn
adds up for each filter can be read in the next. Sums, and the arithmetic between numbers of a filter, are in float64; elements
are in the network's dtype.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ....ir.graph import Node, Value
from ....ir.layout import Packed
from ..families.step import step_of
from ..row import CHANNELS, OPERANDS
from .expressions import keeps_zero, source
from .lanes import Emitted, kernel_text
from .text import operand_word, row_word, told, told_sizes


def emit_filters(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    writer = _Filters(node, values, dtype, lanes)
    lines = writer.steps()
    sizes = tuple(n * writer.item for n in writer.runs)
    body = [told(args=OPERANDS), "b = item", f"left = {row_word(CHANNELS)} - {lanes} * b",
            *told_sizes(f"z{k}" for k in range(len(sizes))), *lines, "return 0"]
    name, text = kernel_text("filters", body, dtype, lanes)
    return Emitted(name, text, tuple(writer.operands), (), sizes)


class _Filters:
    """A kernel in the making."""

    def __init__(self, node: Node, values: Mapping[str, Value], dtype: str, lanes: int):
        self.nodes = {n.name: n for n in step_of(node).nodes}
        self.narrow, self.item, self.lanes = dtype == "float32", 8 if dtype == "float64" else 4, lanes
        self.stored = {v.name for v in node.results}
        self.whole = {v for v, value in values.items() if isinstance(value.layout, Packed)} | {
            n.name for n in self.nodes.values() if len(n.type.shape) > 1}
        orders = {x.order for value in values.values() if isinstance(x := value.layout, Packed)}
        assert len(orders) == 1, f"%{node.name}: weights that are computed along filters are stored in one order"
        (self.order,) = orders
        self.lengths = [w.steps * w.unit for w in self.order.walks]  # vectors of a block of filters, in each phase
        # where each phase begins, and what a block takes of it
        self.runs = [n for k, size in enumerate(self.lengths) for n in (sum(self.order.sizes[:k]), size * lanes)]
        self.operands: dict[str, int] = {}
        self.numbers: dict[str, str] = {}  # in float64, of each filter, by value

    def steps(self) -> list[str]:
        """All of it: by turns, first what the sums so far decide, then what is done with each element."""
        ready: dict[str, int] = {}  # after how many turns a value can be read
        for n in self.nodes.values():
            ready[n.name] = max((ready.get(i, 0) for i in n.inputs), default=0) + self._sums(n)
        lines: list[str] = []
        for turn in range(max(ready.values()) + 1):
            for n in self.nodes.values():
                if n.name not in self.whole and ready[n.name] == turn:
                    self._number(n, lines)
            lines += self._turn([n for n in self.nodes.values() if self._sums(n) and ready[n.name] == turn + 1],
                                [n for n in self.nodes.values() if n.name in self.whole & self.stored and ready[n.name] == turn])
        return lines

    def _sums(self, n: Node) -> bool:
        return n.name not in self.whole and n.formula.how == "+=" and any(i in self.whole for i in n.inputs)

    def _operand(self, v: str) -> str:
        return operand_word(self.operands.setdefault(v, len(self.operands)))

    def _of_filter(self, v: str, lines: list[str]) -> str:
        """A number of each filter, which this kernel has made or reads."""
        if v not in self.numbers:
            self.numbers[v] = f"k{len(self.numbers)}"
            lines.append(f"{self.numbers[v]} = to_float64(load({self._operand(v)} + {self.lanes * self.item} * b))")
        return self.numbers[v]

    def _number(self, n: Node, lines: list[str]) -> None:
        """A number of each filter: of others, or a sum that is known now. It is stored where something reads it."""
        f, bound = n.formula, dict(zip(n.formula.operands, n.inputs))
        if not self._sums(n):
            text = source(f.right, lambda s: self._of_filter(bound[_local(s)], lines), lambda i: i, lambda r: "0.0", "splat64")
            self.numbers[n.name] = f"k{len(self.numbers)}"
            lines.append(f"{self.numbers[n.name]} = {text if f.reads else f'splat64({text})'}")
        if n.name in self.stored:
            value = self.numbers[n.name] if self._sums(n) or keeps_zero(f.right) else f"keep({self.numbers[n.name]}, left)"
            narrow = f"to_float32({value})" if self.narrow else value
            lines.append(f"store({self._operand(n.name)} + {self.lanes * self.item} * b, {narrow})")

    def _turn(self, sums: list[Node], written: list[Node]) -> list[str]:
        """Once over all elements of a block of filters."""
        if not sums and not written:
            return []
        several = next(u for u in (4, 2, 1) if all(size % u == 0 for size in self.lengths))  # sums side by side
        for n in sums:
            self.numbers[n.name] = f"k{len(self.numbers)}"
        parts = [f"{self.numbers[n.name]}_{u}" for n in sums for u in range(several)]
        lines = [f"{p} = splat64(0.0)" for p in parts]
        vector, inner = self.lanes * self.item, list[str]()
        for u in range(several):
            held: dict[str, str] = {}
            at = f"i + {u * vector}" if u else "i"
            for n in sums:
                inner.append(f"{self.numbers[n.name]}_{u} += {self._double(n, held, u, at, lines, inner)}")
            for n in written:
                inner.append(f"store({self._operand(n.name)} + {at}, {self._element(n.name, held, u, at, lines, inner)})")
        for k in range(len(self.lengths)):
            lines += [f"first = z{2 * k} + b * z{2 * k + 1}", f"for i in range(first, first + z{2 * k + 1}, {several * vector}):",
                      *("    " + x for x in inner)]
        for n in sums:
            mine = [f"{self.numbers[n.name]}_{u}" for u in range(several)]
            while len(mine) > 1:
                mine = [f"({a} + {b})" for a, b in zip(mine[::2], mine[1::2])]
            lines.append(f"{self.numbers[n.name]} = {mine[0]}")
        return lines

    def _element(self, v: str, held: dict[str, str], u: int, at: str, before: list[str], inner: list[str]) -> str:
        """The elements of a value at one place of all filters, in the network's dtype."""
        if v in held:
            return held[v]
        name = f"x{len(held)}_{u}"
        if v not in self.whole:
            number = self._of_filter(v, before)
            narrow = f"n{number[1:]}"
            line = f"{narrow} = {f'to_float32({number})' if self.narrow else number}"
            if line not in before:
                before.append(line)
            held[v] = narrow
            return narrow
        if v not in self.nodes:
            inner.append(f"{name} = load({self._operand(v)} + {at})")
        else:
            n = self.nodes[v]
            bound = dict(zip(n.formula.operands, n.inputs))
            text = source(n.formula.right, lambda s: self._element(bound[_local(s)], held, u, at, before, inner), lambda i: i,
                          lambda r: "0.0")
            name = f"x{len(held)}_{u}"
            inner.append(f"{name} = {text}")
        held[v] = name
        return name

    def _double(self, n: Node, held: dict[str, str], u: int, at: str, before: list[str], inner: list[str]) -> str:
        """What a sum adds at one place of all filters, in float64."""
        bound = dict(zip(n.formula.operands, n.inputs))

        def read(s: ast.Subscript) -> str:
            v = bound[_local(s)]
            return f"to_float64({self._element(v, held, u, at, before, inner)})" if v in self.whole else self._of_filter(v, before)

        return source(n.formula.right, read, lambda i: i, lambda r: "0.0", "splat64")


def _local(s: ast.Subscript) -> str:
    assert isinstance(s.value, ast.Name)
    return s.value.id
