"""The demo as its users run it: it plays when it says so, and leaves nothing behind."""

import contextlib
import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.node import Program
from support.wait import until
from tidegate.cli.demo import demo_settings, plays
from tidegate.settings import Settings

MEMORY = Path("/dev/shm")


def folder_of(demo: Program) -> Path | None:
    """The demo's folder in memory, known by the lock in it; other demos may run beside this one."""
    for lock in MEMORY.glob("tidegate-demo-*/log/.node/lock"):
        with contextlib.suppress(FileNotFoundError):
            if lock.read_text().strip() == str(demo.pid):
                return lock.parents[2]
    return None


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path, "demo", "--json", "--port", "0", "--rtmp-port", "0")
    yield program
    program.close()


@pytest.mark.real
def test_the_demo_plays_when_it_says_so_and_leaves_nothing(demo: Program) -> None:
    links = json.loads(demo.ready_line())
    assert plays(links["hls"])
    with urllib.request.urlopen(links["flv"], timeout=10) as flv:
        assert flv.read(4) == b"FLV\1"
    with urllib.request.urlopen(links["watch"], timeout=10) as page:
        assert page.status == 200
    folder = folder_of(demo)
    assert folder is not None
    assert demo.stop() == 0, demo.log_text()
    assert demo.rest_of_output() == ""
    assert "Traceback" not in demo.log_text()
    assert not folder.exists()


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_leaves_nothing(demo: Program, number: int) -> None:
    folder = until(lambda: folder_of(demo), "the demo has its folder")
    assert demo.stop(number) == 0, demo.log_text()
    assert not folder.exists()


def test_the_demo_keeps_everything_in_its_own_folder(tmp_path: Path) -> None:
    settings = demo_settings(Settings(), tmp_path, port=None, rtmp_port=0)
    assert settings.log.root.is_relative_to(tmp_path)
    assert settings.state.folder.is_relative_to(tmp_path)
    assert (settings.http.port, settings.rtmp.port) == (8080, 0)
