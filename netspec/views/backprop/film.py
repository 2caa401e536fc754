"""A drawing that is made step by step: the whole, a frame a step, or a page that steps through it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import escape
from os import PathLike
from pathlib import Path

from ...diagnostics import UsageError, unwritable
from ...plain import shown
from ...reading import write
from ..drawing.sheet import Sheet

ENDINGS = (".svg", ".png", ".pdf", ".gif", ".html")
SECONDS = 0.9  # that a frame of an animation is shown


@dataclass
class Film:
    """A sheet, the steps that its parts belong to, and what each step says. Step 0 is what is there before the first."""

    sheet: Sheet
    title: str
    captions: list[str] = field(default_factory=lambda: ["before the first step"])
    spans: list[tuple[int, int | None]] = field(default_factory=list)  # of each part of the sheet: first and last step

    @contextmanager
    def during(self, first: int, last: int | None = None) -> Iterator[Sheet]:
        """What is drawn inside is seen from one step to another, or from it on."""
        self.spans += [(0, None)] * (len(self.sheet.parts) - len(self.spans))
        yield self.sheet
        self.spans += [(first, last)] * (len(self.sheet.parts) - len(self.spans))

    @property
    def last(self) -> int:
        return len(self.captions) - 1

    @property
    def svg(self) -> str:
        """The whole: everything that stays."""
        return self._sheet([p for p, (_, last) in self._parts() if last is None]).svg

    def frame(self, step: int) -> str:
        """The drawing as it is at a step. Errors: there is none of this number."""
        if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= self.last:
            raise UsageError(f"a step is a whole number from 0 to {self.last}, not {shown(repr(step))}", hint=f".frame({self.last})")
        return self._sheet([p for p, (first, last) in self._parts() if first <= step and (last is None or step <= last)]).svg

    def layer(self, step: int, stays: bool) -> str:
        """Only what a step adds, on no ground: what stays from it on, or what is seen for a while."""
        parts = [p for p, (first, last) in self._parts()
                 if (last is None and first == step if stays else last is not None and first <= step <= last)]
        return replace(self.sheet, theme=replace(self.sheet.theme, page=None), parts=parts).svg

    @property
    def html(self) -> str:
        """A page of its own, which needs nothing beside it and begins before the first step: the arrow keys, a slider or a click
        go from step to step, and a button plays them."""
        parts = [f'<g data-first="{first}"' + ("" if last is None else f' data-last="{last}"') + f">{p}</g>"
                 for p, (first, last) in self._parts()]
        theme = self.sheet.theme
        captions = "".join(f"<li>{escape(shown(c))}</li>" for c in self.captions)
        return PAGE.format(title=escape(shown(self.title)), ground=theme.page or "#ffffff", ink=theme.text,
                           svg=self._sheet(parts).svg, captions=captions, last=self.last, pause=round(1000 * SECONDS))

    def save(self, path: str | PathLike[str]) -> None:
        """The whole as .svg, .png or .pdf, all steps as .html or .gif, or a file for each step in a folder: `frames/`, which
        is made where its parent is there.

        Errors: another ending; a picture that is no .svg or .html without the extra `viz`; a place that cannot be written.
        """
        if not isinstance(path, (str, PathLike)):
            raise UsageError(f"a drawing is written to a path, not to a {type(path).__name__}", hint='.save("steps.html")')
        target = Path(path)
        if folder(path):
            width = len(str(self.last))
            files = {target / f"{k:0{width}}.svg": self.frame(k).encode() for k in range(self.last + 1)}
        elif target.suffix.lower() in ENDINGS:
            files = {target: self._data(target.suffix.lower())}
        else:
            raise UsageError(f"steps are drawn as {', '.join(ENDINGS)}, or in a folder, and `{target.name}` ends in {target.suffix}",
                             hint=f"{target.stem or 'steps'}.html")
        try:
            if folder(path):
                target.mkdir(exist_ok=True)
            for name, data in files.items():
                write(name, data)
        except (OSError, ValueError) as e:
            raise unwritable(target, e) from None

    def _data(self, ending: str) -> bytes:
        if ending == ".svg":
            return self.svg.encode()
        if ending == ".html":
            return self.html.encode()
        from ..drawing.rendering import pdf, raster

        if ending == ".pdf":
            return pdf(self.svg)
        if ending == ".png":
            return raster(self.svg, page=self.sheet.theme.page)
        from .animation import gif

        return gif(self.layer, self.svg, self.sheet.theme.page or "white", self.last + 1)

    def _parts(self) -> list[tuple[str, tuple[int, int | None]]]:
        spans = [*self.spans, *[(0, None)] * (len(self.sheet.parts) - len(self.spans))]
        return list(zip(self.sheet.parts, spans))

    def _sheet(self, parts: list[str]) -> Sheet:
        return replace(self.sheet, parts=parts)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Film of {self.title}: {self.last} steps"


def folder(path: str | PathLike[str]) -> bool:
    """Whether a place for frames is a folder: one that is there, or a path without an ending."""
    return str(path).endswith(("/", "\\")) or os.path.isdir(path) or not Path(path).suffix


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body {{ margin: 0; background: {ground}; color: {ink}; font: 16px Helvetica, Arial, sans-serif; }}
main {{ max-width: 1200px; margin: auto; padding: 12px; }}
svg {{ width: 100%; height: auto; }}
form {{ display: flex; gap: 12px; align-items: center; }}
input {{ flex: 1; }}
button {{ font: inherit; padding: 4px 14px; }}
[hidden] {{ display: none; }}
ol {{ display: none; }}
</style></head>
<body><main>
{svg}
<form><button type="button" id="back" aria-label="a step back">◀</button>
<input type="range" id="step" min="0" max="{last}" value="0" aria-label="step">
<button type="button" id="on" aria-label="a step on">▶</button>
<button type="button" id="play">play</button> <output id="at"></output></form>
<p id="said" aria-live="polite"></p>
<ol id="captions">{captions}</ol>
</main><script>
const slider = document.getElementById("step"), parts = [...document.querySelectorAll("g[data-first]")];
const captions = [...document.querySelectorAll("#captions li")].map(c => c.textContent);
function show() {{
  const k = +slider.value;
  for (const p of parts) {{
    const seen = +p.dataset.first <= k && (!p.dataset.last || k <= +p.dataset.last);
    p.style.display = seen ? "" : "none";
  }}
  document.getElementById("said").textContent = captions[k];
  document.getElementById("at").textContent = k + " of {last}";
}}
function go(by) {{ slider.value = +slider.value + by; show(); }}
const play = document.getElementById("play");
let playing = 0;
function stop() {{ clearInterval(playing); playing = 0; play.textContent = "play"; }}
function step(by) {{ stop(); go(by); }}
play.onclick = () => {{
  if (playing) return stop();
  if (+slider.value === {last}) go(-{last});
  play.textContent = "pause";
  playing = setInterval(() => {{ go(1); if (+slider.value === {last}) stop(); }}, {pause});
}};
slider.oninput = () => {{ stop(); show(); }};
document.getElementById("back").onclick = () => step(-1);
document.getElementById("on").onclick = () => step(1);
document.addEventListener("keydown", e => {{
  if (e.target !== slider && (e.key === "ArrowRight" || e.key === "ArrowLeft")) step(e.key === "ArrowRight" ? 1 : -1);
}});
show();
</script></body></html>
"""
