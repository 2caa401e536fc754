"""From functions to machine code: what Numba has lowered to LLVM's IR (translation.py) becomes one module with all that it
calls, is optimised once, and an object file that is loaded by address.

Numba would compile each called function on its own before it is compiled into its caller. A micro-kernel that is LLVM's
IR from the first (`vec.E`) goes past Numba altogether.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as remember
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import codegen, sigutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .translation import lower

Function = Callable[..., Any]
Value = Any  # an llvmlite value; the library has no types
_base: Any = codegen.CPUCodeLibrary
_normal: Any = sigutils.normalize_signature
_intrinsic: Any = intrinsic
_locked: Any = global_compiler_lock
_target: Any = cpu_target


class Library(_base):  # type: ignore[misc]
    """One function with all it calls, from its IR to an object file. Only `symbol` is seen from outside. `loops`: it has
    some that gain by being unrolled or vectorised; the other code says itself what it wants of either."""

    def __init__(self, symbol: str, loops: bool) -> None:
        super().__init__(_target.target_context.codegen(), symbol)
        self.symbol, self.loops = symbol, loops
        self.parts: dict[Library, None] = {}  # in the order of their use

    def use(self, part: Library) -> None:
        """A part, and what it uses in turn, are compiled with this."""
        self.parts |= {part: None, **part.parts}

    def finalize(self) -> None:
        for part in self.parts:
            self._final_module.link_in(part._final_module, preserve=True)
            for library in part._linking_libraries:
                self.add_linking_library(library)
        super().finalize()

    def enter(self, kind: Any, body: Callable[[Any, list[Value]], Value]) -> None:
        """The C function `symbol`."""
        module = self.create_ir_module(self.symbol)
        function = ir.Function(module, kind, self.symbol)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        builder.ret(body(builder, list(function.args)))
        self.add_ir_module(module)

    def _optimize_functions(self, module: Any) -> None:
        """All is optimised together, later."""
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        module = self._final_module
        for f in module.functions:
            if not f.is_declaration and f.name != self.symbol:
                f.linkage = "internal"
        if not hasattr(llvm, "create_pass_builder"):
            super()._optimize_final_module()
            return
        options: Any = llvm.create_pipeline_tuning_options(speed_level=3 if self.loops else 2)
        options.loop_vectorization, options.loop_unrolling, options.slp_vectorization = self.loops, self.loops, False
        builder: Any = llvm.create_pass_builder(self._codegen._tm, options)
        builder.getModulePassManager().run(module, builder)

    def _finalize_final_module(self) -> None:
        """It is not Numba that loads it."""
        self._finalize_dynamic_globals()
        self._finalized = True

    @property
    def lasting(self) -> bool:
        """Whether the code means the same in another process."""
        self._ensure_finalized()
        return not self._dynamic_globals

    @_locked  # type: ignore[untyped-decorator]
    def object(self) -> bytes:
        self._ensure_finalized()
        return bytes(self._codegen._tm.emit_object(self._final_module))

    @_locked  # type: ignore[untyped-decorator]
    def assembly(self) -> str:
        self._ensure_finalized()
        return str(self._codegen._tm.emit_assembly(self._final_module))


@_locked  # type: ignore[untyped-decorator]
def translated(function: Function, signature: str, symbol: str, loops: bool) -> Library:
    """The library of a function in Python."""
    library = Library(symbol, loops)
    context, wanted = _target.target_context, _normal(signature)
    found = lower(function, wanted[1](*wanted[0]), library)
    kind = ir.FunctionType(context.get_value_type(found.restype), [context.get_value_type(t) for t in found.argtypes])

    def body(builder: Any, args: list[Value]) -> Value:
        callee = context.declare_function(builder.module, found)
        return context.call_conv.call_function(builder, callee, found.restype, found.argtypes, args)[1]

    with context.push_code_library(library):
        library.enter(kind, body)
    return library


@_locked  # type: ignore[untyped-decorator]
def emitted(emit: Callable[[Any, list[Value]], Any], count: int, symbol: str) -> Library:
    """The library of a function of `count` int64 that emits its own body and returns 0."""
    library, word = Library(symbol, loops=False), ir.IntType(64)

    def body(builder: Any, args: list[Value]) -> Value:
        out = emit(builder, args)
        return ir.Constant(word, 0) if out is None else out

    library.enter(ir.FunctionType(word, [word] * count), body)
    return library


def inlined(function: Function) -> Any:
    """A function of int64 that others call as a part of theirs: it is compiled with them, not on its own. Without a
    result it is annotated `-> None`."""
    count = function.__code__.co_argcount
    names = ", ".join(function.__code__.co_varnames[:count])
    result = types.none if function.__annotations__["return"] in (None, "None") else types.int64
    signature = result(*[types.int64] * count)

    @remember  # lowered once in a process, and linked into each that calls it
    def part() -> tuple[Library, Any]:
        library = Library(function.__name__, loops=False)
        return library, lower(function, signature, library)

    def generate(context: Any, builder: Any, _: Any, args: list[Value]) -> Value:
        library, found = part()
        context.active_code_library.use(library)
        return context.call_internal_no_propagate(builder, found, signature, args)[1]

    scope: dict[str, Any] = {"signature": signature, "generate": generate}
    exec(f"def typed(context, {names}):\n    return signature, generate\n", scope)
    return _intrinsic(scope["typed"])


# ---- loading ----------------------------------------------------------------------------------------------------------------
@remember
def _engine() -> Any:
    """What gives object files a place in memory."""
    generator: Any = _target.target_context.codegen()
    options: dict[str, Any] = {"opt": 3}
    generator._customize_tm_options(options)
    make: Any = llvm.create_mcjit_compiler
    target: Any = llvm.Target.from_triple(llvm.get_process_triple())
    empty: Any = llvm.parse_assembly("")
    from numba.core import config

    return make(empty, target.create_target_machine(**options), use_lmm=getattr(config, "USE_LLVMLITE_MEMORY_MANAGER", None))


@_locked  # type: ignore[untyped-decorator]
def load(code: bytes, symbol: str) -> int:
    """The address of an object file's function."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return int(engine.get_function_address(symbol))
