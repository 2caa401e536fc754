"""The words that a line names: a loss, a metric, a schedule, bound with their arguments like any step."""

from __future__ import annotations

from typing import Any

from ...diagnostics import near
from ...syntax import tree
from ...syntax.habits.names import OTHERWISE
from ...words.faults import say_where
from ..binding.bind import bind
from ..binding.expressions import evaluate
from ..binding.kinds import Given
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.values import UNKNOWN_VALUE, Symbol


def named_word(registry: Any, sort: str, s: tree.Call, c: Context) -> Any:
    cls, rest = class_named(registry, sort, s, c)
    return bound_word(cls, s, rest, c)


def class_named(registry: Any, sort: str, s: tree.Call, c: Context) -> tuple[Any, tuple[Any, ...]]:
    if not s.arguments or not isinstance(s.arguments[0], tree.Name):
        joined = tree.source_text(s.arguments[0]).replace("-", "_").replace(" ", "") if s.arguments else ""
        raise Mistake("missing-argument", f"`{s.name}` is followed by the name of {'an' if sort[0] in 'aeiou' else 'a'} {sort}",
                      s.span, "the name is missing",
            notes=("there are: " + ", ".join(sorted(registry)),),
                      hint=f"{s.name} {joined}" if joined in registry else f"for example:  {s.name} {sorted(registry)[0]}")
    first = s.arguments[0]
    held = c.env.get(first.name)
    if held is UNKNOWN_VALUE:
        raise Silent
    name = held.name if isinstance(held, Symbol) else first.name
    cls = registry.get(name)
    if cls is None:
        alike = next((w
                      for w in (OTHERWISE.get(name.lower()), near(name, registry), name.lower().removesuffix("loss").rstrip("_"))
                      if w and w.split()[0] in registry), None)
        raise Mistake("unknown-word", f"there is no {sort} called `{name}`", first.span,
                      f"not {'an' if sort[0] in 'aeiou' else 'a'} {sort}",
                      notes=("there are: " + ", ".join(sorted(registry)),), hint=f"did you mean `{alike}`?" if alike
                      else f"for example:  {sorted(registry)[0]}")
    return cls, s.arguments[1:]


def bound_word(cls: Any, s: tree.Call, arguments: Any, c: Context) -> Any:
    given: list[Given] = []
    options: dict[str, Given] = {}
    for a in arguments:
        if isinstance(a, tree.Option):
            if a.name in options:
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
            if isinstance(a.value, tree.Reference):
                raise Mistake("wrong-argument", f"`{a.name}` is no node", a.span,
                              hint=f"an output is named by itself:  {s.name} {cls.name} {tree.source_text(a.value)}")
            options[a.name] = Given(evaluate(a.value, c, None), a.span, a.value.name if isinstance(a.value, tree.Name) else None)
        elif isinstance(a, tree.Reference):
            raise Mistake("wrong-argument", f"{cls.name} takes no reference", a.span)
        else:
            given.append(Given(evaluate(a, c, None), a.span, a.name if isinstance(a, tree.Name) and a.name not in c.env
                               else None))
    made = bind(cls, s.span, given, options, seen=c.env)[0]
    say_where(made, s.span)
    return made
