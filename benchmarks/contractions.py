"""Convolutions and products beside PyTorch (oneDNN, channels_last): forward, data gradient, weight gradient.

    python benchmarks/contractions.py [THREADS] [PATTERN] [exact]

One process, the sides interleaved, medians of the times and of the ratios (above 1: faster than PyTorch), and our part
of the multiply-add peak, which is measured first. Weight transforms are part of our time. One thread is timed by its
processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import numba
import numpy as np

from contraction_harness import Case, trio
from netspec.backends.cpu.engine.table import Machine
from netspec.backends.cpu.llvm.vec import E, i64, make_intrinsic

#        name, batch, channels, size, filters, kernel, stride, groups
SHAPES: list[tuple[str, int, int, int, int, int, int, int]] = [
    ("resnet 64@56 3x3", 8, 64, 56, 64, 3, 1, 1), ("resnet 128@28 3x3", 16, 128, 28, 128, 3, 1, 1),
    ("resnet 256@14 3x3", 16, 256, 14, 256, 3, 1, 1),
    ("resnet 512@7 3x3", 16, 512, 7, 512, 3, 1, 1), ("resnet 64@56/2 3x3", 8, 64, 56, 128, 3, 2, 1),
    ("stem 3@224/2 7x7", 4, 3, 224, 64, 7, 2, 1),
    ("1x1 64-256@56", 8, 64, 56, 256, 1, 1, 1), ("1x1 256-64@56", 8, 256, 56, 64, 1, 1, 1),
    ("1x1 256-512@56/2", 8, 256, 56, 512, 1, 2, 1),
    ("cifar 16@32", 128, 16, 32, 16, 3, 1, 1), ("cifar 32@16", 128, 32, 16, 32, 3, 1, 1), ("cifar 64@8", 128, 64, 8, 64, 3, 1, 1),
    ("cifar 16-32@32/2", 128, 16, 32, 32, 3, 2, 1), ("vgg 256@56", 2, 256, 56, 256, 3, 1, 1),
    ("lenet 1-6@28 5x5", 64, 1, 28, 6, 5, 1, 1),
    ("lenet 6-16@14 5x5", 64, 6, 14, 16, 5, 1, 1), ("alexnet 64-192@27 5x5", 16, 64, 27, 192, 5, 1, 1),
    ("grouped 128/32@56", 8, 128, 56, 128, 3, 1, 32), ("depthwise 128@56", 8, 128, 56, 128, 3, 1, 128),
    ("depthwise 128@56/2", 8, 128, 56, 128, 3, 2, 128),
    ("dense 400-120", 64, 400, 0, 120, 0, 0, 1), ("dense 9216-4096", 64, 9216, 0, 4096, 0, 0, 1),
    ("dense 512-1000", 32, 512, 0, 1000, 0, 0, 1),
]


def runner(case: Case, threads: int) -> Callable[[], None]:
    """The plan of a case on the engine, its calls a barrier apart."""
    machine = Machine(case.N, {})
    for row in case.rows():
        machine.scratch_bytes = max(machine.scratch_bytes, int(row[6]))
        machine.rows.append({k: int(w) for k, w in enumerate(row.tolist()) if w})
        machine.notes.append("")
        machine.barrier()
    machine.keep.append(case)
    table = machine.table()
    return lambda: table.run(threads)


def peak(threads: int, lanes: int) -> float:
    """Multiply-adds per second of the vector units, two flops each."""
    def emit(b: Any, a: list[Any]) -> Any:
        e = E(b, lanes)
        x = e.splat(b.sitofp(a[0], e.scalar))
        out = e.loop(a[1], [e.b.fadd(x, e.const(k)) for k in range(14)], lambda i, c: [e.fma(v, x, x) for v in c])
        total = out[0]
        for v in out[1:]:
            total = b.fadd(total, v)
        return b.fptosi(b.extract_element(total, i64(0)), i64(0).type)
    spin = make_intrinsic(2, emit)

    @numba.njit(parallel=True)
    def go(threads: int, n: int, out: Any) -> None:
        for t in numba.prange(threads):
            out[t] = spin(t, n)
    out = np.zeros(threads, np.int64)
    go(threads, 10, out)
    clock = time.thread_time if threads == 1 else time.perf_counter
    best = min(timed(lambda: go(threads, 2_000_000, out), clock) for _ in range(5))
    return 2.0 * lanes * 14 * 2_000_000 * threads / best


def timed(f: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    t = clock()
    f()
    return clock() - t


def compare(sides: dict[str, Callable[[], Any]], rounds: int, threads: int) -> dict[str, list[float]]:
    """Times of every side, in turns; a pause and an untimed call first, as the other's workers may still spin."""
    times: dict[str, list[float]] = {k: [] for k in sides}
    for f in sides.values():
        f()
    for _ in range(rounds):
        for name, f in sides.items():
            time.sleep(0.004)
            f()
            times[name].append(timed(f, time.thread_time if threads == 1 else time.perf_counter))
    return times


