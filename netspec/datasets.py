"""What a `data` line of a train section can name; `data/sources.py` reads it."""

from __future__ import annotations

from typing import Any

from .words import Registry, Word, WordError, text

DATASETS: Registry[Dataset] = Registry("data set")


class Dataset(Word):
    """Training examples, and test examples where there are any. The function of the same name in `data/sources.py` is
    called with the arguments of the word, each by its name."""

    def __init_subclass__(cls, name: str | None = None, **kw: Any):
        super().__init_subclass__(**kw)
        DATASETS.add(cls, name, "data set")


class Digits(Dataset):
    """The handwritten digits that come with netspec: 1,437 images of 1x8x8 to train and 360 to test, ten classes.

    Paper: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998
    """


class Files(Dataset):
    """Your own arrays: `data "train.npz"` with arrays x and y, and x_test and y_test where there are any; or a folder of
    x.npy and y.npy. Several inputs or targets are x.NAME and y.NAME. Paths are looked for from the folder of the spec."""

    path: str = text("an .npz file or a folder of .npy files, in quotes", position=0)
    test: str | None = text("the file with the test examples", default=None)

    def check(self) -> None:
        for name in (self.path, self.test):
            if name is not None and not name.strip():
                raise WordError("the name of a data file is empty", code="bad-value", hint='data "train.npz"')
