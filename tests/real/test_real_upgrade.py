"""New edge workers in the place of old ones, and a worker killed: who watches does not notice."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.channel import live, media_playlists
from support.flv_readers import Reader, Readers
from support.node import TIDEGATE, RunningNode, environment
from support.processes import alive, servers
from support.publish import make_film, publishing
from support.wait import until

pytestmark = pytest.mark.real

StartNode = Callable[..., RunningNode]
READERS = 200
TWO = {"http": {"workers": 2}}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = "-c:v libx264 -preset ultrafast -b:v 200k -bf 2 -g 30 -sc_threshold 0 -pix_fmt yuv420p"
    folder = tmp_path_factory.mktemp("film")
    return make_film(folder / "film.mp4", seconds=90, video=small)


def edges(node: RunningNode) -> set[int]:
    """The edge workers that take newcomers."""
    return {pid for name, pid in node.parts().items() if name.startswith("edge.")}


def upgrade(node: RunningNode, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TIDEGATE, "upgrade", *options, str(node.config)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def go_on(readers: list[Reader], tags: int = 80) -> None:
    """Every one of them gets so many tags more, and none was cut or saw a gap."""
    wanted = {reader: reader.tags + tags for reader in readers}
    until(
        lambda: all(reader.tags >= more or reader.cut for reader, more in wanted.items()),
        "the readers go on",
        within_s=60,
    )
    assert not any(reader.cut for reader in readers)
    assert [reader.faults for reader in readers if reader.faults] == []


@contextmanager
def polling(node: RunningNode, channel: str) -> Iterator[list[tuple[int, int]]]:
    """A viewer of HLS that comes anew for each playlist: (status, number of the first segment)."""
    path = media_playlists(node, channel)["source"].removeprefix(node.http)
    seen: list[tuple[int, int]] = []
    over = threading.Event()

    def poll() -> None:
        while not over.wait(0.05):
            answer = node.get(path)
            lines = answer.body.decode().splitlines()
            first = [line for line in lines if line.startswith("#EXT-X-MEDIA-SEQUENCE:")]
            seen.append((answer.status, int(first[0].partition(":")[2]) if first else -1))

    thread = threading.Thread(target=poll, name="hls")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(30)


def test_an_upgrade_and_a_killed_worker_under_readers(start_node: StartNode, film: Path) -> None:
    node = start_node(TWO)
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        before = edges(node)
        with Readers(node.http_port, "film", READERS) as readers, polling(node, "film") as seen:
            go_on(readers.all)
            assert set(servers(before, node.http_port).values()) == before
            told = upgrade(node, "--json")
            assert told.returncode == 0, told.stderr
            assert json.loads(told.stdout)["generation"] == 2
            after = edges(node)
            assert len(after) == 2
            assert not after & before
            with Readers(node.http_port, "film", 40) as newcomers:
                go_on(newcomers.all)
                served = servers(before | after, node.http_port)
                assert {served[each.port] for each in newcomers.all} <= after
                assert {served[each.port] for each in readers.all} == before
                go_on(readers.all)
                readers.close()
                until(lambda: not any(map(alive, before)), "the old workers end with their viewers")
                a_killed_worker_takes_only_its_own(node, newcomers.all)
        assert len(seen) > 10
        assert {status for status, _ in seen} == {200}
        assert sorted(seen) == seen


def a_killed_worker_takes_only_its_own(node: RunningNode, readers: list[Reader]) -> None:
    parts, served = node.parts(), servers(edges(node), node.http_port)
    victim = served[readers[0].port]
    lost = [reader for reader in readers if served[reader.port] == victim]
    others = [reader for reader in readers if served[reader.port] != victim]
    assert others
    os.kill(victim, signal.SIGKILL)
    until(lambda: all(reader.cut for reader in lost), "its own readers are cut")
    with Readers(node.http_port, "film", 20) as again:
        go_on(again.all)
        go_on(others)
    kept = {name: pid for name, pid in parts.items() if pid != victim}
    now = node.parts()
    assert len(now) == len(parts)
    assert kept.items() <= now.items()
