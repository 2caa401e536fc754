"""Centring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ir.graph import Parameter
from ..ir.types import TensorType
from ..words import value, word
from ..words.layer import Builder, Example, channelwise, known_channels, known_sizes, plane
from ..words.onnx import OnnxWriter
from ..words.preparation import Preparation, buffer, stated
from .parts.moments import Moments, by_channel


class Centre(Preparation):
    """The mean subtracted: of each channel over all examples and places, or with `image` the mean image, number by number.

    Shapes:  C x W... -> the same
    Params:  buffer mean [C]; [C, W...] with `image`
    Errors:  an input whose size is not known, for the mean image
    Paper:   Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, for the
             mean image; Simonyan and Zisserman, 2014 (arXiv:1409.1556) for the mean of each channel
    """

    over: str = word("what has a mean of its own: each channel, or each number of the image", default="channel",
                     words=("channel", "image"))
    mean: Any = value("the mean, where it is known: a number, or a list", default=None)

    examples = (
        Example("centre", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("centre image", inputs=((2, 3, 2),), output=(2, 3, 2)),
        Example("centre mean=[0.485, 0.456, 0.406]", inputs=((3, 4, 4),), output=(3, 4, 4)),
        Example("centre", inputs=((4,),), output=(4,)),
    )

    @property
    def given(self) -> bool:
        return self.mean is not None

    def numbers(self, x: TensorType) -> tuple[Parameter, ...]:
        shape = known_sizes(x) if self.over == "image" else (known_channels(x),)
        return (buffer("mean", shape, "zeros", stated("mean", self.mean, shape)),)

    def measure(self, examples: Iterable[Any]) -> dict[str, Any]:
        found, shape = Moments(), ()
        for batch in examples:
            found.add(batch.reshape(len(batch), -1) if self.over == "image" else by_channel(batch))
            shape = batch.shape[1:]
        return {"mean": found.mean.reshape(shape) if self.over == "image" else found.mean}

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        s = plane(b.type(x).shape)
        return str(b(f"y[n,c{s}] = x[n,c{s}] - mean[c{s if self.over == 'image' else ''}]", x=x, mean=parameters["mean"]))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        t = o.type(inputs[0])
        return o("Sub", inputs[0], o.shaped(parameters["mean"], known_sizes(t) if self.over == "image" else channelwise(t)))
