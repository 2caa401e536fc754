"""From a node of ONNX's operator tests to steps of the language, and back: a small adapter.

An ONNX tensor has no batch axis of its own, so the first axis, or one put before it, becomes the batch as the operator
needs it. What the language cannot say is refused with `Outside` and a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor, prod
from typing import Any

import numpy as np

Array = Any
Attributes = dict[str, Any]


class Outside(Exception):
    """Why a case is not in the language."""


OUTSIDE = {
    "ArgMax": "the result is an index, which no layer can learn through: numpy's argmax of a prediction",
    "Col2Im": "windows added up without weights are a step of `deconv`, not a layer",
    "DeformConv": "windows whose taps move are not affine, as every formula here is",
    "Hardmax": "its gradient is zero everywhere: numpy's argmax of a prediction",
    "Transpose": "axes keep their meaning: channels, then height and width",
}


@dataclass(frozen=True)
class Meaning:
    """Steps, the flow with its batch axis, values that the steps refer to, parameters by their last name, how to read the result
    as ONNX's, and the buffers that later outputs are."""

    steps: list[str]
    x: Array
    parameters: dict[str, Array] = field(default_factory=dict)
    others: dict[str, Array] = field(default_factory=dict)
    back: Callable[[Array], Array] = lambda y: y
    training: bool = False
    buffers: tuple[str, ...] = ()


def by(numbers: Any) -> str:
    numbers = [int(n) for n in numbers]
    return "x".join(map(str, numbers)) if len(numbers) > 1 else str(numbers[0])


def pairs(numbers: list[tuple[int, int]]) -> str:
    return "[" + ", ".join(f"({int(a)}, {int(z)})" for a, z in numbers) + "]"


def shape_of(want: Array) -> Callable[[Array], Array]:
    """The result under the shape ONNX gives it."""
    return lambda y: y.reshape(want.shape)


def sample(x: Array) -> Array:
    """All of a tensor as one sample."""
    return x.reshape(1, -1) if x.ndim < 1 or x.ndim > 4 else x[None]


ELEMENTWISE: dict[str, Callable[[Attributes], list[str]]] = {
    "Relu": lambda a: ["relu"], "Sigmoid": lambda a: ["sigmoid"], "Tanh": lambda a: ["tanh"], "Softplus": lambda a: ["softplus"],
    "Softsign": lambda a: ["softsign"],
    "HardSwish": lambda a: ["hardswish"], "Mish": lambda a: ["mish"], "Abs": lambda a: ["abs"],
    "Identity": lambda a: ["scale 1.0"],
    "Swish": lambda a: [f"swish beta={a.get('alpha', 1.0)}"], "Elu": lambda a: [f"elu {a.get('alpha', 1.0)}"],
    "Celu": lambda a: [f"celu {a.get('alpha', 1.0)}"],
    "Gelu": lambda a: ["gelu tanh" if a.get("approximate") == "tanh" else "gelu"],
    "Selu": lambda a: ["selu"] if "gamma" not in a else [f"elu {a['alpha']}", f"scale {a['gamma']}"],
    "HardSigmoid": lambda a: [f"hardsigmoid slope={a.get('alpha', 0.2)} middle={a.get('beta', 0.5)}"],
    "LeakyRelu": lambda a: [f"leaky {a.get('alpha', 0.01)}"], "ThresholdedRelu": lambda a: [f"threshold {a.get('alpha', 1.0)}"],
}
MERGES = {"Sum": "add", "Add": "add", "Sub": "sub", "Mul": "mul", "Max": "max", "Min": "min", "Mean": "mean"}
POOLS = {"MaxPool": "maxpool", "AveragePool": "avgpool", "LpPool": "lppool"}
GLOBAL = {"GlobalMaxPool": "maxpool global", "GlobalAveragePool": "avgpool global", "GlobalLpPool": "lppool global"}
REDUCTIONS = {"ReduceMean": "avgpool global", "ReduceMax": "maxpool global", "ReduceMin": "minpool global",
              "ReduceL2": "lppool global", "ReduceL1": "lppool global p=1", "ReduceSum": "avgpool global"}
