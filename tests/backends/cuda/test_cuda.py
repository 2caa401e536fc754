"""The CUDA backend against the reference, its kernels run by an emulator that finds races and stray addresses: every layer,
loss, update rule, and whole networks. No GPU is needed; `test_cuda_ptx.py` compiles the same texts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import test_random_nets
from test_cpu import SINGLE, TERMS, agree, batch, distance, filled, near
from test_layers import EXAMPLES, POSITIVE, graph_of
from test_passes import NETS

import netspec
from emulated import EmulatedDevice
from netspec import waiting
from netspec.backends.cuda import device, tiles
from netspec.backends.cuda.device import NumbaDevice
from netspec.backends.cuda.executor import CudaExecutor
from netspec.backends.cuda.listing import emitted
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.cli import main
from netspec.ir.graph import Graph
from netspec.runtime.footprint import footprints
from netspec.runtime.train.recipe import recipe_of
from netspec.words.layer import Example
from netspec.words.optimiser import OPTIMISERS
from small import Net, word
from sweeps import one_of_each, the_first


def cuda(graph: Graph, dtype: str = "float64", checks: bool = True) -> CudaExecutor:
    return CudaExecutor(graph, dtype, on=EmulatedDevice(checks))


def multiplies(example: Example) -> bool:
    """Whether there may be contractions in it, which go in tiles or not."""
    return bool(example.macs) or len(example.inputs) > 1


@pytest.mark.parametrize(("example", "smallest"), one_of_each(
    [pytest.param(e.values[0], smallest, id=f"{e.id}-{smallest}") for e in EXAMPLES
     for smallest in ((1, 8) if multiplies(e.values[0]) else (8,))], lambda e, smallest: (e.spec.split()[0], smallest)))
def test_layer_agrees_with_the_reference(example: Example, smallest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small contractions in tiles, and as they usually run."""
    monkeypatch.setattr(tiles, "SMALLEST", smallest)
    graph = graph_of(example)
    agree(filled(cuda(graph)), filled(ReferenceExecutor(graph)), 3, example.spec in POSITIVE)


@pytest.mark.parametrize("name", the_first(1, SINGLE))
def test_float32_stays_near(name: str) -> None:
    graph = NETS[name]()
    near(filled(cuda(graph, "float32")), filled(ReferenceExecutor(graph)))


def stepped() -> Graph:
    """Small: every kernel is emulated. Whole nets are trained below."""
    net = Net({"x": (2, 5, 4)})
    net("conv 4 3x3 bias=no")
    net("bn")
    net("relu")
    net("fc 3")
    return net.graph()


def test_kernels_are_counted_while_they_are_compiled() -> None:
    """Those of a plan that nobody has compiled, when it runs for the first time."""
    said, there = list[str](), set[str]()

    class Fresh(EmulatedDevice):
        def missing(self, text: str, dtype: np.dtype[Any]) -> bool:
            return text not in there

    class Seen(waiting.Watch):
        def changed(self) -> None:
            said.append(str(self.waits[-1]))

    graph = stepped()
    x, _ = batch(graph, 4)
    before = filled(cuda(graph))
    before.predict(x)
    texts = list(dict.fromkeys(k.text for k in before.entries.get("predict").plan.kernels))
    there.add(texts[1])
    run = filled(CudaExecutor(graph, "float64", on=Fresh()))
    with waiting.watched(Seen()):
        for rows in (4, 4, 3):
            run.predict({k: v[:rows] for k, v in x.items()})
    of = len(texts) - 1
    assert of > 1 and said == ["planning", *(f"compiling kernel {k} of {of}" for k in range(1, of + 1))]


def test_what_was_compiled_once_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, float32 = NumbaDevice.__new__(NumbaDevice), np.dtype("f4")
    for folder, there in ((None, False), (tmp_path, False), (tmp_path, True)):
        monkeypatch.setattr(device, "place", lambda folder=folder: SimpleNamespace(path=folder))
        path = device.file_of("# float32\ntext")
        if there and path is not None:
            path.parent.mkdir()
            path.with_suffix(".0123.kernel").write_bytes(b"")
        assert found.missing("text", float32) is not there and found.missing("text", np.dtype("f8"))


@pytest.mark.parametrize("spec", the_first(3, ["sgd momentum=0.9 nesterov", "sgd clip_value=0.01",
                                               *(n for n, cls in OPTIMISERS.items() if not cls.host)]))
