"""What is written as ONNX computes the same: by onnxruntime where it is there, else by onnx's reference evaluator."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_layers import EXAMPLES, graph_of

import netspec
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.cli import main
from netspec.diagnostics import NetspecError
from netspec.ir.graph import Graph
from netspec.runtime.exchange import imported
from netspec.words import WordError
from netspec.words.layer import Example

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

# what opset 18 has no operator for, and a word of the line that says so
UNSAID = {"avgpool 3 /2 pad=2 dilation=2 count_pad=no": "--opset 19", "conv 3 3x5 circular": "--opset 19",
          "pad [(3, 1), (0, 2)] circular": "--opset 19", "dropout 0.3 mc": "draws", "lrn 4 alpha=0.3 divide=no": "even",
          "unpool @p": "overlap"}


def numbers(graph: Graph, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {p.name: (rng.uniform(0.5, 1.5, p.shape) if p.values is None else np.reshape(p.values, p.shape)).astype(np.float32)
            for p in graph.parameters}


def written(graph: Graph, arrays: dict[str, Any], opset: int) -> Any:
    from netspec.interchange.onnx.write import model

    return model(graph, arrays, opset).model


def compare(graph: Graph, opset: int) -> None:
    from netspec.interchange.onnx.run import difference, outputs

    arrays, run, rng = numbers(graph), ReferenceExecutor(graph), np.random.default_rng(1)
    for name, a in arrays.items():
        run.set(name, a)
    made = written(graph, arrays, opset)
    x = {n.name: rng.standard_normal((2 * n.type.batch, *n.type.shape)).astype(np.float32) for n in graph.inputs}
    got, _ = outputs(made, x)
    for g, want in zip(got.values(), run.predict(x).values()):
        assert difference(g, want) < 1e-5


def refusal(example: Example, opset: int) -> str | None:
    """Compare, unless it cannot be said in this opset: then why."""
    try:
        compare(graph_of(example), opset)
    except NetspecError as e:
        return e.diagnostics[0].notes[0] if e.diagnostics[0].code == "no-operator" else str(e)
    return None


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example(example: Example) -> None:
    why = refusal(example, 18)
    assert (why is None and (example.spec not in UNSAID or "unpool" in example.spec)) or UNSAID[example.spec] in str(why)


@pytest.mark.parametrize("opset", [13, 21])
@pytest.mark.parametrize("example", [e for e in EXAMPLES if any(w in str(e.id) for w in ("gelu", "group_norm", "hardswish", "mish",
                                                                                        "over=", "avgpool 3 /2 pad=2", "circular"))])
def test_other_opsets(example: Example, opset: int) -> None:
    why = refusal(example, opset)
    assert why is None or (opset == 13 and "--opset 19" in why)


TWO_ENDS = """
net two(classes=3):
  input 2x6x6
  conv 4 3x3 bn relu
  output early: avgpool global -> fc classes
  dropout 0.3 spatial
  residual: conv 4 3x3
  avgpool global -> fc classes softmax
train two:
  prepare standardise mean=[0.1, 0.2] std=[2, 3]
