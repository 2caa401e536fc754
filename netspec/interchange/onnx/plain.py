"""A model as plain nodes: constants and shape arithmetic evaluated, copies dropped, old forms of operators made new, every
value's shape known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice, NetspecError
from ...ir.types import TensorType, shape_text
from ...limits import NUMBER
from . import amiss
from .affine import absorbed
from .gathered import gathered
from .inputs import check, example, given
from .layout import flattened, really, unturned
from .load import constants, in_order, opset, tensor
from .need import OURS, onnx, trouble
from .newest import FLOATING, RESHAPES, newest
from .places import place
from .rewrite import rewritten
from .views import images, opened

Array = NDArray[Any]
Shape = tuple[int, ...]
FEW = 8  # numbers of a constant that a message shows, at most
FOLDED = 10**8  # numbers of a constant that shape arithmetic makes, at most
RUN_AT = {"DequantizeLinear": 19}  # opsets from which on onnx runs what older ones have with the same meaning
BATCH = 5  # examples of an open batch while shapes are worked out: a number that nothing else is likely to be
OPEN = (224, 32, 48, 64, 28, 96, 112, 128, 160, 192, 256, 299, 320, 416, 512, 640)  # sizes tried for axes left open


@dataclass
class Plain:
    """The graph. Values have names; `constants` are those that no input reaches."""

    name: str
    batch: int
    inputs: dict[str, Shape]
    open: dict[str, tuple[int | None, ...]]  # what the file says of the inputs' sizes, the batch left out
    nodes: list[Seen] = field(default_factory=list)
    outputs: list[tuple[str, str]] = field(default_factory=list)  # public name, value
    constants: dict[str, Array] = field(default_factory=dict)
    shapes: dict[str, Shape | None] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    origins: dict[str, set[str]] = field(default_factory=dict)  # constants -> the values whose sizes they come from
    alias: dict[str, str] = field(default_factory=dict)
    turned: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)  # what they are, with axes in another order
    turns: dict[str, Seen] = field(default_factory=dict)  # the nodes that make them in the file
    strange: list[Seen] = field(default_factory=list)  # nodes of which nothing is known
    readers: dict[str, int] = field(default_factory=dict)
    maker: dict[str, Seen] = field(default_factory=dict)
    ours: bool = False  # whether the file was written here
    views: set[int] = field(default_factory=set)  # into how many views examples are taken apart

    def root(self, value: str) -> str:
        while value in self.alias:
            value = self.alias[value]
        return value

    def type(self, value: str) -> TensorType | None:
        shape = self.shapes.get(value)
        held = images(shape, self.batch, self.views)
        return TensorType(shape[1:], held) if held and shape and len(shape) > 1 else None


@dataclass(eq=False)
class Seen:
    """A node (words.onnx.OnnxNode)."""

    graph: Plain
    name: str
    op: str
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    note: str = ""
    place: str = ""  # where it stands in the program that wrote the file, as folders

    def array(self, k: int) -> Array | None:
        return self.graph.constants.get(self.inputs[k]) if k < len(self.inputs) else None

    def type(self, k: int) -> TensorType | None:
        return self.graph.type(self.inputs[k]) if k < len(self.inputs) and self.inputs[k] not in self.graph.constants else None

    @property
    def out(self) -> TensorType | None:
        return self.graph.type(self.outputs[0])

    @property
    def usual(self) -> Mapping[str, Any]:
        return defaults(self.op)

    def before(self, k: int) -> Seen | None:
        if k >= len(self.inputs) or self.graph.readers.get(self.inputs[k]) != 1:
            return None
        return self.graph.maker.get(self.inputs[k])

    def source(self, k: int) -> Seen | None:
        return self.graph.maker.get(self.inputs[k]) if k < len(self.inputs) else None

    def origins(self, k: int) -> list[str]:
        if k >= len(self.inputs):
            return []
        return sorted({self.graph.root(v) for v in self.graph.origins.get(self.inputs[k], ())} - {self.inputs[0]})

    def typed(self, value: str) -> TensorType | None:
        return self.graph.type(value)

    def alike(self, t: TensorType) -> str | None:
        """A value with the same places: of what is resized an input where there is one, else the nearest above this node."""
        given = next((i for i in self.graph.inputs if (found := self.graph.type(i)) and found.spatial == t.spatial), None)
        if given is not None and given not in self.inputs and self.op == "Resize":
            return given
        for n in reversed(self.graph.nodes[:self.graph.nodes.index(self)]):
            found = n.out
            if found is not None and found.spatial == t.spatial and n.outputs[0] not in self.inputs:
                return n.outputs[0]
        return given


_DEFAULTS: dict[str, dict[str, Any]] = {}


def defaults(op: str) -> dict[str, Any]:
    """What the attributes of an operator are where they are not given, in the newest opset."""
    if op not in _DEFAULTS:
        library, found = onnx(), {}
        if library.defs.has(op):
            for a in library.defs.get_schema(op).attributes.values():
                if a.default_value.name:
                    found[a.name] = plain_attribute(library.helper.get_attribute_value(a.default_value))
        _DEFAULTS[op] = found
    return _DEFAULTS[op]


def plain_attribute(v: Any) -> Any:
    """An attribute's value: texts as str, lists as such, float32 with the digits it has."""
    if isinstance(v, bytes):
        return v.decode("utf-8", "replace")
    if isinstance(v, float):
        return float(str(np.float32(v)))
    if isinstance(v, (int, str)):
        return v
    return [plain_attribute(x) for x in v] if isinstance(v, Iterable) else v


