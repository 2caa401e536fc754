"""Figures for papers: every layer that learns is in them, no text stands on another, sizes and counts are those of the papers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest

import netspec
from netspec.cli import main
from netspec.elaborate.nets import callable_nets
from netspec.ir.graph import Graph
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse
from netspec.views.drawing.files import made, wanted
from netspec.views.drawing.lettering import width
from netspec.views.drawing.looks import rgb
from netspec.views.drawing.pages import page
from netspec.views.figures.canvas import Path as Path_
from netspec.views.figures.figure import ENDINGS, Figure
from netspec.views.figures.legend import parts as legend_parts
from netspec.views.figures.paint import ink
from netspec.views.figures.reading import read
from netspec.views.figures.stages import stages
from netspec.views.figures.tikz import escape
from sweeps import one_of_each
from where import ROOT

QUICK = {"alexnet", "autoencoder", "deepbind", "fcn", "googlenet", "hed", "lenet", "linear", "mdnet", "mtcnn", "siamese",
         "squeezenet", "style", "superres", "twopath", "unet", "vgg", "voxnet", "yolo", "mobilenet_v3", "shufflenet"}
FILES = [p.name for p in sorted((ROOT / "specs").glob("*.net"), key=lambda p: (p.stem not in QUICK, p.stem))]
STYLES = ("volume", "blocks")


def nets(file: str) -> list[Graph]:
    module = parse(read_source(ROOT / "specs" / file))
    return [netspec.load_graph(ROOT / "specs" / file, item.name).graph for item in callable_nets(module)]


def net(name: str) -> Graph:
    file, _, which = name.partition(":")
    return netspec.load_graph(ROOT / "specs" / f"{file}.net", which or file).graph


def learning(graph: Graph) -> list[str]:
    return [n.name for n in graph if getattr(n.op, "category", "") in ("convolution", "dense")]


def texts(svg: str) -> list[tuple[str, float, tuple[float, float, float, float]]]:
    """Every text of a drawing with its size and its box, from the SVG alone."""
    found = []
    for attributes, text in re.findall(r"<text ([^>]*)>([^<]*)</text>", svg):
        read = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        size, text = float(read["font-size"]), unescape(text)
        w = width(text, size, "font-weight" in read)
        assert abs(float(read["textLength"]) - w) < 0.01
        before = w * {"start": 0, "middle": 0.5, "end": 1}[read["text-anchor"]]
        if "transform" in read:
            x, y = map(float, re.findall(r"translate\(([-\d.]+),([-\d.]+)\)", read["transform"])[0])
            box = (x - 0.7 * size, y - w + before, x + 0.2 * size, y + before)
        else:
            x, y = float(read["x"]), float(read["y"])
            box = (x - before, y - 0.7 * size, x - before + w, y + 0.2 * size)
        found.append((text, size, box))
    return found


def size_of(svg: str) -> tuple[float, float]:
    wide, high = re.findall(r'<svg [^>]*width="([\d.]+)pt" height="([\d.]+)pt"', svg)[0]
    return float(wide), float(high)


def struck(svg: str) -> list[str]:
    """Texts that a level or upright line goes through."""
    found, placed = [], texts(svg)
    for line in re.findall(r'<path d="M([^"CZ]*)" fill="none"', svg):
        points = [tuple(map(float, p.split(","))) for p in line.split("L")]
        for (x0, y0), (x1, y1) in pairwise(points):
            if abs(x0 - x1) < 0.01:
                found += [t for t, _, b in placed if b[0] < x0 < b[2] and max(b[1], min(y0, y1)) < min(b[3], max(y0, y1))]
            elif abs(y0 - y1) < 0.01:
                found += [t for t, _, b in placed if b[1] < y0 < b[3] and max(b[0], min(x0, x1)) < min(b[2], max(x0, x1))]
    return found


def legible(graph: Graph, style: str = "volume") -> str:
    """A figure in which every layer that learns is once, and no text is small, on another, or struck; its SVG."""
    svg = Figure(graph, style).svg  # type: ignore[arg-type]
    titles = re.findall(r"<title>(.*?)</title>", svg, re.DOTALL)
    named = Counter(name for title in titles for name in re.findall(r"^(\S+): ", unescape(title), re.M))
    assert {name: named[name] for name in learning(graph)} == dict.fromkeys(learning(graph), 1), style
    placed = texts(svg)
    assert min(size for _, size, _ in placed) >= 7
    assert [(a[0], b[0]) for k, a in enumerate(placed) for b in placed[k + 1:]
            if all(a[2][i] < b[2][i + 2] - 0.5 and b[2][i] < a[2][i + 2] - 0.5 for i in (0, 1))] == []
    assert struck(svg) == []
    wide, high = size_of(svg)
    assert wide <= 455.5, "the width of text on A4"
    assert high < (640 if style == "volume" else 842), "and its height"
    return svg


@pytest.mark.parametrize("file", one_of_each(FILES, lambda f: f if f.removesuffix(".net") in QUICK else "others"))
def test_every_layer_that_learns_is_drawn_once_and_no_text_stands_on_another(file: str) -> None:
    for graph in nets(file)[:3 if file.removesuffix(".net") in QUICK else None]:
        for style in STYLES:
            legible(graph, style)
            found = stages(graph)
            rows = (*found.rows, *found.beside)
            assert sum(r.parameters for r in rows) == found.parameters
            assert found.macs is None or sum(r.macs or 0 for r in rows) == found.macs


@pytest.mark.parametrize("name", ["lenet:lenet5", "alexnet", "voxnet", "densenet_cifar:densenet100", "unet", "deepbind"])
def test_edges_can_be_seen_on_a_dark_page(name: str) -> None:
    """Of every face at least twice as light, or as dark, as its paint: W3C's ratio of contrast."""
    def light(colour: str) -> float:
        parts = [k / 12.92 if k <= 0.04045 else ((k + 0.055) / 1.055) ** 2.4 for k in (c / 255 for c in rgb(colour))]
        return 0.05 + 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    figure, paint = Figure(net(name), "volume", "dark"), ink("dark")
    closed = [p for p in figure.canvas.items if isinstance(p, Path_) and p.closed and len(p.points) == 4 and p.width > 0.3]
    faces = [(paint(p.fill), paint(p.stroke)) for p in closed if p.fill and p.stroke and p.fill != p.stroke]
    faces = faces[:-len(legend_parts([figure.picture]))]
    assert len(faces) > 6
    for fill, stroke in faces:
        a, b = sorted((light(fill), light(stroke)))
        assert b / a > 2, (fill, stroke)


