"""Reading: layout, recovery, files, the grammar's cache, and diagnostics as they are printed."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from netspec.catalogue import CATALOGUE
from netspec.diagnostics import Diagnostic, Label, MissingFileError, NetspecError, SpecError, near, render, strict
from netspec.source import Source, Span
from netspec.syntax import grammar, tree
from netspec.syntax.formatter import format_source
from netspec.syntax.grammar_files import grammar_text
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse, parse_recovering
from netspec.syntax.table import build, printed
from where import CORPUS

HEAD = "net a:\n  input 3x8x8\n"


def format_text(text: str) -> str:
    return format_source(Source("<text>", text))


def body(text: str) -> tuple[tree.Statement, ...]:
    net = parse(Source("t", HEAD + text)).items[0]
    assert isinstance(net, tree.Definition)
    assert isinstance(net.body, tree.Suite)
    return net.body.statements[1:]


def mistakes(text: str) -> list[tuple[int, str]]:
    return [(d.span.line if d.span else 0, d.code) for d in parse_recovering(Source("t", text))[1]]


def call(text: str) -> tree.Call:
    (steps,) = body(f"  {text}\n")
    assert isinstance(steps, tree.Steps)
    made = steps.items[0]
    assert isinstance(made, tree.Call)
    return made


def test_the_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    """None between two rules, which Lark refuses, and none between a rule's end and its going on, which it only logs."""
    import lark

    def conflicts(grammar: str) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, lark.logger.name):
            lark.Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False, debug=True)
        return [r.message for r in caplog.records if "conflict" in r.message.lower()]

    assert len(conflicts('start: "if" start | "if" start "else" start | "x"')) == 1
    assert conflicts(grammar_text()) == []


@pytest.mark.parametrize("text", [
    "  conv 4 3x3\n    -> relu  # why\n    # a comment\n    -> conv 3 1x1\n",
    "  for n, t in [(1, 2),  # one\n      (3, 4)]: conv n 1x1\n", "      # odd\n  relu\n# less\n  relu\n",
    "   \n\n  relu\n", "  relu", "  relu\n  # bye", "  repeat 3: dense: conv 4 3x3 -> relu\n",
    "  concat:\n    |\n      skip\n    | relu\n", "  conv 4 3x3 pad=-1\n", "  x: @input -> relu\n",
    "  if a:\n    skip\n  elif b: skip\n  else: skip\n", "  conv n/2 1x1 /2\n", "  conv n / 2 1x1\n", "  conv (n) (3)\n",
    "\trelu\n".replace("\t", "  "),
])
def test_layout(text: str) -> None:
    assert mistakes("net a:\n  input 3x8x8\n" + text) == []


def test_line_ends_and_marks() -> None:
    plain = HEAD + "  conv 4 3x3\n"
    assert parse(Source("t", plain.replace("\n", "\r\n"))) == parse(Source("t",
                                                                           plain)) == parse(Source("t",
                                                                                   plain.replace("\n", "\r")))
    assert mistakes("") == mistakes("# only\n\n  # comments\n") == []
    assert mistakes(HEAD + "  relu # \u2028 \x0c \x85\n  $\n") == [(4, "syntax")]


def test_slashes_and_minus_signs() -> None:
    assert [type(a).__name__ for a in call("conv n/2 1x1 /2").arguments] == ["Binary", "Dims", "Stride"]
    assert [type(a).__name__ for a in call("conv n / 2 1x1").arguments] == ["Binary", "Dims"]
    assert [type(a).__name__ for a in call("f n -1").arguments] == ["Name", "Unary"]
    assert [type(a).__name__ for a in call("f n-1 n - 1").arguments] == ["Binary", "Binary"]
    assert [type(a).__name__
            for a in call("f min(a, b)+d[0] [1, 2] (1, k) 1..3").arguments] == ["Binary", "Listing", "Listing", "Range"]


def test_options_go_last() -> None:
    assert call("conv pad=1 64 /2 3x3 relu") == call("conv 64 3x3 /2 relu pad=1")


