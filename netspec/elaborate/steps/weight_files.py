"""`weights=`: the file that a called net's parameters are read from."""

from __future__ import annotations

from ...ir.graph import WeightsFile
from ...reading import Outside, irregular, placed
from ..model.elaborator import Elaborator
from ..model.mistakes import Mistake
from .definitions import NamedWeights


def weight_file(e: Elaborator, named: NamedWeights) -> WeightsFile | None:
    """A weights file as the runtime opens it: below the folder of the spec that names it. One that is not there is only a note:
    shapes and counts need none."""
    name, part, span, folder = named
    if name is None or e.asked.initialise:
        return None
    try:
        path = placed(name, folder)
    except Outside as o:
        raise Mistake("file-outside", "weights lie in the folder of the spec that names them, or below it", span, str(o.strerror),
                      hint="--set weights=none  initialises instead") from None
    except OSError as o:
        raise Mistake("missing-file", f"there is no weights file {name}", span, str(o.strerror)) from None
    if (sort := irregular(path)) is not None:
        raise Mistake("not-a-file", f"the weights {name} are {sort}", span, "not a file",
                      hint="--set weights=none  initialises instead")
    if not path.is_file():
        e.say("note", "missing-weights", f"the weights file {name} is not there", span, "needed to compile",
              hint="--set weights=none  initialises instead")
    return WeightsFile(str(path), part, span)
