"""How long `netspec lsp` takes to answer on pages of 2,000 lines: milliseconds until the answer, and of the server's processor.

    python benchmarks/language_server.py [PAGE...]

Each page is opened, every question asked once ("first"), and then again right after each of several edits in its middle ("edit",
the median and the worst). The bar is 100 ms. On a machine that does other things too the time until the answer says little, and
that of the processor, of all the server's threads until the answer, much. Linux only, which tells the processor's.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

LINES = 2_000
EDITS = 7
URI = "file:///nowhere/page.net"


def one_net() -> str:
    head = ["net long:", "  input 8x32x32"]
    return "\n".join([*head, *(f"  l{k}: conv 8 3x3 bn -> relu" for k in range(LINES - len(head)))]) + "\n"


def many_nets() -> str:
    def net(k: int) -> str:
        lines = [f"  conv {8 * (1 + j % 3)} 3x3 bn relu" for j in range(6)]
        return "\n".join([f"net n{k}:", "  input 3x32x32", *lines, "  avgpool global", ""])

    return "\n".join(net(k) for k in range(LINES // 10))


def many_blocks() -> str:
    def block(k: int) -> str:
        return "\n".join([f"block b{k}(n, stride=1):", "  residual:", "    conv n 3x3 /stride bn relu",
                          f"    m{k}: conv n 3x3 bn", "  shortcut if stride != 1: conv n 1x1 /stride bn", "  relu", f"  @m{k}", "  relu", "", ""])

    n = LINES // 11
    calls = [f"  u{k}: b{k} 8" for k in range(n)]
    return "".join(block(k) for k in range(n)) + "\n".join(["net all:", "  input 8x16x16", *calls, ""])


def deep() -> str:
    """Bodies in bodies, down to thirty levels and back."""
    lines = ["net deep:", "  input 8x16x16"]
    while len(lines) < LINES:
        for k in range(30):
            lines.append("  " * (k + 1) + ("residual:" if k % 2 else f"s{k}x{len(lines)}:"))
        lines += ["  " * (k + 1) + "conv 8 3x3 bn relu" for k in range(30, 0, -1)]
    return "\n".join(lines[:LINES - LINES % 60 + 2]) + "\n"


def long_lines() -> str:
    step = " -> ".join(["conv 8 3x3 bn relu", "conv 8 1x1", "dropout 0.1"] * 3)
    return "\n".join(["net wide:", "  input 8x16x16", *(f"  l{k}: {step}" for k in range(LINES - 2))]) + "\n"


PAGES: dict[str, Callable[[], str]] = {"one net": one_net, "many nets": many_nets, "many blocks": many_blocks,
                                       "deep": deep, "long lines": long_lines}


class Session:
    """A server, and what it says on its standard output."""

    def __init__(self) -> None:
        self.server = subprocess.Popen([sys.executable, "-m", "netspec", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.count = 0
        self.told: list[dict[str, Any]] = []
        self.ask("initialize", {"capabilities": {}, "processId": None, "rootUri": None})
        self.tell("initialized", {})

    def cpu(self) -> float:
        """Seconds of the processor that the server has had."""
        return time.clock_gettime((~self.server.pid << 3) | 2)

    def send(self, message: dict[str, Any]) -> None:
        assert self.server.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.server.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.server.stdout is not None
        length = 0
        while (line := self.server.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        found: dict[str, Any] = json.loads(self.server.stdout.read(length))
        return found

    def tell(self, method: str, params: dict[str, Any]) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self.count += 1
        self.send({"id": self.count, "method": method, "params": params})
        while (answer := self.receive()).get("id") != self.count:
            self.told.append(answer)
        return answer.get("result")

    def checked(self) -> list[Any]:
        """What the next check says."""
        while True:
            for k, one in enumerate(self.told):
                if one.get("method") == "textDocument/publishDiagnostics":
                    del self.told[: k + 1]
                    return list(one["params"]["diagnostics"])
            self.told.append(self.receive())

    def timed(self, ask: Callable[[], Any]) -> tuple[float, float]:
        """Milliseconds until the answer, and of the processor's."""
        began, cpu = time.perf_counter(), self.cpu()
        ask()
        return 1e3 * (time.perf_counter() - began), 1e3 * (self.cpu() - cpu)


def questions(text: str, line: int) -> Iterator[tuple[str, dict[str, Any]]]:
    doc, at = {"textDocument": {"uri": URI}}, text.split("\n")[line]
    where = {**doc, "position": {"line": line, "character": len(at) - len(at.lstrip())}}
    view = {**doc, "range": {"start": {"line": line - 25, "character": 0}, "end": {"line": line + 25, "character": 0}}}
    yield "documentSymbol", doc
    yield "foldingRange", doc
    yield "completion", where
    yield "documentHighlight", where
    yield "definition", where
    yield "references", {**where, "context": {"includeDeclaration": True}}
    yield "prepareRename", where
    yield "hover", where
    yield "inlayHint", view
    yield "codeLens", doc
    yield "formatting", {**doc, "options": {"tabSize": 2, "insertSpaces": True}}


def measure(text: str) -> dict[str, tuple[list[float], list[float]]]:
    """For each question milliseconds until the answer, and of the processor: the first time, and after each edit.
    "check" is until the mistakes are said."""
    s = Session()
    lines = text.split("\n")
    line = next(k for k in range(len(lines) // 2, len(lines)) if "conv" in lines[k])
    column = lines[line].index("conv") + len("conv")
    place = {"line": line, "character": column}
    version = 1

    def edit() -> None:
        """A letter too many, and away with it."""
        nonlocal version
        version += 1
        wrong = version % 2 == 0
        end = place if wrong else {"line": line, "character": column + 1}
        s.tell("textDocument/didChange", {"textDocument": {"uri": URI, "version": version}, "contentChanges": [
            {"range": {"start": place, "end": end}, "text": "x" if wrong else ""}]})

    found: dict[str, tuple[list[float], list[float]]] = {}

    def note(name: str, ask: Callable[[], Any]) -> None:
        for own, one in zip(found.setdefault(name, ([], [])), s.timed(ask)):
            own.append(one)

    s.tell("textDocument/didOpen", {"textDocument": {"uri": URI, "languageId": "netspec", "version": 1, "text": text}})
    for name, params in questions(text, line):
        note(name, partial(s.ask, f"textDocument/{name}", params))
    for _ in range(EDITS):
        for name, params in questions(text, line):
            edit()
            note(name, partial(s.ask, f"textDocument/{name}", params))
    s.checked()
    for _ in range(EDITS):
        edit()
        note("check", s.checked)
    s.ask("shutdown", {})
    s.tell("exit", {})
    s.server.wait()
    return found


def main() -> None:
    for page in sys.argv[1:] or PAGES:
        text = PAGES[page]()
        print(f"{page}: {text.count(chr(10)):,} lines, {len(text):,} letters; milliseconds until the answer, (of the processor)")
        for name, (wall, cpu) in measure(text).items():
            first = f"{wall[0]:5.0f} ({cpu[0]:5.0f})"
            print(f"  {name:<18} first {first}   after an edit {statistics.median(wall[1:]):5.0f} "
                  f"({statistics.median(cpu[1:]):5.0f})   at worst {max(wall[1:]):5.0f} ({max(cpu[1:]):5.0f})")


if __name__ == "__main__":
    main()
