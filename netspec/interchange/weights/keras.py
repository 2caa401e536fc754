"""Weights of Keras: `.h5` of any age, `.weights.h5`, and `.keras`, which is an archive around one. Needs h5py.

Names and layouts are made those of the other formats: kernels lie out, in, rows, columns, and what is called kernel, gamma,
beta, moving_mean and moving_variance in Keras is weight, bias, mean and var of its layer.

HDF5 can point to other files. Nothing is followed that leads out of this one.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...diagnostics import UsageError
from ...reading import opened
from . import zipped
from .source import About, Array, Damaged, Foreign, Source, sized

DEEP, MANY = 32, 200_000  # groups in groups, and parts of a file
PACKED = 100  # times that a packed part may grow
_ROLES = {"kernel": "weight", "depthwise_kernel": "weight", "embeddings": "weight", "gamma": "weight", "alpha": "weight", "variable": "weight",
          "beta": "bias", "bias": "bias", "moving_mean": "mean", "moving_variance": "var"}
_FLOATS = {"f8": "F64", "f4": "F32", "f2": "F16"}


class Held(NamedTuple):
    """An array: where it lies in the file, and how its axes become ours."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[int, ...]  # its axes in our order
    to: tuple[int, ...]  # our shape


class Keras(Source):
    """The weights of a file by layer, as `LAYER.weight`, `.bias`, `.mean` and `.var`."""

    kind = "a file of Keras"
    channels_last, ordered = True, True
    epsilon = 1e-3  # of Keras's normalisations, unless it was said otherwise

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.held: dict[str, Held] = {}
        with _sound(), self._file() as f:
            self._read(f)
        if not self.held:
            raise Foreign("it is an HDF5 file, and Keras wrote no weights in it")

    def _read(self, f: Any) -> None:
        config = self._config(f)
        root = f["model_weights"] if "model_weights" in f and _hard(f, "model_weights") else f
        if "layer_names" in root.attrs:
            said = {str(e["config"].get("name")): _snake(str(e.get("class_name"))) for e in config}
            found = [(layer, said.get(layer, ""), parts) for layer, _, parts in _by_layer(root)]
        else:
            found = _named(self._as_configured(sorted(_by_class(root), key=lambda e: _natural(e[0])), config))
        for layer, kind, parts in found:
            self._take(f, layer, kind, parts)
        self.left = tuple(k for k in f if k in ("optimizer_weights", "optimizer"))

    def _file(self) -> Any:
        try:
            import h5py
        except ImportError:
            raise UsageError("weights of Keras need the package h5py, which is not installed", code="missing-extra",
                             hint="pip install 'netspec-nn[keras]'") from None
        with opened(self.path) as f:
            data: Any = io.BytesIO(_unpacked(self.path, "model.weights.h5") if f.read(2) == b"PK" else _rest(f))
        try:
            return h5py.File(data, "r")
        except (OSError, ValueError, RuntimeError) as e:
            raise Damaged(f"it is no HDF5 file that can be read: {e}"[:200]) from None

    def _config(self, f: Any) -> list[Any]:
        """What the file says of the model's layers, where it holds the model."""
        text = f.attrs.get("model_config")
        with opened(self.path) as whole:
            if whole.read(2) == b"PK" and "config.json" in zipped.parts(self.path):
                text = _unpacked(self.path, "config.json")
        try:
            found = _inside(json.loads(text) if isinstance(text, str | bytes) else {})
        except (ValueError, RecursionError):
            return []
        said: dict[str, float] = {}
        self.eps = said
        for e in found:
            eps = e["config"].get("epsilon")
            if isinstance(eps, float) and 0 <= eps < 1:
                said[str(e["config"].get("name"))] = eps
        return found

    def _as_configured(self, found: list[tuple[str, str, list[tuple[str, Any]]]], config: list[Any]) -> list[Any]:
        """Layers in the order and under the names that the model has for them: files of Keras 3 count them by class."""
        places = {path: (k, name) for k, (path, name) in enumerate(_counted(config))}
        if not found or any(layer not in places for layer, _, _ in found):
            return found
        return [(places[layer][1], kind, parts) for layer, kind, parts in sorted(found, key=lambda e: places[e[0]][0])]

    def _take(self, f: Any, layer: str, kind: str, parts: list[tuple[str, Any]]) -> None:
        sizes = {role: tuple(d.shape) for role, d in parts}
        for role, d in parts:
            shape, name = sized(layer, tuple(int(n) for n in d.shape)), f"{layer}.{_role(role)}"
            if d.external or d.is_virtual:
                raise Damaged(f"the numbers of {name} lie in another file")
            deep = role == "depthwise_kernel" or (role == "kernel" and len(shape) > 2 and _deep(layer, kind, shape, sizes))
            axes, to = _layout(role, shape, deep)
            if name in self.held:  # a depthwise kernel and the pointwise one behind it, and a layer in a layer
                name = f"{layer}.{role}.{_role(role)}"
            self.held[name] = Held(d.name, shape, _FLOATS.get(d.dtype.str[1:], str(d.dtype)), axes, to)

    @cached_property
    def about(self) -> Mapping[str, About]:
        return {name: About(h.to, h.dtype) for name, h in self.held.items()}

    def raw(self, name: str) -> Array:
        h = self.held[name]
        with _sound(), self._file() as f:
            a: Array = np.asarray(f[h.path][()])
        return np.ascontiguousarray(a.transpose(h.axes).reshape(h.to))


