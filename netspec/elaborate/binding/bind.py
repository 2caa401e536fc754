"""A step's arguments to an instance of a word: positionals, bare words, options and defaults, each checked by its kind.

The same binder serves layers, losses, optimisers, schedules and metrics. It knows no syntax: an argument comes evaluated,
with the span to blame.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ...diagnostics import Advice, at_line, near
from ...ir.types import shape_text
from ...layers import LAYERS
from ...source import Span
from ...syntax.habits.names import ALIASES, OPTIONS
from ...words import REQUIRED, Argument, Word, WordError, arguments, spelled
from ..model.files import Macro
from ..model.mistakes import Mistake, Silent, refused
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Incoming, Symbol, described, is_number, plain
from .kinds import OF_PARAMETERS, Given, checked, learns
from .parameter_options import ParameterOptions


@dataclass(slots=True, eq=False)
class Bound:
    """Values by field, and what stands beside the fields: the families a layer takes, and the nodes it refers to."""

    fields: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    norm: str | None = None
    activation: str | None = None
    refs: list[Scope] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    learned: ParameterOptions | None = None  # of a default: how what its steps make is treated


_Table = tuple[dict[str, Argument], dict[str, Argument], tuple[Argument, ...], tuple[str, ...]]
_TABLES: dict[type, _Table] = {}


def _table(cls: type[Word]) -> _Table:
    """Arguments by option name, by bare word, by position, and the families taken."""
    if cls in _TABLES:
        return _TABLES[cls]
    args = arguments(cls)
    names = {a.name: a for a in args}
    words = {w: a for a in args for w in a.words}
    positions = sorted((a for a in args if a.position is not None), key=lambda a: a.position or 0)
    _TABLES[cls] = made = names, words, tuple(positions), tuple(getattr(cls, "takes", ()))
    return made


def family(word: str) -> str | None:
    """`activation` or `norm` for a word that names one."""
    if word == "linear":
        return "activation"
    cls = LAYERS.get(word)
    return None if cls is None else {"activation": "activation", "normalisation": "norm"}.get(cls.category)


def bind(cls: type[Word], what: Span, given: list[Given], options: dict[str, Given], stride: Given | None = None,
         default: Bound | None = None, seen: Collection[str] = ()) -> tuple[Any, Bound]:
    """The instance a step means; `seen` are the names its arguments may use. Raises Mistake."""
    bound = gather(cls, what, given, options, stride, seen)
    if "window" in bound.fields and (bound.fields.get("whole") is True or "to" in bound.fields):
        whole = "to" not in bound.fields
        raise Mistake("contradiction", f"a global {cls.name} takes the whole image, and has no window" if whole
                      else f"{cls.name} to= splits the image by the size of the result, and has no window",
                      bound.spans.get("window", what), "a window",
                      hint=f"{cls.name} global" if whole else f"{cls.name} to={spelled(bound.fields['to'])}")
    if any(v is UNKNOWN_VALUE for v in bound.fields.values()):
        raise Silent
    for a in complete(cls, bound, default):
        raise _missing(cls, what, _table(cls)[2], a, bound)
    try:
        with at_line(what):
            made = cls(**bound.fields)
            made.check()
    except WordError as e:
        raise refused(e, what) from None
    return made, bound


def complete(cls: type[Word], bound: Bound, default: Bound | None) -> list[Argument]:
    """Add what a default says; gives the arguments that are still missing."""
    names, fields = _table(cls)[0], bound.fields
    if default is not None:
        for k, v in default.fields.items():
            fields.setdefault(k, v)
        if bound.norm is None and "norm" not in bound.cancelled:
            bound.norm = default.norm
        if bound.activation is None:
            bound.activation = default.activation
    if bound.norm is not None and not LAYERS[bound.norm].keeps_bias and "bias" in names and "bias" not in fields:
        fields["bias"] = False  # the normalisation's own shift makes it dead
    return [a for a in names.values() if a.default is REQUIRED and a.field not in fields]


def gather(cls: type[Word], what: Span, given: list[Given], options: dict[str, Given], stride: Given | None,
           seen: Collection[str] = (), whole: bool = True) -> Bound:
    """What the step itself says, field by field; `whole` where it is a step, and no default."""
    names, _, positions, _ = _table(cls)
    out = Bound()
    literals: list[Given] = []
    numbers = sum(g.value.__class__ not in (Symbol, Scope) for g in given)
    short = whole and numbers < sum(a.default is REQUIRED and a.kind != "ref" for a in positions)
    for g in given:
        _positional(cls, g, out, literals, short, seen)
    _literals(cls, what, given, literals, [a for a in positions if a.kind != "ref"], out, seen)
    if stride is not None:
        if "stride" not in names:
            raise Mistake("wrong-argument", f"{cls.name} has no stride", stride.span, "it does not slide", notes=(usage(cls),))
        _set(out, names["stride"], checked(cls, names["stride"], stride, seen), stride.span)
    for key, g in options.items():
        _option(cls, key, g, out, seen)
    return out


def _positional(cls: type[Word], g: Given, out: Bound, literals: list[Given], short: bool, seen: Collection[str]) -> None:
    """One argument without a name: a bare word, a node, or one of the `literals`, which take their places afterwards."""
    positions = _table(cls)[2]
    v = g.value
    if v is UNKNOWN_VALUE and g.name == "@":  # a reference that found nothing
        out.fields.update({a.field: v for a in positions if a.kind == "ref"})
    elif v is UNKNOWN_VALUE and len(literals) >= len(positions):
        pass  # a switch, perhaps
    elif v.__class__ is Symbol:
        _word(cls, g, out, literals, short, seen)
    elif v.__class__ is Scope:
        out.refs.append(v)
        a = next((a for a in positions if a.kind == "ref" and a.field not in out.fields), None)
        if a is not None:
            _set(out, a, v.path, g.span)
        elif not _takes_refs(cls):
            raise Mistake("wrong-argument", f"{cls.name} takes no reference", g.span, "not among its arguments",
                          notes=(usage(cls),), hint=f"to join the two:  add @{v.path}")
    elif isinstance(v, (Incoming, Macro)):
        raise Mistake("wrong-argument", f"{described(v)} cannot be an argument of {cls.name}", g.span, notes=(usage(cls),))
    else:
        literals.append(g)


def _option(cls: type[Word], key: str, g: Given, out: Bound, seen: Collection[str]) -> None:
    """One argument by name: a field, or a family that is switched on or off (`bn=no`)."""
    names, words, _, takes = _table(cls)
    a = names.get(key) or (words.get(key) if key in words and words[key].kind == "flag" else None)
    if a is not None and a.kind == "ref":
        if not isinstance(g.value, Scope):
            raise Mistake("wrong-argument", f"`{key}` of {cls.name} is a node, written @name", g.span,
                          f"this is {described(g.value)}")
        out.refs.append(g.value)
        _set(out, a, g.value.path, g.span)
    elif a is not None:
        _set(out, a, checked(cls, a, g, seen), g.span)
    elif family(key) not in takes or not (g.value is UNKNOWN_VALUE or isinstance(g.value, bool)):
        raise _unknown_option(cls, key, g, names, words, takes)
    elif g.value is UNKNOWN_VALUE:
        pass  # a parameter of a block that nothing calls
    elif g.value:
        _choose(out, family(key) or "", key, g.span)
    else:
        out.cancelled.add(family(key) or "")
        if family(key) == "activation":
            out.activation = out.activation or "linear"


def _takes_refs(cls: type[Word]) -> bool:
    most = getattr(cls, "arity", (1, 1))[1]
    return most is None or most > 1


def _set(out: Bound, a: Argument, v: Any, span: Span) -> None:
    if a.field in out.fields:
        raise Mistake("contradiction", f"{a.name} is given twice", span, "the second time",
                      notes=(f"first as {spelled(out.fields[a.field])}",), hint=span.edited(""))
    out.fields[a.field] = v
    out.spans[a.name] = span


def _choose(out: Bound, which: str, word: str, span: Span) -> None:
    had = out.activation if which == "activation" else out.norm
    if had is not None:
        raise Mistake("contradiction",
                      f"`{had}` and `{word}` are two {'activations' if which == 'activation' else 'normalisations'} on one step",
                      span, "the second one", notes=(f"a step of its own is written  -> {word}",), hint=span.edited(""))
    if which == "activation":
        out.activation = word
    else:
        out.norm = word


def _word(cls: type[Word], g: Given, out: Bound, literals: list[Given], short: bool, seen: Collection[str]) -> None:
    """A bare word: a switch of this layer, an activation or normalisation it takes, or a text."""
    _, words, positions, takes = _table(cls)
    w = g.value.name
    a = words.get(w)
    if a is not None:
        _set(out, a, True if a.kind == "flag" else w, g.span)
        return
    which = family(w)
    if which in takes:
        _choose(out, which or "", w, g.span)
        return
    if any(p.kind in ("text", "word", "value") for p in positions) and g.name is None:
        literals.append(g)
        return
    if any(p.kind in ("text", "value") for p in positions):
        literals.append(g)
        return
    if which:
        raise Mistake("wrong-word",
                      f"{cls.name} takes no {'activation' if which == 'activation' else 'normalisation'} of its own", g.span,
                      "not a switch of this layer",
                      hint=f"write it as the next step:  -> {w}" if w != "linear" else g.span.edited(""))
    _unknown_word(cls, g, w, words, takes, short, seen)


def _unknown_word(cls: type[Word], g: Given, w: str, words: dict[str, Argument], takes: tuple[str, ...], short: bool,
                  seen: Collection[str]) -> None:
    pool = [*words]
    if takes:
        pool += [n for n, c in LAYERS.sound().items() if family(n) in takes] + ["linear"]
    alike, other = near(w, pool), ALIASES.get(w.lower(), "")
    options = w if w in _table(cls)[0] else near(w, _table(cls)[0])
    known = [*words, *(["an activation"] if "activation" in takes else []), *(["bn"] if "norm" in takes else [])]
    notes = (f"its words: {', '.join(known)}",) if known else ()
    meant = near(w, [k for k in seen if k not in ("yes", "no", "none")])
    if short and (not alike or len(w) < 3) and w != "x":  # it stands where a number is missing
        raise Mistake("undefined-name", f"`{w}` is not defined here", g.span, "no parameter or constant has this name",
                      (usage(cls),),
                      f"did you mean `{meant}`?" if meant
                      else f"make it a parameter of the block or net, or define it above:  {w} = 1")
    if meant and not alike:
        alike = meant
    off = re.fullmatch(r"no_?(\w+)", w)
    if off and (off[1] in _table(cls)[0] or family(off[1]) in takes):
        hint: str | None = f"{off[1]}=no"
    elif w == "x" and re.search(r"\d+ x \d+", g.span.edited("x")):
        hint = re.sub(r"(\d+) x (\d+)", r"\1x\2", g.span.edited("x"))  # sizes have no blanks
    elif w == "x":
        hint = g.span.edited("")
    elif other in pool:
        hint = f"did you mean `{other}`?"
    elif alike:
        hint = f"did you mean `{alike}`?"
    elif options or w in _table(cls)[0]:
        hint = _as_option(g.span, options or w, _table(cls)[0][options or w].kind)
    elif w in LAYERS and cls.name in LAYERS:
        hint = f"if it is the next step:  {g.span.edited(f'-> {w}')}"
    else:
        hint = g.span.edited("")
    raise Mistake("unknown-word", f"{cls.name} knows no word `{w}`", g.span,
                  "not a switch, and no parameter or constant has this name", notes, hint)


def _as_option(span: Span, name: str, kind: str) -> str:
    """The line with `pad 3` as `pad=3`; with `bias` as `bias=yes`."""
    after = re.match(r"\s+(-?[\d.][\w.+-]*)", span.source.line(span.line)[span.end_column - 1 :])
    if after is None:
        return span.edited(f"{name}={'yes' if kind == 'flag' else '3x3' if kind == 'size' else '1'}")
    return span._replace(end_column=span.end_column + after.end()).edited(f"{name}={after[1]}")


def _literals(cls: type[Word], what: Span, given: list[Given], literals: list[Given], positions: list[Argument], out: Bound,
              seen: Collection[str]) -> None:
    if len(literals) > 1 and len(positions) > 1 and positions[0].kind == "count" and isinstance(literals[0].value,
            tuple) and is_number(literals[1].value):
        first, second = (positions[k].doc.split(",")[0].split(":")[0] for k in (0, 1))
        raise Mistake("wrong-order", f"{cls.name} takes the {first} first, then the {positions[1].name}", what,
                      f"the {positions[1].name} came first",
                      hint=f"{cls.name} {spelled(literals[1].value)} {shape_text(literals[0].value)}" if second else None)
    if len(literals) > len(positions):
        raise Mistake("too-many-arguments", f"{cls.name} takes {_number_of(len(positions))}, and this is one more",
                      literals[len(positions)].span, f"{len(literals)} given",
                      notes=(usage(cls),), hint=_one_more(cls, given, literals, positions))
    for a, g in zip(positions, literals):
        _set(out, a, checked(cls, a, g, seen), g.span)


def _one_more(cls: type[Word], given: list[Given], literals: list[Given], positions: list[Argument]) -> str:
    """What a step with too many numbers probably meant."""
    names = _table(cls)[0]
    values = [g.value for g in literals]
    extra = literals[len(positions)].span
    if extra.source.line(extra.line)[extra.column - 1 : extra.column] == "-":
        return Advice("to subtract, write  n-1  or  n - 1")
    if any(a.kind == "ref" and a.default is REQUIRED for a in names.values()):
        return Advice(usage(cls))
    without = extra.edited("", *((g.span, "") for g in literals[len(positions) + 1 :]))
    if UNKNOWN_VALUE in values:
        return without
    if False in values:
        return "to switch a word off:  bn=no"
    at = given.index(literals[len(positions)])
    before = given[at - 1].value if at else None
    numbers = [a.name for a in names.values() if a.kind in ("number", "rate") and a.position is None]
    if isinstance(before,
                  Symbol) and family(before.name) == "activation" and before.name != "linear" and _table(LAYERS[before.name])[2]:
        return f"write it as the next step:  -> {before.name} {spelled(values[-1])}"
    sliding = [a.kind for a in positions] == ["count", "size"]  # filters, then their window
    if sliding and len(values) == 3 and is_number(values[1]) and not is_number(values[2]):
        return f"the channels that come in are known:  {cls.name} {spelled(values[1])} {spelled(values[2])}"
    if "stride" in names and len(values) == len(positions) + 1 and values[-1].__class__ is int:
        same = sliding and values[-1] == values[-2]
        kept = [*values[:-2], (values[-1],) * 2] if same else values[:-1]
        return f"{cls.name} {' '.join(map(spelled, kept))}" + ("" if same else f" /{values[-1]}")
    if positions and positions[0].kind == "list":
        return f"{cls.name} [{', '.join(map(spelled, values))}]"
    if not positions and "lr" in numbers:
        return f"{cls.name} lr={spelled(values[0])}"
    if positions and positions[0].kind == "size" and len(positions) == 1 and all(v.__class__ is int for v in values):
        return f"{cls.name} {shape_text(tuple(values))}"
    return without


def _number_of(n: int) -> str:
    return "no number" if n == 0 else "one positional argument" if n == 1 else f"{n} positional arguments"


def _missing(cls: type[Word], what: Span, positions: tuple[Argument, ...], a: Argument, bound: Bound) -> Mistake:
    if a.position is None:
        return Mistake("missing-argument", f"{cls.name} needs {a.name}=", what, a.doc, notes=(usage(cls),))
    if a.kind == "ref":
        return Mistake("missing-argument", f"{cls.name} needs a node, written @name", what, a.doc, notes=(usage(cls),))
    if a.kind == "list":
        return Mistake("missing-argument", f"{cls.name} needs a list of numbers", what, a.doc,
                       hint=f"{_before(what, cls.name)}{cls.name} [30, 60]")
    given = [p for p in positions if p.field in bound.fields]
    after = f" after the {given[-1].doc.split(',')[0].split(':')[0]}" if given else ""
    article = "a" if a.name[0] not in "aeiou" else "an"
    need = f"{article} {a.name}" if not a.name.endswith("s") else f"the {a.doc.split(',')[0].split(':')[0]}"
    example = " ".join(spelled(bound.fields[p.field]) if p.field in bound.fields else _example(p)
                       for p in positions if p.default is REQUIRED)
    return Mistake("missing-argument", f"{cls.name} needs {need}{after}", what, f"{a.name} is missing",
                   hint=f"{_before(what, cls.name)}{cls.name} {example}")


def _example(a: Argument) -> str:
    """A value such as an argument may have."""
    if a.kind == "text":
        return '"folder"' if "folder" in a.doc else '"file"'
    return "3x3" if a.kind == "size" else "64"


def _before(what: Span, name: str) -> str:
    """What stands on the line before the word itself: `schedule ` of `schedule multistep`."""
    return what.source.line(what.line)[what.column
                                       - 1 :].partition(name)[0] if what.source.line(what.line).count(name) == 1 else ""


def _unknown_option(cls: type[Word], key: str, g: Given, names: dict[str, Argument], words: dict[str, Argument],
                    takes: tuple[str, ...]) -> Mistake:
    own = [*names, *(OF_PARAMETERS if learns(cls) else ())]
    alike = near(key, [*own, *words]) or next((n for n in own if len(n) > 2 and (key.startswith(n) or key.endswith(f"_{n}"))),
                                              None)
    known = ", ".join(dict.fromkeys(own))
    if key in words:
        return Mistake("unknown-option", f"`{key}` is a bare word of {cls.name}, not an option", g.span, hint=f"{key}")
    if family(key) in takes:
        step = _table(LAYERS[key])[2] if key in LAYERS and is_number(g.value) else ()
        return Mistake("unknown-option", f"`{key}` is a bare word, not an option", g.span,
                       hint=f"write it as the next step:  -> {key} {spelled(g.value)}" if step else f"{key}")
    if key in ("activation", "act") and "activation" in takes:
        return Mistake("unknown-option", f"{cls.name} takes its activation as a bare word", g.span, hint=f"{plain(g.value)}")
    if key in LAYERS and is_number(g.value) and _table(LAYERS[key])[2] and near(key, names) is None:
        return Mistake("unknown-option", f"`{key}` is a step of its own, not an option", g.span,
                       hint=f"write it as the next step:  -> {key} {spelled(g.value)}")
    alike = next((w for w in OPTIONS.get(key.lower(), ()) if w in names
                  or (w in ("decay", "init", "bias_init") and cls.name in LAYERS)), alike)
    if key in ("name", "trainable", "requires_grad"):
        return Mistake("unknown-option", f"`{key}` is no option of a step", g.span,
            hint=f"a label names it:  {plain(g.value)}: {g.span.edited('')}" if key == "name" else f"frozen: {g.span.edited('')}")
    return Mistake("unknown-option", f"`{cls.name}` has no option called `{key}`", g.span, "not one of its options",
                   notes=(f"its options: {known}" if known else "it has no options",), hint=f"did you mean `{alike}`?" if alike
                   else g.span.edited(""))


def usage(cls: type[Word]) -> str:
    """`conv is written  conv FILTERS WINDOW pad= ...`"""
    names, _, positions, _ = _table(cls)
    parts = [cls.name, *((f"@{a.name}" if a.kind == "ref" else a.name.upper()) if a.default is REQUIRED
                         else f"[{a.name.upper()}]" for a in positions)]
    parts += [f"{n}=" for n, a in names.items() if a.position is None and a.name != "stride"]
    return f"{cls.name} is written  {' '.join(parts)}"
