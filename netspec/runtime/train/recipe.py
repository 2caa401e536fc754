"""How a network is trained: what its `train` section says, and what Python or the command line says instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from ...augmentations import Augmentation
from ...diagnostics import Advice, near
from ...elaborate.train_line import train_line
from ...ir.graph import Graph, Parameter
from ...ir.training import LossUse, MetricUse, Setting, Training
from ...losses import Loss
from ...metrics import METRICS, Metric
from ...metrics.parts.own import Own
from ...optimisers import Optimiser
from ...passes.objective import Term
from ...schedules import Schedule
from ...words import WordError, arguments
from ..measuring.judge import own_losses
from ..measuring.tallies import called, tallies
from ..misuse import by_name, flag, misuse, whole

LossLike = str | Loss | Term
MetricLike = str | Metric | Callable[..., Any]
Record = Sequence[Mapping[str, float]]  # what each epoch measured, by name
Factors = tuple[tuple[str, float], ...]  # what the optimiser's arguments are multiplied by: ("lr", 0.1)


@dataclass(frozen=True)
class Recipe:
    """Losses, optimiser, schedules and the rest. `metrics` None means those that fit the losses."""

    terms: tuple[Term, ...] = ()
    optimiser: Optimiser | None = None
    schedules: tuple[Schedule, ...] = ()
    metrics: tuple[MetricUse, ...] | None = None
    batch: int = 32
    epochs: int | None = None  # of the whole training; see horizon.py
    l1: float = 0.0  # times the sign of a parameter, added to its gradient
    l2: float = 0.0  # added to the optimiser's decay
    l1_all: bool = True  # False: l1 leaves biases and normalisations alone
    decay_all: bool = True  # False: weight decay does
    factors: tuple[tuple[str, Factors], ...] = ()  # by the name of a parameter, or of a node or scope above some
    accumulate: int = 1  # batches whose gradients make one step
    shards: int = 1  # parts that each of these is cut into, which any number of workers share
    average: float = 0.0  # how much of the running average of the parameters each step keeps; 0: none is taken
    initialise: str = ""  # "lsuv": by the first batch
    drop_last: bool = False  # whether `fit` leaves out the examples of an epoch that fill no batch
    checkpoint_every: int = 0  # steps after which `fit` writes its checkpoint, if it writes any; 0: after epochs alone
    checkpoint_minutes: float = 0.0  # minutes after which it does
    early_stopping: int | None = None  # epochs without a better number after which training stops
    keep: tuple[str, ...] = ()  # which weights are kept: ("last",), or ("best",) and perhaps the number that says which is best
    log: tuple[str, ...] = ()  # what a run writes its numbers as: some of ir.training.LOGS
    augmentation: tuple[Augmentation, ...] = ()  # of every batch that `fit` trains on, in this order

    def __repr__(self) -> str:
        """One line of the most important."""
        said = [*(str(t.loss) for t in self.terms), *([str(self.optimiser)] if self.optimiser else []), *map(str, self.schedules),
                f"batch {self.batch}", *([f"{self.epochs} epochs"] if self.epochs else [])]
        return f"Recipe: {', '.join(said)}"

    @property
    def part(self) -> int:
        """Examples of a part of a step, which are in memory at once."""
        return -(-self.batch // self.shards)

    @property
    def parts(self) -> int:
        """Parts of a step."""
        return self.accumulate * self.shards

    def need_terms(self) -> tuple[Term, ...]:
        if not self.terms:
            raise misuse("no-loss", "no loss is stated for this network",
                         hint='loss="cross_entropy"   or   in the train section:  loss cross_entropy')
        return self.terms

    def need_optimiser(self) -> Optimiser:
        if self.optimiser is None:
            raise misuse("no-optimiser", "no optimiser is stated for this network",
                         hint='optimiser="sgd lr=0.1 momentum=0.9"   or   in the train section:  sgd lr=0.1 momentum=0.9')
        return self.optimiser


def recipe_of(graph: Graph) -> Recipe:
    """What the graph's train section says; an empty recipe where there is none."""
    return Recipe() if graph.training is None else recipe_from(graph.training)


def recipe_from(t: Training) -> Recipe:
    """What a train section says."""
    recipe = Recipe(_terms(t.losses), t.optimiser, t.schedules, t.metrics or None, t.batch or Recipe.batch, t.epochs,
                    accumulate=t.accumulate or 1, shards=t.shards or 1, average=t.average or 0.0,
                    initialise=t.initialise or "", drop_last=t.drop_last,
                    checkpoint_every=t.checkpoint_every or 0, checkpoint_minutes=t.checkpoint_minutes or 0.0,
                    early_stopping=t.early_stopping, keep=t.keep, log=t.log)
    return replace(_regularised(recipe, t.regularisation), augmentation=t.augmentation)


