"""The calls contractions become: immutable values of literals, one readable line each in the emitted module.

`schedule` and `winograd.schedule` choose them, `rows` and `winograd.rows` turn them into table rows
once the number of samples is known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from ....ir.contraction import Contraction
from ....ir.layout import Image
from ....ir.weight_order import WeightOrder

Epilogue = tuple[tuple[str, Any, str], ...]
PLAIN: Epilogue = (("store", 0, "acc"),)
SCRATCH = 1024  # bytes of a thread's scratch that a gather's frame takes


def parts_of(samples: int, most: int, each: float) -> int:
    """Into how many parts so many samples are cut: `each` sample makes so many of them worth the pass that adds them."""
    return max(1, min(most, int(samples * each)))


class Call:
    """One parallel operation of the emitted module. Subclasses are frozen dataclasses of literals."""

    method: ClassVar[str]
    name: str
    scratch: int = SCRATCH

    @property
    def reads(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def writes(self) -> tuple[str, ...]:
        raise NotImplementedError

    def __str__(self) -> str:
        """A call with every argument a literal, as the emitted module has it."""
        arguments = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)]  # type: ignore[arg-type]
        lines, line = [], f"{self.method}("
        for k, a in enumerate(arguments):
            a += ")" if k + 1 == len(arguments) else ", "
            if len(line) + len(a) > 150 and line.strip():
                lines.append(line.rstrip())
                line = "    "
            line += a
        return "\n".join([*lines, line])


@dataclass(frozen=True)
class Workspace:
    """Memory a call needs besides its operands: the same bytes for every number of samples."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Gather(Call):
    """out = epilogue(sum of image * weight)."""

    method: ClassVar[str] = "gather"
    name: str
    contraction: Contraction
    outputs: tuple[str, ...]
    image: str
    weight: str  # where the weights lie in the order of this contraction
    extras: tuple[str, ...]
    vectors: tuple[str, ...]
    sums: tuple[str, ...]
    epilogue: Epilogue
    kind: str
    lanes: int
    last: bool  # the image is channels-last
    masked: bool  # the epilogue makes something of nothing in the padded lanes
    along: Literal["columns", "images"]
    tiles: tuple[int, ...]  # places per register tile, for each phase of the columns
    groups: tuple[int, ...]  # rows of an item, for each phase
    split: int  # shares the blocks of channels are cut into

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.image, self.weight, *self.extras, *self.vectors)

    @property
    def writes(self) -> tuple[str, ...]:
        return (*self.outputs, *self.sums)

    @property
    def parts(self) -> int:
        """Partial sums of an image."""
        return sum(-(-d.count * r.count // g) for (d, r, _), g in zip(self.contraction.phases, self.groups))


@dataclass(frozen=True)
class Outer(Call):
    """A weight gradient, or its parts."""

    method: ClassVar[str] = "outer"
    name: str
    contraction: Contraction
    image: str
    out: str
    into: str
    kind: str
    lanes: int
    last: bool
    steps: int  # steps of the walk in one register tile
    cuts: int  # register tiles that one step is cut into
    pieces: int  # items the steps of a block are dealt to
    parts: int  # parts all rows are cut into at most, each with its own sums
    each: float  # parts that a sample is worth
    image_group: int  # images and rows a tap is walked over before the next tap
    row_group: int
    wide: int  # blocks of lanes of an item

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.image, self.out)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class Fold(Call):
    """into = the sum of parts, in order; elements that are padding become zero."""

    method: ClassVar[str] = "fold"
    name: str
    into: str
    source: str
    size: int  # elements
    parts: int
    each: float
    kind: str
    lanes: int
    clear: WeightOrder | None = None  # padding of this order has to be cleared

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class Repack(Call):
    """A weight from the order it is stored in to the order a contraction walks it."""

    method: ClassVar[str] = "repack"
    name: str
    into: str
    source: str
    master: WeightOrder
    order: WeightOrder
    kind: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class WinogradGather(Call):
    """out = epilogue(sum of image * weight) for 3x3 windows, in Winograd's domain."""

    method: ClassVar[str] = "winograd_gather"
    name: str
    contraction: Contraction
    outputs: tuple[str, ...]
    image: str
    weight: str  # in Winograd's domain
    extras: tuple[str, ...]
    vectors: tuple[str, ...]
    sums: tuple[str, ...]
    epilogue: Epilogue
    lanes: int
    masked: bool
    rows: int  # rows of tiles in an item, where an image has several
    images: int  # images in an item, where not
    scratch: int  # bytes of each thread

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.image, self.weight, *self.extras, *self.vectors)

    @property
    def writes(self) -> tuple[str, ...]:
        return (*self.outputs, *self.sums)


@dataclass(frozen=True)
class WinogradWeights(Call):
    """A weight into Winograd's domain."""

    method: ClassVar[str] = "winograd_weights"
    name: str
    into: str
    source: str
    pairs: int  # blocks of lanes times blocks of summed channels
    lanes: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class WinogradOuter(Call):
    """Parts of a weight gradient of 3x3 windows, in Winograd's domain."""

    method: ClassVar[str] = "winograd_outer"
    name: str
    contraction: Contraction
    image: str
    out: str
    into: str
    lanes: int
    rows: int  # rows of tiles in a chunk
    shares: int  # shares the blocks of lanes are cut into
    parts: int  # parts all rows of tiles are cut into at most
    each: float  # parts that a sample is worth
    scratch: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.image, self.out)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class WinogradFold(Call):
    """A weight gradient: the sum of its parts, in order, back from Winograd's domain."""

    method: ClassVar[str] = "winograd_fold"
    name: str
    into: str
    source: str
    pairs: int
    parts: int
    each: float
    lanes: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class Plan:
    """What one contraction becomes. `prepare` depends on the weight alone; a barrier lies between the three."""

    prepare: tuple[Call, ...]
    main: Call
    finish: tuple[Call, ...] = ()
    workspace: tuple[Workspace, ...] = ()  # of main and finish: free afterwards
    derived: tuple[Workspace, ...] = ()  # made by prepare: lives until the weight changes

    @property
    def calls(self) -> tuple[Call, ...]:
        return (*self.prepare, self.main, *self.finish)


def place_offset(place: tuple[int, int, int, int], image: Image) -> int:
    """Bytes from a place of an image to (channel, depth, row, column) beyond it."""
    channel, d, h, w = place
    lane = channel * image.item if image.block == 0 else channel // image.lanes * image.block + channel % image.lanes * image.item
    return lane + d * image.plane + h * image.row + w * image.pixel


def divisor(n: int, most: int) -> int:
    """The largest divisor of n that is at most `most`."""
    return max(k for k in range(1, n + 1) if n % k == 0 and k <= max(1, most))


@dataclass(frozen=True)
class Kernel(Call):
    """An emitted kernel over items: blocks of channels, images, runs of places, or runs of a vector."""

    method: ClassVar[str] = "kernel"
    name: str
    kernel: str
    operands: tuple[str, ...]
    results: tuple[str, ...]
    outputs: tuple[str, ...] = ()  # images whose halo the kernel clears
    sizes: tuple[int, ...] = ()
    channels: int = 1
    images: int = 1  # of a sample; 0: the step has no batch
    chunk: int = 1  # images, or elements, of an item
    shifts: tuple[int, ...] = ()  # of each operand, in blocks of channels
    pieces: int = 1  # items of an image, of a places step
    scratch: int = 0  # bytes of its own

    @property
    def reads(self) -> tuple[str, ...]:
        return self.operands

    @property
    def writes(self) -> tuple[str, ...]:
        return self.results
