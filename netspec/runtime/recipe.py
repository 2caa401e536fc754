"""How a network is trained: what its `train` section says, and what Python or the command line says instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..diagnostics import near
from ..ir.graph import Graph, Parameter
from ..ir.training import Training
from ..losses import Loss
from ..optimisers import Optimiser, Schedule
from ..passes.objective import Term
from ..words import REQUIRED, Argument, WordError, arguments
from .metrics import Tally
from .misuse import misuse

LossLike = str | Loss | Term
Group = tuple[tuple[tuple[str, float], ...], bool]  # factors, and whether weight decay reaches it


@dataclass(frozen=True)
class Recipe:
    """Losses, optimiser, schedules and the rest. `metrics` None means those that fit the losses."""

    terms: tuple[Term, ...] = ()
    optimiser: Optimiser | None = None
    schedules: tuple[Schedule, ...] = ()
    metrics: tuple[str, ...] | None = None
    batch: int = 32
    epochs: int = 10
    decay_all: bool = True  # False: weight decay leaves biases and normalisations alone

    def need_terms(self) -> tuple[Term, ...]:
        if not self.terms:
            raise misuse("no-loss", "no loss is stated for this network", hint='add `loss cross_entropy` to its train section, or give loss="cross_entropy"')
        return self.terms

    def need_optimiser(self) -> Optimiser:
        if self.optimiser is None:
            raise misuse("no-optimiser", "no optimiser is stated for this network",
                         hint='add `sgd lr=0.1 momentum=0.9` to its train section, or give optimiser="sgd lr=0.1 momentum=0.9"')
        return self.optimiser

    def judged(self, graph: Graph) -> Term | None:
        """The loss whose output the metrics read: the first with class labels."""
        types = {public: graph.values[v].type for public, v in graph.outputs}
        return next((t for t in self.terms if t.target != "input" and t.loss.target(types[t.output]).element == "int"), None)

    def tallies(self, graph: Graph) -> list[Tally]:
        """A fresh counter for each metric."""
        if self.judged(graph) is None:
            if self.metrics:
                raise misuse("unknown-metric", f"metric `{self.metrics[0]}` counts class labels, and no loss here has any")
            return []
        return [Tally(m) for m in (("accuracy",) if self.metrics is None else self.metrics)]


def recipe_of(graph: Graph) -> Recipe:
    """What the graph's train section says; an empty recipe where there is none."""
    t: Training | None = graph.training
    if t is None:
        return Recipe()
    terms = tuple(Term(use.op, use.output, use.weight, use.target) for use in t.losses)
    metrics = tuple(str(getattr(m.op, "name", m.op)) for m in t.metrics)
    return Recipe(terms, t.optimiser, t.schedules, metrics or None, t.batch or Recipe.batch, Recipe.epochs if t.epochs is None else t.epochs,
                  decay_all=not any(s.name == "decay" and "weights" in s.values for s in t.regularisation))


def changed(recipe: Recipe, graph: Graph, *, loss: LossLike | Sequence[LossLike] | None = None, optimiser: str | Optimiser | None = None,
            schedule: str | Schedule | Sequence[str | Schedule] | None = None, metrics: str | Sequence[str] | None = None,
            batch: int | None = None, epochs: int | None = None) -> Recipe:
    """The recipe with some of it said otherwise; strings are steps of the language ("adam lr=0.001").

    Errors: words that do not exist, arguments they refuse, losses at outputs that do not exist or do not fit.
    """
    from ..optimisers import OPTIMISERS, SCHEDULES

    if loss is not None:
        several: Sequence[LossLike] = loss if isinstance(loss, list | tuple) else [loss]  # type: ignore[list-item]
        recipe = replace(recipe, terms=tuple(term(one, graph) for one in several))
    if optimiser is not None:
        recipe = replace(recipe, optimiser=word(optimiser, OPTIMISERS, "optimiser"))
    if schedule is not None:
        many = schedule if isinstance(schedule, list | tuple) else [schedule]
        recipe = replace(recipe, schedules=tuple(word(s, SCHEDULES, "schedule") for s in many if s != "none"))
    if metrics is not None:
        recipe = replace(recipe, metrics=tuple(metrics.replace(",", " ").split() if isinstance(metrics, str) else metrics))
        recipe.tallies(graph)
    for name, n in (("batch", batch), ("epochs", epochs)):
        if n is not None:
            if isinstance(n, bool) or int(n) != n or n < (1 if name == "batch" else 0):
                raise misuse("bad-value", f"{name}={n!r} is no number of {'examples' if name == 'batch' else 'epochs'}", hint=f"{name}=10")
            recipe = replace(recipe, **{name: int(n)})  # type: ignore[arg-type]
    return recipe


def term(given: LossLike, graph: Graph) -> Term:
    """`cross_entropy`, `mse target=input`, `cross_entropy @aux1 weight=0.3`, a Loss, or a Term."""
    from ..losses import LOSSES

    outputs = [public for public, _ in graph.outputs]
    if isinstance(given, str):
        parts, where, weight, target = [], outputs[-1] if "out" not in outputs else "out", 1.0, None
        for w in given.split():
            if w.startswith("@"):
                where = w[1:]
            elif w.startswith("weight="):
                weight = float(w[7:])
            elif w.startswith("target="):
                target = w[7:]
            else:
                parts.append(w)
        made = Term(word(" ".join(parts), LOSSES, "loss"), where, weight, target)
    else:
        made = given if isinstance(given, Term) else Term(given, "out" if "out" in outputs else outputs[-1])
    if made.output not in outputs:
        raise misuse("unknown-name", f"there is no output `{made.output}`", hint=f"the outputs are: {', '.join(outputs)}")
    try:
        made.loss.check_output(graph.values[dict(graph.outputs)[made.output]].type)
    except WordError as e:
        raise misuse(e.code, e.message, *e.notes, *([e.label] if e.label else []), hint=e.hint) from None
    return made


