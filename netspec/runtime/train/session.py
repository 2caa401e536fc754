"""A training session: what `netspec train` does once there is a network."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ... import plain
from ...data import Data
from ...data.sources import named
from ...diagnostics import NetspecError, UsageError, at_line
from ...ir.graph import Graph
from ...terminal import columns, folded, tell
from .. import drawing
from ..asking.data import from_here, read
from ..distributed.joining import apart
from ..distributed.world import ALONE, World
from ..feeding.given import given as examples_of
from ..footprint import fitting
from ..io.asked import as_many_classes, request
from ..io.checkpoint import checked
from ..io.told import told
from ..misuse import misuse
from ..network import Network
from ..runs.facts import facts_of, prepared
from ..runs.folder import Run, claimed, read_log, to_resume
from ..runs.folder import named as named_folder
from ..runs.verdict import advice, failure, with_rate
from ..watching.again import looked_at
from ..watching.recorder import Ending
from ..watching.reporter import Reporter
from .callbacks import Callback
from .evaluation import evaluate
from .history import History
from .horizon import horizon
from .recipe import Recipe, recipe_of


@dataclass(frozen=True)
class Session:
    """What came of it."""

    network: Network
    history: History
    test: dict[str, Any] | None
    saved: str  # the folder of the run, or the file
    seconds: float

    @property
    def numbers(self) -> dict[str, float]:
        """What is measured of the weights that are kept: in their epoch, and in the test."""
        epoch = {k: v for k, v in self.history.kept_numbers.items() if k not in ("lr", "seconds")}
        every = {**epoch, **{f"test_{k}": v for k, v in (self.test or {}).items()}}
        return {k: float(v) for k, v in every.items() if isinstance(v, int | float)}


def train(net: Network, *, epochs: int | None = None, batch: int | None = None, memory: str | None = None,
          out: str | os.PathLike[str] | None = None,
          resume: str | os.PathLike[str] | None = None, seed: int | None = None, threads: int | None = None, quiet: bool = False,
          spec: str | None = None, data: str | Data | None = None, heading: str = "", report: str = "", until: int | None = None,
          callbacks: Sequence[Callback] = (), workers: World = ALONE) -> Session:
    """Train as the `train` section says, show progress, test, save, and say what to try next.

    epochs  of the whole training, the ones before `resume` included
    memory  "8GB": the largest batch that trains in it
    out     the folder of the run, runs/NAME-N unless given; or FILE.safetensors, which alone is written then: what an earlier
            run left there is kept as FILE.previous.safetensors (the one before that is gone), unless this is the one that
            goes on
    resume  a checkpoint to go on from, or the folder of a run, which then goes on in it
    seed    what was asked for, if anything was
    spec    what the user called the spec, for the suggestions, where it alone says what is trained: else they name the run
    data    what to train on instead of what the train section names: a line, a path, or the examples
    report  "end" writes report.html into the run when it ends, "live" after every epoch too
    heading what it is, where it is one of several: what comes next is then said of all of them
    until   the epoch after which it ends for now, as if it had been interrupted there; schedules go on leading to `epochs`
    callbacks  what else is called while it trains
    workers those that share each step, this process among them; the first writes the run and says what there is to say

    Errors: no train section, no data; a `seed` other than that of the run to go on with; whatever `fit` refuses.
    """
    before, run = to_resume(resume) if resume is not None else (None, None)
    place = _place(out, run, report)
    if threads is not None:
        set_threads(net.device, threads)
    net.configure(epochs=epochs)
    _goes_on(net, before, place.run, resume, seed)
    given = given_data(net, data)
    if memory is not None:
        batch = min(net.recipe.shards * fitting(net.graph, net.recipe, str(net.dtype), net.device, memory),
                    _whole_parts(_examples(given.train[0]), net.recipe.shards))
    net.configure(batch=batch)
    if workers.size > 1 and net.recipe.shards == 1:
        raise misuse("bad-shards", f"{workers.size} workers have no parts of a step to share",
                     "the train section says into how many shards each batch is cut",
                     hint=f"shards {_alike(net.recipe.batch, workers.size)}")
    total, began = horizon(net.state), perf_counter()
    said = _nothing if quiet else _said
    anew = place.run is None
    said(heading + _opening(net, given))
    if net.epoch >= total:
        said(f"{net.epoch} epochs are behind it: --epochs {2 * net.epoch} trains on")
    with apart(workers.size == 1):
        net.fit(given, epochs=0, verbose=0)  # refuses what does not fit, before anything of an earlier run moves
    place = _of_all(workers, lambda: _taken(place, net, given, out, resume, said))
    recipe, watching = net.recipe, _watching(place, report, said)
    try:
        with _named_page(watching, said), apart(workers.size == 1):
            history = net.fit(given, epochs=max(0, min(total, until or total) - net.epoch), checkpoint=place.checkpoint,
                              verbose=0 if quiet else 1,
                              best=None if place.run is None or recipe.keep == ("last",) else os.fspath(place.run.best),
                              callbacks=None if place.run is None else (*place.run.logs(recipe.log), *watching, *callbacks))
    except KeyboardInterrupt:
        if net.record or net.state.course.inside or place.run is not None:
            said(_interrupted(net, place, spec or "SPEC.net", total))
        raise
    except Exception:
        if place.run is not None and anew and not net.step and workers.first:
            place.run.abandon()
        raise
    if not history.epochs and place.run is None:
        workers.first_does(lambda: net.save(place.checkpoint))
    test = None if given.test is None else _tested(net, given, workers)
    seconds = perf_counter() - began
    lines = _closing(net, given, history, test, Path(place.name), seconds)
    lines += _report(watching, history, given, workers)
    if (why := failure(net.state, history)) is not None:
        lines += [_fitting(f"\nit has not learnt: {why}"), *(() if heading else advice(net.state, _again(net, place.name, spec)))]
    elif not heading:
        lines += _next(net, Path(place.name), spec)
    said("\n".join(lines))
    return Session(net, history, test, place.name, seconds)


def _said(text: str) -> None:
    tell(plain.shown(text, lines=True))


def _watching(place: Place, report: str, said: Callable[[str], None]) -> tuple[Ending, ...]:
    """What watches the training of a run: it writes the report, or why training failed alone."""
    if place.run is None:
        return ()
    if not report:
        return (Ending(place.run.folder),)
    reporter = Reporter(place.run.folder, report == "live")
    if reporter.live:
        said(f"report {plain.shown(reporter.path)}, which is written anew after every epoch")
    return (reporter,)


@contextmanager
def _named_page(watching: tuple[Ending, ...], said: Callable[[str], None]) -> Iterator[None]:
    """Where training ends in an error, say where the page is, if there is one."""
    try:
        yield
    except BaseException:
        for w in watching:
            if isinstance(w, Reporter) and w.path.is_file():
                said(_fitting(plain.shown(w.said)))
        raise


def _report(watching: tuple[Ending, ...], history: History, given: Data, workers: World) -> list[str]:
    """Where the page is; where no epoch was left to train, it is written now."""
    reporters = [w for w in watching if isinstance(w, Reporter)]
    for w in reporters if not history.epochs and workers.first else ():
        w.show(looked_at(w.folder, given))
    return [_fitting(plain.shown(w.said)) for w in reporters]


def _nothing(text: str) -> None:
    """Where the user asked for quiet."""


@dataclass(frozen=True)
class Place:
    """Where a training writes: the folder of a run, or a file of weights alone; neither before a folder is claimed."""

    run: Run | None = None
    alone: Path | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return os.fspath(self.alone if self.alone is not None else self.run.folder if self.run is not None else "")

    @property
    def checkpoint(self) -> str:
        """The file that is written after every epoch."""
        return os.fspath(self.run.last) if self.run is not None else self.name


def _of_all(workers: World, taken: Callable[[], Place]) -> Place:
    """The place that the first worker takes for all."""
    mine: list[Place] = []

    def first() -> list[str | None]:
        mine.append(taken())
        run, alone = mine[0].run, mine[0].alone
        return [None if run is None else os.fspath(run.folder), None if alone is None else os.fspath(alone)]

    folder, alone = workers.first_does(first)
    return mine[0] if mine else Place(None if folder is None else Run(Path(folder)), None if alone is None else Path(alone))


def _tested(net: Network, given: Data, workers: World) -> dict[str, Any]:
    """What the examples for testing come to."""
    state = net.state
    with state.gate.shared():
        asked = examples_of(state, state.recipe.need_terms(), given, judges=True)
        return evaluate(state, state.recipe, asked, drawing.of_call(state, None), world=workers)


def _alike(batch: int, workers: int) -> int:
    """Shards for so many workers: as many as make parts of one size, and twice as many as there are workers if that can be."""
    return next((n for n in (2 * workers, *range(workers, batch + 1)) if batch % n == 0), batch)


def _place(out: str | os.PathLike[str] | None, goes_on: Run | None, report: str = "") -> Place:
    """What is known of it before anything is written. Raises where a file alone cannot be written."""
    if out is None:
        return Place(goes_on)
    if report and Path(out).suffix == ".safetensors":
        raise UsageError(f"a report is written into the folder of a run, and {out} is a file of weights alone",
                         hint="--out FOLDER   or leave it out")
    if Path(out).suffix == ".safetensors" or (os.path.lexists(out) and not os.path.isdir(out)):
        _writable(Path(out))
        return Place(alone=Path(out))
    return Place(goes_on if goes_on is not None and os.path.realpath(goes_on.folder) == os.path.realpath(out) else None)


def _taken(place: Place, net: Network, given: Data, out: str | os.PathLike[str] | None, resume: str | os.PathLike[str] | None,
           said: Callable[[str], None]) -> Place:
    """The place, made this training's own: the weights of an earlier one are kept, a folder is claimed or gone on with."""
    if place.alone is not None:
        kept = keep_previous(place.alone, resume)
        if kept is not None:
            said(f"{place.alone} holds an earlier run, which is kept as {kept}")
        return place
    run = place.run
    if run is not None and read_log(run.folder)[0]:
        run.go_on(net.record)
    else:
        run = run or (named_folder(out) if out is not None else claimed(net.graph.name))
        try:
            net.save(os.fspath(run.last))  # killed at any moment from now on, it goes on as it was asked for
        except NetspecError:
            run.abandon()
            raise
        module = told(net.state)
        run.begin(module.source.text if module is not None else "", facts_of(net.state, given, run.folder.name))
    said(f"run {run.folder}")
    return Place(run)


