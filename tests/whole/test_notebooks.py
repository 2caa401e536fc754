"""Notebooks in a real kernel, whose packages .ci/run installs: training that shows itself, errors, and the lectures of docs/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from where import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.filterwarnings("default")  # those of Jupyter are not ours
NET = "net small:\\n  input 1x4x4\\n  fc 3\\ntrain small:\\n  loss cross_entropy\\n  metric accuracy\\n  sgd lr=0.1\\n  batch 4\\n  epochs 3\\n"
BEGIN = f"""import numpy as np, netspec
net = netspec.compile(text="{NET}", device="reference", seed=0)
x, y = np.random.default_rng(0).random((8, 1, 4, 4)), np.arange(8) % 3"""


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("COLUMNS", raising=False)


def ran(folder: Path, *cells: str) -> tuple[list[Any], list[Any]]:
    """The outputs of each cell, as a notebook that is saved holds them, and all messages of outputs."""
    messages = []

    class Client(nbclient.NotebookClient):  # type: ignore[name-defined,misc]
        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            messages.append(msg)
            return super().process_message(msg, cell, cell_index)

    v4 = nbformat.v4
    book = v4.new_notebook(cells=[v4.new_code_cell(c) for c in (BEGIN, *cells)])
    Client(book, timeout=300, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(folder)}}).execute()
    nbformat.validate(book)
    assert not book.cells[0].outputs
    return [c.outputs for c in book.cells[1:]], [m for m in messages if m["msg_type"].endswith("display_data")]


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_training_shows_itself_in_one_place_and_the_last_state_is_kept(tmp_path: Path) -> None:
    outputs, messages = ran(tmp_path, "history = net.fit(x, y)", "history", "net.fit(x, y, epochs=2, verbose=2);",
                            "net.fit(x, y, epochs=1, verbose=0);",
                            "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as said: net.fit(x, y, epochs=1)",
                            "print(said.getvalue()); import sys; print('ipywidgets' in sys.modules)",
                            "def stop(net, epoch, numbers): raise KeyboardInterrupt\nnet.fit(x, y, epochs=2, callbacks=stop)")
    first, history, table, quiet, elsewhere, said, interrupted = outputs
    [shown] = first
    assert shown.output_type == "display_data" and shown.data["text/plain"].startswith("small: 3 epochs in ")
    html = shown.data["text/html"]
    assert html.count("<svg") == 2 and re.findall(r"<td[^>]*>(\d)<", html) == ["1", "2", "3"] and "<script" not in html
    own = [m for m in messages if m["content"]["transient"] == messages[0]["content"]["transient"]]
    assert [m["msg_type"] for m in own] == ["display_data"] + ["update_display_data"] * (len(own) - 1) and len(own) > 1
    assert own[0]["content"]["data"]["text/plain"].startswith("small: epoch 1/3")
    assert [o.output_type for o in history] == ["execute_result"] and "<svg" in history[0].data["text/html"]
    assert {o.output_type for o in table} == {"stream"} and "4/5" in "".join(o.text for o in table)
    assert quiet == [] and elsewhere == [] and re.search("(?m)^epoch +loss", said[0].text) and said[-1].text.endswith("False\n")
    assert interrupted[0].data["text/plain"].startswith("small: interrupted in epoch 8/9, 1 epoch in ")
    assert interrupted[-1].ename == "KeyboardInterrupt"


def test_an_error_is_its_page_and_no_frames_of_ours(tmp_path: Path) -> None:
    outputs, _ = ran(tmp_path, 'netspec.load_graph(text="net a:\\n  input 1x4x4\\n  conv 3 3x3 rleu\\n")',
                     "def train():\n    return net.fit(x, y[:3])\ntrain()", 'netspec.load("nowhere.safetensors")')
    [[spec], data, [missing]] = outputs
    text = "\n".join(spec.traceback)
    assert spec.output_type == "error" and spec.ename == "SpecError" and "\x1b[1;31merror" in text
    assert plain(text).startswith("Cell In[2], line 1\n    netspec.load_graph(")
    assert "3 |   conv 3 3x3 rleu\n  |              ^^^^ not a switch" in plain(text) and "hint: did you mean `relu`?" in plain(text)
    lines = plain("\n".join(data[-1].traceback)).splitlines()
    assert lines[:4] == ["Cell In[3], line 3", "    train()", "Cell In[3], line 2, in train", "    return net.fit(x, y[:3])"]
    for error in (spec, data[-1], missing):
        assert ".py" not in "\n".join(error.traceback) and "Traceback" not in "\n".join(error.traceback)


@pytest.mark.parametrize("name", [p.stem for p in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))])
def test_a_notebook_of_the_lectures_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its cells, in an empty folder; the one mistake that is shown is a mistake."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "build_site"))
    import lectures

    text = (ROOT / "docs" / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    book = lectures.executed(text)
    nbformat.validate(nbformat.from_dict(book))
    cells = [c for c in book["cells"] if c["cell_type"] == "code"]
    assert all(("raises-exception" in c["metadata"].get("tags", ())) == any(o["output_type"] == "error" for o in c["outputs"]) for c in cells)
    assert not [o for c in cells for o in c["outputs"] if o.get("name") == "stderr"], "a notebook for a lecture has no warnings"
