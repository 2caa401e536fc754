"""What all tests share: the corpus, and the report at the end of a run.

A corpus file is `tests/corpus/STAGE/NAME.txt`: a spec, a line `----`, and what that stage prints for it (of a pass, in
`tests/corpus/passes/PASS.txt`: what it takes out of a program, and what it puts in). `pytest
--update` rewrites the second half of every file; the diff is then read as code.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SEPARATOR = "\n----\n"
SLOWEST = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the expected half of every corpus file")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.suffix == ".txt" and "corpus" in file_path.parts:
        return CorpusFile.from_parent(parent, path=file_path)
    return None


class CorpusFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield CorpusItem.from_parent(self, name=self.path.stem)


class CorpusItem(pytest.Item):
    """One file: the spec above the line gives the text below it."""

    def runtest(self) -> None:
        from corpus_stages import printed

        given, _, want = self.path.read_text(encoding="utf-8").partition(SEPARATOR)
        got = printed(self.path.parent.name, self.path.stem, given + "\n").strip() + "\n"
        if self.config.getoption("--update") and got != want:
            self.path.write_text(given + SEPARATOR + got, encoding="utf-8")
        else:
            assert (got
                    == want), f"{self.path.parent.name}/{self.path.name} prints something else; look at it, then pytest --update"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        return str(excinfo.getrepr(style="short"))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"corpus {self.path.parent.name}/{self.name}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for PyTorch is marked so, and `-m torch` runs just those."""
    asks: dict[Any, bool] = {}
    for item in items:
        function = getattr(item, "function", None)
        if function is not None:
            if function not in asks:
                asks[function] = 'importorskip("torch")' in inspect.getsource(function)
            if asks[function]:
                item.add_marker(pytest.mark.torch)


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_compiled_by_the_workers() -> None:
    """Where several processes run tests, more of them that compile kernels would only take the processor from those. Tests of
    compiling by several processes say in their own how many kernels are worth one."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from netspec.backends.cpu.llvm import processes

        processes.WORTH = sys.maxsize


@pytest.fixture(autouse=True)
def _lines_have_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are told how wide the terminal of the run is, which is nothing to what is printed for a test."""
    monkeypatch.delenv("COLUMNS", raising=False)


_times: dict[str, float] = {}
_compiled: dict[str, float] = {}  # summed over the worker processes


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _times[report.nodeid] = _times.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker sends what it compiled to the process that reports."""
    cache = sys.modules.get("netspec.backends.cpu.llvm.cache")
    statistics = dataclasses.asdict(cache.statistics()) if cache is not None else {}
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["kernels"] = statistics
    else:
        _add(statistics)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _add(getattr(node, "workeroutput", {}).get("kernels", {}))


def _add(statistics: dict[str, Any]) -> None:
    for k, v in statistics.items():
        if isinstance(v, int | float):
            _compiled[k] = _compiled.get(k, 0) + v


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Kernels compiled and the slowest tests: the two things that make a run long."""
    if _compiled:
        terminalreporter.write_line("kernels: " + ", ".join(f"{k} {v:g}" for k, v in _compiled.items()))
    slow = sorted(_times.items(), key=lambda kv: -kv[1])[:SLOWEST]
    if slow and slow[0][1] >= 1:
        terminalreporter.write_line("slowest: " + ", ".join(f"{name.rpartition('/')[2]} {t:.1f} s" for name, t in slow
                                                            if t >= 0.1))
