"""Where training data come from: a data set by its word, or files by their path.

    data digits                     the packaged 8x8 digits
    data "train.npz"                arrays x and y; x_val, y_val, x_test and y_test where there are any
    data "folder"                   x.npy and y.npy (memory-mapped), and the others
    data "train.npz" test="t.npz"   the test examples from another file
    data images "folder"            a folder of pictures, a folder in it for each class
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from ..datasets import DATASETS
from ..datasets.parts.arrays import read, same_number
from ..diagnostics import at_line
from ..elaborate.train_line import train_line
from ..ir.graph import Graph
from ..ir.training import DataUse
from ..reading import Own
from ..words import WordError
from ..words.dataset import Data, DataError, Dataset, Lazy, Pairs, Request, without_arguments


def digits() -> Pairs:
    """((x, y), (x_test, y_test)): 1,437 and 360 handwritten digits. x is N x 1 x 8 x 8 float32 in [0, 1], y is N int64.

    Every fifth example (index % 5 == 0) is for testing. Alpaydin and Kaynak, UCI, CC BY 4.0: see datasets/ATTRIBUTION.txt.
    """
    return DATASETS["digits"]().load(None)


def load(what: str, folder: str | None = None, test: str | None = None) -> Data:
    """Data by what a person calls them: the word of a data set that needs no arguments, a path, looked for from `folder`, or a
    data line of the language, 'images "photos" size=64'; `test` is the file with the test examples.

    Errors: no such name or file; a file of another kind; a missing x or y; numbers of examples that differ; those of a line.
    """
    if test is None and what not in DATASETS and (use := line(what, name="<python>")) is not None:
        return named(use, Request(folder))
    if test is None and what in without_arguments():
        return _data(replace(DATASETS[what]().read(Request(folder)), name=what))
    return read(what, folder, anywhere=True, test=test)


def line(text: str, own: bool = True, name: str = "--data") -> DataUse | None:
    """A data line, `images "folder"`; None for what is no line but a path or a word, as `digits` or `train.npz`. Files that
    the user's own line names may lie anywhere; others below the current folder. `name` is where it was said.

    Errors: those of the line, at it.
    """
    text = text.strip()
    text = text.removeprefix("data ").strip()
    word = text.split(maxsplit=1)[0] if text else ""
    if not (text.startswith('"') or word in DATASETS):
        return None
    use = train_line(f"data {text}", Graph("it", (), ()), name).data
    assert use is not None
    if not own:
        return use
    changed = {f.name: Own(v) for f in fields(use.op) if type(v := getattr(use.op, f.name)) is str and v}
    return replace(use, op=replace(use.op, **changed))


def named(line: DataUse, asked: Request) -> Data:
    """What a `data` line names, for whom it is asked. Paths are looked for from the folder of the spec.

    Errors, at the line: those of the data set.
    """
    with _at(line):
        data = line.op.read(replace(asked, folder=_folder(line)))
        for pair in filter(None, (data.train, data.validation, data.test)):
            _owned(pair, line.op)
        return _data(data)


def outline(line: DataUse, asked: Request) -> Data | None:
    """What `named` would give, the numbers unread: zeros of the right shapes, which take no memory. None of data that only
    loading tells. Raises what `named` would raise, as far as the heads of files tell."""
    with _at(line):
        data = line.op.outline(replace(asked, folder=_folder(line)))
        return None if data is None else _data(data)


def _folder(line: DataUse) -> str | None:
    return line.span.source.folder if line.span is not None else None


@contextmanager
def _at(line: DataUse) -> Iterator[None]:
    with at_line(line.span):
        try:
            yield
        except WordError as w:
            raise DataError(f"data {line.op.title}: {w.message}", *w.notes, hint=w.hint or None, code=w.code) from None


def _owned(arrays: Any, word: Dataset) -> None:
    """Let arrays that make their examples later know whose they are."""
    for part in arrays if isinstance(arrays, tuple) else arrays.values() if isinstance(arrays, dict) else ():
        if isinstance(part, Lazy):
            part.word = word
        else:
            _owned(part, word)


def _data(data: Data) -> Data:
    """The examples, of which each pair has to have the same number."""
    for pair in (data.train, data.validation, data.test):
        if pair is not None:
            same_number(pair, data.name)
    return data