def test_steps_follow_the_reference(spec: str) -> None:
    """Weights, running statistics and optimiser state after three steps, two groups of settings and an l1 penalty."""
    graph = stepped()
    ours, theirs = filled(cuda(graph)), filled(ReferenceExecutor(graph))
    rule = word(OPTIMISERS, spec)[0]
    numbers = {k: v for k, v in asdict(rule).items() if not isinstance(v, str)}
    x, y = batch(graph, 4)
    free = [p.name for p in graph.parameters if p.trainable]
    for step in range(1, 4):
        plain = rule.scalars(step, numbers | {"lr": 0.01, "decay": 0.01}) | {"l1": 0.001}
        settings = {n: plain if k % 3 else plain | {"lr": plain["lr"] / 2} for k, n in enumerate(free)}
        a, b = (e.step(x, y, TERMS, rule, settings) for e in (ours, theirs))
        assert a.losses == pytest.approx(b.losses, rel=1e-9)
    assert all(distance(ours.get(n), theirs.get(n)) < 1e-9 for n in ours.parameters)
    assert all(distance(ours.get_state(s, n), theirs.get_state(s, n)) < 1e-9 for s in rule.state for n in free)


@pytest.mark.parametrize("name", NETS)
def test_losses_without_gradients(name: str) -> None:
    graph = NETS[name]()
    ours, theirs = filled(cuda(graph)), filled(ReferenceExecutor(graph))
    x, y = batch(graph, 5)
    a, b = ours.losses(x, y, TERMS), theirs.losses(x, y, TERMS)
    assert a.losses == pytest.approx(b.losses, rel=1e-11)
    assert distance(a.outputs["out"], theirs.predict(x)["out"]) < 1e-11


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """`device="cuda"` is the emulator."""
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", EmulatedDevice)


@pytest.mark.parametrize("name", the_first(1, [n for n in test_random_nets.NUMERIC if n != test_random_nets.LONG]))
def test_random_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs and gradients that PyTorch recorded. Races were looked for layer by layer; here that would take as long again."""
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", partial(EmulatedDevice, checks=False))
    test_random_nets.test_outputs_and_gradients(name, "cuda", "float64")


TRAINED = """net small:
  input 2x6x6
  conv 4 3x3 bn relu -> maxpool 2 -> dropout 0.25
  residual: conv 4 3x3 bn relu
  avgpool global -> fc 3

train small:
  loss cross_entropy
  adam lr=0.01 decay=0.001
  average 0.9
"""


@pytest.mark.usefixtures("emulated")
def test_training_is_that_of_the_reference() -> None:
    """Weights, statistics and averages after epochs with dropout, a last batch that is smaller, and gathered gradients; a run
    repeats bit for bit."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((11, 2, 6, 6)), rng.integers(0, 3, 11)
    nets = [netspec.compile(text=TRAINED, device=device, dtype="float64", seed=3) for device in ("cuda", "reference", "cuda")]
    for net in nets:
        net.fit(x, y, epochs=2, batch=4, accumulate=2, verbose=False)
    ours, theirs, again = ({**n.parameters, **n.buffers} for n in nets)
    for k, v in theirs.items():
        assert distance(ours[k], v) < 1e-9, k
        assert np.array_equal(ours[k], again[k]), k
    assert distance(nets[0].predict(x), nets[1].predict(x)) < 1e-9
    assert nets[0].evaluate(x, y)["loss"] == pytest.approx(nets[1].evaluate(x, y)["loss"], rel=1e-9)


@pytest.mark.usefixtures("emulated")
def test_a_checkpoint_moves_between_devices(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 2, 6, 6)), rng.integers(0, 3, 8)
    ours = netspec.compile(text=TRAINED, device="cuda", dtype="float64")
    ours.train_step(x, y)
    ours.save(tmp_path / "a.safetensors")
    theirs = netspec.compile(text=TRAINED, device="reference", dtype="float64")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        theirs.load(tmp_path / "a.safetensors")
    assert any("cuda" in str(w.message) for w in said)
    assert ours.train_step(x, y) == pytest.approx(theirs.train_step(x, y), rel=1e-9)


def test_a_new_batch_makes_no_new_kernel() -> None:
    graph = stepped()
    net = filled(cuda(graph))
    for n in (3, 7, 2):
        net.gradients(*batch(graph, n), TERMS)
    assert len(net.entries) == 1


