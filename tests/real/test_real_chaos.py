"""Each process killed in turn under viewers: they play on, without asking for the page again."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from support.channel import live, media_playlists
from support.ll_client import LowLatencyClient
from support.node import RunningNode
from support.publish import make_film, publishing
from support.wait import until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=20)


def kill(node: RunningNode, part: str) -> None:
    """kill -9 a part, and wait for its successor."""
    before = node.parts()[part]
    os.kill(before, signal.SIGKILL)
    until(lambda: node.parts().get(part, before) != before, f"{part} is started again")


def test_a_packager_killed_mid_stream_goes_on_in_its_epoch(
    start_node: Callable[..., RunningNode], film: Path
) -> None:
    node = start_node()
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        url = media_playlists(node, "film")["source"]
        client = LowLatencyClient(url)
        client.play_until(parts=12)
        os.kill(node.parts()["ingest"], signal.SIGKILL)
    before = client.playlists[-1]
    # The viewer waits in a blocking reload all the while; the judge sees every playlist after.
    waiting = threading.Thread(target=client.play_until, args=(len(client.parts) + 5,))
    waiting.start()
    with publishing(node.rtmp("film"), film):
        waiting.join(60)
        assert not waiting.is_alive()
        assert media_playlists(node, "film")["source"] == url
    after = client.playlists[-1]
    assert after.segments[-1].discontinuity == before.segments[-1].discontinuity + 1
    assert "log_full" not in node.log_text()
    client.close()


def test_an_edge_killed_under_viewers_answers_the_next_request(
    start_node: Callable[..., RunningNode], film: Path
) -> None:
    node = start_node()
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        url = media_playlists(node, "film")["source"]
        client = LowLatencyClient(url)
        client.play_until(parts=5)
        client.close()
        os.kill(node.parts()["edge.0"], signal.SIGKILL)
        # No port is lost meanwhile: the connection waits in the listener's backlog.
        again = LowLatencyClient(url)
        again.play_until(parts=5)
        assert again.playlists[-1].segments[-1].number >= client.playlists[-1].segments[-1].number
        again.close()
        assert node.parts()["ingest"]


def test_a_channel_ends_when_its_publisher_stays_away(
    start_node: Callable[..., RunningNode], film: Path
) -> None:
    node = start_node({"publish": {"grace_s": 1}})
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        client = LowLatencyClient(media_playlists(node, "film")["source"])
        client.play_until(parts=5)
    client.play()
    assert client.playlists[-1].ended
    client.close()
