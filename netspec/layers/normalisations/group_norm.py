"""Group and instance normalisation."""

from __future__ import annotations

from math import gcd, prod
from typing import Any, ClassVar

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import WordError, count, flag, number
from ...words.layer import Builder, Example, Layer, channelwise, known_channels, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.moments import FAR, read, several


class GroupNorm(Layer, category="normalisation", name="group_norm"):
    """Each image's channels in groups, each group to mean 0 and (biased) variance 1, then a learned scale and shift a channel.

    `group_norm 1` takes the whole image as one group (layer normalisation). Training and evaluation are the same.

    Shapes:  C x W... -> the same
    Params:  weight [C], bias [C], or none with `affine=no`
    Errors:  groups that do not divide the channels; groups of one number, whose result would be zero
    Paper:   Wu and He, "Group Normalization", 2018 (arXiv:1803.08494)
    """

    groups: int = count("number of groups", default=32, position=0)
    eps: float = number("added to the variance", default=1e-5, least=0)
    affine: bool = flag("learn a scale and a shift", default=True, word="affine")

    onnx_reads: ClassVar[tuple[str, ...]] = ("GroupNormalization", "Add", "Reshape")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("group_norm 2", inputs=((4, 3, 2),), output=(4, 3, 2), parameters=8),
        Example("group_norm 1", inputs=((6,),), output=(6,), parameters=12),
        Example("group_norm 3 affine=no eps=0.001", inputs=((6, 4),), output=(6, 4)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        c, g = x.channels, self.of(x.channels)
        if c is not None and c % g:
            raise WordError("groups must divide the channels", f"{c} / {g} = {c / g:g}", label=f"{g} groups of {c} channels",
                            swap=((str(g), str(gcd(c, g))),), code="groups")
        several(f"group_norm {g}", x, (c and c // g, *x.spatial), "a group of channels of an image")
        return x

    def of(self, channels: int | None) -> int:
        """The number of groups."""
        return self.groups

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        c = (known_channels(inputs[0]),)
        return (Parameter("weight", c, "norm", "ones"), Parameter("bias", c, "norm", "zeros")) if self.affine else ()

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        at = f"n,c{plane(b.type(x).shape)}"
        m = self._mean(b, x, f"x[{at}]", x=x)
        d = b.map("x - m", x=x, m=m)
        v = self._mean(b, x, f"d[{at}] * d[{at}]", d=d)
        far = b.map(f"where(m * m > {FAR**2!r} * (v + {self.eps!r}), 1.0, 0.0)", m=m, v=v)
        e = self._mean(b, x, f"where({read(b, far, 'far', at)} > 0.0, d[{at}], 0.0)", d=d, far=far)
        r = b.map(f"1.0 / sqrt(where(far > 0.0, max(v - e * e, 0.0), v) + {self.eps!r})", far=far, v=v, e=e)
        b.save(d=d, e=e, r=r)
        if not self.affine:
            return b.map("(d - e) * r", d=d, e=e, r=r)
        return b.map("(d - e) * r * weight + bias", d=d, e=e, r=r, weight=parameters["weight"], bias=parameters["bias"])

    def _mean(self, b: Builder, like: str, expression: str, /, **operands: Any) -> str:
        """The mean of an expression over each image's group, for each channel of it: first over places, then over channels."""
        shape = sizes(b.type(like))
        s, of = plane(shape), shape[0] // self.of(shape[0])
        scale = f" / {float(of * prod(shape[1:]))!r}"
        if not s and of == 1:
            return str(b(f"m[n,c] = {expression}", **operands))
        each = str(b(f"s[n,c] += {expression}{scale if of == 1 else ''}",
                     **operands)) if s else str(b(f"s[n,c] = {expression}", **operands))
        if of == 1:
            return each
        group = b(f"g[n,g] += s[n,{of}*g+j]{scale}", s=each, out=(shape[0] // of,), over={"j": of})
        return str(b(f"m[n,{of}*g+j] = g[n,g]", g=group, out=shape[:1], over={"j": of}))

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = r (f - mean(f) - xhat mean(f xhat)), f = dy weight, xhat = (d - e) r."""
        (x,) = inputs
        d, e, r, gradients = saved["d"], saved["e"], saved["r"], {}
        at = f"n,c{plane(b.type(x).shape)}"
        apart = f"(d[{at}] - {read(b, e, 'e', at)})"
        if self.affine:
            gradients = {"weight": str(b(f"d_weight[c] += dy[{at}] * ({apart} * {read(b, r, 'r', at)})", dy=dy, d=d, e=e, r=r)),
                         "bias": str(b(f"d_bias[c] += dy[{at}]", dy=dy))}
            dy = b.map("dy * weight", dy=dy, weight=parameters["weight"])
        m1 = self._mean(b, x, f"f[{at}]", f=dy)
        m2 = self._mean(b, x, f"f[{at}] * {apart}", f=dy, d=d, e=e)
        return (b.map("r * (f - m1 - (d - e) * (r * r * m2))", r=r, f=dy, m1=m1, d=d, e=e, m2=m2),), gradients

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """GroupNormalization, from opset 21 on; before it the instance normalisation of the groups, and a scale and a shift."""
        (x,) = inputs
        t = o.type(x)
        c, g = known_channels(t), self.of(known_channels(t))
        weight = parameters["weight"] if self.affine else o.numbers([1.0] * c)
        bias = parameters["bias"] if self.affine else o.numbers([0.0] * c)
        if o.opset >= 21 and t.spatial:
            return o("GroupNormalization", x, weight, bias, num_groups=g, epsilon=self.eps)
        apart = o("Reshape", x, o.numbers([0, g, -1], whole=True))
        normal = o("InstanceNormalization", apart, o.numbers([1.0] * g), o.numbers([0.0] * g), epsilon=self.eps)
        y = o("Reshape", normal, o("Shape", x))
        if not self.affine:
            return y
        shape = channelwise(t)
        return o("Add", o("Mul", y, o.shaped(weight, shape)), o.shaped(bias, shape))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op == "GroupNormalization":
            w, b = n.array(1), n.array(2)
            layer = cls(groups=n.attributes["num_groups"], eps=n.attributes.get("epsilon", 1e-5))
            x = n.type(0)
            fits = x is not None and w is not None and b is not None and len(w) == x.channels
            return Read(layer, (n.inputs[0],), {"weight": w, "bias": b}) if fits else None
        if n.op == "Reshape":
            plain: Read | None = cls._plain(n)
            return plain
        scaled, b = n.before(0), n.array(1)
        inner = scaled.before(0) if scaled is not None and scaled.op == "Mul" else None
        found = cls._plain(inner) if inner is not None else None
        w = None if scaled is None else scaled.array(1)
        if found is None or w is None or b is None or n.out is None or not w.size == b.size == n.out.channels:
            return None
        return Read(cls(groups=found.layer.groups, eps=found.layer.eps), found.inputs, {"weight": w.reshape(-1), "bias": b.reshape(-1)})

    @classmethod
    def _plain(cls: Any, n: OnnxNode) -> Read | None:
        """Groups apart, normalised, and together again."""
        normal = n.before(0) if n.op == "Reshape" else None
        apart = normal.before(0) if normal is not None and normal.op == "InstanceNormalization" else None
        if normal is None or apart is None or apart.op != "Reshape" or apart.out is None or apart.type(0) != n.out:
            return None
        ones, zeros = normal.array(1), normal.array(2)
        if ones is None or zeros is None or (ones != 1).any() or zeros.any() or not apart.out.channels:
            return None
        return Read(cls(groups=apart.out.channels, eps=normal.attributes.get("epsilon", 1e-5), affine=False), (apart.inputs[0],))
