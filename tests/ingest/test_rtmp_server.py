"""The RTMP port over real sockets: recorded publishers, refusals told, deadlines, limits, drain."""

import errno
import socket
import struct

import pytest
from prometheus_client import REGISTRY
from rtmp_peer import (
    HANDSHAKE,
    KEY,
    NAMES,
    capture,
    command,
    connect,
    media,
    new_session,
    opening,
    play,
)
from rtmp_service import Peer, Service, serving
from structlog.testing import capture_logs

from support.wait import until
from tidegate.ingest.rtmp.chunks import Message, write
from tidegate.ingest.rtmp.session import Media
from tidegate.media.sample import VideoTrack

START = b"NetStream.Publish.Start"
VIDEO_HEADER = next(
    event.payload
    for event in play(new_session(), [capture("pyav")])
    if isinstance(event, Media) and event.kind == "video"
)


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"tidegate_{name}_total", labels) or 0.0


def published(service: Service, name: str = f"demo?key={KEY}") -> Peer:
    """A peer whose publish was accepted."""
    peer = service.connect()
    peer.send(opening(name))
    peer.hear(START)
    return peer


@pytest.mark.parametrize("name", [name for name in NAMES if "hevc" not in name])
def test_a_recorded_publisher_arrives_whole(name):
    with serving() as service:
        with service.connect() as peer:
            peer.send(capture(name))
            peer.socket.shutdown(socket.SHUT_WR)
            peer.hear_the_end()
        (stay,) = service.gate.stays
        assert stay.closed == ["unpublish"]
        video = [sample for track, sample in stay.samples if isinstance(track, VideoTrack)]
        assert len(video) == 30
        assert video[0].keyframe
        assert stay.events == []


def test_a_codec_not_carried_is_named():
    with serving() as service, service.connect() as peer:
        peer.send(capture("pyav-hevc"))
        code, text = peer.hear_the_end()[-1]
        assert code == "NetStream.Failed"
        assert "HEVC" in text
        assert service.gate.stays[0].closed == ["codec"]


@pytest.mark.parametrize(
    ("name", "code", "outcome"),
    [
        ("demo?key=not-the-right-key", "NetStream.Publish.Denied", "key"),
        ("demo", "NetStream.Publish.Denied", "key"),
        ("a.b?key=k", "NetStream.Publish.BadName", "name"),
    ],
)
def test_a_refused_publisher_reads_why(name, code, outcome):
    before = count("publishes", outcome=outcome)
    with serving() as service, service.connect() as peer:
        peer.send(opening(name))
        told = peer.hear_the_end()
        assert told[-1][0] == code
        assert told[-1][1]
        assert service.gate.stays == []
    assert count("publishes", outcome=outcome) == before + 1


def test_a_second_publisher_is_told_that_the_channel_is_busy():
    with serving() as service, published(service), service.connect() as second:
        second.send(opening())
        assert second.hear_the_end()[-1] == (
            "NetStream.Publish.BadName",
            "demo has a publisher already",
        )
        assert service.gate.stays[0].closed == []


def test_a_taken_over_publisher_is_told_so():
    with serving() as service, published(service) as first:
        service.gate.takeover = True
        with published(service):
            assert first.hear_the_end()[-1] == ("NetStream.Failed", "another publisher took over")
            assert service.gate.stays[0].closed == ["takeover"]
            assert service.gate.stays[1].closed == []


def test_a_player_is_sent_away():
    with serving() as service, service.connect() as peer:
        peer.send(HANDSHAKE + connect() + command("play", None, "demo"))
        assert peer.hear_the_end()[-1][0] == "NetStream.Play.Failed"


def test_a_byte_now_and_then_does_not_put_off_the_deadline():
    before = count("ingest_errors", reason="deadline")
    with serving(publish_deadline_s=1) as service, service.connect() as peer:
        peer.socket.settimeout(0.2)

        def closed() -> bool:
            try:
                peer.send(b"\x03")
                return peer.socket.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        until(closed, "the slow client was closed", 5)
    assert count("ingest_errors", reason="deadline") == before + 1


