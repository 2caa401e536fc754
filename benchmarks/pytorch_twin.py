"""The same network in PyTorch, made from a netspec graph: a peer to time, and an oracle to test against.

Layer by layer, with PyTorch's own operators and the graph's names for parameters; written from PyTorch's documentation
and not from netspec's formulas. Layers without a counterpart are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.graph import Graph, Input, Node
from netspec.layers.parts.windows import pads, per_axis

Run = Callable[..., Tensor]
PLAIN: dict[str, Callable[..., Tensor]] = {
    "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu6": F.relu6, "selu": F.selu, "softplus": F.softplus,
    "abs": torch.abs, "softsign": F.softsign, "hardswish": F.hardswish, "hardtanh": F.hardtanh, "mish": F.mish, "swish": F.silu,
    "hardsigmoid": lambda x: F.relu6(x + 3) / 6,  # F.hardsigmoid rounds 1/6 to float32 backwards
    "add": lambda *xs: sum(xs[1:], xs[0]), "mul": lambda a, *bs: a * torch.stack(bs).prod(0) if len(bs) > 1 else a * bs[0],
    "sub": torch.sub, "mean": lambda *xs: torch.stack(xs).mean(0), "concat": lambda *xs: torch.cat(xs, 1),
    "flatten": lambda x: x.flatten(1), "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "square": torch.square,
}


class Twin(nn.Module):
    """`forward` takes and gives dicts by name, as the graph's inputs and outputs are called."""

    def __init__(self, graph: Graph, values: Mapping[str, Any], dtype: torch.dtype = torch.float32):
        super().__init__()
        self.graph = graph
        self.weights: dict[str, Tensor] = {}
        for p in graph.parameters:
            made = torch.tensor(np.array(values[p.name]), dtype=dtype, requires_grad=p.trainable)
            self.weights[p.name] = made
            place = p.name.replace(".", "/")
            self.register_parameter(place, nn.Parameter(made)) if p.trainable else self.register_buffer(place, made)
            self.weights[p.name] = self.get_parameter(place) if p.trainable else self.get_buffer(place)
        self.steps = [(n, self.step(n)) for n in graph if not isinstance(n.op, Input)]

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        out = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.weights = {k: getattr(self, k.replace(".", "/")) for k in self.weights}
        return out

    def forward(self, inputs: Mapping[str, Tensor], logits: bool = False) -> dict[str, Tensor]:
        """Outputs by name; with `logits`, what a final softmax or sigmoid reads, as the losses of both want it."""
        held: dict[str, Tensor] = dict(inputs)
        for n, run in self.steps:
            held[n.name] = run(*(held[i] for i in n.inputs))
        ends = {n.name: n.inputs[0] for n, _ in self.steps if logits and n.op.name in ("softmax", "sigmoid")}
        return {name: held[ends.get(v, v)] for name, v in self.graph.outputs}

    # ---------------------------------------------------------------- layers
    def step(self, n: Node) -> Run:
        op: Any = n.op
        found = getattr(self, f"make_{op.name}", None)
        if found is not None:
            made: Run = found(n, op)
            return made
        if op.name in PLAIN:
            return PLAIN[op.name]
        raise NotImplementedError(f"{op.name} has no twin here")

    def of(self, n: Node, name: str) -> Callable[[], Tensor | None]:
        """A parameter by its last name, looked up when it runs: `to` may have replaced it."""
        full = next((p.name for p in n.parameters if p.name.rsplit(".", 1)[-1] == name), None)
        return lambda: None if full is None else self.weights[full]

    def rank(self, n: Node) -> int:
        return len(self.graph.values[n.inputs[0]].type.shape) - 1

    def make_conv(self, n: Node, op: Any) -> Run:
        if op.table is not None:
            raise NotImplementedError("a connection table has no twin")
        rank = self.rank(n)
        window, stride, dilation = (per_axis(k, getattr(op, k), rank) for k in ("window", "stride", "dilation"))
        pad = pads(op.pad, window, dilation)
        run, weight, bias = (F.conv1d, F.conv2d, F.conv3d)[rank - 1], self.of(n, "weight"), self.of(n, "bias")
        mode = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}[op.edges]
        if mode == "constant" and all(a == b for a, b in pad):
            return lambda x: run(x, weight(), bias(), stride, tuple(a for a, _ in pad), dilation, op.groups)
        around = [v for a, b in reversed(pad) for v in (a, b)]
        return lambda x: run(F.pad(x, around, mode=mode), weight(), bias(), stride, 0, dilation, op.groups)

    def make_deconv(self, n: Node, op: Any) -> Run:
        rank = self.rank(n)
        window, stride, dilation, more = (per_axis(k, getattr(op, k), rank)
                                          for k in ("window", "stride", "dilation", "output_pad"))
        if op.pad == "same":
            raise NotImplementedError("`same` of a transposed convolution has no twin")
        pad = pads(op.pad, window, dilation)
        run, weight, bias = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank
                                                                                         - 1], self.of(n, "weight"), self.of(n,
                                                                                                 "bias")
        return lambda x: run(x, weight(), bias(), stride, tuple(a for a, _ in pad), more, op.groups, dilation)

    def make_fc(self, n: Node, op: Any) -> Run:
        weight, bias = self.of(n, "weight"), self.of(n, "bias")

        def run(x: Tensor) -> Tensor:
            w = weight()
            assert w is not None
            return F.linear(x.flatten(1), w.flatten(1), bias())

        return run

    def make_maxpool(self, n: Node, op: Any) -> Run:
        rank = self.rank(n)
        if op.whole:
            return lambda x: x.amax(tuple(range(2, rank + 2)), keepdim=True)
        window, dilation = per_axis("window", op.window, rank), per_axis("dilation", op.dilation, rank)
        pad = tuple(a for a, _ in pads(op.pad, window, dilation))
        run = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[rank - 1]
        return lambda x: run(x, window, op.stride, pad, dilation, op.rounding == "ceil")

    def make_avgpool(self, n: Node, op: Any) -> Run:
        rank = self.rank(n)
        if op.whole:
            return lambda x: x.mean(tuple(range(2, rank + 2)), keepdim=True)
        if op.to is not None:
            split = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[rank - 1]
            return lambda x: split(x, per_axis("to", op.to, rank))
        window = per_axis("window", op.window, rank)
        if per_axis("dilation", op.dilation, rank) != (1,) * rank:
            raise NotImplementedError("a dilated mean has no twin")
        pad = tuple(a for a, _ in pads(op.pad, window, (1,) * rank))
        run = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[rank - 1]
        return lambda x: run(x, window, op.stride, pad, op.rounding == "ceil", op.count_pad)

    def make_bn(self, n: Node, op: Any) -> Run:
        names = [self.of(n, k) for k in ("mean", "var", "weight", "bias")]

        def run(x: Tensor) -> Tensor:
            mean, var, weight, bias = (get() for get in names)
            frozen = bool(dict(n.attrs).get("frozen"))
            return F.batch_norm(x, mean, var, weight, bias, self.training and not frozen, op.momentum, op.eps)

        return run

    def make_group_norm(self, n: Node, op: Any) -> Run:
        weight, bias = self.of(n, "weight"), self.of(n, "bias")
        return lambda x: F.group_norm(x, op.groups, weight(), bias(), op.eps)

    def make_layer_norm(self, n: Node, op: Any) -> Run:
        weight, bias, shape = self.of(n, "weight"), self.of(n, "bias"), n.type.shape
        if not op.channels:
            return lambda x: F.layer_norm(x, shape, weight(), bias(), op.eps)
        return lambda x: F.layer_norm(x.movedim(1, -1), shape[:1], weight(), bias(), op.eps).movedim(-1, 1)

    def make_lrn(self, n: Node, op: Any) -> Run:
        return lambda x: F.local_response_norm(x, op.size, op.alpha * (1 if op.divide else op.size), op.beta, op.k)

    def make_dropout(self, n: Node, op: Any) -> Run:
        if op.mc or op.classic:
            raise NotImplementedError("only dropout in training, scaled there, has a twin here")
        run = (F.dropout1d, F.dropout2d, F.dropout3d)[self.rank(n) - 1] if op.spatial and self.rank(n) else F.dropout
        return lambda x: run(x, op.rate, self.training)

    def make_drop_path(self, n: Node, op: Any) -> Run:
        def run(x: Tensor) -> Tensor:
            kept = torch.rand(len(x), *(1,) * (x.ndim - 1), dtype=x.dtype, device=x.device) >= op.rate
            return x * kept / (1 - op.rate)

        return lambda x: run(x) if self.training else x

    def make_gelu(self, n: Node, op: Any) -> Run:
        return lambda x: F.gelu(x, approximate="tanh" if op.form == "tanh" else "none")

    def make_leaky(self, n: Node, op: Any) -> Run:
        return lambda x: F.leaky_relu(x, op.slope)

    def make_elu(self, n: Node, op: Any) -> Run:
        return lambda x: F.elu(x, op.alpha)

    def make_prelu(self, n: Node, op: Any) -> Run:
        weight = self.of(n, "weight")
        return lambda x: F.prelu(x, weight())  # type: ignore[arg-type]

    def make_softmax(self, n: Node, op: Any) -> Run:
        return lambda x: torch.softmax(x, 1)

    def make_log_softmax(self, n: Node, op: Any) -> Run:
        return lambda x: torch.log_softmax(x, 1)

    def make_maxout(self, n: Node, op: Any) -> Run:
        return lambda x: x.unflatten(1, (-1, op.pieces)).amax(2)

    def make_up(self, n: Node, op: Any) -> Run:
        if op.mode not in ("nearest", "bilinear"):
            raise NotImplementedError(f"`up {op.mode}` has no twin here")
        size, mode = tuple(n.type.shape[1:]), {"nearest": "nearest",
                                               "bilinear": ("linear", "bilinear", "trilinear")[self.rank(n) - 1]}[op.mode]
        return lambda x, *_: F.interpolate(x, size=size, mode=mode, align_corners=op.aligned if mode != "nearest" else None)  # type: ignore[arg-type]

    def make_crop(self, n: Node, op: Any) -> Run:
        if op.reference is None:
            raise NotImplementedError("a crop by numbers has no twin")

        def run(x: Tensor, *like: Tensor) -> Tensor:
            for axis in range(2, x.ndim):
                size = min(r.shape[axis] for r in like)
                x = x.narrow(axis, (x.shape[axis] - size) // 2 if op.offset is None else op.offset, size)
            return x

        return run

    def make_unpool(self, n: Node, op: Any) -> Run:
        pool, rank = op.of, len(self.graph.values[n.inputs[1]].type.shape) - 1
        window = per_axis("window", pool.window, rank)
        stride, pad = window if pool.stride is None else per_axis("stride", pool.stride,
                                                                  rank), tuple(a for a, _ in pads(pool.pad, window, (1,) * rank))
        find = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[rank - 1]
        back = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[rank - 1]

        def run(y: Tensor, x: Tensor) -> Tensor:
            _, places = find(x, window, stride, pad, ceil_mode=pool.rounding == "ceil", return_indices=True)
            return back(y, places, window, stride, pad, x.shape[2:])

        return run

    def make_split_views(self, n: Node, op: Any) -> Run:
        return lambda x: x.flatten(0, 1)

    def make_join_views(self, n: Node, op: Any) -> Run:
        return lambda x: x.unflatten(0, (-1, n.type.shape[0]))

    def make_max(self, n: Node, op: Any) -> Run:
        if op.over is None:
            return lambda *xs: torch.stack(xs).amax(0)
        return lambda x: x.amax(1)

    def make_shuffle(self, n: Node, op: Any) -> Run:
        if op.order != "crd" or self.rank(n) != 2:
            raise NotImplementedError("only PyTorch's order of a shuffled image has a twin")
        return lambda x: F.pixel_shuffle(x, op.factor)

    def make_scale(self, n: Node, op: Any) -> Run:
        weight, rank = self.of(n, "weight"), self.rank(n)

        def run(x: Tensor) -> Tensor:
            w = weight()
            return x * op.by if w is None else x * w.reshape(-1, *(1,) * rank)

        return run

    def make_shift(self, n: Node, op: Any) -> Run:
        bias, rank = self.of(n, "bias"), self.rank(n)

        def run(x: Tensor) -> Tensor:
            b = bias()
            return x + op.by if b is None else x + b.reshape(-1, *(1,) * rank)

        return run

    def make_l2norm(self, n: Node, op: Any) -> Run:
        return lambda x: F.normalize(x, dim=1, eps=op.eps)

    def make_permute(self, n: Node, op: Any) -> Run:
        return lambda x: x.permute(0, *(k + 1 for k in op.axes))

    def make_reshape(self, n: Node, op: Any) -> Run:
        return lambda x: x.reshape(len(x), *n.type.shape)

    def make_instance_norm(self, n: Node, op: Any) -> Run:
        weight, bias = self.of(n, "weight"), self.of(n, "bias")
        return lambda x: F.instance_norm(x, None, None, weight(), bias(), True, 0.1, op.eps)

    def make_pad(self, n: Node, op: Any) -> Run:
        if op.amount or op.value or op.mode != "constant":
            raise NotImplementedError("only margins of zeros have a twin here")

        def run(x: Tensor, *like: Tensor) -> Tensor:
            more = [a - b for a, b in zip(like[0].shape[2:], x.shape[2:])] if like else [0] * self.rank(n)
            return F.pad(x, [side for m in reversed(more) for side in (m // 2, m - m // 2)] + [0, op.channels])

        return run

    def make_interleave(self, n: Node, op: Any) -> Run:
        return lambda x: F.channel_shuffle(x, op.groups)

    def make_channels(self, n: Node, op: Any) -> Run:
        first, last = op.ends
        return lambda x: x[:, first : last + 1]


def tensors(arrays: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return {k: torch.tensor(np.asarray(a), dtype=dtype) for k, a in arrays.items()}
