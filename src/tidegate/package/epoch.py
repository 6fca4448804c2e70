"""One epoch's logs: a fixed set of tracks, from the first run to the end.

A run is media whose times and coding follow from one another: it begins with fresh inits in every
log and ends where the publisher leaves, its coding changes, or chunks were lost.
"""

import contextlib
import shutil
from pathlib import Path
from typing import Final, Literal

import msgspec

from tidegate.log import LogWriter, Retention
from tidegate.media.sample import VIDEO_TIMESCALE, AudioTrack, Sample, Track, VideoTrack
from tidegate.package.clock import Run, WallClock
from tidegate.package.cmaf_log import CmafLog, part_target
from tidegate.package.flv_log import TIMESCALE as FLV_TIMESCALE
from tidegate.package.flv_log import FlvLog
from tidegate.package.manifest import (
    FLV_LOG,
    MP4_LOG,
    Manifest,
    ManifestError,
    Rendition,
    load_manifest,
    save_manifest,
)
from tidegate.package.mp4_log import TIMESCALE as MP4_TIMESCALE
from tidegate.package.mp4_log import Mp4Log
from tidegate.settings import Package

Kind = Literal["video", "audio"]
NAMES: Final[dict[Kind, str]] = {"video": "source", "audio": "audio"}
_SEGMENT_LIMIT_S = 20.0
"""A segment is cut here without a keyframe, so that a publisher without any cannot fill memory."""
_EARLY_S = 0.05
"""How much before the segment target a keyframe already cuts: encoders jitter by a frame."""


def kind_of(track: Track) -> Kind:
    """Which of an epoch's two places a track takes."""
    return "video" if isinstance(track, VideoTrack) else "audio"


