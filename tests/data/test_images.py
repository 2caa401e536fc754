"""A folder of pictures as training data: what is found in it, who validates, and what is refused, at which line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.datasets import DATASETS, Data, DataError
from netspec.datasets.parts import pictures
from netspec.datasets.parts.remembered import Remembered
from netspec.datasets.parts.split import shares_of, split
from netspec.reading import Own
from netspec.words import WordError
from netspec.words.dataset import Request

SPEC = "net a:\n  input {}\n  fc {}\ntrain a:\n  data images {}\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n"


def picture(path: Path, seed: int = 0, size: tuple[int, int] | None = None) -> None:
    """A file with a picture of its own, of a size of its own."""
    random = np.random.default_rng(seed)
    h, w = size or random.integers(6, 30, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random.integers(0, 256, (h, w, 3)).astype(np.uint8)).save(path)


def folder(root: Path, counts: dict[str, int]) -> Path:
    """Folders of classes with so many pictures each."""
    for c, (name, n) in enumerate(counts.items()):
        for k in range(n):
            picture(root / name / f"{k:03}.{('png', 'jpg', 'bmp')[k % 3]}", 100 * c + k)
    return root


def images(path: Any, request: Request | None = None, **arguments: Any) -> Data:
    word = DATASETS["images"](path=path, **arguments)
    word.check()
    data: Data = word.read(request or Request(None, {"input": (3, 8, 10)}))
    return data


def names(part: Any, root: Path) -> list[str]:
    return [Path(f).relative_to(root).as_posix() for f in part[0].files]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_classes_are_the_folders(here: Path) -> None:
    root = folder(here / "p", {"dog": 2, "ant": 3, "Bee": 1, "10": 1})
    for passed_over in (".hidden/1.png", "__MACOSX/1.png", "dog/._000.png", "dog/Thumbs.db", ".DS_Store", "dog/desktop.ini"):
        picture(root / f"{passed_over}.png")
        (root / f"{passed_over}.png").rename(root / passed_over)
    picture(root / "dog" / "small" / "black" / "x.JPEG", 7)
    (root / "dog" / "small" / "note.txt").write_text("no picture")
    (root / "labels.doc").write_text("nor this")
    data = images("p")
    assert data.classes == ("10", "Bee", "ant", "dog") and data.name == "p" and data.test is data.validation is None
    assert names(data.train, root) == ["10/000.png", "Bee/000.png", "ant/000.png", "ant/001.jpg", "ant/002.bmp", "dog/000.png",
                                       "dog/001.jpg", "dog/small/black/x.JPEG"]
    assert data.train[1].tolist() == [0, 1, 2, 2, 2, 3, 3, 3] and data.train[1].dtype == np.int64
    assert data.remarks == ("2 files are no pictures: labels.doc, dog/small/note.txt",)
    x: Any = data.train[0]
    assert x.shape == (8, 3, 8, 10) and x.dtype == np.uint8 and x.ndim == 4 and len(x) == 8
    want = [pictures.read(f, 3, (8, 10)) for f in x.files]
    assert (x[:] == want).all() and (x[2:5] == want[2:5]).all() and (x[np.array([6, 0, 6])] == [want[k] for k in (6, 0, 6)]).all()
    with ThreadPoolExecutor(4) as threads:
        assert all((a == want[k]).all() for k, a in zip([*range(8)] * 4, threads.map(x.example, [*range(8)] * 4)))


def test_sizes_and_colours(here: Path) -> None:
    folder(here / "p", {"a": 2, "b": 1})

    def shape(inputs: dict[str, Any], **arguments: Any) -> tuple[int, ...]:
        data = images("p", Request(None, inputs), **arguments)
        assert data.train[0][:].shape == data.train[0].shape
        return tuple(data.train[0].shape[1:])

    assert shape({"input": (1, 8, 10)}) == (1, 8, 10)
    assert shape({"picture": (3, None, None)}, size=9) == (3, 9, 9)
    assert shape({"picture": (None, None, 12)}, size=(9, 12), colour="grey") == (1, 9, 12)
    assert shape({}, size=4) == (3, 4, 4)
    for resize in ("cover", "fit", "stretch"):
        data = images("p", resize=resize)
        assert (data.train[0].example(0) == pictures.read(data.train[0].files[0], 3, (8, 10), resize)).all()
    Image.fromarray(np.full((5, 5), 40_000, np.uint16)).save(here / "p" / "b" / "deep.png")
    data = images("p", Request(None, {"input": (1, 5, 5)}))
    assert data.train[0].dtype == np.float32
    assert (data.train[0].example(3) == np.float32(40_000) / np.float32(65535)).all()
    assert (data.train[0].example(0) == pictures.read(data.train[0].files[0], 1, (5, 5)) / np.float32(255)).all()


def test_shares_are_of_each_class_and_drawn_by_the_seed(here: Path) -> None:
    root = folder(here / "p", {"a": 20, "b": 5, "c": 3})

    def parts(seed: int, **arguments: Any) -> list[list[str]]:
        data = images("p", Request(None, {"input": (3, 8, 8)}, seed), **arguments)
        found = [data.train, data.validation, data.test]
        for part in found:
            if part is not None:
                assert [f.split("/")[0] for f in names(part, root)] == [data.classes[k] for k in part[1]]
        return [[] if part is None else names(part, root) for part in found]

    whole = parts(0)
    assert [len(p) for p in whole] == [28, 0, 0]
    train, validation, test = parts(0, validation=0.2)
    assert not test and sorted(train + validation) == sorted(whole[0]) and train == sorted(train)
    assert [sum(f.startswith(c) for f in validation) for c in "abc"] == [4, 1, 1]
    assert parts(0, validation=0.2) == [train, validation, test] and parts(1, validation=0.2)[1] != validation
    three = parts(0, validation=0.2, test=0.1)
    assert sorted(f for part in three for f in part) == sorted(whole[0]) and [sum(f.startswith("a") for f in p)
                                                                              for p in three] == [14, 4, 2]
    assert three[2] == parts(0, test=0.1)[2] == parts(0, validation=0.4, test=0.1)[2]


def test_shares_of_any_labels() -> None:
    random = np.random.default_rng(0)
    for n, labels in ((1000, random.integers(-1, 7, 1000)), (50, None)):
        train, validation, test = split(labels, n, 0.25, 0.1, 3, "x")
        assert (np.sort(np.concatenate([train, validation, test])) == np.arange(n)).all()
        assert all((np.diff(part) > 0).all() for part in (train, validation, test))
        if labels is not None:
            for k in np.unique(labels):
                among = (labels == k).sum()
                assert abs((labels[validation] == k).sum() - among / 4) < 1 and abs((labels[test] == k).sum() - among / 10) < 1
            assert (len(validation), len(test)) == (250, 100)
    train, validation, test = split(np.array([1, 0, 0, 2, 0, 2]), 6, 0.2, 0.2, 0, "x")  # what is rare trains
    assert len(validation) == 1 and len(test) == 2 and 0 in train and len({3, 5} & {*train}) == 1
    with pytest.raises(DataError, match="too few examples to validate"):
        split(np.array([0, 1]), 2, 0.2, 0, 0, "x")


def test_shares_of_classes_come_to_the_share_of_all() -> None:
    """A tenth of 50,000 is 5,000, whatever the classes have. Where each class's own rounding comes to the same, it is that."""
    random, same = np.random.default_rng(1), 0
    labels = random.integers(0, 10, 50_000)
    assert len(split(labels, 50_000, 0.1, 0, 0, "x")[1]) == 5000
    for _ in range(300):
        sizes, share = random.integers(1, 60, random.integers(1, 12)), float(random.choice([0.05, 0.1, 0.2, 0.29, 1 / 3, 0.5]))
        given, each = shares_of(sizes, share, sizes - 1), np.clip((sizes * share + 0.5).astype(int), 1, sizes - 1).clip(min=0)
        assert (given <= sizes - 1).all() and (given >= np.minimum(1, sizes - 1)).all()
        assert (given > sizes * share - 1.01)[sizes > 1].all()
        if each.sum() == given.sum() == round(sizes.sum() * share):
            same += (given == each).all()
            assert (given == each).all(), (sizes, share)
        elif (sizes * share >= 1).all() and share < 0.5:
            assert given.sum() == int(sizes.sum() * share + 0.5)
    assert same > 50


