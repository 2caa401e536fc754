"""Files of arrays."""

from __future__ import annotations

from typing import Any

from ..words import WordError, text
from ..words.dataset import Data, Dataset, Pairs, Request, made


class Files(Dataset):
    """Your own arrays: `data "train.npz"` with arrays x and y, and x_test and y_test where there are any; or a folder of
    x.npy and y.npy. Several inputs or targets are x.NAME and y.NAME. Paths are looked for from the folder of the spec."""

    path: str = text("an .npz file or a folder of .npy files, in quotes", position=0)
    test: str | None = text("the file with the test examples", default=None)

    def check(self) -> None:
        for name in (self.path, self.test):
            if name is not None and not name.strip():
                raise WordError("the name of a data file is empty", code="bad-value", hint='data "train.npz"')

    @property
    def title(self) -> str:
        return self.path

    def load(self, folder: str | None) -> Pairs:
        from .parts.arrays import read

        return read(self.path, self.test, folder, anywhere=False)

    def line(self, **changes: Any) -> str:
        return super().line(**changes).replace("data files ", "data ", 1)

    def outline(self, request: Request) -> Data:
        from .parts.arrays import read

        return made(self.title, read(self.path, self.test, request.folder, anywhere=False, heads=True))
