"""Many kernels compiled by several processes at once, through the directory of the cache.

Numba compiles one function at a time in a process. The others are started anew, as a fork would inherit locks of threads
it does not have; they are given texts and names, and leave entries as any process does. One that is killed, or whose
parent is, leaves whole entries or none.

They import the standard library, NumPy, Numba and netspec, and nothing that merely lies where netspec was started: Python
is isolated (`-I`: neither the current folder nor PYTHONPATH), is given the folders of its parent's path but that one,
netspec's own last, and runs in the folder of the cache.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import monotonic, sleep

from ....cache_folder import place
from ....waiting import each, wait
from .cache import Compiled, load_module, made_elsewhere

PATIENCE = 600  # seconds after which what other processes have not made is compiled here
GLANCE = 0.05  # seconds between two looks at whether they are done
WORTH = 16  # kernels at least for each process: one takes 0.03 to 0.5 s to compile, a process a second to be ready


def compile_all(kernels: Iterable[Compiled], processes: int) -> None:
    """Compile what is not in the cache yet, in so many processes at most. Never more than a matter of time: whatever
    other processes do not deliver is compiled here."""
    missing = _missing(kernels)
    helpers = min(processes, len(missing) // WORTH) if place().path is not None else 1
    shares = [missing[i::helpers] for i in range(helpers)] if helpers > 1 else [missing]
    with wait("compiling kernel", len(missing)) as at:
        running = [(share, process) for share in shares[1:] if (process := _compile_elsewhere(share))]
        others = [k for share, _ in running for k in share]

        def elsewhere() -> int:
            return sum(k.path is not None and k.path.exists() for k in others)

        try:
            for made, k in enumerate(shares[0]):
                at(min(len(missing), made + elsewhere() + 1))
                _ = k.address
            ends = monotonic() + PATIENCE
            while any(process.poll() is None for _, process in running) and monotonic() < ends:
                at(min(len(missing), len(shares[0]) + elsewhere() + 1))
                sleep(GLANCE)
        finally:
            for share, process in running:
                process.kill()
                process.wait()
                made_elsewhere(share)
        for k in missing:
            _ = k.address


@contextlib.contextmanager
def compiled_beside(kernels: Iterable[Compiled], processes: int) -> Iterator[None]:
    """Compile what is not in the cache yet in so many processes, while this one does what is inside. What is
    left then is compiled here, the last ones first, as the others began with the first."""
    missing = _missing(kernels)
    helpers = min(processes, len(missing) // WORTH) if place().path is not None else 0
    running = [process for i in range(helpers) if (process := _compile_elsewhere(missing[i::helpers]))]
    try:
        yield
        for k in each("compiling kernel", reversed(missing) if running else (), len(missing)):
            made_elsewhere([k])
            _ = k.address
    finally:
        for process in running:
            process.kill()
            process.wait()


def _missing(kernels: Iterable[Compiled]) -> list[Compiled]:
    return list({k.digest: k for k in kernels if k.path is None or not k.path.exists()}.values())


def _compile_elsewhere(kernels: list[Compiled]) -> subprocess.Popen[bytes] | None:
    """Start a process that compiles kernels of emitted modules and of this package."""
    work = []
    for k in kernels:
        module = sys.modules[k.module]
        work.append((module.__dict__.get("__netspec_source__"), module.__dict__.get("__netspec_title__", module.__name__), k.name,
                     k.key))
    if "__netspec_source__" in globals() or not sys.executable or getattr(sys, "frozen", False):
        return None  # in a file that stands alone nobody else can import this; elsewhere there is no interpreter to start
    folder = str(place().path)
    try:
        start = f"import sys; sys.path[:] = {_path()!r}; from {__name__} import _compile_here; _compile_here({os.getpid()})"
        command = [sys.executable, "-I", *(["-B"] if sys.dont_write_bytecode else []), "-c", start]
        with tempfile.TemporaryFile() as given:  # a pipe would hold few of them, and its writer up
            given.write(json.dumps(work).encode())
            given.seek(0)
            return subprocess.Popen(command, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                                    env={**os.environ, "NETSPEC_CACHE": folder})
    except OSError:
        return None


def _path() -> list[str]:
    """Where a helper finds what it imports: netspec's folder last, as it may be the current one."""
    here, home = os.path.realpath(os.getcwd()), str(Path(__file__).resolve().parents[__name__.count(".")])
    return [*(p for p in sys.path if os.path.isabs(p) and os.path.realpath(p) not in (here, home)), home]


def _compile_here(parent: int) -> None:
    """What that process does, as long as somebody waits for it."""
    for text, title, name, key in json.load(sys.stdin.buffer):
        if hasattr(os, "getppid") and os.getppid() != parent:
            return
        module = load_module(text, title) if text is not None else importlib.import_module(title)
        found = getattr(module, name, None)
        if isinstance(found, Compiled) and found.key == key:
            _ = found.address