NORMS = {"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "LRN",
         "MeanVarianceNormalization"}
LOSSES = {"SoftmaxCrossEntropyLoss": "cross_entropy", "NegativeLogLikelihoodLoss": "nll"}
RULES = {"Adagrad", "Adam", "Momentum"}
COVERED = {*ELEMENTWISE, *MERGES, *POOLS, *GLOBAL, *REDUCTIONS, *NORMS, *LOSSES, *RULES, *OUTSIDE, "Clip", "PRelu", "Softmax",
           "LogSoftmax", "Conv", "ConvTranspose", "MaxUnpool",
           "Gemm", "Flatten", "Reshape", "DepthToSpace", "SpaceToDepth", "Pad", "Resize", "Upsample", "Concat", "Slice", "Split",
           "Dropout"}


def meaning(op: str, a: Attributes, inputs: list[Array], wants: list[Array], name: str = "") -> list[Meaning]:
    """What a node says in the language, for each of its outputs that are layers'. `inputs` has None where one is left out."""
    x, want = inputs[0], wants[0]
    if op in OUTSIDE and not (op == "Transpose" and a.get("perm") == list(range(x.ndim))):
        raise Outside(OUTSIDE[op])
    if op != "Split" and (not x.size or not want.size):
        raise Outside("an empty tensor")
    shaped = shape_of(want)
    match op:
        case _ if op in ELEMENTWISE:
            return [Meaning(ELEMENTWISE[op](a), x.reshape(1, -1), back=shaped)]
        case "Transpose":
            return [Meaning(["scale 1.0"], sample(x), back=shaped)]
        case "Clip":
            low, high = ((float(i) if i is not None else None) for i in (*inputs[1:], None, None)[:2])
            if low is not None and high is not None and low > high:
                raise Outside("a lowest number above the highest")
            most = float(np.finfo(np.float32).max)
            return [Meaning([f"hardtanh low={-most if low is None else low} high={most if high is None else high}"],
                            x.reshape(1, -1), back=shaped)]
        case "PRelu":
            return [Meaning(["prelu elements"], sample(x), {"weight": np.broadcast_to(inputs[1], x.shape)}, back=shaped)]
        case "Dropout":
            ratio = a.get("ratio", 0.5 if len(inputs) < 2 or inputs[1] is None else float(inputs[1]))
            training = len(inputs) > 2 and inputs[2] is not None and bool(inputs[2])
            if training and ratio:
                raise Outside("its random numbers are numpy's")
            return [Meaning([f"dropout {ratio}"], x.reshape(1, -1), back=shaped, training=training)]
        case "Softmax" | "LogSoftmax":
            axis = a.get("axis", -1) % x.ndim
            flow = np.moveaxis(x, axis, 1) if x.ndim > 1 else x[None]
            return [Meaning(["softmax" if op == "Softmax" else "log_softmax"], flow, back=(lambda y: np.moveaxis(y, 1, axis))
                            if x.ndim > 1 else shaped)]
        case _ if op in MERGES:
            if any(i.shape != x.shape for i in inputs):
                raise Outside("shapes that differ: a merge here never repeats a value by itself")
            return [merged(MERGES[op], [i.reshape(1, -1) for i in inputs], shaped)]
        case "Concat":
            axis = a["axis"] % x.ndim
            return [merged("concat", [np.moveaxis(sample(i), axis + 1, 1) for i in inputs],
                           lambda y: np.moveaxis(y, 1, axis + 1)[0])]
        case "Slice" | "Split":
            return sliced(op, a, inputs, wants)
        case "Conv":
            window, g = a.get("kernel_shape", inputs[1].shape[2:]), a.get("group", 1)
            step = (
                f"conv {len(inputs[1])} {by(window)} {sliding(a)} {around(a, x, window)} groups={g} bias={'yes' if len(inputs) > 2 else 'no'}")
            return [Meaning([step], x, dict(zip(("weight", "bias"), inputs[1:])))]
        case "ConvTranspose":
            return [transposed(a, inputs)]
        case _ if op in POOLS:
            window, options = a["kernel_shape"], [sliding(a), around(a, x, a["kernel_shape"]), "ceil" if a.get("ceil_mode")
                                                  else "floor"]
            options += ([
                f"count_pad={'yes' if a.get('count_include_pad') else 'no'}"] if op == "AveragePool" else [f"p={a.get('p', 2)}"]
                if op == "LpPool" else [])
            return [Meaning([" ".join([POOLS[op], by(window), *options])], x)]
        case _ if op in GLOBAL:
            return [Meaning([GLOBAL[op] + (f" p={a.get('p', 2)}" if "Lp" in op else "")], x)]
        case _ if op in REDUCTIONS:
            return [reduced(op, a, inputs, shaped)]
        case "MaxUnpool":
            return [unpooled(a, inputs, want)]
        case _ if op in NORMS:
            return [normalised(op, a, inputs, shaped)]
        case "Gemm":
            left, right = x.T if a.get("transA") else x, inputs[1].T if not a.get("transB") else inputs[1]
            weight, steps = {"weight": a.get("alpha", 1.0) * right}, [f"fc {len(right)} bias=no"]
            if len(inputs) < 3 or inputs[2] is None:
                return [Meaning(steps, left, weight)]
            return [Meaning([*steps, "add @c"], left, weight, {"c": a.get("beta", 1.0) * np.broadcast_to(inputs[2], want.shape)})]
        case "Flatten":
            axis = a.get("axis", 1)
            axis = axis + x.ndim if axis < 0 else axis
            return [Meaning(["flatten"], x.reshape(prod(x.shape[:axis]), *x.shape[axis:]) if axis < x.ndim else x.reshape(-1, 1),
                            back=shaped)]
        case "Reshape":
            if not 1 <= want.ndim <= 4 or not 1 <= x.ndim <= 4:
                raise Outside("a value has channels and up to three more axes")
            return [Meaning([f"reshape {by(want.shape)}"], sample(x), back=shaped)]
        case "DepthToSpace" | "SpaceToDepth":
            return [Meaning(
                [f"{'shuffle' if op == 'DepthToSpace' else 'unshuffle'} {a['blocksize']} {a.get('mode', 'DCR').lower()}"], x)]
        case "Pad":
            return [padded(a, inputs)]
        case "Upsample":
            return [Meaning([f"up {by(inputs[1][2:])} {'nearest' if a['mode'] == 'nearest' else 'bilinear'}"], x)]
        case "Resize":
            return [resized(a, inputs, want)]
    raise Outside(f"no {op}")