def test_alexnet_is_the_figure_of_its_paper() -> None:
    svg = Figure(net("alexnet")).svg
    said = Counter(text for text, *_ in texts(svg))
    assert {"227×227×3", "55×55×96", "27×27×256", "13×13×384", "13×13×256", "4096", "1000"} <= set(said)
    assert (said["48"], said["128"], said["192"]) == (2, 4, 4), "two towers"
    assert "conv 11×11 /4" in said
    assert "sides and channels by square root" in said, "the legend says to what scale"
    one = Counter(text for text, *_ in texts(Figure(net("alexnet:one_tower")).svg))
    assert not one["32"], "one tower"


def test_a_unet_is_a_u() -> None:
    """Sizes go down on the left and up on the right, level with what is copied: numbers of the paper's first figure."""
    sizes = {"unet": ((568, 280, 136, 64), (388, 196, 100, 52)), "segnet": ((360, 180, 90, 45), (360, 180, 90, 45))}
    for name, (left, right) in sizes.items():
        at = {text: box for text, _, box in texts(Figure(net(name)).svg)}
        placed = [(text, *at[text][:2]) for text in at if "×" in text and text[0].isdigit()]
        levels = []
        for a, b in zip(left, right):
            (x0, y0), *_ = [(x, y) for text, x, y in placed if text.startswith(f"{a}×") and not text.endswith(("×1", "×3"))][:1]
            (x1, y1), *_ = [(x, y) for text, x, y in placed[::-1] if text.startswith(f"{b}×")][:1]
            assert x0 < x1, (a, b)
            levels.append((y0, y1))
        assert [y for y, _ in levels] == sorted({y for y, _ in levels}), "down"
        assert [y for _, y in levels] == sorted({y for _, y in levels}), "and up"


