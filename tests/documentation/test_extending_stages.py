"""Commands, passes and backends of the pages of docs/extending are added as the pages say, in folders apart."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from netspec.cli import main
from netspec.cli.arguments import parser
from netspec.cli.commands import ROOMS, commands
from where import ROOT


def shown(page: str) -> str:
    """The first Python of a page."""
    text = (ROOT / "docs" / "extending" / page).read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command of `command.md`, as if its file lay in netspec/cli/commands."""
    import netspec.cli.commands as folder

    (tmp_path / "kinds.py").write_text(shown("command.md"))
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    monkeypatch.chdir(ROOT)
    yield
    sys.modules.pop("netspec.cli.commands.kinds", None)


def test_a_command_is_one_file(kinds: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(commands()) == [*(name for room in ROOMS.values() for name in room), "kinds"]
    assert main(["kinds", "specs/lenet.net"]) == 0
    assert capsys.readouterr().out == "   4  tanh\n   3  conv\n   2  avgpool\n   2  fc\n"
    assert main(["kinds", "docs/mistakes.net"]) == 1
    assert "residual-mismatch" in capsys.readouterr().err
    for wrong, said in (("histogram", "did you mean `kinds`?"), ("kind", "did you mean `kinds`?")):
        with pytest.raises(SystemExit):
            main([wrong, "specs/lenet.net"])
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(r"^ +kinds +how many there are of each layer$", capsys.readouterr().out, re.MULTILINE)


def test_every_command_says_what_it_is_and_its_examples_are_read(kinds: None) -> None:
    for name, command in commands().items():
        assert command.ABOUT[0].islower() and not command.ABOUT.endswith("."), name
        for example in command.EXAMPLES:
            words = shlex.split(example.rpartition("| ")[2])
            assert words[:2] == ["netspec", name], example
            assert parser().parse_args(words[1:]).run is command.run


def test_a_pass_is_one_file_and_its_name_in_a_pipeline(tmp_path: Path) -> None:
    """A copy of the package with the page's file, and the page's lines put in: `--after` knows the pass, its program has no copy,
    and gives the numbers that it gave."""
    shutil.copytree(ROOT / "netspec", tmp_path / "netspec")
    (tmp_path / "grammars").symlink_to(ROOT / "grammars")
    (tmp_path / "netspec" / "passes" / "drop_copies.py").write_text(shown("pass.md"))
    pipeline = tmp_path / "netspec" / "passes" / "__init__.py"
    text = pipeline.read_text()
    changed = re.search(r"^```diff\n(.*?)^```$", (ROOT / "docs" / "extending" / "pass.md").read_text(), re.MULTILINE | re.DOTALL)
    assert changed is not None
    lines = changed[1].splitlines()
    for line, following in pairwise(lines):
        if line[0] + following[0] in ("+ ", "-+"):  # put in above, or in the place of
            there = following[1:] if line[0] == "+" else line[1:]
            assert text.count(f"{there}\n") == 1, f"the page shows another line than  {there}"
            text = text.replace(f"{there}\n", f"{line[1:]}\n{there}\n" if line[0] == "+" else f"{following[1:]}\n")
    pipeline.write_text(text)
    (tmp_path / "small.net").write_text("net small:\n  input 2x3x3\n  conv 3 3x3\n  up 1\n  relu\n  fc 2\n")
    code = """
import numpy as np, netspec
from netspec.backends.cpu.plan import program_after
from netspec.backends.reference.interpret import run
from netspec.cli import main
from netspec.ir.graph import Parameter
assert netspec.__file__.startswith(sys.path[0])
graph, random = netspec.load_graph("small.net").graph, np.random.default_rng(0)
made = []
for after in ("lower", "drop_copies"):
    assert main(["show", "program", "small.net", "--after", after]) == 0
    made.append(program_after(graph, "predict", (), after, "float64"))
values = {p.name: random.normal(size=p.shape) for p in graph.parameters} | {"input": random.normal(size=(2, 2, 3, 3))}
outs = [run(p, values, 2, np.float64)[p.outputs[0][1]] for p in made]
assert np.array_equal(*outs) and np.ptp(outs[0]) > 0
"""
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("graph small")[1:]
    assert "up1.y[n,c,p,q] = conv1.out[n,c,p,q]" in before and "up1" not in after


def test_a_backend_is_a_class_and_its_name_among_the_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's file as a module of a user's own. It trains as the reference does, but for what float64 rounds away, and a
    checkpoint goes from one to the other."""
    from importlib import import_module

    import numpy as np

    import netspec
    from netspec.runtime.devices import DEVICES

    (tmp_path / "my_backend.py").write_text(shown("backend.md"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(DEVICES, "long", ("", "", ""))  # taken out again afterwards
    import_module("my_backend")
    text = "net a:\n  input 2x4x4\n  conv 3 3x3 bn relu\n  fc 2\n\ntrain a:\n  loss cross_entropy\n  adam lr=0.01\n"
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, 2, 4, 4)), random.integers(0, 2, 6)
    nets = [netspec.compile(text=text, device=d, dtype="float64") for d in ("long", "reference")]
    for net in nets:
        for _ in range(3):
            net.train_step(x, y)
    outs = [net.predict(x) for net in nets]
    assert outs[0].dtype == np.longdouble
    assert 0 < np.abs(outs[0] - outs[1]).max() < 1e-12
    nets[1].save("there.safetensors")
    with pytest.warns(UserWarning, match="here long"):
        nets[0].load("there.safetensors")
    assert np.allclose(nets[0].predict(x).astype(float), outs[1], rtol=0, atol=1e-13)
    sys.modules.pop("my_backend", None)
