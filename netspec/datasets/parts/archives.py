"""Shards: pictures in tar files with what is on them, as WebDataset lays them out.

    0001.jpg  0001.cls     the files of an example have one name, up to its first dot
    0002.jpg  0002.cls

Source: Breuel, "WebDataset", its page on the format
"""

from __future__ import annotations

import itertools
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ...diagnostics import MissingFileError
from ...reading import opened
from ...words.dataset import DataError
from . import tables
from .folders import Place, there
from .listing import Listed
from .pictures import Inside
from .pixels import SUFFIXES

TARGETS = ("cls", "json", "txt")  # what may say what is on a picture, the first that is there
FIELDS = ("label", "cls", "class", "labels")  # of a json, unless the line says which
SHARDS = 100_000  # names of a pattern
MOST = 1_000_000  # bytes of a target
NAME = re.compile(r"(?P<key>(?:.*/)?[^/.]+)\.(?P<end>[^/]+)")


@dataclass
class Found:
    """The examples of shards: a picture each, and the text that says what is on it."""

    pictures: list[Inside] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)  # of TARGETS
    others: list[str] = field(default_factory=list)


def shards(pattern: str, folder: str | None, line: str) -> list[str]:
    """The files of a pattern with * and ?, or {000..009}, in its last part; all .tar files of a folder.

    Errors: there are none; a spec names files outside of its own folder.
    """
    above, last = os.path.split(pattern)
    whole = there(pattern, folder, line) if not re.search(r"[*?{\[]", last) else None
    if whole is not None and not whole.path.is_dir():
        return [str(whole.path)]
    home = whole or there(type(pattern)(above or "."), folder, line)
    wanted = ["*.tar"] if whole is not None else list(itertools.islice(_expanded(last), SHARDS))
    found = [str(home.path / e.name) for e in home.entries() if not e.is_dir() and any(fnmatchcase(e.name, w) for w in wanted)]
    missing = [w for w in wanted if len(wanted) > 1 and not (home.path / w).exists()]
    if missing or not found:
        raise MissingFileError(f"there is no file {home.path / (missing or wanted)[0]}",
                               notes=(f"{home.path} has {', '.join(_names(home)) or 'no files'}",))
    return found


def _names(home: Place) -> list[str]:
    return [e.name for e in itertools.islice(home.entries(), 5)]


def _expanded(name: str) -> Iterator[str]:
    """shard-{000..002}.tar as three names."""
    m = re.search(r"\{(\d{1,6})\.\.(\d{1,6})\}", name)
    if m is None:
        yield name
        return
    for k in range(int(m[1]), int(m[2]) + 1):
        yield from _expanded(f"{name[: m.start()]}{k:0{len(m[1])}}{name[m.end() :]}")


def read(parts: Mapping[str, Sequence[str]], key: str | None, wants: str | None) -> tuple[dict[str, Listed], tuple[str, ...]]:
    """The pictures of the shards of each part and what is on them, and the names of the classes. The heads of the members are
    read, and what says what is on the pictures; no picture is. `key` is the field of a .json; `wants` is what the losses read.

    Errors, with shard and member: a link, a hole or a device; an example without a picture, with several, or without a target.
    """
    found = Found()
    ends = {}
    for part, paths in parts.items():
        begins = len(found.pictures)
        for path in paths:
            _index(path, found, needed=wants != "nothing")
        if len(found.pictures) == begins:
            raise DataError(f"{paths[0]} holds no pictures", f"it would hold 0001.jpg and 0001.{TARGETS[0]}, and so on")
        ends[part] = slice(begins, len(found.pictures))
    y, names = (None, ()) if wants == "nothing" else _targets(found, key, wants)
    return {part: Listed(tuple(found.pictures[where]), None if y is None else y[where],
                         others=tuple(found.others) if where.start == 0 else ()) for part, where in ends.items()}, names


def _targets(found: Found, key: str | None, wants: str | None) -> tuple[Any, tuple[str, ...]]:
    """The targets of all examples, and the names of the classes."""
    pictures = found.pictures
    if len(found.kinds) > 1:
        raise DataError(f"what is on the pictures of {pictures[0].path} is said in several ways",
                        f"by {' and '.join(f'.{k}' for k in sorted(found.kinds))}")
    said = [_said(text, picture.name, next(iter(found.kinds)), key) for text, picture in zip(found.texts, pictures)]
    if all(isinstance(s, int) for s in said):
        return np.array(said, np.int64), ()
    cells = [tuple(map(str, s)) if isinstance(s, list) else (str(s),) for s in said]
    if any(isinstance(s, list) and any(isinstance(v, str) for v in s) for s in said):
        cells = [(";".join(c),) for c in cells]
    for c, picture in zip(cells, pictures):
        if len(c) != len(cells[0]) or not c:
            raise DataError(f"{picture.name}: {len(c)} numbers, where {pictures[0].name} has {len(cells[0])}")
    table = tables.Table("what is on pictures", (), np.arange(len(pictures)), tuple(cells), tuple(p.name for p in pictures))
    targets = tables.targets(table, wants)
    return targets.y, targets.names


