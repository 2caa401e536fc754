"""The interactive page: its data are the graph's, it is one small file, and nothing in it but its own programs can run."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from math import prod
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.diagnostics import UsageError
from netspec.elaborate.nets import callable_nets
from netspec.ir.graph import Graph
from netspec.plain import shown
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse
from netspec.views.interactive.contents import KINDS, Start
from netspec.views.interactive.page import page, write_page
from netspec.views.interactive.times import Times, read_times
from netspec.views.numbers.counts import count
from netspec.views.reading.arcs import drawn_inputs, kinds
from netspec.views.reading.steps import steps
from netspec.views.tables.summary import summarise
from sweeps import the_first
from where import ROOT

SPECS = sorted(p.name for p in (ROOT / "specs").glob("*.net"))
SMALL = ("digits:digits", "googlenet:googlenet", "unet:unet")
MOST = 400_000  # bytes
HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)>&lt;"\'`${alert(3)}{{contents}}{{script}}'


def graph(name: str, **more: Any) -> Graph:
    file, _, net = name.partition(":")
    return netspec.load_graph(ROOT / "specs" / f"{file}.net", net or None, **more).graph


class Elements(HTMLParser):
    """Every element's name and attributes, and the texts of each name's elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self.open += [tag] if tag not in ("meta", "link", "input") else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.texts[tag][-1] += data


def data_of(text: str) -> dict[str, Any]:
    return dict(json.loads(Elements(text).texts["script"][0]))


