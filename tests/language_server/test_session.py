"""A session of a real client with `netspec lsp`, as an editor has one: everything through standard input and output."""

from __future__ import annotations

import asyncio
import random
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")
pytest.importorskip("pytest_lsp")

import pytest_lsp
from lsprotocol import types as t
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

pytestmark = [pytest.mark.lsp, pytest.mark.asyncio(loop_scope="module")]  # one server for all

GOOD = """block unit(n, stride=1):
  residual: conv n 3x3 /stride bn
  shortcut if stride != 1: conv n 1x1 /stride bn
  relu

net small(classes=10):
  input 3x32x32
  keep: conv 16 3x3 bn relu
  stage: unit 16 /2
  up @keep
  concat @keep
  avgpool global
  fc classes

train small:
  loss cross_entropy
  sgd lr=0.1
"""


def config():  # type: ignore[no-untyped-def]
    return pytest_lsp.ClientServerConfig(server_command=[sys.executable, "-m", "netspec", "lsp", "--stdio"])


@pytest_lsp.fixture(config=config(), scope="module", loop_scope="module")
async def client(lsp_client: LanguageClient):  # type: ignore[no-untyped-def]
    capabilities = pytest_lsp.client_capabilities("visual-studio-code")
    capabilities.general.position_encodings = [t.PositionEncodingKind.Utf16]
    for refreshed in (t.WORKSPACE_CODE_LENS_REFRESH, t.WORKSPACE_INLAY_HINT_REFRESH):  # as these capabilities say it can
        lsp_client.feature(refreshed)(lambda _: None)
    lsp_client.capabilities_of_server = (await lsp_client.initialize_session(t.InitializeParams(capabilities))).capabilities
    yield
    await lsp_client.shutdown_session()


@pytest_lsp.fixture(config=config(), scope="module", loop_scope="module")
async def plain(lsp_client: LanguageClient):  # type: ignore[no-untyped-def]
    """A client that can do next to nothing, and counts in bytes."""
    capabilities = t.ClientCapabilities(general=t.GeneralClientCapabilities(position_encodings=["utf-8"]))
    lsp_client.capabilities_of_server = (await lsp_client.initialize_session(t.InitializeParams(capabilities))).capabilities
    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    """A page for each test."""
    return f"file:///nowhere/{request.node.name}.net"


def doc(uri: str) -> t.TextDocumentIdentifier:
    return t.TextDocumentIdentifier(uri)


def whole(text: str) -> t.Range:
    return t.Range(t.Position(0, 0), t.Position(text.count("\n") + 1, 0))


async def told(client, uri: str) -> list[t.Diagnostic]:  # type: ignore[no-untyped-def]
    """What is said of a page, as soon as it is; what was said before is forgotten."""
    for _ in range(1200):
        if uri in client.diagnostics:
            return list(client.diagnostics[uri])
        await asyncio.sleep(0.05)
    raise TimeoutError(uri)


async def opened(client, uri: str, text: str) -> list[t.Diagnostic]:  # type: ignore[no-untyped-def]
    client.diagnostics.pop(uri, None)
    client.text_document_did_open(t.DidOpenTextDocumentParams(t.TextDocumentItem(uri, "netspec", 1, text)))
    return await told(client, uri)


async def changed(client, uri: str, version: int, text: str,  # type: ignore[no-untyped-def]
                  where: t.Range | None = None) -> list[t.Diagnostic]:
    change = t.TextDocumentContentChangeWholeDocument(text) if where is None else t.TextDocumentContentChangePartial(where, text)
    client.diagnostics.pop(uri, None)
    client.text_document_did_change(t.DidChangeTextDocumentParams(t.VersionedTextDocumentIdentifier(version, uri), [change]))
    return await told(client, uri)


def at(text: str, word: str, nth: int = 0) -> t.Position:
    start = [m.start() for m in re.finditer(re.escape(word), text)][nth]
    before = text[:start]
    return t.Position(before.count("\n"), start - before.rfind("\n") - 1)


