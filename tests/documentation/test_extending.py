"""Each file that the pages of docs/extending show is a word: in a script of a user's own, and in the folder where it would
lie.
The words have `our` before their names here, as the package may have a `focal` of its own one day."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_optimisers import steps

import netspec
from netspec.cli import main
from netspec.diagnostics import NetspecError, SpecError
from netspec.layers import Layer
from netspec.optimisers import OPTIMISERS, Optimiser
from netspec.views.words.explain import explain_word, registries
from netspec.words import number
from where import ROOT

PAGES = {"ourgate": ("layer", "layers/rectifiers"), "ourfocal": ("loss", "losses"), "ourlion": ("optimiser", "optimisers"),
         "ourrestarts": ("schedule", "schedules"),
         "ourkappa": ("metric", "metrics"), "ourlargest": ("preparation", "preparations"),
         "ourerase": ("augmentation", "augmentations"), "ourspirals": ("data_set", "datasets")}
SQUEEZE = '''"""Squeeze and excitation: attention over channels."""

from math import prod

from netspec.ir.graph import Parameter
from netspec.layers import Example, Layer, known_channels, plane, sizes
from netspec.words import WordError, count


class SqueezeExcite(Layer, name="oursqueeze_excite", category="normalisation"):
    """Each channel times a number between 0 and 1 that the means of all channels decide.

    Shapes:  C x W... -> the same
    Params:  down [C/ratio, C], down_bias [C/ratio], up [C, C/ratio], up_bias [C]
    Paper:   Hu, Shen and Sun, "Squeeze-and-Excitation Networks", 2017 (arXiv:1709.01507)
    """

    ratio: int = count("how many channels become one in between", default=16, position=0)

    examples = (Example("oursqueeze_excite 2", inputs=((4, 3, 5),), output=(4, 3, 5), parameters=22),)

    def shape(self, *inputs):
        if inputs[0].channels is not None and inputs[0].channels % self.ratio:
            raise WordError("the ratio divides the channels", label=f"{self.ratio} of {inputs[0].channels}", code="groups")
        return inputs[0]

    def parameters(self, *inputs):
        c = known_channels(inputs[0])
        few = c // self.ratio
        return (Parameter("down", (few, c), "weight", "he", fan_in=c, fan_out=few), Parameter("down_bias", (few,), "bias", "zeros"),
                Parameter("up", (c, few), "weight", "xavier", fan_in=few, fan_out=c), Parameter("up_bias", (c,), "bias", "zeros"))

    def forward(self, b, *inputs, **p):
        (x,) = inputs
        shape = sizes(b.type(x))
        m = b(f"m[n,c] += x[n,c{plane(shape)}] * {1 / prod(shape[1:])!r}", x=x)
        d = b.map("max(d + bias, 0.0)", d=b("d[n,o] += m[n,c] * w[o,c]", m=m, w=p["down"]), bias=p["down_bias"])
        u = b("u[n,o] += d[n,c] * w[o,c]", d=d, w=p["up"])
        return b.map("x * sigmoid(u + bias)", x=x, u=u, bias=p["up_bias"])
'''
IMAGES = """net images:
  input 1x8x8
  conv 8 3x3 relu
  ourgate
  oursqueeze_excite 4
  maxpool 2
  fc 10

train images:
  data digits
  prepare ourlargest
  augment ourerase 2 rate=0.3
  loss ourfocal 1
  metric ourkappa
  ourlion lr=0.001 decay=0.01
  schedule ourrestarts 1
  batch 128
  epochs 2
