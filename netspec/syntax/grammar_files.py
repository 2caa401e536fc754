"""Where the grammar and its table lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def grammar_file(name: str) -> Path:
    """A file of grammars/, inside the wheel or beside the checkout's package."""
    inside = _PACKAGE / "grammars" / name
    return inside if inside.is_file() else _PACKAGE.parent / "grammars" / name


def grammar_text(name: str = "net.lark") -> str:
    """The text of such a file."""
    return grammar_file(name).read_text(encoding="utf-8")
