"""Checkpoints taken apart, and forged: with a right checksum, whatever they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from netspec.interchange.weights.safetensors import Tensors
from netspec.runtime.io.checkpoint import _digest


def held(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors and the facts of a checkpoint."""
    t = Tensors(path)
    return {k: t.raw(k) for k in t}, json.loads(t.metadata["netspec"])


def forged(path: Path, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
    """A checkpoint with a right checksum, whatever it says."""
    facts = {k: v for k, v in facts.items() if k != "sha256"}
    facts["sha256"] = _digest(tensors, facts)
    path.write_bytes(save(tensors, {"netspec": json.dumps(facts, sort_keys=True)}))
