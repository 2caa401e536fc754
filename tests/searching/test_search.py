"""Searches as people run them: real processes that share a folder, are killed, and are begun again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from netspec.cli import main
from netspec.diagnostics import MissingFileError, NetspecError
from netspec.searching import results
from netspec.searching.definition import Definition, Search
from netspec.searching.lease import put
from netspec.searching.sampling import checked
from netspec.searching.trials import Watch, _move

TINY = """net tiny(width=1):
  input 1x8x8
  fc 8*width relu
  fc 10

train tiny:
  data digits validation=0.2
  loss cross_entropy
  sgd lr=0.02
  batch 128
  epochs 3
"""
ASKED = ("--with", "adamw lr=log(1e-4..1e-1)", "--set", "width=[1, 2]", "--trials", "3", "--threads", "1", "--lease", "1")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands in a folder with a spec."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.net").write_text(TINY)
    capsys.readouterr()

    def command(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(list(argv))
        except SystemExit as e:
            code = int(e.code or 0)
        out = capsys.readouterr()
        return code, out.out, out.err

    return command


def start(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "netspec", "search", "tiny.net", *argv], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=500)
    assert process.returncode == 0, out
    return out


def found(folder: str, trials: int = 3) -> str:
    """All that a search has come to: its results, and the weights of all trials."""
    parts = ("results/trial-{}.json", "trial-{}/best.safetensors", "trial-{}/last.safetensors")
    files = [Path(folder, part.format(k)) for k in range(1, trials + 1) for part in parts]
    assert not list(Path(folder, "working").iterdir()) and not list(Path(folder, "workers").iterdir()), "nothing is left behind"
    return " ".join(hashlib.sha256(f.read_bytes()).hexdigest()[:12] for f in files)


def in_mid_trial(folder: str, epochs: int) -> None:
    """Wait until a trial that is worked on has so many epochs behind it."""
    ends = monotonic() + 500
    while not any(len(p.read_text().splitlines()) > epochs for p in Path(folder).glob("working/trial-*/*/trial-*/log.jsonl")):
        assert monotonic() < ends, "no trial has begun"
        sleep(0.01)


def table(out: str) -> str:
    """What a search says at the end, without what comes next."""
    return out.partition("\ntrial  val")[2].partition("\n\n")[0]


def test_who_works_on_a_search_changes_nothing(run: Command) -> None:
    """One process; and three at once in one folder, of two commands."""
    code, out, err = run("search", "tiny.net", *ASKED, "--out", "alone")
    assert code == 0, out + err
    other = start(*ASKED, "--out", "shared")
    code, said, err = run("search", "tiny.net", *ASKED, "--workers", "2", "--out", "shared")
    assert code == 0, said + err
    assert table(said) == table(out) == table(finish(other))
    assert found("shared") == found("alone")
    assert run("runs", "shared")[1] == run("runs", "alone")[1]


@pytest.mark.sweep
@pytest.mark.parametrize("workers", ["2", "3", "5"])
def test_the_number_of_workers_changes_nothing(run: Command, workers: str) -> None:
    assert run("search", "tiny.net", *ASKED, "--quiet", "--out", "alone")[0] == 0
    assert run("search", "tiny.net", *ASKED, "--quiet", "--workers", workers, "--out", "shared")[0] == 0
    assert found("shared") == found("alone")


def test_whoever_is_killed_in_mid_trial_is_replaced_to_the_same_bits(run: Command) -> None:
    longer = (*ASKED, "--epochs", "12", "--out")
    assert run("search", "tiny.net", *longer, "whole")[0] == 0
    killed = start(*longer, "killed")
    in_mid_trial("killed", 5)
    killed.kill()
    killed.communicate()
    assert list(Path("killed", "working").glob("*/*/trial-*")), "it has left its trial"
    assert run("search", "tiny.net", *longer, "killed")[0] == 0
    assert found("killed") == found("whole")


@pytest.mark.sweep
def test_whoever_seems_dead_and_is_not_changes_nothing(run: Command) -> None:
    longer = (*ASKED, "--epochs", "12", "--out")
    held = start(*longer, "held")
    in_mid_trial("held", 5)
    held.send_signal(signal.SIGSTOP)  # no heartbeat from now on, and the process is there
    code, out, err = run("search", "tiny.net", *longer, "held")
    assert code == 0 and "trial 1 of 3" in out, err
    there = {p.name: p.stat().st_mtime_ns for p in Path("held", "results").iterdir()}
    held.send_signal(signal.SIGCONT)
    assert table(finish(held)) == table(out)
    assert {p.name: p.stat().st_mtime_ns for p in Path("held", "results").iterdir()} == there, "what others did stays"
    assert run("search", "tiny.net", *longer, "whole")[0] == 0 and found("held") == found("whole")


@pytest.mark.sweep
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_lets_go_and_the_same_command_goes_on(run: Command, workers: str) -> None:
    longer = (*ASKED, "--epochs", "12", "--workers", workers, "--out")
    stopped = start(*longer, "stopped")
    in_mid_trial("stopped", 3)
    stopped.send_signal(signal.SIGINT)
    out, _ = stopped.communicate(timeout=500)
    assert stopped.returncode == 130 and "stopped holds what is done; the same command goes on" in out, out
    assert not os.listdir("stopped/workers"), "nobody has to wait for its leases"
    out = run("search", "tiny.net", *longer, "stopped")[1]
    assert found("stopped") and "the best so far" in out
    again = run("search", "tiny.net", *longer, "stopped")  # everything is done
    assert again[0] == 0 and "so far" not in again[1] and again[1].rstrip().endswith(out.rstrip().rpartition("\n")[2])


def test_a_trial_is_a_run(run: Command) -> None:
    assert run("search", "tiny.net", *ASKED, "--quiet", "--out", "here")[0] == 0
    written = [json.loads(p.read_text()) for p in Path("here", "results").iterdir()]
    best = min(written, key=lambda r: r["value"])
    code, out, _ = run("runs", "here", "--format", "json")
    table = json.loads(out)
    assert code == 0 and [r["value"] for r in table] == sorted(r["value"] for r in written) and table[0]["trial"] == best["trial"]
    place = table[0]["run"]
    assert f"adamw lr={best['parameters']['lr']}" in Path(place, "spec.net").read_text()
    code, out, err = run("evaluate", place)
    assert code == 0 and "accuracy" in out, err
    shutil.copytree(place, "copy")
    assert run("runs", "copy", "--format", "csv")[1].splitlines()[1].startswith("copy,tiny,3/3,")
    # by hand it comes to the same
    width, lr = best["parameters"]["width"], best["parameters"]["lr"]
    assert run("train", "tiny.net", "--with", f"adamw lr={lr}", "--set", f"width={width}", "--quiet", "--out", "hand")[0] == 0
    hand = json.loads(run("runs", "hand", "--format", "json")[1])[0]
    assert hand["best"] == best["best"]


def test_more_trials_go_on_and_other_searches_are_refused(run: Command) -> None:
    few = ("search", "tiny.net", *ASKED[:4], "--epochs", "1", "--quiet")
    assert run(*few, "--trials", "2")[0] == 0 and sorted(os.listdir("searches")) == ["tiny-1"]
    before = Path("searches/tiny-1/results/trial-2.json").stat().st_mtime_ns
    assert run(*few, "--trials", "3")[0] == 0 and sorted(os.listdir("searches")) == ["tiny-1"], "the same search goes on"
    assert len(os.listdir("searches/tiny-1/results")) == 3
    assert Path("searches/tiny-1/results/trial-2.json").stat().st_mtime_ns == before
    assert run(*few, "--trials", "1", "--seed", "5")[0] == 0 and sorted(os.listdir("searches")) == ["tiny-1", "tiny-2"]
    code, _, err = run("search", "tiny.net", "--with", "adamw lr=log(1e-3..1e-1)", "--epochs", "2", "--out", "searches/tiny-1")
    assert code == 2 and "searches/tiny-1 is another search" in err
    assert "--with: there adamw lr=log(1e-4..1e-1), here adamw lr=log(1e-3..1e-1)" in err
    assert "--set: there width=[1, 2], here nothing" in err and "--epochs: there 1, here 2" in err
    assert "hint: --out searches/tiny-1-2" in err
    Path("tiny.net").write_text(TINY.replace("batch 128", "batch 64"))
    code, _, err = run(*few, "--out", "searches/tiny-1")
    assert code == 2 and "the text of the spec differs" in err


@pytest.mark.parametrize(("argv", "code", "said", "hint"), [
    ((), 2, "there is nothing to search", '--with "adamw lr=log(1e-5..1e-1)"'),
    (("--with", "adamw lr=0.1"), 2, "there is nothing to search", '--with "adamw lr=log(1e-5..1e-1)"'),
    (("--with", "adamw lr=log(1..0.1)"), 1, "a range begins with its lower end", "log(0.1..1)"),
    (("--with", "adamw rl=log(1e-5..1e-1)"), 1, "`adamw` has no option called `rl`", "lr"),
    (("--with", "adamv lr=log(1e-5..1e-1)"), 1, "knows no setting `adamv`", "adamw"),
    (("--with", "batch -3..64"), 1, "batch is at least 1", "with batch=-3"),
    (("--with", "batch [32, x]"), 1, "`x` is not defined here", "with batch=x"),
    (("--set", "wdth=[1, 2]"), 2, "tiny has no parameter called wdth", "width"),
    (("--set", "width=[1, 0]"), 1, "", "with width=0"),
    (("--set", "width"), 2, "--set takes NAME=VALUE", "--set classes=10"),
    (("--set", "width=[1, 2]", "--trials", "0"), 2, "0' is not a whole number from 1", ""),
    (("--set", "width=[1, 2]", "--trials", "100001"), 2, "100001 is not a whole number from 1 to 100,000", ""),
    (("--set", "width=[1, 2]", "--workers", "none"), 2, "'none' is not a whole number from 1", ""),
    (("--set", "width=[1, 2]", "--out", "tiny.net"), 2, "tiny.net is a file, and a search lies in a folder", "--out searches/tiny"),
    (("--set", "width=[1, 2]", "--out", "full"), 2, "full holds something else than a search", "--out full/search"),
    (("--set", "width=[1, 2]", "--out", "tiny.net/x"), 1, "tiny.net/x cannot be written", ""),
    (("--set", "width=[1, 2]", "--data", "nothing.npz"), 1, "nothing.npz", ""),
    (("--set", "width=[1, 2]", "--sampler", "tpx"), 2, "there is no sampler `tpx`: random, tpe, cmaes", "did you mean `tpe`?"),
    (("--set", "width=[1, 2]", "--halving", "1"), 2, "'1' is no whole number from 2 to 1000", ""),
    (("--set", "width=[1, 2]", "--lease", "never"), 2, "'never' is no number of seconds", ""),
])
def test_what_is_wrong_is_said_before_all_begins(run: Command, argv: tuple[str, ...], code: int, said: str, hint: str) -> None:
    Path("full").mkdir()
    Path("full", "letter.txt").write_text("dear")
    got, out, err = run("search", "tiny.net", *argv)
    assert got == code and said in err and hint in err, err
    assert "trial" not in out and not list(Path().rglob("search.json"))
    assert os.listdir("full") == ["letter.txt"]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NetspecError, match=r"needs the package optuna(.|\n)*pip install 'netspec-nn\[search\]'"):
        checked("tpe")
    assert checked("random") == checked("") == ""


@pytest.mark.parametrize("most", [100, 1500, 12000])
def test_a_full_disk_is_said_and_nothing_is_lost(run: Command, most: int) -> None:
    """No file may be longer than so many bytes: a search ends where the first of them cannot be written, and later goes on."""
    resource = pytest.importorskip("resource")
    asked = ("search", "tiny.net", *ASKED, "--device", "reference", "--epochs", "1", "--out", "full")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        code, _, err = run(*asked)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 1 and "cannot be written: File too large" in err, err
    assert run(*asked)[0] == 0
    assert found("full")


def test_what_cannot_be_written_in_mid_trial_is_said(tmp_path: Path) -> None:
    """A disk may be full in any moment: what a trial and its worker write says so as all files do."""
    gone = tmp_path / "gone"
    search = Search(gone, Definition([]), 1)
    for write in (lambda: Watch(gone, {}).on_step(None, 1, 2.0), lambda: results.write(search, results.Result(1)),
                  lambda: put(gone / "worker.json", {}), lambda: _move(tmp_path / "none", gone)):
        with pytest.raises(MissingFileError, match="cannot be written"):
            write()
