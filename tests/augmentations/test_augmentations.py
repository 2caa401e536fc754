"""Augmentations: what each does to images, that only seed, epoch and batch decide it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.augmentations import AUGMENTATIONS
from netspec.datasets import DATASETS
from netspec.diagnostics import NetspecError
from netspec.runtime.augmenting import augmented
from netspec.runtime.initialisers import generator
from netspec.words.dataset import without_arguments

SPEC = (
    "net small:\n  input 3x6x5\n  conv 4 3x3 relu\n  fc 3\n\ntrain small:\n  loss cross_entropy\n  sgd lr=0.1\n  batch 4\n  epochs 2\n")


def images(n: int = 64) -> Any:
    return generator(0, "images").random((n, 3, 6, 5)).astype(np.float32)


def changed(line: str, x: Any, batch: int = 0) -> Any:
    made = netspec.compile(text=SPEC + f"  augment {line}\n", device="reference").recipe.augmentation
    return augmented({"input": x}, made, 0, 0, batch)["input"]


def test_flip_mirrors_some() -> None:
    x = images()
    y = changed("flip", x)
    mirrored = np.array([np.array_equal(b, a[..., ::-1]) for a, b in zip(x, y)])
    assert all(m or np.array_equal(a, b) for m, a, b in zip(mirrored, x, y))
    assert 16 < mirrored.sum() < 48
    assert np.array_equal(changed("flip vertical rate=1", x), x[..., ::-1, :])
    assert np.array_equal(changed("flip rate=0", x), x)


@pytest.mark.parametrize(("edges", "mode"), [("zeros", "constant"), ("reflect", "reflect"), ("replicate", "edge")])
def test_crop_cuts_a_part_of_the_padded_image(edges: str, mode: Any) -> None:
    x = images()
    y = changed(f"crop pad=2 {edges}", x)
    wide = np.pad(x, [(0, 0), (0, 0), (2, 2), (2, 2)], mode=mode)
    places = set()
    for k in range(len(x)):
        fits = [(i, j) for i in range(5) for j in range(5) if np.array_equal(wide[k, :, i : i + 6, j : j + 5], y[k])]
        assert fits
        places.add(fits[0])
    assert len(places) > 15, "places differ from image to image"


def test_colours_change_within_bounds() -> None:
    x = images() + np.float32(0.1)
    factor = changed("brightness 0.3", x) / x
    assert np.allclose(factor, factor[:, :1, :1, :1], rtol=1e-5)
    assert factor.min() >= 0.7 - 1e-5
    assert factor.max() <= 1.3 + 1e-5
    assert factor[:, 0, 0, 0].std() > 0.1
    assert np.allclose(changed("contrast 1", x).mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-5)
    assert np.allclose(changed("saturation 0.5", x).mean(1), x.mean(1), atol=1e-5)
    assert abs((changed("noise 0.5", x) - x).std() - 0.5) < 0.02
    assert all(np.array_equal(changed(f"{name} 0", x), x) for name in ("brightness", "noise"))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_only_seed_epoch_and_batch_decide(name: str) -> None:
    x = images()
    kept = x.copy()
    y = changed(name, x)
    assert np.array_equal(y, changed(name, x))
    assert not np.array_equal(y, changed(name, x, batch=1))
    assert np.array_equal(x, kept), "the examples themselves stay"
    assert y.dtype == x.dtype
    assert y.shape == x.shape


def test_training_carries_them_out_and_resumes_exactly(tmp_path: Path) -> None:
    x, y = images(10), np.arange(10) % 3
    lines = "  augment flip\n  augment crop 1\n"
    whole, plain = netspec.compile(text=SPEC + lines), netspec.compile(text=SPEC)
    first = whole.fit(x, y, epochs=2, verbose=0)
    assert first["loss"] != plain.fit(x, y, epochs=2, verbose=0)["loss"]
    half, rest = netspec.compile(text=SPEC + lines), netspec.compile(text=SPEC + lines)
    half.fit(x, y, epochs=1, verbose=0)
    half.save(str(tmp_path / "half.safetensors"))
    rest.load(str(tmp_path / "half.safetensors"))
    assert rest.fit(x, y, epochs=1, verbose=0)["loss"] == first["loss"][1:]
    said = netspec.compile(text=SPEC)
    assert said.fit(x, y, epochs=2, verbose=0, augment=["flip", "crop 1"])["loss"] == first["loss"]
    assert said.configure(augment="none").recipe.augmentation == ()


@pytest.mark.parametrize(("spec", "line", "words"), [
    ("net a:\n  input 3x6x5\n  conv 3 3x3\ntrain a:\n  loss mse\n  sgd lr=0.1\n", "flip", "the target `out` is a map"),
    ("net a:\n  input x 3x6x5\n  input y 3x6x5\n  @x -> add @y -> fc 3\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n", "noise",
     "networks of one input"),
])
def test_what_cannot_be_carried_out_is_refused(spec: str, line: str, words: str) -> None:
    net = netspec.compile(text=spec + f"  augment {line}\n", device="reference")
    x = images(4)
    with pytest.raises(NetspecError, match=words):
        net.fit({"x": x, "y": x} if "input x" in spec else x, x if "mse" in spec else np.zeros(4, int), verbose=0)


def test_data_sets_are_those_that_come_along() -> None:
    assert set(DATASETS) - {"files"} == set(without_arguments())
