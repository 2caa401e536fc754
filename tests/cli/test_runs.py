"""Runs on the command line, from the spec to a prediction: each in a folder of its own, which is all that is needed later."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.runtime.runs.folder import read_log

TINY = """net tiny(width=4):
  input 3x8x8
  conv width 3x3 relu
  avgpool global
  fc 3

train tiny:
  data images "kinds" size=8 validation=0.25
  loss cross_entropy
  adam lr=0.1
  batch 8
  epochs 4
"""
KINDS = ("blue", "green", "red")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands in a folder with a spec, and 36 pictures of three kinds of noise: reddish, greenish and bluish."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.net").write_text(TINY)
    pictures(tmp_path / "kinds", 12)
    capsys.readouterr()

    def command(*argv: str) -> tuple[int, str, str]:
        try:
            code = main([*argv, "--device", "reference"] if argv[0] in ("train", "predict", "evaluate") else list(argv))
        except SystemExit as e:
            code = int(e.code or 0)
        out = capsys.readouterr()
        return code, out.out, out.err

    return command


def pictures(folder: Path, many: int, kinds: tuple[str, ...] = KINDS) -> None:
    rng = np.random.default_rng(len(folder.name))
    for kind in kinds:
        (folder / kind).mkdir(parents=True)
        for k in range(many):
            a = rng.integers(0, 90, (9 + k % 4, 8 + k % 3, 3), np.uint8)
            a[..., {"red": 0, "green": 1, "blue": 2}.get(kind, 0)] += 120
            Image.fromarray(a).save(folder / kind / f"{k}.png")


def trained(run: Command, *more: str) -> str:
    code, out, err = run("train", "tiny.net", *more)
    assert code == 0, err
    return out


def test_from_a_spec_to_a_prediction(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = trained(run)
    assert "run runs/tiny-1" in out and "netspec predict runs/tiny-1" in out
    assert {p.name for p in Path("runs/tiny-1").iterdir()} == {"spec.net", "last.safetensors", "best.safetensors", "log.jsonl"}
    assert Path("runs/tiny-1/spec.net").read_text() == TINY
    lines = [json.loads(line) for line in Path("runs/tiny-1/log.jsonl").read_text().splitlines()]
    assert lines[0]["net"] == "tiny" and lines[0]["classes"] == list(KINDS) and [e["epoch"] for e in lines[1:]] == [1, 2, 3, 4]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"} <= set(lines[1])
    trained(run)
    assert sorted(os.listdir("runs")) == ["tiny-1", "tiny-2"]  # nothing is overwritten

    elsewhere = tmp_path / "elsewhere"
    pictures(elsewhere / "new", 3)
    (tmp_path / "runs" / "tiny-1").rename(elsewhere / "gone")
    monkeypatch.chdir(elsewhere)
    code, out, err = run("predict", "gone", "new", "--format", "json")
    rows = json.loads(out)
    assert (code, err) == (0, "") and [r["file"] for r in rows] == sorted(str(p) for p in Path("new").rglob("*.png"))
    assert all(set(r) == {"file", "predictions"} and len(r["predictions"]) == 3 for r in rows)
    for r in rows:
        p = [one["probability"] for one in r["predictions"]]
        assert abs(sum(p) - 1) < 1e-6 and p == sorted(p, reverse=True)
        assert r["predictions"][0]["class"] == Path(r["file"]).parent.name
    net = netspec.load("gone", device="reference")
    x = np.asarray(Image.open("new/red/0.png").resize((8, 8)), "f4").transpose(2, 0, 1)[None] / 255
    assert net.classes == KINDS and net.predict(x).argmax(1) == [2]
    code, out, _ = run("evaluate", "gone", "--data", 'images "new"', "--format", "json")
    assert json.loads(out)["accuracy"] == 1.0
    pictures(elsewhere / "some", 2, ("green", "red"))  # fewer classes keep their numbers
    assert json.loads(run("evaluate", "gone", "--data", 'images "some"', "--format", "json")[1])["accuracy"] == 1.0
    pictures(elsewhere / "more", 2, ("green", "violet"))
    code, _, err = run("evaluate", "gone", "--data", 'images "more"')
    assert code == 1 and "violet" in err


def test_predict_says_all_bad_files_at_once_and_prints_the_good_ones(run: Command) -> None:
    trained(run, "--epochs", "1")
    Path("bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    good, gone = "kinds/red/1.png", "gone.png"
    code, out, err = run("predict", "runs/tiny-1", "bad.jpg", good, gone, "--format", "json", "--top", "1")
    assert code == 1 and [r["file"] for r in json.loads(out)] == [good] and "bad.jpg" in err and "gone.png" in err
    assert len(json.loads(out)[0]["predictions"]) == 1
    code, out, _ = run("predict", "runs/tiny-1", good, "--format", "csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["file", "class", "probability"] and {r[1] for r in rows[1:]} == {*KINDS}
    assert good in run("predict", "runs/tiny-1/last.safetensors", good)[1]
    net, two = netspec.load("runs/tiny-1", device="reference"), np.random.default_rng(0).random((2, 3, 8, 8))
    np.save("two.npy", two)
    np.savez("one.npz", x=two[0])
    code, out, _ = run("predict", "runs/tiny-1", "two.npy", "one.npz", "--format", "json", "-o", "out.npz", "--batch", "1")
    rows_of = json.loads(out)
    assert code == 0 and [r["file"] for r in rows_of] == ["two.npy[0]", "two.npy[1]", "one.npz"]
    e = np.exp(net.predict(two))
    kept = np.load("out.npz")
    assert np.allclose(kept["out"][:2], e / e.sum(1, keepdims=True),
                       atol=1e-6) and list(kept["files"]) == [r["file"] for r in rows_of]
    for argv in (("predict", "tiny.net", good), ("predict", "nowhere", good), ("predict", "runs/tiny-1", "runs/tiny-1")):
        assert run(*argv)[0] in (1, 2)


def test_several_runs_answer_with_the_mean(run: Command) -> None:
    trained(run, "--epochs", "1")
    trained(run, "--epochs", "1", "--seed", "5")
    first, second, both = (json.loads(run("predict", *runs, "kinds/red/1.png", "--format", "json")[1])[0]["predictions"]
                           for runs in (["runs/tiny-1"], ["runs/tiny-2"], ["runs/tiny-1", "runs/tiny-2"]))
    p = [{one["class"]: one["probability"] for one in said} for said in (first, second, both)]
    assert p[2] == pytest.approx({k: (p[0][k] + p[1][k]) / 2 for k in p[0]}) and p[0] != p[1]


def test_other_kinds_of_answers(run: Command, tmp_path: Path) -> None:
    """Marks by a sigmoid, numbers, and maps of classes."""
    from netspec.runtime.train.session import train

    rng = np.random.default_rng(0)
    x = rng.random((6, 3, 8, 8)).astype("f4")
    cases = {"marks": ("  fc 3\n", "bce", (x.mean((2, 3)) > 0.5).astype("f4")),
             "number": ("  fc 1\n", "mse", x.mean((1, 2, 3))[:, None]),
             "maps": ("", "cross_entropy", (x[:, 0] > 0.5).astype(int))}
    for name, (last, loss, y) in cases.items():
        np.savez(f"{name}.npz", x=x, y=y)
        body = "  conv 2 3x3\n" if name == "maps" else "  avgpool global\n" + last
        Path(f"{name}.net").write_text(
            f'net {name}:\n  input 3x8x8\n{body}\ntrain {name}:\n  data "{name}.npz"\n  loss {loss}\n  sgd lr=0.1\n  epochs 1\n')
        train(netspec.compile(f"{name}.net", device="reference"), quiet=True)
    np.save("x.npy", x)
    rows = json.loads(run("predict", "runs/marks-1", "x.npy", "--format", "json")[1])
    logits = netspec.load("runs/marks-1", device="reference").predict(x)
    for r, z in zip(rows, logits):
        assert {p["class"]: p["probability"] for p in r["predictions"]} == pytest.approx(dict(enumerate(1 / (1 + np.exp(-z)))),
                                                                                         rel=1e-5)
    rows = json.loads(run("predict", "runs/number-1", "x.npy", "--format", "json")[1])
    want = netspec.load("runs/number-1", device="reference").predict(x)
    assert np.allclose([r["values"] for r in rows], want)
    code, out, err = run("predict", "runs/maps-1", "kinds/red/1.png", "--format", "json", "-o", "maps")
    assert code == 0, err
    (row,) = json.loads(out)
    drawn = np.asarray(Image.open("maps/1.png"))
    from netspec.datasets.parts.pictures import read

    found = netspec.load("runs/maps-1", device="reference").predict(read("kinds/red/1.png", 3, (8, 8))[None] / np.float32(255))[0].argmax(0)
    assert row["shape"] == [8, 8]
    assert {c["class"]: c["share"] for c in row["classes"]} == {k: float((found == k).mean()) for k in np.unique(found)}
    with Image.open("kinds/red/1.png") as picture:
        assert picture.size == (9, 10)  # the middle 9x9 was brought to 8x8, and goes back to its places
    rows_back, columns_back = (np.arange(10) * 8 // 9).clip(max=7), ((np.arange(9) + 0.5) * 8 / 9).astype(int)
    assert (drawn == found[rows_back[:, None], columns_back]).all()
    np.save("one.npy", x[:1])
    assert run("predict", "runs/maps-1", "one.npy", "-o", "maps")[0] == 0
    assert np.asarray(Image.open("maps/one.png")).shape == (8, 8)


def test_lines_of_the_train_section_are_said_on_the_command_line(run: Command) -> None:
    trained(run, "--with", "sgd lr=0.1 momentum=0.5", "--with", "batch 6", "--with", "epochs 1", "--with", "augment flip",
            "--with", "metric f1")
    spec = Path("runs/tiny-1/spec.net").read_text()
    assert "adam" not in spec and "batch 8" not in spec and "epochs 4" not in spec
    for line in ("sgd lr=0.1 momentum=0.5", "batch 6", "epochs 1", "augment flip", "metric f1", "loss cross_entropy"):
        assert spec.count(f"\n  {line}\n") == 1
    net = netspec.load("runs/tiny-1", device="reference")
    assert (str(net.recipe.optimiser), net.recipe.batch, net.recipe.epochs) == ("sgd lr=0.1 momentum=0.5", 6, 1)
    trained(run, "--epochs", "1")
    rows = json.loads(run("runs", "--format", "json")[1])
    assert [r["run"] for r in rows] == ["runs/tiny-1", "runs/tiny-2"] and rows[0]["settings"]["batch"] == 6
    code, out, _ = run("runs")
    head = out.splitlines()[0].split()
    assert code == 0 and {"run", "net", "epochs", "best", "val_loss", "optimiser", "batch"} <= set(head) and "data" not in head
    assert run("runs", "--format", "csv")[1].splitlines()[0].startswith("run,net,epochs")
    for line in ("batch none", "sgdd lr=1", "adam lrr=1", ")", "keep first"):
        code, out, err = run("train", "tiny.net", "--with", line)
        assert code == 1 and "--with:" in err and not out, line
    assert len(os.listdir("runs")) == 2


@pytest.mark.parametrize("spec", [
    "net b:\n  input 1x8x8\n  fc 3\n", "net b:\n  input 1x8x8\n  fc 3\ntrain b: loss mse\n",
    "net b(deep=yes):\n  input 1x8x8\n  fc 3\n\ntrain b:\n  if deep:\n    batch 3\n  elif deep: batch 4\n  else: batch 5\n  loss mse\n\nnet other:\n  input 3\n  fc 2\n",
    'import b from "parts.net"\n\nnet c = b\n'])
def test_lines_are_put_in_wherever_they_belong(tmp_path: Path, spec: str) -> None:
    from netspec.cli.nets import meant

    (tmp_path / "a.net").write_text(spec)
    (tmp_path / "parts.net").write_text("net b:\n  input 1x8x8\n  fc 3\n\ntrain b:\n  batch 4 # four\n  loss mse\n")
    name = "c" if "net c" in spec else "b"
    training = meant(f"{tmp_path / 'a.net'}:{name}").origin(["batch 7", "loss l1", "adam lr=1"]).graph().training
    assert training is not None and training.batch == 7 and [u.op.name for u in training.losses] == ["l1"]
    assert str(training.optimiser) == "adam lr=1"


def test_where_a_run_goes(run: Command) -> None:
    trained(run, "--out", "there", "--epochs", "1")
    assert Path("there/last.safetensors").is_file() and not Path("runs").exists()
    before = {p.name: p.read_bytes() for p in Path("there").iterdir()}
    code, _, err = run("train", "tiny.net", "--out", "there")
    assert code == 2 and "holds a run" in err and {p.name: p.read_bytes() for p in Path("there").iterdir()} == before
    code, _, err = run("train", "tiny.net", "--out", "tiny.net")
    assert code == 2 and "stays as it is" in err and Path("tiny.net").read_text() == TINY and not Path("tiny.previous.net").exists()
    trained(run, "--out", "alone.safetensors", "--epochs", "1")
    assert Path("alone.safetensors").is_file() and not Path("runs").exists()


def bits(path: str) -> dict[str, Any]:
    from checkpoints import held

    return held(Path(path))[0]


def test_a_run_goes_on_to_the_same_bits(run: Command) -> None:
    trained(run, "--with", "log csv")
    trained(run, "--with", "log csv", "--epochs", "1", "--out", "half")
    code, _, err = run("train", "--resume", "half", "--epochs", "4")
    assert code == 0, err
    for name in ("last", "best"):
        a, b = bits(f"runs/tiny-1/{name}.safetensors"), bits(f"half/{name}.safetensors")
        assert a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
    logs = [read_log(f)[1] for f in ("runs/tiny-1", "half")]
    whole, half = ({k: {n: v for n, v in e.items() if n != "seconds"} for k, e in log.items()} for log in logs)
    assert whole == half
    assert sorted(logs[1]) == [1, 2, 3, 4] and len(Path("half/log.csv").read_text().splitlines()) == 5
    assert os.listdir("runs") == ["tiny-1"]


def test_what_the_command_line_said_holds_for_a_run_that_goes_on(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("below").mkdir()
    Path("tiny.net").rename("below/tiny.net")
    pictures(Path("other"), 7)
    said = ("--data", 'images "other" validation=0.3', "--batch", "5", "--dtype", "float64", "--precision", "exact", "--seed", "3")
    assert run("train", "below/tiny.net", *said, "--epochs", "3", "--out", "whole")[0] == 0
    assert run("train", "below/tiny.net", *said, "--epochs", "1", "--out", "half")[0] == 0
    code, out, err = run("train", "--resume", "half", "--epochs", "3")
    assert code == 0 and "data other" in out and "batch 5" in out and "not to the same bits" not in err, err

    def killed(*_: Any) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as m:
        m.setattr("netspec.runtime.train.trainer.Trainer.one_epoch", killed)
        assert run("train", "below/tiny.net", *said, "--epochs", "3", "--out", "killed")[0] == 9
    code, _, err = run("train", "--resume", "killed")
    assert code == 0, err
    whole = bits("whole/last.safetensors")
    for name in ("half", "killed"):
        found = bits(f"{name}/last.safetensors")
        assert all(found[k].dtype == whole[k].dtype and np.array_equal(found[k], whole[k]) for k in whole), name


def test_a_picture_that_is_cut_short_and_data_that_are_gone_say_what_mends_them(run: Command) -> None:
    whole = Path("kinds/red/000.png") if Path("kinds/red/000.png").is_file() else next(Path("kinds/red").iterdir())
    kept = whole.read_bytes()
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save("noise.png")
    whole.write_bytes(Path("noise.png").read_bytes()[:3000])  # its beginning is that of a picture
    code, _, err = run("train", "tiny.net", "--data", 'images "kinds"', "--epochs", "1", "--out", "short")
    assert code == 1 and whole.name in err and "skip_unreadable" in err, err
    whole.write_bytes(kept)
    trained(run, "--epochs", "1")
    Path("kinds").rename("gone")
    code, _, err = run("evaluate", "runs/tiny-1")
    assert code == 1 and "--data 'images \"folder\"'" in err, err
    code, _, err = run("evaluate", "runs/tiny-1", "--data", 'images "nowhere"')
    assert code == 1 and "--> --data:" in err, err


def test_a_disk_that_is_full_leaves_no_half_of_a_run(run: Command) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        code, _, err = run("train", "tiny.net", "--out", "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 1 and "cannot be written" in err and not os.listdir("full"), err
    trained(run, "--epochs", "1", "--out", "full")


def test_what_is_left_out_is_counted(run: Command) -> None:
    Path("kinds/red/broken.png").write_bytes(b"no picture")
    out = trained(run, "--data", 'images "kinds" skip_unreadable', "--epochs", "1")
    assert "1 picture of 37 cannot be read and is left out: kinds/red/broken.png" in out.replace(os.getcwd() + os.sep, "")


def test_a_run_killed_before_its_first_checkpoint_begins_anew(run: Command) -> None:
    trained(run, "--seed", "3")
    trained(run, "--seed", "3")
    for target in (["tiny.net"], []):  # its own spec where no other is named
        for name in ("last", "best"):
            Path(f"runs/tiny-2/{name}.safetensors").unlink()
        log = Path("runs/tiny-2/log.jsonl")
        log.write_text(log.read_text().splitlines()[0] + "\n" + '{"epoch": 1, "lo')  # cut short too
        code, _, err = run("train", *target, "--resume", "runs/tiny-2")
        assert code == 0, err
        a, b = bits("runs/tiny-1/last.safetensors"), bits("runs/tiny-2/last.safetensors")
        assert all(np.array_equal(a[k], b[k]) for k in a) and sorted(read_log("runs/tiny-2")[1]) == [1, 2, 3, 4]
    assert run("train", "tiny.net", "--resume", "kinds")[0] == 1


def test_seeds_and_folds(run: Command) -> None:
    out = trained(run, "--seeds", "0..2", "--epochs", "1", "--quiet")
    finals = [read_log(f"runs/tiny-{k}")[1][1]["val_loss"] for k in (1, 2, 3)]
    assert "3 seeds" in out and f"{np.mean(finals):.4f} ± {np.std(finals, ddof=1):.4f}" in out
    assert [read_log(f"runs/tiny-{k}")[0]["seed"] for k in (1, 2, 3)] == [0, 1, 2]
    out = trained(run, "--folds", "3", "--epochs", "1", "--quiet", "--out", "folds")
    assert "3 folds" in out and sorted(os.listdir("folds")) == ["fold-1", "fold-2", "fold-3"]
    for argv in (("--seeds", "1"), ("--seeds", "a"), ("--folds", "1"), ("--seeds", "0,1", "--seed", "2")):
        assert run("train", "tiny.net", *argv)[0] == 2


def test_folds_hold_every_example_once_and_each_class_alike() -> None:
    from netspec.runtime.runs.several import divided
    from netspec.words.dataset import Data

    y = np.repeat([0, 1, 2], [10, 20, 5])
    data = Data("d", (np.arange(30), y[:30]), None, (np.arange(30, 35), y[30:]))
    parts = divided(data, 5, seed=1)
    for part in parts:
        assert part.validation is not None
        assert sorted([*part.train[0], *part.validation[0]]) == list(range(35))
        assert (y[part.validation[0]] == part.validation[1]).all() and list(np.bincount(part.validation[1])) == [2, 4, 1]
    assert sorted(i for p in parts if p.validation for i in p.validation[0]) == list(range(35))
    again = divided(data, 5, seed=2)[0].validation
    assert again is not None and parts[0].validation is not None and list(again[0]) != list(parts[0].validation[0])


def test_several_views_and_several_runs_answer_together(run: Command) -> None:
    """Ten crops of pictures that are decoded somewhat larger; what two runs say beside their ensemble."""
    from netspec.datasets.parts.pictures import read

    trained(run, "--epochs", "2")
    trained(run, "--epochs", "2", "--seed", "1")
    one, two = (netspec.load(f"runs/tiny-{k}", device="reference") for k in (1, 2))

    def probabilities(z: Any) -> Any:
        e = np.exp(z - z.max(1, keepdims=True))
        return (e / e.sum(1, keepdims=True))[0]

    for flags, size, how in ((["--ten-crop"], 9, {"ten_crop": True}), (["--flip"], 8, {"flip": True})):
        code, out, err = run("predict", "runs/tiny-1", "kinds/red/0.png", "--format", "json", *flags)
        assert code == 0, err
        got = {p["class"]: p["probability"] for p in json.loads(out)[0]["predictions"]}
        x = read("kinds/red/0.png", 3, (size, size), "cover")[None].astype("f4") / 255
        wanted = probabilities(one.predict(x, **how))  # type: ignore[arg-type]
        assert np.allclose([got[k] for k in KINDS], wanted, atol=1e-6)
    numbers = {}
    for name, runs in (("one", ["runs/tiny-1"]), ("both", ["runs/tiny-1", "runs/tiny-2"])):
        code, out, err = run("evaluate", *runs, "--flip", "--format", "json")
        assert code == 0, err
        numbers[name] = json.loads(out)["loss"]
    assert numbers["one"] != numbers["both"] and np.isfinite(list(numbers.values())).all()
    pair = netspec.Ensemble([one, two])
    x = np.stack([read(f"kinds/{k}/0.png", 3, (8, 8), "cover") for k in KINDS]).astype("f4") / 255
    files = [f"kinds/{k}/0.png" for k in KINDS]
    out = run("predict", "runs/tiny-1", "runs/tiny-2", *files, "--format", "json", "--flip")[1]
    got = [{p["class"]: p["probability"] for p in row["predictions"]} for row in json.loads(out)]
    wanted = [probabilities(z[None]) for z in pair.predict(x, flip=True)]
    assert np.allclose([[g[k] for k in KINDS] for g in got], wanted, atol=1e-6)


def test_a_run_says_what_chooses_where_no_examples_validate(run: Command) -> None:
    out = trained(run, "--data", 'images "kinds" test=0.25', "--with", "keep best accuracy", "--epochs", "3")
    said = " ".join(out.split())  # lines are as long as the terminal is wide
    assert "27 examples, 9 to test none validate: the accuracy of training says which epoch is best, val_ is of those to test" in said
    kept, last = (netspec.load(f"runs/tiny-1/{name}.safetensors", device="reference") for name in ("best", "last"))
    accuracies = [e["accuracy"] for e in read_log("runs/tiny-1")[1].values()]
    assert (kept.epoch, last.epoch) == (1 + accuracies.index(max(accuracies)), 3)
    test = json.loads(run("evaluate", "runs/tiny-1", "--data", 'images "kinds" test=0.25', "--format", "json")[1])
    assert f"test   loss {test['loss']:.4f}" in out
    assert json.loads(run("runs", "--format", "json")[1])[0]["best"]["epoch"] == kept.epoch
    assert "none validate" not in trained(run, "--epochs", "1")
    flatters = trained(run, "--data", 'images "kinds" test=0.25', "--with", "keep best val_accuracy", "--epochs", "1")
    assert "those to test say which epoch is best, so that the test line flatters" in " ".join(flatters.split())
    code, _, err = run("train", "tiny.net", "--data", 'images "kinds"', "--with", "keep best val_accuracy")
    assert code == 1 and "no examples validate" in err and "hint: keep best accuracy" in err


def test_a_run_goes_on_as_its_last_checkpoint_was_trained(run: Command) -> None:
    """Not as that of its best epoch, which may be older."""
    trained(run, "--epochs", "1", "--with", "keep best val_accuracy", "--with", "prepare standardise", "--with", "drop_last")
    facts = read_log("runs/tiny-1")[0]["settings"]
    assert (facts["prepare"], facts["keep"], facts["drop_last"]) == ("standardise", "best val_accuracy", True)
    best = Path("runs/tiny-1/best.safetensors").read_bytes()
    assert run("train", "--resume", "runs/tiny-1", "--epochs", "3")[0] == 0
    Path("runs/tiny-1/best.safetensors").write_bytes(best)
    code, out, _ = run("train", "--resume", "runs/tiny-1")
    assert code == 0 and "3 epochs are behind it: --epochs 6" in out and "prepare standardise" in " ".join(out.split())
    assert netspec.load("runs/tiny-1/last.safetensors", device="reference").recipe.epochs == 3


@pytest.mark.parametrize(("argv", "words"), [
    (("--with", "seed -1"), ("--with:1:6", "a seed is 0 or more")),
    (("--with", "batch 4", "--with", "batch 5"), ("--with:2:1", "given twice")),
    (("--with", "batch 0", "--with", "adam lr=x"), ("--with:1:7", "--with:2:6")),
    (("--with", ""), ("'' is none", "hint: --with 'adamw lr=3e-4'")), (("--with", " # batch 3"), ("is none",)),
    (("--with", "batch 3\nepochs 2"), ("is several",)),
    (("--seed", "-1"), ("a whole number from 0",)), (("--seeds", "4..0"), ("not several different seeds",)),
    (("--seeds", "0..18446744073709551615"), ("not several different seeds",)),
    (("--out", "kinds"), ("kinds holds pictures", "--out kinds-run")), (("--out", "kinds/red"), ("holds pictures",)),
])
def test_what_a_command_line_says_amiss_is_said_where_it_is(argv: tuple[str, ...], words: tuple[str, ...], run: Command) -> None:
    code, _, err = run("train", "tiny.net", *argv)
    assert code in (1, 2) and all(w in err for w in words), err
    assert not Path("runs").exists() and not list(Path("kinds").rglob("log.jsonl"))


def test_logs_of_others_and_of_nothing(run: Command) -> None:
    """A number of epochs that is none is not printed; what holds nothing to begin from says how it can be."""
    Path("runs/a-1").mkdir(parents=True)
    Path("runs/a-1/log.jsonl").write_text(json.dumps({"net": "a", "settings": {"epochs": 10**300}}) + "\n"
                                          + json.dumps({"epoch": 10**300, "loss": 1.0}) + "\n" + '{"epoch": 2, "loss": 0.5}\n')
    code, out, _ = run("runs")
    assert code == 0 and "0000" not in out and "2" in out
    Path("empty").mkdir()
    Path("empty/log.jsonl").touch()
    code, _, err = run("train", "--resume", "empty")
    assert code == 1 and "hint: netspec train my.net --resume empty" in err
    assert run("train", "tiny.net", "--resume", "empty", "--epochs", "1")[0] == 0


def test_doctor_of_a_run_knows_its_data(run: Command) -> None:
    trained(run, "--epochs", "1")
    Path("kinds").rename("elsewhere")
    code, _, err = run("doctor", "runs/tiny-1")
    assert code == 1 and "hint: netspec doctor RUN --data" in err
    assert run("doctor", "runs/tiny-1", "--data", 'images "elsewhere"', "--seconds", "1")[0] in (0, 1)


def test_an_interrupted_run_of_a_spec_elsewhere_goes_on_as_it_says(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    """The line that is printed, pasted: with the lines that the command line put in, and its data by where they lie."""
    import shlex

    from netspec.runtime.train import trainer

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    whole = run("train", "../tiny.net", "--with", "sgd lr=0.3", "--epochs", "2", "--out", "whole")
    stop, one_epoch = [1], trainer.Trainer.one_epoch

    def interrupted(self: Any, *args: Any) -> Any:
        if self.state.course.epoch == 1 and stop.pop():
            raise KeyboardInterrupt
        return one_epoch(self, *args)

    monkeypatch.setattr(trainer.Trainer, "one_epoch", interrupted)
    code, out, _ = run("train", "../tiny.net", "--with", "sgd lr=0.3", "--epochs", "2", "--out", "cut")
    stop[:] = [0]
    said = out.strip().splitlines()[-1].split(maxsplit=1)[1]
    assert code == 130 and whole[0] == 0 and said.startswith("train --resume cut --data 'images \"../kinds\" size=8")
    assert run(*shlex.split(said))[0] == 0
    a, b = (netspec.load(f"{name}/last.safetensors", device="reference") for name in ("whole", "cut"))
    assert a.record == b.record and all((a.parameters[k] == b.parameters[k]).all() for k in a.parameters)


def test_who_has_learnt_is_not_told_otherwise(run: Command) -> None:
    """A first epoch's mean loss is of what the network was while it learnt; the log has the epoch that stopped training."""
    out = trained(run, "--epochs", "1", "--data", 'images "kinds" size=8')
    assert "it has not learnt" not in out and "next:" in out
    out = trained(run, "--epochs", "30", "--with", "early_stopping 1", "--with", "sgd lr=3")
    shown = len(re.findall(r"^ *\d+/30 ", out, re.M))
    assert "stopped after epoch" in out and sorted(read_log("runs/tiny-2")[1]) == list(range(1, shown + 1))


