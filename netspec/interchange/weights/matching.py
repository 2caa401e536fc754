"""What of a file goes where in a net: by name, else by order, kind and shape with what is known of people's names.

Names are believed where they name every layer of the net. Otherwise the layers of both sides are laid side by side in the order
in which they compute; a match holds where order, kind and shape leave no choice. What lies on shortcuts is matched apart, since
people put a shortcut before or behind what it goes around.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...diagnostics import Advice, Diagnostic, NetspecError
from .aligning import align
from .families import Family, family_of, sorted_by
from .renames import Rename, renamed
from .source import FLOATS, Source
from .units import COUNT, Unit, fit, given

Pairs = dict[str, Unit]  # the unit of the file for each unit of the net, by its name


class MatchError(NetspecError):
    """A file does not say what goes where in a net."""

    def __init__(self, title: str, *notes: str, hint: str | None = None):
        super().__init__(Diagnostic("weights-mismatch", title, notes=notes, hint=hint))


class Doubt(NamedTuple):
    """A unit of the net for which two of the file could be meant."""

    want: Unit
    one: Unit
    other: Unit


@dataclass
class Matching:
    """Which unit of the file is which of the net, and what is over on either side."""

    pairs: Pairs
    want: list[Unit]
    have: list[Unit]
    family: Family
    how: str  # "by name", "by order, kind and shape"
    odd: list[str] = field(default_factory=list)  # tensors that are no layer's
    folded: list[Unit] = field(default_factory=list)  # normalisations of the net, where the file has none: in its convolutions

    @property
    def missing(self) -> list[Unit]:
        """Of the net, what the file does not give."""
        return [u for u in self.want if u.name not in self.pairs]

    @property
    def unread(self) -> list[Unit]:
        """Of the file, what the net has no place for; what only training needs is not counted."""
        taken = {id(u) for u in self.pairs.values()}
        return [u for u in self.have if id(u) not in taken and not _is(self.family.unused, u)]


def match(source: Source, want: list[Unit], lines: tuple[Rename, ...] = (), partial: bool = False,
          whole: bool = True) -> Matching:
    """The one way to give a net the weights of a file; with `partial`, as much of it as is sure. Unless `whole`, layers of the
    file may be left: the net is a part of what the file is of.

    Errors: MatchError where layers of the net get nothing or of the file are left (unless `partial`), where there are two ways,
    and where nothing fits; UsageError for renames that mean nothing.
    """
    have, odd = given(source)
    named_there = {u.name for u in have}
    want = [u for u in want if not u.stated or u.name in named_there]  # the means of a preparation are no layer's, and in no file
    folded = [] if any(u.kind == "norm" for u in have) else [u for u in want if u.kind == "norm"]
    want = [u for u in want if u not in folded]
    family = family_of(have, source.channels_last)
    for u in have:
        u.aside = _is(family.aside, u)
        u.eps = _eps(source, u, family)
    pinned = dict(_pinned(have, lines, {u.name: u for u in want}))
    taken = {id(u) for u in pinned.values()}
    rest = [u for u in have if id(u) not in taken]
    open_ = [u for u in want if u.name not in pinned]
    named = _named(rest, open_)
    if len(named) == len(open_):
        found, how, doubt = named, "by name", None
    else:
        found, doubt = _laid(source, family, rest, open_)
        how = "by order, kind and shape"
        if len(named) >= len(found):  # neither is whole
            found, how, doubt = named, "by name", None
    made = Matching(pinned | found, want, have, family, how, odd, folded)
    if doubt is not None and (partial or not made.missing):
        raise MatchError(f"two layers of {source.path} could be {doubt.want.name} of the net", f"it is {_shape(doubt.want)}",
                         f"{doubt.one.name} and {doubt.other.name} are so too", hint=f"--rename {_said(doubt.one, doubt.want)}")
    if not made.pairs:
        raise MatchError(f"{source.path} and the net have no layer in common", *_sides(made), *_strange(source),
                         hint=_renamed(made) or Advice('--rename "THEIRS=YOURS" says which layer of the file is which of the net') if have else None)
    if not partial and (made.missing or (whole and made.unread)):
        raise MatchError(f"{source.path} does not fit the net", *_sides(made), *_strange(source), hint=_hint(made))
    return made


def _is(patterns: Sequence[str], u: Unit) -> bool:
    return any(re.search(p, u.name) for p in patterns)


def _eps(source: Source, u: Unit, family: Family) -> float | None:
    """What a normalisation of the file adds to the variance, where that is known."""
    usual = source.epsilon if family.eps is None else family.eps
    return source.eps.get(u.name, usual) if u.kind == "norm" else None


def _pinned(have: list[Unit], lines: tuple[Rename, ...], want: Mapping[str, Unit]) -> Pairs:
    out = {}
    for u, name in renamed(have, lines, want):
        if not fit(u, want[name]):
            raise MatchError(f"{u.name} cannot be {name}", f"{u.name}: {_shape(u)}", f"{name}: {_shape(want[name])}")
        out[name] = u
    return out


def _named(have: list[Unit], want: list[Unit]) -> Pairs:
    """Units of one name, which fit. What stands before every name of a file, the name of a model, may be missing in the net's."""
    there = {u.name: u for u in have}
    best: Pairs = {}
    first = {u.name.partition(".")[0] for u in have}
    for before in ("", f"{next(iter(first))}." if len(first) == 1 else ""):
        found = {u.name: there[before + u.name] for u in want if before + u.name in there and fit(there[before + u.name], u)}
        best = max(best, found, key=len)
    return best


