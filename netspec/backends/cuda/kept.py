"""What Numba compiles for a GPU, kept as entries of the cache folder like all other machine code.

Numba would keep it in files of its own, where NUMBA_CACHE_DIR or a `.numba_config.yaml` of the current folder says, and
would unpickle whatever lies there. Here an entry is JSON: names, options, and the code itself (LLVM's and NVIDIA's
assembly as text, machine code in base64), of which Numba's objects are made anew. Reading it runs nothing, and the code
goes to the GPU only where the seal of the folder's owner is on it (cache_folder.py).
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zlib
from pathlib import Path
from typing import Any

from ...cache_folder import prune_once, read_entry, write_entry

FORMAT = 2
States = dict[str, Any]


class Kept:
    """Takes the place of the file of a dispatcher's cache: a sealed entry for each signature and kind of GPU."""

    def __init__(self, beside: Path):
        self.beside = beside  # the text of the kernel, whose name is its digest

    def _entry(self, key: object) -> Path:
        versions = [getattr(sys.modules.get(m), "__version__", "") for m in ("numba", "numba_cuda")]
        return self.beside.with_suffix(f".{hashlib.sha256(repr((FORMAT, versions, key)).encode()).hexdigest()[:16]}.kernel")

    def load(self, key: tuple[Any, ...]) -> States | None:
        """The states of a kernel, for the arguments that a key begins with."""
        data = read_entry(self._entry(key))
        return None if data is None else _kernel(json.loads(zlib.decompress(data)), key[0])

    def save(self, key: tuple[Any, ...], kernel: States) -> None:
        facts = _facts(kernel)
        if facts is not None:
            write_entry(self._entry(key), zlib.compress(json.dumps(facts).encode()))  # 0.7 MB would leave room for a few networks
            prune_once()

    def flush(self) -> None:
        """Numba asks for it where the function has changed; the digest is another then."""


def _facts(kernel: States) -> Any:
    """The states of a kernel and of its code without Python's objects; None where something else is among them, which is
    compiled anew then."""
    rest = {k: v for k, v in kernel.items() if k not in ("codelibrary", "signature", "call_helper")}
    try:
        # only debugging asks the helper
        return None if kernel["debug"] else [_plain(rest), _plain(kernel["codelibrary"]._reduce_states())]
    except TypeError:
        return None


def _kernel(facts: Any, arguments: tuple[Any, ...]) -> States:
    """What Numba makes a kernel of."""
    from numba.core import types, typing
    from numba.cuda import codegen

    numba: Any = typing
    made: Any = codegen.CUDACodeLibrary
    rest, library = map(_alive, facts)
    return {**rest, "codelibrary": made._rebuild(**library), "signature": numba.signature(types.none, *arguments),
            "call_helper": None}


def _plain(value: Any) -> Any:
    """A value as JSON has it; what JSON lacks as an object of one name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [_plain(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[_plain(k), _plain(v)] for k, v in value.items()]}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if getattr(value, "code_type", "") == "cubin":
        return {"cubin": base64.b64encode(value.code).decode()}
    raise TypeError(type(value))


def _alive(value: Any) -> Any:
    """A value of what `_plain` made of it."""
    if isinstance(value, list):
        return [_alive(v) for v in value]
    if not isinstance(value, dict):
        return value
    (kind, held), = value.items()
    if kind == "tuple":
        return tuple(map(_alive, held))
    if kind == "dict":
        return {_alive(k): _alive(v) for k, v in held}
    code = base64.b64decode(held)
    if kind == "bytes":
        return code
    from numba.cuda.cudadrv import driver

    numba: Any = driver
    return numba.ObjectCode.from_cubin(code)