def _goes_on(net: Network, before: Path | None, run: Run | None, resume: str | os.PathLike[str] | None, seed: int | None) -> None:
    """Load what training goes on from. Raises for another seed than it was begun with."""
    if before is not None:
        net.load(os.fspath(before))
        if seed is not None and seed != net.seed:
            raise UsageError(f"seed {seed} does not hold for a run that goes on",
                             f"{resume} was begun with seed {net.seed}, which decides what it draws to its end",
                             hint=f"leave --seed out, or begin anew without --resume:  --seed {seed}")
    elif run is not None:  # killed before its first checkpoint
        net.initialise(seed=read_log(run.folder)[0].get("seed", net.seed) if seed is None else seed)


def _holds_weights(path: Path) -> bool:
    try:
        return bool(checked(path))
    except NetspecError:
        return False


def _writable(path: Path) -> None:
    """Raises where no file of this name can be written, or another one than of weights would give way to it."""
    if path.suffix != ".safetensors" and path.is_file() and not _holds_weights(path):
        raise UsageError(f"{path} is a file, and no weights, and stays as it is",
                         hint="--out another-folder   or   --out weights.safetensors")
    if not os.path.isdir(path.parent) or (os.path.exists(path) and not os.path.isfile(path)):
        why = f"there is no folder {path.parent}" if not os.path.isdir(
            path.parent) else "that is a folder" if os.path.isdir(path) else "that is no regular file"
        raise UsageError(f"the weights cannot be saved as {path}", why, hint="--out weights.safetensors")


