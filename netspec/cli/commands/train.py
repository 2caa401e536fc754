"""`netspec train`: a net trained as its train section says."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace
from typing import TextIO

from ...plain import shown
from .. import options
from ..ending import terminable
from ..nets import input_shapes, meant, settings

ABOUT = "train a net as its `train` section says"
EXAMPLES = ("netspec train specs/digits.net", "netspec train specs/digits.net --epochs 3 --seed 1 --out digits.safetensors")
ALSO = ("fit",)


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("--data", metavar="DATA",
                   help="what to train on instead of what the train section names: digits, or a path, wherever it lies")
    c.add_argument("--epochs", type=options.whole, metavar="N",
                   help="how often to go through the data in all; schedules end there")
    group = c.add_mutually_exclusive_group()
    group.add_argument("--batch", type=options.whole, metavar="N", help="samples in a step")
    group.add_argument("--memory", metavar="SIZE", help="the largest batch that trains in so much: --memory 8GB")
    c.add_argument("--seed", type=options.seed, metavar="N",
                   help="of the first weights, dropout and the order of the data (default 0; with --resume, that of the file)")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")
    c.add_argument("--threads", type=options.whole, metavar="N", help="CPU threads; results do not depend on it")
    c.add_argument("--dtype", choices=("float32", "float64"), help="of all numbers (default float32)")
    options.precision(c)
    c.add_argument("--out", type=options.file, metavar="FILE",
                   help="where to save the weights (default NET.safetensors); an earlier run's are kept as NET.previous.safetensors")
    c.add_argument("--resume", type=options.file, metavar="FILE",
                   help="go on from saved weights, exactly as if there had been no pause")
    c.add_argument("--quiet", action="store_true", help="no progress display")


def run(args: Namespace) -> int:
    """Compile a net and train it as its `train` section says; the command line's own numbers win."""
    from ...runtime.misuse import Remark
    from ...runtime.network import made
    from ...runtime.train.session import train

    with terminable(), warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        warnings.showwarning = _show
        spec = meant(args.net, settings(args), input_shapes(args), args.precision)
        net = made(spec.origin(), args.device, args.dtype, args.seed or 0)
        train(net, epochs=args.epochs, batch=args.batch, memory=args.memory, out=args.out, resume=args.resume, seed=args.seed,
              threads=args.threads, quiet=args.quiet, spec=args.net, data=args.data)
    return 0


def _show(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
          line: str | None = None) -> None:
    """Our own remarks in one line for people, others as Python shows them."""
    from ...runtime.misuse import Remark

    text = (f"warning: {shown(message, lines=True)}\n" if issubclass(category, Remark)
            else warnings.formatwarning(message, category, filename, lineno, line))
    print(text, end="", file=file or sys.stderr, flush=True)