def test_sums_over_the_batch_do_not_depend_on_what_was_in_memory() -> None:
    graph = NETS["grouped"]()
    net = filled(cuda(graph, "float32"))
    x, y = batch(graph, 6)
    first = net.gradients(x, y, TERMS)
    net.gradients(*batch(graph, 9), TERMS)
    again = net.gradients(x, y, TERMS)
    assert first.losses == again.losses
    assert np.array_equal(first.outputs["out"], again.outputs["out"])


def test_memory_is_what_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", EmulatedDevice)
    net = netspec.compile(text=TRAINED, device="cuda")
    need = footprints(net.graph, net.recipe, device="cuda")["train"]
    net.train_step(np.zeros((5, 2, 6, 6)), np.zeros(5, int))
    run = net.executor
    assert isinstance(run, CudaExecutor)
    held = (run.arena, run.scratch, *run.numbers.held.values())
    assert need.bytes(5) == sum(a.nbytes for a in held)


def test_the_listing_is_a_module() -> None:
    spec = netspec.load_graph(text=TRAINED)
    text = emitted(spec.graph, "gradients", recipe_of(spec.graph).terms)
    compile(text, "listing", "exec")
    assert "# conv1.y: conv 4 3x3 bn relu" in text
    called = set(re.findall(r"^    (\w+)\[.*256]\(", text, re.M))
    assert called == set(re.findall(r"^def ((?:each|sum|tiles|total)_\w+)", text, re.M))


def test_without_numba_cuda_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(netspec.UsageError, match="numba-cuda") as e:
        netspec.compile(text=TRAINED, device="cuda")
    assert "pip install 'netspec-nn[cuda]'" in str(e.value)


@pytest.mark.usefixtures("emulated")
def test_verify_compares_the_kernels_for_cuda(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "a.net"
    spec.write_text("net a:\n  input 1x3x3\n  conv 2 3x3 relu\n  fc 2\n")
    assert main(["verify", "--device", "cuda", "--batch", "2", str(spec)]) == 0
    assert "WRONG" not in capsys.readouterr().out


def test_the_device_is_missing_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["train", "--device", "cuda", "specs/digits.net"]) == 2
    assert "netspec-nn[cuda]" in capsys.readouterr().err


SIMULATED = """
import numpy as np, netspec
net = netspec.compile(text="net a:\\n  input 5\\n  scale -> tanh\\n", device="cuda")
net.set_parameters({k: np.arange(1, 6) / 5 for k in net.parameters})
x = np.arange(10.0).reshape(2, 5) / 10
print(np.abs(net.predict(x) - np.tanh(x * np.arange(1, 6) / 5)).max() < 1e-6)
y = net.forward(x)
slope = net.backward(np.ones((2, 5)))["scale1.weight"]
print(np.abs(slope - ((1 - y**2) * x).sum(0)).max() < 1e-5)
"""


@pytest.mark.sweep  # as the emulator does
def test_numbas_own_simulator_runs_them() -> None:
    """Through Numba's arrays and launches, as on a GPU."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", SIMULATED], env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
                          capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_a_full_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """Numba's package, on a GPU with room for one megabyte."""

        @staticmethod
        def is_available() -> bool:
            return True

        @staticmethod
        def device_array(count: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
            if count * dtype.itemsize > 1 << 20:
                raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
            return np.zeros(count, dtype)

    monkeypatch.setattr("netspec.backends.cuda.device.numba_cuda", Full)
    device = NumbaDevice()
    assert len(device.empty(10, np.dtype("float32"))) == 10
    with pytest.raises(netspec.UsageError, match="no room for 4 GB") as e:
        device.empty(1_000_000_000, np.dtype("float32"))
    assert "--memory" in str(e.value)


def test_after_a_batch_that_did_not_fit_a_smaller_one_runs() -> None:
    class Small(EmulatedDevice):
        def empty(self, count: int, dtype: np.dtype[Any]) -> Any:
            if count > 100_000:
                raise netspec.UsageError("no room")
            return super().empty(count, dtype)

    graph = NETS["lenet"]()
    net = filled(CudaExecutor(graph, "float64", on=Small()))
    x, y = batch(graph, 3)
    before = net.losses(x, y, TERMS).losses
    with pytest.raises(netspec.UsageError):
        net.losses(*batch(graph, 1000), TERMS)
    assert net.losses(x, y, TERMS).losses == before
