"""The judge of CUDA kernels: right kernels compute what NumPy does, and one planted bug of each kind is caught where it is."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simt import launch

RANDOM = np.random.default_rng(7)


def floats(*shape: int, dtype: Any = np.float32) -> Any:
    return RANDOM.standard_normal(shape).astype(dtype)


def kernel(parameters: str, body: str) -> str:
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return f"def k({parameters}):\n{lines}\n"


def mapped(expression: str, *inputs: Any, out: Any = np.float32, **names: Any) -> Any:
    """One expression of x, y, … (loaded) and i, for each element."""
    count = len(inputs[0])
    letters = "xyz"[: len(inputs)]
    loads = "".join(f"    {letter} = {letter}s[i]\n" for letter in letters)
    text = (
        f"def k(out, {', '.join(f'{letter}s' for letter in letters)}):\n  i = cuda.grid(1)\n  if i < {count}:\n{loads}    out[i] = {expression}\n")
    result = np.zeros(count, out)
    launch(text, "k", -(-count // 32), 32, (result, *inputs), names)
    return result


# Right kernels

SAXPY = kernel("n, a, x, y", """
i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
if i < n:
    y[i] = a * x[i] + y[i]
""")  # fmt: skip


@pytest.mark.parametrize("count", [1, 64, 1000, 600_000])
def test_saxpy(count: int) -> None:
    x, y = floats(count), floats(count)
    expected = np.float32(0.5) * x + y
    launch(SAXPY, "k", -(-count // 64), 64, (count, np.float32(0.5), x, y))
    assert np.array_equal(y, expected)


MATMUL = kernel("n, m, depth, a, b, c", """
'''Tiles of 8 by 8 in shared memory; a block per tile of the result.'''
left = cuda.shared.array(64, F)
right = cuda.shared.array(TILE, F)
row = cuda.threadIdx.x // 8
column = cuda.threadIdx.x % 8
i = cuda.blockIdx.y * 8 + row
j = cuda.blockIdx.x * 8 + column
total = F(0.0)
for tile in range(0, depth, 8):
    left[cuda.threadIdx.x] = a[i * depth + tile + column] if i < n and tile + column < depth else F(0.0)
    right[cuda.threadIdx.x] = b[(tile + row) * m + j] if tile + row < depth and j < m else F(0.0)
    cuda.syncthreads()
    for k in range(8):
        total += left[row * 8 + k] * right[k * 8 + column]
    cuda.syncthreads()
if i < n and j < m:
    c[i * m + j] = total
""")  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiled_matrix_product(dtype: Any) -> None:
    n, m, depth = 37, 50, 21
    a, b, c = floats(n, depth, dtype=dtype), floats(depth, m, dtype=dtype), np.zeros(n * m, dtype)
    launch(MATMUL, "k", (-(-m // 8), -(-n // 8)), 64, (n, m, depth, a.ravel(), b.ravel(), c), {"F": dtype, "TILE": 64})
    assert np.allclose(c.reshape(n, m), a @ b, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-5)


REDUCE = kernel("n, x, out", """
part = cuda.shared.array(128, F)
t = cuda.threadIdx.x
total = F(0.0)
for i in range(cuda.grid(1), n, cuda.blockDim.x * cuda.gridDim.x):
    total += x[i]
part[t] = total
for level in range(7):
    half = 64 >> level
    cuda.syncthreads()
    if t < half:
        part[t] += part[t + half]
if t == 0:
    out[cuda.blockIdx.x] = part[0]
""")  # fmt: skip


@pytest.mark.parametrize("count", [0, 5, 128, 5000])
def test_tree_reduction(count: int) -> None:
    x, out = floats(count), np.zeros(6, np.float32)
    launch(REDUCE, "k", 6, 128, (count, x, out))
    assert math.isclose(out.sum(), x.sum(), rel_tol=1e-4, abs_tol=1e-4)


def test_varying_loop_bounds() -> None:
    text = kernel("starts, out, counts", """
