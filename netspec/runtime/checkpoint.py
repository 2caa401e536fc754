"""Checkpoints: one safetensors file that holds all that training needs to go on exactly.

Arrays are canonical: parameters and buffers under their own names (so that a checkpoint is a weights file as well),
optimiser state under optimiser/SLOT/NAME, running averages under average/NAME. The metadata are one JSON text, `netspec`, with a SHA-256 of everything. A file
is written beside its place, flushed to the disk, and then moved there: at every moment there is a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..diagnostics import MissingFileError, unwritable
from ..ir.layout import Target
from ..ir.precision import DEFAULT
from ..ir.types import shape_text
from ..optimisers.lbfgs import Memory
from .averaging import AVERAGE
from .horizon import stated
from .misuse import Remark, misuse, path_of, remark
from .steps import packed, unpacked

if TYPE_CHECKING:
    from .network import Network

Array = NDArray[Any]
SCHEMA = "netspec.checkpoint/1"
_FOREIGN = {b"PK\x03\x04": "a zip archive (PyTorch's .pt, or .npz)", b"\x80\x02": "a pickle", b"\x80\x04": "a pickle", b"\x80\x05": "a pickle",
            b"\x89HDF": "an HDF5 file (Keras)", b"\x93NUM": "a NumPy array", b"\x08": "a protocol buffer (ONNX)"}


class ResumeWarning(Remark):
    """Training goes on, though not to the same bits as where it came from."""


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Write everything. Raises where the folder is not there or cannot be written to."""
    from safetensors.numpy import save as encode

    tensors = {**net.parameters, **net.buffers}
    optimiser, slots = net.state_of
    for slot in slots:
        tensors |= {f"optimiser/{slot}/{p.name}": net.store.get_state(slot, p.name) for p in net.graph.parameters if p.trainable}
    tensors |= {f"average/{k}": v for k, v in net.averages.items()}
    held, numbers = packed(net.memory)
    tensors |= {f"optimiser/{k}": v for k, v in held.items()}
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    facts: dict[str, Any] = {
        "schema": SCHEMA, "net": net.graph.name, "seed": net.seed, "step": net.step, "epoch": net.epoch, "updates": net.updates,
        "optimiser": optimiser, "slots": list(slots), "recipe": str(net.recipe.optimiser or ""),
        "memory": numbers, "record": net.record, "averaged": net.taken, "horizon": stated(net), "pace": net.pace, **_where(net),
    }
    facts["sha256"] = _digest(tensors, facts)
    _write(path_of(path), encode(tensors, {"netspec": json.dumps(facts, sort_keys=True)}))


