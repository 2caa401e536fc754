"""Batches that somebody else makes: a list of them, a DataLoader, an object of one's own, a generator, a function that gives one.

A batch is (x, y), (x, y, weights), x alone where the losses read no target, or a dict of arrays by the names of inputs and
outputs (or by "x", "y", "weights"). Whatever NumPy makes arrays of will do: tensors of PyTorch, lists of numbers. Bytes are
pictures, see io/arrays.py.

An epoch is one pass, begun anew each time; `steps` ends it sooner. An iterator (a generator) cannot be begun anew: an epoch takes
what comes next of it, and where nothing does, training ends.

Another thread reads a batch ahead, see ahead.py; of an iterator nothing is read ahead, for what is taken of it is gone, and who
gave it may go on with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from numbers import Number
from typing import Any

import numpy as np

from ...augmentations import Augmentation
from ...diagnostics import Advice, NetspecError
from ...passes.objective import Term, target_types
from ...words.dataset import Data, Lazy
from ..io import arrays
from ..misuse import misuse
from ..sizes import of_sizes
from ..state import State
from . import augmenting
from .ahead import ahead_of
from .feed import Examples, augmented
from .statistics import check_statistics

NAMES = ("x", "y", "weights")


@dataclass
class Stream:
    """The batches of a source, each checked as it comes.

    trains     whether they are learnt from
    steps      batches of an epoch, where that is not a whole pass
    prefetch   whether another thread may read ahead
    """

    source: Any
    state: State
    terms: tuple[Term, ...]
    trains: bool = False
    augmentation: tuple[Augmentation, ...] = ()
    steps: int | None = None
    prefetch: bool = True
    scaled: bool = field(default=False, init=False)  # whether some inputs were bytes
    over: bool = field(default=False, init=False)  # whether an iterator has no more
    behind: int = field(default=0, init=False)  # batches of the epoch that an iterator has given before
    ahead: list[Any] = field(default_factory=list, init=False)  # batches that were looked at before their epoch
    going: Iterator[Any] | None = field(default=None, init=False)

    @property
    def labels(self) -> dict[str, augmenting.Labels]:
        """The targets that hold class numbers."""
        return augmenting.labels_of(self.state.graph, self.terms)

    @property
    def once(self) -> bool:
        """Whether it cannot be begun anew."""
        return isinstance(self.source, Iterator)

    @property
    def iterator(self) -> int:
        """Which iterator it is, in this process; 0 where it is none."""
        return id(self.source) if self.once else 0

    @property
    def reads_ahead(self) -> bool:
        """Whether another thread reads a batch while the one before it is learnt from."""
        return self.prefetch and not self.once

    @property
    def through(self) -> bool:
        """Whether an iterator has nothing more; the next batch is looked at."""
        if self.once and not self.over and not self.ahead:
            self.ahead = list(islice(self.begin(), 1))
            self.over = not self.ahead
        return self.over and self.once

    @property
    def batches(self) -> int | None:
        """Batches of an epoch, where that is known."""
        try:
            known = None if self.once or not hasattr(self.source, "__len__") else len(self.source)
        except TypeError:  # a DataLoader of what has no length
            known = None
        return known if self.steps is None else self.steps if known is None else min(known, self.steps)

    @property
    def kind(self) -> tuple[int, ...]:
        """As `Feed.kind`; where the batches come from is not known."""
        return 0, self.steps or 0

    def begin(self) -> Iterator[Any]:
        """A pass, from its first batch, or where an iterator stands."""
        if self.going is None:
            given = self.source() if callable(self.source) and not hasattr(self.source, "__iter__") else self.source
            if not hasattr(given, "__iter__") and hasattr(given, "__getitem__") and hasattr(given, "__len__"):
                given = map(given.__getitem__, range(len(given)))  # a sequence as Keras has them
            if not isinstance(given, Iterable):
                raise misuse("wrong-type", f"the function gives a {type(given).__name__}, and no batches",
                             hint=Advice("it returns something to iterate over, as a generator function does"))
            self.going = iter(given)
        return self.going

    def look(self, number: int) -> dict[str, Any]:
        """The inputs of an epoch's first batch, which the epoch will have all the same."""
        self.ahead = self.ahead or list(islice(self.begin(), 1))
        if not self.ahead:
            raise self.empty(number)
        return self.read(self.ahead[0], number, 0, 0).inputs

    def inputs(self) -> Iterator[dict[str, Any]]:
        """A whole pass over the inputs alone."""
        if self.once:
            raise misuse("unprepared", "the numbers of a preparation are measured on all examples, and an iterator goes once",
                         hint="fit(lambda: batches())   or before it   net.prepare(x)")
        with closing(self.epoch(0)) as batches:
            for batch in batches:
                yield batch.inputs

    def epoch(self, number: int, first: int = 0) -> Generator[Examples]:
        """The batches of an epoch from batch `first` on; those before it are passed over. To be closed: then no thread is
        left."""
        batches = self.pass_over(self.begin(), number, first)
        return ahead_of(self.state.gate, batches) if self.reads_ahead else batches

    def pass_over(self, going: Iterator[Any], number: int, first: int) -> Generator[Examples]:
        """The same, in the thread that asks for them."""
        seen, k, most = 0, self.behind, self.batches
        self.behind = 0
        try:
            while self.steps is None or k < self.steps:
                given = self.ahead.pop() if self.ahead else next(going, self)  # no batch is this
                if given is self:
                    self.over = True
                    break
                if most is not None and k >= most:
                    raise misuse("wrong-shape", f"more batches come than their length says: len() is {most}",
                                 f"it is batch {k + 1} of epoch {number + 1}", hint=f"steps_per_epoch={most}")
                if k >= first:
                    batch = self.read(given, number, k, seen)
                    yield augmented(batch, self.augmentation, self.labels, self.state.seed, number, k)
                    seen += len(batch)
                k += 1
        finally:
            if not self.once:
                self.going, self.ahead = None, []
                getattr(going, "close", lambda: None)()
        if not k:
            raise self.empty(number)

    def empty(self, number: int) -> Exception:
        """The error where an epoch has no batch."""
        return misuse("empty-batch", f"no batch comes in epoch {number + 1}",
                      "an iterator goes once, and this one is through" if self.once else "what was given holds none",
                      hint="fit(lambda: batches())" if self.once else "")

    def read(self, given: Any, number: int, k: int, seen: int) -> Examples:
        """A batch as somebody made it, checked and converted; errors name it."""
        state = self.state
        try:
            x, y, w = split(given, [n.name for n in state.graph.inputs], [name for name, _ in state.graph.outputs])
            found = arrays.inputs(state.graph, x)
            graph, n = of_sizes(state, found), arrays.count(found)
            if self.trains:
                check_statistics(graph, n)
            wanted = arrays.targets(graph, self.terms, y if target_types(graph, self.terms) else None, n)
            weights = arrays.weights(w, n)
        except NetspecError as e:
            e.diagnostics = tuple(replace(d, notes=(f"epoch {number + 1}, batch {k + 1}", *d.notes)) for d in e.diagnostics)
            raise
        self.scaled = self.scaled or arrays.bytes_in(found)
        inputs = arrays.cut(found, slice(None), state.dtype, scaled=True)
        targets = arrays.cut_targets(wanted, slice(None), state.dtype)
        if self.reads_ahead:  # the next batch may be made where this one was
            inputs, targets = arrays.apart(inputs, found), arrays.apart(targets, wanted)
        return Examples(inputs, targets, np.arange(seen, seen + n), weights)


