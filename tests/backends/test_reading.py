"""Which files a spec may name, and what is opened: regular files only, and for a spec only those below its folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import netspec
from netspec import NetspecError
from netspec.cli import main
from netspec.data import load
from netspec.reading import NotRegular, Outside, Own, opened, placed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices have no names there")
PART = "block part:\n  fc 3\n"
TRAINED = "net a:\n  input 4\n  fc 3\n\ntrain a:\n  data {}\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n"
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (lambda p: p.mkdir(), "a folder"), "pipe": (os.mkfifo, "a pipe"),
    "device": (lambda p: p.symlink_to("/dev/zero"), "a device"), "socket": (lambda p: bound(p), "a socket"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a spec, with what it may read above, beside and below it."""
    inside = tmp_path / "inside"
    (inside / "below").mkdir(parents=True)
    monkeypatch.chdir(inside)
    rng = np.random.default_rng(0)
    for place in (tmp_path, inside, inside / "below"):
        (place / "part.net").write_text(PART)
        np.savez(place / "d.npz", x=rng.standard_normal((8, 4)).astype("f4"), y=np.arange(8) % 3)
        save_file({"fc1.weight": np.ones((3, 4), "f4"), "fc1.bias": np.ones(3, "f4")}, place / "w.safetensors")
        (place / "arrays").mkdir()
        np.save(place / "arrays" / "x.npy", rng.standard_normal((8, 4)).astype("f4"))
        np.save(place / "arrays" / "y.npy", np.arange(8) % 3)
    (inside / "out").symlink_to(tmp_path)
    (inside / "in").symlink_to("below")
    return inside


def said(folder: Path, text: str) -> list[dict[str, object]]:
    """The errors that `check` finds in a text; an alarm ends what waits for ever."""
    (folder / "spec.net").write_text(text)
    out = io.StringIO()
    signal.alarm(20)
    try:
        with contextlib.redirect_stdout(out):
            main(["check", "--format", "json", "spec.net"])
    finally:
        signal.alarm(0)
    return [d for d in json.loads(out.getvalue()) if d["severity"] == "error"]


def spec(what: str, name: str) -> str:
    return {"import": f'import part from "{name}"\nnet a:\n  input 4\n  part\n',
            "weights": f'{PART}net a:\n  input 4\n  p: part\nnet b:\n  input 4\n  a weights="{name}"\n',
            "data": TRAINED.format(f'"{name}"'), "test": TRAINED.format(f'"d.npz" test="{name}"')}[what]


FILES = {"import": "part.net", "weights": "w.safetensors", "data": "d.npz", "test": "d.npz"}


@pytest.mark.parametrize("what", FILES)
def test_a_spec_names_files_in_its_folder_and_below(folder: Path, what: str) -> None:
    file = FILES[what]
    for name in (file, f"below/{file}", f"in/{file}", f"./{file}", f"below/../{file}"):
        assert said(folder, spec(what, name)) == []
    for name in (f"../{file}", f"out/{file}", str(folder.parent / file), f"below/../../{file}", str(folder / file),
                 f"in/../../{file}"):
        assert [d["code"] for d in said(folder, spec(what, name))] == ["missing-file" if what == "import"
                                                                       else "file-outside"], name


def bound(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.relpath(place))


@pytest.mark.parametrize("what", [*FILES, "arrays"])
def test_a_pipe_or_a_device_is_refused_and_nobody_waits(folder: Path, what: str) -> None:
    name = FILES.get(what, "held/x.npy")
    (folder / "held").mkdir()
    for put, sort in KINDS.values():
        place = folder / ("q" + name if what != "arrays" else name)
        put(place)
        (found,) = said(folder, spec("data" if what == "arrays" else what, place.name if what != "arrays" else "held"))
        # what is a link to a device leads out of the folder as well
        assert sort in str(found) or "outside" in str(found) or (sort == "a folder" and "no array x" in str(found)), found
        assert "Errno" not in str(found), found
        place.rmdir() if place.is_dir() else place.unlink()


