"""What a checkpoint holds beside the numbers, so that it is enough: the spec with all that it imports, which of its nets, with
which parameters and sizes, and what it learnt from. Weights that the spec names a file for are in the checkpoint.

A checkpoint from a stranger is a spec from a stranger. Its texts are all there are: no file is read for an import. The data it
names are looked for below the current folder, as those of a text without a file.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any

from ...diagnostics import MissingFileError, NetspecError
from ...ir.graph import Graph
from ...ir.types import Shape
from ...reading import BEST, LAST, weights_of
from ...syntax.tree import Module
from ..misuse import misuse, path_of
from ..origin import Origin
from ..train.recipe import Recipe, changed
from .checkpoint import checked
from .spec import module_in, origin_in


@dataclass(frozen=True)
class Stored:
    """The spec of a checkpoint."""

    path: str
    facts: dict[str, Any]
    module: Module

    @property
    def net(self) -> str:
        """Which of its nets."""
        return str(self.facts["net"])

    @property
    def dtype(self) -> str | None:
        """What it was computed in, where that is said."""
        return self.facts["dtype"] or None

    def beside(self, recipe: Recipe, graph: Graph) -> Recipe:
        """The recipe of its spec with what no spec says: factors, and in files of netspec before this, which did not write it
        into the spec, another optimiser. One of a script that is not here starts anew, which loading says."""
        line, factors = str(self.facts["recipe"]), self.facts["factors"]
        if line and line != str(recipe.optimiser):
            with contextlib.suppress(NetspecError):
                recipe = changed(recipe, graph, optimiser=line)
        return changed(recipe, graph, factors=factors or None)

    @property
    def sizes(self) -> dict[str, Shape] | None:
        """The sizes of its inputs that were last trained on."""
        return {k: tuple(v) for k, v in self.facts["sizes"].items()} or None

    def origin(self, sizes: Any = None, precision: str | None = None) -> Origin:
        """Where its network comes from, for these sizes of its inputs and at this precision where they are given."""
        return origin_in(self.facts["spec"], self.module, sizes, precision, tuple((part, yes) for part, yes in self.facts["frozen"]))


def opened(path: str | os.PathLike[str]) -> Stored:
    """The spec of a checkpoint, or of the run in a folder.

    Errors: no such file or run; a file that is damaged or holds no spec; a spec that cannot be read.
    """
    place = path_of(path)
    found = weights_of(place)
    if found is None and os.path.isdir(place):
        raise MissingFileError(f"{path} is a folder without {BEST} and {LAST}, and no run", code="not-a-file")
    facts = checked(found or place)
    if facts["spec"] is None:
        raise misuse("no-spec", f"{path} holds no spec: it was written by netspec {facts['netspec'] or 'of before 0.3'}",
                     hint='netspec.compile("my.net").load("old.safetensors").save("new.safetensors")  writes one that does')
    holder = os.fspath(found or place)
    return Stored(holder, facts, module_in(facts["spec"], holder))
