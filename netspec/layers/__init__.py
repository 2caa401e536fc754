"""Every layer of the language, one file each. Importing the package fills `LAYERS`."""

from . import add, avgpool, bn, concat, conv, dropout, fc, flatten, maxpool, relu, sigmoid, softmax, tanh
from .layer import LAYERS, Builder, Example, Layer

__all__ = ["LAYERS", "Builder", "Example", "Layer", "add", "avgpool", "bn", "concat", "conv", "dropout", "fc", "flatten", "maxpool", "relu",
           "sigmoid", "softmax", "tanh"]
