"""MNIST and CIFAR from files as they are given away, made here by hand, by gzip, pickle and tarfile."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec import pickled
from netspec.cli import main
from netspec.datasets import DATASETS, Data
from netspec.diagnostics import NetspecError
from netspec.words.dataset import Request

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.integers(0, 256, (40, 28, 28)).astype(np.uint8), np.arange(40) % 10


def read(word: str, path: Any, **arguments: Any) -> Data:
    made = DATASETS[word](path=path, **arguments)
    made.check()
    request = Request(None, {"input": (1, 28, 28)})
    data: Data = made.read(request)
    told = made.outline(request)
    if told is not None:  # `check` sees the shapes that training sees
        for a, b in ((told.train, data.train), (told.test, data.test), (told.validation, data.validation)):
            assert (a is None) == (b is None)
            if a is not None and b is not None:
                assert a[0].shape == b[0].shape and a[0].dtype == b[0].dtype and (a[1] == b[1]).all()
        assert told.classes == data.classes
    return data


def idx(a: Array) -> bytes:
    return struct.pack(f">HBB{a.ndim}I", 0, 8, a.ndim, *a.shape) + a.astype(np.uint8).tobytes()


def mnist(folder: Path, prefix: str = "", packed: bool = False, shift: int = 0, sep: str = "-", y: Array = Y) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part, where in (("train", slice(0, 30)), ("t10k", slice(30, 40))):
        for what, a in ((f"images{sep}idx3", X[where]), (f"labels{sep}idx1", y[where] + shift)):
            name = folder / f"{prefix}{part}-{what}-ubyte"
            if packed:
                name.with_name(name.name + ".gz").write_bytes(gzip.compress(idx(a)))
            else:
                name.write_bytes(idx(a))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", ["m", "m/raw", "m/MNIST/raw"])
def test_mnist(packed: bool, place: str, here: Path) -> None:
    mnist(here / place, packed=packed, sep="." if place == "m/raw" else "-")
    data = read("mnist", "m")
    assert data.test is not None and data.classes == tuple("0123456789") and data.name == "m"
    assert data.train[0].dtype == np.uint8 and data.train[0].shape == (30, 1, 28, 28) and data.train[1].dtype == np.int64
    assert (data.train[0][:, 0] == X[:30]).all() and (data.train[1] == Y[:30]).all()
    assert (data.test[0][:, 0] == X[30:]).all() and (data.test[1] == Y[30:]).all()
    padded = read("mnist", "m", pad=2, validation=0.3)
    assert padded.validation is not None and padded.train[0].shape == (20, 1, 32,
                                                                       32) and sorted(padded.validation[1]) == [*range(10)]
    both = np.concatenate([padded.train[0], padded.validation[0]])
    assert both[:, 0, 2:-2, 2:-2].astype(int).sum() == both.astype(int).sum() == X[:30].astype(int).sum()


def test_sets_like_mnist(here: Path) -> None:
    mnist(here / "my_fashion")
    assert read("mnist", "my_fashion").classes[1] == "trouser"
    mnist(here / "e", "emnist-letters-", packed=True, shift=1)
    data = read("mnist", "e")
    assert data.classes[:2] == ("A", "B") and len(data.classes) == 26 and (data.train[1] == Y[:30]).all()
    mnist(here / "e", "emnist-digits-")
    with pytest.raises(NetspecError, match=r'there are: emnist-digits, emnist-letters(.|\n)*hint: data mnist "e" split=letters'):
        read("mnist", "e")
    assert (read("mnist", "e", split="digits").train[1] == Y[:30]).all() and read("mnist", "e",
                                                                                  split="emnist-letters").classes[0] == "A"
    with pytest.raises(NetspecError, match="holds no set byclass"):
        read("mnist", "e", split="byclass")
    mnist(here / "few", y=Y % 3)
    assert read("mnist", "few").classes == ()  # nobody knows what these are


BROKEN: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("train-images-idx3-ubyte", lambda b: b[:-5], "cut short"), ("train-images-idx3-ubyte", lambda b: b + b"1", "too long"),
    ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(b[:-5]), "cut short"),
    ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(b + b"1"), "too long"),
    ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(b)[:-300], "damaged"),
    ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 9)), "cut short"),
    ("train-images-idx3-ubyte", lambda b: struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 9), "cut short"),
    ("train-images-idx3-ubyte", lambda b: b"PK\3\4" + b, "no IDX file"),
    ("train-images-idx3-ubyte", lambda b: b[:9], "head is not whole"),
    ("train-images-idx3-ubyte", lambda b: idx(Y[:30]), "holds no images"),
    ("train-labels-idx1-ubyte", lambda b: idx(X), "holds no labels"),
    ("train-labels-idx1-ubyte", lambda b: idx(Y), "30 images, 40 labels")]


@pytest.mark.parametrize(("name", "change", "words"), BROKEN, ids=range(len(BROKEN)))
def test_files_of_mnist_that_are_broken(name: str, change: Callable[[bytes], bytes], words: str, here: Path) -> None:
    mnist(here / "m")
    plain = here / "m" / name.removesuffix(".gz")
    data = change(plain.read_bytes())
    plain.unlink()
    (here / "m" / name).write_bytes(data)
    with pytest.raises(NetspecError, match=words) as e:
        read("mnist", "m")
    assert name in str(e.value)


def test_mnist_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mnist(here / "m")
    (here / "empty").mkdir()
    for folder, words in (("n", "there is no folder"), ("empty", "train-labels-idx1-ubyte")):
        with pytest.raises(NetspecError, match=words):
            read("mnist", folder)
    Path(
        "a.net").write_text(
            'net a:\n  input 1x32x32\n  fc 10\ntrain a:\n  data mnist "m" {}\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n')
    text = Path("a.net").read_text()
    for more, fine in (("", False), ("pad=2", True), ("pad=2 validation=0.4", True), ('validation="m"', False)):
        Path("a.net").write_text(text.format(more))
        assert (main(["check", "a.net"]) == 0) is fine, capsys.readouterr().err
    Path("a.net").write_text(text.format("pad=2").replace("fc 10", "fc 9"))
    assert main(["check", "a.net"]) == 1 and "hint: fc 10" in capsys.readouterr().err
    (here / "m" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(NetspecError, match="stands alone"):
        read("mnist", "m")


def cifar(n: int, seed: int, classes: int = 10) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, 3, 32, 32)).astype(np.uint8), random.permutation(np.arange(n) % classes)


NAMES10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = {f"data_batch_{k}": cifar(6 + k, k) for k in (1, 2, 3, 10)} | {"test_batch": cifar(10, 99)}
TRAIN = [np.concatenate([BATCHES[f"data_batch_{k}"][j] for k in (1, 2, 3, 10)]) for j in (0, 1)]


def binary10() -> dict[str, bytes]:
    return {f"{name}.bin": b"".join(bytes([label]) + picture.tobytes() for picture, label in zip(x, y))
            for name, (x, y) in BATCHES.items()} | {
        "batches.meta.txt": ("\n".join(NAMES10) + "\n\n").encode(), "readme.html": b"<html>"}


def python10(protocol: int = 2) -> dict[str, bytes]:
    return {name: pickle.dumps({b"batch_label": b"one", b"data": x.reshape(len(x), -1), b"labels": y.tolist(),
                                b"filenames": ["a.png"]}, protocol)
            for name, (x, y) in BATCHES.items()} | {"batches.meta": pickle.dumps({"label_names": NAMES10, "num_vis": 3072},
                                                                                 protocol)}


X100, COARSE = cifar(60, 5, 20)
FINE = COARSE * 5 + np.arange(60) % 5
NAMES100 = {"coarse": [f"c{k}" for k in range(20)], "fine": [f"f{k}" for k in range(100)]}


def binary100() -> dict[str, bytes]:
    return {f"{part}.bin": b"".join(bytes([c, f]) + p.tobytes() for p, c, f in zip(X100[where], COARSE[where], FINE[where]))
            for part, where in (("train", slice(0, 40)), ("test", slice(40, 60)))} | {
                f"{k}_label_names.txt": "\n".join(v).encode() for k, v in NAMES100.items()}


def python100(protocol: int = 2) -> dict[str, bytes]:
    return {part: pickle.dumps({"data": X100[where].reshape(-1, 3072), "fine_labels": FINE[where].tolist(),
                                "coarse_labels": COARSE[where].tolist()}, protocol)
            for part, where in (("train", slice(0, 40)), ("test", slice(40, 60)))} | {
                "meta": pickle.dumps({f"{k}_label_names": v for k, v in NAMES100.items()}, protocol)}


def lay(files: dict[str, bytes], place: Path) -> None:
    """As a folder, or an archive with a folder in it."""
    if not place.name.endswith(".gz"):
        place.mkdir(parents=True)
        for name, data in files.items():
            (place / name).write_bytes(data)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place, "w:gz") as tar:
        for name, data in {"": b"", **files}.items():
            info = tarfile.TarInfo(f"held/{name}".rstrip("/"))
            info.size, info.type = len(data), tarfile.REGTYPE if name else tarfile.DIRTYPE
            tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(("files", "place", "path"), [
    (binary10, "c", "c"), (python10, "c", "c"), (binary10, "c/cifar-10-batches-bin", "c"),
    (python10, "c/cifar-10-batches-py", "c"),
    (binary10, "c/cifar-10-binary.tar.gz", "c"), (python10, "c/cifar-10-python.tar.gz", "c"), (python10, "x.tar.gz", "x.tar.gz")])
def test_cifar10(files: Callable[[], dict[str, bytes]], place: str, path: str, here: Path) -> None:
    lay(files(), here / place)
    data = read("cifar10", path)
    assert data.test is not None and data.classes == tuple(NAMES10)
    assert data.train[0].dtype == np.uint8 and (data.train[0] == TRAIN[0]).all() and (data.train[1] == TRAIN[1]).all()
    assert (data.test[0] == BATCHES["test_batch"][0]).all() and (data.test[1] == BATCHES["test_batch"][1]).all()
    assert data.train[1].dtype == np.int64
    shared = read("cifar10", path, validation=0.2)
    assert shared.validation is not None and len(shared.validation[1]) + len(shared.train[1]) == len(TRAIN[1])


@pytest.mark.parametrize(("files", "place"), [(binary100, "c"), (python100, "c"), (python100, "c/cifar-100-python"),
                                              (binary100, "c/cifar-100-binary.tar.gz")])
def test_cifar100(files: Callable[[], dict[str, bytes]], place: str, here: Path) -> None:
    lay(files(), here / place)
    for labels, want in (("fine", FINE), ("coarse", COARSE)):
        data = read("cifar100", "c", labels=labels)
        assert data.test is not None and data.classes == tuple(NAMES100[labels])
        assert (np.concatenate([data.train[0], data.test[0]]) == X100).all()
        assert (np.concatenate([data.train[1], data.test[1]]) == want).all()
    assert str(DATASETS["cifar100"](path="c", labels="coarse")) == 'cifar100 "c" coarse'


def test_a_batch_that_is_not_there_is_remarked_on(here: Path) -> None:
    lay({k: v for k, v in binary10().items() if k not in ("data_batch_3.bin", "test_batch.bin")}, here / "c")
    data = read("cifar10", "c")
    assert data.test is None and len(data.train[1]) == len(TRAIN[1]) - len(BATCHES["data_batch_3"][1])
    assert data.remarks[-1] == "data_batch_3, data_batch_4, data_batch_5, test_batch are not there"
    lay(python100(), here / "d")
    assert not read("cifar100", "d").remarks


def test_what_is_no_cifar(here: Path) -> None:
    def said(files: dict[str, bytes], place: str = "c", word: str = "cifar10") -> str:
        lay(files, here / place)
        with pytest.raises(NetspecError) as e:
            read(word, place)
        if (here / place).is_dir():
            (here / place).rename(here / f"was{len(os.listdir(here))}")
        else:
            (here / place).unlink()
        return str(e.value)

    assert "data_batch_2.bin is no batch of CIFAR-10" in said(binary10()
                                                              | {"data_batch_2.bin": binary10()["data_batch_2.bin"][:-1]})
    assert "has label 200" in said(binary10() | {"data_batch_1.bin": b"\xc8" + binary10()["data_batch_1.bin"][1:]})
    assert "holds no CIFAR-10" in said({"readme": b""})
    assert "holds no CIFAR-100" in said(binary10(), word="cifar100")
    for held, words in (({"data": X}, "would have data"),
                        ({"data": X.reshape(10, -1)[:, :3072], "labels": [1]}, "one whole number a picture"),
                        ([1], "it is no dict"),
                        ({"data": np.zeros((2, 3072), np.uint8), "labels": ["a", "b"]}, "one whole number")):
        assert words in said(python10() | {"data_batch_1": pickle.dumps(held)})
    (here / "y.tar.gz").write_bytes(gzip.compress(b"no tar" * 500))
    lay(python10(), here / "z.tar.gz")
    (here / "z.tar.gz").write_bytes((here / "z.tar.gz").read_bytes()[:-9000])
    for name in ("y.tar.gz", "z.tar.gz"):
        with pytest.raises(NetspecError, match=r"damaged, or no \.tar\.gz"):
            read("cifar10", name)


class Runs:
    """Runs something when Python unpickles it."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self) -> Any:
        return os.mkdir, (os.fspath(self.file),)


