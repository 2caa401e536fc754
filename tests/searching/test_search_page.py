"""The page of a search: every trial stands in it where its values say; and searches around a trial."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

import netspec
from netspec.cli import main
from netspec.searching.definition import definition_of, opened
from netspec.searching.narrowing import narrowed
from netspec.views.report.searched.drawn import parallel, scatter
from netspec.views.report.searched.page import page
from netspec.views.report.searched.trials import Ranged, Searched, Tried

RANGES = (Ranged("lr", 1e-4, 1.0, log=True), Ranged("drop", 0.0, 0.5), Ranged("width", choices=("0.5", "1", "2")))
TRIALS = tuple(Tried(k, {"lr": lr, "drop": drop, "width": width}, state, value, why, 3, {"val_loss": value or 9.0})
               for k, lr, drop, width, state, value, why in (
                   (4, "0.01", "0.25", "1", "done", 0.2, ""), (1, "0.0001", "0", "0.5", "done", 0.4, ""),
                   (2, "0.1", "0.5", "2", "stopped", 0.6, "after 1 epoch"), (5, "0.001", "0.1", "2", "stopped", 0.9, "after 1 epoch"),
                   (6, "0.02", "0.3", "1", "stopped", 1.0, "after 1 epoch"), (3, "1", "0.2", "1", "dropped", None, "the loss is 99")))
SEARCHED = Searched("widths", "tiny", "lowest val_loss", 6, RANGES, TRIALS)


@pytest.fixture
def theme() -> object:
    from netspec.views.drawing.looks import THEMES

    return THEMES["light"]


def titled(svg: str, what: str) -> dict[int, str]:
    """What an attribute of each trial's mark is, by the number of the trial."""
    root = ElementTree.fromstring(svg)
    found = {}
    for e in root.iter():
        title = e.find("{*}title")
        if title is not None and title.text is not None and (m := re.match(r"trial (\d+): ", title.text)):
            found[int(m[1])] = e.get(what) or ""
    return found


def test_a_trial_is_a_line_through_its_values(theme: object) -> None:
    svg = parallel(SEARCHED, theme, tuple(f"#00000{k}" for k in range(8)))  # type: ignore[arg-type]
    lines = {k: [tuple(map(float, p.split())) for p in d[1:].split("L")] for k, d in titled(svg, "d").items()}
    assert sorted(lines) == [1, 2, 3, 4, 5, 6] and all(len(points) == 4 for points in lines.values())
    assert len({tuple(x for x, _ in points) for points in lines.values()}) == 1, "all go through the same axes"
    low, high = lines[1][0][1], lines[3][0][1]  # 1e-4 and 1
    for trial, share in ((4, 0.5), (2, 0.75), (5, 0.25)):
        assert lines[trial][0][1] == pytest.approx(low + share * (high - low), abs=0.11), "evenly in the logarithm"
    assert lines[4][1][1] == pytest.approx((lines[1][1][1] + lines[2][1][1]) / 2, abs=0.11), "evenly"
    assert [lines[k][2][1] for k in (1, 4, 2)] == sorted((lines[k][2][1] for k in (1, 4, 2)), reverse=True)
    ends = {k: points[3][1] for k, points in lines.items()}
    assert ends[4] > ends[1] > ends[2] > ends[5] > ends[6] > ends[3], "the lowest loss is the lowest; what has none is above all"
    tones = titled(svg, "stroke")
    ordered = [tones[k] for k in (6, 5, 2, 1, 4)]
    assert tones[4] == "#000007" and tones[6] == "#000000" and sorted(ordered) == ordered
    assert titled(svg, "stroke-width")[4] == "3" and titled(svg, "stroke-dasharray")[3] == "3 3"


@pytest.mark.parametrize("r", RANGES, ids=lambda r: r.name)
def test_each_value_has_a_chart(r: Ranged, theme: object) -> None:
    svg = scatter(SEARCHED, r, theme, ("#888888",) * 8)  # type: ignore[arg-type]
    dots = {k: (float(x), float(y)) for (k, x), y in zip(titled(svg, "cx").items(), titled(svg, "cy").values()) if x}
    assert sorted(dots) == [1, 2, 4, 5, 6]
    shares = {t.number: r.share(t.values[r.name]) for t in TRIALS}
    order = sorted(dots, key=lambda k: (shares[k], dots[k][0]))
    assert all(dots[a][0] <= dots[b][0] for a, b in pairwise(order)), "to the right of what is less"
    assert dots[4][1] > dots[1][1] > dots[2][1] > dots[5][1] > dots[6][1]
    assert titled(svg, "d").get(3), "what was dropped is a cross"
    assert (f"{r.name} (log)" in svg) == r.log


