"""The Pygments lexer; `pip install netspec-nn` registers it, so that ```net blocks are coloured wherever Pygments is."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

from .words import RULES

TOKENS: dict[str, Any] = {
    "comment": Comment.Single, "text": String, "reference": Name.Variable, "number": Number, "declaration": Keyword.Declaration,
    "structure": Keyword, "operator": Operator,
    "constant": Keyword.Constant, "option": Name.Attribute, "label": Name.Label, "name": Name,
}


class NetLexer(RegexLexer):  # type: ignore[misc]
    """Text of `.net` specs."""

    name = "netspec"
    aliases: ClassVar[list[str]] = ["net", "netspec"]
    filenames: ClassVar[list[str]] = ["*.net"]
    url = "https://pypi.org/project/netspec-nn"
    tokens: ClassVar[dict[str, Any]] = {"root": [(r"\s+", Text), *((pattern, TOKENS[name]) for name, pattern in RULES),
                                                 (r".", Punctuation)]}
