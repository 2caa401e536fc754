"""A folder that somebody else made can do nothing but be refused."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.cli import main
from netspec.searching.definition import opened

SPEC = """net tiny(width=2):
  input 4
  fc width relu
  fc 2

train tiny:
  data "near.npz" validation=0.5
  loss cross_entropy
  sgd lr=0.1
  epochs 1
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search whose data lie beside its spec, in a folder of their own."""
    home = tmp_path_factory.mktemp("home")
    (home / "specs").mkdir()
    arrays = {"x": np.eye(4, dtype="f4")[np.arange(8) % 4], "y": np.arange(8) % 2}
    np.savez(home / "specs" / "near.npz", **arrays)
    np.savez(home / "far.npz", **arrays)
    (home / "specs" / "tiny.net").write_text(SPEC)
    netspec.search(home / "specs" / "tiny.net", lines=["sgd lr=log(1e-3..1e-1)"], parameters={"width": [1, 2]}, trials=3, halving=2,
                   epochs=2, device="reference", out=home / "found", quiet=True)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    facts = json.loads((tmp_path / "found/search.json").read_text())
    (tmp_path / "found/search.json").write_text(json.dumps({**facts, "folder": str(tmp_path / "specs")}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changed(folder: Path, **how: Any) -> None:
    """Say something else in the file of a search."""
    facts = json.loads((folder / "search.json").read_text())
    for k, v in how.items():
        (facts if k in facts else facts["definition"])[k] = v
    (folder / "search.json").write_text(json.dumps(facts))


def test_data_are_found_below_the_current_folder_and_nowhere_else(home: Path, capsys: pytest.CaptureFixture[str],
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    finer = ["search", "--around", "found", "--trials", "1", "--quiet"]
    assert main([*finer, "--out", "a"]) == 0, capsys.readouterr().err
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    capsys.readouterr()
    assert main([*finer[:2], "../found", *finer[3:], "--out", "b"]) == 1 and "near.npz" in capsys.readouterr().err
    assert main([*finer[:2], "../found", *finer[3:], "--out", "b", "--data", "../far.npz"]) == 0, "you name any"
    monkeypatch.chdir(home)
    for said in (str(home / "far.npz"), "../far.npz", "/etc/passwd"):
        monkeypatch.chdir(home / "specs")
        changed(home / "found", data=said)
        capsys.readouterr()
        assert main([*finer[:2], "../found", *finer[3:], "--out", "c"]) == 1
        assert "outside" in (err := capsys.readouterr().err) or "one machine" in err, err


def test_a_strangers_parameter_names_no_file_elsewhere(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(home / "found", parameters={"width": "[1, 2]", "weights": "/etc/shadow.safetensors"})
    assert main(["search", "--around", "found", "--trials", "1", "--out", "a"]) in (1, 2)
    assert "/etc/shadow" not in Path("found/search.json").name and "internal" not in capsys.readouterr().err


ODD = (None, True, -1, 0, 10**12, 1.5, "", "x", "\x1b[2J", [], {}, [[]], {"a": 1}, ["adamw lr=log(1..2"], ["\x1b", 3], "9" * 400)


def mutated(value: Any, rng: random.Random) -> Any:
    """The value with something else somewhere in it."""
    if rng.random() < 0.3 or not isinstance(value, (dict, list)) or not value:
        return rng.choice(ODD)
    k = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
    out: Any = dict(value) if isinstance(value, dict) else list(value)
    if rng.random() < 0.15:
        del out[k]
    else:
        out[k] = mutated(value[k], rng)
    return out


def cases(folder: Path, many: int) -> Iterator[int]:
    files = [folder / "search.json", *sorted((folder / "results").iterdir())]
    texts = [f.read_text() for f in files]
    for seed in range(many):
        rng = random.Random(seed)
        k = rng.randrange(len(files))
        text = json.dumps(mutated(json.loads(texts[k]), rng))
        files[k].write_text(text if rng.random() < 0.9 else text[: rng.randrange(len(text))])
        yield seed
        files[k].write_text(texts[k])


def test_a_damaged_folder_is_refused_or_read(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in cases(home / "found", 25):
        for argv in (["runs", "found"], ["runs", "found", "--format", "csv"], ["report", "found", "-o", "page.html"]):
            code = main(argv)
            out = capsys.readouterr()
            assert code in (0, 1, 2), (seed, argv, out.err)
            assert "\x1b" not in out.out.replace("\x1b[1", "") or "csv" in argv, seed
    assert len(opened("found").definition.lines) == 1, "and is as it was"
