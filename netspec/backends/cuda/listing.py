"""The kernels of an entry as a text to read: what is launched, in order, then each kernel once."""

from __future__ import annotations

from ...ir.graph import Graph
from ...passes import INFERENCE, TRAINING, given, run
from ...passes.objective import Term
from ...plain import docstring, shown
from .body import THREADS, Kernel
from .places import SPACES
from .plan import plan, store_places


def emitted(graph: Graph, entry: str, terms: tuple[Term, ...]) -> str:
    """`entry` is "predict", or "gradients" of the losses (of the outputs, where there are none)."""
    program = run(graph, given(INFERENCE if entry == "predict" else TRAINING, terms=terms))
    p = plan(program, store_places(graph)[0])
    launches = (*p.kernels, *p.effects)
    texts = {k.name: k.text for k in launches}
    lines = [
        f'"""{docstring(graph.name)}, {entry}, for CUDA: {len(launches)} launches of {len(texts)} kernels; {p.arena} numbers of memory a sample."""',
             "import math", "", "from numba import cuda, float32 as F, float64, uint64", "", "",
             f"def run({', '.join(SPACES)}, N):", *(line for k in launches for line in _launch(k))]
    return "\n".join(lines) + "\n" + "".join(f"\n\n@cuda.jit\n{text}" for text in texts.values())


def _launch(k: Kernel) -> tuple[str, str]:
    a, b = k.items
    items = f"{a} * N + {b}" if a and b else f"{a} * N" if a else str(b)
    blocks = items if k.each == 1 else str(-(-b // k.each)) if not a else f"-(-({items}) // {k.each})"
    blocks += f" * {k.layers}" if k.layers > 1 else ""
    return f"    # {shown(k.note)}", f"    {k.name}[{blocks}, {THREADS}]({', '.join((*SPACES, 'N', *map(str, k.begins)))})"
