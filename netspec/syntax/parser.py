"""Tokens to tree, past every mistake: one line is one statement, so a line that cannot be read is set aside and parsing
goes on behind it.

The parser is Lark's LALR automaton, fed line by line. Before each line its two stacks are copied; when a token does not
fit, they are put back, `mistakes.py` says what is wrong, and a placeholder takes the line's place, so that the lines
indented under it are read too.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..diagnostics import Advice, Diagnostic, Label, SpecError, in_order, near
from ..garbage import none_expected
from ..interruptions import point
from ..limits import INDENTED, MISTAKES
from ..source import Source, Span
from .automaton import Kept, Stacks
from .builder import HOLE
from .grammar import machine
from .lexer import CLOSE, OPEN, Line, Scanner, Token, read_lines, scan
from .merges import one_of_a_merge
from .mistakes import explain, meant_token
from .refused import HEADS, Context, Finding
from .tree import Module

MARKS = ("COMMA", "LPAR", "_LP_TIGHT", "RPAR", "LSQB", "RSQB", "ARROW")  # too many of these change no value
ROUNDS = 4  # mistakes of one line that are put right


def parse(source: Source) -> Module:
    """The tree of a spec. Raises SpecError with every syntax mistake."""
    module, found = parse_recovering(source)
    if found:
        raise SpecError(*found)
    return module


def parse_recovering(source: Source) -> tuple[Module, list[Diagnostic]]:
    """The tree of all lines that can be read, and what is wrong with the others."""
    with none_expected():
        m = machine()
        m.builder.source = source
        lines, comments = read_lines(source, m.scanner)
        run = _Run(Stacks(m.automaton), source, lines, m.scanner)
        items = run.whole()
    return Module(items, source, tuple(comments), frozenset(run.doubted),
                  frozenset(run.torn)), list(in_order(one_of_a_merge(source, run.found)))


def _token(type: str, line: int, text: str = "") -> Token:
    return Token(type, text, line, 1, 1)


class _Run:
    """One parse: the automaton, the levels of indentation, and what was found."""

    def __init__(self, stacks: Stacks, source: Source, lines: list[Line], scanner: Scanner):
        self.stacks, self.source, self.lines, self.scanner = stacks, source, lines, scanner
        self.found: list[Diagnostic] = []
        self.levels: list[tuple[int, bool]] = [(0, True)]  # columns, and whether the parser knows of it
        self.doubted: set[int] = set()  # lines that were read otherwise than they are written
        self.torn: set[str] = set()  # definitions whose parameters could not be read
        self.too_deep = False
        self.odd: tuple[int, int] | None = None  # a depth that no body has, and how deep its lines were meant to stand
        self.head: Line | None = None  # the line before
        self.before_head: Kept | None = None  # the stacks as they were before it

    def whole(self) -> Any:
        for k, line in enumerate(self.lines):
            point()
            self.found += line.faults
            self.indent(k, line)
            if self.too_deep:
                break
            if len(self.found) >= MISTAKES:
                self.found.append(Diagnostic("too-many-mistakes", f"{MISTAKES} mistakes: the rest of the file was not read",
                                             (Label(self.span(line.tokens[0])),)))
                break
            if line.faults and line.faults[-1].code in ("unclosed-bracket", "too-deep", "too-long"):
                if line.faults[-1].code != "unclosed-bracket" or not self.closed(line):
                    self.set_aside(k, line)
            else:
                self.read(k, line)
        end = self.lines[-1].last + 1 if self.lines else 1
        while len(self.levels) > 1:
            if self.levels.pop()[1]:
                self.close(end)
        return self.finish(end)

    def feeds(self, *tokens: Token) -> bool:
        """Whether the tokens fit; if they do not, nothing has happened."""
        kept = self.stacks.keep()
        for t in tokens:
            if not self.stacks.feed(t):
                self.stacks.put_back(kept)
                return False
        return True

    # ---------------------------------------------------------------- indentation
    def indent(self, k: int, line: Line) -> None:
        first = line.tokens[0]
        if line.faults and line.faults[0].code == "tab-indentation":
            line.indent = self.meant_indent(k)
        top = self.levels[-1][0]
        if line.indent > top:
            if len(self.levels) > INDENTED:
                self.mistake("too-deep", f"bodies are nested more than {INDENTED} levels deep: the rest of the file was not read",
                             first, "limit reached here", hint=Advice("move the inner part into a block"))
                self.too_deep = True
            elif self.feeds(_token("_INDENT", line.number)) or self.colon_forgotten(line):
                self.levels.append((line.indent, True))
            else:
                if not line.faults and not self.shadowed(k):
                    self.mistake("unexpected-indent", "this line is indented, but nothing above opens a body", first,
                                 "unexpected indentation",
                                 hint=Advice("a body follows a line that ends with a colon; indent this line as the one above"))
                self.levels.append((line.indent, False))
            return
        if self.head is not None and self.stacks.expected() == {"_INDENT"}:
            self.missing_body(self.head)
        if line.indent not in [c for c, _ in self.levels]:
            self.between(k, line)
        while line.indent < self.levels[-1][0]:
            if self.levels.pop()[1]:
                self.close(line.number)

    def between(self, k: int, line: Line) -> None:
        """A line between two depths is read at that of the line below it, else at the deeper one."""
        columns = [c for c, _ in self.levels]
        if line.tokens[0].type in ("NET", "BLOCK", "TRAIN", "IMPORT"):
            self.mistake("inconsistent-indent", f"`{line.tokens[0].text}` stands at the left edge of a file", line.tokens[0],
                         f"this line is indented by {line.indent}",
                    hint=Advice("move it to the left edge"))
            line.indent = 0
            return
        column = next(c for c in columns if c > line.indent)
        outer = [c for c in columns if c < line.indent]
        if self.odd is None or self.odd[0] != line.indent or self.odd[1] not in columns:
            self.mistake("inconsistent-indent", "this line is indented less than its body and more than what the body belongs to",
                         line.tokens[0],
                         f"{line.indent} columns; the lines around it have {', '.join(map(str, outer))} or {column}",
                         hint=Advice(f"indent by {column} to stay inside, or by {outer[-1]} to leave"))
            following = self.lines[k + 1].indent if k + 1 < len(self.lines) else column
            self.odd = line.indent, following if following in columns and following > 0 else column
        line.indent = self.odd[1]

    def meant_indent(self, k: int) -> int:
        """How far a line indented with tabs was probably meant to be indented: as the next one, where that is possible."""
        top = self.levels[-1][0]
        following = next((x.indent for x in self.lines[k + 1 : k + 2] if not x.faults), None)
        if following is not None and self.lines[k].tokens[-1].type == "COLON":
            following = following - 2 if following - 2 > 0 else None  # the next line is its body
        if self.stacks.expected() == {"_INDENT"}:
            return following if following is not None and following > top else top + 2
        return following if following is not None and any(c == following for c, _ in self.levels) and following > 0 else top

    def colon_forgotten(self, line: Line) -> bool:
        """A name alone on its line, or a line above branches, was meant to open a body. Reads it again as it was meant."""
        head = self.head
        if (head is None or head.faults or self.before_head is None
                or not (len(head.tokens) == 1 or line.tokens[0].type == "VBAR")):
            return False
        if re.search(rf"^(?:block|net) +{re.escape(head.tokens[0].text)}\b", self.source.text, re.MULTILINE):
            return False  # a call: what is wrong is the line below it
        last = head.tokens[-1]
        colon = Token("COLON", ":", last.line, last.end, last.end + 1)
        if len(head.tokens) > 2 and head.tokens[1].type == "COLON":  # concat: conv 64 1x1
            return self.first_branch(head, line)
        now = self.stacks.keep()
        self.stacks.put_back(self.before_head)
        if self.try_line([*head.tokens, colon], head) is None and self.feeds(_token("_INDENT", line.number)):
            text = self.source.line(last.line)[: last.end - 1].strip()
            self.mistake("missing-colon", f"`{head.tokens[0].text}` opens a body, so it ends with a colon", colon,
                         "a colon is missing here", hint=text + ":")
            head.faults.append(self.found[-1])
            return True
        self.stacks.put_back(now)
        return False

    def first_branch(self, head: Line, line: Line) -> bool:
        """`concat: conv 64 1x1` with more branches below. Reads its head, and then the branches."""
        now = self.stacks.keep()
        assert self.before_head is not None
        self.stacks.put_back(self.before_head)
        if self.try_line(head.tokens[:2], head) is None and self.feeds(_token("_INDENT", line.number)):
            rest = self.source.line(head.number)[head.tokens[2].column - 1 : head.tokens[-1].end - 1]
            self.mistake("syntax", "every branch stands on a line of its own", head.tokens[2], "not behind the colon",
                         hint=f"{head.tokens[0].text}:\n  | {rest}")
            head.faults.append(self.found[-1])
            return True
        self.stacks.put_back(now)
        return False

    def shadowed(self, k: int) -> bool:
        """Whether the line above was set aside: then its body is no second mistake."""
        return k > 0 and bool(self.lines[k - 1].faults)

    def close(self, number: int) -> None:
        if self.stacks.expected() == {"_INDENT"} and self.head is not None:
            self.missing_body(self.head)
        self.feeds(_token("_DEDENT", number))

    def missing_body(self, head: Line) -> None:
        colon = next((t for t in reversed(head.tokens) if t.type == "COLON"), head.tokens[-1])
        what = head.tokens[0].text if len(head.tokens) > 1 else "this line"
        if not head.faults:
            self.mistake("missing-body", f"`{what}` opens a body, and there is none", colon, "nothing is indented under this line",
                         hint=Advice("indent the lines of the body by two more spaces than this line"))
        n = head.number
        if not self.feeds(_token("_INDENT", n), _token("NAME", n, HOLE), _token("_NL", n), _token("_DEDENT", n)):
            self.feeds(_token("_INDENT", n), _token("VBAR", n, "|"), _token("NAME", n, HOLE), _token("_NL", n),
                       _token("_DEDENT", n))

    # ---------------------------------------------------------------- a line
    def read(self, k: int, line: Line) -> None:
        kept = self.stacks.keep()
        refused = self.try_line(line.tokens, line)
        if refused is not None and refused is line.tokens[0] and self.not_a_merge(line):
            kept = self.stacks.keep()
            refused = self.try_line(line.tokens, line)
        if refused is not None:
            found = self.explained(k, line, refused, kept, self.source.line(line.number))
            read = found.text is not None and self.as_meant(k, line, found, kept)
            line.faults.append(found.diagnostic)
            self.found.append(found.diagnostic)
            if not read and (found.meant is None or self.try_line(list(found.meant), line) is not None):
                self.stacks.put_back(kept)
                if not self.repair(line, kept, self.deeper(k)):
                    self.stacks.put_back(kept)
                    self.set_aside(k, line)
        self.head, self.before_head = line, kept

    def explained(self, k: int, line: Line, refused: Token, kept: Kept, written: str) -> Finding:
        """What is wrong with a line, the stacks as they were before it."""
        expected = self.stacks.expected()
        self.stacks.put_back(kept)
        in_merge = self.feeds(_token("VBAR", line.number, "|"))
        self.stacks.put_back(kept)
        deeper = self.deeper(k)
        below = self.source.line(self.lines[k + 1].number).strip() if deeper else ""
        return explain(Context(self.source, line, refused, expected, in_merge, deeper, below, self.levels[-1][0] > 0, written))

    def as_meant(self, k: int, line: Line, found: Finding, kept: Kept) -> bool:
        """Read a line as it was meant. Where more than one thing is wrong with it, the hint puts all of them right."""
        text = found.text
        for _ in range(ROUNDS):
            if text is None:
                return False
            *before, text = text.split("\n")  # what was meant may be several lines
            tokens: list[Token] = []
            for part in (*before, text):
                tokens = []
                scan(self.scanner, part, line.number, tokens)
                refused = self.try_line(tokens, line) if tokens else None
                if refused is not None or not tokens:
                    break
            else:
                found.diagnostic = replace(found.diagnostic, hint="\n".join(x.strip() for x in (*before, text)))
                return True
            if before or refused is None:
                return False
            text = self.explained(k, Line(line.indent, line.number, tokens, line.last), refused, kept, text).text
        self.stacks.put_back(kept)
        return False

    def repair(self, line: Line, kept: Kept, deeper: bool) -> bool:
        """Read the line without the few tokens that do not fit, or the head of a definition by its names alone. Unless
        only marks are dropped its value is not to be trusted, but its labels, parameters and arguments are then known to
        the rest of the file."""
        first = line.tokens[0]
        tokens = [meant_token(t) for t in line.tokens]
        for at in [k for k, t in enumerate(tokens[:-1]) if deeper and t.type == "COLON"][::-1]:  # a head, and a body below it
            if self.try_line(tokens[: at + 1], line) is None and self.stacks.expected() == {"_INDENT"}:
                return True
            self.stacks.put_back(kept)
        sure = True
        for _ in range(6):
            refused = self.try_line(tokens, line)
            if refused is None and deeper and tokens[0].type == "NAME" and len(tokens) > 3 and not self.bar_follows(line):
                return False  # what is left would be the head of a merge, and that it is not
            if refused is None:
                if not sure:
                    self.doubted.add(line.number)
                    if first.type in ("NET", "BLOCK"):
                        self.torn.add(line.tokens[1].text)
                return True
            self.stacks.put_back(kept)
            if refused is line.tokens[0] and refused.type in ("BLOCK", "NET", "TRAIN", "IMPORT"):
                return False  # it has no place here, and the rest of the line means nothing without it
            if refused.type == "_NL":
                gone = tokens[-2:] if len(tokens) > 1 and tokens[-1].type == "EQUAL" else tokens[-1:]
            else:
                k = tokens.index(refused)
                gone = tokens[k - 2 : k] if k > 1 and tokens[k - 1].type == "EQUAL" and refused.type != "_BAD" else [refused]
            sure = sure and all(t.type in MARKS or (t.type == "_BAD" and not t.text[0].isalnum() and len(t.text) == 1)
                                for t in gone)
            tokens = [t for t in tokens if t not in gone]
            if not tokens:
                return False
        self.doubted.add(line.number)
        names = [t for k, t in enumerate(line.tokens) if t.type == "NAME" and line.tokens[k - 1].type != "EQUAL"]
        if first.type not in ("NET", "BLOCK") or not names:
            return False
        made = [first, names[0], Token("_LP_TIGHT", "(", first.line, first.column, first.end)]
        for name in {t.text: t for t in names[1:]}.values():
            made += [name, Token("COMMA", ",", name.line, name.end, name.end)]
        if len(names) > 1:
            made.pop()
        made += [Token("RPAR", ")", first.line, names[-1].end, names[-1].end + 1),
                 Token("COLON", ":", first.line, names[-1].end, names[-1].end + 1)]
        self.torn.add(names[0].text)
        return self.try_line(made, line) is None

    def bar_follows(self, line: Line) -> bool:
        """Whether the line below is a branch."""
        return self.source.line(line.last + 1).lstrip().startswith("|")

    def closed(self, line: Line) -> bool:
        """Read a line with an open bracket as if it were closed: at its end, or before a colon or an arrow."""
        opened: list[Token] = []
        for t in line.tokens:
            if t.type in OPEN:
                opened.append(t)
            elif t.type in CLOSE and opened:
                opened.pop()
        if len(opened) != 1:
            return False
        kept = self.stacks.keep()
        text = OPEN[opened[0].type]
        at = line.tokens.index(opened[0])
        for k in [len(line.tokens), *(k for k, t in enumerate(line.tokens) if k > at and t.type in ("COLON", "ARROW"))]:
            last = line.tokens[k - 1]
            close = Token("RPAR" if text == ")" else "RSQB", text, last.line, last.end, last.end + 1)
            if self.try_line([*line.tokens[:k], close, *line.tokens[k:]], line) is None:
                self.head, self.before_head = line, kept
                return True
            self.stacks.put_back(kept)
        return False

    def try_line(self, tokens: list[Token], line: Line) -> Token | None:
        """Feed a line; gives the token that does not fit, if there is one."""
        feed = self.stacks.feed
        for t in tokens:
            if not feed(t):
                return t
        t = Token("_NL", "", tokens[-1].line, tokens[-1].end, tokens[-1].end + 1)
        return None if feed(t) else t

    def not_a_merge(self, line: Line) -> bool:
        """A head with arguments and a colon (`repeet 3:`) can only be a merge; where its body has no branches the head is
        what is wrong. Sets it aside and opens its body as an ordinary one."""
        head = self.head
        if (head is None or line.tokens[0].type == "VBAR" or head.tokens[-1].type != "COLON" or head.tokens[0].type != "NAME"
            or len(head.tokens) < 3):
            return False
        if head.faults or self.stacks.expected() != {"VBAR"} or self.before_head is None:
            return False
        t = head.tokens[0]
        alike = {"foreach": "for", "loop": "repeat", "times": "repeat"}.get(t.text) or near(t.text, HEADS)
        label = (f"did you mean `{alike}`?" if alike
                 else "only a merge has arguments before its colon, and its lines begin with `|`")
        self.found.append(Diagnostic(
            "unknown-word" if alike else "branch-expected", f"`{t.text}` does not open such a body",
            (Label(self.span(t), label),),
            hint=self.source.line(t.line).partition("#")[0].strip().replace(t.text, alike, 1) if alike else None))
        head.faults.append(self.found[-1])
        self.stacks.put_back(self.before_head)
        fixed = [Token(alike.upper(), alike, t.line, t.column, t.end), *head.tokens[1:]] if alike else None
        if fixed is None or self.try_line(fixed, head) is not None:
            self.stacks.put_back(self.before_head)
            hole = Token("NAME", HOLE, head.number, t.column, head.tokens[-1].end)
            self.feeds(hole, head.tokens[-1], _token("_NL", head.number))
        return self.feeds(_token("_INDENT", line.number))

    def deeper(self, k: int) -> bool:
        """Whether the next line is indented under this one."""
        return k + 1 < len(self.lines) and self.lines[k + 1].indent > self.lines[k].indent

    def set_aside(self, k: int, line: Line) -> None:
        """Put a placeholder where the line stood: one with a body if lines are indented under it."""
        first, number = line.tokens[0], line.number
        hole = Token("NAME", HOLE, number, first.column, max(line.tokens[-1].end, first.column + 1) if line.last == number
                     else first.end)
        nl = _token("_NL", number)
        bar, colon = Token("VBAR", "|", number, first.column, first.column + 1), _token("COLON", number, ":")
        kept = self.stacks.keep()
        if self.deeper(k):
            net = Token("NET", "net", number, first.column, first.end)
            tries = [[hole, colon, nl], [net, hole, colon, nl], [bar, hole, nl], [bar, hole, colon, nl]]
        else:
            tries = [[hole, nl], [hole, Token("EQUAL", "=", number, 1, 1), Token("INT", "0", number, first.column, first.end),
                                  nl],
                     [bar, hole, nl]]
        if first.type == "VBAR":  # the first branch of a merge decides that it is one
            tries.sort(key=lambda tokens: tokens[0] is not bar)
        for tokens in tries:
            if self.feeds(*tokens):
                break
            self.stacks.put_back(kept)
        self.head = line

    def finish(self, end: int) -> Any:
        if self.stacks.expected() == {"_INDENT"} and self.head is not None:
            self.missing_body(self.head)
        items = self.stacks.finish()
        if items is None:  # what was set aside left the automaton inside something
            if not self.found:
                last = self.lines[-1].tokens[-1]
                self.mistake("syntax", "the file ends in the middle of something", last, "after this")
            return ()
        return items

    # ---------------------------------------------------------------- words
    def span(self, t: Token) -> Span:
        return Span(self.source, t.line, t.column, t.line, t.end)

    def mistake(self, code: str, title: str, t: Token, label: str, hint: str | None = None) -> None:
        self.found.append(Diagnostic(code, title, (Label(self.span(t), label),), hint=hint))
