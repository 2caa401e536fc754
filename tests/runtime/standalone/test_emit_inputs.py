"""A file that stands alone takes several inputs and whole numbers as netspec does, and refuses what netspec refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_emit_weights import loaded

import netspec
from netspec import NetspecError
from netspec.runtime.standalone.carried import weights_of
from netspec.runtime.standalone.emit import standalone

TEXT = """net two:
  input picture 3x4x4
  input facts 4
  @picture -> conv 4 3x3 relu -> avgpool global -> flatten
  seen: skip
  @facts -> fc 4 relu
  known: skip
  concat @seen
  output kind: fc 5
  @known
  output size: fc 2

train two:
  loss cross_entropy @kind target=label ignore=4
  loss mse @size target=measure
  sgd lr=0.1
"""
RANDOM = np.random.default_rng(0)
PICTURES, FACTS = RANDOM.integers(0, 99, (6, 3, 4, 4)), RANDOM.integers(-3, 3, (6, 4))
LABELS, MEASURES = np.array([0, 1, 2, 3, 4, 1]), RANDOM.integers(0, 9, (6, 2))


@pytest.fixture(scope="module")
def both() -> Any:
    """The network of netspec, and the file that may be trained."""
    net = netspec.compile(text=TEXT, seed=3)
    return net, loaded(standalone(net.graph, net.recipe, weights_of(net.state)))


@pytest.mark.parametrize("kind", ["i8", "i4", "u1", "u2", "?", "f2", "f8", "list"])
def test_whole_numbers_are_what_they_are_in_netspec(both: Any, kind: str) -> None:
    net, alone = both[0], both[1].Network()
    pictures, facts, labels, measures = (a.tolist() if kind == "list" else a.astype(kind)
                                         for a in (PICTURES, abs(FACTS), LABELS, MEASURES))
    x = {"picture": pictures, "facts": facts}
    for name, value in net.predict(x).items():
        np.testing.assert_array_equal(alone.predict(x)[name], value)
    loss, gradients = net.loss_and_gradients(x, {"label": labels, "measure": measures})
    for names in (("label", "measure"), ("kind", "size"), ("label", "size")):  # by the target, or by the output it is for
        found, theirs = alone.gradients(x, dict(zip(names, (labels, measures))))
        assert found == loss
        for name, value in gradients.items():
            np.testing.assert_array_equal(theirs[name], value, name)


def test_what_netspec_refuses_is_refused(both: Any) -> None:
    net, alone = both[0], both[1].Network()
    x, y = {"picture": PICTURES, "facts": FACTS}, {"label": LABELS, "measure": MEASURES}
    for wrong, said in (({"facts": FACTS.astype(str)}, "holds <U21, not numbers"),
                        ({"facts": FACTS + 0j}, "complex128, not numbers"),
                        ({"picture": PICTURES.astype("M8[s]")}, "not numbers"), ({"facts": FACTS.astype(object)}, "not numbers"),
                        ({"facts": FACTS[:5]}, "different numbers of examples: picture 6, facts 5"),
                        ({"more": FACTS}, "no input more: give a dict of picture, facts"),
                        ({"picture": PICTURES[0]}, "picture is N x"),
                        ({"facts": FACTS * 1e300}, "beyond float32")):
        with pytest.raises((ValueError, TypeError), match=said):
            alone.predict(x | wrong)
        with pytest.raises(NetspecError):
            net.predict(x | wrong)
    for wrong, said in (({"more": LABELS}, "no target more: give a dict of label, measure"),
                        ({"label": LABELS + 5}, "reach from 5 to 9"),
                        ({"label": LABELS - 1}, "reach from -1"), ({"label": LABELS + 0.5}, "whole numbers"),
                        ({"label": LABELS[:5]}, "one for each example"), ({"label": LABELS.astype(str)}, "no numbers")):
        with pytest.raises((ValueError, TypeError), match=said):
            alone.gradients(x, y | wrong)
        with pytest.raises(NetspecError):
            net.loss_and_gradients(x, y | wrong)
    for given in (PICTURES, [PICTURES, FACTS], {"picture": PICTURES}):
        with pytest.raises(TypeError, match="give a dict of picture, facts"):
            alone.predict(given)


def test_the_command_takes_archives_of_all_inputs(both: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    net, file = both
    monkeypatch.chdir(tmp_path)

    def said(*files: str) -> str:
        monkeypatch.setattr(sys, "argv", ["two.py", *files])
        try:
            file.main(file.Network, file.ASKED, "two")
        except SystemExit as e:
            return str(e)
        return capsys.readouterr().out

    np.savez("all.npz", picture=PICTURES, facts=FACTS, label=LABELS)
    np.savez("one.npz", picture=PICTURES[0], facts=FACTS[0])
    np.savez("few.npz", picture=PICTURES, facts=FACTS[:5])
    np.savez("half.npz", picture=PICTURES)
    np.save("picture.npy", PICTURES)
    answers = said("all.npz", "one.npz", "-o", "out.npz")
    assert [line.split()[0] for line in answers.splitlines()] == [*(f"all.npz[{k}]" for k in range(6)), "one.npz"]
    given = {"picture": PICTURES, "facts": FACTS}
    assert [int(line.split()[1]) for line in answers.splitlines()[:6]] == net.predict(given)["kind"].argmax(1).tolist()
    np.testing.assert_array_equal(np.load("out.npz")["size"][:6], net.predict(given)["size"])
    assert "different numbers of examples: picture 6, facts 5" in said("few.npz")
    assert "half.npz holds picture, and the inputs are picture, facts" in said("half.npz")
    assert "the inputs are picture, facts" in said("picture.npy")
    assert "does not take pictures" in said("a.png")
    assert "picture: (16, 3, 4, 4)" in said() and "facts: (16, 4)" in said()
