"""Broken specs by the hundred: valid ones with one to three planted mistakes, and the lines that must be named."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BASES = {
    "plain": """\
# a plain net
net plain(classes=10):
  default conv relu

  input 3x32x32
  conv 32 3x3 bn
  conv 32 3x3 groups=2
  maxpool 2
  conv 64 3x3 pad=1
  avgpool 2
  dropout 0.25
  fc 128 relu -> dropout 0.5
  fc classes

train plain:
  data "train.npz" test="test.npz"
  augment flip
  augment crop pad=4
  loss cross_entropy
  metric accuracy
  sgd lr=0.1 momentum=0.9
  schedule step every=10
  regularise l2 1e-4 weights
  average 0.99
  batch 64
  epochs 10
""",
    "residual": """\
default conv bn relu
wide = 64

block unit(n, stride=1):
  residual:
    conv n 3x3 /stride
    conv n 3x3 linear
  shortcut if stride != 1 or in.channels != n:
    conv n 1x1 /stride linear
  relu

block stage(unit, n, times, stride=2):
  unit n /stride
  repeat times-1: unit n

net base(unit, a, b, classes=10):
  input 3x33x33
  conv wide 3x3
  stage1: stage unit 64 a /1
  stage2: stage unit 128 b
  avgpool global
  fc classes

net small = base unit 2 2
net large = base unit 3 4 classes=100
""",
    "branches": """\
block inception(a, b, p):
  concat:
    | conv a 1x1 relu
    | conv b 1x1 relu -> conv b 3x3 relu
    | maxpool 3 /1 same -> conv p 1x1

net branches:
  input 3x28x28
  stem: conv 64 3x3 relu
  maxpool 2
  mixed1: inception 32 16 8
  output aux: avgpool global -> fc 10
  mixed2: inception 64 32 16
  if in.height > 4:
    maxpool 2
  else:
    avgpool 2
  conv 100 1x1 -> add @mixed3
  avgpool global -> fc 10

train branches:
  loss cross_entropy
  loss cross_entropy @aux weight=0.3
  adam lr=0.001
""".replace("  conv 100 1x1 -> add @mixed3\n", "  mixed3: conv 100 1x1\n  conv 100 3x3 -> add @mixed3\n"),
    "u": """\
default conv valid relu

block double(n):
  conv n 3x3 -> conv n 3x3

net u(classes=2):
  input 1x92x92
  d1: double 16
  maxpool 2
  d2: double 32
  maxpool 2
  double 64
  deconv 32 2x2 /2 -> concat @d2 crop -> double 32
  deconv 16 2x2 /2 -> concat @d1 crop -> double 16
  conv classes 1x1 linear

net pair:
  input left 3x16x16
  input right 3x16x16
  @left -> a: conv 8 3x3
  @right -> reuse @a -> sub @a -> abs
  for n in [32, 16]: fc n relu
  repeat 2 as i:
    layer[i]: fc 16 tanh
  fc 1
