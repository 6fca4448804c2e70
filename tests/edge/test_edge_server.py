"""The server's edges: floods, the slow, the silent, the rude, full tables, and the drain."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from edge_world import Client, Edge, Publisher, eventually, running

from tidegate.edge.request import HEAD_LIMIT
from tidegate.settings import Settings


def test_a_refusal_is_answered_and_ends_the_connection(edge: Edge) -> None:
    with edge.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        client.send(b"GET /channels.json HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply.headers["connection"]) == (413, "close")
        assert client.rest() == b""


def test_a_huge_head_is_431_while_it_still_comes(edge: Edge) -> None:
    with edge.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000)
        assert client.reply().status == 431
        assert client.rest() == b""


def test_methods(edge: Edge) -> None:
    with edge.client() as client:
        reply = client.get("/channels.json", "DELETE")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_preflight(edge: Edge) -> None:
    with edge.client() as client:
        for _ in range(2):
            reply = client.get("/live/demo.m3u8", "OPTIONS", origin="http://x")
            assert reply.status == 204
            assert reply.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
            assert reply.headers["access-control-allow-headers"] == "*"
            assert reply.headers["access-control-max-age"] == "86400"


def test_http_1_0_closes(edge: Edge) -> None:
    with edge.client() as client:
        client.send(b"GET /channels.json HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.rest().endswith(b"\r\n\r\n[]")


def test_a_request_in_pieces(edge: Edge) -> None:
    with edge.client() as client:
        for byte in b"\r\nGET /channels.json HTTP/1.1\r\nHost: x\r\n\r\n":
            client.send(bytes([byte]))
        assert client.reply().body == b"[]"


def test_a_peer_that_sends_and_half_closes_is_answered(edge: Edge) -> None:
    with edge.client() as client:
        client.send(b"GET /channels.json HTTP/1.1\r\nHost: x\r\n\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.reply().body == b"[]"
        assert client.rest() == b""


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"\r\n\r\n"])
def test_a_head_that_does_not_come_is_given_up(
    settings: Callable[..., Settings], start: bytes
) -> None:
    with running(settings(http={"header_timeout_s": 1})) as edge, edge.client() as client:
        client.send(start)
        assert client.rest()[:12] in (b"", b"HTTP/1.1 408")


def test_a_byte_now_and_then_does_not_buy_time(settings: Callable[..., Settings]) -> None:
    with running(settings(http={"header_timeout_s": 1})) as edge, edge.client() as client:
        client.socket.settimeout(0.1)
        sent = 0
        while sent < HEAD_LIMIT:
            try:
                client.send(b"GET /"[sent : sent + 1] or b"a")
                sent += 1
                if not client.socket.recv(1000, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
            else:
                break
        assert sent < 100
        client.socket.settimeout(10)
        assert client.rest()[:12] == b"HTTP/1.1 408"


def test_an_idle_connection_is_closed(settings: Callable[..., Settings]) -> None:
    with running(settings(http={"keepalive_s": 1})) as edge, edge.client() as client:
        assert client.get("/channels.json").status == 200
        assert client.rest() == b""


def test_a_client_that_never_reads_is_let_go(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    publisher.parts(11, size=1_000_000)
    quick = settings(http={"keepalive_s": 1})
    with running(quick) as edge, edge.client(receive_buffer=4096) as client:
        client.ask("/live/demo/e1/source/0.m4s")
        eventually(lambda: edge.metric("tidegate_http_connections") == 2, "connected")
        eventually(lambda: edge.metric("tidegate_http_connections") == 1, "let go")


def test_a_client_that_only_sends_fills_the_kernel_not_the_server(
    edge: Edge, publisher: Publisher
) -> None:
    publisher.parts(11, size=1_000_000)
    with edge.client(receive_buffer=4096) as client:
        client.ask("/live/demo/e1/source/0.m4s")
        client.socket.setblocking(False)
        flood = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
        with pytest.raises(BlockingIOError):
            any(client.socket.send(flood) == 0 for _ in range(2000))


def test_more_than_max_connections_are_told_to_come_back(
    settings: Callable[..., Settings],
) -> None:
    with running(settings(http={"max_connections": 3})) as edge:
        inside = [edge.client() for _ in range(3)]
        for client in inside:
            assert client.get("/channels.json").status == 200
        with edge.client() as outside:
            reply = outside.reply()
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
            assert outside.rest() == b""
        assert inside[0].get("/channels.json").status == 200
        inside.pop().close()

        def admitted() -> bool:
            with edge.client() as client:
                return client.get("/channels.json").status == 200

        eventually(admitted, "a place is free again")
        for client in inside:
            client.close()


EXHAUSTED = """
import os, resource, socket, sys, threading
from pathlib import Path
from tidegate.edge.part import run
from tidegate.settings import Settings

