"""Every setting of a train section: the line that says it, and what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...datasets import DATASETS
from ...diagnostics import Advice, near
from ...ir.graph import Graph
from ...ir.precision import PRECISIONS, refusal
from ...ir.training import ALSO, SETTINGS, DataUse, Setting
from ...losses import LOSSES
from ...optimisers import OPTIMISERS
from ...schedules import SCHEDULES
from ...syntax import tree
from ...syntax.habits.names import ELSEWHERE, OPTIONS, OTHERWISE
from ..binding.expressions import evaluate, number
from ..binding.train_words import OF_OPTIMISER
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.values import UNKNOWN_VALUE, plain
from .examples import augmentation_line, preparation_line
from .judged import loss_line, metric_line
from .running import keep_line, log_line, seed_line
from .state import Section
from .words import bound_word, named_word


@dataclass(frozen=True)
class Line:
    """One line, and what is known where it stands. `graph` is None where the net could not be elaborated."""

    e: Elaborator
    s: tree.Call
    c: Context
    section: Section
    graph: Graph | None


def setting(e: Elaborator, s: tree.Call, c: Context, section: Section, graph: Graph | None) -> None:
    """Read one line into the section. Raises Mistake."""
    if s.name == "<hole>":
        return
    for a in s.arguments:
        if isinstance(a, (tree.Stride, tree.Upto)):
            raise Mistake("wrong-argument", "a setting has no stride and no `upto`", a.span)
    line, name = Line(e, s, c, section, graph), ALSO.get(s.name, s.name)
    if name in OPTIMISERS:
        _optimiser(line)
    elif name in SAID_ONCE:
        if getattr(section, name) is not None:
            raise Mistake("duplicate-option", f"`{name}` is given twice", s.span, "the second time")
        setattr(section, name, SAID_ONCE[name](line))
    elif name in SAID_OFTEN:
        getattr(section, SAID_OFTEN[name][0]).append(SAID_OFTEN[name][1](line))
    else:
        raise _unknown(line)


def _optimiser(line: Line) -> None:
    if line.section.steps:
        raise Mistake("contradiction", "there are two optimisers", line.s.span, "the second one", hint=Advice("keep one"))
    line.section.steps = True
    line.section.optimiser = bound_word(OPTIMISERS[line.s.name], line.s, line.s.arguments, line.c)


def _whole(line: Line) -> int:
    """`batch 64`."""
    s, name = line.s, line.s.name
    if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
        raise Mistake("wrong-argument", f"{name} takes one whole number", s.span, hint=f"{name} 64")
    v = number(s.arguments[0], line.c, None)
    v = int(v) if v == int(v) else v
    if not isinstance(v, int):
        raise Mistake("not-whole", f"{name} is a whole number", s.arguments[0].span, f"this is {v:g}",
                      hint=f"{name} {max(1, round(v))}")
    if v < 1:
        raise Mistake("out-of-range", f"{name} is at least 1", s.arguments[0].span, f"this is {v}", hint=f"{name} {max(1, -v)}")
    return v


def _shards(line: Line) -> int:
    """`shards 8`: parts of a batch."""
    line.section.shards_at = line.s.span
    return _whole(line)


def _unknown(line: Line) -> Mistake:
    """The line begins with no setting and no optimiser."""
    s, name = line.s, line.s.name
    if name in LOSSES:
        return Mistake("unknown-word", "a loss line begins with `loss`", s.span, hint="loss " + tree.source_text(s))
    if name in ("optimiser", "optimizer"):
        return Mistake("unknown-word", "an optimiser's line begins with its own name", s.name_span,
                       hint=tree.source_text(s).partition(" ")[2] or "adam lr=0.001")
    option = OPTIONS.get(name.lower(), (name,))[0]
    if option in OF_OPTIMISER:
        return Mistake("unknown-word", f"`{name}` is no setting of its own", s.name_span, "an option of the optimiser",
                       hint=_of_optimiser(s, option, line.section))
    alike = OTHERWISE.get(name.lower()) or near(name, [*OPTIMISERS, *SETTINGS])
    return Mistake("unknown-word", f"a train section knows no setting `{name}`", s.name_span, "not a setting, not an optimiser",
                   notes=(f"settings: {', '.join(SETTINGS)}", f"optimisers: {', '.join(sorted(OPTIMISERS))}"),
                   hint=f"did you mean `{alike}`?" if alike else ELSEWHERE.get(name.lower()))


def _of_optimiser(s: tree.Call, option: str, section: Section) -> str:
    """`lr 0.1`, `weight_decay 1e-4`: an option of the optimiser's line."""
    value = f"{option}={tree.source_text(s.arguments[0])}" if s.arguments else f"{option}=0.1"
    return (Advice(
        f"it goes with the optimiser:  {section.optimiser.name if section.optimiser is not None else 'sgd'} ... {value}")
        if section.steps else f"sgd {value}" if option == "lr" else f"sgd lr=0.1 {value}")