def evaluated(model: Any, folder: Path, sizes: Mapping[str, tuple[int, ...]] | None = None, batch: int = BATCH) -> Plain:
    """The plain graph, at these sizes of inputs whose sizes are open, and of so many examples. Raises NetspecError."""
    if len(model.functions):
        from onnx.inliner import inline_local_functions

        try:
            model = inline_local_functions(model)
        except Exception as e:  # whichever class it raises: functions that call themselves, or are not there
            raise trouble("bad-onnx", "the functions of the file cannot be put in place", str(e).splitlines()[0][:200]) from None
    several = not sizes and any(not d.dim_value for i in model.graph.input for d in i.type.tensor_type.shape.dim[1:])
    first: _Apart | None = None
    for usual in OPEN if several else OPEN[:1]:
        for examples in dict.fromkeys((batch, 1)):
            try:
                return _evaluated(model, folder, sizes or {}, examples, usual)
            except _Apart as e:
                first = first or e
    assert first is not None
    raise trouble("bad-onnx", "the shapes of the file do not agree with each other", str(first),
                  hint=Advice(f"it leaves sizes open, and fits none of the usual ones:  {example(given(model, constants(model, folder)))}  says others")
                  if several else None)


class _Apart(Exception):
    """A node cannot take what it reads: which, and why."""


def _evaluated(model: Any, folder: Path, sizes: Mapping[str, tuple[int, ...]], batch: int, usual: int) -> Plain:
    numbers, version = constants(model, folder), opset(model)
    g = _beginning(model, numbers, sizes, batch, usual)
    g.ours = model.producer_name == OURS
    for node in in_order(model):
        _node(g, node, version, folder)
    for o in model.graph.output:
        value = g.root(o.name)
        g.nodes += really(g, value)
        value = _with_channels(g, value)
        g.outputs.append((o.name, value))
    _count(g)
    rewritten(g)
    gathered(g)
    _count(g)
    flattened(g)
    if not g.ours:  # which says such numbers only where a layer has them
        absorbed(g)
    _count(g)
    return g


def _beginning(model: Any, numbers: dict[str, Array], sizes: Mapping[str, tuple[int, ...]], batch: int, usual: int) -> Plain:
    """The inputs: their first axis is the batch, and an axis that is open is of the `usual` size, unless `sizes` has another."""
    inputs = given(model, numbers)
    fixed = {i.batch for i in inputs.values() if i.batch is not None}
    if len(fixed) > 1 or not inputs:
        raise trouble("bad-onnx", "the inputs have batches of different sizes" if inputs else "it has no input")
    check(inputs, sizes)
    batch = fixed.pop() if fixed else batch
    g = Plain(model.graph.name or "net", batch, {}, {})
    for name, i in inputs.items():
        said = sizes.get(name) or (whole if i.fits(whole := sizes.get("", ())) else ())
        g.inputs[name] = g.shapes[name] = (batch, *i.shape(said, usual))
        g.open[name] = i.axes
        g.kinds[name] = i.kind
    g.constants.update(numbers)
    return g


