"""A file's constants and defaults, and what holds where each of its definitions stands."""

from __future__ import annotations

import re

from ..diagnostics import Advice
from ..layers import LAYERS
from ..source import Span
from ..syntax import tree
from .binding.expressions import CONSTANTS
from .model.elaborator import Elaborator
from .model.files import UNKNOWN, Context, File
from .model.mistakes import Mistake
from .model.values import UNKNOWN_VALUE
from .statements.constants import context_after


def prepare(e: Elaborator, file: File) -> None:
    """A file's constants and defaults, in order; what holds where each definition stands."""
    if file.env:
        return
    file.env = dict(CONSTANTS)
    file.defaults = {}
    for item in file.module.items:
        c = Context(file.env, file.defaults, file)
        if isinstance(item, tree.Constant):
            with e.guarded():
                if item.name in file.env:
                    raise Mistake("duplicate-definition", f"`{item.name}` is defined twice", item.span, "the second time",
                                  hint=Advice("give it another name"))
                file.env.update({item.name: context_after(e, item, None, c).env[item.name]})
            file.env.setdefault(item.name, UNKNOWN_VALUE)
        elif isinstance(item, tree.Default):
            with e.guarded():
                file.defaults = context_after(e, item, None, c).defaults
        elif isinstance(item, (tree.Definition, tree.Variant)):
            file.places[item.name] = file.defaults
            with e.guarded():
                _distinct_parameters(item)
        elif isinstance(item, tree.Hole):  # what it would have defined is not to be missed
            found = re.match(r"\s*(\w+)\s*=", file.module.source.line(item.span.line))
            if found:
                file.env[found[1]] = UNKNOWN_VALUE
            text = file.module.source.line(item.span.line)
            words = re.findall(r"[A-Za-z_]\w*", text) if re.search(r"\bimport\b", text) else re.findall(r"^\s*\w+\s+(\w+)", text)
            for name in words:
                if name not in LAYERS:
                    file.definitions.setdefault(name, UNKNOWN)


def _distinct_parameters(item: tree.Definition | tree.Variant) -> None:
    seen: dict[str, Span] = {}
    for p in item.params:
        if p.name in seen:
            raise Mistake("duplicate-definition", f"`{item.name}` has two parameters called `{p.name}`", p.span, "the second one")
        seen[p.name] = p.span
