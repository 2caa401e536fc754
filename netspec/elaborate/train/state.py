"""What one train section has said so far."""

from __future__ import annotations

from typing import Any

from ...ir.training import DataUse, LossUse, MetricUse, Setting
from ...source import Span


class Section:
    """What one section has said so far."""

    def __init__(self) -> None:
        self.losses: list[LossUse] = []
        self.metrics: list[MetricUse] = []
        self.schedules: list[tuple[Any, Span]] = []
        self.optimiser: Any = None
        self.steps = False  # whether an optimiser was named, rightly or wrongly
        self.batch: int | None = None
        self.epochs: int | None = None
        self.accumulate: int | None = None
        self.shards: int | None = None
        self.shards_at: Span | None = None
        self.average: float | None = None
        self.initialise: str | None = None
        self.precision: str | None = None
        self.data: DataUse | None = None
        self.drop_last: bool | None = None
        self.checkpoint: tuple[int | None, float | None] | None = None
        self.preparation: list[tuple[Any, Span]] = []
        self.augmentation: list[tuple[Any, Span]] = []
        self.regularisation: list[Setting] = []
        self.seed: int | None = None
        self.early_stopping: int | None = None
        self.keep: tuple[str, ...] | None = None
        self.log: tuple[str, ...] | None = None
