"""Layer normalisation."""

from __future__ import annotations

from math import prod
from typing import Any

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import flag, number
from ...words.layer import Builder, Example, Layer, known_channels, known_sizes, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.moments import FAR, several
from ..parts.onnx_moments import moments


class LayerNorm(Layer, category="normalisation", name="layer_norm"):
    """Each image to mean 0 and (biased) variance 1, all its numbers together, then a learned scale and shift an element; as
    PyTorch's LayerNorm of the whole shape. With `channels` each place by itself, over its channels, with a scale and a
    shift a channel (ConvNeXt; Keras's LayerNormalization of the channel axis). With a scale a channel the former is
    `group_norm 1`.

    Shapes:  C x W... -> the same
    Params:  weight [C, W...], bias [C, W...]; [C] with `channels`; none with `affine=no`
    Errors:  an input whose size is not known, where every element has parameters; means over one number, whose result would be
             zero
    Paper:   Ba, Kiros and Hinton, "Layer Normalization", 2016 (arXiv:1607.06450); Liu et al., 2022 (arXiv:2201.03545) for
             `channels`
    """

    eps: float = number("added to the variance", default=1e-5, least=0)
    channels: bool = flag("over the channels of each place", default=False, word="channels")
    affine: bool = flag("learn a scale and a shift", default=True)

    onnx_reads = ("LayerNormalization", "Transpose", "Add", "Mul", "Div")
    examples = (
        Example("layer_norm", inputs=((4, 3, 2),), output=(4, 3, 2), parameters=48),
        Example("layer_norm", inputs=((6,),), output=(6,), parameters=12),
        Example("layer_norm channels eps=0.01", inputs=((5, 2, 3),), output=(5, 2, 3), parameters=10),
        Example("layer_norm channels affine=no", inputs=((4, 3),), output=(4, 3)),
        Example("layer_norm affine=no", inputs=((3, 2, 1, 2),), output=(3, 2, 1, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        several("layer_norm channels" if self.channels else "layer_norm", x, x.shape[:1] if self.channels else x.shape,
                "the channels of each place" if self.channels else "each image")
        return x

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        if not self.affine:
            return ()
        shape = (known_channels(inputs[0]),) if self.channels else known_sizes(inputs[0])
        return Parameter("weight", shape, "norm", "ones"), Parameter("bias", shape, "norm", "zeros")

    def forward(self, b: Builder, *inputs: str, **parameters: Any) -> str:
        (x,) = inputs
        at, point, own = self._subscripts(b, x)
        m = self._mean(b, x, f"x[{at}]", x=x)
        d = str(b(f"d[{at}] = x[{at}] - m[{point}]", x=x, m=m))
        v = self._mean(b, x, f"d[{at}] * d[{at}]", d=d)
        far = b(f"far[{point}] = where(m[{point}] * m[{point}] > {FAR**2!r} * (v[{point}] + {self.eps!r}), 1.0, 0.0)", m=m, v=v)
        e = self._mean(b, x, f"where(far[{point}] > 0.0, d[{at}], 0.0)", d=d, far=far)
        r = str(
            b(f"r[{point}] = 1.0 / sqrt(where(far[{point}] > 0.0, max(v[{point}] - e[{point}] * e[{point}], 0.0), v[{point}]) + {self.eps!r})", far=far, v=v, e=e))
        b.save(d=d, e=e, r=r)
        scaled = f"* weight[{own}] + bias[{own}]" if self.affine else ""
        return str(b(f"y[{at}] = (d[{at}] - e[{point}]) * r[{point}] {scaled}", d=d, e=e, r=r, **parameters))

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = r (f - mean(f) - xhat mean(f xhat)), f = dy weight, xhat = (d - e) r."""
        (x,) = inputs
        (at, point, own), d, e, r, gradients = self._subscripts(b, x), saved["d"], saved["e"], saved["r"], {}
        f, apart = dy, f"(d[{at}] - e[{point}])"
        if self.affine:
            gradients = {"weight": str(b(f"d_weight[{own}] += dy[{at}] * ({apart} * r[{point}])", dy=dy, d=d, e=e, r=r)),
                         "bias": str(b(f"d_bias[{own}] += dy[{at}]", dy=dy))}
            f = str(b(f"f[{at}] = dy[{at}] * weight[{own}]", dy=dy, weight=parameters["weight"]))
        m1, m2 = self._mean(b, x, f"f[{at}]", f=f), self._mean(b, x, f"f[{at}] * {apart}", f=f, d=d, e=e)
        return (str(b(f"dx[{at}] = r[{point}] * (f[{at}] - m1[{point}] - {apart} * (r[{point}] * r[{point}] * m2[{point}]))", r=r,
                      f=f, m1=m1, d=d, e=e, m2=m2)),), gradients

    def _subscripts(self, b: Builder, x: str) -> tuple[str, str, str]:
        """Of an element, of what elements have in common, and of an element's own parameter."""
        s = plane(b.type(x).shape)
        return f"n,c{s}", f"n,0{s}" if self.channels else "n,0", "c" if self.channels else f"c{s}"

    def _mean(self, b: Builder, like: str, expression: str, /, **operands: Any) -> str:
        """The mean of an expression over each place's channels; or over each image, first over places, then over channels."""
        shape = sizes(b.type(like))
        s = plane(shape)
        if self.channels or not s:
            return str(b(f"m[n,0{s}] += {expression} / {float(shape[0])!r}", **operands))
        t = b(f"s[n,c] += {expression}", **operands)
        return str(b(f"m[n,0] += s[n,c] / {float(prod(shape))!r}", s=t))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """LayerNormalization of all axes; of the channels with them as the last axis. Before opset 17 its formula."""
        (x,) = inputs
        t = o.type(x)
        if not o.has("LayerNormalization") or not (self.affine or self.channels or t.known):  # which has to have its factors
            return self._in_parts(o, x, **parameters)
        rank, apart = len(t.spatial), self.channels and bool(t.spatial)
        if self.affine:
            affine = [parameters["weight"], parameters["bias"]]
        else:
            o.note = "affine=no"
            affine = [o.numbers(_ones((known_channels(t),) if self.channels else known_sizes(t)))]
        x = o("Transpose", x, perm=[0, *range(2, rank + 2), 1]) if apart else x
        y = o("LayerNormalization", x, *affine, axis=-1 if self.channels else 1, epsilon=self.eps)
        return o("Transpose", y, perm=[0, rank + 1, *range(1, rank + 1)]) if apart else y

    def _in_parts(self, o: OnnxWriter, x: str, **parameters: str) -> str:
        t = o.type(x)
        axes = [1] if self.channels else list(range(1, len(t.shape) + 1))
        d = o("Sub", x, o.reduce("ReduceMean", x, axes))
        variance = o.reduce("ReduceMean", o("Mul", d, d), axes)
        y = o("Div", d, o("Sqrt", o("Add", variance, o.numbers(self.eps))))
        if not self.affine:
            return y
        own = (known_channels(t), *(1,) * len(t.spatial)) if self.channels else known_sizes(t)
        return o("Add", o("Mul", y, o.shaped(parameters["weight"], own)), o.shaped(parameters["bias"], own))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op in ("Add", "Mul", "Div"):
            apart: Read | None = cls._apart(n)
            return apart
        normal = n.before(0) if n.op == "Transpose" else n
        if normal is None or normal.op != "LayerNormalization" or normal.array(1) is None or (
                len(normal.inputs) > 2 and normal.inputs[2] and normal.array(2) is None):
            return None
        w, b, eps = normal.array(1), normal.array(2), normal.attributes.get("epsilon", 1e-5)
        numbers = {} if n.note == "affine=no" else {"weight": w, "bias": w * 0 if b is None else b}
        if n.op == "LayerNormalization":
            x = n.type(0)
            whole = x is not None and n.attributes.get("axis", -1) in (1, -len(x.shape)) and tuple(w.shape) == x.shape
            return Read(cls(eps=eps, affine=bool(numbers)), (n.inputs[0],), numbers) if whole else None
        first, rank = normal.before(0), len(n.attributes["perm"]) - 2
        turned = (first is not None and first.op == "Transpose" and list(first.attributes["perm"]) == [0, *range(2, rank + 2), 1]
                  and list(n.attributes["perm"]) == [0, rank + 1, *range(1, rank + 1)])
        if first is None or not turned or normal.attributes.get("axis", -1) not in (-1, rank + 1):
            return None
        return Read(cls(eps=eps, channels=True, affine=bool(numbers)), (first.inputs[0],), numbers)

    @classmethod
    def _apart(cls: Any, n: OnnxNode) -> Read | None:
        """What files of opsets before 17 have: (x - m) / sqrt(mean((x - m)^2) + eps) * weight + bias."""
        numbers: dict[str, Any] = {}
        quotient: OnnxNode | None = n
        for op, name in (("Add", "bias"), ("Mul", "weight")):
            if quotient is not None and quotient.op == op:
                k = 1 if quotient.array(0) is not None else 0
                numbers[name], quotient = quotient.array(1 - k), quotient.before(k)
        found = moments(quotient) if quotient is not None and quotient.op == "Div" else None
        if found is None or any(a is None for a in numbers.values()):
            return None
        x, t, axes, eps = found
        whole = axes == list(range(1, len(t.shape) + 1))
        if not whole and axes != [1]:
            return None
        shape = known_sizes(t) if whole else (known_channels(t),)
        if any(a.size not in (1, prod(shape)) for a in numbers.values()):
            return None
        if numbers.keys() == {"weight"} and numbers["weight"].size > 1:
            numbers["bias"] = numbers["weight"] * 0
        if numbers and numbers.keys() != {"weight", "bias"}:
            return None
        numbers = {k: (a if a.size > 1 else a.reshape(-1).repeat(prod(shape))).reshape(shape) for k, a in numbers.items()}
        return Read(cls(eps=eps, channels=not whole, affine=bool(numbers)), (x,), numbers)


def _ones(shape: tuple[int, ...]) -> Any:
    """Lists in lists of ones."""
    return [_ones(shape[1:]) for _ in range(shape[0])] if shape else 1.0