def load(net: Network, path: str | os.PathLike[str]) -> None:
    """Read everything. The file is checked whole before anything of the network changes.

    Errors: no such file; a file cut short or damaged; another kind of file; a network of other parameters.
    """
    tensors, facts = read(path)
    _check_fit(net, path, tensors, facts)
    here = _where(net)
    differ = [f"{k} {facts.get(k)}, here {v}" for k, v in here.items() if k in facts and facts[k] != v]
    if differ and facts["step"]:
        remark(f"{path} was written by {'; '.join(differ)}: training goes on, but not to the same bits", ResumeWarning)
    for p in net.graph.parameters:
        net.store.set(p.name, tensors[p.name])
    net.forget()
    for slot in facts["slots"]:
        for p in net.graph.parameters:
            if p.trainable:
                net.store.set_state(slot, p.name, tensors[f"optimiser/{slot}/{p.name}"])
    net.seed, net.step, net.epoch, net.updates = (int(facts[k]) for k in ("seed", "step", "epoch", "updates"))
    net.state_of, net.record = (facts["optimiser"], tuple(facts["slots"])), facts["record"]
    net.taken, net.ends, net.pace, net.beyond = int(facts.get("averaged", 0)), facts.get("horizon"), int(facts.get("pace", 1)), None
    for p in net.graph.parameters if net.taken else ():
        if p.trainable:
            net.store.set_state(AVERAGE, p.name, tensors[f"average/{p.name}"])
    net.memory = unpacked({k: tensors[f"optimiser/{k}"] for k in _memory(tensors)}, facts["memory"])
    ours = net.recipe.optimiser
    if net.updates and ours is not None and net.state_of != (ours.name, tuple(ours.state)):
        remark(f"{path} holds the state of {facts['recipe']}; {ours} starts anew", ResumeWarning)
        net.forget()
    section = net.graph.training.epochs if net.graph.training is not None else None
    if net.ends is not None and net.epoch and section is not None and net.recipe.epochs == section != net.ends and any(not s.endless for s in net.recipe.schedules):
        remark(f"{path} was written on the way to {net.ends} epochs, and the train section leads to {section}: schedules go by that. "
               f"As before: net.configure(epochs={net.ends})", ResumeWarning)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the facts of a checkpoint, its checksum verified."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as decode

    try:
        data = path_of(path).read_bytes()
    except FileNotFoundError:
        raise MissingFileError(f"there is no checkpoint {path}") from None
    except OSError as e:
        raise MissingFileError(f"{path} cannot be read: {e.strerror}", code="unreadable-file") from None
    what = next((kind for magic, kind in _FOREIGN.items() if data.startswith(magic)), None)
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        assert isinstance(header, dict)
    except (ValueError, AssertionError):
        if len(data) > 8 and data[8:9] == b"{" and size > len(data) - 8:
            raise misuse("damaged-checkpoint", f"{path} is cut short", f"{len(data)} bytes, and the header alone is {size}", hint="use the checkpoint before it") from None
        raise misuse("foreign-checkpoint", f"{path} is no checkpoint of netspec", f"it looks like {what}" if what else "it is no safetensors file",
                     hint="net.save(path) writes one; weights from elsewhere: net.set_parameters({name: array})") from None
    try:
        tensors: dict[str, Array] = decode(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as e:
        raise misuse("damaged-checkpoint", f"{path} is cut short or damaged", str(e), hint="use the checkpoint before it") from None
    facts = _facts(header)
    if facts is None:
        raise misuse("foreign-checkpoint", f"{path} is a safetensors file that netspec did not write", f"it holds {', '.join(list(tensors)[:4])} ...",
                     hint="net.set_parameters({name: array}) takes weights from elsewhere")
    if facts.get("schema") != SCHEMA:
        raise misuse("foreign-checkpoint", f"{path} is of another version of netspec", f"it says {facts.get('schema')!r}; this is {SCHEMA!r}")
    if facts.pop("sha256", None) != _digest(tensors, facts):
        raise misuse("damaged-checkpoint", f"{path} is damaged: its checksum does not match its contents", hint="use the checkpoint before it")
    return tensors, facts


def _memory(tensors: dict[str, Array]) -> list[str]:
    """The fields of an optimiser's memory that a file holds."""
    known = {f.name for f in fields(Memory)}
    return [k.removeprefix("optimiser/") for k in tensors if k.startswith("optimiser/") and k.removeprefix("optimiser/") in known]


def _facts(header: dict[str, Any]) -> dict[str, Any] | None:
    meta = header.get("__metadata__")
    try:
        facts = json.loads(meta["netspec"]) if isinstance(meta, dict) else None
    except (KeyError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def _check_fit(net: Network, path: str | os.PathLike[str], tensors: dict[str, Array], facts: dict[str, Any]) -> None:
    wanted = {p.name: p.shape for p in net.graph.parameters}
    for slot in facts["slots"]:
        wanted |= {f"optimiser/{slot}/{p.name}": p.shape for p in net.graph.parameters if p.trainable}
    if facts.get("averaged"):
        wanted |= {f"average/{p.name}": p.shape for p in net.graph.parameters if p.trainable}
    held = {k: v.shape for k, v in tensors.items() if k.removeprefix("optimiser/") not in _memory(tensors)}
    if wanted == held:
        return
    notes = [f"{k}: {shape_text(held[k])} in the file, {shape_text(wanted[k])} here" for k in wanted if k in held and held[k] != wanted[k]]
    notes += [f"{k} is not in the file" for k in wanted if k not in held]
    notes += [f"{k} is in the file only" for k in held if k not in wanted]
    more = [f"... and {len(notes) - 6} more"] if len(notes) > 6 else []
    raise misuse("checkpoint-mismatch", f"{path} is of another network", f"it was written by net {facts['net']}; this is {net.graph.name}", *notes[:6], *more,
                 hint="compile the same text with the same parameters; set_parameters({...}) takes only what you name")


def _where(net: Network) -> dict[str, Any]:
    """What may change bits: versions, the device and its instructions, dtype and precision."""
    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "absent"

    target: Target | None = getattr(net.executor, "target", None)
    vectors = {"instructions": f"{8 * target.vector}-bit vectors"} if target is not None else {}
    return {"device": net.device, **vectors, "dtype": str(net.dtype), "precision": "" if net.precision == DEFAULT else net.precision,
            "netspec": __version__, **{k: of(k) for k in ("numpy", "numba", "llvmlite")}}


def _digest(tensors: dict[str, Array], facts: dict[str, Any]) -> str:
    h = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for k in sorted(tensors):
        v = np.ascontiguousarray(tensors[k])
        h.update(f"{k} {v.dtype} {v.shape}".encode())
        h.update(v.tobytes())
    return h.hexdigest()


def _write(path: Path, data: bytes) -> None:
    try:
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as e:
        raise MissingFileError(f"{path} cannot be written: {e.strerror}", f"is {path.parent} a folder you may write to?", "unwritable-file") from None
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except OSError as e:
        os.unlink(beside)
        raise unwritable(path, e) from None
    except BaseException:
        os.unlink(beside)
        raise
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
