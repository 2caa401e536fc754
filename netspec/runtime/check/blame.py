"""A step that is refused because a number in it is not finite: what number, where it is from, and what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.executor import Executor
from ...passes.objective import Term
from ..misuse import misuse
from .replay import origin

Array = NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """What a step was asked to learn from, and what is known of it: `notes` say where in a run it stands, `examples` are the
    numbers of its examples in the data, or what messages call them."""

    inputs: Mapping[str, Array]
    targets: Mapping[str, Array]
    terms: tuple[Term, ...]
    step: int  # from 1
    lr: float
    optimiser: str
    notes: tuple[str, ...] = ()
    examples: Array | Sequence[str] | None = None


def check(run: Executor, batch: Batch, losses: Sequence[float]) -> None:
    """Raise where the weighted loss, or a gradient as it lies, is not finite: before anything changes."""
    loss = float(sum(t.weight * v for t, v in zip(batch.terms, losses)))
    if not isfinite(loss):
        raise refused(run, batch, f"the loss became {loss} at step {batch.step}")
    if not run.finite_gradients():
        name = next(p.name for p in run.graph.parameters if p.trainable and not np.isfinite(run.gradient(p.name)).all())
        raise refused(run, batch, f"the gradient of {name} is not finite at step {batch.step}, where the loss is {loss:.4g}")


def refused(run: Executor, batch: Batch, title: str) -> Exception:
    """The error, with what is to blame."""
    notes, hint = list(batch.notes), ""
    for what, arrays in (("input", batch.inputs), ("target", batch.targets)):
        for name, a in arrays.items():
            if not hint and a.dtype.kind == "f" and not np.isfinite(a).all():
                example = int(np.argwhere(~np.isfinite(a))[0][0])
                notes.append(
                    f"{what} `{name}` of this batch holds {a[tuple(np.argwhere(~np.isfinite(a))[0])]}, in {numbered(example, batch)}")
                hint = f"clean the data: np.isfinite({'x' if what == 'input' else 'y'}).all() must be True"
    for p in () if hint else run.graph.parameters:
        a = run.get(p.name)
        if not hint and not np.isfinite(a).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
            where = next((f" ({n.spans[0]})" for n in run.graph.nodes if n.spans and any(q.name == p.name for q in n.parameters)),
                         "")
            notes.append(f"{p.name}{where} holds {a[at]} at {list(at)}: it was written so, or a step before made it so")
            hint = "load a checkpoint of before, or write finite numbers; then a smaller learning rate"
    if not hint:
        found = origin(run, batch.inputs, batch.targets, batch.terms) if batch.terms else "all labels of this batch are ignored"
        if isinstance(found, str):
            notes.append(found)
        else:
            of = numbered(found.example, batch) if found.example is not None else "no single example: a sum over the batch"
            notes += [*found.notes, f"it is of {of}"]
        notes.append(f"learning rate {batch.lr:g}")
        hint = f"try a tenth of the learning rate: {batch.optimiser} lr={batch.lr / 10:g}"
    return misuse("loss-exploded", title, *notes,
                  f"weights, running statistics and the optimiser stay as they were at step {batch.step - 1}", hint=hint)


def numbered(example: int, batch: Batch) -> str:
    """An example by its number in the batch, and in the data where that is known, or by its file."""
    if batch.examples is None:
        return f"example {example}"
    known = batch.examples[example]
    return f"example {example} ({known if isinstance(known, str) else f'example {int(known)} of the data'})"
