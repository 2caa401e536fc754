"""What the desk knows, in the words of the protocol: places, edits, findings, the list of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lsprotocol import types as t
from pygls.uris import from_fs_path

from ..diagnostics import Diagnostic
from . import outline
from .desk import Desk, Document
from .names import Page
from .text import Edit, Place, Text
from .words import Item

SEVERITY = {"error": t.DiagnosticSeverity.Error, "warning": t.DiagnosticSeverity.Warning,
            "note": t.DiagnosticSeverity.Information}
S = t.SymbolKind
KINDS = {"net": S.Class, "block": S.Function, "constant": S.Constant, "import": S.Module, "train": S.Event, "parameter": S.Variable,
         "label": S.Field, "input": S.Interface, "output": S.Interface}
K = t.CompletionItemKind
ITEMS = {"layer": K.Function, "block": K.Class, "net": K.Class, "structure": K.Keyword, "word": K.Keyword, "setting": K.Keyword,
         "option": K.Property, "switch": K.EnumMember, "value": K.Value, "label": K.Field, "node": K.Field, "input": K.Interface,
         "output": K.Interface, "parameter": K.Variable, "constant": K.Constant, "file": K.File, "attribute": K.Property,
         "function": K.Method, "optimiser": K.Function}


class Wire:
    """Words of the protocol, with places in the units that the editor and the server agreed on."""

    def __init__(self, desk: Desk):
        self.desk = desk
        self.encoding = "utf-16"

    def range(self, text: Text, place: Place) -> t.Range:
        start = text.position(place.line, place.column, self.encoding)
        end = text.position(place.end_line, place.end_column, self.encoding)
        return t.Range(t.Position(*start), t.Position(*max(start, end)))

    def edits(self, text: Text, edits: Iterable[Edit]) -> list[t.TextEdit]:
        return [t.TextEdit(self.range(text, e.place), e.text) for e in edits]

    def uri(self, where: str) -> str:
        """What the editor calls a page."""
        for uri, d in self.desk.documents.items():
            if d.name == where:
                return uri
        return str(from_fs_path(where))

    def location(self, page: Page, place: Place) -> t.Location:
        return t.Location(self.uri(page.where), self.range(self.desk.text_of(page), place))

    def mistake(self, d: Document, text: Text, found: Diagnostic) -> t.Diagnostic:
        """A finding; one of an imported file stands at the import."""
        labels = [x for x in found.labels if x.span.source.name == d.name]
        rest = [x for x in found.labels if x not in labels[:1]]
        place = labels[0].span[1:] if labels else self.imports(d, found)
        said = found.title + (f": {found.labels[0].text}" if found.labels and found.labels[0].text else "")
        lines = [said, *found.notes, *([f"hint: {found.hint}"] if found.hint else []), *found.trail]
        related = [t.DiagnosticRelatedInformation(
            t.Location(self.uri(x.span.source.name), self.range(Text(x.span.source.text), Place(*x.span[1:]))),
            x.text or found.title) for x in rest if not x.span.source.name.startswith("<") or x.span.source.name == d.name]
        return t.Diagnostic(self.range(text, Place(*place)), "\n".join(lines), SEVERITY[found.severity], found.code, None,
                            "netspec", [t.DiagnosticTag.Unnecessary] if found.code == "unused" else None, related or None)

    def imports(self, d: Document, found: Diagnostic) -> Place:
        """The import that leads to where something was found; the first line where none does."""
        where = found.span.source.name if found.span is not None else ""
        for piece, own in d.page.names:
            page = d.page.other(own.file) if own.file is not None else None
            if page is not None and Path(page.where).name == Path(where).name:
                return piece.placed(own.imported[0].whole)
        return Place(1, 1, 1, len(d.text.line(1)) + 1)

    def workspace_edit(self, edits: dict[str, list[Edit]]) -> t.WorkspaceEdit:
        changes = {}
        for where, found in edits.items():
            d = next((d for d in self.desk.documents.values() if d.name == where), None)
            page = d.page if d is not None else self.desk.at(where)
            if page is not None:
                changes[self.uri(where)] = self.edits(self.desk.text_of(page), found)
        return t.WorkspaceEdit(changes)

    def symbol(self, text: Text, s: outline.Symbol) -> t.DocumentSymbol:
        whole, own = self.range(text, s.whole), self.range(text, s.place)
        if not (whole.start <= own.start and own.end <= whole.end):
            own = t.Range(whole.start, whole.start)
        inside = [self.symbol(text, x) for x in s.inside]
        return t.DocumentSymbol(s.name or "?", KINDS[s.sort], whole, own, s.detail or None, children=inside)

    def flat(self, uri: str, text: Text, symbols: Sequence[outline.Symbol]) -> list[t.SymbolInformation]:
        """The list for an editor that knows no list in a list."""
        out: list[t.SymbolInformation] = []
        todo: list[tuple[outline.Symbol, str | None]] = [(s, None) for s in reversed(symbols)]
        while todo:
            s, inside = todo.pop()
            place = t.Location(uri, self.range(text, s.whole))
            out.append(t.SymbolInformation(place, s.name or "?", KINDS[s.sort], container_name=inside))
            todo += [(x, s.name) for x in reversed(s.inside)]
        return out

    def items(self, items: Iterable[Item], where: t.Range) -> list[t.CompletionItem]:
        """What may be written, in the order in which it is to be shown."""
        return [t.CompletionItem(i.label, kind=ITEMS.get(i.sort, K.Text), detail=i.detail or i.sort, sort_text=f"{k:04}",
                                 text_edit=t.TextEdit(where, i.insert or i.label), data=i.about) for k, i in enumerate(items)]
