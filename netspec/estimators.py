"""scikit-learn's interface: a network that is an estimator, for pipelines, grids and cross-validation.

    from netspec import NetClassifier
    GridSearchCV(NetClassifier("small.net", epochs=10), {"optimiser": ["adam", "sgd lr=0.1"], "parameters__width": [8, 16]})

Where scikit-learn is installed these are its estimators; without it they have the same methods.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from inspect import signature
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .compiler import compile as compiled
from .diagnostics import Advice, UsageError, near
from .elaborate.model.files import Library
from .elaborate.nets import all_nets, net_of, only_net, parameter_names
from .elaborate.tree_to_graph import read_module
from .runtime.measuring.tallies import judged, probability
from .runtime.misuse import misuse
from .syntax.load import read_source, source_of

if TYPE_CHECKING:
    from .runtime.network import Network

    class BaseEstimator:
        """What scikit-learn has, or nothing."""

    class ClassifierMixin:
        """The same for classifiers."""

    class RegressorMixin:
        """The same for regressors."""

    SKLEARN = True
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

        SKLEARN = True
    except ImportError:
        BaseEstimator, SKLEARN = object, False

        class ClassifierMixin:
            def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
                return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))

        class RegressorMixin:
            def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
                from .metrics.r2 import R2

                y, z = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (y, self.predict(X)))
                weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
                return R2().value(R2().add(None, z, y, weights))

Array = NDArray[Any]
RECIPE = ("epochs", "batch", "loss", "optimiser", "schedule", "metrics", "regularise", "factors", "accumulate", "shards",
          "average", "initialise", "augment", "drop_last")


class InvalidParameter(UsageError, ValueError):
    """An estimator has no parameter of this name."""


class _Estimator(BaseEstimator):
    """A spec and how it is trained. Nothing is read before `fit`, which makes a new network each time; see `Network.configure`
    and `Network.fit` for what the arguments of the recipe say.

    spec        a file, or the text of a spec
    net         which of its nets, where there are several
    parameters  of the net, by name; in a grid `parameters__width`. Those called `features`, and `classes` or `outputs`, are what
                the data say unless they are given
    input       the shape of one example; rows of a table take it by themselves where the numbers are as many
    """

    n_features_in_: int
    net_: Any

    def __init__(self, spec: Any, net: str | None = None, *, epochs: int | None = None, batch: int | None = None, seed: int = 0,
                 loss: Any = None, optimiser: Any = None, schedule: Any = None, metrics: Any = None, regularise: Any = None,
                 factors: Any = None, accumulate: int | None = None, shards: int | None = None,
                 average: float | None = None, initialise: str | None = None,
                 augment: Any = None, drop_last: bool | None = None, early_stopping: int | None = None, shuffle: bool = True,
                 parameters: Any = None, input: Any = None, device: str = "cpu", dtype: str | None = None,
                 precision: str | None = None, verbose: int = 0):
        self.spec, self.net, self.epochs, self.batch, self.seed = spec, net, epochs, batch, seed
        self.loss, self.optimiser, self.schedule, self.metrics, self.regularise = loss, optimiser, schedule, metrics, regularise
        self.factors, self.accumulate, self.shards = factors, accumulate, shards
        self.average, self.initialise = average, initialise
        self.augment, self.drop_last, self.early_stopping, self.shuffle = augment, drop_last, early_stopping, shuffle
        self.parameters, self.input, self.device, self.dtype, self.precision = parameters, input, device, dtype, precision
        self.verbose = verbose

    # -- parameters --------------------------------------------------------------------------------------------------
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments it was made with; those of the net as `parameters__NAME` too."""
        out = {name: getattr(self, name) for name in signature(_Estimator.__init__).parameters if name != "self"}
        if deep and isinstance(self.parameters, Mapping):
            out |= {f"parameters__{k}": v for k, v in self.parameters.items()}
        return out

    def set_params(self, **params: Any) -> Any:
        """Change some of them; returns itself. Raises InvalidParameter, a ValueError, before anything changes."""
        known = self.get_params(deep=False)
        for name in params:
            if name not in known and not name.startswith("parameters__"):
                alike = near(name, known)
                raise InvalidParameter(f"Invalid parameter {name!r} for estimator {type(self).__name__}", code="unknown-argument",
                                       hint=f"did you mean {alike}?" if alike else Advice(f"there are: {', '.join(known)}"))
        for name, value in params.items():
            if name in known:
                setattr(self, name, value)
        inner = {k.removeprefix("parameters__"): v for k, v in params.items() if k not in known}
        if inner:
            self.parameters = {**(self.parameters or {}), **inner}
        return self

    # -- data --------------------------------------------------------------------------------------------------------
    def _pairs(self, X: Any, y: Any, **more: Any) -> tuple[Array, Array]:
        """Examples and targets as arrays, checked as scikit-learn does where it is there."""
        if SKLEARN:
            from sklearn.utils.validation import validate_data

            x, t = validate_data(self, X, y, allow_nd=True, **more)
        else:
            x, t = np.asarray(X), np.asarray(y)
            if x.ndim < 2 or t.ndim < 1 or len(x) != len(t):
                raise misuse("wrong-shape", f"X has the shape {x.shape} and y {t.shape}: an example is a row of both")
            self.n_features_in_ = x.shape[1]
        return x, t

    def _examples(self, X: Any) -> Array:
        """Examples as an array, like those that it was trained on."""
        if SKLEARN:
            from sklearn.utils.validation import check_is_fitted, validate_data

            check_is_fitted(self, "net_")
            return np.asarray(validate_data(self, X, reset=False, allow_nd=True))
        x = np.asarray(X)
        if not hasattr(self, "net_"):
            raise misuse("no-forward", f"this {type(self).__name__} is not fitted yet", hint=Advice("call fit(X, y) first"))
        if x.shape[1:2] != (self.n_features_in_,):
            raise misuse("wrong-shape", f"X has {x.shape[1] if x.ndim > 1 else 'no'} features, and {type(self).__name__} was "
                         f"fitted on {self.n_features_in_}")
        return x

    def _shaped(self, net: Network, x: Array) -> Any:
        """Rows of a table as the network's input has them."""
        inputs = net.graph.inputs
        want = inputs[0].type.shape
        fits = len(inputs) == 1 and None not in want and x.shape[1:] != want and prod(n or 0 for n in want) == prod(x.shape[1:])
        return x.reshape(len(x), *(n or 0 for n in want)) if fits else x

    # -- training ----------------------------------------------------------------------------------------------------
    def _trained(self, x: Array, target: Array, sample_weight: Any, loss: str, **given: int) -> Any:
        """Make the network of the spec and train it. `given` are values of the net's parameters that the data say."""
        net = self._made({"features": int(prod(x.shape[1:])), **given})
        recipe = {name: getattr(self, name) for name in RECIPE if getattr(self, name) is not None}
        if not (net.recipe.terms or self.loss):
            recipe["loss"] = "bce" if loss == "cross_entropy" and _main(net)[1].channels == 1 else loss
        if not (net.recipe.optimiser or self.optimiser):
            recipe["optimiser"] = "adam"
        net.configure(**recipe)
        more: dict[str, Any] = {} if sample_weight is None else {"sample_weight": _weights(sample_weight, x)}
        x, target = self._shaped(net, x), self._target(net, target)
        self.history_ = net.fit(x, target, shuffle=self.shuffle, early_stopping=self.early_stopping, verbose=self.verbose, **more)
        self.net_ = net
        return self

    def _made(self, data: Mapping[str, int]) -> Network:
        text = isinstance(self.spec, str) and "\n" in self.spec
        module = read_module(source_of(self.spec) if text else read_source(os.fspath(self.spec)))
        nets = all_nets(module)
        name = self.net if self.net is not None else nets[0].name if len(nets) == 1 else only_net(module)
        net_of(module, name)
        takes = parameter_names(Library().add(module).definitions[name])
        parameters = {k: v for k, v in data.items() if k in takes} | dict(self.parameters or {})
        where: dict[str, Any] = {"text": self.spec} if text else {"path": self.spec}
        return compiled(**where, net=name, device=self.device, dtype=self.dtype, precision=self.precision, seed=self.seed,
                        input=self.input, parameters=parameters)

    def _target(self, net: Network, target: Array) -> Array:
        raise NotImplementedError

    def _scores(self, X: Any) -> Array:
        """What the output that is judged says, a row for each example."""
        x = self._examples(X)
        out = self.net_.predict(self._shaped(self.net_, x))
        if isinstance(out, dict):
            out = out[_main(self.net_)[0]]
        return np.asarray(out.reshape(len(x), -1))


