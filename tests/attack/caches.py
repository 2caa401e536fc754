"""Entries of the cache: turned, cut, exchanged, replaced by folders and links. A network compiled beside them answers the
same."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

PROGRAM = (
    "import numpy as np, netspec\nnet = netspec.compile(text='net a:\\n  input 4\\n  relu\\n')\nprint(net.predict(np.ones((2, 4))).tobytes().hex())\n")


def answer(cache: Path) -> str:
    """What the network says; it must come out with exit code 0."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | {"NETSPEC_CACHE": str(cache)}, capture_output=True,
                          text=True, timeout=1200, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


@lru_cache(maxsize=1)
def good() -> tuple[Path, str]:
    """A cache with its entries, and the answer."""
    folder = Path(tempfile.mkdtemp(prefix="attacked-"))
    return folder, answer(folder)


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    folder, right = good()
    cache = place / "cache"
    shutil.copytree(folder, cache)
    done = []
    for _ in range(rng.choice((1, 1, 3, 20))):
        files = sorted(p for p in cache.rglob("*") if p.is_file() and not p.is_symlink())
        if files:
            done.append(damage(rng.choice(files), files, rng))

    def run() -> None:
        assert answer(cache) == right, "another answer"

    return "; ".join(done), run


def damage(file: Path, files: list[Path], rng: random.Random) -> str:
    data = file.read_bytes()
    how = rng.choice(("turn", "cut", "empty", "exchange", "folder", "link", "mode", "random", "append"))
    match how:
        case "turn":
            at = rng.randrange(max(1, len(data)))
            file.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:] if data else b"x")
        case "cut":
            file.write_bytes(data[:rng.randrange(max(1, len(data)))])
        case "empty":
            file.write_bytes(b"")
        case "exchange":
            file.write_bytes(rng.choice(files).read_bytes())
        case "folder":
            file.unlink()
            file.mkdir()
        case "link":
            file.unlink()
            file.symlink_to(rng.choice(("/dev/null", "nowhere", str(file))))
        case "mode":
            file.chmod(rng.choice((0o000, 0o777, 0o444)))
        case "random":
            file.write_bytes(rng.randbytes(len(data)))
        case "append":
            file.write_bytes(data + b"more")
    return f"{how} {file.name}"
