"""Leases: at most one who lives has one, and what the dead leave is taken by exactly one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.searching import lease as leases
from netspec.searching.lease import Worker


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for part in (leases.WORKERS, leases.WORKING):
        (tmp_path / part).mkdir()
    return tmp_path


def at_once(folder: Path, many: int, names: list[str]) -> list[tuple[str, str]]:
    """So many workers, each in a thread of its own, try to get every lease; which one got which."""
    got: list[tuple[str, str]] = []
    ready = threading.Barrier(many)

    def one() -> None:
        with Worker(folder) as worker:
            ready.wait()
            got.extend((name, worker.token) for name in names if worker.claim(name) is not None)
            ready.wait()  # nobody lets go before all have tried

    threads = [threading.Thread(target=one) for _ in range(many)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def test_of_many_who_try_at_once_one_gets_a_lease(folder: Path) -> None:
    names = [f"trial-{k}" for k in range(40)]
    got = at_once(folder, 8, names)
    assert sorted(name for name, _ in got) == sorted(names)


def test_what_the_dead_leave_is_taken_over_by_one(folder: Path) -> None:
    names = [f"trial-{k}" for k in range(40)]
    left = dict(at_once(folder, 4, names))  # all have ended, and have released nothing
    for name, owner in left.items():
        (folder / leases.WORKING / name / owner / "work").mkdir()
    got = at_once(folder, 8, names)
    assert sorted(name for name, _ in got) == sorted(names)
    for name, owner in got:
        assert os.listdir(folder / leases.WORKING / name) == [owner], "the lease is its new owner's"
        assert (folder / leases.WORKING / name / owner / "work").is_dir(), "and what was done goes with it"


KILLED = """
import os, signal, sys
from pathlib import Path
from netspec.searching.lease import Worker
with Worker(Path(sys.argv[1])) as worker:
    print(worker.claim("trial-1").folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_is_noticed_at_once_on_the_same_machine(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == -9 and os.path.isdir(done.stdout.strip()), done.stderr
    if not leases.place():
        pytest.skip("this system does not say which processes live")
    with Worker(folder, silence=1e6) as worker:
        assert worker.claim("trial-1") is not None
        assert worker.claim("trial-1") is None, "it is taken"


class Elsewhere(Worker):
    """A worker on a machine whose processes nobody here can ask after; it beats when it is told so, by a clock of its own."""

    def __init__(self, folder: Path):
        super().__init__(folder, silence=10, clock=lambda: self.now)
        self.now = 0.0
        self._beat()


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_nobody_loses_a_lease_who_lives(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Workers claim, beat, die and finish in any order: a lease has one owner who lives, and all are done in the end."""
    folder = tmp_path_factory.mktemp("leases")
    for part in (leases.WORKERS, leases.WORKING):
        (folder / part).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "place", lambda: "")
        workers, held, done = [Elsewhere(folder) for _ in range(3)], {}, set()
        names = ["a", "b", "c"]
        for _ in range(data.draw(st.integers(5, 25))):
            w = data.draw(st.sampled_from(workers))
            act = data.draw(st.sampled_from(("claim", "finish", "die", "pass")))
            if act == "claim":
                name = data.draw(st.sampled_from(names))
                owner = held.get(name, (None, None))[0]
                got = w.claim(name)
                if owner in workers:
                    assert got is None, "its owner lives"
                if got is not None:
                    held[name] = (w, got)
            elif act == "finish":
                for name in [n for n, (o, _) in held.items() if o is w]:
                    assert held[name][1].held
                    w.release(held.pop(name)[1])
                    done.add(name)
            elif act == "die":
                workers[workers.index(w)] = Elsewhere(folder)  # the old one says nothing from now on
            else:
                for one in workers:
                    one.now += 6
                    one._beat()
        last = Elsewhere(folder)
        for one in workers:
            one.token = "nobody"  # all are dead
        for name in held:
            last.claim(name)
        last.now += 11
        for name in held:
            assert last.claim(name) is not None
