"""The times of layers: every kernel of a program counts for the layer that it computes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import netspec
from netspec.backends.cpu.executor import CpuExecutor
from netspec.cli import main
from netspec.diagnostics import NetspecError
from netspec.passes.differentiate import cotangent_program
from netspec.runtime.measuring import timing
from netspec.runtime.measuring.timing import time_layers
from where import ROOT

DIGITS = ROOT / "specs" / "digits.net"


def test_every_layer_that_multiplies_takes_time_and_no_time_is_lost() -> None:
    graph = netspec.load_graph(DIGITS).graph
    times = time_layers(graph, batch=2, rounds=1)
    counts = netspec.load_graph(DIGITS).counts()
    for of in times.seconds.values():
        assert set(of) <= {n.name for n in graph}
        assert all(of[c.name] > 0 for c in counts.nodes if c.macs)
    assert times.batch == 2 and times.seconds["train"].keys() >= {"conv1.bn", "maxpool1"}


def test_what_prepares_and_finishes_a_kernel_counts_for_its_layer() -> None:
    graph = netspec.load_graph(DIGITS).graph
    entry = CpuExecutor(graph).plan(cotangent_program(graph, training=True, inputs=False), False)
    layer = entry.schedule.layers(graph.by_name)
    made = entry.schedule
    calls = [c.name for s in (made.prepare, made.main, made.effects) for c in s.calls if c is not None]
    found = {name: layer(name) for name in calls}
    assert all(found.values()), found
    assert found["conv2.y.winograd"] == "conv2" and found["d.conv4.weight.fold"] == "conv4"
    assert found["d.fc1.out"] == "fc2"  # the gradient of what fc2 reads, with that of relu in the same kernel
    assert found["conv1.bn.mean2"] == "conv1.bn"  # the running mean


def test_a_batch_that_nobody_has_chosen_fits_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = netspec.load_graph(text="net a:\n  input 3x16x16\n  conv 8 3x3\n").graph
    assert time_layers(graph, rounds=1, entries=("predict",)).batch == 32
    monkeypatch.setattr(timing, "ROOM", 100_000)
    assert 4 < time_layers(graph, rounds=1, entries=("predict",)).batch < 32


def test_the_command_prints_and_writes_the_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", f"{DIGITS}:digits", "--batch", "2", "--rounds", "1", "-o", str(tmp_path / "times.json")]) == 0
    said = capsys.readouterr().out
    assert "conv2     conv 32 3x3 bn relu" in said and "predict" in said and "train" in said
    written = json.loads((tmp_path / "times.json").read_text())
    assert written["batch"] == 2 and written["net"] == "digits"
    for entry in written["entries"].values():
        assert entry["seconds"] == pytest.approx(sum(entry["layers"].values()))


def test_what_cannot_be_timed_or_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(DIGITS), "-o", str(tmp_path / "times.txt")]) == 2
    assert "-o times.json" in capsys.readouterr().err
    with pytest.raises(NetspecError, match="size of the input"):
        time_layers(netspec.load_graph(text="net a:\n  input 3x?x?\n  conv 8 3x3\n").graph)
