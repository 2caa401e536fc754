"""Layers as a flat text: a line for each, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...ir.types import shape_text
from ...layers.convolutions.conv import Conv
from ...layers.dense.fc import Fc
from ...layers.pooling.unpool import Unpool
from .meet import Layers, Piece, input_names, output_names, shares
from .recover.steps import activation, pool_of, step_of


@dataclass
class Line:
    """A line: where its flow is from, if not from the line above, a label, and what it says; or an output."""

    start: str
    label: str
    step: str
    layer: Any = None  # of its first word
    output: str = ""  # what it makes

    def __str__(self) -> str:
        label = f"{self.label}: " if self.label else ""
        return f"  {self.start}{label}{self.step}"


def written(g: Layers, name: str, sizes: dict[str, tuple[int | None, ...]] | None = None) -> str:
    """The text of a net of this name. `sizes` are those of the inputs where some are open."""
    head, lines = parts(g, name, sizes)
    return "\n".join([*head, *map(str, lines)]) + "\n"


def parts(g: Layers, name: str, sizes: dict[str, tuple[int | None, ...]] | None = None) -> tuple[list[str], list[Line]]:
    """The lines of its head, and of its layers."""
    lines, labels = list[Line](), _labels(g)
    head, flow = [f"net {name}:"], ""
    for v, t in g.inputs.items():
        shape = shape_text((sizes or {}).get(v, t.shape))
        head.append(f"  input {labels[v]} {shape}" if len(g.inputs) > 1 or labels[v] != "input" else f"  input {shape}")
        flow = v
    shared: dict[Any, Piece] = {}
    tapped: dict[str, list[str]] = {}
    for word, (_, v) in zip(output_names(g), g.outputs if len(g.outputs) > 1 else ()):
        tapped.setdefault(v, []).append(word)
    for v in g.inputs:
        lines += [Line("", "", f"@{labels[v]}"), *(Line("", "", f"output {w}") for w in tapped[v])] if v in tapped else []
    for p in g.pieces:
        above = lines[-1] if lines else None
        before = shared.setdefault(_numbers(p), p) if shares(p) else p
        if above is not None and (more := _more(above, p, labels)):
            above.step, above.output, above.label = f"{above.step} {more}", p.output, labels.get(p.output, "")
        else:
            step = f"reuse @{labels[before.output]}" if before is not p else step_of(p, labels, g)
            start = "" if p.inputs[0] == flow else f"@{labels[p.inputs[0]]} -> "
            lines.append(Line(start, labels.get(p.output, ""), step, p.layer if before is p else None, p.output))
        flow = p.output
        lines += [Line("", "", f"output {w}") for w in tapped.get(p.output, ())]
    if len(g.outputs) == 1 and flow != g.outputs[0][1]:
        lines.append(Line("", "", f"@{labels[g.outputs[0][1]]}"))
    return head, lines


def _more(above: Line, p: Piece, labels: dict[str, str]) -> str:
    """A normalisation or an activation as a word of the convolution in the line above it, where it may be one."""
    if type(above.layer) not in (Conv, Fc) or p.inputs != [above.output] or above.label or above.output in labels:
        return ""
    word = str(p.layer)
    if type(above.layer) is Conv and word == "bn" and above.step == str(above.layer):
        above.step = above.step.replace(" bias=no", "") if not above.layer.bias else f"{above.step} bias=yes"
        return word
    taken = above.step.rpartition(" ")[2]
    return word if activation(word) and not activation(taken) else ""


def _numbers(p: Piece) -> tuple[frozenset[str], str]:
    """What two layers share that are one layer used twice."""
    return p.shared, str(p.layer)


def _labels(g: Layers) -> dict[str, str]:
    """A name for each value that is read from elsewhere than the line above it."""
    needed, flow = set[str](), list(g.inputs)[-1]
    shared: dict[Any, Piece] = {}
    for p in g.pieces:
        needed.update(p.inputs[1:] if not isinstance(p.layer, Unpool) else [pool_of(p, g)])
        needed.update([p.inputs[0]] if p.inputs[0] != flow else [])
        if shares(p) and (before := shared.setdefault(_numbers(p), p)) is not p:
            needed.add(before.output)
        flow = p.output
    if len(g.outputs) == 1 and g.outputs[0][1] != flow:
        needed.add(g.outputs[0][1])
    labels = input_names(g)
    taken = set(labels.values())
    for p in g.pieces:
        if p.output in needed:
            word = re.sub(r"\d+$", "", p.layer.name)
            k = next(k for k in range(1, len(g.pieces) + 2) if f"{word}_{k}" not in taken)
            labels[p.output] = f"{word}_{k}"
            taken.add(labels[p.output])
    return labels