def merged(layer: str, arrays: list[Array], back: Callable[[Array], Array]) -> Meaning:
    others = {f"in{k}": i for k, i in enumerate(arrays[1:], 1)}
    return Meaning([" ".join([layer, *(f"@{n}" for n in others)])], arrays[0], others=others, back=back)


def sliding(a: Attributes) -> str:
    return f"/{by(a.get('strides', [1]))}" + (f" dilation={by(a['dilations'])}" if "dilations" in a else "")


def around(a: Attributes, x: Array, window: Any) -> str:
    rank, total = len(window), []
    strides, dilations = a.get("strides", [1] * rank), a.get("dilations", [1] * rank)
    if a.get("auto_pad", "NOTSET").startswith("SAME"):
        for n, k, s, d in zip(x.shape[2:], window, strides, dilations):
            need = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
            total.append((need // 2, need - need // 2) if a["auto_pad"] == "SAME_UPPER" else (need - need // 2, need // 2))
    else:
        flat = a.get("pads", [0] * 2 * rank)
        total = list(zip(flat[:rank], flat[rank:]))
    return f"pad={pairs(total)}"


def transposed(a: Attributes, inputs: list[Array]) -> Meaning:
    """What is given as the size of the result becomes padding, or, where the result is larger than all windows, output_pad."""
    x, w = inputs[:2]
    rank = x.ndim - 2
    strides, dilations, extra = a.get("strides", [1] * rank), a.get("dilations",
                                                                    [1] * rank), list(a.get("output_padding", [0] * rank))
    flat = a.get("pads", [0] * 2 * rank)
    cut, auto = list(zip(flat[:rank], flat[rank:])), a.get("auto_pad", "NOTSET")
    if "output_shape" in a or auto.startswith("SAME"):
        sizes = a["output_shape"][-rank:] if "output_shape" in a else [n * s for n, s in zip(x.shape[2:], strides)]
        for k, (n, s, d, e, size) in enumerate(zip(x.shape[2:], strides, dilations, extra, sizes)):
            total = s * (n - 1) + e + d * (w.shape[k + 2] - 1) + 1 - size
            small, large = max(total, 0) // 2, max(total, 0) - max(total, 0) // 2
            cut[k], extra[k] = (small, large) if auto == "SAME_UPPER" else (large, small), e + max(-total, 0)
    g = a.get("group", 1)
    step = (
        f"deconv {w.shape[1] * g} {by(w.shape[2:])} {sliding(a)} pad={pairs(cut)} output_pad={by(extra)} groups={g} bias={'yes' if len(inputs) > 2 else 'no'}")
    return Meaning([step], x, dict(zip(("weight", "bias"), inputs[1:])))


def reduced(op: str, a: Attributes, inputs: list[Array], back: Callable[[Array], Array]) -> Meaning:
    """Axes that stay are channels, the others one spatial axis that a global pool takes."""
    x = inputs[0]
    given = inputs[1] if len(inputs) > 1 and inputs[1] is not None else np.array(a.get("axes", []))
    if not given.size and a.get("noop_with_empty_axes"):
        return Meaning(["scale 1.0"], sample(x), back=back)
    axes = sorted({int(k) % x.ndim for k in given.ravel()}) or list(range(x.ndim))
    stay = [k for k in range(x.ndim) if k not in axes]
    flow = x.transpose(*stay, *axes).reshape(1, prod(x.shape[k] for k in stay), -1)
    return Meaning([REDUCTIONS[op], *([f"scale {flow.shape[2]}.0"] if op == "ReduceSum" else [])], flow, back=back)


def unpooled(a: Attributes, inputs: list[Array], want: Array) -> Meaning:
    """Indices come from a pool here, so an image is made whose largest numbers lie where they point."""
    x, indices = inputs[0], inputs[1].astype(int)
    strides = a.get("strides", [1] * (x.ndim - 2))
    inferred = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], strides, a["kernel_shape"])]
    image = np.zeros(want.shape)
    for at, i in np.ndenumerate(indices):
        image[(*at[:2], *np.unravel_index(i - prod(inferred) * (at[0] * x.shape[1] + at[1]), inferred))] = 1.0
    return Meaning([f"p: @image -> maxpool {by(a['kernel_shape'])} {sliding(a)}", "@x -> unpool @p"], x, others={"image": image})


