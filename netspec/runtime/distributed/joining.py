"""Which workers a process belongs to: the ranks of an MPI program, or itself alone.

MPI is loaded where a process was started by one, or has loaded it itself, and nowhere else.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from ..misuse import misuse
from .world import ALONE, World

# How many ranks there are, as launchers say: Open MPI, MPICH and Slurm's PMI; and that there is a rank, as PMIx says.
SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
RANK = "PMIX_RANK"

_world: World | None = None
_apart = threading.local()


def started() -> int:
    """With how many ranks a launcher of MPI has started this process, as far as that is known; 0 where none has."""
    said = next((os.environ[k] for k in SIZES if os.environ.get(k, "").isdigit()), "")
    return int(said) if said else int(RANK in os.environ)


def joined(timeout: float | None = None) -> World:
    """The workers that this process belongs to. `timeout` is how many seconds they wait for each other from here on.

    Errors: mpi4py that is missing, or of another MPI than the one that started the ranks.
    """
    global _world
    if getattr(_apart, "yes", False):
        return ALONE
    if _world is None:
        if "mpi4py.MPI" not in sys.modules and not started():
            return ALONE
        _world = _found()
    if timeout is not None and _world is not ALONE:
        _world.timeout = timeout  # type: ignore[attr-defined]
    return _world


@contextmanager
def apart(yes: bool = True) -> Iterator[None]:
    """What this thread trains meanwhile it trains alone, whoever started the process: each rank has something else to train."""
    before, _apart.yes = getattr(_apart, "yes", False), yes
    try:
        yield
    finally:
        _apart.yes = before


def _found() -> World:
    if find_spec("mpi4py") is None:
        raise misuse("missing-extra", f"this is one of {started()} ranks of an MPI program, and mpi4py is not installed",
                     hint="pip install 'netspec-nn[dist]'")
    import mpi4py

    if "mpi4py.MPI" not in sys.modules:
        mpi4py.rc.finalize = False  # that is done in `Ranks.leave`
    from mpi4py import MPI

    if MPI.COMM_WORLD.size == 1:
        if started() > 1:
            raise misuse("bad-value", f"{started()} ranks were started, and each sees itself alone",
                         f"mpi4py uses {MPI.Get_library_version().split(',')[0].strip()}, and another MPI has started the ranks",
                         hint="netspec train my.net --workers 4   or the mpirun of that MPI")
        atexit.register(_finalise)
        return ALONE
    from .transport import Ranks

    world = Ranks(MPI.COMM_WORLD)
    atexit.register(world.leave)
    return world


def _finalise() -> None:
    from mpi4py import MPI

    if not MPI.Is_finalized():
        MPI.Finalize()
