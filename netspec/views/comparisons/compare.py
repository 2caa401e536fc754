"""Several networks compared: a table of what each costs, and the chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from os import PathLike
from typing import Any, Literal, get_args

from ...diagnostics import UsageError, near
from ...ir.graph import Graph
from ...plain import shown
from ..tables.summary import amount, source_name
from ..tables.table import Column, Line, Table
from ..tables.tabulated import Tabulated
from .cost import Cost, cost
from .zoo import published

Area = Literal["parameters", "memory"]


@dataclass(frozen=True, repr=False)
class Comparison(Tabulated):
    """Printed, it is a table; `draw` makes the chart. Where any accuracy is given, the chart has accuracy over MACs, else
    parameters over MACs."""

    nets: tuple[Cost, ...]
    area: Area | None = None  # what the area of a circle says; None: parameters over accuracy, else memory

    def __repr__(self) -> str:
        """One line; `print` shows the table."""
        return f"Comparison of {len(self.nets)} networks: {', '.join(c.name for c in self.nets[:6])}{', ...' * (len(self.nets) > 6)}"

    @property
    def judged(self) -> bool:
        """Whether accuracies are known."""
        return any(c.accuracy is not None for c in self.nets)

    @cached_property
    def table(self) -> Table:
        heads = [Column("net", least=24), Column("input", least=12), Column("steps", "right", spared=2),
                 Column("parameters", "right"), Column("MACs", "right"), Column("memory", "right"),
                 *([Column("accuracy", "right")] if self.judged else [])]
        lines = [Line((c.name, c.input, f"{c.steps:,}", f"{c.parameters:,}", f"{c.macs:,}", amount(c.memory),
                       *([_percent(c.accuracy)] if self.judged else []))) for c in self.nets]
        return Table("", tuple(heads), tuple(lines), ("memory is that of what all steps give, for one sample in float32",), self._records)

    def _records(self) -> Iterator[dict[str, Any]]:
        for c in self.nets:
            yield {"net": c.name, "file": c.file, "input": c.input, "steps": c.steps, "parameters": c.parameters, "MACs": c.macs,
                   "memory": c.memory, **({"accuracy": c.accuracy} if self.judged else {})}

    def data(self) -> dict[str, Any]:
        """Plain values, as `netspec compare --format json` prints them."""
        return {"schema": "netspec.compare/1", "nets": [{**r, "macs": r.pop("MACs")} for r in self._records()]}

    def _repr_html_(self) -> str:
        return super()._repr_html_() + self.svg()

    def svg(self, theme: str = "light") -> str:
        """The chart as SVG text."""
        from ..drawing.sheet import theme_of
        from .chart import chart

        return chart(self.nets, self.judged, self.area or ("parameters" if self.judged else "memory"), theme_of(theme))

    def draw(self, path: str | PathLike[str], theme: str = "light") -> None:
        """Write the chart, .svg or .png."""
        from ..drawing.sheet import save, theme_of

        save(self.svg(theme), path, theme_of(theme).page)


def compare(graphs: Sequence[Graph], accuracy: Mapping[str, float] | None = None, area: str | None = None,
            known: bool = False) -> Comparison:
    """Compare networks. `accuracy` is in percent by the name of a net (or FILE:NET where two have one name); as soon as one is
    given, or the `known` ones are wanted, nets that come with netspec have the published one unless they are given another.

    Errors: an input whose size is not known; an accuracy of a net that is not compared, or that is no percentage.
    """
    if not graphs:
        raise UsageError("networks are compared, and none is given", hint="netspec compare a.net b.net")
    if area not in (None, *get_args(Area)):
        raise UsageError(f"the area of a circle says {' or '.join(get_args(Area))}, not {shown(repr(area))}", hint='area="memory"',
                         code="unknown-name")
    accuracy = {} if accuracy is None else accuracy
    if not isinstance(accuracy, Mapping):
        raise UsageError(f"accuracies are given by the name of a net, and not as a {type(accuracy).__name__}",
                         hint='accuracy={"resnet50": 76.1}')
    nets = [cost(g, source_name(g) or "") for g in graphs]
    names = [c.name if sum(d.name == c.name for d in nets) == 1 else f"{c.file}:{c.name}" for c in nets]
    for name, value in accuracy.items():
        if name not in names:
            raise UsageError(f"an accuracy is given of {name}, which is not compared", *names,
                             hint=f"did you mean {alike}?" if (alike := near(name, names)) else None, code="unknown-name")
        if not isinstance(value, Real) or not 0 <= value <= 100:
            raise UsageError(f"the accuracy of {name} is {shown(f'{value:g}' if isinstance(value, Real) else repr(value))}, and a percentage lies between 0 and 100",
                             hint=f"{name}=76.1", code="out-of-range")
    of: Any = area
    given = {n: accuracy.get(n, published(c) if accuracy or known else None) for n, c in zip(names, nets)}
    return Comparison(tuple(replace(c, name=n, accuracy=given[n]) for n, c in zip(names, nets)), of)


def _percent(accuracy: float | None) -> str:
    return "" if accuracy is None else f"{accuracy:.1f} %"
