"""Augmentations: what each does to images, that only seed, epoch and batch decide it, and what is refused."""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.augmentations import AUGMENTATIONS
from netspec.datasets import DATASETS
from netspec.diagnostics import NetspecError
from netspec.runtime.feeding.augmenting import Labels, augmented
from netspec.runtime.initialisers import generator
from netspec.words.dataset import without_arguments

SPEC = (
    "net small:\n  input 3x6x5\n  conv 4 3x3 relu\n  fc 3\n\ntrain small:\n  loss cross_entropy\n  sgd lr=0.1\n  batch 4\n  epochs 2\n")


def images(n: int = 64) -> Any:
    return generator(0, "images").random((n, 3, 6, 5)).astype(np.float32)


def changed(line: str, x: Any, batch: int = 0) -> Any:
    made = netspec.compile(text=SPEC + f"  augment {line}\n", device="reference").recipe.augmentation
    return augmented({"input": x}, {}, made, {}, 0, 0, batch)[0]["input"]


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


def drawn(k: int = 0, batch: int = 0) -> Any:
    return generator(0, f"augment {k} epoch 0 batch {batch}")


def test_colours_turn_as_on_the_circle() -> None:
    """Beside the standard library's conversion, pixel by pixel; a turn of nothing changes nothing."""
    x = generator(0, "pictures").random((6, 3, 3, 4))
    x[0, :, 0, 0], x[1, :, 1, 1] = 0.5, 0.0
    y, turns = changed("hue 0.5", x), drawn().uniform(-0.5, 0.5, 6)
    for k, i, j in np.ndindex(6, 3, 4):
        h, s, v = colorsys.rgb_to_hsv(*x[k, :, i, j])
        assert np.allclose(y[k, :, i, j], colorsys.hsv_to_rgb((h + turns[k]) % 1, s, v), atol=1e-12)
    assert np.allclose(changed("hue 0", x), x, atol=1e-12)


@pytest.mark.torch
def test_places_are_those_of_pytorchs_grid_sample() -> None:
    """An affine map as torchvision builds it: centre, enlarge, turn and shear, move, in coordinates from -1 to 1."""
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    x = generator(0, "pictures").random((8, 3, 11, 14))
    t, n, theirs = torch.tensor(x), len(x), []
    for a, (turn, right, down, large, lean) in zip(t, drawn().uniform(-1, 1, (n, 5)) * [30, 0.2 * 14, 0.2 * 11, 1, 20]):
        c, s, k, scale = np.cos(np.radians(turn)), np.sin(np.radians(turn)), np.tan(np.radians(lean)), 0.5 + 1.5 * (large + 1) / 2
        forth = np.array([[c, s, right], [-s, c, down], [0, 0, 1]]) @ np.diag([scale, scale, 1]) @ np.array(
            [[1, -k, 0], [0, 1, 0], [0, 0, 1]])
        to_pixels = np.diag([7.0, 5.5, 1])
        theta = np.linalg.inv(to_pixels) @ np.linalg.inv(forth) @ to_pixels
        grid = F.affine_grid(torch.tensor(theta[None, :2]), (1, 3, 11, 14), align_corners=False)
        theirs.append(F.grid_sample(a[None], grid, align_corners=False)[0].numpy())
    assert np.allclose(changed("affine degrees=30 translate=0.2 scale=[0.5, 2] shear=20", x), np.stack(theirs), atol=1e-12)
    made: Any = AUGMENTATIONS["resized_crop"]()
    random, theirs = drawn(), []
    for a in t:
        top, left, high, wide = made.part(11, 14, random)
        part = a[None, :, top:top + high, left:left + wide]
        theirs.append(F.interpolate(part, (11, 14), mode="bilinear", align_corners=False)[0].numpy())
    assert np.allclose(changed("resized_crop", x), np.stack(theirs), atol=1e-12)


def test_quarter_turns_are_those_of_numpy() -> None:
    """About the middle, against the clock; a reflection or the edge fills what was not there."""
    from netspec.augmentations.parts.sampling import mixed, nearest, turned

    x = images(1)[0].astype(np.float64)[:, :5]
    for k in range(4):
        assert np.allclose(mixed(x, *turned(x.shape, 90.0 * k), "zeros"), np.rot90(x, k, (1, 2)), atol=1e-12)
        assert np.array_equal(nearest(x, *turned(x.shape, 90.0 * k), "zeros", 7), np.rot90(x, k, (1, 2)))
    for edges, mode in (("zeros", "constant"), ("reflect", "reflect"), ("replicate", "edge")):
        wide: Any = np.pad(x, [(0, 0), (2, 2), (2, 2)], mode)  # type: ignore[call-overload]
        assert np.allclose(mixed(x, *turned(x.shape, 0.0, (2.0, -1.0)), edges), wide[:, 3:8, 0:5], atol=1e-12)
    half = mixed(x, *turned(x.shape, 0.0, (0.5, 0.0)), "zeros")
    assert np.allclose(half[:, :, 1:], (x[:, :, 1:] + x[:, :, :-1]) / 2)