def test_a_folder_that_is_split_already(here: Path) -> None:
    for val in ("val", "valid", "Validation"):
        root = here / val
        folder(root / "train", {"b": 2, "a": 1})
        folder(root / val, {"a": 1})
        folder(root / "test", {"a": 1, "b": 1})
        data = images(val)
        assert data.classes == ("a", "b") and names(data.train, root)[0] == "train/a/000.png"
        assert data.validation is not None and data.test is not None
        assert data.validation[1].tolist() == [0] and data.test[1].tolist() == [0,
                                                                                1] and names(data.test,
                                                                                        root)[1] == "test/b/000.png"
    with pytest.raises(DataError, match="holds pictures for validation already"):
        images("val", validation=0.2)
    folder(here / "val" / "validation", {"a": 1})
    with pytest.raises(DataError, match="two folders"):
        images("val")
    folder(here / "other", {"a": 3, "b": 3})
    folder(here / "more", {"b": 2})
    data = images("other", validation="more", test=0.3)
    assert data.validation is not None and data.validation[1].tolist() == [1,
                                                                           1] and data.test is not None and len(data.test[1]) == 2
    folder(here / "more", {"c": 1})
    with pytest.raises(DataError, match="no class of the training part"):
        images("other", validation="more")


def test_links_stay_below_the_folder_of_the_spec(here: Path) -> None:
    inside, outside = folder(here / "in" / "p", {"a": 2, "b": 1}), folder(here / "out", {"c": 1})
    request = Request(os.fspath(here / "in"), {"input": (3, 8, 8)})
    (inside / "b" / "again.png").symlink_to(inside / "a" / "000.png")
    (inside / "b" / "round").symlink_to(inside)  # leads above itself
    assert len(images("p", request).train[1]) == 2 + 2 + 2  # round again: those of a
    for link, to in ((inside / "a" / "leak.png", outside / "c" / "000.png"), (inside / "c", outside / "c"),
                     (here / "in" / "q", outside)):
        link.symlink_to(to)
        with pytest.raises(DataError) as e:
            images("q" if link.name == "q" else "p", request)
        assert e.value.diagnostics[0].code == "file-outside"
        if link.name != "q":
            assert len(images(Own("in/p"), Request(os.fspath(here), {"input": (3, 8, 8)})).train[1]) >= 6  # the user's own may
            link.unlink()
    for name in ("../out", str(outside)):
        with pytest.raises(DataError, match="in its own folder"):
            images(name, request)


