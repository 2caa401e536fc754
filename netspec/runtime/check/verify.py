"""Whether a network computes what its text says: two backends against each other, and gradients against differences.

The reference backend reads the formulas as they stand, with NumPy in float64; the kernels of a device share nothing with
it but the graph. A finite difference asks only for outputs: f(p + h d) - f(p - h d) over 2h, for a random direction d of each
parameter and input, is what its gradient says, where no ReLU or maximum changes sides in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import NetspecError
from ...ir.graph import Graph
from ...ir.types import shape_text
from ...terminal import beside
from ...waiting import each
from ..initialisers import generator
from ..io import arrays
from ..misuse import misuse, whole
from ..network import Network
from ..state import Mode

Array = NDArray[Any]
EXACT, ROUNDED, SLOPES = 1e-9, 2e-2, 1e-5  # in float64; in float32, where a maximum may change sides; of finite differences
STEPS = (1e-5, 1e-6, 1e-7, 1e-4)  # one is enough: a large step meets kinks, a small one rounding


@dataclass(frozen=True)
class Finding:
    """One comparison: the worst difference, relative to the largest number, and where it is."""

    what: str
    worst: float
    where: str
    limit: float

    @property
    def right(self) -> bool:
        return self.worst <= self.limit  # NaN is not

    def __str__(self) -> str:
        return self.lines()

    def lines(self, room: int | None = None) -> str:
        """For a terminal with room for so many columns."""
        return beside(f"{'ok' if self.right else 'WRONG':<6}{self.what}",
                      f"{self.worst:8.1e}" + (f"  {self.where}" if self.worst else ""), 50, room)


def verify(graph: Graph, *, batch: int = 3, seed: int = 0, device: str = "cpu") -> Iterator[Finding]:
    """Compare, one finding after the other; inputs are Gaussian, and so is the gradient that comes from outside.

    Errors: an input whose size is not known, a device that is not there.
    """
    whole("batch", batch, 1)
    for n in graph.inputs:
        if not n.type.known:
            raise misuse("unknown-size",
                         f"to run it the size of the input must be known, and `{n.name}` is {shape_text(n.type.shape)}",
                         hint=f"--input {'x'.join(str(s or 32) for s in n.type.shape)}")
    reference, exact, single = (Network(graph, device, dtype, seed)
                                for device, dtype in (("reference", "float64"), (device, "float64"), (device, "float32")))
    x = {n.name: _gaussian(seed, n.name, (batch, *n.type.shape)) for n in graph.inputs}
    dy = {public: _gaussian(seed, f"d.{public}", (batch, *graph.values[v].type.shape)) for public, v in graph.outputs}
    modes: tuple[Mode, ...] = ("eval", "train") if _trains(reference, x) else ("eval",)
    for mode in modes:
        name = {"eval": "evaluation", "train": "training"}[mode]
        ys = [_named(net.forward(x, mode=mode, draw=0), dy) for net in (reference, exact, single)]
        gs = [net.backward(dy, mode=mode) for net in (reference, exact, single)]
        yield _compared(f"outputs in {name}, float64", ys[1], ys[0], EXACT, _largest)
        yield _compared(f"gradients in {name}, float64", gs[1], gs[0], EXACT, _largest)
        yield _slopes(exact, x, dy, gs[1], mode, f"gradients in {name}, finite differences", seed)
        yield _compared(f"outputs in {name}, float32", ys[2], ys[0], ROUNDED, _length)
        yield _compared(f"gradients in {name}, float32", gs[2], gs[0], ROUNDED, _length)


def examples(graph: Graph, data: str | None, batch: int, seed: int = 0) -> tuple[dict[str, Array], str, bool]:
    """A batch to measure on, what it is called, and whether it has statistics to train with: the widest examples of `data`,
    else of the train section's data where they are there, else Gaussian numbers.

    Errors: data that are named and not there, or do not fit.
    """
    from ...data import load
    from ..train.session import data_of
    from .convolutions import widest

    held, said = None, ""
    if data is not None:
        held = load(data)
    elif graph.training is not None and graph.training.data is not None:
        try:
            held = data_of(graph)
        except NetspecError as e:
            said = f" ({e.diagnostics[0].title})"
    if held is None:
        x = {n.name: _gaussian(seed, n.name, (batch * n.type.batch, *n.type.shape)) for n in graph.inputs}
        said = f"{batch} examples of Gaussian numbers{said}"
    else:
        x, lost = widest(graph, held.train[0], batch)
        low, high = _range(x)
        count = arrays.count(x) // graph.inputs[0].type.batch
        said = f"the {count} widest examples of {held.name}, from {low:g} to {high:g}" + (
            f" ({lost} with numbers that are not finite are left out)" if lost else "")
    return x, said, _trains(Network(graph, "cpu", "float32", seed), x)


def _range(x: dict[str, Array]) -> tuple[float, float]:
    """The smallest and the largest number of a batch."""
    return min(float(v.min()) for v in x.values()), max(float(v.max()) for v in x.values())


def _trains(net: Network, x: dict[str, Array]) -> bool:
    """Whether a batch as small as this one has statistics."""
    from ..misuse import RunError

    try:
        net.forward(x, mode="train", draw=0)
    except RunError:
        return False
    return True


def _gaussian(seed: int, name: str, shape: tuple[int | None, ...]) -> Array:
    return generator(seed, f"verify {name}").standard_normal([s or 0 for s in shape])


def _named(y: Any, names: dict[str, Array]) -> dict[str, Array]:
    return y if isinstance(y, dict) else {next(iter(names)): y}


def _largest(a: Array) -> float:
    return float(abs(a).max()) if a.size else 0.0


def _length(a: Array) -> float:
    return float(np.sqrt(np.square(a).sum()))


def _compared(what: str, got: dict[str, Array], want: dict[str, Array], limit: float, size: Callable[[Array], float]) -> Finding:
    """Tensor by tensor. One that vanishes (the bias before a batch norm) is held to the largest of all."""
    largest = max(map(size, want.values()), default=0.0)
    worst, where = 0.0, ""
    for name, w in want.items():
        off = size(got[name] - w) / (max(size(w), 1e-3 * largest) or 1.0)
        if not off <= worst:
            worst, where = off, name
    return Finding(what, worst, where, limit)


def _slopes(net: Network, x: dict[str, Array], dy: dict[str, Array], gradients: dict[str, Array], mode: Mode, what: str,
            seed: int) -> Finding:
    def output() -> float:
        return float(sum((y * dy[k]).sum() for k, y in _named(net.forward(x, mode=mode, draw=0), dy).items()))

    largest = max(map(_largest, gradients.values()), default=0.0)
    worst, where = 0.0, ""
    for name, g in each("differences in parameter", gradients.items(), len(gradients)):
        direction = _gaussian(seed, f"direction {name}", g.shape)
        put: Callable[[Array], None]
        if name in x:
            start = x[name]
            put = _put(x, name)
        else:
            start = np.array(net.parameters[name])
            put = _put(net.parameters, name)
        said = float((g * direction).sum())
        scale = max(abs(said), 1e-3 * largest * float(np.sqrt(g.size))) or 1.0
        off = min(_off(output, put, start, direction, h, said) / scale for h in STEPS)
        if not off <= worst:
            worst, where = off, name
    return Finding(what, worst, where, SLOPES)


def _put(where: Any, name: str) -> Callable[[Array], None]:
    def put(value: Array) -> None:
        where[name] = value

    return put


def _off(output: Callable[[], float], put: Callable[[Array], None], start: Array, direction: Array, h: float,
         said: float) -> float:
    ends = []
    for sign in (1, -1):
        put(start + sign * h * direction)
        ends.append(output())
    put(start)
    return abs((ends[0] - ends[1]) / (2 * h) - said)
