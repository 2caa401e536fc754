"""Somebody else's weights find their places in a net: by name, by order and shape, or not at all and with what to say."""

from __future__ import annotations

import contextlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

import netspec
from netspec import NetspecError, UsageError
from netspec.cli import main
from netspec.interchange.weights.aligning import align
from netspec.interchange.weights.units import Unit
from pytorch_files import archive, lay, row, tensor
from where import ROOT

PLAIN = """net a(classes=3):
  input 2x6x6
  conv 4 3x3 bn relu
  maxpool 2
  stage1:
    conv 5 3x3 bn relu
    conv 5 3x3
  fc classes
"""
SKIPS = """net a:
  input 4x4x4
  for n in [4, 4, 4]:
    residual:
      conv n 1x1 bn
      conv n 1x1 bn
    shortcut:
      conv n 1x1 bn
  fc 2
"""
RANDOM = np.random.default_rng(0)


def made(text: str, **options: Any) -> netspec.Network:
    return netspec.compile(text=text, device="reference", **options)


def weights(net: netspec.Network) -> dict[str, Any]:
    """Random numbers for every parameter and buffer."""
    return {p.name: RANDOM.uniform(0.5, 2, p.shape).astype("f4") for p in net.graph.parameters}


def foreign(net: netspec.Network, numbers: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The same under other names, in the order of `names`: a name of the net's layers, and the other."""
    roles = {"mean": "running_mean", "var": "running_var"}
    out: dict[str, Any] = {}
    for ours, theirs in names.items():
        for k, v in numbers.items():
            path, _, role = k.rpartition(".")
            if path == ours:
                out[f"{theirs}.{roles.get(role, role)}"] = tensor(v)
        if f"{theirs}.running_mean" in out:
            out[f"{theirs}.num_batches_tracked"] = tensor(np.array([7], "i8"))
    return out


def same(net: netspec.Network, numbers: dict[str, Any]) -> bool:
    held = {**net.parameters, **net.buffers}
    return all(np.array_equal(held[k], v) for k, v in numbers.items())


NAMES = {"conv1": "features.0", "conv1.bn": "features.1", "stage1.conv1": "features.4", "stage1.conv1.bn": "features.5",
         "stage1.conv2": "features.7",
         "fc1": "classifier.1"}


@pytest.mark.parametrize("form", [archive, row])
def test_by_order_kind_and_shape(form: Any, tmp_path: Path) -> None:
    """Whatever a module is called, whatever is put before its names, and in whatever way conv and bn take turns."""
    net = made(PLAIN)
    numbers = weights(net)
    for before in ("", "module.", "_orig_mod.module.", "model."):
        for names in (NAMES, {k: NAMES[k] for k in ("conv1", "stage1.conv1", "stage1.conv2", "conv1.bn", "stage1.conv1.bn",
                                                    "fc1")}):
            held = foreign(net, numbers, {k: before + v for k, v in names.items()})
            path = lay(form({"state_dict": held, "optimizer": {"state": {}}}), tmp_path / "m.pth")
            other = made(PLAIN)
            assert other.load_weights(str(path)) is other and same(other, numbers)
            assert "stage1.conv1     <- " in other.taken and "by order, kind and shape" in other.taken


def test_by_name_and_under_the_names_of_pytorch(tmp_path: Path) -> None:
    net = made(PLAIN)
    numbers = weights(net)
    net.set_parameters(numbers)
    np.savez(tmp_path / "m.npz", **dict(reversed(numbers.items())))
    net.save(str(tmp_path / "m.safetensors"))
    lay(archive(foreign(net, numbers, {k: f"net.{k}" for k in reversed(NAMES)})), tmp_path / "m.pth")
    for name in ("m.npz", "m.safetensors", "m.pth"):
        assert same(made(PLAIN).load_weights(str(tmp_path / name)), numbers)


def test_shortcuts_stand_before_or_behind_what_they_go_around(tmp_path: Path) -> None:
    """All shapes are alike, so that order alone would mix them up."""
    net = made(SKIPS)
    numbers = weights(net)
    parts = list(dict.fromkeys(n.rpartition(".")[0] for n in numbers))
    short = [p for p in parts if "shortcut" in p]
    assert len(short) == 6
    names: dict[str, str] = {}
    main_ = [p for p in parts if p not in short and p != "fc1"]
    for b in range(3):
        mine, theirs = short[2 * b : 2 * b + 2], main_[4 * b : 4 * b + 4]
        names |= {p: f"layer{b}.downsample.{k}" for k, p in enumerate(mine)}
        names |= {p: f"layer{b}.{'bn' if p.endswith('bn') else 'conv'}{k // 2 + 1}" for k, p in enumerate(theirs)}
    names["fc1"] = "fc"
    path = lay(archive(foreign(net, numbers, names)), tmp_path / "m.pth")
    assert same(made(SKIPS).load_weights(str(path)), numbers)


TWICE = "net a:\n  input 2x4x4\n  conv 2 3x3\n  conv 2 3x3\n  conv 2 3x3\n  fc 2\n"


def test_where_two_could_be_meant_it_is_asked(tmp_path: Path) -> None:
    net = made(TWICE)
    numbers = weights(net)
    path = str(lay(archive(foreign(net, numbers, {"conv1": "a.0", "conv3": "a.1", "fc1": "head"})), tmp_path / "m.pth"))
    before = {k: np.array(v) for k, v in net.parameters.items()}
    with pytest.raises(NetspecError, match="does not fit"):
        net.load_weights(path)
    with pytest.raises(NetspecError, match="two layers of") as e:
        net.load_weights(path, strict=False)
    assert '--rename "a.0=conv' in str(e.value) and same(net, before)
    net.load_weights(path, strict=False, rename=["a.0=conv1", "a.1=conv3"])
    assert all(np.array_equal(net.parameters[k], numbers[k]) for k in numbers if not k.startswith("conv2"))
    assert np.array_equal(net.parameters["conv2.weight"], before["conv2.weight"]) and "conv2  <- nothing" in net.taken
    full = str(lay(archive(foreign(net, numbers, {"conv2": "x.2", "conv1": "x.1", "conv3": "x.3", "fc1": "head"})),
                   tmp_path / "f.pth"))
    assert same(made(TWICE).load_weights(full, rename={"x.*": "conv*"}), numbers)
    for rename, said in ((["x.1"], "FROM=TO"), (["x=conv*"], "star"), (["y.*=conv*"], "means nothing"), (["x.*=com*"],
                                                                                                         "the net has no com"),
                         (["x.*=conv1"], "gives conv1"), (["head=conv1"], "cannot be conv1")):
        with pytest.raises(NetspecError, match=said):
            made(TWICE).load_weights(full, rename=rename)
    with pytest.raises(UsageError):
        made(TWICE).load_weights(full, rename=["a"])


def test_a_trunk_under_another_head(tmp_path: Path) -> None:
    net = made(PLAIN)
    numbers = weights(net)
    path = str(lay(archive(foreign(net, numbers, NAMES)), tmp_path / "m.pth"))
    other = made(PLAIN, classes=7)
    with pytest.raises(NetspecError, match="does not fit"):
        other.load_weights(path)
    other.load_weights(path, strict=False)
    assert same(other, {k: v for k, v in numbers.items() if not k.startswith("fc1")})
    assert "fc1  <- nothing" in other.taken and "left in the file: classifier.1" in other.taken
    part = "net b:\n  input 2x6x6\n  frozen: a upto stage1 weights=\"m.pth\"\n  fc 9\n"
    text = PLAIN.replace("(classes=3)", "").replace("classes", "3") + part
    (tmp_path / "b.net").write_text(text)
    trunk = netspec.compile(tmp_path / "b.net", "b", device="reference")
    held = {**trunk.parameters, **trunk.buffers}
    for k, v in numbers.items():
        assert k.startswith("fc1") or any(name.endswith(k) and np.array_equal(held[name], v) for name in held), k


TRUNK = 'net b:\n  input 2x6x6\n  frozen: a upto stage1 weights="m.pth"\n  fc 9\n'


def test_a_call_names_a_part_of_a_file_and_check_says_what_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    net = made(PLAIN)
    numbers = weights(net)
    twice = {name: {"head": 0, **{k: tensor(v + by) for k, v in numbers.items()}} for name, by in (("state_dict", 0), ("ema", 1))}
    Path("m.pth").write_bytes(archive({**twice, "epoch": 3}))
    text = PLAIN.replace("(classes=3)", "").replace("classes", "3")

    def checked(trunk: str) -> tuple[int, str]:
        Path("b.net").write_text(text + trunk)
        return main(["check", "b.net"]), capsys.readouterr().err

    code, said = checked(TRUNK)
    assert code == 1 and "does not say which weights are meant" in said and 'hint: part="ema"' in said and "b.net:11:" in said
    for name, by in (("state_dict", 0), ("ema", 1)):
        assert checked(TRUNK.replace('"m.pth"', f'"m.pth" part="{name}"')) == (0, "")
        trunk = netspec.compile("b.net", "b", device="reference")
        np.testing.assert_array_equal(trunk.parameters["a1.conv1.weight"], numbers["conv1.weight"] + by)
    code, said = checked(TRUNK.replace('"m.pth"', '"m.pth" part="nothing"'))
    assert code == 1 and "nothing" in said and "b.net:11:" in said
    code, said = checked(TRUNK.replace('"m.pth"', '"m.pth" part=3'))
    assert code == 1 and "part is the key of the weights in the file" in said
    other = "net c:\n  input 2x6x6\n  stage1: conv 8 5x5\n  fc 3\n\nnet b"
    code, said = checked(TRUNK.replace("a upto", "c upto").replace("net b", other)
                         .replace('"m.pth"', '"m.pth" part="ema"'))
    assert code == 1 and "the net has more: stage1" in said and "\n1 error;" in said
    Path("m.pth").write_bytes(b"PK\x03\x04 and no archive")
    assert checked(TRUNK)[0] == 1
    Path("m.pth").unlink()
    assert checked(TRUNK)[0] == 0, "one that is not there is a note"


def test_what_differs_in_form_is_carried(tmp_path: Path) -> None:
    """A bias before a normalisation, a layer that was written as a convolution, another epsilon: the outputs are the same."""
    net = made("net a:\n  input 2x4x4\n  conv 3 3x3 bn relu\n  fc 5\n", dtype="float64")
    numbers = weights(net)
    x = RANDOM.standard_normal((2, 2, 4, 4))
    net.set_parameters(numbers)
    y = net.predict(x)
    bias = RANDOM.standard_normal(3).astype("f4")
    held = {"c.weight": tensor(numbers["conv1.weight"]), "c.bias": tensor(bias), "n.weight": tensor(numbers["conv1.bn.weight"]),
            "n.bias": tensor(numbers["conv1.bn.bias"]), "n.running_mean": tensor(numbers["conv1.bn.mean"] + bias),
            "n.running_var": tensor(numbers["conv1.bn.var"]), "h.weight": tensor(numbers["fc1.weight"].reshape(5, 3, 4, 4)),
            "h.bias": tensor(numbers["fc1.bias"])}
    other = made("net a:\n  input 2x4x4\n  conv 3 3x3 bn relu\n  fc 5\n", dtype="float64").load_weights(
        str(lay(archive(held), tmp_path / "m.pth")))
    assert np.allclose(other.predict(x), y, rtol=1e-6) and "less c.bias" in other.taken and "5x3x4x4 as 5x48" in other.taken
    with pytest.raises(NetspecError, match="nor a normalisation"):
        made("net a:\n  input 2x4x4\n  conv 3 3x3 bias=no relu\n  bn\n  fc 5\n").load_weights(str(tmp_path / "m.pth"))


def test_a_normalisation_that_was_folded(tmp_path: Path) -> None:
    """Its layer has the numbers, and the normalisation changes nothing; one that is not behind a layer cannot have been."""
    net = made("net a:\n  input 2x4x4\n  conv 3 3x3 bn relu\n  conv 4 3x3 bias=yes bn\n  fc 5\n", dtype="float64")
    plain = made("net a:\n  input 2x4x4\n  conv 3 3x3 relu\n  conv 4 3x3\n  fc 5\n", dtype="float64")
    numbers = weights(plain)
    plain.set_parameters(numbers)
    path = str(lay(archive({k: tensor(v) for k, v in numbers.items()}), tmp_path / "m.pth"))
    x = RANDOM.standard_normal((2, 2, 4, 4))
    assert np.allclose(net.load_weights(path).predict(x), plain.predict(x), rtol=1e-6)
    assert "conv1.bn  <- nothing: the file has it folded into the layer before it" in net.taken
    with pytest.raises(NetspecError, match="not right behind"):
        made("net a:\n  input 2x4x4\n  bn -> conv 3 3x3 relu\n  conv 4 3x3\n  fc 5\n").load_weights(path)


def test_weights_of_keras(tmp_path: Path) -> None:
    """Axes, roles, columns of a flattened picture, and epsilon: what Keras computes is computed."""
    h5py = pytest.importorskip("h5py")
    text = "net a:\n  input 2x4x6\n  conv 3 3x3 bn\n  conv 3 3x3 groups=3\n  flatten\n  fc 5\n"
    net = made(text, dtype="float64")
    numbers = weights(net)
    x = RANDOM.standard_normal((2, 2, 4, 6))
    net.set_parameters(numbers | {"conv1.bn.var": numbers["conv1.bn.var"] + (1e-3 - 1e-5)})
    y = net.predict(x)
    arrays = {"conv2d/kernel:0": numbers["conv1.weight"].transpose(2, 3, 1, 0), "conv2d/bias:0": np.zeros(3, "f4"),
              "batch_normalization/gamma:0": numbers["conv1.bn.weight"], "batch_normalization/beta:0": numbers["conv1.bn.bias"],
              "batch_normalization/moving_mean:0": numbers["conv1.bn.mean"],
              "batch_normalization/moving_variance:0": numbers["conv1.bn.var"],
              "depthwise_conv2d/depthwise_kernel:0": numbers["conv2.weight"].transpose(2, 3, 0, 1),
              "depthwise_conv2d/bias:0": numbers["conv2.bias"],
              "dense/kernel:0": numbers["fc1.weight"].reshape(5, 3, 4, 6).transpose(2, 3, 1, 0).reshape(-1, 5),
              "dense/bias:0": numbers["fc1.bias"]}
    layers = list(dict.fromkeys(k.split("/")[0] for k in arrays))
    with h5py.File(tmp_path / "m.h5", "w") as f:
        f.attrs["layer_names"] = layers
        for layer in layers:
            f.create_group(layer).attrs["weight_names"] = [k for k in arrays if k.startswith(layer + "/")]
        for k, v in arrays.items():
            f[f"{k.split('/')[0]}/{k}"] = v
    with h5py.File(tmp_path / "m.weights.h5", "w") as f:
        for layer in layers:
            for k, v in enumerate([v for n, v in arrays.items() if n.startswith(layer + "/")]):
                f[f"layers/{layer}/vars/{k}"] = v
            f[f"layers/{layer}/vars"].attrs["name"] = f"own_{layer}"
    for name in ("m.h5", "m.weights.h5"):
        other = made(text, dtype="float64").load_weights(str(tmp_path / name))
        assert np.allclose(other.predict(x), y, rtol=1e-6), name
        assert "columns from 4x6x3 to 3x4x6" in other.taken and "epsilon 0.001 there" in other.taken
        assert ("<- own_conv2d" in other.taken) == (name == "m.weights.h5")
    whole = (tmp_path / "m.weights.h5").read_bytes()
    for k in range(60):
        data = bytearray(whole)
        for _ in range(3):
            data[RANDOM.integers(8, len(data))] = RANDOM.integers(256)
        (tmp_path / "d.h5").write_bytes(bytes(data[: RANDOM.integers(8, len(data))] if k % 3 == 0 else data))
        with contextlib.suppress(NetspecError):
            made(text).load_weights(str(tmp_path / "d.h5"))
    with h5py.File(tmp_path / "m.h5", "a") as f:
        del f["dense/dense/kernel:0"]
        f["dense/dense/kernel:0"] = h5py.ExternalLink("m.weights.h5", "layers/dense/vars/0")
    with pytest.raises(NetspecError, match="holds none"):
        made(text).load_weights(str(tmp_path / "m.h5"))


def test_layers_of_keras_3(tmp_path: Path) -> None:
    """Every kernel is called `kernel`, what has no name is counted, a model stands in a model, and one that normalises its
    pixels itself is told about it."""
    h5py = pytest.importorskip("h5py")
    text = "net a:\n  input 3x4x4\n  conv 3 3x3 groups=3 -> scale\n  conv 3 1x1 -> scale\n  conv 3 3x3 groups=3\n  fc 5\n"
    net = made(text, dtype="float64")
    numbers = weights(net)
    net.set_parameters(numbers)
    x = RANDOM.standard_normal((2, 3, 4, 4))
    def parts(name: str, ours: str, axes: tuple[int, ...]) -> dict[str, Any]:
        return {f"{name}/kernel": numbers[f"{ours}.weight"].transpose(axes), f"{name}/bias": numbers[f"{ours}.bias"]}

    columns = numbers["fc1.weight"].reshape(5, 3, 4, 4).transpose(2, 3, 1, 0).reshape(-1, 5)
    rows = {"normalization": {"normalization/mean": np.zeros(3), "normalization/variance": np.ones(3)},
            "block1a_dwconv": parts("block1a_dwconv", "conv1", (2, 3, 0, 1)),
            "a_scale": {"a_scale/variable": numbers["scale1.weight"]},
            "point": parts("point", "conv2", (2, 3, 1, 0)), "b_scale": {"b_scale/variable_1": numbers["scale2.weight"]},
            "block1a_dwconv2": parts("block1a_dwconv2", "conv3", (2, 3, 0, 1)),
            "dense": {"dense/kernel": columns, "dense/bias": numbers["fc1.bias"]}}
    classes = ["Normalization", "DepthwiseConv2D", "LayerScale", "Conv2D", "LayerScale", "DepthwiseConv2D", "Dense"]
    described = [{"class_name": c, "config": {"name": n}} for c, n in zip(classes, rows)]
    with h5py.File(tmp_path / "m.h5", "w") as f:
        f.attrs["layer_names"] = list(rows)
        for layer, arrays in rows.items():
            f.create_group(layer).attrs["weight_names"] = list(arrays)
            for k, v in arrays.items():
                f[f"{layer}/{k}"] = v
    inner = {"class_name": "Sequential", "config": {"name": "inside", "layers": described[3:5]}}  # alphabetical order is another
    model = {"class_name": "Functional", "config": {"layers": [*described[:3], inner, *described[5:]]}}
    places = ["normalization", "depthwise_conv2d", "layer_scale", "sequential/layers/conv2d", "sequential/layers/layer_scale",
              "depthwise_conv2d_1", "dense"]
    with h5py.File(tmp_path / "model.weights.h5", "w") as f:
        for place, arrays in zip(places, rows.values()):
            for k, v in enumerate([*arrays.values()] + [np.int64(0)] * (place == "normalization")):
                f[f"layers/{place}/vars/{k}"] = v
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as z:
        z.write(tmp_path / "model.weights.h5", "model.weights.h5")
        z.writestr("config.json", json.dumps(model))
    for name in ("m.h5", "m.keras"):
        other = made(text, dtype="float64").load_weights(str(tmp_path / name))
        assert np.allclose(other.predict(x), net.predict(x), rtol=1e-6), name
        assert "take pixels from 0 to 255" in other.taken and "<- block1a_dwconv2" in other.taken, name


def test_weights_of_onnx(tmp_path: Path) -> None:
    """What netspec itself writes as ONNX gives its weights back, and matrices that lie the other way round are turned."""
    onnx = pytest.importorskip("onnx")
    net = made(PLAIN)
    numbers = weights(net)
    w, b = np.float32(numbers["fc1.weight"]), np.float32(numbers["fc1.bias"])
    make, of = onnx.helper.make_node, onnx.numpy_helper.from_array
    nodes, tensors = [], [of(w.T, "dense_W"), of(b, "dense_B")]
    for k, (conv, bn) in enumerate((("conv1", "conv1.bn"), ("stage1.conv1", "stage1.conv1.bn"), ("stage1.conv2", ""))):
        tensors += [of(numbers[f"{conv}.weight"], f"c{k}.weight")]
        tensors += [of(numbers[f"{conv}.bias"], f"c{k}.bias")] if f"{conv}.bias" in numbers else []
        nodes.append(make("Conv", ["x", f"c{k}.weight", *([f"c{k}.bias"] if f"{conv}.bias" in numbers else [])], ["x"]))
        if bn:
            roles = ("weight", "bias", "mean", "var")
            tensors += [of(numbers[f"{bn}.{role}"], f"n{k}.{role}") for role in roles]
            nodes.append(make("BatchNormalization", ["x", *(f"n{k}.{role}" for role in roles)], ["x"]))
    nodes += [make("MatMul", ["x", "dense_W"], ["y"]), make("Add", ["y", "dense_B"], ["z"])]
    graph = onnx.helper.make_graph(nodes, "g", [], [], tensors)
    (tmp_path / "m.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    assert same(made(PLAIN).load_weights(str(tmp_path / "m.onnx")), numbers)
    onnx.save(onnx.load(tmp_path / "m.onnx"), tmp_path / "e.onnx", save_as_external_data=True, location="e.bin", size_threshold=8)
    assert (tmp_path / "e.bin").exists() and same(made(PLAIN).load_weights(str(tmp_path / "e.onnx")), numbers)
    (tmp_path / "below").mkdir()
    (tmp_path / "e.onnx").rename(tmp_path / "below/e.onnx")
    (tmp_path / "below/e.bin").symlink_to(tmp_path / "e.bin")
    with pytest.raises(NetspecError, match="conv1"):
        made(PLAIN).load_weights(str(tmp_path / "below/e.onnx"))
    for k in range(40):
        data = bytearray((tmp_path / "m.onnx").read_bytes())
        data[RANDOM.integers(8, len(data))] = RANDOM.integers(256)
        (tmp_path / "d.onnx").write_bytes(bytes(data[: RANDOM.integers(1, len(data))] if k % 2 else data))
        with contextlib.suppress(NetspecError):
            made(PLAIN).load_weights(str(tmp_path / "d.onnx"))


def test_an_alignment_is_sure_only_where_there_is_one() -> None:
    def units(*widths: int) -> list[Unit]:
        return [Unit(str(k), {"weight": "w"}, {"weight": (n, 1)}) for k, n in enumerate(widths)]

    for have, want, pairs, sure in (((1, 2, 3), (1, 2, 3), 3, True), ((1, 1, 2), (1, 2), 2, False), ((1, 2, 9, 3), (1, 2, 3), 3,
                                                                                                     True),
                                    ((1, 2), (2, 1), 1, False), ((5, 1, 5, 1), (5, 1), 2, False), ((1, 1), (1, 1), 2,
                                                                                                   True), ((4,), (5,), 0, True)):
        found = align(units(*have), units(*want))
        assert (len(found.pairs), found.doubt is None) == (pairs, sure)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.net").write_text(PLAIN)
    net = made(PLAIN)
    numbers = weights(net)
    lay(archive(foreign(net, numbers, NAMES)), tmp_path / "m.pth")
    assert main(["weights", "m.pth", "--net", "a.net", "-o", "out.safetensors"]) == 0
    said = capsys.readouterr().out
    assert "conv1.bn" in said and "features.1" in said and "6 of 6 layers" in said and "wrote out.safetensors" in said
    assert same(made(PLAIN).load_weights("out.safetensors"), numbers) and same(netspec.load("out.safetensors",
                                                                                            device="reference"), numbers)
    assert main(["weights", "m.pth", "--net", "a.net", "--set", "classes=9", "-o", "b.safetensors"]) == 1
    assert "--partial" in capsys.readouterr().err and not Path("b.safetensors").exists()
    assert main(["weights", "m.pth", "--net", "a.net", "--set", "classes=9", "--partial", "--rename", "features.0=conv1",
                 "-o", "b.safetensors"]) == 0
    assert main(["weights", "m.pth", "--net", "a.net", "-o", "b.pth"]) == 2
    assert main(["weights", "none.pth", "--net", "a.net", "-o", "b.safetensors"]) == 1
    assert main(["weights", "a.net", "--net", "a.net", "-o", "b.safetensors"]) == 1


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [text] = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "weights.md").read_text(), re.MULTILINE | re.DOTALL)
    held: dict[str, Any] = {}
    exec(compile(text.replace('text="net a', 'device="reference", text="net a'), "weights.md", "exec"), held)
    net, theirs = held["net"], held["theirs"]
    assert np.array_equal(net.parameters["trunk.weight"], theirs["features.0.weight"])
    assert "trunk  <- features.0" in net.taken and "fc1  <- nothing" in net.taken and "left in the file: head" in net.taken


