"""Upsampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...ir.types import Size, TensorType, shape_text
from ...words import WordError, flag, ref, size, word
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, known_channels, names, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read, Unsized
from ..parts.edges import pad_edges
from ..parts.windows import need_image, per_axis


class Up(Layer, category="move"):
    """An image made larger: `nearest` repeats each pixel, `bilinear` and `bicubic` interpolate along each axis, `bed` (bed of
    nails) puts zeros between. `up @ref` takes the height and width of another value.

    As PyTorch, pixels are squares (half-pixel centres); `aligned` maps corners to corners instead. Where the size is no
    multiple, `nearest` takes pixel floor(i * in/out), and `exact` the one below the middle of the new pixel.

    Shapes:  C x W... -> C x factor*W..., or C x the reference's W...
    Errors:  a bed of nails whose size is not a multiple
    Paper:   Zeiler and Fergus, 2013 (arXiv:1311.2901), for unpooling; Long, Shelhamer and Darrell, 2014 (arXiv:1411.4038)
    """

    factor: Any = size("how many times as large: 2 or 2x3", default=2, position=0)
    like: Any = ref("the value whose height and width it takes", default=None, position=1)
    mode: str = word("what stands between", default="nearest", words=("nearest", "exact", "bilinear", "bicubic", "bed"))
    aligned: bool = flag("map the corners to the corners", default=False, word="aligned")

    refers = "size"
    arity = (1, 2)
    onnx_reads = ("Resize", "Expand")
    examples = (
        Example("up 2", inputs=((3, 2, 3),), output=(3, 4, 6)),
        Example("up 2x3 bilinear", inputs=((2, 3, 2),), output=(2, 6, 6)),
        Example("up 2 bilinear aligned", inputs=((2, 3, 2),), output=(2, 6, 4)),
        Example("up 3 bed", inputs=((2, 2, 3),), output=(2, 6, 9)),
        Example("up 2 bicubic", inputs=((2, 3, 2),), output=(2, 6, 4)),
        Example("up @a bicubic aligned", inputs=((1, 3, 4), (1, 5, 3)), output=(1, 5, 3)),
        Example("up @a exact", inputs=((2, 3), (2, 5)), output=(2, 5)),
        Example("up @a", inputs=((2, 3, 2), (1, 5, 7)), output=(2, 5, 7)),
        Example("up @a bilinear", inputs=((2, 3), (4, 5)), output=(2, 5)),
        Example("up 2 bilinear", inputs=((1, 2, 1, 2),), output=(1, 4, 2, 4)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        x, *like = inputs
        rank = need_image("up", x.shape)
        if not like:
            return x.of(x.channels,
                        *(None if w is None else w * r for w, r in zip(x.spatial, per_axis("factor", self.factor, rank))))
        (other,) = like
        if len(other.shape) != len(x.shape):
            raise WordError("up takes the height and width of another image, so both need the same number of axes",
                            f"flow: {shape_text(x.shape)}",
                            f"reference: {shape_text(other.shape)}", label=f"{shape_text(x.shape)} to {shape_text(other.shape)}",
                            code="wrong-rank")
        if self.mode == "bed":
            for w, p in zip(x.spatial, other.spatial):
                if w is not None and p is not None and p % w:
                    raise WordError("a bed of nails has the same number of zeros after every pixel", f"{p} / {w} = {p / w:g}",
                                    label=f"{shape_text(x.shape)} to {shape_text(other.shape)}",
                                    advice="use nearest or bilinear", code="shape-mismatch")
        out: tuple[Size, ...] = other.spatial
        return x.of(x.channels, *out)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        x = inputs[0]
        t, want = b.type(x), self.shape(*map(b.type, inputs))
        rank, old, new = len(t.shape) - 1, sizes(t)[1:], sizes(want)[1:]
        whole = all(p % w == 0 for w, p in zip(old, new))
        factors = [p // w for w, p in zip(old, new)]
        p, u = names(OUT, rank), names(WINDOW, rank)
        at = ",".join(p)
        if self.mode == "bed":
            return str(b(f"y[n,c,{','.join(f'{r}*{i}' for i, r in zip(p, factors))}] = x[n,c,{at}]", x=x, out=sizes(want)))
        if self.mode in ("nearest", "exact") and whole:
            place = ",".join(i if r == 1 else f"{r}*{i}+{j}" for i, j, r in zip(p, u, factors))
            return str(b(f"y[n,c,{place}] = x[n,c,{at}]", x=x, out=sizes(want), over={j: r for j, r in zip(u, factors) if r > 1}))
        if self.mode == "bilinear" and whole and not self.aligned:
            for k, r in enumerate(factors):
                x = _phases(b, x, k, r) if r > 1 else x
            return x
        for k in range(rank):
            x = self._resize(b, x, k, new[k])
        return x

    def _resize(self, b: Builder, x: str, k: int, to: int) -> str:
        """One axis to any size, as a sum over all of it with weights that are zero but at one place or two."""
        shape = list(sizes(b.type(x)))
        w = shape[k + 1]
        if w == to:
            return x
        if self.mode == "bicubic":
            x = pad_edges(b, x, tuple((2, 2) if j == k else (0, 0) for j in range(len(shape) - 1)), "replicate")
        indices = plane(shape)[1:].split(",")
        i = indices[k]
        target = ",".join("p" if j == k else name for j, name in enumerate(indices))
        read = f"x[n,c,{','.join(indices)}]"
        if self.mode == "nearest":
            right = f"where({to}*{i} <= {w}*p, where({w}*p < {to}*{i}+{to}, {read}, 0.0), 0.0)"
        elif self.mode == "exact":
            right = f"where({2 * to}*{i} <= {2 * w}*p+{w}, where({2 * w}*p+{w} < {2 * to}*{i}+{2 * to}, {read}, 0.0), 0.0)"
        elif self.mode == "bicubic":
            centre = (f"p * {(w - 1) / (to - 1) if to > 1 else 0.0!r}" if self.aligned
                      else f"(p * {w / to!r} + {0.5 * w / to - 0.5!r})")
            right = _cubic(f"abs({centre} + 2.0 - {i})", read)
        else:
            centre = (f"p * {(w - 1) / (to - 1) if to > 1 else 0.0!r}" if self.aligned
                      else f"min(max(p * {w / to!r} + {0.5 * w / to - 0.5!r}, 0.0), {w - 1.0!r})")
            right = f"where(abs({centre} - {i}) < 1.0, {read} * (1.0 - abs({centre} - {i})), 0.0)"
        shape[k + 1] = to
        return str(b(f"y[n,c,{target}] += {right}", x=x, out=tuple(shape), over={"p": to}))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Resize; to a reference's size by its shape, so that it holds for other sizes as well. Zeros between pixels are a
        transposed convolution with a one."""
        x, *like = inputs
        rank = len(o.type(x).shape) - 1
        if self.mode == "bed":
            return self._bed(o, *inputs)
        if like:
            sizes = o("Concat", o("Slice", o("Shape", x), o.numbers([0], whole=True), o.numbers([2], whole=True)),
                      o("Slice", o("Shape", like[0]), o.numbers([2], whole=True), o.numbers([2 + rank], whole=True)), axis=0)
            to: tuple[str, ...] = ("", "", sizes)
        else:
            to = ("", o.numbers([1.0, 1.0, *map(float, per_axis("factor", self.factor, rank))]))
        return o("Resize", x, *to, **self._in_onnx())

    def _in_onnx(self) -> dict[str, Any]:
        """The attributes of Resize."""
        if self.mode in ("nearest", "exact"):
            return {"mode": "nearest", "coordinate_transformation_mode": "asymmetric" if self.mode == "nearest" else "half_pixel",
                    "nearest_mode": "floor" if self.mode == "nearest" else "round_prefer_ceil"}
        return {"mode": "linear" if self.mode == "bilinear" else "cubic",
                "coordinate_transformation_mode": "align_corners" if self.aligned else "half_pixel"} | (
                    {"cubic_coeff_a": -0.75} if self.mode == "bicubic" else {})

    def _bed(self, o: OnnxWriter, *inputs: str) -> str:
        t, want = o.type(inputs[0]), self.shape(*map(o.type, inputs))
        if len(inputs) == 1:
            by = per_axis("factor", self.factor, len(t.spatial))
        elif t.known and want.known:
            by = tuple(p // w for p, w in zip(sizes(want)[1:], sizes(t)[1:]))
        else:
            raise Unsized("how many zeros stand between depends on the sizes of both values")
        c = known_channels(t)
        one = o.numbers(_nested(1.0, (c, 1, *(1,) * len(by))))
        return o("ConvTranspose", inputs[0], one, group=c, kernel_shape=[1] * len(by), strides=by,
                 output_padding=[r - 1 for r in by])

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        x, out = n.type(0), n.out
        if x is None or out is None or not (x.known and out.known):
            return None
        if (len(x.shape), x.channels) != (len(out.shape), out.channels):
            return None
        mode, aligned = ("nearest", False) if n.op == "Expand" else _mode(n.attributes)
        old, new = sizes(x)[1:], sizes(out)[1:]
        if not mode or (n.op == "Expand" and set(old) != {1}):
            return None
        like = [v for v in n.origins(1) + n.origins(3) if v != n.inputs[0] and (t := n.typed(v)) and t.spatial == out.spatial]
        whole = all(p % w == 0 for w, p in zip(old, new))
        if n.op == "Resize" and whole and not like:
            by = tuple(p // w for w, p in zip(old, new))
            return Read(cls(factor=by[0] if len(set(by)) == 1 else by, mode=mode, aligned=aligned), (n.inputs[0],))
        other = like[0] if like else n.alike(out)
        return None if other is None else Read(cls(like="like", mode=mode, aligned=aligned), (n.inputs[0], other))


def _cubic(d: str, read: str) -> str:
    """A pixel at distance d, weighed by Keys' cubic with a = -0.75, PyTorch's. One that is too far is not even read, as it
    might be no number."""
    near, far = f"({d} * 1.25 - 2.25) * {d} * {d} + 1.0", f"(({d} * -0.75 + 3.75) * {d} - 6.0) * {d} + 3.0"
    return f"where({d} <= 1.0, {read} * ({near}), where({d} < 2.0, {read} * ({far}), 0.0))"


def _phases(b: Builder, x: str, k: int, r: int) -> str:
    """Linear interpolation along one axis by a whole factor: result r*q+i lies (i + 0.5)/r - 0.5 right of pixel q."""
    rank = len(b.type(x).shape) - 1
    x = pad_edges(b, x, tuple((1, 1) if j == k else (0, 0) for j in range(rank)), "replicate")
    shape = list(sizes(b.type(x)))
    indices = plane(shape)[1:].split(",")
    i, count = indices[k], shape[k + 1] - 2

    def at(place: str) -> str:
        return ",".join(place if j == k else name for j, name in enumerate(indices))

    parts: list[tuple[str, dict[str, int]]] = []
    for phase in range(r):
        f = (phase + 0.5) / r - 0.5
        start, right = (0, 1 + f) if f < 0 else (1, f)  # pixel q is place q + 1 of the padded axis
        first = at(f"{i}+{start}")
        text = f"x[n,c,{first}] * {1 - right!r} + x[n,c,{at(f'{i}+{start + 1}')}] * {right!r}" if right else f"x[n,c,{first}]"
        parts.append((f"y[n,c,{at(f'{r}*{i}+{phase}')}] = {text}", {i: count}))
    shape[k + 1] = r * count
    return b.pieces(*parts, out=tuple(shape), x=x)


def _nested(value: float, shape: tuple[int, ...]) -> Any:
    """Lists in lists that hold one number everywhere."""
    return [_nested(value, shape[1:]) for _ in range(shape[0])] if shape else value


def _mode(a: Mapping[str, Any]) -> tuple[str, bool]:
    """What Resize's attributes are called here, and whether corners meet corners; no mode where there is none like it."""
    way, mode = a.get("coordinate_transformation_mode", "half_pixel"), a.get("mode", "nearest")
    centred = way in ("half_pixel", "pytorch_half_pixel")
    if mode == "nearest":
        how = a.get("nearest_mode", "round_prefer_floor")
        return ("nearest" if way == "asymmetric" and how == "floor"
                else "exact" if centred and how in ("round_prefer_ceil", "round_prefer_floor") else ""), False
    known = mode == "linear" or (a.get("cubic_coeff_a", -0.75) == -0.75 and not a.get("exclude_outside"))
    return ({"linear": "bilinear", "cubic": "bicubic"}.get(mode, "") if known and (centred or way == "align_corners") else "",
            way == "align_corners")
