"""A network while it runs: what it is, its numbers on a device, and how far its training has come.

Whatever changes lies here, in parts of which each has an owner:

    course      steps, epochs, the horizon of schedules, the record    train/horizon.py, train/trainer.py, train/batches.py
    optimiser   what the optimiser keeps, and which one it is          train/batches.py
    average     the running average of the parameters                  train/averaging.py
    draws       how many calls have drawn random numbers               drawing.py
    learnt      what it learns from: names of classes, the data line   train/session.py
    sizes       the executors, where sizes of the input are open       sizes.py
    last        what each thread's last call saw                       calls.py

Who reads or changes any of it is inside the gate, see backends/turns.py. `Network` is the face of a state; nothing else
needs one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..backends.executor import Executor
from ..backends.turns import Gate, Recent, Turn, changes
from ..backends.vectors import WEIGHTS
from ..diagnostics import Advice
from ..ir.graph import Graph
from ..optimisers import Optimiser
from ..optimisers.parts.memory import Memory
from ..syntax.tree import Module
from .devices import checked_dtype, executor
from .io import arrays
from .misuse import misuse, whole
from .origin import Origin
from .train.recipe import Rates, Recipe
from .values import Store, Waiting

Array = NDArray[Any]
Mode = Literal["train", "eval"]
AVERAGE = "average"  # the vector of averaged parameters, beside the optimiser's
SIZES = 8


@dataclass
class Inside:
    """How far an epoch has come that is not over, at the end of a step: what the rest of it needs to come to the same numbers."""

    batch: int  # batches behind it
    of: tuple[int, ...]  # what the epoch goes over, and how: to be gone on with it has to be the same, see feed.py
    measured: dict[str, Any]  # what these batches came to, see measured.py
    iterator: int = 0  # the `id` of the iterator that they were taken from, if it was one: it stands behind them; of no file


@dataclass
class Course:
    """How far training has come, and where it leads."""

    step: int = 0  # optimiser steps since the first values
    epoch: int = 0  # passes over the data
    pace: int = 1  # steps an epoch, as the last `fit` had them
    ends: int | None = None  # the horizon of schedules where no recipe says it
    beyond: int | None = None  # the horizon that training was said to lie beyond
    record: list[dict[str, float]] = field(default_factory=list)  # what each epoch measured
    bytes: bool = False  # whether it has learnt from bytes as pictures, 0..255 as 0..1: what it is asked about is read so too
    inside: Inside | None = None  # the epoch that is not over, where `fit` has been interrupted or is under way
    tested: bool = False  # whether the record's `val_` numbers are of examples for testing, which choose nothing unasked

    @property
    def seen(self) -> list[dict[str, float]]:
        """The record, as far as it may decide something: schedules watch it."""
        if not self.tested:
            return self.record
        return [{k: v for k, v in numbers.items() if not k.startswith("val_")} for numbers in self.record]


@dataclass
class OptimiserState:
    """What an optimiser keeps from step to step: vectors beside the parameters, by the names of its slots, and its memory."""

    name: str = ""  # of the optimiser it belongs to; none before the first step
    slots: tuple[str, ...] = ()
    updates: int = 0  # steps since it began anew
    memory: Memory = field(default_factory=Memory)  # what is no vector for each parameter

    def fits(self, optimiser: Optimiser) -> bool:
        """Whether it is the state of such an optimiser."""
        return (self.name, self.slots) == (optimiser.name, tuple(optimiser.state))


@dataclass
class Average:
    """The running average of the parameters, a vector beside them."""

    taken: int = 0  # steps it has seen; 0 where there is none
    wanted: bool = True  # whether evaluation mode is to use it

    @property
    def used(self) -> bool:
        """Whether evaluation mode uses it."""
        return self.wanted and self.taken > 0


@dataclass
class Draws:
    """Calls that have drawn random numbers, apart from training."""

    calls: int = 0
    looked: int = -1  # the step whose gradients were asked for before it was taken


@dataclass
class Learnt:
    """What the network learns from."""

    classes: tuple[str, ...] = ()  # their names by number, where they have names
    columns: tuple[str, ...] = ()  # the names of the numbers it learns to say, where they have names
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of its inputs, where the text leaves them open
    data: str = ""  # the data line, where another one was meant than that of the train section


class Last(threading.local):
    """What this thread's last call saw."""

    call: tuple[dict[str, Array], Mode, int] | None = None  # inputs, mode, and the key of what it drew
    drawn: int | None = None  # the number of what it drew


