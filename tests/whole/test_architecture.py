"""Imports point one way, names say what a module holds, and looking at a network loads no compiler."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx
import pytest

from own_source import nodes, parsed
from where import ROOT

PACKAGE = ROOT / "netspec"
ORDER = ("version", "limits", "plain", "terminal", "cell", "waiting", "source", "reading", "cache_folder", "pickled", "diagnostics", "catalogue", "garbage",
         "interruptions", "editors", "ir", "syntax", "words", "layers", "losses", "optimisers", "schedules", "metrics", "preparations", "augmentations",
         "datasets", "elaborate", "passes", "views", "data", "backends", "interchange", "runtime", "look", "compiler", "searching", "estimators", "language_server", "cli")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools", "stuff"}
WIDEST = 130  # characters of a line
MOST_FILES = 20  # of a folder, its folders and __init__ not counted
LONGEST = 600  # lines; a file that grows past this holds two things


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(module: str) -> str:
    """The part of the house a dotted module lies in: netspec.passes.lower -> passes."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def statements(n: ast.AST, types: bool) -> Iterator[ast.stmt]:
    """Every statement inside another, at any depth; those under `if TYPE_CHECKING` where `types` asks."""
    if not types and isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING":
        return
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(n, field, None)
        for s in inner if isinstance(inner, list) else ():
            yield s
            yield from statements(s, types)


@cache
def imports(path: Path, types: bool = False) -> list[tuple[int, str]]:
    """Modules of netspec that a file imports anywhere, with the line; those under `if TYPE_CHECKING` where `types` asks."""
    package = ("netspec", *path.relative_to(PACKAGE).parts[:-1])
    found: list[tuple[int, str]] = []
    for n in statements(parsed(path), types):
        if isinstance(n, ast.Import):
            found += [(n.lineno, a.name) for a in n.names if a.name.split(".")[0] == "netspec"]
        elif isinstance(n, ast.ImportFrom):
            base = package[:len(package) - n.level + 1] if n.level else ()
            module = ".".join((*base, *(n.module or "").split("."))).strip(".")
            if module.split(".")[0] == "netspec":  # a name of a package may be a module in it
                found += [(n.lineno, f"{module}.{a.name}" if file_of(f"{module}.{a.name}") else module) for a in n.names]
    return found


@cache
def file_of(module: str) -> Path | None:
    """The file of a dotted module of netspec, if it is one."""
    place = ROOT.joinpath(*module.split("."))
    return next((f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()), None)


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


def test_no_circle_of_files() -> None:
    """What two files need of each other is a third thing, or handed in; an import for types is an import too."""
    files = networkx.DiGraph()
    for path in modules():
        files.add_edges_from((path, other) for _, module in imports(path, types=True)
                             if (other := file_of(module)) not in (None, path))
    circles = [sorted(f.relative_to(ROOT).as_posix() for f in c) for c in networkx.strongly_connected_components(files) if len(c)
               > 1]
    assert not circles, "\n".join(" <-> ".join(c) for c in circles)


ROOMS_OF_ELABORATE = ("model", "binding", "steps", "statements", "train", "")


def test_the_runtime_works_on_the_state_behind_a_network() -> None:
    """`Network` is the face of a state: what the runtime does, it does to the state."""
    faces = [f"{path.relative_to(ROOT)}:{line}" for room in ("", "train", "feeding", "measuring", "io", "standalone")
             for path in (PACKAGE / "runtime" / room).glob("*.py")
             for line, module in imports(path, types=True) if module == "netspec.runtime.network" and path.stem != "session"]
    assert not faces, "\n".join(faces)


def test_the_rooms_of_elaborate_import_downwards() -> None:
    wrong = []
    for path in (PACKAGE / "elaborate").rglob("*.py"):
        own = path.relative_to(PACKAGE / "elaborate").parts[0] if path.parent.name != "elaborate" else ""
        for line, module in imports(path, types=True):
            other = module.removeprefix("netspec.elaborate.").split(".")
            if module.startswith("netspec.elaborate."):
                room = other[0] if other[0] in ROOMS_OF_ELABORATE else ""
                if ROOMS_OF_ELABORATE.index(room) > ROOMS_OF_ELABORATE.index(own):
                    wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_rooms_stay_small() -> None:
    rooms = {folder: sum(f.name != "__init__.py" for f in folder.glob("*.py")) for folder in {p.parent for p in (*modules(), *(ROOT / "tests").rglob("*.py"))}}
    assert not {r.relative_to(ROOT).as_posix(): n for r, n in rooms.items() if n > MOST_FILES}


