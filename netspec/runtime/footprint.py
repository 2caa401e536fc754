"""Memory before anything runs: the bytes of every array that a backend allocates for a network, exactly.

What grows with the batch lies in one arena, planned by the lifetimes of the values in it; the rest is parameters, their
gradients, what the optimiser keeps for each of them, sums of channels and workspace. Python, NumPy and Numba themselves
take some 150 MB more, and the system gives memory in whole pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..backends.cpu.plan import plan, stored, target_and_store
from ..backends.cuda.plan import plan as cuda_plan
from ..backends.cuda.plan import store_places
from ..ir.graph import Graph
from ..ir.types import shape_text
from ..passes.differentiate import cotangent_program, training_program
from ..passes.lower import lower
from .misuse import misuse
from .train.recipe import Recipe

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
         "TIB": 2**40}


@dataclass(frozen=True)
class Footprint:
    """Bytes: `sample` for each example of a batch, `fixed` whatever the batch."""

    sample: int
    fixed: int

    def bytes(self, batch: int) -> int:
        """All that a batch of so many examples needs."""
        return self.fixed + batch * self.sample

    def batch(self, budget: int) -> int:
        """The largest batch that fits into so many bytes; 0 where none does."""
        return max(0, (budget - self.fixed) // max(1, self.sample))


def footprints(graph: Graph, recipe: Recipe, dtype: str = "float32", device: str = "cpu") -> dict[str, Footprint]:
    """What `train`, a step of training, and `predict` need on a device. Without losses, training is the gradient of the outputs;
    without an optimiser it keeps nothing. The history of L-BFGS is not counted.

    Errors: an input whose size is not known.
    """
    for n in graph.inputs:
        if not n.type.known:
            raise misuse("unknown-size", f"memory depends on the size of the input, and `{n.name}` is {shape_text(n.type.shape)}",
                         hint=f"--input {'x'.join(str(s or 224) for s in n.type.shape)}")
    item = {"float32": 4, "float64": 8}[dtype]
    slots = len(recipe.optimiser.state) + (1 if recipe.average else 0) if recipe.optimiser is not None else 0
    backward = training_program(graph, recipe.terms) if recipe.terms else cotangent_program(graph, training=True, inputs=False)
    made = {}
    entries = ("train", backward, 2 + slots), ("predict", lower(False)(graph), 2)
    if device == "cuda":
        places, size = store_places(graph)
        for entry, program, held in entries:
            on_gpu = cuda_plan(program, places)
            made[entry] = Footprint(on_gpu.arena * item, (held * size + on_gpu.vectors) * item)
        return made
    target, store = target_and_store(graph, dtype)
    for entry, program, held in entries:
        planned = plan(program, target, store, fold=entry == "predict")
        made[entry] = Footprint(planned.memory.arena, (held * stored(store) + planned.vectors) * item + planned.scratch)
    return made


def fitting(graph: Graph, recipe: Recipe, dtype: str, device: str, budget: str) -> int:
    """The largest batch whose training step takes no more than `budget`: "8GB".

    Errors: one that a batch of one does not fit into.
    """
    need = footprints(graph, recipe, dtype, device)["train"]
    n = need.batch(size(budget))
    if n < 1:
        raise misuse("out-of-memory", f"{graph.name} does not train in {budget}",
                     f"{shown(need.fixed)} whatever the batch, and {shown(need.sample)} a sample",
                     hint=f"--memory {shown(need.bytes(1) + need.bytes(1) // 100).replace(' ', '')}")
    return n


def size(text: str) -> int:
    """`8GB`, `512 MiB` or a number of bytes."""
    m = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)\s*", text, re.IGNORECASE)
    unit = (m[2].upper() if m else "?") if not m or m[2].upper().endswith("B") or not m[2] else m[2].upper() + "B"
    if m is None or unit not in UNITS:
        raise misuse("bad-value", f"`{text}` is no amount of memory", hint="--memory 8GB")
    return int(float(m[1]) * UNITS[unit])


def shown(n: int) -> str:
    """Bytes as a person reads them: 1.25 GB."""
    for unit in ("TB", "GB", "MB", "kB"):
        if n >= UNITS[unit.upper()]:
            return f"{n / UNITS[unit.upper()]:.3g} {unit}"
    return f"{n} bytes"
