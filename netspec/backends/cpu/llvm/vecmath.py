"""The functions of formulas as LLVM IR, on all lanes of a vector at once: exp, log, tanh, erf ...

Anything that emits IR may use them: the lanes of element-wise kernels (`lanes.py`) and the epilogues of contractions alike, for
example

    y = emit_sigmoid(Vec(builder, x) * scale + shift).value

float32 functions are polynomials evaluated on all lanes, within about 2 units in the last place and right at infinities,
NaN and denormals. float64 calls the C library once a lane. The operations are emitted in a fixed order and LLVM may
not reassociate them, so a lane's bits do not depend on the width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from ....ir.functions import FUNCTIONS
from .arithmetic import F32, F64, I32, Number, Vec, broadcast, declare, from_lanes


def emit_maximum(x: Vec, y: Vec | Number) -> Vec:
    """The larger; NaN if either is NaN. Against a number it is one instruction: the processor's max returns its second
    operand where the comparison fails."""
    larger = (x.of(y) > x).select(x.of(y), x)
    if not isinstance(y, Vec) or not x.floating:
        return larger
    return y.compare("!=", y).select(y, larger)


def emit_minimum(x: Vec, y: Vec | Number) -> Vec:
    """The smaller; NaN if either is NaN."""
    smaller = (x.of(y) < x).select(x.of(y), x)
    if not isinstance(y, Vec) or not x.floating:
        return smaller
    return y.compare("!=", y).select(y, smaller)


def _libm(name: str, x: Vec, *others: Vec | Number) -> Vec:
    """The C library's function, lane by lane (float64)."""
    function = declare(x.b, name, F64, [F64] * (1 + len(others)))
    arguments = [x, *(x.of(o) for o in others)]
    if not isinstance(x.type, ir.VectorType):
        return Vec(x.b, x.b.call(function, [a.value for a in arguments]))
    return from_lanes(x.b, [x.b.call(function, [a.lane(k) for a in arguments]) for k in range(x.count)])


def _polynomial(x: Vec, *coefficients: float) -> Vec:
    """Horner's scheme, highest power first."""
    out = x.const(coefficients[0])
    for c in coefficients[1:]:
        out = out.fma(x, c)
    return out


def _reduced(x: Vec) -> tuple[Vec, Vec, Vec]:
    """x = n ln2 + r with |r| <= ln2 / 2: n as integers, r, and e^r - 1 - r. Adding 1.5 * 2**23 rounds to an integer."""
    magic = x.const(12582912.0)
    shifted = x.fma(1.4426950408889634, magic)
    n = shifted - magic
    r = n.fma(-0.693145751953125, x)
    r = n.fma(-1.428606765330187045e-06, r)
    p = _polynomial(r, 0.000198527617612853646, 0.00139304355252534151, 0.00833336077630519867, 0.0416664853692054749,
                    0.16666667163372040, 0.5)
    return shifted.bits() - magic.bits(), r, p * (r * r)


def _power_of_two(n: Vec) -> Vec:
    return ((n + 127) << 23).as_float()


def emit_exp(x: Vec) -> Vec:
    """e to the x. The power of two is applied in two steps, so that results fade through the denormals."""
    if x.element == F64:
        return _libm("exp", x)
    # Beyond these ends the result is 0 and infinity already; the clamp passes NaN.
    n, r, p = _reduced(emit_maximum(emit_minimum(x, 89.0), -104.0))
    half = n.signed_shift(1)
    return ((p + r) + 1.0) * _power_of_two(half) * _power_of_two(n - half)


def emit_expm1(x: Vec) -> Vec:
    """e to the x, less 1, exact near 0 and there of the sign of x (-0 gives -0)."""
    if x.element == F64:
        return _libm("expm1", x)
    n, r, p = _reduced(emit_maximum(emit_minimum(x, 89.0), -18.0))
    half = _power_of_two(n - 1)  # half of the power: 2**128 has no float
    y = (p + r).fma(half, half - 0.5)
    return n.equal(0).select(p + r, y + y).copysign(x)


_LOG = (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693)
_LN2_HIGH, _LN2_LOW = 0.693138122558593750, 9.05800061445916071e-06


def _log_parts(bits: Vec) -> tuple[Vec, Vec]:
    """A positive, normal float as 2**k * (1 + f) with 1 + f between sqrt(1/2) and sqrt(2): k and 1 + f."""
    shifted = bits + (0x3F800000 - 0x3F3504F3)
    k = (shifted.signed_shift(23) - 127).to_float(F32)
    return k, ((shifted & 0x007FFFFF) + 0x3F3504F3).as_float()


def _log_tail(f: Vec) -> tuple[Vec, Vec]:
    """log(1 + f) = f - half + tail: half = f*f/2."""
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    return half, s * (half + z * _polynomial(z, *_LOG))


def _log_ends(x: Vec, y: Vec, zero: float) -> Vec:
    """log at and beyond the ends of its domain, where x == zero gives -inf."""
    y = x.equal(float("inf")).select(x, y)
    y = (x < zero).select(x.const(float("nan")), y)
    y = x.equal(zero).select(x.const(float("-inf")), y)
    return x.compare("!=", x).select(x, y)


def _normal(x: Vec) -> tuple[Vec, Vec]:
    """Denormals scaled up by 2**25, and by how much to lower the exponent."""
    small = x < 1.1754943508222875e-38
    return small.select(x * 33554432.0, x), small.select(x.const(25.0), x.const(0.0))


