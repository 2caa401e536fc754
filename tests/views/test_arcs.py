"""Arcs of a drawing, measured in its SVG: they run over no box, through no title, along no arc of another kind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from math import ceil, hypot
from typing import Any

import pytest
from test_pages import boxes, graph, moved, nets

import netspec
from netspec.views.drawing.diagram import Diagram, Wanted
from netspec.views.drawing.lettering import fitted, width
from netspec.views.drawing.pages import page
from sweeps import one_of_each
from where import ROOT

Point = tuple[float, float]
Rect = tuple[float, float, float, float]
CHEAP = {"wavenet": "WaveNet", "hed": "HED", "fcn": "FCN", "autoencoder": "U", "segnet": "U", "unet:unet": "U",
         "yolo:tiny_yolov3": "YOLO", "mobilenet_v2": "frames", "resnet_cifar:resnet20": "skips", "style": "outputs", "deeplab:fcn_resnet50": "sizes",
         "ssd": "many", "openpose": "many"}


@dataclass
class Drawn:
    source: str
    target: str
    kind: str
    points: list[Point]
    tip: Point | None
    label: Rect | None


def path(d: str, dx: float, dy: float) -> list[Point]:
    """Points of a path, a point apart or less."""
    tokens = re.findall(r"[MLCQ]|-?[\d.]+", d)
    points: list[Point] = []
    at, letter = 0, "M"

    def pair() -> Point:
        nonlocal at
        at += 2
        return float(tokens[at - 2]) + dx, float(tokens[at - 1]) + dy

    while at < len(tokens):
        if tokens[at].isalpha():
            letter, at = tokens[at], at + 1
        if letter == "M":
            points.append(pair())
            letter = "L"
            continue
        knots = [points[-1], *(pair() for _ in range({"L": 1, "Q": 2, "C": 3}[letter]))]
        n = ceil(hypot(knots[-1][0] - knots[0][0], knots[-1][1] - knots[0][1])) + 1
        points += [_bezier(knots, k / n) for k in range(1, n + 1)]
    return points


def _bezier(knots: list[Point], t: float) -> Point:
    while len(knots) > 1:  # de Casteljau
        knots = [(a[0] * (1 - t) + b[0] * t, a[1] * (1 - t) + b[1] * t) for a, b in itertools.pairwise(knots)]
    return knots[0]


def texts(element: str, dx: float, dy: float) -> Iterator[tuple[str, Rect]]:
    for attributes, text in re.findall(r"<text([^>]*)>([^<]*)<", element):
        x, y, size = (float(re.search(rf' {a}="([-\d.]+)"', attributes)[1]) for a in ("x", "y", "font-size"))  # type: ignore[index]
        wide = width(unescape(text), size)
        x -= wide / 2 if 'text-anchor="middle"' in attributes else 0
        yield unescape(text), (x + dx, y + dy - 0.7 * size, x + dx + wide, y + dy + 0.15 * size)


def arcs(svg: str) -> list[Drawn]:
    found = []
    stack = [(0.0, 0.0)]
    for m in re.finditer(r"<g ([^>]*)>|</g>", svg):
        if m[0] == "</g>":
            stack.pop()
            continue
        x, y = stack[-1]
        move = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)(?! scale)", m[1])
        stack.append((x + float(move[1]), y + float(move[2])) if move else (x, y))
        if edge := re.search(r'class="edge ?(\w*)"', m[1]):
            element = svg[m.end():svg.index("</g>", m.end())]
            source, target = re.split(r"(?:-|&#45;)&gt;", re.search(r"<title>(.*?)</title>", element, re.DOTALL)[1])  # type: ignore[index]
            d = re.search(r'<path[^>]* d="([^"]*)"', element)
            assert d is not None
            label = next((r for _, r in texts(element, *stack[-1])), None)
            points, tip = path(d[1], *stack[-1]), None
            if arrow := re.search(r'<polygon[^>]* points="([^"]*)"', element):
                corners = path("M" + arrow[1], *stack[-1])
                tip = max(corners, key=lambda p: min(hypot(p[0] - e[0], p[1] - e[1]) for e in (points[0], points[-1])))
            found.append(Drawn(unescape(source), unescape(target), edge[1] or "data", points, tip, label))
    return found


def frames(svg: str) -> list[Rect]:
    found = []
    for what, element, dx, dy in moved(svg):
        outline = re.search(r' d="([^"]*)"', element) if what == "cluster" else None
        if outline:
            xs, ys = zip(*path(re.sub("Z", "", outline[1]), dx, dy))
            found.append((min(xs), min(ys), max(xs), max(ys)))
    return found


def along(arc: Drawn, frame: Rect) -> float:
    """How far an arc runs along a border, in points."""
    found = 0.0
    for p, q in itertools.pairwise(arc.points):
        for d, e in ((0, 1), (1, 0)):
            straight = abs(p[e] - q[e]) < 0.3 * abs(p[d] - q[d])
            near = min(abs(p[e] - frame[e]), abs(p[e] - frame[e + 2])) < 2.2
            found += hypot(q[0] - p[0], q[1] - p[1]) if straight and near and frame[d] < p[d] < frame[d + 2] else 0
    return found


def within(p: Point, r: Rect, inset: float) -> bool:
    return r[0] + inset < p[0] < r[2] - inset and r[1] + inset < p[1] < r[3] - inset


def clear(svg: str) -> None:
    svg = re.sub(r'(<g id="graph0" class="graph") transform="[^"]*"', r"\1", svg)
    stand, drawn = boxes(svg), arcs(svg)
    titles = [(t, r) for what, element, dx, dy in moved(svg) if what == "cluster" and "<rect" not in element
              for t, r in texts(element, dx, dy)]
    for arc in drawn:
        for name, r in stand.items():
            over = name not in (arc.source, arc.target) and any(within(p, r, 1) for p in arc.points)
            assert not over, f"{arc.source} {arc.target} over {name}"
        for title, r in titles:
            assert sum(within(p, r, 0) for p in arc.points) < 2, f"{arc.source} {arc.target} through {title}"
        if arc.label is not None:
            a = arc.label
            for name, r in stand.items():
                assert a[2] <= r[0] + 1 or r[2] <= a[0] + 1 or a[3] <= r[1] + 1 or r[3] <= a[1] + 1, f"a word over {name}"
            touched = any(within(p, a, -1) for other in drawn for p in (*other.points, *filter(None, [other.tip])))
            assert not touched, f"a word of {arc.source} on an arc"
        for frame in frames(svg):
            assert along(arc, frame) < 24, f"{arc.source} {arc.target} along a frame"
    for a, b in itertools.combinations([a for a in drawn if a.tip], 2):
        apart = a.tip and b.tip and hypot(a.tip[0] - b.tip[0], a.tip[1] - b.tip[1])
        assert a.target != b.target or a.source == b.source or apart > 4.6, f"{a.source} and {b.source} share an arrow"
    cells: dict[tuple[int, int], set[int]] = {}
    for k, arc in enumerate(drawn):
        for x, y in arc.points:
            cells.setdefault((int(x // 2), int(y // 2)), set()).add(k)
    shared: dict[tuple[int, int], int] = {}
    for there in cells.values():
        for a in there:
            for b in there:
                if a < b and drawn[a].kind != drawn[b].kind:
                    shared[a, b] = shared.get((a, b), 0) + 1
    for (a, b), n in shared.items():
        assert n < 8, f"{drawn[a]} lies on {drawn[b]}"


@pytest.mark.parametrize("name", one_of_each(nets(), lambda n: CHEAP.get(n) or CHEAP.get(n.partition(":")[0]), 1))
def test_arcs_of_a_shipped_net_are_clear(name: str) -> None:
    clear(Diagram(graph(name)).svg)


@pytest.mark.parametrize("name", ["unet:unet", "segnet", "autoencoder"])
@pytest.mark.parametrize("sheet", ["a4", "slide"])
def test_an_encoder_and_its_decoder_are_a_u_to_the_right_too(name: str, sheet: str) -> None:
    picture = Diagram(graph(name), Wanted("right", page=page(sheet)))
    if name != "autoencoder":  # one of its arcs has no other way than through a title
        clear(picture.svg)
    found = boxes(picture.svg)
    order = [b.name for b in picture._laid_out[0].boxes if not b.name.startswith("output")]
    ups = [n for n in order if "deconv" in n or "unpool" in n]
    downs = [n for n in order if re.search(r"pool\d", n) and n not in ups]
    for names, sign in ((downs, 1), (ups, -1)):
        assert len(names) > 1 and all(sign * (found[b][1] - found[a][1]) > 0 for a, b in itertools.pairwise(names))
    assert max(found[n][2] for n in downs) < min(found[n][0] for n in ups)


HOURGLASS = """
block hourglass(level, n):
  add:
    | conv n 3x3 bn relu
    | maxpool 2 -> conv n 3x3 bn relu -> inner level n -> conv n 3x3 bn relu -> up 2

