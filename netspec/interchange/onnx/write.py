"""A graph of layers and its numbers as an ONNX model.

Nodes, values and parameters keep their names; the batch is open, and so are sizes that the text leaves open. Each layer writes
its own operators, see words/onnx.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice
from ...ir.graph import Graph, Input, Node
from ...ir.types import TensorType
from ...version import __version__
from ...words.layer import Layer
from ...words.onnx import Unsaid, Unsized
from ...words.preparation import Preparation
from ..weights.lengths import made_of
from .need import OURS, onnx, sized, trouble
from .patterns import stated

Array = NDArray[Any]
OLDEST, IR = 13, 9  # the first opset that is written, and the file format's version, where no newer opset asks for more
BATCH = "batch"
WHOLE = 2_000_000_000  # bytes of constants from which on they stand in a file beside the model: a protocol buffer holds 2 GiB
PAGE = 4096  # bytes: what stands in a file beside begins at multiples of it, so that it can be mapped
SMALL = 1024  # bytes of a constant that stays in the model all the same, as torch.onnx has it
SIDES = (224, 224, 32)  # sizes that the hint gives to axes that are open, as an example
LOOKED_THROUGH = 2**25  # bytes of a model that onnx's own checker goes through


class Writer:
    """What layers write with (words.onnx.OnnxWriter): nodes and constants, in order."""

    def __init__(self, opset: int, arrays: Mapping[str, Array]):
        self.opset, self.arrays, self.note = opset, dict(arrays), ""
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.types: dict[str, TensorType] = {}
        self.layer = ""
        self.made = 0

    def __call__(self, op: str, /, *inputs: str, **attributes: Any) -> str:
        return self.several(op, 1, *inputs, **attributes)[0]

    def several(self, op: str, results: int, /, *inputs: str, **attributes: Any) -> list[str]:
        library = onnx()
        self.made += 1
        said = self._known(op, attributes)
        outputs = [f"{self.layer}/{op}_{self.made}" + (f".{k}" if k else "") for k in range(results)]
        self.nodes.append(library.helper.make_node(op, inputs, outputs, name=f"{self.layer}/{op}_{self.made}", **said))
        for i in inputs:
            if i in self.arrays and i not in self.constants:
                self.constants[i] = self.arrays[i]
        return outputs

    def _known(self, op: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes as the opset has them: numbers of its kind, and without those that it does not have and that say what
        they say anyway."""
        said = {}
        for name, value in attributes.items():
            kind, usual = attribute(op, name, self.opset)
            if kind:
                said[name] = float(value) if kind == "FLOAT" else value
            elif value != usual:
                raise Unsaid(f"{op} has no {name} at opset {self.opset}; a later one has:  --opset {_since(op, name)}")
        return said

    def numbers(self, values: Any, whole: bool = False) -> str:
        self.made += 1
        name = f"{self.layer}/constant_{self.made}"
        self.constants[name] = np.asarray(values, np.int64 if whole else np.float32)
        return name

    def reduce(self, op: str, x: str, axes: Sequence[int], keep: bool = True) -> str:
        if self.opset >= (13 if op == "ReduceSum" else 18):
            return self(op, x, self.numbers(list(axes), whole=True), keepdims=int(keep))
        return self(op, x, axes=list(axes), keepdims=int(keep))

    def type(self, value: str) -> TensorType:
        return self.types[value]

    def array(self, parameter: str) -> Array:
        return self.arrays[parameter]

    def shaped(self, parameter: str, shape: tuple[int, ...]) -> str:
        before = self.constants.get(parameter)
        if parameter not in self.arrays or (before is not None and before.shape != shape):
            return self("Reshape", parameter, self.numbers(list(shape), whole=True))
        self.constants[parameter] = self.arrays[parameter].reshape(shape)
        return parameter

    def has(self, op: str) -> bool:
        return known(op, self.opset)

    def need(self, opset: int, what: str) -> None:
        if self.opset < opset:
            raise Unsaid(f"{what} has an operator from opset {opset} on:  --opset {opset}")


