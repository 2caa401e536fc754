"""The field of a unit, seen: its window in every layer against what gradients touch there, and the picture against the window."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.views.fields.sight import MOST, sight
from where import ROOT

PARTS = ["conv 2 3x5 /2x1", "residual:\n    conv 2 3x3\n    conv 2 3x1 dilation=2", "avgpool 3x2 /2x1", "up 2", "conv 1 3x3 valid"]
SIZE = (1, 18, 16)


def text_of(parts: list[str], shape: tuple[int, ...]) -> str:
    return f"net a:\n  input {'x'.join(map(str, shape))}\n  " + "\n  ".join(parts) + "\n"


def test_windows_are_what_gradients_touch() -> None:
    """In the input and in each layer on the way: the gradient of the unit by the values of that layer, computed by a network that
    begins there. Pools by their mean, and positive weights: nothing cancels."""
    graph = netspec.load_graph(text=text_of(PARTS, SIZE)).graph
    shapes = [SIZE, *(graph.by_name[n].type.shape for n in ("conv1", "add1", "avgpool1", "up1"))]
    checked = set()
    for k, shape in enumerate(shapes):
        if [s[1:] for s in shapes].count(shape[1:]) > 1:
            continue  # other planes of the same size stand for it
        net = netspec.compile(text=text_of(PARTS[k:], shape), device="reference", seed=1)
        net.set_parameters({n: abs(v) + 0.1 for n, v in net.parameters.items()})
        y = net.forward(np.ones((1, *shape)), mode="eval")
        for at in ((2, 9), (0, 0), (5, 27)):
            seen = sight(graph, "conv4", at)
            dy = np.zeros(y.shape)
            dy[(0, slice(None), *at)] = 1
            touched = np.argwhere(net.backward(dy, mode="eval")["input"][0].any(0))
            for plane in seen.planes:
                if plane.sizes == shape[1:]:
                    assert tuple(zip(touched.min(0), touched.max(0))) == plane.inside
                    checked.add(plane.name)
            assert seen.planes[-1].window == tuple((j, j) for j in at)
    assert checked >= {"input", "avgpool1", "up1"}


def test_published_fields() -> None:
    """AlexNet's conv5 sees 163 pixels, VGG-16's last pool 212 (Araujo, Norris and Sim, Distill 2019, count 195 to 212), a unit of
    LeNet's C5 everything; 195 is that of VGG's last convolution, 196."""
    for file, net, unit, size in (("alexnet", "alexnet", "conv5", 163), ("vgg", "vgg16", "stage5.maxpool1", 212),
                                  ("vgg", "vgg16", "stage5.conv3", 196), ("lenet", "lenet5", "conv3", 32)):
        planes = sight(netspec.load_graph(ROOT / "specs" / f"{file}.net", net).graph, unit).planes
        assert planes[0].seen == (size, size)
        assert planes[-1].seen == (1, 1)
        assert len(planes) <= MOST


def test_the_picture_shows_the_window(tmp_path: Path) -> None:
    """The rectangle on the flat input, in its pixels; the photograph as the input holds it; one copy of it in the file."""
    Image.fromarray(np.arange(64 * 80 * 3, dtype=np.uint8).reshape(64, 80, 3)).save(tmp_path / "photo.png")
    spec = netspec.load_graph(text="net a:\n  input 3x32x48\n  conv 4 5x3 valid\n  conv 2 3x3 /2 pad=1\n")
    drawn = spec.field("conv2", (1, 20), tmp_path / "photo.png")
    assert drawn.sight.planes[0].window == ((1, 7), (39, 43))
    boxes = [tuple(map(float, b)) for b in
             re.findall(r'd="M([\d.]+) ([\d.]+)L([\d.]+) \2L\3 ([\d.]+)L\1 \4Z"', drawn.svg)]
    x0, y0, x1, _ = boxes[0]
    pixel = (x1 - x0) / 48
    x, y, right, below = boxes[-1]
    drawn_at = [(x - x0) / pixel, (right - x0) / pixel, (y - y0) / pixel, (below - y0) / pixel]
    assert np.allclose(drawn_at, [39, 44, 1, 8], atol=0.05)
    (photo,) = re.findall(r"base64,([^\"]*)", drawn.svg)
    assert Image.open(io.BytesIO(base64.b64decode(photo))).size == (48, 32)
    assert drawn._repr_svg_() == drawn.svg
    assert repr(drawn) == "FieldPicture of conv2 at (1, 20): 7×5 of 32×48 of input"


def test_every_kind_of_net_has_a_drawing_or_says_why(tmp_path: Path) -> None:
    for file, net in (("wavenet", None), ("unet", None), ("deepbind", None), ("siamese", None), ("fcn", None)):
        for theme in ("light", "dark"):
            netspec.load_graph(ROOT / "specs" / f"{file}.net", net).field(theme=theme).save(tmp_path / f"{file}.svg")
            assert (tmp_path / f"{file}.svg").read_text(encoding="utf-8").startswith("<svg")
    for file, net in (("voxnet", None), ("mvcnn", None), ("linear", "mlp")):
        with pytest.raises(netspec.UsageError, match="neither"):
            netspec.load_graph(ROOT / "specs" / f"{file}.net", net).field()
    with pytest.raises(netspec.UsageError, match="not known"):
        netspec.load_graph(text="net a:\n  input 3x?x?\n  conv 4 3x3\n").field()


@pytest.mark.parametrize(("given", "said"), [
    (("--unit", "conv9"), "did you mean `conv"), (("--at", "5,5"), "0..4 x 0..4"), (("--at", "5"), "none of them"),
    (("--unit", "fc1", "--at", "0,0"), "has no places"), (("--picture", "none.png"), "cannot be read"),
    (("-o", "a.pdf3"), ".svg"), (("--at", "a,b"), "no place")])
def test_what_cannot_be_drawn(given: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = () if "-o" in given else ("-o", str(tmp_path / "a.svg"))
    try:
        code: Any = main(["field", str(ROOT / "specs" / "lenet.net"), *given, *out])
    except SystemExit as e:
        code = e.code
    assert code == (1 if "--picture" in given else 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize(("net", "unit", "at"), [("resnet_cifar.net:resnet20", None, None), ("vgg.net:vgg16", "stage3.conv3", (0, 30)),
                                                 ("lenet.net:lenet5", None, None), ("wavenet.net", None, None)])
def test_no_line_says_that_more_is_seen_than_there_is(net: str, unit: str | None, at: tuple[int, ...] | None) -> None:
    """`32×32 of 32×32`, and in a column of its own how large the window is with padding."""
    file, _, name = net.partition(":")
    drawn = netspec.load_graph(ROOT / "specs" / file, name or None).field(unit, at)
    for sizes in re.findall(r">([\d×]+) of ([\d×]+)", drawn.svg):
        seen, there = (list(map(int, s.split("×"))) for s in sizes)
        assert all(s <= n for s, n in zip(seen, there, strict=True)), sizes
    padded = [p for p in drawn.sight.planes if p.window != p.inside]
    assert ("with padding</text>" in drawn.svg) == bool(padded)
    for p in padded:
        assert f">{'×'.join(map(str, p.seen))}</text>" in drawn.svg


def test_what_python_may_say() -> None:
    spec = netspec.load_graph(ROOT / "specs" / "lenet.net")
    assert spec.field("conv2", np.array([3, 4])).sight.at == (3, 4)
    for wrong in ({"unit": 5}, {"at": 3}, {"at": "2,2"}, {"at": (1.5, 2)}, {"theme": "red"}, {"picture": 7}, {"unit": "conv9"}):
        with pytest.raises(netspec.NetspecError):
            spec.field(**wrong)  # type: ignore[arg-type]
    for path in (7, "a.tif", "none/such/folder/a.svg"):
        with pytest.raises(netspec.NetspecError):
            spec.field().save(path)  # type: ignore[arg-type]


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lenet = str(ROOT / "specs" / "lenet.net")
    assert main(["field", lenet, "--unit", "conv2", "--at", "3,4", "-o", str(tmp_path / "a.svg")]) == 0
    assert capsys.readouterr().out.startswith("conv2 at 3,4 sees 14×14 of 32×32 places of input: drew ")
    assert main(["field", lenet, "--unit", "conv2", "--at", "3,4", "-o", "-"]) == 0
    assert capsys.readouterr().out == (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_inputs_beside_the_one_drawn_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec, out = tmp_path / "a.net", tmp_path / "a.svg"
    spec.write_text("net a:\n  input left 1x9x9\n  input right 1x9x9\n  @left -> conv 1 3x3 -> add @right -> conv 1 3x3\n",
                    encoding="utf-8")
    assert main(["field", str(spec), "-o", str(out)]) == 0
    assert "places of left" in (said := capsys.readouterr().out) and "made from right as well" in said
    assert "made from right as well" in out.read_text(encoding="utf-8")
    assert main(["field", str(spec), "--unit", "conv1", "-o", str(out)]) == 0
    assert "right" not in capsys.readouterr().out and "as well" not in out.read_text(encoding="utf-8")


def test_long_names_keep_their_ends_and_more_than_all_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Rows of a table differ in what stands last in their paths."""
    outer, inner = "b" * 30, "c" * 30
    path = tmp_path / "a.net"
    path.write_text(f"block {inner}:\n  conv 2 3x3\n  conv 2 5x5\n\nblock {outer}:\n  {inner}\n\n"
                    f"net a:\n  input 1x8x8\n  {outer}\n")
    assert main(["field", str(path), "-o", str(tmp_path / "f.svg")]) == 0
    assert "sees 7×7 of 8×8 places of input: drew" in capsys.readouterr().out
    drawn = (tmp_path / "f.svg").read_text()
    assert {".conv1</text>", ".conv2</text>"} <= {f".conv{t}" for t in drawn.split(".conv")[1:] for t in (t[:8],)}
    path.write_text("net a:\n  input 1x8x8\n  conv 2 5x5 -> conv 2 5x5 -> conv 2 5x5\n")
    assert main(["field", str(path), "-o", str(tmp_path / "f.svg")]) == 0
    assert "sees 8×8 of 8×8 places of input, 13×13 with padding: drew" in capsys.readouterr().out


def test_a_pool_of_all_is_one_place() -> None:
    """What a gate is made from has no padding around it."""
    text = text_of(["a: conv 2 3x3", "avgpool global -> up @a -> mul @a", "conv 2 3x3", "conv 1 3x3"], (1, 8, 8))
    planes = {p.name: p for p in sight(netspec.load_graph(text=text).graph, "conv3").planes}
    assert planes["avgpool1"].window == ((0, 0), (0, 0))
