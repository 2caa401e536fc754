"""The commands that run a network: train and verify."""

from __future__ import annotations

from argparse import Namespace

from .nets import input_shapes, open_net, settings, split


def verify(args: Namespace) -> int:
    """Two backends against each other, and gradients against finite differences: 1 where something differs."""
    from ..runtime.verify import verify as compare

    graph = open_net(args)
    print(f"{graph.name}: the worst difference, relative to the largest number, and where", flush=True)
    wrong = 0
    for finding in compare(graph, batch=args.batch, seed=args.seed, device=args.device):
        print(finding, flush=True)
        wrong += not finding.right
    return 1 if wrong else 0


def train(args: Namespace) -> int:
    """Compile a net and train it as its `train` section says; the command line's own numbers win."""
    from ..compiler import compile
    from ..runtime.session import train as run

    file, name = split(args.net)
    net = compile(file, name, device=args.device, dtype=args.dtype, seed=args.seed, input=input_shapes(args), parameters=settings(args))
    run(net, epochs=args.epochs, batch=args.batch, memory=args.memory, out=args.out, resume=args.resume, threads=args.threads, quiet=args.quiet, spec=args.net)
    return 0
