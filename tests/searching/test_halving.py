"""Successive halving: who goes on is the same whoever was first, and goes on to what it would have come to without."""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.searching.definition import Definition, Search, opened
from netspec.searching.halving import left, ranked, rungs, standing
from netspec.searching.results import Result
from netspec.searching.study import Found

TINY = """net tiny:
  input 1x8x8
  fc 8 relu
  fc 10

train tiny:
  data digits validation=0.2
  loss cross_entropy
  sgd lr=0.02
  schedule cosine
  batch 128
  epochs 4
"""


def test_the_rungs_end_with_the_last_epoch() -> None:
    assert rungs(9, 9, 3) == (1, 3, 9)
    assert rungs(27, 9, 3) == (3, 9, 27) and rungs(9, 100, 3) == (1, 3, 9)
    assert rungs(10, 8, 2) == (2, 3, 5, 10)
    assert rungs(5, 2, 3) == (5,) and rungs(1, 50, 2) == (1,) and rungs(50, 1, 2) == (50,)
    for epochs in range(1, 40):
        for trials in range(1, 40):
            found = rungs(epochs, trials, 3)
            assert found[-1] == epochs and list(found) == sorted(set(found)) and found[0] >= 1
            assert trials // 3 ** (len(found) - 1) >= 1, "somebody comes to the last"


def made(trial: int, rung: int, value: float | None, state: str = "done", watched: str = "lowest loss") -> Result:
    return Result(trial, {}, state, "", watched, value, rung=rung)


@pytest.mark.parametrize("highest", [False, True])
def test_who_goes_on_does_not_depend_on_who_was_first(highest: bool) -> None:
    """Nine trials, two of which are dropped and one is worth nothing; 3 go on, then 1. Values of equals decide by number."""
    watched = "highest val_accuracy" if highest else "lowest loss"
    values = {1: 0.5, 2: 0.3, 3: None, 4: 0.3, 5: 0.9, 6: float("nan"), 7: 0.2, 8: 0.3, 9: None}
    values = {k: 1 - v if highest and v is not None else v for k, v in values.items()}
    search = Search(Path(), Definition([], halving=3, rungs=(1, 3, 9)), 9)
    want = [(t, 0) for t in range(1, 10)]
    for seed in range(20):
        found: dict[tuple[int, int], Result] = {}
        order = random.Random(seed)
        seen = []
        while todo := left(search, found):
            if len({rung for _, rung in todo}) > 1:
                raise AssertionError("two rungs at once")
            trial, rung = order.choice(todo)
            state = "dropped" if values[trial] is None else "done"
            found[trial, rung] = made(trial, rung, values[trial], state, watched)
            seen.append((trial, rung))
        assert sorted(seen) == sorted([*want, (7, 1), (2, 1), (4, 1), (7, 2)])
        final = standing(search, found)
        assert [r.trial for r in final] == [7, 2, 4, 8, 1, 5, 6, 3, 9]
        assert [r.state for r in final] == ["done", *["stopped"] * 6, "dropped", "dropped"]


def test_a_rung_that_is_not_whole_decides_nothing() -> None:
    search = Search(Path(), Definition([], halving=2, rungs=(1, 2)), 4)
    found = {(t, 0): made(t, 0, t / 10) for t in (1, 2, 3)}
    assert left(search, found) == [(4, 0)] and [r.state for r in standing(search, found)] == ["done"] * 3
    found[4, 0] = made(4, 0, 0.05)
    assert left(search, found) == [(1, 1), (4, 1)]


def test_nobody_goes_on_where_all_are_dropped() -> None:
    search = Search(Path(), Definition([], halving=2, rungs=(1, 2)), 3)
    found = {(t, 0): made(t, 0, None, "dropped") for t in (1, 2, 3)}
    assert left(search, found) == [] and [r.state for r in standing(search, found)] == ["dropped"] * 3


@pytest.fixture
def halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(TINY)
    return netspec.search("tiny.net", lines="adamw lr=log(1e-4..1e2)", trials=6, halving=2, out="halved", quiet=True)


def test_the_last_is_trained_as_if_it_had_been_alone(halved: Found) -> None:
    """Its schedule led to the last epoch from the beginning, and each pause is one of `--resume`: the same bits of weights."""
    states = {r.trial: r.state for r in halved.results}
    best = halved.best
    assert best is not None and best.epochs == 4 and list(states.values()).count("done") == 1 and "stopped" in states.values()
    assert "dropped" in states.values() and all(r.why for r in halved.results if r.state != "done")
    exploded = next(r for r in halved.results if r.state == "dropped")
    assert float(exploded.parameters["lr"]) > 0.1 and "and was" in exploded.why
    whole = netspec.search("tiny.net", lines="adamw lr=log(1e-4..1e2)", trials=best.trial, out="whole", quiet=True)
    assert next(r for r in whole.results if r.trial == best.trial).best == best.best
    for name in ("best.safetensors", "last.safetensors"):
        files = [Path(folder, f"trial-{best.trial}", name).read_bytes() for folder in ("halved", "whole")]
        assert hashlib.sha256(files[0]).digest() == hashlib.sha256(files[1]).digest(), name


def test_other_trials_are_another_search(halved: Found) -> None:
    for more in ({"trials": 7}, {"halving": 3}, {"halving": 0}):
        asked = {"lines": "adamw lr=log(1e-4..1e2)", "trials": 6, "halving": 2, "out": "halved", "quiet": True, **more}
        with pytest.raises(NetspecError, match=r"another search(.|\n)*--(trials: there 6, here 7|halving: there 2, here [30])"):
            netspec.search("tiny.net", **asked)
    with pytest.raises(NetspecError, match="`epochs` is searched"):
        netspec.search("tiny.net", lines="epochs 2..9", trials=6, halving=2)


def test_a_result_is_made_again_from_what_lies_there(halved: Found) -> None:
    """Whoever dies between moving a run to its place and writing its result leaves a run without one."""
    search = opened("halved")
    want = ranked(search)
    best = halved.best
    assert best is not None
    last = Path("halved", "results", f"trial-{best.trial}-rung-2.json")
    before = last.read_bytes()
    os.unlink(last)
    netspec.search("tiny.net", lines="adamw lr=log(1e-4..1e2)", trials=6, halving=2, out="halved", quiet=True)
    assert last.read_bytes() == before and ranked(search) == want
    assert replace(best) == want[0]
