"""Schedules have one horizon: however the calls cut training, the bits are those of one run; beyond it, the last value."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.cli import main
from netspec.optimisers import OPTIMISERS
from netspec.runtime.network import Network
from netspec.runtime.train.batches import settings
from netspec.runtime.train.horizon import HorizonWarning
from netspec.runtime.train.session import train
from netspec.schedules import SCHEDULES
from sweeps import the_first

TEXT = "net a:\n  input 3\n  fc 4 bn relu\n  dropout 0.2\n  fc 2\n\ntrain a:\n  loss mse\n  batch 4\n"
NEEDED = {"multistep": "multistep [1, 3]", "sigmoid": "sigmoid 2", "plateau": "plateau 0 factor=0.5 margin=0.9",
          "warmup": "warmup 3", "step": "step 1"}
LINES = [NEEDED.get(name, name) for name in SCHEDULES]
RULES = ["sgd lr=0.05 momentum=0.9", *(n for n in OPTIMISERS if n not in ("sgd", "lbfgs")), "lbfgs lr=0.1 iterations=2"]


def data(n: int = 10, seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.standard_normal((n, 3)), random.standard_normal((n, 2))


def made(schedule: str, optimiser: str = "sgd lr=0.05 momentum=0.9", device: str = "cpu", text: str = TEXT,
         **more: Any) -> Network:
    return netspec.compile(text=text, device=device, dtype="float64", seed=3).configure(optimiser=optimiser, schedule=schedule,
                                                                                        **more)


def bits(net: Network) -> dict[str, bytes]:
    slots = {f"{s}/{k}": net.state.store.get_state(s, k) for s in net.state.optimiser.slots for k in net.parameters}
    return {k: np.asarray(v).tobytes() for k, v in {**net.parameters, **net.buffers, **net.averages,
                                                    **slots}.items()} | {"at": repr((net.step, net.epoch)).encode()}


@pytest.mark.parametrize(("line", "said"), [*the_first(6, [(line, 4) for line in LINES]), ("cosine", None), ("poly", 7)])
def test_one_run_however_it_is_cut(line: str, said: int | None, tmp_path: Path) -> None:
    (x, y), held = data(), data(5, seed=1) if line.startswith("plateau") else None
    whole = made(line, epochs=said)
    rates = whole.fit(x, y, epochs=4, shuffle=False, validation=held, verbose=0)["lr"]
    cut = made(line, epochs=said)
    parts = cut.fit(x, y, epochs=2, shuffle=False, validation=held, verbose=0)["lr"]
    cut.save(str(tmp_path / "c"))
    saved = made(line).load(str(tmp_path / "c"))  # the file knows the horizon
    assert saved.fit(x, y, epochs=2, shuffle=False, validation=held, verbose=0)["lr"] == rates[2:]
    assert parts + cut.fit(x, y, epochs=2, shuffle=False, validation=held, verbose=0)["lr"] == rates
    loop = made(line, epochs=said)
    for _ in range(4):
        for k in range(3):
            loop.train_step(x[4 * k : 4 * k + 4], y[4 * k : 4 * k + 4], batch=k, batches=3)
        if held is not None:
            loop.record.append({"val_loss": loop.evaluate(*held)["loss"]})  # what `plateau` watches
        loop.epoch += 1
    assert bits(whole) == bits(cut) == bits(saved) == bits(loop)


@pytest.mark.parametrize("line", [n for n in LINES if n.split()[0] in ("cosine", "onecycle", "poly", "warmup")])
@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_steps_of_several_batches_and_averages_are_cut_alike(line: str, device: str) -> None:
    x, y = data()
    whole, cut = (made(line, device=device, accumulate=2, average=0.9) for _ in range(2))
    whole.fit(x, y, epochs=3, verbose=0)
    for _ in range(3):
        cut.fit(x, y, epochs=1, verbose=0)
    assert bits(whole) == bits(cut)


@pytest.mark.parametrize("rule", RULES)
def test_every_optimiser_is_cut_alike(rule: str) -> None:
    x, y = data()
    whole, cut = made("onecycle", rule), made("onecycle", rule)
    whole.fit(x, y, epochs=4, verbose=0)
    for _ in range(2):
        cut.fit(x, y, epochs=2, verbose=0)
    assert bits(whole) == bits(cut)


def test_the_rates_are_those_of_the_whole() -> None:
    x, y = data()
    net = made("cosine", epochs=4)
    got = [lr for _ in range(2) for lr in net.fit(x, y, epochs=2, verbose=0)["lr"]]
    assert got == pytest.approx([0.025 * (1 + math.cos(math.pi * k / 4)) for k in range(4)], rel=1e-12)
    section = made("cosine", text=TEXT + "  epochs 4\n")
    assert [lr for _ in range(4) for lr in section.fit(x, y, epochs=1, verbose=0)["lr"]] == got
    assert section.configure(epochs=8).fit(x, y, epochs=1, verbose=0)["lr"] == pytest.approx([0.025], rel=1e-12), "now half way"
    nobody = made("cosine")
    assert nobody.fit(x, y, epochs=12, verbose=0)["lr"][6] == pytest.approx(0.025, rel=1e-12), "the first fit is longer than ten"


@pytest.mark.parametrize("line", ["cosine", "poly", "onecycle"])
def test_beyond_the_end_the_last_value_holds_and_is_remarked_once(line: str) -> None:
    x, y = data()
    net = made(line, epochs=3)
    net.fit(x, y, verbose=0)
    assert net.epoch == 3
    last = net.rates.now(2, 8, 3, 3)["lr"]
    assert 0 < last < 0.05
    before = bits(net)
    with pytest.warns(HorizonWarning, match=r"configure\(epochs=9\)") as found:
        net.train_step(x[:4], y[:4])
    assert found[0].filename == __file__
    assert bits(net) != before
    assert {s["lr"] for s in settings(net.state).values()} == {last}
    assert net.fit(x, y, epochs=2, verbose=0)["lr"] == [last, last]
    net.configure(epochs=9)
    assert settings(net.state)["fc1.weight"]["lr"] == net.rates.now(5, 15, 9, 3)["lr"] > last
    endless = made("step 2 factor=0.5", epochs=2)
    assert endless.fit(x, y, epochs=6, verbose=0)["lr"] == [0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125], "no end, no remark"


def test_a_fit_without_a_number_goes_to_the_horizon() -> None:
    x, y = data()
    net = made("cosine", epochs=5)
    assert net.fit(x, y, epochs=2, verbose=0).epochs == [1, 2]
    assert net.fit(x, y, verbose=0).epochs == [3, 4, 5]
    with pytest.warns(HorizonWarning):
        assert net.fit(x, y, verbose=0).epochs == [6, 7, 8, 9, 10]
    assert len(made("none").fit(x, y, verbose=0).epochs) == 10
    assert made("none", epochs=0).fit(x, y, verbose=0).epochs == []


def test_a_file_of_another_horizon_is_remarked(tmp_path: Path) -> None:
    x, y = data()
    net = made("cosine", epochs=6)
    net.fit(x, y, epochs=1, verbose=0)
    net.save(str(tmp_path / "c"))
    with pytest.warns(UserWarning, match=r"6 epochs.*configure\(epochs=6\)"):
        made("cosine", text=TEXT + "  epochs 4\n").load(str(tmp_path / "c"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made("cosine", text=TEXT + "  epochs 4\n", epochs=6).load(str(tmp_path / "c"))
        made("step 2", text=TEXT + "  epochs 4\n").load(str(tmp_path / "c"))


# -- seeds and weights of sessions -------------------------------------------------------------------------------------------
def spec(folder: Path) -> str:
    x, y = data()
    np.savez(folder / "a.npz", x=x, y=y)
    (folder / "s.net").write_text(TEXT + '  data "a.npz"\n  sgd lr=0.05\n  schedule cosine\n  epochs 2\n', encoding="utf-8")
    return str(folder / "s.net")


def test_an_earlier_run_is_not_destroyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out, kept = spec(tmp_path), tmp_path / "w.safetensors", tmp_path / "w.previous.safetensors"
    run = ["train", path, "--device", "reference", "--out", str(out)]
    assert main(run) == 0
    assert not kept.exists()
    first = out.read_bytes()
    capsys.readouterr()
    assert main([*run, "--seed", "1"]) == 0
    assert str(kept) in capsys.readouterr().out
    assert kept.read_bytes() == first != out.read_bytes()
    second = out.read_bytes()
    assert main([*run, "--epochs", "3", "--resume", str(out)]) == 0
    assert kept.read_bytes() == first, "the run that goes on is one run"
    third = out.read_bytes()
    assert main([*run, "--resume", str(kept), "--epochs", "3"]) == 0
    assert kept.read_bytes() == third not in (first, second), "another run went on, into this place"


def test_a_run_that_fails_before_its_first_epoch_changes_no_weights(tmp_path: Path) -> None:
    path, out = spec(tmp_path), tmp_path / "w.safetensors"
    train(netspec.compile(path, device="reference"), out=out, quiet=True)
    held = out.read_bytes()
    np.savez(tmp_path / "a.npz", x=np.full((10, 3), np.nan), y=np.zeros((10, 2)))
    with pytest.raises(netspec.NetspecError, match="step 1"):
        train(netspec.compile(path, device="reference"), epochs=4, out=out, quiet=True)
    assert out.read_bytes() == held


def test_a_seed_does_not_vanish_where_a_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = spec(tmp_path), tmp_path / "w.safetensors"
    run = ["train", path, "--device", "reference", "--quiet", "--out", str(out)]
    assert main([*run, "--epochs", "1", "--seed", "5"]) == 0
    held = out.read_bytes()
    assert main([*run, "--resume", str(out), "--seed", "6"]) == 2
    assert "seed 6" in (said := capsys.readouterr().err)
    assert "seed 5" in said
    assert out.read_bytes() == held
    assert main([*run, "--resume", str(out), "--seed", "5"]) == 0
    assert netspec.compile(path, device="reference").load(str(out)).seed == 5


def test_a_run_that_is_refused_moves_no_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the earlier run's nor those of the one before that."""
    path, out, kept = spec(tmp_path), tmp_path / "w.safetensors", tmp_path / "w.previous.safetensors"
    run = ["train", path, "--device", "reference", "--out", str(out)]
    assert main(run) == main([*run, "--seed", "1"]) == 0
    before = out.read_bytes(), kept.read_bytes()
    x, y = data()
    for wrong in ({"x": x[:, :1], "y": y}, {"x": x, "y": y[:-1]}, {"x": x, "y": y * np.nan},
                  {"x": x, "y": y, "x_test": x[:, :1], "y_test": y}):
        np.savez(tmp_path / "a.npz", **wrong)
        capsys.readouterr()
        assert main(run) == 1
        assert "is kept as" not in capsys.readouterr().out
        assert (out.read_bytes(), kept.read_bytes()) == before
