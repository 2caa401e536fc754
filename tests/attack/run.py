"""Attack netspec until the time is up: nothing but success or a NetspecError may come out, and soon.

    python tests/attack/run.py specs --seconds 900 --seed 1
    python tests/attack/run.py all --seconds 60
    python tests/attack/run.py calls --case 1:417          one case again, as a failure names it

An attack is a file beside this one with `case(rng, place)`: it draws one case from the generator, in an empty folder, and
gives its description and what to run. A case runs in a process of its own kind of trouble: a hang ends after --limit
seconds and is a failure, and so is an exception of any other kind. Exit code 1 where something failed. `test_attack.py`
runs some cases of each in the test suite.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

ATTACKS = ("specs", "commands", "calls", "checkpoints", "caches", "names", "streams")
Case = Callable[[random.Random, Path], tuple[str, Callable[[], object]]]


class Hang(BaseException):
    """A case took longer than its limit."""


def outcome(attack: str, seed: int, number: int) -> tuple[str, str]:
    """fine, refused or failed; and what was run, with the traceback of a failure."""
    from netspec.diagnostics import NetspecError

    case: Case = import_module(f"attack.{attack}").case
    rng = random.Random(f"{attack} {seed} {number}")
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        what = "drawing the case"
        try:
            what, action = case(rng, Path(folder))
            action()
            return "fine", what
        except NetspecError:
            return "refused", what
        except (Exception, Hang, SystemExit):
            return "failed", f"{what}\n{traceback.format_exc(limit=-6)}"
        finally:
            os.chdir(before)


def attacked(attack: str, seconds: float, seed: int, limit: int) -> int:
    """Run cases until the time is up; how many failed."""
    def late(*_: Any) -> None:
        raise Hang(f"longer than {limit} s")

    signal.signal(signal.SIGALRM, late)
    counts = {"fine": 0, "refused": 0, "failed": 0}
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        number = sum(counts.values())
        signal.alarm(limit)
        try:
            how, what = outcome(attack, seed, number)
        except Hang as h:  # while it was cleaned up behind the case
            how, what = "failed", str(h)
        signal.alarm(0)
        counts[how] += 1
        if how == "failed":
            print(f"--- {attack} --case {seed}:{number}\n{what}", flush=True)
    print(f"{attack}: {sum(counts.values()):,} cases of seed {seed} in {time.monotonic() - start:.0f} s: " + ", ".join(f"{n:,} {how}" for how, n in counts.items()), flush=True)
    return counts["failed"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Attack netspec.")
    parser.add_argument("attack", choices=(*ATTACKS, "all"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=60, help="seconds a case may take")
    parser.add_argument("--case", help="SEED:NUMBER, one case alone")
    args = parser.parse_args()
    if args.case:
        seed, number = map(int, args.case.split(":"))
        print(*outcome(args.attack, seed, number), sep=": ")
        return 0
    return 1 if sum(attacked(a, args.seconds, args.seed, args.limit) for a in (ATTACKS if args.attack == "all" else (args.attack,))) else 0


if __name__ == "__main__":
    sys.exit(main())