"""


def test_names_outputs_and_an_open_batch(tmp_path: Path) -> None:
    net = netspec.compile(text=TWO_ENDS, device="reference", seed=1)
    said = net.export(str(tmp_path / "two.onnx"))
    assert "within" in said
    made = onnx.load(tmp_path / "two.onnx")
    assert [o.name for o in made.graph.output] == ["early", "out"]
    assert {i.name for i in made.graph.initializer} >= {"conv1.weight", "conv1.bn.mean", "fc1.bias"}
    assert {n.name for n in made.graph.node} >= {"conv1", "conv1.bn", "conv1.relu", "add1"}
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert made.opset_import[0].version == 18 and made.ir_version == 9


def test_preparations_on_request(tmp_path: Path) -> None:
    from netspec.interchange.onnx.run import outputs

    net = netspec.compile(text=TWO_ENDS, device="reference", seed=1)
    x = np.random.default_rng(0).standard_normal((3, 2, 6, 6)).astype(np.float32)
    want = net.predict(x)["out"]
    net.export(str(tmp_path / "a.onnx"))
    net.export(str(tmp_path / "b.onnx"), prepare=True)
    prepared = (x - np.reshape([0.1, 0.2], (2, 1, 1))) / np.reshape([2, 3], (2, 1, 1))
    for file, given in (("a.onnx", prepared), ("b.onnx", x)):
        got, _ = outputs(onnx.load(tmp_path / file), {"input": given.astype(np.float32)})
        np.testing.assert_allclose(got["out"], want, rtol=1e-4, atol=1e-6)
    (tmp_path / "two.net").write_text(TWO_ENDS)
    net.save(str(tmp_path / "two.safetensors"))
    files = [str(tmp_path / "two.net"), "--weights", str(tmp_path / "two.safetensors"), "--prepare", "-o", str(tmp_path / "c.onnx")]
    assert main(["export", *files]) == 0 and (tmp_path / "c.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize("line", ["prepare centre mean=0.5 over=image", "prepare scale min=[0, 1] max=[2, 3] low=-1",
                                  "prepare scale by=0.5", "prepare whiten mean=0 matrix=[[1, 0], [2, 1]]"])
def test_every_preparation(line: str, tmp_path: Path) -> None:
    shape = "2" if "whiten" in line else "2x3x3"
    net = netspec.compile(text=f"net a:\n  input {shape}\n  fc 3\ntrain a:\n  {line}\n", device="reference")
    assert "within" in net.export(str(tmp_path / "a.onnx"), prepare=True)


def test_open_sizes(tmp_path: Path) -> None:
    net = netspec.compile(text="net a:\n  input 2x?x?\n  p: skip\n  conv 3 3x3 /2 relu\n  up @p bilinear\n  concat @p\n", device="reference")
    net.export(str(tmp_path / "a.onnx"))
    dims = onnx.load(tmp_path / "a.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims] == [0, 2, 0, 0]


def at_sizes(example: Example) -> list[Graph]:
    """The net of an example with its sizes left open, as they are, and twice as large; fewer where it cannot be."""
    found = []
    for size in (lambda w: None, lambda w: w, lambda w: 2 * w):
        with suppress(WordError):
            found.append(graph_of(replace(example, inputs=tuple((c, *map(size, space)) for c, *space in example.inputs))))
    return found


UNSAID_OPEN = ("unpool @p", "lrn 4", "dropout 0.3 mc")


@pytest.mark.parametrize("example", [e for e in EXAMPLES if len(e.values[0].inputs[0]) > 1 and len(at_sizes(e.values[0])) == 3])
def test_every_example_with_its_sizes_left_open(example: Example) -> None:
    """One file computes the same at two sizes."""
    from netspec.interchange.onnx.run import difference, outputs

    graph, *fixed = at_sizes(example)
    if example.spec.startswith(UNSAID_OPEN):
        with pytest.raises(NetspecError, match="cannot be said in ONNX"):
            written(graph, numbers(graph), 19)
        return
    made = written(graph, numbers(graph), 19)
    for known in fixed:
        run, rng = ReferenceExecutor(known), np.random.default_rng(1)
        for name, a in numbers(known).items():
            run.set(name, a)
        x = {n.name: rng.standard_normal((2 * n.type.batch, *n.type.shape)).astype(np.float32) for n in known.inputs}
        for got, want in zip(outputs(made, x)[0].values(), run.predict(x).values()):
            assert difference(got, want) < 1e-5


@pytest.mark.parametrize("steps", [
    "conv 4 3x3 valid -> interleave 2 -> unshuffle 2 dcr -> shuffle 2", "a: conv 2 3x3 valid -> conv 3 3x3 valid -> pad @a -> concat @a",
    "a: conv 2 3x3 valid -> conv 3 3x3 valid -> concat @a crop", "conv 3 3x3 /2 same_upper reflect -> conv 3 3x3 /2 same_lower dilation=2",
    "layer_norm affine=no -> conv 3 1x1 -> layer_norm channels affine=no", "up 2 bed -> conv 2 3x3 -> crop @input -> add @input crop"])
def test_what_lies_by_the_sizes_is_computed_in_the_file_where_they_are_open(steps: str, tmp_path: Path) -> None:
    from netspec.interchange.onnx.say import said

    lines = "".join(f"  {step}\n" for step in steps.split(" -> "))
    net = netspec.compile(text=f"net a:\n  input 2x?x?\n{lines}", device="reference")
    net.export(str(tmp_path / "a.onnx"))
    again = netspec.load_graph(text=said(tmp_path / "a.onnx").text).graph
    assert again.inputs[0].type.shape == (2, None, None)
    assert [n.op for n in again.nodes] == [n.op for n in net.graph.nodes] or "bed" in steps


def test_a_file_that_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.layers.rectifiers.relu import Relu

    monkeypatch.setattr(Relu, "onnx", "Tanh(x)")  # a layer that says what it is not
    patterns_of = __import__("netspec.interchange.onnx.patterns", fromlist=["patterns"]).patterns
    patterns_of.cache_clear()
    try:
        net = netspec.compile(text="net a:\n  input 4\n  relu\n", device="reference")
        with pytest.raises(NetspecError, match="not what the network computes"):
            net.export(str(tmp_path / "a.onnx"))
        assert not list(tmp_path.iterdir())
        net.export(str(tmp_path / "a.onnx"), force=True)
        assert (tmp_path / "a.onnx").exists()
    finally:
        patterns_of.cache_clear()


def test_nothing_is_written_where_a_layer_cannot_be_said(tmp_path: Path) -> None:
    net = netspec.compile(text="net a:\n  input 4x5x5\n  lrn 4\n  dropout 0.5 mc\n  fc 2\n", device="reference")
    with pytest.raises(NetspecError) as e:
        net.export(str(tmp_path / "a.onnx"))
    assert len(e.value.diagnostics[0].notes) == 2
    assert not list(tmp_path.iterdir())


def test_a_model_of_many_numbers_has_them_in_a_file_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of more than 2 GB has: onnx reads the two files, and so does the import."""
    from netspec.interchange.onnx import write

    net = netspec.compile(text="net a:\n  input 3x9x9\n  conv 20 3x3 bn relu\n  conv 30 3x3\n  avgpool global\n  fc 5\n",
                          device="reference", seed=3)
    small, large = tmp_path / "small.onnx", tmp_path / "large.onnx"
    net.export(str(small))
    monkeypatch.setattr(write, "WHOLE", 10_000)
    for _ in range(2):  # over what stands there
        assert "numbers are in large.onnx.data beside it" in net.export(str(large))
    assert sorted(f.name for f in tmp_path.iterdir()) == ["large.onnx", "large.onnx.data", "small.onnx"]
    assert large.stat().st_size < 10_000
    onnx.checker.check_model(str(large), full_check=True)
    one, two = ({t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(f).graph.initializer} for f in (small, large))
    assert one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)
    again = netspec.import_onnx(large, tmp_path / "b.net", device="reference")
    assert all(np.array_equal(a.astype(np.float32), again.parameters[k]) for k, a in net.parameters.items())
    monkeypatch.setattr(write, "WHOLE", 10**6)
    (tmp_path / "small.onnx.data").write_bytes(b"something else")
    for file, left in ((small, True), (large, False)):  # what the replaced file named goes with it
        net.export(str(file))
        assert Path(f"{file}.data").exists() == left
    monkeypatch.setattr(write, "WHOLE", 10_000)
    net.export(str(large))
    (tmp_path / "large.onnx").unlink()
    (tmp_path / "large.onnx").mkdir()
    before = (tmp_path / "large.onnx.data").stat().st_mtime_ns
    with pytest.raises(NetspecError, match="a folder, not a file"):
        net.export(str(large))
    assert (tmp_path / "large.onnx.data").stat().st_mtime_ns == before


