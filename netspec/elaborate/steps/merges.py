"""Several values become one: by reference, in branches, and what `residual` and `dense` come to."""

from __future__ import annotations

from typing import Any

from ...diagnostics import Advice, Diagnostic, Label
from ...ir.types import shape_text
from ...layers import LAYERS
from ...layers.parts.images import CHANNELS
from ...layers.parts.shapes import smallest
from ...source import Span
from ...syntax import tree
from ..binding.arguments import Arguments
from ..binding.bind import bind
from ..binding.kinds import Given
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow, Symbol
from .labels import no_flow
from .merge_hints import between, projection
from .recovery import guess


def by_reference(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, flow: Flow | None, scope: Scope, c: Context,
                 label: str | None) -> Flow:
    """`concat @a @b crop`: the flow first, then the nodes."""
    if flow is None:
        raise no_flow(node)
    refs = [g for g in args.given if isinstance(g.value, Scope)]
    peers = [(f"@{g.value.path}", g.value.value, g.span) for g in refs]
    if not refs and "over" not in args.options and not any(g.value is UNKNOWN_VALUE for g in args.given):
        axis = [g.name for g in args.given if g.name is not None and g.name in e.draft.axes]
        if axis:
            raise Mistake("missing-argument", f"{cls.name} pools an axis that is named by over=", node.span,
                          hint=f"{cls.name} over={axis[0]}")
        named = " ".join("@" + g.name for g in args.given if g.name is not None and g.name in scope.kids)
        raise Mistake("missing-argument", f"{cls.name} joins several values, and only the flow came", node.span,
                      "nothing to join it with",
                      hint=f"a node is written with `@`:  {cls.name} {named}" if named
                      else Advice(f"name a node,  {cls.name} @a , or put branches under  {cls.name}:"))
    return join(e, node, cls, args, [("the flow", flow, node.span), *peers], scope, c, label)


def join(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, peers: list[tuple[str, Any, Span]], scope: Scope, c: Context,
         label: str | None) -> Flow:
    """One merge of these values."""
    span = node.span
    crop = False
    given: list[Given] = []
    if any(g.value is UNKNOWN_VALUE for g in args.given):
        place = scope.numbered(cls.name, span) if label is None else scope.claim(label, span)
        return e.done(place, peers[0][1].unsure() if cls.gathers else peers[0][1].doubted())
    for g in args.given:
        if isinstance(g.value, Symbol) and g.value.name == "crop":
            if crop:
                raise Mistake("contradiction", "`crop` is given twice", g.span)
            crop = True
        elif not isinstance(g.value, Scope):
            given.append(g)
    made, bound = bind(cls, span, given, args.options, args.stride, c.defaults.get(cls.name))
    axis = bound.fields.get("over")
    if axis == CHANNELS and axis in e.draft.axes:
        raise Mistake("contradiction", "`over=channels` means those of an image, and an `each` above has that name, too",
                      bound.spans.get("over", span), hint=Advice("give the `each` another name"))
    if axis is not None and axis != CHANNELS and axis not in e.draft.axes:
        raise Mistake("missing-reference", f"there is no `each {axis}:` above this line", bound.spans.get("over", span),
                      "the axis is named where it is opened",
                      hint=f"over={sorted(e.draft.axes)[0]}" if e.draft.axes else Advice(f"open it with  each {axis}:"))
    if any(f is None for _, f, _ in peers):
        raise Silent
    if crop:
        peers = cropped(e, peers, scope, span)
    place = scope.numbered(cls.name, span) if label is None else scope.claim(label, span)
    if label is not None:
        scope.count(cls.name)
    place.replay = (node, c)
    flows = [f for _, f, _ in peers]
    try:
        out = e.add(place.path, made, flows, span, scope.path)
    except Silent:
        out = guess(made, flows)
    except Mistake as m:
        e.report(between(m.diagnostic, node, cls.name, peers, scope))
        out = guess(made, flows) if all(len(f.type.shape) == len(flows[0].type.shape) for f in flows) else flows[0].unsure()
    place.raw = out
    return e.done(place, out)


def cropped(e: Elaborator, peers: list[tuple[str, Flow, Span]], scope: Scope, span: Span) -> list[tuple[str, Flow, Span]]:
    """Every value of a merge cut to the smallest of them on each axis. Raises Mistake where they are no images of one kind."""
    flows = [f for _, f, _ in peers]
    first = flows[0].type
    for f in flows:
        if len(f.type.shape) != len(first.shape):
            raise Mistake("wrong-rank", "crop cuts one image to the size of another, and these have different numbers of axes",
                          span, f"{shape_text(f.type.shape)} with {shape_text(first.shape)}")
    if len(first.shape) < 2 and all(f.sure for f in flows):
        raise Mistake("wrong-rank", "crop cuts images, and a vector has no height and width", span,
                      f"nothing to cut from {shape_text(first.shape)}",
                      hint=Advice("leave `crop` out: vectors are merged as they are"))
    size = smallest([f.type for f in flows])
    whole = next((f for f in flows if f.type.spatial == size and None not in size), None)
    cls: Any = LAYERS["crop"]
    out = []
    for what, f, at in peers:
        if None in size or f.type.spatial != size:
            like = [whole] if whole is not None else [f, *(g for g in flows if g is not f)]
            place = scope.numbered("crop", span)
            place.value = f = e.add(place.path, cls(reference=like[-1].value), [f, *like], span, scope.path)
        out.append((what, f, at))
    return out


def residual(e: Elaborator, ends: tuple[Label, ...], body: Flow, other: Flow, which: str, scope: Scope, head: Span) -> Flow:
    """add(body(x), other(x))."""
    place = scope.numbered("add", head)
    made = LAYERS["add"]()
    a, b = body.type, other.type
    if a.shape != b.shape and ((body.sure and other.sure) or len(a.shape) == len(b.shape)) and not _may_agree(a.shape, b.shape):
        e.report(Diagnostic("residual-mismatch", "a residual adds its input to its body, and the two differ in shape",
                            (Label(head, f"body gives {shape_text(a.shape)}, {which} is {shape_text(b.shape)}"),
                             *(ends if which != "the input" else ())),
                            hint=projection(a, b) if which == "the input"
                            else Advice("make the shortcut end in the shape of the body")))
        out = Flow("", a, False) if which == "the input" else body.unsure()
    else:
        try:
            out = e.add(place.path, made, [body, other], head, scope.path)
        except Mistake as m:
            e.report(m.diagnostic)
            out = body.unsure()
        except Silent:
            out = Flow("", a, False)
    return e.done(place, out)


def _may_agree(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> bool:
    return len(a) == len(b) and all(p is None or q is None or p == q for p, q in zip(a, b))


def dense(e: Elaborator, x: Flow, y: Flow, scope: Scope, span: Span) -> Flow:
    """concat(x, body(x)); chains flattened, so that a layer's inputs are exactly all before it."""
    before = x.joined or (x,)
    flows = [*before, y]
    place = scope.numbered("concat", span)
    made = LAYERS["concat"]()
    try:
        out = e.add(place.path, made, flows, span, scope.path)
    except Mistake as m:
        e.report(between(m.diagnostic, None, "concat", [*((f"from above {k}", f, span) for k, f in enumerate(before, 1)),
                                                         ("the body", y, span)], scope))
        out = guess(made, flows)
    except Silent:
        out = guess(made, flows)
    out = Flow(out.value, out.type, out.sure, tuple(flows))
    return e.done(place, out)
