"""Mish."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Mish(Activation, category="activation"):
    """y = x * tanh(log(1 + e^x)), written with one exponential: with e = e^-|x|, tanh(log(1 + e^x)) is
    (1 + 2e) / (1 + 2e + 2e^2) for positive x and (e^2 + 2e) / (e^2 + 2e + 2) for negative x. Beyond 100 it is x to the last
    digit, and said so, since the gradient has 2x in it, which float32 may not hold.

    Shapes:  any -> the same
    Paper:   Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019 (arXiv:1908.08681)
    """

    rectifies = True

    onnx = "Mul(x, Tanh(Softplus(x)))", "Mish(x)"
    examples = (Example("mish", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("mish", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        e = "exp(-abs(x))"
        return (
            f"where(x > 100.0, x, where(x > 0.0, x * (1.0 + 2.0 * {e}) / (1.0 + 2.0 * {e} * (1.0 + {e})), x * {e} * ({e} + 2.0) / ({e} * ({e} + 2.0) + 2.0)))")
