"""Receptive fields against published and measured ones, and against what gradients really touch."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from test_random_nets import NETS, text_of
from test_references import CASES, counts, entries

import netspec
from netspec.views.numbers.receptive import Field, reaches_of, receptive_fields
from sweeps import one_of_each, the_first
from where import REFERENCES, ROOT

HERE = REFERENCES
RANDOM = [name for name, facts in NETS.items() if "rf_last_axis" in facts]
MEASURED = json.loads((HERE / "receptive_field_measured.json").read_text(encoding="utf-8"))
TABLE = {(r["cnn"], r["end_point"].rsplit("/", 1)[-1]): r
         for r in json.loads((HERE / "receptive_field_table.json").read_text(encoding="utf-8"))["rows"]
         if r["resolution"] in (None, 224)}
NODES = {  # of specs/: the node that a published number is of
    "lenet5_c5": ("lenet", "lenet5", "conv3"), "zfnet_pool5": ("zfnet", "zfnet", "maxpool3"),
    "alexnet_conv5": ("alexnet", "alexnet", "conv5"),
    "alexnet_pool5": ("alexnet", "alexnet", "maxpool3"), "vgg16_conv5_3": ("vgg", "vgg16", "stage5.conv3"),
    "vgg16_pool5": ("vgg", "vgg16", "stage5.maxpool1"),
    "vgg19_pool5": ("vgg", "vgg19", "stage5.maxpool1"), "resnet18": ("resnet", "resnet18", "stage4.basic2.relu1"),
    "resnet34": ("resnet", "resnet34", "stage4.basic3.relu1"),
    "cifar_resnet20": ("resnet_cifar", "resnet20", "unit9.relu1"), "cifar_resnet56": ("resnet_cifar", "resnet56", "unit27.relu1"),
    "cifar_resnet110": ("resnet_cifar", "resnet110", "unit54.relu1"), "mdnet_conv3": ("mdnet", "mdnet", "conv3"),
    "twopath_full": ("twopath", "two_path", "conv1"), "voxnet_pool2": ("voxnet", "voxnet", "maxpool1")}
PUBLISHED = {
    ("vgg_a", "conv5_2"): ("vgg", "vgg11", "stage5.conv2"), ("vgg_a", "pool5"): ("vgg", "vgg11", "stage5.maxpool1"),
    ("vgg_16", "conv5_1"): ("vgg", "vgg16", "stage5.conv1"),
    ("vgg_16", "pool5"): ("vgg", "vgg16", "stage5.maxpool1"), ("alexnet_v2", "conv5"): ("alexnet", "alexnet", "conv5"),
    ("alexnet_v2", "pool5"): ("alexnet", "alexnet", "maxpool3"),
    ("inception_v3", "Mixed_7c"): ("inception_v3", "inception_v3", "C2.concat1")}


def fields(file: str, net: str, node: str) -> tuple[Field, ...]:
    spec = netspec.load_graph(ROOT / "specs" / f"{file}.net", net)
    return receptive_fields(spec.graph)[node][spec.graph.inputs[0].name]


@pytest.mark.parametrize("name", RANDOM)
def test_random_networks(name: str) -> None:
    facts = NETS[name]
    graph = netspec.load_graph(text=text_of(facts)).graph
    flat = next((k for k, n in enumerate(graph) if getattr(n.op, "name", "") in ("fc", "flatten")
                 or getattr(n.op, "whole", False)), len(graph.nodes))
    f = receptive_fields(graph)[graph.nodes[flat - 1].name]["input"][-1]
    assert (f.size, f.stride, f.start) == (facts["rf_last_axis"], facts["stride_last_axis"], facts["start_last_axis"])


@pytest.mark.parametrize("name", NODES)
def test_measured_ones(name: str) -> None:
    f = fields(*NODES[name])[-1]
    assert f.size == MEASURED[name]["rf_max"]
    if f.stride and name not in ("alexnet_conv5", "alexnet_pool5"):  # measured with other padding
        for unit in MEASURED[name]["units"]:
            assert f.start + unit["index"] * f.stride == unit["first"]


@pytest.mark.parametrize("key", PUBLISHED, ids=" ".join)
def test_published_ones(key: tuple[str, str]) -> None:
    f, want = fields(*PUBLISHED[key])[-1], TABLE[key]
    assert (f.size, f.stride, -f.start) == (want["rf"], want["effective_stride"], want["effective_padding"])


@pytest.mark.parametrize(("net", "parameters", "entry"),
                         one_of_each([c for c in CASES if (entries()[c.values[2]].get("rf_final_spatial_map") or {}).get("rf")],
                                     lambda net, parameters, entry: net.partition(":")[0]))
def test_reference_architectures(net: str, parameters: dict[str, Any], entry: str) -> None:
    """Of the last map before everything is pooled: the last value of its shape."""
    want, graph = entries()[entry]["rf_final_spatial_map"], counts(net, parameters, entry).graph
    shape = tuple(want["shape"] if "shape" in want else want["out"])
    node = [n.name for n in graph if n.type.shape == shape][-1]
    f = receptive_fields(graph)[node][graph.inputs[0].name][-1]
    assert (f.size, f.start) == (want["rf"], want["start_of_output0" if "start_of_output0" in want else "start"])
    if "shuffle" not in want.get("op", ""):  # which spreads a place over several
        assert f.stride == want["stride"]


TEXTS = {
    "strides": "conv 2 3 /2 -> conv 2 4 /2 pad=1 -> conv 1 2 dilation=2 pad=[(1, 2)]",
    "up": "conv 2 3 /2 -> up 2 -> conv 1 3",
    "uneven up": "conv 2 3 /3 valid -> up 3 -> conv 1 2 pad=0",
    "bilinear": "conv 2 3 /2 -> up 2 bilinear -> conv 1 1",
    "deconv": "conv 2 3 /2 -> deconv 2 4 /2 pad=1 -> conv 1 3",
    "u-net": "a: conv 2 3\n  conv 2 2 /2\n  conv 2 3\n  deconv 2 2 /2\n  concat @a\n  conv 1 3",
    "branches": "concat:\n    | conv 1 1\n    | conv 1 5 dilation=2\n    | avgpool 3 /1 pad=1\n  avgpool 2",
    "crop": "a: conv 2 3\n  b: conv 2 4 valid\n  @a -> crop @b\n  conv 1 1",
    "reflect": "pad 2 reflect -> conv 1 3 /2 valid",
    "whole": "conv 2 3 valid -> avgpool global -> conv 1 1",
    "gate": "a: conv 2 3\n  avgpool global -> sigmoid -> up @a\n  mul @a",
    "after a gate": "a: conv 2 3\n  avgpool global -> sigmoid -> up @a\n  mul @a\n  conv 2 5 /2 -> conv 1 3",
    "norm": "conv 4 3 -> instance_norm -> conv 1 3"}
LENGTH = 24


@pytest.mark.parametrize("kind", the_first(6, TEXTS))
def test_gradients_touch_just_that(kind: str) -> None:
    """Over positive weights nothing cancels: the gradient of each place begins and ends where its reach does. What lies in
    the padding of some layer is not there, so near the border less is touched."""
    net = netspec.compile(text=f"net a:\n  input 1x{LENGTH}\n  {TEXTS[kind]}\n", device="reference", seed=1)
    net.set_parameters({k: abs(v) + 0.1 for k, v in net.parameters.items()})
    value = net.graph.outputs[0][1]
    reach = reaches_of(net.graph)[value]["input", 0]
    y = net.forward(1 + np.random.default_rng(0).random((1, 1, LENGTH)), mode="eval")
    inside = 0
    for place in range(y.shape[2]):
        dy = np.zeros(y.shape)
        dy[0, :, place] = 1
        touched = np.flatnonzero(net.backward(dy, mode="eval")["input"][0, 0])
        first, last = reach.at(place) or (0, 0)
        if kind == "reflect" and (first < 0 or last >= LENGTH):
            continue  # which reads what it mirrors
        assert first <= touched[0]
        assert touched[-1] <= last
        if first > 0 and last < LENGTH - 1:
            assert (touched[0], touched[-1]) == (first, last)
            inside += 1
    assert inside or reach.stride == 0 or reach.shared


def test_more_ways_see_no_less() -> None:
    """A gate that looks at the whole picture takes nothing from what convolutions around it see."""
    body = "  conv 4 3x3\n  repeat 6 as k:\n    conv 4 5x5\n"
    gate = "    x[k]: skip\n    avgpool global -> sigmoid -> up @x[k]\n    mul @x[k]\n"
    plain, gated = (netspec.load_graph(text=f"net a:\n  input 1x16x16\n{body}{g}").graph for g in ("", gate))
    last = [g.outputs[0][1] for g in (plain, gated)]
    one, other = (reaches_of(g)[v]["input", 0] for g, v in zip((plain, gated), last))
    assert one.field == Field(27, Fraction(1), -13)
    assert other.field.size >= 27 and other.field.stride == 0
    for place in range(16):
        (a, b), (c, d) = one.at(place) or (0, 0), other.at(place) or (1, 0)
        assert c <= a and b <= d and c <= 0 and d >= 15


def test_the_summary_tells_them() -> None:
    spec = netspec.load_graph(text="net a:\n  input 3x9x9\n  conv 4 3x5 /2x1\n  fc 2\n")
    table = str(spec.summary(receptive_field=True))
    assert "receptive field" in table
    assert "3x5 /2x1 @-1x-2" in table
    node = spec.summary(receptive_field=True).data()["nodes"][1]
    assert node["receptive_field"] == {"input": {"size": [3, 5], "stride": [2, 1], "start": [-1, -2]}}
    assert "receptive_field" not in spec.summary().data()["nodes"][1]
    with pytest.raises(netspec.NetspecError, match="size of the input"):
        netspec.load_graph(text="net a:\n  input 3x?x?\n  conv 4 3x3\n").summary(receptive_field=True)
