"""What follows from a mistake alone is not said, and what is wrong whatever was meant is."""

from __future__ import annotations

import pytest
from test_language import errors, findings

from netspec.elaborate.alone import fit

HEAD = "net a:\n  input 3x8x8\n"
FILE = {"name": "a.net", "text": "", "imports": {}}


@pytest.mark.parametrize(("lines", "codes"), [
    # a condition whose value is not known: both ways are looked at, whichever side of `==` it stands on
    ("k = foo + 1\nif k == 8:\n  conv 4 99x99 valid\nfc 3", ["undefined-name", "window-too-large"]),
    ("k = foo + 1\nif 8 == k:\n  conv 4 99x99 valid\nfc 3", ["undefined-name", "window-too-large"]),
    # `yes` is no number
    ("if yes == 1:\n  conv 4 99x99 valid\nif 1 == yes:\n  conv 4 99x99 valid\nfc 3", []),
    # filters that nobody knows change neither the plane nor the number of axes
    ("deconv foo 2x2 /2\nconv 4 12x12 valid\nfc 3", ["undefined-name"]),
    ("fc foo\nconv 3 3x3\nfc 3", ["undefined-name", "wrong-rank"]),
    # of a step that nobody knows not even the number of axes is known, nor how large they are
    ("foo 4\nconv 4 99x99 valid\nfc 3", ["unknown-word"]),
    ("conv foo 3x3\nconv 4 99x99 valid\nfc 3", ["undefined-name", "window-too-large"]),
    # an initialiser takes numbers
    ('fc 3 init="gaussian x"', ["wrong-argument"]),
])
def test_what_is_said_beside_a_mistake(lines: str, codes: list[str]) -> None:
    assert errors(*lines.split("\n"), head=HEAD) == codes


def test_steps_that_run_again_say_their_mistake_once() -> None:
    found = findings(HEAD + "  p: conv 3 3x3 -> conv 3 9x9 valid\n  reuse @p\n  reuse @p\n  fc 3\n")
    assert [(d.code, d.span and d.span.line, len(d.labels)) for d in found] == [("window-too-large", 3, 1)]


@pytest.mark.parametrize(("files", "fits"), [
    ([FILE], True), ([FILE | {"imports": {"b.net": 1}}, FILE], True),
    ([FILE | {"imports": {"b.net": 2}}, FILE], False), ([FILE | {"imports": {"b.net": -1}}], False),
    ([FILE | {"imports": {"b.net": True}}, FILE], False), ([], False), ([FILE | {"text": None}], False)])
def test_an_import_of_a_stored_spec_is_one_of_its_files(files: list[object], fits: bool) -> None:
    assert fit(files) == fits
