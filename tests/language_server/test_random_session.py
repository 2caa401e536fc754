"""Somebody edits one spec after another, at random, and takes back what went wrong; the server says what `netspec check` says."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
from pathlib import Path

import pytest

pytest.importorskip("pygls")
pytest.importorskip("pytest_lsp")

from lsprotocol import types as t
from pygls.exceptions import JsonRpcException
from test_session import KEYS, QUESTIONS, changed, client, opened, question  # noqa: F401

from netspec.cli import main
from netspec.language_server.text import same_ends
from netspec.syntax.load import specs_folder

pytestmark = [pytest.mark.lsp, pytest.mark.asyncio(loop_scope="module")]
EDITS = int(os.environ.get("NETSPEC_RANDOM_EDITS", "24"))
SEVERITY = {t.DiagnosticSeverity.Error: "error", t.DiagnosticSeverity.Warning: "warning", t.DiagnosticSeverity.Information: "note"}
LINES = ("", "  relu", "  conv 8 3x3", "  x: conv 8 1x1 bn", "    fc 10", "net other:", "  output y: relu", "width = 3", "  @x", "# note")


def edit(chance: random.Random, text: str) -> str:
    """The text with something put in, left out, or both; mostly near the end of a word or in whole lines, as people do."""
    lines = text.split("\n")
    k = chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            lines.insert(k, chance.choice(LINES))
        case 1:
            del lines[k]
        case 2:
            lines.insert(k, lines[k])
        case 3:
            words = lines[k].split(" ")
            words[chance.randrange(len(words))] = chance.choice([*lines[k].split(), *KEYS])
            lines[k] = " ".join(words)
        case 4:
            lines[k] = lines[k][2:] if chance.random() < 0.5 else "  " + lines[k]
        case _:
            a = chance.randint(0, len(lines[k]))
            lines[k] = lines[k][:a] + chance.choice(KEYS) + lines[k][a + chance.choice([0, 0, 1, 3]) :]
    return "\n".join(lines)


def change(old: str, new: str) -> tuple[t.Range, str]:
    """What makes one text of another: the part that differs, in UTF-16."""
    a, b = same_ends(old, new)

    def position(k: int) -> t.Position:
        start = old.rfind("\n", 0, k) + 1
        return t.Position(old.count("\n", 0, k), len(old[start:k].encode("utf-16-le")) // 2)

    return t.Range(position(a), position(len(old) - b)), new[a : len(new) - b]


def checked(path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[object, ...]]:
    """What `netspec check` says to people of a text in that file (its JSON has padding that no window reads, too); of what
    stands in others, its code."""
    path.write_text(text, encoding="utf-8")
    capsys.readouterr()
    main(["check", "--format", "json", str(path)])
    found = json.loads(capsys.readouterr().out)
    return [(d["severity"], d["code"], *([d["line"], d["column"], d["message"].split("\n")[0]] if d["file"] == str(path) else []))
            for d in found if (d["severity"], d["code"]) != ("note", "lost-pixels")]


def told(text: str, said: list[t.Diagnostic], own: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    lines = text.split("\n")
    out: list[tuple[object, ...]] = []
    for d, want in zip(said, own, strict=False):
        line = lines[d.range.start.line] if d.range.start.line < len(lines) else ""
        column = len(line.encode("utf-16-le")[: 2 * d.range.start.character].decode("utf-16-le", "replace")) + 1
        place = [d.range.start.line + 1, column, d.message.split("\n")[0]]
        out.append((SEVERITY[d.severity], d.code, *(place if len(want) > 2 else [])))
    return [*out, *((SEVERITY[d.severity], d.code) for d in said[len(own) :])]


async def test_what_is_said_while_one_types_is_what_check_says(
        client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    folder = tmp_path / "specs"
    shutil.copytree(specs_folder(), folder, ignore=lambda _, names: [n for n in names if not n.endswith(".net")])
    chance = random.Random(EDITS)
    specs = sorted(folder.glob("*.net"))
    each = 8
    for path in chance.sample(specs, min(len(specs), max(1, EDITS // each))):
        original = path.read_text(encoding="utf-8")
        uri, text, before = path.as_uri(), original, [original]
        said = await opened(client, uri, text)
        for version in range(2, 2 + max(each, EDITS // len(specs))):
            want = checked(path, text, capsys)
            assert told(text, said, want) == want, text
            undo = len(before) > 1 and chance.random() < 0.35
            new = before.pop() if undo else edit(chance, text)
            if new == text:
                continue
            if not undo:
                before.append(text)
            where, put = change(text, new)
            text = new
            early = [asyncio.ensure_future(asked(client, uri, name, where.start, text)) for name in chance.sample(QUESTIONS, 2)]
            said = await changed(client, uri, version, put, where)  # the answers may come after the edit
            await asyncio.gather(*early)
            for name in chance.sample(QUESTIONS, 2):
                await asked(client, uri, name, where.start, text)
        path.write_text(original, encoding="utf-8")
        client.text_document_did_close(t.DidCloseTextDocumentParams(t.TextDocumentIdentifier(uri)))
    assert not [m for m in client.messages if "rror in server" in m.message]


async def asked(client, uri: str, name: str, where: t.Position, text: str) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    """A question has an answer, which may be a refusal."""
    try:
        await asyncio.wait_for(question(client, uri, name, where), 60)
    except JsonRpcException as e:
        if e.code not in (-32803, -32801):
            raise AssertionError(name, where, text) from e
