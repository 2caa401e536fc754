"""`netspec explain`: the page of a word or of an error's code."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ....diagnostics import UsageError, near
from ...telling import say

ABOUT = "explain a layer, a loss, an optimiser, or the code of an error"
EXAMPLES = ("netspec explain conv", "netspec explain shape-mismatch")
ALSO = ("help",)


def arguments(c: ArgumentParser) -> None:
    c.add_argument("word", nargs="?", metavar="WORD",
                   help="what to explain; without it, everything that can be explained is listed")


def run(args: Namespace) -> int:
    """The page of a word: a layer's, a loss's, an optimiser's, one of the language itself, or an error's code."""
    import textwrap

    from ....catalogue import CATALOGUE
    from ....views.words.explain import explain_word, words
    from ....views.words.vocabulary import VOCABULARY, vocabulary_page

    sorts = {**words(), "words of the language": list(VOCABULARY), "errors": sorted(CATALOGUE)}
    if args.word is None:
        for sort, names in sorts.items():
            listed = textwrap.fill(", ".join(names), 98, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
            say(f"{sort}:\n{listed}")
        return 0
    pages = [p for p in (explain_word(args.word), vocabulary_page(args.word), CATALOGUE.get(args.word)) if p]
    if not pages:
        close = near(args.word, [w for names in sorts.values() for w in names])
        raise UsageError(f"there is nothing called `{args.word}` to explain", hint=f"did you mean {close}?" if close
                         else "netspec explain")
    say("\n".join(pages).rstrip())
    return 0
