"""The MP4 log of an epoch: both tracks' fragments in one file, as short as the FLV log's chunks.

Law: the init and any independent chunk after it, end to end, are a whole fragmented MP4 file, in
which each track's times go on without a hole. A sample's duration is known with the next one of its
track, so of each track the newest sample waits.
"""

from collections.abc import Mapping
from itertools import pairwise

from tidegate.log import Flag, LogWriter
from tidegate.media import cmaf
from tidegate.media.sample import AudioTrack, Sample, Track, VideoTrack
from tidegate.package.clock import Run, WallClock

TIMESCALE = 1000
_SLACK_S = 0.002
"""By how much the wire's millisecond rounding may shorten a chunk, seconds."""
_PATIENCE_S = 1.0
"""How long sound waits for a picture to share a chunk with, seconds: no player can go on without
one, and a segment then begins with its keyframe."""
_CHUNK_BYTES = 8 << 20
"""A chunk is written at this size whatever it lasts: a stuck clock may not fill memory."""
_SAMPLE_BYTES = 16 << 10
"""What a sample counts for beside its bytes: of empty ones a chunk holds 512."""


class _Lane:
    """One track's samples that are not written; of the last, the duration is not known.

    A sample at `due`, ticks, finds the chunk long enough.
    """

    __slots__ = ("due", "number", "samples", "timescale", "track")

    def __init__(self, number: int, track: Track) -> None:
        self.number = number
        self.track = track
        self.timescale = track.timescale
        self.samples: list[Sample] = []
        self.due = 0.0

    def take(self) -> cmaf.Stretch:
        """The samples whose durations are known; the last stays."""
        samples = self.samples
        durations = [after.dts - each.dts for each, after in pairwise(samples)]
        self.samples = [samples.pop()]
        return cmaf.Stretch(self.number, self.track, samples[0].dts, samples, durations)


class Mp4Log:
    """Appends one run after another to `writer`; `chunk_ms` is the target length of a chunk."""

    def __init__(self, writer: LogWriter, chunk_ms: int) -> None:
        self.writer = writer
        self._chunk_s = chunk_ms / 1000 - _SLACK_S
        self._clock: WallClock
        self._lanes: dict[int, _Lane] = {}
        self._lead: _Lane
        self._bytes = 0
        self._flags = 0

    def begin_run(self, video: VideoTrack | None, audio: AudioTrack | None, run: Run) -> None:
        """Start afresh with these tracks. Raises `LogFull`."""
        self.writer.set_init(cmaf.file_init(video, audio), run.init)
        self._clock = run.clock
        tracks = {cmaf.VIDEO_ID: video, cmaf.AUDIO_ID: audio}
        self._lanes = {number: _Lane(number, track) for number, track in tracks.items() if track}
        self._lead = next(iter(self._lanes.values()))
        self._begin_chunk(run.start)
        self._flags = Flag.STARTS_SEGMENT
        if self.writer.last is not None:
            self._flags |= Flag.DISCONTINUITY

    def add(self, track: Track, sample: Sample, *, cut: bool) -> None:
        """Take the next sample of either track; with `cut` it begins a segment. Raises `LogFull`.

        A chunk is independent when it begins with a video keyframe, or, in an epoch without video,
        with a segment.
        """
        is_video = isinstance(track, VideoTrack)
        lane = self._lanes[cmaf.VIDEO_ID if is_video else cmaf.AUDIO_ID]
        lane.samples.append(sample)
        self._bytes += len(sample.data) + _SAMPLE_BYTES
        if cut or (is_video and sample.keyframe):
            self._flush(sample.dts / lane.timescale)
            if cut:
                self._flags |= Flag.STARTS_SEGMENT
        elif self._bytes > _CHUNK_BYTES or (sample.dts >= lane.due and self._is_whole(lane)):
            self._flush(sample.dts / lane.timescale)

    def _is_whole(self, lane: _Lane) -> bool:
        """Whether the chunk that `lane` finds long enough has what it should begin with."""
        late = lane.samples[-1].dts - lane.due > _PATIENCE_S * lane.timescale
        return late or len(self._lead.samples) > 1

    def finish_run(self, ends: Mapping[Track, int]) -> None:
        """Write all; a track's last sample lasts until its `ends`, ticks. Raises `LogFull`."""
        for lane in self._lanes.values():
            if lane.samples:
                end = ends[lane.track]
                lane.samples.append(Sample(end, end, 0, False, b""))
        self._flush(0)
        self._lanes.clear()

    def _flush(self, next_start: float) -> None:
        """Write the samples whose durations are known, if any; what follows begins then, s."""
        stretches = [lane.take() for lane in self._lanes.values() if len(lane.samples) > 1]
        self._begin_chunk(next_start)
        if not stretches:
            return
        lead, timescale = stretches[0], stretches[0].track.timescale
        flags = self._flags
        if self._is_independent(lead):
            flags |= Flag.INDEPENDENT
        wall = self._clock.wall(lead.decode_time / timescale)
        start = lead.decode_time * TIMESCALE // timescale
        end = (lead.decode_time + sum(lead.durations)) * TIMESCALE // timescale
        data = cmaf.fragment(self.writer.next, stretches, wall)
        self.writer.append(data, time=start, duration=end - start, wall=wall, flags=flags)
        self._flags = 0

    def _begin_chunk(self, start: float) -> None:
        self._bytes = 0
        for lane in self._lanes.values():
            lane.due = (start + self._chunk_s) * lane.timescale

    def _is_independent(self, lead: cmaf.Stretch) -> bool:
        if cmaf.VIDEO_ID in self._lanes:
            return lead.track_id == cmaf.VIDEO_ID and lead.samples[0].keyframe
        return bool(self._flags & Flag.STARTS_SEGMENT)
