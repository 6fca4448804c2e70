"""The sequence parameter set (H.264 7.3.2.1.1 and E.1.1): what a decoder must know of a stream.

Law: what is read is what a player is told; the rest is passed over, but passed over exactly.
"""

from dataclasses import dataclass
from fractions import Fraction

from tidegate.media.bits import BitReader, without_emulation_prevention
from tidegate.media.errors import MediaError

MAX_SIDE = 16_880
"""Luma samples: the longest side that any level allows, sqrt(8 * 139264) macroblocks (A.3.1)."""

MAX_FRAME_RATE = 300
"""Frames a second (A.3.1); more, or less than one, is an encoder that never set its timing."""

_U32 = (1 << 32) - 2
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc of those whose SPS tells of chroma format and scaling matrices (7.3.2.1.1)."""

_ASPECT_RATIOS = (
    (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
    (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
"""Table E-1 from aspect_ratio_idc 1 on."""
_EXTENDED_SAR = 255


@dataclass(frozen=True, slots=True)
class Colour:
    """How to show the samples: code points of ISO/IEC 23091-2 (H.264 tables E-3 to E-5)."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool


@dataclass(frozen=True, slots=True)
class Sps:
    """A sequence parameter set.

    `width` and `height` are luma samples after cropping; `sample_aspect` is a luma sample's width
    to its height, where stated; `frame_rate` frames a second, where stated and sane.
    """

    profile: int
    constraints: int
    level: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    sample_aspect: tuple[int, int] | None = None
    colour: Colour | None = None
    frame_rate: Fraction | None = None

    @property
    def codec(self) -> str:
        """The string of RFC 6381 3.3, "avc1.64001F"."""
        return f"avc1.{self.profile:02X}{self.constraints:02X}{self.level:02X}"


@dataclass(frozen=True, slots=True)
class _Format:
    chroma: int = 1
    depth_luma: int = 8
    depth_chroma: int = 8
    separate_planes: bool = False


def parse_sps(nal: bytes) -> Sps:
    """Read an SPS NAL unit, its header byte included. Raises `MediaError`."""
    reader = BitReader(without_emulation_prevention(nal), "SPS")
    if reader.bits(8) & 0x9F != 7:
        raise MediaError("SPS: not a NAL unit of type 7")
    profile, constraints, level = reader.bits(8), reader.bits(8), reader.bits(8)
    reader.unsigned(31, "seq_parameter_set_id")
    form = _chroma_and_scaling(reader) if profile in _HIGH_PROFILES else _Format()
    _skip_picture_order(reader)
    reader.unsigned(_U32, "max_num_ref_frames")
    reader.skip(1)  # gaps_in_frame_num_value_allowed_flag
    width, height = _size(reader, form)
    aspect, colour, rate = _vui(reader) if reader.flag() else (None, None, None)
    return Sps(
        profile, constraints, level, form.chroma, form.depth_luma, form.depth_chroma,
        width, height, aspect, colour, rate,
    )  # fmt: skip


def _chroma_and_scaling(reader: BitReader) -> _Format:
    chroma = reader.unsigned(3, "chroma_format_idc")
    separate = reader.flag() if chroma == 3 else False
    luma = 8 + reader.unsigned(6, "bit_depth_luma_minus8")
    depth = 8 + reader.unsigned(6, "bit_depth_chroma_minus8")
    reader.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if reader.flag():
        for index in range(8 if chroma != 3 else 12):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return _Format(chroma, luma, depth, separate)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    """7.3.2.1.1.1: deltas follow until one leads to zero."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.signed("delta_scale")) % 256
        last = following or last


def _skip_picture_order(reader: BitReader) -> None:
    reader.unsigned(12, "log2_max_frame_num_minus4")
    kind = reader.unsigned(2, "pic_order_cnt_type")
    if kind == 0:
        reader.unsigned(12, "log2_max_pic_order_cnt_lsb_minus4")
    elif kind == 1:
        reader.skip(1)  # delta_pic_order_always_zero_flag
        reader.signed("offset_for_non_ref_pic")
        reader.signed("offset_for_top_to_bottom_field")
        for _ in range(reader.unsigned(255, "num_ref_frames_in_pic_order_cnt_cycle")):
            reader.signed("offset_for_ref_frame")


def _size(reader: BitReader, form: _Format) -> tuple[int, int]:
    """The coded size less the cropping (7.4.2.1.1, equations 7-19 to 7-22)."""
    width = 16 * (reader.unsigned(MAX_SIDE // 16 - 1, "pic_width_in_mbs_minus1") + 1)
    units = reader.unsigned(MAX_SIDE // 16 - 1, "pic_height_in_map_units_minus1") + 1
    frames_only = reader.flag()
    if not frames_only:
        reader.skip(1)  # mb_adaptive_frame_field_flag
    height = 16 * units * (2 - frames_only)
    if height > MAX_SIDE:
        raise MediaError(f"SPS: a height of {height}, over {MAX_SIDE}")
    reader.skip(1)  # direct_8x8_inference_flag
    if not reader.flag():
        return width, height
    left, right, top, bottom = (reader.unsigned(MAX_SIDE, "frame_crop_offset") for _ in range(4))
    subsampled = form.chroma in {1, 2} and not form.separate_planes
    unit_x = 2 if subsampled else 1
    unit_y = (2 if form.chroma == 1 and subsampled else 1) * (2 - frames_only)
    width -= unit_x * (left + right)
    height -= unit_y * (top + bottom)
    if width <= 0 or height <= 0:
        raise MediaError("SPS: the cropping leaves no picture")
    return width, height


def _vui(reader: BitReader) -> tuple[tuple[int, int] | None, Colour | None, Fraction | None]:
    """The head of vui_parameters (E.1.1): sample aspect, colour, frame rate."""
    aspect = _sample_aspect(reader) if reader.flag() else None
    if reader.flag():  # overscan_info_present_flag
        reader.skip(1)
    colour = _colour(reader) if reader.flag() else None
    if reader.flag():  # chroma_loc_info_present_flag
        reader.unsigned(5, "chroma_sample_loc_type_top_field")
        reader.unsigned(5, "chroma_sample_loc_type_bottom_field")
    rate = _frame_rate(reader) if reader.flag() else None
    return aspect, colour, rate


def _sample_aspect(reader: BitReader) -> tuple[int, int] | None:
    number = reader.bits(8)
    if number == _EXTENDED_SAR:
        width, height = reader.bits(16), reader.bits(16)
        return (width, height) if width and height else None
    return _ASPECT_RATIOS[number - 1] if 1 <= number <= len(_ASPECT_RATIOS) else None


def _colour(reader: BitReader) -> Colour | None:
    reader.skip(3)  # video_format
    full_range = reader.flag()
    if not reader.flag():
        return Colour(2, 2, 2, full_range) if full_range else None
    return Colour(reader.bits(8), reader.bits(8), reader.bits(8), full_range)


def _frame_rate(reader: BitReader) -> Fraction | None:
    """E.2.1: time_scale counts fields, so a frame lasts two units."""
    units, scale = reader.bits(32), reader.bits(32)
    if not units:
        return None
    rate = Fraction(scale, 2 * units)
    return rate if 1 <= rate <= MAX_FRAME_RATE else None
