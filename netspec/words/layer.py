"""What a layer is. Read this file, then any one neighbour, then write your own.

A layer is one class in one file. Its fields are its arguments in the language; `shape` is its shape rule, `parameters`
what it learns, `forward` its meaning in index formulas. From these come the checks, the counts, the gradient, the
kernels of every backend, its documentation and its tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from ..ir.graph import Node, Parameter
from ..ir.types import TensorType
from .faults import WordError
from .onnx import Onnx, OnnxNode, OnnxWriter, Read, Unsaid
from .registry import Registry
from .word import Word

LAYERS: Registry[Layer]
STRUCTURAL: Registry[Layer]


@dataclass(frozen=True)
class Example:
    """A test, a line of documentation and a gradient check, in one line.

    `spec` is a step as a user writes it; `inputs` the shapes it reads (the flow, then its references, which the spec
    calls @a, @b, ...), `output` the shape of its result, all without the batch.
    """

    spec: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    parameters: int = 0  # trainable
    macs: int = 0
    before: tuple[str, ...] = ()  # lines above it: "p: @a -> maxpool 2"
    views: int = 1  # images of a sample, as inside `each`


class Builder(Protocol):
    """What a layer writes its formulas with; `passes/lower.py` provides it.

    `b("y[n,o,{p}] += x[n,c,{p}] * w[o,c]", x=x, w=w)` appends one formula and returns the name of its value. The type
    of the result is inferred from bare indices, or given by `out` (a shape). `over` gives the extents of indices that no
    bare subscript has. `{...}` in a text is Python's format: build axis lists with `axes`.
    """

    training: bool  # batch statistics and dropout, or not

    def __call__(self, text: str, /, *, out: tuple[int, ...] | None = None, over: dict[str, int] | None = None,
                 batch: int | None = None, effect: str | None = None, **operands: str | float) -> Any: ...

    def map(self, expression: str, **operands: str | float) -> str:
        """Element-wise: every operand is read at the element's own place; a per-channel one (no batch, one axis) at its
        channel."""

    def pieces(self, *texts: str | tuple[str, dict[str, int]], out: tuple[int, ...], **operands: str) -> str:
        """Several formulas that each write their own part of one value of shape `out`; a pair also gives the extents of
        indices that no bare subscript has."""

    def type(self, value: str) -> TensorType: ...

    def view(self, parameter: str, shape: tuple[int, ...]) -> str:
        """The same numbers in row-major order under another shape: a fully connected weight read as [o, c, h, w]."""

    def same(self, new: str, old: str) -> None:
        """Say that `new` holds the numbers of `old` in the same order, for layers that can read either (`Layer.sees`)."""

    def save(self, **values: str) -> None:
        """Values that this layer's `backward` reads."""

    def scalar(self, name: str) -> str:
        """A number the runtime keeps in memory, read as `s[0]`: "random_key" (of the seed and the step or call), "random_first"
        (how many examples of it came before this batch)."""

    def key(self) -> int:
        """A number that no other call in this network gets: the salt of a random formula."""


Slide = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...], tuple[int, ...]]  # see Layer.slides


