"""The MP4 log: from any independent chunk on, with its init, a file of what the publisher sent."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_package_packager import Channel, of

from support.film import Film, samples_of
from support.publish import decoded, make_film, packets, probe
from tidegate.log import Flag, LogReader, LogWriter, Record, Retention, live_epoch
from tidegate.media import aac, cmaf, h264
from tidegate.media.cmaf.init import SYNC
from tidegate.media.sample import Sample, Track
from tidegate.package.clock import Run, WallClock
from tidegate.package.manifest import FLV_LOG, MP4_LOG
from tidegate.package.mp4_log import TIMESCALE, Mp4Log

VIDEO = h264.video_track(
    bytes.fromhex(
        "0142c00dffe1001b6742c00dda05067e79b808080a000003000200000300781e28554001000468ce0fc8"
    )
)
AUDIO = aac.audio_track(bytes.fromhex("1190"))
TRACKS: dict[int, Track] = {cmaf.VIDEO_ID: VIDEO, cmaf.AUDIO_ID: AUDIO}
CHUNK_MS = 100
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def film(folder: Path) -> Film:
    return samples_of(make_film(folder / "film.mp4", seconds=5))


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path)


class Packet(NamedTuple):
    """What FFmpeg reads; times in ticks."""

    dts: int
    pts: int
    key: bool
    data: bytes


def read(data: bytes) -> dict[str, list[Packet]]:
    """A file's packets by track, in its order."""
    found: dict[str, list[Packet]] = {}
    with av.open(io.BytesIO(data)) as file:
        for stream in file.streams:
            found[stream.type] = []
        for packet in file.demux():
            if packet.dts is not None and packet.pts is not None:
                each = Packet(packet.dts, packet.pts, packet.is_keyframe, bytes(packet))
                found[packet.stream.type].append(each)
    return found


def records_of(reader: LogReader) -> list[Record]:
    return list(reader.records(reader.first, reader.next))


def file_from(reader: LogReader, number: int) -> bytes:
    """Chunk `number` and what follows of its run, behind its init."""
    init = reader.record(number).init
    later = range(number, reader.next)
    return reader.init(init) + b"".join(
        reader.read(each) for each in later if reader.record(each).init == init
    )


def only(film: Film, kind: str) -> Film:
    wanted = of(film, kind)
    return [each for each in film if each[1] in wanted]


def test_any_independent_chunk_and_its_init_begin_a_file_of_the_rest(
    channel: Channel, film: Film
) -> None:
    channel.publish(film)
    channel.end()
    video, audio = of(film, "video"), of(film, "audio")
    with channel.reader(MP4_LOG) as reader:
        starts = [number for number, each in enumerate(records_of(reader)) if each.independent]
        files = [read(file_from(reader, number)) for number in starts]
    assert len(files) == sum(sample.keyframe for sample in video) == 3
    got = files[0]
    shift, moved = got["video"][0].dts - video[0].dts, got["audio"][-1].dts - audio[-1].dts
    assert abs(shift / 90_000 - moved / 48_000) < 0.001  # sound stays with its picture
    assert got["video"] == [(s.dts + shift, s.pts + shift, s.keyframe, s.data) for s in video]
    heard = [(s.dts + moved, s.pts + moved, True, s.data) for s in audio]
    assert got["audio"] == heard[-len(got["audio"]) :]
    assert len(audio) - len(got["audio"]) <= 4  # sound of before the first picture's decode time
    for later in files[1:]:
        assert later["video"][0].key
        first = later["video"][0].dts / 90_000
        assert abs(later["audio"][0].dts / 48_000 - first) < 0.025
        for kind, found in later.items():
            assert found == got[kind][-len(found) :]


