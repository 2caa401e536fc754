"""Where training data come from: packaged ones by name, files, folders of arrays.

    data digits                     the packaged 8x8 digits
    data "train.npz"                arrays x and y; x_test and y_test where there are any
    data "folder"                   x.npy and y.npy (memory-mapped); x_test.npy and y_test.npy
    data "train.npz" test="t.npz"   the test examples from another file

Several inputs or targets are arrays called x.NAME and y.NAME.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Diagnostic, MissingFileError, NetspecError, near

Array = NDArray[Any]
Arrays = Any  # an array, or a dict of them by name
Pair = tuple[Arrays, Arrays]


@dataclass(frozen=True)
class Data:
    """Training and test examples. `name` is what a person calls them."""

    name: str
    train: Pair
    test: Pair | None = None


class DataError(NetspecError):
    """A file of data that does not hold what it should."""

    def __init__(self, title: str, *notes: str, hint: str | None = None, code: str = "bad-data"):
        super().__init__(Diagnostic(code, title, notes=notes, hint=hint))


def digits() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """((x, y), (x_test, y_test)): 1,437 and 360 handwritten digits. x is N x 1 x 8 x 8 float32 in [0, 1], y is N int64.

    Every fifth example (index % 5 == 0) is for testing. Alpaydin and Kaynak, UCI, CC BY 4.0: see ATTRIBUTION.txt.
    """
    with np.load(Path(__file__).with_name("digits.npz")) as held:
        x, y = held["images"][:, None].astype(np.float32) / np.float32(16), held["target"].astype(np.int64)
    test = np.arange(len(y)) % 5 == 0
    return (x[~test], y[~test]), (x[test], y[test])


PACKAGED = {"digits": digits}


def load(what: str, folder: str | None = None, test: str | None = None) -> Data:
    """The data a `data` line names: a packaged name, or a path (looked for from `folder`, where the spec lies).

    Errors: no such name or file; a file of another kind; a missing x or y; numbers of examples that differ.
    """
    if what in PACKAGED and test is None:
        return Data(what, *PACKAGED[what]())
    train, beside = _pairs(what, folder)
    if test is not None:
        beside = _pairs(test, folder)[0]
    for pair, name in ((train, what), (beside, test or what)):
        if pair is not None:
            _same_number(pair, name)
    return Data(what, train, beside)


def _pairs(what: str, folder: str | None) -> tuple[Pair, Pair | None]:
    path = Path(folder or os.curdir, what)
    if path.is_dir():
        held: Mapping[str, Array] = {p.stem: _npy(p) for p in sorted(path.glob("*.npy"))}
    elif path.suffix == ".npz":
        held = _npz(path)
    elif path.exists():
        raise DataError(f"{path} is no data that netspec reads", hint="an .npz file with x and y, or a folder with x.npy and y.npy")
    elif path.suffix or os.sep in what or "/" in what:
        raise MissingFileError(f"there is no data file {path}")
    else:
        meant = near(what, PACKAGED)
        raise MissingFileError(f"there are no data called {what}", f"did you mean {meant}?" if meant else f"{', '.join(PACKAGED)}, or a path in quotes", "missing-data")
    x, y = _gathered(held, "x"), _gathered(held, "y")
    if x is None:
        raise DataError(f"{path} has no array x", f"it has {', '.join(held) or 'nothing'}", hint="np.savez(path, x=..., y=...)")
    xt, yt = _gathered(held, "x_test"), _gathered(held, "y_test")
    return (x, y), None if xt is None else (xt, yt)


def _gathered(held: Mapping[str, Array], name: str) -> Arrays:
    """The array of a name, or a dict of those called NAME.INPUT."""
    if name in held:
        return held[name]
    found = {k.removeprefix(name + "."): v for k, v in held.items() if k.startswith(name + ".")}
    return found or None


def _npz(path: Path) -> dict[str, Array]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            if isinstance(held, np.ndarray):
                raise DataError(f"{path} is one array, not an archive of them", hint="np.savez(path, x=..., y=...)")
            return {k: held[k] for k in held.files}
    except FileNotFoundError:
        raise MissingFileError(f"there is no data file {path}") from None
    except DataError:
        raise
    except Exception as e:  # zipfile and NumPy raise many kinds for a damaged file
        raise DataError(f"{path} cannot be read as .npz", f"{type(e).__name__}: {e}") from None


def _npy(path: Path) -> Array:
    try:
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as e:
        raise DataError(f"{path} cannot be read as .npy", str(e)) from None


def _same_number(pair: Pair, name: str) -> None:
    arrays = [a for part in pair if part is not None for a in (part.values() if isinstance(part, Mapping) else [part])]
    counts = sorted({a.shape[0] if a.ndim else 0 for a in arrays})
    if len(counts) > 1:
        raise DataError(f"{name}: the arrays have different numbers of examples", f"{' and '.join(map(str, counts))}")
