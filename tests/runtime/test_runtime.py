"""Networks that run: what they accept and refuse, what they change and leave alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.catalogue import CATALOGUE
from netspec.diagnostics import NetspecError
from netspec.runtime.network import Network

SMALL = """
net small(classes=3):
  input 2x6x5
  conv 4 3x3 bn relu
  maxpool 2
  dropout 0.25
  fc classes

train small:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
  batch 4
  epochs 2
"""
PLAIN = "net plain:\n  input 1x4x4\n  fc 6 tanh\n  fc 3\n"
DEVICES = ("reference", "cpu")


def some(n: int = 10, shape: tuple[int, ...] = (2, 6, 5), classes: int = 3, seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.standard_normal((n, *shape)), random.integers(0, classes, n)


def small(device: str = "reference", **more: Any) -> Network:
    return netspec.compile(text=SMALL, device=device, dtype="float64", **more)


def plain(device: str = "reference", text: str = PLAIN, **more: Any) -> Network:
    return netspec.compile(text=text, device=device, dtype="float64", **more)


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(NetspecError) as e:
        call()
    return str(e.value)


# -- arrays ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", DEVICES)
def test_arrays_of_every_number_type_are_taken(device: str, tmp_path: Path) -> None:
    net = plain(device)
    x = np.arange(5 * 16).reshape(5, 1, 4, 4) % 7
    want = net.predict(x.astype(np.float64))
    np.save(tmp_path / "x.npy", x.astype(np.uint8))
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    for form in (x, x.astype(np.uint8), x.astype(np.float16), x.astype(np.float32)[:, :, :, ::-1][:, :, :, ::-1], x.tolist(),
                 on_disk, {"input": x}):
        assert (net.predict(form) == want).all()
    assert abs(net.predict(x, batch=2) - want).max() < 1e-12, "chunks of 2 give what the whole gives"
    assert want.shape == (5, 3)


def test_shapes_that_do_not_fit_say_how_to_mend_them() -> None:
    net = plain()
    assert "x[:, None]" in refused(lambda: net.predict(np.zeros((5, 4, 4))))
    assert "x[None]" in refused(lambda: net.predict(np.zeros((1, 4, 4))))
    assert "x.reshape(-1, 1, 4, 4)" in refused(lambda: net.predict(np.zeros((5, 16))))
    assert "transpose(0, 3, 1, 2)" in refused(lambda: small().predict(np.zeros((5, 6, 5, 2))))
    assert "input=(1, 5, 5)" in refused(lambda: net.predict(np.zeros((2, 1, 5, 5))))
    assert "empty" in refused(lambda: net.predict(np.zeros((0, 1, 4, 4))))
    assert "complex128" in refused(lambda: net.predict(np.zeros((2, 1, 4, 4), complex)))
    assert "no array" in refused(lambda: net.predict([[1], [2, 3]]))
    assert "there is no input `image`" in refused(lambda: net.predict({"image": np.zeros((2, 1, 4, 4))}))


def test_targets_that_are_no_classes_are_refused() -> None:
    net = plain().configure(loss="cross_entropy", optimiser="sgd lr=0.1")
    x, _ = some(4, (1, 4, 4))
    before = net.parameters["fc1.weight"]
    assert "label 3 is no class" in refused(lambda: net.train_step(x, [0, 1, 2, 3]))
    assert "y - 1" in refused(lambda: net.train_step(x, [1, 1, 2, 3]))
    assert "label -1" in refused(lambda: net.train_step(x, [0, 1, 2, -1]))
    assert "NaN" in refused(lambda: net.train_step(x, [0, 1, 2, np.nan]))
    assert "0.5" in refused(lambda: net.train_step(x, [0, 1, 2, 0.5]))
    assert "y.argmax(1)" in refused(lambda: net.train_step(x, np.eye(3, dtype=int)[[0, 1, 2, 0]]))
    assert "3 targets for 4 examples" in refused(lambda: net.train_step(x, [0, 1, 2]))
    assert "no targets" in refused(lambda: net.train_step(x))
    assert net.step == 0
    assert (net.parameters["fc1.weight"] == before).all()
    assert net.train_step(x, [[0], [1], [2], [0.0]]) > 0, "N x 1 and whole floats are class numbers"


def test_axes_of_length_one_may_be_left_out_of_targets() -> None:
    text = "net a:\n  input 2x4x4\n  conv 3 1x1 -> avgpool global\ntrain a:\n  loss {}\n  metric accuracy\n  sgd lr=0.1\n"
    x, y = some(6, (2, 4, 4))
    losses = []
    for shape in ((6,), (6, 1), (6, 1, 1), (6, 1, 1, 1)):
        net, labels = plain(text=text.format("cross_entropy")), y.reshape(shape)
        fitted = net.fit(x, labels, epochs=1, verbose=0, validation=(x, labels))
        losses.append([net.loss_and_gradients(x, labels)[0], net.evaluate(x, labels), net.train_step(x, labels), fitted["loss"],
                       fitted["val_accuracy"]])
    assert losses[0] == losses[1] == losses[2] == losses[3]
    net = plain(text=text.format("cross_entropy"))
    assert "6\n" in refused(lambda: net.fit(x, y[None])) and "6 examples" in refused(lambda: net.fit(x, y[:5]))
    assert "argmax(1)" in refused(lambda: net.fit(x, np.eye(3, dtype=int)[y]))
    numbers = plain(text=text.format("mse").replace("  metric accuracy\n", ""))
    assert numbers.evaluate(x, x[:, :1].repeat(3, 1).mean((2, 3))) == numbers.evaluate(x,
                                                                                       x[:, :1].repeat(3, 1).mean((2, 3),
                                                                                               keepdims=True))


def test_no_loss_and_no_optimiser_are_named() -> None:
    x, y = some(4, (1, 4, 4))
    assert 'loss="cross_entropy"' in refused(lambda: plain().train_step(x, y))
    assert "no optimiser" in refused(lambda: plain().configure(loss="cross_entropy").train_step(x, y))


@pytest.mark.parametrize("device", DEVICES)
def test_one_value_a_channel_has_no_variance(device: str) -> None:
    net = plain(device, "net n:\n  input 3\n  fc 4\n  bn\n  fc 2\n").configure(loss="cross_entropy", optimiser="sgd lr=0.1",
                                                                               batch=4)
    x, y = some(9, (3,), 2)
    assert "one value a channel" in refused(lambda: net.train_step(x[:1], y[:1]))
    assert "one value a channel" in refused(lambda: net.fit(x, y, epochs=1, verbose=0)), "the last batch would have one"
    assert net.step == 0
    assert net.predict(x[:1]).shape == (1, 2)
    assert net.loss_and_gradients(x[:1], y[:1], mode="eval")[0] > 0
    spatial = small(device)
    xs, ys = some(1)
    assert spatial.train_step(xs, ys) > 0, "one image with places has a variance"


# -- parameters ------------------------------------------------------------------------------------------------------------
def test_parameters_read_as_copies_and_write_by_assignment() -> None:
    net = small()
    assert list(net.parameters) == ["conv1.weight", "conv1.bn.weight", "conv1.bn.bias", "fc1.weight", "fc1.bias"]
    assert list(net.buffers) == ["conv1.bn.mean", "conv1.bn.var"]
    w = net.parameters["fc1.weight"]
    assert w.shape == (3, 4 * 3 * 2)
    with pytest.raises(ValueError, match="read-only"):
        w[0, 0] = 1
    net.parameters["fc1.weight"] = w * 2
    assert (net.parameters["fc1.weight"] == w * 2).all()
    net.set_parameters({"conv1.bn.mean": [1, 2, 3, 4], "fc1.bias": np.ones(3)})
    assert net.buffers["conv1.bn.mean"].tolist() == [1, 2, 3, 4]
    assert "did you mean fc1.weight?" in refused(lambda: net.parameters["fc1.weigth"])
    assert "there is no" in refused(lambda: net.set_parameters({"fc1.bias": np.zeros(3), "nothing": 1}))
    assert net.parameters["fc1.bias"].tolist() == [1, 1, 1], "a refused call writes nothing"
    assert "expected 3" in refused(lambda: net.set_parameters({"fc1.bias": np.zeros(4)}))
    assert net.parameters.get("nothing") is None
    assert "nothing" not in net.parameters


def test_first_values_depend_on_the_seed_and_the_own_name_alone() -> None:
    a, b = small(seed=3), small(seed=3, classes=5)
    assert (a.parameters["conv1.weight"] == b.parameters["conv1.weight"]).all()
    assert (a.parameters["conv1.weight"] != small(seed=4).parameters["conv1.weight"]).all()
    assert (a.parameters["conv1.bn.weight"] == 1).all()
    assert (a.parameters["fc1.bias"] == 0).all()
    assert (a.buffers["conv1.bn.var"] == 1).all()


def test_initialisers_have_the_spread_they_promise() -> None:
    from netspec.ir.graph import Parameter
    from netspec.ir.initialisers import INITIALISERS
    from netspec.runtime.initialisers import initial

    def of(init: str | float, shape: tuple[int, ...] = (200, 300)) -> Any:
        return initial(Parameter("w", shape, init=init, fan_in=300, fan_out=200), 0)

    spread = {"he": 2 / 300, "he_uniform": 2 / 300, "xavier": 2 / 500, "xavier_uniform": 2 / 500, "gaussian": 1e-4,
              "gaussian 0.5": 0.25, "uniform": 0.05**2 / 3, "uniform 0.3": 0.03}
    for init, variance in spread.items():
        w = of(init)
        assert abs(w.mean()) < 5 * (variance / w.size) ** 0.5, init
        assert abs(w.var() / variance - 1) < 0.03, init
    assert abs(of("he_uniform")).max() <= (6 / 300) ** 0.5
    q = of("orthogonal 2", (20, 3, 5, 5)).reshape(20, 75)
    assert abs(q @ q.T - 4 * np.eye(20)).max() < 1e-12
    assert (of("constant 0.5") == 0.5).all()
    assert (of("ones") == 1).all()
    assert (of(0.25) == 0.25).all()
    assert initial(Parameter("w", (2, 2), values=(1, 2, 3, 4)), 0).tolist() == [[1, 2], [3, 4]]
    assert set(INITIALISERS) >= {"zeros", "ones", "constant", "gaussian", "uniform", "xavier", "he", "orthogonal"}
    assert "no initialiser `hee`" in refused(lambda: of("hee"))
    assert "no initialiser `gaussian a`" in refused(lambda: of("gaussian a"))
    assert "`he` takes at most 0 numbers" in refused(lambda: of("he 1"))


# -- gradients -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_gradients_change_no_state_and_agree_with_an_outside_loss(device: str, mode: Any) -> None:
    net = small(device)
    x, y = some()
    net.train_step(x, y)  # so that running statistics differ from the batch's
    before = {**net.parameters, **net.buffers}
    loss, grads, into = net.loss_and_gradients(x, y, mode=mode, inputs=True, draw=3)
    again, grads2 = net.loss_and_gradients(x, y, mode=mode, draw=3)
    assert loss == again
    assert all((grads[k] == grads2[k]).all() for k in grads)
    z = net.forward(x, mode=mode, draw=3)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    assert abs(-np.log(p[np.arange(10), y]).mean() - loss) < 1e-12
    p[np.arange(10), y] -= 1
    outside = net.backward(p / 10)
    assert set(outside) == {*net.parameters, "input"}
    for k in grads:
        assert abs(outside[k] - grads[k]).max() < 1e-12, k
    assert abs(outside["input"] - into["input"]).max() < 1e-12
    assert all((v == before[k]).all() for k, v in {**net.parameters, **net.buffers}.items())
    assert net.step == 1


def test_modes_differ_where_batch_norm_or_dropout_is() -> None:
    net = small()
    x, y = some()
    assert net.loss_and_gradients(x, y, mode="train")[0] != net.loss_and_gradients(x, y, mode="eval")[0]
    assert "there is no mode" in refused(lambda: net.loss_and_gradients(x, y, mode="test"))  # type: ignore[arg-type]


def test_backward_needs_a_forward() -> None:
    net = plain()
    assert "forward(x) first" in refused(lambda: net.backward(np.zeros((2, 3))))
    x, _ = some(2, (1, 4, 4))
    net.predict(x)
    assert "the output is 2x3" in refused(lambda: net.backward(np.zeros((2, 4))))
    assert set(net.backward(np.ones((2, 3)))) == set(net.backward(np.ones((2, 3)), x)) == {*net.parameters, "input"}
    assert set(net.backward(np.ones((2, 3)), inputs=False)) == set(net.parameters)
    net.configure(optimiser="sgd lr=1")
    before, grads = net.parameters["fc1.bias"], net.backward(np.ones((2, 3)))
    net.update(grads)
    assert np.allclose(net.parameters["fc1.bias"], before - grads["fc1.bias"])
    assert "there is no parameter" in refused(lambda: net.update({"fc1.bia": before}))


@pytest.mark.parametrize("device", DEVICES)
def test_a_step_is_gradients_then_update(device: str) -> None:
    a, b = small(device), small(device)
    x, y = some()
    for _ in range(3):
        loss, grads = b.loss_and_gradients(x, y)
        b.update(grads)
        assert abs(a.train_step(x, y) - loss) < 1e-14, "batch norm sums around its running mean, which moves in `a` only"
    for k in a.parameters:
        assert abs(a.parameters[k] - b.parameters[k]).max() < 1e-12, k
    assert (a.step, b.step) == (3, 3)
    assert (a.buffers["conv1.bn.mean"] != b.buffers["conv1.bn.mean"]).all(), "running statistics move in a step only"


def test_dropout_differs_by_step_and_repeats_by_seed() -> None:
    x, y = some()
    a, b, c = small(seed=1), small(seed=1), small(seed=2)
    c.set_parameters({**a.parameters})
    assert a.loss_and_gradients(x, y)[0] == b.loss_and_gradients(x, y)[0] != c.loss_and_gradients(x, y)[0]
    first = a.loss_and_gradients(x, y)[0]
    a.step += 1
    assert a.loss_and_gradients(x, y)[0] != first


# -- several inputs and outputs, open sizes --------------------------------------------------------------------------------
TWO = """
net two:
  input left 3
  input right 2
  @left -> a: fc 4 tanh
  @right -> b: fc 4 tanh
  add @a -> h: relu
  output class: fc 3
  @h -> size: fc 1
  output size

