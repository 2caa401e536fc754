"""Every code of a diagnostic has its page in the catalogue, and every page has a code that is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from netspec.catalogue import CATALOGUE
from own_source import nodes, parsed
from where import ROOT

PACKAGE = ROOT / "netspec"


@cache
def files() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "catalogue.py"]


def texts(e: ast.expr | None) -> Iterator[ast.Constant]:
    """The texts that an expression may come to: "a", or "a" and "b" of `"a" if x else "b"`."""
    if isinstance(e, ast.Constant) and isinstance(e.value, str):
        yield e
    elif isinstance(e, ast.IfExp):
        yield from texts(e.body)
        yield from texts(e.orelse)
    elif isinstance(e, ast.BoolOp):
        for v in e.values:
            yield from texts(v)


def defaults(f: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """A function's parameters, in order, with their defaults."""
    names = [*f.args.posonlyargs, *f.args.args]
    values = [None] * (len(names) - len(f.args.defaults)) + list(f.args.defaults)
    return dict(zip((a.arg for a in names), values)) | dict(zip((a.arg for a in f.args.kwonlyargs), f.args.kw_defaults))


@cache
def takers() -> dict[tuple[bool, str], dict[Path, int | None]]:
    """Methods (True) and functions and classes (False) by name, and in each file that has one the place of its parameter
    `code`, if a call can give it by its place."""
    found: dict[tuple[bool, str], dict[Path, int | None]] = {}
    for path in files():
        methods = {id(f) for c in nodes(path) if isinstance(c, ast.ClassDef) for f in c.body}
        for n in nodes(path):
            if isinstance(n, ast.ClassDef):
                made = next((f for f in n.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
                names = [a.arg for a in made.args.args[1:]] if made else [f.target.id for f in n.body
                                                                          if isinstance(f, ast.AnnAssign)
                                                                         and isinstance(f.target, ast.Name)]
            elif isinstance(n, ast.FunctionDef) and n.name != "__init__":
                names = [a.arg for a in n.args.args][id(n) in methods :]
            else:
                continue
            found.setdefault((id(n) in methods, n.name), {})[path] = names.index("code") if "code" in names else None
    return found


def place_of_code(call: ast.expr, path: Path) -> int | None:
    """Which argument of a call in this file is a code: as the file itself has it, else as all files agree that it is."""
    if isinstance(call, ast.Attribute):
        known = takers().get((True, call.attr)) or takers().get((False, call.attr), {})
    else:
        known = takers().get((False, call.id), {}) if isinstance(call, ast.Name) else {}
    places = {known[path]} if path in known else set(known.values())
    return places.pop() if len(places) == 1 else None


@cache
def uses() -> list[tuple[str, str]]:
    """Every code that is given to something, and where."""
    found = []
    for path in files():
        for n in nodes(path):
            given: list[ast.expr | None] = []
            if isinstance(n, ast.Call):
                place = place_of_code(n.func, path)
                given += [k.value for k in n.keywords if k.arg == "code"]
                given += n.args[place : place + 1] if place is not None else []
            elif isinstance(n, ast.FunctionDef):
                given += [v for name, v in defaults(n).items() if name == "code"]
            elif isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and n.target.id == "code":
                given.append(n.value)
            found += [(str(t.value), f"{path.relative_to(PACKAGE)}:{t.lineno}") for e in given for t in texts(e)]
    return found


def comparisons() -> Iterator[tuple[str, str]]:
    """Every code that a diagnostic's is compared with, and where: `d.code == "x"`, `d.code in ("x", "y")`, or in a constant."""
    for path in files():
        constants = {t.id: n.value for n in parsed(path).body if isinstance(n, ast.Assign)
                     for t in n.targets if isinstance(t, ast.Name)}
        for n in nodes(path):
            if isinstance(n, ast.Compare) and isinstance(n.left, ast.Attribute) and n.left.attr == "code":
                for other in n.comparators:
                    other = constants.get(other.id, other) if isinstance(other, ast.Name) else other
                    for t in (t for e in getattr(other, "elts", [other]) for t in texts(e)):
                        yield str(t.value), f"{path.relative_to(PACKAGE)}:{t.lineno}"


def test_every_code_has_a_page() -> None:
    for call in ("Mistake", "Diagnostic", "e.say", "e.fatal", "c.diagnostic", "misuse"):
        assert place_of_code(ast.parse(call, mode="eval").body, PACKAGE) is not None, call
    used = uses()
    assert len(used) > 400
    assert not [f"{place} {code}" for code, place in (*used, *comparisons()) if code not in CATALOGUE]


def test_every_page_has_a_code_that_is_used() -> None:
    assert not set(CATALOGUE) - {code for code, _ in uses()}
