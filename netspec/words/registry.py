"""Words of one sort by the name a spec writes: those of a folder, found when they are asked for, and those of a user's script."""

from __future__ import annotations

import pkgutil
import re
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
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
        """Every word that has a file -> the module that this file is. No file is imported.

        Errors: a file whose name cannot be a word, or is that of another file.
        """
        if self._files is None:
            found: dict[str, str] = {}
            for name, module in _modules(self.folder, list(import_module(self.folder).__path__), self.apart):
                refused = self._meaning(name)
                if name in found:
                    refused = f"there are two files for the {self.sort} `{name}`", f"the other is {_file(found[name])}"
                if refused is not None:
                    raise NetspecError(Diagnostic("word-name", refused[0], notes=(refused[1], f"the file is {_file(module)}"),
                                                  hint=Advice("give the file, and the class in it, another name")))
                found[name] = module
            self._files = found
        return self._files

    def __getitem__(self, name: str) -> type[W]:
        if name not in self._known:
            module = self.files[name]
            try:
                import_module(module)
            except NetspecError:
                self._known.pop(name, None)  # the file is refused whole
                raise
            except Exception as e:
                self._known.pop(name, None)
                raise NetspecError(_broken(self.sort, name, module, e)) from e
            if name not in self._known:
                raise NetspecError(Diagnostic("broken-word", f"the file of the {self.sort} `{name}` defines no {self.sort}",
                                              notes=(f"the file is {_file(module)}",),
                                              hint=Advice(f"its class is called as the word is, or says  name=\"{name}\"")))
        return self._known[name]

    def imported(self) -> dict[str, type[W]]:
        """The words that somebody has asked for, and those of scripts."""
        return dict(self._known)

    def sound(self) -> dict[str, type[W]]:
        """Every word whose file can be imported, for those who go through them all: one broken file is in nobody's way who
        does not ask for its word."""
        out = {}
        for name in self:
            try:
                out[name] = self[name]
            except NetspecError:
                continue
        return out

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self.files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self.files, *self._known}))

    def __len__(self) -> int:
        return len({*self.files, *self._known})

    def add(self, cls: type[W], name: str | None, category: str, abstract: bool = False) -> None:
        """Make a class a word, by the name given, or its own; one that is `abstract` only has fields and methods to inherit."""
        own = cls.__dict__.get("__doc__")
        dataclass(frozen=True)(cls)
        cls.__doc__ = own or ""  # else Python writes one of its own, or takes that of the sort
        cls.sort = self.sort
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

    def _meaning(self, name: str) -> tuple[str, str] | None:
        """Why no word can have this name: what is wrong, and a fact."""
        from ..syntax.refused import RESERVED

        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            return f"a spec cannot write the name `{name}`", "a name has letters, digits and underscores"
        if name in RESERVED or name in STEPS or name in self.taken:
            return f"`{name}` is a word of the language itself", "see  netspec explain"
        return None

    def _check(self, name: str, cls: type[W]) -> None:
        """Refuse a word from outside that could not be written, or not be told from another."""
        own = f"{cls.__module__}.{cls.__qualname__}"
        before = self._known.get(name)
        home = self.files.get(name) or (f"{before.__module__}.{before.__qualname__}" if before is not None else own)
        if cls.__module__.startswith(self.folder + "."):  # a file of the package holds the one word that it is called as
            file = cls.__module__.rpartition(".")[2]
            raise NetspecError(Diagnostic(
                "word-name", f"the file of `{file}` defines {_a(self.sort)} called `{name}`",
                notes=(f"the class {cls.__qualname__} stands in {_file(cls.__module__)}",),
                hint=Advice(f"a word stands in a file of its name, {name}.py, or the class says  name=\"{file}\" or  abstract=True")))
        meaning = self._meaning(name)
        if meaning:
            problem, note = meaning
        elif home != own:
            problem, note = f"there is {_a(self.sort)} called `{name}` already", f"it is {home}"
        else:
            return
        raise NetspecError(Diagnostic("word-name", problem, notes=(note, f"the class is {own}"), hint=Advice(
            f'give it another name:  class {cls.__name__}(..., name="my_{re.sub(r"[^A-Za-z0-9_]", "_", name)}")')))


def _file(module: str) -> str:
    """The file that a module is, without importing it."""
    spec = find_spec(module)
    return str(spec.origin) if spec is not None else module


def _broken(sort: str, name: str, module: str, e: Exception) -> Diagnostic:
    """What is said of a word whose file cannot be imported: Python's error, and the line of the file where it is."""
    file = _file(module)
    if isinstance(e, SyntaxError) and e.filename:
        file, line = e.filename, e.lineno
    else:
        line = next((f.lineno for f in reversed(traceback.extract_tb(e.__traceback__)) if f.filename == file), None)
    said = (e.msg if isinstance(e, SyntaxError) else str(e)).splitlines()
    return Diagnostic("broken-word", f"the file of the {sort} `{name}` cannot be imported",
                      notes=(f"it is {file}" + (f", line {line}" if line else ""),
                             f"{type(e).__name__}: {said[0]}" if said else type(e).__name__))


def _modules(package: str, paths: list[str], apart: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for found in pkgutil.iter_modules(paths):
        if not found.ispkg:
            yield found.name, f"{package}.{found.name}"
        elif found.name not in apart:
            yield from _modules(f"{package}.{found.name}", [join(p, found.name) for p in paths], ())


def _a(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun
