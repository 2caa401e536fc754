"""The parser that Lark builds from grammars/net.lark, kept on disk: building takes 100-700 ms, loading 10.

The cache is a pickle, and a pickle is code: it lies in a folder that only this user can write (0700), is keyed by the
grammar's text and the versions, and is left out where no such folder can be had.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from .automaton import Automaton
from .builder import TreeBuilder
from .lexer import Scanner


def grammar_text() -> str:
    """grammars/net.lark, inside the wheel or beside the checkout's package."""
    inside = resources.files("netspec").joinpath("grammars/net.lark")
    if inside.is_file():
        return inside.read_text(encoding="utf-8")
    return (Path(__file__).resolve().parents[2] / "grammars" / "net.lark").read_text(encoding="utf-8")


def cache_folder() -> Path | None:
    """A folder of this user's alone, made if need be; None where there is none that is safe."""
    named = os.environ.get("NETSPEC_CACHE") or os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(named) if named else Path.home() / ".cache"
        folder = base / "netspec"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            return None
        if hasattr(os, "getuid"):
            if found.st_uid != os.getuid():
                return None
            if found.st_mode & 0o077:
                folder.chmod(0o700)
        return folder if os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError):
        return None


class Machine:
    """A built grammar: the tree builder it calls, the scanner of its terminals, and the automaton."""

    def __init__(self, lark: Any, builder: TreeBuilder):
        self.builder, self.scanner, self.automaton = builder, Scanner(lark.terminals), Automaton(lark)


@lru_cache(maxsize=1)
def machine() -> Machine:
    import lark

    text, builder = grammar_text(), TreeBuilder()
    options: dict[str, Any] = {"parser": "lalr", "lexer": "basic", "maybe_placeholders": False, "transformer": builder}
    folder = cache_folder()
    if folder is None:
        return Machine(lark.Lark(text, **options), builder)
    key = hashlib.sha256("\0".join((text, lark.__version__, sys.version)).encode()).hexdigest()[:16]
    place = folder / f"grammar-{key}.pickle"
    if place.exists():
        try:
            return Machine(lark.Lark(text, cache=str(place), **options), builder)
        except Exception:  # a damaged cache must never matter: build again, over it
            place.unlink(missing_ok=True)
    made = folder / f"grammar-{key}.{os.getpid()}.part"
    try:
        built = lark.Lark(text, cache=str(made), **options)
        os.replace(made, place)  # whole or not at all: another process may be reading
        return Machine(built, builder)
    except OSError:
        return Machine(lark.Lark(text, **options), builder)
    finally:
        made.unlink(missing_ok=True)
