"""Merges: branches under a head, nodes by reference, and what `residual` and `dense` come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..diagnostics import Advice, Diagnostic, Label
from ..ir.types import shape_text
from ..layers import LAYERS
from ..layers.parts.shapes import smallest
from ..source import Span
from ..syntax import tree
from .argument_kinds import Given
from .bind import bind
from .calls import use
from .elaborator import Elaborator
from .files import UNKNOWN, Context
from .lookup import arguments, no_flow, resolve
from .scopes import Scope, reference_to
from .values import UNKNOWN_VALUE, Flow, Macro, Mistake, Silent, Symbol

if TYPE_CHECKING:
    from .lookup import Arguments


def by_reference(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, flow: Flow | None, scope: Scope, c: Context,
                 label: str | None) -> Flow:
    """`concat @a @b crop`: the flow first, then the nodes."""
    if flow is None:
        raise no_flow(node)
    refs = [g for g in args.given if isinstance(g.value, Scope)]
    peers = [(f"@{g.value.path}", g.value.value, g.span) for g in refs]
    if not refs and "over" not in args.options and not any(g.value is UNKNOWN_VALUE for g in args.given):
        axis = [g.name for g in args.given if g.name is not None and g.name in e.seen_axes]
        if axis:
            raise Mistake("missing-argument", f"{cls.name} pools an axis that is named by over=", node.span,
                          hint=f"{cls.name} over={axis[0]}")
        named = " ".join("@" + g.name for g in args.given if g.name is not None and g.name in scope.kids)
        raise Mistake("missing-argument", f"{cls.name} joins several values, and only the flow came", node.span,
                      "nothing to join it with",
                      hint=f"a node is written with `@`:  {cls.name} {named}" if named
                      else Advice(f"name a node,  {cls.name} @a , or put branches under  {cls.name}:"))
    return join(e, node, cls, args, [("the flow", flow, node.span), *peers], scope, c, label)


def branches(e: Elaborator, node: tree.Merge, flow: Flow | None, scope: Scope, c: Context, label: str | None = None) -> Flow:
    """`concat:` and its branches, each run on the same flow."""
    from . import statements

    e.tick(node.call.span)
    if flow is None:
        raise no_flow(node.call)
    try:
        name, target = resolve(node.call, c)
    except Mistake as m:
        e.report(m.diagnostic)
        return statements.undecided(e, [s for b in node.branches for s in b.statements], flow, scope, c)
    if target is UNKNOWN:
        return statements.undecided(e, [s for b in node.branches for s in b.statements], flow, scope, c)
    if len(node.branches) == 1 and not node.call.arguments and not isinstance(target, Macro):
        e.say("warning", "unconnected", f"this `{name}:` has one branch, and joins it with nothing", node.call.span,
              "one value, as it is", hint="add a second line that begins with `|`:  | skip")
    is_block = isinstance(target, Macro)
    if not is_block and (target is None or target.category != "merge"):
        raise Mistake("wrong-word", f"`{name}` does not merge branches", node.call.name_span,
                      "only a merge has `|` lines under it",
                      hint=Advice("concat, add, sub, mul, max, mean merge; so does a block with several inputs"))
    args = arguments(e, node.call, flow, scope, c)
    outs: list[tuple[str, Flow, Span]] = []
    for k, b in enumerate(node.branches, 1):
        out: Flow | None = flow
        inner = c
        for s in b.statements:
            if isinstance(s, (tree.Default, tree.Constant)):
                with e.guarded():
                    inner = statements.bound(e, s, out, inner)
            else:
                out = statements.run(e, s, out, scope, inner)
        assert out is not None
        outs.append((f"branch {k}", out, b.statements[-1].span))
    e.ends_with_output = False
    refs = [(f"@{g.value.path}", g.value.value, g.span) for g in args.given if isinstance(g.value, Scope)]
    if is_block:
        return use(e, node.call, target, args, flow, scope, c, label, [f for _, f, _ in outs])
    return join(e, node.call, target, args, [*outs, *refs], scope, c, label)


def join(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, peers: list[tuple[str, Any, Span]], scope: Scope, c: Context,
         label: str | None) -> Flow:
    """One merge of these values."""
    span = node.span
    crop = False
    given: list[Given] = []
    if any(g.value is UNKNOWN_VALUE for g in args.given):
        place = scope.numbered(cls.name, span) if label is None else scope.claim(label, span)
        return e.done(place, peers[0][1].unsure() if cls.name == "concat" else peers[0][1].doubted())
    for g in args.given:
        if isinstance(g.value, Symbol) and g.value.name == "crop":
            if crop:
                raise Mistake("contradiction", "`crop` is given twice", g.span)
            crop = True
        elif not isinstance(g.value, Scope):
            given.append(g)
    made, bound = bind(cls, span, given, args.options, args.stride, c.defaults.get(cls.name))
    axis = bound.fields.get("over")
    if axis is not None and axis not in e.seen_axes:
        raise Mistake("missing-reference", f"there is no `each {axis}:` above this line", bound.spans.get("over", span),
                      "the axis is named where it is opened",
                      hint=f"over={sorted(e.seen_axes)[0]}" if e.seen_axes else Advice(f"open it with  each {axis}:"))
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
        from .steps import guess

        out = guess(made, flows)
    except Mistake as m:
        e.report(_between(m.diagnostic, node, cls.name, peers, scope))
        from .steps import guess

        out = guess(made, flows) if all(len(f.type.shape) == len(flows[0].type.shape) for f in flows) else flows[0].unsure()
    place.raw = out
    return e.done(place, out)


def _between(d: Diagnostic, node: tree.Call | None, name: str, peers: list[tuple[str, Flow, Span]], scope: Scope) -> Diagnostic:
    """A merge's refusal with its inputs by name, and the way out that their sizes suggest."""
    notes = tuple(f"{what}{f' ({f.value})' if f.value and not what.startswith('@') else ''}: {shape_text(f.type.shape)}"
                  for what, f, _ in peers)
    label = d.labels[0]
    extra = tuple(Label(at, f"{what} gives {shape_text(f.type.shape)}") for what, f, at in peers
                  if what.startswith("branch")) if d.code == "shape-mismatch" else ()
    hint = _agreed(node, name, peers, scope) if node is not None and d.code == "shape-mismatch" else d.hint
    return Diagnostic(d.code, d.title, (Label(label.span, label.text), *extra[:4]), notes if not extra else (), hint, d.severity,
                      d.trail)


