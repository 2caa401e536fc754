"""Where `predict -o` keeps what a network gave: arrays of all outputs, or a picture for each map of classes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import UsageError, unwritable
from ...reading import write
from .answer import Answer
from .answers import Speaker

Array = NDArray[Any]
Keep = Callable[[Sequence[Answer], dict[str, Array]], None]


@contextmanager
def kept(path: str | None, by: Speaker) -> Iterator[Keep]:
    """What takes the answers and outputs of each batch, and writes them where they belong."""
    if path is None:
        yield lambda answers, outputs: None
    elif path.lower().endswith(".npz"):
        names: list[str] = []
        held: dict[str, list[Array]] = {}

        def gather(answers: Sequence[Answer], outputs: dict[str, Array]) -> None:
            names.extend(a.file for a in answers)
            for k, v in outputs.items():
                held.setdefault(k, []).append(v)

        yield gather
        data = io.BytesIO()
        arrays: dict[str, Any] = {"files": np.array(names), **{k: np.concatenate(v) for k, v in held.items()}}
        np.savez(data, **arrays)
        try:
            write(path, data.getvalue())
        except (OSError, ValueError) as e:
            raise unwritable(path, e) from None
    else:
        yield _pictures(path, by)


def _pictures(path: str, by: Speaker) -> Keep:
    from PIL import Image

    if os.path.splitext(path)[1]:
        raise UsageError(f"arrays are kept as .npz, and pictures in a folder; {path} is neither",
                         hint="-o out.npz   or   -o maps")
    folder, taken = Path(path), set[str]()

    def draw(answers: Sequence[Answer], outputs: dict[str, Array]) -> None:
        for a in answers:
            if not a.shares or by.reading.kind != "classes" or a.values is None or a.values.ndim != 2:
                raise UsageError("pictures are kept of maps of classes, and these are none", hint="-o out.npz")
            stem, k = Path(a.file).stem, 1
            while (name := stem if k == 1 else f"{stem}-{k}") in taken:
                k += 1
            taken.add(name)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(a.values.astype(np.uint8)).save(folder / f"{name}.png")
            except OSError as e:
                raise unwritable(folder / f"{name}.png", e) from None

    return draw
