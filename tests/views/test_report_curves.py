"""Curves over epochs, and what a history is written as."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.views.drawing.axis import fitted, written
from netspec.views.report.curves import Chart, Curve, Plot, tones

NET = """net small:
  input 4
  fc 8 relu
  fc 3

train small:
  loss cross_entropy
  sgd lr=0.1
  batch 16
"""


def history(**how: Any) -> Any:
    random = np.random.default_rng(0)
    y = np.arange(48) % 3
    x = random.standard_normal((48, 4)) + np.eye(3, 4)[y] * 3
    net = netspec.compile(text=NET, device="reference")
    return net.fit(x, y, epochs=4, validation=(x[:12], y[:12]), verbose=0, **how)


def test_a_history_is_a_table(tmp_path: Path) -> None:
    h = history(metrics="accuracy, confusion")
    text = h.to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(r["epoch"]) for r in rows] == h.epochs and "confusion" not in rows[0]
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        assert [float(r[name]) for r in rows] == h[name]
    with pytest.raises(NetspecError, match="nowhere"):
        h.to_csv(tmp_path / "nowhere" / "h.csv")


def test_a_history_is_a_picture(tmp_path: Path) -> None:
    h = history(schedule="cosine")
    plot = h.plot()
    assert [c.title for c in plot.charts] == ["loss", "accuracy", "learning rate"]
    assert [c.name for c in plot.charts[0].curves] == ["training", "validation"]
    assert plot.charts[0].curves[1].points == tuple(zip((1.0, 2.0, 3.0, 4.0), h["val_loss"]))
    assert plot._repr_svg_() == plot.svg and plot.svg.count("<svg") == 4
    plot.save(tmp_path / "h.svg")
    assert (tmp_path / "h.svg").read_text() == plot.svg
    assert [c.title for c in h.plot("loss").charts] == ["loss"]
    with pytest.raises(NetspecError, match="no epoch has measured `lost`"):
        h.plot("lost")
    with pytest.raises(NetspecError, match="no theme"):
        h.plot(theme="pink")


def test_what_is_no_number_breaks_a_curve_and_what_is_far_away_stays_on_the_sheet() -> None:
    nan = float("nan")
    chart = Chart("loss", (Curve("training", ((1, 2.0), (2, nan), (3, 1e30), (4, float("inf")), (5, 3.0), (6, 2.5))),))
    svg = Plot([chart]).svg
    assert not re.search("nan|inf", svg.replace("training, ", ""))
    places = [float(y) for y in re.findall(r'cy="([-\d.]+)"', svg)]
    assert len(places) == 4 and all(0 <= y <= 290 for y in places)
    assert Plot([Chart("nothing", (Curve("training", ()),))]).svg and Plot([]).svg


@pytest.mark.parametrize(("low", "high", "log"), [(0, 1, False), (0.1, 1e7, True), (3, 3, False), (1e-7, 3e-7, True),
                                                  (-5, 5, False), (1e-9, 2e-9, False)])
def test_axes_have_a_few_numbers_that_lie_on_them(low: float, high: float, log: bool) -> None:
    axis = fitted([low, high], 0, 100, log)
    assert 2 <= len(axis.ticks) <= 9
    assert all(-0.5 <= axis.at(t) <= 100.5 for t in axis.ticks)
    assert len({written(t) for t in axis.ticks}) == len(axis.ticks)
    assert axis.at(low) <= axis.at(high)


def test_lines_are_seen_on_every_ground() -> None:
    from netspec.views.drawing.looks import THEMES, contrast

    for theme in THEMES.values():
        for ground in [theme.page] if theme.page else ["#ffffff", "#0f172a"]:
            assert all(contrast(t, ground) >= 2.9 for t in tones(theme))
