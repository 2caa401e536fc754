"""`netspec weights`: somebody else's weights, under a net's own names."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import UsageError
from ....plain import shown
from ... import options
from ...nets import input_shapes, meant, settings
from ...telling import say

ABOUT = "give a net the weights of a file of PyTorch, safetensors, NumPy, Keras or ONNX, and say what went where"
EXAMPLES = ("netspec weights resnet50.pth --net resnet.net:resnet50 -o resnet50.safetensors",
            'netspec weights mine.pt --net my.net --rename "features.*=conv*" -o mine.safetensors',
            "netspec weights resnet50.pth --net resnet.net:resnet50 --set classes=10 --partial -o trunk.safetensors")
ALSO = ("load", "import-weights", "transfer")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("source", type=options.file, metavar="SOURCE",
                   help="a .pth, .pt, .bin, .safetensors, .npz, .h5, .keras, .onnx file")
    c.add_argument("--net", required=True, metavar="FILE[:NET]", help="the spec, and which of its nets")
    c.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=VALUE",
                   help="a parameter of the net: --set classes=10")
    c.add_argument("--input", action="append", default=[], dest="inputs", metavar="SHAPE",
                   help="the size of the input: --input 3x224x224, or NAME=SHAPE")
    c.add_argument("-o", "--output", type=options.file, metavar="FILE.safetensors",
                   help="where to; without it only the table is printed")
    c.add_argument("--rename", action="append", default=[], metavar="FROM=TO",
                   help='a name in the file, or its beginning, and what it is in the net: "layer*.0.conv1=stage*.basic1.conv1"')
    c.add_argument("--flatten", default="", metavar="ORDER",
                   help="the order in which a picture was laid flat before a fully connected layer: hwc, or whc (default: chw; of Keras hwc)")
    c.add_argument("--part", metavar="KEY", help="the key of the weights in a file that holds several: state_dict_ema")
    c.add_argument("--partial", action="store_true", help="take what is sure, leave the rest as it is: a trunk for another head")


def run(args: Namespace) -> int:
    """The table, and the net's own file."""
    from ....runtime.io.weights import read_tensors
    from ....runtime.network import made

    if args.output is not None and Path(args.output).suffix.lower() != ".safetensors":
        name = Path(args.output)
        raise UsageError(f"weights are written as safetensors, and {args.output} would not be that by its name",
                         hint=f"-o {name.with_suffix('.safetensors') if name.name else 'net.safetensors'}")
    read_tensors(args.source, part=args.part)  # before a network is made
    net = made(meant(args.net, settings(args), input_shapes(args)).origin(), "reference", "float32")
    net.load_weights(args.source, rename=args.rename, strict=not args.partial, flatten=args.flatten, part=args.part)
    say(net.taken)
    if args.output is not None:
        net.save(args.output)
        say(f"wrote {shown(args.output)}: net {net.graph.name} with the weights of {shown(args.source)}")
    return 0
