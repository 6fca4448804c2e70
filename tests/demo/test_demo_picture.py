"""The test picture and its strip: what a program reads off them is what was drawn."""

import io
from datetime import UTC, datetime

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.demo.encoder import AUDIO_FRAME, KEYFRAME_FRAMES, Encoder
from tidegate.demo.font import COLUMNS, ROWS, dots
from tidegate.demo.picture import FPS, HEIGHT, WIDTH, Picture, clock
from tidegate.demo.sound import RATE, sample_at, sound
from tidegate.demo.strip import BITS, BLOCK, LEFT, MS_BITS, TOP, read_strip, write_strip

NOON = int(datetime(2026, 7, 1, 11, 59, 59, 500_000, UTC).timestamp() * 1e6)


@settings(deadline=None)
@given(st.integers(0, (1 << MS_BITS) - 1), st.integers(0, BITS - 1))
def test_strip_is_read_back_and_one_wrong_block_is_noticed(ms: int, wrong: int) -> None:
    luma = np.zeros((HEIGHT, WIDTH), np.uint8)
    write_strip(luma, ms)
    assert read_strip(luma) == ms
    block = luma[TOP : TOP + BLOCK, LEFT + wrong * BLOCK : LEFT + (wrong + 1) * BLOCK]
    block[:] = 251 - block
    assert read_strip(luma) is None


@pytest.mark.parametrize("shade", [0, 16, 235, 255])
def test_a_blank_picture_holds_no_time(shade: int) -> None:
    assert read_strip(np.full((HEIGHT, WIDTH), shade, np.uint8)) is None


def test_frame_depends_on_its_arguments_alone() -> None:
    one, other = Picture("demo"), Picture("demo")
    one.frame(7, NOON - 1)
    assert np.array_equal(one.frame(8, NOON), other.frame(8, NOON))
    assert not np.array_equal(one.frame(8, NOON), one.frame(9, NOON))


def test_every_channel_name_can_be_drawn() -> None:
    for name in ("a", "Z9_-", "x" * 64):
        assert Picture(name).frame(0, NOON).shape == (HEIGHT * 3 // 2, WIDTH)


def test_no_frame_of_a_day_leaves_the_picture() -> None:
    picture = Picture("demo")
    for n in range(0, 24 * 3600 * FPS, 99_991):
        assert read_strip(picture.frame(n, NOON + n)[:HEIGHT]) == (NOON + n) // 1000


def test_clock_reads_as_people_write_it() -> None:
    assert clock(NOON + 7_000) == "11:59:59.507"
    assert clock(NOON + 500_000) == "12:00:00.000"


def test_glyphs_differ_and_keep_their_place() -> None:
    letters = "0123456789:.ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
    assert len({dots(letter).tobytes() for letter in letters}) == len(letters)
    assert all(dots(letter).shape == (ROWS, COLUMNS) for letter in letters)
    assert np.array_equal(dots("a1"), dots("A1"))


def _encoded(path: str, frames: list[int]) -> None:
    picture = Picture("demo")
    heard = 0
    with Encoder(path) as encoder:
        for n in frames:
            while heard * FPS <= n * RATE:
                encoder.sound(heard, sound(sample_at(NOON) + heard, AUDIO_FRAME))
                heard += AUDIO_FRAME
            encoder.picture(n, picture.frame(n, NOON + n * 1_000_000 // FPS))


@pytest.fixture(scope="module")
def flv(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four seconds of the channel with a hole of nine frames, as an FLV file."""
    path = tmp_path_factory.mktemp("demo") / "channel.flv"
    _encoded(str(path), [n for n in range(4 * FPS) if not 55 <= n < 64])
    return path.read_bytes()


def test_encoded_pictures_carry_their_time(flv: bytes) -> None:
    with av.open(io.BytesIO(flv)) as file:
        seen = [
            (round(image.time * 1000), read_strip(image.to_ndarray()[:HEIGHT]))
            for image in file.decode(video=0)
        ]
    start = seen[0][0]
    assert len(seen) == 4 * FPS - 9
    assert all(ms is not None and abs(ms - NOON // 1000 - (at - start)) <= 1 for at, ms in seen)


def test_keyframes_stand_two_seconds_apart_though_frames_are_missing(flv: bytes) -> None:
    with av.open(io.BytesIO(flv)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    frames = [round(float((p.pts - packets[0].pts) * p.time_base) * FPS) for p in packets]
    keys = [n for n, packet in zip(frames, packets, strict=True) if packet.is_keyframe]
    assert keys == [0, next(n for n in frames if n >= KEYFRAME_FRAMES)]
    assert all(packet.pts == packet.dts for packet in packets)


def test_decoded_beep_begins_with_the_second_and_the_flash(flv: bytes) -> None:
    with av.open(io.BytesIO(flv)) as file:
        heard = [(piece.time, piece.to_ndarray()[0]) for piece in file.decode(audio=0)]
    with av.open(io.BytesIO(flv)) as file:
        shown = [(image.time, image.to_ndarray()[272, 868]) for image in file.decode(video=0)]
    loudness = np.concatenate([np.abs(piece) for _, piece in heard])
    beep = heard[0][0] + int(np.argmax(loudness > 0.05)) / RATE
    flash = next(at for at, shade in shown if shade > 150)
    assert flash == pytest.approx(shown[0][0] + 0.5, abs=1 / FPS)
    assert beep == pytest.approx(flash, abs=1 / FPS)
