"""`netspec export`: a net for other programs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import UsageError
from ....plain import shown
from ... import options
from ...nets import input_shapes, meant, settings
from ...telling import say

ABOUT = "write a net as an ONNX file, compared with the net before it is written"
EXAMPLES = ("netspec export specs/lenet.net -o lenet.onnx", "netspec export specs/resnet.net:resnet18 --opset 21 -o resnet18.onnx",
            "netspec export runs/digits --prepare -o digits.onnx")
ALSO = ("onnx", "save", "convert")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="FILE.onnx", help="where to")
    c.add_argument("--weights", type=options.file, metavar="RUN", help="a run, a checkpoint, or a file of weights as `netspec weights` reads them, which it gets")
    c.add_argument("--opset", type=options.whole, default=18, metavar="N", help="the version of ONNX's operators (default 18)")
    c.add_argument("--prepare", action="store_true", help="with the preparations of its train section")
    c.add_argument("--force", action="store_true", help="write it even where it does not compute the same")


def run(args: Namespace) -> int:
    from ....runtime.network import made
    from ...trained import weighted

    path = Path(args.output)
    if path.suffix.lower() != ".onnx":
        raise UsageError(f"export writes ONNX, and {args.output} would not be that by its name",
                         hint=f"-o {path.with_suffix('.onnx') if path.name else 'net.onnx'}")
    found = weighted(args)
    net = made(meant(args.net, settings(args), input_shapes(args)).origin()) if found is None else found
    compared = net.export(args.output, opset=args.opset, prepare=args.prepare, force=args.force)
    say(f"wrote {shown(args.output)}: net {net.graph.name}{', with first weights' if found is None else ''}; {compared}")
    return 0