def emit_log(x: Vec) -> Vec:
    """The natural logarithm (after FreeBSD's e_logf.c)."""
    if x.element == F64:
        return _libm("log", x)
    y, less = _normal(x)
    k, m = _log_parts(y.bits())
    k, f = k - less, m - 1.0
    half, tail = _log_tail(f)
    return _log_ends(x, k * _LN2_HIGH + ((k * _LN2_LOW + tail) - half + f), 0.0)


def emit_log1p(x: Vec) -> Vec:
    """log(1 + x), exact near 0: what rounding took from 1 + x is added back (after FreeBSD's s_log1pf.c)."""
    if x.element == F64:
        return _libm("log1p", x)
    u = x + 1.0
    k, m = _log_parts(u.bits())
    lost = (k >= 2.0).select(1.0 - (u - x), x - (u - 1.0)) / u
    near = k.equal(0.0)
    f = near.select(x, m - 1.0)
    lost = (near | (k >= 25.0)).select(x.const(0.0), lost)
    half, tail = _log_tail(f)
    y = k * _LN2_HIGH + (((k * _LN2_LOW + lost) + tail) - half + f)
    return x.equal(0.0).select(x, _log_ends(x, y, -1.0))


_POWERS: dict[Number, Callable[[Vec], Vec]] = {
    2: lambda x: x * x,
    1: lambda x: x,
    0.75: lambda x: emit_sqrt(x) * emit_sqrt(emit_sqrt(x)),
    0.5: lambda x: emit_sqrt(x),
    -0.5: lambda x: 1.0 / emit_sqrt(x),
    -0.75: lambda x: 1.0 / (emit_sqrt(x) * emit_sqrt(emit_sqrt(x))),
    -1: lambda x: 1.0 / x,
}


def emit_power(x: Vec, y: Vec | Number) -> Vec:
    """x to the y for x > 0 (NaN below 0), the logarithm carried in two floats so that its rounding is not magnified.
    The exponents of usual layers have short forms."""
    if not isinstance(y, Vec) and y in _POWERS:
        return _POWERS[y](x)
    if x.element == F64:
        return _libm("pow", x, y)
    y = x.of(y)
    z, less = _normal(x)
    k, m = _log_parts(z.bits())
    k, f = k - less, m - 1.0
    half, tail = _log_tail(f)
    small = k * _LN2_LOW + tail
    high = k * _LN2_HIGH
    a = high + f
    rest = (high - (a - (a - high))) + (f - (a - high))  # what a lost of high + f
    c = a - half
    rest = rest + ((a - (c - (c - a))) + (-half - (c - a))) + small
    log = c + rest
    rest = rest - (log - c)
    log = _log_ends(x, log, 0.0)
    p = y * log
    lost = y.fma(log, -p) + y * rest
    out = emit_exp(p)
    correct = out.fma(lost, out)
    plain = (p.abs() < 80.0) & (log.abs() < 200.0)
    out = plain.select(correct, out)
    return y.equal(0.0).select(x.const(1.0), out)


def emit_tanh(x: Vec) -> Vec:
    if x.element == F64:
        return _libm("tanh", x)
    t = emit_expm1(emit_minimum(x.abs(), 10.0) * 2.0)  # tanh(10) is 1 to the last bit
    return (t / (t + 2.0)).copysign(x)


def emit_sigmoid(x: Vec) -> Vec:
    """1 / (1 + exp(-x)), through exp of a negative number, which does not overflow."""
    e = emit_exp(-x.abs())
    return (x >= 0.0).select(x.const(1.0), e) / (e + 1.0)


def emit_erf(x: Vec) -> Vec:
    """The error function: a polynomial near 0, 1 - exp(polynomial) farther out (coefficients by N. Juffa)."""
    if x.element == F64:
        return _libm("erf", x)
    t, s = x.abs(), x * x
    far = t.fma(-1.72853470e-5, 3.83197126e-4)
    far = far.fma(s, t.fma(-3.88396438e-3, 2.42546219e-2))
    far = far.fma(t, -1.06777877e-1).fma(t, -6.34846687e-1).fma(t, -1.28717512e-1).fma(t, -t)
    near = _polynomial(s, -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1).fma(x, x)
    return (t > 0.927734375).select((1.0 - emit_exp(far)).copysign(x), near)


def emit_abs(x: Vec) -> Vec:
    return x.abs()


def emit_sqrt(x: Vec) -> Vec:
    return x.call("sqrt")


def emit_floor(x: Vec) -> Vec:
    return x.call("floor")


def emit_uniform(low: Vec, carry: Vec, key_low: Any, key_high: Any, high: Any) -> Vec:
    """Uniform numbers in [0, 1) with 24 bits, as integers 0 .. 2**24 - 1, from a counter and a key; the same bits as
    `netspec.ir.randomness.uniform`. `low` is the counter's low 32 bits; its high bits are `high`, and one more where
    `carry` holds. All keys and `high` are scalars of 32 bits."""
    b, n = low.b, low.count

    def lanes(scalar: Any) -> Vec:
        return broadcast(b, scalar, n) if isinstance(low.type, ir.VectorType) else Vec(b, scalar)

    golden = I32(0x9E3779B9)
    here = b.xor(key_high, b.mul(high, golden))
    next_ = b.xor(key_high, b.mul(b.add(high, I32(1)), golden))
    x = _mix(low ^ lanes(key_low))
    return _mix(x ^ carry.select(lanes(next_), lanes(here))) >> 8


def _mix(x: Vec) -> Vec:
    """C. Wellons' lowbias32: a bijection of 32 bits in which every input bit moves every output bit."""
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


def emitters() -> dict[str, Callable[..., Vec]]:
    """What emits each function of a formula."""
    return {name: globals()[f"emit_{f.vector}"] for name, f in FUNCTIONS.items()}
