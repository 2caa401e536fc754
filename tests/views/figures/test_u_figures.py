"""Nets that go down and up again are a U, whatever leaves or follows them: sizes level with each other, arrows at slices."""

from __future__ import annotations

import pytest
from test_figures import legible

import netspec
from netspec.ir.graph import Graph
from netspec.views.figures.canvas import Path
from netspec.views.figures.figure import Figure
from netspec.views.figures.paint import ACROSS, FILL
from netspec.views.figures.u import is_u

DOWN = """  input 3x64x64
  a: conv 8 3x3 -> conv 8 3x3
  maxpool 2
  b: conv 16 3x3 -> conv 16 3x3
  maxpool 2
  middle: conv 32 3x3 -> conv 32 3x3
"""
DECONV = "  deconv 16 2x2 /2 -> concat @b -> conv 16 3x3\n  deconv 8 2x2 /2 -> concat @a\n  last: conv 8 3x3\n"
UP = "  up 2 -> conv 16 3x3 -> concat @b -> conv 16 3x3\n  up 2 -> conv 8 3x3 -> concat @a\n  last: conv 8 3x3\n"
ADDED = "  up 2 -> conv 16 3x3 -> add @b -> conv 16 3x3\n  up 2 -> conv 8 3x3 -> add @a\n  last: conv 8 3x3\n"
ENDS = {
    "one output": "  conv 2 1x1\n",
    "a classifier": "  avgpool global\n  fc 32 relu\n  fc 5\n",
    "two heads": "  output mask: @last -> conv 1 1x1\n  output depth: @last -> conv 4 3x3 -> conv 1 1x1\n",
    "one at the bottom": "  output mask: conv 2 1x1\n  output label: @middle -> avgpool global -> fc 9 relu -> fc 5\n",
}


def graph_of(text: str) -> Graph:
    return netspec.load_graph(text=f"net a:\n{text}").graph


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("up", [DECONV, UP, ADDED])
def test_heads_leave_a_u_a_u(up: str, end: str) -> None:
    graph = graph_of(DOWN + up + ENDS[end])
    figure = Figure(graph)
    assert is_u(figure.picture)
    legible(graph)
    said = [t for t in figure.canvas.texts if "×" in t.text]
    for size in ("64×64×8", "32×32×16"):
        also = ("64×64×2", "64×64×1") if size == "64×64×8" else ()
        left, *_, right = sorted((t for t in said if t.text in (size, *also)), key=lambda t: t.x)
        assert left.x < right.x and abs(left.y - right.y) < 0.1, size
    across = [p for p in figure.canvas.items if isinstance(p, Path) and p.stroke == ACROSS[0] and not p.closed]
    assert len(across) == 2 + 1, "and the legend's"
    words = {t.text: t for t in figure.canvas.texts}
    if end == "one at the bottom":
        low = words["16×16×32"]
        assert words["label: 5"].x > low.x and words["label: 5"].y < low.y and "fc 9, fc 5" in words
    if end == "two heads":
        assert words["mask: 64×64×1"].y < words["64×64×8"].y - 50 and "depth" in words
    if end == "a classifier":
        avgpool, ten = words["avgpool"], words["5"]
        assert max(t.x for t in said if t.text.startswith("64×64×8")) < avgpool.x < ten.x


def test_levels_of_a_block_that_adds_are_level_too() -> None:
    """The hourglass of sums with a convolution on each skip, and a residual U: arcs over blocks stay arcs."""
    blocks = "block res(n):\n  residual:\n    conv n 3x3 relu -> conv n 3x3\n  relu\n\n"
    graph = netspec.load_graph(text=blocks + "net a:\n  input 3x64x64\n  conv 8 3x3\n  a: res 8\n  conv 16 3x3 /2\n  b: res 16\n"
                               "  conv 32 3x3 /2\n  res 32\n  up 2 -> conv 16 3x3 -> add @b\n  res 16\n"
                               "  up 2 -> conv 8 3x3 -> add @a\n"
                               "  res 8\n  conv 1 1x1\n").graph
    figure = Figure(graph)
    assert is_u(figure.picture)
    legible(graph)
    assert sum(isinstance(p, Path) and p.curve for p in figure.canvas.items) == 5, "an arc over each block"
    assert {"carried over and added", "addition"} <= {t.text for t in figure.canvas.texts}


@pytest.mark.parametrize("up", [DECONV, UP])
def test_the_arrow_from_below_points_at_the_slice_that_is_made_larger(up: str) -> None:
    items = Figure(graph_of(DOWN + up + ENDS["one output"])).canvas.items
    fronts = [p.points for p in items if isinstance(p, Path) and p.fill == FILL["up"] and p.closed
              and len({y for _, y in p.points}) == 2 and abs(p.points[0][0] - p.points[3][0]) < 0.01][:-1]  # but for the legend's
    tips = [p.points[-1] for p in items if isinstance(p, Path) and p.stroke == "#b07a17" and not p.closed]
    assert len(tips) == len(fronts) == 2
    for x, y in tips:
        front = next([px for px, _ in f] for f in fronts if abs(max(py for _, py in f) - y) < 3)
        assert min(front) + 1 < x < max(front) - 1


def test_what_is_joined_behind_the_first_slab_is_led_to_its_slice() -> None:
    items = Figure(graph_of(DOWN + UP + ENDS["one output"])).canvas.items
    tops = [p.points for p in items if isinstance(p, Path) and p.pattern == "dots" and p.closed
            and p.points[0][1] == p.points[1][1] > p.points[2][1] and p.points[2][0] > p.points[1][0]]
    lines = [p.points for p in items if isinstance(p, Path) and p.stroke == ACROSS[0] and not p.closed][:-1]
    assert len(tops) == len(lines) == 2

    def meets(top: tuple[tuple[float, float], ...], x: float, y: float) -> bool:
        share = (top[0][1] - y) / (top[0][1] - top[3][1])  # how far back
        lean = share * (top[3][0] - top[0][0])
        return 0 < share < 1 and top[0][0] + lean < x < top[1][0] + lean

    assert [sum(meets(top, *line[-1]) for line in lines) for top in tops] == [1, 1]


def test_what_is_no_u_is_none() -> None:
    """A head beside the way down would stand in the way of what is carried over; an arc between two levels is not level."""
    for text in (DOWN + DECONV + "  output main: conv 2 1x1\n  output early: @b -> conv 1 1x1\n",
                 DOWN + "  up 2 -> concat @b -> conv 16 3x3\n  up 2 -> conv 8 3x3\n  conv 2 1x1\n"):
        graph = graph_of(text)
        assert not is_u(Figure(graph).picture)
        legible(graph)
