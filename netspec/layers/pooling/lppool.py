"""Pooling by a norm."""

from __future__ import annotations

from dataclasses import replace
from math import isclose, prod
from typing import Any, ClassVar

from ...ir.types import TensorType
from ...words import count
from ...words.layer import OUT, SPACE, WINDOW, Builder, Example, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_windows import in_onnx
from ..parts.windows import slide
from .avgpool import AvgPool


class LpPool(AvgPool, category="pooling"):
    """The p-norm of each window: (sum of |x|^p)^(1/p), the Euclidean length unless p is given.

    As ONNX's LpPool, and PyTorch's LPPool where p is even (for odd p it sums x^p, signs included). Where a window is all
    zeros the gradient is 0.

    Shapes:  C x W... -> C x P...,  P = floor((W - F + 2*pad) / stride) + 1 (`ceil` rounds up); `global`: C x 1...
    Errors:  a window larger than the padded input; padding that could fill a window
    Paper:   Boureau, Ponce and LeCun, "A Theoretical Analysis of Feature Pooling in Visual Recognition", 2010
    """

    count_pad: bool = True  # zeros add nothing to a norm
    to: Any = None
    p: int = count("the power", default=2)

    onnx_reads = ("GlobalLpPool", "LpPool", "Pow")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("lppool", inputs=((3, 6, 4),), output=(3, 3, 2)),
        Example("lppool 3 /2 pad=1 p=3", inputs=((2, 7, 6),), output=(2, 4, 3)),
        Example("lppool 2 ceil p=1", inputs=((2, 5),), output=(2, 3)),
        Example("lppool 2 /1 dilation=2 p=4", inputs=((1, 3, 4, 3),), output=(1, 1, 2, 1)),
        Example("lppool global", inputs=((3, 4, 5),), output=(3, 1, 1)),
    )

    def _slide(self, t: TensorType) -> tuple[str, str, dict[str, int]]:
        """Subscripts of the result and of the input, and the places of a window."""
        rank = len(t.shape) - 1
        if self.whole:
            return "n,c," + ",".join("0"
                                     * rank), "n,c," + ",".join(names(SPACE, rank)), dict(zip(names(SPACE, rank), sizes(t)[1:]))
        window, stride, pad, dilation = self.geometry(t)
        return "n,c," + ",".join(names(OUT, rank)), "n,c," + slide(stride, pad, dilation), dict(zip(names(WINDOW, rank), window))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        to, at, over = self._slide(t)
        power = b.map(" * ".join(["x" if self.p % 2 == 0 else "abs(x)"] * self.p), x=x)
        total = str(b(f"total[{to}] += power[{at}]", power=power, out=sizes(self.shape(t)), over=over))
        roots = {1: "total", 2: "sqrt(total)", 4: "sqrt(sqrt(total))"}
        y = b.map(roots.get(self.p, f"where(total == 0.0, 0.0, exp(log(total) * {1 / self.p!r}))"), total=total)
        b.save(y=y)
        return y

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = sign(x) (|x| / y)^(p-1) dy, summed over the windows that hold x."""
        (x,) = inputs
        t = b.type(x)
        to, at, over = self._slide(t)
        sign = f" * where(x[{at}] > 0.0, 1.0, where(x[{at}] < 0.0, -1.0, 0.0))" if self.p % 2 else ""
        part = f"dy[{to}]{sign}" + f" * (x[{at}] / y[{to}])" * (self.p - 1)
        return (str(b(f"dx[{at}] += where(y[{to}] == 0.0, 0.0, {part})", x=x, y=saved["y"], dy=dy, out=sizes(t), over=over)),), {}

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.whole:
            return o("GlobalLpPool", x, p=self.p)
        window, stride, pad, dilation = self.geometry(o.type(x))
        return o("LpPool", x, p=self.p, ceil_mode=int(self.rounding == "ceil"),
                 **in_onnx(o.type(x), self.pad, window, stride, pad, dilation))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op == "Pow":
            apart: Read | None = cls._apart(n)
            return apart
        found = super().from_onnx(n)
        return found and replace(found, layer=replace(found.layer, p=n.attributes.get("p", 2), count_pad=True))

    @classmethod
    def _apart(cls: Any, n: OnnxNode) -> Read | None:
        """What PyTorch's exporters write: the mean of the powers, as often as a window has places, and the root of that."""
        many = n.before(0)
        pool = many.before(0) if many is not None and many.op == "Mul" else None
        power = pool.before(0) if pool is not None and pool.op == "AveragePool" else None
        numbers = [None if m is None else m.array(1) for m in (n, many, power)]
        if many is None or pool is None or power is None or power.op != "Pow" or any(a is None or a.size != 1 for a in numbers):
            return None
        root, places, p = (float(a.reshape(-1)[0]) for a in numbers if a is not None)
        whole = p % 2 == 0 and p > 0 and isclose(root * p, 1, rel_tol=1e-6) and places == prod(pool.attributes["kernel_shape"])
        found = super().from_onnx(pool) if whole else None
        if found is None or found.layer.pad != "valid" or found.layer.rounding == "ceil":
            return None
        return Read(replace(found.layer, p=int(p), count_pad=True), (power.inputs[0],))
