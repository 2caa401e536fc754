"""What a `data` line names: its arguments arrive, what is wrong with files is said at the line, and `check` says it as `train`
does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.augmentations import AUGMENTATIONS, Augmentation
from netspec.cli import main
from netspec.data import DataError, load
from netspec.datasets import DATASETS, Dataset
from netspec.diagnostics import NetspecError, SpecError
from netspec.losses import LOSSES, Loss
from netspec.metrics import METRICS, Metric
from netspec.runtime.train.session import data_of
from netspec.schedules import SCHEDULES, Schedule
from netspec.words import WordError, count, number, word

TEXT = "net a:\n  input 2\n  fc 3\ntrain a:\n  data {}\n  loss cross_entropy\n  sgd lr=0.1\n"
IMAGES = "net a:\n  input 3x8x6\n  conv 3 3x3\ntrain a:\n  data {}\n  {}\n  loss mse\n  sgd lr=0.1\n"


@pytest.fixture
def blobs() -> Iterator[list[dict[str, Any]]]:
    """A data set that a program registers, and the arguments it was called with."""
    called: list[dict[str, Any]] = []

    class Blobs(Dataset):
        """Points around three centres."""

        spread: float = number("how far they lie apart", default=1.0, position=0, least=0)
        shape: str = word("what the centres lie on", default="ring", words=("ring", "line"))

        def load(self, folder: str | None) -> Any:
            called.append({"spread": self.spread, "shape": self.shape, "folder": folder})
            random = np.random.default_rng(0)
            y = np.arange(9) % 3
            return (random.normal(size=(9, 2)) * self.spread, y), None

    yield called
    del DATASETS["blobs"]


def test_the_arguments_of_a_data_word_arrive(blobs: list[dict[str, Any]]) -> None:
    for line, want in (("blobs", (1.0, "ring")), ("blobs spread=99", (99, "ring")), ("blobs 0.5 line", (0.5, "line"))):
        data = data_of(netspec.load_graph(text=TEXT.format(line)).graph)
        assert (blobs[-1]["spread"], blobs[-1]["shape"]) == want
        assert data.train[0].std() == pytest.approx(want[0] * 0.7, rel=0.5)
    for line, code, column in (("blobs sprad=9", "unknown-option", 14), ("blobs -1", "out-of-range", 14),
                               ('blobs spread="x"', "wrong-argument", 14), ("blobs oval", "unknown-word", 14),
                               ("blobs 1 2", "too-many-arguments", 16)):
        with pytest.raises(SpecError) as e:
            netspec.load_graph(text=TEXT.format(line))
        assert (e.value.diagnostics[0].code, e.value.diagnostics[0].place[1:]) == (code, (5, column)), line
    assert load("blobs").name == "blobs" and load("blobs").train[0].std() == pytest.approx(0.7, rel=0.5)


@pytest.mark.parametrize(("gives", "words"), [
    (None, "training reads"), ([1, 2], "training reads"), ((np.zeros(3), None), "training reads"),
    ((None, None), "training reads"), (((np.zeros((3, 2)), np.zeros(2)), None), "different numbers of examples"),
    (WordError("there are no such points", "they are on the moon", hint="data digits"), "data odd 3: there are no such points"),
    (DataError("nobody at home"), "nobody at home")])
def test_a_data_set_that_gives_no_pairs_is_refused_at_its_line(gives: Any, words: str) -> None:
    class Odd(Dataset):
        """Gives what it should not."""

        size: int = count("how many", position=0)

        def load(self, folder: str | None) -> Any:
            if isinstance(gives, Exception):
                raise gives
            return gives

    try:
        with pytest.raises(NetspecError, match=words) as refused:
            data_of(netspec.load_graph(text=TEXT.format("odd 3")).graph)
        assert refused.value.diagnostics[0].place[1:] == (5, 3)
    finally:
        del DATASETS["odd"]


def test_the_arguments_of_every_registered_word_arrive() -> None:
    """An augmentation, a metric, a schedule and a loss of a program's own."""
    class Shift(Augmentation):
        """Adds a number."""

        by: float = number("what is added", default=0.0)

        def apply(self, images: Any, random: Any) -> Any:
            return images + self.by

    class Above(Metric):
        """The right class's score is above a threshold."""

        level: float = number("the threshold", default=0.0)

        def holds(self, scores: Any, labels: Any) -> Any:
            return np.take_along_axis(scores, labels, 1)[:, 0] > self.level

    class Constant(Schedule):
        """Always the same."""

        factor_: float = number("the factor", default=1.0)

        def factor(self, epoch: float, batch: int, epochs: int, batches: int) -> float:
            return self.factor_

    class Scaled(Loss):
        """A mean square, times a number."""

        times: float = number("the number", default=1.0)

        def forward(self, b: Any, z: str, t: str) -> str:
            return str(b(f"loss[0] += (z[n,c] - t[n,c]) * (z[n,c] - t[n,c]) * {self.times!r} / N", z=z, t=t))

    try:
        text = "net a:\n  input 2\n  fc 3\ntrain a:\n  loss {}\n  {}\n  schedule {}\n  augment {}\n  sgd lr=0.1\n"
        x, y = np.random.default_rng(0).normal(size=(6, 2)), np.arange(6) % 3

        def fitted(loss: str = "cross_entropy", metric: str = "metric above", schedule: str = "constant", augment: str = "shift",
                   targets: Any = y) -> Any:
            net = netspec.compile(text=text.format(loss, metric, schedule, augment), device="reference", dtype="float64")
            history = net.fit(x, targets, epochs=1, verbose=0, shuffle=False)
            return history, net.parameters["fc1.weight"], net.rates.now(0, 0, 1, 1)["lr"]

        plain = fitted()
        assert fitted(
            metric="metric above level=1e9")[0]["above"] == [
                0.0] and fitted(metric="metric above level=-1e9")[0]["above"] == [1.0]
        assert fitted(schedule="constant factor=0.5")[2] == 0.05
        assert not np.array_equal(fitted(augment="shift by=5")[1], plain[1])
        floats = np.random.default_rng(1).normal(size=(6, 3))
        once, twice = (fitted(f"scaled times={k}", "batch 6", targets=floats)[0]["loss"][0] for k in (1, 2))
        assert twice == pytest.approx(2 * once)
        for line in ("augment shift bye=1", "metric above levl=1", "schedule constant facto=2", "loss scaled time=2"):
            with pytest.raises(SpecError, match="has no option called"):
                netspec.load_graph(text=f"net a:\n  input 2\n  fc 3\ntrain a:\n  {line}\n  sgd lr=0.1\n")
    finally:
        for registry, name in ((AUGMENTATIONS, "shift"), (METRICS, "above"), (SCHEDULES, "constant"), (LOSSES, "scaled")):
            registry.pop(name, None)