def _data(s: tree.Call, c: Context) -> DataUse:
    """`data digits`, or `data "train.npz" test="test.npz"`, which is the word `files`."""
    first = s.arguments[0] if s.arguments else None
    if isinstance(first, tree.Attribute):
        raise Mistake("wrong-argument", "the name of a file stands in quotes", first.span,
                      hint=f'data "{tree.source_text(first)}"')
    named = isinstance(first, tree.Name) and not isinstance(c.env.get(first.name), str)
    made = named_word(DATASETS, "data set", s, c) if named or first is None else bound_word(DATASETS["files"], s, s.arguments, c)
    return DataUse(made, s.span)


def _whether(s: tree.Call, c: Context) -> bool:
    """`drop_last`, or `drop_last no` where a parameter says it."""
    if not s.arguments:
        return True
    v = None if len(s.arguments) > 1 or isinstance(s.arguments[0],
                                                   (tree.Option, tree.Reference)) else evaluate(s.arguments[0], c, None)
    if v is UNKNOWN_VALUE:
        raise Silent
    if not isinstance(v, bool):
        raise Mistake("wrong-argument", f"`{s.name}` stands by itself, or is yes or no", s.span, hint=s.name)
    return v


def _checkpoint(s: tree.Call, c: Context) -> tuple[int | None, float | None]:
    """`checkpoint every=500`, in steps, and `checkpoint minutes=5`; or both in one line."""
    hint, said = "checkpoint every=500   or   checkpoint minutes=5", dict[str, float]()
    for a in s.arguments:
        if not isinstance(a, tree.Option) or a.name not in ("every", "minutes"):
            raise Mistake("wrong-argument", "checkpoint takes every= (steps) and minutes=", a.span, "beside the ends of epochs",
                          hint=hint)
        if a.name in said:
            raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
        said[a.name] = number(a.value, c, None)
    if not said:
        raise Mistake("missing-argument", "`checkpoint` says nothing yet", s.span, "what is missing", hint=hint)
    every, minutes = said.get("every"), said.get("minutes")
    if every is not None and every != int(every):
        raise Mistake("not-whole", "every= is a whole number of steps", s.span, f"this is {every:g}", hint=hint)
    if any(not 0 < v < float("inf") for v in said.values()):
        raise Mistake("out-of-range", "every= and minutes= are greater than 0", s.span, hint=hint)
    return None if every is None else int(every), minutes


def _average(s: tree.Call, c: Context) -> float:
    """`average 0.999`: how much of the average each step keeps."""
    if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
        raise Mistake("wrong-argument", "average takes one number", s.span, "how much of the average each step keeps",
                      hint="average 0.999")
    v = number(s.arguments[0], c, None)
    if not 0 < v < 1:
        raise Mistake("out-of-range", "average is greater than 0 and less than 1", s.arguments[0].span, f"this is {v:g}",
                      hint="average 0.999")
    return float(v)


def _initialise(s: tree.Call, c: Context) -> str:
    """`initialise lsuv`: what the first batch decides."""
    found = _free(s, c)
    if found.name != "lsuv":
        alike = near(found.name, ("lsuv",))
        raise Mistake("unknown-word", f"`initialise` knows no `{found.name}`", s.span, "there is: lsuv",
                      hint=f"did you mean `{alike}`?" if alike else "initialise lsuv")
    if found.values or found.options:
        raise Mistake("wrong-argument", "`initialise lsuv` takes nothing more", s.span, hint="initialise lsuv")
    return found.name


def _precision(s: tree.Call, c: Context) -> str:
    """`precision exact`: how exactly the network is computed."""
    if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
        raise Mistake("wrong-argument", "precision takes one word", s.span, f"there are: {', '.join(PRECISIONS)}",
                      hint="precision exact")
    said = plain(evaluate(s.arguments[0], c, None))
    if said is UNKNOWN_VALUE:
        raise Silent
    refused = refusal(said if isinstance(said, str) else tree.source_text(s.arguments[0]))
    if refused:
        raise Mistake("unknown-word", refused[0], s.arguments[0].span, hint=refused[1])
    return str(said)


