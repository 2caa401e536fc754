"""The spec of a network as a checkpoint holds it: plain values, from which the same graph is elaborated anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...elaborate.alone import fit, module_of, texts
from ...reading import placed
from ...syntax.tree import Module
from ..freezing import Marks
from ..origin import Origin, plain, read
from ..state import State
from .told import told

Facts = dict[str, Any]


def right(spec: Any) -> bool:
    """Whether a value is a spec as `facts_of` writes it."""
    if spec is None:
        return True
    return (isinstance(spec, dict) and set(spec) == {"files", "net", "parameters", "sizes", "precision", "folder"}
            and fit(spec["files"]) and isinstance(spec["parameters"], dict) and isinstance(spec["folder"], str)
            and all(v is None or isinstance(v, str) for v in (spec["net"], spec["precision"]))
            and (spec["sizes"] is None or lengths(spec["sizes"]) or by_name(spec["sizes"])))


def lengths(v: Any) -> bool:
    """Whether a value is the sizes of an input."""
    return isinstance(v, list) and 0 < len(v) < 16 and all(n is None or (type(n) is int and 0 < n < 1 << 40) for n in v)


def by_name(v: Any) -> bool:
    """Whether a value is such sizes by the names of inputs."""
    return isinstance(v, dict) and all(map(lengths, v.values()))


def facts_of(state: State) -> dict[str, Any]:
    """What a checkpoint says of the network's spec and of what it learns from."""
    origin, learnt = state.origin, state.learnt
    seen = {n.name: n.type.shape for n in state.executor.graph.inputs} if state.executor else learnt.sizes
    out: dict[str, Any] = {"classes": list(learnt.classes), "columns": list(learnt.columns), "data": learnt.data,
                           "sizes": {k: list(v) for k, v in seen.items()},
                           "factors": {name: dict(given) for name, given in state.recipe.factors}}
    if origin is not None:
        out["frozen"] = [list(mark) for mark in origin.marks]
        sizes = origin.sizes
        out["spec"] = {"files": texts(told(state) or origin.module), "net": origin.net, "precision": origin.precision,
                       "parameters": {k: plain(v) for k, v in (origin.parameters or {}).items()},
                       "sizes": {k: list(v) for k, v in sizes.items()} if isinstance(sizes, dict) else sizes and list(sizes),
                       "folder": _below(origin.module.source.folder)}
    return out


def _below(folder: str | None) -> str:
    """The folder of a spec as seen from the current one, where it lies below; no path of this machine goes into a file that
    may be given away."""
    here = Path.cwd().resolve()
    place = Path(folder).resolve() if folder else here
    return place.relative_to(here).as_posix() if place.is_relative_to(here) else "."


def _folder(below: str) -> str:
    """Such a folder, seen from the current one now; the current one where there is no such folder."""
    try:
        place = placed(below, Path.cwd())
    except OSError:
        place = Path.cwd()
    return str(place if place.is_dir() else Path.cwd())


def module_in(spec: Facts, holder: str) -> Module:
    """The spec that such facts hold; `holder` is the file they are from."""
    return module_of(spec["files"], holder, _folder(spec["folder"]))


def origin_in(spec: Facts, module: Module, sizes: Any = None, precision: str | None = None, marks: Marks = ()) -> Origin:
    """Where its network comes from, for these sizes of its inputs and at this precision where they are given."""
    held = spec["sizes"]
    given = {k: tuple(v) for k, v in held.items()} if isinstance(held, dict) else tuple(held) if held else None
    return Origin(module, spec["net"], {k: read(v) for k, v in spec["parameters"].items()}, given if sizes is None else sizes,
                  precision or spec["precision"], weights=False, marks=marks)