def _agreed(node: tree.Call, name: str, peers: list[tuple[str, Flow, Span]], scope: Scope) -> str | None:
    """How values of several shapes come to one. Where one is much smaller it is enlarged, and where a little is missing the
    others are cut; channels are brought across by a projection, a single one repeated by a convolution of ones."""
    first, *others = (f for _, f, _ in peers)
    shapes = [f.type.shape for f in (first, *others)]
    if not all(f.type.known for f in (first, *others)) or len({len(s) for s in shapes}) > 1:
        return None
    odd = next((k for k, s in enumerate(shapes) if s[1:] != shapes[0][1:]), 0)
    alike = name == "concat" or len({s[0] for s in shapes}) == 1
    if odd:  # planes that differ
        a, b = first.type.spatial, others[odd - 1].type.spatial
        up = _times_smaller(a, b), _times_smaller(b, a)
        if not any(up) or len({s[1:] for s in shapes}) > 2:
            axes = list(zip(*(s[1:] for s in shapes)))
            if not alike or any(3 * (max(axis) or 0) > 4 * (min(axis) or 0) for axis in axes):  # more than borders
                return Advice("check the strides and `valid`/`same` of what is joined")
            cut = f"{tree.source_text(node)} crop" if peers[1][0].startswith("@") else f"{name} crop:"
            return f"`crop` cuts all to the smallest:  {cut}"
        small, large = (0, odd) if up[0] else (odd, 0)
        what, _, at = peers[small]
        channels = "" if alike else _projection_to(shapes[large][0], shapes[small])
        if what.startswith("branch"):
            return f"enlarge it:  {_line_of(at)} -> up {up[0] or up[1]}{channels}"
        target, other = reference_to(scope, peers[large][1]), reference_to(scope, peers[small][1])
        if target is None or len(peers) > 2:
            return None
        if small:  # the flow is the larger one
            what = other or what
            return f"{what} -> up {target}{channels} -> {name} {target}"
        return f"up {target}{channels} -> {tree.source_text(node)}"
    if alike:
        return None
    wide = max(shapes, key=lambda s: s[0] or 0)
    narrow = next(k for k, s in enumerate(shapes) if s[0] != wide[0])
    what, _, at = peers[narrow]
    across = _projection_to(wide[0], shapes[narrow]).removeprefix(" -> ")
    if what.startswith("branch"):
        return f"bring it to {shape_text(wide)}:  {_line_of(at)} -> {across}"
    if narrow == 0:
        return f"{across} -> {tree.source_text(node)}" if all(s == wide for s in shapes[1:]) else None
    target = reference_to(scope, first)
    return f"{reference_to(scope, peers[narrow][1]) or what} -> {across} -> {name} {target}" if target is not None and len(
        peers) == 2 and name != "sub" else None