def test_check_says_of_data_what_train_would_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = np.zeros((4, 3, 8, 6), np.float32), np.zeros((4, 3, 8, 6))
    np.savez("good.npz", x=x, y=y)
    np.savez("late.npz", x=x.transpose(0, 2, 3, 1), y=y)
    np.savez("short.npz", x=x, y=y[:3])
    np.savez("targets.npz", x=x, y=y[:, :2])
    np.savez("nameless.npz", images=x)
    np.savez("objects.npz", x=np.array([{}, 1], object), y=y)
    np.save("one.npy", x)
    Path("one.npy").rename("one.npz")
    Path("text.npz").write_text("x,y\n1,2\n")
    Path("data.csv").write_text("x,y\n1,2\n")
    Path("folder").mkdir()
    Path("folder/x.npy").write_text("no array")

    def said(line: str, more: str = "epochs 1") -> tuple[str, str]:
        Path("a.net").write_text(IMAGES.format(line, more))
        out = []
        for command in ("check", "train"):
            code = main([command, "a.net"])
            found = capsys.readouterr()
            assert (code == 0) == (not found.err), found.err
            out.append(found.err)
        return out[0], out[1]

    assert said('"good.npz"') == ("", "")
    for line, *words in [('"nosuch"', "no data file or folder", "a.net:5:3"), ('"nosuch.npz"', "no data file"),
                         ('"god.npz"', 'hint: data "good.npz"'), ('"good"', 'hint: data "good.npz"'),
                         ('"digits"', "hint: data digits\n"), ('"late.npz"', "4x8x6x3", "x.transpose(0, 3, 1, 2)"),
                         ('"short.npz"', "different numbers of examples", "3 and 4"),
                         ('"targets.npz"', "target", "4x2x8x6"), ('"nameless.npz"', "no array x", "images"),
                         ('"objects.npz"', "Python objects"), ('"one.npz"', "one array"),
                         ('"text.npz"', "it is text"), ('"data.csv"', "no data that netspec reads"),
                         ('"folder"', "is no .npy file"), ('"good.npz" test="text.npz"', "it is text")]:
        check, train = said(line)
        assert all(w in check for w in words), check
        assert "pickle" not in check
        places = ("targets", "late")  # what the net refuses is said without a line by `fit`, which knows of no spec
        assert check.splitlines()[0] == train.splitlines()[0] if any(p in line for p in places) else check == train
    class Roll(Augmentation):
        """Moves pixels, and does not say how a map would move along."""

        moves = True

    try:
        check, train = said('"good.npz"', "augment roll")
        assert "a.net:6:3" in check and "moves pixels" in check and check.splitlines()[0] == train.splitlines()[0]
    finally:
        del AUGMENTATIONS["roll"]
        Path("a.net").write_text(IMAGES.format('"good.npz"', "epochs 1"))
    # Looking at the net asks for no data.
    for command in ("summary", "show"):
        assert main([command, *(["graph"] if command == "show" else []), "a.net"]) == 0