def _with_channels(g: Plain, value: str) -> str:
    """A number for each example stands for a vector of one."""
    made = next((n for n in reversed(g.nodes) if value in n.outputs), None)
    flat = made is not None and made.op in ("Squeeze", "Reshape", "Flatten") and g.shapes.get(value) == (g.batch,)
    return made.inputs[0] if made is not None and flat and g.shapes.get(made.inputs[0]) == (g.batch, 1) else value


def _node(g: Plain, node: Any, version: int, folder: Path) -> None:
    library = onnx()
    inputs = [g.root(i) for i in node.input]
    attributes = {a.name: a for a in node.attribute}
    read = [i for i in inputs if i]
    if (node.op_type in ("If", "Shape", "Size", "Identity", "Transpose") and not read) or (
            node.op_type == "If" and not {"then_branch", "else_branch"} <= attributes.keys()):
        raise trouble("bad-onnx", f"the node {node.name or node.op_type} is none of its operator's", "it reads nothing, or has no branches")
    if node.op_type == "Constant":
        g.constants[node.output[0]] = _constant(attributes, folder)
    elif node.op_type == "If" and inputs[0] in g.constants:
        _branch(g, node, attributes["then_branch" if g.constants[inputs[0]].any() else "else_branch"].g, version, folder)
    elif node.op_type == "Identity" and read:
        g.alias[node.output[0]] = read[0]
    elif node.op_type in ("Shape", "Size") and (shape := g.shapes.get(inputs[0])):
        whole = np.array(shape, np.int64)
        ends = [library.helper.get_attribute_value(attributes[k]) if k in attributes else None for k in ("start", "end")]
        g.constants[node.output[0]] = whole[slice(*ends)] if node.op_type == "Shape" else whole.prod()
        g.origins[node.output[0]] = {inputs[0]}
    elif _foldable(node) and read and all(i in g.constants for i in read):
        _folded(g, node, inputs, version)
    else:
        _kept(g, node, inputs, version)


def _foldable(node: Any) -> bool:
    """Whether a node of constants is one: not by chance, nor by a program of its own that may run for ever."""
    graphs = (onnx().AttributeProto.GRAPH, onnx().AttributeProto.GRAPHS)
    return node.domain in ("", "ai.onnx") and "Random" not in node.op_type and not any(a.type in graphs for a in node.attribute)


def _branch(g: Plain, node: Any, branch: Any, version: int, folder: Path) -> None:
    """The branch of an If whose condition is known stands in its place."""
    g.constants.update({t.name: tensor(t, folder) for t in branch.initializer})
    for n in branch.node:
        _node(g, n, version, folder)
    for outer, inner in zip(node.output, branch.output):
        name = g.root(inner.name)
        if name in g.constants:
            g.constants[outer] = g.constants[name]
        else:
            g.alias[outer] = name


def _constant(attributes: dict[str, Any], folder: Path) -> Array:
    name, a = next(iter(attributes.items()), ("", None))
    if name == "value" and a is not None:
        return tensor(a.t, folder)
    if name.startswith("value_") and a is not None:
        v = onnx().helper.get_attribute_value(a)
        return np.array(v, np.float32 if "float" in name else np.int64 if "int" in name else object)
    raise trouble("bad-onnx", "a Constant holds nothing that is read here")


def _resolved(node: Any, inputs: list[str]) -> Any:
    copy = onnx().NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = inputs
    return copy


