"""The cell of a notebook that runs: a place in its output that is shown again and again, and what it says of an error.

IPython is never imported here: who has a notebook has it. JupyterLab, Notebook, VS Code and Colab all run `ipykernel`; what is
shown is plain HTML without programs, so that a notebook that is saved shows its last state.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from itertools import pairwise
from typing import Any

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def ipython() -> Any:
    """The shell of the IPython that runs this program, a notebook's or a terminal's; None where none does."""
    found = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return found() if callable(found) else None


def notebook() -> Any:
    """The shell whose cells show HTML; None where there is none, or where what is printed goes elsewhere (`%%capture`)."""
    shell = ipython()
    shows = getattr(shell, "kernel", None) is not None and type(sys.stdout).__module__.partition(".")[0] == "ipykernel"
    return shell if shows and os.environ.get("TERM") != "dumb" else None


class Place:
    """A place below a cell. It appears when it is first shown, and what is shown there later takes the place of that."""

    def __init__(self, shell: Any):
        self.shell, self.name, self.there = shell, os.urandom(16).hex(), False

    def show(self, html: str, text: str) -> None:
        """HTML, and the same in words for who shows no HTML."""
        with suppress(Exception):  # nobody watches any more
            self.shell.display_pub.publish(data={"text/html": html, "text/plain": text}, metadata={},
                                           transient={"display_id": self.name}, update=self.there)
            self.there = True


def coloured() -> bool:
    """Whether IPython shows errors in colours."""
    return "NO_COLOR" not in os.environ and str(getattr(ipython(), "colors", "")).lower() != "nocolor"


def way_in(error: BaseException) -> list[str]:
    """The lines of the user's own code that an error came through, the outermost first: where each is, and what it says. Where
    another error caused it, in a function of the user's, the lines of that one follow, with what it says."""
    from traceback import extract_tb

    lines = []
    for frame in extract_tb(error.__traceback__):
        if not os.path.abspath(frame.filename).startswith(PACKAGE) and not _of_ipython(frame.filename):
            lines.append(f"{_called(frame.filename)}, line {frame.lineno}"
                         + (f", in {frame.name}" if frame.name != "<module>" else ""))
            lines += [f"    {frame.line}"] if frame.line else []
    cause = error.__cause__
    return lines if cause is None else [*lines, *way_in(cause), f"{type(cause).__name__}: {cause}"]


def without_ours(error: Exception) -> None:
    """Where IPython runs the program, an error in a function of the user's that netspec called, a callback or what reads batches,
    loses the frames of netspec: what is left leads from the cell to the line. An error in netspec itself, or in a library that it
    called, keeps all of them, as any does where NETSPEC_DEBUG=1 is set."""
    if ipython() is None or debugged() or hasattr(error, "_render_traceback_"):
        return
    from sysconfig import get_path

    libraries = (get_path(k) + os.sep for k in ("stdlib", "platstdlib", "purelib", "platlib"))
    steps = []
    tb = error.__traceback__
    while tb is not None:
        steps.append(tb)
        tb = tb.tb_next
    others = (PACKAGE, *libraries)
    files = [os.path.abspath(t.tb_frame.f_code.co_filename) for t in steps]
    first = next((k for k, file in enumerate(files) if not file.startswith(others)), None)
    if first is None:
        return
    kept = [t for t, file in zip(steps[first:], files[first:]) if not file.startswith(PACKAGE)]
    for before, after in pairwise(kept):
        before.tb_next = after
    kept[-1].tb_next = None
    error.__traceback__ = kept[0]


def debugged() -> bool:
    """Whether all frames are asked for."""
    return os.environ.get("NETSPEC_DEBUG", "") not in ("", "0")


def _of_ipython(file: str) -> bool:
    return f"{os.sep}IPython{os.sep}" in file or f"{os.sep}ipykernel{os.sep}" in file


def _called(file: str) -> str:
    """`Cell In[3]` for the file that IPython makes of a cell."""
    with suppress(Exception):
        named = ipython().compile.format_code_name(file)
        if named:
            return " ".join(named)
    return file
