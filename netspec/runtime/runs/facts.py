"""What a run says of itself, for those who compare runs: the first line of its log."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Graph
from ...version import __version__
from ...words.dataset import Data
from ..measuring.tallies import tallies
from ..state import State
from ..train.horizon import horizon
from ..train.keeping import choosing
from ..watching.machine import machine
from .verdict import with_rate

ARRAYS = "arrays"  # what data are called that Python gave


def facts_of(state: State, data: Data | None, name: str, validated: bool = False) -> dict[str, Any]:
    """Without `data` of arrays that somebody has given, and `validated` says whether some of them validate."""
    r, origin, graph = state.recipe, state.origin, state.graph
    settings = {"data": data.name if data is not None else ARRAYS, "loss": ", ".join(str(t.loss) for t in r.terms),
                "optimiser": with_rate(r.optimiser), "schedule": ", ".join(map(str, r.schedules)), "batch": r.batch,
                "epochs": horizon(state), "prepare": ", ".join(prepared(graph)), "augment": ", ".join(map(str, r.augmentation)),
                "accumulate": r.accumulate, "shards": r.shards, "average": r.average, "l1": r.l1, "l2": r.l2,
                "initialise": r.initialise, "drop_last": r.drop_last, "early_stopping": r.early_stopping, "keep": " ".join(r.keep),
                "seed": state.seed,
                "precision": graph.precision, "dtype": str(state.dtype),
                **{k: str(v) for k, v in (origin.parameters or {} if origin is not None else {}).items()}}
    parts = {} if data is None else {"train": data.train, "validation": data.validation, "test": data.test}
    best, lower = choosing(r.keep, validated or ("validation" in parts and parts["validation"] is not None),
                           tallies(graph, r.terms, r.metrics))
    return {"run": name, "net": graph.name, "seed": state.seed, "device": state.device, "netspec": __version__,
            "parameters": sum(p.size for p in graph.parameters if p.kind != "buffer"),
            "classes": list(data.classes) if data is not None else [],
            "examples": {k: _many(p[0]) for k, p in parts.items() if p}, "machine": machine(),
            "best": f"{'lowest' if lower else 'highest'} {best}", "settings": settings}


def prepared(graph: Graph) -> list[str]:
    """What inputs go through, each as its line has it."""
    training = graph.training
    return [str(p).removeprefix("prepare ") for p in training.preparation] if training is not None else []


def _many(part: Any) -> int:
    return len(next(iter(part.values())) if isinstance(part, dict) else part)
