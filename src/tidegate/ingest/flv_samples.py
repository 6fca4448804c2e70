"""FLV-shaped media messages become tracks and samples: what RTMP carries, as the packager wants it.

Law: parameters that cannot be carried end the publish, with words that name them; one damaged
sample costs that sample, and a health event.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

from tidegate.media import aac, flv, h264
from tidegate.media.errors import MediaError, UnsupportedCodec
from tidegate.media.sample import AudioTrack, Sample, Track, VideoTrack
from tidegate.media.timeline import Repair, Timeline

T = TypeVar("T")


class Message(Protocol):
    """One media message: the body of an FLV tag, and its time in ms modulo 2**32."""

    @property
    def kind(self) -> Literal["audio", "video"]: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


class Sink(Protocol):
    """Who takes what comes out; the gate's `Publication` is one."""

    def track(self, track: Track) -> None: ...
    def sample(self, track: Track, sample: Sample) -> None: ...
    def event(self, name: str, detail: str) -> None: ...


class FlvSamples:
    """One publish session's messages in; tracks, samples and health events to `sink`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._timeline = Timeline()
        self._video: VideoTrack | None = None
        self._video_config = b""
        self._length_size = 4
        self._audio: AudioTrack | None = None
        self._headless = False

    def media(self, message: Message, wall: int) -> None:
        """Take the next message; `wall` is when it came, microseconds since the Unix epoch.

        Raises `UnsupportedCodec` for a codec that is not carried, `MediaError` for parameters that
        cannot be read.
        """
        if not message.payload:
            return  # GStreamer and Flash encoders send empty bodies as a sign of life
        if message.kind == "video":
            self._video_message(message, wall)
        else:
            self._audio_message(message, wall)

    def _parsed(self, parse: Callable[[bytes], T], payload: bytes) -> T | None:
        try:
            return parse(payload)
        except UnsupportedCodec:
            raise
        except MediaError as error:
            self._sink.event("damaged_sample", str(error))
            return None

    def _video_message(self, message: Message, wall: int) -> None:
        tag = self._parsed(flv.parse_video_tag, message.payload)
        if tag is None:
            return
        if tag.packet_type is flv.PacketType.CONFIG:
            self._video_parameters(tag.data)
        elif tag.packet_type is flv.PacketType.MEDIA and tag.data:
            self._picture(tag, message.timestamp, wall)

    def _video_parameters(self, config: bytes) -> None:
        if config == self._video_config:
            return
        self._length_size = h264.AvcConfig.parse(config).length_size
        self._video = h264.video_track(config)
        self._video_config = config
        self._sink.track(self._video)

    def _picture(self, tag: flv.VideoTag, timestamp: int, wall: int) -> None:
        track, data = self._video, tag.data
        if track is None:
            self._early("video")
            return
        try:
            if self._length_size != 4:
                data = h264.to_four_byte_lengths(data, self._length_size)
            keyframe = h264.is_keyframe(data)
        except MediaError as error:
            self._sink.event("damaged_sample", str(error))
            return
        if tag.frame_type is flv.FrameType.KEY and not keyframe:
            detail = "a keyframe without an IDR picture: no viewer can begin there"
            self._sink.event("keyframe_without_idr", detail)
        dts, pts, repairs = self._timeline.place(track, timestamp, tag.composition_ms)
        if repairs:
            self._tell(repairs)
        self._sink.sample(track, Sample(dts, pts, wall, keyframe, data))

    def _audio_message(self, message: Message, wall: int) -> None:
        tag = self._parsed(flv.parse_audio_tag, message.payload)
        if tag is None:
            return
        if tag.packet_type is flv.PacketType.CONFIG:
            self._audio_parameters(tag.data)
            return
        track = self._audio
        if track is None:
            self._early("audio")
        elif tag.data:
            dts, pts, repairs = self._timeline.place(track, message.timestamp)
            if repairs:
                self._tell(repairs)
            self._sink.sample(track, Sample(dts, pts, wall, True, tag.data))

    def _audio_parameters(self, config: bytes) -> None:
        if self._audio is None or config != self._audio.config:
            self._audio = aac.audio_track(config)
            self._sink.track(self._audio)

    def _early(self, kind: str) -> None:
        if not self._headless:
            self._headless = True
            self._sink.event("no_parameters", f"{kind} came before its sequence header; dropped")

    def _tell(self, repairs: tuple[Repair, ...]) -> None:
        for repair in repairs:
            self._sink.event(f"time_{repair.kind}", f"{repair.track} by {repair.amount_ms} ms")
