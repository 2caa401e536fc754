"""What the normalisations share: means that are far from zero, and groups that have one value."""

from __future__ import annotations

from math import prod

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder

# A sum of large, near numbers rounds its mean by a part of what lies between them. Where a mean is more than this many standard
# deviations from the number that was subtracted first, what it lacks is summed too, from the small differences; elsewhere that
# correction is below the rounding of the result, and is left out: 0.
FAR = 3.0


def several(name: str, x: TensorType, values: tuple[int | None, ...], of: str) -> None:
    """Refuse a group of one value, whose variance is 0 and whose result would be 0 whatever the input is."""
    if None not in values and prod(v or 0 for v in values) == 1:
        raise WordError(f"{name} takes the mean over {of}, and here that is one number, so that the result would always be 0",
                        label=f"the input is {shape_text(x.shape)}", hint="bn", swap=((name, "bn"), (name.split()[0], "bn")),
                        code="one-value")


def read(b: Builder, value: str, name: str, at: str) -> str:
    """How a number of each image's channel is read, under a local name, beside one of each place."""
    return f"{name}[n,c]" if len(b.type(value).shape) == 1 else f"{name}[{at}]"
