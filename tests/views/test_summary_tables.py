"""The summary as a table: depth, subtotals, shares, what is read, memory, widths, and each way to write it."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from test_views import RESIDUAL as BLOCKS

import netspec
from netspec.cli import main
from netspec.diagnostics import UsageError
from netspec.elaborate.nets import callable_nets
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse
from netspec.terminal import cells
from netspec.views.tables.formats import latex
from netspec.views.tables.summary import Summary
from netspec.views.tables.table import Column, Line, Table
from sweeps import the_first
from where import ROOT

SPECS = [f"{path.name}:{item.name}" for path in sorted(specs_folder().glob("*.net"))
         for item in callable_nets(parse(read_source(path)))]


def summary(name: str, **how: Any) -> Summary:
    file, _, net = name.partition(":")
    return netspec.load_graph(ROOT / "specs" / file, net or None).summary(**how)


def small(**how: Any) -> Summary:
    return netspec.load_graph(text=BLOCKS).summary(**how)


def records(s: Summary) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(s.to_csv())))


def test_a_deep_network_has_forty_lines_at_most() -> None:
    for name in ("densenet.net:densenet201", "inception_v4.net"):
        text = summary(name).to_text()
        assert len(text.splitlines()) <= 40, name
        assert "closed blocks" in text


@pytest.mark.parametrize("name", the_first(10, SPECS))
def test_closed_blocks_and_steps_add_up_at_every_depth(name: str) -> None:
    whole = summary(name)
    t = whole.counts.totals
    for depth in range(1, whole.whole + 1):
        found = records(summary(name, depth=depth))
        assert sum(int(r["parameters"]) for r in found) == t.parameters
        if t.macs is not None:
            assert sum(int(r["MACs"]) for r in found) == t.macs
            assert abs(sum(float(r["MACs %"] or 0) for r in found) - (100 if t.macs else 0)) < 0.1
    assert [r["name"] for r in records(whole)] == list(dict.fromkeys(r["name"] for r in records(whole)))


def test_depth_opens_blocks_one_after_the_other() -> None:
    def names(depth: int) -> list[str]:
        return ["  " * r.depth + r.name for r in small(depth=depth).rows]

    assert names(1) == ["input", "conv1", "body", "avgpool1", "fc1"]
    assert names(2) == ["input", "conv1", "body", "  unit1..4", "avgpool1", "fc1"]
    assert names(3)[3:9] == ["  unit1..4", "    conv1", "    conv2", "    add1", "    relu1", "avgpool1"]
    assert names(9) == names(3)
    body = small(depth=1).rows[2]
    assert (body.kind, body.shape, body.parameters) == ("block", "8x16x16", 4 * (2 * 8 * 8 * 9 + 4 * 8))
    unit = small(depth=2).rows[3]
    assert (unit.step, unit.times, unit.parameters) == ("4 times unit 8", 4, body.parameters)
    assert small(depth=3).rows[3].parameters == body.parameters  # a heading has the sum of all turns


def test_a_depth_is_a_number_from_one() -> None:
    for wrong in (0, -1, True, 1.5, "2"):
        with pytest.raises(UsageError):
            small(depth=wrong)


def test_a_step_that_is_no_link_of_a_chain_says_what_it_reads() -> None:
    assert "reads" not in summary("lenet.net").to_text()
    add = next(r for r in small(depth=3).rows if r.name == "add1")
    assert set(add.reads) == {"conv1", "body.unit1.conv2"} and not add.chained
    text = small(depth=3).to_text(120)
    assert re.search(r"add1 +add +conv2, conv1 ", text) and text.splitlines()[2].split()[2] == "reads"
    assert not [r for r in small(depth=1).rows if not r.chained]
    unet = {r.name: r.reads for r in summary("unet.net", depth=1).rows}
    assert {r.name: r.step for r in summary("unet.net", depth=1).rows}["double5"] == "double 512"
    assert unet["crop1"] == ("d4", "deconv1") and unet["concat1"] == ("deconv1", "crop1")


def test_shares_are_of_all_parameters_and_of_all_macs() -> None:
    row = next(line for line in summary("lenet.net").to_text().splitlines() if line.startswith("conv3"))
    assert row.split()[-5:] == ["48,120", "78.0", "48,000", "11.5", "8"]


def test_memory_of_what_each_step_gives() -> None:
    s = small(memory=True, depth=1)
    by_name = {r.name: r.bytes for r in s.rows}
    size = 8 * 16 * 16 * 4
    assert by_name == {"input": 3 * 16 * 16 * 4, "conv1": size, "body": 4 * 4 * size, "avgpool1": 32, "fc1": 20}
    assert "memory" in s.to_text().splitlines()[2].split() and "20 B" in s.to_text()
    assert [n["bytes"] for n in s.data()["nodes"]][:2] == [3072, size]


def test_a_summary_with_sizes_that_are_not_known_is_written_in_every_format() -> None:
    s = netspec.load_graph(text="net a:\n  input 3x?x?\n  conv 4 3x3\n  avgpool global\n  fc 2\n").summary(memory=True)
    assert "?" in s.to_text() and records(s)[1]["MACs"] == records(s)[1]["memory"] == ""
    assert "?" in s.to_markdown() and "?" in s.to_latex() and "?" in s.to_html()


@pytest.mark.parametrize("name", ["resnet.net:resnet50", "unet.net", "googlenet.net", "siamese.net", "lenet.net"])
@pytest.mark.parametrize("width", [80, 100, 120])
def test_tables_are_as_wide_as_the_terminal_at_most(name: str, width: int) -> None:
    for depth in (1, 2, 9):
        for line in summary(name, depth=depth, memory=depth == 2).to_text(width).splitlines()[1:]:
            assert cells(line) <= width, line


def test_the_terminal_says_how_wide_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    net = str(ROOT / "specs" / "resnet.net:resnet50")
    for said, percent in (("80", False), ("140", True)):
        monkeypatch.setenv("COLUMNS", said)
        assert main(["summary", net]) == 0
        head = capsys.readouterr().out.splitlines()[2].split()
        assert ("%" in head) == percent and {"name", "step", "shape", "parameters", "MACs"} <= set(head)


class Cells(HTMLParser):
    """The texts of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


