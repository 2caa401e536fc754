"""What a search is: everything that decides its trials, as a file in its folder says it.

    search.json    {"netspec": ..., "trials": 50, "folder": ..., "definition": {...}}

Processes on several machines agree on it: the first one writes it, and whoever comes with another is told what differs.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..diagnostics import MissingFileError, UsageError, unwritable
from ..elaborate.alone import fit, module_of, texts
from ..elaborate.edited import with_lines
from ..ir.types import Shape
from ..limits import COUNT, SEED, TRIALS
from ..plain import word
from ..reading import Told
from ..runtime.devices import at_precision
from ..runtime.network import Network, made
from ..runtime.origin import Origin
from ..runtime.train.session import given_data
from ..syntax.tree import Module
from ..version import __version__
from ..words.dataset import Data
from .draws import values
from .lease import WORKERS, WORKING, put
from .space import Space, space

FILE, RESULTS = "search.json", "results"
SAID = {"files": "the text of the spec", "net": "the net", "lines": "--with", "parameters": "--set", "sizes": "--input",
        "data": "--data", "epochs": "--epochs", "batch": "--batch", "seed": "--seed", "device": "--device", "dtype": "--dtype",
        "precision": "--precision", "sampler": "--sampler", "halving": "--halving",
        "rungs": "--halving"}


@dataclass(frozen=True)
class Definition:
    """What a search is.

    files       the spec and what it imports, as `elaborate.alone.texts` has them
    net         which of its nets
    lines       of the train section, with ranges in them
    parameters  of the net, as the language writes them, with ranges in them
    sizes       of inputs, where they are said
    data        what to train on, where that is not what the section says
    epochs, batch, seed, device, dtype, precision    as `netspec train` takes them
    sampler     who chooses values: one of optuna's, or "", at random
    halving     of how many trials one goes on after each rung; 0 where all are trained to their end
    rungs       after how many epochs each ends
    """

    files: list[dict[str, Any]]
    net: str | None = None
    lines: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    sizes: Shape | dict[str, Shape] | None = None
    data: str = ""
    epochs: int | None = None
    batch: int | None = None
    seed: int | None = None
    device: str = "cpu"
    dtype: str | None = None
    precision: str | None = None
    sampler: str = ""
    halving: int = 0
    rungs: tuple[int, ...] = ()

    @cached_property
    def space(self) -> Space:
        """Raises SpecError for ranges that are none."""
        return space(self.lines, self.parameters)

    def values(self, trial: int) -> dict[str, str]:
        """What a trial is trained with, where values are drawn at random."""
        return values(self.space, self.seed or 0, trial)

    def data_form(self) -> dict[str, Any]:
        """As JSON has it."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    def differences(self, other: Definition) -> list[str]:
        """What another search has otherwise, as a command line calls it."""
        mine, its = self.data_form(), other.data_form()
        return list(dict.fromkeys(SAID[k] for k in mine if mine[k] != its[k]))


@dataclass(frozen=True)
class Search:
    """A search in its folder.

    spec_folder  where the data of its spec are looked for
    told         what of the definition its file alone says, and nobody who works on it now: names of files in that are held to
                 what a spec may name
    """

    folder: Path
    definition: Definition
    trials: int
    spec_folder: str | None = None
    told: tuple[str, ...] = ()

    @cached_property
    def module(self) -> Module:
        return module_of(list(self.definition.files), str(self.spec_folder or ""), self.spec_folder)

    def origin(self, chosen: Mapping[str, str]) -> Origin:
        """Where the network with these values comes from. Raises SpecError with everything that is wrong."""
        d = self.definition
        lines, filled = d.space.filled(chosen)
        parameters = {k: Told(v) for k, v in filled.items()} if "parameters" in self.told else filled
        plain = Origin(self.module, d.net, parameters, d.sizes, d.precision)
        if not lines:
            return plain
        return Origin(with_lines(self.module, d.net, lines, at_precision(plain.graph(), d.precision)), d.net, parameters, d.sizes,
                      d.precision)

    def network(self, chosen: Mapping[str, str]) -> Network:
        """The network with these values, and its first weights."""
        d = self.definition
        return made(self.origin(chosen), d.device, d.dtype, d.seed)

    def data(self, net: Network) -> Data:
        """The examples of a trial. Those for testing choose nothing, so they are left for whoever has chosen."""
        said = self.definition.data
        if "data" in self.told:
            net.state.learnt.data, said = said, ""
        given = given_data(net, said or None)
        return replace(given, test=None) if given.validation is not None else given


