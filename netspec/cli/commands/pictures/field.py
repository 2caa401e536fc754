"""`netspec field`: what one unit of a network sees."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace

from ....plain import shown
from ... import options
from ...nets import open_net
from ...telling import pass_on, say

ABOUT = "draw what one unit sees of the input, and of the layers on the way to it"
EXAMPLES = ("netspec field specs/lenet.net -o field.svg",
            "netspec field specs/vgg.net:vgg16 --unit stage3.conv3 --at 20,30 --picture cat.jpg -o field.png")
ALSO = ("receptive-field",)


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("--unit", metavar="LAYER",
                   help="the layer of the unit, by its name in the summary (default: the last one of more than one place)")
    c.add_argument("--at", type=_place, metavar="Y,X",
                   help="the unit's place in the layer (default: the middle); X for a sequence")
    c.add_argument("--source", metavar="INPUT", help="the input that is drawn, of several (default: the first that the unit sees)")
    c.add_argument("--picture", type=options.file, metavar="PHOTO", help="a photograph for the input to hold")
    options.picture(c)


def run(args: Namespace) -> int:
    from ....views.drawing.looks import THEMES
    from ....views.fields.drawn import beside, field, said

    options.drawable(args.output, "field")
    drawn = field(open_net(args), args.unit, args.at, args.picture, THEMES[args.theme], args.source)
    if args.output == "-":
        pass_on(drawn.svg)
        return 0
    drawn.save(args.output)
    sight = drawn.sight
    where = f" at {','.join(map(str, sight.at))}" if sight.at else ""
    say(f"{sight.unit}{where} sees {said(sight.planes[0], f' places of {sight.input}')}: drew {shown(args.output)}" + (f"; {beside(sight)}" if sight.others else ""))
    return 0


def _place(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,9}(\s*[,x]\s*\d{1,9})*", text.strip()):
        raise argparse.ArgumentTypeError(f"{shown(text.strip())!r} is no place: 3,4 is the fifth column of the fourth row")
    return tuple(map(int, re.split(r"[,x]", text)))
