"""How values that do not fit together come to one shape: what a merge's mistake advises."""

from __future__ import annotations

from typing import Any

from ...diagnostics import Advice, Diagnostic, Label
from ...ir.types import shape_text
from ...source import Span
from ...syntax import tree
from ...words.layer import LAYERS
from ..model.scopes import Scope, reference_to
from ..model.values import Flow


def between(d: Diagnostic, node: tree.Call | None, name: str, peers: list[tuple[str, Flow, Span]], scope: Scope) -> Diagnostic:
    """A merge's refusal with its inputs by name, and the way out that their sizes suggest."""
    notes = tuple(f"{what}{f' ({f.value})' if f.value and not what.startswith('@') else ''}: {shape_text(f.type.shape)}"
                  for what, f, _ in peers)
    label = d.labels[0]
    extra = tuple(Label(at, f"{what} gives {shape_text(f.type.shape)}") for what, f, at in peers
                  if what.startswith("branch")) if d.code == "shape-mismatch" else ()
    one_kind = len({f.type.batch for _, f, _ in peers}) == 1  # all of them inside an `each`, or all outside
    hint = _agreed(node, name, peers, scope) if node is not None and d.code == "shape-mismatch" and one_kind else d.hint
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
    alike = LAYERS[name].gathers or len({s[0] for s in shapes}) == 1
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
    if target is None or len(peers) != 2 or LAYERS[name].in_order:
        return None
    return f"{reference_to(scope, peers[narrow][1]) or what} -> {across} -> {name} {target}"


def _times_smaller(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> str:
    """How often the plane a fits into b, as `up` takes it: `2`, `2x4`. Empty where they are alike, or it does not fit a whole
    number of times on every axis."""
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


def projection(a: Any, b: Any) -> str | None:
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
