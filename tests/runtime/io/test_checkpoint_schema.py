"""Checkpoints and weights with a right checksum and wrong facts: each is refused by name, and nothing of the net changes."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import netspec
from checkpoints import forged, held
from netspec import NetspecError
from netspec.interchange.weights.source import widened
from netspec.runtime.io.checkpoint import OtherNetWarning, ResumeWarning
from netspec.runtime.io.facts import FIELDS
from netspec.runtime.standalone.held import read_arrays
from where import REFERENCES

TEXT = "net a:\n  input 4x3x3\n  conv 3 3x3 bn relu\n  fc 2\n\ntrain a:\n  loss cross_entropy\n  adam lr=0.1\n"


def made(text: str = TEXT, steps: int = 2, **options: Any) -> netspec.Network:
    net = netspec.compile(text=text, device="reference", **options)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        net.train_step(rng.standard_normal((5, 4, 3, 3)), np.arange(5) % 2)
    return net


def state(net: netspec.Network) -> dict[str, Any]:
    """All that a checkpoint holds, as it is in the net."""
    slots = {f"{s}/{p.name}": net.state.store.get_state(s, p.name) for s in net.state.optimiser.slots
             for p in net.graph.parameters if p.trainable}
    numbers = {"n": [net.seed, net.step, net.epoch, net.state.optimiser.updates, net.state.optimiser.name,
                     net.state.optimiser.slots, list(net.record), net.state.average.taken, net.state.course.ends,
                     net.state.course.pace]}
    return {**net.parameters, **net.buffers, **slots, **net.averages, **numbers}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) if isinstance(a[k], np.ndarray) else a[k] == b[k] for k in a)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors and the facts of a good checkpoint."""
    path = tmp_path_factory.mktemp("good") / "c"
    made().save(str(path))
    return held(path)


def refused(net: netspec.Network, path: Path) -> str:
    before = state(net)
    with pytest.raises(NetspecError) as e:
        net.load(str(path))
    assert same(state(net), before), "half-loaded"
    return str(e.value)


WRONG: list[Any] = [None, True, 1, -1, 1.5, float("nan"), 1 << 60, "", "x", [], [1], ["a", "a"], ["../x"], [{"loss": "x"}], {},
                    {"x": 1}, {"scale": "x"}, {"iterations": -1}, [[[[]]]]]


def test_every_field_by_its_kind_and_range(tmp_path: Path, written: tuple[dict[str, Any], dict[str, Any]]) -> None:
    tensors, facts = written
    net, path = made(steps=1, seed=3), tmp_path / "c"
    assert set(facts) <= {*FIELDS, "schema", "sha256"}
    for name, field in FIELDS.items():
        if field.absent is ...:
            forged(path, tensors, {k: v for k, v in facts.items() if k != name})
            assert f"`{name}` is missing" in refused(net, path)
        for value in WRONG:
            if not field.right(value):
                forged(path, tensors, facts | {name: value})
                assert f"`{name}`" in refused(net, path)
    for slots in (["mean"], [], ["mean", "square", "third"]):
        forged(path, tensors, facts | {"slots": slots})
        refused(net, path)
    forged(path, tensors, {k: v for k, v in facts.items() if k not in ("horizon", "pace", "averaged", "instructions")}
           | {"of a later version": [1]})
    net.load(str(path))  # what older ones did not write has a value
    assert same(state(net), state(made()))


def test_numbers_that_are_none_or_not_of_their_sort(tmp_path: Path, written: tuple[dict[str, Any], dict[str, Any]]) -> None:
    tensors, facts = written
    net, path = made(steps=1, seed=3, dtype="float32"), tmp_path / "c"
    some = {k: tensors[k] for k in ("conv1.weight", "conv1.bn.var", "optimiser/square/fc1.weight")}
    for name, good in some.items():
        for bad in (good.astype(bool), good.astype("u1"), good.astype("i1"), good.astype("c8"), good.astype("i8")):
            forged(path, tensors | {name: bad}, facts)
            assert name in refused(net, path)
        for value in (np.nan, np.inf, 1e300):
            wrong = good.astype("f8").copy()
            wrong.flat[0] = value
            forged(path, tensors | {name: wrong}, facts)
            assert name in refused(net, path)
        forged(path, tensors | {name: good[..., None]}, facts)
        assert name in refused(net, path)
        forged(path, {k: v for k, v in tensors.items() if k != name}, facts)
        assert name in refused(net, path)
    for name in ("conv1.bn.var", "optimiser/square/fc1.weight"):
        forged(path, tensors | {name: -np.abs(tensors[name]) - 1}, facts)
        assert "never negative" in refused(net, path)
    with pytest.raises(NetspecError, match="variance"):
        net.buffers["conv1.bn.var"] = np.array([1.0, -1.0, 1.0])
    forged(path, tensors | {"optimiser/moves": np.ones((2, 3)), "optimiser/changes": np.ones((2, 3))}, facts)
    assert "memory" in refused(net, path)


