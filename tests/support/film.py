"""A film's samples, as a publisher sends them."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from tidegate.media import aac, h264
from tidegate.media.sample import Sample, Track

Film = list[tuple[Track, Sample]]
WALL = 1_700_000_000_000_000


def samples_of(path: Path) -> Film:
    """A film's samples as a publisher sends them: both tracks, by decode time."""
    film: Film = []
    with av.open(path) as container:
        tracks: dict[int, Track] = {}
        for stream in container.streams:
            config = stream.codec_context.extradata or b""
            make: Callable[[bytes], Track] = (
                h264.video_track if stream.type == "video" else aac.audio_track
            )
            tracks[stream.index] = make(config)
        for packet in container.demux():
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            track = tracks[packet.stream.index]
            scale = packet.time_base * track.timescale
            dts, pts = round(packet.dts * scale), round(packet.pts * scale)
            wall = WALL + dts * 1_000_000 // track.timescale
            film.append((track, Sample(dts, pts, wall, packet.is_keyframe, bytes(packet))))
    film.sort(key=lambda each: Fraction(each[1].dts, each[0].timescale))
    return film
