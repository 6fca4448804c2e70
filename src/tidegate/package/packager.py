"""A channel's packager: what its publishers send, one after another, becomes epochs of logs.

Law: media time in an epoch only grows. Whatever breaks the stream (a publisher that left and came
back, other codec parameters, a full disk) ends a run; the next begins at a keyframe, right where
the last ended, and both tracks move by the same offset, so sound and picture stay together.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidegate.log import LIVE, LogError, LogFull, Retention, live_epoch, replace_file
from tidegate.media.sample import Sample, Track
from tidegate.package.epoch import Epoch, Kind, kind_of, left_open
from tidegate.package.manifest import ManifestError
from tidegate.settings import Settings

Report = Callable[[str, str], None]
"""Told of a health event: its name and, in words, what happened."""

_START_S = 1.0
"""Media time of an epoch's beginning: room below for sound that starts before the picture."""
_OTHER_TRACK_S = 1.0
"""How long a lone track waits for another before the channel starts without it, media seconds."""
_WAITING_SAMPLES = 2048
"""Samples kept while waiting for a keyframe: over 20 s of one track, far past any sane GOP."""
_WAITING_BYTES = 32 << 20
"""Bytes kept while waiting."""


class _Waiting(NamedTuple):
    kind: Kind
    sample: Sample
    timescale: int

    @property
    def at(self) -> float:
        """Media time as the publisher has it, seconds."""
        return self.sample.dts / self.timescale


class Packager:
    """Writes the channel whose folder is `folder`; `new_id` makes an epoch's random id.

    Goes on in the epoch that a former process left open, if any.
    """

    def __init__(self, folder: Path, settings: Settings, new_id: Callable[[], str]) -> None:
        self.folder = folder
        self._package = settings.package
        self._retention = Retention(settings.log.retention_s, settings.log.retention_mb << 20)
        self._new_id = new_id
        self._tracks: dict[Kind, Track] = {}
        self._shift: dict[Kind, int] = {}
        self._running = False
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._epoch = self._left_open()

    def _left_open(self) -> Epoch | None:
        live = live_epoch(self.folder)
        if live is None:
            return None
        try:
            return left_open(self.folder / live, self._package, self._retention)
        except (LogError, ManifestError):
            return None

    @property
    def epoch(self) -> str | None:
        """Id of the epoch that is open."""
        return self._epoch.folder.name if self._epoch else None

    def track(self, track: Track, report: Report) -> None:
        """A track's codec parameters, before its first sample and whenever they change."""
        kind = kind_of(track)
        if self._tracks.get(kind) == track:
            return
        if self._running:
            report("parameters_changed", f"{kind} is now {track.codec}")
            self._end_run(report)
        self._wait_for([each for each in self._waiting if each.kind != kind])
        self._tracks[kind] = track

    def sample(self, track: Track, sample: Sample, report: Report) -> None:
        """The next sample of a track, times as the publisher has them."""
        kind = kind_of(track)
        if self._running:
            self._write(kind, sample, report)
            return
        self._waiting.append(_Waiting(kind, sample, track.timescale))
        self._waiting_bytes += len(sample.data)
        if len(self._tracks) == 2 or self._waited() >= _OTHER_TRACK_S:
            self._start(report)
        if not self._running and (
            len(self._waiting) > _WAITING_SAMPLES or self._waiting_bytes > _WAITING_BYTES
        ):
            report("no_keyframe", "nothing decodable came; set the encoder's keyframe interval")
            self._wait_for([])

    def _waited(self) -> float:
        return self._waiting[-1].at - self._waiting[0].at

    def _start(self, report: Report) -> None:
        """Begin a run at the first keyframe that waits, if one does."""
        lead: Kind = "video" if "video" in self._tracks else "audio"
        first = next(
            (
                index
                for index, each in enumerate(self._waiting)
                if each.kind == lead and each.sample.keyframe
            ),
            None,
        )
        if first is None:
            return
        begin = self._waiting[first]
        waiting = self._waiting[first:]
        self._wait_for([])
        try:
            self._begin_run(begin)
        except LogError as error:
            self._failed(error, report)
            return
        self._running = True
        for each in waiting:
            if self._running:
                self._write(each.kind, each.sample, report)

    def _begin_run(self, begin: _Waiting) -> None:
        if self._epoch is None or not self._epoch.fits(self._tracks):
            self._new_epoch()
        assert self._epoch is not None  # noqa: S101  (for the type checker)
        start = -(-max(self._epoch.end, _START_S) * 1000 // 1)
        # Whole milliseconds, rounded so that nothing of this run falls before its start.
        offset_ms = int(start) - begin.sample.dts * 1000 // begin.timescale
        self._shift = {
            kind: offset_ms * track.timescale // 1000 for kind, track in self._tracks.items()
        }
        self._epoch.begin_run(self._tracks, start / 1000, begin.sample.wall)
        if live_epoch(self.folder) != self._epoch.folder.name:
            replace_file(self.folder / LIVE, self._epoch.folder.name.encode())

    def _new_epoch(self) -> None:
        self.finish()
        timescales = {kind: track.timescale for kind, track in self._tracks.items()}
        self._epoch = Epoch(
            self.folder / self._new_id(), timescales, self._package, self._retention
        )

    def _write(self, kind: Kind, sample: Sample, report: Report) -> None:
        assert self._epoch is not None  # noqa: S101  (for the type checker)
        shift = self._shift[kind]
        moved = msgspec.structs.replace(sample, dts=sample.dts + shift, pts=sample.pts + shift)
        if moved.dts < self._epoch.written(kind):
            return  # sound of before the run's first picture; the last run has that time already
        try:
            self._epoch.add(kind, moved)
        except LogError as error:
            self._failed(error, report)

    def _end_run(self, report: Report) -> None:
        self._running = False
        if self._epoch is None:
            return
        try:
            self._epoch.finish_run()
        except LogError as error:
            self._failed(error, report)

    def _wait_for(self, waiting: list[_Waiting]) -> None:
        self._waiting = waiting
        self._waiting_bytes = sum(len(each.sample.data) for each in waiting)

    def _failed(self, error: LogError, report: Report) -> None:
        """The run is over. A full disk may have space again; another fault is the epoch's end."""
        self._running = False
        if isinstance(error, LogFull):
            report("log_full", str(error))
            return
        report("log_error", str(error))
        self.close()

    def pause(self, report: Report) -> None:
        """The publisher left; the epoch waits for the next."""
        if self._running:
            self._end_run(report)
        self._tracks = {}
        self._wait_for([])

    def finish(self) -> None:
        """Nothing will follow: the epoch ends, and its readers know."""
        if self._epoch is not None:
            self._epoch.finish()
            self._epoch = None

    def close(self) -> None:
        """Let go of the logs and leave the epoch open for the next process."""
        if self._epoch is not None:
            self._epoch.close()
            self._epoch = None