@contextmanager
def _sound() -> Iterator[None]:
    """Whatever the library says of a damaged file, in many ways, is Damaged."""
    try:
        yield
    except (Foreign, Damaged):
        raise
    except (KeyError, ValueError, RuntimeError, OSError, AttributeError, TypeError, OverflowError, MemoryError) as e:
        raise Damaged(f"its HDF5 is damaged: {' '.join(str(e).split())}"[:200]) from None


def _rest(f: Any) -> bytes:
    f.seek(0)
    data: bytes = f.read()
    return data


def _unpacked(path: str | os.PathLike[str], name: str) -> bytes:
    with zipped.archive(path) as (z, _):
        about = z.NameToInfo[name]
        if about.file_size > PACKED * about.compress_size + 1_000_000:
            raise Damaged(f"{name} claims to be {about.file_size:,} bytes, packed into {about.compress_size:,}")
        return z.read(name)


def _hard(group: Any, name: str) -> bool:
    """Whether a name leads to something of this very file."""
    return type(group.get(name, getlink=True)).__name__ == "HardLink"


def _texts(v: Any) -> list[str]:
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in v]


def _by_layer(root: Any) -> Iterator[tuple[str, str, list[tuple[str, Any]]]]:
    """Layers as Keras 1 and 2 wrote them: lists of names, in the order of the model. One that is a model has layers inside."""
    for layer in _texts(root.attrs["layer_names"]):
        if layer not in root or not _hard(root, layer) or "weight_names" not in root[layer].attrs:
            continue
        inside: dict[str, list[tuple[str, Any]]] = {}
        for name in _texts(root[layer].attrs["weight_names"]):
            *path, last = name.split("/")
            here = root[layer]
            for part in (*path, last):
                if not hasattr(here, "keys") or part not in here or not _hard(here, part):
                    raise Damaged(f"it names weights {name!r}, and holds none")
                here = here[part]
            if hasattr(here, "keys"):
                raise Damaged(f"{name!r} is a group, not an array")
            own = [p for k, p in enumerate(path) if p not in path[:k]]
            holder = ".".join(own) if len(own) > 1 and own[-1] != layer else own[-1] if own else layer
            inside.setdefault(holder if layer in own or len(own) > 1 else layer, []).append((last.partition(":")[0], here))
        for holder, parts in inside.items():
            yield holder, "", parts


def _by_class(root: Any) -> Iterator[tuple[str, str, list[tuple[str, Any]]]]:
    """Layers as Keras 3 writes them: groups called by class and number, their arrays by number."""
    stack, seen = [("", root, 0)], 0
    while stack:
        path, group, deep = stack.pop()
        for name in group:
            seen += 1
            if seen > MANY or deep > DEEP:
                raise Damaged("it holds too many groups")
            if not _hard(group, name) or not hasattr(group[name], "keys") or name in ("optimizer", "optimizer_weights"):
                continue
            if name == "vars":
                arrays = [group[name][k] for k in sorted(group[name], key=_natural) if _hard(group[name], k)]
                roles = _numbered(path.rpartition(".")[2], len(arrays))
                if arrays and len(roles) == len(arrays):
                    yield path, _class(path), list(zip(roles, arrays))
            else:
                inner = path if name in ("layers", "_layer_checkpoint_dependencies") else f"{path}.{name}" if path else name
                stack.append((inner, group[name], deep + 1))


