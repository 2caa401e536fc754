"""The data themselves: classes without examples or answers, and test examples that stand among the training ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import numpy as np

from ...waiting import each
from ...words.dataset import Arrays, Data, Pair
from ..network import Network
from .finding import Finding
from .sample import examples


def classes(data: Data, count: int | None) -> Finding:
    """How often each class occurs in the training part."""
    labels = _labels(data.train)
    if labels is None or count is None:
        return Finding("classes", None, "the targets are no class numbers")
    often = np.bincount(labels, minlength=count)
    missing = [_name(data.classes, k) for k in np.flatnonzero(often == 0)]
    few, most = int(often.min()), int(often.max())
    numbers = {"examples": {_name(data.classes, k): int(n) for k, n in enumerate(often)}}
    if missing:
        return Finding("classes", False, f"{len(missing)} of {count} have no example: {', '.join(missing[:5])}",
                       "leave them out of the net's classes, or add examples", numbers)
    if most > 20 * few:
        return Finding("classes", False, f"from {few} to {most} examples", "weigh them:  loss cross_entropy weights=[...]; and "
                       "metric f1  beside the accuracy", numbers)
    return Finding("classes", True, f"{count} of {few} to {most} examples each", "", numbers)


def never_predicted(trained: Network, x: Any, y: Any, names: Sequence[str]) -> Finding:
    """Classes that occur and are never answered."""
    name = "answers"
    out = trained.predict(x)
    if isinstance(out, Mapping):
        out = next(iter(out.values()))
    labels = np.asarray(y).reshape(-1) if y is not None and not isinstance(y, Mapping) else None
    if labels is None or labels.dtype.kind not in "iu" or len(labels) != len(out) or out.reshape(len(out), -1).shape[1] < 2:
        return Finding(name, None, "the targets are no class numbers")
    answers = out.reshape(len(out), -1).argmax(1)
    never = [_name(names, k) for k in np.setdiff1d(np.unique(labels), np.unique(answers))]
    right = float((answers == labels).mean())
    said = f"{right:.0%} of {len(labels)} right after {trained.step} steps"
    numbers = {"accuracy": right, "never": never}
    if not never:
        return Finding(name, True, f"{said}; every class is answered", "", numbers)
    said += f"; never answered: {', '.join(never[:6])}{' ...' if len(never) > 6 else ''}"
    return Finding(name, None if trained.step < 100 else False, said, "" if trained.step < 100
                   else "too few examples of them, or another class is taken for them:  metric confusion", numbers)


def repeated(data: Data, seconds: float) -> Finding:
    """Test (and validation) examples whose numbers are those of a training example."""
    name, others = "parts", {"test": data.test, "validation": data.validation}
    others = {k: v for k, v in others.items() if v is not None}
    if not others:
        return Finding(name, None, "nothing is for testing", "data ... validation=0.2")
    ends = monotonic() + seconds
    known: dict[bytes, int] = {}
    for k in each("reading example", range(examples(data.train))):
        if monotonic() > ends:
            return Finding(name, None, f"{k} of {examples(data.train)} training examples were read in {seconds:g} s", "--seconds 600")
        known.setdefault(_digest(data.train[0], k), k)
    twice = [(part, k, known[d]) for part, pair in others.items() if pair is not None for k in range(examples(pair))
             if (d := _digest(pair[0], k)) in known]
    every = sum(examples(pair) for pair in others.values() if pair is not None)
    numbers = {"repeated": [{"part": p, "example": k, "training": t} for p, k, t in twice]}
    if not twice:
        return Finding(name, True, f"none of {every} {' and '.join(others)} examples is in the training part", "", numbers)
    part, k, t = twice[0]
    return Finding(name, False, f"{len(twice)} of {every} {' and '.join(others)} examples are in the training part too "
                   f"(the first: {part} {k} is training {t})", "what is judged on them is flattered: take them out of one part", numbers)


def _labels(pair: Pair) -> Any:
    y = pair[1]
    if y is None or isinstance(y, Mapping):
        return None
    y = np.asarray(y)
    return y.reshape(-1) if y.dtype.kind in "iu" and y.size == len(y) else None


def _name(names: Sequence[str], k: Any) -> str:
    return names[k] if k < len(names) else str(k)


def _digest(x: Arrays, k: int) -> bytes:
    h = hashlib.blake2b(digest_size=16)
    for v in x.values() if isinstance(x, Mapping) else (x,):
        h.update(np.ascontiguousarray(v[k : k + 1]).tobytes())
    return h.digest()
