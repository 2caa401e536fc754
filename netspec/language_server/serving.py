"""The process of `netspec lsp`: standard input and output, threads, and how it ends."""

from __future__ import annotations

import logging
import os
import sys
import threading

from pygls.exceptions import JsonRpcContentModified

from .protocol import Refused
from .server import Server


def _of_ours(record: logging.LogRecord) -> bool:
    """Whether what pygls wants to log is a fault: a refusal is an answer."""
    return record.exc_info is None or not isinstance(record.exc_info[1], (Refused, JsonRpcContentModified))


def serve() -> int:
    """Answer until the editor says `exit` or is gone. The exit code: 1 where it did not say `shutdown` before."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not speak in between
    sys.setrecursionlimit(12_000)  # of all threads, so that none puts it back while another one needs it
    sys.setswitchinterval(0.001)  # seconds: a check lets answers pass
    threading.stack_size(64 * 2**20)
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_of_ours)
    server = Server()
    server.start_io(stdin, stdout)
    code = 0 if server.protocol._shutdown else 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:  # in the middle of a check, which nobody waits for
            sys.stderr.flush()
            os._exit(code)
    return code
