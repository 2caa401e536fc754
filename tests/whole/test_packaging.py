"""What people who carry on rely on: the licence, the one check command, the list of changes."""

from __future__ import annotations

import os
import re
import tomllib

import netspec
from where import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_licence_is_apache_2_and_the_metadata_say_so() -> None:
    """As PEP 639 has it; .ci/run looks into the wheel."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert all(f"   {n}. " in text for n in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text
    assert (PROJECT["license"], PROJECT["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert not [c for c in PROJECT["classifiers"] if c.startswith("License ::")]  # the expression has taken their place


def test_the_changes_begin_with_what_is_not_released_and_hold_this_version() -> None:
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", page, re.MULTILINE)
    assert heads[0] == ("Unreleased", "")
    assert all(day for _, day in heads[1:])
    assert netspec.__version__ in [version for version, _ in heads]


def test_one_command_checks_and_it_is_what_integration_runs() -> None:
    check = (ROOT / ".ci" / "check").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tests = re.search(r"^python3 -m venv .*-m pytest (.*)$", readme, re.MULTILINE)
    assert tests is not None
    assert f"-m pytest {tests[1]} ;;" in check
    assert ".ci/check lint" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(os.access(ROOT / ".ci" / name, os.X_OK) for name in ("check", "run"))


def test_what_contributors_are_told_to_run_is_there() -> None:
    """Every file a command names, and every extra it installs."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    assert len(lines) >= 10
    for line in lines:
        for word in line.split():
            if "/" in word and not word.startswith((".venv/", "dist/")):
                assert (ROOT / word).exists(), line
        for extras in re.findall(r"\.\[([\w,]+)\]", line):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), line
