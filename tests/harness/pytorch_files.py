"""Files as torch.save writes them, put together order by order, so that right ones need no PyTorch and wrong ones can be made."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

STORAGES = {"f8": "Double", "f4": "Float", "f2": "Half", "u2": "BFloat16", "i8": "Long", "u1": "Byte"}


class Orders(bytes):
    """What stands in a pickle as it is."""


class View:
    """A tensor: a view of a row of numbers."""

    def __init__(self, row: Any, offset: int, shape: tuple[Any, ...], strides: tuple[Any, ...], parameter: bool = False):
        self.row, self.offset, self.shape, self.strides, self.parameter = row, offset, shape, strides, parameter


def tensor(a: Any) -> View:
    """A tensor of its own."""
    a = np.ascontiguousarray(a)
    return View(a.ravel(), 0, a.shape, tuple(s // a.itemsize for s in a.strides))


class Pickled:
    """The orders of a value, and the rows that its tensors are views of."""

    def __init__(self, value: Any):
        self.rows: list[Any] = []
        self.data = b"\x80\x02" + self.orders(value) + b"."

    def key(self, row: Any) -> str:
        where = next((k for k, r in enumerate(self.rows) if r is row), None)
        if where is None:
            self.rows.append(row)
        return str(len(self.rows) - 1 if where is None else where)

    def orders(self, v: Any) -> bytes:
        if isinstance(v, Orders):
            return bytes(v)
        if isinstance(v, View):
            kind = STORAGES[v.row.dtype.str[1:]]
            sign = ("storage", Orders(f"ctorch\n{kind}Storage\n".encode()), self.key(v.row), "cpu", len(v.row))
            made = b"ctorch._utils\n_rebuild_tensor_v2\n" + self.orders(
                (Orders(self.orders(sign) + b"Q"), v.offset, v.shape, v.strides, False,
                 Orders(b"ccollections\nOrderedDict\n)R"))) + b"R"
            return b"ctorch._utils\n_rebuild_parameter\n" + self.orders((Orders(made), True, {})) + b"R" if v.parameter else made
        if isinstance(v, Mapping):
            return b"ccollections\nOrderedDict\n)R(" + b"".join(self.orders(x) for kv in v.items() for x in kv) + b"u"
        if isinstance(v, tuple | list):
            return b"(" + b"".join(map(self.orders, v)) + (b"t" if isinstance(v, tuple) else b"l")
        return pickle.dumps(v, 2)[2:-1]


def archive(value: Any, name: str = "archive", **parts: bytes) -> bytes:
    """A file of PyTorch since 1.6. `parts` replaces or adds parts by name, those of storages by `data_0`."""
    p, out = Pickled(value), io.BytesIO()
    held = {"data.pkl": p.data, "byteorder": b"little", **{f"data/{k}": r.tobytes() for k, r in enumerate(p.rows)},
            "version": b"3\n"}
    held |= {k.replace("data_", "data/"): v for k, v in parts.items()}
    with zipfile.ZipFile(out, "w") as z:
        for k, v in held.items():
            z.writestr(f"{name}/{k}", v)
    return out.getvalue()


def row(value: Any) -> bytes:
    """A file of PyTorch before 1.6."""
    p = Pickled(value)
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2}}]
    keys = [str(k) for k in range(len(p.rows))]
    return b"".join(pickle.dumps(h, 2) for h in head) + p.data + pickle.dumps(keys, 2) + b"".join(
        struct.pack("<q", len(r)) + r.tobytes() for r in p.rows)


def lay(data: bytes, path: Path) -> Path:
    path.write_bytes(data)
    return path
