"""Access records: what was delivered, for whom, in slots of five minutes.

Law: what was told is either in the log or still held here, so a full disk loses nothing and nothing
is counted twice. Each worker has a log of its own; the sum of all is the truth.

A chunk is a msgpack list of `Entry`; its time is when it was written, milliseconds since 1970.
"""

import contextlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from tidegate.log import Flag, LogError, LogHeld, LogReader, LogWriter, Retention
from tidegate.settings import Channel

SLOT_S = 300
"""Seconds of a slot: what bandwidth is billed by (95th percentile of five-minute averages)."""
TIMESCALE = 1000
LOG_BYTES = 1 << 30
"""Bytes of one worker's log at most: a year of a hundred busy channels."""
SEGMENT_S = 3600
"""Seconds after which a log goes on in another file, so that old ones can go."""
_DAY_S = 86_400

log = structlog.get_logger()


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """`slot` is its beginning, seconds since 1970; `protocol` a word of `metrics.VIEWERS`."""

    slot: int
    tenant: str
    channel: str
    protocol: str
    bytes: int
    requests: int


Key = tuple[int, str, str, str]
"""Slot, tenant, channel, protocol."""


class Usage:
    """One worker's records in `folder` (state.folder/usage), made if absent; `now` is Unix time."""

    def __init__(
        self, folder: Path, channels: Mapping[str, Channel], retention_days: int, now: float
    ) -> None:
        self._channels = channels
        self._held: dict[Key, list[int]] = {}
        self._full = False
        self._segment_until = 0.0
        self._path = folder / f"{secrets.token_hex(8)}.usage"
        self._retention = Retention(float(retention_days * _DAY_S), LOG_BYTES)
        self._writer: LogWriter | None = None
        _remove_old(folder, now - retention_days * _DAY_S)
        self._slot = 0
        self.turn(now)

    def turn(self, now: float) -> None:
        """From now on charges are of the slot of `now`."""
        self._slot = int(now) // SLOT_S * SLOT_S

    def charge(self, channel: str, protocol: str, size: int, requests: int) -> None:
        """So many bytes and requests more."""
        known = self._channels.get(channel)
        tenant = known.tenant if known is not None else "default"
        held = self._held.setdefault((self._slot, tenant, channel, protocol), [0, 0])
        held[0] += size
        held[1] += requests

    def flush(self, now: float) -> None:
        """Write what is held, in one chunk."""
        if not self._held:
            return
        entries = [Entry(*key, *sums) for key, sums in self._held.items()]
        starts = now >= self._segment_until
        flags = Flag.INDEPENDENT | (Flag.STARTS_SEGMENT if starts else 0)
        try:
            self._writer = self._writer or self._open()
            self._writer.append(
                msgspec.msgpack.encode(entries),
                time=int(now * TIMESCALE),
                duration=0,
                wall=int(now * 1e6),
                flags=flags,
            )
        except OSError as problem:
            if not self._full:
                log.error("access records wait in memory", problem=str(problem), fix="free space")
            self._full = True
            return
        if starts:
            self._segment_until = now + SEGMENT_S
        self._full = False
        self._held.clear()

    def close(self, now: float) -> None:
        """Write the rest; this worker writes no more."""
        self.flush(now)
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.end()
            self._writer.close()

    def _open(self) -> LogWriter:
        """Opened late: a full disk keeps no viewer waiting."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        writer = LogWriter(self._path, TIMESCALE, self._retention)
        try:
            if writer.init < 0:
                writer.set_init(msgspec.json.encode(Entry.__struct_fields__), 0)
        except OSError:
            writer.close()  # or it would hold its own successor off
            raise
        return writer


def read_usage(folder: Path) -> dict[Key, tuple[int, int]]:
    """Bytes and requests of every slot, tenant, channel and protocol, over all workers' logs."""
    sums: dict[Key, tuple[int, int]] = {}
    for path in sorted(folder.glob("*.usage")):
        with contextlib.suppress(LogError), LogReader(path) as reader:
            for number in range(reader.first, reader.next):
                for entry in msgspec.msgpack.decode(reader.read(number), type=list[Entry]):
                    key = entry.slot, entry.tenant, entry.channel, entry.protocol
                    size, requests = sums.get(key, (0, 0))
                    sums[key] = size + entry.bytes, requests + entry.requests
    return sums


def _remove_old(folder: Path, before: float) -> None:
    """Logs whose last record is older, but for a living worker's that had nothing to write."""
    for path in folder.glob("*.usage"):
        with contextlib.suppress(OSError):
            if (path / "index").stat().st_mtime < before and not _writes(path):
                shutil.rmtree(path, ignore_errors=True)


def _writes(path: Path) -> bool:
    """Whether a living worker holds the log."""
    try:
        LogWriter(path, TIMESCALE, Retention(0.0, 0)).close()
    except LogHeld:
        return True
    except OSError:  # ended as it should be, or damaged
        return False
    return False