ODD = Table("t|i & <b> 50% _x_", (Column("a|b"), Column("%", "right")),
            (Line((r"a|b \ {x} $5 & 50% #1 _u_ ^ ~ <i> * ` [z]", "1,000")), Line(('init="gaussian 0.01"', "64x56x56"), 1)), ("a_b",),
            lambda: ({"a|b": 'x,"y"\nz', "%": 1000}, {"a|b": None, "%": 0.5}))


def test_markdown_keeps_its_columns_and_shows_what_was_written() -> None:
    from netspec.views.tables.formats import markdown

    lines = [line for line in markdown(ODD).splitlines() if line.startswith("|")]
    texts = [re.split(r"(?<!\\)\|", line.strip("|").strip()) for line in lines]
    assert {len(t) for t in texts} == {2} and lines[1] == "| --- | ---: |"
    back = re.sub(r"\\([\\`*_{}\[\]<>|#~])", r"\1", texts[2][0]).replace("&amp;", "&").strip()
    assert back == ODD.lines[0].cells[0]
    assert texts[3][0].strip().startswith("&nbsp;")


def test_latex_escapes_and_has_as_many_cells_as_columns() -> None:
    text = latex(ODD)
    body = text[text.index(r"\midrule"):text.index(r"\bottomrule")].splitlines()[1:]
    assert all(re.sub(r"\\&", "", line).count("&") == 1 and line.endswith(r" \\") for line in body)
    plain = re.sub(r"\\(?:[{}$&#%_\\]|[a-z]+)", "", re.sub(r"\$[^$]*\\times[^$]*\$", "", "\n".join(body)))
    assert not re.search(r"[$#%_^~<>|\"`*]", plain.replace("*", "")) and plain.count("{") == plain.count("}")
    assert r"$64 \times 56 \times 56$" in text and r"\begin{tabular}{lr}" in text
    s = small(depth=3).to_latex()
    assert s.count(r"\quad") > 4 and s.count(r"\begin{tabular}") == s.count(r"\end{tabular}") == 1


def test_csv_is_read_back_by_the_csv_module() -> None:
    from netspec.views.tables.formats import comma_separated

    rows = list(csv.reader(io.StringIO(comma_separated(ODD))))
    assert rows == [["a|b", "%"], ['x,"y"\\nz', "1000"], ["", "0.5"]]
    found = records(summary("lenet.net"))
    assert [r["parameters"] for r in found if r["name"] == "conv1"] == ["156"]
    assert found[1]["reads"] == "input" and found[1]["shape"] == "6x28x28"


