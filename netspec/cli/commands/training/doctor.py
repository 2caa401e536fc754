"""`netspec doctor`: what is off about a net on its own data, before a long training."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from ....terminal import columns
from ... import options
from ...nets import input_shapes, meant, settings, trained
from ...telling import finite, say

ABOUT = "say what is off about a net on its data, before a long training"
EXAMPLES = ("netspec doctor specs/digits.net", "netspec doctor shapes.net --seconds 20 --format json")
ALSO = ("diagnose", "sanity", "examine")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("--data", metavar="DATA", help="what to look at instead of what the train section names: digits, or a path")
    c.add_argument("--seconds", type=options.whole, default=60, metavar="N",
                   help="the most that learning by heart, and reading all of the data, may take (default 60)")
    c.add_argument("--seed", type=options.seed, default=0, metavar="N",
                   help="of the first weights and the examples looked at (default 0)")
    c.add_argument("--format", choices=("text", "json"), default="text", help="for people, or a list of findings")


def run(args: Namespace) -> int:
    """The sanity checks of the lectures; 1 where something is off."""
    from ....runtime.asking.data import own, read
    from ....runtime.doctor.examine import examine
    from ....runtime.network import made
    from ....runtime.train.session import data_of

    asked = meant(args.net, settings(args), input_shapes(args))
    net = made(asked.origin(), seed=args.seed)
    net.state.learnt.data = asked.data
    data = read(args.data, net) if args.data is not None else data_of(net.graph, net.seed) if trained(args.net) is None else \
        own(net, "doctor")
    off, found = 0, []
    for finding in examine(net, data, args.seconds):
        found.append(finding)
        off += finding.good is False
        if args.format == "text":
            say(finding.lines(columns(sys.stdout)), flush=True)
    if args.format == "json":
        print(json.dumps([finite(asdict(f)) for f in found], indent=1))
    else:
        say(f"\n{off} of {len(found)} are off" if off else "\nnothing is off")
    return 1 if off else 0