def split(given: Any, inputs: list[str], outputs: list[str]) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of a batch."""
    if isinstance(given, Mapping) and set(given) <= set(NAMES):
        return given.get("x"), given.get("y"), given.get("weights")
    if isinstance(given, Mapping):
        rest = {k: v for k, v in given.items() if k not in inputs and k != "weights"}
        y = rest[outputs[0]] if len(outputs) == 1 and set(rest) == {outputs[0]} else rest or None
        return {k: v for k, v in given.items() if k in inputs}, y, given.get("weights")
    if isinstance(given, tuple | list) and 1 <= len(given) <= 3 and not isinstance(given[0], Number):
        x, y, w = (*given, None, None)[:3]
        return x, y, w
    if isinstance(given, tuple | list):
        raise misuse("wrong-type", f"a batch is (x, y) or (x, y, weights), and one of {len(given)} came",
                     hint="yield x, y")
    return given, None, None


def is_stream(given: Any) -> bool:
    """Whether what was given without targets is batches, rather than an array."""
    if given is None or isinstance(given, np.ndarray | Lazy | Data | Mapping | str | bytes | Number) or any(
            hasattr(given, name) for name in ("__array__", "__array_interface__", "__cuda_array_interface__")):
        return False
    if isinstance(given, Sequence):
        return len(given) > 0 and is_batch(given[0])
    return callable(given) or hasattr(given, "__iter__") or (hasattr(given, "__getitem__") and hasattr(given, "__len__"))


def is_batch(given: Any) -> bool:
    """Whether the first of several things is a batch: a pair or three, of arrays rather than numbers."""
    if isinstance(given, tuple | list) and 1 < len(given) <= 3:
        return isinstance(given[0], Mapping) or (hasattr(given[0], "__array__") if isinstance(given, list)
                                                 else not isinstance(given[0], Number))
    return isinstance(given, Mapping)
