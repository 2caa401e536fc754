"""The execution engine of the CPU backend: lanes, random numbers, the cache of compiled code, tables, threads, memory."""

from __future__ import annotations

import math
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec import cache_folder
from netspec.backends.cpu.engine import memory, workers
from netspec.backends.cpu.engine.table import Machine, Table
from netspec.backends.cpu.llvm import cache
from netspec.ir import randomness
from sweeps import the_first
from where import ROOT

Array = np.ndarray[Any, Any]
INF, NAN = float("inf"), float("nan")


def python(code: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr
    return done


# ---- lanes -----------------------------------------------------------------------------------------------------------------
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt, "floor": np.floor, "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x))),
    "erf": np.vectorize(math.erf, otypes=[np.float64]), "abs": np.abs,
}  # fmt: skip
ULPS = {"sqrt": 0.5, "floor": 0.0, "abs": 0.0, "exp": 1.0, "log": 1.0, "log1p": 1.0, "erf": 1.0, "expm1": 1.5, "tanh": 2.2,
        "sigmoid": 2.2}

HEAD = """
from netspec.backends.cpu.llvm.cache import compiled
from netspec.backends.cpu.llvm.lanes import *
V, ITEM, DTYPE = {count}, {item}, "{dtype}"
load, first, splat, gather, uniform, every, pick = lanes_of("{dtype}", {count})[1:]
get, put = get_f{bits}, put_f{bits}
"""