def _inferred(g: Plain, node: Any, inputs: list[str], version: int) -> dict[str, tuple[int, Shape | None]]:
    """The kind and the shape of a node's results."""
    library = onnx()
    types, data = {}, {}
    alike = any(g.kinds.get(i, 1) in FLOATING for i in inputs if i and i not in g.constants)  # casts between them are left out
    for i in inputs:
        a = g.constants.get(i)
        if a is not None:
            kind = library.helper.np_dtype_to_tensor_dtype(a.dtype)
            types[i] = library.helper.make_tensor_type_proto(1 if alike and kind in FLOATING else kind, a.shape)
            if a.size <= 1000:
                data[i] = library.numpy_helper.from_array(a, i)
        elif i:
            kind = g.kinds.get(i, 1)
            types[i] = library.helper.make_tensor_type_proto(1 if kind in FLOATING else kind, g.shapes.get(i))
    schema = library.defs.get_schema(node.op_type, version, "")
    opsets = [library.helper.make_opsetid("", version)]
    try:
        found = library.shape_inference.infer_node_outputs(schema, _resolved(node, inputs), types, data, opset_imports=opsets)
    except (library.checker.ValidationError, UnicodeDecodeError) as e:
        raise trouble("bad-onnx", f"the node {node.name or node.op_type} is none of its operator's",
                      str(e).splitlines()[0][:200]) from None
    except library.shape_inference.InferenceError as e:
        shapes = " and ".join(shape_text(s[1:]) for i in inputs if i not in g.constants and (s := g.shapes.get(i)))
        raise _Apart(f"{node.name or node.output[0]}: {node.op_type} of {shapes}: {str(e).splitlines()[0][:200]}") from None
    out = {}
    for name, t in found.items():
        dims = t.tensor_type.shape.dim if t.tensor_type.HasField("shape") else None
        known = dims is not None and all(d.HasField("dim_value") for d in dims)
        out[name] = (t.tensor_type.elem_type, tuple(d.dim_value for d in dims) if known and dims is not None else None)
    return out


def _folded(g: Plain, node: Any, inputs: list[str], version: int) -> None:
    """Evaluate a node of constants, unless what it makes is too large."""
    from onnx.reference import ReferenceEvaluator

    library = onnx()
    try:
        sizes = _inferred(g, node, inputs, version)
    except library.defs.SchemaError:
        sizes = {}
    made = [shape for _, shape in sizes.values()]
    grows = node.op_type in ("ConstantOfShape", "Expand", "Tile", "Range", "Resize", "Pad", "OneHot", "Upsample")
    if any((s is None and grows) or (s is not None and prod(s) > FOLDED) for s in made) or (grows and not made):
        raise trouble("bad-onnx", f"the constant that {node.name or node.op_type} makes is too large")
    copy = _resolved(node, inputs)
    opsets = [library.helper.make_opsetid("", max(version, RUN_AT.get(node.op_type, 0)))]
    infos = [library.helper.make_tensor_value_info(i, library.helper.np_dtype_to_tensor_dtype(g.constants[i].dtype),
                                                   g.constants[i].shape) for i in dict.fromkeys(inputs) if i]
    wants = [library.helper.make_tensor_value_info(o, 0, None) for o in node.output if o]
    small = library.helper.make_model(library.helper.make_graph([copy], "node", infos, wants), opset_imports=opsets)
    try:
        with np.errstate(all="ignore"):
            values = ReferenceEvaluator(small).run(None, {i: g.constants[i] for i in inputs if i})
    except Exception as e:
        raise trouble("bad-onnx", f"the constant that {node.name or node.op_type} makes cannot be computed",
                      f"{type(e).__name__}: {str(e).splitlines()[0][:150] if str(e) else ''}") from None
    for o, v in zip([o for o in node.output if o], values):
        g.constants[o] = np.asarray(v)
        g.origins[o] = set().union(*(g.origins.get(i, set()) for i in inputs))


