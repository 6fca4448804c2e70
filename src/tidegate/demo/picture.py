"""The test picture: 960 by 540 pixels, 30 frames a second, drawn from a frame number and a time.

Law: a frame depends on its arguments alone. It carries the wall clock twice, for people (the clock)
and for programs (`strip`), and it flashes while the sound beeps.
"""

import math
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.demo import paint
from tidegate.demo.font import ADVANCE
from tidegate.demo.paint import Colour, Image, Mask, Planes
from tidegate.demo.sound import BEEP_S
from tidegate.demo.strip import write_strip

WIDTH = 960
HEIGHT = 540
FPS = 30

Frame = npt.NDArray[np.uint8]
"""yuv420p as PyAV takes it: rows of luma, then both chroma planes, 1.5 times the height."""

_NIGHT: Colour = (11, 18, 28)
_PANEL: Colour = (17, 27, 41)
_UNLIT: Colour = (24, 37, 54)
_TEXT: Colour = (226, 236, 245)
_DIM: Colour = (118, 138, 160)
_TEAL: Colour = (64, 212, 190)
_CORAL: Colour = (255, 111, 89)
_FAR_SEA: Colour = (20, 66, 94)
_SEA: Colour = (22, 104, 128)
_NEAR_SEA: Colour = (36, 158, 160)
_BARS: tuple[Colour, ...] = (
    *((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0)),
    *((191, 0, 191), (191, 0, 0), (0, 0, 191), (16, 16, 16)),
)
"""75 % colour bars."""

_MARGIN = 40
_INNER = WIDTH - 2 * _MARGIN
_CLOCK = (_MARGIN + 20, 236)
_CLOCK_SCALE = 10
_DIAL = (812, 216)
_DIAL_SIZE = 112
_DOT_SIZE = 20
_SEA_TOP = 352
_SEA_HEIGHT = 152
_BOAT_SIZE = 80
_SWELL = 8
"""Pixels the tide rises and falls."""


