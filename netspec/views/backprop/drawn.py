"""A circuit as the lectures draw it: values above the wires, gradients below, forward gate by gate, then backward gate by gate.

A wire's value and its whole gradient stand where it leaves its gate; where several gates read it, what comes back from each
stands before that gate, and the whole is their sum.
After Karpathy, Johnson and Li, "CS231n", 2016, lecture 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..drawing.lettering import fitted, width
from ..drawing.looks import THEMES, Theme
from ..drawing.sheet import Sheet
from .circuit import Circuit, Gate
from .film import Film

EDGE, TOP = 24.0, 66.0
ROW, ROUND, BOX = 42.0, 13.0, 30.0  # between gates of a column, the radius of one, the least width of a leaf's box
GAP, TAIL = 66.0, 40.0  # between columns, for two numbers; and before gates of which an input is read by others too
TEXT, SMALL = 10.5, 8.5
SWEEPS = 12


def drawn(circuit: Circuit, title: str, theme: Theme = THEMES["light"]) -> Film:
    """The circuit of one example, and how its gradients come about."""
    return _Drawing(circuit, title, theme).film


class _Drawing:
    """A film under way."""

    def __init__(self, circuit: Circuit, title: str, theme: Theme):
        self.circuit, self.theme = circuit, theme
        self.down = theme.ink("merge")  # gradients
        self.columns = _columns(circuit)
        self.wide = [max((_wide(circuit.gates[k]) for k in column), default=0.0) for column in self.columns]
        rows = _rows(circuit, self.columns)
        low = min(rows)
        self.shared = [len(r) > 1 for r in circuit.readers]
        self.tails = [TAIL if any(self.shared[i] for k in column for i in circuit.gates[k].inputs) else 0.0
                      for column in self.columns]
        lefts = [EDGE]
        for w, tail in zip(self.wide, (*self.tails[1:], 0.0)):
            lefts.append(lefts[-1] + w + GAP + tail)
        self.column = {k: c for c, column in enumerate(self.columns) for k in column}
        self.at = [(0.0, 0.0)] * len(circuit.gates)
        for c, column in enumerate(self.columns):
            for k in column:
                self.at[k] = (lefts[c] + self.wide[c] / 2, TOP + ROW / 2 + (rows[k] - low) * ROW)
        sheet = Sheet(lefts[-1] + EDGE, TOP + (max(rows) - low + 1) * ROW + EDGE, theme, title)
        sheet.wide = max(sheet.wide, EDGE * 2 + width(title, 14, bold=True), 480)
        self.film = Film(sheet, title)
        self.draw(title)

    def draw(self, title: str) -> None:
        gates, sheet = self.circuit.gates, self.film.sheet
        sheet.text(EDGE, EDGE + 6, title, 14, bold=True)
        order = [k for k, g in enumerate(gates) if g.kind == "gate"]
        when = {k: n for n, k in enumerate(order, 1)}
        seed = len(order) + 1
        back = {k: seed + n for n, k in enumerate(reversed(order), 1)}
        self.wires()
        for k, g in enumerate(gates):
            self.gate(k, g)
        for k, g in enumerate(gates):
            with self.film.during(when.get(k, 0)):
                self.number(k, g.value, above=True)
            if k == len(gates) - 1:
                complete = seed
            else:
                complete = max((back[reader] for reader, _ in self.circuit.readers[k]), default=seed)
            with self.film.during(complete):
                self.number(k, self.circuit.gradients[k], above=False)
            for reader, argument in self.circuit.readers[k] if self.shared[k] else ():
                with self.film.during(back[reader]):
                    self.part(reader, argument, self.circuit.back(reader, argument))
        for k in order:
            self.step(when[k], k, f"forward: {self.forward(k)}")
        self.step(seed, len(gates) - 1, f"backward begins: the gradient of {gates[-1].name or 'the last number'} by itself is 1")
        for k in reversed(order):
            self.step(back[k], k, f"backward: {self.backward(k)}")
        self.legend(sheet)

    def step(self, number: int, k: int, text: str) -> None:
        """A ring around the gate whose turn it is, and what it does."""
        self.film.captions.append(text)
        x, y = self.at[k]
        with self.film.during(number, number) as sheet:
            if self.circuit.gates[k].kind == "gate":
                sheet.circle(x, y, ROUND + 3, self.theme.skip, thick=2.5)
            sheet.text(EDGE, EDGE + 26, fitted(text, 11, sheet.wide - 2 * EDGE), 11, self.theme.label)

    def legend(self, sheet: Sheet) -> None:
        y = sheet.high - 10
        x = EDGE
        for text, colour in (("value above", self.theme.skip), ("gradient below", self.down)):
            sheet.text(x, y, text, TEXT, colour, bold=True)
            x += width(text, TEXT, bold=True) + 14
        sheet.text(x, y, fitted(self.layers(), TEXT, sheet.wide - EDGE - x), TEXT, self.theme.quiet)

    def layers(self) -> str:
        """`W1, b1: fc1; W2, b2: fc2`, where several layers have weights."""
        found: dict[str, list[str]] = {}
        for g in self.circuit.gates:
            stem = g.sign.partition("[")[0]
            if g.kind == "parameter" and stem[-1].isdigit() and g.name.partition("[")[0] != stem:
                names = found.setdefault(g.name.partition("[")[0].rpartition(".")[0], [])
                names += [stem] if stem not in names else []
        return "; ".join(f"{', '.join(names)}: {layer}" for layer, names in found.items()) if len(found) > 1 else ""

    # -- parts -------------------------------------------------------------------------------------------------------
    def wires(self) -> None:
        for k, readers in enumerate(self.circuit.readers):
            for reader, argument in readers:
                (x, y), (p, q) = self.at[k], self.port(reader, argument)
                x += _wide(self.circuit.gates[k]) / 2
                start = p - self.tails[self.column[reader]]
                bend = min(x + GAP - 14, start)  # level as long as its numbers are
                self.film.sheet.line([(x, y), (bend, y), (start, q), (p, q)], self.theme.line, 0.8)
        if self.circuit.gates[-1].kind == "gate":
            x, y = self.at[-1]
            self.film.sheet.line([(x + ROUND, y), (x + ROUND + GAP - 12, y)], self.theme.line, 0.8)

    def gate(self, k: int, g: Gate) -> None:
        (x, y), w, sheet = self.at[k], _wide(g), self.film.sheet
        if g.kind == "gate":
            kind = "arithmetic" if g.sign[0] in "+×−÷" else "activation"
            fill = self.theme.ground if kind == "arithmetic" else self.theme.fill("activation")
            if w <= 2 * ROUND:
                sheet.circle(x, y, ROUND, self.theme.line, fill, 1.2)
            else:
                sheet.rect(x - w / 2, y - ROUND, w, 2 * ROUND, self.theme.line, fill, 1.2)
            sheet.text(x, y + 4.5, g.sign, 13 if len(g.sign) == 1 else TEXT, anchor="middle", bold=len(g.sign) == 1)
            return
        fill = self.theme.fill({"parameter": "convolution"}.get(g.kind, "input"))
        sheet.rect(x - w / 2, y - 9, w, 18, self.theme.ink("convolution") if g.kind == "parameter" else self.theme.line, fill)
        sheet.text(x, y + 4, g.sign, TEXT, anchor="middle")

    def number(self, k: int, value: float, above: bool) -> None:
        x, y = self.at[k]
        self.film.sheet.text(x + _wide(self.circuit.gates[k]) / 2 + 4, y - 3.5 if above else y + 11, said(value), TEXT,
                             self.theme.skip if above else self.down)

    def port(self, k: int, argument: int) -> tuple[float, float]:
        """Where the wire of an argument ends: the inputs of a gate stand in the order of where they come from."""
        g, (x, y) = self.circuit.gates[k], self.at[k]
        order = sorted(range(len(g.inputs)), key=lambda a: (self.at[g.inputs[a]][1], a))
        apart = min(8.0, 1.5 * ROUND / len(order))
        return x - _wide(g) / 2 + 1, y + (order.index(argument) - (len(order) - 1) / 2) * apart

    def part(self, k: int, argument: int, value: float) -> None:
        """What goes back along one wire of several, before the gate that reads it."""
        x, y = self.port(k, argument)
        above = y < self.at[k][1]
        self.film.sheet.text(x - 2, y - 2 if above else y + 8, said(value), SMALL, self.down, anchor="end")

    # -- in words ----------------------------------------------------------------------------------------------------
    def forward(self, k: int) -> str:
        g = self.circuit.gates[k]
        given = [said(self.circuit.gates[i].value) for i in g.inputs]
        if g.sign in ("+", "×", "−", "÷") and len(given) > 1:
            what = f" {g.sign} ".join(f"({v})" if v.startswith("−") else v for v in given)
        else:
            what = f"{g.sign} of {', '.join(given)}"
        return f"{g.name + ' = ' if g.name else ''}{what} = {said(g.value)}"

    def backward(self, k: int) -> str:
        g, arriving = self.circuit.gates[k], said(self.circuit.gradients[k])
        ways = [f"{arriving} · {f'({said(s)})' if s < 0 else said(s)} = {said(self.circuit.back(k, a))} to {self.called(i)}"
                for a, (i, s) in enumerate(zip(g.inputs, g.slopes))]
        return f"{g.sign} hands on " + ", ".join(ways[:4]) + (" …" if len(ways) > 4 else "")

    def called(self, k: int) -> str:
        g = self.circuit.gates[k]
        return g.sign if g.kind != "gate" else g.name or f"the {g.sign}"


def said(x: float) -> str:
    """A number to three digits, the zeros at its end among them."""
    text = f"{x:.2e}" if abs(x) < 0.001 else f"{x:#.3g}".rstrip(".")
    return "0" if x == 0 else text.replace("e-0", "e-").replace("e+0", "e+").replace("-", "−")


def _wide(g: Gate) -> float:
    """The width of a gate, or of a leaf's box."""
    least = 2 * ROUND if g.kind == "gate" else BOX
    return least if len(g.sign) == 1 else max(least, width(g.sign, TEXT) + 10)


