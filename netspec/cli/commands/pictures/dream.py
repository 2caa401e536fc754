"""`netspec dream`: a picture in which a network sees more of what it sees already."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ....plain import shown
from ... import options
from ...telling import say

ABOUT = "change a picture into what a layer sees in it: DeepDream"
EXAMPLES = ("netspec dream runs/shapes-1 cat.jpg -o dream.png",
            "netspec dream googlenet.net cat.jpg --weights googlenet.pth --layer inception4c -o dream.png")
ALSO = ("deepdream", "deep-dream")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("picture", metavar="PICTURE", help="a picture of any size")
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="FILE", help="where to: .png")
    c.add_argument("--weights", metavar="FILE", help="the weights of a spec: a checkpoint, a run, or another program's")
    options.preparation(c)
    c.add_argument("--layer", metavar="NAME", help="whose numbers are made larger (default: the layer in the middle)")
    c.add_argument("--unit", type=int, metavar="K", help="one of its channels alone")
    c.add_argument("--octaves", type=options.whole, default=4, metavar="N", help="sizes, the smallest first (default 4)")
    c.add_argument("--scale", type=float, default=1.4, metavar="X", help="how much larger each is than the last (default 1.4)")
    c.add_argument("--steps", type=options.whole, default=10, metavar="N", help="steps at each size (default 10)")
    c.add_argument("--lr", type=float, default=0.01, metavar="X",
                   help="how far a step changes a pixel in the mean, of 1 (default 0.01)")
    c.add_argument("--size", type=options.whole, metavar="N", help="the longer side of what is drawn (default: the picture's own)")
    c.add_argument("--seed", type=options.seed, default=0, help="of how it is shaken (default 0)")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")


def run(args: Namespace) -> int:
    from ....look import dream
    from ...looked import network, photograph, photographed, png_alone

    png_alone(args.output)
    net = network(args)
    made = dream(net, photograph(net, args.picture, args.size), layer=args.layer, unit=args.unit, octaves=args.octaves,
                 scale=args.scale, steps=args.steps, lr=args.lr, seed=args.seed)
    photographed(made, args.output)
    say(f"drew {shown(args.output)}, {made.shape[2]}x{made.shape[1]}")
    return 0
