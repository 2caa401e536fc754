"""What training reads: arrays in memory, arrays whose examples are made as they are read, augmentation on threads, bytes."""

from __future__ import annotations

import copy
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.datasets import Data, DataError, Lazy
from netspec.runtime.feeding import ahead as ahead_room
from netspec.runtime.feeding.ahead import ahead

TEXT = """
net small:
  input 1x4x4
  fc 3

train small:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  batch 8
  epochs 2
"""
RNG = np.random.default_rng(3)
X, Y = RNG.integers(0, 256, (29, 1, 4, 4)).astype(np.uint8), RNG.integers(0, 3, 29)
PICTURES = X.astype(np.float32) / np.float32(255)


class Made(Lazy):
    """Examples of an array, and which threads have made them."""

    def __init__(self, held: Any, bad: int = -1):
        self.held, self.shape, self.dtype, self.bad = held, held.shape, held.dtype, bad
        self.threads: set[str] = set()
        self.asked = 0

    def __array__(self, *args: Any, **named: Any) -> Any:
        raise AssertionError("converted whole")

    def example(self, number: int) -> Any:
        self.threads.add(threading.current_thread().name)
        self.asked += 1
        if number == self.bad:
            raise DataError("b/7.jpg cannot be read", "it is cut short", hint="remove it")
        time.sleep(0.0002 * (number % 3))  # so that threads finish in another order than they began
        return self.held[number]


def net(text: str = TEXT, **options: Any) -> netspec.Network:
    return netspec.compile(text=text, device="reference", seed=4, **options)


def same(a: netspec.Network, b: netspec.Network) -> bool:
    return all(np.array_equal(a.parameters[k], b.parameters[k]) for k in a.parameters) and all(
        np.array_equal(a.buffers[k], b.buffers[k]) for k in a.buffers)


def feeding() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("netspec-feed")]