def test_numbers_beside_are_run_by_the_reference_evaluator_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.interchange.onnx import run, write

    graph = netspec.load_graph(text="net a:\n  input 3x5x5\n  conv 20 3x3\n  fc 5\n").graph
    arrays, x = numbers(graph), {"input": np.random.default_rng(0).standard_normal((2, 3, 5, 5)).astype(np.float32)}
    want = [run.outputs(write.model(graph, arrays).model, x)[0]["out"]]
    monkeypatch.setattr(write, "WHOLE", 1000)
    made = write.model(graph, arrays)
    want.append(run.outputs(made.model, x, made.beside)[0]["out"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    got, how = run.outputs(made.model, x, made.beside)
    assert how == "onnx's reference evaluator"
    for w in want:
        np.testing.assert_allclose(got["out"], w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_net_that_makes_much_of_every_rounding_is_known_by_its_own(wrong: bool, tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """As deep ones with their first weights do, whose outputs double from block to block: RegNetY-128GF."""
    from netspec.interchange.onnx import write

    net = netspec.compile(text="net a:\n  input 64\n  fc 64 tanh\n  repeat 12: square -> scale -2 -> shift 1\n", seed=0)
    if wrong:  # a bias that the network does not have
        monkeypatch.setattr("netspec.runtime.exchange.model",
                            lambda g, a, *more: write.model(g, {k: v + 1e-3 for k, v in a.items()}, *more))
        with pytest.raises(NetspecError, match="not what the network computes"):
            net.export(str(tmp_path / "a.onnx"))
        return
    assert "the network's own move by" in net.export(str(tmp_path / "a.onnx"))
    assert "the network's own move by" in imported(tmp_path / "a.onnx", None, None, False)[1]
