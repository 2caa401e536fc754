"""Arguments that several commands take. Nothing of netspec that is heavy is imported for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..diagnostics import UsageError
from ..limits import COUNT, SEED


def net(c: argparse.ArgumentParser, optional: bool = False) -> None:
    """FILE[:NET] and what it is made for; `nets.open_net` opens it."""
    c.add_argument("net", metavar="FILE[:NET]", nargs="?" if optional else None,
                   help="a spec, and which of its nets; or a run, or a checkpoint; - is standard input")
    c.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=VALUE",
                   help="a parameter of the net: --set classes=10")
    c.add_argument("--input", action="append", default=[], dest="inputs", metavar="SHAPE",
                   help="the size of the input: --input 3x224x224, or NAME=SHAPE")


def picture(c: argparse.ArgumentParser, required: bool = True) -> None:
    """Where a picture goes, and how it looks."""
    c.add_argument("-o", "--output", type=file, required=required, metavar="PICTURE",
                   help="where to: .svg, .png or .pdf (these need netspec-nn[viz]); - writes SVG text to standard output")
    c.add_argument("--theme", choices=("light", "dark", "transparent"), default="light", help="the colours (default light)")


def drawable(output: str, name: str) -> None:
    """Refuse the ending of a picture before anything is computed; `name` is what it might be called."""
    from ..reading import irregular
    from ..views.drawing.sheet import ENDINGS

    path = Path(output)
    if output != "-" and path.suffix.lower() not in ENDINGS:
        raise UsageError(f"a picture is written as {', '.join(ENDINGS)}, not as {output}",
                         hint=f"-o {path.with_suffix('.svg') if path.name and irregular(path) is None else f'{name}.svg'}")


def table(c: argparse.ArgumentParser) -> None:
    """How a table is written."""
    c.add_argument("--format", choices=("text", "md", "csv", "latex", "html", "json"), default="text",
                   help="text as wide as the terminal (default), Markdown, CSV, LaTeX, a page of HTML, or json")


def precision(c: argparse.ArgumentParser) -> None:
    c.add_argument("--precision", metavar="WORD", type=_precise,
                   help="float32 (default; convolutions may be transformed) or exact; wins over the train section")


def preparation(c: argparse.ArgumentParser) -> None:
    """What another program's weights want of a picture, which a spec may not say."""
    c.add_argument("--prepare", dest="preparations", action="append", metavar="LINE",
                   help="how pictures in [0, 1] are prepared for a spec's weights, as a train section says it: "
                        "--prepare 'standardise mean=[0.485, 0.456, 0.406] std=[0.229, 0.224, 0.225]'")


def views(c: argparse.ArgumentParser) -> None:
    """What a network is shown of each example; the answer is the mean."""
    c.add_argument("--ten-crop", action="store_true",
                   help="ten parts of each picture, somewhat larger than they: the corners, the middle, their mirror images")
    c.add_argument("--flip", action="store_true", help="each picture and its mirror image")


def _precise(text: str) -> str:
    from ..ir.precision import refusal

    if refused := refusal(text):
        raise argparse.ArgumentTypeError(refused[0])
    return text


def whole(text: str) -> int:
    """A whole number, at least one."""
    try:
        n = int(text)
    except ValueError:
        n = 0
    if not 1 <= n <= COUNT:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is not a whole number from 1 to {COUNT:,}")
    return n


def seconds(text: str) -> float:
    """A time, greater than 0 and below a million, which is eleven days."""
    try:
        n = float(text)
    except ValueError:
        n = 0.0
    if not 0 < n < 1e6:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is no number of seconds")
    return n


def seed(text: str) -> int:
    try:
        n = int(text)
    except ValueError:
        n = SEED
    if not 0 <= n < SEED:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is not a whole number from 0 to 2^{SEED.bit_length() - 1} - 1")
    return n


def seeds(text: str) -> tuple[int, ...]:
    """`0..4`, both ends included, or `0,1,2`."""
    first, dots, last = text.partition("..")
    found = range(seed(first), seed(last) + 1) if dots else [seed(t) for t in text.split(",")]
    if found[1000:1001] or len(set(found)) < max(2, len(found)):
        raise argparse.ArgumentTypeError(f"{_cut(text)} is not several different seeds: 0..4, or 0,1,2")
    return tuple(found)


def folds(text: str) -> int:
    n = whole(text)
    if n < 2:
        raise argparse.ArgumentTypeError("there are two folds at least")
    return n


def file(text: str) -> str:
    """What may be the name of a file."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is no name of a file")
    return text


def _cut(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