block inner(level, n):
  if level > 1:
    hourglass level-1 n
  else:
    conv n 3x3 bn relu

net hour:
  input 3x128x128
  conv 32 7x7 /2 bn relu
  hourglass LEVELS 32
  conv 16 1x1
"""


@pytest.mark.parametrize("levels", [3, 4])
def test_the_line_of_a_u_goes_round_what_stands_on_its_skips(levels: int) -> None:
    picture = netspec.load_graph(text=HOURGLASS.replace("LEVELS", str(levels))).diagram()
    clear(picture.svg)
    assert "<rect" not in "".join(e for what, e, _, _ in moved(picture.svg) if what == "cluster")  # no title on an arc


ENCODER = """
default conv relu

net encdec:
  input 3x64x64
  e1: conv 8 3x3
  maxpool 2
  e2: conv 16 3x3
  maxpool 2
  conv 32 3x3
  up 2
  concat @e2
  d2: conv 16 3x3
  up 2
  concat @e1
  d1: conv 8 3x3
  output aux: @d2 -> conv 4 1x1
  output main: @d1 -> conv 4 1x1
"""


@pytest.mark.parametrize("way", ["down", "right"])
def test_a_head_on_one_of_its_levels_leaves_a_u_a_u(way: Any) -> None:
    svg = netspec.load_graph(text=ENCODER).diagram(direction=way).svg
    clear(svg)
    found = boxes(svg)
    assert max(found[n][2] for n in ("e1", "maxpool1", "e2", "maxpool2")) < min(found[n][0] for n in ("up1", "d2", "up2", "d1"))
    if way == "down":
        assert found["up2"][3] < found["aux"][1] < found["d2"][1]  # the head stands behind what it reads, within its level


@pytest.mark.parametrize("name", ["googlenet", "mobilenet_v3:mobilenet_v3_large"])
def test_calls_are_whole_where_the_page_has_room(name: str) -> None:
    svg = Diagram(graph(name), Wanted(page=page("a4"))).svg
    calls = [t for t in re.findall(r"<text[^>]*>([^<]*)<", svg) if t.startswith(("inception", "inverted"))]
    assert len(calls) >= 9 and sum("…" in t for t in calls) <= 2


def test_a_number_is_shown_whole_or_not_at_all() -> None:
    text = "inception 192 96 208 16 48 64, 64×112×112 eps=0.001 1e-05 3x3 a1234567"
    for most in range(20, 340):
        shown = fitted(text, 9, most)
        assert shown == text or (shown.endswith("…") and width(shown, 9) <= most)
        left, rest = shown.removesuffix("…"), text.removeprefix(shown.removesuffix("…"))
        last = left.rpartition(" ")[2].rpartition("=")[2]
        assert not (last[:1].isdigit() and rest[:1] not in ("", " ", ","))


def titles(svg: str) -> list[str]:
    return [" ".join(t for t, _ in texts(element, 0, 0)) for what, element, _, _ in moved(svg) if what == "cluster"]


@pytest.mark.parametrize("name", ["flowers", "autoencoder"])
def test_a_block_that_is_cut_says_so(name: str) -> None:
    found = titles(Diagram(graph(name)).svg)
    assert len(found) == len(set(found))
    assert any(re.search(r"\w(, continued)? \(2 of \d\)", t) for t in found)


@pytest.mark.parametrize("asked", [{}, {"page": "a4"}, {"direction": "right"}])
def test_where_there_is_room_a_label_has_all_of_it(asked: dict[str, Any]) -> None:
    svg = netspec.load_graph(ROOT / "specs" / "mobilenet_v3.net", "mobilenet_v3_small").diagram(**asked).svg
    shown = re.findall(r"<text[^>]*>([^<]*)<", svg)
    assert "inverted 5x5 96 40 hardswish se=yes /2" in shown or asked.get("direction") == "right"
    assert sum(" params" in t for t in shown) == sum(" MACs" in t for t in shown) >= 10


@pytest.mark.parametrize("letters", [38, 254])
def test_a_long_name_makes_no_broad_drawing(letters: int) -> None:
    long = "n" * letters
    text = (f"block {long}b(n):\n  conv n 3x3\n  conv n 3x3\n\nnet a:\n  input {long}i 3x8x8\n  {long}: conv 4 3x3 relu\n"
            f"  {long}c: {long}b 4\n  conv 4 3x3\n  {long}o: add @{long}\n")
    for asked in ({}, {"page": "a4"}, {"depth": 1}, {"direction": "right"}):
        picture = netspec.load_graph(text=text).diagram(**asked)  # type: ignore[arg-type]
        sizes = re.search(r'<svg [^>]*width="([\d.]+)pt" height="([\d.]+)pt"', picture.svg)
        assert sizes is not None and float(sizes[1]) < 700 and float(sizes[2]) < 900
        assert letters < 100 or long not in re.sub(r"<title>.*?</title>|xlink:title=\"[^\"]*\"", "", picture.svg, flags=re.DOTALL)
