"""A checkpoint is enough: it holds the spec with all that it imports, and from a stranger it can do what a spec can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import netspec
from checkpoints import forged, held
from netspec import NetspecError
from netspec.cli import main
from netspec.optimisers import OPTIMISERS
from netspec.optimisers.sgd import Sgd
from netspec.runtime.io.checkpoint import ResumeWarning
from netspec.runtime.train.session import train
from where import REFERENCES

PARTS = "k = 2\nblock unit(n):\n  conv n 3x3 bn relu\n  conv k 1x1\n"
SPEC = """import unit from "parts.net"
import around from "other/ring.net"
k = 3
net my(classes, w=4):
  input 1x?x?
  unit w
  unit k
  around
  avgpool global
  fc classes

train my:
  data digits
  loss cross_entropy
  adam lr=0.01
  batch 64
  epochs 2
"""
RING = 'import again from "../other/back.net"\nblock around:\n  again\n'
BACK = 'import around from "ring.net"\nblock again: relu\n'


def write(folder: Path) -> None:
    (folder / "other").mkdir(exist_ok=True)
    for name, text in (("my.net", SPEC), ("parts.net", PARTS), ("other/ring.net", RING.replace("../other/", "")),
                       ("other/back.net", BACK)):
        (folder / name).write_text(text)


def trained(folder: Path) -> netspec.Network:
    """A net of imported blocks, of open sizes, with parameters given as Python has them and as a command line has them."""
    write(folder)
    net = netspec.compile(folder / "my.net", "my", classes=np.int64(10), w="3 + 2", device="reference", dtype="float32", seed=4)
    rng = np.random.default_rng(0)
    net.fit(rng.standard_normal((8, 1, 5, 6)), np.arange(8), epochs=1, batch=4, verbose=0)
    return net


def test_a_checkpoint_needs_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net = trained(tmp_path)
    net.save("my.safetensors")
    for name in ("my.net", "parts.net", "other/ring.net", "other/back.net"):
        (tmp_path / name).unlink()
    again = netspec.load("my.safetensors", device="reference")
    x = np.random.default_rng(1).standard_normal((5, 1, 7, 7))
    assert str(again.graph) == str(net.graph) and again.dtype == net.dtype == np.float32 and again.seed == 4
    assert (again.predict(x) == net.predict(x)).all()
    y = np.arange(5)
    assert net.fit(x, y, epochs=1, batch=4, verbose=0)["loss"] == again.fit(x, y, epochs=1, batch=4, verbose=0)["loss"]
    again.save("again.safetensors")
    assert (netspec.load("again.safetensors", device="reference").predict(x) == net.predict(x)).all()
    with pytest.warns(ResumeWarning, match="float64"):
        assert netspec.load("my.safetensors", device="reference", dtype="float64").dtype == np.float64


def test_what_was_read_is_what_is_kept(tmp_path: Path) -> None:
    """A spec that is changed while its network trains."""
    net = trained(tmp_path)
    (tmp_path / "parts.net").write_text("not a spec at all\n")
    net.save(str(tmp_path / "c"))
    assert netspec.load(tmp_path / "c", device="reference").graph.parameters == net.graph.parameters
    assert net.predict(np.zeros((1, 1, 9, 9))).shape == (1, 10)  # elaborated again, for another size


def test_every_command_takes_a_checkpoint_or_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    net = trained(tmp_path)
    net.save("run/last.safetensors")
    net.save("run/best.safetensors")
    net.save("run.bin")
    (tmp_path / "my.net").unlink()
    capsys.readouterr()
    for target in ("run", "run/last.safetensors", "run.bin", "run:my"):
        for words in (("check", target), ("summary", target), ("draw", target, "-o", "-"), ("show", "tree", target),
                      ("show", "graph", target), ("diff", target, "run"), ("emit", "run", "-o", "my.py")[:4 * (target == "run")]):
            if not words:
                continue
            code = main(list(words))
            out = capsys.readouterr()
            assert code == 0 and not out.err, (words, out)
    main(["summary", "run", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["inputs"] == {"input": [1, 5, 6]}  # the size it was trained on
    assert main(["summary", "run", "--input", "1x9x9", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"] == {"input": [1, 9, 9]}
    for words in (("summary", "run:other"), ("summary", "run", "--set", "classes=3"), ("check", "run:other")):
        assert main(list(words)) in (1, 2) and "error" in capsys.readouterr().err


def test_weights_that_a_spec_names_are_in_the_checkpoint(tmp_path: Path) -> None:
    save_file({"fc1.weight": np.full((2, 3), 0.5, "f4"), "fc1.bias": np.ones(2, "f4")}, tmp_path / "w.safetensors")
    (tmp_path / "a.net").write_text('net base:\n  input 3\n  fc 2\n\nnet a = base weights="w.safetensors"\n')
    net = netspec.compile(tmp_path / "a.net", "a", device="reference")
    assert (net.parameters["fc1.weight"] == 0.5).all()
    net.save(str(tmp_path / "c"))
    (tmp_path / "w.safetensors").unlink()
    assert (netspec.load(tmp_path / "c", device="reference").parameters["fc1.weight"] == 0.5).all()


def test_an_older_checkpoint_says_that_it_holds_no_spec(tmp_path: Path) -> None:
    with pytest.raises(NetspecError, match="holds no spec") as e:
        netspec.load(REFERENCES / "checkpoint_0_1_0.safetensors")
    assert e.value.diagnostics[0].code == "no-spec"
    for other in (tmp_path, tmp_path / "none"):
        with pytest.raises(NetspecError):
            netspec.load(other)


def test_a_strangers_checkpoint_is_a_strangers_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads no file for an import, and none outside the current folder for data, whatever it says the user once said."""
    home, path = tmp_path / "home", tmp_path / "c"
    home.mkdir()
    monkeypatch.chdir(home)
    net = netspec.compile(text="net a(p=\"x.npz\"):\n  input 3\n  fc 2\n\ntrain a:\n  data p\n  loss mse\n  sgd lr=0.1\n",
                          parameters={"p": str(tmp_path / "secret.npz")}, device="reference")
    np.savez(tmp_path / "secret.npz", x=np.zeros((4, 3)), y=np.zeros((4, 2)))
    from netspec.runtime.asking.data import own
    from netspec.runtime.train.session import data_of

    assert len(data_of(net.graph).train[0]) == 4  # the user may name any file
    net.save(str(path))
    there = netspec.load(path, device="reference")
    with pytest.raises(NetspecError, match="folder"):
        data_of(there.graph)  # a checkpoint may not
    tensors, facts = held(path)
    (home / "parts.net").write_text(PARTS)
    facts["spec"]["files"][0]["text"] = 'import unit from "parts.net"\n' + facts["spec"]["files"][0]["text"]
    forged(path, tensors, facts)
    with pytest.raises(NetspecError, match=r"no file parts\.net"):
        netspec.load(path, device="reference")
    for folder in ("..", str(tmp_path), "../..", "/", "\0"):
        _, facts = held(path)
        facts["spec"]["files"][0]["text"] = "net a:\n  input 3\n  fc 2\n\ntrain a:\n  data \"secret.npz\"\n  loss mse\n  sgd lr=0.1\n"
        forged(path, tensors, facts | {"spec": facts["spec"] | {"folder": folder, "parameters": {}}})
        with pytest.raises(NetspecError, match=r"secret\.npz"):
            data_of(netspec.load(path, device="reference").graph)
    for said in (str(tmp_path / "secret.npz"), "../secret.npz", f'"{tmp_path / "secret.npz"}"', "secret.npz"):
        net.state.learnt.data = said  # what `--data` once said, as a line or as a path
        net.save(str(path))
        with pytest.raises(NetspecError, match=r"secret\.npz"):
            own(netspec.load(path, device="reference"))
    np.savez(home / "secret.npz", x=np.zeros((5, 3)), y=np.zeros((5, 2)))
    assert len(own(netspec.load(path, device="reference")).train[0]) == 5


