"""Training that is interrupted inside an epoch goes on to the same bits and the same numbers, however it was ended."""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.datasets import Lazy
from netspec.runtime.io.nested import alike, packed, unpacked
from netspec.runtime.train.trainer import AnewWarning

TEXT = """
net small:
  input 2x1x3
  bn
  dropout 0.3
  fc 4

train small:
  loss cross_entropy
  adam lr=0.02 clip=2
  schedule warmup 1
  schedule cosine
  metric accuracy
  metric confusion
  augment flip
  batch 4
  accumulate 3
  average 0.8
  checkpoint every=2
  epochs 2
"""
RNG = np.random.default_rng(11)
X, Y = RNG.standard_normal((26, 2, 1, 3)), RNG.integers(0, 4, 26)


def net(**options: Any) -> netspec.Network:
    return netspec.compile(text=TEXT, device="reference", seed=2, **options)


def state(net: netspec.Network) -> dict[str, Any]:
    """Everything that training goes on from, and what it has measured."""
    return {**net.parameters, **net.buffers, **net.averages, "record": net.record, "step": net.step, "epoch": net.epoch,
            **{f"{s}/{k}": v for s in net.state.optimiser.slots for k, v in net.state.slot(s).items()}}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(v, b[k]) if isinstance(v, np.ndarray) else v == b[k] for k, v in a.items())


class Stops(Exception):
    """Ends training from outside."""