def test_cutout_takes_a_rectangle() -> None:
    x = images() + 1
    for line, most in (("cutout 3 rate=1", 9), ("cutout rate=1 scale=[0.1, 0.3]", 11)):
        gone = changed(line, x) == 0
        assert (gone == gone[:, :1]).all() and np.array_equal(np.where(gone, 0, x), changed(line, x))
        area = gone[:, 0].sum((1, 2))
        assert 0 < area.max() <= most and len(set(area)) > 1
        for one in gone[:, 0]:
            rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
            assert one.sum() == len(rows) * len(columns), "a rectangle"
    assert np.array_equal(changed("cutout rate=0", x), x)


@pytest.mark.parametrize("line", ["mixup 1", "cutmix"])
@pytest.mark.parametrize("kind", ["class", "map", "numbers"])
def test_mixed_examples_have_mixed_targets(line: str, kind: str) -> None:
    """Of a picture whose every number is its class, the mean of the mixture is what its target says."""
    classes = np.arange(16) % 4
    x = np.broadcast_to(classes[:, None, None, None], (16, 3, 6, 5)).astype(np.float64).copy()
    y = {"class": classes[:, None], "map": np.broadcast_to(classes[:, None, None, None], (16, 1, 6, 5)).copy(),
         "numbers": np.eye(4)[classes]}[kind]
    made = netspec.compile(text=SPEC + f"  augment {line}\n", device="reference").recipe.augmentation
    labels = {} if kind == "numbers" else {"t": Labels(4, 3 if kind == "map" else None)}
    inputs, targets, _ = augmented({"input": x}, {"t": y}, made, labels, 0, 0, 0)
    share = targets["t"]
    assert share.shape == (16, 4, *y.shape[2:])
    wanted = (share.reshape(16, 4, -1)[..., 0] * [0, 1, 2, 0 if kind == "map" else 3]).sum(1)
    mean = inputs["input"].mean((1, 2, 3))
    if kind == "map":  # class 3 is the label that is ignored, and has no share
        assert np.allclose(share[:, 3], 0) and np.allclose(share.sum(1)[:, 0, 0] + _of_three(classes, made, x), 1)
    else:
        assert np.allclose(mean, wanted) and np.allclose(share.sum(1), 1)
    assert (mean % 1 > 1e-9).any(), "some are mixed"


def _of_three(classes: Any, made: Any, x: Any) -> Any:
    """The share of class 3 in each mixture."""
    other, share = made[0].shares(x, drawn())
    return share * (classes == 3) + (1 - share) * (classes[other] == 3)


def test_a_loss_of_shares_is_the_sum_of_the_losses_of_the_classes() -> None:
    """lam * loss(a) + (1 - lam) * loss(b), and so are its gradients."""
    x = generator(0, "x").normal(size=(5, 3, 6, 5))
    a, b, lam = np.array([0, 1, 2, 1, 0]), np.array([1, 1, 0, 2, 2]), 0.3
    for options in ("", " smoothing=0.1"):
        net = netspec.compile(text=SPEC.replace("cross_entropy", "cross_entropy" + options), device="reference", dtype="float64")
        shares = lam * np.eye(3)[a] + (1 - lam) * np.eye(3)[b]
        loss, grads = net.loss_and_gradients(x, shares)
        (one, g1), (two, g2) = net.loss_and_gradients(x, a), net.loss_and_gradients(x, b)
        assert loss == pytest.approx(lam * one + (1 - lam) * two, rel=1e-12)
        assert all(np.allclose(grads[k], lam * g1[k] + (1 - lam) * g2[k], atol=1e-12) for k in grads)


SEGMENT = ("net a:\n  input 3x6x5\n  conv 4 3x3\n\ntrain a:\n  loss cross_entropy{}\n  sgd lr=0.1\n  augment {}\n")


@pytest.mark.parametrize("line", ["flip", "flip vertical", "crop 2", "crop 2 reflect", "crop 2 replicate", "rotate 60",
                                  "affine degrees=50 scale=[0.5, 2] shear=20", "rotate 60 reflect", "resized_crop scale=[0.1, 1]"])
