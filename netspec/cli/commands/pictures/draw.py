"""`netspec draw`: an architecture diagram."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import UsageError
from ....plain import shown
from ....reading import irregular
from ... import options
from ...nets import open_net
from ...telling import pass_on, say

ABOUT = "draw an architecture diagram"
EXAMPLES = ("netspec draw specs/unet.net -o unet.svg", "netspec draw specs/resnet.net:resnet18 -o resnet18.png --right",
            "netspec draw specs/resnet.net:resnet50 -o stage.pdf --focus stage2 --page a4",
            "netspec draw specs/resnet.net:resnet50 -o resnet50.html",
            "netspec draw specs/alexnet.net:alexnet --style volume -o alexnet.svg")
ALSO = ("plot", "render")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="PICTURE",
                   help="where to: .svg, .png or .pdf (these need netspec-nn[viz]), .dot, or .html, a page to explore; - writes DOT "
                        "text to standard output")
    c.add_argument("--profile", type=options.file, metavar="TIMES",
                   help="for .html: the times of its layers, from netspec bench -o TIMES")
    c.add_argument("--style", metavar="STYLE", default="diagram",
                   help="a diagram of boxes (default); volume: volumes in perspective, as papers draw AlexNet, VGG and U-Net; or "
                        "blocks: those of each stage, as the table of ResNet's paper. The last two also as .tex, which is TikZ")
    c.add_argument("--right", action="store_true", help="let the network flow to the right instead of down")
    c.add_argument("--depth", type=options.whole, metavar="N",
                   help="how deep blocks are open: 1 closes all, 2 opens the outermost (default: as deep as can be read on A4)")
    c.add_argument("--open", action="append", default=[], metavar="PATH", help="open this block too; may be given again")
    c.add_argument("--focus", metavar="PATH", help="draw this block alone, with what goes in and comes out")
    c.add_argument("--page", metavar="SIZE", help="fit a page: a4, letter, slide, or width and height: 120x80mm, 6.5x9in")
    c.add_argument("--theme", metavar="THEME", default="light", help="light (default), dark or transparent")


def run(args: Namespace) -> int:
    from ....views.drawing import files
    from ....views.drawing.pages import READABLE

    path = Path(args.output)
    asked = files.wanted(args.style, "right" if args.right else "down", args.depth, args.open, args.focus, args.page, args.theme)
    endings = files.endings(args.style)
    if args.output != "-" and path.suffix.lower() not in endings:
        if path.suffix.lower() == ".tex":
            raise UsageError(f"TikZ is written of the styles volume and blocks, not of style {args.style}",
                             hint=f"--style volume -o {shown(args.output)}")
        raise UsageError(f"a picture is written as {', '.join(endings)}, not as {shown(args.output)}",
                         hint=f"-o {path.with_suffix('.svg') if path.name and irregular(path) is None else 'net.svg'}")
    if args.profile is not None and path.suffix.lower() != ".html":
        raise UsageError("times are shown in a page to explore, and by no picture",
                         hint=f"-o {shown(path.with_suffix('.html').name)}" if path.name else "-o net.html")
    graph = open_net(args)
    if args.output == "-":
        made = files.made(graph, args.style, asked)
        pass_on(made.dot if args.style == "diagram" else made.svg)
    else:
        size = files.draw_into(graph, args.output, asked, args.style, args.profile)
        say(f"drew {graph.name} to {shown(args.output)}")
        if size is not None and size < READABLE - 0.05:
            say(f"its smallest text is {size:.1f} pt on this page")
    return 0
