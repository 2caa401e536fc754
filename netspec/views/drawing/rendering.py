"""DOT text -> SVG -> PNG or PDF. Graphviz comes as WebAssembly with the install; a `dot` on the PATH is used if there is one."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import zlib
from typing import Any

from ...diagnostics import UsageError
from .graphviz_module import render
from .lettering import FONTS

FINE, COARSE = 300, 150  # dots of a PNG to an inch of the drawing: as printers have them, and of one that would be too large so
MOST = 8000  # dots that a side has before it is drawn coarser
SCREEN = 72  # a dot for each point
SIDE = r'(<svg [^>]*?\b{}=")([\d.]+)(?:pt)?"'  # a length without a unit is in points


def laid_out(dot: str) -> str:
    """DOT text as SVG, as Graphviz makes it, without its comments, so that the same network gives the same file."""
    program = shutil.which("dot")
    raw = _system(program, dot) if program and os.path.isabs(program) else render(dot)  # none of the current folder's
    return re.sub(r"<!--.*?-->\n?", "", raw, flags=re.DOTALL)


def _system(program: str, dot: str) -> str:
    done = subprocess.run([program, "-Tsvg"], input=dot.encode(), capture_output=True, check=False)
    if done.returncode:
        raise UsageError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def raster(drawing: str, page: str | None = "white", dpi: int | None = None) -> bytes:
    """SVG text as a PNG picture, set in the bundled font, on a page of this colour; needs the extra `viz`. It says how many dots
    an inch has, so that it is printed in the size of the drawing: enough for print, unless told how many."""
    try:
        import resvg_py
    except ImportError:
        raise UsageError("a PNG needs resvg-py", hint="pip install 'netspec-nn[viz]'   or   draw an .svg") from None
    fonts = [str(f) for f in sorted(FONTS.glob("*.ttf"))]
    longest = 1.0
    for side in ("width", "height"):
        found = re.search(SIDE.format(side), drawing)
        longest = max(longest, float(found[2]) if found else 1.0)
        drawing = re.sub(SIDE.format(side), r'\1\2pt"', drawing, count=1)
    dots = dpi or max(COARSE, min(FINE, int(MOST * 72 / longest)))
    made = bytes(resvg_py.svg_to_bytes(svg_string=drawing, dpi=dots, background=page, font_files=fonts, skip_system_fonts=True,
                                       font_family="Arimo", sans_serif_family="Arimo"))
    metre = round(dots / 0.0254)
    said = b"pHYs" + struct.pack(">IIB", metre, metre, 1)
    return made[:33] + struct.pack(">I", 9) + said + struct.pack(">I", zlib.crc32(said)) + made[33:]  # after the first chunk


def pdf(svg: str) -> bytes:
    """SVG text as a PDF of one page of its size: lines stay lines and text stays text, in the bundled font; needs the extra
    `viz`."""
    try:
        import typst
    except ImportError:
        raise UsageError("a PDF needs typst", hint="pip install 'netspec-nn[viz]'   or   draw an .svg") from None
    wide, high = (re.search(SIDE.format(side), svg) for side in ("width", "height"))
    if wide is None or high is None:
        raise UsageError("an SVG without a size is no page")
    text = (f"#set document(date: none)\n#set page(width: {wide[2]}pt, height: {high[2]}pt, margin: 0pt, fill: none)\n"
            f"#image(bytes({json.dumps(svg, ensure_ascii=False)}), format: \"svg\", width: 100%, height: 100%)\n")
    fonts: Any = [str(FONTS)]
    try:
        made: Any = typst.compile(text.encode(), font_paths=fonts, ignore_system_fonts=True, format="pdf", timestamp=0)
    except RuntimeError as e:
        raise UsageError(f"typst could not make a PDF: {e}") from None
    return bytes(made)
