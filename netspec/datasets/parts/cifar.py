"""What CIFAR-10 and CIFAR-100 have in common as words."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from ...words import text, value
from ...words.dataset import Data, Dataset, Pair, Request
from . import shares

if TYPE_CHECKING:
    from .batches import Found, Kind
    from .folders import Place


class Cifar(Dataset, abstract=True):
    """Batches of 32x32 pictures of three channels."""

    path: str = text("the folder, or the .tar.gz, in quotes, looked for from the folder of the spec", position=0)
    validation: Any = value("the share of each class that validates, drawn by the seed: 0.1", default=None)

    @abstractmethod
    def kind(self) -> tuple[Kind, int]:
        """Which of the two it is, and which of its labels is wanted."""

    def check(self) -> None:
        shares.check(self.validation, None, "")

    @property
    def title(self) -> str:
        return self.path

    def read(self, request: Request) -> Data:
        """x is N x 3 x 32 x 32 uint8, y is N int64. Errors: see `batches.read`."""
        found = self._found(request)
        train, test = found.pair("train"), found.pair("test")
        return self._shared(found, train, test, request)

    def outline(self, request: Request) -> Data | None:
        """Of an archive only reading it tells more than that it is there."""
        import numpy as np

        from .batches import archive

        if archive(self.kind()[0], self._place(request)) is not None:
            return None
        found = self._found(request)
        train, test = ((np.broadcast_to(np.zeros((), np.uint8), (len(y), 3, 32, 32)), y)
                       for y in (found.labels("train"), found.labels("test")))
        return self._shared(found, train, test, request)

    def _shared(self, found: Found, train: Pair, test: Pair, request: Request) -> Data:
        from .split import shared

        data = Data(self.title, train, test if len(test[0]) else None, classes=found.names, remarks=found.remarks)
        return shared(data, float(self.validation or 0), 0.0, request)

    def _place(self, request: Request) -> Place:
        from .folders import there

        return there(self.path, request.folder, f"data {self.name}")

    def _found(self, request: Request) -> Found:
        from .batches import read

        return read(*self.kind(), self._place(request))
