"""What a packager writes, from the samples of a real film and what can go wrong in one."""

import io
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import msgspec
import pytest

from support.disk import small_disk
from support.film import Film, samples_of
from support.hls_judge import judge, read
from support.publish import make_film
from tidegate.log import LogReader, live_epoch
from tidegate.media import flv
from tidegate.media.sample import Sample
from tidegate.package import hls
from tidegate.package.manifest import load_manifest
from tidegate.package.packager import Packager
from tidegate.package.window import Window
from tidegate.settings import Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def film(folder: Path) -> Film:
    return samples_of(make_film(folder / "film.mp4", seconds=5))


@pytest.fixture(scope="module")
def small_film(folder: Path) -> Film:
    """Another picture size, other sound."""
    video = "-vf scale=320:180 -c:v libx264 -preset veryfast -g 30 -pix_fmt yuv420p"
    path = make_film(folder / "small.mp4", seconds=3, video=video, audio="-c:a aac -ar 44100")
    return samples_of(path)


class Channel:
    """A packager, what it reported, and its logs."""

    def __init__(self, root: Path, **package: object) -> None:
        self.folder = root / "demo"
        self.settings = Settings.model_validate(
            {"log": {"root": root, "retention_s": 600}, "package": {"window_s": 300, **package}}
        )
        self.ids = (f"e{number}" for number in itertools.count())
        self.reports: list[str] = []
        self.open()

    def open(self) -> None:
        self.packager = Packager(self.folder, self.settings, lambda: next(self.ids))

    def report(self, name: str, _detail: str) -> None:
        self.reports.append(name)

    def publish(self, film: Film) -> None:
        for track, sample in film:
            self.packager.track(track, self.report)
            self.packager.sample(track, sample, self.report)

    def end(self) -> None:
        self.packager.pause(self.report)
        self.packager.finish()

    @property
    def epoch(self) -> Path:
        live = live_epoch(self.folder)
        assert live is not None
        return self.folder / live

    def reader(self, log: str) -> LogReader:
        return LogReader(self.epoch / log)

    def windows(self) -> dict[str, Window]:
        found = {}
        for rendition in load_manifest(self.epoch).renditions:
            with self.reader(rendition.log) as reader:
                window = Window(reader.timescale)
                window.extend(reader.first, reader.records(reader.first, reader.next))
                window.ended = reader.ended
                found[rendition.name] = window
        return found

    def playlist(self, name: str) -> str:
        text = hls.media_playlist(load_manifest(self.epoch), name, self.windows(), skip=False)
        judge(read(text.decode()))
        return text.decode()

    def packets(self, log: str, init: int = 0) -> list[tuple[int, int, bytes]]:
        """(dts, pts, data) of what a player finds in one run of a log."""
        with self.reader(log) as reader:
            data = reader.init(init) + b"".join(
                reader.read(number)
                for number in range(reader.first, reader.next)
                if reader.record(number).init == init
            )
        with av.open(io.BytesIO(data)) as container:
            return [
                (packet.dts, packet.pts, bytes(packet))
                for packet in container.demux()
                if packet.dts is not None and packet.pts is not None
            ]


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path)


def of(film: Film, kind: str) -> list[Sample]:
    return [sample for track, sample in film if type(track).__name__.lower().startswith(kind)]


def test_every_sample_comes_out_with_its_time_and_bytes(channel: Channel, film: Film) -> None:
    channel.publish(film)
    channel.end()
    video, audio = of(film, "video"), of(film, "audio")
    got = channel.packets("source.cmaf")
    assert [data for _, _, data in got] == [sample.data for sample in video]
    shift = got[0][0] - video[0].dts
    assert [(dts - shift, pts - shift) for dts, pts, _ in got] == [(s.dts, s.pts) for s in video]
    heard = channel.packets("audio.cmaf")
    assert [data for _, _, data in heard] == [s.data for s in audio][-len(heard) :]
    assert len(audio) - len(heard) <= 4  # sound of before the first picture's decode time
    moved = heard[-1][0] - audio[-1].dts
    assert abs(moved / 48_000 - shift / 90_000) < 0.001
    with channel.reader("source.flv") as reader:
        whole = reader.init(0) + b"".join(reader.read(n) for n in range(reader.next))
    assert sum(tag.kind == 9 for tag in flv.parse_file_tags(whole)) == len(video) + 1
    assert channel.reports == []


def test_segments_begin_at_keyframes_and_sound_is_cut_with_the_picture(
    channel: Channel, film: Film
) -> None:
    channel.publish(film)
    channel.end()
    for name in ("source", "audio"):
        playlist = read(channel.playlist(name))
        assert playlist.ended
        assert [each.number for each in playlist.segments] == [0, 1, 2]
        assert playlist.target == 2
        assert "EXT-X-INDEPENDENT-SEGMENTS" in playlist.tags
    dates = [
        [each.date for each in read(channel.playlist(name)).segments]
        for name in ("source", "audio")
    ]
    for video, audio in zip(*dates, strict=True):
        assert video is not None
        assert audio is not None
        assert abs((video - audio).total_seconds()) < 0.15


