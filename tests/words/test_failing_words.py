"""A mistake in the code of a word of a user's own is told at the line of the spec that says it, with the file and the line of the
code, whichever sort of word it is and whichever of its methods; the exception itself is the cause."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import cached_property
from inspect import unwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.cli import main
from netspec.diagnostics import NetspecError
from netspec.runtime.train.session import data_of
from netspec.views.words.explain import registries
from netspec.words import WordFault
from netspec.words.faults import guard

WORDS = """
import numpy as np
from netspec.ir.types import TensorType
from netspec.augmentations import Augmentation
from netspec.datasets import Dataset
from netspec.layers import Layer
from netspec.losses import Loss
from netspec.metrics import Metric
from netspec.optimisers import Optimiser
from netspec.preparations import Preparation
from netspec.schedules import Schedule
from netspec.words import number
from netspec.words.dataset import Lazy
from netspec.words.preparation import buffer

class Shared:
    def broken(self, *given, **named):
        return [][1]  # shared

class LayerFails(Layer, name="f_shape"):
    def shape(self, x):
        return {}["a"]  # shape

class LayerParameters(Layer, name="f_parameters"):
    def shape(self, x):
        return x
    def parameters(self, x):
        return {}["a"]  # parameters

class LayerForward(Layer, name="f_forward"):
    def shape(self, x):
        return x
    def forward(self, b, x):
        return {}["a"]  # forward

class LayerBackward(Layer, name="f_backward"):
    def shape(self, x):
        return x
    def forward(self, b, x):
        return b.map("x * 2.0", x=x)
    def backward(self, b, dy, x, saved):
        return {}["a"]  # backward

class LossCheck(Loss, name="f_check_output"):
    def check_output(self, output):
        return {}["a"]  # check_output

class LossForward(Loss, name="f_loss"):
    def forward(self, b, z, t):
        return {}["a"]  # loss

class OptimiserScalars(Optimiser, name="f_scalars"):
    lr: float = number("rate", default=0.1)
    def scalars(self, step, settings):
        return {}["a"]  # scalars

class OptimiserUpdate(Optimiser, name="f_update"):
    lr: float = number("rate", default=0.1)
    def update(self, b, w, g):
        return {}["a"]  # update

class ScheduleFactor(Schedule, name="f_factor"):
    def factor(self, epoch, step, epochs, steps_per_epoch):
        return {}["a"]  # factor

class MetricHolds(Metric, name="f_holds"):
    def holds(self, scores, labels):
        return {}["a"]  # holds

class MetricShared(Shared, Metric, name="f_shared"):
    holds = Shared.broken

class MetricProperty(Metric, name="f_property"):
    @property
    def reads(self):
        return {}["a"]  # property

class AugmentationApply(Augmentation, name="f_apply"):
    def apply(self, images, random):
        return {}["a"]  # apply

class PreparationMeasure(Preparation, name="f_measure"):
    def numbers(self, x):
        return (buffer("mean", (1,), "zeros"),)
    def measure(self, examples):
        return {}["a"]  # measure
    def forward(self, b, x, **p):
        return x

class DataLoad(Dataset, name="f_load"):
    def load(self, folder):
        return {}["a"]  # load

class DataMade(Dataset, name="f_made"):
    def __post_init__(self):
        return {}["a"]  # made

class Later(Lazy):
    shape, dtype = (8, 4), np.dtype("float32")
    def example(self, number):
        return {}["a"]  # later

class DataLater(Dataset, name="f_later"):
    def load(self, folder):
        return (Later(), np.zeros(8, int)), None
