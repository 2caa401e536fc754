"""Nets that no paper has drawn: vectors alone, pictures made of vectors, blocks that contain themselves, several inputs."""

from __future__ import annotations

import re
from math import sqrt

import pytest
from test_figures import legible

import netspec
from netspec.ir.graph import Graph
from netspec.views.figures.canvas import Canvas, Group, Path
from netspec.views.figures.figure import Figure
from netspec.views.figures.reading import read

TREE = """block tree(depth, n):
  if depth == 0:
    conv n 3x3
  else:
    add:
      | tree depth-1 n
      | conv n 3x3 -> tree depth-1 n
    relu

net a:
  input 3x16x16
  conv 8 3x3
  tree {depth} 8
  fc 10
"""
FRACTAL = """block fractal(depth, n):
  if depth == 0:
    conv n 3x3
  else:
    mean:
      | conv n 3x3
      | fractal depth-1 n -> fractal depth-1 n

net a:
  input 3x16x16
  fractal {depth} 8
  fc 10
"""


def graph_of(body: str) -> Graph:
    return netspec.load_graph(text=body if "net " in body else f"net a:\n  {body}\n").graph


def heights(canvas: Canvas, kinds: tuple[str, ...]) -> list[float]:
    """Of the fronts of all volumes of these kinds."""
    found, kind = [], ""
    for item in canvas.items:
        if isinstance(item, Group):
            kind, first = item.kind if item.title else "", True
        elif kind in kinds and isinstance(item, Path) and first:
            found.append(max(y for _, y in item.points) - min(y for _, y in item.points))
            first = False
    return found


@pytest.mark.parametrize(("body", "said", "sizes"), [
    ("input 2\n  fc 3 tanh\n  fc 1 sigmoid", "units to scale", (2, 3, 1)),
    ("input 1x28x28\n  fc 512 relu\n  fc 256 relu\n  fc 64\n  fc 10", "units by square root", (512, 256, 64, 10)),
    ("input 64\n  fc 64\n  fc 32\n  fc 16", "units to scale", (64, 64, 32, 16))])
def test_vectors_alone_are_columns_to_scale(body: str, said: str, sizes: tuple[int, ...]) -> None:
    graph = graph_of(body)
    svg = legible(graph)
    assert said in svg and "cut" not in svg
    columns = heights(Figure(graph).canvas, ("fc",) if "x" in body else ("input", "fc"))
    share = [(k if said == "units to scale" else sqrt(k)) / columns[i] for i, k in enumerate(sizes)]
    assert share == pytest.approx([share[0]] * len(sizes), rel=1e-6)
    assert max(columns) >= 30 and max(columns) > 4 * 5.0, "columns, five points wide"


def test_few_units_are_told_apart() -> None:
    items = Figure(graph_of("input 2\n  fc 3 tanh\n  fc 1 sigmoid")).canvas.items
    assert sum(isinstance(i, Path) and i.stroke == "#ffffff" and not i.closed for i in items) == 2


@pytest.mark.parametrize("body", ["input 1x28x28\n  conv 8 3x3 /2\n  fc 4\n  fc 392 relu\n  reshape 8x7x7\n  deconv 4 4x4 /2 pad=1\n"
                                  "  deconv 1 4x4 /2 pad=1", "input 16\n  fc 392 relu\n  reshape 8x7x7\n  up 2\n  conv 1 3x3"])
def test_a_picture_made_of_a_vector_is_a_volume(body: str) -> None:
    graph = graph_of(body)
    svg = legible(graph)
    assert ">7×7×8<" in svg and ">reshape<" in svg and ">reshaped<" in svg
    assert sum(v.word == "reshape" for v in read(graph).volumes) == 1


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_tree_is_opened_along_its_longest_way(depth: int) -> None:
    graph = graph_of(TREE.format(depth=depth))
    svg = legible(graph)
    picture = read(graph)
    assert not any(v.kind == "closed" for v in picture.volumes)
    assert sum(v.kind == "conv" for v in picture.volumes) == depth + 2
    round_it = [len(a.nodes) for a in picture.arcs] + [1 for u in picture.units if u.over]
    assert sorted(round_it) == [2 ** k - 1 for k in range(1, depth + 1)], "all convolutions of what goes round"
    assert depth < 3 or "tree1: 7 × 3×3" in svg


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_goes_round_blocks_is_an_arc_above_theirs(depth: int) -> None:
    graph = graph_of(FRACTAL.format(depth=depth))
    legible(graph)
    picture = read(graph)
    assert len(picture.arcs) + sum(u.over is not None for u in picture.units) == 2 ** depth - 1


def test_a_residual_of_residuals_has_all_its_sums() -> None:
    block = "block res(n):\n  residual:\n    conv n 3x3 relu -> conv n 3x3\n  relu\n\n"
    graph = graph_of(block + "net a:\n  input 3x16x16\n  conv 8 3x3\n  residual:\n    res 8\n    res 8\n  relu\n  fc 3\n")
    legible(graph)
    assert sum(isinstance(p, Path) and p.curve for p in Figure(graph).canvas.items) == 3


def test_letters_of_all_rows_follow_each_other() -> None:
    """Those of inputs and those of arcs that go to another row: no letter means two things, and the first is a."""
    block = "block res(n):\n  residual:\n    conv n 3x3 relu -> conv n 3x3\n  relu\n\n"
    body = "net a:\n  input x 3x32x32\n  input y 3x32x32\n  input z 4\n  left: @y -> conv 16 3x3 relu\n  @x -> conv 16 3x3 relu\n"
    body += "  concat @left\n" + "  res 32\n" * 9 + "  fc 9\n  concat @z\n  fc 3\n"
    svg = legible(graph_of(block + body))
    letters = re.findall(r'font-style="italic"[^>]*>([a-z])(?:: \w+)?<', svg)
    first = list(dict.fromkeys(letters))
    assert first == sorted(first) and first[0] == "a" and len(first) >= 2
    assert all(letters.count(letter) == 2 for letter in first), letters


def test_a_letter_stands_above_the_arc_over_its_block() -> None:
    graph = graph_of("input x 3x32x32\n  input y 3x32x32\n  left: @y -> conv 16 3x3 relu -> maxpool 2\n"
                     "  @x -> conv 16 3x3 relu -> maxpool 2\n  b: conv 16 3x3\n  conv 16 3x3 -> mul @left -> concat @b\n  fc 3")
    items = Figure(graph).canvas.items
    curves = [p.points for p in items if isinstance(p, Path) and p.curve]
    words = next(t for t in Figure(graph).canvas.texts if t.text.endswith("mul"))
    over = [c for c in curves if c[0][0] < words.x < c[3][0]]
    assert over and all(words.y < (c[0][1] + 3 * c[1][1] + 3 * c[2][1] + c[3][1]) / 8 for c in over)
