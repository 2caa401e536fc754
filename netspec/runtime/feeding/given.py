"""What `fit`, `evaluate` and `validation=` are given, as one thing: a feed.

    fit(x, y)                         arrays
    fit(netspec.data.load("digits"))  a data set: bytes are pictures, and it has tests of its own
    fit(batches)                      batches that somebody else makes, see stream.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...passes.objective import Term, target_types
from ...words.dataset import Data, Pair
from ..io import arrays
from ..misuse import misuse, whole
from ..sizes import bind
from ..state import State
from . import augmenting
from .feed import Feed
from .statistics import check_statistics
from .stream import Stream, is_batch, is_stream


@dataclass(frozen=True)
class Given:
    """Arrays, batches or a data set, as they were given."""

    x: Any
    y: Any = None
    weights: Any = None
    steps: int | None = None  # batches of an epoch, where that is not a whole pass
    pictures: bool = False  # whether bytes are
    prefetch: bool = True  # whether another thread may read batches ahead
    validation: Given | None = None  # what comes with it
    tested: bool = False  # whether it is examples for testing, in the place of examples for validation

    @property
    def streams(self) -> bool:
        """Whether it is batches that somebody else makes."""
        return self.y is None and is_stream(self.x)


def given(state: State, terms: tuple[Term, ...], x: Any, y: Any = None, weights: Any = None, steps: int | None = None,
          judges: bool = False) -> Given:
    """What was given. Of a data set the examples for training, watched on those for validation, or else on those for testing,
    which choose nothing (`tested`). Where it `judges`, those for testing, or else those for validation, or all."""
    if not isinstance(x, Data):
        if y is not None and not isinstance(x, list | tuple) and is_stream(x):
            raise misuse("wrong-type", "batches bring their own targets, and others were given", hint="fit(batches)")
        return Given(x, y, weights, steps)
    if y is not None:
        raise misuse("wrong-type", "a data set has targets of its own, and others were given", hint="fit(data)")
    if judges:
        return Given(*pair_of(state, terms, x.test or x.validation or x.train), weights, pictures=True)
    watched = x.validation or x.test
    tests = Given(*pair_of(state, terms, watched), pictures=True, tested=x.validation is None) if watched is not None else None
    return Given(*pair_of(state, terms, x.train), weights, steps, pictures=True, validation=tests)


def pair_of(state: State, terms: tuple[Term, ...], pair: Pair) -> Pair:
    """Examples of a data set, without the targets where the losses read none."""
    return pair[0], pair[1] if target_types(state.graph, terms) else None


def validating(state: State, terms: tuple[Term, ...], validation: Any) -> Given:
    """What `validation=` was given: a pair of arrays, three with the weights of the examples, a data set, or batches."""
    if isinstance(validation, tuple | list) and not _batches(validation):
        if len(validation) not in (2, 3):
            raise misuse("wrong-type", "validation must be a pair, or three: with the weights of the examples",
                         hint="validation=(xv, yv)")
        return Given(*validation)
    if not isinstance(validation, Data) and not is_stream(validation):
        raise misuse("wrong-type", "validation must be a pair", hint="validation=(xv, yv)")
    return given(state, terms, validation, judges=True)


def _batches(several: tuple[Any, ...] | list[Any]) -> bool:
    """Whether they are batches, rather than a pair of arrays, or of dicts of them."""
    by_name = any(isinstance(v, Mapping) for v in several)
    return len(several) > 0 and all(map(is_batch, several)) and not (by_name and len(several) in (2, 3))


def to_judge(state: State, terms: tuple[Term, ...], g: Given, size: int,
             inputs: Callable[[Any], dict[str, Any]] | None = None) -> Feed | Stream:
    """The feed of an evaluation, `size` examples at a time, in their order; `inputs` makes arrays by name of what was given."""
    if g.streams:
        return Stream(g.x, state, terms, prefetch=g.prefetch)
    found = arrays.inputs(state.graph, g.x) if inputs is None else inputs(g.x)
    n = arrays.count(found)
    return Feed(found, arrays.targets(bind(state, found).graph, terms, g.y, n), size, state.dtype, shuffle=False,
                scaled=state.course.bytes or g.pictures, weights=arrays.weights(g.weights, n))


def to_learn(state: State, g: Given, shuffle: bool) -> Feed | Stream:
    """The feed of training; raises for whatever would not fit in the first epoch or after it."""
    recipe, terms = state.recipe, state.recipe.terms
    if g.steps is not None and not g.streams:
        raise misuse("bad-value", "steps_per_epoch is of batches that somebody else makes, and arrays were given",
                     hint="fit(x, y, batch=64)")
    if g.streams:
        if g.weights is not None:
            raise misuse("wrong-type", "batches bring the weights of their examples", hint="yield x, y, weights")
        steps = None if g.steps is None else recipe.parts * whole("steps_per_epoch", g.steps, 1)
        return Stream(g.x, state, terms, True, recipe.augmentation, steps, g.prefetch)
    found = arrays.inputs(state.graph, g.x)
    with state.gate.exclusive():
        run, n = bind(state, found), arrays.count(found)
    size = min(recipe.part, n)
    wanted = arrays.targets(run.graph, terms, g.y, n)
    check_statistics(run.graph, size)
    if n % size and not recipe.drop_last:
        check_statistics(run.graph, n % size, n, recipe.part)
    return Feed(found, wanted, size, state.dtype, state.seed, shuffle, recipe.shards if recipe.drop_last else 0,
                state.course.bytes or (g.pictures and arrays.bytes_in(found)), recipe.augmentation,
                augmenting.labels_of(run.graph, terms), arrays.weights(g.weights, n))