listener = socket.create_server(("127.0.0.1", 0), backlog=512)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
stop = sys.stdin.fileno()
print(listener.getsockname()[1], flush=True)
settings = Settings.model_validate({"log": {"root": Path(sys.argv[1])}, "node": {"drain_s": 0}})
run(settings, listener, None, stop, lambda: None)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime, flush=True)
"""


def test_out_of_descriptors_sheds_and_recovers(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", EXHAUSTED, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        clients = [Client(port) for _ in range(100)]
        for client in clients:
            client.ask("/channels.json")
        shed = [client for client in clients if _is_shed(client)]
        assert 50 < len(shed) < 100
        for client in clients:
            client.close()
        with Client(port) as client:
            assert client.get("/channels.json").status == 200
        process.stdin.close()
        assert process.wait(20) == 0


def _is_shed(client: Client) -> bool:
    try:
        return client.reply().status == 503
    except (EOFError, ConnectionError):
        return True


def test_drain_lets_responses_end_and_accepts_no_more(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    parts = publisher.parts(12, size=1_000_000)
    with running(settings(node={"drain_s": 60})) as edge:
        idle, busy, parked = edge.client(), edge.client(receive_buffer=65_536), edge.client()
        assert idle.get("/channels.json").status == 200
        busy.ask("/live/demo/e1/source/0.m4s")
        busy.until(b"\r\n\r\n")
        parked.ask("/live/demo/e1/source/part.12.m4s")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        edge.stop()
        assert idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            edge.client()
        assert busy.read(10_000_000) == b"".join(parts[:10])
        last = publisher.part()
        reply = parked.reply()
        assert (reply.body, reply.headers["connection"]) == (last, "close")
        assert parked.rest() == b""
        edge.thread.join(10)
        assert not edge.thread.is_alive()
        for client in (idle, busy, parked):
            client.close()


def test_drain_gives_up_on_who_does_not_end(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    publisher.parts(12)
    with running(settings(node={"drain_s": 1})) as edge, edge.client() as client:
        client.ask("/live/demo/e1/source/part.12.m4s")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        edge.stop()
        edge.thread.join(10)
        assert not edge.thread.is_alive()
        assert client.rest() == b""


def test_a_fault_of_ours_ends_one_connection_only(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_request: object) -> object:
        raise RuntimeError("a bug")

    with edge.client() as other:
        assert other.get("/channels.json").status == 200
        with monkeypatch.context() as patch, edge.client() as client:
            patch.setattr("tidegate.edge.service.parse", broken)
            client.ask("/")
            assert client.rest() == b""
        assert other.get("/channels.json").status == 200


def test_counts(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(2, size=5000)
    name = "tidegate_http_bytes_total"
    before, requests = edge.metric(name), edge.metric("tidegate_http_requests_total")
    with edge.client() as client:
        client.get("/live/demo/e1/source/part.0.m4s", range="bytes=0-99")
        client.get("/live/demo/e1/source/part.0.m4s", "HEAD")
        client.get("/live/demo/e1/source/part.1.m4s")
    part = b'tidegate_http_requests_total{route="part",status="206"}'
    eventually(lambda: part in edge.get("/metrics").body, "the route is named")
    eventually(lambda: edge.metric("tidegate_http_requests_total") >= requests + 4, "counted")
    eventually(lambda: edge.metric(name) >= before + 100 + len(parts[1]), "bytes are counted")