def boxes(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        if "items" in item:
            yield from boxes(item["items"])
        else:
            yield item


def all_of(number: Any) -> Any:
    return number[2] if isinstance(number, list) else number


def holds(of: Graph, text: str) -> None:
    """The page's boxes are the graph's steps, folded ones once, and their numbers add up to the graph's; between steps that are
    not folded its arcs are the graph's."""
    data = data_of(text)
    found = [b for b in boxes(data["items"]) if "nodes" in b]
    counts = count(of).totals
    assert sum(all_of(b.get("parameters", 0)) for b in found) == counts.parameters
    macs = [all_of(b.get("macs", 0)) for b in found]
    assert (None if None in macs else sum(macs)) == counts.macs
    reads = {n.name: drawn_inputs(of, n) for n in of}
    readers: dict[str, set[str]] = {}
    for name, values in reads.items():
        for v in values:
            readers.setdefault(v, set()).add(name)
    rows = list(steps(of, readers))
    assert sum(b.get("stands", 1) for b in found) == len(rows)
    kind, step = kinds(of, reads), {n.name: s.name for s in rows for n in s.nodes}
    single = {b["id"] for b in found if "stands" not in b}
    wanted = {(step[of.maker[v].name], step[n.name], kind[n.name, k]) for n in of for k, v in enumerate(reads[n.name])}
    arcs = {(found[s]["id"], found[t]["id"], KINDS[k]) for s, t, k, *_ in data["arcs"] if t < len(found)}
    assert {a for a in arcs if {*a[:2]} <= single} == {a for a in wanted if {*a[:2]} <= single and a[0] != a[1]}
    assert {s for s, t, *_ in data["arcs"] if t >= len(found)} <= set(range(len(found)))
    lines = {shown(Path(s.source.name).name): s.source.lines for n in of for s in n.spans}
    for b in found:
        for number, line in data["table"][b["at"]]:
            assert lines[data["sources"][number]][line - 1].strip()


@pytest.mark.parametrize("name", the_first(3, [*SMALL, *(f"{file[:-4]}:" for file in SPECS)]))
def test_the_page_of_a_shipped_net_is_small_and_says_what_the_graph_is(name: str) -> None:
    file, _, net = name.partition(":")
    module = parse(read_source(ROOT / "specs" / f"{file}.net"))
    for item in [net] if net else [i.name for i in callable_nets(module)]:
        of = graph(f"{file}:{item}")
        text = page(of)
        assert len(text.encode()) < MOST
        holds(of, text)


def test_the_page_asks_nobody_and_lets_nothing_else_run() -> None:
    elements = Elements(page(graph("lenet")))
    policy = next(a["content"] for t, a in elements.found if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    digests = {kind: sha256(elements.texts[kind][-1].encode()).digest() for kind in ("script", "style")}
    hashes = {kind: f"'sha256-{b64encode(digest).decode()}'" for kind, digest in digests.items()}
    assert rules == {"default-src": "'none'", "img-src": "data:", "style-src": hashes["style"], "script-src": hashes["script"],
                     "base-uri": "'none'", "form-action": "'none'"}
    for _, attributes in elements.found:
        assert not {a for a in attributes if a.startswith("on") or a in ("src", "style")}
        assert attributes.get("href", "data:,") == "data:,"
    assert "Copyright (c) 2012-2014 Chris Pettitt" in elements.texts["script"][-1]


def test_the_text_of_the_spec_stands_in_the_page() -> None:
    of = graph("digits")
    elements = Elements(page(of))
    assert [unescape(line) for line in elements.texts["li"]] == (ROOT / "specs" / "digits.net").read_text().split("\n")


def test_names_from_outside_are_no_markup() -> None:
    spec = "net a:\n  input 3x8x8\n  conv 4 3x3 relu # HOSTILE\n  avgpool global\n\ntrain a:\n  data \"HOSTILE\"\n  loss mse\n"
    source = spec.replace("HOSTILE", "x"), spec.replace("HOSTILE", HOSTILE.replace('"', ""))
    tame, wild = (Elements(page(netspec.load_graph(text=text).graph)) for text in source)
    assert wild.found[0] == tame.found[0]
    assert [t for t, _ in wild.found if t != "span"] == [t for t, _ in tame.found if t != "span"]
    assert wild.texts["script"][-1] == tame.texts["script"][-1]
    assert any(HOSTILE.replace('"', "") in line for line in wild.texts["li"])


def test_a_file_of_a_hostile_name_is_told_and_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / (HOSTILE.replace("/", "") + ".net")
    path.write_text("net a:\n  input 3x8x8\n  conv 4 3x3 relu\n")
    wild = Elements(page(netspec.load_graph(path).graph))
    assert [t for t, _ in wild.found].count("script") == 2 and [t for t, _ in wild.found].count("img") == 0
    assert path.name in data_of(page(netspec.load_graph(path).graph))["title"]


def test_formulas_fields_and_bytes_are_those_of_the_layers() -> None:
    data = data_of(page(graph("lenet")))
    conv = next(b for b in boxes(data["items"]) if b["id"] == "conv2")
    layer = data["table"][conv["nodes"][0][1]]
    assert data["table"][layer["formulas"][0]] == "y[n,o,p,q] += x[n,c,p+u,q+v] * weight[o,c,u,v]"
    assert layer["parameters"] == [["weight", "16×6×5×5", 2400], ["bias", "16", 16]] and layer["reads"] == ["6×14×14"]
    assert [data["table"][k] for k in conv["sees"]] == [[["input", "14×14", "2", "0"]]]
    assert conv["bytes"] == 16 * 10 * 10 * 4


@pytest.mark.parametrize("name", ["resnet:resnet18", "googlenet:googlenet", "unet:unet"])
def test_bytes_are_those_of_the_table(name: str) -> None:
    """Also where a box joins steps: the sum of a residual and the relu after it."""
    made = [b.get("bytes", 0) for b in boxes(data_of(page(graph(name)))["items"])]
    by_hand = sum(4 * prod(s.last.type.shape) for s in steps(graph(name)))
    assert sum(b[-1] if isinstance(b, list) else b for b in made) == by_hand
    assert sum(r.bytes or 0 for r in summarise(graph(name), depth=1, memory=True).rows) == by_hand


def test_a_net_whose_sizes_are_open_has_a_page() -> None:
    data = data_of(page(netspec.load_graph(text="net a:\n  input 3x?x?\n  conv 4 3x3 relu\n  avgpool global\n  fc 3\n").graph))
    assert [b.get("macs", 0) for b in boxes(data["items"])][:2] == [0, None]


def test_a_block_says_its_call() -> None:
    found = {i["name"]: i["call"] for i in data_of(page(graph("googlenet:googlenet")))["items"] if "items" in i}
    assert found["inc3a"] == "inception 64 96 128 16 32 32"
    assert found["aux1"].startswith("head")


def test_times_come_back_as_they_were_written(tmp_path: Path) -> None:
    of = graph("lenet")
    times = Times(4, {"predict": {"conv1": 0.25, "conv2": 0.5}, "train": {"conv1": 1.0}}, "cpu, 1 thread")
    file = tmp_path / "times.json"
    file.write_text(times.text("lenet5"))
    assert read_times(str(file), of) == times
    write_page(of, tmp_path / "a.html", file)
    found = {b["id"]: b["seconds"] for b in boxes(data_of((tmp_path / "a.html").read_text())["items"]) if "seconds" in b}
    assert found["conv1"] == {"predict": 0.25, "train": 1.0} and found["conv2"] == {"predict": 0.5, "train": 0}
    assert "conv1" in times.table(of, 3)


HEAD = '{"schema": "netspec.times/1", "batch": 1, "where": "", "entries": '


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "netspec.times/1"}', HEAD + "{}}", "[" * 100_000,
                                  HEAD + '{"predict": {"layers": {"conv1": NaN}}}}', HEAD + '{"predict": {"layers": {"no": 1}}}}'])
def test_what_is_no_file_of_times_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="bench") as e:
        read_times(str(file), graph("lenet"))
    assert re.search("netspec bench", str(e.value))


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_times(str(tmp_path / "none.json"), graph("lenet"))
    with pytest.raises(UsageError, match="a folder"):
        read_times(str(tmp_path), graph("lenet"))
    with pytest.raises(netspec.NetspecError, match="cannot be written"):
        write_page(graph("lenet"), tmp_path / "no" / "a.html")


def test_a_page_begins_with_paths_that_are_there(tmp_path: Path) -> None:
    of = graph("resnet:resnet50")
    data = dict(json.loads(Elements(page(of, None, Start(2, ("stage1.bottleneck3",), "stage1"), True)).texts["script"][0]))
    assert data["start"] == {"depth": 2, "open": ["stage1.bottleneck2"], "focus": "stage1"}
    with pytest.raises(UsageError, match="stage1"):
        page(of, None, Start(open=("stage9",)))
    for more in ({"page": "a4"}, {"direction": "right"}):
        with pytest.raises(UsageError, match="flows down"):
            netspec.load_graph(ROOT / "specs" / "lenet.net").draw(tmp_path / "a.html", **more)
