"""What is not ours goes escaped into every text that netspec writes: programs, diagrams, pages, annotations, the terminal."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import shlex
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import netspec
from netspec.backends.cpu.module import module_text
from netspec.backends.cpu.plan import plan_entry
from netspec.cli import main
from netspec.diagnostics import Diagnostic, Label, render
from netspec.editors.html import highlighted
from netspec.plain import docstring, shown, word
from netspec.source import Source, Span
from sweeps import the_first

RUNS = "import os; os.mkdir('PWNED')"
NAMES = {
    "newline": f"a\n{RUNS}\n#", "return": f"a\r{RUNS}\r#", "quotes": f"'\"{RUNS}#", "three quotes": f'"""\n{RUNS}\n"""',
    "backslash": "a\\", "backslash n": "a\\n\\",
    "script": "<script>alert(1)<!-- ]]> &lt;b&gt; -->", "annotation": "%0A::error::,:%25", "surrogate": os.fsdecode(b"a\xff\xfe"),
    "escape": "\x1b[2J\x1b]0;t\x07\x08\x7f\x9b1m",
    "bidi": "a\u202e\u2066\u200f\u2069", "shell": "$(touch PWNED);`touch PWNED`&' \" touch PWNED",
}
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TEXT = """import part from "inner.net"

net a:
  input 2x6x6
  conv 4 3x3 init="gaussian 0.01" relu
  part
  avgpool global
  fc 3

train a:
  data "STRING.npz"
  loss cross_entropy
  sgd lr=0.1
"""
PART = "block part:\n  conv 4 3x3 bn\n  tanh\n"


@pytest.fixture(params=the_first(6, NAMES), ids=lambda n: n.replace(" ", "-"))
def spec(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec in a folder of that name, of that name, which imports a file of that name through a link, with a string in it."""
    name = NAMES[request.param]
    folder = tmp_path / name
    folder.mkdir()
    (folder / f"{name}-part.net").write_text(PART)
    (folder / "inner.net").symlink_to(f"{name}-part.net")
    path = folder / f"{name}.net"
    path.write_text(TEXT.replace("STRING", name.translate({10: None, 13: None, 34: None}).encode("utf-8", "replace").decode()),
                    encoding="utf-8")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return path


def command(*args: object) -> tuple[int, str, str]:
    """A command's exit code and what it prints, as a terminal that takes UTF-8 would get it."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(a) for a in args])
        except SystemExit as e:
            code = int(e.code or 0)
    texts = [t.buffer.getvalue().decode("utf-8") for t in (out, err)]  # type: ignore[attr-defined]
    assert code in (0, 1, 2), texts[1]
    return code, *texts


def skeleton(text: str) -> str:
    """A program without what its strings say."""
    tree = ast.parse(text)
    for n in ast.walk(tree):
        if isinstance(n, ast.Constant) and isinstance(n.value, str):
            n.value = ""
    return ast.dump(tree)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """Programs of the same net under names that nobody minds, by the command that writes them."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "inner.net").write_text(PART)
    (folder / "a.net").write_text(TEXT.replace("STRING", "x"))
    commands = (("emit", "SPEC"), ("show", "kernels", "SPEC", "--entry", "gradients"),
                ("show", "kernels", "SPEC", "--device", "cuda"))
    return {words: skeleton(command(*(folder / "a.net" if w == "SPEC" else w for w in words))[1]) for words in commands}


# what can end a comment or a string
LINES = pytest.mark.parametrize("spec", ["newline", "return", "three quotes", "backslash n", "surrogate"], indirect=True)


@LINES
def test_programs_hold_no_foreign_code(spec: Path, plain: dict[tuple[str, ...], str]) -> None:
    for words, wanted in plain.items():
        assert skeleton(command(*(spec if w == "SPEC" else w for w in words))[1]) == wanted


