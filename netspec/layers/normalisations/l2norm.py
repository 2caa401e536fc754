"""Normalisation of each place to length one."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import number
from ...words.layer import Builder, Example, Layer, plane
from ...words.onnx import OnnxNode, OnnxWriter, Read

SMALL = 1e-37  # the largest of a place's numbers counts as so much at least: no quotient overflows


class L2Norm(Layer, category="normalisation", name="l2norm"):
    """The channels of each place divided by their length, sqrt(sum of x^2), and by `eps` where that is less; as PyTorch's
    F.normalize. A learned number a channel is `scale` behind it: `l2norm -> scale` (SSD's and ParseNet's). Numbers are
    divided by the largest of their place before they are squared, so that no square overflows or vanishes.

    Shapes:  C x W... -> the same
    Paper:   Liu, Rabinovich and Berg, "ParseNet: Looking Wider to See Better", 2015 (arXiv:1506.04579)
    """

    eps: float = number("the least length that is divided by", default=1e-12, least=0)

    onnx_reads = ("Div", "LpNormalization")
    examples = (
        Example("l2norm", inputs=((5, 2, 3),), output=(5, 2, 3)),
        Example("l2norm eps=2", inputs=((4, 3),), output=(4, 3)),
        Example("l2norm", inputs=((6,),), output=(6,)),
        Example("l2norm", inputs=((2, 2, 1, 2),), output=(2, 2, 1, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        s = plane(b.type(x).shape)
        m = str(b(f"m[n,0{s}] max= abs(x[n,c{s}])", x=x))
        unit = f"(x[n,c{s}] / max(m[n,0{s}], {SMALL!r}))"
        t = b(f"t[n,0{s}] += {unit} * {unit}", x=x, m=m)
        r = str(b(f"r[n,0{s}] = 1.0 / max(m[n,0{s}] * sqrt(t[n,0{s}]), {self.eps!r})", m=m, t=t))
        longer = str(b(f"longer[n,0{s}] = where(m[n,0{s}] * sqrt(t[n,0{s}]) >= {self.eps!r}, 1.0, 0.0)", m=m, t=t))
        y = str(b(f"y[n,c{s}] = {unit} / max(sqrt(t[n,0{s}]), {self.eps!r} / max(m[n,0{s}], {SMALL!r}))", x=x, m=m, t=t))
        b.save(r=r, longer=longer, y=y)
        return y

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = (dy - y sum of dy y) / length; dy / eps where the length is less than eps."""
        s = plane(b.type(dy).shape)
        t = b(f"t[n,0{s}] += dy[n,c{s}] * y[n,c{s}]", dy=dy, y=saved["y"])
        along = f"where(longer[n,0{s}] > 0.0, t[n,0{s}], 0.0)"
        return (str(b(f"dx[n,c{s}] = (dy[n,c{s}] - y[n,c{s}] * {along}) * r[n,0{s}]", dy=dy, t=t, y=saved["y"],
                      longer=saved["longer"], r=saved["r"])),), {}

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        length = o.reduce("ReduceL2", x, [1])
        return o("Div", x, o("Max", length, o.numbers(self.eps)))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """A quotient with the length of the channels, which is held up by Max or Clip and may be spread; or the operator of its
        own, which has no least length."""
        if n.op == "LpNormalization":
            return Read(cls(eps=0.0), (n.inputs[0],)) if (n.attributes["axis"], n.attributes["p"]) == (1, 2) else None
        least = n.before(1)
        if least is not None and least.op == "Expand":
            least = least.before(0)
        if least is None:
            return None
        eps, length = 0.0, least
        if least.op in ("Clip", "Max"):
            k = 1 if least.op == "Clip" or least.array(1) is not None else 0
            if least.array(k) is None or any(least.inputs[2:]) or least.array(k).size != 1:
                return None
            eps, held = float(str(least.array(k).reshape(-1)[0])), least.before(1 - k)
            if held is None:
                return None
            length = held
        x, axes = n.type(0), length.array(1)
        if length.op != "ReduceL2" or length.inputs[0] != n.inputs[0] or x is None or axes is None or not length.attributes.get(
                "keepdims", 1) or [int(a) % (len(x.shape) + 1) for a in axes.reshape(-1)] != [1]:
            return None
        return Read(cls(eps=eps), (n.inputs[0],))
