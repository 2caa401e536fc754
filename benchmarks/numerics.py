"""Errors of float32 against float64, beside PyTorch's: the tables of docs/numerics.md.

    python benchmarks/numerics.py

One convolution of 32 to 32 channels at 32x32, 3x3, stride 1, with He weights; the forms are Winograd's F(4x4, 3x3) and the direct
one. A scale convolution of 1x1 stands before it, so that it does not read the data as they come. Errors are the largest
difference from float64, at places that do not see the one large value, relative to the root mean square there. Needs torch (CPU).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

import netspec

TEXT = "net a:\n  input 32x32x32\n  conv 32 1x1 bias=no\n  conv 32 3x3 bias=no\n"
SPREADS = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)


def nets() -> dict[str, netspec.Network]:
    """The same weights at each precision; the first convolution passes on what it reads."""
    made = {"winograd": netspec.compile(text=TEXT), "direct": netspec.compile(text=TEXT, precision="exact"),
            "double": netspec.compile(text=TEXT, dtype="float64")}
    weight = made["double"].parameters["conv2.weight"]
    for net in made.values():
        net.set_parameters({"conv1.weight": np.eye(32).reshape(32, 32, 1, 1), "conv2.weight": weight.astype(np.float32)})
    return made


def main() -> None:
    made, rng = nets(), np.random.default_rng(0)
    weight = torch.from_numpy(made["direct"].parameters["conv2.weight"].copy())
    print(
        f"| largest value, in standard deviations of the others | Winograd | direct | PyTorch {torch.__version__.split('+')[0]} |\n|---|---|---|---|")
    for spread in SPREADS:
        x = rng.standard_normal((4, 32, 32, 32)).astype(np.float32)
        if spread > 1:
            x[:, 5, 13, 18] = spread
        want = made["double"].predict(x)
        blind = np.ones((32, 32), bool)
        blind[12:15, 17:20] = spread == 1
        scale = float(np.sqrt(np.square(want[..., blind]).mean()))
        got = {"winograd": made["winograd"].predict(x), "direct": made["direct"].predict(x),
               "torch": F.conv2d(torch.from_numpy(x), weight, padding=1).numpy()}
        errors = [f"{abs(y - want)[..., blind].max() / scale:.0e}" for y in got.values()]
        print(f"| {'none is larger' if spread == 1 else f'{spread:,.0f}'} | {' | '.join(errors)} |")
    x, dy = (rng.standard_normal((4, 32, 32, 32)).astype(np.float32) for _ in range(2))
    print(f"\n| without a large value | Winograd | direct | PyTorch {torch.__version__.split('+')[0]} |\n|---|---|---|---|")
    xt = torch.from_numpy(x).requires_grad_()
    wt = weight.clone().requires_grad_()
    F.conv2d(xt, wt, padding=1).backward(torch.from_numpy(dy))
    found = {}
    for name, net in made.items():
        net.forward(x)
        found[name] = net.backward(dy)
    assert xt.grad is not None and wt.grad is not None
    for what, key, theirs in (("gradient of the input", "input", xt.grad), ("gradient of the weight", "conv2.weight", wt.grad)):
        want = found["double"][key]
        scale = float(np.sqrt(np.square(want).mean()))
        errors = [f"{abs(g - want).max() / scale:.0e}" for g in (found["winograd"][key], found["direct"][key], theirs.numpy())]
        print(f"| {what} | {' | '.join(errors)} |")


if __name__ == "__main__":
    main()