i = cuda.grid(1)
total = 0
turns = 0
last = -1
for k in range(starts[i], starts[i + 1]):
    if k % 3 == 0:
        total += k
    elif k % 3 == 1:
        total -= 1
    else:
        pass
    turns += 1
    last = k
for k in range(i, 0, -2):
    turns += 100
out[i] = total + last
counts[i] = turns
""")  # fmt: skip
    starts = np.concatenate([[0], np.cumsum(RANDOM.integers(0, 7, 96))])
    out, counts = np.zeros(96, np.int64), np.zeros(96, np.int32)
    launch(text, "k", 3, 32, (starts, out, counts))
    for i, (start, stop) in enumerate(pairwise(starts)):
        total = sum(k if k % 3 == 0 else -1 if k % 3 == 1 else 0 for k in range(start, stop))
        assert out[i] == total + (stop - 1 if stop > start else -1)
        assert counts[i] == stop - start + 100 * len(range(i, 0, -2))


def test_guarded_loads() -> None:
    text = kernel("n, x, out", """
i = cuda.grid(1)
left = x[i - 1] if 0 < i <= n else F(0.0)
right = F(0.0)
if i + 1 < n and x[i + 1] > F(0.0):
    right = x[i + 1]
if not (i >= n or x[i] < F(-1.0)):
    out[i] = left + right
""")  # fmt: skip
    x, out = floats(50), np.zeros(50, np.float32)
    launch(text, "k", 2, 32, (50, x, out))
    right = np.append(np.maximum(x[1:], 0), 0)
    assert np.array_equal(out, np.where(x < -1, 0, np.insert(x[:-1], 0, 0) + right).astype(np.float32))


def test_hashing_wraps() -> None:
    text = kernel("seed, out", """
h = (cuda.grid(1) + seed) * 6364136223846793005 + 1442695040888963407
h ^= h >> 33
h *= -49064778989728563
h ^= (h >> 29) & 0x7FFFFFFFF
u = seed * seed * seed
out[cuda.grid(1)] = h + u
""")  # fmt: skip
    out = np.zeros(64, np.int64)
    seed = 987654321987

    def wrap(value: int) -> int:
        return (value + (1 << 63)) % (1 << 64) - (1 << 63)

    launch(text, "k", 2, 32, (seed, out))
    for i, got in enumerate(out):
        h = wrap((i + seed) * 6364136223846793005 + 1442695040888963407)
        h ^= h >> 33
        h = wrap(h * -49064778989728563)
        h ^= (h >> 29) & 0x7FFFFFFFF
        assert got == wrap(h + wrap(seed**3))


def test_branches_keep_the_other_lanes() -> None:
    text = kernel("out", """
i = cuda.threadIdx.x
a = 1
if i < 4:
    a = 2
    b = 10
    if i < 2:
        a += 3
        b = 20
else:
    b = 30
    for k in range(2):
        a += k
for k in range(3):
    if i == k:
        a += 100
out[i] = a + b
""")  # fmt: skip
    out = np.zeros(8, np.int32)
    launch(text, "k", 1, 8, (out,))
    assert out.tolist() == [125, 125, 112, 12, 32, 32, 32, 32]


def test_local_arrays() -> None:
    text = kernel("x, out", """
own = cuda.local.array(4, F)
i = cuda.grid(1)
for k in range(4):
    own[k] = x[i * 4 + k]
first = own[0]
own[0] = own[3]
own[3] = first
own[i % 4] += F(10.0)
if i > 2:
    own[1] = F(7.0)
for k in range(4):
    out[i * 4 + k] = own[k]
