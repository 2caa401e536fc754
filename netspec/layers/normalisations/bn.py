"""Batch normalisation."""

from __future__ import annotations

from math import prod
from typing import Any

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import flag, number
from ...words.layer import Builder, Example, Layer, known_channels, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.moments import FAR


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

    eps: float = number("added to the variance", default=1e-5, least=0)
    momentum: float = number("weight of the new value in the running statistics", default=0.1, least=0, most=1)
    biased: bool = flag("the running variance is divided by the count, not the count less one", default=False, word="biased")
    scale: bool = flag("learn a factor for each channel", default=True)
    shift: bool = flag("learn a number to add to each channel", default=True)

    statistics = "batch norm"
    onnx_reads = ("BatchNormalization",)
    examples = (
        Example("bn", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=6),
        Example("bn eps=0.001 momentum=0.01", inputs=((4,),), output=(4,), parameters=8),
        Example("bn biased", inputs=((3, 2, 2),), output=(3, 2, 2), parameters=6),
        Example("bn", inputs=((2, 3, 2, 4),), output=(2, 3, 2, 4), parameters=4),
        Example("bn scale=no", inputs=((3, 4, 2),), output=(3, 4, 2), parameters=3),
        Example("bn shift=no", inputs=((3, 4),), output=(3, 4), parameters=3),
        Example("bn scale=no shift=no", inputs=((2, 3, 3),), output=(2, 3, 3)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        c = known_channels(inputs[0])
        learned = (Parameter("weight", (c,), "norm", "ones"),) * self.scale + (Parameter("bias", (c,), "norm", "zeros"),
                                                                               ) * self.shift
        return (*learned, Parameter("mean", (c,), "buffer", "zeros", trainable=False),
                Parameter("var", (c,), "buffer", "ones", trainable=False))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        mean, var = parameters["mean"], parameters["var"]
        if not b.training:
            k = b.map(f"{'weight' if self.scale else '1.0'} / sqrt(var + {self.eps!r})", **_only(parameters, "weight"), var=var)
            b.save(k=k)
            return b.map("(x - mean) * k" + " + bias" * self.shift, x=x, mean=mean, k=k, **_only(parameters, "bias"))
        o, v = self._in_one_sweep(b, x, mean)
        m = b("m[c] = mean[c] + o[c]", mean=mean, o=o)
        far = b(f"far[c] = where(o[c] * o[c] > {FAR**2!r} * (v[c] + {self.eps!r}), 1.0, 0.0)", o=o, v=v)
        d, w = self._around(b, x, m, far)
        near, exact = ((variance, *self._scales(b, variance, parameters)) for variance in (v, w))
        v, r, k = (b(f"{name}[c] = where(far[c] > 0.0, exact[c], near[c])", far=far, exact=e, near=n)
                   for name, e, n in zip(("variance", "rate", "factor"), exact, near))
        b(f"mean2[c] = {1 - self.momentum!r} * mean[c] + {self.momentum!r} * (m[c] + d[c])", mean=mean, m=m, d=d, effect=mean)
        count = _count(b.type(x))
        unbiased = "v[c]" if self.biased else f"(v[c] * {count} / ({count} - 1.0))"
        b(f"var2[c] = {1 - self.momentum!r} * var[c] + {self.momentum!r} * {unbiased}", var=var, v=v, effect=var)
        b.save(m=m, d=d, r=r, k=k)
        s = b("s[c] = bias[c] - d[c] * k[c]", bias=parameters["bias"], d=d,
              k=k) if self.shift else b("s[c] = -d[c] * k[c]", d=d, k=k)
        return b.map("(x - m) * k + s", x=x, m=m, k=k, s=s)

    def _in_one_sweep(self, b: Builder, x: str, mean: str) -> tuple[str, str]:
        """How far the mean is from the running mean, and the variance, from sums that the layer above can take as it writes x.
        They are exact while the two are near: of E[x^2] - E[x]^2 no digits are left where the mean is many deviations."""
        t = b.type(x)
        ix, count = f"n,c{plane(t.shape)}", _count(t)
        s1 = b(f"s1[c] += x[{ix}] - mean[c]", x=x, mean=mean)
        s2 = b(f"s2[c] += (x[{ix}] - mean[c]) * (x[{ix}] - mean[c])", x=x, mean=mean)
        o = b(f"o[c] = s1[c] / {count}", s1=s1)
        return o, b(f"v[c] = max(s2[c] / {count} - o[c] * o[c], 0.0)", s2=s2, o=o)

    def _around(self, b: Builder, x: str, m: str, far: str) -> tuple[str, str]:
        """What m lacks of the mean, and the variance, of channels that are far from the running mean; others are not looked at.
        Each image's places are summed around their own mean, and these around the mean of all (Chan, Golub and LeVeque,
        "Algorithms for Computing the Sample Variance", 1983)."""
        t = b.type(x)
        ix, places = f"n,c{plane(t.shape)}", float(prod(sizes(t)[1:]))
        if len(t.shape) == 1:
            own = b("own[n,c] = where(far[c] > 0.0, x[n,c] - m[c], 0.0)", x=x, m=m, far=far)
        else:
            own = b(f"own[n,c] += where(far[c] > 0.0, (x[{ix}] - m[c]) / {places!r}, 0.0)", x=x, m=m, far=far)
            rest = b(f"rest[n,c] += where(far[c] > 0.0, x[{ix}] - m[c] - own[n,c], 0.0)", x=x, m=m, far=far, own=own)
            within = b(f"within[n,c] += where(far[c] > 0.0, (x[{ix}] - m[c] - own[n,c]) * (x[{ix}] - m[c] - own[n,c]), 0.0)", x=x,
                       m=m, far=far, own=own)
        total = b("total[c] += own[n,c]", own=own) if len(t.shape) == 1 else b(f"total[c] += own[n,c] + rest[n,c] / {places!r}",
                                                                               own=own, rest=rest)
        d = b(f"d[c] = total[c] / (N * {t.batch})", total=total)
        if len(t.shape) == 1:
            squares = b("squares[c] += where(far[c] > 0.0, (own[n,c] - d[c]) * (own[n,c] - d[c]), 0.0)", own=own, d=d, far=far)
        else:
            squares = b(
                f"squares[c] += within[n,c] + (own[n,c] - d[c]) * (rest[n,c] + rest[n,c] + {places!r} * (own[n,c] - d[c]))",
                within=within, own=own, rest=rest, d=d)
        return d, b(f"v[c] = squares[c] / {_count(t)}", squares=squares)

    def _scales(self, b: Builder, v: str, parameters: dict[str, str]) -> tuple[str, str]:
        """What deviations from the mean are multiplied by, without and with the learned factor."""
        r = str(b(f"r[c] = 1.0 / sqrt(v[c] + {self.eps!r})", v=v))
        return r, str(b("k[c] = weight[c] * r[c]", weight=parameters["weight"], r=r)) if self.scale else r

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = k (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - m - d) r."""
        (x,) = inputs
        t = b.type(x)
        ix = f"n,c{plane(t.shape)}"
        if "m" not in saved:  # the statistics are constants: an affine map
            mean, var, k = parameters["mean"], parameters["var"], saved["k"]
            t1 = b(f"d_bias[c] += dy[{ix}]", dy=dy)
            t2 = b(f"t2[c] += dy[{ix}] * (x[{ix}] - mean[c])", dy=dy, x=x, mean=mean)
            dg = b(f"d_weight[c] = t2[c] / sqrt(var[c] + {self.eps!r})", t2=t2, var=var)
            return (b.map("dy * k", dy=dy, k=k),), _only({"weight": dg, "bias": t1}, *parameters)
        m, d, r, k = saved["m"], saved["d"], saved["r"], saved["k"]
        t1 = b(f"d_bias[c] += dy[{ix}]", dy=dy)
        t2 = b(f"t2[c] += dy[{ix}] * (x[{ix}] - m[c])", dy=dy, x=x, m=m)
        dg = b("d_weight[c] = r[c] * (t2[c] - d[c] * d_bias[c])", r=r, t2=t2, d=d, d_bias=t1)
        cb = b(f"cb[c] = -k[c] * r[c] * d_weight[c] / {_count(t)}", k=k, r=r, d_weight=dg)
        cc = b(f"cc[c] = -k[c] * d_bias[c] / {_count(t)} - d[c] * cb[c]", k=k, d_bias=t1, d=d, cb=cb)
        return (b.map("k * dy + ((x - m) * cb + cc)", k=k, dy=dy, x=x, m=m, cb=cb, cc=cc),
                ), _only({"weight": dg, "bias": t1}, *parameters)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        c = len(o.array(parameters["mean"]))
        o.note = " ".join(w for w, said in (("biased", self.biased), ("scale=no", not self.scale), ("shift=no", not self.shift)) if said)
        weight = parameters["weight"] if self.scale else o.numbers([1.0] * c)
        bias = parameters["bias"] if self.shift else o.numbers([0.0] * c)
        return o("BatchNormalization", inputs[0], weight, bias, parameters["mean"], parameters["var"], epsilon=self.eps,
                 momentum=1 - self.momentum)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        arrays = [n.array(k) for k in range(1, 5)]
        if any(a is None for a in arrays) or n.attributes.get("training_mode") or (len(n.outputs) > 1 and n.outputs[1]):
            return None
        words = n.note.split()
        numbers = dict(zip(("weight", "bias", "mean", "var"), arrays))
        scale, shift = "scale=no" not in words, "shift=no" not in words
        layer = cls(eps=n.attributes.get("epsilon", 1e-5), momentum=float(f"{1 - n.attributes.get('momentum', 0.9):.6g}"),
                    biased="biased" in words, scale=scale, shift=shift)
        return Read(layer, (n.inputs[0],), {k: v for k, v in numbers.items() if k not in ("weight",) * (not scale) + ("bias",) * (not shift)})


def _count(t: TensorType) -> str:
    """The numbers a channel has in a batch."""
    return f"(N * {t.batch * prod(sizes(t)[1:])})"


def _only(values: dict[str, str], *names: str) -> dict[str, str]:
    return {k: v for k, v in values.items() if k in names}
