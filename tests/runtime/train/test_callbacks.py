"""What is called while a network trains, the files it writes its numbers to, and which weights it keeps."""

from __future__ import annotations

import csv
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
import netspec.datasets
from netspec import NetspecError
from netspec.runtime.runs.logs import _masked

TEXT = "net a:\n  input 4\n  fc 3\n\ntrain a:\n  loss cross_entropy\n  sgd lr={lr}\n  batch 5\n"
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((20, 4)), np.arange(20) % 3
XV, YV = RNG.standard_normal((9, 4)), np.arange(9) % 3


def net(lr: float = 0.1, more: str = "") -> netspec.Network:
    return netspec.compile(text=TEXT.format(lr=lr) + more, device="reference")


class Heard(netspec.Callback):
    def __init__(self) -> None:
        self.said: list[Any] = []

    def on_begin(self, net: Any, last: int) -> None:
        self.said.append(("begin", last))

    def on_step(self, net: Any, step: int, loss: float) -> None:
        assert net.step == step and net.predict(X[:1]).shape == (1, 3)
        self.said.append(("step", step))

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> None:
        assert net.epoch == epoch and {"loss", "accuracy", "val_loss", "lr", "seconds"} <= set(numbers)
        self.said.append(("epoch", epoch))

    def on_end(self, net: Any, history: Any) -> None:
        self.said.append(("end", history.epochs))


def test_callbacks_hear_of_everything_in_order() -> None:
    heard, a, b = Heard(), net(), net()
    a.fit(X, Y, epochs=2, validation=(XV, YV), callbacks=[heard], verbose=0)
    steps = [("step", k) for k in range(1, 9)]
    assert heard.said == [("begin", 2), *steps[:4], ("epoch", 1), *steps[4:], ("epoch", 2), ("end", [1, 2])]
    b.fit(X, Y, epochs=2, validation=(XV, YV), verbose=0)
    assert (a.predict(X) == b.predict(X)).all()  # to listen changes nothing


def test_callbacks_that_are_equal_both_hear_of_the_beginning() -> None:
    @dataclass
    class Beginnings(netspec.Callback):
        name: str = "one"
        heard: int = field(default=0, compare=False)

        def on_begin(self, net: Any, last: int) -> None:
            self.heard += 1

    one, other = Beginnings(), Beginnings()
    net().fit(X, Y, epochs=1, callbacks=[one, other], verbose=0)
    assert one == other and (one.heard, other.heard) == (1, 1)


