"""Contractions: every geometry against its definition, in all three directions; epilogues, threads, orders, refusals."""

from __future__ import annotations

import itertools
import platform
import re
from typing import Any

import numpy as np
import pytest

from contraction_harness import Case, get, trio, types
from netspec.backends.cpu.contract import rows as contract_rows
from netspec.backends.cpu.contract.calls import Gather, Repack, WinogradGather, WinogradOuter
from netspec.backends.cpu.contract.schedule import keeps_zero
from netspec.backends.cpu.contract.table import compiled_kernel
from netspec.ir.contraction import classify, gradient_of, weight_gradient
from netspec.ir.formula import Formula
from netspec.ir.types import TensorType
from netspec.ir.weight_order import WeightOrder, choose_lanes, master_order, prefers_channels_last
from sweeps import one_of_each, the_first

EXACT = {np.float64: 1e-13, np.float32: 2e-6}
WINOGRAD = 2e-5


def convolution(c: int, h: int, w: int, o: int, k: int, s: int = 1, d: int = 0,
                e: int = 1) -> list[tuple[str, dict[str, TensorType]]]:
    """Forward and gradients of a 2-D convolution with kernel k, stride s, padding d, dilation e."""
    P, Q = ((n + 2 * d - e * (k - 1) - 1) // s + 1 for n in (h, w))
    return trio(f"y[n,o,p,q] += x[n,c,{s}*p+{e}*u-{d},{s}*q+{e}*v-{d}] * w[o,c,u,v]", x=(c, h, w), w=(o, c, k, k), y=(o, P, Q))


def master(pieces: list[tuple[str, dict[str, TensorType]]], lanes: int, over: tuple[tuple[str, int], ...] = ()) -> WeightOrder:
    f = Formula(pieces[0][0], over)
    return master_order(f, [pieces[0][1][k] for k in f.operands], [pieces[0][1][f.target.name]], lanes)


def check(pieces: list[tuple[str, dict[str, TensorType]]], over: tuple[tuple[str, int], ...] = (), dtype: Any = np.float64,
          lanes: int = 4, **options: Any) -> list[Case]:
    """Run a forward formula and its gradients; the weight is stored in the order its gradient writes."""
    order = master(pieces, lanes, over)
    cases = []
    for k, (text, t) in enumerate(pieces):
        case = Case(text, t, over=over, dtype=dtype, lanes=lanes, master=order if k < 2 else None, **options)
        used = WINOGRAD if isinstance(case.plan.main, (WinogradGather, WinogradOuter)) else EXACT[dtype]
        assert case.error() < used, text
        cases.append(case)
    assert cases[2].order == order
    return cases


GEOMETRIES = [(8, 7, 9, 5, k, s, d) for k, s, d in itertools.product((1, 3, 5), (1, 2, 3), (0, 1, 2))]
GEOMETRIES += [(c, 9, 8, o, 3, s, 1) for c, o in ((3, 6), (6, 10), (10, 17), (17, 3), (33, 20)) for s in (1, 2)]
GEOMETRIES_DILATED = [(6, 11, 11, 10, 3, 1, 2, 2), (17, 11, 10, 3, 3, 2, 2, 2)]
GEOMETRIES_TO_ONE = [(6, 5, 5, 7, 5), (6, 5, 9, 7, 5, 2), (5, 2, 2, 6, 3, 2, 1)]  # one place of output, or one row


@pytest.mark.parametrize("geometry", one_of_each(map(pytest.param, [*GEOMETRIES, *GEOMETRIES_DILATED, *GEOMETRIES_TO_ONE]),
                                                 lambda geometry: (geometry[0], *geometry[4:6])), ids=str)
def test_every_geometry_in_all_directions(geometry: tuple[int, ...]) -> None:
    check(convolution(*geometry))


GROUPS: dict[str, tuple[str, tuple[tuple[str, int], ...], dict[str, tuple[int, ...]]]] = {
    "1-D, dilated, uneven padding": ("y[n,o,p] += x[n,c,2*p+3*u-2] * w[o,c,u]", (), {"x": (6, 17), "w": (9, 6, 4), "y": (9, 7)}),
    "3-D": ("y[n,o,p,q,r] += x[n,c,2*p+u-1,q+v-1,r+t] * w[o,c,u,v,t]", (),
            {"x": (3, 7, 5, 6), "w": (9, 3, 3, 3, 2), "y": (9, 4, 5, 5)}),
    "uneven padding and strides": ("y[n,o,p,q] += x[n,c,3*p+u-2,q+2*v] * w[o,c,u,v]", (),
                                   {"x": (5, 9, 9), "w": (6, 5, 2, 3), "y": (6, 4, 5)}),
    "transposed": ("y[n,o,2*p+u-1,2*q+v-1] += x[n,c,p,q] * w[c,o,u,v]", (),
                   {"x": (12, 5, 4), "w": (12, 6, 3, 3), "y": (6, 10, 8)}),
    "transposed, stride 3 past the window": ("y[n,o,3*p+u,3*q+v] += x[n,c,p,q] * w[c,o,u,v]", (),
                                             {"x": (5, 4, 3), "w": (5, 7, 2, 2), "y": (7, 13, 9)}),
    "dense on an image": ("y[n,o] += x[n,c,h,k] * w[o,c,h,k]", (), {"x": (5, 4, 3), "w": (10, 5, 4, 3), "y": (10,)}),
    "dense": ("y[n,o] += x[n,c] * w[o,c]", (), {"x": (30,), "w": (10, 30), "y": (10,)}),
    "dense to an image": ("y[n,o,h,k] += x[n,c] * w[o,c,h,k]", (), {"x": (6,), "w": (5, 6, 3, 2), "y": (5, 3, 2)}),
    "1x1 without window axes": ("y[n,o,h,k] += x[n,c,h,k] * w[o,c]", (), {"x": (6, 3, 5), "w": (7, 6), "y": (7, 3, 5)}),
    "groups of different widths": ("y[n,4*g+o,p,q] += x[n,2*g+c,p+u-1,q+v-1] * w[4*g+o,c,u,v]", (("g", 3), ("o", 4)),
                                   {"x": (6, 7, 9), "w": (12, 2, 3, 3), "y": (12, 7, 9)}),
    "groups within a vector": ("y[n,2*g+o,p,q] += x[n,2*g+c,p+u-1,q+v-1] * w[2*g+o,c,u,v]", (("g", 5), ("o", 2)),
                               {"x": (10, 7, 9), "w": (10, 2, 3, 3), "y": (10, 7, 9)}),
    "groups of vectors": ("y[n,8*g+o,p,q] += x[n,16*g+c,2*p+u-1,q+v-1] * w[8*g+o,c,u,v]", (("g", 3), ("o", 8)),
                          {"x": (48, 7, 9), "w": (24, 16, 3, 3), "y": (24, 4, 9)}),
    "groups astride vectors": ("y[n,3*g+o,p] += x[n,5*g+c,p+u-1] * w[3*g+o,c,u]", (("g", 5), ("o", 3)),
                               {"x": (25, 9), "w": (15, 5, 3), "y": (15, 9)}),
    "depthwise": ("y[n,g,p,q] += x[n,g,2*p+u,q+v] * w[g,0,u,v]", (), {"x": (11, 9, 9), "w": (11, 1, 3, 3), "y": (11, 4, 7)}),
    "depthwise, two filters": ("y[n,2*g+o,p,q] += x[n,g,p+u,q+v] * w[2*g+o,0,u,v]", (("g", 7), ("o", 2)),
                               {"x": (7, 6, 6), "w": (14, 1, 3, 3), "y": (14, 4, 4)}),
}


@pytest.mark.parametrize("name", GROUPS)
def test_other_structures(name: str) -> None:
    text, over, shapes = GROUPS[name]
    check(trio(text, over, **shapes), over, N=3)


@pytest.mark.parametrize("N", the_first(2, [1, 5, 2, 16]))
def test_numbers_of_samples_and_threads_give_the_same_bits(N: int) -> None:
    dense = trio("y[n,o] += x[n,c] * w[o,c]", x=(30,), w=(20, 30), y=(20,))
    for pieces, lanes in ((convolution(16, 9, 9, 20, 3, 2, 1), 8), (dense, 8), (convolution(16, 13, 9, 16, 3, 1, 1), 8)):
        for case in check(pieces, dtype=np.float32, lanes=lanes, N=N):
            one = case.result()
            assert np.array_equal(case.run(threads=2), one)


def test_samples_of_several_images() -> None:
    """Views: a sample holds several images, and the batch index runs over all of them."""
    t = {k: TensorType(v.shape, batch=2 * v.batch) for k, v in types(x=(6, 5, 5), w=(7, 6, 3, 3), y=(7, 5, 5)).items()}
    case = Case("y[n,o,p,q] += x[n,c,p+u-1,q+v-1] * w[o,c,u,v]", t, N=3, lanes=4, dtype=np.float64, images=2)
    assert case.error() < 1e-13


def test_a_channels_last_input() -> None:
    for c, k, s, d, lanes, dtype in ((1, 5, 1, 0, 8, np.float32), (3, 7, 2, 3, 16, np.float32), (3, 3, 1, 1, 4, np.float64)):
        pieces = convolution(c, 15, 13, 6, k, s, d)
        for text, t in (pieces[0], pieces[2]):
            case = Case(text, t, N=3, lanes=lanes, dtype=dtype, last=True)
            assert prefers_channels_last(case.c)
            assert case.error() < EXACT[dtype]
    text, t = trio("y[n,o] += x[n,c,h,k] * w[o,c,h,k]", x=(1, 9, 7), w=(10, 1, 9, 7), y=(10,))[0]
    assert Case(text, t, N=5, lanes=8, last=True).error() < 2e-6


EPILOGUE = (("let", "t0", "acc + c0"), ("let", "t1", "max(t0 + e0 * e1, 0.0)"), ("store", 0, "t1"), ("store", 1, "acc"),
            ("sum", 0, "t1"), ("sum", 1, "t1 * t1"))


@pytest.mark.parametrize(("dtype", "lanes", "c", "o", "h", "w", "kind"), one_of_each([
    (np.float64, 4, 6, 10, 8, 7, Gather), (np.float32, 8, 6, 10, 8, 7, Gather), (np.float32, 16, 32, 40, 14, 6, WinogradGather),
    (np.float32, 8, 16, 16, 61, 45, WinogradGather)], lambda *case: case[-1]))
def test_an_epilogue_with_everything(dtype: Any, lanes: int, c: int, o: int, h: int, w: int, kind: Any) -> None:
    """Two outputs, one with a halo; an image operand, a gate per image and channel, a bias, two sums; padded lanes."""
    (text, t), *_ = convolution(c, h, w, o, 3, 1, 1)
    case = Case(text, t, N=5, lanes=lanes, dtype=dtype, epilogue=EPILOGUE, extras={"a": (o, h, w), "b": (o, 1, 1)}, vectors=1,
                sums=2, out_halo=1, outputs=2)
    assert isinstance(case.plan.main, kind)
    got, plain = case.run(), case.reference()
    want = np.maximum(plain + case.arrays["c0"][None, :, None, None] + case.arrays["a"] * case.arrays["b"], 0)
    close = WINOGRAD if kind is WinogradGather else EXACT[dtype]
    assert np.abs(got - want).max() < close * np.abs(want).max()
    assert np.abs(get(case.memory["y1"], case.layouts["y1"], 5, (o, h, w)) - plain).max() < close * np.abs(plain).max()
    for k, total in enumerate((want.sum((2, 3)), (want**2).sum((2, 3)))):
        v = case.layouts[f"s{k}"]
        parts = get(case.memory[f"s{k}"], v, 5, (o, v.extents[2]))
        assert np.abs(parts.sum(-1) - total).max() < 4 * close * np.abs(total).max()


@pytest.mark.parametrize("text", ["exp(acc)", "tanh(acc * 4)", "sigmoid(-acc)", "log(abs(acc) + e0 * e0)",
                                  "where(acc > e0 and acc < 1.0, acc, -e0)",
                                  "min(acc / (e0 * e0 + 1.0), 0.5) ** 2", "fma(acc, e0, 2.0)"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_expressions(text: str, dtype: Any) -> None:
    """Also where nothing becomes something: padded lanes stay zero (`get` checks)."""
    case = Case("y[n,o] += x[n,c] * w[o,c]", types(x=(30,), w=(10, 30), y=(10,)), N=5, dtype=dtype, lanes=8, extras={"a": (10,)},
                epilogue=(("let", "t", text), ("store", 0, "t")))
    got, acc = case.run(), case.reference()
    functions = {"exp": np.exp, "tanh": np.tanh, "log": np.log, "abs": np.abs, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
                 "min": np.minimum, "where": np.where, "fma": lambda a, b, c: a * b + c}
    want = eval(text.replace("acc > e0 and acc < 1.0", "(acc > e0) & (acc < 1.0)"), functions,
                {"acc": acc, "e0": case.arrays["a"].astype(np.float64)})
    assert np.abs(got - want).max() < (1e-6 if dtype is np.float32 else 1e-13) * max(1.0, np.abs(want).max())


def test_nan_comes_through_an_activation() -> None:
    case = Case("y[n,o] += x[n,c] * w[o,c]", types(x=(8,), w=(8, 8), y=(8,)), lanes=8,
                epilogue=(("let", "t", "max(acc, 0.0)"), ("store", 0, "t")))
    case.memory["x"].view(np.float32)[0] = np.nan
    contract_rows_run = case.run()
    assert np.isnan(contract_rows_run[0]).all()
    assert not np.isnan(contract_rows_run[1]).any()


@pytest.mark.parametrize(("c", "h", "w", "o", "d", "N", "lanes"),
                         [(16, 8, 8, 16, 1, 2, 16), (32, 7, 9, 16, 1, 3, 16), (16, 13, 10, 24, 0, 2, 8), (8, 4, 30, 8, 2, 17, 8)])
def test_winograd(c: int, h: int, w: int, o: int, d: int, N: int, lanes: int) -> None:
    cases = check(convolution(c, h, w, o, 3, 1, d), dtype=np.float32, lanes=lanes, N=N)
    assert any(isinstance(k.plan.main, (WinogradGather, WinogradOuter)) for k in cases)
    for k in check(convolution(c, h, w, o, 3, 1, d), dtype=np.float32, lanes=lanes, N=N, precision="exact"):
        assert not isinstance(k.plan.main, (WinogradGather, WinogradOuter))


@pytest.mark.parametrize(("lanes", "dtype"), [(4, np.float64), (16, np.float32)])
def test_repack_by_blocks(lanes: int, dtype: Any) -> None:
    """Whole blocks are transposed in registers; the positions agree with the plain definition of the orders."""
    for pieces in (convolution(32, 5, 5, 31, 3, 2, 1), trio("y[n,o] += x[n,c,h,k] * w[o,c,h,k]", x=(32, 2, 3), w=(31, 32, 2, 3),
                                                            y=(31,))):
        case = check(pieces, dtype=dtype, lanes=lanes)[1]
        (repack,) = case.plan.prepare
        assert isinstance(repack, Repack)
        found = contract_rows.block_moves(repack.master, repack.order)
        assert found is not None
        blocks, turned = found
        square = np.arange(lanes * lanes).reshape(lanes, lanes)
        by_block = (blocks[:, None] * lanes * lanes + (square.T if turned else square).ravel()).ravel()
        plain = contract_rows.moves(repack)
        assert np.array_equal(by_block[plain >= 0], plain[plain >= 0])


@pytest.mark.parametrize("lanes", [4, 8])
def test_orders_hold_every_element_once(lanes: int) -> None:
    for text, over, shapes in GROUPS.values():
        for piece, t in trio(text, over, **shapes):
            f = Formula(piece, over)
            c = classify(f, [t[k] for k in f.operands], [t[f.target.name]])
            order = WeightOrder(c, lanes)
            index = order.indices()
            assert len(index) == order.size == sum(order.sizes)
            assert sorted(index[index >= 0]) == list(range(int(np.prod(c.shape))))


def test_the_weight_gradient_of_a_formula() -> None:
    f = Formula("y[n,4*g+o,p] += x[n,2*g+c,p+u-1] * w[4*g+o,c,u]", (("g", 3), ("o", 4)))
    assert weight_gradient(f).text == "d_w[4*g+o,c,u] += x[n,2*g+c,p+u-1] * y[n,4*g+o,p]"
    t = types(x=(6, 9), w=(12, 2, 3), y=(12, 9))
    assert gradient_of(f, [t["x"], t["w"]], [t["y"]]).kind == "outer"


@pytest.mark.parametrize(("text", "shapes"), [
    ("y[n,o] += x[n,c] * z[n,c,o]", {"x": (4,), "z": (4, 5), "y": (5,)}),  # no weight
    ("y[n,c,h] += x[n,c,h] * w[c]", {"x": (4, 3), "w": (4,), "y": (4, 3)}),  # nothing is summed
    ("y[n,o,p] += x[n,c,p+u] * w[o,c,u,p]", {"x": (4, 5), "w": (6, 4, 3, 3), "y": (6, 3)}),  # a weight of its own at each place
    ("y[n,o,p] += x[n,c,p+u+v] * w[o,c,u,v]", {"x": (4, 7), "w": (6, 4, 3, 3), "y": (6, 3)}),
    ("y[n,o,h] += x[n,c,k] * w[o,c]", {"x": (4, 5), "w": (6, 4), "y": (6, 3)}),
    ("y[n,o] = x[n,o] * w[o]", {"x": (4,), "w": (4,), "y": (4,)}),
    ("y[n,o] += x[n,c] + w[o,c]", {"x": (4,), "w": (5, 4), "y": (5,)}),  # a sum, not a product
])
def test_what_is_no_contraction(text: str, shapes: dict[str, tuple[int, ...]]) -> None:
    f, t = Formula(text), types(**shapes)
    with pytest.raises(ValueError, match=r"\w"):
        classify(f, [t[k] for k in f.operands], [t["y"]])


def test_vector_widths_follow_the_channels() -> None:
    def plan(c: int, o: int) -> int:
        text, t = convolution(c, 8, 8, o, 3)[0]
        f = Formula(text)
        return choose_lanes([classify(f, [t["x"], t["w"]], [t["y"]])], 16)
    assert [plan(64, 64), plan(3, 6), plan(16, 24)] == [16, 8, 8]


def test_which_epilogues_keep_zero() -> None:
    assert keeps_zero((("let", "t", "max(acc, 0.0)"), ("store", 0, "t"), ("sum", 0, "t * t")))
    assert keeps_zero((("let", "t", "where(e0 > 0.0, acc, 0.0)"), ("store", 0, "t")))
    assert not keeps_zero((("let", "t", "acc + c0"), ("store", 0, "t")))
    assert not keeps_zero((("let", "t", "max(acc * c0 + c1, 0.0)"), ("store", 0, "t")))
    assert not keeps_zero((("let", "t", "sigmoid(acc)"), ("store", 0, "t")))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
@pytest.mark.parametrize(("lanes", "tile", "form"), [(16, 16, "blocks"), (16, 14, "apart"), (8, 12, "blocks")])
def test_accumulators_stay_in_registers(lanes: int, tile: int, form: str) -> None:
    """A spilled accumulator halves the speed, and nothing else would tell."""
    import llvmlite.binding

    if lanes > 16 // 2 and "avx512f" not in vector_features():
        pytest.skip("no 512-bit vectors")
    if "avx2" not in vector_features():
        pytest.skip("no 256-bit vectors")
    vector = 4 * lanes
    epilogue = (("let", "g", "where(e0 > 0.0, acc, 0.0)"), ("store", 0, "g"), ("sum", 0, "g"), ("sum", 1, "g * e1"))
    text = compiled_kernel("gather", 6, tile, form, lanes, 4, vector, (vector,) * 3, 1, 2, epilogue, False, lanes,
                           "float32").assembly()
    loop = max((text[m.end() : text.find(m[1], m.end())] for m in re.finditer(r"(\.LBB\d+_\d+):", text)),
               key=lambda part: part.count("vfmadd") / (1 + part.count(":\n")))
    # one of twelve is spilled there, once in 48 multiply-adds: to be mended
    known = lanes == 8 and llvmlite.binding.get_host_cpu_name() == "znver3"
    spilled = re.findall(r"vmov[au]p[sd]\s+%[xyz]mm\d+, -?\d*\(%r[sb]p", loop if known else text)
    assert loop.count("vfmadd") >= 24
    assert len(spilled) <= known, spilled


def vector_features() -> set[str]:
    import llvmlite.binding

    return {name for name, there in llvmlite.binding.get_host_cpu_features().items() if there}


def test_a_call_is_a_line_that_evaluates_to_itself() -> None:
    from netspec.backends.cpu.contract import calls as contract_calls
    from netspec.ir import contraction, weight_order

    case = Case(*convolution(6, 8, 7, 10, 3, 2, 1)[1], lanes=8)
    scope = {"gather": Gather} | vars(contraction) | vars(weight_order) | vars(contract_calls)
    assert eval(str(case.plan.main), scope) == case.plan.main
