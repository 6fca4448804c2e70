"""What holds for every log, whatever is appended, retired, cut or asked for."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.log import (
    Cursor,
    Flag,
    LogError,
    LogHeld,
    LogReader,
    LogWriter,
    Retention,
    Retired,
)
from tidegate.log.record import HEADER_SIZE, RECORD_SIZE

KEEP = Retention(seconds=1e9, bytes=1 << 40)
TIMESCALE = 1000


@contextmanager
def folder() -> Iterator[Path]:
    """A log's folder on tmpfs, one for each example."""
    path = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        yield path / "source.cmaf"
    finally:
        shutil.rmtree(path)


# (bytes, whether it is independent, whether it starts a segment)
chunks = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), st.booleans(), st.booleans()), max_size=40
)


def fill(log: LogWriter, plan: list[tuple[bytes, bool, bool]], start: int = 0) -> None:
    for number, (data, independent, starts) in enumerate(plan, start):
        flags = independent * Flag.INDEPENDENT | starts * Flag.STARTS_SEGMENT
        log.append(data, time=number * 100, duration=100, wall=number, flags=flags)


@given(chunks, st.integers(1, 2000))
def test_a_cursor_reads_every_byte_once_in_order(
    plan: list[tuple[bytes, bool, bool]], limit: int
) -> None:
    with folder() as path, LogWriter(path, TIMESCALE, KEEP) as log:
        log.set_init(b"init", 0)
        fill(log, plan)
        with LogReader(path) as reader:
            cursor, read = Cursor(reader, 0), b""
            while span := cursor.span(limit):
                assert span.size <= limit or span.next == cursor.number + 1
                read += span.file.read(span.offset, span.size)
                cursor.number = span.next
            assert read == b"".join(data for data, _, _ in plan)
            assert cursor.number == reader.next == len(plan)


@given(chunks, chunks)
def test_what_a_reader_saw_never_changes(
    first: list[tuple[bytes, bool, bool]], then: list[tuple[bytes, bool, bool]]
) -> None:
    with folder() as path, LogWriter(path, TIMESCALE, KEEP) as log:
        log.set_init(b"init", 0)
        fill(log, first)
        with LogReader(path) as reader:
            seen = reader.records(0, reader.next)
            read = [reader.read(number) for number in range(reader.next)]
            log.close()
            with LogWriter(path, TIMESCALE, KEEP) as again:
                fill(again, then, len(first))
            assert reader.refresh() == bool(then)
            assert reader.records(0, len(first)) == seen
            assert [reader.read(number) for number in range(len(first))] == read
            assert reader.next == len(first) + len(then)


@given(chunks.filter(bool), st.data())
def test_a_log_cut_at_any_byte_opens_at_its_last_whole_record_and_goes_on(
    plan: list[tuple[bytes, bool, bool]], data: st.DataObject
) -> None:
    with folder() as path:
        with LogWriter(path, TIMESCALE, KEEP) as log:
            log.set_init(b"init", 0)
            fill(log, plan)
        index = path / "index"
        kept = data.draw(st.integers(HEADER_SIZE, index.stat().st_size), label="index bytes")
        os.truncate(index, kept)
        newest = max(path.glob("*.seg"), key=lambda file: int(file.stem))
        bytes_kept = data.draw(st.integers(0, newest.stat().st_size), label="segment bytes")
        os.truncate(newest, bytes_kept)
        with LogReader(path) as before:
            records = before.records(0, before.next)
        whole = 0
        for record in records[: (kept - HEADER_SIZE) // RECORD_SIZE]:
            if record.offset + record.size > (path / f"{record.segment}.seg").stat().st_size:
                break
            whole += 1
        with LogWriter(path, TIMESCALE, KEEP) as log, LogReader(path) as reader:
            assert reader.next == log.next == whole
            assert [reader.read(n) for n in range(whole)] == [d for d, _, _ in plan[:whole]]
            log.append(b"more", time=10**6, duration=1, wall=0, flags=Flag.STARTS_SEGMENT)
            reader.refresh()
            assert reader.read(whole) == b"more"


@given(chunks.filter(bool), st.integers(-100, 5000))
def test_a_cursor_starts_where_it_was_asked_to(
    plan: list[tuple[bytes, bool, bool]], time: int
) -> None:
    with folder() as path, LogWriter(path, TIMESCALE, KEEP) as log:
        log.set_init(b"init", 0)
        fill(log, plan)
        with LogReader(path) as reader:
            independent = [number for number, chunk in enumerate(plan) if chunk[1]]
            newest = independent[-1] if independent else len(plan)
            assert Cursor.at_newest(reader).number == newest
            by_time = [number for number in independent if number * 100 <= time]
            assert Cursor.at_time(reader, time).number == (by_time[-1] if by_time else 0)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=60), st.integers(1, 20_000))
