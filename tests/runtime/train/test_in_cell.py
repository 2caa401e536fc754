"""What a notebook shows of training and of errors, as HTML and as lines; in a real kernel: tests/whole/test_notebooks.py."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from traceback import extract_tb
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import netspec
from netspec import cell
from netspec.runtime.measuring.measured import Measured
from netspec.runtime.train.history import History
from netspec.runtime.train.in_cell import InCell
from netspec.runtime.train.progress import Plan
from netspec.views.report import live

NET = "net small:\n  input 1x4x4\n  fc 3\ntrain small:\n  loss cross_entropy\n  sgd lr=0.1\n  batch 4\n  epochs 2\n"


def well_formed(html: str) -> ElementTree.Element:
    """Its tags, which all end."""
    return ElementTree.fromstring(html.replace("&#160;", " "))


class Kept(cell.Place):
    """A place that keeps what it showed."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def show(self, html: str, text: str) -> None:
        self.seen.append((html, text))


def shown(plan: Plan | None = None, batches: int | None = 10) -> tuple[InCell, Kept, History]:
    place, history = Kept(), History()
    return InCell(place, "small", history, 2, 4, 0, batches, plan or Plan()), place, history


def width(html: str) -> float:
    return float(re.search(r"width:([\d.]+)%", html)[1])  # type: ignore[index]


def test_the_bar_is_how_much_of_this_call_is_done() -> None:
    """Epochs 3 and 4: five batches of ten of the second of them are three quarters."""
    display, place, history = shown()
    assert place.seen[-1][1].startswith("small: epoch 3/4") and width(place.seen[-1][0]) == 0
    display.begin(3, 0)
    display.pace.batch(5, 20)
    display.show()
    assert width(place.seen[-1][0]) == 25
    display.pace.batch(10, 20)
    history.add(3, {"loss": 0.5, "lr": 0.1, "seconds": 1.0})
    display.epoch(3, history.final)
    display.show()
    assert width(place.seen[-1][0]) == 50
    display.begin(4, 0)
    display.pace.batch(5, 20)
    display.show()
    assert width(place.seen[-1][0]) == 75


def test_what_is_waited_for_is_said() -> None:
    from netspec import waiting

    display, place, _ = shown()
    with waiting.watched(display), waiting.wait("compiling kernel", 57) as at:
        display.again = 0.0
        at(12)
    assert place.seen[-1][1] == "small: epoch 3/4  compiling kernel 12 of 57"


