"""What a `train` section says, elaborated: every word bound, every output found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..source import Span

# What a line may begin with, besides the name of an optimiser, in the order in which people are told
SETTINGS = ("data", "prepare", "loss", "schedule", "metric", "batch", "epochs", "accumulate", "shards", "drop_last", "checkpoint",
            "precision", "average", "initialise", "augment", "regularise", "seed", "early_stopping", "keep", "log")
LOGS = ("jsonl", "csv", "tensorboard")  # what `log` can write
ALSO = {"augmentation": "augment", "regularisation": "regularise", "regularize": "regularise"}  # understood too


@dataclass(frozen=True, slots=True)
class LossUse:
    """One weighted loss: `loss cross_entropy @aux1 weight=0.3`. `target` is None for the data's own target, "input" for
    the network's input, else the name of a target."""

    op: Any
    output: str
    target: str | None = None
    weight: float = 1.0
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class MetricUse:
    """One metric of one output. `op` is a Metric instance where the registry knows it."""

    op: Any
    output: str
    target: str | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DataUse:
    """A data line. `op` is a Dataset instance."""

    op: Any
    span: Span | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The word of the data set."""
        return str(self.op.name)


@dataclass(frozen=True, slots=True)
class Setting:
    """A word with arguments that the runtime interprets: regularisation."""

    name: str
    values: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    span: Span | None = field(default=None, compare=False)

    def option(self, name: str, default: Any = None) -> Any:
        return dict(self.options).get(name, default)


@dataclass(frozen=True, slots=True)
class Training:
    """Everything in it can be said or overridden from Python and the command line."""

    losses: tuple[LossUse, ...] = ()
    optimiser: Any = None
    schedules: tuple[Any, ...] = ()
    metrics: tuple[MetricUse, ...] = ()
    batch: int | None = None
    epochs: int | None = None
    accumulate: int | None = None  # batches a step
    average: float | None = None  # how much of the running average of the parameters is kept at each step
    initialise: str | None = None  # "lsuv"
    data: DataUse | None = None
    augmentation: tuple[Any, ...] = ()  # Augmentation instances, in the order they are carried out
    regularisation: tuple[Setting, ...] = ()  # each l1 or l2, a number, and perhaps `weights`; or `weights` alone
    precision: str | None = None  # one of ir.precision
    drop_last: bool = False  # whether the examples that fill no batch sit an epoch out
    augmentation_spans: tuple[Span, ...] = field(default=(), compare=False)
    preparation: tuple[Any, ...] = ()  # Preparation instances, in the order in which inputs go through them
    preparation_spans: tuple[Span, ...] = field(default=(), compare=False)
    checkpoint_every: int | None = None  # steps after which a checkpoint is written, besides those after epochs
    checkpoint_minutes: float | None = None
    seed: int | None = None
    early_stopping: int | None = None  # epochs without a better number after which training stops
    keep: tuple[str, ...] = ()  # ("last",), or ("best",) and perhaps the number that says which is best
    log: tuple[str, ...] = ()  # some of LOGS
    shards: int | None = None  # parts that a batch is cut into, which any number of workers share
