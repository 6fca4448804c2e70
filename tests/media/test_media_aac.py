"""AAC configurations: of a real encoder, and by hand for what no free encoder here writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_clips import audio_of

from tidegate.media import AudioTrack, MediaError, UnsupportedCodec, aac

Shape = tuple[str, int, int, int]


def config(*fields: tuple[int, int]) -> bytes:
    """An AudioSpecificConfig of (bits, value) fields, filled up with zeros."""
    text = "".join(f"{value:0{count}b}" for count, value in fields)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


PCE = [(4, 0), (2, 1), (4, 3), (4, 2), (4, 0), (4, 1), (2, 1), (3, 0), (4, 0)]
PCE += [(1, 0), (1, 0), (1, 0)]  # no mixdown
PCE += [(1, 0), (4, 0), (1, 1), (4, 1), (1, 1), (4, 2), (4, 3)]  # C, L R, Ls Rs, LFE

CONFIGS: dict[str, tuple[bytes, Shape]] = {
    "lc 44.1 stereo": (b"\x12\x10", ("mp4a.40.2", 44100, 2, 1024)),
    "lc 48 mono": (b"\x11\x88", ("mp4a.40.2", 48000, 1, 1024)),
    "lc 5.1": (b"\x11\xb0", ("mp4a.40.2", 48000, 6, 1024)),
    "lc 7.1": (config((5, 2), (4, 3), (4, 7), (3, 0)), ("mp4a.40.2", 48000, 8, 1024)),
    "960": (config((5, 2), (4, 3), (4, 2), (1, 1), (2, 0)), ("mp4a.40.2", 48000, 2, 960)),
    "explicit rate": (
        config((5, 2), (4, 15), (24, 37800), (4, 2), (3, 0)),
        ("mp4a.40.2", 37800, 2, 1024),
    ),
    "he v1": (
        config((5, 5), (4, 6), (4, 2), (4, 3), (5, 2), (3, 0)),
        ("mp4a.40.5", 48000, 2, 2048),
    ),
    "he v1, 960": (
        config((5, 5), (4, 6), (4, 2), (4, 3), (5, 2), (1, 1), (2, 0)),
        ("mp4a.40.5", 48000, 2, 1920),
    ),
    "he v2": (
        config((5, 29), (4, 7), (4, 1), (4, 4), (5, 2), (3, 0)),
        ("mp4a.40.29", 44100, 2, 2048),
    ),
    "downsampled sbr": (
        config((5, 5), (4, 3), (4, 2), (4, 3), (5, 2), (3, 0)),
        ("mp4a.40.5", 48000, 2, 1024),
    ),
    "backward-compatible sbr": (
        config((5, 2), (4, 6), (4, 2), (3, 0), (11, 0x2B7), (5, 5), (1, 1), (4, 3)),
        ("mp4a.40.5", 48000, 2, 2048),
    ),
    "backward-compatible sbr and ps": (
        config(
            (5, 2), (4, 7), (4, 1), (3, 0), (11, 0x2B7), (5, 5), (1, 1), (4, 4), (11, 0x548), (1, 1)
        ),
        ("mp4a.40.29", 44100, 2, 2048),
    ),
    "sync extension without sbr": (
        config((5, 2), (4, 6), (4, 2), (3, 0), (11, 0x2B7), (5, 5), (1, 0)),
        ("mp4a.40.2", 24000, 2, 1024),
    ),
    "program config element": (
        config((5, 2), (4, 3), (4, 0), (3, 0), *PCE, (3, 0), (8, 2), (16, 0x4142)),
        ("mp4a.40.2", 48000, 6, 1024),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_says_what_comes_out(name: str) -> None:
    data, shape = CONFIGS[name]
    codec, rate, channels, frame = shape
    assert aac.audio_track(data) == AudioTrack(data, codec, rate, channels, frame)


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("1080p-bframes", 44100, 2), ("480p-baseline", 48000, 1), ("sound", 48000, 2)],
)
def test_a_real_encoder_s_config(name: str, rate: int, channels: int) -> None:
    track, samples = audio_of(name)
    assert (track.sample_rate, track.channels) == (rate, channels)
    assert (track.codec, track.frame_size) == ("mp4a.40.2", 1024)
    assert samples


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ([(5, 1), (4, 3), (4, 2), (3, 0)], "AAC Main"),
        ([(5, 4), (4, 3), (4, 2), (3, 0)], "AAC LTP"),
        ([(5, 23), (4, 3), (4, 2), (3, 0)], "AAC-LD"),
        ([(5, 31), (6, 7), (4, 3), (4, 2), (8, 0)], "AAC-ELD"),
        ([(5, 31), (6, 10), (4, 3), (4, 2), (8, 0)], "USAC"),
        ([(5, 31), (6, 30), (4, 3), (4, 2), (8, 0)], "object type 62"),
        ([(5, 5), (4, 6), (4, 2), (4, 3), (5, 22), (4, 1), (3, 0)], "ER BSAC"),
    ],
)
def test_other_object_types_are_named(fields: list[tuple[int, int]], name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=name):
        aac.audio_track(config(*fields))


@pytest.mark.parametrize(
    "fields",
    [
        [(5, 2), (4, 13), (4, 2), (3, 0)],  # reserved rate
        [(5, 2), (4, 15), (24, 0), (4, 2), (3, 0)],
        [(5, 2), (4, 15), (24, 1 << 23), (4, 2), (3, 0)],
        [(5, 2), (4, 3), (4, 9), (3, 0)],  # reserved channels
        [(5, 5), (4, 3), (4, 2), (4, 4), (5, 2), (3, 0)],  # SBR makes 44.1 of 48 kHz
        [(5, 2), (4, 3), (4, 0), (3, 0), (31, 0), (3, 0), (8, 0), (8, 0)],  # PCE, no channels
    ],
)
def test_what_makes_no_sense_is_refused(fields: list[tuple[int, int]]) -> None:
    with pytest.raises(MediaError):
        aac.audio_track(config(*fields))


def test_every_prefix_is_a_config_or_an_error() -> None:
    for data, _ in CONFIGS.values():
        for size in range(len(data)):
            parses_or_raises(data[:size])
    with pytest.raises(MediaError, match="over"):
        aac.audio_track(bytes(aac.MAX_CONFIG + 1))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_config_or_an_error(data: bytes) -> None:
    parses_or_raises(data)


def parses_or_raises(data: bytes) -> None:
    try:
        track = aac.audio_track(data)
    except MediaError:
        return
    assert 0 < track.sample_rate <= aac.MAX_SAMPLE_RATE
    assert track.channels > 0
    assert track.frame_size in {960, 1024, 1920, 2048}
