"""The packaged digits."""

from __future__ import annotations

from ..words.dataset import Dataset


class Digits(Dataset):
    """The handwritten digits that come with netspec: 1,437 images of 1x8x8 to train and 360 to test, ten classes.

    Paper: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998
    """
