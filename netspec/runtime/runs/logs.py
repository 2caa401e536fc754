"""The numbers of each epoch in files: lines of JSON, a table, or TensorBoard's events.

    log.jsonl   {"epoch": 1, "loss": 0.6965, "accuracy": 0.80, "val_loss": ..., "lr": 0.02, "seconds": 0.3}
    log.csv     epoch,loss,accuracy,...; what is an array (a confusion matrix) is left to the others
    FOLDER      events.out.tfevents...: a scalar for each number, by the number of the epoch

A file that is there is gone on with.
"""

from __future__ import annotations

import csv
import json
import os
import socket
import struct
import time
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from ...diagnostics import unwritable
from ..misuse import path_of
from ..train.callbacks import Callback


def logs(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> tuple[Callback, ...]:
    """What writes the files that `fit(log=...)` names."""
    several = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    return tuple(_log(path_of(path)) for path in several)


def _log(path: Path) -> Callback:
    return Lines(path) if path.suffix == ".jsonl" else Table(path) if path.suffix == ".csv" else Events(path)


class Lines(Callback):
    """A line of JSON for each epoch."""

    alone = True

    def __init__(self, path: Path):
        self.path = path

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> None:
        append(self.path, json.dumps({"epoch": epoch, **{k: plain(v) for k, v in numbers.items()}}) + "\n")


class Table(Callback):
    """A row for each epoch; the first names the columns."""

    alone = True

    def __init__(self, path: Path):
        self.path = path

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> None:
        scalars = {"epoch": epoch, **{k: v for k, v in numbers.items() if isinstance(v, int | float)}}
        try:
            with open(self.path, "a+", newline="", encoding="utf-8") as f:
                f.seek(0)
                columns = next(csv.reader(f), None)
                writer = csv.writer(f, lineterminator="\n")
                if columns is None:
                    columns = list(scalars)
                    writer.writerow(columns)
                writer.writerow([scalars.get(c, "") for c in columns])
        except OSError as e:
            raise unwritable(self.path, e) from None


class Events(Callback):
    """TensorBoard's events: records of protocol buffers (Event, Summary of scalars), each with its length and two checksums, as
    TensorFlow's `RecordWriter` writes them."""

    alone = True

    def __init__(self, folder: Path):
        self.folder, self.path = folder, Path()

    def on_begin(self, net: Any, last: int) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise unwritable(self.folder, e) from None
        self.path = self.folder / f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        append(self.path, record(event(0, version="brain.Event:2")))

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> None:
        scalars = {k: float(v) for k, v in numbers.items() if isinstance(v, int | float)}
        append(self.path, record(event(epoch, scalars)))


def plain(value: Any) -> Any:
    """A number as JSON has it: what is none, or is infinite, is null; arrays are lists."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def append(path: Path, data: str | bytes) -> None:
    """Add to the end of a file. Raises MissingFileError where that cannot be."""
    try:
        with open(path, "ab") as f:
            f.write(data.encode() if isinstance(data, str) else data)
    except OSError as e:
        raise unwritable(path, e) from None


def event(step: int, scalars: dict[str, float] | None = None, version: str = "") -> bytes:
    """An Event: wall_time (1, double), step (2, int64), file_version (3, text) or summary (5)."""
    values = b"".join(_field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", v)) for name, v in (scalars or {}).items())
    body = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + _whole(step)
    return body + (_field(3, version.encode()) if version else _field(5, values))


def record(data: bytes) -> bytes:
    """A record: its length, the checksum of that, the data, their checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked(length)) + data + struct.pack("<I", _masked(data))


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _whole(len(data)) + data


def _whole(n: int) -> bytes:
    """Base 128, the lowest digits first."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def _masked(data: bytes) -> int:
    """CRC-32C (Castagnoli), turned and moved as in TensorFlow's records, so that a checksum of checksums is none."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
