"""A file that `netspec emit` writes runs where there is no netspec, and computes the same."""

from __future__ import annotations

import ast
import math
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.optimisers import OPTIMISERS
from netspec.runtime.standalone.embed import ROOT, needed
from netspec.runtime.standalone.emit import LATE, ROOTS, function_texts, standalone

SMALL = """\
net small:
  input 3x6x6
  conv 8 3x3 bn relu lr=0.5
  maxpool 2
  dropout 0.25
  fc 5

train small:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9 decay=0.001 nesterov
  regularise l1 0.001 weights
  prepare standardise mean=[0.5, 0.25, 0] std=[2, 1, 3]
"""

ALONE = """\
import sys
from importlib.abc import MetaPathFinder

class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("netspec", "lark", "networkx", "safetensors", "rich"):
            raise ModuleNotFoundError(f"{name} shall not be needed")

sys.meta_path.insert(0, Nothing())
sys.path.insert(0, ".")
import numpy as np
import small

net = small.Network(seed=7)
first = {f"first/{k}": v for k, v in net.parameters.items()}
given = np.load("given.npz")
net.load("weights.safetensors")
held = dict(net.parameters)
net.load({k: v + 1 for k, v in held.items()})
net.save("weights.npz")
net.load("weights.npz")
assert all(np.array_equal(net.parameters[k], v + 1) for k, v in held.items())
net.load(held)
for labels in (given["y"] + 0.5, given["y"] - 9):
    try:
        net.gradients(given["x"], labels)
    except ValueError as e:
        assert "labels are" in str(e)
    else:
        raise AssertionError("labels that are no classes")
net.steps = 3
predicted = net.predict(given["x"])
loss, gradients = net.gradients(given["x"], given["y"])
losses = [net.step(given["x"], given["y"]) for _ in range(2)] + [net.step(given["x"], given["y"], lr=0.05)]
again = net.predict(given["x"][:3])
np.savez("found.npz", predicted=predicted, loss=loss, losses=losses, again=again, **first,
         **{f"gradient/{k}": v for k, v in gradients.items()}, **{f"stepped/{k}": v for k, v in net.parameters.items()})
cache = sys.modules[[m for m in sys.modules if m.endswith("backends.cpu.llvm.cache")][0]]
print(cache.statistics())
"""


def run(folder: Path, *command: str) -> str:
    """Isolated: no PYTHONPATH, no user site, not the folder of the checkout."""
    done = subprocess.run([sys.executable, "-I", *command], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def every(net: Any) -> dict[str, Any]:
    return {**net.parameters, **net.buffers}


def test_the_file_computes_the_same_without_netspec(tmp_path: Path) -> None:
    net = netspec.compile(text=SMALL, seed=7)
    (tmp_path / "small.py").write_text(standalone(net.graph), encoding="utf-8")
    (tmp_path / "alone.py").write_text(ALONE)
    first = every(net)
    random = np.random.default_rng(0)
    x, y = random.standard_normal((6, 3, 6, 6)).astype(np.float32), random.integers(0, 5, 6)
    for _ in range(3):
        net.train_step(x, y)
    net.save(str(tmp_path / "weights.safetensors"))
    np.savez(tmp_path / "given.npz", x=x, y=y)
    net.forget()  # weights come from the file, velocities do not
    net.step = 3  # which dropout mask
    run(tmp_path, "alone.py")
    found = np.load(tmp_path / "found.npz")

    for name, value in first.items():
        np.testing.assert_array_equal(found[f"first/{name}"], value)
    np.testing.assert_array_equal(found["predicted"], net.predict(x))
    loss, gradients = net.loss_and_gradients(x, y)
    assert found["loss"] == loss
    for name, g in gradients.items():
        np.testing.assert_array_equal(found[f"gradient/{name}"], g)
    losses = [net.train_step(x, y) for _ in range(2)]
    net.configure(optimiser="sgd lr=0.05 momentum=0.9 decay=0.001 nesterov")
    assert found["losses"].tolist() == [*losses, net.train_step(x, y)]
    for name, value in every(net).items():
        np.testing.assert_array_equal(found[f"stepped/{name}"], value)
    np.testing.assert_array_equal(found["again"], net.predict(x[:3]))

    assert "0 kernels compiled" in run(tmp_path, "alone.py"), "the second run finds every kernel on disk"


@pytest.mark.sweep
def test_a_net_without_losses_predicts(tmp_path: Path) -> None:
    file = tmp_path / "plain.py"
    file.write_text(standalone(netspec.load_graph(text="net plain:\n  input 4\n  fc 2 relu\n").graph), encoding="utf-8")
    printed = run(tmp_path, "plain.py")  # the demonstration
    assert "input: (16, 4)" in printed and "output: (16, 2)" in printed
    tree = ast.parse(file.read_text())
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    assert {"stored", "predict_values", "predict"} <= functions and not {"gradients", "update", "statistics"} & functions
    assert '"""plain, as netspec compiled it' in file.read_text()[:80]


MOVES = """\
net moved:
  input (3, 4, 6, 6)
  each v:
    conv 20 3x3 relu
  max over=v
  shuffle 2
  reshape 10x72

train moved:
  loss mse
  sgd lr=0.1
"""


@pytest.mark.sweep
def test_moves_and_views_travel(tmp_path: Path) -> None:
    net = netspec.compile(text=MOVES, seed=3)
    (tmp_path / "moved.py").write_text(standalone(net.graph), encoding="utf-8")
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, 3, 4, 6, 6)).astype(np.float32), random.standard_normal((2, 10, 72)).astype(np.float32)
    np.savez(tmp_path / "given.npz", x=x, y=y)
    run(tmp_path, "-c",
        "import sys; sys.path.insert(0, '.'); import numpy as np, moved; g = np.load('given.npz'); net = moved.Network(seed=3); "
        "loss, d = net.gradients(g['x'], g['y']); np.savez('found.npz', out=net.predict(g['x']), loss=loss, d=d['conv1.weight'])")
    found = np.load(tmp_path / "found.npz")
    loss, gradients = net.loss_and_gradients(x, y)
    np.testing.assert_array_equal(found["out"], net.predict(x))
    assert found["out"].shape == (2, 10, 72)
    assert found["loss"] == loss
    np.testing.assert_array_equal(found["d"], gradients["conv1.weight"])


