"""Random numbers against what others published of the two mixers, and against plain whole numbers."""

from __future__ import annotations

import numpy as np

from netspec.ir.randomness import random_key, stir, uniform

WORD = (1 << 32) - 1
GOLDEN = 0x9E3779B97F4A7C15


def test_keys_are_splitmix64() -> None:
    """The first numbers of S. Vigna's splitmix64.c, seeds 1234567 and 0; its state grows by GOLDEN from number to number."""
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821)
    for k, number in enumerate(published):
        state = (1234567 + k * GOLDEN) % (1 << 64)
        assert stir(state, 0) % (1 << 64) == number
        assert stir(state - 5, 5) == stir(state, 0)
    assert stir(0, 0) % (1 << 64) == 0xE220A8397B1DCDAF


def test_a_key_is_signed_and_tells_its_parts_apart() -> None:
    keys = [random_key(seed, step, layer) for seed in range(8) for step in range(8) for layer in range(8)]
    assert len(set(keys)) == len(keys)
    assert all(-(1 << 63) <= key < 1 << 63 for key in keys)
    assert any(key < 0 for key in keys)
    assert random_key(3, 4, 5) == stir(stir(stir(0, 3), 4), 5)


def undone(x: int) -> int:
    """The inverse of lowbias32, as C. Wellons published it beside the mixer."""
    x ^= x >> 16
    x = x * 0x43021123 & WORD
    x ^= x >> 15 ^ x >> 30
    x = x * 0x1D69E2A5 & WORD
    return x ^ x >> 16


def test_numbers_are_lowbias32() -> None:
    """A number is the upper 24 bits of mix(mix(low of index ^ low of key) ^ high of key ^ high of index * golden); which the
    inverse takes back to the index, for one of the 256 words that have these upper bits."""
    key = 0x0123456789ABCDEF
    for index in (0, 1, 2, 12345, WORD, 1 << 32, (7 << 32) + 11):
        drawn = float(uniform(key, index)) * 2**24
        assert drawn == int(drawn)
        before = [undone(int(drawn) << 8 | rest) ^ key >> 32 ^ (index >> 32) * 0x9E3779B9 & WORD for rest in range(256)]
        assert any(undone(x) ^ key & WORD == index & WORD for x in before)


def test_numbers_are_uniform_and_keep_the_shape_of_their_indices() -> None:
    drawn = uniform(-9, np.arange(40_000).reshape(200, 200))
    assert drawn.shape == (200, 200)
    assert drawn.dtype == np.float32
    assert 0 <= drawn.min() < 1e-3
    assert 1 - 1e-3 < drawn.max() < 1
    counts = np.histogram(drawn, 16, (0, 1))[0]
    assert np.abs(counts - 2500).max() < 5 * 50  # five deviations of a count
    assert uniform(1, 5).shape == ()
