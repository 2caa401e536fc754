"""Update rules and schedules against recorded numbers (PyTorch, Keras, Caffe) and against PyTorch itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from netspec.backends.reference.interpret import run
from netspec.optimisers import OPTIMISERS
from netspec.optimisers.lbfgs import Lbfgs
from netspec.optimisers.parts.memory import Memory
from netspec.passes.objective import update_program
from netspec.schedules import SCHEDULES
from netspec.words import arguments
from small import word
from where import REFERENCES

SEMANTICS = json.loads((REFERENCES / "layer_semantics.json").read_text(encoding="utf-8"))
EXAMPLES = {layer["layer"]: layer["examples"] for layer in SEMANTICS["layers"]}

# What each recorded rule is called here; where frameworks differ, the option that is theirs.
SPECS = {
    "SGD": "sgd", "momentum (torch: v=mu v+g; p-=lr v)": "sgd", "momentum dampening .5": "sgd",
    "Nesterov (torch: p-=lr*(g+mu v))": "sgd nesterov",
    "Nesterov + L2": "sgd nesterov", "Adagrad": "adagrad", "Adadelta": "adadelta", "RMSprop (eps outside sqrt)": "rmsprop",
    "RMSprop eps .1 outside sqrt": "rmsprop",
    "RMSprop momentum": "rmsprop", "RMSprop centered": "rmsprop centered", "Adam": "adam",
    "Adam eps .1 (eps added after bias correction)": "adam", "Adam + L2": "adam",
    "AdamW": "adamw", "AMSGrad": "adam amsgrad", "Adamax": "adamax", "NAdam": "nadam", "Rprop": "rprop",
    "keras SGD momentum": "sgd",
    "keras SGD nesterov": "sgd nesterov momentum=0.9 caffe", "keras RMSprop eps .1 (inside sqrt)": "rmsprop inside eps=0.1",
    "keras Adam eps .1 (epsilon hat: bias correction folded in lr)": "adam keras eps=0.1",
    "keras Adagrad (initial_accumulator .1, eps 1e-7 inside sqrt)": "adagrad start=0.1 eps=1e-7 inside",
    "keras Adadelta": "adadelta",
    "keras AdamW": "adamw keras", "CS231n Nesterov (v_prev form; p is the looked-ahead parameter)": "sgd nesterov",
    "Caffe/Sutskever momentum V=mu V+lr g with lr schedule": "sgd caffe",
    "torch momentum with the same lr schedule (differs from Caffe)": "sgd",
}
NAMES = {"weight_decay": "decay", "mu": "momentum", "rho": "rho"}


def rule(attrs: dict[str, Any]) -> Any:
    text = SPECS[attrs["op"]]
    for k, v in attrs.items():
        if k == "betas":
            text += f" beta1={v[0]} beta2={v[1]}"
        elif k not in ("op", "lrs"):
            name = NAMES.get(k, k)
            text += f" {'alpha' if name == 'rho' and text.startswith('rmsprop') else name}={v}"
    return word(OPTIMISERS, text)[0]


def steps(optimiser: Any, weights: Any, gradients: list[Any], rates: list[float] | None = None,
          dtype: Any = np.float64) -> list[Any]:
    """The weights after each step."""
    program, outs = update_program(optimiser, len(weights))
    program.verify()
    settings = {a.name: float(getattr(optimiser, a.field)) for a in arguments(type(optimiser))
                if isinstance(getattr(optimiser, a.field), int | float)}
    values = {"weights": np.asarray(weights, dtype), **{s: np.zeros(len(weights), dtype) for s in optimiser.state}}
    trail = []
    for k, g in enumerate(gradients, 1):
        scalars = optimiser.scalars(k, settings | ({"lr": rates[k - 1]} if rates else {}))
        env = run(program, values | {"gradients": np.asarray(g, dtype)} | {n: np.array([v], dtype) for n, v in scalars.items()},
                  1, dtype)
        values = {name: env[v] for name, v in outs.items()}
        trail.append(values["weights"])
    return trail


@pytest.mark.parametrize("example", EXAMPLES["optimisers"], ids=lambda e: e["attrs"]["op"]
                         + (" rho" + str(e["attrs"].get("rho", "")) if "rho" in e["attrs"] else ""))
def test_recorded_rules(example: dict[str, Any]) -> None:
    inputs = example["inputs"]
    got = steps(rule(example["attrs"]), inputs["p0"], inputs["grads"], example["attrs"].get("lrs"))
    np.testing.assert_allclose(got, example["outputs"]["p_after_each_step"], rtol=2e-7 if "keras" in example["computed_with"]
                               else 1e-12)


TORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd lr=0.1": ("SGD", {"lr": 0.1}),
    "sgd lr=0.1 momentum=0.9 decay=0.01": ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "sgd lr=0.1 momentum=0.9 nesterov decay=0.01": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adagrad lr=0.1 slow=0.1 decay=0.01": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01}),
    "adadelta rho=0.95 decay=0.01": ("Adadelta", {"rho": 0.95, "weight_decay": 0.01}), "rmsprop": ("RMSprop", {}),
    "rmsprop centered momentum=0.9 decay=0.01": ("RMSprop", {"centered": True, "momentum": 0.9, "weight_decay": 0.01}),
    "adam": ("Adam", {}), "adam amsgrad decay=0.1": ("Adam", {"amsgrad": True, "weight_decay": 0.1}), "adamw": ("AdamW", {}),
    "adamax": ("Adamax", {}), "nadam": ("NAdam", {}), "rprop": ("Rprop", {}),
}


@pytest.mark.parametrize("spec", TORCH)
def test_against_pytorch(spec: str) -> None:
    torch = pytest.importorskip("torch")
    name, options = TORCH[spec]
    rng = np.random.default_rng(0)
    w, gs = rng.standard_normal(7), rng.standard_normal((12, 7)) * np.array([1, 1, 1e-3, 1e3, 1, 0, 1])
    p = torch.nn.Parameter(torch.tensor(w))
    theirs = getattr(torch.optim, name)([p], **options)
    for g, ours in zip(gs, steps(word(OPTIMISERS, spec)[0], w, list(gs))):
        p.grad = torch.tensor(g)
        theirs.step()
        # its product of momenta is float32
        np.testing.assert_allclose(ours, p.detach().numpy(), rtol=1e-8 if name == "NAdam" else 1e-12, atol=1e-14)


# of PyTorch's optimiser: our word and its values for each argument
CHOICES: dict[str, tuple[str, dict[str, tuple[str, list[Any]]]]] = {
    "SGD": ("sgd", {"momentum": ("momentum", [0.5, 0.99]), "dampening": ("dampening", [0.0, 0.3, 1.0])}),
    "Adagrad": ("adagrad",
                {"lr_decay": ("slow", [0.0, 0.1]), "eps": ("eps", [1e-10, 1e-3]),
                 "initial_accumulator_value": ("start", [0.0, 0.1])}),
    "Adadelta": ("adadelta", {"rho": ("rho", [0.9, 0.5]), "eps": ("eps", [1e-6, 1e-2])}),
    "RMSprop": ("rmsprop", {"alpha": ("alpha", [0.99, 0.9]), "eps": ("eps", [1e-8, 1e-3]), "momentum": ("momentum", [0.0, 0.9]),
                            "centered": ("centered", [False, True])}),
    "Adam": ("adam", {"beta1": ("beta1", [0.9, 0.0]), "beta2": ("beta2", [0.999, 0.9]), "eps": ("eps", [1e-8, 1e-3]),
                      "amsgrad": ("amsgrad", [False, True])}),
    "AdamW": ("adamw", {"beta1": ("beta1", [0.9, 0.5]), "beta2": ("beta2", [0.999, 0.9]), "eps": ("eps", [1e-8, 1e-3]),
                        "amsgrad": ("amsgrad", [False, True])}),
    "Adamax": ("adamax", {"beta1": ("beta1", [0.9, 0.5]), "beta2": ("beta2", [0.999, 0.9]), "eps": ("eps", [1e-8, 1e-3])}),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CHOICES)
def test_options_at_random_against_pytorch(name: str, seed: int) -> None:
    """Twenty steps, with gradients from 1e-12 to 1e8 and some that vanish."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    ours, arguments_ = CHOICES[name]
    chosen: dict[str, Any] = {k: values[int(rng.integers(len(values)))] for k, (_, values) in arguments_.items()}
    options = {"lr": float(rng.choice([1e-3, 0.1, 1.0])), "weight_decay": float(rng.choice([0.0, 0.01, 0.5]))}
    spec = " ".join([ours, f"lr={options['lr']}", f"decay={options['weight_decay']}",
                     *(f"{arguments_[k][0]}={'yes' if v is True else 'no' if v is False else v}" for k, v in chosen.items())])
    if "beta1" in chosen:
        options["betas"] = (chosen.pop("beta1"), chosen.pop("beta2"))  # type: ignore[assignment]
    w, gs = rng.standard_normal(9), rng.standard_normal((20, 9)) * np.array([1, 1, 1e-3, 1e3, 1, 0, 1, 1e-12, 1e8])
    gs[5:8] *= rng.random() < 0.5
    p = torch.nn.Parameter(torch.tensor(w))
    theirs = getattr(torch.optim, name)([p], **options, **chosen)
    for g, got in zip(gs, steps(word(OPTIMISERS, spec)[0], w, list(gs))):
        p.grad = torch.tensor(g)
        theirs.step()
        np.testing.assert_allclose(got, p.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=spec)


