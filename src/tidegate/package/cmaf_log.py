"""One track's CMAF log: samples in, chunks of about a part target out.

Law: a chunk is written once its samples' durations are known, so it waits for the sample after its
last; within a segment, chunks are parts of at most `part_target`, as few and as even as may be.
Only a single sample that lasts longer raises that target, and no later part grows by it.
"""

from collections.abc import Sequence

from tidegate.log import Flag, LogWriter
from tidegate.media import cmaf
from tidegate.media.sample import AudioTrack, Sample, Track
from tidegate.package.clock import Run, WallClock

_SLACK_S = 0.002
"""What the wire's millisecond rounding may add to a part, seconds."""

_CHUNK_BYTES = 8 << 20
"""A chunk is written at this size whatever it lasts: a stuck clock may not fill memory."""
_CHUNK_SAMPLES = 512
"""And at this many samples: 2.5 s of 200 frames a second."""


def frame_ticks(track: Track) -> int:
    """How long a frame of `track` lasts, as its parameters say, or one of 30 a second."""
    if isinstance(track, AudioTrack):
        return track.frame_size
    return round(track.timescale / (track.frame_rate or 30))


def part_target(part_ms: int, track: Track) -> float:
    """The longest part, seconds: the whole number of frames nearest to the setting, and slack."""
    frame_s = frame_ticks(track) / track.timescale
    frames = max(1, round(part_ms / 1000 / frame_s))
    return round(frames * frame_s + _SLACK_S, 3)


class CmafLog:
    """Appends one run after another of `track` to `writer`."""

    def __init__(self, writer: LogWriter) -> None:
        self.writer = writer
        self.part_target = 0.0
        self.segment_start = 0
        self.longest_segment = 0.0
        self._track: Track
        self._limit = self._frame = 0
        self._clock: WallClock
        self._held: Sample | None = None
        self._clear()
        self._flags = 0

    @property
    def end(self) -> float:
        """Media time of the end of what is written, seconds."""
        last = self.writer.last
        return last.end / self.writer.timescale if last else 0.0

    def begin_run(self, track: Track, part_target: float, run: Run) -> None:
        """Start afresh with `track`'s init; what follows is a discontinuity to what stands."""
        init = cmaf.audio_init(track) if isinstance(track, AudioTrack) else cmaf.video_init(track)
        self.writer.set_init(init, run.init)
        self._track = track
        self._clock = run.clock
        self.segment_start = round(run.start * track.timescale)
        self.part_target = max(self.part_target, part_target)  # longer parts may still be listed
        self._limit = int(part_target * track.timescale)
        self._frame = frame_ticks(track)
        self._held = None
        self._clear()
        self._flags = Flag.STARTS_SEGMENT
        if self.writer.last is not None:
            self._flags |= Flag.DISCONTINUITY

    def add(self, sample: Sample, *, cut: bool) -> None:
        """Take the next sample; with `cut` it begins a segment. Raises `LogFull`."""
        held = self._held
        if held is not None:
            duration = sample.dts - held.dts
            self._gather(held, duration)
            full = self._bytes > _CHUNK_BYTES or len(self._chunk) >= _CHUNK_SAMPLES
            if cut or full or self._duration + min(duration, 2 * self._frame) > self._limit:
                self._flush()
        if cut or held is None:
            self._mark_segment(sample.dts)
        self._held = sample

    def _mark_segment(self, start: int) -> None:
        if not self._flags & Flag.STARTS_SEGMENT:
            self._flags |= Flag.STARTS_SEGMENT
        self.segment_start = start

    def _gather(self, sample: Sample, duration: int) -> None:
        if self._chunk and self._duration + duration > self._limit:
            self._flush()
        self._chunk.append((sample, duration))
        self._duration += duration
        self._bytes += len(sample.data)

    def _clear(self) -> None:
        self._chunk: list[tuple[Sample, int]] = []
        self._duration = self._bytes = 0

    def finish_run(self) -> None:
        """Write what is held; its last sample lasts as long as the one before. Raises `LogFull`."""
        if self._held is None:
            return
        guess = self._chunk[-1][1] if self._chunk else self._frame
        self._gather(self._held, guess)
        self._held = None
        self._flush()

    def _flush(self) -> None:
        samples: Sequence[tuple[Sample, int]] = self._chunk
        first = samples[0][0]
        flags = self._flags
        if first.keyframe:
            flags |= Flag.INDEPENDENT
        wall = self._clock.wall(first.dts / self._track.timescale)
        starts = bool(flags & Flag.STARTS_SEGMENT)
        data = cmaf.chunk(self.writer.next, first.dts, samples, self._track, wall, starts)
        self.writer.append(data, time=first.dts, duration=self._duration, wall=wall, flags=flags)
        timescale = self._track.timescale
        lasted = (first.dts + self._duration - self.segment_start) / timescale
        self.longest_segment = max(self.longest_segment, lasted)
        self.part_target = max(self.part_target, self._duration / timescale)
        self._clear()
        self._flags = 0
