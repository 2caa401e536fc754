"""What a run records of itself, and the page that is made of it."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from netspec.diagnostics import NetspecError
from netspec.runtime.watching import kept
from netspec.runtime.watching.order import Order
from netspec.runtime.watching.stories import told

SPEC = """net tiny:
  input 1x8x8
  conv 4 3x3 bn relu
  dropout 0.2
  fc 10

train tiny:
  data digits validation=0.2
  loss cross_entropy
  sgd lr=0.05 momentum=0.9
  augment crop pad=1
  batch 64
  epochs 3
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(SPEC)

    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(argv))
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


class Page(HTMLParser):
    """A page that is read: what it names, and what is unsaid or unclosed."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.sources: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.sources += [v or "" for k, v in attrs if k in ("src", "href", "action", "data", "poster", "srcset", "xlink:href")]
        self.wrong += [f"{tag} {k}" for k, _ in attrs if k.startswith("on") or k == "style"]
        self.wrong += [tag] if tag in ("script", "iframe", "object", "form") or (tag == "img" and not found.get("alt")) else []
        if tag not in self.VOID and self.get_starttag_text() and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def page_of(path: str | Path) -> Page:
    page = Page(Path(path).read_text())
    assert not page.wrong
    assert all(s.startswith("data:") for s in page.sources)
    return page


def test_a_report_changes_no_bit_and_holds_what_it_promises(command: Command) -> None:
    assert command("train", "tiny.net", "--quiet", "--out", "plain")[0] == 0
    code, out, _ = command("train", "tiny.net", "--report", "--out", "seen")
    assert code == 0 and "report seen/report.html: It has learnt well" in out
    plain, seen = (netspec.load(f"{name}/last.safetensors") for name in ("plain", "seen"))
    assert all((plain.parameters[k] == v).all() for k, v in seen.parameters.items())
    assert all((plain.buffers[k] == v).all() for k, v in seen.buffers.items())
    assert {p.name for p in Path("plain").iterdir()} == {"spec.net", "log.jsonl", "last.safetensors", "best.safetensors"}

    about, epochs, end = kept.noted(Path("seen"))
    assert about["version"] == 1 and about["guess"] == pytest.approx(np.log(10)) and about["probe"] == 128
    assert sorted(epochs) == [0, 1, 2, 3] and end["how"] == "done"
    assert [one["name"] for one in about["layers"]] == ["conv1", "fc1"]
    assert sum(epochs[1]["data"]["classes"]) == 1150 and len({epochs[k]["data"]["order"] for k in (1, 2, 3)}) == 3

    page = page_of("seen/report.html")
    for said in ("It has learnt well", "loss", "learning rate", "update to weight", "1e-3", "dead units", "Confusion matrix",
                 "Classes by accuracy",
                 "Where it is most wrong", "First filters", "before the first step", "Data seen", "augmented: crop 1",
                 "training examples a second",
                 "processor", "numpy", "netspec", "best epoch"):
        assert said in page.said, said
    pictures = [s for s in page.sources if s.startswith("data:image/png")]
    assert len(pictures) >= 24 + 2 + 32 + 32
    assert {Image.open(io.BytesIO(base64.b64decode(s.partition(",")[2]))).format for s in pictures} == {"PNG"}
    judged = told(Path("seen")).judged
    best = netspec.load("seen")
    x, y = netspec.data.load("digits validation=0.2").validation or ((), ())
    answers = best.predict(x).argmax(1)
    wanted = np.zeros((10, 10), int)
    np.add.at(wanted, (np.asarray(y).reshape(-1), answers), 1)
    assert judged is not None and judged.confusion == tuple(map(tuple, wanted.tolist()))
    assert judged.numbers["accuracy"] == pytest.approx(float((answers == np.asarray(y).reshape(-1)).mean()))
    assert judged.worst[0].wrong


def test_statistics_are_those_of_the_layers(tmp_path: Path) -> None:
    """Against NumPy in float64: of a layer, its gradient, and a step."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((64, 5)), np.arange(64) % 3
    net = netspec.compile(text="net n:\n  input 5\n  fc 7 relu\n  fc 3\n\ntrain n:\n  loss cross_entropy\n  sgd lr=0.5\n  batch 64\n  epochs 1\n",
                          device="reference", dtype="float64")
    net.parameters["fc1.bias"] = np.array([-99.0, *np.zeros(6)])
    w1, b1, w2, b2 = (np.array(net.parameters[k]) for k in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"))
    net.fit(x, y, report=str(tmp_path / "run"), verbose=0)
    _, epochs, _ = kept.noted(tmp_path / "run")
    hidden = np.maximum(x @ w1.reshape(7, 5).T + b1, 0)
    z = hidden @ w2.reshape(3, 7).T + b2
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    at = (p - np.eye(3)[y]) / 64
    g2, g1 = at.T @ hidden, (at @ w2.reshape(3, 7) * (hidden > 0)).T @ x
    one, two = epochs[0]["layers"]["fc1"], epochs[0]["layers"]["fc2"]
    assert one["mean"] == pytest.approx(hidden.mean()) and one["std"] == pytest.approx(hidden.std())
    assert one["zeros"] == pytest.approx((hidden == 0).mean()) and one["dead"] == 1 and two["dead"] == 0
    assert two["mean"] == pytest.approx(z.mean())
    assert one["gradient"] == pytest.approx(np.sqrt((g1 ** 2).mean())) and two["gradient"] == pytest.approx(np.sqrt((g2 ** 2).mean()))
    assert one["weight"] == pytest.approx(np.sqrt((w1 ** 2).mean()))
    assert epochs[0]["probe"]["loss"] == pytest.approx(float(-np.log(p[np.arange(64), y]).mean()))
    assert epochs[1]["layers"]["fc1"]["ratio"] == pytest.approx(0.5 * np.sqrt((g1 ** 2).sum() / (w1 ** 2).sum()))
    assert epochs[0]["input"]["mean"] == pytest.approx(x.mean()) and epochs[0]["input"]["std"] == pytest.approx(x.std())


@pytest.mark.parametrize(("n", "classes", "batch"), [(600, 10, 32), (1000, 3, 100), (200, 2, 16)])
def test_a_shuffled_order_is_as_far_apart_as_the_formula_says(n: int, classes: int, batch: int) -> None:
    random, order = np.random.default_rng(0), Order()
    labels = random.integers(0, classes, n)
    found = []
    for kind in [*["drawn"] * 20, "sorted"]:
        now = random.permutation(labels) if kind == "drawn" else np.sort(labels)
        for k in range(0, n, batch):
            order.batch(np.arange(k, min(n, k + batch)), now[k : k + batch])
        found.append(order.end())
    drawn = np.mean([f["apart"] for f in found[:-1]])
    assert drawn == pytest.approx(found[0]["apart_drawn"], rel=0.1)
    assert found[-1]["apart"] > 2 * drawn
    assert len({f["order"] for f in found}) == len(found)


def test_a_page_of_a_run_without_statistics_says_what_is_missing(command: Command, tmp_path: Path) -> None:
    assert command("train", "tiny.net", "--quiet", "--out", "old")[0] == 0
    code, out, _ = command("report", "old")
    page = page_of("old/report.html")
    assert code == 0 and "wrote old/report.html" in out and "were not recorded" in page.said
    assert "Confusion matrix" in page.said and "activations" in page.said and "First filters" in page.said and "Data seen" in page.said
    (Path("old") / "log.jsonl").write_text("".join(Path("old/log.jsonl").read_text().splitlines(True)[:3])[:-20])  # cut off in a line
    code, out, _ = command("report", "old", "--format", "json", "-o", "cut.html")
    told_now = json.loads(out)[0]
    assert code == 0 and Path("cut.html").is_file()
    assert next(v for v in told_now["verdicts"] if v["verdict"] == "cut-off")["evidence"] == "1 of 3 epochs are there"
    for name in ("best", "last"):
        (Path("old") / f"{name}.safetensors").write_bytes(b"damaged")
    assert command("report", "old")[0] == 0
    assert "could not be loaded" in page_of("old/report.html").said


def test_several_runs_lie_over_each_other_and_may_be_of_other_nets(command: Command) -> None:
    Path("other.net").write_text(SPEC.replace("tiny", "other").replace("  dropout 0.2\n", "").replace("conv 4 3x3 bn relu",
                                                                                                      "fc 8 relu"))
    assert command("train", "tiny.net", "--quiet", "--out", "a", "--epochs", "2", "--report")[0] == 0
    assert command("train", "other.net", "--quiet", "--out", "b", "--report")[0] == 0
    code, out, _ = command("report", "a", "b")
    assert code == 0 and "wrote a/report.html" in out and Path("a/report.html").read_text() == Path("b/report.html").read_text()
    page = page_of("a/report.html")
    assert "2 runs" in page.said and "a, training" in page.said and "best of b" in page.said
    assert command("report", "a", "b", "-o", "both.html")[0] == 0 and page_of("both.html")


@pytest.mark.parametrize(("argv", "said"), [
    (("report", "nowhere"), "there is no run nowhere"), (("report", "."), "holds no run"),
                                            (("report", "tiny.net"), "there is no run"),
    (("report", "run", "-o", "page.pdf"), "written as .html"), (("report", "run", "-o", "no/page.html"), "no/page.html"),
    (("train", "tiny.net", "--report", "--out", "w.safetensors"), "into the folder of a run")])
def test_what_is_no_run_is_said(command: Command, argv: tuple[str, ...], said: str) -> None:
    Path("run").mkdir()
    Path("run/log.jsonl").write_text('{"net": "n"}\n{"epoch": 1, "loss": 1.0}\n')
    code, _, err = command(*argv)
    assert code in (1, 2) and said in err


def test_a_live_page_is_whole_whenever_it_is_read_and_ends(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.runtime.watching.reporter.BRIEF", 0.0)
    seen: list[str] = []
    net = netspec.compile("tiny.net")
    data = netspec.data.load("digits validation=0.2")
    net.fit(data, report="run", verbose=0, callbacks=lambda *_: seen.append(Path("run/report.html").read_text()))
    assert len(seen) == 3
    for k, text in enumerate(seen, 1):
        page = Page(text)
        assert f"epoch {k} of 3 is over" in page.said and 'http-equiv="refresh"' in text and "training now" in page.said
    end = Path("run/report.html").read_text()
    assert "refresh" not in end and "training now" not in end and Page(end).said.count("Confusion matrix") == 1
    assert not [p for p in Path("run").iterdir() if p.name.startswith(".")]
    with pytest.raises(NetspecError, match="holds a run"):
        net.fit(data, report="run", verbose=0)


def test_a_run_that_goes_on_has_each_epoch_once(command: Command) -> None:
    assert command("train", "tiny.net", "--quiet", "--out", "run", "--report", "--epochs", "2")[0] == 0
    with Path("run/statistics.jsonl").open("a") as f:  # of an epoch that was lost
        f.write('{"epoch": 3, "layers": {}}\n{"epoch": 4, "lay')
    assert command("train", "--resume", "run", "--quiet", "--live", "--epochs", "4")[0] == 0
    lines = [json.loads(line) for line in Path("run/statistics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines if "epoch" in line] == [0, 1, 2, 3, 4]
    assert all(line["layers"] for line in lines if "epoch" in line) and sum("end" in line for line in lines) == 1
    assert "4 of 4 epochs" in page_of("run/report.html").said


def test_a_training_that_fails_has_a_page_that_says_why(command: Command) -> None:
    x, y = np.random.default_rng(0).random((64, 1, 8, 8)), np.arange(64) % 10
    x[40, 0, 0, 0] = np.nan
    net = netspec.compile("tiny.net")
    with pytest.raises(NetspecError, match="nan"):
        net.fit(x, y, batch=16, augment="none", report="run", verbose=0)
    assert "The data hold numbers that are not finite" in page_of("run/report.html").said


def test_names_of_a_stranger_stay_names(command: Command, tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>\"'&\x1b[31m"
    run = tmp_path / "x<b>"
    run.mkdir()
    facts = {"net": bad, "classes": [bad, bad], "settings": {bad: bad, "epochs": 2, "data": bad}, "machine": {bad: bad}}
    (run / "log.jsonl").write_text("\n".join(json.dumps(x)
                                             for x in (facts, {"epoch": 1, "loss": 1.5, bad: 2.0}, {"epoch": 2, "loss": None})))
    judged = {"part": bad, "examples": 2, "numbers": {bad: 1.0}, "confusion": [[1, 0], [1, 0]],
              "worst": [{"source": "javascript:alert(1)", "said": bad}]}
    layer = {"name": bad, "step": bad, "weights": [bad], "rectifies": True, "units": 3}
    lines = [{"about": {"version": 1, "layers": [layer], "seen": [[f"data:image/png;base64,{bad}", bad]], "augment": bad}},
             {"epoch": 1, "layers": {bad: {"ratio": 1e-3, "std": "wide", "dead": 1}}, "probe": {"loss": 1.0}},
             {"end": {"how": bad, "why": bad, "judged": judged}}]
    (run / "statistics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert command("report", str(run))[0] == 0
    page = Page((run / "report.html").read_text())
    assert not [w for w in page.wrong if w != "img"] and "<script>" in page.said and "\x1b" not in page.said


@pytest.mark.parametrize("text", ["", "[]", "nonsense\n", '{"about": 3}', '{"about": {"version": 99, "layers": 5}}',
                                  '{"epoch": 1, "layers": []}',
                                  '{"about": {"version": 1, "layers": [4, {}]}}\n{"epoch": 1, "layers": {"a": 4}}\n{"end": {"judged": {"x": 1}, "filters": 7}}'])
def test_statistics_that_are_damaged_are_left_out(command: Command, text: str) -> None:
    Path("run").mkdir()
    Path("run/log.jsonl").write_text('{"net": "n"}\n{"epoch": 1, "loss": 1.0}\n{"epoch": 2, "loss": 0.5}\n')
    Path("run/statistics.jsonl").write_text(text)
    assert command("report", "run")[0] == 0
    assert "1 to 0.5" in re.sub(r"\s+", " ", Path("run/report.html").read_text())


def test_a_page_in_a_browser(command: Command, tmp_path: Path) -> None:
    from browser import Browser, chromium

    program = chromium()
    if program is None:
        pytest.skip("no browser is here")
    pytest.importorskip("websocket")
    assert command("train", "tiny.net", "--quiet", "--out", "run", "--report")[0] == 0
    browser = Browser(program, tmp_path / "profile")
    try:
        for wide, dark in ((1280, False), (400, True)):
            browser.open(tmp_path / "run" / "report.html", wide, 900, dark)
            assert browser.complaints() == []
            assert browser.run("document.documentElement.scrollWidth") <= wide
            assert browser.run("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
        ground, ink = (browser.run(f"getComputedStyle(document.body).{what}") for what in ("backgroundColor", "color"))
        assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 120 < sum(map(int, re.findall(r"\d+", ink)[:3]))
        line = browser.run("getComputedStyle(document.querySelector('figure svg path[stroke^=\"var(--tone\"]')).stroke")
        assert line.startswith("rgb")
    finally:
        browser.close()
