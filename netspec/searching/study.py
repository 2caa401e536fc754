"""A search from its beginning to its end: the folder, a look at what could go wrong, the workers, and what is said meanwhile."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..compiler import Shapes, load, shapes
from ..diagnostics import MissingFileError, NetspecError, UsageError
from ..elaborate.alone import alone
from ..ir.graph import Graph
from ..limits import TRIALS
from ..plain import word
from ..reading import irregular
from ..runtime.network import Network
from ..runtime.train.horizon import horizon
from . import sampling
from .definition import Definition, Search, begun, definition_of, is_search, opened
from .halving import ranked, rungs
from .lease import SILENCE
from .narrowing import around as narrowed_around
from .results import DONE, Board, Result, name
from .space import Space
from .table import line, table
from .work import work
from .workers import work_together

ROOT = "searches"
TRIED = 64  # sets of values that are elaborated before anything begins


@dataclass(frozen=True)
class Found:
    """What a search has come to: its folder, and the results of its trials, the best first."""

    folder: Path
    results: tuple[Result, ...]

    @property
    def best(self) -> Result | None:
        """The best trial that is done."""
        return next((r for r in self.results if r.state == DONE), None)

    def network(self) -> Network:
        """The network of the best trial, with its best weights. Raises MissingFileError where no trial is done."""
        if self.run is None:
            raise MissingFileError(f"no trial of {self.folder} is done", f"netspec runs {word(str(self.folder))}")
        return load(self.run)

    def __str__(self) -> str:
        return table(self.folder)

    def __repr__(self) -> str:
        best = "" if self.best is None else f", the best is {self.best.trial}: {self.best.watched} {self.best.value:.4g}"
        return f"Found in {self.folder}: {len(self.results)} trials{best}"

    @property
    def run(self) -> Path | None:
        """The folder of the best trial, which is a run: `netspec.load(found.run)` is its network."""
        return None if self.best is None else self.folder / name(self.best.trial)


def checked(search: Search) -> Graph:
    """The net of trial 1, when values from all ends of what is searched have been tried on the spec.

    Errors: nothing to search; ranges that are none; values that the language refuses, and what they are.
    """
    definition = search.definition
    if not definition.space.dimensions:
        raise UsageError("there is nothing to search: no range and no choice is given",
                         hint='--with "adamw lr=log(1e-5..1e-1)" --set "width=[0.5, 1, 2]"')
    for chosen in _ends(definition.space):
        try:
            search.origin(chosen).graph()
        except NetspecError as e:
            said = "  ".join(f"{k}={v}" for k, v in chosen.items())
            e.diagnostics = tuple(replace(d, notes=(*d.notes, f"with {said}")) for d in e.diagnostics)
            raise
    return search.origin(definition.values(1)).graph()


def _ends(space: Space) -> Iterator[dict[str, str]]:
    """Sets of values in which each dimension has its ends once, and the others their first value."""
    first = {d.name: d.ends[0] for d in space.dimensions}
    yield first
    others = ((d.name, value) for d in space.dimensions for value in d.ends[1:])
    for name_of, value in islice(others, TRIED):
        yield {**first, name_of: value}


def placed(search: Search, out: str | os.PathLike[str] | None, net: str) -> Search:
    """The search in its folder. Where no folder is named, it is the one among searches/NET-1, searches/NET-2, ... that is the
    same, or a new one.

    Errors: those of `definition.begun`.
    """
    if out is not None:
        if os.path.lexists(out) and not os.path.isdir(out):
            raise UsageError(f"{out} is {irregular(out) or 'a file'}, and a search lies in a folder", hint=f"--out {ROOT}/{net}")
        return begun(replace(search, folder=Path(out)))
    root = Path(ROOT)
    lying = os.listdir(root) if root.is_dir() else ()
    there = {int(m[1]) for p in lying if (m := re.fullmatch(re.escape(net) + r"-(\d{1,9})", p))}
    for k in sorted(there):
        if is_search(root / f"{net}-{k}") and not search.definition.differences(opened(root / f"{net}-{k}").definition):
            return begun(replace(search, folder=root / f"{net}-{k}"))
    return begun(replace(search, folder=root / f"{net}-{max(there, default=0) + 1}"))


def rehearsed(search: Search) -> Definition:
    """The definition with its rungs, when the data of the first trial have been read, and found to fit. Raises for whatever does
    not."""
    definition = search.definition
    net = search.network(definition.values(1))
    net.configure(epochs=definition.epochs, batch=definition.batch)
    net.fit(search.data(net), epochs=0, verbose=0)
    if not definition.halving:
        return definition
    if definition.sampler:
        raise UsageError("a sampler chooses by what trials came to, and halving ends most of them before",
                         hint=f"--halving {definition.halving}   or   --sampler {definition.sampler}")
    if definition.epochs is None and any(d.name.startswith("epochs") for d in definition.space.dimensions):
        raise UsageError("trials that are compared after so many epochs have as many in all, and `epochs` is searched",
                         hint="--epochs 9 --halving")
    return replace(definition, rungs=rungs(horizon(net.state), search.trials, definition.halving))


def search(path: str | os.PathLike[str] | None = None, net: str | None = None, *, text: str | None = None,
           lines: Sequence[str] | str = (), parameters: Mapping[str, Any] | None = None, trials: int = 20, workers: int = 1,
           out: str | os.PathLike[str] | None = None, halving: int = 0,
           sampler: str = "random", around: str | os.PathLike[str] | None = None, epochs: int | None = None,
           batch: int | None = None,
           data: str | None = None, seed: int | None = None, input: Shapes | None = None, device: str = "cpu",
           dtype: str | None = None, precision: str | None = None, threads: int | None = None, quiet: bool = False) -> Found:
    """Train a net many times, with values drawn from ranges, as `netspec search` does; what is done in the folder stays done.

        found = netspec.search("my.net", lines=["adamw lr=log(1e-5..1e-1)"], parameters={"width": [0.5, 1, 2]}, trials=50)
        net = found.network()

    lines       of the train section, with ranges in them
    parameters  of the net: ranges as texts, "log(8..64)"; a list is a choice; anything else is the value
    workers     processes on this machine; they know the words that modules define, not those of the program itself
    out         the folder, searches/NET-N unless given
    sampler     who chooses values: "random", or one of optuna's (extra `search`), "tpe", "cmaes", by the results before
    halving     3: train all a little, and one of 3 longer each time, the best
    around      the folder of a trial, or of a search: ranges a third as wide around it, or around its best trial; without `path`
    quiet       print nothing; else a line for each trial
    epochs, batch, data, seed, input, device, dtype, precision, threads    as `netspec train` has them

    Errors: those of the command, before anything is trained.
    """
    from ..compiler import _module

    for what, number in (("trials", trials), ("workers", workers)):
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= TRIALS:
            raise UsageError(f"{what}={number!r} is not a whole number from 1 to {TRIALS:,}", hint=f"{what}=4")
    if isinstance(halving, bool) or not isinstance(halving, int) or halving == 1 or halving < 0:
        raise UsageError(f"halving={halving!r} is not of how many trials one goes on", hint="halving=3")
    asked = {"epochs": epochs, "batch": batch, "seed": seed, "device": device, "dtype": dtype, "precision": precision,
             "halving": halving, "sampler": sampling.checked(sampler)}
    if around is not None:
        if path is not None or text is not None or lines or parameters:
            raise UsageError("a search around a trial has the spec and the ranges of that", hint="search(around=..., trials=20)")
        new = {k: v for k, v in {**asked, "data": data}.items() if v not in (None, 0, "", "cpu")}
        asked_ = narrowed_around(around, trials, **new)
    else:
        module = alone(_module(path, text))
        said = [lines] if isinstance(lines, str) else lines
        definition = definition_of(module, net=net, lines=tuple(t.strip() for t in said), data=data or "", sizes=shapes(input),
                                   parameters={k: spelled(v) for k, v in (parameters or {}).items()}, **asked)
        asked_ = Search(Path(), definition, trials, module.source.folder)
    begun_ = begin(asked_, out)
    best: list[Result] = []

    def told(result: Result) -> None:
        print(line(result, begun_.trials, not best or result.rank < best[0].rank), flush=True)
        best[:] = [min([*best, result], key=lambda r: r.rank)]

    return run(begun_, workers, threads, told=(lambda r: None) if quiet else told)


def spelled(value: Any) -> str:
    """A value of Python as the language writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_item, value))}]"
    return f"[{_item(value)}]" if isinstance(value, tuple) else str(value)


