"""Pictures in tar files, made here by tarfile: read where they lie, whatever says what is on them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netspec.cli import main
from netspec.datasets import DATASETS, Data
from netspec.datasets.parts import pictures
from netspec.diagnostics import NetspecError
from netspec.words.dataset import Request


def picture(k: int, form: str = "PNG") -> bytes:
    random = np.random.default_rng(k)
    out = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (*random.integers(6, 30, 2), 3)).astype(np.uint8)).save(out, form)
    return out.getvalue()


def shard(path: str, members: dict[str, Any], form: int = tarfile.PAX_FORMAT) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for name, held in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(held, tarfile.TarInfo):
                tar.addfile(held)
            else:
                info.size = len(held)
                tar.addfile(info, io.BytesIO(held))


def examples(first: int, n: int, end: str, text: Any) -> dict[str, bytes]:
    """Members of n examples; `text` says what is on picture k."""
    return {name: held for k in range(first, first + n)
            for name, held in ((f"a/{k:03}.png", picture(k)), (f"a/{k:03}.{end}", text(k).encode()))}


def read(path: str, wants: Any = "classes", size: Any = (3, 8, 10), **arguments: Any) -> Data:
    made = DATASETS["shards"](path=path, **arguments)
    made.check()
    data: Data = made.read(Request(None, {"input": size}, wants=wants))
    return data


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_pictures_are_read_where_they_lie(form: int, here: Path) -> None:
    for s in range(3):
        shard(f"s/{s:03}.tar", examples(4 * s, 4, "cls", lambda k: f"{k % 3}\n") | {f"a/{s}.note.md": b"note", "b/._x.png": b""},
              form)
    for path in ("s/*.tar", "s", "s/{000..002}.tar", "s/00?.tar"):
        data = read(path)
        assert data.train[1].tolist() == [k % 3 for k in range(12)] and data.train[1].dtype == np.int64 and data.classes == ()
        x: Any = data.train[0]
        want = np.stack([pictures.read(picture(k), 3, (8, 10)) for k in range(12)])
        assert x.shape == (12, 3, 8, 10) and x.dtype == np.uint8 and (x[:]
                                                                      == want).all() and (x[np.array([7, 2])]
                                                                                          == want[[7, 2]]).all()
        with ThreadPoolExecutor(4) as threads:
            assert all((a == want[k]).all() for k, a in zip(range(12), threads.map(x.example, range(12))))
        assert data.remarks == ("3 files are no pictures: " + ", ".join(f"a/{s}.note.md in {here}/s/00{s}.tar" for s in range(3)),)
    assert len(read("s/001.tar").train[1]) == 4
    data = read("s/{000..001}.tar", validation="s/002.tar", test=0.3)
    assert data.validation is not None and data.validation[1].tolist() == [2, 0, 1,
                                                                           2] and data.test is not None and len(data.test[1]) == 3
    assert read("s", "nothing").train[1] is None


def test_what_is_on_a_picture(here: Path) -> None:
    def said(end: str, text: Any, wants: Any = "classes", **arguments: Any) -> tuple[Any, tuple[str, ...]]:
        shard("x.tar", examples(0, 4, end, text))
        data = read("x.tar", wants, **arguments)
        return data.train[1].tolist(), data.classes

    names = ["dog", "cat", "dog", "ant"]
    assert said("txt", lambda k: names[k]) == ([2, 1, 2, 0], ("ant", "cat", "dog"))
    assert said("json", lambda k: json.dumps({"label": names[k], "x": 1})) == ([2, 1, 2, 0], ("ant", "cat", "dog"))
    assert said("json", lambda k: json.dumps({"x": 1, "kind": k}), field="kind") == ([0, 1, 2, 3], ())
    assert said("json", lambda k: str(k)) == ([0, 1, 2, 3], ())
    assert said("json", lambda k: json.dumps({"labels": names[:k]}), "numbers") == ([[0, 0], [0, 1], [1, 1], [1, 1]],
                                                                                    ("cat", "dog"))
    assert said("json", lambda k: json.dumps({"label": [k, 0.5]}), "numbers") == ([[k, 0.5] for k in range(4)], ())
    assert said("txt", lambda k: f"{k / 4}", "numbers") == ([0, 0.25, 0.5, 0.75], ())
    assert said("txt", lambda k: ";".join(names[:k]), "numbers")[1] == ("cat", "dog")
    shard("x.tar", examples(0, 2, "txt", lambda k: names[k]))
    shard("y.tar", examples(5, 2, "txt", lambda k: "ant"))
    data = read("x.tar", test="y.tar")  # the classes of all parts are numbered together
    assert data.classes == ("ant", "cat", "dog") and data.test is not None and data.test[1].tolist() == [0, 0]


def special(kind: bytes, name: str, to: str = "a/000.png") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


GOOD = examples(0, 3, "cls", lambda k: f"{k % 2}")
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"a/9.png": special(tarfile.SYMTYPE, "a/9.png", "/etc/passwd")}, "a/9.png, which is no plain file"),
    ({"a/9.png": special(tarfile.LNKTYPE, "a/9.png")}, "no plain file"),
    ({"a/9.png": special(tarfile.FIFOTYPE, "a/9.png")}, "no plain file"),
    ({"a/9.png": special(tarfile.CHRTYPE, "a/9.png")}, "no plain file"),
    ({"../9.png": picture(9)}, r"\.\./9\.png, which would lie outside"),
    ({"/9.png": picture(9)}, "would lie outside"), ({"a/../../9.png": picture(9)}, "would lie outside"),
    ({"a\\9.png": b""}, "would lie outside"),
    ({"a/9.png": picture(9)}, "a/9.png in .* says not what is on it"), ({"a/9.cls": b"1"}, "a/9 in .* has no picture"),
    ({"a/000.jpg": picture(9)}, "two files that are pictures"),
    ({"a/9.png": picture(9), "a/9.cls": b"x"}, "the class of a/9.png in .* is x"),
    ({"a/9.png": picture(9), "a/9.cls": b"-1"}, "is -1"),
    ({"a/9.png": picture(9), "a/9.txt": b"1"}, r"several ways(.|\n)*by .cls and .txt"),
    ({"a/9.png": picture(9), "a/9.cls": b"\xff"}, "not in UTF-8"),
    ({"a/9.png": b"junk", "a/9.cls": b"1"}, "a/9.png in .*x.tar cannot be read as a picture")]


@pytest.mark.parametrize(("more", "words"), BROKEN, ids=range(len(BROKEN)))
def test_members_that_are_refused(more: dict[str, Any], words: str, here: Path) -> None:
    shard("x.tar", GOOD | more)
    with pytest.raises(NetspecError, match=words):
        read("x.tar")
    if "cannot be read" in words:
        assert len(read("x.tar", skip_unreadable=True).train[1]) == 3


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_an_archive_may_lack_its_end(form: int, here: Path) -> None:
    """Wherever it breaks off: whole members are read, and who is cut short is named. Nothing is read otherwise."""
    long = "a/" + "n" * (200 if form != tarfile.USTAR_FORMAT else 90)
    shard("x.tar", {"0.cls": b"1", "0.png": picture(0), f"{long}.cls": b"0", f"{long}.png": picture(1)}, form)
    with tarfile.open("x.tar") as tar:
        members = tar.getmembers()
    whole, want = Path("x.tar").read_bytes(), read("x.tar").train
    begins = [m.offset for m in members[1:]]
    last = members[-1].offset_data + members[-1].size
    for at in (last, last + 1, -(-last // 512) * 512, -(-last // 512) * 512 + 512, -(-last // 512) * 512 + 700, len(whole) - 1):
        Path("cut.tar").write_bytes(whole[:at])
        x, y = read("cut.tar").train
        assert y.tolist() == want[1].tolist() == [1, 0] and (x[:] == want[0][:]).all(), at
    for member in members:
        for at in {member.offset_data + n for n in (member.size - 1, member.size // 2)}:
            Path("cut.tar").write_bytes(whole[:at])
            with pytest.raises(NetspecError, match=f"cut.tar is cut short(.|\n)*{member.name}"):
                read("cut.tar")
    for at in (a + k for a in begins for k in (1, 100, 511)):  # within a head
        Path("cut.tar").write_bytes(whole[:at])
        with pytest.raises(NetspecError, match=r"cut short|damaged"):
            read("cut.tar")


def test_files_that_are_no_shards(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard("x.tar", GOOD)
    whole = Path("x.tar").read_bytes()
    Path("packed.tar").write_bytes(gzip.compress(whole))
    Path("cut.tar").write_bytes(whole[:4000])
    Path("junk.tar").write_bytes(b"junk" * 400)
    (here / "empty").mkdir()
    shard("bare.tar", {"readme": b""})
    sparse = bytearray(whole)
    sparse[156:157] = b"S"  # the type of the first member: a file with holes
    Path("sparse.tar").write_bytes(sparse)
    for name, words in (("packed.tar", "hint: gunzip"), ("cut.tar", "cut short|damaged"), ("junk.tar", "no tar file"),
                        ("no.tar", "there is no"),
                        ("empty", "there is no file"), ("{0..1}.tar", "there is no file"), ("bare.tar", "holds no pictures"),
                        ("sparse.tar", "no plain file|damaged|cut short"), ("../*.tar", "in its own folder"),
                        ("n*/x.tar", "there is no")):
        with pytest.raises(NetspecError, match=words):
            read(name)
    for text in ('{"x": 1}', "{", '{"label": {}}', '{"label": true}', '[[1]]', "null"):
        shard("j.tar", {"1.png": picture(1), "1.json": text.encode(), "2.png": picture(2), "2.json": b'{"label": "b"}'})
        with pytest.raises(NetspecError, match=r"JSON of 1\.png|on 1\.png .* is no JSON"):
            read("j.tar")
    spec = 'net a:\n  input 3x8x8\n  fc 2\ntrain a:\n  data shards "{}"\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n'
    for name, code in (("x.tar", 0), ("junk.tar", 1)):
        for command in ("check", "train"):
            Path("a.net").write_text(spec.format(name))
            assert main([command, "a.net"]) == code, capsys.readouterr().err
            assert ("a.net:5:3" in capsys.readouterr().err) == bool(code)
