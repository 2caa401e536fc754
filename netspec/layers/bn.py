"""Batch normalisation."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ..ir.graph import Node, Parameter
from ..ir.types import TensorType
from ..words import flag, number
from .layer import Builder, Example, Layer, known_channels, plane, sizes


class Bn(Layer, category="normalisation"):
    """Batch normalisation: each channel to mean 0 and variance 1 over the batch, then a learned scale and shift.

    In training the batch's own mean and (biased) variance are used, and the running ones move towards them; in
    evaluation the running ones are used. The running variance is unbiased, as in PyTorch and Caffe; `biased` makes it
    Keras's and ONNX's. `momentum` is the weight of the new value (PyTorch's sense); Keras's momentum=0.99 is 0.01 here,
    Caffe's moving_average_fraction 0.999 is 0.001. `scale=no shift=no` learns nothing (Caffe's BatchNorm without a Scale
    behind it, PyTorch's affine=False).

    Shapes:  C x W... -> the same
    Params:  weight [C] unless `scale=no`, bias [C] unless `shift=no`; buffers mean [C], var [C]
    Paper:   Ioffe and Szegedy, "Batch Normalization", 2015 (arXiv:1502.03167)
    """

    centres = True

    binds = True

    eps: float = number("added to the variance", default=1e-5, least=0)
    momentum: float = number("weight of the new value in the running statistics", default=0.1, least=0, most=1)
    biased: bool = flag("the running variance is divided by the count, not the count less one", default=False, word="biased")
    scale: bool = flag("learn a factor for each channel", default=True)
    shift: bool = flag("learn a number to add to each channel", default=True)
    raw: bool = False  # whether no layer above brought the numbers near to each other, known once the step is placed

    examples = (
        Example("bn", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=6),
        Example("bn eps=0.001 momentum=0.01", inputs=((4,),), output=(4,), parameters=8),
        Example("bn biased", inputs=((3, 2, 2),), output=(3, 2, 2), parameters=6),
        Example("bn", inputs=((2, 3, 2, 4),), output=(2, 3, 2, 4), parameters=4),
        Example("bn scale=no", inputs=((3, 4, 2),), output=(3, 4, 2), parameters=3),
        Example("bn shift=no", inputs=((3, 4),), output=(3, 4), parameters=3),
        Example("bn scale=no shift=no", inputs=((2, 3, 3),), output=(2, 3, 3)),
    )

    def bound(self, makers: tuple[Node, ...], values: tuple[str, ...]) -> tuple[Layer, tuple[str, ...]]:
        """What comes into a net, or out of a fully connected layer, may lie anywhere."""
        raw = getattr(makers[0].op, "category", "move") in ("dense", "move")
        return replace(self, raw=True) if raw else self, values  # type: ignore[type-var]

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        c = known_channels(inputs[0])
        learned = (Parameter("weight", (c,), "norm", "ones"),) * self.scale + (Parameter("bias", (c,), "norm", "zeros"),) * self.shift
        return (*learned, Parameter("mean", (c,), "buffer", "zeros", trainable=False), Parameter("var", (c,), "buffer", "ones", trainable=False))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        mean, var = parameters["mean"], parameters["var"]
        t = b.type(x)
        if not b.training:
            k = b.map(f"{'weight' if self.scale else '1.0'} / sqrt(var + {self.eps!r})", **_only(parameters, "weight"), var=var)
            s = b.map(f"{'bias' if self.shift else '0.0'} - mean * k", **_only(parameters, "bias"), mean=mean, k=k)
            b.save(k=k)
            return b.map("x * k + s", x=x, k=k, s=s)
        count = f"(N * {t.batch * prod(sizes(t)[1:])})"
        m, v = (self._by_image if self.raw else self._in_one_sweep)(b, x, mean, count)
        r = b(f"r[c] = 1.0 / sqrt(v[c] + {self.eps!r})", v=v)
        k = b("k[c] = weight[c] * r[c]", weight=parameters["weight"], r=r) if self.scale else r
        b(f"mean2[c] = {1 - self.momentum!r} * mean[c] + {self.momentum!r} * m[c]", mean=mean, m=m, effect=mean)
        unbiased = "v[c]" if self.biased else f"(v[c] * {count} / ({count} - 1.0))"
        b(f"var2[c] = {1 - self.momentum!r} * var[c] + {self.momentum!r} * {unbiased}", var=var, v=v, effect=var)
        b.save(m=m, r=r, k=k)
        return b.map("(x - m) * k" + " + bias" * self.shift, x=x, m=m, k=k, **_only(parameters, "bias"))

    def _in_one_sweep(self, b: Builder, x: str, mean: str, count: str) -> tuple[str, str]:
        """Mean and variance from sums that the layer above can take as it writes x. They are taken around the running mean:
        without it E[x^2] - E[x]^2 loses all digits where the mean is large."""
        ix = f"n,c{plane(b.type(x).shape)}"
        s1 = b(f"s1[c] += x[{ix}] - mean[c]", x=x, mean=mean)
        s2 = b(f"s2[c] += (x[{ix}] - mean[c]) * (x[{ix}] - mean[c])", x=x, mean=mean)
        m = b(f"m[c] = mean[c] + s1[c] / {count}", mean=mean, s1=s1)
        return m, b(f"v[c] = max(s2[c] / {count} - s1[c] / {count} * (s1[c] / {count}), 0.0)", s1=s1, s2=s2)

    def _by_image(self, b: Builder, x: str, mean: str, count: str) -> tuple[str, str]:
        """The same where the running mean may be far off, as that of raw data is at first: around each image's own mean, and
        those around the mean of all."""
        t = b.type(x)
        ix, places = f"n,c{plane(t.shape)}", float(prod(sizes(t)[1:]))
        own = b(f"own[n,c] += x[{ix}] / {places!r}", x=x) if len(t.shape) > 1 else x
        total = b("total[c] += own[n,c]", own=own)
        m = b(f"m[c] = total[c] / (N * {t.batch})", total=total)
        apart = b(f"apart[n,c] = (own[n,c] - m[c]) * (own[n,c] - m[c]) * {places!r}", own=own, m=m)
        if places > 1:
            within = b(f"within[n,c] += (x[{ix}] - own[n,c]) * (x[{ix}] - own[n,c])", x=x, own=own)
            apart = b("both[n,c] = within[n,c] + apart[n,c]", within=within, apart=apart)
        squares = b("squares[c] += apart[n,c]", apart=apart)
        return m, b(f"v[c] = squares[c] / {count}", squares=squares)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str], **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = k (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - m) r."""
        (x,) = inputs
        t = b.type(x)
        ix = f"n,c{plane(t.shape)}"
        if "m" not in saved:  # the statistics are constants: an affine map
            mean, var, k = parameters["mean"], parameters["var"], saved["k"]
            t1 = b(f"d_bias[c] += dy[{ix}]", dy=dy)
            t2 = b(f"t2[c] += dy[{ix}] * (x[{ix}] - mean[c])", dy=dy, x=x, mean=mean)
            dg = b(f"d_weight[c] = t2[c] / sqrt(var[c] + {self.eps!r})", t2=t2, var=var)
            return (b.map("dy * k", dy=dy, k=k),), _only({"weight": dg, "bias": t1}, *parameters)
        m, r, k = saved["m"], saved["r"], saved["k"]
        count = f"(N * {t.batch * prod(sizes(t)[1:])})"
        t1 = b(f"d_bias[c] += dy[{ix}]", dy=dy)
        t2 = b(f"t2[c] += dy[{ix}] * (x[{ix}] - m[c])", dy=dy, x=x, m=m)
        dg = b("d_weight[c] = r[c] * t2[c]", r=r, t2=t2)
        cb = b(f"cb[c] = -k[c] * r[c] * d_weight[c] / {count}", k=k, r=r, d_weight=dg)
        cc = b(f"cc[c] = -k[c] * d_bias[c] / {count}", k=k, d_bias=t1)
        return (b.map("k * dy + ((x - m) * cb + cc)", k=k, dy=dy, x=x, m=m, cb=cb, cc=cc),), _only({"weight": dg, "bias": t1}, *parameters)


def _only(values: dict[str, str], *names: str) -> dict[str, str]:
    return {k: v for k, v in values.items() if k in names}
