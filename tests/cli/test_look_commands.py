"""`netspec look`, `dream` and `style`: every kind of picture, of a checkpoint, a spec with weights, and what is refused."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.cli.commands.pictures.look import WORDS
from netspec.look.kinds import KINDS, picture
from netspec.views.look.plate import Panel, Plate
from netspec.views.look.plates import Plates

SPEC = "net small:\n  input 3x16x16\n  conv 4 3x3 bn relu\n  maxpool 2\n  conv 6 3x3 relu\n  avgpool global\n  fc 3\n"
TRAIN = "train small:\n  data images \"shapes\" size=16\n  prepare centre mean=0.5\n  loss cross_entropy\n  sgd lr=0.1\n"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with names of classes, its spec, weights of another program, and pictures of several sizes."""
    folder, random = tmp_path_factory.mktemp("look"), np.random.default_rng(0)
    (folder / "small.net").write_text(SPEC + "\n" + TRAIN)
    net = netspec.compile(folder / "small.net", device="reference", seed=1)
    net.state.learnt.classes = ("circle", "square", "<b>star</b>")
    net.save(str(folder / "small.safetensors"))
    np.savez(folder / "weights.npz", **{k: np.array(v) for k, v in {**net.parameters, **net.buffers}.items()})
    (folder / "photos").mkdir()
    for k, size in enumerate(((16, 16, 3), (20, 33, 3), (40, 24), (16, 16, 3))):
        Image.fromarray(random.integers(0, 256, size).astype(np.uint8)).save(folder / "photos" / f"{k}.png")
    (folder / "small2.net").write_text("net two:\n  input left 3\n  input right 3\n  @left -> mul @right -> fc 2\n")
    return folder


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def here(room: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(room)
    return room


def test_the_words_of_the_command_are_the_kinds() -> None:
    assert tuple(KINDS) == WORDS


@pytest.mark.parametrize("what", KINDS)
def test_every_kind_is_a_png(what: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [] if what in ("filters", "maximise") else ["photos/0.png", "photos"]
    small = ["--steps", "3"] if what in ("maximise", "integrated") else []
    assert main(["look", "small.safetensors", *files, "--what", what, "-o", f"{what}.png", "--device", "reference", *small]) == 0
    assert f"drew {what}.png" in (said := capsys.readouterr().out) and said.startswith("small: ")
    image = pixels(here / f"{what}.png")
    assert image.shape[2] == 3 and min(image.shape[:2]) > 100 and image.std() > 5


class Page(HTMLParser):
    """What a page holds: its tags, its pictures, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.pictures, self.text = set[str](), list[bytes](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        source = dict(attrs).get("src")
        if source:
            import base64

            assert source.startswith("data:image/png;base64,")
            self.pictures.append(base64.b64decode(source.partition(",")[2]))
        assert tag != "img" or dict(attrs).get("alt")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_holds_several_kinds_and_nothing_foreign(here: Path) -> None:
    line = ["look", "small.net", "photos", "--weights", "small.safetensors", "--what", "filters,saliency", "--what", "gradcam",
            "--class", "<b>star</b>", "-o", "page.html", "--device", "reference"]
    assert main(line) == 0
    text = (here / "page.html").read_text()
    page = Page(text)
    assert len(page.pictures) == 1 + 2 * 4 * 3 and not {"script", "b", "link", "iframe"} & page.tags
    assert "for <b>star</b>" in page.text and "Grad-CAM of conv2" in page.text and "default-src 'none'" in text
    assert not re.findall(r"https?://", text)
    sizes = {Image.open(io.BytesIO(p)).size for p in page.pictures[1:]}
    assert sizes == {(160, 160)}  # each picture is brought to 16x16, and every pixel of it is a square of 10


def test_a_png_has_dots_for_print_and_says_how_many(here: Path) -> None:
    """A pixel of a page is 1/96 inch, and three dots of the file; a notebook shows it as a page does."""
    common = ["small.safetensors", "photos/1.png", "--device", "reference"]
    assert main(["look", *common, "--what", "saliency", "-o", "look.png"]) == 0
    assert main(["dream", *common, "--layer", "conv1", "--octaves", "1", "--steps", "1", "-o", "dream.png"]) == 0
    for name, dots in (("look", 288), ("dream", 300)):
        with Image.open(here / f"{name}.png") as made:
            assert [round(d) for d in made.info["dpi"]] == [dots, dots]
    plates = Plates((Plate("a title", "", ((Panel(np.zeros((160, 160, 3), np.uint8), ("words",)),),)),))
    fine, shown = (Image.open(io.BytesIO(data)) for data in (plates.png, plates._repr_png_()))
    assert fine.size == (3 * shown.width, 3 * shown.height) and shown.width >= 160


def test_a_class_by_its_number_and_weights_of_another_program(here: Path) -> None:
    common = ["photos/1.png", "--what", "saliency", "--device", "reference"]
    for name, more in (("a", ["small.safetensors", "--class", "2"]), ("b", ["small.net", "--weights", "weights.npz", "--class", "2"])):
        assert main(["look", more[0], *common, *more[1:], "-o", f"{name}.png"]) == 0
    a, b = (pixels(here / f"{n}.png") for n in "ab")
    assert (a[:200] == b[:200]).mean() > 0.97  # but for the names of the classes


def test_a_spec_is_told_how_its_weights_want_pictures(here: Path) -> None:
    """`--prepare` is the line that a train section would have: the picture is the same."""
    (here / "bare.net").write_text(SPEC)
    net = netspec.load("small.safetensors", device="reference")
    np.savez(here / "bare.npz", **{k: np.array(v) for k, v in {**net.parameters, **net.buffers}.items() if "prepare" not in k})
    common = ["photos/0.png", "--what", "integrated", "--class", "2", "--device", "reference", "--steps", "3"]
    for name, prepare in (("without", []), ("with", ["--prepare", "centre mean=0.5"])):
        assert main(["look", "bare.net", "--weights", "bare.npz", *common, *prepare, "-o", f"{name}.png"]) == 0
    (here / "said.net").write_text(SPEC + "\ntrain small:\n  prepare centre mean=0.5\n")
    assert main(["look", "said.net", "--weights", "weights.npz", *common, "-o", "said.png"]) == 0
    assert (pixels(here / "with.png") == pixels(here / "said.png")).all()
    assert (pixels(here / "without.png") != pixels(here / "said.png")).any()


def test_files_may_stand_before_and_behind_the_options(here: Path) -> None:
    line = ["look", "small.safetensors", "photos/0.png", "--what", "saliency", "photos/1.png", "-o", "both.html", "photos/2.png"]
    assert main([*line, "--device", "reference"]) == 0
    assert all(f"photos/{k}.png" in (here / "both.html").read_text() for k in range(3))


def test_dream_and_style_are_as_large_as_their_picture(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["dream", "small.safetensors", "photos/1.png", "-o", "dream.png", "--octaves", "2", "--steps", "2", "--device", "reference"]
    assert main(line) == 0 and "33x20" in capsys.readouterr().out
    before, after = (pixels(here / p).astype(int) for p in ("photos/1.png", "dream.png"))
    assert before.shape == after.shape and 0 < abs(after - before).mean() < 20
    assert main([*line, "--unit", "1", "--layer", "conv2", "--size", "16"]) == 0 and pixels(here / "dream.png").shape == (10, 16, 3)
    line = ["style", "photos/1.png", "photos/2.png", "--size", "16", "--iterations", "2", "-o", "painted.png", "--device", "reference"]
    assert main([*line, "--weights", "small.safetensors"]) == 0 and "the loss went from" in capsys.readouterr().out
    assert pixels(here / "painted.png").shape == (10, 16, 3)
    assert main([*line, "--net", "small.net", "--weights", "weights.npz", "--begin", "noise", "--style-layers", "conv1"]) == 0


@pytest.mark.parametrize(("line", "error"), [
    ("look small.net photos --what saliency -o x.png", "its weights have learnt nothing"),
    ("look small.net photos --what saliency -o x.png --weights photos", "and no run"),
    ("look small.safetensors photos --what saliency -o x.svg", "written as .png or .html"),
    ("look small.safetensors --what saliency -o x.png", "none is given"),
    ("look small.safetensors photos --what gradcam --layer conv22 -o x.png", "did you mean `conv2`"),
    ("look small.safetensors photos --what gradcam --class 3 -o x.png", "class 3 is none of fc1's, which has 3"),
    ("look small.safetensors photos --what gradcam --class stars -o x.png", "there is no class `stars`"),
    ("look small.safetensors photos --what saliency --unit 1 -o x.png", "no layer is named"),
    ("look small.safetensors --what maximise --layer conv1 --unit 4 -o x.png", "unit 4 is none of conv1's"),
    ("look small.safetensors small.net --what saliency -o x.png", "small.net"),
    ("look small.safetensors photos/none.png --what saliency -o x.png", "none.png"),
    ("look small.safetensors photos/0.png --what neighbours -o x.png", "one alone"),
    ("look small.safetensors photos --what saliency -o nowhere/x.png", "nowhere/x.png"),
    ("look none.safetensors photos --what saliency -o x.png", "none.safetensors"),
    ("look small2.net photos --what saliency -o x.png", "learnt nothing"),
    ("look small.safetensors photos --prepare centre --what saliency -o x.png", "without --prepare"),
    ("look small.net --weights weights.npz photos --prepare center --what saliency -o x.png", "did you mean `centre`"),
    ("dream small.safetensors photos/0.png -o x.jpg", "written as .png"),
    ("dream small.safetensors photos/0.png --layer conv22 -o x.png", "did you mean"),
    ("style photos/0.png photos/1.png -o x.png", "no weights are named"),
    ("style photos/0.png photos/1.png --weights none.pth -o x.png", "none.pth"),
    ("style photos/0.png small.net --weights small.safetensors -o x.png", "small.net"),
])
def test_what_is_refused(line: str, error: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, *more = line.split()
    assert main([command, *more, "--device", "reference"]) in (1, 2)
    said = capsys.readouterr()
    assert error in " ".join(said.err.split()), said.err
    assert not (here / "x.png").exists()


def test_a_net_of_several_inputs_is_refused(here: Path) -> None:
    net = netspec.compile("small2.net", device="reference")
    with pytest.raises(netspec.NetspecError, match="has 2 inputs"):
        picture(net, "saliency", {"left": np.zeros((1, 3)), "right": np.zeros((1, 3))})


def test_a_picture_that_is_none_is_named_and_the_others_are_drawn(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "broken.png").write_bytes(b"none")
    line = ["look", "small.safetensors", "broken.png", "photos/0.png", "--what", "saliency,gradcam", "-o", "some.png", "--device", "reference"]
    assert main(line) == 1 and (here / "some.png").exists()
    assert capsys.readouterr().err.count("broken.png") == 1


@pytest.mark.parametrize(("shape", "text"), [((2, 12), "conv 3 5 relu\n  fc 2"), ((5,), "fc 4 relu\n  fc 2"), ((1, 3, 3, 3), "conv 2 3x3x3 relu\n  fc 2"),
                                             ((5, 8, 8), "conv 3 3x3 relu\n  fc 2")])
def test_sequences_volumes_and_numbers_are_looked_at_too(shape: tuple[int, ...], text: str) -> None:
    net = netspec.compile(text=f"net a:\n  input {'x'.join(map(str, shape))}\n  {text}\n", device="reference")
    x = np.random.default_rng(0).normal(size=(3, *shape))
    kinds = [k for k in KINDS if k not in ("occlusion", "maximise") and ("conv" in text or k not in ("filters", "gradcam", "exciting"))]
    made = picture(net, kinds, x, steps=3)
    assert Image.open(io.BytesIO(made.png)).size[1] > 500 and made.html.count("<img") > len(kinds)
