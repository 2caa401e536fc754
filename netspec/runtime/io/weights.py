"""Weights from files: `net.load_weights("resnet50.pth")`, and `weights="vgg16.safetensors"` of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ...diagnostics import MissingFileError
from ...interchange.weights.copies import Twice
from ...interchange.weights.matching import match
from ...interchange.weights.opening import read
from ...interchange.weights.renames import renames
from ...interchange.weights.source import Damaged, Foreign, Source, Unusable
from ...interchange.weights.table import table
from ...interchange.weights.units import wanted
from ...interchange.weights.values import Taken, taken
from ...ir.graph import Graph, Parameter, WeightsFile
from ...reading import NotRegular
from ..misuse import misuse, path_of
from ..state import State
from ..values import checked

OF_FOLDERS = ("model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin")
Put = Callable[[str, Any], None]


def of_calls(graph: Graph, dtype: Any, put: Put) -> None:
    """Fill the parameters whose spec names a file, each call's from its own, whose layers may be more.

    Errors: a file that is not there or holds no weights; a parameter the file does not have, or of another shape, or whose
    numbers are no weights, or none that are finite in the network's `dtype`.
    """
    files: dict[WeightsFile, Source] = {}
    ready: dict[str, Any] = {}
    for (file, within), parameters in calls(graph).items():
        values = placed(graph, file, within, parameters, files)
        ready |= numbers(values, {p.name: p for p in parameters}, dtype, file.path)
    for name, value in ready.items():
        put(name, value)


def calls(graph: Graph) -> dict[tuple[WeightsFile, str], list[Parameter]]:
    """What each call that names a file reads from it."""
    found: dict[tuple[WeightsFile, str], list[Parameter]] = {}
    for p in graph.parameters:
        if p.file is not None:
            found.setdefault((p.file, p.within), []).append(p)
    return found


def placed(graph: Graph, file: WeightsFile, within: str, parameters: list[Parameter],
           files: dict[WeightsFile, Source]) -> list[Taken]:
    """What a call takes from its file, whose numbers are not read yet. `files` are those that are open, and gets this one."""
    if file not in files:
        files[file] = read_tensors(file.path, "--set weights=none initialises instead", file.part, in_text=True)
    return taken(files[file], match(files[file], wanted(graph, parameters, within), whole=False), graph)


def load(state: State, path: str | PathLike[str], rename: Iterable[str] | Mapping[str, str], strict: bool,
         flatten: str = "", part: str | None = None) -> str:
    """Give a network the weights of a file, all or, unless `strict`, those that are sure; the optimiser starts anew. Nothing
    changes before all is known to be right. Returns the table of what went where. `part` is the key of the weights in a
    file that has several.

    Errors: those of a file that is not read; layers of the net without weights, of the file without a place, and doubts.
    """
    if not isinstance(flatten, str) or not set(flatten) <= set("cdhw"):
        raise misuse("bad-value", f"flatten={flatten!r} is no order of axes",
                     "c is channels, h rows, w columns, and d what lies before them", hint='flatten="hwc"')
    source = read_tensors(str(path_of(path)), part=part)
    graph = state.graph
    found = match(source, wanted(graph, graph.parameters), renames([rename] if isinstance(rename, str) else rename), not strict)
    values = taken(source, found, graph, flatten)
    ready = numbers(values, state.declared, state.dtype, str(path))
    for name, value in ready.items():
        state.put(name, value)
    state.forget()
    return table(source, found, values)


def numbers(values: list[Taken], declared: Mapping[str, Parameter], dtype: Any, path: str) -> dict[str, Any]:
    """The numbers of parameters, all of them read and right."""
    ready = {}
    for t in values:
        p = declared[t.name]
        try:
            ready[t.name] = checked(p, t.make(), np.float64, f" in {path}")
        except (Unusable, Damaged) as e:
            raise misuse("bad-weights", f"{path} does not give {t.name} its weights", str(e)) from None
        with np.errstate(over="ignore", invalid="ignore"):
            if not np.isfinite(ready[t.name].astype(dtype)).all():
                beyond = "" if not np.isfinite(ready[t.name]).all() else f" in {np.dtype(dtype)}"
                raise misuse("bad-weights", f"{path} does not give {t.name} its weights",
                             f"{t.tensor} holds numbers that are not finite{beyond}")
    return ready


def read_tensors(path: str, hint: str = "", part: str | None = None, in_text: bool = False) -> Source:
    """The tensors of a weights file, by name. `in_text`: a spec names it."""
    if part is not None and not isinstance(part, str):
        raise misuse("bad-value", f"a part is the key of weights in a file, and {part!r} is no text", hint='part="state_dict_ema"')
    try:
        return read(path, part)
    except FileNotFoundError:
        raise MissingFileError(f"there is no weights file {path}", hint or None,
                               "missing-weights" if hint else "missing-file") from None
    except NotRegular as e:
        there = next((name for name in OF_FOLDERS if (Path(path) / name).is_file()), None)
        raise misuse("bad-weights", f"the weights {path} are {e.strerror}, not a file",
                     hint=str(Path(path) / there) if there else "") from None
    except Twice as e:
        raise misuse("weights-mismatch", f"{path} does not say which weights are meant", str(e),
                     hint=f'part="{e.parts[-1]}"' if in_text else f"--part {e.parts[-1]}   (in Python part={e.parts[-1]!r})"
                     ) from None
    except (Foreign, Damaged, OSError) as e:
        raise misuse("bad-weights", f"{path} cannot be read as weights", getattr(e, "strerror", None) or str(e)) from None
