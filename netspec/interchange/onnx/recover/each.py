"""The images of an example: what stands between the taking apart of views and their joining is the body of an `each`."""

from __future__ import annotations

from ....layers.parts.images import VIEWS
from ....layers.structural.join_views import JoinViews
from ....layers.structural.split_views import SplitViews
from .term import NotSeries, Sequence, Term, over

_OPENS, _CLOSES = (("word", cls.name) for cls in (SplitViews, JoinViews))


def opened(seq: Sequence) -> None:
    """Put the views of a sequence, and of those inside it, into bodies of their own. Raises NotSeries where they do not nest."""
    k = 0
    while k < len(seq):
        if _is(seq[k], _CLOSES):
            raise NotSeries
        if _is(seq[k], _OPENS):
            end = next((j for j in range(k + 1, len(seq)) if _is(seq[j], _CLOSES)), None)
            if end is None:
                raise NotSeries
            first, last = seq[k], seq[end]
            made = over("each", (VIEWS,), kids=[seq[k + 1:end]], cin=first.cin, name=first.name)
            made.paths |= first.paths | last.paths
            seq[k:end + 1] = [made]
        for b in seq[k].bodies:
            opened(b)
        k += 1


def _is(t: Term, head: tuple[str, str]) -> bool:
    return t.kind == "step" and t.head == head
