"""What went where, as a table."""

from __future__ import annotations

from .matching import Matching
from .source import Source
from .values import Taken


def table(source: Source, m: Matching, values: list[Taken]) -> str:
    """A line for each layer of the net: where it is from, its shape, what was changed; then what is left on either side."""
    said: dict[str, list[str]] = {}
    for t in values:
        if t.how:
            said.setdefault(t.name.rpartition(".")[0], []).append(f"{t.name.rpartition('.')[2]} {t.how}")
    rows = [(u.name, m.pairs[u.name].name or "(the file itself)", "x".join(map(str, u.shape)), "; ".join(said.get(u.name, ())))
            for u in m.want if u.name in m.pairs]
    widths = [max((len(r[k]) for r in rows), default=0) for k in range(3)]
    lines = [f"{r[0]:{widths[0]}}  <- {r[1]:{widths[1]}}  {r[2]:{widths[2]}}  {r[3]}".rstrip() for r in rows]
    lines += [f"{u.name}  <- nothing: the file has it folded into the layer before it" for u in m.folded]
    lines += [f"{u.name}  <- nothing: as it was" for u in m.missing]
    taken = {id(u) for u in m.pairs.values()}
    over = [u.name for u in m.have if id(u) not in taken]
    tail = [f"{len(rows)} of {len(m.want)} layers, {m.how}{f', names of {m.family.name}' if m.family.name else ''}"]
    tail += [f"left in the file: {_few(over)}"] if over else []
    tail += [f"no layer's: {_few(m.odd)}"] if m.odd else []
    tail += [f"not looked at: {_few(list(source.left))}"] if source.left else []
    tail += [f"note: {n}" for n in m.family.notes]
    return "\n".join([*lines, "", *tail])


def _few(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} others" if len(names) > 12 else "")