"""
POINTS = (
    "net points:\n  input 2\n  fc 16 tanh\n  fc 2\n\ntrain points:\n  data ourspirals 50 turns=0.5\n  loss ourfocal\n  metric ourkappa\n  ourlion lr=0.01\n  epochs 3\n")


def file_of(page: str) -> str:
    """The file that a page shows, its word called ours."""
    text = (ROOT / "docs" / "extending" / f"{page}.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    text = re.sub(r"\b(gate|focal|lion|restarts|kappa|largest|erase|spirals)\b", r"our\1", found[1])
    return re.sub(r"\bclass (\w+)\((\w)", r"class Our\1(\2", text)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """All of them as modules of a user's own; a folder to work in."""
    folder = tmp_path_factory.mktemp("own")
    names = []
    for word, (page, _) in PAGES.items():
        (folder / f"my_{word}.py").write_text(file_of(page), encoding="utf-8")
        names.append(f"my_{word}")
    (folder / "my_squeeze.py").write_text(SQUEEZE, encoding="utf-8")
    names.append("my_squeeze")
    (folder / "images.net").write_text(IMAGES)
    (folder / "points.net").write_text(POINTS)
    before = {id(r): set(r) for r in registries()}
    sys.path.insert(0, str(folder))
    try:
        for n in names:
            import_module(n)
        yield folder
    finally:
        sys.path.remove(str(folder))
        for r in registries():
            for name in set(r) - before[id(r)]:
                del r[name]
        for n in names:
            sys.modules.pop(n, None)


@pytest.fixture(autouse=True)
def there(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(script)


@pytest.mark.parametrize("word", [*PAGES, "oursqueeze_excite"])
def test_it_has_a_page(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = explain_word(word)
    assert page is not None and page.startswith(f"{word}: a") and len(page.splitlines()) > 3
    assert main(["explain", word]) == 0 and capsys.readouterr().out.startswith(page.splitlines()[0])
    assert main(["explain"]) == 0 and re.search(rf"\b{word}\b", capsys.readouterr().out)


def test_specs_that_use_them_are_checked_and_trained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "images.net", "points.net"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert main(["train", "points.net", "--device", "reference", "--dtype", "float64"]) == 0
    out = capsys.readouterr().out
    assert "data ourspirals 50 turns=0.5: 80 examples, 20 to test" in out and re.search(r"test .* ourkappa -?\d\.\d{3}\n", out)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 6)), random.integers(0, 6, 40)
    text = (
        "net a:\n  input 6\n  ourgate\n  oursqueeze_excite 3\n\ntrain a:\n  loss ourfocal 1\n  metric ourkappa\n  ourlion lr=0.01\n  schedule ourrestarts 1\n  batch 20\n")
    trained = []
    for device in ("reference", "cpu"):
        net = netspec.compile(text=text, device=device, dtype="float64")
        history = net.fit(x, y, epochs=2, verbose=0)
        assert -1 <= history["ourkappa"][-1] <= 1
        trained.append(net.parameters["ourgate1.weight"])
    assert np.any(trained[0]) and np.allclose(trained[0], trained[1], atol=1e-9)


@pytest.mark.parametrize(("line", "instead", "code", "words"), [
    ("ourgate", "ourgte", "unknown-word", "did you mean `ourgate`"),
    ("loss ourfocal 1", "loss ourfocl", "unknown-word", "did you mean `ourfocal`"),
    ("ourlion", "ourloin", "unknown-word", "did you mean `ourlion`"),
    ("ourfocal 1", "ourfocal gama=1", "unknown-option", "gamma"),
    ("ourrestarts 1", "ourrestarts 0", "out-of-range", "at least 1"), ("ourerase 2", "ourerase two", "unknown-word", ""),
    ("ourkappa", "ourkapa", "unknown-word", "did you mean `ourkappa`"),
    ("data digits", "data ourspiral", "unknown-word", "did you mean `ourspirals`"),
    ("ourlion lr=0.001", "ourlion rate=1", "unknown-option", "lr")])
def test_what_is_misspelled_is_meant(line: str, instead: str, code: str, words: str) -> None:
    with pytest.raises(SpecError) as e:
        netspec.load_graph(text=IMAGES.replace(line, instead))
    assert code in {d.code for d in e.value.diagnostics} and words in str(e.value)