def _named(found: list[tuple[str, str, list[tuple[str, Any]]]]) -> list[tuple[str, str, list[tuple[str, Any]]]]:
    """Layers under the names that they had in the model, where newer files of Keras 3 say them beside the arrays."""
    names = [str(parts[0][1].parent.attrs.get("name", "")) for _, _, parts in found]
    if "" in names or len(set(names)) < len(names):
        return found
    return [(name, kind, parts) for name, (_, kind, parts) in zip(names, found)]


def _role(name: str) -> str:
    """What an array is, of which Keras counts those that have no name: variable, variable_1, ..."""
    return _ROLES.get(re.sub(r"^variable_\d+$", "variable", name.lower()), name)


def _inside(config: Any) -> list[Any]:
    """The layers of a model, or of one in it, as its configuration has them; none where it is no model."""
    layers = config.get("config", {}) if isinstance(config, dict) else []
    layers = layers.get("layers", []) if isinstance(layers, dict) else layers
    return [e for e in layers if isinstance(e, dict) and isinstance(e.get("config"), dict)] if isinstance(layers, list) else []


def _counted(config: list[Any], within: str = "", deep: int = 0) -> Iterator[tuple[str, str]]:
    """Every layer as files of Keras 3 count it, by class and number within its model, and its name."""
    seen: dict[str, int] = {}
    for e in config:
        word = _snake(str(e.get("class_name")))
        n = seen[word] = seen.get(word, -1) + 1
        path = f"{within}{word}_{n}" if n else f"{within}{word}"
        yield path, str(e["config"].get("name"))
        if deep < DEEP:
            yield from _counted(_inside(e), f"{path}.", deep + 1)


def _class(layer: str) -> str:
    return re.sub(r"_\d+$", "", layer.rpartition(".")[2])


def _numbered(layer: str, count: int) -> tuple[str, ...]:
    """What the arrays of a layer of Keras 3 are, which are only numbered."""
    kind = _class(layer)
    if "batch_normalization" in kind:
        return (("gamma", "beta", "moving_mean", "moving_variance"), ("beta", "moving_mean", "moving_variance"),
                ("moving_mean", "moving_variance"))[4 - count] if 2 <= count <= 4 else ()
    if "normalization" in kind:
        return ("gamma", "beta")[:count]
    if "separable" in kind:
        return ("depthwise_kernel", "pointwise_kernel", "bias")[:count]
    if kind in ("p_re_lu", "layer_scale"):
        return ("alpha" if kind == "p_re_lu" else "gamma",)[:count]
    return ("kernel", "bias")[:count] if "conv" in kind or kind == "dense" else tuple(str(k) for k in range(count))


def _deep(layer: str, kind: str, shape: tuple[int, ...], sizes: dict[str, tuple[int, ...]]) -> bool:
    """Whether a kernel is that of a depthwise convolution, whose axes are rows, columns, channels and filters of each."""
    if kind:
        return "depthwise" in kind
    bias = sizes.get("bias")
    return bool(re.search(r"depthwise|(^|_)dw(conv\d*)?(_|$)", layer)) or (bias is not None and shape[-1] == 1
                                                                 and bias == (shape[-2],) != (1,))


def _layout(role: str, shape: tuple[int, ...], deep: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes in our order, and our shape."""
    rank = len(shape)
    if role == "alpha":
        return tuple(range(rank)), (prod(shape),)
    if rank < 2 or not role.endswith("kernel"):
        return tuple(range(rank)), shape
    window = tuple(range(rank - 2))
    if deep:
        return (rank - 2, rank - 1, *window), (shape[-2] * shape[-1], 1, *shape[:-2])
    return (rank - 1, rank - 2, *window), (shape[-1], shape[-2], *shape[:-2])


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdecimal() and p.isascii() and len(p) < 18 else (-1, p) for p in re.split(r"(\d+)", name) if p]


def _snake(name: str) -> str:
    """What Keras calls a class in its files: Conv2D is conv2d, BatchNormalization batch_normalization."""
    name = re.sub(r"\W+", "", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
