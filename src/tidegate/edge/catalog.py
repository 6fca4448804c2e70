"""What is published: channels, epochs and logs, as the folder tree has them now.

Law: the tree is the truth and inotify only says where to look; so a lost event costs a second look,
and whoever removes or recreates the root finds this still serving.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import structlog

from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.loop import Loop
from tidegate.edge.response import Answer, error
from tidegate.edge.timers import Timer
from tidegate.log import LIVE, LogError, Watcher, live_epoch
from tidegate.log.files import INDEX, LOCK
from tidegate.package.manifest import FILE_NAME, FLV_LOG, Manifest, ManifestError, load_manifest

LOOK_AGAIN_S = 0.5
"""Seconds between looks for a root that does not exist; inotify cannot watch what is not there."""
IDLE_S = 60.0
"""Seconds without a request after which a log is closed: its descriptors and wakes are not free."""

log = structlog.get_logger()

_FOLDER = Watcher.CREATE | Watcher.MOVED_TO | Watcher.DELETE | Watcher.DELETE_SELF
_INDEX = {True: Watcher.MODIFY, False: Watcher.DELETE_SELF}
"""What is asked of an index, by whether its log's changes matter now: no watch is for nothing."""
Changed = Callable[[int, str], None]


class Watches:
    """inotify descriptors to who wants to know. `lost` is called when the kernel dropped events."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._watcher = Watcher()
        self._lost = lost
        self._calls: dict[int, Changed] = {}

    def fileno(self) -> int:
        """For epoll."""
        return self._watcher.fileno()

    def add(self, path: Path, mask: int, call: Changed) -> int:
        """Call `call(mask, name)` at events of `path`. Raises `LogError` when it is not there."""
        descriptor = self._watcher.watch(path, mask)
        self._calls[descriptor] = call
        return descriptor

    def ask(self, path: Path, mask: int) -> None:
        """Watch a `path` that is watched for `mask` from now on; one that is gone will say so."""
        with contextlib.suppress(LogError):
            self._watcher.watch(path, mask)

    def remove(self, descriptor: int) -> None:
        """Stop."""
        if self._calls.pop(descriptor, None) is not None:
            self._watcher.unwatch(descriptor)

    def ready(self, _events: int) -> None:
        """Hand out what happened, repeated news of one file once."""
        news = dict.fromkeys(self._watcher.events())
        for descriptor, mask, name in news:
            if descriptor < 0:
                self._lost()
            elif mask & Watcher.IGNORED:
                self._calls.pop(descriptor, None)
            elif (call := self._calls.get(descriptor)) is not None:
                call(mask, name)

    def close(self) -> None:
        """Stop everything."""
        self._watcher.close()


class Epoch:
    """One epoch's folder: its manifest, and the logs of it that someone asked for."""

    def __init__(self, path: Path, watches: Watches, gone: Answer) -> None:
        self.path = path
        self.id = path.name
        self.channel = path.parent.name
        self.manifest: Manifest | None = None
        self.answers: dict[object, tuple[float, Answer]] = {}
        """Answers about the whole epoch, and until when they hold."""
        self._watches = watches
        self._gone = gone
        self._feeds: dict[str, tuple[Feed, int]] = {}
        self._watch = watches.add(path, _FOLDER, self._changed)
        self._load()

    @property
    def since_ms(self) -> int | None:
        """When the epoch began, milliseconds since 1970: its lock is written once."""
        try:
            return (self.path / FLV_LOG / LOCK).stat().st_mtime_ns // 1_000_000
        except OSError:
            return None

    @property
    def feeds(self) -> list[Feed]:
        """Those open."""
        return [feed for feed, _ in self._feeds.values()]

    def feed(self, name: str, now: float) -> Feed | None:
        """The log called `name` ("source.cmaf"), brought up to date; None when there is none."""
        found = self._feeds.get(name)
        if found is None:
            found = self._open(name)
            if found is None:
                return None
        feed = found[0]
        feed.used_at = now
        feed.fresh()
        return feed

    def cmaf(self, rendition: str, now: float) -> Feed | None:
        """The CMAF log of a rendition that the manifest names."""
        manifest = self.manifest
        found = manifest.rendition(rendition) if manifest is not None else None
        return self.feed(found.log, now) if found is not None else None

    def leads(self, rendition: str) -> bool:
        """Whether this is the rendition by whose playlists viewers are counted: the first."""
        return self.manifest is not None and self.manifest.renditions[0].name == rendition

    def close_idle(self, before: float) -> None:
        """Close logs that nobody asked for since `before`."""
        for name, (feed, _) in list(self._feeds.items()):
            if feed.used_at < before and not feed.awaited:
                self._close(name)

    def look_again(self) -> None:
        """Events were lost: believe nothing."""
        self._load()
        for name in list(self._feeds):
            self._modified(name)

    def supersede(self) -> None:
        """The channel began afresh; whoever wrote here is gone, if only by a crash."""
        for feed in self.feeds:
            feed.supersede()

    def close(self) -> None:
        """The epoch is gone."""
        self._watches.remove(self._watch)
        for name in list(self._feeds):
            self._close(name)

    def _open(self, name: str) -> tuple[Feed, int] | None:
        path = self.path / name
        index = path / INDEX

        def listen(news: bool) -> None:
            self._watches.ask(index, _INDEX[news])

        try:
            # Watched before it is read: what is appended in between is seen twice, never missed.
            watch = self._watches.add(
                index, _INDEX[True], lambda _mask, _name: self._modified(name)
            )
        except LogError:
            return None
        try:
            self._feeds[name] = (Feed(self.channel, name, path, listen), watch)
        except LogError:
            self._watches.remove(watch)
            return None
        return self._feeds[name]

    def _close(self, name: str) -> None:
        feed, watch = self._feeds.pop(name)
        self._watches.remove(watch)
        feed.close(self._gone)

    def _modified(self, name: str) -> None:
        try:
            if name in self._feeds:
                self._feeds[name][0].changed()
        except OSError as problem:
            log.error("log unreadable", log=str(self.path / name), problem=str(problem))
            self._close(name)

    def _changed(self, mask: int, name: str) -> None:
        if name == FILE_NAME and not mask & Watcher.DELETE:
            self._load()
        elif mask & Watcher.DELETE and name in self._feeds:
            self._close(name)

    def _load(self) -> None:
        with contextlib.suppress(ManifestError):
            self.manifest = load_manifest(self.path)
            self.answers.clear()


