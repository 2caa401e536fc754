"""Files that torch.save writes, `.pth`, `.pt` or `.bin`, since 2016: an archive, or before 1.6 pickles in a row.

Their pickle is interpreted by netspec's own reader of pickles, which runs nothing: it is given the words by which PyTorch writes
down tensors, storages and parameters. What else stands beside the weights (an optimiser's state, settings, a module with its
class) is opaque; of a module that was saved whole the parameters are taken, its class is never looked for.

Only the bytes of a tensor that is asked for are read. They are read, not mapped: a file that is cut while it is mapped ends the
process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ... import pickled
from ...limits import PATH
from ...pickled import NUMPY, Named, Opaque, Refused, Shell, Vocabulary
from ...reading import opened
from . import zipped
from .copies import Twice, alike, by_first, copies, no_part
from .source import About, Array, Damaged, Foreign, Source, sized

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of files before 1.6
_STORAGES = {"Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32", "Short": "I16",
             "Char": "I8", "Byte": "U8", "Bool": "BOOL", "ComplexFloat": "C64", "ComplexDouble": "C128", "Untyped": "U8"}
_DTYPES = {"float64": "F64", "double": "F64", "float32": "F32", "float": "F32", "float16": "F16", "half": "F16",
           "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
           "uint16": "U16", "uint32": "U32", "uint64": "U64", "complex64": "C64", "complex128": "C128",
           "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}
_NUMPY = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "u2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U8": "u1",
          "BOOL": "u1", "U16": "u2", "U32": "u4", "U64": "u8", "C64": "c8", "C128": "c16", "F8_E4M3": "u1", "F8_E5M2": "u1"}
HOLDERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module")
OTHERS = ("optim", "sched", "scaler", "rng", "ema", "swa", "loss", "callback", "loops", "hyper", "hparam", "arg", "config",
          "meta", "epoch", "step", "best")  # what a key of a checkpoint begins with that holds something else


class Storage(NamedTuple):
    """A row of numbers in the file, by the name it has there."""

    key: str
    dtype: str
    numbers: int
    shift: int = 0  # numbers of it that lie before the part that is meant


@dataclass(eq=False, frozen=True)
class Tensor:
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str

    @property
    def span(self) -> int:
        """From the first number it reads to behind the last."""
        return 0 if 0 in self.shape else 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides))


class PyTorch(Source):
    """The tensors of such a file, by the names they have in the model."""

    kind = "a file of PyTorch"
    ordered = True
    code = False  # whether it holds TorchScript

    def __init__(self, path: str | os.PathLike[str], part: str | None = None, all_of_it: bool = False) -> None:
        self.path = path
        with opened(path) as f:
            first = f.read(4)
        self.places: dict[str, zipped.Part] = {}
        try:
            whole = self._archive() if first[:2] == b"PK" else self._row()
        except Refused as e:
            raise Damaged(f"it is refused, and nothing in it was run: {e}") from None
        found, self.left = (dict(_found(whole)), ()) if all_of_it else chosen(whole, part)
        self.tensors: dict[str, Tensor | Array] = dict(found)
        if not self.tensors:
            raise Foreign("its weights were frozen into TorchScript's code: save it, or its state_dict, before torch.jit.freeze"
                          if self.code else "it is a file of PyTorch, and there are no tensors in it by name")

    def _archive(self) -> Any:
        with zipped.archive(self.path) as (z, f):
            pickles = [n for n in z.NameToInfo if n == "data.pkl" or n.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise Foreign("it is a zip archive, and none of PyTorch's")
            base = pickles[0].removesuffix("data.pkl")
            self.code = f"{base}constants.pkl" in z.NameToInfo
            if f"{base}byteorder" in z.NameToInfo:
                order = zipped.stored(z, f, f"{base}byteorder")
                if zipped.between(f, order.start, min(order.size, 10), "byteorder") != b"little":
                    raise Damaged("its numbers lie the other way round, as another kind of machine has them")
            here = zipped.stored(z, f, pickles[0])
            whole, _ = pickled.read(zipped.between(f, here.start, here.size, pickles[0]), self._words())
            for key in self._named:
                name = f"{base}data/{key}"
                if name not in z.NameToInfo:
                    raise Damaged(f"it names the storage {key[:40]!r}, and has none of the name")
                self.places[key] = zipped.stored(z, f, name)
        return whole

    def _row(self) -> Any:
        """The old form: a number that says so, a version, facts of the machine, what was saved, the names of the storages, and
        the storages, each behind its size."""
        with opened(self.path) as f:
            data = f.read()
            if data[:1] != b"\x80":
                raise Foreign("it is no file of PyTorch")
            magic, at = pickled.read(data, Vocabulary({}, opaque=True))
            if magic != MAGIC:
                raise Foreign("it is a pickle, and none of PyTorch's")
            version, at = pickled.read(data, Vocabulary({}), at)
            if version != PROTOCOL:
                raise Damaged(f"it is of version {str(version)[:20]}, and {PROTOCOL} is the one there is")
            machine, at = pickled.read(data, Vocabulary({}), at)
            if not isinstance(machine, dict) or machine.get("little_endian") is not True:
                raise Damaged("its numbers lie the other way round, as another kind of machine has them")
            whole, at = pickled.read(data, self._words(), at)
            keys, at = pickled.read(data, Vocabulary({}), at)
            if not isinstance(keys, list):
                raise Damaged("it names no storages")
            for key in map(_key, keys):
                count = int.from_bytes(data[at : at + 8], "little")
                size = count * np.dtype(_NUMPY[self._named[key].dtype]).itemsize if key in self._named else -1
                if size < 0 or at + 8 + size > len(data):
                    raise Damaged(f"the storage {key[:40]!r} is cut short, or nothing names it")
                self.places[key] = zipped.Part(at + 8, size)
                at += 8 + size
        if self._named.keys() - self.places.keys():
            raise Damaged("it names a storage that is not in it")
        return whole

    @cached_property
    def _named(self) -> dict[str, Storage]:
        """The storages that the pickle names."""
        return {}

    def _words(self) -> Vocabulary:
        return Vocabulary({**NUMPY, **WORDS}, self._storage, opaque=True)

    def _storage(self, sign: Any) -> Any:
        if isinstance(sign, tuple) and len(sign) == 4 and sign[0] == "module":  # a class, with its text
            return sign[1]
        if not isinstance(sign, tuple) or len(sign) not in (5, 6) or pickled.text(sign[0]) != "storage":
            raise Refused("it names what is no storage")
        kind, key, numbers = sign[1], _key(sign[2]), sign[4]
        dtype = _STORAGES.get(kind.name.removesuffix("Storage")) if isinstance(kind, Named) and kind.module.split(
            ".")[0] == "torch" else None
        if dtype is None or type(numbers) is not int or not 0 <= numbers < 1 << 48:
            raise Refused(f"a storage of {str(kind)[:60]}")
        found = Storage(key, dtype, numbers)
        if self._named.setdefault(key, found).dtype != dtype:
            raise Refused(f"the storage {key[:40]!r} is of two kinds")
        view = sign[5] if len(sign) == 6 else None
        if view is None:
            return found
        if not isinstance(view, tuple) or len(view) != 3 or not all(type(n) is int and 0 <= n <= numbers for n in view[1:]):
            raise Refused("a part of a storage that lies outside of it")
        return Storage(key, dtype, view[2], view[1])

    @cached_property
    def about(self) -> Mapping[str, About]:
        return {name: About(t.shape, t.dtype) if isinstance(t, Tensor) else About(t.shape, _dtype_of(t))
                for name, t in self.tensors.items()}

    def raw(self, name: str) -> Array:
        t = self.tensors[name]
        if not isinstance(t, Tensor):
            return t
        kind, place = np.dtype(_NUMPY[t.dtype]), self.places[t.storage.key]
        first = (t.storage.shift * np.dtype(_NUMPY[t.storage.dtype]).itemsize) + t.offset * kind.itemsize
        size = t.span * kind.itemsize
        if first + size > place.size:
            raise Damaged(f"{name} reads {first + size} bytes of a storage of {place.size}")
        with opened(self.path) as f:
            data = zipped.between(f, place.start + first, size, name)
        row = np.frombuffer(data, kind.newbyteorder("<"))
        if not row.size:
            return np.zeros(t.shape, kind)
        return np.lib.stride_tricks.as_strided(row, t.shape, [s * kind.itemsize for s in t.strides]).copy()


def _key(v: Any) -> str:
    """The name of a storage."""
    key = str(v) if type(v) is int else pickled.text(v)
    if not 0 < len(key) <= 100:
        raise Refused("a storage without a name")
    return key


def _dtype_of(a: Array) -> str:
    return next((k for k, v in _NUMPY.items() if np.dtype(v) == a.dtype and k != "BF16"), str(a.dtype))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any, dtype: str | None = None) -> Tensor:
    """A view, all of it inside its storage."""
    if not isinstance(storage, Storage):
        raise Refused("a tensor without a storage")
    try:
        sizes, steps = sized("a tensor", shape), sized("a tensor", strides)
    except Damaged as e:
        raise Refused(str(e)) from None
    if len(sizes) != len(steps) or type(offset) is not int or offset < 0:
        raise Refused("a tensor that begins before its storage, or has other steps than sizes")
    found = Tensor(storage, offset, sizes, steps, dtype or storage.dtype)
    room = storage.numbers * np.dtype(_NUMPY[storage.dtype]).itemsize
    if (found.offset + found.span) * np.dtype(_NUMPY[found.dtype]).itemsize > room:
        raise Refused("a tensor that reaches beyond its storage")
    return found


def _of_dtype(storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any) -> Any:
    """A view of bytes, as newer types of numbers are written."""
    known = _DTYPES.get(dtype.name) if isinstance(dtype, Named) and dtype.module == "torch" else None
    if known is None:
        return Opaque(str(dtype))
    return _tensor(storage, offset, shape, strides, dtype=known)


def _typed(make: Any, kind: Any, given: Any, *_: Any) -> Any:
    """A tensor with something tied to it."""
    act = WORDS.get(str(make)) if isinstance(make, Named) else None
    if act is None or act is _typed or not isinstance(given, tuple):
        return Opaque(str(kind))
    return act(*given)


def _ordered(items: Any = ()) -> dict[Any, Any]:
    pairs = [tuple(p) for p in items] if isinstance(items, list | tuple) else None
    if pairs is None or not all(len(p) == 2 and isinstance(p[0], str | bytes) for p in pairs):
        raise Refused("a dict of what are no pairs")
    return dict(pairs)


def _let_be(name: str) -> Callable[..., Any]:
    return lambda *given: Opaque(name, given)


def _same(data: Any, *_: Any) -> Any:
    return data


WORDS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor, "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _of_dtype,
    "torch._utils._rebuild_parameter": _same, "torch._utils._rebuild_parameter_with_state": _same,
    "torch.nn.parameter.Parameter": _same, "torch.nn.parameter.Buffer": _same,
    "torch._tensor._rebuild_from_type_v2": _typed, "torch._tensor._rebuild_from_type": _typed,
    **{f"torch.jit._pickle.{name}": _same for name in  # TorchScript's lists and dicts, which carry their type beside them
       ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag")},
    "torch.Size": lambda sizes=(): tuple(sizes) if isinstance(sizes, tuple | list) else Opaque("torch.Size"),
    "collections.OrderedDict": _ordered, "collections.defaultdict": lambda *_: {}, "collections.Counter": lambda *_: {},
    **{f"{module}.{name}": _let_be(name) for module in ("builtins", "__builtin__")
       for name in ("set", "frozenset", "slice", "complex", "bytearray", "range", "object")},
}


# ---------------------------------------------------------------- which of it are the weights
def chosen(whole: Any, part: str | None = None) -> tuple[dict[str, Tensor | Array], tuple[str, ...]]:
    """The tensors of a model by name, of all that was saved, and what else was. `part` is the key of what is meant, `a.b` one
    inside another.

    Errors: Twice where the weights of one model are there more than once, as trained and averaged, and no part says which;
    Foreign where there is no such part.
    """
    if part is not None:
        return dict(_found(_part(whole, part))), ()
    left: list[str] = []
    path = ""
    for _ in range(10):  # a checkpoint may hold a checkpoint
        if not isinstance(whole, dict):
            break
        names = {k: v for k, v in whole.items() if isinstance(k, str)}
        holder = next((k for k in HOLDERS if isinstance(names.get(k), dict | Opaque) and next(_found(names[k]), None)), None)
        if holder is None:
            break
        own = _shapes(names[holder])
        again = [k for k, v in names.items() if k != holder and isinstance(v, dict | Opaque) and alike(own, _shapes(v))]
        if again:
            raise Twice([path + k for k in (holder, *again)])
        left += [k for k in names if k != holder]
        whole, path = names[holder], f"{path}{holder}."
    if isinstance(whole, dict):
        others = [k for k, v in whole.items() if isinstance(k, str) and not isinstance(v, Tensor | Shell)
                  and k.lower().startswith(OTHERS)]
        kept = {k: v for k, v in whole.items() if k not in others}
        if next(_found(kept), None) is not None:
            left += others
            whole = kept
    found = dict(_found(whole))
    if twice := copies({k: tuple(t.shape) for k, t in found.items()}):
        raise Twice([path + k for k in twice])
    return found, tuple(left)


def _part(whole: Any, part: str) -> Any:
    """What stands under a key, or under keys inside each other."""
    there = dict(_items(whole))
    for k, v in there.items():
        if k == part:
            return v
        if part.startswith(f"{k}."):
            return _part(v, part.removeprefix(f"{k}."))
    below = {k.removeprefix(f"{part}."): v for k, v in there.items() if k.startswith(f"{part}.")}
    if below:
        return below
    known = [k for k, v in there.items() if isinstance(v, dict | Opaque) and next(_found(v), None)]
    known += list(by_first({k: v for k, v in there.items() if isinstance(v, Tensor) and "." in k}))
    raise no_part(part, known)


def _shapes(v: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a part, by their paths."""
    return {k: tuple(t.shape) for k, t in _found(v)}


