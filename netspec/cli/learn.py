"""The command that trains."""

from __future__ import annotations

from argparse import Namespace

from .nets import input_shapes, settings, split


def train(args: Namespace) -> int:
    from ..compiler import compile
    from ..runtime.session import train as run

    file, name = split(args.net)
    net = compile(file, name, device=args.device, seed=args.seed, input=input_shapes(args), parameters=settings(args))
    run(net, epochs=args.epochs, batch=args.batch, out=args.out, resume=args.resume, threads=args.threads, quiet=args.quiet, spec=args.net)
    return 0
