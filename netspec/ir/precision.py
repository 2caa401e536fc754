"""The words that say how exactly a network is computed, the dtype of its numbers given."""

from __future__ import annotations

from ..diagnostics import near

DEFAULT = "float32"
PRECISIONS = {"float32": "the fastest forms: convolutions may be transformed (Winograd)",
              "exact": "convolutions as they are written: direct"}
LATER = ("bf16", "tf32")  # words that are kept for what is not there yet


def refusal(word: str) -> tuple[str, str] | None:
    """Why a word is no precision, and a hint; None where it is one."""
    if word in PRECISIONS:
        return None
    there = " and ".join(PRECISIONS)
    title = (f"there is no precision `{word}` yet; there are {there}" if word in LATER
             else f"there is no precision `{word}`; there are {there}")
    alike = None if word in LATER else near(word, PRECISIONS)
    return title, f"precision {alike or DEFAULT}"