def test_it_is_drawn_again_after_a_while_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many batches there are, and less often where a drawing takes long."""
    from netspec.runtime.train import in_cell

    now = [100.0]
    monkeypatch.setattr(in_cell, "monotonic", lambda: now[0])
    display, place, _ = shown()
    display.begin(3, 0)
    measured = Measured(netspec.load_graph(text=NET).graph, (), ())
    for k in range(1000):
        now[0] += 0.001
        display.batch(k + 1, 4, measured)
    assert len(place.seen) in (4, 5)
    draw = display.place.show

    def slowly(html: str, text: str) -> None:
        now[0] += 1.0
        draw(html, text)

    monkeypatch.setattr(display.place, "show", slowly)
    before = len(place.seen)
    for k in range(20):
        now[0] += 1.0
        display.batch(k + 1, 4, measured)
    assert len(place.seen) == before + 1


@pytest.mark.parametrize(("error", "said"), [
    (None, "2 epochs in "), (KeyboardInterrupt(), "interrupted in epoch 4/4, 2 epochs in "), (OSError(), "ended by an error in epoch 4/4")])
def test_the_last_drawing_says_how_it_ended(error: BaseException | None, said: str) -> None:
    display, place, history = shown()
    for epoch, loss in ((3, 0.5), (4, 0.25)):
        display.begin(epoch, 0)
        history.add(epoch, {"loss": loss, "accuracy": 0.5, "val_loss": 0.4, "lr": 0.1, "seconds": 1.0})
        display.epoch(epoch, history.final)
    history.kept = "the weights are those of epoch <3>\x1b"
    history.best = 3
    display.over(error)
    html, text = place.seen[-1]
    assert text.startswith(f"small: {said}") and "width:0" not in html and "%\"" not in html
    assert "those of epoch &lt;3&gt;\\x1b" in html and "best: 3" in html
    tree = well_formed(html)
    cells = [t.text for t in tree.iter("td")]
    assert cells[:2] == ["3", "0.5000"] and [t.text for t in tree.iter("th")][:3] == ["epoch", "loss", "accuracy"]
    assert len([e for e in tree.iter() if e.tag.endswith("svg")]) == 2 and "learning rate" not in html


def test_few_epochs_of_many_are_a_table() -> None:
    rows = [[str(k), "0.1"] for k in range(1, 12)]
    text = live.table(["epoch", "loss"], rows)
    assert "the last 5 of 11 epochs" in text and re.findall(r"<td[^>]*>(\d+)<", text) == ["7", "8", "9", "10", "11"]
    assert live.table(["epoch"], []) == "" and live.charts({}, []) == "" and "of" not in live.table(["epoch", "loss"], rows[:5])


def test_a_history_is_a_table_and_its_curves() -> None:
    history = History()
    assert history._repr_html_() == "<p>History of no epochs</p>"
    for epoch in range(1, 31):
        history.add(epoch, {"loss": 1 / epoch, "a<b": 0.5, "seconds": 0.1})
    history.stopped = "stopped <here>"
    html = history._repr_html_()
    assert html.count("<tr>") == 31 and html.count("<svg") == 3 and "stopped &lt;here&gt;" in html and "a<b" not in html
    assert re.findall(r"<label[^>]*>(\w+)", html) == ["table", "curves"]
    assert len(set(re.findall(r' id="([^"]+)"', html))) == len(re.findall(r' id="[^"]+"', html))


def test_a_text_of_no_notebook_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no IPython, the table is printed, and nobody imports it."""
    code = f"""
import sys, numpy as np, netspec
net = netspec.compile(text={NET!r}, device="reference")
net.fit(np.zeros((8, 1, 4, 4), "f"), np.zeros(8, int))
try: net.fit([1], [2])
except netspec.NetspecError as e: e._render_traceback_()
assert not any(m.partition(".")[0] in ("IPython", "ipykernel", "ipywidgets") for m in sys.modules)
assert "netspec.runtime.train.in_cell" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^epoch +loss .*\n", done.stdout) and re.search(r"(?m)^  2/2 ", done.stdout)


def broken(what: Any) -> list[str]:
    with pytest.raises(netspec.NetspecError) as caught:
        what()
    return caught.value._render_traceback_()


def test_an_error_is_the_page_below_the_users_own_lines() -> None:
    lines = broken(lambda: netspec.load_graph(text="net a:\n  input 1x4x4\n  conv 3 3x3 rleu\n  fcc 3\n"))
    text = "\n".join(lines)
    assert "netspec/" not in text.replace("/netspec/tests", "") and f"{Path(__file__)}, line" in lines[0]
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert plain.count("error: ") == 2 and "3 |   conv 3 3x3 rleu\n  |              ^^^^ not a switch" in plain
    assert "= hint: did you mean `relu`?" in plain and "\x1b[1;31m" in text


def test_lines_of_the_user_within_netspec_are_said() -> None:
    """A function of the user's that netspec calls, which calls netspec: each has its line, and netspec none."""
    net = netspec.compile(text=NET, device="reference")

    def odd(net: netspec.Network, epoch: int, numbers: dict[str, Any]) -> None:
        net.predict(np.zeros((1, 7), "f"))

    lines = broken(lambda: net.fit(np.zeros((8, 1, 4, 4), "f"), np.zeros(8, int), callbacks=odd, verbose=0))
    places = [line for line in lines if ", line " in line]
    assert len(places) == 3 and places[-1].endswith("in odd") and "    net.predict(np.zeros((1, 7), \"f\"))" in lines


@pytest.mark.parametrize("within", ["callback", "batches", "netspec"])
def test_an_error_of_the_users_function_has_the_users_frames(within: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook; elsewhere it has all of them, and so has one that is netspec's own."""
    net = netspec.compile(text=NET, device="reference")
    x, y = np.zeros((8, 1, 4, 4), "f"), np.zeros(8, int)

    def odd(*_: Any) -> Any:
        return len(3)  # type: ignore[arg-type]

    def batches() -> Any:
        yield x, y
        yield odd(), y

    def call() -> Any:
        if within == "batches":
            return net.fit(batches, epochs=1, verbose=0)
        if within == "netspec":
            monkeypatch.setattr("netspec.runtime.train.trainer.to_run", 3)
            return net.fit(x, y, verbose=0)
        return net.fit(x, y, callbacks=odd, verbose=0)

    def files() -> list[str]:
        with pytest.raises(TypeError) as caught:
            call()
        return [frame.filename for frame in extract_tb(caught.value.__traceback__)]

    assert any("unasked" in f for f in files())
    monkeypatch.setattr("netspec.cell.ipython", lambda: object())
    found = files()
    if within == "netspec":
        assert any("unasked" in f for f in found)
    else:
        assert set(found) == {__file__} and len(found) == 3 + (within == "batches")
    monkeypatch.setenv("NETSPEC_DEBUG", "1")
    assert any("unasked" in f for f in files())


def test_what_caused_an_error_is_said() -> None:
    def wrong() -> None:
        raise OSError("gone\x1b[2J")

    def fails() -> None:
        try:
            wrong()
        except OSError as e:
            raise netspec.UsageError("it cannot be read") from e

    lines = broken(fails)
    assert "OSError: gone\\x1b[2J" in lines and any(line.endswith(", in wrong") for line in lines)


def test_colours_and_all_lines_are_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "\n".join(broken(lambda: netspec.load_graph("nowhere.net")))
    monkeypatch.setenv("NETSPEC_DEBUG", "1")
    assert any("compiler.py" in line for line in broken(lambda: netspec.load_graph("nowhere.net")))


def test_an_error_of_nothing_has_a_name() -> None:
    assert netspec.NetspecError()._render_traceback_() == ["NetspecError()"]