@LINES
def test_what_is_compiled_runs_no_foreign_code(spec: Path) -> None:
    assert netspec.compile(str(spec)).predict(np.zeros((1, 2, 6, 6))).shape == (1, 3)
    assert os.listdir() == []


def test_titles_of_modules_are_no_code(spec: Path) -> None:
    planned, _ = plan_entry(netspec.load_graph(str(spec)).graph, "predict", (), "float32")
    hostile, harmless = (module_text(title, "predict", planned.schedule, dtype="float32", lanes=4, arena=0)
                         for title in (str(spec), "a title"))
    assert skeleton(hostile) == skeleton(harmless)


def test_diagrams_are_drawn_and_hold_no_script(spec: Path) -> None:
    assert command("draw", spec, "-o", "out.svg")[0] == 0
    tree = ElementTree.fromstring(Path("out.svg").read_text("utf-8"))
    assert {e.tag.rpartition("}")[2] for e in tree.iter()} <= {"svg", "g", "a", "title", "path", "polygon", "polyline", "ellipse",
                                                               "defs", "pattern", "rect",
                                                               "text"}
    assert not [a for e in tree.iter() for a in e.attrib if a.lower().startswith("on") or a.endswith("href")]
    assert command("draw", spec, "-o", f"{spec}.svg")[0] == 0


class Page(HTMLParser):
    """Tags of a page, each of which must be ours."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("p", "b", "table", "thead", "tbody", "tr", "th", "td", "pre", "span", "div", "style", "input", "label",
                       "svg", "g", "a", "title", "path", "polygon", "polyline", "ellipse", "defs", "pattern", "rect", "text"), tag
        assert not any(name.startswith("on") or name.endswith("href") for name, _ in attrs), attrs


def test_pages_hold_no_script(spec: Path) -> None:
    view = netspec.load_graph(str(spec))
    for page in (view._repr_html_(), view.summary()._repr_html_(), highlighted(str(spec))):
        Page().feed(page)
        assert not UNSEEN.search(page)


class Interactive(HTMLParser):
    """Tags of an interactive page, and what its programs are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.programs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += [] if tag == "span" and "class" in dict(attrs) else [(tag, tuple(name for name, _ in attrs))]

    def handle_data(self, data: str) -> None:
        self.programs += [data] if self.tags and self.tags[-1][0] in ("script", "style") else []


def test_an_interactive_page_holds_no_foreign_script(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "inner.net").write_text(PART)
    (tmp_path / "a.net").write_text(TEXT.replace("STRING", "x"))
    for name in (spec, tmp_path / "a.net"):
        code, out, err = command("draw", name, "-o", f"{name}.html")
        assert code == 0, err
        assert not UNSEEN.search(out + err)
    hostile, harmless = (Interactive(Path(f"{name}.html").read_text("utf-8")) for name in (spec, tmp_path / "a.net"))
    assert hostile.tags == harmless.tags
    assert [hostile.programs[k] for k in (0, -1)] == [harmless.programs[k] for k in (0, -1)]
    assert not UNSEEN.search(Path(f"{spec}.html").read_text("utf-8"))


def test_the_terminal_is_given_no_orders(spec: Path) -> None:
    broken = spec.with_name(spec.name + "2.net")
    broken.write_text(spec.read_text("utf-8").replace("  fc 3", "  fcc 3").replace('"gaussian', '"gausian'), encoding="utf-8")
    commands = [("check", spec), ("check", broken), ("summary", spec), ("summary", broken), ("show", "tree", spec),
                ("show", "graph", spec), ("show", "program", spec),
                ("diff", spec, spec), ("fmt", "--check", spec), ("fmt", "--check", broken), ("explain", spec),
                ("check", str(spec) + "?"), ("draw", spec, "-o", spec),
                ("draw", spec, "-o", spec.with_suffix(".dot")), ("train", spec), ("summary", spec, "--set", str(spec)),
                ("summary", f"{spec}:{spec.name}"), (spec,), ("train", spec, "--resume", spec), ("emit", spec, "-o", spec.parent)]
    for words in commands:
        _, out, err = command(*words)
        assert not UNSEEN.search(out + err), words[0]
        assert "internal error" not in err
        if "\n" in spec.name and words[0] != "show":
            assert RUNS not in out.splitlines() + err.splitlines()
    assert os.listdir() == []


