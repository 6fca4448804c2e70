"""Conversations with the RTMP session: recorded publishers, whole, cut and damaged."""

import io
from collections.abc import Iterator

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rtmp_peer import (
    HANDSHAKE,
    KEY,
    NAMES,
    answers,
    capture,
    command,
    connect,
    media,
    new_session,
    opening,
    play,
    publish,
    publishing,
    statuses,
)

from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import Message, write
from tidegate.ingest.rtmp.errors import RtmpError
from tidegate.ingest.rtmp.session import (
    MAX_BEFORE_ACCEPT,
    MAX_COMMAND,
    MAX_MESSAGE,
    WINDOW,
    Event,
    Media,
    Metadata,
    PublishRequest,
    State,
    Unpublish,
)

WHOLE = {name: play(new_session(), [capture(name)]) for name in NAMES}
names = st.sampled_from(NAMES)


def pieces(data: bytes, lengths: list[int]) -> Iterator[bytes]:
    """`data` in pieces of these lengths, over and over."""
    at, turn = 0, 0
    while at < len(data):
        length = lengths[turn % len(lengths)]
        yield data[at : at + length]
        at, turn = at + length, turn + 1


def refusal(data: bytes) -> tuple[RtmpError, list[tuple[str, str]]]:
    """The error that ends a conversation, and what the peer was told."""
    session = new_session()
    with pytest.raises(RtmpError) as caught:
        play(session, [data])
    assert session.state is State.ENDED
    return caught.value, statuses(answers(session.data_to_send(), handshake=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_real_publisher_is_understood(name):
    events = WHOLE[name]
    assert events[0] == PublishRequest("live", "demo", KEY)
    assert isinstance(events[1], Metadata)
    assert isinstance(events[-1], Unpublish)
    assert {type(event) for event in events[2:-1]} <= {Media, Metadata}


@pytest.mark.parametrize(("name", "frames"), [("ffmpeg", 30), ("gst-rtmp2sink", 30), ("pyav", 30)])
def test_an_independent_decoder_finds_every_frame_in_the_media(name, frames):
    with av.open(io.BytesIO(flv_file(WHOLE[name]))) as file:
        assert sum(1 for _ in file.decode(video=0)) == frames


def flv_file(events: list[Event]) -> bytes:
    """Media events as an FLV file (Adobe FLV 10.1, annex E)."""
    out = bytearray(b"FLV\x01\x05\0\0\0\x09\0\0\0\0")
    for event in events:
        if isinstance(event, Media):
            size = len(event.payload)
            out += bytes((9 if event.kind == "video" else 8,)) + size.to_bytes(3, "big")
            out += event.timestamp.to_bytes(4, "big")[1:] + bytes(4) + event.payload
            out += (size + 11).to_bytes(4, "big")
    return bytes(out)


@given(names, st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_the_pieces_do_not_matter(name, lengths):
    assert play(new_session(), pieces(capture(name), lengths)) == WHOLE[name]


def test_single_bytes_do_not_matter():
    assert play(new_session(), pieces(capture("gst-rtmpsink"), [1])) == WHOLE["gst-rtmpsink"]


@given(names, st.floats(0, 1))
def test_a_cut_stream_gives_the_events_before_the_cut(name, where):
    data = capture(name)
    events = play(new_session(), [data[: int(where * len(data))]])
    assert events == WHOLE[name][: len(events)]


@given(names, st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_damaged_stream_ends_in_one_error_or_none(name, where, change):
    data = bytearray(capture(name))
    data[int(where * len(data))] ^= change
    session = new_session()
    try:
        play(session, [bytes(data)])
    except RtmpError:
        assert list(session.receive(bytes(data))) == []
    assert session.held < MAX_MESSAGE + 32


def test_the_answers_to_a_publisher():
    session = new_session()
    play(session, [opening()])
    found = answers(session.data_to_send(), handshake=True)
    assert [message.type for message in found] == [5, 6, 20, 20, 4, 20]
    codes = [code for code, _ in statuses(found)]
    assert codes == ["NetConnection.Connect.Success", "NetStream.Publish.Start"]
    assert found[-1].stream == 1


@pytest.mark.parametrize(
    ("app", "url", "name"),
    [
        ("live", "rtmp://h/live", "demo?key=k1"),
        ("live?key=k1", "rtmp://h/live", "demo"),
        ("live/", "rtmp://h/live?x=1&key=k1", "demo?y=2"),
    ],
)
def test_the_key_may_stand_where_encoders_put_it(app, url, name):
    events = play(new_session(), [HANDSHAKE + connect(app, url) + publish(name)])
    assert events == [PublishRequest("live", "demo", "k1")]


@pytest.mark.parametrize(
    ("data", "word", "code"),
    [
        (HANDSHAKE + connect("vod"), "app", "NetConnection.Connect.Rejected"),
        (opening("demo"), "key", "NetStream.Publish.Denied"),
        (opening("demo?key="), "key", "NetStream.Publish.Denied"),
        (opening("../etc?key=k"), "name", "NetStream.Publish.BadName"),
        (opening("?key=k"), "name", "NetStream.Publish.BadName"),
        (HANDSHAKE + connect() + command("play", None, "demo"), "play", "NetStream.Play.Failed"),
    ],
)
def test_a_refusal_says_why(data, word, code):
    error, told = refusal(data)
    assert error.word == word
    assert told[-1] == (code, error.text)


@pytest.mark.parametrize(
    ("word", "code"), [("busy", "NetStream.Publish.BadName"), ("codec", "NetStream.Failed")]
)
def test_the_owner_may_refuse(word, code):
    session = new_session()
    for _event in session.receive(opening() + media(9, b"x")):
        session.refuse(word, "because")
    assert statuses(answers(session.data_to_send(), handshake=True))[-1] == (code, "because")
    assert list(session.receive(media(9, b"x"))) == []


def test_nothing_is_read_past_an_unanswered_request():
    session = new_session()
    assert len(list(session.receive(opening() + media(8, b"early")))) == 1
    session.accept()
    assert list(session.receive(b"")) == [Media("audio", 0, b"early")]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n", "handshake", id="HTTP"),
        pytest.param(b"\x16\x03\x01", "handshake", id="TLS"),
        pytest.param(b"\x06", "handshake", id="RTMPE"),
        pytest.param(HANDSHAKE + publish(), "order", id="publish before connect"),
        pytest.param(HANDSHAKE + connect() + connect(), "order", id="connect twice"),
        pytest.param(HANDSHAKE + media(9, b"x"), "order", id="media at once"),
        pytest.param(opening() + publish(), "order", id="publish twice"),
        pytest.param(HANDSHAKE + command("publish"), "order", id="no arguments"),
        pytest.param(HANDSHAKE + connect() + command("publish", None), "amf", id="no name"),
        pytest.param(HANDSHAKE + write(Message(20, 0, 0, b"\xff"), 3, 128), "amf", id="not AMF0"),
        pytest.param(
            HANDSHAKE + write(Message(20, 0, 0, bytes(9)), 3, 128), "amf", id="not a command"
        ),
        pytest.param(
            HANDSHAKE + media(18, bytes(200)) * (MAX_BEFORE_ACCEPT // 200),
            "before-publish",
            id="endless metadata",
        ),
        pytest.param(HANDSHAKE + media(18, bytes(MAX_COMMAND + 1)), "message-size", id="long"),
        pytest.param(opening() + media(18, bytes(MAX_COMMAND + 1)), "message-size", id="later"),
        pytest.param(opening() + media(9, bytes(MAX_MESSAGE + 1)), "message-size", id="huge"),
    ],
)
def test_what_is_against_the_law(data, word):
    assert refusal(data)[0].word == word


def test_a_handshake_may_never_end_and_holds_little():
    session = new_session()
    assert list(session.receive(HANDSHAKE[:-1])) == []
    assert len(session.data_to_send()) == len(HANDSHAKE)
    assert session.state is State.HANDSHAKE


def test_s2_echoes_c1():
    c1 = bytes(range(256)) * 6
    session = new_session()
    list(session.receive(b"\x03" + c1))
    assert session.data_to_send()[-len(c1) :] == c1


def test_courtesies_are_answered_and_unknown_commands_refused():
    session = publishing()
    asked = command("_checkbw", None, transaction=7.0) + command("getPony", None, transaction=8.0)
    play(session, [asked + command("getPony", None, transaction=0.0)])
    first, second = (message.payload for message in answers(session.data_to_send()))
    assert first.startswith(b"\x02\x00\x07_result")
    assert second.startswith(b"\x02\x00\x06_error")


def test_commands_may_come_in_amf3_dress():
    plain = messages.command("connect", 1.0, {"app": "live"})
    dressed = Message(messages.COMMAND_AMF3, 0, 0, b"\0" + plain.payload)
    session = new_session()
    play(session, [HANDSHAKE + write(dressed, 3, 128)])
    assert session.state is State.IDLE


def test_a_ping_is_answered_with_its_time():
    session = publishing()
    play(session, [write(Message(4, 0, 0, b"\0\x06abcd"), 2, 128)])
    assert [m.payload for m in answers(session.data_to_send())] == [b"\0\x07abcd"]


@pytest.mark.parametrize("window", [None, 5000, 0])
def test_acknowledgements_keep_to_the_window(window):
    session = publishing()
    if window is not None:
        play(session, [write(Message(5, 0, 0, window.to_bytes(4, "big")), 2, 128)])
    tag, sent = media(9, bytes(1000)), 0
    while not (out := session.data_to_send()):
        play(session, [tag])
        sent += len(tag)
    assert [m.type for m in answers(out)] == [3]
    limit = WINDOW if window is None else window
    assert limit - len(tag) - len(opening()) - 16 <= sent <= limit + len(tag)


def test_a_publish_ends_in_good_order_once():
    session = publishing()
    ending = command("FCUnpublish", None, "demo") + command("deleteStream", None, 1.0)
    assert play(session, [ending]) == [Unpublish()]
    assert statuses(answers(session.data_to_send()))[0][0] == "NetStream.Unpublish.Success"


def test_nothing_to_accept_is_the_owners_mistake():
    with pytest.raises(RuntimeError):
        new_session().accept()
