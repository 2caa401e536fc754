"""The numbers of a network by name: views that read and write, and a place for them before a device is bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..backends.turns import Gate
from ..diagnostics import Advice, near
from ..interchange.weights.source import widened
from ..ir.graph import Parameter
from ..ir.types import shape_text
from .misuse import misuse

Array = NDArray[Any]
SOME = 4  # names that a line shows


class Store(Protocol):
    """Where parameters and optimiser state lie: an executor, or `Waiting` before there is one."""

    version: int  # goes up whenever a number changes
    dtype: Any

    def get(self, name: str) -> Array: ...
    def set(self, name: str, value: Array) -> None: ...
    def get_state(self, slot: str, name: str) -> Array: ...
    def set_state(self, slot: str, name: str, value: Array) -> None: ...


class Waiting:
    """Numbers of a network whose input size is not known yet."""

    def __init__(self, parameters: tuple[Parameter, ...], dtype: Any):
        self.values = {p.name: np.zeros(p.shape, dtype) for p in parameters}
        self.state: dict[tuple[str, str], Array] = {}
        self.dtype, self.version = dtype, 0

    def get(self, name: str) -> Array:
        return self.values[name].copy()

    def set(self, name: str, value: Array) -> None:
        self.values[name] = np.array(value, self.dtype)
        self.version += 1

    def get_state(self, slot: str, name: str) -> Array:
        return self.state.get((slot, name), np.zeros_like(self.values[name])).copy()

    def set_state(self, slot: str, name: str, value: Array) -> None:
        self.state[slot, name] = np.array(value, self.dtype)
        self.version += 1


class Values(Mapping[str, Array]):
    """Parameters or buffers by name. Reading gives a read-only copy in canonical layout; assignment writes."""

    def __init__(self, what: str, parameters: tuple[Parameter, ...], store: Callable[[], Store],
                 put: Callable[[str, Array], None], gate: Gate):
        self._what, self._store, self._put, self._gate = what, store, put, gate
        self._parameters = {p.name: p for p in parameters}

    def known(self, name: str) -> Parameter:
        """What is declared of it. Raises UnknownName."""
        if not isinstance(name, str) or name not in self._parameters:
            meant = near(str(name), self._parameters)
            raise misuse("unknown-name", f"there is no {self._what} `{name}`",
                         hint=f"did you mean {meant}?" if meant
                         else Advice(f"some of them: {', '.join(list(self._parameters)[:6])}") if self._parameters else "")
        return self._parameters[name]

    def __getitem__(self, name: str) -> Array:
        self.known(name)
        with self._gate.shared():
            out = self._store().get(name)
        out.flags.writeable = False
        return out

    def __setitem__(self, name: str, value: Any) -> None:
        p = self.known(name)
        self._put(name, checked(p, value, self._store().dtype))

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, is a dict of the numbers as they are now, all of one state."""
        with self._gate.shared():
            return dict, (dict(self),)

    def __repr__(self) -> str:
        """One line; `print` shows all."""
        frozen = sum(not p.trainable and p.kind != "buffer" for p in self._parameters.values())
        some = [f"{n} {shape_text(p.shape)}" for n, p in list(self._parameters.items())[:SOME]]
        names = ", ".join([*some, *(["..."] if len(self) > SOME else [])])
        return self._title + (f", {frozen} frozen" if frozen else "") + (f": {names}" if names else "")

    def __str__(self) -> str:
        lines = [f"  {n}: {shape_text(p.shape)}" + ("" if p.trainable or p.kind == "buffer" else " frozen")
                 for n, p in self._parameters.items()]
        return "\n".join([self._title, *lines])

    @property
    def _title(self) -> str:
        return f"{len(self)} {self._what}{'s' if len(self) != 1 else ''}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._parameters)


def checked(p: Parameter, value: Any, dtype: Any, of: str = "") -> Array:
    """A new value for a parameter: numbers of exactly its shape, none of which would be infinite in `dtype` alone; `of` says
    where it comes from."""
    try:
        a = np.asarray(value)
    except Exception as e:  # whatever an object of another library says
        raise misuse("wrong-type", f"the value for {p.name} is no array: {e}") from None
    if a.dtype.name == "bfloat16":  # of another library: NumPy has none
        a = widened(a)
    if a.dtype.kind not in "iuf" or a.dtype.itemsize == 1:
        raise misuse("wrong-type", f"the value for {p.name} holds {a.dtype}, not numbers",
                     hint="value.astype(\"float32\"), if they are the numbers and not a code for them")
    fits(p, a.shape)
    if (big := beyond(a, dtype)) is not None:
        raise misuse("bad-value", f"the value for {p.name}{of} holds {big:g}, which is beyond {np.dtype(dtype).name}",
                     hint='compile(..., dtype="float64")' if big < np.finfo(np.float64).max else "")
    if spread(p) and a.size and not (a >= 0).all():
        raise misuse("bad-value", f"the value for {p.name}{of} is negative or NaN in places, and a variance is neither",
                     f"the smallest is {a.min():g}")
    return a


def beyond(a: Array, dtype: Any) -> Any:
    """The first number that is finite, and in `dtype` would not be; None where there is none."""
    if a.dtype.kind != "f" or a.dtype.itemsize <= np.dtype(dtype).itemsize:
        return None
    with np.errstate(all="ignore"):
        lost = np.isfinite(a) & ~np.isfinite(a.astype(dtype))
    return a[lost][0] if lost.any() else None


def fits(p: Parameter, shape: tuple[int, ...], of: str = "") -> None:
    """A parameter's value has exactly its shape; `of` says where it comes from."""
    if shape != p.shape:
        hint = "value.T: weights of fully connected layers are [out, in]" if shape == p.shape[::-1] and len(p.shape) == 2 else ""
        raise misuse("wrong-shape", f"the value for {p.name}{of} has the wrong shape", f"expected {shape_text(p.shape)}",
                     f"got {shape_text(shape) or 'a single number'}", hint=hint)


def spread(p: Parameter) -> bool:
    """Whether it is a variance."""
    return p.kind == "buffer" and p.name.rpartition(".")[2] == "var"
