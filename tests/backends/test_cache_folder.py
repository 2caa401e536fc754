"""What netspec keeps is code: the one rule for where it may lie, what is believed of it, and who compiles it."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspec import cache_folder
from netspec.cache_folder import Place

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of this kind are a matter of POSIX systems")


def placed(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Place:
    """The folder that netspec would choose in this environment."""
    for name in ("NETSPEC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return cache_folder.place.__wrapped__()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and a current folder that is empty."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


# ---- which folder -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("word", ["", "0", "off", "none", " OFF ", "None"])
def test_off_means_off(word: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = placed(monkeypatch, NETSPEC_CACHE=word, XDG_CACHE_HOME=str(home))
    assert place.path is None and "off" in place.why
    assert not list(home.rglob("*")) and not os.listdir()


@pytest.mark.parametrize("given", ["here", "./here", "../here/x", "~nobody-of-that-name/x"])
def test_a_relative_folder_is_another_one_everywhere(given: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = placed(monkeypatch, NETSPEC_CACHE=given)
    assert "not an absolute path" in place.why
    assert place.path is not None and place.path.is_absolute() and home.parent not in place.path.parents  # a private one
    assert placed(monkeypatch, XDG_CACHE_HOME=given).path == home / ".cache" / "netspec"
    assert not os.listdir()


def test_the_usual_folder_is_made_for_its_owner_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    try:
        place = placed(monkeypatch)
    finally:
        os.umask(before)
    assert place == Place(home / ".cache" / "netspec")
    assert [stat.S_IMODE(p.stat().st_mode) for p in (home / ".cache", home / ".cache" / "netspec")] == [0o700, 0o700]
    assert placed(monkeypatch, NETSPEC_CACHE="~/mine").path == home / "mine"


def test_a_folder_that_others_may_write_is_not_made_good(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in (0o777, 0o1777, 0o770, 0o707, 0o720):
        shared = home / f"{mode:o}"
        shared.mkdir()
        (shared / "planted").write_bytes(b"")
        shared.chmod(mode)
        place = placed(monkeypatch, NETSPEC_CACHE=str(shared))
        assert "can be written by others" in place.why and place.path != shared
        assert stat.S_IMODE(shared.stat().st_mode) == mode and os.listdir(shared) == ["planted"]


def test_nor_one_below_such_a_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = home / "shared"
    (shared / "a" / "cache").mkdir(parents=True, mode=0o700)
    (shared / "a").chmod(0o700)
    shared.chmod(0o777)
    assert "above" in placed(monkeypatch, NETSPEC_CACHE=str(shared / "a" / "cache")).why
    assert "above" in placed(monkeypatch, NETSPEC_CACHE=str(shared / "new" / "cache")).why
    shared.chmod(0o1777)  # as /tmp: nobody can put another folder in its place
    assert placed(monkeypatch, NETSPEC_CACHE=str(shared / "a" / "cache")) == Place(shared / "a" / "cache")


def test_links_are_followed_above_and_only_where_nobody_can_turn_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "disk").mkdir()
    (home / "link").symlink_to("disk")
    assert placed(monkeypatch, NETSPEC_CACHE=str(home / "link" / "c")) == Place(home / "disk" / "c")
    assert "not a directory of its own" in placed(monkeypatch, NETSPEC_CACHE=str(home / "link")).why
    (home / "round").symlink_to("round")
    assert placed(monkeypatch, NETSPEC_CACHE=str(home / "round" / "c")).why
    shared = home / "shared"
    shared.mkdir()
    (shared / "inner").symlink_to(home / "disk")
    (home / "outer").symlink_to(shared / "inner")
    shared.chmod(0o777)  # the second of two links lies where anybody can turn it
    assert "above" in placed(monkeypatch, NETSPEC_CACHE=str(home / "outer" / "c")).why


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only the superuser can give a folder away")
def test_a_folder_of_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for theirs, why in (("c", "belongs to another user"), ("c/d", "above")):
        path = home / theirs
        path.mkdir(mode=0o700, exist_ok=True)
        os.chown(home / "c", 12345, -1)
        assert why in placed(monkeypatch, NETSPEC_CACHE=str(path)).why
    (home / "t").mkdir()
    (home / "t").chmod(0o1777)
    (home / "t" / "link").symlink_to(home)
    os.lchown(home / "t" / "link", 12345, -1)
    assert "a link, belongs" in placed(monkeypatch, NETSPEC_CACHE=str(home / "t" / "link" / "c")).why


def test_no_folder_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.chmod(0o777)  # neither the usual one nor a temporary one is safe
    monkeypatch.setattr("tempfile.tempdir", str(home))
    place = placed(monkeypatch)
    assert place.path is None and place.why.count("can be written by others") == 2


# ---- what is believed -------------------------------------------------------------------------------------------------------
@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(cache_folder, "place", lambda: Place(tmp_path))
    cache_folder._secret.cache_clear()
    yield tmp_path
    cache_folder._secret.cache_clear()


def test_an_entry_is_believed_whole_under_its_name_or_not_at_all(folder: Path) -> None:
    entry, other, data = folder / "cpu" / "f.code", folder / "cpu" / "g.code", bytes(range(256)) * 8
    cache_folder.write_entry(entry, data)
    cache_folder.write_entry(other, data[::-1])
    kept = entry.read_bytes()
    assert cache_folder.read_entry(entry) == data and kept[32:] == data
    choose = random.Random(9)
    flips = [bytes([*kept[:k], kept[k] ^ 1 << choose.randrange(8), *kept[k + 1 :]])
             for k in (0, 31, 32, *choose.sample(range(len(kept)), 60))]
    cuts = [kept[:k] for k in (0, 1, 31, 32, 33, *choose.sample(range(len(kept)), 30))]
    forged = [hashlib.sha256(data).digest() + data, hashlib.sha256(b"broken").digest() + b"broken", kept + b"\0",
              other.read_bytes()]
    for wrong in flips + cuts + forged:
        entry.write_bytes(wrong)
        assert cache_folder.read_entry(entry) is None
        assert not entry.exists(), "what was not believed is removed"
    away = folder / "gpu" / "f.code"  # the same name of another machine
    away.parent.mkdir()
    away.write_bytes(kept)
    assert cache_folder.read_entry(away) is None


def test_what_is_no_plain_file_of_ours_is_not_opened(folder: Path) -> None:
    entry, data = folder / "cpu" / "f.code", b"code" * 100
    cache_folder.write_entry(entry, data)
    kept = entry.read_bytes()
    (folder / "elsewhere").write_bytes(kept)

    def sparse() -> None:
        entry.touch(0o600)
        os.truncate(entry, 1 << 40)

    def readable_by_all() -> None:
        entry.write_bytes(kept)
        entry.chmod(0o666)

    for put in (lambda: entry.symlink_to(folder / "elsewhere"), lambda: entry.symlink_to("/dev/zero"), lambda: os.mkfifo(entry),
                entry.mkdir, sparse, readable_by_all):
        entry.unlink(missing_ok=True)
        put()
        assert cache_folder.read_entry(entry) is None
        assert not os.path.lexists(entry)
    assert (folder / "elsewhere").read_bytes() == kept
    cache_folder.write_entry(entry, data)
    assert cache_folder.read_entry(entry) == data


def test_the_secret_is_the_owners(folder: Path) -> None:
    entry, data = folder / "cpu" / "f.code", b"code" * 100
    cache_folder.write_entry(entry, data)
    secret = folder / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600 and len(secret.read_bytes()) == 32
    first = secret.read_bytes()
    cache_folder._secret.cache_clear()
    assert cache_folder.read_entry(entry) == data  # another process finds the same
    for spoil in (lambda: secret.write_bytes(b""), lambda: secret.chmod(0o644), secret.unlink):
        before = secret.read_bytes()
        spoil()
        cache_folder._secret.cache_clear()
        assert cache_folder.read_entry(entry) is None
        assert secret.read_bytes() != before and len(secret.read_bytes()) == 32
        cache_folder.write_entry(entry, data)
        assert cache_folder.read_entry(entry) == data
    assert first != secret.read_bytes()


def test_what_a_killed_process_left_is_swept(folder: Path) -> None:
    cache_folder.write_entry(folder / "cpu" / "f.code", b"code")
    for name, age in ((".part-old", 7200), (".part-new", 0)):
        (folder / "cpu" / name).write_bytes(b"half")
        stamp = os.stat(folder / "cpu" / name).st_mtime - age
        os.utime(folder / "cpu" / name, (stamp, stamp))
    cache_folder.prune(1 << 20)
    assert sorted(p.name for p in folder.rglob("*") if p.is_file()) == [".part-new", "f.code", "secret"]
    cache_folder.prune(0)
    assert (folder / "secret").exists()


KERNEL = """
from netspec.backends.cpu.llvm import cache
f = cache.load_module("from netspec.backends.cpu.llvm.cache import kernel\\n@kernel\\ndef f(a, b, c):\\n    return a * b + c\\n", "t").f
print(f(3, 4, 5), cache.statistics(), f.path)
"""


def test_a_broken_object_file_is_never_loaded(tmp_path: Path) -> None:
    """With a checksum that anybody can compute it was: a crash at every start, until it was removed by hand."""
    def start() -> list[str]:
        done = subprocess.run([sys.executable, "-c", KERNEL], env={**os.environ, "NETSPEC_CACHE": str(tmp_path)},
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.returncode} {done.stderr}"
        return done.stdout.strip().rsplit(" ", 1)

    said, path = start()
    assert said == "17 1 kernels compiled, 0 loaded"
    code = Path(path).read_bytes()[32:]
    broken = code[:64] + bytes(b ^ 0xA5 for b in code[64:])
    Path(path).write_bytes(hashlib.sha256(broken).digest() + broken)
    assert start()[0] == "17 1 kernels compiled, 0 loaded"
    assert start()[0] == "17 0 kernels compiled, 1 loaded"


# ---- who compiles -----------------------------------------------------------------------------------------------------------
HELPER = """
from netspec.backends.cpu.llvm import cache, processes
text = "from netspec.backends.cpu.llvm.cache import kernel\\n@kernel\\ndef f(a, b, c):\\n    return a + b * c + "
kernels = [cache.load_module(text + str(i), f"m{i}\\n").f for i in range(2)]
print(processes._compile_elsewhere(kernels).wait(), all(k.path.exists() for k in kernels), cache.statistics())
"""


def test_helpers_import_nothing_from_the_current_folder(tmp_path: Path) -> None:
    for name in ("numpy", "numba", "random", "json", "llvmlite/__init__", "netspec/__init__", "sitecustomize", "usercustomize"):
        file = tmp_path / "here" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            "import os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'RAN'), 'w')\nraise SystemExit(7)\n")
    (tmp_path / "here" / ".numba_config.yaml").write_text("disable_jit: 1\n")
    for way in (".", str(tmp_path / "here")):  # whatever puts it on the path: it is not asked
        code = f"import sys, netspec, numpy, numba, json, random\nsys.path.insert(0, {way!r})\n{HELPER}"
        done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path / "here",
                              env={**os.environ, "NETSPEC_CACHE": str(tmp_path / "cache")},
                              capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "0 True 0 kernels compiled, 0 loaded", done.stderr
        assert not list((tmp_path / "here").rglob("RAN"))