def normalised(op: str, a: Attributes, inputs: list[Array], back: Callable[[Array], Array]) -> Meaning:
    x, eps = inputs[0], a.get("epsilon", 1e-5)
    affine = dict(zip(("weight", "bias", "mean", "var"), inputs[1:]))
    match op:
        case "BatchNormalization":
            training = bool(a.get("training_mode"))
            return Meaning([f"bn biased eps={eps} momentum={1 - a.get('momentum', 0.9)}"], x, affine, training=training,
                           buffers=("mean", "var") if training else ())
        case "MeanVarianceNormalization":
            if a.get("axes", [0, 2, 3]) != [0, 2, 3]:
                raise Outside("bn keeps the channels apart")
            return Meaning(["bn biased eps=0"], x, training=True)
        case "GroupNormalization":
            return Meaning([f"group_norm {a['num_groups']} eps={eps}"], x, affine)
        case "InstanceNormalization":
            return Meaning([f"instance_norm affine eps={eps}"], x, affine)
        case "LRN":
            return Meaning([f"lrn {a['size']} alpha={a.get('alpha', 1e-4)} beta={a.get('beta', 0.75)} k={a.get('bias', 1.0)}"], x)
    axis = a.get("axis", -1) % x.ndim
    return Meaning([f"layer_norm eps={eps}"], x.reshape(prod(x.shape[:axis]), *x.shape[axis:]),
                   {"bias": np.zeros(x.shape[axis:]), **affine}, back=back)


