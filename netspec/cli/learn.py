"""The command that trains."""

from __future__ import annotations

from argparse import Namespace

from .nets import input_shapes, settings, split


def train(args: Namespace) -> int:
    from ..runtime.session import train as run

    file, net = split(args.net)
    run(file, net, parameters=settings(args), input=input_shapes(args), epochs=args.epochs, batch=args.batch, seed=args.seed,
        device=args.device, threads=args.threads, out=args.out, quiet=args.quiet)
    return 0
