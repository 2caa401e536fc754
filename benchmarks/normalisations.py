"""Errors of the normalisations in float32, beside PyTorch's, wherever the mean is: a table of docs/numerics.md.

    python benchmarks/normalisations.py

Both sides get the same float32 numbers, 4 images of 5 channels of 40 x 30; float64 (PyTorch's) is the truth. An error is the
largest one, in parts of the largest value: of the result, and of the gradient of the input. Needs torch (CPU).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import netspec

MEANS = ((0.0, 1.0), (5.0, 0.1), (100.0, 1.0), (1e4, 1e-2), (1e6, 1.0), (1e7, 10.0), (1e8, 100.0))
LAYERS = {"bn": "bn", "bn behind a convolution": "conv 5 1x1 bias=no -> bn", "instance_norm": "instance_norm",
          "group_norm 1": "group_norm 1",
          "layer_norm": "layer_norm affine=no", "layer_norm channels": "layer_norm channels affine=no"}


def torch_side(name: str, x: Any, dy: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    """PyTorch's result and gradient of the input."""
    v = torch.tensor(x, dtype=dtype, requires_grad=True)
    match name.split():
        case ["bn", *_]:
            y = F.batch_norm(v, None, None, training=True)
        case ["instance_norm"]:
            y = F.instance_norm(v)
        case ["group_norm", _]:
            y = F.group_norm(v, 1)
        case ["layer_norm"]:
            y = F.layer_norm(v, v.shape[1:])
        case _:
            y = F.layer_norm(v.movedim(1, -1), v.shape[1:2]).movedim(-1, 1)
    y.backward(torch.tensor(dy, dtype=dtype))
    assert v.grad is not None
    return y.detach().numpy(), v.grad.numpy()


def main() -> None:
    rng = np.random.default_rng(0)
    base, dy = rng.standard_normal((4, 5, 40, 30)), rng.standard_normal((4, 5, 40, 30)).astype(np.float32)
    print("| layer | mean, deviation | result: netspec | PyTorch | gradient: netspec | PyTorch |\n|---|---|---|---|---|---|")
    for name, step in LAYERS.items():
        for mean, std in MEANS:
            net = netspec.compile(text=f"net n:\n  input 5x40x30\n  {step}\n")
            if "conv1.weight" in net.parameters:
                net.parameters["conv1.weight"] = np.eye(5)[:, :, None, None]
            x = (base * std + mean).astype(np.float32)
            ours = net.forward(x), net.backward(dy, inputs=True)["input"]
            truth, peer = (torch_side(name, x, dy, t) for t in (torch.float64, torch.float32))
            errors = [f"{np.abs(a - t).max() / np.abs(t).max():.0e}" for t, *sides in zip(truth, ours, peer) for a in sides]
            print(f"| `{name}` | {mean:g}, {std:g} | {' | '.join(errors)} |" if " " not in name or "_" in name
                  else f"| {name} | {mean:g}, {std:g} | {' | '.join(errors)} |")


if __name__ == "__main__":
    main()
