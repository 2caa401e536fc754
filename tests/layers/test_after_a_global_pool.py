"""A value of one place is an image like any other: what reads it as a window finds its border, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

import netspec
from sweeps import the_first

STEPS = ("pad 1", "relu -> pad 2 -> conv 3 3x3 valid", "conv 4 3x3", "deconv 3 3x3", "up 3 bilinear", "maxpool 1")


@pytest.mark.parametrize("pool", the_first(1, ["avgpool global", "maxpool global"]))
@pytest.mark.parametrize("step", the_first(2, STEPS))
def test_windows_of_one_place(pool: str, step: str) -> None:
    text = f"net t:\n  input 4x12x10\n  {pool}\n  {step}\n  fc 5\ntrain t:\n  loss cross_entropy\n"
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3, 4, 12, 10)), np.arange(3)
    ours, theirs = (netspec.compile(text=text, device=device, dtype="float64", seed=1) for device in ("cpu", "reference"))
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=0, atol=1e-12)
    (_, found), (_, wanted) = (net.loss_and_gradients(x, y) for net in (ours, theirs))
    for name, gradient in wanted.items():
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-12, err_msg=name)


def test_nothing_to_reflect_is_refused() -> None:
    with pytest.raises(netspec.NetspecError):
        netspec.load_graph(text="net t:\n  input 4x12x10\n  avgpool global\n  pad 1 reflect\n  fc 5\n")
