"""Plates as one page of HTML, without a program and without another file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...plain import shown
from ...version import __version__
from ..drawing.looks import THEMES
from ..pictures import address
from .plate import Panel, Plate

LIGHT, DARK = THEMES["light"], THEMES["dark"]
STYLE = f"""
:root {{ color-scheme: light dark; --paper: light-dark({LIGHT.page}, {DARK.page}); --ink: light-dark({LIGHT.text}, {DARK.text});
  --soft: light-dark({LIGHT.quiet}, {DARK.quiet}); --frame: light-dark({LIGHT.frame}, {DARK.frame}); }}
:root[data-theme=dark] {{ color-scheme: dark; }}
body {{ background: var(--paper); color: var(--ink); font: 15px/1.5 Helvetica, Arial, "Liberation Sans", sans-serif;
  margin: 0 auto; max-width: 1200px; padding: 16px 24px 48px; }}
h1 {{ font-size: 22px; margin: 8px 0; }}
h2 {{ font-size: 18px; margin: 32px 0 4px; }}
p, footer {{ color: var(--soft); margin: 0 0 12px; max-width: 46em; }}
nav a {{ color: inherit; margin-right: 1em; }}
.row {{ display: flex; flex-wrap: wrap; gap: 14px; margin: 0 0 18px; align-items: flex-start; }}
figure {{ margin: 0; max-width: 100%; }}
img {{ display: block; image-rendering: pixelated; max-width: 100%; height: auto; }}
figcaption {{ font-size: 13px; line-height: 1.35; margin-top: 4px; overflow-wrap: anywhere; }}
figcaption span {{ color: var(--soft); }}
"""


def page(plates: Sequence[Plate], dark: bool = False) -> str:
    """The page. Whatever comes from a file, a name or a spec is escaped."""
    title = escape(shown(plates[0].title.partition(":")[0] if plates else "netspec"))
    links = "".join(f'<a href="#plate-{k}">{escape(shown(p.title.partition(": ")[2] or p.title))}</a>' for k, p in enumerate(plates))
    nav = f"<nav>{links}</nav>\n" if len(plates) > 1 else ""
    return ("<!doctype html>\n<html lang=\"en\"" + (' data-theme="dark"' if dark else "") + ">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
            f"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}: what it looks at</title>\n"
            f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}: what it looks at</h1>\n{nav}"
            + "".join(_plate(k, p) for k, p in enumerate(plates)) + f"<footer>netspec {__version__}</footer>\n</body>\n</html>\n")


def _plate(k: int, plate: Plate) -> str:
    rows = "".join('<div class="row">' + "".join(_figure(plate, p) for p in row) + "</div>\n" for row in plate.rows)
    return f'<section id="plate-{k}">\n<h2>{escape(shown(plate.title))}</h2>\n<p>{escape(shown(plate.about))}</p>\n{rows}</section>\n'


def _figure(plate: Plate, p: Panel) -> str:
    said = [escape(shown(line)) for line in p.lines]
    alt = escape(shown(", ".join(p.lines) or plate.title))
    high, wide = p.tile.shape[:2]
    caption = f"<figcaption>{said[0]}" + "".join(f"<br><span>{s}</span>" for s in said[1:]) + "</figcaption>" if said else ""
    limit = f' style="width:{max(wide, 96)}px"' if said else ""
    return f'<figure{limit}><img src="{address(p.tile)}" width="{wide}" height="{high}" alt="{alt}">{caption}</figure>'