def _item(value: Any) -> str:
    """One of a list: a list or a tuple in it is a list of the language."""
    return f"[{', '.join(map(_item, value))}]" if isinstance(value, list | tuple) else spelled(value)


def begin(search: Search, out: str | os.PathLike[str] | None) -> Search:
    """The search in its folder, when all that can be known to go wrong has been tried. Where there are fewer different trials
    than are asked for, it has those."""
    graph = checked(search)
    if not search.definition.sampler:
        search = replace(search, trials=min(search.trials, search.definition.space.many or search.trials))
    return placed(replace(search, definition=rehearsed(search)), out, graph.name)


def run(search: Search, workers: int = 1, threads: int | None = None, silence: float = SILENCE,
        told: Callable[[Result], None] = lambda r: None) -> Found:
    """Do all trials that have no result yet. `told` is called with each new one, in the order in which they come.

    workers  processes on this machine; 1 is this process itself
    threads  of each worker; its share of the cores, unless given
    silence  seconds after which a worker of another machine that says nothing counts as dead
    """
    board = Board(search)
    board.look()

    def tell() -> None:
        for result in board.look():
            told(result)

    if workers == 1:
        work(search, threads, silence, tell)
    else:
        from ..backends.cpu.engine.workers import get_threads

        work_together(search, workers, threads or max(1, get_threads() // workers), silence, tell)
    return found(search)


def found(search: Search) -> Found:
    """What it has come to until now."""
    return Found(search.folder, tuple(ranked(search)))
