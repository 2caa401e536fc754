"""Names: scopes, what is called what, and how references find it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...diagnostics import Advice, Label, near
from ...source import Span
from .mistakes import Mistake, Silent
from .values import UNKNOWN_VALUE, Flow


class Scope:
    """A name in the network: a step, a labelled suite, a block call, `shortcut`. References inside a block stop at its
    `wall`."""

    __slots__ = ("counts", "kids", "name", "parent", "path", "raw", "replay", "span", "value", "wall")

    def __init__(self, name: str, parent: Scope | None, span: Span | None, wall: bool = False):
        self.name, self.parent, self.span, self.wall = name, parent, span, wall
        self.path: str = f"{parent.path}.{name}" if parent is not None and parent.path else name
        self.kids: dict[str, Scope] = {}
        self.counts: dict[str, int] = {}
        self.value: Flow | None = None
        self.raw: Flow | None = None
        self.replay: Any = None

    def claim(self, name: str, span: Span, wall: bool = False) -> Scope:
        """A new scope of this name. Raises Mistake where it is taken, since parameter paths would collide."""
        taken = self.kids.get(name)
        if taken is not None:
            peer = (Label(taken.span, "the first is here"),) if taken.span and taken.span != span else ()
            again = " again in every turn" if taken.span == span else ""
            raise Mistake("duplicate-name", f"there are two nodes called `{name}` here", span, f"this name is taken{again}",
                          peers=peer, notes=(f"both would have the path {taken.path}",),
                          hint=Advice(f"number the turns:  repeat 3 as i:  and  {name}[i]: ...") if again
                          else Advice("choose another label"))
        made = self.kids[name] = Scope(name, self, span, wall)
        return made

    def numbered(self, kind: str, span: Span, wall: bool = False) -> Scope:
        """`conv3`; `vgg16_1` where the kind ends in a digit. A label may have taken a number before."""
        base = f"{kind}_" if kind[-1].isdigit() else kind
        while True:
            k = self.counts.get(kind, 0) + 1
            self.counts[kind] = k
            if f"{base}{k}" not in self.kids:
                break
        name = f"{base}{k}"
        made = self.kids[name] = Scope(name, self, span, wall)
        return made

    def count(self, kind: str) -> None:
        """A labelled step counts too, so that labelling one renames no other."""
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def outwards(self) -> Iterator[Scope]:
        """This scope and those around it, as far as the lines of the same block go."""
        s: Scope | None = self
        while s is not None:
            yield s
            if s.wall:
                return
            s = s.parent


def find(scope: Scope, parts: Sequence[str], span: Span, given: dict[str, Any], maybe: set[str]) -> Scope:
    """The node a reference means, among the lines above. `given` are the block's parameters, which may hold references."""
    held = given.get(parts[0])
    if held is UNKNOWN_VALUE or (maybe and any(p in maybe or p.rstrip("0123456789") in maybe for p in parts)):
        raise Silent
    if isinstance(held, Scope):
        return _descend(held, parts[1:], parts, span, scope)
    for s in scope.outwards():
        kid = s.kids.get(parts[0])
        if kid is not None and (kid.value is not None or (len(parts) > 1 and kid.kids)):
            return _descend(kid, parts[1:], parts, span, scope)
    raise _missing(scope, parts, span, given)


def _descend(found: Scope, rest: Sequence[str], parts: Sequence[str], span: Span, scope: Scope) -> Scope:
    for part in rest:
        kid = found.kids.get(part)
        if kid is None and part == "raw" and found.raw is not None:
            kid = Scope("raw", found, span)
            kid.value = found.raw
        if kid is None:
            alike = near(part, found.kids)
            raise Mistake("missing-reference", f"there is no node `{part}` in @{found.path}", span, "not defined above this line",
                          notes=(f"in it are: {', '.join(list(found.kids)[:12])}",) if found.kids else (),
                          hint=f"did you mean @{'.'.join([*parts[:-1], alike])}?" if alike
                          else f"for example:  @{found.path}.{list(found.kids)[-1]}" if found.kids else None)
        found = kid
    if found.value is None:
        raise Mistake("missing-reference", f"@{'.'.join(parts)} is not finished at this point", span, "this line is part of it",
                      hint=Advice("a reference can only look back"))
    return found


def _missing(scope: Scope, parts: Sequence[str], span: Span, given: dict[str, Any]) -> Mistake:
    written = ".".join(parts)
    around = list(scope.outwards())
    names = [n for s in around for n, kid in s.kids.items() if kid.value is not None]
    deep = [path for s in around for path in below(s, parts[-1])]
    alike = near(parts[0], [*names, *(k for k, v in given.items() if isinstance(v, Scope))])
    if any(parts[0] in s.kids for s in around):
        hint: str = Advice("this line is part of it, and a reference can only look back")
    elif deep:
        hint = f"it lives inside a group:  @{deep[0]}"
    elif alike:
        hint = f"did you mean @{'.'.join([alike, *parts[1:]])}?"
    elif around[-1].parent is not None and any(parts[0] in s.kids for s in _beyond(around[-1])):
        hint = Advice("it is outside this block: hand it in as a parameter, and call the block with  name=@" + written)
    else:
        hint = Advice("a reference can only look back; a line is named with a label:  " + parts[0] + ": ...")
    return Mistake("missing-reference", f"there is no node @{written} at this point", span, "not defined above this line",
                   hint=hint)


def _beyond(wall: Scope) -> Iterator[Scope]:
    s = wall.parent
    while s is not None:
        yield s
        s = s.parent


def reference_to(scope: Scope, flow: Flow) -> str | None:
    """How a line in `scope` refers to a value: `@conv2`, `@stage.conv1`. None where it has no name here."""
    for s in scope.outwards():
        if flow.value and (not s.path or flow.value.startswith(s.path + ".")):
            named, found = s, []
            for part in flow.value[len(s.path) + 1 if s.path else 0 :].split("."):
                if part not in named.kids:
                    break
                named = named.kids[part]
                found.append(part)
                if named.value is not None and named.value.value == flow.value:
                    return "@" + ".".join(found)
    return None


def below(scope: Scope, name: str) -> list[str]:
    """Paths of the finished nodes of this name further in, written as from `scope`."""
    out: list[str] = []
    open_: list[tuple[str, Scope]] = [("", scope)]
    while open_ and len(out) < 5:
        lead, s = open_.pop(0)
        for n, kid in s.kids.items():
            if lead and n == name and kid.value is not None:
                out.append(lead + n)
            if kid.kids:
                open_.append((f"{lead}{n}.", kid))
    return out


def head_of(span: Span, name: str) -> Span:
    """The part of a statement's span that its name covers."""
    return Span(span.source, span.line, span.column, span.line, span.column + len(name))
