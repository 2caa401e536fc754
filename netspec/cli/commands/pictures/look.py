"""`netspec look`: what a network looks at, as pictures."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ....diagnostics import UsageError
from ....plain import shown
from ... import options
from ...telling import say

if TYPE_CHECKING:
    pass

ABOUT = "draw what a trained network looks at: filters, activations, what it answers for, what excites it"
EXAMPLES = ("netspec look runs/shapes-1 cat.jpg --what gradcam -o cam.png",
            "netspec look runs/shapes-1 --what filters,maximise -o inside.html",
            "netspec look runs/shapes-1 cat.jpg photos --what neighbours -o alike.png",
            "netspec look resnet.net:resnet50 cat.jpg --weights resnet50.pth --what saliency,occlusion --class 281 -o cat.html")
ALSO = ("visualize", "visualise", "saliency", "gradcam", "attribute")
WORDS = ("filters", "activations", "occlusion", "saliency", "guided", "integrated", "gradcam", "exciting", "maximise", "neighbours", "map")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("files", nargs="*", metavar="PICTURE", help="pictures, folders of them, .npy or .npz files of arrays; filters and maximise need none")
    c.add_argument("--what", type=_words, action="append", required=True, metavar="WORD",
                   help=f"what is drawn, one or several with commas between: {', '.join(WORDS)}")
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="FILE", help="where to: .png, or .html for a page")
    c.add_argument("--weights", metavar="FILE", help="the weights of a spec: a checkpoint, a run, or another program's")
    options.preparation(c)
    c.add_argument("--layer", metavar="NAME", help="the layer, by its name in the summary (default: the last one that fits)")
    c.add_argument("--unit", type=int, metavar="K", help="one channel of the layer, from 0")
    c.add_argument("--class", dest="class_", metavar="CLASS", help="a class, by its name or number (default: what the network answers)")
    c.add_argument("--top", type=options.whole, default=9, metavar="K", help="how many, of the most exciting and of the nearest (default 9)")
    c.add_argument("--window", type=options.whole, metavar="N", help="the side of the square of occlusion (default: a fifth of the picture)")
    c.add_argument("--stride", type=options.whole, metavar="N", help="how far its places are apart (default: a quarter of it)")
    c.add_argument("--fill", type=float, metavar="X", help="its colour, from 0 to 1 (default: the picture's mean)")
    c.add_argument("--steps", type=options.whole, metavar="N", help="steps of maximise (default 128) and integrated (50)")
    c.add_argument("--l2", type=_amount, default=0.01, metavar="X", help="of maximise: how much large numbers count against it (default 0.01)")
    c.add_argument("--tv", type=_amount, default=0.001, metavar="X", help="how much differences of neighbours do (default 0.001)")
    c.add_argument("--blur", type=_amount, default=0.5, metavar="X", help="the width of its blur, in pixels (default 0.5)")
    c.add_argument("--jitter", type=_count, default=1, metavar="N", help="by how many pixels it is shaken (default 1)")
    c.add_argument("--by", choices=("pca", "tsne", "umap"), default="pca",
                   help="how a map is laid out (default pca; tsne needs scikit-learn, umap umap-learn)")
    c.add_argument("--seed", type=options.seed, default=0, help="of what begins at random (default 0)")
    c.add_argument("--theme", choices=("light", "dark"), default="light", help="the colours (default light; a page follows its reader)")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")


def run(args: Namespace) -> int:
    """Draw; what cannot be read of the pictures is said together at the end, and the exit code is then 1."""
    from ....diagnostics import Diagnostic, NetspecError
    from ....look.drawn.options import Options
    from ....look.kinds import plates
    from ....views.look.plates import writable
    from ...looked import network, pictures

    writable(args.output)
    if args.unit is not None and args.layer is None:
        raise UsageError("--unit is a channel of a layer, and no layer is named",
                         hint=f"--layer conv1 --unit {args.unit}   or, of the answer:   --class {args.unit}")
    net = network(args)
    wrong: list[Diagnostic] = []
    drawn = plates(net, [w for words in args.what for w in words], lambda: pictures(net, args.files, wrong),
                   Options(args.layer, args.unit, args.class_, args.top, args.window, args.stride, args.fill, args.steps,
                           args.l2, args.tv, args.blur, args.jitter, args.by, args.seed), args.theme)
    drawn.save(args.output)
    for plate in drawn.plates:
        say(plate.title)
    say(f"drew {shown(args.output)}")
    if wrong:
        raise NetspecError(*dict.fromkeys(wrong))
    return 0


def _words(text: str) -> list[str]:
    from ....diagnostics import near

    found = [w.strip() for w in text.split(",")]
    for w in found:
        if w not in WORDS:
            alike = near(w, WORDS)
            raise argparse.ArgumentTypeError(f"{shown(w)!r} is none of {', '.join(WORDS)}" + (f"; did you mean {alike}?" if alike else ""))
    return found


def _amount(text: str) -> float:
    try:
        x = float(text)
    except ValueError:
        x = -1.0
    if not 0 <= x < float("inf"):
        raise argparse.ArgumentTypeError(f"{shown(text)!r} is no number from 0 on")
    return x


def _count(text: str) -> int:
    return 0 if text == "0" else options.whole(text)
