"""Colours: the tables of the editors agree with the language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netspec.editors import words
from netspec.editors.html import highlighted
from netspec.syntax.load import specs_folder
from netspec.syntax.refused import RESERVED

SPECS = sorted(specs_folder().glob("*.net"))


def test_every_reserved_word_has_a_colour() -> None:
    assert set(RESERVED) == {*words.DECLARATIONS, *words.STRUCTURE, *words.OPERATORS}


def test_the_textmate_grammar_has_the_same_rules() -> None:
    made = json.loads((Path(words.__file__).with_name("net.tmLanguage.json")).read_text(encoding="utf-8"))
    assert [p["match"] for p in made["patterns"]] == [pattern for _, pattern in words.RULES]


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_html_loses_nothing(path: Path) -> None:
    import html
    import re

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