@pytest.mark.parametrize("name", [n for n, cls in OPTIMISERS.items() if not cls.host])
def test_zeros_stay_zero(name: str) -> None:
    """Padded lanes are zeros with zero gradients, in every precision."""
    for dtype in (np.float32, np.float64):
        assert not np.any(steps(OPTIMISERS[name](), [0.0, 0.0], [[0.0, 0.0]] * 3, dtype=dtype))


def test_elements_of_the_gradient_can_be_limited() -> None:
    (w,) = steps(word(OPTIMISERS, "sgd lr=1 clip_value=0.5")[0], [0.0, 0.0, 0.0], [[2.0, -0.25, -3.0]])
    np.testing.assert_array_equal(w, [-0.5, 0.25, 0.5])


def rosenbrock(w: Any) -> tuple[float, Any]:
    a, b = w[:-1], w[1:]
    g = np.zeros_like(w)
    g[:-1] = -400 * a * (b - a * a) - 2 * (1 - a)
    g[1:] += 200 * (b - a * a)
    return float((100 * (b - a * a) ** 2 + (1 - a) ** 2).sum()), g


@pytest.mark.parametrize("spec", ["lbfgs lr=0.001 iterations=5", "lbfgs search iterations=7 history=4",
                                  "lbfgs search decay=0.01"])
