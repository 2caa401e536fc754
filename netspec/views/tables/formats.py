"""A table as Markdown, LaTeX, HTML or CSV. Each escapes what its language would read as an order."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

from ...plain import shown
from .table import Line, Table

TEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
       "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
       '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "…": r"\dots{}", "×": r"$\times$",
       "·": r"$\cdot$"}
LOOK = ("font-family:system-ui,Helvetica,Arial,sans-serif", "max-width:none", "margin:2em")


def markdown(table: Table) -> str:
    """A table of GitHub's Markdown."""
    table = table.filled
    def row(texts: list[str]) -> str:
        return "| " + " | ".join(texts) + " |"

    lines = [row([_markdown(c.head) for c in table.columns]),
             row(["---:" if c.align == "right" else "---" for c in table.columns])]
    for line in table.lines:
        first, *others = map(_markdown, line.cells)
        lines.append(row(["&nbsp;" * 4 * line.depth + (f"**{first}**" if line.heading and first else first), *others]))
    below = [f"{_markdown(text)}  " for text in table.below]
    above = [f"**{_markdown(table.title)}**", ""] if table.title else []
    return "\n".join([*above, *lines, "", *below]).rstrip() + "\n"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", shown(text).replace("&", "&amp;"))


def latex(table: Table) -> str:
    """A tabular in the manner of booktabs, for pdfLaTeX and those after it."""
    table = table.filled
    columns = "".join("r" if c.align == "right" else "l" for c in table.columns)
    lines = [r"% \usepackage[T1]{fontenc}", r"% \usepackage{booktabs, textcomp}", *([f"% {shown(table.title)}"] if table.title else []),
             rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(_tex(c.head) for c in table.columns) + r" \\", r"\midrule"]
    for line in table.lines:
        first, *others = (_tex(c) for c in line.cells)
        first = r"\quad " * line.depth + (rf"\textit{{{first}}}" if line.heading and first else first)
        lines.append(" & ".join([first, *others]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", *(f"% {shown(t)}" for t in table.below)]) + "\n"


def _tex(text: str) -> str:
    """Text for LaTeX; a shape (64x56x56) with signs of multiplication."""
    if re.fullmatch(r"(\d+ x )?[\d?]+(x[\d?]+)+", text):
        return "$" + text.replace(" x ", "x").replace("x", r" \times ") + "$"
    out = "".join(TEX.get(c, c) for c in shown(text))
    return rf"{{}}{out}" if out.startswith(("[", "*")) else out  # else an option of the line before


def html(table: Table) -> str:
    """A table for a notebook or a page, its look in its tags."""
    table = table.filled
    style = [f"text-align:{c.align};white-space:pre;padding:1px 8px" for c in table.columns]
    head = "".join(f'<th style="{s}">{escape(shown(c.head))}</th>' for s, c in zip(style, table.columns))
    body = "\n".join(_row(line, style) for line in table.lines)
    below = "".join(f"<p>{escape(shown(t))}</p>" for t in table.below)
    above = f"<p><b>{escape(table.title)}</b></p>" if table.title else ""
    return (f"{above}<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>{below}")


def _row(line: Line, style: list[str]) -> str:
    cells = []
    for k, (look, text) in enumerate(zip(style, line.cells)):
        inner = escape(shown(text))
        cells.append(f'<td style="{look}{f";padding-left:{8 + 16 * line.depth}px" if k == 0 else ""}">'
                     + (f"<b>{inner}</b>" if line.heading and k == 0 else inner) + "</td>")
    return f'<tr{_shade(line)}>{"".join(cells)}</tr>'


def _shade(line: Line) -> str:
    return ' style="background:rgba(127,127,127,.12)"' if line.heading else ""


def page(table: Table) -> str:
    """A file of its own for a browser."""
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
            f'<title>{escape(table.title or "netspec")}</title>\n<style>body {{ {"; ".join(LOOK)} }} table {{ border-collapse: collapse;'
            ' font-size: 14px; font-variant-numeric: tabular-nums }\nthead tr { border-bottom: 2px solid } tbody tr { border-bottom: '
            '1px solid rgba(127,127,127,.25) } tbody { border-bottom: 2px solid }</style></head>\n'
            f"<body>{html(table)}</body></html>\n")


def comma_separated(table: Table) -> str:
    """Comma-separated values as RFC 4180 has them (ends of lines apart): raw numbers, and nothing where one is not known."""
    out = io.StringIO()
    records = list(table.records())
    heads = list(records[0]) if records else [c.head for c in table.columns]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_value(r[h]) for h in heads] for r in records)
    return out.getvalue()


def _value(v: Any) -> Any:
    return "" if v is None else shown(v) if isinstance(v, str) else v


FORMATS: dict[str, Callable[[Table], str]] = {"md": markdown, "csv": comma_separated, "latex": latex, "html": page}
