"""What a person sees of training: a table with one header, a line below it on a terminal, and how long it will take."""

from __future__ import annotations

import io
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec import terminal, waiting
from netspec.cli import main
from netspec.runtime.train import progress
from netspec.runtime.train.history import History
from netspec.runtime.train.session import data_of
from netspec.runtime.train.table import Table

SPEC = """
net small:
  input 1x6x6
  conv 8 3x3 relu
  maxpool 2
  fc 3

train small:
  data "d.npz"
  prepare standardise
  loss cross_entropy
  adam lr=0.01
  batch 4
  epochs 3
"""
NARROW = r"[\r\n](?=[^\r\n]{,40}[\r\n]) *epoch +loss[^\r\n]*"  # which columns it has depends on how long their numbers are
try:
    import fcntl
    import pty
    import termios
except ImportError:  # no terminals of POSIX
    pytestmark = pytest.mark.skip(reason="terminals of POSIX")


class Screen:
    """What a terminal of so many columns shows: text, carriage returns and new lines, and nothing else."""

    def __init__(self, width: int):
        self.width, self.rows, self.at, self.live = width, [[" "] * width], 0, set[str]()

    def write(self, text: str) -> None:
        for c in text:
            if c == "\n":
                self.rows.append([" "] * self.width)
                self.at = 0
            elif c == "\r":
                self.live.add(self.line)
                self.at = 0
            else:
                assert c.isprintable(), repr(c)
                assert self.at < self.width, f"a line goes on: {''.join(self.rows[-1])}"
                self.rows[-1][self.at] = c
                self.at += 1

    @property
    def line(self) -> str:
        return "".join(self.rows[-1]).rstrip()

    @property
    def text(self) -> str:
        return "\n".join("".join(r).rstrip() for r in self.rows)


def on_a_terminal(words: list[str], width: int, folder: Path, until: Any = None, **environment: str) -> tuple[int, str]:
    """The exit code of a command that runs on a terminal of so many columns, and all that it wrote there. `until` sees what is
    there so far, and the process and the terminal."""
    ours, theirs = pty.openpty()
    resize(ours, width)
    given = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    child = subprocess.Popen([sys.executable, "-m", "netspec", *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
                             env={**given, "TERM": "xterm", **environment}, start_new_session=True,
                             preexec_fn=_interruptible)
    os.close(theirs)
    out = b""
    with suppress(OSError):  # how Linux says that nobody writes there any more
        while data := os.read(ours, 1 << 16):
            out += data
            if until is not None:
                until(out.decode(errors="replace"), child, ours)
    os.close(ours)
    return child.wait(), out.decode().replace("\r\n", "\n")


def _interruptible() -> None:
    """Where the tests run in the background, what they start does not hear of interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def resize(terminal: int, width: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a small net lies and what it learns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "small.net").write_text(SPEC)
    rng = np.random.default_rng(0)
    x = rng.random((24, 1, 6, 6))
    np.savez(tmp_path / "d.npz", x=x[:16], y=np.arange(16) % 3, x_val=x[16:], y_val=np.arange(8) % 3)
    return tmp_path


class Tty(io.StringIO):
    """A terminal as wide as COLUMNS says."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


def watched(monkeypatch: pytest.MonkeyPatch, width: int = 30) -> Tty:
    """A terminal in the place of both streams, on which a line is drawn as often as anything happens."""
    found = Tty()
    monkeypatch.setattr(sys, "stdout", found)
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal, "PAUSE", 0.0)
    return found


@pytest.mark.parametrize(("width", "columns"), [
    (40, "epoch loss val_accuracy left"), (80, "epoch loss accuracy val_loss val_accuracy samples/s time left"),
    (200, "epoch loss accuracy val_loss val_accuracy samples/s time left")])