def _found(whole: Any) -> Iterator[tuple[str, Tensor | Array]]:
    """Tensors by their paths, in order. What is there more than once is met once: a pickle may hold a thing a million times."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", whole)]
    while stack:
        path, v = stack.pop()
        v = v.array if isinstance(v, Shell) else v
        if isinstance(v, Tensor | np.ndarray):
            if path:
                yield path, v
            continue
        if not isinstance(v, dict | list | tuple | Opaque) or id(v) in seen:
            continue
        seen.add(id(v))
        stack += [(f"{path}.{k}" if path else k, e) for k, e in reversed(list(_items(v)))]
        if len(path) > PATH:
            raise Damaged("the name of a tensor in it is too long")


def _items(v: Any) -> Iterator[tuple[str, Any]]:
    """What lies in a container, by name. Of an object these are a module's parameters, buffers and modules."""
    if isinstance(v, Opaque):
        state = v.state if isinstance(v.state, dict) else {}
        if "_modules" in state or "_parameters" in state:
            for part in ("_parameters", "_buffers", "_modules"):
                yield from _items(state.get(part))
        elif v.of.startswith("__torch__."):  # of TorchScript
            yield from _items(state)
    elif isinstance(v, dict):
        for k, e in v.items():
            if isinstance(k, str | bytes | int) and len(str(k)) <= PATH:
                yield k.decode("latin-1") if isinstance(k, bytes) else str(k), e
    elif isinstance(v, list | tuple):
        yield from ((str(k), e) for k, e in enumerate(v))
