"""The canonical form of a spec: `netspec fmt`.

Two spaces a level, one between arguments, arithmetic tight (`n/2` can never be read as a stride), options last, at most
one blank line. What the author decides stays: line breaks before `->`, bodies on the line of their head or below it,
comments. The formatted text parses to an equal tree, and formatting it again changes nothing.
"""

from __future__ import annotations

import re
from typing import Any

from ..source import Source
from . import tree
from .parser import parse


def format_source(source: Source) -> str:
    """A spec's text in canonical form. Raises SpecError where it cannot be read."""
    return format_module(parse(source))


def format_module(module: tree.Module) -> str:
    """The same of a tree, every line of whose text could be read."""
    return text_of(printed(module))


Printed = list[tuple[str, "str | None"]]
"""Lines, each with the one that it was read from where nothing else stood on it."""


def printed(module: tree.Module) -> Printed:
    """The lines of a tree before neighbours are aligned."""
    return _Printer(module).whole()


def text_of(lines: Printed) -> str:
    """The canonical form of printed lines."""
    out, read = [line for line, _ in lines], [was for _, was in lines]
    _align_variants(out)
    _align_tables(out, read)
    text = "\n".join(out).strip("\n")
    return text + "\n" if text else ""


# ---------------------------------------------------------------- expressions

