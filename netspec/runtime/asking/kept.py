"""Where `predict -o` keeps what a network gave: arrays of all outputs, or a picture for each map of classes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.parts.decoded import BARS
from ...datasets.parts.pictures import returned
from ...diagnostics import UsageError, unwritable
from ...reading import write
from .answer import Answer
from .answers import Speaker
from .examples import Own

Array = NDArray[Any]
Keep = Callable[[Sequence[Answer], dict[str, Array], Sequence[Own | None]], None]


@contextmanager
def kept(path: str | None, by: Speaker) -> Iterator[Keep]:
    """What takes the answers and outputs of each batch, with what the pictures were, and writes them where they belong."""
    if path is None:
        yield lambda answers, outputs, shapes: None
    elif path.lower().endswith(".npz"):
        names: list[str] = []
        held: dict[str, list[Array]] = {}

        def gather(answers: Sequence[Answer], outputs: dict[str, Array], shapes: Sequence[Own | None]) -> None:
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

    def draw(answers: Sequence[Answer], outputs: dict[str, Array], shapes: Sequence[Own | None]) -> None:
        for a, own in zip_longest(answers, shapes):
            if not a.shares or by.reading.kind != "classes" or a.values is None or a.values.ndim != 2:
                raise UsageError("pictures are kept of maps of classes, and these are none", hint="-o out.npz")
            stem, k = Path(a.file).stem, 1
            while (name := stem if k == 1 else f"{stem}-{k}") in taken:
                k += 1
            taken.add(name)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                values = a.values.astype(np.uint8)
                if own is not None:
                    values = returned(values, own.size, own.to, own.resize, BARS)
                Image.fromarray(values).save(folder / f"{name}.png")
            except OSError as e:
                raise unwritable(folder / f"{name}.png", e) from None

    return draw
