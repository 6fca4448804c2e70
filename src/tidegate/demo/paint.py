"""Pixels of the test picture: colours, planes, and tiles that are painted once and laid many times.

Law: colour is BT.709, limited range, 4:2:0; a tile lies at even coordinates, so its chroma fits.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.demo.font import ADVANCE, ROWS, dots

Plane = npt.NDArray[np.uint8]
Image = npt.NDArray[np.floating[Any]]
"""Red, green and blue, 0 to 255, by row and column."""
Colour = tuple[int, int, int]

_TO_YUV = np.array(
    [
        [0.2126, 0.7152, 0.0722],
        [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.9278 / 1.8556],
        [0.7874 / 1.5748, -0.7152 / 1.5748, -0.0722 / 1.5748],
    ],
    np.float32,
)
"""ITU-R BT.709-6, 3.2 and 3.3."""
_RANGE = np.array([219, 224, 224], np.float32) / 255
_OFFSET = np.array([16, 128, 128], np.float32)


class Planes(NamedTuple):
    """Luma and the two chroma planes, half as wide and half as high."""

    y: Plane
    u: Plane
    v: Plane


class Mask(NamedTuple):
    """How much of a colour covers each pixel, 0 to 127, for luma and for chroma."""

    y: npt.NDArray[np.int16]
    c: npt.NDArray[np.int16]


def planes(image: Image) -> Planes:
    """The planes of an image of even width and height."""
    yuv = image @ _TO_YUV.T * _RANGE + _OFFSET
    height, width, _ = yuv.shape
    chroma = yuv.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return Planes(*(_whole(plane) for plane in (yuv[..., 0], chroma[..., 1], chroma[..., 2])))


def mask(cover: Image) -> Mask:
    """A mask from shares of cover between 0 and 1, even width and height."""
    height, width = cover.shape
    half = cover.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return Mask(np.rint(cover * 127).astype(np.int16), np.rint(half * 127).astype(np.int16))


def solid(height: int, width: int, colour: Colour) -> Image:
    """A rectangle of one colour."""
    return np.full((height, width, 3), colour, np.float32)


def lettering(text: str, scale: int, colour: Colour, ground: Colour) -> Image:
    """A line of text in round-cornered dots of `scale` pixels."""
    cell = np.ones((scale, scale), np.float32)
    if scale > 4:
        cell[-1, :] = cell[:, -1] = 0
        cell[0, 0] = cell[0, -2] = cell[-2, 0] = cell[-2, -2] = 0.4
    cover = np.kron(dots(text), cell)[..., None]
    height, width = ROWS * scale, (ADVANCE * len(text) - 1) * scale
    cover = np.pad(cover, ((0, height % 2), (0, width % 2), (0, 0)))
    return np.asarray(cover * colour + (1 - cover) * ground, np.float32)


def disc(size: int, radius: float, width: float = 0) -> Image:
    """Cover of a disc in a square of `size` pixels, or of a ring `width` pixels wide."""
    middle = (size - 1) / 2
    axis = np.arange(size, dtype=np.float32) - middle
    distance = np.hypot(axis[:, None], axis[None, :])
    outside = np.abs(distance - radius + width / 2) - width / 2 if width else distance - radius
    return cover_at(0.5 - outside)


def cover_at(depth: Image) -> Image:
    """Cover of pixels whose edges lie at a depth, in pixels, inside of a shape."""
    return np.clip(depth, 0, 1)


def put(image: Image, x: int, y: int, tile: Image) -> None:
    """Paints a tile into an image."""
    height, width, _ = tile.shape
    image[y : y + height, x : x + width] = tile


def lay(target: Planes, x: int, y: int, tile: Planes) -> None:
    """Copies a tile onto planes at even coordinates."""
    for plane, piece, step in zip(target, tile, (1, 2, 2), strict=True):
        height, width = piece.shape
        plane[y // step : y // step + height, x // step : x // step + width] = piece


def wash(target: Planes, x: int, y: int, cover: Mask, colour: Colour) -> None:
    """Blends one colour over planes, as much as the mask covers, at even coordinates."""
    shades = planes(solid(2, 2, colour))
    for plane, shade, step in zip(target, shades, (1, 2, 2), strict=True):
        share = cover.y if step == 1 else cover.c
        height, width = share.shape
        area = plane[y // step : y // step + height, x // step : x // step + width]
        area += ((np.int16(shade[0, 0]) - area) * share >> 7).astype(np.uint8)


def _whole(plane: Image) -> Plane:
    return np.rint(plane).clip(0, 255).astype(np.uint8)
