"""Settings that say how a run goes: its seed, when it stops, which weights it keeps, where its numbers go."""

from __future__ import annotations

from ...diagnostics import near
from ...ir.training import LOGS
from ...limits import SEED
from ...syntax import tree
from ..binding.expressions import evaluate, number
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.values import UNKNOWN_VALUE


def seed_line(s: tree.Call, c: Context) -> int:
    """`seed 3`."""
    if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
        raise Mistake("wrong-argument", "seed takes one whole number", s.span, hint="seed 1")
    if evaluate(s.arguments[0], c, None) is UNKNOWN_VALUE:
        raise Silent
    v = number(s.arguments[0], c, None)
    if v != int(v):
        raise Mistake("not-whole", "seed is a whole number", s.arguments[0].span, f"this is {v:g}", hint=f"seed {round(v)}")
    if not 0 <= v < SEED:
        raise Mistake("out-of-range", f"a seed is 0 or more, and below 2^{SEED.bit_length() - 1}", s.arguments[0].span,
                      f"this is {v:g}", hint=f"seed {min(abs(int(v)), SEED - 1)}")
    return int(v)


def keep_line(s: tree.Call) -> tuple[str, ...]:
    """`keep best val_accuracy`, `keep best`, or `keep last`."""
    said = _words(s, "keep best val_accuracy")
    if not said or said[0] not in ("best", "last") or len(said) > (2 if said[0] == "best" else 1):
        alike = near(said[0], ("best", "last")) if said and said[0] not in ("best", "last") else None
        raise Mistake("wrong-argument", "keep is followed by `last`, or by `best` and the name of what is measured", s.span,
                      hint=f"did you mean `{alike}`?" if alike else "keep best val_accuracy")
    return said


def log_line(s: tree.Call) -> tuple[str, ...]:
    """`log csv`, `log jsonl tensorboard`."""
    said = _words(s, "log csv")
    unknown = next((w for w in said if w not in LOGS), None)
    if unknown is not None or not said:
        alike = near(unknown or "", LOGS)
        raise Mistake("unknown-word" if unknown else "missing-argument", f"there is no log called `{unknown}`" if unknown
                      else "`log` is followed by what to write", s.span, f"there are: {', '.join(LOGS)}",
                      hint=f"did you mean `{alike}`?" if alike else "log csv")
    return tuple(dict.fromkeys(said))


def _words(s: tree.Call, hint: str) -> tuple[str, ...]:
    for a in s.arguments:
        if not isinstance(a, (tree.Name, tree.Attribute)):
            raise Mistake("wrong-argument", f"{s.name} takes words alone", a.span, hint=hint)
    return tuple(tree.source_text(a) for a in s.arguments)