def given_data(net: Network, data: str | Data | None) -> Data:
    """What to train on; where nobody says it, what the training was begun with that this one goes on with, or begins again."""
    if isinstance(data, Data):
        return data
    if data is not None:
        net.state.learnt.data = data
        return read(data, net)
    return read(net.state.learnt.data, net, own=False) if net.state.learnt.data else data_of(net.graph, net.seed)


def keep_previous(path: Path, resume: str | os.PathLike[str] | None) -> Path | None:
    """Give the weights that an earlier run left at `path` a second name, which is returned; none where there are none, or
    where the run that goes on is that one. The first epoch's weights then take the place of the first name alone."""
    if not os.path.isfile(path) or (resume is not None and path.samefile(resume)):
        return None
    kept = path.with_name(f"{path.stem}.previous{path.suffix}")
    if kept.exists() and kept.samefile(path):  # two names already, and moving one onto the other would do nothing
        return kept
    beside = path.with_name(f".{kept.name}.{os.getpid()}")
    try:
        try:
            os.link(path, beside)
        except OSError:  # a file system without second names
            shutil.copy2(path, beside)
        os.replace(beside, kept)
    except OSError as e:
        raise UsageError(f"{path} holds an earlier run, and cannot be kept as {kept}: {e.strerror}",
                         hint="--out another.safetensors") from None
    return kept


