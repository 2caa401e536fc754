"""A network that runs from one file, with NumPy and Numba alone: what `netspec emit` writes carries this module with it.

The file's functions say what is computed; here are the arrays they are run on. Arrays come in and go out in canonical
form, images as N,C,H,W. Parameters lie in the order the kernels walk them (`stored`).

Any number of threads may predict with one network at once: each runs in a lane of its own, of which there are LANES, and further
callers wait. Whatever changes the network, gradients included, has it alone meanwhile. `copy.deepcopy` and `pickle` give
networks that share no memory.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from math import prod, sqrt
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...backends.cpu.engine.machine import Recorder
from ...backends.cpu.engine.memory import aligned
from ...backends.cpu.engine.table import Table
from ...backends.cpu.lane import Kept, Lane, Program
from ...backends.cpu.values import pack, unpack
from ...backends.turns import Gate, Lanes
from ...ir.layout import Image, Layout, Packed, Vector
from ...ir.randomness import CALL, random_key
from ..initialisers import initial

Array = NDArray[Any]
Call = Callable[[Any], None]
_counting = threading.Lock()  # of what has been drawn
NUMBERS = 64  # numbers a group of parameters can have
LANES = 4


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

    @property
    def size(self) -> int:
        return prod(self.shape)


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
    losses: tuple[float, ...] = ()  # weights of loss.0, loss.1, ...
    targets: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)  # of targets that are labels
    ignored: Mapping[str, int] = field(default_factory=dict)  # the label among them that does not count


@dataclass(frozen=True)
class Rule:
    """An update rule: the function, where its vectors and numbers lie, and what the numbers are."""

    function: Call
    values: Mapping[str, Layout]
    state: tuple[str, ...]
    numbers: tuple[str, ...]  # those the kernels read, in order
    scalars: Callable[[int, dict[str, float]], dict[str, float]]  # step, settings -> numbers
    settings: Mapping[str, float]
    groups: tuple[Mapping[str, float], ...]  # factors of each group of parameters


def held(name: str, value: Any, dtype: Any) -> Array:
    """Numbers in this dtype. Raises ValueError where one is beyond it: it would become infinite, and nothing would say so."""
    try:
        with np.errstate(over="raise"):
            return np.asarray(value, dtype)
    except FloatingPointError:
        raise ValueError(f"{name} holds numbers that are beyond {np.dtype(dtype)}") from None


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
            pack(self._net.weights, self._net.stored[name], a)
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
    stored: ClassVar[Mapping[str, Vector | Packed]]
    dtype: ClassVar[str] = "float32"
    lanes: ClassVar[int]
    kernels: ClassVar[Mapping[str, FunctionType]]
    entries: ClassVar[Mapping[str, Entry]]
    rule: ClassVar[Rule | None] = None

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.steps, self.draws, self.looked = seed, 0, 0, -1
        self._assemble()
        for name, p in self.given.items():
            self.parameters[name] = initial(p, seed)  # type: ignore[arg-type]  # has what a rule reads

    def _assemble(self) -> None:
        """Memory, all zero."""
        end = max((p.at + _rounded(p.size) for p in self.stored.values()), default=0)
        self.weights, self.flat_gradients = aligned(end + 16, self.dtype), aligned(end + 16, self.dtype)
        self.state = {s: aligned(end + 16, self.dtype) for s in (self.rule.state if self.rule else ())}
        self.numbers = aligned(NUMBERS * max(1, len(self.rule.groups) if self.rule else 0), self.dtype).reshape(-1, NUMBERS)
        self.parameters, self.version = Parameters(self), 0
        self.gate, self._lanes = Gate(), Lanes(partial(Lane, dtype=self.dtype, width=self.lanes), LANES)
        self._kept = {k: Kept(Program(e.functions, e.values, self.kernels, e.workspaces, e.arena, e.vectors + 16,
                                      max(64, e.workspace)), self.dtype)
                      for k, e in self.entries.items()}
        self._update: Table | None = None

    def __getstate__(self) -> dict[str, Any]:
        with self.gate.shared():
            return {"seed": self.seed, "steps": self.steps, "draws": self.draws, "looked": self.looked,
                    "weights": self.weights.copy(), "state": {k: v.copy() for k, v in self.state.items()}}

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.seed, self.steps, self.draws, self.looked = held["seed"], held["steps"], held["draws"], held["looked"]
        self._assemble()
        self.weights[:] = held["weights"]
        for k, v in held["state"].items():
            self.state[k][:] = v

    # ---- parameters ------------------------------------------------------------------------------------------------------------
    def load(self, source: str | Path | Mapping[str, Any]) -> Standalone:
        """Every parameter from a dict, an .npz or a .safetensors file; names beyond those are left alone. Nothing changes where
        a name is missing, a shape is another, or a number is not finite."""
        values = source if isinstance(source, Mapping) else read_arrays(Path(source))
        missing = [name for name in self.given if name not in values]
        if missing:
            raise KeyError(f"there is no {missing[0]} among {', '.join(list(values)[:5])} ...")
        fitting = {name: self.parameters.fitting(name, values[name]) for name in self.given}
        odd = [name for name, a in fitting.items() if not np.isfinite(a).all()]
        if odd:
            raise ValueError(f"{odd[0]} holds a number that is not finite")
        with self.gate.exclusive():
            self.parameters.update(fitting)
        return self

    def save(self, path: str | Path) -> None:
        """Every parameter to an .npz file."""
        with self.gate.shared():
            arrays: dict[str, Any] = dict(self.parameters)
        np.savez(path, **arrays)

    # ---- running ---------------------------------------------------------------------------------------------------------------
    def predict(self, x: Any, *, draw: int | None = None) -> Any:
        """The output for each image; a dict by name where there are several. Where chance plays a part (`dropout mc`), every
        call draws anew, or again what the call of number `draw` (from 0) has drawn."""
        out = self.gate.beside(lambda: self._run("predict", self._inputs(x), {}, self._key(draw)))
        return next(iter(out.values())) if len(out) == 1 else out

    def gradients(self, x: Any, y: Any = None, *, statistics: bool = False,
                  draw: int | None = None) -> tuple[float, dict[str, Array]]:
        """The loss, a mean over the batch, and its gradient by parameter. Running statistics move if `statistics`. The first
        call after a step draws what the next step will; `draw` as in `predict`."""
        with self.gate.exclusive():
            if draw is None and self.looked != self.steps:
                self.looked, draw = self.steps, -1 - self.steps
            loss = self._backward(x, y, statistics, self._key(draw))
            return loss, {name: self._gradient(name) for name, p in self.given.items() if p.trainable}

    def step(self, x: Any, y: Any = None, **settings: float) -> float:
        """One step of the spec's optimiser; the loss before it. Its settings, such as lr, are the spec's unless given. Raises
        FloatingPointError where the loss or a gradient is not finite, and changes nothing then."""
        with self.gate.exclusive():
            loss = self._backward(x, y, True, random_key(self.seed, self.steps))
            self.update(**settings)
            return loss

    def update(self, **settings: float) -> None:
        """The optimiser's step from the gradients as they lie."""
        rule = self.rule
        if rule is None:
            raise TypeError("the spec states no optimiser")
        unknown = [k for k in settings if k not in rule.settings]
        if unknown:
            raise TypeError(f"the optimiser has no {unknown[0]}; it has {', '.join(rule.settings)}")
        with self.gate.exclusive():
            self._step(rule, {**rule.settings, **settings})

    def _step(self, rule: Rule, now: dict[str, float]) -> None:
        if now.get("clip"):
            norm = sqrt(float(np.square(self.flat_gradients, dtype=np.float64).sum()))
            if norm > now["clip"]:
                self.flat_gradients *= now["clip"] / norm
        self.steps += 1
        for k, group in enumerate(rule.groups):
            mine = {s: v * group.get(s, 1.0) for s, v in now.items()}
            numbers = rule.scalars(self.steps, mine)
            self.numbers[k, : len(rule.numbers)] = [numbers[n] for n in rule.numbers]
        if self._update is None:
            spaces = {"weights": self.weights, "gradients": self.flat_gradients, "numbers": self.numbers, **self.state}
            m = Recorder(1, spaces, rule.values, self.kernels, {}, self.dtype, self.lanes)
            rule.function(m)
            self._update = m.table()
        self._update.run()
        self.version += 1

    def _inputs(self, x: Any) -> dict[str, Array]:
        given = x if isinstance(x, Mapping) else dict.fromkeys(self.inputs, x)
        if len(self.inputs) > 1 and given is not x:
            raise TypeError(f"there are several inputs: give a dict of {', '.join(self.inputs)}")
        found = {name: held(name, given[name], self.dtype) for name in self.inputs}
        for name, shape in self.inputs.items():
            if found[name].shape[1:] != shape or not len(found[name]):
                raise ValueError(f"{name} is N x {' x '.join(map(str, shape))}, not {found[name].shape}")
        return found

    def _samples(self, inputs: Mapping[str, Array]) -> int:
        first = next(iter(self.inputs))
        return len(inputs[first]) // self.images.get(first, 1)

    def _key(self, draw: int | None) -> int:
        """The key of a call: of the number it asks for, or of the next one."""
        if draw is None:
            with _counting:
                draw, self.draws = self.draws, self.draws + 1
        return random_key(self.seed, CALL, draw) if draw >= 0 else random_key(self.seed, -1 - draw)

    def _backward(self, x: Any, y: Any, statistics: bool, key: int) -> float:
        if "gradients" not in self.entries:
            raise TypeError("the spec states no loss: this network predicts")
        entry = self.entries["gradients"]
        given = dict(y) if isinstance(y, Mapping) else dict.fromkeys(entry.targets, y)
        missing = [name for name in entry.targets if given.get(name) is None]
        if missing:
            raise TypeError(f"the loss needs a target, {missing[0]}")
        found = self._inputs(x)
        samples = self._samples(found)
        targets = {value: _target(name, given[name], entry.values[value], samples) for name, value in entry.targets.items()}
        for value, classes in entry.classes.items():
            if (targets[value] % 1 != 0).any():
                raise ValueError(f"labels are whole numbers, 0 to {classes - 1}")
            counted = targets[value][targets[value] != entry.ignored.get(value)]
            if not ((counted >= 0) & (counted < classes)).all():
                raise ValueError(
                    f"labels are 0 to {classes - 1}, and here they reach from {counted.min():g} to {counted.max():g}")
        out = self._run("gradients", found, targets, key, statistics)
        return sum(w * float(out[f"loss.{k}"].ravel()[0]) for k, w in enumerate(entry.losses))

    def _run(self, name: str, inputs: Mapping[str, Array], targets: Mapping[str, Array], key: int,
             statistics: bool = False) -> dict[str, Array]:
        entry = self.entries[name]
        return self._lanes.lend(self._within, entry, self._kept[name], self._samples(inputs), inputs, targets, key, statistics)

    def _within(self, lane: Lane, entry: Entry, kept: Kept, samples: int, inputs: Mapping[str, Array],
                targets: Mapping[str, Array], key: int, statistics: bool) -> dict[str, Array]:
        bound = lane.bind(kept, samples, self.weights, self.flat_gradients)
        _alive = [bound.give(value, lane.arena, inputs[source] if source in inputs else targets[value])
                  for value, source in entry.inputs.items()]
        for scalar, number in (("random_key", key), ("random_first", 0)):
            if isinstance(where := entry.values.get(scalar), Vector):
                lane.scalars[where.at] = number
        with kept.turn.lock:
            if kept.version != self.version:
                bound.table.run(first=0, last=bound.marks[0])
                kept.version = self.version
        bound.table.run(first=bound.marks[0], last=bound.marks[1])
        spaces = {"vectors": lane.room(kept).vectors, "gradients": self.flat_gradients, "parameters": self.weights}
        out = {}
        for public, (value, shape) in entry.outputs.items():
            layout = entry.values[value]
            if isinstance(layout, Vector | Packed):
                out[public] = unpack(spaces[layout.space], layout, shape)
            else:
                out[public] = bound.port(value).read(lane.arena, shape)
        if statistics:
            self._check(inputs, [w * float(out[f"loss.{k}"].ravel()[0]) for k, w in enumerate(entry.losses)])
            bound.table.run(first=bound.marks[1], last=bound.marks[-1])
            self.version += 1
        return out

    def _check(self, inputs: Mapping[str, Array], losses: list[float]) -> None:
        """Refuse a step whose loss or gradient is not finite, before anything changes."""
        if np.isfinite(sum(losses)) and np.isfinite(self.flat_gradients).all():
            return
        what = [f"input {k} holds such a number" for k, a in inputs.items() if not np.isfinite(a).all()]
        what += [f"parameter {k} holds such a number" for k, a in self.parameters.items() if not np.isfinite(a).all()]
        what += [f"the gradient of {k} does" for k, p in self.given.items() if p.trainable
                 and not np.isfinite(self._gradient(k)).all()]
        raise FloatingPointError(
            f"step {self.steps + 1}: the loss is {sum(losses)}{': ' if what else ''}{'; '.join(what[:3])}; nothing has changed")

    def _gradient(self, name: str) -> Array:
        return unpack(self.flat_gradients, self.stored[name], self.given[name].shape)