def test_chunks_begin_segments_where_the_flv_log_s_do_and_are_as_short(
    channel: Channel, film: Film
) -> None:
    channel.publish(film)
    channel.packager.pause(channel.report)
    channel.publish(film)
    channel.end()
    flags = Flag.STARTS_SEGMENT | Flag.DISCONTINUITY
    told = []
    for name in (MP4_LOG, FLV_LOG):
        with channel.reader(name) as reader:
            assert reader.ended
            records = records_of(reader)
        told.append([(r.time, r.init, r.flags) for r in records if r.flags & flags])
        lasted = sorted(record.duration for record in records)
        assert lasted[-1] < 180
        assert 80 < lasted[len(lasted) // 2] < 140
        assert [record.time for record in records] == sorted(record.time for record in records)
        assert len({record.segment for record in records}) == len(told[-1]) == 6
    assert told[0] == told[1]
    assert [each[2] for each in told[0]] == [3, 3, 3, 7, 3, 3]


def test_no_more_waits_than_a_chunk_and_each_track_s_newest_sample(
    channel: Channel, film: Film
) -> None:
    waited = []
    for track, sample in film:
        channel.publish([(track, sample)])
        if not live_epoch(channel.folder):
            continue
        with channel.reader(MP4_LOG) as reader:
            if reader.next:
                end = reader.record(reader.next - 1).end / TIMESCALE
                waited.append(sample.dts / track.timescale - end)
    moved = min(waited)  # from the film's time to the log's: a chunk ends with the newest sample
    assert max(waited) - moved < CHUNK_MS / 1000 + 0.035


def test_the_wall_clock_is_told_of_the_first_picture(channel: Channel, film: Film) -> None:
    channel.publish(film)
    channel.end()
    with channel.reader(MP4_LOG) as reader:
        for number, record in enumerate(records_of(reader)):
            video, *_ = cmaf.parse_fragment(reader.read(number))
            assert video.prft == (24, record.wall, video.decode_time)
            assert video.track_id == cmaf.VIDEO_ID
            assert record.time == video.decode_time * 1000 // 90_000


def test_a_new_run_has_its_own_init_and_goes_on_in_time(channel: Channel, film: Film) -> None:
    channel.publish(film)
    channel.packager.close()  # and the process with it: what was not written is lost
    channel.open()
    channel.publish(film)
    channel.end()
    with channel.reader(MP4_LOG) as reader:
        records = records_of(reader)
        first = next(number for number, each in enumerate(records) if each.init == 1)
        assert records[first].flags == 7
        assert reader.init(1) == reader.init(0)
        before, after = read(file_from(reader, 0)), read(file_from(reader, first))
    assert len(after["video"]) == len(of(film, "video"))
    for kind, found in before.items():
        assert after[kind][0].dts > found[-1].dts


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_one_track_alone_is_a_file_too(channel: Channel, film: Film, kind: str) -> None:
    sent = of(film, kind)
    channel.publish(only(film, kind))
    channel.end()
    with channel.reader(MP4_LOG) as reader:
        found = read(file_from(reader, 0))
        records = records_of(reader)
        last = [number for number, each in enumerate(records) if each.independent][-1]
        tail = read(file_from(reader, last))
    assert list(found) == [kind]
    assert [each.data for each in found[kind]] == [sample.data for sample in sent]
    assert {each.dts - sample.dts for each, sample in zip(found[kind], sent, strict=True)} == {
        found[kind][0].dts - sent[0].dts
    }
    assert tail[kind] == found[kind][-len(tail[kind]) :]
    independent = [each.flags & 3 for each in records if each.flags]
    assert independent == [3, 3, 3]


def test_pictures_far_apart_keep_their_sound_with_them(channel: Channel, film: Film) -> None:
    slow = [
        each for number, each in enumerate(only(film, "video")) if number % 30 == 0
    ]  # one a second, every second of them a keyframe
    channel.publish([each for each in film if each in slow or each in only(film, "audio")])
    channel.end()
    with channel.reader(MP4_LOG) as reader:
        records = records_of(reader)
        first = [cmaf.parse_fragment(reader.read(number))[0] for number in range(reader.next)]
        assert len(read(file_from(reader, 0))["video"]) == len(slow)
    assert [each.track_id for each in first] == [cmaf.VIDEO_ID] * len(first)
    assert [bool(each.samples[0].flags == SYNC) for each in first] == [
        record.independent for record in records
    ]


def test_sound_goes_on_when_pictures_stop(channel: Channel, film: Film) -> None:
    channel.publish([each for each in film if each in only(film, "audio") or each[1].dts < 90_000])
    with channel.reader(MP4_LOG) as reader:
        sound = [cmaf.parse_fragment(reader.read(number))[-1] for number in range(reader.next)]
        assert all(not each.independent for each in records_of(reader)[10:])
    end = sum(row.duration for each in sound for row in each.samples) / 48_000
    assert end > 5 - 1.2  # sound waits a second for a picture, then goes alone


def test_a_clock_that_stands_still_fills_no_memory(channel: Channel, film: Film) -> None:
    channel.publish(film[:60])
    track, sample = next(each for each in film[60:] if not each[1].keyframe)
    channel.publish(
        [
            (track, msgspec.structs.replace(sample, dts=sample.dts + n, pts=sample.pts + n))
            for n in range(3000)
        ]
    )
    with channel.reader(MP4_LOG) as reader:
        counts = [
            sum(len(each.samples) for each in cmaf.parse_fragment(reader.read(number)))
            for number in range(reader.next)
        ]
    assert sum(counts) > 2400
    assert max(counts) <= 514


def test_the_setting_leaves_the_log_out_and_takes_a_former_one_away(
    tmp_path: Path, film: Film
) -> None:
    channel = Channel(tmp_path)
    channel.publish(film)
    channel.packager.close()
    assert (channel.epoch / MP4_LOG).is_dir()
    for mp4 in (False, True):
        channel.settings = Channel(tmp_path / "none", mp4=mp4).settings.model_copy(
            update={"log": channel.settings.log}
        )
        channel.open()
        channel.publish(film)
        assert (channel.epoch / MP4_LOG).is_dir() == mp4
        channel.packager.close()
    assert channel.epoch.name == "e0"
    with channel.reader(MP4_LOG) as reader:
        assert reader.record(0).init == 2
        assert len(read(file_from(reader, 0))["video"]) > 100
    assert channel.reports == []


@contextmanager
def log() -> Iterator[Mp4Log]:
    """A log on tmpfs, one for each example."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        writer = LogWriter(Path(path) / MP4_LOG, TIMESCALE, Retention(1e6, 1 << 40))
        with writer:
            yield Mp4Log(writer, CHUNK_MS)


class Step(NamedTuple):
    """A sample to add: its track, ms after the track's last, and what it is."""

    number: int
    ms: int
    keyframe: bool
    cut: bool
    size: int
    offset: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([1, 1, 2, 2, 2]),
        st.sampled_from([1, 10, 21, 33, 33, 40, 300, 2500]),
        st.integers(0, 5).map(lambda n: n == 0),
        st.integers(0, 8).map(lambda n: n == 0),
        st.sampled_from([0, 1, 7, 300, MEGABYTE]),
        st.integers(-9000, 9000),
    ),
    max_size=60,
)


