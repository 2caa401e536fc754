"""The command line: `netspec COMMAND ...`. Everything a command needs is imported when it runs, so that `--help` is quick.

Exit codes: 0 fine, 1 the spec or the data has errors, 2 netspec was used wrongly, 70 netspec itself is broken,
130 interrupted. What a program reads goes to standard output, messages for people to standard error.
"""

from __future__ import annotations

import os
import sys

from .arguments import parser

BROKEN = 70
INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from ..diagnostics import NetspecError, UsageError
    from .telling import tell

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show × shows ?
    words = sys.argv[1:] if argv is None else argv
    args = parser().parse_args([f" {w}" if w.startswith("-:") else w for w in words])  # -:NET is standard input, no option
    debug = args.debug or os.environ.get("NETSPEC_DEBUG", "") not in ("", "0")
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    except NetspecError as e:
        if debug:
            raise
        tell(e.diagnostics)
        return 2 if isinstance(e, UsageError) else 1
    except KeyboardInterrupt:
        print("\nnetspec: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has gone: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:
        if debug:
            raise
        _broken(e)
        return BROKEN


def _run(args: object) -> int:
    from importlib import import_module

    module, _, function = args.run.partition(":")  # type: ignore[attr-defined]
    return int(getattr(import_module(f".{module}", __name__), function)(args))


def _broken(e: Exception) -> None:
    """An exception that is no NetspecError is our mistake, and says so."""
    from .. import __version__
    from ..plain import shown

    text = str(e).splitlines()
    print(f"netspec: internal error: {type(e).__name__}{': ' + shown(text[0]) if text else ''}\n"
          f"This is a mistake in netspec {__version__}, not in your spec. Please report it with the spec, the command, and what\n"
          "the command prints when run again with --debug.", file=sys.stderr)


__all__ = ["main"]