""",
}


@dataclass(frozen=True)
class Broken:
    """A broken text and, for each planted mistake, its kind and the lines any of which may be named."""

    text: str
    planted: tuple[tuple[str, frozenset[int]], ...]


Change = Callable[[str], str | None]  # a line to a broken one; None where the mistake does not fit the line


def _sub(pattern: str, into: str) -> Change:
    return lambda line: re.sub(pattern, into, line, count=1) if re.search(pattern, line) else None


CHANGES: dict[str, Change] = {
    "misspelt conv": _sub(r"\bconv (?=\w+ \dx\d)", "covn "),
    "misspelt maxpool": _sub(r"^( *)maxpool", r"\1maxpol"),
    "misspelt dropout": _sub(r"\bdropout\b", "droput"),
    "misspelt relu": _sub(r"(?<=\dx\d )relu", "rleu"),
    "foreign name": _sub(r"^( *)(conv|fc) ", r"\1Conv2D "),
    "misspelt repeat": _sub(r"\brepeat\b", "repaet"),
    "misspelt residual": _sub(r"\bresidual:", "resdual:"),
    "misspelt concat": _sub(r"\bconcat:", "concta:"),
    "misspelt input": _sub(r"^( *)input ", r"\1inptu "),
    "misspelt output": _sub(r"\boutput ", "otuput "),
    "misspelt net": _sub(r"^net ", "nett "),
    "misspelt block": _sub(r"^block ", "blok "),
    "misspelt train": _sub(r"^train ", "trian "),
    "misspelt default": _sub(r"^( *)default ", r"\1defualt "),
    "misspelt else": _sub(r"\belse:", "esle:"),
    "misspelt block call": _sub(r"\b(double|inception|stage) (?=\w)", r"\1x "),
    "missing colon": _sub(r":$", ""),
    "missing window": _sub(r"\bconv (\w+) \dx\d", r"conv \1"),
    "missing units": _sub(r"\bfc \w+", "fc"),
    "swapped": _sub(r"\bconv (\d+) (\dx\d)", r"conv \2 \1"),
    "no filters": _sub(r"\bconv \w+ (?=\dx\d)", "conv 0 "),
    "negative filters": _sub(r"\bconv \w+ (?=\dx\d)", "conv -4 "),
    "fraction": _sub(r"\bfc \d+", "fc 2.5"),
    "huge window": _sub(r"\bconv (\w+) \dx\d", r"conv \1 99x99 valid"),
    "zero window": _sub(r"\bconv (\w+) \dx\d", r"conv \1 0x3"),
    "window of strings": _sub(r"\bconv (\w+) \dx\d", r'conv \1 "3x3"'),
    "three axes": _sub(r"\bconv (\w+) \dx\d", r"conv \1 3x3x3"),
    "groups": _sub(r"(\bconv \w+ \dx\d[^>]*?)( ->|$)", r"\1 groups=7\2"),
    "unknown option": _sub(r"(\bconv \w+ \dx\d[^>]*?)( ->|$)", r"\1 colour=1\2"),
    "misspelt option": _sub(r"\bpad=", "padd="),
    "negative pad": _sub(r"(\bconv \w+ \dx\d)", r"\1 pad=-1"),
    "zero stride": _sub(r"(\bconv \w+ \dx\d)(?! /)", r"\1 /0"),
    "zero dilation": _sub(r"(\bconv \w+ \dx\d)", r"\1 dilation=0"),
    "two activations": _sub(r"\brelu$", "relu tanh"),
    "two paddings": _sub(r"(\bconv \w+ \dx\d)", r"\1 same valid"),
    "one too many": _sub(r"\bfc (\w+)", r"fc \1 20"),
    "unclosed bracket": _sub(r"\bfc \w+", "fc (10"),
    "unopened bracket": _sub(r"$", ")"),
    "strange character": _sub(r"$", " $"),
    "unknown node": _sub(r"@\w+", "@nowhere"),
    "tab": lambda line: "\t" + line.lstrip() if line.startswith("  ") else None,
    "arrow at the end": _sub(r"(?<=[\w\d])$", " ->"),
    "rate": _sub(r"dropout 0\.\d+", "dropout 1.5"),
    "dense": _sub(r"^( *)fc \w+.*", r"\1dense 10"),
    "glued": _sub(r"\bconv (\d+)", r"conv\1"),
    "blank in size": _sub(r"(\d)x(\d)", r"\1 x \2"),
    "capital X": _sub(r"(\d)x(\d)", r"\1X\2"),
    "undefined name": _sub(r"\bconv \w+ (?=\dx\d)", "conv chanels "),
    "undefined count": _sub(r"repeat [\w-]+", "repeat tiems"),
    "wrong part of in": _sub(r"in\.(channels|height)", "in.chanels"),
    "zero input": _sub(r"input ([a-z]+ )?(\d+)x", r"input \g<1>0x"),
    "missing value": _sub(r"=[\w.]+(?=( |$))", "="),
    "brackets of a call": _sub(r"^( *)conv (\w+) (\dx\d)", r"\1conv(\2, \3)"),
    "commas": _sub(r"\bconv (\w+) (\dx\d)", r"conv \1, \2"),
    "negative repeat": _sub(r"repeat [\w-]+", "repeat -2"),
    "half a repeat": _sub(r"repeat [\w-]+", "repeat 1.5"),
    "for over a number": _sub(r"in \[.*?\]:", "in 5:"),
    "missing comma": _sub(r"\[32, 16\]", "[32 16]"),
    "reserved label": _sub(r"^( *)(stem|d1|mixed3): ", r"\1for: "),
    "too few arguments": _sub(r"\binception (\d+) (\d+) \d+", r"inception \1 \2"),
    "too many arguments": _sub(r"\binception (\d+) (\d+) \d+", r"inception \1 \2 3 4"),
    "unknown parameter": _sub(r"\b(double \d+|inception [\d ]+)$", r"\1 depth=3"),
    "variant too short": _sub(r"= base unit \d \d", "= base unit 2"),
    "variant of nothing": _sub(r"= base ", "= bsae "),
    "variant unknown option": _sub(r"classes=100", "clases=100"),
    "unknown loss": _sub(r"loss cross_entropy", "loss cross_entorpy"),
    "unknown optimiser": _sub(r"^( *)(sgd|adam) ", r"\1addam "),
    "negative rate": _sub(r"lr=", "lr=-"),
    "momentum of one": _sub(r"momentum=0.9", "momentum=1"),
    "no batch": _sub(r"batch 64", "batch 0"),
    "half a batch": _sub(r"batch 64", "batch 6.5"),
    "loss of no output": _sub(r"@aux weight", "@axu weight"),
    "unknown schedule": _sub(r"schedule step", "schedule setp"),
    "train of nothing": _sub(r"^train \w+", "train nothing"),
    "wrong shortcut": _sub(r"conv n 1x1 /stride linear", "conv n+1 1x1 /stride linear"),
    "lost stride": _sub(r"^(    conv n 1x1) /stride", r"\1"),
    "division": _sub(r"\bfc (\d+)", r"fc \1/0"),
    "string number": _sub(r"\bfc \d+", 'fc "ten"'),
    "unclosed text": _sub(r"\bfc \d+", 'fc "ten'),
    "semicolon": _sub(r" -> ", "; "),
    "word as condition": _sub(r"in\.height > 4", "high"),
    "assignment as condition": _sub(r"stride != 1", "stride = 1"),
    "duplicate option": _sub(r"pad=1", "pad=1 pad=1"),
    "arrow of another kind": _sub(r" -> ", " => "),
    "bias of a pool": _sub(r"^( *)maxpool 2", r"\1maxpool 2 bias=no"),
    "other arrow": _sub(r" -> ", " >> "),
    "option with a colon": _sub(r"pad=1", "pad:1"),
    "comment of another language": _sub(r"$", " // why"),
    "else if": _sub(r"\belse:", "else if yes:"),
    "no condition": _sub(r"\bif [^:]*:", "if:"),
    "two names for a label": _sub(r"^( *)(stem|d1|d2|mixed3): ", r"\1\2 part: "),
    "label glued to nothing": _sub(r"^( *)(stem|d1|d2|mixed3): ", r"\1: "),
    "number as a name": _sub(r"^( *)(stem|d1|d2|mixed3): ", r"\1 3: "),
    "name of turns missing": _sub(r" as i:", " as:"),
    "of for in": _sub(r" in \[", " of ["),
    "reuse of nothing": _sub(r"reuse @a", "reuse @b"),
    "reuse of a word": _sub(r"reuse @a", "reuse a"),
    "empty reference": _sub(r"@\w+", "@"),
    "crop of another word": _sub(r" crop", " corp"),
    "negative dropout": _sub(r"dropout 0\.\d+", "dropout -0.5"),
    "text for a rate": _sub(r"dropout 0\.\d+", 'dropout "half"'),
    "huge number": _sub(r"\bfc (\d+)", r"fc 99999999999999"),
    "power too large": _sub(r"\bfc (\d+)", r"fc 9^900"),
    "unknown function": _sub(r"\bfc (\d+)", r"fc sqrt(\1)"),
    "item out of a list": _sub(r"\bfc (\d+)", r"fc [\1, 2][2]"),
    "depth of a plane": _sub(r"\bconv \d+ (?=\dx\d)", "conv in.depth "),
    "odd sizes of pads": _sub(r"(\bconv \w+ \dx\d)", r"\1 pad=[1, 1, 1]"),
    "unknown initialiser": _sub(r"(\bconv \w+ \dx\d)", r"\1 init=xaviar"),
    "negative factor": _sub(r"(\bconv \w+ \dx\d)", r"\1 lr=-1"),
    "bias of words": _sub(r"(\bconv \w+ \dx\d)", r"\1 bias=maybe"),
    "default of a size": _sub(r"default conv", "default conv 3x3"),
    "default of nothing": _sub(r"default conv .*", "default conv"),
    "default of an unknown": _sub(r"default conv", "default cnov"),
    "variant of a layer": _sub(r"= base unit.*", "= conv 3 3x3"),
    "unknown data set": _sub(r'data "train.npz" test="test.npz"', "data digitss"),
    "data without quotes": _sub(r'data "train.npz"', "data train.npz"),
    "data of a number": _sub(r'data "train.npz"', "data 3"),
    "unknown option of data": _sub(r"test=", "tset="),
    "unknown augmentation": _sub(r"augment flip", "augment flipp"),
    "augmentation out of range": _sub(r"augment crop pad=4", "augment crop pad=-4"),
    "augmentation wider than the image": _sub(r"augment crop pad=4", "augment crop pad=400"),
    "unknown metric": _sub(r"metric accuracy", "metric acuracy"),
    "unknown setting": _sub(r"^  epochs", "  epoch"),
    "setting with equals": _sub(r"epochs 10", "epochs = 10"),
    "half an epoch": _sub(r"epochs 10", "epochs 0.5"),
    "unknown penalty": _sub(r"regularise l2", "regularise l3"),
    "penalty without a number": _sub(r"regularise l2 1e-4", "regularise l2"),
    "average of one": _sub(r"average 0.99", "average 1"),
    "negative weight": _sub(r"weight=0.3", "weight=-0.3"),
    "schedule of no scalar": _sub(r"schedule step every=10", "schedule step 10 of=momentun"),
    "schedule of halves": _sub(r"every=10", "every=2.5"),
    "activation of a pool": _sub(r"^( *)maxpool 2", r"\1maxpool 2 relu"),
}


def _alone(name: str, line: str) -> bool:
    """Lines of a fixed form that a change may not be planted in without meaning something else."""
    return not line.strip() or line.lstrip().startswith("#")


def single(base: str) -> Iterator[tuple[str, int, str]]:
    """(kind, line number, broken line) for every change that fits a line of the base."""
    for number, line in enumerate(BASES[base].splitlines(), 1):
        if _alone(base, line):
            continue
        for kind, change in CHANGES.items():
            broken = change(line)
            if broken is not None and broken != line:
                yield kind, number, broken


def structural(base: str) -> Iterator[tuple[str, str, frozenset[int]]]:
    """Mistakes of whole lines: (kind, text, lines to name)."""
    lines = BASES[base].splitlines()
    for k, line in enumerate(lines):
        number = k + 1
        if _alone(base, line):
            continue
        deeper = k > 0 and len(lines[k - 1]) - len(lines[k - 1].lstrip()) > len(line) - len(line.lstrip())
        body = line.startswith("  ") and not deeper and not line.strip().startswith("|") and not line.rstrip().endswith(":")
        if body:
            yield "over-indented", "\n".join([*lines[:k], "  " + line,
                                              *lines[k + 1 :]]), frozenset({number,
                                                                            number - 1}) if _inside(lines,
                                                                                    k) else frozenset({number})
        if re.match(r"  \w+: ", line) and not re.match(r"  (residual|repeat|for|if|else|output)", line):
            yield "duplicate label", "\n".join([*lines[: k + 1], line, *lines[k + 1 :]]), frozenset({number, number + 1})
        if re.match(r"(net|block) \w+", line) and line.endswith(":"):
            name = line.split()[1].split("(")[0].rstrip(":")
            yield "defined twice", "\n".join([*lines, f"block {name}:", "  relu"]), frozenset({number, len(lines) + 1})
        if re.match(r"  input", line) and base != "u":
            yield "input twice", "\n".join([*lines[: k + 1], line, *lines[k + 1 :]]), frozenset({number, number + 1})
            yield "no input", "\n".join([*lines[:k], *lines[k + 1 :]]), frozenset(range(number - 6, number + 3))
        if re.match(r"( *)(residual|repeat|if|else).*:$", line):
            yield "body not indented", "\n".join([*lines[: k + 1], (lines[k + 1])[2:],
                                                  *lines[k + 2 :]]) if not lines[k
                                                                                 + 1].strip(
                                                                                     ).startswith("|") else "", frozenset({number,
                                                                                             number + 1, number + 2})
        if "|" in line and line.strip().startswith("|"):
            yield "branch without bar", "\n".join([*lines[:k], line.replace("| ", "", 1),
                                                   *lines[k + 1 :]]), frozenset({number, number - 1})
            yield "branch outside", "\n".join([*lines[:k], line[2:],
                                               *lines[k + 1 :]]), frozenset({number, number - 1, number + 1})


def _inside(lines: list[str], k: int) -> bool:
    """Whether the line above opens a body that this one is the first of: then indenting it more is no mistake."""
    return lines[k - 1].rstrip().endswith(":")


def every_single() -> Iterator[Broken]:
    for base, text in BASES.items():
        lines = text.splitlines()
        for kind, number, broken in single(base):
            yield Broken("\n".join([*lines[: number - 1], broken, *lines[number:]]) + "\n", ((kind, frozenset({number})),))
        for kind, whole, at in structural(base):
            if whole and not (kind == "over-indented"
                              and any(lines[min(at) - 2 + d].rstrip().endswith(":") for d in (0, 1) if len(at) > 1)):
                yield Broken(whole + "\n", ((kind, at),))


def several(count: int, seed: int = 0) -> Iterator[Broken]:
    """Two or three mistakes on different lines."""
    rng = random.Random(seed)
    pools = {base: list(single(base)) for base in BASES}
    for _ in range(count):
        base = rng.choice(list(BASES))
        lines = BASES[base].splitlines()
        planted: dict[int, tuple[str, str]] = {}
        wanted = rng.choice((2, 3))
        for kind, number, broken in rng.sample(pools[base], 40):
            if number not in planted and len(planted) < wanted:
                planted[number] = (kind, broken)
        for number, (_, broken) in planted.items():
            lines[number - 1] = broken
        yield Broken("\n".join(lines) + "\n", tuple((kind, frozenset({n})) for n, (kind, _) in planted.items()))