def test_it_fits_the_terminal(width: int, columns: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tty = watched(monkeypatch, width)
    assert main(["train", "small.net", "--device", "reference"]) == 0
    out, screen = tty.getvalue(), Screen(width)
    screen.write(out[: out.index("took ")])
    assert [line.split() for line in screen.text.splitlines() if line.startswith("epoch")] == [columns.split()]
    assert re.findall(r"(?m)^ +(\d)/3\b", screen.text) == ["1", "2", "3"]
    assert not re.search(r"[4-9]/3|\x1b", out)
    line = {12: "epoch 1/3.*|1/3 +.*left", 40: r"epoch 1/3  \d/4  (loss \d\.\d+  )?[\d,.]+/s  [\d.]+ (s|min) left"}.get(
        width, r"epoch 1/3  \[=*>? *\]  \d/4  loss \d\.\d{4}  [\d,.]+ samples/s  [\d.]+ (s|min) left")
    assert any(re.fullmatch(line, shown) for shown in screen.live), screen.live
    if width > 12:
        assert {"epoch 1/3  measuring standardise, example 1 of 16"[11 * (width == 40):], "epoch 3/3  judging example 5 of 8"} <= screen.live


def test_a_terminal_may_change_its_width(folder: Path) -> None:
    done = list[bool]()

    def narrow(out: str, child: subprocess.Popen[bytes], terminal: int) -> None:
        if re.search(r"[\r\n] +1/200 ", out) and not done:
            resize(terminal, 40)
            done.append(True)
        if re.search(NARROW, out) and len(done) == 1:
            os.kill(child.pid, signal.SIGINT)  # leaves a clean line, and says how to go on
            done.append(True)

    code, out = on_a_terminal(["train", "small.net", "--device", "reference", "--epochs", "200", "--out", "there"], 80, folder, narrow)
    assert code == 130
    wide, late = re.split(NARROW, out)
    Screen(80).write(wide)
    screen = Screen(40)
    screen.write(late)
    assert re.search(r"\n\nthere holds (batch \d+ of epoch \d+|epoch \d+); go on\s+with\n  netspec train --resume there\n\n"
                     r"netspec: interrupted\n", screen.text), screen.text


@pytest.mark.sweep
def test_kernels_are_counted_while_they_are_compiled(folder: Path) -> None:
    """All that are not in the cache, once; afterwards none."""
    Path("small.net").write_text(SPEC.replace("  conv 8 3x3 relu\n  maxpool 2\n", "").replace("  prepare standardise\n", ""))
    words = ["train", "small.net", "--epochs", "1", "--threads", "1"]
    _, out = on_a_terminal(words, 80, folder, NETSPEC_CACHE=str(folder / "c"))
    met = [(int(k), int(n)) for k, n in re.findall(r"compiling kernel (\d+) of (\d+)", out)]
    counts = [n for (k, n), (before, _) in zip(met, [(9999, 0), *met]) if k <= before]
    made = len(list((folder / "c").rglob("*.code")))
    assert met and all(1 <= k <= n for k, n in met) and made / 2 < sum(counts) <= made
    _, out = on_a_terminal(words, 80, folder, NETSPEC_CACHE=str(folder / "c"))
    assert "compiling" not in out and "epoch 1/1" in out


@pytest.mark.parametrize("line", ["sgd lr=1e-9", "sgd lr=3"])
def test_a_run_that_has_not_learnt_ends_with_advice(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "small.net", "--device", "reference", "--epochs", "2", "--with", line]) == 0
    out = capsys.readouterr().out
    assert "it has not learnt: " in out and "what may help:\n  netspec doctor runs/small-1\n" in out and "next:" not in out


