"""Drawings on a page: their text can be read, their boxes stand apart, and they show all of the graph."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.cli import main
from netspec.diagnostics import UsageError
from netspec.elaborate.nets import callable_nets
from netspec.ir.graph import Graph
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse
from netspec.views.drawing.diagram import Diagram, Wanted
from netspec.views.drawing.lettering import width
from netspec.views.drawing.pages import A4, page
from netspec.views.drawing.scene import Reading
from netspec.views.reading.steps import Closed
from sweeps import one_of_each
from where import ROOT

Rect = tuple[float, float, float, float]
CHEAP = ("lenet", "alexnet", "vgg:vgg16", "segnet", "autoencoder", "siamese", "unet:unet", "digits", "hed",
         "resnet_cifar:resnet20")


def nets() -> list[str]:
    found = []
    for path in sorted((ROOT / "specs").glob("*.net")):
        found += [f"{path.stem}:{item.name}" for item in callable_nets(parse(read_source(path)))]
    return sorted(found, key=lambda n: not {n, n.partition(":")[0]} & set(CHEAP))


@cache
def graph(name: str) -> Graph:
    file, _, net = name.partition(":")
    return netspec.load_graph(ROOT / "specs" / f"{file}.net", net or None).graph


@cache
def drawn(name: str) -> Diagram:
    return Diagram(graph(name))


def size(svg: str) -> tuple[float, float]:
    return number(r"<svg [^>]* width=\"([\d.]+)pt\"", svg), number(r"<svg [^>]* height=\"([\d.]+)pt\"", svg)


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None
    return float(found[1])


def smallest(svg: str) -> float:
    return min(map(float, re.findall(r'font-size="([\d.]+)"', svg)))


def moved(svg: str) -> list[tuple[str, str, float, float]]:
    """(class, element, x, y) of each node and frame: its element, and by how much what it lies in has moved it."""
    found, stack = [], [(0.0, 0.0)]
    for m in re.finditer(r'<g ([^>]*)>|</g>|(<g )', svg):
        if m[0] == "</g>":
            stack.pop()
            continue
        x, y = stack[-1]
        if move := re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", m[1] or ""):
            x, y = x + float(move[1]), y + float(move[2])
        stack.append((x, y))
        if what := re.search(r'class="(node|cluster)"', m[1] or ""):
            found.append((what[1], svg[m.end():svg.index("</g>\n</g>" if "<g id=\"a_" in svg[m.end():m.end() + 200] else "</g>",
                                                         m.end())], x, y))
    return found


def boxes(svg: str) -> dict[str, Rect]:
    """Where each box stands."""
    found = {}
    for what, element, dx, dy in moved(svg):
        if what == "node":
            name = unescape(re.search(r"<title>(.*?)</title>", element, re.DOTALL)[1])  # type: ignore[index]
            if ellipse := re.search(r'cx="([-\d.]+)" cy="([-\d.]+)" rx="([\d.]+)" ry="([\d.]+)"', element):
                x, y, rx, ry = map(float, ellipse.groups())
                found[name] = (x - rx + dx, y - ry + dy, x + rx + dx, y + ry + dy)
            else:
                pairs = re.findall(r"(-?[\d.]+),(-?[\d.]+)", "".join(re.findall(r' (?:d|points)="([^"]*)"', element)))
                xs, ys = [float(p[0]) for p in pairs], [float(p[1]) for p in pairs]
                found[name] = (min(xs) + dx, min(ys) + dy, max(xs) + dx, max(ys) + dy)
    return found


def arcs(svg: str) -> set[tuple[str, str, str]]:
    found = re.findall(r'class="edge ?(\w*)">\s*<title>(.*?)</title>', svg, re.DOTALL)
    ends = [(kind, re.split(r"(?:-|&#45;)&gt;", title)) for kind, title in found]
    return {(unescape(source), unescape(target), kind) for kind, (source, target) in ends}


NETS = one_of_each(nets(), lambda n: n if {n, n.partition(":")[0]} & set(CHEAP) else None, 1)


@pytest.mark.parametrize("name", NETS)
def test_text_can_be_read_on_a4(name: str) -> None:
    svg = drawn(name).svg
    across, down = A4.room
    wide, high = size(svg)
    assert min(across / wide, down / high) * smallest(svg) >= 7


@pytest.mark.parametrize("name", NETS)
def test_every_arc_and_every_box_is_there_once(name: str) -> None:
    picture = drawn(name)
    scene, _ = picture._laid_out
    assert arcs(picture.svg) == {(a.source, a.target, "" if a.target.startswith("output ") else a.kind) for a in scene.arcs}
    assert sorted(boxes(picture.svg)) == sorted(b.name for b in scene.boxes)


@pytest.mark.parametrize("name", NETS)
def test_boxes_stand_apart_and_hold_their_text(name: str) -> None:
    svg = drawn(name).svg
    found = boxes(svg)
    for (a, (x0, y0, x1, y1)), (b, (u0, v0, u1, v1)) in combinations(found.items(), 2):
        assert x1 <= u0 or u1 <= x0 or y1 <= v0 or v1 <= y0, f"{a} and {b}"
    for what, element, dx, _ in moved(svg):
        if what == "node":
            x0, _, x1, _ = found[unescape(re.search(r"<title>(.*?)</title>", element, re.DOTALL)[1])]  # type: ignore[index]
            for attributes, text in re.findall(r"<text([^>]*)>([^<]*)<", element):
                x, size_ = number(r' x="([\d.-]+)"', attributes), number(r' font-size="([\d.-]+)"', attributes)
                half = width(unescape(text), size_, "bold" in attributes) / 2
                assert x0 <= x + dx - half and x + dx + half <= x1, text


@pytest.mark.parametrize("name", ["resnet:resnet50", "unet:unet"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_layer_is_in_one_box(name: str, depth: int) -> None:
    from netspec.views.reading.boxes import stands_for
    from netspec.views.reading.closing import closed

    reading = Reading(graph(name))
    steps = [s for stood in stands_for(closed(reading.graph, reading.items, depth, (), reading.sources)).values() for s in stood]
    assert sorted(n.name for s in steps for n in s.nodes) == sorted(n.name for n in reading.graph)
    assert depth == 3 or any(isinstance(s, Closed) for s in steps)


def test_a_closed_block_is_its_call_with_its_numbers() -> None:
    text = ("block unit(n, stride=1):\n  conv n 3x3 /stride\n  conv n 1x1\n\n"
            "net a:\n  input 3x8x8\n  unit 4\n  first: unit 8 stride=(1 + 1)\n  repeat 3: unit 8\n  fc 2\n")
    scene = Reading(netspec.load_graph(text=text).graph).scene(1)
    by_name = {b.name: b for b in scene.boxes}
    assert by_name["unit1.conv1"].lines == ("unit 4", "4×8×8", "132 params · 7.94 k MACs")
    assert by_name["first.conv1"].lines[:2] == ("unit 8 stride=2", "first · 8×4×4")
    assert by_name["unit3.conv1"].lines[0] == "unit 8  ×3"
    assert by_name["unit3.conv1"].lines[2].startswith(f"{3 * (8 * 8 * 9 + 8 + 8 * 8 + 8) / 1000:.3g} k params")


def test_equal_closed_blocks_are_drawn_once_though_they_differ_within() -> None:
    text = ("block unit(p):\n  residual: conv 4 3x3 -> drop_path p\n\n"
            "net a:\n  input 4x8x8\n  for i in 1..4: unit 0.1*i\n  fc 2\n")
    graph = netspec.load_graph(text=text).graph
    assert [(b.times, b.lines[0]) for b in Reading(graph).scene(1).boxes if b.kind == "block"] == [(4, "unit 0.1…0.4  ×4")]
    assert len(Reading(graph).scene(2).boxes) > 8
    seen = netspec.load_graph(text=text.replace("  fc 2\n", "  concat:\n    | @unit1\n    | @unit4\n  fc 2\n")).graph
    assert [b.times for b in Reading(seen).scene(1).boxes if b.kind == "block"] != [4]  # something else looks at the first


def test_a_block_is_opened_by_its_path_and_so_are_those_around_it() -> None:
    view = netspec.load_graph(ROOT / "specs" / "resnet.net", "resnet50")
    svg = view.diagram(depth=1, open="stage2.bottleneck1").svg
    found = boxes(svg)
    assert "stage2.bottleneck1.conv2" in found and "stage3.bottleneck1.conv1" in found
    assert not {"stage1.bottleneck1.conv2", "stage3.bottleneck1.conv2", "stage2.bottleneck2.conv2"} & set(found)


def test_a_focus_is_a_part_with_what_goes_in_and_comes_out() -> None:
    view = netspec.load_graph(ROOT / "specs" / "resnet.net", "resnet50")
    picture = view.diagram(focus="stage2.bottleneck1")
    names = set(boxes(picture.svg))
    inside = {n for n in names if n.startswith("stage2.bottleneck1.")}
    outside = names - inside
    assert len(inside) == 5 and len(outside) == 2
    assert {(s in inside, t in inside) for s, t, _ in arcs(picture.svg)} == {(False, True), (True, True), (True, False)}


@pytest.mark.parametrize(("asked", "meant"), [({"open": "stage2.botleneck1"}, "stage2.bottleneck1"),
                                             ({"focus": "stage2.botleneck1"}, "stage2.bottleneck1"),
                                             ({"focus": "conv2"}, "conv1")])
def test_an_unknown_path_names_near_ones(asked: dict[str, Any], meant: str) -> None:
    view = netspec.load_graph(ROOT / "specs" / "resnet.net", "resnet50")
    with pytest.raises(UsageError, match=next(iter(asked.values()))) as e:
        view.diagram(**asked).svg  # noqa: B018
    assert meant in str(e.value)


@pytest.mark.parametrize(("text", "millimetres"), [("a4", (210, 297)), ("letter", (215.9, 279.4)), ("120x80", (120, 80)),
                                                   ("210x297mm", (210, 297)), ("6.5x9in", (165.1, 228.6)),
                                                   ("12cm x 8cm", (120, 80)),
                                                   ("slide", (338.66, 190.5))])
def test_a_page_has_its_size(text: str, millimetres: tuple[float, float]) -> None:
    svg = Diagram(graph("lenet"), Wanted(page=page(text))).svg
    assert size(svg) == pytest.approx([m * 72 / 25.4 for m in millimetres], abs=0.05)


@pytest.mark.parametrize("text", ["a5", "0x10", "10", "x", "1x1", "nanxinf", "1e9x5", "a4 "[:0]])
def test_what_is_no_page_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="page"):
        page(text)


@pytest.mark.parametrize("direction", ["down", "right"])
def test_a_drawing_lies_within_its_page(direction: Any) -> None:
    made = Diagram(graph("vgg:vgg16"), Wanted(direction, page=page("120x80mm"))).svg
    inner = re.search(r'class="graph" transform="translate\(([\d.]+) ([\d.]+)\) scale\(([\d.]+)\)"', made)
    assert inner is not None
    dx, dy, scale = map(float, inner.groups())
    xs = [v for r in boxes(re.sub(r' transform="translate\([\d. ]+\) scale\([\d.]+\)"', "", made)).values() for v in r[::2]]
    ys = [v for r in boxes(re.sub(r' transform="translate\([\d. ]+\) scale\([\d.]+\)"', "", made)).values() for v in r[1::2]]
    wide, high = size(made)
    assert dx > 9 and max(xs) * scale + dx < wide - 9 and dy > 9 and max(ys) * scale + dy < high - 9 and min(*xs, *ys) >= 0


@pytest.mark.parametrize("name", ["unet:unet", "segnet"])
def test_an_encoder_and_its_decoder_stand_as_a_u(name: str) -> None:
    picture = drawn(name)
    found = boxes(picture.svg)
    order = [b.name for b in picture._laid_out[0].boxes if not b.name.startswith("output")]
    ups = [n for n in order if n.startswith(("deconv", "unpool"))]
    downs = [n for n in order if re.match(r"maxpool|pool\d", n)]
    assert len(ups) >= 4 and len(downs) >= 4
    assert all(found[a][1] < found[b][1] for a, b in pairwise(downs))
    assert all(found[a][1] > found[b][1] for a, b in pairwise(ups))
    assert max(found[n][2] for n in downs) < min(found[n][0] for n in ups)


def test_what_is_copied_across_a_u_runs_over_no_box() -> None:
    found = boxes(drawn("unet:unet").svg)
    assert all(found[f"crop{k}"][2] < found[f"deconv{k}"][0] for k in range(1, 5))


def test_a_long_chain_stands_in_columns_or_in_rows() -> None:
    text = "net a:\n  input 3x64x64\n" + "".join(f"  conv {8 + k} {2 * (k % 3) + 1}x{2 * (k % 3) + 1} relu\n" for k in range(40))
    for direction, along in (("down", 1), ("right", 0)):
        picture = netspec.load_graph(text=text).diagram(direction=direction)
        found = boxes(picture.svg)
        starts = [b for a, b in zip(list(found), list(found)[1:]) if found[b][along] < found[a][along]]
        assert len(starts) >= 2
        assert len(arcs(picture.svg)) == 41


def test_the_legend_says_what_is_there_and_no_more() -> None:
    legend = drawn("lenet").svg.partition('class="legend"')[2]
    assert re.findall(r">([a-z ,]+)</text>", legend) == ["convolution", "fully connected", "pooling"]
    assert "skips layers" in drawn("unet:unet").svg


@pytest.mark.parametrize(("theme", "ground"), [("light", "#ffffff"), ("dark", "#0f172a"), ("transparent", None)])
def test_themes(theme: str, ground: str | None) -> None:
    svg = Diagram(graph("lenet"), Wanted(theme=theme)).svg
    assert re.findall(r'</defs>\n<rect [^>]*fill="([^"]*)"', svg) == ([ground] if ground else [])


def test_a_pdf_is_lines_and_text(tmp_path: Path) -> None:
    pytest.importorskip("typst")
    view = netspec.load_graph(ROOT / "specs" / "lenet.net")
    view.draw(tmp_path / "a.pdf", page="a4")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF") and b"Arimo-Bold" in data and b"/Subtype/Image" not in data
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is None or (float(box[1]), float(box[2])) == pytest.approx((A4.width, A4.height), abs=0.1)
    view.draw(tmp_path / "b.pdf", page="a4")
    assert data == (tmp_path / "b.pdf").read_bytes()


def test_a_notebook_shows_tabs_whose_names_are_their_own() -> None:
    from html.parser import HTMLParser

    view = netspec.load_graph(ROOT / "specs" / "lenet.net")
    page = view._repr_html_() + view._repr_html_()  # of two cells
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(ids)
    assert {*re.findall(r' for="([^"]*)"', page), *re.findall(r"#([-\w]+):checked", page)} <= set(ids)
    assert "<svg" in page and "<table" in page and "input" in page and "<script" not in page

    class Balanced(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.open += [] if tag in ("input", "br") else [tag]

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(page)
    assert not parser.open


def test_a_net_with_a_hostile_name_breaks_no_tab() -> None:
    from netspec.views.notebook import tabs

    page = tabs([("a<b", "x")], 'a"}</style><script>')
    assert "<script" not in page and "a&lt;b" in page


@pytest.mark.parametrize("style", ["diagram", "volume", "blocks"])
def test_letters_too_small_to_read_on_the_page_are_told(style: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = f"{ROOT}/specs/lenet.net"
    sizes = []
    for size in ("a4", "1x1in", "2x2in"):
        assert main(["draw", spec, "--style", style, "--page", size, "-o", str(tmp_path / "a.svg")]) == 0
        said = capsys.readouterr().out.splitlines()
        if size == "a4":
            assert len(said) == 1
        else:
            sizes.append(float(re.fullmatch(r"its smallest text is ([\d.]+) pt on this page", said[1])[1]))  # type: ignore[index]
    assert 0 < sizes[0] < sizes[1] < 7
    if style == "diagram":
        assert abs(sizes[1] / sizes[0] - 2) < 0.3  # what stands on a page twice as large is twice as large
    assert main(["draw", spec, "--style", style, "-o", str(tmp_path / "a.svg")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_every_png_has_dots_for_print_and_says_how_many(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("resvg_py")
    spec = f"{ROOT}/specs/lenet.net"
    out = str(tmp_path / "a.")
    for command in (["draw", spec, "--page", "60x60mm"], ["compare", spec], ["diff", spec, spec]):
        for ending in ("svg", "png"):
            assert main([*command, "-o", out + ending]) == 0
        wide = re.search(r'<svg [^>]*?\bwidth="([\d.]+)', Path(out + "svg").read_text())
        with image.open(out + "png") as made:
            assert wide and abs(made.size[0] - float(wide[1]) * 300 / 72) <= 2, command
            assert [round(d) for d in made.info["dpi"]] == [300, 300], command
