"""Pictures in tar files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words import text, value
from ..words.dataset import Request
from .parts.pictured import Pictured

if TYPE_CHECKING:
    from .parts.listing import Parts


class Shards(Pictured):
    """Pictures in tar files, as WebDataset lays them out: `data shards "shards/*.tar"`. Files of one name up to its first dot are
    an example: a picture, and what is on it, in 0001.cls (the number of a class), 0001.json (a field of it: a number or the name
    of a class, several labels, several numbers) or 0001.txt (the name of a class, several with semicolons between them, or a
    number). Pictures are read where they lie; nothing is unpacked. Sizes and colours are as for `images`.
    """

    path: str = text("the files, in quotes, looked for from the folder of the spec: with *, ? or {000..009}; or their folder",
                     position=0)
    validation: Any = value("the share of each class that validates, drawn by the seed (0.2), or other files", default=None)
    test: Any = value("the share of each class that is for testing, or other files", default=None)
    field: str | None = text("the field of the .json that says what is on a picture; label, cls, class or labels unless given",
                             default=None)

    def listed(self, request: Request, few: bool) -> tuple[Parts, tuple[str, ...]]:
        """Where a few are wanted, those of the first file of each part."""
        from .parts.archives import read, shards

        patterns = {"train": self.path, "validation": self.validation, "test": self.test}
        found = {part: shards(p, request.folder, "data shards") for part, p in patterns.items() if isinstance(p, str)}
        return read({part: files[:1] if few else files for part, files in found.items()}, self.field, request.wants)
