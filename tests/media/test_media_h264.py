"""H.264: what real encoders state, what only a crafted SPS states, and what is no H.264 at all."""

import io
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_clips import RECIPES, clip, video_of

from tidegate.media import MediaError, h264
from tidegate.media.bits import BitReader, without_emulation_prevention
from tidegate.media.h264.config import MAX_CONFIG
from tidegate.media.h264.nal import MAX_NAL_UNITS

PICTURES = [name for name, recipe in RECIPES.items() if recipe.size]


class Bits:
    """Writes an SPS bit by bit."""

    def __init__(self) -> None:
        self._text = ""

    def u(self, count: int, value: int) -> "Bits":
        self._text += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> "Bits":
        for value in values:
            code = f"{value + 1:b}"
            self._text += "0" * (len(code) - 1) + code
        return self

    def se(self, value: int) -> "Bits":
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def nal(self) -> bytes:
        text = self._text + "1"
        text += "0" * (-len(text) % 8)
        out, zeros = bytearray(b"\x67"), 0
        for byte in int(text, 2).to_bytes(len(text) // 8):
            if zeros >= 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = 0 if byte else zeros + 1
        return bytes(out)


def baseline(width_mbs: int = 20, height_units: int = 15) -> Bits:
    """An SPS of the baseline profile, up to its cropping flag."""
    sps = Bits().u(8, 66).u(8, 0xC0).u(8, 30).ue(0)
    sps.ue(0, 2, 1).u(1, 0).ue(width_mbs - 1, height_units - 1).u(1, 1).u(1, 1)
    return sps


@pytest.mark.parametrize("name", PICTURES)
def test_a_track_is_what_ffmpeg_says(name: str) -> None:
    track, _ = video_of(name)
    with av.open(io.BytesIO(clip(name))) as file:
        theirs = file.streams.video[0].codec_context
        next(file.decode(video=0))
        assert theirs.extradata is not None
        assert (track.width, track.height) == (theirs.width, theirs.height) == RECIPES[name].size
        assert track.frame_rate == theirs.framerate == RECIPES[name].rate_of_frames
        assert track.config == theirs.extradata
        assert track.codec == "avc1." + theirs.extradata[1:4].hex().upper()
        sps = h264.parse_sps(h264.AvcConfig.parse(track.config).sps[0])
        aspect = theirs.sample_aspect_ratio
        assert Fraction(*(sps.sample_aspect or (1, 1))) == (aspect or 1)


def test_a_config_can_be_built_from_its_parameter_sets() -> None:
    for name in PICTURES:
        track, _ = video_of(name)
        parsed = h264.AvcConfig.parse(track.config)
        assert h264.build_config(parsed.sps, parsed.pps) == track.config


def test_colour_is_read() -> None:
    track, _ = video_of("colour")
    sps = h264.parse_sps(h264.AvcConfig.parse(track.config).sps[0])
    assert sps.colour == h264.Colour(1, 1, 1, full_range=True)


@pytest.mark.parametrize("name", PICTURES)
def test_keyframes_hold_an_idr_slice(name: str) -> None:
    _, samples = video_of(name)
    assert [h264.is_keyframe(each.data) for each in samples] == [each.keyframe for each in samples]
    assert samples[0].keyframe


def test_lengths_of_one_and_two_bytes_become_four() -> None:
    track, samples = video_of("ntsc")
    for size in (1, 2):
        config = track.config[:4] + bytes((0xFC | size - 1,)) + track.config[5:]
        assert h264.AvcConfig.parse(config).length_size == size
        assert h264.video_track(config) == track
    for sample in samples:
        units = [unit[:255] for unit in h264.nal_units(sample.data)]
        for size in (1, 2):
            short = b"".join(len(unit).to_bytes(size) + unit for unit in units)
            assert h264.to_four_byte_lengths(short, size) == h264.join_nal_units(units)
        assert h264.to_four_byte_lengths(sample.data, 4) is sample.data


def test_every_prefix_of_a_config_is_a_config_or_an_error() -> None:
    for name in PICTURES:
        config = video_of(name)[0].config
        for size in range(len(config)):
            parses_or_raises(config[:size])


@given(st.data())
def test_a_damaged_config_is_a_config_or_an_error(data: st.DataObject) -> None:
    config = bytearray(video_of(data.draw(st.sampled_from(["interlaced", "high444"])))[0].config)
    for at in data.draw(st.lists(st.integers(0, len(config) - 1), max_size=8)):
        config[at] = data.draw(st.integers(0, 255))
    parses_or_raises(bytes(config))


def parses_or_raises(config: bytes) -> None:
    try:
        track = h264.video_track(config)
    except MediaError:
        return
    assert track.width > 0
    assert track.height > 0


@given(st.binary(max_size=64), st.sampled_from([1, 2, 4]))
def test_any_bytes_are_whole_units_or_an_error(data: bytes, length_size: int) -> None:
    try:
        units = h264.nal_units(data, length_size)
    except MediaError:
        if length_size == 4:
            with pytest.raises(MediaError):
                h264.to_four_byte_lengths(data, 4)
        return
    four = h264.to_four_byte_lengths(data, length_size)
    assert h264.nal_units(four) == units
    assert h264.is_keyframe(four) == any(unit[0] & 0x1F == 5 for unit in units)


def test_limits_hold() -> None:
    with pytest.raises(MediaError, match="NAL units"):
        h264.nal_units(b"\x01\x41" * (MAX_NAL_UNITS + 1), 1)
    with pytest.raises(MediaError, match="NAL units"):
        h264.to_four_byte_lengths(b"\x00\x00\x00\x01\x41" * (MAX_NAL_UNITS + 1), 4)
    with pytest.raises(MediaError, match="over"):
        h264.video_track(bytes(MAX_CONFIG + 1))
    with pytest.raises(MediaError, match="Annex B"):
        h264.video_track(b"\x00\x00\x00\x01\x67\x42\x00\x1e")
    with pytest.raises(MediaError, match="over"):
        h264.parse_sps(baseline(width_mbs=1100).u(1, 0).u(1, 0).nal())
    with pytest.raises(MediaError, match="wants"):
        h264.build_config([], [b"\x68"])


def test_cropping_counts_in_chroma_samples_and_fields() -> None:
    sps = h264.parse_sps(baseline().u(1, 1).ue(1, 2, 3, 0).u(1, 0).nal())
    assert (sps.width, sps.height) == (320 - 2 * 3, 240 - 2 * 3)
    with pytest.raises(MediaError, match="leaves no picture"):
        h264.parse_sps(baseline().u(1, 1).ue(100, 100, 0, 0).u(1, 0).nal())


def test_scaling_lists_and_picture_order_of_type_one_are_passed_over() -> None:
    sps = Bits().u(8, 244).u(8, 0).u(8, 40).ue(0)
    sps.ue(3).u(1, 0).ue(2, 2).u(1, 0).u(1, 1)  # 4:4:4, 10 bits, scaling matrix
    sps.u(1, 1)
    for delta in (8, *[1] * 15):
        sps.se(delta)
    sps.u(1, 1).se(-8)  # use the default
    sps.u(4, 0).u(1, 1)
    for delta in (4, *[0] * 62):
        sps.se(delta)
    sps.se(-12).u(5, 0)
    sps.ue(4, 1).u(1, 0).se(-1).se(2).ue(2).se(5).se(-5)  # pic_order_cnt_type 1
    sps.ue(3).u(1, 0).ue(39, 22).u(1, 0).u(1, 1).u(1, 1)  # fields
    sps.u(1, 1).ue(0, 1, 0, 4)
    sps.u(1, 1).u(1, 1).u(8, 255).u(16, 4).u(16, 3)  # VUI, extended aspect
    sps.u(1, 1).u(1, 0).u(1, 0).u(1, 1).ue(0, 0)
    sps.u(1, 1).u(32, 1001).u(32, 50000).u(1, 1)
    parsed = h264.parse_sps(sps.nal())
    assert parsed == h264.Sps(244, 0, 40, 3, 10, 10, 639, 728, (4, 3), None, Fraction(25000, 1001))


@pytest.mark.parametrize(("units", "scale"), [(0, 50), (1, 180_000), (1000, 1), (1, 0)])
def test_a_frame_rate_that_cannot_be_is_none(units: int, scale: int) -> None:
    sps = baseline().u(1, 0).u(1, 1).u(4, 0).u(1, 1).u(32, units).u(32, scale).u(1, 0)
    assert h264.parse_sps(sps.nal()).frame_rate is None


@given(st.binary(max_size=40))
def test_emulation_prevention_comes_off_as_it_goes_on(payload: bytes) -> None:
    bits = Bits()
    for byte in payload:
        bits.u(8, byte)
    assert without_emulation_prevention(bits.nal()) == b"\x67" + payload + b"\x80"


@given(st.lists(st.integers(0, 2**32 - 2), max_size=20))
def test_exp_golomb_reads_what_was_written(values: list[int]) -> None:
    nal = Bits().ue(*values).nal()
    reader = BitReader(without_emulation_prevention(nal)[1:], "test")
    assert [reader.unsigned(2**32 - 2, "value") for _ in values] == values


def test_a_reader_that_runs_out_says_where() -> None:
    reader = BitReader(b"\xff", "test")
    assert reader.bits(5) == 31
    with pytest.raises(MediaError, match="cut short at bit 5"):
        reader.bits(4)
    with pytest.raises(MediaError, match="no Exp-Golomb"):
        BitReader(bytes(8), "test").unsigned(9, "value")
