"""`netspec show`: a stage of the way from text to kernels."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ... import options
from ...nets import meant, open_net
from ...telling import say

ABOUT = "print a stage of the way from text to kernels"
EXAMPLES = ("netspec show graph specs/lenet.net", "netspec show program specs/lenet.net --after fuse")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("stage", choices=("tree", "graph", "program", "kernels"),
                   help="the syntax tree, the graph of layers, the program of formulas, or the kernels")
    options.net(c)
    c.add_argument("--after", metavar="PASS",
                   help="show the program as this pass leaves it: lower, differentiate, fuse, plan_memory ...")
    c.add_argument("--entry", choices=("predict", "gradients"), default="predict",
                   help="the program that predicts (default), or the one that trains")
    c.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="whose kernels (default cpu)")
    options.precision(c)


def run(args: Namespace) -> int:
    """A stage of the way from text to kernels, as its own printed form."""
    if args.stage == "tree":
        from ....syntax.shown_tree import shown_tree

        say(shown_tree(meant(args.net).module))
        return 0
    from ...programs import kernels_text, program_text

    graph = open_net(args)
    if args.stage == "graph":
        say(graph)
    elif args.stage == "program":
        say(program_text(graph, args))
    else:
        say(kernels_text(graph, args), end="")
    return 0
