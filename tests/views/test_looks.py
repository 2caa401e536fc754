"""Colours and patterns: text can be read on them, and the kinds are told apart, by colour-blind readers and in grey too."""

from __future__ import annotations

from itertools import combinations

import pytest

from netspec.views.drawing.looks import KINDS, MARKS, THEMES, Theme, contrast, lightness, linear
from netspec.words.layer import LAYERS

SEEN_AS = {  # Machado, Oliveira and Fernandes 2009, severity 1: how light reaches an eye
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((.152286, 1.052583, -.204868), (.114503, .786281, .099216), (-.003882, -.048116, 1.051998)),
    "deuteranopia": ((.367322, .860646, -.227968), (.280085, .672501, .047413), (-.011820, .042940, .968881)),
    "tritanopia": ((1.255528, -.076749, -.178779), (-.078411, .930809, .147602), (.004733, .691367, .303900)),
}


def lab(light: list[float]) -> tuple[float, float, float]:
    """CIELAB of linear sRGB, white D65."""
    x, y, z = (sum(w * v for w, v in zip(row, light)) for row in (
        (.4124, .3576, .1805), (.2126, .7152, .0722), (.0193, .1192, .9505)))
    f = [max(v, 0) ** (1 / 3) if v > 216 / 24389 else (v * 24389 / 27 + 16) / 116 for v in (x / .95047, y, z / 1.08883)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


@pytest.mark.parametrize("eye", SEEN_AS)
def test_any_eye_tells_two_kinds_apart(eye: str) -> None:
    tones = {kind: lab([sum(w * v for w, v in zip(row, linear(look.tone))) for row in SEEN_AS[eye]])
             for kind, look in KINDS.items()}
    for a, b in combinations(tones, 2):
        apart = sum((x - y) ** 2 for x, y in zip(tones[a], tones[b])) ** 0.5
        assert apart > 10, f"{a} and {b} are {apart:.1f} apart"


def test_what_is_alike_in_grey_has_another_pattern() -> None:
    for (_, a), (_, b) in combinations(KINDS.items(), 2):
        assert a.pattern != b.pattern or abs(lightness(a.tone) - lightness(b.tone)) > 15
    assert {look.pattern for look in KINDS.values()} <= set(MARKS)


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_text_can_be_read_on_every_kind(theme: Theme) -> None:
    for kind in KINDS:
        assert contrast(theme.text, theme.fill(kind)) > 7
        assert contrast(theme.quiet, theme.fill(kind)) > 4.5
    for page in [theme.page] if theme.page else ["#ffffff", "#0f172a"]:
        assert contrast(theme.label, page) > (4.5 if theme.page else 3.5)
        assert all(contrast(colour, page) > 2.2 for colour in (theme.line, theme.frame, theme.skip, theme.reference))


def test_every_layer_has_a_kind_of_its_own() -> None:
    assert {layer.category for layer in LAYERS.values()} <= set(KINDS) - {"block", "other"}
