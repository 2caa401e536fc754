"""Times of layers, as `netspec bench` measures them and writes them down, for whoever shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ...diagnostics import UsageError
from ...ir.graph import Graph, Input
from ...plain import shown
from ...reading import NotRegular, opened
from ..reading.steps import steps as steps_of

SCHEMA = "netspec.times/1"
ENTRIES = ("predict", "train")
WIDEST = 44  # characters of a column
MAKE = "netspec bench FILE[:NET] -o times.json"
LARGEST = 1 << 26  # bytes of a file


@dataclass(frozen=True)
class Times:
    """Seconds by layer of each entry that was measured, and how."""

    batch: int
    seconds: Mapping[str, Mapping[str, float]]
    where: str = ""  # the device and its threads

    def said(self, entry: str) -> str:
        what = {"predict": "prediction", "train": "a step of training"}[entry]
        return f"{what} of {self.batch}" + (f" on {self.where}" if self.where else "")

    def text(self, net: str) -> str:
        """As a file."""
        entries = {entry: {"seconds": sum(of.values()), "layers": dict(of)} for entry, of in self.seconds.items()}
        data = {"schema": SCHEMA, "net": net, "where": self.where, "batch": self.batch, "entries": entries}
        return json.dumps(data, indent=1) + "\n"

    def table(self, graph: Graph, most: int) -> str:
        """What takes longest, and all of it. A layer's activation and normalisation count to its step."""
        steps = [s for s in steps_of(graph) if not isinstance(s.head.op, Input)]
        of = {entry: {s.name: sum(each.get(n.name, 0.0) for n in s.nodes) for s in steps} for entry, each in self.seconds.items()}
        key = list(of)[-1]
        rows = [(s.name, str(s), *(_shown(each[s.name], each) for each in of.values()))
                for s in sorted(steps, key=lambda s: -of[key][s.name])[:most]]
        left = f"{len(steps) - len(rows)} more" if len(rows) < len(steps) else ""
        ends = [f"{1000 * sum(each.values()):.3f} ms       " for each in of.values()]
        table = [("name", "step", *of), *rows, ("all", left, *ends)]
        widths = [min(WIDEST, max(len(shown(r[k])) for r in table)) for k in range(len(table[0]))]
        sides = (str.ljust, str.ljust, *(str.rjust for _ in of))
        lines = ["  ".join(side(_cut(cell, w), w) for side, cell, w in zip(sides, r, widths)).rstrip() for r in table]
        rule = "-" * max(map(len, lines))
        head = f"{graph.name}: {self.batch} at once on {self.where}; train is forward and backward, without loss and update"
        return "\n".join([shown(head), "", lines[0], rule, *lines[1:-1], rule, lines[-1]]) + "\n"


def _shown(seconds: float, of: Mapping[str, float]) -> str:
    whole = sum(of.values())
    return f"{1000 * seconds:.3f} ms {100 * seconds / whole if whole else 0:5.1f}%"


def _cut(text: str, width: int) -> str:
    text = shown(text)
    return text if len(text) <= width else text[:width - 3] + "..."


def read_times(path: str, graph: Graph) -> Times:
    """A file of `netspec bench`, for this network.

    Errors: a file that is none, or is of another network.
    """
    try:
        with opened(path) as f:
            text = f.read(LARGEST + 1)
    except NotRegular as e:
        raise UsageError(f"{shown(path)} is {e.strerror}, not a file of times", hint=MAKE) from None
    except OSError as e:
        raise UsageError(f"cannot read {shown(path)}: {e.strerror}", hint=MAKE) from None
    try:
        times = _times(json.loads(text[:LARGEST + 1]) if len(text) <= LARGEST else None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{shown(path)} holds no times that netspec bench has written", hint=MAKE) from None
    names = {n.name for n in graph}
    odd = next((name for of in times.seconds.values() for name in of if name not in names), None)
    if odd is not None:
        raise UsageError(f"{shown(path)} has times of `{shown(odd)}`, which {shown(graph.name)} does not have: "
                         "it is of another network", hint=MAKE)
    return times


def _times(data: Any) -> Times:
    if data["schema"] != SCHEMA:
        raise ValueError(data["schema"])
    seconds = {entry: {str(k): float(v) for k, v in data["entries"][entry]["layers"].items()}
               for entry in ENTRIES if entry in data["entries"]}
    if not seconds or not all(isfinite(s) and s >= 0 for of in seconds.values() for s in of.values()):
        raise ValueError("no times")
    return Times(int(data["batch"]), seconds, str(data["where"]))