class Layer(Word):
    """A named function of tensors. Subclasses become frozen dataclasses."""

    category: str = "arithmetic"  # or convolution, dense, pooling, activation, normalisation, merge, move, noise: its colour
    takes: tuple[Literal["activation", "norm"], ...] = ()  # families of bare words it accepts: `conv 64 3x3 bn relu`
    arity: tuple[int, int | None] = (1, 1)  # how many values it reads, at least and at most (None: any number)
    rectifies: bool = False  # keeps about half the mean square of what it reads, as relu does: weights before it begin wider
    centres: bool = False  # subtracts each channel's mean, so that a bias right before it would be dead
    statistics: str = ""  # what people call it, where training takes means over the batch, which need two values a channel
    gives: Literal["", "probabilities", "log-probabilities"] = ""  # what its numbers mean, for the losses that read them
    log_of: str = ""  # the layer whose result it is the logarithm of
    renames: bool = False  # gives the numbers it reads, in their order, under another shape
    enlarges: bool = False  # makes an image larger, so that no window leaves pixels over
    gathers: bool = False  # puts the channels of its inputs side by side, so that only their places must agree
    in_order: bool = False  # gives something else for its inputs in another order
    keeps_bias: bool = False  # a normalisation without a shift of its own: the step that takes it has a bias all the same
    refers: str = ""  # what it takes of all that it reads after the flow, where that is none of its numbers: "size", "places"
    symbol: str = ""  # drawn in a circle, where it is a merge
    binds: bool = False  # whether `bound` does anything
    onnx: ClassVar[str | Onnx | tuple[str | Onnx, ...]] = ()  # its operators in ONNX, see words/onnx.py; or the three below
    onnx_reads: ClassVar[tuple[str, ...]] = ()  # operators that `from_onnx` is shown
    examples: ClassVar[tuple[Example, ...]] = ()

    def __init_subclass__(cls, category: str = "", name: str | None = None, structural: bool = False, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        (STRUCTURAL if structural else LAYERS).add(cls, name, category or cls.category, abstract)

    def shape(self, *inputs: TensorType) -> TensorType:
        """The type of the result. Raises WordError with the formula and its numbers. Sizes may be None (unknown): the
        rule lets them through, and refuses only where a number is needed."""
        raise NotImplementedError

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        """What it learns, names relative to the layer (`weight`)."""
        return ()

    def macs(self, *inputs: TensorType) -> int | None:
        """Multiply-accumulates of one sample, where they are not what the formulas say (None)."""
        return None

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        """Write the formulas; returns the value that is the result."""
        raise NotImplementedError

    def sees(self, before: TensorType, after: TensorType) -> bool:
        """Whether it can read an input as it was before a flatten, a reshape or the end of an `each` moved its numbers."""
        return False

    def pointwise(self) -> bool:
        """Whether each number of the result comes from the one at its place alone, so that a flatten or a reshape may as well
        come after it."""
        return False

    def puts_around(self, rank: int) -> Sequence[tuple[int, int]]:
        """How many numbers that are no pixels it puts before and after each axis of an image: nobody misses those."""
        return ((0, 0),) * rank

    def slides(self, x: TensorType) -> Slide | None:
        """How its windows go over an image and may leave some of it out: their size, their step, the zeros (before, after), and
        the distance of their taps, an axis each."""
        return None

    def bound(self, makers: tuple[Node, ...], values: tuple[str, ...]) -> tuple[Layer, tuple[str, ...]]:
        """Called as the layer is placed, with the values it reads and the nodes that make them. Returns the layer,
        perhaps with facts of those nodes, and the values to read instead (`unpool` reads what the pool it undoes read)."""
        return self, values

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Write the operators of ONNX that compute the same when predicting; returns the value that is the result. Raises Unsaid
        with a line that says why there are none. Not asked of a layer that states them in `onnx`."""
        raise Unsaid("this layer does not say what it is in ONNX")

    @classmethod
    def from_onnx(cls, n: OnnxNode) -> Read | None:
        """The layer that a node is, with what it reads and its parameters; None where it is another, or none."""
        return None

    # Layers whose gradient has a better closed form define:
    #   backward(self, b, dy, *inputs, saved: dict[str, str], **parameters) -> (gradients of the inputs, {parameter: gradient})
    # and call b.save(name=value) in forward.
    backward: Any = None


LAYERS = Registry("layer", "netspec.layers", apart=("parts", "structural"))
STRUCTURAL = Registry("structural layer", "netspec.layers.structural")  # what a structure of the language makes (`each`), and nobody can write

OUT = "pqr"  # places of an output, an axis each
WINDOW = "uvt"  # places in a window
SPACE = "hwd"  # places of an input (for formulas that do not slide)


def axes(*letters: str) -> str:
    return ",".join(letters)


def names(kind: str, rank: int) -> list[str]:
    """The first `rank` index letters of a kind: names(OUT, 2) = ["p", "q"]."""
    return list(kind[:rank])


def known(sizes: Sequence[int | None]) -> bool:
    return None not in sizes


def plane(shape: Sequence[int | None]) -> str:
    """The spatial subscripts of a value, with a comma before each: `,h,w` for Cx5x5. The same as `map` writes."""
    return ("", ",w", ",h,w", ",d,h,w")[len(shape) - 1]


def sizes(t: TensorType) -> tuple[int, ...]:
    """The shape of a type whose sizes are all known."""
    assert t.known, f"the size of {t} is not known"
    return tuple(s for s in t.shape if s is not None)


def known_channels(t: TensorType) -> int:
    """The number of channels, where a rule needs it."""
    if t.channels is None:
        raise WordError("the number of channels must be known here", label="it is `?`",
                        advice="only heights and widths may be left open:  input 3x?x?", code="unknown-size")
    return t.channels


def channelwise(t: TensorType) -> tuple[int, ...]:
    """The shape of a number for each channel that is repeated over all places: Cx1x1."""
    return (known_channels(t), *(1,) * len(t.spatial))


def known_sizes(t: TensorType) -> tuple[int, ...]:
    """The shape of an input that has a parameter for every element."""
    if not t.known:
        raise WordError("every element has a number of its own here, so the size of the input must be known",
                        label=f"the input is {t}", hint="bind the size:  --input 3x224x224", code="unknown-size")
    return sizes(t)


class Activation(Layer, category="activation", abstract=True):
    """A function of each number by itself: subclasses state `formula`, an expression of x."""

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def pointwise(self) -> bool:
        return True

    def formula(self) -> str:
        raise NotImplementedError

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        return b.map(self.formula(), x=inputs[0])
