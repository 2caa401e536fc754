"""Arrays in files, as training reads them.

    "train.npz"   arrays x and y; x_val, y_val, x_test, y_test and classes (the names of the classes) where there are any
    "folder"      x.npy and y.npy (memory-mapped); x_val.npy and the others

Several inputs or targets are arrays called x.NAME and y.NAME.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice, MissingFileError, near
from ...reading import Outside, Own, irregular, opened, placed
from ...words.dataset import Arrays, Data, DataError, Pair, without_arguments

Array = NDArray[Any]
LOOKED_AT = 1 << 24  # bytes of targets that `check` reads


def read(what: str, folder: str | None, anywhere: bool, heads: bool = False, test: str | None = None,
         validation: str | None = None) -> Data:
    """Examples by the path of a file or folder, which is looked for from `folder`; `test` and `validation` are others, whose
    training examples are those to test and to validate. A path of a spec stays below the spec's folder, a user's own
    (`anywhere`) does not; `heads` reads no numbers, and gives zeros that take no memory.

    Errors: no such file; a file of another kind; a missing x or y; numbers of examples that differ.
    """
    data = _read(what, folder, anywhere, heads)
    others: dict[str, Any] = {part: _read(name, folder, anywhere, heads).train
                              for part, name in (("test", test), ("validation", validation))
              if name is not None}
    for part, pair in (("train", data.train), ("test", data.test), ("validation", data.validation), *others.items()):
        if pair is not None:
            same_number(pair, {"test": test, "validation": validation}.get(part) or what)
    return replace(data, **others)


def _read(what: str, folder: str | None, anywhere: bool, heads: bool) -> Data:
    try:
        path = _placed(what, folder, anywhere)
        if path.is_dir():
            found = {p.stem: _placed(os.path.join(what, p.name), folder, anywhere or isinstance(what, Own))
                     for p in sorted(path.glob("*.npy"))}
    except Outside as e:
        raise DataError("a spec names data in its own folder, or below it", f"{what}: {e.strerror}",
                        "netspec train SPEC --data FILE", code="file-outside") from None
    except OSError as e:
        raise DataError(f"there can be no data file {what}", str(e.strerror)) from None
    folder_of_arrays = path.is_dir()
    for p in found.values() if folder_of_arrays else (path,):
        if (sort := irregular(p)) is not None:
            raise DataError(f"{p} is {sort}, and data lie in files", code="not-a-file")
    if folder_of_arrays:
        held: Mapping[str, Array] = {name: _npy(p) for name, p in found.items()}
    elif path.suffix == ".npz" and path.exists():
        held = _npz(path, heads)
    elif path.exists():
        raise DataError(f"{path} is no data that netspec reads",
                        "it reads an .npz file with arrays x and y, or a folder with x.npy and y.npy")
    else:
        raise _no_such(what, path, anywhere)
    if folder_of_arrays and not held and any(p.is_dir() for p in path.iterdir()):
        raise DataError(f"{path} holds no arrays", "it holds folders; are they classes of pictures?",
                        hint=f'data images "{what}"')
    x, y = _gathered(held, "x"), _gathered(held, "y")
    if x is None:
        raise DataError(f"{path} has no array x", f"it has {', '.join(held) or 'nothing'}",
                        "np.savez(path, x=..., y=...)  writes one")
    test, validation = ((_gathered(held, f"x_{part}"), _gathered(held, f"y_{part}")) for part in ("test", "val"))
    names = held.get("classes")
    return Data(what, (x, y), test if test[0] is not None else None, validation if validation[0] is not None else None,
                tuple(map(str, names)) if names is not None and names.ndim == 1 and names.dtype.kind == "U" and names.nbytes
                else ())


def held_in(path: str) -> Mapping[str, Array]:
    """The arrays of an .npz file by name, or that of an .npy file, memory-mapped, as `x`. The path is the user's own.

    Errors: no such file, one of another kind.
    """
    if (sort := irregular(path)) is not None:
        raise DataError(f"{path} is {sort}, and data lie in files", code="not-a-file")
    if not os.path.exists(path):
        raise MissingFileError(f"there is no file {path}")
    return {"x": _npy(Path(path))} if path.lower().endswith(".npy") else _npz(Path(path), False)


def _placed(what: str, folder: str | None, anywhere: bool) -> Path:
    return placed(Own(what) if anywhere else what, folder)


def _no_such(what: str, path: Path, anywhere: bool) -> MissingFileError:
    """Nothing lies at a path: what comes with netspec under that name, or lies beside it, was meant perhaps."""
    named = without_arguments()
    if not anywhere and what in named:
        return MissingFileError(f"there is no data file or folder {path}", f"data {what}",
                                notes=("what comes with netspec is named without quotes",))
    if anywhere and not path.suffix and not os.path.dirname(what):
        meant = near(what, named)
        return MissingFileError(f"there are no data called {what}", f"did you mean {meant}?" if meant else None, "missing-data",
                                (f"there are: {', '.join(named)}, or the path of a file",))
    try:
        beside = [p.name for p in path.parent.iterdir() if p.suffix == ".npz" or p.is_dir()]
    except (OSError, ValueError):
        beside = []
    alike = f"{path.name}.npz" if f"{path.name}.npz" in beside else near(path.name, beside)
    kept = () if alike else ("it would be an .npz file with arrays x and y, or a folder with x.npy and y.npy",)
    return MissingFileError(f"there is no data file{'' if path.suffix else ' or folder'} {path}",
                            f'data "{what[: len(what) - len(path.name)]}{alike}"' if alike else None, notes=kept)


def _gathered(held: Mapping[str, Array], name: str) -> Arrays:
    """The array of a name, or a dict of those called NAME.INPUT."""
    if name in held:
        return held[name]
    found = {k.removeprefix(name + "."): v for k, v in held.items() if k.startswith(name + ".")}
    return found or None


def _npz(path: Path, heads: bool) -> dict[str, Array]:
    try:
        with opened(path) as file:
            begins = file.read(8)
            if not begins.startswith(b"PK"):
                what = "one array (.npy), not an archive of them" if begins.startswith(
                    b"\x93NUMPY") else "text" if begins.isascii() else "a file of another kind"
                raise DataError(f"{path} is no .npz archive", f"it is {what}", "np.savez(path, x=..., y=...)  writes one")
            file.seek(0)
            with np.load(file, allow_pickle=False) as held:
                size = sum(i.file_size for i in held.zip.infolist())
                if size > _memory() and not heads:
                    raise DataError(f"{path} holds {size / 1e9:.3g} GB, which is more than there is memory",
                                    hint=Advice("a folder with x.npy and y.npy, which are read as they are needed"))
                found = {k: _head(held.zip, k) if heads and not _few(held.zip, k) else held[k] for k in held.files}
            if (odd := next((k for k, a in found.items() if not isinstance(a, np.ndarray)), None)) is not None:
                raise DataError(f"{path} holds {odd}, which is no array", hint="np.savez(path, x=..., y=...)  writes arrays")
            return found
    except (DataError, FileNotFoundError):
        raise
    except Exception as e:  # zipfile and NumPy raise many kinds for a damaged file
        raise DataError(f"{path} cannot be read as .npz", _unreadable(e)) from None


def _few(archive: Any, name: str) -> bool:
    """Whether an array is of targets, or names of classes, and small enough to be looked at even where numbers are not read."""
    entry = archive.getinfo(name if name in archive.namelist() else f"{name}.npy")
    return entry.file_size <= LOOKED_AT and re.fullmatch(r"(y|y_test|y_val)(\..*)?|classes", name) is not None


def _head(archive: Any, name: str) -> Array:
    """Zeros of the shape and dtype of an array in an archive, all of them the same one."""
    with archive.open(name if name in archive.namelist() else f"{name}.npy") as file:
        shape, _, dtype = _described(file)
    return np.broadcast_to(np.zeros((), dtype), shape)


def _described(file: Any) -> tuple[tuple[int, ...], bool, Any]:
    """The head of an array as .npy has it: shape, whether columns come first, dtype. The numbers follow."""
    version = np.lib.format.read_magic(file)
    found = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else np.lib.format.read_array_header_2_0(file)
    if found[2].hasobject:
        raise ValueError("a pickle")
    return found


def _memory() -> float:
    """Bytes of the machine, as far as the system says."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _npy(path: Path) -> Array:
    try:
        with opened(path) as file:
            if file.read(6) != b"\x93NUMPY":
                raise DataError(f"{path} is no .npy file", "it does not begin as one", "np.save(path, array)  writes one")
            file.seek(0)
            shape, columns, dtype = _described(file)
            return np.asanyarray(np.memmap(file, dtype, "r", file.tell(), shape, "F" if columns else "C"))
    except DataError:
        raise
    except (OSError, ValueError) as e:
        raise DataError(f"{path} cannot be read as .npy", _unreadable(e)) from None


def _unreadable(e: Exception) -> str:
    """Why, in a word; NumPy's own advice for arrays of objects is to run what they hold."""
    return "it holds Python objects, not numbers" if "pickle" in str(e) else f"{type(e).__name__}: {e}"


def same_number(pair: Pair, name: str) -> None:
    """Refuse arrays that are not of the same examples."""
    arrays = [a for part in pair if part is not None for a in (part.values() if isinstance(part, Mapping) else [part])]
    counts = sorted({np.shape(a)[0] if np.ndim(a) else 0 for a in arrays})
    if len(counts) > 1:
        raise DataError(f"{name}: the arrays have different numbers of examples", f"{' and '.join(map(str, counts))}")
