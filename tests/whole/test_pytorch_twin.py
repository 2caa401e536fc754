"""Whole networks of specs/ against the same graph in PyTorch, float64: outputs, loss, every gradient, running statistics."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.elaborate.nets import callable_nets
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse

pytestmark = pytest.mark.torch
SMALLER = {  # sizes at which the fully convolutional ones take seconds and not minutes
    "densenet": "3x64x64", "resnet": "3x64x64", "resnext": "3x64x64", "preact": "3x16x16", "inception_v3": "3x107x107",
    "style": "3x48x48",
    "unet": "1x188x188", "unet_recursive": "1x188x188", "flowers": "3x64x64", "squeezenet": "3x64x64", "mobilenet": "3x32x32",
    "mobilenet_v2": "3x64x64", "fast_style": "3x16x16", "shufflenet": "3x64x64", "vgg_bn": "3x32x32",
    "mobilenet_v3": "3x64x64", "mnasnet": "3x64x64", "shufflenet_v2": "3x64x64", "regnet": "3x64x64", "efficientnet": "3x32x32",
    "efficientnet_v2": "3x32x32", "efficientnet_v2_b": "3x32x32", "xception": "3x71x71", "convnext": "3x32x32", "googlenet_bn": "3x64x64"}
HEAVIEST = 2.5e8  # multiply-adds of one sample
OF_A_FILE = 2  # nets: families differ in depth alone
DEEP = {"convnext", "efficientnet"}  # one net of these
STEEP = {"efficientnet_v2", "efficientnet_v2_b"}  # with such statistics PyTorch's own result moves by 2e-8 where its input moves by 1e-15


def nets() -> list[Any]:
    """None where PyTorch is not there: which nets are small enough takes seconds to find out."""
    if find_spec("torch") is None:
        return []
    found = []
    for path in sorted(p for p in specs_folder().glob("*.net") if p.stem not in STEEP):
        here: list[Any] = []
        for net in callable_nets(parse(read_source(path))):
            try:
                spec = netspec.load_graph(path, net.name, input=SMALLER.get(path.stem))
            except netspec.NetspecError:
                continue
            macs = spec.counts().totals.macs
            if macs is not None and macs <= HEAVIEST:
                here.append(pytest.param(path, net.name, SMALLER.get(path.stem), id=f"{path.stem}:{net.name}"))
        found += here[:1 if path.stem in DEEP else OF_A_FILE]
    return found


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(("path", "name", "size"), nets())
def test_a_spec_is_its_twin(path: Any, name: str, size: str | None, mode: str) -> None:
    pytest.importorskip("torch")
    spec = netspec.load_graph(path, name, input=size)
    ops = {getattr(n.op, "name", "") for n in spec.graph}
    if mode == "train" and ops & {"dropout", "drop_path"}:
        pytest.skip("its masks are its own")
    net = netspec.compile(path, name, input=size, dtype="float64", seed=3)
    alike(net, spec, mode)


def test_what_maps_are_read_by_is_its_twin() -> None:
    """Layers that stand in large nets alone."""
    pytest.importorskip("torch")
    text = ("net a:\n  input 4x5x6\n  l2norm -> scale init=20 -> shift\n  shift 0.5 -> shift scalar\n  conv 6 3x3\n"
            "  reshape (2, 3, in.height, in.width) -> permute 2x3x0x1\n  reshape 60x3\n  permute 1x0\n")
    alike(netspec.compile(text=text, dtype="float64", seed=3), netspec.load_graph(text=text), "train")


def alike(net: Any, spec: Any, mode: str) -> None:
    """Outputs and gradients of a net and of its twin."""
    import torch
    from pytorch_twin import Twin, tensors

    rng = np.random.default_rng(7)
    if mode == "eval":  # statistics that normalise something
        net.set_parameters({k: 0.5 + rng.random(b.shape) for k, b in net.buffers.items() if k.endswith((".mean", ".var"))})
    x = {k: rng.standard_normal((3, *shape)) for k, shape in spec.inputs.items()}
    dy = {k: rng.standard_normal((3, *shape)) for k, shape in spec.outputs.items()}
    twin = Twin(spec.graph, {**net.parameters, **net.buffers}, torch.float64).train(mode == "train")
    theirs = {k: t.requires_grad_() for k, t in tensors(x, torch.float64).items()}
    outs = twin(theirs)
    torch.autograd.backward([outs[k] for k in dy], [torch.tensor(g) for g in dy.values()])
    ours = net.forward(x, mode=mode)
    for k, out in (ours if isinstance(ours, dict) else {next(iter(dy)): ours}).items():
        near(out, outs[k].detach().numpy(), k)
    gradients = net.backward(dy, mode=mode)
    largest = max((float(abs(p.grad).max()) for p in twin.parameters() if p.grad is not None), default=0.0)
    for k, g in gradients.items():
        near(g, (theirs[k] if k in theirs else twin.weights[k]).grad.numpy(), k, 1e-9 * largest)


def near(got: Any, want: Any, what: str, rounding: float = 0.0) -> None:
    """Within 1e-9 of the largest; `rounding` is what a gradient that vanishes may be off by."""
    assert np.shape(got) == np.shape(want), what
    assert abs(got - want).max() <= max(1e-9 * abs(want).max(), rounding), what
