"""The names of a page: where each is defined, and every place that uses it. Imports lead to other pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ..diagnostics import Advice, UsageError
from ..syntax.refused import RESERVED
from .pieces import Piece
from .scopes import Named, Names, OptionUse, PathUse, PlainUse, Scope, Wanted
from .text import Edit, Place


@dataclass(frozen=True)
class Meant:
    """What a word means: places that define it, all in one page, each with the piece that holds it. `shared` is a name that other
    pages may import."""

    page: Page
    found: tuple[tuple[Piece, Named], ...]
    shared: bool = False

    @property
    def name(self) -> str:
        return self.found[0][1].name

    @property
    def keys(self) -> frozenset[int]:
        return frozenset(id(n) for _, n in self.found)

    @property
    def places(self) -> list[Place]:
        return [p.placed(n.place) for p, n in self.found]


@dataclass(frozen=True)
class Occurrence:
    """A word of a page, and what it means. `shown` is the part of it that is the name: `stage` of `stage3`."""

    place: Place
    meant: Meant
    defines: bool = False


@dataclass(eq=False)
class Page:
    """The pieces of a file and their names. `other` gives the page that a path of an import leads to."""

    where: str
    pieces: tuple[Piece, ...]
    other: Callable[[str], Page | None] = field(default=lambda path: None)

    @cached_property
    def names(self) -> list[tuple[Piece, Names]]:
        return [(p, p.content.names) for p in self.pieces]

    @cached_property
    def tops(self) -> dict[str, tuple[Piece, Names, Named]]:
        """What is defined at the left edge, the first of each name; imports too."""
        found: dict[str, tuple[Piece, Names, Named]] = {}
        for p, n in self.names:
            for own in (*([n.own] if n.own is not None else []), *n.imported):
                found.setdefault(own.name, (p, n, own))
        return found

    def piece_at(self, line: int) -> tuple[Piece, Names] | None:
        return next(((p, n) for p, n in self.names if p.holds(line)), None)

    # ---------------------------------------------------------------- what a name means
    def top(self, name: str, seen: frozenset[str] = frozenset()) -> Meant | None:
        """What is defined at the left edge of this page, or where an import leads."""
        found = self.tops.get(name)
        if found is None:
            return None
        piece, names, named = found
        if named.sort == "import":
            page = self.other(names.file or "")
            there = None if page is None or page.where in seen else page.top(name, seen | {self.where})
            return there or Meant(self, ((piece, named),), True)
        return Meant(self, ((piece, named),), True)

    def body_of(self, callee: str, seen: frozenset[str] = frozenset()) -> tuple[Page, Piece, Names] | None:
        """The piece of the block or net that a name means; of a variant what it is a variant of."""
        meant = self.top(callee)
        if meant is None or callee in seen:
            return None
        piece, named = meant.found[0]
        names = next((n for p, n in meant.page.names if p is piece), None)
        if names is None or named.sort == "import":
            return None
        if names.variant_of is not None:
            return meant.page.body_of(names.variant_of, seen | {callee})
        return meant.page, piece, names

    def plain(self, piece: Piece, names: Names, name: str) -> Meant | None:
        """What a plain word means in a piece."""
        own = tuple((piece, n) for n in names.plain if n.name == name)
        if own:
            return Meant(self, own)
        if names.trains is not None:
            body = self.body_of(names.trains)
            if body is not None:
                page, there, inside = body
                found = tuple((there, n) for n in inside.parameters if n.name == name)
                if found:
                    return Meant(page, found)
        axes = tuple((piece, n) for n in names.axes if n.name == name)
        return self.top(name) or (Meant(self, axes) if axes else None)

    def option(self, use: OptionUse) -> Meant | None:
        """The parameter, or the input, of what is called."""
        seen: set[str] = set()
        callee, page = use.callee, self
        while callee not in seen:
            seen.add(callee)
            meant = page.top(callee)
            if meant is None:
                return None
            piece = meant.found[0][0]
            page = meant.page
            names = next((n for p, n in page.names if p is piece), None)
            if names is None:
                return None
            found = [n for n in names.parameters if n.name == use.name]
            if not found:
                found = [n for n in names.root.nodes if n.sort == "input" and n.name == use.name]
            if found:
                return Meant(page, tuple((piece, n) for n in found))
            if names.variant_of is None:
                return None
            callee = names.variant_of
        return None

    def spots(self, piece: Piece, names: Names, use: PathUse) -> list[Meant | None]:
        """What each part of a reference means."""
        page, there, scopes = self, piece, list(use.scope.outwards())
        target = use.callee or names.trains
        if target is not None:
            body = self.body_of(target)
            if body is None:
                return [None] * len(use.spots)
            page, there, inside = body
            scopes = [inside.root]
        first = use.spots[0]
        out: list[Meant | None] = []
        found = next((hit for s in scopes if (hit := s.named(first))), [])
        if not found and target is None:
            held = [n for n in names.parameters if n.name == first.name]  # a node that was handed in
            if held:
                return [Meant(self, tuple((piece, n) for n in held)), *[None] * (len(use.spots) - 1)]
        for k, spot in enumerate(use.spots):
            if k:
                page, there, found = _inside(page, there, found, spot)
            if not found:
                return [*out, *[None] * (len(use.spots) - len(out))]
            out.append(Meant(page, tuple((there, n) for n in found)))
        return out

    # ---------------------------------------------------------------- every word
    def occurrences(self, name: str = "") -> Iterator[Occurrence]:
        """Every word of the page that has a meaning here; or only what may be called by a name."""
        for piece, names in self.names:
            yield from self._defined(piece, names, name)
            for use in names.uses:
                if not name or any(w.startswith(name) for w in _written(use)):
                    yield from self._used(piece, names, use)

    def _defined(self, piece: Piece, names: Names, name: str) -> Iterator[Occurrence]:
        for n in (*([names.own] if names.own is not None else []), *names.imported):
            meant = self.top(n.name) if n.name.startswith(name) and piece.says(n.place, n.name) else None
            if meant is not None:
                yield Occurrence(piece.placed(n.place), meant, n.sort != "import")
        for n in (*names.plain, *names.axes):
            if not n.name.startswith(name) or not piece.says(n.place, n.name):
                continue
            group = names.axes if n.sort == "axis" else names.plain
            yield Occurrence(piece.placed(n.place), Meant(self, tuple((piece, x) for x in group if x.name == n.name)), True)
        for scope in _scopes(names.root):
            for n in scope.nodes:
                if not n.name.startswith(name) or not piece.says(n.place, n.name):
                    continue
                wanted = Wanted(n.name, n.place, n.numbered)
                same = tuple((piece, x) for x in scope.named(wanted))
                yield Occurrence(piece.placed(n.place), Meant(self, same), True)

    def _used(self, piece: Piece, names: Names, use: PlainUse | OptionUse | PathUse) -> Iterator[Occurrence]:
        if isinstance(use, PlainUse):
            meant = self.plain(piece, names, use.name)
            if meant is not None and piece.says(use.place, use.name):
                yield Occurrence(piece.placed(use.place), meant)
        elif isinstance(use, OptionUse):
            meant = self.option(use)
            if meant is not None and piece.says(use.place, use.name):
                yield Occurrence(piece.placed(use.place), meant)
        else:
            for spot, meant in zip(use.spots, self.spots(piece, names, use)):
                if meant is not None and piece.says(spot.place, spot.name):
                    yield Occurrence(piece.placed(spot.place), meant)

    def at(self, line: int, column: int) -> Occurrence | None:
        """The word at a place."""
        found = self.piece_at(line)
        if found is None:
            return None
        piece, names = found
        own = line - piece.before
        hits = [o for use in names.uses if any(p.holds(own, column) for p in _places(use)) for o in self._used(piece, names, use)]
        for n in _all_named(names):
            if n.place.holds(own, column):
                hits += self._defined(piece, names, n.name)
        hits = [o for o in hits if o.place.holds(line, column)]
        return min(hits, key=lambda o: (o.place.end_column == column, o.place[3] - o.place[1]), default=None)

    def all_of(self, meant: Meant) -> list[Occurrence]:
        """Every place of this page that means the same."""
        keys = meant.keys
        found: dict[Place, Occurrence] = {}
        for o in self.occurrences(name=meant.name):
            if o.meant.page is meant.page and not keys.isdisjoint(o.meant.keys):
                found.setdefault(o.place, o)
        return [found[p] for p in sorted(found)]


def _written(use: PlainUse | OptionUse | PathUse) -> Iterator[str]:
    """The names that a use says."""
    if isinstance(use, PathUse):
        yield from (s.name for s in use.spots)
    else:
        yield use.name


def _places(use: PlainUse | OptionUse | PathUse) -> Iterator[Place]:
    if isinstance(use, PathUse):
        yield from (s.place for s in use.spots)
    else:
        yield use.place


def _all_named(names: Names) -> Iterator[Named]:
    """All that a piece gives a name."""
    yield from (*([names.own] if names.own is not None else []), *names.imported, *names.plain, *names.axes)
    for scope in _scopes(names.root):
        yield from scope.nodes


def _scopes(root: Scope) -> Iterator[Scope]:
    todo = [root]
    while todo:
        s = todo.pop()
        yield s
        todo += [n.inner for n in s.nodes if n.inner is not None]


def _inside(page: Page, piece: Piece, found: list[Named], spot: Wanted) -> tuple[Page, Piece, list[Named]]:
    """The nodes of a name inside those that were found."""
    here = [n for f in found if f.inner is not None for n in f.inner.named(spot)]
    if here:
        return page, piece, here
    for f in found:
        body = page.body_of(f.callee) if f.callee is not None else None
        if body is not None:
            there, inside, names = body
            hits = names.root.named(spot)
            if hits:
                return there, inside, hits
    return page, piece, []


# ---------------------------------------------------------------- renaming


def renamable(o: Occurrence) -> None:
    """Refuse what has no name of its own. Raises UsageError."""
    named = o.meant.found[0][1]
    if named.sort == "shortcut" or (named.sort == "input" and named.place[3] - named.place[1] == len("input")
                                    and named.text.split()[1:2] and not named.text.split()[1].isidentifier()):
        raise UsageError(f"`{named.name}` is a word of the language here", hint=Advice("give the line a name of its own first"))
    if named.sort == "import":
        raise UsageError(f"`{named.name}` is defined in another file, which cannot be read")


def renamed(pages: list[Page], meant: Meant, new: str) -> dict[str, list[Edit]]:
    """What gives something another name, page by page. Raises UsageError for a name that cannot be, or that is taken."""
    if not re.fullmatch(r"[A-Za-z_]\w*", new):
        raise UsageError(f"`{new}` is no name: letters, digits and underscores")
    if new in RESERVED:
        raise UsageError(f"`{new}` is a word of the language")
    if not all(p.says(n.place, n.name) for p, n in meant.found):
        raise UsageError(f"the line that defines `{meant.name}` cannot be read", hint=Advice("put it right first"))
    found = [(page, o.place) for page in pages for o in page.all_of(meant)]
    spelled = {len(n.name) for _, n in meant.found}
    numbered = all(n.numbered for _, n in meant.found)
    if len({n.name for _, n in meant.found}) > 1 or any(p[3] - p[1] > len(meant.name) and not numbered for _, p in found):
        raise UsageError(f"`{meant.name}` is spelled in two ways, with a number and with an index in brackets",
                         hint=Advice("write all of them one way first"))
    if any(p[3] - p[1] < len(meant.name) for _, p in found):
        raise UsageError(f"`/` sets `{meant.name}`, and would no longer", hint=Advice(f"write  {meant.name}=  in the calls first"))
    edits: dict[str, list[Edit]] = {}
    for page, p in found:
        edits.setdefault(page.where, []).append(Edit(Place(p.line, p.column, p.end_line, p.column + min(spelled)), new))
    _free(meant, new)
    return edits


def _free(meant: Meant, new: str) -> None:
    """Refuse a name that something around it has already. Raises UsageError."""
    piece, named = meant.found[0]
    page = meant.page
    names = next(n for p, n in page.names if p is piece)
    if meant.shared:
        taken = new in page.tops or any(new in {x.name for x in n.plain} for _, n in page.names)
    elif named.sort in ("parameter", "counter", "constant"):
        taken = new in {n.name for n in names.plain} or new in page.tops
    elif named.sort == "axis":
        taken = new in {n.name for n in names.axes}
    else:
        scope = next(s for s in _scopes(names.root) if named in s.nodes)
        taken = any(new == n.name for s in (*scope.outwards(), *_scopes(scope)) for n in s.nodes)
    if taken:
        raise UsageError(f"`{new}` is taken here")