def test_the_stages_of_resnets_are_those_of_the_paper() -> None:
    """Table 1 of He et al. 2015; parameters as torchvision 0.15 counts them, layer by layer."""
    rows = [r for r in stages(net("resnet:resnet50")).rows if r.over]
    assert [str(r) for r in rows] == ["[1x1, 64; 3x3, 64; 1x1, 256] x3", "[1x1, 128; 3x3, 128; 1x1, 512] x4",
                                      "[1x1, 256; 3x3, 256; 1x1, 1024] x6", "[1x1, 512; 3x3, 512; 1x1, 2048] x3"]
    assert [r.parameters for r in rows] == [215808, 1219584, 7098368, 14964736]
    assert [(r.size, r.step) for r in rows] == [("56×56×256", ""), ("28×28×512", "/2"), ("14×14×1024", "/2"), ("7×7×2048", "/2")]
    assert [str(r) for r in stages(net("resnet:resnet18")).rows if r.over] == [f"[3x3, {n}; 3x3, {n}] x2" for n in (64, 128, 256, 512)]
    dense = [r.parameters for r in stages(net("densenet:densenet121")).rows if r.kind == "closed"]
    assert dense == [335040, 919680, 2837760, 2158080 + 2048], "the last with the normalisation behind it"


OWN_U = """net small:
  input 1x32x32
  a: conv 4 3x3 relu
  maxpool 2x2
  b: conv 8 3x3 relu
  maxpool 2x2
  conv 12 3x3 relu
  deconv 7 2x2 /2
  concat @b
  conv 9 3x3 relu
  deconv 5 2x2 /2
  concat @a
  conv 6 3x3 relu
  conv 2 1x1
"""


def test_slabs_say_how_many_channels_they_have() -> None:
    """Those of a U each, however thin; of a block those that the line below does not say: the bottlenecks of He et al. 2015."""
    drawn = netspec.load_graph(text=OWN_U).diagram(style="volume").svg
    said = Counter(text for text, *_ in texts(drawn))
    known = {"4": 2, "8": 2, "12": 1, "7": 1, "9": 1, "5": 1, "6": 1, "2": 1}
    assert {n: said[n] for n in known} == known
    fronts = [(text, box) for text, _, box in texts(drawn) if text in ("4", "6", "2")]
    slabs = [sorted(float(x) for x in re.findall(r"([\d.-]+),", d)) for d in re.findall(r'<path d="M([^"Z]*)Z"', drawn)]
    assert all(any(s[0] <= box[0] + 0.5 and box[2] - 0.5 <= s[-1] for s in slabs) for _, box in fronts), "on its slab"
    for name, blocks in (("resnet:resnet50", ["64", "64", "256", "128", "128", "512"]), ("mobilenet_v2", ["144", "144", "24"])):
        every = Counter(text for text, *_ in texts(Figure(net(name)).svg))
        assert all(every[n] >= many for n, many in Counter(blocks).items()), name
    assert not Counter(text for text, *_ in texts(Figure(net("vgg:vgg11")).svg))["512"], "what the line below says is not said twice"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("name", "pages"), [("lenet:lenet5", ("slide", "80x150mm")), ("unet", ("slide", "a4")), ("wavenet", ("letter",)),
                                             ("resnet:resnet50", ("a4", "120x80mm")), ("fast_style", ("6.5x9in", "slide"))])
