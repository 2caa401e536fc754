"""The packaged digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..words import value
from ..words.dataset import Data, Dataset, Pairs, Request
from .parts import shares


class Digits(Dataset):
    """The handwritten digits that come with netspec: 1,437 images of 1x8x8 to train and 360 to test, ten classes.
    `data digits validation=0.2` sets a fifth of those to train apart.

    Paper: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998
    """

    validation: Any = value("the share of each class that validates, drawn by the seed: 0.2", default=None)

    def check(self) -> None:
        shares.check(self.validation, None, "")

    @property
    def title(self) -> str:
        return "digits"

    def read(self, request: Request) -> Data:
        from .parts.split import shared

        return shared(Data(self.title, *self.load(request.folder)), float(self.validation or 0), 0.0, request)

    def load(self, folder: str | None) -> Pairs:
        """x is N x 1 x 8 x 8 float32 in [0, 1], y is N int64. Every fifth example (index % 5 == 0) is for testing. CC BY 4.0:
        see ATTRIBUTION.txt."""
        import numpy as np

        with np.load(Path(__file__).with_name("digits.npz")) as held:
            x, y = held["images"][:, None].astype(np.float32) / np.float32(16), held["target"].astype(np.int64)
        test = np.arange(len(y)) % 5 == 0
        return (x[~test], y[~test]), (x[test], y[test])