_LEVELS = {"or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "^": 7}
ARITHMETIC, ATOM = 5, 9


def expression(node: Any, least: int = 0) -> str:
    """An expression, in brackets where it binds less tightly than its place needs."""
    text, level = _expression(node)
    return f"({text})" if level < least else text


def _expression(node: Any) -> tuple[str, int]:
    match node:
        case tree.Number():
            return node.text, ATOM
        case tree.Dims():
            return "x".join("?" if n is None else str(n) for n in node.sizes), ATOM
        case tree.Text():
            return f'"{node.value}"', ATOM
        case tree.Name():
            return node.name, ATOM
        case tree.Incoming():
            return "in", ATOM
        case tree.Attribute():
            return f"{expression(node.of, ATOM)}.{node.name}", ATOM
        case tree.Item():
            return f"{expression(node.of, ATOM)}[{expression(node.index, ARITHMETIC)}]", ATOM
        case tree.Function():
            return f"{node.name}({', '.join(map(expression, node.arguments))})", ATOM
        case tree.Listing():
            inside = ", ".join(map(expression, node.items))
            return f"({inside})" if node.round else f"[{inside}]", ATOM
        case tree.Unary(operator=op):
            return (f"-{expression(node.of, 7)}", 7) if op == "-" else (f"not {expression(node.of, 3)}", 3)
        case tree.Conditional():
            return f"{expression(node.yes, 1)} if {expression(node.condition, 1)} else {expression(node.no)}", 0
        case tree.Range():
            return f"{expression(node.first, ARITHMETIC)}..{expression(node.last, ARITHMETIC)}", ARITHMETIC
        case tree.Reference():
            return "@" + ".".join(_spot(s.name, s.index) for s in node.spots), ATOM
        case tree.Binary():
            return _binary(node)
    raise AssertionError(f"no way to write {node!r}")


def _binary(node: tree.Binary) -> tuple[str, int]:
    op, level = node.operator, _LEVELS[node.operator]
    left, right = (ATOM, 7) if op == "^" else (5, 5) if level == 4 else (level, level + 1)
    space = " " if level < ARITHMETIC else ""
    return f"{expression(node.left, left)}{space}{op}{space}{expression(node.right, right)}", level


def _spot(name: str, index: Any) -> str:
    return name if index is None else f"{name}[{expression(index, ARITHMETIC)}]"


def argument(node: Any) -> str:
    """One argument of a step."""
    match node:
        case tree.Option():
            return f"{node.name}={expression(node.value, ARITHMETIC)}"
        case tree.Stride():
            text = expression(node.value, ATOM)
            return f"/{text}" if text[0].isalnum() or text[0] in "_(" else f"/({text})"
        case tree.Upto():
            return f"upto {node.path}"
    return expression(node, ARITHMETIC)


def one_line(s: Any) -> str | None:
    """A statement that has no body; None for others."""
    match s:
        case tree.Call():
            return call(s)
        case tree.Reference():
            return expression(s)
        case tree.Constant():
            return f"{s.name} = {expression(s.value)}"
        case tree.Default():
            return " ".join(["default", s.kind, *map(argument, s.arguments)])
        case tree.InputLine():
            sizes = expression(s.shape)
            if not (sizes.isdigit() or isinstance(s.shape, tree.Dims) or (isinstance(s.shape, tree.Listing) and s.shape.round)):
                sizes = f"({sizes})"
            return " ".join(["input", *([s.name] if s.name else []), sizes, *map(argument, s.options)])
        case tree.Output(body=None):
            return f"output {_spot(s.name, s.index)}"
    return None


def opening(s: Any) -> str | None:
    """What stands before the colon of a statement with one body; None for others."""
    match s:
        case tree.Labelled():
            return _spot(s.name, s.index)
        case tree.Output():
            return f"output {_spot(s.name, s.index)}"
        case tree.Repeat():
            return f"repeat {expression(s.times, ARITHMETIC)}{f' as {s.counter}' if s.counter else ''}"
        case tree.For():
            return f"for {', '.join(s.names)} in {expression(s.over, ARITHMETIC)}"
        case tree.Dense() | tree.Frozen():
            return type(s).__name__.lower()
        case tree.Each():
            return f"each{f' {s.axis}' if s.axis else ''}"
    return None


def call(node: tree.Call) -> str:
    return " ".join([node.name, *map(argument, node.arguments)])


# ---------------------------------------------------------------- lines


class _Printer:
    """Writes statements in order; comments are written as their lines are passed."""

    def __init__(self, module: tree.Module):
        self.module = module
        self.lines = module.source.lines
        self.alone = [c for c in module.comments if c.alone]
        self.beside = [c for c in module.comments if not c.alone]
        self.inside = self.in_brackets() if self.alone else {}
        self.out: list[str] = []
        self.opened = False  # the last line written opened a body
        self.origin: dict[int, str] = {}  # line written -> the line read, where nothing else stands on it

    def whole(self) -> Printed:
        items = self.module.items
        for k, item in enumerate(items):
            following = items[k + 1] if k + 1 < len(items) else None
            before = items[k - 1] if k else None
            large = (isinstance(item, (tree.Definition, tree.Train))
                     or (isinstance(before, (tree.Definition, tree.Train)) and not isinstance(item, tree.Hole)))
            self.top(item, large and k > 0, self.after(following))
        self.comments(len(self.lines) + 1, 0)
        return [(line, self.origin.get(k)) for k, line in enumerate(self.out)]

    def after(self, following: Any) -> int:
        """The line where what follows begins: comments before it belong here or there by their column."""
        return self.first_line(following) if following is not None else len(self.lines) + 1

    def first_line(self, node: Any) -> int:
        """Where a statement begins."""
        return int(node.span.line)

    def in_brackets(self) -> dict[int, int]:
        """Comments between the lines of one expression, and where it begins: they are written above it."""
        found: dict[int, int] = {}
        for n in tree.walk(self.module.items):
            if isinstance(n, (tree.Call, tree.Listing, tree.Function, tree.Binary)) and n.span.end_line > n.span.line:
                for c in self.alone:
                    if n.span.line < c.line <= n.span.end_line:
                        found.setdefault(c.line, n.span.line)
        return found

    # ---------------------------------------------------------------- writing
    def comments(self, before: int, indent: int, least: int = 0) -> bool:
        """Write the comments of their own lines that stand before a line, at least so far right. Whether the last of them
        belongs to that line: no blank one comes between."""
        tied = False
        while self.alone and self.inside.get(self.alone[0].line,
                                             self.alone[0].line + 1) <= before and self.alone[0].column - 1 >= least:
            c = self.alone.pop(0)
            if not tied:
                self.blank(self.inside.get(c.line, c.line))
            tied = c.line in self.inside
            self.out.append(" " * indent + c.text)
            self.opened = False
        return tied

    def blank(self, line: int, wanted: bool = False) -> None:
        """One blank line, where the author left some or the form wants one."""
        had = line >= 2 and not self.lines[line - 2].strip()
        if (had or wanted) and self.out and not self.opened and self.out[-1]:
            self.out.append("")

    def write(self, text: str, indent: int, line: int, end: int, opens: bool = False, wanted: bool = False) -> None:
        """One statement's line. Comments beside lines up to `end` go with it: the last beside it, others above."""
        tied = self.comments(line, indent)
        notes = []
        while self.beside and self.beside[0].line < end:
            notes.append(self.beside.pop(0).text)
        if not tied and not (self.out and self.out[-1].lstrip().startswith("#") and wanted):
            self.blank(line, wanted)
        for n in notes[:-1]:
            self.out.append(" " * indent + n)
            self.opened = False
        if not notes:
            self.origin[len(self.out)] = self.lines[line - 1]
        self.out.append(" " * indent + text + (f"  {notes[-1]}" if notes else ""))
        self.opened = opens

    # ---------------------------------------------------------------- file
    def top(self, item: Any, wanted: bool, until: int) -> None:
        line = item.span.line
        if wanted and self.alone and self.alone[0].line < line:
            if self.out and self.out[-1]:
                self.out.append("")
            wanted = False
        match item:
            case tree.Import():
                self.write(f'import {", ".join(item.names)} from "{item.path}"', 0, line, until, wanted=wanted)
            case tree.Constant():
                self.write(f"{item.name} = {expression(item.value)}", 0, line, until, wanted=wanted)
            case tree.Default():
                self.write(" ".join(["default", item.kind, *map(argument, item.arguments)]), 0, line, until, wanted=wanted)
            case tree.Variant():
                self.write(f"net {item.name}{_params(item.params)} = {call(item.call)}", 0, line, until, wanted=wanted)
            case tree.Definition():
                self.headed(f"{item.kind} {item.name}{_params(item.params)}:", item.body, 0, line, until, wanted)
            case tree.Train():
                self.headed(f"train {item.net}:", item.body, 0, line, until, wanted)

    # ---------------------------------------------------------------- statements
    def headed(self, head: str, body: Any, indent: int, line: int, until: int, wanted: bool = False) -> None:
        """A head and its body, on one line or below it as the author wrote it."""
        if isinstance(body, tree.Suite):
            self.write(head, indent, line, self.first_line(body.statements[0]), opens=True, wanted=wanted)
            self.suite(body.statements, indent + 2, until)
            return
        self.statement(body, indent, until, head + " ", line, wanted)

    def suite(self, statements: tuple[Any, ...], indent: int, until: int) -> None:
        first = self.first_line(statements[0])
        text = self.lines[first - 1]
        column = len(text) - len(text.lstrip())
        for k, s in enumerate(statements):
            self.statement(s, indent, self.first_line(statements[k + 1]) if k + 1 < len(statements) else until)
        self.comments(until, indent, max(1, column))

    def statement(self, s: Any, indent: int, until: int, lead: str = "", line: int | None = None, wanted: bool = False) -> None:
        """One statement; `lead` is the head it shares its line with, which began at `line`."""
        line = self.first_line(s) if line is None else line
        if (text := one_line(s)) is not None:
            self.write(lead + text, indent, line, until, wanted=wanted)
            return
        if (head := opening(s)) is not None:
            self.headed(f"{lead}{head}:", s.body, indent, line, until, wanted)
            return
        match s:
            case tree.Steps():
                self.steps(s, indent, until, lead, line, wanted)
            case tree.If():
                self.conditions(s, indent, until, lead, line, wanted)
            case tree.Residual():
                below = s.shortcut.span.line if s.shortcut is not None else until
                self.headed(f"{lead}residual:", s.body, indent, line, below, wanted)
                if s.shortcut is not None:
                    condition = f" if {expression(s.shortcut.condition)}" if s.shortcut.condition is not None else ""
                    self.headed(f"shortcut{condition}:", s.shortcut.body, indent, s.shortcut.span.line, until)
            case tree.Merge():
                self.write(f"{lead}{call(s.call)}:", indent, line, s.branches[0].span.line, opens=True, wanted=wanted)
                for k, b in enumerate(s.branches):
                    self.branch(b, indent + 2, s.branches[k + 1].span.line if k + 1 < len(s.branches) else until)
            case _:
                raise AssertionError(f"no way to write {s!r}")

    def steps(self, s: tree.Steps, indent: int, until: int, lead: str, line: int, wanted: bool) -> None:
        """A chain, broken before `->` where the author broke it."""
        text, deeper = lead, indent
        for k, item in enumerate(s.items):
            joint = "" if k == 0 else " -> "
            if k and self.first_line(item) > s.items[k - 1].span.end_line:
                self.write(text, deeper, line, self.first_line(item), wanted=wanted)
                text, deeper, joint, wanted = "", indent + 2, "-> ", False
                line = self.first_line(item)
            if isinstance(item, (tree.Call, tree.Reference)):
                text += joint + (call(item) if isinstance(item, tree.Call) else expression(item))
            else:
                self.statement(item, deeper, until, text + joint, line, wanted)
                return
        self.write(text, deeper, line, until, wanted=wanted)

    def conditions(self, s: tree.If, indent: int, until: int, lead: str, line: int, wanted: bool) -> None:
        parts = [(f"{'if' if k == 0 else 'elif'} {expression(c)}:", body, c.span.line) for k, (c, body) in enumerate(s.cases)]
        if s.otherwise is not None:
            parts.append(("else:", s.otherwise, self.else_line(s)))
        for k, (head, body, at) in enumerate(parts):
            self.headed(lead + head if k == 0 else head, body, indent, line if k == 0 else at, parts[k + 1][2] if k + 1
                        < len(parts) else until, wanted and k == 0)

    def else_line(self, s: tree.If) -> int:
        """`else` keeps no span of its own: it stands at or above its body."""
        at = self.first_line(s.otherwise.statements[0]) if isinstance(s.otherwise, tree.Suite) else self.first_line(s.otherwise)
        while at > 1 and not self.lines[at - 1].lstrip().startswith("else"):
            at -= 1
        return at

    def branch(self, b: tree.Branch, indent: int, until: int) -> None:
        first, *rest = b.statements
        line = b.span.line
        end = self.first_line(rest[0]) if rest else until
        if isinstance(first, tree.Suite):
            raise AssertionError("a branch begins with a line")
        self.statement_in_branch(first, indent, end, line)
        if rest:
            self.suite(tuple(rest), indent + 2, until)

    def statement_in_branch(self, s: Any, indent: int, until: int, line: int) -> None:
        """`| line`; a body below it is indented past the bar."""
        at = len(self.out)
        self.statement(s, indent + 2, until, "", line)
        while at < len(self.out) and (not self.out[at].strip() or self.out[at].lstrip().startswith("#")):
            self.out[at] = self.out[at][2:] if self.out[at].strip() else ""
            at += 1
        self.out[at] = " " * indent + "| " + self.out[at][indent + 2 :]


# ---------------------------------------------------------------- neighbours


def _align_variants(out: list[str]) -> None:
    """Variants on neighbouring lines have their `=` in one column."""
    k = 0
    while k < len(out):
        group = []
        while k < len(out) and out[k].startswith("net ") and " = " in out[k] and not out[k].split("#")[0].rstrip().endswith(":"):
            group.append(k)
            k += 1
        if len(group) > 1:
            heads = [out[g].split(" = ", 1)[0].rstrip() for g in group]
            width = max(map(len, heads))
            for g, head in zip(group, heads):
                out[g] = f"{head:<{width}} = " + out[g].split(" = ", 1)[1]
        k += 1


def _align_tables(out: list[str], read: list[str | None]) -> None:
    """Neighbouring calls of the same thing that the author wrote in columns stay in columns: numbers to the right, words to
    the left."""
    kinds = [None if was is None else _row(line) for line, was in zip(out, read)]
    k = 0
    while k < len(out):
        group = [k]
        while k + 1 < len(out) and kinds[k] is not None and kinds[k + 1] == kinds[k]:
            k += 1
            group.append(k)
        k += 1
        if len(group) > 1 and any(_in_columns(out[g], read[g] or "") for g in group):
            # aligned already
            heads = [out[g].split(" = ")[0] + " = " if out[g].startswith("net ") else "" for g in group]
            rows = [out[g].removeprefix(h).split() for g, h in zip(group, heads)]
            widths = [max(len(r[i]) for r in rows if i < len(r)) for i in range(max(map(len, rows)))]
            indent = " " * (len(out[k - 1]) - len(out[k - 1].lstrip()))
            for g, h, r in zip(group, heads, rows):
                out[g] = indent + h + " ".join(w.rjust(n) if w.isdigit() else w.ljust(n) for w, n in zip(r, widths)).rstrip()


def _in_columns(written: str, read: str) -> bool:
    """Whether the author put more than one blank between two arguments."""
    return bool(re.search(r"\S  +\S", read.split("=", 1)[-1].lstrip() if written.startswith("net ") else read))


def _row(line: str) -> tuple[str, ...] | None:
    """What a line has to share with its neighbours to be a row of their table: its indentation and what it calls."""
    words = line.split()
    if len(words) < 3 or any(c in line for c in '"#([|') or "->" in words or words[-1].endswith(":"):
        return None
    indent = str(len(line) - len(line.lstrip()))
    if words[0] == "net" and words[2] == "=":
        return (indent, "net", *words[3:4])
    if words[0].endswith(":"):
        return (indent, ":", words[1])
    return (indent, words[0])


def _params(params: tuple[tree.Param, ...]) -> str:
    if not params:
        return ""
    return "(" + ", ".join(p.name if p.default is None else f"{p.name}={expression(p.default)}" for p in params) + ")"
