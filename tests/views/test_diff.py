"""`netspec diff`: what is the same is not listed, what differs is, once."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.cli import main
from netspec.elaborate.nets import callable_nets
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse
from netspec.views.differences.diff import Diff, diff
from sweeps import the_first
from where import ROOT

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


@pytest.mark.parametrize("file", the_first(12, (p.name for p in sorted(specs_folder().glob("*.net")))))
def test_a_net_is_itself(file: str) -> None:
    path = specs_folder() / file
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


SPECS = specs_folder()


def shipped(name: str) -> Any:
    file, _, net = name.partition(":")
    return netspec.load_graph(SPECS / file, net or None).graph


def test_vgg_against_vgg_with_batch_norm_is_three_lines() -> None:
    found = diff(shipped("vgg.net:vgg16"), shipped("vgg_bn.net:vgg16_bn"))
    lines = str(found).splitlines()
    assert len(lines) == 3 and lines[2].startswith("~ 13 steps: + bn  stage1.conv1 .. stage5.conv3  +8,448 parameters")
    assert len(found.renamed) == 23 and {c.kind for c in found.changes} == {"changed"}


def test_blocks_that_came_are_a_line_each() -> None:
    text = str(diff(shipped("resnet.net:resnet18"), shipped("resnet.net:resnet34")))
    added = [line for line in text.splitlines() if line.startswith("+")]
    assert [line.split()[1] for line in added] == ["stage1.basic3", "stage2.basic3..4", "stage3.basic3..6", "stage4.basic3"]
    assert "-" not in [line[0] for line in text.splitlines()] and "4 times 4 steps" in added[2]
    back = str(diff(shipped("resnet.net:resnet34"), shipped("resnet.net:resnet18")))
    assert [line.split()[1] for line in back.splitlines() if line[0] == "-"] == [line.split()[1] for line in added]


def test_a_step_that_is_put_in_changes_nothing_of_what_comes_after() -> None:
    body = "".join(f"  conv {n} 3x3 relu\n" for n in (8, 8, 16, 16, 32, 32))
    text = f"net a:\n  input 3x16x16\n{body}  fc 10\n"
    for line in ("  dropout 0.5\n", "  bn\n", "  conv 16 3x3 relu\n"):
        longer = text.replace("  conv 32", line + "  conv 32", 1)
        for first, second, sign in ((text, longer, "+"), (longer, text, "-")):
            found = of(first, second)
            assert [n[0] for n in names(found)] == [sign], str(found)


def test_names_alone_are_no_difference() -> None:
    text = "net a:\n  input 3x8x8\n  conv 4 3x3\n  big: maxpool 2\n  up @conv1\n  crop @big\n  fc 10\n"
    other = text.replace("  conv 4", "  first: conv 4").replace("@conv1", "@first").replace("big", "small")
    found = of(text, other)
    assert not found and found.renamed == {"conv1": "first", "big": "small"}
    assert "2 steps have other names" in str(found) and "no difference" in str(found)


def test_another_wire_is_a_change() -> None:
    text = "net a:\n  input 3x8x8\n  a: conv 4 3x3\n  b: conv 4 3x3\n  conv 4 3x3\n  add @a\n  fc 2\n"
    assert names(of(text, text.replace("add @a", "add @b"))) == ["~add1"]
    assert names(of(text, text.replace("add @a", "add @a\n  output mid"))) == ["+output mid"]


def test_a_swap_is_no_pair() -> None:
    text = "net a:\n  input 3x8x8\n  conv 4 3x3\n  relu\n  fc 2\n"
    assert names(of(text, text.replace("  relu\n", "  tanh\n"))) == ["-relu1", "+tanh1", "~fc1"]


def test_every_step_of_both_is_told_once() -> None:
    from netspec.views.reading.steps import steps

    for a, b in (("googlenet.net", "googlenet_bn.net"), ("lenet.net", "unet.net"), ("resnet.net:resnet18", "resnet_v2.net:resnet18_v2")):
        try:
            graphs = shipped(a), shipped(b)
        except netspec.NetspecError:
            graphs = shipped(a), shipped("digits.net")
        found = [c for c in diff(*graphs).all if not c.name.startswith("output ")]
        assert [c.name for c in found if c.before] == [s.name for s in steps(graphs[0])]
        assert [c.other or c.name for c in found if c.after] == [s.name for s in steps(graphs[1])]


# ---------------------------------------------------------------- the picture


@pytest.mark.parametrize(("a", "b"), [("vgg.net:vgg16", "vgg_bn.net:vgg16_bn"), ("lenet.net", "digits.net"),
                                      ("resnet.net:resnet50", "resnet.net:resnet101")])
def test_the_picture_has_a_box_for_everything_and_no_text_leaves_its_box(a: str, b: str) -> None:
    from xml.etree import ElementTree

    from netspec.views.differences.boxes import levels
    from netspec.views.differences.picture import LANES
    from netspec.views.drawing.lettering import width
    from netspec.views.drawing.looks import THEMES

    found = diff(shipped(a), shipped(b))
    first, *others = levels(found.all, found.graphs)
    for boxes in (first, *others):
        assert sum((x.changes for x in boxes), ()) == tuple(c for c in found.all if " " not in c.name)
    assert {x.kind for x in first} == {c.kind for c in found.all if " " not in c.name} and len(set(LANES.values())) == 3
    for theme in THEMES:
        svg = ElementTree.fromstring(found.svg(theme))
        wide, high = (float(svg.get(k, "")) for k in ("width", "height"))
        for text in svg.iter("{http://www.w3.org/2000/svg}text"):
            size, bold = float(text.get("font-size", "")), text.get("font-weight") == "bold"
            left = float(text.get("x", "")) - (width(text.text or "", size, bold) / 2 if text.get("text-anchor") else 0)
            assert left >= 0 and left + width(text.text or "", size, bold) <= wide and 15 < float(text.get("y", "")) < high


SEEN = [("vgg.net:vgg16", "vgg_bn.net:vgg16_bn"), ("lenet.net", "alexnet.net:alexnet"), ("unet.net:unet", "segnet.net"),
        ("resnet.net:resnet50", "resnext.net:resnext50"), ("resnet.net:resnet50", "preact.net:preact"),
        ("densenet.net:densenet121", "densenet.net:densenet169"), ("mobilenet_v2.net", "mobilenet_v3.net:mobilenet_v3_large")]


@pytest.mark.parametrize(("a", "b"), [*SEEN[:4], *(pytest.param(*pair, marks=pytest.mark.sweep) for pair in SEEN[4:])])
def test_all_that_the_picture_says_is_read_on_a4(a: str, b: str) -> None:
    """Its smallest letters are of 7 points where it is as large as A4 lets it be, and no line of a box is cut: every word of some
    level of boxes stands in it."""
    from xml.etree import ElementTree

    from netspec.views.differences.boxes import levels
    from netspec.views.drawing.pages import A4

    found = diff(shipped(a), shipped(b))
    svg = ElementTree.fromstring(found.svg())
    texts = list(svg.iter("{http://www.w3.org/2000/svg}text"))
    size = min(float(t.get("font-size", "")) for t in texts) * A4.scale(*(float(svg.get(k, "")) for k in ("width", "height")))
    assert size >= 6.999
    said = "".join("".join((t.text or "").split()) for t in texts)
    assert any(all("".join((x.title + x.below).split()) in said for x in boxes) for boxes in levels(found.all, found.graphs))


def test_the_command_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.net").write_text(BASE)
    (tmp_path / "b.net").write_text(BASE.replace("maxpool 2", "avgpool 2"))
    a, b = str(tmp_path / "a.net"), str(tmp_path / "b.net")
    assert main(["diff", a, b, "-o", str(tmp_path / "d.svg"), "--theme", "dark"]) == 1
    svg = (tmp_path / "d.svg").read_text()
    assert svg.startswith("<svg") and "1 removed" in svg and "1 added" in svg and "stroke-dasharray" in svg
    assert main(["diff", a, b, "-o", "-"]) == 1 and "<svg" in capsys.readouterr().out
    assert main(["diff", a, b, "-o", str(tmp_path / "d.doc")]) == 2
    assert main(["diff", a]) == 2 and main(["diff", a, b, a]) == 2
    assert "netspec compare" in capsys.readouterr().err


# ---------------------------------------------------------------- git


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository as docs/tables.md says it is set up."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitattributes").write_text("*.net diff=netspec\n")
    program = f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m netspec"
    git(tmp_path, "config", "diff.netspec.command", f"{program} diff --git")
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "part.net").write_text("block part(n):\n  conv n 3x3 relu\n")
    (tmp_path / "nets" / "a.net").write_text('import part from "part.net"\n\n' + BASE + "\nnet b:\n  input 3x8x8\n  part 4\n  fc 2\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "first")
    return tmp_path


def test_git_shows_what_a_change_means(repository: Path) -> None:
    """The one call of git itself: a file that was changed and moved."""
    git(repository, "mv", "nets/a.net", "nets/c.net")
    spec = repository / "nets" / "c.net"
    spec.write_text(spec.read_text().replace("bn relu", "bn tanh"))
    git(repository, "add", "-A")
    said = git(repository, "diff", "--cached", "-M50%")
    assert "netspec diff a/nets/a.net b/nets/c.net" in said and "~ conv1" in said
    assert "b: no difference in what it computes" in said
    assert "-  conv 4 3x3 bn relu" in said.splitlines() and "+  conv 4 3x3 bn tanh" in said.splitlines()


def test_what_git_may_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same calls as git makes them, without git: it gives the contents in files elsewhere, and stops at an exit code."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "part.net").write_text("block part(n):\n  conv n 3x3 relu\n")
    text = 'import part from "part.net"\n\n' + BASE + "\nnet b:\n  input 3x8x8\n  part 4\n  fc 2\n"
    monkeypatch.chdir(tmp_path)

    def asked(old: str | None, new: str | None, *more: str) -> str:
        files = []
        for k, side in enumerate((old, new)):
            path = tmp_path / f"blob{k}"
            if side is not None:
                path.write_text(side)
            files.append("/dev/null" if side is None else str(path))
        assert main(["diff", "--git", "nets/a.net", files[0], "0" * 40, "100644", files[1], "1" * 40, "100644", *more]) == 0
        return capsys.readouterr().out

    assert "a, b: no difference in what they compute" in asked(text, "# a comment\n" + text)
    assert "+# a comment" in asked(text, "# a comment\n" + text).splitlines()
    wrong = asked(text, text.replace("maxpool 2", "maxpol 2"))
    assert "now it has errors: I know no layer or block called `maxpol`" in wrong and "+  maxpol 2" in wrong.splitlines()
    assert "before it has errors" in asked("net a:\n  nonsense\n", text)
    new = asked(None, text)
    assert "+ net a (nets/a.net): 914 trainable parameters" in new and "--- /dev/null" in new and "+net b:" in new
    assert "- net b (nets/a.net)" in asked(text, None) and "+++ /dev/null" in asked(text, None)
    assert "+ net c" in asked(text, text + "\nnet c:\n  input 3\n  fc 2\n")
    assert asked(text, text, "nets/b.net", "similarity index 100%").startswith("netspec diff a/nets/a.net b/nets/b.net")
    train = asked(text, text + "\ntrain a:\n  loss mse\n  sgd lr=0.1\n")
    assert "a, b: no difference" in train and "+  sgd lr=0.1" in train.splitlines()
    assert "errors" in asked(text, "\0") or True
    assert main(["diff", "--git", "nets/a.net"]) == 0 and "conflicts" in capsys.readouterr().out
    assert main(["diff", "--git", "a", "b"]) == 2 and "seven" in capsys.readouterr().err


def test_the_picture_says_what_numbers_became_and_no_way_from_the_root(tmp_path: Path) -> None:
    graphs = []
    for folder, n in (("old", 4), ("new", 8)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.net").write_text(f"net a:\n  input 3x8x8\n  conv {n} 3x3 relu\n  fc 10\n")
        graphs.append(netspec.load_graph(tmp_path / folder / "a.net").graph)
    for pair, head in ((graphs, "a (old/a.net) -> a (new/a.net)"), ([graphs[0]] * 2, "a (a.net) -> a (a.net)")):
        svg = diff(*pair).svg()
        assert head in unescape(svg) and str(tmp_path) not in svg
    said = re.sub(r"\s+", " ", " ".join(re.findall(r">([^<]*)</text>", diff(*graphs).svg())))
    new, old = 8 * 3 * 9 + 8, 4 * 3 * 9 + 4
    assert re.search(rf"{new} parameters · [\d,]+ MACs · was .*?{old} parameters", said), said