def header(path: Path, text: bytes, data: bytes = b"") -> None:
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_heads_that_contradict_themselves(tmp_path: Path, written: tuple[dict[str, Any], dict[str, Any]]) -> None:
    net, path = made(steps=1, seed=3), tmp_path / "c"
    one = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}%s}'
    heads = [b"{" + b'"a":{' * 200_000, b'{"a":' + b"[" * 200_000, b"{}",
             one % b',"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}',
             one % b',"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}',
             b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
             b'{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}',
             b'{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}',
             b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
             b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}',
             b'{"a":{"dtype":[],"shape":[1],"data_offsets":[0,4]}}',
             b'{"a":7}', b'{"__metadata__":7}', b'{"__metadata__":{"netspec":7}}', b'{"__metadata__":{"netspec":"{"}}',
             b'{"__metadata__":{"netspec":"[]"}}', b'{"__metadata__":{"netspec":"' + b"[" * 100_000 + b'"}}',
             b'{"__metadata__":{"netspec":"{\\"schema\\":\\"netspec.checkpoint/1\\",\\"seed\\":1,\\"seed\\":2}"}}',
             b'{"__metadata__":{"netspec":"{\\"schema\\":[[]]}"}}', b'{"\xff":1}', b"{" + b" " * 100]
    for head in heads:
        for data in (b"", bytes(4), bytes(6)):
            header(path, head, data)
            refused(net, path)
            with pytest.raises(NetspecError):
                netspec.compile(text=f'{TEXT}net b:\n  input 4x3x3\n  a weights="{path.name}"\n', net="b", device="reference")
    path.write_bytes(struct.pack("<Q", 1 << 62) + b"{")
    assert "cut short" in refused(net, path)


def test_a_file_that_was_turned_over_is_refused_or_means_the_same(tmp_path: Path) -> None:
    whole, other, path = made(), made(steps=1, seed=3), tmp_path / "c"
    whole.save(str(path))
    data, want, choose = path.read_bytes(), state(whole), random.Random(5)
    for _ in range(150):
        at = choose.randrange(len(data)) if choose.random() < 0.5 else choose.randrange(1500)
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << choose.randrange(8)]) + data[at + 1 :])
        before = state(other)
        try:
            other.load(str(path))
        except NetspecError:
            assert same(state(other), before)
        else:
            assert same(state(other), want)
            other = made(steps=1, seed=3)


def bits(a: Any) -> Any:
    """bfloat16 of numbers that have one: the upper half of float32."""
    return (np.asarray(a, "f4").view(np.uint32) >> 16).astype(np.uint16)


def test_half_precisions_are_read_exactly_and_others_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'net a:\n  input 3\n  p: part weights="w.safetensors"\nblock part:\n  fc 2\n'
    weight, bias = np.array([[1.5, -2.0, 3.140625], [2.0**-120, 0.0, 1e30]], "f4"), np.array([0.5, -65504.0], "f4")
    weight = widened(bits(weight))  # numbers that bfloat16 has
    body = {"BF16": (bits(weight), bits(bias)), "F16": (np.float16([[1.5, -2, 6e-8], [65504, 0, 1]]), bias.astype("f2")),
            "F64": (weight.astype("f8"), bias.astype("f8"))}
    for dtype in ("BF16", "F16", "F64", "BOOL", "U8", "I8", "I16", "I64", "F8_E4M3", "F8_E5M2", "C64", "F4", "X"):
        w, b = body.get(dtype, (weight, bias))
        if dtype in ("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"):
            w, b = (np.ones(x.shape, "u1") for x in (w, b))
        elif dtype not in body:
            w, b = (np.ones(x.shape, {"I16": "i2"}.get(dtype, "i8")) for x in (w, b))
        about = {"fc1.weight": {"dtype": dtype, "shape": [2, 3], "data_offsets": [0, w.nbytes]},
                 "fc1.bias": {"dtype": dtype, "shape": [2], "data_offsets": [w.nbytes, w.nbytes + b.nbytes]}}
        header(Path("w.safetensors"), json.dumps(about).encode(), w.tobytes() + b.tobytes())
        if dtype in body:
            net = netspec.compile(text=text, device="reference")
            want = weight if dtype != "F16" else w.astype("f4")
            assert np.array_equal(net.parameters["p.fc1.weight"], want)
            assert np.array_equal(np.float32(read_arrays(Path("w.safetensors"))["fc1.weight"]), want)  # as an emitted file does
        else:
            with pytest.raises(NetspecError, match=rf"holds {dtype}\b"):
                netspec.compile(text=text, device="reference")
    net = netspec.compile(text="net a:\n  input 3\n  fc 2\n", device="reference")
    net.set_parameters({"fc1.weight": np.float16(weight.clip(-9, 9))})
    assert np.array_equal(net.parameters["fc1.weight"], np.float16(weight.clip(-9, 9)).astype("f4"))
    for wrong in (np.ones((2, 3), bool), np.ones((2, 3), "u1"), np.ones((2, 3), "i1"), np.ones((2, 3), "c8")):
        with pytest.raises(NetspecError, match=str(wrong.dtype)):
            net.set_parameters({"fc1.weight": wrong})