def test_classes_without_names_are_counted(run: Command, tmp_path: Path) -> None:
    """Data of other classes than the network answers by number are refused, as there are no names to match."""
    x = np.random.default_rng(0).random((12, 3, 8, 8)).astype("f4")
    np.savez(tmp_path / "four.npz", x=x, y=np.arange(12) % 4)
    (tmp_path / "four.net").write_text(TINY.replace("fc 3", "fc 4").replace('images "kinds" size=8 validation=0.25', '"four.npz"'))
    assert run("train", "four.net", "--device", "reference", "--epochs", "1", "--out", "r")[0] == 0
    code, _, err = run("evaluate", "r", "--device", "reference", "--data", 'images "kinds"')
    assert code == 1 and "kinds has 3 classes, and output `out` has 4 channels" in err
    code, out, _ = run("evaluate", "r", "--device", "reference", "--data", "four.npz")
    assert code == 0 and "on 12 examples of four.npz" in out


def test_the_table_of_runs_is_as_wide_as_the_terminal(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(run, "--epochs", "1")
    trained(run, "--epochs", "1", "--with", "adam lr=0.05", "--with", "metric f1")
    whole = run("runs")[1]
    assert {"val_loss", "optimiser", "f1"} <= set(whole.split("\n")[0].split())
    for width in (30, 60, 90):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = run("runs")[1].splitlines()
        assert len(lines) == 4 and max(map(len, lines[:3])) <= width
        assert lines[0].startswith("run ") and re.fullmatch(r"\(\d+ more columns: --format csv\)", lines[3])


def test_the_rate_of_learning_is_always_said(run: Command) -> None:
    out = trained(run, "--epochs", "1", "--with", "adam")
    assert "\nadam lr=0.001, batch 8" in out and read_log("runs/tiny-1")[0]["settings"]["optimiser"] == "adam lr=0.001"
