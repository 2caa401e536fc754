"""One picture: every way in which a file may hold it, against NumPy's own reading of what was written."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netspec.datasets.parts import pictures
from netspec.limits import PIXELS
from netspec.words.dataset import DataError

Array = np.ndarray[Any, Any]


def noise(*shape: int, of: int = 256) -> Array:
    return np.random.default_rng(shape).integers(0, of, shape).astype(np.uint8 if of == 256 else np.uint16)


def smooth(h: int, w: int, channels: int = 3) -> Array:
    """A picture that JPEG keeps."""
    y, x = np.mgrid[:h, :w] / max(h, w)
    waves = [127.5 + 120 * np.sin(3 * x + 2 * y * (k + 1) + k) for k in range(channels)]
    return np.stack(waves, -1).astype(np.uint8)


def written(image: Any, form: str = "PNG", **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def triangle(n: int, to: int, first: float, last: float) -> Array:
    """to x n: what each new pixel takes of each old one between two places, with a triangle as wide as a new pixel and its
    neighbours, or an old one and its neighbours where those are wider."""
    scale = (last - first) / to
    centres = first + (np.arange(to) + 0.5) * scale
    w = np.clip(1 - abs((np.arange(n) + 0.5 - centres[:, None]) / max(scale, 1)), 0, None)
    return w / w.sum(1, keepdims=True)


def brought(a: Array, size: tuple[int, int], resize: str) -> Array:
    """What `read` says it does, in float64: C x H x W to C x size."""
    (h, w), (old_h, old_w) = size, a.shape[1:]
    part_h, part_w = float(old_h), float(old_w)
    in_h, in_w = h, w
    if resize == "cover":
        scale = max(w / old_w, h / old_h)
        part_h, part_w = h / scale, w / scale
    elif resize == "fit":
        scale = min(w / old_w, h / old_h)
        in_h, in_w = round(old_h * scale), round(old_w * scale)
    y, x = (old_h - part_h) / 2, (old_w - part_w) / 2
    inner = triangle(old_h, in_h, y, y + part_h) @ a.astype(float) @ triangle(old_w, in_w, x, x + part_w).T
    out = np.zeros((len(a), h, w))
    out[:, (h - in_h) // 2 :, (w - in_w) // 2 :][:, :in_h, :in_w] = inner
    return out


@pytest.mark.parametrize(("form", "how"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
                                           ("PPM", {}), ("WEBP", {"lossless": True}),
                                           ("JPEG", {"quality": 100, "subsampling": 0})])
@pytest.mark.parametrize("channels", [1, 3])
def test_formats(form: str, how: dict[str, Any], channels: int, tmp_path: Path) -> None:
    a = smooth(23, 31, channels)
    data = written(Image.fromarray(a[..., 0] if channels == 1 else a), form, **how)
    (tmp_path / "p").write_bytes(data)
    for held in (data, tmp_path / "p", os.fspath(tmp_path / "p")):
        found = pictures.read(held, channels)
        assert found.shape == (channels, 23, 31) and found.dtype == np.uint8 and found.flags.c_contiguous
        assert abs(found.astype(int) - a.transpose(2, 0, 1)).max() <= (6 if form == "JPEG" else 0)
    grey, rgb = pictures.read(data, 1), pictures.read(data, 3)
    if channels == 1:
        assert (rgb == grey).all() and rgb.shape == (3, 23, 31)
    else:
        assert abs(grey[0] - rgb.transpose(1, 2, 0) @ [0.299, 0.587, 0.114]).max() <= 1


TURNED = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.swapaxes(0, 1),
          6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90}


@pytest.mark.parametrize("number", TURNED)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_a_picture_is_turned_as_the_camera_says(number: int, form: str) -> None:
    a = smooth(20, 34)
    exif = Image.Exif()
    exif[0x0112] = number
    data = written(Image.fromarray(a), form, exif=exif,
                   **{"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(form, {}))
    want = TURNED[number](a).transpose(2, 0, 1).astype(int)
    found = pictures.header(data)
    assert (found.height, found.width) == want.shape[1:] and not found.deep and not found.numbers
    assert abs(pictures.read(data) - want).max() <= (6 if form == "JPEG" else 0)
    for resize in ("cover", "fit", "stretch"):
        assert abs(pictures.read(data, 3, (10, 14), resize)
                   - brought(want, (10, 14), resize)).max() <= (7 if form == "JPEG" else 1.01)


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
def test_a_damaged_note_of_the_camera_is_none() -> None:
    a = smooth(8, 9)
    for note in (b"Exif\0\0MM\0\x2a\0\0\0\xff", b"Exif\0\0junk", b"Exif\0\0"):
        assert pictures.read(written(Image.fromarray(a), "JPEG", exif=note)).shape == (3, 8, 9)
    exif = Image.Exif()
    exif[0x0112] = 77
    assert pictures.read(written(Image.fromarray(a), exif=exif)).shape == (3, 8, 9)


def test_transparent_places_are_white() -> None:
    rgb, alpha = noise(12, 9, 3), noise(12, 9)
    share = alpha[..., None] / 255
    want = (rgb * share + 255 * (1 - share)).transpose(2, 0, 1)
    both = np.concatenate([rgb, alpha[..., None]], 2)
    assert abs(pictures.read(written(Image.fromarray(both))) - want).max() <= 1
    assert abs(pictures.read(written(Image.fromarray(both), "WEBP", lossless=True, exact=True)) - want).max() <= 1
    grey = np.stack([rgb[..., 0], alpha], 2)
    assert abs(pictures.read(written(Image.fromarray(grey)), 1)[0]
               - (rgb[..., 0] * share[..., 0] + 255 * (1 - share[..., 0]))).max() <= 1
    # one colour that stands for nothing, in each mode that has such
    for mode, a, clear in (("L", rgb[..., 0], int(rgb[3, 4, 0])), ("RGB", rgb, tuple(map(int, rgb[3, 4])))):
        same = (a == clear).all(-1) if mode == "RGB" else a == clear
        found = pictures.read(written(Image.fromarray(a), transparency=clear))
        assert (found[:, same] == 255).all() and same.any()
        assert (found[:, ~same] == (a[~same].T if mode == "RGB" else a[~same])).all()
    palette = Image.fromarray(noise(12, 9, of=256) % 4)
    palette = palette.convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    index = np.asarray(palette)
    colours = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90], [100, 110, 120]])
    assert (pictures.read(written(palette)) == colours[index].transpose(2, 0, 1)).all()
    colours[2] = 255
    for form in ("PNG", "GIF"):
        assert (pictures.read(written(palette, form, transparency=2)) == colours[index].transpose(2, 0, 1)).all()


def test_greys_of_16_bits_keep_them() -> None:
    a = noise(15, 22, of=65536)
    for form, how in (("PNG", {}), ("TIFF", {})):
        data = written(Image.fromarray(a), form, **how)
        assert pictures.header(data).deep
        found = pictures.read(data, 1)
        assert found.dtype == np.float32
        assert (found[0] == (a / np.float32(65535)).astype(np.float32)).all()
        assert (pictures.read(data, 3) == found).all() and pictures.read(data, 3).shape == (3, 15, 22)
        for resize in ("cover", "fit", "stretch"):
            want = brought(a[None] / 65535, (7, 8), resize)
            assert abs(pictures.read(data, 1, (7, 8), resize) - want).max() < 1e-5
    clear = pictures.read(written(Image.fromarray(a), transparency=int(a[2, 3])), 1)
    assert clear[0, 2, 3] == 1 and (clear[0] == 1).sum() == (a == a[2, 3]).sum()
    assert not pictures.header(written(Image.fromarray(noise(4, 4)))).deep


def test_other_ways_to_hold_colours() -> None:
    ink = noise(10, 13, 4)
    cmyk = Image.frombytes("CMYK", (13, 10), ink.tobytes())
    want = ((255 - ink[..., :3].astype(float)) * (255 - ink[..., 3:].astype(float)) / 255).transpose(2, 0, 1)
    assert abs(pictures.read(written(cmyk, "TIFF")) - want).max() <= 2
    flat = Image.new("CMYK", (16, 16), (200, 10, 60, 30))
    for form in ("JPEG", "TIFF"):
        assert abs(pictures.read(written(flat, form))[:, 8, 8] - np.array([48.5, 216.2, 172.1])).max() <= 4
    bits = noise(9, 17) > 99
    for form in ("PNG", "TIFF", "BMP", "PPM"):
        assert (pictures.read(written(Image.fromarray(bits), form), 1)[0] == 255 * bits).all()
    frames = [Image.fromarray(np.full((6, 7), v, np.uint8)) for v in (30, 90, 200)]
    for form in ("GIF", "TIFF", "PNG"):
        assert (pictures.read(written(frames[0], form, save_all=True, append_images=frames[1:]), 1) == 30).all()
    with pytest.raises(DataError, match="nothing says what white is"):
        pictures.read(written(Image.fromarray(np.ones((3, 4), np.float32)), "TIFF"))


@pytest.mark.parametrize("resize", ["cover", "fit", "stretch"])
@pytest.mark.parametrize("size", [(16, 16), (8, 24), (5, 3), (60, 50), (1, 1)])
def test_sizes(size: tuple[int, int], resize: str) -> None:
    for h, w in ((33, 47), (47, 20), (16, 16), (1, 9)):
        a = noise(h, w, 3)
        found = pictures.read(written(Image.fromarray(a)), 3, size, resize)
        assert found.shape == (3, *size)
        if resize == "fit" and 0 in (round(h * min(size[0] / h, size[1] / w)), round(w * min(size[0] / h, size[1] / w))):
            continue
        assert abs(found - brought(a.transpose(2, 0, 1), size, resize)).max() <= 1.01


@pytest.mark.torch
def test_a_change_of_size_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    for h, w, size in ((70, 50, (20, 30)), (20, 31, (64, 64)), (128, 128, (64, 64))):
        a = noise(h, w, 3).transpose(2, 0, 1)
        want = torch.nn.functional.interpolate(torch.tensor(a[None].astype(np.float64)), size, mode="bilinear", antialias=True)
        assert abs(pictures.read(written(Image.fromarray(a.transpose(1, 2, 0))), 3, size, "stretch")
                   - want.numpy()[0]).max() <= 1.01


def test_a_large_jpeg_is_decoded_small() -> None:
    a = smooth(800, 1200)
    data = written(Image.fromarray(a), "JPEG", quality=95)
    for size in ((64, 64), (100, 300), (390, 590)):
        assert abs(pictures.read(data, 3, size) - brought(a.transpose(2, 0, 1), size, "cover")).mean() < 1.5
        grey = a @ np.array([0.299, 0.587, 0.114])
        assert abs(pictures.read(data, 1, size) - brought(grey[None], size, "cover")).mean() < 1.5


def test_numbers_in_a_picture_stay_what_they_are() -> None:
    """Masks: indices of a palette or greys, never mixed."""
    a = noise(20, 30) % 5
    palette = Image.fromarray(a).convert("P")
    palette.putpalette([7 * k % 256 for k in range(15)])
    for image in (Image.fromarray(a), palette):
        data = written(image)
        assert (pictures.indexed(data) == a).all()
        doubled = pictures.indexed(data, (40, 60), "stretch")
        assert (doubled == a.repeat(2, 0).repeat(2, 1)).all()
        third = pictures.indexed(written(Image.fromarray(a.repeat(3, 0).repeat(3, 1))), (20, 30))
        assert (third == a).all()
        assert (pictures.indexed(data, (10, 10)) == pictures.nearest(a, (10, 10))).all()
        tall = pictures.indexed(data, (20, 20), "fit", 255)
        assert (tall[:3] == 255).all() and (tall[-4:] == 255).all() and set(np.unique(tall[4:-4])) <= set(range(5))
    assert (pictures.indexed(written(Image.fromarray(a > 2))) == (a > 2)).all()
    big = noise(4, 5, of=65536)
    assert (pictures.indexed(written(Image.fromarray(big))) == big).all()
    with pytest.raises(DataError, match="colours"):
        pictures.indexed(written(Image.fromarray(noise(4, 4, 3))))


def bomb(w: int, h: int) -> bytes:
    """The beginning of a PNG that claims so many pixels."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR",
                                        struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    good = written(Image.fromarray(noise(40, 40, 3)))
    cases: dict[str, tuple[bytes, str]] = {
        "junk": (b"junk" * 9, "it is no JPEG"), "empty": (b"", "it is no JPEG"),
        "program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n", "it is no JPEG"),
        "cut short": (good[: len(good) // 2], ""), "jpeg cut short": (written(Image.fromarray(noise(40, 40, 3)), "JPEG")[:900],
                                                                      ""),
        "damaged": (good[:60] + bytes(200) + good[260:], ""),
        "bomb": (bomb(60_000, 60_000), f"more than {PIXELS:,} pixels"), "flat": (bomb(0, 9), "")}
    for name, (data, why) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        for held, called in ((data, f"a picture of {len(data):,} bytes"), (path, str(path))):
            with pytest.raises(DataError) as e:
                pictures.read(held, 3, (8, 8))
            d = e.value.diagnostics[0]
            assert d.code == "unreadable-picture" and d.title == f"{called} cannot be read as a picture", name
            assert d.notes and why in d.notes[0], (name, d.notes)
    for path, why in ((tmp_path, "a folder"), (tmp_path / "nosuch", "No such file")):
        with pytest.raises(DataError, match=why):
            pictures.read(path)
    with pytest.raises(DataError, match="my picture cannot be read"):
        pictures.read(b"junk", name="my picture")
