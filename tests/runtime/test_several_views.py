"""Ten crops, mirror images, ensembles and averages of weights: beside NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.runtime.initialisers import generator
from netspec.runtime.means.views import Views, larger

TEXT = "net a:\n  input 2x7x7\n  conv 3 3x3 /2 relu\n  fc 4{last}\n\ntrain a:\n  loss {loss}\n  sgd lr=0.1\n"


def made(last: str = "", loss: str = "cross_entropy", seed: int = 0, text: str = TEXT) -> Any:
    return netspec.compile(text=text.format(last=last, loss=loss), device="reference", dtype="float64", seed=seed)


def pictures(n: int = 5, size: int = 8) -> Any:
    return generator(0, "pictures").normal(size=(n, 2, size, size))


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def crops(x: Any, size: int = 7) -> list[Any]:
    far, middle = x.shape[2] - size, (x.shape[2] - size) // 2
    cut = [x[:, :, a:a + size, b:b + size] for a, b in ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))]
    return [v for c in cut for v in (c, c[..., ::-1])]


def test_ten_crops_are_the_corners_the_middle_and_their_mirror_images() -> None:
    net, x = made(), pictures(size=10)
    wanted = np.mean([softmax(net.predict(v)) for v in crops(x)], 0)
    got = net.predict(x, ten_crop=True, batch=2)
    assert np.allclose(softmax(got), wanted, atol=1e-12), "logits come back as those of the mean probabilities"
    again = made(" -> softmax")
    assert np.allclose(again.predict(x, ten_crop=True), np.mean([again.predict(v) for v in crops(x)], 0), atol=1e-12)


@pytest.mark.torch
def test_pictures_of_the_size_of_the_input_are_enlarged_first() -> None:
    torch = pytest.importorskip("torch")
    net, x = made(), pictures(size=7)
    assert (larger(224), larger(7), larger(32)) == (256, 8, 37)
    wide = torch.nn.functional.interpolate(torch.tensor(x), (8, 8), mode="bilinear", align_corners=False).numpy()
    assert np.allclose(net.predict(x, ten_crop=True), net.predict(wide, ten_crop=True), atol=1e-12)


@pytest.mark.parametrize(("last", "loss", "mean"), [
    ("", "cross_entropy", lambda a, b: np.log((softmax(a) + softmax(b)) / 2)),
    (" -> softmax", "cross_entropy", lambda a, b: (a + b) / 2),
    (" -> log_softmax", "nll", lambda a, b: np.log((np.exp(a) + np.exp(b)) / 2)), ("", "mse", lambda a, b: (a + b) / 2),
    (" -> sigmoid", "bce", lambda a, b: (a + b) / 2), ("", "hinge", lambda a, b: (a + b) / 2)])
def test_a_mirror_image_counts_as_much_as_the_picture(last: str, loss: str, mean: Any) -> None:
    net, x = made(last, loss), pictures(size=7)
    wanted = mean(net.predict(x), net.predict(x[..., ::-1]))
    assert np.allclose(net.predict(x, flip=True), wanted, atol=1e-12)
    y = np.arange(5) % 4 if loss in ("cross_entropy", "nll", "hinge") else generator(1, "y").random((5, 4))
    numbers = net.evaluate(x, y, flip=True, batch=2)
    if loss == "cross_entropy":
        p = softmax(wanted) if not last else wanted
        assert numbers["loss"] == pytest.approx(-np.log(p[np.arange(5), y]).mean(), rel=1e-12)
        assert numbers["accuracy"] == pytest.approx((p.argmax(1) == y).mean())
    elif loss == "mse":
        assert numbers["loss"] == pytest.approx(((wanted - y) ** 2).mean(), rel=1e-12)
    elif loss == "bce":
        assert numbers["loss"] == pytest.approx(-(y * np.log(wanted) + (1 - y) * np.log(1 - wanted)).mean(), rel=1e-12)
    assert np.isfinite(numbers["loss"])


def test_maps_are_mirrored_back() -> None:
    text = "net a:\n  input 2x7x7\n  conv 3 3x3{last}\n\ntrain a:\n  loss {loss}\n  sgd lr=0.1\n"
    net, x = made(loss="mse", text=text), pictures(size=7)
    wanted = (net.predict(x) + net.predict(np.ascontiguousarray(x[..., ::-1]))[..., ::-1]) / 2
    assert np.allclose(net.predict(x, flip=True), wanted, atol=1e-12)
    with pytest.raises(NetspecError, match="is a map"):
        net.predict(x, ten_crop=True)


def test_an_ensemble_says_the_mean_of_what_its_networks_say() -> None:
    one, two, x, y = made(seed=1), made(" -> softmax", seed=2), pictures(size=7), np.arange(5) % 4
    both = netspec.Ensemble([one, two])
    wanted = (softmax(one.predict(x)) + two.predict(x)) / 2
    assert np.allclose(softmax(both.predict(x)), wanted, atol=1e-12), "as the first one says it"
    assert np.allclose(netspec.Ensemble([two, one]).predict(x), wanted, atol=1e-12)
    assert np.allclose(both.predict(x[k : k + 2] for k in range(0, len(x), 2)), both.predict(x), atol=1e-12)  # goes once
    for batch in (5, 2):
        numbers = both.evaluate(x, y, batch=batch)
        assert numbers["loss"] == pytest.approx(-np.log(wanted[np.arange(5), y]).mean(), rel=1e-12)
    mirrored = (softmax(one.predict(x, flip=True)) + two.predict(x, flip=True)) / 2
    assert np.allclose(softmax(both.predict(x, flip=True)), mirrored, atol=1e-12)
    assert both.evaluate(x, y, flip=True)["loss"] == pytest.approx(-np.log(mirrored[np.arange(5), y]).mean(), rel=1e-12)
    with pytest.raises(NetspecError, match="other inputs or outputs"):
        netspec.Ensemble([one, netspec.compile(text="net b:\n  input 3\n  fc 4\n", device="reference")])
    with pytest.raises(NetspecError, match="made of networks"):
        netspec.Ensemble([])


def test_an_average_has_the_mean_of_the_weights(tmp_path: Path) -> None:
    text = TEXT.replace("relu", "bn relu").replace("  loss", "  prepare standardise\n  loss")
    net, x, y = made(text=text), pictures(16, 7), np.arange(16) % 4
    held, paths = [], []
    for k in range(3):
        net.fit(x, y, epochs=1, verbose=0)
        paths.append(str(tmp_path / f"{k}.safetensors"))
        net.save(paths[-1])
        held.append({**net.parameters, **net.buffers})
    mean = netspec.average(paths, device="reference")
    for name, value in {**mean.parameters, **mean.buffers}.items():
        assert np.allclose(value, np.mean([h[name] for h in held], 0), atol=1e-12), name
    assert np.isfinite(mean.evaluate(x, y)["loss"]) and np.isfinite(mean.fit(x, y, epochs=4, verbose=0)["loss"][0])
    other = made(text=text)
    other.prepare(x + 1).save(str(tmp_path / "other.safetensors"))
    with pytest.raises(NetspecError, match="prepare their inputs with other numbers"):
        netspec.average([paths[0], str(tmp_path / "other.safetensors")], device="reference")


@pytest.mark.parametrize(("text", "x", "how", "words"), [
    ("net a:\n  input 5\n  fc 2\n", (1, 5), "flip", "needs pictures"),
    ("net a:\n  input 1x?x?\n  avgpool global\n", (1, 1, 5, 5), "ten_crop", "size of the input"),
    ("net a:\n  input 1x5x5\n  fc 2\n", (1, 1, 4, 6), "ten_crop", "smaller than a crop"),
    ("net a:\n  input 1x5x5\n  fc 2\n", (1, 1, 6, 6), "flip", "wrong shape")])
def test_what_has_no_views_is_refused(text: str, x: tuple[int, ...], how: str, words: str) -> None:
    net = netspec.compile(text=text, device="reference")
    with pytest.raises(NetspecError, match=words):
        net.predict(np.zeros(x), **{how: True})


def test_a_loss_against_the_input_has_no_views() -> None:
    text = "net a:\n  input 1x4x4\n  conv 1 3x3\ntrain a:\n  loss mse target=input\n  sgd lr=0.1\n"
    net = netspec.compile(text=text, device="reference")
    with pytest.raises(NetspecError, match="compares with the input"):
        net.evaluate(np.zeros((2, 1, 4, 4)), flip=True)
    assert len(list(Views(net.graph, flip=True).of({"input": np.zeros((2, 1, 4, 4))}))) == 2


@pytest.mark.parametrize("call", [lambda: netspec.Ensemble(None), lambda: netspec.Ensemble(made()), lambda: netspec.Ensemble("ab"),
                                  lambda: netspec.average(None), lambda: netspec.average([3]), lambda: netspec.average([made()])])
def test_what_is_no_network_or_no_checkpoint_is_refused(call: Any) -> None:
    with pytest.raises(NetspecError, match=r"an ensemble is made of networks|an average is of checkpoints"):
        call()