def _regularised(recipe: Recipe, penalties: Sequence[Setting]) -> Recipe:
    for s in penalties:
        words, amount = {s.name, *s.values}, sum(v for v in s.values if isinstance(v, float))
        spares = "weights" in words
        if "l1" in words:
            recipe = replace(recipe, l1=recipe.l1 + amount, l1_all=recipe.l1_all and not spares)
        else:
            recipe = replace(recipe, l2=recipe.l2 + amount, decay_all=recipe.decay_all and not spares)
            if "l2" not in words:
                recipe = replace(recipe, l1_all=False)
    return recipe


def _terms(losses: Sequence[LossUse]) -> tuple[Term, ...]:
    return tuple(Term(use.op, use.output, use.weight, use.target) for use in losses)


def changed(recipe: Recipe, graph: Graph, *, loss: LossLike | Sequence[LossLike] | None = None, optimiser: str | Optimiser
            | None = None,
            schedule: str | Schedule | Sequence[str | Schedule] | None = None, metrics: MetricLike | Sequence[MetricLike]
            | None = None, batch: int | None = None, epochs: int | None = None, regularise: str | Sequence[str] | None = None,
            factors: Mapping[str, Mapping[str, float]] | None = None, accumulate: int | None = None, shards: int | None = None,
            average: float | None = None, initialise: str | None = None, augment: str | Sequence[str] | None = None,
            drop_last: bool | None = None, keep: str | None = None) -> Recipe:
    """The recipe with some of it said otherwise; strings are steps of the language ("adam lr=0.001"), "none" is no schedule,
    no regularisation or no augmentation.

    Errors: words that do not exist, arguments they refuse, losses at outputs that do not exist or do not fit.
    """
    if loss is not None:
        recipe = replace(recipe, terms=tuple(term(one, graph) for one in _several(loss)))
    if optimiser is not None:
        recipe = replace(recipe, optimiser=_instance(optimiser, Optimiser, "optimiser")
                         or train_line(str(optimiser), graph).optimiser)
        recipe.need_optimiser()
    if schedule is not None:
        found = [(_instance(s, Schedule, "schedule"), s) for s in _several(schedule) if not _none(s)]
        recipe = replace(recipe,
                         schedules=tuple(s for made, text in found
                                         for s in ([made] if made else train_line(f"schedule {text}", graph).schedules)))
    if metrics is not None:
        recipe = replace(recipe, metrics=tuple(m for one in measures(metrics) for m in _metrics(one, graph)))
        tallies(graph, recipe.terms, recipe.metrics)
    if regularise is not None:
        recipe = replace(recipe, l1=0.0, l2=0.0, l1_all=True, decay_all=True)
        recipe = _regularised(recipe,
                              [p for s in _several(regularise) if not _none(s)
                               for p in train_line("regularise " + _text(s, 'penalty', 'regularise="l2 1e-4"'),
                                                   graph).regularisation])
    if augment is not None:
        recipe = replace(recipe,
                         augmentation=tuple(a for s in _several(augment) if not _none(s)
                                            for a in train_line("augment " + _text(s, 'augmentation', 'augment="flip"'),
                                                          graph).augmentation))
    if keep is not None:
        recipe = replace(recipe, keep=train_line("keep " + _text(keep, "weights to keep", 'keep="best val_accuracy"'),
                                                 graph).keep)
    if drop_last is not None:
        recipe = replace(recipe, drop_last=flag("drop_last", drop_last))
    if factors is not None:
        recipe = replace(recipe, factors=tuple((k, _factors(k, v, graph)) for k, v in by_name("factors", factors).items()))
    if average is not None:
        if not isinstance(average, Real) or isinstance(average, bool) or not 0 <= average < 1:
            raise misuse("bad-value", f"average={average!r} must be less than 1", "it is how much of the average each step keeps",
                         hint="average=0.999")
        recipe = replace(recipe, average=float(average))
    if initialise is not None:
        recipe = replace(recipe, initialise="" if initialise == "none"
                         else train_line("initialise " + _text(initialise, 'way to initialise', 'initialise="lsuv"'),
                                         graph).initialise
                         or "")
    for name, n, of in (("batch", batch, "examples"), ("epochs", epochs, "epochs"), ("accumulate", accumulate, "batches"),
                        ("shards", shards, "parts of a batch")):
        if n is not None:
            recipe = replace(recipe, **{name: whole(f"{name}, the number of {of},", n, 0 if name == "epochs" else 1)})  # type: ignore[arg-type]
    return recipe


