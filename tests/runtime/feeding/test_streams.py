"""Batches that somebody else makes: lists, generators, functions, objects of one's own, DataLoaders of PyTorch."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec import NetspecError
from netspec.runtime.feeding.stream import Stream
from netspec.runtime.train.trainer import ExhaustedWarning, PaceWarning
from netspec.waiting import Watch, each, watched, watcher

TEXT = """
net small:
  input 2x1x3
  dropout 0.3
  fc 4

train small:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  batch 4
  epochs 2
"""
RNG = np.random.default_rng(11)
X, Y = RNG.standard_normal((26, 2, 1, 3)), RNG.integers(0, 4, 26)
BATCHES = [(X[k : k + 4], Y[k : k + 4]) for k in range(0, 26, 4)]


def net(text: str = TEXT, **options: Any) -> netspec.Network:
    return netspec.compile(text=text, device="reference", seed=2, **options)


def same(a: netspec.Network, b: netspec.Network) -> bool:
    return all(np.array_equal(a.parameters[k], b.parameters[k]) for k in a.parameters) and all(
        np.array_equal(a.buffers[k], b.buffers[k]) for k in a.buffers) and a.record == b.record


class Own:
    """Begun anew as often as one likes; without a length."""

    def __iter__(self) -> Iterator[Any]:
        for x, y in BATCHES:
            yield {"x": x.tolist(), "y": list(y)}


class Keras:
    """As Keras has its sequences: a length, and items by number that never end."""

    def __len__(self) -> int:
        return len(BATCHES)

    def __getitem__(self, k: int) -> Any:
        x, y = BATCHES[k % len(BATCHES)]
        return x, y, np.full(len(x), 2.0)


def generator() -> Iterator[Any]:
    yield from BATCHES


def readers() -> list[threading.Thread]:
    """The threads that read ahead."""
    return [t for t in threading.enumerate() if t.name == "netspec-feed"]


KINDS = {"list": BATCHES, "lists": [list(b) for b in BATCHES], "own": Own(), "keras": Keras(), "function": generator,
         "dicts": [{"input": x, "out": y} for x, y in BATCHES]}


@pytest.fixture(scope="module")
def trained() -> tuple[netspec.Network, Any]:
    """On arrays, in their order."""
    arrays = net()
    return arrays, arrays.fit(X, Y, shuffle=False, validation=(X, Y), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_the_training_of_arrays(kind: str, trained: tuple[netspec.Network, Any]) -> None:
    (arrays, a), batches = trained, net()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        b = batches.fit(KINDS[kind], validation=KINDS[kind], verbose=0)
    if kind == "keras":
        assert np.allclose(a["loss"], b["loss"], rtol=1e-12) and np.allclose(a["val_accuracy"], b["val_accuracy"])
        return
    assert same(arrays, batches) and a["loss"] == b["loss"] and a["val_loss"] == b["val_loss"]
    assert batches.evaluate(KINDS[kind]) == arrays.evaluate(X, Y)
    if not isinstance(KINDS[kind], list):
        assert np.array_equal(batches.predict(KINDS[kind]), arrays.predict(X, batch=4))


def test_a_generator_goes_once() -> None:
    once, function = net(), net()
    with pytest.warns(ExhaustedWarning, match=r"after epoch 1 of 2.*fit\(lambda: batches\(\)\)"):
        history = once.fit(generator(), verbose=0)
    function.fit(generator, epochs=1, verbose=0)
    assert same(once, function) and once.epoch == 1 and "at their end" in str(history.stopped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert net().fit(generator(), epochs=1, verbose=0).stopped is None
    used = generator()
    list(used)
    for empty in (used, [], lambda: iter(())):
        with pytest.raises(NetspecError, match=r"no batch comes in epoch 1|empty|shape"):
            net().fit(empty, verbose=0)
    with pytest.raises(NetspecError, match="gives a int"):
        net().fit(lambda: 3)
    assert np.array_equal(once.predict(x for x, _ in BATCHES), once.predict(X, batch=4))


def test_an_epoch_may_be_so_many_steps() -> None:
    """Of an endless generator it takes what comes next; of what begins anew, the first ones."""
    def endless() -> Iterator[Any]:
        while True:
            yield from BATCHES

    net1 = net()
    history = net1.fit(endless(), epochs=3, steps_per_epoch=2, verbose=0)
    assert net1.step == 6 and len(history.epochs) == 3
    whole = net()
    for k in range(3):
        whole.fit(BATCHES[2 * k : 2 * k + 2], epochs=1, verbose=0)
    assert same(net1, whole)
    capped = net()
    capped.fit(BATCHES, epochs=2, steps_per_epoch=2, accumulate=2, verbose=0)
    assert capped.step == 4
    with pytest.raises(NetspecError, match="steps_per_epoch"):
        net().fit(X, Y, steps_per_epoch=3)


def test_schedules_know_the_pace_from_the_first_epoch_on() -> None:
    """Without a length the first epoch stands where it begins, and a warning says so; with one, all is as with arrays."""
    def rates(source: Any, **options: Any) -> list[float]:
        found, trained = list[float](), net()
        at = trained.state.rates.__class__.at

        def noted(self: Any, *args: Any, **named: Any) -> Any:
            out = at(self, *args, **named)
            found.append(next(iter(out.values()))["lr"])
            return out

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("netspec.runtime.train.recipe.Rates.at", noted)
            trained.fit(*source, schedule="warmup 2", epochs=2, verbose=0, **options)
        return found

    known = rates((X, Y), shuffle=False)
    assert rates((BATCHES,)) == rates((generator,), steps_per_epoch=7) == known
    with pytest.warns(PaceWarning, match="steps_per_epoch"):
        unknown = rates((generator,))
    assert unknown[:7] == [known[0]] * 7 and unknown[7:] == known[7:]


def test_each_batch_is_checked_and_named() -> None:
    def with_(k: int, x: Any, y: Any) -> list[Any]:
        return [*BATCHES[:k], (x, y), *BATCHES[k + 1 :]]

    bad = X[:4].copy()
    bad[2, 0] = np.nan
    for wrong, said in ((with_(2, X[:4, :1], Y[:4]), "wrong shape"), (with_(2, X[:4], Y[:3]), "3 targets for 4 examples"),
                        (with_(2, X[:4], Y[:4] + 4), "no class of this network"), (with_(2, bad, Y[:4]), "holds nan"),
                        (with_(2, np.array(["a"]), Y[:4]), "not numbers"), (with_(2, X[:0], Y[:0]), "empty"),
                        ([*BATCHES[:2], (X[:4], Y[:4], -np.ones(4))], "finite and at least 0"),
                        ([*BATCHES[:2], (1, 2, 3, 4)], "one of 4 came")):
        small = net()
        with pytest.raises(NetspecError) as caught:
            small.fit(wrong, verbose=0)
        assert said in str(caught.value) and "epoch 1, batch 3" in str(caught.value), said
        assert small.step == 2
    with pytest.raises(NetspecError, match="their own targets"):
        net().fit(generator(), Y)

    def breaks() -> Iterator[Any]:
        yield BATCHES[0]
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        net().fit(breaks, verbose=0)


def test_an_epoch_of_batches_goes_on_where_it_was(tmp_path: Path) -> None:
    path, whole = str(tmp_path / "c"), net()
    whole.fit(generator, steps_per_epoch=7, verbose=0)

    def breaks() -> Iterator[Any]:
        yield from BATCHES[:5]
        raise OSError

    stopped = net()
    with pytest.raises(OSError):  # noqa: PT011
        stopped.fit(breaks, steps_per_epoch=7, checkpoint=path, checkpoint_every=2, verbose=0)
    for goes_on in (net().load(path), stopped):
        goes_on.fit(generator, steps_per_epoch=7, verbose=0)
        assert same(goes_on, whole)
    for anew in (False, True):  # an iterator that stands where training was stopped, or a new one that is passed over up to there
        once, batches = net(), iter([*BATCHES[:4], (X[:4, :1], Y[:4]), *BATCHES[4:]])
        with pytest.raises(NetspecError, match="wrong shape"):
            once.fit(batches, epochs=1, verbose=0)
        once.fit(iter(BATCHES) if anew else batches, epochs=1, verbose=0)
        assert once.step == 7 and once.record == whole.record[:1]


def test_bytes_of_batches_are_pictures() -> None:
    pictures = RNG.integers(0, 256, X.shape).astype(np.uint8)
    batches, arrays = net(), net()
    batches.fit([(pictures[k : k + 4], Y[k : k + 4]) for k in range(0, 26, 4)], verbose=0)
    arrays.fit(pictures / 255.0, Y, shuffle=False, verbose=0)
    assert same(batches, arrays)
    assert np.array_equal(batches.predict(pictures), batches.predict(pictures / 255.0))


def test_open_sizes_and_preparations() -> None:
    text = ("net a:\n  input 1x?x?\n  conv 2 3x3 relu\n  avgpool global\n  fc 3\n\ntrain a:\n  prepare standardise\n"
            "  loss cross_entropy\n  sgd lr=0.1\n  epochs 2\n")
    sizes = [(RNG.standard_normal((2, 1, n, 5)), np.array([0, 2])) for n in (4, 6, 4)]
    one = net(text)
    history = one.fit(sizes, verbose=0)
    assert one.step == 6 and np.isfinite(history["loss"]).all()
    assert one.evaluate(sizes)["loss"] > 0
    with pytest.raises(NetspecError, match="an iterator goes once"):
        net(text).fit(iter(sizes), verbose=0)


@pytest.mark.torch
def test_a_dataloader_of_pytorch(trained: tuple[netspec.Network, Any]) -> None:
    torch = pytest.importorskip("torch")
    held = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    loader = torch.utils.data.DataLoader(held, batch_size=4)
    (ours, _), theirs = trained, net()
    theirs.fit(loader, validation=loader, verbose=0)
    assert same(ours, theirs) and theirs.evaluate(loader) == ours.evaluate(X, Y)
    assert np.array_equal(theirs.predict(loader), ours.predict(X, batch=4))
    beside = net()
    beside.fit(torch.utils.data.DataLoader(held, batch_size=4, num_workers=2), verbose=0)  # which processes of its own read
    assert all(np.array_equal(beside.parameters[k], ours.parameters[k]) for k in ours.parameters)

    class Endless(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[Any]:
            yield from zip(X, Y)

    unknown = net()
    unknown.fit(torch.utils.data.DataLoader(Endless(), batch_size=4), verbose=0)
    assert all(np.array_equal(unknown.parameters[k], ours.parameters[k]) for k in ours.parameters)


def test_another_thread_reads_a_batch_ahead_and_no_more() -> None:
    """Each is made while the one before is used, in order, by one thread, which begins and ends the generator."""
    asked, threads, steps = list[int](), set[int](), list[tuple[int, int]]()

    def batches() -> Iterator[Any]:
        threads.add(threading.get_ident())
        try:
            for k, batch in enumerate(BATCHES):
                asked.append(k)
                yield batch
        finally:
            threads.add(threading.get_ident())

    class Look(netspec.Callback):
        def on_step(self, net: Any, step: int, loss: float) -> None:
            steps.append((step, len(asked)))

    for prefetch in (True, False):
        asked.clear(), threads.clear(), steps.clear()
        one = net()
        one.fit(batches, epochs=1, verbose=0, callbacks=Look(), prefetch=prefetch)
        assert asked == list(range(len(BATCHES))) and len(threads) == 1
        assert (threading.get_ident() in threads) is not prefetch
        assert all(n <= step + (1 if prefetch else 0) for step, n in steps)
        assert not readers()
        once = net()
        once.fit(batches(), epochs=1, verbose=0, prefetch=prefetch)  # of an iterator nothing is read ahead
        assert threading.get_ident() in threads and same(one, once)


def test_a_source_may_fill_the_same_arrays_again_and_again() -> None:
    """A batch is what it was when it came, whatever becomes of its arrays while it is learnt from."""
    room, filled = (np.empty((4, 2, 1, 3)), np.empty((4, 4))), threading.Semaphore(0)
    x, y = X[:24], RNG.standard_normal((24, 4))

    def batches() -> Iterator[Any]:
        for k in range(0, 24, 4):
            room[0][...], room[1][...] = x[k : k + 4], y[k : k + 4]
            filled.release()
            yield room
        room[0][...] = room[1][...] = 9
        filled.release()

    one = net(TEXT.replace("cross_entropy", "mse"))
    with closing(Stream(batches, one.state, one.state.recipe.terms).epoch(0)) as given:
        for k, batch in enumerate(given):
            assert all(filled.acquire(timeout=60) for _ in range(1 if k else 2))  # the next one has been made
            assert all(np.array_equal(a, b[4 * k : 4 * k + 4]) for a, b in ((batch.inputs["input"], x), (*batch.targets.values(), y)))
    assert k == 5


def test_no_batch_ends_an_epoch_but_the_end_of_them() -> None:
    for prefetch in (True, False):
        with pytest.raises(NetspecError, match="no input is given"):
            net().fit(lambda: iter([BATCHES[0], None, BATCHES[1]]), epochs=1, verbose=0, prefetch=prefetch)
    with pytest.raises(NetspecError, match="no input is given"):
        net().fit(iter([None, *BATCHES]), verbose=0)


def test_what_a_source_waits_for_is_not_what_training_waits_for() -> None:
    """Its thread says nothing to whoever watches the one that trains."""
    def batches() -> Iterator[Any]:
        for _ in each("decoding", range(3)):
            yield BATCHES[0]

    for prefetch in (True, False):
        with watched(Watch()):
            net().fit(batches, epochs=1, verbose=0, prefetch=prefetch)
            watch = watcher()
        assert watch is not None and ("decoding" in watch.took) is not prefetch and not watch.waits


def test_what_a_source_raises_has_its_own_traceback_and_comes_where_it_is_due() -> None:
    closed = list[str]()

    def batches() -> Iterator[Any]:
        try:
            yield from BATCHES[:2]
            raise LookupError("nothing more here")
        finally:
            closed.append("closed")

    one, two = net(), net()
    with pytest.raises(LookupError, match="nothing more") as e:
        one.fit(batches, epochs=1, verbose=0)
    assert "batches" in [f.name for f in e.traceback] and one.step == 2 and closed == ["closed"]
    two.fit(BATCHES[:2], epochs=1, verbose=0)
    assert all(np.array_equal(one.parameters[k], two.parameters[k]) for k in one.parameters)

    class Stops(netspec.Callback):
        def on_step(self, net: Any, step: int, loss: float) -> None:
            raise RuntimeError("a callback")

    def endless() -> Iterator[Any]:
        try:
            while True:
                yield BATCHES[0]
        finally:
            closed.append("closed")

    with pytest.raises(RuntimeError, match="a callback"):
        net().fit(endless, verbose=0, callbacks=Stops())
    assert closed == ["closed"] * 2 and not readers()


def test_a_source_may_ask_the_network_and_is_refused_where_it_would_wait_for_ever() -> None:
    one = net()

    def asks() -> Iterator[Any]:
        for x, y in BATCHES:
            assert one.predict(x).shape == (len(x), 4)
            yield x, y

    def changes() -> Iterator[Any]:
        for batch in BATCHES:
            one.configure(optimiser="sgd lr=0.2")
            yield batch

    one.fit(asks, epochs=1, verbose=0)
    with pytest.raises(NetspecError, match="prefetch=False"):
        one.fit(changes, epochs=1, verbose=0)
    one.fit(changes, epochs=1, verbose=0, prefetch=False)


def test_more_batches_than_a_length_says_are_refused() -> None:
    class Wrong(Own):
        def __len__(self) -> int:
            return self.many

        many = 3

    with pytest.raises(NetspecError, match=r"len\(\) is 3") as e:
        net().fit(Wrong(), verbose=0)
    assert e.value.diagnostics[0].hint == "steps_per_epoch=3" and "batch 4 of epoch 1" in e.value.diagnostics[0].notes[0]
    assert net().fit(Wrong(), steps_per_epoch=3, epochs=1, verbose=0).epochs == [1]
    Wrong.many = 9  # fewer than that: from the second epoch on schedules know it
    fewer = net(TEXT.replace("epochs 2", "epochs 4\n  schedule cosine"))
    fewer.fit(Wrong(), verbose=0)
    assert fewer.state.course.pace == len(BATCHES)