def test_a_silent_publisher_is_told_and_closed():
    with serving(idle_timeout_s=1) as service, published(service) as peer:
        assert peer.hear_the_end()[-1] == ("NetStream.Failed", "nothing came for 1 s")
        assert service.gate.stays[0].closed == ["idle"]


def test_one_connection_too_many_is_closed_at_once():
    before = count("ingest_errors", reason="full")
    with serving(max_connections=1) as service, published(service):
        with service.connect() as second:
            assert second.hear_the_end() == []
        assert service.gate.stays[0].closed == []
    assert count("ingest_errors", reason="full") == before + 1


def test_one_address_does_not_take_every_place():
    with serving(max_connections=32) as service:
        crowd = [service.connect() for _ in range(8)]
        for peer in crowd:
            peer.send(HANDSHAKE)
            peer.hear(bytes(8))
        with service.connect() as ninth:
            assert ninth.hear_the_end() == []
        for peer in crowd:
            peer.socket.close()


def test_answers_left_unread_end_the_connection():
    before = count("ingest_errors", reason="unread")
    with serving() as service, published(service) as peer:
        pings = write(Message(4, 0, 0, b"\0\x06abcd"), 2, 128) * 4000

        def cut_off() -> bool:
            try:
                peer.send(pings)
            except OSError:
                return True
            return False

        until(cut_off, "the connection was cut off", 20)
    assert count("ingest_errors", reason="unread") == before + 1


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", HANDSHAKE + media(9, b"x")])
def test_what_is_not_a_publisher_is_closed(data):
    with serving() as service, service.connect() as peer:
        peer.send(data)
        peer.hear_the_end()
        assert service.gate.stays == []


def test_a_reset_ends_the_publish():
    with serving() as service:
        peer = published(service)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()
        (stay,) = service.gate.stays
        until(lambda: stay.closed, "the publish was closed")
        assert stay.closed == ["gone"]


def test_drain_tells_every_publisher():
    with serving() as service, published(service) as peer:
        service.drain()
        assert "going down" in peer.hear_the_end()[-1][1]
        assert service.gate.stays[0].closed == ["drain"]
        with pytest.raises(ConnectionRefusedError):
            service.connect()


def test_a_drain_is_not_held_up_by_a_publisher_that_has_just_left():
    with serving() as service:
        peer = published(service)
        # Its kernel answers our last words with a reset, before we close our half.
        service.drain(peer.socket.close)
        assert service.gate.stays[0].closed == ["drain"]


def test_one_line_tells_of_each_connection_and_never_the_key():
    with capture_logs() as lines, serving() as service:
        with published(service) as peer:
            peer.send(media(8, b""))
        with service.connect() as peer:
            peer.send(opening("demo?key=another-secret-key"))
            peer.hear_the_end()
    ended = [line for line in lines if line["event"] == "rtmp connection ended"]
    assert [line["reason"] for line in ended] == ["gone", "key"]
    assert ended[0]["channel"] == "demo"
    assert "key-for" not in str(lines)
    assert "another-secret" not in str(lines)


def test_a_full_disk_is_told_to_the_publisher_and_written_down():
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with capture_logs() as lines, serving() as service, published(service) as peer:
        service.gate.stays[0].track = full  # type: ignore[method-assign]
        peer.send(media(9, VIDEO_HEADER))
        assert peer.hear_the_end()[-1][0] == "NetStream.Failed"
        assert service.gate.stays[0].closed == ["fault"]
    assert [line["what"] for line in lines if line["event"] == "ingest fault"]


def test_drain_in_the_middle_of_a_handshake_says_nothing_out_of_turn():
    with serving() as service, service.connect() as peer:
        peer.send(HANDSHAKE[:10])
        # Accepted in the order of connecting: once this one was refused, that one is in.
        with service.connect() as later:
            later.send(b"\x00")
            later.hear_the_end()
        service.drain()
        assert peer.hear_the_end() == []
        assert peer.heard == b""