def _factors(name: str, given: Any, graph: Graph) -> Factors:
    """What `factors={"conv1": {"lr": 0.1, "decay": 0}}` says of one name, checked."""
    names = [p.name for p in graph.parameters if p.trainable]
    if not any(_within(p, name) for p in names):
        scopes = dict.fromkeys(p.rsplit(".", k)[0] for p in names for k in range(1, p.count(".") + 1))
        meant = near(name, [*names, *scopes])
        raise misuse("unknown-name", f"no parameter that is trained is called `{name}` or lies below it",
                     hint=f"did you mean {meant}?" if meant else Advice(f"some of them: {', '.join(names[:6])}"))
    try:
        out = tuple((str(k), float(v)) for k, v in dict(given).items())
    except (TypeError, ValueError):
        raise misuse("wrong-type", f"the factors of {name} are numbers by name, not {given!r}",
                     hint=f'factors={{"{name}": {{"lr": 0.1, "decay": 0}}}}') from None
    if any(not 0 <= v < float("inf") for _, v in out):
        raise misuse("bad-value", f"the factors of {name} are at least 0, not {given!r}")
    return out


def _within(parameter: str, name: str) -> bool:
    return parameter == name or parameter.startswith(name + ".")


def _text(given: Any, sort: str, example: str) -> str:
    """A step of the language, as text; whatever else a program hands in is refused by name."""
    if not isinstance(given, str):
        raise misuse("wrong-type", f"{_named(given)} is no {sort}: it is named by a text", hint=example)
    return given


def _named(given: Any) -> str:
    """A value of a program, in a message: what it is rather than where it lies."""
    return f"a {type(given).__name__}" if callable(given) or len(repr(given)) > 60 else repr(given)


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _none(given: Any) -> bool:
    return isinstance(given, str) and given == "none"


def _instance(given: Any, cls: type[Any], sort: str) -> Any:
    """A word that is one already; None for a text."""
    if isinstance(given, cls):
        return given
    if not isinstance(given, str):
        raise misuse("wrong-type", f"{_named(given)} is no {sort}",
                     f"it is a step of the language as text, or {'an' if sort[0] in 'aeiou' else 'a'} {cls.__name__}",
                     hint='optimiser="sgd lr=0.1"' if sort == "optimiser" else 'schedule="cosine"')
    return None


def measures(given: Any) -> list[Any]:
    """The metrics that are meant, one each. In one text they stand between commas, or are words alone between spaces."""
    if not isinstance(given, str):
        return _several(given)
    several = [one.strip() for one in given.split(",")]
    return [m for one in several if one for m in (one.split() if all(w in METRICS for w in one.split()[1:]) else [one])]


def _metrics(given: Any, graph: Graph) -> tuple[MetricUse, ...]:
    """What a text, a Metric, or a function of a program's own measures: the main output, unless the text says another."""
    if callable(given) and not isinstance(given, Metric | type):
        name = getattr(given, "__name__", "")
        if not name.isidentifier():
            raise misuse("wrong-type", "a function is no metric without a name, which the log calls it by",
                         "def share_right(scores, targets): ...   has one", hint='metrics="accuracy"')
        given = Own(given, name)  # type: ignore[call-arg]  # a word is a dataclass
    if isinstance(given, Metric):
        return (MetricUse(given, main_output(graph)),)
    return train_line("metric " + _text(given, "metric", 'metrics="accuracy"'), graph).metrics


def main_output(graph: Graph) -> str:
    """The output that is meant where none is named: `out`, or the last."""
    outputs = [public for public, _ in graph.outputs]
    return "out" if "out" in outputs else outputs[-1]


def term(given: LossLike, graph: Graph) -> Term:
    """`cross_entropy`, `mse target=input`, `cross_entropy @aux1 weight=0.3`, a Loss, or a Term."""
    if isinstance(given, str):
        return _terms(train_line(f"loss {given}", graph).losses)[0]
    outputs = [public for public, _ in graph.outputs]
    made = given if isinstance(given, Term) else Term(given, main_output(graph))
    if not isinstance(made.loss, Loss):
        raise misuse("wrong-type", f"{_named(given)} is no loss", hint='loss="cross_entropy"')
    if made.output not in outputs:
        raise misuse("unknown-name", f"there is no output `{made.output}`", hint=Advice(f"the outputs are: {', '.join(outputs)}"))
    try:
        made.loss.check_output(graph.values[dict(graph.outputs)[made.output]].type)
    except WordError as e:
        raise misuse(e.code, e.message, *e.notes, *([e.label] if e.label else []), hint=e.hint) from None
    return made


