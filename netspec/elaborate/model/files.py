"""Files: what they define and import, and the lexical context a step is read in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...diagnostics import Advice, Diagnostic, Label, MissingFileError, near
from ...layers import LAYERS
from ...limits import FILES, FILES_BYTES, IMPORTED_DEPTH
from ...losses import LOSSES
from ...optimisers import OPTIMISERS
from ...reading import Outside, irregular, placed
from ...schedules import SCHEDULES
from ...source import Source, Span
from ...syntax import tree
from ...syntax.load import imported_text, read_source, specs_folder
from ...syntax.parser import parse_recovering
from ...words import Registry, arguments
from .budget import Budget
from .origins import Origins
from .values import Named

REGISTRIES: tuple[Registry[Any], ...] = (LAYERS, LOSSES, OPTIMISERS, SCHEDULES)
STRUCTURAL = ("reuse", "skip", "expect")  # steps that make no layer of their own


def known_words() -> set[str]:
    """Every bare word that some layer, loss or optimiser understands; reads all of their files."""
    out = {"linear", "crop", "upto", *STRUCTURAL}
    for registry in REGISTRIES:
        for name, cls in registry.sound().items():
            out.add(name)
            out.update(w for a in arguments(cls) for w in a.words)
    return out


def is_known(word: str) -> bool:
    """Whether `known_words` has it; where it is the name of a word, no file is read."""
    return any(word in r for r in REGISTRIES) or word in known_words()


@dataclass(frozen=True, slots=True)
class Context:
    """Where a step stands: the names it sees, the defaults that hold, its file. Never changed in place, so that `reuse`
    can run a step again as it was."""

    env: dict[str, Any]
    defaults: dict[str, Any]
    file: File
    origins: Origins = field(default_factory=dict)  # of the parameters, see `origins`

    def bound(self, /, **names: Any) -> Context:
        kept = (self.origins if self.origins.keys().isdisjoint(names)
                else {k: v for k, v in self.origins.items() if k not in names})
        return Context({**self.env, **names}, self.defaults, self.file, kept)

    def with_default(self, kind: str, default: Any) -> Context:
        return Context(self.env, {**self.defaults, kind: default}, self.file, self.origins)


@dataclass(frozen=True, slots=True)
class Macro(Named):
    """A block, a net or a variant, and the file it is lexically in."""

    item: tree.Definition | tree.Variant
    file: File

    @property
    def kind(self) -> str:
        return "net" if isinstance(self.item, tree.Variant) else self.item.kind

    @property
    def torn(self) -> bool:
        """Whether the head of the definition could not be read, so that its calls cannot be judged."""
        return self.name in self.file.module.torn


@dataclass(eq=False)
class File:
    """One spec file, its constants evaluated and its names known."""

    module: tree.Module
    library: Library
    key: str  # among the files of the library
    definitions: dict[str, Macro] = field(default_factory=dict)
    imported: dict[str, tree.Import] = field(default_factory=dict)
    env: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    places: dict[str, dict[str, Any]] = field(default_factory=dict)  # the defaults that hold where a definition stands
    used: set[str] = field(default_factory=set)  # names something asked for
    found: dict[str, File] = field(default_factory=dict)  # the files it imports, by path as written

    @cached_property
    def named(self) -> frozenset[str]:
        """Every name that a line of it may give to a node."""
        return frozenset(n.name for n in tree.walk(self.module.items)
                         if isinstance(n, (tree.Labelled, tree.Output, tree.InputLine)) and n.name)

    @property
    def name(self) -> str:
        return self.module.source.name


class Library:
    """The files of one elaboration: each is read once; `found` is what was wrong with reading them."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.found: list[Diagnostic] = []
        self.loading: list[str] = []
        self.budget = Budget()
        self.nets = 0  # that were run
        self.bytes = 0

    def add(self, module: tree.Module) -> File:
        """The file of a module, and of everything it imports."""
        return self.add_as(module, os.path.realpath(module.source.name) if module.source.folder else module.source.name)

    def _define(self, file: File, item: tree.Definition | tree.Variant) -> None:
        first = file.definitions.get(item.name)
        if first is not None:
            self.found.append(Diagnostic(
                "duplicate-definition", f"`{item.name}` is defined twice",
                (Label(item.name_span, "this name is taken"), Label(first.item.name_span, "the first is here")),
                hint=Advice("give one of them another name")))
            return
        file.definitions[item.name] = Macro(item.name, item, file)

    def _import(self, file: File, item: tree.Import) -> None:
        try:
            other = self._at_hand(file, item) if file.module.imports is not None else self._read(file, item)
        except MissingFileError as e:
            d = e.diagnostics[0]
            self.found.append(Diagnostic(d.code, d.title, (Label(item.path_span, "imported here"),), d.notes, d.hint))
            other = None
        if other is None:
            self._unknown(file, item)
            return
        file.found[item.path] = other
        for name in item.names:
            if name in file.definitions:
                self.found.append(Diagnostic(
                    "duplicate-definition", f"`{name}` is imported and defined, or imported twice",
                    (Label(item.span, "imported here"), Label(file.definitions[name].item.name_span, "and defined here"))))
                continue
            macro = other.definitions.get(name)
            if macro is None:
                if (other.key in self.loading
                        and name in {n for i in other.module.items if isinstance(i, tree.Import) for n in i.names}):
                    circle = "the file imports it from itself" if other is file else "each file imports it from the other"
                    self.found.append(Diagnostic("import-cycle", f"`{name}` is looked for in a circle of imports",
                                                 (Label(item.span, circle),),
                                                 hint=f"define `{name}` in {'this file' if other is file else 'one of the files'}"))
                else:
                    self.found.append(_missing(name, item, other))
                file.definitions[name] = UNKNOWN
            else:
                file.definitions[name] = macro
            file.imported[name] = item

    def _read(self, file: File, item: tree.Import) -> File | None:
        """The file of an import; None where there is none, which is then said. Raises MissingFileError."""
        place = self._place(file, item)
        if place is None:
            return None
        if str(place) in self.files:
            return self.files[str(place)]
        text = imported_text(place)
        self._room(os.stat(place).st_size if text is None else len(text))
        text = read_source(place).text if text is None else text
        module, mistakes = parse_recovering(Source(_shown(file.module.source.name, place), text, str(place.parent)))
        self.found += mistakes
        return self.add_as(module, str(place))

    def _at_hand(self, file: File, item: tree.Import) -> File:
        """The file of an import of a module that stands alone: nothing is read. Raises MissingFileError."""
        module = (file.module.imports or {}).get(item.path)
        if module is None:
            raise MissingFileError(f"there is no file {item.path} to import from")
        key = f"<at hand {id(module)}>"
        if key not in self.files:
            self._room(len(module.source.text))
            self.add_as(module, key)
        return self.files[key]

    def _room(self, size: int) -> None:
        """Refuse what no spec needs. Raises MissingFileError."""
        if len(self.files) > FILES:
            raise MissingFileError(f"a spec imports {FILES} files at most, those of its imports included", code="too-large")
        if len(self.loading) > IMPORTED_DEPTH:
            raise MissingFileError(f"files import each other {IMPORTED_DEPTH} deep at most", code="too-deep")
        self.bytes += size
        if self.bytes > FILES_BYTES:
            raise MissingFileError(f"a spec and what it imports have {FILES_BYTES // 1_000_000} MB at most", code="too-large")

    def add_as(self, module: tree.Module, key: str) -> File:
        file = File(module, self, key)
        self.files[key] = file
        self.loading.append(key)
        for item in module.items:
            if isinstance(item, (tree.Definition, tree.Variant)):
                self._define(file, item)
        for item in module.items:
            if isinstance(item, tree.Import):
                self._import(file, item)
        self.loading.pop()
        return file

    def _unknown(self, file: File, item: tree.Import) -> None:
        for name in item.names:
            file.definitions.setdefault(name, UNKNOWN)

    def _place(self, file: File, item: tree.Import) -> Path | None:
        """Where an import lies: in the importing file's folder or below it, else among the packaged specs. Nothing else
        is ever read."""
        also: list[str] = []  # what is there instead
        folders = [Path(file.module.source.folder or os.getcwd()).resolve(), specs_folder().resolve()]
        title, problem = f"there is no file {item.path} to import from", None
        if not item.path or len(item.path) > 1000:
            problem = "the path is empty" if not item.path else "the path is too long"
        else:
            for folder in folders:
                try:
                    place = placed(item.path, folder)
                    if imported_text(place) is not None or place.is_file():
                        return place
                    if (sort := irregular(place)) is not None:
                        problem = f"this is {sort}"
                    elif place.with_name(place.name + ".net").is_file():
                        also.append(f"{item.path}.net")
                except Outside as o:
                    title, problem = "an import lies in the folder of its file, or below it", o.strerror
                except OSError:
                    problem = "not a path"
        beside = [p.name for folder in folders if folder.is_dir() for p in folder.glob("*.net")]
        alike = also[0] if also else near(item.path, beside)
        self.found.append(Diagnostic(
            "missing-file", title, (Label(item.path_span, problem or "not beside this file, not among netspec's own specs"),),
            hint=f'did you mean "{alike}"?' if alike else None))
        return None


def _missing(name: str, item: tree.Import, other: File) -> Diagnostic:
    """A name that the imported file does not define."""
    alike = near(name, other.definitions)
    kind = next(("a constant" for i in other.module.items if isinstance(i, tree.Constant) and i.name == name), None)
    return Diagnostic("missing-import", f"{item.path} has no block or net `{name}`",
                      (Label(item.span, f"{kind} there" if kind else "not defined there"),),
                      (f"it defines: {', '.join(list(other.definitions)[:12]) or 'no block and no net'}",),
                      f"did you mean `{alike}`?" if alike else f"write it here too:  {name} = ..." if kind else None)


def _shown(importer: str, place: Path) -> str:
    """An imported file's name in messages: as its importer would be named."""
    try:
        return os.path.join(os.path.dirname(importer),
                            place.relative_to(Path(importer).resolve().parent)) if not importer.startswith("<") else str(place)
    except ValueError:
        return str(place)


_NOWHERE = Span(Source("", ""), 1, 1, 1, 1)
UNKNOWN = Macro("?", tree.Definition("block", "?", (), tree.Suite((), _NOWHERE), _NOWHERE, _NOWHERE), None)  # type: ignore[arg-type]
"""What stands for a name whose import failed: calls of it are silent."""