def test_the_page_says_where_better_values_may_lie() -> None:
    text = page(SEARCHED, "netspec search --around widths/trial-4")
    assert "Trial 4 is best: val_loss 0.2" in text and "netspec search --around widths/trial-4" in text
    assert "end of its range" not in text
    edge = Tried(4, {"lr": "0.7", "drop": "0.01", "width": "2"}, "done", 0.2)
    moved = Searched("widths", "tiny", "lowest val_loss", 6, RANGES, (edge, *TRIALS[1:]))
    said = re.findall(r"<h3>(\w+) is best at the (\w+) end of its range", page(moved))
    assert said == [("lr", "upper"), ("drop", "lower")], "a choice has no end"
    assert not Searched("w", "t", "lowest val_loss", 2, RANGES, moved.trials[:3]).edges(), "three trials say nothing"
    assert "No trial is done yet" in page(Searched("w", "t", "lowest loss", 2, RANGES, ()))


def test_what_a_stranger_wrote_stays_text() -> None:
    ranges = (Ranged("a<script>", choices=('"><img src=x>', "\x1b[2J")),)
    trials = tuple(Tried(k, {"a<script>": c}, "done", 0.1 * k, "", 1, {"<b>": 0.1}) for k, c in enumerate(ranges[0].choices, 1))
    text = page(Searched("<h1>", "n&m", "lowest <i>", 2, ranges, trials), "rm <x>")
    assert not re.search(r"<(script|img|b>|i>)", text) and "\x1b" not in text


def test_report_of_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    spec = "net tiny:\n  input 1x8x8\n  fc 10\n\ntrain tiny:\n  data digits validation=0.2\n  loss cross_entropy\n  sgd lr=0.1\n  batch 512\n  epochs 1\n"
    Path("tiny.net").write_text(spec)
    found = netspec.search("tiny.net", lines=["sgd lr=log(1e-3..1.0) momentum=[0, 0.9]"], trials=3, out="found", quiet=True)
    assert main(["report", "found"]) == 0
    out = capsys.readouterr().out
    text = Path("found/report.html").read_text()
    assert "wrote found/report.html" in out and f"Trial {found.best and found.best.trial} is best" in text
    assert text.count("<svg") == 3 and str(found).splitlines()[1] in out
    assert main(["report", "found", "-o", "elsewhere.html"]) == 0 and Path("elsewhere.html").read_text() == text
    assert main(["report", "found", "tiny.net"]) == 2 and "a search has a page by itself" in capsys.readouterr().err
    # around its best: every value lies within a third of the range, the choice stays
    assert found.best is not None and found.run is not None
    assert main(["search", "--around", str(found.run), "--trials", "2", "--out", "finer", "--quiet"]) == 0
    finer = opened("finer").definition
    [line] = finer.lines
    low, high = map(float, re.findall(r"log\((.*)\.\.(.*)\)", line)[0])
    assert low <= float(found.best.parameters["lr"]) <= high and high / low == pytest.approx(1000 ** (1 / 3), rel=2e-3)
    assert f"momentum={found.best.parameters['momentum']}" in line
    assert main(["search", "--around", "found", "--trials", "2", "--out", "finer", "--quiet"]) == 0, "the same, by the name of the search"
    capsys.readouterr()
    for argv, said in ((["tiny.net", "--around", "found"], "has the spec and the ranges of that"),
                       (["--around", "found/trial-7"], "no trial that is over"), (["--around", "tiny.net"], "holds no search"),
                       ([], "nothing to search is named"), ([str(found.run)], "a search begins with a spec")):
        assert main(["search", *argv]) in (1, 2) and said in capsys.readouterr().err


def test_ranges_around_a_value_stay_in_theirs() -> None:
    from netspec.compiler import _module
    from netspec.elaborate.alone import alone

    module = alone(_module(None, "net a:\n  input 4\n  fc 2"))
    definition = definition_of(module, lines=("adamw lr=log(1e-5..1e-1) decay=0.0..0.3 betas=[[0.9, 0.99], [0.8, 0.9]]", "batch 1..3"),
                               parameters={"width": "[1, 2]", "deep": "log(1..1000)"})
    edge = narrowed(definition, {"lr": "1e-05", "decay": "0.29", "betas": "[0.8, 0.9]", "batch": "2", "width": "2", "deep": "1000"})
    assert edge.lines[0].startswith("adamw lr=log(1e-05..0.0002154) decay=0.2..0.3 betas=[[0.8, 0.9]]")
    assert edge.parameters == {"width": "2", "deep": "log(100..1000)"}
    ends = re.fullmatch(r"batch (\d)(?:\.\.(\d))?", edge.lines[1])
    assert ends is not None and edge.space.dimensions
