"""The modules of netspec that a network needs while it runs, as text inside one file, and what imports them from there.

They get a package of their own, named after the digest of their text: an installed netspec is never in their way, and
two files written by one version share one copy, threads included.
"""

from __future__ import annotations

import ast
import hashlib
import json
import textwrap
import zlib
from base64 import b85encode
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

IMPORTER = '''
class Embedded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the texts above as modules of a package."""

    def find_spec(self, name, path=None, target=None):
        package, _, module = name.partition(".")
        if package != PACKAGE or not any(known == module or known.startswith(f"{module}.") or not module for known in RUNTIME):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=module not in RUNTIME)

    def exec_module(self, module):
        text, file = RUNTIME.get(module.__name__.partition(".")[2], ""), f"<{module.__name__}>"
        linecache.cache[file] = len(text), None, text.splitlines(True), file
        module.__dict__["__netspec_source__"] = text  # what compiled kernels are remembered by
        exec(compile(text, file, "exec"), module.__dict__)


if PACKAGE not in sys.modules:
    sys.meta_path.append(Embedded())
'''


def needed(roots: tuple[str, ...]) -> dict[str, str]:
    """Name within netspec -> text, for some modules and all that they import when they are imported themselves."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        if name in found or path.is_dir() or not path.with_suffix(".py").is_file():
            continue
        found[name] = path.with_suffix(".py").read_text(encoding="utf-8")
        package = name.split(".")[:-1]
        for statement in ast.parse(found[name]).body:  # those in functions and under TYPE_CHECKING are not needed
            if isinstance(statement, ast.ImportFrom) and statement.level:
                base = package[: len(package) - statement.level + 1] + (statement.module.split(".") if statement.module else [])
                waiting += [".".join(base), *(".".join([*base, a.name]) for a in statement.names)]
    return dict(sorted(found.items()))


def embedded(roots: tuple[str, ...], packed: bool = False) -> tuple[str, str]:
    """The name of the package, and the text that makes it importable: modules that can be read, or all of them packed."""
    modules = needed(roots)
    digest = hashlib.sha256("\0".join(f"{k}\0{v}" for k, v in modules.items()).encode()).hexdigest()[:12]
    if packed:
        squeezed = b85encode(zlib.compress(json.dumps(modules).encode(), 9)).decode()
        inside = "\n".join(squeezed[k : k + 128] for k in range(0, len(squeezed), 128))
        texts = "# " + ", ".join(modules) + "\n"
        texts = textwrap.fill(texts, 120, subsequent_indent="# ", break_long_words=False) + f'''
RUNTIME = json.loads(zlib.decompress(base64.b85decode("""
{inside}
""".replace("\\n", ""))))
'''
        return f"_netspec_{digest}", f'import base64\nimport json\nimport zlib\n\nPACKAGE = "_netspec_{digest}"\n{texts}\n{IMPORTER}'
    texts = "\n".join(f"RUNTIME[{name!r}] = {quoted(text)}\n" for name, text in modules.items())
    return f"_netspec_{digest}", f'PACKAGE = "_netspec_{digest}"\nRUNTIME = {{}}\n\n{texts}\n{IMPORTER}'


def quoted(text: str) -> str:
    """A text as a literal that can be read."""
    inner = text.replace("\\", "\\\\").replace("'''", "\\'\\'\\'")
    return "'''\\\n" + inner + ("\n" if not inner.endswith("\n") else "") + "'''"
