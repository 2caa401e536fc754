"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netspec import compile as compile_net
from netspec import load_graph
from netspec.cli import main
from netspec.cli.commands import commands
from netspec.cli.nets import split
from netspec.diagnostics import SpecError, UsageError
from netspec.syntax.load import specs_folder
from where import ROOT

GOOD = "net tiny(classes=3):\n  input 1x8x8\n  conv 4 3x3 bn relu\n  maxpool 2\n  fc classes\n"
BAD = "net tiny:\n  input 1x8x8\n  conf 4 3x3\n  fc 3 tahn\n"
TWO = "net a:\n  input 4\n  fc 2\n\nnet b:\n  input 4\n  fc 3\n\nnet c(n):\n  input 4\n  fc n\n"


class Ran:
    def __init__(self, code: int, out: str, err: str):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def netspec(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command in a folder of its own, with good.net, bad.net and two.net in it."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("good", GOOD), ("bad", BAD), ("two", TWO)):
        (tmp_path / f"{name}.net").write_text(text)

    def run(*argv: str) -> Ran:
        try:
            code = main(list(argv))
        except SystemExit as e:  # argparse
            code = int(e.code or 0)
        out = capsys.readouterr()
        return Ran(code, out.out, out.err)

    return run


def test_help_and_version(netspec: Any) -> None:
    top = netspec("--help")
    assert top.code == 0
    for command in ("check", "summary", "draw", "train", "show", "emit", "fmt", "explain"):
        assert f"\n    {command} " in top.out
        page = netspec(command, "--help")
        assert page.code == 0 and f"netspec {command} " in page.out.split("example")[1]
    assert netspec("--version").out.startswith("netspec ")


@pytest.mark.parametrize(("argv", "said"), [
    (("draw", "good.net"), "netspec draw needs -o PICTURE [usage]\n  = hint: netspec draw specs/unet.net -o unet.svg\n"),
    (("draw", "good.net", "--ouput", "a.svg"), "netspec draw does not take --ouput [usage]\n  = hint: did you mean `--output`?\n"),
    (("check", "--fix", "good.net"), "netspec check does not take --fix [usage]\n  = hint: netspec check --help\n"),
    (("summary", "a", "b", "c"), "netspec summary does not take b c [usage]\n  = hint: netspec summary --help\n"),
    (("summary", "good.net", "--format", "jsn"),
     "--format is one of text, md, csv, latex, html, json, not `jsn` [usage]\n  = hint: did you mean `json`?\n"),
    (("draw", "good.net", "-o"), "-o needs PICTURE [usage]\n  = hint: netspec draw specs/unet.net -o unet.svg\n"),
    (("draw", "good.net", "--right=3"), "--right takes no value, and '3' is given [usage]\n  = hint: netspec draw --help\n"),
    (("train", "good.net", "--report", "--live"), "--live and --report do not go together [usage]\n  = hint: netspec train --help\n"),
    (("bogus",), "there is no command `bogus` [usage]\n  = hint: netspec --help\n"),
    ((), "netspec needs a command [usage]\n  = hint: netspec --help\n")])
def test_a_command_line_that_cannot_be_read_is_an_error_like_others(netspec: Any, argv: tuple[str, ...], said: str) -> None:
    ran = netspec(*argv)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {said}\n")


@pytest.mark.parametrize("command", sorted(commands()))
def test_no_command_answers_a_slip_with_all_its_options(netspec: Any, command: str) -> None:
    ran = netspec(command, "--no-such-option")
    assert ran.code == 2 and ran.err.startswith(f"error: netspec {command} does not take --no-such-option [usage]\n  = hint: ")
    for more in (("--no-such-option=3", "a"), ("a", "b", "--no-such-option=3")):
        said = netspec(command, *more).err
        assert "usage:" not in said and (not said or said.startswith("error: ")) and len(said.strip().splitlines()) <= 3


@pytest.mark.parametrize("argv", [(), ("nonsense",), ("check",), ("summary",), ("draw", "good.net"),
                                  ("draw", "good.net", "-o", "x.jpg"), ("train", "good.net", "--epochs", "0"),
                                  ("summary", "good.net", "--set", "classes"), ("summary", "good.net", "--input", "huge"),
                                  ("summary", "good.net:"),
                                  ("summary", "good.net:other"), ("summary", "two.net"), ("summary", "two.net:c"),
                                  ("explain", "konv"), ("summary", "good.net", "--set", "clases=3")])
def test_wrong_use_is_2(netspec: Any, argv: tuple[str, ...]) -> None:
    ran = netspec(*argv)
    assert ran.code == 2, ran.err
    assert ran.err and not ran.out and "Traceback" not in ran.err


def test_check(netspec: Any, tmp_path: Path) -> None:
    fine = netspec("check", "good.net", "two.net")
    assert (fine.code, fine.err) == (0, "") and "good.net" in fine.out
    bad = netspec("check", "good.net", "bad.net")
    assert bad.code == 1 and "bad.net:3:3" in bad.err and "bad.net:4:8" in bad.err and "did you mean" in bad.err
    rows = json.loads(netspec("check", "bad.net", "--format", "json").out)
    assert [r["line"] for r in rows if r["severity"] == "error"] == [3, 4]
    assert {"file", "line", "column", "end_line", "end_column", "severity", "code", "message", "notes", "hint",
            "trail"} <= set(rows[0])
    assert json.loads(netspec("check", "good.net", "--format", "json").out) == []
    assert netspec("check", "bad.net", "--format", "github").out.startswith("::error file=bad.net,line=3,")
    (tmp_path / "a,b%.net").write_text("net a:\n  input 3x8x8\n  conv 8 3x3 /2\n  fcc 3\n")
    assert netspec("check", "a,b%.net", "good.net", "nothere.net", "--format", "github").out.splitlines() == [
        "::error file=a%2Cb%25.net,line=4,col=3,endLine=4,endColumn=6,title=unknown-word::I know no layer or block called `fcc`: not a layer, not a block of this file (hint: did you mean `fc`?)",
        "::error file=nothere.net,title=missing-file::there is no file nothere.net"]
    assert [d["file"] for d in json.loads(netspec("check", "nothere.net", "--format", "json").out)] == ["nothere.net"]
    assert netspec("check", "missing.net").code == 1
    assert netspec("check", ".").code == 1


def test_strict(netspec: Any, tmp_path: Path) -> None:
    (tmp_path / "lossy.net").write_text("net a:\n  input 3x224x224\n  conv 96 11x11 /4 pad=3\n  fc 2\n")
    assert netspec("check", "lossy.net").code == 0
    strict = netspec("check", "--strict", "lossy.net")
    assert strict.code == 1 and "55.75" in strict.err
    assert "55.75" in netspec("summary", "lossy.net").out


def test_summary(netspec: Any) -> None:
    text = netspec("summary", "good.net:tiny", "--set", "classes=5")
    assert text.code == 0 and "conv 4 3x3 bn relu" in text.out and "48 trainable" not in text.out
    data = json.loads(netspec("summary", "good.net", "--format", "json").out)
    assert {"schema", "net", "inputs", "outputs", "nodes", "totals"} <= set(data)
    assert (data["net"], data["inputs"], data["outputs"]) == ("tiny", {"input": [1, 8, 8]}, {"out": [3]})
    assert data["totals"] == {"trainable": 36 + 8 + 195, "frozen": 0, "buffers": 8, "macs": 36 * 64 + 192}
    conv = data["nodes"][1]
    assert (conv["name"], conv["op"], conv["inputs"], conv["shape"], conv["parameters"], conv["macs"],
            conv["line"]) == ("conv1", "conv", ["input"], [4, 8, 8], 36, 2304, 3)
    assert netspec("summary", "bad.net").code == 1
    larger = json.loads(netspec("summary", "good.net", "--input", "1x16x16", "--format", "json").out)
    assert larger["inputs"] == {"input": [1, 16, 16]}


MANY = """net a:
  input 3x32x32
  conv 64 3x3 reul
  maxpol 2
  residual:
    conv 32 3x3
  conv 8 3x3 groups=3
  fc m
  fc 10 )
net b:
  input 4
  fc 0
"""


@pytest.mark.parametrize("argv", [("summary", "many.net:a"), ("draw", "many.net:a", "-o", "x.svg"), ("train", "many.net:a"),
                                  ("verify", "many.net:a"),
                                  ("show", "graph", "many.net:a"), ("emit", "many.net:a"), ("diff", "many.net:a", "good.net")])
@pytest.mark.parametrize("text", [MANY, MANY.replace(" )", "")])
def test_every_command_says_all_that_check_says(netspec: Any, tmp_path: Path, argv: tuple[str, ...], text: str) -> None:
    (tmp_path / "many.net").write_text(text)
    check = netspec("check", "many.net")
    assert check.err.count("error:") >= 6
    ran = netspec(*argv)
    assert (ran.code, ran.out, ran.err) == (1, "", check.err)
    for entry in (compile_net, load_graph):
        with pytest.raises(SpecError) as e:
            entry("many.net", "a")
        assert str(e.value) + "\n\n" == check.err[:check.err.rindex("\n\n") + 2]


def test_the_specs_that_come_with_netspec_are_found_as_import_finds_them(netspec: Any, tmp_path: Path) -> None:
    own = str(specs_folder() / "lenet.net")
    assert netspec("check", "lenet.net").out == f"{own}: fine\n"
    assert netspec("summary", "lenet.net:lenet5").out.startswith(f"lenet5 ({own}): 1x32x32 -> 10\n")
    assert json.loads(netspec("summary", "lenet.net", "--format", "json").out)["totals"]["trainable"] == 61706
    assert netspec("diff", "resnet.net:resnet18", "resnet.net:resnet18").code == 0
    assert netspec("draw", "lenet.net", "-o", "lenet.dot").code == 0
    assert "conv 6 5x5" in netspec("show", "graph", "lenet.net").out
    assert own in netspec("summary", "resnet.net").err.replace("resnet.net", "lenet.net")
    assert load_graph("lenet.net").graph.name == "lenet5"
    # `check` takes FILE:NET as the others do, for a file whole; what takes a file alone says so.
    assert netspec("check",
                   "resnet.net:resnet18").out.endswith("resnet.net: fine\n") and netspec("check", "resnet.net:resnet18",
                                                                                         "--format", "json").code == 0
    assert [netspec("check", f"resnet.net:{n}").err.splitlines()[0].rpartition(" [")[2]
            for n in ("resnet19", "basic")] == ["which-net]"] * 2
    assert "hint: the file alone, and a net of it apart:  resnet.net" in netspec("fmt", "resnet.net:resnet18").err
    assert "comes with one:  resnet.net" in netspec("summary", "resnet").err
    # It is nobody's to rewrite: the hint makes a copy, which then wins, and is.
    before = Path(own).read_text()
    refused = netspec("fmt", "lenet.net")
    assert refused.code == 1 and f"cp {own} lenet.net" in refused.err and not Path("lenet.net").exists()
    Path("lenet.net").write_text("net lenet5:\n  input 4\n  fc  2\n")
    assert netspec("summary", "lenet.net").out.startswith("lenet5 (lenet.net): 4 -> 2\n")
    assert netspec("fmt", "lenet.net").out == "lenet.net: formatted\n" and Path(own).read_text() == before
    assert load_graph("lenet.net").outputs == {"out": (2,)}
    # What is there and cannot be read is an error, and nothing outside the folder is looked for.
    Path("vgg.net").symlink_to("nowhere")
    Path("unet.net").mkdir()
    assert [netspec("check", f).code for f in ("vgg.net", "unet.net", "../specs/lenet.net", "/lenet.net")] == [1, 1, 1, 1]
    assert "comes with one:  resnet.net" in netspec("check", "renset.net").err


def test_the_distribution_has_a_name_of_its_own(netspec: Any) -> None:
    import tomllib

    import netspec as package

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["name"] == "netspec-nn" and project["project"]["scripts"] == {"netspec": "netspec.cli:main"}
    assert project["tool"]["hatch"]["version"]["path"] == "netspec/version.py" and "version" in project["project"]["dynamic"]
    assert netspec("--version").out == f"netspec {package.__version__}\n"
    hints = [line for p in (*sorted((ROOT / "netspec").rglob("*.py")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md")
             for line in p.read_text().splitlines() if re.search(r"pip install\W+netspec\b", line)]
    assert hints and all("netspec-nn" in line for line in hints)
    wanted = {extra for line in hints for extra in re.findall(r"netspec-nn\[(\w+)\]", line)}
    assert wanted <= set(project["project"]["optional-dependencies"])


def test_several_nets_are_listed(netspec: Any) -> None:
    ran = netspec("summary", "two.net")
    assert ran.code == 2 and "two.net:a" in ran.err and "b" in ran.err
    assert netspec("summary", "two.net:c", "--set", "n=7").code == 0


def test_standard_input(netspec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    for target in ("-", "-:a"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TWO.encode() if ":" in target else GOOD.encode())))
        assert netspec("summary", target).code == 0


def test_draw(netspec: Any, tmp_path: Path) -> None:
    assert netspec("draw", "good.net", "-o", "x.dot").code == 0
    assert (tmp_path / "x.dot").read_text().startswith("digraph")
    assert netspec("draw", "good.net", "-o", "-").out == (tmp_path / "x.dot").read_text()
    assert netspec("draw", "good.net", "-o", "x.svg", "--right").code == 0
    assert (tmp_path / "x.svg").read_text().startswith("<svg")
    missing = netspec("draw", "good.net", "-o", "nowhere/x.dot")
    assert missing.code == 1 and "nowhere/x.dot" in missing.err


def test_show(netspec: Any) -> None:
    assert "fc" in netspec("show", "tree", "good.net").out
    graph = netspec("show", "graph", "good.net")
    assert graph.code == 0 and "%conv1: N x 4x8x8 = conv 4 3x3" in graph.out


def test_programs_and_kernels(netspec: Any, tmp_path: Path) -> None:
    lowered = netspec("show", "program", "good.net", "--after", "lower")
    assert lowered.code == 0 and "conv1.y[n,o,p,q] += input[n,c,p+u-1,q+v-1] * conv1.weight[o,c,u,v]" in lowered.out
    wrong = netspec("show", "program", "good.net", "--after", "lowre")
    assert wrong.code == 2 and "lower, differentiate" in wrong.err
    kernels = netspec("show", "kernels", "good.net")
    assert kernels.code == 0 and "good.net:3: conv 4 3x3 bn relu" in kernels.out
    assert netspec("emit", "good.net", "-o", "good.py").code == 0
    text = (tmp_path / "good.py").read_text()
    assert text == netspec("emit", "good.net").out
    compile(text, "good.py", "exec")


def test_training(netspec: Any, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    (tmp_path / "train.net").write_text(GOOD
                                        + "\ntrain tiny:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1\n  batch 64\n  epochs 3\n")
    ran = netspec("train", "train.net", "--set", "classes=10", "--epochs", "1", "--out", "w.safetensors")
    assert ran.code == 0 and "accuracy" in ran.out and (tmp_path / "w.safetensors").is_file(), ran.err
    wide = netspec("train", "train.net", "--set", "classes=10", "--epochs", "1", "--dtype", "float64", "--device", "reference",
                   "--out", "wide.safetensors")
    assert wide.code == 0, wide.err
    assert {v.dtype.name for v in load_file(tmp_path / "wide.safetensors").values()} == {"float64"}
    assert netspec("train", "good.net").code in (1, 2)
    nowhere = netspec("train", "train.net", "--set", "classes=10", "--out", "nowhere/w.safetensors")
    assert nowhere.code == 2 and "nowhere" in nowhere.err


def test_format(netspec: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    untidy = GOOD.replace("conv 4 3x3", "conv  4   3x3")
    (tmp_path / "untidy.net").write_text(untidy)
    checked = netspec("fmt", "--check", "untidy.net", "good.net")
    assert checked.code == 1 and "untidy.net" in checked.out and "good.net" not in checked.out
    assert "-  conv  4   3x3" in netspec("fmt", "--diff", "untidy.net").out
    assert (tmp_path / "untidy.net").read_text() == untidy
    assert netspec("fmt", "untidy.net").code == 0
    assert (tmp_path / "untidy.net").read_text() == GOOD
    assert netspec("fmt", "--check", "untidy.net").code == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(untidy.encode())))
    assert netspec("fmt", "-").out == GOOD
    assert netspec("fmt", "missing.net").code == 1


def test_format_leaves_alone_what_it_cannot_read_or_may_not_write(netspec: Any, tmp_path: Path) -> None:
    untidy = GOOD.replace("conv 4 3x3", "conv  4   3x3")
    (tmp_path / "broken.net").write_text(untidy + "  fc (3\n")
    (tmp_path / "locked.net").write_text(untidy)
    (tmp_path / "locked.net").chmod(0o444)
    (tmp_path / "untidy.net").write_text(untidy)
    (tmp_path / "link.net").symlink_to("untidy.net")
    ran = netspec("fmt", "broken.net", "locked.net", "link.net")
    assert ran.code == 1 and "unclosed-bracket" in ran.err and "read-only" in ran.err
    assert (tmp_path / "broken.net").read_text() == untidy + "  fc (3\n" and (tmp_path / "locked.net").read_text() == untidy
    assert (tmp_path / "link.net").is_symlink() and (tmp_path / "untidy.net").read_text() == GOOD
    (tmp_path / "end.net").write_text(GOOD.rstrip("\n"))
    assert "\n\\ No newline at end of file\n+" in netspec("fmt", "--diff", "end.net").out


def test_explain(netspec: Any) -> None:
    page = netspec("explain", "conv")
    assert (page.code == 0 and "conv FILTERS WINDOW" in page.out
            and "y[n,o,p,q] += x[n,c,p+u-1,q+v-1] * weight[o,c,u,v]" in page.out)
    everything = netspec("explain").out
    assert "maxpool" in everything and "cross_entropy" in everything and "shape-mismatch" in everything
    assert netspec("explain", "shape-mismatch").code == 0
    assert "conv" in netspec("explain", "konv").err


def test_every_word_can_be_explained(netspec: Any) -> None:
    from netspec.views.words.explain import words

    for names in words().values():
        for name in names:
            ran = netspec("explain", name)
            assert ran.code == 0 and ran.out.startswith(f"{name}: "), name


def test_a_bug_says_it_is_ours(netspec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: Any) -> int:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("netspec.cli.commands.texts.check.run", broken)
    ran = netspec("check", "good.net")
    assert ran.code == 70 and "netspec: internal error: ZeroDivisionError: oops" in ran.err and "Traceback" not in ran.err
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "check", "good.net"])