def _times_smaller(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> str:
    """How often the plane a fits into b, where that is twice at least on every axis that differs: `2`, `2x4`; nothing elsewhere."""
    times = [q // p if p and q and q % p == 0 else 0 for p, q in zip(a, b)]
    if not all(times) or all(n == 1 for n in times):
        return ""
    return str(times[0]) if len(set(times)) == 1 else "x".join(map(str, times))


def _projection_to(channels: int | None, shape: tuple[int | None, ...]) -> str:
    """The step that gives a value of this shape so many channels. A map of one channel is repeated, and nothing learned."""
    window = "x".join("1" for _ in shape[1:])
    if len(shape) == 1:
        return f" -> fc {channels} linear"
    return f" -> conv {channels} {window} values=1 bias=no" if shape[0] == 1 else f" -> conv {channels} {window} linear"


def _line_of(span: Span) -> str:
    return span.source.line(span.line).partition("#")[0].strip()


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
                            hint=_projection(a, b) if which == "the input"
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


def _projection(a: Any, b: Any) -> str | None:
    """The 1x1 convolution that brings the input to the body's shape, where there is one."""
    if len(a.shape) != len(b.shape):
        return Advice("keep the number of axes inside a residual")
    if len(a.shape) == 1:
        return f"carry the input across with a projection:\nshortcut: fc {a.shape[0]} linear"
    strides = set()
    for p, q in zip(a.spatial, b.spatial):
        if p is None or q is None:
            continue
        s = next((s for s in range(1, 65) if (q - 1) // s + 1 == p), None)
        if s is None:
            return Advice("keep the size inside the body: stride 1, and `same`")
        strides.add(s)
    if len(strides) > 1:
        return Advice("keep the size inside the body: stride 1, and `same`")
    s = strides.pop() if strides else 1
    window = "x".join("1" for _ in a.spatial)
    return f"carry the input across with a projection:\nshortcut: conv {a.shape[0]} {window}{f' /{s}' if s > 1 else ''} linear"


def dense(e: Elaborator, x: Flow, y: Flow, scope: Scope, span: Span) -> Flow:
    """concat(x, body(x)); chains flattened, so that a layer's inputs are exactly all before it."""
    from .steps import guess

    before = x.joined or (x,)
    flows = [*before, y]
    place = scope.numbered("concat", span)
    made = LAYERS["concat"]()
    try:
        out = e.add(place.path, made, flows, span, scope.path)
    except Mistake as m:
        e.report(_between(m.diagnostic, None, "concat", [*((f"from above {k}", f, span) for k, f in enumerate(before, 1)),
                                                         ("the body", y, span)], scope))
        out = guess(made, flows)
    except Silent:
        out = guess(made, flows)
    out = Flow(out.value, out.type, out.sure, tuple(flows))
    return e.done(place, out)
