"""`netspec fmt`: specs in the canonical form."""

from __future__ import annotations

import errno
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import Diagnostic, NetspecError, unwritable
from ....plain import shown
from ...telling import pass_on, say

ABOUT = "put specs in the canonical form"
EXAMPLES = ("netspec fmt specs/*.net", "netspec fmt --check --diff my.net", "cat my.net | netspec fmt -")
ALSO = ("format",)


def arguments(c: ArgumentParser) -> None:
    c.add_argument("files", nargs="+", metavar="FILE",
                   help="specs to rewrite in place; - reads standard input and prints the result")
    c.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file would change")
    c.add_argument("--diff", action="store_true", help="change nothing; print what would change")


def run(args: Namespace) -> int:
    """Rewrite specs in the canonical form; `-` is a filter. A file that cannot be read is reported, and the others done."""
    mistakes: list[Diagnostic] = []
    changed = 0
    for file in args.files:
        try:
            changed += _format(file, args)
        except NetspecError as e:
            mistakes += e.diagnostics
    if mistakes:
        raise NetspecError(*mistakes)
    return 1 if changed and args.check else 0


def _format(file: str, args: Namespace) -> bool:
    """Whether the file is not in canonical form."""
    from ....syntax.formatter import format_source
    from ....syntax.load import read_source

    source = read_source(file, packaged=False)  # what comes with netspec is not the user's to rewrite
    text = format_source(source)
    differs = text != source.text
    if args.diff and differs:
        import difflib

        lines = difflib.unified_diff(source.text.splitlines(True), text.splitlines(True), shown(source.name),
                                     shown(source.name) + " (formatted)")
        pass_on("".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines))
    if file == "-" and not (args.check or args.diff):
        pass_on(text)
    elif differs and args.check and not args.diff:
        say(f"{shown(file)}: would change")
    elif differs and not (args.check or args.diff):
        _replace(Path(file).resolve(), text)
        say(f"{shown(file)}: formatted")
    return differs


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever interrupts a rewrite keeps the old one. What nobody may write stays."""
    if not (path.stat().st_mode & 0o222 and os.access(path, os.W_OK)):
        raise unwritable(path, PermissionError(errno.EACCES, "it is read-only"))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.chmod(path.stat().st_mode)
        os.replace(beside, path)
    except OSError as e:
        beside.unlink(missing_ok=True)
        raise unwritable(path, e) from None
