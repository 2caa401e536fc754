"""Commands, passes and backends of the pages of docs/extending are added as the pages say, in folders apart."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspec.cli import main
from netspec.cli.arguments import parser
from netspec.cli.commands import FIRST, commands

ROOT = Path(__file__).resolve().parents[1]


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
    assert list(commands()) == [*FIRST, "kinds"]
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
            words = example.rpartition("| ")[2].split()
            assert words[:2] == ["netspec", name], example
            assert parser().parse_args(words[1:]).run is command.run
