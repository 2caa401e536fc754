"""What is coloured how. One table for every editor."""

from __future__ import annotations

import re

DECLARATIONS = ("import", "from", "block", "net", "train", "default")
STRUCTURE = ("residual", "shortcut", "dense", "each", "frozen", "repeat", "as", "for", "in", "if", "elif", "else", "output",
             "input", "upto")
OPERATORS = ("and", "or", "not")
CONSTANTS = ("yes", "no", "none")

RULES: tuple[tuple[str, str], ...] = (
    ("comment", r"#[^\n]*"),
    ("text", r'"[^"\n]*"?'),
    ("reference", r"@\w+(?:\[\w+\])?(?:\.\w+(?:\[\w+\])?)*"),
    ("number", r"\b\d+(?:x(?:\d+|\?))+\b|\?(?:x(?:\d+|\?))+|\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b"),
    ("declaration", rf"\b(?:{'|'.join(DECLARATIONS)})\b"),
    ("structure", rf"\b(?:{'|'.join(STRUCTURE)})\b"),
    ("operator", rf"\b(?:{'|'.join(OPERATORS)})\b|->|\.\.|[|+*/%^<>=!-]+"),
    ("constant", rf"\b(?:{'|'.join(CONSTANTS)})\b"),
    ("option", r"\b[A-Za-z_]\w*(?==(?!=))"),
    ("label", r"\b[A-Za-z_]\w*(?:\[[^\]\n]*\])?(?=\s*:)"),
    ("name", r"[A-Za-z_]\w*"),
)
"""(colour, pattern), the first that fits wins."""

PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in RULES))