def test_words_are_names_after_at_and_dot() -> None:
    assert mistakes(HEAD + "  add @shortcut.conv1 -> add @input\n  loss mse target=input\n") == []
    assert mistakes(HEAD + "  for: relu\n  conv default 3x3\n") == [(3, "incomplete"), (4, "reserved-word")]


def test_every_bad_line_is_reported() -> None:
    text = (HEAD
            + "  repeat 3\n    conv 4 3x3\n  conv 4 3x3 $\n  dense 10\n  conv (1, 3\n  fc 3)\n  relu ->\n  | skip\n  else: relu\n  shortcut: relu\n  x y: relu\n  conv 4 3x3 pad=\n  relu\n")
    assert [line for line, _ in mistakes(text)] == [3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]


@pytest.mark.parametrize(("text", "line", "code"), [
    ("nett a:\n  relu\n", 1, "unknown-word"), ("net a\n  relu\n", 1, "missing-colon"), ("net a:\nrelu\n", 1, "missing-body"),
    ("net a:\n", 1, "missing-body"), ("conv 64 3x3\n", 1, "outside-net"),
    (HEAD + "    relu\n", 3, "unexpected-indent"), (HEAD + "  concat\n    | relu\n", 3, "missing-colon"),
    (HEAD + "  enc\n    relu\n", 3, "missing-colon"), (HEAD + "  repeat 2:\n  relu\n", 3, "missing-body"),
    (HEAD + "  repeat 2:\n      relu\n    relu\n", 5, "inconsistent-indent"), (HEAD + "\trelu\n", 3, "tab-indentation"),
    (HEAD + "  concat:\n    | relu\n    relu\n", 5, "branch-expected"),
    (HEAD + "  repeet 3:\n    relu\n", 3, "unknown-word"), (HEAD + '  fc "x\n', 3, "unclosed-text"),
    (HEAD + "  fc [1 2]\n", 3, "syntax"), (HEAD + "  if a = 3: relu\n", 3, "syntax"),
    (HEAD + "  net b:\n    relu\n", 3, "not-inside"),
    (HEAD + "  " + "a: " * 80 + "relu\n", 3, "too-deep"), ('import a from vgg\n', 1, "syntax"), ("k = \n", 1, "missing-value"),
    ("block f(a, :\n  relu\n", 1, "unclosed-bracket"),
])
def test_mistakes_have_names(text: str, line: int, code: str) -> None:
    assert (line, code) in mistakes(text)
    assert code in CATALOGUE


def test_a_line_that_is_set_aside_keeps_what_is_under_it() -> None:
    module, found = parse_recovering(Source("t", HEAD + "  repeat $ 3:\n    conv 4 3x3\n    conv 4 $\n"))
    assert [d.span.line for d in found if d.span] == [3, 5]
    assert any(isinstance(n, tree.Repeat) for n in tree.walk(module.items[0]))


def test_every_code_of_the_corpus_is_explained() -> None:
    folder = CORPUS / "errors"
    used = {c for path in folder.glob("*.txt")
            for c in re.findall(r"^(?:error|warning|note): .* \[([a-z-]+)\]$", path.read_text(encoding="utf-8"), re.MULTILINE)}
    assert len(used) > 20
    assert sorted(used - set(CATALOGUE)) == []
    assert all(page.endswith("\n") and "  " not in page.split("\n")[0] for page in CATALOGUE.values())
    assert not [code for code, page in CATALOGUE.items() if len(page.split("\n\n")) < 2], "a page has more than its title"


SURROUNDINGS = ("{}", "net a:\n  input 64x32x32\n{}", "net a:\n  input 3x5x5\n{}", "net a:\n  input 96x8x8\n{}", "net a:\n{}",
                "net a:\n  input 784\n  fc 10\n\n{}")


@pytest.mark.parametrize("code",
                         [c for c, page in CATALOGUE.items() if "For example:" in page and not re.search(r"net\.\w+\(", page)])