""")  # fmt: skip
    x, out = floats(64 * 4), np.zeros(64 * 4, np.float32)
    launch(text, "k", 4, 16, (x, out))
    expected = x.reshape(64, 4)[:, [3, 1, 2, 0]].copy()
    expected[np.arange(64), np.arange(64) % 4] += np.float32(10)
    expected[3:, 1] = 7
    assert np.array_equal(out, expected.ravel())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions(dtype: Any) -> None:
    x, y, z = np.abs(floats(50, dtype=dtype)) + dtype(0.1), floats(50, dtype=dtype), floats(50, dtype=dtype)
    unary = {name: getattr(np, name) for name in ("exp", "log", "log1p", "expm1", "sqrt", "tanh", "floor", "fabs")}
    for name, function in unary.items():
        assert np.array_equal(mapped(f"math.{name}(x)", x, out=dtype, F=dtype), function(x)), name
    assert np.array_equal(mapped("math.erf(x)", x, out=dtype, F=dtype), np.array([math.erf(v) for v in x], dtype))
    assert np.array_equal(mapped("math.pow(x, y)", x, y, out=dtype, F=dtype), x**y)
    assert np.array_equal(mapped("min(x, y) + max(y, z) - abs(-z)", x, y, z, out=dtype, F=dtype),
                          np.minimum(x, y) + np.maximum(y, z) - np.abs(z))
    assert np.array_equal(mapped("F(math.inf) if y < z else -x", x, y, z, out=dtype, F=dtype), np.where(y < z, dtype(np.inf), -x))


def test_fma_rounds_once() -> None:
    a = np.array([1 + 2**-27, 3.0, 1e300, np.inf])
    b = np.array([1 - 2**-27, 1 / 3, 1e300, 1.0])
    c = np.array([-1.0, -1.0, 1.0, 1.0])
    assert mapped("math.fma(x, y, z)", a, b, c, out=np.float64,
                  F=np.float64).tolist() == [-(2.0**-54), -(2.0**-54), np.inf, np.inf]
    a, b, c = (np.array([v], np.float32) for v in (1 + 2**-12, 1 - 2**-12, -1))
    assert mapped("cuda.fma(x, y, z)", a, b, c).tolist() == [-(2.0**-24)]


def test_integers() -> None:
    x, y = RANDOM.integers(-50, 50, 64), RANDOM.integers(1, 9, 64)
    assert np.array_equal(mapped("x // y * 1000 + x % y", x, y, out=np.int64), x // y * 1000 + x % y)
    assert np.array_equal(mapped("x % 7 + (x // -7) * 100", x, out=np.int64), x % 7 + (x // -7) * 100)
    assert np.array_equal(mapped("int32(x * 100000000)", x, out=np.int64), (x * 100000000).astype(np.int32))
    assert np.array_equal(mapped("int64(F(x) / F(3.0))", x, out=np.int64),
                          np.trunc(x.astype(np.float32) / np.float32(3)).astype(np.int64))
    assert np.array_equal(mapped("F(int64(x))", x.astype(np.uint8)), x.astype(np.uint8).astype(np.float32))
    assert np.array_equal(mapped("i + (x < y)", x, y, out=np.int32), np.arange(64) + (x < y))


def test_floats_divide_silently() -> None:
    x = np.array([1, -1, 0], np.float32)
    assert np.array_equal(mapped("x / F(0.0)", x), np.array([np.inf, -np.inf, np.nan], np.float32), equal_nan=True)


def test_a_barrier_lets_a_block_share_device_memory() -> None:
    text = kernel("x", """
i = cuda.grid(1)
x[i] = F(i)
cuda.syncthreads()
other = x[i ^ 1]
cuda.syncthreads()
x[i] = other
""")  # fmt: skip
    x = np.zeros(64, np.float32)
    launch(text, "k", 4, 16, (x,))
    assert np.array_equal(x, np.arange(64) ^ 1)


def test_whole_blocks_may_pass_a_barrier_that_others_do_not() -> None:
    text = kernel("x", """
s = cuda.shared.array(8, F)
t = cuda.threadIdx.x
for k in range(cuda.blockIdx.x):
    s[t] = F(k)
    cuda.syncthreads()
    x[cuda.grid(1)] = s[7 - t]
    cuda.syncthreads()