def test_a_figure_is_as_large_as_its_page_has_room(name: str, pages: tuple[str, ...], style: str) -> None:
    """As tall as it or as wide, or its text twice the usual size; within the margins; on A4 never under 7 points."""
    graph = net(name)
    for given in pages:
        sheet = page(given)
        svg = made(graph, style, wanted(style, page=given)).svg
        assert size_of(svg) == pytest.approx((sheet.width, sheet.height), abs=0.1)
        x0, y0 = map(float, re.findall(r'viewBox="([-\d.]+) ([-\d.]+) ', svg)[0])
        boxes = [box for *_, box in texts(svg)]
        left, top = min(b[0] for b in boxes) - x0, min(b[1] for b in boxes) - y0
        right, bottom = max(b[2] for b in boxes) - x0, max(b[3] for b in boxes) - y0
        assert left > sheet.margin - 1 and sheet.width - right > sheet.margin - 1
        assert top > sheet.margin - 1 and sheet.height - bottom > sheet.margin - 1
        size = min(s for _, s, _ in texts(svg))
        drawn = made(graph, style, wanted(style, page=given)).canvas.size
        assert size > 13.9 or any(d > 0.98 * room for d, room in zip(drawn, sheet.room)), (given, size, drawn)
        assert given not in ("a4", "letter") or size >= 7


def test_tikz_has_the_page_too() -> None:
    tex = made(net("lenet:lenet5"), "volume", wanted("volume", page="slide")).tikz
    assert r"\paperwidth=960.00bp \paperheight=540.00bp" in tex.replace("960.02", "960.00").replace("540.02", "540.00")


def test_the_figures_of_the_documents_are_the_networks() -> None:
    for file, name, style in (("alexnet", "alexnet", "volume"), ("resnet50_blocks", "resnet:resnet50", "blocks")):
        drawn = (ROOT / "docs" / f"{file}.svg").read_text(encoding="utf-8")
        assert drawn == Figure(net(name), style).svg, f"netspec draw --style {style} -o docs/{file}.svg"  # type: ignore[arg-type]


def test_what_groups_split_is_said() -> None:
    said = {text for text, *_ in texts(Figure(net("resnext:resnext50")).svg)}
    assert any("32 groups" in text for text in said)


@pytest.mark.parametrize("style", STYLES)
def test_tikz_needs_tikz_alone(style: str, tmp_path: Path) -> None:
    tex = Figure(net("unet"), style).tikz  # type: ignore[arg-type]
    assert re.findall(r"\\usepackage(?:\[.*?\])?\{(.*?)\}", re.sub(r"(?m)^%.*", "", tex)) == ["tikz"]
    sizes = [re.findall(rf"\\{name}=([\d.]+bp)", tex) for name in ("textwidth", "paperwidth", "pdfpagewidth")]
    assert len({tuple(s) for s in sizes}) == 1 and sizes[0], "the drivers of graphics make a page of the paper"
    bare = re.sub(r"\\[{}]", "", tex)
    assert bare.count("{") == bare.count("}")
    assert tex.isascii()
    body = tex[tex.index(r"\useasboundingbox"):tex.index(r"\end{tikzpicture}")]
    assert all(re.match(r"\\(path|fill|node|useasboundingbox)\b.*;$", line) for line in body.splitlines())
    drawn = set(re.findall(r"netspec[a-z]+", tex[tex.index(r"\begin{document}"):]))
    assert drawn <= set(re.findall(r"\\definecolor\{(\w+)\}", tex))


@pytest.mark.sweep
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here; .ci/run brings one")
@pytest.mark.parametrize("name", ["alexnet", "unet", "googlenet", "wavenet", "siamese", "voxnet"])
@pytest.mark.parametrize("style", STYLES)
def test_tikz_compiles(name: str, style: str, tmp_path: Path) -> None:
    (tmp_path / "figure.tex").write_text(Figure(net(name), style).tikz, encoding="utf-8")  # type: ignore[arg-type]
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "figure.tex"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout and "Output written on figure.pdf (1 page" in done.stdout


