"""Networks of specs/ that no package of models has, against PyTorch modules written down from their public definitions: the
same weights, which find their places by order, and outputs that are equal in float64.

    dncnn          Zhang et al. 2016; github.com/cszn/DnCNN, which normalises all but the first and last
    vdsr           Kim et al. 2016; github.com/twtygqyy/pytorch-vdsr
    hed            Xie & Tu 2015; github.com/sniklaus/pytorch-hed (the authors' own pads by 35 and crops)
    openpose       Cao et al. 2016; github.com/CMU-Perceptual-Computing-Lab/openpose, pose_deploy_linevec.prototxt
    colorization   Zhang et al. 2016; github.com/richzhang/colorization, eccv16.py, without what scales its input and output
    wavenet        van den Oord et al. 2016
    yolo           Redmon & Farhadi 2016, 2018; github.com/pjreddie/darknet: yolov2, yolov2-tiny, yolov3 and yolov3-tiny.cfg
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from where import ROOT

pytestmark = pytest.mark.torch


class Built:
    """Layers in the order in which they compute, as they are asked for: `seen` gives them to a module list."""

    def __init__(self) -> None:
        from torch import nn

        self.nn, self.layers = nn, nn.ModuleList()

    def add(self, layer: Any) -> Any:
        self.layers.append(layer.double())
        return self.layers[-1]

    def conv(self, a: int, b: int, k: int, **how: Any) -> Any:
        return self.add(self.nn.Conv2d(a, b, k, padding=how.pop("padding", k // 2 * how.get("dilation", 1)), **how))

    def norm(self, n: int) -> Any:
        return self.add(self.nn.BatchNorm2d(n))

    def chain(self, *layers: Any) -> Any:
        """Layers one behind the other; those of the list are not registered again."""
        def run(x: Any) -> Any:
            for layer in layers:
                x = layer(x)
            return x

        return run


Forward = Callable[[Any], Any]


def dncnn(b: Built) -> Forward:
    steps: list[Any] = [b.conv(1, 64, 3, bias=False), b.nn.ReLU()]
    for _ in range(15):
        steps += [b.conv(64, 64, 3, bias=False), b.norm(64), b.nn.ReLU()]
    noise = b.chain(*steps, b.conv(64, 1, 3, bias=False))
    return lambda x: x - noise(x)


def vdsr(b: Built) -> Forward:
    steps: list[Any] = [b.conv(1, 64, 3, bias=False), b.nn.ReLU()]
    for _ in range(18):
        steps += [b.conv(64, 64, 3, bias=False), b.nn.ReLU()]
    detail = b.chain(*steps, b.conv(64, 1, 3, bias=False))
    return lambda x: x + detail(x)


def hed(b: Built) -> Forward:
    import torch

    stages, before = [], 3
    for k, (n, times) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        steps: list[Any] = [b.nn.MaxPool2d(2, 2)] if k else []
        for _ in range(times):
            steps += [b.conv(before, n, 3), b.nn.ReLU()]
            before = n
        stages.append(b.chain(*steps))
    scores = [b.conv(n, 1, 1) for n in (64, 128, 256, 512, 512)]
    combine = b.conv(5, 1, 1)

    def run(x: Any) -> Any:
        size, maps = x.shape[2:], []
        for stage, score in zip(stages, scores):
            x = stage(x)
            maps.append(b.nn.functional.interpolate(score(x), size=size, mode="bilinear", align_corners=False))
        return torch.sigmoid(combine(torch.cat(maps, 1)))

    return run


def openpose(b: Built) -> Forward:
    import torch

    trunk: list[Any] = []
    before = 3
    for k, (n, times) in enumerate([(64, 2), (128, 2), (256, 4), (512, 2)]):
        trunk += [b.nn.MaxPool2d(2, 2)] if k else []
        for _ in range(times):
            trunk += [b.conv(before, n, 3), b.nn.ReLU()]
            before = n
    trunk += [b.conv(512, 256, 3), b.nn.ReLU(), b.conv(256, 128, 3), b.nn.ReLU()]

    def branch(inputs: int, windows: list[int], wide: int, n: int) -> Any:
        steps: list[Any] = []
        for k in windows:
            steps += [b.conv(inputs, 128, k), b.nn.ReLU()]
            inputs = 128
        return b.chain(*steps, *([b.conv(128, wide, 1), b.nn.ReLU()] if wide else []), b.conv(wide or 128, n, 1))

    stages = [[branch(128, [3, 3, 3], 512, n) for n in (38, 19)]]
    stages += [[branch(128 + 57, [7] * 5 + [1], 0, n) for n in (38, 19)] for _ in range(2)]
    features = b.chain(*trunk)

    def run(x: Any) -> Any:
        held = x = features(x)
        for limbs, joints in stages:
            found = limbs(x), joints(x)
            x = torch.cat([*found, held], 1)
        return torch.cat(found, 1)

    return run


def colorization(b: Built) -> Forward:
    steps: list[Any] = []
    before = 1
    stages = [(64, 2, 2, 1), (128, 2, 2, 1), (256, 3, 2, 1), (512, 3, 1, 1), (512, 3, 1, 2), (512, 3, 1, 2), (512, 3, 1, 1)]
    for n, times, stride, dilation in stages:
        for k in range(times):
            steps += [b.conv(before, n, 3, stride=stride if k == times - 1 else 1, dilation=dilation), b.nn.ReLU()]
            before = n
        steps.append(b.norm(n))
    steps += [b.add(b.nn.ConvTranspose2d(512, 256, 4, 2, 1)), b.nn.ReLU()]
    for _ in range(2):
        steps += [b.conv(256, 256, 3), b.nn.ReLU()]
    return b.chain(*steps, b.conv(256, 313, 1), b.nn.Softmax(1), b.conv(313, 2, 1, bias=False),
                   b.nn.Upsample(scale_factor=4, mode="bilinear"))


def wavenet(b: Built) -> Forward:
    import torch

    def conv(a: int, n: int, k: int = 1, dilation: int = 1, bias: bool = False) -> Any:
        return b.add(b.nn.Conv1d(a, n, k, dilation=dilation, bias=bias))

    start, layers = conv(256, 32), []
    for k in range(12):
        reach = 2 ** (k % 4)
        layers.append((reach, conv(32, 32, 2, reach), conv(32, 32, 2, reach), conv(32, 256), conv(32, 32) if k < 11 else None))
    ends = conv(256, 256, bias=True), conv(256, 256, bias=True)

    def run(x: Any) -> Any:
        x, total = start(x), 0
        for reach, wave, gate, skip, residual in layers:
            past = b.nn.functional.pad(x, (reach, 0))
            z = torch.tanh(wave(past)) * torch.sigmoid(gate(past))
            total = total + skip(z)
            x = x + residual(z) if residual is not None else x
        return ends[1](torch.relu(ends[0](torch.relu(total))))

    return run


class Darknet:
    """What a .cfg of darknet is made of: convolutions with batch norm and leaky ReLU, and the layers between."""

    def __init__(self, b: Built):
        self.b, self.nn = b, b.nn

    def c(self, a: int, n: int, k: int = 3, stride: int = 1) -> Any:
        return self.b.chain(self.b.conv(a, n, k, stride=stride, bias=False), self.b.norm(n), self.nn.LeakyReLU(0.1))

    def pool(self, x: Any) -> Any:
        return self.nn.functional.max_pool2d(x, 2, 2)

    def pool_in_place(self, x: Any) -> Any:
        """Windows of two, one apart: what lies outside is less than all."""
        return self.nn.functional.max_pool2d(self.nn.functional.pad(x, (0, 1, 0, 1), value=-np.inf), 2, 1)

    def reorg(self, x: Any) -> Any:
        """Space to depth, as the layer reorg of its implementations in PyTorch: place in the block, then channel."""
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)

    def residuals(self, n: int, times: int) -> Any:
        both = [self.b.chain(self.c(n, n // 2, 1), self.c(n // 2, n)) for _ in range(times)]

        def run(x: Any) -> Any:
            for inner in both:
                x = x + inner(x)
            return x

        return run

    def up(self, x: Any) -> Any:
        return self.nn.functional.interpolate(x, scale_factor=2, mode="nearest")


def yolov2(b: Built) -> Forward:
    import torch

    d = Darknet(b)
    fine = b.chain(d.c(3, 32), d.pool, d.c(32, 64), d.pool, d.c(64, 128), d.c(128, 64, 1), d.c(64, 128), d.pool,
                   d.c(128, 256), d.c(256, 128, 1), d.c(128, 256), d.pool,
                   d.c(256, 512), d.c(512, 256, 1), d.c(256, 512), d.c(512, 256, 1), d.c(256, 512))
    deep = b.chain(d.pool, d.c(512, 1024), d.c(1024, 512, 1), d.c(512, 1024), d.c(1024, 512, 1), d.c(512, 1024), d.c(1024, 1024),
                   d.c(1024, 1024))
    passed, last = b.chain(d.c(512, 64, 1), d.reorg), b.chain(d.c(1280, 1024), b.conv(1024, 425, 1))

    def run(x: Any) -> Any:
        x = fine(x)
        return last(torch.cat([passed(x), deep(x)], 1))

    return run


def tiny_yolov2(b: Built) -> Forward:
    d = Darknet(b)
    steps: list[Any] = []
    for a, n in [(3, 16), (16, 32), (32, 64), (64, 128), (128, 256)]:
        steps += [d.c(a, n), d.pool]
    return b.chain(*steps, d.c(256, 512), d.pool_in_place, d.c(512, 1024), d.c(1024, 1024), b.conv(1024, 125, 1))


def yolov3(b: Built) -> Forward:
    import torch

    d = Darknet(b)
    first = b.chain(d.c(3, 32), d.c(32, 64, 3, 2), d.residuals(64, 1), d.c(64, 128, 3, 2), d.residuals(128, 2),
                    d.c(128, 256, 3, 2), d.residuals(256, 8))
    second = b.chain(d.c(256, 512, 3, 2), d.residuals(512, 8))
    third = b.chain(d.c(512, 1024, 3, 2), d.residuals(1024, 4))

    def neck(a: int, n: int) -> Any:
        return b.chain(d.c(a, n, 1), d.c(n, 2 * n), d.c(2 * n, n, 1), d.c(n, 2 * n), d.c(2 * n, n, 1))

    necks, heads, between = [], [], []
    for a, n in [(1024, 512), (768, 256), (384, 128)]:
        necks.append(neck(a, n))
        heads.append(b.chain(d.c(n, 2 * n), b.conv(2 * n, 255, 1)))
        between.append(b.chain(d.c(n, n // 2, 1), d.up) if n > 128 else None)

    def run(x: Any) -> Any:
        one = first(x)
        two = second(one)
        x, out = necks[0](third(two)), {}
        for k, name in enumerate(("coarse", "medium", "fine")):
            x = x if not k else necks[k](torch.cat([between[k - 1](x), (two, one)[k - 1]], 1))
            out[name] = heads[k](x)
        return out

    return run


def tiny_yolov3(b: Built) -> Forward:
    import torch

    d = Darknet(b)
    steps: list[Any] = []
    for a, n in [(3, 16), (16, 32), (32, 64), (64, 128)]:
        steps += [d.c(a, n), d.pool]
    middle = b.chain(*steps, d.c(128, 256))
    deep = b.chain(d.pool, d.c(256, 512), d.pool_in_place, d.c(512, 1024), d.c(1024, 256, 1))
    coarse = b.chain(d.c(256, 512), b.conv(512, 255, 1))
    larger, medium = b.chain(d.c(256, 128, 1), d.up), b.chain(d.c(384, 256), b.conv(256, 255, 1))

    def run(x: Any) -> Any:
        held = middle(x)
        x = deep(held)
        return {"coarse": coarse(x), "medium": medium(torch.cat([larger(x), held], 1))}

    return run


NETS: dict[str, tuple[Callable[[Built], Forward], str, dict[str, Any]]] = {
    "dncnn:dncnn": (dncnn, "1x24x20", {}), "vdsr:": (vdsr, "1x20x24", {}), "hed:": (hed, "3x32x48", {}),
    "openpose:": (openpose, "3x32x40", {"stages": 3}), "colorization:": (colorization, "1x32x40", {}),
    "wavenet:": (wavenet, "256x40", {"layers": 4, "blocks": 3}), "yolo:yolov2": (yolov2, "3x64x96", {}),
    "yolo:tiny_yolov2": (tiny_yolov2, "3x64x96", {}), "yolo:yolov3": (yolov3, "3x64x96", {}),
    "yolo:tiny_yolov3": (tiny_yolov3, "3x64x96", {})}


@pytest.mark.parametrize("name", NETS)
def test_a_spec_is_its_public_definition(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    define, size, arguments = NETS[name]
    file, _, net = name.partition(":")
    torch.manual_seed(7)
    b = Built()
    run = define(b)
    with torch.no_grad():
        for layer in b.layers:
            if isinstance(layer, torch.nn.BatchNorm2d):
                for t, low, high in ((layer.weight, 0.8, 1.2), (layer.bias, -0.2, 0.2), (layer.running_mean, -0.2, 0.2),
                                     (layer.running_var, 0.7, 1.3)):
                    t.uniform_(low, high)
            else:  # numbers stay of one size from layer to layer
                torch.nn.init.kaiming_normal_(layer.weight)
        b.layers.eval()
        x = torch.randn(2, *map(int, size.split("x")), dtype=torch.float64)
        theirs = run(x)
    torch.save(b.layers.state_dict(), tmp_path / "theirs.pth")
    made = netspec.compile(ROOT / "specs" / f"{file}.net", net or None, input=size, device="reference", dtype="float64",
                           **arguments)
    made.load_weights(str(tmp_path / "theirs.pth"))
    (tmp_path / "theirs.pth").unlink()
    ours = made.predict(x.numpy())
    assert sum(p.numel() for p in b.layers.parameters()) == sum(a.size for a in made.parameters.values())
    for key, value in (theirs.items() if isinstance(theirs, dict) else [("out", theirs)]):
        mine, want = ours[key] if isinstance(theirs, dict) else ours, value.numpy()
        assert mine.shape == want.shape
        assert np.abs(want - want.mean()).max() > 1e-3, "the output says something"
        assert np.abs(mine - want).max() <= 1e-12 * np.abs(want).max(), key