""")  # fmt: skip
    x = np.zeros(32, np.float32)
    launch(text, "k", 4, 8, (x,))
    assert np.array_equal(x, np.repeat([0, 0, 1, 2], 8))


def test_one_of_several_kernels() -> None:
    text = "def first(x):\n    x[cuda.grid(1)] = 1\n\ndef second(x):\n    x[cuda.grid(1)] = 2\n"
    x = np.zeros(4, np.int64)
    launch(text, "second", 2, 2, (x,))
    assert x.tolist() == [2] * 4


class Writer:
    """A random kernel of integers: nested branches, loops with bounds of the thread's own, and what the judge must refuse to
    evaluate on the wrong lanes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.loops = 0

    def value(self, depth: int = 2) -> str:
        pick = self.random.randrange
        if depth == 0 or pick(4) == 0:
            return self.random.choice(["a", "b", "c", "cuda.threadIdx.x", "cuda.blockIdx.x", "cuda.grid(1)", "n",
                                       str(pick(-9, 10))])
        left, right = self.value(depth - 1), self.value(depth - 1)
        return self.random.choice([
            f"({left} {self.random.choice('+-*&|^')} {right})", f"({left} // {right} if {right} != 0 else {left})",
            f"({left} % {pick(1, 9)})", f"({left} >> ({right} & 7))",
            f"min({left}, {right})", f"({left} if {self.test(depth - 1)} else {right})",
            f"(x[{left}] if 0 <= {left} < 16 else {right})", f"-{left}", f"abs({left})",
        ])  # fmt: skip

    def test(self, depth: int = 1) -> str:
        left, right = self.value(depth), self.value(depth)
        return self.random.choice([
            f"{left} < {right}", f"{left} % 2 == 0 and {right} > 0", f"{left} > 3 or x[{right} & 15] >= 0",
            f"not {left} <= {right} != {self.value(0)}", f"n > {self.random.randrange(9)}",
            f"{left} != 0 and 7 // {left} > {right}",
        ])  # fmt: skip

    def body(self, indent: str, depth: int) -> None:
        for _ in range(self.random.randrange(1, 4)):
            name, form = self.random.choice("abc"), self.random.randrange(7 if depth else 2)
            if form < 3:
                self.lines.append(f"{indent}{name} {self.random.choice(['', '', '+', '-', '^'])}= {self.value()} % 1000")
            elif form < 5:
                self.lines.append(f"{indent}if {self.test()}:")
                self.body(indent + "    ", depth - 1)
                if self.random.random() < 0.5:
                    self.lines.append(f"{indent}else:")
                    self.body(indent + "    ", depth - 1)
            else:
                self.loops += 1
                step = self.random.choice(["", ", 2", ", -1", f", (1 if {self.test(0)} else -2)"])
                counter = f"k{self.loops}"
                self.lines.append(f"{indent}for {counter} in range({self.value(1)} % 5, {self.value(1)} % 5{step}):")
                self.body(indent + "    ", depth - 1)
                self.lines.append(f"{indent}    {name} += {counter}")