def test_the_command_writes_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "specs" / "lenet.net")
    assert {".svg", ".tex", ".png"} <= set(ENDINGS)
    for style in STYLES:
        for ending in (".svg", ".tex"):
            target = tmp_path / f"{style}{ending}"
            assert main(["draw", spec, "--style", style, "-o", str(target)]) == 0
            assert target.read_text(encoding="utf-8").startswith("<svg" if ending == ".svg" else "%")
    capsys.readouterr()
    assert main(["draw", spec, "--style", "volume", "-o", "x.dot"]) != 0
    assert ".tex" in capsys.readouterr().err


def test_how_far_apart_taps_are_is_said(tmp_path: Path) -> None:
    (tmp_path / "d.net").write_text("net d:\n  input 3x64\n  conv 64 5 dilation=2\n  conv 64 3\n", encoding="utf-8")
    graph = netspec.load_graph(tmp_path / "d.net").graph
    assert "conv 5 dilation 2" in {text for text, *_ in texts(Figure(graph).svg)}
    assert "5, 64, dilation 2" in {text for text, *_ in texts(Figure(graph, "blocks").svg)}
    assert "dilation 1…512" in " ".join(text for text, *_ in texts(Figure(net("wavenet")).svg))


def test_what_joins_two_inputs_has_the_name_of_its_step(tmp_path: Path) -> None:
    spec = "net c:\n  input x 3x16x16\n  input y 3x16x16\n  @x -> p: conv 8 3x3\n  @y -> q: conv 8 3x3\n  {}@p -> concat @q -> conv 8 3x3\n"
    for label, name in (("join: ", "join"), ("", "a")):
        (tmp_path / "c.net").write_text(spec.format(label), encoding="utf-8")
        said = {text for text, *_ in texts(Figure(netspec.load_graph(tmp_path / "c.net").graph).svg)}
        assert {name, f"{name}: concat"} <= said


def test_an_arc_from_another_row_has_a_letter_at_both_ends() -> None:
    """Every one of the eight residuals of ResNet-18 is a curve within its row, or two equal letters."""
    for sheet in (None, "a4"):
        svg = made(net("resnet:resnet18"), "volume", wanted("volume", page=sheet)).svg
        letters = Counter(text.partition(":")[0] for text, *_ in texts(svg) if re.fullmatch(r"[a-z](: .*)?", text))
        curves = re.findall(r'<path d="M[^"]*C[^"]*"', svg)
        assert letters and set(letters.values()) == {2}
        assert len(curves) + len(letters) == 8
        assert struck(svg) == []


def test_a_normalisation_counts_with_its_block_or_with_what_it_follows() -> None:
    """DenseNet-121: parameters of torchvision 0.15, transitions 1 to 3, the last normalisation with the last block."""
    rows = stages(net("densenet:densenet121")).rows
    assert [r.parameters for r in rows if r.kind == "pool"] == [0] * 5
    assert [r.parameters for r in rows if r.kind == "conv"] == [9408 + 128, 33280, 132096, 526336]
    assert [r.parameters for r in rows if r.kind == "closed"] == [335040, 919680, 2837760, 2158080 + 2048]
    plain = "net p:\n  input 4x8x8\n  a: conv 4 3x3\n  b: conv 4 3x3\n  concat @a\n  bn\n  maxpool 2\n  fc 2\n"
    assert [r.parameters for r in stages(netspec.load_graph(text=plain).graph).rows if r.kind != "pool"] == [0, 148, 148 + 16, 258]


def test_pooling_over_images_or_channels_is_drawn_and_said() -> None:
    """The view pooling of Su et al. 2015, 12 views of 6x6x512 to one, and its kin."""
    said = Counter(text for text, *_ in texts(Figure(net("mvcnn")).svg))
    assert said["max over view"] == said["6×6×512"] == 1
    assert [(r.size, str(r)) for r in stages(net("mvcnn")).rows if " over " in str(r)] == [("6×6×512", "max over view")]
    for op, size in (("min over=v", "7×7×4"), ("mean over=v", "7×7×4"), ("mean over=channels", "3 · 7×7×1")):
        end = f"  {op}\n  max over=v" if "channels" in op else op
        graph = netspec.load_graph(text=f"net p:\n  input (3, 2, 7, 7)\n  each v:\n    conv 4 3x3\n  {end}\n  fc 2\n").graph
        drawn = [text for text, *_ in texts(Figure(graph).svg)]
        assert drawn[drawn.index(op.replace("=", " ")) - 1] == size
        assert (size, op.replace("=", " ")) in [(r.size, str(r)) for r in stages(graph).rows]