def test_weights_of_a_spec_are_finite_and_no_variance_is_negative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'net a:\n  input 3\n  p: part weights="w.safetensors"\nblock part:\n  fc 2 bn\n'
    right = {"fc1.weight": np.ones((2, 3)), "fc1.bn.weight": np.ones(2), "fc1.bn.bias": np.ones(2), "fc1.bn.mean": np.ones(2),
             "fc1.bn.var": np.ones(2)}
    for name, wrong, dtype, said in (("fc1.weight", np.nan, "f4", "not finite"), ("fc1.bn.mean", -np.inf, "f8", "not finite"),
                                     ("fc1.bn.bias", np.inf, "f2", "not finite"),
                                     ("fc1.weight", 1e300, "f8", "not finite in float32"), ("fc1.bn.var", -1, "f4", "negative"),
                                     ("fc1.bn.var", np.nan, "f4", "NaN"), ("fc1.bn.var", np.inf, "f4", "not finite")):
        value = right[name].copy()
        value.flat[1] = wrong
        save_file({k: np.float32(v) for k, v in right.items()} | {name: value.astype(dtype)}, "w.safetensors")
        with pytest.raises(NetspecError, match=said) as e:
            netspec.compile(text=text, device="cpu")
        assert "w.safetensors" in str(e.value) and name in str(e.value)
        if wrong == 1e300:
            assert netspec.compile(text=text, device="reference").parameters["p.fc1.weight"].max() == 1e300  # which float64 holds


@pytest.mark.torch
def test_half_precisions_as_pytorch_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    for dtype in (torch.bfloat16, torch.float16):
        w = torch.randn(2, 3).to(dtype)
        save_file({"fc1.weight": w, "fc1.bias": torch.zeros(2, dtype=dtype)}, "w.safetensors")
        net = netspec.compile(text='net a:\n  input 3\n  p: part weights="w.safetensors"\nblock part:\n  fc 2\n',
                              device="reference")
        assert np.array_equal(net.parameters["p.fc1.weight"], w.float().numpy())


def test_files_of_other_kinds_are_called_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net = made(steps=0)
    for content, kind, weights in ((b"PK\x03\x04" + bytes(40), "PyTorch", "archive is damaged"),
                                   (b"\x80\x02" + bytes(40), "pickle", "nothing in it was run"),
                                   (b"\x89HDF\r\n" + bytes(40), "HDF5", "h5py|HDF5"),
                                   (b"\x93NUMPY" + bytes(40), "NumPy", "NumPy")):
        Path("x.pth").write_bytes(content)
        assert kind in refused(net, Path("x.pth"))
        with pytest.raises(NetspecError, match=weights):
            netspec.compile(text=f'{TEXT}net b:\n  input 4x3x3\n  a weights="x.pth"\n', net="b", device="reference")
        with pytest.raises(ValueError, match=r"x\.pth is no safetensors file, or a damaged one"):
            read_arrays(Path("x.pth"))  # as an emitted file does
    for content in (b"", bytes(8), (4000).to_bytes(8, "little") + b"[" * 4000, b"\x02" + bytes(7) + b"[]",
                    b"\x0a" + bytes(7) + b'{"a": "b"}'):
        Path("x.safetensors").write_bytes(content)
        with pytest.raises(ValueError, match="no safetensors file, or a damaged one"):
            read_arrays(Path("x.safetensors"))


def test_a_mismatch_names_the_true_difference(tmp_path: Path) -> None:
    path = tmp_path / "c"
    made().save(str(path))
    made().save(str(path))
    said = refused(made(TEXT.replace("conv 3", "conv 5"), steps=0), path)
    assert "conv1.weight: 3x4x3x3 in the file, 5x4x3x3 here" in said and "written by net" not in said
    assert "written by net a; this is b" in refused(made(TEXT.replace("conv 3",
                                                                      "conv 5").replace("net a",
                                                                                        "net b").replace("train a", "train b"),
                                                                                        steps=0), path)