def test_csv_is_numbers_to_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(summary("resnet.net:resnet18").to_csv()))
    assert frame.parameters.sum() == 11_689_512 and frame.MACs.dtype.kind == "i"


def test_html_shows_the_same_cells_in_a_notebook_and_in_a_page() -> None:
    s = small(depth=3)
    for page in (s._repr_html_(), s.to_html()):
        cells = Cells()
        cells.feed(page)
        assert cells.rows[0][0] == "name" and len(cells.rows) == 1 + len(s.rows)
        assert [r[0] for r in cells.rows[1:]] == [r.name for r in s.rows]
    assert s.to_html().startswith("<!DOCTYPE html>") and "charset" in s.to_html()


@pytest.mark.parametrize("how", ["md", "csv", "latex", "html"])
def test_the_command_writes_what_python_does(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    net = ROOT / "specs" / "lenet.net"
    assert main(["summary", str(net), "--format", how, "--depth", "1", "--memory"]) == 0
    s = netspec.load_graph(net).summary(depth=1, memory=True)
    wanted = {"md": s.to_markdown, "csv": s.to_csv, "latex": s.to_latex, "html": s.to_html}[how]()
    assert capsys.readouterr().out == wanted


def test_json_has_the_rows_where_a_depth_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(ROOT / "specs" / "resnet.net:resnet18"), "--depth", "1", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    stage = next(r for r in data["rows"] if r["name"] == "stage1")
    assert (stage["kind"], stage["shape"], stage["parameters"], stage["depth"]) == ("block", [64, 56, 56], 147_968, 1)
    assert "rows" not in summary("lenet.net").data()


@pytest.mark.parametrize("values", ["[2, 1, 3]", "[2]", "[0.5, 2, 1]"])
def test_a_list_of_numbers_is_written_as_one(values: str) -> None:
    text = f"net a:\n  input 3x8x8\n  fc 2\n\ntrain a:\n  prepare standardise mean={values} std={values}\n  loss mse\n"
    if values == "[2]":
        text = text.replace("3x8x8", "1x8x8")
    assert f"standardise mean={values} std={values}" in netspec.load_graph(text=text).summary().to_text(200)
    sobel = netspec.load_graph(text="net a:\n  input 1x8x8\n  conv 1 3x3 bias=no values=[1, 0, -1, 2, 0, -2, 1, 0, -1]\n")
    assert "values=[1, 0, -1, 2, 0, -2, 1, 0, -1]" in str(sobel.graph.nodes[-1].op)


def test_what_a_prompt_shows_is_short() -> None:
    from netspec.runtime.train.recipe import recipe_of
    from netspec.views.drawing.diagram import diagram

    view = netspec.load_graph(ROOT / "specs" / "digits.net")
    net = netspec.compile(ROOT / "specs" / "digits.net", device="reference")
    (x, y), _ = netspec.data.digits()
    module = parse(read_source(ROOT / "specs" / "resnet.net"))
    things = [view, view.graph, view.graph.nodes[3], view.graph.parameters[0], view.summary(), view.summary().table,
              view.counts(), view.counts()["conv1"], view.memory(), diagram(view.graph), net, net.parameters, net.buffers, net.recipe,
              recipe_of(view.graph), net.fit(x[:8], y[:8], epochs=3), netspec.Ensemble([net]), module, module.source]
    for wrong in ("net a:\n  input 3\n  fcc 3\n", "net a:\n  input 3\n  fcc 3\n  fcc 4\n"):
        with pytest.raises(netspec.SpecError) as caught:
            netspec.load_graph(text=wrong)
        things.append(caught.value)
    for thing in things:
        shown = repr(thing)
        assert len(shown.splitlines()) <= 3 and len(shown) <= 400, f"{type(thing).__name__}: {shown[:200]}"
        assert type(thing).__name__ == "Values" or not re.search(r"object at 0x", shown)


def test_a_column_that_says_nothing_is_left_out() -> None:
    chain = netspec.load_graph(text="net a:\n  input 1x8x8\n  conv 2 3x3\n  fc 2\n").summary()
    assert all("reads" not in made for made in (chain.to_markdown(), chain.to_latex(), chain.to_html()))
