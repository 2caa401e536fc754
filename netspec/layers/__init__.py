"""Every layer of the language, one file each. Importing the package fills `LAYERS`."""

from . import add, bn, concat, conv, fc, maxpool, relu
from .layer import LAYERS, Builder, Example, Layer

__all__ = ["LAYERS", "Builder", "Example", "Layer", "add", "bn", "concat", "conv", "fc", "maxpool", "relu"]
