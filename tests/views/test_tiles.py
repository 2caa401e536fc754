"""Arrays as pictures: what colour a number has, where a tile lies, and that a PNG holds it."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from netspec.views.drawing.looks import rgb
from netspec.views.pictures import (
    HEAT,
    SIGNED,
    address,
    around_zero,
    enlarged,
    filter_tiles,
    grid,
    heat,
    laid_over,
    of_image,
    png,
    signed,
)


def test_numbers_are_colours() -> None:
    colours = np.array([[[0.0, 1.0]], [[0.5, 2.0]], [[-1.0, 0.25]]])
    assert of_image(colours).tolist() == [[[0, 128, 0], [255, 255, 64]]]
    assert of_image(np.array([[[3.0, 5.0]]]), 3, 5).tolist() == [[[0] * 3, [255] * 3]]
    assert of_image(np.zeros((1, 2, 2)), 1, 1).max() == 0  # all the same: no division
    assert around_zero(np.array([[[-2.0, 0.0, 2.0]]])).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
    assert signed(np.array([[-2.0, 0.0, 2.0]])).tolist() == [[list(rgb(c)) for c in (SIGNED[0], SIGNED[5], SIGNED[-1])]]
    assert signed(np.array([[0.0, 0.5]]), 1).tolist()[0][1] == np.rint(np.mean([rgb(SIGNED[7]), rgb(SIGNED[8])], 0)).tolist()
    assert heat(np.array([[1.0, 4.0]])).tolist() == [[list(rgb(HEAT[0])), list(rgb(HEAT[-1]))]]
    assert heat(np.array([[np.nan, 1.0]]), 0, 1).tolist()[0][0] == list(rgb(HEAT[0]))
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in heat(np.linspace(0, 1, 64)[None])[0]]
    assert light == sorted(light)  # hotter is lighter, for whoever sees no colours
    assert laid_over(np.full((1, 1, 3), 100, np.uint8), np.full((1, 1, 3), 200, np.uint8), 0.25).tolist() == [[[125] * 3]]


def test_tiles_lie_row_by_row() -> None:
    tiles = [np.full((2, 3, 3), k, np.uint8) for k in range(5)]
    sheet = grid(tiles, 2, gap=1)
    assert sheet.shape == (3 * 3 + 1, 2 * 4 + 1, 4)
    for k in range(5):
        y, x = 1 + k // 2 * 3, 1 + k % 2 * 4
        assert (sheet[y:y + 2, x:x + 3] == (k, k, k, 255)).all()
    assert not sheet[0].any() and not sheet[7:9, 5:8].any()  # the gap, and the place without a tile: what is behind them shows
    assert (grid([sheet], gap=0) == sheet).all()
    assert grid(tiles[:4], gap=0).shape == (4, 6, 4) and grid(tiles[:1], 9, gap=0).shape == (2, 3, 4)
    assert enlarged(tiles[0], 32).shape == (22, 33, 3) and enlarged(tiles[0], 1).shape == (2, 3, 3)


def test_filters_are_tiles() -> None:
    random = np.random.default_rng(0)
    colour, deep = random.normal(size=(8, 3, 5, 5)), random.normal(size=(4, 16, 3, 3))
    assert [t.shape for t in filter_tiles(colour)] == [(5, 5, 3)] * 8
    assert (filter_tiles(colour)[2] == around_zero(colour[2])).all()
    assert [t.shape for t in filter_tiles(deep)] == [(17, 17, 4)] * 4  # 4 x 4 channels
    assert (filter_tiles(deep)[1][1:4, 1:4, :3] == signed(deep[1, 0], np.abs(deep[1]).max())).all()
    assert filter_tiles(random.normal(size=(2, 4, 9)))[0].shape == (4, 9, 3)  # of a sequence
    assert filter_tiles(random.normal(size=(2, 1, 5, 3, 3)))[0].shape[1] == 3 * 5 + 2 + 4  # of a volume, a row of its planes
    halved = filter_tiles(colour * 0.5, most=np.abs(colour).max())
    assert halved[0].min() >= 63 and halved[0].max() <= 192  # one scale for two states


def test_a_png_holds_the_pixels() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png(tile)))) == tile).all()
    head, _, data = address(tile).partition(",")
    assert head == "data:image/png;base64" and base64.b64decode(data) == png(tile)
