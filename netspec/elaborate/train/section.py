"""`train` sections: their statements are run as those of a body, and what they say becomes one value."""

from __future__ import annotations

from typing import Any

from ...diagnostics import near
from ...ir.graph import Graph
from ...ir.training import SETTINGS, Training
from ...syntax import tree
from ...words import arguments
from ..binding.expressions import CONSTANTS, evaluate, number, truth
from ..model.elaborator import Elaborator
from ..model.files import Context, Macro
from ..model.mistakes import Mistake, Silent
from ..model.values import UNKNOWN_VALUE
from ..statements.loops import check_turns, list_of
from .settings import setting
from .state import Section


def elaborate_training(e: Elaborator, macro: Macro, graph: Graph | None) -> Training | None:
    """The section of this net, or of the net it is a variant of. Without a graph only its words are checked."""
    found = section_of(macro)
    if found is None:
        return None
    item, macro = found
    assert macro.file is not None
    file, section = macro.file, Section()
    names = {**file.env, **(e.asked.parameters if isinstance(macro.item, tree.Definition) else {})}
    for p in macro.item.params:
        if p.default is not None and p.name not in names:
            try:
                names[p.name] = evaluate(p.default, Context(names, {}, file), None)
            except (Mistake, Silent):
                continue
    _run(e, item.body, Context(names, {}, file), section, graph)
    _steered(e, section)
    _cut_alike(e, section)
    return Training(tuple(section.losses), section.optimiser, tuple(made for made, _ in section.schedules),
                    tuple(section.metrics), section.batch,
                    section.epochs, section.accumulate, section.average, section.initialise,
                    section.data,
                    tuple(made for made, _ in section.augmentation), tuple(section.regularisation), section.precision,
                    bool(section.drop_last), tuple(span for _, span in section.augmentation),
                    tuple(made for made, _ in section.preparation), tuple(span for _, span in section.preparation),
                    *(section.checkpoint or (None, None)),
                    section.seed, section.early_stopping, section.keep or (), section.log or (), section.shards)


def training_words(e: Elaborator, item: tree.Train, file: Any, unknown: set[str]) -> None:
    """Check the words of a section whose net could not be elaborated."""
    section = Section()
    _run(e, item.body, Context({**file.env, **dict.fromkeys(unknown, UNKNOWN_VALUE)}, {}, file), section, None)
    _steered(e, section)
    _cut_alike(e, section)


def section_of(macro: Macro) -> tuple[tree.Train, Macro] | None:
    """The section, and the net or variant that it is of."""
    seen: set[int] = set()
    while id(macro.item) not in seen:
        seen.add(id(macro.item))
        for item in macro.file.module.items:
            if isinstance(item, tree.Train) and item.net == macro.name:
                return item, macro
        if isinstance(macro.item, tree.Variant):
            following = macro.file.definitions.get(macro.item.call.name)
            if following is not None and following.file is not None:
                macro = following
    return None


def _run(e: Elaborator, s: Any, c: Context, section: Section, graph: Graph | None) -> Context:
    with e.guarded():
        if isinstance(s, tree.Suite):
            inner = c
            for x in s.statements:
                inner = _run(e, x, inner, section, graph)
        elif isinstance(s, tree.Steps):
            if len(s.items) > 1:
                raise Mistake("syntax", "each setting stands on a line of its own", s.items[1].span,
                              "an arrow has no meaning here")
            _run(e, s.items[0], c, section, graph)
        elif isinstance(s, tree.Call):
            setting(e, s, c, section, graph)
        elif isinstance(s, tree.Constant):
            if s.name in SETTINGS:
                raise Mistake("syntax", "a setting is followed by what it is set to, without `=`", s.span,
                              f"this makes a constant called {s.name}", hint=f"{s.name} {tree.source_text(s.value)}")
            return c.bound(**{s.name: evaluate(s.value, c, None)})
        elif isinstance(s, tree.For | tree.Repeat):
            _turns(e, s, c, section, graph)
        elif isinstance(s, tree.If):
            _chosen(e, s, c, section, graph)
        elif not isinstance(s, tree.Hole):
            colon = isinstance(s, tree.Labelled) and s.name in SETTINGS
            raise Mistake("misplaced", "this has no place in a train section", s.span, "a setting has no colon" if colon else "",
                          hint=f"{s.name} {tree.source_text(s.body)}" if colon
                          else "a train section holds settings:  loss cross_entropy")
    return c


def _turns(e: Elaborator, s: tree.For | tree.Repeat, c: Context, section: Section, graph: Graph | None) -> None:
    """The body once for each turn; of a loop without turns the body is looked at all the same."""
    if isinstance(s, tree.For):
        values = list_of(s, c, None)
        count, turns = len(values), (dict(zip(s.names, v)) for v in values)
        unsure: dict[str, Any] = dict.fromkeys(s.names, UNKNOWN_VALUE)
    else:
        times = number(s.times, c, None)
        check_turns(s, times)
        count, turns = int(times), ({s.counter: i + 1} if s.counter else {} for i in range(int(times)))
        unsure = {s.counter: 1} if s.counter else {}
    for names in turns:
        e.tick(s.span)
        _run(e, s.body, c.bound(**names), section, graph)
    if not count:
        _passed_over(e, s.body, c.bound(**unsure))


def _chosen(e: Elaborator, s: tree.If, c: Context, section: Section, graph: Graph | None) -> None:
    """The body whose condition holds; the others are looked at."""
    bodies = (*(b for _, b in s.cases), s.otherwise)
    try:
        chosen = next((body for condition, body in s.cases if truth(condition, c, None)), s.otherwise)
    except (Mistake, Silent):
        for body in bodies:
            _passed_over(e, body, c)
        raise
    for body in bodies:
        if body is not chosen:
            _passed_over(e, body, c)
    if chosen is not None:
        _run(e, chosen, c, section, graph)


def _passed_over(e: Elaborator, s: Any, c: Context) -> None:
    """Look at settings that do not hold, by themselves and whatever their names mean."""
    if s is not None:
        _run(e, s, Context({**dict.fromkeys(c.env, UNKNOWN_VALUE), **CONSTANTS}, c.defaults, c.file), Section(), None)


def _steered(e: Elaborator, section: Section) -> None:
    """Schedules steer what the optimiser has."""
    names = [a.name for a in arguments(type(section.optimiser))
             if a.kind in ("number", "rate", "count")] if section.optimiser is not None else []
    for made, span in section.schedules:
        if names and made.of not in names:
            alike = near(made.of, names)
            e.say("error", "wrong-argument", f"{section.optimiser.name} has no `{made.of}` that a schedule could steer", span,
                  "of= names one of its numbers", (f"its numbers: {', '.join(names)}",), f"of={alike}" if alike else None)


def _cut_alike(e: Elaborator, section: Section) -> None:
    """Shards of a batch are all of one size."""
    batch, shards, at = section.batch, section.shards, section.shards_at
    if batch and shards and at is not None and batch % shards:
        e.say("error", "bad-shards", f"a batch of {batch} cannot be cut into {shards} shards alike", at,
              f"{batch} is no multiple of {shards}", (), f"batch {-(-batch // shards) * shards}")
