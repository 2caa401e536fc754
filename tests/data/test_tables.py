"""What a table or masks say of pictures: classes, several labels, numbers, a class for each pixel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_images import folder, images, names, picture

import netspec
from netspec.cli import main
from netspec.data import DataError
from netspec.datasets.parts import pictures
from netspec.diagnostics import NetspecError
from netspec.reading import Own
from netspec.words.dataset import Request


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for k in range(6):
        picture(tmp_path / "p" / f"{k}.png", k)
    return tmp_path


def asked(wants: Any = None, size: Any = (3, 8, 8)) -> Request:
    return Request(None, {"input": size}, wants=wants)


def read(text: str, wants: Any = None, name: str = "l.csv", **arguments: Any) -> Any:
    Path(name).write_text(text, encoding="utf-8")
    return images("p", asked(wants), labels=name, **arguments)


def test_a_column_of_classes(here: Path) -> None:
    for text in ("0.png,dog\n2.png,cat\n1.png,dog\n", "file,kind\n0.png,dog\n\n2.png,cat\n1.png,dog\n",
                 "\ufefffile\tkind\n0\tdog\n2\tcat\n1\tdog",
                 'file;kind\n./0.png;dog\n"2.png" ; "cat"\np/1.png;dog\n'.replace('"2.png" ; "cat"', '"2.png";"cat"')):
        for wants in ("classes", None):
            data = read(text, wants)
            assert data.classes == ("cat", "dog") and names(data.train, here / "p") == ["0.png", "1.png", "2.png"]
            assert data.train[1].tolist() == [1, 1, 0] and data.train[1].dtype == np.int64
            assert data.remarks == ()
    numbered = "".join(f"{k}.png,{n}\n" for k, n in enumerate([10, 9, 2, 9, 10, 2]))
    data = read(numbered, "classes")
    assert data.classes == ("2", "9", "10") and data.train[1].tolist() == [2, 1, 0, 1, 2, 0]
    assert read(numbered, None).train[1].tolist() == [10, 9, 2, 9, 10, 2]  # nobody says that these are classes
    assert read("".join(f"{k}.png,{k % 3}\n" for k in range(6)), None).classes == ("0", "1", "2")


@pytest.mark.parametrize("name", ["q" * 5000, "q" * 300 + "/l.csv"])
def test_a_table_whose_name_is_too_long_is_none(here: Path, name: str) -> None:
    with pytest.raises(NetspecError, match="there "):
        images("p", asked(), labels=Own(name))


def test_several_labels(here: Path) -> None:
    for text, wants in (("f,l\n0.png,cat;out\n1.png,\n2.png, out ;dog\n", "numbers"),
                        ("f,l\n0.png,cat;out\n1.png,\n2.png,out;dog\n", None),
                        ("f,cat,dog,out\n0.png,1,0,1\n1.png,0,0,0\n2.png,0,1,1.0\n", "numbers")):
        data = read(text, wants)
        assert data.classes == ("cat", "dog", "out") and data.train[1].tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 1]]
    data = read("f,cat,dog\n0.png,1,0\n1.png,0,1\n", "classes")
    assert data.classes == ("cat", "dog") and data.train[1].tolist() == [0, 1]
    assert read("0.png,cat\n1.png,dog\n", "numbers").train[1].tolist() == [[1, 0], [0, 1]]


def test_numbers(here: Path) -> None:
    data = read("f,x,y\n0.png,0.25,-3\n3.png,1e-3,+.5\n", "numbers")
    assert data.classes == () and data.train[1].tolist() == [[0.25, -3], [0.001, 0.5]]
    assert read("f,age\n0.png,31\n1.png,40\n").train[1].tolist() == [31, 40]
    assert read("f,age\n0.png,0\n1.png,1\n", "numbers").train[1].tolist() == [0, 1]


def test_parts_and_shares(here: Path) -> None:
    for part in ("train", "val"):
        for k in range(4):
            picture(here / "q" / part / f"{part}{k}.jpg", k)
    Path("q/l.csv").write_text("".join(f"{p}{k},{'ab'[k % 2]}\n" for k in range(4) for p in ("train", "val")))
    data = images("q", asked("classes"), labels="l.csv")  # found beside the pictures
    assert data.validation is not None and names(data.validation, here / "q") == [f"val/val{k}.jpg" for k in range(4)]
    assert data.train[1].tolist() == data.validation[1].tolist() == [0, 1, 0, 1]
    data = read("".join(f"{k}.png,{'ab'[k % 2]}\n" for k in range(6)), "classes", validation=0.3)
    assert data.validation is not None and sorted(data.validation[1]) == [0, 1] and len(data.train[1]) == 4
    assert len(read("".join(f"{k}.png,{k / 7}\n" for k in range(6)), "numbers", validation=0.5).train[1]) == 3
    Path("p/4.png").write_bytes(b"")
    data = read("".join(f"{k}.png,{'ab'[k % 2]}\n" for k in range(6)), "classes", skip_unreadable=True)
    assert names(data.train, here / "p") == [f"{k}.png" for k in (0, 1, 2, 3, 5)] and data.train[1].tolist() == [0, 1, 0, 1, 1]


@pytest.mark.parametrize(("text", "wants", "words"), [
    ("0.png,a\n9.png,b\n8.png,b\n", None, ("l.csv, line 2: there is no picture 9.png", "nor 1 more of its 3 lines")),
    ("0.png,a\n../p/../secret.png,b\n", None, ("line 2: there is no picture ../p/../secret.png",)),
    ("0.png,a\n1.png,b,c\n", None, ("line 2: 3 columns, where the first line has 2",)),
    ("0.png,a\n1.png,b\n0.png,b\n", None, ("line 3: 0.png stands in line 1 already",)),
    ("0.png,a\n1.png,\n", "classes", ("line 2: there is no class",)),
    ("0.png,a;b\n1.png,a\n", "classes", ("line 1: a;b are several labels", "hint: loss bce")),
    ("f,a,b\n0.png,1,0\n1.png,1,1\n", "classes", ("line 3: 2 labels, and the loss reads one class", "hint: loss bce")),
    ("f,x\n0.png,1.5\n1.png,nan\n", "numbers", ("line 3: nan is no number", "column x")),
    ("f,x\n0.png,1.5\n1.png,\n", "numbers", ("line 3: nothing is no number",)),
    ("0.png,1,2\n1.png,1_0,1\n", None, ("line 2: 1_0 is no number", "column 2")),
    ("0.png,1\n1.png,1e99\n", None, ("line 2: 1e99 is too large",)),
    ("f,x,y\n0.png,1,inf\n", None, ("line 2: inf is no number", "column y")),
    ("0.png,a\n1.png,a\n", "classes", ("one class, a",)),
    ("0.png,a\n1.png,b\0\n", "classes", ("line 2: it holds a zero byte",)),
    ("file,kind\n", None, ("names no picture",)), ("", None, ("is empty",)), ("0.png\n1.png\n", None, ("has one column",)),
    ('0.png,"a\n1.png,b\n', None, ("cannot be read as CSV",)), ("0.png,a\nx.png,b", None, ("line 2",))])
def test_what_a_table_cannot_say(text: str, wants: Any, words: tuple[str, ...], here: Path) -> None:
    with pytest.raises(DataError) as e:
        read(text, wants)
    assert all(w in str(e.value) for w in words), str(e.value)


def test_tables_that_are_not_there_or_no_text(here: Path) -> None:
    Path("bad.csv").write_bytes(b"0.png,caf\xe9\n")
    for name, words in (("no.csv", "there is no"), ("bad.csv", "not in UTF-8"), ("../l.csv", "in its own folder"),
                        ("p", "a folder")):
        with pytest.raises(NetspecError, match=words):
            images("p", asked(), labels=name)
    for part in "ab":
        picture(here / "p" / part / "same.png")
    with pytest.raises(DataError, match="line 1: same may be 2 pictures"):
        read("same,x\n0.png,y\n")
    assert len(read("a/same.png,x\nb/same,y\n").train[1]) == 2


def test_classes_as_many_as_channels(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(here / "q", {"ant": 3, "bee": 3, "cat": 3})
    Path("l.csv").write_text("".join(f"{k}.png,{'ab'[k % 2]}\n" for k in range(6)))
    net = "net a:\n  input 3x8x8\n  {}\ntrain a:\n  data images {}\n  loss {}\n  sgd lr=0.1\n  epochs 1\n"
    for step, line, loss, hint in (("fc 10", '"q"', "cross_entropy", "hint: fc 3\n"),
                                   ("fc 2 softmax", '"q"', "cross_entropy", "hint: fc 3\n"),
                                   ("conv 4 8x8 valid\n  dropout 0.1", '"q"', "cross_entropy", "hint: conv 3 8x8 valid\n"),
                                   ("fc 3", '"p" labels="l.csv"', "cross_entropy", "hint: fc 2\n"),
                                   ("fc 3", '"p" labels="l.csv"', "bce", "hint: fc 2\n")):
        Path("a.net").write_text(net.format(step, line, loss))
        for command in ("check", "train"):
            assert main([command, "a.net"]) == 1
            found = capsys.readouterr().err
            assert "[class-count]" in found and hint in found and "  data images" in found, found
    for step, line, loss in (("fc 3", '"q"', "cross_entropy"), ("fc 2", '"p" labels="l.csv"', "cross_entropy"),
                             ("fc 2", '"p" labels="l.csv"', "bce"), ("deconv 3 1x1", '"p"', "mse target=input")):
        Path("a.net").write_text(net.format(step, line, loss))
        assert main(["check", "a.net"]) == 0, capsys.readouterr().err
    Path("l.csv").write_text("".join(f"{k}.png,{k % 2}\n" for k in range(6)))
    Path("a.net").write_text(net.format("fc 1", '"p" labels="l.csv"', "bce"))
    assert main(["check", "a.net"]) == 0, capsys.readouterr().err
    for part in "ab":
        picture(here / "two" / part / "1.png")
    Path("a.net").write_text(net.format("fc 1", '"two"', "bce"))  # one number for two classes
    assert main(["check", "a.net"]) == 0, capsys.readouterr().err


def test_masks_go_with_their_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    for k in range(6):
        with Image.open(f"p/{k}.png") as image:
            w, h = image.size
        mask = Image.fromarray(random.integers(0, 4, (h, w)).astype(np.uint8))
        os.makedirs("p/masks", exist_ok=True)
        if k % 2:
            mask = mask.convert("P")
        mask.save(f"p/masks/{k}.{'png' if k % 3 else 'bmp'}")
    for resize in ("cover", "fit", "stretch"):
        data = images("p", asked("classes", (3, 8, 10)), masks="masks", resize=resize, validation=0.3)
        assert data.validation is not None and data.classes == () and len(data.train[1]) == 4 and len(data.validation[1]) == 2
        y: Any = data.train[1]
        assert y.shape == (4, 8, 10) and y.dtype == np.int64
        for k, (f, m) in enumerate(zip(data.train[0].files, y.files)):
            assert Path(f).stem == Path(m).stem and Path(f).parent == here / "p"
            with Image.open(m) as image:
                assert (y.example(k) == pictures.nearest(np.asarray(image), (8, 10), resize, 255)).all()
    assert (y[:] <= 255).all() and len(data.train[0]) == 4
    text = (
        'net a:\n  input 3x8x8\n  conv 4 1x1\ntrain a:\n  data images "p" masks="p/masks"\n  loss cross_entropy\n  sgd lr=0.1\n')
    Path("a.net").write_text(text)
    assert main(["check", "a.net"]) == 0
    assert netspec.load_graph(text=text).graph.training is not None
    for step, code in (("conv 4 1x1", 0), ("conv 3 1x1", 1)):
        Path("a.net").write_text(text.replace("conv 4 1x1", step) + "  epochs 1\n")
        assert main(["train", "a.net"]) == code
    found = capsys.readouterr().err
    assert "label 3 is no class of this network" in found and f"the target of output `out`: {here}/p/masks/" in found
    Path("a.net").write_text(text.replace("p/masks\"", "p/masks\" fit") + "  epochs 1\n")
    assert main(["train", "a.net"]) == 1 and "hint: loss cross_entropy ignore=255" in capsys.readouterr().err
    Path("p/masks/2.png").unlink()
    with pytest.raises(DataError, match=r"2\.png has no mask"):
        images("p", asked(), masks="masks")
    for image, words in ((Image.new("L", (3, 3)), "it has 3 x 3 pixels"),
                         (Image.fromarray(pictures.read("p/2.png").transpose(1, 2, 0)), "are colours")):
        image.save("p/masks/2.png")
        with pytest.raises(DataError, match=words):
            images("p", asked(), masks="masks")
        assert len(images("p", asked(), masks="masks", skip_unreadable=True).train[1]) == 5
    with pytest.raises(NetspecError, match="labels or masks"):
        netspec.load_graph(text=text.replace("masks=", 'labels="l.csv" masks='))


def test_pictures_alone_where_nothing_else_is_read(here: Path) -> None:
    picture(here / "p" / "more" / "1.png")
    data = images("p", asked("nothing"), test=0.3)
    assert len(data.train[0]) == 5 and data.train[1] is None and data.test is not None and len(data.test[0]) == 2