def edited(text: str, edits: list[t.TextEdit]) -> str:
    """What a client makes of edits: from the last to the first."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def offset(p: t.Position) -> int:
        return min(starts[p.line] + p.character, len(text)) if p.line < len(lines) else len(text)

    for e in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character))[::-1]:
        text = text[: offset(e.range.start)] + e.new_text + text[offset(e.range.end) :]
    return text


async def test_what_it_says_it_can(client) -> None:  # type: ignore[no-untyped-def]
    c = client.capabilities_of_server
    assert c.position_encoding == "utf-16" and c.text_document_sync.change == t.TextDocumentSyncKind.Incremental
    for able in (c.hover_provider, c.definition_provider, c.references_provider, c.document_symbol_provider,
                 c.folding_range_provider, c.inlay_hint_provider, c.code_lens_provider, c.code_action_provider, c.rename_provider,
                 c.document_formatting_provider, c.completion_provider):
        assert able


async def test_mistakes_as_one_types_and_hints_as_quick_fixes(client, uri) -> None:  # type: ignore[no-untyped-def]
    wrong = GOOD.replace("relu\n\nnet", "rleu\n\nnet").replace("sgd", "sdg")
    found = await opened(client, uri, wrong)
    assert [(d.code, d.severity, d.source) for d in found] == [("unknown-word", t.DiagnosticSeverity.Error, "netspec")] * 2
    assert [d.range.start for d in found] == [at(wrong, "rleu"), at(wrong, "sdg")]
    text = wrong
    for k in range(2):
        d = client.diagnostics[uri][0]
        actions = await client.text_document_code_action_async(t.CodeActionParams(doc(uri), d.range, t.CodeActionContext([d])))
        assert actions[0].kind == t.CodeActionKind.QuickFix and actions[0].is_preferred
        text = edited(text, actions[0].edit.changes[uri])
        await changed(client, uri, 2 + k, text)
    assert text == GOOD and not client.diagnostics[uri]
    where = at(GOOD, "conv 16")
    found = await changed(client, uri, 9, "cnov", t.Range(where, t.Position(where.line, where.character + 4)))
    assert [d.code for d in found] == ["unknown-word"]


async def test_numbers_at_the_ends_of_lines_above_nets_and_below_the_pointer(client, uri) -> None:  # type: ignore[no-untyped-def]
    await opened(client, uri, GOOD)
    hints = await client.text_document_inlay_hint_async(t.InlayHintParams(doc(uri), whole(GOOD)))
    said = {h.position.line: h for h in hints}
    assert said[7].label == "-> 16x32x32 · 464 · 442 k" and said[7].position.character == len(GOOD.split("\n")[7])
    assert said[1].label.startswith("-> 16x16x16")
    full = await client.inlay_hint_resolve_async(said[7])
    assert "464 parameters, 442,368 MACs" in full.tooltip.value
    [lens] = await client.text_document_code_lens_async(t.CodeLensParams(doc(uri)))
    assert re.fullmatch(r"[\d.]+ k · [\d.]+ MMACs · draw", lens.command.title) or lens.command.title.endswith("MACs · draw")
    assert lens.range.start == at(GOOD, "small(")
    asked = t.ExecuteCommandParams(lens.command.command, arguments=lens.command.arguments)
    drawing = await client.workspace_execute_command_async(asked)
    svg = drawing["svg"] if isinstance(drawing, dict) else drawing.svg
    assert svg.startswith("<svg") and "concat" in svg
    hover = await client.text_document_hover_async(t.HoverParams(doc(uri), at(GOOD, "conv 16")))
    assert "442,368 MACs" in hover.contents.value and "conv: a layer" in hover.contents.value


async def test_a_broken_page_still_completes_lists_and_has_its_last_numbers(client, uri) -> None:  # type: ignore[no-untyped-def]
    await opened(client, uri, GOOD)
    where = at(GOOD, "  fc classes")
    await changed(client, uri, 2, "  concat @\n  (((\n", t.Range(where, where))
    items = await client.text_document_completion_async(t.CompletionParams(doc(uri), t.Position(where.line, 10)))
    assert {"keep", "stage", "input", "avgpool1"} <= {i.label for i in items.items}
    steps = await client.text_document_completion_async(t.CompletionParams(doc(uri), t.Position(8, 9)))
    resolved = await client.completion_item_resolve_async(next(i for i in steps.items if i.label == "conv"))
    assert "Convolution" in resolved.documentation.value
    symbols = await client.text_document_document_symbol_async(t.DocumentSymbolParams(doc(uri)))
    assert [s.name for s in symbols] == ["unit", "small", "train small"]
    hints = await client.text_document_inlay_hint_async(t.InlayHintParams(doc(uri), whole(GOOD)))
    assert {h.position.line: h.label for h in hints}[7] == "-> 16x32x32 · 464 · 442 k"


async def test_names_are_found_and_changed(client, uri) -> None:  # type: ignore[no-untyped-def]
    await opened(client, uri, GOOD)
    use = at(GOOD, "@keep", 1)
    inside = t.Position(use.line, use.character + 2)
    [there] = await client.text_document_definition_async(t.DefinitionParams(doc(uri), inside))
    assert there.range == t.Range(at(GOOD, "keep:"), at(GOOD, ": conv 16"))
    found = await client.text_document_references_async(t.ReferenceParams(t.ReferenceContext(True), doc(uri), inside))
    assert [x.range.start.line for x in found] == [7, 9, 10]
    ready = await client.text_document_prepare_rename_async(t.PrepareRenameParams(doc(uri), inside))
    assert ready.placeholder == "keep"
    edit = await client.text_document_rename_async(t.RenameParams(doc(uri), inside, "kept"))
    assert edited(GOOD, edit.changes[uri]) == GOOD.replace("keep", "kept")
    edit = await client.text_document_rename_async(t.RenameParams(doc(uri), at(GOOD, "unit 16"), "part"))
    assert edited(GOOD, edit.changes[uri]) == GOOD.replace("unit", "part")
    with pytest.raises(Exception, match="taken"):
        await client.text_document_rename_async(t.RenameParams(doc(uri), at(GOOD, "unit 16"), "small"))


async def test_formatting_and_folding(client, uri) -> None:  # type: ignore[no-untyped-def]
    messy = GOOD.replace("conv 16 3x3", "conv   16  3x3").replace("\n\nnet", "\n\n\nnet")
    await opened(client, uri, messy)
    edits = await client.text_document_formatting_async(t.DocumentFormattingParams(doc(uri), t.FormattingOptions(2, True)))
    assert edited(messy, edits) == GOOD and len(edits) < 5
    folds = await client.text_document_folding_range_async(t.FoldingRangeParams(doc(uri)))
    assert (6, 13) in {(f.start_line, f.end_line) for f in folds}


async def test_bytes_where_they_are_agreed_on(plain, uri) -> None:  # type: ignore[no-untyped-def]
    assert plain.capabilities_of_server.position_encoding == "utf-8"
    text = "\ufeffnet a:  # grüße 😀\r\n  input 8\r\n  aé: fc 4 rleu\r\n"
    [d] = await opened(plain, uri, text)
    assert d.range == t.Range(t.Position(2, 12), t.Position(2, 16))  # é is two bytes
    symbols = await plain.text_document_document_symbol_async(t.DocumentSymbolParams(doc(uri)))
    assert {s.name for s in symbols} >= {"a", "aé"} and hasattr(symbols[0], "location")
    assert symbols[0].location.range.start == t.Position(0, 3)  # behind the mark, which is three


async def test_files_beside_a_page(client, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "parts.net").write_text("block unit:\n  relu\n", encoding="utf-8")
    main = tmp_path / "main.net"
    text = 'import unit from "parts.net"\n\nnet a:\n  input 8\n  unit\n  fc 2\n'
    main.write_text(text, encoding="utf-8")
    assert not await opened(client, main.as_uri(), text)
    [there] = await client.text_document_definition_async(t.DefinitionParams(doc(main.as_uri()), t.Position(4, 3)))
    assert there.uri == (tmp_path / "parts.net").as_uri() and there.range.start == t.Position(0, 6)
    (tmp_path / "parts.net").write_text("block unit:\n  rleu\n", encoding="utf-8")
    del client.diagnostics[main.as_uri()]
    client.text_document_did_save(t.DidSaveTextDocumentParams(doc((tmp_path / "parts.net").as_uri())))
    [d] = await told(client, main.as_uri())
    assert d.range.start == t.Position(4, 2) and "rleu" in d.message  # where it is called, and where it stands
    assert d.related_information[0].location.uri == (tmp_path / "parts.net").as_uri()


async def hints(client, uri: str) -> dict[int, str]:  # type: ignore[no-untyped-def]
    found = await client.text_document_inlay_hint_async(t.InlayHintParams(doc(uri), t.Range(t.Position(0, 0), t.Position(99, 0))))
    return {h.position.line: h.label for h in found}


async def test_a_page_that_is_imported_counts_as_it_is_open(client, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    texts = {"parts": "block unit(n=4):\n  conv n 3x3\n", "between": 'import unit from "parts.net"\n\nblock two:\n  unit\n  unit\n',
             "main": 'import two from "between.net"\n\nnet a:\n  input 3x8x8\n  two\n  fc 2\n'}
    for name, text in texts.items():
        (tmp_path / f"{name}.net").write_text(text, encoding="utf-8")
    main, parts = ((tmp_path / f"{name}.net").as_uri() for name in ("main", "parts"))
    assert not await opened(client, main, texts["main"]) and (await hints(client, main))[4].startswith("-> 4x8x8")
    assert not await opened(client, parts, texts["parts"])
    client.diagnostics.pop(main, None)
    await changed(client, parts, 2, texts["parts"].replace("n=4", "n=6"))
    assert not await told(client, main) and (await hints(client, main))[4].startswith("-> 6x8x8")
    client.diagnostics.pop(main, None)
    await changed(client, parts, 3, texts["parts"].replace("conv n", "cnov n"))
    [d] = await told(client, main)
    assert "cnov" in d.message
    client.diagnostics.pop(main, None)
    client.text_document_did_close(t.DidCloseTextDocumentParams(doc(parts)))
    assert not await told(client, main) and (await hints(client, main))[4].startswith("-> 4x8x8")
    new = (tmp_path / "new.net").as_uri()  # no file yet
    assert await changed(client, main, 2, texts["main"].replace("between", "new"))
    client.diagnostics.pop(main, None)
    assert not await opened(client, new, "block two:\n  conv 7 3x3\n")
    assert not await told(client, main) and (await hints(client, main))[4].startswith("-> 7x8x8")


@pytest.mark.parametrize("held", [False, True], ids=["closed", "open"])
async def test_what_is_imported_is_renamed_where_it_is_used(client, tmp_path: Path,  # type: ignore[no-untyped-def]
                                                            held: bool) -> None:
    (tmp_path / "parts.net").write_text("block unit:\n  conv 4 3x3\n", encoding="utf-8")
    text = 'import unit from "parts.net"\n\nnet a:\n  input 3x8x8\n  unit\n  fc 2\n'
    main, parts = (tmp_path / "main.net").as_uri(), (tmp_path / "parts.net").as_uri()
    await opened(client, main, text)
    if held:
        await opened(client, parts, "# mine\nblock unit:\n  conv 4 3x3\n")
    made = await client.text_document_rename_async(t.RenameParams(doc(main), t.Position(4, 3), "block1"))
    assert edited(text, made.changes[main]) == text.replace("unit", "block1")
    assert [e.range.start for e in made.changes[parts]] == [t.Position(1 if held else 0, 6)]
    with pytest.raises(JsonRpcException, match="`a`"):
        await client.text_document_rename_async(t.RenameParams(doc(main), t.Position(4, 3), "a"))


QUESTIONS = ("hover", "completion", "definition", "references", "rename", "prepare_rename", "document_highlight",
             "document_symbol", "folding_range", "inlay_hint", "code_lens", "formatting", "code_action")
KEYS = ("", "@", "\n", "  ", "(", "conv ", "net a:", "\t", '"', "é😀", "=", "repeat 3 as i: x[i]: ", "# ", "import a from", "->", "|")


def question(client, uri: str, name: str, where: t.Position):  # type: ignore[no-untyped-def]
    more = {"references": {"context": t.ReferenceContext(True)}, "rename": {"new_name": "other"},
            "inlay_hint": {"range": t.Range(t.Position(0, 0), where)}, "formatting": {"options": t.FormattingOptions(2, True)},
            "code_action": {"range": t.Range(where, where), "context": t.CodeActionContext([])}}.get(name, {})
    place = {"position": where} if name in QUESTIONS[:7] else {}
    kind = {"formatting": "DocumentFormatting", "references": "Reference"}.get(name) or name.title().replace("_", "")
    return getattr(client, f"text_document_{name}_async")(getattr(t, f"{kind}Params")(text_document=doc(uri), **place, **more))


async def test_whatever_is_typed_every_question_has_an_answer(client, uri) -> None:  # type: ignore[no-untyped-def]
    """Keys at random, in a text that is never whole; answers may be refusals, and none is a fault of the server."""
    chance = random.Random(11)
    client.text_document_did_open(t.DidOpenTextDocumentParams(t.TextDocumentItem(uri, "netspec", 0, GOOD)))
    text = GOOD
    for version in range(1, 40):
        a = chance.randint(0, len(text))
        b = min(len(text), a + chance.choice([0, 0, 1, 4, 30]))
        new = chance.choice(KEYS)

        def position(k: int) -> t.Position:
            before = text[:k]  # noqa: B023
            start = before.rfind("\n") + 1
            return t.Position(before.count("\n"), len(before[start:].encode("utf-16-le")) // 2)

        change = t.TextDocumentContentChangePartial(t.Range(position(a), position(b)), new)
        client.text_document_did_change(t.DidChangeTextDocumentParams(t.VersionedTextDocumentIdentifier(version, uri), [change]))
        text = text[:a] + new + text[b:]
        where = chance.choice([position(min(a + len(new), len(text))), t.Position(chance.randint(0, 40), chance.randint(0, 60))])
        for name in chance.sample(QUESTIONS, 4):
            try:
                await asyncio.wait_for(question(client, uri, name, where), 30)
            except JsonRpcException as e:
                if e.code not in (-32803, -32801):
                    raise AssertionError(name, where, text) from e
    await question(client, uri, "code_action", t.Position(0, 0))  # waits for the check that is under way
    await changed(client, uri, 99, "net z:\n  input 4\n  fc 2\n")
    assert not client.diagnostics[uri] and not [m for m in client.messages if "rror in server" in m.message]
