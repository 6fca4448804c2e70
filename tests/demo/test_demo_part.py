"""The demo part as a process of its own: it publishes, comes back, stops, and never hangs."""

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import av
import pytest

from tidegate.demo.picture import HEIGHT
from tidegate.demo.strip import read_strip

KEY = "a-secret-that-no-line-may-hold"
DEADLINE_S = 20.0


@contextmanager
def _part(port: int, before: str = "pass") -> Iterator[subprocess.Popen[bytes]]:
    """The part publishing to a port; closing its standard input is what tells it to stop."""
    url = f"rtmp://127.0.0.1:{port}/live/demo?key={KEY}"
    code = (
        "from tidegate.demo import part; from tidegate.settings import Settings; "
        f"{before}; part.run(Settings(), {url!r}, 0)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE_S)
        yield server


def test_tries_again_until_it_is_told_to_stop_and_tells_no_key(listener: socket.socket) -> None:
    with _part(listener.getsockname()[1]) as process:
        for _ in range(3):
            listener.accept()[0].close()
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert b"lost its server" in output
    assert KEY.encode() not in output


def test_ends_itself_when_a_server_accepts_and_says_nothing(listener: socket.socket) -> None:
    with _part(listener.getsockname()[1], before="part.HANG_S = 0.5") as process:
        assert process.wait(DEADLINE_S) == 1


@pytest.mark.real
def test_publishes_in_real_time_to_an_rtmp_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    source = f"-listen 1 -i rtmp://127.0.0.1:{port}/live/demo"
    command = f"ffmpeg -v error {source} -t 2.5 -c copy -f flv pipe:1"
    with (
        subprocess.Popen(
            command.split(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as server,
        _part(port) as process,
    ):
        flv, _ = server.communicate(timeout=DEADLINE_S)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, output
    with av.open(io.BytesIO(flv)) as file:
        kinds = {stream.type for stream in file.streams}
        times = [(i.time, read_strip(i.to_ndarray()[:HEIGHT])) for i in file.decode(video=0)]
    assert kinds == {"video", "audio"}
    assert len(times) > 30
    shift = {round(ms - at * 1000) for at, ms in times if ms is not None}
    assert max(shift) - min(shift) <= 2
