"""`netspec import`: another program's model as a text."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import UsageError
from ....plain import shown
from ... import options
from ...nets import input_shapes
from ...telling import say

ABOUT = "write an ONNX file as a spec that a person can read, its weights beside it"
EXAMPLES = ("netspec import model.onnx -o model.net", "netspec import model.onnx --input 3x320x320 -o model.net")
ALSO = ("from", "read")
ANY = re.compile(r".+")  # what programs call the inputs of a file


def arguments(c: ArgumentParser) -> None:
    c.add_argument("model", type=options.file, metavar="FILE.onnx", help="an ONNX file, of opset 7 or a later one")
    c.add_argument("-o", "--output", type=options.file, metavar="FILE.net",
                   help="where to; the weights go beside it, as FILE.safetensors (default: beside the ONNX file)")
    c.add_argument("--input", action="append", default=[], dest="inputs", metavar="SHAPE",
                   help="the size of an input that the file leaves open: --input 3x320x320, or NAME=SHAPE")
    c.add_argument("--force", action="store_true", help="write it even where it does not compute the same")


def run(args: Namespace) -> int:
    from ....runtime.exchange import imported

    path = Path(args.output or Path(args.model).with_suffix(".net"))
    if path.suffix != ".net":
        raise UsageError(f"import writes a spec, and {path} would not be one by its name",
                         hint=f"-o {path.with_suffix('.net') if path.name else 'model.net'}")
    _, compared = imported(args.model, path, input_shapes(args, ANY), args.force)
    say(f"wrote {shown(str(path))} and {shown(path.with_suffix('.safetensors').name)}: {compared}")
    return 0
