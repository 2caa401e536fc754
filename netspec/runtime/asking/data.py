"""The data that a network is trained or evaluated on, by a line of the language that is the user's own, or by its own line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...data.sources import line, load, named
from ...datasets import DATASETS
from ...diagnostics import NetspecError
from ...ir.training import DataUse
from ...words.dataset import Data, DataError, Request
from ..io.asked import as_many_classes, request
from ..network import Network


def read(text: str, net: Network, own: bool = True) -> Data:
    """The data that a text means for this network. Pictures are brought to its input as in training, where the line does not
    say otherwise. A text that is not the user's own, a path too, names files below the current folder."""
    use = line(text, own)
    if use is None and (own or text in DATASETS):
        return load(text)
    if use is None:
        use = line(f'"{text}"', own)
        assert use is not None
    return named(_as_in_training(use, net), asked(net))


def from_here(net: Network) -> str:
    """The line that names the network's data from the current folder, where those that its checkpoint names lie elsewhere: no
    checkpoint says where on a machine that is. Empty where it names them well enough."""
    here, training = Path.cwd().resolve(), net.graph.training
    path = net.state.learnt.data
    use = line(path, own=False) if path else training.data if training is not None else None
    if use is None:  # a path, or a word
        return path if os.path.exists(path) and not Path(path).resolve().is_relative_to(here) else ""
    folder = Path((use.span.source.folder if use.span is not None and not path else None) or here)
    paths = {f.name: folder / v for f in fields(use.op) if isinstance(v := getattr(use.op, f.name), str)
             and (f.name == "path" or (folder / v).exists())}
    if all(p.resolve().is_relative_to(here) for p in paths.values()):
        return ""
    return str(use.op.line(**{name: os.path.relpath(p) for name, p in paths.items()})).removeprefix("data ")


def own(net: Network, command: str = "evaluate") -> Data:
    """The data that the network was trained on, as its spec or its training named them; both are words of a file. `command` is
    who asks, for hints.

    Errors: none are named; they are not there.
    """
    training = net.graph.training
    hint = elsewhere(command)
    try:
        if net.state.learnt.data:
            return read(net.state.learnt.data, net, own=False)
        if training is not None and training.data is not None:
            return named(training.data, asked(net))
    except NetspecError as e:  # a run that was taken elsewhere, without its data
        e.diagnostics = tuple(replace(d, hint=hint) if d.code == "missing-file" else d for d in e.diagnostics)
        raise
    raise DataError(f"{net.graph.name} does not say which data it was trained on", code="no-data", hint=hint)


def elsewhere(command: str = "evaluate") -> str:
    """What names the data of a run that was taken elsewhere, without them."""
    return f"netspec {command} RUN --data 'images \"folder\"'"


def asked(net: Network) -> Request:
    """What the network asks of its data: sizes that the text leaves open are those it was trained on."""
    seen, request_now = net.state.learnt.sizes, request(net.graph, net.recipe.terms, net.seed)
    return replace(request_now, inputs={n.name: tuple(a or b for a, b in zip(n.type.shape, seen.get(n.name, n.type.shape)))
                                        for n in net.graph.inputs})


def _as_in_training(use: DataUse, net: Network) -> DataUse:
    training = net.graph.training
    before = training.data.op if training is not None and training.data is not None else None
    if before is None:
        return use
    bare = {f.name: f.default for f in fields(use.op)}
    ways = {k: getattr(before, k) for k in ("size", "resize", "colour")
            if hasattr(before, k) and k in bare and getattr(use.op, k) == bare[k]}
    return replace(use, op=replace(use.op, **ways)) if ways else use


def numbered_as(net: Network, data: Data) -> Data:
    """The data with the network's own numbers of classes, labels and columns, whose names say which is which: a folder may hold
    some of the classes, a table its columns in another order.

    Errors: a class that the network has not learnt; more or fewer classes than it can answer, where its own have no names; a
    column that it has not learnt, or lacks.
    """
    if not net.classes:
        as_many_classes(net.graph, net.recipe.terms, data)
    if net.columns and data.columns and net.columns != data.columns:
        other = next((c for c in data.columns if c not in net.columns), None)
        if other is not None or len(net.columns) != len(data.columns):
            raise DataError(f"{data.name} has other columns than those that the network has learnt: {', '.join(data.columns)}",
                            f"it says: {', '.join(net.columns)}")
        return replace(_renamed(data, data.columns, net.columns), columns=net.columns)
    if not net.classes or not data.classes or data.classes == net.classes:
        return data
    unknown = [c for c in data.classes if c not in net.classes]
    if unknown:
        raise DataError(f"{data.name} has a class that the network has not learnt: {unknown[0]}",
                        f"it knows: {', '.join(net.classes)}", code="label-range")
    return replace(_renamed(data, data.classes, net.classes), classes=net.classes)


def _renamed(data: Data, names: tuple[str, ...], ours: tuple[str, ...]) -> Data:
    """Data whose targets are numbers of these names, or a column for each, with the numbers or columns that ours have."""
    table = np.array([ours.index(c) for c in names])

    def target(y: Any) -> Any:
        if np.asarray(y).dtype.kind in "iu":
            return table[y]
        out = np.zeros((len(y), len(ours)), y.dtype)
        out[:, table] = y
        return out

    def part(pair: Any) -> Any:
        if pair is None:
            return None
        x, y = pair
        return x, {k: target(v) for k, v in y.items()} if isinstance(y, Mapping) else target(y)

    return replace(data, train=part(data.train), test=part(data.test), validation=part(data.validation))


def judged_part(data: Data, other: bool) -> str:
    """Which part `evaluate` takes, where it is not all of `other` data than those of training."""
    if data.test is None and data.validation is None:
        return "" if other else "training "
    return "test " if data.test is not None else "validation "