class NetClassifier(ClassifierMixin, _Estimator):
    __doc__ = f"""A network that says which class an example is of. Labels may be of any kind; `classes_` has them in their order.

    Without a loss in the spec it is cross_entropy (bce for an output of one channel, which tells two classes apart), and adam
    without an optimiser.

    {(_Estimator.__doc__ or "").partition("    spec")[1].strip()}{(_Estimator.__doc__ or "").partition("    spec")[2].rstrip()}
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train a new network; `sample_weight` is what each example counts."""
        if SKLEARN:
            from sklearn.utils.multiclass import check_classification_targets
            from sklearn.utils.validation import column_or_1d

            x, y = self._pairs(X, y)
            check_classification_targets(y)
            y = column_or_1d(y)
        else:
            x, y = self._pairs(X, y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return self._trained(x, numbers.reshape(-1), sample_weight, "cross_entropy", classes=max(2, len(self.classes_)))

    def _target(self, net: Network, target: Array) -> Array:
        _, t = _main(net)
        channels, classes = t.channels or 0, len(self.classes_)
        if prod(n or 1 for n in t.spatial) != 1 or max(2, channels) < classes:
            raise misuse("wrong-shape", f"y has {classes} classes, and the output of {net.graph.name} is {t}",
                         hint=f"fc {classes}   or a parameter of the net called `classes`")
        return target.reshape(-1, 1).astype(np.float64) if channels == 1 else target

    def predict(self, X: Any) -> Array:
        """The label of each example: of the class with the largest score."""
        scores = self._scores(X)
        if scores.shape[1] == 1:
            return np.asarray(self.classes_[(_probabilities(self.net_, scores)[:, 0] > 0.5).astype(int) % len(self.classes_)])
        return np.asarray(self.classes_[scores[:, : len(self.classes_)].argmax(1)])

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, as the loss makes it of the output."""
        scores = self._scores(X).astype(np.float64)
        p = _probabilities(self.net_, scores)
        p = np.concatenate([1 - p, p], 1) if p.shape[1] == 1 else p
        p = p[:, : len(self.classes_)]
        return np.asarray(p / p.sum(1, keepdims=True))


class NetRegressor(RegressorMixin, _Estimator):
    __doc__ = f"""A network that gives numbers: one for each example, or a row of them where `y` has several.

    Without a loss in the spec it is mse, and adam without an optimiser.

    {(_Estimator.__doc__ or "").partition("    spec")[1].strip()}{(_Estimator.__doc__ or "").partition("    spec")[2].rstrip()}
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train a new network; `sample_weight` is what each example counts."""
        more = {"multi_output": True, "y_numeric": True} if SKLEARN else {}
        x, y = self._pairs(X, y, **more)
        self._flat = y.ndim == 1
        y = np.asarray(y, np.float64).reshape(len(y), -1)
        return self._trained(x, y, sample_weight, "mse", outputs=y.shape[1])

    def _target(self, net: Network, target: Array) -> Array:
        _, t = _main(net)
        if prod(n or 1 for n in t.shape) != target.shape[1]:
            raise misuse("wrong-shape", f"y has {target.shape[1]} numbers an example, and the output of {net.graph.name} is {t}",
                         hint=f"fc {target.shape[1]}   or a parameter of the net called `outputs`")
        return target.reshape(len(target), *(n or 1 for n in t.shape))

    def predict(self, X: Any) -> Array:
        """The numbers of each example, as `y` had them."""
        scores = self._scores(X).astype(np.float64)
        return scores[:, 0] if self._flat else scores

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn wants to know: there may be several numbers an example."""
        tags: Any = super().__sklearn_tags__()  # type: ignore[misc]  # where scikit-learn is
        tags.target_tags.multi_output = True
        return tags


def _main(net: Network) -> tuple[str, Any]:
    """The output that the first loss judges, or the main one, and its type."""
    from .runtime.train.recipe import main_output

    name = net.recipe.terms[0].output if net.recipe.terms else main_output(net.graph)
    return name, net.graph.values[net.graph.public[name]].type


def _probabilities(net: Network, scores: Array) -> Array:
    """What the loss takes the scores for."""
    name, _ = _main(net)
    found = judged(net.graph, net.recipe.terms)[name][0]
    if found.gives == "numbers":
        if scores.shape[1] == 1:
            return scores
        raise misuse("bad-value", f"loss {found.term.loss} makes no probabilities of its scores", hint='loss="cross_entropy"')
    of = probability("marks" if scores.shape[1] == 1 else "classes", found.gives)
    return scores if of is None else of(scores)


def _weights(given: Any, x: Array) -> Array:
    if SKLEARN:
        from sklearn.utils.validation import _check_sample_weight

        return np.asarray(_check_sample_weight(given, x))
    return np.asarray(given, np.float64)
