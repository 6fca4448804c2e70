"""HTTPS: what plain HTTP gives, behind a handshake; and who breaks TLS harms only himself."""

import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from edge_world import DEADLINE_S, Client, Edge, Publisher, eventually, flv_init, flv_tags, running
from structlog.testing import capture_logs

from support.certificates import make
from tidegate.edge.certificates import Certificates
from tidegate.edge.tls import PIECE, Passage, SecureSocket
from tidegate.edge.x509 import Facts, facts
from tidegate.settings import Certificate, Settings, Tls

FLV_HEAD = b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4)
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
    edge: Edge,
    made: ssl.SSLContext,
    name: str = "first",
    session: ssl.SSLSession | None = None,
    receive_buffer: int = 0,
) -> Client:
    client = Client(edge.tls_port, receive_buffer)
    client.socket = made.wrap_socket(client.socket, server_hostname=name, session=session)
    return client


def shown(edge: Edge, name: str) -> bytes:
    """The certificate that a client who asks for `name` is shown."""
    with connect(edge, context(), name) as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        return client.socket.getpeercert(binary_form=True) or b""


def message(client: Client) -> tuple[int, bytes]:
    """The next WebSocket frame's opcode and payload."""
    first, size = client.read(2)
    if size >= 126:
        size = int.from_bytes(client.read(2 if size == 126 else 8))
    return first & 0x0F, client.read(size)


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