def run(
    written: Mp4Log, steps: list[Step], numbers: list[int], start: int
) -> dict[int, list[Sample]]:
    """One run of these tracks; returns what was sent of each."""
    tracks = {number: TRACKS[number] for number in numbers}
    init = written.writer.init + 1
    video, audio = (VIDEO if 1 in numbers else None), (AUDIO if 2 in numbers else None)
    written.begin_run(video, audio, Run(start / 1000, init, WallClock(start / 1000, 0)))
    sent: dict[int, list[Sample]] = {number: [] for number in numbers}
    ends = {}
    steps = [Step(numbers[0], 0, True, False, 9, 0), *steps]
    at = dict.fromkeys(numbers, start)
    for step in steps:
        if step.number not in tracks:
            continue
        track, number = tracks[step.number], step.number
        at[number] += step.ms
        dts = at[number] * track.timescale // 1000
        lead = number == numbers[0]
        pts = dts + step.offset if number == cmaf.VIDEO_ID else dts
        key = step.keyframe or number == cmaf.AUDIO_ID
        sample = Sample(dts, pts, 0, key, len(sent[number]).to_bytes(2) * (step.size // 2))
        written.add(track, sample, cut=step.cut and lead)
        sent[number].append(sample)
        ends[track] = dts + 777
    written.finish_run(ends)
    return sent


@given(STEPS, STEPS, st.sampled_from([[1, 2], [1], [2]]))
def test_every_sample_is_written_once_in_its_time_and_chunks_are_what_they_say(
    first: list[Step], second: list[Step], numbers: list[int]
) -> None:
    with log() as written:
        before = run(written, first, numbers, 1000)
        after = run(written, second, numbers, 1_000_000)
        with LogReader(written.writer.path) as reader:
            records = records_of(reader)
            parts = [cmaf.parse_fragment(reader.read(n)) for n in range(reader.next)]
    for init, sent in enumerate((before, after)):
        for number, samples in sent.items():
            found = [
                part
                for each, record in zip(parts, records, strict=True)
                for part in each
                if part.track_id == number and record.init == init
            ]
            rows = [row for part in found for row in part.samples]
            assert [(row.composition, row.size, row.flags == SYNC) for row in rows] == [
                (sample.pts - sample.dts, len(sample.data), sample.keyframe) for sample in samples
            ]
            assert b"".join(part.data for part in found) == b"".join(s.data for s in samples)
            at = samples[0].dts if samples else 0
            for part in found:
                assert part.decode_time == at  # each begins where the last ended
                at += sum(row.duration for row in part.samples)
            if samples:
                assert at == samples[-1].dts + 777
    assert_lawful(records, parts, numbers)


def assert_lawful(
    records: list[Record], parts: list[list[cmaf.ParsedTrack]], numbers: list[int]
) -> None:
    """Flags say what the chunks are."""
    init = -1
    for record, (lead, *others) in zip(records, parts, strict=True):
        opens = bool(record.flags & Flag.STARTS_SEGMENT)
        assert bool(record.flags & Flag.DISCONTINUITY) == (record.init != init and record.init > 0)
        assert opens or record.init == init
        init = record.init
        video = [row.flags == SYNC for row in lead.samples] if lead.track_id == 1 else []
        assert True not in video[1:]
        assert record.independent == (video[:1] == [True] if 1 in numbers else opens)
        assert lead.prft is not None
        assert lead.prft.wall_us == record.wall
        assert record.size < 10 * MEGABYTE
        assert all(each.track_id > lead.track_id for each in others)
        assert (
            record.end
            == Fraction(
                (lead.decode_time + sum(row.duration for row in lead.samples)) * 1000,
                TRACKS[lead.track_id].timescale,
            ).__floor__()
        )


@pytest.mark.real
def test_ffmpeg_plays_the_log_as_it_plays_the_film(
    channel: Channel, folder: Path, film: Film, tmp_path: Path
) -> None:
    channel.publish(film)
    channel.end()
    path = tmp_path / "whole.mp4"
    with channel.reader(MP4_LOG) as reader:
        path.write_bytes(file_from(reader, 0))
    source = folder / "film.mp4"
    assert decoded(path, "-xerror") == decoded(source)
    assert set(probe(path)) == {"video", "audio"}
    pairs = zip(packets(path, "v"), packets(source, "v"), strict=True)
    moved = {round(got.pts - sent.pts, 4) for got, sent in pairs}
    assert len(moved) == 1