def test_a_log_has_a_line_an_epoch_and_no_orders(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    Path("small.net").write_text(SPEC + "  metric accuracy\n  metric topk 2\n  metric f1\n  schedule cosine\n  early_stopping 9\n")
    assert main(["train", "small.net", "--device", "reference"]) == 0
    out = capsys.readouterr().out
    table = out.partition("run runs/small-1\n")[2].partition("\n\n")[0].splitlines()
    assert table[0].split("  ")[-1] == "max left" and " lr " in table[0] and len(table) == 4
    assert [line.split()[0] for line in table[1:]] == ["1/3", "2/3", "3/3"] and all(c.isprintable() or c == "\n" for c in out)
    assert len({len(line) for line in table}) == 1
    monkeypatch.setenv("COLUMNS", "40")  # where somebody says how long a line may be, it holds
    assert main(["train", "small.net", "--device", "reference"]) == 0
    short = capsys.readouterr().out.partition("run runs/small-2\n")[2].partition("\n\n")[0].splitlines()
    assert len(short) == 4 and max(map(len, short)) <= 40


def test_several_trainings_count_as_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that is left is that of all of them."""
    tty = watched(monkeypatch, 80)
    for words, name in ((["--seeds", "0,1,2"], "seed"), (["--folds", "3"], "fold")):
        tty.truncate(0)
        assert main(["train", "small.net", "--device", "reference", "--epochs", "1", *words]) == 0
        out, first = tty.getvalue(), name == "fold"
        assert [line for line in out.splitlines() if "training" in line] == [f"{name} {k + first}, training {k + 1} of 3" for k in range(3)]
        left = re.findall(r"(?m)^(?:.*\r)?  1/1 .* (\S+ s)$", out)
        assert len(left) == 3 and left[0] != "0 s" and left[1] != "0 s" and left[2] == "0 s"


def test_quiet_is_quiet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tty = watched(monkeypatch)
    assert main(["train", "small.net", "--device", "reference", "--epochs", "1", "--quiet"]) == 0
    assert tty.getvalue() == ""


# -- the table -------------------------------------------------------------------------------------------------------------
def test_columns_go_and_come_back() -> None:
    table = Table(["val_accuracy", "val_loss", "accuracy"])
    row = {"epoch": "1/9", "loss": "0.5000", "accuracy": "50.00%", "aux.loss": "1.0000", "val_loss": "0.4000",
           "val_accuracy": "51.00%", "time": "1.0 s", "left": "8.0 s"}
    heads = {}
    for room in (None, 60, 40, 20, 5, 1, 60, 40, None):
        lines = table.lines(row, room)
        assert len(lines) == 2 and all(room is None or len(line) <= room for line in lines)
        assert heads.setdefault(room, lines[0]) == lines[0]
        assert table.lines(row, room) == lines[1:]  # the header stands above it already
    assert heads[None].split() == list(row)
    assert heads[40].split() == ["epoch", "loss", "val_accuracy", "left"] and heads[20].split() == ["epoch", "loss"]
    assert heads[60].split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "left"]


def test_what_is_wide_or_long_is_counted_so() -> None:
    row = {"epoch": "1/1", "loss": "1e+30", "精度": "九十", "a" * 300: "1", "x\x1b[2Jy": "\x1b[31m\n", "e\u0301": "2", "left": "0 s"}
    for room in (40, 80, 200):
        for line in Table(["a" * 300]).lines(row, room):
            assert sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line) <= room
            assert all(c.isprintable() for c in line)
    head, line = Table().lines({"epoch": "1/1", "精度精度": "1", "left": "0 s"}, None)
    assert terminal.cells(head) == terminal.cells(line) and head == "epoch  精度精度     left"
    assert terminal.abridged("auxiliary_classifier.accuracy", 22) == "auxiliary_..r.accuracy"
    assert terminal.abridged("精度精度精度", 8) == "精度..度" and terminal.abridged("accuracy", 8) == "accuracy"
    assert terminal.cut("精度精度", 7) == "精度.." and terminal.cut("精度精度", 6) == "精度.." and terminal.cut("精度精度", 8) == "精度精度"
    assert terminal.folded("a bb  ccc dddd", 6) == "a bb\n  ccc\n  dddd" and terminal.folded("a bb  ccc", 9) == "a bb  ccc"


def test_a_wider_number_is_given_room() -> None:
    table = Table()
    first = table.lines({"epoch": "1/2", "confusion": "3 of 9 wrong"}, None)
    assert len(table.lines({"epoch": "2/2", "confusion": "1 of 9 wrong"}, None)) == 1
    assert len(table.lines({"epoch": "2/2", "confusion": "13 of 99 wrong"}, None)) == 2 and len(first) == 2
    shown = History().shown
    assert [shown("loss", v) for v in (0.0, 0.5, -12.5, 1234.5, 3e-6, 1e30, float("nan"), float("inf"))] == [
        "0.0000", "0.5000", "-12.5000", "1234.5", "3e-06", "1e+30", "nan", "inf"]


# -- time ------------------------------------------------------------------------------------------------------------------
class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 100.0
        for module in (progress, waiting):
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)


def test_the_time_left_is_that_of_all_epochs_without_what_happens_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, watch = Clock(monkeypatch), waiting.Watch()
    pace = progress.Pace(watch, 10, 30)
    with waiting.watched(watch):
        assert pace.left(3) is None
        pace.begin(0)
        for k in range(10):
            if k in (0, 9):
                with waiting.wait("planning"):
                    clock.now += 5
                    with waiting.wait("compiling kernel", 3) as at:
                        at(1)
                        clock.now += 50
            clock.now += 2
            pace.batch(k + 1, 8)
        assert pace.speed == 4
        assert pace.left(3) == pytest.approx(3 * 20 + 4 * 30 / 4 / 3)  # an example that is only judged takes a third of the time
        with waiting.wait("judging example", 30):
            clock.now += 6
        pace.end()
        assert pace.left(3) == 3 * 26 and pace.left(0) == 0
        pace.begin(4)  # resumed in the middle
        clock.now += 4
        pace.batch(5, 8)
        assert pace.left(1) == pytest.approx((5 + 10) * 24 / 11 + 2 * 6)


def test_batches_of_unknown_number_are_taken_to_be_as_many_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    shown = progress.Shown(History(), None, 0, 3, 0, None, progress.Plan())
    shown.begin(1, 0)
    clock.now += 1
    shown.pace.batch(1, 5)
    assert shown.said(80, 0.5) == "epoch 1/3  batch 1  loss 0.5000  5 samples/s"
    shown.pace.end()
    shown.begin(2, 0)
    assert shown.said(80) == "epoch 2/3  batch 0  2.0 s left"
    assert shown.said(27) == "2/3  batch 0  2.0 s left" and shown.said(11) == "2.0 s left"


@pytest.mark.parametrize("batches", [1, 100_000])
@pytest.mark.parametrize("width", [20, 39, 79, 199])
def test_the_line_fits_and_stays_where_it_is(batches: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    shown, ends = progress.Shown(History(), None, 0, 100, 0, batches, progress.Plan(most=True)), set[int]()
    shown.begin(1, 0)
    for done in sorted({1, batches // 3 + 1, batches // 2 + 1, batches}):
        clock.now += done * 1e-3
        shown.pace.batch(done, 100)
        text = shown.said(width, 0.123456)
        assert terminal.cells(text) <= width and "left" in text 
        ends.add(text.find("]"))
    assert len(ends) <= 2
    if width == 199:
        assert text.endswith(" left") and "at most" in text and "=]" in text
    assert progress.drawn(12, 0, 3) == "[          ]" and progress.drawn(12, 1, 2) == "[====>     ]" and progress.drawn(
        12, 3, 3) == "[==========]"


def test_durations() -> None:
    said = {0: "0 s", 0.04: "0.0 s", 9.94: "9.9 s", 9.96: "10 s", 99.4: "99 s", 100: "1.7 min", 3600: "60 min", 5970: "1.7 h",
            86400: "24 h", 2 * 86400: "2.0 d", 400 * 86400: "400 d"}
    assert {k: terminal.duration(k) for k in said} == said


# -- waits -----------------------------------------------------------------------------------------------------------------
class Seen(waiting.Watch):
    def __init__(self) -> None:
        super().__init__()
        self.said = list[str]()

    def changed(self) -> None:
        self.said.append(str(self.waits[-1]))


def test_whoever_does_something_long_says_how_far_it_is(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for k in range(8):
        place = tmp_path / "shapes" / "ab"[k % 2] / f"{k}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(place)
    text = SPEC.replace("1x6x6", "3x6x6").replace("fc 3", "fc 2").replace('"d.npz"', 'images "shapes"')
    (tmp_path / "small.net").write_text(text + "  initialise lsuv\n")
    seen = Seen()
    with waiting.watched(seen):
        net = netspec.compile(tmp_path / "small.net", device="reference")
        data = data_of(net.graph)
        net.fit(data, epochs=1, verbose=0)
        net.evaluate(data)
        list(waiting.each("looking", "ab"))
    assert [f"looking at picture {k} of 8" for k in range(1, 9)] == [s for s in seen.said if s.startswith("looking at")]
    for said in ("measuring standardise, example 1 of 8", "initialising layer 2 of 2", "judging example 1 of 8", "planning", "looking 2 of 2"):
        assert said in seen.said
    assert not seen.waits
    other = list[waiting.Watch | None]()
    with waiting.watched(seen):
        thread = threading.Thread(target=lambda: other.append(waiting.watcher()))
        thread.start()
        thread.join()
    assert other == [None] == [waiting.watcher()]


def test_kernels_made_by_other_processes_are_counted(tmp_path: Path) -> None:
    code = """
        from netspec import waiting
        said = []
        class Seen(waiting.Watch):
            def changed(self): said.append((self.waits[-1].at, self.waits[-1].of))
        import os
        from netspec.backends.cpu.llvm import cache, processes
        processes.WORTH = 2
        text = "from netspec.backends.cpu.llvm.cache import kernel\\n@kernel\\ndef f(a, b, c):\\n    return a + b * c + "
        kernels = [cache.load_module(text + str(i), f"m{i}").f for i in range(8)]
        with waiting.watched(Seen()):
            processes.compile_all([*kernels, *kernels], 2)
            processes.compile_all(kernels, 2)
        print(said[0], said[-1][1], max(k for k, _ in said), all(a <= b for (a, _), (b, _) in zip(said, said[1:])))
    """
    done = subprocess.run([sys.executable, "-c", "\n".join(line[8:] for line in code.splitlines())], capture_output=True, text=True,
                          check=True, env={**os.environ, "NETSPEC_CACHE": str(tmp_path)})
    assert done.stdout.split() == ["(1,", "8)", "8", "8", "True"]


# -- a line that gives way -------------------------------------------------------------------------------------------------
def test_what_is_printed_stands_above_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = watched(monkeypatch)
    with terminal.live() as line:
        assert line is not None
        line.draw("one of " + "many " * 10)
        print("hello")
        line.draw("two")
        print("half", end="", file=sys.stderr)
        line.draw("nothing, or it would be lost")
        print(" of it")
        line.draw("three")
        line.draw("4")
    assert not isinstance(sys.stdout, terminal._Above)
    screen = Screen(30)
    screen.write(tty.getvalue())
    assert screen.text == "hello\nhalf of it\n"
    assert "one of many many many many.." not in screen.text and "4" in screen.live | {"4"}


def test_where_nobody_watches_there_is_no_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tty = watched(monkeypatch)
    assert terminal.shows() is tty
    with open(tmp_path / "log", "w") as log:
        monkeypatch.setattr(sys, "stdout", log)
        assert terminal.shows() is tty  # standard error
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal.shows() is None  # a pipe: who reads it writes to the same terminal, perhaps
    monkeypatch.setattr(sys, "stdout", tty)
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.shows() is None
    with terminal.live() as line:
        assert line is None
    monkeypatch.setattr(sys, "stdout", None)
    assert terminal.shows() is None and terminal.columns(None) == 30


@pytest.mark.parametrize("place", ["stdout", "stderr"])
def test_what_only_writes_stands_for_standard_output(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an object of the program's own does, which knows no terminals. And no width is too much to be said."""
    class Writer:
        def __init__(self) -> None:
            self.text = ""

        def write(self, text: str) -> int:
            self.text += text
            return len(text)

        def flush(self) -> None:
            pass

    closed = io.StringIO()
    closed.close()
    assert not terminal.is_terminal(closed) and not terminal.is_terminal(None)
    monkeypatch.setenv("COLUMNS", "9" * 5000)
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdout", other)
    monkeypatch.setattr(sys, place, writer := Writer())
    net = netspec.compile(text=SPEC, device="reference")
    net.fit(np.random.default_rng(0).random((8, 1, 6, 6)), np.arange(8) % 3, epochs=1)
    assert (writer.text if place == "stdout" else other.getvalue()).count("\n") == 2


def test_verbose_two_is_the_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = watched(monkeypatch)
    x, y = np.random.default_rng(0).random((8, 1, 6, 6)), np.arange(8) % 3
    net = netspec.compile(text=SPEC, device="reference")
    net.fit(x, y, epochs=1, verbose=2)
    assert "\r" not in tty.getvalue() and tty.getvalue().count("\n") == 2
    net.fit(x, y, epochs=1, verbose=1, callbacks=lambda net, epoch, numbers: print("said", epoch))
    assert "\r" in tty.getvalue() and "\nsaid 2\n" in tty.getvalue().replace("\r", "\n")


def test_an_interrupt_is_echoed_behind_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the line is that says where training is, a terminal's ^C behind it begins no new one."""
    for width in (24, 40, 80, 200):
        tty = watched(monkeypatch, width)
        shown = progress.Shown(History(), terminal.Line(tty), 0, 100, 0, 1234, progress.Plan(most=True))
        shown.begin(1, 0)
        for done in (1, 7, 1000):
            shown.pace.batch(done, 64)
            assert terminal.cells(shown.said(shown.line.width, 0.25)) + len("^C") < width, shown.line  # type: ignore[union-attr]
        screen = Screen(width)
        for text in (shown.said(shown.line.width, 0.25), "^C"):  # type: ignore[union-attr]
            screen.write(text)
        shown.line.reach = terminal.cells(shown.said(shown.line.width, 0.25))  # type: ignore[union-attr]
        begun = len(tty.getvalue())
        shown.ended()
        screen.write(tty.getvalue()[begun:])
        assert screen.line == "" and screen.at == 0


def test_lines_of_several_threads_leave_the_streams_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they end in the order in which they began."""
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)):
        tty = watched(monkeypatch, 40)
        lines = [terminal.live() for _ in order]
        drawn = [line.__enter__() for line in lines]
        held = sys.stdout
        for k in order:
            print("said")
            drawn[k].draw("where it is")  # type: ignore[union-attr]
            lines[k].__exit__(None, None, None)
            print("more", file=held)  # by whoever still holds the stream of then
        assert sys.stdout is tty and sys.stderr is tty, order
        screen = Screen(40)
        screen.write(tty.getvalue())
        assert [line for line in screen.text.split("\n") if line] == ["said", "more"] * 3


def test_two_trainings_at_once_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = watched(monkeypatch, 80)
    x, y = np.random.default_rng(0).random((8, 1, 6, 6)), np.arange(8) % 3

    def train(epochs: int) -> None:
        netspec.compile(text=SPEC, device="reference").fit(x, y, epochs=epochs)

    threads = [threading.Thread(target=train, args=(n,)) for n in (1, 3, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sys.stdout is tty and sys.stderr is tty and len(re.findall(r"\d/\d  +\d\.\d{4}", tty.getvalue())) >= 6


@pytest.mark.parametrize("closed", ["before", "in between", "a pipe"])
def test_a_training_that_nobody_watches_any_more_goes_on(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out: Any = io.StringIO()
    if closed == "a pipe":
        read, write = os.pipe()
        os.close(read)
        out = os.fdopen(write, "w")
    monkeypatch.setattr(sys, "stdout", out)
    if closed == "before":
        out.close()
    net = netspec.compile(text=SPEC, device="reference")
    history = net.fit(np.random.default_rng(0).random((8, 1, 6, 6)), np.arange(8) % 3, epochs=3,
                      callbacks=lambda net, epoch, numbers: out.close() if closed == "in between" else None)
    assert history.epochs == [1, 2, 3]
    if closed == "a pipe":
        with suppress(OSError):
            out.close()


@pytest.mark.parametrize("many", [[], ["--seeds", "0,1"]])
def test_a_pipe_that_is_closed_ends_no_command_that_trains(many: list[str], folder: Path) -> None:
    """`netspec train small.net | head -3`: head has seen enough, and the run is whole."""
    read, write = os.pipe()
    child = subprocess.Popen([sys.executable, "-m", "netspec", "train", "small.net", "--device", "reference", *many], stdout=write,
                             stderr=subprocess.PIPE, cwd=folder)
    os.close(write)
    assert os.read(read, 10)
    os.close(read)
    _, err = child.communicate()
    assert child.returncode == 0 and not err, err
    for k in range(1, 1 + (len(many) or 1)):
        assert netspec.load(folder / f"runs/small-{k}/last.safetensors", device="reference").epoch == 3