@cache
def known(op: str, opset: int) -> bool:
    """Whether an opset has an operator."""
    library = onnx()
    try:
        return not library.defs.get_schema(op, opset, "").deprecated
    except library.defs.SchemaError:
        return False


@cache
def attribute(op: str, name: str, opset: int) -> tuple[str, Any]:
    """The kind of an attribute in an opset, nothing where it has none, and what it usually is, now."""
    library = onnx()
    now = library.defs.get_schema(op).attributes.get(name)
    then = library.defs.get_schema(op, opset, "").attributes.get(name)
    usual = None if now is None or not now.default_value.name else library.helper.get_attribute_value(now.default_value)
    return ("" if then is None else then.type.name), usual


def _since(op: str, name: str) -> int:
    """The first opset in which an operator has an attribute."""
    return next(n for n in range(OLDEST, onnx().defs.onnx_opset_version() + 1) if attribute(op, name, n)[0])


def checked_opset(opset: Any) -> int:
    """An opset that is written. Raises NetspecError."""
    newest = onnx().defs.onnx_opset_version()
    if isinstance(opset, bool) or not isinstance(opset, int) or not OLDEST <= opset <= newest:
        raise trouble("bad-value", f"ONNX is written in the opsets {OLDEST} to {newest}, not in {opset!r}",
                      hint=Advice("--opset 18 (opset=18) is read by most programs"))
    return opset


@dataclass(frozen=True)
class Written:
    """A model, and those of its constants that stand in a file beside it, in the order in which they do; none of a usual one."""

    model: Any
    beside: dict[str, Array] = field(default_factory=dict)

    def pieces(self) -> Iterator[Any]:
        """What the file beside it holds."""
        at = 0
        for t, a in zip((t for t in self.model.graph.initializer if t.name in self.beside), self.beside.values()):
            start = next(int(e.value) for e in t.external_data if e.key == "offset")
            yield bytes(start - at)
            yield a.reshape(-1)
            at = start + a.nbytes


def model(graph: Graph, arrays: Mapping[str, Array], opset: int = 18, beside: str = "model.onnx.data") -> Written:
    """The model; `beside` is the name of the file of its constants where they are too many. Raises NetspecError that
    names every layer that cannot be said."""
    o = Writer(opset, arrays)
    names: dict[str, str] = {}  # of each of the graph's values
    unsaid: list[str] = []
    hint: str | None = None
    for n in graph.nodes:
        if isinstance(n.op, Input):
            names[n.name] = n.name
        elif isinstance(n.op, Layer):
            try:
                _layer(o, n, n.op, names)
            except Unsaid as why:
                unsaid.append(f"{n.name} ({n.op}): {why}")
                hint = sized({i.name: i.type.shape for i in graph.inputs}, SIDES) if isinstance(why, Unsized) else hint
                names[n.name] = n.name
        o.types[names[n.name]] = n.type
    if unsaid:
        raise trouble("no-operator", f"{len(unsaid)} layer{'s' * (len(unsaid) > 1)} of {graph.name} "
                                     f"cannot be said in ONNX at opset {opset}", *unsaid, hint=hint)
    return _model(graph, o, _outputs(graph, o, names), beside)


def _layer(o: Writer, n: Node, layer: Layer, names: dict[str, str]) -> None:
    """The operators of one layer, the last of which gets its name."""
    inputs = tuple(names[i] for i in n.inputs)
    owned = tuple(p.name for p in n.parameters)
    o.layer, o.made, o.note, first = n.name, 0, "", len(o.nodes)
    local = {p.rpartition(".")[2]: p for p in owned}
    if "weight_v" in local:
        local["weight"] = whole = f"{n.name}.weight"
        o.arrays.setdefault(whole, made_of(o.array(local.pop("weight_g")), o.array(local.pop("weight_v"))))
    y = None if isinstance(layer, Preparation) else stated(o, layer, inputs)
    y = layer.to_onnx(o, *inputs, **local) if y is None else y
    for node in o.nodes[first:]:
        if y in node.output and y not in inputs:
            node.output[list(node.output).index(y)] = n.name
            node.name, node.doc_string = n.name, o.note
    names[n.name] = y if y in inputs else n.name


