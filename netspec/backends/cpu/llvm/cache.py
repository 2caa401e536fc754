"""Compiled code that outlives the process: functions called by address, and emitted modules as real files.

    @kernel                              # int64 f(int64 row, int64 item, int64 scratch), as the engine calls it
    def map_3f2a(row, item, scratch): ...

    map_3f2a.address                     # compiled, or loaded from disk, when first asked for

Entries of the cache folder are keyed by everything that shapes machine code: the source of the function and of the netspec
modules it imports, versions, processor. One that does not bear the seal of the folder (cache_folder.py) is compiled again.
Emitted modules are executed from the text in memory, never from a file.

This takes the place of Numba's `cache=True`, which would put its files beside ours where a package may be read-only,
and does not see that an imported intrinsic has changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import linecache
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache as remember
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ....cache_folder import place, prune_once, read_entry, read_plain, write_entry, write_whole
from ...turns import Turn

FORMAT = "3"  # of an entry on disk
Function = Callable[..., Any]
DRIVER = "int64(int64, int64, int64)"


# ---- what ----------------------------------------------------------------------------------------------------------------------
@remember
def machine() -> str:
    """All that decides machine code besides the source: versions, processor and its features."""
    import llvmlite
    import numba
    import numpy
    from numba.core.registry import cpu_target

    target = cpu_target.target_context.codegen().magic_tuple()
    generator = _source(importlib.import_module(f"{__package__}.machine_code").__name__)
    parts = (FORMAT, generator, sys.implementation.cache_tag, platform.python_version(), numba.__version__, llvmlite.__version__,
             numpy.__version__, *map(str, target))
    return _digest("\n".join(parts).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


# Imports of a module as it is imported itself: those in functions may or may not have run yet.
_IMPORT = re.compile(r"^(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+([\w.]+))", re.M)
_PACKAGE = __name__.rsplit(".", 2)[0]  # the package whose modules emitted code may import


@remember
def _source(module: str) -> str:
    """The digest of a module's text and, in turn, of the netspec modules it imports."""
    seen: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in sys.modules:
            continue
        text = _text(sys.modules[name])
        seen[name] = text.encode()
        package = sys.modules[name].__package__ or ""
        for base, names, plain in _IMPORT.findall(text):
            found = plain or base
            if found.startswith("."):
                up = len(found) - len(found.lstrip("."))
                found = ".".join(filter(None, (*package.split(".")[: len(package.split(".")) - up + 1], found.lstrip("."))))
            for candidate in (found, *(f"{found}.{n}" for n in re.findall(r"\w+", names))):
                if _PACKAGE and candidate.startswith(_PACKAGE + "."):
                    waiting.append(candidate)
    return _digest(b"\0".join(n.encode() + b"\0" + t for n, t in sorted(seen.items())))


def _text(module: ModuleType) -> str:
    if (given := module.__dict__.get("__netspec_source__")) is not None:
        return str(given)
    try:
        return Path(str(module.__file__)).read_text("utf-8")
    except (OSError, UnicodeError):
        return ""


# ---- compiled functions --------------------------------------------------------------------------------------------------------
@dataclass
class Statistics:
    """Kernels of this process: compiled here, and found on disk."""

    compiled: int = 0
    loaded: int = 0

    def __str__(self) -> str:
        return f"{self.compiled} kernels compiled, {self.loaded} loaded"


_statistics = Statistics()
_elsewhere: set[Path] = set()  # entries that processes.py had made
_making = Turn()  # of whoever makes machine code or a module


def statistics() -> Statistics:
    """A copy of the counts so far."""
    return Statistics(_statistics.compiled, _statistics.loaded)


def made_elsewhere(kernels: Iterable[Compiled]) -> None:
    """Count these as compiled, not as found, where another process has left them."""
    with _making.lock:
        _elsewhere.update(k.path for k in kernels if k.path is not None and k.path.exists())


_postponed: ContextVar[list[Compiled] | None] = ContextVar("postponed", default=None)


@contextlib.contextmanager
def postponed() -> Iterator[list[Compiled]]:
    """Within it nothing is compiled: what would be is in the list, so that it can be compiled at once (processes.py)."""
    missing: list[Compiled] = []
    token = _postponed.set(missing)
    try:
        yield missing
    finally:
        _postponed.reset(token)


