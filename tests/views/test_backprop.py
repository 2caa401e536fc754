"""Backpropagation, seen: the scalars of a circuit against closed forms, finite differences and the gradients of training; and
that each frame shows just what is known at its step."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.runtime.backprop import example
from netspec.views.backprop import drawn
from netspec.views.backprop.circuit import MOST, Circuit, TooMany
from netspec.views.drawing.rendering import raster
from netspec.waiting import Watch, watched
from where import ROOT

BACKPROP = str(ROOT / "specs" / "backprop.net")


def by_name(c: Circuit) -> dict[str, tuple[float, float]]:
    """Value and gradient of every scalar that has a name."""
    return {g.name: (g.value, d) for g, d in zip(c.gates, c.gradients) if g.name}


def test_the_neuron_of_the_lectures() -> None:
    """CS231n 2016, lecture 4: f = 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))), w = 2, -3, -3 and x = -1, -2: 0.73, and gradients of
    -0.20, -0.39, 0.20 and 0.39, -0.59, which are s (1 - s) times x, 1 and w."""
    net = netspec.compile(text="net a:\n  input 2\n  fc 1 sigmoid\n", device="reference", dtype="float64")
    net.set_parameters({"fc1.weight": [[2, -3]], "fc1.bias": [-3]})
    passed = example(net.state, np.array([[-1.0, -2.0]]), None, None)
    found = by_name(passed.circuit)
    s = 1 / (1 + np.exp(-1.0))
    slope = s * (1 - s)
    assert [g.sign for g in passed.circuit.gates if g.kind == "gate"] == ["×", "×", "+", "sigmoid"]
    assert passed.end == pytest.approx(s, rel=1e-15)
    want = {"input[0]": (-1, 2 * slope), "input[1]": (-2, -3 * slope), "fc1.weight[0,0]": (2, -slope),
            "fc1.weight[0,1]": (-3, -2 * slope), "fc1.bias[0]": (-3, slope)}
    for name, both in want.items():
        assert found[name] == pytest.approx(both, rel=1e-14), name
    assert [round(found[n][1], 2) for n in want] == [0.39, -0.59, -0.2, -0.39, 0.2]


@pytest.mark.parametrize(("text", "want"), [
    ("input 2\n  fc 1 sigmoid", {"x0", "x1", "w0", "w1", "b"}),
    ("input 1x4\n  conv 1 3 relu bias=no\n  fc 1", {"x0", "x3", "W1[0]", "W1[2]", "W2[0]", "b2"}),
    ("input 11\n  fc 2", {"w[0,1]", "w[1,10]", "b1", "x10", "t0"}),
    ("input x 12\n  input x1 2\n  concat @x @x1 -> fc 1", {"x[1]", "x1[1]", "x[11]"}),
    ("input 2\n  fc 2 bn\n  fc 1", {"W1[0,1]", "w2[1]", "b2[0]", "W3[0]", "b3"})])
def test_numbers_from_outside_are_called_as_in_the_lectures_and_each_otherwise(text: str, want: set[str]) -> None:
    net = netspec.compile(text=f"net a:\n  {text}\n", device="reference", dtype="float64")
    x = {n.name: np.ones((1, *n.type.shape)) for n in net.graph.inputs}
    size = net.graph.values[net.graph.outputs[0][1]].type.size
    made = example(net.state, x, None if size == 1 else np.ones((1, size)), None if size == 1 else "mse")
    names = [g.sign for g in made.circuit.gates if g.kind != "gate"]
    assert want <= set(names) and len(set(names)) == len(names)


def test_the_gates_of_the_lectures() -> None:
    """f = (x + y) z at -2, 5, -4: gradients -4, -4, 3. A sum hands on, a product changes places, a maximum chooses."""
    net = netspec.compile(text="net a:\n  input x 1\n  input y 1\n  input z 1\n  @x -> add @y -> mul @z\n", device="reference")
    x = {"x": [[-2.0]], "y": [[5.0]], "z": [[-4.0]]}
    found = by_name(example(net.state, {k: np.array(v) for k, v in x.items()}, None, None).circuit)
    assert (found["x[0]"], found["y[0]"], found["z[0]"], found["mul1[0]"]) == ((-2, -4), (5, -4), (-4, 3), (-12, 1))


def test_two_three_three_one_by_finite_differences() -> None:
    net = netspec.compile(BACKPROP, device="reference", dtype="float64", seed=3)
    x, y = np.array([[0.7, -1.3]]), np.array([[1.0]])
    found = by_name(example(net.state, x, y, None).circuit)
    assert len([n for n in found if ".weight[" in n or ".bias[" in n]) == 25
    h = 1e-5
    for name, p in {k: v.copy() for k, v in net.parameters.items()}.items():
        for at in np.ndindex(p.shape):
            losses = []
            for sign in (1, -1):
                moved = p.copy()
                moved[at] += sign * h
                net.set_parameters({name: moved})
                losses.append(net.evaluate(x, y)["loss"])
            net.set_parameters({name: p})
            value, gradient = found[f"{name}[{','.join(map(str, at))}]"]
            assert value == p[at]
            assert gradient == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-6, abs=1e-10)


NETS: dict[str, tuple[str, str, Any]] = {  # text, loss, target
    "relu and pool": ("input 1x3x3\n  conv 2 2x2 valid relu\n  maxpool 2\n  fc 2", "cross_entropy", [1]),
    "hinge": ("input 3\n  fc 3", "hinge", [2]),
    "leaky, elu": ("input 3\n  fc 2 leaky\n  fc 2 elu", "mse", [[0.5, -1.0]]),
    "tanh, gelu": ("input 2\n  fc 2 tanh\n  fc 2 gelu", "l1", [[0.5, -1.0]]),
    "bce": ("input 3\n  fc 2 relu\n  fc 1 sigmoid", "bce", [[1.0]]),
    "residual": ("input 2\n  residual: fc 2 relu\n  fc 1", "huber", [[0.25]]),
    "average": ("input 2x3\n  avgpool global\n  fc 2 softplus", "mse", [[0.0, 1.0]]),
    "batch norm": ("input 2x2\n  conv 2 1 bn\n  fc 1", "mse", [[0.3]]),
    "normalised": ("input 3\n  l2norm\n  fc 2 swish", "mse", [[0.0, 1.0]]),
    "two weights": ("input 2\n  fc 2 -> mul @input -> square -> fc 1", "mse weight=0.5", [[1.0]])}


@pytest.mark.parametrize("kind", NETS)
def test_the_scalars_are_those_of_training(kind: str) -> None:
    """Every parameter's and every input's gradient, of the scalars one by one and of the formulas that train, in closed forms
    where losses have some."""
    text, loss, target = NETS[kind]
    net = netspec.compile(text=f"net a:\n  {text}\n", device="reference", dtype="float64", seed=5)
    shape = net.graph.inputs[0].type.shape
    x = np.random.default_rng(2).standard_normal((1, *(s or 0 for s in shape)))
    passed = example(net.state, x, np.array(target), loss)
    found = by_name(passed.circuit)
    value, gradients, inputs = net.loss_and_gradients(x, np.array(target), mode="eval", inputs=True, loss=loss)
    assert passed.circuit.gates[-1].value == pytest.approx(value, rel=1e-12)
    for name, g in {**gradients, **{k: v[0] for k, v in inputs.items()}}.items():
        for at in np.ndindex(g.shape):
            _, own = found.get(f"{name}[{','.join(map(str, at))}]", (0.0, 0.0))  # what nothing reads has no wire
            assert own == pytest.approx(g[at], rel=1e-9, abs=1e-12), (name, at)


def texts(svg: str) -> list[str]:
    return [html.unescape(t) for t in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_a_frame_shows_what_is_known_by_then(tmp_path: Path) -> None:
    net = netspec.compile(text="net a:\n  input 2\n  fc 1 sigmoid\n", device="reference", dtype="float64")
    net.set_parameters({"fc1.weight": [[2, -3]], "fc1.bias": [-3]})
    film = net.backprop([[-1.0, -2.0]])
    frames = [film.frame(k) for k in range(film.last + 1)]
    assert film.last == 9 and len(frames) == 10  # four gates forward, the beginning, four gates backward
    assert "0.731" not in texts(frames[3]) and "0.731" in texts(frames[4])
    assert texts(frames[4]).count("1.00") == 1 and texts(frames[5]).count("1.00") == 2  # what goes into the sigmoid, and df/df
    assert "0.197" not in texts(frames[5]) and "0.197" in texts(frames[6])
    assert "−0.590" not in texts(frames[7])
    assert {"−0.590", "−0.393"} <= set(texts(frames[8]))  # x1 and its weight, then x0 and its own
    assert "0.393" not in texts(frames[8]) and {"0.393", "−0.197"} <= set(texts(frames[9]))
    assert film.captions[4] == "forward: fc1.sigmoid[0] = sigmoid of 1.00 = 0.731"
    assert film.captions[6] == "backward: sigmoid hands on 1.00 · 0.197 = 0.197 to fc1[0]"
    assert set(texts(film.svg)) < set(texts(frames[9]))  # without the caption of a step
    film.save(tmp_path / "frames")
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == [f"{k}.svg" for k in range(10)]
    film.save(tmp_path / "steps.html")
    page = (tmp_path / "steps.html").read_text(encoding="utf-8")
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "") and len(page) < 100_000
    assert page.count("<li>") == 10
    assert 'id="step" min="0" max="9" value="0"' in page and 'id="play"' in page  # it begins before the first step
    with pytest.raises(netspec.NetspecError, match="cannot be written"):
        film.save(f"{tmp_path}/none/frames/")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("x", "text"), [
    (0.00127, "0.00127"), (-0.0204, "−0.0204"), (0.000456, "4.56e−4"), (1.0, "1.00"), (99.96, "100"), (12.34, "12.3"), (0.0, "0"),
    (-1234.5, "−1.23e+3"), (0.7311, "0.731")])
def test_three_digits_of_every_number(x: float, text: str) -> None:
    assert drawn.said(x) == text


def test_norms_of_a_larger_network() -> None:
    """Of values as `activations` has them; of gradients in closed form: softmax minus one-hot, and back through the weights."""
    net = netspec.compile(text="net a:\n  input 40\n  fc 30 tanh\n  fc 5\n\ntrain a:\n  loss cross_entropy\n", device="reference",
                          dtype="float64")
    x = np.random.default_rng(0).standard_normal((1, 40))
    passed = example(net.state, x, np.array([2]), None)
    with pytest.raises(TooMany):
        _ = passed.circuit
    scores, hidden = net.activations(x, "fc2"), net.activations(x, "fc1")
    p = np.exp(scores) / np.exp(scores).sum()
    dz = p - np.eye(5)[2]
    w1, w2 = net.parameters["fc1.weight"], net.parameters["fc2.weight"]
    dh = dz @ w2
    da = dh * (1 - hidden**2)
    rows = {n.name: n for n in passed.norms}
    for name, value, gradient in (("input", x, da @ w1), ("fc1", hidden, dh), ("fc2", scores, dz)):
        assert rows[name].value == pytest.approx(np.linalg.norm(value), rel=1e-12)
        assert rows[name].gradient == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    assert rows["fc2"].weights == pytest.approx(np.linalg.norm(np.append(w2, net.parameters["fc2.bias"])), rel=1e-12)
    assert rows["fc2"].steps == pytest.approx(np.linalg.norm(np.append(np.outer(dz, hidden), dz)), rel=1e-12)
    film = net.backprop(x, [2])
    assert film.last == 7
    assert not texts(film.frame(0))[-1].startswith("forward")


def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    assert main(["backprop", BACKPROP, "--x", "1,-2", "--target", "1", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("backprop: mse = ") and "steps to" in said
    net = netspec.compile(BACKPROP, device="reference", dtype="float64")
    loss = net.evaluate(np.array([[1.0, -2.0]]), np.array([[1.0]]))["loss"]
    assert f"mse = {loss:.3f}" in said
    shown = texts(out.read_text(encoding="utf-8"))
    assert sum(t == "×" for t in shown) == 18 and sum(t == "+" for t in shown) == 7 and sum(t == "sigmoid" for t in shown) == 7
    names = [t for t in shown if re.fullmatch(r"[Wb]\d(\[[\d,]+\])?", t)]
    assert len(set(names)) == len(names) == 25 and {"W1[2,1]", "W2[0,0]", "W3[2]", "b1[0]", "b3"} <= set(names)
    assert "W1, b1: fc1; W2, b2: fc2; W3, b3: fc3" in shown
    assert main(["backprop", str(ROOT / "specs" / "digits.net"), "--target", "3", "-o", str(tmp_path / "n.svg")]) == 0
    assert "cross_entropy" in capsys.readouterr().out


def test_targets_of_a_map_are_numbers_in_a_row(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cross = "0,1,0,1,1,1,0,1,0"
    assert main(["backprop", str(ROOT / "specs" / "filters.net") + ":pattern", "--input", "1x3x3", "--x", cross, "--target",
                 "0,0,0,0,1,0,0,0,0", "-o", str(tmp_path / "a.svg")]) == 0
    assert "mse = 0:" in capsys.readouterr().out  # it is found, and nothing beside it


class Waits(Watch):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def changed(self) -> None:
        self.said.append(str(self.waits[-1]))


def test_an_animation(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    net = netspec.compile(text="net a:\n  input 2\n  fc 1\n", device="reference")
    film = net.backprop([[1.0, 2.0]], [[0.0]], theme="dark")
    waits = Waits()
    with watched(waits):
        film.save(tmp_path / "a.gif")
    assert waits.said == [f"drawing step {k} of {film.last + 1}" for k in range(1, film.last + 2)], "whoever waits is told how far it is"
    with Image.open(tmp_path / "a.gif") as image:
        assert getattr(image, "n_frames", 1) == film.last + 1
        for step in range(film.last + 1):
            image.seek(step)
            whole = Image.open(io.BytesIO(raster(film.frame(step), dpi=72))).convert("RGB")
            apart = np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(whole, int))
            assert apart.max() < 64 and apart.mean() < 1, "64 colours of what the frame is"


@pytest.mark.parametrize(("given", "said"), [
    (("--x", "1,2,3"), "3 numbers, and 2 are wanted"), (("--x", "a=1,2"), "names `a`"), (("--target", "1,2"), "target"),
    (("--loss", "mse"), "hint: --target 1\n"), (("--loss", "foo"), "--> --loss:1:6"), (("--x", "nan,-2"), "--x holds nan"),
    (("--x", "1e999,-2"), "--x holds inf"), (("--target", "nan"), "--target holds nan"), (("--x", "1,2,3"), "hint: --x 1,1\n"),
    (("-o", "a.tif"), ".html"), (("--x", "none.png"), "none.png")])
def test_what_cannot_be_drawn(given: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = () if "-o" in given else ("-o", str(tmp_path / "a.svg"))
    assert main(["backprop", BACKPROP, *given, *place]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "a.svg").exists()


def test_what_many_numbers_are_given_as(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A person types eight of them; a net of several answers says how its target is given, in words of the command line."""
    spec = tmp_path / "a.net"
    spec.write_text("net a:\n  input 3x4x4\n  fc 2\n", encoding="utf-8")
    place = ("-o", str(tmp_path / "a.svg"))
    assert main(["backprop", str(spec), "--x", "1,2", *place]) == 2
    assert "48 are wanted" in (err := capsys.readouterr().err) and "3x4x4: --x x.npy" in err and "--x cat.png" in err
    np.save(tmp_path / "x.npy", np.full((3, 4, 4), np.nan))
    assert main(["backprop", str(spec), "--x", str(tmp_path / "x.npy"), *place]) == 2
    assert "--x holds nan" in capsys.readouterr().err
    assert main(["backprop", str(spec), *place]) == 2
    assert "hint: --target 1,0" in (err := capsys.readouterr().err) and "backprop(" not in err


