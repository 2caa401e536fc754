"""The contract of a layer, run on every example of every layer: shape, parameters, MACs, gradient, and PyTorch's numbers."""

from __future__ import annotations

from math import ceil, inf, prod
from typing import Any

import numpy as np
import pytest

from netspec.backends.reference.interpret import run
from netspec.ir.graph import Graph, Input, Parameter
from netspec.ir.types import TensorType
from netspec.layers.parts import windows
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import lower
from netspec.views.numbers.counts import count
from netspec.words import WordError
from netspec.words.layer import LAYERS, STRUCTURAL, Example, sizes
from small import Net, sequence, word

EVERY = {**LAYERS, **STRUCTURAL}
EXAMPLES = [pytest.param(e, id=f"{e.spec} on {' '.join('x'.join(map(str, s)) for s in e.inputs)}") for cls in EVERY.values()
            for e in cls.examples]
SAMPLES = 3


def graph_of(example: Example) -> Graph:
    """The net of an example: inputs x, a, b, ..., the steps before it, and the step."""
    names = ["x", *"abcdefgh"[: len(example.inputs) - 1]]
    net = Net(dict(zip(names, example.inputs)), example.views)
    for line in example.before:
        label, step = line.split(": ")
        source, step = step.split(" -> ")
        net.flow = source[1:]
        net(step, label)
    net.flow = "x"
    net(example.spec, "layer")
    return net.graph()


POSITIVE = ("log", "sqrt", "power -1", "power 1.5")  # layers that take nothing else


def random_values(program: Graph, seed: int = 0, positive: bool = False) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for n in program.nodes:
        if isinstance(n.op, Parameter):
            values[n.name] = rng.standard_normal(n.op.shape) if n.op.values is None else np.reshape(n.op.values, n.op.shape)
            if n.name.endswith(".var"):
                values[n.name] = np.abs(values[n.name]) + 0.5
        elif isinstance(n.op, Input):
            t = n.type
            shape = (SAMPLES * t.batch, *sizes(t)) if t.batch else sizes(t)
            values[n.name] = np.array([7.0]) if n.op.role == "scalar" else rng.standard_normal(shape)
            if positive and n.op.role == "input":
                values[n.name] = np.abs(values[n.name]) + 0.1
    return values


@pytest.mark.parametrize("example", EXAMPLES)
def test_shape_parameters_and_macs(example: Example) -> None:
    graph = graph_of(example)
    assert graph.by_name["layer"].type.shape == example.output
    counts = count(graph)["layer"]
    trainable = sum(p.size for p in graph.by_name["layer"].parameters if p.trainable)
    assert (trainable, counts.macs) == (example.parameters, example.macs)


@pytest.mark.parametrize("example", EXAMPLES)
def test_printed_and_read_again(example: Example) -> None:
    made, _ = word(EVERY, example.spec)
    again, _ = word(EVERY, str(made))
    assert again == made


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("example", EXAMPLES)
def test_gradient_by_finite_differences(example: Example, training: bool) -> None:
    program = differentiate(inputs=True)(lower(training)(graph_of(example)).verify()).verify()
    values = random_values(program, positive=example.spec in POSITIVE)
    env = run(program, values, SAMPLES)
    out = program.outputs[0][1]
    assert env[out].shape == (SAMPLES * program.values[out].type.batch, *example.output)
    rng = np.random.default_rng(1)
    direction = {name: rng.standard_normal(values[name].shape) for name, _ in program.gradients}
    h = 1e-6

    def along(t: float) -> float:
        moved = values | {k: values[k] + t * d for k, d in direction.items()}
        return float((run(program, moved, SAMPLES)[out] * values["d.out"]).sum())

    slope = (along(h) - along(-h)) / (2 * h)
    exact = sum(float((env[g].reshape(direction[k].shape) * direction[k]).sum()) for k, g in program.gradients)
    scale = max(1.0, abs(exact), prod(example.output) ** 0.5)
    assert abs(slope - exact) < 2e-6 * scale, f"finite difference {slope}, gradient {exact}"


