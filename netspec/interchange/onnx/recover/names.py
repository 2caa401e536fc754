"""What blocks, their parameters and the parts of a net are called: by the file's own names where they are good, else by what is
inside."""

from __future__ import annotations

import re
from collections import Counter

from ....syntax.refused import RESERVED
from ....words.layer import LAYERS
from .modules import Module
from .steps import pointwise
from .term import Sequence, Term, steps

VAGUE = ("conv", "features", "conv_norm_activation", "layers", "block", "blocks", "branch", "relu", "model", "main", "net", "sequential",
         "modulelist", "downsample")
INSTEAD = {"layer": "stage", "double_conv": "double", "maxpool_conv": "down", "convbnrelu": "conv_bn", "squeeze_excitation": "squeeze", "inverted_residual": "inverted"}


def parameter_name(kind: str, term: Term, where: tuple[tuple[str, int], ...], after: Sequence, before: Sequence) -> str:
    """What a new parameter is called: in a branch by what it does there, r3 a reduction before 3x3, c3 a 3x3, p behind a pool;
    before a depthwise convolution or fewer channels by that."""
    if kind != "n":
        return kind
    inside = {k for k, _ in where}
    if widens(term, after):
        return "wide"
    if ("gate" in inside and len(where) > 1) or (term.kind == "call" and term.head[0] == "squeeze"):
        return "narrow"
    if after and after[0].kind == "merge" and all(map(_is_conv, (term, *steps(after[:1])))):
        return "squeeze"
    if "merge" not in inside:
        return "n"
    follow = [t for t in after if _is_conv(t)]
    if any(t.kind == "step" and t.head[0].endswith("pool") for t in before):
        return "p"
    return f"r{_window(follow[0])}" if follow else f"c{_window(term)}"


def _is_conv(t: Term) -> bool:
    return t.kind == "step" and t.head[0] == "conv"


def widens(term: Term, after: Sequence) -> bool:
    """Whether it is a pointwise convolution right before a depthwise one."""
    return bool(after) and _is_conv(term) and _is_conv(after[0]) and pointwise(term) and bool(after[0].head[5])


def _window(t: Term) -> int:
    return 1 if t.head[0] != "conv" or pointwise(t) else t.hole("k") or 0


def _holds(kind: str, seq: Sequence) -> bool:
    return any(t.kind == kind or any(_holds(kind, k) for k in t.kids) for t in seq)


def baptised(body: Sequence, taken: set[str], places: list[list[Module]]) -> str:
    """A name for a block: that of the outermost class, or module, that it is at all places, else what such parts are called."""
    kinds = [_words(m.kind) for m in places[0] if m.kind and all(any(m.kind == o.kind for o in p) for p in places)]
    names = [name for m in places[0] if (name := _stem(m)) and all(any(name == _stem(o) for o in p) for p in places)]
    own = next((k for k in kinds if re.fullmatch("[a-z][a-z0-9_]{1,40}", k) and k not in VAGUE), "") or next(
        (n for n in names if re.fullmatch("[a-z_]{4,40}", n) and n not in VAGUE), "")
    own = next((n for n in names if n == own.replace("_", "")), own)
    name = INSTEAD.get(own, own) or _kind(body)
    known = taken | set(LAYERS) | set(RESERVED)
    return next(c for c in (name, *(f"{name}_{k}" for k in "bcdefghijkl"), *(f"{name}{k}" for k in range(2, 99))) if c not in known)


def _stem(m: Module) -> str:
    """The name of a module without its number."""
    return re.sub(r"(?<=[a-z])\d+[a-z]?$", "", m.name).lower()


def counted(labels: list[str], taken: set[str]) -> str:
    """A name for a block of which most calls, as they are numbered, have the names that these labels are; nothing where there is
    none."""
    bases = Counter(m[1] or m[2] for w in labels if (m := re.fullmatch(r"(.*\d)_\d+|(.*[^\d])\d+", w)))
    known = taken | set(LAYERS) | set(RESERVED)
    often = sorted(bases, key=lambda b: (-bases[b], -len(b)))
    return next((b for b in often if b not in known and re.fullmatch(r"[A-Za-z]\w*", b)), "")


def _words(kind: str) -> str:
    """The name of a class as words: BasicBlock as basic_block."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).strip("_").lower()
    short = words.removesuffix("_block")
    return short if len(short) > 3 and short not in RESERVED else words


def _kind(body: Sequence) -> str:
    """What parts that look like this are called."""
    convs = [t for t in steps(body) if t.head[0] == "conv"]
    windows, kinds = [_window(t) for t in convs], [t.kind for t in body]
    depthwise = any(t.head[4] == "own" for t in convs)
    last = body[-1] if body else None
    found = (
        ("squeeze", "gate" in kinds),
        ("convnext", depthwise and any(t.head[0] == "word" and t.head[1].startswith("layer_norm") for t in steps(body))),
        ("bottleneck", _holds("residual", body) and not depthwise and windows[:3] == [1, 3, 1]),
        ("basic", _holds("residual", body) and windows[:2] == [3, 3]),
        ("dense_stage", _holds("dense", body) and _holds("repeat", body)),
        ("dense_layer", _holds("dense", body)),
        ("unit", depthwise and any(t.head[0] == "interleave" for t in steps(body))),
        ("inverted", depthwise and len(convs) > 2),
        ("separable", depthwise and len(convs) == 2),
        ("fire", _holds("merge", body) and windows == [1, 1, 3]),
        ("inception", _holds("merge", body) and any(len(t.kids) > 2 for t in body)
         and any(t.head[0] in ("maxpool", "avgpool") for t in steps(body))),
        ("split", _holds("merge", body) and any(t.head[0] == "channels" for t in steps(body))),
        ("fork", _holds("merge", body)),
        ("stage", _holds("call", body)),
        ("transition", last is not None and last.kind == "step" and last.head[0] == "avgpool"),
    )
    twice = len(body) == 2 or (len(body) == 1 and body[0].kind == "repeat" and body[0].hole("times") == 2)
    alike = set(windows) == {3} and len(convs) == len(list(steps(body))) == len(body)
    return next((name for name, is_so in found if is_so), "double" if twice and alike else "part")

