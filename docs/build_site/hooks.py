"""What mkdocs.yml adds to the pages of docs/ as the site is built: README.md as the first page, the files of the project, and a
page for every word, for every file of specs/ and for every notebook.

    pip install '.[docs]' && mkdocs build --strict          or   mkdocs serve, while writing
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gallery
import lectures
from mkdocs.structure.files import File, Files

import words

ROOT = Path(__file__).resolve().parents[2]
BESIDE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "LICENSE": "license.md"}
outputs: dict[str, list[str]] = {}  # of the pages that are notebooks


def on_config(config: Any) -> Any:
    """Navigation that is read from what there is."""
    titled = {title: part for entry in config.nav if isinstance(entry, dict) for title, part in entry.items()}
    titled["Words"] += [{title: [{name: page} for name, page in group]} for title, group in words.groups()]
    titled["Gallery"] += [{name: f"{gallery.FOLDER}/{name}.md"} for name in gallery.names()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Pages that lie elsewhere, and pages that are written here."""
    for name, page in BESIDE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        text = f"# Licence\n\n```text\n{text.strip(chr(10))}\n```\n" if name == "LICENSE" else placed(text)
        files.append(File.generated(config, page, content=text))
    for path, text in (*words.pages(), *gallery.pages()):
        files.append(File.generated(config, path, content=text))
    for path, text, shown in lectures.pages():
        outputs[path] = shown
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links from docs/ to the files beside it, and to notebooks, lead to their pages."""
    markdown = re.sub(r"\]\((notebooks/\w+)\.ipynb\)", r"](\1.md)", markdown)
    return re.sub(r"\]\(\.\./(\w+(?:\.md)?)\)", lambda m: f"]({BESIDE.get(m[1], '../' + m[1])})", markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """What the cells of a notebook show comes in as it is."""
    return lectures.placed(html, outputs.get(page.file.src_uri, []))


def placed(text: str) -> str:
    """A file of the repository's root as a page of the site: links into docs/ and to the other such files are links to pages."""
    text = re.sub(r"(\]\(|src=\")docs/", r"\1", text)
    return re.sub(r"\]\((\w+(?:\.md)?)\)", lambda m: f"]({BESIDE.get(m[1], m[1])})", text)
