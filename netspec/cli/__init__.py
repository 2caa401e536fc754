"""The command line: `netspec COMMAND ...`. Each command is a file of commands/, and imports what is heavy when it runs, so that
`--help` is quick.

Exit codes: 0 fine (also where whoever reads the output has seen enough), 1 the spec or the data has errors, or there is not
the memory, 2 netspec was used wrongly, 70 netspec itself is broken, 74 standard output cannot be written, 130 interrupted,
143 terminated. Standard error that cannot be written changes no exit code. What a program reads goes to standard output,
messages for people to standard error.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import nullcontext

from .arguments import joined, parser

BROKEN = 70
UNWRITTEN = 74
INTERRUPTED = 130
TERMINATED = 143


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from .streams import Gone, Unwritten, guarded

    with guarded():
        try:
            try:
                return _command(sys.argv[1:] if argv is None else argv)
            finally:
                sys.stdout.flush()
        except Gone:  # nothing is wrong
            return 0
        except Unwritten as e:
            print(f"netspec: standard output cannot be written: {e}", file=sys.stderr)
            return UNWRITTEN


def _command(words: list[str]) -> int:
    from ..diagnostics import NetspecError, UsageError
    from .ending import Terminated
    from .streams import Gone, Unwritten
    from .telling import tell
    from .waits import waits_shown

    values = re.compile(r"-:|-[\d.]+,")  # -:NET is standard input and -1,2 are numbers, no options
    args = parser().parse_args([f" {w}" if values.match(w) else w for w in joined(words)])
    args.words = words
    debug = args.debug or os.environ.get("NETSPEC_DEBUG", "") not in ("", "0")
    try:
        with nullcontext() if getattr(args, "quiet", False) else waits_shown():
            return int(args.run(args))
    except NetspecError as e:
        if debug:
            raise
        tell(e.diagnostics)
        return 2 if isinstance(e, UsageError) else BROKEN if _ours(e) else 1
    except KeyboardInterrupt as e:
        terminated = isinstance(e, Terminated)
        print(f"\nnetspec: {'terminated' if terminated else 'interrupted'}", file=sys.stderr)
        return TERMINATED if terminated else INTERRUPTED
    except (Gone, Unwritten):
        raise
    except MemoryError as e:
        if debug:
            raise
        print(f"netspec: not enough memory{f': {e}' if str(e) else ''}", file=sys.stderr)
        return 1
    except Exception as e:
        if debug:
            raise
        _broken(e)
        return BROKEN


def _ours(e: Exception) -> bool:
    """Whether a mistake is of the code of a word that lies in the package."""
    from ..words import WordFault

    return isinstance(e, WordFault) and e.packaged


def _broken(e: Exception) -> None:
    """An exception that is no NetspecError is our mistake, and says so."""
    from ..plain import shown
    from ..version import __version__

    text = str(e).splitlines()
    print(f"netspec: internal error: {type(e).__name__}{': ' + shown(text[0]) if text else ''}\n"
          f"This is a mistake in netspec {__version__}, not in your spec. Please report it with the spec, the command, and what\n"
          "the command prints when run again with --debug.", file=sys.stderr)


__all__ = ["main"]
