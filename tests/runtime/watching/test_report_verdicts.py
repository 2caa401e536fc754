"""What a report says of runs that are wrong on purpose, and that it says nothing of those that are right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.runtime.watching.again import looked_at
from netspec.runtime.watching.stories import told
from netspec.views.report.story import Story
from netspec.views.report.verdicts.table import verdicts
from sweeps import one_of_each, the_first

NET = """net small:
  input 6
  {layers}
  fc {classes}{last}

train small:
  loss {loss}
  {optimiser}
  batch {batch}
  epochs {epochs}
  {more}
"""
Arrays = tuple[Any, Any]


def points(n: int, classes: int = 3, seed: int = 0, apart: float = 4.0, width: float = 1.0) -> Arrays:
    """Points around the corners of a simplex."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % classes)
    return width * (random.standard_normal((n, 6)) + np.eye(classes, 6)[y] * apart), y


TRAIN, VALIDATION = points(240), points(90, seed=1)


def run(folder: Path, train: Arrays = TRAIN, validation: Arrays | None = VALIDATION, layers: str = "fc 16 relu",
        optimiser: str = "sgd lr=0.02 momentum=0.9", epochs: int = 6, more: str = "", last: str = "", classes: int = 3,
        shuffle: bool = True, loss: str = "cross_entropy", batch: int = 16) -> Story:
    """Train as this says; what is known of the run."""
    text = NET.format(layers=layers.replace("; ", "\n  "), classes=classes, last=last, optimiser=optimiser, epochs=epochs,
                      more=more, loss=loss, batch=batch)
    net = netspec.compile(text=text, seed=0)
    try:
        net.fit(*train, validation=validation, verbose=0, report=str(folder / "run"), shuffle=shuffle)
    except NetspecError:
        assert "loss" in told(folder / "run").end["why"]
    return looked_at(folder / "run")


def rare(y: Any, share: float) -> Any:
    """The examples of the first class, and so many of the others."""
    return np.flatnonzero((y == 0) | (np.random.default_rng(3).random(len(y)) < share))