def test_lbfgs_against_pytorch(spec: str) -> None:
    torch = pytest.importorskip("torch")
    ours: Lbfgs = word(OPTIMISERS, spec)[0]
    w, memory = np.array([-1.2, 1.0, 0.5, -0.7]), Memory()
    p = torch.nn.Parameter(torch.tensor(w))
    theirs = torch.optim.LBFGS([p], lr=ours.lr, max_iter=ours.iterations, history_size=ours.history,
                               line_search_fn="strong_wolfe" if ours.search else None)

    def closure() -> Any:
        theirs.zero_grad()
        loss = (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum() + 0.5 * ours.decay * (p * p).sum()
        loss.backward()
        return loss

    for _ in range(4):
        w = ours.minimise(rosenbrock, w, memory)
        theirs.step(closure)
        np.testing.assert_allclose(w, p.detach().numpy(), rtol=1e-8)


def test_lbfgs_finds_the_minimum() -> None:
    w, memory = np.array([-1.2, 1.0]), Memory()
    for _ in range(5):
        w = word(OPTIMISERS, "lbfgs search")[0].minimise(rosenbrock, w, memory)
    np.testing.assert_allclose(w, 1, rtol=1e-4)


RECORDED = {
    "caffe step": "step 10 factor=0.5 batches", "caffe exp": "exponential 0.5 batches",
    "caffe inv": "inverse 0.5 power=0.75 batches", "caffe poly": "poly 0.75", "caffe sigmoid": "sigmoid 10 slope=0.5 batches",
    "torch StepLR(step 3,gamma .1)": "step 3", "torch CosineAnnealingLR(T_max=10)": "cosine",
    "torch MultiStepLR([2,5],.1)": "multistep [2,5]",
}


def test_lbfgs_on_straight_lines() -> None:
    """Where the slope does not change there is no curve to fit: it goes on down, to the corner."""
    w, memory = np.array([3.0, -2.0]), Memory()
    for _ in range(3):
        w = word(OPTIMISERS, "lbfgs search")[0].minimise(lambda v: (float(abs(v).sum()), np.sign(v)), w, memory)
    assert abs(w).max() < 0.5


@pytest.mark.parametrize("example", EXAMPLES["learning-rate schedules"], ids=lambda e: e["attrs"]["op"])
def test_recorded_schedules(example: dict[str, Any]) -> None:
    """Caffe counts batches (100 of them here), PyTorch epochs (10 of one batch)."""
    attrs = example["attrs"]
    s = word(SCHEDULES, RECORDED[attrs["op"]])[0]
    want = example["outputs"]["lr"]
    if "inputs" in example:
        got = [attrs["base"] * s.factor(0, i, 1, 100) for i in example["inputs"]["iters"]]
    else:
        got = [attrs["base"] * s.factor(i, i, 10, 1) for i in range(len(want))]
        if "Cosine" in attrs["op"]:
            got, want = got[:11], want[:11]  # past its end PyTorch's rises again; ours stays down
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-17)


