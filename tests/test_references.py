"""Parameters, multiply-accumulates and shapes of published networks, against numbers that are none of ours.

`references/architectures.json` holds counts of the networks as other frameworks build them, and
`architecture_layers.json` the same layer by layer.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.views.counts import Counts

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = ROOT / "tests" / "references"

# net of ours, its parameters, and the entry that is the same network
SAME: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("alexnet:alexnet", {}, "bvlc_alexnet"),
    ("densenet:densenet121", {}, "tv_densenet121"),
    ("densenet:densenet201", {}, "tv_densenet201"),
    ("inception_v3:inception_v3", {}, "tv_inception_v3"),
    ("lenet:lenet5", {}, "lenet5_modern_dense_c3"),
    ("mdnet:mdnet", {}, "mdnet_K5"),
    ("mdnet:mdnet", {"domains": 1}, "mdnet_K1"),
    ("preact:preact", {}, "cifar_preresnet110"),
    ("preact:preact", {"times": 2, "widen": 4}, "wrn_16_4"),
    ("preact:preact", {"times": 4, "widen": 12}, "wrn_28_12"),
    ("preact:preact", {"times": 6, "widen": 2}, "wrn_40_2"),
    ("resnet:resnet18", {}, "tv_resnet18"),
    ("resnet:resnet50", {}, "tv_resnet50"),
    ("resnet:resnet101", {}, "tv_resnet101"),
    ("resnext:resnext50", {}, "tv_resnext50_32x4d"),
    ("resnext:resnext101", {}, "tv_resnext101_32x8d"),
    ("twopath:two_path", {}, "twopathcnn_maxout2"),
    ("unet:unet", {}, "unet_2015_572"),
    ("vgg:vgg11", {}, "vgg_A"),
    ("vgg:vgg11_lrn", {}, "vgg_A-LRN"),
    ("vgg:vgg13", {}, "tv_vgg13"),
    ("vgg:vgg16", {}, "tv_vgg16"),
    ("voxnet:voxnet", {}, "voxnet_40"),
    ("zfnet:zfnet", {}, "zfnet_paper"),
)
IDS = [f"{net.partition(':')[2]}-{entry}" for net, _, entry in SAME]


@cache
def entries() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCES / "architectures.json").read_text())["entries"]
    return found


@cache
def layers() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((REFERENCES / "architecture_layers.json").read_text())
    return found


@cache
def counts(net: str, parameters: tuple[tuple[str, Any], ...]) -> Counts:
    file, _, name = net.partition(":")
    return netspec.load_graph(ROOT / "specs" / f"{file}.net", name, **dict(parameters)).counts()


@pytest.mark.parametrize(("net", "parameters", "entry"), SAME, ids=IDS)
def test_totals(net: str, parameters: dict[str, Any], entry: str) -> None:
    want = entries()[entry]
    c = counts(net, tuple(parameters.items()))
    assert (c.totals.trainable, c.totals.frozen, c.totals.macs) == (want["trainable"], 0, want["macs"])
    if want["framework"] == "torch":
        assert c.totals.buffers == want["nontrainable"]
    assert [list(n.type.shape) for n in c.graph.inputs] == [want["input"]]


@pytest.mark.parametrize(("net", "parameters", "entry"), SAME, ids=IDS)
def test_every_weighted_layer(net: str, parameters: dict[str, Any], entry: str) -> None:
    """The multiset of (channels out, parameters, MACs) of convolutions and fully connected layers is the same."""
    if entry not in layers():
        pytest.skip("no layer table")
    want = Counter((row["out"][0], row["params"], row["macs"]) for row in layers()[entry] if row["macs"])
    have = Counter((c.shape[0], c.parameters, c.macs) for c in counts(net, tuple(parameters.items())).nodes if c.macs)
    assert have == want


@pytest.mark.parametrize(("net", "parameters", "entry"), SAME, ids=IDS)
def test_shapes(net: str, parameters: dict[str, Any], entry: str) -> None:
    """The widths in the order in which they first appear, and the output."""
    want = entries()[entry]
    c = counts(net, tuple(parameters.items()))
    widths = dict.fromkeys(n.shape[-1] for n in c.nodes if len(n.shape) > 1 and n.shape[-1] != 1)
    if want.get("spatial_sizes_in_order"):
        expected = [w for w in want["spatial_sizes_in_order"] if w != 1]
        assert [w for w in widths if w in expected] == expected
    if want.get("output"):
        assert sum(c.graph.values[v].type.size for _, v in c.graph.outputs) == prod(want["output"])


def test_variants_agree_with_published_totals() -> None:
    published = {"resnet:resnet34": 21797672, "resnet:resnet152": 60192808, "densenet:densenet161": 28681000, "densenet:densenet169": 14149480,
                 "vgg:vgg19": 143667240, "preact:wrn28_10": 36479194, "unet_recursive:unet": 31030658}
    assert {net: counts(net, ()).totals.trainable for net in published} == published
