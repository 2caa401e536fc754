"""A file that stands alone with its weights: what a run has learnt, what the train section says, and what is left out."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.runtime.standalone.carried import weights_of
from netspec.runtime.standalone.emit import standalone
from netspec.runtime.standalone.held import packed, unpacked
from netspec.runtime.standalone.left_out import left_out
from sweeps import the_first

TRAINED = """\
net small:
  input 3x6x6
  conv 8 3x3 bn relu lr=0.5
  maxpool 2
  dropout 0.25
  output aux: avgpool global -> fc 2
  fc 5

train small:
  loss cross_entropy ignore=3 @out
  loss mse @aux target=more weight=0.5
  sgd lr=0.1 momentum=0.9 decay=0.001 nesterov clip=0.5
  regularise l1 0.001 weights
  average 0.9
  accumulate 3
  schedule cosine
  augment flip
  metric accuracy @out
  batch 4
  epochs 3
  drop_last
  early_stopping 2
  keep best
  checkpoint every=5
  initialise lsuv
  log csv
  seed 7
"""
RANDOM = np.random.default_rng(0)
X, Y, MORE = RANDOM.standard_normal((24, 3, 6, 6)).astype("f4"), RANDOM.integers(0, 5, 24), RANDOM.standard_normal((24, 2))
Y[[0, 1, 9, 13, 14, 15]] = 3  # so that batches count for different numbers of labels


def loaded(text: str) -> Any:
    module = types.ModuleType("alone")
    exec(compile(text, "alone.py", "exec"), module.__dict__)
    return module


def every(net: Any) -> dict[str, Any]:
    return {**net.parameters, **net.buffers}


@pytest.mark.sweep  # test_emit.py has a step of one loss
def test_steps_of_the_file_are_those_of_fit() -> None:
    """Of several losses, with labels that do not count, batches gathered, gradients limited, and an average that predicts."""
    net = netspec.compile(text=TRAINED, seed=7).configure(initialise="none")
    alone = loaded(standalone(net.graph)).Network()
    for _ in range(2):
        net.fit(X, {"out": Y, "more": MORE}, epochs=1, verbose=0, schedule="none", augment="none", shuffle=False, keep="last")
        for k in range(0, 24, 4):
            alone.step(X[k : k + 4], {"out": Y[k : k + 4], "more": MORE[k : k + 4]})
    assert alone.steps == net.step == 4
    for name, value in every(net).items():
        np.testing.assert_array_equal(alone.parameters[name], value, name)
    for name, value in net.predict(X).items():
        np.testing.assert_array_equal(alone.predict(X)[name], value)
    weights = weights_of(net.state)
    assert any(k.startswith("average/") for k in weights.arrays)
    for predict in (True, False):
        again = loaded(standalone(net.graph, net.recipe, weights, predict)).Network()
        for name, value in net.predict(X).items():
            np.testing.assert_array_equal(again.predict(X)[name], value)
    for name, value in every(net).items():  # and goes on from the weights that were trained, not from their averages
        np.testing.assert_array_equal(again.parameters[name], value, name)


@pytest.mark.sweep
def test_a_part_that_is_refused_takes_the_whole_step_back() -> None:
    alone = loaded(standalone(netspec.load_graph(text=TRAINED).graph)).Network()
    before = {k: v.copy() for k, v in alone.parameters.items()}
    alone.step(X[8:12], {"out": Y[8:12], "more": MORE[8:12]})
    assert not np.array_equal(before["conv1.bn.mean"], alone.parameters["conv1.bn.mean"])
    with pytest.raises(FloatingPointError):
        alone.step(np.full((4, 3, 6, 6), np.inf), {"out": Y[:4], "more": MORE[:4]})
    assert alone.gathered.batches == alone.steps == 0
    assert all(np.array_equal(alone.parameters[k], v) for k, v in before.items())


def test_every_line_that_is_left_out_is_named() -> None:
    graph = netspec.load_graph(text=TRAINED.replace("  seed 7\n", "  seed 7\n  prepare standardise\n  data digits\n")).graph
    named = left_out(graph)
    text = standalone(graph)
    for line in ("schedule cosine", "augment flip", "metric accuracy", "batch 4", "epochs 3", "drop_last", "early_stopping 2",
                 "keep best", "checkpoint every=5", "initialise lsuv", "log csv", "prepare standardise", "data digits"):
        assert line in named, line
        assert f"    {line}\n" in text[: text.index("import ")], line
    assert not [n for n in named if n.split()[0] in ("loss", "sgd", "accumulate", "average", "regularise", "seed")]
    assert left_out(netspec.load_graph(text="net a:\n  input 4\n  fc 2\n").graph) == ()
    searched = "net a:\n  input 4\n  fc 2\ntrain a:\n  loss mse\n  lbfgs\n"
    assert left_out(netspec.load_graph(text=searched).graph) == ("lbfgs",)


def test_numbers_come_back_from_a_text_to_the_bit() -> None:
    arrays = {"a": RANDOM.standard_normal((3, 5)).astype("f4"), "b": np.zeros(0, "f4"), "c": np.array([-0.0, 1e-45, 3e38], "f4")}
    text = packed(arrays)
    assert all(ord(c) < 127 and c not in "\"'\\" for c in text)
    back = unpacked(text, {k: v.shape for k, v in arrays.items()})
    assert {k: v.tobytes() for k, v in back.items()} == {k: v.tobytes() for k, v in arrays.items()}


PICTURES = """\
net kinds:
  input 3x12x10
  conv 6 3x3 bn relu
  avgpool global
  fc 3

