"""Gaussian error linear unit."""

from __future__ import annotations

from ...words import word
from ...words.layer import Activation, Example
from ...words.onnx import Onnx


class Gelu(Activation, category="activation"):
    """y = x * P(Z < x) for a standard normal Z; with `tanh` the approximation 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715
    x^3), written as x sigmoid(2u), which is exact for very negative x, too.

    Shapes:  any -> the same
    Paper:   Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016 (arXiv:1606.08415)
    """

    rectifies = True

    form: str = word("exact, or the approximation by tanh", default="erf", words=("erf", "tanh"))

    onnx = (Onnx("Gelu(x)"), Onnx("Gelu(x, approximate='tanh')", form="tanh"),
            Onnx("Mul(Mul(x, Add(Erf(Div(x, 1.4142135623730951)), 1)), 0.5)"),
            Onnx("Mul(Mul(x, 0.5), Add(Erf(Div(x, 1.4142135623730951)), 1))"),
            Onnx("Mul(x, Mul(0.5, Add(Erf(Div(x, 1.4142135623730951)), 1)))"),
            Onnx("Mul(Mul(x, 0.5), Add(Erf(Mul(x, 0.7071067811865476)), 1))"),
            Onnx("Mul(Mul(x, 0.5), Add(Tanh(Mul(Add(x, Mul(Mul(Mul(x, x), x), 0.044715)), 0.7978845608028654)), 1))", form="tanh"),
            Onnx("Mul(Mul(x, 0.5), Add(Tanh(Mul(Add(x, Mul(Pow(x, 3), 0.044715)), 0.7978845608028654)), 1))", form="tanh"),
            Onnx("Mul(Mul(x, Add(Tanh(Mul(Add(x, Mul(Mul(x, Mul(x, x)), 0.044715)), 0.7978845608028654)), 1)), 0.5)", form="tanh"))
    examples = (Example("gelu tanh", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("gelu", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        # 2u = x (1.5957... + 0.0713... x^2); beyond 1000 the sigmoid is 0 or 1 anyway, and the square may overflow
        return ("x * sigmoid(where(abs(x) < 1000.0, x * (1.5957691216057308 + 0.07135481627260025 * x * x), x))" if self.form
                == "tanh"
                else "x * 0.5 * (1.0 + erf(x * 0.7071067811865476))")
