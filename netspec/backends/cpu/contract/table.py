"""What every kind of call needs to become table rows: kernels by address, addresses and strides of operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np

from ....ir.layout import Image, Layout
from ..llvm.cache import Compiled, load_module
from ..row import EDGE
from . import drivers as D
from .calls import Call

ROW = 128
KERNEL = 1  # the opcode: run a driver over items
PACKAGE = __name__.rsplit(".", 2)[0]  # a module that stands alone carries this package under another name

Resolve = Callable[[str], tuple[int, Layout | None]]  # name -> address of the view (image 0, its halo included), and its layout
Words = np.ndarray


@dataclass
class Rows:
    """Table rows of one call, and the tables they point at, which must live as long."""

    rows: list[Words] = field(default_factory=list)
    keep: list[Words] = field(default_factory=list)

    def table(self, values: Any, kind: Any = np.int64) -> int:
        """The address of a constant table; an array of this kind is one as it is."""
        a = np.ascontiguousarray(values, kind)
        self.keep.append(a)
        return int(a.__array_interface__["data"][0])


# ---- kernels by address -------------------------------------------------------------------------------------------------
KERNEL_TEXT = '''"""A micro-kernel of contractions."""
from {package}.llvm.cache import emitted
from {package}.{module} import {function}

kernel_{function} = emitted("kernel_{function}", __name__, {count}, {function}({arguments}))
'''
DRIVER_TEXT = '''"""A driver of contractions."""
from {package}.llvm.cache import DRIVER, compiled
from {package}.{module} import {function}


@compiled(DRIVER, loops=False)
def drive_{function}(row, item, scratch):
    return {function}(row, item, scratch)
'''


@cache
def compiled_kernel(function: str, count: int, *arguments: Any, module: str = "contract.kernels") -> Compiled:
    """A micro-kernel of `count` words: compiled alone as a C function, so that no caller recompiles it."""
    text = KERNEL_TEXT.format(package=PACKAGE, module=module, function=function, count=count,
                              arguments=", ".join(map(repr, arguments)))
    made: Compiled = getattr(load_module(text, function), f"kernel_{function}")
    return made


def kernel(function: str, count: int, *arguments: Any, module: str = "contract.kernels") -> int:
    """The address of a micro-kernel."""
    return compiled_kernel(function, count, *arguments, module=module).address


@cache
def compiled_driver(function: str, module: str = "contract.drivers") -> Compiled:
    """A driver, by its name."""
    made: Compiled = getattr(load_module(DRIVER_TEXT.format(package=PACKAGE, module=module, function=function), function),
                             f"drive_{function}")
    return made


def driver(function: str, module: str = "contract.drivers") -> int:
    """The address of a driver."""
    return compiled_driver(function, module).address


# ---- rows ---------------------------------------------------------------------------------------------------------------
def new_row(out: Rows, call: Call, N: int, items: int, driver_address: int) -> Words:
    row = np.zeros(ROW, np.int64)
    row[0], row[2], row[3], row[4], row[6] = KERNEL, items, driver_address, N, call.scratch
    out.rows.append(row)
    return row


def place(resolve: Resolve, name: str) -> tuple[int, Image]:
    """Address of place (0, 0, 0) of image 0, block 0."""
    address, layout = resolve(name)
    assert isinstance(layout, Image), f"{name} is no image"
    return address + layout.origin - layout.plus, layout


def edges(out: Rows, resolve: Resolve, names: tuple[str, ...]) -> int:
    """Records of the halos that the writer of these images clears."""
    table = np.zeros((max(1, len(names)), EDGE), np.int64)
    for k, name in enumerate(names):
        address, v = resolve(name)
        assert isinstance(v, Image)
        table[k] = (address, v.image, v.block, v.plane, v.row, v.pixel, *v.extents, *v.halo)
    return out.table(table)


@lru_cache(maxsize=256)
def lane_masks(channels: int, lanes: int, item: int) -> Words:
    """Two vectors of integers: every lane, and the real lanes of the last block."""
    mask = np.full((2, lanes), -1, np.int64 if item == 8 else np.int32)
    mask[1, channels - (channels - 1) // lanes * lanes:] = 0
    return mask


def operand_words(row: Words, operands: list[tuple[int, Image]], outputs: int) -> list[tuple[int, int, int]]:
    """Outputs and extra operands of a gather. Returns their strides per plane, row and pixel: none along an axis where
    an extra operand has one place, which is then read at every place."""
    strides = []
    for k, (address, v) in enumerate(operands):
        d, h, w = (s if e > 1 or k < outputs else 0 for s, e in zip((v.plane, v.row, v.pixel), v.extents))
        at = D.G_OPERANDS + D.G_OPERAND * k
        row[at:at + D.G_OPERAND] = address, v.image, v.block, d, h, w
        strides.append((d, h, w))
    row[D.G_OPERAND_COUNT], row[D.G_OUTPUTS] = len(operands), outputs
    return strides


def vector_words(row: Words, resolve: Resolve, vectors: tuple[str, ...]) -> None:
    row[D.G_VECTOR_COUNT] = len(vectors)
    for k, name in enumerate(vectors):
        row[D.G_VECTORS + k] = resolve(name)[0]


def sum_words(row: Words, resolve: Resolve, sums: tuple[str, ...]) -> None:
    if sums:
        address, s = resolve(sums[0])
        assert isinstance(s, Image), f"{sums[0]} is no image"
        row[D.G_SUM_COUNT], row[D.G_SUMS] = len(sums), address
        row[D.G_SUM_IMAGE], row[D.G_SUM_BLOCK], row[D.G_SUM_PART] = s.image, s.block, s.pixel
