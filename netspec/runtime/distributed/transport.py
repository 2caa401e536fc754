"""Workers that are the ranks of an MPI program. Only this file knows MPI.

Whatever ranks say to each other here ends with an agreement (`_together`): either all that live have the whole of it, or all
know that they have it not, so that no rank takes a step that another does again. That is what ULFM is for (Bland et al.,
"Post-failure recovery of MPI communication capability", 2013): a rank that dies makes the messages of others fail, they revoke
the communicator so that nobody waits in it, agree, and shrink it. An MPI without it ends all ranks where one dies. """

from __future__ import annotations

import atexit
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from time import monotonic, sleep
from typing import Any, TypeVar

import mpi4py
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from ..misuse import misuse
from . import wire
from .board import Board
from .dealing import share
from .ending import heard, said
from .tree import Place, Sum, Tree, branches
from .world import Lost, World

Array = NDArray[Any]
T = TypeVar("T")
Messages = list[dict[str, Any]]  # of each rank
SURVIVES = "OMPI_MCA_mpi_ft_enable"  # what Open MPI says to ranks that outlive each other
INLINE = 8192  # bytes that are sent before anybody knows how long a message is
SMALL = 8192  # numbers that are summed by every rank rather than a stretch by each
LOOKS = 50  # between two times that a rank says it lives
SPINS, NAP = 2000, 1e-4  # looks at what has not come, each of which lets others run, then seconds between two looks


