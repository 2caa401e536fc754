"""What is called while a network trains: a class of your own, or a function.

    class Say(netspec.Callback):
        def on_epoch(self, net, epoch, numbers):
            print(epoch, numbers["loss"])

    net.fit(x, y, callbacks=[Say(), lambda net, epoch, numbers: "enough" if numbers["loss"] < 0.1 else None])

Everything is called in the thread that trains, between two steps, so that the network may be asked anything; whatever a
callback raises ends training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..distributed.world import ALONE, World
from ..misuse import misuse
from .history import History


class Callback:
    """State the methods that you need. Where workers share a training each of them calls its own; what writes for all of them
    says so by `alone`, and the first worker calls it."""

    alone: ClassVar[bool] = False

    def on_begin(self, net: Any, last: int) -> None:
        """Before the first step. `last` is the number of the epoch after which training is to end."""

    def on_step(self, net: Any, step: int, loss: float) -> None:
        """After each step: how many there were (`net.step`), and the mean loss of the epoch until then."""

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> str | None:
        """After each epoch, numbered from 1, with what it measured: loss, accuracy, val_loss, ..., lr, seconds. Where a text is
        returned, training stops, and the text says why."""
        return None

    def on_end(self, net: Any, history: History) -> None:
        """After the last step, also where training stopped early; not where an error ended it."""


class Watcher(Callback):
    """One of netspec's own, which sees what is learnt from as well."""

    alone = True

    def on_data(self, net: Any, feed: Any, learnt: Any, judging: Any, shuffle: bool) -> None:
        """Before `on_begin`: what training reads (a Feed or a Stream) of what was given (Given), and what judges it, if anything
        does."""

    def on_batch(self, net: Any, number: int, batch: Any) -> None:
        """Before each batch of an epoch is learnt from, numbered from 0: its inputs, targets and the numbers of its examples."""

    def on_failure(self, net: Any, error: BaseException) -> None:
        """Where an error, or an interrupt, ends training, in the place of `on_end`."""


class _Function(Callback):
    def __init__(self, called: Callable[..., Any]):
        self.called = called

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> str | None:
        found = self.called(net, epoch, numbers)
        return found if isinstance(found, str) else None


@dataclass
class Hooks:
    """The callbacks of one call of `fit`, for this network, which these workers train."""

    net: Any = None
    callbacks: tuple[Callback, ...] = ()
    world: World = ALONE
    begun: list[Callback] = field(default_factory=list, init=False)
    reads: tuple[Any, ...] = field(default=(), init=False)  # what `on_data` is told
    last: int | None = field(default=None, init=False)

    @property
    def called(self) -> list[Callback]:
        """Those that this worker calls. One that has become the first begins with what the first alone calls."""
        mine = [c for c in self.callbacks if self.world.first or not c.alone]
        for c in mine:
            if self.last is not None and all(c is not other for other in self.begun):
                self.begun.append(c)
                if isinstance(c, Watcher):
                    c.on_data(self.net, *self.reads)
                c.on_begin(self.net, self.last)
        return mine

    @property
    def watchers(self) -> tuple[Watcher, ...]:
        return tuple(c for c in self.callbacks if isinstance(c, Watcher))

    def begin(self, feed: Any, learnt: Any, judging: Any, shuffle: bool, last: int) -> None:
        """Training begins, and is to end after epoch `last`."""
        self.reads, self.last = (feed, learnt, judging, shuffle), last
        _ = self.called

    def batch(self, number: int, batch: Any) -> None:
        for c in self.called:
            if isinstance(c, Watcher):
                c.on_batch(self.net, number, batch)

    def step(self, step: int, loss: float) -> None:
        for c in self.called:
            c.on_step(self.net, step, loss)

    def failed(self, error: BaseException) -> None:
        for c in self.callbacks if self.world.first else ():
            if isinstance(c, Watcher):
                c.on_failure(self.net, error)

    def epoch(self, epoch: int, numbers: dict[str, Any]) -> str | None:
        """Why training stops, if a callback says so; all are asked."""
        said = [c.on_epoch(self.net, epoch, dict(numbers)) for c in self.called]
        return next((f"stopped after epoch {epoch}: {s}" for s in said if isinstance(s, str)), None)

    def end(self, history: History) -> None:
        for c in self.called:
            c.on_end(self.net, history)


def hooks(net: Any, given: Callback | Callable[..., Any] | Sequence[Callback | Callable[..., Any]] | None) -> Hooks:
    """The callbacks that `fit` was given. Raises for what is none."""
    several: list[Any] = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    for c in several:
        if not isinstance(c, Callback) and (not callable(c) or isinstance(c, type)):
            what = f"the class {c.__name__}, not one of it" if isinstance(c, type) else f"a {type(c).__name__}"
            raise misuse("wrong-type", f"a callback is a netspec.Callback or a function, not {what}",
                         hint="callbacks=[lambda net, epoch, numbers: print(epoch, numbers)]")
    return Hooks(net, tuple(c if isinstance(c, Callback) else _Function(c) for c in several))
