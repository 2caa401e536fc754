"""`netspec verify`: that a net computes what its text says, on this machine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ....terminal import columns
from ... import options
from ...nets import open_net
from ...telling import in_columns, say

if TYPE_CHECKING:
    from ....ir.graph import Graph

ABOUT = "check that a net computes what its text says, on this machine"
EXAMPLES = ("netspec verify specs/lenet.net", "netspec verify specs/resnet.net:resnet18 --input 3x64x64")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("--batch", type=options.whole, default=3, metavar="N", help="samples to run (default 3)")
    c.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="whose kernels to check (default cpu)")
    c.add_argument("--data", metavar="DATA",
                   help="what to measure convolutions on: digits, or a path (default: the train section's data, else Gaussian numbers)")
    c.add_argument("--seed", type=options.seed, default=0, metavar="N", help="of weights, samples and directions (default 0)")
    options.precision(c)


def run(args: Namespace) -> int:
    """Two backends against each other, and gradients against finite differences: 1 where something differs."""
    from ....runtime.check.verify import examples
    from ....runtime.check.verify import verify as compare

    graph = open_net(args)
    if args.data is not None:
        examples(graph, args.data, args.batch, args.seed)  # data that are not there, or do not fit, are refused before all else
    room = columns(sys.stdout)
    say(in_columns(f"{graph.name}: the worst difference, relative to the largest number, and where"), flush=True)
    wrong = 0
    for finding in compare(graph, batch=args.batch, seed=args.seed, device=args.device):
        say(finding.lines(room), flush=True)
        wrong += not finding.right
    if args.device == "cpu":
        _convolutions(graph, args)
    return 1 if wrong else 0


def _convolutions(graph: Graph, args: Namespace) -> None:
    """How exactly each convolution is computed on the user's own data."""
    from ....runtime.check.convolutions import convolutions
    from ....runtime.check.verify import examples

    if not any(getattr(n.op, "category", "") == "convolution" for n in graph.nodes):
        return
    x, said, trains = examples(graph, args.data, args.batch, args.seed)
    say("\n" + in_columns(f"convolutions at precision {graph.precision}, on {said}: the largest difference from float64"), flush=True)
    for met in convolutions(graph, x, seed=args.seed, training=trains):
        say(met.lines(columns(sys.stdout)), flush=True)