def test_what_joins_a_block_midway_parts_its_row() -> None:
    """`rgb * gate`, then depth beside it: the arc of the concat does not go round the product."""
    spec = """net two:
  input x 3x8x8
  input y 1x8x8
  @x -> a: conv 4 3x3
  @y -> b: conv 4 3x3
  gate: conv 4 1x1 sigmoid
  @a -> mul @gate -> concat @b -> conv 5 3x3
"""
    rows = stages(netspec.load_graph(text=spec).graph).rows
    assert [(str(r), r.size, r.notes, r.over) for r in rows[-3:]] == [
        ("1x1, 4", "8×8×4", ("mul of both",), None), ("concat", "8×8×8", ("and 8×8×4",), None), ("3x3, 5", "8×8×5", (), None)]


NESTED = """
block outer(n):
  residual:
    conv n 3x3 relu
    residual: conv n 3x3 -> conv n 3x3
    conv n 3x3

net nested:
  input 3x32x32
  conv 16 3x3
  BODY
  maxpool 2
  fc 10
"""


@pytest.mark.parametrize("style", ["volume", "blocks"])
def test_what_goes_round_a_part_of_a_block_is_drawn_with_what_goes_round_it_all(style: str) -> None:
    graph = netspec.load_graph(text=NESTED.replace("BODY", "outer 16")).graph
    picture = read(graph)
    assert [(u.first - 1, u.last) for u in picture.units if u.over] == [(1, 5)]
    assert [(a.source, a.target, a.kind) for a in picture.arcs] == [(2, 4, "add")]
    alone = netspec.load_graph(text=NESTED.replace("BODY", "outer 16").replace("    residual: conv n 3x3 -> conv n 3x3\n",
                                                   "    conv n 3x3 -> conv n 3x3\n")).graph
    many = [str(made(g, style, wanted(style)).svg).count("32×32×16" if style == "blocks" else "C") for g in (graph, alone)]
    assert many[0] > many[1]  # a curve, or a line that says it


def test_turns_with_something_round_a_part_of_them_are_folded() -> None:
    from netspec.views.figures.folding import fold

    picture = fold(read(netspec.load_graph(text=NESTED.replace("BODY", "repeat 4: outer 16")).graph))
    assert [u.times for u in picture.units if u.over] == [4]
    assert [(a.source, a.target) for a in picture.arcs] == [(2, 4)]


def test_what_goes_over_the_end_of_a_block_begins_where_it_does() -> None:
    text = ("net a:\n  input 4x32x32\n  conv 8 3x3\n  a: conv 8 3x3\n  conv 8 3x3\n  b: conv 8 3x3\n  conv 8 3x3\n  add @a\n"
            "  conv 8 3x3\n  add @b\n")
    picture = read(netspec.load_graph(text=text).graph)
    found = [(u.first - 1, u.last) for u in picture.units if u.over] + [(a.source, a.target) for a in picture.arcs]
    assert sorted(found) == [(2, 5), (4, 6)]


def test_two_layers_within_one_arc_are_two_lines() -> None:
    spec = "net r:\n  input 4x8x8\n  conv 4 3x3\n  residual: conv 4 3x3 -> conv 4 3x3\n  conv 4 3x3 -> conv 4 3x3\n"
    said = [str(r) for r in stages(netspec.load_graph(text=spec).graph).rows]
    assert said == ["input", "3x3, 4", "[3x3, 4; 3x3, 4] x1", "[3x3, 4] x2"]


