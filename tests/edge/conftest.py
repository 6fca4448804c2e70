"""A running edge over real logs: what every test of this room begins with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edge_world import Edge, Publisher, running

from tidegate.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings with a log root of this test's own; tables may be overridden."""

    root = tmp_path / "logs"
    root.mkdir()

    def make(**tables: Any) -> Settings:
        state = {"folder": tmp_path / "state"}
        defaults = {"log": {"root": root}, "state": state, "node": {"drain_s": 0}}
        return Settings.model_validate(defaults | tables)

    return make


@pytest.fixture
def edge(settings: Callable[..., Settings]) -> Iterator[Edge]:
    """An edge with settings as they come."""
    with running(settings()) as started:
        yield started


@pytest.fixture
def publisher(settings: Callable[..., Settings]) -> Iterator[Publisher]:
    """Writes the logs of channel `demo`."""
    made = Publisher(settings().log.root)
    yield made
    made.close()
