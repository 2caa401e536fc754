"""Whose mistake a wrong argument is: where a call hands a block a number that no step can take, it is the call's, and the
step in the block only shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...diagnostics import Advice, Diagnostic, Label
from ...source import Span
from ...syntax import tree

Origins = Mapping[str, tuple[Span, Any]]  # a parameter: the argument that set it, and what the names in that meant
CODES = ("out-of-range", "not-whole", "wrong-argument", "bad-value", "too-many-arguments")
_LITERAL = re.compile(r"-?[\d.]+(?:[eE][+-]?\d+)?|[\d?]+(?:x[\d?]+)+|\"[^\"]*\"|@.*")


def origins(params: Iterable[tree.Param], args: Any, outer: Origins) -> Origins:
    """Where the parameters of one call come from."""
    out: dict[str, tuple[Span, Any]] = {p.name: (p.default.span, {}) for p in params if p.default is not None}
    out.update({p.name: (g.span, outer) for p, g in zip(params, args.given)})
    out.update({k: (g.span, outer) for k, g in args.options.items()})
    if args.stride is not None:
        out["stride"] = args.stride.span, outer
    return out


def blamed(d: Diagnostic, node: tree.Call, c: Any) -> Diagnostic:
    """What is wrong with an argument of a step, at the argument of a call that the value comes from."""
    if d.code == "undefined-name":
        return out_of_reach(d, c)
    if d.code not in CODES or not c.origins:
        return d
    for a in node.arguments:
        value = a.value if isinstance(a, (tree.Option, tree.Stride)) else a
        if a.span == d.span:
            return handed_in(d, value, c)
    return d


def out_of_reach(d: Diagnostic, c: Any) -> Diagnostic:
    """A name that is not defined here, and is a constant of another body or of a line further down."""
    assert d.span is not None
    name = d.span.source.line(d.span.line)[d.span.column - 1 : d.span.end_column - 1]
    found = next((n for n in tree.walk(c.file.module.items) if isinstance(n, tree.Constant) and n.name == name), None)
    if found is None:
        return d
    chosen = any(isinstance(n, tree.If) and any(x is found for x in tree.walk(n)) for n in tree.walk(c.file.module.items))
    if found in c.file.module.items:
        return replace(d,
                       labels=(Label(d.span, "a constant holds from its line down"),
                               Label(found.span, "this one does not reach it")),
                               hint=Advice(f"move  {name} = ...  above this line"))
    return replace(d, labels=(Label(d.span, "a constant holds in its own body, from its line down"),
                              Label(found.span, "this one does not reach it")),
                   hint=Advice(f"define it above:  {name} = (A if CONDITION else B)") if chosen
                   else f"define it above:  {name} = 1")


def handed_in(d: Diagnostic, value: Any, c: Any) -> Diagnostic:
    """A mistake in a value, where it was written if it came through parameters as it is."""
    return named(d, value.name, c) if d.code in CODES and isinstance(value, tree.Name) else d


def named(d: Diagnostic, parameter: str, c: Any) -> Diagnostic:
    """What is wrong with the value of a parameter, where it was handed in."""
    name, known = parameter, c.origins
    while name in known:
        span, known = known[name]
        written = span.source.line(span.line)[span.column - 1 : span.end_column - 1]
        text = re.sub(r"^(?:\w+\s*=|/)\s*", "", written)
        if _LITERAL.fullmatch(text) and d.span is not None and span.source == d.span.source:
            head = written[: len(written) - len(text)]  # `n=`, or the slash of a stride
            example = re.match(r"for example:  (?:\w+=|/)?", d.hint or "")
            hint = f"for example:  {head}{(d.hint or '')[example.end():]}" if example else d.hint
            if d.code == "too-many-arguments":
                hint = Advice(f"`{parameter}` stands where no number can: hand in a word")
            return replace(d, hint=hint, labels=(Label(span, d.labels[0].text), Label(d.span, f"`{parameter}` is used here"),
                                                 *d.labels[1:]))
        name = text
    return d
