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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .diagnostics import UsageError
from .ir.graph import Graph
from .ir.types import Shape, shape_of

if TYPE_CHECKING:
    from .runtime.footprint import Footprint
    from .runtime.network import Network
    from .syntax.tree import Module
    from .views.fields.drawn import FieldPicture
    from .views.numbers.counts import Counts
    from .views.tables.summary import Summary

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


def load_graph(path: str | os.PathLike[str] | None = None, net: str | None = None, *, text: str | None = None,
               input: Shapes | None = None, parameters: Mapping[str, Any] | None = None, **more: Any) -> Spec:
    """A checked network to look at; arguments as `compile` has them. Loads no compiler."""
    return Spec(_elaborate(_module(path, text), net, _given(parameters, more), shapes(input)))


@dataclass(frozen=True)
class Spec:
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

    def summary(self, receptive_field: bool = False, *, depth: int | None = None, memory: bool = False) -> Summary:
        """The table of layers. `.data()` is the same as plain values; `.to_markdown()`, `.to_csv()`, `.to_latex()`, `.to_html()`
        and `.to_text(width)` write it, and a notebook shows it by itself.

        depth            how deep blocks are open; 1 closes all of them. Unless given: all are open where that fits 80 lines,
                         else as deep as fits 40
        receptive_field  adds what each value sees of the inputs: places, the step from neighbour to neighbour, and where the
                         first one begins
        memory           adds the bytes of what each step gives, for one sample in float32
        """
        from .views.tables.summary import summarise

        return summarise(self.graph, receptive_field, depth, memory)

    def counts(self) -> Counts:
        """Parameters and multiply-accumulates, in all and by node."""
        from .views.numbers.counts import count

        return count(self.graph)

    def memory(self, dtype: str = "float32", precision: str | None = None, device: str = "cpu") -> dict[str, Footprint]:
        """Bytes that a step of training ("train") and a prediction ("predict") need on a device, exactly: so many for each
        sample of a batch, so many whatever the batch. The train section says which losses and which optimiser, and the
        precision where none is given."""
        from .runtime.devices import at_precision, checked_dtype
        from .runtime.footprint import footprints
        from .runtime.train.recipe import recipe_of

        return footprints(at_precision(self.graph, precision), recipe_of(self.graph), checked_dtype(dtype, device), device)

    def draw(self, path: str | os.PathLike[str], direction: str = "down", *, style: str = "diagram", depth: int | None = None,
             open: str | Sequence[str] = (), focus: str | None = None, page: str | None = None, theme: str = "light",
             profile: str | os.PathLike[str] | None = None) -> None:
        """Draw the network into a file: .svg, .png, .pdf, .dot, or .html, a page to explore.

        direction  which way it flows: "down" or "right"
        style      "diagram"; "volume", volumes in perspective; "blocks", those of each stage (these two also as .tex, TikZ)
        depth      how deep blocks are open; 1 closes all of them. As deep as can be read on A4, unless given
        open       paths of blocks that are open all the same
        focus      the path of a block that is drawn alone, with what goes in and comes out
        page       "a4", "letter", "slide" or a size: "120x80mm", "6.5x9in"; as large as the drawing is, unless given
        theme      "light", "dark" or "transparent"
        profile    for .html: the times of the layers, a file that `netspec bench` has written
        """
        from .views.drawing.files import draw_into, wanted

        draw_into(self.graph, path, wanted(style, direction, depth, open, focus, page, theme), style, profile)

    def diagram(self, depth: int | None = None, *, style: str = "diagram", direction: str = "down",
                open: str | Sequence[str] = (), focus: str | None = None, page: str | None = None, theme: str = "light") -> Any:
        """The drawing itself, which a notebook shows; `.svg` is its text. The options are those of `draw`."""
        from .views.drawing.files import picture

        return picture(self.graph, style, depth=depth, direction=direction, open=open, focus=focus, page=page, theme=theme)

    def field(self, unit: str | None = None, at: Sequence[int] | None = None, picture: str | os.PathLike[str] | None = None,
              theme: str = "light") -> FieldPicture:
        """What one unit sees of the input and of the layers on the way to it, as a picture: `.save("field.svg")`, `.svg`, or by
        itself in a notebook; its `.sight` holds the numbers.

        unit     the name of a layer; unless given, the last one of more than one place
        at       the unit's place in it, (y, x) or (x,); unless given, the middle
        picture  a photograph for the input to hold
        theme    light, dark or transparent
        """
        from .views.drawing.sheet import theme_of
        from .views.fields.drawn import field

        return field(self.graph, unit, at, picture, theme_of(theme))

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
        from .views.drawing.diagram import diagram

        return str(diagram(self.graph)._repr_svg_())


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