def test_every_growing_playlist_is_lawful(channel: Channel, film: Film) -> None:
    for number, each in enumerate(film):
        channel.publish([each])
        if number % 25 == 0 and live_epoch(channel.folder):
            windows = channel.windows()
            if all(window.segments for window in windows.values()):
                channel.playlist("source")
                channel.playlist("audio")


def test_a_publisher_who_comes_back_goes_on_where_it_left(channel: Channel, film: Film) -> None:
    channel.publish(film)
    channel.packager.pause(channel.report)
    with channel.reader("source.cmaf") as reader:
        first_end = reader.record(reader.next - 1).end
    channel.packager.close()  # and the process with it
    channel.open()
    later = [
        (track, msgspec.structs.replace(sample, wall=sample.wall + 9_000_000))
        for track, sample in film
    ]
    channel.publish(later)
    channel.end()
    assert channel.epoch.name == "e0"
    with channel.reader("source.cmaf") as reader:
        runs = [reader.record(n) for n in range(reader.next) if reader.record(n).init == 1]
    assert 0 <= runs[0].time - first_end < 90_000 // 5  # sound may outlast the picture
    playlist = read(channel.playlist("source"))
    assert [each.discontinuity for each in playlist.segments] == [0, 0, 0, 1, 1, 1]
    assert [each.map for each in playlist.segments][2:4] == [
        "source/init.0.mp4",
        "source/init.1.mp4",
    ]
    before, after = playlist.segments[2].date, playlist.segments[3].date
    assert before is not None
    assert after is not None
    assert (after - before).total_seconds() > 4
    assert len(channel.packets("source.cmaf", 1)) == len(of(film, "video"))


def test_another_size_is_a_discontinuity_and_another_set_of_tracks_another_epoch(
    channel: Channel, film: Film, small_film: Film
) -> None:
    small_video = [each for each in small_film if each[1] in of(small_film, "video")]
    old_audio = [each for each in film if each[1] in of(film, "audio")]
    channel.publish(film)
    channel.publish(old_audio[-1:] + small_video)
    channel.packager.pause(channel.report)
    assert channel.reports == ["parameters_changed"]
    assert channel.epoch.name == "e0"
    assert load_manifest(channel.epoch).renditions[0].width == 320
    assert len(channel.packets("source.cmaf", 1)) == len(small_video)
    channel.publish(small_film)  # sound of another rate: the audio log's ticks would change
    channel.packager.pause(channel.report)
    assert channel.epoch.name == "e1"
    with LogReader(channel.folder / "e0" / "source.cmaf") as reader:
        assert reader.ended
    channel.publish(small_video)
    channel.end()
    assert channel.epoch.name == "e2"
    assert [each.kind for each in load_manifest(channel.epoch).renditions] == ["video"]