@pytest.mark.parametrize("spec", ["newline", "shell", "escape"], indirect=True)
def test_what_train_says_can_be_pasted(spec: Path) -> None:
    spec.write_text("net a:\n  input 4\n  fc 3\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n")
    np.savez("d.npz", x=np.eye(3, 4)[np.arange(9) % 3], y=np.arange(9) % 3)
    out_file = spec.with_name(spec.name + ".safetensors")
    code, out, err = command("train", spec, "--data", Path("d.npz").absolute(), "--epochs", 40, "--out", out_file)
    assert code == 0, err
    assert not UNSEEN.search(out + err) and out_file.is_file() and os.listdir() == ["d.npz"]
    suggestions = [shlex.split(line) for line in out.partition("next:")[2].splitlines() if line.strip()]
    assert [s[:2] for s in suggestions] == [["netspec", "predict"], ["netspec", "evaluate"], ["netspec", "train"], ["python", "-P"]]
    assert all(s[2] == shown(str(out_file)) for s in suggestions[:3])
    assert skeleton(suggestions[3][3]) == skeleton("import netspec; net = netspec.load(''); print(net)")


def test_annotations_are_one_line_each(spec: Path) -> None:
    broken = spec.with_name(spec.name + "2.net")
    broken.write_text("net a:\n  input 3\n  fcc 3\n")
    _, out, _ = command("check", "--format", "github", broken)
    (line,) = out.splitlines()
    assert line.startswith("::error file=") and not UNSEEN.search(line)
    properties, _, _ = line.removeprefix("::error ").partition("::")
    assert [p.partition("=")[0] for p in properties.split(",")] == ["file", "line", "col", "endLine", "endColumn", "title"]
    assert json.loads(command("check", "--format", "json", broken)[1])[0]["file"] == str(broken)


def test_a_caret_stands_under_what_it_means() -> None:
    for bad in ("\x1b[31m", "\u202e", "\x07\x08", "\udcff", "\x9b", "\t", "é", ""):
        line = f'  conv 3 "{bad}" nosuch {bad}'
        source = Source(f"a{bad}.net", line)
        at = line.index("nosuch") + 1
        told = render(Diagnostic("unknown-word", f"no {bad}", (Label(Span(source, 1, at, 1, at + 6), f"here {bad}"),), (bad,),
                                 f"a\n{bad}", "error", (bad,)))
        assert not UNSEEN.search(told)
        shown_line, caret = told.splitlines()[3:5]
        assert caret.index("^^^^^^") == shown_line.index("nosuch")
        inside = line.index('"') + 1
        shown_line, caret = render(Diagnostic("syntax", "t",
                                              (Label(Span(source, 1, inside, 1, inside + 2 + len(bad))),))).splitlines()[3:5]
        assert len(caret.rstrip()) - caret.index("^") == shown_line.rindex('"') - shown_line.index('"') + 1
    long = "x" * 300 + "\x1b" * 5 + " nosuch " + "y" * 300
    told = render(Diagnostic("syntax", "t", (Label(Span(Source("a", long), 1, 307, 1, 313)),))).splitlines()
    assert told[4].index("^^^^^^") == told[3].index("nosuch")


def test_what_is_shown_to_be_pasted_is_one_word() -> None:
    for name in NAMES.values():
        assert shlex.split(word(name)) == [shown(name)]
    assert word("specs/resnet.net:resnet50") == "specs/resnet.net:resnet50"
    for name in NAMES.values():
        assert eval(f'"""{docstring(name)}"""').replace("'''", '"""').rstrip(" ") == shown(name, lines=True).rstrip(" ")
