"""`netspec evaluate`: the loss and the metrics of a trained network."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from ....plain import shown
from ....terminal import beside, columns
from ... import options
from ...telling import finite, in_columns, pass_on, say

ABOUT = "measure a trained network: its loss and metrics on the test part of its data, or on other data"
EXAMPLES = ("netspec evaluate runs/shapes-1", "netspec evaluate runs/shapes-1 --data 'images \"elsewhere\"' --format json")
ALSO = ("test", "eval", "score")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("trained", metavar="RUN", nargs="+", help="the folder of a run, or a checkpoint; of several the mean of what they say")
    c.add_argument("--data", metavar="LINE",
                   help="other data, as a data line says it, looked for from here: 'images \"folder\"', digits, a path")
    c.add_argument("--batch", type=options.whole, metavar="N", help="how many at a time (default: as in training)")
    options.views(c)
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")
    c.add_argument("--format", choices=("text", "json"), default="text", help="for people (default), or an object by name")


def run(args: Namespace) -> int:
    from ....runtime.asking.data import judged_part, numbered_as, own, read
    from ....runtime.means.ensemble import Ensemble
    from ...trained import network

    nets = [network(path, args.device) for path in args.trained]
    net = nets[0]
    data = numbered_as(net, read(args.data, net) if args.data is not None else own(net))
    who = net if len(nets) == 1 else Ensemble(nets)
    numbers = who.evaluate(data, batch=args.batch, ten_crop=args.ten_crop, flip=args.flip)
    if args.format == "json":
        import json

        plain: dict[str, Any] = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in numbers.items()}
        pass_on(json.dumps(finite(plain), indent=1) + "\n")
        return 0
    from ....runtime.measuring.tallies import tallies

    metrics = {t.name: t.metric for t in tallies(net.graph, net.recipe.need_terms(), net.recipe.metrics)}
    x = next(p for p in (data.test, data.validation, data.train) if p is not None)[0]
    many = len(next(iter(x.values())) if isinstance(x, dict) else x)
    say(in_columns(f"{' and '.join(n.graph.name for n in nets)} on {many:,} {judged_part(data, args.data is not None)}examples of {shown(data.name)}"))
    for name, value in numbers.items():
        metric = metrics.get(name)
        said = metric.named(value, net.classes) if metric is not None else f"{value:.4f}"
        say(beside(f"  {name}", said, max(map(len, numbers)) + 4, columns(sys.stdout)))
        if metric is not None and (report := metric.report(value, net.classes)):
            say("\n".join(map(in_columns, report.splitlines())))
    return 0