(X, Y), (V, W) = TRAIN, VALIDATION
FEW = points(24, apart=0.7)
IN_ORDER = np.argsort(Y, kind="stable")
SHUFFLED = np.random.default_rng(2).permutation(Y)
ROWS, NEAR = rare(Y, 0.03), points(240, apart=0.5)
DEEP = "; ".join(["fc 16 sigmoid"] * 8)
AMISS = np.where(np.random.default_rng(5).random(len(Y)) < 0.4, SHUFFLED, Y)
NUMBERS = {"loss": "mse", "classes": 1, "optimiser": "adam lr=0.01", "epochs": 10}
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a rate of 5": ("diverged", {"optimiser": "sgd lr=5 momentum=0.9"}),
    "adam, a rate of 3": ("rate-high", {"optimiser": "adam lr=3", "train": points(240, apart=1)}),
    "numbers without end": ("diverged", {"optimiser": "sgd lr=1e8", "layers": "fc 16; fc 16"}),
    "a rate of 1e-5": ("rate-low", {"optimiser": "sgd lr=1e-5"}),
    "adam, a rate of 1e-6": ("rate-low", {"optimiser": "adam lr=1e-6"}),
    "no rate": ("rate-low", {"optimiser": "sgd lr=1e-30"}),
    "a schedule that ends at once": ("rate-low", {"optimiser": "sgd lr=0.003", "more": "schedule step every=1 factor=0.01"}),
    "few examples": ("overfitting", {"train": FEW, "validation": points(90, seed=1, apart=0.7), "epochs": 60,
                                     "layers": "fc 64 relu",
                                     "optimiser": "adam lr=0.02"}),
    "shuffled labels": ("labels", {"train": (X, SHUFFLED), "validation": (V, np.random.default_rng(4).permutation(W)),
                                   "epochs": 8}),
    "shuffled labels, by heart": ("labels",
                                  {"train": (X[:60], SHUFFLED[:60]), "epochs": 60, "layers": "fc 64 relu",
                                   "optimiser": "adam lr=0.01",
                                             "validation": (V, np.random.default_rng(4).permutation(W))}),
    "class after class": ("not-shuffled", {"train": (X[IN_ORDER], Y[IN_ORDER]), "shuffle": False}),
    "always in the same order": ("not-shuffled", {"shuffle": False}),
    "rare classes": ("imbalance", {"train": (NEAR[0][ROWS], NEAR[1][ROWS]), "validation": points(90, seed=1, apart=0.5)}),
    "a class that is never learnt": ("differs", {"train": (X[Y < 2], Y[Y < 2])}),
    "validation of another size": ("differs", {"validation": (V * 40 + 30, W)}),
    "validation with other numbers of classes": ("differs", {"validation": (V, (W + 1) % 3)}),
    "validation with shuffled labels": ("differs", {"validation": (V, np.random.default_rng(4).permutation(W))}),
    "inputs of thousands": ("inputs", {"train": (X * 5000 + 9000, Y), "validation": (V * 5000 + 9000, W)}),
    "inputs that hardly vary": ("inputs", {"train": (X * 1e-6, Y), "validation": (V * 1e-6, W)}),
    "inputs that are all the same": ("inputs", {"train": (X * 0, Y), "validation": (V * 0, W)}),
    "zeros as first weights": ("first-weights", {"layers": "fc 16 relu init=0"}),
    "large first weights": ("first-weights", {"layers": 'fc 16 relu init="gaussian 5"', "last": ' init="gaussian 5"'}),
    "gradients that vanish": ("first-weights", {"layers": DEEP}),
    "signals that vanish": ("first-weights", {"layers": "; ".join(['fc 16 relu init="gaussian 0.001"'] * 4)}),
    "biases that kill": ("dead", {"layers": "fc 16 relu bias_init=-50"}),
    "saturated": ("saturated", {"layers": 'fc 16 tanh init="gaussian 20"; fc 16 tanh init="gaussian 20"',
                                "optimiser": "sgd lr=0.001",
                                "train": points(240, apart=0.2), "validation": points(90, seed=1, apart=0.2)}),
    "decay of 2": ("regularised", {"optimiser": "sgd lr=0.1 decay=2"}),
    "one unit for ten classes": ("underfitting",
                                 {"layers": "fc 1 tanh", "train": points(300, 6), "validation": points(90, 6, seed=1),
                                                  "classes": 6, "epochs": 12, "optimiser": "sgd lr=0.05"}),
    "a momentum of 0.999": ("momentum", {"optimiser": "sgd lr=0.1 momentum=0.999", "epochs": 10, "train": points(240, apart=1),
                                         "validation": points(90, seed=1, apart=1)}),
    "dropout of 0.95": ("dropout", {"layers": "fc 16 relu; dropout 0.95", "train": points(240, apart=1), "epochs": 8}),
    "all but the last layer frozen": ("frozen", {"layers": "fc 2 relu lr=0; fc 2 relu lr=0", "epochs": 10}),
    "labels, some of them wrong": ("label-noise", {"train": (X, AMISS), "epochs": 10}),
    "a sigmoid before the softmax": ("output", {"last": " sigmoid"}),
    "relu behind the last layer": ("output", {"last": " relu bias_init=-3", "epochs": 8}),
    "ten steps": ("few-steps", {"batch": 240, "epochs": 10, "optimiser": "sgd lr=0.01"}),
    "a decay of 0.3": ("regularised", {"optimiser": "sgd lr=0.02 momentum=0.9 decay=0.3", "epochs": 10, "layers": "fc 16 relu; fc 16 relu",
                                       "train": points(240, apart=2), "validation": points(90, seed=1, apart=2)}),
    "tanh that is always full": ("saturated", {"layers": 'fc 16 tanh init="gaussian 20"; fc 16 tanh init="gaussian 20"', "epochs": 10,
                                               "train": points(240, apart=2), "validation": points(90, seed=1, apart=2)}),
    "numbers that are shuffled": ("labels", {**NUMBERS, "train": (X, np.random.default_rng(2).permutation(X[:, :1])),
                                             "validation": (V, np.random.default_rng(4).permutation(V[:, :1])), "epochs": 40}),
    "numbers of millions": ("targets", {**NUMBERS, "train": (X, X[:, :1] * 1e6), "validation": (V, V[:, :1] * 1e6)}),
    "classes taken for numbers": ("class-numbers", {**NUMBERS, "train": (X, Y[:, None] * 1.0), "validation": (V, W[:, None] * 1.0),
                                                    "optimiser": "sgd lr=1 momentum=0.9"}),
    "relu over numbers, dead": ("output", {**NUMBERS, "train": (X, X[:, :1]), "validation": (V, V[:, :1]), "last": " relu bias_init=-50"}),
}


@pytest.mark.parametrize("what", one_of_each(WRONG, lambda what: WRONG[what][0]))
def test_what_is_wrong_is_said(what: str, tmp_path: Path) -> None:
    code, how = WRONG[what]
    found = verdicts(run(tmp_path, **how))
    assert found[0].name == code, found
    assert found[0].sort == "fault" and found[0].said and found[0].advice
    assert not any(v.sort == "good" for v in found)