WRONG_SPECS: list[Any] = [
    {"files": []}, {"files": [{"name": "a", "text": "net a", "imports": {"x": 1}}]}, {"files": [{"name": "a", "imports": {}}]},
    {"net": 3}, {"parameters": []}, {"sizes": [0]}, {"sizes": {"input": "x"}}, {"precision": 1}, {"folder": None},
    {"files": [{"name": "a", "text": "x" * 9_000_000, "imports": {}}]}]


@pytest.mark.parametrize("wrong", WRONG_SPECS, ids=lambda w: str(w)[:40])
def test_a_spec_that_is_none_is_refused_by_name(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = tmp_path / "c"
    netspec.compile(text="net a:\n  input 3\n  fc 2\n", device="reference").save(str(path))
    tensors, facts = held(path)
    forged(path, tensors, facts | {"spec": facts["spec"] | wrong})
    with pytest.raises(NetspecError, match="`spec` is"):
        netspec.load(path, device="reference")


def test_texts_that_are_no_specs_are_refused_as_those_of_files(tmp_path: Path) -> None:
    path = tmp_path / "c"
    netspec.compile(text="net a:\n  input 3\n  fc 2\n", device="reference").save(str(path))
    tensors, facts = held(path)
    for text in ("net a:\n  input 3\n  fcc 2\n", "net a:\n", "\0", "", "net b:\n  input 3\n  fc 2\n", "\ud800"):
        spec = {**facts["spec"], "files": [{"name": "../../x", "text": text, "imports": {}}], "net": "a"}
        forged(path, tensors, facts | {"spec": spec})
        with pytest.raises(NetspecError):
            netspec.load(path, device="reference")


SAID = """net small:
  input 1x4x4
  conv 2 3x3 relu
  fc 3

train small:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  schedule cosine
  augment flip
  regularise l2 1e-4
  metric topk 2
"""


@pytest.mark.parametrize("said", [
    {"optimiser": "adam lr=0.333333333333", "schedule": "step every=1 factor=0.1", "batch": 64},  # all digits of a number
    {"schedule": "none", "augment": "none", "regularise": "none"},
    {"regularise": ["l1 1e-5 weights", "l2 1e-4"]}, {"regularise": "weights"}, {"regularise": ["l1 1e-5", "l2 0 weights"]},
    {"loss": ["cross_entropy weight=0.5", "hinge"], "metrics": ["accuracy", "f1 micro"]},
    {"accumulate": 4, "average": 0.9, "initialise": "lsuv", "drop_last": True, "keep": "best accuracy", "epochs": 7},
    {"factors": {"conv1": {"decay": 0, "lr": 0.1}}, "schedule": ["warmup 3", "cosine"], "augment": ["flip", "cutout 2"]}])
def test_what_python_says_of_training_is_in_the_checkpoint(tmp_path: Path, said: dict[str, Any]) -> None:
    net, path = netspec.compile(text=SAID, device="reference"), tmp_path / "a.safetensors"
    net.save(str(path))
    assert netspec.load(path, device="reference").state.origin.module.source.text == SAID  # untouched where nothing was said
    net.configure(**said).save(str(path))
    assert netspec.load(path, device="reference").recipe == net.recipe != netspec.compile(text=SAID, device="reference").recipe
    net.configure(batch=8).save(str(path))
    assert netspec.load(path, device="reference").recipe == net.recipe


def test_of_what_no_line_can_say_the_checkpoint_says_nothing(tmp_path: Path) -> None:
    """Functions, and words of a script that nobody else may have; what else was said is there."""
    class Own(Sgd, name="of_this_script"):
        """A word of a script."""

    def right(scores: Any, targets: Any) -> float:
        return 0.0

    path = tmp_path / "a.safetensors"
    try:
        net = netspec.compile(text=SAID, device="reference").configure(optimiser=Own(lr=0.5), metrics=right, batch=7)
        net.train_step(np.zeros((2, 1, 4, 4)), np.arange(2))
        net.save(str(path))
    finally:
        del OPTIMISERS["of_this_script"]
    with pytest.warns(ResumeWarning, match="of_this_script"):
        same = netspec.load(path, device="reference")
    assert same.recipe == netspec.compile(text=SAID, device="reference").configure(batch=7).recipe
    assert (same.predict(np.ones((1, 1, 4, 4))) == net.predict(np.ones((1, 1, 4, 4)))).all()


FREEZING = """net a:
  input 1x8x8
  stage1:
    conv 3 3x3 bn relu -> conv 3 3x3
  frozen: stage2:
    conv 4 3x3 bn relu
  avgpool global
  fc 10

train a:
  data digits
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  average 0.9
  batch 256
  epochs 2
"""


def numbers(net: netspec.Network) -> dict[str, bytes]:
    return {k: np.asarray(v).tobytes() for k, v in {**net.parameters, **net.buffers}.items()}


@pytest.mark.parametrize("again", ["load", "run", "sizes"])
def test_what_python_freezes_stays_frozen_where_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: str) -> None:
    """To the bits of the training that nothing interrupted."""
    monkeypatch.chdir(tmp_path)
    text = FREEZING.replace("1x8x8", "1x?x?") if again == "sizes" else FREEZING
    device = "cpu" if again == "run" else "reference"
    net = netspec.compile(text=text, device=device).freeze("fc1", "stage1.conv1").unfreeze("stage2").freeze("stage1")
    net.unfreeze("fc1.bias")
    first = numbers(net)
    if again == "run":
        train(net, out="half", epochs=1, quiet=True)
        assert main(["train", "--resume", "half", "--epochs", "2", "--quiet"]) == 0
        train(net, out="whole", epochs=2, quiet=True)
        went, whole = (netspec.load(tmp_path / f"{run}/last.safetensors") for run in ("half", "whole"))
        assert numbers(went) == numbers(net)
    else:
        x, y = np.random.default_rng(0).standard_normal((6, 1, 8, 8)), np.arange(6)
        net.train_step(x, y)
        net.save("a.safetensors")
        went, whole = netspec.load("a.safetensors", device=device), net
        assert went.averaged and (went.predict(x) == net.predict(x)).all()
        for one in (went, whole):
            one.train_step(x[:, :, :, :7] if again == "sizes" else x, y)
    same = {k for k, v in numbers(went).items() if v == first[k]}
    assert numbers(went) == numbers(whole)
    assert same == {k for k in first if k.startswith("stage1.") or k == "fc1.weight"}
    assert [(p.name, p.trainable) for p in went.graph.parameters] == [(p.name, p.trainable) for p in net.graph.parameters]
    went.unfreeze().save("b.safetensors")
    free = netspec.load("b.safetensors", device=device)
    assert all(p.trainable for p in free.graph.parameters if p.kind != "buffer") and free.state.origin.marks == (("", False),)


def test_a_part_that_is_not_there_is_not_frozen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the file of a stranger; one of a netspec before this says nothing of it."""
    path = tmp_path / "a.safetensors"
    netspec.compile(text=FREEZING, device="reference").freeze("stage1").save(str(path))
    assert main(["summary", str(path)]) == 0
    frozen = capsys.readouterr().out.count("frozen")
    tensors, facts = held(path)
    for marks, error in (([["stage3", True]], "no part `stage3`"), ([["stage1", 1]], "`frozen` is"), ([["stage1"]], "`frozen` is"),
                         ("stage1", "`frozen` is")):
        forged(tmp_path / "b.safetensors", tensors, facts | {"frozen": marks})
        with pytest.raises(NetspecError, match=error):
            netspec.load(tmp_path / "b.safetensors", device="reference")
    (tmp_path / "plain.net").write_text(FREEZING)
    assert main(["summary", str(tmp_path / "plain.net")]) == 0
    assert 0 < capsys.readouterr().out.count("frozen") < frozen
