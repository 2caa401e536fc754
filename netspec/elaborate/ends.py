"""Where a net begins and ends: `input` and `output`."""

from __future__ import annotations

from typing import Any

from ..diagnostics import Advice, Label
from ..ir.types import TensorType, shape_text
from ..source import Span
from ..syntax import tree
from . import statements
from .blame import handed_in
from .elaborator import Elaborator, single_call
from .expressions import evaluate
from .files import Context
from .lookup import spot_name
from .scopes import Scope, head_of
from .values import UNKNOWN_VALUE, Flow, Macro, Mistake, Silent, Symbol, described


def output(e: Elaborator, s: tree.Output, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    try:
        name = spot_name(s.name, s.index, c, flow)
    except (Silent, Mistake):  # its number is not known
        statements.undecided(e, [s.body] if s.body is not None else [], flow, scope, c)
        raise
    span = head_of(s.span, f"output {s.name}")
    if flow is None and s.body is None:
        raise Mistake("no-flow", "there is no flow yet for this output to tap", span, hint="begin the net with:  input 3x224x224")
    out = flow
    if s.body is not None:
        nested = e.nets > 0
        e.in_side += nested
        try:
            if single_call(s.body) is None and isinstance(_alone(s.body), tree.Reference):
                out = statements.run(e, s.body, flow, scope, c)
                if name not in scope.kids and out is not None:
                    scope.claim(name, span).value = out
            else:
                out = statements.labelled_body(e, name, s.body, flow, scope, c, span)
        finally:
            e.in_side -= nested
    elif name not in scope.kids and out is not None:
        scope.claim(name, span).value = out
    assert out is not None
    if e.nets == 0:
        _, taken = e.outputs.get(name, (None, None))
        if taken is not None:
            e.report(Mistake("duplicate-name", f"there are two outputs called `{name}`", span, "the second one" if taken != span
                             else "this name is taken again in every turn",
                             hint=Advice(f"number them:  output {name}[i]: ...")).diagnostic)
        e.outputs[name] = out, span
        if out.sure:
            e.read.add(out.value)
    e.ends_with_output = True
    return flow


def _alone(body: Any) -> Any:
    """The one statement of a line or suite, else None."""
    while isinstance(body, (tree.Suite, tree.Steps)):
        inner = body.statements if isinstance(body, tree.Suite) else body.items
        if len(inner) != 1:
            return None
        body = inner[0]
    return body


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
        e.inputs.setdefault(name, s.span)
        return _doubted_input(scope, name, s.span, tuple(n if isinstance(n, int) and n > 0 else None for n in shape))
    shape = tuple(None if n is None else int(n) for n in shape)
    if s.span.line in c.file.module.doubted:
        e.inputs.setdefault(name, s.span)
        return _doubted_input(scope, name, s.span, shape)
    return _placed_input(e, s, name, shape, scope)


def _doubted_input(scope: Scope, name: str, span: Span, shape: tuple[int | None, ...]) -> Flow:
    """An input whose line is in error: its number of axes, and its sizes as far as they make sense."""
    flow = Flow("", TensorType(shape), False, (), shape)
    if name not in scope.kids:
        scope.claim(name, span).value = flow
    return flow


def misspelt_input(e: Elaborator, node: tree.Call, scope: Scope, c: Context) -> Flow:
    """`inptu 3x224x224`: the shape is not to be trusted, and is most probably right."""
    written = node.arguments[-1] if node.arguments else None
    shape = evaluate(written, c, None) if isinstance(written, (tree.Dims, tree.Number, tree.Listing)) else None
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, tuple) or not all(n is None or (isinstance(n, int) and n > 0) for n in shape):
        raise Silent
    named = node.arguments[0]
    name = named.name if isinstance(named, tree.Name) else "input"
    e.inputs.setdefault(name, node.span)
    return _doubted_input(scope, name, node.span, shape)


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
    e.ends_with_output = False
    if e.binding and e.nets:
        return _bound_input(e, s, name, shape, scope)
    if scope.path:
        raise Mistake("misplaced-input", "an input stands in the body of a net, not inside a label, a loop or a block", s.span,
                      "move it to the net itself")
    if name in e.inputs:
        hint = "give each a name:  input left 1x105x105" if name == "input" else Advice("choose another name")
        raise Mistake("duplicate-name", f"there are two inputs called `{name}`", s.span, "the second one", hint=hint)
    e.inputs[name] = s.span
    if name in e.wanted:
        shape = _wanted(e.wanted.pop(name), name, shape, s)
    return e.add_input(name, TensorType(shape), s.span, scope)


def _bound_input(e: Elaborator, s: tree.InputLine, name: str, shape: tuple[int | None, ...], scope: Scope) -> Flow:
    """An `input` of a called net is the value it was given; the declared shape gives way, but not the number of axes."""
    values = e.binding[-1]
    if not values:
        raise Mistake("misplaced-input", "an input stands in the body of a net, not in a loop", s.span)
    flow = values.pop(0)
    if flow.sure and len(flow.type.shape) != len(shape):
        raise Mistake("wrong-rank",
                      f"the input `{name}` of {e.calls[-1][0]} has {len(shape)} axes, and the value that comes has {len(flow.type.shape)}", e.calls[-1][2],
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