def test_what_cannot_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder(here / "p", {"a": 6, "b": 3})
    (root / "a" / "001.jpg").write_bytes(b"junk")
    cut = root / "b" / "000.png"
    cut.write_bytes(cut.read_bytes()[:-300])
    with pytest.raises(DataError) as e:
        images("p")
    d = e.value.diagnostics[0]
    assert d.code == "unreadable-picture" and "001.jpg" in d.title and d.hint == 'data images "p" skip_unreadable'
    data = images("p", skip_unreadable=True, validation=0.4)
    assert data.validation is not None and sorted(names(data.train, root) + names(data.validation, root)) == [
        "a/000.png", "a/002.bmp", "a/003.png", "a/004.jpg", "a/005.bmp", "b/001.jpg", "b/002.bmp"]
    assert data.remarks == (f"2 pictures of 9 cannot be read and are left out: {root / 'a' / '001.jpg'}, {cut}",)
    data.train[0][:], data.validation[0][:]
    (here / "a.net").write_text(SPEC.format("3x8x10", 2, '"p" skip_unreadable validation=0.4'))
    assert main(["train", "a.net"]) == 0
    said = capsys.readouterr().out
    assert "data p: 4 examples, 3 to validate\n  2 pictures of 9 cannot be read and are left out" in said
    (root / "a" / "001.jpg").unlink()
    late = images("p").train[0]  # it begins well: said when its turn comes
    with pytest.raises(DataError, match=r"000\.png cannot be read as a picture"):
        late[:]
    for file in (root / "b").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError) as e:
        images("p", skip_unreadable=True)
    assert e.value.diagnostics[0].code == "empty-class" and "class b has no pictures" in str(e.value)
    with pytest.raises(DataError, match="nor can 2 others of 8 pictures"):
        images("p")


REFUSED: list[tuple[str, tuple[str, ...], Callable[[Path], object] | None]] = [
    ('"pp"', ("there is no folder", "/pp", 'hint: data images "p"'), None),
    ('"p.txt"', ("p.txt is no folder",), lambda p: (p / "p.txt").write_text("")),
    ('"p"', ("class c has no pictures", "empty-class"), lambda p: (p / "p" / "c").mkdir()),
    ('"p"', ("class c has no pictures", "x.csv"), lambda p: ((p / "p" / "c").mkdir(), (p / "p" / "c" / "x.csv").write_text(""))),
    ('"p"', ("one class, a",), lambda p: shutil.rmtree(p / "p" / "b")),
    ('"deep"', ("one class, p", 'hint: data images "deep/p"'),
     lambda p: ((p / "deep").mkdir(), (p / "p").rename(p / "deep" / "p"))),
    ('"p/a"', ("no folders of classes", 'hint: data images "p/a" labels="labels.csv"'), None),
    ('"p" size=9', ("pictures of 9x9 do not fit", 'hint: data images "p" size=8x10'), None),
    ('"p" grey', ("grey pictures have 1 channel", 'hint: data images "p"\n'), None),
    ('"p" validation=1.5', ("more than 0 and less than 1", "hint: validation=0.2"), None),
    ('"p" validation=0.6 test=0.4', ("nothing is left to train",), None),
    ('"p" validation=0.1', ("too few examples to validate",),
     lambda p: [f.unlink() for c in "ab" for f in sorted((p / "p" / c).iterdir())[1:]]),
    ('"p" size=1x2x3', ("a height and a width",), None),
    ('"p" colour=red', ("must be one of: grey, rgb",), None),
    ('" "', ("the name of a folder is empty",), None),
    ('"p"', ("000.png cannot be read as a picture", 'hint: data images "p" skip_unreadable'),
     lambda p: (p / "p" / "a" / "000.png").write_bytes(b"junk")),
    ('"p"', ("000.png cannot be read as a picture", "pipe"),
     lambda p: ((p / "p" / "a" / "000.png").unlink(), os.mkfifo(p / "p" / "a" / "000.png"))),
]


