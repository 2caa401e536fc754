"""Whitening."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ir.graph import Parameter
from ..ir.types import TensorType, shape_text
from ..layers.parts.shapes import row_major
from ..words import WordError, number, value, word
from ..words.layer import SPACE, Builder, Example, known_sizes, names, plane, sizes
from ..words.onnx import OnnxWriter
from ..words.preparation import Preparation, buffer, stated, together

MOST = 4096  # numbers of an example: their covariance is a matrix of the square


class Whiten(Preparation):
    """All numbers of an example, centred, to variance 1 and no correlation: multiplied by a matrix of the eigenvectors of their
    covariance (over the examples, divided by their count), each over the root of its eigenvalue + `epsilon`.

    `pca` leaves the numbers in the directions of the eigenvectors, that of the largest eigenvalue first; the sign of each makes
    its largest part positive. `zca` turns them back, so that a picture still looks like one. It reads the training examples once
    and solves for the eigenvectors: seconds for 3x32x32, a minute for the 4096 numbers that an example may have.

    Shapes:  C x W... -> the same
    Params:  buffers mean [C, W...], matrix [C*W..., C*W...]
    Errors:  an input whose size is not known, or that holds more than 4096 numbers
    Paper:   Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, for zca
    """

    way: str = word("whether the numbers are turned back", default="pca", words=("pca", "zca"))
    epsilon: float = number("added to each eigenvalue", default=1e-5, least=0)
    mean: Any = value("the mean, where it is known: a number, or a list", default=None)
    matrix: Any = value("the matrix, where it is known, row by row", default=None)

    examples = (
        Example("whiten", inputs=((6,),), output=(6,), macs=36),
        Example("whiten zca", inputs=((2, 2, 3),), output=(2, 2, 3), macs=144),
        Example("whiten mean=[1, 2] matrix=[[1, 0], [0.5, 2]]", inputs=((2,),), output=(2,), macs=4),
    )

    def check(self) -> None:
        together(self, "mean", "matrix")

    @property
    def given(self) -> bool:
        return self.matrix is not None

    def numbers(self, x: TensorType) -> tuple[Parameter, ...]:
        shape, n = known_sizes(x), x.size
        if n > MOST:
            raise WordError(f"whiten takes examples of at most {MOST} numbers: their covariance is a matrix of the square",
                            label=f"{shape_text(x.shape)} = {n}", advice="prepare standardise  takes examples of any size",
                            code="too-large")
        return (buffer("mean", shape, "zeros", stated("mean", self.mean, shape)),
                buffer("matrix", (n, n), "identity", stated("matrix", self.matrix, (n, n))))

    def measure(self, examples: Iterable[Any]) -> dict[str, Any]:
        import numpy as np

        count, mean, around, shape = 0, np.zeros(()), np.zeros(()), ()
        for batch in examples:
            rows, shape = batch.reshape(len(batch), -1), batch.shape[1:]
            middle = rows.mean(0)
            apart, both = middle - mean, count + len(rows)
            around = around + (rows - middle).T @ (rows - middle) + np.multiply.outer(apart, apart) * (count * len(rows) / both)
            mean, count = mean + apart * (len(rows) / both), both
        values, vectors = np.linalg.eigh(around / count)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        vectors = vectors * np.where(np.take_along_axis(vectors, abs(vectors).argmax(0)[None], 0) < 0, -1.0, 1.0)
        scale = 1.0 / np.sqrt(values + self.epsilon) if self.epsilon else np.where(values > 0, values, np.inf) ** -0.5
        matrix = (vectors * scale).T
        return {"mean": mean.reshape(shape), "matrix": vectors @ matrix if self.way == "zca" else matrix}

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        shape = sizes(b.type(x))
        s, ix = plane(shape), ",".join(("c", *names(SPACE, len(shape) - 1)))
        d = b(f"d[n,c{s}] = x[n,c{s}] - mean[c{s}]", x=x, mean=parameters["mean"])
        matrix = b.view(parameters["matrix"], (b.type(x).size, *shape)) if len(shape) > 1 else parameters["matrix"]
        y = str(b(f"y[n,o] += d[n,{ix}] * w[o,{ix}]", d=d, w=matrix))
        if len(shape) == 1:
            return y
        out = str(b(f"y[n,c{s}] = z[n,{row_major(shape)}]", z=y, out=shape, over=dict(zip(("c", *s[1:].split(",")), shape))))
        b.same(out, y)
        return out

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        shape = known_sizes(o.type(inputs[0]))
        flat = o("Flatten", o("Sub", inputs[0], parameters["mean"]), axis=1)
        y = o("Gemm", flat, parameters["matrix"], transB=1)
        return y if len(shape) == 1 else o("Reshape", y, o.numbers([0, *shape], whole=True))
