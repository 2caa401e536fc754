"""`netspec lsp`: what editors talk to."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ....diagnostics import UsageError

ABOUT = "serve editors: mistakes, numbers, completion, names (Language Server Protocol)"
EXAMPLES = ("netspec lsp",)
ALSO = ("language-server", "langserver")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("--stdio", action="store_true", help="talk on standard input and output, which it does anyway")


def run(args: Namespace) -> int:
    """Talk to an editor until it says that it is done."""
    try:
        from ....language_server.serving import serve
    except ImportError as e:
        if (e.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError("editors are served with pygls", hint="pip install 'netspec-nn[lsp]'") from None
    return serve()
