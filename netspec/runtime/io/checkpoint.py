"""Checkpoints: one safetensors file that holds all that training needs to go on exactly.

Arrays are canonical: parameters and buffers under their own names (so that a checkpoint is a weights file as well),
optimiser state under optimiser/SLOT/NAME, running averages under average/NAME. The metadata are one JSON text, `netspec`, with
a SHA-256 of everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice, MissingFileError
from ...interchange.weights.safetensors import Tensors, parsed
from ...interchange.weights.source import Damaged, Foreign, Unusable, widened
from ...ir.layout import Target
from ...ir.precision import DEFAULT
from ...ir.types import shape_text
from ...optimisers.parts.memory import Memory
from ...reading import NotRegular
from ...version import __version__
from ..check.finite import everything, refuse_infinite
from ..misuse import Remark, misuse, path_of, remark
from ..state import AVERAGE, Course, Inside, Learnt, OptimiserState, State
from ..train.horizon import stated
from ..train.steps import packed, unpacked
from ..values import spread
from . import nested
from .facts import completed, wrong
from .spec import facts_of
from .whole import write

Array = NDArray[Any]
SCHEMA = "netspec.checkpoint/1"
UNSEEN = 1 << 30  # bytes that are read before it is known that they fit the network
SQUARES = ("square", "largest", "moved", "step")  # the optimisers' states that are sums of squares, largest sizes, lengths


class ResumeWarning(Remark):
    """Training goes on, though not to the same bits as where it came from."""


class OtherNetWarning(Remark):
    """A checkpoint fits, and is that of another net."""


def save(state: State, path: str | os.PathLike[str]) -> None:
    """Write everything. Raises where the folder is not there or cannot be written to, and where a number is not finite."""
    from safetensors.numpy import save as encode

    course, kept, named = state.course, state.optimiser, everything(state)
    refuse_infinite(state, named)
    numbers = packed(kept.memory)[1]
    tensors = {prefix + k: np.ascontiguousarray(v) for prefix, values in named.items() for k, v in values.items()}
    facts: dict[str, Any] = {
        "schema": SCHEMA, "net": state.graph.name, "seed": state.seed, "step": course.step, "epoch": course.epoch,
        "updates": kept.updates, "optimiser": kept.name, "slots": list(kept.slots), "recipe": str(state.recipe.optimiser or ""),
        "memory": numbers, "record": course.record, "averaged": state.average.taken, "horizon": stated(state),
        "pace": course.pace, "bytes": course.bytes, "inside": _inside(course.inside), **facts_of(state), **where_written(state),
    }
    facts["sha256"] = _digest(tensors, facts)
    write(path_of(path), encode(tensors, {"netspec": json.dumps(facts, sort_keys=True)}))


def load(state: State, path: str | os.PathLike[str]) -> None:
    """Read everything. The file is checked whole before anything of the network changes. Where other parameters were frozen, the
    optimiser and the average start anew.

    Errors: no such file; a file cut short or damaged; another kind of file; a network of other parameters; a field that is
    missing, or of the wrong kind; numbers that are none, or none of their sort.
    """
    held, facts = described(path)
    tensors = _read(path, held, facts) if held.bytes <= UNSEEN else None
    was = _completed(path, facts)
    as_frozen = _check_fit(state, path, held, was)
    values = _values(state, path, _read(path, held, facts) if tensors is None else tensors)
    memory = unpacked({k: values[f"optimiser/{k}"] for k in _memory(held)}, was["memory"]) if as_frozen else Memory()
    # All is well: from here on nothing is refused.
    trained = [name for name, p in state.declared.items() if p.trainable]
    for name in state.declared:
        state.store.set(name, values[name])
    state.forget()
    state.average.taken = was["averaged"] if as_frozen else 0
    if as_frozen:
        for slot in was["slots"]:
            state.fill(slot, {name: values[f"optimiser/{slot}/{name}"] for name in trained})
        state.optimiser = OptimiserState(was["optimiser"], tuple(was["slots"]), was["updates"], memory)
    if state.average.taken:
        state.fill(AVERAGE, {name: values[f"average/{name}"] for name in trained})
    state.seed = was["seed"]
    state.course = Course(was["step"], was["epoch"], was["pace"], was["horizon"], record=was["record"], bytes=was["bytes"],
                          inside=_inside_of(was["inside"]))
    state.learnt = Learnt(tuple(was["classes"]), tuple(was["columns"]), {k: tuple(v) for k, v in was["sizes"].items()},
                          was["data"])
    ours = state.recipe.optimiser
    anew = bool(was["updates"]) and ours is not None and not state.optimiser.fits(ours)
    if anew and as_frozen:
        state.forget()
    _remark(state, path, facts, was, anew)


def _inside(inside: Inside | None) -> dict[str, Any] | None:
    """The place in an epoch, as JSON. What a metric has counted that JSON cannot hold is left out."""
    if inside is None:
        return None
    metrics = {}
    for name, counted in inside.measured["metrics"].items():
        with contextlib.suppress(TypeError):
            metrics[name] = nested.packed(counted)
    return {"batch": inside.batch, "of": list(map(int, inside.of)), **inside.measured, "metrics": metrics}


def _inside_of(held: dict[str, Any] | None) -> Inside | None:
    if held is None:
        return None
    metrics = {name: nested.unpacked(v) for name, v in held["metrics"].items()}
    return Inside(held["batch"], tuple(held["of"]), {"sums": held["sums"], "shares": held["shares"], "metrics": metrics})


def _remark(state: State, path: str | os.PathLike[str], facts: dict[str, Any], was: dict[str, Any], anew: bool) -> None:
    """Say in what training differs from here on from that which wrote the file."""
    recipe, course = state.recipe, state.course
    if was["net"] != state.graph.name:
        remark(
            f"{path} was written by net {was['net']}, and this is net {state.graph.name}: every parameter has the same name and shape, and was taken over", OtherNetWarning)
    differ = [f"{k} {facts.get(k)}, here {v}" for k, v in where_written(state).items() if k in facts and facts[k] != v]
    if differ and course.step:
        remark(f"{path} was written by {'; '.join(differ)}: training goes on, but not to the same bits", ResumeWarning)
    if anew:
        remark(f"{path} holds the state of {was['recipe']}; {recipe.optimiser} starts anew", ResumeWarning)
    ends, section = course.ends, state.graph.training.epochs if state.graph.training is not None else None
    if ends is not None and course.epoch and section is not None and recipe.epochs == section != ends and any(
        not s.endless for s in recipe.schedules):
        remark(
            f"{path} was written on the way to {ends} epoch{'s' * (ends != 1)}, and the train section leads to {section}: schedules go by that. "
               f"As before: net.configure(epochs={ends}), or --epochs {ends}", ResumeWarning)


def checked(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a checkpoint says of itself, every field of its kind. No number is read, so the checksum is not looked at."""
    return _completed(path, described(path)[1])


