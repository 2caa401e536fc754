"""Imports point one way, names say what a module holds, and looking at a network loads no compiler."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "netspec"
ORDER = ("version", "limits", "plain", "source", "reading", "diagnostics", "catalogue", "garbage", "editors", "ir", "syntax", "words", "layers", "losses", "optimisers", "schedules", "metrics", "augmentations", "datasets", "elaborate", "passes", "views", "data", "backends", "runtime", "compiler", "cli")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools", "stuff"}
LONGEST = 600  # lines; a file that grows past this holds two things


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(module: str) -> str:
    """The part of the house a dotted module lies in: netspec.passes.lower -> passes."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def imports(path: Path) -> list[tuple[int, str]]:
    """Modules of netspec that a file imports anywhere outside `if TYPE_CHECKING`."""
    here = ("netspec", *path.relative_to(PACKAGE).with_suffix("").parts)
    package = here[:-1]
    found: list[tuple[int, str]] = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(n) for t in ast.walk(tree) if isinstance(t, ast.If) and ast.unparse(t.test) == "TYPE_CHECKING" for n in ast.walk(t)}
    for n in ast.walk(tree):
        if id(n) in skipped:
            continue
        if isinstance(n, ast.Import):
            found += [(n.lineno, a.name) for a in n.names if a.name.split(".")[0] == "netspec"]
        elif isinstance(n, ast.ImportFrom):
            base = package[:len(package) - n.level + 1] if n.level else ()
            module = ".".join((*base, *(n.module or "").split("."))).strip(".")
            if module == "netspec":
                found += [(n.lineno, f"netspec.{a.name}") for a in n.names]
            elif module.startswith("netspec."):
                found.append((n.lineno, module))
    return found


def test_imports_point_one_way() -> None:
    wrong = []
    for path in modules():
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own.startswith("__"):
            continue  # the façade may name anything
        assert own in ORDER, f"netspec/{own} has no place in the order"
        for line, module in imports(path):
            other = part(module)
            if other in ORDER and ORDER.index(other) > ORDER.index(own):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_layers_know_no_spans_and_backends_no_layers() -> None:
    wrong = []
    for path in modules():
        own = path.relative_to(PACKAGE).parts[0]
        for line, module in imports(path):
            if (own, part(module)) in (("layers", "source"), ("layers", "diagnostics"), ("layers", "syntax"), ("backends", "layers"), ("backends", "syntax")):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_names_say_what_a_module_holds() -> None:
    assert not [p for p in modules() if p.stem in VAGUE]


def test_files_stay_short(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = {p.relative_to(ROOT).as_posix(): len(p.read_text(encoding="utf-8").splitlines()) for p in modules()}
    longest = sorted(lengths.items(), key=lambda kv: -kv[1])
    with capsys.disabled():
        print(f"\n{len(lengths)} files, {sum(lengths.values())} lines; longest: " + ", ".join(f"{p} {n}" for p, n in longest[:5]))
    assert longest[0][1] <= LONGEST, f"{longest[0][0]} has {longest[0][1]} lines: what moved in?"


LOOKING = {
    "import netspec": ("import netspec", ("numba", "numpy", "rich", "lark", "networkx")),
    "check": ("from netspec.cli import main; assert main(['check', 'specs/lenet.net']) == 0", ("numba", "llvmlite", "numpy", "rich", "lark", "netspec.backends")),
    "summary": ("from netspec.cli import main; assert main(['summary', 'specs/lenet.net']) == 0", ("numba", "llvmlite", "netspec.backends")),
    "draw": ("from netspec.cli import main; assert main(['draw', 'specs/lenet.net', '-o', '-']) == 0", ("numba", "llvmlite", "netspec.backends")),
    "fmt": ("from netspec.cli import main; main(['fmt', '--check', 'specs/lenet.net'])", ("numba", "llvmlite", "numpy", "netspec.backends")),
}


@pytest.mark.parametrize("what", LOOKING)
def test_looking_loads_no_compiler(what: str) -> None:
    code, banned = LOOKING[what]
    check = f"import sys\n{code}\nsys.stderr.write(' '.join(m for m in {banned!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.strip().splitlines()[-1:] if done.stderr.strip() else []
    assert not loaded, f"{what} loads {loaded[0]}"
