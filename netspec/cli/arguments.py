"""The command line as a whole, and the help a newcomer reads. What each command takes stands with it, in commands/."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..terminal import columns
from .commands import commands, rooms

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


class _Parser(argparse.ArgumentParser):
    """argparse, which says in a line what is wrong, and what was probably meant."""

    examples: tuple[str, ...] = ()
    words: Sequence[str] = ()  # the command line as it was typed

    def error(self, message: str) -> NoReturn:
        from .misread import misread
        from .telling import tell

        also = {other: name for name, command in commands().items() for other in getattr(command, "ALSO", ())}
        tell([misread(message, self.prog, self._actions, self.words, self.examples, also)])
        self.exit(2)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What is left over was said to the command, which knows what it takes."""
        found, left = self.parse_known_args(args, namespace)
        if left:
            getattr(found, "parser", self).error(f"unrecognized arguments: {' '.join(left)}")
        return found

    mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """A command that takes a list of files takes them before and behind its options."""
        self.words = sys.argv[1:] if args is None else args
        lists = any(not a.option_strings and a.nargs in ("*", "+") for a in self._actions)
        if not lists or self.mixing:
            return super().parse_known_args(args, namespace)
        self.mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.mixing = False


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=30, width=min(100, columns(sys.stdout) or 100))

    def _format_action(self, action: argparse.Action) -> str:
        """The commands room by room."""
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        self._indent()
        told = ["".join((f"  {title or 'others'}:\n", *(super(_Formatter, self)._format_action(a)
                                                     for a in action._choices_actions if a.dest in names)))
                for title, names in rooms().items() if names]
        self._dedent()
        return "\n".join(told)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    p = _Parser(prog="netspec", description=ABOUT, epilog=EXITS, formatter_class=_Formatter)
    p.add_argument("--version", action=_Version, nargs=0, help="print the version")
    p.add_argument("--debug", action="store_true", help="show Python's traceback of any error (also NETSPEC_DEBUG=1)")
    every = p.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in commands().items():
        _command(every, name, command)
    return p


def joined(words: list[str]) -> list[str]:
    """The words of a command line, a list that a shell has taken apart in one piece again: --set width=[0.5, 1, 2]."""
    out: list[str] = []
    takes = 0  # brackets of the last word that are open
    for word in words:
        if takes > 0:
            out[-1] += f" {word}"
        else:
            out.append(word)
        takes = out[-1].count("[") - out[-1].count("]") if len(out) > 1 and out[-2] == "--set" else 0
    return out


def _command(every: Any, name: str, command: Any) -> None:
    label = "example" if len(command.EXAMPLES) == 1 else "examples"
    about = command.ABOUT
    c = every.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", formatter_class=_Formatter,
                            epilog=f"{label}:\n" + "\n".join("  " + e for e in command.EXAMPLES))
    c.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    command.arguments(c)
    c.examples = command.EXAMPLES
    c.set_defaults(run=command.run, parser=c)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from ..version import __version__

        print(f"netspec {__version__}")
        parser.exit()