def test_the_last_batch_may_be_left_out(tmp_path: Path) -> None:
    text = "net a:\n  input 4\n  fc 5 bn relu\n  fc 3\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  batch 4\n{}"
    x, y = np.random.default_rng(0).normal(size=(9, 4)), np.arange(9) % 3
    net = netspec.compile(text=text.format(""), device="reference", dtype="float64")
    with pytest.raises(NetspecError) as e:
        net.fit(x, y, epochs=1, verbose=0)
    assert "the last batch has 1 example" in str(
        e.value) and "9 examples in batches of 4" in str(e.value) and "hint: drop_last=True" in str(e.value)
    ways = [netspec.compile(text=text.format(line), device="reference", dtype="float64")
            for line in ("", "", "  drop_last\n", "  drop_last yes\n")]
    ways[0].fit(x, y, epochs=2, verbose=0, drop_last=True)
    ways[1].configure(drop_last=True).fit(x, y, epochs=2, verbose=0)
    for said in ways[2:]:
        said.fit(x, y, epochs=2, verbose=0)
    assert all(n.step == 4 and np.array_equal(n.parameters["fc1.weight"], ways[0].parameters["fc1.weight"]) for n in ways)
    # The same as stepping through the whole batches by hand, in the order of each epoch.
    shuffled = netspec.compile(text=text.format("  drop_last\n"), device="reference", dtype="float64")
    shuffled.fit(x, y, epochs=1, verbose=0, shuffle=False)
    by_hand = netspec.compile(text=text.format(""), device="reference", dtype="float64")
    by_hand.fit(x[:8], y[:8], epochs=1, verbose=0, shuffle=False)
    assert np.array_equal(shuffled.parameters["fc1.weight"], by_hand.parameters["fc1.weight"])
    few = netspec.compile(text=text.format("  drop_last\n"), device="reference")
    assert few.fit(x[:3], y[:3], epochs=1, verbose=0) and few.step == 1  # fewer examples than a batch are one
    with pytest.raises(NetspecError, match="True or False"):
        net.fit(x, y, drop_last="yes", verbose=0)  # type: ignore[arg-type]
    for line in ("drop_last 3", "drop_last\n  drop_last", "drop_last x=1"):
        with pytest.raises(SpecError):
            netspec.load_graph(text=text.format(f"  {line}\n"))
