"""Fully connected layer."""

from __future__ import annotations

from math import prod
from typing import Any

from ...ir.graph import Parameter
from ...ir.initialisers import FITTING
from ...ir.types import TensorType, shape_text
from ...words import WordError, count, flag
from ...words.layer import SPACE, Builder, Example, Layer, names
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.lengths import in_parts, weight_of


class Fc(Layer, category="dense"):
    """Fully connected layer, y = W x + b; it flattens its input (channel, then row, then column).

    Shapes:  C x W... -> units
    Params:  weight [units, C*W...], bias [units]; with `weight_norm` weight_v of the weight's shape and
             weight_g [units] in its place
    Errors:  an input whose size is not known
    Paper:   Rosenblatt, "The Perceptron", 1958
    """

    takes = ("activation", "norm")

    units: int = count("numbers in the result", position=0)
    bias: bool = flag("add a learned number to every unit", default=True)
    weight_norm: bool = flag("learn a direction and a length for the weights of each unit: w = v * g / |v|", default=False,
                             word="weight_norm")

    onnx_reads = ("Gemm", "MatMul", "Add")
    examples = (
        Example("fc 3", inputs=((5,),), output=(3,), parameters=18, macs=15),
        Example("fc 4 bias=no", inputs=((2, 3, 3),), output=(4,), parameters=72, macs=72),
        Example("fc 3 weight_norm", inputs=((2, 3, 3),), output=(3,), parameters=60, macs=54),
        Example("fc 2", inputs=((3, 2, 2, 2),), output=(2,), parameters=50, macs=48),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not x.known:
            raise WordError("fc needs to know the size of its input", label=f"the input is {shape_text(x.shape)}",
                            advice="bind the size (--input 3x224x224), or put  avgpool global ->  before it", code="unknown-size")
        return x.of(self.units)

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        (x,) = inputs
        n = x.size
        weight = Parameter("weight", (self.units, n), "weight", FITTING, fan_in=n, fan_out=self.units)
        bias = (Parameter("bias", (self.units,), "bias", "zeros"),) if self.bias else ()
        return (*(in_parts(weight) if self.weight_norm else (weight,)), *bias)

    def sees(self, before: TensorType, after: TensorType) -> bool:
        return before.batch == after.batch

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        ix = ",".join(("c", *names(SPACE, len(t.shape) - 1)))
        shape = tuple(s for s in t.shape if s is not None)
        if len(shape) > 1:
            b.view(parameters["weight_v" if self.weight_norm else "weight"], (self.units, *shape))
        assert prod(shape) == t.size
        y = b(f"y[n,o] += x[n,{ix}] * w[o,{ix}]", x=x, w=weight_of(b, parameters))
        return b.map("y + bias", y=y, bias=parameters["bias"]) if self.bias else y

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        x = o("Flatten", x, axis=1) if len(o.type(x).shape) > 1 else x
        return o("Gemm", x, parameters["weight"], *([parameters["bias"]] if self.bias else []), transB=1)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """A Gemm, a MatMul of a vector, or that and a constant added."""
        if n.op == "Add":
            k = 1 if n.array(1) is not None else 0
            product, bias = n.before(1 - k), n.array(k)
            if product is None or bias is None or product.op != "MatMul":
                return None
            found = cls.from_onnx(product)
            if found is None or bias.size not in (1, found.layer.units):
                return None
            bias = bias.reshape(-1).repeat(found.layer.units if bias.size == 1 else 1)
            return Read(cls(units=found.layer.units), found.inputs, {**found.parameters, "bias": bias})
        w, x, a = n.array(1), n.type(0), n.attributes
        if w is None or w.ndim != 2 or x is None or len(x.shape) != 1 or a.get("transA"):
            return None
        w = w if a.get("transB") else w.T
        w = w if a.get("alpha", 1.0) == 1 else w * a["alpha"]
        bias = n.array(2)
        if bias is None:
            return None if len(n.inputs) > 2 and n.inputs[2] else Read(cls(units=len(w), bias=False), (n.inputs[0],), {"weight": w})
        if bias.size not in (1, len(w)):
            return None
        bias = bias.reshape(-1).repeat(len(w) if bias.size == 1 < len(w) else 1) * a.get("beta", 1.0)
        return Read(cls(units=len(w)), (n.inputs[0],), {"weight": w, "bias": bias})
