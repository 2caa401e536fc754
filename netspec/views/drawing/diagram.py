"""Architecture diagrams: a graph as boxes and arcs, laid out for a page; `graphviz` does what layout there is.

A box is a step (a layer with its activation and normalisation) or a closed block, coloured by its kind; open blocks are frames,
equal turns are drawn once with xN, merges are small circles; what skips over something is drawn in blue, and what only gives a
size or places is dashed. A drawing that is too long for its page stands in columns, an encoder with its decoder as a U. Where no
depth is asked for, blocks are as deep open as lets all text be read on A4.
After Netron's idea that about a dozen colours draw every network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from typing import Literal, Protocol

from ...ir.graph import Graph
from ...plain import shown
from ..reading.closing import deepest
from .dot import dot_of
from .layout.board import Placed
from .layout.columns import MOST, Estimate, u_of
from .layout.placing import in_columns, single
from .layout.u import as_u, in_rows
from .legend import legend
from .looks import THEMES, Theme
from .pages import A4, LARGEST, READABLE, Page
from .scene import SMALL, TIGHTEST, Reading, Scene, fitted, flat, inlined, nearer

Direction = Literal["down", "right"]
ENOUGH = 0.9  # of its natural size: more columns would only spread what can be read well
FEWER = 1.04  # how much larger a drawing on a given page must become for one more column
# How tight a drawing is, whether its boxes have two lines at most, and what it is then worth beside one of the same size that is
# neither.
WORTH = ((0, False, 1.0), (1, False, 0.98), (1, True, 0.93), (2, False, 0.89), (3, False, 0.86), (3, True, 0.8))
CUT = 0.4  # what it is worth less if the text of every box is cut
FILLED = 0.6  # of a page, by boxes, at most
TRIES = 4  # layouts of one depth


class Lay(Protocol):
    """Lays a scene out; a roomy layout has frames wide enough for their titles to stand beside the arcs."""

    def __call__(self, *, roomy: bool = False) -> Placed: ...


BELOW = 12  # between the drawing and its legend


@dataclass(frozen=True)
class Wanted:
    """What is asked of a diagram."""

    direction: Direction = "down"
    depth: int | None = None  # blocks deeper than this are closed; None is as deep as can be read
    open: tuple[str, ...] = ()
    focus: str | None = None
    page: Page | None = None  # None is as large as the drawing is
    theme: str = "light"


@dataclass(frozen=True)
class Diagram:
    """The diagram of a network. `dot` is its Graphviz text, `svg` the drawing; a notebook shows it by itself."""

    graph: Graph
    wanted: Wanted = field(default_factory=Wanted)

    def __post_init__(self) -> None:
        if self.wanted.open or self.wanted.focus:
            _ = self._reading  # paths that no block has are refused now, and not when it is shown

    @property
    def theme(self) -> Theme:
        return THEMES[self.wanted.theme]

    @cached_property
    def dot(self) -> str:
        """All of it, nothing cut: DOT knows no pages. Blocks are closed only where that is asked for."""
        depth = self.wanted.depth if self.wanted.depth is not None or not self.wanted.open else 1
        return dot_of(self._reading.scene(depth), self.theme, "LR" if self.wanted.direction == "right" else "TB")

    @cached_property
    def svg(self) -> str:
        return self._page(*self._laid_out)

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.dot

    def __repr__(self) -> str:
        return f"Diagram of {shown(self.graph.name)}"

    @cached_property
    def _reading(self) -> Reading:
        return Reading(self.graph, self.wanted.open, self.wanted.focus)

    @cached_property
    def _laid_out(self) -> tuple[Scene, Placed]:
        """The deepest drawing whose text can be read on A4, as a U if it can be one; or the one that was asked for, as large as
        the page has room."""
        page = self.wanted.page or A4
        best: tuple[float, Scene, Placed] | None = None
        careful = replace(self._scenes[-1][0], careful=True)
        for way, scenes in ((self._as_u, self._scenes), (self._in_columns, self._scenes), (self._in_columns, [(careful, True)])):
            for scene, last in scenes:
                if not last and not _may_fit(scene, page):
                    continue
                for guess, how, lay in way(scene, page):
                    if (not last or scene.careful) and guess * SMALL < 0.92 * READABLE:
                        continue
                    placed, scale = self._best(how, lay, page)
                    if best is None or scale > best[0]:
                        best = scale, how, placed
                    if scale * SMALL >= READABLE:
                        return how, placed
        assert best is not None
        return best[1:]

    def _best(self, scene: Scene, lay: Lay, page: Page) -> tuple[Placed, float]:
        """A layout and its scale on the page; with room for the titles of frames where it can still be read with it."""
        placed = lay()
        scale = page.scale(*_with_legend(scene, placed, self.theme)[:2])
        if placed.crossed:
            again = lay(roomy=True)
            larger = page.scale(*_with_legend(scene, again, self.theme)[:2])
            if again.crossed < placed.crossed and larger * SMALL >= min(READABLE, scale * SMALL):
                return again, larger
        return placed, scale

    @cached_property
    def _scenes(self) -> list[tuple[Scene, bool]]:
        """The scene of each depth, deepest first, and whether it is the last."""
        if self.wanted.depth is not None or self.wanted.open:
            return [(inlined(self._reading.scene(self.wanted.depth or 1)), True)]
        scenes: list[Scene] = []
        for depth in range(deepest(self._reading.items), 0, -1):
            scene = inlined(self._reading.scene(depth))
            if not scenes or len(scene.boxes) < len(scenes[-1].boxes):
                scenes.append(scene)
        return [(s, s is scenes[-1]) for s in scenes]

    def _as_u(self, scene: Scene, page: Page) -> Iterator[tuple[float, Scene, Lay]]:
        """As a U, if the scene is an encoder and a decoder; one that flows to the right has a row for each level."""
        u, room = u_of(scene), page.room
        if u is None:
            return
        arms: list[tuple[float, Scene, Lay]] = []
        rows: list[tuple[float, Scene, Lay]] = []
        told: list[Scene] = []
        for tight in range(TIGHTEST + 1):
            row = fitted(scene, tight)
            if row not in told:
                told.append(row)
                for low in (fitted(flat(scene), tight), row):
                    arms.append((room[1] / max(Estimate(low, False).of_u(u), 1), low, partial(as_u, low, self.theme, u)))
                rows.append((page.scale(*Estimate(row, True).in_rows(u)), row, partial(in_rows, row, self.theme, u)))
        yield from [*rows, *arms] if self.wanted.direction == "right" else [*arms, *rows]

    def _in_columns(self, scene: Scene, page: Page) -> Iterator[tuple[float, Scene, Lay]]:
        """Ways to lay a scene out in columns, best first, each with how large it is guessed to stand on the page."""
        right = self.wanted.direction == "right"
        most = ENOUGH if self.wanted.page is None else LARGEST
        found: list[tuple[float, float, Scene, Lay]] = []
        near = nearer(scene)
        told: list[Scene] = []
        for tight, low, worth in WORTH:
            how = fitted(flat(near) if low else near, tight)
            if how in told:
                continue
            told.append(how)
            worth *= 1 - CUT * _cut(near, how)
            estimate = Estimate(how, right)
            for k in range(1, MOST + 1):
                starts = [0] if k == 1 else estimate.columns(k)
                if starts is None:
                    break
                along, across = estimate.size(starts)
                scale = page.scale(*((along, across) if right else (across, along)))
                lay: Lay = partial(single if k == 1 else in_columns, how, self.theme, right, starts)
                found.append((min(scale, most) * worth / FEWER ** k, scale, how, lay))
                if self.wanted.page is None and scale >= ENOUGH:
                    break
        for _, scale, how, lay in sorted(found, key=lambda f: -f[0])[:TRIES + 3 * scene.careful]:
            yield scale, how, lay

    def _page(self, scene: Scene, placed: Placed) -> str:
        """The drawing with its legend, on its page."""
        theme, page = self.theme, self.wanted.page
        wide, high, key = _with_legend(scene, placed, theme)
        body = f'<title>{escape(shown(scene.name))}</title>\n<g>\n{placed.body}</g>\n{key}'
        move = ""
        if page is not None:
            scale = page.scale(wide, high)
            move = (f' transform="translate({(page.width - scale * wide) / 2:.2f} {(page.height - scale * high) / 2:.2f}) '
                    f'scale({scale:.4f})"')
        w, h = (page.width, page.height) if page is not None else (wide, high)
        ground = f'<rect width="{w:.2f}" height="{h:.2f}" fill="{theme.page}"/>\n' if theme.page else ""
        patterns = theme.patterns({b.kind for b in scene.boxes})
        return (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{w:.2f}pt" '
                f'height="{h:.2f}pt" viewBox="0 0 {w:.2f} {h:.2f}" role="img">\n<defs>{patterns}</defs>\n{ground}'
                f'<g id="graph0" class="graph"{move}>\n{body}</g>\n</svg>\n')


def _cut(scene: Scene, fitted: Scene) -> float:
    """The share of boxes that have a text cut."""
    dots = [sum(line.count("…") for line in box.lines) for box in scene.boxes]
    return sum(sum(line.count("…") for line in box.lines) > n for n, box in zip(dots, fitted.boxes)) / len(scene.boxes)


def _may_fit(scene: Scene, page: Page) -> bool:
    """Whether a scene could be read on a page, as far as the area of its boxes says: layouts fill half of theirs, if that."""
    across, down = page.room
    return sum(b.width * b.height for b in scene.boxes) * (READABLE / SMALL) ** 2 < FILLED * across * down


def _with_legend(scene: Scene, placed: Placed, theme: Theme) -> tuple[float, float, str]:
    """Width, height, and the legend where it stands."""
    key, wide, high = legend(scene, theme, placed.width - 8)
    if not key:
        return placed.width, placed.height, ""
    return (max(placed.width, wide + 8), placed.height + BELOW / 2 + high + 4,
            f'<g transform="translate(4 {placed.height + BELOW / 2:.2f})">{key}</g>\n')


def diagram(graph: Graph, direction: Direction = "down", wanted: Wanted | None = None) -> Diagram:
    """The diagram of a layer graph, flowing down the page or to the right."""
    return Diagram(graph, wanted or Wanted(direction))
