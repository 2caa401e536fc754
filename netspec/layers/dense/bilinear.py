"""Bilinear form of two vectors."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Parameter
from ...ir.initialisers import FITTING
from ...ir.types import TensorType, shape_text
from ...words import WordError, count, flag, ref
from ...words.layer import Builder, Example, Layer
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.lengths import in_parts, weight_of


class Bilinear(Layer, category="dense"):
    """y_o = x1' W_o x2 + b_o for the flow x1 and the referenced x2, both vectors. As PyTorch's Bilinear.

    Shapes:  I and @ref J -> units
    Params:  weight [units, I, J], bias [units]; with `weight_norm` weight_v of the weight's shape and weight_g
             [units] in its place
    Errors:  inputs that are no vectors
    Paper:   Tenenbaum and Freeman, "Separating Style and Content with Bilinear Models", 2000
    """

    units: int = count("numbers in the result", position=0)
    other: Any = ref("the second vector", position=1)
    bias: bool = flag("add a learned number to every unit", default=True)
    weight_norm: bool = flag("learn a direction and a length for the weights of each unit: w = v * g / |v|", default=False,
                             word="weight_norm")

    takes = ("activation", "norm")
    arity = (2, 2)
    onnx_reads = ("Einsum", "Add")
    examples = (Example("bilinear 3 @a", inputs=((4,), (5,)), output=(3,), parameters=63, macs=60),
                Example("bilinear 3 @a weight_norm", inputs=((4,), (5,)), output=(3,), parameters=66, macs=60),
                Example("bilinear 2 @a bias=no", inputs=((3,), (3,)), output=(2,), parameters=18, macs=18))

    def shape(self, *inputs: TensorType) -> TensorType:
        for t in inputs:
            if len(t.shape) != 1 or not t.known:
                raise WordError("bilinear multiplies two vectors", *(shape_text(i.shape) for i in inputs),
                                label=f"an input is {shape_text(t.shape)}", hint="flatten it first:  flatten -> bilinear",
                                code="wrong-rank")
        return inputs[0].of(self.units)

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        i, j = (t.size for t in inputs)
        weight = Parameter("weight", (self.units, i, j), "weight", FITTING, fan_in=i * j, fan_out=self.units)
        bias = (Parameter("bias", (self.units,), "bias", "zeros"),) if self.bias else ()
        return (*(in_parts(weight) if self.weight_norm else (weight,)), *bias)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        x1, x2 = inputs
        if self.weight_norm:  # the weights of units are what a contraction has side by side
            pairs = b("z[n,i,j] = x1[n,i] * x2[n,j]", x1=x1, x2=x2)
            y = b("y[n,o] += z[n,i,j] * w[o,i,j]", z=pairs, w=weight_of(b, parameters))
        else:
            t = b("t[n,o,j] += x1[n,i] * w[o,i,j]", x1=x1, w=parameters["weight"])
            y = b("y[n,o] += t[n,o,j] * x2[n,j]", t=t, x2=x2)
        return b.map("y + bias", y=y, bias=parameters["bias"]) if self.bias else str(y)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        y = o("Einsum", inputs[0], parameters["weight"], inputs[1], equation="ni,oij,nj->no")
        return o("Add", y, parameters["bias"]) if self.bias else y

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """An Einsum of two vectors, and perhaps a constant added."""
        product, bias = (n.before(0), n.array(1)) if n.op == "Add" else (n, None)
        if product is None or product.op != "Einsum" or (n.op == "Add" and bias is None):
            return None
        w = product.array(1)
        if product.attributes.get("equation", "").replace(" ", "") != "ni,oij,nj->no" or w is None:
            return None
        return Read(cls(units=len(w), other="second", bias=bias is not None), (product.inputs[0], product.inputs[2]),
                    {"weight": w} | ({} if bias is None else {"bias": bias.reshape(-1)}))