def test_no_two_tests_share_a_name() -> None:
    """pytest imports them by their names alone."""
    names = [f.name for f in (ROOT / "tests").rglob("test_*.py")]
    assert not {n for n in names if names.count(n) > 1}


def test_lines_stay_short() -> None:
    """At most 130 characters, but for the text of a message that is written in one piece."""
    long = []
    for path in [*modules(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        lines = {k for k, line in enumerate(text.split("\n"), 1) if len(line) > WIDEST}
        if lines:
            tree = parsed(path)
            docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
            for n in ast.walk(tree):
                text_of = isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
                if text_of and id(n) not in docs:
                    lines -= set(range(n.lineno, (n.end_lineno or n.lineno) + 1))
        long += [f"{path.relative_to(ROOT)}:{k}" for k in sorted(lines)]
    assert not long, "\n".join(long)


def test_layers_know_no_spans_and_backends_no_layers() -> None:
    wrong = []
    for path in modules():
        own = path.relative_to(PACKAGE).parts[0]
        for line, module in imports(path):
            if (own, part(module)) in (("layers", "source"), ("layers", "diagnostics"), ("layers", "syntax"),
                                       ("backends", "layers"), ("backends", "syntax")):
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
    "import netspec": ("import netspec", ("numba", "numpy", "rich", "lark", "networkx", "PIL", "pygls")),
    "check": ("from netspec.cli import main; assert main(['check', 'specs/lenet.net']) == 0",
              ("numba", "llvmlite", "numpy", "rich", "PIL", "lark", "pygls", "netspec.language_server", "netspec.backends",
               "netspec.layers.pooling.unpool", "netspec.optimisers.lbfgs")),
    "summary": ("from netspec.cli import main; assert main(['summary', 'specs/lenet.net']) == 0",
                ("numba", "llvmlite", "netspec.backends")),
    "draw": ("from netspec.cli import main; assert main(['draw', 'specs/lenet.net', '-o', '-']) == 0",
             ("numba", "llvmlite", "netspec.backends")),
    "fmt": ("from netspec.cli import main; main(['fmt', '--check', 'specs/lenet.net'])",
            ("numba", "llvmlite", "numpy", "netspec.backends")),
}


@pytest.mark.parametrize("what", LOOKING)
def test_looking_loads_no_compiler(what: str) -> None:
    code, banned = LOOKING[what]
    check = f"import sys\n{code}\nsys.stderr.write(' '.join(m for m in {banned!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.strip().splitlines()[-1:] if done.stderr.strip() else []
    assert not loaded, f"{what} loads {loaded[0]}"


def test_no_layer_is_asked_for_by_its_name() -> None:
    """Whoever needs to know something of layers asks for a property, which each says in its own file, a user's own ones too.
    `crop` and `up` are words of the language as well (`concat @a crop`, and a slip for `upto`), the others of these are functions
    of its expressions and of formulas."""
    from netspec.layers import LAYERS

    names = set(LAYERS) - {"crop", "up", "abs", "channels", "max", "min"}
    found = []
    for file in modules():
        if not {"layers", "habits", "words"} & set(file.relative_to(ROOT).parts):
            for c in nodes(file):
                if isinstance(c, ast.Compare) and any((isinstance(x, ast.Attribute) and x.attr == "name") or (isinstance(x, ast.Call)
                                                      and ast.unparse(x.func) == "op_name") for x in (c.left, *c.comparators)):
                    said = {x.value for side in (c.left, *c.comparators) for x in ast.walk(side) if isinstance(x, ast.Constant)}
                    found += [f"{file.relative_to(ROOT)}:{c.lineno}: {ast.unparse(c)}" for _ in said & names]
    assert not found, "\n".join(found)
