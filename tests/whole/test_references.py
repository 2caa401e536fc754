"""Parameters, multiply-accumulates and shapes of published networks, against numbers that are none of ours.

`references/architectures.json` holds counts of the networks as other frameworks build them, and
`architecture_layers.json` the same layer by layer.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from math import prod
from typing import Any

import pytest

import netspec
from netspec.views.numbers.counts import Counts
from sweeps import one_of_each
from where import ROOT

REFERENCES = ROOT / "tests" / "references"

# net of ours, its parameters, and the entries that are the same network
SAME: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("alexnet:alexnet", {}, ("bvlc_alexnet",)),
    ("alexnet:one_tower", {}, ("tv_alexnet",)),
    ("convnetjs", {}, ("convnetjs_cifar10",)),
    ("deepbind", {"hidden": 0}, ("deepbind_d16_m24_h0",)),
    ("deepbind", {"width": 11}, ("deepbind_d16_m11_h32",)),
    ("densenet:densenet121", {}, ("tv_densenet121", "densenet121_caffe", "keras_DenseNet121")),
    ("densenet:densenet201", {}, ("tv_densenet201", "densenet201_caffe", "keras_DenseNet201")),
    ("densenet_cifar:densenet40", {}, ("cifar_densenet_L40_k12",)),
    ("densenet_cifar:densenet40", {"first": 24}, ("cifar_densenet_L40_k12_2k",)),
    ("densenet_cifar:densenet100", {}, ("cifar_densenet_L100_k12",)),
    ("densenet_cifar:densenet100_bc", {}, ("cifar_densenet_bc_L100_k12", "repo_densenet_bc_L100_k12")),
    ("densenet_cifar:densenet250_bc", {}, ("cifar_densenet_bc_L250_k24",)),
    ("enet", {}, ("repo_enet_19",)),
    ("fast_style", {}, ("repo_fast_style_transformer",)),
    ("inception_v3", {}, ("tv_inception_v3", "inception_v3_caffe")),
    ("inception_v3", {}, ("keras_InceptionV3",)),
    ("inception_v3", {}, ("inceptionv3_orig_netscope",)),
    ("lenet:lenet5", {}, ("lenet5_modern_dense_c3",)),
    ("mdnet", {}, ("mdnet_K5",)),
    ("mdnet", {"domains": 1}, ("mdnet_K1", "repo_mdnet_K1")),
    ("mobilenet", {}, ("mobilenet_v1", "timm_mobilenetv1_100", "mobilenet_v1_caffe")),
    ("mvcnn", {"views": 1}, ("mvcnn_vggm_V1",)),
    ("mvcnn", {"views": 80}, ("mvcnn_vggm_V80",)),
    ("nin", {}, ("nin_cifar10",)),
    ("preact:preact", {}, ("cifar_preresnet110",)),
    ("preact:preact1001", {}, ("cifar_preresnet1001",)),
    ("preact:preact", {"times": 2, "widen": 4}, ("wrn_16_4",)),
    ("preact:preact", {"times": 3, "widen": 8}, ("wrn_22_8",)),
    ("preact:preact", {"times": 4, "widen": 12}, ("wrn_28_12",)),
    ("preact:preact", {"times": 6}, ("wrn_40_1",)),
    ("preact:preact", {"times": 6, "widen": 2}, ("wrn_40_2",)),
    ("preact:preact", {"times": 6, "widen": 4}, ("wrn_40_4", "repo_wrn_40_4")),
    ("resnet:resnet18", {}, ("tv_resnet18",)),
    ("resnet:resnet50", {}, ("tv_resnet50",)),
    ("resnet:resnet101", {}, ("tv_resnet101",)),
    ("resnet_cifar:resnet20", {"projection": False}, ("cifar_resnet20_optA", "repo_cifar_resnet20")),
    ("resnet_cifar:resnet20", {}, ("cifar_resnet20_optB",)),
    ("resnet_cifar:resnet32", {"projection": False}, ("cifar_resnet32_optA", "repo_cifar_resnet32")),
    ("resnet_cifar:resnet56", {"projection": False}, ("cifar_resnet56_optA", "repo_cifar_resnet56")),
    ("resnet_cifar:resnet110", {}, ("cifar_resnet110_optB",)),
    ("resnet_cifar:resnet1202", {}, ("cifar_resnet1202_optA", "repo_cifar_resnet1202")),
    ("resnet_v2:resnet50_v2", {}, ("timm_resnetv2_50",)),
    ("resnext:resnext50", {}, ("tv_resnext50_32x4d", "resnext50_32x4d_caffe")),
    ("resnext:resnext101", {}, ("tv_resnext101_32x8d",)),
    ("resnext:resnext101_64x4d", {}, ("tv_resnext101_64x4d", "resnext101_64x4d_caffe")),
    ("resnext:wide_resnet50", {}, ("tv_wide_resnet50_2", "wrn50_2_caffe")),
    ("segnet", {}, ("segnet_vgg16_torch", "segnet_camvid")),
    ("squeezenet:squeezenet", {}, ("tv_squeezenet1_0",)),
    ("superres", {"times": 2}, ("espcn_r2",)),
    ("superres", {"times": 3}, ("espcn_r3",)),
    ("twopath:two_path", {}, ("twopathcnn_maxout2",)),
    ("unet", {}, ("unet_2015_572",)),
    ("vgg:vgg11", {}, ("vgg_A", "tv_vgg11", "vgg_a_latte")),
    ("vgg:vgg11_lrn", {}, ("vgg_A-LRN",)),
    ("vgg:vgg13", {}, ("tv_vgg13",)),
    ("vgg:vgg16", {}, ("tv_vgg16", "vgg_D", "vgg16_caffe", "keras_VGG16")),
    ("vgg_bn:vgg11_bn", {}, ("tv_vgg11_bn",)),
    ("vgg_bn:vgg16_bn", {}, ("tv_vgg16_bn",)),
    ("vggm", {"input": "3x221x221"}, ("repo_vggm",)),
    ("voxnet", {}, ("voxnet_40",)),
    ("zfnet", {}, ("zfnet_paper",)),
    ("caffe:lenet", {}, ("lenet_caffe",)),
    ("caffe:cifar10_quick", {}, ("caffe_cifar10_quick",)),
    ("caffe:caffenet", {}, ("bvlc_reference_caffenet",)),
    ("caffe:caffenet", {"classes": 200}, ("bvlc_reference_rcnn_ilsvrc13",)),
    ("caffe:googlenet_noaux", {}, ("bvlc_googlenet_noaux",)),
    ("caffe:squeezenet", {}, ("squeezenet_v1.0_caffe",)),
    ("caffe:alexnet_nogroup", {}, ("alexnet_nogroup_latte",)),
    ("caffe:overfeat", {}, ("overfeat_latte",)),
    ("caffe_enet", {}, ("enet_caffe",)),
    ("caffe_enet", {"norm": False}, ("enet_caffe_bn_merged",)),
    ("caffe_fcn:fcn32s", {}, ("fcn32s_voc",)),
    ("caffe_fcn:fcn16s", {}, ("fcn16s_voc",)),
    ("caffe_mobilenet_v2", {}, ("mobilenet_v2_caffe",)),
    ("caffe_resnet:resnet50", {}, ("repo_cafferesnet50",)),
    ("caffe_resnet:resnet50_msra", {}, ("resnet50_msra_caffe",)),
    ("caffe_resnet:resnet152", {}, ("repo_cafferesnet152", "resnet152_msra_caffe")),
    ("caffe_resnet:resnet152_v2", {}, ("resnet152_v2_caffe",)),
    ("inception_v1", {}, ("inception_v1_tf_caffe",)),
    ("keras:resnet50", {}, ("keras_ResNet50",)),
    ("keras:resnet152", {}, ("keras_ResNet152",)),
    ("keras:resnet50_v2", {}, ("keras_ResNet50V2",)),
    ("keras:resnet152_v2", {}, ("keras_ResNet152V2",)),
    ("keras:mobilenet", {}, ("keras_MobileNet",)),
    ("pytorch:twopath_relu", {}, ("twopathcnn_maxout1",)),
    ("pytorch:super_resolution", {}, ("repo_super_resolution_r2",)),
    ("pytorch:super_resolution", {"times": 3}, ("repo_super_resolution_r3",)),
    ("pytorch:unet", {}, ("repo_unet_milesial",)),
)
# parameters, and GMACs of one picture, that torchvision 0.28 states of its weights (num_params, _ops)
TORCHVISION = {
    "googlenet_bn:googlenet_bn": (6624904, 1.498),
    "convnext:convnext_tiny": (28589128, 4.456),
    "convnext:convnext_small": (50223688, 8.684),
    "convnext:convnext_base": (88591464, 15.355),
    "convnext:convnext_large": (197767336, 34.361),
    "mobilenet_v3:mobilenet_v3_small": (2542856, 0.057),
    "mobilenet_v3:mobilenet_v3_large": (5483032, 0.217),
    "efficientnet:efficientnet_b0": (5288548, 0.386),
    "efficientnet:efficientnet_b1": (7794184, 0.687),
    "efficientnet:efficientnet_b2": (9109994, 1.088),
    "efficientnet:efficientnet_b3": (12233232, 1.827),
    "efficientnet:efficientnet_b4": (19341616, 4.394),
    "efficientnet:efficientnet_b5": (30389784, 10.266),
    "efficientnet:efficientnet_b6": (43040704, 19.068),
    "efficientnet:efficientnet_b7": (66347960, 37.746),
    "efficientnet_v2:efficientnet_v2_s": (21458488, 8.366),
    "efficientnet_v2:efficientnet_v2_m": (54139356, 24.582),
    "efficientnet_v2:efficientnet_v2_l": (118515272, 56.08),
    "mnasnet:mnasnet0_5": (2218512, 0.104),
    "mnasnet:mnasnet0_75": (3170208, 0.215),
    "mnasnet:mnasnet1_0": (4383312, 0.314),
    "mnasnet:mnasnet1_3": (6282256, 0.526),
    "shufflenet_v2:shufflenet_v2_x0_5": (1366792, 0.04),
    "shufflenet_v2:shufflenet_v2_x1_0": (2278604, 0.145),
    "shufflenet_v2:shufflenet_v2_x1_5": (3503624, 0.296),
    "shufflenet_v2:shufflenet_v2_x2_0": (7393996, 0.583),
    "regnet:regnet_x_400mf": (5495976, 0.414),
    "regnet:regnet_x_800mf": (7259656, 0.8),
    "regnet:regnet_x_1_6gf": (9190136, 1.603),
    "regnet:regnet_x_3_2gf": (15296552, 3.177),
    "regnet:regnet_x_8gf": (39572648, 7.995),
    "regnet:regnet_x_16gf": (54278536, 15.941),
    "regnet:regnet_x_32gf": (107811560, 31.736),
    "regnet:regnet_y_400mf": (4344144, 0.402),
    "regnet:regnet_y_800mf": (6432512, 0.834),
    "regnet:regnet_y_1_6gf": (11202430, 1.612),
    "regnet:regnet_y_3_2gf": (19436338, 3.176),
    "regnet:regnet_y_8gf": (39381472, 8.473),
    "regnet:regnet_y_16gf": (83590140, 15.912),
    "regnet:regnet_y_32gf": (145046770, 32.28),
    "regnet:regnet_y_128gf": (644812894, 127.518),
}
# what a spec has to begin with to be its entry: theirs learn less in batch norm, or keep a bias that is dead
BEFORE = {"keras_InceptionV3": "default bn scale=no", "inceptionv3_orig_netscope": "default bn scale=no shift=no",
          "repo_fast_style_transformer": "default conv bias=yes"}


CASES = [pytest.param(net, parameters, entry, id=f"{net.rpartition(':')[2]}-{entry}") for net, parameters, same in SAME
         for entry in same]


@cache
def entries() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCES / "architectures.json").read_text())["entries"]
    return found


@cache
def layers() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((REFERENCES / "architecture_layers.json").read_text())
    return found


def counts(net: str, parameters: dict[str, Any], entry: str = "") -> Counts:
    return counted(net, tuple(parameters.items()), BEFORE.get(entry, ""))


@cache
def counted(net: str, parameters: tuple[tuple[str, Any], ...], before: str) -> Counts:
    file, _, name = net.partition(":")
    path = next(p for folder in ("specs", "tests/architectures") if (p := ROOT / folder / f"{file}.net").exists())
    if before:
        return netspec.load_graph(text=f"{before}\n{path.read_text()}", **dict(parameters)).counts()
    return netspec.load_graph(path, name or None, **dict(parameters)).counts()


def channels_first(entry: str) -> list[int]:
    shape: list[int] = entries()[entry]["input"]
    return shape if entries()[entry]["layout"] != "H,W,C" else [shape[-1], *shape[:-1]]


def channels_of(row: dict[str, Any]) -> int:
    # the last layer of one has lost its shape
    channels: int = row["out_HWC"][-1] if "out_HWC" in row else (row["out"] or [10])[0]
    return channels


def test_every_reference_is_a_net_of_ours() -> None:
    assert sorted(entry for _, _, same in SAME for entry in same) == sorted(entries())


@pytest.mark.parametrize(("net", "parameters", "entry"), CASES)
def test_totals(net: str, parameters: dict[str, Any], entry: str) -> None:
    want = entries()[entry]
    c = counts(net, parameters, entry)
    assert (c.totals.trainable, c.totals.macs) == (want["trainable"], want["macs"])
    if want["framework"] == "torch" or want["nontrainable"]:  # else of a Caffe whose batch norm keeps its statistics to itself
        assert c.totals.frozen + c.totals.buffers == want["nontrainable"]
    assert [list(n.type.shape) for n in c.graph.inputs] == [channels_first(entry)]


@pytest.mark.parametrize(("net", "parameters", "entry"), CASES)
def test_every_weighted_layer(net: str, parameters: dict[str, Any], entry: str) -> None:
    """The multiset of (channels out, parameters, MACs) of convolutions and fully connected layers is the same."""
    if entry not in layers():
        pytest.skip("no layer table")
    want = Counter((channels_of(row), row["params"], row["macs"]) for row in layers()[entry] if row["macs"])
    # of one view
    have = Counter((c.shape[0], c.trainable, c.macs // c.node.type.batch) for c in counts(net, parameters, entry).nodes if c.macs)
    assert have == want


@pytest.mark.parametrize(("net", "parameters", "entry"), CASES)
def test_shapes(net: str, parameters: dict[str, Any], entry: str) -> None:
    """The widths in the order in which they first appear, and the output."""
    want = entries()[entry]
    c = counts(net, parameters, entry)
    inputs = len(c.graph.inputs) if want["framework"] != "keras" else 0  # which the others do not list
    widths = dict.fromkeys(n.shape[-1] for n in c.nodes[inputs:] if len(n.shape) > 1 and n.shape[-1] != 1)
    if want.get("spatial_sizes_in_order"):
        # Keras's are layers of their own
        margins = {row["out_HWC"][1] for row in layers().get(entry, ()) if row["type"] == "ZeroPadding2D"}
        expected = [w for w in dict.fromkeys(want["spatial_sizes_in_order"]) if w != 1 and w not in margins]
        assert [w for w in widths if w in expected] == expected
    if want.get("output"):
        assert sum(c.graph.values[v].type.size for _, v in c.graph.outputs) == prod(want["output"])


def test_variants_agree_with_published_totals() -> None:
    published = {"resnet:resnet34": 21797672, "resnet:resnet152": 60192808, "densenet:densenet161": 28681000,
                 "densenet:densenet169": 14149480,
                 "vgg:vgg19": 143667240, "preact:wrn28_10": 36479194, "unet_recursive:unet": 31030658, "inception_v4": 42679816,
                 "mobilenet_v2": 3504872,
                 "squeezenet:squeezenet1_1": 1235496, "overfeat": 145920872, "shufflenet": 1865728,
                 "resnext:wide_resnet101": 126886696, "regnet:regnetx_004": 5157512, "regnet:regnety_008": 6263168,
                 "regnet:regnety_080": 39180068}
    assert {net: counts(net, {}).totals.trainable for net in published} == published


def test_nets_of_maps_agree_with_what_is_published() -> None:
    """Numbers in torchvision's modules (without the counters of batch norm), and its table's GFLOPS, multiply-adds."""
    published = {"deeplab:fcn_resnet50": (35322218, 152.717), "deeplab:fcn_resnet101": (54314346, 232.738),
                 "deeplab:deeplabv3_resnet50": (42004074, 178.722), "deeplab:deeplabv3_resnet101": (60996202, 258.743),
                 "ssd:ssd300": (35641826, 34.858), "deeplab:deeplabv3_mobilenet_v3_large": (11029328, 10.452),
                 "lraspp": (3221538, 2.086)}
    for net, (parameters, giga) in published.items():
        totals = counts(net, {}).totals
        assert (totals.trainable, round((totals.macs or 0) / 1e9, 3)) == (parameters, giga), net


def test_nets_of_keras_agree_with_its_applications() -> None:
    """What is trained of the models of Keras 3.12, and of their kernels' numbers times the places of their results."""
    published = {"xception": (22855952, 8357403496), "efficientnet_v2_b:efficientnet_v2_b0": (7139704, 718086176),
                 "efficientnet_v2_b:efficientnet_v2_b3": (14358406, 3011458816), "mobilenet": (4231976, 568740352)}
    for net, (parameters, macs) in published.items():
        totals = counts(net, {}).totals
        assert (totals.trainable, totals.macs) == (parameters, macs), net


