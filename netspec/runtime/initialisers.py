"""First values of parameters. Each depends on the seed and the parameter's own name alone, so that adding, removing or
reordering layers changes no other parameter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..ir.initialisers import FITTING, INITIALISERS

if TYPE_CHECKING:
    from ..ir.graph import Parameter

Array = NDArray[Any]
Draws = Callable[[], np.random.Generator]  # made for the rules that draw: most parameters are constants
Rule = Callable[["Parameter", Draws, tuple[float, ...]], Array]


def initial(p: Parameter, seed: int) -> Array:
    """The first value of a parameter in float64, in its canonical shape.

    Errors: an initialiser that does not exist, or was given too many numbers; `values` of the wrong length.
    """
    if p.of:
        v: Array = initial(replace(p, name=p.name.removesuffix("_g") + "_v", shape=p.of, of=()), seed)
        length: Array = np.sqrt((v * v).sum(tuple(range(len(p.shape), v.ndim))))
        return length
    if p.values is not None:
        if len(p.values) != p.size:
            raise _misuse("wrong-shape", f"{p.name} is given {len(p.values)} values and holds {p.size}")
        return np.array(p.values, np.float64).reshape(p.shape)
    if isinstance(p.init, int | float):
        return np.full(p.shape, float(p.init))
    name, *rest = p.init.split()
    try:
        numbers = tuple(float(r) for r in rest)
        rule, most = RULES[name], INITIALISERS[name]
    except (KeyError, ValueError):
        raise _misuse("unknown-initialiser", f"{p.name}: there is no initialiser `{p.init}`",
                      advice=f"one of {', '.join(INITIALISERS)}") from None
    if len(numbers) > most:
        raise _misuse("unknown-initialiser",
                      f"{p.name}: `{name}` takes at most {most} number{'s' if most != 1 else ''}, not `{p.init}`")
    drawn = p.name.removesuffix("_v") if p.name.endswith(".weight_v") else p.name  # as the weight would be
    return np.asarray(rule(p, lambda: generator(seed, drawn), numbers), np.float64).reshape(p.shape)


def _misuse(code: str, title: str, advice: str = "") -> Exception:
    """Imported when it is needed: a module that stands alone has the rules below and no diagnostics."""
    from ..diagnostics import Advice
    from .misuse import misuse

    return misuse(code, title, hint=Advice(advice) if advice else "")


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers that only the seed and a name decide."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def _constant(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    return np.full(p.shape, (numbers or (0.0,))[0])


def _gaussian(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Standard deviation, 0.01 unless given."""
    return random().standard_normal(p.shape) * (numbers or (0.01,))[0]


def _uniform(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Between -limit and limit, 0.05 unless given."""
    limit = (numbers or (0.05,))[0]
    return random().uniform(-limit, limit, p.shape)


def _he(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Normal, std sqrt(2 / fan_in). He et al., "Delving Deep into Rectifiers", 2015 (arXiv:1502.01852)"""
    return random().standard_normal(p.shape) * sqrt(2 / p.fan_in)


def _he_uniform(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    limit = sqrt(6 / p.fan_in)
    return random().uniform(-limit, limit, p.shape)


def _xavier(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Normal, std sqrt(2 / (fan_in + fan_out)). Glorot and Bengio, 2010"""
    return random().standard_normal(p.shape) * sqrt(2 / (p.fan_in + p.fan_out))


def _xavier_uniform(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    limit = sqrt(6 / (p.fan_in + p.fan_out))
    return random().uniform(-limit, limit, p.shape)


def _lecun(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Normal, std sqrt(1 / fan_in), which `selu` asks for. LeCun et al., "Efficient BackProp", 1998"""
    return random().standard_normal(p.shape) * sqrt(1 / p.fan_in)


def _lecun_uniform(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Within sqrt(3 / fan_in): Caffe's `xavier`."""
    limit = sqrt(3 / p.fan_in)
    return random().uniform(-limit, limit, p.shape)


def _orthogonal(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """Rows (or columns, whichever are fewer) orthonormal, times a gain. Saxe et al., 2013 (arXiv:1312.6120)"""
    rows, columns = p.shape[0], prod(p.shape[1:])
    a = random().standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(a)
    q *= np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(p.shape) * (numbers or (1.0,))[0]


def _identity(p: Parameter, random: Draws, numbers: tuple[float, ...]) -> Array:
    """1 where the row is the column, 0 elsewhere; what is no matrix has its first axis as rows."""
    return np.eye(p.shape[0], prod(p.shape[1:])).reshape(p.shape)


RULES: dict[str, Rule] = {  # for every name of ir/initialisers.py
    FITTING: _he,  # elaborate/first_weights.py has put LeCun's where that fits
    "zeros": _constant,
    "ones": lambda p, random, numbers: np.ones(p.shape),
    "constant": _constant,
    "gaussian": _gaussian,
    "uniform": _uniform,
    "he": _he,
    "he_normal": _he,
    "he_uniform": _he_uniform,
    "xavier": _xavier,
    "xavier_normal": _xavier,
    "xavier_uniform": _xavier_uniform,
    "lecun": _lecun,
    "lecun_normal": _lecun,
    "lecun_uniform": _lecun_uniform,
    "orthogonal": _orthogonal,
    "identity": _identity,
}
