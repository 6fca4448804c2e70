"""HTTP-FLV: followers of a tail get whole chunks of the log, and a slow one hinders nobody."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from edge_world import Client, Edge, Publisher, eventually, flv_init, flv_tags, running

from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.loop import Loop
from tidegate.edge.pace import Pace
from tidegate.edge.protocols import FLV
from tidegate.edge.response import SMALL
from tidegate.edge.tail import Place, Tail
from tidegate.log import Retention
from tidegate.settings import Settings

URL = "/live/demo.flv"


@pytest.fixture
def quick(settings: Callable[..., Settings]) -> Iterator[Edge]:
    """An edge where viewers may fall behind by one second of media."""
    with running(settings(http={"slow_viewer_s": 1})) as started:
        yield started


def join(edge: Edge, receive_buffer: int = 0) -> Client:
    client = edge.client(receive_buffer=receive_buffer)
    client.ask(URL)
    reply = client.reply()
    assert reply.status == 200
    assert reply.headers["content-type"] == "video/x-flv"
    assert reply.headers["connection"] == "close"
    assert "content-length" not in reply.headers
    assert "transfer-encoding" not in reply.headers
    return client


@pytest.fixture
def tail(publisher: Publisher) -> Iterator[Tail]:
    """The tail of what `publisher` wrote before the test asked for more."""
    loop = Loop()
    feed = Feed("demo", "source.flv", publisher.folder / "source.flv", lambda _news: None)
    yield Tail(feed, FLV, Pace(loop, 0.0, 0.35), 6.0, Counts())
    feed.reader.close()
    loop.close()


def test_a_newcomer_is_ready_for_the_ticks_of_a_crowd() -> None:
    loop = Loop()
    pace = Pace(loop, 0.01, 0.35)
    assert pace.longest_s == pace.tick_s == 0.01  # nobody is there
    for _ in range(50):
        pace.spent(1.0, 40_000)
    pace.followers = 100
    assert pace.tick_s == 0.01
    assert 0.05 < pace.longest_s <= 0.35
    pace.followers = 10_000
    assert pace.tick_s == pace.longest_s == 0.35
    loop.close()


def test_what_is_near_the_tail_is_one_piece_over_segments(publisher: Publisher, tail: Tail) -> None:
    chunks = [publisher.tags() for _ in range(23)]  # a segment begins at 20
    tail.feed.changed()
    assert tail.feed.reader.refresh()
    init = tail.feed.reader.init(0)
    piece = tail.piece(Place(17, init), slow=False)
    assert piece is not None
    assert (piece.out, piece.body) == (b"".join(chunks[17:]), None)
    assert piece.next == Place(23, init)


def test_a_piece_ends_where_another_init_begins(publisher: Publisher, tail: Tail) -> None:
    chunks = [publisher.tags() for _ in range(3)]
    publisher.flv.set_init(flv_init(b"1"), 1)
    publisher.tags(independent=True, start=True)
    tail.feed.changed()
    assert tail.feed.reader.refresh()
    piece = tail.piece(Place(1, tail.feed.reader.init(0)), slow=False)
    assert piece is not None
    assert piece.out == b"".join(chunks[1:])
    assert piece.next.number == 3


def test_more_than_is_worth_a_copy_goes_from_its_file(publisher: Publisher, tail: Tail) -> None:
    chunks = [publisher.tags(SMALL // 4) for _ in range(23)]
    tail.feed.changed()
    assert tail.feed.reader.refresh()
    piece = tail.piece(Place(18, tail.feed.reader.init(0)), slow=False)
    assert piece is not None
    assert piece.body is not None
    assert (piece.out, piece.body.size) == (b"", len(b"".join(chunks[18:20])))
    assert piece.next.number == 20


def test_a_viewer_joins_at_the_newest_independent_chunk(edge: Edge, publisher: Publisher) -> None:
    chunks = [publisher.tags() for _ in range(25)]
    with join(edge) as client:
        wanted = flv_init(b"0") + b"".join(chunks[20:])
        assert client.read(len(wanted)) == wanted
        new = publisher.tags()
        assert client.read(len(new)) == new


def test_every_byte_of_the_log_and_a_clean_end(edge: Edge, publisher: Publisher) -> None:
    first = publisher.tags()
    viewers = [join(edge) for _ in range(20)]
    wanted = flv_init(b"0") + first + b"".join(publisher.tags(3000) for _ in range(100))
    publisher.end()
    for viewer in viewers:
        with viewer:
            assert viewer.rest() == wanted
    assert len(flv_tags(wanted)) == 102
    eventually(lambda: edge.metric("tidegate_viewers", protocol="flv") == 0, "all have left")


def test_between_ticks_the_kernel_is_not_asked(publisher: Publisher) -> None:
    heard: list[bool] = []

    def listen(news: bool) -> None:
        heard.append(news)
        if news:
            publisher.tags()  # comes after the kernel is asked again, and before the read

    feed = Feed("demo", "source.flv", publisher.folder / "source.flv", listen)
    publisher.tags()
    feed.changed()
    feed.changed()
    assert heard == [False], "nobody asks for it"
    feed.fresh()
    feed.fresh()
    assert heard == [False, True]
    assert feed.reader.next == 2
    feed.reader.close()


def test_merged_chunks_come_whole_with_pauses(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    wanted = flv_init(b"0") + publisher.tags()
    with running(settings(http={"tick_min_ms": 40, "tick_max_ms": 40})) as edge:
        viewers = [join(edge) for _ in range(5)]
        got = b""
        for chunks in (1, 7, 2, 1, 30, 1, 1):  # the reads between them are the pauses
            wanted += b"".join(publisher.tags() for _ in range(chunks))
            got += viewers[0].read(len(wanted) - len(got))
        assert edge.metric("tidegate_send_delay_seconds_count", protocol="flv") > 0
        publisher.end()
        for viewer in viewers[1:]:
            with viewer:
                assert viewer.rest() == wanted
        with viewers[0] as first:
            assert got + first.rest() == wanted


def test_a_viewer_before_the_first_chunk_waits_for_it(edge: Edge, publisher: Publisher) -> None:
    with join(edge) as client:
        publisher.tags(independent=False)
        chunk = publisher.tags(independent=True)
        wanted = flv_init(b"0") + chunk
        assert client.read(len(wanted)) == wanted


def test_a_new_init_comes_without_the_files_beginning(edge: Edge, publisher: Publisher) -> None:
    first = publisher.tags()
    with join(edge) as client:
        publisher.flv.set_init(flv_init(b"1"), 1)
        second = publisher.tags(independent=True, start=True)
        publisher.end()
        got = client.rest()
    assert got == flv_init(b"0") + first + flv_init(b"1")[13:] + second
    assert [tag[0] for tag in flv_tags(got)] == [18, 9, 18, 9]


def test_head_and_an_ended_log(edge: Edge, publisher: Publisher) -> None:
    publisher.tags()
    with edge.client() as client:
        reply = client.get(URL, "HEAD")
        assert (reply.status, reply.headers["content-type"]) == (200, "video/x-flv")
        assert "content-length" not in reply.headers
    publisher.end()
    eventually(lambda: edge.get(URL).status == 404, "the channel is not live")


def test_a_slow_viewer_jumps_and_a_fast_one_gets_all(quick: Edge, publisher: Publisher) -> None:
    jumps = quick.metric("tidegate_tail_jumps_total")
    wanted = flv_init(b"0") + publisher.tags()
    slow = join(quick, receive_buffer=4096)
    with join(quick) as fast:
        wanted = fast.read(len(wanted))
        for _ in range(300):
            chunk = publisher.tags(100_000)
            wanted += chunk
            assert fast.read(len(chunk)) == chunk
    publisher.end()
    with slow:
        tags = flv_tags(slow.rest())
    assert len(tags) < len(flv_tags(wanted))
    assert quick.metric("tidegate_tail_jumps_total") > jumps
    numbers = [int(data.split()[1]) for kind, _, data in tags if kind == 9]
    assert numbers == sorted(set(numbers))
    gaps = [after for before, after in pairwise(numbers) if after > before + 1]
    assert gaps
    assert all(after % 10 == 0 for after in gaps), "a jump lands where decoding can start"
    assert numbers[-1] == 300


def test_what_a_slow_viewer_was_promised_may_be_retired(quick: Edge, publisher: Publisher) -> None:
    publisher.flv.retention = Retention(4, 1 << 30)
    publisher.tags()
    with join(quick, receive_buffer=4096) as slow:
        for _ in range(300):
            publisher.tags(100_000)
        publisher.end()
        tags = flv_tags(slow.rest())
    assert tags[-1][2].startswith(b"chunk 300 ")


def test_a_viewer_that_leaves_is_forgotten(edge: Edge, publisher: Publisher) -> None:
    publisher.tags()
    with join(edge):
        eventually(lambda: edge.metric("tidegate_viewers", protocol="flv") == 1, "counted")
    eventually(lambda: edge.metric("tidegate_viewers", protocol="flv") == 0, "forgotten")
    publisher.tags()
    assert edge.get("/channels.json").status == 200


def test_a_viewer_that_never_reads_is_let_go(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    publisher.tags()
    with running(settings(http={"keepalive_s": 1})) as edge, join(edge, receive_buffer=4096):
        for _ in range(100):
            publisher.tags(100_000)
        eventually(lambda: edge.metric("tidegate_viewers", protocol="flv") == 0, "let go")


def test_a_viewer_ends_with_its_epoch(edge: Edge, publisher: Publisher) -> None:
    """Also where the writer died and never said that the log ended."""
    chunk = publisher.tags()
    with join(edge) as client:
        publisher.close()
        newer = Publisher(publisher.folder.parent.parent, epoch="e2")
        assert client.rest() == flv_init(b"0") + chunk
        chunk = newer.tags()
        with join(edge) as other:
            wanted = flv_init(b"0") + chunk
            assert other.read(len(wanted)) == wanted
        newer.close()
