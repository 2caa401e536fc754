"""`netspec compare`: the table, the chart, and the table of the shipped specs that stands behind it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import netspec
from netspec.cli import main
from netspec.diagnostics import UsageError
from netspec.views.comparisons.compare import Comparison, compare
from netspec.views.comparisons.zoo import PUBLISHED, measured, zoo
from netspec.views.drawing.lettering import width
from netspec.views.drawing.looks import THEMES
from sweeps import the_first
from where import ROOT

NETS = ("resnet.net:resnet18", "vgg.net:vgg16", "mobilenet_v2.net", "lenet.net")
Rect = tuple[float, float, float, float]


def of(*names: str, **how: Any) -> Comparison:
    graphs = [netspec.load_graph(ROOT / "specs" / n.partition(":")[0], n.partition(":")[2] or None).graph for n in names]
    return compare(graphs, **how)


def texts(svg: str) -> list[tuple[str, float, Rect]]:
    """Every text of a drawing, its size and the room that it takes."""
    found = []
    for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        size, x, y = (float(t.get(k, "")) for k in ("font-size", "x", "y"))
        w = width(t.text or "", size, t.get("font-weight") == "bold")
        left = x - {"middle": w / 2, "end": w}.get(t.get("text-anchor", ""), 0)
        found.append((t.text or "", size, (left, y - 0.72 * size, left + w, y + 0.2 * size)))
    return found


def circles(svg: str) -> list[tuple[float, float, float, bool]]:
    """Place and radius of every network, and whether it stands in front."""
    return [(float(c.get("cx", "")), float(c.get("cy", "")), float(c.get("r", "")), c.get("fill-opacity") == "0.8")
            for c in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle") if c.get("fill-opacity")]


def test_the_table_has_what_the_summaries_have() -> None:
    found = of(*NETS)
    assert [(c.name, c.parameters, c.macs) for c in found.nets[:2]] == [("resnet18", 11_689_512, 1_814_073_344),
                                                                         ("vgg16", 138_357_544, 15_470_264_320)]
    lenet = netspec.load_graph(ROOT / "specs" / "lenet.net").summary(memory=True)
    assert found.nets[3].memory == sum(r.bytes or 0 for r in lenet.rows) and found.nets[3].steps == len(lenet.rows)
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert rows[1]["parameters"] == "138357544" and "accuracy" not in rows[1]
    assert "138,357,544" in str(found) and "138,357,544" in found.to_markdown() and "vgg16" in found.to_latex()
    assert "accuracy" in str(of("lenet.net", accuracy={"lenet5": 99}))


@pytest.mark.parametrize("how", [{}, {"known": True}, {"accuracy": {"lenet5": 65.0}, "area": "memory"}])
def test_no_label_lies_on_another_and_every_net_has_one(how: dict[str, Any]) -> None:
    found = of(*NETS, *("densenet.net:densenet121", "resnet.net:resnet50", "resnet.net:resnet34"), **how)
    for theme in list(THEMES)[len(how):len(how) + 1]:
        said = texts(found.svg(theme))
        boxes = [box for _, _, box in said]
        for k, a in enumerate(boxes):
            assert a[0] >= 0 and a[1] >= 0 and a[2] <= 760 and a[3] <= 520, said[k]
            for b, (other, _, _) in zip(boxes[:k], said):
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (said[k][0], other)
        front = [t for t, size, _ in said if size == 10.5]
        judged = [c.name for c in found.nets if c.accuracy is not None or not how]
        assert sorted(front) == sorted(judged)
        assert len([c for c in circles(found.svg(theme)) if c[3]]) == len(judged)


@pytest.mark.parametrize("how", [{}, {"known": True}, {"accuracy": {"lenet5": 100.0}, "area": "memory"}])
def test_circles_stand_between_the_axes_and_go_through_no_name_in_front(how: dict[str, Any]) -> None:
    svg = of(*NETS, "unet.net", "densenet.net:densenet121", **how).svg()
    for x, y, r, _ in circles(svg):
        assert x - r >= 74 and x + r <= 736 and y - r >= 54 and y + r <= 462, (x, y, r)
    for name, size, (left, top, right, foot) in texts(svg):
        for x, y, r, _ in circles(svg) if size == 10.5 else ():
            near = (x - min(max(x, left), right)) ** 2 + (y - min(max(y, top), foot)) ** 2
            assert near >= (r - 0.5) ** 2 or (x - r < left and right < x + r), name


def test_the_key_has_whole_bytes_and_fits_above_the_axes() -> None:
    for text in ("input 1x1x1\n  fc 1", "input 1x1x1\n  relu", "input 1x2x2\n  conv 1 1x1"):
        graph = netspec.load_graph(text=f"net a:\n  {text}\n").graph
        for area in ("memory", "parameters"):
            svg = compare([graph], {"a": 50.0}, area).svg()
            key = [t for t, _, (_, y, _, _) in texts(svg) if y < 54]
            assert not [t for t in key if "0." in t or re.search(r"\dB", t)], key
            for c in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle"):
                assert float(c.get("cy", "")) >= float(c.get("r", ""))


def test_many_nets_of_one_size_all_have_their_labels() -> None:
    graphs = [netspec.load_graph(text=f"net a_rather_long_name_{k}:\n  input 3x32x32\n  conv 8 3x3 relu\n  fc 10\n").graph
              for k in range(20)]
    said = [t for t in texts(compare(graphs).svg()) if t[1] == 10.5]
    assert len(said) == 20
    for k, (_, _, a) in enumerate(said):
        assert all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for _, _, b in said[:k])


def test_more_work_is_to_the_right_and_area_is_size() -> None:
    found = of("resnet.net:resnet18", "vgg.net:vgg16", area="parameters")
    front = sorted(c for c in circles(found.svg()) if c[3])
    small, large = front
    assert small[0] < large[0] and small[1] > large[1]  # resnet18 has less of both
    assert abs(large[2] ** 2 / small[2] ** 2 - 138_357_544 / 11_689_512) < 0.4
    assert len(circles(found.svg())) > 20  # the zoo behind
    judged = sorted(c for c in circles(of("resnet.net:resnet18", "vgg.net:vgg16", known=True).svg()) if c[3])
    assert judged[0][0] < judged[1][0] and judged[0][1] > judged[1][1]  # 69.8 % lies below 71.6 %


def test_accuracies_are_of_nets_that_are_compared() -> None:
    assert [c.accuracy for c in of("resnet.net:resnet50", "lenet.net", accuracy={"lenet5": 99.1}).nets] == [76.13, 99.1]
    with pytest.raises(UsageError, match="resnet51"):
        of("resnet.net:resnet50", accuracy={"resnet51": 76})
    with pytest.raises(UsageError, match="percentage"):
        of("resnet.net:resnet50", accuracy={"resnet50": 176})
    with pytest.raises(UsageError, match="size of its input"):
        compare([netspec.load_graph(text="net a:\n  input 3x?x?\n  conv 4 3x3\n  avgpool global\n").graph])
    changed = netspec.load_graph(ROOT / "specs" / "resnet.net", "resnet50", classes=10).graph
    assert compare([changed], known=True).nets[0].accuracy is None  # another network of that name


def test_two_nets_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, n in (("old", 4), ("new", 8)):
        (tmp_path / f"{name}.net").write_text(f"net a:\n  input 3x?x?\n  conv {n} 3x3\n  avgpool global\n  fc 2\n")
    a, b = str(tmp_path / "old.net"), str(tmp_path / "new.net")
    assert main(["compare", a, b, "--input", "3x8x8", "--format", "json", "--accuracy", f"{a}:a=50"]) == 0
    nets = json.loads(capsys.readouterr().out)["nets"]
    assert [n["net"] for n in nets] == [f"{a}:a", f"{b}:a"] and [n["accuracy"] for n in nets] == [50, None]
    assert main(["compare", a, b]) == 2 and "--input 3x224x224" in capsys.readouterr().err


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    nets = [f"{ROOT}/specs/{n}" for n in ("resnet.net:resnet18", "vgg.net:vgg16")]
    Path("a.csv").write_text("model,epochs,top-1\nresnet18,90,70.5\nvgg16,74,71.5%\n")
    Path("b.csv").write_text("resnet18,70.5\n\nvgg16,71.5\n")
    for table in ("a.csv", "b.csv"):
        assert main(["compare", *nets, "--accuracy", table, "--format", "csv", "-o", "chart.svg"]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [r["accuracy"] for r in rows] == ["70.5", "71.5"]
        assert "top-1 accuracy, %" in Path("chart.svg").read_text()
    assert main(["compare", *nets, "-o", "-"]) == 0
    assert re.match(r"<svg.*>parameters<", capsys.readouterr().out, re.DOTALL)
    Path("bad.csv").write_text("resnet18,71\nvgg16,good\n")
    for wrong in (["--accuracy", "bad.csv"], ["--accuracy", "none.csv"], ["--accuracy", "resnet18=high"], ["-o", "chart.doc"]):
        assert main(["compare", *nets, *wrong]) in (1, 2), wrong
        assert "internal error" not in capsys.readouterr().err


@pytest.mark.parametrize("file", the_first(3, sorted({z.file for z in zoo()})))
def test_the_zoo_is_the_specs(file: str) -> None:
    strip = {z.name: (z.parameters, z.macs, z.memory, z.input, z.steps) for z in zoo() if z.file == file}
    assert {c.name: (c.parameters, c.macs, c.memory, c.input, c.steps) for c in measured(file)} == strip


def test_what_is_published_is_of_nets_of_the_zoo() -> None:
    assert set(PUBLISHED) <= {z.name for z in zoo()} and len({z.name for z in zoo()}) > 100


def test_a_table_without_a_title_begins_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.net").write_text("net a:\n  input 1x8x8\n  fc 2\n")
    said = {}
    for how in ("md", "html", "latex"):
        assert main(["compare", str(tmp_path / "a.net"), "--format", how]) == 0
        said[how] = capsys.readouterr().out
    assert said["md"].startswith("| net ") and "<title></title>" not in said["html"] and "<b></b>" not in said["html"]
    assert "% \n" not in said["latex"]
