"""Metrics against what their definitions say, counted class by class in plain Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.cli import main
from netspec.diagnostics import NetspecError
from netspec.ir.types import TensorType
from netspec.losses import LOSSES, Loss
from netspec.metrics import METRICS, Metric

LABELS = np.array([0, 0, 1, 1, 1, 2, 2, 4, 4, 4])
ANSWERS = np.array([0, 1, 1, 1, 2, 2, 2, 0, 4, 2])  # class 3 is nowhere, class 4 is answered once


def scores_of(answers: Any, classes: int = 5) -> Any:
    return np.eye(classes)[answers] * 2 + np.random.default_rng(0).uniform(0, 1, (*np.shape(answers), classes))


def by_definition(labels: Any, answers: Any, what: str, average: str) -> float:
    """Set by set, as a textbook has it."""
    found: list[tuple[float, int]] = []
    pairs = list(zip(map(int, labels), map(int, answers)))
    for c in sorted({c for pair in pairs for c in pair}):
        right = sum(a == b == c for a, b in pairs)
        answered, there = sum(b == c for _, b in pairs), sum(a == c for a, _ in pairs)
        p, r = right / answered if answered else 0.0, right / there if there else 0.0
        found.append(({"precision": p, "recall": r, "f1": 2 * p * r / (p + r) if p + r else 0.0}[what], there))
    if average == "micro":
        return sum(a == b for a, b in pairs) / len(pairs)
    weights = [there if average == "weighted" else 1 for _, there in found]
    return sum(v * w for (v, _), w in zip(found, weights)) / sum(weights)


def measured(metric: Any, scores: Any, labels: Any, parts: int = 3) -> Any:
    """In batches of different sizes."""
    state = metric.start(TensorType((scores.shape[1], *scores.shape[2:])))
    for some in np.array_split(np.arange(len(labels)), parts):
        state = metric.add(state, scores[some], labels[some])
    return metric.value(state)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("what", ["precision", "recall", "f1"])
def test_averages_are_those_of_the_definition(what: str, average: str) -> None:
    metric = METRICS[what](average=average)  # type: ignore[call-arg]
    assert measured(metric, scores_of(ANSWERS), LABELS[:, None]) == pytest.approx(by_definition(LABELS, ANSWERS, what, average),
                                                                                  abs=1e-12)
    random = np.random.default_rng(1)
    labels, answers = random.integers(0, 4, 200), random.integers(0, 5, 200)
    assert measured(metric, scores_of(answers), labels[:, None],
                    7) == pytest.approx(by_definition(labels, answers, what, average), abs=1e-12)


def test_numbers_by_hand() -> None:
    """precision: classes 0 1/2, 1 2/3, 2 2/4, 4 1/1; recall: 1/2, 2/3, 2/2, 1/3."""
    scores, labels = scores_of(ANSWERS), LABELS[:, None]
    assert measured(METRICS["precision"](), scores, labels) == pytest.approx((1 / 2 + 2 / 3 + 1 / 2 + 1) / 4)
    assert measured(METRICS["recall"](), scores, labels) == pytest.approx((1 / 2 + 2 / 3 + 1 + 1 / 3) / 4)
    assert measured(METRICS["f1"](), scores, labels) == pytest.approx((1 / 2 + 2 / 3 + 2 / 3 + 1 / 2) / 4)
    table = measured(METRICS["confusion"](), scores, labels)
    assert table.tolist() == [[1, 1, 0, 0, 0], [0, 2, 1, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]]
    assert METRICS["confusion"]().shown(table) == "4 of 10 wrong (0 as 1: 1)"
    assert METRICS["confusion"]().report(table).splitlines()[1:3] == ["   0 1 2 3 4", "0  1 1 0 0 0"]
    assert METRICS["confusion"]().shown(np.diag([3, 4])) == "0 of 7 wrong"
    assert all(np.isnan(METRICS[m]().value(METRICS[m]().start(TensorType((3,)))))
               for m in ("precision", "recall", "f1", "accuracy"))


def test_maps_and_ignored_places() -> None:
    """Every place of a map counts, but those whose label the loss ignores."""
    random = np.random.default_rng(2)
    x, y = random.normal(size=(5, 3, 4, 6)), random.integers(0, 3, (5, 4, 6))
    y[0, :, :3], y[2] = 255, 255
    metrics = ["confusion", "precision", "recall average=micro", "f1 weighted", "accuracy"]
    net = netspec.compile(text="net a:\n  input 3x?x?\n  conv 3 1x1\ntrain a:\n  loss cross_entropy ignore=255\n  sgd\n"
                          + "".join(f"  metric {m}\n" for m in metrics), device="reference", dtype="float64")
    got = net.evaluate(x, y, batch=2)
    answers = net.predict(x).argmax(1)
    counts = y != 255
    want = np.zeros((3, 3), int)
    for a, b in zip(y[counts], answers[counts]):
        want[a, b] += 1
    assert isinstance(got["confusion"], np.ndarray) and got["confusion"].tolist() == want.tolist()
    assert got["precision"] == pytest.approx(by_definition(y[counts], answers[counts], "precision", "macro"))
    assert got["recall"] == got["accuracy"] == pytest.approx(want.trace() / want.sum())
    assert got["f1"] == pytest.approx(by_definition(y[counts], answers[counts], "f1", "weighted"))


def test_training_and_the_command_line_show_them(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(
        "a.net").write_text(
            "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  data digits\n  loss cross_entropy\n  metric accuracy\n  metric confusion\n"
                             "  metric f1\n  metric f1 micro\n  sgd lr=0.1\n  batch 64\n  epochs 2\n")
    assert main(["train", "a.net", "--device", "reference"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^epoch +loss +accuracy +confusion +f1  f1 micro +val_loss ", out, re.M)
    assert re.search(r"^  2/2 .*%  +\d+ of 1,437 wrong \(\d as \d: \d+\)  +\d+\.\d\d%  +\d+\.\d\d%  ", out, re.M)
    assert "rows: the right class, columns: the answer" in out
    net = netspec.compile("a.net", device="reference").load("runs/a-1/best.safetensors")
    (x, y), (xt, yt) = netspec.data.digits()
    test = net.evaluate(xt, yt)
    assert test["confusion"].sum() == 360 and test["confusion"].trace() / 360 == test["accuracy"]
    rows = [r.split()[1:] for r in out.splitlines() if len(r.split()) == 11 and r.split()[0].isdigit()]
    assert [[int(n) for n in r] for r in rows[-10:]] == test["confusion"].tolist()
    history = net.fit(x, y, epochs=1, validation=(xt, yt), verbose=0)
    assert history["val_confusion"][0].shape == (10, 10) and history["confusion"][0].sum() == len(x)
    assert " wrong" in repr(history)
    net.save("b.safetensors")
    assert netspec.compile("a.net", device="reference").load("b.safetensors").epoch == 3


def test_a_metric_of_classes_needs_classes() -> None:
    text = "net a:\n  input 4\n  fc 2\ntrain a:\n  loss mse\n  metric {}\n  sgd\n"
    for metric in ("precision", "recall", "f1", "confusion", "accuracy"):
        with pytest.raises(NetspecError) as e:
            netspec.compile(text=text.format(metric), device="reference").evaluate(np.zeros((3, 4)), np.zeros((3, 2)))
        assert e.value.diagnostics[0].code == "unknown-metric"
    with pytest.raises(NetspecError, match="macro, micro, weighted"):
        netspec.load_graph(text=text.format("precision mean"))


def test_a_metric_of_numbers() -> None:
    """Its targets are those of a loss that compares numbers; where there are labels it is refused."""
    class Apart(Metric):
        """Mean of |output - target|, without weights."""

        labels = False

        def add(self, state: Any, scores: Any, labels: Any) -> Any:
            return state[0] + float(abs(scores - labels).sum()), state[1] + scores.size

        def shown(self, value: Any) -> str:
            return f"{value:.3g} apart"

    text = "net a:\n  input 4\n  scale 1\ntrain a:\n  loss {}\n  metric apart\n  sgd\n"
    try:
        x, y = np.random.default_rng(3).normal(size=(2, 5, 4))
        net = netspec.compile(text=text.format("mse"), device="reference", dtype="float64")
        assert net.evaluate(x, y, batch=2)["apart"] == pytest.approx(abs(x - y).mean(), rel=1e-12)
        with pytest.raises(NetspecError, match="counts numbers like the output's, and the loss of output `out` has none"):
            netspec.compile(text=text.format("cross_entropy"), device="reference").evaluate(x, np.zeros(5, int))
    finally:
        del METRICS["apart"]


def test_a_loss_of_ones_own_says_what_is_ignored_and_what_it_reads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    class Brier(Loss):
        """Sum over the classes of (p - 1 or 0)^2, averaged over the places whose label is not 9."""

        reads = "probabilities"

        @property
        def ignored(self) -> int | None:
            return 9

        def target(self, output: TensorType) -> TensorType:
            return TensorType((1, *output.spatial), output.batch, "int")

        def share(self, targets: Any, examples: int) -> float:
            return float((targets != 9).sum())

        def forward(self, b: Any, z: str, t: str) -> str:
            at = b("at[n,0] += (z[n,c] - where(t[n,0] == c, 1.0, 0.0)) * (z[n,c] - where(t[n,0] == c, 1.0, 0.0))", z=z, t=t)
            total = b("total[0] += where(t[n,0] == 9, 0.0, 1.0)", t=t)
            return str(b("loss[0] += where(t[n,0] == 9, 0.0, at[n,0]) / total[0]", at=at, t=t, total=total))

    spec = "net a:\n  input 3\n  {}\n\ntrain a:\n  loss brier\n  metric confusion\n  sgd lr=0.1\n"
    try:
        net = netspec.compile(text=spec.format("softmax"), device="reference", dtype="float64")
        x, y = np.random.default_rng(4).normal(size=(7, 3)), np.array([0, 9, 2, 1, 9, 9, 0])
        p, counts = np.exp(x) / np.exp(x).sum(1, keepdims=True), y != 9
        got = net.evaluate(x, y, batch=2)
        assert got["loss"] == pytest.approx(((p - np.eye(10)[y][:, :3]) ** 2).sum(1)[counts].mean(), rel=1e-12)
        assert got["confusion"].sum() == 4 and got["confusion"].sum(1).tolist() == [2, 1, 1]
        for step, warned in (("fc 3", True), ("relu", True), ("softmax", False), ("fc 3 -> sigmoid", False)):
            (tmp_path / "a.net").write_text(spec.format(step))
            assert main(["check", str(tmp_path / "a.net")]) == 0
            assert ("not-probabilities" in capsys.readouterr().err) == warned, step
    finally:
        del LOSSES["brier"]
