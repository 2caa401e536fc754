"""What a network looks at, as arrays: closed forms, and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec
from netspec import look
from netspec.diagnostics import NetspecError
from netspec.look.asked import scores
from netspec.look.gradcam import last_maps
from netspec.look.occlusion import begins
from netspec.look.regularisers import blurred, moved, total_variation
from netspec.look.style import layers
from netspec.look.trunk import trunk
from netspec.views.look.tiles import scattered
from netspec.views.pictures import resized

SMALL = ("net a:\n  input 2x6x6\n  conv 4 3x3 relu\n  residual:\n    conv 4 3x3 relu\n    conv 4 3x3\n  relu\n  maxpool 2\n"
         "  fc 5 relu\n  fc 3 softmax\n")
RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _anew() -> None:
    """The same numbers in a test, whichever ran before."""
    RANDOM.bit_generator.state = np.random.default_rng(0).bit_generator.state


def made(text: str = SMALL, device: str = "reference", **more: Any) -> Any:
    return netspec.compile(text=text, device=device, dtype="float64", seed=2, **more)


def test_saliency_of_a_linear_net_is_its_weights() -> None:
    net, x = made("net a:\n  input 2x3x3\n  fc 4 softmax\n"), RANDOM.normal(size=(3, 2, 3, 3))
    w = net.parameters["fc1.weight"].reshape(4, 2, 3, 3)
    assert scores(net) == "fc1.raw"  # what the softmax reads
    assert look.saliency(net, x, 2) == pytest.approx(np.broadcast_to(abs(w[2]).max(0), (3, 3, 3)))
    answered = net.predict(x).argmax(1)
    assert look.saliency(net, x) == pytest.approx(abs(w[answered]).max(1))
    assert look.saliency(net, x, [0, 1, 3]) == pytest.approx(abs(w[[0, 1, 3]]).max(1))
    assert look.guided(net, x, 1) == pytest.approx(np.broadcast_to(w[1], x.shape))  # there is no rectifier


def test_saliency_of_a_unit_inside() -> None:
    net, x = made(), RANDOM.normal(size=(2, 2, 6, 6))
    seed = np.zeros((2, 4, 6, 6))
    seed[:, 3] = 1
    assert look.saliency(net, x, 3, layer="conv1") == pytest.approx(abs(net.derivatives(x, {"conv1": seed})).max(1))
    assert abs(look.guided(net, x, 3, layer="add1") - net.derivatives(x, {"add1": seed})).max() > 1e-3


def test_integrated_gradients_add_up() -> None:
    """Of sums of squares they are known: w (x - b)(x + b); the middles of the parts measure a straight gradient exactly."""
    net = made("net a:\n  input 5\n  square\n  fc 3\n")
    x, b, w = RANDOM.normal(size=(2, 5)), RANDOM.normal(size=5), net.parameters["fc1.weight"]
    assert look.integrated(net, x, 1, baseline=b, steps=3) == pytest.approx(w[1] * (x - b) * (x + b))
    deep, x = made("net a:\n  input 1x4x4\n  conv 3 3x3 tanh\n  maxpool 2\n  fc 5 tanh\n  fc 3 softmax\n"), RANDOM.random((2, 1, 4, 4))
    added = look.integrated(deep, x, 2, steps=40).sum((1, 2, 3))
    raw = (deep.activations(one, "fc2.raw")[:, 2] for one in (x, 0 * x))
    assert added == pytest.approx(next(raw) - next(raw), abs=1e-3)


def test_gradcam_is_the_class_map_of_a_net_with_a_global_mean() -> None:
    """Zhou et al., 2016: there its weights are those of the fully connected layer."""
    net = made("net a:\n  input 1x6x6\n  conv 3 3x3 relu\n  conv 4 3x3 relu\n  avgpool global\n  fc 3\n")
    x, w = RANDOM.normal(size=(2, 1, 6, 6)), net.parameters["fc1.weight"]
    maps = net.activations(x, "conv2")
    for unit in (0, 2):
        want = np.maximum(np.einsum("c,nchw->nhw", w[unit], maps), 0) / 36
        assert look.gradcam(net, x, unit) == pytest.approx(want)
    assert look.gradcam(net, x, layer="conv1").shape == (2, 6, 6)


def test_the_last_maps_are_those_that_the_answer_is_made_of() -> None:
    assert last_maps(made().graph, "fc2.raw") == "relu1"  # the end of the block
    for file, net, want in (("lenet.net", "lenet5", "conv2"), ("vgg.net", "vgg16", "stage5.conv3"), ("nin.net", None, None),
                            ("resnet.net", "resnet18", None)):
        graph = netspec.load_graph(file, net).graph
        name = last_maps(graph, [n.name for n in graph][-1])
        assert want in (None, name) and any(s != 1 for s in graph.values[_value(graph, name)].type.spatial)


def _value(graph: Any, name: str) -> str:
    from netspec.look.asked import value_of

    return value_of(graph, name)


def test_occlusion_of_a_linear_net_is_the_sum_of_what_is_hidden() -> None:
    net, x = made("net a:\n  input 2x5x7\n  fc 3\n"), RANDOM.normal(size=(2, 2, 5, 7))
    w = net.parameters["fc1.weight"].reshape(3, 2, 5, 7)
    found = look.occlusion(net, x, 1, window=2, stride=2, fill=[0.5, 0.25])
    rows, columns = begins(5, 2, 2), begins(7, 2, 2)
    assert rows == [0, 2, 3] and columns == [0, 2, 4, 5] and found.shape == (2, 3, 4)
    fill = np.array([0.5, 0.25])[:, None, None]
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            cut = np.s_[:, r:r + 2, c:c + 2]
            for k in range(2):
                assert found[k, i, j] == pytest.approx((w[1][cut] * (x[k][cut] - fill)).sum())
    grey = look.occlusion(net, x, 1, window=5, stride=9)  # the mean of each picture
    assert grey[0, 0, 0] == pytest.approx((w[1][:, :, :5] * (x[0][:, :, :5] - x[0].mean((1, 2), keepdims=True))).sum())
    soft = made("net a:\n  input 1x4x4\n  fc 2 softmax\n")
    assert look.occlusion(soft, np.zeros((1, 1, 4, 4))).any() == False  # noqa: E712  (nothing is hidden, and nothing falls)


def test_the_most_exciting_examples() -> None:
    net, x = made(), RANDOM.normal(size=(9, 2, 6, 6))
    values = net.activations(x, "conv1")[:, 2]
    e = look.exciting(net, x, "conv1", 2, top=4)
    assert e.numbers.tolist() == np.argsort(-values.max((1, 2)))[:4].tolist()
    assert e.values == pytest.approx(values.max((1, 2))[e.numbers])
    for n, (r, c), window in zip(e.numbers, e.places, e.windows):
        assert values[n, r, c] == values[n].max()
        assert window == ((max(0, r - 1), min(5, r + 1)), (max(0, c - 1), min(5, c + 1)))
    assert look.exciting(net, x, "fc1", 0, top=1).windows == (((0, 5), (0, 5)),)


def test_several_images_of_an_example() -> None:
    """In an `each` a layer makes several images of an example: each of them is meant, and of the most exciting the one."""
    net = made("net a:\n  input (4, 1, 6, 6)\n  each view:\n    conv 3 3x3 relu\n  max over=view\n  fc 3\n")
    x = RANDOM.normal(size=(2, 4, 1, 6, 6))
    values = net.activations(x, "conv1").reshape(2, 4, 3, 36)
    assert look.exciting(net, x, "conv1", 1).values == pytest.approx(np.sort(values[:, :, 1].max((1, 2)))[::-1])
    assert look.saliency(net, x, 1, layer="conv1") == pytest.approx(abs(net.derivatives(x, {"conv1": np.eye(3)[1][:, None, None]})).max(1))
    assert look.maximise(net, 1, layer="conv1", steps=1)[1].shape == (2, 1)


def test_features_neighbours_and_a_map() -> None:
    net, x = made(), RANDOM.normal(size=(12, 2, 6, 6))
    rows = look.features(net, x)
    assert rows == pytest.approx(net.activations(x, "fc1")) and look.features(net, x, layer="maxpool1").shape == (12, 36)
    order, far = look.nearest(rows[3:5], rows, top=3)
    assert order[:, 0].tolist() == [3, 4] and far[:, 0] == pytest.approx([0, 0])
    assert far[0, 1] == pytest.approx(np.sort(np.linalg.norm(rows - rows[3], axis=1))[1])
    flat = look.plane(rows)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))  # an oracle of another way
    assert flat.var(0) == pytest.approx(values[::-1][:2]) and flat.mean(0) == pytest.approx([0, 0], abs=1e-12)
    assert abs((rows - rows.mean(0)) @ vectors[:, :-3:-1]) == pytest.approx(abs(flat))
    assert look.plane(rows[:, :1]).shape == (12, 2)


@pytest.mark.parametrize(("by", "package"), [("tsne", "sklearn"), ("umap", "umap")])
def test_maps_of_other_packages(by: str, package: str) -> None:
    rows = RANDOM.normal(size=(20, 6))
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(NetspecError, match="is not installed"):
            look.plane(rows, by=by)
        return
    assert look.plane(rows, by=by, seed=1).shape == (20, 2)


def test_filters() -> None:
    net = made()
    assert look.filters(net).layer == "conv1" and (look.filters(net).weights == net.parameters["conv1.weight"]).all()
    third = look.filters(net, "conv3")
    assert third.norms == pytest.approx(np.linalg.norm(third.weights.reshape(4, 4, 9), axis=2))
    assert look.filters(net, "fc1").weights.shape == (5, 4, 3, 3) and look.filters(net, "fc2").weights.shape == (3, 5, 1)
    linear = made("net a:\n  input 3x4x5\n  flatten\n  fc 6\n")  # its templates
    assert (look.filters(linear).weights == linear.parameters["fc1.weight"].reshape(6, 3, 4, 5)).all()


def test_regularisers() -> None:
    x = RANDOM.normal(size=(2, 3, 4, 5))
    value, slope = total_variation(x)
    assert value == pytest.approx(np.square(x[:, :, 1:] - x[:, :, :-1]).sum() + np.square(x[..., 1:] - x[..., :-1]).sum())
    for place in ((0, 0, 0, 0), (1, 2, 3, 4), (1, 1, 2, 2)):
        step = np.zeros_like(x)
        step[place] = 1e-6
        assert slope[place] == pytest.approx((total_variation(x + step)[0] - total_variation(x - step)[0]) / 2e-6, abs=1e-6)
    assert blurred(np.ones((1, 1, 4, 6)), 0.8) == pytest.approx(1.0) and (blurred(x, 0.0) == x).all()
    dot = np.zeros((1, 1, 9, 9))
    dot[0, 0, 4, 4] = 1
    bell = np.exp(-0.5 * np.arange(-3, 4) ** 2)
    assert blurred(dot, 1.0)[0, 0, 1:8, 1:8] == pytest.approx(np.outer(bell, bell) / bell.sum() ** 2)
    assert (moved(moved(x, (1, -2)), (-1, 2)) == x).all() and (moved(x, (1, 0))[:, :, 1] == x[:, :, 0]).all()


def test_a_picture_that_excites() -> None:
    """Of a linear net the brightest picture is known: white where the weight is above zero, and black elsewhere."""
    net = made("net a:\n  input 1x4x4\n  fc 3\n")
    w = net.parameters["fc1.weight"].reshape(3, 1, 4, 4)
    x, said = look.maximise(net, [0, 2], steps=40, lr=0.2, l2=0, tv=0, blur=0, jitter=0)
    large = abs(w[[0, 2]]) > 0.1
    assert (x[large] == (w[[0, 2]] > 0)[large]).all()
    assert said.shape == (41, 2) and said[-1] == pytest.approx(np.diag(net.predict(x)[:, [0, 2]])) and (said[-1] > said[0]).all()
    again, _ = look.maximise(net, [0, 2], steps=5, seed=3)
    assert (look.maximise(net, [0, 2], steps=5, seed=3)[0] == again).all()
    assert (look.maximise(net, [0, 2], steps=5, seed=4)[0] != again).any()
    rough, smooth = (look.maximise(made(), 1, layer="add1", steps=15, tv=tv)[0] for tv in (0.0, 1.0))
    assert total_variation(smooth)[0] < 0.7 * total_variation(rough)[0]
    middle = look.maximise(net, 0, steps=60, l2=5.0, tv=0, blur=0, jitter=0)[0]
    assert abs(middle - 0.5).max() < 0.45  # large numbers count against it


def test_the_trunk_of_a_net_serves_pictures_of_any_size() -> None:
    net, x, large = made(), RANDOM.normal(size=(2, 2, 6, 6)), RANDOM.normal(size=(1, 2, 9, 7))
    same = trunk(net, {"a": "conv1", "b": "add1"}, (6, 6))
    assert same.predict(x)["b"] == pytest.approx(net.activations(x, "add1"), abs=1e-15)
    found = trunk(net, {"b": "relu1"}, (9, 7)).predict(large)
    open_size = made(SMALL.replace("2x6x6", "2x?x?").replace("maxpool 2", "avgpool global"))
    open_size.set_parameters({k: v for k, v in net.parameters.items() if k.startswith("conv")})
    assert found == pytest.approx(open_size.activations(large, "relu1"), abs=1e-15) and found.shape == (1, 4, 9, 7)
    with pytest.raises(NetspecError, match="does not fit pictures of 9x7"):
        trunk(net, {"a": "fc1"}, (9, 7))


def test_a_dream_makes_numbers_larger() -> None:
    net, x = made(), RANDOM.random((2, 12, 10))
    dreamt = look.dream(net, x, layer="add1", octaves=2, steps=4, lr=0.02)
    part = trunk(net, {"a": "add1"}, (12, 10))
    assert dreamt.shape == x.shape and dreamt.min() >= 0 and dreamt.max() <= 1
    assert np.square(part.predict(dreamt[None])).sum() > 1.2 * np.square(part.predict(x[None])).sum()
    assert (look.dream(net, x, layer="add1", octaves=2, steps=4, lr=0.02) == dreamt).all()
    one = look.dream(net, x, layer="add1", unit=1, octaves=1, steps=4, lr=0.02)
    assert np.square(part.predict(one[None])[:, 1]).sum() > np.square(part.predict(dreamt[None])[:, 1]).sum()


def test_style_goes_down_its_loss() -> None:
    net, a, b = made(), RANDOM.random((2, 8, 9)), RANDOM.random((2, 8, 9))
    found, history = look.style(net, a, b, content_layer="conv3", style_layers=("conv1", "add1"), weight=1000, iterations=8)
    assert found.shape == a.shape and found.min() >= 0 and found.max() <= 1 and history[-1] < 0.8 * history[0]
    part = trunk(net, {k: k for k in ("conv1", "conv3", "add1")}, (8, 9))

    def loss(x: Any) -> float:
        z, content, painting = (part.predict(p[None]) for p in (x, a, b))
        gram = {k: [np.einsum("nahw,nbhw->ab", v[k], v[k]) for v in (z, painting)] for k in ("conv1", "add1")}
        style = np.mean([np.square(g - want).sum() / (4 * 4**2 * 72**2) for g, want in gram.values()])
        return float(np.square(z["conv3"] - content["conv3"]).mean() + 1000 * style)

    assert history[0] == pytest.approx(loss(a)) and history[-1] == pytest.approx(loss(found))
    other = look.style(net, a, RANDOM.random((2, 5, 12)), style_layers=("conv1",), begin="noise", iterations=2)[0]
    assert other.shape == a.shape
    open_size = made("net a:\n  input 2x?x?\n  conv 3 3x3 relu\n  conv 3 3x3 relu\n  maxpool 2\n  conv 4 3x3 relu\n  avgpool global\n  fc 3\n")
    assert look.style(open_size, a, b, iterations=2)[0].shape == a.shape and look.gradcam(open_size, a[None]).shape == (1, 4, 4)
    assert look.dream(open_size, a, octaves=2, steps=1).shape == a.shape
    assert layers(netspec.load_graph("vgg.net", "vgg19").graph) == ("stage4.conv2", tuple(f"stage{k}.conv1" for k in range(1, 6)))


@pytest.mark.torch
def test_style_is_that_of_pytorch() -> None:
    """The same picture after ten iterations of torch.optim.LBFGS with strong Wolfe line search."""
    torch = pytest.importorskip("torch")
    net = made("net a:\n  input 2x6x6\n  conv 4 3x3 tanh\n  conv 3 3x3 tanh\n  fc 2\n")
    a, b = RANDOM.random((2, 2, 8, 9)) * 0.5 + 0.25
    p = {k: torch.tensor(np.array(v)) for k, v in net.parameters.items()}

    def values(x: Any) -> Any:
        one = torch.tanh(torch.nn.functional.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=1))
        return one, torch.tanh(torch.nn.functional.conv2d(one, p["conv2.weight"], p["conv2.bias"], padding=1))

    def gram(z: Any) -> Any:
        return torch.einsum("nahw,nbhw->ab", z, z)

    x = torch.tensor(a[None], requires_grad=True)
    content, painting = values(torch.tensor(a[None]))[1], gram(values(torch.tensor(b[None]))[0])
    descent = torch.optim.LBFGS([x], lr=1, max_iter=10, history_size=20, line_search_fn="strong_wolfe", tolerance_grad=1e-7)

    def closure() -> Any:
        descent.zero_grad()
        one, two = values(x)
        loss = ((two - content) ** 2).mean() + 300 * ((gram(one) - painting) ** 2).sum() / (4 * 4**2 * 72**2)
        loss.backward()
        return loss

    descent.step(closure)
    got, _ = look.style(net, a, b, content_layer="conv2", style_layers=("conv1",), weight=300, iterations=10)
    assert abs(x.detach().numpy() - a).max() > 0.01
    assert got == pytest.approx(np.clip(x.detach().numpy()[0], 0, 1), abs=1e-7)


@pytest.mark.torch
def test_gradcam_and_guided_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    net, x = made(), RANDOM.normal(size=(2, 2, 6, 6))
    p = {k: torch.tensor(np.array(v)) for k, v in net.parameters.items()}
    f, t = torch.nn.functional, torch.tensor(x, requires_grad=True)

    class Guided(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(c: Any, z: Any) -> Any:
            c.save_for_backward(z)
            return z.clamp(min=0)

        @staticmethod
        def backward(c: Any, g: Any) -> Any:
            return g.clamp(min=0) * (c.saved_tensors[0] > 0)

    def forward(relu: Any) -> Any:
        def conv(z: Any, k: int) -> Any:
            return f.conv2d(z, p[f"conv{k}.weight"], p[f"conv{k}.bias"], padding=1)

        one = relu(conv(t, 1))
        maps = relu(one + conv(relu(conv(one, 2)), 3))
        z = relu(f.linear(f.max_pool2d(maps, 2).flatten(1), p["fc1.weight"], p["fc1.bias"]))
        return maps, f.linear(z, p["fc2.weight"], p["fc2.bias"])

    maps, out = forward(torch.relu)
    (slopes,) = torch.autograd.grad(out[:, 1].sum(), maps)
    want = torch.relu((slopes.mean((2, 3), keepdim=True) * maps).sum(1)).detach().numpy()
    assert look.gradcam(net, x, 1) == pytest.approx(want, abs=1e-13)
    (slopes,) = torch.autograd.grad(forward(Guided.apply)[1][:, 1].sum(), t)
    assert look.guided(net, x, 1) == pytest.approx(slopes.numpy(), abs=1e-13)


@pytest.mark.torch
def test_sizes_are_changed_as_pytorch_does() -> None:
    torch = pytest.importorskip("torch")
    x = RANDOM.normal(size=(1, 2, 9, 6))
    for size in ((5, 6), (18, 13), (3, 20), (9, 1)):
        want = torch.nn.functional.interpolate(torch.tensor(x), size, mode="bilinear", align_corners=False, antialias=True)
        assert resized(x, size) == pytest.approx(want.numpy(), abs=1e-12), size


def test_what_cannot_be_looked_at() -> None:
    net, x = made(), np.zeros((1, 2, 6, 6))
    flat, pair = made("net a:\n  input 4\n  fc 3\n"), made("net a:\n  input left 3\n  input right 3\n  @left -> mul @right -> fc 2\n")
    for error, call in (("class 3 is none of fc2.raw's", lambda: look.saliency(net, x, 3)),
                        ("class 9 is none", lambda: look.occlusion(net, x, 9)),
                        ("no class `cat`", lambda: look.gradcam(net, x, "cat")),
                        ("unit 4 is none of conv1's", lambda: look.exciting(net, x, "conv1", 4)),
                        ("did you mean `conv1`", lambda: look.exciting(net, x, "conv11", 0)),
                        ("did you mean `conv3`", lambda: look.gradcam(net, x, layer="conv33")),
                        ("fc1 has no places", lambda: look.gradcam(net, x, layer="fc1")),
                        ("has no convolution", lambda: look.gradcam(flat, np.zeros((1, 4)))),
                        ("no layer with filters", lambda: look.filters(made("net a:\n  input 4\n  relu\n"))),
                        ("has no filters", lambda: look.filters(net, "maxpool1")),
                        ("hides a part of a picture", lambda: look.occlusion(flat, np.zeros((1, 4)))),
                        ("square of 7 does not fit", lambda: look.occlusion(net, x, window=7)),
                        ("has 2 inputs", lambda: look.saliency(pair, {"left": np.zeros((1, 3)), "right": np.zeros((1, 3))})),
                        ("2 units are named for 1", lambda: look.saliency(net, x, [0, 1])),
                        ("wrong shape", lambda: look.saliency(net, x[0])),
                        ("of two examples or more", lambda: look.plane(np.zeros((1, 3)))),
                        ("no map by `pac`", lambda: look.plane(np.zeros((2, 3)), by="pac")),
                        ("of one F", lambda: look.nearest(np.zeros((1, 3)), np.zeros((1, 4)))),
                        ("begins with content", lambda: look.style(net, x[0], x[0], begin="start")),
                        ("are pictures", lambda: look.style(net, x[0], x[0, 0])),
                        ("size of the input input is open", lambda: look.maximise(
                            made("net a:\n  input 1x?x?\n  conv 2 3x3\n  avgpool global\n"), 0))):
        with pytest.raises(NetspecError) as e:
            call()
        assert error in str(e.value), (error, str(e.value))


def test_tiles_lie_where_their_numbers_say() -> None:
    tiles = [np.full((4, 6, 3), k, np.uint8) for k in range(3)]
    sheet = scattered(tiles, np.array([[0.0, 0.0], [2.0, 1.0], [1.0, 0.5]]), 100)
    assert sheet.shape == (7 + 43 + 7, 100, 4)  # as wide as is asked, and half as high between its margins
    for k, (y, x) in enumerate(((50, 7), (7, 93), (28, 50))):
        assert (sheet[y - 1:y + 1, x - 2:x + 2] == (k, k, k, 255)).all(), k


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_between_tiles_the_page_shows(theme: str) -> None:
    """A map of pictures, a grid of filters: on a dark page no white ground."""
    from io import BytesIO

    from PIL import Image

    from netspec.views.drawing.looks import THEMES, rgb
    from netspec.views.look.plate import Panel, Plate
    from netspec.views.look.sheet import sheet
    from netspec.views.pictures import grid

    laid = scattered([np.full((8, 8, 3), 200, np.uint8)] * 2, np.array([[0.0, 0.0], [1.0, 1.0]]), 64)
    tiles = grid([np.full((8, 8, 3), 200, np.uint8)] * 4, 2, gap=4)
    found = np.asarray(Image.open(BytesIO(sheet([Plate("a", "", ((Panel(laid), Panel(tiles)),))], THEMES[theme]))).convert("RGB"))
    colours, counts = np.unique(found.reshape(-1, 3), axis=0, return_counts=True)
    assert tuple(colours[counts.argmax()]) == rgb(THEMES[theme].page or "#ffffff")
    assert (200, 200, 200) in set(map(tuple, colours.tolist()))
    assert ((255, 255, 255) in set(map(tuple, colours.tolist()))) == (theme == "light")