class Compiled:
    """A function compiled for being called by address, when the address is first asked for.

    `lower` makes its library (machine_code.py) under a given symbol, from names of `module`. `key` tells apart functions
    of one name that differ in what their closure holds.
    """

    def __init__(self, name: str, module: str, signature: str, key: str, lower: Callable[[str], Any],
                 function: Function | None = None) -> None:
        self.name, self.module, self.signature, self.key, self.lower, self.function = (name, module, signature, key, lower,
                                                                                       function)
        self.__doc__ = function.__doc__
        self._address = 0

    def __repr__(self) -> str:
        return f"<compiled {self.name} {self.signature}>"

    @cached_property
    def digest(self) -> str:
        """Of all that decides its code but the machine."""
        return _digest(chr(0).join((_source(self.module), self.name, self.signature, self.key)).encode())

    @property
    def symbol(self) -> str:
        return f"netspec_{self.name}_{self.digest}"

    @cached_property
    def path(self) -> Path | None:
        """Its file in the cache."""
        directory = place().path
        return None if directory is None else directory / machine() / f"{self.name}-{self.digest}.code"

    @property
    def address(self) -> int:
        """Where the machine code starts; 0 within `postponed` if it would have to be compiled."""
        if self._address == 0:
            with _making.lock:  # whoever else wants it waits
                if self._address == 0:
                    self._address = self._load()
                postponed_here = _postponed.get()
                if self._address == 0 and postponed_here is not None:
                    postponed_here.append(self)
                elif self._address == 0:
                    self._address = self._compile()
        return self._address

    def _load(self) -> int:
        """The address of what is in the cache, else 0."""
        from .machine_code import load

        code = None if self.path is None else read_entry(self.path)
        if code is None:
            return 0
        try:
            address = int(load(code, self.symbol))
        except Exception:  # whatever is wrong with an entry, the cure is to compile
            return 0
        with _making.lock:
            if self.path in _elsewhere:
                _elsewhere.discard(self.path)
                _statistics.compiled += 1
            else:
                _statistics.loaded += 1
        return address

    def _compile(self) -> int:
        from .machine_code import load

        library = self.lower(self.symbol)
        code = library.object()
        with _making.lock:
            _statistics.compiled += 1
        if self.path is not None and library.lasting:
            write_entry(self.path, code)
            prune_once()
        return int(load(code, self.symbol))

    @cached_property
    def call(self) -> Callable[..., int]:
        """The function as Python calls it; the interpreter's lock is released meanwhile."""
        of: dict[str, Any] = {"int64": ctypes.c_int64, "int32": ctypes.c_int32, "float64": ctypes.c_double, "void": None}
        result, _, arguments = self.signature.rstrip(")").partition("(")
        kinds = [of[a.strip()] for a in arguments.split(",") if a.strip()]
        return ctypes.CFUNCTYPE(of[result.strip()], *kinds)(self.address)

    def __call__(self, *args: int) -> int:
        return self.call(*args)

    def assembly(self) -> str:
        """The machine code as text; compiles anew, as the cache keeps none."""
        return str(self.lower(self.symbol).assembly())


def compiled(signature: str, key: str = "", loops: bool = True) -> Callable[[Function], Compiled]:
    """Decorate a function of numbers to be compiled for calls by address. Division by zero does not raise in it. `loops`
    False: it only leads to where the work is, and no loop of it is worth unrolling."""

    def make(function: Function) -> Compiled:
        def lower(symbol: str) -> Any:
            from .machine_code import translated

            return translated(function, signature, symbol, loops)

        return Compiled(function.__name__, function.__module__, signature, key + ("" if loops else " plain"), lower, function)

    return make


def emitted(name: str, module: str, count: int, emit: Callable[[Any, list[Any]], Any]) -> Compiled:
    """A function of `count` int64 that emits its own body, `name` in the module of that name."""

    def lower(symbol: str) -> Any:
        from .machine_code import emitted

        return emitted(emit, count, symbol)

    return Compiled(name, module, f"int64({', '.join(['int64'] * count)})", "", lower)


def kernel(function: Function) -> Compiled:
    """A driver of the engine's table: int64 f(int64 row, int64 item, int64 scratch)."""
    return compiled(DRIVER)(function)


def compile_function(source: str, name: str, signature: str = DRIVER) -> Compiled:
    """One function of a text, compiled for calls by address."""
    return compiled(signature)(getattr(load_module(source, name), name))


# ---- emitted modules ---------------------------------------------------------------------------------------------------------
def load_module(text: str, title: str) -> ModuleType:
    """Run a text as a module. It also lies in the cache directory as a file, for readers, debuggers and tracebacks."""
    name = f"netspec_{re.sub(r'[^0-9A-Za-z_]+', '_', title)}_{_digest(text.encode())}"
    with _making.lock:  # nobody gets a module that has not run to its end
        if name in sys.modules:
            return sys.modules[name]
        file = _file_of(name, text)
        module = ModuleType(name)
        module.__file__ = file
        module.__dict__["__netspec_source__"], module.__dict__["__netspec_title__"] = text, title
        sys.modules[name] = module
        try:
            exec(compile(text, file, "exec"), module.__dict__)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return module


def _file_of(name: str, text: str) -> str:
    """The module's file, written unless it is there with these very bytes; else an entry that tracebacks find."""
    directory = place().path
    if directory is not None:
        path = directory / "modules" / f"{name}.py"
        data = text.encode()
        there = read_plain(path, len(data)) == data
        if not there:
            write_whole(path, data)
        if there or path.exists():
            return str(path)
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    return file
