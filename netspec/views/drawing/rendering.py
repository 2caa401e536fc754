"""DOT text -> SVG or PNG. Graphviz comes as WebAssembly with the install; a `dot` on the PATH is used where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html import unescape

from ...diagnostics import UsageError
from .graphviz_module import render
from .lettering import FAMILY, FONTS, width
from .looks import THEMES


def svg(dot: str) -> str:
    """The drawing as SVG text."""
    program = shutil.which("dot")
    raw = _system(program, dot) if program and os.path.isabs(program) else render(dot)  # none of the current folder's
    return _tidy(raw)


def png(dot: str, dpi: int = 96) -> bytes:
    """The drawing as a PNG picture; needs the extra `viz`."""
    return raster(svg(dot), dpi)


def raster(drawing: str, dpi: int = 96, page: str | None = "white") -> bytes:
    """SVG text as a PNG picture on a page of this colour; needs the extra `viz`."""
    try:
        import resvg_py
    except ImportError:
        raise UsageError("a PNG needs resvg-py", hint="pip install 'netspec-nn[viz]'   or   draw an .svg") from None
    fonts = [str(f) for f in sorted(FONTS.glob("*.ttf"))]
    return bytes(resvg_py.svg_to_bytes(svg_string=drawing, dpi=dpi, background=page, font_files=fonts, skip_system_fonts=True,
                                       font_family="Arimo", sans_serif_family="Arimo"))


def _system(program: str, dot: str) -> str:
    done = subprocess.run([program, "-Tsvg"], input=dot.encode(), capture_output=True, check=False)
    if done.returncode:
        raise UsageError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def _tidy(text: str) -> str:
    """Without the generator's comments, so that the same network gives the same file, and with the boxes' text set: what
    it does in bold, its shape small and grey. Every text is as wide as it was laid out, whatever font a viewer has."""
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="node\d+" class="node">.*?\n</g>', lambda m: _set(m[0]), text, flags=re.DOTALL)
    text = re.sub(r'(<text [^>]*?)font-family="[^"]*"([^>]*)>([^<]*)<', _fitted, text)
    return text[text.index("<svg"):]


def _set(box: str) -> str:
    lines = re.findall(r"<text.*?</text>", box)
    if len(lines) < 2:
        return box
    box = box.replace(lines[0], lines[0].replace("<text ", '<text font-weight="bold" ', 1))
    small = re.sub(r'font-size="([\d.]+)"', f'font-size="9.00" fill="{THEMES["light"].quiet}"', lines[-1])
    return box.replace(lines[-1], small) if lines[-1] != lines[0] else box


def _fitted(m: re.Match[str]) -> str:
    """A text with the font's names and its width."""
    before, after, text = m.groups()
    size = re.search(r'font-size="([\d.]+)"', before + after)
    wide = width(unescape(text), float(size[1]) if size else 14, 'font-weight="bold"' in before)
    fit = f' textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs"' if text.strip() else ""
    return f'{before}font-family="{FAMILY}"{after}{fit}>{text}<'
