"""Long pages: what is kept from version to version, and who waits for whom."""

from __future__ import annotations

import random
import threading

import pytest

from netspec.diagnostics import NetspecError
from netspec.interruptions import asked
from netspec.language_server import pieces
from netspec.language_server.desk import Desk
from netspec.language_server.pieces import Content, formatted, pieces_of
from netspec.language_server.text import Text
from netspec.language_server.turns import Superseded, Turns
from netspec.source import Source
from netspec.syntax.formatter import format_source
from netspec.syntax.load import specs_folder

SPECS = [p.read_text(encoding="utf-8") for p in sorted(specs_folder().glob("*.net"))]
NEW = ["", "# c", "  # c", "    # c", "k7 = 3", "  k8 = 4", "  conv 8 3x3", "  conv 16  1x1  # wide", "  s: relu", "    relu", "  b:"]


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LONG", 3)
    monkeypatch.setattr(pieces, "PART", 2)


def test_a_page_formatted_in_parts_is_the_page_formatted(short_parts: None) -> None:
    chance = random.Random(11)
    tried = cut = 0
    for _ in range(70):
        lines = chance.choice(SPECS).split("\n")
        for _ in range(chance.randint(0, 8)):
            k = chance.randrange(len(lines) + 1)
            lines[k:k] = [chance.choice(NEW)] * chance.randint(1, 3)
        text = "\n".join(lines)
        try:
            want = format_source(Source("a", text))
        except NetspecError:
            continue
        tried += 1
        found = pieces_of(Text(text))
        cut += sum(len(p.content.cut) > 2 for p in found)
        assert formatted(found, {}) == want.split("\n")
    assert tried > 20 and cut > 30


def test_a_long_piece_of_one_statement_is_formatted() -> None:
    """The only part of it is all of it."""
    lines = ["net a:", "  input 8x8x8", "  residual:", *("    conv  8  3x3" for _ in range(pieces.LONG + pieces.PART)), ""]
    text = "\n".join(lines)
    assert formatted(pieces_of(Text(text)), {}) == format_source(Source("a", text)).split("\n")


def test_names_after_edits_are_those_of_the_page_read_anew(short_parts: None) -> None:
    """Parts that stayed are not read again, wherever they are now, and see what has come in elsewhere."""
    chance = random.Random(4)
    kept = 0
    for text in chance.sample(SPECS, 6):
        d = Desk().open("untitled:a", None, text, 1)
        before: set[int] = set()
        for _ in range(8):
            lines = list(d.text.lines)
            k = chance.randrange(len(lines))
            if chance.random() < 0.4:
                lines.insert(k, chance.choice(NEW))
            elif chance.random() < 0.5:
                lines[k] = lines[k][: chance.randint(0, len(lines[k]))]
            else:
                del lines[k]
            d.write(Text("\n".join(lines)), None)
            anew = Desk().open("untitled:a", None, d.text.content, 1)
            said = [[(o.place, o.meant.name, o.meant.places, o.defines) for o in x.page.occurrences()] for x in (d, anew)]
            assert said[0] == said[1]
            now = {id(part.names) for p in d.page.pieces for part in p.content.cut}
            kept += len(before & now)
            before = now
    assert kept > 20


def test_a_check_that_ends_at_any_point_leaves_nothing_behind() -> None:
    """Each stage has points, those of one net too, and the next check finds what it would have found."""
    text = (specs_folder() / "unet.net").read_text(encoding="utf-8") + "net b:\n  input 1x8x8\n  cnv 8 3x3\n"
    d = Desk().open("untitled:a", None, text, 1)
    points = 0

    def counted() -> None:
        nonlocal points
        points += 1

    with asked(counted):
        want = d.check()
    assert points > 4 * len(text.split("\n"))
    for last in range(1, points, points // 12):
        left = last

        def ending() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Superseded

        with pytest.raises(Superseded), asked(ending):
            d.check()
        assert d.check().found == want.found


def test_a_check_waits_for_answers_and_ends_where_nobody_wants_it() -> None:
    turns = Turns()
    wanted = True
    ask = turns.after_answers(lambda: wanted)
    ask()
    turns.begins(1)
    turns.begins(2)
    passed = threading.Event()

    def check() -> None:
        ask()
        passed.set()

    thread = threading.Thread(target=check)
    thread.start()
    turns.ends(1)
    assert not passed.is_set()
    turns.ends(2)
    thread.join()
    assert passed.is_set()
    wanted = False
    with pytest.raises(Superseded):
        ask()


def test_two_long_texts_are_compared_only_where_they_differ() -> None:
    old = ["a", *["x", ""] * 400, "b"]
    new = ["a", *["x"] * 500, "b"]
    text = Text("\n".join(old))
    edits = text.towards(new)
    assert text.with_edits(edits).lines == new
    assert [e.place.line for e in edits] == [3]
    assert Content("net a:\n  relu").formatted == "net a:\n  relu\n"
