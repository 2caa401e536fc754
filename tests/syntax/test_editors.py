"""Colours: the tables of the editors agree with the language."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from netspec.editors import words
from netspec.editors.html import highlighted
from netspec.syntax.load import specs_folder
from netspec.syntax.refused import RESERVED

EXTENSION = Path(words.__file__).with_name("vscode")
SPECS = sorted(specs_folder().glob("*.net"))


def test_every_reserved_word_has_a_colour() -> None:
    assert set(RESERVED) == {*words.DECLARATIONS, *words.STRUCTURE, *words.OPERATORS}


def test_the_textmate_grammar_has_the_same_rules() -> None:
    made = json.loads((EXTENSION / "net.tmLanguage.json").read_text(encoding="utf-8"))
    assert [p["match"] for p in made["patterns"]] == [pattern for _, pattern in words.RULES]


def test_the_extension_for_vs_code_names_what_is_there() -> None:
    """`.ci/run` packs it."""
    from netspec.version import __version__

    package = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    grammar = json.loads((EXTENSION / "net.tmLanguage.json").read_text(encoding="utf-8"))
    offers = package["contributes"]
    [language], [coloured] = offers["languages"], offers["grammars"]
    assert package["version"] == __version__
    assert (language["id"], language["extensions"]) == (coloured["language"], [".net"])
    assert coloured["scopeName"] == grammar["scopeName"] and grammar["fileTypes"] == ["net"]
    for path in (package["main"], language["configuration"], coloured["path"]):
        assert (EXTENSION / path).is_file()
    json.loads((EXTENSION / language["configuration"]).read_text(encoding="utf-8"))
    code = (EXTENSION / package["main"]).read_text(encoding="utf-8")
    assert all(f'"{c["command"]}"' in code for c in offers["commands"])
    server = (Path(words.__file__).parents[1] / "language_server" / "server.py").read_text(encoding="utf-8")
    assert 'DRAW = "netspec.draw"' in code and 'DRAW = "netspec.draw"' in server
    # who opens a folder from somebody else must not have its settings say what is run
    assert offers["configuration"]["properties"]["netspec.command"]["scope"] == "machine"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_pane_shows_a_drawing_that_can_do_nothing() -> None:
    said = "process.stdout.write(require('./pane').page('a<b>', '<svg onload=\"x()\">é</svg>'))"
    page = subprocess.run(["node", "-e", said], cwd=EXTENSION, capture_output=True, check=True, timeout=60).stdout.decode()
    assert "<svg" not in page and "a&lt;b&gt;" in page and "default-src 'none'" in page
    [image] = re.findall(r'base64,([^"]*)"', page)
    assert base64.b64decode(image).decode() == '<svg onload="x()">é</svg>'
    subprocess.run(["node", "--check", "extension.js"], cwd=EXTENSION, check=True, timeout=60)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_html_loses_nothing(path: Path) -> None:
    import html

    text = path.read_text(encoding="utf-8")
    assert html.unescape(re.sub(r"<[^>]*>", "", highlighted(text))) == text


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_pygments_lexer_knows_every_mark(path: Path) -> None:
    pytest.importorskip("pygments")
    from pygments.token import Error

    from netspec.editors.pygments_lexer import NetLexer

    text = path.read_text(encoding="utf-8")
    found = list(NetLexer(ensurenl=False, stripnl=False).get_tokens(text))
    assert "".join(t for _, t in found) == text
    assert all(kind is not Error for kind, _ in found)


def test_a_notebook_shows_the_spec_in_colour() -> None:
    import netspec

    page = netspec.load_graph(text="net a:  # small\n  input 1x4x4\n  fc 3 relu\n")._repr_html_()
    whole, page = page, page[page.index("<pre"):]
    assert "# small</span>" in page
    assert ">fc 3" in whole and "<svg" in whole and "<table" in whole
