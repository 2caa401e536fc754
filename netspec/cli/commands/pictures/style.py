"""`netspec style`: the content of one picture in the style of another."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ....diagnostics import UsageError
from ....plain import shown
from ... import options
from ...telling import say

ABOUT = "neural style transfer: paint one picture in the style of another"
EXAMPLES = ("netspec style cat.jpg waves.jpg --weights vgg19.pth -o painted.png",
            "netspec style cat.jpg waves.jpg --weights runs/shapes-1 --size 512 --iterations 400 -o painted.png",
            "netspec style cat.jpg waves.jpg --net vgg.net:vgg16 --weights vgg16.pth --begin noise -o painted.png")
ALSO = ("style-transfer", "nst")
PAPER = "vgg.net:vgg19"  # with means in the place of maxima, as the paper has it
IMAGENET = "standardise mean=[0.485, 0.456, 0.406] std=[0.229, 0.224, 0.225]"  # what torchvision's weights of it have learnt from


def arguments(c: ArgumentParser) -> None:
    c.add_argument("content", metavar="CONTENT", help="a picture, whose content stays")
    c.add_argument("style", metavar="STYLE", help="a picture, whose style it takes")
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="FILE", help="where to: .png")
    c.add_argument("--weights", metavar="FILE", help="a run or a checkpoint, with its net; or another program's weights, for --net")
    c.add_argument("--net", metavar="FILE[:NET]", help=f"a spec, and which of its nets (default: {PAPER} with average pooling, as in the paper)")
    options.preparation(c)
    c.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=VALUE", help="a parameter of the net")
    c.add_argument("--content-layer", metavar="NAME", help="by its name in the summary (default: conv4_2 of a VGG, or what stands as it does)")
    c.add_argument("--style-layers", metavar="A,B,...", help="(default: conv1_1 to conv5_1, the first convolution of each size)")
    c.add_argument("--style-weight", type=float, default=1000.0, metavar="X", help="what style counts, and content 1 (default 1000)")
    c.add_argument("--iterations", type=options.whole, default=200, metavar="N", help="of L-BFGS (default 200)")
    c.add_argument("--begin", choices=("content", "style", "noise"), default="content", help="where it begins (default content)")
    c.add_argument("--size", type=options.whole, default=256, metavar="N", help="the longer side of what is drawn (default 256)")
    c.add_argument("--seed", type=options.seed, default=0, help="of the noise (default 0)")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")


def run(args: Namespace) -> int:
    from ....look import style
    from ...looked import network, photograph, photographed, png_alone

    png_alone(args.output)
    net = network(_meant(args))
    content = photograph(net, args.content, args.size)
    painting = photograph(net, args.style, content.shape[1:])
    layers = [name for name in (args.style_layers or "").split(",") if name]
    made, history = style(net, content, painting, content_layer=args.content_layer, style_layers=layers, weight=args.style_weight,
                          iterations=args.iterations, begin=args.begin, seed=args.seed)
    photographed(made, args.output)
    say(f"drew {shown(args.output)}, {made.shape[2]}x{made.shape[1]}; the loss went from {history[0]:.4g} to {history[-1]:.4g}")
    return 0


def _meant(args: Namespace) -> Namespace:
    """With the net that is meant where none is named: that of a run, or the paper's.

    Errors: neither a net nor weights.
    """
    from ...nets import trained
    from ...trained import own

    args.inputs = []
    if args.net is None and args.weights is None:
        raise UsageError("no weights are named, and style is seen by a network that has learnt",
                         hint="--weights vgg19.pth   or   --weights runs/shapes-1")
    if args.net is None:
        checkpoint = trained(args.weights)
        if checkpoint is not None and own(checkpoint):
            args.net, args.weights = args.weights, None
        else:
            args.net = PAPER
            args.settings += [] if any(s.startswith("pool=") for s in args.settings) else ["pool=avgpool"]
            args.preparations = args.preparations or [IMAGENET]
    return args
