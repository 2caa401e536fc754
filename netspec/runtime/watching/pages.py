"""Where the page of a run is written: whole or not at all, whenever somebody reads it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...diagnostics import unwritable
from ...reading import irregular, write
from ...views.report.page import page
from ...views.report.story import Story

PAGE = "report.html"


def write_page(path: Path, stories: Sequence[Story], refresh: int | None = None) -> None:
    """Write the page of some runs. Raises where it cannot be written."""
    put_page(path, page(stories, refresh))


def put_page(path: Path, text: str) -> None:
    """Write a page. Raises where it cannot be written."""
    data = text.encode()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and irregular(path) is not None:  # a pipe, a device
            write(path, data)
            return
        beside.write_bytes(data)
        os.replace(beside, path)
    except (OSError, ValueError) as e:
        beside.unlink(missing_ok=True)
        raise unwritable(path, e) from None