def test_what_needs_a_target() -> None:
    net = netspec.compile(text="net a:\n  input 3\n  fc 2\n", device="reference")
    with pytest.raises(netspec.NetspecError, match="several numbers"):
        net.backprop(np.ones((1, 3)))
    with pytest.raises(netspec.NetspecError, match="one example"):
        net.backprop(np.ones((2, 3)), np.ones((2, 2)))
    assert net.backprop(np.ones((1, 3)), np.ones((1, 2))).title.startswith("a: mse = ")
    assert MOST >= 62  # the lectures' example


def test_several_outputs_say_which(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nobody picks one of them in silence; what the hint says works."""
    spec, place = tmp_path / "a.net", ("-o", str(tmp_path / "a.svg"))
    spec.write_text("net a:\n  input 3\n  trunk: fc 4\n  output angle: fc 1\n  output cls: @trunk -> fc 12\n", encoding="utf-8")
    for given in ((), ("--target", "1")):
        assert main(["backprop", str(spec), *given, *place]) == 2
        assert "outputs angle, cls" in (err := capsys.readouterr().err)
        assert "hint: --target angle=1\n" in err and "<python>" not in err
    assert main(["backprop", str(spec), "--target", "angle=1", *place]) == 0
    assert "a: mse = " in capsys.readouterr().out
    assert main(["backprop", str(spec), "--target", "cls=3", "--loss", "cross_entropy @cls", *place]) == 0
    assert "a: cross_entropy = " in capsys.readouterr().out
    net = netspec.compile(spec, device="reference")
    with pytest.raises(netspec.NetspecError, match="outputs angle, cls"):
        net.backprop(np.ones((1, 3)))
    with pytest.raises(netspec.NetspecError, match="does not say which"):
        net.backprop(np.ones((1, 3)), np.ones((1, 1)))


@pytest.mark.parametrize(("last", "said"), [("fc 12", "the number of a class: --target 3 --loss cross_entropy, or a file"),
                                            ("conv 1 3x3", "a file of an array of 1x8x8: --target y.npy")])
def test_the_target_that_is_advised_is_one(last: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec, place = tmp_path / "a.net", ("-o", str(tmp_path / "a.svg"))
    spec.write_text(f"net a:\n  input 1x8x8\n  {last}\n", encoding="utf-8")
    assert main(["backprop", str(spec), *place]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    np.save(tmp_path / "y.npy", np.ones((1, 8, 8)))
    given = ("--target", "3", "--loss", "cross_entropy") if last[0] == "f" else ("--target", str(tmp_path / "y.npy"))
    assert main(["backprop", str(spec), *given, *place]) == 0


def test_numbers_may_begin_with_a_minus(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ("-o", str(tmp_path / "a.svg"))
    assert main(["backprop", BACKPROP, "--x", "-1,-2", "--target", "1", *place]) == 0
    assert main(["backprop", BACKPROP, "--x", "-1.5,2", "--target", "1", *place]) == 0
