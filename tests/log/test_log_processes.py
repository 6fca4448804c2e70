"""A log between processes: woken by inotify, killed at any moment, written to a full disk."""

import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.disk import small_disk
from tidegate.log import Flag, LogError, LogFull, LogReader, LogWriter, Retention, Watcher

KEEP = Retention(seconds=1e9, bytes=1 << 40)

APPEND_FOR_EVER = """
import sys
from pathlib import Path
from tidegate.log import Flag, LogWriter, Retention
log = LogWriter(Path(sys.argv[1]), 1000, Retention(1e9, 1 << 40))
if log.init < 0:
    log.set_init(b"init", 0)
while True:
    data = log.next.to_bytes(4, "little") * (1 + log.next % 700)
    flags = Flag.INDEPENDENT | (Flag.STARTS_SEGMENT if log.next % 7 == 0 else 0)
    log.append(data, time=log.next, duration=1, wall=0, flags=flags)
"""


def wait_for(watcher: Watcher) -> None:
    assert select.select([watcher], [], [], 30)[0], "inotify said nothing"
    watcher.events()


def test_a_writer_killed_at_any_byte_leaves_a_log_that_goes_on(tmp_path: Path) -> None:
    seen = 0
    for _ in range(10):
        writer = subprocess.Popen([sys.executable, "-c", APPEND_FOR_EVER, str(tmp_path)])
        try:
            while True:
                try:
                    reader = LogReader(tmp_path)
                    break
                except LogError:
                    assert writer.poll() is None
            with reader:
                while reader.next < seen + 50:
                    reader.refresh()
                    assert writer.poll() is None
                writer.send_signal(signal.SIGKILL)
                writer.wait()
                reader.refresh()
                seen = reader.next
                for number in range(reader.first, reader.next):
                    expected = number.to_bytes(4, "little") * (1 + number % 700)
                    assert reader.read(number) == expected
        finally:
            writer.kill()
            writer.wait()
    with LogWriter(tmp_path, 1000, KEEP) as log:
        assert log.next == seen


def test_an_append_wakes_a_reader_of_another_process(tmp_path: Path) -> None:
    with LogWriter(tmp_path, 1000, KEEP) as log:
        log.set_init(b"init", 0)
    watcher = Watcher()
    watcher.watch(tmp_path / "index", Watcher.MODIFY)
    with LogReader(tmp_path) as reader:
        writer = subprocess.Popen([sys.executable, "-c", APPEND_FOR_EVER, str(tmp_path)])
        try:
            wait_for(watcher)
            while not reader.refresh():
                wait_for(watcher)
            assert reader.read(0) == bytes(4)
        finally:
            writer.kill()
            writer.wait()
            watcher.close()


def test_a_watcher_tells_what_and_where(tmp_path: Path) -> None:
    watcher = Watcher()
    try:
        descriptor = watcher.watch(tmp_path, Watcher.CREATE | Watcher.MOVED_TO | Watcher.DELETE)
        assert watcher.events() == []
        (tmp_path / "a").touch()
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "b").unlink()
        assert watcher.events() == [
            (descriptor, Watcher.CREATE, "a"),
            (descriptor, Watcher.MOVED_TO, "b"),
            (descriptor, Watcher.DELETE, "b"),
        ]
        watcher.unwatch(descriptor)
        watcher.events()
        (tmp_path / "c").touch()
        assert watcher.events() == []
        with pytest.raises(LogError, match="No such file"):
            watcher.watch(tmp_path / "none", Watcher.MODIFY)
    finally:
        watcher.close()


@pytest.fixture
def full_soon(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "256k") as disk:
        yield disk


def fill_up(log: LogWriter, data: bytes) -> None:
    for number in range(100):
        flags = Flag.STARTS_SEGMENT if number % 3 == 0 else 0
        log.append(data, time=number, duration=1, wall=0, flags=flags)


def test_a_full_disk_loses_nothing_written_and_a_later_append_succeeds(full_soon: Path) -> None:
    path = full_soon / "log"
    data = bytes(range(256)) * 40
    with LogWriter(path, 1000, KEEP) as log:
        log.set_init(b"init", 0)
        with pytest.raises(LogFull, match=r"log\.retention_s"):
            fill_up(log, data)
        with LogReader(path) as reader:
            assert reader.next == log.next > 10
            assert all(reader.read(number) == data for number in range(reader.next))
        full = log.next
        (path / "0.seg").unlink()  # somebody frees space
        log.append(data, time=full, duration=1, wall=0, flags=Flag.STARTS_SEGMENT)
        with LogReader(path) as reader:
            assert reader.read(full) == data
