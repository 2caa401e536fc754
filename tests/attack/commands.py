"""Command lines: every command with files that are there and are not, options with values they do not expect."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from netspec.cli import main

TINY = (
    "net a(n=3):\n  input 2x5x5\n  conv 2 3x3 bn relu\n  fc n\nnet b:\n  input 4\n  fc 2\ntrain b:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n")
COMMANDS = ("check", "summary", "diff", "draw", "field", "backprop", "train", "verify", "show", "emit", "fmt", "explain", "trian", "")
NUMBERS = ("1", "2", "0", "-1", "1" + "0" * 30, "1" * 5000, "nan", "inf", "", "1e3", "1.5", "0x10", "\x00", "٣", " 7 ")
WORDS = ("", "-", "--", "a.net", "a.net:a", "a.net:b", "a.net:", ":a", "nosuch.net", ".", "/dev/null", "/dev/full", "folder",
         "folder/x.svg", "x.svg", "x.dot", "x.png", "x.py",
         "x.onnx", "\x1b[31m.net", "new\nline.net", "q" * 5000, "lenet.net", "é.net", "conv", "tree", "graph", "program",
         "kernels", "\udcff.net", "bad.net", "a\x00b", "~", "*")
VALUES = ("n=3", "n=", "=3", "n=" + "9" * 400, "n=[1", "n=x", "m=1", "n=-1", "n=1e300", "2x5x5", "x", "0x0", "9" * 30 + "x1x1",
          "?", "input=2x5x5", "8GB", "-1GB", "nan", "lower", "fuse",
          "predict", "gradients", "exact", "float32", "json", "github", "cpu", "reference", "float64")
OPTIONS = {"--format": VALUES, "--strict": (), "--set": VALUES, "--input": VALUES, "--receptive-field": (), "--memory": VALUES,
           "-o": WORDS, "--out": WORDS, "--right": (), "--unit": WORDS, "--at": NUMBERS, "--picture": WORDS, "--theme": VALUES, "--x": NUMBERS, "--target": NUMBERS,
           "--loss": WORDS, "--epochs": NUMBERS[1:],
           "--batch": NUMBERS, "--seed": NUMBERS, "--device": VALUES, "--threads": NUMBERS, "--dtype": VALUES, "--resume": WORDS,
           "--quiet": (), "--after": VALUES, "--entry": VALUES,
           "--check": (), "--diff": (), "--precision": VALUES, "--version": (), "--help": (), "--nosuch": (), "--debug": ()}


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    (place / "a.net").write_text(TINY)
    (place / "bad.net").write_bytes(rng.randbytes(200))
    (place / "folder").mkdir()
    command = rng.choice(COMMANDS)
    words = [command]
    if command == "show":
        words.append(rng.choice(("tree", "graph", "program", "kernels", "x")))
    words += [rng.choice(("a.net:a", "a.net:b", rng.choice(WORDS))) for _ in range(rng.choice((0, 1, 1, 1, 1, 2)))]
    if command in ("draw", "field", "backprop") and rng.random() < 0.7:
        words += ["-o", rng.choice(WORDS)]
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        name = rng.choice(list(OPTIONS))
        if name == "--debug":
            continue
        words += [name, *([rng.choice(OPTIONS[name])] if OPTIONS[name] else [])]
    if command == "train":
        words += ["--epochs", "1"]
    return repr(words), lambda: run(words)


def run(words: list[str]) -> None:
    """Exit codes 0, 1 and 2 are right, and nothing that asks for a report is said."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(TINY.encode()))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(words)
            except SystemExit as e:
                code = int(e.code or 0)
    finally:
        sys.stdin = before
    assert code in (0, 1, 2), f"exit code {code}: {err.getvalue()[-2000:]}"
    assert "Traceback" not in err.getvalue() and "report it" not in err.getvalue(), err.getvalue()[-2000:]
    assert len(err.getvalue()) < 400_000, f"{len(err.getvalue())} letters of messages"
    assert "\x1b" not in err.getvalue() and "\x1b" not in out.getvalue(), "a terminal would obey"


