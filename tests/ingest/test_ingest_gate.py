"""Who may publish: keys, names, one publisher a channel, grace, and what becomes of old epochs."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from support.film import Film, samples_of
from support.publish import make_film
from tidegate.ingest.gate import Gate, Refused
from tidegate.ingest.publication import Publication
from tidegate.log import LogReader, live_epoch
from tidegate.settings import Settings

KEY = "a-key-for-tests-only"
OWN_KEY = "the-channels-own-key"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A gate over a root, with a clock to turn and ids in order."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self._ids = itertools.count()
        self.settings = Settings.model_validate(
            {
                "log": {"root": root, "retention_s": 60},
                "publish": {"key": KEY, "grace_s": 30},
                "channels": {"own": {"key": OWN_KEY}, "open": {"takeover": True}},
            }
        )
        self.kicked: list[str] = []
        self.gate = self.new_gate()

    def new_gate(self) -> Gate:
        return Gate(self.settings, self.clock, lambda: f"e{next(self._ids)}")

    def admit(self, channel: str = "demo", key: str = KEY) -> Publication:
        return self.gate.admit(channel, key, self.kicked.append)

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.gate.tick()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "log")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return samples_of(make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=3))


def pour(publication: Publication, film: Film) -> None:
    for track, sample in film:
        publication.track(track)
        publication.sample(track, sample)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.word


def test_a_channel_takes_its_own_key_or_the_nodes(world: World) -> None:
    for channel, key in (("own", KEY), ("demo", OWN_KEY), ("demo", ""), ("demo", "schlüssel")):
        assert refusal(lambda channel=channel, key=key: world.admit(channel, key)) == "key"
    assert refusal(lambda: world.admit("../etc")) == "name"
    assert world.admit("own", OWN_KEY).channel == "own"
    assert world.admit("demo").channel == "demo"


def test_a_second_publisher_is_refused_or_takes_over_as_the_channel_says(world: World) -> None:
    world.admit("demo")
    assert refusal(lambda: world.admit("demo")) == "busy"
    first = world.admit("open")
    second = world.admit("open")
    assert world.kicked == ["another publisher took over"]
    first.close("gone")  # the connection that was kicked ends after its successor began
    assert refusal(lambda: world.admit("demo")) == "busy"
    second.close("gone")
    world.admit("open")
    assert len(world.kicked) == 1


def test_a_kick_may_close_the_publication_at_once(world: World) -> None:
    stays: list[Publication] = []
    for number in range(3):
        stays.append(world.gate.admit("open", KEY, lambda reason, n=number: stays[n].close(reason)))
    stays[-1].close("gone")
    world.pass_time(31)


def test_a_channel_waits_for_its_publisher_and_then_ends(world: World, film: Film) -> None:
    publication = world.admit()
    pour(publication, film)
    publication.close("gone")
    epoch = world.root / "demo" / "e0"
    world.pass_time(29)
    with LogReader(epoch / "source.cmaf") as reader:
        assert not reader.ended
        world.pass_time(2)
        reader.refresh()
        assert reader.ended
    pour(world.admit(), film)
    assert live_epoch(epoch.parent) == "e1"


def test_a_new_process_takes_up_what_the_last_one_left(world: World, film: Film) -> None:
    pour(world.admit(), film)
    world.gate.close()
    world.gate = world.new_gate()
    pour(world.admit(), film)
    assert live_epoch(world.root / "demo") == "e0"
    world.gate.close()
    world.gate = world.new_gate()
    world.pass_time(31)
    with LogReader(world.root / "demo" / "e0" / "source.cmaf") as reader:
        assert reader.ended


def test_an_epoch_is_deleted_when_no_reader_can_want_it(world: World, film: Film) -> None:
    publication = world.admit()
    pour(publication, film)
    publication.close("gone")
    world.pass_time(31)
    epoch = world.root / "demo" / "e0"
    world.pass_time(60)
    assert epoch.is_dir()
    others = world.root / ".node" / "metrics"
    others.mkdir(parents=True)
    world.pass_time(31)
    assert not epoch.parent.exists()
    world.pass_time(1000)
    world.pass_time(1000)
    assert others.exists()


def test_a_live_epoch_is_never_deleted(world: World, film: Film) -> None:
    publication = world.admit()
    pour(publication, film)
    for _ in range(10):
        world.pass_time(100)
    assert (world.root / "demo" / "e0" / "source.cmaf" / "index").exists()
    publication.close("gone")
