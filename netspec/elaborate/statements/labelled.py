"""A label, and what is written as one by mistake."""

from __future__ import annotations

from ...diagnostics import Label, distance, near
from ...syntax import tree
from ...words.layer import LAYERS
from ..binding.arguments import spot_name
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope, head_of
from ..model.values import NOTHING, Flow
from ..steps.labels import labelled_body, single_call
from .places import first_line
from .undecided import undecided

HEADS = ("residual", "shortcut", "dense", "each", "frozen", "repeat", "output", "input", "default", "else", "elif", "concat")


def labelled(e: Elaborator, s: tree.Labelled, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    e.tick(s.span)
    head = head_of(s.span, s.name)
    alike = near(s.name, HEADS)
    if alike and s.name.rstrip("0123456789_") == alike:
        alike = None  # `dense1` is a name of its own
    if alike and len(s.name) < 8 and distance(s.name, alike) > 1:
        alike = None  # more than one slip away
    if s.name == "reuse":
        raise Mistake("misleading-label", "`reuse` is a step, and this makes a label of it", head, "no colon follows it",
                      hint="reuse @" + tree.source_text(s.body).lstrip("@"))
    if getattr(LAYERS.get(s.name), "category", "") == "merge" and single_call(s.body) is None:
        lines = s.body.statements if isinstance(s.body, tree.Suite) else (s.body,)
        peers = tuple(Label(first_line(x), "nor is this") for x in lines[1:4])
        e.report(Mistake("branch-expected", f"`{s.name}:` opens a merge, and its lines begin with `|`", first_line(lines[0]),
                         "no branch", hint="\n".join(f"| {tree.source_text(x)}" for x in lines), peers=peers).diagnostic)
    elif alike and s.name != alike and s.index is None:
        e.report(Mistake("misleading-label", f"the label `{s.name}` looks like the word `{alike}`", head,
                         "read as a label, this line would connect nothing",
                         notes=("a label has a name further from it",), hint=head.edited(alike)).diagnostic)
        place = scope.claim(s.name, head) if s.name not in scope.kids else Scope(s.name, scope, s.span)
        place.value = flow.unsure() if flow else NOTHING
        e.run(s.body, flow, place, c)
        return place.value
    try:
        name = spot_name(s.name, s.index, c, flow)
    except (Silent, Mistake):  # its number is not known
        undecided(e, [s.body], flow, scope, c)
        raise
    return labelled_body(e, name, s.body, flow, scope, c, head)
