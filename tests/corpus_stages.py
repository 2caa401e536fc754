"""What each stage prints for a spec: the right halves of the corpus files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec.diagnostics import render
from netspec.source import Source


def _source(text: str) -> Source:
    return Source("spec.net", text)


def _graph(text: str) -> Any:
    """The only net of the text that needs no arguments."""
    from netspec.passes.elaborate import elaborate
    from netspec.syntax.parser import parse

    return elaborate(parse(_source(text)))


def tree(text: str) -> str:
    from netspec.syntax.parser import parse

    return str(parse(_source(text)))


def errors(text: str) -> str:
    """Every finding of `check`."""
    from netspec.passes.elaborate import check_module
    from netspec.syntax.parser import parse_recovering

    return "\n\n".join(map(render, check_module(*parse_recovering(_source(text))))) or "no mistakes"


def shapes(text: str) -> str:
    return str(_graph(text))


def reports(text: str) -> str:
    from netspec.views.summary import summarise

    return str(summarise(_graph(text)))


def diagrams(text: str) -> str:
    from netspec.views.diagram import diagram

    return diagram(_graph(text)).dot


def lower(text: str) -> str:
    from netspec.passes.lower import lower

    return str(lower(False)(_graph(text)))


STAGES: dict[str, Callable[[str], str]] = {
    "tree": tree, "errors": errors, "shapes": shapes, "reports": reports, "diagrams": diagrams, "lower": lower,
}
