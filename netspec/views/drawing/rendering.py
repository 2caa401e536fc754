"""DOT text -> SVG -> PNG or PDF. Graphviz comes as WebAssembly with the install; a `dot` on the PATH is used if there is one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any

from ...diagnostics import UsageError
from .graphviz_module import render
from .lettering import FONTS

DPI = 150  # of a PNG: an inch of the drawing is so many dots


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


def raster(drawing: str, dpi: int = 96, page: str | None = "white") -> bytes:
    """SVG text as a PNG picture, set in the bundled font, on a page of this colour; needs the extra `viz`."""
    try:
        import resvg_py
    except ImportError:
        raise UsageError("a PNG needs resvg-py", hint="pip install 'netspec-nn[viz]'   or   draw an .svg") from None
    fonts = [str(f) for f in sorted(FONTS.glob("*.ttf"))]
    return bytes(resvg_py.svg_to_bytes(svg_string=drawing, dpi=dpi, background=page, font_files=fonts, skip_system_fonts=True,
                                       font_family="Arimo", sans_serif_family="Arimo"))


def pdf(svg: str) -> bytes:
    """SVG text as a PDF of one page of its size: lines stay lines and text stays text, in the bundled font; needs the extra
    `viz`."""
    try:
        import typst
    except ImportError:
        raise UsageError("a PDF needs typst", hint="pip install 'netspec-nn[viz]'   or   draw an .svg") from None
    wide, high = (re.search(rf'<svg [^>]*?\b{side}="([\d.]+)(?:pt)?"', svg) for side in ("width", "height"))
    if wide is None or high is None:
        raise UsageError("an SVG without a size is no page")
    text = (f"#set document(date: none)\n#set page(width: {wide[1]}pt, height: {high[1]}pt, margin: 0pt, fill: none)\n"
            f"#image(bytes({json.dumps(svg, ensure_ascii=False)}), format: \"svg\", width: 100%, height: 100%)\n")
    fonts: Any = [str(FONTS)]
    try:
        made: Any = typst.compile(text.encode(), font_paths=fonts, ignore_system_fonts=True, format="pdf", timestamp=0)
    except RuntimeError as e:
        raise UsageError(f"typst could not make a PDF: {e}") from None
    return bytes(made)
