"""Each limit holds: what reaches it is read, one more is refused, and the message says the limit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import netspec
from netspec import limits
from netspec.cli import main
from netspec.diagnostics import Diagnostic, NetspecError, render
from netspec.elaborate.check import check_module
from netspec.source import Source
from netspec.syntax import lexer
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse_recovering
from where import ROOT

NET = "net a:\n  input 4\n  fc 3\n"


def check_file(path: Path) -> list[Diagnostic]:
    return check_module(*parse_recovering(read_source(path)))


def found(text: str) -> list[Diagnostic]:
    return check_module(*parse_recovering(Source("limits.net", text)))


def said(text: str) -> str:
    return "\n".join(map(render, found(text)))


def body(line: str) -> str:
    return f"net a:\n  input 4\n  {line}\n"


def nested(n: int) -> str:
    return "net a:\n  input 4\n" + "".join("  " * (k + 1) + "repeat 1:\n" for k in range(n - 1)) + "  " * n + "relu\n"


def called(n: int) -> str:
    return "block b1:\n  relu\n" + "".join(f"block b{k + 1}:\n  b{k}\n" for k in range(1, n)) + body(f"b{n}")


TEXTS: dict[str, tuple[Callable[[int], str], int, str]] = {  # a text that grows, the most, and what is said of one more
    "NAME": (lambda n: body("q" * n + ": fc 3"), limits.NAME, "the limit is 255"),
    "TEXT": (lambda n: f'block b:\n  fc 3\nnet a:\n  input 4\n  b weights="{"q" * (n - 2)}"\n', limits.TEXT,
             "the limit is 4,096"),
    "INDENTED": (nested, limits.INDENTED, "more than 64 levels"),
    "NESTED": (lambda n: f"x = {'(' * n}1{')' * n}\n" + body("fc x"), limits.NESTED, "more than 64 deep"),
    "RANGE": (lambda n: body(f"for i in 1..{n}:\n    skip"), limits.RANGE, "more than 100000 numbers"),
    "NUMBER": (lambda n: f"x = {n}\n" + body("fc floor(x / x)"), limits.NUMBER, "the limit is 1e+12"),
    "TURNS": (lambda n: body(f"repeat {n}: skip"), limits.TURNS, "more than 100000 turns"),
    "CALLED": (called, limits.CALLED, "more than 64 levels"),
    "STEPS": (lambda n: body(f"repeat {n // 2}: skip") + "  relu\n" * (n % 2), limits.STEPS, "more than 60000 steps"),
    "STEPS, all nets": (lambda n: "".join(f"net a{k}:\n  input 4\n  repeat {n // 8}: skip\n" for k in range(4))
                        + "net b:\n  input 4\n" + "  relu\n" * (n % 8), limits.STEPS,
                        "the nets of this file take more than 60000 steps"),
    "WARNINGS": (lambda n: f"net a({', '.join(f'p{k}=1' for k in range(n))}):\n  input 4\n  fc 3\n", limits.WARNINGS,
                 "... and 1 more warning"),
    "MISTAKES": (lambda n: "net a:\n  input 4\n" + "  fc 3 zz=1\n" * (n - 1), limits.MISTAKES,
                 "200 mistakes: the rest was not looked at"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_as_many_as_the_limit_and_no_more(name: str) -> None:
    text, most, refusal = TEXTS[name]
    assert refusal not in said(text(most))
    assert refusal in said(text(most + 1))


def test_a_file_has_so_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.TOKENS == 150_000
    monkeypatch.setattr(limits, "TOKENS", 3_000)
    monkeypatch.setattr(lexer, "TOKENS", 3_000)  # seconds less
    line = "  " + "relu -> " * 99 + "relu\n"
    text = "block b:\n" + line * (limits.TOKENS // 199 + 1) + NET
    assert "more than 3,000 words" in said(text)


def test_thousands_of_warnings_are_a_page() -> None:
    text = f"net a({', '.join(f'p{k}=1' for k in range(4_000))}):\n  input 4\n  fc 3\n"
    shown = said(text)
    assert "... and 3,900 more warnings" in shown
    assert len(shown) < 100_000


@pytest.mark.parametrize("text", [body("q" * 3_900_000), body("q" * 3_900_000 + ": fc 3"), body("fc " + "9" * 1_000_000),
                                  "q" * 3_900_000 + "\n" + NET])
def test_a_word_of_megabytes_is_not_said_again(text: str) -> None:
    found_here = found(text)
    assert found_here
    assert all(len(render(d)) < 10_000 and len(str(d.as_json())) < 10_000 and len(d.as_github()) < 10_000 for d in found_here)


def test_a_long_name_in_a_message_keeps_its_ends() -> None:
    d = Diagnostic("usage", f"no `{'q' * 1000}z` here", hint="x " * 10_000)
    assert len(d.title) < 2 * limits.UNBROKEN
    assert re.match(r"no `q+\.\.\.q+z` here", d.title)
    assert "16,000 more letters" in str(d.hint)


def test_files_import_so_deep_and_so_many(tmp_path: Path) -> None:
    for k in range(60):
        (tmp_path / f"d{k}.net").write_text(f'import b{k + 1} from "d{k + 1}.net"\nblock b{k}:\n  b{k + 1}\n' if k < 59
                                            else "block b59:\n  relu\n")
    assert any("50 deep at most" in d.title for d in check_file(tmp_path / "d0.net"))
    assert not any("deep" in d.title for d in check_file(tmp_path / "d11.net"))
    for k in range(limits.FILES + 1):
        (tmp_path / f"f{k}.net").write_text(f"block c{k}:\n  relu\n")
    for count, right in ((limits.FILES, True), (limits.FILES + 1, False)):
        (tmp_path / "all.net").write_text("".join(f'import c{k} from "f{k}.net"\n' for k in range(count)) + "net a:\n  input 4\n"
                                          + "".join(f"  c{k}\n" for k in range(count)))
        assert any("200 files at most" in d.title for d in check_file(tmp_path / "all.net")) is not right


def test_a_nodes_full_name_is_bounded() -> None:
    def text(depth: int) -> str:
        return "block b0:\n  fc 3\n" + "".join(f"block b{k + 1}:\n  {'q' * 200}{k}: b{k}\n"
                                               for k in range(depth)) + body(f"b{depth}")

    assert "the limit is 1,000" in said(text(5))
    assert "the limit is" not in said(text(4))


@pytest.mark.parametrize("value", ["0", "-1", "1" + "0" * 30, "nan", "", "1e3", "9" * 5000, str(limits.COUNT + 1)])
@pytest.mark.parametrize("option", ["--batch", "--epochs", "--threads"])
def test_counts_of_a_command_line(option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.net").write_text(NET)
    with pytest.raises(SystemExit) as e:
        main(["train", str(tmp_path / "a.net"), f"{option}={value}"])
    said_here = capsys.readouterr().err
    assert e.value.code == 2
    assert "from 1 to 1,000,000,000" in said_here
    assert len(said_here) < 4000


@pytest.mark.parametrize("text", [NET + "# \0\n", NET + "# \ud800\n", "net a\udcff:\n", "\0"])
def test_a_text_is_held_to_what_a_file_is(text: str) -> None:
    with pytest.raises(NetspecError) as e:
        netspec.compile(text=text)
    assert e.value.diagnostics[0].code == "not-a-spec"


def test_a_pad_needs_an_image() -> None:
    for line in ("pad 1", "pad @x", "pad [(1, 2)]", "pad 0", "pad 1 value=3", "pad 1 reflect"):
        refused = found(f"net a:\n  input 16\n  x: fc 5\n  {line}\n  add @x\n")
        assert [d.code for d in refused if d.severity == "error"] == ["wrong-rank"], line
    assert not found("net a:\n  input 16\n  pad channels=3\n")


@pytest.mark.parametrize("word", ["join_views", "split_views"])
def test_what_each_makes_cannot_be_written(word: str) -> None:
    assert [d.code for d in found(f"net a:\n  input 3x4x4\n  {word}\n")] == ["unknown-word"]


def test_every_limit_is_documented() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    for name, value in vars(limits).items():
        if name.isupper():
            power = f"2^{value.bit_length() - 1}"
            assert re.search(rf"\| ({value:,}|{re.escape(power)}) \| `{name}` \|", page), name


@pytest.mark.parametrize("command", ["draw", "emit"])
@pytest.mark.parametrize("name", ["", ".", "/", "..", "a\0b", "nosuch/x.svg", "x"])
def test_names_that_no_file_can_have(command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.net").write_text(NET)
    try:
        code = main([command, "a.net", "-o", name])
    except SystemExit as e:
        code = int(e.code or 0)
    assert code in (1, 2), capsys.readouterr().err


COMMANDS = ("check {}", "check {}:a", "summary {}.net", "summary {}.net:a", "fmt {}", "fmt {}.net", "emit t.net -o {}",
            "train t.net --out {}.safetensors", "train t.net --data {}",
            "train t.net --resume {}", "verify t.net --data {}.npz", "diff {}:a t.net", "show graph {}", "explain {}",
            "draw t.net -o {}.svg")


@pytest.mark.parametrize("name", ["q" * 5000, "q" * 252, "q/" * 3000, f"{'q' * 300}/y", "t.net/x"])
def test_names_that_are_too_long_are_no_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command says so, where something is written and where it is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.net").write_text(f"{NET}\ntrain a:\n  data \"x.npz\"\n  loss mse\n  sgd lr=0.1\n  epochs 1\n")
    np.savez(tmp_path / "x.npz", x=np.ones((4, 4)), y=np.ones((4, 3)))
    for command in COMMANDS:
        assert main([word.format(name) for word in command.split()]) in (1, 2), command