class Rates:
    """The numbers the update rule reads, for each trainable parameter: arguments of the optimiser, times schedules, times
    the parameter's own factors. Parameters with equal numbers share one dict."""

    def __init__(self, recipe: Recipe, parameters: Sequence[Parameter]):
        self.optimiser, self.schedules = recipe.need_optimiser(), recipe.schedules
        self.base = {a.name: float(getattr(self.optimiser, a.field)) for a in arguments(type(self.optimiser))
                     if isinstance(getattr(self.optimiser, a.field), int | float)}
        for s in self.schedules:
            if s.of not in self.base:
                raise misuse("unknown-name", f"schedule {s.name} steers `{s.of}`, which {self.optimiser.name} does not have", hint=f"one of {', '.join(self.base)}")
        self.groups: dict[Group, list[str]] = {}
        for p in parameters:
            if p.trainable:
                decays = recipe.decay_all or p.kind in ("weight", "slope")
                self.groups.setdefault((p.factors, decays), []).append(p.name)
        if not self.groups:
            raise misuse("nothing-to-train", "no parameter of this network can be trained", hint="`frozen:` marks everything, or there are no weights")

    def at(self, update: int, epoch: int, batch: int, epochs: int, batches: int) -> dict[str, dict[str, float]]:
        """At update 1, 2, ... of this optimiser, in batch `batch` from the start of training of `epochs` x `batches`."""
        now = self.now(epoch, batch, epochs, batches)
        out: dict[str, dict[str, float]] = {}
        for (factors, decays), names in self.groups.items():
            mine = dict(now)
            for k, f in factors:
                if k in mine:
                    mine[k] *= f
            if not decays and "decay" in mine:
                mine["decay"] = 0.0
            scalars = self.optimiser.scalars(update, mine)
            out |= dict.fromkeys(names, scalars)
        return out

    def now(self, epoch: int, batch: int, epochs: int, batches: int) -> dict[str, float]:
        """The optimiser's arguments after schedules, before factors."""
        out = dict(self.base)
        for s in self.schedules:
            out[s.of] *= s.factor(epoch, batch, epochs, batches)
        return out


def word(given: Any, registry: Mapping[str, Any], sort: str) -> Any:
    """An instance of a word from a step of the language (`sgd lr=0.1 nesterov`); instances pass through."""
    if not isinstance(given, str):
        if isinstance(given, tuple(registry.values())):
            return given
        raise misuse("wrong-type", f"{given!r} is no {sort}", hint=f'a step of the language ("{next(iter(registry))} ...") or an instance')
    name, *rest = given.split() or [""]
    if name not in registry:
        meant = near(name, registry)
        raise misuse(f"unknown-{sort}", f"there is no {sort} `{name}`", hint=f"did you mean {meant}?" if meant else f"one of {', '.join(registry)}")
    known, values = arguments(registry[name]), {}
    positions = iter(sorted((a for a in known if a.position is not None), key=lambda a: a.position or 0))
    for part in rest:
        key, _, text = part.partition("=") if "=" in part else ("", "", part)
        flagged = next((a for a in known if not key and part in a.words), None)
        a = flagged or (next((a for a in known if a.name == key), None) if key else next(positions, None))
        if a is None:
            raise misuse("unknown-argument", f"{name} has no argument `{key or part}`", hint=f"it takes {', '.join(a.name for a in known)}")
        values[a.field] = True if flagged and a.kind == "flag" else part if flagged else _value(name, a, text)
    try:
        made = registry[name](**values)
        made.check()
    except TypeError:
        lacks = [a.name for a in known if a.default is REQUIRED and a.field not in values]
        raise misuse("missing-argument", f"{name} needs {', '.join(lacks)}") from None
    except WordError as e:
        raise misuse(e.code, e.message, *e.notes, hint=e.hint) from None
    return made


def _value(name: str, a: Argument, text: str) -> Any:
    if a.kind in ("word", "text"):
        return text
    if a.kind == "flag":
        if text not in ("yes", "no"):
            raise misuse("bad-value", f"{name} {a.name}={text}: it is yes or no", hint=f"{a.name}=yes")
        return text == "yes"
    try:
        v: float = int(text) if a.kind in ("count", "whole") else float(text)
    except ValueError:
        raise misuse("bad-value", f"{name} {a.name}={text}: `{text}` is no {'whole ' if a.kind in ('count', 'whole') else ''}number") from None
    if (a.least is not None and v < a.least) or (a.most is not None and v > a.most) or (a.below is not None and v >= a.below):
        bounds = [f"at least {a.least:g}" if a.least is not None else "", f"at most {a.most:g}" if a.most is not None else "", f"below {a.below:g}" if a.below is not None else ""]
        raise misuse("bad-value", f"{name} {a.name}={text}: {a.doc} must be {' and '.join(b for b in bounds if b)}")
    return v
