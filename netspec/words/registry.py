"""Words of one sort by the name a spec writes: those of a folder, found when they are asked for, and those of a user's script."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from os.path import join
from typing import TypeVar

from ..diagnostics import Advice, Diagnostic, NetspecError
from .word import Word

W = TypeVar("W", bound=Word)

STEPS = ("linear", "reuse", "skip", "expect")  # what a step may be that is no word of a registry


class Registry(MutableMapping[str, type[W]]):
    """The words of one sort.

    A folder holds a file for each word, called as the word is, in rooms (folders) where there are many. Which words there
    are is read from the names of the files; a file is imported when its word is asked for. A class that is defined
    anywhere else, in a user's script, is a word from then on.
    """

    def __init__(self, sort: str, folder: str, apart: tuple[str, ...] = ("parts",), taken: tuple[str, ...] = ()):
        """`folder` is the name of a package; its folders named in `apart` hold no words of this sort; `taken` are names that
        mean something else where these words stand."""
        self.sort, self.folder, self.apart, self.taken = sort, folder, apart, taken
        self._files: dict[str, str] | None = None
        self._known: dict[str, type[W]] = {}

    @property
    def files(self) -> Mapping[str, str]:
        """Every word that has a file -> the module that this file is."""
        if self._files is None:
            self._files = dict(_modules(self.folder, list(import_module(self.folder).__path__), self.apart))
        return self._files

    def __getitem__(self, name: str) -> type[W]:
        if name not in self._known:
            module = self.files[name]
            import_module(module)
            if name not in self._known:
                raise RuntimeError(f"{module} stands among the {self.folder.rpartition('.')[2]}, and defines no {self.sort} called {name}")
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self.files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self.files, *self._known}))

    def __len__(self) -> int:
        return len({*self.files, *self._known})

    def add(self, cls: type[W], name: str | None, category: str, abstract: bool = False) -> None:
        """Make a class a word, by the name given, or its own; one that is `abstract` only has fields and methods to inherit."""
        dataclass(frozen=True)(cls)
        if not abstract:
            cls.name, cls.category = name or cls.__name__.lower(), category
            self[cls.name] = cls

    def __setitem__(self, name: str, cls: type[W]) -> None:
        """Make a class a word by this name. One that is defined again, as in a notebook, takes the place of what it was.

        Errors: a name that cannot be written, or that means something already.
        """
        if cls.__module__ != self.files.get(name):
            self._check(name, cls)
        self._known[name] = cls

    def __delitem__(self, name: str) -> None:
        """Take a word of a user's script away again."""
        del self._known[name]

    def _check(self, name: str, cls: type[W]) -> None:
        """Refuse a word from outside that could not be written, or not be told from another."""
        from ..syntax.refused import RESERVED

        own = f"{cls.__module__}.{cls.__qualname__}"
        before = self._known.get(name)
        home = self.files.get(name) or (f"{before.__module__}.{before.__qualname__}" if before is not None else own)
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            problem, note = f"a spec cannot write the name `{name}`", "a name has letters, digits and underscores"
        elif name in RESERVED or name in STEPS or name in self.taken:
            problem, note = f"`{name}` is a word of the language itself", "see  netspec explain"
        elif home != own:
            problem, note = f"there is {_a(self.sort)} called `{name}` already", f"it is {home}"
        else:
            return
        raise NetspecError(Diagnostic("word-name", problem, notes=(note, f"the class is {own}"), hint=Advice(
            f'give it another name:  class {cls.__name__}(..., name="my_{re.sub(r"[^A-Za-z0-9_]", "_", name)}")')))


def _modules(package: str, paths: list[str], apart: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for found in pkgutil.iter_modules(paths):
        if not found.ispkg:
            yield found.name, f"{package}.{found.name}"
        elif found.name not in apart:
            yield from _modules(f"{package}.{found.name}", [join(p, found.name) for p in paths], ())


def _a(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun
