"""The notebooks of docs/notebooks/ as pages with what their cells show: they are run whenever the site is made.

    pip install '.[docs]' && mkdocs build --strict       makes the pages, with the rest of the site
    python docs/build_site/lectures.py FOLDER            runs the notebooks and writes them into a folder, with their outputs

In git they have no outputs. A cell that fails ends the making of the site, unless it has the tag `raises-exception`.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import netspec

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "docs" / "notebooks"
FOLDER = "notebooks"
PATIENCE = 600  # seconds that a cell may take
ORDER = ("first_net", "digits", "transfer", "style", "looking_inside")
Book = dict[str, Any]


def pages() -> Iterator[tuple[str, str, list[str]]]:
    """(path in the site, Markdown, the HTML of its outputs) of each notebook: `placed` puts these where the page has room for them."""
    texts = [(NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8") for name in ORDER]
    with ThreadPoolExecutor(2) as pool:
        for name, book in zip(ORDER, pool.map(executed, texts)):
            yield f"{FOLDER}/{name}.md", *page(book, name)


@cache  # `mkdocs serve` asks again whenever any page is saved
def executed(text: str) -> Book:
    """The notebook with its outputs, run in an empty folder, without the places of this machine. Raises where a cell fails."""
    import nbclient
    import nbformat

    book = nbformat.reads(text, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(book, timeout=PATIENCE, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    found: Book = json.loads(nbformat.writes(book).replace(f"{Path(netspec.__file__).parents[1]}/", ""))
    return found


def page(book: Book, name: str) -> tuple[str, list[str]]:
    """A notebook as Markdown, and the HTML of what its cells show."""
    out, shown = [], list[str]()
    for cell in book["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            out.append(re.sub(r"\.ipynb\)", ".md)", text))
            continue
        out.append(f"```python\n{text}\n```")
        if html := "".join(map(output, cell["outputs"])):
            out.append(room(len(shown)))
            shown.append(f'<div class="cell-output">{html}</div>')
        if not out[0].endswith("download }"):
            out[0] += f"\n\n[The notebook as a file]({name}.ipynb){{ download }}"
    return "\n\n".join(out) + "\n", shown


def room(k: int) -> str:
    """Where an output will stand."""
    return f'<div data-output="{k}"></div>'


def placed(html: str, shown: list[str]) -> str:
    """A page with its outputs in it."""
    return re.sub(r'<div data-output="(\d+)"></div>', lambda m: shown[int(m[1])], html)


def output(found: dict[str, Any]) -> str:
    """What a cell shows, as HTML: the richest form there is."""
    if found["output_type"] == "stream":
        return f"<pre>{escape(''.join(found['text']))}</pre>" if found["name"] == "stdout" else ""
    if found["output_type"] == "error":
        return f"<pre>{coloured(chr(10).join(found['traceback']))}</pre>"
    data = found["data"]
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return f'<div class="cell-wide">{"".join(data[kind])}</div>'
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    return f"<pre>{escape(''.join(data['text/plain']))}</pre>"


def coloured(text: str) -> str:
    """The colours of a terminal as spans."""
    out, is_open = [], False
    for k, part in enumerate(re.split(r"\x1b\[([\d;]*)m", text)):
        if k % 2 == 0:
            out.append(escape(part))
            continue
        out += ["</span>"] * is_open
        names = [f"ansi-{n}" for n in part.split(";") if n.strip("0")]
        is_open = bool(names)
        out += [f'<span class="{" ".join(names)}">'] * is_open
    return "".join(out) + "</span>" * is_open


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for one in ORDER:
        book = executed((NOTEBOOKS / f"{one}.ipynb").read_text(encoding="utf-8"))
        (target / f"{one}.ipynb").write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
