"""The command line of a file that stands alone: `python digits.py cat.jpg` says what `netspec predict` says of it.

Pictures are read with Pillow, which nothing else needs; arrays (.npy, .npz) with NumPy.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..asking.answer import Reading, answers
from ..measuring.probabilities import sigmoid, softmax
from .network import Array, Standalone

MAKE: dict[str, Any] = {"softmax": softmax, "sigmoid": sigmoid, "exp": np.exp}
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


@dataclass(frozen=True)
class Asked:
    """How answers are read: what makes probabilities of which output, which output answers, and what a picture is brought to."""

    output: str
    reading: Reading
    probabilities: Mapping[str, str]
    canvas: tuple[int, tuple[int, int], str] | None = None  # channels, (height, width), how

    def outputs(self, net: Standalone, inputs: Any) -> dict[str, Array]:
        """Every output by name, with probabilities where netspec predicts some."""
        found = net.predict(inputs)
        named = found if isinstance(found, dict) else {next(iter(net.entries["predict"].outputs)): found}
        return {k: MAKE[self.probabilities[k]](v.astype(np.float64)) if k in self.probabilities else v for k, v in named.items()}


def main(network: type[Standalone], asked: Asked, about: str) -> None:
    """`python FILE.py`: random images, and how long they take; `python FILE.py PICTURE...`: what is on them."""
    c = ArgumentParser(description=about, epilog="without files it tries random images, and says how long they take")
    c.add_argument("files", nargs="*", metavar="FILE", help="pictures and folders of them (read with Pillow), or .npy and .npz files of arrays")
    c.add_argument("--top", type=int, default=5, metavar="K", help="how many classes of each, the likeliest first (default 5)")
    c.add_argument("--weights", metavar="FILE", help=".npz or .safetensors of netspec: other weights")
    c.add_argument("-o", "--output", metavar="FILE.npz", help="all outputs as arrays")
    args = c.parse_args()
    try:
        net = network(weights=args.weights is None)
        if args.weights is not None:
            net.load(args.weights)
        if not args.files:
            demonstrate(net)
            return
        _answer(net, asked, args.files, max(1, args.top), args.output)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as e:
        sys.exit(f"error: {e}")


def _answer(net: Standalone, asked: Asked, files: list[str], top: int, output: str | None) -> None:
    names, kept, wrong = list[str](), list[dict[str, Array]](), list[str]()
    found = _listed(files, wrong)
    width = min(60, max(map(len, found), default=0))
    for name, inputs in _examples(net, asked, found, wrong):
        out = asked.outputs(net, inputs)
        for a in answers(asked.reading, name, out[asked.output], top):
            print(f"{a.file:<{width}}  {a}", flush=True)
        names += name
        kept += [out]
    if output is not None and kept:
        arrays: dict[str, Any] = {k: np.concatenate([o[k] for o in kept]) for k in kept[0]}
        np.savez(output, files=np.array(names), **arrays)
    if wrong:
        sys.exit("\n".join(f"error: {w}" for w in wrong))


def _listed(paths: list[str], wrong: list[str]) -> list[str]:
    """The files that are meant, those of folders in order. What is wrong is said when the others are answered."""
    found: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        _pillow()
        from ...datasets.parts.pixels import inside

        there = inside(path)
        found += there
        wrong += [] if there else [f"the folder {path} holds no pictures"]
    return found


def _examples(net: Standalone, asked: Asked, files: list[str],
              wrong: list[str]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """The examples of each file that can be read, with what they are called."""
    for file in files:
        try:
            if file.lower().endswith((".npy", ".npz")):
                yield _arrays(net, file)
            else:
                yield [file], {next(iter(net.inputs)): _picture(asked, file)[None]}
        except (OSError, ValueError) as e:
            wrong.append(str(e))


def _arrays(net: Standalone, file: str) -> tuple[list[str], dict[str, Any]]:
    loaded = np.load(file)
    held = {"x": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    if set(net.inputs) <= set(held):
        found = {k: held[k] for k in net.inputs}
    elif len(net.inputs) == 1 and ("x" in held or len(held) == 1):
        found = {next(iter(net.inputs)): held["x"] if "x" in held else next(iter(held.values()))}
    else:
        raise ValueError(f"{file} holds {', '.join(held) or 'nothing'}, and the inputs are {', '.join(net.inputs)}")
    if all(found[k].ndim == len(shape) for k, shape in net.inputs.items()):  # one example alone
        return [file], {k: v[None] for k, v in found.items()}
    many = net._samples(net._inputs(found))
    return [f"{file}[{k}]" for k in range(many)], found


def _picture(asked: Asked, file: str) -> Array:
    """A picture in [0, 1], as netspec brings it to the input."""
    if asked.canvas is None:
        raise ValueError("this network does not take pictures: give it arrays, .npy or .npz")
    Image = _pillow()
    from ...datasets.parts.pixels import pixels

    channels, size, resize = asked.canvas
    if not Path(file).is_file():
        raise FileNotFoundError(f"there is no picture {file}")
    try:
        with Image.open(file, formats=FORMATS) as image:
            a = pixels(image, channels, size, resize)
    except Exception as e:  # each format raises other kinds for a damaged file
        raise ValueError(f"{file} cannot be read as a picture: {e}") from None
    return a.astype(np.float32) / np.float32(255) if a.dtype == np.uint8 else a


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("pictures are read with Pillow, which is not installed: pip install pillow") from None
    return Image


def demonstrate(net: Standalone, batch: int = 16) -> None:
    """Predict random images, and say how long that takes."""
    random = np.random.default_rng(0)
    x = {name: random.standard_normal((batch * net.images.get(name, 1), *shape), np.float32)
         for name, shape in net.inputs.items()}
    begun = time.perf_counter()
    out = net.predict(x)
    compiled = time.perf_counter() - begun
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        net.predict(x)
        times.append(time.perf_counter() - begun)
    for name, a in x.items():
        print(f"{name}: {a.shape}")
    for name, a in (out.items() if isinstance(out, dict) else [("output", out)]):
        print(f"{name}: {a.shape}, {a.min():.4g} to {a.max():.4g}")
        if not np.isfinite(a).all():
            raise SystemExit(f"{name} is not finite")
    print(f"first call {compiled:.2f} s, then {min(times) * 1e3:.3f} ms for {batch}")
