"""The documentation site: what is drawn and written from the code is the code's. `.ci/run` builds it and checks its links."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from where import ROOT

SITE = ROOT / "docs" / "build_site"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A script of docs/build_site by its name."""
    from importlib import import_module

    monkeypatch.syspath_prepend(str(SITE))

    def module(name: str) -> ModuleType:
        return import_module(name)

    return module


def test_the_drawing_of_the_house_is_what_the_imports_make(built: Any) -> None:
    house = built("house")
    drawn = house.DRAWING.read_text(encoding="utf-8")
    titles = {t.replace("&#45;", "-").replace("&gt;", ">") for t in re.findall(r"<title>([^<]*)</title>", drawn)}
    graph = house.house()
    made = {*graph.nodes, *(f"{a}->{b}" for a, b in house.arrows(graph))}
    assert titles - {"house"} == made, "run  python docs/build_site/house.py"


def test_an_import_is_found_wherever_it_stands_and_those_for_types_are_left_out(built: Any, tmp_path: Path,
                                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    house = built("house")
    monkeypatch.setattr(house, "PACKAGE", tmp_path)
    file = tmp_path / "room" / "inner" / "file.py"
    file.parent.mkdir(parents=True)
    file.write_text("import os\nimport netspec.cli\nfrom . import beside\nfrom ..near import a\nfrom ...ir.graph import Graph\n"
                    "from ... import limits\nif TYPE_CHECKING:\n    from ...views.drawing import diagram\n"
                    "def f():\n    from netspec.runtime.network import Network\n")
    assert list(house.imports(file)) == ["netspec.cli", "netspec.room.inner", "netspec.room.near", "netspec.ir.graph",
                                         "netspec.limits", "netspec.runtime.network"]


def test_every_page_is_in_the_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"([\w/]+\.md)", config))
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    assert pages <= named
    assert {"index.md", "contributing.md", "changelog.md", "license.md"} <= named


def test_every_word_has_a_page(built: Any) -> None:
    """Its arguments, its formulas where it has any, and no markup by accident."""
    words = built("words")
    from netspec.views.words import explain

    index = words.index([(r.sort, w) for r in explain.registries() for w in r.values()])
    for r in explain.registries():
        for name, word in r.items():
            page = words.page(r.sort, word, None)
            assert page.startswith(f"# {name}\n")
            assert f"]({words.slug(r.sort, word)}.md)" in index
            assert (r.sort in ("layer", "loss") or (r.sort == "optimiser" and not word.host)) <= ("Formulas" in page
                                                                                                 or name == "unpool"), name
            for argument in explain.argument_rows(word):
                assert f"`{argument[0]}`" in page
            for text in re.sub(r"```.*?```|`[^`\n]*`", "", page, flags=re.DOTALL).split("\n")[1:]:
                assert not re.search(r"[<_]|(?<!&)#(?!\d|#|\s)", text) or text.startswith("!["), text
    assert len({words.slug(r.sort, w) for r in explain.registries() for w in r.values()}) == index.count(".md)")


@pytest.mark.parametrize(("sort", "name", "shown"), [
    ("layer", "conv", "<title>conv1</title>"), ("layer", "unpool", "<title>unpool1</title>"), ("layer", "relu", "<polyline"),
    ("schedule", "cosine", "<polyline"), ("schedule", "plateau", "<polyline"), ("schedule", "multistep", "<polyline"),
    ("augmentation", "flip", "<rect"), ("augmentation", "saturation", "<rect")])
def test_words_have_pictures(built: Any, sort: str, name: str, shown: str) -> None:
    words = built("words")
    from netspec.views.words import explain

    word = next(r for r in explain.registries() if r.sort == sort)[name]
    picture = words.picture_of(sort, word)
    assert picture is not None
    assert shown in picture


def test_a_curve_goes_through_its_points(built: Any) -> None:
    """relu is 0 up to the middle of the frame, and rises from there to the upper edge."""
    text = built("pictures").activation("relu")
    points = [tuple(map(float, p.split(","))) for p in re.search(r'points="([^"]+)"', text)[1].split()]  # type: ignore[index]
    assert {y for _, y in points[:81]} == {122.0}
    assert points[-1] == (232.0, 28.0)


def test_columns_of_a_docstring_become_a_list() -> None:
    source = (SITE / "docstrings.py").read_text(encoding="utf-8").partition("class Plain")[0].replace("import griffe\n", "")
    names: dict[str, Any] = {}
    exec(compile(source, "docstrings.py", "exec"), names)
    text = 'First.\n\ndevice    "cpu" (Numba)\nepochs, batch  numbers\n  and more\n\nLast  words are no column.'
    assert names["markdown"](text) == ('First.\n\n\n- `device`: "cpu" (Numba)\n- `epochs, batch`: numbers\n    and more\n\n'
                                       "Last  words are no column.")


def test_links_of_the_readme_lead_to_pages_of_the_site(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs")
    hooks = built("hooks")
    assert hooks.placed("[a](docs/tour.md) [b](CONTRIBUTING.md) [c](LICENSE) [d](https://x.org)") == (
        "[a](tour.md) [b](contributing.md) [c](license.md) [d](https://x.org)")


def test_notebooks_lie_in_git_without_outputs_and_in_the_navigation(built: Any) -> None:
    lectures = built("lectures")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {p.stem for p in lectures.NOTEBOOKS.glob("*.ipynb")} == set(lectures.ORDER)
    for name in lectures.ORDER:
        assert f"notebooks/{name}.md" in config
        book = json.loads((lectures.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
        for cell in book["cells"]:
            assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)
        text = "\n".join("".join(c["source"]) for c in book["cells"])
        for page in re.findall(r"\]\(([^)#]+)\)", text):
            assert (lectures.NOTEBOOKS / page).is_file(), page


def test_a_notebook_becomes_a_page(built: Any) -> None:
    """Its text, its code, and what its cells show: the richest form, what a program printed, and an error in its colours."""
    lectures = built("lectures")
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["a < b\n"]}, {"output_type": "stream", "name": "stderr", "text": "no"},
               {"output_type": "display_data", "data": {"text/html": ["<b>", "x</b>"], "text/plain": "x"}},
               {"output_type": "display_data", "data": {"image/png": "aGk=\n", "text/plain": "<Image>"}},
               {"output_type": "execute_result", "data": {"text/plain": ["<Net>"]}},
               {"output_type": "error", "traceback": ["\x1b[1;31merror\x1b[0m[2m: <x>"]}]
    book = {"cells": [{"cell_type": "markdown", "source": ["# One\n", "See [two](two.ipynb)."]},
                      {"cell_type": "code", "source": "f()", "outputs": outputs}, {"cell_type": "code", "source": "g()", "outputs": []}]}
    text, shown = lectures.page(book, "one")
    assert text == ("# One\nSee [two](two.md).\n\n[The notebook as a file](one.ipynb){ download }\n\n```python\nf()\n```\n\n"
                    '<div data-output="0"></div>\n\n```python\ng()\n```\n')
    assert shown == ['<div class="cell-output"><pre>a &lt; b\n</pre><div class="cell-wide"><b>x</b></div>'
                     '<img alt="" src="data:image/png;base64,aGk="><pre>&lt;Net&gt;</pre>'
                     '<pre><span class="ansi-1 ansi-31">error</span>[2m: &lt;x&gt;</pre></div>']
    assert lectures.placed("a" + lectures.room(0) + "b", shown) == f"a{shown[0]}b"
