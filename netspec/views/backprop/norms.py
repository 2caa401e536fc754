"""The tensors of a large network by their norms: forward step by step how large the values are, then backward the gradients.

A bar is as long as the logarithm of a norm says, the root of the sum of squares: a network whose gradients vanish or explode
shows it as a slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..drawing.lettering import fitted, fitted_end, width
from ..drawing.looks import THEMES, Theme
from ..drawing.sheet import Sheet
from .drawn import said
from .film import Film

WIDE, EDGE, TOP, LINE = 860.0, 24.0, 84.0, 17.0
NAMES, BAR = 300.0, 150.0
MOST = 48  # rows


@dataclass(frozen=True)
class Norm:
    """A step of the network: the norms of its value, of the gradient of the loss by it, and of those of its weights.

    None is what nobody computes: the gradient of a softmax that its loss computes itself, the weights of a pool."""

    name: str
    text: str
    kind: str  # of a box in a drawing
    value: float
    gradient: float | None
    weights: float | None = None
    steps: float | None = None  # of the gradient by the weights


def drawn(rows: Sequence[Norm], title: str, loss: str, theme: Theme = THEMES["light"]) -> Film:
    """A row a step. Of more steps than fit, those with weights; of too many of those some, evenly."""
    return _Drawing(_few(rows), title, loss, theme).film


class _Drawing:
    def __init__(self, rows: Sequence[Norm], title: str, loss: str, theme: Theme):
        self.rows, self.theme, self.down = rows, theme, theme.ink("merge")
        sheet = Sheet(WIDE, TOP + len(rows) * LINE + EDGE + 8, theme, title)
        self.film = Film(sheet, title)
        every = [n for r in rows for n in (r.value, r.gradient) if n and math.isfinite(n)]
        self.low = math.floor(math.log10(min(every, default=1)))
        self.high = max(math.ceil(math.log10(max(every, default=10))), self.low + 1)
        lefts = [EDGE + NAMES, EDGE + NAMES + BAR + 52]
        sheet.text(EDGE, EDGE + 6, title, 14, bold=True)
        right = EDGE + NAMES + 2 * BAR + 112
        for left, head, colour in ((lefts[0], "norm of the value", theme.skip), (lefts[1], "norm of the gradient", self.down),
                                   (right, "weights: gradient / norm", theme.label)):
            sheet.text(left, TOP - 22, head, 10, colour, bold=True)
        for left in lefts:
            self.scale(left)
        steps, begin = len(rows), len(rows) + 1
        for k, r in enumerate(rows):
            y = TOP + k * LINE
            sheet.rect(EDGE, y + 3, 8, 8, theme.ink(r.kind), theme.fill(r.kind))
            name = fitted_end(r.name, 10, NAMES * 0.55)
            sheet.text(EDGE + 13, y + 11, name, 10)
            left = EDGE + 13 + width(name, 10) + 8
            sheet.text(left, y + 11, fitted(r.text, 9, EDGE + NAMES - 8 - left) if r.text != r.name else "", 9, theme.quiet)
            with self.film.during(k + 1):
                self.bar(lefts[0], y, r.value, theme.skip)
            turn = begin + steps - k
            with self.film.during(turn):
                if r.gradient is not None:
                    self.bar(lefts[1], y, r.gradient, self.down)
                if r.weights and r.steps is not None:
                    sheet.text(right, y + 11, f"{said(r.steps)} / {said(r.weights)}", 9, theme.label)
        for k, r in enumerate(rows):
            self.step(k + 1, k, f"forward: {r.name} makes values of norm {said(r.value)}")
        self.step(begin, len(rows) - 1, f"backward begins: {loss}")
        for n, k in enumerate(reversed(range(len(rows))), 1):
            r = rows[k]
            self.step(begin + n, k, f"backward: the gradient by {r.name} has norm {said(r.gradient)}" if r.gradient is not None
                      else f"backward: nobody computes the gradient by {r.name}")

    def scale(self, left: float) -> None:
        """Powers of ten, at most five of them."""
        every = max(1, math.ceil((self.high - self.low) / 4))
        for power in range(self.low, self.high + 1, every):
            x = left + (power - self.low) / (self.high - self.low) * BAR
            self.film.sheet.line([(x, TOP - 4), (x, TOP + len(self.rows) * LINE)], self.theme.frame, 0.5, "1 3")
            self.film.sheet.text(x, TOP - 8, f"1e{power}".replace("-", "−"), 8, self.theme.quiet, anchor="middle")

    def bar(self, left: float, y: float, norm: float, colour: str) -> None:
        long = 0.0
        if norm and math.isfinite(norm):
            long = max(1.0, (math.log10(norm) - self.low) / (self.high - self.low) * BAR)
            self.film.sheet.rect(left, y + 3, long, 9, "none", colour, opacity=0.6)
        self.film.sheet.text(left + long + 4, y + 11, said(norm), 9, self.theme.text)

    def step(self, number: int, k: int, text: str) -> None:
        self.film.captions.append(text)
        with self.film.during(number, number) as sheet:
            sheet.rect(EDGE - 6, TOP + k * LINE - 1, WIDE - 2 * EDGE + 12, LINE, self.theme.skip, thick=1.5)
            sheet.text(EDGE, EDGE + 26, text, 11, self.theme.label)


def _few(rows: Sequence[Norm]) -> Sequence[Norm]:
    if len(rows) <= MOST:
        return rows
    learning = [r for r in rows if r.weights is not None]
    some = learning if learning else rows
    return some if len(some) <= MOST else [some[round(k * (len(some) - 1) / (MOST - 1))] for k in range(MOST)]
