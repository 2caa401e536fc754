"""CIFAR-10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parts.cifar import Cifar

if TYPE_CHECKING:
    from .parts.batches import Kind


class Cifar10(Cifar):
    """CIFAR-10, 3x32x32, ten classes: `data cifar10 "folder"`, where the folder holds the binary batches (data_batch_1.bin, ...,
    test_batch.bin), or those for Python (data_batch_1, ...), or one of the folders or .tar.gz they come in; or the .tar.gz
    itself. Batches for Python are read without running anything of them.

    Paper: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
    """

    def kind(self) -> tuple[Kind, int]:
        from .parts.batches import CIFAR10

        return CIFAR10, 0
