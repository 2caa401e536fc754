"""A judge for CUDA kernels on machines without a GPU: the kernel's own text is run for all blocks and threads at once, and what
a GPU would do wrong is found.

`launch(text, name, blocks, threads, args, names)` runs one kernel written in numba-cuda's dialect of Python. A uniform value (a
loop counter, a size) is a scalar; a varying one
is an array that broadcasts to (blocks, threads), so that what depends on the thread alone costs one row. Divergence is a mask,
None where every lane is active.
A finding is an AssertionError that names the kernel, the line, the block, the thread and the index; types that numba would widen
unasked are a TypeError; what is outside of the dialect is a SyntaxError, found before anything runs.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from simt_dialect import Kernel, parse
from simt_memory import Log, Memory
from simt_values import (
    BINARY,
    BITWISE,
    CASTS,
    CHUNK,
    COMPARE,
    FUNCTIONS,
    MEMORY_KINDS,
    SHARED_LIMIT,
    SHIFTS,
    TYPES,
    Grid,
    Mask,
    Value,
    cast,
    given,
    kind_of,
    plain,
    truth,
)


class Launch:
    def __init__(self, kernel: Kernel, grid: Grid, threads: int, args: tuple[Any, ...], names: dict[str, Any],
                 checks: bool) -> None:
        self.kernel, self.threads, self.checks = kernel, int(threads), checks
        self.width, self.height = (int(size) for size in (grid if isinstance(grid, tuple) else (grid, 1)))
        if min(self.width, self.height,
               threads) < 1 or threads > 1024 or self.height > 65535 or self.width * self.height * threads >= 1 << 31:
            raise ValueError(f"kernel {kernel.name}: no GPU takes {grid} blocks of {threads} threads")
        if len(args) != len(kernel.parameters):
            raise TypeError(f"kernel {kernel.name} takes {len(kernel.parameters)} arguments, not {len(args)}")
        self.line = 1
        self.globals: dict[str, Value] = {key: value if isinstance(value, type) else given(value) for key, value in names.items()}
        self.globals |= {"math.inf": np.float64(np.inf), "cuda.blockDim.x": self.threads, "cuda.gridDim.x": self.width,
                         "cuda.gridDim.y": self.height}
        self.narrow = self.globals["F"] is np.float32  # a float32 kernel, where a wider value is a slip
        self.device: dict[str, Memory] = {}
        self.scalars: dict[str, Value] = {}
        for name, value in zip(kernel.parameters, args):
            if not isinstance(value, np.ndarray):
                self.scalars[name] = given(value)
            elif value.ndim != 1 or not value.flags.c_contiguous or value.dtype.str[1:] not in MEMORY_KINDS:
                raise TypeError(f"kernel {kernel.name}: {name} is no contiguous 1-D array of numbers")
            else:
                self.device[name] = Memory(value, len(value))
        self._watch()
        self.arrays = {name: (space, int(self.globals.get(size, 0) if isinstance(size, str) else size), self.globals[type_])
                       for name, (space, size, type_) in kernel.arrays.items()}  # fmt: skip
        if any(size < 1 for _, size, _ in self.arrays.values()):
            raise SyntaxError(f"kernel {kernel.name}: an array's size is a constant from 1")
        held = {space: sum(size * np.dtype(type_).itemsize for where, size, type_ in self.arrays.values() if where == space)
                for space in ("shared", "local")}
        if held["shared"] > SHARED_LIMIT:
            raise AssertionError(f"kernel {kernel.name}: {held['shared']} bytes of shared memory, and a block has {SHARED_LIMIT}")
        self.step = max(1, CHUNK // max(threads, held["shared"] // 8, held["local"] * threads // 64))
        self.methods: dict[type[ast.AST], Callable[[Any], Any]] = {getattr(ast, name): getattr(self, name) for name in dir(self)
                                                                   if name[0].isupper()}

    def _watch(self) -> None:
        """Only an array that the kernel stores to can be raced for; arrays that overlap have one log."""
        end, base, group = 0, 0, list[str]()
        starts = sorted((memory.data.__array_interface__["data"][0], name) for name, memory in self.device.items() if memory.size)
        for start, name in [*starts, (1 << 64, "")]:
            if start >= end:
                if self.checks and self.kernel.stored.intersection(group):
                    log = Log((end - base) // self.device[group[0]].data.itemsize, False)
                    for member in group:
                        self.device[member].log = log
                base, group = start, []
            if name:
                memory = self.device[name]
                memory.offset, rest = divmod(start - base, memory.data.itemsize)
                if rest or (group and memory.data.itemsize != self.device[group[0]].data.itemsize):
                    raise TypeError(f"kernel {self.kernel.name}: {name} overlaps words of another width")
                end = max(end, start + memory.data.nbytes)
                group.append(name)

    def run(self) -> None:
        for first in range(0, self.width * self.height, self.step):
            self.chunk(first, min(self.step, self.width * self.height - first))

    def chunk(self, first: int, count: int) -> None:
        self.first, self.shape, self.lanes = first, (count, self.threads), count * self.threads
        blocks, threads = np.arange(first, first + count)[:, None], np.arange(self.threads)[None]
        row = blocks // self.width
        self.globals |= {"cuda.threadIdx.x": threads, "cuda.blockIdx.x": blocks - row * self.width, "cuda.blockIdx.y": row
                         if self.height > 1 else 0}
        self.globals["cuda.grid"] = self.globals["cuda.blockIdx.x"] * self.threads + threads
        self.env: dict[str, tuple[Value, Mask]] = {name: (value, None) for name, value in self.scalars.items()}
        self.kinds: dict[str, str] = {name: kind_of(value) for name, value in self.scalars.items()}
        self.mask: Mask = None
        self.masks: list[Mask] = []  # of the statements and expressions around: each within the one before
        self.outer: dict[str, tuple[Value, Mask] | None] | None = None  # what the names were that the branch has assigned
        self.turn: Value = 0  # barriers passed: a number, or one per block
        self.who: tuple[Mask, Any] | None = None
        self.memories = dict(self.device)
        for name, (space, size, type_) in self.arrays.items():
            data = np.full(size * (count if space == "shared" else self.lanes), np.nan if issubclass(type_, np.floating)
                           else -(1 << 31), type_)
            if space == "shared":
                self.memories[name] = Memory(data, size, (blocks - first) * size, log=Log(len(data), True) if self.checks
                                             else None)
            else:
                base = np.arange(self.lanes).reshape(self.shape)
                self.memories[name] = Memory(data, size, base, self.lanes, written=np.zeros(len(data), bool) if self.checks
                                             else None)
        self.block(self.kernel.body)

    # Findings

    def fail(self, what: str, lane: int, index: int | None = None, other: int = -1) -> NoReturn:
        def place(lane: int) -> str:
            block, thread = divmod(lane, self.threads)
            return f"block {(block % self.width, block // self.width) if self.height > 1 else block}, thread {thread}"

        at = "" if index is None else f", index {index}"
        raise AssertionError(f"{self.kernel.where(self.line)}: {what}: {place(lane)}{at}"
                             + (f"; the other is {place(other)}" if other >= 0 else ""))

    def fail_where(self, what: str, bad: Value, index: Value = None) -> NoReturn:
        at = int((np.broadcast_to(bad, self.shape) & (True if self.mask is None else self.mask)).argmax())
        self.fail(what, self.first * self.threads + at, None if index is None
                  else int(np.broadcast_to(index, self.shape).flat[at]))

    def refuse(self, why: str) -> NoReturn:
        raise TypeError(f"{self.kernel.where(self.line)}: {why}")

    def some(self, bad: Value) -> bool:
        return bool(np.any(bad if self.mask is None else bad & self.mask))

    def promote(self, *values: Value) -> str:
        kinds = {kind_of(value) for value in values}
        if len(kinds) > 1:
            if "f" in kinds and self.narrow:
                self.refuse(
                    f"float32 with {' and '.join(sorted(np.dtype(kind).name for kind in kinds - {'f'}))} is float64 in numba")
            if kinds & {"f", "d"}:
                return "d"
            if "L" in kinds:
                self.refuse("unsigned with signed integers are float64 in numba")
        return "l" if "?" in kinds else kinds.pop()

    # Statements

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.line = statement.lineno
            self.methods[type(statement)](statement)

    def under(self, mask: Mask, run: Callable[[Any], Value], node: Any) -> Value:
        before, self.mask = self.mask, mask
        self.masks.append(mask)
        result = run(node)
        self.masks.pop()
        self.mask = before
        return result

    def branch(self, mask: Mask, body: list[ast.stmt]) -> None:
        """Within a branch its lanes are all there are, so a name is simply bound anew; the other lanes get their values back at
        its end, in one go."""
        before, self.outer = self.outer, {}
        self.under(mask, self.block, body)
        saved, self.outer = self.outer, before
        for name, old in saved.items():
            value, defined = self.env[name]
            if old is not None:
                merged = old[0] if value is old[0] else np.where(mask, value, old[0])
                if old[1] is not None and old[1] is not defined and not any(old[1] is around for around in self.masks):
                    defined = old[1] | defined
                    self.env[name] = merged, defined if self.some(~defined) else self.mask
                else:
                    self.env[name] = merged, old[1]

    def assign(self, name: str, value: Value) -> None:
        if name in self.memories:
            self.refuse(f"{name} is an array")
        kind = kind_of(value)
        if self.kinds.setdefault(name, kind) != kind:
            self.refuse(f"{name} was {np.dtype(self.kinds[name]).name} and becomes {np.dtype(kind).name}")
        if self.outer is not None and name not in self.outer:
            self.outer[name] = self.env.get(name)
        self.env[name] = value, self.mask

    def Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name):
            self.assign(target.id, self.eval(node.value))
        elif isinstance(target, ast.Subscript):
            self.store(*self.element(target), self.eval(node.value))

    def AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.assign(node.target.id, self.arithmetic(type(node.op), self.Name(node.target), self.eval(node.value)))
        elif isinstance(node.target, ast.Subscript):
            memory, index = self.element(node.target)
            self.store(memory, index, self.arithmetic(type(node.op), self.load(memory, index), self.eval(node.value)))

    def Pass(self, node: ast.Pass) -> None:
        pass

    def Expr(self, node: ast.Expr) -> None:
        """A barrier: the lanes of a block come all or not at all."""
        if self.mask is None:
            self.turn = self.turn + 1
            return
        mask = np.broadcast_to(self.mask, self.shape)
        came = mask.any(1, keepdims=True)
        if self.checks and (apart := came & ~mask).any():
            self.fail("syncthreads() that not all threads of the block reach; one that does not", self.first * self.threads
                      + int(apart.argmax()))
        self.turn = self.turn + came.astype(np.int32)

    def If(self, node: ast.If) -> None:
        test = truth(self.eval(node.test))
        if not isinstance(test, np.ndarray):
            self.block(node.body if test else node.orelse)
            return
        yes, no = self.split(test)
        if yes is None or no is None:
            self.block(node.orelse if yes is None else node.body)
            return
        self.branch(yes, node.body)
        if node.orelse:
            self.branch(no, node.orelse)

    def split(self, test: Value) -> tuple[Mask, Mask]:
        """The active lanes where it holds and where it does not, None for no lane."""
        yes, no = (test, ~test) if self.mask is None else (test & self.mask, ~test & self.mask)
        return yes if yes.any() else None, no if no.any() else None

    def For(self, node: ast.For) -> None:
        assert isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name)
        bounds = [self.eval(bound) for bound in node.iter.args]
        if any(kind_of(bound) != "l" for bound in bounds):
            self.refuse("the bounds of a loop are integers")
        start, stop, step = (bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else 1) if len(bounds) > 1 else (0, bounds[0], 1)
        if self.some(np.equal(step, 0)):
            self.fail_where("a loop with step zero", np.equal(step, 0))
        if not any(isinstance(bound, np.ndarray) for bound in (start, stop, step)):
            for counter in range(start, stop, step):
                self.assign(node.target.id, counter)
                self.block(node.body)
            return
        counter, active = start, True
        while True:
            going = np.where(np.greater(step, 0), np.less(counter, stop), np.greater(counter, stop)) & active
            live, done = self.split(going)
            if live is None:
                return
            if done is None:
                self.assign(node.target.id, counter)
                self.block(node.body)
            else:
                active = live
                self.branch(live, [ast.copy_location(ast.Assign([node.target], ast.Constant(counter)), node), *node.body])
            counter = counter + step

    # Expressions

    def eval(self, node: ast.expr) -> Value:
        return self.methods[type(node)](node)

    def Constant(self, node: ast.Constant) -> Value:
        return node.value

    def Name(self, node: ast.Name) -> Value:
        bound = self.env.get(node.id)
        if bound is not None:
            value, defined = bound
            if defined is not None and defined is not self.mask and not any(defined is mask
                                                                            for mask in self.masks) and self.some(~defined):
                self.fail_where(f"{node.id} is read before it is assigned", ~defined)
            return value
        if node.id in self.kernel.assigned and node.id not in self.memories:
            self.fail_where(f"{node.id} is read before it is assigned", True)
        value = self.globals.get(node.id)
        if value is None or isinstance(value, type) or node.id in self.memories:
            self.refuse(f"{node.id} is no value")
        return value

    def BinOp(self, node: ast.BinOp) -> Value:
        return self.arithmetic(type(node.op), self.eval(node.left), self.eval(node.right))

    def arithmetic(self, op: type[ast.AST], a: Value, b: Value) -> Value:
        if op in BITWISE and kind_of(a) == kind_of(b) == "?":
            return plain(BINARY[op](a, b))
        if op in SHIFTS:
            if self.some((b < 0) | (b > 63)):
                self.fail_where("a shift by less than 0 or more than 63", (b < 0) | (b > 63), b)
            b = cast(b, "L") if kind_of(a) == "L" else b
        kind = self.promote(a, b)
        if op in BITWISE + SHIFTS and kind in "fd":
            self.refuse("bits of a float")
        kind = "d" if op is ast.Div and kind in "lL" else kind
        a, b = cast(a, kind), cast(b, kind)
        if kind in "lL" and op in (ast.FloorDiv, ast.Mod):
            zero = np.equal(b, 0)
            if self.some(zero):
                self.fail_where("an integer divided by zero", zero)
            if isinstance(b, np.ndarray):
                b = np.where(zero, 1, b) if zero.any() else b
            elif op is ast.Mod and isinstance(a, np.ndarray):
                return a - a // b * b  # NumPy divides fast by one number, but finds no remainder fast
        return plain(BINARY[op](a, b))

    def UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.eval(node.operand)
        if isinstance(node.op, ast.Not):
            return np.logical_not(truth(value)) if isinstance(value, np.ndarray) else not value
        return plain(operator.neg(cast(value, self.promote(value))))

    def further(self, result: Value, node: ast.expr, opens: bool, then: Callable[[Value], Value]) -> Value:
        """`and`, `or` and chains: the rest is evaluated where the result so far is `opens`, and only there."""
        if not isinstance(result, np.ndarray):
            return then(self.eval(node)) if result is opens else result
        still, _ = self.split(result if opens else ~result)
        if still is None:
            return result
        rest = then(self.under(still, self.eval, node))
        return result & rest if opens else result | rest

    def BoolOp(self, node: ast.BoolOp) -> Value:
        result = truth(self.eval(node.values[0]))
        for value in node.values[1:]:
            result = self.further(result, value, isinstance(node.op, ast.And), truth)
        return result

    def Compare(self, node: ast.Compare) -> Value:
        left, result = self.eval(node.left), True
        for op, right in zip(node.ops, node.comparators):

            def compare(value: Value, op: ast.cmpop = op) -> Value:
                nonlocal left
                kind = self.promote(left, value)
                before, left = left, value
                return plain(COMPARE[type(op)](cast(before, kind), cast(value, kind)))

            result = self.further(result, right, True, compare)
        return result

    def IfExp(self, node: ast.IfExp) -> Value:
        test = truth(self.eval(node.test))
        if not isinstance(test, np.ndarray):
            return self.eval(node.body if test else node.orelse)
        yes, no = self.split(test)
        if yes is None or no is None:
            return self.eval(node.orelse if yes is None else node.body)
        a, b = self.under(yes, self.eval, node.body), self.under(no, self.eval, node.orelse)
        kind = kind_of(a) if kind_of(a) == kind_of(b) else self.promote(a, b)
        return np.where(test, cast(a, kind), cast(b, kind))

    def Call(self, node: ast.Call) -> Value:
        assert isinstance(node.func, ast.Name)
        called, values = node.func.id, [self.eval(argument) for argument in node.args]
        if called in CASTS:
            return self.convert(values[0], self.globals[called])
        kind = self.promote(*values)
        kind = "d" if called[:3] not in ("min", "max", "abs") and kind in "lL" else kind
        return plain(FUNCTIONS[called][1](*(cast(value, kind) for value in values)))

    def convert(self, value: Value, type_: type[np.number[Any]]) -> Value:
        whole = issubclass(type_, np.integer)
        if whole and kind_of(value) in "fd":
            limit = 2.0 ** (np.dtype(type_).itemsize * 8 - 1)
            wild = ~((value > -limit - 1) & (value < limit))  # a nan as well
            if self.some(wild):
                self.fail_where(f"a float that {type_.__name__} does not hold", wild)
        narrowed = np.asarray(value).astype(type_, copy=False)
        return plain((narrowed.astype(np.int64, copy=False) if whole else narrowed)[()])

    def Subscript(self, node: ast.Subscript) -> Value:
        return self.load(*self.element(node))

    # Memory

    def element(self, node: ast.Subscript) -> tuple[Memory, Value]:
        assert isinstance(node.value, ast.Name)
        memory, index = self.memories.get(node.value.id), self.eval(node.slice)
        if memory is None:
            self.refuse(f"{node.value.id} is no array")
        if kind_of(index) != "l":
            self.refuse("an index is a signed integer")
        return memory, index

    def within(self, memory: Memory, index: Value, what: str) -> Value:
        """The index, 0 on lanes that are not active."""
        if isinstance(index, np.ndarray):
            index = index if self.mask is None else np.where(self.mask, index, 0)
            if index.view(np.uint64).max() < memory.size:  # a negative one is huge
                return index
        elif 0 <= index < memory.size:
            return index
        return self.fail_where(f"{what} out of bounds, of {memory.size} words",
                               np.less(index, 0) | np.greater_equal(index, memory.size), index)

    def flat(self, value: Value) -> Value:
        """The active lanes' values, one after the other."""
        full = np.broadcast_to(value, self.shape)
        return full.reshape(-1) if self.mask is None else full[np.broadcast_to(self.mask, self.shape)]

    def note(self, memory: Memory, note: Callable[..., tuple[str, int, int] | None], words: Value) -> None:
        if self.who is None or self.who[0] is not self.mask:
            lanes = self.flat(np.arange(1 + self.first * self.threads, 1 + self.first * self.threads + self.lanes,
                                        dtype=np.int32).reshape(self.shape))
            self.who = self.mask, (lanes,
                                   self.flat(np.arange(1 + self.first, 1 + self.first + self.shape[0], dtype=np.int32)[:, None]))
        lanes, blocks = self.who[1]
        # The first block of a chunk is no concern of shared memory, whose log is the chunk's own, but its lanes are named alike.
        found = note(words, lanes, blocks, self.flat(self.turn) if isinstance(self.turn, np.ndarray) else self.turn, self.threads)
        if found:
            self.fail(found[0], int(lanes[found[1]]) - 1, (int(words[found[1]]) - memory.offset) % memory.size, found[2])

    def load(self, memory: Memory, index: Value) -> Value:
        index = self.within(memory, index, "load")
        if memory.stride > 1 and isinstance(index, int):  # a local array's words at one index lie together
            row = slice(index * memory.stride, (index + 1) * memory.stride)
            if memory.written is not None and self.some(missing := ~memory.written[row].reshape(self.shape)):
                self.fail_where("read a word that was never written", missing, index)
            value = memory.data[row].reshape(self.shape).copy()
        else:
            words = index * memory.stride + memory.base
            if memory.written is not None and self.some(missing := ~memory.written[words]):
                self.fail_where("read a word that was never written", missing, index)
            if memory.log is not None:
                self.note(memory, memory.log.read, self.flat(words + memory.offset))
            value = memory.data[words]
        return plain(value) if memory.kind in "?fd" else plain(value.astype(TYPES[memory.kind], copy=False))

    def store(self, memory: Memory, index: Value, value: Value) -> None:
        kind, into = kind_of(value), memory.kind
        if kind != into and (kind, into) != ("?", "l") and (self.narrow or into not in "fd" or kind == "L"):
            self.refuse(f"{np.dtype(kind).name} is stored to {memory.data.dtype.name}")
        index = self.within(memory, index, "store")
        if memory.stride > 1 and isinstance(index, int) and self.mask is None:
            row = slice(index * memory.stride, (index + 1) * memory.stride)
            memory.data[row].reshape(self.shape)[...] = value
            if memory.written is not None:
                memory.written[row] = True
            return
        words = self.flat(index * memory.stride + memory.base)
        if memory.log is not None:
            self.note(memory, memory.log.write, words + memory.offset)
        if memory.written is not None:
            memory.written[words] = True
        memory.data[words] = self.flat(value).astype(memory.data.dtype,
                                                     copy=False) if isinstance(value,
                                                                               np.ndarray) else np.asarray(
                                                                                   value).astype(memory.data.dtype)


def launch(text: str, name: str, blocks: Grid, threads: int, args: tuple[Any, ...], names: dict[str, Any] | None = None, *,
           checks: bool = True) -> None:
    """Runs the kernel `name` of the text over (blocks, threads), and raises at the first thing that a GPU would do wrong."""
    known = {"float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": np.int64, "uint64": np.uint64,
             "F": np.float32} | (names or {})
    with np.errstate(all="ignore"):
        Launch(parse(text, name), blocks, threads, args, known, checks).run()