def _kept(g: Plain, node: Any, inputs: list[str], version: int) -> None:
    """A node that computes something of an input."""
    library = onnx()
    said = {a.name: plain_attribute(library.helper.get_attribute_value(a)) for a in node.attribute
            if a.type not in (library.AttributeProto.GRAPH, library.AttributeProto.GRAPHS, library.AttributeProto.TENSOR)}
    seen = Seen(g, node.name, node.op_type, said, tuple(inputs), tuple(node.output), node.doc_string,
                place(node))
    ours = node.domain in ("", "ai.onnx")
    if ours and (wrong := amiss.setting(seen.op, said)):
        raise trouble("bad-onnx", f"the node {node.name or node.op_type} is none of its operator's", f"{seen.op}: {wrong}")
    shapes = [g.constants[i].shape if i in g.constants else g.shapes.get(i) for i in inputs]
    if ours and (wrong := amiss.sizes(seen.op, said, shapes)):
        raise _Apart(f"{node.name or node.output[0]}: {seen.op} of {shape_text((shapes[0] or ())[1:])}: {wrong}")
    here = ours and all(i in g.constants or g.shapes.get(i) is not None for i in inputs if i)
    try:
        sizes = _inferred(g, node, inputs, version) if here else {}
    except library.defs.SchemaError:
        sizes, here = {}, False
    for o in node.output:
        kind, shape = sizes.get(o, (1, None))
        if shape is None and node.op_type == "MaxUnpool" and len(inputs) > 2 and inputs[2] in g.constants:
            shape = tuple(int(s) for s in g.constants[inputs[2]])  # which inference leaves to whoever runs it
        if shape is not None and not all(0 <= s <= NUMBER for s in shape):
            raise _impossible(seen)
        if shape is not None and (0 in shape or _too_large(seen, g.shapes.get(inputs[0]))):
            raise _Apart(f"{node.name or o}: {node.op_type}: nothing is left of its input")
        g.kinds[o], g.shapes[o] = kind, shape
    if node.domain not in ("", "ai.onnx"):
        seen.op = f"{node.domain}.{seen.op}"
    if not here or g.shapes[node.output[0]] is None:
        if node.domain not in ("", "ai.onnx") or not any(g.shapes.get(i, ()) is None for i in inputs):
            g.strange.append(seen)
        for i in dict.fromkeys(inputs):
            g.nodes += really(g, i)
        g.nodes.append(seen)
        return
    if seen.op in RESHAPES and (views := opened(seen)):
        g.views.add(views)
    for made in newest(seen, version):
        if isinstance(made, str):
            g.alias[node.output[0]] = made
        else:
            made.attributes = {**defaults(made.op), **made.attributes}
            g.turns[made.outputs[0]] = made
            g.nodes += unturned(made)


def _impossible(n: Seen) -> NetspecError:
    """What to say of a node whose result no memory holds, or that is smaller than nothing."""
    g = n.graph
    read = " and ".join(shape_text(s[1:]) for i in n.inputs if i not in g.constants and (s := g.shapes.get(i)))
    by = [f"{i} is {' '.join(f'{v:g}' for v in a.reshape(-1))}" for i in n.inputs
          if (a := g.constants.get(i)) is not None and 0 < a.size <= FEW and a.dtype.kind in "if"]
    return trouble("bad-onnx", f"what the node {n.name or n.outputs[0]} makes has an impossible size", f"{n.op} of {read}", *by)


def _too_large(n: Seen, shape: Shape | None) -> bool:
    """Whether a pool's window is larger than what it reads, for which inference has a size all the same."""
    window = n.attributes.get("kernel_shape", ())
    pads = n.attributes.get("pads") or [0] * 2 * len(window)
    plain = len(pads) == 2 * len(window) and n.attributes.get("auto_pad", "NOTSET") == "NOTSET"
    return plain and n.op in ("AveragePool", "MaxPool", "LpPool") and any(
        k > w + pads[j] + pads[j + len(window)] for j, (k, w) in enumerate(zip(window, (shape or ())[2:])))


def _count(g: Plain) -> None:
    """Who reads what: of nodes that lead to an output."""
    g.readers = {}
    g.maker = {o: n for n in g.nodes for o in n.outputs if o}
    live, stack = set[int](), [v for _, v in g.outputs]
    while stack:
        n = g.maker.get(stack.pop())
        if n is not None and id(n) not in live:
            live.add(id(n))
            stack += n.inputs
    g.nodes = [n for n in g.nodes if id(n) in live]
    g.strange = [n for n in g.strange if id(n) in live]
    for v in _reads(g):
        g.readers[v] = g.readers.get(v, 0) + 1
    for n in g.nodes:
        n.outputs = tuple(o if k == 0 or o in g.readers else "" for k, o in enumerate(n.outputs))


def _reads(g: Plain) -> Iterator[str]:
    for n in g.nodes:
        yield from (i for i in n.inputs if i)
    yield from (v for _, v in g.outputs)
