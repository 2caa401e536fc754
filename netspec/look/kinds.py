"""The kinds of pictures that `netspec look` draws, a word for each, and the call that draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..diagnostics import UsageError, near
from ..runtime.network import Network
from ..views.drawing.sheet import theme_of
from ..views.look.plate import Plate
from ..views.look.plates import Plates
from .asked import examples
from .drawn.alike import of_map, of_neighbours
from .drawn.inside import of_activations, of_filters
from .drawn.maps import of_gradcam, of_guided, of_integrated, of_occlusion, of_saliency
from .drawn.options import Make, Options, Source
from .drawn.units import of_exciting, of_maximise

KINDS: dict[str, Make] = {
    "filters": of_filters, "activations": of_activations, "occlusion": of_occlusion, "saliency": of_saliency, "guided": of_guided,
    "integrated": of_integrated, "gradcam": of_gradcam, "exciting": of_exciting, "maximise": of_maximise,
    "neighbours": of_neighbours, "map": of_map,
}


def picture(net: Network, what: str | Sequence[str], x: Any = None, *, names: Sequence[str] = (), theme: str = "light",
            **options: Any) -> Plates:
    """What a network looks at, as pictures: `.save("look.png")` or .html, and a notebook shows them.

    what     a word of KINDS, or several
    x        examples; `names` are what they are called
    options  those of `Options`

    Errors: a word or an option that is none; no examples, where they are needed; those of the kinds.
    """
    try:
        said = Options(**{("class_" if k == "class" else k): v for k, v in options.items()})
    except TypeError:
        odd = next(k for k in options if k not in Options.__dataclass_fields__)
        raise UsageError(f"there is no option `{odd}` of pictures", hint=near(odd, Options.__dataclass_fields__), code="unknown-argument") from None
    found = None if x is None else examples(net, x)
    called = list(names) or [str(k) for k in range(0 if found is None else len(found))]
    source: Source = list if found is None else lambda: [(called, found)]
    return plates(net, [what] if isinstance(what, str) else what, source, said, theme)


def plates(net: Network, what: Sequence[str], source: Source, options: Options, theme: str = "light") -> Plates:
    """The plates of several kinds."""
    colours, found = theme_of(theme), list[Plate]()
    for word in what:
        if word not in KINDS:
            alike = near(str(word), KINDS)
            raise UsageError(f"there is no picture of `{word}`", f"there are {', '.join(KINDS)}", hint=alike or "")
        found += KINDS[word](net, source, options)
    return Plates(tuple(found), colours)