def test_frozen_parts_stay(tmp_path: Path) -> None:
    """What is frozen does not move, its statistics neither, and the rest trains; frozen and unfrozen forms take each other's
    weights."""
    text = PLAIN + "train a:\n  loss cross_entropy\n  adam lr=0.1\n"
    x, y = RANDOM.standard_normal((5, 2, 6, 6)), np.arange(5) % 3
    net = made(text)
    for parts, moves in ((("stage1",), lambda k: not k.startswith("stage1.")), (("conv1.weight",), lambda k: k != "conv1.weight"),
                         (("conv1", "fc1"), lambda k: k.startswith("stage1."))):
        net.unfreeze().freeze(*parts)
        before = {k: np.array(v) for k, v in {**net.parameters, **net.buffers}.items()}
        step = net.step
        net.train_step(x, y)
        assert net.step == step + 1
        moved = {k for k, v in {**net.parameters, **net.buffers}.items() if not np.array_equal(v, before[k])}
        assert moved == {k for k in before if moves(k)}, parts
    file = str(tmp_path / "c.safetensors")
    net.save(file)
    held = {**net.parameters, **net.buffers}
    for other in (made(text), made(text.replace("  stage1:\n", "  frozen: stage1:\n")), made(text).freeze("stage1")):
        assert same(other.load_weights(file), held)
    with pytest.raises(NetspecError, match="did you mean stage1"):
        net.freeze("stage2")


