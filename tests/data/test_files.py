"""Arrays in files: shares that validate and test, names of classes, whose path it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.cli import main
from netspec.data import Data
from netspec.datasets import DATASETS
from netspec.datasets.parts import split
from netspec.diagnostics import NetspecError
from netspec.reading import Own
from netspec.words.dataset import Lazy, Request

X = np.random.default_rng(0).integers(0, 256, (40, 1, 4, 4)).astype(np.uint8)
Y = np.arange(40) % 4


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=X, y=Y, classes=["a", "b", "c", "d"])
    os.mkdir("folder")
    np.save("folder/x.npy", X)
    np.save("folder/y.npy", Y)
    return tmp_path


def read(path: str, wants: Any = "classes", seed: int = 0, **arguments: Any) -> Data:
    made = DATASETS["files"](path=path, **arguments)
    made.check()
    data: Data = made.read(Request(None, {}, seed, wants))
    return data


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("path", ["d.npz", "folder"])
def test_shares_of_arrays(path: str, copied: bool, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not copied:
        monkeypatch.setattr(split, "KEPT", 0)
    whole = read(path)
    assert whole.validation is whole.test is None and (np.asarray(whole.train[0]) == X).all()
    data = read(path, validation=0.2, test=0.1)
    assert data.validation is not None and data.test is not None
    parts = [data.train, data.validation, data.test]
    assert [np.bincount(p[1][:]).tolist() for p in parts] == [[7] * 4, [2] * 4, [1] * 4]
    assert isinstance(data.train[0], Lazy) is not copied
    rows = {X[k].tobytes(): Y[k] for k in range(40)}
    for x, y in parts:
        assert x.dtype == np.uint8 and len(x) == len(y) and (x[:3] == x[np.arange(3)]).all()
        assert [rows.pop(x[k : k + 1].tobytes()) for k in range(len(x))] == y[:].tolist()
    assert not rows
    again = read(path, validation=0.2, seed=1).validation
    assert again is not None and not (again[0][:] == data.validation[0][:]).all()


def test_shares_of_numbers_names_and_files(here: Path) -> None:
    assert read("d.npz").classes == ("a", "b", "c", "d") and read("folder").classes == ()
    np.savez("r.npz", x=X, y=np.arange(40.0))
    np.savez("ages.npz", x={"a": X}["a"], y=np.arange(40))
    for path, wants in (("r.npz", "numbers"), ("ages.npz", "numbers"), ("ages.npz", None)):
        data = read(path, wants, validation=0.25)
        assert data.validation is not None and len(data.validation[1]) == 10
    np.savez("v.npz", x=X, y=Y, x_val=X[:3], y_val=Y[:3], x_test=X[:5], y_test=Y[:5])
    data = read("v.npz")
    assert data.validation is not None and len(data.validation[0]) == 3 and data.test is not None and len(data.test[0]) == 5
    data = read("d.npz", validation="v.npz", test="folder")
    assert data.validation is not None and len(data.validation[0]) == 40 and data.test is not None and len(data.test[1]) == 40
    np.savez("several.npz", **{"x.a": X, "x.b": X[:, 0], "y": Y})
    data = read("several.npz", validation=0.2)
    assert data.validation is not None and {k: len(v) for k, v in data.validation[0].items()} == {"a": 8, "b": 8}


TEXT = "net a:\n  input 1x4x4\n  fc 4\ntrain a:\n  data {}\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n"


def test_check_and_train_say_the_same(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("v.npz", x=X, y=Y, x_val=X, y_val=Y)
    for line, words in (('"d.npz" validation=0.2', ""), ('"d.npz" validation=2', "more than 0 and less than 1"),
                        ('"d.npz" validation="no.npz"', "there is no data file"),
                        ('"d.npz" validation=yes', "share of the examples, or a file"),
                        ('"v.npz" validation=0.2', 'hint: data "v.npz"\n'), ('"."', 'hint: data images "."')):
        for command in ("check", "train"):
            Path("a.net").write_text(TEXT.format(line))
            assert main([command, "a.net"]) == (1 if words else 0)
            found = capsys.readouterr()
            assert words in found.err and ("a.net:5:" in found.err or not words), found.err
        assert words or "val_accuracy" in found.out
    np.savez("late.npz", x=X, y=Y + 1)
    Path("a.net").write_text(TEXT.format('"late.npz"'))
    for command in ("check", "train"):
        assert main([command, "a.net"]) == 1
        found = capsys.readouterr()
        assert "label 4 is no class of this network" in found.err and "late.npz" in found.err
    Path("a.net").write_text(TEXT.format('"d.npz"').replace("fc 4", "fc 5"))
    assert main(["check", "a.net"]) == 1 and "hint: fc 4" in capsys.readouterr().err


def test_a_path_of_the_users_own_may_be_a_folder_anywhere(here: Path) -> None:
    os.mkdir("spec")
    with pytest.raises(NetspecError, match="in its own folder"):
        DATASETS["files"](path=str(here / "folder")).read(Request(str(here / "spec")))
    data = DATASETS["files"](path=Own(here / "folder"), validation=0.2).read(Request(str(here / "spec")))
    assert len(data.train[0]) == 32
