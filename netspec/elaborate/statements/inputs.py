"""`input`: where values enter a net, or a called net takes what it was given."""

from __future__ import annotations

from typing import Any

from ...diagnostics import Advice, Label
from ...ir.types import TensorType, shape_text
from ...syntax import tree
from ..binding.expressions import evaluate
from ..model.elaborator import Elaborator
from ..model.files import Context, Macro
from ..model.mistakes import Mistake, Silent
from ..model.origins import handed_in
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow, Symbol, described
from ..steps.misspelt import doubted_input


def input_line(e: Elaborator, s: tree.InputLine, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    name = s.name or "input"
    for o in s.options:
        raise Mistake("unknown-option", f"an input has no option called `{o.name}`", o.span,
                      hint="an input is a name and a shape:  input 3x224x224")
    shape = evaluate(s.shape, c, flow)
    if not isinstance(shape, tuple):
        shape = (shape,)
    try:
        _check_sizes(s, shape)
    except Mistake as m:
        items = s.shape.items if isinstance(s.shape, tree.Listing) else ()
        wrong = next((i for i, n in zip(items, shape) if not isinstance(n, int) or n < 1), None)
        e.report(handed_in(m.diagnostic, wrong, c))
        e.draft.inputs.setdefault(name, s.span)
        return doubted_input(scope, name, s.span, tuple(n if isinstance(n, int) and n > 0 else None for n in shape))
    shape = tuple(None if n is None else int(n) for n in shape)
    if s.span.line in c.file.module.doubted:
        e.draft.inputs.setdefault(name, s.span)
        return doubted_input(scope, name, s.span, shape)
    return _placed_input(e, s, name, shape, scope)


def _check_sizes(s: tree.InputLine, shape: tuple[Any, ...]) -> None:
    for n in shape:
        if n is UNKNOWN_VALUE:
            raise Silent
        if isinstance(n, (Symbol, Macro)):
            raise Mistake("undefined-name", f"`{n.name}` is not defined here", s.shape.span, "a size of the input")
        if n is not None and (isinstance(n, bool) or not isinstance(n, (int, float)) or n != int(n)):
            raise Mistake("not-whole", "the sizes of an input are whole numbers", s.shape.span, f"one is {described(n)}")
        if n is not None and n > 10**9:
            raise Mistake("too-large", "this input is too large for any machine", s.shape.span, "the limit of a size is 1e+09")
        if n is not None and n < 1:
            raise Mistake("out-of-range", "the sizes of an input are at least 1", s.shape.span, f"one is {n:g}")
    if len(shape) > 6:
        raise Mistake("wrong-rank", "an input has at most six axes", s.shape.span, f"this has {len(shape)}")


def _placed_input(e: Elaborator, s: tree.InputLine, name: str, shape: tuple[int | None, ...], scope: Scope) -> Flow:
    """The input as a node of the graph, or as the value a call gave it."""
    e.draft.ends_with_output = False
    if e.way.inputs and e.way.nets:
        return _bound_input(e, s, name, shape, scope)
    if scope.path:
        raise Mistake("misplaced-input", "an input stands in the body of a net, not inside a label, a loop or a block", s.span,
                      "move it to the net itself")
    if name in e.draft.inputs:
        hint = "give each a name:  input left 1x105x105" if name == "input" else Advice("choose another name")
        raise Mistake("duplicate-name", f"there are two inputs called `{name}`", s.span, "the second one", hint=hint)
    e.draft.inputs[name] = s.span
    if name in e.asked.inputs:
        shape = _wanted(e.asked.inputs.pop(name), name, shape, s)
    return e.add_input(name, TensorType(shape), s.span, scope)


def _bound_input(e: Elaborator, s: tree.InputLine, name: str, shape: tuple[int | None, ...], scope: Scope) -> Flow:
    """An `input` of a called net is the value it was given; the declared shape gives way, but not the number of axes."""
    values = e.way.inputs[-1]
    if not values:
        raise Mistake("misplaced-input", "an input stands in the body of a net, not in a loop", s.span)
    flow = values.pop(0)
    if flow.sure and len(flow.type.shape) != len(shape):
        raise Mistake("wrong-rank",
                      f"the input `{name}` of {e.way.calls[-1].name} has {len(shape)} axes, and the value that comes has {len(flow.type.shape)}", e.way.calls[-1].span,
                      f"this gives {shape_text(flow.type.shape)}", peers=(Label(s.span, f"declared as {shape_text(shape)}"),))
    scope.claim(name, s.span).value = flow
    return flow


def _wanted(want: Any, name: str, shape: tuple[int | None, ...], s: tree.InputLine) -> tuple[int | None, ...]:
    if len(want) != len(shape):
        raise Mistake("wrong-rank", f"the input `{name}` has {len(shape)} axes, and the shape asked for has {len(want)}",
                      s.shape.span, f"declared {shape_text(shape)}, asked for {shape_text(want)}")
    if shape[0] is not None and want[0] != shape[0]:
        raise Mistake("shape-mismatch", f"the input `{name}` has {shape[0]} channels, and {want[0]} were asked for", s.shape.span,
                      "only its size can be chosen")
    return tuple(want)
