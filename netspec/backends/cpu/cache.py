"""Compiled code that outlives the process: functions called by address, and emitted modules as real files.

    @kernel                              # int64 f(int64 row, int64 item, int64 scratch), as the engine calls it
    def map_3f2a(row, item, scratch): ...

    map_3f2a.address                     # compiled, or loaded from disk, when first asked for

The directory is NETSPEC_CACHE, else the platform's cache directory of this user. It contains code, so it must belong
to the user alone; if it does not, or cannot be written, a private temporary one serves this process, or none at all:
nothing here ever fails for want of a disk. Entries are keyed by everything that shapes machine code: the source of
the function and of the netspec modules it imports, versions, processor. They carry a checksum, and one that does not
read back is compiled again. Emitted modules are executed from the text in memory, never from a file.

This takes the place of Numba's `cache=True`, which would put its files beside ours where a package may be read-only,
and does not see that an imported intrinsic has changed.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import hashlib
import importlib
import linecache
import os
import pickle
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache as remember
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

FORMAT = "1"  # of an entry on disk
LIMIT = 256 << 20  # bytes kept on disk, over all versions and processors; NETSPEC_CACHE_LIMIT overrides, in MiB
Function = Callable[..., Any]
DRIVER = "int64(int64, int64, int64)"


# ---- where ------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Place:
    """The directory in use, or None, and why it is not the usual one."""

    path: Path | None
    why: str = ""


@remember
def place() -> Place:
    """The cache directory of this process, checked once."""
    chosen = os.environ.get("NETSPEC_CACHE")
    if chosen is not None and chosen.strip().lower() in ("", "0", "off", "none"):
        return Place(None, "NETSPEC_CACHE turns the cache off")
    wanted = Path(os.path.abspath(os.path.expanduser(chosen))) if chosen else _usual()
    why = _objection(wanted)
    if not why:
        return Place(wanted)
    try:
        private = Path(tempfile.mkdtemp(prefix="netspec-"))
    except OSError as error:
        return Place(None, f"{why}; no temporary directory: {error}")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return Place(private, why)


def _usual() -> Path:
    home = Path(os.path.expanduser("~"))  # stays "~" for a user without a home
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "netspec" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "netspec"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home / ".cache") / "netspec"


def _objection(path: Path) -> str:
    """Why code must not be kept in a directory, made here if it is missing; empty if it may."""
    if not path.is_absolute():
        return "there is no home directory"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_ = path.lstat()
        if not stat.S_ISDIR(is_.st_mode):
            return f"{path} is not a directory of its own"
        if hasattr(os, "getuid"):
            if is_.st_uid != os.getuid():
                return f"{path} belongs to another user"
            if is_.st_mode & 0o022:
                return f"{path} can be written by others"
            if is_.st_mode & 0o077:
                path.chmod(0o700)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, RuntimeError) as error:
        return f"{path} cannot be used: {error}"
    return ""


def _write(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all; a full disk is no error."""
    part = None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        os.replace(part, path)
    except OSError:
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)


# ---- what ----------------------------------------------------------------------------------------------------------------------
@remember
def machine() -> str:
    """All that decides machine code besides the source: versions, processor and its features."""
    import llvmlite
    import numba
    import numpy
    from numba.core.registry import cpu_target

    target = cpu_target.target_context.codegen().magic_tuple()
    parts = (FORMAT, sys.implementation.cache_tag, platform.python_version(), numba.__version__, llvmlite.__version__, numpy.__version__, *map(str, target))
    return _digest("\n".join(parts).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+([\w.]+))", re.M)
_PACKAGE = __name__.rpartition(".")[0]  # the package whose modules emitted code may import


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


# ---- compiled functions ---------------------------------------------------------------------------------------------------------
@dataclass
class Statistics:
    """Kernels of this process: compiled here, and found on disk."""

    compiled: int = 0
    loaded: int = 0

    def __str__(self) -> str:
        return f"{self.compiled} kernels compiled, {self.loaded} loaded"


_statistics = Statistics()
_elsewhere: set[Path] = set()
_lock = threading.Lock()


def statistics() -> Statistics:
    """A copy of the counts so far."""
    return Statistics(_statistics.compiled, _statistics.loaded)