"""
LINES = {  # the word and where its code fails -> the line that says it; where it is the net's, the line of the net
    "f_shape": "net", "f_parameters": "net", "f_forward": "net", "f_backward": "net", "f_check_output": "loss", "f_loss": "loss",
    "f_scalars": "", "f_update": "", "f_factor": "schedule", "f_holds": "metric", "f_shared": "metric", "f_property": "metric",
    "f_apply": "augment", "f_measure": "prepare", "f_load": "data", "f_made": "data", "f_later": "data"}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Words of a script of a user's own."""
    file = tmp_path_factory.mktemp("words") / "failing_words.py"
    file.write_text(WORDS)
    spec = importlib.util.spec_from_file_location("failing_words", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["failing_words"] = module
    spec.loader.exec_module(module)
    yield module
    for r in registries():
        for name in [n for n, cls in r._known.items() if cls.__module__ == "failing_words"]:
            del r[name]
    del sys.modules["failing_words"]


def spec_of(word: str) -> tuple[str, int]:
    """A spec with the word in its line, and the number of that line."""
    said = {"data": "data digits", "loss": "loss cross_entropy", "": "sgd lr=0.1"}
    if LINES[word] != "net":
        said[LINES[word]] = f"{LINES[word]} {word}".strip()
    step = word if LINES[word] == "net" else "relu"
    text = "\n".join(["net a:", "  input 4", "  fc 3", f"  {step}", "", "train a:", *(f"  {line}" for line in said.values()), "  epochs 1", ""])
    return text, next(k for k, line in enumerate(text.splitlines(), 1) if word in line.split())


def trained(file: Path, word: str) -> None:
    """All that uses the word."""
    net = netspec.compile(str(file), device="reference")
    x, y = data_of(net.graph).train if LINES[word] == "data" else (np.ones((8, 4), "float32"), np.zeros(8, int))
    net.fit(x, np.zeros((8, 3)) if word == "f_loss" else y)


def place_of(word: str) -> int:
    """The line of the script where the word fails."""
    return next(k for k, line in enumerate(WORDS.splitlines(), 1) if line.endswith(f"# {word.removeprefix('f_')}"))


@pytest.mark.parametrize("word", LINES)
def test_a_failing_word_is_told_at_its_line(words: ModuleType, word: str, tmp_path: Path) -> None:
    text, line = spec_of(word)
    (tmp_path / "a.net").write_text(text)
    with pytest.raises(WordFault) as told:
        trained(tmp_path / "a.net", word)
    (d,) = told.value.diagnostics
    assert (d.code, d.span and d.span.line) == ("failed-word", line)
    assert f"`{word}` failed" in d.title
    assert any(f"whose file is {words.__file__}:{place_of(word)}" in note for note in d.notes), d.notes
    assert isinstance(told.value, NetspecError)
    assert type(told.value.__cause__) is (IndexError if word == "f_shared" else KeyError)


def test_the_command_line_tells_it_and_shows_the_way_where_asked(words: ModuleType, tmp_path: Path,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.net"
    file.write_text(spec_of("f_check_output")[0])
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr().err
    assert "the loss `f_check_output` failed: KeyError: 'a' [failed-word]" in said
    assert "internal error" not in said
    with pytest.raises(WordFault):
        main(["--debug", "show", "graph", str(file)])


def test_a_function_as_a_metric_is_its_authors(words: ModuleType) -> None:
    def skewed(scores: Any, targets: Any) -> float:
        return 1 / 0

    net = netspec.compile(text=spec_of("f_holds")[0].replace("metric f_holds", "metric accuracy"), device="reference")
    with pytest.raises(WordFault, match=f"the metric `skewed` failed: ZeroDivisionError(.|\n)*{Path(__file__).name}:") as told:
        net.configure(metrics=skewed).evaluate(np.ones((8, 4), "float32"), np.zeros(8, int))
    assert isinstance(told.value.__cause__, ZeroDivisionError)


def test_refusals_stay_what_they_are(words: ModuleType) -> None:
    """A rule that computes with a size that nobody knows is no mistake: the size has to be said."""
    class Half(words.Layer):  # type: ignore[misc, name-defined]
        """Half the places."""

        def shape(self, x: Any) -> Any:
            return x.of(x.shape[0], x.shape[1] // 2)

    Half.__module__ = "failing_words"
    with pytest.raises(NetspecError, match="half needs to know the size of its input"):
        netspec.load_graph(text="net a:\n  input 3x?\n  half\n")


def test_what_can_be_set_stays_so() -> None:
    """A property of a class that a word takes in keeps its setter and its deleter."""
    class Mixed:
        @property
        def put(self) -> Any:
            return self.__dict__.get("it")

        @put.setter
        def put(self, value: Any) -> None:
            self.__dict__["it"] = value

        @put.deleter
        def put(self) -> None:
            del self.__dict__["it"]

    class Whole:
        pass

    class Word(Mixed, Whole):
        pass

    guard(Word, Whole)
    one = Word()
    one.put = 3
    assert one.put == 3
    del one.put
    assert one.put is None


def test_what_a_mixin_keeps_is_guarded_once_for_each_word() -> None:
    """A cached property that several words take in stays the mixin's own, which nobody else's word guards."""
    class Mixed:
        @cached_property
        def made(self) -> int:
            """What is made once."""
            return len(type(self).__name__) // self.zero if hasattr(self, "zero") else len(type(self).__name__)

    class Whole:
        pass

    own, words = vars(Mixed)["made"].func, []
    for name in ("A", "Bb", "Ccc"):
        words.append(type(name, (Mixed, Whole), {}))
        guard(words[-1], Whole)
    assert vars(Mixed)["made"].func is own
    assert all(unwrap(vars(w)["made"].func) is own and vars(w)["made"].func.__wrapped__ is own for w in words)
    one = words[2]()
    assert one.made == 3 and vars(one) == {"made": 3} and type(one).made.__doc__ == "What is made once."
