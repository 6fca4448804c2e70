"""Who may publish where: names, keys, one publisher a channel, and the grace of those who left.

Every ingest protocol comes through here with a channel's name and a key, and gets a `Publication`
to pour samples into, or a refusal to pass on.
"""

import contextlib
import hmac
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from tidegate import metrics
from tidegate.ingest.publication import Publication
from tidegate.log import LIVE, live_epoch
from tidegate.package.packager import Packager
from tidegate.settings import CHANNEL_NAME, Channel, Settings

_NAME = re.compile(CHANNEL_NAME)
_RETIRE_EVERY_S = 5.0
"""How often folders of ended epochs are looked for, seconds."""
_CHANNELS = 1024
"""Channels held at once: each keeps three logs open, and a process has 20,000 descriptors or so."""


class Refused(Exception):
    """A publisher is turned away: `word` for the metric, the text for the publisher."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


class _Held:
    """A channel that has a packager: its publication, or when its grace ends."""

    def __init__(self, packager: Packager, until: float) -> None:
        self.packager = packager
        self.publication: Publication | None = None
        self.until = until


class Gate:
    """Admits publishers to the channels of `settings.log.root`; takes up those left open there.

    `now` is a monotonic clock in seconds; `new_id` makes epoch ids.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._settings = settings
        self._now = now
        self._new_id = new_id
        self._root = settings.log.root
        self._log = structlog.get_logger()
        self._ended: dict[Path, float] = {}
        self._retire_at = 0.0
        self._channels: dict[str, _Held] = {}
        for folder in self._folders():
            if live_epoch(folder):
                self._take_up(folder)

    def _folders(self) -> list[Path]:
        """Channels' folders: the root holds others, too."""
        found = self._root.iterdir() if self._root.is_dir() else []
        return sorted(each for each in found if _NAME.fullmatch(each.name) and each.is_dir())

    def _take_up(self, folder: Path) -> None:
        packager = Packager(folder, self._settings, self._new_id)
        if packager.epoch is None:
            return
        self._channels[folder.name] = _Held(packager, self._now() + self._settings.publish.grace_s)
        self._log.info("channel taken up", channel=folder.name, epoch=packager.epoch)

    def admit(self, channel: str, key: str, kick: Callable[[str], None]) -> Publication:
        """Let a publisher in. `kick` is called, with a reason, if another takes its place.

        Raises `Refused`. The key is compared in constant time, whether the channel exists or not.
        """
        rules = self._settings.channels.get(channel, Channel())
        wanted = rules.key or self._settings.publish.key
        if wanted is None or not hmac.compare_digest(key.encode(), wanted.encode()):
            raise Refused("key", "the stream key is missing or wrong")
        if not _NAME.fullmatch(channel):
            raise Refused("name", f"a channel's name must match {CHANNEL_NAME}")
        held = self._channels.get(channel)
        if held is None:
            if len(self._channels) >= _CHANNELS:
                raise Refused("full", f"this machine holds {_CHANNELS} channels, its limit")
            held = _Held(Packager(self._root / channel, self._settings, self._new_id), 0.0)
            self._channels[channel] = held
        elif (former := held.publication) is not None:
            if not rules.takeover:
                raise Refused("busy", f"{channel} has a publisher already")
            former.kick("another publisher took over")
            former.close("taken over")
        held.publication = Publication(channel, held.packager, kick, self._left)
        metrics.PUBLISHERS.inc()
        self._log.info("publisher accepted", channel=channel)
        return held.publication

    def _left(self, publication: Publication, reason: str) -> None:
        held = self._channels[publication.channel]
        if held.publication is publication:
            held.publication = None
            held.until = self._now() + self._settings.publish.grace_s
        metrics.PUBLISHERS.dec()
        self._log.info("publisher left", channel=publication.channel, reason=reason)

    def tick(self) -> None:
        """End the channels whose grace is over; delete epochs ended longer than the retention."""
        now = self._now()
        for name, held in list(self._channels.items()):
            if held.publication is not None:
                held.publication.flush()
            elif now >= held.until:
                held.packager.finish()
                del self._channels[name]
                self._log.info("channel ended", channel=name)
        if now >= self._retire_at:
            self._retire_at = now + _RETIRE_EVERY_S
            with contextlib.suppress(OSError):  # somebody else tidies the folders, too
                self._retire(now)

    def _retire(self, now: float) -> None:
        """Delete what no reader can want: epochs seen ended for the retention and a grace."""
        patience = self._settings.log.retention_s + self._settings.publish.grace_s
        found = {
            epoch
            for folder in self._folders()
            for epoch in folder.iterdir()
            if epoch.is_dir() and self._is_past(epoch)
        }
        self._ended = {epoch: self._ended.get(epoch, now) for epoch in found}
        for epoch, since in list(self._ended.items()):
            if now - since >= patience:
                if live_epoch(epoch.parent) == epoch.name:
                    (epoch.parent / LIVE).unlink(missing_ok=True)
                shutil.rmtree(epoch, ignore_errors=True)
                with contextlib.suppress(OSError):  # other epochs are still kept
                    epoch.parent.rmdir()
                del self._ended[epoch]

    def _is_past(self, epoch: Path) -> bool:
        held = self._channels.get(epoch.parent.name)
        return held is None or held.packager.epoch != epoch.name

    def close(self) -> None:
        """Let go of every log; open epochs wait for the next process."""
        for held in self._channels.values():
            if held.publication is not None:
                held.publication.close("the node stops")
            held.packager.close()
        self._channels.clear()