def numbers_of(optimiser: Optimiser) -> dict[str, float]:
    """The arguments that an update rule may read."""
    return {a.name: float(getattr(optimiser, a.field)) for a in arguments(type(optimiser))
            if isinstance(getattr(optimiser, a.field), int | float)}


class Rates:
    """The numbers the update rule reads, for each trainable parameter: arguments of the optimiser, times schedules, times
    the parameter's own factors. Parameters with equal numbers share one dict."""

    def __init__(self, recipe: Recipe, parameters: Sequence[Parameter]):
        self.optimiser, self.schedules = recipe.need_optimiser(), recipe.schedules
        self.base = numbers_of(self.optimiser)
        if recipe.l2:
            if self.optimiser.name == "adamw" or "decay" not in self.base:
                raise misuse("bad-value", f"`regularise l2` adds to the gradient, which {self.optimiser.name} does not do",
                             hint=f"{self.optimiser.name} decay={recipe.l2:g}")
            self.base["decay"] += recipe.l2
        if recipe.l1:
            self.base["l1"] = recipe.l1
        for s in self.schedules:
            if s.of not in self.base:
                raise misuse("unknown-name", f"schedule {s.name} steers `{s.of}`, which {self.optimiser.name} does not have",
                             hint=Advice(f"one of {', '.join(self.base)}"))
        uses = recipe.metrics or ()
        self.apart = {*own_losses(recipe.terms), *(name for u, name in zip(uses, called(uses)) if u.op.better == "lower")}
        self.groups: dict[Factors, list[str]] = {}
        for p in parameters:
            if p.trainable:
                self.groups.setdefault(self._factors(p, recipe), []).append(p.name)
        if not self.groups:
            raise misuse("nothing-to-train", "no parameter of this network can be trained",
                         hint=Advice("`frozen:` marks everything, or there are no weights"))

    def _factors(self, p: Parameter, recipe: Recipe) -> Factors:
        """The factors of a parameter: its own, times those of the names it lies below; 0 where it is spared. That of
        `decay` holds for l1 as well."""
        out = dict(p.factors)
        for name, given in recipe.factors:
            if _within(p.name, name):
                out |= {k: out.get(k, 1.0) * f for k, f in given}
        unknown = [k for k in out if k not in self.base and k != "decay"]
        if unknown:
            raise misuse("unknown-name", f"{p.name} has a factor for `{unknown[0]}`, which {self.optimiser.name} does not have",
                         hint=Advice(f"one of {', '.join(self.base)}"))
        if "decay" in out:
            out["l1"] = out.get("l1", 1.0) * out["decay"]
        if p.kind not in ("weight", "length", "slope"):
            out |= dict.fromkeys((["decay"] if not recipe.decay_all else []) + (["l1"] if not recipe.l1_all else []), 0.0)
        return tuple(sorted((k, f) for k, f in out.items() if k in self.base and f != 1.0))

    def at(self, update: int, epoch: int, batch: int, epochs: int, batches: int,
           record: Record = ()) -> dict[str, dict[str, float]]:
        """At update 1, 2, ... of this optimiser, in batch `batch` from the start of a training planned for `epochs` x `batches`,
        after epochs that measured `record`."""
        now = self.now(epoch, batch, epochs, batches, record)
        out: dict[str, dict[str, float]] = {}
        for factors, names in self.groups.items():
            mine = dict(now)
            for k, f in factors:
                mine[k] *= f
            scalars = self.optimiser.scalars(update, mine)
            out |= dict.fromkeys(names, scalars)
        return out

    def now(self, epoch: int, batch: int, epochs: int, batches: int, record: Record = ()) -> dict[str, float]:
        """The optimiser's arguments after schedules, before factors. Beyond the last epoch, schedules that lead there stay."""
        out = dict(self.base)
        for s in self.schedules:
            at = (epoch, batch) if s.endless or epoch < epochs else (epochs - 1, epochs * batches - 1)
            out[s.of] *= (s.seen(watched(record, getattr(s, "better", "lower"), self.apart)) if s.watches
                          else s.factor(*at, epochs, batches))
        return out


def watched(record: Record, better: str, apart: Collection[str] = ()) -> list[float]:
    """What a schedule watches: the loss where lower is better, else a metric that is not among those `apart`; of the
    validation, where there is one."""
    names = dict.fromkeys(k for numbers in record for k in numbers if k not in ("lr", "seconds"))
    fit = [k for k in names if (k in ("loss", "val_loss")) == (better == "lower") and k.removeprefix("val_") not in apart]
    chosen = next((k for k in fit if k.startswith("val_")), fit[0] if fit else "")
    return [numbers[chosen] for numbers in record if chosen in numbers]