def test_frozen_and_trained_forms_load_each_others_weights(tmp_path: Path) -> None:
    """Numbers and how far it is are taken, averages of none; what the optimiser keeps fits no other parameters."""
    text = TEXT + "  average 0.9\n"
    forms = [text, text.replace("  fc 2", "  frozen: fc 2"), text.replace("  conv", "  frozen: conv")]
    for a in forms:
        net = made(a)
        net.save(str(tmp_path / "c"))
        for b in forms:
            other = made(b, steps=1)
            if a == b:
                assert same(state(other.load(str(tmp_path / "c"))), state(net))
                continue
            with pytest.warns(ResumeWarning, match="adam"):
                other.load(str(tmp_path / "c"))
            assert same({**other.parameters, **other.buffers}, {**net.parameters, **net.buffers})
            assert (other.step, other.state.optimiser.updates, other.state.average.taken) == (net.step, 0, 0)
            assert other.train_step(np.ones((2, 4, 3, 3)), np.arange(2)) > 0
    trunk = made(TEXT.replace("fc 2", "fc 5"), steps=0).load(str(tmp_path / "c"), strict=False)
    assert np.array_equal(trunk.parameters["conv1.weight"], net.parameters["conv1.weight"]) and "fc1  <- nothing" in trunk.taken


KILLED = """
import os, signal, sys
import netspec
from netspec.runtime.io import checkpoint
net = netspec.compile(text="net a:\\n  input 4\\n  fc 2\\n", device="reference")
os.fsync = lambda f: os.kill(os.getpid(), signal.SIGKILL)  # in the middle of the save
net.save(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no locks of this kind")
def test_what_a_killed_save_left_is_swept_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    others = [tmp_path / ".w.safetensors.mine", tmp_path / ".x.safetensors.abcdefgh.part", tmp_path / "w.safetensors.part"]
    for p in others:
        p.write_text("not a part of that file")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL
    left = set(tmp_path.iterdir()) - set(others)
    assert len(left) == 2 and not path.exists()
    held = os.open(tmp_path / ".w.safetensors.alive123.part", os.O_RDWR | os.O_CREAT)
    import fcntl

    fcntl.flock(held, fcntl.LOCK_EX)  # somebody is still writing
    made(steps=0).save(str(path))
    assert set(tmp_path.iterdir()) == {*others, path, tmp_path / ".w.safetensors.alive123.part"}
    os.close(held)
    made(steps=0).save(str(path))
    assert set(tmp_path.iterdir()) == {*others, path}


def old_checkpoint() -> bytes:
    """As netspec 0.1.0 wrote one before checkpoints had a horizon: after two steps of `made`."""
    return (REFERENCES / "checkpoint_0_1_0.safetensors").read_bytes()


def test_what_is_no_file_is_not_written_over(tmp_path: Path) -> None:
    net = made()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    for name, what in (("pipe", "a pipe"), ("folder", "a folder"), ("link", "a pipe")):
        before = os.lstat(tmp_path / name)
        for write in (lambda name=name: net.save(tmp_path / name),
                      lambda name=name: net.fit(np.zeros((4, 4, 3, 3)), np.zeros(4, int), epochs=1, verbose=0,
                                                checkpoint=tmp_path / name)):
            with pytest.raises(NetspecError, match=f"cannot be written: it is {what}, not a file"):
                write()
        assert (os.lstat(tmp_path / name).st_ino, os.lstat(tmp_path / name).st_mode) == (before.st_ino, before.st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "link", "pipe"]
    (tmp_path / "link").unlink()
    net.save(tmp_path / "link")
    assert (tmp_path / "link").is_file()


def test_an_older_checkpoint_is_read(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(old_checkpoint())
    net = netspec.compile(text=TEXT, device="reference", seed=9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResumeWarning)  # of other versions, on another machine
        net.load(str(tmp_path / "c"))
    assert (net.seed, net.step, net.state.optimiser.updates, net.epoch) == (0, 2, 2, 0)
    for k, v in made(TEXT.replace("fc 2", "fc 2 init=he")).parameters.items():
        np.testing.assert_allclose(net.parameters[k], v, rtol=1e-5, atol=1e-6)




def test_a_checkpoint_of_another_net_that_fits_is_remarked_on(tmp_path: Path) -> None:
    text = "net {}:\n  input 4\n  fc 2\n"
    one, same, other = (netspec.compile(text=text.format(name), device="reference", seed=k)
                        for k, name in enumerate(("one", "one", "other")))
    one.save(tmp_path / "c")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same.load(tmp_path / "c")
    with pytest.warns(OtherNetWarning, match="was written by net one, and this is net other"):
        other.load(tmp_path / "c")
    for net in (same, other):
        np.testing.assert_array_equal(net.parameters["fc1.weight"], one.parameters["fc1.weight"])
