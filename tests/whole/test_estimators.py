"""Networks as scikit-learn's estimators: with it where it is installed, and without it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import netspec
from netspec import NetClassifier, NetRegressor
from netspec.diagnostics import NetspecError

CLASSES = "net a(features, classes, width=6):\n  input (features)\n  fc width relu\n  fc classes\n"
NUMBERS = "net a(features, outputs=1):\n  input (features)\n  fc outputs\ntrain a:\n  loss mse\n  sgd lr=0.1\n  batch 8\n"
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
NAMES = np.array(["low", "middle", "up"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]


def classifier(**more: Any) -> Any:
    return NetClassifier(CLASSES, device="reference", **{"epochs": 25, "batch": 10, "optimiser": "adam lr=0.03", **more})


def test_classes_by_name() -> None:
    c = classifier()
    assert c.fit(X, NAMES) is c and c.classes_.tolist() == ["low", "middle", "up"] and c.n_features_in_ == 4
    p = c.predict_proba(X)
    assert p.sum(1) == pytest.approx(np.ones(60)) and (c.classes_[p.argmax(1)] == c.predict(X)).all()
    z = c.net_.predict(X)
    assert p == pytest.approx(np.exp(z) / np.exp(z).sum(1, keepdims=True), rel=1e-6)
    assert c.score(X, NAMES) == (c.predict(X) == NAMES).mean() > 0.85
    weights = RANDOM.uniform(size=60)
    assert c.score(X, NAMES, weights) == pytest.approx(np.average(c.predict(X) == NAMES, weights=weights))
    by_hand = netspec.compile(text=CLASSES, net="a", features=4, classes=3, device="reference").configure(
        loss="cross_entropy", optimiser="adam lr=0.03", epochs=25, batch=10)
    by_hand.fit(X, np.unique(NAMES, return_inverse=True)[1], verbose=0)
    assert (by_hand.predict(X) == z).all() and len(c.history_["loss"]) == 25
    for again in (pickle.loads(pickle.dumps(c)), copy.deepcopy(c)):
        assert (again.predict_proba(X) == p).all() and (again.classes_ == c.classes_).all()
    with pytest.raises((NetspecError, ValueError)):
        c.predict(X[:, :3])


def test_two_classes_of_one_channel_and_fewer_than_there_are_channels() -> None:
    text = "net a:\n  input 1x2x2\n  fc 1 sigmoid\n"
    two = NetClassifier(text, device="reference", epochs=30, optimiser="sgd lr=1").fit(X, NAMES == "up")
    p = two.predict_proba(X)
    assert p.shape == (60, 2) and two.net_.recipe.terms[0].loss.name == "bce" and ((p[:, 1] > 0.5) == two.predict(X)).all()
    assert p[:, 1] == pytest.approx(two.net_.predict(X.reshape(60, 1, 2, 2))[:, 0]) and two.score(X, NAMES == "up") > 0.8
    some = NetClassifier("net a:\n  input 4\n  fc 10\n", device="reference", epochs=2).fit(X, NAMES)  # a fold without the others
    assert some.predict_proba(X).shape == (60, 3) and set(some.predict(X)) <= set(NAMES)
    with pytest.raises(NetspecError, match="y has 3 classes, and the output of a is"):
        NetClassifier("net a:\n  input 4\n  fc 2\n", device="reference").fit(X, NAMES)
    with pytest.raises(NetspecError, match="makes no probabilities"):
        classifier(loss="hinge", epochs=1).fit(X, NAMES).predict_proba(X)


@pytest.mark.sweep
def test_numbers() -> None:
    t = X @ [1.0, -2, 0.5, 0] + 3
    r = NetRegressor(NUMBERS, epochs=30, device="reference").fit(X, t)
    assert r.predict(X).shape == (60,) and r.predict(X) == pytest.approx(t, abs=1e-2) and r.score(X, t) > 0.9999
    both = NetRegressor(NUMBERS, epochs=30, device="reference").fit(X, np.stack([t, -t], 1))
    assert both.predict(X[:5]) == pytest.approx(np.stack([t, -t], 1)[:5], abs=1e-2)
    # what weighs nothing is not learnt from
    wrong = np.where(np.arange(60) < 10, 100, t)
    weighed = NetRegressor(NUMBERS, epochs=60, device="reference").fit(X, wrong, sample_weight=(np.arange(60) >= 10) * 1.0)
    assert weighed.predict(X) == pytest.approx(t, abs=0.1) and weighed.score(X, wrong, (np.arange(60) >= 10) * 1.0) > 0.99


def test_parameters_are_kept_as_they_are_given() -> None:
    own = {"width": 3}
    c = classifier(parameters=own)
    assert c.get_params(deep=False)["parameters"] is own and c.get_params()["parameters__width"] == 3
    assert c.set_params(parameters__width=5, epochs=1, seed=4) is c and own == {"width": 3}
    c.fit(X, NAMES)
    assert c.net_.parameters["fc1.weight"].shape == (5, 4) and c.net_.epoch == 1 and c.net_.seed == 4
    with pytest.raises(ValueError, match="did you mean epochs") as e:
        c.set_params(epoch=3)
    assert isinstance(e.value, NetspecError) and c.epochs == 1
    with pytest.raises(Exception, match="not fitted yet"):
        classifier().predict(X)


def test_import_netspec_imports_no_scikit_learn() -> None:
    code = "import sys, netspec; sys.exit('sklearn' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_pipelines_grids_and_validation() -> None:
    base = pytest.importorskip("sklearn.base")
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    c = classifier(epochs=8)
    assert base.clone(c).get_params() == c.get_params() and base.is_classifier(c) and base.is_regressor(NetRegressor(NUMBERS))
    pipe = make_pipeline(StandardScaler(), c)
    assert cross_val_score(pipe, X, NAMES, cv=3).mean() > 0.6
    grid = GridSearchCV(pipe, {"netclassifier__epochs": [1, 12], "netclassifier__parameters__width": [2, 6]}, cv=2).fit(X, NAMES)
    assert grid.best_params_["netclassifier__epochs"] == 12 and grid.predict(X[:2]).dtype == NAMES.dtype


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_what_scikit_learn_checks(kind: str) -> None:
    """All but that a weight of two is the same as being there twice: that makes other batches. Needs scikit-learn."""
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    more: Any = {"epochs": 15, "optimiser": "adam lr=0.05", "batch": 16, "device": "reference"}
    found = checks.check_estimator(NetClassifier(CLASSES, **more) if kind == "classifier" else NetRegressor(NUMBERS, **more),
                                   on_fail=None, on_skip=None)
    assert [f["check_name"] for f in found if f["status"] == "failed"] == ["check_sample_weight_equivalence_on_dense_data"]