class Wire:
    """A client whose ciphertext goes as the test says."""

    def __init__(self, edge: Edge, made: ssl.SSLContext) -> None:
        self.client = Client(edge.tls_port)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = made.wrap_bio(self._in, self._out, server_hostname="first")

    def shaken(self) -> bytes:
        """What ends the handshake from this side, not sent yet."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.client.send(self._out.read())
                self._in.write(self.client.socket.recv(1 << 16))
            else:
                return self._out.read()

    def record(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._out.read()

    def until(self, mark: bytes) -> bytes:
        got = b""
        while mark not in got:
            try:
                got += self._tls.read()
            except ssl.SSLWantReadError:
                self._in.write(self.client.socket.recv(1 << 16))
        return got


REQUEST = b"GET /live/demo/e1/source/part.%d.m4s HTTP/1.1\r\nHost: edge\r\n\r\n"


def test_a_request_that_comes_with_the_end_of_the_handshake(
    edge: Edge, publisher: Publisher
) -> None:
    parts = publisher.parts(12)
    wire = Wire(edge, context())
    with wire.client:
        last = wire.shaken()
        wire.client.send(last + wire.record(REQUEST % 3) + wire.record(REQUEST % 4))
        assert parts[3] in wire.until(parts[4])


def test_records_cut_anywhere_are_whole_again_and_never_anothers(
    edge: Edge, publisher: Publisher
) -> None:
    """Connections share the memory through which their ciphertext passes."""
    parts = publisher.parts(12)
    wires = [Wire(edge, context()) for _ in range(3)]
    for wire in wires:
        wire.client.send(wire.shaken())
    for cut in (1, 4, 5, 6, 30, -1):
        sent = [wire.record(REQUEST % number) for number, wire in enumerate(wires)]
        for wire, record in zip(wires, sent, strict=True):
            wire.client.send(record[:cut])
        assert edge.get("/channels.json").status == 200  # the edge has seen the beginnings
        for wire, record in zip(wires, sent, strict=True):
            wire.client.send(record[cut:])
        for number, wire in enumerate(wires):
            wire.until(parts[number])
    for wire in wires:
        wire.client.socket.close()


def test_many_requests_in_one_record_and_one_in_many(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(12, size=60_000)
    with connect(edge, context()) as client:
        client.send(b"".join(REQUEST % number for number in range(12)) * 3)
        assert [client.reply().body for _ in range(36)] == parts * 3
        for byte in REQUEST % 7:
            client.send(bytes((byte,)))
        assert client.reply().body == parts[7]


def test_a_damaged_record_ends_its_own_connection_alone(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(12)
    good, bad = Wire(edge, context()), Wire(edge, context())
    for wire in (good, bad):
        wire.client.send(wire.shaken())
    record = bytearray(bad.record(REQUEST % 1))
    record[-1] ^= 1
    whole = good.record(REQUEST % 2)
    good.client.send(whole[:9])
    bad.client.send(bytes(record) + bad.record(REQUEST % 1))
    assert bad.client.closed()
    bad.client.socket.close()
    with good.client:
        good.client.send(whole[9:])
        good.until(parts[2])


def test_keys_are_changed_when_the_peer_asks(edge: Edge, publisher: Publisher) -> None:
    """RFC 8446 4.6.3; `K` makes OpenSSL's client ask."""
    part = publisher.parts(12)[11]
    command = ["openssl", "s_client", "-crlf", "-connect", f"127.0.0.1:{edge.tls_port}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as client:
        try:
            for _ in range(3):
                exchange(client, b"K\n", b"KEYUPDATE")
                exchange(client, (REQUEST % 11).replace(b"\r\n", b"\n"), part)
        finally:
            client.kill()


def exchange(client: subprocess.Popen[bytes], said: bytes, wanted: bytes) -> None:
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(said)
    client.stdin.flush()
    got = b""
    while wanted not in got:
        more = os.read(client.stdout.fileno(), 1 << 16)
        assert more, got
        got += more


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


def test_a_websocket_gives_the_same_through_tls(edge: Edge, publisher: Publisher) -> None:
    wanted = flv_init(b"0") + publisher.tags()
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    with connect(edge, context()) as client:
        client.ask("/live/demo.flv", **fields, **{"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        assert client.reply().status == 101
        wanted += b"".join(publisher.tags(70_000) for _ in range(60))
        client.send(b"\x89\x80mask")
        publisher.end()
        got, pongs, opcode = b"", 0, 2
        while opcode != 8:
            opcode, payload = message(client)
            got += payload if opcode == 2 else b""
            pongs += opcode == 10
        assert got == wanted
        assert pongs <= 1
        assert client.rest() == b""


def test_one_who_stops_reading_is_late_alone(
    edge: Edge, files: list[Certificate], publisher: Publisher
) -> None:
    """What it gets, once it reads again, is whole tags."""
    publisher.tags()
    with connect(edge, context()) as slow, connect(edge, context()) as quick:
        for client in (slow, quick):
            client.ask("/live/demo.flv")
            client.reply()
        last = b""
        for _ in range(60):
            last = publisher.tags(100_000)
        quick.until(last)
        publisher.end()
        tags = flv_tags(slow.rest())
        assert tags[-1][2] == flv_tags(FLV_HEAD + last)[0][2]


def test_answers_to_one_who_reads_late_stand_between_messages(
    edge: Edge, publisher: Publisher
) -> None:
    """OpenSSL's half-written record must be offered again, whatever comes behind it."""
    publisher.tags()
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    with connect(edge, context(), receive_buffer=4096) as client:
        client.ask("/live/demo.flv", **fields, **{"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        client.reply()
        got = message(client)[1] + message(client)[1]
        pings = b"\x89\xfdmask" + bytes(125)
        last = b""
        for _ in range(30):
            for _ in range(50):
                client.send(pings * 20)
            last = publisher.tags(60_000)
        pongs = 0
        while not got.endswith(last):
            opcode, payload = message(client)
            got += payload if opcode == 2 else b""
            pongs += opcode == 10
        assert pongs
        assert flv_tags(got)[-1] == flv_tags(FLV_HEAD + last)[0]


@pytest.mark.parametrize("more", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
@pytest.mark.parametrize("refused", [0, 1, 100, PIECE - 1, PIECE])
def test_nothing_but_a_full_kernel_ends_a_send(
    files: list[Certificate], more: int, refused: int
) -> None:
    """epoll tells of room only to who met its end; so whatever was refused before, go on."""
    piece, body = os.urandom(refused), os.urandom(40_000)
    out = piece + os.urandom(more)
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    theirs.settimeout(DEADLINE_S)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files[0].chain, files[0].key)
    with ours, ThreadPoolExecutor(1) as pool:
        sock = SecureSocket(ours, server, Passage())
        client = pool.submit(context().wrap_socket, theirs)
        while not sock.handshake():
            pass
        with client.result() as peer, peer.makefile("rb") as reader:
            ours.setblocking(False)
            before = 0
            with suppress(BlockingIOError):
                while refused:
                    before += sock.send(piece)
            ours.setblocking(True)
            came = pool.submit(reader.read, before + len(out) + len(body))
            sent = sock.sendmsg((out, memoryview(body))) if out else sock.send(body)
            assert sent == len(out) + len(body)
            assert came.result()[before:] == out + body


def test_words_after_the_last_request_reset_nothing(edge: Edge, publisher: Publisher) -> None:
    part = publisher.parts(12, size=500_000)[11]
    with connect(edge, context(), receive_buffer=4096) as client:
        client.ask("/live/demo/e1/source/part.11.m4s", Connection="close")
        client.send(b"x" * 50_000)
        assert client.reply().body == part
        assert client.rest() == b""


def test_a_half_handshake_that_ends_is_forgotten(edge: Edge) -> None:
    for sent in (b"", b"\x16\x03\x01\x02\x00\x01"):
        with Client(edge.tls_port) as client:
            client.send(sent)
            client.socket.shutdown(socket.SHUT_WR)
            assert client.closed()
    eventually(lambda: edge.metric("tidegate_http_connections") == 1, "only who asks is left")


def test_one_that_we_cannot_read_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_chain: str) -> Facts:
        raise ValueError("the certificate is cut short")

    monkeypatch.setattr("tidegate.edge.certificates.facts", unreadable)
    served = Certificates(Tls(certificates=[make(tmp_path, "odd")]))
    assert served.chosen("odd") is served.context


@pytest.mark.parametrize(("mode", "told"), [(0o640, True), (0o600, False)])
def test_a_key_that_others_may_read_is_told(tmp_path: Path, mode: int, told: bool) -> None:
    files = make(tmp_path, "site")
    files.key.chmod(mode)
    with capture_logs() as said:
        Certificates(Tls(certificates=[files]))
    assert any("chmod" in each["event"] for each in said) == told


def test_a_broken_one_is_told_of_once(tmp_path: Path) -> None:
    files, other = make(tmp_path, "site"), make(tmp_path, "other")
    served = Certificates(Tls(certificates=[files]))
    first = served.context
    with capture_logs() as said:
        other.key.replace(files.key)
        served.look()
        served.look()
        assert served.context is first
        assert [each["setting"] for each in said] == ["tls.certificates[0]"]
        other.chain.replace(files.chain)
        served.look()
        assert served.context is not first
    assert len([each for each in said if each["log_level"] == "error"]) == 1
