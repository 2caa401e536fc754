"""What sources of pictures have in common as words: sizes, colours, shares, what is left out."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from ...words import WordError, flag, size, spelled, text, value, word
from ...words.dataset import Data, DataError, Dataset, Request
from . import shares

if TYPE_CHECKING:
    from .listing import Parts


class Pictured(Dataset, abstract=True):
    """Pictures that are decoded as training needs them."""

    path: str = text("the folder, in quotes, looked for from the folder of the spec", position=0)
    size: Any = size("height and width that every picture is brought to: 64, or 48x64; those of the net's input unless given",
                     default=None)
    resize: str = word("how it comes to them: the middle of it (cover), all of it with black bars (fit), all of it (stretch)",
                       default="cover", words=("cover", "fit", "stretch"))
    colour: str | None = word("grey or rgb; grey for a net of one channel, rgb for one of three, unless given", default=None,
                              words=("grey", "rgb"))
    validation: Any = value("the share of each class that validates, drawn by the seed (0.2), or a folder of other pictures",
                            default=None)
    test: Any = value("the share of each class that is for testing, or a folder of other pictures", default=None)
    skip_unreadable: bool = flag("leave out pictures that cannot be read, and say how many", default=False,
                                 word="skip_unreadable")

    def check(self) -> None:
        if not self.path.strip():
            raise WordError("the name of a folder is empty", code="bad-value", hint=self.line(path="pictures"))
        if isinstance(self.size, tuple) and len(self.size) != 2:
            raise WordError("a picture has a height and a width", f"size is {spelled(self.size)}", code="bad-value",
                            hint=self.line(size=(48, 64)))
        shares.check(self.validation, self.test, "a folder" if self.name == "images" else "others")

    @property
    def title(self) -> str:
        return self.path

    def read(self, request: Request) -> Data:
        """x is N x C x H x W, decoded when it is first asked for: uint8, or float32 in [0, 1] where a picture has greys of 16
        bits. y is N int64 for classes, N x labels or N (x columns) for labels and numbers of a table, N x H x W int64 for
        masks. The beginning of every picture is looked at before; all of it where those that cannot be read are left out."""
        from .decoded import Masks, Pictures

        shape = self._shape(request)
        parts, classes = self.listed(request, few=False)
        parts, deep, remarks = self._readable(parts, classes)
        hint = None if self.skip_unreadable else self.line(skip_unreadable=True)
        pairs = {part: (Pictures(here.files, shape, self.resize, deep, hint),
                        Masks(here.masks, shape[1:], self.resize, hint) if here.masks else here.y)
                 for part, here in self._divided(parts, request.seed).items()}
        return Data(self.title, pairs["train"], pairs.get("test"), pairs.get("validation"), classes, remarks,
                    parts["train"].columns)

    def outline(self, request: Request) -> Data:
        """Shapes, targets and classes as `read` gives them; masks are zeros. The beginnings of a few pictures of each class are
        looked at."""
        import numpy as np

        from .decoded import looked_at, refusal

        shape = self._shape(request)
        parts, classes = self.listed(request, few=True)
        few = [here.of(here.few()) for here in parts.values()]
        files, masks = [f for here in few for f in here.files], [f for here in few for f in here.masks]
        refused = {} if self.skip_unreadable else looked_at(files, masks)[1]
        if refused:
            raise refusal(refused, len(files), self.line(skip_unreadable=True))

        def zeros(kind: type, *shape: int) -> Any:
            return np.broadcast_to(np.zeros((), kind), shape)

        pairs = {part: (zeros(np.uint8, len(here.files), *shape),
                        zeros(np.int64, len(here.files), *shape[1:]) if here.masks else here.y)
                 for part, here in self._divided(parts, request.seed).items()}
        return Data(self.title, pairs["train"], pairs.get("test"), pairs.get("validation"), classes,
                    columns=parts["train"].columns)

    def _shape(self, request: Request) -> tuple[int, int, int]:
        """Channels, height and width of every picture, of this line and the network's input.

        Errors: they differ, or neither says; an input that is no picture.
        """
        if len(request.inputs) > 1:
            raise DataError(f"pictures are one input, and this network has {len(request.inputs)}: {', '.join(request.inputs)}")
        name, want = next(iter(request.inputs.items()), ("input", (None, None, None)))
        wanted = "x".join("?" if s is None else str(s) for s in want)
        if len(want) != 3:
            raise DataError(f"pictures are channels x height x width, and the input `{name}` is {wanted}", hint="input 3x64x64")
        channels = {"grey": 1, "rgb": 3, None: want[0] or 3}[self.colour]
        own: Any = (self.size, self.size) if isinstance(self.size, int) else self.size or want[1:]
        if None in own:
            raise DataError("nobody says which size the pictures are to have", f"the input `{name}` is {wanted}",
                            hint=self.line(size=64))
        if channels not in (1, 3):
            raise DataError(f"a picture has 1 channel or 3, and the input `{name}` is {wanted}",
                            hint=f"input 3x{own[0]}x{own[1]}")
        if any(w is not None and s != w for s, w in zip(own, want[1:])):
            raise DataError(f"pictures of {own[0]}x{own[1]} do not fit the input `{name}`, which is {wanted}",
                            hint=self.line(size=want[1] if want[1] == want[2] else want[1:]))
        if want[0] not in (None, channels):
            raise DataError(
                f"{self.colour} pictures have {channels} channel{'s'[: channels - 1]}, and the input `{name}` is {wanted}",
                            hint=self.line(colour=None))
        return channels, own[0], own[1]

    @abstractmethod
    def listed(self, request: Request, few: bool) -> tuple[Parts, tuple[str, ...]]:
        """The pictures of each part with their targets, and the names of the classes; where only a `few` are wanted, those that
        are found quickly."""

    def _readable(self, parts: Parts, classes: tuple[str, ...]) -> tuple[Parts, bool, tuple[str, ...]]:
        """The pictures that can be read, whether any has greys of 16 bits, and what a person should know of the others.

        Errors: a picture that does not begin as one, unless those are left out; then a class that loses all it has.
        """
        from . import folders
        from .decoded import looked_at, refusal
        from .listing import empty

        files, masks = [f for here in parts.values() for f in here.files], [f for here in parts.values() for f in here.masks]
        deep, refused = looked_at(files, masks, self.skip_unreadable)
        remarks = []
        if others := [f for here in parts.values() for f in here.others]:
            what = "is no picture" if len(others) == 1 else "are no pictures"
            remarks.append(f"{len(others):,} file{'s' * (len(others) > 1)} {what}: {folders.named(others)}")
        if not refused:
            return parts, deep, tuple(remarks)
        if not self.skip_unreadable:
            raise refusal(refused, len(files), self.line(skip_unreadable=True))
        what = "is" if len(refused) == 1 else "are"
        remarks.append(
            f"{len(refused):,} picture{'s' * (len(refused) > 1)} of {len(files):,} cannot be read and {what} left out: "
                       f"{folders.named([str(files[k]) for k in refused])}")
        kept, at = {}, 0
        for part, here in parts.items():
            kept[part] = here.of([k for k in range(len(here.files)) if at + k not in refused])
            at += len(here.files)
        if kept["train"].labels is not None:
            for k in sorted(set(range(len(classes))).difference(map(int, kept["train"].labels))):
                raise empty(classes[k], "none of its pictures can be read")
        return kept, deep, tuple(remarks)

    def _divided(self, parts: Parts, seed: int) -> Parts:
        """The parts, with what the training part gives to those that are a share of it."""
        validation, test = (0.0 if v is None or isinstance(v, str) else float(v) for v in (self.validation, self.test))
        if not validation and not test:
            return parts
        from .split import split

        train = parts["train"]
        numbers = split(train.labels, len(train.files), validation, test, seed, self.path)
        return parts | {part: train.of(chosen) for part, chosen in zip(("train", "validation", "test"), numbers) if len(chosen)}
