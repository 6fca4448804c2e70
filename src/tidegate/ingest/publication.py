"""One publisher's stay in a channel: what every ingest protocol pours its samples into."""

from collections.abc import Callable

import structlog

from tidegate import metrics
from tidegate.media.sample import Sample, Track, VideoTrack
from tidegate.package.packager import Packager

_EVENTS_LOGGED = 20
"""Health events of one publication that get a line each; the rest are counted alone."""


class Publication:
    """Samples for `packager`, until closed; `kick` ends its connection from this side."""

    def __init__(
        self,
        channel: str,
        packager: Packager,
        kick: Callable[[str], None],
        left: Callable[["Publication", str], None],
    ) -> None:
        self.channel = channel
        self.kick = kick
        self._packager = packager
        self._left = left
        self._open = True
        self._events = 0
        self._log = structlog.get_logger().bind(channel=channel)
        self._counted = {"video": 0, "audio": 0}

    def track(self, track: Track) -> None:
        """A track's codec parameters, before its first sample and whenever they change."""
        if self._open:
            self._packager.track(track, self.event)

    def sample(self, track: Track, sample: Sample) -> None:
        """The next sample of a track, in the order of arrival."""
        if self._open:
            self._counted["video" if isinstance(track, VideoTrack) else "audio"] += 1
            self._packager.sample(track, sample, self.event)

    def event(self, name: str, detail: str) -> None:
        """Count a health event, and log the first few."""
        metrics.HEALTH_EVENTS.labels(event=name).inc()
        self._events += 1
        if self._events <= _EVENTS_LOGGED:
            self._log.warning(name, detail=detail)
        if self._events == _EVENTS_LOGGED:
            self._log.warning("further health events of this publisher are only counted")

    def flush(self) -> None:
        """Hand the count of samples to the metrics: now and then, for there are many."""
        for kind, count in self._counted.items():
            metrics.SAMPLES.labels(kind=kind).inc(count)
            self._counted[kind] = 0

    def close(self, reason: str) -> None:
        """The publisher is gone; the channel waits out its grace. Closing twice is no error."""
        if self._open:
            self._open = False
            self.flush()
            self._packager.pause(self.event)
            self._left(self, reason)
