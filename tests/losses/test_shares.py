"""Targets that are shares of all classes, and answers that weigh more than others: beside PyTorch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.runtime.initialisers import generator


def made(loss: str, device: str = "reference", last: str = "scale", dtype: str = "float64") -> Any:
    return netspec.compile(text=f"net a:\n  input 5x3x2\n  {last}\ntrain a:\n  loss {loss}\n  sgd lr=0.1\n", device=device, dtype=dtype)


def data() -> tuple[Any, Any]:
    random = generator(0, "shares")
    return 3 * random.normal(size=(6, 5, 3, 2)), random.dirichlet(np.ones(5), (6, 3, 2)).transpose(0, 3, 1, 2)


@pytest.mark.torch
@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_losses_and_gradients_are_those_of_pytorch(device: str) -> None:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    x, t = data()
    weights = torch.tensor([1, 2, 0.5, 1, 3], dtype=torch.float64)
    cases = [("cross_entropy", "scale", {}), ("cross_entropy smoothing=0.2 weights=[1, 2, 0.5, 1, 3]", "scale",
                                              {"label_smoothing": 0.2, "weight": weights}),
             ("nll weights=[1, 2, 0.5, 1, 3]", "log_softmax", {"weight": weights}), ("bce pos_weight=3", "scale", {"pos_weight": 3}),
             ("bce pos_weight=[1, 2, 0.5, 0, 4]", "scale", {"pos_weight": [[[1.0]], [[2.0]], [[0.5]], [[0.0]], [[4.0]]]})]
    for loss, last, how in cases:
        z, target = torch.tensor(x, requires_grad=True), torch.tensor(t)
        if "pos_weight" in how:
            how = {"pos_weight": torch.tensor(how["pos_weight"], dtype=torch.float64)}
        theirs = (F.binary_cross_entropy_with_logits if "bce" in loss else F.cross_entropy)(z, target, **how)
        theirs.backward()
        got, _, into = made(loss, device, last).loss_and_gradients(x, t, inputs=True)
        assert got == pytest.approx(theirs.item(), rel=1e-12), loss
        assert np.allclose(into["input"], z.grad.numpy(), atol=1e-14), loss


def test_gradients_are_those_of_finite_differences_where_labels_are_ignored() -> None:
    """A place whose shares are all 0 counts nothing; pytorch knows no such thing, the mean over class numbers does."""
    x, t = data()
    t = t.copy()
    t[0, :, 1, 1] = t[3, :, 0, 0] = 0
    net = made("cross_entropy ignore=9 smoothing=0.1")
    _, _, into = net.loss_and_gradients(x, t, inputs=True)
    for place in ((0, 2, 0, 1), (0, 1, 1, 1), (3, 4, 2, 1)):
        step = np.zeros_like(x)
        step[place] = 1e-6
        slope = (net.evaluate(x + step, t)["loss"] - net.evaluate(x - step, t)["loss"]) / 2e-6
        assert into["input"][place] == pytest.approx(slope, rel=1e-5, abs=1e-9)
    labels = generator(1, "labels").integers(0, 5, (6, 3, 2))
    labels[2, 1, 1] = 9
    hot = (labels[:, None] == np.arange(5)[:, None, None]).astype(np.float64)
    for batch in (6, 4):
        assert net.evaluate(x, hot, batch=batch)["loss"] == pytest.approx(net.evaluate(x, labels)["loss"], rel=1e-12)


def test_shares_count_as_the_largest_of_them() -> None:
    x, t = data()
    net = made("cross_entropy", last="scale 1")
    assert net.evaluate(x, t)["accuracy"] == pytest.approx((x.argmax(1) == t.argmax(1)).mean())
    one = made("cross_entropy", last="avgpool global")
    assert np.isfinite(one.evaluate(x, t[:, :, 0, 0])["loss"]), "N x C where the map is one place"


@pytest.mark.parametrize(("loss", "change", "code"), [
    ("cross_entropy", lambda t: t - 0.5, "label-range"), ("cross_entropy", lambda t: t * 9, "label-range"),
    ("hinge", lambda t: t, "wrong-shape"), ("cross_entropy", lambda t: np.where(t == t.max(), np.nan, t), "nan-target"),
    ("cross_entropy", lambda t: (t > 0.9).astype(int), "wrong-shape")])
def test_what_is_no_share_is_refused(loss: str, change: Any, code: str) -> None:
    x, t = data()
    with pytest.raises(NetspecError) as e:
        made(loss).evaluate(x, change(t))
    assert e.value.diagnostics[0].code == code


@pytest.mark.parametrize(("options", "code"), [("pos_weight=-1", "bad-value"), ("pos_weight=[1, 2]", "loss-shape"),
                                               ('pos_weight="a"', "bad-value")])
def test_weights_that_make_no_sense_are_refused(options: str, code: str) -> None:
    with pytest.raises(NetspecError) as e:
        made(f"bce {options}")
    assert e.value.diagnostics[0].code == code