def _target(name: str, given: Any, layout: Layout, samples: int) -> Array:
    """A copy of a target, so that what is checked is what is used. Axes of length one may be left out."""
    assert isinstance(layout, Image)
    a = np.array(given)
    count, shape = samples * layout.images, (layout.channels, *layout.extents)
    if a.dtype.kind not in "biuf":
        raise ValueError(f"the target {name} holds no numbers")
    if not a.ndim or len(a) != count or [s for s in a.shape[1:] if s != 1] != [s for s in shape if s != 1]:
        raise ValueError(
            f"the target {name} is {' x '.join(str(s) for s in (count, *shape) if s != 1) or 1}, one for each example, not {a.shape}")
    if not np.isfinite(a).all():
        raise ValueError(f"the target {name} holds a number that is not finite")
    return a


def _rounded(size: int) -> int:
    return -(-size // 16) * 16


def read_arrays(path: Path) -> Mapping[str, Any]:
    """Every array of an .npz or .safetensors file by name. Raises ValueError for what is neither."""
    if path.suffix == ".npz":
        with np.load(path) as held:
            return dict(held)
    try:
        return _tensors(path.read_bytes())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ValueError(f"{path} is no safetensors file, or a damaged one ({type(e).__name__})") from None


def _tensors(data: bytes) -> dict[str, Array]:
    """What a safetensors file holds; tensors that are no floats are left out."""
    size = int.from_bytes(data[:8], "little")
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    out: dict[str, Array] = {}
    for name, about in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__" and about["dtype"] in kinds:
            start, end = about["data_offsets"]
            a = np.frombuffer(data[8 + size + start : 8 + size + end], kinds[about["dtype"]]).reshape(about["shape"])
            out[name] = (a.astype("<u4") << 16).view("<f4") if about["dtype"] == "BF16" else a  # the upper half of a float32
    return out


def demonstrate(net: Standalone, batch: int = 16) -> None:
    """Predict random images, and say how long that takes."""
    random = np.random.default_rng(0)
    x = {name: random.standard_normal((batch * net.images.get(name, 1), *shape), np.float32)
         for name, shape in net.inputs.items()}
    begun = time.perf_counter()
    out = net.predict(x)
    compiled = time.perf_counter() - begun
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        net.predict(x)
        times.append(time.perf_counter() - begun)
    for name, a in x.items():
        print(f"{name}: {a.shape}")
    for name, a in (out.items() if isinstance(out, dict) else [("output", out)]):
        print(f"{name}: {a.shape}, {a.min():.4g} to {a.max():.4g}")
        if not np.isfinite(a).all():
            raise SystemExit(f"{name} is not finite")
    print(f"first call {compiled:.2f} s, then {min(times) * 1e3:.3f} ms for {batch}")
