"""What a person asks a trained network about: pictures, folders of them, files of arrays, brought to its input as in training."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.parts.arrays import held_in
from ...datasets.parts.pictures import header, read
from ...datasets.parts.pixels import SUFFIXES, inside
from ...diagnostics import Diagnostic, NetspecError
from ...ir.graph import Graph
from ...words.dataset import DataError
from ..means.views import larger
from ..network import Network

Array = NDArray[Any]
READERS = 4  # pictures that are decoded at once


@dataclass(frozen=True)
class Asked:
    """Some examples, with what each is called, and the inputs of the network by name. `shapes` are the pictures' own."""

    names: tuple[str, ...]
    inputs: dict[str, Array]
    shapes: tuple[Own | None, ...] = ()


@dataclass(frozen=True)
class Own:
    """The height and the width that a picture had before it was brought to a network's input, and in which way it was."""

    size: tuple[int, int]
    to: tuple[int, int]
    resize: str


@dataclass(frozen=True)
class Canvas:
    """What a picture is brought to for a network."""

    input: str
    channels: int
    size: tuple[int, int]
    resize: str

    def read(self, path: str) -> tuple[Array, Own]:
        """The picture in [0, 1], and what it was. Raises DataError."""
        a, found = read(path, self.channels, self.size, self.resize), header(path)
        own = Own((found.height, found.width), self.size, self.resize)
        return a.astype(np.float32) / np.float32(255) if a.dtype == np.uint8 else a, own


def canvas(net: Network) -> Canvas:
    """What a picture is brought to for a network that may have been trained."""
    return canvas_of(net.graph, net.state.learnt.sizes)


def canvas_of(graph: Graph, sizes: Mapping[str, tuple[int, ...]]) -> Canvas:
    """The size, the colours and the way of bringing a picture to them: those of the data it learnt from; `sizes` are those of
    inputs that the text leaves open.

    Errors: the network does not take one picture.
    """
    inputs = graph.inputs
    if len(inputs) != 1 or len(inputs[0].type.shape) != 3:
        shapes = ", ".join(f"{n.name} {n.type}" for n in inputs)
        raise DataError(f"{graph.name} does not take a picture", f"its inputs: {shapes}",
                        hint="netspec predict RUN arrays.npz")
    name, shape = inputs[0].name, inputs[0].type.shape
    line: Any = graph.training.data.op if graph.training is not None and graph.training.data is not None else None
    seen = sizes.get(name, (None, None, None))
    own = getattr(line, "size", None)
    size = (own, own) if isinstance(own, int) else tuple(own) if own else (shape[1] or seen[1], shape[2] or seen[2])
    channels = shape[0] or {"grey": 1, "rgb": 3}.get(str(getattr(line, "colour", None))) or seen[0] or 3
    if None in size or channels not in (1, 3):
        raise DataError(f"{graph.name} does not say how a picture comes to its input, {inputs[0].type}",
                        hint="netspec predict RUN arrays.npz")
    return Canvas(name, channels, (int(size[0] or 0), int(size[1] or 0)), getattr(line, "resize", None) or "cover")


def listed(paths: Sequence[str]) -> tuple[list[str], list[Diagnostic]]:
    """The files that paths mean, those of folders in order, and what is wrong with other paths."""
    found: list[str] = []
    wrong: list[Diagnostic] = []
    for path in paths:
        if os.path.isdir(path):
            there = inside(path)
            found += there
            if not there:
                wrong.append(Diagnostic("bad-data", f"the folder {path} holds no pictures",
                                        notes=(f"{', '.join(sorted(SUFFIXES))}",)))
        else:
            found.append(path)
    return found, wrong


def batches(net: Network, files: Sequence[str], size: int, wrong: list[Diagnostic], ten_crop: bool = False) -> Iterator[Asked]:
    """The examples of the files, so many at a time; pictures larger than the input where ten crops of each are taken. What
    cannot be read is added to `wrong`, and left out."""
    with ThreadPoolExecutor(READERS) as pool:
        pictures: list[str] = []
        for file in files:
            if file.lower().endswith((".npy", ".npz")):
                yield from _decoded(net, pictures, pool, wrong, ten_crop)
                pictures = []
                try:
                    yield from _arrays(net, file, size)
                except NetspecError as e:
                    wrong += e.diagnostics
                continue
            pictures.append(file)
            if len(pictures) == size:
                yield from _decoded(net, pictures, pool, wrong, ten_crop)
                pictures = []
        yield from _decoded(net, pictures, pool, wrong, ten_crop)


def _decoded(net: Network, files: list[str], pool: ThreadPoolExecutor, wrong: list[Diagnostic],
             ten_crop: bool) -> Iterator[Asked]:
    if not files:
        return
    to = canvas(net)
    to = replace(to, size=(larger(to.size[0]), larger(to.size[1]))) if ten_crop else to

    def one(file: str) -> tuple[Array, Own] | NetspecError:
        try:
            return to.read(file)
        except NetspecError as e:
            return e

    read_now = list(pool.map(one, files))
    for e in read_now:
        if isinstance(e, NetspecError):
            wrong += e.diagnostics
    good = [(f, *a) for f, a in zip(files, read_now) if not isinstance(a, NetspecError)]
    if good:
        names, pictures, shapes = zip(*good)
        yield Asked(names, {to.input: np.stack(pictures)}, shapes)


def _arrays(net: Network, file: str, size: int) -> Iterator[Asked]:
    """The examples of a file of arrays: `x` of an .npz, or one by the name of each input; one example may stand alone."""
    inputs = net.graph.inputs
    held = held_in(file)
    wanted = [n.name for n in inputs]
    if set(wanted) <= set(held):
        found = {k: held[k] for k in wanted}
    elif len(wanted) == 1 and ("x" in held or len(held) == 1):
        found = {wanted[0]: held["x"] if "x" in held else next(iter(held.values()))}
    else:
        raise DataError(f"{file} holds {', '.join(held) or 'nothing'}, and the network's inputs are {', '.join(wanted)}",
                        hint=f"np.savez({file!r}, {', '.join(f'{k}={k}' for k in wanted)})")
    single = all(found[n.name].ndim == len(n.type.shape) for n in inputs)
    found = {k: v[None] for k, v in found.items()} if single else found
    many = len(next(iter(found.values())))
    for k in range(0, many, size):
        part = {name: np.asarray(v[k : k + size]) for name, v in found.items()}
        yield Asked((file,) if single else tuple(f"{file}[{i}]" for i in range(k, min(many, k + size))), part)
