"""Files to sources. Every way a file can fail to be a spec has its own message."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import resources
from pathlib import Path

from ..diagnostics import Advice, Diagnostic, MissingFileError, SpecError, near
from ..limits import SPEC_BYTES
from ..reading import NotRegular, opened
from ..source import Source

WEIGHTS = (".pth", ".pt", ".bin", ".safetensors", ".npz", ".h5", ".hdf5", ".keras")  # what files of weights are called


def specs_folder() -> Path:
    """The specs that come with netspec: inside the wheel or beside the checkout's package."""
    inside = Path(str(resources.files("netspec").joinpath("specs")))
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "specs"


_UNSAVED: ContextVar[Mapping[str, str] | None] = ContextVar("unsaved", default=None)


@contextmanager
def unsaved(texts: Mapping[str, str]) -> Iterator[None]:
    """Within it, imports take these texts for the files of these resolved paths: what an editor holds and has not saved."""
    token = _UNSAVED.set(texts)
    try:
        yield
    finally:
        _UNSAVED.reset(token)


def imported_text(place: Path) -> str | None:
    """The text that stands for a file which is imported; None where the file itself is to be read."""
    held = _UNSAVED.get()
    return held.get(str(place)) if held is not None else None


def packaged_spec(name: str) -> Path | None:
    """The spec of this name among those that come with netspec, where `import ... from "name"` would look last."""
    folder = specs_folder().resolve()
    try:
        place = (folder / name).resolve()
        return place if ".." not in Path(name).parts and place.is_relative_to(folder) and place.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def read_source(path: str | os.PathLike[str], packaged: bool = True) -> Source:
    """The text of a spec. `-` is standard input. Where nothing has the name and `packaged` allows it, the spec that comes
    with netspec under that name: the source then names the file it was. Raises MissingFileError."""
    name = os.fspath(path)
    if name == "-":
        return Source("<stdin>", decoded(_typed_in(), "standard input"), os.getcwd())
    if not name:
        raise MissingFileError("the name of the spec is empty", Advice("netspec check my.net"))
    place = Path(name)
    try:
        with opened(place) as f:
            data = f.read(SPEC_BYTES + 1)
    except FileNotFoundError:
        own = None if os.path.lexists(place) else packaged_spec(name)
        if own is None:
            raise MissingFileError(f"there is no file {name}", _instead(place)) from None
        if not packaged:
            raise MissingFileError(f"there is no file {name} here, and the one that comes with netspec stays as it is",
                                   f"cp {shlex.quote(str(own))} {shlex.quote(name)}") from None
        return read_source(own)
    except NotRegular as e:
        if not place.is_dir():
            raise MissingFileError(f"{name} is {e.strerror}, and a spec is a file", None if os.name == "nt"
                                   else "to read what a program writes: PROGRAM | netspec check -", "not-a-file") from None
        specs = sorted(p.name for p in place.glob("*.net"))[:5]
        raise MissingFileError(f"{name} is a folder, not a spec", f"name a file in it: {place / specs[0]}" if specs else None,
                               "not-a-file") from None
    except PermissionError:
        if place.is_dir():
            raise MissingFileError(f"{name} is a folder, not a spec", code="not-a-file") from None
        raise MissingFileError(f"{name} may not be read", Advice("check the permissions of the file"),
                               "unreadable-file") from None
    except (OSError, ValueError) as e:
        raise MissingFileError(f"{name[:200]!r} cannot be opened", notes=(str(getattr(e, "strerror", None) or e),),
                               code="unreadable-file") from None
    _of_another_program(place, name)
    return Source(name, decoded(data, name), str(place.resolve().parent))


def _of_another_program(place: Path, name: str) -> None:
    """Refuse what is a network or weights by its name, and say which command takes it. Raises MissingFileError."""
    kind, file = place.suffix.lower(), shlex.quote(name)
    if kind == ".onnx":
        raise MissingFileError(f"{name} is an ONNX file, not a spec; a spec is made of it",
                               f"netspec import {file} -o {shlex.quote(str(place.with_suffix('.net')))}", "not-a-spec")
    if kind in WEIGHTS:
        raise MissingFileError(f"{name} is a file of weights, not a spec", Advice(
            f"netspec weights {file} --net FILE.net -o weights.safetensors  takes them into the net of a spec"), "not-a-spec")


def source_of(text: str) -> Source:
    """A text that is no file, held to what a file is held to. Raises SpecError."""
    try:
        data = text.encode()
    except UnicodeEncodeError as e:
        line, half = text[: e.start].count("\n") + 1, ascii(text[e.start])
        raise SpecError(Diagnostic("not-a-spec", f"the text holds half a character, {half}, in line {line}",
                                   hint=Advice('open(path, encoding="utf-8").read() reads a file whole'))) from None
    try:
        return Source("<text>", decoded(data, "the text"), os.getcwd())
    except MissingFileError as e:
        raise SpecError(*e.diagnostics) from None


def _typed_in() -> bytes:
    """What standard input has. Raises MissingFileError where it is closed, or a folder."""
    try:
        return sys.stdin.buffer.read(SPEC_BYTES + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    except (AttributeError, OSError, ValueError) as e:
        raise MissingFileError("standard input cannot be read", notes=(getattr(e, "strerror", None) or "it is closed",),
                               code="unreadable-file") from None


def decoded(data: bytes, name: str) -> str:
    """The text of a spec from its bytes. Raises MissingFileError for what is none."""
    if len(data) > SPEC_BYTES:
        raise MissingFileError(f"{name} is larger than {SPEC_BYTES // 1_000_000} MB, which no spec is", code="not-a-spec")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MissingFileError(f"{name} is UTF-16 text", Advice("save it as UTF-8"), "not-a-spec")
    if b"\0" in data:
        raise MissingFileError(f"{name} is a binary file, not a spec", Advice("a spec is text, and its name ends in .net"),
                               "not-a-spec")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data[: e.start].count(b"\n") + 1
        raise MissingFileError(f"{name} is not UTF-8 text (line {line})", Advice("save it as UTF-8"), "not-a-spec") from None


def _instead(place: Path) -> str | None:
    """What may have been meant by the name of a file that is not there."""
    if "\n" in str(place):
        return "a text is said by its name:  text=..."
    file, colon, net = str(place).rpartition(":")
    if colon and net.isidentifier() and (os.path.isfile(file) or packaged_spec(file)):
        return f"the file alone, and a net of it apart:  {file}"
    try:
        beside = [p.name for p in place.parent.iterdir() if p.suffix == ".net"] if os.path.isdir(place.parent) else []
    except OSError:
        beside = []
    own = [p.name for p in specs_folder().glob("*.net")] if place.suffix in (".net", "") else []
    alike = next((n for n in (place.name, f"{place.name}.net") if n in own and n not in beside),
                 None) or near(place.name, [*beside, *own])
    if alike in beside:
        return f"did you mean {place.parent / alike}?"
    if alike:
        return f"netspec comes with one:  {alike}"
    return f"did you mean {place}.net?" if os.path.isfile(f"{place}.net") else None