class Picture:
    """The picture of one channel; what never changes is painted once."""

    def __init__(self, channel: str) -> None:
        self._ground = paint.planes(_still(channel))
        self._digits = {letter: paint.planes(_digit(letter)) for letter in "0123456789:. "}
        self._dot = paint.mask(paint.disc(_DOT_SIZE, 6))
        self._flash = paint.mask(paint.disc(_DIAL_SIZE, 34))
        self._waves = [_wave(height, length) for height, length in ((10, 480), (12, 320), (8, 240))]
        self._boat = _boat()

    def frame(self, n: int, wall_us: int) -> Frame:
        """Frame `n` as it is at a time, in microseconds since the Unix epoch."""
        frame = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
        target = _planes_of(frame)
        for plane, ground in zip(target, self._ground, strict=True):
            plane[:] = ground
        self._lay_clock(target, wall_us)
        self._lay_dial(target, wall_us)
        self._lay_sea(target, n)
        write_strip(target.y, wall_us // 1000)
        return frame

    def _lay_clock(self, target: Planes, wall_us: int) -> None:
        x, y = _CLOCK
        for letter in clock(wall_us):
            paint.lay(target, x, y, self._digits[letter])
            x += ADVANCE * _CLOCK_SCALE

    def _lay_dial(self, target: Planes, wall_us: int) -> None:
        second = wall_us % 1_000_000 / 1e6
        x, y = _DIAL
        if second < BEEP_S:
            paint.wash(target, x, y, self._flash, _TEXT)
        angle, reach = 2 * math.pi * second, _DIAL_SIZE / 2 - 6
        middle = (_DIAL_SIZE - _DOT_SIZE) / 2
        across, down = middle + reach * math.sin(angle), middle - reach * math.cos(angle)
        paint.wash(target, x + _even(across), y + _even(down), self._dot, _CORAL)

    def _lay_sea(self, target: Planes, n: int) -> None:
        tide = math.sin(2 * math.pi * n / (8 * FPS))
        far, middle, near = self._waves
        self._lay_wave(target, far, _Place(0, n), _FAR_SEA)
        self._lay_wave(target, middle, _Place(24, 2 * n, tide), _SEA)
        self._lay_boat(target, n)
        self._lay_wave(target, near, _Place(60, 4 * n, -tide), _NEAR_SEA)

    def _lay_wave(self, target: Planes, wave: Mask, place: "_Place", colour: Colour) -> None:
        height = _SEA_HEIGHT - place.down
        x = _even(place.along % WIDTH)
        top = _even(_SWELL * (1 - place.tide))
        seen = Mask(
            wave.y[top : top + height, x : x + WIDTH],
            wave.c[top // 2 : (top + height) // 2, x // 2 : (x + WIDTH) // 2],
        )
        paint.wash(target, 0, _SEA_TOP + place.down, seen, colour)

    def _lay_boat(self, target: Planes, n: int) -> None:
        x = _even(1.5 * n % (WIDTH + _BOAT_SIZE) - _BOAT_SIZE)
        y = _SEA_TOP - 12 + _even(4 * math.sin(2 * math.pi * n / (3 * FPS)))
        left, right = max(x, 0), min(x + _BOAT_SIZE, WIDTH)
        for cover, colour in zip(self._boat, (_TEXT, _CORAL), strict=True):
            seen = Mask(
                cover.y[:, left - x : right - x], cover.c[:, (left - x) // 2 : (right - x) // 2]
            )
            paint.wash(target, left, y, seen, colour)


class _Place(NamedTuple):
    """Where a wave is: rows under the top of the sea, pixels along, and the tide from -1 to 1."""

    down: int
    along: int
    tide: float = 0.0


def clock(wall_us: int) -> str:
    """A time of day in UTC, HH:MM:SS.mmm."""
    moment = datetime.fromtimestamp(wall_us // 1_000_000, UTC)
    return f"{moment:%H:%M:%S}.{wall_us // 1000 % 1000:03}"


def _planes_of(frame: Frame) -> Planes:
    quarter = HEIGHT // 4
    chroma = (HEIGHT // 2, WIDTH // 2)
    return Planes(
        frame[:HEIGHT],
        frame[HEIGHT : HEIGHT + quarter].reshape(chroma),
        frame[HEIGHT + quarter :].reshape(chroma),
    )


def _even(value: float) -> int:
    return 2 * round(value / 2)


def _still(channel: str) -> Image:
    """What never moves: title, bars, ramp, the panel of the clock, the ring of the dial."""
    image = paint.solid(HEIGHT, WIDTH, _NIGHT)
    image += np.linspace(0, 10, HEIGHT, dtype=np.float32)[:, None, None]
    ground: Colour = (12, 19, 29)
    paint.put(image, _MARGIN, 32, paint.lettering("TIDEGATE", 6, _TEXT, ground))
    name = paint.lettering(channel[:24], 3, _TEAL, ground)
    paint.put(image, WIDTH - _MARGIN - name.shape[1], 32, name)
    facts = paint.lettering(f"{WIDTH}X{HEIGHT}  {FPS} FPS  UTC", 2, _DIM, ground)
    paint.put(image, WIDTH - _MARGIN - facts.shape[1], 60, facts)
    for place, colour in enumerate(_BARS):
        paint.put(image, _MARGIN + place * 110, 98, paint.solid(70, 110, colour))
    ramp = np.linspace(0, 255, _INNER, dtype=np.float32)
    image[172:188, _MARGIN : _MARGIN + _INNER] = ramp[None, :, None]
    paint.put(image, _MARGIN, 216, paint.solid(112, 750, _PANEL))
    ring = paint.disc(_DIAL_SIZE, _DIAL_SIZE / 2 - 4, 4)[..., None]
    x, y = _DIAL
    area = image[y : y + _DIAL_SIZE, x : x + _DIAL_SIZE]
    area += ring * (np.array(_UNLIT, np.float32) - area)
    paint.put(image, 0, 504, paint.solid(HEIGHT - 504, WIDTH, (0, 0, 0)))
    return image


def _digit(letter: str) -> Image:
    """A glyph of the clock with the column that parts it from the next."""
    return paint.lettering(letter + " ", _CLOCK_SCALE, _TEXT, _PANEL)[:, : ADVANCE * _CLOCK_SCALE]


def _wave(height: float, length: int) -> Mask:
    """Cover of a sea with a sine for its surface, two pictures wide so that any window fits."""
    along = np.arange(2 * WIDTH, dtype=np.float32)
    surface = 2 * _SWELL + height * (1 - np.cos(2 * np.pi * along / length)) / 2
    rows = np.arange(_SEA_HEIGHT + 2 * _SWELL, dtype=np.float32)[:, None]
    return paint.mask(paint.cover_at(rows - surface + 0.5))


def _boat() -> list[Mask]:
    """Hull and sails, each the overlap of half-planes."""
    y, x = np.mgrid[0:_BOAT_SIZE, 0:_BOAT_SIZE].astype(np.float32)
    hull = _overlap(y - 56, 70 - y, x - 6 - (y - 56) * 0.7, 74 - (y - 56) * 0.9 - x)
    main = _overlap(38 - x, y - 6 - (38 - x) * 1.5, 50 - y)
    jib = _overlap(x - 42, y - 14 - (x - 42) * 1.3, 50 - y)
    return [paint.mask(np.maximum(hull, main)), paint.mask(jib)]


def _overlap(*depths: Image) -> Image:
    """Cover of the points that lie inside of every edge, by their depth in pixels."""
    return paint.cover_at(np.minimum.reduce(depths) + 0.5)
