"""What may be written at a place. The line up to the cursor says what is expected; neither it nor the page need be readable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..elaborate.binding.expressions import ATTRIBUTES, FUNCTIONS
from ..reading import placed
from ..syntax.load import WEIGHTS, specs_folder
from . import words
from .hovering import code_of
from .names import Page
from .pieces import Piece
from .scopes import Named, Names, Scope
from .text import Place, Text
from .words import Item

DATA = (".npz", ".npy", ".csv", ".json", ".zip", ".tar", ".gz")  # and folders
MOST = 200  # files of a folder that are offered
_LEAD = re.compile(r"\s*(?:\|\s*)?(?:(?:output\s+)?[A-Za-z_]\w*(?:\[[^\]]*\])?\s*:(?!=)\s*)*")
_PART = re.compile(r'"[^"]*"|\S+')
_HEADED = re.compile(r"\s*(?:\w+:\s*)?(?:repeat|for|if|elif|shortcut|each|frozen|dense|residual|else|output\s+\w+)\b[^:]*:\s*")


@dataclass(frozen=True)
class Completion:
    """What may be written, and the range that it takes the place of: the word that is begun."""

    items: tuple[Item, ...]
    place: Place


@dataclass(frozen=True)
class _Where:
    page: Page
    piece: Piece | None
    names: Names | None
    line: int
    made: Callable[[range], Mapping[str, int]]  # nodes that lines made, by name

    @property
    def lines(self) -> range:
        """Those of the piece, down to this one."""
        return range(self.piece.before + 1, self.line) if self.piece is not None else range(0)


def complete(page: Page, text: Text, line: int, column: int,
             made: Callable[[range], Mapping[str, int]] = lambda _: {}) -> Completion:
    """What may stand where the cursor is."""
    before = text.line(line)[: column - 1]
    found = page.piece_at(line)
    piece, names = found if found is not None else (None, None)
    at = _Where(page, piece, names, line, made)
    quoted = before.count('"') % 2 == 1
    if code_of(before) != before:
        return Completion((), Place(line, column, line, column))
    begun = re.search(r'"[^"]*$' if quoted else r"@?[\w.\[\]]*$|[^\s]?$", before)
    word = begun[0] if begun else ""
    if not quoted and not word.startswith("@") and "." in word and not word.startswith("."):
        word = word[word.rindex(".") + 1 :]
    if not quoted and not word.startswith("@"):
        word = re.search(r"\w*$", before)[0]  # type: ignore[index]
    items = list(_quoted(page, before) if quoted else _expected(at, before[: len(before) - len(word)], word))
    start = column - len(word) + (1 if word[:1] in ("@", '"') else 0)
    if word.startswith("@") and "." in word:
        start = column - len(word) + word.rindex(".") + 1
    after = re.match(r"\w*", text.line(line)[column - 1 :])
    end = column + (len(after[0]) if after and word else 0)
    first: dict[str, Item] = {}
    for i in sorted(items, key=lambda i: i.rank):
        first.setdefault(i.label, i)
    return Completion(tuple(first.values()), Place(line, start, line, end))


def _quoted(page: Page, before: str) -> Iterator[Item]:
    """Inside quotes: files to import from, of data, of weights, in the folder of the page or below it."""
    imported = re.match(r"\s*import\b", before)
    endings = (".net",) if imported else WEIGHTS if re.search(r"\bweights\s*=?\s*\"[^\"]*$", before) else DATA
    yield from _files(page, before.rpartition('"')[2].rpartition("/")[0], endings)
    if imported:
        for path in sorted(specs_folder().glob("*.net")):
            yield Item(path.name, "file", "comes with netspec")


def _files(page: Page, inside: str, endings: tuple[str, ...]) -> Iterator[Item]:
    """Files with one of these endings, and folders, of a folder that the page may name."""
    if not os.path.isabs(page.where):
        return
    try:
        found = sorted(os.scandir(placed(inside, os.path.dirname(page.where))), key=lambda e: e.name)[:MOST]
        lead = f"{inside}/" if inside else ""
        for e in found:
            folder = e.is_dir()
            if not e.name.startswith(".") and (folder or e.name.lower().endswith(endings)) and e.path != page.where:
                yield Item(f"{lead}{e.name}{'/' if folder else ''}", "file", "a folder" if folder else "beside this page", rank=4)
    except (OSError, ValueError):
        return


def _expected(at: _Where, before: str, word: str) -> Iterator[Item]:
    if word.startswith("@") or before.endswith("@"):
        yield from _references(at, word.lstrip("@"))
        return
    if re.search(r"\bin\.$", before):
        yield from (Item(a, "attribute", "of the flow") for a in ATTRIBUTES)
        return
    if before[:1].isspace() or re.match(r"(?:block|net|train)\b[^=]*:", before):
        training = at.names is not None and at.names.trains is not None
        before = re.sub(r"^(?:block|net|train)\b[^:]*:", "", before)
        yield from _training(at, before) if training else _step(at, before)
    else:
        yield from _at_the_edge(at, before)


# ---------------------------------------------------------------- lines


def _at_the_edge(at: _Where, before: str) -> Iterator[Item]:
    first = before.split(None, 1)[:1]
    if not first:
        yield from words.top()
        return
    match first[0]:
        case "train":
            yield from (i for i in _definitions(at) if i.sort == "net")
        case "import":
            if '"' not in before:
                yield Item("from", "structure", "the file")
        case "default":
            yield from _arguments(at, before.split(None, 1)[1] if len(before.split()) > 1 else "", True)
        case "net" if "=" in before:
            yield from _arguments(at, before.partition("=")[2].strip(), True)
        case "block" | "net":
            if "(" in before:
                yield from _values(at)
        case _:
            yield from _values(at)


def _step(at: _Where, before: str) -> Iterator[Item]:
    """A line of a body: what stands behind the last arrow, and behind labels and heads."""
    part = before.rpartition("->")[2] if "->" in before else before
    if re.match(r"\s*(?:repeat|for|if|elif|shortcut)\b", part) and ":" not in part:
        word = part.split()[0]
        if word == "repeat" and re.search(r"\S+\s+\S+\s+$", part):
            yield Item("as", "structure", "a counter")
        elif word == "for" and re.search(r"for\s+\S+\s+$", part):
            yield Item("in", "structure", "a list, or a range 1..5")
        elif word == "shortcut" and part.split() == ["shortcut"]:
            yield Item("if", "structure", "a condition")
        else:
            yield from _values(at)
        return
    while (headed := _HEADED.match(part)) is not None and headed.end():
        part = part[headed.end() :]
    lead = _LEAD.match(part)
    part = part[lead.end() if lead else 0 :]
    if not part.strip():
        yield from words.steps()
        yield from _definitions(at)
        yield from _parameters(at, 3)
    elif part.startswith("default "):
        yield from _arguments(at, part[len("default ") :], True)
    elif part.startswith("input "):
        yield from _values(at)
    elif not part.startswith("output "):
        yield from _arguments(at, part)


def _arguments(at: _Where, part: str, named: bool = False) -> Iterator[Item]:
    """Behind the name of a layer, a block or a net. Where it is not `named` yet, that name."""
    said = _PART.findall(part)
    if not said and named:
        yield from (i for i in words.steps() if i.sort == "layer")
        yield from _definitions(at)
        return
    option = re.search(r"(\w+)\s*=\s*$", part)
    callee = at.page.body_of(said[0]) if said else None
    cls = words.word(said[0], "layer") if said and callee is None else None
    if option:
        yield from words.values(cls, option[1])
        yield from _values(at)
        return
    if re.search(r"\bupto\s+$", part):
        if callee is not None:
            yield from (Item(n.name, "label", n.text) for n in callee[2].root.nodes if n.sort != "input")
        return
    if said and said[0] == "reuse":
        return
    had = {s.partition("=")[0] for s in said[1:]}
    if cls is not None:
        yield from (i for i in words.options(cls) if i.label.rstrip("=") not in had)
        if getattr(cls, "category", "") == "merge":
            yield Item("crop", "switch", "cut to the smallest", about="crop")
    elif callee is not None:
        _, _, names = callee
        yield from (Item(f"{p.name}=", "option", p.text, rank=2) for p in names.parameters if p.name not in had)
        yield from (Item(f"{n.name}=", "option", n.text, rank=2) for n in names.root.nodes
                    if n.sort == "input" and n.name != "input" and n.name not in had)
        if names.own is not None and names.own.sort == "net":
            yield Item("upto", "structure", "stop after one of its nodes", "upto ", "upto", 3)
            yield Item("weights=", "option", "a file of weights", 'weights="', "weights", 4)
        yield from _definitions(at, 6)
    yield from _values(at)


def _training(at: _Where, before: str) -> Iterator[Item]:
    """A line of a train section."""
    said = _PART.findall(before)
    if not said:
        yield from words.settings()
        yield from (Item(w, "structure", "structure", i) for w, i in (("for", "for "), ("if", "if "), ("repeat", "repeat ")))
        return
    head = said[0]
    sort = words.NAMED_BY.get(head)
    option = re.search(r"(\w+)\s*=\s*$", before)
    if sort is not None and len(said) == 1:
        yield from words.of_sort(sort, 1)
        return
    cls = words.word(said[1], sort) if sort is not None else words.word(head, "optimiser")
    if cls is None and head == "data":
        cls = words.word("files", "data set")
    if option:
        yield from words.values(cls, option[1])
        yield from _values(at)
        return
    had = {s.partition("=")[0] for s in said[1:]}
    if cls is not None:
        yield from (i for i in words.options(cls) if i.label.rstrip("=") not in had)
    yield from (Item(w, "value", head, rank=2) for w in words.FREE.get(head, ()))
    yield from (Item(f"{w}=", "option", head, rank=4) for w in words.OPTIONS_OF.get(head, ()) if w not in had)
    yield from _values(at)


# ---------------------------------------------------------------- names


def _definitions(at: _Where, rank: int = 2) -> Iterator[Item]:
    """Blocks and nets of the page, and what it imports."""
    own = at.names.own.name if at.names is not None and at.names.own is not None else None
    for name, (_, _, named) in at.page.tops.items():
        if named.sort in ("block", "net", "import") and (name != own or named.sort == "block"):
            meant = at.page.top(name)
            text = meant.found[0][1].text if meant is not None else named.text
            yield Item(name, "net" if text.startswith("net") else "block", text, rank=rank)


def _parameters(at: _Where, rank: int) -> Iterator[Item]:
    if at.names is not None:
        seen = dict.fromkeys(n.name for n in at.names.plain)
        for name in seen:
            n = next(x for x in at.names.plain if x.name == name)
            yield Item(name, "parameter" if n.sort == "parameter" else "constant", n.text, rank=rank)


def _values(at: _Where) -> Iterator[Item]:
    """What an expression may be made of."""
    yield from _parameters(at, 4)
    if at.names is not None and at.names.trains is not None:
        body = at.page.body_of(at.names.trains)
        if body is not None:
            yield from (Item(p.name, "parameter", p.text, rank=4) for p in body[2].parameters)
    for name, (_, _, named) in at.page.tops.items():
        if named.sort == "constant":
            yield Item(name, "constant", named.text, rank=5)
    if at.names is None or at.names.trains is None:
        yield Item("in", "word", "the flow: in.channels, in.height ...", rank=7)
    yield from (Item(f, "function", "function", f"{f}(", rank=8) for f in FUNCTIONS)
    yield from (Item(w, "value", rank=8) for w in ("yes", "no", "none"))


def _references(at: _Where, begun: str) -> Iterator[Item]:
    """Behind `@`: nodes above, by their labels, and those that have their kind and number for a name."""
    *path, _ = begun.split(".")
    if at.names is None or at.piece is None:
        return
    root, lines = at.names.root, at.lines
    page: Page = at.page
    if at.names.trains is not None:
        body = page.body_of(at.names.trains)
        if body is None:
            return
        page, piece, names = body
        root, lines = names.root, range(piece.before + 1, piece.before + piece.length + 1)
    here = [n for s in _around(root, at.line - at.piece.before if at.names.trains is None else 10**9) for n in s.nodes]
    for k, part in enumerate(path):
        here = [n for f in here if f.name == part or (f.numbered and part.startswith(f.name)) for n in _held(page, f)]
        if not here and k == len(path) - 1:
            break
    for n in here:
        if at.names.trains is not None or path or n.place.line + at.piece.before < at.line:
            label = n.name + ("[" if n.numbered else "")
            yield Item(label, "label" if n.sort == "label" else n.sort, n.text, rank=2)
    prefix = ".".join(path) + "." if path else ""
    if page is at.page:
        for name, line in at.made(lines).items():
            rest = name[len(prefix) :] if name.startswith(prefix) else ""
            if rest and "." not in rest:
                yield Item(rest, "node", f"line {line}", rank=4)
    if at.names.trains is None and not path:
        yield from (Item(p.name, "parameter", p.text, rank=3) for p in at.names.parameters)


def _around(root: Scope, line: int) -> list[Scope]:
    """The scopes that a line stands in."""
    found, s = [root], root
    while True:
        inner = next((n.inner for n in s.nodes if n.inner is not None and n.whole.line <= line <= n.whole.end_line), None)
        if inner is None:
            return found
        s = inner
        found.append(s)


def _held(page: Page, n: Named) -> list[Named]:
    if n.inner is not None:
        return n.inner.nodes
    body = page.body_of(n.callee) if n.callee is not None else None
    return body[2].root.nodes if body is not None else []
