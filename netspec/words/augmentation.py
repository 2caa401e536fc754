"""What an augmentation is: a change of the training examples that leaves their labels right, drawn anew for every batch.
One class in one file; its fields are its arguments in the language, as a layer's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ..ir.types import TensorType, shape_text
from .faults import WordError
from .registry import Registry
from .word import Word

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Images = NDArray[Any]  # examples x channels x places

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", "netspec.augmentations")


@dataclass(frozen=True)
class Augmentation(Word):
    """Images in, images of the same shape out.

    Nothing is kept between calls: what is drawn for an example depends on `random` and on the number of examples and places. So
    the same call, with a generator that stands where it stood, does the same to another array of these examples: to a second
    input, to a map that is a target.
    """

    moves: ClassVar[bool] = False  # whether pixels change their place, so that a target which is a map moves along
    any_size: ClassVar[bool] = False  # whether maps with other places than the images can move along
    apart: ClassVar[bool] = False  # whether inputs are to be changed in ways of their own, as by noise
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

    # move(self, labels, random, fill) -> labels: the same movement of a map of class numbers, N x 1 x places, for what `moves`.
    # Labels are never mixed; where an image shows what was not in it, the map holds `fill`, or is as at its edge for None.
    move: ClassVar[Any] = None


class Mixing(Augmentation, abstract=True):
    """An augmentation that makes an example of two: its target is made of theirs, by the share of each."""

    def shares(self, images: Images, random: Generator) -> tuple[Images, Images]:
        """For each example the number of the one it is mixed with, and its own share; the first things that `apply` draws."""
        raise NotImplementedError


def need_places(name: str, images: TensorType, axes: int = 1) -> None:
    """Refuse inputs with fewer axes of places."""
    if len(images.spatial) < axes:
        raise WordError(f"{name} needs an image of at least {axes} ax{'is' if axes == 1 else 'es'}",
                        label=f"the input is {shape_text(images.shape)}", code="wrong-rank")


def need_plane(name: str, images: TensorType) -> None:
    """Refuse what has not exactly two axes of places."""
    if len(images.spatial) != 2:
        raise WordError(f"{name} needs images of two axes, height and width", label=f"the input is {shape_text(images.shape)}",
                        code="wrong-rank")


def need_channels(name: str, images: TensorType, *counts: int) -> None:
    """Refuse images of another number of channels."""
    if images.channels is not None and images.channels not in counts:
        raise WordError(f"{name} needs red, green and blue", label=f"the input has {images.channels} channels",
                        code="shape-mismatch")


def span(name: str, given: Any, least: float, most: float = float("inf")) -> tuple[float, float]:
    """Two numbers between which one is drawn, `[0.08, 1]`, the smaller one first. Raises WordError."""
    ok = isinstance(given, (tuple, list)) and len(given) == 2 and all(
        isinstance(v, (int, float)) and not isinstance(v, bool) for v in given)
    if not ok or not least <= given[0] <= given[1] <= most:
        raise WordError(f"{name} is a list of two numbers, the smaller one first",
                        f"between {least:g} and {most:g}" if most < float("inf") else f"at least {least:g}",
                        label=f"{name}={given}", code="bad-value")
    return float(given[0]), float(given[1])


def each(images: Images, random: Generator, low: float, high: float) -> Images:
    """A number between low and high for every image, of a shape that multiplies with them."""
    drawn = random.uniform(low, high, (len(images), *(1,) * (images.ndim - 1)))
    return drawn.astype(images.dtype)


def clipped(images: Images, clip: bool) -> Images:
    """Numbers kept between 0 and 1, where that is asked for."""
    return images.clip(0, 1) if clip else images
