"""The specs that come with netspec as they were measured, so that a chart can show them without making them.

`zoo.csv` is written by docs/build_site/zoo.py, and a test compares it with the specs. The accuracies are those that torchvision's
documentation states for its weights IMAGENET1K_V1 (top 1, percent, one crop of the size of the net's input), of the nets that
have the same layers and the same number of parameters.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ...elaborate.nets import callable_nets
from ...elaborate.tree_to_graph import elaborate, read_module
from ...syntax.load import read_source, specs_folder
from .cost import Cost, cost

FILE = Path(__file__).parent / "zoo.csv"
HEADS = ("net", "file", "input", "parameters", "MACs", "memory", "steps")
# https://docs.pytorch.org/vision/stable/models.html, IMAGENET1K_V1
PUBLISHED = {
    "one_tower": 56.522, "vgg11": 69.02, "vgg13": 69.928, "vgg16": 71.592, "vgg19": 72.376, "vgg11_bn": 70.37, "vgg13_bn": 71.586,
    "vgg16_bn": 73.36, "vgg19_bn": 74.218, "resnet18": 69.758, "resnet34": 73.314, "resnet50": 76.13, "resnet101": 77.374,
    "resnet152": 78.312, "densenet121": 74.434, "densenet161": 77.138, "densenet169": 75.6, "densenet201": 76.896,
    "googlenet_bn": 69.778, "inception_v3": 77.294, "mobilenet_v2": 71.878, "mobilenet_v3_large": 74.042,
    "mobilenet_v3_small": 67.668, "mnasnet0_5": 67.734, "mnasnet1_0": 73.456, "shufflenet_v2_x0_5": 60.552,
    "shufflenet_v2_x1_0": 69.362, "efficientnet_b0": 77.692, "efficientnet_b1": 78.642, "efficientnet_b2": 80.608,
    "efficientnet_b3": 82.008, "efficientnet_b4": 83.384, "efficientnet_v2_s": 84.228, "resnext50": 77.618, "resnext101": 79.312,
    "convnext_tiny": 82.52, "convnext_small": 83.616, "convnext_base": 84.062, "convnext_large": 84.414,
    "regnet_x_400mf": 72.834, "regnet_x_800mf": 75.212, "regnet_x_1_6gf": 77.04, "regnet_x_3_2gf": 78.364, "regnet_x_8gf": 79.344,
    "regnet_x_16gf": 80.058, "regnet_x_32gf": 80.622, "regnet_y_400mf": 74.046, "regnet_y_800mf": 76.42, "regnet_y_1_6gf": 77.95,
    "regnet_y_3_2gf": 78.948, "regnet_y_8gf": 80.032, "regnet_y_16gf": 80.424, "regnet_y_32gf": 80.878,
}


@cache
def zoo() -> tuple[Cost, ...]:
    """Every net of specs/ that needs no arguments and whose sizes are known."""
    with FILE.open(encoding="utf-8", newline="") as f:
        return tuple(Cost(r["net"], r["file"], r["input"], int(r["parameters"]), int(r["MACs"]), int(r["memory"]), int(r["steps"]),
                          PUBLISHED.get(r["net"])) for r in csv.DictReader(f))


def published(c: Cost) -> float | None:
    """The published accuracy of a net, where it is one of these: the same name, and the same numbers."""
    known = {(z.name, z.input, z.parameters, z.macs): z.accuracy for z in zoo()}
    return known.get((c.name, c.input, c.parameters, c.macs))


def measured(files: str = "*.net") -> Iterator[Cost]:
    """The same, measured now."""
    for path in sorted(specs_folder().glob(files)):
        module = read_module(read_source(path))
        for net in callable_nets(module):
            graph = elaborate(module, net.name, weights=False)
            if all(n.type.known for n in graph):
                yield cost(graph, path.name)
