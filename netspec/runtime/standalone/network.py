"""A network that runs from one file, with NumPy and Numba alone: what `netspec emit` writes carries this module with it.

The file's functions say what is computed; here are the arrays they are run on. Arrays come in and go out in canonical
form, images as N,C,H,W. Parameters lie in the order the kernels walk them (`stored`). What can be trained as well is a `Trained`,
see training.py.

Any number of threads may predict with one network at once: each runs in a lane of its own, of which there are LANES, and further
callers wait. Whatever changes the network, gradients included, has it alone meanwhile. `copy.deepcopy` and `pickle` give
networks that share no memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...backends.cpu.engine.memory import aligned
from ...backends.cpu.lane import Bound, Kept, Lane, Program
from ...backends.cpu.values import pack, unpack
from ...backends.reference.formulas import evaluate
from ...backends.turns import Gate, Lanes
from ...ir.formula import Formula
from ...ir.layout import Layout, Packed, Vector
from ...ir.randomness import CALL, random_key
from ..initialisers import initial
from .held import read_arrays

Array = NDArray[Any]
Call = Callable[[Any], None]
_counting = threading.Lock()  # of what has been drawn
LANES = 4
BATCH = 256  # examples that are predicted at once
AVERAGE = "average/"  # what the names of averaged parameters begin with, in files


@dataclass(frozen=True)
class Given:
    """What is known of a parameter (or buffer) beside its values."""

    shape: tuple[int, ...]
    init: str | float = "he"
    fan_in: int = 1
    fan_out: int = 1
    values: tuple[float, ...] | None = None
    trainable: bool = True
    name: str = ""
    of: tuple[int, ...] = ()  # the shape of the directions whose lengths it is

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Made:
    """A value that is made of the weights alone whenever they change, in float64: the sum of what these formulas give."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    parts: tuple[tuple[str, tuple[str, ...], Mapping[str, int]], ...]  # formula, what it reads, extents of its indices

    def of(self, env: Mapping[str, Array]) -> dict[str, Array]:
        whole: list[Array] = []
        for text, inputs, extents in self.parts:
            f = Formula(text)
            with np.errstate(all="ignore"):
                part = evaluate(f, {o: env[i] for o, i in zip(f.operands, inputs)}, dict(extents), self.shape, 1)
            whole = [a + b for a, b in zip(whole, part)] if whole else list(part)
        return dict(zip(self.names, whole))


@dataclass(frozen=True)
class Entry:
    """One program: its functions, where its values lie, and the memory it needs."""

    values: Mapping[str, Layout]
    functions: tuple[Call, ...]  # prepare, main, and what else changes state
    arena: int  # bytes a sample
    vectors: int  # elements
    workspaces: Mapping[str, int]  # name -> byte
    workspace: int  # bytes
    inputs: Mapping[str, str]  # value -> what is written to it
    outputs: Mapping[str, tuple[str, tuple[int, ...]]]  # public name -> value and shape
    first: tuple[Made, ...] = ()  # what is made of the weights, in order
    prepared: tuple[str, ...] = ()  # those of it that the program reads
    seen: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # weights that it is made of under another shape
    losses: tuple[float, ...] = ()  # weights of loss.0, loss.1, ...
    sources: tuple[str, ...] = ()  # the target of each
    class_weights: Mapping[int, tuple[float, ...]] = field(default_factory=dict)  # of the losses that weigh classes
    targets: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)  # outputs by whose names a target may be given as well
    classes: Mapping[str, int] = field(default_factory=dict)  # of targets that are labels
    ignored: Mapping[str, int] = field(default_factory=dict)  # the label among them that does not count


def held(name: str, value: Any, dtype: Any) -> Array:
    """Numbers in this dtype. Raises ValueError where one is beyond it: it would become infinite, and nothing would say so; and
    for what are no numbers, texts and complex ones among them."""
    a = np.asarray(value)
    if a.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {a.dtype}, not numbers")
    try:
        with np.errstate(over="raise"):
            return np.asarray(a, dtype)
    except FloatingPointError:
        raise ValueError(f"{name} holds numbers that are beyond {np.dtype(dtype)}") from None