@pytest.mark.parametrize("augment", ["none", "flip"])
def test_examples_made_as_they_are_read_train_to_the_same_bits(augment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On any number of threads, for inputs and targets, in fit, validation, evaluate and predict."""
    whole, tests = net(), (PICTURES[:11], Y[:11])
    history = whole.fit(PICTURES, Y, validation=tests, augment=augment, verbose=0)
    for threads in (1, 3):
        monkeypatch.setattr(ahead_room, "threads", lambda n=threads: n)
        lazy, x, y = net(), Made(PICTURES), Made(Y)
        made = lazy.fit(x, y, validation=(Made(PICTURES[:11]), Made(Y[:11])), augment=augment, verbose=0)
        assert same(whole, lazy)
        assert made["loss"] == history["loss"] and made["val_accuracy"] == history["val_accuracy"]
        assert x.asked == y.asked == 2 * len(X)
        assert all(name.startswith("netspec-feed") for name in x.threads) and len(x.threads) == threads
        assert lazy.evaluate(x, y) == whole.evaluate(PICTURES, Y)
        assert np.array_equal(lazy.predict(x, batch=5), whole.predict(PICTURES, batch=5))
        assert not feeding()


def test_a_few_batches_are_made_ahead_and_no_more() -> None:
    made: list[int] = []
    got = []
    for k, value in enumerate(ahead(lambda n: made.append(n) or n * n, range(40), workers=3)):
        time.sleep(0.001)
        assert len(made) <= k + 1 + 3
        got.append(value)
    assert got == [n * n for n in range(40)]
    assert not feeding()


def test_what_a_thread_meets_reaches_the_caller_as_it_is() -> None:
    """At the batch where it was due, with what was learnt before; and no thread is left."""
    x, small = Made(PICTURES, bad=25), net()
    with pytest.raises(DataError, match=r"b/7.jpg cannot be read") as caught:
        small.fit(x, Y, shuffle=False, verbose=0)
    assert caught.value.diagnostics[0].hint == "remove it"
    assert small.step == 25 // 8 and small.epoch == 0
    assert not feeding()
    with pytest.raises(DataError):
        small.evaluate(x, Y)
    with pytest.raises(DataError):
        small.predict(x)
    assert not feeding()


def test_threads_end_when_training_is_interrupted() -> None:
    class Stops(Made):
        def example(self, number: int) -> Any:
            if self.asked > 20:
                raise KeyboardInterrupt
            return super().example(number)

    with pytest.raises(KeyboardInterrupt):
        net().fit(Stops(PICTURES), Y, verbose=0)
    assert not feeding()
    broken = PICTURES.copy()
    broken[20] = np.nan
    small = net()
    with pytest.raises(netspec.NetspecError, match="loss became nan") as caught:  # in the thread that trains
        small.fit(Made(broken), Y, shuffle=False, verbose=0)
    assert "example 20 of the data" in str(caught.value)
    assert small.step == 2
    assert not feeding()


def test_targets_that_are_read_late_are_checked_then() -> None:
    wrong = Y.copy()
    wrong[19] = 3
    with pytest.raises(netspec.NetspecError, match="label 3 is no class") as caught:
        net().fit(PICTURES, Made(wrong), verbose=0)
    assert "example 19" in str(caught.value)
    line = net("net line:\n  input 1x4x4\n  fc 1\n\ntrain line:\n  loss mse\n  sgd lr=0.01\n  batch 8\n  epochs 1\n")
    numbers = RNG.standard_normal(29)
    numbers[5] = np.nan
    with pytest.raises(netspec.NetspecError, match="holds NaN") as caught:
        line.fit(PICTURES, Made(numbers), verbose=0)
    assert "example 5" in str(caught.value)
    with pytest.raises(netspec.NetspecError, match="wrong shape"):
        line.fit(PICTURES, Made(numbers[:20]), verbose=0)
    with pytest.raises(netspec.NetspecError, match="wrong shape"):
        line.fit(Made(PICTURES[:, :, :3]), numbers[:29], verbose=0)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_bytes_are_numbers_from_a_caller_and_pictures_from_a_data_set(kind: Any, tmp_path: Path) -> None:
    most = np.iinfo(kind).max
    x = RNG.integers(0, most, (29, 1, 4, 4), endpoint=True).astype(kind)
    numbers, raw = net(), net()
    numbers.fit(x.astype(np.float32), Y, verbose=0)
    raw.fit(x, Y, verbose=0)
    assert same(numbers, raw)
    assert np.array_equal(raw.predict(x), raw.predict(x.astype(np.float32)))
    scaled, tests = x / float(most), slice(0, 9)
    pictures, asked = net(), net()
    pictures.fit(scaled, Y, validation=(scaled[tests], Y[tests]), verbose=0)
    for given in (x, Made(x)):
        asked = net()
        history = asked.fit(Data("shapes", (given, Y), validation=(x[tests], Y[tests])), verbose=0)
        assert same(pictures, asked)
        assert history.final["val_loss"] == pictures.evaluate(scaled[tests], Y[tests])["loss"]
    # what it is asked about is read as what it has learnt from, also from a file and by a copy; floats stay what they are
    path = tmp_path / "c.safetensors"
    asked.save(str(path))
    for other in (asked, net().load(str(path)), copy.deepcopy(asked)):
        assert np.array_equal(other.predict(x), other.predict(scaled))
        assert not np.array_equal(other.predict(x), other.predict(x.astype(np.float32)))
        assert other.evaluate(x, Y) == other.evaluate(scaled, Y) == other.evaluate(Data("all", (x, Y)))
    fresh = net()
    assert fresh.evaluate(Data("all", (x, Y))) == fresh.evaluate(scaled, Y) != fresh.evaluate(x, Y)
    asked.initialise()
    assert not np.array_equal(asked.predict(x), asked.predict(scaled))


def test_a_data_set_brings_what_it_is_judged_by() -> None:
    """Its examples for validation, or else those for testing; `evaluate` takes those for testing first."""
    a, b, c = (PICTURES, Y), (PICTURES[:7], Y[:7]), (PICTURES[7:20], Y[7:20])
    one, two = net(), net()
    assert one.fit(Data("d", a, test=b, validation=c), verbose=0)["val_loss"] == two.fit(*a, validation=c, verbose=0)["val_loss"]
    assert net().fit(Data("d", a, test=b), verbose=0)["val_loss"] == net().fit(*a, validation=b, verbose=0)["val_loss"]
    assert one.evaluate(Data("d", a, test=b, validation=c)) == one.evaluate(*b)
    assert one.evaluate(Data("d", a, validation=c)) == one.evaluate(*c)
    assert one.evaluate(Data("d", a)) == one.evaluate(*a)
    with pytest.raises(netspec.NetspecError, match="targets of its own"):
        one.fit(Data("d", a), Y)
