"""Softmax cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from math import log
from typing import Any, ClassVar

from ..ir.types import TensorType
from ..words import WordError, listing, number, value
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss, Range, need_channels, pixels
from .parts.choice import choice


class CrossEntropy(Loss, name="cross_entropy"):
    """-log of the softmax probability of the right class, averaged over the batch (and over the places of a map).

    Reads logits; where the output ends in `softmax`, that softmax's input. Targets are whole numbers 0..classes-1 of
    shape N or N x spatial; or numbers of the output's shape, the share of each class, as mixing examples makes them: then it is
    the sum of -share log probability over the classes. The largest logit is subtracted first, so that nothing overflows.
    An untrained net of ten classes starts near ln 10 = 2.3026.

    As PyTorch: `ignore=` is a label whose places do not count; `weights=` has a number for each class, and the mean is
    then a weighted one; `smoothing=` takes that part of the right class's probability and spreads it over all.
    Paper: Szegedy et al., "Rethinking the Inception Architecture", 2015 (arXiv:1512.00567) for `smoothing`
    """

    smoothing: float = number("part of the target spread over all classes", default=0.0, least=0, most=1)
    ignore: Any = value("a label that does not count", default=None)
    weights: Any = listing("a weight for each class", default=None)
    soft: bool = field(default=False, kw_only=True)  # whether targets are shares of all classes

    after = "softmax"
    reads: ClassVar[Range] = "logits"
    instead: ClassVar[Mapping[str, str]] = {"log-probabilities": "nll"}

    def target(self, output: TensorType) -> TensorType:
        return output if self.soft else TensorType((1, *output.spatial), output.batch, "int")

    def check(self) -> None:
        if self.ignore is not None and (isinstance(self.ignore, bool) or not isinstance(self.ignore, int)):
            raise WordError("ignore is a label, a whole number", label=f"ignore={self.ignore}", hint="ignore=255",
                            code="bad-value")
        if self.weights is not None and not all(isinstance(w, (int, float)) and w >= 0 for w in self.weights):
            raise WordError("weights are numbers, none negative", label="weights=", hint="weights=[1, 2, 0.5]", code="bad-value")

    def check_output(self, output: TensorType) -> None:
        c = need_channels("cross_entropy", output, 2)
        if self.weights is not None and len(self.weights) != c:
            raise WordError("weights has a number for each class", label=f"{len(self.weights)} weights, {c} classes",
                            code="loss-shape")

    @property
    def softened(self) -> Loss | None:
        return None if self.soft else replace(self, soft=True)  # type: ignore[type-var]  # a dataclass, as every word

    def check_targets(self, smallest: float, largest: float) -> None:
        if not (smallest >= 0 and largest <= 1):
            raise WordError(f"holds {largest if largest > 1 else smallest:g}, which is no share of a class",
                            f"loss {self.name} wants the number of a class, or numbers from 0 to 1 for all of them",
                            code="label-range")

    @property
    def even(self) -> bool:
        """Whether every place counts the same."""
        return self.ignore is None and self.weights is None

    @property
    def ignored(self) -> int | None:
        return None if self.ignore is None else int(self.ignore)

    def share(self, targets: Any, examples: int) -> float:
        """What the labels weigh, where some are ignored or classes weigh differently."""
        if targets is not None and targets.dtype.kind == "f":
            return float(examples) if self.ignore is None else float(targets.sum(dtype="float64"))
        if self.even or targets is None:
            return float(examples)
        labels = targets if self.ignore is None else targets[targets != self.ignore]
        if self.weights is None:
            return float(labels.size)
        import numpy as np

        return float(np.asarray(self.weights, np.float64)[labels].sum())

    def uninformed(self, output: TensorType) -> float | None:
        """ln C: every class as likely as the others."""
        return None if not output.channels else log(output.channels)

    def least(self, output: TensorType, targets: Any, alike: bool) -> float | None:
        """With g what a place wants of each class, smoothed and weighted: p = g / sum(g), which costs -sum(g log p). 0 for class
        numbers without smoothing."""
        import numpy as np

        many, part = sizes(output)[0], self.smoothing / sizes(output)[0]
        weights = np.ones(many) if self.weights is None else np.asarray(self.weights, "f8")
        if targets.dtype.kind == "f":
            share = np.moveaxis(targets.astype("f8"), 1, -1).reshape(-1, many)
            counts = share.sum(1, keepdims=True) if self.ignore is not None else np.ones((len(share), 1))
            goals = (share * (1 - self.smoothing) + part * counts) * weights
            goals, total = goals.sum(0, keepdims=True) if alike else goals, counts.sum()
        else:
            known = targets[(targets != self.ignore) & (targets >= 0) & (targets < many)]
            counts = np.bincount(known.ravel(), minlength=many)
            total = (counts * weights).sum()
            if not alike:  # of each class alone: of `many` goals one is larger than `part` times its weight
                one, rest = weights * (1 - self.smoothing), part * weights
                costs = _spread(one + rest.sum()) - _spread(rest).sum() + _spread(rest) - _spread(one + rest)
                return float((counts * costs).sum() / total) if total else None
            goals = (counts * weights * (1 - self.smoothing) + part * counts.sum() * weights)[None]
        return float((_spread(goals.sum(1)) - _spread(goals).sum(1)).sum() / total) if total else None

    def forward(self, b: Builder, z: str, t: str) -> str:
        s = plane(b.type(z).shape)
        m = b(f"m[n,0{s}] max= z[n,c{s}]", z=z)
        e = b(f"e[n,0{s}] += exp(z[n,c{s}] - m[n,0{s}])", z=z, m=m)
        if self.soft:
            return self._of_shares(b, z, t, m, e)
        right = b(f"right[n,0{s}] += where(t[n,0{s}] == c, z[n,c{s}] - m[n,0{s}], 0.0)", t=t, z=z, m=m)
        b.save(m=m, e=e)
        at = b(f"at[n,0{s}] = log(e[n,0{s}]) - right[n,0{s}]", e=e, right=right)
        k, total, counted = self.counted(b, z, t)
        if not self.smoothing:
            return str(b(f"loss[0] += at[n,0{s}] * {k} / {total}", at=at, **counted))
        classes = sizes(b.type(z))[0]
        every = b(f"every[n,0{s}] += (log(e[n,0{s}]) + m[n,0{s}] - z[n,c{s}]) * {self._weight('c', f't[n,0{s}]')}", e=e, m=m, z=z,
                  t=t)
        return str(
            b(f"loss[0] += (at[n,0{s}] * {k} * {1 - self.smoothing!r} + every[n,0{s}] * {self.smoothing / classes!r}) / {total}",
              at=at, every=every, **counted))

    def goals(self, b: Builder, z: str, t: str) -> tuple[str, dict[str, Any]]:
        """Of targets that are shares: what all places count, and the values `goal` (of each class) and, where labels may be
        ignored, `k` (what a place counts: the sum of its shares) and `total`; saved for `backward`."""
        s, values = plane(b.type(z).shape), dict[str, Any]()
        if self.ignore is not None:
            values["k"] = b(f"k[n,0{s}] += t[n,c{s}]", t=t)
            values["total"] = b(f"total[0] += k[n,0{s}]", k=values["k"])
        values["goal"] = b(f"goal[n,c{s}] = {self._goal(b, z)}", t=t, **_only(values, "k"))
        b.save(**_only(values, "goal", "total"))
        return "total[0]" if "total" in values else f"(N * {pixels(b.type(z))})", values

    def _of_shares(self, b: Builder, z: str, t: str, m: Any, e: Any) -> str:
        s = plane(b.type(z).shape)
        total, values = self.goals(b, z, t)
        every = b(f"every[n,0{s}] += goal[n,c{s}]", goal=values["goal"])
        b.save(m=m, e=e, every=every)
        near = b(f"near[n,0{s}] += goal[n,c{s}] * (z[n,c{s}] - m[n,0{s}])", goal=values["goal"], z=z, m=m)
        return str(b(f"loss[0] += (every[n,0{s}] * log(e[n,0{s}]) - near[n,0{s}]) / {total}", every=every, e=e, near=near,
                     **_only(values, "total")))

    def _goal(self, b: Builder, z: str) -> str:
        """What a class is wanted to have: its share, smoothed and weighted."""
        s, classes = plane(b.type(z).shape), sizes(b.type(z))[0]
        share = f"t[n,c{s}]"
        if self.smoothing:
            spread = f"{self.smoothing / classes!r}" + ("" if self.ignore is None else f" * k[n,0{s}]")
            share = f"({share} * {1 - self.smoothing!r} + {spread})"
        return f"{share} * {choice('c', tuple(map(float, self.weights)))}" if self.weights else share

    def counted(self, b: Builder, z: str, t: str) -> tuple[str, str, dict[str, Any]]:
        """What a place counts, what all do, and the values that these two texts read; saved for `backward`."""
        s = plane(b.type(z).shape)
        if self.even:
            return "1.0", f"(N * {pixels(b.type(z))})", {}
        k = str(b(f"k[n,0{s}] = {self._weight(f't[n,0{s}]', f't[n,0{s}]')}", t=t))
        values: dict[str, Any] = {"k": k, "total": str(b(f"total[0] += k[n,0{s}]", k=k))}
        b.save(**values)
        return f"k[n,0{s}]", "total[0]", values

    def part(self, b: Builder, z: str) -> str:
        """The part of the gradient that one place of weight 1 has; none where no place counts."""
        even = self.ignore is None if self.soft else self.even
        return f"(dy[0] / (N * {pixels(b.type(z))}))" if even else "where(total[0] == 0.0, 0.0, dy[0] / total[0])"

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, Any]) -> str:
        """(softmax - one-hot) / count, weighted."""
        s = plane(b.type(z).shape)
        if self.soft:
            p = f"exp(z[n,c{s}] - m[n,0{s}]) / e[n,0{s}]"
            return str(b(f"dz[n,c{s}] = ({p} * every[n,0{s}] - goal[n,c{s}]) * {self.part(b, z)}", z=z, dy=dy, **saved))
        label, p = f"t[n,0{s}]", f"exp(z[n,c{s}] - m[n,0{s}]) / e[n,0{s}]"
        right = f"({p} - where({label} == c, 1.0, 0.0))"
        total = self.part(b, z)
        if not self.even:
            right += f" * k[n,0{s}]"
        if self.smoothing:
            classes = sizes(b.type(z))[0]
            everyone = float(sum(self.weights)) if self.weights else float(classes)
            spread = f"({p} * {self._counts(label, repr(everyone))} - {self._weight('c', label)})"
            right = f"({right} * {1 - self.smoothing!r} + {spread} * {self.smoothing / classes!r})"
        return str(b(f"dz[n,c{s}] = {right} * {total}", z=z, t=t, dy=dy, **saved))

    def _counts(self, label: str, value: str) -> str:
        """`value` at places that count, 0 where the label is ignored."""
        return value if self.ignore is None else f"where({label} == {self.ignore}, 0.0, {value})"

    def _weight(self, of: str, label: str) -> str:
        """The weight of class `of` at a place with this label: a search tree over the classes."""
        return self._counts(label, choice(of, tuple(map(float, self.weights))) if self.weights else "1.0")


def _only(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k in names}


def _spread(goals: Any) -> Any:
    """x log x, 0 at 0."""
    import numpy as np

    return goals * np.log(np.where(goals > 0, goals, 1.0))
