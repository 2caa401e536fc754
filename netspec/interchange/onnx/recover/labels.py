"""Parts carry the names of the modules that they were in the program that wrote the file, where a name says something."""

from __future__ import annotations

import re
from collections import Counter

from ....syntax.refused import RESERVED
from ....words.layer import LAYERS
from .modules import Module, modules
from .names import VAGUE
from .program import Program
from .scopes import unlabelled_calls
from .term import Sequence, over, sequences, steps
from .text import render

LONGEST = 4  # terms behind a label
KINDS = ("act", "activation", "avg", "batchnorm", "cv", "drop", "dw", "global", "lin", "linear", "ln", "norm", "pool", "pooling", "pw",
         "upsample")  # words that say of a step what it is, and no more


def labelled(program: Program) -> None:
    """A label on what is one module, where it costs no line, and on what holds a call of a block where its name is numbered."""
    if not program.scoped:
        _Labels(program).put(program.body)
        unlabelled_calls(program.body)


class _Labels:
    def __init__(self, program: Program):
        self.program = program
        self.counted = {str(t.head[t.head[0] == "word"]).partition(" ")[0] for s in program.everything() for t in steps(s)}
        called = Counter(path.rpartition("/")[2] for path in program.inside)
        self.taken = {b.name for b in program.blocks} | program.labels | {program.name} | {w for w, _ in program.inputs}
        self.taken |= {t.head[0] for s in sequences(program.body) for t in s if t.kind in ("label", "output")}
        self.taken |= {name for name, n in called.items() if n > 1}
        self.lines = self._length()

    def _length(self) -> int:
        return render(self.program).count("\n")

    def put(self, s: Sequence, named: bool = False) -> None:
        """Put labels into a sequence, and those inside it; not on all of what is `named` already, as an output is."""
        i = 0
        while i < len(s):
            ends = range(min(len(s) - (named and not i), i + LONGEST), i, -1)
            if not any(self._labelled(s, i, j) for j in ends):
                for k in s[i].kids if s[i].kind in ("merge", "residual", "dense", "output") else ():
                    self.put(k, s[i].kind == "output")
            i += 1

    def _labelled(self, s: Sequence, i: int, j: int) -> bool:
        """Whether these terms are one module of a name that they have now: they own numbers, or are named by other lines."""
        window = s[i:j]
        named = j < len(s) and s[j].kind == "mark"
        if any(t.kind in ("start", "mark", "label", "output", "reuse", "each") for t in window) or not (
                named or any(t.owns or t.kind == "call" for b in sequences(window) for t in b)):
            return False
        step = len(window) == 1 and window[0].kind in ("step", "beside")
        name = next((m.name for m in modules(window, self.program.inside) if not self._again(m) and m.name not in self.taken
                     and self._says(m.name, step)), "")
        if not name:
            return False
        s[i:j] = [over("label", (name,), kids=[window], cin=window[0].cin)]
        lines = self._length()
        if lines > self.lines and not (_calls(window) and re.fullmatch(r"[A-Za-z]+_?\d+[a-z]?", name)):
            s[i:i + 1] = window
            return False
        self.lines = lines
        self.taken.add(name)
        return True

    def _again(self, m: Module) -> bool:
        """Whether it is another one that runs once more, as PyTorch's exporters number them."""
        before, _, number = m.path.rpartition("_")
        return number.isdigit() and before in self.program.inside

    def _says(self, name: str, step: bool) -> bool:
        """Whether a name says what its line does not; a number does of what is more than a step."""
        base = re.sub(r"_?\d+$", "", name)
        known = name in LAYERS or name in RESERVED or base in self.counted or base.lower() in VAGUE[1:]
        if known or not re.fullmatch(r"[A-Za-z]\w+", name):
            return False
        plain = re.sub(r"\d+x\d+", "", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()
        words = set(re.findall("[a-z]+", plain))
        kinds = {w for w in words if w in KINDS or w in VAGUE or w in LAYERS or w.endswith("conv")}
        return kinds < words or (not step and name[-1].isdigit())


def _calls(window: Sequence) -> bool:
    return any(t.kind == "call" or any(x.kind == "call" for k in t.kids for x in k) for t in window)

