"""MNIST, and what is given away as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..words import count, text, value
from ..words.dataset import Data, DataError, Dataset, Request
from .parts import shares

if TYPE_CHECKING:
    from pathlib import Path

    Files = dict[tuple[str, str], Path]  # by the part and what is in them

NAMES = {  # of the classes, by how the name of a set ends; of all others, the digits
    "letters": tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "balanced": tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    "bymerge": tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    "byclass": tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
}
FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
TRAIN, TEST = "train", "t10k"
FILE = re.compile(r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[.-]idx[13]-ubyte(\.gz)?")


class Mnist(Dataset):
    """MNIST, and Fashion-MNIST, EMNIST and KMNIST, which have files of the same sort: `data mnist "folder"`, where the folder
    holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each as it is or
    as .gz. Pictures are as the files have them (those of EMNIST lie on their side); the labels of EMNIST's letters, 1 to 26,
    become 0 to 25.

    Paper: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998
    """

    path: str = text("the folder, in quotes, looked for from the folder of the spec", position=0)
    split: str | None = text("which of several sets in the folder: letters", default=None)
    pad: int = count("rows and columns of zeros on each side of a picture: 2 make 32x32 of 28x28", default=0, least=0)
    validation: Any = value("the share of each class that validates, drawn by the seed: 0.1", default=None)

    def check(self) -> None:
        shares.check(self.validation, None, "")

    @property
    def title(self) -> str:
        return self.path

    def read(self, request: Request) -> Data:
        """x is N x 1 x H x W uint8, y is N int64."""
        return self._data(request, heads=False)

    def outline(self, request: Request) -> Data:
        return self._data(request, heads=True)

    def _data(self, request: Request, heads: bool) -> Data:
        from .parts.split import shared

        files, name, folder = self._files(request.folder)
        train, test = self._pair(files, TRAIN, heads), self._pair(files, TEST, heads)
        if train is None:
            raise DataError(f"{folder} holds no pictures to train on",
                            f"it has {', '.join(sorted(p.name for p in files.values()))}")
        if name.endswith("letters") and len(train[1]) and train[1].min() == 1:
            train, test = (train[0], train[1] - 1), test and (test[0], test[1] - 1)
        digits = set(map(int, train[1])) == set(range(10))
        classes = next((n for end, n in NAMES.items() if name.endswith(end)),
                       () if not digits else FASHION if "fashion" in f"{name} {folder}".lower() else tuple("0123456789"))
        return shared(Data(self.title, train, test, classes=classes), float(self.validation or 0), 0.0, request)

    def _pair(self, files: Files, part: str, heads: bool) -> tuple[Any, Any] | None:
        import numpy as np

        from .parts import idx

        images, labels = (files.get((part, what)) for what in ("images", "labels"))
        if images is None or labels is None:
            if images is labels:
                return None
            raise DataError(f"{images or labels} stands alone", f"there are no {'labels' if images else 'images'} beside it",
                            code="missing-file")
        x, y = idx.read(images, 3, "images", heads)[:, None], idx.read(labels, 1, "labels").astype(np.int64)
        if len(x) != len(y):
            raise DataError(f"{images} and {labels} do not go together", f"{len(x):,} images, {len(y):,} labels")
        if self.pad and heads:
            x = np.broadcast_to(np.zeros((), x.dtype), (*x.shape[:2], *(s + 2 * self.pad for s in x.shape[2:])))
        elif self.pad:
            x = np.pad(x, ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad)))
        return x, y

    def _files(self, folder: str | None) -> tuple[Files, str, Path]:
        """The files of the set that is meant, its name, and their folder."""
        from .parts.folders import place

        root = place(self.path, folder, "data mnist")
        for here in (root, root / "raw", root / "MNIST" / "raw", root / "FashionMNIST" / "raw"):
            sets: dict[str, Files] = {}
            for e in here.entries() if here.path.is_dir() else ():
                if m := FILE.fullmatch(e.name):
                    which, key = sets.setdefault(m["set"].strip("-_"), {}), (TRAIN if m["part"] == "train" else TEST, m["what"])
                    if key not in which or not e.name.endswith(".gz"):
                        which[key] = here.path / e.name
            chosen = {k: v for k, v in sets.items() if self.split is None or f"-{k}".endswith(f"-{self.split}")}
            if sets and len(chosen) != 1:
                raise DataError(f"{here.path} holds no set {self.split}" if self.split else f"{here.path} holds several sets",
                                f"there are: {', '.join(k or 'one without a name' for k in sorted(sets))}",
                                hint=self.line(split=max(sets).rpartition("-")[2] or None))
            if chosen:
                name, files = chosen.popitem()
                return files, name, here.path
        raise DataError(f"{root.path} holds no files of MNIST",
                        "there would be train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                        "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or the same with .gz", code="missing-file")