def weights_in(state: State, path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Array]]:
    """The parameters and buffers of a checkpoint, and the average of the parameters where it holds one. Errors: as `load`."""
    held, facts = described(path)
    as_frozen = _check_fit(state, path, held, _completed(path, facts))
    values = _values(state, path, _read(path, held, facts))
    return ({name: values[name] for name in state.declared},
            {k.removeprefix("average/"): v for k, v in values.items() if as_frozen and k.startswith("average/")})


def _completed(path: str | os.PathLike[str], facts: dict[str, Any]) -> dict[str, Any]:
    bad = wrong(facts)
    if bad:
        raise misuse("damaged-checkpoint", f"{path} is no checkpoint that netspec writes: {bad[0]}", *bad[1:6],
                     hint=Advice("use the checkpoint before it"))
    return completed(facts)


def described(path: str | os.PathLike[str]) -> tuple[Tensors, dict[str, Any]]:
    """What a checkpoint holds, and what it says; no number is read yet."""
    try:
        held = Tensors(path_of(path))
    except FileNotFoundError:
        raise MissingFileError(f"there is no checkpoint {path}") from None
    except NotRegular as e:
        raise MissingFileError(f"{path} cannot be read: it is {e.strerror}, not a file", code="not-a-file") from None
    except OSError as e:
        raise MissingFileError(f"{path} cannot be read: {e.strerror}", code="unreadable-file") from None
    except Foreign as e:
        raise misuse("foreign-checkpoint", f"{path} is no checkpoint of netspec", str(e),
                     hint=f"netspec import {shlex.quote(str(path))} -o it.net" if str(path).lower().endswith(".onnx") else Advice(
                         "net.save(path) writes one; net.load_weights(path) takes weights from elsewhere")) from None
    except Damaged as e:
        raise misuse("damaged-checkpoint", f"{path} is cut short or damaged", str(e),
                     hint=Advice("use the checkpoint before it")) from None
    if "netspec" not in held.metadata:
        raise misuse("foreign-checkpoint", f"{path} is a safetensors file that netspec did not write",
                     f"it holds {', '.join(list(held)[:4])} ...",
                     hint="net.load_weights(path)  takes weights from elsewhere")
    try:
        facts = parsed(held.metadata["netspec"], strict=False)
        if not isinstance(facts, dict):
            raise ValueError("it says nothing by name")
    except ValueError as e:
        raise misuse("damaged-checkpoint", f"{path} is damaged: what it says of itself cannot be read", str(e)[:200],
                     hint=Advice("use the checkpoint before it")) from None
    if facts.get("schema") != SCHEMA:
        raise misuse("foreign-checkpoint", f"{path} is of another version of netspec",
                     f"it says {str(facts.get('schema'))[:60]!r}; this is {SCHEMA!r}")
    return held, facts


def _read(path: str | os.PathLike[str], held: Tensors, facts: dict[str, Any]) -> dict[str, Array]:
    """Every tensor as it is stored, the checksum of all verified."""
    try:
        tensors = {k: held.raw(k) for k in held}
    except Unusable as e:
        raise misuse("bad-weights", f"{path} holds what are no weights", str(e)) from None
    except (Damaged, OSError) as e:
        raise misuse("damaged-checkpoint", f"{path} is cut short or damaged", str(e),
                     hint=Advice("use the checkpoint before it")) from None
    if facts.get("sha256") != _digest(tensors, {k: v for k, v in facts.items() if k != "sha256"}):
        raise misuse("damaged-checkpoint", f"{path} is damaged: its checksum does not match its contents",
                     hint=Advice("use the checkpoint before it"))
    return tensors