def torch_meaning(op: Any, x: list[Any], p: dict[str, Any], training: bool) -> Any:
    """The same layer in PyTorch's words; None where it has none."""
    import torch
    import torch.nn.functional as F

    rank = x[0].dim() - 2
    conv: Any = (None, F.conv1d, F.conv2d, F.conv3d)[rank] if rank > 0 else None
    over: dict[str, Any] = {"max": torch.amax, "min": torch.amin, "mean": torch.mean, "maxpool": torch.amax,
                            "minpool": torch.amin, "avgpool": torch.mean}
    pools: dict[str, Any] = {k: getattr(F, f"{k}{rank}d", None) for k in ("max_pool", "avg_pool", "conv_transpose")}

    if "weight_v" in p:  # filters apart by the first axis, those of a local layer by all places and filters
        v, g = p["weight_v"], p["weight_g"]
        p = p | {"weight": torch._weight_norm(v.flatten(0, g.ndim - 1), g.reshape(-1, *[1] * (v.ndim - g.ndim)), 0).reshape(v.shape)}

    def edges(v: Any, amount: Any, mode: str, value: float = 0.0) -> Any:
        flat = [n for pair in reversed(windows.pads(amount, (1,) * rank, (1,) * rank)) for n in pair]
        return F.pad(v, flat, mode) if mode != "constant" else F.pad(v, flat, mode, value)

    def same(image: Any, value: float, mode: str = "constant") -> Any:
        """An image with what TensorFlow puts around it: as much as ceil(W/S) windows need."""
        flat: list[int] = []
        window = windows.per_axis("", op.window, rank)
        steps = window if op.stride is None else windows.per_axis("", op.stride, rank)
        for w, k, s, d in zip(image.shape[2:], window, steps, windows.per_axis("", op.dilation, rank)):
            need = max((ceil(w / s) - 1) * s + (k - 1) * d + 1 - w, 0)
            flat = [*((need // 2, need - need // 2) if op.pad == "same_upper" else (need - need // 2, need // 2)), *flat]
        return F.pad(image, flat, mode, value if mode == "constant" else None)

    adaptive = {"maxpool": "max", "minpool": "max", "avgpool": "avg"}
    match op.name:
        case "maxpool" | "minpool" | "avgpool" if op.to is not None:
            sign = -1 if op.name == "minpool" else 1
            return sign * getattr(F, f"adaptive_{adaptive[op.name]}_pool{rank}d")(sign * x[0], op.to)
        case "conv" if op.pad in ("same_upper", "same_lower"):
            padded = same(x[0], 0.0, "constant" if op.edges == "zeros" else op.edges)
            return conv(padded, p["weight"], p.get("bias"), op.stride, 0, op.dilation, op.groups)
        case "maxpool" | "minpool" if not op.whole and op.pad in ("same_upper", "same_lower"):
            sign = 1 if op.name == "maxpool" else -1
            return sign * pools["max_pool"](same(sign * x[0], -inf), op.window, op.stride, 0, op.dilation)
        case "avgpool" if not op.whole and op.pad in ("same_upper", "same_lower") and op.dilation == 1:
            total = pools["avg_pool"](same(x[0], 0.0), op.window, op.stride)
            return total if op.count_pad else total / pools["avg_pool"](same(torch.ones_like(x[0]), 0.0), op.window, op.stride)
        case "conv":
            window, dilation = windows.per_axis("window", op.window, rank), windows.per_axis("dilation", op.dilation, rank)
            around = windows.pads(op.pad, window, dilation)
            padded = edges(x[0], around, "constant" if op.edges == "zeros" else op.edges)
            w = p["weight"]
            if op.table is not None:
                dense = torch.zeros(op.filters, x[0].shape[1], *window, dtype=w.dtype)
                rows = [o for o, r in enumerate(op.table) for _ in r]
                w = dense.index_put((torch.tensor(rows), torch.tensor([c for r in op.table for c in r])), w)
            return conv(padded, w, p.get("bias"), op.stride, 0, op.dilation, op.groups)
        case "local":  # the windows apart, and a product for each place
            window, steps, around, dilation = op.geometry(TensorType(tuple(x[0].shape[1:])))
            z = F.pad(x[0], [n for pair in reversed(around) for n in pair])
            for k, (f, s, d) in enumerate(zip(window, steps, dilation)):
                z = z.unfold(2 + k, d * (f - 1) + 1, s)[..., list(range(0, d * (f - 1) + 1, d))]
            spots, taps = "pqr"[:rank], "uvt"[:rank]
            y = torch.einsum(f"nc{spots}{taps},{spots}oc{taps}->no{spots}", z, p["weight"])
            return y + p["bias"].movedim(-1, 0) if op.bias else y
        case "deconv" if isinstance(op.pad, int) or op.pad == "valid":
            return pools["conv_transpose"](x[0], p["weight"], p.get("bias"), op.stride, 0 if op.pad == "valid" else op.pad,
                                           op.output_pad, op.groups, op.dilation)
        case "fc":
            return F.linear(x[0].flatten(1), p["weight"].reshape(op.units, -1), p.get("bias"))
        case "bilinear":
            return F.bilinear(x[0], x[1], p["weight"], p.get("bias"))
        case "maxpool" | "minpool" | "avgpool" if op.whole:
            axes = tuple(range(2, rank + 2))
            return over[op.name](x[0], axes, keepdim=True)
        case "maxpool" | "minpool" | "avgpool" | "lppool" if any(a != z
                                                                 for a, z in windows.pads(op.pad,
                                                                                          windows.per_axis("", op.window, rank),
                                                                                          windows.per_axis("", op.dilation,
                                                                                                  rank))):
            return None
        case "maxpool" | "minpool":
            window, stride, pad, dilation = op.geometry(TensorType(tuple(x[0].shape[1:])))
            sign = 1 if op.name == "maxpool" else -1
            return sign * pools["max_pool"](sign * x[0], window, stride, [a for a, _ in pad], dilation, ceil_mode=op.rounding
                                            == "ceil")
        case "avgpool" if set(windows.per_axis("", op.dilation, rank)) == {1}:
            window, stride, pad, _ = op.geometry(TensorType(tuple(x[0].shape[1:])))
            return pools["avg_pool"](x[0], window, stride, [a for a, _ in pad], op.rounding == "ceil", op.count_pad)
        case "bn":
            return F.batch_norm(x[0], p["mean"].clone(), p["var"].clone(), p.get("weight"), p.get("bias"), training, op.momentum,
                                op.eps)
        case "group_norm":
            return F.group_norm(x[0], op.groups, p.get("weight"), p.get("bias"), op.eps)
        case "instance_norm":
            return F.instance_norm(x[0], None, None, p.get("weight"), p.get("bias"), True, 0.1, op.eps)
        case "lrn" if op.divide:
            return F.local_response_norm(x[0], op.size, op.alpha, op.beta, op.k)
        case "layer_norm" if op.channels:
            return F.layer_norm(x[0].movedim(1, -1), x[0].shape[1:2], p.get("weight"), p.get("bias"), op.eps).movedim(-1, 1)
        case "layer_norm":
            return F.layer_norm(x[0], x[0].shape[1:], p.get("weight"), p.get("bias"), op.eps)
        case "prelu":
            return torch.where(x[0] > 0, x[0], x[0] * p["weight"]) if op.elements else F.prelu(x[0], p["weight"])
        case "threshold" if op.below:
            return torch.where(x[0] < op.above, x[0], op.value)
        case "threshold":
            return F.threshold(x[0], op.above, op.value)
        case "lppool" if op.whole:
            return x[0].abs().pow(op.p).sum(tuple(range(2, rank + 2)), keepdim=True).pow(1 / op.p)
        case "lppool" if op.dilation == 1:
            window, stride, pad, _ = op.geometry(TensorType(tuple(x[0].shape[1:])))
            total = pools["avg_pool"](x[0].abs().pow(op.p), window, stride, [a for a, _ in pad], op.rounding == "ceil",
                                      divisor_override=1) if rank > 1 else None
            return None if total is None else total.pow(1 / op.p)
        case "leaky":
            return F.leaky_relu(x[0], op.slope)
        case "elu" | "celu":
            return getattr(F, op.name)(x[0], op.alpha)
        case "gelu":
            return F.gelu(x[0], approximate="tanh" if op.form == "tanh" else "none")
        case "relu" | "relu6" | "selu" | "softplus" | "softsign" | "hardswish" | "hardtanh":
            return getattr(F, op.name)(x[0])
        case "swish" if op.beta == 1:
            return F.silu(x[0])
        case "hardsigmoid":
            return F.hardsigmoid(x[0]) if op.slope == 1 / 6 else torch.clamp(x[0] * op.slope + op.middle, 0, 1)
        case "tanh" | "sigmoid" | "abs" | "exp" | "log" | "sqrt" | "square":
            return getattr(torch, op.name)(x[0])
        case "power":
            return x[0] ** op.to
        case "l2norm":
            return F.normalize(x[0], dim=1, eps=op.eps)
        case "softmax" if op.over == "places":
            return F.softmax(x[0].flatten(2), 2).reshape(x[0].shape)
        case "softmax" | "log_softmax":
            return getattr(F, op.name)(x[0], 1)
        case "maxout":
            return x[0].unflatten(1, (-1, op.pieces)).amax(2)
        case "add" | "sub" | "mul" | "max" | "min" | "mean" if getattr(op, "over", None) is None:
            names = {"sub": "sub", "mul": "mul", "max": "maximum", "min": "minimum"}
            out = x[0]
            for other in x[1:]:
                out = getattr(torch, names.get(op.name, "add"))(out, other)
            return out / len(x) if op.name == "mean" else out
        case "max" | "min" | "mean":
            return over[op.name](x[0], 1, keepdim=op.over == "channels")
        case "split_views":
            return x[0].flatten(0, 1)
        case "join_views":
            return x[0].unflatten(0, (SAMPLES, -1))
        case "concat":
            return torch.cat(x, 1)
        case "crop" if len(x) == 1:
            return edges(x[0], [(-a, -z) for a, z in windows.pads(op.amount, (1,) * rank, (1,) * rank)], "constant")
        case "crop":
            return centred(x[0], [min(r.shape[k] for r in x[1:]) for k in range(2, x[0].ndim)], op.offset)
        case "pad":
            like = [n - m for n, m in zip(x[1].shape[2:], x[0].shape[2:])] if len(x) > 1 else None
            out = edges(x[0], op.amount if like is None else tuple((n // 2, n - n // 2) for n in like), op.mode, op.value)
            return F.pad(out, [0, 0] * rank + [0, op.channels]) if op.channels else out
        case "flatten":
            return x[0].flatten(1)
        case "reshape":
            return x[0].reshape(len(x[0]), *((op.to,) if isinstance(op.to, int) else op.to))
        case "channels":
            return x[0][:, op.ends[0]:op.ends[1] + 1]
        case "scale":
            return x[0] * (op.by if op.by is not None else p["weight"].reshape(-1, *[1] * rank))
        case "shift":
            return x[0] + (op.by if op.by is not None else p["bias"].reshape(-1, *[1] * rank))
        case "permute":
            return x[0].permute(0, *(k + 1 for k in op.axes))
        case "interleave" if rank:
            return F.channel_shuffle(x[0], op.groups)
        case "shuffle" | "unshuffle" if rank == 2:
            r = op.factor
            if op.order == "crd":
                return getattr(F, f"pixel_{op.name}")(x[0], r)
            if op.name == "shuffle":  # row, column, channel
                n, c, h, w = x[0].shape
                return x[0].reshape(n, r, r, c // r**2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // r**2, h * r, w * r)
            n, c, h, w = x[0].shape
            return x[0].reshape(n, c, h // r, r, w // r, r).permute(0, 3, 5, 1, 2, 4).reshape(n, c * r**2, h // r, w // r)
        case "up" if op.mode != "bed":
            to = x[1].shape[2:] if len(x) > 1 else [w * r for w, r in zip(x[0].shape[2:], windows.per_axis("", op.factor, rank))]
            modes = {"nearest": "nearest", "exact": "nearest-exact", "bicubic": "bicubic"}
            mode = modes.get(op.mode, ("linear", "bilinear", "trilinear")[rank - 1])
            return F.interpolate(x[0], list(to), mode=mode, align_corners=None if "nearest" in mode else op.aligned)
        case "unpool" if all(a == z for a, z in op.of.geometry(TensorType(tuple(x[1].shape[1:])))[2]):
            window, stride, pad, dilation = op.of.geometry(TensorType(tuple(x[1].shape[1:])))
            most, i = getattr(F, f"max_pool{rank}d")(x[1], window, stride, [a for a, _ in pad], dilation, return_indices=True)
            if most.isinf().any():  # a window whose taps are all padding came from nowhere
                return None
            extent = [d * (k - 1) + 1 for k, d in zip(window, dilation)]
            return unpooled().apply(x[0], i, lambda v: getattr(F, f"max_unpool{rank}d")(v, i, extent, stride, [a for a, _ in pad],
                                                                                        list(x[1].shape[2:])))
    return None


def unpooled() -> Any:
    """PyTorch's max_unpool with the derivative of what it computes: of several numbers for one place it keeps the last."""
    import torch

    class Kept(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, y: Any, places: Any, unpool: Any) -> Any:
            number = torch.arange(1.0, y[0, 0].numel() + 1, dtype=y.dtype).reshape(y.shape[2:]).expand_as(y).contiguous()
            ctx.places, ctx.kept = places, unpool(number).flatten(2).gather(2, places.flatten(2)).reshape(y.shape) == number
            return unpool(y)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g.flatten(2).gather(2, ctx.places.flatten(2)).reshape(ctx.kept.shape) * ctx.kept, None, None

    return Kept


def centred(v: Any, to: Any, offset: int | None = None) -> Any:
    for k, n in enumerate(to, 2):
        v = v.narrow(k, (v.shape[k] - n) // 2 if offset is None else offset, n)
    return v


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("example", EXAMPLES)
def test_against_pytorch(example: Example, training: bool) -> None:
    torch = pytest.importorskip("torch")
    graph = graph_of(example)
    layer = graph.by_name["layer"]
    program = differentiate(inputs=True)(lower(training)(graph))
    values = random_values(program, positive=example.spec in POSITIVE)
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    wanted = [name for name, _ in program.gradients]
    for name in wanted:
        tensors[name].requires_grad_()
    y = torch_meaning(layer.op, [tensors[i] for i in layer.inputs],
                      {k.removeprefix("layer."): v for k, v in tensors.items() if k.startswith("layer.")}, training)
    if y is None:
        pytest.skip("PyTorch has no such layer")
    # PyTorch rounds their 1/alpha and 1/6 to float32 backwards
    loose = 1e-6 if layer.op.name in ("celu", "hardsigmoid") else 1e-10
    env = run(program, values, SAMPLES)
    np.testing.assert_allclose(env[program.outputs[0][1]], y.detach().numpy(), rtol=1e-11, atol=1e-11)
    y.backward(tensors["d.out"])
    for name, g in program.gradients:
        want = tensors[name].grad
        np.testing.assert_allclose(env[g].reshape(values[name].shape), 0 if want is None else want.numpy(), rtol=loose,
                                   atol=loose, err_msg=name)


def program_of(steps: list[str], **inputs: tuple[int, ...]) -> Graph:
    from netspec.passes.drop_dead import drop_dead

    return drop_dead(differentiate(inputs=True)(lower(True)(sequence(steps, **inputs))))


def test_flatten_before_fc_costs_nothing() -> None:
    assert str(program_of(["flatten", "fc 3"], x=(2, 3, 3))).count("\n") == str(program_of(["fc 3"], x=(2, 3, 3))).count("\n")


def test_pooling_over_views_reads_the_images() -> None:
    """`each v:` ends by joining the images and `max over=v` reads them as they were: no join is left."""
    program = program_of(["split_views", "conv 2 3x3", "join_views", "max over=v"], x=(4, 1, 5, 5))
    assert "join_views" not in str(program)
    values = random_values(program)
    env = run(program, values, SAMPLES)
    images = env[next(n for n in env if n.startswith("conv1.out"))].reshape(SAMPLES, 4, 2, 5, 5)
    np.testing.assert_array_equal(env[program.outputs[0][1]], images.max(1))


@pytest.mark.parametrize("example", EXAMPLES)
def test_unknown_sizes_pass_through(example: Example) -> None:
    """Without heights and widths a rule says what it can, never something else, and refuses only where it needs them."""
    node = graph_of(example).by_name["layer"]
    graph = graph_of(example)
    types = [graph.values[i].type for i in node.inputs]
    blank = [t.of(t.channels, *(None,) * len(t.spatial)) for t in types]
    try:
        out = node.op.shape(*blank)
    except WordError as e:
        refusal = e
    else:
        assert len(out.shape) == len(node.type.shape)
        assert all(a is None or a == b for a, b in zip(out.shape, node.type.shape))
        return
    assert refusal.code in ("unknown-size", "wrong-rank"), refusal.message


REFUSED: list[tuple[str, list[tuple[int, ...]], str, str]] = [  # a step, its inputs, the code, and part of what is said
    ("conv 4 5x5 valid", [(3, 4, 4)], "window-too-large", "larger than what it slides over"),
    ("conv 4 3x3 groups=2", [(3, 4, 4)], "groups", "groups must divide"),
    ("conv 4 3x3", [(3,)], "wrong-rank", "no height or width"),
    ("conv 4 3x3", [(3, 9)], "wrong-rank", "1 spatial axis"),
    ("conv 4 9x9 reflect", [(3, 4, 4)], "bad-value", "mirror"),
    ("conv 2 3x3 values=[1, 2]", [(1, 4, 4)], "bad-value", "one window"),
    ("conv 2 3x3 table=[[0], [5]]", [(2, 4, 4)], "bad-value", "0..1"),
    ("conv 2 3x3 groups=2 table=[[0], [1]]", [(2, 4, 4)], "bad-value", "no place beside it"),
    ("conv 2 1x1 values=1 table=[[0], [1]]", [(2, 4, 4)], "bad-value", "no place beside it"),
    ("pad 1 channels=2", [(3,)], "wrong-rank", "no height or width"),
    ("channels [0.5, 1]", [(3, 4, 4)], "bad-value", "neighbouring"),
    ("local 4 5x5 valid", [(3, 4, 4)], "window-too-large", "larger than what it slides over"),
    ("local 4 3x3", [(3,)], "wrong-rank", "no height or width"),
    ("deconv 4 3x3 groups=2", [(3, 4, 4)], "groups", "groups must divide"),
    ("deconv 4 3x3 output_pad=1", [(3, 4, 4)], "bad-value", "smaller than the stride"),
    ("deconv 4 3x3 pad=3", [(3, 2, 2)], "window-too-large", "crops the whole result"),
    ("maxpool 5", [(3, 4, 4)], "window-too-large", "larger"),
    ("maxpool to=4 /2", [(3, 4, 4)], "contradiction", "says by that where they are"),
    ("avgpool to=4x4 same", [(3, 4, 4)], "contradiction", "says by that where they are"),
    ("avgpool to=4x4", [(3, 9)], "wrong-rank", "1 spatial axis"),
    ("maxpool 2 pad=2", [(3, 4, 4)], "bad-value", "less than its window"),
    ("avgpool 2 pad=2", [(3, 4, 4)], "bad-value", "less than its window"),
    ("add @a", [(3, 4, 4), (4, 4, 4)], "shape-mismatch", "equal"),
    ("concat @a", [(3, 4, 4), (3, 4, 5)], "shape-mismatch", "heights and widths"),
    ("crop @a", [(3, 3, 5), (3, 4, 4)], "shape-mismatch", "smaller"),
    ("crop @a offset=2", [(3, 5, 5), (3, 4, 4)], "shape-mismatch", "smaller"),
    ("crop 2", [(3, 4, 4)], "window-too-large", "leaves nothing"),
    ("crop", [(3, 4, 4)], "wrong-argument", "how much to cut"),
    ("pad 4 reflect", [(3, 4, 4)], "bad-value", "mirror"),
    ("pad 5 circular", [(3, 4, 4)], "bad-value", "round once"),
    ("pad @a", [(3, 4, 4), (3, 3, 5)], "shape-mismatch", "smaller"),
    ("pad @a", [(3, 4), (3, 3, 5)], "wrong-rank", "number of axes"),
    ("crop @a", [(16,), (3,)], "wrong-rank", "no height or width"),
    ("reshape 5x5", [(3, 4, 4)], "shape-mismatch", "number of elements"),
    ("channels 2..5", [(4, 3, 3)], "bad-value", "0..3"),
    ("shuffle 2", [(6, 3, 3)], "groups", "1.5"),
    ("interleave 4", [(6, 3, 3)], "groups", "1.5"),
    ("unshuffle 2", [(6, 3, 4)], "groups", "1.5"),
    ("prelu channels elements", [(6, 3, 4)], "bad-value", "for each"),
    ("maxout 2", [(5, 3, 3)], "groups", "2.5"),
    ("group_norm 3", [(4, 3, 3)], "groups", "divide"),
    ("instance_norm", [(4, 1, 1)], "one-value", "each channel of an image, and here that is one number"),
    ("instance_norm", [(4,)], "one-value", "each channel of an image"),
    ("group_norm 3", [(3, 1, 1)], "one-value", "a group of channels of an image"),
    ("group_norm 6", [(6,)], "one-value", "a group of channels of an image"),
    ("layer_norm", [(1, 1, 1)], "one-value", "each image"),
    ("layer_norm channels", [(1, 4, 4)], "one-value", "the channels of each place"),
    ("bilinear 2 @a", [(4, 3, 3), (4,)], "wrong-rank", "two vectors"),
    ("up @a bed", [(4, 3, 3), (4, 5, 6)], "shape-mismatch", "same number of zeros"),
    ("unpool @a", [(4, 3, 3), (4, 6, 6)], "wrong-argument", "max-pooling"),
    ("max over=v", [(4,)], "wrong-rank", "each"),
]


@pytest.mark.parametrize(("step", "shapes", "code", "said"), REFUSED, ids=[f"{s} on {i[0]}" for s, i, _, _ in REFUSED])
def test_refusals(step: str, shapes: list[tuple[int, ...]], code: str, said: str) -> None:
    net = Net(dict(zip(("x", "a", "b"), shapes)))
    with pytest.raises(WordError) as e:
        net(step)
    told = " ".join([e.value.message, *e.value.notes, e.value.label])
    assert e.value.code == code
    assert said in told


def test_what_splits_an_image_is_undone_where_its_windows_are_alike() -> None:
    net = Net({"x": (3, 10, 10)})
    net("maxpool to=4", "p")
    with pytest.raises(WordError, match="not all of one size"):
        net("unpool @p")
    split, plain = (lower()(sequence([f"maxpool {pool}", "unpool @maxpool1"], x=(3, 10, 10))) for pool in ("to=5", "2"))
    values = random_values(split)
    results = [run(p, values, SAMPLES)[p.outputs[0][1]] for p in (split, plain)]
    np.testing.assert_array_equal(*results)


NAN_PASSES = ["relu", "relu6", "leaky", "elu", "selu", "gelu", "gelu tanh", "swish", "mish", "softplus", "softsign", "hardtanh",
              "hardsigmoid", "hardswish", "tanh",
              "sigmoid", "abs", "prelu", "maxpool 2", "avgpool 2", "minpool 2", "maxpool global", "max @x", "min @x", "softmax",
              "maxout 2"]


def nan_and_others(step: str, dtype: Any) -> tuple[Any, Any]:
    """The result for an image with one NaN, and the places it may reach."""
    program = lower()(sequence([step], x=(2, 4, 4)))
    x = np.ones((1, 2, 4, 4), dtype)
    x[0, 0, 1, 1] = np.nan
    values = {"x": x} | {n.name: np.full(n.op.shape, 0.25, dtype) for n in program.nodes if isinstance(n.op, Parameter)}
    return run(program, values, 1, dtype)[program.outputs[0][1]], x


def test_a_vector_may_get_more_channels() -> None:
    """As the refusal of any other `pad` of it advises."""
    assert graph_of(Example("pad channels=2", inputs=((3,),), output=(5,))).by_name["layer"].type.shape == (5,)


@pytest.mark.parametrize("step", NAN_PASSES)
def test_nan_propagates(step: str) -> None:
    y, _ = nan_and_others(step, np.float64)
    assert 1 <= np.isnan(y).sum() <= 2
    assert np.isnan(y[0, 0]).any()


@pytest.mark.parametrize(("step", "corner", "value", "slope"), [
    ("relu", 0.0, 0.0, 0.0), ("leaky", 0.0, 0.0, 0.01), ("leaky 0.2", 0.0, 0.0, 0.2), ("prelu", 0.0, 0.0, 0.25),
    ("relu6", 0.0, 0.0, 0.0), ("relu6", 6.0, 6.0, 0.0), ("hardtanh", -1.0, -1.0, 0.0), ("hardtanh", 1.0, 1.0, 0.0),
    ("abs", 0.0, 0.0, 0.0), ("elu 0.7", 0.0, 0.0, 0.7), ("celu 0.5", 0.0, 0.0, 1.0),
    ("selu", 0.0, 0.0, 1.0507009873554805 * 1.6732632423543772), ("hardsigmoid", -3.0, 0.0, 0.0), ("hardsigmoid", 3.0, 1.0, 0.0),
    ("hardswish", -3.0, 0.0, 0.0), ("hardswish", 3.0, 3.0, 1.0), ("threshold 0.5", 0.5, 0.0, 0.0),
])
def test_at_a_corner_the_slope_is_the_one_that_pytorch_takes(step: str, corner: float, value: float, slope: float) -> None:
    """Finite differences see neither side there."""
    program = program_of([step], x=(1,))
    env = run(program, {"x": np.array([[corner]]), "d.out": np.ones((1, 1))} | {n.name: np.full(n.op.shape, 0.25)
              for n in program.nodes if isinstance(n.op, Parameter)}, 1)
    assert env[program.outputs[0][1]].item() == pytest.approx(value, abs=1e-15)
    assert env[dict(program.gradients)["x"]].item() == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", ["relu", "relu6", "leaky", "elu", "selu", "celu", "gelu", "gelu tanh", "swish", "mish",
                                  "softplus", "softsign", "hardtanh", "hardsigmoid",
                                  "hardswish", "tanh", "lecun_tanh", "sigmoid", "softmax", "log_softmax", "instance_norm",
                                  "group_norm 2", "lrn"])
def test_huge_and_tiny_values(step: str, dtype: Any) -> None:
    program = differentiate(inputs=True)(lower(True)(sequence([step], x=(4, 2, 2))))
    for size in (1e4, 1e-30):
        x = (np.random.default_rng(0).standard_normal((3, 4, 2, 2)) * size).astype(dtype)
        values = {"x": x, "d.out": np.ones_like(x)} | {n.name: np.ones(n.op.shape, dtype) for n in program.nodes
                                                       if isinstance(n.op, Parameter)}
        env = run(program, values, 3, dtype)
        for name in (program.outputs[0][1], dict(program.gradients)["x"]):
            assert np.isfinite(env[name]).all(), f"{name} at {size}"
            assert env[name].dtype == dtype


def test_the_first_of_equal_ones_takes_the_gradient() -> None:
    for step in ("maxpool 2", "minpool 2", "maxpool global", "maxpool to=1"):
        program = differentiate(inputs=True)(lower()(sequence([step], x=(1, 2, 2))))
        env = run(program, {"x": np.ones((1, 1, 2, 2)), "d.out": np.ones((1, 1, 1, 1))}, 1)
        np.testing.assert_array_equal(env[dict(program.gradients)["x"]][0, 0], [[1, 0], [0, 0]])


@pytest.mark.parametrize("step", ["conv 6 3x3 groups=2 valid", "deconv 6 3x3 /1 groups=2", "conv 8 3x1 groups=4 valid", "fc 5"])
def test_fans_are_what_one_place_reads_and_reaches(step: str) -> None:
    """By a single one that is sent forwards, and one that is sent back, through weights that are all one."""
    program = program_of([f"{step} bias=no"], x=(4, 9, 9))
    (weight,) = (n.op for n in program.nodes if isinstance(n.op, Parameter))
    values = {n.name: np.zeros((1, *sizes(n.type))) for n in program.nodes if isinstance(n.op, Input)}
    for v in values.values():
        v[(0, 0, *(n // 2 for n in v.shape[2:]))] = 1.0
    env = run(program, values | {weight.name: np.ones(weight.shape)}, 1)
    assert np.count_nonzero(env[program.outputs[0][1]]) == weight.fan_out
    assert np.count_nonzero(env[dict(program.gradients)["x"]]) == weight.fan_in


def test_empty_batches() -> None:
    program = lower()(sequence(["conv 2 3x3", "bn", "relu", "maxpool 2", "fc 3", "softmax"], x=(1, 4, 4)))
    values = {n.name: np.ones(sizes(n.type)) for n in program.nodes if isinstance(n.op, Parameter)}
    assert run(program, values | {"x": np.zeros((0, 1, 4, 4))}, 0)[program.outputs[0][1]].shape == (0, 3)
