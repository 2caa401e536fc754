"""The beginning of a file that stands alone: what it is, how it is used, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...ir.graph import Graph
from ...ir.types import shape_text
from ...plain import docstring
from ...views.tables.summary import summarise
from ..train.recipe import Recipe
from .carried import Weights

IMPORTS = """
import importlib.abc
import importlib.machinery
import linecache
import sys
from functools import cache
from types import SimpleNamespace
"""


def head(graph: Graph, recipe: Recipe, trained: bool, rates: Mapping[str, float] | None, weights: Weights | None,
         missing: Sequence[str]) -> str:
    """The docstring and the imports. `rates` are the numbers of the optimiser whose steps the file has."""
    images = f"N x {shape_text(graph.inputs[0].type.shape).replace('x', ' x ')}" if len(
        graph.inputs) == 1 else "a dict by name: " + ", ".join(n.name for n in graph.inputs)
    use = [("predict(x)", f"x: {images}"),
           ("net = Network()", "the same with more to it; " + _come(weights)),
           ('net.load("weights.safetensors")', "other weights: .npz, or a dict, or of netspec")]
    if trained:
        use.append(("loss, grads = net.gradients(x, y)",
                    " + ".join((f"{t.weight:g} * " if t.weight != 1 else "") + str(t.loss) for t in recipe.terms)))
    if rates is not None:
        also = (f"; accumulate {recipe.accumulate}" if recipe.accumulate > 1 else "") + (
            f"; average {recipe.average:g}" if recipe.average else "")
        use.append((f"loss = net.step(x, y, lr={rates.get('lr', 0.1):g})", f"{recipe.optimiser}{also}"))
    use.append(('net.parameters["..."]', "by name: reading copies, assigning writes"))
    left = ["", "Of the train section it leaves out, as the loop around the steps is yours:", *(f"    {line}" for line in missing)]
    lines = [
        f"{graph.name}, as netspec compiled it for the CPU. It needs NumPy and Numba alone, and Pillow for pictures.", "",
        "    python FILE.py                       # random images, and how long they take",
        "    python FILE.py PICTURE...            # what is on them; or folders, .npy, .npz; --help says more",
        *(f"    {say:36} # {what}" for say, what in use), *(left if missing else ()), "", str(summarise(graph)).rstrip(), "",
        "Below: parameters; where values lie (the address of an image is arena + samples * at + plus bytes); a function for each",
        "program, in which every call is one parallel operation, under the line of the spec and the formulas it computes; the",
        "kernels these calls run; then what runs it all, and the class Network."]
    text = docstring(chr(10).join(lines))
    path = "from pathlib import Path\n" if weights is not None and weights.beside else ""
    return f'"""{text}\n"""\n{IMPORTS.replace("from types", path + "from types")}'


def _come(weights: Weights | None) -> str:
    """Where its weights come from."""
    if weights is None:
        return "first values, of seed=0 or another"
    return f"its weights are in {weights.beside}, beside it" if weights.beside else "its weights are in this file"