def data_of(graph: Graph, seed: int = 0) -> Data:
    """The data the train section names."""
    training = graph.training
    if training is None:
        raise misuse("no-training", f"net {graph.name} has no train section, so there is nothing to say how to train it",
                     hint=f"train {graph.name}:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9\n  epochs 10")
    if training.data is None:
        raise misuse("no-data", f"the train section of {graph.name} names no data",
                     hint='data "train.npz"   or   data digits   or   from Python:  net.fit(x, y)')
    terms = recipe_of(graph).terms
    data = named(training.data, request(graph, terms, seed))
    with at_line(training.data.span):
        as_many_classes(graph, terms, data)
    return data


def set_threads(device: str, threads: int) -> None:
    """Results do not depend on it."""
    if device == "cpu":
        from ...backends.cpu.engine.workers import set_threads as set_cpu_threads

        set_cpu_threads(threads)


def _whole_parts(examples: int, shards: int) -> int:
    """All examples, or as many more as make parts of one size."""
    return -(-examples // shards) * shards


def _examples(part: Any) -> int:
    return len(next(iter(part.values())) if isinstance(part, dict) else part)


def _opening(net: Network, data: Data) -> str:
    size = sum(p.size for p in net.graph.parameters if p.kind != "buffer")
    tests = "".join(f", {_examples(part[0]):,} to {what}" for part, what in ((data.validation, "validate"), (data.test, "test"))
                    if part)
    r = net.recipe
    penalties = [f"{k} {v:g}" + ("" if everywhere else " on weights")
                 for k, v, everywhere in (("l1", r.l1, r.l1_all), ("l2", r.l2, r.decay_all)) if v]
    how = ", ".join([with_rate(r.need_optimiser()), *penalties, *(f"schedule {s}" for s in r.schedules),
                     f"batch {r.batch}" + (f" x {r.accumulate}" * (r.accumulate > 1) + f" in {r.shards} shards" * (r.shards > 1)),
                     *([f"average {r.average:g}"] if r.average else []),
                     *([f"initialise {r.initialise}"] if r.initialise else []), *(f"prepare {p}" for p in prepared(net.graph)),
                     *(f"augment {a}" for a in r.augmentation)])
    lines = [f"{net.graph.name}: {size:,} parameters on {net.device}",
             f"data {plain.shown(data.name)}: {_examples(data.train[0]):,} examples{tests}",
             *(f"  {remark}" for remark in (*data.remarks, *_chosen_by(r, data))), how]
    return "\n".join(_fitting(plain.shown(line)) for line in lines)


def _fitting(line: str) -> str:
    """A line of prose as wide as the terminal; commands stay whole, for they are pasted."""
    return folded(line, columns(sys.stdout))


def _interrupted(net: Network, place: Place, spec: str, epochs: int) -> str:
    """How far it came, and how it goes on."""
    inside, where = net.state.course.inside, plain.word(place.name)
    at = f"batch {inside.batch} of epoch {net.epoch + 1}" if inside is not None else f"epoch {net.epoch}" if net.record else \
        "what it begins with"
    return ("\n" + _fitting(f"{where} holds {at}; go on with") + "\n  netspec train "
            + ("" if net.state.origin is not None else f"{plain.word(spec)} --epochs {epochs} ") + f"--resume {where}"
            + _with_data(net) + (f" --out {where}" if place.run is None else ""))


def _chosen_by(recipe: Recipe, data: Data) -> list[str]:
    """A remark on what says which epoch is best, where no examples validate."""
    if data.validation is not None or (recipe.keep == ("last",) and not recipe.early_stopping):
        return []
    watched = recipe.keep[1] if len(recipe.keep) > 1 else "loss"
    if watched.startswith("val_"):
        return ["none validate: those to test say which epoch is best, so that the test line flatters"] if data.test else []
    return [f"none validate: the {watched} of training says which epoch is best"
            + (", val_ is of those to test" if data.test else "")]


def _closing(net: Network, data: Data, history: History, test: dict[str, Any] | None, path: Path, seconds: float) -> list[str]:
    lines = ["", *(_fitting(said) for said in (history.stopped, history.kept) if said)]
    if test is not None:
        lines.append(_fitting("test   " + "  ".join(f"{k} {history.shown(k, v)}" for k, v in test.items())))
        reports = (m.report(test[k], data.classes or ()) for k, m in history.metrics.items())
        lines += [line for r in reports if r for line in ("", *map(_fitting, r.splitlines()), "")]
    lines.append(f"took   {seconds:.1f} s for {len(history.epochs)} epoch{'s' if len(history.epochs) != 1 else ''}")
    lines.append(f"saved  {plain.shown(path)}")
    return lines


def _next(net: Network, path: Path, spec: str | None) -> list[str]:
    """What to do with what was trained."""
    run, data = plain.word(str(path)), _with_data(net)
    code = f"import netspec; net = netspec.load({os.fspath(path)!r}); print(net)"
    return ["", "next:", f"  netspec predict {run} {asked_about(net)}", f"  netspec evaluate {run}{data}",
            f"  netspec train {_again(net, str(path), spec)} --seed {net.seed + 1}"
            + (f" --out {net.graph.name}2.safetensors" if path.suffix else ""),
            "  python -P -c " + (f'"{code}"' if run == str(path) else plain.word(code))]


def asked_about(net: Network) -> str:
    """What `predict` takes, as an example."""
    pictures = len(net.graph.inputs) == 1 and len(net.graph.inputs[0].type.shape) == 3
    return "PICTURE..." if pictures else "ARRAYS.npy"


def _again(net: Network, run: str, spec: str | None) -> str:
    """What a command names to begin anew what was trained here: the spec, or the run, which holds what was said besides. Weights
    that the spec names a file for are no part of how a run begins."""
    if spec is not None or net.state.origin is None or any(p.file for p in net.graph.parameters):
        return plain.word(spec or "SPEC.net")
    return plain.word(run) + _with_data(net)


def _with_data(net: Network) -> str:
    """The option that names the data from here, where a checkpoint would not find them."""
    return f" --data {plain.word(data)}" if (data := from_here(net)) else ""