@pytest.mark.parametrize(("line", "words", "change"), REFUSED, ids=range(len(REFUSED)))
def test_check_says_at_the_line_what_training_would_say(line: str, words: tuple[str, ...], change: Callable[[Path], object]
                                                        | None, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(here / "p", {"a": 4, "b": 4})
    if change is not None:
        change(here)
    (here / "a.net").write_text(SPEC.format("3x8x10", 2, line))
    said = []
    for command in ("check", "train"):
        assert main([command, "a.net"]) == 1
        said.append(capsys.readouterr().err)
        assert all(w in said[-1] + "\n" for w in words), said[-1]
        assert "a.net:5:" in said[-1]
    assert said[0] == said[1]


def test_inputs_that_are_no_picture() -> None:
    for inputs, words in (({"a": (3, 8, 8), "b": (3, 8, 8)}, "this network has 2: a, b"), ({"a": (64,)}, "input 3x64x64"),
                          ({"a": (4, 8, 8)}, "input 3x8x8"), ({"a": (None, None, None)}, 'data images "p" size=64')):
        with pytest.raises(DataError, match=words):
            images("p", Request(None, inputs))  # type: ignore[arg-type]
    with pytest.raises(WordError, match="share of the examples"):
        DATASETS["images"](path="p", validation=True).check()  # type: ignore[call-arg]


def test_only_data_of_pictures_load_pillow(here: Path) -> None:
    folder(here / "p", {"a": 2, "b": 2})
    (here / "a.net").write_text(SPEC.format("3x8x10", 2, '"p"'))
    for command, loaded in (("['summary', 'a.net']", False), ("['explain', 'images']", False), ("['check', 'a.net']", True)):
        code = f"import sys\nfrom netspec.cli import main\nassert main({command}) == 0\nassert ('PIL' in sys.modules) is {loaded}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def test_pictures_stay_in_memory_once_they_are_decoded(here: Path) -> None:
    folder(here / "p", {"a": 2, "b": 2})
    data = images("p", validation=0.5)
    assert data.validation is not None
    first = [part[0][:] for part in (data.train, data.validation)]
    shutil.rmtree(here / "p")
    again = [part[0][:] for part in (data.train, data.validation)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))


def test_there_is_room_for_so_many_and_the_others_are_decoded_again(here: Path) -> None:
    files = [here / f"{k}.png" for k in range(4)]

    class Few(Remembered):
        def make(self, number: int) -> Any:
            return pictures.read(files[number], 3, (4, 5))

    def written(colour: int) -> None:
        for f in files:
            Image.new("RGB", (5, 4), (colour, colour, colour)).save(f)

    x = Few((4, 3, 4, 5), np.uint8, room=2 * 60 + 59)
    written(7)
    given = x[np.array([3, 0, 2])]
    assert (given == 7).all()
    given[:] = 0  # whoever gets an example has one of his own
    x.example(0)[:] = 0
    written(9)
    assert x[:].reshape(4, -1).max(1).tolist() == x[:].reshape(4, -1).min(1).tolist() == [7, 9, 9, 9], "1 was not read before"
    written(8)
    assert x[:].reshape(4, -1).max(1).tolist() == [7, 9, 8, 8]


def test_a_line_of_the_language_is_data_from_python(here: Path) -> None:
    """What a train section would read: pictures have classes and a size, shares are set apart; a mistake is told at the line."""
    folder(here / "shapes", {"circle": 4, "square": 4})
    data = netspec.data.load('images "shapes" size=9 validation=0.25')
    assert data.train[0].shape[1:] == (3, 9, 9) and data.validation is not None and data.classes
    assert netspec.data.load('data images "shapes" size=9').classes == data.classes
    with pytest.raises(netspec.NetspecError, match="sise"):
        netspec.data.load('images "shapes" sise=9')