class Sizes:
    """Executors by the sizes of their inputs, where the text leaves sizes open."""

    def __init__(self) -> None:
        self.held: Recent[tuple[tuple[int, ...], ...], Executor] = Recent(SIZES)
        self.seen: dict[tuple[tuple[int, ...], ...], tuple[int, int]] = {}  # whose numbers each has, and of which version
        self.own: tuple[tuple[int, ...], ...] = ()  # the sizes that the state's own executor is for
        self.turn = Turn()


class State:
    """`graph` is the network as its text says it, `origin` elaborates it for other sizes of its inputs. `executor` runs it,
    None before a size is known; `store` holds its numbers, and is the executor where there is one."""

    def __init__(self, graph: Graph, device: str, dtype: str | None, seed: int, recipe: Recipe, origin: Origin | None):
        self.graph, self.device, self.seed = graph, device, whole("seed", seed)
        self.dtype = np.dtype(checked_dtype(dtype, device))
        self.recipe, self.origin = recipe, origin
        self.course, self.optimiser, self.average, self.draws = Course(), OptimiserState(), Average(), Draws()
        self.learnt = Learnt()
        self.last = Last()
        self.gate = Gate(lambda title: misuse("in-use", title, hint=Advice("change it when that call has returned")))
        self.declared = {p.name: p for p in graph.parameters}
        known = all(v.type.known for v in graph.values.values())
        self.sizes = None if known else Sizes()
        self.executor: Executor | None = executor(graph, device, str(self.dtype)) if known else None
        self.store: Store = self.executor or Waiting(graph.parameters, self.dtype)
        self.differentiated = False  # whether the executor holds gradients
        self.told: tuple[tuple[Recipe, Origin], Module] | None = None  # the text for a recipe, see io/told.py
        self._rates: tuple[Recipe, Rates] | None = None

    @property
    def rates(self) -> Rates:
        """What the update rule reads, by step."""
        if self._rates is None or self._rates[0] is not self.recipe:
            self._rates = self.recipe, Rates(self.recipe, self.graph.parameters)
        return self._rates[1]

    def cut(self, found: Mapping[str, Any], where: slice = slice(None)) -> dict[str, Array]:
        """Some examples of checked inputs, as this network takes them."""
        return arrays.cut(found, where, self.dtype, self.course.bytes)

    def vector(self, mode: str) -> str:
        """The vector that parameters are read from: in evaluation mode their average, where it is used."""
        return AVERAGE if mode == "eval" and self.average.used else WEIGHTS

    def numbers(self) -> dict[str, Array]:
        """Copies of all parameters and buffers by name."""
        return {name: self.store.get(name) for name in self.declared}

    def slot(self, slot: str) -> dict[str, Array]:
        """Copies of one of the optimiser's vectors, or of the average, by the names of the parameters."""
        return {name: self.store.get_state(slot, name) for name, p in self.declared.items() if p.trainable}

    def fill(self, slot: str, values: Mapping[str, Array]) -> None:
        """Write such a vector."""
        for name, value in values.items():
            self.store.set_state(slot, name, value)

    @changes
    def put(self, name: str, value: Array) -> None:
        """Write a parameter or buffer by hand: that holds for the running average as well."""
        self.store.set(name, value)
        if self.average.taken and self.declared[name].trainable:
            self.store.set_state(AVERAGE, name, value)

    @changes
    def forget(self) -> None:
        """Zero what the optimiser keeps; the weights stay."""
        for slot in self.optimiser.slots:
            self.fill(slot, {name: np.zeros(p.shape) for name, p in self.declared.items() if p.trainable})
        self.optimiser = OptimiserState()
