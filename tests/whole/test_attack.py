"""Some cases of each attack; `python tests/attack/run.py` runs them without end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attack.names import below
from attack.run import ATTACKS, Hang, Limit, outcome
from sweeps import the_first

CASES = {"specs": 40, "commands": 30, "calls": 60, "checkpoints": 30, "caches": 1, "names": 40, "streams": 3}


@pytest.mark.parametrize(("attack", "part"), [*((a, 4) for a in ATTACKS if a != "caches"),  # which compiles
                                              *the_first(0, [(a, 1) for a in ATTACKS])])
def test_nothing_but_refusals(attack: str, part: int) -> None:
    for number in range(-(-CASES[attack] // part)):
        how, what = outcome(attack, 0, number)
        assert how != "failed", f"python tests/attack/run.py {attack} --case 0:{number}\n{what}"


@pytest.mark.parametrize("name", ["/etc/shadow", "/dev/null", "../x", "..", "", "/", "a/../../x", "//dev/full'", "~"])
def test_no_case_writes_outside_its_folder(name: str, tmp_path: Path) -> None:
    assert Path(os.path.normpath(below(tmp_path, name))).is_relative_to(tmp_path)


@pytest.mark.parametrize("hang", the_first(2, ["while True: pass", "subprocess.run([sys.executable, '-c', 'while True: pass'])",
                                               "time.sleep(60)"]))
def test_a_hang_ends_by_the_processor_time_it_takes(hang: str) -> None:
    """Its own or that of a process it started; what sleeps ends after ten times the limit."""
    with pytest.raises(Hang, match=r"^[\d.]+ s of processor time, "), Limit(0.3):
        exec(hang, {"subprocess": subprocess, "sys": sys, "time": time})


def test_a_case_that_waits_for_others_is_none() -> None:
    with Limit(0.3):
        time.sleep(0.6)