def _index(path: str, found: Found, needed: bool) -> None:
    """Add the examples of a shard."""
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(2) == b"\x1f\x8b":
                raise DataError(f"{path} is packed by gzip", "pictures are read where they lie in a shard", hint=f"gunzip {path}")
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as tar:
                examples: dict[str, dict[str, tarfile.TarInfo]] = {}
                end, last = 0, ""
                while end < size and (member := tar.next()) is not None:
                    _add(path, member, size, examples, found)
                    end, last = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, member.name
                file.seek(end)
                if file.read(tarfile.BLOCKSIZE).strip(tarfile.NUL):  # tarfile takes what is cut short for the end
                    raise DataError(f"{path} is cut short, or damaged", f"it breaks off after {end:,} bytes",
                                    f"the last member that is whole is {last}")
                for key, held in examples.items():
                    _example(path, key, held, file, found, needed)
    except (tarfile.TarError, EOFError) as e:
        raise DataError(f"{path} is no tar file, or damaged", f"{type(e).__name__}: {e}") from None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}", code="unreadable-file") from None


def _add(path: str, member: tarfile.TarInfo, size: int, examples: dict[str, dict[str, tarfile.TarInfo]], found: Found) -> None:
    if member.isdir():
        return
    if not member.isreg() or member.issparse():
        raise DataError(f"{path} holds {member.name}, which is no plain file", "it may be a link, a device, or a file with holes")
    if member.name.startswith("/") or ".." in member.name.split("/") or "\\" in member.name:
        raise DataError(f"{path} holds {member.name}, which would lie outside of where it is unpacked", "nothing of it is read")
    if member.offset_data + member.size > size:
        raise DataError(f"{path} is cut short", f"{member.name} claims {member.size:,} bytes")
    if member.name.rpartition("/")[2].startswith("."):
        return
    m = NAME.fullmatch(member.name)
    end = m["end"].lower() if m else ""
    if m is None or not (end in TARGETS or f".{end}" in SUFFIXES):
        found.others.append(f"{member.name} in {path}")
        return
    held = examples.setdefault(m["key"], {})
    kind = end if end in TARGETS else "picture"
    if kind in held:
        raise DataError(f"{path}: {m['key']} has two files that are {'pictures' if kind == 'picture' else f'.{kind}'}",
                        f"{held[kind].name} and {member.name}")
    held[kind] = member


def _example(path: str, key: str, held: dict[str, tarfile.TarInfo], file: Any, found: Found, needed: bool) -> None:
    name = f"{held['picture'].name} in {path}" if "picture" in held else f"{key} in {path}"
    if "picture" not in held:
        raise DataError(f"{name} has no picture", f"it has {', '.join(m.name for m in held.values())}")
    kind = next((t for t in TARGETS if t in held), None)
    if kind is None and needed:
        raise DataError(f"{name} says not what is on it", f"there is no {key}.{', '.join(TARGETS)}")
    if kind is not None and needed:
        member = held[kind]
        if member.size > MOST:
            raise DataError(f"{member.name} in {path} has {member.size:,} bytes", f"the limit is {MOST:,}")
        file.seek(member.offset_data)
        try:
            found.texts.append(file.read(member.size).decode("utf-8"))
        except UnicodeDecodeError:
            raise DataError(f"{member.name} in {path} is not in UTF-8") from None
        found.kinds.add(kind)
    picture = held["picture"]
    found.pictures.append(Inside(path, picture.offset_data, picture.size, name))


def _said(text: str, name: str, kind: str, key: str | None) -> Any:
    """What is on a picture: a whole number, a text, or a list of either."""
    text = text.strip()
    if kind == "cls":
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            raise DataError(f"the class of {name} is {text[:40] or 'empty'}", "a .cls holds the number of a class, from 0 on")
        return int(text)
    if kind == "txt":
        return text
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"what says what is on {name} is no JSON") from None
    if isinstance(held, dict):
        where = next((k for k in ((key,) if key else FIELDS) if k in held), None)
        if where is None:
            raise DataError(f"the JSON of {name} has no field {key or ', '.join(FIELDS)}", f"it has {', '.join(map(str, held))}")
        held = held[where]
    fine = [v for v in (held if isinstance(held, list) else [held]) if isinstance(v, str | int | float)
            and not isinstance(v, bool)]
    if fine != held and fine != [held]:
        raise DataError(f"the JSON of {name} holds neither numbers nor texts", f"it holds {str(held)[:60]}")
    return held
