"""One net run at the root, after the constants and defaults of its file: its graph, and all that was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..diagnostics import Advice, Diagnostic, Label, UsageError, near
from ..garbage import none_expected
from ..ir.graph import Graph
from ..syntax import tree
from .binding.arguments import Arguments
from .binding.kinds import Given
from .model.elaborator import Elaborator
from .model.files import Context, File, Library, Macro
from .model.mistakes import Fatal, Mistake, Silent
from .model.origins import origins
from .nets import parameter_names
from .outside import parameter, wanted_inputs
from .prepare import prepare
from .statements.table import RULES
from .steps.definitions import open_macro
from .steps.weight_files import weight_file
from .whole_net import whole_net


@contextmanager
def deep_stack() -> Iterator[None]:
    """Blocks nested 64 deep, each with bodies in bodies, need more frames than Python allows by default."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 12_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def elaborated(library: Library, file: File, macro: Macro, parameters: Mapping[str, object],
               input: Any, weights: bool = True) -> tuple[Elaborator, Graph | None]:
    e = Elaborator(library, RULES)
    e.asked.initialise = not weights
    library.nets += 1
    e.findings.all += library.found
    settings = dict(parameters)
    if str(settings.get("weights", "")) in ("none",
                                            "None") and "weights" in settings and "weights" not in parameter_names(macro):
        settings.pop("weights")
        e.asked.initialise = True
    e.asked.inputs = wanted_inputs(macro, input)
    with deep_stack(), none_expected():
        try:
            for f in list(library.files.values()):
                prepare(e, f)
            _run_net(e, file, macro, settings)
            graph = whole_net(e, macro)
        except Fatal as m:
            e.report(m.diagnostic)
            e.coverage.entered.clear()  # what stands behind it was not reached
            graph = None
        except RecursionError:
            e.report(Diagnostic("too-deep", "this is nested too deeply", (Label(macro.item.name_span, "inside here"),),
                                hint=Advice("move inner parts into blocks")))
            graph = None
    return e, graph


def _run_net(e: Elaborator, file: File, macro: Macro, settings: dict[str, object]) -> None:
    """Run the net's body at the root."""
    span = macro.item.name_span
    args = Arguments()
    names = parameter_names(macro)
    for key, value in settings.items():
        if key not in names:
            alike = near(key, names)
            raise UsageError(f"{macro.name} has no parameter called {key}",
                             f"its parameters: {', '.join(sorted(names)) or 'none'}", hint=f"did you mean {alike}?" if alike
                             else None, code="unknown-parameter")
        args.options[key] = Given(parameter(key, value, file), span)
    node = tree.Call(macro.name, (), span, span)
    c = Context(file.env, {}, file)
    try:
        definition, env, named, inner = open_macro(macro, args, node, c, None)
    except Silent:
        return
    except Mistake as m:
        if m.diagnostic.code == "missing-argument" and isinstance(macro.item, tree.Definition):
            raise UsageError(f"{macro.name} needs arguments", m.diagnostic.title, *m.diagnostic.notes,
                             hint=Advice(f"--set, or a variant:  net NAME = {macro.name} ..."), code="missing-argument") from None
        e.report(m.diagnostic)
        return
    e.asked.parameters = {p.name: env[p.name] for p in definition.params if p.name in env}
    if named is not None:
        e.way.weights.append(("", weight_file(e, named)))
    e.coverage.entered.add(id(definition))
    inside = Context(env, inner.places.get(definition.name, inner.defaults), inner, origins(definition.params, args, {}))
    e.findings.site = span
    out = e.run(definition.body, None, e.draft.root, inside)
    if args.upto is not None:
        with e.guarded():
            raise Mistake("wrong-argument", "`upto` stops a called net; a variant always runs to its end", args.upto.span)
    if e.asked.inputs:
        name = next(iter(e.asked.inputs))
        raise UsageError(f"{macro.name} has no input called {name}", f"its inputs: {', '.join(e.draft.inputs)}",
                         code="unknown-parameter")
    if out is None or not e.draft.inputs:
        if not e.findings.mistakes and not any(isinstance(n, tree.Hole) for n in tree.walk(definition.body)):
            e.say("error", "no-flow", f"the net `{macro.name}` has no input", definition.name_span, "nothing flows through it",
                  hint="input 3x224x224")
        return
    if e.draft.ends_with_output:
        e.draft.left = out.value
    else:
        if "out" in e.draft.outputs:
            e.say("error", "duplicate-name", "there are two outputs called `out`", e.draft.outputs["out"][1],
                  "the net's last line is the output `out` too", hint=Advice("give this one another name"))
        else:
            e.draft.outputs["out"] = out, span
            e.draft.read.add(out.value)