def test_nets_of_darknet_agree_with_their_files() -> None:
    """The numbers in the author's weight files (statistics too, their headers left out), and his table's billions of operations,
    two a multiply-add."""
    published = {"yolo:yolov2": (203934260 - 16, 62.94), "yolo:tiny_yolov2": (63471560 - 20, 6.97),
                 "yolo:yolov3": (248007048 - 20, 65.86), "yolo:tiny_yolov3": (35434956 - 20, 5.56),
                 "yolo:darknet19": (None, 7.29), "yolo:darknet53": (None, 18.57)}
    for net, (size, giga) in published.items():
        totals = counts(net, {}).totals
        assert round(2 * (totals.macs or 0) / 1e9, 2) == giga, net
        assert size is None or totals.trainable + totals.buffers == size / 4, net


def test_nets_from_papers_have_as_many_parameters() -> None:
    """Each from its layers, (channels in, channels out, places of a window, whether with a bias), and the totals that people
    quote of it."""
    def total(layers: list[tuple[int, int, int, int]]) -> int:
        return sum(b * (a * w + bias) for a, b, w, bias in layers)

    vgg = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 2, (256, 512), *[(512, 512)] * 5]
    trunk = [(a, b, 9, 1) for a, b in vgg]
    sides = [(n, 1, 1, 1) for n in (64, 128, 256, 512, 512, 5)]
    pose = [*trunk[:7], (256, 256, 9, 1), (256, 512, 9, 1), (512, 512, 9, 1), (512, 256, 9, 1), (256, 128, 9, 1)]
    pose += [layer for n in (38, 19) for layer in (*[(128, 128, 9, 1)] * 3, (128, 512, 1, 1), (512, n, 1, 1))]
    refined = [(185, 128, 49, 1), *[(128, 128, 49, 1)] * 4, (128, 128, 1, 1)]
    pose += 5 * [layer for n in (38, 19) for layer in (*refined, (128, n, 1, 1))]
    noise = [(1, 64, 9, 0), *[(64, 64, 9, 2)] * 15, (64, 1, 9, 0)]  # two numbers a channel: batch norm's
    detail = [(1, 64, 9, 0), *[(64, 64, 9, 0)] * 18, (64, 1, 9, 0)]
    sound = [(256, 32, 1, 0), *[(32, 32, 2, 0)] * 80, *[(32, 32, 1, 0)] * 39, *[(32, 256, 1, 0)] * 40, *[(256, 256, 1, 1)] * 2]
    colours = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 2, (256, 512), *[(512, 512)] * 11]
    colour = [(a, b, 9, 1) for a, b in colours] + [(512, 256, 16, 1), *[(256, 256, 9, 1)] * 2, (256, 313, 1, 1), (313, 2, 1, 0)]
    colour += [(0, n, 0, 2) for n in (64, 128, 256, 512, 512, 512, 512)]
    made = {"colorization": (colour, 32236011), "hed": (trunk + sides, 14716171), "openpose": (pose, 52311446),
            "dncnn:dncnn": (noise, 556032), "vdsr": (detail, 664704), "wavenet": (sound, 671232)}
    for net, (layers, quoted) in made.items():
        assert counts(net, {}).totals.trainable == total(layers) == quoted, net


@pytest.mark.parametrize("net", one_of_each(TORCHVISION, lambda net: net.partition(":")[0]))
def test_parameters_and_macs_are_those_of_torchvision(net: str) -> None:
    totals = counts(net, {}).totals
    assert totals.macs is not None
    assert (totals.trainable, round(totals.macs / 1e9, 3)) == TORCHVISION[net]


@pytest.mark.parametrize(("net", "rates"), [
    ("efficientnet:efficientnet_b0", [0.2 * k / 16 for k in (2, 4, 6, 7, 9, 10, 12, 13, 14)]),
    ("convnext:convnext_tiny", [0.1 * k / 17 for k in range(18)])])
def test_paths_are_dropped_as_often_as_in_torchvision(net: str, rates: list[float]) -> None:
    """Its blocks drop more the deeper they are: `stochastic_depth.p` of torchvision 0.28."""
    ops: list[Any] = [n.node.op for n in counts(net, {}).nodes]
    assert [op.rate for op in ops if getattr(op, "name", "") == "drop_path"] == pytest.approx(rates, rel=1e-15)
