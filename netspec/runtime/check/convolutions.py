"""How exactly each convolution of a network is computed at its precision, on a user's own data: the form that was chosen and the
error it met, beside that of the direct form.

Both are a step of training in float32 from the first weights, with a random gradient at the outputs; the truth is the same
step in float64, where every convolution is direct. Errors add up along the network, as they do in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.cpu.families.step import Step
from ...backends.cpu.plan import plan_entry
from ...backends.executor import Executor, Outcome
from ...ir.graph import Graph
from ...terminal import beside
from ...words.layer import Layer
from ..devices import at_precision, executor
from ..initialisers import generator, initial
from ..io import arrays
from ..io.weights import of_calls

Array = NDArray[Any]
SCANNED = 4096  # examples that are looked at to find the widest ones


@dataclass(frozen=True)
class Error:
    """The largest difference from float64, where that is a finite number, and what to hold it against."""

    worst: float
    largest: float  # number there is
    typical: float  # size of one: the median
    lost: int  # places that are finite in float64 and not here

    def __str__(self) -> str:
        of = [f"{self.worst / size:.0e} of the {what}" for what, size in (("largest", self.largest), ("median", self.typical))
              if size]
        return f"{self.worst:.1e}" + (f" ({', '.join(of)})" if of else "") + (f", and {self.lost} not finite" if self.lost
                                                                              else "")


@dataclass(frozen=True)
class Met:
    """What one convolution's output, or the gradient of its weight, met."""

    name: str
    what: str
    form: str
    error: Error
    direct: Error

    def __str__(self) -> str:
        return self.lines()

    def lines(self, room: int | None = None) -> str:
        """For a terminal with room for so many columns."""
        said = f"{self.error}" + ("" if self.form == "direct" else f"; direct {self.direct}")
        return beside(f"{self.name:<24}{self.what:<17}{self.form:<9}", said, 51, room)


def widest(graph: Graph, x: Any, batch: int) -> tuple[dict[str, Array], int]:
    """The examples with the largest numbers, which are those that transforms suffer from; and how many were passed over, since
    they hold what is no number or infinite, and nothing can be measured on them.

    Errors: those of arrays that do not fit the network.
    """
    found = {k: v[: SCANNED * graph.by_name[k].type.batch] for k, v in arrays.inputs(graph, x).items()}
    size: Any = 0.0
    for k, v in found.items():
        examples = np.asarray(v, np.float64).reshape(len(v) // graph.by_name[k].type.batch, -1)
        size = np.maximum(size, abs(examples).max(1))
    size = np.where(np.isfinite(size), size, -1.0)
    chosen = np.argsort(-size, kind="stable")[:batch]
    out = {}
    for k, v in found.items():
        views = graph.by_name[k].type.batch
        out[k] = np.asarray(v).reshape(-1, views, *v.shape[1:])[chosen].reshape(-1, *v.shape[1:])
    return out, int((size < 0).sum())


def convolutions(graph: Graph, x: Mapping[str, Array], *, seed: int = 0, training: bool = True) -> Iterator[Met]:
    """Each convolution on the CPU: its output, and the gradient of its weight where it is trained."""
    layers = [n for n in graph.nodes if isinstance(n.op, Layer) and n.op.category == "convolution"]
    if not layers:
        return
    probe = replace(graph, outputs=(*graph.outputs, *((f"verify.{k}", n.name) for k, n in enumerate(layers))))
    asked, direct, double = (executor(at_precision(probe, p), "cpu", dtype)
                             for p, dtype in ((graph.precision, "float32"), ("exact", "float32"), (None, "float64")))
    met, plain, truth = (_step(net, x, seed, training) for net in (asked, direct, double))
    forms = _forms(probe)
    for k, n in enumerate(layers):
        of = [o.outputs[f"verify.{k}"] for o in (met, plain, truth)]
        yield Met(n.name, "output", forms.get((n.name, "output"), "direct"), _error(of[0], of[2]), _error(of[1], of[2]))
        for p in n.parameters:
            if p.trainable and p.kind == "weight":
                g = [net.gradient(p.name) for net in (asked, direct, double)]
                yield Met(n.name, "weight gradient", forms.get((n.name, "weight gradient"), "direct"), _error(g[0], g[2]),
                          _error(g[1], g[2]))


def _step(net: Executor, x: Mapping[str, Array], seed: int, training: bool) -> Outcome:
    """One step forward and back from the first weights. The convolutions' own outputs get no gradient."""
    for p in net.graph.parameters:
        net.set(p.name, initial(p, seed))
    of_calls(net.graph, net.dtype, net.set)
    count = net.samples(x)
    dy = {}
    for public, v in net.graph.outputs:
        t = net.graph.values[v].type
        shape = (count * t.batch, *(s or 0 for s in t.shape))
        dy[public] = np.zeros(shape) if public.startswith("verify.") else generator(seed,
                                                                                    f"verify d.{public}").standard_normal(shape)
    return net.backward({k: np.asarray(v, net.dtype) for k, v in x.items()}, {k: v.astype(net.dtype) for k, v in dy.items()},
                        training=training)


def _forms(graph: Graph) -> dict[tuple[str, str], str]:
    """The form of each layer's contractions, by what they make."""
    out: dict[tuple[str, str], str] = {}
    for n in plan_entry(graph, "gradients", (), "float32")[0].program.nodes:
        if isinstance(n.op, Step) and n.op.kind in ("gather", "outer"):
            first = n.op.nodes[0]
            back = any(i.startswith("d.") for i in first.inputs)
            what = "weight gradient" if n.op.kind == "outer" else "input gradient" if back else "output"
            out[first.scope, what] = n.op.form
    return out


def _error(got: Array, want: Array) -> Error:
    finite = np.isfinite(want)
    sizes = abs(want[finite])
    there = finite & np.isfinite(got)
    worst = float(abs(got[there] - want[there]).max()) if there.any() else 0.0
    return Error(worst, float(sizes.max()) if sizes.size else 0.0, float(np.median(sizes)) if sizes.size else 0.0,
                 int((finite & ~there).sum()))