def _outputs(graph: Graph, o: Writer, names: dict[str, str]) -> list[tuple[str, TensorType]]:
    """The results under their public names: by renaming the value where it has no other name, else by an Identity."""
    found, taken = [], {i.name for i in graph.inputs} | {x for n in o.nodes for x in n.output}
    for public, value in graph.outputs:
        inside, name = names[value], public
        own = [n for n in o.nodes if inside in n.output]
        while name in taken and name != inside:
            name += "_"
        if name != inside and own and sum(names[v] == inside for _, v in graph.outputs) == 1:
            for n in o.nodes:
                for part in (n.input, n.output):
                    for k, v in enumerate(part):
                        if v == inside:
                            part[k] = name
        elif name != inside or not own:
            o.layer, o.made = f"output.{public}", 0
            y = o("Identity", inside)
            o.nodes[-1].output[0] = name = name if name != inside else y
        taken.add(name)
        found.append((name, graph.values[value].type))
    return found


def _model(graph: Graph, o: Writer, outputs: Iterable[tuple[str, TensorType]], beside: str) -> Written:
    library = onnx()
    h, float32 = library.helper, library.TensorProto.FLOAT

    def info(name: str, t: TensorType) -> Any:
        return h.make_tensor_value_info(name, float32, [BATCH, *(f"{name}_{k}" if s is None else s for k, s in enumerate(t.shape))])

    used = {i for n in o.nodes for i in n.input}
    numbers = {name: a.astype(np.float32 if a.dtype.kind == "f" else np.int64, order="C", copy=False)
               for name, a in o.constants.items() if name in used}
    large = sum(a.nbytes for a in numbers.values()) > WHOLE
    outside = {name: a for name, a in numbers.items() if large and a.nbytes > SMALL}
    constants = [*_placed(outside, beside),
                 *(library.numpy_helper.from_array(a, name) for name, a in numbers.items() if name not in outside)]
    made = h.make_graph(o.nodes, graph.name, [info(i.name, i.type) for i in graph.inputs], [info(*out) for out in outputs],
                        constants)
    opsets = [h.make_opsetid("", o.opset)]
    whole = h.make_model(made, opset_imports=opsets, producer_name=OURS, producer_version=__version__,
                         ir_version=max(IR, h.find_min_ir_version_for(opsets)))
    if not outside:
        _sound(whole)
    return Written(whole, outside)


def _placed(numbers: Mapping[str, Array], file: str) -> Iterator[Any]:
    """Tensors whose numbers stand one behind the other in a file, each at a whole page's place."""
    library = onnx()
    at = 0
    for name, a in numbers.items():
        t = library.TensorProto(name=name, dims=a.shape, data_type=library.helper.np_dtype_to_tensor_dtype(a.dtype),
                                data_location=library.TensorProto.EXTERNAL)
        for key, value in (("location", file), ("offset", at), ("length", a.nbytes)):
            t.external_data.add(key=key, value=str(value))
        yield t
        at += a.nbytes + -a.nbytes % PAGE


def _sound(model: Any) -> None:
    if model.ByteSize() < LOOKED_THROUGH:  # a larger one is run all the same before it is written
        onnx().checker.check_model(model, full_check=True)


def without_preparations(graph: Graph) -> Graph:
    """The graph without what prepares its inputs, which reads what is prepared already."""
    gone = {n.name: n.inputs[0] for n in graph.nodes if isinstance(n.op, Preparation)}
    if not gone:
        return graph

    def stays(v: str) -> str:
        while v in gone:
            v = gone[v]
        return v

    nodes = [replace(n, inputs=tuple(map(stays, n.inputs))) for n in graph.nodes if n.name not in gone]
    return replace(graph, nodes=tuple(nodes), outputs=tuple((k, stays(v)) for k, v in graph.outputs), lowered=None).verify()