def test_the_examples_of_a_code_show_it(code: str) -> None:
    """In one of a few surroundings, the wrong lines have this mistake and the right ones none."""
    from netspec.elaborate.check import check_module
    from netspec.syntax.load import specs_folder

    def found(lines: list[str], around: str) -> list[Diagnostic]:
        indent = "  " * (around.count("net a:") and "fc 10" not in around)
        text = around.format("".join(f"{indent}{line}\n" for line in lines))
        return check_module(*parse_recovering(Source("example.net", text, str(specs_folder()))))

    if code in ("no-training", "no-data", "no-net", "file-outside", "bad-range", "bad-formula", "unreadable-picture", "class-count"):
        return  # said of a command, of a layer's own text, or of files
    wrong, *right = ([line.removeprefix("    ") for line in part.split("\n\nPut right:")[0].strip("\n").split("\n")]
                     for part in re.split(r"For example:|Put right:", CATALOGUE[code])[1:])
    assert any(code in {d.code for d in found(wrong, a)} for a in SURROUNDINGS), wrong
    assert not right or any(not [d for d in found(right[0], a) if d.severity == "error"] for a in SURROUNDINGS), right


# ---------------------------------------------------------------- files


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    for name, data, code in (("bin.net", b"\x00\x01\x02", "not-a-spec"), ("latin.net", "# é".encode("latin-1"), "not-a-spec"),
                             ("wide.net", "net".encode("utf-16"), "not-a-spec")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MissingFileError) as e:
            read_source(tmp_path / name)
        assert e.value.diagnostics[0].code == code
    for name, command in (("it.onnx", "netspec import"), ("IT.ONNX", "netspec import"), ("it.pth", "netspec weights")):
        (tmp_path / name).write_bytes(b"\x08\x07\x12\x00")
        with pytest.raises(MissingFileError, match=f"{command} .*{name} "):
            read_source(tmp_path / name)
    for path, code in ((tmp_path, "not-a-file"), (tmp_path / "none.net", "missing-file"), ("\0", "unreadable-file"),
                       ("x" * 5000, "unreadable-file")):
        with pytest.raises(MissingFileError) as e:
            read_source(path)
        assert e.value.diagnostics[0].code == code
    (tmp_path / "bom.net").write_bytes(b"\xef\xbb\xbfnet a:\n  input 3\n")
    assert read_source(tmp_path / "bom.net").text.startswith("net")
    with pytest.raises(MissingFileError, match=r"bom\.net\?"):
        read_source(tmp_path / "bon.net")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="the superuser may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("net a:\n")
    path.chmod(0)
    with pytest.raises(MissingFileError, match="may not be read"):
        read_source(path)


def test_the_table_is_that_of_the_grammar() -> None:
    assert grammar_text(
        "net.json") == printed(build(grammar_text())), "after a change of the grammar: python -m netspec.syntax.table"


@pytest.mark.parametrize("cache", [{"NETSPEC_CACHE": "off"}, {"NETSPEC_CACHE": "0"}, {"NETSPEC_CACHE": ""},
                                   {"NETSPEC_CACHE": "here"}, {"XDG_CACHE_HOME": "here"}])
def test_reading_a_spec_keeps_nothing_and_believes_nothing(tmp_path: Path, cache: dict[str, str]) -> None:
    for folder in ("off", "0", "here", "."):  # where a pickle was once looked for
        (tmp_path / folder / "netspec").mkdir(parents=True)
    (tmp_path / "a.net").write_text("net a:\n  input 3\n  fc 2\n")
    before = sorted(tmp_path.rglob("*"))
    env = {k: v for k, v in os.environ.items() if k not in ("NETSPEC_CACHE", "XDG_CACHE_HOME")} | cache
    done = subprocess.run([sys.executable, "-P", "-m", "netspec", "check", "a.net"], env=env, cwd=tmp_path, capture_output=True,
                          text=True, check=True)
    assert done.stdout == "a.net: fine\n" and sorted(tmp_path.rglob("*")) == before


def test_a_grammar_that_was_changed_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = grammar_text().replace('RESIDUAL: "residual"', 'RESIDUAL: "resid"')
    monkeypatch.setattr(grammar, "grammar_text", lambda name="net.lark": changed if name == "net.lark" else grammar_text(name))
    monkeypatch.setattr(grammar._OWN, "machine", None)
    made = grammar.machine()
    assert made.scanner.words["resid"] == "RESIDUAL" and "residual" not in made.scanner.words


# ---------------------------------------------------------------- printing


