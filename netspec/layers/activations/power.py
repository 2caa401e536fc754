"""A power."""

from __future__ import annotations

from ...words import WordError, number
from ...words.layer import Activation, Example
from ...words.onnx import Onnx

FACTORS = 16  # of a product, at most; beyond it the power is one of e


class Power(Activation, category="activation"):
    """y = x to the power `to`, each number by itself: `power -1` is 1/x, `power 3` the cube. A whole power takes any number (a
    negative one no 0), any other takes none below 0. Generalised-mean pooling is `power 3 -> avgpool global -> power 0.3333`.

    Shapes:  any -> the same
    Errors:  the power 0, whose result is 1 everywhere
    """

    to: float = number("the power", position=0)

    onnx = "Pow(x, to)", Onnx("Reciprocal(x)", to=-1.0)
    examples = (Example("power 3", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("power -1", inputs=((7,),), output=(7,)),
                Example("power 1.5", inputs=((3, 2),), output=(3, 2)))

    def check(self) -> None:
        if self.to == 0:
            raise WordError("the power 0 of every number is 1", label="makes what comes in vanish", advice="power 2")

    def formula(self) -> str:
        size = abs(self.to)
        if float(size).is_integer() and size <= FACTORS:
            product = " * ".join(["x"] * int(size))
            return product if self.to > 0 else f"1.0 / ({product})"
        if size == 0.5:
            return "sqrt(x)" if self.to > 0 else "1.0 / sqrt(x)"
        zero = "where(x == 0.0, 0.0, {})" if self.to > 0 else "{}"
        if float(size).is_integer():
            sign = "" if size % 2 == 0 else " * where(x < 0.0, -1.0, 1.0)"
            return zero.format(f"exp({float(self.to)!r} * log(abs(x))){sign}")
        return zero.format(f"exp({float(self.to)!r} * log(x))")
