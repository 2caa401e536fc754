"""What is around a page: one file without programs, which asks the network for nothing; its policy lets nothing run or load."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from ...version import __version__
from .html import colours, heat, text

ICON = "data:,"


def shell(title: str, body: str, refresh: int | None = None, style: str = "") -> str:
    """A whole page; with `refresh` it is read anew after so many seconds. `style` is its own besides that of all pages."""
    sheet = files(__package__).joinpath("parts", "page.css").read_text(encoding="utf-8")
    sheet = sheet.replace("{{colours}}", colours()).replace("{{heat}}", heat()) + style
    own = b64encode(sha256(sheet.encode()).digest()).decode()
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'sha256-{own}'\">{again}"
            f'<link rel="icon" href="{ICON}"><title>{text(title)}</title><style>{sheet}</style></head>\n<body><main>\n{body}\n'
            f"<p class=soft>netspec {__version__}</p></main></body></html>\n")
