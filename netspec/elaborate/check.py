"""Everything wrong with a file."""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import Diagnostic, Label, UsageError, bounded, in_order
from ..ir.graph import Graph
from ..syntax import tree
from .model.budget import Budget
from .model.coverage import Coverage
from .model.elaborator import Elaborator
from .model.files import File, Library
from .model.mistakes import Fatal
from .nets import callable_nets
from .never_run import look
from .one_net import deep_stack, elaborated
from .prepare import prepare
from .statements.table import RULES
from .tree_findings import static_findings


def check_module(module: tree.Module, mistakes: list[Diagnostic] | tuple[Diagnostic, ...] = (),
                 also: Callable[[Graph], list[Diagnostic]] | None = None,
                 partly: Callable[[Graph], None] | None = None) -> list[Diagnostic]:
    """Everything wrong with a file, in source order: what was wrong with its text, every net that can be called as it stands,
    every variant, and what nothing calls. `also` has something to say of each net that is well; `partly` hears of what could be
    made of each one that is not: its nodes that depend on no mistake, and no outputs."""
    found = list(mistakes)
    library = Library()
    file = library.add(module)
    found += library.found
    library.found = []
    run = Coverage()  # of all nets together
    for item in callable_nets(module):
        macro = file.definitions.get(item.name)
        if macro is None or macro.item is not item:
            continue
        if library.budget.all:
            break
        try:
            e, graph = elaborated(library, file, macro, {}, None)
        except UsageError as u:
            found += [Diagnostic(d.code, d.title, (Label(item.name_span),), d.notes, d.hint) for d in u.diagnostics]
            continue
        found += e.findings.all
        if also is not None and graph is not None:
            found += also(graph)
        if partly is not None and graph is None and e.draft.nodes:
            partly(Graph(macro.name, tuple(e.draft.kept()), (), calls=e.draft.calls))
        run.add(e.coverage)
    found += _looked_at(library, file, run)
    found += static_findings(file, found)
    unread = {(d.span.source, d.span.line) for d in mistakes if d.span is not None
              and d.code not in ("tab-indentation", "unexpected-indent", "inconsistent-indent")}
    found = [d for d in found if d in mistakes or d.span is None or (d.span.source, d.span.line) not in unread]
    if mistakes:  # a line that was not read may be the one that reads a value, or uses a name
        found = [d for d in found if d.code not in ("unconnected", "unused")]
    return list(bounded(in_order(found)))


def _looked_at(library: Library, file: File, run: Coverage) -> list[Diagnostic]:
    """What can be said of what nothing runs, and of train sections."""
    library.budget = Budget()  # what no net runs is looked at for itself
    e = Elaborator(library, RULES)
    e.coverage.add(run)
    with deep_stack():
        try:
            for f in list(library.files.values()):
                prepare(e, f)
            look(e, file)
        except (Fatal, RecursionError):
            pass
    return e.findings.all