def test_a_text_stops_training_and_what_is_raised_ends_it() -> None:
    history = net().fit(X, Y, epochs=9, verbose=0, callbacks=lambda net, epoch, numbers: "it is late" if epoch == 2 else None)
    assert history.epochs == [1, 2] and history.stopped == "stopped after epoch 2: it is late"
    with pytest.raises(ZeroDivisionError):
        net().fit(X, Y, epochs=2, verbose=0, callbacks=[lambda *_: 1 // 0])
    for wrong in (3, [3], [Heard], "text", [None]):
        with pytest.raises(NetspecError, match="callback"):
            net().fit(X, Y, epochs=1, verbose=0, callbacks=wrong)  # type: ignore[arg-type]


def test_logs_hold_what_history_holds(tmp_path: Path) -> None:
    a = net()
    log = [str(tmp_path / "a.jsonl"), str(tmp_path / "a.csv"), str(tmp_path / "board")]
    first = a.fit(X, Y, epochs=2, validation=(XV, YV), log=log, verbose=0)
    second = a.fit(X, Y, epochs=1, validation=(XV, YV), log=log, verbose=0)
    want = [*first["val_loss"], *second["val_loss"]]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [e["val_loss"] for e in lines] == want == [float(r["val_loss"]) for r in rows]
    assert [e["epoch"] for e in lines] == [1, 2, 3] == [int(r["epoch"]) for r in rows]
    assert len(list((tmp_path / "board").glob("events.out.tfevents.*"))) == 2
    for wrong in (tmp_path / "no" / "a.csv", tmp_path / "a.csv" / "b.jsonl", tmp_path / "a.csv" / "board"):
        with pytest.raises(NetspecError):
            net().fit(X, Y, epochs=1, log=str(wrong), verbose=0)


def test_checksums_are_castagnolis() -> None:
    """The check value of CRC-32C, masked as TensorFlow does: its tests have the same number."""
    crc = (((_masked(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF) << 15 | ((_masked(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF) >> 17)
    assert crc & 0xFFFFFFFF == 0xE3069283


def test_tensorboard_reads_its_events(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    history = net().fit(X, Y, epochs=3, log=str(tmp_path), verbose=0)
    (file,) = tmp_path.iterdir()
    found: dict[str, list[tuple[int, float]]] = {}
    for event in loader.RawEventFileLoader(str(file)).Load():
        from tensorboard.compat.proto.event_pb2 import Event

        e = Event.FromString(event)
        for v in e.summary.value:
            found.setdefault(v.tag, []).append((e.step, v.simple_value))
    assert [k for k, _ in found["loss"]] == [1, 2, 3]
    assert np.allclose([v for _, v in found["loss"]], history["loss"])


def test_events_are_records_of_scalars(tmp_path: Path) -> None:
    """Read by hand, as the format has it: length, checksum, data, checksum."""
    net().fit(X, Y, epochs=1, log=str(tmp_path), verbose=0)
    data, records = next(iter(tmp_path.iterdir())).read_bytes(), []
    while data:
        (length,), head = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])[0]
        body, tail = data[12 : 12 + length], struct.unpack("<I", data[12 + length : 16 + length])[0]
        assert (head, tail) == (_masked(data[:8]), _masked(body))
        records.append(body)
        data = data[16 + length :]
    assert len(records) == 2 and b"brain.Event:2" in records[0] and b"loss" in records[1] and b"accuracy" in records[1]


def test_keep_best_puts_back_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    seen: list[tuple[float, Any]] = []

    def remember(net: Any, epoch: int, numbers: dict[str, Any]) -> None:
        seen.append((numbers["val_accuracy"], net.parameters["fc1.weight"]))

    a = net(lr=3)
    path = tmp_path / "best.safetensors"
    history = a.fit(X, Y, epochs=8, validation=(XV, YV), keep="best val_accuracy", best=str(path), verbose=0, callbacks=remember)
    k = max(range(8), key=lambda i: (seen[i][0], -i))
    assert history.best == k + 1 and (a.parameters["fc1.weight"] == seen[k][1]).all() and k < 7
    assert (netspec.load(path, device="reference").predict(X) == a.predict(X)).all()
    last = net(lr=3, more="  keep last\n")
    last.fit(X, Y, epochs=8, validation=(XV, YV), verbose=0)
    assert (last.parameters["fc1.weight"] == seen[-1][1]).all()
    for wrong in ("best val_acuracy", "best f1", "worst", "best a b"):
        with pytest.raises(NetspecError):
            net().fit(X, Y, epochs=1, validation=(XV, YV), keep=wrong, verbose=0)


def test_examples_for_testing_choose_nothing(tmp_path: Path) -> None:
    """Whatever they are, the same weights are kept, rates fall at the same epoch, and training stops at the same one: by its own
    loss. They are watched; whoever names their number chooses by it."""
    found, seen = [], []
    for k in range(2):
        a, path = net(lr=8, more="  early_stopping 2\n"), tmp_path / f"{k}.safetensors"
        tests = XV, (YV + k) % 3
        history = a.fit(netspec.data.Data("d", (X, Y), test=tests), epochs=30, best=str(path), verbose=0)
        assert history.best == 1 + int(np.argmin(history["loss"])) < len(history.epochs)
        assert history.stopped is not None and "loss of training was best" in history.stopped
        falling = net(lr=8, more="  schedule plateau 0\n")
        rates = falling.fit(netspec.data.Data("d", (X, Y), test=tests), epochs=6, verbose=0)["lr"]
        found.append((history.epochs, history.best, history["loss"], rates, a.parameters["fc1.weight"].tobytes()))
        assert netspec.load(path, device="reference").epoch == history.best
        seen.append(history["val_loss"])
    assert found[0] == found[1] and len(set(found[0][3])) > 1 and seen[0] != seen[1]
    named = net(lr=8).fit(netspec.data.Data("d", (X, Y), test=(XV, YV)), epochs=6, keep="best val_loss", verbose=0)
    assert named.best == 1 + int(np.argmin(named["val_loss"]))
    with pytest.raises(NetspecError, match="`val_accuracy` is not measured") as e:
        net().fit(netspec.data.Data("d", (X, Y)), keep="best val_accuracy", verbose=0)
    notes = e.value.diagnostics[0].notes
    assert "no examples validate" in notes[0] and "validation=0.2" in notes[1]
    assert net().fit(X, Y, keep="best accuracy", epochs=2, verbose=0).best


def test_the_best_weights_of_a_run_that_goes_on_are_those_in_its_file(tmp_path: Path) -> None:
    """Chosen by another number, they stay until one is better by the number that chooses now; what is no file of this training
    gives way to the next epoch's."""
    a, path = net(lr=8), tmp_path / "best.safetensors"
    first = a.fit(X, Y, epochs=6, validation=(XV, YV), keep="best val_loss", best=str(path), verbose=0,
                  checkpoint=str(tmp_path / "last"))
    epoch = 1 + int(np.argmin(first["val_loss"]))
    other = 1 + int(np.argmin(first["loss"]))
    assert epoch != other and netspec.load(path, device="reference").epoch == epoch
    goes_on = net(lr=1e-9).load(str(tmp_path / "last"))
    more = goes_on.fit(X, Y, epochs=1, keep="best loss", best=str(path), early_stopping=2, verbose=0)
    better = more["loss"][0] < first["loss"][epoch - 1]
    assert more.best == netspec.load(path, device="reference").epoch == (7 if better else epoch)
    path.write_bytes(b"nothing")
    goes_on = net(lr=1e-9).load(str(tmp_path / "last"))
    assert goes_on.fit(X, Y, epochs=1, best=str(path), verbose=0).best == 7 == netspec.load(path, device="reference").epoch


@pytest.mark.parametrize("shape", ["fc 3", "fc 5\n  fc 3"])
def test_the_best_weights_of_another_training_are_nobody_elses(shape: str, tmp_path: Path) -> None:
    """Its file lies where this run's best weights go, and this run's first epoch was better than those that follow."""
    path = tmp_path / "best.safetensors"
    net().fit(X, Y, epochs=1, best=str(path), verbose=0)
    a = netspec.compile(text=TEXT.format(lr=1e-9).replace("fc 3", shape), device="reference", seed=5)
    a.fit(X, Y, epochs=1, verbose=0)
    a.configure(optimiser="sgd lr=30")
    a.fit(X, Y, epochs=1, verbose=0)
    assert a.fit(X, Y, epochs=1, best=str(path), verbose=0).best == 3
    assert (netspec.load(path, device="reference").predict(X) == a.predict(X)).all()
    with pytest.raises(NetspecError, match="there is no checkpoint"):
        a.fit(X, Y, epochs=1, best=str(path), verbose=0, callbacks=lambda net, epoch, numbers: path.unlink())


def test_lines_of_the_section_are_what_fit_does() -> None:
    a = net(lr=5, more="  early_stopping 1\n  seed 7\n")
    assert a.seed == 7 and netspec.compile(text=TEXT.format(lr=1) + "  seed 7\n", device="reference", seed=0).seed == 0
    history = a.fit(X, Y, epochs=30, validation=(XV, YV), verbose=0)
    best = int(np.argmin(history["val_loss"]))
    assert history.stopped and len(history.epochs) == best + 2 and history.best == best + 1
    b = net(lr=5)
    other = b.fit(X, Y, epochs=30, validation=(XV, YV), early_stopping=1, seed=7, verbose=0)
    assert other.stopped is not None


@pytest.mark.parametrize("line", ["keep", "keep first", "keep best a b", "log", "log tensorbord", "log 3", "seed", "seed 1.5",
                                  "seed 1 2", "early_stopping 0", "early_stopping", "keep best 3"])
def test_lines_that_mean_nothing_are_refused(line: str) -> None:
    with pytest.raises(NetspecError) as e:
        net(more=f"  {line}\n")
    assert e.value.diagnostics[0].span is not None


def test_a_number_that_is_none_is_named_by_its_file() -> None:
    class Files(netspec.datasets.Lazy):
        shape, dtype = (20, 4), np.dtype("f8")

        def example(self, number: int) -> Any:
            return X[number] if number != 13 else np.full(4, np.nan)

        def called(self, number: int) -> str:
            return f"pictures/{number}.tif"

    with pytest.raises(NetspecError, match="the loss became nan") as e:
        net().fit(Files(), Y, verbose=0)
    assert any("(pictures/13.tif)" in n for n in e.value.diagnostics[0].notes), e.value.diagnostics[0].notes


def test_advice_says_the_rate_that_it_means() -> None:
    from netspec.optimisers.adam import Adam
    from netspec.optimisers.sgd import Sgd
    from netspec.runtime.runs.verdict import with_rate

    assert with_rate(Sgd(lr=0.1, momentum=0.9), Sgd().lr) == f"sgd lr={Sgd().lr:g} momentum=0.9"
    assert with_rate(Adam(lr=0.1), Adam().lr) == f"adam lr={Adam().lr:g}" and with_rate(Adam(), 0.5) == "adam lr=0.5"


def test_callbacks_hear_of_the_epoch_that_stops_training() -> None:
    seen: list[int] = []
    history = net(lr=8, more="  early_stopping 2\n").fit(X, Y, epochs=30, validation=(XV, YV), verbose=0,
                                                        callbacks=[lambda net, epoch, numbers: seen.append(epoch)])
    assert history.stopped is not None and seen == history.epochs
