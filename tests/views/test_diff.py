"""`netspec diff`: what is the same is not listed, what differs is, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.cli import main
from netspec.elaborate.nets import callable_nets
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse
from netspec.views.differences.diff import Diff, diff

BASE = "net a:\n  input 3x8x8\n  conv 4 3x3 bn relu\n  residual: conv 4 3x3\n  maxpool 2\n  fc 10\n"


def of(first: str, second: str) -> Diff:
    return diff(*(netspec.load_graph(text=t).graph for t in (first, second)))


def names(d: Diff) -> list[str]:
    return [("+" if c.before is None else "-" if c.after is None else "~") + c.name for c in d.changes]


@pytest.mark.parametrize(("old", "new", "want"), [
    ("fc 10", "fc 10", []),
    ("fc 10", "fc 11", ["~fc1"]),
    ("bn relu", "bn tanh", ["~conv1"]),
    ("bn relu", "relu", ["~conv1"]),
    ("maxpool 2", "avgpool 2", ["-maxpool1", "+avgpool1", "~fc1"]),
    ("  maxpool 2\n", "", ["-maxpool1", "~fc1"]),
    ("  maxpool 2\n", "  maxpool 2\n  output middle\n", ["~output middle"]),
    ("3x8x8", "3x8x10", ["~input", "~conv1", "~conv2", "~add1", "~maxpool1", "~fc1"]),
    ("  conv 4 3x3 bn relu", "  frozen: conv 4 3x3 bn relu", ["~conv1"]),
    ("net a", "net other", [])])
def test_one_change(old: str, new: str, want: list[str]) -> None:
    found = of(BASE, BASE.replace(old, new, 1))
    assert names(found) == (["+output middle"] if want == ["~output middle"] else want)
    assert bool(found) == bool(want)
    assert ("no difference" in str(found)) == (not want)


@pytest.mark.parametrize("path", sorted(specs_folder().glob("*.net")), ids=lambda p: p.stem)
def test_a_net_is_itself(path: Path) -> None:
    net = callable_nets(parse(read_source(path)))[0].name
    assert not diff(*(netspec.load_graph(path, net).graph for _ in range(2)))


def test_what_is_said() -> None:
    text = str(of(BASE, BASE.replace("fc 10", "fc 20")))
    assert "trainable parameters: 914 -> 1,564  (+650)" in text
    assert "~ fc1  fc 10  10  650 parameters  640 MACs\n       fc 20  20  1,300 parameters  1,280 MACs" in text


def test_the_command(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.net").write_text(BASE)
    (tmp_path / "b.net").write_text(BASE.replace("fc 10", "fc 20"))
    a, b = str(tmp_path / "a.net"), f"{tmp_path / 'b.net'}:a"
    assert main(["diff", a, a]) == 0
    assert main(["diff", a, b, "--format", "json"]) == 1
    out = capsys.readouterr().out
    (change,) = json.loads(out[out.index("{"):])["changes"]
    assert (change["name"], change["before"]["step"], change["after"]["step"]) == ("fc1", "fc 10", "fc 20")
    assert main(["diff", a, str(tmp_path / "c.net")]) != 0
    assert "c.net" in capsys.readouterr().err