def lanes_module(dtype: str, count: int, text: str) -> Any:
    bits = 32 if dtype == "float32" else 64
    return cache.load_module(HEAD.format(dtype=dtype, count=count, item=bits // 8, bits=bits) + textwrap.dedent(text),
                             f"test_{dtype}x{count}")


def unary_module(dtype: str, count: int) -> Any:
    """Every function of one argument over n vectors, and over numbers one by one."""
    names = list(FUNCTIONS)
    text = (
        "@compiled('int64(int64, int64, int64)')\ndef vectors(x, y, n):\n    for i in range(n):\n        v = load(x + i * V * ITEM)\n")
    text += "".join(f"        store(y + (i + {k} * n) * V * ITEM, {f}(v))\n" for k, f in enumerate(names)) + "    return 0\n\n"
    text += (
        "@compiled('int64(int64, int64, int64)')\ndef numbers(x, y, n):\n    for i in range(n):\n        v = get(x + i * ITEM)\n")
    text += "".join(f"        put(y + (i + {k} * n) * ITEM, {f}(v))\n" for k, f in enumerate(names)) + "    return 0\n"
    return lanes_module(dtype, count, text)


def inputs(dtype: str) -> Array:
    rng = np.random.default_rng(0)
    big = 80 if dtype == "float32" else 700
    special = [0.0, -0.0, INF, -INF, NAN, 1e-45, -1e-45, 1e-40, -1e-40, 1.0, -1.0, 3e38, -3e38, 88.72, 88.8, -87.4, -103.9,
               -104.5, -0.99999994, 5e-8, -5e-8]
    ranges = [rng.uniform(-1.1, 1.1, 500), 4 * rng.standard_normal(500), rng.uniform(-big, big, 500)]
    ranges += [np.exp(rng.uniform(-big, big, 500)), -np.exp(rng.uniform(-big, 0, 500))]
    x = np.concatenate([special, *ranges]).astype(dtype)
    return np.ascontiguousarray(np.resize(x, -(-len(x) // 64) * 64))


@pytest.mark.parametrize(("dtype", "count"), [("float32", 16), ("float32", 4), ("float64", 8)])
def test_functions_of_lanes(dtype: str, count: int) -> None:
    module, x = unary_module(dtype, count), inputs(dtype)
    vectors, numbers = (np.zeros((len(FUNCTIONS), len(x)), dtype) for _ in range(2))
    module.vectors(x.ctypes.data, vectors.ctypes.data, len(x) // count)
    module.numbers(x.ctypes.data, numbers.ctypes.data, len(x))
    with np.errstate(all="ignore"):
        for y, one, (name, reference) in zip(vectors, numbers, FUNCTIONS.items()):
            exact = reference(x.astype(np.float64))
            rounded = exact.astype(dtype)
            assert (np.isnan(y) == np.isnan(exact)).all(), name
            near = np.isinf(rounded)
            # One unit beyond the largest float is infinity: either is right at that edge.
            assert (y[near] == rounded[near]).all(), name
            fine = ~near & ~np.isnan(exact)
            assert (np.signbit(y) == np.signbit(rounded))[fine].all(), name
            error = np.abs(y.astype(np.float64) - exact)[fine] / np.spacing(np.abs(rounded[fine])).astype(np.float64)
            assert error.max() <= (ULPS[name] if dtype == "float32"
                                   else 4.5), f"{name}: {error.max():.2f} ulp at {x[fine][error.argmax()]}"
            assert (y.view(np.uint8) == one.view(np.uint8)).all(), f"{name}: a number and a lane differ"


OPERATIONS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("x + y", lambda x, y: x + y), ("x - 0.5", lambda x, y: x - x.dtype.type(0.5)), ("2 * x", lambda x, y: 2 * x),
    ("1.0 / x", lambda x, y: 1 / x),
    ("-x", lambda x, y: -x), ("maximum(x, y)", np.maximum), ("minimum(x, y)", np.minimum),
    ("maximum(x, 0.0)", lambda x, y: np.maximum(x, 0)),
    ("minimum(0.25, x)", lambda x, y: np.minimum(x, x.dtype.type(0.25))),
    ("where(x > y, x, 1.0)", lambda x, y: np.where(x > y, x, 1)),
    ("where((x <= y) | (x == 0.0), 2.0, y)", lambda x, y: np.where((x <= y) | (x == 0), 2, y)),
    ("where(~(x < y) & (y != y), x, -y)", lambda x, y: np.where(~(x < y) & (y != y), x, -y)),
    ("keep(x, 3)", lambda x, y: np.where(np.arange(x.size).reshape(x.shape) % x.shape[1] < 3, x, 0)),
    ("only(x, 3, -2.0)", lambda x, y: np.where(np.arange(x.size).reshape(x.shape) % x.shape[1] < 3, x, -2)),
    ("splat(total(y))", lambda x, y: halves(y, np.add)), ("splat(largest(y))", lambda x, y: halves(y, np.maximum)),
    ("splat(smallest(x))", lambda x, y: halves(x, np.minimum)),
    ("where(x >= 1.0, sqrt(abs(x)), floor(y))", lambda x, y: np.where(x >= 1, np.sqrt(np.abs(x)), np.floor(y))),
]  # fmt: skip


def halves(x: Array, join: Callable[..., Array]) -> Array:
    out = x
    while out.shape[1] > 1:
        half = out.shape[1] // 2
        out = join(out[:, :half], out[:, half:])
    return np.broadcast_to(out, x.shape)


@pytest.mark.parametrize(("dtype", "count"), [("float32", 16), ("float64", 4)])
def test_operators_of_lanes(dtype: str, count: int) -> None:
    text = (
        "@compiled('int64(int64, int64, int64, int64)')\ndef all_of_them(a, b, out, n):\n    for i in range(n):\n        x, y = load(a + i * V * ITEM), load(b + i * V * ITEM)\n")
    text += "".join(f"        store(out + (i + {k} * n) * V * ITEM, {expression})\n"
                    for k, (expression, _) in enumerate(OPERATIONS)) + "    return 0\n"
    rng = np.random.default_rng(1)
    x, y = (np.round(rng.standard_normal((40, count)) * 2, 1).astype(dtype) for _ in range(2))
    x[0, :3], y[1, :3], x[2, 0] = (NAN, INF, -INF), (NAN, INF, -INF), NAN
    y[2, 0] = NAN
    out = np.zeros((len(OPERATIONS), *x.shape), dtype)
    lanes_module(dtype, count, text).all_of_them(x.ctypes.data, y.ctypes.data, out.ctypes.data, len(x))
    with np.errstate(all="ignore"):
        for got, (expression, reference) in zip(out, OPERATIONS):
            np.testing.assert_array_equal(got, reference(x, y), expression)


POWERS = [2, 1, 0.75, 0.5, -0.5, -0.75, -1, 0.6, -1.25]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power(dtype: str) -> None:
    """With any exponent, and with the constants that have short forms."""
    text = """
    @compiled("int64(int64, int64, int64, int64)")
    def powers(x, y, out, n):
        for i in range(n):
            v = load(x + i * V * ITEM)
            store(out + i * V * ITEM, power(v, load(y + i * V * ITEM)))
    """
    text += "".join(f"        store(out + (i + {k} * n) * V * ITEM, power(v, {p}))\n    "
                    for k, p in enumerate(POWERS, 1)) + "    return 0\n"
    rng = np.random.default_rng(0)
    x = np.concatenate([np.exp(rng.uniform(-20, 20, 1000)), rng.uniform(0.9, 3, 1000),
                        [0, 0, 0, INF, INF, 1, NAN, 2]]).astype(dtype)
    y = np.concatenate([rng.uniform(-3, 3, 1000), np.resize([-0.75, 0.75, 0.5, -1.0], 1000),
                        [2, -1, 0, 2, -2, 7, 1, NAN]]).astype(dtype)
    out = np.zeros((1 + len(POWERS), len(x)), dtype)
    lanes_module(dtype, 8, text).powers(x.ctypes.data, y.ctypes.data, out.ctypes.data, len(x) // 8)
    for got, exponent in zip(out, [y.astype(np.float64), *(np.full(1, p) for p in POWERS)]):
        with np.errstate(all="ignore"):
            exact = np.power(x.astype(np.float64), exponent)
        np.testing.assert_allclose(got, exact, rtol=8e-7 if dtype == "float32" else 8e-16, err_msg=str(exponent))


def test_memory_of_lanes() -> None:
    """Partial and strided loads and stores, conversions, and loops that carry lanes."""
    module = lanes_module("float32", 8, """
    load_ints, load_offsets = lanes_of("int64", 8).load, lanes_of("int32", 8).load

    @compiled("int64(int64, int64, int64)")
    def move(x, y, left):
        store_first(y, first(x, left) + 1.0, left)
        store(y + 32, gather(x, 8))
        scatter(y + 64, 8, load(x))
        wide = to_float64(load(x))
        store(y + 128, wide * wide)
        store(y + 192, to_float32(load_ints(y + 256) * 2))
        store(y + 320, pick(x, load_offsets(y + 352)))
        acc = splat(0)
        for i in range(4):
            acc += load(x + 4 * i)
        acc *= 0.5
        store(y + 224, fma(acc, 2, 1.0))
        return 0
    """)
    x, y = np.arange(1, 17, dtype=np.float32), np.full(96, -1, np.float32)
    y[64:80].view(np.int64)[:] = np.arange(8)
    y[88:96].view(np.int32)[:] = [60, -1, 0, 4, 4, -4, 8, 20]  # bytes; what is before the first is nothing
    module.move(x.ctypes.data, y.ctypes.data, 3)
    assert y[:8].tolist() == [2, 3, 4, -1, -1, -1, -1, -1]
    assert y[8:16].tolist() == x[::2].tolist()
    assert y[16:32:2].tolist() == x[:8].tolist()
    assert (y[17:31:2] == -1).all()
    assert y[32:48].view(np.float64).tolist() == [k * k for k in range(1, 9)]
    assert y[48:56].tolist() == list(range(0, 16, 2))
    assert y[56:64].tolist() == [4 * k + 11 for k in range(8)]
    assert y[80:88].tolist() == [16, 0, 1, 2, 2, 0, 3, 6]


def test_a_call_by_address() -> None:
    plus = cache.compile_function("def plus(a, b):\n    return a + b\n", "plus", "int64(int64, int64)")
    assert plus(2, 3) == 5
    module = lanes_module("float32", 8, """
    @compiled("int64(int64, int64)")
    def through(address, x):
        return call(address, x, 7)
    """)
    assert module.through(plus.address, 35) == 42


# ---- random numbers ---------------------------------------------------------------------------------------------------------
def test_random_numbers_are_the_same_everywhere() -> None:
    text = """
    @compiled("int64(int64, int64, int64, int64, int64)")
    def draw(out, key, index, step, n):
        for i in range(n):
            store(out + i * V * ITEM, uniform(key, index + i * V * step, step))
        return 0

    @compiled("int64(int64, int64, int64, int64, int64)")
    def draw_numbers(out, key, index, step, n):
        for i in range(n):
            put(out + i * ITEM, uniform_at(key, index + i * step))
        return 0

    @compiled("int64(int64, int64)")
    def stirred(key, part):
        return stir(key, part)
    """
    key = randomness.random_key(7, 3, 1)
    for dtype, count in (("float32", 16), ("float64", 4)):
        module = lanes_module(dtype, count, text)
        for begin, step in ((0, 1), (2**32 - 40, 3), (5 * 2**32 - 9, 1), (2**40 + 17, 50176)):
            wanted = randomness.uniform(key, begin + step * np.arange(64))
            for draw, n in ((module.draw, 64 // count), (module.draw_numbers, 64)):
                out = np.zeros(64, dtype)
                draw(out.ctypes.data, key, begin, step, n)
                np.testing.assert_array_equal(out, wanted.astype(dtype))
    for k, part in ((0, 1), (-5, 2**62), (key, -1)):
        assert module.stirred(k, part) == randomness.stir(k, part)


def test_random_numbers_look_random() -> None:
    n = 1 << 16
    columns = []
    for seed, step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        u = randomness.uniform(randomness.random_key(seed, step), np.arange(n)).astype(np.float64)
        assert u.min() >= 0
        assert u.max() < 1
        counts = np.bincount((u * 64).astype(int), minlength=64)
        assert ((counts - n / 64) ** 2 / (n / 64)).sum() < 120  # chi squared, 63 degrees of freedom
        assert abs(u.mean() - 0.5) < 5 / np.sqrt(12 * n)
        columns += [u, np.roll(u, 1), np.roll(u, 64)]
    apart = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(apart).max() < 5 / np.sqrt(n)
    assert randomness.random_key(1, 2) == randomness.stir(randomness.random_key(1), 2)
    assert len({randomness.random_key(s, t) for s in range(20) for t in range(20)}) == 400


# ---- tables -----------------------------------------------------------------------------------------------------------------
DRIVERS = """
from netspec.backends.cpu.llvm.cache import kernel
from netspec.backends.cpu.llvm.lanes import *
load, splat = lanes_of("float32", 8).load, lanes_of("float32", 8).splat

@kernel
def scale(row, item, scratch):
    x, y = at(row, 8) + item * at(row, 10), at(row, 9) + item * at(row, 10)
    for i in range(0, at(row, 10), 32):
        store(y + i, tanh(load(x + i) * 1.5 + 0.125))
    return 0

@kernel
def sums(row, item, scratch):                     # through scratch memory, and over all samples: needs the barrier
    n, size = at(row, 4), at(row, 10)
    store(scratch, splat(0.0))
    for k in range(n):
        store(scratch, load(scratch) * 0.5 + load(at(row, 8) + k * size + 32 * item))
    store(at(row, 9) + 32 * item, load(scratch))
    return 0

@kernel
def spread(row, item, scratch):
    x, size = at(row, 8) + item * at(row, 10), at(row, 10)
    for i in range(0, size, 32):
        store(x + i, load(x + i) - load(at(row, 9) + i) * 0.75)
    return 0
"""


def network(samples: int, vectors: int = 6, layers: int = 20) -> tuple[Table, Array]:
    """A table that mixes samples at every barrier, so that a wrong order shows, and the values it starts from."""
    kernels = cache.load_module(DRIVERS, "test_drivers")
    size = 32 * vectors
    values, means = memory.aligned(samples * size // 4, np.float32), memory.aligned(8 * vectors, np.float32)
    m = Machine(samples, {"values": values, "means": means})
    words = {8: m.address("values"), 9: m.address("means"), 10: size}
    for layer in range(layers):
        m.row(kernels.scale, samples, {8: m.address("values"), 9: m.address("values"), 10: size}, note=f"scale{layer}")
        m.barrier()
        m.row(kernels.sums, vectors, words, scratch=64)
        m.barrier()
        m.row(kernels.spread, samples, words)
        m.barrier()
    return m.table(), values


def start(values: Array) -> None:
    values[:] = np.random.default_rng(5).standard_normal(values.size)


@pytest.fixture
def two_threads() -> Iterator[None]:
    workers.set_threads(2)
    yield
    workers.set_threads(None)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("samples", [1, 3, 50])
def test_any_number_of_threads_gives_the_bits_of_the_interpreter(samples: int) -> None:
    table, values = network(samples)
    start(values)
    table.interpret()
    wanted = values.copy()
    assert np.isfinite(wanted).all()
    assert wanted.any()
    for threads in (1, 2, 4, 8, 2, 16, 33, None):
        for _ in range(5):
            start(values)
            table.run(threads)
            np.testing.assert_array_equal(values, wanted, f"{threads} threads")


def test_a_part_of_a_table() -> None:
    table, values = network(9, layers=4)
    start(values)
    table.run(2)
    wanted = values.copy()
    start(values)
    for row in range(len(table)):
        table.run(3, row, row + 1)
    np.testing.assert_array_equal(values, wanted)
    start(values)
    table.interpret(0, 6)
    table.run(2, 6)
    np.testing.assert_array_equal(values, wanted)


def test_profile_names_every_kernel() -> None:
    table, _ = network(4, layers=2)
    rows = table.profile(repeat=2, threads=2)
    assert [(note, items) for note, items, _ in rows] == [("scale0", 4), ("sums", 6), ("spread", 4), ("scale1", 4), ("sums", 6),
                                                          ("spread", 4)]
    assert all(seconds > 0 for _, _, seconds in rows)


def test_a_machine_leaves_out_what_does_nothing() -> None:
    kernels = cache.load_module(DRIVERS, "test_drivers")
    m = Machine(1, {"x": 4096})
    assert m.address("x", 8) == 4104
    m.barrier()
    m.row(kernels.scale, 0, {})
    assert len(m) == 0
    m.row(kernels.scale.address, 1, {9: 7})
    m.barrier()
    m.barrier()
    assert len(m) == 2
    with pytest.raises(AssertionError, match="a driver's are 8 to 127"):
        m.row(kernels.scale, 1, {7: 0})
    Machine(0, {}).table().run(2)  # nothing at all


# ---- threads ----------------------------------------------------------------------------------------------------------------
def test_several_python_threads_may_run_at_once() -> None:
    tables = [network(samples, layers=6) for samples in (2, 5, 20, 31)]
    wanted = []
    for table, values in tables:
        start(values)
        table.interpret()
        wanted.append(values.copy())
    wrong: list[int] = []

    def again(k: int) -> None:
        table, values = tables[k]
        for _ in range(30):
            start(values)
            table.run(1 + (k + 1) % 4)
            if not np.array_equal(values, wanted[k]):
                wrong.append(k)

    threads = [threading.Thread(target=again, args=(k,)) for k in range(len(tables))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@pytest.mark.sweep
def test_idle_workers_park_and_come_back() -> None:
    table, values = network(20, layers=3)
    start(values)
    table.run(4)
    wanted, pool = values.copy(), workers.pool()
    deadline = time.monotonic() + 60
    while pool.parked < len(pool.threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pool.parked == len(pool.threads) >= 3
    for _ in range(3):
        start(values)
        table.run(3)
        np.testing.assert_array_equal(values, wanted)


COMMON = f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(ROOT / 'tests' / 'harness')]}; from test_engine import *\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_has_its_own_workers() -> None:
    python(COMMON + textwrap.dedent("""
        import warnings
        warnings.simplefilter("ignore")  # newer Pythons warn that a process with threads forks: that is the test
        table, values = network(20)
        start(values); table.run(4); wanted = values.copy()
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                right = True
                for _ in range(5):
                    start(values); table.run(3); right &= bool((values == wanted).all())
                os._exit(0 if right else 1)
            children.append(child)
            start(values); table.run(4)
            assert (values == wanted).all()
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
    """))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_has_its_own_table_and_numbers() -> None:
    """Both of so many bytes that they have pages of their own. The child asks for more threads than its parent, so that its table
    is given memory which the parent does not have."""
    python(COMMON + textwrap.dedent("""
        import warnings
        warnings.simplefilter("ignore")
        table, values = network(20, layers=200)
        numbers = memory.aligned(memory.LARGE)
        assert table.words.nbytes >= memory.LARGE
        start(values); table.run(2); wanted, words = values.copy(), table.words.copy()
        child = os.fork()
        if child == 0:
            numbers[:] = 1
            start(values); table.run(16)
            os._exit(0 if (values == wanted).all() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert not numbers.any()
        assert (table.words == words).all()
        start(values); table.run(2)
        assert (values == wanted).all()
    """))


@pytest.mark.sweep  # it waits
def test_the_interpreter_ends_with_workers_spinning_or_parked() -> None:
    for wait in (0, 2.5):
        python(COMMON + f"table, values = network(3); start(values); table.run(4); time.sleep({wait})")


def test_threads_are_chosen_by_the_environment() -> None:
    code = """
        from netspec.backends.cpu.engine import workers as w
        print(w.get_threads())
        w.set_threads(5)
        print(w.get_threads())
        w.set_threads(None)
        print(w.get_threads())
    """
    assert python(code, NETSPEC_THREADS="3").stdout.split() == ["3", "5", "3"]
    assert python(code, NETSPEC_THREADS="").stdout.split()[0] == str(workers.cores())
    with pytest.raises(ValueError, match="at least 1"):
        workers.set_threads(0)
    assert 1 <= workers.cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity cannot be set on this system")
def test_one_core_is_enough() -> None:
    python(COMMON + textwrap.dedent("""
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        assert workers.get_threads() == 1
        table, values = network(20)
        start(values); table.run(1); wanted = values.copy()
        for threads in (2, 4, 2):
            start(values); table.run(threads); assert (values == wanted).all()
    """), NETSPEC_THREADS="")


# ---- the cache --------------------------------------------------------------------------------------------------------------
CACHED = """
from netspec import cache_folder
from netspec.backends.cpu.llvm import cache
m = cache.load_module('''{text}''', "cached")
assert m.f(3, 4, 5) == {value}
print(cache.statistics().compiled, cache.statistics().loaded, cache_folder.place().path, m.__file__)
"""
TEXT = (
    "from netspec.backends.cpu.llvm.cache import kernel\nfrom netspec.backends.cpu.llvm.lanes import call\n@kernel\ndef f(a, b, c):\n    return a * b + c\n")


def cached(directory: Path | str, text: str = TEXT, value: int = 17) -> tuple[int, int, str, str]:
    """Compile or load the kernel in a process of its own: compiled, loaded, directory, file of the module."""
    compiled, loaded, path, file = python(CACHED.format(text=text, value=value), NETSPEC_CACHE=str(directory)).stdout.split()
    return int(compiled), int(loaded), path, file


def codes(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*.code"))


def test_a_kernel_is_compiled_once_and_survives_damage(tmp_path: Path) -> None:
    home = tmp_path / "cache"
    assert cached(home)[:3] == (1, 0, str(home))
    assert cached(home)[:2] == (0, 1)
    if hasattr(os, "getuid"):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    (entry,) = codes(home)
    (source,) = (home / "modules").glob("*.py")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    source.write_text("raise SystemExit('a file that was tampered with must not run')")
    assert cached(home)[:2] == (1, 0)  # the checksum is wrong: compiled again, written again
    assert source.read_text() == TEXT
    entry.write_bytes(whole[:10])
    assert cached(home)[:2] == (1, 0)
    assert cached(home)[:2] == (0, 1)
    assert cached(home, TEXT.replace("+ c", "- c"), 7)[:2] == (1, 0)  # another text is another kernel


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of this kind are a matter of POSIX systems")
@pytest.mark.sweep  # test_cache_folder.py asks it of the folder
def test_an_unsafe_directory_is_not_used(tmp_path: Path) -> None:
    real, link, shared, file = tmp_path / "real", tmp_path / "link", tmp_path / "shared", tmp_path / "file"
    for d in (real, shared):
        d.mkdir(mode=0o700)
    link.symlink_to(real)
    shared.chmod(0o777)
    file.write_text("")
    for refused in (link, shared, file):
        compiled, _, path, module = cached(refused)
        assert compiled == 1
        assert path != str(refused)
        assert not Path(path).exists(), "the temporary directory is removed at exit"
        assert module.startswith(path)
    assert codes(real) == codes(shared) == []
    readable = tmp_path / "readable"
    readable.mkdir(mode=0o755)
    assert cached(readable)[2] == str(readable)
    assert stat.S_IMODE(readable.stat().st_mode) == 0o700


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NETSPEC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    place = cache_folder.place.__wrapped__()
    assert place.why == "there is no home directory"
    assert place.path is not None
    assert place.path.is_absolute()


def test_no_directory_at_all() -> None:
    compiled, loaded, path, file = cached("off")
    assert (compiled, loaded, path) == (1, 0, "None")
    assert file.startswith("<netspec_cached")
    text = TEXT.replace("return a * b + c", "raise ValueError('never')")
    code = f'from netspec.backends.cpu.llvm import cache\nimport traceback\nf = cache.load_module("""{text}""", "t").f.function\n'
    code += "try:\n    f(1, 2, 3)\nexcept ValueError:\n    print(traceback.format_exc())"
    assert "raise ValueError('never')" in python(code, NETSPEC_CACHE="off").stdout  # a traceback shows its lines


def test_a_disk_that_refuses_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    module = cache.load_module(TEXT + "# full disk\n", "full")
    assert module.f(1, 2, 3) == 5
    monkeypatch.undo()
    place = cache_folder.place().path
    assert place is None or not list(place.glob("*/.part-*"))


@pytest.mark.sweep
def test_processes_share_a_directory(tmp_path: Path) -> None:
    script, environment = CACHED.format(text=TEXT, value=17), {**os.environ, "NETSPEC_CACHE": str(tmp_path / "c")}
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
               for _ in range(4)]
    for p in running:
        p.communicate(timeout=120)
        assert p.returncode == 0
    assert len(codes(tmp_path / "c")) == 1
    assert cached(tmp_path / "c")[:2] == (0, 1)


MANY = """
import sys
from netspec.backends.cpu.llvm import cache, processes
processes.WORTH = 2
text = "from netspec.backends.cpu.llvm.cache import kernel\\n@kernel\\ndef f(a, b, c):\\n    return a + b * c + "
kernels = [cache.load_module(text + str(i), f"m{i}").f for i in range(5)]
"""


def test_many_kernels_are_compiled_by_several_processes(tmp_path: Path) -> None:
    done = python(MANY + textwrap.dedent("""
        processes.compile_all(kernels, processes=2)
        print(all(k.path.exists() for k in kernels), [k(1, 2, 3) for k in kernels], cache.statistics())
        processes.compile_all(kernels, 1)
    """), NETSPEC_CACHE=str(tmp_path / "c"))
    assert done.stdout.strip() == "True [7, 8, 9, 10, 11] 5 kernels compiled, 0 loaded"


@pytest.mark.parametrize("change", the_first(1, ["sys.executable = '/does/not/exist'", "sys.executable = '/bin/false'",
                                                "sys.frozen = True"]))
def test_where_no_other_process_helps_all_is_compiled_here(tmp_path: Path, change: str) -> None:
    done = python(MANY + change + textwrap.dedent("""
        processes.compile_all(kernels, processes=3)
        print([k(1, 2, 3) for k in kernels], cache.statistics())
    """), NETSPEC_CACHE=str(tmp_path / "c"))
    assert done.stdout.strip() == "[7, 8, 9, 10, 11] 5 kernels compiled, 0 loaded"


def test_kernels_are_compiled_by_another_process_beside_other_work(tmp_path: Path) -> None:
    done = python(MANY + textwrap.dedent("""
        import time
        with processes.compiled_beside(kernels, 1):
            until = time.monotonic() + 100
            while not kernels[0].path.exists() and time.monotonic() < until:
                time.sleep(0.05)
            print(kernels[0].path.exists(), all(k._address == 0 for k in kernels))
        print([k(1, 2, 3) for k in kernels], cache.statistics())
        with processes.compiled_beside(kernels, 1):
            pass
    """), NETSPEC_CACHE=str(tmp_path / "c"))
    assert done.stdout.splitlines() == ["True True", "[7, 8, 9, 10, 11] 5 kernels compiled, 0 loaded"]


@pytest.mark.parametrize("change", the_first(1, ["sys.executable = '/does/not/exist'", "sys.executable = '/bin/false'"]))
def test_what_nobody_compiles_beside_is_compiled_later(tmp_path: Path, change: str) -> None:
    done = python(MANY + change + textwrap.dedent("""
        try:
            with processes.compiled_beside(kernels, 2):
                raise KeyError
        except KeyError:
            print(cache.statistics())
        with processes.compiled_beside(kernels, 2):
            pass
        print([k(1, 2, 3) for k in kernels], cache.statistics())
    """), NETSPEC_CACHE=str(tmp_path / "c"))
    assert done.stdout.splitlines() == ["0 kernels compiled, 0 loaded", "[7, 8, 9, 10, 11] 5 kernels compiled, 0 loaded"]


def test_within_postponed_nothing_is_compiled() -> None:
    done = python(MANY + textwrap.dedent("""
        kernels[0].address
        with cache.postponed() as missing:
            print([k.address > 0 for k in kernels], cache.statistics())
        print(missing == kernels[1:], kernels[1].address > 0, cache.statistics())
    """), NETSPEC_CACHE="off")
    assert done.stdout.splitlines() == [f"{[True, *[False] * 4]} 1 kernels compiled, 0 loaded",
                                        "True True 2 kernels compiled, 0 loaded"]


def test_parts_are_compiled_with_what_calls_them() -> None:
    text = textwrap.dedent("""
        from netspec.backends.cpu.llvm.cache import compiled
        from netspec.backends.cpu.llvm.lanes import at, put_i64
        from netspec.backends.cpu.llvm.machine_code import inlined
        @inlined
        def twice(x: int) -> int:
            return x + x if x > 0 else min(x, -5) // 2
        @inlined
        def keep(where: int, x: int) -> None:
            if x != 3:
                put_i64(where, twice(x))
        @compiled("int64(int64, int64)")
        def f(where, x):
            keep(where, x)
            keep(where + 8, twice(x))
            return twice(x)
        @compiled("int64(int64)", loops=False)
        def g(x):
            return twice(x) + 1
    """)
    module = cache.load_module(text, "parts")
    into = np.zeros(2, np.int64)
    assert [module.f(into.ctypes.data, x) for x in (4, -3)] == [8, -3]
    assert into.tolist() == [-3, -3]  # -3 // 2 is -2, min(-3, -5) is -5, -5 // 2 is -3
    module.f(into.ctypes.data, 3)
    assert into.tolist() == [-3, 12]
    assert (module.g(7), module.g(-9)) == (15, -4)


def test_an_import_within_a_function_does_not_change_the_entry() -> None:
    """Whether it has run yet differs from process to process."""
    done = python("""
        from netspec.backends.cpu.llvm import cache
        before = cache._source("netspec.backends.cpu.llvm.cache")
        from netspec.backends.cpu.llvm import machine_code
        cache._source.cache_clear()
        print(cache._source("netspec.backends.cpu.llvm.cache") == before)
    """)
    assert done.stdout.strip() == "True"


def test_closures_are_told_apart_by_their_key() -> None:
    def times(k: int) -> cache.Compiled:
        def multiply(x: int) -> int:
            return x * k

        return cache.compiled("int64(int64)", key=f"times {k}")(multiply)

    assert [times(k)(7) for k in (2, 3, 2)] == [14, 21, 14]
    assert times(2).path == times(2).path
    assert cache_folder.place().path is None or times(2).path != times(3).path


def test_an_import_that_changes_makes_another_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache._source("netspec.backends.cpu.engine.workers")
    lanes = sys.modules["netspec.backends.cpu.llvm.lanes"]
    cache._source.cache_clear()
    monkeypatch.setattr(lanes, "__netspec_source__", "changed", raising=False)
    assert cache._source("netspec.backends.cpu.engine.workers") != before
    monkeypatch.undo()
    cache._source.cache_clear()
    assert cache._source("netspec.backends.cpu.engine.workers") == before


def test_pruning_removes_what_was_not_used_for_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_folder, "place", lambda: cache_folder.Place(tmp_path))
    (tmp_path / "version").mkdir()
    for age in range(5):
        file = tmp_path / "version" / f"{age}.code"
        file.write_bytes(bytes(100))
        os.utime(file, (1e9 - age, 1e9 - age))
    assert cache_folder.prune(1000) == 0
    assert cache_folder.prune(250) == 3
    assert [f.name for f in codes(tmp_path)] == ["0.code", "1.code"]


# ---- memory -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 1000, 300_000, 5_000_000])
def test_aligned_memory(size: int) -> None:
    for dtype in (np.float32, np.float64, np.int64):
        a = memory.aligned(size, dtype)
        assert (a.shape, a.dtype) == ((size,), np.dtype(dtype))
        assert size == 0 or a.ctypes.data % (memory.HUGE if a.nbytes >= memory.LARGE else memory.LINE) == 0
        assert not a.any()
        a[:] = 1
        view = a[size // 2 :]
        del a
        assert (view == 1).all()  # a view holds the memory


def test_importing_the_package_compiles_nothing() -> None:
    code = """
        import sys, threading, netspec.backends.cpu
        print("numba" in sys.modules)
        from netspec.backends.cpu.engine import table as engine, workers
        from netspec.backends.cpu.llvm import cache, lanes
        print(cache.statistics(), threading.active_count())
    """
    assert python(code).stdout.splitlines() == ["False", "0 kernels compiled, 0 loaded 1"]
