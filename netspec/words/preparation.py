"""What a preparation is: what an input goes through before anything reads it, with numbers that the text gives or that are
measured once, on the training examples. One class in one file; its fields are its arguments in the language.

It is a layer that learns nothing: its numbers are buffers, so that they are kept, emitted and computed like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ..ir.graph import Parameter
from ..ir.types import TensorType
from .faults import WordError
from .layer import Layer
from .registry import Registry
from .word import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Examples = NDArray[Any]  # examples x channels x places, in float64

PREPARATIONS: Registry[Preparation] = Registry("preparation", "netspec.preparations")
COUNT = "examples"  # the buffer that says on how many examples the others were measured; 0: they were not


class Preparation(Layer, abstract=True):
    """A function of an input, of the same shape. `numbers` are its buffers, `measure` says what they come to on the examples of
    training, and `forward`, as a layer's, what it computes with them. `given` says that the text states them all."""

    category = "preparation"
    inputs: tuple[str, ...] = field(default=(), kw_only=True)  # the inputs it is of, by name; none: all of them

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super(Layer, cls).__init_subclass__(**kw)
        PREPARATIONS.add(cls, name, "preparation", abstract)

    def __str__(self) -> str:
        """As its line says it."""
        return " ".join(("prepare", Word.__str__(self), *(f"@{name}" for name in self.inputs)))

    @property
    def given(self) -> bool:
        """Whether there is nothing to measure."""
        return False

    def numbers(self, x: TensorType) -> tuple[Parameter, ...]:
        """Its buffers for an input of this type, names relative to it. Raises WordError. Before they are measured they hold what
        changes nothing."""
        raise NotImplementedError

    def measure(self, examples: Iterable[Examples]) -> dict[str, Any]:
        """What the buffers come to on these examples, all of which come once, some at a time, in order."""
        raise NotImplementedError

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        return self.numbers(inputs[0]) + (() if self.given else (buffer(COUNT, (1,), "zeros"),))


def buffer(name: str, shape: tuple[int, ...], init: str, values: tuple[float, ...] | None = None) -> Parameter:
    """Numbers of a preparation."""
    return Parameter(name, shape, "buffer", init, trainable=False, values=values)


def stated(what: str, given: Any, shape: tuple[int, ...]) -> tuple[float, ...] | None:
    """Numbers that the text gives, as many as the shape holds; a single one serves everywhere. Raises WordError."""
    if given is None:
        return None
    found, size = tuple(_flat(what, given)), 1
    for n in shape:
        size *= n
    if len(found) not in (1, size):
        raise WordError(f"{what} is a number, or a list of {size}", label=f"{len(found)} numbers, and {size} are wanted",
                        code="bad-value")
    return found if len(found) == size else found * size


def _flat(what: str, given: Any) -> Iterator[float]:
    for v in given if isinstance(given, (tuple, list, range)) else (given,):
        if isinstance(v, (tuple, list, range)):
            yield from _flat(what, v)
        elif isinstance(v, bool) or not isinstance(v, (int, float)) or not abs(v) < float("inf"):
            raise WordError(f"{what} is a number, or a list of numbers", label=f"{what}={v}", code="bad-value",
                            hint=f"{what}=[0.5, 0.5, 0.5]")
        else:
            yield float(v)


def together(word: Word, *names: str) -> None:
    """Refuse a part of numbers that only make sense with the others. Raises WordError."""
    said = [n for n in names if getattr(word, n) is not None]
    if said and len(said) < len(names):
        missing = next(n for n in names if n not in said)
        raise WordError(f"{word.name} is given all of its numbers, or measures them all", label=f"{said[0]}= without {missing}=",
                        code="bad-value")