def test_sizes_must_be_known() -> None:
    graph = netspec.load_graph(text="net any:\n  input 3x?x?\n  conv 4 3x3\n").graph
    with pytest.raises(netspec.NetspecError, match="any size"):
        standalone(graph)


def test_what_runs_needs_no_language() -> None:
    """The embedded modules import each other, NumPy, Numba and the standard library."""
    modules = needed(ROOTS)
    rooms = ("backends", "ir", "runtime", "cache_folder")
    assert not [m for m in modules if m.split(".")[0] not in rooms and m not in LATE]
    constants = {n.value for text in modules.values() for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)
                 and isinstance(n.value, str)}
    named = {c for c in constants if c.startswith("contract.") and (ROOT / f"backends/cpu/{c.replace('.', '/')}.py").is_file()}
    assert named and {f"backends.cpu.{c}"
                      for c in named} <= set(modules), "text that is compiled imports what is not there: see ROOTS"
    for name, text in modules.items():
        for n in ast.parse(text).body:
            outside = [a.name for a in n.names] if isinstance(n, ast.Import) else [n.module
                                                                                   or ""] if isinstance(n,
                                                                                           ast.ImportFrom) and not n.level else []
            assert all(o.partition(".")[0] in {*sys.stdlib_module_names, "numpy", "numba", "llvmlite", *(["PIL"] if name in LATE else [])}
                       for o in outside), f"{name} imports {outside}"


@pytest.mark.parametrize("name", [k for k, o in OPTIMISERS.items() if not o.host])
def test_the_numbers_of_an_update_rule_travel(name: str) -> None:
    optimiser = OPTIMISERS[name]()
    scope: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + "\n".join(function_texts(type(optimiser).scalars)), scope)
    settings = {k: float(v) for k, v in vars(optimiser).items() if isinstance(v, (int, float))}
    for step in (1, 2, 10):
        want = optimiser.scalars(step, dict(settings))
        assert scope["scalars"](SimpleNamespace(**vars(optimiser)), step, dict(settings)) == want
        assert all(math.isfinite(v) for v in want.values())


