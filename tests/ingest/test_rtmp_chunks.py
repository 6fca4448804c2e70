"""The chunk stream: whole messages out of bytes in any pieces, and the limits of what is held."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.ingest.rtmp.chunks import MAX_STREAMS, ChunkReader, Message, write
from tidegate.ingest.rtmp.errors import RtmpError

LIMIT = 1 << 20


def read(reader: ChunkReader, *pieces: bytes) -> list[Message]:
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (message := reader.next()) is not None:
            found.append(message)
    return found


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at each of `cuts` that falls inside."""
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def header(csid: int, kind: int, length: int, time: int = 0) -> bytes:
    return write(Message(kind, 1, time, bytes(length)), csid, length or 1)[: -length or None]


def chunk_size(size: int) -> bytes:
    return write(Message(1, 0, 0, size.to_bytes(4, "big")), 2, 128)


messages = st.builds(
    Message,
    st.sampled_from([8, 9, 18, 20]),
    st.integers(0, 0xFFFFFFFF),
    st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0xFFFFFE, 0xFFFFFF, 0x1000000])),
    st.one_of(
        st.binary(max_size=20), st.integers(0, 5000).map(lambda n: bytes(i % 251 for i in range(n)))
    ),
)
cuts = st.lists(st.integers(0, 1 << 30), max_size=20)


@given(
    st.lists(st.tuples(st.sampled_from([3, 63, 64, 319, 320, 65599]), messages), max_size=6),
    st.sampled_from([128, 129, 1000, 4096, 70_000]),
    cuts,
)
def test_what_the_writer_writes_the_reader_reads_in_any_pieces(sent, size, cut_at):
    wire = chunk_size(size) + b"".join(write(m, csid, size) for csid, m in sent)
    reader = ChunkReader(LIMIT)
    assert read(reader, *split(wire, cut_at)) == [message for _, message in sent]
    assert reader.held == 0
    assert reader.consumed == len(wire)


@given(cuts, st.integers(0, 0xFFFFFFFF))
def test_messages_interleave_chunk_by_chunk(cut_at, time):
    video = Message(9, 1, time, bytes(range(256)) * 3)
    audio = Message(8, 1, 7, b"a" * 300)
    ours, theirs = write(video, 6, 128), write(audio, 4, 128)
    late = 4 if time >= 0xFFFFFF else 0
    first, step = 12 + late + 128, 1 + late + 128
    wire = ours[:first] + theirs[:140] + ours[first : first + step] + theirs[140:]
    wire += ours[first + step :]
    assert read(ChunkReader(LIMIT), *split(wire, cut_at)) == [audio, video]


def test_headers_leave_out_what_they_share():
    wire = header(4, 8, 2, 1000) + b"aa"
    wire += b"\x44" + b"\0\0\x14" + b"\0\0\x03" + b"\x08" + b"bbb"
    wire += b"\x84" + b"\0\0\x15" + b"ccc"
    wire += b"\xc4" + b"ddd"
    times = [(m.timestamp, m.payload) for m in read(ChunkReader(LIMIT), wire)]
    assert times == [(1000, b"aa"), (1020, b"bbb"), (1041, b"ccc"), (1062, b"ddd")]


def test_a_type_3_chunk_after_a_type_0_one_takes_its_time_for_the_delta():
    wire = header(4, 8, 1, 23) + b"a" + b"\xc4b"
    assert [m.timestamp for m in read(ChunkReader(LIMIT), wire)] == [23, 46]


def test_time_wraps_at_32_bits():
    wire = header(4, 8, 1, 0xFFFFFFF0) + b"a" + b"\x84\0\0\x20b"
    assert [m.timestamp for m in read(ChunkReader(LIMIT), wire)] == [0xFFFFFFF0, 0x10]


@given(cuts)
def test_an_extended_timestamp_need_not_be_repeated(cut_at):
    body = bytes(range(1, 201))
    wire = header(4, 9, 200, 0x01000000) + body[:128] + b"\xc4" + body[128:]
    assert read(ChunkReader(LIMIT), *split(wire, cut_at))[0].payload == body


def test_an_aborted_message_never_comes():
    wire = header(6, 9, 300) + bytes(128)
    wire += write(Message(2, 0, 0, (6).to_bytes(4, "big")), 2, 128)
    wire += write(Message(8, 1, 5, b"x"), 6, 128)
    reader = ChunkReader(304)
    assert read(reader, wire) == [Message(8, 1, 5, b"x")]
    assert reader.held == 0


def test_the_largest_chunk_size_of_all_is_lawful():
    message = Message(9, 1, 0, bytes(100_000))
    wire = chunk_size(0x7FFFFFFF) + write(message, 6, 100_000)
    assert read(ChunkReader(LIMIT), wire) == [message]


@pytest.mark.parametrize("size", [0, 1, 127, 0x80000000, 0xFFFFFFFF])
def test_chunk_sizes_that_are_refused(size):
    with pytest.raises(RtmpError) as caught:
        read(ChunkReader(LIMIT), chunk_size(size))
    assert caught.value.word == "chunk-size"


def test_unfinished_messages_share_one_limit():
    reader = ChunkReader(1000)
    read(reader, header(4, 8, 600) + bytes(128))
    with pytest.raises(RtmpError) as caught:
        read(reader, header(6, 9, 401))
    assert caught.value.word == "message-size"
    assert reader.held < 1000


def test_chunk_streams_are_few():
    wire = b"".join(header(csid, 8, 1) + b"x" for csid in range(3, 4 + MAX_STREAMS))
    with pytest.raises(RtmpError) as caught:
        read(ChunkReader(LIMIT), wire)
    assert caught.value.word == "chunk-streams"


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"\xc4", id="continues nothing"),
        pytest.param(b"\x84\0\0\0", id="length never given"),
        pytest.param(header(4, 8, 300) + bytes(128) + header(4, 8, 1), id="begins inside another"),
    ],
)
def test_headers_out_of_place(wire):
    with pytest.raises(RtmpError) as caught:
        read(ChunkReader(LIMIT), wire)
    assert caught.value.word == "chunk"
