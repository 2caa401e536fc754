"""The callbacks of docs/training.md that write to MLflow and Weights & Biases do, in the modes that need no server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from where import ROOT

NET = "net a:\n  input 4\n  fc 3\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.5\n"


@pytest.mark.filterwarnings("ignore")
def test_the_callbacks_of_the_page_write_what_history_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    block = re.search(r"^```\n(import mlflow.*?)^```", page, re.MULTILINE | re.DOTALL)
    uri = re.search(r'set_tracking_uri\("(.*?)"\)', page)
    assert block is not None and uri is not None
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(block[1], "training.md", "exec"), names)
    mlflow.set_tracking_uri(uri[1])
    x, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3
    history = netspec.compile(text=NET, device="reference").fit(x, y, validation=(x, y), epochs=2, verbose=0,
                                                                callbacks=[names["MLflow"](), names["WandB"]()])
    run, = mlflow.MlflowClient().search_runs(["0"])
    assert run.info.status == "FINISHED" and run.data.params["optimiser"] == "sgd lr=0.5"
    for name in ("loss", "val_loss", "val_accuracy"):
        held = [m.value for m in mlflow.MlflowClient().get_metric_history(run.info.run_id, name)]
        assert held == pytest.approx(history[name])
    written, = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert written.stat().st_size > 0 and b"val_accuracy" in written.read_bytes()
