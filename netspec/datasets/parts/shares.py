"""`validation=` and `test=` of a data line: a share of the examples, or where others lie."""

from __future__ import annotations

from typing import Any

from ...words import WordError, spelled


def check(validation: Any, test: Any, other: str) -> None:
    """Refuse what is no share; `other` is what a text names instead: "a folder". Empty where it names nothing."""
    shares = 0.0
    for name, v in (("validation", validation), ("test", test)):
        if v is None or (other and isinstance(v, str)):
            continue
        if isinstance(v, bool) or not isinstance(v, int | float):
            raise WordError(f"{name} is a share of the examples{f', or {other} in quotes' if other else ''}",
                            f"this is {spelled(v)}", code="bad-value", hint=f"{name}=0.2")
        if not 0 < v < 1:
            raise WordError(f"{name} is a share of the examples: more than 0 and less than 1", f"this is {v:g}",
                            code="out-of-range", hint=f"{name}=0.2")
        shares += v
    if shares >= 1:
        raise WordError("nothing is left to train", f"validation={validation:g} and test={test:g} are all examples",
                        code="out-of-range", hint="validation=0.2 test=0.1")