def padded(a: Attributes, inputs: list[Array]) -> Meaning:
    x = inputs[0]
    given = inputs[1].astype(int) if len(inputs) > 1 else np.array(a["pads"])
    axes = [int(k) % x.ndim for k in inputs[3]] if len(inputs) > 3 and inputs[3] is not None else list(range(x.ndim))
    amount = [(0, 0)] * x.ndim
    for axis, before, after in zip(axes, given[: len(axes)], given[len(axes):]):
        amount[axis] = (int(before), int(after))
    mode = {"edge": "replicate", "wrap": "circular"}.get(a.get("mode", "constant"), a.get("mode", "constant"))
    value = float(inputs[2]) if len(inputs) > 2 and inputs[2] is not None else 0.0
    if any(amount[0]) or amount[1][0] or (amount[1][1] and (value or mode != "constant")):
        raise Outside("samples and channels are not pixels: only zeros can be put after the last channel")
    steps = [f"pad {pairs([(max(b, 0), max(e, 0)) for b, e in amount[2:]])} {mode} value={value} channels={amount[1][1]}"]
    cut = [(max(-b, 0), max(-e, 0)) for b, e in amount[2:]]
    return Meaning([*steps, *([f"crop {pairs(cut)}"] if any(map(any, cut)) else [])], x)


def sliced(op: str, a: Attributes, inputs: list[Array], wants: list[Array]) -> list[Meaning]:
    """Parts of all of a tensor as one sample: of its first axis, the channels, and of the planes."""
    x = inputs[0]
    if not all(w.size for w in wants):
        raise Outside("an empty tensor")
    parts: list[list[tuple[int, int]]] = []
    if op == "Split":
        axis, at = a.get("axis", 0) % x.ndim, 0
        for w in wants:
            parts.append([(at, at + w.shape[axis]) if k == axis else (0, n) for k, n in enumerate(x.shape)])
            at += w.shape[axis]
    else:
        starts, ends = inputs[1:3]
        axes, steps = (list(map(int, i)) if i is not None else None for i in (*inputs[3:], None, None)[:2])
        if steps and set(steps) != {1}:
            raise Outside("a slice with a step, or backwards")
        whole = [(0, n) for n in x.shape]
        for k, s, e in zip(axes or range(x.ndim), starts, ends):
            whole[k] = slice(int(s), int(e)).indices(x.shape[k])[:2]
        parts.append(whole)
    out = []
    for part, w in zip(parts, wants):
        (first, end), *plane = part
        cut = [(s, n - e) for (s, e), n in zip(plane, x.shape[1:])]
        steps_ = [f"channels {first}..{end - 1}" if end - 1 > first else f"channels {first}",
                  *([f"crop {pairs(cut)}"] if any(map(any, cut)) else [])]
        out.append(Meaning(steps_, x[None], back=shape_of(w)))
    return out


