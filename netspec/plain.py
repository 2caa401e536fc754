"""Text that is not ours, made fit to stand in text that is: one function for each kind of text that netspec writes.

A spec, its strings, and the names of files come from anybody, and may hold any character. In what a terminal shows, and
in a comment of a program, none may end the line, move the cursor or turn the order of what is read. HTML is escaped by
the standard library, DOT by graphviz (views/drawing/diagram.py), JSON by json, literals of Python by repr.
"""

from __future__ import annotations

import re
import shlex

# Control characters of both blocks, what formats text unseen (among them all that changes its direction), separators of
# lines, tags, and surrogates, which stand for bytes of a file name that are no UTF-8.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(m: re.Match[str]) -> str:
    c = m[0]
    code = ord(c)
    return _SHORT.get(c) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")


def shown(text: object, lines: bool = False) -> str:
    """For a terminal, and for a comment of a program: characters that cannot be seen as Python would escape them. With
    `lines`, ends of lines and tabs stay."""
    s = str(text)
    if s.isascii() and s.isprintable():  # nearly all
        return s
    return _UNSEEN.sub((lambda m: m[0] if m[0] in "\n\t" else _escaped(m)) if lines else _escaped, s)


def docstring(text: str) -> str:
    '''For the inside of a docstring, between """ and """.'''
    inner = shown(text, lines=True).replace("\\", "\\\\").replace('"""', "'''")
    return inner + " " * inner.endswith('"')


def word(text: str) -> str:
    """For a command line that is shown to be pasted into a shell."""
    return shown(text) if re.fullmatch(r"[\w./:@%+,=-]+", text) else shown(shlex.quote(text))
