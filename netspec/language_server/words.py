"""What the language offers at each kind of place: words of every sort, the options of a word and their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..diagnostics import NetspecError
from ..elaborate.binding.bind import family
from ..elaborate.binding.kinds import OF_PARAMETERS, learns
from ..ir.initialisers import INITIALISERS
from ..ir.precision import PRECISIONS
from ..ir.training import LOGS, SETTINGS
from ..layers import LAYERS
from ..views.words.explain import KINDS, registries
from ..views.words.vocabulary import VOCABULARY
from ..words import REQUIRED, Argument, Registry, Word, arguments, spelled

STEPS = ("reuse", "skip", "expect")
HEADS = {"residual": "residual:", "dense": "dense:", "each": "each:", "frozen": "frozen:", "repeat": "repeat ", "for": "for ",
         "if": "if ", "output": "output ", "input": "input ", "default": "default ", "shortcut": "shortcut: "}
TOP = {"net": "net ", "block": "block ", "train": "train ", "import": "import ", "default": "default "}
NAMED_BY = {"loss": "loss", "schedule": "schedule", "metric": "metric", "prepare": "preparation", "augment": "augmentation",
            "data": "data set"}
"""What names a word in a line of a train section -> the sort of the word."""
FREE = {"initialise": ("lsuv",), "precision": tuple(PRECISIONS), "log": LOGS, "keep": ("best", "last"),
        "regularise": ("l1", "l2", "weights"), "drop_last": ("yes", "no")}
OPTIONS_OF = {"loss": ("weight", "target"), "checkpoint": ("every", "minutes"), "metric": ("target",)}


@dataclass(frozen=True)
class Item:
    """Something that may be written: how it is spelled, its sort, a few words on it, and the word whose page of `netspec explain`
    tells more. The less its `rank`, the further up it stands."""

    label: str
    sort: str
    detail: str = ""
    insert: str | None = None
    about: str | None = None
    rank: int = 5


def learn() -> None:
    """Read the files of all words, so that nobody waits for them later."""
    for r in registries():
        r.sound()


def registry(sort: str) -> Registry[Any]:
    return next(r for r in registries() if r.sort == sort)


def of_sort(sort: str, rank: int = 3) -> Iterator[Item]:
    """Every word of a sort, no file of which is read."""
    for name in registry(sort):
        yield Item(name, sort, sort, about=name, rank=rank)


def steps() -> Iterator[Item]:
    """What a step may begin with, besides the blocks and nets of the page."""
    yield from of_sort("layer")
    for w in STEPS:
        yield Item(w, "word", "step", about=w)
    for w, insert in HEADS.items():
        yield Item(w, "structure", "structure", insert, w)


def settings() -> Iterator[Item]:
    """What a line of a train section may begin with."""
    for w in SETTINGS:
        yield Item(w, "setting", "setting", about=w if w in VOCABULARY else None, rank=2)
    yield from of_sort("optimiser")


def top() -> Iterator[Item]:
    for w, insert in TOP.items():
        yield Item(w, "structure", "declaration", insert, w, 2)


def word(name: str, sort: str | None = None) -> type[Word] | None:
    """The class of a word; None where there is none, or its file is broken."""
    for r in registries():
        if name in r and (sort is None or r.sort == sort):
            try:
                found: type[Word] = r[name]
                return found
            except NetspecError:
                return None
    return None


def options(cls: type[Word]) -> Iterator[Item]:
    """What may follow a word: bare words, options, the activations and normalisations that it takes."""
    for a in arguments(cls):
        default = "" if a.default is REQUIRED or a.default is None else f", default {spelled(a.default)}"
        if a.name == "stride" and a.position is None:
            yield Item("/", "option", "stride" + default, "/", cls.name, 3)
        elif a.kind != "ref":
            for w in a.words:
                yield Item(w, "switch", a.doc, about=cls.name, rank=2)
            if not a.words or a.kind in ("flag", "pad"):
                yield Item(f"{a.name}=", "option", f"{KINDS[a.kind]}{default}: {a.doc}", about=cls.name, rank=3)
    for takes, rank in (("norm", 3), ("activation", 4)):
        if takes in getattr(cls, "takes", ()):
            for name in LAYERS:
                if family_of(name) == takes:
                    yield Item(name, "switch", "activation" if takes == "activation" else "normalisation", about=name, rank=rank)
    if "activation" in getattr(cls, "takes", ()):
        yield Item("linear", "switch", "no activation", about="linear", rank=4)
    if learns(cls):
        own = {a.name for a in arguments(cls)}
        for name in OF_PARAMETERS:
            if name not in own:
                yield Item(f"{name}=", "option", "of what the step learns", about=cls.name, rank=6)


def family_of(name: str) -> str | None:
    """`activation` or `norm`, of a layer whose file can be read."""
    try:
        return family(name)
    except NetspecError:
        return None


def values(cls: type[Word] | None, option: str) -> Iterator[Item]:
    """What may stand behind `option=`."""
    a = argument(cls, option) if cls is not None else None
    if option in ("init", "bias_init") and a is None:
        for w, takes in INITIALISERS.items():
            text = f'"{w} 0.01"' if takes else w
            yield Item(text, "value", "how parameters begin", text, rank=2)
    elif a is not None:
        if a.kind == "flag":
            yield from (Item(w, "value", a.doc, rank=2) for w in ("yes", "no"))
        elif a.kind == "word" or (a.kind == "pad" and a.words):
            yield from (Item(w, "value", a.doc, rank=2) for w in a.words)
        elif a.default is not REQUIRED and a.default is not None:
            yield Item(spelled(a.default), "value", "what it is where nothing is said", rank=2)
        if a.default is None:
            yield Item("none", "value", a.doc, rank=4)
    elif cls is not None and family_of(option) in getattr(cls, "takes", ()):
        yield from (Item(w, "value", "", rank=2) for w in ("yes", "no"))


def argument(cls: type[Word], option: str) -> Argument | None:
    return next((a for a in arguments(cls) if a.name == option or (a.kind == "flag" and option in a.words)), None)
