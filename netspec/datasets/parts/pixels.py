"""A picture that Pillow has opened as an array: turned as its camera says, in the colours and the size that are wanted. What each
of this means, pictures.py says. A file that `netspec emit` writes carries this module with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]

ROOM = 2  # a JPEG is decoded at a size that is this many times what is wanted, or more
WHITE16 = 65535
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}  # by the number that EXIF has for the orientation
ORIENTATION = 0x0112
SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
                      ".pbm", ".pnm"))


def inside(folder: str) -> list[str]:
    """The pictures in a folder and in those below it, in order; none of what is hidden."""
    return sorted(str(p) for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()
                  and not any(part.startswith(".") for part in p.relative_to(folder).parts))


def pixels(image: Any, channels: int, size: tuple[int, int] | None, resize: str) -> Array:
    """Channels x height x width: uint8, or float32 in [0, 1] where its greys have 16 bits."""
    turn = orientation(image)
    if size is not None:  # before a JPEG is decoded; others are by now
        h, w = size if turn < 5 else size[::-1]
        image.draft("L" if channels == 1 else None, (ROOM * w, ROOM * h))
    if turn != 1:
        image = image.transpose(TURNS[turn])
    plain = _plain(image, channels)
    if size is not None:
        plain = _resized(plain, size, resize)
    a = np.asarray(plain)
    if a.dtype != np.uint8:
        a = a.astype(np.float32, copy=False)
    a = a[None] if a.ndim == 2 else a.transpose(2, 0, 1)
    return np.ascontiguousarray(a) if len(a) == channels else np.repeat(a, channels, 0)


def orientation(image: Any, decoded: bool = True) -> int:
    """1 to 8, as EXIF numbers them; 1 is upright, and where nothing readable is said. Pillow turns TIFF by itself as it decodes
    it, and then says nothing more; before, the size it says is turned already."""
    if decoded and image.format not in ("JPEG", "MPO"):
        image.load()
    try:
        said = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged note beside a picture that may be fine
        return 1
    return said if isinstance(said, int) and said in TURNS else 1


def deep(image: Any) -> bool:
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))


def numbers(image: Any) -> bool:
    return image.mode in ("P", "L", "1") or deep(image)


def _plain(image: Any, channels: int) -> Any:
    """The picture as one of bytes, grey or red, green and blue; of 32-bit numbers in [0, 1] where its greys have 16 bits."""
    clear = image.info.get("transparency")
    if deep(image):
        a = np.asarray(image).astype(np.float32)
        if isinstance(clear, int):
            a[a == clear] = WHITE16
        return Image.fromarray(a / np.float32(WHITE16))
    if image.mode in ("F", "I"):
        raise ValueError("its pixels are 32-bit numbers, and nothing says what white is: np.save keeps such arrays")
    if clear is not None or image.mode in ("LA", "PA", "RGBA", "RGBa", "La"):
        over = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
        image = Image.new("RGBA", over.size, "white")
        image.alpha_composite(over)
    wanted = "L" if channels == 1 else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _resized(image: Any, size: tuple[int, int], resize: str) -> Any:
    h, w = size
    top, left, height, width, box = placed(image.width, image.height, size, resize)
    if image.size != (width, height) or box != (0, 0, width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, box)
    if (width, height) == (w, h):
        return image
    ground = Image.new(image.mode, (w, h))
    ground.paste(image, (left, top))
    return ground


def placed(width: int, height: int, size: tuple[int, int], resize: str) -> tuple[int, int, int, int,
                                                                                  tuple[float, float, float, float]]:
    """Where a picture goes in one of another size: top, left, height and width there, and the part of it that is taken."""
    h, w = size
    if resize == "fit":
        scale = min(w / width, h / height)
        new_h, new_w = min(h, max(1, round(height * scale))), min(w, max(1, round(width * scale)))
        return (h - new_h) // 2, (w - new_w) // 2, new_h, new_w, (0, 0, width, height)
    if resize == "stretch":
        return 0, 0, h, w, (0, 0, width, height)
    scale = max(w / width, h / height)
    part_w, part_h = min(width, w / scale), min(height, h / scale)
    x, y = (width - part_w) / 2, (height - part_h) / 2
    return 0, 0, h, w, (x, y, min(width, x + part_w), min(height, y + part_h))