def test_rendering_and_json() -> None:
    source = Source("my.net", "net a:\n  fc x\n")
    d = Diagnostic("undefined-name", "no x", (Label(Span(source, 2, 6, 2, 7), "here"),), ("a fact",), "do this\nand that",
                   "error", ("in f1, from line 9: f",))
    text = render(d)
    assert text.splitlines()[:5] == ["error: no x [undefined-name]", " --> my.net:2:6", "  |", "2 |   fc x", "  |      ^ here"]
    assert "\033[" in render(d, color=True)
    assert re.sub("\033\\[[0-9;]*m", "", render(d, color=True)) == text
    assert d.as_json() == {"file": "my.net", "line": 2, "column": 6, "end_line": 2, "end_column": 7, "severity": "error",
                           "code": "undefined-name", "message": "no x: here", "notes": ["a fact"],
                           "hint": "do this\nand that", "trail": ["in f1, from line 9: f"]}
    assert "%0Aand that" in d.as_github()
    warning = Diagnostic("unused", "w", severity="warning")
    assert [x.severity
            for x in strict([warning, Diagnostic("missing-weights", "n", severity="note"),
                             Diagnostic("lost-pixels", "n", severity="note")])] == ["error", "note", "error"]
    assert isinstance(SpecError(d), NetspecError)
    assert str(SpecError(d, d)).count("no x") == 2


def test_did_you_mean() -> None:
    assert near("covn", ["conv", "deconv"]) == "conv"
    assert near("resdual", ["residual"]) == "residual"
    assert near("relu", ["relu6", "fc"]) == "relu6"
    assert near("x", ["y"]) is None  # nothing is left of the word
    assert near("banana", ["conv"]) is None


# ---------------------------------------------------------------- the formatter


def test_canonical_form() -> None:
    untidy = (
        "k=2*( n+1 )\nnet  long = base   1 2\nnet b = base 3\n\n\n\nnet base( n , m=2 ) :   # why\n\n   # first\n   input   3x8x8\n   conv pad=1  n / 2   3x3\n\n\n"
              "   if a==1 : relu\n   else : tanh\n   concat :\n      |skip\n      |  relu\n         tanh   # end\n   # last\n")
    assert format_text(untidy) == (
        "k = 2*(n+1)\nnet long = base 1 2\nnet b    = base 3\n\nnet base(n, m=2):  # why\n  # first\n  input 3x8x8\n  conv n/2 3x3 pad=1\n\n"
        "  if a == 1: relu\n  else: tanh\n  concat:\n    | skip\n    | relu\n      tanh  # end\n  # last\n")


def test_a_computed_input_keeps_its_brackets() -> None:
    written = "net a(n=3):\n  input  ( n * 2 )\n  input b ([n,3])\n  input c (8)\n  input d (n,n)\n  fc 3\n"
    formatted = format_text(written)
    assert formatted == "net a(n=3):\n  input (n*2)\n  input b ([n, 3])\n  input c 8\n  input d (n, n)\n  fc 3\n"
    assert format_text(formatted) == formatted


def test_comments_inside_brackets_stand_above_the_line() -> None:
    written = (
        "net a(n=3):\n  input 3\n\n  fc (n\n     # one\n    + 1)\n  # two\n  for q in [8,\n    # three\n    16]:  # four\n    fc q\n")
    formatted = format_text(written)
    assert formatted == "net a(n=3):\n  input 3\n\n  # one\n  fc n+1\n  # two\n  # three\n  for q in [8, 16]:  # four\n    fc q\n"
    assert format_text(formatted) == formatted


def test_a_broken_file_is_not_formatted() -> None:
    with pytest.raises(SpecError):
        format_text("net a:\n  conv (\n")


@pytest.mark.parametrize("path", sorted(specs_folder().glob("*.net")), ids=lambda p: p.stem)
def test_the_shipped_specs_are_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(text) == text


def test_columns_stay_columns() -> None:
    table = "net a = base one   2 34\nnet b = base three 5  6\n"
    assert format_text(table) == table
    assert format_text("net a = base one 2 34\nnet b = base three 5 6\n") == "net a = base one 2 34\nnet b = base three 5 6\n"