SCHEDULED: dict[str, Callable[[Any, Any], Any]] = {
    "step 3 factor=0.5": lambda L, o: L.StepLR(o, 3, 0.5),
    "multistep [2,5,6] factor=0.3": lambda L, o: L.MultiStepLR(o, [2, 5, 6], 0.3),
    "exponential 0.9": lambda L, o: L.ExponentialLR(o, 0.9), "cosine": lambda L, o: L.CosineAnnealingLR(o, 20),
    "warmup 4 start=0.25": lambda L, o: L.LinearLR(o, 0.25, 1.0, 4),
    "onecycle": lambda L, o: L.OneCycleLR(o, 1.0, total_steps=20, cycle_momentum=False),
    "onecycle rise=0.5 start=10 end=100": lambda L, o: L.OneCycleLR(o, 1.0, total_steps=20, cycle_momentum=False, pct_start=0.5,
                                                                    div_factor=10, final_div_factor=100),
}


@pytest.mark.parametrize("spec", SCHEDULED)
def test_schedules_against_pytorch(spec: str) -> None:
    torch = pytest.importorskip("torch")
    import warnings

    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = SCHEDULED[spec](torch.optim.lr_scheduler, optimiser)
    s = word(SCHEDULES, spec)[0]
    for k in range(20):
        assert s.factor(k, k, 20, 1) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-10, abs=1e-12)
        optimiser.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if k < 19:
                theirs.step()


def test_one_cycle_of_momentum_goes_the_other_way() -> None:
    s = word(SCHEDULES, "onecycle of=momentum")[0]
    factors = [s.factor(0, k, 1, 101) for k in range(101)]
    assert (factors[0], min(factors)) == (1.0, pytest.approx(0.85 / 0.95, rel=1e-3))
    assert factors[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("spec", ["plateau 2", "plateau 0 factor=0.5 rest=2", "plateau 1 higher margin=0.01"])
def test_plateau_against_pytorch(spec: str) -> None:
    torch = pytest.importorskip("torch")
    s = word(SCHEDULES, spec)[0]
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, "min" if s.better == "lower" else "max", s.factor_, s.patience,
                                                        s.margin, cooldown=s.rest)
    values = [1.0, 0.9, 0.95, 0.93, 0.94, 0.92, 0.5, 0.51, 0.51, 0.5, 0.5, 0.4, 0.45, 0.45, 0.45, 0.45]
    for k, v in enumerate(values, 1):
        theirs.step(v)
        assert s.seen(values[:k]) == pytest.approx(optimiser.param_groups[0]["lr"])
