"""docs/security.md names a test for each boundary; each of them is there."""

from __future__ import annotations

import ast
import re

from own_source import nodes
from where import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
BOUNDARIES = ("spec", "imported file", "weights file", "checkpoint", "data file", "picture", "table of labels", "IDX file", "batches for Python", "tar file", "cache folder", "environment variables",
              "current folder", "names of files", "terminal", "emitted text")


def test_every_boundary_is_held_by_a_test_that_exists() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| from outside")]
    for boundary in BOUNDARIES:
        assert any(boundary in row.split("|")[1] for row in rows), boundary
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            functions = {n.name for n in nodes(ROOT / file) if isinstance(n, ast.FunctionDef)}
            assert test in functions, f"{file}::{test}"


def test_no_pickle_no_eval_of_what_is_not_ours() -> None:
    """No such word stands anywhere."""
    for path in (ROOT / "netspec").rglob("*.py"):
        for n in nodes(path):
            names = [a.name for a in n.names] if isinstance(n, ast.Import) else [n.module
                                                                                 or ""] if isinstance(n, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] not in ("pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml",
                                                      "joblib"), f"{path} imports {name}"
            if isinstance(n, ast.keyword) and n.arg == "allow_pickle":
                assert isinstance(n.value, ast.Constant) and n.value.value is False
            if isinstance(n, ast.keyword) and n.arg == "shell":
                raise AssertionError(f"{path} starts a shell")
