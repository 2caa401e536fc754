"""An ONNX file, read with suspicion: what is damaged, too large, or leads out of its folder is refused before it is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from heapq import heappop, heappush
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reading import Outside, opened, placed
from .need import onnx, trouble

Array = NDArray[Any]
OLDEST = 7  # the first opset that is read
NUMBERS = 2**31  # of one constant, at most
FILE = 2**31  # bytes of a file, at most: protocol buffers hold no more


def load(path: str | os.PathLike[str]) -> Any:
    """The model. Where its initialisers stand in files beside it they are still there (`constants` reads them); what else does
    is in it. Raises NetspecError."""
    library = onnx()
    try:
        with opened(path) as f:
            size = os.fstat(f.fileno()).st_size
            if size > FILE:
                raise trouble("bad-onnx", f"{path} is larger than an ONNX file can be", f"{size:,} bytes")
            data = f.read()
    except FileNotFoundError:
        raise trouble("missing-file", f"there is no file {path}") from None
    except OSError as e:
        raise trouble("bad-onnx", f"{path} cannot be read: {e.strerror or e}") from None
    model = library.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # whichever class protobuf raises
        raise trouble("bad-onnx", f"{path} is no ONNX file, or is cut short", f"{len(data):,} bytes") from None
    if not model.graph.node and not model.graph.output:
        raise trouble("bad-onnx", f"{path} holds no graph")
    if not all(isinstance(t, str) for t in _names(model.graph)):
        raise trouble("bad-onnx", f"{path} is damaged: a name in it is no text")
    if not model.graph.output:
        raise trouble("bad-onnx", f"{path} has no output", "its nodes make values, and none of them is given out")
    _made_once(model.graph)
    for t in _inner(model):
        if t.data_location == library.TensorProto.EXTERNAL:
            t.CopyFrom(library.numpy_helper.from_array(tensor(t, Path(path).parent), t.name))
    return model


def names_beside(path: str | os.PathLike[str]) -> set[str]:
    """The files beside it that hold numbers of an ONNX file; none where there is no such file, or what is there is none."""
    library = onnx()
    model = library.ModelProto()
    try:
        with opened(path) as f:
            model.ParseFromString(f.read(FILE + 1))
    except Exception:  # whatever the system, or protobuf, raises
        return set()
    return {e.value for t in (*model.graph.initializer, *_inner(model)) for e in t.external_data if e.key == "location"}


def _inner(model: Any) -> Iterator[Any]:
    """The tensors of nodes, and of the graphs in them, but not the initialisers of the model."""
    stack = [*model.graph.node, *(n for f in model.functions for n in f.node)]
    while stack:
        for a in stack.pop().attribute:
            yield from (*([a.t] if a.HasField("t") else []), *a.tensors)
            for g in (*([a.g] if a.HasField("g") else []), *a.graphs):
                yield from g.initializer
                stack += g.node


def _names(graph: Any) -> Iterator[Any]:
    """Every name of a graph and of the graphs in it."""
    yield from (t.name for part in (graph.input, graph.output, graph.initializer) for t in part)
    for n in graph.node:
        yield from (n.name, n.op_type, n.domain, n.doc_string, *n.input, *n.output)
        for a in n.attribute:
            yield a.name
            for inner in (*([a.g] if a.HasField("g") else []), *a.graphs):
                yield from _names(inner)


def _made_once(graph: Any) -> None:
    """Raises NetspecError where a name stands for two values. An input may have a constant of its name, which is what it is where
    nobody gives it: older files have all constants so."""
    inputs = [(i.name, "an input") for i in graph.input]
    constants = [(t.name, "a constant") for t in graph.initializer]
    made = [(o, f"what the node {n.name or n.op_type} makes") for n in graph.node for o in n.output if o]
    for group in (inputs, [*constants, *made], [*dict(inputs).items(), *made]):
        known: dict[str, str] = {}
        for name, what in group:
            if name in known:
                raise trouble("bad-onnx", f"two values of the file have the name {name}", f"one is {known[name]}, the other is {what}")
            known[name] = what


def opset(model: Any) -> int:
    """The version of its operators. Raises NetspecError for one that is not read."""
    newest = onnx().defs.onnx_opset_version()
    found = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    version = int(found[0]) if found else 1
    if not OLDEST <= version <= newest:
        raise trouble("bad-onnx", f"the file is of opset {version}, and {OLDEST} to {newest} are read",
                      "pip install --upgrade onnx  reads newer ones" if version > newest else
                      "onnx.version_converter makes newer ones of old ones")
    return version


def constants(model: Any, folder: Path) -> dict[str, Array]:
    """The numbers of the graph's initialisers, from the file or from those beside it."""
    return {t.name: tensor(t, folder) for t in model.graph.initializer}


