"""Every layer of the language, one file each, called as its word is. They stand in rooms; what several share is in `parts`."""

from ..words.layer import LAYERS, STRUCTURAL, Activation, Builder, Example, Layer, known_channels, plane, sizes

__all__ = ["LAYERS", "STRUCTURAL", "Activation", "Builder", "Example", "Layer", "known_channels", "plane", "sizes"]
