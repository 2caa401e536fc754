"""A search from its beginning to its end: the folder, a look at what could go wrong, the workers, and what is said meanwhile."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ..diagnostics import NetspecError, UsageError
from ..ir.graph import Graph
from ..reading import irregular
from ..runtime.network import Network
from .definition import Definition, Search, begun, is_search, opened
from .lease import SILENCE
from .results import Result, name, numbers, ranked, read
from .space import Space
from .trials import learnt_from
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
        return next((r for r in self.results if r.state == "done"), None)

    @property
    def run(self) -> Path | None:
        """The folder of the best trial, which is a run: `netspec.load(found.run)` is its network."""
        return None if self.best is None else self.folder / name(self.best.trial)


def checked(definition: Definition, trials: int, spec_folder: str | None) -> Graph:
    """The net of trial 1, when values from all ends of what is searched have been tried on the spec.

    Errors: nothing to search; ranges that are none; values that the language refuses, and what they are.
    """
    if not definition.space.dimensions:
        raise UsageError("there is nothing to search: no range and no choice is given",
                         hint='--with "adamw lr=log(1e-5..1e-1)" --set "width=[0.5, 1, 2]"')
    search = Search(Path(), definition, trials, spec_folder)
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


def placed(definition: Definition, trials: int, spec_folder: str | None, out: str | os.PathLike[str] | None, net: str) -> Search:
    """The search in its folder. Where no folder is named, it is the one among searches/NET-1, searches/NET-2, ... that is the
    same, or a new one.

    Errors: those of `definition.begun`.
    """
    if out is not None:
        if os.path.lexists(out) and not os.path.isdir(out):
            raise UsageError(f"{out} is {irregular(out) or 'a file'}, and a search lies in a folder", hint=f"--out {ROOT}/{net}")
        return begun(Path(out), definition, trials, spec_folder)
    root = Path(ROOT)
    lying = os.listdir(root) if root.is_dir() else ()
    there = {int(m[1]) for p in lying if (m := re.fullmatch(re.escape(net) + r"-(\d{1,9})", p))}
    for k in sorted(there):
        if is_search(root / f"{net}-{k}") and not definition.differences(opened(root / f"{net}-{k}").definition):
            return begun(root / f"{net}-{k}", definition, trials, spec_folder)
    return begun(root / f"{net}-{max(there, default=0) + 1}", definition, trials, spec_folder)


def rehearsed(definition: Definition, spec_folder: str | None) -> Network:
    """The network of the first trial, whose data have been read, and found to fit. Raises for whatever does not."""
    search = Search(Path(), definition, 1, spec_folder)
    net = search.network(search.definition.values(1))
    net.configure(epochs=search.definition.epochs, batch=search.definition.batch)
    net.fit(learnt_from(search, net), epochs=0, verbose=0)
    return net


def run(search: Search, workers: int = 1, threads: int | None = None, silence: float = SILENCE,
        told: Callable[[Result], None] = lambda r: None) -> Found:
    """Do all trials that have no result yet. `told` is called with each new one, in the order in which they come.

    workers  processes on this machine; 1 is this process itself
    threads  of each worker; its share of the cores, unless given
    silence  seconds after which a worker of another machine that says nothing counts as dead
    """
    before = numbers(search.folder)

    def tell() -> None:
        for k in sorted(numbers(search.folder) - before):
            if k <= search.trials and (result := read(search.folder, k)) is not None:
                told(result)
            before.add(k)

    if workers == 1:
        work(search, threads, silence, tell)
    else:
        from ..backends.cpu.engine.workers import get_threads

        work_together(search, workers, threads or max(1, get_threads() // workers), silence, tell)
    return found(search)


def found(search: Search) -> Found:
    """What it has come to until now."""
    return Found(search.folder, tuple(r for r in ranked(search.folder) if r.trial <= search.trials))