def _laid(source: Source, family: Family, have: list[Unit], want: list[Unit]) -> tuple[Pairs, Doubt | None]:
    """Both sides laid side by side: as the file has its layers, as their names say, all together or each kind by itself. The
    first way that leaves no layer of the net and no choice, else the one that says most."""
    apart = any(u.aside for u in want) and any(u.aside for u in have)
    usable = [u for u in have if not _is(family.unused, u)]
    if len(usable) < len(want):
        usable = have  # the net has the heads that training needs
    together, *by_kinds = _groupings(apart)
    ways = [(sorted_by(family, usable), g) for g in (*by_kinds, together)]
    if source.ordered:
        own = [(usable, g) for g in (together, *by_kinds)]
        ways = ways + own if family.sorted else own + ways
    best: tuple[tuple[int, int], Pairs, Doubt | None] | None = None
    for order, group in ways:
        pairs, doubt = _grouped(order, want, group)
        if doubt is None and len(pairs) == len(want):
            return pairs, None
        rank = (doubt is None, len(pairs))
        if best is None or rank > best[0]:
            best = rank, pairs, doubt
    assert best is not None
    return best[1], best[2]


def _groupings(apart: bool) -> tuple[Callable[[Unit], Any], ...]:
    """What is laid side by side by itself: shortcuts, where both sides have such; or also each kind of layer; or also
    convolutions of each channel; or also fully connected layers."""
    def together(u: Unit) -> Any:
        return u.aside and apart

    def by_kind(u: Unit) -> Any:
        return together(u), "norm" if u.kind == "affine" else u.kind

    def by_depth(u: Unit) -> Any:
        return by_kind(u), len(u.shape) > 2 and u.shape[1] == 1

    def by_form(u: Unit) -> Any:
        return by_depth(u), len(u.shape)

    return together, by_kind, by_depth, by_form


def _grouped(have: Sequence[Unit], want: Sequence[Unit], group: Callable[[Unit], Any]) -> tuple[Pairs, Doubt | None]:
    pairs: Pairs = {}
    doubt = None
    for key in dict.fromkeys(map(group, want)):
        mine, theirs = [u for u in want if group(u) == key], [u for u in have if group(u) == key]
        found = align(theirs, mine)
        pairs |= {mine[j].name: theirs[i] for i, j in found.pairs}
        if found.doubt is not None and doubt is None:
            j, i, k = found.doubt
            doubt = Doubt(mine[j], theirs[i], theirs[k])
    return pairs, doubt


# ---------------------------------------------------------------- what is said
def _shape(u: Unit) -> str:
    return f"{'bias' if u.shapes.keys() == {'bias'} else u.kind} {'x'.join(map(str, u.shape))}"


def _said(a: Unit, b: Unit) -> str:
    return f'"{a.name}={b.name}"'


def _sides(m: Matching) -> list[str]:
    """What is over on either side, the first of each."""
    out = []
    for what, units in (("the net has more", m.missing), ("the file has more", m.unread)):
        if units:
            shown = ", ".join(f"{u.name} ({_shape(u)})" for u in units[:4])
            out.append(f"{what}: {shown}{f' and {len(units) - 4} others' if len(units) > 4 else ''}")
    return [f"{len(m.pairs)} of {len(m.want)} layers of the net are found in the file, {m.how}", *out]


def _hint(m: Matching) -> str:
    there = {u.name: u for u in m.unread}
    other = next((a for a in m.missing if a.name in there and a.kind == there[a.name].kind), None)
    if other is not None:
        return Advice(f"{other.name} is of another size there: --partial, or strict=False in Python, takes the rest;"
                      " a spec calls the trunk alone:  NAME upto LAYER weights=")
    return _renamed(m) or Advice("--partial, or strict=False in Python, takes what there is, and names the rest")


def _renamed(m: Matching) -> str:
    """The option that gives a layer of the net the first of the file that fits it; nothing where none does."""
    for a in m.missing:
        b = next((u for u in m.unread if fit(u, a)), None)
        if b is not None:
            return f"--rename {_said(b, a)}"
    return ""


def _strange(source: Source) -> list[str]:
    """The tensors of a file that hold what are no weights, the first of them."""
    found = [(name, t.dtype) for name, t in source.about.items()
             if t.dtype not in FLOATS and not name.startswith(source.apart) and not name.endswith(COUNT)]
    more = f", and {len(found) - 3} others" if len(found) > 3 else ""
    return [f"{', '.join(f'{name} holds {dtype}' for name, dtype in found[:3])}{more}: weights are {', '.join(FLOATS)}"] if found else []
