"""From a function of numbers to LLVM's IR: the parts of Numba's compiler that loops over numbers and lanes need.

Numba reads the bytecode, gives each variable one definition, types it and lowers it. What stands between these steps for
functions of Python in general is left out: objects, exceptions, reference counts and with them the lifetimes of variables
(which it would compute four times), and texts of where it is for messages that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as remember
from typing import Any

from numba.core import bytecode, callconv, compiler, funcdesc, interpreter, ir_utils, lowering, ssa, targetconfig, typed_passes
from numba.core import ir as numba_ir
from numba.core.registry import cpu_target

Function = Callable[..., Any]
Value = Any  # an llvmlite value; the library has no types
_assignment: Any = numba_ir.Assign
_bytecode: Any = bytecode
_callconv: Any = callconv
_compiler: Any = compiler
_descriptors: Any = funcdesc.PythonFunctionDescriptor
_interpreter: Any = interpreter.Interpreter
_lower: Any = lowering.Lower
_settings: Any = targetconfig.ConfigStack
_definitions: Any = ir_utils.build_definitions
_single: Any = ssa.reconstruct_ssa
_target: Any = cpu_target
_typed: Any = typed_passes


def lower(function: Function, signature: Any, library: Any) -> Any:
    """Lower a function into a library of Numba's; what Numba calls it."""
    context, flags = _context(), _flags()
    identity = _bytecode.FunctionIdentity.from_function(function)
    _target.typing_context.refresh()  # of intrinsics made since
    with _settings().enter(flags):
        made = _single(_interpreter(identity).interpret(_bytecode.ByteCode(identity)))
        types, result, calls, _ = _typed.type_inference_stage(_typing(), context, made, signature.args, signature.return_type)
        made = _typed.PreLowerStripPhis()._strip_phi_nodes(made)
        made._definitions = _definitions(made.blocks)
        found = _descriptors.from_specialized_function(made, types, result, calls, mangler=context.mangler, inline=False,
                                                       noalias=False, abi_tags=[flags.get_mangle_string()])
        with context.push_code_library(library):
            Lower(context, library, found, made, metadata={}).lower()
    return found


@remember
def _flags() -> Any:
    flags = _compiler.Flags()
    for flag, value in (("no_compile", True), ("no_cpython_wrapper", True), ("no_cfunc_wrapper", True), ("nrt", False),
                        ("error_model", "numpy")):
        setattr(flags, flag, value)
    return flags


@remember
def _context() -> Any:
    """The processor's, where dividing by zero does not raise."""
    context = _target.target_context
    context.refresh()
    return context.subtarget(error_model=_callconv.create_error_model("numpy", context))


class Typing:
    """Numba's typing context, which finds the type of the same call but once."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.known: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        key = function, tuple(args), tuple(sorted(kws.items()))
        if key not in self.known:
            self.known[key] = self.context.resolve_function_type(function, args, kws)
        return self.known[key]


@remember
def _typing() -> Typing:
    return Typing(_target.typing_context)


class Lower(_lower):  # type: ignore[misc]
    """Numba's way from its IR to LLVM's, which finds what an operator of two types is but once."""

    def lower_block(self, block: Any) -> None:
        self.pre_block(block)
        for instruction in block.body:
            self.loc = instruction.loc
            if isinstance(instruction, _assignment):
                name = instruction.target.name
                self.storevar(self.lower_assign(self.typeof(name), instruction), name)
            else:
                self.lower_inst(instruction)
        self.post_block(block)

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Value:
        operator, signature = self.context.typing_context.resolve_value_type(op), self.fndesc.calltypes[expr]
        operands = [self.context.cast(self.builder, self.loadvar(v.name), self.typeof(v.name), t)
                    for v, t in zip((expr.lhs, expr.rhs), signature.args)]
        called = _operator_type(operator, signature.args)
        result = self.context.get_function(operator, called)(self.builder, operands)
        return self.context.cast(self.builder, result, signature.return_type, resty)


@remember
def _operator_type(operator: Any, args: Any) -> Any:
    return operator.get_call_type(_target.typing_context, args, {})