RIGHT: dict[str, dict[str, Any]] = {
    "sgd": {}, "adam": {"optimiser": "adam lr=0.01"}, "long": {"epochs": 30}, "batch norm": {"layers": "fc 16 bn relu"},
    "tanh": {"layers": "fc 16 tanh"}, "a classifier that is linear": {"layers": "flatten"},
                                    "deep": {"layers": "fc 16 relu; fc 16 relu; fc 16 relu"},
    "few epochs": {"epochs": 2}, "no validation": {"validation": None}, "dropout": {"layers": "fc 32 relu; dropout 0.3"},
    "cosine": {"more": "schedule cosine", "epochs": 12},
                                    "hard": {"train": points(400, apart=2.5), "validation": points(200, seed=1, apart=2.5)},
    "standardised": {"train": (X * 5000, Y), "validation": (V * 5000, W), "more": "prepare standardise"},
    "smoothed labels": {"loss": "cross_entropy smoothing=0.3", "epochs": 20},
    "weighted classes": {"loss": "cross_entropy smoothing=0.2 weights=[1,3,1]", "epochs": 15},
    "half the rectifiers silent": {"layers": "fc 64 relu bias_init=-1", "epochs": 15},
    "a layer frozen": {"layers": "fc 64 relu lr=0", "optimiser": "adam lr=0.02", "epochs": 15},
    "numbers": {**NUMBERS, "train": (X, np.sin(X[:, :1]) + 3), "validation": (V, np.sin(V[:, :1]) + 3), "epochs": 20},
    "momentum of 0.99": {"optimiser": "sgd lr=0.002 momentum=0.99", "epochs": 8},
    "two classes of unlike sizes": {"classes": 2, "train": (X[rare(Y > 0, 0.3)], (Y > 0)[rare(Y > 0, 0.3)] * 1),
                                    "validation": (V, (W > 0) * 1)},
}


@pytest.mark.parametrize("what", the_first(6, RIGHT))
def test_nothing_is_said_against_what_is_right(what: str, tmp_path: Path) -> None:
    found = verdicts(run(tmp_path, **RIGHT[what]))
    assert found[0].name == "learning" and all(v.name == "improving" for v in found[1:]), found


@pytest.mark.parametrize("shuffled", [False, True])
def test_numbers_are_learnt_where_answers_explain_them(shuffled: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, xv = random.standard_normal((240, 6)), random.standard_normal((90, 6))
    y, yv = (np.sin(a[:, :1]) * 1000 for a in (x, xv))
    net = netspec.compile(text="net n:\n  input 6\n  fc 16 relu\n  fc 1\n\ntrain n:\n  loss mse\n  adam lr=0.5\n  batch 16\n  epochs 8\n", seed=0)
    net.fit(x, random.permutation(y) if shuffled else y, validation=(xv, yv), verbose=0, report=str(tmp_path / "run"))
    story = looked_at(tmp_path / "run")
    mean = float(np.square(net.predict(xv) - yv).mean() / yv.var())
    assert story.judged is not None and story.judged.explained == pytest.approx(1 - mean, rel=1e-5)
    found = [v.name for v in verdicts(story) if v.sort != "note"]
    assert "learning" not in found if shuffled else found == ["learning"]


def test_a_run_that_goes_on_from_another_is_whole(tmp_path: Path) -> None:
    text = NET.format(layers="fc 16 relu", classes=3, last="", optimiser="sgd lr=0.02 momentum=0.9", epochs=6, more="", batch=16,
                      loss="cross_entropy")
    net = netspec.compile(text=text, seed=0)
    net.fit(*TRAIN, validation=VALIDATION, epochs=4, verbose=0)
    net.fit(*TRAIN, validation=VALIDATION, epochs=3, verbose=0, report=str(tmp_path / "run"))
    page = (tmp_path / "run" / "report.html").read_text()
    assert "epochs 5 to 7" in page and "cut off" not in page
    assert not any(v.name == "cut-off" for v in verdicts(told(tmp_path / "run")))


NOTED: dict[str, tuple[str, dict[str, Any]]] = {
    "stopped early": ("improving", {"optimiser": "sgd lr=0.005", "epochs": 4, "train": points(240, apart=2),
                                    "validation": points(90, seed=1, apart=2)}),
    "ten examples that validate": ("few-judge", {"validation": (V[:10], W[:10]), "epochs": 10}),
    "noise": ("stays", {"train": points(600, apart=1.2), "validation": points(200, seed=1, apart=1.2), "epochs": 12,
                        "optimiser": "adam lr=0.003", "layers": "fc 32 relu"}),
}


@pytest.mark.parametrize("what", NOTED)
def test_what_is_no_fault_is_noted(what: str, tmp_path: Path) -> None:
    code, how = NOTED[what]
    found = verdicts(run(tmp_path, **how))
    assert found[0].name == "learning" and any(v.name == code and v.sort == "note" and v.said and v.advice for v in found[1:]), found


def test_a_run_that_blew_up_is_not_said_to_be_cut_off_and_one_that_was_has_its_line(tmp_path: Path) -> None:
    story = run(tmp_path, optimiser="sgd lr=1e8", layers="fc 16; fc 16")
    assert [v.name for v in verdicts(story)] == ["diverged"]
    cut = replace(story, end={"how": "interrupted", "why": "interrupted"}, epochs={1: {"loss": 1.0}})
    assert any(v.advice == f"netspec train --resume {tmp_path / 'run'}" for v in verdicts(cut))


def test_statistics_of_before_are_read(tmp_path: Path) -> None:
    story = run(tmp_path, optimiser="sgd lr=1e-5")
    new = ("floor", "constant", "frozen", "noise", "narrow", "reads", "targets", "warnings", "steps")
    old = replace(story, about={k: v for k, v in story.about.items() if k not in new})
    assert set(new) & set(story.about) and [v.name for v in verdicts(old)] == [v.name for v in verdicts(story)] == ["rate-low"]
