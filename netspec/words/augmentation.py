"""What an augmentation is: a change of the training examples that leaves their labels right, drawn anew for every batch.
One class in one file; its fields are its arguments in the language, as a layer's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType, shape_text
from .registry import Registry
from .word import Word, WordError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Images = NDArray[Any]  # examples x channels x places

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", "netspec.augmentations")


@dataclass(frozen=True)
class Augmentation(Word):
    """Images in, images of the same shape out. `moves` says that pixels change their place, so that a target which is a map
    would have to move along."""

    moves = False
    inputs: tuple[str, ...] = field(default=(), kw_only=True)  # the inputs it is of, by name; none: all of them

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        AUGMENTATIONS.add(cls, name, "augmentation", abstract)

    def __str__(self) -> str:
        return " ".join((super().__str__(), *(f"@{name}" for name in self.inputs)))

    def check_input(self, images: TensorType) -> None:
        """Refuse images it cannot change. Raises WordError."""

    def apply(self, images: Images, random: Generator) -> Images:
        """New images; those given stay as they are. All chance comes from `random`."""
        raise NotImplementedError


def need_places(name: str, images: TensorType, axes: int = 1) -> None:
    """Refuse inputs with fewer axes of places."""
    if len(images.spatial) < axes:
        raise WordError(f"{name} needs an image of at least {axes} ax{'is' if axes == 1 else 'es'}",
                        label=f"the input is {shape_text(images.shape)}", code="wrong-rank")


def each(images: Images, random: Generator, low: float, high: float) -> Images:
    """A number between low and high for every image, of a shape that multiplies with them."""
    drawn = random.uniform(low, high, (len(images), *(1,) * (images.ndim - 1)))
    return drawn.astype(images.dtype)
