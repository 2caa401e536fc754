"""Attack netspec until the time is up: nothing but success or a NetspecError may come out, and soon.

    python tests/attack/run.py specs --seconds 900 --seed 1
    python tests/attack/run.py all --seconds 60
    python tests/attack/run.py calls --case 1:417          one case again, as a failure names it

An attack is a file beside this one with `case(rng, place)`: it draws one case from the generator, in an empty folder, and
gives its description and what to run. A case that computes for more than --limit seconds hangs, and that is a failure, as
is an exception of any other kind. The limit is processor time, the case's own and that of the processes it started, so that
other work on the machine fails nobody; what sleeps and computes nothing is ended after ten times the limit by the clock.
Exit code 1 where something failed. `test_attack.py` runs some cases of each in the test suite.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / f) for f in ("", "harness", "elaborate", "..")]

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


def computed() -> float:
    """Seconds of processor time of this process, of those it waited for, and (where /proc tells) of those that still run."""
    done = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(r.ru_utime + r.ru_stime for r in done)
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # a thread or a process has ended meanwhile
            for child in listed.read_text().split():
                times = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:15]  # its own, and its children's
                seconds += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return seconds


class Limit:
    """Ends what runs inside `with` after so many seconds of processor time, or ten times as many by the clock, by a Hang."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        signal.signal(signal.SIGALRM, self.look)

    def __enter__(self) -> None:
        self.clock, self.processor = time.monotonic(), computed()
        signal.setitimer(signal.ITIMER_REAL, *[min(1, self.seconds / 4)] * 2)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def look(self, *_: Any) -> None:
        clock, processor = time.monotonic() - self.clock, computed() - self.processor
        if processor > self.seconds or clock > 10 * self.seconds:
            signal.setitimer(signal.ITIMER_REAL, 10, 10)  # once more, should this one be swallowed by a finalizer
            raise Hang(f"{processor:.1f} s of processor time, {clock:.1f} s by the clock, where {self.seconds} s is the limit")


def limited(attack: str, seed: int, number: int, limit: float) -> tuple[str, str]:
    """An outcome within the limit."""
    try:
        with Limit(limit):
            return outcome(attack, seed, number)
    except Hang as h:  # while it was cleaned up behind the case
        return "failed", str(h)


def attacked(attack: str, seconds: float, seed: int, limit: float) -> int:
    """Run cases until the time is up; how many failed."""
    counts = {"fine": 0, "refused": 0, "failed": 0}
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        number = sum(counts.values())
        how, what = limited(attack, seed, number, limit)
        counts[how] += 1
        if how == "failed":
            print(f"--- {attack} --case {seed}:{number}\n{what}", flush=True)
    print(f"{attack}: {sum(counts.values()):,} cases of seed {seed} in {time.monotonic() - start:.0f} s: "
          + ", ".join(f"{n:,} {how}" for how, n in counts.items()), flush=True)
    return counts["failed"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Attack netspec.")
    parser.add_argument("attack", choices=(*ATTACKS, "all"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=60, help="seconds of processor time a case may take")
    parser.add_argument("--case", help="SEED:NUMBER, one case alone")
    args = parser.parse_args()
    if args.case:
        seed, number = map(int, args.case.split(":"))
        print(*limited(args.attack, seed, number, args.limit), sep=": ")
        return 0
    return 1 if sum(attacked(a, args.seconds, args.seed, args.limit)
                    for a in (ATTACKS if args.attack == "all" else (args.attack,))) else 0


if __name__ == "__main__":
    sys.exit(main())
