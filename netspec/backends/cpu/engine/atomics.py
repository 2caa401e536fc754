"""What threads need to agree: reads and writes of an int64 that happen at one moment, in one order for all."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from ..llvm.arithmetic import I32, I64, declare
from ..llvm.lane_type import intrinsic


@intrinsic
def atomic_add(context: Any, address: Any, x: Any) -> Any:
    """Add to the int64 at an address; what was there before."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", builder.inttoptr(args[0], I64.as_pointer()), args[1], "seq_cst")

    return types.int64(types.int64, types.int64), lower


@intrinsic
def atomic_swap(context: Any, address: Any, x: Any) -> Any:
    """Replace the int64 at an address; what was there before."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("xchg", builder.inttoptr(args[0], I64.as_pointer()), args[1], "seq_cst")

    return types.int64(types.int64, types.int64), lower


@intrinsic
def atomic_change(context: Any, address: Any, old: Any, new: Any) -> Any:
    """Replace the int64 at an address if it is `old`; what was there before."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pair = builder.cmpxchg(builder.inttoptr(args[0], I64.as_pointer()), args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 0)

    return types.int64(types.int64, types.int64, types.int64), lower


@intrinsic
def atomic_load(context: Any, address: Any) -> Any:
    """The int64 at an address, with everything written before it."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(args[0], I64.as_pointer()), "seq_cst", 8, typ=I64)

    return types.int64(types.int64), lower


@intrinsic
def atomic_store(context: Any, address: Any, x: Any) -> Any:
    """Write an int64; who reads it sees everything written before it."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], builder.inttoptr(args[0], I64.as_pointer()), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), lower


@intrinsic
def pause(context: Any) -> Any:
    """Tell the processor that this is a waiting loop."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        machine = builder.module.triple.split("-")[0]
        if machine in ("x86_64", "i686", "i386"):
            builder.call(declare(builder, "llvm.x86.sse2.pause", ir.VoidType(), []), [])
        elif machine in ("aarch64", "arm64"):
            hint = declare(builder, "llvm.aarch64.hint", ir.VoidType(), [I32])
            builder.call(hint, [I32(1)])
        return context.get_dummy_value()

    return types.void(), lower