ECG = """block tcn(n, d):
  residual:
    conv n 3 dilation=d relu
    conv n 3 dilation=d relu
  shortcut if in.channels != n: conv n 1
  relu

net ecg:
  input 12x400
  a: conv 8 7 /2 bn relu
  for d in [1, 2, 4, 8]: tcn 16 d
  avgpool global
  fc 5
"""


def test_sums_of_a_sequence_have_a_track_each() -> None:
    """No line beside the bars touches another: neither where it runs down nor where it meets a bar."""
    for graph in (netspec.load_graph(text=ECG).graph, net("wavenet")):
        svg = Figure(graph).svg
        ways = [[tuple(map(float, p.split(","))) for p in d.split("L")]
                for d in re.findall(r'<path d="M([^"CZ]*)" fill="none"', svg) if d.count("L") == 3]
        assert len(ways) == {"ecg": 4, "wavenet": 2}[graph.name]
        for k, (_, (x, top), (_, low), _) in enumerate(ways):
            for _, (other, high), (_, deep), _ in ways[k + 1:]:
                assert x != other or low < high - 20 or deep < top - 20
                assert min(abs(a - b) for a in (top, low) for b in (high, deep)) > 1.2
        assert struck(svg) == []


def test_a_branch_of_split_windows_is_no_square_one() -> None:
    """Szegedy et al. 2015, "Rethinking the Inception Architecture", figures 5 and 6."""
    spec = "net i:\n  input 3x9x9\n  concat:\n    | conv 2 1x1\n    | conv 3 3x3\n    | conv 4 3x1 -> conv 4 1x3\n    | maxpool 3 /1 same\n"
    (box,) = [v for v in read(netspec.load_graph(text=spec).graph).volumes if v.slices]
    assert box.slices == ((2, "b1"), (3, "b3"), (4, "bs"), (3, "bp"))
    module_b = [v.slices for v in read(net("inception_v3")).volumes if v.kind == "closed" and v.channels == 768]
    assert [part for _, part in module_b[1]] == ["b1", "bs", "bs", "bp"]
    said = {text for text, *_ in texts(Figure(net("inception_v3")).svg)}
    assert {"1×1 branch", "branch of n×1 and 1×n", "pool branch"} <= said


def test_a_long_name_stands_above_the_heads_of_a_table() -> None:
    name = "a_net_with_a_name_that_is_longer_than_the_column_of_stages_it_stands_over"
    for given, lines in (("short", 1), (name, 1), (name * 3, 3)):
        svg = Figure(netspec.load_graph(text=f"net {given}:\n  input 1x8x8\n  conv 2 3x3\n  fc 2\n").graph, "blocks").svg
        found = texts(svg)
        heads = [text for text, *_ in found].index("output size")
        title = [t for t in found if t[0] in given and t[0] not in ("conv", "fc", "in", "step")]
        assert "".join(text for text, *_ in title) == given and len(title) >= lines
        assert all(box[3] <= found[heads][2][1] for *_, box in title) == (given != "short")
        assert not [(a[0], b[0]) for k, a in enumerate(found) for b in found[k + 1:]
                    if all(a[2][i] < b[2][i + 2] - 0.5 and b[2][i] < a[2][i + 2] - 0.5 for i in (0, 1))]


def test_letters_beyond_ascii_are_letters_in_tikz() -> None:
    """Commands of LaTeX's own fonts (LaTeX2e kernel, table of accents); what those lack is a number."""
    known = {"ß": r"\ss{}", "ö": r'\"{o}', "é": r"\'{e}", "ç": r"\c{c}", "å": r"\r{a}", "ñ": r"\~{n}", "Ø": r"\O{}", "π": r"$\pi$",
             "o\u0308": r'\"{o}', "漢": "U+6F22", "×": r"$\times$"}
    assert {text: escape(text) for text in known} == known


def test_a_line_to_the_next_row_strikes_no_word_of_it() -> None:
    for name in ("style", "twopath:input_cascade", "resnet:resnet18"):
        assert struck(made(net(name), "volume", wanted("volume", page="a4")).svg) == []
