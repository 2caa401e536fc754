"""`netspec bench`: how long each layer takes on this machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import UsageError, unwritable
from ....plain import shown
from ....reading import write
from ... import options
from ...nets import open_net
from ...telling import say

ABOUT = "time each layer on this machine"
EXAMPLES = ("netspec bench specs/lenet.net", "netspec bench specs/resnet.net:resnet18 --batch 4 -o times.json")
ALSO = ("profile", "benchmark", "time")
MOST = 20  # layers of the table


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("-o", "--output", type=options.file, metavar="TIMES",
                   help="write the times of all layers as JSON, which netspec draw --profile reads")
    c.add_argument("--batch", type=options.whole, metavar="N",
                   help="examples at once (default as many as 1 GB allows, at most 32)")
    c.add_argument("--rounds", type=options.whole, default=5, metavar="N", help="the best of so many counts (default 5)")
    options.precision(c)


def run(args: Namespace) -> int:
    if args.output is not None and Path(args.output).suffix.lower() != ".json":
        raise UsageError(f"times are written as .json, not as {args.output}", hint="-o times.json")
    from ....runtime.measuring.timing import time_layers

    graph = open_net(args)
    times = time_layers(graph, args.batch, args.rounds)
    say(times.table(graph, MOST), end="")
    if args.output is not None:
        try:
            write(Path(args.output), times.text(graph.name).encode())
        except (OSError, ValueError) as e:
            raise unwritable(args.output, e) from None
        say(f"wrote the times of {graph.name} to {shown(args.output)}")
    return 0
