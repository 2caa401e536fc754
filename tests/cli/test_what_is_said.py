"""What commands of runs say, and what they leave, where a newcomer meets them: lines to paste, failures before the first step,
narrow terminals, names instead of numbers."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_runs import TINY, Command, pictures, run, trained  # noqa: F401  (a fixture)

import netspec
from netspec.diagnostics import Diagnostic, Label, render
from netspec.runtime.runs.folder import claimed
from netspec.source import Source, Span
from netspec.terminal import beside, cells, in_a_row

NUMBERS = """net numbers:
  input 3x8x8
  conv 4 3x3 relu
  avgpool global
  fc 2

train numbers:
  data images "kinds" labels="numbers.csv" validation=0.25
  loss mse
  sgd lr=0.01
  epochs 1
"""


def test_lines_to_paste_mean_what_was_trained(run: Command) -> None:  # noqa: F811
    """Where the command line said more than the spec does, they name the run, which holds it."""
    Path("kinds").rename("others")
    said = ("--with", "adam lr=0.05", "--batch", "5", "--epochs", "2", "--set", "width=3", "--data", 'images "others" size=8',
            "--dtype", "float64")
    out = trained(run, *said)
    again = next(line for line in out.splitlines() if "--seed 1" in line)
    assert again == "  netspec train runs/tiny-1 --seed 1"
    code, out, err = run(*shlex.split(again)[1:])
    assert code == 0, err
    a, b = (netspec.load(f"runs/tiny-{k}", device="reference") for k in (1, 2))
    assert (b.seed, b.recipe, b.dtype, b.state.learnt.data) == (1, a.recipe, a.dtype, a.state.learnt.data)
    assert b.epoch == 2 and b.parameters["conv1.weight"].shape == (3, 3, 3, 3) and str(b.recipe.optimiser) == "adam lr=0.05"
    assert "train runs/tiny-1 --seed 2" in out  # what it was begun with is enough
    Path("tiny.net").write_text(TINY.replace("kinds", "others"))
    assert "  netspec train tiny.net --seed 4\n" in trained(run, "--seed", "3", "--out", "x")
    out = trained(run, "--with", "adam lr=1e-9", "--epochs", "2")
    assert "netspec doctor runs/tiny-3" in out and "netspec train runs/tiny-3 --with" in out, out
    code, out, err = run("train", "runs/tiny-1", "--with", 'data images "others" size=8 validation=0.5', "--epochs", "1")
    assert code == 0 and "data others: 18 examples, 18 to validate" in out, err  # the line that is said now


@pytest.mark.parametrize("prepared", [True, False])
def test_a_picture_that_cannot_be_read_ends_training_before_it_begins(run: Command, prepared: bool) -> None:  # noqa: F811
    """It is told at the line of the data, and nothing of a run stays."""
    whole = Path("kinds/red/1.png").read_bytes()
    Path("kinds/red/1.png").write_bytes(whole[:-40])  # its beginning is fine
    spec = TINY.replace(" validation=0.25", "").replace("batch 8", "batch 64")
    Path("tiny.net").write_text(spec.replace("  loss", "  prepare standardise\n  loss") if prepared else spec)
    for where in ((), ("--out", "named")):
        code, _, err = run("train", "tiny.net", *where)
        assert code == 1 and "1.png cannot be read as a picture" in err and "tiny.net:8:3" in err and "skip_unreadable" in err, err
        assert not Path("runs/tiny-1").exists() and not (Path("named").exists() and os.listdir("named"))
    Path("kinds/red/1.png").write_bytes(whole)
    assert "run runs/tiny-1\n" in trained(run, "--epochs", "1") and "run named\n" in trained(run, "--epochs", "1", "--out", "named")


def test_a_first_step_that_fails_leaves_no_run(run: Command) -> None:  # noqa: F811
    Path("wild.net").write_text(TINY.replace('images "kinds" size=8 validation=0.25', '"wild.npz"').replace("tiny", "wild").replace("batch 8", "batch 64"))
    x = np.random.default_rng(0).random((12, 3, 8, 8)).astype("f4")
    x[7, 0, 0, 0] = np.nan
    np.savez("wild.npz", x=x, y=np.arange(12) % 3)
    code, _, err = run("train", "wild.net", "--with", "log csv tensorboard")
    assert code == 1 and "at step 1" in err, err
    assert not Path("runs/wild-1").exists()
    code, out, _ = run("runs")
    assert code == 0 and "wild" not in out


def test_a_run_without_a_step_answers_nothing(run: Command) -> None:  # noqa: F811
    """As one that is killed before its first step leaves it."""
    net, left = netspec.compile("tiny.net", device="reference"), claimed("tiny")
    net.save(left.last)
    left.begin(TINY, {"net": "tiny", "seed": 0})
    for words in (("predict", "runs/tiny-1", "kinds/red/1.png"), ("evaluate", "runs/tiny-1"),
                  ("predict", "runs/tiny-1/last.safetensors", "kinds/red/1.png"), ("export", "runs/tiny-1", "-o", "x.onnx")):
        code, out, err = run(*words)
        assert code == 2 and not out and "ended before its first step" in err and "hint: netspec train --resume runs/tiny-1" in err, words
    assert run("train", "--resume", "runs/tiny-1", "--epochs", "1")[0] == 0 and run("evaluate", "runs/tiny-1")[0] == 0
    net.save("own.safetensors")  # weights of somebody's own
    assert run("predict", "own.safetensors", "kinds/red/1.png")[0] == 0


def test_errors_fit_a_narrow_terminal(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """But for what is pasted: hints, and places of files."""
    source = Source("a.net", "net a:\n  input 3x8x8\n" + "  conv 8 3x3 bn relu " * 6 + "-> maxpol 2\n")
    span = Span(source, 3, source.line(3).index("maxpol") + 1, 3, source.line(3).index("maxpol") + 7)
    found = Diagnostic("unknown-word", "I know no layer or block that is called `maxpol`, nor one that is alike",
                       (Label(span, "not a layer, and not a block of this file either"),), ("one fact " * 12,),
                       hint="maxpool 2   or   something that is long and is pasted whole", trail=("called in a block " * 4,))
    for room in (24, 40, 60, 100):
        lines = render(found, room=room).split("\n")
        long = [line for line in lines if cells(line) > max(room, 28) and "hint:" not in line]
        assert not long, long
        caret = next(k for k, line in enumerate(lines) if "^" in line)
        assert lines[caret - 1][lines[caret].index("^"):].startswith("maxpol") and lines[caret].count("^") == 6
    assert render(found) == render(found, room=10_000)
    assert "\033[" in render(found, True, 40) and re.sub(r"\033\[[\d;]*m", "", render(found, True, 40)) == render(found, room=40)
    monkeypatch.setenv("COLUMNS", "40")
    code, _, err = run("train", "tiny.net", "--data", 'images "nowhere"')
    assert code == 1 and " --> --data:1:1\n" in err and max(map(len, err.splitlines())) <= 40, err


def test_answers_fit_a_narrow_terminal(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    trained(run, "--epochs", "1", "--with", "metric confusion")
    wide = run("predict", "runs/tiny-1", "kinds")[1]
    monkeypatch.setenv("COLUMNS", "40")
    for words in (("predict", "runs/tiny-1", "kinds"), ("evaluate", "runs/tiny-1")):
        code, out, _ = run(*words)
        assert code == 0 and max(map(len, out.splitlines())) <= 40, out
        assert not re.search(r"(?m)(blue|green|red)$", out)  # a class stays beside its share
    assert run("predict", "runs/tiny-1", "kinds")[1].split() == wide.split()
    assert in_a_row(["ab", "cd", "ef"], 6) == "ab  cd\n  ef" and in_a_row(["ab", "cd"], None) == "ab  cd"
    assert beside("head", "some text", 10, None) == "head      some text"
    assert beside("head", "some text that goes on and on and on and on", 10, 44).count("\n") == 1
    assert beside("head", "some text that goes on", 10, 20).splitlines()[0] == "head"
    assert beside("ok    a head that is wider    than there is room", "some text", 50, 24).splitlines() == [
        "ok a head that is wider", "  than there is room", "     some text"]


def test_numbers_keep_the_names_of_their_columns(run: Command) -> None:  # noqa: F811
    files = sorted(str(p.relative_to("kinds")) for p in Path("kinds").rglob("*.png"))
    Path("numbers.csv").write_text("file,width,how blue\n" + "".join(f"{f},{k},{k / 7}\n" for k, f in enumerate(files)))
    Path("numbers.net").write_text(NUMBERS)
    code, _, err = run("train", "numbers.net")
    assert code == 0, err
    net = netspec.load("runs/numbers-1", device="reference")
    assert net.columns == ("width", "how blue") and net.classes == ()
    values = net.predict(np.zeros((1, 3, 8, 8)))[0]
    np.save("x.npy", np.zeros((1, 3, 8, 8)))
    (row,) = json.loads(run("predict", "runs/numbers-1", "x.npy", "--format", "json")[1])
    assert row["columns"] == ["width", "how blue"] and row["values"] == pytest.approx(values.tolist(), rel=1e-6)
    table = list(csv.reader(io.StringIO(run("predict", "runs/numbers-1", "x.npy", "--format", "csv")[1])))
    assert table[0] == ["file", "width", "how blue"] and float(table[1][2]) == pytest.approx(values[1], rel=1e-6)
    assert f"width {values[0]:g}  how blue {values[1]:g}" in run("predict", "runs/numbers-1", "x.npy")[1]
    turned = Path("numbers.csv").read_text().splitlines()
    Path("turned.csv").write_text("file,how blue,width\n" + "".join(",".join([a, c, b]) + "\n" for a, b, c in (t.split(",") for t in turned[1:])))
    losses = [json.loads(run("evaluate", "runs/numbers-1", "--data", f'images "kinds" labels="{name}.csv"', "--format", "json")[1])["loss"]
              for name in ("numbers", "turned")]
    assert losses[0] == losses[1]  # by name, not by place
    Path("other.csv").write_text(Path("numbers.csv").read_text().replace("how blue", "how green"))
    code, _, err = run("evaluate", "runs/numbers-1", "--data", 'images "kinds" labels="other.csv"')
    assert code == 1 and "how green" in err and "how blue" in err


def test_networks_of_other_questions_are_refused_in_words(run: Command) -> None:  # noqa: F811
    trained(run, "--epochs", "1")
    pictures(Path("pets"), 8, ("cat", "dog", "fox"))
    trained(run, "--epochs", "1", "--data", 'images "pets" size=8')
    np.savez("marks.npz", x=np.random.default_rng(0).random((12, 3, 8, 8)), y=np.eye(3)[np.arange(12) % 3])
    for loss, fc in (("bce", 3), ("mse", 2)):
        np.savez("m.npz", x=np.random.default_rng(0).random((12, 3, 8, 8)), y=np.eye(3)[np.arange(12) % 3][:, :fc])
        Path("m.net").write_text(TINY.replace('images "kinds" size=8 validation=0.25', '"m.npz"').replace("cross_entropy", loss).replace(
            "fc 3", f"fc {fc}").replace("tiny", loss))
        assert run("train", "m.net", "--epochs", "1")[0] == 0
    first = "runs/tiny-1: which of 3 classes: blue, green, red"
    for other, said in (("tiny-2", "which of 3 classes: cat, dog, fox"), ("bce-1", "yes or no to 3 labels"), ("mse-1", "2 numbers")):
        code, _, err = run("predict", "runs/tiny-1", f"runs/{other}", "kinds/red/1.png")
        assert code == 2 and first in err and f"runs/{other}: {said}" in err and "{" not in err and "(" not in err, err
        code, _, err = run("evaluate", "runs/tiny-1", f"runs/{other}", "--data", 'images "kinds"')
        assert code == 1 and said in err and "which of 3 classes: blue" in err and "{" not in err, err


def test_confusion_is_told_by_name(run: Command) -> None:  # noqa: F811
    trained(run, "--epochs", "1", "--with", "metric confusion", "--with", "adam lr=1e-9")
    out = run("evaluate", "runs/tiny-1")[1]
    assert re.search(r"of 9 wrong \((blue|green|red) as (blue|green|red): \d\)", out), out
    assert re.search(r"wrong \((blue|green|red) as", trained(run, "--epochs", "1", "--with", "metric confusion", "--with", "adam lr=1e-9"))


def test_several_trainings_are_told_together(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    out = trained(run, "--seeds", "0,2,5", "--epochs", "1")
    assert out.count("next:") == 1 and out.count("saved ") == 3
    table = out[out.index("3 seeds"):]
    head, loss = table.splitlines()[:2]
    assert re.fullmatch(r"3 seeds +mean ± deviation +seed 0 +seed 2 +seed 5", head) and len(loss.split()) == 1 + 3 + 3
    assert head.rindex("seed 5") + 6 == len(loss) == len(head)
    asks = "  netspec predict runs/tiny-1 runs/tiny-2 runs/tiny-3 PICTURE..."
    assert asks in table and "  netspec runs\n" in table and run(*shlex.split(asks)[1:-1], "kinds/red/1.png")[0] == 0
    out = trained(run, "--folds", "2", "--epochs", "1", "--out", "cross")
    assert "fold 1  fold 2" in re.sub(" +", "  ", out).replace("fold  ", "fold ") and "  netspec runs cross\n" in out
    monkeypatch.setenv("COLUMNS", "40")
    table = trained(run, "--seeds", "0..3", "--epochs", "1").partition("4 seeds")[2].partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 40


def test_a_setting_is_told_from_a_number_of_its_name(run: Command) -> None:  # noqa: F811
    trained(run, "--epochs", "1")
    trained(run, "--epochs", "1", "--with", "loss cross_entropy smoothing=0.1")
    head = next(csv.reader(io.StringIO(run("runs", "--format", "csv")[1])))
    assert len(set(head)) == len(head) and "loss" in head and "loss line" in head


def test_check_of_a_run_without_its_data_says_how_to_name_them(run: Command) -> None:  # noqa: F811
    trained(run, "--epochs", "1")
    Path("kinds").rename("elsewhere")
    code, _, err = run("check", "runs/tiny-1")
    assert code == 1 and "there is no folder" in err and "--data 'images \"folder\"'" in err, err


@pytest.mark.parametrize("line", ['images "nowhere"', 'images "kinds" validation=2', "digts", 'images "kinds" sise=8', ')'])
def test_an_option_is_told_at_its_own_columns(run: Command, line: str) -> None:  # noqa: F811
    code, _, err = run("train", "tiny.net", "--with", f"data {line}")
    places = re.findall(r"--with:(\d+):(\d+)", err)  # what is read later is told at the line that the spec has then
    assert code == 1 and all(at[0] == "1" and int(at[1]) <= len(line) + 6 for at in places), err
    code, _, err = run("train", "tiny.net", "--data", f"{line}" if " " in line else f'images "{line}"')
    assert code == 1 and re.search(r"--data:1:\d+\n", err), err


def test_masks_are_as_large_as_their_pictures(run: Command) -> None:  # noqa: F811
    """In the places where they were seen: whatever way a picture came to the network's size."""
    for name, (h, w) in {"a": (12, 20), "b": (30, 9), "c": (8, 8)}.items():
        for folder, a in (("scenes", np.zeros((h, w, 3), np.uint8)), ("masks", np.zeros((h, w), np.uint8))):
            Path(folder).mkdir(exist_ok=True)
            a[:, w // 2 :] = 200 if folder == "scenes" else 1
            Image.fromarray(a).save(f"{folder}/{name}.png")
    for resize in ("cover", "fit", "stretch"):
        Path("scenes.net").write_text("net scenes:\n  input 3x8x8\n  conv 2 1x1\n\ntrain scenes:\n"
                                      f'  data images "scenes" masks="masks" resize={resize}\n  loss cross_entropy ignore=255\n'
                                      "  adam lr=0.5\n  epochs 8\n")
        code, _, err = run("train", "scenes.net", "--out", resize)
        assert code == 0, err
        assert run("predict", resize, "scenes", "-o", f"{resize}-masks")[0] == 0
        for name, (h, w) in {"a": (12, 20), "b": (30, 9), "c": (8, 8)}.items():
            drawn, want = (np.asarray(Image.open(f"{folder}/{name}.png")) for folder in (f"{resize}-masks", "masks"))
            assert drawn.shape == (h, w)
            seen = drawn != 255
            assert seen.mean() == pytest.approx(min(h, w) / max(h, w) if resize == "cover" else 1, abs=0.1)
            assert (drawn == want)[seen].mean() > 0.85
