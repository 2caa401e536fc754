"""A step whose word is misspelt, run as the one that was probably meant, for the lines below it."""

from __future__ import annotations

from dataclasses import replace

from ...diagnostics import NetspecError
from ...ir.types import TensorType
from ...layers import LAYERS
from ...source import Span
from ...syntax import tree
from ..binding.expressions import evaluate
from ..model.elaborator import Elaborator, Step
from ..model.files import Context
from ..model.mistakes import Fatal, Mistake, Silent
from ..model.scopes import Scope
from ..model.values import NOTHING, Flow


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
    e.draft.inputs.setdefault(name, node.span)
    return doubted_input(scope, name, node.span, shape)


def doubted_input(scope: Scope, name: str, span: Span, shape: tuple[int | None, ...]) -> Flow:
    """An input whose line is in error: its number of axes, and its sizes as far as they make sense."""
    flow = Flow("", TensorType(shape), False, (), shape)
    if name not in scope.kids:
        scope.claim(name, span).value = flow
    return flow


def as_meant(e: Elaborator, node: tree.Call, meant: str, flow: Flow | None, scope: Scope, c: Context, label: str | None,
             run: Step) -> Flow:
    """What a misspelt step would have made, for the lines below it; `run` runs a step. What is wrong with it besides is not
    said."""
    if e.way.depth(meant):  # a guess that would go round in a circle
        return lost(node, flow, scope, label)
    e.findings.muted += 1
    try:
        if flow is None:
            return misspelt_input(e, node, scope, c) if meant == "input" else NOTHING
        return run(e, replace(node, name=meant), flow.doubted(), scope, c, label)
    except Fatal:
        raise
    except (Mistake, Silent, NetspecError):  # the last: the word meant has a broken file, and nobody asked for it
        return lost(node, flow, scope, label)
    finally:
        e.findings.muted -= 1


def lost(node: tree.Call, flow: Flow | None, scope: Scope, label: str | None) -> Flow:
    """After a step that makes no sense: a value of which little is known."""
    out = flow.unsure() if flow is not None else NOTHING
    if node.name not in LAYERS:  # a block may do anything to the number of axes
        out = replace(out, ranked=False)
    if label is not None and label not in scope.kids:
        scope.claim(label, node.span).value = out
    return out