def test_what_the_user_names_must_be_a_regular_file_too(folder: Path) -> None:
    net = netspec.compile(text="net a:\n  input 4\n  fc 3\n")
    for put, sort in KINDS.values():
        place = folder / "named"
        put(place)
        for call in (netspec.compile, net.load, opened):
            with pytest.raises((NetspecError, NotRegular)) as e:
                call(str(place))
            assert sort in str(e.value) or place.is_dir()
        assert main(["check", str(place)]) == 1
        place.rmdir() if place.is_dir() else place.unlink()
    for name in ("a\0b", "\ud800", "x" * 5000, ""):
        for call in (netspec.compile, net.load, load, net.save):
            with pytest.raises(NetspecError):
                call(name)


def test_the_user_may_name_any_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "spec.net").write_text(spec("weights", "nosuch.safetensors").replace('weights="nosuch.safetensors"',
                                                                                   "weights=w").replace("net b:", "net b(w):"))
    ones = np.ones((3, 4), "f4")
    for given in ("../w.safetensors", str(folder.parent / "w.safetensors"), f'"{folder.parent}/w.safetensors"'):
        net = netspec.compile("spec.net", "b", w=given)
        assert (net.parameters[next(n for n in net.parameters if n.endswith("weight"))] == ones).all()
        assert main(["summary", "spec.net:b", "--set", f"w={given}"]) == 0
    (folder / "spec.net").write_text(TRAINED.format('"/nosuch.npz"'))
    assert main(["train", "spec.net", "--data", "../d.npz", "--quiet"]) == 0
    assert main(["train", "spec.net", "--data", str(folder.parent / "arrays"), "--quiet"]) == 0
    assert main(["train", "spec.net", "--quiet"]) == 1
    assert "--data FILE" in capsys.readouterr().err
    assert placed(Own("/a"), "/b") == Path("/a")
    with pytest.raises(Outside):
        placed("/a", "/b")


def test_what_is_too_large_is_refused_by_name_and_not_read(folder: Path) -> None:
    net = netspec.compile(text="net a:\n  input 4\n  fc 3\n")
    for name in ("huge.net", "huge.safetensors", "huge.npz"):
        (folder / name).touch()
        os.truncate(folder / name, 1 << 40)
    for call, name in ((netspec.compile, "huge.net"), (net.load, "huge.safetensors"), (load, "huge.npz")):
        with pytest.raises(NetspecError, match="huge"):
            call(name)
    assert said(folder, spec("import", "huge.net"))
    header = json.dumps({"fc1.weight": {"dtype": "F32", "shape": [1 << 37, 2], "data_offsets": [0, 1 << 40]}}).encode()
    with (folder / "huge.safetensors").open("r+b") as f:
        f.write(len(header).to_bytes(8, "little") + header)
    os.truncate(folder / "huge.safetensors", (1 << 40) + 8 + len(header))
    with pytest.raises(NetspecError, match="huge"):
        net.load("huge.safetensors")
    (folder / "spec.net").write_text(spec("weights", "huge.safetensors"))
    with pytest.raises(NetspecError, match="huge"):
        netspec.compile("spec.net", "b")
    with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED) as z:
        for k in range(2000):
            z.writestr(f"x.{k}.npy", b"")
    data = bytearray(Path("bomb.npz").read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 24 : at + 28] = b"\xff\xff\xff\xfe"  # the size of what is packed, as the archive says
    Path("bomb.npz").write_bytes(bytes(data))
    with pytest.raises(NetspecError, match=r"bomb.npz holds .* GB, which is more"):
        load("bomb.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.svg")
    with pytest.raises(netspec.NetspecError, match="nobody reads it"):
        netspec.load_graph(text="net a:\n  input 4\n  fc 2\n").draw(tmp_path / "net.svg")
    (tmp_path / "link.svg").symlink_to("/dev/null")
    netspec.load_graph(text="net a:\n  input 4\n  fc 2\n").draw(tmp_path / "link.svg")
