"""Several workers on this machine: processes that are started anew, each with its share of the cores. A process knows the words
of the language, and those of modules that the program has imported; it ends with whoever started it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from ..augmentations import AUGMENTATIONS
from ..datasets import DATASETS
from ..diagnostics import Advice, Diagnostic, NetspecError, UsageError, render
from ..layers import LAYERS
from ..losses import LOSSES
from ..metrics import METRICS
from ..optimisers import OPTIMISERS
from ..preparations import PREPARATIONS
from ..schedules import SCHEDULES
from .definition import Search, opened
from .halving import left
from .lease import SILENCE
from .results import Board
from .work import work

GLANCE = 0.2  # seconds between two looks at whether they are done
PATIENCE = 60  # seconds in which an interrupted worker finishes its step and writes its checkpoint
INTERRUPTED = 130


def work_together(search: Search, workers: int, threads: int, silence: float = SILENCE,
                  done: Callable[[], None] = lambda: None) -> None:
    """Work in so many processes until every trial has its result. `done` is called again and again.

    Errors: all workers ended, and trials are left; words that only this program's own file defines.
    """
    running = [_started(search, threads, silence) for _ in range(workers)]
    try:
        while any(p.poll() is None for p in running):
            done()
            sleep(GLANCE)
        done()
    finally:
        _ended(running)
    board = Board(search)
    board.look()
    if missing := left(search, board.found):
        raise NetspecError(Diagnostic("workers-ended", f"all {workers} workers have ended, and {len(missing)} trials are left",
                                      notes=(f"their exit codes: {', '.join(str(p.returncode) for p in running)}",),
                                      hint=Advice("the same command goes on with them")))


def _ended(running: list[subprocess.Popen[bytes]]) -> None:
    """Interrupt workers, which write their checkpoints and let go of their leases; those that take too long are killed."""
    for p in running:
        with contextlib.suppress(OSError):
            assert p.stdin is not None
            p.stdin.close()
    ends = monotonic() + PATIENCE
    try:
        for p in running:
            p.wait(max(0.1, ends - monotonic()))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        for p in running:
            p.kill()
            p.wait()


def _started(search: Search, threads: int, silence: float) -> subprocess.Popen[bytes]:
    """A worker. It reads what to do, and then waits for the end of what it reads: that is when nobody waits for it any more."""
    home = str(Path(__file__).resolve().parents[__name__.count(".")])
    path = [*(p for p in sys.path if os.path.isabs(p) and p != home), home]
    asked = {"folder": os.path.abspath(search.folder), "trials": search.trials, "spec_folder": search.spec_folder,
             "told": search.told, "threads": threads, "silence": silence, "modules": _modules()}
    command = [sys.executable, "-I", *(["-B"] if sys.dont_write_bytecode else []), "-c",
               f"import sys; sys.path[:] = {path!r}; from {__name__} import serve; sys.exit(serve())"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has ended, and says so by its exit code
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
    return process


def _modules() -> list[str]:
    """The modules of words that are not netspec's own. Raises UsageError for words of the program itself, which no other process
    can import."""
    ours = __name__.partition(".")[0] + "."
    found: dict[str, str] = {}
    for words in (LAYERS, LOSSES, OPTIMISERS, SCHEDULES, METRICS, PREPARATIONS, AUGMENTATIONS, DATASETS):
        found |= {cls.__module__: name for name, cls in words.imported().items() if not cls.__module__.startswith(ours)}
    if "__main__" in found:
        raise UsageError(f"other workers do not know `{found['__main__']}`, which is defined in the program itself",
                         "a word in a module of its own can be imported by each", hint="workers=1")
    return sorted(found)


def serve() -> int:
    """What the process of a worker does. Returns its exit code."""
    from importlib import import_module

    asked: dict[str, Any] = json.loads(sys.stdin.buffer.readline() or b"null") or sys.exit(INTERRUPTED)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: whoever started this one says when it ends
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_until_alone, daemon=True).start()
    try:
        for module in asked["modules"]:
            import_module(module)
        found = opened(asked["folder"])
        work(Search(found.folder, found.definition, asked["trials"], asked["spec_folder"], tuple(asked["told"])), asked["threads"],
             asked["silence"])
    except NetspecError as e:
        print("\n\n".join(render(d) for d in e.diagnostics), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _until_alone() -> None:
    """Nobody waits any more: end as an interrupt does."""
    while os.read(0, 1024):  # no stream of Python's, which would be held when the process ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