def _odd(arrays: Mapping[str, Any]) -> str:
    """The first name whose numbers are not all finite; empty where there is none."""
    return next((name for name, a in arrays.items() if not np.isfinite(a).all()), "")


class Parameters(MutableMapping[str, Array]):
    """Parameters and buffers by name: reading gives a copy, assigning writes."""

    def __init__(self, net: Standalone) -> None:
        self._net = net

    def __getitem__(self, name: str) -> Array:
        with self._net.gate.shared():
            return unpack(self._net.weights, self._net.stored[name], self._net.given[name].shape)

    def __setitem__(self, name: str, value: Any) -> None:
        a = self.fitting(name, value)
        with self._net.gate.exclusive():
            for vector in self._net.vectors_of(name):
                pack(vector, self._net.stored[name], a)
            self._net.version += 1

    def fitting(self, name: str, value: Any) -> Array:
        """A value as this parameter holds it. Raises ValueError for another shape, and for numbers that would become infinite."""
        given, a = self._net.given[name], held(name, value, self._net.dtype)
        if a.shape != given.shape:
            raise ValueError(f"{name} has the shape {given.shape}, not {a.shape}")
        return a

    def __delitem__(self, name: str) -> None:
        raise TypeError("a network keeps its parameters")

    def __iter__(self) -> Iterator[str]:
        return iter(self._net.given)

    def __len__(self) -> int:
        return len(self._net.given)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is a dict of the numbers as they are now, all of one state."""
        with self._net.gate.shared():
            return dict, (dict(self),)


class Standalone:
    """A network; the emitted file fills in the class variables."""

    given: ClassVar[Mapping[str, Given]]
    inputs: ClassVar[Mapping[str, tuple[int, ...]]]  # name -> shape of one image
    images: ClassVar[Mapping[str, int]] = {}  # name -> images of a sample, where not 1
    bytes: ClassVar[bool] = False  # whether whole numbers of 8 or 16 bits are pictures, and become 0..1
    stored: ClassVar[Mapping[str, Vector | Packed]]
    dtype: ClassVar[str] = "float32"
    lanes: ClassVar[int]
    kernels: ClassVar[Mapping[str, FunctionType]]
    entries: ClassVar[Mapping[str, Entry]]
    source: ClassVar[Any] = None  # a function that gives the weights that came with the file
    first_seed: ClassVar[int] = 0

    def __init__(self, seed: int | None = None, weights: bool = True) -> None:
        """With the weights that came with the file; without any, or where `weights` is False, with the first values of a seed."""
        self.seed, self.draws = self.first_seed if seed is None else seed, 0
        self._assemble()
        if self.source is not None and weights:
            self.load(self.source())
            return
        for name, p in self.given.items():
            self.parameters[name] = initial(p, self.seed)  # type: ignore[arg-type]  # has what a rule reads

    def _assemble(self) -> None:
        """Memory, all zero."""
        self.weights = aligned(self._elements(), self.dtype)
        self.parameters, self.version = Parameters(self), 0
        self.gate, self._lanes = Gate(), Lanes(partial(Lane, dtype=self.dtype, width=self.lanes), LANES)
        self._kept: dict[tuple[str, int], Kept] = {}
        for name in self.entries:
            self._keep(name, self.weights)

    def _keep(self, name: str, vector: Array) -> Kept:
        """What an entry makes of a vector of weights."""
        e, at = self.entries[name], (name, id(vector))
        if at not in self._kept:
            self._kept[at] = Kept(Program(e.functions, e.values, self.kernels, e.workspaces, e.arena, e.vectors + 16,
                                          max(64, e.workspace), frozenset(e.prepared)), self.dtype)
        return self._kept[at]

    def _elements(self) -> int:
        return max((p.at + -(-p.size // 16) * 16 for p in self.stored.values()), default=0) + 16

    def vectors_of(self, name: str) -> list[Array]:
        """Where a parameter lies."""
        return [self.weights]

    def _evaluated(self) -> Array:
        """The vector that predictions read."""
        return self.weights

    def _gradients(self) -> Array:
        """Where gradients go."""
        return self.weights  # there are none

    def __getstate__(self) -> dict[str, Any]:
        with self.gate.shared():
            return {"seed": self.seed, "draws": self.draws, "weights": self.weights.copy()}

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.seed, self.draws = held["seed"], held["draws"]
        self._assemble()
        self.weights[:] = held["weights"]

    # ---- parameters ------------------------------------------------------------------------------------------------------------
    def load(self, source: str | Path | Mapping[str, Any]) -> Standalone:
        """Every parameter from a dict, an .npz or a .safetensors file; names beyond those are left alone. Nothing changes where
        a name is missing, a shape is another, or a number is not finite."""
        values = source if isinstance(source, Mapping) else read_arrays(Path(source))
        missing = [name for name in self.given if name not in values]
        if missing:
            raise KeyError(f"there is no {missing[0]} among {', '.join(list(values)[:5])} ...")
        fitting = {name: self.parameters.fitting(name, values[name]) for name in self.given}
        averages = self._averages(values)
        odd = _odd(fitting) or _odd(averages)
        if odd:
            raise ValueError(f"{odd} holds a number that is not finite")
        with self.gate.exclusive():
            self.parameters.update(fitting)
            self._put_averages(averages)
        return self

    def _averages(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """Averaged parameters of a source, where it has them all."""
        names = [n for n, p in self.given.items() if p.trainable]
        whole = bool(names) and all(AVERAGE + n in values for n in names)
        return {n: self.parameters.fitting(n, values[AVERAGE + n]) for n in names} if whole else {}

    def _put_averages(self, averages: Mapping[str, Array]) -> None:
        """A network that predicts alone has them in the place of those that were trained."""
        self.parameters.update(averages)

    def save(self, path: str | Path) -> None:
        """Every parameter to an .npz file, and what is trained beside them. Raises FloatingPointError where a number is not
        finite, which `load` would refuse."""
        with self.gate.shared():
            arrays = self._saved()
        odd = _odd(arrays)
        if odd:
            raise FloatingPointError(f"{odd} holds a number that is not finite, so nothing is written")
        np.savez(path, **arrays)

    def _saved(self) -> dict[str, Any]:
        return dict(self.parameters)

    # ---- running ---------------------------------------------------------------------------------------------------------------
    def predict(self, x: Any, *, draw: int | None = None) -> Any:
        """The output for each image; a dict by name where there are several. Where chance plays a part (`dropout mc`), every
        call draws anew, or again what the call of number `draw` (from 0) has drawn."""
        found = self._inputs(x)
        key, parts = self._key(draw), list[dict[str, Array]]()
        for k in range(0, self._samples(found), BATCH):
            some = {name: a[k * self.images.get(name, 1) : (k + BATCH) * self.images.get(name, 1)] for name, a in found.items()}
            parts.append(self.gate.beside(partial(self._run, "predict", some, {}, key, k)))
        out = {name: parts[0][name] if len(parts) == 1 else np.concatenate([p[name] for p in parts]) for name in parts[0]}
        return next(iter(out.values())) if len(out) == 1 else out

    def _inputs(self, x: Any) -> dict[str, Array]:
        given = x if isinstance(x, Mapping) else dict.fromkeys(self.inputs, x)
        if len(self.inputs) > 1 and given is not x:
            raise TypeError(f"there are several inputs: give a dict of {', '.join(self.inputs)}")
        if missing := [name for name in self.inputs if name not in given]:
            raise TypeError(f"there is no input {missing[0]}: give a dict of {', '.join(self.inputs)}")
        if unknown := [name for name in given if name not in self.inputs]:
            raise TypeError(f"the network has no input {unknown[0]}: give a dict of {', '.join(self.inputs)}")
        found = {name: self._input(name, given[name]) for name in self.inputs}
        for name, shape in self.inputs.items():
            if found[name].shape[1:] != shape or not len(found[name]):
                raise ValueError(f"{name} is N x {' x '.join(map(str, shape))}, not {found[name].shape}")
        counts = {name: len(a) / self.images.get(name, 1) for name, a in found.items()}
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{name} {n:g}" for name, n in counts.items())
            raise ValueError(f"inputs have different numbers of examples: {said}")
        return found

    def _input(self, name: str, given: Any) -> Array:
        a = np.asarray(given)
        white = {1: 255, 2: 65535}.get(a.dtype.itemsize, 0) if self.bytes and a.dtype.kind == "u" else 0
        return np.divide(a, white, dtype=self.dtype) if white else held(name, given, self.dtype)

    def _samples(self, inputs: Mapping[str, Array]) -> int:
        first = next(iter(self.inputs))
        return len(inputs[first]) // self.images.get(first, 1)

    def _key(self, draw: int | None) -> int:
        """The key of a call: of the number it asks for, or of the next one."""
        if draw is None:
            with _counting:
                draw, self.draws = self.draws, self.draws + 1
        return random_key(self.seed, CALL, draw) if draw >= 0 else random_key(self.seed, -1 - draw)

    def _run(self, name: str, inputs: Mapping[str, Array], targets: Mapping[str, Array], key: int, first: int = 0,
             statistics: bool = False) -> dict[str, Array]:
        entry, vector = self.entries[name], self._evaluated() if name == "predict" else self.weights
        kept = self._keep(name, vector)
        return self._lanes.lend(self._within, entry, kept, vector, inputs, targets, (key, first), statistics)

    def _within(self, lane: Lane, entry: Entry, kept: Kept, vector: Array, inputs: Mapping[str, Array],
                targets: Mapping[str, Array], chance: tuple[int, int], statistics: bool) -> dict[str, Array]:
        bound = lane.bind(kept, self._samples(inputs), vector, self._gradients())
        _alive = [bound.give(value, lane.arena, inputs[source] if source in inputs else targets[value])
                  for value, source in entry.inputs.items()]
        for scalar, number in zip(("random_key", "random_first"), chance):
            if isinstance(where := entry.values.get(scalar), Vector):
                lane.scalars[where.at] = number
        with kept.turn.lock:
            if kept.version != self.version:
                self._prepare(entry, kept, vector)
                bound.table.run(first=0, last=bound.marks[0])
                kept.version = self.version
        bound.table.run(first=bound.marks[0], last=bound.marks[1])
        spaces = {"vectors": lane.room(kept).vectors, "gradients": self._gradients(), "parameters": self.weights}
        out = {}
        for public, (value, shape) in entry.outputs.items():
            layout = entry.values[value]
            if isinstance(layout, Vector | Packed):
                out[public] = unpack(spaces[layout.space], layout, shape)
            else:
                out[public] = bound.port(value).read(lane.arena, shape)
        if statistics:
            self._move(entry, bound, inputs, out)
        return out

    def _prepare(self, entry: Entry, kept: Kept, vector: Array) -> None:
        """What is made of the weights alone, batch norm folded into convolutions for one: as netspec makes it."""
        if not entry.prepared:
            return
        env = {name: unpack(vector, self.stored[name], entry.seen.get(name, p.shape)).astype(np.float64)
               for name, p in self.given.items()}
        for made in entry.first:
            env |= made.of(env)
        for name in entry.prepared:
            layout = entry.values[name]
            assert isinstance(layout, Vector | Packed)
            pack(kept.vectors, layout, env[name].astype(self.dtype))

    def _move(self, entry: Entry, bound: Bound, inputs: Mapping[str, Array], out: Mapping[str, Array]) -> None:
        """Running statistics, of a network that is trained."""
        raise NotImplementedError