def test_comments_cite_the_line_of_the_spec(tmp_path: Path) -> None:
    """Of each operation of a fused step its own line, forwards and backwards."""
    path = tmp_path / "a.net"
    path.write_text(
        "net a:\n  input 2x6x6\n  conv 4 3x3 bn\n  relu\n  maxpool 2\n  residual:\n    conv 4 3x3\n    tanh\n  avgpool global\n  fc 3\n\n"
                    "train a:\n  loss cross_entropy\n  sgd lr=0.1\n")
    lines = path.read_text().splitlines()
    cited = re.findall(rf"# {re.escape(str(path))}:(\d+): (.*)", standalone(netspec.load_graph(path).graph))
    assert {int(n) for n, _ in cited} == {3, 4, 5, 6, 7, 8, 9, 10}
    for number, said in cited:
        assert lines[int(number) - 1].strip().startswith(said.split()[0]), (number, said)


REFUSED = """
import sys
import numpy as np
sys.path.insert(0, ".")
from labels import Network
net = Network()
x, y = np.ones((4, 3, 2, 2), np.float32), np.zeros((4, 2, 2), int)

def said(call):
    try:
        call()
        return "fine"
    except ValueError as e:
        return str(e)

def at(label):
    out = y.astype(float)
    out[1, 0, 1] = label
    return out

before = dict(net.parameters)
for target in (y, y[:, None], at(255), at(np.nan), at(0.5), at(5), at(-1), y[:3], y[:, :1], y.reshape(2, 8), np.array(0), [["a"]]):
    print(said(lambda: net.gradients(x, target)))
other = {name: np.zeros_like(value) for name, value in before.items()}
for wrong in (np.nan, np.inf):
    print(said(lambda: net.load({**other, sorted(other)[-1]: np.full((5, 3, 1, 1), wrong)})))
print(said(lambda: net.load({**other, sorted(other)[-1]: np.zeros(9)})))
print(all((net.parameters[name] == value).all() for name, value in before.items()))
"""


BEYOND = """
import sys

import numpy as np

sys.path.insert(0, ".")
from small import Network

net, x = Network(), np.zeros((2, 4))
for call in (lambda: net.predict(np.full((2, 4), 1e300)), lambda: net.step(np.full((2, 4), -1e39), np.zeros((2, 2))),
             lambda: net.step(x, np.full((2, 2), 1e300)), lambda: net.gradients(x, np.full((2, 2), -4e38)),
             lambda: net.parameters.__setitem__("fc1.bias", [1e300, 0])):
    try:
        call()
    except ValueError as e:
        print(e)
net.parameters["fc1.bias"] = [3e38, 1]
print(np.isfinite(net.predict(x)).all())
"""


def test_a_finite_number_never_becomes_an_infinite_one_in_the_file(tmp_path: Path) -> None:
    text = "net small:\n  input 4\n  fc 2\ntrain small:\n  loss l1\n  sgd lr=0.1\n"
    (tmp_path / "small.py").write_text(standalone(netspec.load_graph(text=text).graph), encoding="utf-8")
    (tmp_path / "beyond.py").write_text(BEYOND)
    assert run(tmp_path, "beyond.py").splitlines() == [*["input holds numbers that are beyond float32"] * 2,
                                                       *["the target out holds numbers that are beyond float32"] * 2,
                                                       "fc1.bias holds numbers that are beyond float32", "True"]


@pytest.mark.sweep
def test_the_file_says_what_is_wrong_with_labels_and_weights(tmp_path: Path) -> None:
    """Nothing of the network has changed then."""
    text = "net labels:\n  input 3x2x2\n  conv 5 1x1\ntrain labels:\n  loss cross_entropy ignore=255\n  sgd lr=0.1\n"
    (tmp_path / "labels.py").write_text(standalone(netspec.load_graph(text=text).graph), encoding="utf-8")
    (tmp_path / "refused.py").write_text(REFUSED)
    lines = run(tmp_path, "refused.py").splitlines()
    assert lines[:3] == ["fine"] * 3
    assert lines[3:] == [
        "the target out holds a number that is not finite", "labels are whole numbers, 0 to 4",
        "labels are 0 to 4, and here they reach from 0 to 5",
        "labels are 0 to 4, and here they reach from -1 to 0",
        *(f"the target out is 4 x 2 x 2, one for each example, not {s}" for s in ("(3, 2, 2)", "(4, 1, 2)", "(2, 8)", "()")),
        "the target out holds no numbers", "conv1.weight holds a number that is not finite",
        "conv1.weight holds a number that is not finite", "conv1.weight has the shape (5, 3, 1, 1), not (9,)", "True"]