@pytest.mark.parametrize("protocol", range(6))
def test_batches_for_python_are_read_and_run_nothing(protocol: int, here: Path) -> None:
    held = {b"data": X[0], "labels": [1, 255, 256, 70_000, -5, 2**40], "text": "a\u00e9\n", "f": 1.5, "none": None,
            "t": (1, True, False, ()),
            "fortran": np.asfortranarray(X[0]), "scalar": np.int64(7), "swapped": np.arange(5, dtype=">i4"),
            "bytes": b"\x00\xff'\\", "empty": {}, "same": X[0], "nested": [[1, [2]], {"k": "v"}]}
    found = pickled.load(pickle.dumps(held, protocol))
    assert list(found) == list(held)
    for k, v in held.items():
        assert np.array_equal(found[k], v) if isinstance(v, np.ndarray) else found[k] == v, k
        assert type(found[k]) is type(v) or k == "scalar"
    for bad in (Runs(here / "ran"), {"data": Runs(here / "ran")}, [Runs(here / "ran")], {1, 2}, np.array([Runs(here / "ran")]),
                np.array(["a"]), object, os.mkdir, 1j):
        data = pickle.dumps(bad, protocol)
        with pytest.raises(pickled.Refused):
            pickled.load(data)
        if isinstance(bad, dict):
            lay({"data_batch_1": data}, here / "c")
            with pytest.raises(NetspecError, match="nothing in it was run"):
                read("cifar10", "c")
    assert not (here / "ran").exists()
    pickle.loads(pickle.dumps(Runs(here / "ran"), protocol))
    assert (here / "ran").exists()  # it would have


def test_damaged_batches_for_python_are_refused() -> None:
    random = np.random.default_rng(0)
    whole = [pickle.dumps({"data": X[0], "labels": [1, 2, 300], "s": "text", b"n": {"a": (1, 2)}}, p) for p in range(6)]
    for k in range(3000):
        data = bytearray(whole[k % 6])
        for at in random.integers(0, len(data), 1 + k % 3):
            data[at] = random.integers(256)
        with contextlib.suppress(pickled.Refused):
            pickled.load(bytes(data[: random.integers(len(data))] if k % 4 == 0 else data))
