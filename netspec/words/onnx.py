"""How a layer says what it is in ONNX, both ways.

Most layers are one operator, or a few that always stand together, and say so beside their formula:

    onnx = "LeakyRelu(x, alpha=slope)"
    onnx = "Mul(x, Sigmoid(x))", "Swish(x)"

`x` is what the layer reads, `y` and `z` what it reads after that, `*x` all of it; other names are fields of the layer, numbers
stand for themselves. Of several, the first that says all the fields and that the opset has is written, and all of them are
read. `Onnx` adds fields that the text cannot say: `Onnx("Gelu(x, approximate='tanh')", form="tanh")`.

Where it has parameters, or what is written depends on shapes, the layer has methods instead: `to_onnx` writes operators as
`forward` writes formulas, and `from_onnx` is shown every node of an operator that the layer lists in `onnx_reads`. The room
`interchange/onnx/` does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..ir.types import TensorType
from .faults import WordError


class Onnx:
    """Operators as a text, and fields that they mean without saying them."""

    def __init__(self, text: str, **fields: Any):
        self.text, self.fields = text, fields


class Unsaid(WordError):
    """A layer cannot be said in ONNX, or not in this opset: the text says why, in a line."""


class Unsized(Unsaid):
    """It cannot be said while sizes of the net's inputs are open."""


@dataclass(frozen=True)
class Read:
    """What a layer makes of a node of a file, and perhaps of those before it: itself, the values it reads, its parameters."""

    layer: Any
    inputs: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


class OnnxWriter(Protocol):
    """What `to_onnx` writes with. Values and parameters are names."""

    opset: int
    note: str  # what the node says of itself beside its operator: what only training needs

    def __call__(self, op: str, /, *inputs: str, **attributes: Any) -> str:
        """Append a node; returns its result. An input that is left out is an empty name."""

    def numbers(self, values: Any, whole: bool = False) -> str:
        """A constant: a number, or a list of them; float32, or int64 where they are `whole`."""

    def reduce(self, op: str, x: str, axes: Sequence[int], keep: bool = True) -> str:
        """A reduction over axes (the batch is axis 0), which opsets spell in two ways."""

    def several(self, op: str, results: int, /, *inputs: str, **attributes: Any) -> list[str]:
        """Append a node with so many results."""

    def type(self, value: str) -> TensorType:
        """What is known of a value that a layer reads."""

    def array(self, parameter: str) -> Any:
        """The numbers of a parameter."""

    def shaped(self, parameter: str, shape: tuple[int, ...]) -> str:
        """A parameter under another shape."""

    def has(self, op: str) -> bool:
        """Whether the opset knows an operator."""

    def need(self, opset: int, what: str) -> None:
        """Refuse to say this before an opset. Raises Unsaid."""


class OnnxNode(Protocol):
    """A node of a file as `from_onnx` sees it, in the form that the newest opset has."""

    op: str
    attributes: dict[str, Any]  # those that are not given have their defaults
    inputs: tuple[str, ...]  # values; one that is left out is an empty name
    outputs: tuple[str, ...]
    note: str  # what the file says of the node beside its operator

    def array(self, k: int) -> Any:
        """The numbers of an input that is constant; None for another one, and for one that is not there."""

    def type(self, k: int) -> TensorType | None:
        """What an input is without the batch; None where its first axis is not the batch."""

    @property
    def out(self) -> TensorType | None:
        """What its first result is."""

    def before(self, k: int) -> OnnxNode | None:
        """The node that makes an input, where nothing else reads that."""

    def source(self, k: int) -> OnnxNode | None:
        """The node that makes an input, whoever else reads that."""

    def origins(self, k: int) -> list[str]:
        """The values whose sizes a constant input was computed from."""

    def typed(self, value: str) -> TensorType | None:
        """The type of a value."""

    def alike(self, t: TensorType) -> str | None:
        """An earlier value with the same places as this type."""