train kinds:
  data images "kinds" validation=0.25
  prepare standardise
  loss cross_entropy
  sgd lr=0.1
  epochs 2
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of pictures, and pictures."""
    folder = tmp_path_factory.mktemp("run")
    for k, kind in enumerate(("cat", "dog", "owl")):
        (folder / "kinds" / kind).mkdir(parents=True)
        for n in range(8):
            a = RANDOM.integers(0, 200, (17, 23, 3)).astype(np.uint8)
            a[..., k] += 55
            Image.fromarray(a).save(folder / "kinds" / kind / f"{n}.png")
    (folder / "kinds.net").write_text(PICTURES)
    with pytest.MonkeyPatch.context() as m:
        m.chdir(folder)
        assert main(["train", "kinds.net"]) == 0
    return folder


def script(folder: Path, *words: str) -> tuple[int, str, str]:
    """Python where there is no netspec: no PYTHONPATH, no folder of the checkout, and its name cannot be imported."""
    code = ("import sys; sys.modules['netspec'] = sys.modules['lark'] = sys.modules['networkx'] = sys.modules['safetensors'] = None; "
            "import runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, '.'); runpy.run_path(sys.argv[0], run_name='__main__')")
    done = subprocess.run([sys.executable, "-I", "-c", code, *words], cwd=folder, capture_output=True, text=True, timeout=300,
                          check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("beside", the_first(1, [False, True]))
def test_a_run_becomes_a_file_that_says_what_predict_says(run: Path, monkeypatch: pytest.MonkeyPatch, beside: bool,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(run)
    words = ["emit", "runs/kinds-1", "--predict", "-o", "kinds.py"]
    assert main([*words, "--beside"] if beside else words) == 0
    said = capsys.readouterr().out
    assert "of weights" in said and ("beside it, in kinds.safetensors" in said) == beside
    assert "leaves out" not in said, "what only predicts leaves nothing out"
    files = ["kinds/cat/0.png", "kinds/owl/3.png"]
    assert main(["predict", "runs/kinds-1", *files, "--top", "2", "-o", "theirs.npz"]) == 0
    want = capsys.readouterr().out
    code, out, err = script(run, "kinds.py", *files, "--top", "2", "-o", "ours.npz")
    assert (code, out) == (0, want), err
    assert "cat" in want and "%" in want
    ours, theirs = np.load("ours.npz"), np.load("theirs.npz")
    assert set(ours) == set(theirs)
    assert all(np.array_equal(ours[k], theirs[k]) for k in theirs)
    x = np.load("ours.npz")["out"]
    assert x.shape == (2, 3)
    (run / "kinds" / "owl" / "9.png").write_bytes(b"no picture")
    assert main(["predict", "runs/kinds-1", "kinds", "--top", "2"]) == 1
    want = capsys.readouterr().out
    code, out, err = script(run, "kinds.py", "kinds", "--top", "2")  # a folder, of which one picture cannot be read
    assert (code, out) == (1, want) and len(out.splitlines()) == 24 and "9.png cannot be read" in err
    (run / "kinds" / "owl" / "9.png").unlink()
    code, _, err = script(run, "kinds.py", "nothing.png")
    assert code == 1 and "there is no picture nothing.png" in err and "Traceback" not in err


def test_the_command_names_what_it_leaves_out(run: Path, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(run)
    assert main(["emit", "kinds.net", "-o", "first.py"]) == 0
    out = capsys.readouterr().out
    assert "of the train section it leaves out" in out and "data images" in out and "epochs 2" in out and "prepare standardise" in out
    assert main(["emit", "kinds.net"]) == 0
    both = capsys.readouterr()
    assert "of the train section it leaves out" in both.err and both.out == Path("first.py").read_text()
    assert main(["emit", "kinds.net", "--weights", "runs/kinds-1", "-o", "held.py"]) == 0
    assert "prepare standardise" not in capsys.readouterr().out, "the run has measured it"
    assert main(["emit", "kinds.net", "--beside", "-o", "held.py"]) == 2
    assert "hint: --weights" in capsys.readouterr().err


def test_weights_of_elsewhere_and_of_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    numbers = {"head.weight": RANDOM.standard_normal((2, 4)).astype("f4"), "head.bias": np.ones(2, "f4")}
    np.savez("theirs.npz", **numbers)
    Path("a.net").write_text("net a:\n  input 4\n  fc 2\n")
    Path("b.net").write_text('import a from "a.net"\nnet b:\n  input 4\n  a weights="theirs.npz"\n')
    x = RANDOM.standard_normal((5, 4)).astype("f4")
    for words in (["a.net", "--weights", "theirs.npz"], ["b.net"]):
        assert main(["emit", *words, "--predict", "-o", "a.py"]) == 0, capsys.readouterr().err
        np.testing.assert_allclose(loaded(Path("a.py").read_text()).predict(x), x @ numbers["head.weight"].T + 1, rtol=1e-5)
    for wrong in ("a.net", "none.npz", "."):
        assert main(["emit", "a.net", "--weights", wrong, "-o", "c.py"]) in (1, 2)
        assert "error: " in capsys.readouterr().err and not Path("c.py").exists()


@pytest.mark.parametrize(("last", "meaning", "said"), the_first(1, [
    ("log_softmax", np.exp, "2 50.0%  1 30.0%"), ("softmax", None, "2 50.0%  1 30.0%"), ("sigmoid", None, "2 80.0%  0 50.0%"),
    ("hardsigmoid -> reshape 3x1x1", None, "2 75.0%  0 50.0%"), ("log_softmax -> reshape 3x1x1", np.exp, "2 50.0%  1 30.0%"),
    ("relu", None, "0 0 1.38629")]))
def test_without_a_loss_the_last_step_says_what_numbers_mean(last: str, meaning: Any, said: str, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    """`predict` and the file alike; logarithms of probabilities are no percentages."""
    monkeypatch.chdir(tmp_path)
    x = {"sigmoid": [0, -1, np.log(4)], "hardsigmoid": [0, -1, 1.5], "relu": [-1, -2, np.log(4)]}.get(
        last.split()[0], np.log([0.2, 0.3, 0.5]))
    np.save("x.npy", np.array([x], "f4"))
    net = netspec.compile(text=f"net a:\n  input 3\n  fc 3 bias=no\n  {last.replace(' -> ', chr(10) + '  ')}\n", device="reference")
    net.parameters["fc1.weight"] = np.eye(3)
    net.save("a.safetensors")
    assert main(["predict", "a.safetensors", "x.npy", "--top", "2", "-o", "theirs.npz"]) == 0
    want = capsys.readouterr().out
    assert " ".join(said.split()) in " ".join(want.split())
    assert main(["emit", "a.safetensors", "--predict", "-o", "a.py"]) == 0
    capsys.readouterr()
    code, out, err = script(tmp_path, "a.py", "x.npy", "--top", "2", "-o", "ours.npz")
    assert (code, out) == (0, want), err
    ours, theirs = np.load("ours.npz")["out"], np.load("theirs.npz")["out"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    raw = net.predict(np.array([x]))
    np.testing.assert_allclose(theirs, raw if meaning is None else meaning(raw), rtol=1e-6)
