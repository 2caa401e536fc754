"""ONNX's own tests of its operators: how many of them are read, and none is read wrongly.

Of a test whose weights are inputs the numbers of all inputs but the first are constants, as they are in people's files. Tests of
operators that no layer states are refused by name, and are only counted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.backends.reference.executor import ReferenceExecutor
from netspec.diagnostics import NetspecError

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

LEAST = 200  # of the 1,884 tests that onnx 1.23 has
ALSO = {"Constant", "Identity", "Shape", "Cast", "CastLike", "Dropout", "Squeeze", "Unsqueeze", "Expand", "Tile", "Split", "Sum",
        "Mean", "Greater", "Less", "Or", "LessOrEqual", "GreaterOrEqual"}


def cases() -> Iterator[tuple[str, Any, list[Any], list[Any], bool]]:
    """Name, model, inputs, outputs, and whether layers state all its operators; as it is, then with constants."""
    from onnx.backend.test.case.node import collect_testcases

    from netspec.interchange.onnx.meet import candidates
    from netspec.interchange.onnx.rewrite import RULES

    also = ALSO.union(*(re.findall(r"[A-Z]\w+", text) for text, _ in RULES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    for c in found:
        inputs, outputs = c.data_sets[0]
        known = all(n.op_type in also or n.op_type in candidates() for n in c.model.graph.node) and len(c.model.graph.node) < 12
        floats = all(isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size for a in (*inputs[:1], *outputs))
        yield c.name, c.model, inputs, outputs, known and floats and bool(inputs)


def with_constants(model: Any, inputs: list[Any]) -> Any:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for i, a in list(zip(made.graph.input, inputs))[1:]:
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(a), i.name))
    return made


def agrees(model: Any, inputs: list[Any], outputs: list[Any], path: Path, half: bool) -> bool:
    """Whether what is read computes what the test says. Raises NetspecError where it is not read."""
    from netspec.interchange.onnx import say

    path.write_bytes(model.SerializeToString())
    found = say.said(path)
    names = [i.name for i in model.graph.input]
    x = {here: np.asarray(inputs[names.index(there)], np.float32) for here, (there, _) in found.inputs.items()}
    graph = say.graph_of(found.text, {here: a.shape[1:] for here, a in x.items()} if "?" in found.text else None)
    assert graph is not None
    run = ReferenceExecutor(graph)
    fixed = {p.name: np.reshape(p.values, p.shape) for p in graph.parameters if p.values is not None}
    for k, v in {**found.weights, **fixed}.items():
        run.set(k, v)
    got = run.predict(x)
    close = 2e-2 if half else 2e-4
    return len(got) == len(outputs) and all(
        np.allclose(np.reshape(got[word], want.shape), want.astype(np.float32), rtol=close, atol=close)
        for word, want in zip(found.outputs, outputs))


def test_the_tests_of_onnx(tmp_path: Path) -> None:
    read, wrong, many = [], [], 0
    for name, model, inputs, outputs, known in cases():
        many += 1
        for k in range(1 + (len(inputs) > 1) if known else 0):
            try:
                made = with_constants(model, inputs) if k else model
                right = agrees(made, inputs, outputs, tmp_path / "case.onnx", "16" in name)
            except NetspecError:
                continue
            (read if right else wrong).append(name)
            break
    print(f"{len(read)} of {many} tests of ONNX's operators are read, {len(wrong)} wrongly")
    assert not wrong
    assert len(read) >= LEAST
