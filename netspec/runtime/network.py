"""A network that runs: a graph on a device, its parameters, and how it is trained."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..backends.executor import Executor, Outcome
from ..backends.turns import Gate
from ..diagnostics import Advice
from ..ir.graph import Graph
from ..ir.types import shape_text
from ..optimisers.lbfgs import Memory
from ..passes.objective import Term
from . import copies, drawing
from .check.blame import Batch, check, refused
from .devices import checked_dtype, executor
from .initialisers import initial
from .io import arrays
from .judge import share
from .misuse import by_name, flag, misuse, whole
from .sizes import Sizes
from .train import steps
from .train.averaging import AVERAGE, take, tested
from .train.horizon import horizon, remark_beyond
from .train.recipe import LossLike, Rates, Recipe, changed
from .unasked import refuse
from .values import Store, Values, Waiting, checked

if TYPE_CHECKING:
    from .train.history import History

Array = NDArray[Any]
Mode = Literal["train", "eval"]
Remake = Callable[[dict[str, tuple[int, ...]]], Graph]
P = ParamSpec("P")
T = TypeVar("T")


def asked(method: Callable[Concatenate[Network, P], T]) -> Callable[Concatenate[Network, P], T]:
    """A method that says what is meant by an argument it does not have."""
    known = tuple(inspect.signature(method).parameters)[1:]

    @wraps(method)
    def told(net: Network, /, *args: P.args, **named: P.kwargs) -> T:
        if any(name not in known for name in named):
            refuse(method.__name__, named, known, net)
        return method(net, *args, **named)

    return told


def changes(method: Callable[Concatenate[Network, P], T]) -> Callable[Concatenate[Network, P], T]:
    """A method that changes the network, gradients included: no other thread is in one meanwhile."""
    @wraps(method)
    def alone(net: Network, /, *args: P.args, **named: P.kwargs) -> T:
        return net.gate.alone(method, net, *args, **named)

    return alone


def reads(method: Callable[Concatenate[Network, P], T]) -> Callable[Concatenate[Network, P], T]:
    """A method that changes nothing: any number of threads may be in one, and nothing changes meanwhile."""
    @wraps(method)
    def beside(net: Network, /, *args: P.args, **named: P.kwargs) -> T:
        return net.gate.beside(method, net, *args, **named)

    return beside


class Network:
    """What `netspec.compile` returns.

    Arrays come as examples x channels x places (N,C,H,W), of any real or whole number type; they are converted to
    `dtype`. With several inputs, targets or outputs, give and get dicts by name. `step` counts optimiser steps and
    `epoch` passes over the data, both from the first one on. Any number of threads may use one: see docs/threads.md.
    """

    # what copies make anew
    machinery: ClassVar = ("gate", "executor", "store", "parameters", "buffers", "_all", "_rates", "_sizes", "_mine",
                           "_differentiated")

    def __init__(self, graph: Graph, device: str = "cpu", dtype: str | None = None, seed: int = 0,
                 recipe: Recipe | None = None, remake: Remake | None = None):
        self.graph, self.device, self.seed = graph, device, whole("seed", seed)
        self.dtype = np.dtype(checked_dtype(dtype, device))
        self.recipe = recipe or Recipe()
        self.step, self.epoch, self.updates = 0, 0, 0
        self.ends: int | None = None  # the horizon of schedules where no recipe says it, see horizon.py
        self.pace = 1  # steps an epoch, as the last `fit` had them
        self.beyond: int | None = None  # the horizon that training was said to lie beyond
        self.state_of: tuple[str, tuple[str, ...]] = ("", ())  # the optimiser that the state belongs to, and its slots
        self.memory = Memory()  # what an optimiser keeps that is no vector for each parameter
        self.taken, self._averaged = 0, True  # steps that the running average of the parameters has seen; whether tests use it
        self.record: list[dict[str, float]] = []  # what each epoch measured
        self.remake = remake
        self.assemble()
        self.initialise()

    def assemble(self) -> None:
        """What runs the network, its numbers all zero."""
        self.gate = Gate(lambda title: misuse("in-use", title, hint=Advice("change it when predict or evaluate has returned")))
        self._mine = threading.local()  # the last call of each thread
        self._rates: Rates | None = None
        self._differentiated = False  # whether the executor holds gradients
        known = all(v.type.known for v in self.graph.values.values())
        self._sizes = None if known else Sizes()
        self.executor = executor(self.graph, self.device, str(self.dtype)) if known else None
        self.store: Store = self.executor or Waiting(self.graph.parameters, self.dtype)
        self._all = {p.name: p for p in self.graph.parameters}
        self.parameters = Values("parameter", tuple(p for p in self._all.values() if p.kind != "buffer"), lambda: self.store,
                                 self._put, self.gate)
        self.buffers = Values("buffer", tuple(p for p in self._all.values() if p.kind == "buffer"), lambda: self.store, self._put,
                              self.gate)

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return copies.restored(type(self), copies.facts(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return copies.restored, (type(self), copies.facts(self))

    @property
    def _last(self) -> tuple[dict[str, Array], Mode, int] | None:
        """What this thread's last call saw, and the key of what it drew, for `backward`."""
        return getattr(self._mine, "last", None)

    @_last.setter
    def _last(self, call: tuple[dict[str, Array], Mode, int]) -> None:
        self._mine.last = call

    @property
    def drawn(self) -> int | None:
        """The number of what this thread's last predict, forward, evaluate or loss_and_gradients has drawn: `draw=net.drawn` draws
        it again. Calls of a network are counted from 0; the steps of its training are -1, -2, and so on."""
        return getattr(self._mine, "drawn", None)

    @drawn.setter
    def drawn(self, number: int) -> None:
        self._mine.drawn = number

    @property
    def precision(self) -> str:
        """`float32` or `exact`."""
        return self.graph.precision

    def __repr__(self) -> str:
        size = sum(p.size for p in self.graph.parameters if p.kind != "buffer")
        shapes = ", ".join(f"{n.name} {shape_text(n.type.shape)}" for n in self.graph.inputs)
        return f"Network {self.graph.name}({shapes}): {size:,} parameters, {self.dtype} on {self.device}, step {self.step}"

    def summary(self, receptive_field: bool = False) -> Any:
        """The table of layers, shapes, parameters and multiply-accumulates; see `Spec.summary`."""
        from ..views.summary import summarise

        return summarise(self.executor.graph if self.executor else self.graph, flag("receptive_field", receptive_field))

    def _repr_html_(self) -> str:
        return str(self.summary()._repr_html_())

    # -- numbers -----------------------------------------------------------------------------------------------------
    @changes
    def initialise(self, how: int | str | None = None, x: Any = None, *, seed: int | None = None) -> None:
        """First values for every parameter and buffer, from the seed and each one's name; the optimiser starts anew.

        how  "lsuv" scales the weights by what they make of a batch `x`, see lsuv.py; a number is a seed

        Errors: another word; lsuv without a batch, or with one that makes a layer's output constant.
        """
        from .io.weights import load_weights
        from .train.lsuv import lsuv

        if isinstance(how, str) and (how != "lsuv" or x is None):
            raise misuse("bad-value",
                         f"`{how}` {'needs a batch of examples' if how == 'lsuv' else 'is no way to initialise a whole network'}",
                         hint='net.initialise("lsuv", x[:256])')
        if how is not None and not isinstance(how, str):
            how, seed = None, whole("seed", how)
        self.seed = self.seed if seed is None else whole("seed", seed)
        for p in self.graph.parameters:
            self.store.set(p.name, initial(p, self.seed))
        load_weights(self.graph.parameters, self.dtype, self.store.set)
        self.step, self.epoch, self.taken, self.record = 0, 0, 0, []
        self.ends, self.pace, self.beyond = None, 1, None
        self.draws, self.looked = 0, -1  # calls that have drawn, apart from training; the step whose gradients were asked for
        self.forget()
        if how == "lsuv":
            lsuv(self, x)

    @changes
    def forget(self) -> None:
        """Zero the optimiser's state; the weights stay."""
        for slot in self.state_of[1]:
            for p in self._all.values():
                if p.trainable:
                    self.store.set_state(slot, p.name, np.zeros(p.shape))
        self.updates, self.state_of, self.memory = 0, ("", ()), Memory()

    @changes
    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Write several parameters or buffers. All are checked before the first is written."""
        ready = {}
        for name, value in by_name("parameters", values).items():
            self.parameters.known(name) if name not in self.buffers else None
            ready[name] = checked(self._all[name], value, self.dtype)
        for name, a in ready.items():
            self._put(name, a)

    @changes
    def _put(self, name: str, value: Array) -> None:
        """What is written by hand holds for the running average as well."""
        self.store.set(name, value)
        if self.taken and self._all[name].trainable:
            self.store.set_state(AVERAGE, name, value)

    @property
    def averaged(self) -> bool:
        """Whether evaluation mode uses the running average of the parameters: it does where one is taken (`average 0.999`),
        until False is assigned. `parameters` are always those that are trained."""
        return self._averaged and self.taken > 0

    @averaged.setter
    @changes
    def averaged(self, use: bool) -> None:
        self._averaged = flag("averaged", use)

    @property
    @reads
    def averages(self) -> dict[str, Array]:
        """Copies of the averaged parameters by name; empty where no average is taken."""
        return {p.name: self.store.get_state(AVERAGE, p.name) for p in self.graph.parameters if p.trainable} if self.taken else {}

    @asked
    @changes
    def configure(self, *, loss: LossLike | Sequence[LossLike] | None = None, optimiser: Any = None, schedule: Any = None,
                  metrics: str | Sequence[str] | None = None, batch: int | None = None, epochs: int | None = None,
                  regularise: str | Sequence[str] | None = None, factors: Mapping[str, Mapping[str, float]] | None = None,
                  accumulate: int | None = None, average: float | None = None, initialise: str | None = None,
                  augment: str | Sequence[str] | None = None, drop_last: bool | None = None) -> Network:
        """Say otherwise than the train section, from here on. Strings are steps of the language: "adam lr=0.001".
        An optimiser of another sort, or with other state, starts anew.

        epochs      of the whole training: where schedules end, however many calls of `fit` lead there
        regularise  "l1 1e-5", "l2 1e-4 weights", several of them, or "none"
        factors     what the optimiser's arguments are multiplied by, for parameters by name, or all those below a name:
                    {"conv1": {"lr": 0.1, "decay": 0}}
        accumulate  batches whose gradients make one step of `fit`
        average     0.999: each step of training moves a running average of the parameters by 0.001 of the way to them; it is
                    what evaluation mode uses. 0: none
        initialise  "lsuv": by the first batch of the first `fit`; "none"
        augment     "flip", "crop pad=4", several of them in this order, or "none": of every batch that `fit` trains on
        drop_last   whether `fit` leaves out the examples of an epoch that fill no batch
        """
        new = changed(self.recipe, self.graph, loss=loss, optimiser=optimiser, schedule=schedule, metrics=metrics, batch=batch,
                      epochs=epochs,
                      regularise=regularise, factors=factors, accumulate=accumulate, average=average, initialise=initialise,
                      augment=augment, drop_last=drop_last)
        if not new.average and average is not None:
            self.taken = 0
        if self.updates and new.optimiser is not None and self.state_of != (new.optimiser.name, tuple(new.optimiser.state)):
            self.forget()
        self.recipe, self._rates = new, None
        return self

    @property
    def rates(self) -> Rates:
        """What the update rule reads, by step."""
        if self._rates is None:
            self._rates = Rates(self.recipe, self.graph.parameters)
        return self._rates

    # -- running -----------------------------------------------------------------------------------------------------
    @asked
    @reads
    def predict(self, x: Any, *, batch: int | None = None, draw: int | None = None) -> Any:
        """Outputs in evaluation mode: an array, or a dict by name where there are several. `batch` images at a time
        (256 unless given), so that memory does not grow with N. Where chance plays a part (`dropout mc`), every call draws
        anew, or again what the call of number `draw` has drawn; see `drawn`.

        Errors: names, types and shapes of x; an empty x.
        """
        found = self._inputs(x)
        run, n = self.bind(found), arrays.count(found)
        size, key, parts = 256 if batch is None else whole("batch", batch, 1), drawing.of_call(self, draw), []
        self._last = (found, "eval", key)
        for k in range(0, n, size):
            drawing.begin(run, key, k)
            parts.append(run.predict(arrays.cut(found, slice(k, k + size), self.dtype), weights=tested(self, "eval")))
        return self._public({name: parts[0][name] if len(parts) == 1 else np.concatenate([p[name] for p in parts])
                             for name in parts[0]})

    def forward(self, x: Any, *, mode: Mode = "train", draw: int | None = None) -> Any:
        """Outputs in training mode (batch statistics, dropout) or evaluation mode. No state changes; `backward` refers to
        this call, and to what it has drawn. `draw` as in `predict`."""
        _check_mode(mode)
        return self.predict(x, draw=draw) if mode == "eval" else self._forward(x, draw)

    @changes
    def _forward(self, x: Any, draw: int | None) -> Any:
        found = self._inputs(x)
        run = self.bind(found)
        self.check_statistics(run, arrays.count(found))
        key = drawing.of_call(self, draw)
        self._last = (found, "train", key)
        zeros = arrays.cotangents(run.graph, {}, arrays.count(found))
        drawing.begin(run, key)
        out = run.backward(arrays.cut(found, slice(None), self.dtype), arrays.cut(zeros, slice(None), self.dtype), training=True)
        return self._public(out.outputs)

    @asked
    @changes
    def loss_and_gradients(self, x: Any, y: Any = None, *, mode: Mode = "train", inputs: bool = False,
                           loss: LossLike | Sequence[LossLike] | None = None, draw: int | None = None) -> tuple[Any, ...]:
        """The weighted loss (a mean over the batch) and its gradients by parameter name; with `inputs`, also those by
        input name. Changes no state: running statistics included. In training mode the first call after
        a step draws what the next step will; `draw` as in `predict`."""
        _check_mode(mode)
        inputs = flag("inputs", inputs)
        terms = changed(self.recipe, self.graph, loss=loss).need_terms()
        run, found, wanted = self._ready(x, y, terms, training=mode == "train")
        key = (drawing.of_gradients if mode == "train" else drawing.of_call)(self, draw)
        self._last = (found, mode, key)
        drawing.begin(run, key)
        out = run.gradients(found, wanted, terms, training=mode == "train", inputs_too=inputs, weights=tested(self, mode))
        grads = self._gradients(run)
        return (_total(terms, out), grads, out.input_gradients) if inputs else (_total(terms, out), grads)

    @changes
    def backward(self, output_gradients: Any, x: Any = None, *, mode: Mode | None = None, inputs: bool = True,
                 draw: int | None = None) -> dict[str, Array]:
        """Gradients of any outside loss, given its gradient for each output: by parameter name, and unless `inputs` is False
        by input name. They belong to `x`, or to this thread's last `forward` (training mode) or `predict` (evaluation mode);
        that array must not have changed since. What that call has drawn is drawn again; with `x`, as `draw` in `predict` says."""
        inputs = flag("inputs", inputs)
        if mode is not None:
            _check_mode(mode)
        if x is not None:
            self._last = (self._inputs(x), mode or "train", drawing.of_call(self, draw))
        elif draw is not None and self._last is not None:
            self._last = (*self._last[:2], drawing.of_call(self, draw))
        if self._last is None:
            raise misuse("no-forward", "there is nothing to go back through yet",
                         hint=Advice("call forward(x) first, or give x: backward(gradients, x)"))
        found, ran, key = self._last
        mode = mode or ran
        run, n = self.bind(found), arrays.count(found)
        if mode == "train":
            self.check_statistics(run, n)
        given = arrays.cotangents(run.graph, output_gradients, n)
        drawing.begin(run, key)
        out = run.backward(arrays.cut(found, slice(None), self.dtype), arrays.cut(given, slice(None), self.dtype),
                           training=mode == "train", inputs_too=inputs, weights=tested(self, mode))
        return self._gradients(run) | out.input_gradients

    @changes
    def update(self, gradients: Mapping[str, Any] | None = None) -> None:
        """One optimiser step from the gradients as the last call left them, or from given ones (clipped, averaged, of an
        outside loss). Running statistics do not move."""
        run = self.executor
        given = {k: g for k, g in by_name("gradients", {} if gradients is None else gradients).items()
                 if k not in {n.name for n in self.graph.inputs}}
        for name in given:
            if not self.parameters.known(name).trainable:
                raise misuse("nothing-to-train", f"{name} is frozen, and has no gradient")
        if run is None or not (self._differentiated or all(k in given for k, p in self._all.items() if p.trainable)):
            raise misuse("no-forward", "there are no gradients yet", hint=Advice("call loss_and_gradients or backward first"))
        for name, g in given.items():
            run.set_gradient(name, checked(self._all[name], g, self.dtype))
        if not run.finite_gradients():
            name = next(k for k, p in self._all.items() if p.trainable and not np.isfinite(run.gradient(k)).all())
            raise misuse("loss-exploded", f"the gradient of {name} is not finite, so there is no step from it",
                         hint="np.isfinite(gradient).all()  must be True")
        steps.update(run, self.recipe.need_optimiser(), self.settings())
        self._count(run)

    @asked
    @changes
    def train_step(self, x: Any, y: Any = None, *, batch: int | None = None, batches: int | None = None) -> float:
        """One optimiser step on one batch, as `fit` does it; returns the loss before the step. Schedules stand where the
        current epoch begins (`net.epoch`, which your own loop counts up), or at batch `batch` (from 0) of the `batches` of it."""
        terms, k = self.recipe.need_terms(), 0
        if batches is not None or batch is not None:
            pace = whole("batches, the steps of an epoch,", self.pace if batches is None else batches, 1)
            k = whole("batch", 0 if batch is None else batch, 0)
            if k >= pace:
                raise misuse("bad-value", f"batch {k} of {pace}: batches of an epoch count from 0",
                             hint="train_step(x, y, batch=k, batches=n)")
            self.pace = pace
        run, found, wanted = self._ready(x, y, terms, training=True)
        self._last = (found, "train", drawing.of_step(self))
        return _total(terms, self.run_step(run, found, wanted, self.settings(k)))

    @asked
    @reads
    def evaluate(self, x: Any, y: Any = None, *, batch: int | None = None, loss: LossLike | Sequence[LossLike] | None = None,
                 draw: int | None = None) -> dict[str, Any]:
        """Loss and metrics in evaluation mode over all of x, `batch` examples at a time: {"loss": ..., "accuracy": ...}; a
        confusion matrix is an array. `draw` as
        in `predict`."""
        from .train.evaluation import evaluate

        return evaluate(self, changed(self.recipe, self.graph, loss=loss), x, y, drawing.of_call(self, draw), batch)

    @asked
    def fit(self, x: Any, y: Any = None, *, epochs: int | None = None, batch: int | None = None, validation: tuple[Any, Any]
            | None = None,
            loss: LossLike | Sequence[LossLike] | None = None, optimiser: Any = None, schedule: Any = None,
            metrics: str | Sequence[str] | None = None, shuffle: bool = True, seed: int | None = None, early_stopping: int
            | None = None, checkpoint: str | None = None, verbose: int = 1, regularise: str | Sequence[str] | None = None,
            factors: Mapping[str, Mapping[str, float]] | None = None, accumulate: int | None = None, average: float | None = None,
            augment: str | Sequence[str] | None = None, drop_last: bool | None = None) -> History:
        """Train for `epochs` more epochs: unless given, to the end of what `configure` or the train section says. Schedules end
        there in any case. See `configure` and `trainer.Trainer` for what each argument does."""
        from .train.trainer import Trainer

        with self.gate.training():
            epochs = None if epochs is None else whole("epochs, the number of epochs,", epochs, 0)
            self.configure(loss=loss, optimiser=optimiser, schedule=schedule, metrics=metrics, batch=batch,
                           regularise=regularise, factors=factors, accumulate=accumulate, average=average, augment=augment,
                           drop_last=drop_last)
            self.seed = self.seed if seed is None else whole("seed", seed)
            return Trainer(self, epochs, shuffle, early_stopping, checkpoint, verbose).run(x, y, validation)

    # -- files -------------------------------------------------------------------------------------------------------
    @reads
    def save(self, path: str) -> None:
        """Write a checkpoint: everything that training needs to go on exactly. See `checkpoint.py`."""
        from .io.checkpoint import save

        save(self, path)

    def load(self, path: str) -> Network:
        """Read a checkpoint of the same network; nothing changes where it does not fit."""
        from .io.checkpoint import load

        with self.gate.exclusive():
            load(self, path)
        return self

    # -- beneath -----------------------------------------------------------------------------------------------------
    def _inputs(self, x: Any) -> dict[str, Array]:
        return arrays.inputs(self.graph, x)

    def bind(self, found: Mapping[str, Array]) -> Executor:
        """The executor for these sizes of input. Where the text leaves sizes open, each has its own: see sizes.py."""
        if self._sizes is None:
            assert self.executor is not None
            return self.executor
        return self._sizes.of(self, tuple(found[n.name].shape[1:] for n in self.graph.inputs))

    def take_over(self, run: Executor) -> None:
        """From here on this executor holds the numbers."""
        self.executor = self.store = run
        self._differentiated = False

    def _ready(self, x: Any, y: Any, terms: tuple[Term, ...], *, training: bool) -> tuple[Executor, dict[str, Array],
                                                                                          dict[str, Array]]:
        """One batch, checked and converted, and the executor that takes it."""
        found = self._inputs(x)
        run, n = self.bind(found), arrays.count(found)
        wanted = arrays.targets(run.graph, terms, y, n)
        if training:
            self.check_statistics(run, n)
        return run, arrays.cut(found, slice(None), self.dtype), arrays.cut_targets(wanted, slice(None), self.dtype)

    def check_statistics(self, run: Executor, n: int, last_of: int = 0) -> None:
        """A layer that takes statistics of the batch needs more than one value a channel to have a variance. `last_of` are the examples of an epoch whose
        last batch this is."""
        if n > 1:
            return  # every example has a value a channel at least
        for node in run.graph.nodes:
            if (called := getattr(node.op, "statistics", "")) and not dict(node.attrs).get("frozen"):
                t = node.type
                values = n * t.batch
                for s in t.spatial:
                    values *= s or 0
                if values < 2:
                    raise misuse("one-value", f"{called} `{node.name}` would see one value a channel, which has no variance",
                                 f"the {'last ' if last_of else ''}batch has {n} example{'s' if n != 1 else ''}, and the plane there is {shape_text(t.spatial) or 'one place'}",
                                 *([f"{last_of} examples in batches of {self.recipe.batch} leave {n} over; in a train section the line `drop_last` leaves them out"] if last_of else []),
                                 hint="drop_last=True" if last_of
                                 else "mode=\"eval\"  takes the running statistics; else train on batches of two or more")

    def settings(self, batch: int = 0) -> dict[str, dict[str, float]]:
        """The update's scalars in step `batch` of this epoch's `pace`."""
        remark_beyond(self)
        return self.rates.at(self.updates + 1, self.epoch, self.epoch * self.pace + batch, horizon(self), self.pace,
                             record=self.record)

    @changes
    def run_step(self, run: Executor, found: dict[str, Array], wanted: dict[str, Array], settings: dict[str, dict[str, float]],
                 notes: tuple[str, ...] = (), examples: Array | None = None) -> Outcome:
        """One batch, one step. Losses whose labels it all ignores are NaN and teach nothing; without others there is no step.
        `notes` and `examples` (their numbers in the data) are for the message where a number is not finite: then nothing changes."""
        drawing.begin(run, drawing.of_step(self))
        self._differentiated = True
        live = self._live(found, wanted)
        batch = self._batch(found, wanted, live, settings, notes, examples)
        if not live:
            return self._ignored(run, batch)
        out = steps.step(run, found, wanted, live, self.recipe.need_optimiser(), settings, self.memory,
                         partial(check, run, batch))
        self._count(run)
        return self._spread(out, live)

    def _batch(self, found: dict[str, Array], wanted: dict[str, Array], live: tuple[Term, ...],
               settings: dict[str, dict[str, float]], notes: tuple[str, ...], examples: Array | None) -> Batch:
        lr = next(iter(settings.values())).get("lr", 0.0)
        return Batch(found, wanted, live, self.step + 1, lr, self.recipe.need_optimiser().name, notes, examples)

    def _ignored(self, run: Executor, batch: Batch) -> Outcome:
        """A batch without labels: its running statistics move, unless one would not be finite."""
        before = steps.buffers(run)
        out = run.gradients(batch.inputs, batch.targets, self.recipe.terms, training=True, effects=True)
        if not all(np.isfinite(v).all() for v in steps.buffers(run).values()):
            steps.put_back(run, before)
            raise refused(run, batch, f"a running statistic is not finite after the batch of step {batch.step}")
        return out

    def _live(self, found: dict[str, Array], wanted: dict[str, Array]) -> tuple[Term, ...]:
        """The losses that some label of the batch counts for."""
        return tuple(t for t in self.recipe.terms if share(t, wanted, arrays.count(found)))

    def _spread(self, out: Outcome, live: tuple[Term, ...]) -> Outcome:
        """The outcome with a loss for every term."""
        if len(live) == len(self.recipe.terms):
            return out
        held = dict(zip(live, out.losses))
        return replace(out, losses=tuple(held.get(t, float("nan")) for t in self.recipe.terms))

    @changes
    def run_part(self, run: Executor, found: dict[str, Array], wanted: dict[str, Array], parts: steps.Gathering,
                 settings: dict[str, dict[str, float]], notes: tuple[str, ...] = (), examples: Array | None = None) -> Outcome:
        """One batch of several that make a step: running statistics move, parameters do not yet. Where a number is not finite,
        the whole step comes to nothing."""
        drawing.begin(run, drawing.of_step(self), parts.examples)
        live = self._live(found, wanted)
        batch = self._batch(found, wanted, live, settings, notes, examples)
        parts.begin(run)
        try:
            out = run.gradients(found, wanted, live, training=True, effects=True,
                                check=partial(check, run, batch)) if live else self._ignored(run, batch)
        except BaseException:
            parts.abandon(run)
            raise
        parts.add(run, live or self.recipe.terms, wanted, arrays.count(found))
        return self._spread(out, live or self.recipe.terms)

    @changes
    def finish_step(self, run: Executor, parts: steps.Gathering, settings: dict[str, dict[str, float]]) -> None:
        parts.finish(run)
        steps.update(run, self.recipe.need_optimiser(), settings)
        self._count(run)

    def _count(self, run: Executor) -> None:
        take(self, run)
        optimiser = self.recipe.need_optimiser()
        self.step, self.updates, self.state_of = self.step + 1, self.updates + 1, (optimiser.name, tuple(optimiser.state))

    def _gradients(self, run: Executor) -> dict[str, Array]:
        self._differentiated = True
        return {p.name: run.gradient(p.name) for p in run.graph.parameters if p.trainable}

    def _public(self, outputs: dict[str, Array]) -> Any:
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _total(terms: tuple[Term, ...], out: Outcome) -> float:
    return float(sum(t.weight * v for t, v in zip(terms, out.losses)))


def _check_mode(mode: str) -> None:
    if not isinstance(mode, str) or mode not in ("train", "eval"):
        raise misuse("bad-value", f"there is no mode `{mode}`", hint='mode="train"   or   mode="eval"')
