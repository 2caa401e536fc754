"""What `netspec doctor` finds in nets and data that are wrong on purpose, and that it finds nothing in those that are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.cli import main
from netspec.data import Data
from netspec.runtime.doctor.examine import examine
from netspec.runtime.doctor.finding import Finding

NET = """net small:
  input 6
  fc 16 relu{bias}
  fc {classes}{last}

train small:
  loss cross_entropy
  sgd lr={lr} momentum=0.9 decay={decay}
  batch 16
"""


def points(n: int, classes: int, seed: int = 0, scale: float = 1.0) -> Any:
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return random.standard_normal((n, 6)) * scale + np.eye(classes, 6)[y] * 3 * scale, y


def findings(data: Data, lr: float = 0.1, decay: float = 1e-4, bias: str = "", classes: int = 3, last: str = "") -> dict[str, Finding]:
    net = netspec.compile(text=NET.format(lr=lr, decay=decay, bias=bias, classes=classes, last=last))
    before = {k: v.copy() for k, v in net.parameters.items()}
    found = {f.name: f for f in examine(net, data, 20)}
    assert all((net.parameters[k] == v).all() for k, v in before.items())
    assert net.step == 0
    return found


def test_nothing_is_off_where_nothing_is() -> None:
    found = findings(Data("points", points(96, 3), points(30, 3, 1)))
    assert [f.name for f in found.values() if f.good is False] == []
    assert {"initial loss", "penalty", "gradients", "20 examples by heart", "parts", "classes"} <= {n for n, f in found.items() if f.good}
    assert found["initial loss"].numbers["expected"] == pytest.approx(np.log(3))
    assert found["gradients"].numbers["worst"] < 1e-5


@pytest.mark.parametrize(("name", "words", "how"), [
    ("20 examples by heart", "smaller learning rate", {"lr": 1e6}),
    ("steps", "larger learning rate", {"lr": 1e-7}),
    ("20 examples by heart", "larger learning rate", {"lr": 1e-7}),
    ("penalty", "outweighs", {"decay": 100}),
    ("dead units", "nothing is learnt through them", {"bias": " bias_init=-50"}),
    ("activations", "hardly varies", {"bias": " init=1e-9"}),
    ("initial loss", "prefer some classes strongly", {"last": ' init="gaussian 5"'}),
    ("classes", "have no example: 3", {"classes": 4})])
def test_each_mistake_is_found_and_its_remedy_said(name: str, words: str, how: dict[str, Any]) -> None:
    found = findings(Data("points", points(96, 3), points(30, 3, 1)), **how)[name]
    assert found.good is False
    assert words in found.said + found.advice


def test_a_test_example_of_the_training_part_is_named() -> None:
    (x, y), (xt, yt) = points(96, 3), points(30, 3, 1)
    xt[7] = x[50]
    found = findings(Data("points", (x, y), (xt, yt)))["parts"]
    assert found.good is False
    assert found.numbers["repeated"] == [{"part": "test", "example": 7, "training": 50}]


def test_one_class_that_is_rare_is_said() -> None:
    x, y = points(96, 3)
    keep = (y != 2) | (np.arange(96) < 3)
    found = findings(Data("points", (x[keep], y[keep])))
    assert "weights" in found["classes"].advice
    assert found["parts"].good is None


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "small.net"
    x, y = points(96, 3)
    np.savez(tmp_path / "points.npz", x=x, y=y, x_test=x[:9], y_test=y[:9])
    spec.write_text(NET.format(lr=0.1, decay=1e-4, bias="", classes=3, last="") + '  data "points.npz"\n')
    assert main(["doctor", str(spec), "--format", "json"]) == 1
    found = {f["name"]: f for f in json.loads(capsys.readouterr().out)}
    assert found["parts"]["good"] is False
    assert len(found["parts"]["numbers"]["repeated"]) == 9
    assert found["initial loss"]["good"] is True
    assert main(["doctor", str(spec), "--data", "digits"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "input `input` has the wrong shape" in said.err


@pytest.mark.parametrize(("loss", "classes", "want"), [("cross_entropy", 7, np.log(7)), ("hinge", 5, 4.0), ("bce", 3, np.log(2))])
def test_what_knowing_nothing_costs(loss: str, classes: int, want: float) -> None:
    """A network whose scores are all 0 loses just that."""
    net = netspec.compile(text=f"net a:\n  input 4\n  fc {classes} init=0\ntrain a:\n  loss {loss}\n  sgd lr=0.1\n", device="reference")
    y = np.arange(6) % 2 if loss != "bce" else np.eye(6, classes)
    term = net.recipe.terms[0]
    assert term.loss.uninformed(net.graph.values["fc1"].type) == pytest.approx(want)
    assert net.loss_and_gradients(np.ones((6, 4)), y)[0] == pytest.approx(want)