class Ranks(World):
    """The ranks of an MPI program, this one among them.

    timeout  seconds that the others wait for a rank before it counts as dead; 0 for ever
    """

    def __init__(self, comm: Any, timeout: float = 0.0):
        self.comm, self.timeout = comm.Dup(), timeout
        self.comm.Set_errhandler(MPI.ERRORS_RETURN)
        self.rank, self.size = self.comm.rank, self.comm.size
        self.survives = os.environ.get(SURVIVES, "").lower() in ("1", "true", "yes")
        beside = comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.board = Board(beside.bcast(Board.make(beside.size) if beside.rank == 0 else None), beside.rank)
        beside.Barrier()
        self.board.unlink(beside.rank == 0)
        _limit_threads(beside.size)
        self.names = comm.allgather(f"rank {comm.rank} (process {os.getpid()} on {socket.gethostname()})")
        self.lost: list[str] = []
        self.rooms: list[Array] = []
        self.ended = False  # whether a rank has ended by an error, so that nobody waits for another
        self.within = False  # whether an exchange is under way
        self.open: list[Any] = []  # what an exchange waits for

    # -- what a step asks for ------------------------------------------------------------------------------------------------
    def gather(self, value: Any) -> list[Any]:
        values: list[Any] = self._together(lambda: self._swap({"value": value}))
        return values

    def reduce(self, value: Any, tree: Tree, parts: int, length: int, finished: Callable[[Array, float, slice], Array],
               dtype: np.dtype[Any]) -> tuple[list[Any], Array]:
        own = tree.close(parts)
        small = length <= SMALL
        message = {"value": value, "sums": [[s.weight, s.parts, *([s.flat] if small else [])] for s in own.values()]}

        def exchange() -> tuple[tuple[list[Any], Array], Messages]:
            values, messages = self._swap(message)
            if any("error" in m for m in messages):
                return (values, np.empty(0)), messages
            places = [branches(parts, share(parts, rank, self.size)) for rank in range(self.size)]
            if small:
                sums = [(p, Sum(np.array(s[2]), s[0], s[1])) for ps, m in zip(places, messages) for p, s in zip(ps, m["sums"])]
                return (values, _whole(sums, tree.keep, parts, slice(0, length), finished)), messages
            return (values, self._stretches(own, places, messages, tree.keep, parts, length, finished, dtype)), messages

        found: tuple[list[Any], Array] = self._together(exchange)
        return found

    def first_does(self, action: Callable[[], T]) -> T:
        given: list[Any] = []
        while True:
            if self.first and not given:
                given.append(action())
            try:
                told: T = self.gather(given[0] if given else None)[0]
                return told
            except Lost:
                continue

    def settled(self) -> None:
        self.board.settle()

    def failed(self, error: BaseException) -> None:
        if self.ended or self.size == 1:
            return
        self.ended = True
        if self.within:  # in the midst of an exchange: the others cannot be met again
            atexit.register(MPI.COMM_WORLD.Abort, 1)
            return
        with suppress(Lost, MPI.Exception):
            self._together(lambda: self._swap({"error": said(error)}), quiet=True)

    def leave(self) -> None:
        """The process ends. Where ranks outlive each other nobody waits for the others, some of which may be gone: Open MPI's own
        way to end (5.0) then waits for ever, one time in ten."""
        if MPI.Is_finalized():
            return
        if not self.survives:
            MPI.Finalize()
        elif self.lost and mpi4py.rc.finalize is not False:  # the program has loaded MPI, which would end it so behind this
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(hasattr(sys, "last_value")))

    # -- what is said ------------------------------------------------------------------------------------------------------------
    def _swap(self, message: dict[str, Any]) -> tuple[list[Any], Messages]:
        """What each rank says, and its whole message."""
        data = wire.packed(message)
        head = np.zeros(INLINE, np.uint8)
        head[:8] = np.frombuffer(np.uint64(len(data)).tobytes(), np.uint8)
        inline = min(len(data), INLINE - 8)
        head[8 : 8 + inline] = np.frombuffer(data, np.uint8, inline)
        rest = np.frombuffer(data, np.uint8)[inline:]
        others = [k for k in range(self.size) if k != self.rank]
        heads = {k: np.empty(INLINE, np.uint8) for k in others}
        sent = [self.comm.Isend(head, k, 0) for k in others] + [self.comm.Isend(rest, k, 1) for k in others if rest.size]
        self._wait([self.comm.Irecv(heads[k], k, 0) for k in others])
        lengths = {k: int(heads[k][:8].view(np.uint64)[0]) for k in others}
        rests = {k: np.empty(n + 8 - INLINE, np.uint8) for k, n in lengths.items() if n + 8 > INLINE}
        self._wait([self.comm.Irecv(r, k, 1) for k, r in rests.items()] + sent)
        messages = []
        for k in range(self.size):
            if k == self.rank:
                messages.append(message)
            else:
                start = heads[k][8 : 8 + lengths[k]].tobytes()
                messages.append(wire.unpacked(start + rests[k].tobytes() if k in rests else start))
        return [m.get("value") for m in messages], messages

    def _stretches(self, own: dict[Place, Sum], places: list[list[Place]], messages: Messages, keep: Array,
                   parts: int, length: int, finished: Callable[[Array, float, slice], Array], dtype: np.dtype[Any]) -> Array:
        """Each rank sums a stretch of all parts, and gives it to the others."""
        ends = [length * k // self.size for k in range(self.size + 1)]
        stretch = [slice(a, b) for a, b in pairwise(ends)]
        mine, others = stretch[self.rank], [k for k in range(self.size) if k != self.rank]
        wide = mine.stop - mine.start
        rooms = {k: [self._room(wide) for _ in places[k]] for k in others}
        self._wait([self.comm.Irecv(room, k, 2) for k in others for room in rooms[k]]
                   + [self.comm.Isend(s.flat[stretch[k]], k, 2) for k in others for s in own.values()], running=True)
        sums = [(place, Sum(own[place].flat[mine] if k == self.rank else rooms[k][n], *messages[k]["sums"][n][:2]))
                for k in range(self.size) for n, place in enumerate(places[k])]
        begin = length - keep.size
        part = _whole(sums, keep[max(0, mine.start - begin) : max(0, mine.stop - begin)], parts, mine, finished)
        out = np.empty(length, dtype)
        out[mine] = part
        self._wait([self.comm.Irecv(out[stretch[k]], k, 3) for k in others] + [self.comm.Isend(part, k, 3) for k in others],
                   running=True)
        self.rooms += [room for several in rooms.values() for room in several]
        return out

    def _room(self, size: int) -> Array:
        """Memory for what comes; that of the step before where it fits."""
        while self.rooms:
            if (room := self.rooms.pop()).size == size:
                return room
        return np.empty(size)

    # -- together ------------------------------------------------------------------------------------------------------------
    def _together(self, exchange: Callable[[], tuple[Any, Messages]], quiet: bool = False) -> Any:
        """Do what all ranks do at this point; what comes of it, and each rank's message. Lost where some are gone: then all that
        live know it.

        Errors: what another rank ended by, where it did.
        """
        self.within = True
        self.board.alive()
        found: tuple[Any, Messages] | None = None
        why: MPI.Exception | None = None
        try:
            found = exchange()
        except MPI.Exception as e:
            why = e
        whole = self._agreed(found is not None) if self.survives else found is not None
        if not whole or found is None:
            self._go_on_without(why)
            self.within = False
            raise Lost
        self.within, self.open = False, []
        for name, message in zip(self.names, found[1]):
            if "error" in message and not quiet:
                self.ended = True
                raise heard(name, message["error"])
        return found[0]

    def _agreed(self, mine: bool) -> bool:
        """Whether every rank has what was exchanged. Nobody waits in an exchange that one of them cannot end."""
        if not mine:
            with suppress(MPI.Exception):  # it is revoked already
                self.comm.Revoke()
            self.comm.Ack_failed(self.size)
        flag = np.array([int(mine)], np.int32)
        try:
            self._wait([self.comm.Iagree(flag)])
        except MPI.Exception:
            return False
        return bool(flag[0])

    def _go_on_without(self, why: MPI.Exception | None) -> None:
        """The ranks that live become the world."""
        if not self.survives:
            raise misuse("lost-worker", "a worker is gone, and this MPI does not go on without it", *([str(why)] if why else []),
                         hint="mpirun --with-ft ulfm ...   or   netspec train --resume RUN")
        began = monotonic()
        comm = self.comm.Shrink()
        comm.Set_errhandler(MPI.ERRORS_RETURN)
        alive = comm.allgather((self.rank, os.getpid()))
        there = [rank for rank, _ in alive]
        self.board.keep([process for _, process in alive])
        gone = [name for k, name in enumerate(self.names) if k not in there]
        self.comm, self.rank, self.size = comm, comm.rank, comm.size
        self.names, self.lost = [self.names[k] for k in there], self.lost + gone
        if self.first and gone:
            many = f"{self.size} go on" if self.size > 1 else "one goes on"
            print(f"{' and '.join(gone)} gone: {many}, after {1e3 * (monotonic() - began):.0f} ms", file=sys.__stderr__, flush=True)

    def _wait(self, requests: list[Any], running: bool = False) -> None:
        """Wait for all of them; raises MPI's exception where a rank is gone. Messages move while somebody looks at them, so that
        what all ranks are `running` through nobody sleeps in."""
        looks = 0
        self.open += requests  # they, and what they read and write, live on where waiting ends by an error
        while not MPI.Request.Testall(requests):
            looks += 1
            if running or looks < SPINS:
                os.sched_yield()
            else:
                sleep(NAP)
            if self.timeout and looks % LOOKS == 0:
                self.board.alive()
                self.board.end_who_hangs(self.timeout)


def _limit_threads(ranks: int) -> None:
    """Use no more threads than this rank's share of the cores of its machine, unless somebody has said how many."""
    from ...backends.cpu.engine.workers import cores, get_threads, set_threads

    if get_threads() == cores():
        set_threads(max(1, cores() // ranks))


def _whole(sums: list[tuple[Place, Sum]], keep: Array, parts: int, where: slice,
           finished: Callable[[Array, float, slice], Array]) -> Array:
    """What all parts come to, of one stretch, from the sums of every rank."""
    tree = Tree(keep)
    for place, held in sums:
        tree.put(place, held)
    (root,) = tree.close(parts).values()
    return finished(root.flat, root.weight, where)
