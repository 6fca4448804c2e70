"""AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1): what an AAC decoder must know.

Law: a track's rate and frame size are those of the sound that comes out, so that a frame lasts
`frame_size / sample_rate` seconds with SBR and without.
"""

from dataclasses import dataclass
from typing import Final

from tidegate.media.bits import BitReader
from tidegate.media.errors import MediaError, UnsupportedCodec
from tidegate.media.sample import AudioTrack

MAX_CONFIG = 1024
"""Bytes: a program config element with the longest comment stays under 400."""

MAX_SAMPLE_RATE = 192_000
"""Hz: an explicit rate has 24 bits; no sound card has them."""

AAC_LC: Final = 2
SBR: Final = 5
PS: Final = 29

SAMPLE_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
"""Hz, by samplingFrequencyIndex (table 1.18)."""

_EXPLICIT_RATE = 15
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
"""By channelConfiguration (table 1.19); 0 is a program config element."""

_SYNC_SBR = 0x2B7
_SYNC_PS = 0x548
_OBJECT_TYPES = {
    1: "AAC Main", 3: "AAC SSR", 4: "AAC LTP", 6: "AAC Scalable", 17: "ER AAC LC",
    19: "ER AAC LTP", 20: "ER AAC Scalable", 22: "ER BSAC", 23: "AAC-LD", 34: "MP3 in MP4",
    36: "ALS", 39: "AAC-ELD", 42: "xHE-AAC (USAC)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AudioSpecificConfig:
    """A config's fields. `sample_rate` is the core's in Hz, `extension_rate` that of SBR's output.

    `core_frame` is the core decoder's sound samples in a frame. `sbr` and `ps` are true where the
    config says so, in either signalling; what it leaves to be found in the frames is not known.
    """

    object_type: int
    sample_rate: int
    channels: int
    core_frame: int
    extension_rate: int
    sbr: bool
    ps: bool

    @classmethod
    def parse(cls, config: bytes) -> "AudioSpecificConfig":
        """Raises `MediaError`, or `UnsupportedCodec` for any object type but LC, SBR and PS."""
        if len(config) > MAX_CONFIG:
            raise MediaError(f"AAC config: {len(config)} bytes, over {MAX_CONFIG}")
        reader = BitReader(config, "AAC config")
        object_type = _object_type(reader)
        rate = extension_rate = _sample_rate(reader)
        channels = reader.bits(4)
        sbr = object_type in {SBR, PS}
        ps = object_type == PS
        if sbr:
            extension_rate = _sample_rate(reader)
            object_type = _object_type(reader)
        if object_type != AAC_LC:
            name = _OBJECT_TYPES.get(object_type, f"MPEG-4 audio object type {object_type}")
            raise UnsupportedCodec(f"{name} is not carried; send AAC-LC or HE-AAC")
        core_frame, count = _general_audio(reader, channels)
        if not sbr:
            sbr, ps, extension_rate = _sync_extension(reader, rate)
        return cls(object_type, rate, count, core_frame, extension_rate, sbr, ps)


def _object_type(reader: BitReader) -> int:
    number = reader.bits(5)
    return 32 + reader.bits(6) if number == 31 else number


def _sample_rate(reader: BitReader) -> int:
    index = reader.bits(4)
    if index == _EXPLICIT_RATE:
        rate = reader.bits(24)
        if not 0 < rate <= MAX_SAMPLE_RATE:
            raise MediaError(f"AAC config: a sample rate of {rate} Hz")
        return rate
    if index >= len(SAMPLE_RATES):
        raise MediaError(f"AAC config: samplingFrequencyIndex {index} is reserved")
    return SAMPLE_RATES[index]


def _general_audio(reader: BitReader, channels: int) -> tuple[int, int]:
    """GASpecificConfig (4.4.1) of AAC-LC: the core's frame size, and how many channels."""
    core_frame = 960 if reader.flag() else 1024
    if reader.flag():  # dependsOnCoreCoder
        reader.skip(14)
    extension = reader.flag()
    if channels:
        count = _CHANNELS.get(channels)
        if count is None:
            raise MediaError(f"AAC config: channelConfiguration {channels} is reserved")
    else:
        count = _program_config(reader)
    if extension:
        reader.skip(1)  # extensionFlag3
    return core_frame, count


def _program_config(reader: BitReader) -> int:
    """How many channels a program_config_element (4.4.1.1) lays out."""
    reader.skip(4 + 2 + 4)  # element_instance_tag, object_type, sampling_frequency_index
    front, side, back = reader.bits(4), reader.bits(4), reader.bits(4)
    lfe, associated, coupling = reader.bits(2), reader.bits(3), reader.bits(4)
    for size in (4, 4, 3):  # mono, stereo and matrix mixdown
        if reader.flag():
            reader.skip(size)
    channels = lfe
    for _ in range(front + side + back):
        channels += 2 if reader.flag() else 1
        reader.skip(4)
    reader.skip(4 * (lfe + associated) + 5 * coupling)
    reader.align()
    reader.skip(8 * reader.bits(8))  # the comment
    if not channels:
        raise MediaError("AAC config: a program config element without channels")
    return channels


def _sync_extension(reader: BitReader, rate: int) -> tuple[bool, bool, int]:
    """Backward-compatible signalling (1.6.5.3): whether SBR, whether PS, SBR's rate."""
    if reader.left < 16 or reader.bits(11) != _SYNC_SBR or _object_type(reader) != SBR:
        return False, False, rate
    if not reader.flag():
        return False, False, rate
    extension_rate = _sample_rate(reader)
    ps = reader.left >= 12 and reader.bits(11) == _SYNC_PS and reader.flag()
    return True, ps, extension_rate


def audio_track(config: bytes) -> AudioTrack:
    """The track that a config describes. Raises `MediaError` or `UnsupportedCodec`."""
    parsed = AudioSpecificConfig.parse(config)
    doubling, rest = divmod(parsed.extension_rate, parsed.sample_rate)
    if rest or doubling not in {1, 2}:
        raise MediaError(
            f"AAC config: SBR makes {parsed.extension_rate} Hz of {parsed.sample_rate} Hz"
        )
    # Parametric stereo makes two channels of one (8.6.4).
    channels = 2 if parsed.ps and parsed.channels == 1 else parsed.channels
    shown = PS if parsed.ps else SBR if parsed.sbr else AAC_LC
    return AudioTrack(
        config, f"mp4a.40.{shown}", parsed.extension_rate, channels, parsed.core_frame * doubling
    )