@pytest.mark.parametrize(("order", "axes"), [("whc", (0, 3, 2, 1)), ("hwc", (0, 2, 3, 1)), ("cwh", (0, 1, 3, 2)), ("chw", (0, 1, 2, 3))])
def test_a_picture_that_was_laid_flat_in_another_order(tmp_path: Path, order: str, axes: tuple[int, ...]) -> None:
    """The fully connected layer gives for a picture what it gave for the same numbers in their order."""
    text = "net a:\n  input 3x4x5\n  fc 2\n"
    weight, x = RANDOM.standard_normal((2, 60)).astype("f4"), RANDOM.standard_normal((6, 3, 4, 5)).astype("f4")
    np.savez(tmp_path / "a.npz", **{"head.weight": weight, "head.bias": np.zeros(2, "f4")})
    net = made(text).load_weights(str(tmp_path / "a.npz"), flatten=order)
    np.testing.assert_allclose(net.predict(x), x.transpose(axes).reshape(6, -1) @ weight.T, rtol=1e-5, atol=1e-5)
    with pytest.raises(NetspecError, match="no order of these"):
        net.load_weights(str(tmp_path / "a.npz"), flatten="hw")
    with pytest.raises(NetspecError, match="no order of axes"):
        net.load_weights(str(tmp_path / "a.npz"), flatten="xyz")


