"""Workers that share each step, as processes that a real mpirun starts: the same bits on any number of them, whoever dies.

mpi4py and Open MPI are the extra `dist`, which .ci/run installs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from netspec.runtime.distributed.launching import starter
from sweeps import the_first

pytestmark = [pytest.mark.mpi, pytest.mark.skipif(find_spec("mpi4py") is None, reason="mpi4py is not installed")]

ENV = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "NETSPEC_THREADS": "1"}
BEGINS = """
import hashlib, json, os, sys
import numpy as np
import netspec
from mpi4py import MPI

rank = MPI.COMM_WORLD.rank
(x, y), _ = netspec.data.digits()

def bits(net):
    held = [v[k].tobytes() for v in (net.parameters, net.buffers, net.averages or {}) for k in v]
    return hashlib.sha256(b"".join(held)).hexdigest()[:16]

def say(*what):
    os.write(1, (json.dumps(what) + "\\n").encode())  # in one piece
"""
NETS = """
BODY = "net a:\\n  input 1x8x8\\n  conv 4 3x3{bn}\\n  relu\\n  maxpool 2\\n{more}  fc {wide}\\n  fc 10\\n"
LINES = "\\ntrain a:\\n  loss cross_entropy\\n  metric accuracy\\n  metric auc\\n  {lines}\\n"
CASES = {
    "batch norm": (dict(bn=" bn", more="", wide=8), "sgd lr=0.1 momentum=0.9\\n  batch 64\\n  shards 8", "float32"),
    "dropout": (dict(bn="", more="  dropout 0.3\\n", wide=8), "adam lr=0.01\\n  batch 48\\n  shards 4", "float32"),
    "augmentation": (dict(bn="", more="", wide=8), "sgd lr=0.1\\n  augment crop pad=1\\n  augment mixup 0.2\\n  batch 64\\n  shards 8", "float32"),
    "averages": (dict(bn=" bn", more="", wide=8), "sgd lr=0.1\\n  average 0.9\\n  schedule cosine\\n  batch 40\\n  shards 5", "float32"),
    "wide, in stretches": (dict(bn=" bn", more="", wide=600), "sgd lr=0.1 clip=1\\n  batch 64\\n  shards 8", "float32"),
    "float64, accumulated": (dict(bn=" bn", more="", wide=8), "sgd lr=0.1\\n  batch 24\\n  shards 3\\n  accumulate 2", "float64"),
}
for name, (body, lines, dtype) in CASES.items():
    net = netspec.compile(text=BODY.format(**body) + LINES.format(lines=lines), seed=1, dtype=dtype)
    h = net.fit(x[:150], y[:150], validation=(x[150:230], y[150:230]), epochs=2, verbose=0)
    say(rank, name, bits(net), h["loss"], h["auc"], h["val_loss"], h["val_auc"], h["val_accuracy"])
"""
SPEC = """net d:
  input 1x8x8
  conv 4 3x3 bn relu
  dropout 0.2
  fc 10

train d:
  data digits
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  augment crop pad=1
  batch 64
  shards 8
