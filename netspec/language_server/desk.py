"""The open pages, each with the last that is known of it: findings of the text as it was checked last, and for each net the last
numbers that were good, which hold for the lines that have not changed since."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import monotonic, thread_time
from typing import Any

from ..diagnostics import Diagnostic, NetspecError
from ..ir.graph import Graph
from ..reading import Outside, placed
from ..source import Source
from ..syntax.load import read_source, specs_folder, unsaved
from .drawn import drawn
from .findings import findings
from .hovering import code_of
from .mending import Mending, broken_by, mendings
from .names import Meant, Page
from .numbers import NetNumbers, Run, numbers, one_line_loops
from .pieces import Content, Piece, formatted, pieces_of
from .text import Edit, Place, Text, moved_lines

_REFERENCE = re.compile(r"@\w+(?:\.\w+)*")
MOMENT, LONG = 0.5, 0.3  # seconds
NEIGHBOURS = 200  # specs beside a page that are looked at for a name


@dataclass(frozen=True)
class Checked:
    """What a check of one text gave."""

    text: Text
    found: tuple[Diagnostic, ...]
    numbers: tuple[NetNumbers, ...]
    parts: tuple[NetNumbers, ...]  # of nets that are wrong, the lines that depend on no mistake
    seconds: float  # of the processor
    looked: float  # of these, at files


class Document:
    """A page that is open. `name` is its file, or what stands for one."""

    def __init__(self, desk: Desk, name: str, folder: str | None, text: Text, version: int | None):
        self.desk, self.name, self.folder = desk, name, folder
        self.numbers: dict[str, NetNumbers] = {}
        self.parts: dict[str, NetNumbers] = {}
        self.checked: Checked | None = None
        self.known: dict[Any, int | None] = {}  # what layers cost
        self._moved: dict[int, tuple[Sequence[str], dict[int, int]]] = {}
        self.looks = True  # at files, in the next check: where that takes long, only when the page is opened or saved
        self._rows: dict[str, Content] = {}
        self._runs: dict[int, list[Run]] | None = None
        self.version = version
        self.text, self.page = text, self._paged(text, ())

    def write(self, text: Text, version: int | None) -> None:
        """The page has another text."""
        if text.content != self.text.content:
            self.page = self._paged(text, self.page.pieces)
            self.text = text
            self._moved, self._runs = {}, None
            self.desk.forget()
        self.version = version

    def stale(self) -> None:
        """What it imports has changed, so that whatever is known of it was found in another text, or is being found."""
        self.text = Text(self.text.content)
        self._moved, self._runs = {}, None

    @cached_property
    def place(self) -> str | None:
        """Where its file lies, or would; None where it is none."""
        return os.path.realpath(self.name) if self.folder is not None else None

    def _paged(self, text: Text, known: tuple[Piece, ...]) -> Page:
        return Page(self.name, pieces_of(text, known), lambda path: self.desk.imported(self, path))

    @property
    def source(self) -> Source:
        return Source(self.name, self.text.spec, self.folder)

    # ---------------------------------------------------------------- checking
    def read(self, ask: Callable[[], object]) -> None:
        """Find the names of the page, so that nobody waits for them later. `ask` may wait, or raise, between two parts of it;
        within one it must not, as whoever wants the same part waits for it."""
        for p in self.page.pieces:
            for _ in p.content.read():
                ask()

    def check(self) -> Checked:
        """Check the text as it stands. Another thread may do it: nothing here changes."""
        text, source = self.text, self.source
        started = thread_time()
        with unsaved(self.desk.standing()):
            found = findings(source, self.looks)
        loops = one_line_loops(found.module.items if found.module is not None else ())

        def numbered(graphs: Iterable[Graph]) -> Iterator[NetNumbers]:
            for graph in graphs:
                with suppress(NetspecError):  # a user's word whose formulas are wrong
                    yield numbers(graph, self.name, text.lines, loops, self.known)

        whole, parts = tuple(numbered(found.graphs.values())), tuple(numbered(found.parts.values()))
        return Checked(text, found.found, whole, parts, thread_time() - started, found.looked)

    def settle(self, checked: Checked) -> None:
        """Take in what a check gave. A net that is broken now keeps the numbers it had, besides those of what it has now."""
        self.checked = checked
        whole = not any(d.severity == "error" for d in checked.found)
        if whole:
            self.numbers = {}
        self._runs = None
        self.looks = self.looks and checked.looked < LONG
        self.numbers |= {n.net: n for n in checked.numbers}
        self.parts = {n.net: n for n in checked.parts}

    @property
    def current(self) -> bool:
        """Whether the text is the one that was checked last."""
        return self.checked is not None and self.checked.text is self.text

    # ---------------------------------------------------------------- numbers
    def moved(self, lines: Sequence[str]) -> dict[int, int]:
        """Where lines of an earlier text are now."""
        key = id(lines)
        if key not in self._moved:
            self._moved[key] = lines, ({k: k for k in range(1, len(lines) + 1)} if lines is self.text.lines
                                       else moved_lines(lines, self.text.lines))
        return self._moved[key][1]

    def runs(self) -> dict[int, list[Run]]:
        """What each line made, as far as it is known: lines that changed since have no numbers."""
        if self._runs is None:
            self._runs = {}
            for net in self.numbers | self.parts:
                for line, found in self._runs_of(net).items():
                    self._runs.setdefault(line, []).extend(found)
        return self._runs

    def _runs_of(self, net: str) -> dict[int, list[Run]]:
        """Of one net: the last good ones, and of one that is wrong now those that it has, unless a line ran more often before."""
        out: dict[int, list[Run]] = {}
        for n in filter(None, (self.numbers.get(net), self.parts.get(net))):
            now = self.moved(n.text)
            out |= {now[line]: found for line, found in n.lines.items()
                    if line in now and len(found) >= len(out.get(now[line], ()))}
        return out

    def made_by(self, lines: range, inside: bool = True) -> dict[str, int]:
        """The steps that lines made, as these lines call them, and the line of each; what is `inside` of them too."""
        out: dict[str, int] = {}
        for n in (*self.numbers.values(), *self.parts.values()):
            now = self.moved(n.text)
            for line, found in (*n.names.items(), *(n.inside.items() if inside else ())):
                if now.get(line) in lines:
                    out |= dict.fromkeys(found, now[line])
        return out

    def refers(self, line: int, column: int) -> re.Match[str] | None:
        """The reference that stands at a place, if one does."""
        return next((m for m in _REFERENCE.finditer(self.text.line(line)) if m.start() < column <= m.end() + 1), None)

    def unlabelled(self, line: int, column: int) -> int | None:
        """The line that a reference means by a kind and a number: `@conv2`. None where it means none, or one with a label."""
        at = self.page.piece_at(line)
        written = self.refers(line, column)
        if at is None or written is None:
            return None
        before = range(at[0].before + 1, line)
        path = written[0][1:]
        cut = path.find(".", column - written.start() - 2 if column - written.start() > 1 else 0)
        name = path if cut < 0 else path[:cut]
        lines = [k for made, k in self.made_by(before, inside=False).items()
                 if made == name or made.endswith(f".{name}") or made.startswith(f"{name}.")]
        return max(lines, default=None)

    def referring(self, line: int) -> list[Place]:
        """Where its piece refers to what a line made by a kind and a number."""
        at = self.page.piece_at(line)
        out = []
        for k in range(line + 1, at[0].before + len(at[0].content.lines) + 1) if at is not None else ():
            for m in _REFERENCE.finditer(code_of(self.text.line(k))):
                if self.page.at(k, m.start() + 2) is None and self.unlabelled(k, m.start() + 2) == line:
                    first = m[0].partition(".")[0]
                    out.append(Place(k, m.start() + 2, k, m.start() + 1 + len(first)))
        return out

    def step_at(self, line: int) -> Place:
        """The step of a line, which gives a node its kind and number for a name."""
        text = self.text.line(line)
        return Place(line, len(text) - len(text.lstrip()) + 1, line, len(text) + 1)

    # ---------------------------------------------------------------- what is asked of it
    def mendings(self, d: Diagnostic) -> list[Mending]:
        known = self.checked.found if self.checked is not None and self.checked.text is self.text else None
        with unsaved(self.desk.standing()):
            return mendings(self.text, self.page, self.source, d, known)

    def broken_by(self, edits: Mapping[str, Sequence[Edit]]) -> Diagnostic | None:
        """A mistake that edits of this page and of others, by their names, would make here."""
        before = self.desk.standing()
        after = before | {os.path.realpath(where): self.desk.text_of(page).with_edits(found).spec
                          for where, found in edits.items() if (page := self.desk.at(where)) is not None}
        return broken_by(edits.get(self.name, ()), self.text, self.page, self.source, (before, after))

    def drawn(self, net: str) -> str:
        """The drawing of a net of it, as SVG. Raises NetspecError where the text is wrong."""
        with unsaved(self.desk.standing()):
            return drawn(self.source, net)

    def formatted(self) -> list[str] | None:
        """Its lines in canonical form; None where it cannot be read."""
        return formatted(self.page.pieces, self._rows)


@dataclass(eq=False)
class Desk:
    """The pages that are open, by what the editor calls them; others are read where an import leads to them."""

    documents: dict[str, Document] = field(default_factory=dict)
    _read: dict[str, tuple[int, Page]] = field(default_factory=dict)
    _led: dict[tuple[str | None, str], tuple[float, Page | None]] = field(default_factory=dict)

    def open(self, uri: str, path: str | None, content: str, version: int | None) -> Document:
        name = os.path.abspath(path) if path else f"<{uri[:200]}>"
        made = Document(self, name, os.path.dirname(name) if path else None, Text(content), version)
        before = self.documents.get(uri)
        if before is not None:
            made.numbers, made.parts, made.known = before.numbers, before.parts, before.known
        self.documents[uri] = made
        self.forget()
        return made

    def close(self, uri: str) -> Document | None:
        self.forget()
        return self.documents.pop(uri, None)

    def forget(self) -> None:
        """A page has changed: where imports led may be another one now."""
        self._led.clear()

    def standing(self) -> dict[str, str]:
        """The texts of open pages by where their files lie: what imports read instead of these."""
        return {d.place: d.text.spec for d in list(self.documents.values()) if d.place is not None}

    def text_of(self, page: Page) -> Text:
        """The text of a page, open or not."""
        d = next((d for d in self.documents.values() if d.page is page), None)
        return d.text if d is not None else Text("\n".join(p.content.text for p in page.pieces))

    def importers(self, document: Document) -> list[str]:
        """The other open pages that import a page, be it through others."""
        return [uri for uri, d in self.documents.items() if d is not document and self._leads(d.page, document.name)]

    def _leads(self, page: Page, where: str) -> bool:
        seen, todo = set[str](), [page]
        while todo:
            one = todo.pop()
            for path in {n.file for _, n in one.names if n.file is not None}:
                other = one.other(path)
                if other is not None and other.where not in seen:
                    if os.path.realpath(other.where) == os.path.realpath(where):
                        return True
                    seen.add(other.where)
                    todo.append(other)
        return False

    def imported(self, document: Document, path: str) -> Page | None:
        """The page that an import of a document leads to: an open one, or a file where the language would look for it. A moment
        later it is taken to be the same."""
        key, now = (document.folder, path), monotonic()
        led = self._led.get(key)
        if led is None or now - led[0] > MOMENT:
            led = self._led[key] = now, self._imported(document, path)
        return led[1]

    def _imported(self, document: Document, path: str) -> Page | None:
        for folder in (Path(document.folder or os.getcwd()), self.packaged):
            try:
                place = placed(path, folder.resolve())
                if place.is_file() or any(d.place == str(place) for d in self.documents.values()):
                    return self.at(str(place))
            except (Outside, OSError, ValueError):
                continue
        return None

    @cached_property
    def packaged(self) -> Path:
        return specs_folder().resolve()

    def at(self, path: str) -> Page | None:
        """The page of a file: as it is open, else as it lies there."""
        where = os.path.realpath(path)
        for d in self.documents.values():
            if d.place == where:
                return d.page
        try:
            stamp = os.stat(path).st_mtime_ns
            had = self._read.get(path)
            if had is None or had[0] != stamp:
                text = Text(read_source(path, packaged=False).text)
                folder = os.path.dirname(path)
                standing = Document(self, path, folder, text, None)
                had = self._read[path] = stamp, standing.page
            return had[1]
        except (NetspecError, OSError, ValueError):
            return None

    def pages_with(self, document: Document, meant: Meant) -> list[Page]:
        """The pages that may use a name: its own, the asking one, open ones, and specs beside it that import from it."""
        pages = {meant.page.where: meant.page, document.page.where: document.page}
        if meant.shared:
            for d in self.documents.values():
                pages.setdefault(d.name, d.page)
            home = Path(meant.page.where)
            if home.is_file():
                for path in sorted(home.parent.glob("*.net"))[:NEIGHBOURS]:
                    page = pages.get(str(path)) or self.at(str(path))
                    if page is not None and any(meant.name == i.name for _, n in page.names for i in n.imported):
                        pages.setdefault(page.where, page)
        return list(pages.values())

    def may_write(self, page: Page) -> bool:
        """What comes with netspec is not the user's to rewrite."""
        return not Path(page.where).is_relative_to(self.packaged) or any(d.page is page for d in self.documents.values())