def test_a_head_of_another_size_is_what_is_said_to_be_so(tmp_path: Path) -> None:
    """Every other layer has its name, in whatever order the file holds them."""
    text = "net a(n=3):\n  input 2x6x6\n  z: conv 4 3x3\n  a: conv 4 3x3\n  fc n\n"
    theirs = weights(made(text))
    np.savez(tmp_path / "a.npz", **dict(sorted(theirs.items())))
    with pytest.raises(NetspecError) as e:
        made(text, n=5).load_weights(str(tmp_path / "a.npz"))
    said = str(e.value)
    assert "2 of 3 layers of the net are found in the file, by name" in said and "fc1 is of another size there" in said
    assert "z (kernel" not in said and "--rename" not in said


def test_names_say_what_comes_first_and_last(tmp_path: Path) -> None:
    """Where the alphabet has lost the order, and no number says it."""
    numbers = weights(made(PLAIN))
    for stem, head in (("stem", "head"), ("conv_stem", "fc"), ("first_conv", "cls_head"), ("in_conv", "logits"), ("entry", "final")):
        ours = {"conv1": f"{stem}.0", "conv1.bn": f"{stem}.1", "stage1.conv1": "middle.0", "stage1.conv1.bn": "middle.1",
                "stage1.conv2": "middle.3", "fc1": head}
        theirs = foreign(made(PLAIN), numbers, ours)
        lay(save({k: v.row.reshape(v.shape) for k, v in theirs.items()}), tmp_path / "m.safetensors")
        assert same(made(PLAIN).load_weights(str(tmp_path / "m.safetensors")), numbers), stem


