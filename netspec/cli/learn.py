"""The command that trains."""

from __future__ import annotations

from argparse import Namespace

from .nets import input_shapes, settings, split


def train(args: Namespace) -> int:
    """Compile a net and train it as its `train` section says; the command line's own numbers win."""
    from ..compiler import compile
    from ..runtime.session import train as run

    file, name = split(args.net)
    net = compile(file, name, device=args.device, dtype=args.dtype, seed=args.seed, input=input_shapes(args), parameters=settings(args))
    run(net, epochs=args.epochs, batch=args.batch, memory=args.memory, out=args.out, resume=args.resume, threads=args.threads, quiet=args.quiet, spec=args.net)
    return 0
