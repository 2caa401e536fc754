"""The views from Python: the same of a spec and of a network that runs, and what is wrong is said by the call that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from where import ROOT

SPECS = ROOT / "specs"
TWO = "net a:\n  input left 1x9x9\n  input right 1x12x12\n  @right -> r: conv 1 4x4 valid\n  @left -> l: conv 1 1x1\n" \
      "  @r -> add @l -> conv 1 3x3\n"


@pytest.fixture(scope="module")
def resnet() -> Any:
    return netspec.load_graph(SPECS / "resnet.net", "resnet18")


@pytest.fixture(scope="module")
def lenet() -> Any:
    return netspec.load_graph(SPECS / "lenet.net")


@pytest.fixture(scope="module")
def film() -> Any:
    return netspec.compile(SPECS / "backprop.net", device="reference").backprop(np.ones((1, 2)), np.ones((1, 1)))


def test_a_network_shows_what_its_spec_shows(tmp_path: Path) -> None:
    net, spec = netspec.compile(SPECS / "lenet.net", device="reference"), netspec.load_graph(SPECS / "lenet.net")
    assert net.diagram(style="volume").svg == spec.diagram(style="volume").svg
    assert net.diagram(depth=1, direction="right").svg == spec.diagram(1, direction="right").svg
    assert net.field("conv2", (1, 2)).svg == spec.field("conv2", (1, 2)).svg
    assert str(net.summary()) == str(spec.summary()) and net.counts().totals == spec.counts().totals
    for drawn, name in ((net, "net.svg"), (spec, "spec.svg")):
        drawn.draw(tmp_path / name, style="blocks", theme="dark")
    assert (tmp_path / "net.svg").read_bytes() == (tmp_path / "spec.svg").read_bytes()


def test_differences_and_comparisons_are_netspecs_own(resnet: Any, lenet: Any) -> None:
    net = netspec.compile(SPECS / "lenet.net", device="reference")
    assert not netspec.diff(SPECS / "lenet.net", lenet) and not netspec.diff(str(SPECS / "lenet.net"), net)
    assert "conv" in str(netspec.diff(lenet, resnet))
    found = netspec.compare(resnet, SPECS / "lenet.net", accuracy={"lenet5": 50}, area="memory")
    assert [c.name for c in found.nets] == ["resnet18", "lenet5"]
    assert [c.accuracy for c in found.nets] == [69.758, 50], "the published one, and the given one"
    assert [c.parameters for c in netspec.compare([lenet, resnet]).nets] == [61_706, 11_689_512]


WRONG: dict[str, Callable[..., Any]] = {
    "open": lambda s, **_: s.diagram(open="zz"), "open volume": lambda s, **_: s.diagram(style="volume", open="stage1"),
    "open int": lambda s, **_: s.diagram(open=[5]), "focus": lambda s, **_: s.diagram(focus="zz"), "depth": lambda s, **_: s.diagram(0),
    "depth text": lambda s, **_: s.diagram("1"), "style": lambda s, **_: s.diagram(style="x"),
    "direction": lambda s, **_: s.diagram(direction="up"), "page": lambda s, **_: s.diagram(page="a9"),
    "page int": lambda s, **_: s.diagram(page=5), "theme": lambda s, **_: s.diagram(theme=[]),
    "volumes": lambda **_: netspec.load_graph(text="net a:\n  input 3x8x8\n" + "".join(
        f"  conv {4 + k % 3} 3x3\n" for k in range(95)) + "  fc 2\n").diagram(style="volume"),
    "draw": lambda s, **_: s.draw(5), "profile": lambda s, **_: s.draw("none/a.html", profile=5),
    "summary": lambda s, **_: s.summary(depth=0), "memory": lambda s, **_: s.summary(memory="x"),
    "receptive": lambda s, **_: s.summary("x"), "diff": lambda s, **_: netspec.diff(s, 5),
    "diff theme": lambda s, n, **_: netspec.diff(s, n).svg("red"), "diff path": lambda s, n, **_: netspec.diff(s, n).draw("x.tif"),
    "compare": lambda **_: netspec.compare(), "compare int": lambda s, **_: netspec.compare(s, 5),
    "area": lambda s, **_: netspec.compare(s, area="x"), "accuracy": lambda s, **_: netspec.compare(s, accuracy=[1]),
    "accuracy text": lambda s, **_: netspec.compare(s, accuracy={"resnet18": "a"}),
    "accuracy nan": lambda s, **_: netspec.compare(s, accuracy={"resnet18": float("nan")}),
    "picture": lambda n, **_: n.field(picture=7), "picture 5": lambda n, **_: n.field(picture=np.ones((5, 5, 5))),
    "picture 3.0": lambda n, **_: n.field(picture=np.full((8, 8), 3.0)), "source": lambda n, **_: n.field(source="x"),
    "source int": lambda n, **_: n.field(source=5), "frame": lambda f, **_: f.frame(f.last + 1),
    "frame -1": lambda f, **_: f.frame(-1), "frame text": lambda f, **_: f.frame("1"), "film": lambda f, **_: f.save("a.zip")}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_by_the_call(what: str, resnet: Any, lenet: Any, film: Any) -> None:
    with pytest.raises(netspec.NetspecError):
        WRONG[what](s=resnet, n=lenet, f=film)


def test_everything_that_is_drawn_is_one_line_in_a_console(resnet: Any, lenet: Any, film: Any) -> None:
    for shown in (resnet, resnet.diagram(), resnet.diagram(style="volume"), resnet.diagram(style="blocks"), lenet.field(), film,
                  netspec.diff(resnet, lenet), netspec.compare(resnet, lenet), resnet.summary()):
        assert "\n" not in repr(shown) and len(repr(shown)) < 120, repr(shown)


def test_a_field_is_in_the_input_that_is_asked_for() -> None:
    """By hand: 3 places of 9, each of them 1 of the left input, and 4 of the right one, which makes 6 of its 12."""
    spec = netspec.load_graph(text=TWO)
    assert (one := spec.field().sight).input == "left" and one.others == ("right",) and one.planes[0].seen == (3, 3)
    other = spec.field(source="right").sight
    assert other.input == "right" and other.others == ("left",) and other.planes[0].seen == (6, 6)
    assert other.planes[0].sizes == (12, 12)
    with pytest.raises(netspec.UsageError, match="is made from left"):
        spec.field("l", source="right")


def test_a_photograph_is_a_file_an_image_or_an_array(tmp_path: Path) -> None:
    spec = netspec.load_graph(text="net a:\n  input 3x24x24\n  conv 4 3x3\n")
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    asked = spec.field(picture=tmp_path / "a.png").svg
    assert "base64" in asked
    for same in (pixels, pixels.transpose(2, 0, 1), pixels[None], pixels / 255, Image.fromarray(pixels), pixels.tolist()):
        assert spec.field(picture=same).svg == asked
    grey = netspec.load_graph(text="net a:\n  input 1x24x24\n  conv 4 3x3\n")
    assert grey.field(picture=pixels[..., 0]).svg == grey.field(picture=pixels[..., :1]).svg
