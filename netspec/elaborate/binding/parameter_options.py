"""What a step says of the parameters it makes, whatever its layer: `conv 64 3x3 lr=0.1 decay=0 init=xavier bias_init=0.1`.

`lr` and `decay` are factors: they multiply the optimiser's learning rate and weight decay (and l1) for everything the step
makes, its normalisation included; `bias_lr` and `bias_decay` are those of its biases, in place of the former (Caffe's second
`param` of a layer: `conv 64 3x3 bias_lr=2 bias_decay=0`). `init` is how weights begin, `bias_init` how biases do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from ...diagnostics import near
from ...ir.graph import Parameter
from ...ir.initialisers import INITIALISERS
from ...words import arguments
from ...words.layer import Layer
from ..model.mistakes import Mistake
from ..model.values import UNKNOWN_VALUE, described, is_number, plain
from .kinds import OF_PARAMETERS, Given, learns


@dataclass(frozen=True, slots=True)
class ParameterOptions:
    factors: tuple[tuple[str, float], ...]
    bias_factors: tuple[tuple[str, float], ...]  # where they are others
    init: str | float | None
    bias_init: str | float | None

    def __call__(self, p: Parameter) -> Parameter:
        """The parameter as the step wants it."""
        if p.kind == "buffer":
            return p
        init = self.init if p.kind in ("weight", "length") else self.bias_init if p.kind == "bias" else None
        factors = self.factors
        if self.bias_factors and p.kind == "bias":
            factors = tuple((dict(factors) | dict(self.bias_factors)).items())
        return replace(p, factors=factors or p.factors, init=p.init if init is None else init)

    def over(self, default: ParameterOptions | None) -> ParameterOptions:
        """What a step says, and where it says nothing what a `default` line does."""
        if default is None:
            return self
        factors, biases = (tuple((dict(old) | dict(new)).items()) for old, new in (
            (default.factors, self.factors), (default.bias_factors, self.bias_factors)))
        return ParameterOptions(factors, biases, default.init if self.init is None else self.init,
                                default.bias_init if self.bias_init is None else self.bias_init)


def parameter_options(cls: type[Layer], options: dict[str, Given]) -> ParameterOptions | None:
    """Take these options out of a step's own; None where it states none, or its layer learns nothing. Raises Mistake."""
    if not options or options.keys().isdisjoint(OF_PARAMETERS) or not learns(cls):
        return None
    own = {a.name for a in arguments(cls)}
    given = {k: options.pop(k) for k in OF_PARAMETERS if k in options and k not in own}
    given = {k: g for k, g in given.items() if g.value is not UNKNOWN_VALUE}
    factors, biases = (tuple((k, _factor(before + k, given[before + k])) for k in ("lr", "decay") if before + k in given)
                       for before in ("", "bias_"))
    init, bias = (_init(k, given[k]) if k in given else None for k in ("init", "bias_init"))
    return ParameterOptions(factors, biases, init, bias)


def _factor(name: str, g: Given) -> float:
    if not is_number(g.value):
        raise Mistake("wrong-argument", f"{name} of a step is a factor for what the optimiser says", g.span,
                      f"this is {described(g.value)}", hint=f"{name}=0.1")
    if not 0 <= g.value < float("inf"):
        raise Mistake("out-of-range", f"the factor {name} is at least 0", g.span, f"this is {g.value:g}")
    return float(g.value)


def _init(name: str, g: Given) -> str | float:
    v: Any = plain(g.value)
    if is_number(v) and isfinite(v):
        return float(v)
    word, *numbers = str(v).split() if isinstance(v, str) and v.strip() else [""]
    if word not in INITIALISERS:
        alike = near(word, INITIALISERS)
        raise Mistake("unknown-word", f"there is no initialiser `{word}`" if word
                      else f"{name} is a number or the name of an initialiser", g.span,
                      notes=("there are: " + ", ".join(INITIALISERS),), hint=f"did you mean `{alike}`?" if alike
                      else f'{name}=he   or   {name}="gaussian 0.01"')
    try:
        good = all(isfinite(float(n)) and (float(n) >= 0 or word == "constant")
                   for n in numbers) and len(numbers) <= INITIALISERS[word]
    except ValueError:
        good = False
    if not good:
        raise Mistake("wrong-argument", f"{word} takes {'one number' if INITIALISERS[word] else 'no number'}", g.span,
                      hint=f'{name}="{word} 0.01"' if INITIALISERS[word] else f"{name}={word}")
    return str(v)
