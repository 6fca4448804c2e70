"""Fixtures of the browser tests: one Chromium and, for most, one demo node."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from viewer import WIDE, OpenViewer, Viewer, chromium

from support.node import Program


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def viewer(browser: Browser) -> Iterator[OpenViewer]:
    """Opens viewers, `viewer()` or `viewer(NARROW)`, and closes them at the end."""
    opened: list[Viewer] = []

    def open_one(size: tuple[int, int] = WIDE) -> Viewer:
        opened.append(Viewer(browser, size))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of a demo channel that is left alone: watch, hls, flv, rtmp."""
    yield from _playing(_demo(tmp_path_factory.mktemp("demo")))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Program]:
    """A demo of the test's own, to do harm to; its first line of output is not read yet."""
    program = _demo(tmp_path)
    yield program
    program.close()


def _demo(folder: Path) -> Program:
    return Program(folder, "demo", "--json", "--port", "0", "--rtmp-port", "0")


def _playing(program: Program) -> Iterator[dict[str, str]]:
    try:
        yield json.loads(program.ready_line())
        assert program.stop() == 0, program.log_text()
    finally:
        program.close()