train two:
  loss cross_entropy @class
  loss mse @size weight=0.5
  adam lr=0.01
"""


@pytest.mark.parametrize("device", DEVICES)
def test_several_inputs_and_outputs_by_name(device: str) -> None:
    net = plain(device, TWO)
    random = np.random.default_rng(0)
    x = {"left": random.standard_normal((6, 3)), "right": random.standard_normal((6, 2))}
    y = {"class": random.integers(0, 3, 6), "size": random.standard_normal(6)}
    out = net.predict(x)
    assert {k: v.shape for k, v in out.items()} == {"class": (6, 3), "size": (6, 1)}
    loss, grads, into = net.loss_and_gradients(x, y, inputs=True)
    z = out["class"] - out["class"].max(1, keepdims=True)
    by_hand = (np.log(np.exp(z).sum(1))
               - z[np.arange(6), y["class"]]).mean() + 0.5 * ((out["size"][:, 0] - y["size"]) ** 2).mean()
    assert abs(loss - by_hand) < 1e-12
    assert set(into) == {"left", "right"}
    assert abs(net.evaluate(x, y)["loss"] - by_hand) < 1e-12
    only = net.backward({"size": np.ones((6, 1))}, x)
    assert (only["class.fc1.weight" if "class.fc1.weight" in only else next(k for k in only if k.startswith("class"))] == 0).all()
    assert "`right` is not given" in refused(lambda: net.predict({"left": x["left"]}))
    assert "2 inputs" in refused(lambda: net.predict(x["left"]))
    assert "different numbers" in refused(lambda: net.predict({"left": x["left"], "right": x["right"][:4]}))
    history = net.fit(x, y, epochs=3, batch=4, verbose=0)
    assert history["loss"][-1] < history["loss"][0]
    assert grads.keys() == net.parameters.keys()


AUX = """
net aux:
  input 4
  fc 5 relu
  output early: fc 3
  fc 3