def _penalty(s: tree.Call, c: Context) -> Setting:
    """`regularise l1 1e-5`, `regularise l2 1e-4 weights`, or `regularise weights`: what decay and penalties reach."""
    found = _free(s, c)
    hint = "regularise l2 1e-4   or   regularise l1 1e-5 weights"
    if found.options:
        raise Mistake("unknown-option", f"`regularise` has no option `{found.options[0][0]}`", s.span, hint=hint)
    given = (found.name, *found.values)
    kinds, numbers = [v for v in given if isinstance(v, str)], [v for v in found.values if not isinstance(v, str)]
    unknown = next((k for k in kinds if k not in ("l1", "l2", "weights")), None)
    if unknown is not None:
        alike = near(unknown, ("l1", "l2", "weights"))
        raise Mistake("unknown-word", f"`regularise` knows no `{unknown}`", s.span,
                      "it is l1 or l2, a number, and perhaps `weights`", hint=f"did you mean `{alike}`?" if alike else hint)
    which = [k for k in kinds if k != "weights"]
    if len(kinds) != len(set(kinds)) or len(which) > 1 or len(numbers) != len(which) or any(isinstance(v, bool)
            or not isinstance(v, int | float) for v in numbers):
        raise Mistake("wrong-argument", "`regularise` takes l1 or l2, one number, and perhaps `weights`", s.span, hint=hint)
    if any(not 0 <= v < float("inf") for v in numbers):
        raise Mistake("out-of-range", f"the factor of {which[0]} is at least 0", s.span, f"this is {numbers[0]:g}")
    return Setting((which or ["weights"])[0], (*map(float, numbers), *(["weights"] if which and "weights" in kinds else [])), (),
                   s.span)


def _free(s: tree.Call, c: Context) -> Setting:
    """A setting whose words the runtime interprets."""
    values: list[Any] = []
    options: list[tuple[str, Any]] = []
    for a in s.arguments:
        if isinstance(a, tree.Reference):
            raise Mistake("wrong-argument", f"{s.name} takes no reference", a.span)
        if isinstance(a, tree.Option):
            if isinstance(a.value, tree.Reference):
                raise Mistake("wrong-argument", f"{s.name} takes no reference", a.span)
            if a.name in dict(options):
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
            options.append((a.name, plain(evaluate(a.value, c, None))))
        else:
            values.append(plain(evaluate(a, c, None)))
    if any(v is UNKNOWN_VALUE for v in (*values, *dict(options).values())):
        raise Silent
    if not values:
        raise Mistake("missing-argument", f"`{s.name}` says nothing yet", s.span, "what is missing",
                      hint={"initialise": "initialise lsuv"}.get(s.name, f"{s.name} l2 1e-4"))
    first = values[0]
    return Setting(str(first), tuple(values[1:]), tuple(options), s.span)


# What a line begins with -> what it means: settings that are said once, under their own name in the section, and those that may
# be said several times, with where the section keeps them. `SETTINGS` is their order for people.
SAID_ONCE: dict[str, Callable[[Line], Any]] = {
    "data": lambda line: _data(line.s, line.c),
    "batch": _whole, "epochs": _whole, "accumulate": _whole, "shards": lambda line: _shards(line),
    "drop_last": lambda line: _whether(line.s, line.c),
    "precision": lambda line: _precision(line.s, line.c),
    "checkpoint": lambda line: _checkpoint(line.s, line.c),
    "average": lambda line: _average(line.s, line.c),
    "initialise": lambda line: _initialise(line.s, line.c),
    "seed": lambda line: seed_line(line.s, line.c), "early_stopping": _whole,
    "keep": lambda line: keep_line(line.s), "log": lambda line: log_line(line.s),
}
SAID_OFTEN: dict[str, tuple[str, Callable[[Line], Any]]] = {
    "loss": ("losses", lambda line: loss_line(line.e, line.s, line.c, line.graph)),
    "metric": ("metrics", lambda line: metric_line(line.e, line.s, line.c, line.graph)),
    "schedule": ("schedules", lambda line: (named_word(SCHEDULES, "schedule", line.s, line.c), line.s.span)),
    "prepare": ("preparation", lambda line: (preparation_line(line.e, line.s, line.c, line.graph), line.s.span)),
    "augment": ("augmentation", lambda line: (augmentation_line(line.e, line.s, line.c, line.graph), line.s.span)),
    "regularise": ("regularisation", lambda line: _penalty(line.s, line.c)),
}
