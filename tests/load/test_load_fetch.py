"""Connections of an HLS player against a server that closes them when it likes."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidegate.edge.loop import Loop
from tidegate.load.crew import Crew
from tidegate.load.fetch import Fetched, Pool, Request
from tidegate.load.player import HLS
from tidegate.load.target import Target, resolve
from tidegate.load.wire import Line, Wire

DEADLINE_S = 20.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

Serve = Callable[[socket.socket], None]


@contextmanager
def server(*connections: Serve) -> Iterator[Target]:
    """One that treats each of its connections, in order, as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(DEADLINE_S)

        def run() -> None:
            for serve in connections:
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(DEADLINE_S)
                    serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield resolve(f"http://127.0.0.1:{listening.getsockname()[1]}/a")
        thread.join()


def asked(connection: socket.socket) -> bytes:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        more = connection.recv(4096)
        assert more
        request += more
    return request


def answer(connection: socket.socket) -> None:
    """One request, one answer, and the end without a warning."""
    asked(connection)
    connection.sendall(ANSWER)


def answer_then_cross(connection: socket.socket) -> None:
    """The end meets the second request under way."""
    answer(connection)
    asked(connection)


def close(connection: socket.socket) -> None:
    """No answer at all."""
    asked(connection)


class Asker:
    """A pool, and what it said."""

    def __init__(self, target: Target) -> None:
        self.loop = Loop(time.monotonic)
        self.crew = Crew(self.loop, target, HLS)
        self.faults: Counter[str] = Counter()
        self.got: list[Fetched] = []
        self.pool = Pool(self.crew, 0.0, lambda: None, self._failed)
        self.target = target

    def _failed(self, word: str) -> None:
        self.faults[word] += 1

    def ask(self) -> None:
        self.pool.free(self.target.address).get(Request(self.target, keep=True), self.got.append)

    def until(self, check: Callable[[], object]) -> None:
        end = self.loop.clock() + DEADLINE_S
        self.loop.at(end, lambda: None)
        while not check():
            assert self.loop.now < end, "nothing happened"
            self.loop.turn()

    def rest(self) -> None:
        """Until what is closed is known to be."""
        until = self.loop.clock() + 0.2
        self.loop.at(until, lambda: None)
        self.until(lambda: self.loop.now >= until)


def test_a_connection_that_ends_while_it_is_free_is_no_fault() -> None:
    with server(answer, answer) as target:
        asker = Asker(target)
        asker.ask()
        asker.until(lambda: asker.got)
        asker.rest()
        asker.ask()
        asker.until(lambda: len(asker.got) == 2)
        asker.pool.close()
    assert [each.body for each in asker.got] == [b"hi", b"hi"]
    assert not asker.faults


def test_a_request_that_crossed_the_end_is_asked_again() -> None:
    with server(answer_then_cross, answer) as target:
        asker = Asker(target)
        asker.ask()
        asker.until(lambda: asker.got)
        asker.ask()
        asker.until(lambda: len(asker.got) == 2)
        asker.pool.close()
    assert not asker.faults


def test_a_fresh_connection_without_an_answer_is_a_fault() -> None:
    with server(close) as target:
        asker = Asker(target)
        asker.ask()
        asker.until(lambda: asker.faults)
        asker.pool.close()
    assert asker.faults == {"reset": 1}
    assert not asker.got


def test_two_requests_at_once_take_two_connections() -> None:
    def answer_and_stay(connection: socket.socket) -> None:
        answer(connection)
        held.wait(DEADLINE_S)

    held = threading.Event()
    with server(answer_and_stay, answer) as target:
        asker = Asker(target)
        asker.ask()
        asker.ask()
        asker.until(lambda: asker.got)
        held.set()
        asker.until(lambda: len(asker.got) == 2)
        assert not asker.pool.busy
        asker.pool.close()
    assert not asker.faults


def test_a_load_of_its_own_machine_calls_from_addresses_beside_it() -> None:
    class Owner:
        """Nobody."""

        def connected(self) -> None: ...
        def readable(self) -> None: ...
        def failed(self, word: str) -> None: ...

    loop = Loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(DEADLINE_S)
        wire = Wire(loop, listening.getsockname(), Owner(), Line(0, 0))
        connection, (address, _) = listening.accept()
        connection.close()
        assert address.startswith("127.0.1.")
        wire.close()
    loop.close()
