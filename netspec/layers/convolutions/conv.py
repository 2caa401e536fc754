"""Convolution, the layer the language is about."""

from __future__ import annotations

from math import prod
from typing import Any

from ...ir.graph import Parameter
from ...ir.initialisers import FITTING
from ...ir.types import TensorType, shape_text
from ...words import WordError, count, flag, padding, size, value, word
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, known_channels, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.edges import check_edges, pad_edges
from ..parts.lengths import in_parts, weight_of
from ..parts.onnx_edges import edges_for, onnx_edges, padding_of
from ..parts.onnx_windows import SAME, attributes, fields, in_onnx, written
from ..parts.windows import Windows, need_image, out_sizes, pads, per_axis, slide


class Conv(Layer, category="convolution"):
    """Convolution (cross-correlation) with learned filters over 1, 2 or 3 spatial axes.

    `reflect`, `replicate` and `circular` pad with a mirror image, the edge or the opposite side instead of zeros. `values=`
    fixes the filters (a buffer, never trained): the numbers of one window, used for every filter and channel, or of all of them.
    `table=` lists, for each filter, the input channels it sees; the other weights are not there (LeNet-5's third layer).
    `weight_norm` learns each filter as a direction and a length; it begins as the layer would without the word.

    Shapes:  C x W... -> filters x P...,  P = floor((W - F + 2*pad) / stride) + 1,  F = dilation*(window-1) + 1
    Params:  weight [filters, C/groups, *window], bias [filters]; with `table` weight [entries of the table, *window]; with
             `weight_norm` weight_v of the weight's shape and weight_g [filters] in its place
    Errors:  a window larger than the padded input; groups that do not divide C and filters
    Paper:   LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", 1989; of weight_norm Salimans and
             Kingma, "Weight Normalization", 2016 (arXiv:1602.07868)
    """

    takes = ("activation", "norm")

    filters: int = count("number of filters, the channels of the result", position=0)
    window: Any = size("size of the window: 3 or 3x3", position=1)
    stride: Any = size("step of the window: /2", default=1)
    pad: Any = padding("zeros around the input: same = (F-1)//2 on both sides, valid = 0, same_upper and same_lower = what W / stride "
                       "windows need, the odd one after or before; numbers, or (before, after) pairs")
    dilation: Any = size("distance between the taps of a window", default=1)
    groups: int = count("channels are split into this many groups that do not mix", default=1)
    bias: bool = flag("add a learned number to every filter's result", default=True)
    edges: str = word("what the padding holds", default="zeros", words=("zeros", "reflect", "replicate", "circular"))
    values: Any = value("fixed filters: numbers, row by row", default=None)
    table: Any = value("the input channels each filter sees: [[0, 1, 2], [1, 2, 3]]", default=None)
    weight_norm: bool = flag("learn a direction and a length for each filter: w = v * g / |v|", default=False, word="weight_norm")

    onnx_reads = ("Conv", "Add", "Sub")
    examples = (
        Example("conv 4 3x3", inputs=((3, 5, 5),), output=(4, 5, 5), parameters=112, macs=2700),
        Example("conv 4 3x3 /2 pad=1 bias=no", inputs=((3, 6, 7),), output=(4, 3, 4), parameters=108, macs=1296),
        Example("conv 6 3x2 valid groups=2 dilation=2", inputs=((4, 7, 6),), output=(6, 3, 4), parameters=78, macs=864),
        Example("conv 4 3x3 groups=4", inputs=((4, 5, 4),), output=(4, 5, 4), parameters=40, macs=720),
        Example("conv 5 4 /3 pad=[(1, 2)]", inputs=((2, 11),), output=(5, 4), parameters=45, macs=160),
        Example("conv 4 3x3 /2 same_upper", inputs=((3, 6, 5),), output=(4, 3, 3), parameters=112, macs=972),
        Example("conv 3 4x2 /3 same_lower groups=3", inputs=((3, 5, 6),), output=(3, 2, 2), parameters=27, macs=96),
        Example("conv 3 3x3 reflect", inputs=((2, 4, 5),), output=(3, 4, 5), parameters=57, macs=1080),
        Example("conv 3 3x5 circular", inputs=((2, 4, 3),), output=(3, 4, 3), parameters=93, macs=1080),
        Example("conv 3 3 replicate", inputs=((2, 5),), output=(3, 5), parameters=21, macs=90),
        Example("conv 2 2x2 groups=2 valid values=[1, 2, 3, 4] bias=no", inputs=((2, 4, 3),), output=(2, 3, 2), macs=48),
        Example("conv 3 2x2 valid table=[[0, 1], [2], [0, 1, 2]]", inputs=((3, 4, 3),), output=(3, 3, 2), parameters=27,
                macs=144),
        Example("conv 4 3x3 /2 weight_norm", inputs=((3, 5, 6),), output=(4, 3, 3), parameters=116, macs=972),
        Example("conv 6 3x2 groups=2 bias=no weight_norm", inputs=((4, 4, 5),), output=(6, 4, 4), parameters=78, macs=1152),
        Example("conv 3 3 groups=3 weight_norm", inputs=((3, 7),), output=(3, 7), parameters=15, macs=63),
        Example("conv 2 3 weight_norm", inputs=((1, 3, 2, 3),), output=(2, 3, 2, 3), parameters=58, macs=972),
        Example("conv 2 3 /2", inputs=((3, 5, 4, 6),), output=(2, 3, 2, 3), parameters=164, macs=2916),
    )

    def geometry(self, x: TensorType) -> Windows:
        window, stride, dilation = (per_axis(n, getattr(self, n), len(x.spatial)) for n in ("window", "stride", "dilation"))
        return window, stride, pads(self.pad, window, dilation, stride, x.spatial), dilation

    def slides(self, x: TensorType) -> Windows:
        return self.geometry(x)

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        need_image("conv", x.shape)
        window, stride, pad, dilation = self.geometry(x)
        c, g, f = x.channels, self.groups, self.filters
        if f % g or (c is not None and c % g):
            from math import gcd

            notes = [f"{n} / {g} = {n / g:g}" for n in (c, f) if n is not None]
            raise WordError("groups must divide the channels on both sides", *notes,
                            label=f"groups={g}: {'?' if c is None else c} channels in, {f} out",
                            swap=((f"groups={g}", f"groups={gcd(c or f, f)}"),),
                            advice=f"groups={gcd(c or f, f)} would divide both", code="groups")
        check_edges("conv", x, pad, self.edges)
        if self.values is not None:
            self._fixed((f, None if c is None else c // g, *window), prod(window))
        if self.table is not None and c is not None:
            self._rows(c)
        return x.of(f, *out_sizes(x.spatial, window, stride, pad, dilation))

    def check(self) -> None:
        if self.weight_norm and (self.table is not None or self.values is not None):
            raise WordError("weight_norm learns whole filters, so table= and values= have no place beside it", label="weight_norm",
                            code="bad-value")
        if self.table is not None and (self.groups != 1 or self.values is not None):
            raise WordError("a table says which channels each filter sees, so groups= and values= have no place beside it",
                            label="table=", code="bad-value")

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        (x,) = inputs
        c = known_channels(x)
        window = per_axis("window", self.window, len(x.shape) - 1)
        taps = prod(window)
        shape = (self.filters, c // self.groups, *window)
        bias = (Parameter("bias", (self.filters,), "bias", "zeros"),) if self.bias else ()
        if self.values is not None:
            return (Parameter("weight", shape, "buffer", "zeros", trainable=False, values=self._fixed(shape, taps)), *bias)
        if self.table is not None:
            at = [o * c + k for o, row in enumerate(self._rows(c)) for k in row]
            fan = len(at) * taps // self.filters
            return (Parameter("weight", (len(at), *window), "weight", FITTING, fan_in=fan, fan_out=len(at) * taps // c),
                    Parameter("table", (len(at),), "buffer", "zeros", trainable=False, values=tuple(map(float, at))), *bias)
        weight = Parameter("weight", shape, "weight", FITTING, fan_in=c // self.groups * taps, fan_out=self.filters // self.groups * taps)
        return (*(in_parts(weight) if self.weight_norm else (weight,)), *bias)

    def _fixed(self, shape: tuple[int | None, ...], taps: int) -> tuple[float, ...]:
        """`values=` as the numbers of all filters."""
        numbers = tuple(_flat(self.values))
        known = [n for n in shape if n is not None]
        if len(numbers) == taps:
            return numbers * (prod(known) // taps)
        if (len(numbers) != prod(known)) if len(known) == len(shape) else (not numbers or len(numbers) % prod(known)):
            raise WordError("values= gives the numbers of one window, or of all of them", f"one window: {taps}",
                            f"all: {shape_text(shape)}" + (f" = {prod(known)}" if len(known) == len(shape) else ""),
                            label=f"{len(numbers)} number{'s' if len(numbers) > 1 else ''}",
                            advice=f"{taps} numbers are wanted:  values=[{', '.join(['1'] * min(taps, 9))}{', ...' if taps > 9 else ''}]", code="bad-value")
        return numbers

    def _rows(self, c: int) -> list[tuple[int, ...]]:
        """`table=` checked: the channels of every filter."""
        table = self.table if isinstance(self.table, (tuple, list)) else ()
        rows = [tuple(r) if isinstance(r, (tuple, list, range)) else (r,) for r in table]
        if len(rows) != self.filters or not all(r and all(isinstance(k, int) and 0 <= k < c for k in r) and len(set(r)) == len(r)
                                                for r in rows):
            raise WordError(f"table= lists the input channels (0..{c - 1}) of each of the {self.filters} filters, none twice",
                            label=f"table of {len(rows)} filters",
                            advice=f"for example:  table={_pairs(c, min(self.filters, 4))[:-1]}{', ...]' if self.filters > 4 else ']'}", code="bad-value",
                            swap=((f"table={[list(r) for r in rows]}", f"table={_pairs(c, self.filters)}"),) if self.filters
                            <= 64 else ())
        return rows

    def macs(self, *inputs: TensorType) -> int | None:
        (x,) = inputs
        if self.table is None or not x.known:
            return None
        return self.parameters(x)[0].size * prod(sizes(self.shape(x))[1:]) * x.batch

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        rank, (c, *_), g, f = len(t.shape) - 1, sizes(t), self.groups, self.filters
        window, stride, pad, dilation = self.geometry(t)
        out = sizes(self.shape(t))
        if self.edges != "zeros":
            x, pad = pad_edges(b, x, pad, self.edges), ((0, 0),) * rank
        p, u, at = ",".join(names(OUT, rank)), ",".join(names(WINDOW, rank)), slide(stride, pad, dilation)
        w = weight_of(b, parameters)
        if self.table is not None:
            w = b(f"w[o,c,{u}] += where(at[j] == o*{c}+c, k[j,{u}], 0.0)", at=parameters["table"], k=w, out=(f, c, *window),
                  over={"o": f, "c": c})
        if g == 1:
            y = b(f"y[n,o,{p}] += x[n,c,{at}] * w[o,c,{u}]", x=x, w=w, out=out)
        elif f == c == g:
            y = b(f"y[n,o,{p}] += x[n,o,{at}] * w[o,0,{u}]", x=x, w=w, out=out)
        else:
            o = f"{f // g}*g+o"
            y = b(f"y[n,{o},{p}] += x[n,{c // g}*g+c,{at}] * w[{o},c,{u}]", x=x, w=w, out=out, over={"g": g, "o": f // g})
        return b.map("y + bias", y=y, bias=parameters["bias"]) if self.bias else str(y)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t, w = o.type(x), parameters["weight"]
        window, stride, pad, dilation = self.geometry(t)
        apart = self.edges != "zeros" or set(dilation) != {1}  # runtimes know no `auto_pad` beside a dilation
        if apart and self.pad in SAME and not t.known and set(stride) != {1}:
            o.note, pad = self.pad, ((0, 0),) * len(window)
            reach = tuple(d * (k - 1) for k, d in zip(window, dilation))
            x = edges_for(o, x, self.pad, reach, stride, self.edges)
        elif self.edges != "zeros":
            x, pad = onnx_edges(o, x, pad, self.edges), ((0, 0),) * len(window)
        said = attributes(window, stride, pad, dilation) if apart else in_onnx(t, self.pad, window, stride, pad, dilation)
        if self.table is not None:
            w = o.numbers(_dense(o.array(w), o.array(parameters["table"]), self.filters, known_channels(o.type(inputs[0]))))
        return o("Conv", x, w, *([parameters["bias"]] if self.bias else []), group=self.groups,
                 **said)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """A Conv, with the Pad before it; or a constant added to each channel: a depthwise convolution whose weights are ones."""
        if n.op != "Conv":
            shifted: Read | None = cls._shifted(n)
            return shifted
        w, bias = n.array(1), n.array(2)
        if w is None or (bias is None and len(n.inputs) > 2 and n.inputs[2]):
            return None
        x, more, edges, before = n.inputs[0], None, "zeros", n.before(0)
        padded = None if before is None else padding_of(before)
        given = any(n.attributes.get("pads") or ()) or str(n.attributes.get("auto_pad")).startswith("SAME")
        if before is not None and padded is not None and padded[1] in ("zeros", "reflect", "replicate", "circular") and not (
                given and padded[1] != "zeros"):
            x, (more, edges) = before.inputs[0], padded
        window = tuple(w.shape[2:])
        slides = fields(n, window, "same", more) | ({"pad": n.note} if n.note in SAME else {})
        layer = cls(filters=len(w), window=written(window), groups=n.attributes.get("group", 1), bias=bias is not None, edges=edges, **slides)
        return Read(layer, (x,), {"weight": w} | ({} if bias is None else {"bias": bias}))

    @classmethod
    def _shifted(cls: Any, n: OnnxNode) -> Read | None:
        k = 1 if n.array(0) is None else 0
        x, c = n.type(1 - k), n.array(k)
        if x is None or c is None or x.channels is None or len(x.shape) < 2 or (n.op == "Sub" and k == 0):
            return None
        shape = (x.channels, *(1,) * (len(x.shape) - 1))
        if c.size not in (1, x.channels) or (c.size > 1 and tuple(c.shape[-len(shape):]) != shape):
            return None
        ones = c.reshape(-1)[:1].repeat(x.channels)
        ones[:] = 1
        bias = c.reshape(-1).repeat(1 if c.size == x.channels else x.channels) * (-1 if n.op == "Sub" else 1)
        layer = cls(filters=x.channels, window=written(shape[1:]), groups=x.channels)
        return Read(layer, (n.inputs[1 - k],), {"weight": ones.reshape(x.channels, 1, *shape[1:]), "bias": bias})


def _flat(v: Any) -> list[float]:
    if isinstance(v, (tuple, list)):
        return [number for x in v for number in _flat(x)]
    if isinstance(v, bool) or not isinstance(v, (int, float)):
        raise WordError("values= is a list of numbers", label=f"{v}", hint="values=[1, 2, 1]", code="bad-value")
    return [float(v)]


def _pairs(c: int, filters: int) -> str:
    """A table in which every filter reads two neighbouring channels of c."""
    return str([[k % c, (k + 1) % c] if c > 1 else [0] for k in range(filters)])


def _dense(weight: Any, table: Any, filters: int, channels: int) -> Any:
    """The weights of a table, with zeros where it has none."""
    import numpy as np

    out = np.zeros((filters * channels, *weight.shape[1:]), weight.dtype)
    out[np.asarray(table).astype(int)] = weight
    return out.reshape(filters, channels, *weight.shape[1:])
