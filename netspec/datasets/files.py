"""Files of arrays."""

from __future__ import annotations

from typing import Any

from ..words import WordError, text, value
from ..words.dataset import Data, Dataset, Request
from .parts import shares


class Files(Dataset):
    """Your own arrays: `data "train.npz"` with arrays x and y, and x_val, y_val, x_test and y_test where there are any; or a
    folder of x.npy and y.npy, and the others. Several inputs or targets are x.NAME and y.NAME; an array `classes` of texts names
    the classes. Paths are looked for from the folder of the spec."""

    path: str = text("an .npz file or a folder of .npy files, in quotes", position=0)
    test: Any = value("the file with the test examples, or the share that is for testing", default=None)
    validation: Any = value("the share that validates (0.2), of each class where the targets are such, or a file", default=None)

    def check(self) -> None:
        for name in (self.path, self.test, self.validation):
            if isinstance(name, str) and not name.strip():
                raise WordError("the name of a data file is empty", code="bad-value", hint='data "train.npz"')
        shares.check(self.validation, self.test, "a file")

    @property
    def title(self) -> str:
        return self.path

    def line(self, **changes: Any) -> str:
        return super().line(**changes).replace("data files ", "data ", 1)

    def read(self, request: Request) -> Data:
        """Arrays as they are in the files; mapped into memory where they are .npy."""
        return self._data(request, heads=False)

    def outline(self, request: Request) -> Data:
        return self._data(request, heads=True)

    def _data(self, request: Request, heads: bool) -> Data:
        from .parts.arrays import read
        from .parts.split import shared

        given = (self.validation, self.test)
        files = {part: v for part, v in zip(("validation", "test"), given) if isinstance(v, str)}
        data = read(self.path, request.folder, anywhere=False, heads=heads, **files)
        validation, test = (0.0 if v is None or isinstance(v, str) else float(v) for v in given)
        for part, share in (("validation", validation), ("test", test)):
            if share and getattr(data, part) is not None:
                raise WordError(f"{self.path} has examples for {part} already", code="contradiction",
                                hint=self.line(**{part: None}))
        return shared(data, validation, test, request)