def test_squeeze_and_excitation_computes_what_the_paper_says() -> None:
    net = netspec.compile(text="net a:\n  input 6x4x5\n  oursqueeze_excite 2\ntrain a:\n  loss mse\n  sgd\n", device="reference",
                          dtype="float64", seed=3)
    x = np.random.default_rng(0).normal(size=(3, 6, 4, 5))
    w = {k.removeprefix("oursqueeze_excite1."): v for k, v in net.parameters.items()}

    def result(w: Any) -> Any:
        hidden = np.maximum(x.mean((2, 3)) @ w["down"].T + w["down_bias"], 0)
        return x / (1 + np.exp(-(hidden @ w["up"].T + w["up_bias"])))[:, :, None, None]

    assert np.allclose(net.predict(x), result(w), atol=1e-12)
    _, gradients = net.loss_and_gradients(x, np.zeros_like(x))[:2]
    for name, value in w.items():
        ways = [result(w | {name: value + s * np.eye(1, value.size, 1).reshape(value.shape)}) for s in (1e-6, -1e-6)]
        assert gradients[f"oursqueeze_excite1.{name}"].flat[1] == pytest.approx(((ways[0] ** 2).mean() - (ways[1] ** 2).mean())
                                                                             / 2e-6, rel=1e-5, abs=1e-9)
    with pytest.raises(SpecError, match="the ratio divides the channels"):
        netspec.load_graph(text="net a:\n  input 6x4x5\n  oursqueeze_excite 4\n")


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.5])
def test_the_focal_loss_is_that_of_the_paper(gamma: float) -> None:
    net = netspec.compile(text=f"net a:\n  input 5x3x2\n  scale\ntrain a:\n  loss ourfocal {gamma}\n  sgd\n", device="reference",
                          dtype="float64")
    random = np.random.default_rng(1)
    x, y = random.normal(size=(4, 5, 3, 2)) * 3, random.integers(0, 5, (4, 3, 2))

    def loss(scale: Any) -> float:
        z = x * scale[:, None, None]
        p = np.take_along_axis(np.exp(z) / np.exp(z).sum(1, keepdims=True), y[:, None], 1)
        return float((-(1 - p) ** gamma * np.log(p)).mean())

    got, gradients = net.loss_and_gradients(x, y)[:2]
    assert got == pytest.approx(loss(np.ones(5)), rel=1e-9)
    for c in range(5):
        step = np.eye(5)[c] * 1e-6
        assert gradients["scale1.weight"][c] == pytest.approx((loss(1 + step) - loss(1 - step)) / 2e-6, rel=1e-5, abs=1e-8)


def test_lion_steps_as_its_paper_says() -> None:
    rule: Any = OPTIMISERS["ourlion"]
    gradients = [[0.5, -2.0, 0.0], [-1.0, -2.0, 0.0], [-0.1, 4.0, 0.0]]
    w, m = np.array([1.0, -1.0, 0.0]), np.zeros(3)
    for g, got in zip(map(np.array, gradients), steps(rule(lr=0.1, decay=0.01), w.tolist(), gradients)):
        w = w - 0.1 * (np.sign(0.9 * m + 0.1 * g) + 0.01 * w)
        m = 0.99 * m + 0.01 * g
        assert np.allclose(got, w, atol=1e-12)


