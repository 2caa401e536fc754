"""The commands that run a network: train and verify."""

from __future__ import annotations

import sys
import warnings
from argparse import Namespace
from typing import TYPE_CHECKING, TextIO

from ..plain import shown
from .nets import input_shapes, open_net, settings, split
from .telling import say

if TYPE_CHECKING:
    from ..ir.graph import Graph


def verify(args: Namespace) -> int:
    """Two backends against each other, and gradients against finite differences: 1 where something differs."""
    from ..runtime.check.verify import examples
    from ..runtime.check.verify import verify as compare

    graph = open_net(args)
    if args.data is not None:
        examples(graph, args.data, args.batch, args.seed)  # data that are not there, or do not fit, are refused before all else
    say(f"{graph.name}: the worst difference, relative to the largest number, and where", flush=True)
    wrong = 0
    for finding in compare(graph, batch=args.batch, seed=args.seed, device=args.device):
        say(finding, flush=True)
        wrong += not finding.right
    if args.device == "cpu":
        _convolutions(graph, args)
    return 1 if wrong else 0


def _convolutions(graph: Graph, args: Namespace) -> None:
    """How exactly each convolution is computed on the user's own data."""
    from ..runtime.check.convolutions import convolutions
    from ..runtime.check.verify import examples

    if not any(getattr(n.op, "category", "") == "convolution" for n in graph.nodes):
        return
    x, said, trains = examples(graph, args.data, args.batch, args.seed)
    say(f"\nconvolutions at precision {graph.precision}, on {said}: the largest difference from float64", flush=True)
    for met in convolutions(graph, x, seed=args.seed, training=trains):
        say(met, flush=True)


def train(args: Namespace) -> int:
    """Compile a net and train it as its `train` section says; the command line's own numbers win."""
    from ..compiler import compile
    from ..runtime.misuse import Remark
    from ..runtime.train.session import train as run

    with warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        warnings.showwarning = _show
        file, name = split(args.net)
        net = compile(file, name, device=args.device, dtype=args.dtype, precision=args.precision, seed=args.seed or 0,
                      input=input_shapes(args), parameters=settings(args))
        run(net, epochs=args.epochs, batch=args.batch, memory=args.memory, out=args.out, resume=args.resume, seed=args.seed,
            threads=args.threads, quiet=args.quiet, spec=args.net, data=args.data)
    return 0


def _show(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
          line: str | None = None) -> None:
    """Our own remarks in one line for people, others as Python shows them."""
    from ..runtime.misuse import Remark

    text = f"warning: {shown(message, lines=True)}\n" if issubclass(category,
                                                                    Remark) else warnings.formatwarning(message, category,
                                                                            filename, lineno, line)
    print(text, end="", file=file or sys.stderr, flush=True)