def _values(state: State, path: str | os.PathLike[str], tensors: dict[str, Array]) -> dict[str, Array]:
    """The numbers in the network's own dtype, each of them one."""
    out = {}
    variances = {p.name for p in state.graph.parameters if spread(p)}
    for name, stored in tensors.items():
        driven = name.startswith("optimiser/") and name.count("/") == 1  # by an optimiser that keeps float64
        a = widened(stored) if stored.dtype.kind == "u" else stored
        with np.errstate(over="ignore"):
            out[name] = a.astype(np.float64 if driven else state.dtype)
        if not np.isfinite(out[name]).all():
            raise misuse("damaged-checkpoint",
                         f"{path}: {name} holds numbers that are not finite{'' if not np.isfinite(a).all() else f' in {state.dtype}'}", hint=Advice("use the checkpoint before it"))
        kind = name.split("/")[1] if name.startswith("optimiser/") else ""
        if (name in variances or (kind in SQUARES and not driven)) and (a < 0).any():
            raise misuse("damaged-checkpoint", f"{path}: {name} holds {a.min():g}, and is never negative",
                         hint=Advice("use the checkpoint before it"))
    return out


def _memory(held: Mapping[str, Any]) -> list[str]:
    """The fields of an optimiser's memory that a file holds."""
    known = {f.name for f in fields(Memory)}
    return [k.removeprefix("optimiser/") for k in held if k.startswith("optimiser/") and k.removeprefix("optimiser/") in known]


def _check_fit(state: State, path: str | os.PathLike[str], held: Tensors, was: dict[str, Any]) -> bool:
    """Refuse what is of another network. Returns whether the same parameters are frozen; of others, what an optimiser keeps fits
    none."""
    every = {p.name: p.shape for p in state.graph.parameters}
    free = {p.name: p.shape for p in state.graph.parameters if p.trainable}
    kept = [f"optimiser/{slot}/" for slot in was["slots"]] + ["average/"] * bool(was["averaged"])
    wanted = every | {k + name: shape for k in kept for name, shape in free.items()}
    here = {k: t.shape for k, t in held.held.items() if "/" not in k}
    there = {k.removeprefix(kept[0]) for k in held if k.startswith(kept[0])} if kept else set(free)
    if here == every and there != set(free):
        return False
    driven = {f"optimiser/{k}": held.held[f"optimiser/{k}"].shape for k in _memory(held)}
    size = sum(p.size for p in state.graph.parameters if p.trainable)
    pairs = {s for k, s in driven.items() if k.endswith(("/moves", "/changes"))}
    if any(s[-1:] != (size,) or len(s) != (2 if k.endswith(("/moves", "/changes")) else 1) or s[0] > max(size, 10_000)
           for k, s in driven.items()) or len(pairs) > 1:
        raise misuse("damaged-checkpoint",
                     f"{path} is no checkpoint that netspec writes: the memory of its optimiser has the wrong shape",
                     *(f"{k}: {shape_text(s)}" for k, s in driven.items()), hint=Advice("use the checkpoint before it"))
    found = {k: t.shape for k, t in held.held.items() if k not in driven}
    if wanted == found:
        return True
    notes = [f"{k}: {shape_text(found[k])} in the file, {shape_text(wanted[k])} here" for k in wanted if k in found
             and found[k] != wanted[k]]
    notes += [f"{k} is not in the file" for k in wanted if k not in found]
    notes += [f"{k} is in the file only" for k in found if k not in wanted]
    names = [f"it was written by net {was['net']}; this is {state.graph.name}"] if was["net"] != state.graph.name else []
    raise misuse("checkpoint-mismatch", f"{path} is of another network", *names, *notes[:6], *_more(notes),
                 hint=Advice("compile the same text with the same parameters; set_parameters({...}) takes only what you name"))


def _more(notes: list[str]) -> list[str]:
    return [f"... and {len(notes) - 6} more"] if len(notes) > 6 else []


def where_written(state: State) -> dict[str, Any]:
    """What may change bits: versions, the device and its instructions, dtype and precision."""
    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "absent"

    target: Target | None = getattr(state.executor, "target", None)
    vectors = {"instructions": f"{8 * target.vector}-bit vectors"} if target is not None else {}
    return {"device": state.device, **vectors, "dtype": str(state.dtype), "precision": "" if state.graph.precision == DEFAULT
            else state.graph.precision, "netspec": __version__, **{k: of(k) for k in ("numpy", "numba", "llvmlite")}}


def _digest(tensors: dict[str, Array], facts: dict[str, Any]) -> str:
    h = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for k in sorted(tensors):
        v = np.ascontiguousarray(tensors[k])
        h.update(f"{k} {v.dtype} {v.shape}".encode())
        h.update(v.tobytes())
    return h.hexdigest()
