"""One network in many threads: every answer is the one a single thread gives, and training is what it is alone."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends import turns
from netspec.backends.cpu.engine.workers import set_threads
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cpu.lane import TABLES
from netspec.backends.executor import ENTRIES, RULES
from netspec.backends.turns import Gate, Lanes
from netspec.diagnostics import NetspecError
from netspec.runtime.state import SIZES
from sweeps import the_first
from where import ROOT

TEXT = """net small:
  input 4x6x6
  conv 8 3x3 bn relu
  conv 8 3x3 relu
  fc 3
train small:
  loss cross_entropy
  sgd lr=0.05 momentum=0.9
  metric accuracy
  batch 8
"""
OPEN = TEXT.replace("4x6x6", "4x?x?").replace("  fc 3", "  avgpool global -> fc 3")
DRAW = np.random.default_rng(0)
X, Y = DRAW.standard_normal((40, 4, 6, 6)).astype(np.float32), np.arange(40) % 3


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads that change places often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(*work: Callable[[], None]) -> None:
    """Each in a thread of its own; the first error is raised here."""
    errors: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
        assert not t.is_alive(), "a thread waits for ever"
    if errors:
        raise errors[0]


def until(done: threading.Event, one: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        while not done.is_set():
            one()

    return run


def then(done: threading.Event, one: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            one()
        finally:
            done.set()

    return run


def numbers(net: netspec.Network) -> dict[str, bytes]:
    return {k: v.tobytes() for k, v in {**net.parameters, **net.buffers, **net.averages}.items()}


# ---- predictions side by side --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("engine", the_first(1, [2, 1]))
def test_eight_threads_get_what_one_gets(device: str, engine: int) -> None:
    if device == "reference" and engine == 2:
        pytest.skip("it has no threads of its own")
    set_threads(engine)
    try:
        net = netspec.compile(text=TEXT, device=device)
        net.fit(X, Y, epochs=1, verbose=0)
        sizes = (1, 2, 3, 5, 8, 13, 21, 40)
        want = {n: net.predict(X[:n]).tobytes() for n in sizes}
        tested = net.evaluate(X, Y, batch=7)
        seen = {n: net.backward(np.ones((n, 3)), X[:n], mode="eval")["input"].tobytes() for n in sizes}

        def calls(start: int) -> Callable[[], None]:
            def run() -> None:
                for k in range(24 if device == "cpu" else 6):
                    n = sizes[(start + k) % len(sizes)]
                    assert net.predict(X[:n]).tobytes() == want[n]
                    if k % 6 == start % 6:
                        assert net.evaluate(X, Y, batch=7) == tested
                        net.predict(X[:n])
                        time.sleep(0)
                        assert net.backward(np.ones((n, 3)))["input"].tobytes() == seen[n]  # of this thread's last call

            return run

        together(*map(calls, range(8)))
        if isinstance(net.executor, CpuExecutor):
            assert 1 < len(net.executor.lanes.made) <= net.executor.lanes.most <= 8
    finally:
        set_threads(None)


def test_the_first_calls_of_all_at_once() -> None:
    nets = [netspec.compile(text=TEXT.replace("conv 8 3x3 relu", "conv 9 3x3 tanh"), seed=k) for k in range(2)]
    got: list[tuple[int, bytes]] = []
    ready = threading.Barrier(8)

    def first(k: int) -> Callable[[], None]:
        def run() -> None:
            ready.wait()
            got.append((k % 2, nets[k % 2].predict(X[:7]).tobytes()))

        return run

    together(*map(first, range(8)))
    assert len(set(got)) == 2


# ---- training beside it --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("average", the_first(1, [0.0, 0.9]))
def test_predictions_beside_fit(average: float) -> None:
    """Each is that of the weights between two steps, and training comes to the same bits."""
    twin, net = (netspec.compile(text=TEXT).configure(average=average) for _ in range(2))
    between = {twin.predict(X[:3]).tobytes()}
    for epoch in range(3):
        order = netspec.runtime.initialisers.generator(0, f"epoch {epoch}").permutation(40)
        for k in range(0, 40, 8):
            twin.train_step(X[order[k : k + 8]], Y[order[k : k + 8]])
            between.add(twin.predict(X[:3]).tobytes())
        twin.epoch += 1
    done, got = threading.Event(), []

    def predict() -> None:
        got.append(net.predict(X[:3]).tobytes())
        net.evaluate(X, Y, batch=9)

    together(then(done, lambda: net.fit(X, Y, epochs=3, verbose=0)), *[until(done, predict)] * 3)
    assert numbers(net) == numbers(twin)
    assert set(got) <= between
    assert len(set(got)) > 1  # some of them came in between


def test_three_fits_follow_one_another() -> None:
    alone, net = netspec.compile(text=TEXT), netspec.compile(text=TEXT)
    for _ in range(3):
        alone.fit(X, Y, epochs=2, verbose=0)
    together(*[lambda: net.fit(X, Y, epochs=2, verbose=0)] * 3)
    assert net.epoch == 6
    assert net.step == 30
    assert numbers(net) == numbers(alone)
    assert [r["loss"] for r in net.record] == [r["loss"] for r in alone.record]


def test_loading_and_assignment_exclude_the_rest(tmp_path: Path) -> None:
    net = netspec.compile(text=TEXT)
    files, want, values = [], set(), []
    for seed in range(2):
        net.initialise(seed)
        files.append(tmp_path / f"{seed}.safetensors")
        net.save(str(files[-1]))
        values.append({**net.parameters})
        want.add(net.predict(X[:5]).tobytes())
    net.configure(average=0.5)
    done, got = threading.Event(), []

    def change() -> None:
        for k in range(12):
            net.load(str(files[k % 2]))
            net.set_parameters(values[(k + 1) % 2])
            net.averaged = bool(k % 2)

    together(then(done, change), *[until(done, lambda: got.append(net.predict(X[:5]).tobytes()))] * 7)
    assert set(got) <= want


def test_mixed_calls_of_eight_threads_do_not_fail() -> None:
    net = netspec.compile(text=TEXT)
    kept = {**net.parameters}
    done = threading.Event()

    def train() -> None:
        for _ in range(4):
            net.fit(X, Y, epochs=1, verbose=0, average=0.9)
            net.train_step(X[:9], Y[:9])
            net.loss_and_gradients(X[:4], Y[:4])
            net.update()
            net.backward(net.forward(X[:4]))
            net.initialise(3)

    def assign() -> None:
        for _ in range(6):
            net.set_parameters(kept)
            net.parameters["fc1.bias"] = np.zeros(3)
            net.configure(batch=8)

    def read() -> None:
        assert np.isfinite(net.predict(X[: 1 + len(os.urandom(1)) % 40])).all()
        assert net.evaluate(X, Y)["loss"] > 0
        assert net.parameters["fc1.weight"].shape == (3, 288)
        assert len(net.averages) in (0, 7)

    together(then(done, train), assign, *[until(done, read)] * 6)


# ---- sizes that are open -------------------------------------------------------------------------------------------------------
def test_sizes_beside_each_other_and_beside_training() -> None:
    net = netspec.compile(text=OPEN)
    images = [DRAW.standard_normal((2, 4, s, s + 1)).astype(np.float32) for s in (5, 6, 9)]
    net.fit(X, Y, epochs=1, verbose=0, average=0.9)
    want = [net.predict(i).tobytes() for i in images]

    def same() -> None:
        for i, w in zip(images * 4, want * 4):
            assert net.predict(i).tobytes() == w

    together(*[same] * 8)
    done, other = threading.Event(), netspec.compile(text=OPEN)
    for n in (other, net):
        n.initialise()
    other.fit(X, Y, epochs=2, verbose=0)
    net.configure(average=0)
    together(then(done, lambda: net.fit(X, Y, epochs=2, verbose=0)), *[until(done, lambda: net.predict(images[0]))] * 2)
    assert numbers(net) == numbers(other)
    assert [net.predict(i).tobytes() for i in images] == [other.predict(i).tobytes() for i in images]


@pytest.mark.sweep
def test_few_sizes_are_kept() -> None:
    net = netspec.compile(text=OPEN)
    net.train_step(X[:8], Y[:8])
    own = net.executor
    first = net.predict(X[:2, :, :5, :5])
    held = []
    for k in range(SIZES + 4):
        image = DRAW.standard_normal((1, 4, 5 + k, 8)).astype(np.float32)
        net.predict(image)
        assert net.state.sizes is not None
        assert len(net.state.sizes.held) <= SIZES
        held += [weakref.ref(e) for e in net.state.sizes.held.values() if e not in [r() for r in held]]
    gc.collect()
    assert sum(r() is not None for r in held) == SIZES
    assert net.executor is own  # the one that holds the optimiser's state
    assert np.array_equal(first, net.predict(X[:2, :, :5, :5]))
    net.train_step(X[:8], Y[:8])
    assert net.step == 2


@pytest.mark.sweep
def test_what_an_executor_keeps_is_bounded() -> None:
    net = netspec.compile(text=TEXT)
    run = net.executor
    assert isinstance(run, CpuExecutor)
    x = np.repeat(X, 2, 0)
    want = net.predict(x[:1])
    for n in range(1, TABLES + 6):
        net.predict(x[:n])
    (entry,) = run.entries.values()
    assert len(run.lanes.first.room(run.kept(entry)).tables) == TABLES
    assert np.array_equal(net.predict(x[:1]), want)
    for k in range(RULES + 3):
        net.configure(optimiser=f"sgd lr={0.01 * (k + 1)}").train_step(X[:8], Y[:8])
    assert len(run.updates) == RULES
    for k in range(ENTRIES + 2):
        net.evaluate(X[:8], Y[:8], loss=f"cross_entropy smoothing={0.01 * k}")
    assert len(run.entries) == ENTRIES


# ---- copies --------------------------------------------------------------------------------------------------------------------
def by_pickle(net: netspec.Network) -> netspec.Network:
    import pickle

    made: netspec.Network = pickle.loads(pickle.dumps(net))
    return made


def by_deepcopy(net: netspec.Network) -> netspec.Network:
    from copy import deepcopy

    return deepcopy(net)


@pytest.mark.parametrize("copied", [by_deepcopy, by_pickle])
@pytest.mark.parametrize(("device", "text", "optimiser"),
                         the_first(1, [("cpu", TEXT, "adam lr=0.01"), ("cpu", OPEN, "sgd lr=0.05 momentum=0.9"),
                          ("reference", TEXT, "lbfgs lr=0.1 iterations=3"), ("reference", OPEN, "adam lr=0.01")]))
def test_copies_are_independent_and_train_on_to_the_same_bits(device: str, text: str, optimiser: str, copied: Any) -> None:
    net = netspec.compile(text=text, device=device, seed=3).configure(optimiser=optimiser, batch=20)
    net.fit(X, Y, epochs=1, verbose=0, average=0.8 if "lbfgs" not in optimiser else None)
    before = numbers(net)
    twin = copied(net)
    assert numbers(twin) == before
    assert (twin.step, twin.epoch, twin.record, twin.seed, twin.recipe) == (net.step, net.epoch, net.record, net.seed, net.recipe)
    assert np.array_equal(twin.predict(X[:5]), net.predict(X[:5]))
    twin.fit(X, Y, epochs=1, verbose=0)
    twin.parameters["fc1.bias"] = np.ones(3)
    assert numbers(net) == before
    net.fit(X, Y, epochs=1, verbose=0)
    net.parameters["fc1.bias"] = np.ones(3)
    assert numbers(net) == numbers(twin)


@pytest.mark.parametrize("copied", [by_deepcopy, by_pickle])
def test_a_copy_of_the_numbers_is_a_dict_that_stays(copied: Any) -> None:
    net = netspec.compile(text=TEXT, seed=3)
    best, statistics = copied(net.parameters), copied(net.buffers)
    before, held = numbers(net), dict(net.parameters)
    net.fit(X, Y, epochs=1, verbose=0, batch=20, optimiser="adam lr=0.01")
    assert numbers(net) != before
    assert type(best) is dict
    assert all(np.array_equal(best[k], held[k]) for k in held)
    net.set_parameters(best | statistics)
    assert numbers(net) == before


def test_a_copy_needs_no_file_and_no_training(tmp_path: Path) -> None:
    (tmp_path / "blocks.net").write_text("block unit(n):\n  conv n 3x3 bn relu\n")
    (tmp_path / "a.net").write_text('import unit from "blocks.net"\n\nnet a:\n  input 4x6x6\n  unit 8\n  fc 3\n')
    net = netspec.compile(tmp_path / "a.net")
    want = net.predict(X[:3])
    import pickle

    held = pickle.dumps(net)
    for f in tmp_path.iterdir():
        f.unlink()
    for twin in (pickle.loads(held), by_deepcopy(net)):
        assert np.array_equal(twin.predict(X[:3]), want)
        assert str(twin.graph) == str(net.graph)


# ---- arrays that change meanwhile ----------------------------------------------------------------------------------------------
def test_labels_that_change_meanwhile_are_refused_or_not_seen() -> None:
    net = netspec.compile(text=TEXT)
    x, y, done = np.tile(X, (20, 1, 1, 1)), np.tile(Y, 20), threading.Event()
    right = y.copy()

    def spoil() -> None:
        y[:] = 1 << 40
        time.sleep(0.001)
        y[:] = right
        time.sleep(0.001)

    def use() -> None:
        for _ in range(12):
            for call in (lambda: net.train_step(x, y), lambda: net.evaluate(x, y, batch=20),
                         lambda: net.loss_and_gradients(x, y)):
                with contextlib.suppress(NetspecError):
                    call()

    together(then(done, use), until(done, spoil))


# ---- the lock ------------------------------------------------------------------------------------------------------------------
def test_neither_readers_nor_a_writer_starve() -> None:
    gate, done, turns = Gate(), threading.Event(), {"read": 0, "write": 0}

    def read() -> None:
        with gate.shared(), gate.shared():
            time.sleep(0.0005)
            turns["read"] += 1

    def write() -> None:
        while not turns["read"]:
            time.sleep(0.001)
        for _ in range(40):
            with gate.training(), gate.exclusive(), gate.exclusive(), gate.shared():
                turns["write"] += 1
        assert turns["read"] > 5  # between the turns of one that never pauses

    together(then(done, write), *[until(done, read)] * 4)
    assert turns["write"] == 40


def test_a_reader_that_wants_to_write_is_told() -> None:
    net = netspec.compile(text=TEXT)

    class Late:
        def __array__(self, *_: Any, **__: Any) -> Any:
            net.parameters["fc1.bias"] = np.zeros(3)
            return X[:2]

    with pytest.raises(NetspecError, match="from within its own prediction"):
        net.predict(Late())
    net.train_step(X[:8], Y[:8])  # nobody is left inside


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupts_leave_the_network_usable() -> None:
    """Python itself drops an interrupt that comes while a generator is cleared away: then a second one follows."""
    net = netspec.compile(text=TEXT)
    net.fit(X, Y, epochs=1, verbose=0)
    done, caught = threading.Event(), 0
    beside = threading.Thread(target=until(done, lambda: net.predict(X[:3])), daemon=True)
    beside.start()
    before = signal.getsignal(signal.SIGALRM)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, stop)
    try:
        for k in range(40):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0003 * (k % 20 + 1), 1.0)
                while True:
                    net.predict(X[:5])
                    net.train_step(X[:8], Y[:8])
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
                caught += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        done.set()
        beside.join(60)
    assert caught == 40
    together(lambda: net.fit(X, Y, epochs=1, verbose=0), lambda: net.predict(X[:5]))  # other threads: nothing is held


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_other_threads_are_inside() -> None:
    net = netspec.compile(text=TEXT)
    net.train_step(X[:8], Y[:8])  # compiled: six children that all compile on a busy machine look like six that hang
    want, done = net.predict(X[:5]).tobytes(), threading.Event()

    def children() -> None:
        for _ in range(6):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                right = net.predict(X[:5]).tobytes() == want
                net.train_step(X[:8], Y[:8])
                os._exit(0 if right else 1)
            assert os.waitpid(child, 0)[1] == 0

    def train() -> None:
        net.loss_and_gradients(X[:8], Y[:8])

    together(then(done, children), *[until(done, lambda: net.predict(X[:5]))] * 3, until(done, train))


def test_lanes_are_few_and_given_back() -> None:
    lanes, most, now, lock = Lanes(lambda k: [k], 3), 0, 0, threading.Lock()
    assert lanes.first == [0]

    def inside(_: list[int], k: int) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.0002)
        with lock:
            now -= 1
        if k % 5 == 0:
            raise KeyError

    def use() -> None:
        for k in range(20):
            with contextlib.suppress(KeyError):
                lanes.lend(inside, k)

    together(*[use] * 8)
    assert most <= 3
    assert len(lanes.made) <= 3
    assert lanes.lend(lambda lane: lane) == [0]


def test_an_interrupt_at_any_call_leaves_nobody_inside() -> None:
    """Python raises interrupts where functions begin, among other places: once at each of those there are."""
    gate, lanes = Gate(), Lanes(lambda k: k, 1)

    def interrupted(at: int, use: Any) -> bool:
        def trace(frame: Any, event: str, _: Any) -> None:
            nonlocal at
            if event == "call" and frame.f_code.co_filename == turns.__file__:
                at -= 1
                if not at:
                    raise KeyboardInterrupt

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            use()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
        return False

    for use in (lambda: gate.beside(len, ()), lambda: gate.alone(len, ()), lambda: lanes.lend(lambda lane: lane)):
        met = 0
        while interrupted(met + 1, use):
            met += 1
            together(lambda: gate.alone(len, ()), lambda: lanes.lend(lambda lane: lane))
            gate.alone(len, ())
        assert met > 3


# ---- the file that stands alone ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from netspec.runtime.standalone.emit import standalone

    file = tmp_path_factory.mktemp("alone") / "small_alone.py"
    text = (
        "net small:\n  input 4x6x6\n  conv 8 3x3 relu\n  fc 3\ntrain small:\n  loss cross_entropy\n  sgd lr=0.05 momentum=0.9\n")
    file.write_text(standalone(netspec.load_graph(text=text).graph))
    spec = importlib.util.spec_from_file_location("small_alone", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["small_alone"] = importlib.util.module_from_spec(spec)  # where pickle looks for its class
    spec.loader.exec_module(module)
    return module


@pytest.mark.sweep  # it is the code that a network runs
def test_the_emitted_file_in_threads(alone: Any) -> None:
    net = alone.Network(seed=1)
    net.step(X[:8], Y[:8])
    sizes = (1, 2, 5, 9, 17, 40)
    want = {n: net.predict(X[:n]).tobytes() for n in sizes}

    def calls(start: int) -> Callable[[], None]:
        def run() -> None:
            for k in range(30):
                n = sizes[(start + k) % len(sizes)]
                assert net.predict(X[:n]).tobytes() == want[n]

        return run

    workers = sys.modules[next(k for k in sys.modules if k.startswith("_netspec") and k.endswith("cpu.engine.workers"))]
    workers.set_threads(1)
    try:
        together(*map(calls, range(8)))
    finally:
        workers.set_threads(None)


@pytest.mark.sweep  # it is the code that a network runs
def test_the_emitted_file_trains_beside_predictions(alone: Any) -> None:
    net, twin = alone.Network(seed=1), alone.Network(seed=1)
    between = {twin.predict(X[:3]).tobytes()}
    for k in range(20):
        twin.step(X[k : k + 8], Y[k : k + 8])
        between.add(twin.predict(X[:3]).tobytes())
    done, got = threading.Event(), []

    def train() -> None:
        for k in range(20):
            net.step(X[k : k + 8], Y[k : k + 8])

    together(then(done, train), *[until(done, lambda: got.append(net.predict(X[:3]).tobytes()))] * 3)
    assert set(got) <= between
    assert {k: v.tobytes() for k, v in net.parameters.items()} == {k: v.tobytes() for k, v in twin.parameters.items()}


@pytest.mark.parametrize("copied", [by_deepcopy, by_pickle])
def test_copies_of_the_emitted_network(alone: Any, copied: Any) -> None:
    net = alone.Network(seed=2)
    net.step(X[:8], Y[:8])
    before = {k: v.tobytes() for k, v in net.parameters.items()}
    twin = copied(net)
    loss = twin.step(X[8:16], Y[8:16])
    assert {k: v.tobytes() for k, v in net.parameters.items()} == before
    kept = copied(net.parameters)
    assert {k: v.tobytes() for k, v in kept.items()} == before
    assert net.step(X[8:16], Y[8:16]) == loss
    assert {k: v.tobytes() for k, v in net.parameters.items()} == {k: v.tobytes() for k, v in twin.parameters.items()}


# ---- what is prepared ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_statistics_that_move_without_a_step_are_seen(device: str) -> None:
    """A batch without labels moves running statistics and no weight; predictions fold them anew."""
    net = netspec.compile(text=TEXT.replace("loss cross_entropy", "loss cross_entropy ignore=2"), device=device)
    before = net.predict(X[:5])
    net.train_step(3 * X[:8] + 1, np.full(8, 2))
    fresh = netspec.compile(text=TEXT, device=device)
    fresh.set_parameters({**net.parameters, **net.buffers})
    assert not np.array_equal(net.predict(X[:5]), before)
    assert np.array_equal(net.predict(X[:5]), fresh.predict(X[:5]))


def test_averages_are_tested_and_weights_are_not_touched() -> None:
    net = netspec.compile(text=TEXT)
    net.fit(X, Y, epochs=2, verbose=0, average=0.9)
    fresh = netspec.compile(text=TEXT)
    fresh.set_parameters({**net.parameters, **net.buffers, **net.averages})
    net.buffers["conv1.bn.mean"] = fresh.buffers["conv1.bn.mean"] + 1  # what is not averaged is read as it stands
    fresh.buffers["conv1.bn.mean"] = net.buffers["conv1.bn.mean"]
    run = net.executor
    assert isinstance(run, CpuExecutor)
    weights = run.numbers["weights"].copy()
    assert np.array_equal(net.predict(X), fresh.predict(X))
    assert net.evaluate(X, Y) == fresh.evaluate(X, Y)
    g, h = (n.loss_and_gradients(X, Y, mode="eval")[1] for n in (net, fresh))
    assert all(np.array_equal(g[k], h[k]) for k in h)
    assert np.array_equal(run.numbers["weights"], weights)
    net.averaged = False
    assert not np.array_equal(net.predict(X), fresh.predict(X))


@pytest.mark.sweep
def test_the_page_on_threads_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    root = ROOT
    monkeypatch.chdir(root)
    blocks = re.findall(r"```python\n(.*?)```", (root / "docs" / "threads.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    exec(compile("\n".join(blocks), "threads.md", "exec"), {"__name__": "threads"})
