"""A network that runs: a graph on a device, its parameters, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backends.executor import Executor
from ..backends.turns import changes, reads
from ..ir.graph import Graph
from ..ir.types import shape_text
from ..views.viewed import Viewed
from . import calls, copies, drawing
from .initialisers import initial
from .means.views import Views
from .misuse import by_name, flag, misuse, whole
from .origin import Origin
from .state import AVERAGE, Course, Draws, Mode, State
from .train.recipe import LossLike, MetricLike, Rates, Recipe, changed, recipe_of
from .unasked import asked
from .values import Values, checked

if TYPE_CHECKING:
    from ..views.backprop.film import Film
    from .train.callbacks import Callback
    from .train.history import History

Array = NDArray[Any]


class Network(Viewed):
    """What `netspec.compile` returns.

    Arrays come as examples x channels x places (N,C,H,W), of any real or whole number type; they are converted to
    `dtype`. With several inputs, targets or outputs, give and get dicts by name. `step` counts optimiser steps and
    `epoch` passes over the data, both from the first one on. Any number of threads may use one: see docs/threads.md.

    This is the face of a `State`, which is what the rest of the runtime works on.
    """

    def __init__(self, graph: Graph, device: str = "cpu", dtype: str | None = None, seed: int = 0,
                 recipe: Recipe | None = None, origin: Origin | None = None):
        self._show(State(graph, device, dtype, seed, recipe or Recipe(), origin))
        self.initialise()

    taken: str = ""  # what the last `load_weights` took from where, as a table

    def _show(self, state: State) -> None:
        """Be the face of this state."""
        self.state, self.gate = state, state.gate
        self.parameters, self.buffers = (
            Values(what, tuple(p for p in state.graph.parameters if (p.kind == "buffer") == (what == "buffer")),
                   lambda: state.store, state.put, state.gate) for what in ("parameter", "buffer"))

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return _copied(type(self), *self._held())

    def __reduce__(self) -> tuple[Any, ...]:
        return _copied, (type(self), *self._held())

    def _held(self) -> tuple[copies.Facts, dict[str, Any]]:
        """What copies are made of: the state, and what else somebody has hung on the network."""
        own = {k: v for k, v in vars(self).items() if k not in ("state", "gate", "parameters", "buffers")}
        return copies.facts(self.state), deepcopy(own)

    # -- what it is, and how far it is -------------------------------------------------------------------------------
    @property
    def graph(self) -> Graph:
        """The layers and their shapes, as the text says them."""
        return self.state.graph

    @property
    def device(self) -> str:
        """`cpu`, `cuda` or `reference`."""
        return self.state.device

    @property
    def dtype(self) -> np.dtype[Any]:
        """What it computes in."""
        return self.state.dtype

    @property
    def precision(self) -> str:
        """`float32` or `exact`."""
        return self.graph.precision

    @property
    def recipe(self) -> Recipe:
        """How it is trained; `configure` says otherwise."""
        return self.state.recipe

    @property
    def rates(self) -> Rates:
        """What the update rule reads, by step."""
        return self.state.rates

    @property
    def executor(self) -> Executor | None:
        """What runs it; None before the size of its input is known."""
        return self.state.executor

    @property
    def seed(self) -> int:
        """Decides first values, what is drawn and the order of the data."""
        return self.state.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self.state.seed = whole("seed", seed)

    @property
    def step(self) -> int:
        """Optimiser steps since the first values."""
        return self.state.course.step

    @step.setter
    def step(self, step: int) -> None:
        self.state.course.step = whole("step", step, 0)

    @property
    def epoch(self) -> int:
        """Passes over the data; a loop of your own counts it up."""
        return self.state.course.epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self.state.course.epoch, self.state.course.inside = whole("epoch", epoch, 0), None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes by their number, where they have names: those of the data it has learnt from."""
        return self.state.learnt.classes

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the numbers that it says, where those of the data it has learnt from have some: a table's heading."""
        return self.state.learnt.columns

    @property
    def record(self) -> list[dict[str, float]]:
        """What each epoch measured."""
        return self.state.course.record

    @property
    def drawn(self) -> int | None:
        """The number of what this thread's last predict, forward, evaluate or loss_and_gradients has drawn: `draw=net.drawn`
        draws it again. Calls of a network are counted from 0; the steps of its training are -1, -2, and so on."""
        return self.state.last.drawn

    def __repr__(self) -> str:
        size = sum(p.size for p in self.graph.parameters if p.kind != "buffer")
        shapes = ", ".join(f"{n.name} {shape_text(n.type.shape)}" for n in self.graph.inputs)
        return f"Network {self.graph.name}({shapes}): {size:,} parameters, {self.dtype} on {self.device}, step {self.step}"

    def _looked_at(self) -> Graph:
        return self.executor.graph if self.executor else self.graph

    def _repr_html_(self) -> str:
        return str(self.summary()._repr_html_())

    # -- numbers -----------------------------------------------------------------------------------------------------
    @changes
    def initialise(self, how: int | str | None = None, x: Any = None, *, seed: int | None = None) -> None:
        """First values for every parameter and buffer, from the seed and each one's name; the optimiser starts anew.

        how  "lsuv" scales the weights by what they make of a batch `x`, see lsuv.py; a number is a seed

        Errors: another word; lsuv without a batch, or with one that makes a layer's output constant.
        """
        from .io.weights import of_calls
        from .train.lsuv import lsuv

        if isinstance(how, str) and (how != "lsuv" or x is None):
            raise misuse("bad-value",
                         f"`{how}` {'needs a batch of examples' if how == 'lsuv' else 'is no way to initialise a whole network'}",
                         hint='net.initialise("lsuv", x[:256])')
        if how is not None and not isinstance(how, str):
            how, seed = None, whole("seed", how)
        state = self.state
        state.seed = state.seed if seed is None else whole("seed", seed)
        for p in state.graph.parameters:
            state.store.set(p.name, initial(p, state.seed))
        of_calls(state.graph, state.dtype, state.store.set)
        state.course, state.draws, state.average.taken = Course(), Draws(), 0
        state.forget()
        if how == "lsuv":
            lsuv(state, x)

    def freeze(self, *parts: str) -> Network:
        """Leave parts alone in training from here on, as `frozen:` in a text does: "stage1", "conv1", "conv1.weight". Their batch
        norm uses and keeps the statistics it has. The optimiser and the average of the parameters start anew. A checkpoint holds
        what was said.

        Errors: a name that nothing has; none.
        """
        return self._marked(parts, True)

    def unfreeze(self, *parts: str) -> Network:
        """Train parts again, those that the text freezes too; all of them where none is named."""
        return self._marked(parts or ("",), False)

    def _marked(self, parts: tuple[str, ...], frozen: bool) -> Network:
        with self.gate.training():
            self._show(copies.frozen(self.state, parts, frozen))
        return self

    def forget(self) -> None:
        """Zero the optimiser's state; the weights stay."""
        self.state.forget()

    def prepare(self, x: Any) -> Network:
        """Measure the numbers of the train section's `prepare` lines on these examples, those of training; `fit` does it by
        itself before the first step, unless this or a checkpoint has.

        Errors: a net that has nothing to measure; names, types and shapes of x; numbers that are not finite.
        """
        from .train.preparing import prepare

        with self.gate.training():
            prepare(self.state, x)
        return self

    @changes
    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Write several parameters or buffers. All are checked before the first is written."""
        ready = {}
        for name, value in by_name("parameters", values).items():
            self.parameters.known(name) if name not in self.buffers else None
            ready[name] = checked(self.state.declared[name], value, self.state.dtype)
        for name, a in ready.items():
            self.state.put(name, a)

    @property
    def averaged(self) -> bool:
        """Whether evaluation mode uses the running average of the parameters: it does where one is taken (`average 0.999`),
        until False is assigned. `parameters` are always those that are trained."""
        return self.state.average.used

    @averaged.setter
    @changes
    def averaged(self, use: bool) -> None:
        self.state.average.wanted = flag("averaged", use)

    @property
    @reads
    def averages(self) -> dict[str, Array]:
        """Copies of the averaged parameters by name; empty where no average is taken."""
        return self.state.slot(AVERAGE) if self.state.average.taken else {}

    @asked
    @changes
    def configure(self, *, loss: LossLike | Sequence[LossLike] | None = None, optimiser: Any = None, schedule: Any = None,
                  metrics: MetricLike | Sequence[MetricLike] | None = None, batch: int | None = None, epochs: int | None = None,
                  regularise: str | Sequence[str] | None = None, factors: Mapping[str, Mapping[str, float]] | None = None,
                  accumulate: int | None = None, shards: int | None = None, average: float | None = None,
                  initialise: str | None = None,
                  augment: str | Sequence[str] | None = None, drop_last: bool | None = None, keep: str | None = None) -> Network:
        """Say otherwise than the train section, from here on. Strings are steps of the language: "adam lr=0.001".
        An optimiser of another sort, or with other state, starts anew.

        epochs      of the whole training: where schedules end, however many calls of `fit` lead there
        regularise  "l1 1e-5", "l2 1e-4 weights", several of them, or "none"
        metrics     "accuracy", "f1 micro, confusion", several in a list; a Metric, or a function of (scores, targets)
        factors     what the optimiser's arguments are multiplied by, for parameters by name, or all those below a name:
                    {"conv1": {"lr": 0.1, "decay": 0}}
        accumulate  batches whose gradients make one step of `fit`
        shards      parts that each batch of `fit` is cut into, which any number of workers share, see docs/scale.md
        average     0.999: each step of training moves a running average of the parameters by 0.001 of the way to them; it is
                    what evaluation mode uses. 0: none
        initialise  "lsuv": by the first batch of the first `fit`; "none"
        augment     "flip", "crop pad=4", several of them in this order, or "none": of every batch that `fit` trains on
        drop_last   whether `fit` leaves out the examples of an epoch that fill no batch
        keep        "best val_accuracy": the weights of the epoch that was best by it are put back at the end of `fit`; "last"
        """
        state = self.state
        new = changed(state.recipe, state.graph, loss=loss, optimiser=optimiser, schedule=schedule, metrics=metrics, batch=batch,
                      epochs=epochs,
                      regularise=regularise, factors=factors, accumulate=accumulate, shards=shards, average=average,
                      initialise=initialise,
                      augment=augment, drop_last=drop_last, keep=keep)
        if not new.average and average is not None:
            state.average.taken = 0
        if state.optimiser.updates and new.optimiser is not None and not state.optimiser.fits(new.optimiser):
            state.forget()
        state.recipe = new
        return self

    # -- running -----------------------------------------------------------------------------------------------------
    @asked
    def predict(self, x: Any, *, batch: int | None = None, draw: int | None = None, outputs: str | Sequence[str] = (),
                ten_crop: bool = False, flip: bool = False) -> Any:
        """Outputs in evaluation mode: an array, or a dict by name where there are several. `batch` images at a time
        (256 unless given), so that memory does not grow with N; or as they come, of a generator or a DataLoader. Where chance
        plays a part (`dropout mc`), every call draws anew, or again what the call of number `draw` has drawn; see `drawn`.
        `outputs` asks for values inside the network instead, as `activations` does: ["conv2", "fc1"] for a dict by name, a text
        for one array. With `flip` or `ten_crop` it is the mean of what is said of an example and its mirror image, or of ten
        parts of a picture: see means/views.py.

        Errors: names, types and shapes of x; an empty x.
        """
        if isinstance(outputs, str) or len(outputs):
            found = calls.activations(self.state, x, [outputs] if isinstance(outputs, str) else outputs, batch, draw)
            return found[outputs] if isinstance(outputs, str) else found
        return calls.predict(self.state, x, batch, draw, Views(self.graph, flag("ten_crop", ten_crop), flag("flip", flip)))

    @asked
    def activations(self, x: Any, *names: str, batch: int | None = None, draw: int | None = None) -> Any:
        """What nodes inside the network make of x in evaluation mode: an array for one name, a dict by name for several, and
        for none a dict of every step. Names are those of `summary`: "conv1" is all that its line says, `relu` included,
        "conv1.raw" the convolution alone, "stage2" what a scope or a label hands on. What the named nodes do not need is not
        computed. `batch` and `draw` as in `predict`.

        Errors: a name that nothing has; as `predict`.
        """
        found = calls.activations(self.state, x, names, batch, draw)
        return found[names[0]] if len(names) == 1 else found

    def forward(self, x: Any, *, mode: Mode = "train", draw: int | None = None) -> Any:
        """Outputs in training mode (batch statistics, dropout) or evaluation mode. No state changes; `backward` refers to
        this call, and to what it has drawn. `draw` as in `predict`."""
        calls.check_mode(mode)
        return calls.predict(self.state, x, None, draw) if mode == "eval" else calls.forward(self.state, x, draw)

    @asked
    def loss_and_gradients(self, x: Any, y: Any = None, *, mode: Mode = "train", inputs: bool = False,
                           loss: LossLike | Sequence[LossLike] | None = None, draw: int | None = None) -> tuple[Any, ...]:
        """The weighted loss (a mean over the batch) and its gradients by parameter name; with `inputs`, also those by
        input name. Changes no state: running statistics included. In training mode the first call after
        a step draws what the next step will; `draw` as in `predict`."""
        calls.check_mode(mode)
        inputs = flag("inputs", inputs)
        terms = changed(self.state.recipe, self.state.graph, loss=loss).need_terms()
        return calls.loss_and_gradients(self.state, x, y, terms, mode, inputs, draw)

    def backward(self, output_gradients: Any, x: Any = None, *, mode: Mode | None = None, inputs: bool = True,
                 draw: int | None = None) -> dict[str, Array]:
        """Gradients of any outside loss, given its gradient for each output: by parameter name, and unless `inputs` is False
        by input name. They belong to `x`, or to this thread's last `forward` (training mode) or `predict` (evaluation mode);
        that array must not have changed since. What that call has drawn is drawn again; with `x`, as `draw` in `predict` says."""
        return calls.backward(self.state, output_gradients, x, mode, inputs, draw)

    @asked
    def derivatives(self, x: Any, of: Any, *, to: str | Sequence[str] = (), guided: bool = False, batch: int | None = None,
                    draw: int | None = None) -> Any:
        """How values inside the network change with others, in evaluation mode: the gradient of the sum of all numbers of the
        values `of`, each times its factor, to the inputs or to values inside.

        of      {"fc2": factors}, factors an array of the value's own shape, N examples, or one that NumPy spreads to it
        to      names as in `activations`, inputs too; an array for one, a dict by name for several; the inputs unless said
        guided  rectifiers let no gradient below zero through from above: guided backpropagation (Springenberg et al., 2015)

        `batch` and `draw` as in `predict`; zeros where nothing of `of` is made from `to`.

        Errors: names; shapes of x and of factors.
        """
        from .derivatives import derivatives

        names = [to] if isinstance(to, str) else list(to)
        found = derivatives(self.state, x, of, names, flag("guided", guided), batch, draw)
        return next(iter(found.values())) if len(found) == 1 else found

    def update(self, gradients: Mapping[str, Any] | None = None) -> None:
        """One optimiser step from the gradients as the last call left them, or from given ones (clipped, averaged, of an
        outside loss). Running statistics do not move."""
        calls.update(self.state, self.parameters, {} if gradients is None else gradients)

    @asked
    def train_step(self, x: Any, y: Any = None, *, batch: int | None = None, batches: int | None = None) -> float:
        """One optimiser step on one batch, as `fit` does it; returns the loss before the step. Schedules stand where the
        current epoch begins (`net.epoch`, which your own loop counts up), or at batch `batch` (from 0) of the `batches` of it."""
        return calls.train_step(self.state, x, y, batch, batches)

    @asked
    @reads
    def evaluate(self, x: Any, y: Any = None, *, batch: int | None = None, loss: LossLike | Sequence[LossLike] | None = None,
                 draw: int | None = None, sample_weight: Any = None, ten_crop: bool = False,
                 flip: bool = False) -> dict[str, Any]:
        """Loss and metrics in evaluation mode over all of x (of a data set, its examples for testing), `batch` examples at a
        time: {"loss": ..., "accuracy": ...}; a confusion matrix is an array. Where there are several losses, "OUTPUT.loss" is
        that of each output, before its weight. `sample_weight` has what each example counts. `draw`, `ten_crop` and `flip` as
        in `predict`."""
        from .feeding.given import given
        from .train.evaluation import evaluate

        recipe = changed(self.state.recipe, self.state.graph, loss=loss)
        views = Views(self.graph, flag("ten_crop", ten_crop), flag("flip", flip))
        asked = given(self.state, recipe.need_terms(), x, y, sample_weight, judges=True)
        return evaluate(self.state, recipe, asked, drawing.of_call(self.state, draw), batch, views)

    @asked
    def fit(self, x: Any, y: Any = None, *, epochs: int | None = None, batch: int | None = None, validation: Any = None,
            loss: LossLike | Sequence[LossLike] | None = None, optimiser: Any = None, schedule: Any = None,
            metrics: MetricLike | Sequence[MetricLike] | None = None, shuffle: bool = True, seed: int | None = None,
            early_stopping: int | None = None, checkpoint: str | None = None, checkpoint_every: int | None = None,
            checkpoint_minutes: float | None = None, verbose: int = 1, regularise: str | Sequence[str] | None = None,
            factors: Mapping[str, Mapping[str, float]] | None = None, accumulate: int | None = None, shards: int | None = None,
            average: float | None = None, augment: str | Sequence[str] | None = None, drop_last: bool | None = None,
            keep: str | None = None, log: str | Sequence[str] | None = None, best: str | None = None,
            callbacks: Callback | Callable[..., Any] | Sequence[Callback | Callable[..., Any]] | None = None,
            sample_weight: Any = None, steps_per_epoch: int | None = None, prefetch: bool = True,
            report: str | None = None) -> History:
        """Train for `epochs` more epochs: unless given, to the end of what `configure` or the train section says. Schedules end
        there in any case. `x` may be a data set, `netspec.data.load("...")`, which has targets and tests of its own. See
        `configure` and `trainer.Trainer` for what each argument does.

        best       a file for the weights of the best epoch, which the network has at the end
        log        where the numbers of each epoch are written: "log.jsonl", "log.csv", or a folder for TensorBoard; or several
        callbacks  what is called while it trains, see callbacks.py: functions of (net, epoch, numbers), or netspec.Callback
        report     a new folder for a run and its page, report.html, which is written anew after every epoch: what it has come to
                   in words, curves, layers, answers; see docs/report.md
        prefetch   whether another thread reads a batch ahead of what somebody else makes batches of; never of an iterator
        """
        from .distributed.joining import joined
        from .distributed.world import ALONE
        from .runs.logs import logs
        from .train.callbacks import Callback, hooks
        from .train.trainer import Trainer

        with self.gate.training():
            epochs = None if epochs is None else whole("epochs, the number of epochs,", epochs, 0)
            self.configure(loss=loss, optimiser=optimiser, schedule=schedule, metrics=metrics, batch=batch,
                           regularise=regularise, factors=factors, accumulate=accumulate, shards=shards, average=average,
                           augment=augment, drop_last=drop_last, keep=keep)
            self.state.seed = self.state.seed if seed is None else whole("seed", seed)
            called, watching = hooks(self, callbacks), tuple[Callback, ...]()
            if report is not None:
                from .watching.anew import begun

                run, watching = begun(self.state, report, x, validation, epochs)
                checkpoint = checkpoint or str(run.last)
            recipe = self.state.recipe
            patience = recipe.early_stopping if early_stopping is None else early_stopping
            world = joined() if recipe.shards > 1 else ALONE
            trainer = Trainer(self.state, self.save, epochs, shuffle, patience, checkpoint, verbose, checkpoint_every,
                              checkpoint_minutes, recipe.keep, best,
                              replace(called, callbacks=(*logs(log), *watching, *called.callbacks), world=world), prefetch,
                              world)
            try:
                return trainer.run(x, y, validation, sample_weight, steps_per_epoch)
            except BaseException as e:
                trainer.hooks.failed(e)
                raise

    @asked
    def optimise(self, *, inputs: Any, loss: Any = None, targets: Any = None, outputs: str | Sequence[str] = (),
                 optimiser: Any = "lbfgs search", steps: int = 20, clip: tuple[float, float] | None = None,
                 ) -> tuple[Any, dict[str, list[float]]]:
        """Descend on the inputs, in evaluation mode, and leave the network as it is. Returns the inputs (an array, or a dict by
        name) and what was measured before each step and after the last: {"loss": [...]}.

        inputs     where it starts, N examples
        loss       one of the language or several, "content @conv4", at outputs or at any value of `activations`; or a function
                   that is given a dict of arrays by name and returns a number and its gradient for each of them
        targets    what losses of the language compare with, as `y` of `fit`
        outputs    the names of what a function is given: the network's outputs, unless said
        optimiser  a line of the language; one step of `lbfgs` is up to 20 iterations
        clip       the least and the largest value that an input may have: (0, 1)

        Errors: names and shapes; a loss that is not finite.
        """
        from .optimise import optimise

        found, history = optimise(self.state, inputs, targets, loss, outputs, optimiser, steps, clip)
        return (next(iter(found.values())) if len(found) == 1 else found), history

    @reads
    def backprop(self, x: Any, y: Any = None, *, loss: LossLike | Sequence[LossLike] | None = None, theme: str = "light") -> Film:
        """One example forward and backward, as a drawing made step by step: `.save("steps.html")`, .gif, .svg, .png, or a folder
        of frames. Of a small network every scalar, as a circuit with values above and gradients below its wires; of a larger one
        the norms of values and gradients. In evaluation mode, computed in float64 by the reference backend.

        x, y   one example and its target, a batch of one; without a target gradients are those of the network's only number
        loss   unless given that of the train section, else mse
        theme  light, dark or transparent

        Errors: names, types and shapes; several examples; an output of several numbers where there is no target.
        """
        from .backprop import backprop

        return backprop(self.state, x, y, loss, theme)

    # -- files -------------------------------------------------------------------------------------------------------
    @reads
    def save(self, path: str) -> None:
        """Write a checkpoint: everything that training needs to go on exactly. See `checkpoint.py`."""
        from .io.checkpoint import save

        save(self.state, path)

    def load(self, path: str, *, strict: bool = True) -> Network:
        """Read a checkpoint of the same network; nothing changes where it does not fit. Other parameters may be frozen there than
        here: the optimiser starts anew then. With `strict=False` its weights are taken as far as they fit, see `load_weights`."""
        from .io.checkpoint import load

        if not flag("strict", strict):
            return self.load_weights(path, strict=False)

        with self.gate.exclusive():
            load(self.state, path)
        return self

    def load_weights(self, source: str, *, rename: Iterable[str] | Mapping[str, str] = (), strict: bool = True,
                     flatten: str = "", part: str | None = None) -> Network:
        """Take the weights of a file: of PyTorch (.pth, .pt, .bin), safetensors, NumPy (.npz), Keras (.h5, .keras) or ONNX,
        matched by name, else by order, kind and shape. The optimiser starts anew. `taken` is the table of what went where.

        rename  ["layer1.0.conv1=stage1.basic1.conv1"], or a dict: a name in the file, or its beginning, and what it is here
        strict  False takes what is sure, and leaves the rest: a trunk for another head
        part    the key of the weights in a file that holds several: "state_dict_ema"
        flatten "whc": the order in which a picture was laid flat before a fully connected layer, where it was not channels first

        Errors: a file that is not read; layers without weights, weights without a place, and where two layers could be meant.
        Nothing changes then.
        """
        from .io.weights import load

        with self.gate.exclusive():
            self.taken = load(self.state, source, rename, flag("strict", strict), flatten, part)
        return self

    @asked
    def export(self, path: str, *, opset: int = 18, prepare: bool = False, force: bool = False) -> str:
        """Write an ONNX file of what evaluation mode computes, the batch open, names kept; see docs/interchange.md. It is
        compared with this network first, and not written where it is another. Returns how far apart the two are, in a line.

        prepare  with the preparations of the train section; without them the file's inputs are prepared ones

        Errors: layers that ONNX cannot say, all of them; onnx that is not installed.
        """
        from .exchange import export

        return export(self.state, path, opset, prepare, force)


def made(origin: Origin, device: str = "cpu", dtype: str | None = None, seed: int | None = None) -> Network:
    """The network of a spec, with first values: by the seed of its train section, or 0, unless one is given."""
    graph = origin.graph()
    said = graph.training.seed if graph.training is not None else None
    return Network(graph, device, dtype, seed if seed is not None else said or 0, recipe_of(graph), origin)


def of_state(state: State) -> Network:
    """The face of a state."""
    net = Network.__new__(Network)
    net._show(state)
    return net


def _copied(cls: type[Network], facts: copies.Facts, own: dict[str, Any]) -> Network:
    """The network of such facts."""
    net = cls.__new__(cls)
    vars(net).update(own)
    net._show(copies.restored(facts))
    return net
