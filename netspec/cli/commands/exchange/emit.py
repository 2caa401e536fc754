"""`netspec emit`: a net as one Python module."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from ....diagnostics import UsageError, unwritable
from ....plain import shown
from ....reading import irregular, write
from ... import options
from ...nets import open_net
from ...telling import pass_on

ABOUT = "write a net as one Python module that runs with numpy and numba alone, with its weights"
EXAMPLES = ("netspec emit specs/lenet.net -o lenet.py", "netspec emit runs/digits --predict -o digits.py",
            "netspec emit resnet.net:resnet18 --weights resnet18.pth --beside -o resnet18.py")
ALSO = ("compile", "export", "standalone")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("-o", "--output", type=options.file, metavar="FILE.py", default="-",
                   help="where to, a file whose name ends in .py (default: standard output)")
    c.add_argument("--weights", type=options.file, metavar="RUN",
                   help="a run, a checkpoint, or a file of weights as `netspec weights` reads them, which it gets")
    c.add_argument("--predict", action="store_true", help="a small file that predicts, and does not train")
    c.add_argument("--beside", action="store_true", help="its weights in a file beside it, FILE.safetensors, and not in its text")
    options.precision(c)


def run(args: Namespace) -> int:
    """One module that runs with NumPy and Numba alone."""
    from ....runtime.footprint import shown as size
    from ....runtime.standalone.carried import measured, weights_of
    from ....runtime.standalone.emit import standalone
    from ....runtime.standalone.left_out import left_out
    from ...trained import weighted

    path, to_file = Path(args.output), args.output != "-"
    # a pipe or a device may be called anything
    if to_file and path.suffix.lower() != ".py" and irregular(path) in (None, "a folder"):
        raise UsageError(f"emit writes a Python module, and {args.output} would not be one by its name",
                         hint=f"-o {path.with_suffix('.py') if path.name else 'net.py'}")
    if args.beside and not to_file:
        raise UsageError("weights lie beside a file, and this goes to standard output", hint="-o net.py --beside")
    graph, net = open_net(args), weighted(args, "reference")
    if args.beside and net is None:
        raise UsageError("there are no weights that could lie beside the file", hint="--weights runs/digits-1")
    weights = None if net is None else weights_of(net.state)
    held = 0 if weights is None else sum(a.nbytes for a in weights.arrays.values())
    if weights is not None and args.beside:
        weights = replace(weights, beside=path.with_suffix(".safetensors").name)
    recipe = net.recipe if net is not None else None
    text = standalone(graph, recipe, weights, args.predict)
    if to_file:
        _write(path, text.encode())
        if weights is not None and args.beside:
            from safetensors.numpy import save

            _write(path.with_name(weights.beside), save(dict(weights.arrays)))
    else:
        pass_on(text)
    told = sys.stdout if to_file else sys.stderr
    if to_file:
        there = f", with {size(held)} of weights {f'beside it, in {weights.beside}' if args.beside else 'in it'}" if weights else ""
        print(shown(f"wrote {args.output}: {len(text.splitlines())} lines, {size(len(text))}{there}"), file=told)
    missing = () if args.predict else left_out(graph, recipe, measured(weights))
    if missing:
        print(shown(f"of the train section it leaves out, as the loop around the steps is yours: {'; '.join(missing)}"), file=told)
    return 0


def _write(path: Path, data: bytes) -> None:
    try:
        write(str(path), data)
    except (OSError, ValueError) as e:
        raise unwritable(str(path), e) from None
