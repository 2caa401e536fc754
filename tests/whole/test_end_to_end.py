"""A few nets of end_to_end.py: trained some steps on every device, dtype and precision, against the reference."""

from __future__ import annotations

import pytest

from emulated import EmulatedDevice
from end_to_end import CPU, CUDA, failures, written

CONV = """net a:
  input 8x8x8
  conv 8 3x3 bn relu
  frozen: conv 8 3x3 bn
  residual: conv 8 3x3 bn -> tanh -> conv 8 3x3
  bn -> softplus
  avgpool global
  fc 3

train a:
  loss cross_entropy
  sgd lr=0.05 momentum=0.9
"""


@pytest.mark.sweep  # two ways to the same numbers
def test_sums_in_the_call_of_a_convolution_and_apart() -> None:
    """Batch norms right behind a convolution, behind an addition, and frozen."""
    assert written(CONV, 0, CPU[:1]) == []


@pytest.mark.sweep
@pytest.mark.parametrize("seed", [7])
def test_random_nets(seed: int) -> None:
    assert failures(seed, CPU[1:2]) == []


def test_the_emulated_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", lambda: EmulatedDevice(False))
    text = "net a:\n  input 2x5x5\n  conv 4 3x3 bn tanh\n  frozen: conv 3 3x3 bn\n  fc 3\n\n" + CONV.partition("\n\n")[2]
    assert written(text, 1, CUDA) == []
