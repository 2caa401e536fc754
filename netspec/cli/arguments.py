"""What the commands are called, what they take, and the help a newcomer reads. Nothing of netspec is imported for it."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from ..limits import COUNT, SEED
from ..plain import shown

ABOUT = """\
netspec: write a convolutional network as a page of text; check it, count it, draw it, train it.

  netspec check   my.net            find every mistake, at the line that made it
  netspec summary my.net            shapes, parameters and multiply-accumulates, layer by layer
  netspec draw    my.net -o my.svg  an architecture diagram
  netspec train   my.net            compile it to machine code and train it
"""
EXITS = """\
FILE:NET names one net of a file: specs/resnet.net:resnet50. Without :NET the only net that needs no
arguments is meant. FILE may be - for standard input.
Exit codes: 0 fine, 1 the spec or the data has errors, 2 netspec was used wrongly, 74 standard output
cannot be written, 130 interrupted.
"""


# Commands as other tools call them.
MEANT = {"format": "fmt", "lint": "check", "validate": "check", "fit": "train", "plot": "draw", "render": "draw",
         "info": "summary", "compile": "emit", "export": "emit", "compare": "diff", "help": "explain"}


class _Parser(argparse.ArgumentParser):
    """argparse, which says what was probably meant."""

    def error(self, message: str) -> NoReturn:
        from ..diagnostics import near

        choice = re.search(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)", message)
        odd = re.fullmatch(r"unrecognized arguments: (--[\w-]+).*", message)
        pool = re.findall(r"[\w-]+", choice[2]) if choice else [o for o in self._every_option()
                                                                if o.startswith("--")] if odd else []
        said = choice or odd
        alike = (MEANT.get(said[1]) if choice and MEANT.get(said[1]) in pool else near(said[1], pool)) if said else None
        # the message may repeat what was typed
        super().error(shown(message, lines=True) + (f"\ndid you mean `{alike}`?" if alike else ""))

    def _every_option(self) -> list[str]:
        """Those of the commands as well."""
        out: list[str] = []
        for a in self._actions:
            out += a.option_strings
            if isinstance(a, argparse._SubParsersAction):
                out += [o for c in a.choices.values() for o in c._option_string_actions]
        return out


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=30, width=100)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    p = _Parser(prog="netspec", description=ABOUT, epilog=EXITS, formatter_class=_Formatter)
    p.add_argument("--version", action=_Version, nargs=0, help="print the version")
    p.add_argument("--debug", action="store_true", help="show Python's traceback of any error (also NETSPEC_DEBUG=1)")
    commands = p.add_subparsers(title="commands", metavar="COMMAND", required=True)

    c = _command(commands, "check", "look_at:check", "find every mistake in specs, without running anything",
                 "netspec check specs/*.net", "netspec check --strict --format github my.net")
    c.add_argument("files", nargs="+", metavar="FILE[:NET]",
                   help="specs to check, each whole (:NET must be one of its nets); - is standard input")
    c.add_argument("--format", choices=("text", "json", "github"), default="text",
                   help="text for people (default), json, or github annotations")
    c.add_argument("--strict", action="store_true", help="warnings, and pixels that a stride leaves over, are errors")

    c = _command(commands, "summary", "look_at:summary", "shapes, parameters and multiply-accumulates of every layer",
                 "netspec summary specs/resnet.net:resnet50", "netspec summary my.net --set classes=10 --format json",
                 "netspec summary specs/vgg.net:vgg16 --receptive-field")
    _net(c)
    c.add_argument("--format", choices=("text", "json"), default="text", help="a table (default) or json")
    c.add_argument("--receptive-field", action="store_true", help="also what each value sees of the input: size, /stride, @start")
    c.add_argument("--memory", action="store_true", help="also the bytes that training and prediction take on the CPU")
    _precision(c)

    c = _command(commands, "diff", "look_at:diff", "what two nets differ in; the exit code is 1 where they do",
                 "netspec diff specs/resnet.net:resnet18 specs/resnet.net:resnet34", "netspec diff old.net new.net")
    c.add_argument("first", metavar="FILE[:NET]", help="a net")
    c.add_argument("second", metavar="FILE[:NET]", help="another")
    c.add_argument("--format", choices=("text", "json"), default="text", help="a report (default) or json")

    c = _command(commands, "draw", "look_at:draw", "draw an architecture diagram",
                 "netspec draw specs/unet.net -o unet.svg", "netspec draw specs/resnet.net:resnet18 -o resnet18.png --right")
    _net(c)
    c.add_argument("-o", "--output", type=_file, required=True, metavar="PICTURE",
                   help="where to: .svg, .png (needs netspec-nn[viz]) or .dot; - writes DOT text to standard output")
    c.add_argument("--right", action="store_true", help="let the network flow to the right instead of down")

    c = _command(commands, "train", "learn:train", "train a net as its `train` section says",
                 "netspec train specs/digits.net", "netspec train specs/digits.net --epochs 3 --seed 1 --out digits.safetensors")
    _net(c)
    c.add_argument("--data", metavar="DATA",
                   help="what to train on instead of what the train section names: digits, or a path, wherever it lies")
    c.add_argument("--epochs", type=_whole, metavar="N", help="how often to go through the data in all; schedules end there")
    group = c.add_mutually_exclusive_group()
    group.add_argument("--batch", type=_whole, metavar="N", help="samples in a step")
    group.add_argument("--memory", metavar="SIZE", help="the largest batch that trains in so much: --memory 8GB")
    c.add_argument("--seed", type=_seed, metavar="N",
                   help="of the first weights, dropout and the order of the data (default 0; with --resume, that of the file)")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")
    c.add_argument("--threads", type=_whole, metavar="N", help="CPU threads; results do not depend on it")
    c.add_argument("--dtype", choices=("float32", "float64"), help="of all numbers (default float32)")
    _precision(c)
    c.add_argument("--out", type=_file, metavar="FILE",
                   help="where to save the weights (default NET.safetensors); an earlier run's are kept as NET.previous.safetensors")
    c.add_argument("--resume", type=_file, metavar="FILE", help="go on from saved weights, exactly as if there had been no pause")
    c.add_argument("--quiet", action="store_true", help="no progress display")

    c = _command(commands, "verify", "learn:verify", "check that a net computes what its text says, on this machine",
                 "netspec verify specs/lenet.net", "netspec verify specs/resnet.net:resnet18 --input 3x64x64")
    _net(c)
    c.add_argument("--batch", type=_whole, default=3, metavar="N", help="samples to run (default 3)")
    c.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="whose kernels to check (default cpu)")
    c.add_argument("--data", metavar="DATA",
                   help="what to measure convolutions on: digits, or a path (default: the train section's data, else Gaussian numbers)")
    c.add_argument("--seed", type=_seed, default=0, metavar="N", help="of weights, samples and directions (default 0)")
    _precision(c)

    c = _command(commands, "show", "look_at:show", "print a stage of the way from text to kernels",
                 "netspec show graph specs/lenet.net", "netspec show program specs/lenet.net --after fuse")
    c.add_argument("stage", choices=("tree", "graph", "program", "kernels"),
                   help="the syntax tree, the graph of layers, the program of formulas, or the kernels")
    _net(c)
    c.add_argument("--after", metavar="PASS",
                   help="show the program as this pass leaves it: lower, differentiate, fuse, plan_memory ...")
    c.add_argument("--entry", choices=("predict", "gradients"), default="predict",
                   help="the program that predicts (default), or the one that trains")
    c.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="whose kernels (default cpu)")
    _precision(c)

    c = _command(commands, "emit", "look_at:emit",
                 "write a net as one readable Python module that runs with numpy and numba alone",
                 "netspec emit specs/lenet.net -o lenet.py")
    _net(c)
    c.add_argument("-o", "--output", type=_file, metavar="FILE.py", default="-",
                   help="where to, a file whose name ends in .py (default: standard output)")
    _precision(c)

    c = _command(commands, "fmt", "look_at:fmt", "put specs in the canonical form",
                 "netspec fmt specs/*.net", "netspec fmt --check --diff my.net", "cat my.net | netspec fmt -")
    c.add_argument("files", nargs="+", metavar="FILE",
                   help="specs to rewrite in place; - reads standard input and prints the result")
    c.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file would change")
    c.add_argument("--diff", action="store_true", help="change nothing; print what would change")

    c = _command(commands, "explain", "look_at:explain", "explain a layer, a loss, an optimiser, or the code of an error",
                 "netspec explain conv", "netspec explain shape-mismatch")
    c.add_argument("word", nargs="?", metavar="WORD",
                   help="what to explain; without it, everything that can be explained is listed")
    return p


def _command(commands: Any, name: str, run: str, about: str, *examples: str) -> argparse.ArgumentParser:
    label = "example" if len(examples) == 1 else "examples"
    c: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".",
                                                     formatter_class=_Formatter,
                                                     epilog=f"{label}:\n" + "\n".join("  " + e for e in examples))
    c.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    c.set_defaults(run=run)
    return c


def _net(c: argparse.ArgumentParser) -> None:
    c.add_argument("net", metavar="FILE[:NET]", help="a spec, and which of its nets; - is standard input")
    c.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=VALUE",
                   help="a parameter of the net: --set classes=10")
    c.add_argument("--input", action="append", default=[], dest="inputs", metavar="SHAPE",
                   help="the size of the input: --input 3x224x224, or NAME=SHAPE")


def _precision(c: argparse.ArgumentParser) -> None:
    c.add_argument("--precision", metavar="WORD", type=_precise,
                   help="float32 (default; convolutions may be transformed) or exact; wins over the train section")


def _precise(text: str) -> str:
    from ..ir.precision import refusal

    if refused := refusal(text):
        raise argparse.ArgumentTypeError(refused[0])
    return text


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from ..version import __version__

        print(f"netspec {__version__}")
        parser.exit()


def _whole(text: str) -> int:
    try:
        n = int(text)
    except ValueError:
        n = 0
    if not 1 <= n <= COUNT:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is not a whole number from 1 to {COUNT:,}")
    return n


def _seed(text: str) -> int:
    try:
        n = int(text)
    except ValueError:
        n = SEED
    if abs(n) >= SEED:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is not a whole number below 2^{SEED.bit_length() - 1}")
    return n


def _file(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{_cut(text)} is no name of a file")
    return text


def _cut(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