def _columns(c: Circuit) -> list[list[int]]:
    """The gates by how many operations come before them; a number from outside stands just before the first that reads it."""
    depth = [0] * len(c.gates)
    for k, g in enumerate(c.gates):
        if g.inputs:
            depth[k] = 1 + max(depth[i] for i in g.inputs)
    for k, g in enumerate(c.gates):
        if not g.inputs and c.readers[k]:
            depth[k] = min(depth[r] for r, _ in c.readers[k]) - 1
    columns: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for k, d in enumerate(depth):
        columns[d].append(k)
    return columns


def _rows(c: Circuit, columns: Sequence[Sequence[int]]) -> list[float]:
    """A row for every gate: near what it is wired to, and apart from others of its column."""
    rows = [0.0] * len(c.gates)
    near = [[*g.inputs, *(r for r, _ in c.readers[k])] for k, g in enumerate(c.gates)]
    for column in columns:
        for n, k in enumerate(column):
            rows[k] = n - len(column) / 2
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 else columns[::-1]:
            wanted = {k: sum(rows[i] for i in near[k]) / max(1, len(near[k])) for k in column}
            order = sorted(column, key=lambda k: (wanted[k], k))
            for k, row in zip(order, _apart([wanted[k] for k in order])):
                rows[k] = row
    return rows


def _apart(wanted: Sequence[float]) -> list[float]:
    """The rows nearest to these, which rise, with a whole row between them (pool adjacent violators)."""
    blocks: list[list[float]] = []  # sum, count
    for n, w in enumerate(wanted):
        blocks.append([w - n, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    means = [s / n for s, n in blocks for _ in range(int(n))]
    return [m + n for n, m in enumerate(means)]