def test_an_interrupt_is_quiet(netspec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("netspec.cli.commands.texts.check.run", interrupted)
    ran = netspec("check", "good.net")
    assert ran.code == 130 and "Traceback" not in ran.err


def test_file_and_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd:name").write_text(GOOD)
    assert split("a.net") == ("a.net", None)
    assert split("a.net:big") == ("a.net", "big")
    assert split("odd:name") == ("odd:name", None)
    assert split("odd:name:tiny") == ("odd:name", "tiny")
    assert split(r"C:\specs\a.net") == (r"C:\specs\a.net", None)
    assert split(r"C:\specs\a.net:big") == (r"C:\specs\a.net", "big")
    assert split("-:a") == ("-", "a")
    with pytest.raises(UsageError):
        split("a.net:")


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m netspec summary specs/resnet.net:resnet152 | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=ROOT, capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.stderr == "" and done.stdout.startswith("resnet152")


def test_tikz_is_written_of_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "x.tex"
    assert main(["draw", str(ROOT / "specs" / "lenet.net"), "-o", str(to)]) == 2
    assert f"hint: --style volume -o {to}" in capsys.readouterr().err
    assert main(["draw", str(ROOT / "specs" / "lenet.net"), "--style", "volume", "-o", str(to)]) == 0
    assert r"\begin{tikzpicture}" in to.read_text(encoding="utf-8")
