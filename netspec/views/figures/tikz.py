"""A drawing as a LaTeX file of its own, which needs TikZ and nothing else: compile it, or copy its picture into a paper."""

from __future__ import annotations

from unicodedata import name as unicode_name
from unicodedata import normalize

from ...plain import shown
from .canvas import Canvas, Dot, Group, Path, Text
from .paint import Ink

SIGNS = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
         "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "×": r"$\times$", "√": r"$\surd$", "…": r"\dots{}", "·": r"$\cdot$",
         "³": "$^3$", "−": "$-$", "<": "$<$", ">": "$>$", "|": r"$|$", '"': "''", "→": r"$\rightarrow$"}
LETTERS = {"ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}",
           "Ł": r"\L{}", "ı": r"\i{}", "µ": r"$\mu$", "–": "--", "—": "---", "’": "'", "‘": "`", "“": "``", "”": "''",
           "°": r"$^\circ$", "²": "$^2$", "±": r"$\pm$"}
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".", "\u0308": '"',
           "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c"}
GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "mu", "nu", "xi", "pi", "rho",
         "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega")
PATTERNS = {"hatch": "north east lines", "dots": "dots", "rows": "horizontal lines"}
PAD = 2
HEAD = r"""% {title}
% Drawn by netspec. It compiles by itself; in a paper, copy the tikzpicture, and say in the preamble:
%   \usepackage{tikz} \usetikzlibrary{patterns}
\documentclass{article}
\usepackage{tikz}
\usetikzlibrary{patterns}
\pagestyle{empty}
\parindent=0pt \topskip=0pt \parskip=0pt \hoffset=-1in \voffset=-1in
\oddsidemargin=0pt \evensidemargin=0pt \topmargin=0pt \headheight=0pt \headsep=0pt
\textwidth={wide}bp \textheight={high}bp \paperwidth={wide}bp \paperheight={high}bp
\ifdefined\pagewidth \pagewidth={wide}bp \pageheight={high}bp \else \pdfpagewidth={wide}bp \pdfpageheight={high}bp \fi
"""


def tikz(canvas: Canvas, ink: Ink, title: str) -> str:
    """The whole file, as wide and high as the drawing or its page."""
    left, top, right, bottom = canvas.sheet(PAD)
    wide, high = f"{right - left + 0.02:.2f}", f"{bottom - top + 0.02:.2f}"
    colours: dict[str, str] = {}
    body = [line for i in canvas.items if (line := _item(i, ink, colours))]
    if ink.page not in (None, "#ffffff"):
        body.insert(0, rf"\fill[{_colour(ink.page or '', colours)}] ({left:.2f},{top:.2f}) rectangle ({right:.2f},{bottom:.2f});")
    head = HEAD.replace("{title}", shown(title)).replace("{wide}", wide).replace("{high}", high)
    defined = [rf"\definecolor{{{name}}}{{HTML}}{{{value[1:].upper()}}}" for value, name in colours.items()]
    return "\n".join([
        head + "\n".join(defined), r"\begin{document}%",
        r"\begin{tikzpicture}[x=1bp,y=-1bp,inner sep=0pt,outer sep=0pt,line join=round,"
        r"every node/.style={scale=0.7,font=\normalsize\sffamily,anchor=base}]",
        rf"\useasboundingbox ({left:.2f},{top:.2f}) rectangle ({right:.2f},{bottom:.2f});", *body,
        r"\end{tikzpicture}%", r"\end{document}", ""])


def _colour(value: str, colours: dict[str, str]) -> str:
    return colours.setdefault(value, f"netspec{_letters(len(colours))}")


def _letters(k: int) -> str:
    return chr(97 + k % 26) if k < 26 else _letters(k // 26 - 1) + chr(97 + k % 26)


def _item(item: Path | Dot | Text | Group, ink: Ink, colours: dict[str, str]) -> str:
    if isinstance(item, Group):
        return ""
    if isinstance(item, Dot):
        (x, y), r = item.at, item.radius
        return rf"\fill[{_colour(ink(item.fill), colours)}] ({x:.2f},{y:.2f}) circle[radius={r:.4g}bp];"
    if isinstance(item, Path):
        return _path(item, ink, colours)
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[item.anchor]
    options = [f"anchor={anchor}", f"text={_colour(ink(item.fill), colours)}"]
    options += [f"scale={item.size / 7:.3f}"] * (item.size != 7) + ["rotate=90"] * (not item.upright)
    text = r"\itshape " * item.italic + r"\bfseries " * item.bold + escape(item.text)
    return rf"\node[{','.join(options)}] at ({item.x:.2f},{item.y:.2f}) {{{text}}};"


def _path(p: Path, ink: Ink, colours: dict[str, str]) -> str:
    options = []
    if p.fill is not None:
        options += [f"fill={_colour(ink(p.fill), colours)}"] + [f"fill opacity={p.opacity}"] * (p.opacity < 1)
    if p.stroke is not None:
        options += [f"draw={_colour(ink(p.stroke), colours)}", f"line width={p.width:.4g}bp"]
    if p.dash:
        on = [f"{'on' if k % 2 == 0 else 'off'} {n:.4g}bp" for k, n in enumerate(p.dash)]
        options.append("dash pattern=" + " ".join(on))
    at = [f"({x:.2f},{y:.2f})" for x, y in p.points]
    straight = " -- ".join(at) + (" -- cycle" if p.closed else "")
    way = f"{at[0]} .. controls {at[1]} and {at[2]} .. {at[3]}" if p.curve else straight
    over = ""
    if p.pattern:
        over = rf"\fill[pattern={PATTERNS[p.pattern]},pattern color={_colour(ink.mark(p.pattern), colours)}] {way};"
    return rf"\path[{','.join(options)}] {way};{over}"


def escape(text: str) -> str:
    """Text as LaTeX sets it, whatever font is loaded: what it has no sign for is written by its number."""
    return "".join(map(_sign, normalize("NFC", shown(text))))


def _sign(c: str) -> str:
    if c in SIGNS or c.isascii():
        return SIGNS.get(c, c)
    if c in LETTERS:
        return LETTERS[c]
    letter, accent = (apart := normalize("NFD", c))[0], apart[1:]
    if letter.isascii() and letter.isalpha() and accent in ACCENTS:
        return rf"\{ACCENTS[accent]}{{{letter}}}"
    name = unicode_name(c, "")
    greek = name.removeprefix("GREEK SMALL LETTER ").lower()
    return rf"$\{greek}$" if greek in GREEK and name.startswith("GREEK SMALL") else f"U+{ord(c):04X}"
