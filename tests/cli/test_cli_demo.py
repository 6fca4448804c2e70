"""The demo as its users run it: it plays when it says so, and leaves nothing behind."""

import json
import signal
import urllib.request
from pathlib import Path

import pytest

from support.node import Program
from support.wait import until
from tidegate.cli.demo import demo_settings, plays
from tidegate.settings import Settings

MEMORY = Path("/dev/shm")
ANY_PORTS = ("--port", "0", "--rtmp-port", "0")


def folders() -> set[Path]:
    return set(MEMORY.glob("tidegate-demo-*"))


@pytest.mark.real
def test_the_demo_plays_when_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    before = folders()
    demo = Program(tmp_path, "demo", "--json", *ANY_PORTS)
    try:
        links = json.loads(demo.ready_line())
        assert plays(links["hls"])
        with urllib.request.urlopen(links["flv"], timeout=10) as flv:
            assert flv.read(4) == b"FLV\1"
        with urllib.request.urlopen(links["watch"], timeout=10) as page:
            assert page.status == 200
        assert len(folders() - before) == 1
        assert demo.stop() == 0
        assert demo.rest_of_output() == ""
        assert folders() - before == set()
    finally:
        demo.close()


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_leaves_nothing(tmp_path: Path, number: int) -> None:
    before = folders()
    demo = Program(tmp_path, "demo", "--json", *ANY_PORTS)
    try:
        until(lambda: folders() - before, "the demo has its folder")
        assert demo.stop(number) == 0
        assert folders() - before == set()
    finally:
        demo.close()


def test_the_demo_keeps_everything_in_its_own_folder(tmp_path: Path) -> None:
    settings = demo_settings(Settings(), tmp_path, port=None, rtmp_port=0)
    assert settings.log.root.is_relative_to(tmp_path)
    assert settings.state.folder.is_relative_to(tmp_path)
    assert (settings.http.port, settings.rtmp.port) == (8080, 0)
