"""`netspec emit`: a net as one Python module."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...diagnostics import UsageError, unwritable
from ...plain import shown
from ...reading import irregular, write
from .. import options
from ..nets import open_net
from ..telling import pass_on, say

ABOUT = "write a net as one readable Python module that runs with numpy and numba alone"
EXAMPLES = ("netspec emit specs/lenet.net -o lenet.py",)
ALSO = ("compile", "export")


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("-o", "--output", type=options.file, metavar="FILE.py", default="-",
                   help="where to, a file whose name ends in .py (default: standard output)")
    options.precision(c)


def run(args: Namespace) -> int:
    """One readable module that runs with NumPy and Numba alone."""
    from ..programs import standalone_text

    path = Path(args.output)
    # a pipe or a device may be called anything
    if args.output != "-" and path.suffix.lower() != ".py" and irregular(path) in (None, "a folder"):
        raise UsageError(f"emit writes a Python module, and {args.output} would not be one by its name",
                         hint=f"-o {path.with_suffix('.py') if path.name else 'net.py'}")
    text = standalone_text(open_net(args), args)
    if args.output == "-":
        pass_on(text)
    else:
        try:
            write(args.output, text.encode())
        except (OSError, ValueError) as e:
            raise unwritable(args.output, e) from None
        say(f"wrote {shown(args.output)}: {len(text.splitlines())} lines")
    return 0
