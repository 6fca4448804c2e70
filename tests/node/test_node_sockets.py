"""The node's listening sockets, and what an operator is told when there is none to be had."""

import contextlib
import socket
from contextlib import ExitStack

import pytest

from tidegate.node.errors import NodeError
from tidegate.node.sockets import adopt_listener, open_listener, open_listeners, port_of


def test_port_zero_takes_a_free_one_that_accepts() -> None:
    with open_listener("127.0.0.1", 0, "http") as listener:
        assert port_of(listener) > 0
        with socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5):
            pass


def test_listener_does_not_block_and_no_child_inherits_it_unasked() -> None:
    with open_listener("127.0.0.1", 0, "http") as listener:
        assert not listener.getblocking()
        assert not listener.get_inheritable()


def test_a_part_adopts_the_listener_it_inherited() -> None:
    listener = open_listener("127.0.0.1", 0, "http")
    listener.set_inheritable(True)
    with adopt_listener(listener.detach()) as adopted:
        assert port_of(adopted) > 0
        assert not adopted.getblocking()
        assert not adopted.get_inheritable()


def test_listens_on_ipv6() -> None:
    with open_listener("::1", 0, "http") as listener:
        assert listener.family == socket.AF_INET6


def test_a_port_taken_names_the_setting_and_how_to_change_it() -> None:
    with open_listener("127.0.0.1", 0, "rtmp") as first, pytest.raises(NodeError) as told:
        open_listener("127.0.0.1", port_of(first), "rtmp")
    text = str(told.value)
    assert text.startswith(f"rtmp.port: port {port_of_text(text)} of 127.0.0.1 is taken")
    assert "rtmp.port or TIDEGATE_RTMP_PORT" in text


def port_of_text(text: str) -> str:
    return text.split()[2]


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_ours_names_the_setting(host: str) -> None:
    with pytest.raises(NodeError, match=r"^http\.host: .*TIDEGATE_HTTP_HOST"):
        open_listener(host, 0, "http")


def test_several_listeners_share_one_port_and_its_connections() -> None:
    listeners = open_listeners("127.0.0.1", 0, "http", 3)
    (port,) = {port_of(listener) for listener in listeners}
    with ExitStack() as undo:
        for listener in listeners:
            undo.enter_context(listener)
        counts = [0, 0, 0]
        for _ in range(300):
            undo.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        for index, listener in enumerate(listeners):
            with contextlib.suppress(BlockingIOError):
                while True:
                    undo.enter_context(listener.accept()[0])
                    counts[index] += 1
    assert sum(counts) == 300
    assert min(counts) > 0


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("held", [1, 3])
def test_a_port_of_another_node_is_taken_however_many_share_it(held: int, count: int) -> None:
    first = open_listeners("127.0.0.1", 0, "http", held)
    try:
        with pytest.raises(NodeError, match=r"^http\.port: port \d+ of 127.0.0.1 is taken"):
            open_listeners("127.0.0.1", port_of(first[0]), "http", count)
    finally:
        for listener in first:
            listener.close()


def test_a_port_let_go_can_be_taken_again_by_as_many() -> None:
    port = 0
    for _ in range(2):
        listeners = open_listeners("127.0.0.1", port, "http", 2)
        port = port_of(listeners[0])
        for listener in listeners:
            listener.close()