def test_what_holds_no_weights_is_named(tmp_path: Path) -> None:
    net = made("net a:\n  input 2x6x6\n  conv 4 3x3\n")
    (tmp_path / "a.safetensors").write_bytes(save({"conv1.weight": np.zeros((4, 2, 3, 3), np.int8), "c2.bias": np.zeros(8, np.float32)}))
    np.savez(tmp_path / "b.npz", a=np.array([{}], object))
    for file, said in (("a.safetensors", "conv1.weight holds I8"), ("b.npz", "a holds object")):
        with pytest.raises(NetspecError, match=said):
            net.load_weights(tmp_path / file)
    (tmp_path / "c.safetensors").write_bytes(save({"c2.bias": np.zeros(8, np.float32)}))
    with pytest.raises(NetspecError, match=r"(?s)no layer in common.*c2 \(bias 8\).*--rename"):
        net.load_weights(tmp_path / "c.safetensors")


def test_numbers_of_a_preparation_that_the_text_gives_are_in_no_file(tmp_path: Path) -> None:
    """They stay as they are said; of a file that has them, as one that netspec wrote, they are taken."""
    plain = netspec.compile(text=PLAIN, device="reference", seed=1)
    text = PLAIN + "train a:\n  prepare standardise mean=[0.5, 0.25] std=[2, 4]\n  loss cross_entropy\n  sgd lr=0.1\n"
    net = netspec.compile(text=text, device="reference", seed=2)
    held = {k: np.array(v) for k, v in {**plain.parameters, **plain.buffers}.items()}
    np.savez(tmp_path / "plain.npz", **held)
    net.load_weights(str(tmp_path / "plain.npz"))
    assert net.buffers["prepare1.mean"].tolist() == [0.5, 0.25]
    x = np.random.default_rng(0).random((2, 2, 6, 6))
    prepared = (x - np.array([0.5, 0.25])[:, None, None]) / np.array([2, 4])[:, None, None]
    assert net.predict(x) == pytest.approx(plain.predict(prepared), abs=1e-5)
    np.savez(tmp_path / "own.npz", **{k: np.array(v) for k, v in {**net.parameters, **net.buffers}.items()})
    assert "prepare1" in net.load_weights(str(tmp_path / "own.npz")).taken
