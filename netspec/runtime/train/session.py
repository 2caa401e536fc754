"""A training session: what `netspec train` does once there is a network."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ... import plain
from ...data import Data, DataError, load
from ...data.sources import named
from ...diagnostics import UsageError
from ...ir.graph import Graph
from ..footprint import fitting
from ..io.asked import as_many_classes, request
from ..misuse import misuse
from ..network import Network
from .history import History
from .horizon import horizon
from .recipe import recipe_of


@dataclass(frozen=True)
class Session:
    """What came of it."""

    network: Network
    history: History
    test: dict[str, Any] | None
    saved: str
    seconds: float


def train(net: Network, *, epochs: int | None = None, batch: int | None = None, memory: str | None = None,
          out: str | os.PathLike[str] | None = None,
          resume: str | os.PathLike[str] | None = None, seed: int | None = None, threads: int | None = None, quiet: bool = False,
          spec: str | None = None, data: str | None = None) -> Session:
    """Train as the `train` section says, show progress, test, save, and say what to try next.

    epochs  of the whole training, the ones before `resume` included
    memory  "8GB": the largest batch that trains in it
    out     where the weights go after every epoch, NET.safetensors unless given; what an earlier run left there is kept as
            NET.previous.safetensors (the one before that is gone), unless this is the run that goes on
    seed    what was asked for, if anything was
    spec    what the user called the spec, for the suggestions
    data    what to train on instead of what the train section names

    Errors: no train section, no data; a `seed` other than that of the run to go on with; whatever `fit` refuses.
    """
    given = data_of(net.graph, net.seed) if data is None else load(data)
    path = Path(out if out is not None else f"{net.graph.name}.safetensors")
    if not os.path.isdir(path.parent) or (os.path.exists(path) and not os.path.isfile(path)):
        why = f"there is no folder {path.parent}" if not os.path.isdir(
            path.parent) else "that is a folder" if os.path.isdir(path) else "that is no regular file"
        raise UsageError(f"the weights cannot be saved as {path}", why, hint="--out weights.safetensors")
    if threads is not None:
        set_threads(net.device, threads)
    if memory is not None:
        batch = min(fitting(net.graph, net.recipe, str(net.dtype), net.device, memory), _examples(given.train[0]))
    net.configure(epochs=epochs, batch=batch)
    if resume is not None:
        net.load(os.fspath(resume))
        if seed is not None and seed != net.seed:
            raise UsageError(f"seed {seed} does not hold for a run that goes on",
                             f"{resume} was begun with seed {net.seed}, which decides what it draws to its end",
                             hint=f"leave --seed out, or begin anew without --resume:  --seed {seed}")
    total = horizon(net.state)
    began = perf_counter()
    if not quiet:
        print(plain.shown(_opening(net, given), lines=True), flush=True)
    named = spec or "SPEC.net"
    if net.epoch >= total and not quiet:
        print(f"{net.epoch} epochs are behind it: --epochs {2 * net.epoch} trains on")
    # refuses what does not fit, before anything of an earlier run moves
    net.fit(given, epochs=0, verbose=0)
    kept = keep_previous(path, resume)
    if kept is not None and not quiet:
        print(plain.shown(f"{path} holds an earlier run, which is kept as {kept}"), flush=True)
    try:
        history = net.fit(given, epochs=max(0, total - net.epoch), checkpoint=os.fspath(path), verbose=0 if quiet else 1)
    except KeyboardInterrupt:
        inside = net.state.course.inside
        if (net.record or inside) and not quiet:
            place = f"epoch {net.epoch}" if inside is None else f"batch {inside.batch} of epoch {net.epoch + 1}"
            print(
                f"\n{plain.shown(path)} holds {place}; go on with\n  netspec train {plain.word(named)} --epochs {total} --resume {plain.word(str(path))} --out {plain.word(str(path))}")
        raise
    if not history.epochs:
        net.save(os.fspath(path))
    test = None if given.test is None else net.evaluate(given)
    seconds = perf_counter() - began
    if not quiet:
        print("\n".join(_closing(net, given, history, test, path, seconds, named)), flush=True)
    return Session(net, history, test, os.fspath(path), seconds)


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
    try:
        as_many_classes(graph, terms, data)
    except DataError as e:
        raise e.at(training.data.span) from None
    return data


def set_threads(device: str, threads: int) -> None:
    """Results do not depend on it."""
    if device == "cpu":
        from ...backends.cpu.engine.workers import set_threads as set_cpu_threads

        set_cpu_threads(threads)


def _examples(part: Any) -> int:
    return len(next(iter(part.values())) if isinstance(part, dict) else part)


def _opening(net: Network, data: Data) -> str:
    size = sum(p.size for p in net.graph.parameters if p.kind != "buffer")
    tests = f", {_examples(data.test[0]):,} to test" if data.test else ""
    r = net.recipe
    penalties = [f"{k} {v:g}" + ("" if everywhere else " on weights")
                 for k, v, everywhere in (("l1", r.l1, r.l1_all), ("l2", r.l2, r.decay_all)) if v]
    how = ", ".join([str(r.need_optimiser()), *penalties, *(f"schedule {s}" for s in r.schedules),
                     f"batch {r.batch}" + (f" x {r.accumulate}" if r.accumulate > 1 else ""),
                     *([f"average {r.average:g}"] if r.average else []),
                     *([f"initialise {r.initialise}"] if r.initialise else []), *(f"augment {a}" for a in r.augmentation)])
    return (
        f"{net.graph.name}: {size:,} parameters on {net.device}\ndata {plain.shown(data.name)}: {_examples(data.train[0]):,} examples{tests}\n{how}")


def _closing(net: Network, data: Data, history: History, test: dict[str, Any] | None, path: Path, seconds: float,
             spec: str) -> list[str]:
    lines = [""]
    if test is not None:
        lines.append("test   " + "  ".join(f"{k} {history.shown(k, v)}" for k, v in test.items()))
        reports = (m.report(test[k], data.classes or ()) for k, m in history.metrics.items())
        lines += [line for r in reports if r for line in ("", *r.splitlines(), "")]
    lines.append(f"took   {seconds:.1f} s for {len(history.epochs)} epoch{'s' if len(history.epochs) != 1 else ''}")
    lines.append(f"saved  {plain.shown(path)}")
    file, colon, name = spec.rpartition(":")
    named = f"{file!r}, {name!r}" if colon and name == net.graph.name else repr(spec)
    code = f"import netspec; net = netspec.compile({named}).load({os.fspath(path)!r}); print(net)"
    lines += ["", "next:", f"  netspec summary {plain.word(spec)}", f"  netspec draw {plain.word(spec)} -o {net.graph.name}.svg",
              f"  netspec train {plain.word(spec)} --seed {net.seed + 1} --out {net.graph.name}2.safetensors",
              "  python -P -c " + (f'"{code}"' if plain.word(spec) == spec and plain.word(str(path)) == str(path)
                                   else plain.word(code))]
    return lines
