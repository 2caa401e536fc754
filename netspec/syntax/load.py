"""Files to sources. Every way a file can fail to be a spec has its own message."""

from __future__ import annotations

import os
import sys
from importlib import resources
from pathlib import Path

from ..diagnostics import MissingFileError, near
from ..source import Source

LARGEST = 4_000_000  # bytes; a spec is a page of text


def specs_folder() -> Path:
    """The specs that come with netspec: inside the wheel or beside the checkout's package."""
    inside = Path(str(resources.files("netspec").joinpath("specs")))
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "specs"


def read_source(path: str | os.PathLike[str]) -> Source:
    """The text of a spec. `-` is standard input. Raises MissingFileError."""
    name = os.fspath(path)
    if name == "-":
        data = sys.stdin.buffer.read(LARGEST + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
        return Source("<stdin>", _decoded(data, "standard input"), os.getcwd())
    place = Path(name)
    try:
        with open(place, "rb") as f:
            data = f.read(LARGEST + 1)
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {name}", _instead(place)) from None
    except IsADirectoryError:
        specs = sorted(p.name for p in place.glob("*.net"))[:5]
        raise MissingFileError(f"{name} is a folder, not a spec", f"name a file in it: {place / specs[0]}" if specs else None, "not-a-file") from None
    except PermissionError:
        if place.is_dir():
            raise MissingFileError(f"{name} is a folder, not a spec", code="not-a-file") from None
        raise MissingFileError(f"{name} may not be read", "check the permissions of the file", "unreadable-file") from None
    except (OSError, ValueError) as e:
        raise MissingFileError(f"{name[:200]!r} cannot be opened", notes=(str(getattr(e, "strerror", None) or e),), code="unreadable-file") from None
    return Source(name, _decoded(data, name), str(place.resolve().parent))


def _decoded(data: bytes, name: str) -> str:
    if len(data) > LARGEST:
        raise MissingFileError(f"{name} is larger than {LARGEST // 1_000_000} MB, which no spec is", code="not-a-spec")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MissingFileError(f"{name} is UTF-16 text", "save it as UTF-8", "not-a-spec")
    if b"\0" in data:
        raise MissingFileError(f"{name} is a binary file, not a spec", "a spec is text, and its name ends in .net", "not-a-spec")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data[: e.start].count(b"\n") + 1
        raise MissingFileError(f"{name} is not UTF-8 text (line {line})", "save it as UTF-8", "not-a-spec") from None


def _instead(place: Path) -> str | None:
    try:
        beside = [p.name for p in place.parent.iterdir() if p.suffix == ".net"] if place.parent.is_dir() else []
    except OSError:
        beside = []
    alike = near(place.name, beside)
    if alike:
        return f"did you mean {place.parent / alike}?"
    packaged = specs_folder() / place.name
    if place.suffix == ".net" and packaged.is_file():
        return f"netspec comes with one: {packaged}"
    return f"did you mean {place}.net?" if place.with_name(place.name + ".net").is_file() else None
