"""The list of what a page holds, and what can be folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .names import Page
from .scopes import Named, Names, Scope
from .text import Place, Text


@dataclass
class Symbol:
    """An entry of the list, and what lies in it. `sort` is what kind of thing it is, `detail` what stands beside its name."""

    name: str
    sort: str
    detail: str
    whole: Place
    place: Place
    inside: list[Symbol] = field(default_factory=list)


def symbols(page: Page, text: Text) -> list[Symbol]:
    """Blocks, nets and train sections with the labels, inputs and outputs in them; constants and imports."""
    found = []
    for piece, names in page.names:
        end = piece.before + piece.length
        head = piece.before + piece.head
        whole = Place(head, 1, max(head, end), len(text.line(max(head, end))) + 1)
        for own in names.imported:
            found.append(Symbol(own.name, "import", f"from {names.file}", whole, piece.placed(own.place)))
        if names.own is not None:
            made = Symbol(names.own.name, names.own.sort, _head(names.own), whole, piece.placed(names.own.place))
            made.inside = [*(Symbol(p.name, "parameter", p.text, piece.placed(p.whole), piece.placed(p.place))
                             for p in names.parameters), *_nodes(names.root, piece.placed)]
            found.append(made)
        elif names.trains is not None:
            place = piece.placed(_trained(names))
            found.append(Symbol(f"train {names.trains}", "train", "", whole, place))
    return found


def _head(named: Named) -> str:
    """What stands behind the name, where it is declared."""
    return named.text.partition(named.name)[2].strip()[:80]


def _trained(names: Names) -> Place:
    return names.uses[0].place if names.uses and hasattr(names.uses[0], "place") else Place(1, 1, 1, 1)


def _nodes(scope: Scope, placed: Callable[[Place], Place]) -> list[Symbol]:
    return [Symbol(n.name, n.sort, n.text.partition(":")[2].strip()[:80] if n.sort == "label" else "", placed(n.whole),
                   placed(n.place), _nodes(n.inner, placed) if n.inner is not None else [])
            for n in scope.nodes if n.sort != "shortcut"]


def folds(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """First and last line of what can be folded, and "region", "comment" or "imports". By indentation, as bodies stand."""
    found: list[tuple[int, int, str]] = []
    open_: list[tuple[int, int]] = []  # indent, line
    last = 0
    for k, line in enumerate(lines, 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        indent = len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
        while open_ and open_[-1][0] >= indent:
            at = open_.pop()[1]
            if last > at:
                found.append((at, last, "region"))
        open_.append((indent, k))
        last = k
    found += [(at, last, "region") for _, at in reversed(open_) if last > at]
    for kind, begins in (("comment", "#"), ("imports", "import ")):
        k = 0
        while k < len(lines):
            first = k
            while k < len(lines) and lines[k].strip().startswith(begins):
                k += 1
            if k - first > 1:
                found.append((first + 1, k, kind))
            k = max(k, first + 1)
    return sorted(found)
