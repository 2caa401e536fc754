"""The way in: what stands around the line that is being run."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...ir.graph import WeightsFile
from ...source import Span
from .values import Flow

LINES = 8  # of a trail that are shown


@dataclass(slots=True)
class Call:
    """A block or net that is being run: its name, the path of its nodes, the line that called it."""

    name: str
    path: str
    span: Span


@dataclass
class Way:
    """The calls and bodies around this point, each put back by whoever entered it."""

    calls: list[Call] = field(default_factory=list)  # of blocks and nets, innermost last
    spans: tuple[Span, ...] = ()  # the lines of these calls, innermost first
    nets: int = 0  # called nets around this point
    inputs: list[list[Flow]] = field(default_factory=list)  # values for the `input` lines of called nets, innermost last
    side: int = 0  # side branches of called nets around this point
    stop: str | None = None  # the path of the node at which a call with `upto` ends
    frozen: int = 0  # `frozen:` around this point
    reused: list[tuple[str, str]] = field(default_factory=list)  # `reuse`: path here, path of the original; innermost last
    weights: list[tuple[str, WeightsFile | None]] = field(default_factory=list)  # `weights=`: call's path, file; innermost last
    guessing: int = 0  # bodies around this point of which nobody knows whether they would run

    def depth(self, name: str) -> int:
        """How often a block stands around this point."""
        return sum(call.name == name for call in self.calls)

    def trail(self) -> tuple[str, ...]:
        """The calls around this point as lines of a message, innermost first, recursion collapsed."""
        out: list[str] = []
        k = len(self.calls)
        while k > 0:
            call = self.calls[k - 1]
            same = k - 1
            while same > 0 and self.calls[same - 1].name == call.name:
                same -= 1
            line = call.span.source.line(call.span.line).strip()
            if k - same > 2:
                shown = self.calls[same].path.rsplit(".", 1)[-1]
                out.append(f"in {shown} ... ({k - same} calls), from line {call.span.line}: {line}")
                k = same
            else:
                out.append(f"in {call.path}, from line {call.span.line}: {line}")
                k -= 1
        return tuple(out[:LINES])

    def original(self, path: str) -> str | None:
        """The path of what `reuse` runs again here; None where nothing is."""
        if not self.reused:
            return None
        for here, there in reversed(self.reused):
            if path == here or path.startswith(here + "."):
                path = there + path[len(here) :]
        return path

    def weights_of(self, path: str) -> tuple[WeightsFile | None, str]:
        """The file that a node's weights are read from, and the path of the call which named it."""
        file: WeightsFile | None = None
        within = ""
        for call, named in self.weights:
            if path == call or path.startswith(call + ".") or not call:
                file, within = named, call
        return file, within