def cases(shape: tuple[str, int, int, int, int, int, int, int], precision: str, lanes: int) -> list[Case]:
    _, N, C, H, F, K, S, G = shape
    if K == 0:
        pieces = trio("y[n,o] += x[n,c] * w[o,c]", x=(C,), w=(F, C), y=(F,))
        over: tuple[tuple[str, int], ...] = ()
    else:
        pad = K // 2 if (K, H) != (5, 14) else 0
        P = (H + 2 * pad - K) // S + 1
        at = f"{S}*p+u-{pad},{S}*q+v-{pad}".replace("1*", "").replace("-0", "")
        if G == 1:
            text, over = f"y[n,o,p,q] += x[n,c,{at}] * w[o,c,u,v]", ()
        elif G == C:
            text, over = f"y[n,g,p,q] += x[n,g,{at}] * w[g,0,u,v]", ()
        else:
            text, over = f"y[n,{F // G}*g+o,p,q] += x[n,{C // G}*g+c,{at}] * w[{F // G}*g+o,c,u,v]", (("g", G), ("o", F // G))
        pieces = trio(text, over, x=(C, H, H), w=(F, C // G, K, K), y=(F, P, P))
    out = []
    for k, (text, t) in enumerate(pieces):
        if k == 1 and C < 4:
            continue
        last = C < 8 and k != 1 and K > 0
        master = None
        if k == 1:  # the weight is stored in the order its gradient writes
            from netspec.ir.contraction import master_order
            from netspec.ir.formula import Formula
            forward = Formula(pieces[0][0], over)
            master = master_order(forward, [pieces[0][1][n] for n in forward.operands], [pieces[0][1]["y"]], lanes)
        out.append(Case(text, t, N=N, lanes=lanes, over=over, last=last, precision=precision, master=master))
    return out


def torch_sides(shape: tuple[str, int, int, int, int, int, int, int], case: Case) -> Callable[[], Any]:
    import torch

    _, N, C, H, F, K, S, G = shape
    form = torch.channels_last
    if K == 0:
        x, w, y = torch.randn(N, C), torch.randn(F, C), torch.randn(N, F)
        return {"y": lambda: torch.mm(x, w.t()), "dx": lambda: torch.mm(y, w),
                "dw": lambda: torch.mm(y.t(), x)}[case.f.target.name]
    pad = K // 2 if (K, H) != (5, 14) else 0
    x = torch.randn(N, C, H, H).to(memory_format=form)
    w = torch.randn(F, C // G, K, K).to(memory_format=form)
    y = torch.nn.functional.conv2d(x, w, None, S, pad, 1, G)
    if case.f.target.name == "y":
        return lambda: torch.nn.functional.conv2d(x, w, None, S, pad, 1, G)
    mask = [case.f.target.name == "dx", case.f.target.name == "dw", False]
    return lambda: torch.ops.aten.convolution_backward(y, x, w, [0], [S, S], [pad, pad], [1, 1], False, [0, 0], G, mask)


def main() -> None:
    import torch

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    precision = "exact" if "exact" in sys.argv else "float32"
    torch.set_num_threads(threads)
    numba.set_num_threads(threads)
    top = peak(threads, 16)
    print(f"{threads} threads, peak {top / 1e9:.0f} GFLOP/s, torch {torch.__version__}, precision {precision}")
    ratios: dict[str, list[float]] = {}
    for shape in SHAPES:
        if pattern not in shape[0]:
            continue
        lanes = 8 if "lenet" in shape[0] or "400" in shape[0] else 16
        line = f"{shape[0]:22s}"
        for case in cases(shape, precision, lanes):
            ours, theirs = runner(case, threads), torch_sides(shape, case)
            with torch.inference_mode():
                t = compare({"ours": ours, "torch": theirs}, 7, threads)
            mine = statistics.median(t["ours"])
            ratio = statistics.median(b / a for a, b in zip(t["ours"], t["torch"]))
            what = case.f.target.name
            kind = type(case.plan.main).__name__[0]
            ratios.setdefault(what, []).append(ratio)
            line += (
                f" | {what:2s} {kind} {mine * 1e3:7.2f} ms {2 * case.c.macs * case.count / mine / top:4.2f} of peak, {ratio:4.2f}x")
        print(line, flush=True)
    for what, r in ratios.items():
        print(f"{what}: geometric mean {statistics.geometric_mean(r):.2f}x over {len(r)} shapes")


if __name__ == "__main__":
    main()
