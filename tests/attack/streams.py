"""Standard streams that are full, closed, folders, or read by nobody: no command says more than an exit code can."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

COMMANDS = ("--version", "--help", "check a.net", "check --format json a.net", "check bad.net", "check --format github bad.net",
            "check -", "summary a.net", "summary -", "diff a.net a.net",
            "draw a.net -o -", "draw a.net -o x.dot", "show tree a.net", "show graph a.net", "show program a.net",
            "show kernels a.net", "emit a.net", "fmt --check a.net", "fmt --diff bad.net",
            "fmt -", "explain", "explain conv", "explain nosuch", "frobnicate", "verify a.net --batch 1", "summary",
            "check nosuch.net")
REDIRECTIONS = (">/dev/full", ">&-", "2>/dev/full", "2>&-", "<&-", "< .", ">&- 2>&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full",
                "| head -1", "| true", "2>&1 >/dev/full | head -1", "</dev/null", "")
RIGHT = {0, 1, 2, 74}


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    (place / "a.net").write_text("net a:\n  input 4\n  fc 3\n")
    (place / "bad.net").write_text("net a:\n  input 4\n  fcc 3\n  conv = = 3\n")
    command, streams = rng.choice(COMMANDS), rng.choice(REDIRECTIONS)
    return f"netspec {command} {streams}", lambda: run(command, streams, place)


def run(command: str, streams: str, place: Path) -> None:
    line = f"{sys.executable} -m netspec {command} {streams}"
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(["bash", "-c", f"set -o pipefail\n{line}"], cwd=place, env=env, input=b"net a:\n  input 4\n  fc 3\n",
                          capture_output=True, timeout=1200, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in said and "report it" not in said and "Exception ignored" not in said, said[-2000:]
    assert done.returncode in RIGHT, f"exit code {done.returncode}: {said[-500:]}"
    if streams in (">/dev/full", ">&-") and command not in ("frobnicate", "summary", "explain nosuch", "check nosuch.net",
                                                            "check bad.net", "draw a.net -o x.dot"):
        assert done.returncode == 74 or not said_without(command,
                                                         place), f"what was said is lost, and the exit code is {done.returncode}"


def said_without(command: str, place: Path) -> bool:
    """Whether the command says anything on standard output where it may."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(f"{sys.executable} -m netspec {command}", shell=True, cwd=place, env=env,
                          input=b"net a:\n  input 4\n  fc 3\n", capture_output=True, timeout=1200, check=False)
    return bool(done.stdout)
