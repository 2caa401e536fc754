"""The table of contents: from the text of a spec to a network that runs, a stage a line.

    source = read_source(path)                     the text                         source.py, syntax/load.py
    module = read_module(source)                   its syntax tree                  syntax/parser.py, elaborate/tree_to_graph.py
    graph  = elaborate(module, net, ...)           layers, every shape checked      elaborate/tree_to_graph.py
    recipe = recipe_of(graph)                      how it is trained                runtime/train/recipe.py
    network = Network(graph, device, ...)          parameters, on a device          runtime/network.py

and the way back: `load` finds the spec in a checkpoint (runtime/io/stored.py), and its numbers.

A device's backend takes it from there, for each of predict, gradients and step when it is first called
(backends/cpu/executor.py): lower, differentiate, fuse, drop_dead, assign_layouts, plan_memory (passes/), then kernels.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .diagnostics import UsageError
from .ir.graph import Graph
from .ir.types import Shape, shape_of
from .views.viewed import Viewed

if TYPE_CHECKING:
    from .runtime.footprint import Footprint
    from .runtime.network import Network
    from .syntax.tree import Module
    from .views.comparisons.compare import Comparison
    from .views.differences.diff import Diff

Shapes = str | Shape | Mapping[str, str | Shape]


def compile(path: str | os.PathLike[str] | None = None, net: str | None = None, *, text: str | None = None, device: str = "cpu",
            dtype: str | None = None,
            precision: str | None = None, seed: int | None = None, input: Shapes | None = None, parameters: Mapping[str, Any]
            | None = None, **more: Any) -> Network:
    """A network that runs, from a file or from `text`. Without `net`, the only one that needs no arguments.

    device      "cpu" (Numba), "cuda" (Numba-CUDA), or "reference" (NumPy: slow, and the meaning of the others)
    dtype       "float32" (default) or "float64"
    precision   "float32", or "exact" (no transformed convolutions); what the train section says, and "float32", unless given
    seed        of first weights, dropout, and the order of the data; that of the train section, else 0, unless given
    input       shapes of inputs, channels first and without the batch: (3, 512, 512), "3x512x512", or a dict by name
    parameters  of the net; keywords do as well: compile("resnet.net", "resnet50", classes=10)

    Errors: all mistakes of the text at once, as SpecError; a file that is not there, as MissingFileError.
    """
    from .elaborate.alone import alone
    from .runtime.network import made
    from .runtime.origin import Origin

    return made(Origin(alone(_module(path, text)), net, _given(parameters, more), shapes(input), precision), device, dtype, seed)


def load(path: str | os.PathLike[str], *, device: str = "cpu", dtype: str | None = None, precision: str | None = None,
         input: Shapes | None = None) -> Network:
    """The network of a checkpoint, or of the folder of a run (its best weights, else its last), as training left it: the
    checkpoint holds its spec. Arguments as `compile` has them; what is not given is as it was, and so is how it is trained.

    Errors: no such file; a file that is damaged, or of another kind; one of an older netspec, which holds no spec; all
    mistakes of the spec, where this netspec does not know what that one knew.
    """
    from .runtime.io.stored import opened
    from .runtime.network import made

    found = opened(path)
    net = made(found.origin(shapes(input), precision), device, found.dtype if dtype is None else dtype)
    net.state.recipe = found.beside(net.recipe, net.graph)
    return net.load(found.path)


def import_onnx(path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, *, device: str = "cpu",
                input: Shapes | None = None, force: bool = False) -> Network:
    """Write an ONNX file as a text that a person can read, and its weights beside it (model.net and model.safetensors, unless
    `output` says otherwise), and return the network. Nothing is written unless it computes what the file does.

    input  sizes of inputs that the file leaves open
    force  write it even where the outputs differ by more than 1e-4 of the largest number

    Errors: a file that is none, or is damaged; every node that is no layer of the language; onnx that is not installed.
    """
    from .runtime.exchange import imported
    from .runtime.network import of_state

    return of_state(imported(path, output, shapes(input), force, device)[0])


def average(checkpoints: Iterable[str | os.PathLike[str]], *, device: str = "cpu") -> Network:
    """The network of several checkpoints of one net, its weights the mean of theirs (in float64), running statistics too: of the
    last epochs of a run, or of runs that began with the same weights. The optimiser starts anew.

    Errors: those of `load`; checkpoints of other parameters; inputs that were prepared with other numbers.
    """
    from .runtime.means.ensemble import averaged

    several = isinstance(checkpoints, Iterable) and not isinstance(checkpoints, (str, os.PathLike))
    paths: list[Any] = list(checkpoints) if several else [checkpoints]
    if odd := [p for p in paths if not isinstance(p, (str, os.PathLike))]:
        raise UsageError(f"an average is of checkpoints, by their paths, and not of a {type(odd[0]).__name__}",
                         hint='netspec.average(["a.safetensors", "b.safetensors"])')
    if not paths:
        raise UsageError("an average is of checkpoints, and none is given", hint='netspec.average(["a.safetensors", "b.safetensors"])')
    return averaged((os.fspath(p), load(p, device=device)) for p in paths)


def diff(first: Viewed | str | os.PathLike[str], second: Viewed | str | os.PathLike[str]) -> Diff:
    """What two networks differ in, step by step: specs, networks, or paths of texts. Printed, it is a report, and false where
    they compute the same; `.draw("diff.svg")` makes a picture of it, and a notebook shows that by itself.

    Errors: what is no network; those of `load_graph`.
    """
    from .views.differences.diff import diff as difference

    return difference(_graph_of(first), _graph_of(second))


def compare(*nets: Viewed | str | os.PathLike[str], accuracy: Mapping[str, float] | None = None, area: str | None = None,
            published: bool = False) -> Comparison:
    """What networks cost: specs, networks, or paths of texts. Printed, it is a table; `.draw("chart.svg")` makes the chart of
    work against accuracy or parameters, and a notebook shows both.

    accuracy   in percent, by the name of a net; as soon as one is given the chart has accuracies, and nets that come with
               netspec have the published one unless they are given another
    area       what the area of a circle says, "parameters" or "memory"; parameters over accuracy, else memory, unless given
    published  take the accuracies that are published, too

    Errors: what is no network; an input whose size is open; an accuracy of a net that is not compared, or that is no percentage.
    """
    from .views.comparisons.compare import compare as compared

    if len(nets) == 1 and isinstance(nets[0], Iterable) and not isinstance(nets[0], (str, os.PathLike)):
        nets = tuple(nets[0])
    return compared([_graph_of(n) for n in nets], accuracy, area, published)


def _graph_of(given: Any) -> Graph:
    if isinstance(given, Viewed):
        return given._looked_at()
    if isinstance(given, (str, os.PathLike)):
        return load_graph(given).graph
    raise UsageError(f"a network is a Spec, a Network or the path of a text, and not a {type(given).__name__}",
                     hint='netspec.diff(netspec.load_graph("a.net"), "b.net")')


def load_graph(path: str | os.PathLike[str] | None = None, net: str | None = None, *, text: str | None = None,
               input: Shapes | None = None, parameters: Mapping[str, Any] | None = None, **more: Any) -> Spec:
    """A checked network to look at; arguments as `compile` has them. Loads no compiler."""
    return Spec(_elaborate(_module(path, text), net, _given(parameters, more), shapes(input)))


@dataclass(frozen=True)
class Spec(Viewed):
    """A checked graph and its views."""

    graph: Graph

    @property
    def inputs(self) -> dict[str, Shape]:
        """Shapes by name, without the batch."""
        return {n.name: n.type.shape for n in self.graph.inputs}

    @property
    def outputs(self) -> dict[str, Shape]:
        """Shapes by name, without the batch."""
        return {name: self.graph.values[v].type.shape for name, v in self.graph.outputs}

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shapes by name, buffers included."""
        return {p.name: p.shape for p in self.graph.parameters}

    def memory(self, dtype: str = "float32", precision: str | None = None, device: str = "cpu") -> dict[str, Footprint]:
        """Bytes that a step of training ("train") and a prediction ("predict") need on a device, exactly: so many for each
        sample of a batch, so many whatever the batch. The train section says which losses and which optimiser, and the
        precision where none is given."""
        from .runtime.devices import at_precision, checked_dtype
        from .runtime.footprint import footprints
        from .runtime.train.recipe import recipe_of

        return footprints(at_precision(self.graph, precision), recipe_of(self.graph), checked_dtype(dtype, device), device)

    def _looked_at(self) -> Graph:
        return self.graph

    def __str__(self) -> str:
        return str(self.graph)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{n.name} {n.type}" for n in self.graph.inputs)
        return f"Spec {self.graph.name}({inputs}): {len(self.graph.nodes)} nodes"

    def _repr_html_(self) -> str:
        """Its drawing, its table and its text, in tabs."""
        from .editors.html import highlighted
        from .views.notebook import tabs

        sources = dict.fromkeys(n.spans[0].source for n in self.graph.nodes[:1] if n.spans)
        return tabs([("drawing", str(self.diagram().svg)), ("table", str(self.summary()._repr_html_())),
                     ("text", "".join(highlighted(s.text) for s in sources))], self.graph.name)

    def _repr_svg_(self) -> str:
        return str(self.diagram().svg)