def resized(a: Attributes, inputs: list[Array], want: Array) -> Meaning:
    """`up` to the size of a reference, where it means the same pixels."""
    x, mode = inputs[0], a.get("mode", "nearest")
    how, rank = a.get("coordinate_transformation_mode", "half_pixel"), x.ndim - 2
    if a.get("antialias") or how == "tf_crop_and_resize":
        raise Outside("it averages the pixels between" if a.get("antialias") else "it cuts out a box of fractions of pixels")
    if x.shape[:2] != want.shape[:2]:
        raise Outside("samples and channels are not pixels")
    scales = [w / n for n, w in zip(x.shape[2:], want.shape[2:])]
    given = inputs[2] if len(inputs) > 2 else None
    if given is not None and given.size:
        named = dict(zip((int(k) % x.ndim for k in a.get("axes", range(x.ndim))), map(float, given)))
        scales = [named.get(k + 2, 1.0) for k in range(rank)]
    elif "keep_aspect_ratio_policy" in a and a["keep_aspect_ratio_policy"] != "stretch":
        pick = min if a["keep_aspect_ratio_policy"] == "not_larger" else max
        scales = [pick(float(s) / x.shape[int(k)] for s, k in zip(inputs[3], a.get("axes", range(x.ndim))))] * rank
    places = [[source(how, i, s, n, m) for i in range(m)] for s, n, m in zip(scales, x.shape[2:], want.shape[2:])]
    whole = all(m % n == 0 for n, m in zip(x.shape[2:], want.shape[2:]))
    factor = by(m // n for n, m in zip(x.shape[2:], want.shape[2:])) if whole else "@like"
    others = {} if whole else {"like": np.zeros((len(x), 1, *want.shape[2:]))}
    for word, candidate in candidates(mode, a, x.shape[2:], want.shape[2:]):
        if all(np.allclose(inside(mode, rounded(mode, a, p), n), inside(mode, c, n))
               for p, c, n in zip(places, candidate, x.shape[2:])):
            return Meaning([f"up {factor} {word}"], x, others=others)
    raise Outside("pixels elsewhere, or rounded otherwise, than PyTorch's and so `up`'s")


def inside(mode: str, places: list[float], n: int) -> Array:
    """Beyond the edge is the edge; a cubic reaches further, and does not go back."""
    return np.asarray(places) if mode == "cubic" else np.clip(places, 0, n - 1)


def source(how: str, i: int, scale: float, n: int, m: int) -> float:
    """Where ONNX looks for pixel i of the result."""
    match how:
        case "align_corners":
            return i * (n - 1) / (scale * n - 1) if m > 1 else 0.0
        case "asymmetric":
            return i / scale
        case "pytorch_half_pixel":
            return (i + 0.5) / scale - 0.5 if m > 1 else 0.0
        case "half_pixel_symmetric":
            return n / 2 * (1 - m / (scale * n)) + (i + 0.5) / scale - 0.5
    return (i + 0.5) / scale - 0.5


def rounded(mode: str, a: Attributes, places: list[float]) -> list[float]:
    if mode != "nearest":
        return places
    rules: dict[str, Callable[[float], float]] = {"floor": floor, "ceil": lambda p: -floor(-p),
                                                  "round_prefer_ceil": lambda p: floor(p + 0.5),
                                                  "round_prefer_floor": lambda p: -floor(0.5 - p)}
    return [rules[a.get("nearest_mode", "round_prefer_floor")](p) for p in places]


def candidates(mode: str, a: Attributes, old: Any, new: Any) -> list[tuple[str, list[list[float]]]]:
    """What `up` can do: its words and where it looks."""
    if mode == "nearest":
        return [("nearest", [[i * n // m for i in range(m)] for n, m in zip(old, new)]),
                ("exact", [[(2 * i + 1) * n // (2 * m) for i in range(m)] for n, m in zip(old, new)])]
    if mode == "cubic" and (a.get("cubic_coeff_a", -0.75) != -0.75 or a.get("exclude_outside")):
        return []
    word = "bilinear" if mode == "linear" else "bicubic"
    return [(word, [[source("half_pixel", i, m / n, n, m) for i in range(m)] for n, m in zip(old, new)]),
            (f"{word} aligned", [[source("align_corners", i, m / n, n, m) for i in range(m)] for n, m in zip(old, new)])]
