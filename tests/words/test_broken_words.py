"""A word's file that has a mistake in it is named; it is in nobody's way who does not ask for its word."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netspec.cli import main
from netspec.views.words.explain import page, registries
from sweeps import the_first

Put = Callable[..., Path]
FINE = (
    'from netspec.layers import Activation\n\n\nclass {}(Activation{}):\n    """A layer of a test, which copies."""\n\n    def formula(self):\n        return "x"\n')


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """Puts a file among the words of the package: in a folder that counts as a part of theirs."""
    monkeypatch.chdir(tmp_path)

    def ours() -> list[str]:
        return [n for n, m in sys.modules.items() if str(getattr(m, "__file__", "")).startswith(str(tmp_path))]

    def put(place: str, text: str) -> Path:
        folder, _, name = place.partition("/")
        at = tmp_path / "more" / folder
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        for part in (at / name).relative_to(at).parents:
            if part.name:
                (at / part / "__init__.py").touch()
        (at / name).write_text(text)
        package = importlib.import_module(f"netspec.{folder}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(at)])
        for r in registries():
            monkeypatch.setattr(r, "_files", None)
        importlib.invalidate_caches()
        return at / name

    yield put
    for r in registries():
        for name in [n for n, cls in r._known.items() if cls.__module__ in ours()]:
            del r[name]
    for name in ours():
        del sys.modules[name]


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = main(list(argv))
    return code, capsys.readouterr().err


def net(step: str) -> str:
    Path("a.net").write_text(f"net a:\n  input 4\n  {step}\n")
    return "a.net"


@pytest.mark.parametrize(("text", "line", "error"),
                         the_first(2, [("import numpy\n\nclass Ourbad(:\n", ", line 3", "SyntaxError"),
                          ("\nimport ournothing\n", ", line 2", "ModuleNotFoundError: No module named 'ournothing'"),
                                                     ("x = 1\n", "", "defines no layer"),
                                                     ("def f():\n  return [][1]\nx = f()\n", ", line 2", "IndexError")]))
def test_a_broken_file_is_named_with_its_line(put: Put, capsys: pytest.CaptureFixture[str], text: str, line: str,
                                              error: str) -> None:
    file = put("layers/ourbad.py", text)
    for argv in (("check", net("ourbad")), ("explain", "ourbad"), ("check", net("ourbad"))):
        code, err = said(capsys, *argv)
        assert code == 1 and "[broken-word]" in err and f"{file}{line}\n" in err and error in err
    assert said(capsys, "check", net("relu"))[0] == 0
    assert said(capsys, "explain")[0] == 0
    for step, meant in (("relluu", "relu"), ("fc 3 rleu", "relu"), ("ourbd", "ourbad"), ("fc 3 colour=2", "")):
        code, err = said(capsys, "check", net(step))
        assert code == 1 and "broken-word" not in err and "[unknown-" in err and meant in err


@pytest.mark.parametrize(("place", "like", "words"), the_first(2, [
    ("layers/relu.py", "Relu", "two files for the layer `relu`"),
    ("layers/repeat.py", "Repeat", "`repeat` is a word of the language itself"), ("layers/skip.py", "Skip", "`skip` is a word"),
    ("optimisers/batch.py", "Batch", "`batch` is a word"), ("losses/my-loss.py", "My", "cannot write the name `my-loss`")]))
def test_a_file_whose_name_means_something_else_is_refused(put: Put, capsys: pytest.CaptureFixture[str], place: str, like: str,
                                                           words: str) -> None:
    file = put(place, FINE.format(like, ""))
    code, err = said(capsys, "explain", "maxpole")
    assert code == 1 and "[word-name]" in err and str(file) in err and words in err


def test_a_file_holds_the_word_that_it_is_called_as(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text, other in (("ourone", FINE.format("Ourone", "") + FINE.format("Ourtwo", ""), "ourtwo"),
                              ("ourthree", FINE.format("Ourthird", ""), "ourthird")):
        file = put(f"layers/{name}.py", text)
        for _ in range(2):
            code, err = said(capsys, "check", net(name))
            assert code == 1 and f"the file of `{name}` defines a layer called `{other}`" in err and str(
                file) in err and f'name="{name}"' in err
        assert "unknown-word" in said(capsys, "check", net(other))[1]


@pytest.mark.parametrize(("method", "error", "line"),
                         [("", "NotImplementedError", ""),
                          ("    def formula(self):\n        return self.nothing\n", "AttributeError", ":6"),
                                                       ("    def formula(self):\n        raise RuntimeError('oops')\n",
                                                        "RuntimeError: oops", ":6")])
def test_what_the_code_of_a_word_raises_names_the_word(put: Put, capsys: pytest.CaptureFixture[str], method: str, error: str,
                                                       line: str) -> None:
    file = put("layers/ourfault.py",
               f'from netspec.layers import Activation\n\nclass Ourfault(Activation):\n    """A layer of a test."""\n{method}')
    code, err = said(capsys, "show", "program", net("ourfault"))
    assert code == 70 and error in err and f"the layer `ourfault` ran, whose file is {file}{line}\n" in err


def test_a_class_without_a_docstring_has_a_page_without_one(put: Put) -> None:
    from netspec.layers import LAYERS

    put("layers/ourmute.py", FINE.format("Ourmute", "").replace('    """A layer of a test, which copies."""\n\n', ""))
    cls: Any = LAYERS["ourmute"]
    assert cls.__doc__ == "" and "Ourmute(" not in page(cls, "layer") and "formula" not in page(cls, "layer").lower()


def test_bounds_are_shown_and_kept_by_hints(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    put("layers/ourbound.py",
        FINE.format("Ourbound", "").replace("import Activation",
                                            "import Activation\nfrom netspec.words import count, size").replace(
        "    def",
        '    n: int = count("how many", default=12, least=10)\n    window: int = size("of it", default=3, least=2)\n\n    def'))
    assert main(["explain", "ourbound"]) == 0
    out = capsys.readouterr().out
    assert "how many (at least 10)" in out and "of it (at least 2)" in out
    err = said(capsys, "check", net("ourbound n=1.5"))[1]
    assert "hint: for example:  n=10\n" in err
