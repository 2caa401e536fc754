"""`netspec draw`: an architecture diagram."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ...diagnostics import UsageError
from ...plain import shown
from ...reading import irregular
from .. import options
from ..nets import open_net
from ..telling import pass_on, say

if TYPE_CHECKING:
    from ...views.drawing.diagram import Direction

ABOUT = "draw an architecture diagram"
EXAMPLES = ("netspec draw specs/unet.net -o unet.svg", "netspec draw specs/resnet.net:resnet18 -o resnet18.png --right",
            "netspec draw specs/resnet.net:resnet50 -o resnet50.html",
            "netspec draw specs/alexnet.net:alexnet --style volume -o alexnet.svg")
ALSO = ("plot", "render")
STYLES = ("diagram", "volume", "blocks")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="PICTURE",
                   help="where to: .svg, .png (needs netspec-nn[viz]), .dot, or .html, a page to explore; - writes DOT text to standard "
                        "output")
    c.add_argument("--style", choices=STYLES, default="diagram",
                   help="a diagram of boxes (default); volumes in perspective, as papers draw AlexNet, VGG and U-Net; or the blocks of "
                        "each stage, as the table of ResNet's paper. The last two also as .tex, which is TikZ")
    c.add_argument("--profile", type=options.file, metavar="TIMES",
                   help="for .html: the times of its layers, from netspec bench -o TIMES")
    c.add_argument("--right", action="store_true", help="let the network flow to the right instead of down")


def run(args: Namespace) -> int:
    from ...views.drawing import diagram

    path = Path(args.output)
    if args.style != "diagram":
        return _figure(args)
    if path.suffix.lower() == ".html":
        return _interactive(args)
    if args.profile is not None:
        raise UsageError("times are shown in a page to explore, and by no picture",
                         hint=f"-o {shown(path.with_suffix('.html').name)}")
    _drawable(args.output, diagram.ENDINGS)
    graph = open_net(args)
    direction: Direction = "right" if args.right else "down"
    if args.output == "-":
        pass_on(diagram.diagram(graph, direction).dot)
    else:
        diagram.draw(graph, args.output, direction)
        say(f"drew {graph.name} to {shown(args.output)}")
    return 0


def _interactive(args: Namespace) -> int:
    from ...views.interactive.page import write_page

    graph = open_net(args)
    write_page(graph, args.output, args.profile)
    say(f"drew {graph.name} to {shown(args.output)}")
    return 0


def _figure(args: Namespace) -> int:
    """A figure for a paper."""
    from ...views.figures.figure import ENDINGS, Figure

    if args.right or args.profile is not None:
        raise UsageError(f"{'--right' if args.right else '--profile'} is for diagrams, and has no meaning beside --style {args.style}")
    _drawable(args.output, ENDINGS)
    graph = open_net(args)
    figure = Figure(graph, args.style)
    if args.output == "-":
        pass_on(figure.svg)
    else:
        figure.save(args.output)
        say(f"drew {graph.name} to {shown(args.output)}")
    return 0


def _drawable(output: str, endings: tuple[str, ...]) -> None:
    """Refuse an ending before anything is computed."""
    path = Path(output)
    if output != "-" and path.suffix.lower() not in endings:
        raise UsageError(f"a picture is written as {', '.join(endings)}, not as {output}",
                         hint=f"-o {path.with_suffix('.svg') if path.name and irregular(path) is None else 'net.svg'}")
