"""Any bytes are a codec's configuration or a `MediaError`; and what is one makes a CMAF init.

The first byte chooses: an AVC record, an AudioSpecificConfig, or NAL units with lengths of one, two
or four bytes.
"""

from tidegate.media import MediaError, aac, cmaf, h264

SEEDS: list[bytes] = [
    b"\x00" + bytes.fromhex(record)
    for record in (
        # x264: 1080p cropped, interlaced with an aspect ratio, 4:4:4, full range with colours.
        "014d4028ffe10019674d4028eca03c0113f2c2000003000200000300781e30632c01000468ce0fc8",
        "014d401effe10019674d401ef405a107e23041000003000100000300321f142aa001000468de0fc8",
        "01f4000dffe1001a67f4000d919b282a33c7c5c2000003000200000300781e28532c01000568ce0f1920fff8f800",
        "0142c00dffe1001b6742c00dda05067e79b808080a000003000200000300781e28554001000468ce0fc8",
    )
] + [
    b"\x01" + bytes.fromhex(config)
    for config in (
        "1210",  # LC
        "2b11880800",  # SBR, explicit, as many encoders write it
        "eb8a0800",  # SBR and PS
        "131056e598",  # SBR by sync extension
        "118004c80500011918024142",  # a program config element
    )
] + [
    b"\x02\x05\x65\x88\x84\x00\x0a\x02\x09\x10",
    b"\x03\x00\x02\x09\x10\x00\x05\x65\x88\x84\x00\x0a",
    b"\x04\x00\x00\x00\x02\x09\x10\x00\x00\x00\x05\x65\x88\x84\x00\x0a",
]  # fmt: skip


def one(data: bytes) -> None:
    """Parse, then make of it what ingest makes of it."""
    if not data:
        return
    try:
        _check(data[0] % 5, data[1:])
    except MediaError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error


def _check(choice: int, data: bytes) -> None:
    if choice == 0:
        _record(data)
    elif choice == 1:
        track = aac.audio_track(data)
        cmaf.parse_boxes(cmaf.audio_init(track))
    else:
        _units(data, (1, 2, 4)[choice - 2])


def _record(data: bytes) -> None:
    track = h264.video_track(data)
    cmaf.parse_boxes(cmaf.video_init(track))
    if h264.video_track(track.config) != track:
        raise AssertionError("a track's own config makes another track")
    parsed = h264.AvcConfig.parse(data)
    rebuilt = h264.AvcConfig.parse(h264.build_config(parsed.sps, parsed.pps))
    if rebuilt != parsed._replace(length_size=4):
        raise AssertionError("a record built from its sets has others")


def _units(data: bytes, length_size: int) -> None:
    four = h264.to_four_byte_lengths(data, length_size)
    units = h264.nal_units(data, length_size)
    if h264.nal_units(four) != units:
        raise AssertionError("other lengths, other units")
    if h264.is_keyframe(four) != any(unit[0] & 0x1F == 5 for unit in units):
        raise AssertionError("a keyframe by one reading only")
