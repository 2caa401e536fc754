"""The state dicts of torchvision and timm find their places in the shipped nets with no rename, as PyTorch saves them and as
safetensors sorts them. The names and shapes are those of torchvision 0.28 and timm 1.0.31, written down with models on the meta
device; that outputs are equal to those of torchvision (to 2e-15 in float64, with random weights and statistics) was tried with
resnet18, resnet50, alexnet, mobilenet_v2, densenet121, squeezenet1_1, inception_v3, googlenet (its heads too), mobilenet_v3,
efficientnet_b0 to b7, efficientnet_v2, mnasnet, shufflenet_v2, regnet_x, regnet_y up to 32 GF, convnext,
lraspp_mobilenet_v3_large and deeplabv3_mobilenet_v3_large. The names of Keras are those of Keras 3.15 and 3.12, those of
Hugging Face of transformers 5.24, with its models on the meta device as well; ConvNeXt's of its authors are from its source.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.interchange.weights.families import natural
from netspec.interchange.weights.matching import Matching, match
from netspec.interchange.weights.source import About, Source
from netspec.interchange.weights.units import wanted
from netspec.interchange.weights.values import taken
from sweeps import the_first
from where import REFERENCES, ROOT


def written_down(*files: str) -> dict[str, Any]:
    return {model: said for file in files
            for model, said in json.loads(gzip.decompress((REFERENCES / f"{file}.json.gz").read_bytes())).items()}


ELSEWHERE = written_down("state_dicts_elsewhere")
MODELS = written_down("state_dicts", "state_dicts_of_maps") | ELSEWHERE
KERAS = written_down("names_of_keras")


class Names(Source):
    """A file of which only names and shapes are there."""

    kind, path = "names", "names"

    def __init__(self, tensors: list[str], ordered: bool, channels_last: bool = False):
        held = [(n, About(tuple(map(int, s.split("x"))) if s else (), "F32")) for n, _, s in (t.partition(" ") for t in tensors)]
        self.channels_last = channels_last
        self.held, self.ordered = dict(held if ordered else sorted(held)), ordered

    @property
    def about(self) -> Mapping[str, About]:
        return self.held

    def raw(self, name: str) -> Any:
        return np.ones(self.held[name].shape, "f4")


def found(model: str) -> tuple[Any, list[tuple[Names, Matching]]]:
    """The net, and what it takes from the file in its own order and sorted."""
    file, _, net = MODELS[model]["net"].partition(":")
    graph = netspec.load_graph(ROOT / "specs" / file, net or None).graph
    sources = [Names(MODELS[model]["tensors"], ordered) for ordered in (True, False)]
    return graph, [(s, match(s, wanted(graph, graph.parameters))) for s in sources]


@pytest.mark.parametrize("model", [*the_first(2, ELSEWHERE), *the_first(16, [m for m in MODELS if m not in ELSEWHERE])])
def test_every_layer_has_its_place(model: str) -> None:
    graph, ((source, a), (_, b)) = found(model)
    pairs = {name: u.name for name, u in a.pairs.items()}
    assert pairs == {name: u.name for name, u in b.pairs.items()}
    assert not a.missing and not a.unread and len(set(pairs.values())) == len(pairs)
    order = [u.name for u in a.have]
    for name, there in pairs.items():  # a normalisation is that of its own convolution
        if f"{name}.bn" in pairs:
            theirs = pairs[f"{name}.bn"]
            assert order.index(theirs) == order.index(there) + 1, name
    said = {m[1] for u in a.have if (m := re.match(r"(AuxLogits|aux\d)\.", u.name))}
    assert {u.split(".")[0] for u in order} - {u.split(".")[0] for u in pairs.values()} == said
    eps = {t.how for t in taken(source, a, graph) if t.name.endswith(".var")}
    other = "inception" in model or "eps" in MODELS[model]
    assert all(("epsilon 0.001 there" in how) == other for how in eps)


def test_heads_that_only_training_needs_go_to_a_net_that_has_them() -> None:
    graph = netspec.load_graph(ROOT / "specs" / "googlenet_bn.net", "googlenet_bn_aux").graph
    for ordered in (True, False):
        m = match(Names(MODELS["googlenet"]["tensors"], ordered), wanted(graph, graph.parameters))
        there = {name: u.name for name, u in m.pairs.items()}
        assert [there[f"aux{k}.{layer}"] for k in (1, 2) for layer in ("conv1", "conv1.bn", "fc1", "fc2")] == [
            f"aux{k}.{layer}" for k in (1, 2) for layer in ("conv.conv", "conv.bn", "fc1", "fc2")]
        assert len(there) == len(m.have)


def test_a_residual_net_by_its_places() -> None:
    for model, unit in (("resnet50", "bottleneck"), ("resnet18", "basic")):
        _, matches = found(model)
        for _, m in matches:
            for name, u in m.pairs.items():
                ours = re.fullmatch(rf"stage(\d)\.{unit}(\d+)\.(?:(shortcut)\.)?conv(\d)(\.bn)?", name)
                if ours is None:
                    assert (name, u.name) in {("conv1", "conv1"), ("conv1.bn", "bn1"), ("fc1", "fc")}
                    continue
                stage, block, short, conv, bn = ours.groups()
                layer = f"downsample.{1 if bn else 0}" if short else f"{'bn' if bn else 'conv'}{conv}"
                assert u.name == f"layer{stage}.{int(block) - 1}.{layer}"


@pytest.mark.parametrize("model", the_first(3, KERAS))
def test_names_of_keras(model: str) -> None:
    """As `.weights.h5` has them, by class and number, and as `.h5` has them, as the model computes: one place for each, blocks in
    their order, and a normalisation in the block of its convolution."""
    file, _, net = KERAS[model]["net"].partition(":")
    graph = netspec.load_graph(ROOT / "specs" / file, net or None).graph
    by_class, by_model = (match(Names(order, True, channels_last=True), wanted(graph, graph.parameters))
                          for order in KERAS[model]["orders"])
    pairs, others = ({name: re.sub(r".*\.(?!pointwise)", "", u.name) for name, u in m.pairs.items()} for m in (by_class, by_model))
    assert pairs == others
    for m in (by_class, by_model):
        assert not m.missing and not m.unread and len(set(pairs.values())) == len(pairs)
    blocks = re.compile(r"stage_\d+_block_\d+|conv\d_block\d+|block\d+[a-z]|expanded_conv_\d*|")
    block = {name: max(blocks.findall(there), key=len) for name, there in pairs.items()}
    met = [b for b in dict.fromkeys(block[u.name] for u in by_class.want) if b]
    assert met == sorted(met, key=natural)
    assert all(block[name] == block[f"{name}.bn"] for name in pairs if f"{name}.bn" in pairs)
