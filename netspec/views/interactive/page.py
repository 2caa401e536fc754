"""The interactive page: template, style, programs and data in one file of HTML, which asks the network for nothing.

What comes from a spec is data: JSON that no `</script>` can end, text that is escaped. The page's own policy lets no program run
but its own, and loads nothing.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path

from ...diagnostics import unwritable
from ...editors.html import marked_lines
from ...ir.graph import Graph
from ...plain import shown
from ...reading import write
from ...source import Source
from ...version import __version__
from ..drawing.looks import KINDS, THEMES
from .contents import Data, Start, contents
from .times import Times, read_times

DAGRE = "3.1.3, https://github.com/dagrejs/dagre"
PROGRAMS = ("model", "layout", "picture", "view", "choice", "text", "details", "heat", "search", "keys", "start")  # in this order
LIGHT, DARK = THEMES["light"], THEMES["dark"]
COLOURS = {"paper": "page", "ink": "text", "soft": "quiet", "data": "line", "frame": "frame", "skip": "skip",
           "reference": "reference"}


def page(graph: Graph, times: Times | None = None, start: Start | None = None, dark: bool = False) -> str:
    """The page of a network, with the times of its layers where they were measured; as dark as the reader's system, or always."""
    data, sources = contents(graph, times, start)
    style, script = _filled(_part("page.css"), {"colours": _colours(), "kinds": _kinds()}), _script()
    return _filled(_part("page.html"), {
        "name": escape(str(data["name"])), "title": escape(str(data["title"])), "version": __version__,
        "theme": ' data-theme="dark"' if dark else "",
        "patterns": LIGHT.patterns(KINDS), "style": style, "style hash": _hash(style),
        "script": script, "script hash": _hash(script),
        "text": "".join(_listing(k, s) for k, s in enumerate(sources)), "contents": _json(data)})


def write_page(graph: Graph, path: str | PathLike[str], profile: str | PathLike[str] | None = None, start: Start | None = None,
               dark: bool = False) -> None:
    """Write the page of a network into a file; `profile` is a file of times that `netspec bench` has written."""
    text = page(graph, None if profile is None else read_times(fspath(profile), graph), start, dark)
    try:
        write(Path(path), text.encode())
    except (OSError, ValueError) as e:
        raise unwritable(path, e) from None


def _part(name: str) -> str:
    return files(__package__).joinpath("parts", name).read_text(encoding="utf-8")


def _filled(template: str, values: dict[str, str]) -> str:
    """In one pass, so that what is filled in stays as it is."""
    return re.sub(r"\{\{([\w ]+)\}\}", lambda m: values[m[1]], template)


def _script() -> str:
    """The library that lays graphs out, with its licence, and the page's own programs in a scope of their own."""
    library, _, _ = _part("dagre.min.js").partition("/*!")
    library = re.sub("[\x00-\x08]", lambda m: f"\\x{ord(m[0]):02x}", library)  # in its strings, which HTML could not hold
    own = "\n".join(_part(f"{name}.js") for name in PROGRAMS)
    return f'\n/* dagre {DAGRE}\n\n{_part("dagre.LICENSE.txt")}*/\n{library}\n(() => {{\n"use strict";\n{own}}})();\n'


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(data: Data) -> str:
    """JSON in which nothing can end its element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", text)


def _colours() -> str:
    """The colours of the themes, by the names that the page has for them."""
    return "\n".join(f"  --{name}: light-dark({getattr(LIGHT, of)}, {getattr(DARK, of)});" for name, of in COLOURS.items())


def _kinds() -> str:
    """How boxes of each kind look."""
    return "\n".join(f".kind-{kind} > .shape {{ fill: light-dark({LIGHT.fill(kind)}, {DARK.fill(kind)}); "
                     f"stroke: light-dark({LIGHT.ink(kind)}, {DARK.ink(kind)}); }}\n"
                     f".kind-{kind} > .strip {{ fill: {'none' if kind == 'input' else LIGHT.paint(kind)}; }}" for kind in KINDS)


def _listing(number: int, source: Source) -> str:
    """A spec's text, a line an item."""
    name = escape(shown(Path(source.name).name))  # not where it lies: the page is for others
    lines = "".join(f'<li value="{k}">{line}</li>' for k, line in enumerate(marked_lines("\n".join(source.lines)), 1))
    return f'<p class="file">{name}</p><ol class="lines" role="listbox" aria-label="{name}" data-source="{number}">{lines}</ol>'