def test_a_long_frame_makes_one_long_part_and_no_more(channel: Channel, film: Film) -> None:
    halted = [
        (track, msgspec.structs.replace(sample, dts=sample.dts + late, pts=sample.pts + late))
        for track, sample in film
        if (late := track.timescale * 3 // 10 * (sample.dts > track.timescale)) >= 0
    ]
    channel.publish(halted)
    channel.end()
    with channel.reader("source.cmaf") as reader:
        lasted = [each.duration / 90_000 for each in reader.records(0, reader.next)]
    target = load_manifest(channel.epoch).renditions[0].part_target
    assert 0.33 < max(lasted) <= target < 0.34
    assert sorted(lasted)[-2] <= 0.202
    assert sum(each > 0.19 for each in lasted) >= len(lasted) - 5


def test_a_publisher_without_a_keyframe_costs_nothing_and_is_told(
    channel: Channel, film: Film
) -> None:
    video = [each for each in film if each[1] in of(film, "video")]
    inter = [each for each in video if not each[1].keyframe]
    forever = [
        (track, msgspec.structs.replace(sample, dts=number * 3000, pts=number * 3000))
        for number, (track, sample) in enumerate(itertools.islice(itertools.cycle(inter), 3000))
    ]
    channel.publish(forever)
    assert channel.reports == ["no_keyframe"]
    assert live_epoch(channel.folder) is None
    channel.publish(film)
    assert channel.epoch.name == "e0"


def test_a_stream_that_starts_late_in_its_gop_begins_at_the_next_keyframe(
    channel: Channel, film: Film
) -> None:
    channel.publish(film[20:])
    channel.end()
    video = of(film[20:], "video")
    first = next(index for index, sample in enumerate(video) if sample.keyframe)
    got = [data for _, _, data in channel.packets("source.cmaf")]
    assert got == [sample.data for sample in video[first:]]


@pytest.fixture
def full_soon(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "600k") as disk:
        yield disk


def test_a_full_disk_is_reported_and_the_channel_goes_on_when_there_is_space(
    full_soon: Path, film: Film
) -> None:
    ballast = full_soon / "ballast"
    ballast.write_bytes(bytes(200_000))
    channel = Channel(full_soon)
    channel.publish(film)
    assert "log_full" in channel.reports
    written = len(channel.packets("source.cmaf"))
    assert 0 < written < len(of(film, "video"))
    ballast.unlink()
    # Nothing was lost of what stood, and the next keyframe begins a new run behind it.
    channel.publish(film)
    assert len(channel.packets("source.cmaf")) == written
    channel.playlist("source")
    assert read(channel.playlist("source")).segments[-1].discontinuity >= 1


def test_a_folder_taken_away_is_reported_and_ends_nothing(channel: Channel, film: Film) -> None:
    channel.publish(film[:100])
    shutil.rmtree(channel.folder)
    channel.publish(film[100:])
    channel.end()
    assert channel.reports == ["log_error"]
    assert channel.epoch.name == "e1"
    assert len(channel.packets("source.cmaf")) > 0


def moved(film: Film, ms: int) -> Film:
    """The film at another time of the publisher's clock."""
    found = []
    for track, sample in film:
        late = track.timescale * ms // 1000
        found.append(
            (track, msgspec.structs.replace(sample, dts=sample.dts + late, pts=sample.pts + late))
        )
    return found


@pytest.mark.parametrize("ms", [-1001, -3, 1, 999, -3_600_000])
def test_every_run_begins_with_its_keyframe_wherever_the_clock_stands(
    channel: Channel, film: Film, ms: int
) -> None:
    video = [each for each in film if each[1] in of(film, "video")]
    for _ in range(2):
        channel.publish(moved(video, ms))
        channel.packager.pause(channel.report)
    assert len(channel.packets("source.cmaf", 1)) == len(video)
    assert "EXT-X-INDEPENDENT-SEGMENTS" in read(channel.playlist("source")).tags


def test_a_run_that_only_one_track_had_counts_for_both(channel: Channel, film: Film) -> None:
    first = next(index for index, each in enumerate(film) if each[1] in of(film, "video"))
    channel.publish(film)
    channel.packager.pause(channel.report)
    for track in {type(track): track for track, _ in film}.values():
        channel.packager.track(track, channel.report)
    channel.publish(film[first : first + 1])  # one picture, and no sound
    channel.packager.pause(channel.report)
    channel.publish(film)
    channel.end()
    numbers = [
        read(channel.playlist(name)).segments[-1].discontinuity for name in ("source", "audio")
    ]
    assert numbers == [2, 2]


def test_a_long_last_segment_counts_for_the_target_duration(channel: Channel, film: Film) -> None:
    video = [each for each in film if each[1] in of(film, "video")]
    one_gop = [
        (track, msgspec.structs.replace(sample, keyframe=index == 0))
        for index, (track, sample) in enumerate(video)
    ]
    channel.publish(one_gop)
    channel.packager.pause(channel.report)
    channel.publish(video)
    channel.end()
    assert read(channel.playlist("source")).target == 5


def test_parts_still_listed_keep_the_part_target_up(channel: Channel, film: Film) -> None:
    halted = film[:200] + moved(film[200:], 700)
    channel.publish(halted)
    channel.packager.close()
    channel.open()
    channel.publish(film)
    channel.packager.pause(channel.report)
    text = hls.media_playlist(
        load_manifest(channel.epoch), "source", channel.windows(), skip=False
    ).decode()
    playlist = read(text)
    longest = max(part.duration for each in playlist.segments for part in each.parts)
    assert 0.7 < longest <= playlist.part_target


def test_a_clock_that_stands_still_fills_no_memory(channel: Channel, film: Film) -> None:
    channel.publish(film[:60])
    track, sample = next(each for each in film[60:] if not each[1].keyframe)
    stuck = [
        (track, msgspec.structs.replace(sample, dts=sample.dts + n, pts=sample.pts + n))
        for n in range(3000)
    ]
    before = sum(file.stat().st_size for file in channel.folder.rglob("*.seg"))
    channel.publish(stuck)
    after = sum(file.stat().st_size for file in channel.folder.rglob("*.seg"))
    assert after - before > 2 * 2400 * len(sample.data)


def test_samples_that_wait_go_with_their_parameters(
    channel: Channel, film: Film, small_film: Film
) -> None:
    early = [each for each in film if each[1] in of(film, "video")][:10]
    channel.publish(early)  # alone for now, so it waits for another track
    channel.publish(small_film)
    channel.end()
    assert load_manifest(channel.epoch).renditions[0].width == 320
    wanted = [sample.data for sample in of(small_film, "video")]
    assert [data for _, _, data in channel.packets("source.cmaf")] == wanted
