"""The machine an emitted module speaks to: each call of the module appends rows to a table.

Addresses are known here: `values` says where each value lies within the spaces, and a number of samples makes offsets
of them. A new number of samples makes new rows and compiles nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....ir.layout import Image, Layout, Outside
from ..contract import rows as contract_rows
from ..contract.calls import Call, Kernel
from ..contract.table import PACKAGE
from ..emit.move_table import Move
from ..llvm.cache import Compiled, kernel, load_module
from ..row import (
    BLOCKS,
    CHANNELS,
    CHUNK,
    CLEARER,
    EDGE_COUNT,
    EDGES,
    IMAGES,
    M_TABLE,
    NUMBERS,
    OPERAND,
    OPERANDS,
    SCRATCH_BYTES,
    SIZES,
)
from .table import Machine

CALLS: dict[str, type[Call]] = {c.method: c for c in Call.__subclasses__()}

KERNEL_MODULE = '''"""{name}"""
from math import inf

from numba import float32, float64

from {package}.llvm.cache import kernel
from {package}.llvm.lanes import *
from {package}.llvm.vec import clear

load, splat, uniform = lanes_of("{dtype}", {lanes}).load, lanes_of("{dtype}", {lanes}).splat, lanes_of("{dtype}", {lanes}).uniform
gather, every, pick = lanes_of("{dtype}", {lanes}).gather, lanes_of("{dtype}", {lanes}).every, lanes_of("{dtype}", {lanes}).pick
numbers = lanes_of("int32", {lanes}).load
splat64, load64 = lanes_of("float64", {lanes}).splat, lanes_of("float64", {lanes}).load
get, put, number = get_{short}, put_{short}, {dtype}

'''

EDGE_MODULE = '''"""Clear the halo of one plane."""
from {package}.llvm.cache import DRIVER, compiled
from {package}.contract.drivers import clear_edge


@compiled(DRIVER, loops=False)
def edge(edge, image, block):
    clear_edge(edge, image, block)
    return 0
'''


@cache
def emitted_kernel(name: str, text: str, dtype: str, lanes: int) -> Any:
    """A kernel of a step of any kind but a contraction, from its text."""
    return getattr(load_module(f"{_vocabulary(name, dtype, lanes)}\n@kernel\n{text}", name), name)


@cache
def written_kernel(function: FunctionType, dtype: str, lanes: int) -> Any:
    """The same kernel from the function itself, as a module that stands alone has it: its code, among the names that
    kernels are written in."""
    code = function.__code__
    key = repr((code.co_code, code.co_consts, code.co_names, code.co_varnames))
    module = load_module(f"{_vocabulary(code.co_name, dtype, lanes)}\n# {key}\n", code.co_name)
    return module.__dict__.setdefault(code.co_name, kernel(FunctionType(code, module.__dict__, code.co_name)))


def _vocabulary(name: str, dtype: str, lanes: int) -> str:
    return KERNEL_MODULE.format(package=PACKAGE, name=name, dtype=dtype, lanes=lanes,
                                short={"float32": "f32", "float64": "f64"}[dtype])


@cache
def edge_clearer() -> Compiled:
    made: Compiled = load_module(EDGE_MODULE.format(package=PACKAGE), "edge").edge
    return made


class Recorder(Machine):
    """Appends the rows of each call. `workspace` gives the byte of each named workspace in its space, `kernels` the text
    of each emitted kernel, or the function. What depends on weights alone, that is `prepared` values and the workspaces that
    are named while it is `preparing`, lies in the spaces `kept vectors` and `kept workspace`, which others may share."""

    def __init__(self, samples: int, spaces: Mapping[str, Any], values: Mapping[str, Layout],
                 kernels: Mapping[str, str | FunctionType],
                 workspace: Mapping[str, int], dtype: str, lanes: int, prepared: Collection[str] = ()):
        super().__init__(samples, spaces)
        self.preparing, self.kept = False, set(prepared)
        self.given: dict[str, NDArray[np.int64]] = {}  # the word that says where an array lies which comes from outside
        self.values, self.kernels, self.workspace = values, kernels, workspace
        self.dtype, self.lanes = dtype, lanes
        self.item = 8 if dtype == "float64" else 4
        self.numbers = self.data(np.arange(lanes, dtype=dtype))

    def resolve(self, name: str) -> tuple[int, Layout | None]:
        """The address of a value's first byte (halo included), and its layout."""
        layout = self.values.get(name)
        if layout is None:
            if self.preparing:
                self.kept.add(name)
            return self.spaces["kept workspace" if name in self.kept else "workspace"] + self.workspace[name], None
        if isinstance(layout, Image):
            return self.spaces["arena"] + self.samples * layout.at + layout.plus, layout
        if isinstance(layout, Outside):
            return 0, layout
        if self.preparing and layout.space == "vectors":
            self.kept.add(name)
        return self.spaces[f"kept {layout.space}" if name in self.kept
                           else layout.space] + layout.at * (8 if layout.space == "scalars" else self.item), layout

    def __getattr__(self, method: str) -> Any:
        """What a line of an emitted module calls: `m.gather(...)`, `m.kernel(...)`."""
        if method not in CALLS:
            raise AttributeError(method)
        return lambda **arguments: self.do(CALLS[method](**arguments))

    def do(self, call: Call) -> None:
        """Append the rows of one call."""
        if isinstance(call, Kernel):
            self._kernel(call)
            return
        if isinstance(call, Move):
            self._move(call)
            return
        out = contract_rows.rows(call, self.samples, self.resolve)
        self.keep += out.keep
        for words in out.rows:
            self.scratch_bytes = max(self.scratch_bytes, int(words[SCRATCH_BYTES]))
            self.rows.append(words)
            self.notes.append(call.name)

    def _driver(self, kernel: str) -> Any:
        how = self.kernels[kernel]
        return emitted_kernel(kernel, how, self.dtype, self.lanes) if isinstance(how,
                                                                                 str) else written_kernel(how, self.dtype,
                                                                                         self.lanes)

    def _move(self, call: Move) -> None:
        (x, there), (y, here) = self.resolve(call.operand), self.resolve(call.name)
        assert isinstance(there, Image) and isinstance(here, Image)
        words, table, items = call.words((x, there), (y, here), self.samples, self.lanes)
        self.row(self._driver(call.kernel), items, words | {M_TABLE: self.data(table)}, call.scratch, call.name)

    def _kernel(self, call: Kernel) -> None:
        driver = self._driver(call.kernel)
        kind = call.kernel.split("_")[0]
        operands: list[tuple[int, ...]] = []
        for k, v in enumerate(call.operands):
            address, layout = self.resolve(v)
            if isinstance(layout, Outside):
                operands.append((address, layout.image, 0, 0, 0))
            elif isinstance(layout, Image):
                last = (layout.pixel, layout.extents[2]) if kind == "channel" else (layout.plane, layout.row)
                start = layout.origin - layout.plus + (call.shifts[k] * layout.block if call.shifts else 0)
                operands.append((address + start, layout.image, layout.block, *last))
            else:
                operands.append((address, 0, 0, 0, 0))
        images = self.samples * call.images
        blocks = call.pieces if kind in ("places", "feed") else -(-call.channels // self.lanes)
        records = np.array(operands or [(0,) * OPERAND], np.int64)
        self.given |= {v: records[k] for k, v in enumerate(call.operands) if isinstance(self.values.get(v), Outside)}
        words = {OPERANDS: self.data(records), IMAGES: images, BLOCKS: blocks,
                 CHUNK: call.chunk, CHANNELS: call.channels, NUMBERS: self.numbers}
        words |= {SIZES + k: size for k, size in enumerate(call.sizes)}
        if call.outputs:
            edges: list[tuple[int, ...]] = []
            for v in call.outputs:
                address, layout = self.resolve(v)
                assert isinstance(layout, Image)
                edges.append((address, layout.image, layout.block, layout.plane, layout.row, layout.pixel, *layout.extents,
                              *layout.halo))
            words |= {CLEARER: edge_clearer().address, EDGES: self.data(np.array(edges, np.int64)), EDGE_COUNT: len(call.outputs)}
        if kind in ("feed", "lanes", "places", "pairs"):
            items = -(-images // call.chunk) * blocks
        elif kind in ("channel", "filters"):
            items = blocks
        elif kind == "flat":
            words[IMAGES] = call.channels
            items = -(-call.channels // call.chunk)
        else:
            items = images if call.chunk else 1
        self.row(driver, items, words, call.scratch, call.name)
