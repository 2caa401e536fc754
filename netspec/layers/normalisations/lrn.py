"""Local response normalisation."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import count, flag, number
from ...words.layer import Builder, Example, Layer, known_channels, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read, Unsaid


class Lrn(Layer, category="normalisation"):
    """Each number divided by (k + alpha/size * sum of the squares of `size` neighbouring channels) ** beta.

    As PyTorch and Caffe, alpha is divided by the size, and k is 1. AlexNet's paper does not divide: its
    k=2, n=5, alpha=1e-4 is `lrn 5 alpha=5e-4 k=2`, or `lrn 5 alpha=1e-4 k=2 divide=no` (TensorFlow's sense).

    Shapes:  C x W... -> the same
    Paper:   Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012
    """

    size: int = count("channels in the sum", default=5, position=0)
    alpha: float = number("weight of the squares", default=1e-4, least=0)
    beta: float = number("power", default=0.75)
    k: float = number("added to the sum", default=1.0)
    divide: bool = flag("divide alpha by the size", default=True)

    keeps_bias = True
    onnx_reads = ("LRN", "Reshape", "Div")
    examples = (
        Example("lrn", inputs=((7, 3, 2),), output=(7, 3, 2)),
        Example("lrn 3 alpha=0.5 beta=0.6 k=2", inputs=((4, 5),), output=(4, 5)),
        Example("lrn 3 alpha=0.2", inputs=((4, 2, 1, 2),), output=(4, 2, 1, 2)),
        Example("lrn 4 alpha=0.3 divide=no", inputs=((6, 2, 2),), output=(6, 2, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    @property
    def scale(self) -> float:
        return self.alpha / self.size if self.divide else self.alpha

    def power(self, s: str) -> str:
        """s ** -beta."""
        return f"1.0 / (sqrt({s}) * sqrt(sqrt({s})))" if self.beta == 0.75 else f"exp(log({s}) * {-float(self.beta)!r})"

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        s = plane(b.type(x).shape)
        q = b.map("x * x", x=x)
        total = b(f"total[n,c{s}] += q[n,c+j{_minus(self.size // 2)}{s}]", q=q, out=sizes(b.type(x)), over={"j": self.size})
        f = b.map(self.power(f"({float(self.k)!r} + total * {self.scale!r})"), total=total)
        b.save(total=total, f=f)
        return b.map("x * f", x=x, f=f)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx_j = dy_j f_j - 2 alpha beta x_j sum over the windows i that hold j of dy_i x_i f_i / s_i."""
        (x,) = inputs
        s = plane(b.type(x).shape)
        t = b.map(f"dy * x * f / ({float(self.k)!r} + total * {self.scale!r})", dy=dy, x=x, **saved)
        u = b(f"u[n,c{s}] += t[n,c+j{_minus((self.size - 1) // 2)}{s}]", t=t, out=sizes(b.type(x)), over={"j": self.size})
        return (b.map(f"dy * f - x * u * {2 * self.scale * self.beta!r}", dy=dy, f=saved["f"], x=x, u=u),), {}

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        if self.size % 2 == 0:
            raise Unsaid("lrn over an even number of channels lies otherwise around its middle in ONNX")
        (x,) = inputs
        image = len(o.type(x).shape) == 3  # LRN takes no others
        flat = x if image else o("Reshape", x, o.numbers([0, known_channels(o.type(x)), -1, 1], whole=True))
        y = o("LRN", flat, size=self.size, alpha=self.scale * self.size, beta=self.beta, bias=self.k)
        return y if image else o("Reshape", y, o("Shape", x))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op == "Div":
            parts: Read | None = cls._in_parts(n)
            return parts
        inner = n.before(0) if n.op == "Reshape" else n
        flat = inner.before(0) if n.op == "Reshape" and inner is not None else n
        if inner is None or inner.op != "LRN" or flat is None or (flat is not n and (flat.op != "Reshape" or flat.type(0) != n.out)):
            return None
        a = inner.attributes
        if a["size"] % 2 == 0:
            return None
        return Read(cls(size=a["size"], alpha=a.get("alpha", 1e-4), beta=a.get("beta", 0.75), k=a.get("bias", 1.0)), (flat.inputs[0],))

    @classmethod
    def _in_parts(cls: Any, n: OnnxNode) -> Read | None:
        """As PyTorch's exporters take it apart: x / (k + alpha * mean of the squares of neighbours) ** beta, the channels an axis
        of an average pool."""
        numbers, node = list[float](), n.before(1)
        for op in ("Pow", "Add", "Mul"):
            number = None if node is None or node.op != op else node.array(1)
            if node is None or number is None or number.size != 1:
                return None
            numbers.append(float(str(number.reshape(-1)[0])))
            node = node.before(0)
        chain = []
        for ops in (("Reshape", "Squeeze"), ("AveragePool",), ("Pad",), ("Reshape", "Unsqueeze"), ("Mul",)):
            if node is None or node.op not in ops:
                return None
            chain.append(node)
            node = node.before(0)
        pool, pad, square = chain[1], chain[2].array(1), chain[4]
        size, *others = pool.attributes["kernel_shape"]
        around = [] if pad is None else pad.reshape(-1).tolist()
        half = len(around) // 2
        fits = set(others) == {1} and half == len(others) + 3 and [k for k, v in enumerate(around) if v] in ([2, half + 2], [2])
        if not fits or around[2] != size // 2 or around[half + 2] != (size - 1) // 2 or square.inputs != (n.inputs[0],) * 2:
            return None
        beta, k, alpha = numbers
        return Read(cls(size=size, alpha=alpha, beta=beta, k=k), (n.inputs[0],))


def _minus(n: int) -> str:
    return f"-{n}" if n else ""