train aux:
  loss cross_entropy
  loss cross_entropy @early weight=0.3
  sgd lr=0.1
"""


def test_one_array_of_labels_serves_all_heads() -> None:
    net = plain(text=AUX)
    x, y = some(6, (4,))
    both = net.loss_and_gradients(x, {"out": y, "early": y})[0]
    assert net.loss_and_gradients(x, y)[0] == both
    parts = [net.evaluate(x, y, loss=f"cross_entropy @{o}")["loss"] for o in ("out", "early")]
    assert abs(both - parts[0] - 0.3 * parts[1]) < 1e-12
    assert list(net.fit(x, y, epochs=1, verbose=0)) == ["loss", "out.loss", "early.loss", "accuracy", "lr", "seconds"]
    assert "there is no target `late`" in refused(lambda: net.train_step(x, {"late": y}))


OPEN = (
    "net open:\n  input 1x?x?\n  conv 4 3x3 bn relu\n  avgpool global\n  fc 2\ntrain open:\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9\n")


@pytest.mark.parametrize("device", DEVICES)
def test_open_sizes_are_bound_by_the_arrays(device: str, tmp_path: Path) -> None:
    net = plain(device, OPEN)
    first = net.parameters["conv1.weight"]
    fixed = plain(device, OPEN, input=(1, 6, 7))
    assert (fixed.parameters["conv1.weight"] == first).all()
    a, ya = some(4, (1, 6, 7), 2)
    b, yb = some(4, (1, 5, 5), 2, seed=1)
    assert (net.predict(a) == fixed.predict(a)).all()
    assert net.train_step(a, ya) == fixed.train_step(a, ya)
    net.train_step(b, yb)  # another size: weights, statistics and momentum move along
    other = plain(device, OPEN, input="1x5x5")
    other.set_parameters({**fixed.parameters, **fixed.buffers})
    other.train_step(b, yb)
    assert abs(net.parameters["conv1.weight"]
               - other.parameters["conv1.weight"]).max() > 0, "the momentum of the first step counts"
    assert (net.buffers["conv1.bn.mean"] == other.buffers["conv1.bn.mean"]).all()
    assert "input=(1, 5, 5)" in refused(lambda: fixed.predict(b))
    net.save(str(tmp_path / "c"))
    waiting = plain(device, OPEN).load(str(tmp_path / "c"))  # before any array has bound its sizes
    assert waiting.train_step(b, yb) == net.train_step(b, yb)
    assert waiting.train_step(b, yb) == net.train_step(b, yb), "the momentum came along"


def test_net_parameters_and_input_reach_the_language() -> None:
    assert small(classes=7).predict(some(2)[0]).shape == (2, 7)
    assert netspec.compile(text=SMALL, device="reference", parameters={"classes": 4}).predict(some(2)[0]).shape == (2, 4)
    assert "is no shape" in refused(lambda: plain(text=OPEN, input="1xax5"))
    assert "there is no file" in refused(lambda: netspec.compile("net a: input 3"))
    assert "one of them" in refused(lambda: netspec.compile())
    assert "there is no device" in refused(lambda: small("gpu"))
    assert "float16" in refused(lambda: netspec.compile(text=PLAIN, device="reference", dtype="float16"))


def test_looking_at_a_graph(tmp_path: Path) -> None:
    spec = netspec.load_graph(text=SMALL, classes=10)
    assert spec.counts().totals.trainable == 2 * 4 * 9 + 8 + 24 * 10 + 10
    assert "conv 4 3x3" in str(spec.summary())
    spec.draw(tmp_path / "small.dot")
    assert "conv" in (tmp_path / "small.dot").read_text(encoding="utf-8")
    assert "small" in repr(spec)
    assert (spec.inputs, spec.outputs) == ({"input": (2, 6, 5)}, {"out": (10,)})
    assert spec.parameters["conv1.bn.var"] == (4,)
    assert netspec.load_graph(text=OPEN).inputs == {"input": (1, None, None)}
    assert "<table" in small()._repr_html_()
    assert "small(input 2x6x5)" in repr(small())


def test_only_explained_errors_escape() -> None:
    net = plain().configure(loss="cross_entropy", optimiser="sgd lr=0.1")
    random = np.random.default_rng(0)
    ran, codes = 0, set()
    for _ in range(300):
        shape = tuple(random.integers(0, 3, random.integers(0, 5))) if random.random() < 0.7 else (int(random.integers(1, 4)), 1,
                4, 4)
        x = random.integers(0, 9, shape).astype(random.choice(["f2", "f4", "f8", "u1", "i8", "?", "U3", "c8"]))
        y = random.integers(-1, 4, random.integers(0, 4, random.integers(0, 3))).astype(random.choice(["f8", "i4", "u1", "?"]))
        try:
            net.train_step(x, y)
            net.predict(x)
            ran += 1
        except NetspecError as e:
            codes.add(e.diagnostics[0].code)
    assert 0 < ran < 100
    assert {"wrong-shape", "wrong-type", "label-range"} <= codes <= set(CATALOGUE)


@pytest.mark.parametrize(("call", "given", "hint"), [
    ("fit", {"lr": 0.01}, 'optimiser="sgd lr=0.01"'), ("fit", {"optimizer": "adam"}, 'optimiser="adamw lr=0.001"'),
    ("configure", {"weight_decay": 1e-4}, 'optimiser="sgd decay=0.0001"'),
    ("fit", {"learning_rate": 0.5}, 'optimiser="sgd lr=0.5"'),
    ("train_step", {"lr": 0.1}, 'net.configure(optimiser="sgd lr=0.1")'), ("fit", {"beta1": 0.8}, 'optimiser="adamw beta1=0.8"'),
    ("fit", {"batch_size": 4}, "batch=64"), ("fit", {"validation_data": 1}, "validation=(xv, yv)"),
    ("fit", {"initialise": "lsuv"}, 'net.configure(initialise="lsuv")'),
    ("configure", {"scheduler": 1}, 'schedule="cosine"'), ("fit", {"epoch": 3}, "epochs=10"),
    ("predict", {"batch_size": 3}, "batch=64")])
def test_an_argument_that_a_call_does_not_have(call: str, given: dict[str, Any], hint: str) -> None:
    net = plain().configure(loss="cross_entropy", optimiser="sgd lr=0.1")
    before, recipe = dict(net.parameters), net.recipe
    arrays = () if call == "configure" else (np.zeros((4, *net.graph.inputs[0].type.shape)),)
    with pytest.raises(NetspecError, match=f"{call} has no argument `{next(iter(given))}`") as e:
        getattr(net, call)(*arrays, **given)
    assert isinstance(e.value, TypeError)
    assert e.value.diagnostics[0].hint == hint
    assert net.recipe == recipe
    assert all(np.array_equal(before[k], v) for k, v in net.parameters.items())


@pytest.mark.parametrize("size", ["4x4", "?x?"])
@pytest.mark.parametrize(("big", "fits"), [(1e300, False), (-3.5e38, False), (3.4e38, True), (1e-300, True), (np.inf, True)])
def test_a_finite_number_never_becomes_an_infinite_one(size: str, big: float, fits: bool) -> None:
    net = netspec.compile(text=f"net n:\n  input 1x{size}\n  conv 2 3x3\n")
    name = next(iter(net.parameters))
    value = np.zeros(net.parameters[name].shape)
    value.flat[-1] = big
    before = dict(net.parameters)
    for write in (lambda: net.set_parameters({name: value}), lambda: net.parameters.__setitem__(name, value)):
        if fits:
            write()
            assert np.isfinite(net.parameters[name]).all() == np.isfinite(big)
        else:
            with pytest.raises(NetspecError, match=f"{name} holds .* beyond float32"):
                write()
            assert all(np.array_equal(before[k], v) for k, v in net.parameters.items())
    assert netspec.compile(text="net n:\n  input 3\n  fc 2\n",
                           dtype="float64").set_parameters({"fc1.bias": np.full(2, 1e300)}) is None


@pytest.mark.parametrize(("big", "fits"), [(1e300, False), (-3.5e38, False), (3e38, True), (np.inf, True), (np.nan, True)])
def test_nor_does_a_number_of_an_input(big: float, fits: bool) -> None:
    text = "net n:\n  input 3\n  fc 2\ntrain n:\n  loss cross_entropy\n  sgd lr=0.1\n"
    net = netspec.compile(text=text)
    x, y = np.zeros((5, 3)), np.zeros(5, np.int64)
    x[3, 1] = big
    for call in (lambda: net.predict(x), lambda: net.evaluate(x, y), lambda: net.forward(x)):
        if fits:
            call()
        else:
            with pytest.raises(NetspecError, match="beyond float32") as e:
                call()
            assert "example 3" in str(e.value)


@pytest.mark.parametrize(("big", "fits"), [(1e300, False), (-3.5e38, False), (3e38, True)])
def test_nor_does_a_number_of_a_target(big: float, fits: bool) -> None:
    net = netspec.compile(text="net n:\n  input 3\n  fc 2\ntrain n:\n  loss l1\n  sgd lr=0.1\n  epochs 1\n")
    x, y = np.zeros((5, 3)), np.zeros((5, 2))
    y[3, 1] = big
    for call in (lambda: net.loss_and_gradients(x, y), lambda: net.evaluate(x, y), lambda: net.fit(x, y)):
        if fits:
            call()
        else:
            with pytest.raises(NetspecError, match="beyond float32") as e:
                call()
            assert "example 3" in str(e.value)
