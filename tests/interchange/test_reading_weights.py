"""Weights files of every kind are read exactly, and nothing that stands in one is run."""

from __future__ import annotations

import io
import itertools
import json
import os
import pickle
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

import netspec
from netspec.interchange.weights.opening import read
from netspec.interchange.weights.pytorch import PyTorch
from netspec.interchange.weights.source import Damaged, Foreign, Unusable
from pytorch_files import Orders, View, archive, lay, row, tensor

RANDOM = np.random.default_rng(0)
W, B = RANDOM.standard_normal((3, 2, 2, 2)).astype("f4"), RANDOM.standard_normal(3)
FORMS = {"archive": archive, "row": row}


def same(found: Any, wanted: dict[str, Any]) -> bool:
    return list(found) == list(wanted) and all(np.array_equal(found[k], v) and found[k].shape == np.shape(v) for k,
                                               v in wanted.items())


@pytest.mark.parametrize("form", FORMS)
def test_a_state_dict_is_read_exactly(form: str, tmp_path: Path) -> None:
    """Every dtype, steps of every sort, storages that are shared."""
    shared = np.arange(24, dtype="f4")
    half, brain = B.astype("f2"), np.array([0x3FC0, 0xC000], "u2")
    held = {"a.weight": tensor(W), "a.bias": tensor(B), "h": tensor(half), "b": tensor(brain),
            "turned": View(shared, 1, (3, 4), (2, 5)), "row": View(shared, 8, (4,), (1,), parameter=True),
            "wide": View(shared, 3, (2, 3), (0, 1)), "none": tensor(np.zeros((0, 3), "f4")),
            "one": View(shared, 23, (), ())}
    found = read(lay(FORMS[form](held), tmp_path / "m.pth"))
    turned = np.array([[1 + 2 * i + 5 * j for j in range(4)] for i in range(3)], "f4")
    wanted = {"a.weight": W, "a.bias": B, "h": half.astype("f4"), "b": np.array([1.5, -2], "f4"), "turned": turned,
              "row": shared[8:12], "wide": np.array([shared[3:6]] * 2), "none": np.zeros((0, 3), "f4"), "one": shared[23]}
    assert same(found, wanted)
    assert {k: str(found[k].dtype) for k in ("a.weight", "a.bias", "h", "b")} == {
        "a.weight": "float32", "a.bias": "float64", "h": "float32", "b": "float32"}


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_found_among_what_else_was_saved(form: str, tmp_path: Path) -> None:
    state = {"w": tensor(W), "n": tensor(np.array([3], "i8"))}
    of = Orders(b"cargparse\nNamespace\n)\x81}X\x02\x00\x00\x00lrG?\xb9\x99\x99\x99\x99\x99\x9asb")
    module = Orders(b"cmy.nets\nNet\n)\x81")
    moments = {"state": {0: {"exp_avg": tensor(W)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    for whole, left in (({"epoch": 3, "state_dict": state, "optimizer": moments, "args": of}, ("epoch", "optimizer", "args")),
                        ({"model": {"state_dict": state}, "best": 0.5}, ("best",)),
                        ({"model": state, "best_score": {"w": 1}, "config": module}, ("best_score", "config")),
                        ({"w": tensor(W), "n": tensor(np.array([3], "i8")), "optimizer": moments, "loss_fn": module},
                         ("optimizer", "loss_fn"))):
        found = read(lay(FORMS[form](whole), tmp_path / "m.pt"))
        assert list(found) == ["w", "n"] and np.array_equal(found["w"], W) and found.left == left
        with pytest.raises(Unusable, match="n holds I64"):
            found["n"]
    both = read(lay(FORMS[form]({"encoder": state, "decoder": state, "optim": moments}), tmp_path / "m.pt"))
    assert list(both) == ["encoder.w", "encoder.n", "decoder.w", "decoder.n"]


def test_of_two_copies_of_a_model_one_is_said(tmp_path: Path) -> None:
    """What was trained and its average: neither is taken unasked."""
    state = {"w": tensor(W), "b": tensor(B)}
    average = {"decay": 0.99, "module": {"module.w": tensor(W + 1), "module.b": tensor(B)}}
    path = lay(archive({"state_dict": state, "ema": average, "optimizer": {"state": {0: {"exp_avg": tensor(W)}}}}), tmp_path / "m.pth")
    with pytest.raises(Damaged, match="as state_dict and as ema"):
        read(path)
    assert np.array_equal(read(path, "state_dict")["w"], W)
    assert np.array_equal(read(path, "ema.module")["module.w"], W + 1)
    with pytest.raises(Foreign, match="those with tensors are state_dict, ema, optimizer"):
        read(path, "average")
    net = netspec.compile(text="net a:\n  input 2x2x2\n  fc 3\n", device="reference")
    both = {k: {"f.weight": tensor(w), "f.bias": tensor(B)} for k, w in (("model", W), ("model_ema", W + 1))}
    kept = lay(archive(both), tmp_path / "n.pth")
    with pytest.raises(netspec.NetspecError, match="does not say which") as e:
        net.load_weights(str(kept))
    assert "--part model_ema" in str(e.value)
    assert np.array_equal(net.load_weights(str(kept), part="model_ema").parameters["fc1.weight"], (W + 1).reshape(3, 8))


CALLS = {"os.system": b"cposix\nsystem\nX\x07\x00\x00\x00touch x\x85R", "eval": b"c__builtin__\neval\nX\x01\x00\x00\x001\x85R",
         "a class of Python's": b"csubprocess\nPopen\n](X\x01\x00\x00\x00xe\x85R",
         "a result": b"cos\nsystem\nX\x01\x00\x00\x00x\x85R)R",
         "of anybody": b"cmy.nets\nload\n)R", "below torch": b"ctorch.hub\nload\n)R",
         "through a module": b"X\x05\x00\x00\x00torchX\x09\x00\x00\x00os.system\x93)R",
         "code": b"ctypes\nCodeType\n)R",
         "a tensor's own": b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\ncx\nY\nX\x01\x00\x00\x00x\x85}tR)R",
         "old ways": b"(X\x01\x00\x00\x00xios\nsystem\n",
         "or older": b"(cos\nsystem\nX\x01\x00\x00\x00xo", "by name": b"cos\nsystem\n)}\x92",
         "what a library hides": b"cnumpy.testing._private.utils\nrunstring\n)R"}


@pytest.mark.parametrize(("form", "what"), list(itertools.product(FORMS, CALLS)))
def test_nothing_is_run(form: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stands: in place of a weight, beside the weights, inside what is let be."""
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("it was run"))
    call = Orders(CALLS[what])
    for whole in ({"w": tensor(W), "x": call}, {"state_dict": {"w": tensor(W)}, "args": call}, call,
                  {"w": tensor(W), "x": Orders(b"cmy\nNet\n)\x81" + call + b"b")}):
        with pytest.raises(Damaged, match="nothing in it was run"):
            read(lay(FORMS[form](whole), tmp_path / "m.pth"))


def test_a_module_that_was_saved_whole_gives_its_weights(tmp_path: Path) -> None:
    """Its class is never looked for."""
    conv = Orders(b"cmy.nets\nConv\n)\x81")

    def with_state(of: Orders, state: Any) -> Any:
        from pytorch_files import Pickled

        class Both(Pickled):
            def orders(self, v: Any) -> bytes:
                return bytes(of) + super().orders(v[0]) + b"b" if isinstance(v, Inside) else super().orders(v)

        return Both(Inside([state]))

    class Inside(list[Any]):
        pass

    made = with_state(conv, {"training": False, "_parameters": {"w": tensor(W), "bias": None}, "_buffers": {"m": tensor(B)},
                             "_modules": {}})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in {"x/data.pkl": made.data, "x/data/0": W.tobytes(), "x/data/1": B.tobytes()}.items():
            z.writestr(name, data)
    assert same(read(lay(out.getvalue(), tmp_path / "m.pt")), {"w": W, "m": B})


def test_views_that_leave_their_storage_are_refused(tmp_path: Path) -> None:
    numbers = np.zeros(8, "f4")
    for bad in (View(numbers, 5, (2, 2), (2, 1)), View(numbers, -1, (1,), (1,)), View(numbers, 0, (2,), (-1,)), View(numbers, 0,
                                                                                                                     (2,), (8,)),
                View(numbers, 0, (1 << 40, 1 << 40), (0, 0)), View(numbers, 0, (2,), (1 << 62,)), View(numbers, 0, (2, 2), (1,)),
                View(numbers, 0, (1,) * 99, (1,) * 99), View(numbers, 0, (-1,), (1,)), View(numbers, 9, (1,),
                                                                                            (1,)), View(numbers, 0, ("a",),
                                                                                                        (1,))):
        for form in FORMS.values():
            with pytest.raises(Damaged):
                read(lay(form({"w": bad}), tmp_path / "m.pth"))
    claims = View(numbers, 0, (8,), (1,))
    for wrong in ({"data_0": b"abc"}, {"byteorder": b"big"}):
        with pytest.raises(Damaged):
            read(lay(archive({"w": claims}, **wrong), tmp_path / "m.pth"))["w"]
    many = read(lay(archive({"w": View(numbers, 0, (1 << 20, 1 << 20), (0, 0))}), tmp_path / "m.pth"))
    assert many.about["w"].shape == (1 << 20, 1 << 20)  # which no net has: it is never made


def test_bombs_are_harmless(tmp_path: Path) -> None:
    """Lists of lists of one list, deep tuples as keys, texts made again and again, packed parts, keys of one hash."""
    nested = b"]q\x00" + b"".join(b"0](" + b"h\x00" * 9 + b"eq\x00" for _ in range(60))
    found = read(lay(archive({"w": tensor(W), "x": Orders(nested)}), tmp_path / "m.pth"))
    assert list(found) == ["w"]
    deep = Orders(b"}" + b")" + b"\x85" * 200_000 + b"Ns")
    text = Orders(b"](X\x00\x00\x01\x00" + b"a" * 65536 + b"q\x00X\x06\x00\x00\x00latin1q\x010"
                  + b"c_codecs\nencode\nh\x00h\x01\x86R" * 200 + b"e")
    clash = Orders(b"}(" + b"".join(b"\x8a\x10" + (k * ((1 << 61) - 1)).to_bytes(16, "little") + b"N" for k in range(1,
                                                                                                                     50)) + b"u")
    for bad in (deep, text, clash):
        with pytest.raises(Damaged):
            read(lay(row({"w": tensor(W), "x": bad}), tmp_path / "m.pth"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("m/data.pkl", b"\x80\x02}." + b"\0" * 10_000_000)
    with pytest.raises(Damaged, match="packed"):
        read(lay(out.getvalue(), tmp_path / "m.pth"))


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_weights_in_several_files(kind: str, tmp_path: Path) -> None:
    """The index names them; the model's order is that of the files. What they hold is read as if each stood alone."""
    names = [f"model-0000{k}-of-00002.{kind}" for k in (1, 2)]
    halves = {"z.weight": W, "z.bias": np.float32(B)}, {"a.weight": W + 1}

    def lay_all(folder: Path, **others: str) -> Path:
        folder.mkdir(exist_ok=True)
        for name, half in zip(names, halves):
            lay(save(half) if kind == "safetensors" else archive({k: tensor(v) for k, v in half.items()}), folder / name)
        held = {k: name for name, half in zip(names, halves) for k in half} | others
        return lay(json.dumps({"metadata": {"total_size": 1}, "weight_map": dict(sorted(held.items()))}).encode(),
                   folder / f"model.{kind}.index.json")

    index = lay_all(tmp_path / "one")
    found = read(index)
    wanted = {"z.weight": W, "z.bias": np.float32(B), "a.weight": W + 1}
    assert same({k: found[k] for k in sorted(found)}, dict(sorted(wanted.items()))) and found.ordered == (kind == "bin")
    assert list(found)[-1] == "a.weight"
    cache = tmp_path / "cache"  # as Hugging Face keeps it: links to files called by their sums
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots").mkdir()
    for k, name in enumerate((*names, index.name)):
        (tmp_path / "one" / name).rename(cache / "blobs" / str(k))
        (cache / "snapshots" / name).symlink_to(cache / "blobs" / str(k))
    assert len(read(cache / "snapshots" / index.name)) == 3
    none = "there is none of the name"
    for others, said in (({"b.weight": names[0]}, none), ({"z.weight": names[1]}, none),
                         ({"b": "../one/x.bin"}, "not beside it"), ({"b": "/etc/passwd"}, "not beside it"),
                         ({"b": ".."}, "beside|folder"),
                         ({"b": "x\0"}, "not a path"), ({"b": "none.bin"}, "No such file"), ({"b": "model.bin.index.json"}, "."),
                         ({"b": "model.safetensors.index.json"}, "no safetensors|No such file")):
        with pytest.raises((Foreign, Damaged, OSError), match=said):
            read(lay_all(tmp_path / "two", **others))
    outside = lay_all(tmp_path / "three", b="link.bin")
    (tmp_path / "three/link.bin").symlink_to(cache / "blobs/0")
    with pytest.raises(Damaged, match="not beside it"):
        read(outside)
    evil = lay_all(tmp_path / "four", b="evil.bin")
    lay(archive({"b": Orders(CALLS["os.system"])}), tmp_path / "four/evil.bin")
    with pytest.raises(Damaged, match="nothing in it was run"):
        read(evil)
    for text in ("{}", '{"weight_map": {}}', '{"weight_map": []}', '{"weight_map": {"a": 3}}', '{"a": 1, "a": 2}', "{" * 5000, '{"x'):
        with pytest.raises((Foreign, Damaged)):
            read(lay(text.encode(), tmp_path / "i.json"))
    if kind == "safetensors":
        with pytest.raises(netspec.NetspecError, match=r"hint: .*model\.safetensors\.index\.json"):
            netspec.compile(text="net a:\n  input 2\n  fc 2\n", device="reference").load_weights(str(tmp_path / "two"))


def test_two_copies_of_a_model_in_one_dict(tmp_path: Path) -> None:
    """`model.` and `model_ema.` before the same names: which is meant is asked, and `part` says it, here and below a key."""
    names = {"conv.weight": W, "conv.bias": B, "fc.weight": W + 1, "fc.bias": B + 1}
    for copy in ("model_ema.", "ema_model.module.", "teacher.", "swa_net.", "ema."):
        both = {f"{before}{k}": tensor(v + (before != "model.")) for before in ("model.", copy) for k, v in names.items()}
        for whole, above in ((both, ""), ({"epoch": 1, "state_dict": both}, "state_dict.")):
            file = lay(archive(whole), tmp_path / "m.pth")
            with pytest.raises(Damaged, match=r"as .*model and as") as e:
                read(file)
            meant = [above + "model", above + copy.partition(".")[0]]
            assert e.value.parts == meant  # type: ignore[attr-defined]
            assert same(read(file, meant[0]), names)
            assert all(np.array_equal(a, v + 1) for a, v in zip(read(file, meant[1]).values(), names.values()))
    inside = {f"module.{before}.{k}": tensor(v) for before in ("net", "net_ema") for k, v in names.items()}
    with pytest.raises(Damaged, match=r"as module\.net and as module\.net_ema"):
        read(lay(archive(inside), tmp_path / "m.pth"))
    with pytest.raises(Foreign, match="no part 'nothing'; those with tensors are module"):
        read(tmp_path / "m.pth", "nothing")
    alone = {f"{before}{k}": tensor(v) for before in ("left.", "right.") for k, v in names.items()}
    assert len(read(lay(archive(alone), tmp_path / "m.pth"))) == 8  # two branches of one model
    twice = {"model": {"state_dict": {"w": tensor(W)}, "state_dict_ema": {"w": tensor(W + 1)}}}
    with pytest.raises(Damaged, match=r"model\.state_dict and as model\.state_dict_ema"):
        read(lay(archive(twice), tmp_path / "m.pth"))


@pytest.mark.parametrize("kind", ["safetensors", "npz", "shards"])
def test_two_copies_of_a_model_in_a_file_of_names_alone(kind: str, tmp_path: Path) -> None:
    """The same is asked of every format, and `part` is for all of them."""
    names = {"conv.weight": W.reshape(3, 2, 2, 2), "conv.bias": B, "fc.weight": np.ones((2, 3)), "fc.bias": B[:2]}

    def kept(tensors: dict[str, np.ndarray]) -> Path:
        path = tmp_path / f"m.{kind}"
        if kind == "npz":
            np.savez(path, **tensors)
        elif kind == "safetensors":
            path.write_bytes(save(tensors))
        else:  # either copy in both files
            files = {n: f"{k % 2}.safetensors" for k, n in enumerate(tensors)}
            for file in set(files.values()):
                (tmp_path / file).write_bytes(save({n: tensors[n] for n in tensors if files[n] == file}))
            path.write_text(json.dumps({"weight_map": files}))
        return path

    for copy in ("model_ema", "ema_model.module", "teacher"):
        path = kept({f"{before}.{k}": v + (before != "model") for before in ("model", copy) for k, v in names.items()})
        with pytest.raises(Damaged, match="as model and as "):
            read(path)
        for part, more in (("model", 0), (copy, 1)):
            assert same(dict(sorted(read(path, part).items())), {k: v + more for k, v in sorted(names.items())})
        with pytest.raises(Foreign, match=r"no part 'ema'; those with tensors are (ema_)?model, "):
            read(path, "ema")
    net = netspec.compile(text="net a:\n  input 2x2x2\n  conv 3 2x2 valid\n  fc 2\n", device="reference")
    path = kept({f"{before}.{k}": v + (before != "model") for before in ("model", "model_ema") for k, v in names.items()})
    with pytest.raises(netspec.NetspecError, match="--part model_ema"):
        net.load_weights(str(path))
    net.load_weights(str(path), part="model_ema")
    assert np.array_equal(net.parameters["fc1.bias"], B[:2] + 1)
    branches = kept({f"{before}.{k}": v for before in ("left", "right") for k, v in names.items()})
    assert len(read(branches)) == 8


def test_a_net_of_ours_is_one_whatever_its_layers_are_called(tmp_path: Path) -> None:
    text = "net a:\n  input 3\n  trunk: fc 3\n  teacher: fc 3\n"
    net = netspec.compile(text=text, device="reference", seed=1)
    net.save(str(tmp_path / "own.safetensors"))
    again = netspec.compile(text=text, device="reference", seed=2).load_weights(str(tmp_path / "own.safetensors"))
    assert np.array_equal(again.parameters["teacher.weight"], net.parameters["teacher.weight"])


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    rng = random.Random(0)
    whole = [form({"a": tensor(W), "o": {"b": tensor(B), 1: (2, [None])}}) for form in FORMS.values()]
    for k in range(400):
        data = bytearray(whole[k % 2])
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path = lay(bytes(data[: rng.randrange(len(data))] if k % 4 < 2 else data), tmp_path / "m.pth")
        try:
            source = read(path)
            for name in source:
                source[name]
        except (Damaged, Foreign, Unusable):
            pass


def test_other_kinds_are_told_by_name(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a.txt", b"1")
    for data, said in ((b"", "empty"), (pickle.dumps({"a": 1}), "pickle"), (out.getvalue(), "zip archive"),
                       (b"hello, this is text", "no safetensors"),
                       (archive({"a": 1}), "no tensors")):
        with pytest.raises(Foreign, match=said):
            read(lay(data, tmp_path / "m"))


def test_archives_of_numpy(tmp_path: Path) -> None:
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "m.npz", w=W, b=np.asfortranarray(W[0]), big=B.astype(">f8"), h=B.astype("f2"), n=np.arange(3))
        found = read(tmp_path / "m.npz")
        assert list(found) == ["w", "b", "big", "h", "n"]
        assert np.array_equal(found["w"], W) and np.array_equal(found["b"], W[0]) and np.array_equal(found["big"], B)
        assert np.array_equal(found["h"], B.astype("f2"))
        with pytest.raises(Unusable):
            found["n"]
    np.savez(tmp_path / "m.npz", o=np.array([{}], object))
    with pytest.raises(Unusable, match="object"):
        read(tmp_path / "m.npz")["o"]


@pytest.mark.torch
def test_what_torch_saves(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.PReLU(),
                              torch.nn.Linear(5, 2).to(torch.bfloat16))
    state = net.state_dict()
    wanted = {k: v.float().numpy() for k, v in state.items() if v.is_floating_point()}
    optimiser = torch.optim.Adam(net.parameters())
    sum((p.float() ** 2).sum() for p in net.parameters()).backward()
    optimiser.step()
    wanted = {k: v.float().numpy() for k, v in net.state_dict().items() if v.is_floating_point()}
    turned = {"t": state["0.weight"].permute(1, 0, 3, 2)[:, 1:]}
    for whole in (net.state_dict(), {"state_dict": net.state_dict(), "optimizer": optimiser.state_dict(),
                                     "rng": torch.get_rng_state()},
                  net, {"model": net, "scaler": None}, dict(net.named_parameters()) | dict(net.named_buffers())):
        for zipped in (True, False):
            torch.save(whole, tmp_path / "m.pth", _use_new_zipfile_serialization=zipped)
            found = PyTorch(tmp_path / "m.pth")
            assert sorted(k for k in found if "num_batches" not in k) == sorted(wanted)
            assert all(np.array_equal(found[k], v) for k, v in wanted.items())
            torch.save(turned, tmp_path / "t.pth", _use_new_zipfile_serialization=zipped)
            assert np.array_equal(PyTorch(tmp_path / "t.pth")["t"], turned["t"].detach().numpy())


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # PyTorch means to part with TorchScript; people's files stay
def test_what_torchscript_saves(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=(1, 2)), torch.nn.BatchNorm2d(4), torch.nn.PReLU()).eval()
    wanted = {k: v.numpy() for k, v in net.state_dict().items() if v.is_floating_point()}
    for script in (torch.jit.script(net), torch.jit.trace(net, torch.rand(1, 3, 5, 5))):
        script.save(str(tmp_path / "m.pt"))
        found = PyTorch(tmp_path / "m.pt")
        assert sorted(k for k in found if "num_batches" not in k) == sorted(wanted)
        assert all(np.array_equal(found[k], v) for k, v in wanted.items())


@pytest.mark.torch
def test_where_weights_are_no_tensors_by_name(tmp_path: Path) -> None:
    """A program with its weights inside says so, and what to save instead."""
    torch = pytest.importorskip("torch")
    x, path = torch.zeros(1, 2, 4, 4), tmp_path / "m.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.freeze(torch.jit.script(torch.nn.Conv2d(2, 3, 2).eval())).save(str(path))
        torch.export.save(torch.export.export(torch.nn.Conv2d(2, 3, 2), (x,)), str(tmp_path / "m.pt2"))
    for file, said in ((path, r"before torch\.jit\.freeze"), (tmp_path / "m.pt2", r"a program of torch\.export")):
        with pytest.raises(Foreign, match=said):
            read(file)
