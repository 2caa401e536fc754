"""optuna's samplers: chosen by the results before, the same whoever asks, and better than chance."""

from __future__ import annotations

import random
from math import log10
from pathlib import Path
from statistics import median

import pytest

from netspec.diagnostics import NetspecError
from netspec.searching import sampling
from netspec.searching.definition import Definition, Search
from netspec.searching.halving import left
from netspec.searching.results import Result

LINES = ("adamw lr=log(1e-6..1.0)", "batch 16..64", "schedule [cosine, poly]")
SAMPLERS = pytest.mark.parametrize("sampler", sampling.SAMPLERS)


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    pytest.importorskip("optuna")
    pytest.importorskip("cmaes")


def loss(values: dict[str, str]) -> float | None:
    """A bowl around lr=1e-3; rates above 0.1 explode."""
    at = log10(float(values["lr"]))
    return None if at > -1 else (at + 3) ** 2 + (values["schedule"] == "poly")


def searched(folder: Path, sampler: str, trials: int, seed: int, order: int, highest: bool = False) -> dict[int, dict[str, str]]:
    """A search whose trials end in some order; what each was given."""
    search = Search(folder, Definition([], lines=LINES, sampler=sampler, seed=seed), trials)
    rng, found, given = random.Random(order), dict[tuple[int, int], Result](), dict[int, dict[str, str]]()
    while todo := left(search, found):
        assert len(todo) <= sampling.TOGETHER
        trial, rung = rng.choice(todo)
        given[trial] = sampling.values(search, trial, found)
        value = loss(given[trial])
        value = -value if highest and value is not None else value
        found[trial, rung] = Result(trial, given[trial], "dropped" if value is None else "done", value=value,
                                    watched="highest val_accuracy" if highest else "lowest val_loss")
    return given


@SAMPLERS
def test_what_is_chosen_does_not_depend_on_who_was_first(sampler: str, tmp_path: Path) -> None:
    first = searched(tmp_path / "a", sampler, 20, 3, 0)
    assert sorted(first) == list(range(1, 21)) and first == searched(tmp_path / "b", sampler, 20, 3, 1)
    assert searched(tmp_path / "c", sampler, 20, 4, 0) != first
    few = searched(tmp_path / "d", sampler, 12, 3, 5)  # and then more
    assert few == {k: first[k] for k in few} and searched(tmp_path / "d", sampler, 20, 3, 6) == first
    for values in first.values():
        assert 1e-6 <= float(values["lr"]) <= 1 and 16 <= int(values["batch"]) <= 64 and values["schedule"] in ("cosine", "poly")


@SAMPLERS
@pytest.mark.parametrize("highest", [False, True])
def test_what_is_chosen_gets_better(sampler: str, highest: bool, tmp_path: Path) -> None:
    """Of each of three seeds the last 16 of 48 trials lie nearer to the best than the first 16, of which half are random."""
    for seed in range(3):
        given = searched(tmp_path / str(seed), sampler, 48, seed, seed, highest)
        away = [abs(log10(float(given[k]["lr"])) + 3) for k in sorted(given)]
        assert median(away[32:]) < 0.7 * median(away[:16]), (seed, away)


def test_what_was_chosen_once_is_written_once(tmp_path: Path) -> None:
    """Two who choose at the same time, with two versions of optuna say, train with the same."""
    search = Search(tmp_path, Definition([], lines=LINES, sampler="tpe"), 8)
    mine, other = ([{"lr": lr, "batch": "16", "schedule": "poly"}] * sampling.TOGETHER for lr in ("0.1", "0.2"))
    sampling._write(search, 0, mine)
    sampling._write(search, 0, other)
    assert sampling.proposed(search, 0) == mine and [p.name for p in (tmp_path / "proposals").iterdir()] == ["1"]
    found = {(k, 0): Result(k, mine[0], value=1.0) for k in range(1, 9)}
    with pytest.raises(NetspecError, match=r"is not what this optuna \(.*\) chooses"):
        sampling.values(Search(tmp_path, search.definition, 16), 9, found)