@pytest.mark.parametrize("seed", range(60))
def test_random_kernels_compute_what_python_does_thread_by_thread(seed: int) -> None:
    writer = Writer(seed)
    writer.body("", 3)
    text = kernel("n, x, out",
                  "\n".join(["a = 1", "b = cuda.threadIdx.x", "c = n", *writer.lines, "out[cuda.grid(1)] = a + 3 * b + 7 * c"]))
    x, out, expected = RANDOM.integers(-9, 9, 16), np.zeros(24, np.int64), np.zeros(24, np.int64)
    launch(text, "k", 3, 8, (5, x, out))
    for i in range(24):
        cuda = SimpleNamespace(grid=lambda _, i=i: i, threadIdx=SimpleNamespace(x=i % 8), blockIdx=SimpleNamespace(x=i // 8))
        scope: dict[str, Any] = {"cuda": cuda}
        exec(text, scope)
        scope["k"](5, x.tolist(), expected)
    assert np.array_equal(out, expected), text


# Planted bugs


def caught(parameters: str, body: str, *args: Any, blocks: Any = 2, threads: int = 8, **names: Any) -> str:
    with pytest.raises(AssertionError) as found:
        launch(kernel(parameters, body), "k", blocks, threads, args, names)
    return str(found.value)


def zeros(count: int) -> Any:
    return np.zeros(count, np.float32)


def test_out_of_bounds() -> None:
    message = caught("x, y", "i = cuda.grid(1)\ny[i] = x[i + 1]", zeros(16), zeros(16))
    assert message == "kernel k, line 3: `y[i] = x[i + 1]`: load out of bounds, of 16 words: block 1, thread 7, index 16"
    assert "store out of bounds, of 13 words: block 1, thread 5, index 13" in caught("y", "y[cuda.grid(1)] = F(1.0)", zeros(13))
    assert "thread 0, index -1" in caught("x, y", "i = cuda.grid(1)\ny[i] = x[i - 1]", zeros(16), zeros(16))
    assert "block 0, thread 4, index -1" in caught("x", "i = cuda.grid(1)\nif i > 3:\n    x[3 - i] = F(1.0)", zeros(16))
    assert "block (1, 2), thread 0, index 3" in caught("y",
                                                       "if cuda.blockIdx.x == 1 and cuda.blockIdx.y == 2:\n    y[cuda.threadIdx.x + 3] = F(1.0)", zeros(3), blocks=(2, 3))
    assert "of 8 words" in caught("y", "s = cuda.shared.array(8, F)\ns[cuda.threadIdx.x + 1] = F(1.0)", zeros(3))
    assert "of 4 words: block 0, thread 0, index 4" in caught("y",
                                                              "s = cuda.local.array(4, F)\nfor k in range(5):\n    s[k] = F(1.0)",
                                                              zeros(3))


def test_write_write_race() -> None:
    message = caught("y", "y[cuda.grid(1) // 2] = F(1.0)", zeros(16))
    assert "a write-write race" in message and "block 0, thread 0, index 0; the other is block 0, thread 1" in message
    assert "line 4" in caught("y", "i = cuda.grid(1)\ny[i] = F(1.0)\ny[i ^ 8] = F(1.0)", zeros(16))
    assert "write-write" in caught("y", "t = cuda.threadIdx.x\nfor k in range(2):\n    y[t + k] = F(1.0)", zeros(16), blocks=1)
    assert "write-write" in caught("y", "y[0] = F(1.0)", zeros(16), blocks=1)
    assert "write-write" in caught("y", "y[cuda.threadIdx.x] = F(1.0)", zeros(8))  # the blocks among each other
    # among chunks
    assert "write-write" in caught("y", "y[cuda.grid(1) % 500000] = F(1.0)", zeros(500_000), blocks=2000, threads=256)


def test_views_of_one_buffer_are_watched_together() -> None:
    arena = zeros(32)
    text = "i = cuda.grid(1)\na[i] = F(1.0)\nb[i] = F(2.0)"
    assert "line 4: `b[i] = F(2.0)`: a write-write race" in caught("a, b", text, arena[:16], arena[10:])
    launch(kernel("a, b", text), "k", 2, 8, (arena[:16], arena[16:]))
    launch(kernel("a, b", text.replace("F(2.0)", "2")), "k", 2, 8, (arena[:16], np.zeros(16, np.int64)))
    with pytest.raises(TypeError, match="b overlaps words of another width"):
        launch(kernel("a, b", text), "k", 2, 8, (arena[:16], arena.view(np.float64)))


def test_read_write_race_in_device_memory() -> None:
    assert "line 3" in caught("x", "i = cuda.grid(1)\nx[i] = x[i ^ 1]", zeros(16))
    assert "line 4" in caught("x, y", "i = cuda.grid(1)\nx[i] = F(1.0)\ny[i] = x[i ^ 1]", zeros(16), zeros(16))
    barrier = "i = cuda.grid(1)\nx[i] = F(1.0)\ncuda.syncthreads()\ny[i] = x[i ^ 8]"
    assert "read what another thread writes: block 0, thread 0, index 8; the other is block 1, thread 0" in caught("x, y",
            barrier, zeros(16), zeros(16))
    many = "i = cuda.grid(1)\ntotal = x[0]\ncuda.syncthreads()\nif i == 0:\n    x[i] = total"
    assert "wrote what another thread reads" in caught("x", many, zeros(16))
    launch(kernel("x", many), "k", 1, 8, (zeros(16),))
    # The first block reads again after a barrier, which must not hide that the second has read.
    again = (
        "i = cuda.grid(1)\na = x[0]\nif cuda.blockIdx.x == 0:\n    cuda.syncthreads()\n    if i == 0:\n        x[0] = x[0] + a")
    assert "wrote what another thread reads" in caught("x", again, zeros(16))


SHARED = "s = cuda.shared.array(8, F)\nt = cuda.threadIdx.x\n"


def test_shared_memory_never_written() -> None:
    message = caught("y", SHARED + "if t < 7:\n    s[t] = F(1.0)\ncuda.syncthreads()\ny[cuda.grid(1)] = s[t]", zeros(16))
    assert "line 7" in message and "never written: block 0, thread 7, index 7" in message
    local = "own = cuda.local.array(2, F)\ni = cuda.grid(1)\nif i != 3:\n    own[0] = F(1.0)\nif i > 2:\n    y[i] = own[0]"
    assert "never written: block 0, thread 3, index 0" in caught("y", local, zeros(16))
    assert "never written: block 0, thread 3, index 0" in caught("y", local.replace("y[i] = own[0]", "y[i] = own[i - i]"),
                                                                 zeros(16))


def test_shared_memory_races() -> None:
    assert "read what another thread writes" in caught("y", SHARED + "s[t] = F(1.0)\ny[cuda.grid(1)] = s[7 - t]", zeros(16))
    before = SHARED + "s[t] = F(1.0)\ncuda.syncthreads()\n"
    assert "wrote what another thread reads" in caught("y", before + "a = s[7 - t]\ns[t] = a", zeros(16))
    assert "wrote what another thread reads" in caught("y", before + "a = s[3]\nif t == 3:\n    s[t] = a", zeros(16))
    assert "write-write" in caught("y", SHARED + "s[t // 2] = F(1.0)", zeros(16))
    assert "write-write" in caught("y", SHARED + "s[t] = F(1.0)\ns[7 - t] = F(1.0)", zeros(16))
    launch(kernel("y", before + "a = s[7 - t]\ncuda.syncthreads()\ns[t] = a"), "k", 2, 8, (zeros(16),))
    assert "block 1, thread" in caught("y", SHARED + "if cuda.blockIdx.x == 1:\n    s[0] = F(1.0)", zeros(16))
    stage = "for k in range(3):\n    s[t] = F(k)\n    cuda.syncthreads()\n    y[cuda.grid(1)] = s[7 - t]\n"
    # the second barrier of the turn is missing
    assert "wrote what another thread reads" in caught("y", SHARED + stage, zeros(16))


def test_divergent_barrier() -> None:
    message = caught("y", "t = cuda.threadIdx.x\nif t < 4:\n    cuda.syncthreads()", zeros(16))
    assert "line 4" in message and "block 0, thread 4" in message
    assert "syncthreads" in caught("y", "for k in range(cuda.threadIdx.x):\n    cuda.syncthreads()", zeros(16))
    assert "block 1, thread 3" in caught("y", "if cuda.grid(1) < 11:\n    cuda.syncthreads()", zeros(16))


def test_read_before_assignment() -> None:
    body = "i = cuda.grid(1)\nif i < 5:\n    a = 1\n"
    assert "a is read before it is assigned: block 0, thread 5" in caught("y", body + "y[i] = F(a)", zeros(16))
    assert "a is read before it is assigned: block 0, thread 0" in caught("y", "y[0] = F(a)\na = 1", zeros(16))
    assert "last is read" in caught("y", "i = cuda.grid(1)\nfor k in range(i):\n    last = k\ny[i] = F(last)", zeros(16))
    launch(kernel("y", body + "if i < 5 and a == 1:\n    y[i] = F(a)"), "k", 2, 8, (zeros(16),))


def test_integers_that_go_wrong() -> None:
    assert "divided by zero: block 0, thread 3" in caught("y", "i = cuda.grid(1)\na = 5 // (i - 3)", zeros(16))
    assert "divided by zero" in caught("n", "a = cuda.grid(1) % n", 0)
    launch(kernel("n", "a = cuda.grid(1) % n if n > 0 else 0\ni = cuda.grid(1)\nb = 1 // i if i > 0 else 0"), "k", 2, 8, (0,))
    assert "a shift" in caught("n", "a = 1 << cuda.grid(1) * n", 8)
    assert "step zero" in caught("n", "for k in range(0, 5, n):\n    pass", 0)
    assert "a float that int32 does not hold" in caught("x", "a = int32(x)", 3e9, F=np.float64)


def test_too_much_shared_memory() -> None:
    assert "shared memory" in caught("y", "s = cuda.shared.array(20000, F)", zeros(1))


@pytest.mark.parametrize(
    "expression",
    ["x * 2", "x + 0.5", "x < 0", "x > 0.0", "x * i", "F(1.0) - float64(x)", "x if x > y else 0", "max(x, 0.0)", "0.0", "i",
     "x == math.inf", "x & 1"],
)  # fmt: skip
def test_what_numba_would_widen_is_refused(expression: str) -> None:
    with pytest.raises(TypeError, match=r"kernel k, line 6: `out\[i\] = "):
        mapped(expression, floats(40), floats(40))


def test_a_double_kernel_widens_as_numba_does() -> None:
    x = floats(40, dtype=np.float64)
    assert np.array_equal(mapped("x * 2 + 0.5 if x < 0 else i", x, out=np.float64, F=np.float64),
                          np.where(x < 0, x * 2 + 0.5, np.arange(40)))


def test_unsigned_with_signed_is_refused() -> None:
    with pytest.raises(TypeError, match="unsigned"):
        mapped("x + 1", np.arange(40, dtype=np.uint64), out=np.int64)
    with pytest.raises(TypeError, match="unsigned"):
        mapped("x * 0x9E3779B97F4A7C15", np.arange(40), out=np.int64)


def test_a_name_keeps_its_type() -> None:
    with pytest.raises(TypeError, match="total was int64 and becomes float32"):
        launch(kernel("x", "total = 0\ntotal = x[cuda.grid(1)]"), "k", 1, 4, (zeros(4),))


@pytest.mark.parametrize(
    "body",
    ["return", "while True:\n    pass", "for k in range(3):\n    break", "a, b = 1, 2", "a = [1]", "a = y[0:2]", "a = 2 ** 3",
     "a = ~1", "a = +1", "a = 1 is 2", "a = 'text'",
     "a = sum(y)", "a = math.sin(1.0)", "a = y.size", "a = cuda.grid(2)", "if True:\n    s = cuda.shared.array(4, F)",
     "s = cuda.shared.array(n + 1, F)", "print(1)", "for k in y:\n    pass",
     "a = b = 1", "a: int = 1", "a = (b := 1)", "a = cuda.threadIdx.z", "a = lambda: 1", "a = min(1, 2, 3)",
     "cuda.atomic.add(y, 0, 1)", "y[0][0] = 1", "del y", "for k in range(3):\n    pass\nelse:\n    pass"],
)  # fmt: skip
def test_what_is_not_in_the_dialect(body: str) -> None:
    with pytest.raises(SyntaxError, match=r"kernel k, line \d+: `"):
        launch(kernel("y, n", "a = 0\n" + body), "k", 1, 4, (zeros(4), 3))


def test_unchecked() -> None:
    x = zeros(16)
    launch(kernel("x", "i = cuda.grid(1)\nx[i] = F(1.0)\nx[i ^ 1] = F(2.0)\nif i == 0:\n    cuda.syncthreads()"), "k", 2, 8, (x,),
           checks=False)
    assert np.array_equal(x, np.full(16, 2))


@pytest.mark.parametrize(("blocks", "threads"), [(0, 32), (1, 1025), ((1, 70000), 1)])
def test_what_no_gpu_launches(blocks: Any, threads: int) -> None:
    with pytest.raises(ValueError, match="no GPU"):
        launch(kernel("y", "pass"), "k", blocks, threads, (zeros(4),))