def test_kappa_by_hand() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreement 0.7, chance 0.5."""
    net = netspec.compile(text="net a:\n  input 2\n  scale 1\ntrain a:\n  loss cross_entropy\n  metric ourkappa\n  sgd\n",
                          device="reference")
    pairs = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], [20, 5, 10, 15], axis=0)
    assert net.evaluate(np.eye(2)[pairs[:, 1]], pairs[:, 0], batch=7)["ourkappa"] == pytest.approx(0.4)


def test_in_its_folder_a_file_is_found_and_no_other_is_touched(tmp_path: Path) -> None:
    """A copy of the package with the files put where they would lie."""
    for name in ("netspec", "specs", "grammars"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for word, (page, folder) in PAGES.items():
        (tmp_path / "netspec" / folder / f"{word}.py").write_text(file_of(page), encoding="utf-8")
    (tmp_path / "netspec" / "layers" / "normalisations" / "oursqueeze_excite.py").write_text(SQUEEZE, encoding="utf-8")
    (tmp_path / "all.net").write_text(IMAGES)
    code = ("from netspec.cli import main; import netspec, sys\nassert netspec.__file__.startswith(sys.path[0])\n"
            f"for w in {[*PAGES, 'oursqueeze_excite']}: assert main(['explain', w]) == 0\n"
            "assert main(['check', 'all.net']) == 0\nassert main(['train', 'all.net', '--device', 'reference', '--epochs', '1']) == 0\n")
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"{word}: a" in done.stdout for word in PAGES) and "all.net: fine" in done.stdout and "ourkappa" in done.stdout


def test_a_name_that_means_something_is_refused() -> None:
    def named(name: str) -> Any:
        class Mine(Layer, name=name, category="activation"):
            """Mine."""

        return Mine

    for name, words in (("relu", "there is a layer called `relu` already"), ("repeat", "is a word of the language itself"),
                        ("linear", "is a word of the language itself"),
                        ("my-layer", "cannot write the name"), ("2d", "cannot write the name"),
                        ("ourgate", "my_ourgate.OurGate")):
        with pytest.raises(NetspecError, match=words) as e:
            named(name)
        assert e.value.diagnostics[0].code == "word-name"
    with pytest.raises(NetspecError, match="is a word of the language itself"):
        class Average(Optimiser):
            """Would hide the setting `average`."""
    assert netspec.load_graph(text="net a:\n  input 3\n  relu\n").graph.nodes[-1].op.name == "relu"  # it is what it was
    first, second = named("mine"), named("mine")  # a cell of a notebook, run again
    from netspec.layers import LAYERS

    assert LAYERS["mine"] is second is not first
    del LAYERS["mine"]
    assert "mine" not in LAYERS


def test_a_class_that_is_no_word_is_inherited_from() -> None:
    class Base(Layer, abstract=True):
        """What two layers share."""

        by: float = number("a factor", default=2.0, position=0)

        def shape(self, *inputs: Any) -> Any:
            return inputs[0]

        def forward(self, b: Any, *inputs: str, **parameters: str) -> str:
            return str(b.map(f"x * {self.by!r}", x=inputs[0]))

    class Times(Base):
        """x * by."""

    from netspec.layers import LAYERS

    try:
        assert "base" not in LAYERS and LAYERS["times"] is Times and Times.category == "arithmetic"
        net = netspec.compile(text="net a:\n  input 3\n  times 3.0\n", device="reference")
        assert net.predict(np.ones((1, 3))).tolist() == [[3, 3, 3]]
    finally:
        del LAYERS["times"]


def test_every_setting_is_in_the_table_and_has_a_page() -> None:
    from netspec.elaborate.train.settings import SAID_OFTEN, SAID_ONCE
    from netspec.elaborate.train.state import Section
    from netspec.ir.training import ALSO, SETTINGS
    from netspec.views.words.vocabulary import VOCABULARY

    assert sorted(SETTINGS) == sorted([*SAID_ONCE, *SAID_OFTEN]) and set(ALSO.values()) < set(SETTINGS) <= set(VOCABULARY)
    assert {*SAID_ONCE, *(kept for kept, _ in SAID_OFTEN.values())} <= set(vars(Section()))


def test_every_word_is_its_file() -> None:
    """A file defines the one word that it is called as."""
    for r in registries():
        for name, module in r.files.items():
            assert r[name].__module__ == module, module
        assert [n for n, cls in r.items() if cls.__module__.startswith("netspec.")] == sorted(r.files)