class Channel:
    """One channel's folder: its epochs that someone asked for, and which of them is the newest."""

    def __init__(self, path: Path, watches: Watches, gone: Answer) -> None:
        self.path = path
        self.name = path.name
        self._watches = watches
        self._gone = gone
        self._epochs: dict[str, Epoch] = {}
        self._newest: str | None = None
        self._watch = watches.add(path, _FOLDER, self._changed)
        self._newest = live_epoch(path)

    @property
    def newest(self) -> Epoch | None:
        """The epoch that is live, or was last."""
        return self.epoch(self._newest) if self._newest else None

    def epoch(self, name: str) -> Epoch | None:
        """An epoch by its id, for as long as anything of it is kept."""
        found = self._epochs.get(name)
        if found is None:
            try:
                found = self._epochs[name] = Epoch(self.path / name, self._watches, self._gone)
            except LogError:
                return None
        return found

    def close_idle(self, before: float) -> None:
        """Close logs that nobody asked for since `before`, and epochs left without any."""
        for name, epoch in list(self._epochs.items()):
            epoch.close_idle(before)
            if not epoch.feeds and name != self._newest:
                self._epochs.pop(name).close()

    def look_again(self) -> None:
        """Events were lost: believe nothing."""
        self._renew()
        for name, epoch in list(self._epochs.items()):
            if epoch.path.is_dir():
                epoch.look_again()
            else:
                self._epochs.pop(name).close()

    def close(self) -> None:
        """The channel is gone."""
        self._watches.remove(self._watch)
        for epoch in self._epochs.values():
            epoch.close()

    def _renew(self) -> None:
        before, self._newest = self._newest, live_epoch(self.path)
        if before != self._newest and before in self._epochs:
            self._epochs[before].supersede()

    def _changed(self, mask: int, name: str) -> None:
        if name == LIVE:
            self._renew()
        elif mask & Watcher.DELETE and name in self._epochs:
            self._epochs.pop(name).close()


class Catalog:
    """The tree under `root`, which may not exist yet."""

    def __init__(self, root: Path, loop: Loop, counts: Counts) -> None:
        self.channels: dict[str, Channel] = {}
        self._root = root
        self._loop = loop
        self._gone = error(counts.tally("media", 404), 404, "This channel's epoch is gone.")
        self._watches = Watches(self._look_again)
        self._root_watch: int | None = None
        self._timer = Timer(self._tick)
        loop.add(self._watches.fileno(), self._watches)
        self._tick(loop.now)

    def epoch(self, channel: str, epoch: str) -> Epoch | None:
        """An epoch of a channel, by its id."""
        found = self.channels.get(channel)
        return found.epoch(epoch) if found is not None else None

    def newest(self, channel: str) -> Epoch | None:
        """A channel's newest epoch."""
        found = self.channels.get(channel)
        return found.newest if found is not None else None

    def close(self) -> None:
        """Let go of everything."""
        self._leave()
        self._loop.remove(self._watches.fileno())
        self._watches.close()

    def _tick(self, now: float) -> None:
        if self._root_watch is None:
            self._enter()
        for channel in self.channels.values():
            channel.close_idle(now - IDLE_S)
        self._timer.deadline = now + LOOK_AGAIN_S
        self._loop.wheel.watch(self._timer)

    def _enter(self) -> None:
        try:
            self._root_watch = self._watches.add(self._root, _FOLDER, self._changed)
        except LogError:
            return
        self._scan()

    def _leave(self) -> None:
        if self._root_watch is not None:
            self._watches.remove(self._root_watch)
            self._root_watch = None
        for channel in self.channels.values():
            channel.close()
        self.channels.clear()

    def _scan(self) -> None:
        try:
            names = [entry.name for entry in self._root.iterdir() if entry.is_dir()]
        except OSError:
            return
        for name in set(self.channels) - set(names):
            self.channels.pop(name).close()
        for name in names:
            self._found(name)

    def _found(self, name: str) -> None:
        if name not in self.channels:
            with contextlib.suppress(LogError):
                self.channels[name] = Channel(self._root / name, self._watches, self._gone)

    def _changed(self, mask: int, name: str) -> None:
        if mask & Watcher.DELETE_SELF:
            self._root_watch = None
            self._leave()
        elif mask & Watcher.DELETE and name in self.channels:
            self.channels.pop(name).close()
        elif mask & (Watcher.CREATE | Watcher.MOVED_TO) and (self._root / name).is_dir():
            self._found(name)

    def _look_again(self) -> None:
        self._scan()
        for channel in self.channels.values():
            channel.look_again()
