"""What the documents say is true: their specs are checked, their Python and their commands are run, and the outputs they
show are what is printed."""

from __future__ import annotations

import io
import re
import shlex
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netspec.cli import main
from where import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
SPECS = sorted((ROOT / "specs").glob("*.net"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = "README.md"  # whose Python is a program; in the other pages it is files of the package


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where the paths of the documents hold and files may be written."""
    for name in ("specs", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    np.savez(tmp_path / "train.npz", x=np.zeros((4, 3, 32, 32), "f4"), y=np.arange(4))  # what the pages train on
    pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pictures(folder: Path) -> None:
    """The folders, the table, the masks and the shard that the pages name."""
    random = np.random.default_rng(0)
    names = [f"shapes/{kind}/{k}.png" for kind in ("circle", "square", "triangle") for k in range(4)]
    for name in (*names, *(f"{place}/{k}.png" for place in ("photos", "scenes", "masks") for k in range(4))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shape = (20, 30) if name.startswith("masks") else (20, 30, 3)
        Image.fromarray(random.integers(0, 4 if len(shape) == 2 else 256, shape).astype(np.uint8)).save(folder / name)
    (folder / "labels.csv").write_text("file,kind\n0.png,cat\n1.png,dog\n2.png,cat\n3.png,dog\n")
    (folder / "shards").mkdir()
    with tarfile.open(folder / "shards" / "0.tar", "w") as tar:
        for k, name in enumerate(names):
            tar.add(folder / name, f"{k}.png")
            label = tarfile.TarInfo(f"{k}.cls")
            label.size = 1
            tar.addfile(label, io.BytesIO(b"%d" % (k // 4)))


@pytest.mark.parametrize("spec", SPECS, ids=[s.name for s in SPECS])
def test_every_spec_is_right(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(spec)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=[p.name for p in PAGES])
def test_specs_in_documents(page: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k, (kind, text) in enumerate(blocks(page)):
        if kind == "net":
            file = checkout / f"block{k}.net"
            file.write_text(text)
            assert main(["check", str(file)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=[p.name for p in PAGES])
def test_commands_and_their_output(page: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `netspec ...` line runs; a ```text block behind a block of one command is what it prints."""
    found = blocks(page)
    for (kind, text), (next_kind, shown) in zip(found, [*found[1:], ("", "")]):
        if kind != "sh":
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] != ["netspec"]:
                continue
            code = main(words[1:])
            out = capsys.readouterr()
            assert code in (0, 1), f"{line}: {out.err}"
            if next_kind == "text":
                assert shown.strip() == (out.out + out.err).strip(), f"{page.name} shows something else for: {line}"


@pytest.mark.sweep  # compiles a ResNet-50
def test_python_of_the_readme(checkout: Path) -> None:
    for kind, text in blocks(ROOT / PYTHON):
        if kind == "python":
            exec(compile(text, PYTHON, "exec"), {"__name__": "readme"})
    assert (checkout / "resnet50.svg").read_text().startswith("<svg")


def test_the_readme_shows_the_spec_it_trains() -> None:
    shown = next(text for kind, text in blocks(ROOT / "README.md") if kind == "net")
    spec = (ROOT / "specs" / "digits.net").read_text(encoding="utf-8")
    assert shown.strip() in spec


def test_the_two_commands_are_there() -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("python3 -m venv .venv")]
    assert len(lines) == 2
    assert "netspec train specs/digits.net" in lines[0]
    assert "-m pytest" in lines[1]


def test_the_diagram_of_the_readme_is_the_network() -> None:
    import netspec
    from netspec.views.reading.outline import outline
    from netspec.views.reading.steps import leaves

    drawn = (ROOT / "docs" / "digits.svg").read_text(encoding="utf-8")
    graph = netspec.load_graph(ROOT / "specs" / "digits.net").graph
    for step in leaves(outline(graph, lambda n: n.name, join=True)):
        assert f"<title>{step.name}</title>" in drawn, f"{step.name} is missing: netspec draw specs/digits.net -o docs/digits.svg"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", page.read_text(encoding="utf-8")):
            path = target[0] or target[1]
            if "://" not in path:
                assert (page.parent / path).exists(), f"{page.name} links to {path}"


def test_the_layers_of_the_language_page_are_layers_of_every_room() -> None:
    """Which layers there are is a list that `netspec explain` and the site write; the page shows what sorts there are."""
    from netspec.layers import LAYERS

    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8").partition("## Layers")[2].partition("\n## ")[0]
    rows = [re.sub(r"\([^)]*\)", "", line) for line in page.splitlines() if line.startswith("| ") and "`" in line]
    named = {w.split()[0] for row in rows for w in re.findall(r"`([^`]+)`", row)}
    assert named <= set(LAYERS)
    assert {LAYERS[name].category for name in named} >= {"convolution", "dense", "pooling", "activation", "normalisation",
                                                         "merge", "move", "noise"}