def test_retention_keeps_its_bounds_and_never_takes_what_a_reader_has_open(
    sizes: list[int], limit: int
) -> None:
    with folder() as path, LogWriter(path, TIMESCALE, Retention(2.0, limit)) as log:
        log.set_init(b"init", 0)
        held = []
        with LogReader(path) as reader:
            for number, size in enumerate(sizes):
                data = bytes([number % 256]) * size
                log.append(data, time=number * 500, duration=500, wall=0, flags=Flag.STARTS_SEGMENT)
                reader.refresh()
                held.append((reader.file(number), data))
            for file, data in held:
                assert file.read(0, len(data)) == data
            kept = sizes[reader.first : -1]
            assert sum(kept) <= limit
            assert len(kept) * 500 <= 2000 + 500
            assert sorted(int(file.stem) for file in path.glob("*.seg")) == list(
                range(reader.first, len(sizes))
            )
            if reader.first:
                with pytest.raises(Retired):
                    reader.record(reader.first - 1)
            with LogReader(path) as late:
                assert (late.first, late.next) == (reader.first, reader.next)
                assert late.records(late.first, late.next) == reader.records(
                    reader.first, reader.next
                )


def test_two_writers_cannot_hold_one_log(tmp_path: Path) -> None:
    with LogWriter(tmp_path, TIMESCALE, KEEP), pytest.raises(LogHeld, match="another writer"):
        LogWriter(tmp_path, TIMESCALE, KEEP)
    LogWriter(tmp_path, TIMESCALE, KEEP).close()


def test_an_ended_log_tells_its_readers_and_takes_no_more(tmp_path: Path) -> None:
    log = LogWriter(tmp_path, TIMESCALE, KEEP)
    with LogReader(tmp_path) as reader:
        log.end()
        assert reader.refresh()
        assert reader.ended
    with pytest.raises(LogError, match="ended"):
        LogWriter(tmp_path, TIMESCALE, KEEP)


@pytest.mark.parametrize("damage", [b"", b"TIDELOG1", b"x" * HEADER_SIZE, bytes(HEADER_SIZE)])
def test_what_is_no_log_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "index").write_bytes(damage)
    with pytest.raises(LogError):
        LogReader(tmp_path)
    with pytest.raises(LogError):
        LogWriter(tmp_path, TIMESCALE, KEEP)


def test_an_init_that_chunks_belong_to_is_never_replaced(tmp_path: Path) -> None:
    with LogWriter(tmp_path, TIMESCALE, KEEP) as log:
        log.set_init(b"one", 0)
        log.append(b"chunk", time=0, duration=1, wall=0, flags=Flag.STARTS_SEGMENT)
        with pytest.raises(LogError, match="has chunks"):
            log.set_init(b"two", 0)
        log.set_init(b"two", 1)
        with LogReader(tmp_path) as reader:
            assert (reader.init(0), reader.init(1)) == (b"one", b"two")
            with pytest.raises(Retired):
                reader.init(2)


def test_a_descriptor_is_closed_with_its_last_holder(tmp_path: Path) -> None:
    with LogWriter(tmp_path, TIMESCALE, KEEP) as log:
        log.set_init(b"one", 0)
        log.append(b"chunk", time=0, duration=1, wall=0, flags=Flag.STARTS_SEGMENT)
        reader = LogReader(tmp_path)
        file = reader.file(0)
        fd = file.fd
        reader.close()
        assert os.pread(fd, 5, 0) == b"chunk"
        del file
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.pread(fd, 5, 0)
