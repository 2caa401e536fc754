"""What the word of a step means: a layer, a block, a step that is structure."""

from __future__ import annotations

from typing import Any

from ...diagnostics import Advice, near
from ...ir.training import SETTINGS
from ...layers import LAYERS
from ...optimisers import OPTIMISERS
from ...source import Span
from ...syntax import tree
from ...syntax.habits.names import ALIASES
from ..model.files import STRUCTURAL, UNKNOWN, Context, Macro
from ..model.mistakes import Mistake
from ..model.values import UNKNOWN_VALUE, Symbol, described


def resolve(node: tree.Call, c: Context) -> tuple[str, Any]:
    """A block, a layer class, or None for the steps that are structure."""
    name = node.name
    held = c.env.get(name)
    if held is UNKNOWN_VALUE:
        return name, UNKNOWN
    if held is not None:
        if isinstance(held, Macro):
            return name, held
        if isinstance(held, Symbol):
            name = held.name
    macro = c.file.definitions.get(name)
    if macro is not None:
        c.file.used.add(name)
        return name, macro
    cls = LAYERS.get(name)
    if cls is not None:
        return name, cls
    if name in STRUCTURAL:
        return name, None
    if held is not None and not isinstance(held, Symbol):
        raise Mistake("wrong-word", f"`{name}` is {described(held)}, not a layer or block", node.name_span,
                      "only a layer or block can be a step", hint=Advice("hand in a word, for example  relu"))
    raise unknown(name, node.name_span, c, LAYERS, via=node.name if isinstance(held, Symbol) else None)


def unknown(name: str, span: Span, c: Context, layers: Any, via: str | None = None) -> Mistake:
    """A word nobody knows."""
    alias = ALIASES.get(name.lower())
    blocks = list(c.file.definitions)
    alike = near(name, [*layers, *blocks, *STRUCTURAL, *(k for k, v in c.env.items() if isinstance(v, (Macro, Symbol)))])
    head = near(name, ("residual", "dense", "each", "frozen", "repeat", "output", "input"))
    if name.lower() == "flatten" and name not in layers:
        hint: str | None = Advice("fc flattens by itself; drop this line")
    elif name in ("return", "end", "pass"):
        hint = Advice("drop this line: a body ends with its last line, and its value is the result")
    elif _of_training(name):
        hint = Advice(
            f"it belongs into a train section:  train NAME:  {span.source.line(span.line)[span.column - 1 :].split('#')[0].rstrip()}")
    elif name.lower() in layers:
        hint = f"did you mean `{name.lower()}`?"
    elif alias and (alias.split()[0] in layers or alias in STRUCTURAL):
        hint = f"in .net this is called:  {alias}"
    elif alike:
        hint = f"did you mean `{alike}`?"
    elif head:
        hint = f"did you mean `{head}`?" if head in ("input", "output") else f"did you mean `{head}:`?"
    else:
        hint = Advice(f"define it above:  block {name}(...): ...")
    label = ("not a layer, not a block of this file" if via is None
             else f"`{via}` is `{name}` here, which is not a layer and not a block")
    meant = None if _of_training(name) else next((w for w in (alias and alias.split()[0], name.lower(), alike) if w in layers
                                                  or w in blocks), head)
    return Mistake("unknown-word", f"I know no layer or block called `{name}`", span, label, hint=hint, meant=meant)


def _of_training(name: str) -> bool:
    """Whether the word begins a line of a train section."""
    return name in SETTINGS or name in OPTIMISERS