class _Entry:
    """What Numba asks of a cache, for one function with one signature."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def load_overload(self, signature: Any, context: Any) -> Any:
        from numba.core import compiler
        from numba.core.runtime import nrt

        kind: Any = compiler.CompileResult
        runtime: Any = nrt.rtsys
        if self.path is None:
            return None
        # Numba would first fill the context with all it can compile, which takes longer than loading a network's kernels
        # and which running them does not need; compiling does it anyway. Numba's runtime must be there: code may name it.
        try:
            runtime.initialize(context)
            data = self.path.read_bytes()
            if hashlib.sha256(data[32:]).digest() != data[:32]:
                return None
            result = kind._rebuild(context, *pickle.loads(data[32:]))
            if time.time() - self.path.stat().st_mtime > 86400:
                os.utime(self.path)  # pruning removes what has not been used for longest
        except Exception:  # whatever is wrong with an entry, the cure is to compile
            return None
        with _lock:
            if self.path in _elsewhere:  # by a process that `compile_all` started
                _elsewhere.discard(self.path)
                _statistics.compiled += 1
            else:
                _statistics.loaded += 1
        return result

    def save_overload(self, signature: Any, result: Any) -> None:
        from numba.core import serialize

        dumps: Any = serialize.dumps
        with _lock:
            _statistics.compiled += 1
        if self.path is None or result.library.has_dynamic_globals:
            return
        try:
            data = dumps(result._reduce())
        except Exception:  # not every result can be written down; this process has it in memory
            return
        _write(self.path, hashlib.sha256(data).digest() + data)
        _prune_once()


class Compiled:
    """A function compiled for being called by address, when the address is first asked for.

    `key` tells apart functions of one name that differ in what their closure holds.
    """

    def __init__(self, function: Function, signature: str, key: str, options: dict[str, Any]) -> None:
        self.function, self.signature, self.key, self.options = function, signature, key, options
        self.name, self.__doc__ = function.__name__, function.__doc__

    def __repr__(self) -> str:
        return f"<compiled {self.name} {self.signature}>"

    @cached_property
    def path(self) -> Path | None:
        """Its file in the cache."""
        directory = place().path
        if directory is None:
            return None
        options = repr(sorted(self.options.items()))
        parts = (_source(self.function.__module__), self.function.__qualname__, self.signature, self.key, options)
        return directory / machine() / f"{self.name}-{_digest(chr(0).join(parts).encode())}.code"

    @cached_property
    def _cfunc(self) -> Any:
        from numba.core import ccallback, sigutils

        make: Any = ccallback.CFunc
        normal: Any = sigutils.normalize_signature
        compiled = make(self.function, normal(self.signature), locals={}, options=self.options)
        compiled._cache = _Entry(self.path)
        compiled.compile()
        return compiled

    @cached_property
    def address(self) -> int:
        """Where the machine code starts."""
        return int(self._cfunc.address)

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
        import numba

        anew: Any = numba.cfunc(self.signature, **self.options)(self.function)
        return str(anew._library.get_asm_str())


def compiled(signature: str, key: str = "", **options: Any) -> Callable[[Function], Compiled]:
    """Decorate a function of numbers to be compiled for calls by address. Division by zero does not raise in it."""
    chosen = {"error_model": "numpy", **options}
    return lambda function: Compiled(function, signature, key, chosen)


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
    with _lock:
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
        try:
            there = path.read_bytes() == data
        except OSError:
            there = False
        if not there:
            _write(path, data)
        if there or path.exists():
            return str(path)
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    return file


# ---- many at once -----------------------------------------------------------------------------------------------------------
def compile_all(kernels: Iterable[Compiled], processes: int | None = None) -> None:
    """Compile what is not in the cache yet, on all cores. Numba compiles one function at a time in a process, so others
    are started for a share each; they leave their results in the cache. Never more than a matter of time: whatever they
    do not deliver is compiled here."""
    missing = list({k.path: k for k in kernels if k.path is not None and not k.path.exists()}.values())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    helpers = min(processes or cores, len(missing) // WORTH)
    shares = [missing[i::helpers] for i in range(helpers)] if helpers > 1 else [missing]
    running = [(share, process) for share in shares[1:] if (process := _compile_elsewhere(share))]
    for k in shares[0]:
        _ = k.address
    for share, process in running:
        try:
            process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        with _lock:
            _elsewhere.update(k.path for k in share if k.path is not None and k.path.exists())


WORTH = 20  # kernels at least for each process: one takes 0.03 to 0.1 s to compile, a process a second to be ready


def _compile_elsewhere(kernels: list[Compiled]) -> subprocess.Popen[bytes] | None:
    """Start a process that compiles kernels of emitted modules and of this package."""
    work = []
    for k in kernels:
        module = sys.modules[k.function.__module__]
        work.append((module.__dict__.get("__netspec_source__"), module.__dict__.get("__netspec_title__", module.__name__), k.name, k.key))
    if "__netspec_source__" in globals() or not sys.executable:  # in a file that stands alone: nobody else can import this
        return None
    place_, path = str(place().path), os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "NETSPEC_CACHE": place_, "PYTHONPATH": path}
    command = [sys.executable, "-c", f"from {__name__} import _compile_here; _compile_here()"]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(work))
        process.stdin.close()
    except OSError:
        return None
    process.stdin = None  # written; `communicate` shall not flush it
    return process


def _compile_here() -> None:
    """What that process does."""
    for text, title, name, key in pickle.load(sys.stdin.buffer):
        module = load_module(text, title) if text is not None else importlib.import_module(title)
        found = getattr(module, name, None)
        if isinstance(found, Compiled) and found.key == key:
            _ = found.address


# ---- size ----------------------------------------------------------------------------------------------------------------------
@remember
def _prune_once() -> None:
    try:
        prune(int(float(os.environ.get("NETSPEC_CACHE_LIMIT", "")) * (1 << 20)))
    except ValueError:
        prune(LIMIT)


def prune(limit: int) -> int:
    """Remove what has not been used for longest until the files fit in `limit` bytes; how many were removed."""
    directory = place().path
    if directory is None:
        return 0
    files = []
    for path in directory.glob("*/*"):
        try:
            is_ = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(is_.st_mode):
            files.append((is_.st_mtime, is_.st_size, path))
    size, removed = sum(s for _, s, _ in files), 0
    for _, s, path in sorted(files):
        if size <= limit:
            break
        try:
            path.unlink()
        except OSError:
            continue
        size, removed = size - s, removed + 1
    return removed