def opened(folder: str | os.PathLike[str]) -> Search:
    """The search in a folder.

    Errors: no search lies there, or its file cannot be read.
    """
    path = Path(folder)
    try:
        found = json.loads((path / FILE).read_text(encoding="utf-8"))
        trials, definition = found["trials"], _read(found["definition"])
        if type(trials) is not int or not 0 < trials <= TRIALS:
            raise ValueError("no number of trials")
        return Search(path, definition, trials, _near(found.get("folder")), ("data", "parameters"))
    except OSError:
        raise MissingFileError(f"{folder} holds no search", 'netspec search my.net --with "adamw lr=log(1e-5..1e-1)"') from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MissingFileError(f"{path / FILE} is damaged, or of another netspec", code="no-search") from None


def _read(given: dict[str, Any]) -> Definition:
    """The definition that a file holds. Raises ValueError for values that none has."""
    held = {f.name: given[f.name] for f in fields(Definition) if f.name in given}
    sizes = held.get("sizes")
    held["sizes"] = {str(k): _size(v) for k, v in sizes.items()} if isinstance(sizes, dict) else _size(sizes) if sizes else None
    held["lines"], held["rungs"] = tuple(held.get("lines", ())), tuple(held.get("rungs", ()))
    d = Definition(**held)
    texts_ = (*d.lines, *d.parameters, *d.parameters.values(), d.data, d.sampler, d.device, d.net or "", d.dtype or "", d.precision or "")
    counts = (*d.rungs, d.epochs or 1, d.batch or 1, d.halving + 1)
    seed = d.seed or 0
    if not (fit(d.files) and all(isinstance(t, str) for t in texts_) and all(type(n) is int and 0 < n <= COUNT for n in counts)
            and type(seed) is int and 0 <= seed < SEED and len(d.rungs) < 64 and (d.rungs == () or d.halving > 1)):
        raise ValueError("no definition is so")
    return d


def _size(given: Any) -> Shape:
    if not (isinstance(given, list) and all(n is None or (type(n) is int and n > 0) for n in given)):
        raise ValueError("no shape")
    return tuple(given)


def _near(folder: Any) -> str:
    """Where data are looked for that a file says: below the current folder, as for what else a stranger may have written."""
    here = Path.cwd().resolve()
    try:
        there = Path(str(folder)).resolve() if folder else here
    except (OSError, ValueError, RuntimeError):
        return str(here)
    return str(there if there.is_relative_to(here) else here)


def begun(search: Search) -> Search:
    """The search in its folder: the one that lies there, where it is the same, or a new one. Whoever asks for more trials makes
    it longer.

    Errors: another search lies there, or something else; it cannot be written.
    """
    folder, definition, trials = search.folder, search.definition, search.trials
    facts = {"netspec": __version__, "trials": trials, "folder": search.spec_folder, "definition": definition.data_form()}
    try:
        _placed(folder, facts)
    except OSError as e:
        if not is_search(folder):
            raise _other(folder, e) from None
    found = opened(folder)
    odd = definition.differences(found.definition)
    if not odd and definition.rungs and trials != found.trials:
        raise UsageError(f"{folder} is another search, which stays as it is", f"--trials: there {found.trials}, here {trials}",
                         "which of them go on is decided among all", hint=f"--trials {found.trials}", code="another-search")
    if odd:
        raise UsageError(f"{folder} is another search, which stays as it is", *_beside(odd, definition, found.definition),
                         hint=f"--out {word(str(folder.with_name(folder.name + '-2')))}", code="another-search")
    if trials > found.trials:
        put(folder / FILE, facts)
    return search


def is_search(folder: str | os.PathLike[str]) -> bool:
    return os.path.isfile(os.path.join(folder, FILE))


def _placed(folder: Path, facts: dict[str, Any]) -> None:
    """The folder of a search, made beside its place and moved there whole: one of those who try at once makes it. Raises OSError
    where something lies there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    beside.mkdir()
    try:
        for part in (RESULTS, WORKERS, WORKING):
            (beside / part).mkdir()
        put(beside / FILE, facts)
        os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _other(folder: Path, e: OSError) -> Exception:
    if os.path.isdir(folder) and os.listdir(folder):
        return UsageError(f"{folder} holds something else than a search", hint=f"--out {word(str(folder / 'search'))}")
    return unwritable(folder, e)


def _beside(odd: list[str], mine: Definition, its: Definition) -> list[str]:
    """What differs, as far as it can be said in a line."""
    new, old, names = mine.data_form(), its.data_form(), {v: k for k, v in reversed(SAID.items())}

    def said(value: Any) -> str:
        if isinstance(value, dict):
            return "  ".join(f"{k}={v}" for k, v in value.items()) or "nothing"
        several = isinstance(value, list)
        return ("  ".join(map(str, value)) if several else "" if value is None else str(value)) or "nothing"

    found = [(name, said(old[names[name]]), said(new[names[name]])) for name in odd]
    return [f"{name} differs" if name == SAID["files"] else f"{name}: there {there}, here {here}" for name, there, here in found]


def definition_of(module: Module, **more: Any) -> Definition:
    """The definition of a search of a spec that stands alone."""
    return Definition(texts(module), **more)
