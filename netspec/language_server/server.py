"""`netspec lsp`: the Language Server Protocol (3.17) on standard input and output. Questions are answered by the desk; here they
are put into its words and its answers into the protocol's.

One page is checked at a time, by a thread of its own, a moment after the last key. It lets answers go first, and ends where the
page has changed (turns.py). Names, the outline and completion never wait for it; numbers are those of the last check, or of this
one where it takes no longer than a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from lsprotocol import types as t
from pygls.exceptions import JsonRpcContentModified, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from ..diagnostics import Diagnostic, NetspecError
from ..interruptions import asked
from ..version import __version__
from . import completion, hovering, names, numbers, outline, words
from .desk import Checked, Desk, Document
from .names import Occurrence
from .protocol import Protocol, Refused
from .text import Edit, Place, Text
from .turns import Superseded
from .wire import Wire

PAUSE = 0.15  # seconds without a key before a page is checked
SOON = 0.2  # a check that took the processor no longer the last time is waited for
DRAW = "netspec.draw"


class Server(LanguageServer):  # type: ignore[misc]
    """The desk, the checks under way, and the answers."""

    def __init__(self) -> None:
        super().__init__("netspec", __version__, t.TextDocumentSyncKind.Incremental, protocol_cls=Protocol)
        self.desk = Desk()
        self.wire = Wire(self.desk)
        self.checks: dict[str, asyncio.Task[None]] = {}
        self.hurried: dict[str, asyncio.Event] = {}
        self.stale: set[str] = set()  # pages of which an answer had old numbers
        self.checker = ThreadPoolExecutor(1, "check")
        self.asked = ThreadPoolExecutor(1, "asked")
        self.drawings: Path | None = None
        self.over = False
        self.pane = False  # whether the editor has one for drawings
        for method, take in ((t.TEXT_DOCUMENT_DID_OPEN, self.opened), (t.TEXT_DOCUMENT_DID_CHANGE, self.changed),
                             (t.TEXT_DOCUMENT_DID_CLOSE, self.closed)):
            self.protocol.fm.add_builtin_feature(method, take)
        for method, (answer, *options) in self.answers().items():
            self.feature(method, *options)(partial(answer))
        self.command(DRAW)(partial(self.draw))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """A fault of the server's is shown; what an editor asked wrongly, it has been answered."""
        if not isinstance(error, JsonRpcInvalidParams):
            super().report_server_error(error, source)

    def answers(self) -> dict[str, tuple[Any, ...]]:
        return {
            t.INITIALIZE: (self.begun,),
            t.TEXT_DOCUMENT_DID_SAVE: (self.saved,),
            t.WORKSPACE_DID_CHANGE_WATCHED_FILES: (self.files_changed,),
            t.SHUTDOWN: (self.ended,),
            t.TEXT_DOCUMENT_CODE_ACTION: (self.code_action, t.CodeActionOptions(code_action_kinds=[t.CodeActionKind.QuickFix])),
            t.TEXT_DOCUMENT_INLAY_HINT: (self.inlay_hint, t.InlayHintOptions(resolve_provider=True)),
            t.INLAY_HINT_RESOLVE: (self.told,),
            t.TEXT_DOCUMENT_CODE_LENS: (self.code_lens,),
            t.TEXT_DOCUMENT_HOVER: (self.hover,),
            t.TEXT_DOCUMENT_COMPLETION: (self.completion, t.CompletionOptions(["@", ".", "=", "/", '"'], resolve_provider=True)),
            t.COMPLETION_ITEM_RESOLVE: (self.resolved,),
            t.TEXT_DOCUMENT_DEFINITION: (self.definition,),
            t.TEXT_DOCUMENT_REFERENCES: (self.references,),
            t.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: (self.highlight,),
            t.TEXT_DOCUMENT_PREPARE_RENAME: (self.prepare_rename,),
            t.TEXT_DOCUMENT_RENAME: (self.rename, t.RenameOptions(prepare_provider=True)),
            t.TEXT_DOCUMENT_FORMATTING: (self.formatting,),
            t.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (self.symbols,),
            t.TEXT_DOCUMENT_FOLDING_RANGE: (self.folds,),
        }

    # ---------------------------------------------------------------- places
    def at(self, params: Any) -> tuple[Document, int, int] | None:
        """The page and the place that a question is about; None where the page is not open."""
        d = self.desk.documents.get(params.text_document.uri)
        return None if d is None else (d, *d.text.place(params.position.line, params.position.character, self.wire.encoding))

    # ---------------------------------------------------------------- texts come in
    def opened(self, params: Any) -> None:
        item = params.text_document
        d = self.desk.open(item.uri, self.path(item.uri), item.text, item.version)
        self.check_soon(item.uri, 0)
        self.check_importers(d)

    def path(self, uri: str) -> str | None:
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return path if path and "\0" not in path else None

    def changed(self, params: Any) -> None:
        uri = params.text_document.uri
        d = self.desk.documents.get(uri)
        if d is None:
            return
        text = d.text
        for change in params.content_changes:
            where = getattr(change, "range", None)
            if where is None:
                text = Text(change.text)
            else:
                start, end = (text.place(p.line, p.character, self.wire.encoding) for p in (where.start, where.end))
                text = text.replaced(start, end, change.text)
        d.write(text, params.text_document.version)
        self.check_soon(uri)
        self.check_importers(d)

    def check_importers(self, d: Document) -> None:
        """Open pages that import one are other pages when that is."""
        for uri in self.desk.importers(d):
            self.desk.documents[uri].stale()
            self.stale.add(uri)
            self.check_soon(uri)

    def closed(self, params: Any) -> None:
        uri = params.text_document.uri
        d = self.desk.close(uri)
        task = self.checks.pop(uri, None)
        if task is not None:
            task.cancel()
        if d is not None:
            self.check_importers(d)
        self.text_document_publish_diagnostics(t.PublishDiagnosticsParams(uri, []))

    def saved(self, params: Any) -> None:
        """Other pages may import what was saved."""
        for uri, d in self.desk.documents.items():
            if uri != params.text_document.uri or not d.looks:
                d.looks = True
                self.check_soon(uri)

    def files_changed(self, params: Any) -> None:
        for uri, d in self.desk.documents.items():
            d.looks = True
            self.check_soon(uri)

    def begun(self, params: Any) -> None:
        agreed = self.workspace.position_encoding
        self.wire.encoding = str(getattr(agreed, "value", agreed))
        options = params.initialization_options
        self.pane = isinstance(options, dict) and options.get("pane") is True
        self.asked.submit(words.learn)  # their files, before anybody asks for one

    def ended(self, *_: Any) -> None:
        self.over = True
        for task in self.checks.values():
            task.cancel()
        self.desk.documents.clear()

    # ---------------------------------------------------------------- checks
    def check_soon(self, uri: str, pause: float = PAUSE) -> None:
        before = self.checks.get(uri)
        if before is not None:
            before.cancel()
        self.hurried[uri] = asyncio.Event()
        self.checks[uri] = asyncio.ensure_future(self.check(uri, pause))

    async def check(self, uri: str, pause: float) -> None:
        """Check a page, and say what was found."""
        hurried = self.hurried[uri]
        if pause:
            with suppress(TimeoutError):
                await asyncio.wait_for(hurried.wait(), pause)
        d = self.desk.documents.get(uri)
        if d is None:
            return
        text, version = d.text, d.version
        try:
            checked = await asyncio.get_running_loop().run_in_executor(self.checker, self.checked, d, text)
        except Superseded:
            return
        if self.desk.documents.get(uri) is not d or d.text is not text:
            return
        d.settle(checked)
        self.text_document_publish_diagnostics(t.PublishDiagnosticsParams(
            uri, [self.wire.mistake(d, text, one) for one in checked.found], version))
        if uri in self.stale:
            self.stale.discard(uri)
            self.refresh()

    def checked(self, d: Document, text: Text) -> Checked:
        """Check a page, in the thread for that. Raises Superseded."""
        ask = self.protocol.turns.after_answers(lambda: d.text is text and not self.over)
        d.read(ask)
        with asked(ask):
            ask()
            return d.check()

    async def known(self, d: Document, uri: str, sure: bool = False) -> None:
        """Wait for the check that is under way, where that takes a moment, or nothing is known yet, or it must be `sure`."""
        while not d.current and (task := self.checks.get(uri)) is not None and not task.done():
            if not sure and d.checked is not None and d.checked.seconds >= SOON:
                self.stale.add(uri)
                return
            self.hurried[uri].set()
            self.protocol.turns.ends(question := self.protocol.msg_id)
            await asyncio.wait([task])
            self.protocol.turns.begins(question)

    def refresh(self) -> None:
        """Ask the editor to ask again for what it shows."""
        w = self.client_capabilities.workspace
        if w is not None and w.inlay_hint is not None and w.inlay_hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)
        if w is not None and w.code_lens is not None and w.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)

    # ---------------------------------------------------------------- mistakes
    async def code_action(self, params: t.CodeActionParams) -> list[t.CodeAction] | None:
        uri = params.text_document.uri
        d = self.desk.documents.get(uri)
        only = params.context.only
        if d is None or (only and not any("quickfix".startswith(str(getattr(k, "value", k))) for k in only)):
            return None
        await self.known(d, uri, sure=True)
        if d.checked is None or not d.current:
            return None
        text = d.text
        out: list[t.CodeAction] = []
        first, last = params.range.start.line, params.range.end.line
        for found in d.checked.found:
            said = self.wire.mistake(d, text, found)
            if found.hint is None or said.range.end.line < first or said.range.start.line > last:
                continue
            for m in await asyncio.get_running_loop().run_in_executor(self.asked, d.mendings, found):
                if d.text is not text:
                    raise JsonRpcContentModified
                change = self.wire.workspace_edit({d.name: list(m.edits)})
                out.append(t.CodeAction(m.title, t.CodeActionKind.QuickFix, [said], not out, edit=change))
        return out

    # ---------------------------------------------------------------- numbers
    async def with_numbers(self, params: Any) -> Document | None:
        """The page that is asked about, with its numbers as far as they are known; None where it is not open."""
        uri = params.text_document.uri
        d = self.desk.documents.get(uri)
        if d is not None:
            await self.known(d, uri)
        return d

    async def inlay_hint(self, params: t.InlayHintParams) -> list[t.InlayHint] | None:
        d, uri = await self.with_numbers(params), params.text_document.uri
        if d is None:
            return None
        out = []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        for line, runs in sorted(d.runs().items()):
            if first <= line <= last and runs:
                end = len(hovering.code_of(d.text.line(line)).rstrip()) + 1
                place = t.Position(*d.text.position(line, end, self.wire.encoding))
                out.append(t.InlayHint(place, numbers.hint(runs), t.InlayHintKind.Type, padding_left=True, data=[uri, line]))
        return out

    def told(self, hint: t.InlayHint) -> t.InlayHint:
        """All that a hint stands for, when somebody looks at it."""
        uri, line = hint.data if isinstance(hint.data, list) and len(hint.data) == 2 else ("", 0)
        d = self.desk.documents.get(uri) if isinstance(uri, str) else None
        runs = d.runs().get(line) if d is not None and isinstance(line, int) else None
        if runs:
            hint.tooltip = t.MarkupContent(t.MarkupKind.Markdown, "\n".join(f"- {fact}" for fact in numbers.listed(runs)))
        return hint

    async def code_lens(self, params: t.CodeLensParams) -> list[t.CodeLens] | None:
        d, uri = await self.with_numbers(params), params.text_document.uri
        if d is None:
            return None
        out = []
        for piece, own in d.page.names:
            net = own.own
            if net is None or net.sort != "net" or net.name not in d.numbers:
                continue
            title = f"{numbers.lens(d.numbers[net.name])} · draw"
            place = self.wire.range(d.text, piece.placed(net.place))
            out.append(t.CodeLens(place, t.Command(title, DRAW, arguments=[uri, net.name])))
        return out

    async def hover(self, params: t.HoverParams) -> t.Hover | None:
        at = self.at(params)
        if at is None:
            return None
        d, line, column = at
        await self.known(d, params.text_document.uri)
        found = hovering.hover(d.page, d.text, line, column, d.runs(), d.unlabelled(line, column))
        return found and t.Hover(t.MarkupContent(t.MarkupKind.Markdown, found.text), self.wire.range(d.text, found.place))

    # ---------------------------------------------------------------- writing
    def completion(self, params: t.CompletionParams) -> t.CompletionList | None:
        at = self.at(params)
        if at is None:
            return None
        d, line, column = at
        found = completion.complete(d.page, d.text, line, column, d.made_by)
        return t.CompletionList(False, self.wire.items(found.items, self.wire.range(d.text, found.place)))

    def resolved(self, item: t.CompletionItem) -> t.CompletionItem:
        """The page of a word, when somebody looks at it."""
        if isinstance(item.data, str):
            found = hovering.pages(item.data)
            if found:
                item.documentation = t.MarkupContent(t.MarkupKind.Markdown, "\n\n".join(hovering.fenced(p) for p in found))
        return item

    async def formatting(self, params: t.DocumentFormattingParams) -> list[t.TextEdit] | None:
        d = self.desk.documents.get(params.text_document.uri)
        if d is None:
            return None
        text = d.text
        lines = await asyncio.get_running_loop().run_in_executor(self.asked, d.formatted)
        if d.text is not text:
            raise JsonRpcContentModified
        return None if lines is None else self.wire.edits(text, text.towards(lines))

    # ---------------------------------------------------------------- names
    def occurrence(self, params: Any) -> tuple[Document, Occurrence] | None:
        at = self.at(params)
        found = at and at[0].page.at(*at[1:])
        return (at[0], found) if at and found else None

    async def definition(self, params: t.DefinitionParams) -> list[t.Location] | None:
        found = self.occurrence(params)
        if found is not None:
            meant = found[1].meant
            return [self.wire.location(meant.page, place) for place in meant.places]
        numbered = await self.numbered(params)
        return numbered and [self.wire.location(numbered[0].page, numbered[0].step_at(numbered[1]))]

    async def numbered(self, params: Any) -> tuple[Document, int] | None:
        """The page, and the line that is meant by a kind and a number."""
        at = self.at(params)
        if at is None or not at[0].refers(*at[1:]):
            return None
        await self.known(at[0], params.text_document.uri)
        there = at[0].unlabelled(*at[1:])
        return None if there is None else (at[0], there)

    async def references(self, params: t.ReferenceParams) -> list[t.Location] | None:
        found = self.occurrence(params)
        if found is None:
            numbered = await self.numbered(params)
            if numbered is None:
                return None
            d, there = numbered
            defined = [d.step_at(there)] if params.context.include_declaration else []
            return [self.wire.location(d.page, p) for p in (*defined, *d.referring(there))]
        d, o = found
        return [self.wire.location(page, x.place) for page in self.desk.pages_with(d, o.meant) for x in page.all_of(o.meant)
                if params.context.include_declaration or not x.defines]

    def highlight(self, params: t.DocumentHighlightParams) -> list[t.DocumentHighlight] | None:
        found = self.occurrence(params)
        if found is None:
            return None
        d, o = found
        kinds = (t.DocumentHighlightKind.Read, t.DocumentHighlightKind.Write)
        return [t.DocumentHighlight(self.wire.range(d.text, x.place), kinds[x.defines]) for x in d.page.all_of(o.meant)]

    def prepare_rename(self, params: t.PrepareRenameParams) -> t.PrepareRenamePlaceholder | None:
        found = self.occurrence(params)
        if found is None:
            return None
        d, o = found
        self.refusing(partial(self.may_rename, o))
        name = o.meant.name
        place = Place(*o.place[:3], o.place.column + len(name))
        return t.PrepareRenamePlaceholder(self.wire.range(d.text, place), name)

    async def rename(self, params: t.RenameParams) -> t.WorkspaceEdit | None:
        """A name that would be another's, here or further in, is refused."""
        found = self.occurrence(params)
        if found is None:
            return None
        d, o = found

        def edits() -> dict[str, list[Edit]]:
            self.may_rename(o)
            made = names.renamed(self.desk.pages_with(d, o.meant), o.meant, params.new_name)
            for one in dict.fromkeys((d, *self.desk.documents.values())):
                wrong = one.broken_by(made) if one.name in made else None
                if wrong is not None:
                    raise NetspecError(wrong)
            return made

        text = d.text
        made = await asyncio.get_running_loop().run_in_executor(self.asked, self.refusing, edits)
        if d.text is not text:
            raise JsonRpcContentModified
        return self.wire.workspace_edit(made)

    def may_rename(self, o: Occurrence) -> None:
        names.renamable(o)
        if not self.desk.may_write(o.meant.page):
            raise NetspecError(Diagnostic("usage", f"`{o.meant.name}` comes with netspec, and stays as it is"))

    def refusing(self, ask: Callable[[], Any]) -> Any:
        """What is refused is said where the editor shows it."""
        try:
            return ask()
        except NetspecError as e:
            raise Refused(e.diagnostics[0].title) from None

    def symbols(self, params: t.DocumentSymbolParams) -> list[t.DocumentSymbol] | list[t.SymbolInformation] | None:
        d = self.desk.documents.get(params.text_document.uri)
        if d is None:
            return None
        found = outline.symbols(d.page, d.text)
        c = self.client_capabilities.text_document
        if c is not None and c.document_symbol is not None and c.document_symbol.hierarchical_document_symbol_support:
            return [self.wire.symbol(d.text, s) for s in found]
        return self.wire.flat(params.text_document.uri, d.text, found)

    def folds(self, params: t.FoldingRangeParams) -> list[t.FoldingRange] | None:
        d = self.desk.documents.get(params.text_document.uri)
        if d is None:
            return None
        kinds = {"comment": t.FoldingRangeKind.Comment, "imports": t.FoldingRangeKind.Imports}
        return [t.FoldingRange(first - 1, last - 1, kind=kinds.get(kind)) for first, last, kind in outline.folds(d.text.lines)]

    # ---------------------------------------------------------------- drawings
    async def draw(self, uri: str, net: str) -> dict[str, str]:
        """The drawing of a net as it stands on the page: given back as SVG, and shown as a file where the editor can do that and
        has no pane of its own (`initializationOptions: {"pane": true}`)."""
        d = self.desk.documents.get(uri)
        if d is None:
            raise JsonRpcInvalidParams("the page is not open")
        try:
            svg: str = await asyncio.get_running_loop().run_in_executor(self.asked, d.drawn, net)
        except NetspecError as e:
            raise Refused(e.diagnostics[0].title) from None
        window = self.client_capabilities.window
        if not self.pane and window is not None and window.show_document is not None and window.show_document.support:
            self.drawings = self.drawings or Path(mkdtemp(prefix="netspec-"))
            file = self.drawings / f"{net}.svg"
            file.write_text(svg, encoding="utf-8")
            self.window_show_document(t.ShowDocumentParams(str(from_fs_path(str(file))), external=True))
        return {"net": net, "svg": svg}