class Epoch:
    """The logs in `folder`, written by this process alone. `timescales` fixes its set of kinds.

    Opens what a former process left, so a channel goes on where it was. Raises `LogHeld`,
    `LogFull`, or `LogError` for an epoch that has ended.
    """

    def __init__(
        self, folder: Path, timescales: dict[Kind, int], package: Package, retention: Retention
    ) -> None:
        self.folder = folder
        self.tracks: dict[Kind, Track] = {}
        self._package = package
        self._lead: Kind = "video" if "video" in timescales else "audio"
        self._manifest = Manifest(folder.parent.name, folder.name, 0, package.window_s, [])
        with contextlib.suppress(ManifestError):
            self._manifest = load_manifest(folder)
        self._audio_cut: float | None = None
        self._clock: WallClock
        with contextlib.ExitStack() as undo:
            self._cmaf: dict[Kind, CmafLog] = {}
            for kind, timescale in timescales.items():
                writer = LogWriter(folder / f"{NAMES[kind]}.cmaf", timescale, retention)
                undo.callback(writer.close)
                self._cmaf[kind] = CmafLog(writer)
                if known := self._manifest.rendition(NAMES[kind]):
                    self._cmaf[kind].part_target = known.part_target
            flv = LogWriter(folder / FLV_LOG, FLV_TIMESCALE, retention)
            undo.callback(flv.close)
            self._flv = FlvLog(flv, package.flv_chunk_ms)
            self._mp4: Mp4Log | None = None
            if package.mp4:
                mp4 = LogWriter(folder / MP4_LOG, MP4_TIMESCALE, retention)
                undo.callback(mp4.close)
                self._mp4 = Mp4Log(mp4, package.flv_chunk_ms)
            else:  # one that a former process wrote would stand still: its readers see it go
                shutil.rmtree(folder / MP4_LOG, ignore_errors=True)
            undo.pop_all()

    @property
    def end(self) -> float:
        """Media time of the end of what is written, seconds: where the next run begins."""
        return max(log.end for log in self._cmaf.values())

    def written(self, kind: Kind) -> int:
        """Decode time, ticks, before which `kind`'s log takes nothing more."""
        last = self._cmaf[kind].writer.last
        return last.end if last else 0

    def fits(self, tracks: dict[Kind, Track]) -> bool:
        """Whether these tracks can go on in this epoch's logs."""
        return {kind: track.timescale for kind, track in tracks.items()} == {
            kind: log.writer.timescale for kind, log in self._cmaf.items()
        }

    def begin_run(self, tracks: dict[Kind, Track], start: float, wall: int) -> None:
        """Fresh inits in every log, for media from `start` (seconds) that arrived at `wall`.

        Raises `LogFull`; another run may then be begun.
        """
        init = 1 + max(writer.last.init if writer.last else -1 for writer in self._writers())
        run = Run(start, init, WallClock(start, wall))
        self.tracks = dict(tracks)
        for kind, log in self._cmaf.items():
            target = part_target(self._package.part_ms, tracks[kind])
            log.begin_run(tracks[kind], target, run)
        video, audio = tracks.get("video"), tracks.get("audio")
        both = (
            video if isinstance(video, VideoTrack) else None,
            audio if isinstance(audio, AudioTrack) else None,
        )
        self._flv.begin_run(*both, run)
        if self._mp4 is not None:
            self._mp4.begin_run(*both, run)
        self._clock = run.clock
        self._audio_cut = None
        self._describe()

    def add(self, kind: Kind, sample: Sample) -> None:
        """Write the next sample of the run. Raises `LogFull`; the run is then over."""
        log = self._cmaf[kind]
        at = sample.dts / self.tracks[kind].timescale
        self._clock.observe(at, sample.wall)
        cut = self._cuts(kind, sample, at)
        if cut and kind == self._lead:
            self._audio_cut = at
        longest = log.longest_segment, log.part_target
        log.add(sample, cut=cut)
        leads = cut and kind == self._lead
        self._flv.add(self.tracks[kind], sample, cut=leads)
        if self._mp4 is not None:
            self._mp4.add(self.tracks[kind], sample, cut=leads)
        if (log.longest_segment, log.part_target) != longest:
            self._describe()

    def _cuts(self, kind: Kind, sample: Sample, at: float) -> bool:
        """Whether a segment begins here: at the lead track's keyframes, and the audio with it."""
        if kind != self._lead:
            cut = self._audio_cut is not None and at >= self._audio_cut
            if cut:
                self._audio_cut = None
            return cut
        lasted = at - self._cmaf[kind].segment_start / self.tracks[kind].timescale
        wanted = self._package.segment_ms / 1000 - _EARLY_S
        return (sample.keyframe and lasted >= wanted) or lasted >= _SEGMENT_LIMIT_S

    def finish_run(self) -> None:
        """Write what is gathered. Raises `LogFull`."""
        for log in self._cmaf.values():
            log.finish_run()
        self._flv.flush()
        if self._mp4 is not None:
            self._mp4.finish_run({track: self.written(kind) for kind, track in self.tracks.items()})
        self._describe()

    def _describe(self) -> None:
        """Write the manifest, if it says something new."""
        longest = max(log.longest_segment for log in self._cmaf.values())
        wanted = max(longest, self._package.segment_ms / 1000)
        manifest = msgspec.structs.replace(
            self._manifest,
            target_duration=max(1, int(wanted + 0.5), self._manifest.target_duration),
            renditions=[
                _rendition(NAMES[kind], self.tracks[kind], log.part_target)
                for kind, log in self._cmaf.items()
            ],
        )
        if manifest != self._manifest:
            save_manifest(self.folder, manifest)
            self._manifest = manifest

    def finish(self) -> None:
        """Say in every log that nothing will follow, and close them."""
        for writer in self._writers():
            writer.end()

    def close(self) -> None:
        """Let go of the logs; the epoch may go on in this process or another."""
        for writer in self._writers():
            writer.close()

    def _writers(self) -> list[LogWriter]:
        mp4 = [self._mp4.writer] if self._mp4 is not None else []
        return [*(log.writer for log in self._cmaf.values()), self._flv.writer, *mp4]


def left_open(folder: Path, package: Package, retention: Retention) -> Epoch:
    """The epoch that another process left in `folder`, to be gone on with.

    Raises `LogError` or `ManifestError` when it has ended or cannot be used.
    """
    timescales: dict[Kind, int] = {
        each.kind: each.sample_rate or VIDEO_TIMESCALE for each in load_manifest(folder).renditions
    }
    return Epoch(folder, timescales, package, retention)


def _rendition(name: str, track: Track, target: float) -> Rendition:
    target = -(-target * 1000 // 1) / 1000
    if isinstance(track, AudioTrack):
        return Rendition(
            name,
            "audio",
            track.codec,
            target,
            sample_rate=track.sample_rate,
            channels=track.channels,
        )
    return Rendition(
        name,
        "video",
        track.codec,
        target,
        width=track.width,
        height=track.height,
        frame_rate=float(track.frame_rate) if track.frame_rate else None,
    )