@pytest.mark.parametrize("ignore", [None, 9])
def test_maps_of_labels_move_along(line: str, ignore: int | None) -> None:
    """A picture of plain colours, one a label: wherever a pixel shows one unmixed, the map says which."""
    labels = generator(1, "map").integers(0, 4, (24, 1, 2, 2)).repeat(3, 2).repeat(3, 3)[..., :5]
    x = np.repeat(labels + 1.0, 3, 1)
    net = netspec.compile(text=SEGMENT.format("" if ignore is None else f" ignore={ignore}", line), device="reference")
    inputs, targets, _ = augmented({"input": x}, {"t": labels}, net.recipe.augmentation, {"t": Labels(4, ignore)}, 0, 0, 0)
    seen, said = inputs["input"][:, :1], targets["t"]
    assert said.dtype == labels.dtype and set(np.unique(said)) <= {0, 1, 2, 3, ignore}
    plain = np.isin(seen, [1.0, 2.0, 3.0, 4.0])
    mixed_by_chance = (np.abs(seen - 1 - said) > 0) & plain
    assert mixed_by_chance.mean() < 0.06, "2 is also half of 1 and 3"
    assert plain.mean() > 0.1 and not np.array_equal(said, labels)
    if ignore is not None and line in ("crop 2", "rotate 60"):
        assert (said[seen == 0] == ignore).all() and (said == ignore).any()


def test_segmentation_trains_with_moved_masks() -> None:
    x, y = images(8), generator(0, "masks").integers(0, 4, (8, 6, 5))
    net = netspec.compile(text=SEGMENT.format(" ignore=3", "flip\n  augment rotate 20\n  augment mixup"), device="reference")
    assert np.isfinite(net.fit(x, y, epochs=2, verbose=0)["loss"]).all()


def test_several_inputs_are_changed_alike_or_one_by_name() -> None:
    x = images(16)
    for line in ("flip", "crop 2", "rotate 30", "brightness", "hue 0.2", "cutout 2"):
        made = netspec.compile(text=SPEC + f"  augment {line}\n", device="reference").recipe.augmentation
        out, _, _ = augmented({"left": x, "right": x}, {}, made, {}, 0, 0, 0)
        assert np.array_equal(out["left"], out["right"]) and not np.array_equal(out["left"], x), line
    two = ("net a:\n  input left 3x6x5\n  input right 3x6x5\n  @left -> add @right -> fc 3\ntrain a:\n  loss cross_entropy\n"
           "  sgd lr=0.1\n  augment noise\n  augment flip rate=1 @right\n")
    net = netspec.compile(text=two, device="reference")
    assert str(net.recipe.augmentation[1]) == "flip rate=1 @right"
    out, _, _ = augmented({"left": x, "right": x}, {}, net.recipe.augmentation, {}, 0, 0, 0)
    noise = out["left"] - x, out["right"][..., ::-1] - x
    assert all(abs(n.std() - 0.1) < 0.01 for n in noise) and abs((noise[0] * noise[1]).mean()) < 1e-3, "noise of its own"
    net.fit({"left": x, "right": x}, np.arange(16) % 3, epochs=1, verbose=0)


def test_numbers_stay_in_range_where_it_is_said() -> None:
    x = images()
    for line in ("brightness 0.9", "contrast 0.9", "saturation 0.9", "noise 0.5"):
        assert changed(line, x).max() > 1 and np.array_equal(changed(f"{line} clip", x), changed(line, x).clip(0, 1))
    for line in ("hue 0.5", "rotate 30", "affine", "resized_crop", "cutout", "mixup", "cutmix", "flip", "crop"):
        y = changed(line, x)
        assert y.min() >= -1e-6 and y.max() <= 1 + 1e-6, line


@pytest.mark.parametrize("line", ["affine scale=[2, 1]", "affine scale=1", "resized_crop scale=[0, 2]", "resized_crop ratio=[1]",
                                  "cutout scale=[0.5, 0.1]", "cutout ratio=[0, 1]", "hue 0.6", "mixup 0", "rotate 181"])
def test_numbers_that_make_no_sense_are_refused(line: str) -> None:
    with pytest.raises(NetspecError):
        changed(line, images())


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
    ("net a:\n  input 3x6x5\n  conv 3 3x3 /2\ntrain a:\n  loss mse\n  sgd lr=0.1\n", "crop 1", "the target `out` is a map of other places"),
    ("net a:\n  input x 3x6x5\n  input y 3x6x5\n  @x -> add @y -> conv 3 1x1\ntrain a:\n  loss mse\n  sgd lr=0.1\n", "flip @x",
     "would move @x and not @y"),
    ("net a:\n  input x 3x6x5\n  input y 3x6x5\n  @x -> add @y -> fc 3\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n", "mixup @x",
     "so it is of all inputs"),
    ("net a:\n  input 3x6x5\n  fc 3\ntrain a:\n  loss hinge\n  sgd lr=0.1\n", "mixup", "loss hinge does not read"),
])
def test_what_cannot_be_carried_out_is_refused(spec: str, line: str, words: str) -> None:
    net = netspec.compile(text=spec + f"  augment {line}\n", device="reference")
    x = images(4)
    target = x if "conv 3 1x1" in spec else x[..., ::2, ::2] if "mse" in spec else np.zeros(4, int)
    with pytest.raises(NetspecError, match=words):
        net.fit({"x": x, "y": x} if "input x" in spec else x, target, verbose=0)


def test_data_sets_are_those_that_come_along() -> None:
    assert "digits" in without_arguments() and set(without_arguments()) < set(DATASETS)
