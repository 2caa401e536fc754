"""Memory that is predicted is the memory that is allocated, and no more than it need be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends.cpu import schedule
from netspec.backends.cpu.executor import CpuExecutor
from netspec.cli import main
from netspec.runtime.footprint import footprints, shown, size
from sweeps import one_of_each
from where import ROOT

TEXTS = {
    "dense": "net a:\n  input 7\n  fc 5 relu -> fc 3\ntrain a:\n  loss cross_entropy\n  sgd\n",
    "residual": "net a:\n  input 3x16x16\n  conv 32 3x3 bn relu\n  residual: conv 32 3x3 bn\n  maxpool 2 -> fc 4\ntrain a:\n  loss cross_entropy\n  adam\n  average 0.9\n",
    "volume": "net a:\n  input 2x6x7x8\n  conv 5 3x3x3 /2 -> conv 20 1 -> fc 3\ntrain a:\n  loss cross_entropy\n  sgd momentum=0.9\n"}


def allocated(executor: Any) -> int:
    """Bytes of all arrays that an executor holds."""
    assert isinstance(executor, CpuExecutor)
    assert len(executor.lanes.made) == 1
    flat = (executor.lanes.first.arena, *executor.numbers.held.values())
    return sum(a.nbytes for a in flat) + sum(k.vectors.nbytes + k.workspace.nbytes for e in executor.entries.values()
                                             for k in e.kept.values())


@pytest.mark.parametrize(("kind", "dtype"), one_of_each(
    [*((kind, "float32") for kind in TEXTS), *((kind, "float64") for kind in TEXTS if kind != "residual")], lambda kind, dtype: kind))
def test_it_is_exact(kind: str, dtype: str) -> None:
    spec = netspec.load_graph(text=TEXTS[kind])
    need = spec.memory(dtype)
    x = np.random.default_rng(0).standard_normal((37, *(s or 0 for s in spec.graph.inputs[0].type.shape)))
    predicting = netspec.compile(text=TEXTS[kind], dtype=dtype)
    predicting.predict(x, batch=37)
    assert allocated(predicting.executor) == need["predict"].bytes(37)
    training = netspec.compile(text=TEXTS[kind], dtype=dtype)
    training.train_step(x, np.arange(37) % 3)
    assert allocated(training.executor) == need["train"].bytes(37)
    assert need["train"].batch(need["train"].bytes(37)) == 37
    assert need["train"].batch(need["train"].bytes(37) - 1) == 36
    assert need["train"].batch(0) == 0


def test_partial_gradients_take_each_others_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where little may wait to be added up, memory is reused, and the numbers stay as they are to the last bit."""
    text = "net a:\n  input 16x12x12\n  repeat 6: conv 32 3x3 relu\n  fc 3\ntrain a:\n  loss cross_entropy\n  sgd\n"
    x, y = np.random.default_rng(0).standard_normal((20, 16, 12, 12)), np.arange(20) % 3
    usual = netspec.compile(text=text)
    _, want = usual.loss_and_gradients(x, y)
    more = footprints(usual.graph, usual.recipe)["train"]
    monkeypatch.setattr(schedule, "WAITING", 1)
    less = footprints(usual.graph, usual.recipe)["train"]
    _, got = netspec.compile(text=text).loss_and_gradients(x, y)
    assert less.fixed < more.fixed
    for k in want:
        np.testing.assert_array_equal(got[k], want[k])


def test_amounts() -> None:
    assert [size(t) for t in ("8GB", "8 gb", "8G", "1.5GiB", "512MB", "100", "2k")] == [8
                                                                                        * 10**9] * 3 + [3 << 29, 512 * 10**6, 100,
                                                                                                2000]
    assert [shown(n) for n in (999, 1500, 79_900_000, 2 * 10**12)] == ["999 bytes", "1.5 kB", "79.9 MB", "2 TB"]
    for wrong in ("", "x", "-1", "8 QB", "1e9", "GB"):
        with pytest.raises(netspec.NetspecError, match="no amount of memory"):
            size(wrong)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "specs" / "digits.net")
    assert main(["summary", spec, "--memory"]) == 0
    assert "memory on the CPU" in capsys.readouterr().out
    assert main(["summary", spec, "--memory", "--format", "json"]) == 0
    need = json.loads(capsys.readouterr().out)["memory"]["train"]
    budget = need["fixed"] + 100 * need["sample"] + 5
    assert main(["train", spec, "--epochs", "1", "--memory", f"{budget}", "--out", str(tmp_path / "a.safetensors")]) == 0
    assert "batch 100" in capsys.readouterr().out
    assert main(["train", spec, "--epochs", "1", "--memory", f"{need['fixed']}", "--out", str(tmp_path / "a.safetensors")]) == 1
    assert "does not train in" in capsys.readouterr().err
