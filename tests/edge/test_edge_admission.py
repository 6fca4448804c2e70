"""Admission: newcomers are refused before anyone who watches is, and nothing counted stays."""

from collections.abc import Callable

import pytest
from edge_world import Publisher, eventually, running
from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge.admission import WINDOW_S, Address, Admission
from tidegate.settings import Http, Settings

ADDRESSES = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "127.0.0.1"]


STEPS = st.sampled_from(["enters", "leaves", "asks", "later"])


@given(st.lists(st.tuples(st.sampled_from(ADDRESSES), STEPS)))
def test_all_that_entered_leaves_an_empty_table(steps: list[tuple[str, str]]) -> None:
    admission = Admission(Http(max_connections=7, max_connections_per_address=3))
    inside: dict[str, list[Address | None]] = {}
    now = 0.0
    for name, step in steps:
        held = inside.setdefault(name, [])
        if step == "enters":
            held.append(admission.entered(name)[0])
        elif step == "later":
            now += 0.4
            admission.forget(now)
        elif held and step == "leaves":
            admission.left(held.pop())
        elif held and held[0] is not None:
            assert admission.asked(held[0], now)
    assert admission.connections == sum(map(len, inside.values()))
    for each in (each for held in inside.values() for each in held):
        admission.left(each)
    admission.forget(now + WINDOW_S)
    assert admission.connections == 0
    assert not admission._addresses
    assert not admission._gone


def test_a_connection_for_every_request_gets_round_no_rate() -> None:
    admission = Admission(Http(max_requests_per_address=3))

    def asked(now: float) -> bool:
        address, _ = admission.entered("192.0.2.1")
        assert address is not None
        allowed = admission.asked(address, now)
        admission.left(address)
        admission.forget(now)
        return allowed

    assert [asked(n / 10) for n in range(6)] == [True] * 3 + [False] * 3
    assert asked(1.1)


def test_an_address_has_its_share_and_a_network_is_one() -> None:
    admission = Admission(Http(max_connections_per_address=2))
    for address in ("2001:db8::1", "2001:db8::2"):
        assert admission.entered(address)[1] is None
    assert admission.entered("2001:db8::3")[1] == "address"
    assert admission.entered("2001:db8:0:1::1")[1] is None
    for _ in range(10):
        assert admission.entered("127.0.0.1") == (None, None)
    assert admission.entered("::ffff:127.0.0.1") == (None, None)


def test_the_reserve_is_for_those_who_watch() -> None:
    admission = Admission(Http(max_connections=10, reserve=0.2))
    for _ in range(8):
        assert admission.entered("127.0.0.1")[1] is None
    assert admission.newcomer(0, 0, 0.0) is None
    assert admission.entered("127.0.0.1")[1] is None
    assert admission.newcomer(0, 0, 0.0) == "connections"
    admission.entered("127.0.0.1")
    assert admission.entered("127.0.0.1")[1] == "connections"


@pytest.mark.parametrize(
    ("sent", "busy", "word"), [(13_000_000, 0.1, "capacity"), (1, 0.95, "busy"), (1, 0.5, None)]
)
def test_lasting_load_refuses_and_passes(sent: int, busy: float, word: str | None) -> None:
    admission = Admission(Http(capacity_mbps=100, reserve=0.1))
    for second in range(20):
        admission.sent(sent, float(second))
        admission.busy(busy, float(second))
    assert admission.newcomer(0, 0, 19.0) == word
    assert admission.newcomer(0, 0, 60.0) is None


def test_a_channels_limit_and_an_addresss_rate() -> None:
    admission = Admission(Http(max_requests_per_address=3))
    assert admission.newcomer(4, 5, 0.0) is None
    assert admission.newcomer(5, 5, 0.0) == "channel"
    address, _ = admission.entered("192.0.2.1")
    assert address is not None
    assert [admission.asked(address, 0.5) for _ in range(5)] == [True] * 3 + [False] * 2
    assert admission.asked(address, 1.6)


def test_a_full_channel_says_when_to_return_or_where_to_go(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    publisher.parts(12)
    publisher.tags()
    limited = {"channels": {"demo": {"max_viewers": 1}}}
    for buddy in (None, "https://other.example"):
        with running(settings(**limited, http={"retry_after_s": 7, "buddy": buddy})) as edge:
            with edge.client() as first, edge.client() as second:
                first.ask("/live/demo.flv")
                assert first.reply().status == 200
                for target in ("/live/demo.flv", "/live/demo.m3u8"):
                    reply = second.get(target)
                    if buddy:
                        assert (reply.status, reply.headers["location"]) == (302, buddy + target)
                    else:
                        assert (reply.status, reply.headers["retry-after"]) == (503, "7")
                # Who plays already goes on.
                assert second.get("/live/demo/e1/source/part.3.m4s").status == 200
                assert edge.metric("tidegate_refused_total", reason="channel") >= 2
            eventually(lambda e=edge: e.get("/live/demo.m3u8").status == 200, "there is room again")


def test_an_address_over_its_limits_is_told_so(settings: Callable[..., Settings]) -> None:
    limits = {"max_connections_per_address": 2, "max_requests_per_address": 4, "exempt": []}
    with running(settings(http=limits)) as edge:
        with edge.client() as one, edge.client():
            with edge.client() as third:
                assert third.reply().status == 503
                assert third.rest() == b""
            for _ in range(4):
                assert one.get("/channels.json").status == 200
            assert one.get("/channels.json").status == 429
            assert one.rest() == b""

        def served() -> bool:
            with edge.client() as client:
                return client.get("/channels.json").status == 200

        eventually(served, "the second has passed")
