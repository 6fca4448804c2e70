"""HTTPS: what plain HTTP gives, behind a handshake; and who breaks TLS harms only himself."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edge_world import Client, Edge, Publisher, eventually, flv_init, running

from support.certificates import make
from tidegate.edge.x509 import facts
from tidegate.settings import Certificate, Settings

SAN = ("-nodes", "-addext", "subjectAltName=DNS:a.example,DNS:*.b.example")


@pytest.fixture
def files(tmp_path: Path) -> list[Certificate]:
    return [make(tmp_path, "first"), make(tmp_path, "second", 90, *SAN)]


@pytest.fixture
def edge(settings: Callable[..., Settings], files: list[Certificate]) -> Iterator[Edge]:
    tls = {"certificates": [each.model_dump() for each in files], "handshake_s": 1}
    with running(settings(tls=tls)) as started:
        yield started


def context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = version
    return made


def connect(
    edge: Edge, made: ssl.SSLContext, name: str = "first", session: ssl.SSLSession | None = None
) -> Client:
    client = Client(edge.tls_port)
    client.socket = made.wrap_socket(client.socket, server_hostname=name, session=session)
    return client


def shown(edge: Edge, name: str) -> bytes:
    """The certificate that a client who asks for `name` is shown."""
    with connect(edge, context(), name) as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        return client.socket.getpeercert(binary_form=True) or b""


def certificate(files: Certificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(files.chain.read_text())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_same_bytes_as_in_clear(
    edge: Edge, publisher: Publisher, version: ssl.TLSVersion
) -> None:
    parts = publisher.parts(12, size=60_000)
    with connect(edge, context(version)) as client:
        assert client.get("/live/demo/e1/source/part.11.m4s").body == parts[11]
        assert client.get("/live/demo/e1/source/0.m4s").body == b"".join(parts[:10])
        assert client.get("/live/demo/e1/source/0.m4s", Range="bytes=9-").status == 206
        assert b"#EXTM3U" in client.get("/live/demo.m3u8").body


def test_a_stream_to_one_who_reads_late(edge: Edge, publisher: Publisher) -> None:
    first = publisher.tags()
    with connect(edge, context()) as client:
        client.ask("/live/demo.flv")
        assert client.reply().status == 200
        wanted = flv_init(b"0") + first + b"".join(publisher.tags(200_000) for _ in range(40))
        publisher.end()
        assert client.rest() == wanted
    eventually(lambda: edge.metric("tidegate_viewers", protocol="flv") == 0, "left")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(edge: Edge, publisher: Publisher, version: ssl.TLSVersion) -> None:
    publisher.parts(12)
    made = context(version)
    with connect(edge, made) as client:
        client.get("/channels.json")  # TLS 1.3 sends its tickets with the first bytes
        assert isinstance(client.socket, ssl.SSLSocket)
        session = client.socket.session
    with connect(edge, made, session=session) as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        assert client.socket.session_reused
        assert client.get("/channels.json").status == 200
    assert edge.metric("tidegate_tls_handshakes_total", outcome="resumed") >= 1


def test_each_name_has_its_certificate(edge: Edge, files: list[Certificate]) -> None:
    first, second = map(certificate, files)
    assert facts(files[1].chain.read_text()).names == ("a.example", "*.b.example")
    assert shown(edge, "a.example") == shown(edge, "A.EXAMPLE") == second
    assert shown(edge, "any.b.example") == second
    for other in ("first", "b.example", "x.any.b.example", "c.example"):
        assert shown(edge, other) == first


def test_a_new_certificate_is_taken_and_a_broken_one_is_not(
    edge: Edge, files: list[Certificate], tmp_path: Path, publisher: Publisher
) -> None:
    publisher.tags()
    with connect(edge, context()) as viewer:
        viewer.ask("/live/demo.flv")
        viewer.reply()
        newer = make(tmp_path, "newer", 30)
        newer.key.replace(files[0].key)
        newer.chain.replace(files[0].chain)
        wanted = certificate(files[0])
        eventually(lambda: shown(edge, "first") == wanted, "the newer one is shown")
        files[0].chain.write_text("not a certificate")
        chunk = publisher.tags()
        viewer.until(chunk)
        assert shown(edge, "first") == wanted


def test_who_breaks_tls_is_gone_on_time(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    silent = socket.create_connection(("127.0.0.1", edge.tls_port), timeout=10)
    halted = socket.create_connection(("127.0.0.1", edge.tls_port), timeout=10)
    halted.sendall(b"\x16\x03\x01\x02\x00\x01")
    with Client(edge.tls_port) as plain, Client(edge.tls_port) as noise:
        plain.ask("/live/demo.m3u8")
        noise.send(bytes(range(256)) * 20)
        assert plain.closed()
        assert noise.closed()
    with silent, halted:
        assert silent.recv(1) == b""
        assert halted.recv(1) == b""
    with connect(edge, context()) as client:
        assert client.get("/channels.json").status == 200
    assert edge.metric("tidegate_tls_handshakes_total", outcome="failed") >= 4


def test_every_cut_of_a_certificate_is_a_value_error(files: list[Certificate]) -> None:
    whole = certificate(files[1])
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"."):
            facts(ssl.DER_cert_to_PEM_cert(whole[:length]))
