"""Drawings into files: which styles there are, which endings, and who makes what."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from ...diagnostics import Advice, UsageError, near, unwritable
from ...ir.graph import Graph
from ...plain import shown
from ...reading import write
from .diagram import Diagram, Direction, Wanted
from .looks import THEMES
from .pages import page as page_of
from .pages import smallest

STYLES = ("diagram", "volume", "blocks")
ENDINGS = (".svg", ".png", ".pdf", ".dot", ".gv", ".html")  # of a diagram
FIGURES = (".svg", ".png", ".pdf", ".tex")  # of the other styles


def endings(style: str) -> tuple[str, ...]:
    return ENDINGS if style == "diagram" else FIGURES


def wanted(style: str = "diagram", direction: str = "down", depth: int | None = None, open: str | Sequence[str] = (),
           focus: str | None = None, page: str | None = None, theme: str = "light") -> Wanted:
    """What is asked of a drawing, checked. Raises UsageError."""
    _one_of("style", style, STYLES, "a drawing is of style")
    _one_of("direction", direction, get_args(Direction), "a diagram flows")
    _one_of("theme", theme, tuple(THEMES), "a theme is")
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 1):
        raise UsageError(f"a depth is a whole number, 1 at least, not {shown(repr(depth))}", hint=Advice("1 closes all blocks"))
    opened = (open,) if isinstance(open, str) else open
    if not isinstance(opened, Sequence) or not all(isinstance(p, str) for p in opened):
        raise UsageError("what is to be open is a path or a list of paths", hint='open=["stage1.block1"]')
    if focus is not None and not isinstance(focus, str):
        raise UsageError(f"a focus is a path, not a {type(focus).__name__}", hint='focus="stage1"')
    if style != "diagram":
        for name, given in (("direction", direction == "right"), ("depth", depth is not None), ("open", opened), ("focus", focus)):
            if given:
                raise UsageError(f"{name} is for diagrams, and has no meaning beside style {style}",
                                 hint=Advice(f"leave out {'right' if name == 'direction' else name}"))
    right: Direction = "right" if direction == "right" else "down"
    return Wanted(right, depth, tuple(opened), focus, None if page is None else page_of(page), theme)


def picture(graph: Graph, style: str = "diagram", **asked: Any) -> Any:
    """A drawing of this style; `.svg` is its text, and a notebook shows it by itself. The options are those of `wanted`."""
    return made(graph, style, wanted(style, **asked))


def made(graph: Graph, style: str, asked: Wanted) -> Any:
    if style == "diagram":
        return Diagram(graph, asked)
    from ..figures.figure import Figure

    return Figure(graph, "blocks" if style == "blocks" else "volume", asked.theme, asked.page)


def draw_into(graph: Graph, path: str | PathLike[str], asked: Wanted, style: str = "diagram",
              profile: str | PathLike[str] | None = None) -> float | None:
    """Draw a network into a file; its ending says how: .svg, .png, .pdf, .dot, or .html, a page to explore, with the times of its
    layers where `profile` is a file that `netspec bench` has written. Gives the size in points of its smallest text where it
    stands on a page."""
    if not isinstance(path, (str, PathLike)):
        raise UsageError(f"a drawing is written to a path, not to a {type(path).__name__}", hint='.draw("net.svg")')
    if profile is not None and not isinstance(profile, (str, PathLike)):
        raise UsageError(f"a profile is the path of a file of times, not a {type(profile).__name__}", hint='profile="times.json"')
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in endings(style):
        raise UsageError(f"a drawing is written as {', '.join(endings(style))}, and `{shown(target.name)}` ends in {ending or 'nothing'}",
                         hint=Advice("TikZ is written of the styles volume and blocks") if ending == ".tex" else None)
    if ending == ".html":
        from ..interactive.contents import Start
        from ..interactive.page import write_page

        if asked.page is not None or asked.direction == "right":
            raise UsageError("a page to explore flows down and has no size", hint=Advice("leave out page and right"))
        write_page(graph, target, profile, Start(asked.depth, asked.open, asked.focus), asked.theme == "dark")
        return None
    if profile is not None:
        raise UsageError("times are shown in a page to explore, and by no picture", hint=shown(target.with_suffix(".html").name))
    drawn = made(graph, style, asked)
    match ending:
        case ".svg":
            data = drawn.svg.encode()
        case ".png":
            from .rendering import raster

            data = raster(drawn.svg, THEMES[asked.theme].page)
        case ".pdf":
            from .rendering import pdf

            data = pdf(drawn.svg)
        case ".tex":
            data = drawn.tikz.encode()
        case _:
            data = drawn.dot.encode()
    try:
        write(target, data)
    except (OSError, ValueError) as e:
        raise unwritable(target, e) from None
    return None if asked.page is None or ending in (".dot", ".gv") else smallest(drawn.svg)


def _one_of(what: str, given: object, known: Sequence[str], title: str) -> None:
    if not isinstance(given, str) or given not in known:
        best = near(given, known) if isinstance(given, str) else None
        raise UsageError(f"{title} {', '.join(known[:-1])} or {known[-1]}, not {shown(repr(given))}" if len(known) > 1 else
                         f"{title} {known[0]}, not {shown(repr(given))}", hint=f"did you mean `{best}`?" if best else Advice(f"for example {known[0]}"))
