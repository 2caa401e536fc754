"""The gallery of the site: a page for each file of specs/, made from it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from importlib import import_module
from typing import Any

import pytest

import netspec
from where import ROOT


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "build_site"))
    return import_module("gallery")


def test_a_page_shows_text_pictures_and_numbers(gallery: Any) -> None:
    made = [gallery.family(ROOT / "specs" / f"{name}.net") for name in ("lenet", "backprop", "linear")]
    lenet = made[0]
    page = gallery.page(lenet)
    assert (ROOT / "specs" / "lenet.net").read_text(encoding="utf-8").rstrip() in page
    assert "LeNet-5, LeCun et al. 1998" in page
    counts = netspec.load_graph(ROOT / "specs" / "lenet.net", "lenet5").counts().totals
    assert f"1x32x32 → 10 · {counts.trainable:,} parameters · {counts.macs:,} MACs" in page
    assert str(netspec.load_graph(ROOT / "specs" / "lenet.net", "lenet5").summary()).splitlines()[-2] in page
    assert "lenet5 (specs/lenet.net)" in page and str(ROOT) not in page
    assert {"drawing", "field"} <= set(lenet.nets[0].pictures)
    assert "backprop" in made[1].nets[0].pictures
    assert "field" not in next(n for n in made[2].nets if n.name == "mlp").pictures  # which sees no picture
    for family in made:
        for net in family.nets:
            for picture, svg in net.pictures.items():
                assert ET.fromstring(svg).tag.endswith("svg")
                assert f"]({gallery.place(family, net, picture)})" in gallery.page(family)
    index = gallery.index(made)
    for family in made:
        assert f"]({family.name}.md)" in index
    assert f"The {sum(len(f.nets) for f in made)} nets" in index


def test_every_file_has_a_page_and_what_is_measured_is_of_a_net(gallery: Any) -> None:
    assert gallery.names() == sorted(p.stem for p in (ROOT / "specs").glob("*.net"))
    for name, found in gallery.measured()["steps"].items():
        file, net = name.split(":")
        netspec.load_graph(ROOT / "specs" / f"{file}.net", net)
        assert found["seconds"] > 0 and found["batch"] >= 1