def beside(model: Any, folder: Path) -> dict[str, Array]:
    """Those that stand in files beside it."""
    return {t.name: tensor(t, folder) for t in model.graph.initializer if t.data_location == onnx().TensorProto.EXTERNAL}


def tensor(t: Any, folder: Path) -> Array:
    """The numbers of a tensor. Raises NetspecError where it does not hold what it says."""
    library = onnx()
    shape = tuple(t.dims)
    if any(d < 0 for d in shape) or prod(shape) > NUMBERS:
        raise trouble("bad-onnx", f"the constant {t.name} has the impossible shape {shape}")
    try:
        if t.data_location == library.TensorProto.EXTERNAL:
            return _outside(t, shape, folder)
        found: Array = library.numpy_helper.to_array(t)
    except (ValueError, TypeError, KeyError) as e:
        raise trouble("bad-onnx", f"the constant {t.name} does not hold what it says: {str(e).splitlines()[0][:120]}") from None
    return found


def _outside(t: Any, shape: tuple[int, ...], folder: Path) -> Array:
    """The numbers of a tensor in a file of their own, which lies in the folder of the ONNX file or below it."""
    said = {e.key: e.value for e in t.external_data}
    kind = onnx().helper.tensor_dtype_to_np_dtype(t.data_type)
    name, size = said.get("location", ""), prod(shape) * kind.itemsize
    start, length = (_bytes(said.get(k, v), k, f"the file {name} does not hold the constant {t.name} as the model says")
                     for k, v in (("offset", 0), ("length", size)))
    try:
        with opened(placed(name, folder)) as f:
            there = length == size and 0 <= start <= os.fstat(f.fileno()).st_size - size
            f.seek(start if there else 0)
            data = f.read(size) if there else b""
    except Outside:
        raise trouble("bad-onnx", f"the constant {t.name} names the file {name}, which is not in the folder of the model") from None
    except (OSError, ValueError) as e:
        raise trouble("bad-onnx", f"the file {name} with the constant {t.name} cannot be read",
                      str(getattr(e, "strerror", None) or e)) from None
    if len(data) != size:
        raise trouble("bad-onnx", f"the file {name} does not hold the {size:,} bytes of the constant {t.name}",
                      f"the model says that they are the {length:,} bytes from {start:,} on")
    return np.frombuffer(data, kind).reshape(shape)


def _bytes(said: str | int, what: str, else_: str) -> int:
    """A number of bytes, as a text of digits. Raises NetspecError for any other."""
    text = str(said).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise trouble("bad-onnx", else_, f"its {what} is {text[:40]}, which is no number of bytes")
    return int(text)


def in_order(model: Any) -> Iterator[Any]:
    """The nodes, each after what it reads, and else in the order of the file. Raises NetspecError where they go round in a
    circle or read what nobody makes."""
    there = {"", *(i.name for i in model.graph.input), *(t.name for t in model.graph.initializer)}
    missing = [{i for i in n.input if i not in there} for n in model.graph.node]
    readers: dict[str, list[int]] = {}
    for k, wanted in enumerate(missing):
        for i in wanted:
            readers.setdefault(i, []).append(k)
    ready = [k for k in range(len(missing)) if not missing[k]]
    done = 0
    while ready:
        n = model.graph.node[heappop(ready)]
        done += 1
        yield n
        for o in n.output:
            for k in readers.pop(o, ()):
                missing[k].discard(o)
                if not missing[k]:
                    heappush(ready, k)
    if done == len(missing):
        return
    made = {o for n in model.graph.node for o in n.output}
    for n, wanted in zip(model.graph.node, missing):
        for i in sorted(wanted - made):
            raise trouble("bad-onnx", f"the node {n.name or n.op_type} reads {i}, which nothing makes")
    first = next(n for n, wanted in zip(model.graph.node, missing) if wanted)
    raise trouble("bad-onnx", f"its nodes go round in a circle, {first.name or first.op_type} among them")
