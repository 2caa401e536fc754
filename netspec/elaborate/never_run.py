"""What no net runs: blocks that nothing calls, arms that no condition takes, loops without a turn, train sections. They are
looked at all the same, without knowing what their parameters are or what flows in."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from ..diagnostics import Diagnostic
from ..syntax import tree
from .binding.expressions import CONSTANTS, truth
from .model.elaborator import Elaborator
from .model.files import Context, File
from .model.mistakes import Fatal
from .model.scopes import Scope
from .model.values import NOTHING, UNKNOWN_VALUE
from .model.way import Call
from .train.section import training_words

UNJUDGED = ("endless-recursion", "no-flow", "misplaced-input")  # not to be said of lines that nobody has called


def look(e: Elaborator, file: File) -> None:
    """Every definition that was not entered, every train section, every body and condition passed over."""
    e.coverage.looking = True
    run = set(e.coverage.entered)  # by nets: what is entered from here on says nothing of its own callers
    for item in file.module.items:
        if isinstance(item, tree.Train):
            macro = file.definitions.get(item.net)
            training_words(e, item, file, {p.name for p in macro.item.params} if macro is not None else set())
        elif isinstance(item, tree.Definition) and id(item) not in run:
            _definition(e, file, item)
    seen: set[int] = set()
    while new := [key for key in e.coverage.over if key not in seen]:
        seen.update(new)
        for key in new:
            body, c = e.coverage.over[key]
            if key not in e.coverage.taken and c.file is file:
                _passed_over(e, body, c)


def _definition(e: Elaborator, file: File, item: tree.Definition) -> None:
    c = Context({**file.env, **{p.name: UNKNOWN_VALUE for p in item.params}}, file.places.get(item.name, file.defaults), file)
    scope = Scope("", None, None, wall=True)
    _quietly(e, lambda: e.run(item.body, NOTHING if item.kind == "block" else None, scope, c),
             [Call(item.name, item.name, item.name_span)])


def _passed_over(e: Elaborator, body: Any, c: Context) -> None:
    """What is wrong with it whatever its names mean. Nodes it refers to may be made where its condition holds."""
    numbered = {n.name for n in tree.walk(body) if isinstance(n, tree.Spot) and (n.name[-1].isdigit() or n.index is not None)}
    inner = Context({**dict.fromkeys(c.env, UNKNOWN_VALUE), **CONSTANTS}, c.defaults, c.file)
    scope = Scope("?", None, None, wall=True)
    e.way.guessing += 1
    if isinstance(body, tuple(e.rules.statements)):
        _quietly(e, lambda: e.run(body, NOTHING, scope, inner), [], c.file.named | numbered | {"input"})
    else:
        _quietly(e, lambda: truth(body, inner, NOTHING), [])
    e.way.guessing -= 1


def _quietly(e: Elaborator, run: Callable[[], object], calls: list[Call], maybe: Collection[str] = ()) -> None:
    """Run something by itself, and keep of its findings those that hold for every call."""
    e.coverage.maybe, e.draft.inputs, e.draft.outputs = set(maybe), {}, {}
    e.way.inputs, e.way.nets, e.way.calls = [], 0, calls
    before, e.coverage.cut = len(e.findings.all), False
    try:
        with e.guarded():
            run()
    except Fatal:
        pass
    e.findings.keep(before, [replace(d, trail=()) for d in e.findings.all[before:] if d.severity == "error" and d.code not in UNJUDGED
                             and not (e.coverage.cut and _numbered(d))])


def _numbered(d: Diagnostic) -> bool:
    """Whether it misses a node that a later turn of a loop may make."""
    if d.code != "missing-reference" or d.span is None:
        return False
    written = d.span.source.line(d.span.line)[d.span.column - 1 : d.span.end_column]
    return re.search(r"[\d\[]", written) is not None
