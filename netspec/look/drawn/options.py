"""What is asked of a picture, and what every kind of them says: the examples, the classes, the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ...diagnostics import Advice
from ...runtime.asking.answer import answers
from ...runtime.asking.answers import speaker
from ...runtime.misuse import misuse
from ...runtime.network import Network
from ...views.look.plate import Plate
from ..asked import chosen, input_of, number, scores, value_of

Array = NDArray[Any]
Named = tuple[Sequence[str], Array]  # some examples, and what each is called


@dataclass(frozen=True)
class Options:
    """What may be said of a picture; what does not concern its kind changes nothing.

    layer, unit   a layer by its name, and one of its channels
    class_        a class, by its name or number; unless given the one that the network answers
    top           pictures in a row of the most exciting, or of the nearest
    window, stride, fill            of `occlusion`
    steps, l2, tv, blur, jitter     of `maximise`; `steps` of `integrated` as well
    by            how a map is laid out: pca, tsne, umap
    seed          of what begins at random
    """

    layer: str | None = None
    unit: int | None = None
    class_: int | str | None = None
    top: int = 9
    window: int | None = None
    stride: int | None = None
    fill: Any = None
    steps: int | None = None
    l2: float = 0.01
    tv: float = 0.001
    blur: float = 0.5
    jitter: int = 1
    by: str = "pca"
    seed: int = 0


Source = Callable[[], Iterable[Named]]  # the examples, from the first again at each call
Make = Callable[[Network, Source, Options], Iterator[Plate]]


def some(source: Source) -> Iterator[Named]:
    """The examples. Errors: there are none."""
    empty = True
    for names, x in source():
        empty = False
        yield names, x
    if empty:
        raise misuse("empty-batch", "this looks at pictures, and none is given", hint=Advice("netspec look RUN PICTURE..."))


def layer_asked(o: Options) -> str | None:
    """The layer whose unit is asked about, in the place of a class."""
    return o.layer if o.class_ is None else None


def unit_asked(o: Options) -> int | str | None:
    return o.class_ if o.class_ is not None else o.unit


def units_asked(net: Network, layer: str, o: Options, most: int) -> list[int]:
    said = unit_asked(o)
    if said is not None:
        return [number(net, said, layer)]
    channels = net.graph.values[value_of(net.graph, layer)].type.channels or 1
    return list(range(min(channels, most)))


def name_of(net: Network, k: int) -> str:
    return net.classes[k] if k < len(net.classes) else f"class {k}"


def classes_of(net: Network, x: Array, o: Options) -> list[str]:
    """What each map is of."""
    layer = layer_asked(o)
    if layer is not None:
        return [f"unit {k} of {layer}" for k in chosen(net, x, unit_asked(o), layer)]
    return [name_of(net, int(k)) for k in chosen(net, x, unit_asked(o), scores(net))]


def answers_of(net: Network, names: Sequence[str], x: Array) -> list[tuple[str, ...]]:
    """What the network answers of each, where its answer is short."""
    by = speaker([net], [net.graph.name])
    out = by.outputs([{input_of(net).name: x}], 64)[by.output]
    return [tuple(a.said()[:1]) if a.predictions else () for a in answers(by.reading, names, out, 1)]