"""


def program(folder: Path, ranks: int, text: str, survives: bool = True, code: int = 0) -> list[list[object]]:
    """What the ranks of a program say, a list each time, in the order of ranks."""
    file = folder / "program.py"
    file.write_text(BEGINS + text)
    start = [a for a in starter(ranks, ()) if survives or a not in ("--with-ft", "ulfm")]
    done = subprocess.run([*start, sys.executable, str(file)], env=ENV, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return sorted(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def test_six_nets_have_the_same_bits_on_any_number_of_ranks(tmp_path: Path) -> None:
    alone = [line[1:] for line in program(tmp_path, 1, NETS)]
    assert len(alone) == len({line[1] for line in alone}) == 6
    for ranks in (2, 3, 4):
        said = program(tmp_path, ranks, NETS)
        for rank in range(ranks):
            assert [line[1:] for line in said if line[0] == rank] == alone, (ranks, rank)


# -- the command line ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.net").write_text(SPEC)
    return tmp_path


def netspec(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "netspec", "train", *words], env=ENV, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def over(process: subprocess.Popen[str], code: int = 0) -> str:
    said = process.communicate(timeout=300)[0]
    assert process.returncode == code, said
    return said


def children(process: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def ranks(process: subprocess.Popen[str], folder: Path, workers: int, epochs: int = 1) -> dict[int, int]:
    """The processes of the ranks, once so many epochs are over."""
    log, found = folder / "log.jsonl", dict[int, int]()
    while len(found) < workers or not log.exists() or len(log.read_text().splitlines()) <= epochs:
        assert process.poll() is None, process.communicate()[0]
        for child in (c for mpirun in children(process.pid) for c in children(mpirun)):
            try:
                said = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", Path(f"/proc/{child}/environ").read_bytes())
            except OSError:
                continue
            if said:
                found[int(said[1])] = child
        time.sleep(0.02)
    return found


def file_of(folder: Path) -> str:
    return hashlib.sha256((folder / "last.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checkpoint of one process that trains for six epochs."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "d.net").write_text(SPEC)
    over(netspec(str(folder / "d.net"), "--epochs", "6", "--quiet", "--out", str(folder / "one")))
    return file_of(folder / "one")


def test_whoever_is_killed_and_whoever_goes_on(here: Path, whole: str) -> None:
    """One worker of three, the first among them; two of three; all of them, after which other workers go on; one that hangs."""
    for k, victims in enumerate(((0,), (1,), (0, 2))):
        training = netspec("d.net", "--epochs", "6", "--workers", "3", "--out", f"k{k}")
        found = ranks(training, here / f"k{k}", 3)
        for victim in victims:
            os.kill(found[victim], signal.SIGKILL)
        said = over(training)
        assert file_of(here / f"k{k}") == whole, said
        assert all(f"rank {victim} " in said for victim in victims) and "gone" in said
        assert len((here / f"k{k}" / "log.jsonl").read_text().splitlines()) == 7
        assert said.count("  6/6") == 1 and "saved  k" in said
    training = netspec("d.net", "--epochs", "6", "--workers", "3", "--out", "all")
    for process in ranks(training, here / "all", 3).values():
        os.kill(process, signal.SIGKILL)
    assert "--resume" in over(training, 1)
    over(netspec("--resume", "all", "--epochs", "6", "--workers", "2"))
    assert file_of(here / "all") == whole
    training = netspec("d.net", "--epochs", "6", "--workers", "2", "--timeout", "2", "--out", "hang")
    os.kill(ranks(training, here / "hang", 2)[1], signal.SIGSTOP)
    assert "has not been heard of" in over(training) and file_of(here / "hang") == whole


@pytest.mark.parametrize("seed", the_first(0, list(range(10))))
def test_killed_at_random_steps(here: Path, whole: str, seed: int) -> None:
    for victim in range(3):
        training = netspec("d.net", "--epochs", "6", "--workers", "3", "--out", f"k{victim}")
        found = ranks(training, here / f"k{victim}", 3)
        time.sleep((seed * 37 + victim * 11) % 100 / 100)
        if training.poll() is None:
            os.kill(found[victim], signal.SIGKILL)
        said = over(training)
        assert file_of(here / f"k{victim}") == whole, said


def test_an_interrupt_is_one_of_all_and_others_go_on(here: Path, whole: str) -> None:
    training = netspec("d.net", "--epochs", "6", "--workers", "3", "--out", "t")
    ranks(training, here / "t", 3)
    training.send_signal(signal.SIGTERM)
    said = over(training, 143)
    assert "of epoch" in said and said.count("netspec: terminated") == 1
    over(netspec("--resume", "t", "--epochs", "6"))
    assert file_of(here / "t") == whole


def test_what_workers_refuse(here: Path) -> None:
    (here / "plain.net").write_text(SPEC.replace("  shards 8\n", ""))
    said = over(netspec("plain.net", "--workers", "2"), 1)
    assert "2 workers have no parts of a step to share" in said and "hint: shards 4" in said and said.count("error:") == 1
    said = over(netspec("d.net", "--workers", "2", "--with", "lbfgs"), 2)
    assert "one batch several times" in said and said.count("error:") == 1
    missing = netspec("missing.net", "--workers", "2")
    assert missing.communicate(timeout=300)[0].count("error:") == 1 and missing.returncode in (1, 2)


# -- programs -----------------------------------------------------------------------------------------------------------
FITS = """
net = netspec.compile("d.net", seed=SEED)
try:
    net.fit(GIVEN, y[:150], epochs=2, verbose=0, shuffle=False, checkpoint="c.safetensors")
except netspec.NetspecError as e:
    say(rank, e.diagnostics[0].code, str(e), net.step, bits(net))
"""


def test_an_error_of_one_rank_ends_all(here: Path) -> None:
    """A number that is none, in the part of one rank; other weights on one; a disk that is full on the first."""
    first, second = program(here, 2, FITS.replace("SEED", "0").replace("GIVEN", "np.where(np.arange(150)[:, None, None, None] == 60, np.nan, x[:150])"))
    assert first[1] == second[1] == "loss-exploded" and first[3] == second[3] == 0 and first[4] == second[4]
    assert "rank 1" in str(first[2]) and "example 60" in str(second[2])
    first, second = program(here, 2, FITS.replace("SEED", "rank").replace("GIVEN", "x[:150]"))
    assert first[1] == second[1] == "unlike-workers" and "seed" in str(first[2])
    other = "import netspec.runtime.io.checkpoint as c\nif rank == 1: c.__version__ = '0.0.1'\n"
    first, second = program(here, 2, other + FITS.replace("SEED", "0").replace("GIVEN", "x[:150]"))
    assert first[1] == second[1] == "unlike-workers" and "worker 1" in str(first[2]) and "0.0.1" in str(first[2])
    full = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nif rank == 0: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    first, second = program(here, 2, full + FITS.replace("SEED", "0").replace("GIVEN", "x[:150]"))
    assert "c.safetensors" in str(first[2]) and "rank 0" in str(second[2]) and first[3] == second[3]


def test_an_mpi_that_does_not_outlive_its_ranks_leaves_a_whole_checkpoint(here: Path) -> None:
    kills = FITS.replace("SEED", "0").replace("GIVEN", "x[:150]").replace(
        "verbose=0", "verbose=0, callbacks=lambda net, epoch, numbers: os.kill(os.getpid(), 9) if rank == 1 and epoch == 1 else None")
    assert program(here, 2, kills, survives=False, code=137) == []
    import netspec

    assert netspec.load(str(here / "c.safetensors")).epoch == 1


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no other mpirun on PATH")
def test_mpirun_by_hand(here: Path, whole: str) -> None:
    done = subprocess.run([shutil.which("mpirun") or "", "--oversubscribe", "-n", "2", sys.executable, "-m", "netspec", "train", "d.net",
                           "--epochs", "6", "--out", "m"], env=ENV, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and file_of(here / "m") == whole, done.stderr
