"""`netspec summary`: shapes, parameters and multiply-accumulates."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ... import options
from ...nets import open_net
from ...telling import pass_on, say

if TYPE_CHECKING:
    from ....ir.graph import Graph
    from ....runtime.footprint import Footprint

ABOUT = "shapes, parameters and multiply-accumulates of every layer"
EXAMPLES = ("netspec summary specs/resnet.net:resnet50", "netspec summary my.net --set classes=10 --format json",
            "netspec summary specs/densenet.net:densenet201 --depth 2 --memory",
            "netspec summary specs/vgg.net:vgg16 --receptive-field --format latex")
ALSO = ("info",)


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    options.table(c)
    c.add_argument("--depth", type=options.whole, metavar="N",
                   help="how deep blocks are open: 1 closes all of them (default: all open, or as deep as fits 40 lines where that "
                        "would be more than 80)")
    c.add_argument("--receptive-field", action="store_true", help="also what each value sees of the input: size, /stride, @start")
    c.add_argument("--memory", action="store_true",
                   help="also the bytes of what each step gives, and those that training and prediction take on the CPU")
    options.precision(c)


def run(args: Namespace) -> int:
    from ....views.tables.formats import FORMATS
    from ....views.tables.summary import summarise

    s = summarise(open_net(args), args.receptive_field, args.depth, args.memory)
    if args.format in FORMATS:
        pass_on(FORMATS[args.format](s.table))
        return 0
    memory = _memory(s.graph) if args.memory else {}
    if args.format == "json":
        import json

        say(json.dumps(s.data() | ({"memory": {k: {"sample": f.sample, "fixed": f.fixed} for k, f in memory.items()}} if memory
                                   else {}), indent=1))
        return 0
    say(s, end="")
    if memory:
        from ....ir.precision import DEFAULT
        from ....runtime.footprint import shown

        say("memory on the CPU, in float32" + (":" if s.graph.precision == DEFAULT else f", {s.graph.precision}:"))
        for entry, f in memory.items():
            say(f"  {entry:<9}{shown(f.sample):>9} a sample, {shown(f.fixed)} beside; "
                + ", ".join(f"batch {n}: {shown(f.bytes(n))}" for n in (1, 32, 256)))
    return 0


def _memory(graph: Graph) -> dict[str, Footprint]:
    from ....runtime.footprint import footprints
    from ....runtime.train.recipe import recipe_of

    return footprints(graph, recipe_of(graph))
