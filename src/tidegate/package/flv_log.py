"""The FLV log of an epoch: both tracks' tags as they came, in chunks of a few frames.

Law: the init and any independent chunk after it, end to end, are a whole FLV file.
"""

from tidegate.log import Flag, LogWriter
from tidegate.media import flv
from tidegate.media.sample import AudioTrack, Sample, Track, VideoTrack
from tidegate.package.clock import Run, WallClock

TIMESCALE = 1000
_CHUNK_TAGS = 64
"""A chunk is written at this many tags whatever it lasts: a stuck clock may not fill memory."""


class FlvLog:
    """Appends one run after another to `writer`; `chunk_ms` is the target length of a chunk."""

    def __init__(self, writer: LogWriter, chunk_ms: int) -> None:
        self.writer = writer
        self._chunk_ms = chunk_ms
        self._clock: WallClock
        self._tags: list[bytes] = []
        self._start = self._newest = 0
        self._flags = 0

    def begin_run(self, video: VideoTrack | None, audio: AudioTrack | None, run: Run) -> None:
        """Start afresh with these tracks. Raises `LogFull`."""
        self.writer.set_init(flv.file_init(video, audio, round(run.start * TIMESCALE)), run.init)
        self._clock = run.clock
        self._tags.clear()
        self._flags = Flag.STARTS_SEGMENT
        if self.writer.last is not None:
            self._flags |= Flag.DISCONTINUITY

    def add(self, track: Track, sample: Sample, *, cut: bool) -> None:
        """Take the next sample of either track; with `cut` it begins a segment. Raises `LogFull`.

        A chunk is independent when it begins with a video keyframe, or, in an epoch without video,
        with a segment.
        """
        at = sample.dts * TIMESCALE // track.timescale
        first = not self._tags and bool(self._flags & Flag.STARTS_SEGMENT)
        opens = first or cut or (isinstance(track, VideoTrack) and sample.keyframe)
        if opens:
            self.flush()
        if not self._tags:
            self._start = at
        if opens:
            self._flags |= Flag.INDEPENDENT
        if cut:
            self._flags |= Flag.STARTS_SEGMENT
        if self._flags & Flag.STARTS_SEGMENT and not self._tags:
            wall_ms = self._clock.wall(at / TIMESCALE) // 1000
            self._tags.append(flv.wall_cue_point(at, wall_ms))
        self._tags.append(flv.media_tag(track, sample, at))
        self._newest = max(at, self._newest)
        if at - self._start >= self._chunk_ms or len(self._tags) >= _CHUNK_TAGS:
            self.flush()

    def flush(self) -> None:
        """Write the chunk that is gathered, if any. Raises `LogFull`."""
        if not self._tags:
            return
        self.writer.append(
            b"".join(self._tags),
            time=self._start,
            duration=max(0, self._newest - self._start),
            wall=self._clock.wall(self._start / TIMESCALE),
            flags=self._flags,
        )
        self._tags = []
        self._flags = 0