class Until(Lazy):
    """Examples that stop being there after so many."""

    def __init__(self, most: int):
        self.shape, self.dtype, self.left = X.shape, X.dtype, most

    def example(self, number: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Stops
        return X[number]


@pytest.fixture(scope="module")
def whole() -> tuple[dict[str, Any], Any]:
    trained = net()
    history = trained.fit(X, Y, verbose=0)
    return state(trained), history


def test_an_epoch_goes_on_where_it_was(tmp_path: Path, whole: tuple[dict[str, Any], Any]) -> None:
    """From the file, as the last steps had it, and in the network itself; loss and metrics are those of the whole epoch."""
    for most in (15, 45):
        path = str(tmp_path / f"{most}.safetensors")
        stopped = net()
        with pytest.raises(Stops):
            stopped.fit(Until(most), Y, checkpoint=path, verbose=0)
        resumed = [net().load(path)] if os.path.exists(path) else []
        assert bool(resumed) == (stopped.step > 1)
        for goes_on in (*resumed, copy.deepcopy(stopped), stopped):
            history = goes_on.fit(X, Y, verbose=0)
            assert same(state(goes_on), whole[0])
            assert history.final["loss"] == whole[1].final["loss"]
            assert np.array_equal(history.final["confusion"], whole[1].final["confusion"])


def test_what_an_epoch_goes_over_has_to_be_the_same(tmp_path: Path) -> None:
    stopped = net()
    with pytest.raises(Stops):
        stopped.fit(Until(22), Y, verbose=0)
    inside = stopped.state.course.inside
    assert inside is not None and inside.batch == 3
    other = copy.deepcopy(stopped)
    with pytest.warns(AnewWarning, match="interrupted after batch 3, and begins anew"):
        other.fit(X[:20], Y[:20], epochs=1, verbose=0)
    assert other.epoch == 1 and other.step == 1 + 2 and other.state.course.inside is None
    with pytest.warns(AnewWarning, match="f1 of epoch 1: of the batches from 4 on"):
        stopped.fit(X, Y, epochs=1, metrics=["f1", "accuracy"], verbose=0)
    assert stopped.step == 3
    stopped.epoch = 4  # a loop of one's own
    assert stopped.state.course.inside is None


def test_a_file_is_written_by_steps_and_by_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for options, steps in (({}, [2, 3, 4, 6]), ({"checkpoint_every": 3}, [3, 6]),
                           ({"checkpoint_minutes": 1e-9, "checkpoint_every": 100}, [1, 2, 3, 4, 5, 6])):
        small, written = net(), list[int]()
        monkeypatch.setattr(small, "save", lambda path, small=small, written=written: written.append(small.step))
        small.fit(X, Y, epochs=2, checkpoint=str(tmp_path / "c"), verbose=0, **options)
        assert list(dict.fromkeys(written)) == steps
    for wrong in ({"checkpoint_every": 5}, {"checkpoint": "c", "checkpoint_every": 0}, {"checkpoint": "c", "checkpoint_minutes": 0}):
        with pytest.raises(netspec.NetspecError):
            net().fit(X, Y, **wrong)
    said = netspec.compile(text=TEXT.replace("every=2", "every=500 minutes=0.5"), device="reference").recipe
    assert (said.checkpoint_every, said.checkpoint_minutes) == (500, 0.5)
    for line in ("checkpoint", "checkpoint 5", "checkpoint every=0", "checkpoint every=1.5", "checkpoint often=3",
                 "checkpoint every=1 every=2"):
        with pytest.raises(netspec.NetspecError):
            netspec.load_graph(text=TEXT.replace("checkpoint every=2", line))


def test_what_metrics_have_counted_is_kept_exactly() -> None:
    for value in (0, -3, 2**60, 0.1, float("inf"), True, None, "a", (1, (2.5, [])), [np.arange(6).reshape(2, 3), np.float32(0.1)],
                  {"a": np.zeros((0, 3), np.int8), "b": {}}):
        back = unpacked(json.loads(json.dumps(packed(value))))
        assert repr(back) == repr(value) and type(back) is type(value) and alike(value, back)
    with pytest.raises(TypeError):
        packed(object())
    deep: Any = 1
    for _ in range(40):
        deep = {"list": [deep]}
    for wrong in (deep, [1], {"tuple": 1}, {"list": [1], "dict": {}}, {"array": "AA==", "dtype": "<f8", "shape": [1]},
                  {"array": "AA==", "dtype": "|O", "shape": [1]}, {"array": "?", "dtype": "|u1", "shape": [1]},
                  {"array": "AA==", "dtype": "|u1", "shape": [True]}, {"array": "AA==", "dtype": "<u9", "shape": [1]}):
        with pytest.raises(ValueError, match=r"written so|array|dtype|decod|ase64|padding"):
            unpacked(wrong)
    for fresh, other in ((0, "a"), ((0, 0), (0,)), ((0, 0), [0, 0]), (np.zeros(3), np.zeros(4)), ({"a": 1}, {"b": 1}),
                         (np.zeros((2, 2)), 1)):
        assert not alike(fresh, other)


CHILD = """
import json, os, sys, time
import numpy as np
sys.path.insert(0, {tests!r})
import netspec
import test_interrupted as t

path, out = sys.argv[1:3]
class Slow(t.Until):
    def example(self, number):
        time.sleep(0.01)
        return t.X[number]
net = t.net()
if os.path.exists(path):
    net.load(path)
print("ready", net.epoch, net.step, flush=True)
if net.epoch < 2:  # it may have been ended after its last file
    net.fit(Slow(0), t.Y, checkpoint=path, verbose=0)
np.savez(out + ".npz", **{{k: np.asarray(json.dumps(v) if k == "record" else v) for k, v in t.state(net).items()}})
os.replace(out + ".npz", out)
"""


def ended(words: list[str], how: int, after: float, ready: str = "ready") -> int:
    """Run, and end it so, so long after it is ready; its exit code."""
    child = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    with child.stdout as said:
        assert any(ready in line for line in said)
        time.sleep(after)
        child.send_signal(how)
        said.read()
    return child.wait()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of POSIX")
def test_killed_at_random_moments(tmp_path: Path, whole: tuple[dict[str, Any], Any]) -> None:
    """How often NETSPEC_KILLS says, and then left alone: the same bits and the same record as without a pause."""
    script, path, out = tmp_path / "child.py", tmp_path / "c.safetensors", tmp_path / "out.npz"
    script.write_text(CHILD.format(tests=str(Path(__file__).parent)))
    words, rng = [str(script), str(path), str(out)], random.Random(5)
    for k in range(int(os.environ.get("NETSPEC_KILLS", "3"))):
        if out.exists():  # it came to its end before
            assert same(read(out), whole[0])
            out.unlink()
            path.unlink()
        ended(words, (signal.SIGKILL, signal.SIGINT)[k % 2], rng.uniform(0.0, 0.5))
        if path.exists():
            net().load(str(path))
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    assert same(read(out), whole[0])


def read(path: Path) -> dict[str, Any]:
    with np.load(path) as held:
        return {k: json.loads(str(v)) if k == "record" else v if v.shape else v.item() for k, v in held.items()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of POSIX")
def test_the_command_line_ends_at_sigterm_and_goes_on(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    spec, out = tmp_path / "s.net", str(tmp_path / "w.safetensors")
    spec.write_text(TEXT.replace("  loss cross_entropy", '  data "d.npz"\n  loss cross_entropy').replace("epochs 2", "epochs 400"))
    words = ["-m", "netspec", "train", str(spec), "--device", "reference", "--out", out]
    assert ended(words, signal.SIGTERM, 0.1, "  1/400") == 143
    stopped = netspec.compile(str(spec), device="reference").load(out)
    assert 0 < stopped.epoch < 400
    whole = netspec.compile(str(spec), device="reference").configure(epochs=stopped.epoch + 1)
    resumed = netspec.compile(str(spec), device="reference").configure(epochs=stopped.epoch + 1).load(out)
    with np.errstate(all="ignore"):
        whole.configure(epochs=400).fit(X, Y, epochs=stopped.epoch + 1, verbose=0)
        resumed.configure(epochs=400).fit(X, Y, epochs=1, verbose=0)
    assert same(state(whole), state(resumed))
