"""The inputs of a file: what they hold, and the sizes of those of their axes that it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ...diagnostics import Advice, UsageError
from ...ir.types import shape_text
from .need import onnx, sized, trouble

Array = NDArray[Any]
Shape = tuple[int, ...]
SIDES = (48, 320, 16)  # sizes that a hint gives to axes that are open, as an example
CHANNELS = 3  # how many it gives


@dataclass(frozen=True)
class Given:
    """An input: its batch and its other axes as the file says them, none where they are open, and the kind of its numbers."""

    batch: int | None
    axes: tuple[int | None, ...]
    kind: int

    def fits(self, shape: Shape) -> bool:
        """Whether its axes may be these."""
        return len(shape) == len(self.axes) and all(n in (None, s) for n, s in zip(self.axes, shape))

    def shape(self, said: Shape, usual: int) -> Shape:
        """Its axes, those that are open of the size that is said, or else of the usual one."""
        return said or tuple(usual if n is None else n for n in self.axes)


def given(model: Any, numbers: Mapping[str, Array]) -> dict[str, Given]:
    """Every input that is no constant. Raises NetspecError where one is no value of a network."""
    library = onnx()
    found = {}
    for i in model.graph.input:
        if i.name in numbers:
            continue
        t = i.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in t.shape.dim]
        if any(d.HasField("dim_value") and d.dim_value == 0 for d in t.shape.dim[1:]):
            raise trouble("bad-onnx", f"the input {i.name} has an axis of size 0", "an axis whose size is open has none, or a name")
        if len(dims) > 1 and dims[1] is None:
            dims[1] = _channels(model, i.name, numbers)
        if t.elem_type not in (library.TensorProto.FLOAT, library.TensorProto.DOUBLE, library.TensorProto.FLOAT16):
            raise trouble("bad-onnx", f"the input {i.name} holds {library.helper.tensor_dtype_to_string(t.elem_type)}"
                                      if t.elem_type else f"the input {i.name} has no type", "networks here read floating-point numbers")
        if not 2 <= len(dims) <= 6 or any(d is not None and d > 10**6 for d in dims):
            raise trouble("bad-onnx", f"the input {i.name} has the shape {dims}",
                          "an input has a batch, perhaps views, channels, and up to three more axes")
        found[i.name] = Given(dims[0], tuple(dims[1:]), t.elem_type)
    return found


def check(inputs: Mapping[str, Given], sizes: Mapping[str, Shape]) -> None:
    """Refuse sizes of an input that the file has not, or has otherwise; "" is any. Raises UsageError."""
    for name, said in sizes.items():
        if name and name not in inputs:
            raise UsageError(f"the file has no input called {name}", f"it has {', '.join(inputs)}",
                             hint=f"--input {next(iter(inputs))}={shape_text(said)}", code="wrong-argument")
        meant = [v for v in inputs if name in ("", v)]
        if not any(inputs[v].fits(said) for v in meant):
            v = meant[0]
            raise UsageError(f"the input {v} is {shape_text(inputs[v].axes)} in the file, and cannot be {shape_text(said)}",
                             hint=example(inputs) or Advice("the file leaves no size open, and needs no --input"), code="wrong-argument")


def example(inputs: Mapping[str, Given]) -> str:
    """The option that says sizes of the axes that are open; nothing where none is."""
    return sized({name: (i.axes[0] or CHANNELS, *i.axes[1:]) for name, i in inputs.items()}, SIDES)


def _channels(model: Any, name: str, numbers: Mapping[str, Array]) -> int | None:
    """The channels of an input that leaves them open, where a convolution that reads it knows them by its weight."""
    for n in model.graph.node:
        w = numbers.get(n.input[1]) if n.op_type == "Conv" and len(n.input) > 1 and n.input[0] == name else None
        if w is not None and w.ndim > 2:
            return int(w.shape[1]) * next((int(a.i) for a in n.attribute if a.name == "group"), 1)
    return None
