"""Weights that a file has as lengths and directions (weight_norm) are read as the weights that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec import NetspecError

TEXT = "net a:\n  input 3x5\n  conv 4 3 tanh\n  deconv 2 4 /2\n  fc 3\n"
PARTS = [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")]


def made() -> netspec.Network:
    return netspec.compile(text=TEXT, device="reference", dtype="float64")


@pytest.mark.parametrize(("length", "direction"), PARTS)
def test_a_length_for_each_filter_or_for_all(length: str, direction: str, tmp_path: Path) -> None:
    rng, held, want = np.random.default_rng(0), dict[str, Any](), dict[str, Any]()
    for k, (name, axes) in enumerate((("conv1", (1, 2)), ("deconv1", None), ("fc1", (1,)))):
        shape = made().parameters[f"{name}.weight"].shape
        v = rng.standard_normal(shape)
        g = rng.uniform(1, 2, [n if axes and j not in axes else 1 for j, n in enumerate(shape)])
        v[(0,) * (k == 0)] = v[0] if k else 0.0  # a direction of nothing has no length
        size = np.sqrt((v**2).sum(axes, keepdims=True))
        want[f"{name}.weight"] = np.where(size > 0, v * g / np.where(size > 0, size, 1), 0)
        held |= {f"{name}.{length}": g, f"{name}.{direction}": v, f"{name}.bias": rng.standard_normal(shape[k == 1])}
    np.savez(tmp_path / "a.npz", **held)
    net = made().load_weights(tmp_path / "a.npz")
    for name, w in want.items():
        np.testing.assert_allclose(net.parameters[name], w, rtol=1e-14)


def test_parts_that_do_not_fit_are_left_as_they_are(tmp_path: Path) -> None:
    numbers = {k: np.ones(v.shape) for k, v in made().parameters.items()}
    numbers |= {"conv1.weight_g": np.ones((3, 1, 1)), "conv1.weight_v": numbers.pop("conv1.weight")}
    np.savez(tmp_path / "a.npz", **numbers)
    with pytest.raises(NetspecError, match="conv1"):
        made().load_weights(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("old", [True, False])
def test_modules_of_pytorch(old: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from torch import nn

    normed: Any = nn.utils.weight_norm if old else nn.utils.parametrizations.weight_norm
    torch.manual_seed(0)
    net = made()
    model = nn.Sequential(normed(nn.Conv1d(3, 4, 3, padding=1)), nn.Tanh(), normed(nn.ConvTranspose1d(4, 2, 4, 2)), nn.Flatten(),
                          normed(nn.Linear(24, 3))).double()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.5).add_(0.1)
    torch.save(model.state_dict(), tmp_path / "m.pth")
    net.load_weights(tmp_path / "m.pth")
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    np.testing.assert_allclose(net.predict(x), model(torch.tensor(x)).detach().numpy(), rtol=1e-10)
