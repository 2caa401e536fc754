"""Where every shipped classifier begins, and whether it learns: docs/first_loss.md is what this prints.

    python benchmarks/first_loss.py                 every net: half an hour
    python benchmarks/first_loss.py lenet mlp       those whose file or net is called so

The loss is that of the first weights (seed 0) in training mode, dropout included, on Gaussian noise of mean 0 and deviation 1,
averaged over all labels that each example could have. Then twenty steps of sgd with momentum 0.9 on one batch of that noise
with random labels, of the first net of each family, whose others differ in depth alone: at lr=0.01, and at 0.003 where no layer
normalises or several dense ones follow each other, since nothing there holds back what such small batches do, and for ResNeXt.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import netspec
from netspec.compiler import Spec
from netspec.elaborate.nets import callable_nets
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse
from netspec.syntax.tree import Variant

SIZES = {"unet": "1x252x252", "unet_recursive": "1x252x252", "fcn": "3x128x128", "segnet": "3x96x96", "enet": "3x128x128",
         "convnext": "3x64x64", "efficientnet": "3x64x64", "efficientnet_v2": "3x64x64", "efficientnet_v2_b": "3x64x64", "regnet": "3x64x64",
         "xception": "3x107x107", "deeplab": "3x65x65", "lraspp": "3x65x65", "wavenet": "256x512"}
SMALL, MIDDLE = 1e9, 8e9  # multiply-adds of an example: batches of 16, 8, 4
STEPS, RATE, BARE = 20, 0.01, 0.003  # steps, and the learning rates with and without normalisations
SLOWER = {"resnext"}  # goes up before it goes down at the larger rate


class Row(NamedTuple):
    """One output of one net."""

    net: str
    output: str
    classes: int
    loss: float
    learnt: tuple[float, float] | None  # loss of the noise before and after

    def __str__(self) -> str:
        learnt = "" if self.learnt is None else f"{self.learnt[0]:.2f} -> {self.learnt[1]:.2f}"
        off = self.loss - log(self.classes)
        return f"| {self.net} | {self.output} | {log(self.classes):.2f} | {self.loss:.2f} | {off:+.2f} | {learnt} |"


def classifiers() -> Iterator[tuple[Path, str, Spec, str]]:
    """Every net of specs/ that tells classes apart: its file, its name, itself, and its family, which is the net that it is a
    variant of."""
    for path in sorted(specs_folder().glob("*.net")):
        for net in callable_nets(parse(read_source(path))):
            try:
                spec = netspec.load_graph(path, net.name, input=SIZES.get(path.stem), parameters=_alone(path))
            except netspec.NetspecError:
                continue  # one that needs arguments
            if heads(spec):
                yield path, net.name, spec, f"{path.stem}:{net.call.name if isinstance(net, Variant) else net.name}"


def _alone(path: Path) -> dict[str, Any]:
    return {"weights": "none"} if path.stem in ("flowers", "style") else {}


def heads(spec: Spec) -> list[str]:
    """The outputs that hold a score for each class: what the train section judges so, else those of as many channels as a
    parameter `classes` says, or all where it says no number."""
    training = spec.graph.training
    if training is not None and training.losses:
        return [use.output for use in training.losses if use.op.name == "cross_entropy"]
    source = spec.graph.nodes[0].spans[0].source.text
    said = set(re.findall(r"\bclasses=(\d+)", source))
    return [k for k, shape in spec.outputs.items()
            if "classes" in source and (shape[0] or 0) > 1 and (not said or str(shape[0]) in said)]


def measured(path: Path, name: str, spec: Spec, learns: bool) -> list[Row]:
    """The rows of one net."""
    macs = spec.counts().totals.macs or 0
    n = 16 if macs < SMALL else 8 if macs < MIDDLE else 4
    net = netspec.compile(path, name, input=SIZES.get(path.stem), parameters=_alone(path), seed=0)
    random, outputs = np.random.default_rng(0), heads(spec)
    x = {k: random.standard_normal((n * max(1, node.type.batch), *shape)).astype(np.float32)
         for (k, shape), node in zip(spec.inputs.items(), spec.graph.inputs)}
    y = {k: random.integers(0, spec.outputs[k][0], (n, *spec.outputs[k][1:])) for k in outputs}
    rows = []
    for k in outputs:  # smoothing=1 is the mean over all labels
        loss = net.loss_and_gradients(x, {k: y[k]}, loss=f"cross_entropy @{k} smoothing=1", draw=0)[0]
        rows.append(Row(f"{path.stem}:{name}", k, spec.outputs[k][0] or 0, loss, None))
    if learns:
        ops = [node.op for node in spec.graph.nodes]
        dense = sum(getattr(op, "category", "") == "dense" for op in ops)
        rate = RATE if dense < 2 and path.stem not in SLOWER and any(getattr(op, "centres", False) for op in ops) else BARE
        net.configure(loss=[f"cross_entropy @{k}" for k in outputs], optimiser=f"sgd lr={rate} momentum=0.9", schedule="none", regularise="none",
                      augment="none", average=0, accumulate=1)
        losses = [net.train_step(x, y) for _ in range(STEPS + 1)]
        rows[0] = rows[0]._replace(learnt=(losses[0], losses[-1]))
    return rows


def main(asked: list[str]) -> None:
    print("| net | output | ln C | first loss | apart | 20 steps on noise |\n|---|---|---:|---:|---:|---|")
    known: set[str] = set()
    for path, name, spec, family in classifiers():
        if asked and not {path.stem, name, f"{path.stem}:{name}"} & set(asked):
            continue
        for row in measured(path, name, spec, family not in known):
            print(row, flush=True)
        known.add(family)


if __name__ == "__main__":
    main(sys.argv[1:])
