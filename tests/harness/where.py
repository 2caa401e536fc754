"""Where things of the repository lie, for tests in any folder."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
REFERENCES, CORPUS = TESTS / "references", TESTS / "corpus"
