"""The table of stages, drawn: a box for each, what it repeats in brackets, the numbers beside it."""

from __future__ import annotations

from dataclasses import replace

from ..drawing.lettering import width, wrapped
from ..drawing.looks import mixed
from .canvas import FONT, Canvas, Group
from .paint import FILL
from .stages import Stage, Stages
from .volumes import Kind, Part

LINE, PAD, GAP = 9.0, 4.0, 9.0
APART = 2.5  # what is said of a block from its bracket
COLUMNS = ("output size", "stage", "step", "parameters", "MACs")
SHADE: dict[Kind, Part] = {"input": "input", "conv": "conv", "fc": "fc", "pool": "pool", "up": "up", "concat": "move",
                           "move": "move", "closed": "closed"}


def draw_stages(found: Stages, page: float, high: float) -> Canvas:
    """The table; where it would be higher than this, what a stage repeats stands in one line."""
    table = _Table(found, page, GAP).draw()
    if table.size[1] <= high:
        return table
    flat = replace(found, rows=tuple(replace(r, lines=("; ".join(r.lines),)) for r in found.rows))
    return _Table(flat, page, GAP - 3).draw()


class _Table:
    def __init__(self, found: Stages, page: float, gap: float):
        self.found, self.gap = found, gap
        rows = [*found.rows, *found.beside]
        left = max(width(r.size, FONT) for r in rows)
        least = max([width(line, FONT) for r in rows for line in r.lines] + [60.0])
        inner = max([width(line, FONT) for r in rows for line in _wrapped(r.notes, 150)] + [least])
        right = [max([width(text, FONT) for text in column] + [width(head, FONT, bold=True)])
                 for column, head in zip(zip(*map(_numbers, rows)), COLUMNS[2:])]
        self.wide = max(least + 60, min(inner + 76, page - left - sum(right) - 50))  # brackets, an arc and `×23` beside them
        self.x0 = left + 12
        x = self.x0 + self.wide + 12
        self.ends = []
        for w in right:
            x += w
            self.ends.append(x)
            x += 12

    def draw(self) -> Canvas:
        c = Canvas()
        c.text(self.x0 - 12, 0, COLUMNS[0], anchor="end", bold=True)
        self.title(c)
        for x, head in zip(self.ends, COLUMNS[2:]):
            c.text(x, 0, head, anchor="end", bold=True)
        y, bottom = 7.0, 0.0
        for row in self.found.rows:
            if bottom and not row.source:
                c.line([(self.x0 + self.wide / 2, bottom), (self.x0 + self.wide / 2, y - 0.5)], "arc", 0.8, arrow=True)
            bottom = y = self.row(c, row, y)
            y += self.gap
        if self.found.beside:
            y += 6
            c.text(self.x0 + self.wide / 2, y, "beside the main way", fill="quiet")
            y += 5
            for row in self.found.beside:
                y = self.row(c, row, y) + 4
        y += 6
        c.line([(0, y - 4), (self.ends[-1], y - 4)], "arc", 0.5)
        c.text(self.x0 - 12, y + 6, "in all", anchor="end", bold=True)
        for x, text in zip(self.ends[1:], (f"{self.found.parameters:,}", _macs(self.found.macs) or "0")):
            c.text(x, y + 6, text, anchor="end", bold=True)
        return c

    def title(self, c: Canvas) -> None:
        """The name of the net between the heads of the columns, or where it is longer, above them."""
        middle, name = self.x0 + self.wide / 2, self.found.name
        right = min(x - width(head, FONT, bold=True) for x, head in zip(self.ends, COLUMNS[2:]))
        if width(name, FONT, bold=True) / 2 <= min(middle - self.x0, right - GAP - middle):
            c.text(middle, 0, name, bold=True)
            return
        lines = wrapped(name, FONT, self.ends[-1], bold=True)
        for k, line in enumerate(lines):
            c.text(self.ends[-1] / 2, (k - len(lines)) * LINE - 3, line, bold=True)

    def row(self, c: Canvas, row: Stage, y: float) -> float:
        """One stage at y; returns where it ends."""
        notes = _wrapped(row.notes, self.wide - 16)
        bracketed = row.times > 1 or len(row.lines) > 1 or row.over is not None
        apart = APART if bracketed and notes else 0.0
        high = LINE * (len(row.lines) + len(notes)) + 2 * PAD + apart
        middle = self.x0 + self.wide / 2
        c.add(Group(f"{row}\n" + "\n".join(f"{n.name}: {n.op}" for n in row.nodes), "stage"))
        tone = FILL[SHADE[row.kind]]
        c.polygon([(self.x0, y), (self.x0 + self.wide, y), (self.x0 + self.wide, y + high), (self.x0, y + high)],
                  mixed(tone, "#ffffff", 0.72), width=0.5)
        c.polygon([(self.x0, y), (self.x0 + 3, y), (self.x0 + 3, y + high), (self.x0, y + high)], tone, width=0.5)
        top = y + PAD
        for k, line in enumerate(row.lines):
            c.text(middle, top + LINE * k + FONT, line, fill="#111111")
        if bracketed:
            half = max(width(line, FONT) for line in row.lines) / 2 + 4
            foot = top + LINE * len(row.lines)
            for side in (-1, 1):
                x = middle + side * half
                c.line([(x - side * 2.5, top), (x, top), (x, foot), (x - side * 2.5, foot)], "#111111", 0.6)
            if row.times > 1:
                c.text(middle + half + 4, (top + foot) / 2 + 2.5, f"×{row.times}", anchor="start", fill="#111111")
            if row.over:
                x, dash = middle - half, (2.0, 1.5) if row.over == "shortcut" else ()
                c.line([(x - 3, top), (x - 14, top), (x - 14, foot), (x - 3, foot)], "#111111", 0.7, dash, curve=True)
                c.polygon([(x - 2.5, foot), (x - 6.5, foot - 1.8), (x - 6.5, foot + 1.4)], "#111111", "#111111", 0.2)
        for k, line in enumerate(notes):
            c.text(middle, top + LINE * (len(row.lines) + k) + FONT + apart, line, fill="#3f4a5a")
        c.add(Group(None))
        base = y + high / 2 + 2.5
        c.text(self.x0 - 12, base, row.size, anchor="end")
        for x, text in zip(self.ends, _numbers(row)):
            if text:
                c.text(x, base, text, anchor="end", fill="quiet")
        return y + high


def _numbers(row: Stage) -> tuple[str, str, str]:
    return row.step, f"{row.parameters:,}" if row.parameters else "", _macs(row.macs)


def _macs(n: int | None) -> str:
    if n is None:
        return "?"
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return str(n) if n else ""


def _wrapped(notes: tuple[str, ...], room: float) -> list[str]:
    lines: list[str] = []
    for note in notes:
        if lines and width(f"{lines[-1]}, {note}", FONT) <= room:
            lines[-1] += f", {note}"
        else:
            lines.append(note)
    return lines
