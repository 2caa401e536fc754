"""Arrays that come from the user, checked against the graph and cut into batches.

Checks look at shapes and types of whole arrays (memory-mapped ones are not read) and at the values of targets only; those of
a `Lazy` target are looked at as they are read. Conversion to the network's dtype happens batch by batch.

Bytes: numbers are taken as they are, those of uint8 and uint16 arrays too, unless they are said to be pictures (`scaled`): then
0..255 and 0..65535 become 0..1. Pictures are what a data set gives, and what a network is given that has learnt from such.

Another thread may write into an array meanwhile. Its shape is taken once, labels are copied before they are looked at, and
whatever else is looked at is looked at once: what was checked is what is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice, near
from ...ir.graph import Graph
from ...ir.types import TensorType, shape_text
from ...passes.objective import Term, target_types
from ...words import WordError
from ...words.dataset import Lazy
from ..misuse import misuse

Array = Any  # of NumPy, or Lazy
MOST_LABEL = 255  # what masks label the places with that count for nothing
_AXES = {1: "features", 2: "channels, length", 3: "channels, height, width", 4: "channels, depth, height, width"}


def named(what: str, given: Any, names: tuple[str, ...], aliases: Mapping[str, str] | None = None) -> dict[str, Array]:
    """One array for each name, from a dict by name, or from a bare array where there is one name."""
    if len(names) == 1 and isinstance(given, np.ndarray | Lazy):
        return {names[0]: _array(what, names[0], given, aliases)}
    aliases = aliases or {}
    shown = {v: k for k, v in aliases.items()}
    public = [shown.get(n, n) for n in names]  # as a person calls them
    whole = "{" + ", ".join(f'"{n}": ...' for n in public) + "}"
    if isinstance(given, Mapping):
        found = {aliases.get(str(k), str(k)): v for k, v in given.items()}
        unknown = [k for k in given if aliases.get(str(k), str(k)) not in names]
        if unknown:
            raise misuse("unknown-name", f"there is no {what} `{unknown[0]}`",
                         *([f"the {what}s are: {', '.join(public)}"] if names else []), hint=f'did you mean "{alike}"?'
                         if (alike := near(str(unknown[0]), public)) else "")
        missing = [n for n in names if n not in found]
        if missing:
            raise misuse("missing-array", f"{what} `{shown.get(missing[0], missing[0])}` is not given",
                         f"given: {', '.join(map(str, given)) or 'nothing'}", hint=whole)
        return {n: _array(what, n, found[n], aliases) for n in names}
    if given is None and names:
        raise misuse("missing-array", f"no {what} is given", hint=whole)
    if len(names) != 1:
        raise misuse("missing-array", f"this network has {len(names)} {what}s, and one array was given",
                     hint=whole if names else Advice(f"no {what} is needed"))
    return {names[0]: _array(what, names[0], given, aliases)}


def _array(what: str, name: str, given: Any, aliases: Mapping[str, str] | None) -> Array:
    """An array of numbers; memory-mapped and Lazy ones stay as they are."""
    try:
        a = given if isinstance(given, Lazy) else given.view() if isinstance(given, np.ndarray) else np.asarray(given)
    except Exception as e:  # whatever an object of another library says: a tensor of PyTorch that keeps a graph, RuntimeError
        raise misuse("wrong-type", f"{_called(what, name, aliases)} is no array: {e}") from None
    if np.dtype(a.dtype).kind not in "biuf":
        raise misuse("wrong-type", f"{_called(what, name, aliases)} holds {a.dtype}, not numbers",
                     hint=Advice("convert it to float32, or to integers for labels"))
    return a


def _called(what: str, name: str, aliases: Mapping[str, str] | None) -> str:
    return f"{what} `{next((public for public, n in (aliases or {}).items() if n == name), name)}`"


def inputs(graph: Graph, x: Any) -> dict[str, Array]:
    """The network's inputs by name: N x C x H x W each, all of the same N.

    Errors: names, types, shapes; an empty batch.
    """
    found = named("input", x, tuple(n.name for n in graph.inputs))
    for n in graph.inputs:
        _check_input(n.name, n.type, found[n.name].shape)
    lengths = [len(found[n.name]) // max(1, n.type.batch) for n in graph.inputs]
    if lengths.count(lengths[0]) < len(lengths):
        raise misuse("wrong-shape", "the inputs have different numbers of examples",
                     *(f"{k}: {n}" for k, n in zip(found, lengths)))
    if not lengths[0]:
        raise misuse("empty-batch", "the batch is empty: there are no examples in it",
                     *(f"{k}: {shape_text(v.shape)}" for k, v in found.items()))
    return found


def count(found: Mapping[str, Array]) -> int:
    """The number of examples."""
    return len(next(iter(found.values())))


def _fits(shape: tuple[int, ...], want: tuple[int | None, ...]) -> bool:
    return len(shape) == len(want) and all(w is None or s == w for s, w in zip(shape, want))


def _check_input(name: str, t: TensorType, shape: tuple[int, ...]) -> None:
    want = t.shape
    if len(shape) == len(want) + 1 and _fits(shape[1:], want):
        return
    axes = _AXES.get(len(want), "the axes of one example")
    notes = [f"expected N x {shape_text(want)}: examples, {axes}", f"got      {shape_text(shape) or 'a single number'}"]
    raise misuse("wrong-shape", f"input `{name}` has the wrong shape", *notes, hint=_shape_hint(shape, want))


def _shape_hint(shape: tuple[int, ...], want: tuple[int | None, ...]) -> str:
    size = prod(w for w in want if w is not None) if None not in want else -1
    if len(want) > 1 and len(shape) == len(want) and not _fits(shape, want) and _fits((shape[-1], *shape[:-1]), want):
        order = ", ".join(map(str, (len(shape) - 1, *range(len(shape) - 1))))
        return f"x.transpose({order})[None]  puts the channels first, and makes a batch of one"
    if len(want) > 1 and want[0] == 1 and _fits(shape, want[1:]):
        return "x[None, None]  makes one image of one channel a batch of one"
    if _fits(shape, want):
        return "x[None]  makes one example a batch of one"
    if len(want) > 1 and want[0] == 1 and _fits(shape[1:], want[1:]):
        return "x[:, None]  adds the axis of the one channel"
    if len(shape) == len(want) + 1 > 2 and _fits((shape[-1], *shape[1:-1]), want):
        order = ", ".join(map(str, (0, len(shape) - 1, *range(1, len(shape) - 1))))
        return f"x.transpose({order})  puts the channels before the places"
    if len(shape) > 1 and prod(shape[1:]) == size:
        return f"x.reshape(-1, {', '.join(map(str, want))})  gives each example its axes"
    if len(shape) == len(want) + 1 and (want[0] is None or shape[1] == want[0]) and len(want) > 1:
        return f"another size of image:  --input {shape_text(shape[1:])}   or   compile(..., input={tuple(shape[1:])})"
    return Advice(f"one example is {shape_text(want)}, and examples come first")


def targets(graph: Graph, terms: tuple[Term, ...], y: Any, examples: int) -> dict[str, Array]:
    """The targets that the losses read, by `Term.source`, each of the shape its loss wants, values checked. One array of
    class numbers serves several heads of one shape. In the place of class numbers an array of numbers may give the shares of all
    classes, where the loss has a form that reads them (`Loss.softened`).

    Errors: names, types, shapes, a number of targets other than `examples`; NaN; labels that are no class.
    """
    wanted = target_types(graph, terms)
    if not wanted:
        if y is not None:
            raise misuse("unknown-name", "the losses read no target, and one was given", hint=Advice("leave y out: fit(x)"))
        return {}
    aliases = {t.output: t.source for t in terms if t.source in wanted}
    if y is None:
        raise misuse("missing-array", "no targets are given",
                     *(f"loss {t.loss} needs a target for output `{t.output}`" for t in terms), hint=Advice("give y"))
    if len(wanted) > 1 and not isinstance(y,
                                          Mapping) and len(
                                              set(wanted.values())) == 1 and next(iter(wanted.values())).element == "int":
        y = dict.fromkeys(wanted, y)  # auxiliary heads learn the same classes
    found = named("target", y, tuple(wanted), aliases)
    outputs = dict(graph.outputs)
    out = {}
    for name, t in wanted.items():
        term = next(k for k in terms if k.source == name)
        classes = graph.values[outputs[term.output]].type.channels
        out[name] = _target(term, t, found[name], examples, classes)
    return out


def _target(term: Term, t: TensorType, y: Array, examples: int, classes: int | None) -> Array:
    want = tuple(s or 0 for s in t.shape)
    what = f"the target of output `{term.output}`"
    soft = term.loss.softened if t.element == "int" and np.dtype(y.dtype).kind == "f" else None
    shared = soft is not None and y.ndim > 1 and y.shape[1] == classes and _long(y.shape[2:]) == _long(want[1:])
    if shared and soft is not None and classes is not None:
        term, t, want = replace(term, loss=soft), TensorType((classes, *t.spatial), t.batch), (classes, *want[1:])
    full = (examples * max(1, t.batch), *want)
    # axes of length one may be left out
    left_out = y.ndim and len(y) == full[0] and y.ndim < len(full) and _long(y.shape[1:]) == _long(want)
    if left_out and not isinstance(y, Lazy):
        y = y.reshape(full)
    if y.shape != full and not left_out:
        hint = ""
        if t.element == "int" and y.ndim > 1 and y.shape[:2] == (full[0], classes) and _long(y.shape[2:]) == _long(want[1:]):
            hint = "y.argmax(1)  turns one-hot rows into class numbers"
        elif len(y) != full[0] if y.ndim else True:
            hint = f"{len(y) if y.ndim else 1} targets for {full[0]} examples"
        shown = shape_text((full[0], *(want[1:] if _long(want[1:]) else ())) if t.element == "int" else full)
        raise misuse("wrong-shape", f"{what} has the wrong shape", f"loss {term.loss} wants {shown}",
                     f"got {shape_text(y.shape) or 'a single number'}", hint=hint)
    def checked(values: Array, called: Callable[[int], str] = "example {}".format) -> Array:
        """The values; `called` is what messages call the example of each."""
        return _values(what, term, t, values.reshape(len(values), *want), classes, called)

    return _Checked(y, full, t, checked) if isinstance(y, Lazy) else checked(y)


class _Checked(Lazy):
    """A Lazy target whose values are checked as they are read."""

    def __init__(self, held: Lazy, full: tuple[int, ...], t: TensorType, check: Callable[[Array, Callable[[int], str]], Array]):
        self.held, self.shape, self.check = held, full, check
        self.dtype = np.dtype(np.int64 if t.element == "int" else held.dtype if np.dtype(held.dtype).kind == "f" else np.float64)

    def __getitem__(self, where: Any) -> Array:
        numbers = np.arange(len(self))[where]
        return self.check(self.held[where], lambda k: self.held.called(int(numbers[k])))


def _values(what: str, term: Term, t: TensorType, y: Array, classes: int | None, called: Callable[[int], str]) -> Array:
    """Values of a target, checked: labels as int64, others as numbers with a point."""
    odd = ~np.isfinite(y) if y.dtype.kind == "f" else np.zeros(0, bool)
    if odd.any():
        first = tuple(int(i) for i in np.argwhere(odd)[0])
        raise misuse("nan-target", f"{what} holds {'NaN' if np.isnan(y[first]) else 'an infinite number'}",
                     f"the first is that of {called(first[0])}",
                     hint=Advice("drop the examples without a target"))
    if t.element == "int":
        return _labels(what, y, classes, term.loss.ignored, called)
    if y.size:
        try:
            term.loss.check_targets(float(y.min()), float(y.max()))
        except WordError as w:
            raise misuse(w.code, f"{what} {w.message}", *w.notes, hint=w.hint) from None
    return y if y.dtype.kind == "f" else y.astype(np.float64)


def _long(shape: tuple[int, ...]) -> list[int]:
    """The axes that hold more than one number."""
    return [n for n in shape if n != 1]


def _labels(what: str, y: Array, classes: int | None, ignore: int | None, called: Callable[[int], str]) -> Array:
    y = y.copy()
    if y.dtype.kind == "f" and not (y == np.floor(y)).all():
        k = tuple(int(i) for i in np.argwhere(y != np.floor(y))[0])
        raise misuse("wrong-type", f"{what} holds {y[k]:g}, which is no class number",
                     hint=Advice("classes are whole numbers from 0"))
    labels = y.astype(np.int64, copy=False)
    bad = (labels < 0) if classes is None else (labels < 0) | (labels >= classes)
    if ignore is not None:
        bad &= labels != ignore
    if bad.any():
        k = tuple(int(i) for i in np.argwhere(bad)[0])
        hint = "classes count from 0: y - 1" if classes is not None and labels.min() == 1 and labels.max() == classes else ""
        if labels[k] == MOST_LABEL and ignore is None and len(k) > 2:
            hint = f"loss cross_entropy ignore={MOST_LABEL}"
        raise misuse("label-range", f"label {labels[k]} is no class of this network", f"{what}: {called(k[0])}",
                     f"the output has {classes} channels, one a class: 0..{(classes or 1) - 1}", hint=hint)
    return labels


def cotangents(graph: Graph, given: Any, examples: int) -> dict[str, Array]:
    """Gradients of the outputs by public name; outputs that are left out of a dict get zeros."""
    types = {public: graph.values[v].type for public, v in graph.outputs}
    if isinstance(given, Mapping):
        zeros = {k: np.zeros((examples * max(1, t.batch), *(s or 0 for s in t.shape))) for k, t in types.items()
                 if k not in given}
        given = {**given, **zeros}
    found = named("output", given, tuple(types))
    for k, t in types.items():
        full = (examples * max(1, t.batch), *(s or 0 for s in t.shape))
        if found[k].shape != full:
            raise misuse("wrong-shape", f"the gradient of output `{k}` has the wrong shape", f"the output is {shape_text(full)}",
                         f"got {shape_text(found[k].shape) or 'a single number'}")
    return found


def weights(given: Any, examples: int) -> NDArray[np.float64] | None:
    """What each example counts, as float64; None where all count alike.

    Errors: no numbers, another number of them, one that is negative or none, or none that is more than 0.
    """
    if given is None:
        return None
    a = np.asarray(_array("weights", "sample_weight", given, None))
    if a.shape not in ((examples,), (examples, 1)):
        raise misuse("wrong-shape", "sample_weight has the wrong shape", f"it is a number for each of {examples} examples",
                     f"got {shape_text(a.shape) or 'a single number'}")
    out = a.astype(np.float64).reshape(-1)
    bad = ~(np.isfinite(out) & (out >= 0))
    if bad.any() or not out.any():
        k = int(np.argmax(bad))
        raise misuse("bad-value", f"sample_weight holds {out[k]:g}, and weights are finite and at least 0, some of them more",
                     f"the first is that of example {k}", hint=Advice("0 leaves an example out"))
    return out


def cut(found: Mapping[str, Array], where: Any, dtype: Any, scaled: bool = False) -> dict[str, NDArray[Any]]:
    """The inputs of the examples `where` (a slice or an array of indices), in the network's dtype and contiguous; `scaled` says
    that bytes are pictures."""
    return {k: np.divide(v[where], white, dtype=dtype, order="C") if scaled and (white := _white(v))
            else _narrowed(f"the array of `{k}`", v, where, dtype) for k, v in found.items()}


def _narrowed(what: str, whole: Array, where: Any, dtype: Any) -> NDArray[Any]:
    """Numbers in a dtype that may be shorter, and has to hold them: beyond it lies infinity, and nothing would say so."""
    a, dtype = whole[where], np.dtype(dtype)
    if a.dtype.itemsize <= dtype.itemsize or a.dtype.kind != "f":
        return np.ascontiguousarray(a, dtype)
    try:
        with np.errstate(over="raise"):
            return np.ascontiguousarray(a, dtype)
    except FloatingPointError:
        first = int(np.argmax(np.abs(np.nan_to_num(a, posinf=0, neginf=0)).reshape(len(a), -1).max(1) > np.finfo(dtype).max))
        raise misuse("bad-value", f"{what} holds numbers that are beyond {dtype.name}",
                     f"the first are in example {np.arange(len(whole))[where][first]}",
                     hint='compile(..., dtype="float64")') from None


def _white(a: Array) -> int:
    """What a byte of a picture is at most; 0 for an array of other numbers."""
    t = np.dtype(a.dtype)
    return {1: 255, 2: 65535}.get(t.itemsize, 0) if t.kind == "u" else 0


def bytes_in(found: Mapping[str, Array]) -> bool:
    """Whether an input holds bytes."""
    return any(map(_white, found.values()))


def cut_targets(found: Mapping[str, Array], where: Any, dtype: Any) -> dict[str, NDArray[Any]]:
    """The targets of the examples `where`: labels stay whole numbers (int64), anything else is in the network's dtype,
    which has to hold it."""
    return {k: _narrowed(f"the target of output `{k.removeprefix('target.')}`", v, where, np.int64 if v.dtype == np.int64 else dtype)
            for k, v in found.items()}


def apart(made: Mapping[str, NDArray[Any]], given: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
    """What was made of arrays, in memory of its own: nothing that becomes of them changes it."""
    return {k: v.copy() if np.may_share_memory(v, given[k]) else v for k, v in made.items()}
