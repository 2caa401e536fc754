"""The compiled Graphviz is kept, and believed only under the seal of the cache folder."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec import cache_folder
from netspec.cache_folder import Place, write_entry
from netspec.views.drawing import graphviz_module

wasmtime = pytest.importorskip("wasmtime")
TEXT = '(module (func (export "answer") (result i32) i32.const 42))'


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small module in a file, and a cache folder of its own."""
    monkeypatch.setattr(graphviz_module, "place", lambda: Place(tmp_path / "cache"))
    monkeypatch.setattr(cache_folder, "place", lambda: Place(tmp_path / "cache"))
    cache_folder._secret.cache_clear()
    (tmp_path / "cache").mkdir(mode=0o700)
    path = tmp_path / "answer.wasm"
    path.write_bytes(wasmtime.wat2wasm(TEXT))
    return path


def answer(path: Path) -> int:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    made = wasmtime.Instance(store, graphviz_module.compiled(engine, path), [])
    return int(made.exports(store)["answer"](store))


def test_it_is_compiled_once(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(module) == 42
    monkeypatch.setattr(wasmtime, "Module", Only)  # which can only be loaded
    assert answer(module) == 42


class Only:
    deserialize = wasmtime.Module.deserialize


@pytest.mark.parametrize("found", ["changed", "unsealed", "of another version"])
def test_what_is_not_its_own_is_compiled_anew(module: Path, found: str) -> None:
    answer(module)
    (entry,) = (module.parent / "cache" / "graphviz").iterdir()
    kept = entry.read_bytes()
    if found == "changed":
        entry.write_bytes(kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:])
    elif found == "unsealed":
        entry.write_bytes(kept[cache_folder.SEAL:])
    else:
        write_entry(entry, b"\x7fELF of another version")
    assert answer(module) == 42
    assert entry.read_bytes() == kept or len(entry.read_bytes()) == len(kept)


def test_another_module_is_another_entry(module: Path) -> None:
    assert answer(module) == 42
    module.write_bytes(wasmtime.wat2wasm(TEXT.replace("42", "43")))
    assert answer(module) == 43
    assert len(list((module.parent / "cache" / "graphviz").iterdir())) == 2


def test_without_a_folder_it_is_compiled_each_time(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz_module, "place", lambda: Place(None))
    assert answer(module) == 42


def alive() -> list[Any]:
    """What of Wasmtime would still have to be freed."""
    from wasmtime._managed import Managed

    gc.collect()
    return [o for o in gc.get_objects() if isinstance(o, Managed) and getattr(o, "_Managed__ptr", None) is not None]


def test_nothing_of_wasmtime_is_left_to_free_at_exit() -> None:
    """However many still hold on to it: its own modules may be gone by then, and Python would say "Exception ignored"."""
    graphviz_module.closed()
    before = len(alive())
    assert "<svg" in graphviz_module.render("digraph { a -> b }")
    held = graphviz_module._backend()
    held.itself = held
    assert len(alive()) > before
    graphviz_module.closed()
    assert len(alive()) == before and held.itself is held
    graphviz_module.closed()  # a second time is none
    assert "<svg" in graphviz_module.render("digraph { a -> b }"), "and another drawing begins anew"


@pytest.mark.parametrize("what", ["digraph { a ->", "trap"])
def test_what_graphviz_refuses_is_an_error_of_ours_and_holds_nothing(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "trap":
        def breaks(dot: str, format: str) -> bytes:
            store = wasmtime.Store()
            made = wasmtime.Instance(store, wasmtime.Module(store.engine, '(module (func (export "f") unreachable))'), [])
            made.exports(store)["f"](store)
            return b""

        monkeypatch.setattr(graphviz_module._backend(), "render", breaks)
    with pytest.raises(netspec.UsageError, match="Graphviz failed") as e:
        graphviz_module.render(what)
    assert e.value.__context__ is None and e.value.__cause__ is None
    monkeypatch.undo()
    assert "<svg" in graphviz_module.render("digraph { a -> b }")
