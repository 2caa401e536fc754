"""CIFAR-100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import word
from .parts.cifar import Cifar

if TYPE_CHECKING:
    from .parts.batches import Kind


class Cifar100(Cifar):
    """CIFAR-100, 3x32x32, a hundred classes (fine), or the twenty they belong to (coarse): `data cifar100 "folder"`, where the
    folder holds train.bin and test.bin, or train and test (those for Python), or one of the folders or .tar.gz they come in; or
    the .tar.gz itself. Batches for Python are read without running anything of them.

    Paper: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
    """

    labels: str = word("the hundred classes (fine), or the twenty that hold five of them each (coarse)", default="fine",
                       words=("fine", "coarse"))

    def kind(self) -> tuple[Kind, int]:
        from .parts.batches import CIFAR100

        return CIFAR100, ("coarse", "fine").index(self.labels)