def shapes(given: Shapes | None) -> Shape | dict[str, Shape] | None:
    """Input shapes as the language has them: `?` and None are sizes left open."""
    if isinstance(given, Mapping):
        return {k: _shape(v) for k, v in given.items()}
    return None if given is None else _shape(given)


def _shape(given: str | Shape) -> Shape:
    try:
        sizes = shape_of(given)
        if sizes and all(s is None or s > 0 for s in sizes):
            return sizes
    except (TypeError, ValueError):
        pass
    raise UsageError(f"{given!r} is no shape", hint='input=(3, 224, 224)  channels first, without the batch')


def _module(path: str | os.PathLike[str] | None, text: str | None) -> Module:
    from .elaborate.tree_to_graph import read_module
    from .syntax.load import read_source, source_of

    if (path is None) == (text is None):
        raise UsageError("give a path or text=..., one of them",
                         hint='compile("specs/lenet.net")   or   compile(text="net a:\\n  input 4\\n  fc 2")')
    if path is not None:
        if not isinstance(path, (str, os.PathLike)):
            raise UsageError(f"a path is a text or a Path, not a {type(path).__name__}", hint='compile("specs/lenet.net")')
        return read_module(read_source(path))
    if not isinstance(text, str):
        raise UsageError(f"text= is a str, not a {type(text).__name__}", hint='compile(text="net a:\n  input 4\n  fc 2")')
    return read_module(source_of(text))


def _given(parameters: Mapping[str, Any] | None, more: dict[str, Any]) -> dict[str, Any]:
    if parameters is not None and not isinstance(parameters, Mapping):
        raise UsageError(f"parameters= are values by name, not a {type(parameters).__name__}",
                         hint="parameters={\"classes\": 10}")
    for name in parameters or {}:
        if not isinstance(name, str):
            raise UsageError(f"parameters= are values by name, and {name!r} is no name", hint="parameters={\"classes\": 10}")
    return {**(parameters or {}), **more}


def _elaborate(module: Module, net: str | None, parameters: Mapping[str, Any], input: Any) -> Graph:
    from .elaborate.tree_to_graph import elaborate

    return elaborate(module, net, dict(parameters), input)
