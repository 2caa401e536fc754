"""A folder of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import WordError, text
from ..words.dataset import DataError, Request
from .parts.pictured import Pictured

if TYPE_CHECKING:
    from .parts.listing import Parts


class Images(Pictured):
    """A folder of pictures, in it a folder for each class: `data images "shapes" size=64 validation=0.2`. The classes are the
    names of those folders in alphabetical order; folders in them are read too. Where the folder holds `train/`, and `val/`
    (`valid/`, `validation/`) and `test/` perhaps, those are its parts, and the classes are folders in them. Pictures are JPEG,
    PNG, GIF, BMP, WebP, TIFF or PPM of any size, and are turned as the camera says (EXIF); transparent places are white. Files
    that are no pictures are passed over.

    `labels="labels.csv"` says instead what is on the pictures, a line each: `1.jpg,cat` is a class, `1.jpg,cat;outdoors` are
    several labels, `1.jpg,0.25,-3` are numbers; a first line that names no picture is a heading, and columns of 0 and 1 below
    it are a label each. `masks="folder"` has for each picture one of the same name whose palette's indices, or greys, are the
    class of each pixel; a loss leaves out label 255 with `ignore=255`, and bars of `resize=fit` have it.
    """

    labels: str | None = text("a table (CSV) that says what is on each picture", default=None)
    masks: str | None = text("a folder of pictures of the same names, that say the class of each pixel", default=None)

    def check(self) -> None:
        super().check()
        if self.labels is not None and self.masks is not None:
            raise WordError("pictures have labels or masks", "both are given", code="contradiction", hint=self.line(masks=None))

    def listed(self, request: Request, few: bool) -> tuple[Parts, tuple[str, ...]]:
        from .parts import folders, listing

        root = folders.place(self.path, request.folder, "data images")
        found = folders.parts(root)
        for part, said in (("validation", self.validation), ("test", self.test)):
            if said is not None and part in found:
                raise DataError(f"{root.path} holds pictures for {part} already, in {found[part].path.name}",
                                hint=self.line(**{part: None}))
            if isinstance(said, str):
                found[part] = folders.place(said, request.folder, f"{part}=")
        if self.labels is not None:
            return listing.by_table(root, found, listing.beside(self.labels, request.folder, root), request.wants)
        if self.masks is not None:
            return listing.by_masks(root, found, folders.Place(listing.beside(self.masks, request.folder, root), root.home)), ()
        if request.wants == "nothing":
            return listing.bare(found), ()
        names = listing.classes(found["train"], self.line())
        return listing.by_class(found, names), names
